//! Sends back whatever its one client sends, and ends
//! with it: `codio-echo-server` on tokio and clap.

use std::io::Write;

use anyhow::Context;
use clap::Parser;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpSocket;

/// The most that one recv takes, in bytes.
const BUFFER_SIZE: usize = 1024;
const BACKLOG: u32 = 128;

/// Sends back whatever its one client sends.
#[derive(Parser)]
struct Args {
    /// Address to listen on
    #[arg(long, default_value = "127.0.0.1")]
    host: String,
    /// Port to listen on (0 takes any that is free)
    #[arg(long, default_value_t = 65432)]
    port: u16,
}

#[tokio::main(flavor = "current_thread")]
async fn main() -> anyhow::Result<()> {
    let args = Args::parse();
    let address = tokio::net::lookup_host((args.host.as_str(), args.port))
        .await
        .with_context(|| format!("cannot resolve the host name {}", args.host))?
        .find(std::net::SocketAddr::is_ipv4)
        .with_context(|| format!("the host {} has no IPv4 address", args.host))?;
    let socket = TcpSocket::new_v4().context("cannot create a TCP socket")?;
    socket
        .set_reuseaddr(true)
        .context("cannot set SO_REUSEADDR")?;
    socket
        .bind(address)
        .with_context(|| format!("cannot bind to {address}"))?;
    let listener = socket
        .listen(BACKLOG)
        .with_context(|| format!("cannot listen on {address}"))?;
    let address = listener
        .local_addr()
        .context("cannot read the socket's own address")?;
    writeln!(std::io::stderr(), "listening on {address}").context("cannot write to stderr")?;

    let (mut connection, peer) = listener.accept().await.context("cannot accept a client")?;
    writeln!(
        std::io::stdout(),
        "Connected by ('{}', {})",
        peer.ip(),
        peer.port()
    )
    .context("cannot write to stdout")?;

    let mut buffer = [0; BUFFER_SIZE];
    loop {
        let count = connection
            .read(&mut buffer)
            .await
            .with_context(|| format!("cannot receive from {peer}"))?;
        if count == 0 {
            return Ok(());
        }
        connection
            .write_all(&buffer[..count])
            .await
            .with_context(|| format!("cannot send back to {peer}"))?;
    }
}
