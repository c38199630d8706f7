//! A call on its way: what it asks for, and where its answer arrives.

use std::collections::VecDeque;
use std::fmt;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use serde::Serialize;
use serde::de::DeserializeOwned;

use labnet::lock;

use super::arguments::read_result;
use super::error::Error;
use crate::memory::Charge;
use crate::messages::{CancelMode, Dict, Format, Id, Payload};

/// How many partial results may wait to be read. A callee that
/// sends faster than its caller reads would fill the memory.
const MAX_PARTIAL: usize = 4096;

/// A call with all that can be said about it.
///
/// ```
/// use std::time::Duration;
/// use transparency_middleware::client::{Call, Caller, Local, Procedure};
///
/// let here = Local::new();
/// let greet = |(name,): (String,)| Ok(format!("Hello {name}"));
/// here.register(Procedure::new("org.example.greet", greet))?;
///
/// let call = Call::with_args(&here, "org.example.greet", &("world",))?
///     .timeout(Duration::from_secs(1))
///     .idempotent(true);
/// let greeting = here.start(call)?.wait()?;
/// assert_eq!(greeting.args::<(String,)>()?.0, "Hello world");
/// # Ok::<(), transparency_middleware::client::Error>(())
/// ```
#[derive(Debug, Clone)]
pub struct Call {
    pub(super) procedure: String,
    pub(super) payload: Payload,
    pub(super) options: Dict,
    pub(super) timeout: Option<Duration>,
    pub(super) attempt_timeout: Option<Duration>,
    pub(super) idempotent: Option<bool>,
}

impl Call {
    /// A call with arguments of any kind.
    pub fn new(procedure: &str, payload: Payload) -> Self {
        Call {
            procedure: procedure.to_string(),
            payload,
            options: Dict::new(),
            timeout: None,
            attempt_timeout: None,
            idempotent: None,
        }
    }

    /// A call with positional arguments, in the serialization of the caller that will make it.
    ///
    /// # Errors
    ///
    /// When the arguments are not a list, or cannot be written.
    pub fn with_args<A: Serialize + ?Sized>(
        caller: &(impl Caller + ?Sized),
        procedure: &str,
        args: &A,
    ) -> Result<Self, Error> {
        Ok(Call::new(procedure, Payload::new(caller.format(), args)?))
    }

    /// How long the call may take; else as long as the session says.
    #[must_use]
    pub fn timeout(mut self, limit: Duration) -> Self {
        self.timeout = Some(limit);
        self
    }

    /// How long an attempt may take: see
    /// [`Builder::attempt_timeout`](super::Builder::attempt_timeout).
    #[must_use]
    pub fn attempt_timeout(mut self, limit: Duration) -> Self {
        self.attempt_timeout = Some(limit);
        self
    }

    /// Declares this call idempotent or not: see
    /// [`Builder::idempotent`](super::Builder::idempotent).
    #[must_use]
    pub fn idempotent(mut self, idempotent: bool) -> Self {
        self.idempotent = Some(idempotent);
        self
    }

    /// Takes partial results: see [`PendingCall::partial`].
    #[must_use]
    pub fn receive_progress(mut self) -> Self {
        self.options.insert("receive_progress", true);
        self
    }

    /// Lets the callee know who calls.
    #[must_use]
    pub fn disclose_me(mut self) -> Self {
        self.options.insert("disclose_me", true);
        self
    }
}

/// Anyone who can call a procedure by name: a [`Session`](super::Session), or
/// [`Local`](super::Local) for those in the same process. Code that takes a `&dyn Caller` does not
/// know which, and need not.
pub trait Caller: Send + Sync {
    /// Sends the call and returns at once.
    ///
    /// # Errors
    ///
    /// When the call cannot be sent at all.
    fn start(&self, call: Call) -> Result<PendingCall, Error>;

    /// The serialization that arguments are best written in.
    fn format(&self) -> Format;
}

impl dyn Caller + '_ {
    /// Calls a procedure and waits for its result.
    ///
    /// # Errors
    ///
    /// See [`Error`].
    pub fn call<R: DeserializeOwned>(
        &self,
        procedure: &str,
        args: &(impl Serialize + ?Sized),
    ) -> Result<R, Error> {
        call(self, procedure, args)
    }
}

pub(super) fn call<R: DeserializeOwned>(
    caller: &(impl Caller + ?Sized),
    procedure: &str,
    args: &(impl Serialize + ?Sized),
) -> Result<R, Error> {
    let call = Call::with_args(caller, procedure, args)?;
    let result = caller.start(call)?.wait()?;
    Ok(read_result(&result)?)
}

/// Where a call's answers arrive.
#[derive(Default)]
pub(super) struct Promise {
    state: Mutex<SlotState>,
    changed: Condvar,
}

#[derive(Default)]
struct SlotState {
    /// Each with the bytes that it takes of the session's.
    partial: VecDeque<(Payload, Option<Charge>)>,
    result: Option<Result<Payload, Error>>,
    id: Option<Id>,
}

impl Promise {
    fn lock(&self) -> MutexGuard<'_, SlotState> {
        lock(&self.state)
    }

    /// The call's end. Only the first one counts.
    pub(super) fn finish(&self, result: Result<Payload, Error>) {
        let mut state = self.lock();
        if state.result.is_none() {
            state.result = Some(result);
            drop(state);
            self.changed.notify_all();
        }
    }

    /// A partial result; false when too many wait.
    pub(super) fn partial(&self, mut payload: Payload, held: Option<Charge>) -> bool {
        let mut state = self.lock();
        if state.partial.len() >= MAX_PARTIAL {
            return false;
        }
        payload.compact();
        state.partial.push_back((payload, held));
        drop(state);
        self.changed.notify_all();
        true
    }

    /// The end of an acknowledged publication.
    pub(super) fn finish_with_id(&self, id: Id) {
        let mut state = self.lock();
        state.id = Some(id);
        state.result = Some(Ok(Payload::empty()));
        drop(state);
        self.changed.notify_all();
    }

    pub(super) fn id(&self) -> Option<Id> {
        self.lock().id
    }

    /// Waits for a result that carries nothing.
    pub(super) fn wait_until(&self, deadline: Instant) -> Result<(), Error> {
        let mut state = self.lock();
        loop {
            if let Some(result) = &state.result {
                return result.clone().map(|_| ());
            }
            let left = deadline.saturating_duration_since(Instant::now());
            if left.is_zero() {
                return Err(Error::Timeout { sent: true });
            }
            state = self
                .changed
                .wait_timeout(state, left)
                .unwrap_or_else(PoisonError::into_inner)
                .0;
        }
    }

    pub(super) fn is_finished(&self) -> bool {
        self.lock().result.is_some()
    }
}

/// What carries a call out, as far as the one who waits has to do with it.
pub(super) trait Control: Send + Sync {
    /// The caller gives the call up, because of this error.
    fn give_up(&self, mode: CancelMode, error: Error);
    /// An attempt has taken too long: make another one.
    fn try_again(&self);
    /// The error for a deadline that has passed.
    fn timed_out(&self) -> Error;
}

/// A call that has been started. Dropped, it is cancelled.
pub struct PendingCall {
    pub(super) promise: Arc<Promise>,
    pub(super) control: Arc<dyn Control>,
    pub(super) deadline: Instant,
    pub(super) attempt_timeout: Option<Duration>,
    pub(super) attempt_ends: Option<Instant>,
}

impl PendingCall {
    /// Waits for the result.
    ///
    /// # Errors
    ///
    /// See [`Error`]; [`Error::Timeout`] when the call's deadline passes first.
    pub fn wait(mut self) -> Result<Payload, Error> {
        loop {
            // Partial results that nobody asked for are passed over.
            if self.next()?.is_none() {
                return self.take();
            }
        }
    }

    /// Waits for the result as a value: no argument as `()`, one as itself, several as a tuple.
    ///
    /// # Errors
    ///
    /// As [`PendingCall::wait`]; and when the result is of another type.
    pub fn result<R: DeserializeOwned>(self) -> Result<R, Error> {
        Ok(read_result(&self.wait()?)?)
    }

    /// Waits for the next partial result; `None` when the last one has been read and the result
    /// itself, or an error, is there: [`PendingCall::wait`] gives it.
    ///
    /// # Errors
    ///
    /// [`Error::Timeout`] when the call's deadline passes first.
    pub fn partial(&mut self) -> Result<Option<Payload>, Error> {
        self.next()
    }

    /// Cancels the call and forgets it; its callee is interrupted. The same as to drop it.
    pub fn cancel(self) {
        drop(self);
    }

    /// Gives the call up and lets its callee go on: it is not interrupted, and its answer is
    /// dropped. (Crossbar 26.10 takes this for [`PendingCall::cancel`].)
    pub fn skip(self) {
        self.control.give_up(CancelMode::Skip, Error::Cancelled);
    }

    /// Has the callee interrupted and waits for what it answers to that.
    ///
    /// # Errors
    ///
    /// As [`PendingCall::wait`]; most callees answer with `wamp.error.canceled`.
    pub fn interrupt(self) -> Result<Payload, Error> {
        self.control.give_up(CancelMode::Kill, Error::Cancelled);
        self.wait()
    }

    fn take(&mut self) -> Result<Payload, Error> {
        let result = self.promise.lock().result.clone();
        result.unwrap_or(Err(Error::Closed))
    }

    fn next(&mut self) -> Result<Option<Payload>, Error> {
        let mut state = self.promise.lock();
        loop {
            if let Some((payload, _given_back)) = state.partial.pop_front() {
                return Ok(Some(payload));
            }
            if state.result.is_some() {
                return Ok(None);
            }
            let until = self
                .attempt_ends
                .map_or(self.deadline, |end| end.min(self.deadline));
            let now = Instant::now();
            if now < until {
                state = self
                    .promise
                    .changed
                    .wait_timeout(state, until - now)
                    .unwrap_or_else(PoisonError::into_inner)
                    .0;
                continue;
            }
            drop(state);
            if now < self.deadline {
                self.control.try_again();
                self.attempt_ends = self.attempt_timeout.map(|limit| now + limit);
            } else {
                let error = self.control.timed_out();
                self.control.give_up(CancelMode::KillNoWait, error.clone());
                self.promise.finish(Err(error));
            }
            state = self.promise.lock();
        }
    }
}

impl Drop for PendingCall {
    fn drop(&mut self) {
        if !self.promise.is_finished() {
            self.control
                .give_up(CancelMode::KillNoWait, Error::Cancelled);
        }
    }
}

impl fmt::Debug for PendingCall {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "PendingCall(finished: {})", self.promise.is_finished())
    }
}
