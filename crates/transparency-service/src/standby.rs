//! One replica has the counter's log; the others are registered behind it and take over when it is gone.
//!
//! A router gives the calls to the callee that registered `first`. Whoever has the log has to be that one. At the
//! start a replica without the log waits until the one with the log answers; after a router was restarted the
//! order is anyone's, so a replica that is called without having the log goes to the end of the queue.
//! The counter's procedures are one registration, by prefix, so that there is one queue for all of them.

use std::sync::{Arc, Mutex, OnceLock, PoisonError, TryLockError};
use std::thread;
use std::time::{Duration, Instant};

use anyhow::Context;
use labnet::note;
use transparency_middleware::client::{
    Error, ErrorReply, Invocation, Procedure, Registration, Session,
};
use transparency_middleware::messages::{Invoke, Match, Payload};

use crate::counter::Counter;
use crate::procedures::{self, BUSY, COUNTER};

/// How long the replica that has the log may take to come up.
const PATIENCE: Duration = Duration::from_secs(5);
/// How often to ask for it.
const INTERVAL: Duration = Duration::from_millis(20);

/// A replica's place in the queue for the counter.
struct Place {
    session: Session,
    counter: Arc<Counter>,
    procedure: OnceLock<Procedure>,
    registration: Mutex<Option<Registration>>,
}

/// Registers the counter's procedures, behind whoever has the log.
pub fn offer(session: &Session, counter: &Arc<Counter>) -> anyhow::Result<()> {
    let deadline = Instant::now() + PATIENCE;
    while !counter.try_open()? && Instant::now() < deadline {
        if session.call::<i64>(&format!("{COUNTER}value"), &()).is_ok() {
            break;
        }
        thread::sleep(INTERVAL);
    }
    let place = Arc::new(Place {
        session: session.clone(),
        counter: Arc::clone(counter),
        procedure: OnceLock::new(),
        registration: Mutex::new(None),
    });
    let answering = Arc::clone(&place);
    let procedure =
        Procedure::with_invocation(COUNTER, move |invocation| answering.answer(invocation))
            .matching(Match::Prefix)
            .invoke(Invoke::First);
    let procedure = place.procedure.get_or_init(|| procedure).clone();
    // Held until there is a registration: a call that comes before must not find none.
    let mut registration = place
        .registration
        .lock()
        .unwrap_or_else(PoisonError::into_inner);
    *registration = Some(
        session
            .register(procedure)
            .with_context(|| format!("cannot register {COUNTER}"))?,
    );
    Ok(())
}

impl Place {
    fn answer(&self, invocation: &Invocation) -> Result<Payload, ErrorReply> {
        let result = procedures::counter(&self.counter, &self.session, invocation);
        if let Err(error) = &result
            && error.uri() == BUSY
            && let Err(error) = self.go_behind()
        {
            note!("cannot go behind the replica that has the counter: {error}");
        }
        result
    }

    /// Leaves the queue and joins it again, at its end.
    fn go_behind(&self) -> Result<(), Error> {
        let mut registration = match self.registration.try_lock() {
            Ok(registration) => registration,
            Err(TryLockError::Poisoned(poisoned)) => poisoned.into_inner(),
            // Another call is on it.
            Err(TryLockError::WouldBlock) => return Ok(()),
        };
        if let (Some(old), Some(procedure)) = (registration.take(), self.procedure.get()) {
            old.unregister()?;
            *registration = Some(self.session.register(procedure.clone())?);
            note!("another replica has the counter: standing by");
        }
        Ok(())
    }
}
