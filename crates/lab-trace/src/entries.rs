//! What all that writes a journal shares: the time of an entry, how many there may be, addresses,
//! how the programs ended.

use std::net::SocketAddr;
use std::time::SystemTime;

use lab_journal::Exit;

/// A longer run is cut here: the journal says how many entries are missing.
pub const MOST_ENTRIES: usize = 100_000;

/// How the programs ended.
#[derive(Debug, Default)]
pub struct Ends {
    /// The first process of the server.
    pub server: Option<Exit>,
    /// The first process of the client; of several clients the first that failed.
    pub client: Option<Exit>,
    /// The signal that interrupted the run.
    pub signal: Option<i32>,
}

/// Microseconds since then. A clock that was set back shows no time rather than a wrong one.
pub fn since(began: SystemTime) -> u64 {
    let passed = began.elapsed().unwrap_or_default();
    u64::try_from(passed.as_micros()).unwrap_or(u64::MAX)
}

/// IPv4 in the clothes of IPv6 is IPv4.
pub fn canonical(address: SocketAddr) -> SocketAddr {
    SocketAddr::new(address.ip().to_canonical(), address.port())
}
