//! A private network for each test: a port scan of this
//! machine, or another test, cannot reach its programs.
//!
//! The harness moves a test's thread there when it makes its first program or socket. What the
//! thread starts from then on is there as well. Where the system does not allow it, tests share the
//! machine's network: only Linux has private networks, and only root may make them, or a program
//! that has called [`lab_netns::enter_user_namespace`].

use std::net::{IpAddr, Ipv4Addr};
use std::sync::OnceLock;

/// Whether tests have private networks here.
pub fn available() -> bool {
    static AVAILABLE: OnceLock<bool> = OnceLock::new();
    *AVAILABLE.get_or_init(lab_netns::available)
}

/// Moves the calling thread into a private network, unless it is in one or the system has none.
///
/// # Panics
///
/// When the system allows private networks and makes none.
pub fn isolate() {
    if available() && in_the_machines_network() {
        enter(Ipv4Addr::LOCALHOST.into());
    }
}

/// Moves the calling thread into a new private network that has this address.
///
/// # Panics
///
/// When the system makes none.
pub fn enter(address: IpAddr) {
    lab_netns::enter(address).unwrap_or_else(|error| panic!("{error:#}"));
}

/// Whether the calling thread is in the network in which this program was started.
#[cfg(target_os = "linux")]
fn in_the_machines_network() -> bool {
    use std::path::PathBuf;

    // The first thread that asks has not been moved yet.
    static MACHINES: OnceLock<PathBuf> = OnceLock::new();
    let own = std::fs::read_link("/proc/thread-self/ns/net").expect("a thread has a network");
    *MACHINES.get_or_init(|| own.clone()) == own
}

#[cfg(not(target_os = "linux"))]
fn in_the_machines_network() -> bool {
    true
}

#[cfg(test)]
#[cfg(target_os = "linux")]
mod tests {
    use std::net::TcpListener;
    use std::thread;

    use super::*;

    #[test]
    fn a_thread_is_isolated_once_and_what_it_starts_is_with_it() {
        if !available() {
            return; // Only root may make networks.
        }
        let outside = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = outside.local_addr().unwrap();
        thread::spawn(move || {
            isolate();
            let inside = TcpListener::bind(address).unwrap();
            thread::spawn(move || {
                isolate();
                // In another network the port would be free.
                TcpListener::bind(address).unwrap_err();
                drop(inside);
            })
            .join()
            .unwrap();
        })
        .join()
        .unwrap();
    }
}
