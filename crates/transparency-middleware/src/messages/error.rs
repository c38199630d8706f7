//! Why bytes are not a message, and why values cannot be a payload.

use std::fmt;

use super::ids::Id;
use super::kind::RequestKind;

/// Why bytes are not message.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DecodeError {
    /// What is to be done about it.
    pub kind: DecodeErrorKind,
    /// What is wrong, for a person: `CALL: the request id is not a whole number from 1 to 2^53`.
    pub message: String,
}

/// What a router does about bytes that are not message.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum DecodeErrorKind {
    /// A breach of the protocol: the session ends with ABORT and `wamp.error.protocol_violation`.
    Malformed,
    /// All is well but the URI of a request: it is answered with ERROR and
    /// `wamp.error.invalid_uri`.
    InvalidUri(RequestKind, Id),
    /// The same in a PUBLISH that wants no answer
    /// (`acknowledge`): nothing is done, and nothing is said.
    Unanswered,
}

impl DecodeError {
    pub(super) fn malformed(message: String) -> Self {
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

/// Why arguments could not be read or written.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PayloadError(String);

impl PayloadError {
    pub(super) fn new(message: impl fmt::Display) -> Self {
        PayloadError(message.to_string())
    }
}

impl fmt::Display for PayloadError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for PayloadError {}
