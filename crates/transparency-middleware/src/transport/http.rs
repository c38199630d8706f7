//! The HTTP that a connection begins with: one request, and either the upgrade or one response.

use std::io::{self, ErrorKind};
use std::net::IpAddr;
use std::time::{Duration, Instant};

use tungstenite::handshake::server::{Request, create_response, write_response};
use tungstenite::http::HeaderValue;

use crate::messages::Format;
use crate::stream::Stream;

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
pub(super) fn read_head(socket: &Stream, deadline: Instant) -> Result<Head, Refusal> {
    let mut bytes = Vec::new();
    let mut piece = [0; 2048];
    loop {
        let left = deadline.saturating_duration_since(Instant::now());
        if left.is_zero() {
            return Err(Refusal::Answer(408, "the request did not come in time"));
        }
        socket.socket().set_read_timeout(Some(left))?;
        let count = match socket.read_once(&mut piece) {
            Ok(Some(count)) => count,
            Ok(None) => continue,
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
        Err(httparse::Error::TooManyHeaders) => {
            return Err(Refusal::Answer(
                431,
                "the request has too many header fields",
            ));
        }
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
    request
        .headers()
        .get_all("upgrade")
        .iter()
        .filter_map(|offer| offer.to_str().ok())
        .flat_map(|offer| offer.split(','))
        .any(|name| name.trim().eq_ignore_ascii_case("websocket"))
}

/// Whether the page that wants to connect may (RFC 6455, section 10.2). A browser says in `Origin`
/// whose page it is; a program says nothing, and may. A page may that this router served, to which
/// `Host` is the place it came from, and one of the origins that are allowed.
///
/// On loopback `Host` has to be an address or `localhost`: another
/// name there is one that somebody's DNS server has pointed at this
/// machine so that his page counts as the router's (DNS rebinding).
pub(super) fn origin_may_connect(request: &Request, allowed: &[String], on_loopback: bool) -> bool {
    let mut origins = request.headers().get_all("origin").iter();
    let (origin, None) = (origins.next(), origins.next()) else {
        return false;
    };
    let Some(origin) = origin else {
        return true;
    };
    let Ok(origin) = origin.to_str() else {
        return false;
    };
    if allowed.iter().any(|one| one.eq_ignore_ascii_case(origin)) {
        return true;
    }
    let host = request.headers().get("host");
    let Some(host) = host.and_then(|host| host.to_str().ok()) else {
        return false;
    };
    let (scheme, of) = origin.split_once("://").unwrap_or_default();
    let port = match scheme {
        "http" => ":80",
        "https" => ":443",
        _ => return false,
    };
    let without = |place: &'_ str| {
        place
            .strip_suffix(port)
            .unwrap_or(place)
            .to_ascii_lowercase()
    };
    let own = without(host);
    own == without(of) && !(on_loopback && is_foreign_name(&own))
}

/// Whether a host, with or without its port, is a name other than `localhost`.
fn is_foreign_name(host: &str) -> bool {
    let name = match host.rsplit_once(':') {
        Some((name, port)) if port.bytes().all(|byte| byte.is_ascii_digit()) => name,
        _ => host,
    };
    let address = name
        .strip_prefix('[')
        .and_then(|name| name.strip_suffix(']'));
    name != "localhost" && address.unwrap_or(name).parse::<IpAddr>().is_err()
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
    socket: &Stream,
    request: &Request,
    subprotocol: Option<&str>,
) -> Result<(), Refusal> {
    let incomplete = Refusal::Answer(
        400,
        "the WebSocket upgrade is not complete (RFC 6455, 4.2.1)",
    );
    // A client may offer other protocols as well (RFC
    // 9110, section 7.8); tungstenite wants to see none.
    let mut request = request.clone();
    let websocket = HeaderValue::from_static("websocket");
    request.headers_mut().insert("upgrade", websocket);
    let Ok(mut response) = create_response(&request) else {
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
    socket: &Stream,
    status: u16,
    media_type: &str,
    body: &[u8],
    with_body: bool,
) -> io::Result<()> {
    let reason = match status {
        200 => "OK",
        400 => "Bad Request",
        403 => "Forbidden",
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
    socket.close_gracefully(Duration::from_millis(500))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn may(host: &str, origin: &str, allowed: &[&str], on_loopback: bool) -> bool {
        let request = format!("GET /ws HTTP/1.1\r\nHost: {host}\r\nOrigin: {origin}\r\n\r\n");
        let (request, _) = parse(request.as_bytes()).unwrap().unwrap();
        let allowed: Vec<String> = allowed.iter().map(ToString::to_string).collect();
        origin_may_connect(&request, &allowed, on_loopback)
    }

    #[test]
    fn a_page_may_connect_to_where_it_came_from_and_nowhere_else() {
        for (host, origin) in [
            ("127.0.0.1:8080", "http://127.0.0.1:8080"),
            ("localhost:8080", "http://localhost:8080"),
            ("LocalHost:8080", "http://localhost:8080"),
            ("[::1]:8080", "http://[::1]:8080"),
            ("127.0.0.1", "http://127.0.0.1"),
            ("127.0.0.1:80", "http://127.0.0.1"),
            ("localhost", "https://localhost"),
        ] {
            assert!(may(host, origin, &[], true), "{origin} at {host}");
        }
        for (host, origin) in [
            ("127.0.0.1:8080", "http://example.org"),
            ("127.0.0.1:8080", "http://127.0.0.1"),
            ("127.0.0.1:8080", "http://127.0.0.1:8081"),
            ("127.0.0.1:8080", "http://localhost:8080"),
            ("127.0.0.1:8080", "http://127.0.0.1:8080.example.org"),
            ("127.0.0.1:8080", "127.0.0.1:8080"),
            ("127.0.0.1:8080", "file://127.0.0.1:8080"),
            ("127.0.0.1:8080", "null"),
            ("127.0.0.1:8080", ""),
            ("", "null"),
        ] {
            assert!(!may(host, origin, &[], true), "{origin} at {host}");
        }
    }

    #[test]
    fn on_loopback_a_name_that_somebody_pointed_here_is_not_the_routers() {
        let (host, origin) = ("example.org:8080", "http://example.org:8080");
        assert!(!may(host, origin, &[], true));
        assert!(may(host, origin, &[], false));
        assert!(may(host, origin, &[origin], true));
    }

    #[test]
    fn an_origin_that_is_allowed_may_connect_and_two_are_none() {
        for allowed in ["http://example.org", "null"] {
            assert!(may("127.0.0.1:8080", allowed, &["x", allowed], true));
            assert!(!may(
                "127.0.0.1:8080",
                allowed,
                &["http://example.or"],
                true
            ));
        }
        let two = "http://127.0.0.1\r\nOrigin: http://127.0.0.1";
        assert!(!may("127.0.0.1", two, &[], true));
    }
}
