//! Plays any order of events on the protocol, and checks after each what has to hold. The property
//! test and the fuzz target `client` share it. One file, since every event is an arm of one game.
//!
//! - No promise is kept twice, and when the session is at its end each has been kept once.
//! - Requests have the ids 1, 2, 3, … on each connection.
//! - A call is on its way, or something will send it. One on its way knows its request, and the
//!   request knows its call.
//! - An answer to a request that was never made breaks the protocol, and so does one of the wrong
//!   kind: it takes nothing away.
//! - What the session holds is bounded by what its user asked for, whatever the router sends: no
//!   request, task or invocation more, and nothing that the router put in is kept.
//! - A connection on which bytes move is not broken off.
//! - Connecting waits the longer the more sessions have not lasted.
//! - After the end nothing is held, and nothing comes out any more.

use std::cell::RefCell;
use std::collections::{BTreeMap, HashSet};
use std::rc::Rc;
use std::sync::Arc;
use std::time::{Duration, Instant};

use super::connection::Request;
use super::{Disconnect, GOOD_SESSION, NewCall, Outgoing, Output, Phase, Protocol, Task, Timing};
use crate::client::call::Promise;
use crate::client::error::Error;
use crate::client::procedure::Procedure;
use crate::client::pubsub::Topic;
use crate::messages::{CancelMode, Dict, Id, Message, Payload, RequestKind, Uri, known};

/// A connection that keeps what is put in.
#[derive(Clone)]
struct Recorder(Rc<RefCell<Recorded>>);

impl Recorder {
    fn new(now: Instant) -> Self {
        Recorder(Rc::new(RefCell::new(Recorded {
            requests: 0,
            last_sign_of_life: now,
            largest: 0,
            full: false,
            broken: false,
        })))
    }
}

struct Recorded {
    requests: u64,
    last_sign_of_life: Instant,
    /// Of messages without an answer.
    largest: usize,
    /// Nothing more fits in.
    full: bool,
    broken: bool,
}

impl Outgoing for Recorder {
    fn put(&self, message: &Message) -> Result<usize, Error> {
        let mut recorded = self.0.borrow_mut();
        if recorded.full {
            return Err(Error::Overrun);
        }
        if let Some(id) = request_id(message) {
            recorded.requests += 1;
            assert_eq!(id.get(), recorded.requests, "a request id was left out");
        }
        Ok(message.name().len())
    }

    fn tell(&self, message: &Message) {
        assert_eq!(request_id(message), None, "a request was put in by force");
    }

    fn ping(&self) {}

    fn last_sign_of_life(&self) -> Instant {
        self.0.borrow().last_sign_of_life
    }

    fn largest_after(&self, _answered: u64) -> usize {
        self.0.borrow().largest
    }
}

fn request_id(message: &Message) -> Option<Id> {
    match message {
        Message::Call { request, .. }
        | Message::Register { request, .. }
        | Message::Unregister { request, .. }
        | Message::Subscribe { request, .. }
        | Message::Unsubscribe { request, .. }
        | Message::Publish { request, .. } => Some(*request),
        _ => None,
    }
}

/// A promise by its address: those that are compared are all alive.
type Name = *const Promise;

struct Play {
    protocol: Protocol<Recorder>,
    now: Instant,
    wire: Recorder,
    /// Every promise that was made, by what it is for, and how often it was kept.
    promises: BTreeMap<Name, (Arc<Promise>, &'static str, u32)>,
    /// Those that nobody waits for: their request was not sent, or was given up.
    forgotten: HashSet<Name>,
    calls: Vec<u64>,
    registrations: Vec<(u64, Arc<Promise>)>,
    subscriptions: Vec<(u64, Arc<Promise>)>,
    running: Vec<(u64, Id)>,
    ended: u32,
    overruns: bool,
    opened_at: Instant,
}

/// Plays the events that these bytes stand for: three bytes an event.
///
/// # Panics
///
/// When something does not hold.
pub fn play(bytes: &[u8]) {
    let mut play = Play::new(Instant::now());
    for event in bytes.chunks_exact(3) {
        play.event(event[0], event[1], event[2]);
        play.perform();
        play.holds();
    }
    play.protocol.close(Error::Closed);
    play.perform();
    play.over();
}

impl Play {
    fn new(now: Instant) -> Self {
        let timing = Timing {
            ping_interval: Duration::from_secs(10),
            ping_timeout: Duration::from_secs(5),
            handshake_timeout: Duration::from_secs(3),
        };
        let idempotent = HashSet::from(["a.b".to_string()]);
        Play {
            protocol: Protocol::new(now, idempotent, timing),
            now,
            wire: Recorder::new(now),
            promises: BTreeMap::new(),
            forgotten: HashSet::new(),
            calls: Vec::new(),
            registrations: Vec::new(),
            subscriptions: Vec::new(),
            running: Vec::new(),
            ended: 0,
            overruns: false,
            opened_at: now,
        }
    }

    fn event(&mut self, what: u8, one: u8, two: u8) {
        let connected = self.protocol.is_connected();
        match what % 24 {
            0 if !connected && self.protocol.closed().is_none() => self.connect(),
            1 => self.lose("the cable", one < 64),
            2 => {
                self.now += Duration::from_millis(u64::from(one) * 100);
                if two < 128 {
                    self.wire.0.borrow_mut().last_sign_of_life = self.now;
                }
                while self.protocol.pass_time(self.now) {
                    self.perform();
                }
                if two < 128 && connected && self.protocol.closed().is_none() {
                    assert!(self.protocol.is_connected(), "cut although bytes move");
                }
            }
            17 if !connected => self.protocol.round_failed(),
            18 => self.wire.0.borrow_mut().largest = usize::from(one) % 16,
            3 if one < 8 => drop(self.protocol.leave()),
            4 => self.wire.0.borrow_mut().full = one < 64,
            5 => self.call(one, two),
            6 => self.register(one),
            7 => self.subscribe(one),
            8 => self.publish(one),
            9 => self.unregister(one),
            10 => self.unsubscribe(one),
            11 => {
                if let Some(key) = pick(&self.calls, one) {
                    let modes = [CancelMode::Skip, CancelMode::Kill, CancelMode::KillNoWait];
                    let mode = modes[usize::from(two) % 3];
                    self.protocol.give_up(*key, mode, Error::Cancelled);
                }
            }
            12 => {
                if let Some(key) = pick(&self.calls, one) {
                    self.protocol.try_again(self.now, *key);
                }
            }
            13 => {
                if let Some((epoch, request)) = pick(&self.running, one).copied() {
                    self.protocol.answered(epoch, request);
                    self.running.retain(|other| *other != (epoch, request));
                }
            }
            14 => self.overruns = one.is_multiple_of(2),
            15 => {
                if let Some((key, promise)) = pick(&self.registrations, one) {
                    self.forgotten.insert(Arc::as_ptr(promise));
                    self.protocol.forget_registration(*key);
                }
            }
            16 => {
                if let Some((key, promise)) = pick(&self.subscriptions, one) {
                    self.forgotten.insert(Arc::as_ptr(promise));
                    self.protocol.forget_subscription(*key);
                }
            }
            _ if connected => self.hear(one, two),
            _ => {}
        }
    }

    /// The connection ends; what was too large for the router fails with that.
    fn lose(&mut self, reason: &str, too_large: bool) {
        let connected = self.protocol.is_connected();
        let before = self.protocol.failures();
        self.protocol.lost(self.now, reason, too_large);
        if connected {
            let lasted = self.now.saturating_duration_since(self.opened_at) >= GOOD_SESSION;
            let expected = if lasted { 0 } else { before + 1 };
            assert_eq!(self.protocol.failures(), expected);
        }
    }

    fn promise(&mut self, what: &'static str) -> Arc<Promise> {
        let promise = Arc::new(Promise::default());
        let entry = (Arc::clone(&promise), what, 0);
        self.promises.insert(Arc::as_ptr(&promise), entry);
        promise
    }

    fn forget(&mut self, promise: &Arc<Promise>) {
        self.forgotten.insert(Arc::as_ptr(promise));
    }

    fn connect(&mut self) {
        self.protocol.trying(self.now);
        self.wire = Recorder::new(self.now);
        self.opened_at = self.now;
        let features = Dict::new().with("call_timeout", true);
        let dealer = Dict::new().with("features", features);
        let roles = Dict::new().with("dealer", dealer);
        let welcome = Dict::new().with("roles", roles);
        self.protocol
            .opened(self.now, self.wire.clone(), id(7), welcome, 0);
    }

    fn call(&mut self, one: u8, two: u8) {
        let promise = self.promise("call");
        let call = NewCall {
            procedure: uri(one),
            options: Dict::new(),
            payload: Payload::empty(),
            deadline: self.now + Duration::from_secs(u64::from(two)),
            idempotent: [None, Some(true), Some(false)][usize::from(two) % 3],
            promise: Arc::clone(&promise),
        };
        match self.protocol.call(self.now, call) {
            Ok((key, _)) => self.calls.push(key),
            Err(_) => self.forget(&promise),
        }
    }

    fn register(&mut self, one: u8) {
        let promise = self.promise("register");
        let procedure = Procedure::new("a.b", |(): ()| Ok(()));
        let registered = self
            .protocol
            .register(procedure, uri(one), Arc::clone(&promise));
        match registered {
            Ok(key) => self.registrations.push((key, promise)),
            Err(_) => self.forget(&promise),
        }
    }

    fn subscribe(&mut self, one: u8) {
        let promise = self.promise("subscribe");
        let handler = Arc::new(|_: &_| {});
        let topic = Topic::new(uri(one).as_str());
        let subscribed = self
            .protocol
            .subscribe(topic, uri(one), handler, Arc::clone(&promise));
        match subscribed {
            Ok(key) => self.subscriptions.push((key, promise)),
            Err(_) => self.forget(&promise),
        }
    }

    fn publish(&mut self, one: u8) {
        let promise = self.promise("publish");
        let acknowledged = one.is_multiple_of(2);
        let options = Dict::new().with("acknowledge", acknowledged);
        let sent = self
            .protocol
            .publish(uri(one), options, Payload::empty(), &promise);
        if sent.is_err() || !acknowledged {
            self.forget(&promise);
        }
    }

    fn unregister(&mut self, one: u8) {
        let Some((key, first)) = pick(&self.registrations, one).cloned() else {
            return;
        };
        // Only one that has been answered is in its user's hands.
        if self.kept(&first) == 0 {
            return;
        }
        let promise = self.promise("unregister");
        if !matches!(self.protocol.unregister(key, &promise), Ok(true)) {
            self.forget(&promise);
        }
    }

    fn unsubscribe(&mut self, one: u8) {
        let Some((key, first)) = pick(&self.subscriptions, one).cloned() else {
            return;
        };
        if self.kept(&first) == 0 {
            return;
        }
        let promise = self.promise("unsubscribe");
        if !matches!(self.protocol.unsubscribe(key, &promise).1, Ok(true)) {
            self.forget(&promise);
        }
    }

    fn kept(&self, promise: &Arc<Promise>) -> u32 {
        self.promises[&Arc::as_ptr(promise)].2
    }

    /// A message of the router's.
    fn hear(&mut self, one: u8, two: u8) {
        // Few ids, so that they meet.
        let request = id(u64::from(two >> 4) + 1);
        let other = id(u64::from(two & 7) + 1);
        let reason = [known::CANCELED, known::NO_SUCH_PROCEDURE, "a.failure"];
        let kinds = [
            RequestKind::Call,
            RequestKind::Register,
            RequestKind::Subscribe,
            RequestKind::Publish,
        ];
        let payload = Payload::empty();
        let details = Dict::new();
        let message = match one % 16 {
            0 | 1 => Message::Result {
                request,
                details: details.with("progress", one % 16 == 1),
                payload,
            },
            2 | 3 => Message::Error {
                kind: kinds[usize::from(two) % 4],
                request,
                details,
                error: Uri::new(reason[usize::from(one / 16) % 3]).expect("they are valid"),
                payload,
            },
            4 => Message::Invocation {
                request,
                registration: other,
                details,
                payload,
            },
            5 => Message::Interrupt {
                request,
                options: details,
            },
            6 => Message::Event {
                subscription: other,
                publication: request,
                details,
                payload,
            },
            7 | 8 => Message::Registered {
                request,
                registration: other,
            },
            9 => Message::Unregistered { request },
            10 | 11 => Message::Subscribed {
                request,
                subscription: other,
            },
            12 => Message::Unsubscribed { request },
            13 => Message::Published {
                request,
                publication: other,
            },
            14 if two < 128 => Message::RegistrationRevoked {
                details: details.with("registration", other.get()),
            },
            14 => Message::SubscriptionRevoked {
                details: details.with("subscription", other.get()),
            },
            _ => Message::Goodbye {
                details,
                reason: Uri::new(known::CLOSE_REALM).expect("it is valid"),
            },
        };
        let expected = self.is_asked_for(&message);
        let heard = self.protocol.receive(self.now, message);
        if let Some(expected) = expected {
            let violation = matches!(heard, Err(Disconnect::Violation(_)));
            assert_eq!(violation, !expected, "{heard:?}");
        }
        if heard.is_err() {
            self.perform();
            self.lose("the router", two < 32);
        }
    }

    /// Whether a message answers a request of its kind;
    /// `None` for one that answers nothing, or may come late.
    fn is_asked_for(&self, message: &Message) -> Option<bool> {
        let requests = &self.protocol.link.as_ref()?.requests;
        let (request, kind): (_, fn(&Request) -> bool) = match message {
            Message::Registered { request, .. } => {
                (request, |it| matches!(it, Request::Register(_)))
            }
            Message::Unregistered { request } => {
                (request, |it| matches!(it, Request::Unregister(..)))
            }
            Message::Subscribed { request, .. } => {
                (request, |it| matches!(it, Request::Subscribe(_)))
            }
            Message::Unsubscribed { request } => {
                (request, |it| matches!(it, Request::Unsubscribe(_)))
            }
            Message::Error { kind, request, .. } => {
                let late = matches!(kind, RequestKind::Call | RequestKind::Publish);
                let sent = requests.get(request);
                return Some(sent.map_or(late, |sent| sent.what.kind() == *kind));
            }
            _ => return None,
        };
        Some(requests.get(request).is_some_and(|sent| kind(&sent.what)))
    }

    fn keep(&mut self, promise: &Arc<Promise>) {
        // One that the protocol has made for itself is none of the user's.
        if let Some((_, what, kept)) = self.promises.get_mut(&Arc::as_ptr(promise)) {
            *kept += 1;
            assert_eq!(*kept, 1, "a promise of {what} is kept twice");
        }
    }

    fn perform(&mut self) {
        while let Some(output) = self.protocol.output() {
            assert_eq!(self.ended, 0, "something comes out after the end");
            match output {
                Output::Finish(promise, _) | Output::Published(promise, _) => self.keep(&promise),
                Output::Partial(key, ..) => {
                    if self.overruns {
                        self.protocol.overrun(key);
                    }
                }
                Output::Invoke(invoked) => {
                    self.running.push((self.protocol.epoch(), invoked.request));
                    if self.overruns {
                        self.protocol.turned_away(invoked.request);
                        self.running.pop();
                    }
                }
                Output::Deliver(key, _) => {
                    assert!(self.protocol.topic(key).is_some(), "an event for nobody");
                }
                Output::Retry(task, attempts) => {
                    let pause = Duration::from_millis(20) * (attempts + 1);
                    self.protocol.later(self.now + pause, task);
                }
                Output::BreakOff(wire) | Output::HangUp(wire) => {
                    wire.0.borrow_mut().broken = true;
                }
                Output::Ended => self.ended += 1,
                Output::Cancel(_) | Output::Notice(_) | Output::StopOpening => {}
            }
        }
        // Anyone who reads a connection that was broken off fails.
        if self.protocol.is_connected() && self.wire.0.borrow().broken {
            self.lose("broken off", false);
            self.perform();
        }
    }

    /// What has to hold at any time.
    fn holds(&self) {
        let protocol = &self.protocol;
        if let Phase::Closed(_) = protocol.phase {
            self.over();
            return;
        }
        self.is_bounded();
        for (key, call) in &protocol.calls {
            let waits = protocol.unsent.contains(key) || protocol.tasks.contains(Task::Call(*key));
            assert!(
                call.request().is_some() || waits,
                "nothing will send a call that is not on its way"
            );
        }
        let Some(link) = &protocol.link else {
            let sent = protocol
                .calls
                .values()
                .filter(|call| call.request().is_some());
            assert_eq!(sent.count(), 0, "a call is on its way without a connection");
            return;
        };
        let mut on_their_way = 0;
        for (id, request) in &link.requests {
            if let Request::Call(key) = &request.what {
                let call = protocol.calls.get(key);
                assert_eq!(
                    call.and_then(super::calls::PendingEntry::request),
                    Some(*id),
                    "a request whose call does not know it"
                );
                on_their_way += 1;
            }
        }
        let sent = protocol
            .calls
            .values()
            .filter(|call| call.request().is_some());
        assert_eq!(
            sent.count(),
            on_their_way,
            "a call whose request is forgotten"
        );
    }

    /// That no router can make it hold more than its user asked for.
    fn is_bounded(&self) {
        let protocol = &self.protocol;
        let asked = self.promises.len();
        assert!(protocol.outputs.is_empty(), "something was not taken");
        let held =
            protocol.calls.len() + protocol.registrations.len() + protocol.subscriptions.len();
        assert!(held <= asked, "{held} of {asked} requests are held");
        assert!(protocol.unsent.len() <= protocol.calls.len());
        if let Some(link) = &protocol.link {
            // What a user has given up may be answered late, and then be taken back.
            assert!(link.requests.len() <= 2 * asked, "requests without end");
            let epoch = protocol.epoch();
            let running = self.running.iter().filter(|(of, _)| *of == epoch);
            assert!(link.invocations.len() <= running.count(), "invocations");
            assert!(link.registered.len() <= asked && link.subscribed.len() <= asked);
        }
    }

    /// What has to hold after the end.
    fn over(&self) {
        assert_eq!(self.ended, 1, "the end is told once");
        for (name, (_, what, kept)) in &self.promises {
            if !self.forgotten.contains(name) {
                assert_eq!(*kept, 1, "a promise of {what} is not kept");
            }
        }
        let protocol = &self.protocol;
        let held = [
            protocol.calls.len(),
            protocol.unsent.len(),
            protocol.registrations.len(),
            protocol.subscriptions.len(),
            usize::from(protocol.link.is_some()),
        ];
        assert_eq!(held, [0; 5], "something is held after the end");
    }
}

fn pick<T>(all: &[T], which: u8) -> Option<&T> {
    all.get(usize::from(which) % all.len().max(1))
}

fn id(number: u64) -> Id {
    Id::new(number).expect("it is not 0")
}

fn uri(which: u8) -> Uri {
    let name = ["a.b", "a.c", "b"][usize::from(which) % 3];
    Uri::new(name).expect("it is valid")
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::super::{Opening, Step};
    use super::*;

    /// Any message that a router may send while a session is opened.
    fn opening_message(what: u8) -> Message {
        let details = Dict::new();
        match what % 6 {
            0 | 1 => Message::Challenge {
                method: "ticket".to_string(),
                extra: details,
            },
            2 => Message::Welcome {
                session: id(1),
                details,
            },
            3 => Message::Abort {
                details,
                reason: uri(0),
                payload: Payload::empty(),
            },
            4 => Message::Goodbye {
                details,
                reason: uri(0),
            },
            _ => Message::Registered {
                request: id(1),
                registration: id(1),
            },
        }
    }

    /// A session that is open since `now`, with nothing else to do.
    fn open(now: Instant) -> Play {
        let mut play = Play::new(now);
        play.connect();
        play.perform();
        play
    }

    #[test]
    fn a_silent_router_is_cut_after_a_ping_and_not_because_this_program_slept() {
        let mut play = open(Instant::now());
        // As after a night with the lid closed.
        play.now += Duration::from_secs(8 * 3600);
        while play.protocol.pass_time(play.now) {}
        play.perform();
        assert!(play.protocol.is_connected(), "nobody has asked it");
        play.now += Duration::from_secs(4);
        while play.protocol.pass_time(play.now) {}
        play.perform();
        assert!(play.protocol.is_connected(), "it has a second left");
        play.now += Duration::from_secs(1);
        while play.protocol.pass_time(play.now) {}
        play.perform();
        assert!(!play.protocol.is_connected());
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(2000))]

        #[test]
        fn whatever_a_router_sends_first_one_proof_is_given_and_there_is_one_outcome(
            whats in prop::collection::vec(any::<u8>(), 0..20),
        ) {
            let mut opening = Opening::default();
            let (mut proofs, mut outcomes) = (0, 0);
            for what in whats {
                match opening.receive(opening_message(what)) {
                    Step::Prove(..) => {
                        prop_assert_eq!(outcomes, 0, "a proof after the end");
                        proofs += 1;
                    }
                    Step::Welcome(..) | Step::Refused(_) => outcomes += 1,
                    Step::Violation(_) => outcomes = outcomes.max(1),
                }
                prop_assert!(proofs <= 1 && outcomes <= 1);
            }
        }

        #[test]
        fn whatever_happens_each_promise_is_kept_once(bytes in prop::collection::vec(any::<u8>(), 0..240)) {
            // With a connection at first, or hardly anything would happen.
            play(&[&[0, 0, 0], bytes.as_slice()].concat());
        }
    }
}
