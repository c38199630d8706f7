//! The resume file of an interrupted scan: what is known, and where to continue.
//!
//! Its first line is an object with everything but the results. Each further line is an object with
//! results of one host, so that a million hosts need not be in memory at once. A file that an older
//! portscan has written stays readable: that was one object (version 2). [`text`] writes and reads
//! the lines.

use std::fs::File;
use std::io::{self, BufReader, BufWriter, Write};
use std::path::Path;

use anyhow::{Context, bail};
use labnet::Hint;

use crate::engine::Position;
use crate::findings::{Findings, HostCounts, State};
use crate::limits::Limits;
use crate::ports::Ports;
use crate::targets::{self, Host};

mod text;

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
/// assert_eq!(Saved::read(saved.text().as_bytes())?, saved);
/// # Ok::<(), anyhow::Error>(())
/// ```
#[derive(Debug, Clone, Default)]
pub struct Saved {
    /// The targets, as [`crate::targets::Targets::words`] gives them.
    pub targets: Vec<String>,
    /// Addresses, and the names that they were given by.
    pub names: Vec<(String, String)>,
    /// The ports, as [`crate::ports::Ports`] prints them.
    pub ports: String,
    /// The seed of the order; `None` is ascending order.
    pub seed: Option<u64>,
    /// The hosts that were addresses of the machine that scanned, as [`crate::targets::words`]
    /// gives them: the host numbers depend on them.
    pub local: Vec<String>,
    /// The limits that the user set; [`Limits::details`] follows from the targets and the ports.
    pub limits: Limits,
    /// What the user wanted to see of the results.
    pub wanted: Wanted,
    /// Where to continue. A file is shorter when the ports in hand are sorted.
    pub position: Position,
    /// What is known.
    pub findings: Findings,
}

/// The options that say what the report is like.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Wanted {
    /// `--banner`.
    pub banner: bool,
    /// `--open`.
    pub open: bool,
    /// `--format`.
    pub format: Option<String>,
    /// `--out`.
    pub out: Option<String>,
}

impl PartialEq for Saved {
    fn eq(&self, other: &Self) -> bool {
        self.text() == other.text()
    }
}

/// Ports of hosts with their states, in the order of the hosts.
pub type FoundPorts<'a> = dyn Iterator<Item = io::Result<(u32, u16, State)>> + 'a;

impl Saved {
    /// Reads the file.
    ///
    /// # Errors
    ///
    /// When it cannot be read, or does not hold an interrupted scan.
    pub fn load(path: &Path) -> anyhow::Result<Self> {
        let shown = path.display();
        let file = File::open(path)
            .with_context(|| format!("cannot read {shown}"))
            .hint("--resume takes the file that an interrupted scan has written")?;
        Self::read(BufReader::new(file))
            .with_context(|| format!("{shown} is not the resume file of an interrupted scan"))
            .hint("start the scan again, without --resume")
    }

    /// Writes the file, first under another name, so that an old file stays intact when the disk is
    /// full. `found` takes the place of [`Saved::findings`].
    ///
    /// An old file is replaced; a link is replaced too, not followed. With `new` there must be
    /// none.
    ///
    /// # Errors
    ///
    /// When it cannot be written.
    pub fn store(
        &self,
        path: &Path,
        new: bool,
        counts: &HostCounts,
        found: &mut FoundPorts<'_>,
    ) -> io::Result<()> {
        let folder = match path.parent() {
            Some(folder) if folder != Path::new("") => folder,
            _ => Path::new("."),
        };
        let mut file = tempfile::NamedTempFile::new_in(folder)?;
        let mut out = BufWriter::new(file.as_file_mut());
        self.write(&mut out, counts, found)?;
        out.flush()?;
        drop(out);
        let stored = match new {
            true => file.persist_noclobber(path),
            false => file.persist(path),
        };
        stored.map(drop).map_err(|error| error.error)
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
        let pending = &self.position.pending;
        let mut seen: Vec<(u32, u16)> = pending.clone();
        seen.extend(found.iter().map(|(host, port, _)| (*host, *port)));
        seen.sort_unstable();
        if seen.windows(2).any(|pair| pair[0] == pair[1]) {
            bail!("a port is in it twice");
        }
        let numbers = seen.iter().map(|(host, _)| *host);
        let numbers = numbers.chain(counts.iter().map(|(host, _)| host));
        let mut numbers = numbers.chain(counts.doubts().map(|(host, _)| host));
        if let Some(host) = numbers.find(|host| *host as usize >= hosts.len()) {
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
        drop(seen);
        let mut ahead = vec![0u32; hosts.len()];
        for (host, _) in pending {
            ahead[*host as usize] += 1;
        }
        let mut listed = HostCounts::default();
        for (host, _, state) in found {
            listed.of_mut(*host).add(*state, 1);
        }

        let mut known = 0;
        for host in (0u32..).take(hosts.len()) {
            let counted = counts.get(&host).copied().unwrap_or_default();
            let listed = listed.get(&host).copied().unwrap_or_default();
            let ahead = u64::from(ahead[host as usize]);
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
}

#[cfg(test)]
mod tests {
    use std::net::IpAddr;
    use std::time::Duration;

    use super::*;
    use crate::findings::{Counts, Doubt};

    fn saved() -> Saved {
        let mut findings = Findings::default();
        findings.record(0, 22, State::Open, true);
        findings.record(1, 23, State::Filtered, true);
        let doubts = [
            Doubt::Loss {
                share: 0.25,
                chance: 0.01,
            },
            Doubt::Limited {
                rate: 25.0,
                refusals: true,
            },
            Doubt::Limited {
                rate: 25.5,
                refusals: false,
            },
            Doubt::FellSilent,
            Doubt::OnlyRefusals,
            Doubt::Unconfirmed,
            Doubt::ShortWait(Duration::from_millis(250)),
            Doubt::NoMachine,
            Doubt::NoWay,
        ];
        for (host, doubt) in (0..).zip(doubts) {
            findings.counts.doubt(host, doubt);
        }
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
                ..Limits::default()
            },
            position: Position {
                local: 59,
                remote: 17,
                pending: vec![(0, 22), (3, 65535)],
                ..Position::default()
            },
            findings,
            names: vec![("10.0.0.1".to_string(), "db.example".to_string())],
            wanted: Wanted {
                banner: true,
                open: false,
                format: Some("csv".to_string()),
                out: Some("scan.csv".to_string()),
            },
        }
    }

    fn read(text: &str) -> anyhow::Result<Saved> {
        Saved::read(text.as_bytes())
    }

    #[test]
    fn what_is_written_reads_back() {
        let saved = saved();
        let again = read(&saved.text()).unwrap();
        assert_eq!(again, saved);
        assert_eq!(again.position, saved.position);
        assert_eq!(again.findings.counts, saved.findings.counts);
        assert_eq!((&again.names, &again.wanted), (&saved.names, &saved.wanted));
        let (limits, before) = (again.limits, saved.limits);
        assert_eq!(
            (limits.tries, limits.window, limits.rate, limits.timeout),
            (before.tries, before.window, before.rate, before.timeout)
        );
        assert_eq!(read(&Saved::default().text()).unwrap(), Saved::default());
    }

    #[test]
    fn a_link_is_replaced_and_a_file_of_another_scan_is_kept() {
        let folder = tempfile::tempdir().unwrap();
        let (path, theirs) = (folder.path().join("resume"), folder.path().join("theirs"));
        let store = |new| saved().store(&path, new, &HostCounts::default(), &mut [].into_iter());
        std::fs::write(&theirs, "important").unwrap();
        #[cfg(unix)]
        std::os::unix::fs::symlink(&theirs, &path).unwrap();
        #[cfg(unix)]
        assert_eq!(
            store(true).unwrap_err().kind(),
            io::ErrorKind::AlreadyExists
        );
        store(false).unwrap();
        assert_eq!(std::fs::read_to_string(&theirs).unwrap(), "important");
        assert!(Saved::load(&path).is_ok());
        assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 2);
    }

    #[test]
    fn a_file_of_an_older_version_of_the_program_is_read() {
        let text = r#"{"counts":[[0,1,2,0,0]],"found":[[0,22,"open"]],
            "limits":{"rate":200.0,"timeout":0.25,"tries":3,"window":null},"next_other":0,
            "next_own":4,"own":["127.0.0.1"],"pending":[[0,25]],"portscan":2,"ports":"22-100",
            "seed":7,"targets":["127.0.0.1"]}"#;
        let saved = read(text).unwrap();
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
        let whole = saved().text();
        let bad = |text: &str| format!("{:#}", read(text).unwrap_err());
        assert!(bad(&whole[..50]).contains("not valid JSON"));
        let last = whole.trim_end().rfind('\n').unwrap();
        assert!(bad(&whole[..last]).contains("its end is missing"));
        assert!(bad(&whole[..last - 5]).contains("a line is not valid JSON"));
        assert!(bad("{}").contains("version"));
        assert!(bad(&whole.replace("65535", "65536")).contains("\"65536\" is not a port"));
        assert!(bad(&whole.replace("0.3", "-1.0")).contains("rate is -1.0, but a rate is"));
        assert!(bad(&whole.replace("fell silent", "odd")).contains("a doubt is unknown"));
        assert!(bad(&whole.replace("filtered", "odd")).contains("state"));
        assert!(bad(&whole.replace("\"pending\"", "\"gone\"")).contains("a state is unknown"));
        assert!(bad(&whole.replace("\"next_own\"", "\"gone\"")).contains("not a number"));
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
        // A host that is counted twice does not overflow.
        let text = saved().text();
        let counts = "{\"counts\":[4294967295,0,0,0],\"host\":1}\n";
        let (first, rest) = text.split_once('\n').unwrap();
        let twice = format!("{first}\n{counts}{counts}{rest}");
        assert_eq!(
            read(&twice).unwrap().findings.counts,
            saved().findings.counts
        );
        refused("more ports than it has scanned", &|saved| {
            saved.position.local = 1;
            saved.position.remote = 3;
        });
    }
}
