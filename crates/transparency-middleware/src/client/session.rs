//! The session: its state, its threads, and what it does with each message.

use std::collections::{BTreeMap, HashMap, HashSet, VecDeque};
use std::fmt;
use std::net::{Shutdown, TcpStream};
use std::ops::{Deref, DerefMut};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError, Weak};
use std::thread;
use std::time::{Duration, Instant};

use serde::Serialize;
use serde::de::DeserializeOwned;

use labnet::lock;

use super::call::{self, Call, Caller, Control, PendingCall, Promise};
use super::error::{Error, ErrorReply};
use super::link::{self, Broken, Incoming, OpenError, Opened, Reader, Sender};
use super::options::{Builder, Config, SessionEvent};
use super::pool::Pool;
use super::procedure::{CancelToken, Invocation, Procedure, Progress};
use super::pubsub::{Event, Publication, Topic};
use super::timer::{Task, Tasks};
use crate::messages::{
    CancelMode, Dict, Format, Id, Message, Payload, RequestKind, SessionIds, Uri, known,
};

/// How long a session that leaves waits for the router's GOODBYE.
const GOODBYE_TIMEOUT: Duration = Duration::from_secs(2);
/// How long the last bytes of a session may take to leave.
const FAREWELL_TIMEOUT: Duration = Duration::from_millis(200);
/// How long after a reconnection an idempotent call is made again although nobody has the procedure: its callee
/// may be on its way to the new router as well.
const SETTLING_TIME: Duration = Duration::from_secs(5);
/// The pauses between attempts at a registration, a subscription or a call that the router turned down.
const RETRY_PAUSE: super::Backoff = super::Backoff {
    first: Duration::from_millis(20),
    most: Duration::from_secs(1),
};

/// A session with a router, kept open over broken connections. Clones are the same session; it is left when the
/// last one is dropped.
#[derive(Clone)]
pub struct Session {
    core: Arc<Core>,
    /// Leaves when it is dropped. The threads hold the core, and not this.
    _user: Arc<User>,
}

struct User(Arc<Core>);

impl Drop for User {
    fn drop(&mut self) {
        self.0.leave(Duration::ZERO);
    }
}

impl Session {
    /// Opens a session with the first router that answers, with the usual settings: anonymous, in JSON.
    ///
    /// # Errors
    ///
    /// When no router answers, or the one that does says ABORT; when an address or the realm is malformed.
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
        let core = Arc::new(Core {
            pool: Pool::new(
                "wamp procedure",
                config.workers,
                config.max_waiting_invocations,
            ),
            events: Pool::new("wamp events", 1, config.max_waiting_events),
            state: Mutex::new(State::new(config.idempotent.clone())),
            changed: Condvar::new(),
            later: Condvar::new(),
            config,
        });
        let session = Session {
            _user: Arc::new(User(Arc::clone(&core))),
            core,
        };
        for (name, run) in [
            ("wamp reader", Core::read as fn(&Arc<Core>)),
            ("wamp timer", Core::keep_time),
        ] {
            let core = Arc::clone(&session.core);
            let started = thread::Builder::new().name(name.to_string());
            let started = started.spawn(move || run(&core));
            started.map_err(|error| Error::Unreachable(error.to_string()))?;
        }
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
        self.core.register(procedure)
    }

    /// Subscribes to a topic, and again on each new connection. The handlers of a session's events run one after
    /// another, in the order in which the events came.
    ///
    /// # Errors
    ///
    /// When the router refuses, or does not answer in time.
    pub fn subscribe(
        &self,
        topic: impl Into<Topic>,
        handler: impl Fn(&Event) + Send + Sync + 'static,
    ) -> Result<Subscription, Error> {
        self.core.subscribe(topic.into(), Arc::new(handler))
    }

    /// Publishes an event, without an acknowledgement. It is on its way when this returns, and lost if the
    /// connection is.
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

    /// Publishes an event with options. With [`Publication::acknowledge`] this waits for the router and gives the
    /// publication's id.
    ///
    /// # Errors
    ///
    /// When there is no connection in time, the router refuses, or the arguments cannot be written.
    pub fn publish_with(&self, publication: Publication) -> Result<Option<Id>, Error> {
        self.core.publish(publication)
    }

    /// The session's id with its present router; another one after each reconnection. `None` while there is
    /// no connection.
    pub fn id(&self) -> Option<Id> {
        Some(self.core.lock().link.as_ref()?.session)
    }

    /// What the router said in its WELCOME: its features, the role that it gave.
    pub fn welcome(&self) -> Option<Dict> {
        Some(self.core.lock().link.as_ref()?.details.clone())
    }

    /// The address of the present router.
    pub fn router(&self) -> Option<String> {
        let state = self.core.lock();
        let link = state.link.as_ref()?;
        Some(self.core.config.addresses[link.address].to_string())
    }

    /// Leaves in order: gives up all registrations, ends the invocations that run or wait, sends their results, says
    /// GOODBYE. A service that moves starts its successor first and then drains: no call is lost.
    ///
    /// # Errors
    ///
    /// [`Error::Timeout`] when the handlers do not end in time. The session is left all the same.
    pub fn drain(&self, limit: Duration) -> Result<(), Error> {
        self.core.drain(limit)
    }

    /// Leaves at once. Whatever is under way ends with [`Error::Closed`].
    pub fn leave(&self) {
        self.core.leave(GOODBYE_TIMEOUT);
    }

    /// Waits until the session is at its end, and says why: [`Error::Closed`] when it was left here.
    pub fn wait_closed(&self) -> Error {
        let mut state = self.core.lock();
        loop {
            if let Phase::Closed(error) = &state.phase {
                return error.clone();
            }
            state = wait(&self.core.changed, state, None);
        }
    }
}

impl Builder {
    /// Opens the session.
    ///
    /// # Errors
    ///
    /// When no router answers, or the one that does says ABORT; when an address or the realm is malformed.
    pub fn connect(self) -> Result<Session, Error> {
        Session::open(self.into_config()?)
    }
}

impl Caller for Session {
    fn start(&self, call: Call) -> Result<PendingCall, Error> {
        self.core.start(call)
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
            self.core.lock().phase,
            self.core.config.realm
        )
    }
}

/// A registration. It lasts until it is given up, or its session is left; dropping this value changes nothing.
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

/// A subscription. It lasts until it is given up, or its session is left; dropping this value changes nothing.
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

    /// Gives the subscription up. Events that have come and wait for its handler are dropped, and none comes after them.
    /// A handler that is running at this moment goes on to its end: this does not wait for it, so that a handler may
    /// give up its own subscription.
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

/// What a session's threads and its users share.
pub(super) struct Core {
    config: Config,
    state: Mutex<State>,
    /// The phase, the connection or the set of running invocations has changed.
    changed: Condvar,
    /// There is something to do sooner than the keeper knew.
    later: Condvar,
    pool: Pool,
    events: Pool,
}

struct State {
    phase: Phase,
    link: Option<Link>,
    /// Counts connections: what was begun on another one is over.
    epoch: u64,
    /// The socket of a connection that is being opened.
    opening: Option<TcpStream>,
    /// When a session that had been open before was opened anew.
    reopened: Option<Instant>,
    heard: Instant,
    last_key: u64,
    idempotent: HashSet<String>,
    calls: HashMap<u64, PendingEntry>,
    /// Calls that wait for a connection, in their order.
    unsent: VecDeque<u64>,
    registrations: BTreeMap<u64, RegistrationEntry>,
    subscriptions: BTreeMap<u64, SubscriptionEntry>,
    tasks: Tasks,
}

/// An open connection and what belongs to it alone.
struct Link {
    sender: Arc<Sender>,
    /// Something was put into the sender and has to be flushed.
    unsent: bool,
    session: Id,
    details: Dict,
    address: usize,
    ids: SessionIds,
    requests: HashMap<Id, Request>,
    registered: HashMap<Id, u64>,
    subscribed: HashMap<Id, Vec<u64>>,
    invocations: HashMap<Id, Arc<CancelToken>>,
    goodbye_sent: bool,
}

#[derive(Debug, Clone, PartialEq)]
enum Phase {
    /// Never open so far.
    Opening,
    Open,
    /// The user leaves.
    Leaving,
    Closed(Error),
}

impl fmt::Display for Phase {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Phase::Opening => f.write_str("opening"),
            Phase::Open => f.write_str("open"),
            Phase::Leaving => f.write_str("leaving"),
            Phase::Closed(error) => write!(f, "closed: {error}"),
        }
    }
}

/// What the answer to a request is for.
enum Request {
    Call(u64),
    Register(u64),
    Unregister(u64, Arc<Promise>),
    Subscribe(u64),
    Unsubscribe(Arc<Promise>),
    Publish(Arc<Promise>),
}

struct PendingEntry {
    procedure: Uri,
    options: Dict,
    payload: Payload,
    deadline: Instant,
    idempotent: bool,
    /// The present attempt.
    request: Option<Id>,
    attempts: u32,
    /// The user no longer wants it: its answer is the last.
    cancelled: bool,
    promise: Arc<Promise>,
}

struct RegistrationEntry {
    procedure: Procedure,
    uri: Uri,
    live: Option<Id>,
    attempts: u32,
    /// The user waits for the first answer.
    first: Option<Arc<Promise>>,
    leaving: bool,
}

type EventHandler = Arc<dyn Fn(&Event) + Send + Sync>;

struct SubscriptionEntry {
    topic: Topic,
    uri: Uri,
    handler: EventHandler,
    /// Cleared when the subscription is given up: events that wait for the handler by then are dropped.
    wanted: Arc<AtomicBool>,
    live: Option<Id>,
    attempts: u32,
    first: Option<Arc<Promise>>,
}

impl State {
    fn new(idempotent: HashSet<String>) -> Self {
        State {
            phase: Phase::Opening,
            link: None,
            epoch: 0,
            opening: None,
            reopened: None,
            heard: Instant::now(),
            last_key: 0,
            idempotent,
            calls: HashMap::new(),
            unsent: VecDeque::new(),
            registrations: BTreeMap::new(),
            subscriptions: BTreeMap::new(),
            tasks: Tasks::default(),
        }
    }

    fn key(&mut self) -> u64 {
        self.last_key += 1;
        self.last_key
    }

    fn closed(&self) -> Option<Error> {
        match &self.phase {
            Phase::Closed(error) => Some(error.clone()),
            _ => None,
        }
    }

    /// Sends a call, or leaves it for the next connection.
    fn send_call(&mut self, key: u64) {
        let Some(entry) = self.calls.get_mut(&key) else {
            return;
        };
        let Some(link) = &mut self.link else {
            if !self.unsent.contains(&key) {
                self.unsent.push_back(key);
            }
            return;
        };
        let mut options = entry.options.clone();
        // A router that keeps the time as well can tell the callee how long it has.
        if offers(&link.details, "dealer", "call_timeout") {
            let left = entry.deadline.saturating_duration_since(Instant::now());
            let left = u64::try_from(left.as_millis()).unwrap_or(u64::MAX >> 11);
            options.insert("timeout", left.max(1));
        }
        let sent = link.request(Request::Call(key), |request| Message::Call {
            request,
            options,
            procedure: entry.procedure.clone(),
            payload: entry.payload.clone(),
        });
        match sent {
            Ok(request) => {
                entry.request = Some(request);
                entry.attempts += 1;
            }
            Err(error) => {
                let promise = Arc::clone(&entry.promise);
                self.calls.remove(&key);
                promise.finish(Err(error));
            }
        }
    }

    /// Takes back the present attempt at a call, and has its callee interrupted.
    fn withdraw(&mut self, request: Id, mode: CancelMode) {
        if let Some(link) = &mut self.link {
            if mode != CancelMode::Kill {
                link.requests.remove(&request);
            }
            link.tell(&Message::Cancel {
                request,
                options: Dict::new().with("mode", mode.word()),
            });
        }
    }

    fn send_register(&mut self, key: u64) {
        let (Some(link), Some(entry)) = (&mut self.link, self.registrations.get_mut(&key)) else {
            return;
        };
        let sent = link.request(Request::Register(key), |request| Message::Register {
            request,
            options: entry.procedure.options().clone(),
            procedure: entry.uri.clone(),
        });
        if let Err(error) = sent {
            entry.attempts += 1;
            if let Some(first) = entry.first.take() {
                self.registrations.remove(&key);
                first.finish(Err(error));
            }
        }
    }

    fn send_subscribe(&mut self, key: u64) {
        let (Some(link), Some(entry)) = (&mut self.link, self.subscriptions.get_mut(&key)) else {
            return;
        };
        let sent = link.request(Request::Subscribe(key), |request| Message::Subscribe {
            request,
            options: entry.topic.options.clone(),
            topic: entry.uri.clone(),
        });
        if let Err(error) = sent {
            entry.attempts += 1;
            if let Some(first) = entry.first.take() {
                self.subscriptions.remove(&key);
                first.finish(Err(error));
            }
        }
    }
}

impl State {
    /// Gives a subscription up; false when the router has nothing to do with it.
    fn send_unsubscribe(&mut self, key: u64, promise: &Arc<Promise>) -> Result<bool, Error> {
        let Some(entry) = self.subscriptions.remove(&key) else {
            return Ok(false);
        };
        entry.wanted.store(false, Ordering::Release);
        let (Some(link), Some(subscription)) = (&mut self.link, entry.live) else {
            return Ok(false);
        };
        let others = link.subscribed.entry(subscription).or_default();
        others.retain(|other| *other != key);
        // The router has one subscription for all handlers of a topic, also for one that is on its way.
        let on_its_way = self.subscriptions.values().any(|other| {
            other.live.is_none()
                && other.uri == entry.uri
                && other.topic.matching == entry.topic.matching
        });
        if !others.is_empty() || on_its_way {
            return Ok(false);
        }
        link.subscribed.remove(&subscription);
        let what = Request::Unsubscribe(Arc::clone(promise));
        link.request(what, |request| Message::Unsubscribe {
            request,
            subscription,
        })?;
        Ok(true)
    }
}

impl Link {
    /// Sends a request under the next id. The session's lock is held meanwhile: ids have to arrive in their order.
    fn request(&mut self, what: Request, message: impl FnOnce(Id) -> Message) -> Result<Id, Error> {
        // The id is drawn when nothing can fail any more, so that none is left out.
        let mut ids = self.ids.clone();
        let request = ids.draw();
        self.sender.put(&message(request))?;
        self.unsent = true;
        self.ids = ids;
        self.requests.insert(request, what);
        Ok(request)
    }

    /// Sends a message that has no answer and no payload that could fail.
    fn tell(&mut self, message: &Message) {
        self.sender.tell(message);
        self.unsent = true;
    }

    /// The sender, if something has been put into it that has not been flushed.
    fn owes_flush(&mut self) -> Option<Arc<Sender>> {
        std::mem::take(&mut self.unsent).then(|| Arc::clone(&self.sender))
    }
}

/// Whether a router announces a feature.
fn offers(welcome: &Dict, role: &str, feature: &str) -> bool {
    let features = welcome
        .dict("roles")
        .and_then(|roles| roles.dict(role))
        .and_then(|role| role.dict("features"));
    features.is_some_and(|features| features.flag(feature))
}

/// The session's state while it is locked. What is put into the connection meanwhile is sent when the lock is let go:
/// then many threads that call at once share a system call, and none waits for the lock while another sends.
struct Locked<'a> {
    /// None only while it is being let go.
    state: Option<MutexGuard<'a, State>>,
}

const HELD: &str = "it is there until it is let go";

impl Deref for Locked<'_> {
    type Target = State;

    fn deref(&self) -> &State {
        self.state.as_ref().expect(HELD)
    }
}

impl DerefMut for Locked<'_> {
    fn deref_mut(&mut self) -> &mut State {
        self.state.as_mut().expect(HELD)
    }
}

impl Drop for Locked<'_> {
    fn drop(&mut self) {
        if let Some(mut state) = self.state.take() {
            let sender = state.link.as_mut().and_then(Link::owes_flush);
            drop(state);
            if let Some(sender) = sender {
                sender.flush();
            }
        }
    }
}

fn wait<'a>(condition: &Condvar, mut locked: Locked<'a>, until: Option<Instant>) -> Locked<'a> {
    // Who waits may wait for the answer to what it has put in.
    if let Some(sender) = locked.link.as_mut().and_then(Link::owes_flush) {
        sender.flush();
    }
    let state = locked.state.take().expect(HELD);
    let state = match until {
        None => condition
            .wait(state)
            .unwrap_or_else(PoisonError::into_inner),
        Some(until) => {
            let left = until.saturating_duration_since(Instant::now());
            condition
                .wait_timeout(state, left)
                .unwrap_or_else(PoisonError::into_inner)
                .0
        }
    };
    locked.state = Some(state);
    locked
}

impl Core {
    fn lock(&self) -> Locked<'_> {
        let state = lock(&self.state);
        Locked { state: Some(state) }
    }

    fn notice(&self, notice: SessionEvent) {
        if let Some(notify) = &self.config.notify {
            let notify = Arc::clone(notify);
            // A queue that is full of events has no place for a notice either; nobody reads it.
            let _taken = self.events.run(move || notify(&notice));
        }
    }

    fn later(&self, state: &mut State, at: Instant, task: Task) {
        state.tasks.add(at, task);
        self.later.notify_all();
    }

    // Requests of the user.

    fn wait_until_open(&self) -> Result<(), Error> {
        let mut state = self.lock();
        loop {
            match &state.phase {
                Phase::Opening => state = wait(&self.changed, state, None),
                Phase::Closed(error) => return Err(error.clone()),
                Phase::Open | Phase::Leaving => return Ok(()),
            }
        }
    }

    fn start(self: &Arc<Self>, call: Call) -> Result<PendingCall, Error> {
        let procedure = Uri::new(&call.procedure).ok_or(Error::InvalidUri(call.procedure))?;
        let payload = call.payload.to_format(self.config.format)?;
        let now = Instant::now();
        let deadline = now + call.timeout.unwrap_or(self.config.call_timeout);
        let promise = Arc::new(Promise::default());
        let mut state = self.lock();
        if let Some(error) = state.closed() {
            return Err(error);
        }
        let key = state.key();
        let declared = state.idempotent.contains(procedure.as_str());
        let idempotent = call.idempotent.unwrap_or(declared);
        state.calls.insert(
            key,
            PendingEntry {
                procedure,
                options: call.options,
                payload,
                deadline,
                idempotent,
                request: None,
                attempts: 0,
                cancelled: false,
                promise: Arc::clone(&promise),
            },
        );
        state.send_call(key);
        drop(state);
        let attempt_timeout = call.attempt_timeout.or(self.config.attempt_timeout);
        let attempt_timeout = attempt_timeout.filter(|_| idempotent);
        Ok(PendingCall {
            promise,
            control: Arc::new(RemoteControl {
                core: Arc::clone(self),
                key,
            }),
            deadline,
            attempt_timeout,
            attempt_ends: attempt_timeout.map(|limit| now + limit),
        })
    }

    fn register(self: &Arc<Self>, procedure: Procedure) -> Result<Registration, Error> {
        let uri = procedure.parsed_uri()?;
        let first = Arc::new(Promise::default());
        let deadline = Instant::now() + self.config.call_timeout;
        let name: Arc<str> = procedure.uri().into();
        let mut state = self.lock();
        if let Some(error) = state.closed() {
            return Err(error);
        }
        let key = state.key();
        state.registrations.insert(
            key,
            RegistrationEntry {
                procedure,
                uri,
                live: None,
                attempts: 0,
                first: Some(Arc::clone(&first)),
                leaving: false,
            },
        );
        state.send_register(key);
        drop(state);
        if let Err(error) = first.wait_until(deadline) {
            // If REGISTERED comes after all, it is answered with UNREGISTER.
            self.lock().registrations.remove(&key);
            return Err(error);
        }
        Ok(Registration {
            core: Arc::downgrade(self),
            key,
            procedure: name,
        })
    }

    fn unregister(&self, key: u64, deadline: Instant) -> Result<(), Error> {
        let promise = Arc::new(Promise::default());
        let mut state = self.lock();
        let Some(entry) = state.registrations.get_mut(&key) else {
            return Ok(());
        };
        let Some(registration) = entry.live else {
            // Not with this router, or not yet.
            state.registrations.remove(&key);
            return Ok(());
        };
        entry.leaving = true;
        if let Some(link) = &mut state.link {
            let what = Request::Unregister(key, Arc::clone(&promise));
            link.request(what, |request| Message::Unregister {
                request,
                registration,
            })?;
        }
        drop(state);
        promise.wait_until(deadline)
    }

    fn subscribe(
        self: &Arc<Self>,
        topic: Topic,
        handler: EventHandler,
    ) -> Result<Subscription, Error> {
        let uri = topic.parsed_uri()?;
        let first = Arc::new(Promise::default());
        let deadline = Instant::now() + self.config.call_timeout;
        let name: Arc<str> = topic.uri.as_str().into();
        let mut state = self.lock();
        if let Some(error) = state.closed() {
            return Err(error);
        }
        let key = state.key();
        state.subscriptions.insert(
            key,
            SubscriptionEntry {
                topic,
                uri,
                handler,
                wanted: Arc::new(AtomicBool::new(true)),
                live: None,
                attempts: 0,
                first: Some(Arc::clone(&first)),
            },
        );
        state.send_subscribe(key);
        drop(state);
        if let Err(error) = first.wait_until(deadline) {
            self.lock().subscriptions.remove(&key);
            return Err(error);
        }
        Ok(Subscription {
            core: Arc::downgrade(self),
            key,
            topic: name,
        })
    }

    pub(super) fn unsubscribe(&self, key: u64) -> Result<(), Error> {
        let promise = Arc::new(Promise::default());
        let sent = self.lock().send_unsubscribe(key, &promise)?;
        if sent {
            promise.wait_until(Instant::now() + self.config.call_timeout)?;
        }
        Ok(())
    }

    fn publish(&self, publication: Publication) -> Result<Option<Id>, Error> {
        let topic = Uri::new(&publication.topic).ok_or(Error::InvalidUri(publication.topic))?;
        let payload = publication.payload.to_format(self.config.format)?;
        let acknowledged = publication.options.flag("acknowledge");
        let deadline = Instant::now() + self.config.call_timeout;
        let promise = Arc::new(Promise::default());
        let mut state = self.lock();
        let link = loop {
            if let Some(error) = state.closed() {
                return Err(error);
            }
            if state.link.is_some() {
                break state.link.as_mut().expect("it was there a line above");
            }
            if Instant::now() >= deadline {
                return Err(Error::Timeout { sent: false });
            }
            state = wait(&self.changed, state, Some(deadline));
        };
        let what = Request::Publish(Arc::clone(&promise));
        let request = link.request(what, |request| Message::Publish {
            request,
            options: publication.options,
            topic,
            payload,
        })?;
        if !acknowledged {
            link.requests.remove(&request);
            return Ok(None);
        }
        drop(state);
        promise.wait_until(deadline)?;
        Ok(promise.id())
    }

    /// What is left of the session when its user has had enough of it.
    fn drain(&self, limit: Duration) -> Result<(), Error> {
        let deadline = Instant::now() + limit;
        let keys: Vec<u64> = self.lock().registrations.keys().copied().collect();
        for key in keys {
            // Whatever the router answers, the session is going to leave.
            let _answer = self.unregister(key, deadline);
        }
        let mut state = self.lock();
        let in_time = loop {
            let idle = |link: &Link| link.invocations.is_empty();
            if state.link.as_ref().is_none_or(idle) {
                break true;
            }
            if Instant::now() >= deadline {
                break false;
            }
            state = wait(&self.changed, state, Some(deadline));
        };
        drop(state);
        self.leave(GOODBYE_TIMEOUT);
        if in_time {
            Ok(())
        } else {
            Err(Error::Timeout { sent: true })
        }
    }

    fn leave(&self, patience: Duration) {
        let mut state = self.lock();
        if state.phase != Phase::Open {
            // Never open, or another thread is on it.
            if matches!(state.phase, Phase::Opening) {
                self.close(&mut state, Error::Closed);
            }
            return;
        }
        state.phase = Phase::Leaving;
        self.changed.notify_all();
        self.later.notify_all();
        let Some(link) = &mut state.link else {
            self.close(&mut state, Error::Closed);
            return;
        };
        link.goodbye_sent = true;
        link.tell(&Message::Goodbye {
            details: Dict::new(),
            reason: Uri::new(known::CLOSE_REALM).expect("the specification's URIs are valid"),
        });
        let deadline = Instant::now() + patience;
        if patience.is_zero() {
            // The reader ends the session when the router answers; the keeper, when it does not.
            let epoch = state.epoch;
            self.later(
                &mut state,
                deadline + GOODBYE_TIMEOUT,
                Task::Handshake(epoch),
            );
            let sender = state.link.as_ref().map(|link| Arc::clone(&link.sender));
            drop(state);
            // The program may end now, and its threads with it.
            if let Some(sender) = sender {
                sender.written(Instant::now() + FAREWELL_TIMEOUT);
            }
            return;
        }
        while state.link.is_some() && Instant::now() < deadline {
            state = wait(&self.changed, state, Some(deadline));
        }
        self.close(&mut state, Error::Closed);
    }

    // The end, and the ways to it.

    /// The session's end: everything that waits is told.
    fn close(&self, state: &mut State, error: Error) {
        if state.closed().is_some() {
            return;
        }
        state.phase = Phase::Closed(error.clone());
        if let Some(link) = state.link.take() {
            link.end(&error);
            link.sender.finish();
            link.sender.written(Instant::now() + FAREWELL_TIMEOUT);
            link.sender.break_off();
        }
        if let Some(stream) = state.opening.take() {
            let _already_gone = stream.shutdown(Shutdown::Both);
        }
        for (_, entry) in state.calls.drain() {
            entry.promise.finish(Err(error.clone()));
        }
        state.unsent.clear();
        let firsts = state
            .registrations
            .values_mut()
            .map(|entry| &mut entry.first)
            .chain(
                state
                    .subscriptions
                    .values_mut()
                    .map(|entry| &mut entry.first),
            );
        for first in firsts.filter_map(Option::take) {
            first.finish(Err(error.clone()));
        }
        state.registrations.clear();
        state.subscriptions.clear();
        self.changed.notify_all();
        self.later.notify_all();
        self.notice(SessionEvent::Ended { error });
        self.pool.close();
        self.events.close();
    }

    /// The connection is gone: what was sent on it and is not answered is told or made ready to be made anew.
    fn lost(&self, reason: &str) {
        let mut guard = self.lock();
        let state = &mut *guard;
        state.tasks.forget_connection();
        let Some(link) = state.link.take() else {
            return;
        };
        link.sender.break_off();
        for cancel_token in link.invocations.values() {
            // Their callers hear from the router that the callee is gone.
            cancel_token.cancel();
        }
        let mut again: Vec<u64> = Vec::new();
        for (_, request) in link.requests {
            match request {
                Request::Call(key) => again.push(key),
                Request::Unregister(key, promise) => {
                    state.registrations.remove(&key);
                    promise.finish(Ok(Payload::empty()));
                }
                // The router forgets the subscriptions of a session that is gone.
                Request::Unsubscribe(promise) => promise.finish(Ok(Payload::empty())),
                Request::Publish(promise) => promise.finish(Err(Error::Lost)),
                Request::Register(_) | Request::Subscribe(_) => {}
            }
        }
        for entry in state.registrations.values_mut() {
            entry.live = None;
        }
        state.registrations.retain(|_, entry| !entry.leaving);
        for entry in state.subscriptions.values_mut() {
            entry.live = None;
        }
        // In the order in which they were made.
        again.sort_unstable();
        for key in again {
            let Some(entry) = state.calls.get_mut(&key) else {
                continue;
            };
            entry.request = None;
            if entry.idempotent && !entry.cancelled {
                state.unsent.push_back(key);
            } else {
                let error = if entry.cancelled {
                    Error::Cancelled
                } else {
                    Error::Lost
                };
                entry.promise.finish(Err(error));
                state.calls.remove(&key);
            }
        }
        if state.phase == Phase::Leaving {
            self.close(state, Error::Closed);
        } else {
            self.notice(SessionEvent::Lost {
                reason: reason.to_string(),
            });
        }
        self.changed.notify_all();
    }

    // The reader's thread.

    fn read(self: &Arc<Self>) {
        let mut next = 0;
        while let Some((mut reader, address)) = self.connect(next) {
            let reason = loop {
                match reader.next() {
                    Ok(Incoming::Pong) => self.lock().heard = Instant::now(),
                    Ok(Incoming::Message(message)) => match self.receive(message) {
                        Ok(()) => {}
                        Err(Disconnect::Left) => break "the router said GOODBYE".to_string(),
                        Err(Disconnect::Violation(text)) => {
                            self.violation(&text);
                            break text;
                        }
                        Err(Disconnect::Aborted(text)) => break text,
                    },
                    Err(Broken::Protocol(text)) => {
                        self.violation(&text);
                        break text;
                    }
                    Err(Broken::Connection(text)) => break text,
                }
            };
            self.lost(&reason);
            // The router that has just gone is tried last.
            next = (address + 1) % self.config.addresses.len();
        }
    }

    /// Tells the router that it broke the protocol, as far as it still listens.
    fn violation(&self, text: &str) {
        let sender = self
            .lock()
            .link
            .as_ref()
            .map(|link| Arc::clone(&link.sender));
        if let Some(sender) = sender {
            sender.abort(text);
            sender.finish();
            sender.written(Instant::now() + FAREWELL_TIMEOUT);
        }
    }

    /// Goes over the addresses, again and again, until one router lets the session in; `None` at its end.
    fn connect(self: &Arc<Self>, first: usize) -> Option<(Reader, usize)> {
        let began = Instant::now();
        let count = self.config.addresses.len();
        for round in 0_u32.. {
            if self.lock().closed().is_some() {
                return None;
            }
            let mut errors = Vec::new();
            let mut refused = None;
            for index in (0..count).map(|step| (first + step) % count) {
                let address = &self.config.addresses[index];
                match self.open(index) {
                    Ok(reader) => return Some((reader, index)),
                    Err(OpenError::Failed(text)) => errors.push(format!("{address}: {text}")),
                    Err(OpenError::Refused(error)) => {
                        let mut state = self.lock();
                        // A router that is full, being shut down or set up may do better later. A realm that was never
                        // there is more likely a name that is misspelt.
                        let passing = match error.uri() {
                            known::UNAVAILABLE | known::SYSTEM_SHUTDOWN => true,
                            known::NO_SUCH_REALM => state.phase != Phase::Opening,
                            _ => false,
                        };
                        if !passing {
                            self.close(&mut state, error);
                            return None;
                        }
                        errors.push(format!("{address}: {error}"));
                        refused = Some(error);
                    }
                }
            }
            let mut state = self.lock();
            match state.phase {
                Phase::Closed(_) => return None,
                Phase::Leaving => {
                    self.close(&mut state, Error::Closed);
                    return None;
                }
                Phase::Opening => {
                    let within = self.config.connect_within.unwrap_or_default();
                    if began.elapsed() >= within {
                        // Whoever said why says more than whoever said nothing.
                        let unreachable = || Error::Unreachable(errors.join("; "));
                        self.close(&mut state, refused.unwrap_or_else(unreachable));
                        return None;
                    }
                }
                Phase::Open => {}
            }
            let until = Instant::now() + self.config.backoff.pause(round);
            while Instant::now() < until && matches!(state.phase, Phase::Opening | Phase::Open) {
                state = wait(&self.changed, state, Some(until));
            }
        }
        None
    }

    /// One attempt with one router; the keeper ends it when it takes too long.
    fn open(self: &Arc<Self>, index: usize) -> Result<Reader, OpenError> {
        let watch = |stream: TcpStream| {
            let mut state = self.lock();
            if state.closed().is_some() {
                return false;
            }
            state.opening = Some(stream);
            state.epoch += 1;
            let epoch = state.epoch;
            let at = Instant::now() + self.config.handshake_timeout;
            self.later(&mut state, at, Task::Handshake(epoch));
            true
        };
        let opened = link::open(&self.config.addresses[index], &self.config, watch);
        let mut state = self.lock();
        state.opening = None;
        let Opened {
            reader,
            sender,
            session,
            details,
        } = opened?;
        if state.closed().is_some() {
            sender.break_off();
            return Err(OpenError::Failed("the session has been left".to_string()));
        }
        let again = state.phase != Phase::Opening;
        if again {
            state.reopened = Some(Instant::now());
        } else {
            state.phase = Phase::Open;
        }
        state.link = Some(Link {
            sender,
            unsent: false,
            session,
            details,
            address: index,
            ids: SessionIds::new(),
            requests: HashMap::new(),
            registered: HashMap::new(),
            subscribed: HashMap::new(),
            invocations: HashMap::new(),
            goodbye_sent: false,
        });
        state.heard = Instant::now();
        let epoch = state.epoch;
        let at = state.heard + self.config.ping_interval;
        self.later(&mut state, at, Task::Ping(epoch));
        // First what others wait for, then what waits for others.
        let registrations: Vec<u64> = state.registrations.keys().copied().collect();
        for key in registrations {
            state.send_register(key);
        }
        let subscriptions: Vec<u64> = state.subscriptions.keys().copied().collect();
        for key in subscriptions {
            state.send_subscribe(key);
        }
        for key in std::mem::take(&mut state.unsent) {
            state.send_call(key);
        }
        self.changed.notify_all();
        drop(state);
        self.notice(SessionEvent::Connected {
            address: self.config.addresses[index].to_string(),
            again,
        });
        Ok(reader)
    }

    /// What a message does.
    #[expect(
        clippy::too_many_lines,
        reason = "an arm for each message that a router sends"
    )]
    fn receive(self: &Arc<Self>, message: Message) -> Result<(), Disconnect> {
        let mut guard = self.lock();
        let state = &mut *guard;
        state.heard = Instant::now();
        let Some(link) = &mut state.link else {
            return Err(Disconnect::Left);
        };
        match message {
            Message::Result {
                request,
                details,
                payload,
            } => {
                // A result that comes after its call was given up has no entry any more.
                let Some(Request::Call(key)) = link.requests.get(&request) else {
                    return Ok(());
                };
                let key = *key;
                if details.flag("progress") {
                    if let Some(entry) = state.calls.get(&key)
                        && !entry.promise.partial(payload)
                    {
                        entry.promise.finish(Err(Error::Overrun));
                        state.calls.remove(&key);
                        state.withdraw(request, CancelMode::KillNoWait);
                    }
                    return Ok(());
                }
                link.requests.remove(&request);
                if let Some(entry) = state.calls.remove(&key) {
                    drop(guard);
                    entry.promise.finish(Ok(payload));
                }
            }
            Message::Error {
                kind,
                request,
                error,
                payload,
                ..
            } => self.receive_error(state, kind, request, ErrorReply::from_wire(error, payload))?,
            Message::Invocation {
                request,
                registration,
                details,
                payload,
            } => {
                self.receive_invocation(
                    link,
                    &state.registrations,
                    (request, registration),
                    details,
                    payload,
                );
            }
            Message::Interrupt { request, .. } => {
                if let Some(cancel_token) = link.invocations.get(&request) {
                    cancel_token.cancel();
                }
            }
            Message::Event {
                subscription,
                publication,
                details,
                payload,
            } => {
                let keys = link.subscribed.get(&subscription).cloned();
                for entry in keys
                    .iter()
                    .flatten()
                    .filter_map(|key| state.subscriptions.get(key))
                {
                    let topic = details.str("topic").and_then(Uri::new);
                    let event = Event {
                        topic: topic.unwrap_or_else(|| entry.uri.clone()),
                        publication,
                        details: details.clone(),
                        payload: payload.clone(),
                    };
                    let handler = Arc::clone(&entry.handler);
                    let wanted = Arc::clone(&entry.wanted);
                    let deliver = move || {
                        if wanted.load(Ordering::Acquire) {
                            handler(&event);
                        }
                    };
                    if !self.events.run(deliver) {
                        self.notice(SessionEvent::EventLost {
                            topic: entry.topic.uri.clone(),
                        });
                    }
                }
            }
            Message::Registered {
                request,
                registration,
            } => {
                let Some(Request::Register(key)) = link.requests.remove(&request) else {
                    return Err(Disconnect::unasked("REGISTERED"));
                };
                match state.registrations.get_mut(&key) {
                    Some(entry) => {
                        entry.live = Some(registration);
                        entry.attempts = 0;
                        link.registered.insert(registration, key);
                        if let Some(first) = entry.first.take() {
                            first.finish(Ok(Payload::empty()));
                        }
                    }
                    // Whoever wanted it has waited too long.
                    None => {
                        let promise = Arc::new(Promise::default());
                        let sent = link.request(Request::Unregister(key, promise), |request| {
                            Message::Unregister {
                                request,
                                registration,
                            }
                        });
                        sent.map_err(|error| Disconnect::Aborted(error.to_string()))?;
                    }
                }
            }
            Message::Unregistered { request } => {
                let Some(Request::Unregister(key, promise)) = link.requests.remove(&request) else {
                    return Err(Disconnect::unasked("UNREGISTERED"));
                };
                link.registered.retain(|_, other| *other != key);
                state.registrations.remove(&key);
                promise.finish(Ok(Payload::empty()));
            }
            Message::Subscribed {
                request,
                subscription,
            } => {
                let Some(Request::Subscribe(key)) = link.requests.remove(&request) else {
                    return Err(Disconnect::unasked("SUBSCRIBED"));
                };
                if let Some(entry) = state.subscriptions.get_mut(&key) {
                    entry.live = Some(subscription);
                    entry.attempts = 0;
                    link.subscribed.entry(subscription).or_default().push(key);
                    if let Some(first) = entry.first.take() {
                        first.finish(Ok(Payload::empty()));
                    }
                } else if !link.subscribed.contains_key(&subscription) {
                    let promise = Arc::new(Promise::default());
                    let sent = link.request(Request::Unsubscribe(promise), |request| {
                        Message::Unsubscribe {
                            request,
                            subscription,
                        }
                    });
                    sent.map_err(|error| Disconnect::Aborted(error.to_string()))?;
                }
            }
            Message::Unsubscribed { request } => {
                let Some(Request::Unsubscribe(promise)) = link.requests.remove(&request) else {
                    return Err(Disconnect::unasked("UNSUBSCRIBED"));
                };
                promise.finish(Ok(Payload::empty()));
            }
            Message::Published {
                request,
                publication,
            } => {
                if let Some(Request::Publish(promise)) = link.requests.remove(&request) {
                    promise.finish_with_id(publication);
                }
            }
            Message::RegistrationRevoked { details } => {
                let key = details
                    .id("registration")
                    .and_then(|id| link.registered.remove(&id));
                if let Some(entry) = key.and_then(|key| state.registrations.remove(&key)) {
                    let reason = details.str("reason").unwrap_or(known::NO_SUCH_REGISTRATION);
                    self.notice(SessionEvent::NotRegistered {
                        procedure: entry.procedure.uri().to_string(),
                        error: Error::Reply(ErrorReply::new(reason, "revoked by the router")),
                    });
                }
            }
            Message::SubscriptionRevoked { details } => {
                let keys = details
                    .id("subscription")
                    .and_then(|id| link.subscribed.remove(&id));
                for key in keys.into_iter().flatten() {
                    if let Some(entry) = state.subscriptions.remove(&key) {
                        let reason = details.str("reason").unwrap_or(known::NO_SUCH_SUBSCRIPTION);
                        self.notice(SessionEvent::NotSubscribed {
                            topic: entry.topic.uri,
                            error: Error::Reply(ErrorReply::new(reason, "revoked by the router")),
                        });
                    }
                }
            }
            Message::Goodbye { .. } => {
                if !link.goodbye_sent {
                    link.tell(&Message::Goodbye {
                        details: Dict::new(),
                        reason: Uri::new(known::GOODBYE_AND_OUT)
                            .expect("the specification's URIs are valid"),
                    });
                }
                let sender = Arc::clone(&link.sender);
                drop(guard);
                sender.finish();
                sender.written(Instant::now() + GOODBYE_TIMEOUT);
                return Err(Disconnect::Left);
            }
            Message::Abort {
                reason, details, ..
            } => {
                let text = details.str("message").unwrap_or_default();
                return Err(Disconnect::Aborted(format!(
                    "the router aborts: {reason} {text}"
                )));
            }
            other => return Err(Disconnect::unasked(other.name())),
        }
        Ok(())
    }

    fn receive_error(
        self: &Arc<Self>,
        state: &mut State,
        kind: RequestKind,
        request: Id,
        error: ErrorReply,
    ) -> Result<(), Disconnect> {
        let Some(link) = &mut state.link else {
            return Ok(());
        };
        let Some(what) = link.requests.remove(&request) else {
            // The answer to a call that was given up, or to a publication that nobody waits for.
            return match kind {
                RequestKind::Call | RequestKind::Publish => Ok(()),
                _ => Err(Disconnect::unasked("ERROR")),
            };
        };
        match what {
            Request::Call(key) => {
                let Some(entry) = state.calls.get_mut(&key) else {
                    return Ok(());
                };
                entry.request = None;
                let settling = state
                    .reopened
                    .is_some_and(|reopened| reopened.elapsed() < SETTLING_TIME);
                let again =
                    error.is_cancelled() || (settling && error.uri() == known::NO_SUCH_PROCEDURE);
                if entry.idempotent && !entry.cancelled && again {
                    // At once the first time: most often another callee stands by.
                    if entry.attempts <= 1 && error.is_cancelled() {
                        state.send_call(key);
                    } else {
                        let at = Instant::now() + RETRY_PAUSE.pause(entry.attempts);
                        self.later(state, at, Task::Call(key));
                    }
                    return Ok(());
                }
                if let Some(entry) = state.calls.remove(&key) {
                    entry.promise.finish(Err(Error::Reply(error)));
                }
            }
            Request::Register(key) => {
                let Some(entry) = state.registrations.get_mut(&key) else {
                    return Ok(());
                };
                if let Some(first) = entry.first.take() {
                    state.registrations.remove(&key);
                    first.finish(Err(Error::Reply(error)));
                    return Ok(());
                }
                // The router may still hold the session that this one replaces.
                let at = Instant::now() + RETRY_PAUSE.pause(entry.attempts);
                entry.attempts += 1;
                if entry.attempts == 1 {
                    self.notice(SessionEvent::NotRegistered {
                        procedure: entry.procedure.uri().to_string(),
                        error: Error::Reply(error),
                    });
                }
                self.later(state, at, Task::Register(key));
            }
            Request::Subscribe(key) => {
                let Some(entry) = state.subscriptions.get_mut(&key) else {
                    return Ok(());
                };
                if let Some(first) = entry.first.take() {
                    state.subscriptions.remove(&key);
                    first.finish(Err(Error::Reply(error)));
                    return Ok(());
                }
                let at = Instant::now() + RETRY_PAUSE.pause(entry.attempts);
                entry.attempts += 1;
                if entry.attempts == 1 {
                    self.notice(SessionEvent::NotSubscribed {
                        topic: entry.topic.uri.clone(),
                        error: Error::Reply(error),
                    });
                }
                self.later(state, at, Task::Subscribe(key));
            }
            Request::Unregister(key, promise) => {
                link.registered.retain(|_, other| *other != key);
                state.registrations.remove(&key);
                promise.finish(Err(Error::Reply(error)));
            }
            Request::Unsubscribe(promise) | Request::Publish(promise) => {
                promise.finish(Err(Error::Reply(error)));
            }
        }
        Ok(())
    }

    fn receive_invocation(
        self: &Arc<Self>,
        link: &mut Link,
        registrations: &BTreeMap<u64, RegistrationEntry>,
        (request, registration): (Id, Id),
        details: Dict,
        payload: Payload,
    ) {
        let entry = link
            .registered
            .get(&registration)
            .and_then(|key| registrations.get(key));
        let Some(entry) = entry else {
            refuse(
                &link.sender,
                request,
                known::NO_SUCH_REGISTRATION,
                "not registered here",
            );
            return;
        };
        let cancel_token = Arc::new(CancelToken::default());
        let named = details.str("procedure").and_then(Uri::new);
        let invocation = Invocation {
            procedure: named.unwrap_or_else(|| entry.uri.clone()),
            details,
            payload,
            format: self.config.format,
            cancel_token: Arc::clone(&cancel_token),
            progress: Box::new(RemoteProgress {
                sender: Arc::clone(&link.sender),
                request,
            }),
        };
        link.invocations.insert(request, cancel_token);
        let procedure = entry.procedure.clone();
        let sender = Arc::clone(&link.sender);
        let core = Arc::clone(self);
        let taken = self.pool.run(move || {
            let result = procedure.run(&invocation);
            answer(&sender, request, result);
            core.done(&sender, request);
        });
        if !taken {
            link.invocations.remove(&request);
            refuse(
                &link.sender,
                request,
                known::UNAVAILABLE,
                "too many calls wait here",
            );
        }
    }

    /// An invocation has been answered on its connection.
    fn done(&self, sender: &Arc<Sender>, request: Id) {
        let mut state = self.lock();
        if let Some(link) = &mut state.link
            && Arc::ptr_eq(&link.sender, sender)
        {
            link.invocations.remove(&request);
            if link.invocations.is_empty() {
                self.changed.notify_all();
            }
        }
    }

    // The keeper's thread.

    fn keep_time(self: &Arc<Self>) {
        let mut state = self.lock();
        while state.closed().is_none() {
            match state.tasks.take_due(Instant::now()) {
                Some(task) => self.perform(&mut state, task),
                None => {
                    let next = state.tasks.next();
                    state = wait(&self.later, state, next);
                }
            }
        }
    }

    fn perform(&self, state: &mut State, task: Task) {
        match task {
            Task::Call(key) => {
                let waits = |entry: &PendingEntry| entry.request.is_none() && !entry.cancelled;
                if state.calls.get(&key).is_some_and(waits) {
                    state.send_call(key);
                }
            }
            Task::Register(key) => {
                if state
                    .registrations
                    .get(&key)
                    .is_some_and(|entry| entry.live.is_none())
                {
                    state.send_register(key);
                }
            }
            Task::Subscribe(key) => {
                if state
                    .subscriptions
                    .get(&key)
                    .is_some_and(|entry| entry.live.is_none())
                {
                    state.send_subscribe(key);
                }
            }
            Task::Handshake(epoch) if epoch == state.epoch => {
                if let Some(stream) = state.opening.take() {
                    let _already_gone = stream.shutdown(Shutdown::Both);
                }
                if state.phase == Phase::Leaving {
                    self.close(state, Error::Closed);
                }
            }
            Task::Ping(epoch) if epoch == state.epoch => {
                let Some(link) = &state.link else { return };
                let silent = state.heard.elapsed();
                let (interval, timeout) = (self.config.ping_interval, self.config.ping_timeout);
                let at = if silent >= interval + timeout {
                    // The reader fails now, and says that the connection is lost.
                    link.sender.break_off();
                    return;
                } else if silent >= interval {
                    link.sender.ping();
                    state.heard + interval + timeout
                } else {
                    state.heard + interval
                };
                state.tasks.add(at, Task::Ping(epoch));
            }
            Task::Handshake(_) | Task::Ping(_) => {}
        }
    }
}

impl Link {
    /// Tells everyone who waits on this connection that it is over.
    fn end(&self, error: &Error) {
        for cancel_token in self.invocations.values() {
            cancel_token.cancel();
        }
        for request in self.requests.values() {
            match request {
                Request::Unregister(_, promise) | Request::Unsubscribe(promise) => {
                    promise.finish(Ok(Payload::empty()));
                }
                Request::Publish(promise) => promise.finish(Err(error.clone())),
                Request::Call(_) | Request::Register(_) | Request::Subscribe(_) => {}
            }
        }
    }
}

/// Why a connection is not read any further.
enum Disconnect {
    Left,
    Aborted(String),
    Violation(String),
}

impl Disconnect {
    fn unasked(name: &str) -> Self {
        Disconnect::Violation(format!("{name} that answers nothing"))
    }
}

/// Sends an invocation's result. One that cannot be sent becomes an error that can.
fn answer(sender: &Sender, request: Id, result: Result<Payload, ErrorReply>) {
    let message = match result {
        Ok(payload) => Message::Yield {
            request,
            options: Dict::new(),
            payload,
        },
        Err(error) => {
            let (error, payload) = error.into_parts();
            Message::Error {
                kind: RequestKind::Invocation,
                request,
                details: Dict::new(),
                error,
                payload,
            }
        }
    };
    if let Err(error) = sender.put(&message) {
        refuse(sender, request, error.uri(), &error.to_string());
    }
    sender.flush();
}

fn refuse(sender: &Sender, request: Id, uri: &str, text: &str) {
    let (error, payload) = ErrorReply::new(uri, text).into_parts();
    sender.tell(&Message::Error {
        kind: RequestKind::Invocation,
        request,
        details: Dict::new(),
        error,
        payload,
    });
    sender.flush();
}

struct RemoteProgress {
    sender: Arc<Sender>,
    request: Id,
}

impl Progress for RemoteProgress {
    fn progress(&self, payload: Payload) -> Result<(), Error> {
        self.sender.put(&Message::Yield {
            request: self.request,
            options: Dict::new().with("progress", true),
            payload,
        })?;
        self.sender.flush();
        Ok(())
    }
}

struct RemoteControl {
    core: Arc<Core>,
    key: u64,
}

impl Control for RemoteControl {
    fn give_up(&self, mode: CancelMode, error: Error) {
        let mut state = self.core.lock();
        let Some(entry) = state.calls.get_mut(&self.key) else {
            return;
        };
        entry.cancelled = true;
        let request = entry.request;
        // With `kill` the callee's answer is waited for, if there is one to come.
        if mode != CancelMode::Kill || request.is_none() {
            entry.promise.finish(Err(error));
            state.calls.remove(&self.key);
            state.unsent.retain(|key| *key != self.key);
        }
        if let Some(request) = request {
            state.withdraw(request, mode);
        }
    }

    fn try_again(&self) {
        let mut state = self.core.lock();
        let Some(entry) = state.calls.get_mut(&self.key) else {
            return;
        };
        // After `kill` the caller wants the answer of this callee, and no other one's.
        if entry.cancelled {
            return;
        }
        if let Some(request) = entry.request.take() {
            state.withdraw(request, CancelMode::KillNoWait);
            state.send_call(self.key);
        }
    }

    fn timed_out(&self) -> Error {
        let state = self.core.lock();
        let sent = state
            .calls
            .get(&self.key)
            .is_none_or(|entry| entry.attempts > 0);
        Error::Timeout { sent }
    }
}
