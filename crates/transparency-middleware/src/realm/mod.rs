//! The router's realm as a state machine: messages in, messages out.
//!
//! No I/O and no clock: the caller says what came from whom and how late
//! it is, and sends what comes out. A [`Realm`] is a broker (publish and
//! subscribe) and a dealer (calls) for the sessions that joined it.
//!
//! One file, since these are the ways into one state:
//! every message, join, leave and time goes through it.

mod broker;
mod dealer;
mod meta;
mod patterns;
mod permissions;
mod tasks;

use std::collections::{BTreeSet, VecDeque};
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use rand::SeedableRng;
use rand::rngs::StdRng;

use crate::memory::Charge;
use crate::messages::{
    Dict, EventRest, Format, Id, Match, Message, Payload, RequestKind, SessionIds, Uri, known,
};

pub use permissions::{Action, Permissions, Roles, Rule};

use broker::Broker;
use dealer::{Dealer, Invocation};
use patterns::{MAX_COMPONENTS, Patterns};
use tasks::{Departure, STEP, Task};

/// A map whose keys are hashed quickly: most of what a realm does is to look something up.
type Map<K, V> = std::collections::HashMap<K, V, foldhash::fast::RandomState>;
type Set<K> = std::collections::HashSet<K, foldhash::fast::RandomState>;

/// How much one session may have in the realm at a time.
#[derive(Debug, Clone, Copy)]
pub struct Limits {
    /// Calls that it has made and that are not answered yet.
    pub calls: usize,
    /// Invocations that it has been sent and has not answered yet.
    pub invocations: usize,
    /// Procedures that it has registered.
    pub registrations: usize,
    /// Topics that it has subscribed to.
    pub subscriptions: usize,
    /// Patterns among both: a prefix counts 1, a wildcard as many as it has components.
    pub patterns: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Limits {
            calls: 10_000,
            invocations: 100_000,
            registrations: 10_000,
            subscriptions: 10_000,
            patterns: 1_000,
        }
    }
}

/// Who a session is, as authentication found out.
#[derive(Debug, Clone, PartialEq)]
pub struct Identity {
    /// The name.
    pub authid: String,
    /// The role, which has the permissions.
    pub authrole: String,
    /// How it was proved: `anonymous`, `ticket`, `wampcra`.
    pub authmethod: String,
    /// Who vouches for it: `static` for what a configuration file says.
    pub authprovider: String,
    /// Where it is and what it speaks, for `wamp.session.get`.
    pub transport: Dict,
}

/// An event for several sessions, and a place for what it was encoded to, so that this is done once
/// for each serialization, however many subscriptions it belongs to.
#[derive(Debug)]
pub struct Shared {
    /// Its id.
    pub publication: Id,
    /// Its details.
    pub details: Dict,
    /// Its arguments.
    pub payload: Payload,
    /// All of it but the subscription, by format, in the order of [`Format::ALL`], once someone has
    /// made it; an error's text where it has no form in that format.
    pub encoded: [OnceLock<Result<EventRest, String>>; Format::ALL.len()],
    /// What its arguments count where memory is limited, once somebody has to keep them.
    pub(crate) charge: OnceLock<Charge>,
}

impl Shared {
    fn new(publication: Id, details: Dict, payload: Payload) -> Arc<Self> {
        Arc::new(Shared {
            publication,
            details,
            payload,
            encoded: Default::default(),
            charge: OnceLock::new(),
        })
    }

    /// The event of a subscription.
    pub fn event(&self, subscription: Id) -> Message {
        Message::Event {
            subscription,
            publication: self.publication,
            details: self.details.clone(),
            payload: self.payload.clone(),
        }
    }
}

/// What comes out of the realm; `H` is what the caller knows a session by.
#[derive(Debug, Clone)]
pub enum Output<H> {
    /// Send this to the session.
    Send(H, Message),
    /// Send this event to each of the sessions, for this subscription.
    Event(Vec<H>, Id, Arc<Shared>),
    /// The session has ended: close its connection once all before has been sent.
    Close(H),
}

impl<H> Output<H> {
    /// What is to be sent, to each session.
    pub fn sent(&self) -> Vec<(&H, Message)> {
        match self {
            Output::Send(session, message) => vec![(session, message.clone())],
            Output::Event(sessions, subscription, event) => sessions
                .iter()
                .map(|session| (session, event.event(*subscription)))
                .collect(),
            Output::Close(_) => Vec::new(),
        }
    }
}

/// The sessions of one name space of procedures and topics.
#[derive(Debug)]
pub struct Realm<H> {
    limits: Limits,
    roles: Map<String, Permissions>,
    sessions: Map<Id, Session<H>>,
    broker: Broker,
    dealer: Dealer,
    random: StdRng,
    /// How many sessions have each role.
    by_role: Map<String, usize>,
    /// What is left to be done, in this order, and how much of it has ever been begun and finished.
    tasks: VecDeque<Task>,
    begun: u64,
    finished: u64,
    /// What has been done so far, in look-ups and the
    /// like: each takes some hundred nanoseconds at most.
    work: usize,
    /// About how many bytes the registrations and subscriptions take.
    held: usize,
    /// All sessions are being ended.
    closing: bool,
}

/// A session that has joined.
#[derive(Debug)]
struct Session<H> {
    handle: H,
    identity: Identity,
    /// As callee it takes INTERRUPT.
    takes_interrupts: bool,
    /// As callee it keeps the time of a call itself.
    takes_timeouts: bool,
    /// As callee it can send results in parts.
    gives_progress: bool,
    /// As callee it wants to hear that a registration has been taken from it.
    takes_revocations: bool,
    /// What its patterns count: see [`Limits::patterns`].
    patterns: usize,
    /// About how many bytes its registrations and subscriptions take.
    held: usize,
    registrations: Set<Id>,
    subscriptions: Set<Id>,
    /// As caller: its requests in flight, and who works
    /// on each (callee, the id of the invocation there).
    calls: Map<Id, (Id, Id)>,
    /// As callee: what it has to answer.
    invocations: Map<Id, Invocation>,
    /// The ids of the invocations that it is sent.
    invocation_ids: SessionIds,
    /// The last of them, and whether there was one.
    last_invocation: u64,
}

/// About how many bytes a registration, a subscription or a
/// call takes next to its URI, with its part of the tables.
const ENTRY: usize = 256;

/// What a registration or subscription counts.
#[derive(Debug, Default, Clone, Copy)]
struct Size {
    /// The bytes of its URI.
    uri: usize,
    /// Its patterns: see [`Limits::patterns`].
    patterns: usize,
}

/// What a pattern counts: see [`Limits::patterns`].
fn pattern_cost(uri: &Uri, match_policy: Match) -> usize {
    match match_policy {
        Match::Exact => 0,
        Match::Prefix => 1,
        Match::Wildcard => patterns::components(uri.as_str()),
    }
}

/// Why a message ends the session: its text for ABORT.
type Violation = String;

impl<H: Clone> Realm<H> {
    /// A realm without sessions. The seed decides ids of publications and random callees; a router
    /// gives one from the system, a test a fixed one.
    pub fn new(limits: Limits, roles: Roles, seed: [u8; 32]) -> Self {
        Realm {
            limits,
            roles: roles.into_iter().collect(),
            sessions: Map::default(),
            broker: Broker::default(),
            dealer: Dealer::default(),
            random: StdRng::from_seed(seed),
            by_role: Map::default(),
            tasks: VecDeque::new(),
            begun: 0,
            finished: 0,
            work: 0,
            held: 0,
            closing: false,
        }
    }

    /// The number of sessions.
    pub fn len(&self) -> usize {
        self.sessions.len()
    }

    /// Whether nobody has joined.
    pub fn is_empty(&self) -> bool {
        self.sessions.is_empty()
    }

    /// The calls that are not answered yet.
    pub fn calls_under_way(&self) -> usize {
        self.dealer.invocations
    }

    /// Other roles and permissions from now on. A session
    /// whose role is not among them may do nothing any more.
    pub fn set_roles(&mut self, roles: Roles) {
        self.roles = roles.into_iter().collect();
    }

    /// Whether the realm has a role of this name.
    pub fn has_role(&self, role: &str) -> bool {
        self.roles.contains_key(role)
    }

    /// Lets a session in and sends it WELCOME. Its id must be new, and its role one of the realm's.
    pub fn join(
        &mut self,
        id: Id,
        handle: H,
        identity: Identity,
        hello: &Dict,
        out: &mut Vec<Output<H>>,
    ) {
        let feature = |role: &str, feature: &str| {
            let role = hello.dict("roles").and_then(|roles| roles.dict(role));
            let features = role.and_then(|role| role.dict("features"));
            features.is_some_and(|features| features.flag(feature))
        };
        let session = Session {
            handle,
            takes_interrupts: feature("callee", "call_canceling"),
            takes_timeouts: feature("callee", "call_timeout"),
            gives_progress: feature("callee", "progressive_call_results"),
            takes_revocations: feature("callee", "registration_revocation"),
            patterns: 0,
            held: 0,
            registrations: Set::default(),
            subscriptions: Set::default(),
            calls: Map::default(),
            invocations: Map::default(),
            invocation_ids: SessionIds::new(),
            last_invocation: 0,
            identity,
        };
        send(&session, welcome(id, &session.identity), out);
        let joined = meta::details(id, &session.identity);
        let role = session.identity.authrole.clone();
        *self.by_role.entry(role).or_default() += 1;
        self.sessions.insert(id, session);
        let begun = self.begun;
        self.announce(known::SESSION_ON_JOIN, &[joined.into()]);
        self.proceed_since(begun, out);
    }

    /// Takes a message from a session. `now` is the time since any moment, the same for all calls.
    ///
    /// A session that breaks the protocol is sent ABORT and is out. Messages from a session that is
    /// not there (it has just left) are dropped.
    pub fn receive(&mut self, from: Id, message: Message, now: Duration, out: &mut Vec<Output<H>>) {
        if !self.sessions.contains_key(&from) {
            return;
        }
        let begun = self.begun;
        let outcome = match message {
            Message::Call {
                request,
                options,
                procedure,
                payload,
            } => self.call(from, request, &options, &procedure, payload, now, out),
            Message::Yield {
                request,
                options,
                payload,
            } => self.answer(from, request, dealer::Answer::Yield(options, payload), out),
            Message::Error {
                kind: RequestKind::Invocation,
                request,
                details,
                error,
                payload,
            } => {
                let answer = dealer::Answer::Error(details, error, payload);
                self.answer(from, request, answer, out)
            }
            Message::Publish {
                request,
                options,
                topic,
                payload,
            } => {
                self.publish(from, request, &options, &topic, &payload, out);
                Ok(())
            }
            Message::Subscribe {
                request,
                options,
                topic,
            } => {
                self.subscribe(from, request, &options, topic, out);
                Ok(())
            }
            Message::Unsubscribe {
                request,
                subscription,
            } => {
                self.unsubscribe(from, request, subscription, out);
                Ok(())
            }
            Message::Register {
                request,
                options,
                procedure,
            } => {
                self.register(from, request, &options, procedure, out);
                Ok(())
            }
            Message::Unregister {
                request,
                registration,
            } => {
                self.unregister(from, request, registration, out);
                Ok(())
            }
            Message::Cancel { request, options } => {
                self.cancel(from, request, &options, out);
                Ok(())
            }
            Message::Goodbye { .. } => {
                self.say_goodbye(from, Dict::new(), known::GOODBYE_AND_OUT, out);
                Ok(())
            }
            Message::Abort { .. } => {
                self.remove(from, out);
                Ok(())
            }
            Message::Hello { .. } => Err("the session has already been opened".to_string()),
            other => Err(format!("a client does not send {}", other.name())),
        };
        match outcome {
            Ok(()) => self.proceed_since(begun, out),
            Err(violation) => self.abort(from, known::PROTOCOL_VIOLATION, &violation, out),
        }
    }

    /// Does a step, unless nothing has begun since then: a session that has begun nothing does not
    /// do what others have left.
    fn proceed_since(&mut self, begun: u64, out: &mut Vec<Output<H>>) {
        if self.begun != begun {
            self.proceed(out);
        }
    }

    /// Answers a request whose URI is none, which never became a message.
    pub fn refuse_uri(
        &mut self,
        from: Id,
        kind: RequestKind,
        request: Id,
        why: &str,
        out: &mut Vec<Output<H>>,
    ) {
        self.refuse(from, kind, request, known::INVALID_URI, why, out);
    }

    /// Answers a request with an error that anyone who passes messages to the realm has found.
    pub fn refuse(
        &mut self,
        from: Id,
        kind: RequestKind,
        request: Id,
        reason: &str,
        why: &str,
        out: &mut Vec<Output<H>>,
    ) {
        if let Some(session) = self.sessions.get(&from) {
            let message = error(kind, request, reason, Some(why));
            send(session, message, out);
        }
    }

    /// Takes back a message that could not be sent to its session, because there is no room or no
    /// form for it in the session's serialization: anyone who waits for it gets an error.
    pub fn undeliverable(
        &mut self,
        to: Id,
        message: &Message,
        reason: &str,
        why: &str,
        out: &mut Vec<Output<H>>,
    ) {
        match message {
            Message::Invocation { request, .. } => {
                let payload = text_payload(why);
                let answer = dealer::Answer::Error(Dict::new(), uri(reason), payload);
                // The id is one that the session was sent.
                let _known = self.answer(to, *request, answer, out);
            }
            // A part, and its invocation is still in progress: the call ends here. Where it has
            // ended since, its answer waits behind the part.
            Message::Result {
                request, details, ..
            } if details.flag("progress") => self.fail(to, *request, reason, why, out),
            Message::Result { request, .. }
            | Message::Error {
                kind: RequestKind::Call,
                request,
                ..
            } => {
                if let Some(session) = self.sessions.get(&to) {
                    let text = Some(why);
                    let message = error(RequestKind::Call, *request, reason, text);
                    send(session, message, out);
                }
            }
            _ => {}
        }
    }

    /// Ends a session that broke the protocol or a limit: ABORT, and its connection is closed.
    pub fn abort(&mut self, id: Id, reason: &str, why: &str, out: &mut Vec<Output<H>>) {
        if let Some(session) = self.sessions.get(&id) {
            send(session, abort(reason, why), out);
            self.remove(id, out);
            self.proceed(out);
        }
    }

    /// Takes a session out whose connection is gone. Its procedures and subscriptions go with it;
    /// who waits for an answer from it gets an error, and who works for it is interrupted.
    pub fn leave(&mut self, id: Id, out: &mut Vec<Output<H>>) {
        self.remove(id, out);
        self.proceed(out);
    }

    /// Ends all sessions with GOODBYE.
    pub fn close(&mut self, reason: &str, out: &mut Vec<Output<H>>) {
        self.closing = true;
        let ids: Vec<Id> = self.sessions.keys().copied().collect();
        for id in ids {
            self.say_goodbye(id, Dict::new(), reason, out);
        }
        while !self.tasks.is_empty() {
            self.proceed(out);
        }
    }

    /// Ends calls whose time is over: as many as can be at
    /// once, so that [`Realm::next_deadline`] may be past then.
    pub fn expire(&mut self, now: Duration, out: &mut Vec<Output<H>>) {
        let end = self.work + STEP;
        while let Some((deadline, callee, invocation)) = self.dealer.deadlines.first().copied() {
            if deadline > now || self.work >= end {
                return;
            }
            self.work += 1;
            self.time_out(callee, invocation, out);
            self.dealer
                .deadlines
                .remove(&(deadline, callee, invocation));
        }
    }

    /// When [`Realm::expire`] has something to do next.
    pub fn next_deadline(&self) -> Option<Duration> {
        Some(self.dealer.deadlines.first()?.0)
    }

    fn say_goodbye(&mut self, id: Id, details: Dict, reason: &str, out: &mut Vec<Output<H>>) {
        if let Some(session) = self.sessions.get(&id) {
            let reason = uri(reason);
            send(session, Message::Goodbye { details, reason }, out);
            self.remove(id, out);
        }
    }

    fn remove(&mut self, id: Id, out: &mut Vec<Output<H>>) {
        let Some(session) = self.sessions.remove(&id) else {
            return;
        };
        self.held -= session.held;
        if let Some(count) = self.by_role.get_mut(&session.identity.authrole) {
            *count -= 1;
            if *count == 0 {
                self.by_role.remove(&session.identity.authrole);
            }
        }
        out.push(Output::Close(session.handle));
        self.begin(Task::Leave(Departure {
            id,
            identity: session.identity,
            registrations: session.registrations.into_iter(),
            subscriptions: session.subscriptions.into_iter(),
            invocations: session.invocations.into_iter(),
            calls: session.calls.into_iter(),
        }));
    }

    /// Whether a session may have one more pattern like this.
    fn has_room_for_pattern(
        &self,
        session: Id,
        patterns: &Patterns,
        uri: &Uri,
        match_policy: Match,
    ) -> Result<(), (&'static str, &'static str)> {
        let cost = pattern_cost(uri, match_policy);
        if match_policy == Match::Wildcard {
            if cost > MAX_COMPONENTS {
                let why = "a wildcard has at most 32 components";
                return Err((known::INVALID_URI, why));
            }
            if !patterns.has_room(cost) {
                let why = "the realm has too many wildcards";
                return Err((known::UNAVAILABLE, why));
            }
        }
        if cost > 0 && self.sessions[&session].patterns + cost > self.limits.patterns {
            let why =
                "the session has too many patterns; a wildcard counts as many as it has components";
            return Err((known::UNAVAILABLE, why));
        }
        Ok(())
    }

    /// A session has one more registration or subscription.
    fn hold(&mut self, session: Id, size: Size) {
        if let Some(session) = self.sessions.get_mut(&session) {
            session.held += ENTRY + size.uri;
            session.patterns += size.patterns;
            self.held += ENTRY + size.uri;
        }
    }

    /// And one less.
    fn release(&mut self, session: Id, size: Size) {
        if let Some(session) = self.sessions.get_mut(&session) {
            session.held -= ENTRY + size.uri;
            session.patterns -= size.patterns;
            self.held -= ENTRY + size.uri;
        }
    }

    /// About how many bytes the sessions' registrations, subscriptions and calls take.
    pub fn held(&self) -> usize {
        self.held + self.dealer.invocations * ENTRY
    }

    /// The same for each session: its calls, and those that it has to answer.
    pub fn holders(&self) -> impl Iterator<Item = (&H, usize)> {
        self.sessions.values().map(|session| {
            let calls = session.calls.len() + session.invocations.len();
            (&session.handle, session.held + calls * ENTRY)
        })
    }

    /// Whether a session's role has the right, and the URI is not the router's own.
    fn may(&self, session: &Session<H>, action: Action, uri: &Uri, options: &Dict) -> bool {
        let match_policy = dealer::match_policy(options);
        self.roles
            .get(&session.identity.authrole)
            .is_some_and(|permissions| {
                permissions.allow_pattern(action, uri.as_str(), match_policy)
            })
    }
}

fn send<H: Clone>(session: &Session<H>, message: Message, out: &mut Vec<Output<H>>) {
    out.push(Output::Send(session.handle.clone(), message));
}

/// A URI from this program's own text.
fn uri(text: &str) -> Uri {
    Uri::new(text).expect("the specification's URIs are URIs")
}

/// An ERROR, with a text for a person as its argument.
fn error(kind: RequestKind, request: Id, error: &str, why: Option<&str>) -> Message {
    Message::Error {
        kind,
        request,
        details: Dict::new(),
        error: uri(error),
        payload: why.map(text_payload).unwrap_or_default(),
    }
}

/// An ABORT, with a text for a person.
pub(crate) fn abort(reason: &str, why: &str) -> Message {
    Message::Abort {
        details: Dict::new().with("message", why),
        reason: uri(reason),
        payload: Payload::empty(),
    }
}

fn text_payload(text: &str) -> Payload {
    Payload::new(Format::Json, &[text]).expect("a text can be written")
}

/// The roles and features of this router: what is here works.
pub fn router_roles() -> Dict {
    let features = |names: &[&str]| {
        let mut features = Dict::new();
        for name in names {
            features.insert(name, true);
        }
        Dict::new().with("features", features)
    };
    let broker = features(&[
        "pattern_based_subscription",
        "publisher_exclusion",
        "publisher_identification",
        "session_meta_api",
        "subscriber_blackwhite_listing",
    ]);
    let dealer = features(&[
        "call_canceling",
        "call_timeout",
        "caller_identification",
        "pattern_based_registration",
        "progressive_call_results",
        "session_meta_api",
        "shared_registration",
    ]);
    Dict::new().with("broker", broker).with("dealer", dealer)
}

fn welcome(session: Id, identity: &Identity) -> Message {
    let details = Dict::new()
        .with("roles", router_roles())
        .with(
            "agent",
            concat!("transparency-router ", env!("CARGO_PKG_VERSION")),
        )
        .with("authid", identity.authid.as_str())
        .with("authrole", identity.authrole.as_str())
        .with("authmethod", identity.authmethod.as_str())
        .with("authprovider", identity.authprovider.as_str());
    Message::Welcome { session, details }
}

/// The ids that a router gives to registrations or subscriptions, and what is under each.
#[derive(Debug)]
struct Table<T> {
    ids: SessionIds,
    entries: Map<Id, T>,
}

impl<T> Default for Table<T> {
    fn default() -> Self {
        Table {
            ids: SessionIds::new(),
            entries: Map::default(),
        }
    }
}

impl<T> Table<T> {
    fn insert(&mut self, entry: T) -> Id {
        let id = self.ids.draw();
        self.entries.insert(id, entry);
        id
    }
}

/// What sessions have under a name: a registration or a subscription.
trait Named {
    fn name(&self) -> (&Uri, Match);
}

impl<T: Named> Table<T> {
    /// What an entry counts.
    fn size_of(&self, id: Id) -> Size {
        let named = self.entries.get(&id).map(Named::name);
        named.map_or_else(Size::default, |(uri, match_policy)| Size {
            uri: uri.as_str().len(),
            patterns: pattern_cost(uri, match_policy),
        })
    }
}

/// When calls run out: the time, the callee, the invocation.
type Deadlines = BTreeSet<(Duration, Id, Id)>;

#[cfg(test)]
mod tests;
