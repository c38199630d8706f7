//! The realms of a router with what surrounds them: who may join, who is told, what is counted.

use std::collections::HashMap;
use std::fmt::Write as _;
use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError, Weak};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;

use super::member::{Batch, Member, Owner, Pushed};
use crate::auth;
use crate::messages::{DecodeError, DecodeErrorKind, Dict, Id, Message, Uri, known};
use crate::outbox::Traffic;
use crate::realm::{self, Identity, Limits, Output, Realm, Roles};

/// A realm, as a router's configuration has it.
#[derive(Debug, Clone, Default)]
pub struct RealmConfig {
    /// What each role may do.
    pub roles: Roles,
    /// The role of sessions that do not authenticate; without one they are not let in.
    pub anonymous: Option<String>,
    /// Those who authenticate, by name.
    pub principals: HashMap<String, Principal>,
}

/// Somebody who authenticates.
#[derive(Clone)]
pub struct Principal {
    /// The role.
    pub role: String,
    /// What proves it.
    pub proof: Proof,
}

/// What a client proves itself with.
#[derive(Clone)]
pub enum Proof {
    /// A text that the client sends.
    Ticket(String),
    /// The key of WAMP-CRA; a salted one is derived already, and the client is told how.
    Secret {
        /// The key.
        key: String,
        /// Salt, iterations and length of the key, where it is a derived one.
        salted: Option<(String, u32, u32)>,
    },
}

/// A secret is not printed by accident.
impl std::fmt::Debug for Principal {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Principal")
            .field("role", &self.role)
            .finish_non_exhaustive()
    }
}

/// What a router counts.
#[derive(Debug, Default)]
pub struct Metrics {
    pub(super) connections: AtomicUsize,
    pub(super) connections_total: AtomicU64,
    pub(super) connections_refused: AtomicU64,
    pub(super) sessions_total: AtomicU64,
    pub(super) aborts: AtomicU64,
    pub(super) authentications_failed: AtomicU64,
    pub(super) calls: AtomicU64,
    pub(super) publications: AtomicU64,
    pub(super) errors: AtomicU64,
    pub(super) messages_in: AtomicU64,
    pub(super) bytes_in: AtomicU64,
    pub(super) traffic: Arc<Traffic>,
}

/// A realm, and who may join it.
pub(super) struct RealmEntry {
    config: RealmConfig,
    stand_ins: StandIns,
    realm: Mutex<Realm<Arc<Member>>>,
}

impl RealmEntry {
    fn lock(&self) -> MutexGuard<'_, Realm<Arc<Member>>> {
        // A panic in a realm is a bug; its state is whole between messages, so others go on.
        self.realm.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

pub(super) struct Hub {
    realms: HashMap<Uri, Arc<RealmEntry>>,
    pub(super) metrics: Arc<Metrics>,
    max_sessions: usize,
    sessions: AtomicUsize,
    /// All sessions are being ended. It is looked at with a realm locked: who is in before hears GOODBYE.
    closing: AtomicBool,
    began: Instant,
    /// When the timer wakes next, in microseconds since `began`; `u64::MAX` for never.
    wakes_at: AtomicU64,
    timer: Mutex<bool>,
    timer_moved: Condvar,
    /// For outboxes, which tell the hub of messages that they cannot send.
    own: Weak<Hub>,
}

/// Gives each name that does not exist the role, the method and a salt of the form of one that does, the same whenever it is
/// asked for: also after a new start, as long as the secrets are the same.
struct StandIns {
    /// Nobody can tell it who does not know all the secrets.
    key: String,
    names: Vec<String>,
}

impl StandIns {
    fn new(principals: &HashMap<String, Principal>) -> Self {
        let mut names: Vec<String> = principals.keys().cloned().collect();
        names.sort_unstable();
        let secrets = names.iter().map(|name| match &principals[name].proof {
            Proof::Ticket(secret) | Proof::Secret { key: secret, .. } => secret.as_str(),
        });
        let secrets = secrets.collect::<Vec<_>>().join("\n");
        StandIns {
            key: auth::cra_signature(secrets.as_bytes(), "names that do not exist"),
            names,
        }
    }

    /// Whose ways a name is given.
    fn of(&self, authid: &str) -> Option<&str> {
        let digest = auth::cra_signature(self.key.as_bytes(), authid);
        let number = digest.bytes().fold(0_usize, |sum, byte| {
            sum.wrapping_mul(31).wrapping_add(byte.into())
        });
        let place = number.checked_rem(self.names.len())?;
        Some(&self.names[place])
    }

    /// A salt that looks like this one: as long, with digits and letters where it has some.
    fn salt(&self, authid: &str, like: &str) -> String {
        let digests = (0..).flat_map(|part: u32| {
            let text = format!("salt {part} {authid}");
            auth::cra_signature(self.key.as_bytes(), &text).into_bytes()
        });
        like.chars()
            .zip(digests)
            .map(|(letter, byte)| match letter {
                '0'..='9' => char::from(b'0' + byte % 10),
                'a'..='z' => char::from(b'a' + byte % 26),
                'A'..='Z' => char::from(b'A' + byte % 26),
                other => other,
            })
            .collect()
    }
}

/// What a client that has said HELLO is waiting for.
pub(super) struct Challenged {
    realm: Arc<RealmEntry>,
    hello: Dict,
    identity: Identity,
    session: Id,
    /// The right answer; `None` where nobody of this name exists, which the client is not told.
    answer: Option<String>,
}

/// What a HELLO or an AUTHENTICATE leads to.
pub(super) enum Joining {
    /// The session is in its realm, under this id.
    Joined(Arc<RealmEntry>, Id),
    /// The client has to answer this.
    Challenge(Message, Box<Challenged>),
    /// The client is sent this and is out.
    Refused(Message),
}

impl Hub {
    pub(super) fn new(
        realms: HashMap<Uri, RealmConfig>,
        limits: Limits,
        max_sessions: usize,
    ) -> Arc<Self> {
        let realms = realms
            .into_iter()
            .map(|(name, config)| {
                let realm = Realm::new(limits, config.roles.clone(), rand::random());
                let realm = Mutex::new(realm);
                let stand_ins = StandIns::new(&config.principals);
                let entry = RealmEntry {
                    config,
                    stand_ins,
                    realm,
                };
                (name, Arc::new(entry))
            })
            .collect();
        Arc::new_cyclic(|own| Hub {
            realms,
            metrics: Arc::default(),
            max_sessions,
            sessions: AtomicUsize::new(0),
            closing: AtomicBool::new(false),
            began: Instant::now(),
            wakes_at: AtomicU64::new(u64::MAX),
            timer: Mutex::new(false),
            timer_moved: Condvar::new(),
            own: own.clone(),
        })
    }

    fn now(&self) -> Duration {
        self.began.elapsed()
    }

    /// Takes the HELLO of a connection.
    pub(super) fn hello(
        &self,
        name: &Uri,
        hello: Dict,
        member: &Arc<Member>,
        batch: &mut Batch,
    ) -> Joining {
        let refused = |reason, why: &str| Joining::Refused(realm::abort(reason, why));
        let Some(entry) = self.realms.get(name) else {
            return refused(known::NO_SUCH_REALM, &format!("there is no realm {name}"));
        };
        let offered: Vec<&str> = hello
            .list("authmethods")
            .map(|methods| {
                methods
                    .iter()
                    .filter_map(|method| method.as_str())
                    .collect()
            })
            .unwrap_or_default();
        let authid = hello.str("authid").map(ToString::to_string);
        let method = authid
            .as_deref()
            .and_then(|authid| entry.method(authid, &offered));
        if let (Some(method), Some(authid)) = (method, authid) {
            let (message, challenged) = Self::challenge(entry, hello, method, &authid);
            return Joining::Challenge(message, challenged);
        }
        let Some(role) = &entry.config.anonymous else {
            return if offered.is_empty() || offered == ["anonymous"] {
                let why = "this realm wants a ticket or WAMP-CRA, with an authid";
                refused(known::AUTHENTICATION_REQUIRED, why)
            } else {
                let why = "this realm takes ticket and wampcra, with an authid";
                refused(known::NO_MATCHING_AUTH_METHOD, why)
            };
        };
        if !offered.is_empty() && !offered.contains(&"anonymous") {
            let why = "nobody of this authid may authenticate with the offered methods";
            return refused(known::NO_MATCHING_AUTH_METHOD, why);
        }
        let identity = Identity {
            authid: random_text(),
            authrole: role.clone(),
            authmethod: "anonymous".to_string(),
            authprovider: "static".to_string(),
        };
        self.join(entry, None, identity, &hello, member, batch)
    }

    fn challenge(
        entry: &Arc<RealmEntry>,
        hello: Dict,
        method: &'static str,
        authid: &str,
    ) -> (Message, Box<Challenged>) {
        let session = entry.lock().new_session_id();
        let known = entry.config.principals.get(authid);
        let seeming = entry.seeming(authid);
        let identity = Identity {
            authid: authid.to_string(),
            authrole: seeming.map(|one| one.role.clone()).unwrap_or_default(),
            authmethod: method.to_string(),
            authprovider: "static".to_string(),
        };
        let (extra, answer) = match (method, seeming.map(|one| &one.proof)) {
            ("ticket", Some(Proof::Ticket(ticket))) => (Dict::new(), Some(ticket.clone())),
            ("ticket", _) => (Dict::new(), None),
            (_, proof) => {
                let text = challenge_text(session, &identity);
                let mut extra = Dict::new().with("challenge", text.as_str());
                let mut answer = None;
                if let Some(Proof::Secret { key, salted }) = proof {
                    answer = Some(auth::cra_signature(key.as_bytes(), &text));
                    if let Some((salt, iterations, length)) = salted {
                        let salt = match known {
                            Some(_) => salt.clone(),
                            None => entry.stand_ins.salt(authid, salt),
                        };
                        extra.insert("salt", salt);
                        extra.insert("iterations", u64::from(*iterations));
                        extra.insert("keylen", u64::from(*length));
                    }
                }
                (extra, answer)
            }
        };
        let message = Message::Challenge {
            method: method.to_string(),
            extra,
        };
        let challenged = Challenged {
            realm: entry.clone(),
            hello,
            identity,
            session,
            // Whoever does not exist is not let in with what his stand-in would answer.
            answer: answer.filter(|_| known.is_some()),
        };
        (message, Box::new(challenged))
    }

    /// Takes the answer to a challenge.
    pub(super) fn authenticate(
        &self,
        challenged: Challenged,
        signature: &str,
        member: &Arc<Member>,
        batch: &mut Batch,
    ) -> Joining {
        let right = challenged.answer.as_deref();
        if !right.is_some_and(|right| auth::is_same(signature, right)) {
            count(&self.metrics.authentications_failed);
            let why = "the ticket or the signature is wrong, or nobody has this authid";
            let abort = realm::abort(known::AUTHENTICATION_DENIED, why);
            return Joining::Refused(abort);
        }
        let session = Some(challenged.session);
        let Challenged {
            realm,
            hello,
            identity,
            ..
        } = challenged;
        self.join(&realm, session, identity, &hello, member, batch)
    }

    fn join(
        &self,
        entry: &Arc<RealmEntry>,
        session: Option<Id>,
        identity: Identity,
        hello: &Dict,
        member: &Arc<Member>,
        batch: &mut Batch,
    ) -> Joining {
        let refused = |reason, why: &str| Joining::Refused(realm::abort(reason, why));
        let others = self.sessions.fetch_add(1, Ordering::Relaxed);
        if others >= self.max_sessions {
            self.sessions.fetch_sub(1, Ordering::Relaxed);
            count(&self.metrics.connections_refused);
            return refused(
                known::UNAVAILABLE,
                "the router has all the sessions it takes",
            );
        }
        let mut realm = entry.lock();
        if self.closing.load(Ordering::Relaxed) {
            self.sessions.fetch_sub(1, Ordering::Relaxed);
            return refused(known::SYSTEM_SHUTDOWN, "the router is ending");
        }
        if !realm.has_role(&identity.authrole) {
            self.sessions.fetch_sub(1, Ordering::Relaxed);
            let why = format!("the realm has no role {}", identity.authrole);
            return refused(known::NO_SUCH_ROLE, &why);
        }
        // An id that was promised in a challenge is still free: 53 random bits.
        let session = session.unwrap_or_else(|| realm.new_session_id());
        let owner: Weak<dyn Owner> = self.own.clone();
        member.belongs_to(session, owner);
        count(&self.metrics.sessions_total);
        let mut out = Vec::new();
        realm.join(session, member.clone(), identity, hello, &mut out);
        self.deliver(&mut realm, &mut out, batch);
        Joining::Joined(entry.clone(), session)
    }

    /// Takes a message of a session.
    pub(super) fn receive(
        &self,
        entry: &RealmEntry,
        session: Id,
        message: Message,
        out: &mut Vec<Output<Arc<Member>>>,
        batch: &mut Batch,
    ) {
        // Only a call with a time limit has to do with time: the clock is not read for others.
        let mut now = Duration::ZERO;
        match &message {
            Message::Call { options, .. } => {
                batch.calls += 1;
                if options.get("timeout").is_some() {
                    now = self.now();
                }
            }
            Message::Publish { .. } => batch.publications += 1,
            Message::Error { .. } => count(&self.metrics.errors),
            _ => {}
        }
        let mut realm = entry.lock();
        realm.receive(session, message, now, out);
        self.deliver(&mut realm, out, batch);
        if let Some(deadline) = realm.next_deadline() {
            self.wake_timer_at(deadline);
        }
    }

    /// Takes bytes of a session that were no message.
    pub(super) fn receive_error(
        &self,
        entry: &RealmEntry,
        session: Id,
        error: &DecodeError,
        out: &mut Vec<Output<Arc<Member>>>,
        batch: &mut Batch,
    ) {
        let mut realm = entry.lock();
        match error.kind {
            DecodeErrorKind::InvalidUri(kind, request) => {
                realm.refuse_uri(session, kind, request, &error.message, out);
            }
            DecodeErrorKind::Unanswered => {}
            DecodeErrorKind::Malformed => {
                realm.abort(session, known::PROTOCOL_VIOLATION, &error.message, out);
            }
        }
        self.deliver(&mut realm, out, batch);
    }

    /// Takes a session out that is gone, or has to go: then it is told why.
    pub(super) fn remove(
        &self,
        entry: &RealmEntry,
        session: Id,
        why: Option<(&str, &str)>,
        batch: &mut Batch,
    ) {
        let mut out = Vec::new();
        let mut realm = entry.lock();
        match why {
            Some((reason, why)) => realm.abort(session, reason, why, &mut out),
            None => realm.leave(session, &mut out),
        }
        self.deliver(&mut realm, &mut out, batch);
    }

    /// Puts what came out of a realm into the outboxes. The realm is still locked, so that each session
    /// gets its messages in the realm's order: REGISTERED before the first INVOCATION.
    fn deliver(
        &self,
        realm: &mut Realm<Arc<Member>>,
        out: &mut Vec<Output<Arc<Member>>>,
        batch: &mut Batch,
    ) {
        let mut more = Vec::new();
        loop {
            for output in out.drain(..) {
                match output {
                    Output::Send(member, message) => {
                        match &message {
                            Message::Abort { .. } => count(&self.metrics.aborts),
                            Message::Error { .. } => count(&self.metrics.errors),
                            _ => {}
                        }
                        let pushed = member.push(message, batch.number());
                        self.pushed(realm, member, pushed, &mut more, batch);
                    }
                    Output::Event(members, event) => {
                        for member in members {
                            let pushed = member.push_event(&event, batch.number());
                            self.pushed(realm, member, pushed, &mut more, batch);
                        }
                    }
                    Output::Close(member) => {
                        self.sessions.fetch_sub(1, Ordering::Relaxed);
                        member.close(1000);
                        batch.touch(member);
                    }
                }
            }
            if more.is_empty() {
                break;
            }
            std::mem::swap(out, &mut more);
        }
        out.shrink_to(256);
    }

    fn pushed(
        &self,
        realm: &mut Realm<Arc<Member>>,
        member: Arc<Member>,
        pushed: Pushed,
        more: &mut Vec<Output<Arc<Member>>>,
        batch: &mut Batch,
    ) {
        let session = member.session();
        match (pushed, session) {
            (Pushed::Queued(true), _) => batch.touch(member),
            (Pushed::Queued(false) | Pushed::Dropped, _) | (_, None) => {}
            (Pushed::Refused(message), Some(session)) => {
                let why = "too many bytes wait for the callee";
                realm.undeliverable(session, &message, known::UNAVAILABLE, why, more);
            }
            (Pushed::Full, Some(session)) => {
                count(&self.metrics.traffic.put_out);
                let why = "too many bytes wait for this session: it reads too slowly";
                realm.abort(session, known::UNAVAILABLE, why, more);
            }
        }
    }

    /// Ends all sessions with GOODBYE and waits until that is written, up to a limit.
    pub(super) fn close_all(&self, patience: Duration) {
        let mut members = Vec::new();
        let mut batch = Batch::new();
        self.closing.store(true, Ordering::Relaxed);
        for entry in self.realms.values() {
            let mut out = Vec::new();
            let mut realm = entry.lock();
            realm.close(known::SYSTEM_SHUTDOWN, &mut out);
            members.extend(out.iter().filter_map(|output| match output {
                Output::Close(member) => Some(member.clone()),
                _ => None,
            }));
            self.deliver(&mut realm, &mut out, &mut batch);
        }
        batch.finish(&self.metrics);
        let deadline = Instant::now() + patience;
        for member in members {
            // Whoever does not read in time does not read why either.
            let _in_time = member.settle(deadline);
        }
    }

    /// Sees to it that the timer wakes at a time or before.
    fn wake_timer_at(&self, deadline: Duration) {
        let micros = u64::try_from(deadline.as_micros()).unwrap_or(u64::MAX);
        if micros < self.wakes_at.load(Ordering::Relaxed) {
            let _moved = self.timer.lock().unwrap_or_else(PoisonError::into_inner);
            self.wakes_at.fetch_min(micros, Ordering::Relaxed);
            self.timer_moved.notify_one();
        }
    }

    /// Ends calls whose time is over, for as long as the router runs.
    pub(super) fn keep_time(&self) {
        let mut stopped = self.timer.lock().unwrap_or_else(PoisonError::into_inner);
        while !*stopped {
            let wakes_at = Duration::from_micros(self.wakes_at.load(Ordering::Relaxed));
            let left = wakes_at.saturating_sub(self.now());
            if !left.is_zero() {
                stopped = self
                    .timer_moved
                    .wait_timeout(stopped, left)
                    .unwrap_or_else(PoisonError::into_inner)
                    .0;
                continue;
            }
            self.wakes_at.store(u64::MAX, Ordering::Relaxed);
            // A realm that gets a deadline from here on moves the timer again.
            drop(stopped);
            self.expire();
            stopped = self.timer.lock().unwrap_or_else(PoisonError::into_inner);
        }
    }

    fn expire(&self) {
        let mut batch = Batch::new();
        for entry in self.realms.values() {
            let mut out = Vec::new();
            let mut realm = entry.lock();
            realm.expire(self.now(), &mut out);
            self.deliver(&mut realm, &mut out, &mut batch);
            if let Some(deadline) = realm.next_deadline() {
                let micros = u64::try_from(deadline.as_micros()).unwrap_or(u64::MAX);
                self.wakes_at.fetch_min(micros, Ordering::Relaxed);
            }
        }
        batch.finish(&self.metrics);
    }

    /// Ends the thread that keeps the time.
    pub(super) fn stop_timer(&self) {
        *self.timer.lock().unwrap_or_else(PoisonError::into_inner) = true;
        self.timer_moved.notify_all();
    }

    /// The counters in Prometheus' text format, version 0.0.4.
    pub(super) fn prometheus(&self) -> String {
        let mut text = String::new();
        let mut line = |name: &str, kind: &str, help: &str, value: u64| {
            // Writing to a string does not fail.
            let _written = write!(
                text,
                "# HELP wamp_{name} {help}\n# TYPE wamp_{name} {kind}\nwamp_{name} {value}\n"
            );
        };
        let (mut sessions, mut calls) = (0, 0);
        for entry in self.realms.values() {
            let realm = entry.lock();
            sessions += realm.len();
            calls += realm.calls_under_way();
        }
        let wide = |number: usize| u64::try_from(number).unwrap_or(u64::MAX);
        let read = |counter: &AtomicU64| counter.load(Ordering::Relaxed);
        let metrics = &self.metrics;
        let connections = metrics.connections.load(Ordering::Relaxed);
        line(
            "connections",
            "gauge",
            "TCP connections open now.",
            wide(connections),
        );
        line("sessions", "gauge", "Sessions joined now.", wide(sessions));
        line(
            "calls_under_way",
            "gauge",
            "Calls not answered yet.",
            wide(calls),
        );
        for (name, help, counter) in [
            (
                "connections_total",
                "TCP connections accepted.",
                &metrics.connections_total,
            ),
            (
                "connections_refused_total",
                "Connections and sessions turned away by a limit.",
                &metrics.connections_refused,
            ),
            (
                "sessions_total",
                "Sessions that have joined.",
                &metrics.sessions_total,
            ),
            (
                "sessions_put_out_total",
                "Sessions ended because too much waited for them, or they took nothing for 20 s.",
                &metrics.traffic.put_out,
            ),
            (
                "aborts_total",
                "Sessions ended with ABORT.",
                &metrics.aborts,
            ),
            (
                "authentications_failed_total",
                "Wrong tickets and signatures.",
                &metrics.authentications_failed,
            ),
            ("calls_total", "CALL messages received.", &metrics.calls),
            (
                "publications_total",
                "PUBLISH messages received.",
                &metrics.publications,
            ),
            (
                "errors_total",
                "ERROR messages received and sent.",
                &metrics.errors,
            ),
            (
                "messages_received_total",
                "WAMP messages received.",
                &metrics.messages_in,
            ),
            (
                "messages_sent_total",
                "WAMP messages sent.",
                &metrics.traffic.messages_out,
            ),
            ("bytes_received_total", "Bytes received.", &metrics.bytes_in),
            (
                "bytes_sent_total",
                "Bytes sent.",
                &metrics.traffic.bytes_out,
            ),
        ] {
            line(name, "counter", help, read(counter));
        }
        text
    }
}

impl Owner for Hub {
    fn lost(&self, member: &Arc<Member>, message: &Message, why: &str) {
        let Some(session) = member.session() else {
            return;
        };
        let mut batch = Batch::new();
        for entry in self.realms.values() {
            let mut out = Vec::new();
            let mut realm = entry.lock();
            // Ids are unique in a realm only.
            let is_here = realm.handle(session);
            if is_here.is_some_and(|other| Arc::ptr_eq(other, member)) {
                realm.undeliverable(session, message, known::INVALID_ARGUMENT, why, &mut out);
                self.deliver(&mut realm, &mut out, &mut batch);
            }
        }
        batch.finish(&self.metrics);
    }
}

impl RealmEntry {
    /// Somebody who authenticates, and where there is nobody of this name, whose ways this name is given.
    fn seeming(&self, authid: &str) -> Option<&Principal> {
        let principals = &self.config.principals;
        let stand_in = self.stand_ins.of(authid);
        let known = principals.get(authid);
        known.or_else(|| principals.get(stand_in?))
    }

    /// How a client that offers these methods is to prove itself. A name that does not exist, or has another
    /// method, is challenged all the same, so that names cannot be found out by trying.
    fn method(&self, authid: &str, offered: &[&str]) -> Option<&'static str> {
        let own = self.seeming(authid).map(|one| match one.proof {
            Proof::Ticket(_) => "ticket",
            Proof::Secret { .. } => "wampcra",
        });
        let known = own.filter(|own| offered.contains(own));
        let any = ["wampcra", "ticket"]
            .into_iter()
            .find(|method| offered.contains(method));
        known.or(any.filter(|_| !self.config.principals.is_empty()))
    }
}

pub(super) fn count(counter: &AtomicU64) {
    counter.fetch_add(1, Ordering::Relaxed);
}

/// 18 random bytes as text.
fn random_text() -> String {
    URL_SAFE_NO_PAD.encode(rand::random::<[u8; 18]>())
}

/// What a client signs: a JSON object with what the specification wants in it.
fn challenge_text(session: Id, identity: &Identity) -> String {
    let since = SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .unwrap_or_default();
    let text = Dict::new()
        .with("authid", identity.authid.as_str())
        .with("authrole", identity.authrole.as_str())
        .with("authmethod", identity.authmethod.as_str())
        .with("authprovider", identity.authprovider.as_str())
        .with("nonce", random_text())
        .with("timestamp", timestamp(since))
        .with("session", session);
    serde_json::to_string(&text).expect("texts and numbers can be written")
}

/// ISO 8601 in UTC with milliseconds, `2014-06-22T16:51:41.643Z`, from the time since 1970.
fn timestamp(since: Duration) -> String {
    let seconds = since.as_secs();
    let (days, second) = (seconds / 86_400, seconds % 86_400);
    // The civil calendar from a number of days, in eras of 400 years that begin on 1 March.
    let shifted = days + 719_468;
    let (era, day) = (shifted / 146_097, shifted % 146_097);
    let year = (day - day / 1460 + day / 36_524 - day / 146_096) / 365;
    let day_of_year = day - (365 * year + year / 4 - year / 100);
    let month = (5 * day_of_year + 2) / 153;
    let day_of_month = day_of_year - (153 * month + 2) / 5 + 1;
    let (month, next) = if month < 10 {
        (month + 3, 0)
    } else {
        (month - 9, 1)
    };
    let year = era * 400 + year + next;
    format!(
        "{year:04}-{month:02}-{day_of_month:02}T{:02}:{:02}:{:02}.{:03}Z",
        second / 3600,
        second / 60 % 60,
        second % 60,
        since.subsec_millis()
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_timestamp_is_the_date_in_utc() {
        for (millis, wanted) in [
            (0, "1970-01-01T00:00:00.000Z"),
            (951_782_399_999, "2000-02-28T23:59:59.999Z"),
            (951_782_400_000, "2000-02-29T00:00:00.000Z"),
            (1_403_455_901_643, "2014-06-22T16:51:41.643Z"),
            (4_107_542_399_000, "2100-02-28T23:59:59.000Z"),
            (4_107_542_400_000, "2100-03-01T00:00:00.000Z"),
        ] {
            assert_eq!(timestamp(Duration::from_millis(millis)), wanted);
        }
    }
}
