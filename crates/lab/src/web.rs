//! A small web server for the exercises that talk to one: a
//! machine in a laboratory may have no way to the internet.
//!
//! It takes one request a connection (HTTP/1.1, RFC 9112) and tells what it was sent.

use std::io::{self, ErrorKind, Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::thread;
use std::time::Duration;

use anyhow::Context;

/// A request's head is at most this long, in bytes.
const HEAD_LIMIT: usize = 16 * 1024;
/// A client that says nothing for this long is hung up on.
const PATIENCE: Duration = Duration::from_secs(10);
/// At most this many bytes of a request line are told.
const QUOTE_LIMIT: usize = 100;

const PAGE: &str = "<!doctype html>\n<title>It works</title>\n<p>This page comes from cargo lab's own web server.\n";

/// Starts the server on this machine's loopback address; it ends with this program.
///
/// `tell` is called from the server's threads with a line for each request.
///
/// # Errors
///
/// When the port is in use, or needs rights.
pub fn start(
    port: u16,
    tell: impl Fn(String) + Clone + Send + 'static,
) -> anyhow::Result<SocketAddr> {
    let listener = TcpListener::bind(("127.0.0.1", port))
        .with_context(|| format!("cannot bind the web server to 127.0.0.1:{port}"))?;
    let address = listener
        .local_addr()
        .context("cannot read the socket's own address")?;
    thread::spawn(move || {
        for stream in listener.incoming() {
            let tell = tell.clone();
            match stream {
                Ok(stream) => {
                    thread::spawn(move || tell(serve(stream)));
                }
                Err(error) => match labnet::retry_accept(error) {
                    Ok(()) => {}
                    Err(error) => return tell(format!("{error:#}")),
                },
            }
        }
    });
    Ok(address)
}

/// Answers a client; gives the line that tells what it was.
fn serve(stream: TcpStream) -> String {
    match answer(stream) {
        Ok(line) => line,
        Err(error) => format!("a client was not served: {error}"),
    }
}

fn answer(mut stream: TcpStream) -> io::Result<String> {
    stream.set_read_timeout(Some(PATIENCE))?;
    stream.set_write_timeout(Some(PATIENCE))?;
    let head = match read_head(&stream)? {
        Head::None => return Ok("a client connected and asked for nothing".to_string()),
        Head::Cut(bytes) => {
            return Ok(format!(
                "a client closed the connection after {bytes} bytes, before the empty line that ends a request"
            ));
        }
        Head::TooLong => None,
        Head::Whole(head) => Some(head),
    };
    let reply = reply(head.as_deref());
    let told = match &head {
        Some(head) => {
            let line = head.split(|byte| *byte == b'\n').next().unwrap_or(head);
            let line = line.strip_suffix(b"\r").unwrap_or(line);
            let line = &line[..line.len().min(QUOTE_LIMIT)];
            format!("{} answered {}", labnet::python::bytes(line), reply.status)
        }
        None => format!(
            "a request of more than {HEAD_LIMIT} bytes answered {}",
            reply.status
        ),
    };
    stream.write_all(reply.bytes().as_bytes())?;
    labnet::close_gracefully(stream.into(), PATIENCE)?;
    Ok(told)
}

enum Head {
    /// The client closed the connection without a word.
    None,
    /// It closed it after so many bytes.
    Cut(usize),
    /// Longer than the limit.
    TooLong,
    /// Everything to the empty line.
    Whole(Vec<u8>),
}

/// Reads up to the empty line that ends a request's head.
fn read_head(mut stream: &TcpStream) -> io::Result<Head> {
    let mut head = Vec::new();
    let mut buffer = [0; 1024];
    loop {
        let count = match labnet::with_timeout(stream, || stream.read(&mut buffer)) {
            // Some clients of the exercises close with our answer unread, or vanish.
            Err(error) if error.kind() == ErrorKind::ConnectionReset => 0,
            result => result?,
        };
        if count == 0 {
            return Ok(if head.is_empty() {
                Head::None
            } else {
                Head::Cut(head.len())
            });
        }
        // The mark may begin in what came before.
        let from = head.len().saturating_sub(3);
        head.extend_from_slice(&buffer[..count]);
        // A bare LF may end a line too (RFC 9112, section
        // 2.2), and the sheet's own program sends it.
        let new = &head[from..];
        if new.windows(2).any(|two| two == b"\n\n")
            || new.windows(3).any(|three| three == b"\n\r\n")
        {
            return Ok(Head::Whole(head));
        }
        if head.len() > HEAD_LIMIT {
            return Ok(Head::TooLong);
        }
    }
}

struct Reply {
    status: &'static str,
    extra: &'static str,
    body: &'static str,
    /// HEAD is answered like GET, without the body (RFC 9110, section 9.3.2).
    without_body: bool,
}

impl Reply {
    fn bytes(&self) -> String {
        format!(
            "HTTP/1.1 {}\r\nContent-Type: text/html; charset=utf-8\r\nContent-Length: {}\r\n{}Connection: close\r\n\r\n{}",
            self.status,
            self.body.len(),
            self.extra,
            if self.without_body { "" } else { self.body },
        )
    }
}

/// What a request is answered; `None` is one that was too long.
fn reply(head: Option<&[u8]>) -> Reply {
    let refused = |status, extra| Reply {
        status,
        extra,
        body: "",
        without_body: false,
    };
    let Some(head) = head else {
        return refused("431 Request Header Fields Too Large", "");
    };
    let head = String::from_utf8_lossy(head);
    let mut lines = head.lines();
    let words: Vec<&str> = lines.next().unwrap_or_default().split(' ').collect();
    let [method, target, version] = words[..] else {
        return refused("400 Bad Request", "");
    };
    if target.is_empty() || !version.starts_with("HTTP/1.") {
        return refused("400 Bad Request", "");
    }
    let hosts = lines
        .filter(|line| {
            line.split_once(':')
                .is_some_and(|(name, _)| name.eq_ignore_ascii_case("host"))
        })
        .count();
    // An HTTP/1.1 request has one Host line (RFC 9112, section 3.2).
    if hosts > 1 || hosts == 0 && version != "HTTP/1.0" {
        return refused("400 Bad Request", "");
    }
    match method {
        "GET" | "HEAD" => Reply {
            status: "200 OK",
            extra: "",
            body: PAGE,
            without_body: method == "HEAD",
        },
        _ => refused("405 Method Not Allowed", "Allow: GET, HEAD\r\n"),
    }
}

#[cfg(test)]
mod tests {
    use std::sync::mpsc;

    use super::*;

    fn status(request: &str) -> &'static str {
        reply(Some(request.as_bytes())).status
    }

    #[test]
    fn a_good_request_is_answered_with_the_page() {
        assert_eq!(status("GET / HTTP/1.1\r\nHost: x\r\n\r\n"), "200 OK");
        assert_eq!(status("GET / HTTP/1.1\nhost: x\n\n"), "200 OK");
        assert_eq!(status("GET / HTTP/1.0\r\n\r\n"), "200 OK");
    }

    #[test]
    fn a_head_request_gets_the_length_and_no_body() {
        let reply = reply(Some(b"HEAD / HTTP/1.1\r\nHost: x\r\n\r\n"));
        assert!(
            reply
                .bytes()
                .contains(&format!("Content-Length: {}\r\n", PAGE.len()))
        );
        assert!(reply.bytes().ends_with("\r\n\r\n"));
    }

    #[test]
    fn a_bad_request_is_answered_as_such() {
        for request in [
            "GET / HTTP/1.1\r\n\r\n",
            "GET / HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n",
            "GET /\r\nHost: x\r\n\r\n",
            "hello\n\n",
            "\n\n",
        ] {
            assert_eq!(status(request), "400 Bad Request", "{request:?}");
        }
        assert_eq!(
            status("POST / HTTP/1.1\r\nHost: x\r\n\r\n"),
            "405 Method Not Allowed"
        );
    }

    /// What the server answers to these pieces, sent one after another, and what it tells.
    fn exchange(pieces: &[&[u8]]) -> (String, String) {
        let (sender, told) = mpsc::channel();
        let address = start(0, move |line| sender.send(line).unwrap()).unwrap();
        let mut stream = TcpStream::connect(address).unwrap();
        for piece in pieces {
            stream.write_all(piece).unwrap();
        }
        stream.shutdown(std::net::Shutdown::Write).unwrap();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).unwrap();
        (answer, told.recv_timeout(PATIENCE).unwrap())
    }

    #[test]
    fn a_request_in_single_bytes_is_understood() {
        let request = b"GET /a HTTP/1.1\r\nHost: localhost\r\n\r\n";
        let pieces: Vec<&[u8]> = request.chunks(1).collect();
        let (answer, told) = exchange(&pieces);
        assert!(answer.starts_with("HTTP/1.1 200 OK\r\n"), "{answer}");
        assert!(answer.ends_with(PAGE), "{answer}");
        assert_eq!(told, "b'GET /a HTTP/1.1' answered 200 OK");
    }

    #[test]
    fn a_head_without_end_is_refused_and_the_answer_arrives() {
        let line = [b'x'; 1000];
        let (answer, _) = exchange(&vec![&line[..]; 40]);
        assert!(answer.starts_with("HTTP/1.1 431 "), "{answer}");
    }

    #[test]
    fn a_client_that_only_connects_or_stops_half_way_is_told() {
        assert_eq!(exchange(&[]).1, "a client connected and asked for nothing");
        assert_eq!(
            exchange(&[b"GET / HTTP"]).1,
            "a client closed the connection after 10 bytes, before the empty line that ends a request"
        );
    }
}
