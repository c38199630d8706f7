//! What belongs to one connection: its request ids, and what their answers are for.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Instant;

use super::super::call::Promise;
use super::super::error::Error;
use super::super::procedure::CancelToken;
use super::Outgoing;
use crate::messages::{Dict, Id, Message, RequestKind, SessionIds};

/// Why a connection is not read any further.
#[derive(Debug, PartialEq, Eq)]
pub(in super::super) enum Disconnect {
    /// There is no connection any more.
    Left,
    /// The router said GOODBYE; the answer is on its way.
    Goodbye,
    /// The router said ABORT.
    Aborted {
        text: String,
        /// A message was larger than the router takes.
        too_large: bool,
    },
    Violation(String),
}

impl Disconnect {
    pub(super) fn unasked(name: &str) -> Self {
        Disconnect::Violation(format!("{name} that answers nothing"))
    }

    /// A request that the session makes of itself cannot be sent.
    pub(super) fn unsent(error: &Error) -> Self {
        Disconnect::Aborted {
            text: error.to_string(),
            too_large: false,
        }
    }
}

/// An open connection.
pub(super) struct Link<W> {
    pub(super) wire: W,
    /// Something was put into the wire and has to be flushed.
    pub(super) unsent: bool,
    pub(super) session: Id,
    /// The router's WELCOME.
    pub(super) details: Dict,
    pub(super) address: usize,
    ids: SessionIds,
    pub(super) requests: HashMap<Id, Sent>,
    /// The last request that was answered, or 0: the router has read what was sent before it.
    answered: u64,
    pub(super) registered: HashMap<Id, u64>,
    pub(super) subscribed: HashMap<Id, Vec<u64>>,
    pub(super) invocations: HashMap<Id, Arc<CancelToken>>,
    pub(super) goodbye_sent: bool,
    /// When the last ping was sent.
    pub(super) pinged: Option<Instant>,
}

/// A request that has no answer yet.
pub(super) struct Sent {
    pub(super) what: Request,
    /// Of its message, in bytes.
    size: usize,
}

/// What the answer to a request is for.
pub(super) enum Request {
    Call(u64),
    Register(u64),
    Unregister(u64, Arc<Promise>),
    Subscribe(u64),
    Unsubscribe(Arc<Promise>),
    Publish(Arc<Promise>),
}

impl Request {
    /// As an ERROR names it.
    pub(super) fn kind(&self) -> RequestKind {
        match self {
            Request::Call(_) => RequestKind::Call,
            Request::Register(_) => RequestKind::Register,
            Request::Unregister(..) => RequestKind::Unregister,
            Request::Subscribe(_) => RequestKind::Subscribe,
            Request::Unsubscribe(_) => RequestKind::Unsubscribe,
            Request::Publish(_) => RequestKind::Publish,
        }
    }
}

impl<W: Outgoing> Link<W> {
    pub(super) fn new(wire: W, session: Id, details: Dict, address: usize) -> Self {
        Link {
            wire,
            unsent: false,
            session,
            details,
            address,
            ids: SessionIds::new(),
            requests: HashMap::new(),
            answered: 0,
            registered: HashMap::new(),
            subscribed: HashMap::new(),
            invocations: HashMap::new(),
            goodbye_sent: false,
            pinged: None,
        }
    }

    /// Sends a request under the next id.
    ///
    /// # Errors
    ///
    /// When the message cannot be written.
    pub(super) fn request(
        &mut self,
        what: Request,
        message: impl FnOnce(Id) -> Message,
    ) -> Result<Id, Error> {
        // The id is drawn when nothing can fail any more, so that none is left out.
        let mut ids = self.ids.clone();
        let request = ids.draw();
        let size = self.wire.put(&message(request))?;
        self.unsent = true;
        self.ids = ids;
        self.requests.insert(request, Sent { what, size });
        Ok(request)
    }

    /// Sends a message that has no answer and no payload that could fail.
    pub(super) fn tell(&mut self, message: &Message) {
        self.wire.tell(message);
        self.unsent = true;
    }

    /// Takes what waits for the answer to a request, if it is of the right kind.
    pub(super) fn take(&mut self, request: Id, kind: fn(&Request) -> bool) -> Option<Request> {
        if !self
            .requests
            .get(&request)
            .is_some_and(|sent| kind(&sent.what))
        {
            return None;
        }
        self.has_read(request);
        self.requests.remove(&request).map(|sent| sent.what)
    }

    /// The router has answered a request, perhaps not for the last time.
    pub(super) fn has_read(&mut self, request: Id) {
        self.answered = self.answered.max(request.get());
    }

    /// The router ended the connection over a message that was larger than it takes. Takes the
    /// requests that would all be: the largest of what it need not have read before. There are none
    /// if that was not a request.
    pub(super) fn take_too_large(&mut self) -> Vec<(Request, usize)> {
        let unread = |id: &Id| id.get() > self.answered;
        let sizes = self.requests.iter().filter(|(id, _)| unread(id));
        let largest = sizes.map(|(_, sent)| sent.size).max().unwrap_or(0);
        if largest <= self.wire.largest_after(self.answered) {
            return Vec::new();
        }
        let answered = self.answered;
        let taken = self
            .requests
            .extract_if(|id, sent| id.get() > answered && sent.size == largest);
        taken.map(|(_, sent)| (sent.what, sent.size)).collect()
    }

    /// Whether the router announces a feature.
    pub(super) fn offers(&self, role: &str, feature: &str) -> bool {
        let features = self
            .details
            .dict("roles")
            .and_then(|roles| roles.dict(role))
            .and_then(|role| role.dict("features"));
        features.is_some_and(|features| features.flag(feature))
    }
}
