//! What belongs to one connection: its request ids, and what their answers are for.

use std::collections::HashMap;
use std::sync::Arc;

use super::super::call::Promise;
use super::super::error::Error;
use super::super::procedure::CancelToken;
use super::Outgoing;
use crate::messages::{Dict, Id, Message, SessionIds};

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
    pub(super) requests: HashMap<Id, Request>,
    pub(super) registered: HashMap<Id, u64>,
    pub(super) subscribed: HashMap<Id, Vec<u64>>,
    pub(super) invocations: HashMap<Id, Arc<CancelToken>>,
    pub(super) goodbye_sent: bool,
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
            registered: HashMap::new(),
            subscribed: HashMap::new(),
            invocations: HashMap::new(),
            goodbye_sent: false,
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
        self.wire.put(&message(request))?;
        self.unsent = true;
        self.ids = ids;
        self.requests.insert(request, what);
        Ok(request)
    }

    /// Sends a message that has no answer and no payload that could fail.
    pub(super) fn tell(&mut self, message: &Message) {
        self.wire.tell(message);
        self.unsent = true;
    }

    /// Takes what waits for the answer to a request, if it is of the right kind.
    pub(super) fn take(&mut self, request: Id, kind: fn(&Request) -> bool) -> Option<Request> {
        if !self.requests.get(&request).is_some_and(kind) {
            return None;
        }
        self.requests.remove(&request)
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
