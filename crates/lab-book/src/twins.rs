//! Which line of a program in Python makes the same call as a line of the one in Rust: read from a
//! run of each.

use std::collections::{BTreeMap, BTreeSet};

use lab_journal::{Event, Journal, Side};

use crate::measure::kind;

/// Lines of `main.rs`, each with the lines of `twin.py` that make the same calls.
pub type Twins = BTreeMap<u32, BTreeSet<u32>>;

/// A call in its place: the step that it belongs to, and its kind.
type Key<'a> = (Option<&'a str>, &'a str);

/// The lines of one side. Of several calls of a kind in one step, the first line of the one program
/// goes with the first of the other, and so on; where the numbers differ, each goes with all.
pub fn twins(rust: &Journal, python: &Journal, side: Side) -> Twins {
    let ours = lines(rust, side, "main.rs");
    let theirs = lines(python, side, "twin.py");
    let mut twins = Twins::new();
    for (key, ours) in &ours {
        let Some(theirs) = theirs.get(key) else {
            continue;
        };
        for (place, line) in ours.iter().enumerate() {
            let same = match ours.len() == theirs.len() {
                true => &theirs[place..=place],
                false => &theirs[..],
            };
            twins.entry(*line).or_default().extend(same);
        }
    }
    twins
}

/// The lines of a file from which calls came, in the order of the first call of each.
fn lines<'a>(journal: &'a Journal, side: Side, file: &str) -> BTreeMap<Key<'a>, Vec<u32>> {
    let mut lines: BTreeMap<Key<'a>, Vec<u32>> = BTreeMap::new();
    for entry in &journal.entries {
        let Event::Call(call) = &entry.event else {
            continue;
        };
        let Some(source) = &call.source else {
            continue;
        };
        if source.file == file && journal.side(call.process) == Some(side) {
            let key = (source.step.as_deref(), kind(&call.name));
            let of_key = lines.entry(key).or_default();
            if !of_key.contains(&source.line) {
                of_key.push(source.line);
            }
        }
    }
    lines
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_of_the_same_step_and_call_are_twins() {
        let journal = |file: &str, calls: &[(&str, u32, &str)]| {
            let entries: Vec<serde_json::Value> = calls
                .iter()
                .map(|(name, line, step)| {
                    serde_json::json!({"at": 0, "event": "call", "process": 1, "thread": 1,
                        "name": name, "socket": null, "arguments": [], "accepted": null,
                        "ended": 1, "outcome": {"value": 0}, "data": null,
                        "source": {"file": file, "line": line, "text": "", "step": step}})
                })
                .collect();
            let journal = serde_json::json!({"version": 1, "left_out": 0, "notes": [],
                "processes": [{"pid": 1, "side": "server", "parent": null}],
                "sockets": [], "entries": entries});
            Journal::from_json(&journal.to_string()).unwrap()
        };
        let rust = journal(
            "main.rs",
            &[
                ("socket", 10, "1. Create"),
                ("recvfrom", 20, "2. Read"),
                ("recvfrom", 25, "2. Read"),
                ("recvfrom", 20, "2. Read"),
                ("close", 30, "3. End"),
            ],
        );
        let python = journal(
            "twin.py",
            &[
                ("socket", 5, "1. Create"),
                ("read", 7, "2. Read"),
                ("recvfrom", 8, "2. Read"),
                ("close", 9, "2. Read"),
            ],
        );
        let found = twins(&rust, &python, Side::Server);
        let wanted: Twins = [(10, [5].into()), (20, [7].into()), (25, [8].into())].into();
        assert_eq!(found, wanted);
        assert!(twins(&rust, &python, Side::Client).is_empty());
    }
}
