//! Procedures: what a callee offers, wherever its callers are.

use std::fmt;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use serde::Serialize;
use serde::de::DeserializeOwned;

use labnet::lock;

use super::arguments::{read_args, write_result};
use super::error::{Error, ErrorReply};
use crate::messages::{Dict, Format, Id, Invoke, Match, Payload, PayloadError, Uri};

type Handler = dyn Fn(&Invocation) -> Result<Payload, ErrorReply> + Send + Sync;

/// A procedure: a URI and what is done when it is called.
///
/// The same value can be offered to a router ([`Session::register`](super::Session::register)) and
/// to callers in the same process ([`Local::register`](super::Local::register)).
///
/// ```
/// use transparency_middleware::client::{ErrorReply, Local, Procedure};
///
/// let divide = Procedure::new("org.example.divide", |(a, b): (f64, f64)| {
///     if b == 0.0 {
///         return Err(ErrorReply::new("org.example.error.division_by_zero", "b is 0"));
///     }
///     Ok(a / b)
/// });
///
/// let here = Local::new();
/// here.register(divide)?;
/// assert_eq!(here.call::<f64>("org.example.divide", &(1, 4))?, 0.25);
/// # Ok::<(), transparency_middleware::client::Error>(())
/// ```
#[derive(Clone)]
pub struct Procedure {
    uri: String,
    matching: Match,
    options: Dict,
    handler: Arc<Handler>,
}

impl Procedure {
    /// A procedure that takes a tuple (or another list) of arguments and gives a value.
    ///
    /// Arguments of other types are answered with `wamp.error.invalid_argument`.
    pub fn new<A, R>(
        uri: &str,
        handler: impl Fn(A) -> Result<R, ErrorReply> + Send + Sync + 'static,
    ) -> Self
    where
        A: DeserializeOwned,
        R: Serialize,
    {
        Self::with_invocation(uri, move |invocation| {
            let result = handler(invocation.args()?)?;
            Ok(invocation.result(&result)?)
        })
    }

    /// A procedure that sees the whole invocation: keyword arguments, who calls, partial results,
    /// whether the caller has cancelled.
    pub fn with_invocation(
        uri: &str,
        handler: impl Fn(&Invocation) -> Result<Payload, ErrorReply> + Send + Sync + 'static,
    ) -> Self {
        Procedure {
            uri: uri.to_string(),
            matching: Match::Exact,
            options: Dict::new(),
            handler: Arc::new(handler),
        }
    }

    /// Shares the procedure with other callees that say the same (shared registration).
    #[must_use]
    pub fn invoke(mut self, policy: Invoke) -> Self {
        self.options.insert("invoke", policy.word());
        self
    }

    /// Takes calls to all URIs that match (pattern-based registration).
    #[must_use]
    pub fn matching(mut self, matching: Match) -> Self {
        self.matching = matching;
        self.options.insert("match", matching.word());
        self
    }

    /// Wants to know who calls: see [`Invocation::caller`].
    #[must_use]
    pub fn disclose_caller(mut self) -> Self {
        self.options.insert("disclose_caller", true);
        self
    }

    /// The URI, or the pattern.
    pub fn uri(&self) -> &str {
        &self.uri
    }

    pub(super) fn parsed_uri(&self) -> Result<Uri, Error> {
        Uri::pattern(&self.uri, self.matching).ok_or_else(|| Error::InvalidUri(self.uri.clone()))
    }

    pub(super) fn matches(&self) -> Match {
        self.matching
    }

    pub(super) fn options(&self) -> &Dict {
        &self.options
    }

    /// Runs the handler. One that panics answers with an error, as an exception does elsewhere.
    pub(super) fn run(&self, invocation: &Invocation) -> Result<Payload, ErrorReply> {
        let caught = catch_unwind(AssertUnwindSafe(|| (self.handler)(invocation)));
        caught.unwrap_or_else(|_| {
            let text = format!("the procedure {} has failed inside", self.uri);
            Err(ErrorReply::new(ErrorReply::RUNTIME_ERROR, &text))
        })
    }
}

impl fmt::Debug for Procedure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Procedure({:?}, {:?})", self.uri, self.options)
    }
}

/// Where partial results go.
pub(super) trait Progress: Send + Sync {
    fn progress(&self, payload: Payload) -> Result<(), Error>;
}

/// Whether the caller still wants the result.
#[derive(Default)]
pub(super) struct CancelToken {
    cancelled: Mutex<bool>,
    changed: Condvar,
}

impl CancelToken {
    pub(super) fn cancel(&self) {
        *self.lock() = true;
        self.changed.notify_all();
    }

    fn lock(&self) -> MutexGuard<'_, bool> {
        lock(&self.cancelled)
    }
}

/// One call as its callee sees it.
pub struct Invocation {
    pub(super) procedure: Uri,
    pub(super) details: Dict,
    pub(super) payload: Payload,
    pub(super) format: Format,
    pub(super) cancel_token: Arc<CancelToken>,
    pub(super) progress: Box<dyn Progress>,
}

impl Invocation {
    /// The URI that was called: with a pattern, which one.
    pub fn procedure(&self) -> &str {
        self.procedure.as_str()
    }

    /// The positional arguments, as a tuple or another list.
    ///
    /// # Errors
    ///
    /// When they are not what `A` takes.
    pub fn args<A: DeserializeOwned>(&self) -> Result<A, PayloadError> {
        read_args(&self.payload)
    }

    /// The keyword arguments, as a struct or a map.
    ///
    /// # Errors
    ///
    /// When they are not what `K` takes.
    pub fn kwargs<K: DeserializeOwned>(&self) -> Result<K, PayloadError> {
        self.payload.kwargs()
    }

    /// The arguments as they came.
    pub fn payload(&self) -> &Payload {
        &self.payload
    }

    /// A value as this invocation's result.
    ///
    /// # Errors
    ///
    /// When it cannot be written in the session's serialization.
    pub fn result<R: Serialize + ?Sized>(&self, value: &R) -> Result<Payload, PayloadError> {
        write_result(self.format, value)
    }

    /// The caller's session, where it is disclosed.
    pub fn caller(&self) -> Option<Id> {
        self.details.id("caller")
    }

    /// All details that the router sent.
    pub fn details(&self) -> &Dict {
        &self.details
    }

    /// Whether the caller takes partial results.
    pub fn takes_progress(&self) -> bool {
        self.details.flag("receive_progress")
    }

    /// Sends a partial result. The handler's own result is the last one.
    ///
    /// # Errors
    ///
    /// When the caller takes none, has cancelled, or is gone; when the value cannot be written.
    pub fn progress<R: Serialize + ?Sized>(&self, value: &R) -> Result<(), Error> {
        if !self.takes_progress() {
            return Err(Error::Reply(ErrorReply::new(
                crate::messages::known::OPTION_NOT_ALLOWED,
                "the caller takes no partial results",
            )));
        }
        if self.is_cancelled() {
            return Err(Error::Cancelled);
        }
        self.progress.progress(self.result(value)?)
    }

    /// Whether the caller has cancelled the call, or is
    /// gone. A handler that works long looks now and then.
    pub fn is_cancelled(&self) -> bool {
        *self.cancel_token.lock()
    }

    /// Waits so long, or until the call is cancelled; true if it is.
    pub fn wait_cancelled(&self, limit: Duration) -> bool {
        let deadline = Instant::now() + limit;
        let mut cancelled = self.cancel_token.lock();
        while !*cancelled {
            let left = deadline.saturating_duration_since(Instant::now());
            if left.is_zero() {
                break;
            }
            cancelled = self
                .cancel_token
                .changed
                .wait_timeout(cancelled, left)
                .unwrap_or_else(PoisonError::into_inner)
                .0;
        }
        *cancelled
    }
}

impl fmt::Debug for Invocation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Invocation({} {:?})", self.procedure, self.payload)
    }
}
