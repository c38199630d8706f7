//! A connected socket, plain or with TLS, that one thread reads and others write.
//!
//! rustls does no I/O: it turns bytes into records and back. What it
//! has made waits in `pending` until the socket takes it, and no lock
//! that a reader needs is held while a writer waits for the peer.

use std::io::{self, ErrorKind, Read, Write};
use std::net::{Shutdown, TcpStream};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, TryLockError};
use std::time::{Duration, Instant};

use labnet::lock;
use rustls::pki_types::ServerName;
use rustls::{ClientConfig, ClientConnection, Connection, ServerConfig, ServerConnection};

/// How many bytes become records at once.
const AT_ONCE: usize = 64 * 1024;

/// How many bytes of records are read at once.
const READ_AT_ONCE: usize = 16 * 1024;

/// A connected socket, plain or with TLS.
#[derive(Debug)]
pub(crate) struct Stream {
    socket: TcpStream,
    tls: Option<Tls>,
}

#[derive(Debug)]
struct Tls {
    /// Locked after `pending`, where both are.
    connection: Mutex<Connection>,
    pending: Mutex<Pending>,
    /// Locked before `connection`, by the one thread that reads.
    incoming: Mutex<Incoming>,
}

/// Records that have come and that rustls has had no room for yet.
#[derive(Debug, Default)]
struct Incoming {
    records: Vec<u8>,
    start: usize,
    end: usize,
}

/// Records on their way out.
#[derive(Debug, Default)]
struct Pending {
    records: Vec<u8>,
    written: usize,
}

/// How the socket is written to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Wait {
    /// What fits at once.
    No,
    /// Up to the socket's time limit (`SO_SNDTIMEO`).
    Yes,
}

impl Stream {
    /// Without TLS.
    pub(crate) fn plain(socket: TcpStream) -> Self {
        Stream { socket, tls: None }
    }

    /// A client's end; its handshake is still to be made.
    pub(crate) fn client(
        socket: TcpStream,
        config: Arc<ClientConfig>,
        name: ServerName<'static>,
    ) -> io::Result<Self> {
        let connection = ClientConnection::new(config, name).map_err(io::Error::other)?;
        Ok(Self::with(socket, connection.into()))
    }

    /// A server's end; its handshake is still to be made.
    pub(crate) fn server(socket: TcpStream, config: Arc<ServerConfig>) -> io::Result<Self> {
        let connection = ServerConnection::new(config).map_err(io::Error::other)?;
        Ok(Self::with(socket, connection.into()))
    }

    fn with(socket: TcpStream, mut connection: Connection) -> Self {
        // A peer that begins a handshake and floods cannot make it hold more.
        connection.set_buffer_limit(Some(AT_ONCE));
        Stream {
            socket,
            tls: Some(Tls {
                connection: Mutex::new(connection),
                pending: Mutex::default(),
                incoming: Mutex::default(),
            }),
        }
    }

    /// The socket under it, for its addresses and time limits.
    pub(crate) fn socket(&self) -> &TcpStream {
        &self.socket
    }

    /// Makes the handshake of TLS; without TLS there is none.
    ///
    /// # Errors
    ///
    /// When it is not over by the deadline, or the peer cannot be trusted.
    pub(crate) fn handshake(&self, deadline: Instant) -> io::Result<()> {
        let Some(tls) = &self.tls else { return Ok(()) };
        loop {
            let left = deadline.saturating_duration_since(Instant::now());
            if left.is_zero() {
                return Err(ErrorKind::TimedOut.into());
            }
            self.socket.set_write_timeout(Some(left))?;
            tls.push(&self.socket, Wait::Yes)?;
            if !lock(&tls.connection).is_handshaking() {
                return Ok(());
            }
            self.socket.set_read_timeout(Some(left))?;
            if !tls.pull(&self.socket)? {
                return Err(ErrorKind::UnexpectedEof.into());
            }
        }
    }

    /// Reads what has come. One thread reads.
    pub(crate) fn read(&self, buffer: &mut [u8]) -> io::Result<usize> {
        loop {
            if let Some(count) = self.read_once(buffer)? {
                return Ok(count);
            }
        }
    }

    /// Asks the socket once at the most. `None` when a part of a record came, which says nothing
    /// yet: anyone who has a deadline looks at it before asking again.
    pub(crate) fn read_once(&self, buffer: &mut [u8]) -> io::Result<Option<usize>> {
        let Some(tls) = &self.tls else {
            return (&self.socket).read(buffer).map(Some);
        };
        let mut asked = false;
        loop {
            match lock(&tls.connection).reader().read(buffer) {
                Err(error) if error.kind() == ErrorKind::WouldBlock && asked => return Ok(None),
                Err(error) if error.kind() == ErrorKind::WouldBlock => {}
                // Closed without a word: WebSocket has its own closing handshake.
                Err(error) if error.kind() == ErrorKind::UnexpectedEof => return Ok(Some(0)),
                outcome => return outcome.map(Some),
            }
            if !tls.pull(&self.socket)? {
                return Ok(Some(0));
            }
            asked = true;
            tls.push_if_free(&self.socket);
        }
    }

    /// Takes some of these bytes on their way to the peer. One thread writes at a time. With no
    /// bytes it sends what it has taken before.
    ///
    /// # Errors
    ///
    /// `WouldBlock` or `TimedOut` when the peer takes nothing; then nothing has been taken.
    pub(crate) fn write(&self, bytes: &[u8], wait: Wait) -> io::Result<usize> {
        let Some(tls) = &self.tls else {
            if bytes.is_empty() {
                return Ok(0);
            }
            return send(&self.socket, bytes, wait);
        };
        tls.push(&self.socket, wait)?;
        if bytes.is_empty() {
            return Ok(0);
        }
        let mut pending = lock(&tls.pending);
        let mut connection = lock(&tls.connection);
        let count = connection
            .writer()
            .write(&bytes[..bytes.len().min(AT_ONCE)])?;
        pending.take_from(&mut connection)?;
        drop(connection);
        match pending.send(&self.socket, wait) {
            // They have been taken, and leave with the next.
            Err(error) if is_time(&error) => Ok(count),
            Err(error) => Err(error),
            Ok(()) => Ok(count),
        }
    }

    /// Writes all of these bytes, each piece up to the socket's time limit.
    pub(crate) fn write_all(&self, mut bytes: &[u8]) -> io::Result<()> {
        while !bytes.is_empty() {
            match self.write(bytes, Wait::Yes) {
                Ok(0) => return Err(ErrorKind::WriteZero.into()),
                Ok(count) => bytes = &bytes[count..],
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                Err(error) => return Err(error),
            }
        }
        self.write(&[], Wait::Yes).map(drop)
    }

    /// TLS announces its end with a separate record.
    fn say_end(&self) {
        if let Some(tls) = &self.tls {
            lock(&tls.connection).send_close_notify();
            tls.push_if_free(&self.socket);
        }
    }

    /// Says that nothing more comes from here.
    pub(crate) fn end_writing(&self) {
        self.say_end();
        // It may have been closed by the peer before.
        let _closed_before = self.socket.shutdown(Shutdown::Write);
    }

    /// Closes it in both directions: anyone who waits on it is woken.
    pub(crate) fn cut(&self) {
        // The same.
        let _closed_before = self.socket.shutdown(Shutdown::Both);
    }

    /// Ends the connection so that the peer gets to read what was
    /// written last: what it still sends is read and dropped.
    pub(crate) fn close_gracefully(&self, patience: Duration) -> io::Result<()> {
        self.say_end();
        labnet::close_gracefully(self.socket.try_clone()?.into(), patience)
    }
}

impl Tls {
    /// Gives rustls some records, from the socket where none are left; false at the end.
    fn pull(&self, socket: &TcpStream) -> io::Result<bool> {
        // One thread reads; no lock that a writer needs is held while this waits.
        let mut incoming = lock(&self.incoming);
        if incoming.start == incoming.end {
            incoming.records.resize(READ_AT_ONCE, 0);
            (incoming.start, incoming.end) = (0, 0);
            incoming.end = (&*socket).read(&mut incoming.records)?;
        }
        if incoming.end == 0 {
            return Ok(false);
        }
        let mut connection = lock(&self.connection);
        // It takes as many as its own buffer has room for;
        // the rest has its turn when that has been read.
        let mut rest = &incoming.records[incoming.start..incoming.end];
        connection.read_tls(&mut rest)?;
        incoming.start = incoming.end - rest.len();
        if let Err(error) = connection.process_new_packets() {
            drop(connection);
            // The alert that says why.
            self.push_if_free(socket);
            return Err(io::Error::new(ErrorKind::InvalidData, describe(&error)));
        }
        Ok(true)
    }

    /// Sends what waits.
    fn push(&self, socket: &TcpStream, wait: Wait) -> io::Result<()> {
        let mut pending = lock(&self.pending);
        pending.take_from(&mut lock(&self.connection))?;
        pending.send(socket, wait)
    }

    /// Sends what waits, as far as nobody else does and the
    /// socket takes it; the next to write sends the rest.
    fn push_if_free(&self, socket: &TcpStream) {
        let pending: Option<MutexGuard<'_, Pending>> = match self.pending.try_lock() {
            Ok(pending) => Some(pending),
            Err(TryLockError::Poisoned(poisoned)) => Some(PoisonError::into_inner(poisoned)),
            Err(TryLockError::WouldBlock) => None,
        };
        if let Some(mut pending) = pending {
            let taken = pending.take_from(&mut lock(&self.connection));
            // A broken connection shows at the next read.
            let _sent = taken.and_then(|()| pending.send(socket, Wait::No));
        }
    }
}

impl Pending {
    /// Takes the records that are ready.
    fn take_from(&mut self, connection: &mut Connection) -> io::Result<()> {
        while connection.wants_write() {
            connection.write_tls(&mut self.records)?;
        }
        Ok(())
    }

    fn send(&mut self, socket: &TcpStream, wait: Wait) -> io::Result<()> {
        while self.written < self.records.len() {
            match send(socket, &self.records[self.written..], wait) {
                Ok(0) => return Err(ErrorKind::WriteZero.into()),
                Ok(count) => self.written += count,
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                Err(error) => return Err(error),
            }
        }
        self.records.clear();
        self.records.shrink_to(READ_AT_ONCE);
        self.written = 0;
        Ok(())
    }
}

/// Whether the peer did not take, or send, anything in time.
pub(crate) fn is_time(error: &io::Error) -> bool {
    matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::TimedOut)
}

fn send(mut socket: &TcpStream, bytes: &[u8], wait: Wait) -> io::Result<usize> {
    match wait {
        Wait::No => send_now(socket, bytes),
        Wait::Yes => socket.write(bytes),
    }
}

/// One `send` that takes what fits at once.
#[cfg(unix)]
fn send_now(socket: &TcpStream, bytes: &[u8]) -> io::Result<usize> {
    use rustix::net::{SendFlags, send};
    Ok(send(socket, bytes, SendFlags::DONTWAIT)?)
}

/// Without such a flag every write is left to the outbox's own thread.
#[cfg(not(unix))]
fn send_now(_socket: &TcpStream, _bytes: &[u8]) -> io::Result<usize> {
    Err(ErrorKind::WouldBlock.into())
}

/// What is wrong with the peer, for a person.
fn describe(error: &rustls::Error) -> String {
    use rustls::CertificateError as Certificate;
    use rustls::{AlertDescription as Alert, Error};
    match error {
        Error::InvalidCertificate(why) => match why {
            Certificate::Expired | Certificate::ExpiredContext { .. } => {
                "its certificate has expired".to_string()
            }
            Certificate::NotValidYet | Certificate::NotValidYetContext { .. } => {
                "its certificate is not valid yet; is the clock right?".to_string()
            }
            Certificate::NotValidForName | Certificate::NotValidForNameContext { .. } => {
                "its certificate is for another name".to_string()
            }
            // Of two signers with the same name, it is the other one's.
            Certificate::UnknownIssuer | Certificate::BadSignature => {
                "no authority that this machine trusts has signed its certificate; name the signer's with --ca FILE"
                    .to_string()
            }
            other => format!("its certificate is not valid: {other}"),
        },
        Error::AlertReceived(Alert::UnknownCA) => {
            "the other side does not trust the certificate".to_string()
        }
        Error::InvalidMessage(_) => "it does not speak TLS".to_string(),
        other => other.to_string(),
    }
}
