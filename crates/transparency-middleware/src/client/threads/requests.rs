//! What the user asks of a session: it is told to the protocol, and its answer is waited for.

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use super::super::call::{Call, Control, PendingCall, Promise};
use super::super::error::Error;
use super::super::procedure::Procedure;
use super::super::protocol::{EventHandler, NewCall, Phase, Task};
use super::super::pubsub::{Publication, Topic};
use super::lock::wait;
use super::{Core, FAREWELL_TIMEOUT, GOODBYE_TIMEOUT, State};
use crate::messages::{CancelMode, Id, Uri};

impl Core {
    pub(in super::super) fn wait_until_open(&self) -> Result<(), Error> {
        let mut state = self.lock();
        loop {
            match state.protocol.phase() {
                Phase::Opening => state = wait(&self.changed, state, None),
                Phase::Closed(error) => return Err(error.clone()),
                Phase::Open | Phase::Leaving => return Ok(()),
            }
        }
    }

    pub(in super::super) fn wait_closed(&self) -> Error {
        let mut state = self.lock();
        loop {
            if let Some(error) = state.protocol.closed() {
                return error;
            }
            state = wait(&self.changed, state, None);
        }
    }

    pub(in super::super) fn call(self: &Arc<Self>, call: Call) -> Result<PendingCall, Error> {
        let procedure = Uri::new(&call.procedure).ok_or(Error::InvalidUri(call.procedure))?;
        let payload = call.payload.to_format(self.config.format)?;
        let now = Instant::now();
        let deadline = now + call.timeout.unwrap_or(self.config.call_timeout);
        let promise = Arc::new(Promise::default());
        let new = NewCall {
            procedure,
            options: call.options,
            payload,
            deadline,
            idempotent: call.idempotent,
            promise: Arc::clone(&promise),
        };
        let mut state = self.lock();
        let (key, idempotent) = state.protocol.call(now, new)?;
        self.perform(&mut state);
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

    /// Registers a procedure; tells its key.
    pub(in super::super) fn register(self: &Arc<Self>, procedure: Procedure) -> Result<u64, Error> {
        let uri = procedure.parsed_uri()?;
        let first = Arc::new(Promise::default());
        let deadline = Instant::now() + self.config.call_timeout;
        let mut state = self.lock();
        let key = state
            .protocol
            .register(procedure, uri, Arc::clone(&first))?;
        self.perform(&mut state);
        drop(state);
        first.wait_until(deadline).inspect_err(|_| {
            self.lock().protocol.forget_registration(key);
        })?;
        Ok(key)
    }

    pub(in super::super) fn unregister(&self, key: u64, deadline: Instant) -> Result<(), Error> {
        let promise = Arc::new(Promise::default());
        let sent = self.lock().protocol.unregister(key, &promise)?;
        if sent {
            promise.wait_until(deadline)?;
        }
        Ok(())
    }

    /// Subscribes to a topic; tells the subscription's key.
    pub(in super::super) fn subscribe(
        self: &Arc<Self>,
        topic: Topic,
        handler: EventHandler,
    ) -> Result<u64, Error> {
        let uri = topic.parsed_uri()?;
        let first = Arc::new(Promise::default());
        let deadline = Instant::now() + self.config.call_timeout;
        let mut state = self.lock();
        let key = state
            .protocol
            .subscribe(topic, uri, handler, Arc::clone(&first))?;
        self.perform(&mut state);
        drop(state);
        first.wait_until(deadline).inspect_err(|_| {
            self.lock().protocol.forget_subscription(key);
        })?;
        Ok(key)
    }

    pub(in super::super) fn unsubscribe(&self, key: u64) -> Result<(), Error> {
        let promise = Arc::new(Promise::default());
        let (wanted, sent) = self.lock().protocol.unsubscribe(key, &promise);
        if let Some(wanted) = wanted {
            wanted.store(false, Ordering::Release);
        }
        if sent? {
            promise.wait_until(Instant::now() + self.config.call_timeout)?;
        }
        Ok(())
    }

    pub(in super::super) fn publish(&self, publication: Publication) -> Result<Option<Id>, Error> {
        let topic = Uri::new(&publication.topic).ok_or(Error::InvalidUri(publication.topic))?;
        let payload = publication.payload.to_format(self.config.format)?;
        let options = publication.options;
        let acknowledged = options.flag("acknowledge");
        let deadline = Instant::now() + self.config.call_timeout;
        let promise = Arc::new(Promise::default());
        let mut state = self.lock();
        while !state.protocol.is_connected() {
            if let Some(error) = state.protocol.closed() {
                return Err(error);
            }
            if Instant::now() >= deadline {
                return Err(Error::Timeout { sent: false });
            }
            state = wait(&self.changed, state, Some(deadline));
        }
        state.protocol.publish(topic, options, payload, &promise)?;
        drop(state);
        if !acknowledged {
            return Ok(None);
        }
        promise.wait_until(deadline)?;
        Ok(promise.id())
    }

    /// Shuts the session down gracefully.
    pub(in super::super) fn drain(self: &Arc<Self>, limit: Duration) -> Result<(), Error> {
        let deadline = Instant::now() + limit;
        let keys = self.lock().protocol.registrations();
        for key in keys {
            // Whatever the router answers, the session is going to leave.
            let _answer = self.unregister(key, deadline);
        }
        let mut state = self.lock();
        while !state.protocol.is_idle() && Instant::now() < deadline {
            state = wait(&self.changed, state, Some(deadline));
        }
        let in_time = state.protocol.is_idle();
        drop(state);
        self.leave();
        match in_time {
            true => Ok(()),
            false => Err(Error::Timeout { sent: true }),
        }
    }

    /// Says GOODBYE and waits for the router's.
    pub(in super::super) fn leave(self: &Arc<Self>) {
        let mut state = self.lock();
        if !self.says_goodbye(&mut state) {
            return;
        }
        let deadline = Instant::now() + GOODBYE_TIMEOUT;
        while state.protocol.is_connected() && Instant::now() < deadline {
            state = wait(&self.changed, state, Some(deadline));
        }
        state.protocol.close(Error::Closed);
        self.perform(&mut state);
    }

    /// Says GOODBYE. The reader ends the session when the router
    /// answers; the keeper of the time, when it does not.
    pub(in super::super) fn leave_without_waiting(self: &Arc<Self>) {
        let mut state = self.lock();
        if !self.says_goodbye(&mut state) {
            return;
        }
        let task = Task::Handshake(state.protocol.epoch());
        let at = Instant::now() + GOODBYE_TIMEOUT;
        state.protocol.later(at, task);
        let sender = state.protocol.connection().map(|(wire, ..)| wire.clone());
        drop(state);
        // The program may end now, and its threads with it.
        if let Some(sender) = sender {
            sender.written(Instant::now() + FAREWELL_TIMEOUT);
        }
    }

    fn says_goodbye(self: &Arc<Self>, state: &mut State) -> bool {
        let said = state.protocol.leave();
        self.perform(state);
        self.changed.notify_all();
        self.later.notify_all();
        said
    }

    pub(super) fn close(self: &Arc<Self>, error: Error) {
        let mut state = self.lock();
        state.protocol.close(error);
        self.perform(&mut state);
    }
}

struct RemoteControl {
    core: Arc<Core>,
    key: u64,
}

impl Control for RemoteControl {
    fn give_up(&self, mode: CancelMode, error: Error) {
        let mut state = self.core.lock();
        state.protocol.give_up(self.key, mode, error);
        self.core.perform(&mut state);
    }

    fn try_again(&self) {
        let mut state = self.core.lock();
        state.protocol.try_again(Instant::now(), self.key);
        self.core.perform(&mut state);
    }

    fn timed_out(&self) -> Error {
        let sent = self.core.lock().protocol.was_sent(self.key);
        Error::Timeout { sent }
    }
}
