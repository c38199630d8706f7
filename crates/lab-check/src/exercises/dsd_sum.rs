//! Distributed System Design, exercise 4: the sum of the numbers in one recv.

use lab_judge::cases::tcp_client::{self, Client};
use lab_judge::cases::tcp_server::{self, Server};
use lab_judge::exercise::{Case, Exercise, Host, Kind, Role};
use lab_judge::harness::Harness;
use lab_judge::misconceptions as m;
use lab_judge::peers::tcp::{Connection, ReadEnd};
use lab_judge::ports::Protocol;
use lab_judge::steps;
use lab_judge::verdict::{Step, Stop, differs, wrong};

#[path = "sheets/dsd_sum.rs"]
mod sheet;

pub static EXERCISE: Exercise = Exercise {
    name: "dsd-sum",
    roles: &[
        Role {
            kind: Kind::Server,
            package: "dsd-sum-server",
            arguments: "--host {host} --port {port}",
            message: "",
            host: Host::Loopback,
            port: 65432,
            protocol: Protocol::Tcp,
            cases: SERVER,
            sheet: sheet::SERVER,
            remark: "",
        },
        Role {
            kind: Kind::Client,
            package: "dsd-sum-client",
            arguments: "--host {host} --port {port} {message}",
            message: "1 2 3",
            host: Host::Loopback,
            port: 65432,
            protocol: Protocol::Tcp,
            cases: CLIENT,
            sheet: sheet::CLIENT,
            remark: "",
        },
    ],
};

/// The numbers of one recv are added.
struct Sum;

impl Server for Sum {
    const DEPENDS_ON: &'static [&'static str] = &["goes-on", "two-at-once"];
    const CLOSES: &'static [&'static str] = &["goes-on", "half-close"];

    fn serves(harness: &mut Harness<'_>, client: &mut Connection) -> Step {
        ask(harness, client, "1 2 3 4 5", "15", &m::NO_ANSWER)
    }
}

static SERVER: &[Case] = &[
    Case {
        id: "whole",
        name: "adds the numbers of a request",
        depends_on: &[],
        play: |harness| {
            let mut client = harness.serve()?;
            let first = steps::exchange_exactly(harness, &mut client, b"1 2 3 4 5", b"15");
            explained(harness, client, first)
        },
    },
    Case {
        id: "several",
        name: "answers several requests on one connection, each by itself",
        depends_on: &["whole"],
        play: |harness| {
            let mut client = harness.serve()?;
            let mut all = 0;
            for (request, sum) in [("1 2", 3), ("10 20 30", 60), ("7", 7)] {
                all += sum;
                let sum = sum.to_string();
                let answered = ask(harness, &mut client, request, &sum, &m::READS_ONCE);
                if let Err(Stop::Wrong(failure)) = &answered
                    && let Some(diff) = &failure.diff
                    && diff.received.trim_ascii() == all.to_string().as_bytes()
                {
                    return Err(differs(
                        &m::SUM_KEEPS,
                        format!("{all} is the sum of this request and of those before it."),
                        sum.as_bytes(),
                        &diff.received,
                    ));
                }
                answered?;
            }
            Ok(())
        },
    },
    Case {
        id: "integers",
        name: "adds negative numbers, and more white space than one blank",
        depends_on: &["several"],
        play: |harness| {
            let mut client = harness.serve()?;
            for (request, sum) in [("-1 -2 10", "7"), ("  1\t2\r\n3 ", "6"), ("5 -5", "0")] {
                ask(harness, &mut client, request, sum, &m::WRONG_SUM)?;
            }
            Ok(())
        },
    },
    Case {
        id: "large-numbers",
        name: "adds numbers of more than 64 bits exactly",
        depends_on: &["several"],
        play: |harness| {
            let mut client = harness.serve()?;
            ask(
                harness,
                &mut client,
                "99999999999999999999 12345",
                "100000000000000012344",
                &m::WRONG_SUM,
            )
        },
    },
    tcp_server::goes_on::<Sum>(),
    Case {
        id: "exact-buffer",
        name: "answers a request that fills its buffer of 1,024 bytes exactly",
        depends_on: &["goes-on"],
        play: |harness| {
            let mut client = harness.serve()?;
            let request = "1 ".repeat(512);
            let taken = client.send(request.as_bytes());
            harness.must_take(taken, &m::FULL_BUFFER)?;
            let received = client.read_some();
            if received.bytes.is_empty() {
                let ending = harness.ending(received.end);
                return Err(wrong(
                    &m::FULL_BUFFER,
                    format!("A request of 1,024 bytes got no answer, {ending}."),
                ));
            }
            if received.bytes != b"512" {
                harness.note("a request of 1,024 bytes is not added up; it may be cut short there, so the sheet leaves open what it gets");
            }
            client.close();
            steps::still_serves(harness, &m::FULL_BUFFER, Sum::serves)
        },
    },
    Case {
        id: "not-a-number",
        name: "survives a word that is not a number",
        depends_on: &["goes-on"],
        play: |harness| {
            let mut client = harness.serve()?;
            let taken = client.send(b"1 two 3");
            harness.must_take(taken, &m::DIES_ON_BYTES)?;
            let received = client.read_some();
            if received.end != ReadEnd::Complete {
                harness.note("a word that is not a number gets no answer; the sheet leaves open which it should get");
            }
            client.close();
            steps::still_serves(harness, &m::DIES_ON_WORD, Sum::serves)
        },
    },
    Case {
        id: "decimals",
        name: "adds decimals exactly, where it adds them at all",
        depends_on: &["goes-on"],
        play: |harness| {
            let mut client = harness.serve()?;
            client.send(b"0.1 0.2");
            let received = client.read_until_idle(1024);
            let answer = String::from_utf8_lossy(&received).trim().to_string();
            // 0.30 and .3 are as exact.
            let exact = answer.trim_end_matches('0').trim_start_matches('0') == ".3";
            match answer.parse::<f64>() {
                Ok(_) if exact => Ok(()),
                Ok(near) if (near - 0.3).abs() < 0.01 => Err(differs(
                    &m::SUM_ROUNDS,
                    "The sum of 0.1 and 0.2 is not 0.3.",
                    b"0.3",
                    &received,
                )),
                // An error, or the sum of the words that are whole numbers: 0.
                _ => {
                    harness.note("0.1 and 0.2 are not added; the sheet speaks of numbers and leaves open which");
                    Ok(())
                }
            }
        },
    },
    Case {
        id: "bytes",
        name: "survives bytes that are not text",
        depends_on: &["goes-on"],
        play: |harness| {
            let mut client = harness.serve()?;
            let taken = client.send(b"1 \xff\xfe\x00 3");
            harness.must_take(taken, &m::DIES_ON_BYTES)?;
            client.read_some();
            client.close();
            steps::still_serves(harness, &m::DIES_ON_BYTES, Sum::serves)
        },
    },
    Case {
        id: "half-close",
        name: "still answers a client that has ended its own direction, then closes",
        depends_on: &["several"],
        play: |harness| steps::last_words(harness, b"20 22", b"42"),
    },
    tcp_server::two_at_once::<Sum>(),
    tcp_server::reset::<Sum>(),
    tcp_server::connect_and_leave::<Sum>(),
    tcp_server::many::<Sum>(),
    tcp_server::at_rest::<Sum>(),
    tcp_server::restart::<Sum>(),
];

/// The client sends its numbers and shows the sum.
struct Asks;

impl Client for Asks {}

static CLIENT: &[Case] = &[
    Case {
        id: "sends",
        name: "connects and sends its numbers, with white space between them",
        depends_on: &[],
        play: |harness| {
            let (_, request) = steps::meet(harness, "")?;
            let text = String::from_utf8_lossy(&request);
            let is_number = |word: &str| {
                word.bytes().any(|byte| byte.is_ascii_digit()) && word.parse::<f64>().is_ok()
            };
            match text.split_whitespace().find(|word| !is_number(word)) {
                None => Ok(()),
                Some(word) => Err(wrong(
                    &m::NOT_NUMBERS,
                    format!("The request has the word {word:?}, which is not a number."),
                )),
            }
        },
    },
    Case {
        id: "prints",
        name: "prints the sum and ends, while the server keeps the connection open",
        depends_on: &["sends"],
        play: |harness| {
            let mut server = Asks::meets(harness)?;
            server.send_apart(&[b"4711"]);
            steps::must_print_now(harness, &mut server, b"4711", &m::NOT_PRINTED)?;
            server.finish_sending();
            steps::ends_well(harness, "after the sum had come")?;
            steps::must_print_what_came(harness, b"4711")
        },
    },
    Case {
        id: "long-sum",
        name: "prints a sum of 300 digits as it came",
        depends_on: &["prints"],
        play: |harness| {
            let mut server = Asks::meets(harness)?;
            let sum = "1234567890".repeat(30);
            server.send_apart(&[sum.as_bytes()]);
            steps::must_print_now(harness, &mut server, sum.as_bytes(), &m::FIXED_LIMIT)?;
            server.finish_sending();
            steps::ends_well(harness, "after the sum had come")
        },
    },
    tcp_client::server_leaves::<Asks>(),
    tcp_client::server_resets::<Asks>(&["sends"]),
    tcp_client::no_server(&["sends"]),
];

/// Looks for a better reason why the first sum is not the one expected.
fn explained(harness: &mut Harness<'_>, client: Connection, sum: Step) -> Step {
    let Err(Stop::Wrong(mut failure)) = sum else {
        return sum;
    };
    client.close();
    let got = failure
        .diff
        .as_ref()
        .map(|diff| String::from_utf8_lossy(&diff.received).into_owned())
        .unwrap_or_default();
    if got.trim() != "15" && got.trim().parse::<f64>() == Ok(15.0) {
        failure.misconception = &m::SUM_AS_FLOAT;
    } else if failure.misconception.id == m::WRONG_ANSWER.id && needs_a_full_buffer(harness)? {
        failure.misconception = &m::WHOLE_BUFFER;
        failure
            .summary
            .push_str(" A request that fills the whole buffer is added up rightly.");
    }
    Err(Stop::Wrong(failure))
}

/// Whether a request is answered rightly when it is as
/// long as a buffer, whose rest then holds nothing else.
fn needs_a_full_buffer(harness: &mut Harness<'_>) -> Step<bool> {
    if harness.program()?.ended().is_some() {
        return Ok(false);
    }
    for size in [1024, 2048, 4096, 512] {
        // A server that does not come back is no reason to doubt the first answer.
        let Ok(mut client) = harness.connect() else {
            return Ok(false);
        };
        client.send("1 ".repeat(size / 2).as_bytes());
        let received = client.read((size / 2).to_string().as_bytes());
        client.close();
        match received.end {
            ReadEnd::Complete => return Ok(true),
            ReadEnd::Silence => return Ok(false),
            _ => {}
        }
    }
    Ok(false)
}

fn ask(
    harness: &mut Harness<'_>,
    client: &mut Connection,
    request: &str,
    sum: &str,
    suspect: &'static m::Misconception,
) -> Step {
    steps::exchange(
        harness,
        client,
        &[request.as_bytes()],
        sum.as_bytes(),
        suspect,
    )
}
