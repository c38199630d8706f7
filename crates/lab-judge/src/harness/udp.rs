//! A harness for datagrams: there is no connection whose end would tell that the program has gone,
//! so anyone who waits for a datagram also watches the program.

use std::io;
use std::net::UdpSocket;
use std::thread;
use std::time::Duration;

use super::connect::swapped;
use super::{Harness, Starting};
use crate::limit::Limit;
use crate::misconceptions as m;
use crate::peers::udp::{Datagram, Peer};
use crate::ports;
use crate::process::Ended;
use crate::procfs;
use crate::verdict::{Step, What, undecided, wrong};

/// Why no datagram came.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Nothing {
    /// The program runs, and this long nothing came.
    Silence(Duration),
    /// The program waits itself, without a time limit.
    Waits,
    /// The program has ended.
    Ended(Ended),
}

impl Nothing {
    /// As the second half of a sentence.
    pub fn words(self) -> String {
        match self {
            Nothing::Silence(time) => format!("for {} seconds nothing came", time.as_secs_f64()),
            Nothing::Waits => "nothing came because the program itself waits".to_string(),
            Nothing::Ended(ended) => format!("the program {ended}"),
        }
    }
}

impl Harness<'_> {
    /// Starts the UDP server under test, waits until it is bound, and gives a client.
    ///
    /// # Errors
    ///
    /// When it never binds its address.
    pub fn serve_datagrams(&mut self) -> Step<Peer> {
        self.start("")?;
        self.until_bound()?;
        self.client()
    }

    /// A client on its own port.
    ///
    /// # Errors
    ///
    /// When no port is free.
    pub fn client(&mut self) -> Step<Peer> {
        self.clients += 1;
        let who = format!("client {}", self.clients);
        Peer::anywhere(&who, &self.log).map_err(|error| undecided("cannot make a socket", &error))
    }

    /// Takes the address to which the client under test will send.
    ///
    /// # Errors
    ///
    /// When it is taken.
    pub fn be_server(&mut self) -> Step<Peer> {
        self.lead_every_address_here()?;
        ports::open_again(|| Peer::on(self.address, "server", &self.log))
            .map_err(|error| undecided(&format!("cannot bind {}", self.address), &error))
    }

    fn until_bound(&mut self) -> Step {
        let starting = self.starting();
        let Starting {
            begin, deadline, ..
        } = starting;
        let mut pause = Duration::from_micros(500);
        let mut watch = procfs::Watch::default();
        loop {
            let (address, patience) = (self.address, self.target.patience);
            let group = self.program()?.id();
            // Asked first: it may bind its address while it is watched.
            let waits = watch.waits_for_good(&[group]);
            let given_up = waits || self.gives_up(deadline, group);
            let ours = procfs::listening("udp", group);
            if ours.iter().any(|bound| procfs::takes(*bound, address)) {
                return Ok(());
            }
            // A program that a wrapper has put into its own group (setsid): nobody else binds a
            // port that is ours alone.
            let alone = self.target.has_port() || self.target.own_network;
            if alone && procfs::unread_datagrams(address).is_some() {
                return Ok(());
            }
            let program = self.program()?;
            if let Some(ended) = program.ended() {
                program.drained();
                // "Address already in use", where the UDP port is free:
                // it is the TCP port of this number, which we hold.
                if crate::process::contains(&program.stderr().head, b"in use") {
                    return Err(wrong(
                        &m::UDP_NOT_BOUND,
                        format!(
                            "The program {ended} because a port was in use, but {address} is free for UDP: it asked for \
                             the TCP port."
                        ),
                    ));
                }
                return Err(wrong(
                    &m::UDP_ENDS_AT_ONCE,
                    format!("The program {ended} before it had bound {address}."),
                ));
            }
            // Where the system does not tell who holds a port: it is bound when we cannot bind it.
            if !procfs::tells_queues() && UdpSocket::bind(address).is_err() {
                return Ok(());
            }
            let elsewhere = begin.elapsed() >= patience && !ours.is_empty();
            if given_up || elsewhere {
                if !elsewhere && !waits {
                    self.note_cut(&starting);
                }
                let waited = Duration::from_secs(begin.elapsed().as_secs());
                self.log.add(
                    "client 1",
                    What::Awaited(format!("a socket on {address}"), waited),
                );
                let mut summary =
                    format!("The program runs, but no UDP socket is bound to {address}.");
                if let Some(other) = ours.first() {
                    summary.push_str(&format!(" It has bound {other} instead."));
                    summary.push_str(swapped(address.port(), other.port()));
                }
                let stop = wrong(&m::UDP_NOT_BOUND, summary);
                return Err(match ours.first() {
                    Some(other) => stop.listens_at(*other),
                    None => stop,
                });
            }
            thread::sleep(pause);
            pause = (pause * 2).min(Duration::from_millis(20));
        }
    }

    /// Sends a datagram of ours.
    ///
    /// # Errors
    ///
    /// When the system does not take it: that says nothing about the program.
    pub fn send(&self, peer: &Peer, bytes: &[u8], to: std::net::SocketAddr) -> Step {
        sent(peer.send(bytes, to))
    }

    /// Waits for a datagram of the program, as long as a step may take.
    ///
    /// # Errors
    ///
    /// When the system refuses.
    pub fn receive(&mut self, peer: &mut Peer) -> Step<Result<Datagram, Nothing>> {
        self.receive_within(peer, self.target.patience)
    }

    /// Waits for a datagram of the program; the time starts again while the program is at work.
    ///
    /// # Errors
    ///
    /// When the system refuses.
    pub fn receive_within(
        &mut self,
        peer: &mut Peer,
        patience: Duration,
    ) -> Step<Result<Datagram, Nothing>> {
        let limit = Limit {
            patience,
            ..self.limit()
        };
        let mut step = limit.step();
        loop {
            // Asked before the socket: what a program that
            // has ended by now sent last is in our queue.
            let ended = self.program()?.ended();
            if let Some(datagram) = received(peer.receive())? {
                if self.is_strangers(&datagram)? {
                    continue;
                }
                return Ok(Ok(datagram));
            }
            if let Some(ended) = ended {
                self.program()?.drained();
                self.sends_nowhere_else(peer, Some(ended))?;
                return Ok(Err(Nothing::Ended(ended)));
            }
            if step.is_over() {
                self.sends_nowhere_else(peer, None)?;
                let waited = step.waited();
                limit.tell(&self.log, &peer.who, "a datagram", waited);
                return Ok(Err(match limit.waits() {
                    true => Nothing::Waits,
                    false => Nothing::Silence(waited),
                }));
            }
        }
    }
}

impl Harness<'_> {
    /// Whether a datagram is from a program other than the one under test: on a network that the
    /// case shares with the machine anybody may send one. A socket that is closed by now no longer
    /// says whose it was, and passes for the program's.
    fn is_strangers(&mut self, datagram: &Datagram) -> Step<bool> {
        if self.target.own_network || datagram.from == self.address {
            return Ok(false);
        }
        let Some(inode) = procfs::datagram_inode(datagram.from).filter(|inode| *inode != 0) else {
            return Ok(false);
        };
        if self.is_of_program(inode)?
            || procfs::holder_of(inode, procfs::processes().into_iter()).is_none()
        {
            return Ok(false);
        }
        let words = format!("a datagram from {} was another program's", datagram.from);
        self.log.did("we", format!("passed over it: {words}"));
        self.note_once(&words);
        Ok(true)
    }
}

/// The system did not take a datagram: nothing that the program under test has done.
pub fn sent(result: io::Result<()>) -> Step {
    result.map_err(|error| undecided("cannot send a datagram", &error))
}

fn received(result: io::Result<Option<Datagram>>) -> Step<Option<Datagram>> {
    result.map_err(|error| undecided("cannot receive a datagram", &error))
}
