//! The resume file of an interrupted scan: what is known, and where to continue.
//!
//! A file that an older portscan has written stays readable: the names of its fields do not change.

use std::collections::{BTreeMap, HashSet};
use std::fs;
use std::path::Path;

use anyhow::{Context, anyhow, bail};
use labnet::Hint;
use serde_json::{Value, json};

use crate::engine::Position;
use crate::findings::{Counts, Findings, State};
use crate::limits::{self, Limits};
use crate::ports::Ports;
use crate::targets::{self, Host};

/// The version of the format. Other versions are refused.
const VERSION: u64 = 2;

/// An interrupted scan.
///
/// ```
/// use portscan::resume::Saved;
///
/// let saved = Saved {
///     targets: vec!["127.0.0.1".to_string()],
///     ports: "1-1024".to_string(),
///     ..Saved::default()
/// };
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
    /// The hosts that were addresses of the machine that scanned, as [`crate::targets::words`]
    /// gives them: the host numbers depend on them.
    pub local: Vec<String>,
    /// The limits that the user set; [`Limits::details`] follows from the targets and the ports.
    pub limits: Limits,
    /// Where to continue.
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
    /// When it cannot be read, or does not hold an interrupted scan.
    pub fn load(path: &Path) -> anyhow::Result<Self> {
        let shown = path.display();
        let text = fs::read_to_string(path)
            .with_context(|| format!("cannot read {shown}"))
            .hint("--resume takes the file that an interrupted scan has written")?;
        Self::from_json(&text)
            .with_context(|| format!("{shown} is not the resume file of an interrupted scan"))
            .hint("start the scan again, without --resume")
    }

    /// Writes the file, first under another name, so that an old file stays intact when the disk is
    /// full.
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
            .hint("--resume names another file to continue from")
    }

    /// Checks the numbers against the hosts and ports that they stand for: a file can be damaged,
    /// edited, or brought from another machine. The first `local` hosts are addresses of this
    /// machine.
    ///
    /// # Errors
    ///
    /// Says what does not match.
    pub fn check(&self, hosts: &[Host], local: usize, ports: &Ports) -> anyhow::Result<()> {
        let here = targets::words(&hosts[..local]);
        if here != self.local {
            let shown = |words: &[String]| match words {
                [] => "none".to_string(),
                words => words.join(", "),
            };
            bail!(
                "the targets that are addresses of this machine were {}, and are now {}",
                shown(&self.local),
                shown(&here)
            );
        }
        if hosts.is_empty() {
            bail!("it has no targets");
        }
        let per_host = ports.len() as u64;
        let local_size = local as u64 * per_host;
        let remote_size = hosts.len() as u64 * per_host - local_size;
        if self.position.local > local_size || self.position.remote > remote_size {
            bail!(
                "its position is past the end: it has {local_size} local and {remote_size} remote ports"
            );
        }

        let Findings {
            ports: found,
            counts,
        } = &self.findings;
        let mut ahead: BTreeMap<u32, u64> = BTreeMap::new();
        let mut listed: BTreeMap<u32, Counts> = BTreeMap::new();
        let mut seen = HashSet::new();
        for (host, port) in self.position.pending.iter().copied() {
            seen.insert((host, port));
            *ahead.entry(host).or_default() += 1;
        }
        for (host, port, state) in found.iter().copied() {
            seen.insert((host, port));
            listed.entry(host).or_default().add(state, 1);
        }
        if seen.len() < self.position.pending.len() + found.len() {
            bail!("a port is in it twice");
        }
        let numbers = seen
            .iter()
            .map(|(host, _)| *host)
            .chain(counts.iter().map(|(host, _)| host));
        if let Some(host) = numbers
            .into_iter()
            .find(|host| *host as usize >= hosts.len())
        {
            bail!(
                "it names host {host}, but there are only {} hosts",
                hosts.len()
            );
        }
        if let Some((_, port)) = seen
            .iter()
            .find(|(_, port)| ports.as_slice().binary_search(port).is_err())
        {
            bail!("it names port {port}, which is not among its ports");
        }

        let mut known = 0;
        for host in (0u32..).take(hosts.len()) {
            let counted = counts.get(&host).copied().unwrap_or_default();
            let listed = listed.get(&host).copied().unwrap_or_default();
            let ahead = ahead.get(&host).copied().unwrap_or_default();
            let adds_up = listed.open == counted.open
                && listed.closed <= counted.closed
                && listed.filtered <= counted.filtered
                && listed.unreachable <= counted.unreachable
                && counted.all() + ahead <= per_host;
            if !adds_up {
                bail!("the counts of host {host} do not add up");
            }
            known += counted.all() + ahead;
        }
        if known > self.position.local + self.position.remote {
            bail!("it has results for more ports than it has scanned");
        }
        Ok(())
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
            "own": self.local,
            "limits": {
                "tries": self.limits.tries,
                "window": Some(self.limits.window).filter(|window| *window > 0),
                "rate": self.limits.rate,
                "timeout": self.limits.timeout.map(|time| time.as_secs_f64()),
            },
            "next_own": self.position.local,
            "next_other": self.position.remote,
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
        let value: Value = serde_json::from_str(text).context("it is not valid JSON")?;
        if value["portscan"] != json!(VERSION) {
            bail!("it is not of version {VERSION}");
        }
        let seed = match &value["seed"] {
            Value::Null => None,
            seed => Some(seed.as_u64().context("\"seed\" is not a number")?),
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
            let host: u32 = number(&host[0])?;
            if u64::from(host) >= targets::MAX_HOSTS {
                bail!("host {host} is past the last one");
            }
            *findings.counts.of_mut(host) = counts;
        }
        Ok(Saved {
            targets: texts(&value, "targets")?,
            ports: value["ports"]
                .as_str()
                .context("\"ports\" is missing")?
                .to_string(),
            seed,
            local: texts(&value, "own")?,
            limits: Limits {
                tries: limit(&value, "tries", limits::tries)?,
                window: limit(&value, "window", limits::window)?.unwrap_or(0),
                rate: limit(&value, "rate", limits::rate)?,
                timeout: limit(&value, "timeout", labnet::seconds)?,
                details: false,
            },
            position: Position {
                local: number(&value["next_own"])?,
                remote: number(&value["next_other"])?,
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

fn texts(value: &Value, name: &str) -> anyhow::Result<Vec<String>> {
    list(value, name)?
        .iter()
        .map(|word| {
            let word = word.as_str().map(str::to_string);
            word.with_context(|| format!("{name:?} holds something that is not text"))
        })
        .collect()
}

/// A limit passes the same check as on the command line.
fn limit<T>(
    value: &Value,
    name: &str,
    read: impl Fn(&str) -> Result<T, String>,
) -> anyhow::Result<Option<T>> {
    match &value["limits"][name] {
        Value::Null => Ok(None),
        limit => read(&limit.to_string())
            .map(Some)
            .map_err(|what| anyhow!("{name} is {limit}, but {what}")),
    }
}

fn number<T: TryFrom<u64>>(value: &Value) -> anyhow::Result<T> {
    value
        .as_u64()
        .and_then(|number| T::try_from(number).ok())
        .ok_or_else(|| anyhow!("{value} is not a number in range"))
}

fn state(word: &str) -> Option<State> {
    State::ALL.into_iter().find(|state| state.word() == word)
}

#[cfg(test)]
mod tests {
    use std::net::IpAddr;
    use std::time::Duration;

    use super::*;

    fn saved() -> Saved {
        let mut findings = Findings::default();
        findings.record(0, 22, State::Open, true);
        findings.record(1, 23, State::Filtered, true);
        Saved {
            targets: vec!["10.0.0.1-10.0.0.9".to_string()],
            ports: "22-80".to_string(),
            seed: Some(u64::MAX),
            local: vec!["10.0.0.3".to_string()],
            limits: Limits {
                tries: Some(4),
                window: 300,
                rate: Some(0.3),
                timeout: Some(Duration::from_millis(1234)),
                details: false,
            },
            position: Position {
                local: 59,
                remote: 17,
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
        let (limits, before) = (again.limits, saved.limits);
        assert_eq!(
            (limits.tries, limits.window, limits.rate, limits.timeout),
            (before.tries, before.window, before.rate, before.timeout)
        );
        let none = Saved::from_json(&Saved::default().to_json().to_string()).unwrap();
        assert_eq!(none, Saved::default());
    }

    #[test]
    fn a_file_of_an_older_version_of_the_program_is_read() {
        let text = r#"{"counts":[[0,1,2,0,0]],"found":[[0,22,"open"]],
            "limits":{"rate":200.0,"timeout":0.25,"tries":3,"window":null},"next_other":0,
            "next_own":4,"own":["127.0.0.1"],"pending":[[0,25]],"portscan":2,"ports":"22-100",
            "seed":7,"targets":["127.0.0.1"]}"#;
        let saved = Saved::from_json(text).unwrap();
        assert_eq!(
            (saved.local.as_slice(), saved.seed),
            (&["127.0.0.1".to_string()][..], Some(7))
        );
        assert_eq!((saved.position.local, saved.position.remote), (4, 0));
        assert_eq!(saved.position.pending, [(0, 25)]);
        assert_eq!((saved.limits.tries, saved.limits.window), (Some(3), 0));
        let host = Host::from(IpAddr::from([127, 0, 0, 1]));
        saved
            .check(&[host], 1, &saved.ports.parse().unwrap())
            .unwrap();
    }

    #[test]
    fn a_damaged_file_is_refused_and_says_why() {
        let whole = saved().to_json().to_string();
        let bad = |text: &str| format!("{:#}", Saved::from_json(text).unwrap_err());
        assert!(bad(&whole[..whole.len() / 2]).contains("not valid JSON"));
        assert!(bad("{}").contains("version"));
        assert!(bad(&whole.replace("65535", "65536")).contains("65536 is not a number in range"));
        assert!(bad(&whole.replace("0.3", "-1.0")).contains("rate is -1.0, but a rate is"));
        assert!(bad(&whole.replace("filtered", "odd")).contains("state"));
        assert!(bad(&whole.replace("\"pending\"", "\"gone\"")).contains("\"pending\" is missing"));
    }

    /// Ports 22 to 80 of 9 hosts; one of them is this machine: 59 local and 472 remote ports.
    fn checked(change: impl FnOnce(&mut Saved)) -> Result<(), String> {
        let mut saved = saved();
        saved.position.pending = vec![(3, 80), (0, 25)];
        saved.findings.record(0, 24, State::Closed, false);
        change(&mut saved);
        let ip = |last: u8| Host::from(IpAddr::from([10, 0, 0, last]));
        let hosts: Vec<Host> = [3, 1, 2, 4, 5, 6, 7, 8, 9].map(ip).to_vec();
        let ports = saved.ports.parse().unwrap();
        saved
            .check(&hosts, 1, &ports)
            .map_err(|error| format!("{error:#}"))
    }

    #[test]
    fn numbers_that_do_not_fit_the_targets_are_refused() {
        let refused = |words: &str, change: &dyn Fn(&mut Saved)| {
            let told = checked(change).unwrap_err();
            assert!(told.contains(words), "{words:?} is not in {told:?}");
        };
        assert_eq!(checked(|_| ()), Ok(()));
        refused("were 10.0.0.4, and are now 10.0.0.3", &|saved| {
            saved.local = vec!["10.0.0.4".to_string()];
        });
        refused("were none, and are now", &|saved| saved.local.clear());
        refused(
            "past the end: it has 59 local and 472 remote ports",
            &|saved| {
                saved.position.local = 60;
            },
        );
        refused("past the end", &|saved| saved.position.remote = 473);
        refused("host 9, but there are only 9", &|saved| {
            saved.position.pending[0].0 = 9;
        });
        refused("host 9, but there are only 9", &|saved| {
            saved.findings.record(9, 22, State::Open, true);
        });
        refused("host 12,", &|saved| {
            saved.findings.record(12, 22, State::Closed, false);
        });
        refused("port 81, which is not among", &|saved| {
            saved.position.pending[0].1 = 81;
        });
        refused("port 21, which is not among", &|saved| {
            saved.findings.record(2, 21, State::Open, true);
        });
        refused("a port is in it twice", &|saved| {
            saved.position.pending.push((0, 25));
        });
        refused("a port is in it twice", &|saved| {
            saved.position.pending.push((0, 22));
        });
        refused("the counts of host 0 do not add up", &|saved| {
            *saved.findings.counts.of_mut(0) = Counts::default();
        });
        refused("the counts of host 1 do not add up", &|saved| {
            saved.findings.counts.of_mut(1).filtered = 0;
        });
        refused("the counts of host 4 do not add up", &|saved| {
            saved.findings.counts.of_mut(4).closed = 60;
        });
        refused("more ports than it has scanned", &|saved| {
            saved.position.local = 1;
            saved.position.remote = 3;
        });
    }
}
