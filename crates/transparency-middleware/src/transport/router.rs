//! The realms of a router with what surrounds them: who may join, who is told, what is counted.

use std::collections::HashMap;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError, RwLock, Weak};
use std::time::{Duration, Instant};

use super::config::Config;
use super::entry::{LockedRealm, RealmEntry};
use super::events::{Observer, RouterEvent};
use super::metrics::{Metrics, count};
use super::peer::{Batch, Home, Peer, Pushed};
use super::penalties::Penalties;
use super::principals::RealmConfig;
use super::timer::Timer;
use super::turns::Turns;
use crate::messages::{DecodeError, DecodeErrorKind, Id, Message, RequestKind, Uri, known};
use crate::realm::{Limits, Output, Realm};

pub(super) struct Router {
    realms: RwLock<HashMap<Uri, Arc<RealmEntry>>>,
    limits: Limits,
    pub(super) metrics: Arc<Metrics>,
    pub(super) max_sessions: usize,
    pub(super) sessions: AtomicUsize,
    pub(super) penalties: Penalties,
    observer: Observer,
    /// All sessions are being ended. It is looked at with
    /// a realm locked: who is in before hears GOODBYE.
    pub(super) closing: AtomicBool,
    pub(super) timer: Timer,
    /// All connections that have been upgraded.
    pub(super) peers: Mutex<HashMap<u64, Arc<Peer>>>,
    /// Where memory is short, one thread at a time reads a large message.
    pub(super) reading: Mutex<()>,
    /// One thread at a time makes room: see [`Router::relieve`].
    pub(super) relieving: Mutex<()>,
    /// Which sessions are worked for.
    pub(super) turns: Arc<Turns>,
    /// For outboxes, which tell the router of messages that they cannot send.
    pub(super) own: Weak<Router>,
}

impl Router {
    pub(super) fn new(config: &Config) -> Arc<Self> {
        let metrics = Arc::new(Metrics::new(config.max_memory));
        let memory = &metrics.traffic.memory;
        let entry = |(name, realm): (&Uri, &RealmConfig)| {
            let entry = RealmEntry::new(name.clone(), realm.clone(), config.limits, memory);
            (name.clone(), entry)
        };
        let realms = RwLock::new(config.realms.iter().map(entry).collect());
        Arc::new_cyclic(|own| Router {
            realms,
            limits: config.limits,
            penalties: Penalties::default(),
            observer: config.observer.clone(),
            metrics: metrics.clone(),
            max_sessions: config.max_sessions,
            sessions: AtomicUsize::new(0),
            closing: AtomicBool::new(false),
            timer: Timer::new(),
            peers: Mutex::default(),
            reading: Mutex::new(()),
            relieving: Mutex::new(()),
            turns: Turns::new(),
            own: own.clone(),
        })
    }

    pub(super) fn realm(&self, name: &Uri) -> Option<Arc<RealmEntry>> {
        let realms = self.realms.read().unwrap_or_else(PoisonError::into_inner);
        realms.get(name).cloned()
    }

    pub(super) fn realms(&self) -> Vec<Arc<RealmEntry>> {
        let realms = self.realms.read().unwrap_or_else(PoisonError::into_inner);
        realms.values().cloned().collect()
    }

    /// Other realms from now on. Sessions stay where they
    /// are, also in a realm that nobody may join any more.
    pub(super) fn reload(&self, mut realms: HashMap<Uri, RealmConfig>) {
        for entry in self.realms() {
            entry.reload(realms.remove(&entry.name));
        }
        let mut entries = self.realms.write().unwrap_or_else(PoisonError::into_inner);
        for (name, config) in realms {
            let memory = &self.metrics.traffic.memory;
            let entry = RealmEntry::new(name.clone(), config, self.limits, memory);
            entries.insert(name, entry);
        }
    }

    /// Tells anyone who observes the router.
    pub(super) fn tell(&self, event: &RouterEvent) {
        self.observer.tell(event);
    }

    /// Does what a batch has left to be done.
    pub(super) fn finish(&self, batch: &mut Batch) {
        // What happened is told before the peer that it happened to hears of it.
        for event in batch.take_events() {
            self.observer.tell(&event);
        }
        batch.finish(&self.metrics);
    }

    /// Waits until it is a session's turn. One that has had it for long lets others go first.
    pub(super) fn share_turn(&self, batch: &mut Batch) {
        if batch.is_turn_over() {
            // Others are not to wait for what has been done before.
            self.finish(batch);
            batch.end_turn();
        }
        batch.begin_turn();
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
        // Who wants an answer hears when not everybody could
        // read it. That is tried before the realm is locked.
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

    /// Takes a session out, in its turn, that is gone, or has to go: then it is told why.
    pub(super) fn remove(
        &self,
        entry: &RealmEntry,
        session: Id,
        why: Option<(&str, &str)>,
        batch: &mut Batch,
    ) {
        batch.begin_turn();
        let mut out = Vec::new();
        let mut realm = entry.lock();
        let before = realm.ticket();
        match why {
            Some((reason, why)) => realm.abort(session, reason, why, &mut out),
            None => realm.leave(session, &mut out),
        }
        self.deliver_all(entry, realm, before, &mut out, batch);
    }

    /// Delivers what came out of a realm, and does what a message has left to be done since the
    /// ticket `before`: step by step, so that others have the realm in between.
    pub(super) fn deliver_all<'a>(
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
            self.finish(batch);
            self.make_room(batch);
            self.share_turn(batch);
            realm = entry.lock_after_others();
            let before = realm.ticket();
            realm.proceed(out);
            self.deliver(&mut realm, out, batch);
            if realm.ticket() != before {
                ticket = realm.ticket();
            }
        }
        drop(realm);
        self.make_room(batch);
    }

    /// A connection has been upgraded, and is there until what this gives is dropped.
    pub(super) fn enter(self: &Arc<Self>, peer: &Arc<Peer>) -> Present {
        labnet::lock(&self.peers).insert(peer.number(), peer.clone());
        Present {
            router: self.clone(),
            number: peer.number(),
        }
    }

    /// Sends ABORT to one who is not in a realm, or does not know yet that it is no longer.
    pub(super) fn abort(&self, peer: &Arc<Peer>, abort: Message, batch: &mut Batch) {
        self.tell_abort(peer, &abort, batch);
        // A peer that has gone gets nothing, and one that is being put out has room for this.
        let _queued = peer.push(abort, batch.number());
    }

    /// Counts an ABORT, and remembers to tell of it.
    fn tell_abort(&self, peer: &Peer, message: &Message, batch: &mut Batch) {
        if let Message::Abort {
            details, reason, ..
        } = message
        {
            count(&self.metrics.aborts);
            batch.tell(RouterEvent::Aborted {
                address: peer.address(),
                session: peer.session(),
                reason: reason.clone(),
                why: details.str("message").unwrap_or_default().to_string(),
            });
        }
    }

    /// Puts what came out of a realm into the outboxes. The realm is still locked, so that each
    /// session gets its messages in the realm's order: REGISTERED before the first INVOCATION.
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
                        self.tell_abort(&peer, &message, batch);
                        if matches!(message, Message::Error { .. }) {
                            count(&self.metrics.errors);
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
                        if let Some(session) = peer.session() {
                            let address = peer.address();
                            batch.tell(RouterEvent::Left { address, session });
                        }
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
                batch.tell(RouterEvent::Evicted {
                    address: peer.address(),
                    held: peer.holds(),
                });
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
        for entry in self.realms() {
            let mut out = Vec::new();
            let mut realm = entry.lock();
            realm.close(known::SYSTEM_SHUTDOWN, &mut out);
            peers.extend(out.iter().filter_map(|output| match output {
                Output::Close(peer) => Some(peer.clone()),
                _ => None,
            }));
            self.deliver(&mut realm, &mut out, &mut batch);
        }
        self.finish(&mut batch);
        let deadline = Instant::now() + patience;
        for peer in peers {
            // Anyone who does not read in time does not read why either.
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
        for entry in self.realms() {
            let mut out = Vec::new();
            let mut realm = entry.lock();
            let before = realm.ticket();
            realm.expire(self.timer.now(), &mut out);
            next = next.into_iter().chain(realm.next_deadline()).min();
            self.deliver_all(&entry, realm, before, &mut out, &mut batch);
        }
        self.finish(&mut batch);
        next
    }

    /// The counters in Prometheus' text format.
    pub(super) fn prometheus(&self) -> String {
        let (mut sessions, mut calls) = (0, 0);
        for entry in self.realms() {
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

/// A realm of a router, where a session is.
struct Place {
    router: Weak<Router>,
    entry: Weak<RealmEntry>,
}

impl Router {
    /// Where the sessions of a realm are.
    pub(super) fn home(&self, entry: &Arc<RealmEntry>) -> Box<dyn Home> {
        Box::new(Place {
            router: self.own.clone(),
            entry: Arc::downgrade(entry),
        })
    }
}

impl Home for Place {
    fn lost(&self, session: Id, message: &Message, why: &str) {
        // At the end of the router nobody waits any more.
        let (Some(router), Some(entry)) = (self.router.upgrade(), self.entry.upgrade()) else {
            return;
        };
        let mut batch = Batch::new();
        let mut out = Vec::new();
        let mut realm = entry.lock();
        let before = realm.ticket();
        realm.undeliverable(session, message, known::INVALID_ARGUMENT, why, &mut out);
        router.deliver_all(&entry, realm, before, &mut out, &mut batch);
        router.finish(&mut batch);
    }
}
