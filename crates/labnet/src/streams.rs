//! How to hang up so that the last answer still arrives.

use std::io::{self, ErrorKind, Read};
use std::net::Shutdown;
use std::time::{Duration, Instant};

use socket2::Socket;

/// The most that [`hang_up`] reads and drops, in bytes.
const DRAIN_LIMIT: usize = 64 * 1024 * 1024;

/// Closes a TCP connection without losing the answer that was sent last.
///
/// A socket that is closed while bytes wait in it unread sends RST instead of FIN (RFC 2525, section 2.17),
/// and an RST makes the peer's system throw away what the peer has not read yet: our answer. So: end our
/// direction (`shutdown(SHUT_WR)`, the half-close), read and drop what still comes, and close when the peer
/// has closed, `patience` is over, or 64 MiB have come: a peer that never stops sending is not waited for.
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
/// labnet::hang_up(server.into(), Duration::from_secs(1))?;
/// assert_eq!(client.join().unwrap()?, "too long");
/// # Ok::<(), std::io::Error>(())
/// ```
///
/// # Errors
///
/// When the connection is already broken (`ENOTCONN`, `ECONNRESET`): the answer may not have arrived.
pub fn hang_up(mut connection: Socket, patience: Duration) -> io::Result<()> {
    connection.shutdown(Shutdown::Write)?;
    let deadline = Instant::now() + patience;
    let mut dropped = [0; 16 * 1024];
    let mut total = 0;
    while total < DRAIN_LIMIT {
        let left = deadline.saturating_duration_since(Instant::now());
        if left.is_zero() {
            break;
        }
        connection.set_read_timeout(Some(left))?;
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
