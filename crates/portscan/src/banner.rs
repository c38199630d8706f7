//! What a service says first: read within limits, and escaped before it reaches a terminal.

use std::collections::HashMap;
use std::io::{ErrorKind, Read};
use std::net::{SocketAddr, TcpStream};
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};
use std::thread;
use std::time::{Duration, Instant};

/// The most bytes that are read from a service.
pub const MAX_BYTES: usize = 512;

/// Connections at a time.
const WORKERS: usize = 32;

/// What a peer said within the time, up to [`MAX_BYTES`] or the end of its first line; empty when
/// it waits for the client to speak first.
///
/// The time is for the whole banner: a peer that sends a byte now and then does not prolong it.
///
/// # Errors
///
/// When the connection cannot be made or breaks before a byte has come.
pub fn read(address: SocketAddr, time: Duration) -> std::io::Result<Vec<u8>> {
    let deadline = Instant::now() + time;
    let mut stream = TcpStream::connect_timeout(&address, time)?;
    let mut said = [0; MAX_BYTES];
    let mut length = 0;
    while length < MAX_BYTES && !said[..length].contains(&b'\n') {
        let left = deadline.saturating_duration_since(Instant::now());
        if left.is_zero() {
            break;
        }
        stream.set_read_timeout(Some(left))?;
        match stream.read(&mut said[length..]) {
            Ok(0) => break,
            Ok(count) => length += count,
            Err(error) if error.kind() == ErrorKind::Interrupted => {}
            Err(error) if matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::TimedOut) => {
                break;
            }
            Err(error) if length == 0 => return Err(error),
            // What came before the connection broke counts.
            Err(_) => break,
        }
    }
    Ok(said[..length].to_vec())
}

/// The banners of many services, those that say something. There are at most `rate` connections a
/// second. `stop` ends the work early; `done` counts the services that were asked.
pub fn read_all(
    addresses: &[SocketAddr],
    time: Duration,
    rate: Option<f64>,
    stop: &AtomicBool,
    done: &AtomicU64,
) -> HashMap<SocketAddr, String> {
    let (began, next) = (Instant::now(), AtomicUsize::new(0));
    let banners = Mutex::new(HashMap::new());
    thread::scope(|scope| {
        for _ in 0..WORKERS.min(addresses.len()) {
            scope.spawn(|| {
                while !stop.load(Ordering::Relaxed) {
                    let number = next.fetch_add(1, Ordering::Relaxed);
                    let Some(address) = addresses.get(number) else {
                        break;
                    };
                    if !wait_for_turn(began, number, rate, stop) {
                        break;
                    }
                    let banner = match read(*address, time) {
                        Ok(said) => printable(&said),
                        Err(error) => format!("({error})"),
                    };
                    if !banner.is_empty() {
                        labnet::lock(&banners).insert(*address, banner);
                    }
                    done.fetch_add(1, Ordering::Relaxed);
                }
            });
        }
    });
    std::mem::take(&mut *labnet::lock(&banners))
}

/// Waits until it is the turn of a connection at a rate. `false` when the work was stopped.
fn wait_for_turn(began: Instant, number: usize, rate: Option<f64>, stop: &AtomicBool) -> bool {
    /// The longest time until a stop is noticed.
    const TICK: Duration = Duration::from_millis(50);
    let Some(rate) = rate else {
        return true;
    };
    #[expect(clippy::cast_precision_loss, reason = "a number of ports")]
    let turn = Duration::from_secs_f64(number as f64 / rate);
    loop {
        let left = turn.saturating_sub(began.elapsed());
        if left.is_zero() {
            return true;
        }
        if stop.load(Ordering::Relaxed) {
            return false;
        }
        thread::sleep(left.min(TICK));
    }
}

/// The first line as printable ASCII; everything else is escaped, so that no service can send the
/// terminal a control sequence or forge a line of the report.
///
/// ```
/// use portscan::banner::printable;
///
/// assert_eq!(printable(b"SSH-2.0-OpenSSH_9.2\r\n"), "SSH-2.0-OpenSSH_9.2");
/// assert_eq!(printable(b"\x1b[2J\x00"), r"\x1b[2J\x00");
/// ```
pub fn printable(said: &[u8]) -> String {
    let line = said.split(|byte| *byte == b'\n').next().unwrap_or(said);
    let line = line.strip_suffix(b"\r").unwrap_or(line);
    line.escape_ascii()
        .to_string()
        .replace("\\\"", "\"")
        .replace("\\'", "'")
}

#[cfg(test)]
mod tests {
    use std::io::Write;
    use std::net::TcpListener;

    use super::*;

    const TIMEOUT: Duration = Duration::from_millis(300);

    /// Serves every connection, since a port scan of this machine may come first.
    fn service(say: fn(TcpStream)) -> SocketAddr {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                thread::spawn(move || say(stream));
            }
        });
        address
    }

    #[test]
    fn a_banner_in_pieces_is_read_to_the_end_of_its_line() {
        let address = service(|mut stream| {
            for piece in ["220 ", "ready", "\r\nmore"] {
                if stream.write_all(piece.as_bytes()).is_err() {
                    return;
                }
            }
        });
        let said = read(address, Duration::from_secs(5)).unwrap();
        assert_eq!(printable(&said), "220 ready");
    }

    #[test]
    fn a_service_that_waits_for_the_client_has_no_banner() {
        let address = service(|mut stream| {
            let _until_the_client_goes = stream.read(&mut [0]);
        });
        assert_eq!(read(address, TIMEOUT).unwrap(), b"");
    }

    #[test]
    fn a_service_that_never_stops_is_cut_off_and_one_that_trickles_does_not_prolong_the_wait() {
        let flood = service(|mut stream| while stream.write_all(&[b'x'; 4096]).is_ok() {});
        assert_eq!(
            read(flood, Duration::from_secs(5)).unwrap().len(),
            MAX_BYTES
        );

        let trickle = service(|mut stream| {
            while stream.write_all(b"x").is_ok() {
                thread::sleep(TIMEOUT / 10);
            }
        });
        let began = Instant::now();
        assert!(read(trickle, TIMEOUT).unwrap().len() < MAX_BYTES);
        assert!(began.elapsed() < TIMEOUT * 10);
    }
}
