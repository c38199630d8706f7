//! The client's side of a session as a state machine: messages, requests and times go in; messages,
//! results and notices come out.
//!
//! Nothing here waits, reads a clock, draws a random number or touches a socket. The session's
//! threads hold it under a lock, tell it what has come and what time it is, and do what its
//! [`Output`]s say. So the tests can play every order of events.
//!
//! | module | holds |
//! |---|---|
//! | [`calls`] | calls on their way |
//! | [`connection`] | what belongs to one connection: its request ids and what their answers are for |
//! | `drive` | any order of events, played and checked (tests and fuzzing) |
//! | [`messages`] | what each message of the router does |
//! | [`opening`] | HELLO, CHALLENGE, WELCOME |
//! | [`output`] | what the protocol wants done |
//! | [`registrations`] | procedures, and the invocations of them |
//! | [`subscriptions`] | topics, their events, and publications |
//! | [`timer`] | what is to be done later |

mod calls;
mod connection;
#[cfg(any(test, fuzzing))]
pub mod drive;
mod messages;
mod opening;
mod output;
mod registrations;
mod subscriptions;
mod timer;

use std::collections::{BTreeMap, HashMap, HashSet, VecDeque};
use std::fmt;
use std::sync::Arc;
use std::time::{Duration, Instant};

use super::call::Promise;
use super::error::{Error, ErrorReply, shorten};
use super::options::SessionEvent;
use crate::messages::{Dict, Id, Message, Payload, Uri, known};

pub(super) use calls::NewCall;
use calls::PendingEntry;
pub(super) use connection::Disconnect;
use connection::{Link, Request};
pub(super) use opening::{Opening, Step, hello, no_proof};
pub(super) use output::{Delivery, EventHandler, Invoked, Output};
use registrations::RegistrationEntry;
pub(super) use registrations::refusal;
use subscriptions::SubscriptionEntry;
pub(super) use timer::Task;
use timer::Tasks;

/// How long after a reconnection an idempotent call is made again although nobody has the
/// procedure: its callee may be on its way to the new router as well.
const SETTLING_TIME: Duration = Duration::from_secs(5);

/// A session that lived so long was a good one: when it is lost, the next attempt to connect is
/// made at once. After a shorter one it waits, or a router that ends every session would be asked
/// for a thousand a second.
const GOOD_SESSION: Duration = Duration::from_secs(3);

/// A connection, as far as messages are put into it.
pub(super) trait Outgoing: Clone {
    /// Takes a message, and tells its size.
    ///
    /// # Errors
    ///
    /// When it cannot be written, or too much waits already; then nothing has been taken.
    fn put(&self, message: &Message) -> Result<usize, Error>;

    /// Takes a message that carries nothing of the user's, even where much waits already; where far
    /// too much does, the connection is ended.
    fn tell(&self, message: &Message);

    /// When a byte last moved that shows that the other side is there.
    fn last_sign_of_life(&self) -> Instant;

    /// The largest message without an answer that the other side need not have read by the time at
    /// which it answered this request (0 for none).
    fn largest_after(&self, answered: u64) -> usize;

    /// Asks the other side for a sign of life.
    fn ping(&self);
}

/// How long a silent router is borne, and an attempt to connect.
#[derive(Debug, Clone, Copy)]
pub(super) struct Timing {
    pub(super) ping_interval: Duration,
    pub(super) ping_timeout: Duration,
    pub(super) handshake_timeout: Duration,
}

/// Where the session is between its begin and its end.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Phase {
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

/// A session. `W` is a connection that messages are put into.
pub(super) struct Protocol<W> {
    phase: Phase,
    link: Option<Link<W>>,
    /// Counts attempts to connect: what was begun on another connection is over.
    epoch: u64,
    /// When the session was last opened.
    opened_at: Instant,
    /// When a session that had been open before was opened again.
    reopened: Option<Instant>,
    /// Attempts to connect that led to no good session, since the last that did.
    failures: u32,
    heard: Instant,
    last_key: u64,
    idempotent: HashSet<String>,
    timing: Timing,
    calls: HashMap<u64, PendingEntry>,
    /// Calls that wait for a connection, in their order.
    unsent: VecDeque<u64>,
    registrations: BTreeMap<u64, RegistrationEntry>,
    subscriptions: BTreeMap<u64, SubscriptionEntry>,
    tasks: Tasks,
    outputs: VecDeque<Output<W>>,
}

impl<W: Outgoing> Protocol<W> {
    pub(super) fn new(now: Instant, idempotent: HashSet<String>, timing: Timing) -> Self {
        Protocol {
            phase: Phase::Opening,
            link: None,
            epoch: 0,
            opened_at: now,
            reopened: None,
            failures: 0,
            heard: now,
            last_key: 0,
            idempotent,
            timing,
            calls: HashMap::new(),
            unsent: VecDeque::new(),
            registrations: BTreeMap::new(),
            subscriptions: BTreeMap::new(),
            tasks: Tasks::default(),
            outputs: VecDeque::new(),
        }
    }

    /// The next thing to do. Anyone who has put something in takes them all.
    pub(super) fn output(&mut self) -> Option<Output<W>> {
        self.outputs.pop_front()
    }

    /// The one thing to do, if it is to tell a waiting user a result: it needs no lock.
    pub(super) fn only_result(&mut self) -> Option<(Arc<Promise>, Result<Payload, Error>)> {
        if self.outputs.len() != 1 {
            return None;
        }
        match self.outputs.pop_front()? {
            Output::Finish(promise, result) => Some((promise, result)),
            other => {
                self.outputs.push_front(other);
                None
            }
        }
    }

    fn finish(&mut self, promise: Arc<Promise>, result: Result<Payload, Error>) {
        self.outputs.push_back(Output::Finish(promise, result));
    }

    fn notice(&mut self, event: SessionEvent) {
        self.outputs.push_back(Output::Notice(event));
    }

    fn key(&mut self) -> u64 {
        self.last_key += 1;
        self.last_key
    }

    // What the session's threads ask.

    pub(super) fn phase(&self) -> &Phase {
        &self.phase
    }

    /// Why the session is at its end, if it is.
    pub(super) fn closed(&self) -> Option<Error> {
        match &self.phase {
            Phase::Closed(error) => Some(error.clone()),
            _ => None,
        }
    }

    pub(super) fn is_connected(&self) -> bool {
        self.link.is_some()
    }

    pub(super) fn epoch(&self) -> u64 {
        self.epoch
    }

    /// The connection, what the router calls this session,
    /// its WELCOME, and which of the addresses it has.
    pub(super) fn connection(&self) -> Option<(&W, Id, &Dict, usize)> {
        let link = self.link.as_ref()?;
        Some((&link.wire, link.session, &link.details, link.address))
    }

    /// The connection, if something was put into it since this was asked last.
    pub(super) fn owes_flush(&mut self) -> Option<W> {
        let link = self.link.as_mut()?;
        std::mem::take(&mut link.unsent).then(|| link.wire.clone())
    }

    // The connection.

    /// An attempt to connect begins.
    pub(super) fn trying(&mut self, now: Instant) {
        self.epoch += 1;
        let at = now + self.timing.handshake_timeout;
        self.tasks.add(at, Task::Handshake(self.epoch));
    }

    /// A router said ABORT. Whether it may do better later. Where the session had been open before,
    /// it may: some routers do so while they start. At first, one that is full or being shut down
    /// may; a realm that was never there is more likely a name that is misspelt.
    pub(super) fn may_let_us_in_later(&self, error: &Error) -> bool {
        self.phase != Phase::Opening
            || matches!(error.uri(), known::UNAVAILABLE | known::SYSTEM_SHUTDOWN)
    }

    /// All addresses have been tried in vain.
    pub(super) fn round_failed(&mut self) {
        self.failures = self.failures.saturating_add(1);
    }

    /// How often in a row connecting has led to no good
    /// session; the next attempt waits the longer for it.
    pub(super) fn failures(&self) -> u32 {
        self.failures
    }

    /// A router said WELCOME. Tells whether the session had been open before.
    pub(super) fn opened(
        &mut self,
        now: Instant,
        wire: W,
        session: Id,
        details: Dict,
        address: usize,
    ) -> bool {
        let again = self.phase != Phase::Opening;
        if again {
            self.reopened = Some(now);
        } else {
            self.phase = Phase::Open;
        }
        self.link = Some(Link::new(wire, session, details, address));
        self.heard = now;
        self.opened_at = now;
        let at = now + self.timing.ping_interval;
        self.tasks.add(at, Task::Ping(self.epoch));
        // First what others wait for, then what waits for others.
        let registrations: Vec<u64> = self.registrations.keys().copied().collect();
        for key in registrations {
            self.send_register(key);
        }
        let subscriptions: Vec<u64> = self.subscriptions.keys().copied().collect();
        for key in subscriptions {
            self.send_subscribe(key);
        }
        for key in std::mem::take(&mut self.unsent) {
            self.send_call(now, key);
        }
        again
    }

    /// The connection is gone: what was sent on it and is not answered is told or made ready to be
    /// made again. `too_large`: the router ended it since a message was larger than it takes.
    pub(super) fn lost(&mut self, now: Instant, reason: &str, too_large: bool) {
        self.tasks.forget_connection();
        let Some(mut link) = self.link.take() else {
            return;
        };
        if now.saturating_duration_since(self.opened_at) >= GOOD_SESSION {
            self.failures = 0;
        } else {
            self.round_failed();
        }
        if too_large {
            for (request, size) in link.take_too_large() {
                let text = format!("the router takes no message of {size} bytes");
                let error = ErrorReply::new(known::PAYLOAD_SIZE_EXCEEDED, &text);
                self.answer_with_error(request, error);
            }
        }
        self.outputs.push_back(Output::BreakOff(link.wire));
        // Their callers hear from the router that the callee is gone.
        let tokens = link.invocations.into_values();
        self.outputs.extend(tokens.map(Output::Cancel));
        let mut again: Vec<u64> = Vec::new();
        for sent in link.requests.into_values() {
            match sent.what {
                Request::Call(key) => again.push(key),
                Request::Unregister(key, promise) => {
                    self.registrations.remove(&key);
                    self.finish(promise, Ok(Payload::empty()));
                }
                // The router forgets the subscriptions of a session that is gone.
                Request::Unsubscribe(promise) => self.finish(promise, Ok(Payload::empty())),
                Request::Publish(promise) => self.finish(promise, Err(Error::Lost)),
                Request::Register(_) | Request::Subscribe(_) => {}
            }
        }
        for entry in self.registrations.values_mut() {
            entry.live = None;
        }
        self.registrations.retain(|_, entry| !entry.leaving);
        for entry in self.subscriptions.values_mut() {
            entry.live = None;
        }
        self.calls_after_loss(again);
        if self.phase == Phase::Leaving {
            self.close(Error::Closed);
        } else {
            let reason = shorten(reason);
            self.notice(SessionEvent::Lost { reason });
        }
    }

    // The end.

    /// The user leaves; true when GOODBYE is on its way,
    /// and false when there is nothing to wait for.
    pub(super) fn leave(&mut self) -> bool {
        match self.phase {
            Phase::Opening => self.close(Error::Closed),
            Phase::Open => {
                self.phase = Phase::Leaving;
                let Some(link) = &mut self.link else {
                    self.close(Error::Closed);
                    return false;
                };
                link.goodbye_sent = true;
                link.tell(&goodbye(known::CLOSE_REALM));
                return true;
            }
            // Another thread is on it.
            Phase::Leaving | Phase::Closed(_) => {}
        }
        false
    }

    /// The session's end: everything that waits is told.
    pub(super) fn close(&mut self, error: Error) {
        if self.closed().is_some() {
            return;
        }
        self.phase = Phase::Closed(error.clone());
        if let Some(link) = self.link.take() {
            for token in link.invocations.into_values() {
                self.outputs.push_back(Output::Cancel(token));
            }
            for sent in link.requests.into_values() {
                match sent.what {
                    Request::Unregister(_, promise) | Request::Unsubscribe(promise) => {
                        self.finish(promise, Ok(Payload::empty()));
                    }
                    Request::Publish(promise) => self.finish(promise, Err(error.clone())),
                    Request::Call(_) | Request::Register(_) | Request::Subscribe(_) => {}
                }
            }
            self.outputs.push_back(Output::HangUp(link.wire));
        }
        self.outputs.push_back(Output::StopOpening);
        for (_, entry) in std::mem::take(&mut self.calls) {
            self.finish(entry.promise, Err(error.clone()));
        }
        self.unsent.clear();
        self.tasks = Tasks::default();
        let registrations = std::mem::take(&mut self.registrations).into_values();
        let subscriptions = std::mem::take(&mut self.subscriptions).into_values();
        let firsts = registrations
            .filter_map(|entry| entry.first)
            .chain(subscriptions.filter_map(|entry| entry.first));
        for first in firsts {
            self.finish(first, Err(error.clone()));
        }
        self.notice(SessionEvent::Ended { error });
        self.outputs.push_back(Output::Ended);
    }

    // Time.

    /// Puts a task off.
    pub(super) fn later(&mut self, at: Instant, task: Task) {
        self.tasks.add(at, task);
    }

    /// When there is something to do.
    pub(super) fn next_task(&self) -> Option<Instant> {
        self.tasks.next()
    }

    /// Does what is due; false when nothing is.
    pub(super) fn pass_time(&mut self, now: Instant) -> bool {
        let Some(task) = self.tasks.take_due(now) else {
            return false;
        };
        match task {
            Task::Call(key) => self.call_again(now, key),
            Task::Register(key) => {
                let waits = |entry: &RegistrationEntry| entry.live.is_none();
                if self.registrations.get(&key).is_some_and(waits) {
                    self.send_register(key);
                }
            }
            Task::Subscribe(key) => {
                let waits = |entry: &SubscriptionEntry| entry.live.is_none();
                if self.subscriptions.get(&key).is_some_and(waits) {
                    self.send_subscribe(key);
                }
            }
            Task::Handshake(epoch) if epoch == self.epoch => {
                self.outputs.push_back(Output::StopOpening);
                if self.phase == Phase::Leaving {
                    self.close(Error::Closed);
                }
            }
            Task::Ping(epoch) if epoch == self.epoch => self.ping(now),
            Task::Handshake(_) | Task::Ping(_) => {}
        }
        true
    }

    fn ping(&mut self, now: Instant) {
        let Some(link) = &mut self.link else { return };
        self.heard = self.heard.max(link.wire.last_sign_of_life());
        let Timing {
            ping_interval: interval,
            ping_timeout: timeout,
            ..
        } = self.timing;
        // The time counts from the ping, and not from the
        // silence: this program may have been stopped, or busy.
        let pinged = link.pinged.filter(|pinged| *pinged > self.heard);
        let at = match pinged {
            Some(pinged) if now.saturating_duration_since(pinged) >= timeout => {
                // The reader fails now, and says that the connection is lost.
                self.outputs.push_back(Output::BreakOff(link.wire.clone()));
                return;
            }
            Some(pinged) => pinged + timeout,
            None if now.saturating_duration_since(self.heard) >= interval => {
                link.wire.ping();
                link.pinged = Some(now);
                now + timeout
            }
            None => self.heard + interval,
        };
        self.tasks.add(at, Task::Ping(self.epoch));
    }
}

/// Why the router took something away. A reason that is not a URI is none.
fn revoked_for(details: &Dict, otherwise: &str) -> String {
    let reason = details.str("reason").map(shorten);
    let reason = reason.filter(|reason| Uri::new(reason).is_some());
    reason.unwrap_or_else(|| otherwise.to_string())
}

fn goodbye(reason: &str) -> Message {
    Message::Goodbye {
        details: Dict::new(),
        reason: Uri::new(reason).expect("the specification's URIs are valid"),
    }
}
