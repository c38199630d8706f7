//! Calls on their way: sent, answered, made again, given up.

use std::sync::Arc;
use std::time::Instant;

use super::super::call::Promise;
use super::super::error::{Error, ErrorReply};
use super::connection::Request;
use super::timer::Task;
use super::{Outgoing, Output, Protocol, SETTLING_TIME};
use crate::messages::{CancelMode, Dict, Id, Message, Payload, Uri, known};

/// A call as its user makes it.
pub(in super::super) struct NewCall {
    pub(in super::super) procedure: Uri,
    pub(in super::super) options: Dict,
    pub(in super::super) payload: Payload,
    pub(in super::super) deadline: Instant,
    /// Whether it may be made twice; else as the session says of its procedure.
    pub(in super::super) idempotent: Option<bool>,
    pub(in super::super) promise: Arc<Promise>,
}

pub(super) struct PendingEntry {
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
    pub(super) promise: Arc<Promise>,
}

#[cfg(any(test, fuzzing))]
impl PendingEntry {
    pub(super) fn request(&self) -> Option<Id> {
        self.request
    }
}

impl<W: Outgoing> Protocol<W> {
    /// Makes a call; tells its key, and whether it may be made twice.
    ///
    /// # Errors
    ///
    /// When the session is at its end.
    pub(in super::super) fn call(
        &mut self,
        now: Instant,
        call: NewCall,
    ) -> Result<(u64, bool), Error> {
        if let Some(error) = self.closed() {
            return Err(error);
        }
        let key = self.key();
        let declared = self.idempotent.contains(call.procedure.as_str());
        let idempotent = call.idempotent.unwrap_or(declared);
        self.calls.insert(
            key,
            PendingEntry {
                procedure: call.procedure,
                options: call.options,
                payload: call.payload,
                deadline: call.deadline,
                idempotent,
                request: None,
                attempts: 0,
                cancelled: false,
                promise: call.promise,
            },
        );
        self.send_call(now, key);
        Ok((key, idempotent))
    }

    /// Sends a call, or leaves it for the next connection.
    pub(super) fn send_call(&mut self, now: Instant, key: u64) {
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
        if link.offers("dealer", "call_timeout") {
            let left = entry.deadline.saturating_duration_since(now);
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
            Err(error) => self.end_call(key, Err(error)),
        }
    }

    /// A call that waits for its next attempt.
    pub(super) fn call_again(&mut self, now: Instant, key: u64) {
        let waits = |entry: &PendingEntry| entry.request.is_none() && !entry.cancelled;
        if self.calls.get(&key).is_some_and(waits) {
            self.send_call(now, key);
        }
    }

    pub(super) fn end_call(&mut self, key: u64, result: Result<Payload, Error>) {
        if let Some(entry) = self.calls.remove(&key) {
            self.finish(entry.promise, result);
        }
    }

    /// Takes back an attempt at a call, and has its callee interrupted.
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

    /// RESULT.
    pub(super) fn result(&mut self, request: Id, details: &Dict, payload: Payload) {
        // One that comes after its call was given up has no entry any more.
        let Some(link) = &mut self.link else { return };
        let Some(Request::Call(key)) = link.requests.get(&request).map(|sent| &sent.what) else {
            return;
        };
        let key = *key;
        link.has_read(request);
        if details.flag("progress") {
            if let Some(entry) = self.calls.get(&key) {
                let promise = Arc::clone(&entry.promise);
                self.outputs
                    .push_back(Output::Partial(key, promise, payload));
            }
            return;
        }
        link.requests.remove(&request);
        self.end_call(key, Ok(payload));
    }

    /// More partial results of a call wait than its caller reads.
    pub(in super::super) fn overrun(&mut self, key: u64) {
        let request = self.calls.get(&key).and_then(|entry| entry.request);
        self.end_call(key, Err(Error::Overrun));
        if let Some(request) = request {
            self.withdraw(request, CancelMode::KillNoWait);
        }
    }

    /// ERROR for a call.
    pub(super) fn call_failed(&mut self, now: Instant, key: u64, error: ErrorReply) {
        let Some(entry) = self.calls.get_mut(&key) else {
            return;
        };
        entry.request = None;
        let settling = self
            .reopened
            .is_some_and(|reopened| now.saturating_duration_since(reopened) < SETTLING_TIME);
        let again = error.is_cancelled() || (settling && error.uri() == known::NO_SUCH_PROCEDURE);
        if !entry.idempotent || entry.cancelled || !again {
            self.end_call(key, Err(Error::Reply(error)));
        } else if entry.attempts <= 1 && error.is_cancelled() {
            // At once the first time: most often another callee is on standby.
            self.send_call(now, key);
        } else {
            let attempts = entry.attempts;
            self.outputs
                .push_back(Output::Retry(Task::Call(key), attempts));
        }
    }

    /// The connection of these calls is gone.
    pub(super) fn calls_after_loss(&mut self, mut keys: Vec<u64>) {
        // In the order in which they were made.
        keys.sort_unstable();
        for key in keys {
            let Some(entry) = self.calls.get_mut(&key) else {
                continue;
            };
            entry.request = None;
            if entry.cancelled {
                self.end_call(key, Err(Error::Cancelled));
            } else if entry.idempotent {
                self.unsent.push_back(key);
            } else {
                self.end_call(key, Err(Error::Lost));
            }
        }
    }

    /// The caller gives a call up, because of this error.
    pub(in super::super) fn give_up(&mut self, key: u64, mode: CancelMode, error: Error) {
        let Some(entry) = self.calls.get_mut(&key) else {
            return;
        };
        entry.cancelled = true;
        let request = entry.request;
        // With `kill` the callee's answer is waited for, if there is one to come.
        if mode != CancelMode::Kill || request.is_none() {
            self.end_call(key, Err(error));
            self.unsent.retain(|unsent| *unsent != key);
        }
        if let Some(request) = request {
            self.withdraw(request, mode);
        }
    }

    /// An attempt at a call has taken too long: makes another one.
    pub(in super::super) fn try_again(&mut self, now: Instant, key: u64) {
        let Some(entry) = self.calls.get_mut(&key) else {
            return;
        };
        // After `kill` the caller wants the answer of this callee, and no other one's.
        if entry.cancelled {
            return;
        }
        if let Some(request) = entry.request.take() {
            self.withdraw(request, CancelMode::KillNoWait);
            self.send_call(now, key);
        }
    }

    /// Whether a call has been on the wire. One that is over has.
    pub(in super::super) fn was_sent(&self, key: u64) -> bool {
        self.calls.get(&key).is_none_or(|entry| entry.attempts > 0)
    }
}
