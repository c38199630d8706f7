//! The client's side of WebSocket frames (RFC 6455, section 5): text frames in one piece.

use std::net::SocketAddr;

use anyhow::{Context, bail};
use tungstenite::client::IntoClientRequest;
use tungstenite::http::HeaderValue;

use crate::connection::{self, Reader, Writer};

const TEXT: u8 = 0x1;
const CLOSE: u8 = 0x8;
const PING: u8 = 0x9;
const PONG: u8 = 0xa;
/// The frame is a message's last.
const FIN: u8 = 0x80;
/// The content is masked.
const MASKED: u8 = 0x80;

/// Connects and upgrades. Nobody speaks before the
/// client does, so that nothing has been read too far.
pub(crate) fn connect(
    address: SocketAddr,
    path: &str,
    protocol: Option<&'static str>,
) -> anyhow::Result<(Reader, Frames)> {
    let url = format!("ws://{address}{path}");
    let mut request = url
        .as_str()
        .into_client_request()
        .context("the address is none")?;
    if let Some(name) = protocol {
        let headers = request.headers_mut();
        headers.insert("Sec-WebSocket-Protocol", HeaderValue::from_static(name));
    }
    let (reader, writer) = connection::connect(address)?;
    let stream = reader.connection()?;
    tungstenite::client(request, stream).with_context(|| format!("no WebSocket at {url}"))?;
    let frames = Frames {
        out: writer,
        mask: u64::from(address.port()) << 32 | 0x9e37_79b9,
    };
    Ok((reader, frames))
}

/// Frames on their way out.
pub(crate) struct Frames {
    pub(crate) out: Writer,
    /// The state of the generator (xorshift) that gives each frame another mask.
    mask: u64,
}

impl Frames {
    /// Puts a text in; `content` appends it.
    pub(crate) fn text(&mut self, content: impl FnOnce(&mut Vec<u8>)) -> anyhow::Result<()> {
        self.frame(TEXT, content)
    }

    fn frame(&mut self, opcode: u8, content: impl FnOnce(&mut Vec<u8>)) -> anyhow::Result<()> {
        let waiting = &mut self.out.waiting;
        let start = waiting.len();
        self.mask ^= self.mask << 13;
        self.mask ^= self.mask >> 7;
        self.mask ^= self.mask << 17;
        let [mask @ .., _, _, _, _] = self.mask.to_le_bytes();
        waiting.extend_from_slice(&[FIN | opcode, MASKED]);
        waiting.extend_from_slice(&mask);
        content(waiting);
        let content = &mut waiting[start + 6..];
        anyhow::ensure!(content.len() < 126, "a message here has one byte of length");
        for four in content.chunks_mut(4) {
            for (byte, mask) in four.iter_mut().zip(mask) {
                *byte ^= mask;
            }
        }
        let length = u8::try_from(content.len())?;
        waiting[start + 1] |= length;
        Ok(())
    }
}

/// Waits for the next text and gives it; pings are answered on the way.
pub(crate) fn next<'a>(reader: &'a mut Reader, frames: &mut Frames) -> anyhow::Result<&'a [u8]> {
    loop {
        reader.at_least(2, &mut frames.out)?;
        let (opcode, short) = match *reader.bytes() {
            [first, short, ..] if first & FIN != 0 && short & MASKED == 0 => (first & 0xf, short),
            _ => bail!("a server sends its frames whole and unmasked"),
        };
        let (head, length) = match short {
            126 => {
                reader.at_least(4, &mut frames.out)?;
                let bytes = reader.bytes();
                (4, usize::from(u16::from_be_bytes([bytes[2], bytes[3]])))
            }
            127 => bail!("a message is too large"),
            short => (2, usize::from(short)),
        };
        reader.at_least(head + length, &mut frames.out)?;
        match opcode {
            TEXT => return Ok(reader.take(head, length)),
            PING => {
                let content = reader.take(head, length).to_vec();
                frames.frame(PONG, |out| out.extend_from_slice(&content))?;
            }
            CLOSE => bail!("the server closed the connection"),
            _ => {
                reader.take(head, length);
            }
        }
    }
}
