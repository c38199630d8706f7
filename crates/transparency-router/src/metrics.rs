//! The counters, for Prometheus: `GET /metrics` on its own address.

use std::collections::VecDeque;
use std::io::{self, BufRead, BufReader, Read, Write};
use std::net::{Shutdown, SocketAddr, TcpListener, TcpStream, ToSocketAddrs};
use std::sync::{Arc, Weak};
use std::thread;
use std::time::{Duration, Instant};

use anyhow::Context;
use labnet::Hint;
use transparency_middleware::transport::Stopper;

/// How many may ask at a time. One more, and the one that has taken longest is cut.
const MOST: usize = 32;

/// How long somebody who asks may take, in all.
const PATIENCE: Duration = Duration::from_secs(2);

/// The longest request that is read, in bytes.
const LONGEST_REQUEST: u64 = 8 * 1024;

/// Serves the counters, each request from its own thread, so that nobody waits for one that is
/// slow. Gives the address.
pub(crate) fn serve(address: &str, stopper: Stopper) -> anyhow::Result<SocketAddr> {
    let address = address
        .to_socket_addrs()
        .ok()
        .and_then(|mut addresses| addresses.next())
        .with_context(|| format!("{address} is not an address for the counters"))
        .hint("give an address and a port: --metrics 127.0.0.1:9100")?;
    let listener = TcpListener::bind(address)
        .with_context(|| format!("cannot listen on {address} for the counters"))?;
    let address = listener
        .local_addr()
        .context("cannot read the address of the counters")?;
    thread::Builder::new()
        .name("metrics".to_string())
        .spawn(move || {
            let mut open = VecDeque::new();
            loop {
                match listener.accept() {
                    Ok((socket, _)) => answer_in_thread(socket, &stopper, &mut open),
                    // Without descriptors a loop that asks again
                    // at once would keep a processor busy.
                    Err(error) => {
                        if let Err(error) = labnet::retry_accept(error) {
                            labnet::log!("the counters are no longer served: {error:#}");
                            return;
                        }
                    }
                }
            }
        })
        .context("cannot start the thread of the counters")?;
    Ok(address)
}

/// `open` has those that may be in progress, the oldest first.
fn answer_in_thread(socket: TcpStream, stopper: &Stopper, open: &mut VecDeque<Weak<TcpStream>>) {
    open.retain(|socket| socket.strong_count() > 0);
    if open.len() >= MOST
        && let Some(oldest) = open.pop_front().and_then(|socket| socket.upgrade())
    {
        // It may have ended just now.
        let _ended = oldest.shutdown(Shutdown::Both);
    }
    let socket = Arc::new(socket);
    open.push_back(Arc::downgrade(&socket));
    let stopper = stopper.clone();
    let thread = thread::Builder::new()
        .name("scrape".to_string())
        .spawn(move || {
            // Anyone who asked has gone, or never asked; the next one may be more patient.
            let _gone = answer(&socket, &stopper);
        });
    if let Err(error) = thread {
        labnet::log!("cannot start a thread for the counters: {error}");
    }
}

/// A socket that is read until a deadline, however slowly its bytes come.
struct Until<'a>(&'a TcpStream, Instant);

impl Read for Until<'_> {
    fn read(&mut self, place: &mut [u8]) -> io::Result<usize> {
        let left = self.1.saturating_duration_since(Instant::now());
        if left.is_zero() {
            return Err(io::ErrorKind::TimedOut.into());
        }
        // The system counts in microseconds, and takes 0 of them for "no limit".
        let left = left.max(Duration::from_micros(1));
        self.0.set_read_timeout(Some(left))?;
        let mut socket = self.0;
        socket.read(place)
    }
}

fn answer(mut socket: &TcpStream, stopper: &Stopper) -> io::Result<()> {
    let deadline = Instant::now() + PATIENCE;
    socket.set_write_timeout(Some(PATIENCE))?;
    let mut lines = BufReader::new(Until(socket, deadline).take(LONGEST_REQUEST)).lines();
    let request = lines.next().transpose()?.unwrap_or_default();
    // To the empty line that ends the head, so that
    // nothing unread is left when the socket is closed.
    for line in lines {
        if line?.is_empty() {
            break;
        }
    }
    let (status, body) = if request.starts_with("GET /metrics ") {
        ("200 OK", stopper.metrics())
    } else {
        (
            "404 Not Found",
            "the counters are at /metrics\n".to_string(),
        )
    };
    let response = format!(
        "HTTP/1.1 {status}\r\nContent-Type: text/plain; version=0.0.4; charset=utf-8\r\n\
         Content-Length: {}\r\nConnection: close\r\n\r\n{body}",
        body.len()
    );
    socket.write_all(response.as_bytes())?;
    labnet::close_gracefully(socket.try_clone()?.into(), PATIENCE)
}
