//! The realms of a router with what surrounds them: who may join, who is told, what is counted.

use std::collections::HashMap;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, Weak};
use std::time::{Duration, Instant};

use super::config::Config;
use super::entry::{LockedRealm, RealmEntry};
use super::metrics::{Metrics, count};
use super::peer::{Batch, Owner, Peer, Pushed};
use super::principals::{Proof, challenge_text, random_text};
use super::timer::Timer;
use crate::auth;
use crate::messages::{DecodeError, DecodeErrorKind, Dict, Id, Message, RequestKind, Uri, known};
use crate::realm::{self, Identity, Output, Realm};

pub(super) struct Router {
    realms: HashMap<Uri, Arc<RealmEntry>>,
    pub(super) metrics: Arc<Metrics>,
    max_sessions: usize,
    sessions: AtomicUsize,
    /// All sessions are being ended. It is looked at with a realm locked: who is in before hears GOODBYE.
    closing: AtomicBool,
    pub(super) timer: Timer,
    /// All connections that have been upgraded.
    peers: Mutex<HashMap<u64, Arc<Peer>>>,
    /// Where memory is short, one thread at a time reads a large message.
    pub(super) reading: Mutex<()>,
    /// One thread at a time looks for those for whom too much is kept.
    relieving: Mutex<()>,
    /// For outboxes, which tell the router of messages that they cannot send.
    own: Weak<Router>,
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

impl Router {
    pub(super) fn new(config: &Config) -> Arc<Self> {
        let metrics = Arc::new(Metrics::new(config.max_memory));
        let memory = &metrics.traffic.memory;
        let realms = config.realms.iter();
        let realms = realms
            .map(|(name, realm)| {
                let entry = RealmEntry::new(realm.clone(), config.limits, memory);
                (name.clone(), entry)
            })
            .collect();
        Arc::new_cyclic(|own| Router {
            realms,
            metrics: metrics.clone(),
            max_sessions: config.max_sessions,
            sessions: AtomicUsize::new(0),
            closing: AtomicBool::new(false),
            timer: Timer::new(),
            peers: Mutex::default(),
            reading: Mutex::new(()),
            relieving: Mutex::new(()),
            own: own.clone(),
        })
    }

    /// Takes the HELLO of a connection.
    pub(super) fn hello(
        &self,
        name: &Uri,
        hello: Dict,
        peer: &Arc<Peer>,
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
        self.join(entry, None, identity, &hello, peer, batch)
    }

    fn challenge(
        entry: &Arc<RealmEntry>,
        hello: Dict,
        method: &'static str,
        authid: &str,
    ) -> (Message, Box<Challenged>) {
        let session = entry.lock().new_session_id();
        let known = entry.config.principals.get(authid);
        let principal_or_decoy = entry.principal_or_decoy(authid);
        let identity = Identity {
            authid: authid.to_string(),
            authrole: principal_or_decoy
                .map(|one| one.role.clone())
                .unwrap_or_default(),
            authmethod: method.to_string(),
            authprovider: "static".to_string(),
        };
        let (extra, answer) = match (method, principal_or_decoy.map(|one| &one.proof)) {
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
                            None => entry.decoys.salt(authid, salt),
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
        peer: &Arc<Peer>,
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
        self.join(&realm, session, identity, &hello, peer, batch)
    }

    fn join(
        &self,
        entry: &Arc<RealmEntry>,
        session: Option<Id>,
        identity: Identity,
        hello: &Dict,
        peer: &Arc<Peer>,
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
        peer.belongs_to(session, owner, &entry.formats);
        count(&self.metrics.sessions_total);
        let mut out = Vec::new();
        let before = realm.ticket();
        realm.join(session, peer.clone(), identity, hello, &mut out);
        self.deliver_all(entry, realm, before, &mut out, batch);
        Joining::Joined(entry.clone(), session)
    }

    /// Takes a message of a session.
    pub(super) fn receive(
        &self,
        entry: &RealmEntry,
        session: Id,
        message: Message,
        out: &mut Vec<Output<Arc<Peer>>>,
        batch: &mut Batch,
    ) {
        // Only a call with a time limit has to do with time: the clock is not read for others.
        let mut now = Duration::ZERO;
        match &message {
            Message::Call { options, .. } => {
                batch.calls += 1;
                if options.get("timeout").is_some() {
                    now = self.timer.now();
                }
            }
            Message::Publish { .. } => batch.publications += 1,
            Message::Error { .. } => count(&self.metrics.errors),
            _ => {}
        }
        // Who wants an answer hears when not everybody could read it. That is tried before the realm is locked.
        let refused = entry.formats.refuse(&message);
        let mut realm = entry.lock();
        let before = realm.ticket();
        match refused {
            Some((request, why)) => {
                let (kind, reason) = (RequestKind::Publish, known::INVALID_ARGUMENT);
                realm.refuse(session, kind, request, reason, &why, out);
            }
            None => realm.receive(session, message, now, out),
        }
        if let Some(deadline) = realm.next_deadline() {
            self.timer.wake_at(deadline);
        }
        self.deliver_all(entry, realm, before, out, batch);
    }

    /// Takes bytes of a session that were no message.
    pub(super) fn receive_error(
        &self,
        entry: &RealmEntry,
        session: Id,
        error: &DecodeError,
        out: &mut Vec<Output<Arc<Peer>>>,
        batch: &mut Batch,
    ) {
        let mut realm = entry.lock();
        let before = realm.ticket();
        match error.kind {
            DecodeErrorKind::InvalidUri(kind, request) => {
                realm.refuse_uri(session, kind, request, &error.message, out);
            }
            DecodeErrorKind::Unanswered => {}
            DecodeErrorKind::Malformed => {
                realm.abort(session, known::PROTOCOL_VIOLATION, &error.message, out);
            }
        }
        self.deliver_all(entry, realm, before, out, batch);
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
        let before = realm.ticket();
        match why {
            Some((reason, why)) => realm.abort(session, reason, why, &mut out),
            None => realm.leave(session, &mut out),
        }
        self.deliver_all(entry, realm, before, &mut out, batch);
    }

    /// Delivers what came out of a realm, and does what a message has left to be done since the ticket `before`: step by
    /// step, so that others have the realm in between.
    fn deliver_all<'a>(
        &self,
        entry: &'a RealmEntry,
        mut realm: LockedRealm<'a>,
        before: u64,
        out: &mut Vec<Output<Arc<Peer>>>,
        batch: &mut Batch,
    ) {
        self.deliver(&mut realm, out, batch);
        entry.account(&realm);
        // Where nothing new was begun, others do what is left of theirs.
        let mut ticket = realm.ticket();
        while ticket != before && !realm.is_done(ticket) {
            drop(realm);
            batch.finish(&self.metrics);
            realm = entry.lock_after_others();
            let before = realm.ticket();
            realm.proceed(out);
            self.deliver(&mut realm, out, batch);
            if realm.ticket() != before {
                ticket = realm.ticket();
            }
        }
        drop(realm);
        if self.metrics.traffic.memory.is_over() {
            self.relieve(0);
        }
    }

    /// A connection has been upgraded, and is there until what this gives is dropped.
    pub(super) fn enter(self: &Arc<Self>, peer: &Arc<Peer>) -> Present {
        labnet::lock(&self.peers).insert(peer.number(), peer.clone());
        Present {
            router: self.clone(),
            number: peer.number(),
        }
    }

    /// Too much is kept: ends the sessions for which most is, until there is room. Each may hold its share, which is half of
    /// what there is, divided by all.
    ///
    /// Gives whether any has been ended: its memory is free as soon as its threads have seen that.
    pub(super) fn relieve(&self, needed: usize) -> bool {
        let Ok(_one_at_a_time) = self.relieving.try_lock() else {
            return false;
        };
        let memory = &self.metrics.traffic.memory;
        if memory.has_room(needed) {
            return false;
        }
        let mut holders: HashMap<u64, (usize, Arc<Peer>)> = labnet::lock(&self.peers)
            .iter()
            .map(|(number, peer)| (*number, (peer.holds(), peer.clone())))
            .collect();
        for entry in self.realms.values() {
            for (peer, held) in entry.lock().holders() {
                if let Some((all, _)) = holders.get_mut(&peer.number()) {
                    *all += held;
                }
            }
        }
        let share = memory.max() / 2 / holders.len().max(1);
        let mut holders: Vec<_> = holders.into_values().collect();
        holders.sort_unstable_by_key(|(held, _)| std::cmp::Reverse(*held));
        let before = memory.used();
        let mut used = before;
        let mut batch = Batch::new();
        for (held, peer) in holders {
            if used <= memory.max() / 8 * 7 || held <= share {
                break;
            }
            used = used.saturating_sub(held);
            self.evict(&peer, &mut batch);
        }
        batch.finish(&self.metrics);
        used < before
    }

    /// Ends a session because too much is kept for it.
    fn evict(&self, peer: &Arc<Peer>, batch: &mut Batch) {
        count(&self.metrics.traffic.evicted);
        peer.evict();
        if let Some(session) = peer.session() {
            for entry in self.realms.values() {
                let realm = entry.lock();
                let is_here = realm.handle(session);
                if is_here.is_some_and(|other| Arc::ptr_eq(other, peer)) {
                    drop(realm);
                    let why =
                        "the router is short of memory, and most of it was kept for this session";
                    self.remove(entry, session, Some((known::UNAVAILABLE, why)), batch);
                    break;
                }
            }
        }
        peer.close(1008);
        peer.flush();
        peer.stop_reading();
    }

    /// Puts what came out of a realm into the outboxes. The realm is still locked, so that each session
    /// gets its messages in the realm's order: REGISTERED before the first INVOCATION.
    fn deliver(
        &self,
        realm: &mut Realm<Arc<Peer>>,
        out: &mut Vec<Output<Arc<Peer>>>,
        batch: &mut Batch,
    ) {
        let mut more = Vec::new();
        loop {
            for output in out.drain(..) {
                match output {
                    Output::Send(peer, message) => {
                        match &message {
                            Message::Abort { .. } => count(&self.metrics.aborts),
                            Message::Error { .. } => count(&self.metrics.errors),
                            _ => {}
                        }
                        let pushed = peer.push(message, batch.number());
                        self.pushed(realm, peer, pushed, &mut more, batch);
                    }
                    Output::Event(peers, subscription, event) => {
                        for peer in peers {
                            let pushed = peer.push_event(subscription, &event, batch.number());
                            self.pushed(realm, peer, pushed, &mut more, batch);
                        }
                    }
                    Output::Close(peer) => {
                        self.sessions.fetch_sub(1, Ordering::Relaxed);
                        peer.close(1000);
                        batch.touch(peer);
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
        realm: &mut Realm<Arc<Peer>>,
        peer: Arc<Peer>,
        pushed: Pushed,
        more: &mut Vec<Output<Arc<Peer>>>,
        batch: &mut Batch,
    ) {
        let session = peer.session();
        match (pushed, session) {
            (Pushed::Queued(true), _) => batch.touch(peer),
            (Pushed::Queued(false) | Pushed::Dropped, _) | (_, None) => {}
            (Pushed::Refused(message), Some(session)) => {
                let why = "too many bytes wait for the callee";
                realm.undeliverable(session, &message, known::UNAVAILABLE, why, more);
            }
            (Pushed::Full, Some(session)) => {
                count(&self.metrics.traffic.evicted);
                let why = "too many bytes wait for this session: it reads too slowly";
                realm.abort(session, known::UNAVAILABLE, why, more);
            }
        }
    }

    /// Ends all sessions with GOODBYE and waits until that is written, up to a limit.
    pub(super) fn close_all(&self, patience: Duration) {
        let mut peers = Vec::new();
        let mut batch = Batch::new();
        self.closing.store(true, Ordering::Relaxed);
        for entry in self.realms.values() {
            let mut out = Vec::new();
            let mut realm = entry.lock();
            realm.close(known::SYSTEM_SHUTDOWN, &mut out);
            peers.extend(out.iter().filter_map(|output| match output {
                Output::Close(peer) => Some(peer.clone()),
                _ => None,
            }));
            self.deliver(&mut realm, &mut out, &mut batch);
        }
        batch.finish(&self.metrics);
        let deadline = Instant::now() + patience;
        for peer in peers {
            // Whoever does not read in time does not read why either.
            let _in_time = peer.settle(deadline);
        }
    }

    /// Ends calls whose time is over, for as long as the router runs.
    pub(super) fn keep_time(&self) {
        self.timer.run(|| self.expire());
    }

    /// Ends the calls whose time is over; gives the next deadline.
    fn expire(&self) -> Option<Duration> {
        let mut batch = Batch::new();
        let mut next = None;
        for entry in self.realms.values() {
            let mut out = Vec::new();
            let mut realm = entry.lock();
            let before = realm.ticket();
            realm.expire(self.timer.now(), &mut out);
            next = next.into_iter().chain(realm.next_deadline()).min();
            self.deliver_all(entry, realm, before, &mut out, &mut batch);
        }
        batch.finish(&self.metrics);
        next
    }

    /// The counters in Prometheus' text format.
    pub(super) fn prometheus(&self) -> String {
        let (mut sessions, mut calls) = (0, 0);
        for entry in self.realms.values() {
            let realm = entry.lock();
            sessions += realm.len();
            calls += realm.calls_under_way();
        }
        self.metrics.prometheus(sessions, calls)
    }
}

/// A connection among those of a router.
pub(super) struct Present {
    router: Arc<Router>,
    number: u64,
}

impl Drop for Present {
    fn drop(&mut self) {
        labnet::lock(&self.router.peers).remove(&self.number);
    }
}

impl Owner for Router {
    fn lost(&self, peer: &Arc<Peer>, message: &Message, why: &str) {
        let Some(session) = peer.session() else {
            return;
        };
        let mut batch = Batch::new();
        for entry in self.realms.values() {
            let mut out = Vec::new();
            let mut realm = entry.lock();
            // Ids are unique in a realm only.
            let is_here = realm.handle(session);
            if is_here.is_some_and(|other| Arc::ptr_eq(other, peer)) {
                let before = realm.ticket();
                realm.undeliverable(session, message, known::INVALID_ARGUMENT, why, &mut out);
                self.deliver_all(entry, realm, before, &mut out, &mut batch);
            }
        }
        batch.finish(&self.metrics);
    }
}
