//! Reads what a port scanner printed, in any layout and language.
//!
//! The check knows which ports are open. So what counts is what differs between the lines about
//! open ports and those about closed ones: a word, a mark, or that a port is named at all. The
//! common words for open and closed tell besides whether a report says both of the same port, or
//! has the two the wrong way round. What cannot be read is said to be so.

use std::collections::{BTreeMap, BTreeSet};

/// What a scanner said.
#[derive(Debug, PartialEq, Eq)]
pub enum Reading {
    /// These ports are open, and no others of the range.
    Open(Vec<u16>),
    /// Of these ports it said that they are open, and that they are closed.
    Both(Vec<u16>),
    /// It cannot be told, and why.
    Unclear(String),
}

/// What was scanned, and what is so.
pub struct Scanned<'s> {
    /// The host, as the scanner knows it.
    pub host: &'s str,
    /// The first port of the range.
    pub first: u16,
    /// The last port of the range.
    pub last: u16,
    /// The ports of the range that are open.
    pub open: &'s [u16],
    /// Those of which this is not known: others have opened them.
    pub unknown: &'s [u16],
}

/// What a line says of the ports in it, by its words.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Says {
    Open,
    Closed,
}

/// A port named in a line.
struct Mention {
    port: u16,
    says: Option<Says>,
    /// What the last line without a port said: `Open ports:`.
    heading: Option<Says>,
    /// Whether the line tells what is about to be tried.
    progress: bool,
    /// What there is in the line besides ports: its words, and its form.
    features: BTreeSet<String>,
}

/// So much has to part open from closed ports that a report in an unknown language is judged by it.
const CLEAR: f64 = 0.5;
/// A report names a range like `10001-10099`, not more ports than this.
const LONGEST_RANGE: u16 = 2000;

/// Words for open, in the languages of most reports.
const OPEN: [&str; 14] = [
    "open",
    "opened",
    "offen",
    "offene",
    "ouvert",
    "ouverts",
    "abierto",
    "abiertos",
    "aberto",
    "aperto",
    "listening",
    "открыт",
    "开放",
    "✓",
];
/// Words for anything else.
const CLOSED: [&str; 17] = [
    "closed",
    "close",
    "filtered",
    "refused",
    "timeout",
    "timed",
    "unreachable",
    "geschlossen",
    "geschlossene",
    "ferme",
    "fermé",
    "cerrado",
    "fechado",
    "chiuso",
    "закрыт",
    "关闭",
    "✗",
];
/// A word before one for open that turns it around.
const NOT: [&str; 8] = [
    "not", "no", "isn't", "nicht", "keine", "pas", "non", "nessuna",
];
/// Answers to a question that is in the line as well: `open: False`.
const FALSE: [&str; 3] = ["false", "no", "nein"];
/// What is about to be tried says nothing yet.
const PROGRESS: [&str; 10] = [
    "scanning",
    "checking",
    "testing",
    "trying",
    "probing",
    "connecting",
    "attempting",
    "starting",
    "started",
    "progress",
];

/// Reads a report.
pub fn read(text: &str, scanned: &Scanned<'_>) -> Reading {
    let mentions = mentions(text, scanned);
    if mentions.is_empty() {
        return Reading::Open(Vec::new());
    }
    let ports_that = |says| -> BTreeSet<u16> {
        let of = mentions.iter().filter(|one| one.says == Some(says));
        of.map(|one| one.port).collect()
    };
    let (open, closed) = (ports_that(Says::Open), ports_that(Says::Closed));
    let both: Vec<u16> = open.intersection(&closed).copied().collect();
    if !both.is_empty() {
        return Reading::Both(both);
    }
    let truth: BTreeSet<u16> = scanned.open.iter().copied().collect();
    let known = |ports: &BTreeSet<u16>| -> BTreeSet<u16> {
        let known = ports.iter().filter(|port| !scanned.unknown.contains(port));
        known.copied().collect()
    };
    if known(&open) == truth {
        return Reading::Open(open.into_iter().collect());
    }
    // By what else differs, unless a word says plainly
    // that a closed port is open, or the other way round.
    let features = features(&mentions);
    let wrongly: BTreeSet<u16> = known(&open).difference(&truth).copied().collect();
    let of_all = 2 * wrongly.len() > usize::from(scanned.last - scanned.first);
    let of_range = wrongly
        .iter()
        .all(|port| [scanned.first, scanned.last].contains(port))
        && open.is_superset(&truth);
    let plainly = !open.is_empty() && !of_all && !of_range;
    if !plainly
        && known(&closed).is_disjoint(&truth)
        && let Some(ports) = features.values().find(|ports| known(ports) == truth)
    {
        return Reading::Open(ports.iter().copied().collect());
    }
    if !open.is_empty() || !closed.is_empty() {
        return Reading::Open(match open.is_empty() {
            // It marks only the closed ones: what it names besides is open.
            true => named_besides(&mentions, &closed),
            false => open.into_iter().collect(),
        });
    }
    by_difference(&mentions, &features, scanned)
}

/// The ports that are named, and not said to be closed.
fn named_besides(mentions: &[Mention], closed: &BTreeSet<u16>) -> Vec<u16> {
    let named: BTreeSet<u16> = mentions.iter().map(|one| one.port).collect();
    named.difference(closed).copied().collect()
}

/// The ports of each feature, of mentions that do not say closed.
fn features(mentions: &[Mention]) -> BTreeMap<&str, BTreeSet<u16>> {
    let mut features: BTreeMap<&str, BTreeSet<u16>> = BTreeMap::new();
    for mention in mentions.iter().filter(|one| one.says != Some(Says::Closed)) {
        for feature in &mention.features {
            features.entry(feature).or_default().insert(mention.port);
        }
    }
    features
}

/// A report without a word that is known: what parts
/// open ports from closed ones best says what it means.
fn by_difference(
    mentions: &[Mention],
    features: &BTreeMap<&str, BTreeSet<u16>>,
    scanned: &Scanned<'_>,
) -> Reading {
    let range = || scanned.first..=scanned.last;
    let is_closed = |port: &u16| !scanned.open.contains(port) && !scanned.unknown.contains(port);
    let closed = range().filter(is_closed).count();
    let share = |part: usize, all: usize| {
        f64::from(u32::try_from(part).unwrap_or(u32::MAX))
            / f64::from(u32::try_from(all).unwrap_or(u32::MAX)).max(1.0)
    };
    let score = |ports: &BTreeSet<u16>| {
        let right = ports
            .iter()
            .filter(|port| scanned.open.contains(port))
            .count();
        let wrong = ports.iter().filter(|port| is_closed(port)).count();
        // What is said of a single port may be about the range.
        let enough = right >= scanned.open.len().min(2);
        (
            if enough {
                share(right, scanned.open.len()) - share(wrong, closed)
            } else {
                0.0
            },
            right == scanned.open.len() || wrong == 0,
        )
    };
    let best = features
        .values()
        .max_by(|one, other| score(one).0.total_cmp(&score(other).0));
    match best {
        // It errs on one side only: then it is plain what it errs about.
        Some(ports) if score(ports).0 > CLEAR && score(ports).1 => {
            return Reading::Open(ports.iter().copied().collect());
        }
        _ => {}
    }
    if mentions.iter().all(|one| one.progress) {
        return Reading::Open(Vec::new());
    }
    if mentions.iter().all(|one| one.heading == Some(Says::Open)) {
        return Reading::Open(named_besides(mentions, &BTreeSet::new()));
    }
    Reading::Unclear(
        "the output names ports of the range, but nothing in its lines tells the open ones from the others; a word such as \
         open in the line of each open port would help"
            .to_string(),
    )
}

/// All ports of the range that the lines name, but for
/// the range itself and what is about to be tried.
fn mentions(text: &str, scanned: &Scanned<'_>) -> Vec<Mention> {
    let mut found = Vec::new();
    let mut heading = None;
    for line in text.to_lowercase().lines() {
        let line = line
            .replace(&scanned.host.to_lowercase(), " ")
            .replace("127.0.0.1", " ");
        let tokens = tokens(&line);
        let ports = ports(&tokens, scanned);
        let named: BTreeSet<u16> = ports.iter().map(|(_, port)| *port).collect();
        if named.is_empty() {
            heading = said(&tokens).first().map(|(_, says)| *says).or(heading);
            continue;
        }
        // A line about the range.
        let ends = BTreeSet::from([scanned.first, scanned.last]);
        let behind = (u32::from(scanned.last) + 1).to_string();
        let half_open = named == BTreeSet::from([scanned.first]) && tokens.contains(&behind);
        if named == ends || half_open {
            continue;
        }
        let words: Vec<&str> = tokens
            .iter()
            .enumerate()
            .filter(|(at, _)| !ports.iter().any(|(place, _)| place == at))
            .map(|(_, token)| token.as_str())
            .filter(|token| {
                !token.starts_with(|first: char| first.is_ascii_digit()) || token.len() == 1
            })
            .collect();
        let mut features: BTreeSet<String> = words.iter().map(ToString::to_string).collect();
        features.insert(format!("line {}", words.join(" ")));
        let mut said = said(&tokens);
        let begins = |token: &String| PROGRESS.contains(&token.as_str());
        let progress = tokens.iter().position(begins);
        // "trying to open port 10007" says nothing yet; what comes after the port does.
        if let Some(from) = progress {
            let port = ports.first().map_or(0, |(at, _)| *at);
            said.retain(|(at, _)| !(from..port).contains(at));
        }
        for (at, port) in ports {
            found.push(Mention {
                port,
                says: nearest(&said, at, &tokens),
                heading,
                progress: progress.is_some(),
                features: features.clone(),
            });
        }
    }
    found
}

/// What the line says of the port at this place.
///
/// A line that says only one thing says it of all its ports. Of `10007 open, 10008 closed` each
/// port has the word after it, of `open: 10007 closed: 10008` the word before it.
fn nearest(said: &[(usize, Says)], at: usize, tokens: &[String]) -> Option<Says> {
    let (first, says) = said.first()?;
    if said.iter().all(|(_, other)| other == says) {
        return Some(*says);
    }
    let number = |token: &String| token.starts_with(|first: char| first.is_ascii_digit());
    let leads = tokens[..*first].iter().all(|token| !number(token));
    match leads {
        true => said.iter().rev().find(|(place, _)| *place < at),
        false => said.iter().find(|(place, _)| *place > at),
    }
    .map(|(_, says)| *says)
}

/// The words of a line that say open or closed, and where.
fn said(tokens: &[String]) -> Vec<(usize, Says)> {
    let is = |token: &String, words: &[&str]| words.iter().any(|word| token == word);
    // Written without blanks between the words.
    let holds = |token: &String, words: &[&str]| {
        !token.is_ascii()
            && words
                .iter()
                .any(|word| !word.is_ascii() && token.contains(word))
    };
    let mut said = Vec::new();
    for (at, token) in tokens.iter().enumerate() {
        if is(token, &CLOSED) || holds(token, &CLOSED) {
            said.push((at, Says::Closed));
        } else if is(token, &OPEN) || holds(token, &OPEN) {
            let before = &tokens[at.saturating_sub(1)..at];
            let after = tokens[at + 1..].iter().take(3);
            let no = before.iter().any(|word| is(word, &NOT))
                || after.into_iter().any(|word| is(word, &FALSE));
            said.push((at, if no { Says::Closed } else { Says::Open }));
        }
    }
    said
}

/// The words, numbers and marks of a line.
fn tokens(line: &str) -> Vec<String> {
    let class = |character: char| match character {
        _ if character.is_alphabetic() || character == '\'' || character == '_' => 1,
        _ if character.is_ascii_digit() => 2,
        _ if character.is_whitespace() => 0,
        _ => 3,
    };
    let mut tokens: Vec<String> = Vec::new();
    let mut last = 0;
    let mut characters = line.chars();
    while let Some(character) = characters.next() {
        // A color is a mark like any other; its number is not a port.
        if character == '\u{1b}' {
            let code = characters
                .by_ref()
                .take_while(|character| !character.is_ascii_alphabetic());
            tokens.push(format!("color{}", code.collect::<String>()));
            last = 0;
            continue;
        }
        let now = class(character);
        match tokens.last_mut() {
            Some(token) if now == last && now != 0 => token.push(character),
            _ if now != 0 => tokens.push(character.to_string()),
            _ => {}
        }
        last = now;
    }
    tokens
}

/// The ports that a line names, and where. `10001-10006`
/// names all of them, unless it is the range of the scan.
fn ports(tokens: &[String], scanned: &Scanned<'_>) -> Vec<(usize, u16)> {
    let inside = |port: &u16| (scanned.first..=scanned.last).contains(port);
    let port = |at: usize| tokens.get(at)?.parse::<u16>().ok().filter(inside);
    let word = |at: usize| tokens.get(at).map_or("", String::as_str);
    let mut found = Vec::new();
    let mut at = 0;
    while at < tokens.len() {
        let Some(number) = port(at) else {
            at += 1;
            continue;
        };
        // A time or a size.
        if ["ms", "s", "seconds", "bytes"].contains(&word(at + 1)) {
            at += 1;
            continue;
        }
        let joined = ["-", "–", "..", "..=", "to", "until", "and"].contains(&word(at + 1));
        match port(at + 2).filter(|last| joined && *last > number) {
            Some(last) if number == scanned.first && last == scanned.last => at += 3,
            Some(last) if word(at + 1) != "and" && last - number < LONGEST_RANGE => {
                found.extend((number..=last).map(|port| (at, port)));
                at += 3;
            }
            _ => {
                found.push((at, number));
                at += 1;
            }
        }
    }
    found
}

#[cfg(test)]
mod tests;
