//! What the protocol wants done.

use std::sync::Arc;
use std::sync::atomic::AtomicBool;

use super::super::call::Promise;
use super::super::error::Error;
use super::super::options::SessionEvent;
use super::super::procedure::{CancelToken, Procedure};
use super::super::pubsub::Event;
use super::timer::Task;
use crate::messages::{Dict, Id, Payload, Uri};

/// What a subscription runs for each event.
pub(in super::super) type EventHandler = Arc<dyn Fn(&Event) + Send + Sync>;

/// What is to be done, in this order.
pub(in super::super) enum Output<W> {
    /// The end of a request, for anyone who waits for it.
    Finish(Arc<Promise>, Result<Payload, Error>),
    /// The end of an acknowledged publication.
    Published(Arc<Promise>, Id),
    /// A partial result of this call. Where too many wait,
    /// [`Protocol::overrun`](super::Protocol::overrun) is told.
    Partial(u64, Arc<Promise>, Payload),
    /// A procedure is called. What comes of it goes to
    /// [`Protocol::answered`](super::Protocol::answered), or at once to
    /// [`Protocol::turned_away`](super::Protocol::turned_away).
    Invoke(Invoked),
    /// The caller no longer wants this invocation's result.
    Cancel(Arc<CancelToken>),
    /// An event for the handler of this subscription.
    Deliver(u64, Delivery),
    /// Something that the user may want to know.
    Notice(SessionEvent),
    /// [`Protocol::later`](super::Protocol::later), after a pause that grows with the attempts.
    Retry(Task, u32),
    /// The attempt to connect takes too long.
    StopOpening,
    /// Ends a connection at once.
    BreakOff(W),
    /// Ends a connection when all is written.
    HangUp(W),
    /// The session is at its end.
    Ended,
}

/// A call of a procedure of this session.
pub(in super::super) struct Invoked {
    pub(in super::super) request: Id,
    pub(in super::super) procedure: Procedure,
    /// The URI that was called.
    pub(in super::super) uri: Uri,
    pub(in super::super) details: Dict,
    pub(in super::super) payload: Payload,
    pub(in super::super) cancel_token: Arc<CancelToken>,
}

/// An event and who handles it.
pub(in super::super) struct Delivery {
    pub(in super::super) event: Event,
    pub(in super::super) handler: EventHandler,
    /// Cleared when the subscription is given up: events
    /// that wait for the handler by then are dropped.
    pub(in super::super) wanted: Arc<AtomicBool>,
}
