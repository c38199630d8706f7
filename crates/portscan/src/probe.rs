//! One connect to be made, and the way from a number to its host and port.

use crate::findings::State;
use crate::window::Time;

/// One connect to be made.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Probe {
    /// The host's number.
    pub host: u32,
    /// The port.
    pub port: u16,
    /// How many tries went before.
    pub tries_before: u8,
    /// The state of a port that has answered before, when it is asked only to see whether answers
    /// are lost.
    pub control: Option<State>,
    /// When the scheduler handed it out.
    pub sent: Time,
    /// When the scheduler handed out the try before, in milliseconds.
    pub(crate) previous: u32,
}

impl Probe {
    /// Asks a port that has answered before.
    pub(crate) fn control_of(host: u32, port: u16, was: State, now: Time) -> Self {
        Probe {
            host,
            port,
            tries_before: 0,
            control: Some(was),
            sent: now,
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
