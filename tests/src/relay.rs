//! A bad network for UDP: a relay between client and server. It drops, duplicates, reorders,
//! delays, corrupts and spoofs datagrams in both directions, as a script says. The words are those
//! of netem, Linux' own bad network (tc-netem(8)).
//!
//! ```
//! use std::net::UdpSocket;
//! use tests::relay::{Direction, Action, Relay};
//!
//! let server = UdpSocket::bind("127.0.0.1:0").unwrap();
//! // The first datagram to the server is lost.
//! let relay = Relay::start(server.local_addr().unwrap(), |direction, number, _| {
//!     match (direction, number) {
//!         (Direction::ToServer, 0) => Action::Drop,
//!         _ => Action::Pass,
//!     }
//! });
//! let client = UdpSocket::bind("127.0.0.1:0").unwrap();
//! client.send_to(b"one", relay.address()).unwrap();
//! client.send_to(b"two", relay.address()).unwrap();
//! let mut buffer = [0; 16];
//! let count = server.recv(&mut buffer).unwrap();
//! assert_eq!(&buffer[..count], b"two");
//! ```

use std::collections::HashMap;
use std::net::{SocketAddr, UdpSocket};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::thread::{self, JoinHandle};
use std::time::Duration;

use labnet::lock;

/// Which way a datagram goes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Direction {
    /// From a client to the server.
    ToServer,
    /// From the server to a client.
    ToClient,
}

/// What the relay does with a datagram.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Action {
    /// It arrives.
    Pass,
    /// It does not arrive.
    Drop,
    /// It arrives twice.
    Duplicate,
    /// It arrives after the next one that goes the same way.
    Reorder,
    /// It arrives this much later.
    Delay(Duration),
    /// Other bytes arrive in its place, from the same sender.
    Corrupt(Vec<u8>),
    /// It does not arrive. These bytes do, from an address that is not the sender's.
    Spoof(Vec<u8>),
}

/// How long a thread of the relay waits for a datagram
/// before it looks whether the relay has been dropped.
const LOOK_UP: Duration = Duration::from_millis(20);

/// The relay; it ends when it is dropped.
#[derive(Debug)]
pub struct Relay {
    address: SocketAddr,
    state: Arc<State>,
    front_desk: Option<JoinHandle<()>>,
}

impl Relay {
    /// Starts a relay to a server. The script gets each datagram's direction, its number among
    /// those that went the same way (from 0, all clients together) and its bytes.
    ///
    /// # Panics
    ///
    /// When no port of 127.0.0.1 is free.
    pub fn start(
        server: SocketAddr,
        script: impl FnMut(Direction, usize, &[u8]) -> Action + Send + 'static,
    ) -> Self {
        let front = Arc::new(socket());
        let address = front.local_addr().expect("a bound socket has an address");
        let state = Arc::new(State {
            stopped: AtomicBool::new(false),
            seen: Mutex::default(),
            held_back: Mutex::default(),
            script: Mutex::new(Box::new(script)),
        });
        let its_state = Arc::clone(&state);
        let front_desk = thread::spawn(move || its_state.serve_clients(&front, server));
        Relay {
            address,
            state,
            front_desk: Some(front_desk),
        }
    }

    /// A relay whose script is drawn from a seed: of ten datagrams each way about four pass, two
    /// are dropped, two duplicated, one is reordered and one delayed by 30 ms.
    pub fn seeded(server: SocketAddr, seed: u64) -> Self {
        let mut state = seed;
        Relay::start(server, move |_, _, _| match splitmix(&mut state) % 10 {
            0..4 => Action::Pass,
            4 | 5 => Action::Drop,
            6 | 7 => Action::Duplicate,
            8 => Action::Reorder,
            _ => Action::Delay(Duration::from_millis(30)),
        })
    }

    /// Where clients reach the relay.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// How many datagrams have come that wanted to go this way.
    pub fn seen(&self, direction: Direction) -> usize {
        let seen = lock(&self.state.seen);
        seen.get(&direction).copied().unwrap_or_default()
    }
}

impl Drop for Relay {
    fn drop(&mut self) {
        self.state.stopped.store(true, Ordering::Relaxed);
        if let Some(front_desk) = self.front_desk.take() {
            // It can only have panicked in the script, whose
            // test then has no answer and fails by itself.
            let _panicked = front_desk.join();
        }
    }
}

type Script = dyn FnMut(Direction, usize, &[u8]) -> Action + Send;

struct State {
    stopped: AtomicBool,
    seen: Mutex<HashMap<Direction, usize>>,
    held_back: Mutex<HashMap<Direction, Vec<Datagram>>>,
    script: Mutex<Box<Script>>,
}

impl std::fmt::Debug for State {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("State").finish_non_exhaustive()
    }
}

/// A datagram, the socket that it leaves from, and where it goes.
#[derive(Clone)]
struct Datagram {
    bytes: Vec<u8>,
    from: Arc<UdpSocket>,
    to: SocketAddr,
}

impl Datagram {
    fn send(&self) {
        // A client that has gone is no fault of the relay's, and a lost datagram is its business.
        let _lost = self.from.send_to(&self.bytes, self.to);
    }
}

impl State {
    /// Takes the clients' datagrams. Each client gets a
    /// socket towards the server, so that answers find it.
    fn serve_clients(self: &Arc<Self>, front: &Arc<UdpSocket>, server: SocketAddr) {
        let mut backs: HashMap<SocketAddr, (Arc<UdpSocket>, JoinHandle<()>)> = HashMap::new();
        self.each_datagram(front, |bytes, client| {
            let (back, _) = backs.entry(client).or_insert_with(|| {
                let back = Arc::new(socket());
                let (state, front, its_back) = (Arc::clone(self), Arc::clone(front), back.clone());
                let answers = thread::spawn(move || {
                    state.each_datagram(&its_back, |bytes, _| {
                        let from = Arc::clone(&front);
                        let to = client;
                        state.decide(Direction::ToClient, Datagram { bytes, from, to });
                    });
                });
                (back, answers)
            });
            let from = Arc::clone(back);
            let to = server;
            self.decide(Direction::ToServer, Datagram { bytes, from, to });
        });
        for (_, answers) in backs.into_values() {
            let _panicked = answers.join();
        }
    }

    fn each_datagram(&self, socket: &UdpSocket, mut take: impl FnMut(Vec<u8>, SocketAddr)) {
        let mut buffer = vec![0; 65_535];
        while !self.stopped.load(Ordering::Relaxed) {
            // An error is the time limit, or (on Windows) a client that has gone.
            if let Ok((count, sender)) = socket.recv_from(&mut buffer) {
                take(buffer[..count].to_vec(), sender);
            }
        }
    }

    fn decide(&self, direction: Direction, datagram: Datagram) {
        let number = {
            let mut seen = lock(&self.seen);
            let seen = seen.entry(direction).or_default();
            *seen += 1;
            *seen - 1
        };
        let action = {
            let mut script = lock(&self.script);
            script(direction, number, &datagram.bytes)
        };
        match action {
            Action::Pass => datagram.send(),
            Action::Drop => return,
            Action::Duplicate => {
                datagram.send();
                datagram.send();
            }
            Action::Reorder => {
                let mut held_back = lock(&self.held_back);
                held_back.entry(direction).or_default().push(datagram);
                return;
            }
            Action::Delay(time) => {
                // This sleep is the fault itself: no test waits by it.
                thread::spawn(move || {
                    thread::sleep(time);
                    datagram.send();
                });
                return;
            }
            Action::Corrupt(bytes) => Datagram { bytes, ..datagram }.send(),
            Action::Spoof(bytes) => {
                let from = Arc::new(socket());
                let to = datagram.to;
                Datagram { bytes, from, to }.send();
                return;
            }
        }
        let mut held_back = lock(&self.held_back);
        for late in held_back.remove(&direction).unwrap_or_default() {
            late.send();
        }
    }
}

fn socket() -> UdpSocket {
    let socket = UdpSocket::bind("127.0.0.1:0").expect("a port of 127.0.0.1 is free");
    socket
        .set_read_timeout(Some(LOOK_UP))
        .expect("a time limit above 0");
    socket
}

/// SplitMix64 (Steele, Lea and Flood 2014): numbers that
/// look random, the same ones for a seed on every machine.
fn splitmix(state: &mut u64) -> u64 {
    *state = state.wrapping_add(0x9e37_79b9_7f4a_7c15);
    let mut number = *state;
    number = (number ^ (number >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    number = (number ^ (number >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    number ^ (number >> 31)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::DEADLINE;

    /// What arrives at the server, up to the datagram `end`.
    fn arrived(
        script: impl FnMut(Direction, usize, &[u8]) -> Action + Send + 'static,
    ) -> Vec<(String, bool)> {
        let server = socket();
        server.set_read_timeout(Some(DEADLINE)).unwrap();
        let relay = Relay::start(server.local_addr().unwrap(), script);
        let client = socket();
        for message in ["one", "two", "end"] {
            client.send_to(message.as_bytes(), relay.address()).unwrap();
        }
        let mut buffer = [0; 16];
        let mut arrived = Vec::new();
        let mut usual = None;
        while arrived.last().is_none_or(|(text, _)| text != "end") {
            let (count, sender) = server.recv_from(&mut buffer).unwrap();
            let text = String::from_utf8_lossy(&buffer[..count]).into_owned();
            if text != "spoofed" {
                usual = usual.or(Some(sender));
            }
            arrived.push((text, usual == Some(sender)));
        }
        arrived
    }

    fn texts(arrived: &[(String, bool)]) -> Vec<&str> {
        arrived.iter().map(|(text, _)| text.as_str()).collect()
    }

    fn to_the_first(action: Action) -> impl FnMut(Direction, usize, &[u8]) -> Action + Send {
        move |_, number, _| {
            if number == 0 {
                action.clone()
            } else {
                Action::Pass
            }
        }
    }

    #[test]
    fn each_action_does_what_its_name_says() {
        let first = |action| arrived(to_the_first(action));
        assert_eq!(texts(&first(Action::Pass)), ["one", "two", "end"]);
        assert_eq!(texts(&first(Action::Drop)), ["two", "end"]);
        assert_eq!(
            texts(&first(Action::Duplicate)),
            ["one", "one", "two", "end"]
        );
        assert_eq!(texts(&first(Action::Reorder)), ["two", "one", "end"]);
        assert_eq!(
            texts(&first(Action::Corrupt(b"new".to_vec()))),
            ["new", "two", "end"]
        );
        let spoofed = first(Action::Spoof(b"spoofed".to_vec()));
        assert_eq!(texts(&spoofed), ["spoofed", "two", "end"]);
        assert_eq!(
            spoofed.iter().map(|(_, usual)| *usual).collect::<Vec<_>>(),
            [false, true, true]
        );
    }

    #[test]
    fn a_delayed_datagram_comes_later() {
        // `end` comes back 50 ms late, after all the others.
        let late = |_, _, bytes: &[u8]| match bytes {
            b"one" => Action::Drop,
            b"end" => Action::Delay(Duration::from_millis(50)),
            _ => Action::Pass,
        };
        let start = std::time::Instant::now();
        assert_eq!(texts(&arrived(late)), ["two", "end"]);
        assert!(start.elapsed() >= Duration::from_millis(50));
    }
}
