//! Plays any order of events on the protocol, and checks after each what has to hold. The property test and the fuzz target
//! `client` share it.
//!
//! - No promise is kept twice, and when the session is at its end each has been kept once.
//! - Requests have the ids 1, 2, 3, … on each connection.
//! - A call is on its way, or something will send it. One on its way knows its request, and the request knows its call.
//! - An answer to a request that was never made breaks the protocol. One of the wrong kind takes nothing away, but for ERROR.
//! - After the end nothing is held, and nothing comes out any more.
//!
//! One file, since every event is an arm of one game.

use std::cell::RefCell;
use std::collections::{BTreeMap, HashSet};
use std::rc::Rc;
use std::sync::Arc;
use std::time::{Duration, Instant};

use super::connection::Request;
use super::{Disconnect, NewCall, Outgoing, Output, Phase, Protocol, Task, Timing};
use crate::client::call::Promise;
use crate::client::error::Error;
use crate::client::procedure::Procedure;
use crate::client::pubsub::Topic;
use crate::messages::{CancelMode, Dict, Id, Message, Payload, RequestKind, Uri, known};

/// A connection that keeps what is put in.
#[derive(Clone, Default)]
struct Recorder(Rc<RefCell<Recorded>>);

#[derive(Default)]
struct Recorded {
    requests: u64,
    /// Nothing more fits in.
    full: bool,
    broken: bool,
}

impl Outgoing for Recorder {
    fn put(&self, message: &Message) -> Result<(), Error> {
        let mut recorded = self.0.borrow_mut();
        if recorded.full {
            return Err(Error::Overrun);
        }
        if let Some(id) = request_id(message) {
            recorded.requests += 1;
            assert_eq!(id.get(), recorded.requests, "a request id was left out");
        }
        Ok(())
    }

    fn tell(&self, message: &Message) {
        assert_eq!(request_id(message), None, "a request was put in by force");
    }

    fn ping(&self) {}
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
}

/// Plays the events that these bytes stand for: three bytes an event.
///
/// # Panics
///
/// When something does not hold.
pub fn play(bytes: &[u8]) {
    let now = Instant::now();
    let timing = Timing {
        ping_interval: Duration::from_secs(10),
        ping_timeout: Duration::from_secs(5),
        handshake_timeout: Duration::from_secs(3),
    };
    let idempotent = HashSet::from(["a.b".to_string()]);
    let mut play = Play {
        protocol: Protocol::new(now, idempotent, timing),
        now,
        wire: Recorder::default(),
        promises: BTreeMap::new(),
        forgotten: HashSet::new(),
        calls: Vec::new(),
        registrations: Vec::new(),
        subscriptions: Vec::new(),
        running: Vec::new(),
        ended: 0,
        overruns: false,
    };
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
    fn event(&mut self, what: u8, one: u8, two: u8) {
        let connected = self.protocol.is_connected();
        match what % 24 {
            0 if !connected && self.protocol.closed().is_none() => self.connect(),
            1 => self.protocol.lost("the cable"),
            2 => {
                self.now += Duration::from_millis(u64::from(one) * 100);
                while self.protocol.pass_time(self.now) {
                    self.perform();
                }
            }
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
        self.wire = Recorder::default();
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
            self.protocol.lost("the router");
        }
    }

    /// Whether a message answers a request of its kind; `None` for one that answers nothing, or may come late.
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
            _ => return None,
        };
        Some(requests.get(request).is_some_and(kind))
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
                    }
                }
                Output::Deliver(key, _) => {
                    if self.overruns {
                        self.protocol.event_lost(key);
                    }
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
        // Whoever reads a connection that was broken off fails.
        if self.protocol.is_connected() && self.wire.0.borrow().broken {
            self.protocol.lost("broken off");
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
            if let Request::Call(key) = request {
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

    use super::play;

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(2000))]

        #[test]
        fn whatever_happens_each_promise_is_kept_once(bytes in prop::collection::vec(any::<u8>(), 0..240)) {
            // With a connection at first, or hardly anything would happen.
            play(&[&[0, 0, 0], bytes.as_slice()].concat());
        }
    }
}
