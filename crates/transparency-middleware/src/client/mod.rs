//! The client's session: procedures are registered and called, topics subscribed to and published
//! to, and where the others are, or whether the router has moved, is the session's business.
//!
//! ```no_run
//! use transparency_middleware::client::{Procedure, Session};
//!
//! # fn main() -> Result<(), transparency_middleware::client::Error> {
//! let service = Session::connect(["ws://127.0.0.1:8080/ws"], "realm1")?;
//! service.register(Procedure::new("org.example.add2", |(a, b): (i64, i64)| Ok(a + b)))?;
//!
//! // In another program, on another machine, in another language:
//! let caller = Session::connect(["ws://127.0.0.1:8080/ws", "ws://127.0.0.1:8081/ws"], "realm1")?;
//! let sum: i64 = caller.call("org.example.add2", &(2, 3))?;
//! assert_eq!(sum, 5);
//! # Ok(())
//! # }
//! ```
//!
//! What the session keeps for its user when a connection breaks, or its router goes away:
//!
//! | | |
//! |---|---|
//! | registrations, subscriptions | made again on the next connection |
//! | calls not yet sent | sent on the next connection, if it comes before their deadline |
//! | calls sent, declared idempotent | made again, on the same connection or the next, until their deadline |
//! | calls sent, not declared idempotent | end with [`Error::Lost`]: it is unknown whether they were carried out |
//! | acknowledged publications | as the calls that are not idempotent |
//!
//! A router may be wrong, overloaded or hostile. Whatever it sends, a session connects at most
//! about once a second when no session lasts, computes no longer for a proof than a handshake may
//! take, and holds no more bytes than [`Builder::max_waiting_bytes`] says for each of its queues; a
//! connection on which bytes still move is not given up as dead.
//!
//! A session has a thread that reads, one that writes, and one that keeps the time. Handlers of
//! events run on one more, in the order in which the events came; procedures on a bounded pool. A
//! handler may itself call through its session.

mod address;
mod arguments;
mod call;
mod error;
mod inbox;
mod link;
mod local;
mod options;
mod pool;
mod procedure;
mod protocol;
mod pubsub;
mod sender;
mod session;
mod threads;

pub use call::{Call, Caller, PendingCall};
pub use error::{Error, ErrorReply};
pub use local::Local;
pub use options::{Auth, Backoff, Builder, SessionEvent};
pub use procedure::{Invocation, Procedure};
#[cfg(fuzzing)]
pub use protocol::drive;
pub use pubsub::{Event, Publication, Topic};
pub use session::{Registration, Session, Subscription};
