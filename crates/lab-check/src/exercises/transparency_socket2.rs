//! Distribution transparency: socket_2, which creates a socket and catches the failure.

use lab_judge::cases::socket_syscalls;
use lab_judge::exercise::{Case, Exercise, Host, Kind, Role};
use lab_judge::harness::Harness;
use lab_judge::misconceptions as m;
use lab_judge::ports::Protocol;
use lab_judge::process::{Ended, contains};
use lab_judge::seccomp::{self, Refusal};
use lab_judge::verdict::{Step, differs, wrong};

#[path = "sheets/transparency_socket2.rs"]
mod sheet;

pub static EXERCISE: Exercise = Exercise {
    name: "transparency-socket2",
    roles: &[Role {
        kind: Kind::Program,
        package: "transparency-socket2",
        arguments: "",
        message: "",
        host: Host::Loopback,
        port: 0,
        protocol: Protocol::Tcp,
        cases: PROGRAM,
        sheet: sheet::PROGRAM,
        remark: "",
    }],
};

const CREATED: &[u8] = b"Socket Created";

static PROGRAM: &[Case] = &[
    Case {
        id: "created",
        name: "says Socket Created, and ends with exit code 0",
        depends_on: &[],
        play: |harness| {
            harness.start("")?;
            let ended = harness.ends("although it has nothing to wait for")?;
            let printed = harness.program()?.stdout().head;
            if ended != Ended::Code(0) {
                return Err(wrong(
                    &m::ENDS_WITH_FAILURE,
                    format!("Nothing is in its way, but the program {ended}."),
                ));
            }
            if printed.trim_ascii().is_empty() {
                return Err(differs(
                    &m::SOCKET_NOT_SAID,
                    "The program does not say that it has a socket.",
                    CREATED,
                    &printed,
                ));
            }
            if !contains(&printed.to_ascii_lowercase(), b"socket created") {
                harness.note("the program says in its own words that it has a socket; the sheet's are: Socket Created");
            }
            Ok(())
        },
    },
    Case {
        id: "asks",
        name: "asks the system for an IPv4 TCP socket",
        depends_on: &["created"],
        play: socket_syscalls::asks,
    },
    Case {
        id: "refused",
        name: "catches the failure when the system has no socket to give",
        depends_on: &["asks"],
        play: |harness| {
            // What it says when it has a socket, in its own words.
            harness.start("")?;
            harness.ends("although it has nothing to wait for")?;
            let created = harness.program()?.stdout().head;
            let Some((ended, printed)) = refused(harness, 24, "too many open files")? else {
                return Ok(());
            };
            if says_all(&printed, &created) {
                return Err(wrong(
                    &m::SOCKET_SAID_ANYWAY,
                    format!(
                        "The program got no socket, but says: {}",
                        String::from_utf8_lossy(&created).trim()
                    ),
                ));
            }
            let errors = harness.program()?.stderr().kept();
            let uncaught = [
                "Traceback (most recent call last)",
                "panicked at",
                "Uncaught",
            ]
            .iter()
            .any(|sign| contains(&errors, sign.as_bytes()));
            if uncaught || matches!(ended, Ended::Signal(_)) {
                return Err(wrong(
                    &m::SOCKET_NOT_CAUGHT,
                    format!("The program {ended}: nothing in it has caught the failure."),
                ));
            }
            if ended == Ended::Code(0) {
                harness.note("the failure is told, but with exit code 0, as on the sheet: a script takes that for success");
            }
            Ok(())
        },
    },
    Case {
        id: "reason",
        name: "says why, with the system's own number or words",
        depends_on: &["refused"],
        play: |harness| {
            for (code, words) in [(24, "Too many open files"), (13, "Permission denied")] {
                let Some((_, printed)) = refused(harness, code, words)? else {
                    return Ok(());
                };
                // perror writes the words to stderr, and no number.
                let errors = harness.program()?.stderr().head;
                let all = [printed, errors].concat();
                let number = code.to_string();
                let says = has_number(&all, &number)
                    || contains(
                        &all.to_ascii_lowercase(),
                        words.to_ascii_lowercase().as_bytes(),
                    );
                if !says {
                    return Err(differs(
                        &m::SOCKET_NO_REASON,
                        format!(
                            "The system's error was {code}, {words}, and the program does not say so."
                        ),
                        format!(
                            "Failed to create socket. Error code: {code} , Error message : {words}"
                        )
                        .as_bytes(),
                        all.trim_ascii_end(),
                    ));
                }
            }
            Ok(())
        },
    },
];

/// Runs the program where the system has no socket to give; `None` where the system cannot refuse.
fn refused(harness: &mut Harness<'_>, code: i32, words: &str) -> Step<Option<(Ended, Vec<u8>)>> {
    if !seccomp::can() {
        harness.note("this system refuses no socket, so that was not tried");
        return Ok(None);
    }
    harness.log.did(
        "system",
        format!("has no socket to give: error {code}, {words}"),
    );
    let ended = socket_syscalls::run(harness, Refusal::Fails(seccomp::Kind::Tcp4, code))?;
    Ok(Some((ended, harness.program()?.stdout().head)))
}

/// Whether all lines of one text stand in another.
fn says_all(text: &[u8], lines: &[u8]) -> bool {
    let text: Vec<&[u8]> = text.split(|byte| *byte == b'\n').collect();
    lines
        .split(|byte| *byte == b'\n')
        .all(|line| text.contains(&line))
}

/// Whether a number is in a text by itself.
fn has_number(text: &[u8], number: &str) -> bool {
    text.split(|byte| !byte.is_ascii_digit())
        .any(|digits| digits == number.as_bytes())
}
