//! Distribution transparency: socket_1, which creates a socket.

use lab_judge::cases::socket_syscalls;
use lab_judge::exercise::{Case, Exercise, Host, Kind, Role};
use lab_judge::misconceptions as m;
use lab_judge::ports::Protocol;
use lab_judge::process::Ended;
use lab_judge::seccomp::{self, Refusal};
use lab_judge::verdict::wrong;

#[path = "sheets/transparency_socket1.rs"]
mod sheet;

pub static EXERCISE: Exercise = Exercise {
    name: "transparency-socket1",
    roles: &[Role {
        kind: Kind::Program,
        package: "transparency-socket1",
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

/// EMFILE, "Too many open files", as every Unix numbers it.
const EMFILE: i32 = 24;

static PROGRAM: &[Case] = &[
    Case {
        id: "ends",
        name: "runs to its end, with exit code 0",
        depends_on: &[],
        play: |harness| {
            harness.start("")?;
            let ended = harness.ends("although it has nothing to wait for")?;
            if harness.program()?.stdout().total > 0 {
                harness.note("the program prints something; the sheet's prints nothing");
            }
            match ended {
                Ended::Code(0) => Ok(()),
                ended => Err(wrong(
                    &m::ENDS_WITH_FAILURE,
                    format!("Nothing is in its way, but the program {ended}."),
                )),
            }
        },
    },
    Case {
        id: "asks",
        name: "asks the system for an IPv4 TCP socket",
        depends_on: &["ends"],
        play: socket_syscalls::asks,
    },
    Case {
        id: "refused",
        name: "fails with an exit code other than 0 when the system has no socket to give",
        depends_on: &["asks"],
        play: |harness| {
            if !seccomp::can() {
                harness.note("this system refuses no socket, so that was not tried");
                return Ok(());
            }
            harness.log.did(
                "system",
                "has no socket to give: error 24, too many open files",
            );
            match socket_syscalls::run(harness, Refusal::Fails(seccomp::Kind::Tcp4, EMFILE))? {
                Ended::Code(0) => Err(wrong(
                    &m::SILENT_FAILURE,
                    "The program got no socket, but ended with exit code 0.",
                )),
                _ => Ok(()),
            }
        },
    },
];
