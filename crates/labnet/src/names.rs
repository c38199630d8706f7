//! From names to addresses, and the line that says where a server listens.

use std::net::{SocketAddr, ToSocketAddrs};

use anyhow::Context;
use socket2::SockRef;

use crate::{Hint, log};

/// The first IPv4 address of a host, with the port, as Python's `AF_INET` sockets look it up.
///
/// The empty name is every interface of this machine (`0.0.0.0`), as in Python's `bind(("",
/// port))`.
///
/// ```
/// let address = labnet::resolve("localhost", 9900)?;
/// assert_eq!(address.to_string(), "127.0.0.1:9900");
/// # Ok::<(), anyhow::Error>(())
/// ```
///
/// # Errors
///
/// When the resolver (`getaddrinfo`) does not know the name, or knows no IPv4 address of it.
pub fn resolve(host: &str, port: u16) -> anyhow::Result<SocketAddr> {
    let name = if host.is_empty() { "0.0.0.0" } else { host };
    (name, port)
        .to_socket_addrs()
        .with_context(|| format!("cannot resolve the host name {host}"))
        .and_then(|mut addresses| {
            addresses
                .find(SocketAddr::is_ipv4)
                .with_context(|| format!("the host {host} has no IPv4 address"))
        })
        .hint("check the spelling and the network, or give an address: --host 127.0.0.1")
}

/// This machine's own name, as Python's `socket.gethostname()` gives it.
///
/// ```
/// assert!(!labnet::host_name()?.is_empty());
/// # Ok::<(), anyhow::Error>(())
/// ```
///
/// # Errors
///
/// When the system has no name, or one that is not valid UTF-8.
pub fn host_name() -> anyhow::Result<String> {
    hostname::get()
        .context("cannot find out this machine's name")
        .and_then(|name| {
            name.into_string().map_err(|name| {
                anyhow::anyhow!(
                    "this machine's name is not valid UTF-8: {}",
                    name.to_string_lossy()
                )
            })
        })
        .hint("name the address yourself: --host 127.0.0.1")
}

/// A bound socket's own address (`getsockname`): with port 0 the system chose the port.
///
/// # Errors
///
/// When the socket's address cannot be read, or is not an IP address.
pub fn local_address<'socket>(socket: impl Into<SockRef<'socket>>) -> anyhow::Result<SocketAddr> {
    socket
        .into()
        .local_addr()
        .context("cannot read the socket's own address")?
        .as_socket()
        .context("the socket has no IP address")
}

/// Says on stderr where a bound socket listens: `listening on 127.0.0.1:65432`.
///
/// The port is the real one (`getsockname`), so a server started with `--port 0` tells which port
/// the system chose. Anyone who started the server may wait for this line: from then on clients can
/// come. A server on all interfaces says that others can reach it.
///
/// ```
/// let socket = std::net::UdpSocket::bind("127.0.0.1:0")?;
/// let address = labnet::log_listening(&socket)?;
/// assert_eq!(address, socket.local_addr()?);
/// # Ok::<(), anyhow::Error>(())
/// ```
///
/// # Errors
///
/// When the socket's address cannot be read, or is not an IP address.
pub fn log_listening<'socket>(socket: impl Into<SockRef<'socket>>) -> anyhow::Result<SocketAddr> {
    let address = local_address(socket)?;
    if address.ip().is_unspecified() {
        log!(
            "any machine that can reach this one can use this server; \
             --host 127.0.0.1 allows this machine only"
        );
    }
    log!("listening on {address}");
    Ok(address)
}
