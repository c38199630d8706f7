//! Distributed System Design, exercises 1 to 3: every recv is answered with a sentence.

use super::{Case, Exercise, Host, Kind, Role, common};
use crate::misconceptions::{self as m};
use crate::peers::tcp::Connection;
use crate::ports::Protocol;
use crate::stage::Stage;
use crate::verdict::Step;

pub static EXERCISE: Exercise = Exercise {
    name: "dsd-hello",
    roles: &[
        Role {
            kind: Kind::Server,
            package: "dsd-hello-server",
            arguments: "--host {host} --port {port}",
            host: Host::Loopback,
            port: 65432,
            protocol: Protocol::Tcp,
            cases: SERVER,
            remark: "",
        },
        Role {
            kind: Kind::Client,
            package: "dsd-hello-client",
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
        name: "answers a message",
        rests_on: &[],
        play: |stage| {
            let mut client = stage.serve()?;
            hello(stage, &mut client)
        },
    },
    Case {
        id: "several",
        name: "answers several messages, one after the other",
        rests_on: &["whole"],
        play: |stage| {
            let mut client = stage.serve()?;
            for text in ["Hello world", "one more", "and another"] {
                ask(stage, &mut client, text, &m::READS_ONCE)?;
            }
            Ok(())
        },
    },
    Case {
        id: "same-text",
        name: "gives the text back as it is, with its white space and quotes",
        rests_on: &["several"],
        play: |stage| {
            let mut client = stage.serve()?;
            for text in ["  blanks ", "a \"quoted\" word", "é日𝄞", "two\r\nlines\n"] {
                ask(stage, &mut client, text, &m::CHANGES_TEXT)?;
            }
            Ok(())
        },
    },
    Case {
        id: "half-close",
        name: "still answers a client that has ended its own direction, then closes",
        rests_on: &["several"],
        play: |stage| {
            let mut client = stage.serve()?;
            let taken = client.send(b"last words");
            stage.must_take(taken, &m::NO_ANSWER)?;
            client.finish_sending();
            let expected = answer("last words");
            let heard = client.hear(&expected);
            common::expected_was(stage, &client, &heard, &expected, &m::CLOSES_EARLY)?;
            let end = client.hear_end(64);
            common::must_close(stage, &end)
        },
    },
    Case {
        id: "ends",
        name: "ends with its first client, or goes on with the next (exercise 3)",
        rests_on: &["half-close"],
        play: |stage| {
            let mut client = stage.serve()?;
            hello(stage, &mut client)?;
            client.finish_sending();
            client.hear_end(64);
            client.close();
            common::ends_or_goes_on(stage)
        },
    },
    Case {
        id: "reset",
        name: "does not hang or spin when its client breaks the connection off",
        rests_on: &["whole"],
        play: |stage| {
            let mut client = stage.serve()?;
            hello(stage, &mut client)?;
            client.reset();
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
        name: "connects and sends its message",
        rests_on: &[],
        play: |stage| met(stage).map(|_| ()),
    },
    Case {
        id: "prints",
        name: "prints the answer and ends",
        rests_on: &["sends"],
        play: |stage| {
            let (mut server, message) = met(stage)?;
            let text = answer(&String::from_utf8_lossy(&message));
            server.send_apart(&[text.as_slice()]);
            common::must_print(stage, text.as_slice(), &[], &m::NOT_PRINTED)?;
            server.finish_sending();
            common::ends_well(stage, "after its answer had come")
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

const MESSAGE: &str = "Hello world";

fn answer(text: &str) -> Vec<u8> {
    format!("I got \"{text}\" from you and I am sending it back.").into_bytes()
}

fn ask(
    stage: &mut Stage<'_>,
    client: &mut Connection,
    text: &str,
    suspect: &'static m::Misconception,
) -> Step {
    common::exchange(stage, client, &[text.as_bytes()], &answer(text), suspect)
}

fn hello(stage: &mut Stage<'_>, client: &mut Connection) -> Step {
    ask(stage, client, "Hello world", &m::NO_ANSWER)
}

/// Meets the client under test and hears its first message.
fn met(stage: &mut Stage<'_>) -> Step<(Connection, Vec<u8>)> {
    common::meet(stage, MESSAGE)
}
