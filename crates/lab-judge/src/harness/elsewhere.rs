//! The client under test that goes to another address: told which, instead of that it never came.
//!
//! In its own network a case sees where the program tried to go, even
//! where nobody listens, and every address leads to this machine. On
//! a network that is shared with others nothing of that is known.

use std::io;
use std::net::{IpAddr, SocketAddr, TcpStream};

use super::Harness;
use super::connect::swapped;
use crate::misconceptions as m;
use crate::peers::udp::Peer;
use crate::process::Ended;
use crate::verdict::{Step, undecided, wrong};

impl Harness<'_> {
    /// Before we play the server: a client under test that goes to
    /// another machine comes to us. For a server under test it stays as
    /// it is everywhere: bind takes an address of this machine only.
    pub(super) fn lead_every_address_here(&self) -> Step {
        if !self.target.own_network {
            return Ok(());
        }
        let done = self.network.lead_every_address_here();
        done.or_else(|error| match error.kind() {
            // A case that plays a second server.
            io::ErrorKind::AlreadyExists => Ok(()),
            _ => Err(undecided("cannot lead every address to the check", &error)),
        })
    }

    /// A connection of the program that came by another address than the one it should go to.
    ///
    /// # Errors
    ///
    /// When the address is another machine's, and the sheet's host is not one of the Internet's.
    pub(super) fn came_to_the_right_address(&mut self, stream: &TcpStream) -> Step {
        self.tell_names();
        let Ok(to) = stream.local_addr() else {
            return Ok(()); // It is gone already; its reader is told so.
        };
        if self.is_here(to.ip()) {
            return Ok(());
        }
        Err(wrong(
            &m::OTHER_ADDRESS,
            format!("The program connects to {to}; {}.", self.should_go()),
        ))
    }

    /// A client that has not come: it has not gone anywhere else either.
    ///
    /// # Errors
    ///
    /// When it has, with the address.
    pub(super) fn goes_nowhere_else(&mut self, datagram: bool, ended: Option<Ended>) -> Step {
        self.tell_names();
        let mut tried = self.network.attempts();
        tried.retain(|attempt| attempt.datagram == datagram);
        let here = |to: &SocketAddr| to.port() == self.address.port() && self.is_here(to.ip());
        if tried.iter().any(|attempt| here(&attempt.to)) {
            return Ok(());
        }
        let Some(attempt) = tried.first() else {
            return Ok(());
        };
        let verb = match datagram {
            true => "sends to",
            false => "connects to",
        };
        self.log
            .did("the program", format!("{verb} {}", attempt.to));
        let and = match ended {
            Some(ended) => format!(" It {ended}."),
            None => String::new(),
        };
        Err(wrong(
            &m::OTHER_ADDRESS,
            format!(
                "The program {verb} {}; {}.{}{and}",
                attempt.to,
                self.should_go(),
                swapped(self.address.port(), attempt.to.port())
            ),
        ))
    }

    /// The same for one that sends datagrams, and from which nothing has come to this peer.
    pub(super) fn sends_nowhere_else(&mut self, peer: &Peer, ended: Option<Ended>) -> Step {
        // What was seen includes what we have sent to the program since.
        match peer.address() {
            Ok(ours) if !peer.met && ours == self.address => self.goes_nowhere_else(true, ended),
            _ => Ok(()), // A client of ours: its server has nowhere to go.
        }
    }

    /// From now on no name has an address; false where the check does not answer for names.
    pub fn forget_names(&mut self) -> bool {
        let forgotten = self.network.forget_names();
        if forgotten {
            self.log.did("the name server", "knows no name");
        }
        forgotten
    }

    /// Whether an address is one at which the program may look for the check.
    fn is_here(&self, ip: IpAddr) -> bool {
        self.target.any_host || ip.is_loopback() || ip == self.address.ip()
    }

    /// Where the program should go, and who says so.
    fn should_go(&self) -> String {
        match self.target.has_port() {
            true => format!("the command says {}", self.address),
            false => format!("the sheet says {}", self.address),
        }
    }

    /// Writes down which names the program has asked for, and says whether there were any.
    pub fn tell_names(&mut self) -> bool {
        let names = self.network.names_asked();
        for name in &names {
            let words = format!("asked for the address of {name}");
            self.log.did("the program", words);
        }
        !names.is_empty()
    }
}
