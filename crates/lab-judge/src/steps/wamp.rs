//! The WAMP peer: a router's end of one WebSocket (RFC 6455)
//! with messages in JSON, whose frames it may cut anywhere.
//!
//! One file, since it is one peer: its handshake, its frames and its messages.

use data_encoding::BASE64;
use serde_json::{Value, json};

use crate::harness::Harness;
use crate::misconceptions::{self as m, Misconception};
use crate::peers::tcp::{Connection, ReadEnd};
use crate::verdict::{Excerpt, Log, Step, Stop, What, differs, wrong};

/// What the key of the handshake is joined with (RFC 6455, section 1.3).
const GUID: &str = "258EAFA5-E914-47DA-95CA-C5AB0DC85B11";
/// The subprotocol that WAMP has registered for JSON.
const SUBPROTOCOL: &str = "wamp.2.json";
/// No message of these exercises comes near this, in bytes.
const LONGEST: usize = 1024 * 1024;
/// No program of these exercises has that much to say to a
/// router: the longest conversation has some hundred frames.
const MOST_FRAMES: usize = 5000;
/// The same in bytes, since the longest frames are kept by nobody that often.
const MOST_BYTES: usize = 16 * LONGEST;

/// Which frame it is (RFC 6455, section 5.2).
const CONTINUATION: u8 = 0;
const TEXT: u8 = 1;
const CLOSE: u8 = 8;
const PING: u8 = 9;
const PONG: u8 = 10;

/// A router's end of a connection.
#[derive(Debug)]
pub struct Wamp {
    /// Its log is nobody's: frames are masked, and nobody
    /// could read them. What they say goes into `log`.
    connection: Connection,
    log: Log,
    /// How many frames have come, and how many bytes in them.
    received: (usize, usize),
}

/// How a message goes over the wire.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Cut {
    /// In one frame, with one send.
    Whole,
    /// In one frame, a byte at a time, each sent when the one before has been read.
    Bytes,
    /// In three frames, with a ping between the first and the second.
    Frames,
}

/// A frame from the program, its mask taken off.
struct Frame {
    opcode: u8,
    /// Whether it ends its message.
    last: bool,
    content: Vec<u8>,
}

/// What came from the program.
#[derive(Debug, Clone)]
enum Received {
    /// A message of WAMP: its code and its other elements.
    Message(Vec<Value>),
    /// A pong, with what it carried.
    Pong(Vec<u8>),
    /// No more: a close frame, or the end of the connection.
    End(String),
}

impl Wamp {
    /// Hears the program's request to open a WebSocket, and grants it.
    ///
    /// # Errors
    ///
    /// When the request is not what RFC 6455 asks for, or does not offer WAMP in JSON.
    pub fn open(harness: &mut Harness<'_>, connection: Connection) -> Step<Self> {
        let mut connection = connection;
        connection.who = "router".to_string();
        let received = connection.read_head(64 * 1024);
        let text = String::from_utf8_lossy(&received.bytes).into_owned();
        if received.end != ReadEnd::Complete {
            let ending = harness.ending(received.end);
            return Err(wrong(
                &m::WS_HANDSHAKE,
                format!(
                    "The program sent {} bytes of its request to open a WebSocket, {ending}.",
                    received.bytes.len()
                ),
            ));
        }
        let lines: Vec<&str> = text.lines().collect();
        let fields = |name: &str| {
            let mut found = String::new();
            for line in lines.iter().skip(1) {
                if let Some((key, value)) = line.split_once(':')
                    && key.trim().eq_ignore_ascii_case(name)
                {
                    found = [found.as_str(), value.trim()].join(",");
                }
            }
            found.trim_start_matches(',').to_string()
        };
        let has = |name: &str, token: &str| {
            let fields = fields(name);
            fields
                .split(',')
                .any(|word| word.trim().eq_ignore_ascii_case(token))
        };
        let refused = |what: &str| {
            wrong(
                &m::WS_HANDSHAKE,
                format!("The request to open a WebSocket {what}."),
            )
        };
        let first = lines.first().copied().unwrap_or_default();
        if !(first.starts_with("GET ") && first.ends_with(" HTTP/1.1")) {
            return Err(refused(&format!(
                "begins with {first:?}, which is not a GET of HTTP/1.1"
            )));
        }
        if !has("Upgrade", "websocket") || !has("Connection", "Upgrade") {
            return Err(refused(
                "has no \"Upgrade: websocket\" with \"Connection: Upgrade\"",
            ));
        }
        if fields("Sec-WebSocket-Version") != "13" {
            return Err(refused("has no \"Sec-WebSocket-Version: 13\""));
        }
        let key = fields("Sec-WebSocket-Key");
        if !BASE64
            .decode(key.as_bytes())
            .is_ok_and(|key| key.len() == 16)
        {
            return Err(refused("has no Sec-WebSocket-Key of 16 bytes in base64"));
        }
        if !has("Sec-WebSocket-Protocol", SUBPROTOCOL) {
            return Err(wrong(
                &m::WS_SUBPROTOCOL,
                format!(
                    "The program offers the subprotocols {:?}; {SUBPROTOCOL} is not among them.",
                    fields("Sec-WebSocket-Protocol")
                ),
            ));
        }
        let proof = sha1_smol::Sha1::from(format!("{key}{GUID}")).digest();
        let answer = format!(
            "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Accept: {}\r\n\
             Sec-WebSocket-Protocol: {SUBPROTOCOL}\r\n\r\n",
            BASE64.encode(&proof.bytes())
        );
        connection.send(answer.as_bytes());
        let log = std::mem::take(&mut connection.log).apart();
        log.did("router", format!("opened the WebSocket with {SUBPROTOCOL}"));
        Ok(Wamp {
            connection,
            log,
            received: (0, 0),
        })
    }

    /// Sends a message in one frame.
    pub fn send(&mut self, message: &Value) {
        self.send_cut(message, Cut::Whole);
    }

    /// Sends a message, cut as wanted. Whether it was taken shows in what comes back.
    pub fn send_cut(&mut self, message: &Value, cut: Cut) {
        let text = message.to_string().into_bytes();
        let third = text.len().div_ceil(3);
        match cut {
            Cut::Whole => {
                self.log.add("router", What::Sent(vec![Excerpt::of(&text)]));
                self.connection.send(&frame(TEXT, true, &text));
            }
            Cut::Bytes => {
                self.log.add("router", What::Sent(vec![Excerpt::of(&text)]));
                self.log.did("router", "sent that frame one byte at a time");
                let frame = frame(TEXT, true, &text);
                let bytes: Vec<&[u8]> = frame.chunks(1).collect();
                self.connection.send_apart(&bytes);
            }
            Cut::Frames => {
                let parts: Vec<&[u8]> = text.chunks(third).collect();
                let excerpts = parts.iter().map(|part| Excerpt::of(part)).collect();
                self.log.add("router", What::Sent(excerpts));
                self.log.did(
                    "router",
                    "sent these as the frames of one message, with a ping after the first",
                );
                let last = parts.len() - 1;
                for (index, part) in parts.iter().enumerate() {
                    let opcode = if index == 0 { TEXT } else { CONTINUATION };
                    let mut bytes = frame(opcode, index == last, part);
                    if index == 0 {
                        bytes.extend(frame(PING, true, b"between"));
                    }
                    self.connection.send_apart(&[&bytes]);
                }
            }
        }
    }

    /// Sends several messages with one send: as they come when a router is busy.
    pub fn send_together(&mut self, messages: &[Value]) {
        let texts: Vec<Vec<u8>> = messages
            .iter()
            .map(|message| message.to_string().into_bytes())
            .collect();
        let excerpts = texts.iter().map(|text| Excerpt::of(text)).collect();
        self.log.add("router", What::Sent(excerpts));
        let frames: Vec<u8> = texts
            .iter()
            .flat_map(|text| frame(TEXT, true, text))
            .collect();
        self.connection.send(&frames);
    }

    /// Sends a ping and waits for the pong that carries the same
    /// bytes; messages that come before it are passed over.
    ///
    /// # Errors
    ///
    /// When it does not come.
    pub fn ping(&mut self, harness: &mut Harness<'_>, bytes: &[u8]) -> Step {
        let text = String::from_utf8_lossy(bytes);
        self.log.did("router", format!("sent a ping with {text:?}"));
        self.connection.send(&frame(PING, true, bytes));
        loop {
            match self.next(harness)? {
                Received::Pong(came) if came == bytes => return Ok(()),
                Received::Pong(came) => {
                    let summary = "The pong carries other bytes than the ping.";
                    return Err(differs(&m::WS_NO_PONG, summary, bytes, &came));
                }
                Received::Message(_) => {}
                Received::End(how) => {
                    let summary = format!("No pong came after the ping: {how}.");
                    return Err(wrong(&m::WS_NO_PONG, summary));
                }
            }
        }
    }

    /// The next message; `what` names what is waited for.
    ///
    /// # Errors
    ///
    /// When none comes: the suspect is why.
    pub fn read(
        &mut self,
        harness: &mut Harness<'_>,
        what: &str,
        suspect: &'static Misconception,
    ) -> Step<Vec<Value>> {
        loop {
            match self.next(harness)? {
                Received::Message(message) => return Ok(message),
                Received::Pong(_) => {}
                Received::End(how) => {
                    self.log.add(
                        "router",
                        What::Awaited(what.to_string(), harness.patience()),
                    );
                    return Err(wrong(suspect, format!("Instead of {what}: {how}.")));
                }
            }
        }
    }

    /// The next message, or `None` when the program has closed the WebSocket, or says nothing more.
    ///
    /// # Errors
    ///
    /// When something else comes.
    pub fn read_or_end(&mut self, harness: &mut Harness<'_>) -> Step<Option<Vec<Value>>> {
        loop {
            match self.next(harness)? {
                Received::Message(message) => return Ok(Some(message)),
                Received::Pong(_) => {}
                Received::End(_) => return Ok(None),
            }
        }
    }

    /// Hears HELLO.
    ///
    /// # Errors
    ///
    /// When something else comes, or it names another realm.
    pub fn hello(&mut self, harness: &mut Harness<'_>, realm: &str) -> Step {
        let hello = self.read(harness, "HELLO", &m::WAMP_NO_HELLO)?;
        let details = hello.get(2).and_then(|details| details.get("roles"));
        if !is(&hello, code::HELLO) || !details.is_some_and(Value::is_object) {
            return Err(wrong(
                &m::WAMP_NO_HELLO,
                format!(
                    "The first message is {} instead of [1, REALM, {{\"roles\": …}}].",
                    Value::Array(hello)
                ),
            ));
        }
        if hello[1] != realm {
            return Err(wrong(
                &m::WAMP_NO_HELLO,
                format!(
                    "It wants to join the realm {}, and there is only {realm}.",
                    hello[1]
                ),
            ));
        }
        Ok(())
    }

    /// Answers a GOODBYE, and waits until the WebSocket is closed.
    ///
    /// # Errors
    ///
    /// When something else comes.
    pub fn farewell(&mut self, harness: &mut Harness<'_>) -> Step {
        let mut said = false;
        while let Some(message) = self.read_or_end(harness)? {
            if is(&message, code::GOODBYE) {
                said = true;
                self.send(&json!([code::GOODBYE, {}, "wamp.close.goodbye_and_out"]));
            }
        }
        if !said {
            harness.note("the caller closes the connection without a GOODBYE");
        }
        Ok(())
    }

    /// Breaks the connection off (RST).
    pub fn reset(self) {
        self.log.did("router", "broke the connection off (RST)");
        self.connection.reset();
    }

    fn next(&mut self, harness: &mut Harness<'_>) -> Step<Received> {
        let mut text = Vec::new();
        let mut open = false;
        loop {
            let Frame {
                opcode,
                last,
                content: bytes,
            } = match self.frame(harness)? {
                Ok(frame) => frame,
                Err(how) => return Ok(Received::End(how)),
            };
            match opcode {
                PING => {
                    self.connection.send(&frame(PONG, true, &bytes));
                }
                PONG => {
                    self.log.add(
                        "router",
                        What::Did(format!(
                            "received a pong with {:?}",
                            String::from_utf8_lossy(&bytes)
                        )),
                    );
                    if !open {
                        return Ok(Received::Pong(bytes));
                    }
                }
                CLOSE => {
                    let code = bytes
                        .first_chunk()
                        .map_or(1005, |code| u16::from_be_bytes(*code));
                    self.log
                        .did("router", format!("received a close frame with {code}"));
                    self.connection.send(&frame(CLOSE, true, &bytes));
                    // The server is the first to close the
                    // connection below (RFC 6455, section 7.1.1).
                    self.connection.stop_sending();
                    return Ok(Received::End(format!(
                        "the program closed the WebSocket with {code}"
                    )));
                }
                TEXT | CONTINUATION if (opcode == CONTINUATION) == open => {
                    text.extend(bytes);
                    open = !last;
                    if last {
                        break;
                    }
                }
                other => {
                    return Err(wrong(
                        &m::WS_BAD_FRAME,
                        format!("A frame with opcode {other} came where none may be."),
                    ));
                }
            }
        }
        self.log.add("router", What::Received(Excerpt::of(&text)));
        match serde_json::from_slice(&text) {
            Ok(Value::Array(message)) if message.first().is_some_and(Value::is_u64) => {
                Ok(Received::Message(message))
            }
            _ => Err(wrong(
                &m::WAMP_NO_MESSAGE,
                format!(
                    "{:?} is not a message of WAMP.",
                    String::from_utf8_lossy(&text)
                ),
            )),
        }
    }

    /// The program's next frame, or how the connection ended.
    fn frame(&mut self, harness: &mut Harness<'_>) -> Step<Result<Frame, String>> {
        let received = self.connection.read_while(|bytes| {
            let (head, length) = size(bytes)?;
            let whole = head + length;
            (bytes.len() >= whole || length > LONGEST).then_some(whole)
        });
        if received.end != ReadEnd::Complete {
            return Ok(Err(harness.ending(received.end).replacen("then ", "", 1)));
        }
        self.received.0 += 1;
        self.received.1 += received.bytes.len();
        if self.received.0 > MOST_FRAMES || self.received.1 > MOST_BYTES {
            return Err(wrong(
                &m::WAMP_FLOODS,
                format!(
                    "{} frames of {} bytes in all came, and still not what was waited for.",
                    self.received.0, self.received.1
                ),
            ));
        }
        // Each frame begins its own step; all of them together have the time of the case.
        if harness.is_over() {
            return Err(Stop::Undecided(
                "frame after frame came, and none that was waited for, until the time for a case had passed".to_string(),
            ));
        }
        let bytes = received.bytes;
        let (head, length) = size(&bytes).unwrap_or_default();
        if bytes[0] & 0x70 != 0 {
            return Err(wrong(
                &m::WS_BAD_FRAME,
                "A frame has reserved bits set, and no extension has been agreed on.",
            ));
        }
        if bytes[1] & 0x80 == 0 {
            return Err(wrong(
                &m::WS_UNMASKED,
                format!("A frame of {length} bytes came without a mask."),
            ));
        }
        if length > LONGEST || bytes.len() < head + length {
            return Err(wrong(
                &m::WS_BAD_FRAME,
                format!("A frame says that it has {length} bytes."),
            ));
        }
        let mask = &bytes[head - 4..head];
        let content = bytes[head..head + length]
            .iter()
            .zip(mask.iter().cycle())
            .map(|(byte, mask)| byte ^ mask)
            .collect();
        Ok(Ok(Frame {
            opcode: bytes[0] & 0x0f,
            last: bytes[0] & 0x80 != 0,
            content,
        }))
    }
}

/// How long a frame's head is and what comes after it, as soon as the head is there.
fn size(bytes: &[u8]) -> Option<(usize, usize)> {
    let (short, mask) = (bytes.get(1)? & 0x7f, 4 * usize::from(bytes[1] >> 7));
    let (head, length) = match short {
        126 => (
            4,
            u64::from(u16::from_be_bytes(*bytes.get(2..)?.first_chunk()?)),
        ),
        127 => (10, u64::from_be_bytes(*bytes.get(2..)?.first_chunk()?)),
        short => (2, u64::from(short)),
    };
    let head = head + mask;
    (bytes.len() >= head).then_some((head, usize::try_from(length).unwrap_or(usize::MAX / 2)))
}

/// A frame from a router: not masked.
fn frame(opcode: u8, last: bool, content: &[u8]) -> Vec<u8> {
    let mut frame = vec![opcode | if last { 0x80 } else { 0 }];
    let length = content.len();
    match (u8::try_from(length), u16::try_from(length)) {
        (Ok(short @ ..=125), _) => frame.push(short),
        (_, Ok(middle)) => {
            frame.push(126);
            frame.extend(middle.to_be_bytes());
        }
        _ => {
            frame.push(127);
            frame.extend((length as u64).to_be_bytes());
        }
    }
    frame.extend_from_slice(content);
    frame
}

/// What a router says to a session that may come in.
pub fn welcome(session: u64) -> Value {
    json!([2, session, {"roles": {
        "broker": {"features": {"publisher_exclusion": true}},
        "dealer": {"features": {"shared_registration": true, "pattern_based_registration": true}},
    }}])
}

/// What each message begins with.
pub mod code {
    /// HELLO.
    pub const HELLO: u64 = 1;
    /// ABORT.
    pub const ABORT: u64 = 3;
    /// GOODBYE.
    pub const GOODBYE: u64 = 6;
    /// ERROR.
    pub const ERROR: u64 = 8;
    /// PUBLISH.
    pub const PUBLISH: u64 = 16;
    /// PUBLISHED.
    pub const PUBLISHED: u64 = 17;
    /// SUBSCRIBE.
    pub const SUBSCRIBE: u64 = 32;
    /// SUBSCRIBED.
    pub const SUBSCRIBED: u64 = 33;
    /// CALL.
    pub const CALL: u64 = 48;
    /// RESULT.
    pub const RESULT: u64 = 50;
    /// REGISTER.
    pub const REGISTER: u64 = 64;
    /// REGISTERED.
    pub const REGISTERED: u64 = 65;
    /// UNREGISTER.
    pub const UNREGISTER: u64 = 66;
    /// UNREGISTERED.
    pub const UNREGISTERED: u64 = 67;
    /// INVOCATION.
    pub const INVOCATION: u64 = 68;
    /// YIELD.
    pub const YIELD: u64 = 70;
}

/// Whether a message has this code.
pub fn is(message: &[Value], code: u64) -> bool {
    message.first().and_then(Value::as_u64) == Some(code)
}

/// The failure for a message that comes at the wrong moment.
pub fn unasked(message: &[Value]) -> Stop {
    let message = Value::Array(message.to_vec());
    wrong(
        &m::WRONG_ORDER,
        format!("The message {message} has no place here."),
    )
}

#[cfg(test)]
mod tests;
