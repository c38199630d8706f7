//! Which calls to make, how often, and what to print.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Mutex, PoisonError};
use std::thread;

use anyhow::anyhow;
use labnet::{Hint, lock, log, say};
use serde_json::{Value, json};
use transparency_middleware::client::{Error, Session};
use transparency_middleware::messages::known;

/// The calls of one round.
pub struct Plan {
    calls: Vec<(String, Vec<Value>)>,
    /// A tour shows errors too, and continues.
    tour: bool,
}

/// How often, and how many at once.
#[derive(Clone, Copy)]
pub struct Load {
    pub count: usize,
    pub parallel: usize,
}

impl Plan {
    /// A procedure and its arguments, or nothing for the tour.
    pub fn read(words: &[String]) -> Self {
        match words.split_first() {
            Some((procedure, args)) => Plan {
                calls: vec![(
                    procedure.clone(),
                    args.iter().map(|word| value(word)).collect(),
                )],
                tour: false,
            },
            None => Plan {
                calls: tour(),
                tour: true,
            },
        }
    }
}

/// `2` is a number and `"2"` a text, as in JSON; what is not JSON is a text.
fn value(word: &str) -> Value {
    serde_json::from_str(word).unwrap_or_else(|_| json!(word))
}

fn tour() -> Vec<(String, Vec<Value>)> {
    let key = format!("{:016x}", rand::random::<u64>());
    let calls = [
        ("calculator.add", json!([2, 3])),
        ("calculator.divide", json!([1, 4])),
        ("calculator.divide", json!([1, 0])),
        ("counter.add", json!([1])),
        // The same key twice: the second changes nothing.
        ("counter.add_once", json!([10, key])),
        ("counter.add_once", json!([10, key])),
        ("counter.value", json!([])),
    ];
    calls
        .map(|(name, args)| {
            let args = args.as_array().cloned().unwrap_or_default();
            (format!("org.example.{name}"), args)
        })
        .into()
}

/// Makes all calls and prints a line for each; many at once are counted at the end.
pub fn make(session: &Session, plan: &Plan, load: Load) -> anyhow::Result<()> {
    let next = AtomicUsize::new(0);
    let outcomes = Mutex::new(BTreeMap::<String, usize>::new());
    let failure = Mutex::new(None);
    thread::scope(|scope| {
        for _ in 0..load.parallel.clamp(1, load.count.max(1)) {
            scope.spawn(|| {
                while next.fetch_add(1, Ordering::Relaxed) < load.count {
                    for (procedure, args) in &plan.calls {
                        let result: Result<Value, Error> = session.call(procedure, args);
                        let outcome = result.as_ref().map_or_else(Error::uri, |_| "result");
                        let mut outcomes = lock(&outcomes);
                        *outcomes.entry(outcome.to_string()).or_default() += 1;
                        drop(outcomes);
                        let printed = print(procedure, args, &result);
                        let failed = match result {
                            Err(error) if !plan.tour => Some(hinted(procedure, error)),
                            _ => None,
                        };
                        if let Some(error) = printed.err().or(failed) {
                            let mut failure = lock(&failure);
                            failure.get_or_insert(error);
                        }
                    }
                }
            });
        }
    });
    if load.count > 1 {
        let outcomes = outcomes
            .into_inner()
            .unwrap_or_else(PoisonError::into_inner);
        let parts: Vec<String> = outcomes
            .iter()
            .map(|(outcome, count)| format!("{count} {outcome}"))
            .collect();
        log!(
            "{} calls: {}",
            load.count * plan.calls.len(),
            parts.join(", ")
        );
    }
    match failure.into_inner().unwrap_or_else(PoisonError::into_inner) {
        Some(error) => Err(error),
        None => Ok(()),
    }
}

fn print(procedure: &str, args: &[Value], result: &Result<Value, Error>) -> anyhow::Result<()> {
    let args: Vec<String> = args.iter().map(Value::to_string).collect();
    let call = format!("{procedure}({})", args.join(", "));
    match result {
        Ok(value) => say!("{call} = {value}"),
        Err(error) => say!("{call}: {error}"),
    }
}

fn hinted(procedure: &str, error: Error) -> anyhow::Error {
    let hint = match error.uri() {
        known::NO_SUCH_PROCEDURE => "is the service running? cargo run -p transparency-service",
        known::INVALID_ARGUMENT => "the service's README says what its procedures take",
        _ if error.is_ambiguous() => "find out whether it was carried out before you call it again",
        _ => "the error's name is the service's own: its README says what it means",
    };
    let result: anyhow::Result<()> = Err(anyhow!(error).context(format!("{procedure} failed")));
    match result.hint(hint) {
        Err(error) => error,
        Ok(()) => unreachable!("an error stays one"),
    }
}
