//! What a user of the client holds: the session, its registrations and its subscriptions.

use std::fmt;
use std::sync::{Arc, Weak};
use std::time::{Duration, Instant};

use serde::Serialize;
use serde::de::DeserializeOwned;

use super::call::{self, Call, Caller, PendingCall};
use super::error::Error;
use super::options::{Builder, Config};
use super::procedure::Procedure;
use super::pubsub::{Event, Publication, Topic};
use super::threads::Core;
use crate::messages::{Dict, Format, Id, Payload};

/// A session with a router, kept open over broken connections. Clones are the same session; it is
/// left when the last one is dropped.
#[derive(Clone)]
pub struct Session {
    core: Arc<Core>,
    /// Leaves when it is dropped. The threads hold the core, and not this.
    _user: Arc<User>,
}

struct User(Arc<Core>);

impl Drop for User {
    fn drop(&mut self) {
        self.0.leave_without_waiting();
    }
}

impl Session {
    /// Opens a session with the first router that answers,
    /// with the usual settings: anonymous, in JSON.
    ///
    /// # Errors
    ///
    /// When no router answers, or the one that does says
    /// ABORT; when an address or the realm is malformed.
    pub fn connect<U: AsRef<str>>(
        routers: impl IntoIterator<Item = U>,
        realm: &str,
    ) -> Result<Self, Error> {
        Self::builder(realm).routers(routers).connect()
    }

    /// A session with other settings.
    pub fn builder(realm: &str) -> Builder {
        Builder::new(realm)
    }

    pub(super) fn open(config: Config) -> Result<Self, Error> {
        let core = Core::start(config)?;
        let session = Session {
            _user: Arc::new(User(Arc::clone(&core))),
            core,
        };
        session.core.wait_until_open()?;
        Ok(session)
    }

    /// Calls a procedure and waits for its result.
    ///
    /// # Errors
    ///
    /// See [`Error`]. A call to a procedure that was not declared idempotent is never made twice.
    pub fn call<R: DeserializeOwned>(
        &self,
        procedure: &str,
        args: &(impl Serialize + ?Sized),
    ) -> Result<R, Error> {
        call::call(self, procedure, args)
    }

    /// Registers a procedure, and again on each new connection.
    ///
    /// # Errors
    ///
    /// When the router refuses, or does not answer in time.
    pub fn register(&self, procedure: Procedure) -> Result<Registration, Error> {
        let name = procedure.uri().into();
        let key = self.core.register(procedure)?;
        Ok(Registration {
            core: Arc::downgrade(&self.core),
            key,
            procedure: name,
        })
    }

    /// Subscribes to a topic, and again on each new connection. The handlers of a session's events
    /// run one after another, in the order in which the events came.
    ///
    /// # Errors
    ///
    /// When the router refuses, or does not answer in time.
    pub fn subscribe(
        &self,
        topic: impl Into<Topic>,
        handler: impl Fn(&Event) + Send + Sync + 'static,
    ) -> Result<Subscription, Error> {
        let topic = topic.into();
        let name = topic.uri.as_str().into();
        let key = self.core.subscribe(topic, Arc::new(handler))?;
        Ok(Subscription {
            core: Arc::downgrade(&self.core),
            key,
            topic: name,
        })
    }

    /// Publishes an event, without an acknowledgement. It is on
    /// its way when this returns, and lost if the connection is.
    ///
    /// # Errors
    ///
    /// When there is no connection in time, or the arguments cannot be written.
    pub fn publish(&self, topic: &str, args: &(impl Serialize + ?Sized)) -> Result<(), Error> {
        let payload = Payload::new(self.format(), args)?;
        self.core
            .publish(Publication::new(topic, payload))
            .map(|_| ())
    }

    /// Publishes an event with options. With [`Publication::acknowledge`] this waits for the router
    /// and gives the publication's id.
    ///
    /// # Errors
    ///
    /// When there is no connection in time, the router refuses, or the arguments cannot be written.
    pub fn publish_with(&self, publication: Publication) -> Result<Option<Id>, Error> {
        self.core.publish(publication)
    }

    /// The session's id with its present router; another one after each reconnection. `None` while
    /// there is no connection.
    pub fn id(&self) -> Option<Id> {
        let state = self.core.lock();
        let (_, session, _, _) = state.protocol.connection()?;
        Some(session)
    }

    /// What the router said in its WELCOME: its features, the role that it gave.
    pub fn welcome(&self) -> Option<Dict> {
        let state = self.core.lock();
        let (_, _, welcome, _) = state.protocol.connection()?;
        Some(welcome.clone())
    }

    /// The address of the present router.
    pub fn router(&self) -> Option<String> {
        let state = self.core.lock();
        let (_, _, _, address) = state.protocol.connection()?;
        Some(self.core.config.addresses[address].to_string())
    }

    /// Leaves in order: gives up all registrations, ends the invocations that run or wait, sends
    /// their results, says GOODBYE. A service that moves starts its successor first and then
    /// drains: no call is lost.
    ///
    /// # Errors
    ///
    /// [`Error::Timeout`] when the handlers do not end in time. The session is left all the same.
    pub fn drain(&self, limit: Duration) -> Result<(), Error> {
        self.core.drain(limit)
    }

    /// Leaves at once. Whatever is in flight ends with [`Error::Closed`].
    pub fn leave(&self) {
        self.core.leave();
    }

    /// Waits until the session is at its end, and says
    /// why: [`Error::Closed`] when it was left here.
    pub fn wait_closed(&self) -> Error {
        self.core.wait_closed()
    }
}

impl Builder {
    /// Opens the session.
    ///
    /// # Errors
    ///
    /// When no router answers, or the one that does says
    /// ABORT; when an address or the realm is malformed.
    pub fn connect(self) -> Result<Session, Error> {
        Session::open(self.into_config()?)
    }
}

impl Caller for Session {
    fn start(&self, call: Call) -> Result<PendingCall, Error> {
        self.core.call(call)
    }

    fn format(&self) -> Format {
        self.core.config.format
    }
}

impl Session {
    /// The serialization of this session.
    pub fn format(&self) -> Format {
        self.core.config.format
    }
}

impl fmt::Debug for Session {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "Session({} of {})",
            self.core.lock().protocol.phase(),
            self.core.config.realm
        )
    }
}

/// A registration. It lasts until it is given up, or its
/// session is left; dropping this value changes nothing.
#[derive(Clone)]
pub struct Registration {
    core: Weak<Core>,
    key: u64,
    procedure: Arc<str>,
}

impl Registration {
    /// The procedure's URI, or the pattern.
    pub fn procedure(&self) -> &str {
        &self.procedure
    }

    /// Gives the registration up. Invocations that have come by then are still carried out.
    ///
    /// # Errors
    ///
    /// When the router does not answer in time, or refuses.
    pub fn unregister(&self) -> Result<(), Error> {
        match self.core.upgrade() {
            Some(core) => {
                let deadline = Instant::now() + core.config.call_timeout;
                core.unregister(self.key, deadline)
            }
            None => Ok(()),
        }
    }
}

impl fmt::Debug for Registration {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Registration({:?})", self.procedure)
    }
}

/// A subscription. It lasts until it is given up, or its
/// session is left; dropping this value changes nothing.
#[derive(Clone)]
pub struct Subscription {
    core: Weak<Core>,
    key: u64,
    topic: Arc<str>,
}

impl Subscription {
    /// The topic's URI, or the pattern.
    pub fn topic(&self) -> &str {
        &self.topic
    }

    /// Gives the subscription up. Events that have come and wait for its handler are dropped, and
    /// none comes after them. A handler that is running at this moment continues to its end: this
    /// does not wait for it, so that a handler may give up its own subscription.
    ///
    /// # Errors
    ///
    /// When the router does not answer in time, or refuses.
    pub fn unsubscribe(&self) -> Result<(), Error> {
        match self.core.upgrade() {
            Some(core) => core.unsubscribe(self.key),
            None => Ok(()),
        }
    }
}

impl fmt::Debug for Subscription {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Subscription({:?})", self.topic)
    }
}
