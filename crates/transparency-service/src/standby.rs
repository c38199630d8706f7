//! One replica has the counter's log; the others are
//! registered behind it and take over when it is gone.
//!
//! A router gives the calls to the callee that registered `first`. Anyone who has the log has to be
//! that one. At the start a replica without the log waits until the one with the log answers; after
//! a router was restarted the order is anyone's, so a replica that is called without having the log
//! goes to the end of the queue. All of the counter's procedures go together. They are registered
//! one by one and not by their prefix, since not every router passes prefixes on to the routers
//! that it is joined with.

use std::sync::{Arc, Mutex, PoisonError, TryLockError};
use std::thread;
use std::time::{Duration, Instant};

use anyhow::Context;
use labnet::log;
use transparency_middleware::client::{
    Error, ErrorReply, Invocation, Procedure, Registration, Session,
};
use transparency_middleware::messages::{Invoke, Payload};

use crate::counter::Counter;
use crate::procedures::{self, BUSY, COUNTER};

/// How long the replica that has the log may take to come up.
const PATIENCE: Duration = Duration::from_secs(5);
/// How often to ask for it.
const INTERVAL: Duration = Duration::from_millis(20);

/// The last of them answers for all: anyone who has it has the others.
const NAMES: [&str; 3] = ["add", "add_once", "value"];

/// A replica's place in the queue for the counter.
struct Place {
    session: Session,
    counter: Arc<Counter>,
    registrations: Mutex<Vec<Registration>>,
}

/// Registers the counter's procedures, behind anyone who has the log.
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
        registrations: Mutex::default(),
    });
    // Held until all are registered: a call that comes before must not find some.
    let mut registrations = place
        .registrations
        .lock()
        .unwrap_or_else(PoisonError::into_inner);
    place
        .join(&mut registrations)
        .with_context(|| format!("cannot register {COUNTER}"))?;
    drop(registrations);
    Ok(())
}

impl Place {
    fn answer(self: &Arc<Self>, invocation: &Invocation) -> Result<Payload, ErrorReply> {
        let result = procedures::counter(&self.counter, &self.session, invocation);
        if let Err(error) = &result
            && error.uri() == BUSY
            && let Err(error) = self.go_behind()
        {
            log!("cannot go behind the replica that has the counter: {error}");
        }
        result
    }

    /// Registers all, at the end of the queue.
    fn join(self: &Arc<Self>, registrations: &mut Vec<Registration>) -> Result<(), Error> {
        for name in NAMES {
            let answering = Arc::clone(self);
            let procedure =
                Procedure::with_invocation(&format!("{COUNTER}{name}"), move |invocation| {
                    answering.answer(invocation)
                });
            registrations.push(self.session.register(procedure.invoke(Invoke::First))?);
        }
        Ok(())
    }

    /// Leaves the queue and joins it again, at its end.
    fn go_behind(self: &Arc<Self>) -> Result<(), Error> {
        let mut registrations = match self.registrations.try_lock() {
            Ok(registrations) => registrations,
            Err(TryLockError::Poisoned(poisoned)) => poisoned.into_inner(),
            // Another call is on it.
            Err(TryLockError::WouldBlock) => return Ok(()),
        };
        for registration in registrations.drain(..) {
            registration.unregister()?;
        }
        self.join(&mut registrations)?;
        log!("another replica has the counter: standing by");
        Ok(())
    }
}
