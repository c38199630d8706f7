//! Whether a program asks the system for an IPv4 TCP socket: what socket_1 and socket_2 are about.

use crate::harness::Harness;
use crate::misconceptions as m;
use crate::process::Ended;
use crate::seccomp::{self, Kind, Refusal};
use crate::verdict::{Step, undecided, wrong};

/// The program asks for an IPv4 TCP socket. A system that ends it for that call shows it, whatever
/// the program makes of errors.
pub fn asks(harness: &mut Harness<'_>) -> Step {
    if !seccomp::can() {
        harness.note("this system does not tell which sockets a program asks for");
        return Ok(());
    }
    if ended_for(harness, Kind::Tcp4)? {
        return Ok(());
    }
    if !ended_for(harness, Kind::Internet)? {
        return Err(wrong(
            &m::SOCKET_NONE,
            "The program ran to its end, and the system was never asked for an IPv4 or IPv6 socket.",
        ));
    }
    let other = if ended_for(harness, Kind::Udp4)? {
        "an IPv4 socket for datagrams (AF_INET, SOCK_DGRAM): UDP"
    } else if ended_for(harness, Kind::Six)? {
        "an IPv6 socket (AF_INET6)"
    } else {
        "an IPv4 socket of another type"
    };
    Err(wrong(
        &m::SOCKET_KIND,
        format!("The program asked for {other}, and not for an IPv4 one for a stream."),
    ))
}

/// Whether the program ends for asking for a socket of this kind.
fn ended_for(harness: &mut Harness<'_>, kind: Kind) -> Step<bool> {
    let what = match kind {
        Kind::Tcp4 => "an IPv4 TCP socket",
        Kind::Udp4 => "an IPv4 UDP socket",
        Kind::Six => "an IPv6 socket",
        Kind::Internet => "an IPv4 or IPv6 socket",
    };
    harness
        .log
        .did("system", format!("ends any program that asks for {what}"));
    let ended = run(harness, Refusal::Ends(kind))?;
    // A shell that is around the program gives its signal as an exit code.
    let asked =
        ended == Ended::Signal(seccomp::SIGSYS) || ended == Ended::Code(128 + seccomp::SIGSYS);
    let words = if asked {
        "was asked for one"
    } else {
        "was not asked for one"
    };
    harness.log.did("system", words);
    Ok(asked)
}

/// Runs the program to its end where the system refuses.
pub fn run(harness: &mut Harness<'_>, refusal: Refusal) -> Step<Ended> {
    let ended = seccomp::under(refusal, || {
        harness.start("")?;
        let ended = harness.ends("although it has nothing to wait for");
        harness.program()?.stop();
        ended
    });
    ended.map_err(|error| undecided("the system takes no filter of system calls", &error))?
}
