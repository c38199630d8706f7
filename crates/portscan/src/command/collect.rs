//! What is done with results while the scan runs: they are kept sorted, printed where the format
//! allows it, and saved every few seconds, so that even a killed scan can continue.

use std::fmt;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Mutex;
use std::time::{Duration, Instant};

use anyhow::Context;
use indicatif::ProgressBar;
use labnet::{Hint, log};
use portscan::engine::{Plan, Position, Watcher};
use portscan::findings::{HostCounts, State};
use portscan::report::Port;
use portscan::resume::Saved;
use portscan::services;
use portscan::spool::Spool;

use super::input::Input;
use super::out::Live;

/// The file that an interrupted scan leaves, unless `--resume` names another.
const RESUME_FILE: &str = "portscan.resume";

/// The shortest time between two saves. A save that takes long is followed by a longer pause.
const SAVE_EVERY: Duration = Duration::from_secs(2);

/// The most ports that are shown above the progress bar.
const SHOWN: u32 = 100;

/// See the module.
pub(crate) struct Collector {
    plan: Plan,
    /// Everything that the resume file has besides results.
    header: Saved,
    bar: ProgressBar,
    inner: Mutex<Inner>,
}

struct Inner {
    spool: Spool,
    spool_failed: bool,
    live: Option<Live>,
    /// What was known before this scan.
    before: HostCounts,
    next_save: Instant,
    save_failed: bool,
    /// Where the scan is saved, and whether it was.
    path: PathBuf,
    /// Whether the user has chosen the path.
    chosen: bool,
    saved: bool,
    shown: u32,
}

impl fmt::Debug for Collector {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Collector")
    }
}

impl Collector {
    pub(crate) fn new(
        plan: &Plan,
        input: &mut Input,
        resume: Option<&Path>,
        live: Option<Live>,
    ) -> Self {
        let header = Saved {
            targets: input.targets.words(),
            names: input
                .targets
                .named()
                .map(|(host, name)| (host.to_string(), name.to_string()))
                .collect(),
            ports: input.ports.to_string(),
            seed: plan.seed,
            local: portscan::targets::words(&plan.hosts[..plan.local]),
            limits: plan.limits.clone(),
            wanted: input.wanted.clone(),
            ..Saved::default()
        };
        let before = input
            .saved
            .as_mut()
            .map(|saved| std::mem::take(&mut saved.findings));
        let before = before.unwrap_or_default();
        let collector = Collector {
            plan: plan.clone(),
            header,
            bar: ProgressBar::new(0),
            inner: Mutex::new(Inner {
                spool: Spool::default(),
                spool_failed: false,
                live,
                before: before.counts,
                next_save: Instant::now() + SAVE_EVERY,
                save_failed: false,
                path: resume.unwrap_or(Path::new(RESUME_FILE)).to_path_buf(),
                chosen: resume.is_some(),
                saved: input.saved.is_some(),
                shown: 0,
            }),
        };
        collector.found(&before.ports);
        collector
    }

    pub(crate) fn bar(&self) -> &ProgressBar {
        &self.bar
    }

    /// Saves the scan as it ended, and says where.
    pub(crate) fn save_end(
        &self,
        position: Position,
        counts: &HostCounts,
    ) -> anyhow::Result<PathBuf> {
        let mut inner = labnet::lock(&self.inner);
        self.store(&mut inner, position, counts)
            .with_context(|| format!("cannot write {}", inner.path.display()))
            .hint("--resume names another file to continue from")?;
        Ok(inner.path.clone())
    }

    fn store(
        &self,
        inner: &mut Inner,
        mut position: Position,
        counts: &HostCounts,
    ) -> io::Result<()> {
        position.pending.sort_unstable();
        let sum;
        let all = if inner.before.is_empty() {
            counts
        } else {
            sum = inner.before.clone().with(counts);
            &sum
        };
        let saved = Saved {
            position,
            ..self.header.clone()
        };
        for number in 2.. {
            // The file of another scan stays as it is.
            let new = !inner.saved;
            let stored = saved.store(&inner.path, new, all, &mut inner.spool.sorted());
            match stored {
                Err(error)
                    if error.kind() == io::ErrorKind::AlreadyExists
                        && !inner.chosen
                        && number < 100 =>
                {
                    inner.path = format!("portscan-{number}.resume").into();
                }
                stored => {
                    inner.saved |= stored.is_ok();
                    return stored;
                }
            }
        }
        Ok(())
    }

    /// The results, all counts, the report that was begun, and the resume file, if there is one.
    pub(crate) fn finish(&self, counts: HostCounts) -> Collected {
        let mut inner = labnet::lock(&self.inner);
        let before = std::mem::take(&mut inner.before);
        Collected {
            spool: std::mem::take(&mut inner.spool),
            counts: counts.with(&before),
            live: inner.live.take(),
            resume_file: inner.saved.then(|| inner.path.clone()),
        }
    }
}

/// See [`Collector::finish`].
pub(crate) struct Collected {
    pub(crate) spool: Spool,
    pub(crate) counts: HostCounts,
    pub(crate) live: Option<Live>,
    pub(crate) resume_file: Option<PathBuf>,
}

impl Watcher for Collector {
    fn found(&self, ports: &[(u32, u16, State)]) {
        let mut inner = labnet::lock(&self.inner);
        for (host, port, state) in ports.iter().copied() {
            if let Err(error) = inner.spool.push(host, port, state)
                && !inner.spool_failed
            {
                inner.spool_failed = true;
                log!("cannot use a temporary file, the results stay in memory: {error}");
            }
            let address = || self.plan.hosts[host as usize].to_string();
            if let Some(live) = &mut inner.live {
                let port = Port {
                    port,
                    state,
                    banner: None,
                };
                live.print(&address(), &port);
            } else if state == State::Open && inner.shown < SHOWN {
                inner.shown += 1;
                let service = services::name(port).unwrap_or("-");
                self.bar
                    .println(format!("open: {} port {port} {service}", address()));
            }
        }
        if let Some(live) = &mut inner.live {
            live.flush();
        }
    }

    fn wants_to_save(&self) -> bool {
        Instant::now() >= labnet::lock(&self.inner).next_save
    }

    fn save(&self, position: Position, counts: &HostCounts) {
        let mut inner = labnet::lock(&self.inner);
        let began = Instant::now();
        let stored = self.store(&mut inner, position, counts);
        if let Err(error) = stored
            && !inner.save_failed
        {
            inner.save_failed = true;
            self.bar.suspend(|| {
                log!(
                    "cannot save the scan meanwhile in {}: {error}",
                    inner.path.display()
                );
            });
        }
        inner.next_save = Instant::now() + SAVE_EVERY.max(20 * began.elapsed());
    }
}
