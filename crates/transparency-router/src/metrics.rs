//! The counters, for Prometheus: `GET /metrics` on an address of its own.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream, ToSocketAddrs};
use std::thread;
use std::time::Duration;

use anyhow::Context;
use labnet::Hint;
use transparency_middleware::transport::Stopper;

/// How long somebody who asks may take.
const PATIENCE: Duration = Duration::from_secs(2);

/// The longest request that is read, in bytes.
const LONGEST_REQUEST: u64 = 8 * 1024;

/// Serves the counters from a thread of its own, one request after the other. Gives the address.
pub(crate) fn serve(address: &str, stopper: Stopper) -> anyhow::Result<SocketAddr> {
    let address = address
        .to_socket_addrs()
        .ok()
        .and_then(|mut addresses| addresses.next())
        .with_context(|| format!("{address} is no address for the counters"))
        .hint("give an address and a port: --metrics 127.0.0.1:9100")?;
    let listener = TcpListener::bind(address)
        .with_context(|| format!("cannot listen on {address} for the counters"))?;
    let address = listener
        .local_addr()
        .context("cannot read the address of the counters")?;
    thread::Builder::new()
        .name("metrics".to_string())
        .spawn(move || {
            loop {
                match listener.accept() {
                    Ok((socket, _)) => {
                        // Whoever asked has gone, or never asked; the next one may be more patient.
                        let _gone = answer(socket, &stopper);
                    }
                    // Without descriptors a loop that asks again at once would keep a processor busy.
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

fn answer(mut socket: TcpStream, stopper: &Stopper) -> std::io::Result<()> {
    socket.set_read_timeout(Some(PATIENCE))?;
    socket.set_write_timeout(Some(PATIENCE))?;
    let mut lines = BufReader::new((&socket).take(LONGEST_REQUEST)).lines();
    let request = lines.next().transpose()?.unwrap_or_default();
    // To the empty line that ends the head, so that nothing unread is left when the socket is closed.
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
    labnet::close_gracefully(socket.into(), PATIENCE)
}
