//! The HTTP that a connection begins with: one request, and either the upgrade or one response.

use std::io::{self, ErrorKind, Read, Write};
use std::net::TcpStream;
use std::time::{Duration, Instant};

use tungstenite::handshake::server::{Request, create_response, write_response};

use crate::messages::Format;

/// The longest head of a request that is read, in bytes.
const LONGEST_HEAD: usize = 16 * 1024;

/// The most header fields.
const MOST_FIELDS: usize = 100;

/// A page that is served.
#[derive(Debug, Clone)]
pub struct Page {
    /// The path that it is found under, `/` or `/style.css`.
    pub path: String,
    /// Its media type, `text/html; charset=utf-8`.
    pub media_type: String,
    /// Its content.
    pub content: Vec<u8>,
}

/// A request's head, and what came after it.
pub(super) struct Head {
    pub(super) request: Request,
    pub(super) rest: Vec<u8>,
}

/// Why a connection ends before there is a session.
#[derive(Debug)]
pub(super) enum Refusal {
    /// An answer with this status and text.
    Answer(u16, &'static str),
    /// There is nobody to answer: the peer has gone, or sends nothing.
    Silence,
}

impl From<io::Error> for Refusal {
    fn from(error: io::Error) -> Self {
        match error.kind() {
            ErrorKind::WouldBlock | ErrorKind::TimedOut => {
                Refusal::Answer(408, "the request did not come in time")
            }
            _ => Refusal::Silence,
        }
    }
}

/// Reads a request's head; all of it has to be there by the deadline, however slowly it comes.
pub(super) fn read_head(socket: &mut TcpStream, deadline: Instant) -> Result<Head, Refusal> {
    let mut bytes = Vec::new();
    let mut piece = [0; 2048];
    loop {
        let left = deadline.saturating_duration_since(Instant::now());
        if left.is_zero() {
            return Err(Refusal::Answer(408, "the request did not come in time"));
        }
        socket.set_read_timeout(Some(left))?;
        let count = match socket.read(&mut piece) {
            Ok(count) => count,
            Err(error) if error.kind() == ErrorKind::Interrupted => continue,
            Err(error) => return Err(error.into()),
        };
        if count == 0 {
            return Err(Refusal::Silence);
        }
        bytes.extend_from_slice(&piece[..count]);
        if let Some((request, length)) = parse(&bytes)? {
            bytes.drain(..length);
            return Ok(Head {
                request,
                rest: bytes,
            });
        }
        if bytes.len() > LONGEST_HEAD {
            return Err(Refusal::Answer(431, "the request's head is too long"));
        }
    }
}

fn parse(bytes: &[u8]) -> Result<Option<(Request, usize)>, Refusal> {
    let bad = Refusal::Answer(400, "this is no HTTP request");
    let mut fields = [httparse::EMPTY_HEADER; MOST_FIELDS];
    let mut parsed = httparse::Request::new(&mut fields);
    let length = match parsed.parse(bytes) {
        Ok(httparse::Status::Complete(length)) => length,
        Ok(httparse::Status::Partial) => return Ok(None),
        Err(_) => return Err(bad),
    };
    let version = match parsed.version {
        Some(1) => tungstenite::http::Version::HTTP_11,
        _ => tungstenite::http::Version::HTTP_10,
    };
    let mut request = tungstenite::http::Request::builder()
        .method(parsed.method.unwrap_or_default())
        .uri(parsed.path.unwrap_or_default())
        .version(version);
    for field in parsed.headers.iter() {
        request = request.header(field.name, field.value);
    }
    match request.body(()) {
        Ok(request) => Ok(Some((request, length))),
        Err(_) => Err(bad),
    }
}

/// Whether the client asks for a WebSocket.
pub(super) fn wants_websocket(request: &Request) -> bool {
    let upgrade = request.headers().get("upgrade");
    upgrade.is_some_and(|upgrade| upgrade.as_bytes().eq_ignore_ascii_case(b"websocket"))
}

/// The first of WAMP's subprotocols that the client offers: its order is its preference.
pub(super) fn chosen_format(request: &Request) -> Option<Format> {
    request
        .headers()
        .get_all("sec-websocket-protocol")
        .iter()
        .filter_map(|offer| offer.to_str().ok())
        .flat_map(|offer| offer.split(','))
        .find_map(|name| Format::from_subprotocol(name.trim()))
}

/// Writes the upgrade's response: from here on the connection carries frames.
pub(super) fn upgrade(
    socket: &mut TcpStream,
    request: &Request,
    subprotocol: Option<&str>,
) -> Result<(), Refusal> {
    let incomplete = Refusal::Answer(
        400,
        "the WebSocket upgrade is not complete (RFC 6455, 4.2.1)",
    );
    let Ok(mut response) = create_response(request) else {
        return Err(incomplete);
    };
    if let Some(subprotocol) = subprotocol {
        let Ok(value) = subprotocol.parse() else {
            return Err(incomplete);
        };
        response
            .headers_mut()
            .insert("sec-websocket-protocol", value);
    }
    let mut bytes = Vec::new();
    if write_response(&mut bytes, &response).is_err() {
        return Err(incomplete);
    }
    // One message, one send.
    Ok(socket.write_all(&bytes)?)
}

/// Answers a request that is none for a WebSocket, or cannot be one, and ends the connection.
pub(super) fn answer(
    mut socket: TcpStream,
    status: u16,
    media_type: &str,
    body: &[u8],
    with_body: bool,
) -> io::Result<()> {
    let reason = match status {
        200 => "OK",
        400 => "Bad Request",
        404 => "Not Found",
        405 => "Method Not Allowed",
        408 => "Request Timeout",
        426 => "Upgrade Required",
        431 => "Request Header Fields Too Large",
        _ => "Service Unavailable",
    };
    let upgrade = if status == 426 {
        "Upgrade: websocket\r\n"
    } else {
        ""
    };
    let mut response = format!(
        "HTTP/1.1 {status} {reason}\r\nContent-Type: {media_type}\r\nContent-Length: {}\r\n\
         Cache-Control: no-cache\r\n{upgrade}Connection: close\r\n\r\n",
        body.len()
    )
    .into_bytes();
    if with_body {
        response.extend_from_slice(body);
    }
    socket.write_all(&response)?;
    // A connection closed with bytes unread is reset, and the answer lost.
    labnet::hang_up(socket.into(), Duration::from_millis(500))
}
