//! The UDP peer: datagrams that are lost, doubled, late or
//! from a stranger, and an address where nobody is any more.
//!
//! Nothing here waits for a while and hopes. What we send is in the other side's
//! receive queue when the call returns (loopback delivers within it), in the order
//! in which it was sent; so a datagram that is to be late is sent after the program
//! has shown by its next datagram that it has gone on. What is lost is received
//! here and never answered: no program can tell that from a loss on the way.

use std::io::{self, ErrorKind};
use std::net::{Ipv4Addr, SocketAddr, UdpSocket};
use std::time::{Duration, SystemTime};

use lab_journal::Transport;

use crate::verdict::{Ends, Excerpt, Log, Passed, What};

/// How long a socket waits for a datagram before anyone
/// who waits looks at the program and the time again.
const TICK: Duration = Duration::from_millis(20);
/// The longest datagram over IPv4, in bytes: 65,535 less the headers of IP and UDP.
pub const LONGEST: usize = 65_507;

/// A datagram of the program under test.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Datagram {
    /// What is in it.
    pub bytes: Vec<u8>,
    /// Where it came from.
    pub from: SocketAddr,
}

/// A socket of ours that talks to the program under
/// test. All that passes is written into the case's log.
#[derive(Debug)]
pub struct Peer {
    socket: UdpSocket,
    /// `client 1`, or `server` when a client is under test.
    pub who: String,
    log: Log,
    buffer: Vec<u8>,
    /// Whether anything has come.
    pub(crate) met: bool,
}

impl Peer {
    /// A socket on this address; port 0 takes any that is free.
    ///
    /// # Errors
    ///
    /// When the address cannot be bound.
    pub fn on(address: SocketAddr, who: &str, log: &Log) -> io::Result<Self> {
        let socket = UdpSocket::bind(address)?;
        socket.set_read_timeout(Some(TICK))?;
        let ends = Ends {
            transport: Transport::Udp,
            local: socket.local_addr()?,
            peer: None,
        };
        Ok(Peer {
            socket,
            who: who.to_string(),
            log: log.on(ends),
            buffer: vec![0; 65_536],
            met: false,
        })
    }

    /// A socket on any free port of 127.0.0.1.
    ///
    /// # Errors
    ///
    /// When there is none.
    pub fn anywhere(who: &str, log: &Log) -> io::Result<Self> {
        Self::on((Ipv4Addr::LOCALHOST, 0).into(), who, log)
    }

    /// Our address.
    ///
    /// # Errors
    ///
    /// When the system does not tell.
    pub fn address(&self) -> io::Result<SocketAddr> {
        self.socket.local_addr()
    }

    /// Sends a datagram. Over loopback it is in the other side's queue when this returns.
    ///
    /// # Errors
    ///
    /// When the system does not take it.
    pub fn send(&self, bytes: &[u8], to: SocketAddr) -> io::Result<()> {
        self.send_as(bytes, to, "sent")
    }

    /// Sends a datagram, with other words for the log: `sent, from a port that nobody asked,`.
    ///
    /// # Errors
    ///
    /// When the system does not take it.
    pub fn send_as(&self, bytes: &[u8], to: SocketAddr, words: &str) -> io::Result<()> {
        let words = format!("{words} {}", of_size(bytes.len()));
        self.log
            .add(&self.who, What::Datagram(words, Excerpt::of(bytes)));
        self.passed(true, bytes.len(), to);
        self.socket.send_to(bytes, to).map(|_| ())
    }

    /// Waits for a datagram, for a tick at most.
    ///
    /// # Errors
    ///
    /// When the system refuses.
    pub fn receive(&mut self) -> io::Result<Option<Datagram>> {
        match self.socket.recv_from(&mut self.buffer) {
            Ok((count, from)) => {
                self.met = true;
                let bytes = self.buffer[..count].to_vec();
                let words = format!("received {}", of_size(count));
                self.log
                    .add(&self.who, What::Datagram(words, Excerpt::of(&bytes)));
                self.passed(false, count, from);
                Ok(Some(Datagram { bytes, from }))
            }
            Err(error) if nothing_yet(&error) => Ok(None),
            Err(error) => Err(error),
        }
    }

    fn passed(&self, sent: bool, count: usize, with: SocketAddr) {
        self.log.passed(Passed {
            at: SystemTime::now(),
            sent,
            offset: 0,
            length: count as u64,
            with: Some(with),
        });
    }

    /// Something that happened, in words.
    pub fn did(&self, what: impl Into<String>) {
        self.log.did(&self.who, what);
    }

    /// Sends a datagram and is gone: the answer finds nobody,
    /// and the system sends ICMP "port unreachable" back.
    ///
    /// # Errors
    ///
    /// When the system does not take it.
    pub fn send_and_vanish(self, bytes: &[u8], to: SocketAddr) -> io::Result<()> {
        // On Linux for certain: a socket that is connected to another
        // address is not found for an answer that comes from here. Elsewhere
        // a connected socket sends to nobody else, so it is closed at once.
        let other = UdpSocket::bind((Ipv4Addr::LOCALHOST, 0))?;
        if cfg!(target_os = "linux") {
            self.socket.connect(other.local_addr()?)?;
        }
        self.send_as(bytes, to, "sent, and was gone before the answer came,")
    }
}

/// `a datagram of 5 bytes`.
fn of_size(count: usize) -> String {
    match count {
        0 => "an empty datagram".to_string(),
        1 => "a datagram of 1 byte".to_string(),
        count => format!("a datagram of {count} bytes"),
    }
}

/// Whether a receive only ran out of its tick. Windows reports
/// an answer that found nobody as a reset of the socket.
fn nothing_yet(error: &io::Error) -> bool {
    matches!(
        error.kind(),
        ErrorKind::WouldBlock
            | ErrorKind::TimedOut
            | ErrorKind::Interrupted
            | ErrorKind::ConnectionReset
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    fn peer() -> Peer {
        Peer::anywhere("client 1", &Log::default()).unwrap()
    }

    #[test]
    fn what_was_sent_can_be_received_at_once_and_in_order() {
        let (ours, mut theirs) = (peer(), peer());
        let to = theirs.address().unwrap();
        for number in 0..20 {
            ours.send(&[number], to).unwrap();
        }
        for number in 0..20 {
            let datagram = theirs.receive().unwrap().unwrap();
            assert_eq!(datagram.bytes, [number]);
            assert_eq!(datagram.from, ours.address().unwrap());
        }
        assert_eq!(theirs.receive().unwrap(), None);
    }

    #[test]
    fn a_datagram_keeps_its_length_from_none_to_the_longest() {
        let (ours, mut theirs) = (peer(), peer());
        let to = theirs.address().unwrap();
        for size in [0, 1, 1472, LONGEST] {
            ours.send(&vec![b'x'; size], to).unwrap();
            assert_eq!(theirs.receive().unwrap().unwrap().bytes.len(), size);
        }
        assert!(ours.send(&vec![b'x'; LONGEST + 1], to).is_err());
    }

    /// The promise that the case about vanished clients rests on: an answer is refused every time.
    #[test]
    #[cfg(target_os = "linux")]
    fn an_answer_to_a_client_that_has_vanished_is_refused() {
        let mut server = peer();
        for _ in 0..50 {
            let client = peer();
            let of_client = client.address().unwrap();
            client
                .send_and_vanish(b"ping", server.address().unwrap())
                .unwrap();
            assert_eq!(server.receive().unwrap().unwrap().from, of_client);
            // A connected socket is told.
            let teller = UdpSocket::bind("127.0.0.1:0").unwrap();
            teller.connect(of_client).unwrap();
            teller.send(b"pong").unwrap();
            let error = teller.recv(&mut [0; 8]).unwrap_err();
            assert_eq!(error.kind(), ErrorKind::ConnectionRefused);
        }
    }
}
