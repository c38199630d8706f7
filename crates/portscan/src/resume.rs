//! The file of an interrupted scan: what is known, and where to go on.

use std::fs;
use std::path::Path;

use anyhow::{Context, anyhow, bail};
use labnet::Hint;
use serde_json::{Value, json};

use crate::engine::Position;
use crate::schedule::{Counts, Findings, State};

/// The form of the file. A file of another form is refused.
const VERSION: u64 = 1;

/// An interrupted scan.
///
/// ```
/// use portscan::resume::Saved;
///
/// let saved = Saved { targets: vec!["127.0.0.1".to_string()], ports: "1-1024".to_string(), ..Saved::default() };
/// assert_eq!(Saved::from_json(&saved.to_json().to_string())?, saved);
/// # Ok::<(), anyhow::Error>(())
/// ```
#[derive(Debug, Clone, Default)]
pub struct Saved {
    /// The targets, as [`crate::targets::Targets::words`] gives them.
    pub targets: Vec<String>,
    /// The ports, as [`crate::ports::Ports`] prints them.
    pub ports: String,
    /// The seed of the order; `None` is ascending order.
    pub seed: Option<u64>,
    /// How many of the hosts were addresses of the machine that scanned.
    pub own: usize,
    /// Where to go on.
    pub position: Position,
    /// What is known.
    pub findings: Findings,
}

impl PartialEq for Saved {
    fn eq(&self, other: &Self) -> bool {
        self.to_json() == other.to_json()
    }
}

impl Saved {
    /// Reads the file.
    ///
    /// # Errors
    ///
    /// When it cannot be read, or is no such file.
    pub fn load(path: &Path) -> anyhow::Result<Self> {
        let shown = path.display();
        let text = fs::read_to_string(path)
            .with_context(|| format!("cannot read {shown}"))
            .hint("--resume takes the file that an interrupted scan has written")?;
        Self::from_json(&text)
            .with_context(|| format!("{shown} is no file of an interrupted scan"))
            .hint("start the scan anew, without --resume")
    }

    /// Writes the file: first under another name, so that an old one stays whole when the disk is full.
    ///
    /// # Errors
    ///
    /// When it cannot be written.
    pub fn store(&self, path: &Path) -> anyhow::Result<()> {
        let mut new = path.as_os_str().to_owned();
        new.push(".new");
        fs::write(&new, format!("{}\n", self.to_json()))
            .and_then(|()| fs::rename(&new, path))
            .with_context(|| format!("cannot write {}", path.display()))
    }

    /// The file's text.
    pub fn to_json(&self) -> Value {
        let counts: Vec<Value> = self
            .findings
            .counts
            .iter()
            .map(|(host, counts)| {
                json!([
                    host,
                    counts.open,
                    counts.closed,
                    counts.filtered,
                    counts.unreachable
                ])
            })
            .collect();
        let ports: Vec<Value> = self
            .findings
            .ports
            .iter()
            .map(|(host, port, state)| json!([host, port, state.word()]))
            .collect();
        json!({
            "portscan": VERSION,
            "targets": self.targets,
            "ports": self.ports,
            "seed": self.seed,
            "own": self.own,
            "next_own": self.position.own,
            "next_other": self.position.others,
            "pending": self.position.pending,
            "found": ports,
            "counts": counts,
        })
    }

    /// Reads the file's text.
    ///
    /// # Errors
    ///
    /// Says what is missing or wrong.
    pub fn from_json(text: &str) -> anyhow::Result<Self> {
        let value: Value = serde_json::from_str(text).context("it is no JSON")?;
        if value["portscan"] != json!(VERSION) {
            bail!("it is not of version {VERSION}");
        }
        let targets = list(&value, "targets")?
            .iter()
            .map(|word| {
                word.as_str()
                    .map(str::to_string)
                    .context("a target is no text")
            })
            .collect::<Result<_, _>>()?;
        let seed = match &value["seed"] {
            Value::Null => None,
            seed => Some(seed.as_u64().context("\"seed\" is no number")?),
        };
        let pending = list(&value, "pending")?
            .iter()
            .map(|pair| Ok((number(&pair[0])?, number(&pair[1])?)))
            .collect::<anyhow::Result<_>>()?;
        let mut findings = Findings::default();
        for port in list(&value, "found")? {
            let state = port[2]
                .as_str()
                .and_then(state)
                .context("a state is unknown")?;
            findings
                .ports
                .push((number(&port[0])?, number(&port[1])?, state));
        }
        for host in list(&value, "counts")? {
            let counts = Counts {
                open: number(&host[1])?,
                closed: number(&host[2])?,
                filtered: number(&host[3])?,
                unreachable: number(&host[4])?,
            };
            findings.counts.insert(number(&host[0])?, counts);
        }
        Ok(Saved {
            targets,
            ports: value["ports"]
                .as_str()
                .context("\"ports\" is missing")?
                .to_string(),
            seed,
            own: number(&value["own"])?,
            position: Position {
                own: number(&value["next_own"])?,
                others: number(&value["next_other"])?,
                pending,
            },
            findings,
        })
    }
}

fn list<'a>(value: &'a Value, name: &str) -> anyhow::Result<&'a Vec<Value>> {
    value[name]
        .as_array()
        .with_context(|| format!("{name:?} is missing"))
}

fn number<T: TryFrom<u64>>(value: &Value) -> anyhow::Result<T> {
    value
        .as_u64()
        .and_then(|number| T::try_from(number).ok())
        .ok_or_else(|| anyhow!("{value} is no number that fits"))
}

fn state(word: &str) -> Option<State> {
    [
        State::Open,
        State::Closed,
        State::Filtered,
        State::Unreachable,
    ]
    .into_iter()
    .find(|state| state.word() == word)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn saved() -> Saved {
        let mut findings = Findings::default();
        findings.note(0, 22, State::Open, true);
        findings.note(1, 23, State::Filtered, true);
        Saved {
            targets: vec!["10.0.0.1-10.0.0.9".to_string()],
            ports: "22-80".to_string(),
            seed: Some(u64::MAX),
            own: 1,
            position: Position {
                own: 59,
                others: 17,
                pending: vec![(3, 65535), (0, 22)],
            },
            findings,
        }
    }

    #[test]
    fn what_is_written_reads_back() {
        let saved = saved();
        let again = Saved::from_json(&saved.to_json().to_string()).unwrap();
        assert_eq!(again, saved);
        assert_eq!(again.position, saved.position);
        assert_eq!(again.findings.counts, saved.findings.counts);
    }

    #[test]
    fn a_damaged_file_is_refused_and_says_why() {
        let whole = saved().to_json().to_string();
        let bad = |text: &str| format!("{:#}", Saved::from_json(text).unwrap_err());
        assert!(bad(&whole[..whole.len() / 2]).contains("no JSON"));
        assert!(bad("{}").contains("version"));
        assert!(bad(&whole.replace("65535", "65536")).contains("65536 is no number that fits"));
        assert!(bad(&whole.replace("filtered", "odd")).contains("state"));
        assert!(bad(&whole.replace("\"pending\"", "\"gone\"")).contains("\"pending\" is missing"));
    }
}
