//! A relay that joins clients in pairs and passes each frame on at once: the floor of anything that
//! routes WebSocket messages. And its clients.

use std::io::Write;
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::thread;

use anyhow::{Context, bail};
use tungstenite::protocol::frame::Frame as Whole;
use tungstenite::protocol::frame::coding::{Data, OpCode};
use tungstenite::protocol::{WebSocket, WebSocketConfig};
use tungstenite::{Bytes, Message as Frame};

use crate::connection::Reader;
use crate::websocket::{self, Frames};
use crate::{ARGUMENTS, Peer};

/// Serves until it is ended.
pub(crate) fn relay() -> anyhow::Result<()> {
    let listener = TcpListener::bind("127.0.0.1:0").context("cannot listen on 127.0.0.1")?;
    labnet::log_listening(&listener)?;
    loop {
        let one = accept(&listener)?;
        let other = accept(&listener)?;
        let ways = [(one.0, other.1), (other.0, one.1)];
        for (from, to) in ways {
            thread::spawn(move || {
                // The pair ends when one of its connections does.
                let _ended = pass_on(from, to);
            });
        }
    }
}

/// The next client that speaks WebSocket. Anyone who else knocks does not end the benchmark.
fn accept(listener: &TcpListener) -> anyhow::Result<(WebSocket<TcpStream>, TcpStream)> {
    loop {
        let (stream, peer) = listener.accept().context("cannot accept")?;
        stream.set_nodelay(true).context("cannot set TCP_NODELAY")?;
        let out = stream.try_clone().context("cannot share the connection")?;
        let config = WebSocketConfig::default().read_buffer_size(8 * 1024);
        match tungstenite::accept_with_config(stream, Some(config)) {
            Ok(socket) => return Ok((socket, out)),
            Err(error) => labnet::log!("{peer} is not a WebSocket: {error}"),
        }
    }
}

fn pass_on(mut from: WebSocket<TcpStream>, mut to: TcpStream) -> anyhow::Result<()> {
    let mut out = Vec::new();
    loop {
        let (kind, content) = match from.read()? {
            Frame::Text(text) => (Data::Text, Bytes::from(text)),
            Frame::Binary(bytes) => (Data::Binary, bytes),
            _ => continue,
        };
        out.clear();
        Whole::message(content, OpCode::Data(kind), true).format(&mut out)?;
        to.write_all(&out)?;
    }
}

/// One end of the relay: what it sends comes out at the other.
pub(crate) struct Relayed {
    reader: Reader,
    frames: Frames,
    /// How many answers have come: without a protocol they have no number.
    answers: u64,
}

impl Relayed {
    pub(crate) fn pair(address: SocketAddr) -> anyhow::Result<(Self, Self)> {
        let join = || -> anyhow::Result<Self> {
            let (reader, frames) = websocket::connect(address, "/", None)?;
            Ok(Relayed {
                reader,
                frames,
                answers: 0,
            })
        };
        Ok((join()?, join()?))
    }

    fn receive(&mut self) -> anyhow::Result<()> {
        let content = websocket::next(&mut self.reader, &mut self.frames)?;
        anyhow::ensure!(
            content == ARGUMENTS.as_bytes(),
            "the arguments have changed"
        );
        Ok(())
    }

    fn send(&mut self) -> anyhow::Result<()> {
        self.frames
            .text(|out| out.extend_from_slice(ARGUMENTS.as_bytes()))
    }
}

impl Peer for Relayed {
    fn ask(&mut self, _number: u64) -> anyhow::Result<()> {
        self.send()
    }

    fn answer(&mut self) -> anyhow::Result<u64> {
        self.receive()?;
        self.answers += 1;
        Ok(self.answers - 1)
    }

    fn serve(&mut self) -> anyhow::Result<()> {
        self.receive()?;
        self.send()
    }

    fn publish(&mut self, _number: u64) -> anyhow::Result<()> {
        bail!("the relay has no events")
    }

    fn flush(&mut self) -> anyhow::Result<()> {
        self.frames.out.flush()
    }

    fn event(&mut self) -> anyhow::Result<()> {
        bail!("the relay has no events")
    }

    fn subscribe(&mut self) -> anyhow::Result<()> {
        bail!("the relay has no events")
    }

    fn connection(&self) -> anyhow::Result<TcpStream> {
        self.reader.connection()
    }
}
