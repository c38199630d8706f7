//! One connect to be made, and the way from a number to its host and port.

use std::time::Duration;

use crate::findings::State;
use crate::window::Time;

/// The system sends a SYN again after each second; a probe ends so long before that.
pub(crate) const SYN_MARGIN: Duration = Duration::from_millis(100);

/// One connect to be made.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Probe {
    /// The host's number.
    pub host: u32,
    /// The port.
    pub port: u16,
    /// How many tries went before.
    pub tries_before: u8,
    /// How many SYNs it may send: the system repeats the SYN of a connect each second, so a wait
    /// longer than that is more than one try.
    pub syns: u8,
    /// The state of a port that has answered before, when it is asked only to see whether answers
    /// are lost.
    pub control: Option<State>,
    /// When the scheduler handed it out.
    pub sent: Time,
    /// Whether it waits for an answer from farther away than those that have come.
    pub patient: bool,
    /// Part of the second look at silent ports.
    pub(crate) look: bool,
    /// A control probe that shows, while others wait, whether the network is there.
    pub(crate) beat: bool,
    /// Shows whether this machine has a way to the host again.
    pub(crate) pilot: bool,
    /// How often this machine could not send to the port, see [`crate::schedule`]'s queue.
    pub(crate) strikes: u8,
    /// When the scheduler handed out the try before, in milliseconds.
    pub(crate) previous: u32,
}

impl Probe {
    /// When it has to be over, so that the system does not send another SYN for it.
    pub fn last_moment(&self) -> Time {
        self.sent + Duration::from_secs(self.syns.into()) - SYN_MARGIN
    }

    /// Whether [`Scheduler::sent`](crate::schedule::Scheduler::sent) wants to know about it.
    pub fn is_pilot(&self) -> bool {
        self.pilot
    }

    /// Asks a port that has answered before.
    pub(crate) fn control_of(host: u32, port: u16, was: State, now: Time) -> Self {
        Probe {
            host,
            port,
            tries_before: 0,
            syns: 1,
            control: Some(was),
            sent: now,
            patient: false,
            look: false,
            beat: false,
            pilot: false,
            strikes: 0,
            previous: 0,
        }
    }
}

/// The host and the port behind a number below hosts × ports.
pub(crate) fn host_and_port(number: u64, ports: &[u16]) -> (u32, u16) {
    let count = ports.len() as u64;
    let host = u32::try_from(number / count).expect("at most 2^20 hosts");
    let port = usize::try_from(number % count).expect("at most 65,535 ports");
    (host, ports[port])
}
