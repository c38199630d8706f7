//! WAMP's messages: what they are, how they become bytes and are read from bytes. No I/O.
//!
//! [`Message`] is a message whose form has been checked: the number and the types of its elements, the range
//! of ids, the form of URIs, and the type of each option that the specification names. What it does not
//! name stays in the options as it came. The application's arguments are not read ([`Payload`]).

mod codec;
mod ids;
mod payload;
mod rules;
mod uris;
mod value;

use std::borrow::Cow;
use std::fmt;

use bytes::Bytes;

use codec::{Elements, Writer};
use rules::Rule;

pub use codec::{Format, MAX_DEPTH};
pub use ids::{Id, SessionIds};
pub use payload::{Payload, PayloadError};
pub use uris::{CancelMode, Invoke, Match, Uri, known};
pub use value::{Dict, Value};

/// The longest options, details or extra that are read, in bytes as they came. Unlike arguments they become values, which
/// take up to some 30 times their bytes. A list of 10,000 sessions fits.
pub const MAX_DICT: usize = 256 * 1024;

/// A WAMP message: the basic profile's 20, and CHALLENGE, AUTHENTICATE, CANCEL, INTERRUPT and EVENT_RECEIVED.
///
/// ```
/// use transparency_middleware::messages::{Id, Message, Payload, Format, Uri, Dict};
///
/// let message = Message::from_json(r#"[48, 7814135, {}, "com.example.add2", [23, 7]]"#)?;
/// let Message::Call { request, procedure, payload, .. } = &message else { panic!() };
/// assert_eq!(request.get(), 7814135);
/// assert_eq!(procedure, "com.example.add2");
/// assert_eq!(payload.args::<(i64, i64)>()?, (23, 7));
///
/// let same = Message::from_cbor(&message.to_cbor()?)?;
/// assert_eq!(same, message);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug, Clone, PartialEq)]
#[expect(
    missing_docs,
    reason = "the fields have the specification's names and meanings"
)]
pub enum Message {
    /// `[1, Realm|uri, Details|dict]`: a client wants to join a realm.
    Hello { realm: Uri, details: Dict },
    /// `[2, Session|id, Details|dict]`: the router lets it in.
    Welcome { session: Id, details: Dict },
    /// `[3, Details|dict, Reason|uri]`, with arguments where a peer adds them: the session ends at once.
    Abort {
        details: Dict,
        reason: Uri,
        payload: Payload,
    },
    /// `[4, AuthMethod|string, Extra|dict]`: the router wants a proof of who the client is.
    Challenge { method: String, extra: Dict },
    /// `[5, Signature|string, Extra|dict]`: the proof.
    Authenticate { signature: String, extra: Dict },
    /// `[6, Details|dict, Reason|uri]`: the session ends, and the other side says the same.
    Goodbye { details: Dict, reason: Uri },
    /// `[8, REQUEST.Type|int, REQUEST.Request|id, Details|dict, Error|uri, Arguments|list, ArgumentsKw|dict]`.
    Error {
        kind: RequestKind,
        request: Id,
        details: Dict,
        error: Uri,
        payload: Payload,
    },
    /// `[16, Request|id, Options|dict, Topic|uri, Arguments|list, ArgumentsKw|dict]`.
    Publish {
        request: Id,
        options: Dict,
        topic: Uri,
        payload: Payload,
    },
    /// `[17, PUBLISH.Request|id, Publication|id]`.
    Published { request: Id, publication: Id },
    /// `[32, Request|id, Options|dict, Topic|uri]`.
    Subscribe {
        request: Id,
        options: Dict,
        topic: Uri,
    },
    /// `[33, SUBSCRIBE.Request|id, Subscription|id]`.
    Subscribed { request: Id, subscription: Id },
    /// `[34, Request|id, SUBSCRIBED.Subscription|id]`.
    Unsubscribe { request: Id, subscription: Id },
    /// `[35, UNSUBSCRIBE.Request|id]`.
    Unsubscribed { request: Id },
    /// `[35, 0, Details|dict]`: the router took the subscription in `details.subscription` away.
    SubscriptionRevoked { details: Dict },
    /// `[36, SUBSCRIBED.Subscription|id, PUBLISHED.Publication|id, Details|dict, Arguments|list, ArgumentsKw|dict]`.
    Event {
        subscription: Id,
        publication: Id,
        details: Dict,
        payload: Payload,
    },
    /// `[337, PUBLISHED.Publication|id]`: a subscriber has an event (acknowledged delivery, which the specification
    /// has as an experiment). It is read and written; the router does not ask for it.
    EventReceived { publication: Id },
    /// `[48, Request|id, Options|dict, Procedure|uri, Arguments|list, ArgumentsKw|dict]`.
    Call {
        request: Id,
        options: Dict,
        procedure: Uri,
        payload: Payload,
    },
    /// `[49, CALL.Request|id, Options|dict]`.
    Cancel { request: Id, options: Dict },
    /// `[50, CALL.Request|id, Details|dict, Arguments|list, ArgumentsKw|dict]`.
    Result {
        request: Id,
        details: Dict,
        payload: Payload,
    },
    /// `[64, Request|id, Options|dict, Procedure|uri]`.
    Register {
        request: Id,
        options: Dict,
        procedure: Uri,
    },
    /// `[65, REGISTER.Request|id, Registration|id]`.
    Registered { request: Id, registration: Id },
    /// `[66, Request|id, REGISTERED.Registration|id]`.
    Unregister { request: Id, registration: Id },
    /// `[67, UNREGISTER.Request|id]`.
    Unregistered { request: Id },
    /// `[67, 0, Details|dict]`: the router took the registration in `details.registration` away.
    RegistrationRevoked { details: Dict },
    /// `[68, Request|id, REGISTERED.Registration|id, Details|dict, Arguments|list, ArgumentsKw|dict]`.
    Invocation {
        request: Id,
        registration: Id,
        details: Dict,
        payload: Payload,
    },
    /// `[69, INVOCATION.Request|id, Options|dict]`.
    Interrupt { request: Id, options: Dict },
    /// `[70, INVOCATION.Request|id, Options|dict, Arguments|list, ArgumentsKw|dict]`.
    Yield {
        request: Id,
        options: Dict,
        payload: Payload,
    },
}

/// The requests that an ERROR may answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[expect(missing_docs, reason = "each is the message of this name")]
pub enum RequestKind {
    Publish,
    Subscribe,
    Unsubscribe,
    Call,
    Register,
    Unregister,
    Invocation,
}

impl RequestKind {
    const ALL: [RequestKind; 7] = [
        RequestKind::Publish,
        RequestKind::Subscribe,
        RequestKind::Unsubscribe,
        RequestKind::Call,
        RequestKind::Register,
        RequestKind::Unregister,
        RequestKind::Invocation,
    ];

    /// The message's code.
    pub const fn code(self) -> u64 {
        match self {
            RequestKind::Publish => code::PUBLISH,
            RequestKind::Subscribe => code::SUBSCRIBE,
            RequestKind::Unsubscribe => code::UNSUBSCRIBE,
            RequestKind::Call => code::CALL,
            RequestKind::Register => code::REGISTER,
            RequestKind::Unregister => code::UNREGISTER,
            RequestKind::Invocation => code::INVOCATION,
        }
    }

    fn from_code(code: u64) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| kind.code() == code)
    }
}

/// The codes of the messages (specification, "Message Codes and Direction").
mod code {
    pub(super) const HELLO: u64 = 1;
    pub(super) const WELCOME: u64 = 2;
    pub(super) const ABORT: u64 = 3;
    pub(super) const CHALLENGE: u64 = 4;
    pub(super) const AUTHENTICATE: u64 = 5;
    pub(super) const GOODBYE: u64 = 6;
    pub(super) const ERROR: u64 = 8;
    pub(super) const PUBLISH: u64 = 16;
    pub(super) const PUBLISHED: u64 = 17;
    pub(super) const SUBSCRIBE: u64 = 32;
    pub(super) const SUBSCRIBED: u64 = 33;
    pub(super) const UNSUBSCRIBE: u64 = 34;
    pub(super) const UNSUBSCRIBED: u64 = 35;
    pub(super) const EVENT: u64 = 36;
    pub(super) const CALL: u64 = 48;
    pub(super) const CANCEL: u64 = 49;
    pub(super) const RESULT: u64 = 50;
    pub(super) const REGISTER: u64 = 64;
    pub(super) const REGISTERED: u64 = 65;
    pub(super) const UNREGISTER: u64 = 66;
    pub(super) const UNREGISTERED: u64 = 67;
    pub(super) const INVOCATION: u64 = 68;
    pub(super) const INTERRUPT: u64 = 69;
    pub(super) const YIELD: u64 = 70;
    pub(super) const EVENT_RECEIVED: u64 = 337;
}

/// The code's name, for an error's text.
fn name_of(code: u64) -> Option<&'static str> {
    Some(match code {
        code::HELLO => "HELLO",
        code::WELCOME => "WELCOME",
        code::ABORT => "ABORT",
        code::CHALLENGE => "CHALLENGE",
        code::AUTHENTICATE => "AUTHENTICATE",
        code::GOODBYE => "GOODBYE",
        code::ERROR => "ERROR",
        code::PUBLISH => "PUBLISH",
        code::PUBLISHED => "PUBLISHED",
        code::SUBSCRIBE => "SUBSCRIBE",
        code::SUBSCRIBED => "SUBSCRIBED",
        code::UNSUBSCRIBE => "UNSUBSCRIBE",
        code::UNSUBSCRIBED => "UNSUBSCRIBED",
        code::EVENT => "EVENT",
        code::CALL => "CALL",
        code::CANCEL => "CANCEL",
        code::RESULT => "RESULT",
        code::REGISTER => "REGISTER",
        code::REGISTERED => "REGISTERED",
        code::UNREGISTER => "UNREGISTER",
        code::UNREGISTERED => "UNREGISTERED",
        code::INVOCATION => "INVOCATION",
        code::INTERRUPT => "INTERRUPT",
        code::YIELD => "YIELD",
        code::EVENT_RECEIVED => "EVENT_RECEIVED",
        _ => return None,
    })
}

/// Why bytes are no message.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DecodeError {
    /// What is to be done about it.
    pub kind: DecodeErrorKind,
    /// What is wrong, for a person: `CALL: the request id is no whole number from 1 to 2^53`.
    pub message: String,
}

/// What a router does about bytes that are no message.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum DecodeErrorKind {
    /// A breach of the protocol: the session ends with ABORT and `wamp.error.protocol_violation`.
    Malformed,
    /// All is well but the URI of a request: it is answered with ERROR and `wamp.error.invalid_uri`.
    InvalidUri(RequestKind, Id),
    /// The same in a PUBLISH that wants no answer (`acknowledge`): nothing is done, and nothing is said.
    Unanswered,
}

impl DecodeError {
    fn malformed(message: String) -> Self {
        DecodeError {
            kind: DecodeErrorKind::Malformed,
            message,
        }
    }
}

impl fmt::Display for DecodeError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)
    }
}

impl std::error::Error for DecodeError {}

impl Message {
    /// Reads a message. Its payload borrows from `bytes`: nothing is copied.
    ///
    /// # Errors
    ///
    /// When the bytes are not exactly one message.
    pub fn decode(format: Format, bytes: &Bytes) -> Result<Self, DecodeError> {
        let elements = codec::split(format, bytes).map_err(DecodeError::malformed)?;
        let parts = Parts {
            format,
            bytes,
            elements: &elements,
        };
        let code = parts.code().map_err(DecodeError::malformed)?;
        let name = name_of(code)
            .ok_or_else(|| DecodeError::malformed(format!("no message has the type {code}")))?;
        parts.message(code).map_err(|mut error| {
            error.message = format!("{name}: {}", error.message);
            error
        })
    }

    /// Writes the message at the end of a buffer; the payload is translated if it is in another format.
    ///
    /// # Errors
    ///
    /// When the payload cannot be translated (see [`Payload::to_format`]); the buffer is as it was.
    pub fn encode(&self, format: Format, out: &mut Vec<u8>) -> Result<(), PayloadError> {
        let start = out.len();
        let written = self.write(format, out);
        if written.is_err() {
            out.truncate(start);
        }
        written
    }

    /// Reads a message in JSON, the content of one text frame.
    ///
    /// # Errors
    ///
    /// When the text is not exactly one message.
    pub fn from_json(text: &str) -> Result<Self, DecodeError> {
        Message::decode(Format::Json, &Bytes::copy_from_slice(text.as_bytes()))
    }

    /// Reads a message in MessagePack, the content of one binary frame.
    ///
    /// # Errors
    ///
    /// When the bytes are not exactly one message.
    pub fn from_msgpack(bytes: &[u8]) -> Result<Self, DecodeError> {
        Message::decode(Format::MessagePack, &Bytes::copy_from_slice(bytes))
    }

    /// Reads a message in CBOR, the content of one binary frame.
    ///
    /// # Errors
    ///
    /// When the bytes are not exactly one message.
    pub fn from_cbor(bytes: &[u8]) -> Result<Self, DecodeError> {
        Message::decode(Format::Cbor, &Bytes::copy_from_slice(bytes))
    }

    /// The message in JSON.
    ///
    /// # Errors
    ///
    /// When the payload came in another format and has no form in JSON.
    pub fn to_json(&self) -> Result<String, PayloadError> {
        String::from_utf8(self.to_vec(Format::Json)?).map_err(PayloadError::new)
    }

    /// The message in MessagePack.
    ///
    /// # Errors
    ///
    /// When the payload came in another format and has no form in MessagePack.
    pub fn to_msgpack(&self) -> Result<Vec<u8>, PayloadError> {
        self.to_vec(Format::MessagePack)
    }

    /// The message in CBOR.
    ///
    /// # Errors
    ///
    /// When the payload came in another format and has no form in CBOR.
    pub fn to_cbor(&self) -> Result<Vec<u8>, PayloadError> {
        self.to_vec(Format::Cbor)
    }

    fn to_vec(&self, format: Format) -> Result<Vec<u8>, PayloadError> {
        let mut out = Vec::with_capacity(128);
        self.encode(format, &mut out)?;
        Ok(out)
    }

    /// The message's code, `48` for a CALL.
    pub const fn code(&self) -> u64 {
        match self {
            Message::Hello { .. } => code::HELLO,
            Message::Welcome { .. } => code::WELCOME,
            Message::Abort { .. } => code::ABORT,
            Message::Challenge { .. } => code::CHALLENGE,
            Message::Authenticate { .. } => code::AUTHENTICATE,
            Message::Goodbye { .. } => code::GOODBYE,
            Message::Error { .. } => code::ERROR,
            Message::Publish { .. } => code::PUBLISH,
            Message::Published { .. } => code::PUBLISHED,
            Message::Subscribe { .. } => code::SUBSCRIBE,
            Message::Subscribed { .. } => code::SUBSCRIBED,
            Message::Unsubscribe { .. } => code::UNSUBSCRIBE,
            Message::Unsubscribed { .. } | Message::SubscriptionRevoked { .. } => {
                code::UNSUBSCRIBED
            }
            Message::Event { .. } => code::EVENT,
            Message::EventReceived { .. } => code::EVENT_RECEIVED,
            Message::Call { .. } => code::CALL,
            Message::Cancel { .. } => code::CANCEL,
            Message::Result { .. } => code::RESULT,
            Message::Register { .. } => code::REGISTER,
            Message::Registered { .. } => code::REGISTERED,
            Message::Unregister { .. } => code::UNREGISTER,
            Message::Unregistered { .. } | Message::RegistrationRevoked { .. } => {
                code::UNREGISTERED
            }
            Message::Invocation { .. } => code::INVOCATION,
            Message::Interrupt { .. } => code::INTERRUPT,
            Message::Yield { .. } => code::YIELD,
        }
    }

    /// The message's name, `CALL`.
    pub fn name(&self) -> &'static str {
        name_of(self.code()).unwrap_or("")
    }

    /// The arguments, of a message that carries some.
    pub fn payload(&self) -> Option<&Payload> {
        match self {
            Message::Abort { payload, .. }
            | Message::Error { payload, .. }
            | Message::Publish { payload, .. }
            | Message::Event { payload, .. }
            | Message::Call { payload, .. }
            | Message::Result { payload, .. }
            | Message::Invocation { payload, .. }
            | Message::Yield { payload, .. } => Some(payload),
            _ => None,
        }
    }

    fn write(&self, format: Format, out: &mut Vec<u8>) -> Result<(), PayloadError> {
        match self {
            Message::Hello { realm, details } => {
                self.head(format, 3, out).text(realm)?.dict(details)?.end();
            }
            Message::Welcome { session, details } => {
                self.head(format, 3, out).id(*session).dict(details)?.end();
            }
            Message::Abort {
                details,
                reason,
                payload,
            } => {
                let payload = payload.in_format(format)?;
                self.head(format, 3 + count(&payload), out)
                    .dict(details)?
                    .text(reason)?
                    .payload(&payload)
                    .end();
            }
            Message::Challenge {
                method: text,
                extra,
            }
            | Message::Authenticate {
                signature: text,
                extra,
            } => self.head(format, 3, out).text(text)?.dict(extra)?.end(),
            Message::Goodbye { details, reason } => {
                self.head(format, 3, out).dict(details)?.text(reason)?.end();
            }
            Message::Error {
                kind,
                request,
                details,
                error,
                payload,
            } => {
                let payload = payload.in_format(format)?;
                self.head(format, 5 + count(&payload), out)
                    .number(kind.code())
                    .id(*request)
                    .dict(details)?
                    .text(error)?
                    .payload(&payload)
                    .end();
            }
            Message::Publish {
                request,
                options,
                topic: uri,
                payload,
            }
            | Message::Call {
                request,
                options,
                procedure: uri,
                payload,
            } => {
                let payload = payload.in_format(format)?;
                self.head(format, 4 + count(&payload), out)
                    .id(*request)
                    .dict(options)?
                    .text(uri)?
                    .payload(&payload)
                    .end();
            }
            Message::Subscribe {
                request,
                options,
                topic: uri,
            }
            | Message::Register {
                request,
                options,
                procedure: uri,
            } => self
                .head(format, 4, out)
                .id(*request)
                .dict(options)?
                .text(uri)?
                .end(),
            Message::Published {
                request,
                publication: id,
            }
            | Message::Subscribed {
                request,
                subscription: id,
            }
            | Message::Unsubscribe {
                request,
                subscription: id,
            }
            | Message::Registered {
                request,
                registration: id,
            }
            | Message::Unregister {
                request,
                registration: id,
            } => self.head(format, 3, out).id(*request).id(*id).end(),
            Message::Unsubscribed { request: id }
            | Message::Unregistered { request: id }
            | Message::EventReceived { publication: id } => {
                self.head(format, 2, out).id(*id).end();
            }
            Message::SubscriptionRevoked { details } | Message::RegistrationRevoked { details } => {
                self.head(format, 3, out).number(0).dict(details)?.end();
            }
            Message::Event {
                subscription: first,
                publication: second,
                details,
                payload,
            }
            | Message::Invocation {
                request: first,
                registration: second,
                details,
                payload,
            } => {
                let payload = payload.in_format(format)?;
                self.head(format, 4 + count(&payload), out)
                    .id(*first)
                    .id(*second)
                    .dict(details)?
                    .payload(&payload)
                    .end();
            }
            Message::Cancel { request, options } | Message::Interrupt { request, options } => {
                self.head(format, 3, out).id(*request).dict(options)?.end();
            }
            Message::Result {
                request,
                details: dict,
                payload,
            }
            | Message::Yield {
                request,
                options: dict,
                payload,
            } => {
                let payload = payload.in_format(format)?;
                self.head(format, 3 + count(&payload), out)
                    .id(*request)
                    .dict(dict)?
                    .payload(&payload)
                    .end();
            }
        }
        Ok(())
    }

    fn head<'a>(&self, format: Format, count: usize, out: &'a mut Vec<u8>) -> Chain<'a> {
        Chain(Writer::new(format, count, out)).number(self.code())
    }
}

/// How many elements a payload adds to a message.
fn count(payload: &Payload) -> usize {
    if !payload.raw_kwargs().is_empty() {
        2
    } else {
        usize::from(!payload.raw_args().is_empty())
    }
}

/// A [`Writer`] whose calls follow each other as the elements do.
struct Chain<'a>(Writer<'a>);

impl Chain<'_> {
    fn number(mut self, number: u64) -> Self {
        self.0.number(number);
        self
    }

    fn id(self, id: Id) -> Self {
        self.number(id.get())
    }

    fn text(mut self, text: impl AsRef<str>) -> Result<Self, PayloadError> {
        self.0.text(text.as_ref())?;
        Ok(self)
    }

    fn dict(mut self, dict: &Dict) -> Result<Self, PayloadError> {
        self.0.dict(dict)?;
        Ok(self)
    }

    /// In the message's own format already.
    fn payload(mut self, payload: &Payload) -> Self {
        for element in [payload.raw_args(), payload.raw_kwargs()] {
            if !element.is_empty() {
                self.0.raw(element);
            }
        }
        self
    }

    fn end(self) {
        self.0.end();
    }
}

/// The elements of a message that is being read.
struct Parts<'a> {
    format: Format,
    bytes: &'a Bytes,
    elements: &'a Elements,
}

impl Parts<'_> {
    fn message(&self, code: u64) -> Result<Message, DecodeError> {
        match code {
            code::SUBSCRIBE | code::REGISTER | code::PUBLISH | code::CALL => self.request(code),
            _ => self.other(code).map_err(DecodeError::malformed),
        }
    }

    /// The requests with a URI, where an incorrect one can be answered.
    fn request(&self, code: u64) -> Result<Message, DecodeError> {
        let (kind, rules, carries_payload) = match code {
            code::PUBLISH => (RequestKind::Publish, rules::PUBLISH, true),
            code::SUBSCRIBE => (RequestKind::Subscribe, rules::SUBSCRIBE, false),
            code::REGISTER => (RequestKind::Register, rules::REGISTER, false),
            _ => (RequestKind::Call, rules::CALL, true),
        };
        let fields = || -> Result<(Id, Dict, Cow<'_, str>, Payload), String> {
            self.expect(4, if carries_payload { 6 } else { 4 })?;
            let request = self.id(1, "request id")?;
            let options = self.dict(2, "options", rules)?;
            let uri = self.text(3, "URI")?;
            let payload = self.payload(4, &options)?;
            Ok((request, options, uri, payload))
        };
        let (request, options, uri, payload) = fields().map_err(DecodeError::malformed)?;
        let matching = match kind {
            RequestKind::Subscribe | RequestKind::Register => options
                .str("match")
                .and_then(Match::from_word)
                .unwrap_or_default(),
            _ => Match::Exact,
        };
        let uri = Uri::pattern(&uri, matching).ok_or_else(|| DecodeError {
            kind: match kind {
                RequestKind::Publish if !options.flag("acknowledge") => DecodeErrorKind::Unanswered,
                _ => DecodeErrorKind::InvalidUri(kind, request),
            },
            message: format!("{uri:?} is no URI"),
        })?;
        Ok(match kind {
            RequestKind::Publish => Message::Publish {
                request,
                options,
                topic: uri,
                payload,
            },
            RequestKind::Subscribe => Message::Subscribe {
                request,
                options,
                topic: uri,
            },
            RequestKind::Register => Message::Register {
                request,
                options,
                procedure: uri,
            },
            _ => Message::Call {
                request,
                options,
                procedure: uri,
                payload,
            },
        })
    }

    fn other(&self, code: u64) -> Result<Message, String> {
        Ok(match code {
            code::HELLO => {
                self.expect(3, 3)?;
                Message::Hello {
                    realm: self.uri(1, "realm")?,
                    details: self.dict(2, "details", rules::HELLO)?,
                }
            }
            code::WELCOME => {
                self.expect(3, 3)?;
                Message::Welcome {
                    session: self.id(1, "session id")?,
                    details: self.dict(2, "details", rules::WELCOME)?,
                }
            }
            code::ABORT => {
                self.expect(3, 5)?;
                let (details, payload) = self.dict_and_payload((1, 3), "details", rules::CLOSE)?;
                Message::Abort {
                    details,
                    reason: self.uri(2, "reason")?,
                    payload,
                }
            }
            code::CHALLENGE => {
                self.expect(3, 3)?;
                Message::Challenge {
                    method: self.text(1, "method")?.into_owned(),
                    extra: self.dict(2, "extra", rules::CHALLENGE)?,
                }
            }
            code::AUTHENTICATE => {
                self.expect(3, 3)?;
                Message::Authenticate {
                    signature: self.text(1, "signature")?.into_owned(),
                    extra: self.dict(2, "extra", &[])?,
                }
            }
            code::GOODBYE => {
                self.expect(3, 3)?;
                Message::Goodbye {
                    details: self.dict(1, "details", rules::CLOSE)?,
                    reason: self.uri(2, "reason")?,
                }
            }
            code::ERROR => {
                self.expect(5, 7)?;
                let code = self.value(1, "request type")?.as_u64();
                let (details, payload) = self.dict_and_payload((3, 5), "details", rules::ERROR)?;
                Message::Error {
                    kind: code
                        .and_then(RequestKind::from_code)
                        .ok_or("the request type is none that an error answers")?,
                    request: self.id(2, "request id")?,
                    details,
                    error: self.uri(4, "error")?,
                    payload,
                }
            }
            code::PUBLISHED => {
                self.expect(3, 3)?;
                Message::Published {
                    request: self.id(1, "request id")?,
                    publication: self.id(2, "publication id")?,
                }
            }
            code::SUBSCRIBED => {
                self.expect(3, 3)?;
                Message::Subscribed {
                    request: self.id(1, "request id")?,
                    subscription: self.id(2, "subscription id")?,
                }
            }
            code::UNSUBSCRIBE => {
                self.expect(3, 3)?;
                Message::Unsubscribe {
                    request: self.id(1, "request id")?,
                    subscription: self.id(2, "subscription id")?,
                }
            }
            code::UNSUBSCRIBED if self.elements.len() == 3 => {
                self.zero(1)?;
                let details = self.dict(2, "details", rules::SUBSCRIPTION_REVOKED)?;
                Message::SubscriptionRevoked { details }
            }
            code::UNSUBSCRIBED => {
                self.expect(2, 3)?;
                let request = self.id(1, "request id")?;
                Message::Unsubscribed { request }
            }
            code::EVENT => {
                self.expect(4, 6)?;
                let (details, payload) = self.dict_and_payload((3, 4), "details", rules::EVENT)?;
                Message::Event {
                    subscription: self.id(1, "subscription id")?,
                    publication: self.id(2, "publication id")?,
                    details,
                    payload,
                }
            }
            code::EVENT_RECEIVED => {
                self.expect(2, 2)?;
                let publication = self.id(1, "publication id")?;
                Message::EventReceived { publication }
            }
            code::CANCEL => {
                self.expect(3, 3)?;
                Message::Cancel {
                    request: self.id(1, "request id")?,
                    options: self.dict(2, "options", rules::CANCEL)?,
                }
            }
            code::RESULT => {
                self.expect(3, 5)?;
                let (details, payload) = self.dict_and_payload((2, 3), "details", rules::RESULT)?;
                Message::Result {
                    request: self.id(1, "request id")?,
                    details,
                    payload,
                }
            }
            code::REGISTERED => {
                self.expect(3, 3)?;
                Message::Registered {
                    request: self.id(1, "request id")?,
                    registration: self.id(2, "registration id")?,
                }
            }
            code::UNREGISTER => {
                self.expect(3, 3)?;
                Message::Unregister {
                    request: self.id(1, "request id")?,
                    registration: self.id(2, "registration id")?,
                }
            }
            code::UNREGISTERED if self.elements.len() == 3 => {
                self.zero(1)?;
                let details = self.dict(2, "details", rules::REGISTRATION_REVOKED)?;
                Message::RegistrationRevoked { details }
            }
            code::UNREGISTERED => {
                self.expect(2, 3)?;
                let request = self.id(1, "request id")?;
                Message::Unregistered { request }
            }
            code::INVOCATION => {
                self.expect(4, 6)?;
                let (details, payload) =
                    self.dict_and_payload((3, 4), "details", rules::INVOCATION)?;
                Message::Invocation {
                    request: self.id(1, "request id")?,
                    registration: self.id(2, "registration id")?,
                    details,
                    payload,
                }
            }
            code::INTERRUPT => {
                self.expect(3, 3)?;
                Message::Interrupt {
                    request: self.id(1, "request id")?,
                    options: self.dict(2, "options", rules::INTERRUPT)?,
                }
            }
            code::YIELD => {
                self.expect(3, 5)?;
                let (options, payload) = self.dict_and_payload((2, 3), "options", rules::YIELD)?;
                Message::Yield {
                    request: self.id(1, "request id")?,
                    options,
                    payload,
                }
            }
            _ => return Err("the type is unknown".to_string()),
        })
    }

    fn expect(&self, least: usize, most: usize) -> Result<(), String> {
        let count = self.elements.len();
        if (least..=most).contains(&count) {
            return Ok(());
        }
        let wanted = if least == most {
            least.to_string()
        } else {
            format!("{least} to {most}")
        };
        Err(format!("{count} elements where there are {wanted}"))
    }

    fn element(&self, index: usize) -> Option<&[u8]> {
        let span = self.elements.get(index)?;
        self.bytes.get(span)
    }

    fn value(&self, index: usize, what: &str) -> Result<Value, String> {
        let element = self
            .element(index)
            .ok_or_else(|| format!("the {what} is missing"))?;
        codec::read(self.format, element).map_err(|error| format!("the {what}: {error}"))
    }

    /// The message's type.
    fn code(&self) -> Result<u64, String> {
        let code = self.number(0, "type")?;
        code.ok_or_else(|| "a message begins with its type".to_string())
    }

    /// A whole number that is not negative; `None` where something else stands.
    fn number(&self, index: usize, what: &str) -> Result<Option<u64>, String> {
        // Each message has one to three, and nearly all are nothing but digits.
        let plain = self
            .element(index)
            .and_then(|element| codec::plain_number(self.format, element));
        match plain {
            Some(number) => Ok(Some(number)),
            None => Ok(self.value(index, what)?.as_u64()),
        }
    }

    fn id(&self, index: usize, what: &str) -> Result<Id, String> {
        self.number(index, what)?
            .and_then(Id::new)
            .ok_or_else(|| format!("the {what} is no whole number from 1 to 2^53"))
    }

    fn zero(&self, index: usize) -> Result<(), String> {
        match self.value(index, "request id")?.as_u64() {
            Some(0) => Ok(()),
            _ => Err("the request id is 0 where the router took something away".to_string()),
        }
    }

    fn text(&self, index: usize, what: &str) -> Result<Cow<'_, str>, String> {
        // A URI has nothing to unescape: it is lent, not copied.
        let plain = self
            .element(index)
            .and_then(|element| codec::plain_text(self.format, element));
        if let Some(text) = plain {
            return Ok(Cow::Borrowed(text));
        }
        // In JSON even a text that would stand for bytes elsewhere is the text that it is.
        let text = match self.format {
            Format::Json => self
                .element(index)
                .and_then(|element| codec::read(self.format, element).ok()),
            _ => match self.value(index, what)? {
                Value::String(text) => Some(text),
                _ => None,
            },
        };
        text.map(Cow::Owned)
            .ok_or_else(|| format!("the {what} is no string"))
    }

    fn uri(&self, index: usize, what: &str) -> Result<Uri, String> {
        let text = self.text(index, what)?;
        Uri::new(&text).ok_or_else(|| format!("the {what} {text:?} is no URI"))
    }

    fn dict(&self, index: usize, what: &str, rules: &[Rule]) -> Result<Dict, String> {
        let empty = codec::empty_dict(self.format);
        let dict = match self.element(index) {
            // Most are, and there is nothing to read.
            Some(element) if *element == *empty => Value::Dict(Dict::new()),
            Some(element) if element.len() > MAX_DICT => {
                return Err(format!("the {what} are longer than {MAX_DICT} bytes"));
            }
            _ => self.value(index, what)?,
        };
        let dict = match dict {
            Value::Dict(dict) => dict,
            _ => return Err(format!("the {what} are no dictionary")),
        };
        rules::check(&dict, rules).map_err(|error| format!("the {what}: {error}"))?;
        Ok(dict)
    }

    /// A message's details or options, and the payload that they may say something about.
    fn dict_and_payload(
        &self,
        (dict, payload): (usize, usize),
        what: &str,
        rules: &[Rule],
    ) -> Result<(Dict, Payload), String> {
        let dict = self.dict(dict, what, rules)?;
        let payload = self.payload(payload, &dict)?;
        Ok((dict, payload))
    }

    /// The arguments from an element on; a sealed payload where the options say so.
    fn payload(&self, index: usize, options: &Dict) -> Result<Payload, String> {
        rules::check(options, rules::PAYLOAD)?;
        if options.get(rules::ENC_ALGO).is_some() && self.elements.len() == index + 1 {
            let span = self.elements.get(index).unwrap_or_default();
            let bytes = self.bytes.slice(span);
            if codec::first_count(self.format, &bytes).is_none() {
                let sealed = Payload::from_parts(self.format, bytes, Bytes::new());
                let readable = sealed.sealed().map_err(|error| error.to_string())?;
                readable.ok_or("the payload is no string and no bytes")?;
                return Ok(sealed);
            }
        }
        let part = |index: usize, container: codec::Container| {
            let Some(span) = self.elements.get(index) else {
                return Ok(Bytes::new());
            };
            let bytes = self.bytes.slice(span);
            match codec::first_count(self.format, &bytes) {
                Some((found, _)) if found == container => Ok(bytes),
                _ => Err(match container {
                    codec::Container::List => "the positional arguments are no list".to_string(),
                    codec::Container::Dict => "the keyword arguments are no dictionary".to_string(),
                }),
            }
        };
        let args = part(index, codec::Container::List)?;
        let kwargs = part(index + 1, codec::Container::Dict)?;
        if !kwargs.is_empty() && !codec::keys_are_text(self.format, &kwargs) {
            return Err("a keyword is no string".to_string());
        }
        Ok(Payload::from_parts(self.format, args, kwargs))
    }
}

#[cfg(test)]
mod tests;
