//! What the service offers: names, arguments, results
//! and errors. This is all that callers need to know.

use std::collections::BTreeMap;
use std::fmt::Display;
use std::time::Duration;

use labnet::{log, say};
use transparency_middleware::client::{ErrorReply, Invocation, Procedure, Session};
use transparency_middleware::messages::{Invoke, Payload, Value, known};

use crate::counter::{Counter, CounterError};

const DIVISION_BY_ZERO: &str = "org.example.error.division_by_zero";
const OVERFLOW: &str = "org.example.error.overflow";
/// Another replica has the counter; nothing was done.
pub const BUSY: &str = "org.example.error.busy";
const LOG: &str = "org.example.error.log";

/// What the names of the counter's procedures begin with.
pub const COUNTER: &str = "org.example.counter.";
/// The topic on which each new total is published, in their order.
pub const CHANGED: &str = "org.example.counter.changed";

/// The calculator: it has no state, so any number of replicas share the calls in turn.
pub fn calculator(work: Option<Duration>) -> Vec<Procedure> {
    type Operation = fn(i64, i64) -> Result<Value, ErrorReply>;
    let operations: BTreeMap<&str, Operation> = BTreeMap::from([
        ("add", (|a, b| whole(a.checked_add(b))) as Operation),
        ("subtract", |a, b| whole(a.checked_sub(b))),
        ("multiply", |a, b| whole(a.checked_mul(b))),
        ("divide", divide),
    ]);
    let procedures = operations.into_iter().map(|(name, operation)| {
        let uri = format!("org.example.calculator.{name}");
        let procedure = Procedure::with_invocation(&uri, move |invocation| {
            let (a, b) = invocation.args()?;
            if let Some(work) = work {
                // Takes as long as work would, and stops when nobody waits for it any more.
                invocation.wait_cancelled(work);
            }
            report(invocation, operation(a, b))
        });
        procedure.invoke(Invoke::RoundRobin)
    });
    procedures.collect()
}

fn whole(number: Option<i64>) -> Result<Value, ErrorReply> {
    number
        .map(Value::Integer)
        .ok_or_else(|| ErrorReply::new(OVERFLOW, "the result does not fit into 64 bits"))
}

/// A whole number where there is one: 6 / 3 is 2, and 1 / 4 is 0.25.
#[expect(
    clippy::cast_precision_loss,
    reason = "a fraction is a floating-point number"
)]
fn divide(a: i64, b: i64) -> Result<Value, ErrorReply> {
    match a.checked_rem(b) {
        _ if b == 0 => Err(ErrorReply::new(
            DIVISION_BY_ZERO,
            "nothing can be divided by 0",
        )),
        Some(0) => whole(a.checked_div(b)),
        Some(_) => Ok(Value::Float(a as f64 / b as f64)),
        None => whole(None),
    }
}

/// What the counter answers to a call.
pub fn counter(
    counter: &Counter,
    session: &Session,
    invocation: &Invocation,
) -> Result<Payload, ErrorReply> {
    let given_up = |pause| invocation.wait_cancelled(pause);
    let name = invocation.procedure();
    let total = match name.strip_prefix(COUNTER).unwrap_or(name) {
        "value" => {
            let () = invocation.args()?;
            return report(invocation, Ok(Value::Integer(counter.value(given_up)?)));
        }
        "add" => {
            let (amount,) = invocation.args()?;
            counter.add(amount, None, given_up)
        }
        "add_once" => {
            let (amount, key): (i64, String) = invocation.args()?;
            counter.add(amount, Some(&key), given_up)
        }
        _ => return Err(ErrorReply::new(known::NO_SUCH_PROCEDURE, name)),
    };
    counter.announce(|total| {
        if let Err(error) = session.publish(CHANGED, &(total,)) {
            // The total counts and is told to the caller; those who only look on have missed one.
            log!("cannot publish the new total: {error}");
        }
    });
    report(
        invocation,
        total.map(Value::Integer).map_err(ErrorReply::from),
    )
}

impl From<CounterError> for ErrorReply {
    fn from(error: CounterError) -> Self {
        match error {
            CounterError::Busy => ErrorReply::new(BUSY, "another replica has the counter"),
            CounterError::Key => ErrorReply::new(
                known::INVALID_ARGUMENT,
                "a key is 1 to 64 letters, digits, dots, underscores and hyphens",
            ),
            CounterError::Overflow => {
                ErrorReply::new(OVERFLOW, "the total would not fit into 64 bits")
            }
            CounterError::Log(error) => ErrorReply::new(LOG, &format!("{error:#}")),
        }
    }
}

/// A line of the transcript for each call, and the answer on its way.
fn report(
    invocation: &Invocation,
    result: Result<Value, ErrorReply>,
) -> Result<Payload, ErrorReply> {
    let arguments: Vec<Value> = invocation.args()?;
    let arguments: Vec<String> = arguments.iter().map(shown).collect();
    let call = format!("{}({})", invocation.procedure(), arguments.join(", "));
    match &result {
        Ok(value) => print(format_args!("{call} = {}", shown(value))),
        Err(error) => print(format_args!("{call}: {error}")),
    }
    Ok(invocation.result(&result?)?)
}

fn shown(value: &Value) -> String {
    match value {
        Value::Integer(number) => number.to_string(),
        Value::Float(number) => number.to_string(),
        Value::String(text) => format!("{text:?}"),
        other => format!("{other:?}"),
    }
}

/// Anyone who read the transcript may have gone; the callers have not.
fn print(line: impl Display) {
    if let Err(error) = say!("{line}") {
        log!("cannot print: {error:#}");
    }
}
