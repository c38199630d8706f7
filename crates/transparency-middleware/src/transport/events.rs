//! What a router tells of its connections, for a log.

use std::fmt;
use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;

use crate::messages::{Id, Uri};

/// Something that happened at a router.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum RouterEvent {
    /// A session has joined a realm.
    Joined {
        /// Where it is.
        address: SocketAddr,
        /// The realm.
        realm: Uri,
        /// Its id.
        session: Id,
        /// Its name.
        authid: String,
        /// Its role.
        authrole: String,
        /// How it proved that.
        authmethod: String,
    },
    /// A session is over, for whatever reason.
    Left {
        /// Where it is.
        address: SocketAddr,
        /// Its id.
        session: Id,
    },
    /// A session, or a client that wanted to have one, was sent ABORT.
    Aborted {
        /// Where it is.
        address: SocketAddr,
        /// Its id, if it had joined.
        session: Option<Id>,
        /// The reason's URI.
        reason: Uri,
        /// The text for a person.
        why: String,
    },
    /// A ticket or a signature was wrong.
    WrongProof {
        /// Where the client is.
        address: SocketAddr,
        /// Who it said it is.
        authid: String,
    },
    /// A connection was turned away before there was a WebSocket.
    Refused {
        /// Where it is.
        address: IpAddr,
        /// Why.
        why: String,
    },
    /// A session was ended because too much was kept for it, or it took nothing for too long.
    Evicted {
        /// Where it is.
        address: SocketAddr,
        /// The bytes that were kept for it.
        held: usize,
    },
    /// The system cannot give one more connection. Told once a minute at most.
    CannotAccept {
        /// What the system says.
        error: String,
        /// How often that has happened since it was last told.
        times: u64,
    },
}

impl fmt::Display for RouterEvent {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            RouterEvent::Joined {
                address,
                realm,
                session,
                authid,
                authrole,
                authmethod,
            } => write!(
                f,
                "{address} joined {realm} as {authid:?}, role {authrole:?}, method {authmethod}, session {session}"
            ),
            RouterEvent::Left { address, session } => {
                write!(f, "{address} left, session {session}")
            }
            RouterEvent::Aborted {
                address,
                session,
                reason,
                why,
            } => {
                write!(f, "{address} was sent ABORT, {reason}: {why:?}")?;
                match session {
                    Some(session) => write!(f, ", session {session}"),
                    None => Ok(()),
                }
            }
            RouterEvent::WrongProof { address, authid } => {
                write!(
                    f,
                    "{address} sent a wrong ticket or signature for {authid:?}"
                )
            }
            RouterEvent::Refused { address, why } => write!(f, "{address} was refused: {why}"),
            RouterEvent::Evicted { address, held } => {
                write!(f, "{address} was evicted: {held} bytes were kept for it")
            }
            RouterEvent::CannotAccept { error, times } => write!(
                f,
                "cannot accept clients: {error}; {times} times since this was last told"
            ),
        }
    }
}

/// Is told what happens at a router, from the thread to which it happens: it should be quick.
#[derive(Clone)]
pub struct Observer(Arc<dyn Fn(&RouterEvent) + Send + Sync>);

impl Observer {
    /// From a function.
    pub fn new(tell: impl Fn(&RouterEvent) + Send + Sync + 'static) -> Self {
        Observer(Arc::new(tell))
    }

    /// Tells of an event: an observer may pass on what it is told to another.
    pub fn tell(&self, event: &RouterEvent) {
        (self.0)(event);
    }
}

impl Default for Observer {
    /// Nobody is told.
    fn default() -> Self {
        Observer::new(|_| {})
    }
}

impl fmt::Debug for Observer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Observer")
    }
}
