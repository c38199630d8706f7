//! Distributed System Design, exercise 4: the sum of the numbers in one recv.

use super::{Case, Exercise, Host, Kind, Role, common};
use crate::misconceptions::{self as m};
use crate::peers::tcp::{Connection, HeardEnd};
use crate::ports::Protocol;
use crate::stage::Stage;
use crate::verdict::Step;

pub static EXERCISE: Exercise = Exercise {
    name: "dsd-sum",
    roles: &[
        Role {
            kind: Kind::Server,
            package: "dsd-sum-server",
            arguments: "--host {host} --port {port}",
            host: Host::Loopback,
            port: 65432,
            protocol: Protocol::Tcp,
            cases: SERVER,
            remark: "",
        },
        Role {
            kind: Kind::Client,
            package: "dsd-sum-client",
            arguments: "--host {host} --port {port} {message}",
            host: Host::Loopback,
            port: 65432,
            protocol: Protocol::Tcp,
            cases: CLIENT,
            remark: "",
        },
    ],
};

static SERVER: &[Case] = &[
    Case {
        id: "whole",
        name: "adds the numbers of a request",
        rests_on: &[],
        play: |stage| {
            let mut client = stage.serve()?;
            hello(stage, &mut client)
        },
    },
    Case {
        id: "several",
        name: "answers several requests on one connection, each by itself",
        rests_on: &["whole"],
        play: |stage| {
            let mut client = stage.serve()?;
            for (request, sum) in [("1 2", "3"), ("10 20 30", "60"), ("7", "7")] {
                ask(stage, &mut client, request, sum, &m::READS_ONCE)?;
            }
            Ok(())
        },
    },
    Case {
        id: "integers",
        name: "adds negative numbers, and more white space than one blank",
        rests_on: &["several"],
        play: |stage| {
            let mut client = stage.serve()?;
            for (request, sum) in [("-1 -2 10", "7"), ("  1\t2\r\n3 ", "6"), ("5 -5", "0")] {
                ask(stage, &mut client, request, sum, &m::WRONG_SUM)?;
            }
            Ok(())
        },
    },
    Case {
        id: "large-numbers",
        name: "adds numbers of more than 64 bits exactly",
        rests_on: &["several"],
        play: |stage| {
            let mut client = stage.serve()?;
            ask(
                stage,
                &mut client,
                "99999999999999999999 1",
                "100000000000000000000",
                &m::WRONG_SUM,
            )
        },
    },
    Case {
        id: "not-a-number",
        name: "survives a word that is no number",
        rests_on: &["several"],
        play: |stage| {
            let mut client = stage.serve()?;
            let taken = client.send(b"1 two 3");
            stage.must_take(taken, &m::DIES_ON_BYTES)?;
            let heard = client.hear_some();
            if heard.end != HeardEnd::Complete {
                stage.note("a word that is no number gets no answer; the sheet leaves open which it should get");
            }
            client.close();
            common::still_serves(stage, &m::DIES_ON_BYTES, hello)
        },
    },
    Case {
        id: "goes-on",
        name: "serves the next client after one has left",
        rests_on: &["whole"],
        play: |stage| {
            let mut first = stage.serve()?;
            hello(stage, &mut first)?;
            first.close();
            common::still_serves(stage, &m::ENDS_AFTER_FIRST, hello)
        },
    },
    Case {
        id: "reset",
        name: "goes on when a client breaks its connection off",
        rests_on: &["goes-on"],
        play: |stage| {
            let mut client = stage.serve()?;
            client.send_apart(&[b"half a mess"]);
            client.reset();
            common::still_serves(stage, &m::DIES_ON_RESET, hello)
        },
    },
    Case {
        id: "connect-and-leave",
        name: "goes on when clients connect and say nothing",
        rests_on: &["goes-on"],
        play: |stage| {
            stage.serve()?.close();
            stage.connect()?.reset();
            stage.connect()?.close();
            common::still_serves(stage, &m::DIES_ON_RESET, hello)
        },
    },
    Case {
        id: "many",
        name: "serves 200 clients one after another, and closes each one's socket",
        rests_on: &["goes-on"],
        play: |stage| common::many(stage, 200, hello),
    },
    Case {
        id: "at-rest",
        name: "rests while nobody says anything, also after clients have left",
        rests_on: &["goes-on"],
        play: |stage| {
            let mut leaves = stage.serve()?;
            hello(stage, &mut leaves)?;
            leaves.close();
            stage.connect()?.close();
            common::at_rest(stage)
        },
    },
    Case {
        id: "restart",
        name: "can be killed and started again on its port at once",
        rests_on: &["whole"],
        play: |stage| common::restart(stage, hello),
    },
];

static CLIENT: &[Case] = &[
    Case {
        id: "sends",
        name: "connects and sends its numbers",
        rests_on: &[],
        play: |stage| met(stage).map(|_| ()),
    },
    Case {
        id: "prints",
        name: "prints the sum and ends",
        rests_on: &["sends"],
        play: |stage| {
            let (mut server, _) = met(stage)?;
            server.send_apart(&[b"4711"]);
            common::must_print(stage, b"4711", &[], &m::NOT_PRINTED)?;
            server.finish_sending();
            common::ends_well(stage, "after the sum had come")
        },
    },
    Case {
        id: "server-leaves",
        name: "ends when the server leaves without an answer",
        rests_on: &["sends"],
        play: |stage| {
            let (server, _) = met(stage)?;
            server.close();
            common::ends_with_failure(stage, "after the server had left without an answer")
        },
    },
    Case {
        id: "server-resets",
        name: "ends when the server breaks the connection off",
        rests_on: &["sends"],
        play: |stage| {
            let (server, _) = met(stage)?;
            server.reset();
            common::ends_with_failure(stage, "after the server had broken the connection off")
        },
    },
    Case {
        id: "no-server",
        name: "fails with an exit code other than 0 when nobody listens",
        rests_on: &["sends"],
        play: |stage| common::nobody_listens(stage, MESSAGE),
    },
];

const MESSAGE: &str = "1 2 3";

fn ask(
    stage: &mut Stage<'_>,
    client: &mut Connection,
    request: &str,
    sum: &str,
    suspect: &'static m::Misconception,
) -> Step {
    common::exchange(
        stage,
        client,
        &[request.as_bytes()],
        sum.as_bytes(),
        suspect,
    )
}

fn hello(stage: &mut Stage<'_>, client: &mut Connection) -> Step {
    ask(stage, client, "1 2 3 4 5", "15", &m::NO_ANSWER)
}

/// Meets the client under test and hears its first message.
fn met(stage: &mut Stage<'_>) -> Step<(Connection, Vec<u8>)> {
    common::meet(stage, MESSAGE)
}
