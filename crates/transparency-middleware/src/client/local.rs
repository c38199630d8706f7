//! Procedures in the same process, called like any others.

use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use serde::Serialize;
use serde::de::DeserializeOwned;

use labnet::lock;

use super::call::{self, Call, Caller, Control, PendingCall, Promise};
use super::error::{Error, ErrorReply};
use super::pool::Pool;
use super::procedure::{CancelToken, Invocation, Procedure, Progress};
use crate::messages::{CancelMode, Format, Match, Payload, Uri, known};

const THREADS: usize = 16;
const MAX_WAITING: usize = 4096;
const TIMEOUT: Duration = Duration::from_secs(30);

/// Procedures in the same process. A program that takes a [`Caller`] calls them as it calls those
/// behind a router: by name, with a deadline, with errors that are URIs. Arguments and results are
/// serialized all the same, so that what works here works there.
pub struct Local {
    procedures: Mutex<Vec<Procedure>>,
    pool: Pool,
}

impl Local {
    /// Nothing is registered yet.
    pub fn new() -> Self {
        Local {
            procedures: Mutex::default(),
            pool: Pool::new("local procedure", THREADS, MAX_WAITING),
        }
    }

    /// Registers a procedure. There is one callee for
    /// each URI here, so sharing makes no difference.
    ///
    /// # Errors
    ///
    /// When the URI is malformed, or taken.
    pub fn register(&self, procedure: Procedure) -> Result<(), Error> {
        procedure.parsed_uri()?;
        let mut procedures = lock(&self.procedures);
        let same = |other: &Procedure| {
            other.uri() == procedure.uri() && other.matches() == procedure.matches()
        };
        if procedures.iter().any(same) {
            return Err(Error::Reply(ErrorReply::new(
                known::PROCEDURE_ALREADY_EXISTS,
                procedure.uri(),
            )));
        }
        procedures.push(procedure);
        Ok(())
    }

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
        call::call(self, procedure, args)
    }

    /// As a router does: an exact URI first, then the longest prefix, then a wildcard.
    fn find(&self, uri: &Uri) -> Option<Procedure> {
        let procedures = lock(&self.procedures);
        let rank = |procedure: &Procedure| match procedure.matches() {
            Match::Exact => (2, 0),
            Match::Prefix => (1, procedure.uri().len()),
            Match::Wildcard => (0, procedure.uri().len()),
        };
        procedures
            .iter()
            .filter(|procedure| procedure.matches().matches(procedure.uri(), uri.as_str()))
            .max_by_key(|procedure| rank(procedure))
            .cloned()
    }
}

impl Default for Local {
    fn default() -> Self {
        Local::new()
    }
}

impl std::fmt::Debug for Local {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Local")
    }
}

impl Drop for Local {
    fn drop(&mut self) {
        self.pool.close();
    }
}

impl Caller for Local {
    fn start(&self, call: Call) -> Result<PendingCall, Error> {
        let uri = Uri::new(&call.procedure).ok_or(Error::InvalidUri(call.procedure))?;
        let promise = Arc::new(Promise::default());
        let cancel_token = Arc::new(CancelToken::default());
        match self.find(&uri) {
            None => promise.finish(Err(Error::Reply(ErrorReply::new(
                known::NO_SUCH_PROCEDURE,
                uri.as_str(),
            )))),
            Some(procedure) => {
                let answers = Arc::clone(&promise);
                let invocation = Invocation {
                    procedure: uri,
                    details: call.options,
                    format: call.payload.format(),
                    payload: call.payload,
                    cancel_token: Arc::clone(&cancel_token),
                    progress: Box::new(Partial(Arc::clone(&promise))),
                };
                let taken = self.pool.run(move || {
                    answers.finish(procedure.run(&invocation).map_err(Error::Reply));
                });
                if !taken {
                    return Err(Error::Overrun);
                }
            }
        }
        Ok(PendingCall {
            control: Arc::new(LocalControl {
                promise: Arc::clone(&promise),
                cancel_token,
            }),
            promise,
            deadline: Instant::now() + call.timeout.unwrap_or(TIMEOUT),
            // There is no other callee that a second attempt could reach.
            attempt_timeout: None,
            attempt_ends: None,
        })
    }

    fn format(&self) -> Format {
        Format::Json
    }
}

struct Partial(Arc<Promise>);

impl Progress for Partial {
    fn progress(&self, payload: Payload) -> Result<(), Error> {
        if self.0.partial(payload, None) {
            return Ok(());
        }
        self.0.finish(Err(Error::Overrun));
        Err(Error::Overrun)
    }
}

struct LocalControl {
    promise: Arc<Promise>,
    cancel_token: Arc<CancelToken>,
}

impl Control for LocalControl {
    fn give_up(&self, mode: CancelMode, error: Error) {
        if mode != CancelMode::Skip {
            self.cancel_token.cancel();
        }
        if mode != CancelMode::Kill {
            self.promise.finish(Err(error));
        }
    }

    fn try_again(&self) {}

    fn timed_out(&self) -> Error {
        Error::Timeout { sent: true }
    }
}
