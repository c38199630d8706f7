//! What can go wrong with a request, so that a caller
//! can tell "it was not done" from "it is unknown".

use std::fmt;

use serde::Serialize;

use crate::messages::{Format, Payload, PayloadError, Uri, known};

/// Why a request of a [`Session`](super::Session) has no result.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub enum Error {
    /// The callee or the router answered with ERROR.
    Reply(ErrorReply),
    /// The deadline has passed. If the request was never
    /// `sent`, it was not carried out; else that is unknown.
    Timeout {
        /// Whether the request had left this machine.
        sent: bool,
    },
    /// The connection broke after the request was sent: it is unknown whether it was carried out.
    /// It was not declared idempotent, so it was not made again.
    Lost,
    /// The caller cancelled the call.
    Cancelled,
    /// The router said ABORT: it does not let this client in.
    Refused {
        /// The reason's URI, such as `wamp.error.not_authorized`.
        reason: Uri,
        /// The router's own words, perhaps none.
        message: String,
    },
    /// No router answered at any of the addresses: each with what it said.
    Unreachable(String),
    /// The session has been left.
    Closed,
    /// More waits to be sent, or partial results to be read, than the session's limit.
    Overrun,
    /// The message is larger than the session's limit, in bytes.
    TooLarge(usize),
    /// The text is not a URI.
    InvalidUri(String),
    /// The text is no router's address.
    InvalidAddress(String),
    /// The arguments or the result are not of the type wanted.
    Payload(PayloadError),
}

impl Error {
    /// The URI under which WAMP knows this error; for an ERROR message its own.
    ///
    /// ```
    /// use transparency_middleware::client::Error;
    ///
    /// assert_eq!(Error::Timeout { sent: true }.uri(), "wamp.error.timeout");
    /// ```
    pub fn uri(&self) -> &str {
        match self {
            Error::Reply(reply) => reply.uri.as_str(),
            Error::Refused { reason, .. } => reason.as_str(),
            Error::Timeout { .. } => known::TIMEOUT,
            Error::Lost | Error::Cancelled => known::CANCELED,
            Error::Unreachable(_) | Error::Closed | Error::Overrun => known::UNAVAILABLE,
            Error::TooLarge(_) => known::PAYLOAD_SIZE_EXCEEDED,
            Error::InvalidUri(_) | Error::InvalidAddress(_) => known::INVALID_URI,
            Error::Payload(_) => known::INVALID_ARGUMENT,
        }
    }

    /// Whether the request may have been carried out although there is no result.
    pub fn is_ambiguous(&self) -> bool {
        match self {
            Error::Lost | Error::Cancelled | Error::Timeout { sent: true } => true,
            Error::Reply(reply) => reply.is_cancelled() || reply.uri == known::TIMEOUT,
            _ => false,
        }
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Error::Reply(reply) => reply.fmt(f),
            Error::Timeout { sent: true } => {
                f.write_str("no answer before the deadline; it may have been carried out")
            }
            Error::Timeout { sent: false } => {
                f.write_str("no router to send it to before the deadline; it was not carried out")
            }
            Error::Lost => {
                f.write_str("the connection broke after it was sent; it may have been carried out")
            }
            Error::Cancelled => f.write_str("cancelled"),
            Error::Refused { reason, message } if message.is_empty() => {
                write!(f, "the router refuses: {reason}")
            }
            Error::Refused { reason, message } => {
                write!(f, "the router refuses: {reason} ({message})")
            }
            Error::Unreachable(details) => write!(f, "no router answers: {details}"),
            Error::Closed => f.write_str("the session has been left"),
            Error::Overrun => f.write_str("too much is waiting already"),
            Error::TooLarge(limit) => write!(f, "the message is larger than {limit} bytes"),
            Error::InvalidUri(text) => write!(f, "{text:?} is not a URI"),
            Error::InvalidAddress(text) => {
                write!(f, "{text:?} is not an address like ws://127.0.0.1:8080/ws")
            }
            Error::Payload(error) => error.fmt(f),
        }
    }
}

impl std::error::Error for Error {}

/// The most characters of a router's own words that are kept for a person to read.
const MOST_WORDS: usize = 500;

/// A router's own words, as far as a person will read them.
pub(super) fn shorten(text: &str) -> String {
    match text.char_indices().nth(MOST_WORDS) {
        Some((end, _)) => format!("{}…", &text[..end]),
        None => text.to_string(),
    }
}

impl From<PayloadError> for Error {
    fn from(error: PayloadError) -> Self {
        Error::Payload(error)
    }
}

/// An error as it crosses the wire: a URI and arguments.
/// What a procedure's handler gives when it fails.
///
/// ```
/// use transparency_middleware::client::ErrorReply;
///
/// let error = ErrorReply::new("org.example.error.empty", "nothing to divide");
/// assert_eq!(error.uri(), "org.example.error.empty");
/// assert_eq!(error.text().as_deref(), Some("nothing to divide"));
/// ```
#[derive(Debug, Clone, PartialEq)]
pub struct ErrorReply {
    uri: Uri,
    payload: Payload,
}

impl ErrorReply {
    /// What a handler that panicked is answered with, as autobahn does for an exception.
    pub const RUNTIME_ERROR: &str = "wamp.error.runtime_error";

    /// An error with one argument, a text for a person.
    ///
    /// # Panics
    ///
    /// When the first text is not a URI.
    pub fn new(uri: &str, text: &str) -> Self {
        Self::with_args(uri, &[text]).expect("a text can be written in JSON")
    }

    /// An error with these arguments.
    ///
    /// # Errors
    ///
    /// When the arguments are not a list, or cannot be written.
    ///
    /// # Panics
    ///
    /// When the text is not a URI.
    pub fn with_args<A: Serialize + ?Sized>(uri: &str, args: &A) -> Result<Self, PayloadError> {
        let payload = Payload::new(Format::Json, args)?;
        let uri = Uri::new(uri).expect("an error's URI is written in the program and is valid");
        Ok(ErrorReply { uri, payload })
    }

    pub(super) fn from_wire(uri: Uri, payload: Payload) -> Self {
        ErrorReply { uri, payload }
    }

    pub(super) fn into_parts(self) -> (Uri, Payload) {
        (self.uri, self.payload)
    }

    /// The error's name.
    pub fn uri(&self) -> &str {
        self.uri.as_str()
    }

    /// The error's arguments.
    pub fn payload(&self) -> &Payload {
        &self.payload
    }

    /// The first argument, if it is a text.
    pub fn text(&self) -> Option<String> {
        let args: Vec<crate::messages::Value> = self.payload.args().ok()?;
        Some(args.first()?.as_str()?.to_string())
    }

    /// The call was cancelled, or its callee left. The specification spells the URI in two ways.
    pub(super) fn is_cancelled(&self) -> bool {
        self.uri == known::CANCELED || self.uri == "wamp.error.cancelled"
    }
}

impl fmt::Display for ErrorReply {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.text() {
            Some(text) => write!(f, "{}: {text}", self.uri),
            None if self.payload.is_empty() => self.uri.fmt(f),
            None => write!(f, "{}: {:?}", self.uri, self.payload),
        }
    }
}

impl std::error::Error for ErrorReply {}

/// Arguments that a handler cannot read, and results
/// that cannot be written, are the caller's to hear of.
impl From<PayloadError> for ErrorReply {
    fn from(error: PayloadError) -> Self {
        ErrorReply::new(known::INVALID_ARGUMENT, &error.to_string())
    }
}
