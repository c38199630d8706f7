//! Connecting to the server under test: as soon as it listens, or with the reason why it does not.

use super::{Harness, Starting};
use crate::misconceptions as m;
use crate::peers::tcp::{self, Connection};
use crate::procfs;
use crate::verdict::{Step, Stop, What, undecided, wrong};
use std::io;
use std::net::SocketAddr;
use std::thread;
use std::time::{Duration, Instant};

/// What explains another port whose two bytes are those of the right one in the other order.
pub(super) fn swapped(right: u16, other: u16) -> &'static str {
    match other == right.swap_bytes() && other != right {
        true => {
            " The two bytes of the port are swapped: in C the port goes through htons on its way into sin_port."
        }
        false => "",
    }
}

/// Where a program listens that should listen on the harness's address.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Listens {
    Here,
    Elsewhere(SocketAddr),
    Nowhere,
}

impl Harness<'_> {
    /// Starts the server under test and connects the first client, as soon as it listens.
    ///
    /// # Errors
    ///
    /// When it never listens.
    pub fn serve(&mut self) -> Step<Connection> {
        self.start("")?;
        self.connect()
    }

    /// Connects a client to the server under test; the first one waits until it listens.
    ///
    /// # Errors
    ///
    /// When it does not listen (any more).
    pub fn connect(&mut self) -> Step<Connection> {
        self.connect_with(None)
    }

    /// Connects a client with a receive buffer of a given size, in bytes.
    ///
    /// # Errors
    ///
    /// When the server does not listen (any more).
    pub fn connect_with(&mut self, receive_buffer: Option<usize>) -> Step<Connection> {
        self.clients += 1;
        let who = format!("client {}", self.clients);
        let stream = self.connected(receive_buffer)?;
        self.log.did(&who, "connected");
        Connection::new(stream, &who, &self.log, self.limit())
            .map_err(|error| undecided("cannot prepare a connection", &error))
    }

    /// A refused connection disturbs nobody, so asking again
    /// and again is a way to learn when a server listens.
    fn connected(&mut self, receive_buffer: Option<usize>) -> Step<std::net::TcpStream> {
        let starting = self.starting();
        let Starting {
            begin, deadline, ..
        } = starting;
        let first = self.clients == 1;
        let mut pause = Duration::from_micros(500);
        let mut elsewhere = false;
        let mut watch = procfs::Watch::default();
        loop {
            let error = match tcp::connect(self.address, receive_buffer, self.target.patience) {
                Ok(stream) => return Ok(stream),
                Err(error) => error,
            };
            let address = self.address;
            let running = self.program()?;
            if running.floods() {
                return Err(wrong(
                    &m::FLOODS,
                    "The program printed more than 64 MiB and was stopped.",
                ));
            }
            if let Some(ended) = running.ended() {
                running.drained();
                return Err(if first {
                    wrong(
                        &m::ENDS_AT_ONCE,
                        format!("The program {ended} before it listened on {address}."),
                    )
                } else {
                    wrong(
                        &m::ENDS_AFTER_FIRST,
                        format!("When the next client came, the program was gone: it {ended}."),
                    )
                });
            }
            // A program that listens elsewhere will not come here. Asked twice: it may have begun
            // to listen here after we tried.
            let group = self.program()?.id();
            // Nobody calls accept, and the program does nothing else either.
            let full_queue = error.kind() == io::ErrorKind::TimedOut
                && self.listens(&error)? == Listens::Here
                && !procfs::is_busy(group);
            if elsewhere || full_queue || self.gives_up(deadline, group) {
                if !elsewhere && !full_queue {
                    self.note_cut(&starting);
                }
                // Once more: it may have begun to listen, or called accept, while we looked.
                let patience = self.target.patience;
                return tcp::connect(self.address, receive_buffer, patience)
                    .map_err(|error| self.not_connected(&error, begin.elapsed()));
            }
            let waits = watch.waits_for_good(&[group]);
            if waits {
                // Once more, for the same reason.
                let patience = self.target.patience;
                return tcp::connect(self.address, receive_buffer, patience)
                    .map_err(|error| self.not_connected(&error, Duration::ZERO));
            }
            elsewhere = begin.elapsed() >= self.target.patience
                && matches!(self.listens(&error)?, Listens::Elsewhere(_));
            thread::sleep(pause);
            pause = (pause * 2).min(Duration::from_millis(20));
        }
    }

    /// Whether it is no use to wait any longer: not while a
    /// program that starts is kept from running by others.
    pub(super) fn gives_up(&self, deadline: Instant, group: u32) -> bool {
        Instant::now() >= deadline && (self.is_over() || !procfs::is_busy(group))
    }

    /// Where the program listens, after a client could not connect for this reason.
    fn listens(&mut self, error: &io::Error) -> Step<Listens> {
        let address = self.address;
        let all = procfs::listening(self.target.protocol.name(), self.program()?.id());
        // Who waits in vain knocks at a queue that is full.
        // Who is refused may have met [::] that takes no IPv4.
        let in_vain = error.kind() == io::ErrorKind::TimedOut;
        let here = |local: &SocketAddr| {
            procfs::takes(*local, address) && (in_vain || local.is_ipv4() == address.is_ipv4())
        };
        Ok(match all.first() {
            _ if all.iter().any(here) => Listens::Here,
            Some(other) => Listens::Elsewhere(*other),
            None => Listens::Nowhere,
        })
    }

    fn not_connected(&mut self, error: &io::Error, waited: Duration) -> Stop {
        // In whole seconds: the same words each time.
        let waited = Duration::from_secs(waited.as_secs());
        let address = self.address;
        let listens = match self.listens(error) {
            Ok(listens) => listens,
            Err(stop) => return stop,
        };
        if listens == Listens::Here && error.kind() == io::ErrorKind::TimedOut {
            let who = format!("client {}", self.clients);
            self.log.add(
                &who,
                What::Awaited(format!("a connection with {address}"), waited),
            );
            return wrong(
                &m::BLOCKS_ALL,
                format!(
                    "The program listens on {address}, but {who} could not even connect: the queue of listen is full, and nobody \
                     calls accept."
                ),
            );
        }
        // Without the number: the words say the same.
        let error = error.to_string();
        let error = error.split(" (os error").next().unwrap_or_default();
        let mut summary = format!("The program runs, but nothing listens on {address} ({error}).");
        if let Listens::Elsewhere(other) = listens {
            summary.push_str(&format!(" It listens on {other} instead."));
            summary.push_str(swapped(address.port(), other.port()));
        }
        // A program that waits for something else is known to do so at once.
        if !waited.is_zero() {
            let what = format!("a server that listens on {address}");
            self.log.add("client 1", What::Awaited(what, waited));
        }
        let stop = wrong(&m::NOT_LISTENING, summary);
        match listens {
            Listens::Elsewhere(other) => stop.listens_at(other),
            _ => stop,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::swapped;

    #[test]
    fn a_port_without_htons_is_told_so_and_another_port_is_not() {
        assert!(swapped(1234, 53764).contains("htons"));
        assert_eq!(swapped(1234, 1235), "");
        // Both of its bytes are the same.
        assert_eq!(swapped(0x1111, 0x1111), "");
    }
}
