//! The addresses of names, asked for many at a time: with a name server that is down, each question
//! takes many seconds.

use std::net::{SocketAddr, ToSocketAddrs};
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;

use anyhow::{Context, anyhow};
use labnet::Hint;

use super::read::Word;
use super::{Host, Span};

/// Questions at a time.
const AT_ONCE: usize = 64;

/// What a word means, a name by its addresses.
#[derive(Debug)]
pub(super) struct Found {
    pub(super) spans: Vec<Span>,
    pub(super) name: Option<String>,
}

/// The meaning of each word, in the order of the words.
pub(super) fn look_up(words: Vec<anyhow::Result<Word>>) -> Vec<anyhow::Result<Found>> {
    look_up_with(words, resolve)
}

fn look_up_with(
    words: Vec<anyhow::Result<Word>>,
    resolve: impl Fn(String) -> anyhow::Result<Found> + Sync,
) -> Vec<anyhow::Result<Found>> {
    let mut found = Vec::with_capacity(words.len());
    let mut names = Vec::new();
    for (index, word) in words.into_iter().enumerate() {
        found.push(match word {
            Ok(Word::Spans(spans)) => Some(Ok(Found { spans, name: None })),
            Ok(Word::Name(name)) => {
                names.push(Mutex::new((index, name)));
                None
            }
            Err(error) => Some(Err(error)),
        });
    }
    let next = AtomicUsize::new(0);
    let answers = Mutex::new(Vec::with_capacity(names.len()));
    let ask = || {
        while let Some(name) = names.get(next.fetch_add(1, Ordering::Relaxed)) {
            let (index, name) = std::mem::take(&mut *labnet::lock(name));
            let answer = resolve(name);
            labnet::lock(&answers).push((index, answer));
        }
    };
    thread::scope(|scope| {
        for _ in 1..names.len().min(AT_ONCE) {
            // Where no more threads can be started, those that are there do the work.
            if thread::Builder::new().spawn_scoped(scope, ask).is_err() {
                break;
            }
        }
        ask();
    });
    for (index, answer) in std::mem::take(&mut *labnet::lock(&answers)) {
        found[index] = Some(answer);
    }
    found
        .into_iter()
        .map(|found| found.unwrap_or_else(|| Err(anyhow!("a look-up ended without an answer"))))
        .collect()
}

fn resolve(name: String) -> anyhow::Result<Found> {
    const HINT: &str = "check the spelling and the network, or give an address";
    let found: Vec<SocketAddr> = (name.as_str(), 0)
        .to_socket_addrs()
        .with_context(|| format!("cannot resolve the host name {name}"))
        .hint(HINT)?
        .collect();
    if found.is_empty() {
        return Err(anyhow!("the host {name} has no address")).hint(HINT);
    }
    Ok(named(name, &found))
}

pub(super) fn named(name: String, found: &[SocketAddr]) -> Found {
    Found {
        spans: found.iter().map(|found| scoped(*found).into()).collect(),
        // `fe80::1%eth0` is an address with its interface, not a name worth printing.
        name: Some(name).filter(|name| !name.contains('%')),
    }
}

fn scoped(found: SocketAddr) -> Host {
    match found {
        SocketAddr::V6(v6) if v6.ip().is_unicast_link_local() => Host {
            ip: found.ip(),
            scope: v6.scope_id(),
        },
        _ => found.ip().into(),
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Barrier;

    use super::*;

    #[test]
    fn names_are_asked_for_side_by_side_and_answered_in_order() {
        // No question is answered until sixteen are asked: one by one, the test would never end.
        let together = Barrier::new(16);
        let words = (0..32).map(|number| Ok(Word::Name(format!("host{number}"))));
        let found = look_up_with(words.collect(), |name| {
            together.wait();
            Ok(named(name, &[]))
        });
        let names: Vec<String> = found
            .into_iter()
            .map(|found| found.unwrap().name.unwrap())
            .collect();
        assert_eq!(names.len(), 32);
        assert!((0..32).all(|number| names[number] == format!("host{number}")));
    }
}
