//! The requests that an ERROR may answer.

/// The requests that an ERROR may answer, each with its message's code.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[expect(missing_docs, reason = "each is the message of this name")]
pub enum RequestKind {
    Publish = 16,
    Subscribe = 32,
    Unsubscribe = 34,
    Call = 48,
    Register = 64,
    Unregister = 66,
    Invocation = 68,
}

impl RequestKind {
    pub(super) const ALL: [RequestKind; 7] = [
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
        self as u64
    }

    pub(super) fn from_code(code: u64) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| kind.code() == code)
    }
}
