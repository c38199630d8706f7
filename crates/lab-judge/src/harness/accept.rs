//! The server's side of a harness: waits for the client under test, and takes no other for it.
//!
//! On a network that the case shares with the machine anybody may connect: a port scan does, and so
//! does a client of another check that has the wrong port. Each connection is therefore traced to
//! the process at its other end, by the inode of the socket there. In its own network the case has
//! no strangers, so nothing is looked up.

use std::io;
use std::net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream};
use std::time::{Duration, Instant};

use super::{Harness, Starting};
use crate::misconceptions as m;
use crate::peers::tcp::{self, Connection};
use crate::ports;
use crate::procfs;
use crate::verdict::{Step, What, undecided, wrong};

/// How long is waited for a connection before the program is looked at again.
const TICK: Duration = Duration::from_millis(20);

/// Who is at the other end of a connection.
#[derive(Debug, PartialEq, Eq)]
enum Sender {
    /// The program under test, or what it has started.
    Program,
    /// Another process, in words.
    Stranger(String),
    /// The socket there is closed already, and no longer says whose it was.
    Gone,
}

/// Connections that were closed at the other end before anybody could see whose they were, and
/// since when there is one.
///
/// The program may have opened one of them: that is found out by waiting for a better one.
#[derive(Debug, Default)]
struct Unclear {
    streams: Vec<TcpStream>,
    since: Option<Instant>,
}

impl Unclear {
    fn add(&mut self, stream: TcpStream) {
        self.since.get_or_insert_with(Instant::now);
        self.streams.push(stream);
    }

    /// The likeliest: the first that brings data, or else the first.
    fn take(&mut self) -> Option<TcpStream> {
        let at = self.streams.iter().position(has_data).unwrap_or(0);
        (at < self.streams.len()).then(|| self.streams.swap_remove(at))
    }

    /// Whether the first has been there this long.
    fn waited(&self, patience: Duration) -> bool {
        self.since.is_some_and(|since| since.elapsed() >= patience)
    }
}

/// Whether something can be read from a connection, now.
fn has_data(stream: &TcpStream) -> bool {
    let peek = || -> io::Result<usize> {
        stream.set_nonblocking(true)?;
        let count = stream.peek(&mut [0]);
        stream.set_nonblocking(false)?;
        count
    };
    peek().is_ok_and(|count| count > 0)
}

impl Harness<'_> {
    /// Listens where the client under test will connect.
    ///
    /// # Errors
    ///
    /// When the port is taken.
    pub fn listen(&mut self) -> Step<TcpListener> {
        // In its own network every address leads here: so
        // one that is not the sheet's is met, and told.
        let everywhere = SocketAddr::from((Ipv4Addr::UNSPECIFIED, self.address.port()));
        let address = match self.target.own_network && self.address.is_ipv4() {
            true => everywhere,
            false => self.address,
        };
        self.lead_every_address_here()?;
        ports::open_again(|| tcp::listen(address))
            .map_err(|error| undecided(&format!("cannot listen on {address}"), &error))
    }

    /// Waits for the client under test.
    ///
    /// # Errors
    ///
    /// When it does not come.
    pub fn accept(&mut self, listener: &TcpListener) -> Step<Connection> {
        let starting = self.starting();
        let Starting { full, deadline, .. } = starting;
        let (address, patience) = (self.address, self.target.patience);
        let mut unclear = Unclear::default();
        let mut watch = procfs::Watch::default();
        loop {
            let tick = deadline.min(Instant::now() + TICK);
            // Asked before the queue: what a program has opened
            // that has ended, or come to rest, by now is in it.
            let ended = self.program()?.ended();
            let group = self.program()?.id();
            let waits = watch.waits_for_good(&[group]);
            let given_up = waits || self.gives_up(deadline, group);
            let settled = ended.is_some()
                || given_up
                || (unclear.waited(patience) && !procfs::is_busy(group));
            if let Some(stream) = self.next_of_program(listener, tick, &mut unclear)? {
                return self.connection(stream);
            }
            if settled && let Some(stream) = unclear.take() {
                return self.connection(stream);
            }
            if ended.is_some() || given_up {
                self.program()?.drained();
                self.goes_nowhere_else(false, ended)?;
            }
            if let Some(ended) = ended {
                return Err(wrong(
                    &m::NEVER_CONNECTS,
                    format!("The program {ended} and never connected to {address}."),
                ));
            }
            if given_up {
                if !waits {
                    self.note_cut(&starting);
                    let what = What::Awaited(format!("a client on {address}"), full);
                    self.log.add("server", what);
                }
                let words = match waits {
                    true => "waits for something else, and has not connected",
                    false => "runs, but never connected",
                };
                return Err(wrong(
                    &m::NEVER_CONNECTS,
                    format!("The program {words} to {address}."),
                ));
            }
        }
    }

    /// The next connection of the program that comes by this moment, if one does.
    ///
    /// # Errors
    ///
    /// When the system refuses.
    pub fn accept_by(
        &mut self,
        listener: &TcpListener,
        deadline: Instant,
    ) -> Step<Option<Connection>> {
        match self.next_of_program(listener, deadline, &mut Unclear::default())? {
            Some(stream) => self.connection(stream).map(Some),
            None => Ok(None),
        }
    }

    fn connection(&self, stream: TcpStream) -> Step<Connection> {
        Connection::new(stream, "server", &self.log, self.limit())
            .map_err(|error| undecided("cannot prepare a connection", &error))
    }

    /// Accepts until a connection of the program comes; closes those of strangers, and sets aside
    /// those that are closed already.
    fn next_of_program(
        &mut self,
        listener: &TcpListener,
        deadline: Instant,
        unclear: &mut Unclear,
    ) -> Step<Option<TcpStream>> {
        loop {
            let next = tcp::accept(listener, deadline);
            let Some(stream) = next.map_err(|error| undecided("cannot accept", &error))? else {
                return Ok(None);
            };
            match self.sender(&stream)? {
                Sender::Program => {
                    self.came_to_the_right_address(&stream)?;
                    return Ok(Some(stream));
                }
                Sender::Gone => unclear.add(stream),
                Sender::Stranger(who) => {
                    self.log.did(&who, "connected, and was sent away");
                    let note = format!(
                        "{who} connected as well; the program has not started it, so it was sent away"
                    );
                    if !self.notes.contains(&note) {
                        self.note(note);
                    }
                }
            }
        }
    }

    /// Who is at the other end of a connection that has been accepted.
    fn sender(&mut self, stream: &TcpStream) -> Step<Sender> {
        if self.target.own_network || !procfs::tells_queues() {
            return Ok(Sender::Program);
        }
        let (Ok(us), Ok(them)) = (stream.local_addr(), stream.peer_addr()) else {
            return Ok(Sender::Gone);
        };
        let Some(inode) = procfs::inode(them, us).filter(|inode| *inode != 0) else {
            return Ok(Sender::Gone);
        };
        if self.is_of_program(inode)? {
            return Ok(Sender::Program);
        }
        let stranger = procfs::holder_of(inode, procfs::processes().into_iter());
        Ok(match stranger {
            // It may have started a process in the meantime.
            Some(_) if self.is_of_program(inode)? => Sender::Program,
            Some(one) => Sender::Stranger(format!("process {} ({})", one.id, one.name)),
            None if procfs::inode(them, us) == Some(inode) => {
                Sender::Stranger("another user's process".to_string())
            }
            None => Sender::Gone,
        })
    }

    /// Whether the program under test, or what it has started, holds the socket with this inode.
    pub(super) fn is_of_program(&mut self, inode: u64) -> Step<bool> {
        let program = self.program()?.processes();
        // Of a program that runs as another user it cannot be told what it holds.
        let hidden = program.iter().any(|one| procfs::hides_sockets(one.id));
        Ok(hidden || procfs::holder_of(inode, program.into_iter()).is_some())
    }
}

#[cfg(test)]
#[cfg(target_os = "linux")]
mod tests {
    use lab_netns::Closed;

    use super::*;
    use crate::command::Template;
    use crate::harness::Target;
    use crate::kind::Kind;
    use crate::peers::tcp::ReadEnd;
    use crate::ports::Protocol;

    /// A client under test on the network of the machine: a
    /// script for bash, with the server's address in `$to`.
    fn client(script: &str) -> Target {
        let patience = Duration::from_secs(2);
        Target {
            kind: Kind::Client,
            message: "",
            command: Template::parse(&format!(
                "bash -c 'to=/dev/tcp/127.0.0.1/$0; {script}' {{port}}"
            ))
            .unwrap(),
            address: "127.0.0.1:1".parse().unwrap(),
            protocol: Protocol::Tcp,
            patience,
            case_limit: Duration::from_secs(600),
            folder: None,
            seed: 1,
            until: Instant::now() + Duration::from_secs(600),
            own_network: false,
            recorder: None,
            any_host: false,
        }
    }

    #[test]
    fn strangers_are_sent_away_and_the_program_is_met() {
        let target = client("exec 3<>$to; echo hello >&3; exec sleep 1000");
        let mut harness = Harness::new(&target, "case", Closed::default()).unwrap();
        let listener = harness.listen().unwrap();
        // A port scan leaves at once; another program stays, and speaks.
        drop(TcpStream::connect(harness.address).unwrap());
        let mut stranger = TcpStream::connect(harness.address).unwrap();
        io::Write::write_all(&mut stranger, b"who is there?").unwrap();
        harness.start("").unwrap();
        let mut server = harness.accept(&listener).unwrap();
        assert_eq!(server.read(b"hello\n").end, ReadEnd::Complete);
        let us = format!("process {} (", std::process::id());
        assert!(
            harness.notes.len() == 1 && harness.notes[0].starts_with(&us),
            "{:?}",
            harness.notes
        );
        harness.end();
    }

    #[test]
    fn a_program_that_has_left_already_is_met_all_the_same() {
        for (script, said) in [
            // It ends at once.
            ("echo hello >$to", b"hello\n".as_slice()),
            // It closes the connection, and continues.
            ("echo hello >$to; exec sleep 1000", b"hello\n"),
            ("exec 3<>$to; exec 3>&-; exec sleep 1000", b""),
        ] {
            let target = client(script);
            let mut harness = Harness::new(&target, "case", Closed::default()).unwrap();
            let listener = harness.listen().unwrap();
            drop(TcpStream::connect(harness.address).unwrap());
            harness.start("").unwrap();
            let mut server = harness.accept(&listener).unwrap();
            let received = server.read_end();
            assert_eq!(
                (received.bytes.as_slice(), received.end),
                (said, ReadEnd::Closed),
                "{script}"
            );
            harness.end();
        }
    }

    #[test]
    fn a_program_that_never_comes_is_told_so_whoever_else_does() {
        let target = client("exit 7");
        let mut harness = Harness::new(&target, "case", Closed::default()).unwrap();
        let listener = harness.listen().unwrap();
        let _stranger = TcpStream::connect(harness.address).unwrap();
        harness.start("").unwrap();
        let met = harness.accept(&listener);
        let Err(crate::verdict::Stop::Wrong(failure)) = &met else {
            panic!("{met:?}");
        };
        assert!(
            failure.summary.contains("never connected"),
            "{}",
            failure.summary
        );
        harness.end();
    }
}
