//! What servers have to get right around the calls that a lab teaches: waiting with a time limit,
//! going on after a failed accept or recvfrom, and closing so that the last answer still arrives.

use std::io::{self, ErrorKind, Read, Write};
use std::net::Shutdown;
use std::thread;
use std::time::{Duration, Instant};

use anyhow::Context;
use socket2::{SockRef, Socket};

use crate::log;

/// How long [`retry_accept`] waits when the system has no descriptors or memory left.
const SHORTAGE_PAUSE: Duration = Duration::from_millis(100);

/// The most that [`close_gracefully`] reads and drops, in bytes.
const DRAIN_LIMIT: usize = 64 * 1024 * 1024;

/// Closes a TCP connection without losing the answer that was sent last.
///
/// A socket that is closed while bytes wait in it unread sends RST instead of FIN (RFC 2525,
/// section 2.17), and an RST makes the peer's system throw away what the peer has not read yet: our
/// answer. So: end our direction (`shutdown(SHUT_WR)`, the half-close), read and drop what still
/// comes, and close when the peer has closed, the timeout has passed, or 64 MiB have come: a peer
/// may never stop sending.
///
/// ```
/// use std::io::{Read, Write};
/// use std::net::{TcpListener, TcpStream};
/// use std::time::Duration;
///
/// let listener = TcpListener::bind("127.0.0.1:0")?;
/// let mut client = TcpStream::connect(listener.local_addr()?)?;
/// client.write_all(b"much more than the server cares to read")?;
/// let (mut server, _) = listener.accept()?;
/// server.write_all(b"too long")?;
/// let client = std::thread::spawn(move || {
///     let mut answer = String::new();
///     client.read_to_string(&mut answer).map(|_| answer)
/// });
/// labnet::close_gracefully(server.into(), Duration::from_secs(1))?;
/// assert_eq!(client.join().unwrap()?, "too long");
/// # Ok::<(), std::io::Error>(())
/// ```
///
/// # Errors
///
/// When the connection is already broken (`ENOTCONN`, `ECONNRESET`): the answer may not have
/// arrived.
pub fn close_gracefully(mut connection: Socket, timeout: Duration) -> io::Result<()> {
    connection.shutdown(Shutdown::Write)?;
    let deadline = Instant::now() + timeout;
    let mut dropped = [0; 16 * 1024];
    let mut total = 0;
    while total < DRAIN_LIMIT {
        let left = deadline.saturating_duration_since(Instant::now());
        if left.is_zero() {
            break;
        }
        connection.set_read_timeout(Some(at_least_1_us(left)))?;
        match connection.read(&mut dropped) {
            Ok(0) => break,
            Ok(count) => total += count,
            Err(error) if error.kind() == ErrorKind::Interrupted => {}
            Err(error) if matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::TimedOut) => {
                break;
            }
            Err(error) => return Err(error),
        }
    }
    Ok(())
}

/// A time limit for a socket: the system counts in microseconds, and takes 0 of them for "no
/// limit".
fn at_least_1_us(left: Duration) -> Duration {
    left.max(Duration::from_micros(1))
}

fn timed_out() -> io::Error {
    io::Error::new(ErrorKind::TimedOut, "timed out")
}

/// Makes a call on a socket that has a time limit, as Python's sockets do after `settimeout`.
///
/// The call is made again, with the time that is left, when a signal interrupts it: Linux does not
/// restart calls on sockets with a time limit (`signal(7)`), so without this a server loses its
/// client when it is stopped with Ctrl-Z and continues. And when the time is up, the error says so:
/// Linux calls it `EAGAIN`, `Resource temporarily unavailable`.
///
/// ```
/// use std::io::{ErrorKind, Read};
/// use std::net::{TcpListener, TcpStream};
/// use std::time::Duration;
///
/// let listener = TcpListener::bind("127.0.0.1:0")?;
/// let silent = TcpStream::connect(listener.local_addr()?)?;
/// silent.set_read_timeout(Some(Duration::from_millis(10)))?;
/// let error = labnet::with_timeout(&silent, || (&silent).read(&mut [0; 16])).unwrap_err();
/// assert_eq!(error.kind(), ErrorKind::TimedOut);
/// assert_eq!(error.to_string(), "timed out");
/// # Ok::<(), std::io::Error>(())
/// ```
///
/// # Errors
///
/// Those of the call; a time limit that has passed as [`ErrorKind::TimedOut`].
pub fn with_timeout<'socket, T>(
    socket: impl Into<SockRef<'socket>>,
    call: impl FnMut() -> io::Result<T>,
) -> io::Result<T> {
    let socket = socket.into();
    repeat_interrupted(
        call,
        || socket.read_timeout(),
        |limit| socket.set_read_timeout(limit),
    )
}

/// Makes a call until no signal interrupts it. Its limit is read and changed only when one does:
/// each of these is a system call.
fn repeat_interrupted<T>(
    mut call: impl FnMut() -> io::Result<T>,
    limit: impl Fn() -> io::Result<Option<Duration>>,
    set_limit: impl Fn(Option<Duration>) -> io::Result<()>,
) -> io::Result<T> {
    let started = Instant::now();
    let mut changed = None;
    let result = loop {
        match call() {
            Err(error) if error.kind() == ErrorKind::Interrupted => {
                let whole = match changed {
                    Some(whole) => Some(whole),
                    None => limit()?,
                };
                let Some(whole) = whole else { continue };
                let left = whole.saturating_sub(started.elapsed());
                if left.is_zero() {
                    break Err(timed_out());
                }
                set_limit(Some(at_least_1_us(left)))?;
                changed = Some(whole);
            }
            Err(error) if matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::TimedOut) => {
                break Err(timed_out());
            }
            result => break result,
        }
    };
    if changed.is_some() {
        set_limit(changed)?;
    }
    result
}

/// A TCP connection with a time limit for each read and each message, as Python's `settimeout` sets
/// it.
///
/// Its reads and writes go through [`with_timeout`]. `write_all` has the limit for the whole
/// message, as Python's `sendall` does: a client that takes a byte now and then does not get more
/// time with each byte.
///
/// ```
/// use std::io::Read;
/// use std::net::{TcpListener, TcpStream};
/// use std::time::Duration;
///
/// let listener = TcpListener::bind("127.0.0.1:0")?;
/// let silent = TcpStream::connect(listener.local_addr()?)?;
/// let mut connection = labnet::WithTimeout::new(silent.into(), Duration::from_millis(10))?;
/// let error = connection.read(&mut [0; 16]).unwrap_err();
/// assert_eq!(error.to_string(), "timed out");
/// # Ok::<(), std::io::Error>(())
/// ```
#[derive(Debug)]
pub struct WithTimeout {
    socket: Socket,
    timeout: Option<Duration>,
}

impl WithTimeout {
    /// Sets the time limit (`SO_RCVTIMEO` and `SO_SNDTIMEO`); `None` waits without a limit.
    ///
    /// # Errors
    ///
    /// When the system does not accept the limit.
    pub fn new(socket: Socket, timeout: impl Into<Option<Duration>>) -> io::Result<Self> {
        let timeout = timeout.into();
        socket.set_read_timeout(timeout)?;
        socket.set_write_timeout(timeout)?;
        Ok(WithTimeout { socket, timeout })
    }

    /// The connection itself.
    pub fn into_inner(self) -> Socket {
        self.socket
    }

    /// Sends bytes of which the first send has taken only a part.
    fn write_rest(&mut self, mut rest: &[u8], deadline: Instant) -> io::Result<()> {
        while !rest.is_empty() {
            let left = deadline.saturating_duration_since(Instant::now());
            if left.is_zero() {
                return Err(timed_out());
            }
            self.socket.set_write_timeout(Some(at_least_1_us(left)))?;
            let count = self.write(rest)?;
            rest = &rest[count..];
        }
        Ok(())
    }
}

impl Read for WithTimeout {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        with_timeout(&self.socket, || (&self.socket).read(buffer))
    }
}

impl Write for WithTimeout {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        repeat_interrupted(
            || (&self.socket).write(bytes),
            || self.socket.write_timeout(),
            |limit| self.socket.set_write_timeout(limit),
        )
    }

    fn write_all(&mut self, bytes: &[u8]) -> io::Result<()> {
        let started = Instant::now();
        let Some(timeout) = self.timeout else {
            return self.socket.write_all(bytes);
        };
        let count = self.write(bytes)?;
        if count == bytes.len() {
            return Ok(());
        }
        let result = self.write_rest(&bytes[count..], started + timeout);
        self.socket.set_write_timeout(Some(timeout))?;
        result
    }

    fn flush(&mut self) -> io::Result<()> {
        self.socket.flush()
    }
}

/// Handles a failed `accept` in a server that keeps running: logs it, if trying again can help.
///
/// `accept(2)` also reports errors on the incoming connection (`ECONNABORTED` and other network
/// errors). They concern that client only; the next one may succeed. If the system is short of
/// descriptors or memory, this waits 100 ms before it returns: without a pause the loop would keep
/// a processor busy with the same error.
///
/// ```
/// use std::io::{Error, ErrorKind};
///
/// // The client left before its turn came: continue.
/// assert!(labnet::retry_accept(Error::from(ErrorKind::ConnectionAborted)).is_ok());
/// // The socket is not listening: trying again cannot help.
/// assert!(labnet::retry_accept(Error::from(ErrorKind::InvalidInput)).is_err());
/// ```
///
/// # Errors
///
/// When trying again cannot help.
pub fn retry_accept(error: io::Error) -> anyhow::Result<()> {
    match error.kind() {
        ErrorKind::InvalidInput | ErrorKind::Unsupported => {
            return Err(error).context("cannot accept clients");
        }
        ErrorKind::ConnectionAborted | ErrorKind::ConnectionReset | ErrorKind::Interrupted => {}
        _ => thread::sleep(SHORTAGE_PAUSE),
    }
    log!("cannot accept a client: {error}; waiting for the next");
    Ok(())
}

/// Handles a failed `recvfrom` in a UDP server: logs it, if trying again can help.
///
/// UDP has no connections, but `recvfrom` may still report that an earlier answer could not be
/// delivered (ICMP "port unreachable"; Windows calls it `WSAECONNRESET`). That concerns one client
/// only. If the system is short of memory, this waits 100 ms, as [`retry_accept`] does.
///
/// ```
/// use std::io::{Error, ErrorKind};
///
/// // The client left before its answer came: continue.
/// assert!(labnet::retry_receive(Error::from(ErrorKind::ConnectionReset)).is_ok());
/// // No socket that can receive: trying again cannot help.
/// assert!(labnet::retry_receive(Error::from(ErrorKind::InvalidInput)).is_err());
/// ```
///
/// # Errors
///
/// When trying again cannot help.
pub fn retry_receive(error: io::Error) -> anyhow::Result<()> {
    match error.kind() {
        ErrorKind::Interrupted => return Ok(()),
        ErrorKind::InvalidInput | ErrorKind::Unsupported => {
            return Err(error).context("cannot receive datagrams");
        }
        ErrorKind::ConnectionRefused | ErrorKind::ConnectionReset => {}
        _ => thread::sleep(SHORTAGE_PAUSE),
    }
    log!("cannot receive a datagram: {error}; waiting for the next");
    Ok(())
}

#[cfg(test)]
mod tests {
    use std::net::{TcpListener, TcpStream};
    use std::sync::mpsc;

    use super::*;

    #[test]
    fn a_message_to_a_client_that_reads_slowly_has_one_time_limit_as_in_python() {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let mut slow = TcpStream::connect(listener.local_addr().unwrap()).unwrap();
        let (server, _) = listener.accept().unwrap();
        let (sent, done) = mpsc::channel();
        // It takes bytes all the time, so that no single send is without progress.
        let reader = thread::spawn(move || {
            let mut piece = vec![0; 256 * 1024];
            while done.recv_timeout(Duration::from_millis(5)).is_err() {
                assert_ne!(slow.read(&mut piece).unwrap(), 0);
            }
        });
        let mut server = WithTimeout::new(server.into(), Duration::from_millis(200)).unwrap();
        let result = server.write_all(&vec![0; 256 * 1024 * 1024]);
        sent.send(()).unwrap();
        reader.join().unwrap();
        assert_eq!(result.unwrap_err().to_string(), "timed out");
        // The next message has the whole limit again.
        let limit = server.into_inner().write_timeout().unwrap();
        assert_eq!(limit, Some(Duration::from_millis(200)));
    }

    #[test]
    fn a_call_that_a_signal_interrupts_gets_the_time_that_is_left_as_in_python() {
        let limit = Duration::from_millis(50);
        let silent = std::net::UdpSocket::bind("127.0.0.1:0").unwrap();
        silent.set_read_timeout(Some(limit)).unwrap();
        let was = silent.read_timeout().unwrap();
        let mut calls = 0;
        // As if a signal came when the whole limit was over.
        let error = with_timeout(&silent, || -> io::Result<()> {
            calls += 1;
            // The kernel counts in ticks and may end a wait some milliseconds early.
            let begun = Instant::now();
            while begun.elapsed() < limit {
                assert!(silent.recv(&mut [0]).is_err());
            }
            Err(ErrorKind::Interrupted.into())
        });
        assert_eq!(error.unwrap_err().to_string(), "timed out");
        assert_eq!(calls, 1);
        // And as if one came at once: the call is repeated, and the next has the whole limit again.
        let mut results = [Err(ErrorKind::Interrupted.into()), Ok(5)].into_iter();
        let again = with_timeout(&silent, || results.next().unwrap());
        assert_eq!(again.unwrap(), 5);
        assert_eq!(silent.read_timeout().unwrap(), was);
    }

    #[test]
    fn close_gracefully_ends_also_when_less_than_a_microsecond_is_left() {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let _silent = TcpStream::connect(listener.local_addr().unwrap()).unwrap();
        let (server, _) = listener.accept().unwrap();
        let (done, ended) = mpsc::channel();
        thread::spawn(move || {
            close_gracefully(server.into(), Duration::from_nanos(999)).unwrap();
            done.send(()).unwrap();
        });
        assert_eq!(ended.recv_timeout(Duration::from_secs(5)), Ok(()));
    }
}
