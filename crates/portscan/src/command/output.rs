//! The report: where it goes, and how it is put together.

use std::collections::VecDeque;
use std::fs::{self, File};
use std::io::{self, BufReader, BufWriter, Read, Seek, Write};
use std::path::Path;
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, SystemTime};

use anyhow::Context;
use indicatif::ProgressBar;
use labnet::{Hint, log};
use portscan::banner::{self, Asking, Banner, Reply};
use portscan::engine::{Outcome, Plan, Progress};
use portscan::findings::{Counts, Doubt, HostCounts, State};
use portscan::report::{Form, Format, Host, Port, Scan, Totals, host_doubts};
use portscan::spool::Spool;
use portscan::targets;

use super::collect::Collected;
use super::input::Input;
use super::out::{Live, Out};
use super::progress::with_bar;

const BANNER_TIMEOUT: Duration = Duration::from_secs(2);

/// What a report is made from.
pub(crate) struct Report<'a> {
    plan: &'a Plan,
    input: &'a Input,
    counts: HostCounts,
    /// The ports by the places of their hosts.
    spool: Spool,
    /// The number of the host at each place, unless the hosts are in order.
    order: Option<Vec<u32>>,
    banners: Option<Banners>,
    scan: Scan,
}

impl<'a> Report<'a> {
    pub(crate) fn new(
        plan: &'a Plan,
        input: &'a Input,
        outcome: &Outcome,
        collected: Collected,
        began: SystemTime,
    ) -> anyhow::Result<(Self, Option<Live>)> {
        let Collected {
            spool,
            counts,
            live,
            ..
        } = collected;
        let per_host = plan.ports.len() as u64;
        let mut scan = Scan {
            command: std::env::args().collect::<Vec<_>>().join(" "),
            ports: (input.ports.to_string(), plan.ports.len()),
            began,
            time: outcome.time,
            hosts: plan.hosts.len() as u64,
            up: 0,
            silent: 0,
            missing: 0,
            counts: Totals::default(),
            unknown: per_host * plan.hosts.len() as u64,
            losses: outcome.losses,
            round_trip: outcome.round_trip,
            limited_to: outcome.limited_to,
            slowed_to: outcome.slowed_to,
            tries: outcome.tries,
            seed: plan.seed,
            stopped: outcome.stopped.is_some(),
            doubtful: Vec::new(),
            doubtful_hosts: 0,
            banners_unread: 0,
            banners_skipped: 0,
        };
        for of_host in counts.values() {
            scan.counts.add(*of_host);
            if of_host.open + of_host.closed > 0 {
                scan.up += 1;
            } else if of_host.filtered > 0 {
                scan.silent += 1;
            }
        }
        scan.unknown = scan.unknown.saturating_sub(scan.counts.all());
        let mut report = Report {
            plan,
            input,
            counts,
            spool,
            order: None,
            banners: None,
            scan,
        };
        report.sort_hosts()?;
        report.find_doubts();
        Ok((report, live))
    }

    /// The doubts of the first hosts that have some, for the beginning of the report.
    fn find_doubts(&mut self) {
        const SHOWN: usize = 5;
        let places = Places::of(self.plan, self.order.as_deref());
        for place in (0..).take(self.plan.hosts.len()) {
            let number = places.number(place);
            let counts = self.counts.get(&number).copied().unwrap_or_default();
            // Hosts without any answer are counted.
            if counts.open + counts.closed == 0 && self.counts.doubt_of(number).is_none() {
                continue;
            }
            if self.counts.doubt_of(number) == Some(&Doubt::NoMachine) {
                self.scan.missing += 1;
                continue;
            }
            let doubts = host_doubts(counts, 0, self.counts.doubt_of(number));
            if doubts.is_empty() {
                continue;
            }
            self.scan.doubtful_hosts += 1;
            if self.scan.doubtful.len() < SHOWN {
                let doubts = doubts.join("; ");
                self.scan.doubtful.push(match self.plan.hosts.len() {
                    1 => doubts,
                    _ => format!("{}: {doubts}", places.host(place)),
                });
            }
        }
    }

    /// This machine's addresses were scanned first; the report has all hosts in the order of their
    /// addresses.
    fn sort_hosts(&mut self) -> anyhow::Result<()> {
        let hosts = &self.plan.hosts;
        if hosts.is_sorted() {
            return Ok(());
        }
        let mut order: Vec<u32> = (0..).take(hosts.len()).collect();
        order.sort_unstable_by_key(|number| hosts[*number as usize]);
        let mut places = vec![0; hosts.len()];
        for (place, number) in (0..).zip(&order) {
            places[*number as usize] = place;
        }
        let mut by_place = Spool::default();
        for port in self.spool.sorted() {
            let (number, port, state) = port.context("cannot read a temporary file")?;
            by_place
                .push(places[number as usize], port, state)
                .context("cannot write a temporary file")?;
        }
        self.spool = by_place;
        self.order = Some(order);
        Ok(())
    }

    /// What the services on the open ports say first. A report that streams gets each port with its
    /// banner.
    pub(crate) fn read_banners(
        &mut self,
        live: &mut Option<Live>,
        stop: &AtomicBool,
    ) -> anyhow::Result<()> {
        const STYLE: &str = "{percent:>3} % [{bar:30}] {human_pos}/{human_len} banners, {eta} left";
        let progress = Progress::default();
        let all = self.scan.counts.of(State::Open);
        progress.all.store(all, Ordering::Relaxed);
        let asking = Asking {
            time: BANNER_TIMEOUT,
            rate: self.plan.limits.rate,
            stop,
            done: &progress.done,
        };
        let mut banners = Banners::new().context("cannot make a temporary file")?;
        let places = Places::of(self.plan, self.order.as_deref());
        // The services that were asked, until they have replied.
        let asked = Mutex::new(VecDeque::new());
        let live = Mutex::new(live);
        let print = |place: u32, port: Port| {
            if let Some(live) = labnet::lock(&live).as_mut() {
                live.print(&places.host(place).to_string(), &port);
            }
        };
        let (spool, scan) = (&mut self.spool, &mut self.scan);
        let services = spool.sorted().filter_map(|port| {
            let (place, port, state) = match port {
                Ok(port) => port,
                Err(error) => return Some(Err(error)),
            };
            if state == State::Open {
                labnet::lock(&asked).push_back((place, port));
                return Some(Ok((place, places.host(place).port(port))));
            }
            print(
                place,
                Port {
                    port,
                    state,
                    banner: None,
                },
            );
            None
        });
        let mut tell = |reply: Reply| {
            let banner = match reply {
                Reply::Asked(banner) => Some(banner),
                Reply::Silent => None,
                Reply::Stopped => {
                    scan.banners_unread += 1;
                    None
                }
                Reply::Skipped => {
                    scan.banners_skipped += 1;
                    None
                }
            };
            banners.push(banner.as_ref())?;
            if let Some((place, port)) = labnet::lock(&asked).pop_front() {
                print(
                    place,
                    Port {
                        port,
                        state: State::Open,
                        banner,
                    },
                );
            }
            Ok(())
        };
        let bar = ProgressBar::new(0);
        with_bar(&bar, STYLE, &progress, || {
            banner::read_all(services, &asking, &mut tell)
        })?
        .context("cannot read the banners")?;
        if let Some(live) = labnet::lock(&live).as_mut() {
            live.flush();
        }
        self.banners = Some(banners);
        Ok(())
    }

    /// Writes the whole report, or what is missing of one whose ports have been printed.
    fn write(&mut self, form: &mut dyn Form, out: &mut Out, ports_too: bool) -> io::Result<()> {
        if ports_too {
            form.begin(out, &self.scan)?;
        }
        let places = Places::of(self.plan, self.order.as_deref());
        let per_host = self.plan.ports.len() as u64;
        let mut banners = self.banners.as_mut().map(Banners::reader).transpose()?;
        let mut ports = self.spool.sorted().peekable();
        for place in (0..).take(self.plan.hosts.len()) {
            let counts = self.counts.get(&places.number(place)).copied();
            let counts = counts.unwrap_or_default();
            let mut of_host = std::iter::from_fn(|| {
                let same = |port: &io::Result<(u32, u16, State)>| {
                    port.as_ref().map_or(true, |(of, _, _)| *of == place)
                };
                let port = ports.next_if(same)?;
                Some(port.and_then(|(_, port, state)| {
                    let banner = match &mut banners {
                        Some(banners) if state == State::Open => banners.next()?,
                        _ => None,
                    };
                    Ok(Port {
                        port,
                        state,
                        banner,
                    })
                }))
            });
            if self.input.wanted.open && counts.open == 0 {
                continue;
            }
            let host = places.host(place);
            let unknown = per_host.saturating_sub(counts.all());
            let listed = match self.plan.limits.details {
                true => counts,
                false => Counts {
                    open: counts.open,
                    ..Counts::default()
                },
            };
            let host = Host {
                address: host.to_string(),
                name: self.input.targets.name(host).map(str::to_string),
                counts,
                rest: counts.without(listed),
                unknown,
                doubts: host_doubts(counts, unknown, self.counts.doubt_of(places.number(place))),
            };
            if ports_too {
                form.host(out, &host, &mut of_host)?;
            } else {
                form.host(out, &host, &mut std::iter::empty())?;
            }
        }
        form.end(out, &self.scan)?;
        out.flush()
    }

    /// Writes the report where the user wants it. Gives back the errors.
    pub(crate) fn deliver(&mut self, out: Option<Out>, live: Option<Live>) -> Vec<anyhow::Error> {
        let format = self.input.format;
        let path = self.input.wanted.out.as_deref();
        let written = match (live, out) {
            (
                Some(Live {
                    error: Some(error), ..
                }),
                _,
            ) => Err(error),
            (Some(mut live), _) => self.write(&mut *live.form, &mut live.out, false),
            (None, Some(mut out)) => {
                let color = out.is_terminal() && std::env::var_os("NO_COLOR").is_none();
                self.write(&mut *format.form(color), &mut out, true)
            }
            (None, None) => Err(io::Error::other("it was not opened")),
        };
        let mut errors = Vec::new();
        match (written, path) {
            (Ok(()), _) => {}
            (Err(error), Some(path)) => {
                let failed: anyhow::Result<()> = Err(error)
                    .with_context(|| format!("cannot write {path}"))
                    .hint("the report went to stdout instead");
                errors.extend(failed.err());
                // A full disk does not lose the report.
                let again = self.write(&mut *format.form(false), &mut Out::stdout(), true);
                errors.extend(to_stdout(again).err());
            }
            (failed, None) => errors.extend(to_stdout(failed).err()),
        }
        if path.is_some() || format != Format::Human {
            log!("{}", self.scan.summary());
            for doubt in self.scan.uncertainties() {
                log!("uncertain: {doubt}");
            }
        }
        if let (Some(path), true) = (path, self.scan.stopped) {
            log!("{path} has only what is known so far");
        }
        errors
    }
}

fn to_stdout(written: io::Result<()>) -> anyhow::Result<()> {
    written
        .context("cannot write to stdout")
        .hint("its reader has ended, or its disk is full; --out names a file")
}

/// The hosts by their places in the report.
struct Places<'a> {
    hosts: &'a [targets::Host],
    order: Option<&'a [u32]>,
}

impl<'a> Places<'a> {
    fn of(plan: &'a Plan, order: Option<&'a [u32]>) -> Self {
        Places {
            hosts: &plan.hosts,
            order,
        }
    }

    fn number(&self, place: u32) -> u32 {
        self.order.map_or(place, |order| order[place as usize])
    }

    fn host(&self, place: u32) -> targets::Host {
        self.hosts[self.number(place) as usize]
    }
}

/// The banners of all open ports in the order of the report, in a temporary file: a million of them
/// are too much for memory.
struct Banners(BufWriter<File>);

/// What a record in the file is.
const NOTHING: u8 = 0;
const SAID: u8 = 1;
const FAILED: u8 = 2;

impl Banners {
    fn new() -> io::Result<Self> {
        Ok(Banners(BufWriter::new(tempfile::tempfile()?)))
    }

    fn push(&mut self, banner: Option<&Banner>) -> io::Result<()> {
        let (kind, text) = match banner {
            None => (NOTHING, ""),
            Some(Banner::Said(text)) => (SAID, text.as_str()),
            Some(Banner::Failed(text)) => (FAILED, text.as_str()),
        };
        let length = u32::try_from(text.len()).map_err(io::Error::other)?;
        self.0.write_all(&[kind])?;
        self.0.write_all(&length.to_le_bytes())?;
        self.0.write_all(text.as_bytes())
    }

    fn reader(&mut self) -> io::Result<BannerReader> {
        self.0.flush()?;
        let mut file = self.0.get_ref().try_clone()?;
        file.rewind()?;
        Ok(BannerReader(BufReader::new(file)))
    }
}

struct BannerReader(BufReader<File>);

impl BannerReader {
    fn next(&mut self) -> io::Result<Option<Banner>> {
        let (mut kind, mut length) = ([0], [0; 4]);
        self.0.read_exact(&mut kind)?;
        self.0.read_exact(&mut length)?;
        let mut text = vec![0; u32::from_le_bytes(length) as usize];
        self.0.read_exact(&mut text)?;
        let text = String::from_utf8(text).map_err(io::Error::other)?;
        Ok(match kind {
            [SAID] => Some(Banner::Said(text)),
            [FAILED] => Some(Banner::Failed(text)),
            _ => None,
        })
    }
}

pub(crate) fn remove(path: &Path) -> anyhow::Result<()> {
    fs::remove_file(path)
        .with_context(|| format!("cannot remove {}", path.display()))
        .hint("the scan is complete: the file is no longer needed")
}
