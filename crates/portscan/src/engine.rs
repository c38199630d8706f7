//! The engine: carries out a scan with the sockets of this machine.
//!
//! Addresses of this machine answer inside the `connect` call itself, so [`local`] needs no poller
//! and no window. Remote hosts, and ports of this machine that are silent, go through [`poller`],
//! which does what [`crate::schedule`] says.
//!
//! | module | holds |
//! |---|---|
//! | [`local`] | the quick scan of this machine's own addresses (Linux) |
//! | [`neighbors`] | which addresses of the local network no machine has (Linux) |
//! | [`poller`] | everything else: many connects in flight at once |
//! | [`watch`] | anyone who wants to know what a scan finds while it runs |
//! | [`system`] | what differs between systems: `linux.rs` or `portable.rs` |

use std::collections::HashSet;
use std::io;
use std::net::{IpAddr, Ipv4Addr, SocketAddr, UdpSocket};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context, anyhow};

use crate::findings::{Findings, Losses, State};
use crate::limits::Limits;
use crate::permutation::Permutation;
use crate::schedule::Scheduler;
use crate::targets::Host;

#[cfg(target_os = "linux")]
mod local;
#[cfg(target_os = "linux")]
mod neighbors;
mod poller;
#[cfg_attr(target_os = "linux", path = "engine/linux.rs")]
#[cfg_attr(not(target_os = "linux"), path = "engine/portable.rs")]
mod system;
mod watch;

pub use watch::Watcher;

/// The most probes in flight by default. More would only fill queues, and each costs the kernel
/// about 3 kB.
pub const MAX_IN_FLIGHT: usize = 16 * 1024;

/// What to scan, and how.
#[derive(Debug, Clone)]
pub struct Plan {
    /// The hosts, in the order that [`arrange`] gives them.
    pub hosts: Arc<Vec<Host>>,
    /// How many of them, from the first on, are addresses of this machine.
    pub local: usize,
    /// The ports of each.
    pub ports: Vec<u16>,
    /// The seed of the random order; `None` is hosts and ports in ascending order.
    pub seed: Option<u64>,
    /// Tries, rate, waiting time and window; a window of 0 is [`MAX_IN_FLIGHT`].
    pub limits: Limits,
    /// Where an interrupted scan ended.
    pub start: Position,
}

/// How far a scan has come: enough to continue from.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Position {
    /// The next index in the order of this machine's addresses.
    pub local: u64,
    /// The next index in the order of the remote hosts.
    pub remote: u64,
    /// Ports (host number, port) before these indices whose state is not known.
    pub pending: Vec<(u32, u16)>,
    /// Some ports that were open: they show whether their hosts still answer, and how quickly.
    pub answered: Vec<(u32, u16)>,
}

/// How far a scan is, for a progress bar: written by the engine, read by anyone.
#[derive(Debug, Default)]
pub struct Progress {
    /// Tries whose outcome is known.
    pub done: AtomicU64,
    /// Tries that are needed, as far as is known.
    pub all: AtomicU64,
    /// Anyone who wants to know what is found meanwhile.
    pub watcher: Option<Arc<dyn Watcher>>,
}

/// What a scan found.
#[derive(Debug, Clone)]
pub struct Outcome {
    /// The states of the ports; host numbers are those of [`Plan::hosts`].
    pub findings: Findings,
    /// Answers and losses.
    pub losses: Losses,
    /// The least and the smoothed round trip of the quickest host; `None` when only this machine
    /// was scanned.
    pub round_trip: Option<(Duration, Duration)>,
    /// The answers a second to which a host seems to limit itself.
    pub limited_to: Option<f64>,
    /// The probes a second to which the scan slowed down, since more were lost.
    pub slowed_to: Option<f64>,
    /// How often each port was tried before it was called filtered.
    pub tries: u8,
    /// Whether the scan was stopped before its end, and where.
    pub stopped: Option<Position>,
    /// Why it had to stop, unless the user stopped it.
    pub trouble: Option<String>,
    /// How long it took.
    pub time: Duration,
}

/// Puts the addresses of this machine first, and says how many they are.
///
/// # Errors
///
/// When no socket can be made to ask the routing table.
pub fn arrange(hosts: impl Iterator<Item = Host>) -> anyhow::Result<(Arc<Vec<Host>>, usize)> {
    // Above so many hosts only each 256th is asked for; the rest share its route.
    const ASK_EACH_BELOW: usize = 4096;
    // A list that grows step by step would take twice the memory.
    let mut list = Vec::with_capacity(hosts.size_hint().1.unwrap_or(0));
    list.extend(hosts);
    let mut hosts: Vec<Host> = list;
    let step = if hosts.len() < ASK_EACH_BELOW { 1 } else { 256 };
    let mut here = HashSet::new();
    for host in hosts
        .iter()
        .step_by(step)
        .filter(|host| !is_loopback4(host.ip))
    {
        here.extend(route(*host)?);
    }
    let is_local = |host: &Host| is_loopback4(host.ip) || here.contains(&host.ip);
    let local = hosts.iter().filter(|host| is_local(host)).count();
    if !hosts[..local].iter().all(is_local) {
        // The order among the local ones, and among the others, stays.
        hosts.sort_by_key(|host| !is_local(host));
    }
    Ok((Arc::new(hosts), local))
}

/// The address from which this machine would send to a host. It sends to its own address from
/// that same address.
///
/// A `connect` on a UDP socket sends nothing: it only looks the route up.
fn route(host: Host) -> anyhow::Result<Option<IpAddr>> {
    let any: SocketAddr = match host.ip {
        IpAddr::V4(_) => (Ipv4Addr::UNSPECIFIED, 0).into(),
        IpAddr::V6(_) => (std::net::Ipv6Addr::UNSPECIFIED, 0).into(),
    };
    let Ok(socket) = UdpSocket::bind(any) else {
        // A machine without IPv6 has no IPv6 address either; the scan itself reports that.
        return Ok(None);
    };
    if socket.connect(host.port(9)).is_err() {
        return Ok(None);
    }
    let here = socket
        .local_addr()
        .with_context(|| format!("cannot read the source address for {host}"))?;
    Ok(Some(here.ip()))
}

/// 127.0.0.0/8 is this machine by definition (RFC 1122, section 3.2.1.3).
fn is_loopback4(ip: IpAddr) -> bool {
    matches!(ip, IpAddr::V4(ip) if ip.is_loopback())
}

/// What a connect has come to.
#[derive(Debug)]
enum Answer {
    /// Nothing yet.
    Pending,
    /// The port's state.
    State(State),
    /// The system itself gave up waiting.
    Silent,
    /// The socket has connected to itself.
    SelfConnect,
    /// This machine could not do it; the port is as unknown as before.
    Local(io::Error),
    /// This machine has no way to the host.
    NoWay,
}

/// The address to probe a host of this machine from.
///
/// A socket that connects to the very port it is bound to receives its own SYN. TCP's simultaneous
/// open (RFC 9293, section 3.5) makes that a connection, so the port looks open although no program
/// listens. The system picks the source port of each connect from the range that is being scanned,
/// so its own naive scan machine runs into this about once. From another address it cannot
/// happen. 127.0.0.0/8 has more addresses than a scan has targets: 127.0.0.2 is taken, or the next
/// one that is not a target. Any other address can only be reached from itself. There the source
/// port is known, and another socket probes it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
enum Source {
    /// Left to the system's routing table.
    Any { v6: bool },
    /// This address and any port: no target has this address.
    Separate(IpAddr),
    /// The target's own address and a port that is known.
    Same(Host),
}

impl Source {
    fn of(host: Host, local: bool, separate: Option<Ipv4Addr>) -> Self {
        match separate {
            _ if !local => Source::Any {
                v6: host.ip.is_ipv6(),
            },
            Some(separate) if is_loopback4(host.ip) => Source::Separate(separate.into()),
            _ => Source::Same(host),
        }
    }

    fn address(self) -> Option<SocketAddr> {
        match self {
            Source::Any { .. } => None,
            Source::Separate(ip) => Some((ip, 0).into()),
            Source::Same(host) => Some(host.port(0)),
        }
    }

    fn is_v6(self) -> bool {
        match self {
            Source::Any { v6 } => v6,
            Source::Separate(ip) => ip.is_ipv6(),
            Source::Same(host) => host.ip.is_ipv6(),
        }
    }
}

/// A loopback address that this system has and that is not a target; the targets are in the order
/// of their addresses.
fn free_loopback_address(local: &[Host]) -> Option<Ipv4Addr> {
    let first = u32::from(Ipv4Addr::new(127, 0, 0, 2));
    let last = u32::from(Ipv4Addr::new(127, 255, 255, 254));
    (first..=last)
        .map(Ipv4Addr::from)
        .find(|ip| {
            let target = local.binary_search_by_key(&IpAddr::V4(*ip), |host| host.ip);
            target.is_err()
        })
        // Linux has all of 127.0.0.0/8, other systems only 127.0.0.1.
        .filter(|ip| UdpSocket::bind((*ip, 0)).is_ok())
}

/// Carries out a plan. `stop` ends it early, within about a tenth of a second.
///
/// # Errors
///
/// When the first socket or the poller cannot be made. A later failure is in [`Outcome::trouble`],
/// together with all that was found until then.
pub fn scan(mut plan: Plan, stop: &AtomicBool, progress: &Progress) -> anyhow::Result<Outcome> {
    let began = Instant::now();
    let workers = thread::available_parallelism().map_or(1, usize::from);
    let (local, remote) = plan.hosts.split_at(plan.local);
    let order = |hosts: usize, salt: u64| {
        let size = hosts as u64 * plan.ports.len() as u64;
        match plan.seed {
            Some(seed) => Permutation::random(size, seed ^ salt),
            None => Permutation::ascending(size),
        }
    };
    let local_order = order(local.len(), 0);
    let remote_order = order(remote.len(), 1);
    let all = local_order.size() + remote_order.size();
    progress.all.store(all, Ordering::Relaxed);

    let separate = free_loopback_address(local);
    let budgets = poller::budgets(workers, &mut plan.limits.window)?;
    let first_host = u32::try_from(local.len()).context("too many hosts")?;
    let mut scheduler = Scheduler::new(
        plan.ports.clone(),
        remote_order,
        first_host,
        plan.limits.clone(),
    );
    #[cfg(target_os = "linux")]
    if remote.len() > 1 {
        scheduler.look_for(neighbors::of(remote, first_host));
    }
    scheduler.resume_at(plan.start.remote, plan.start.pending.iter().copied());
    scheduler.know_open(plan.start.answered.iter().copied());

    #[cfg_attr(
        not(target_os = "linux"),
        expect(unused_mut, reason = "only Linux has the quick way")
    )]
    let mut local_position = plan.start.local;
    let watcher = progress.watcher.as_deref();
    #[cfg(target_os = "linux")]
    {
        // A rate is kept by the scheduler, and so is a limit on the time for an answer.
        if plan.limits.rate.is_none() {
            let scan = local::Scan {
                hosts: local,
                ports: &plan.ports,
                order: &local_order,
                separate,
                details: plan.limits.details,
                stop,
                progress: &progress.done,
                watcher,
            };
            let found = scan.run(&plan.start, workers)?;
            local_position = found.position;
            *scheduler.findings_mut() = found.findings;
            for (host, port) in found.silent {
                scheduler.add(host, port);
            }
        }
    }
    // Whatever is left of this machine's ports goes through the poller.
    let local_size = local_order.size();
    scheduler.add_local(local_order, local_position);

    let scheduler = Mutex::new(scheduler);
    let position = |scheduler: &Scheduler| {
        let (remote, pending) = scheduler.position();
        Position {
            local: scheduler.local_position(),
            remote,
            pending: pending.collect(),
            answered: Vec::new(),
        }
    };
    let tell = |watcher: &dyn Watcher, save: bool| {
        // The workers do not wait for the watcher.
        let (ports, snapshot) = {
            let mut scheduler = labnet::lock(&scheduler);
            let ports = std::mem::take(&mut scheduler.findings_mut().ports);
            let counts = || scheduler.findings().counts.clone();
            (ports, save.then(|| (position(&scheduler), counts())))
        };
        watcher.found(&ports);
        if let Some((position, counts)) = snapshot {
            watcher.save(position, &counts);
        }
    };
    let trouble = watch::watched(watcher, tell, || {
        poller::run(&plan, &scheduler, separate, &budgets, stop, progress, began)
    })?;
    let mut scheduler = labnet::lock(&scheduler);
    let position = position(&scheduler);
    let unfinished = stop.load(Ordering::Relaxed) || trouble.is_some();
    let whole = position.local == local_size
        && position.pending.is_empty()
        && position.remote == all - local_size;
    Ok(Outcome {
        losses: scheduler.losses(),
        round_trip: scheduler.round_trip(),
        limited_to: scheduler.limited_to(),
        slowed_to: scheduler.slowed_to(),
        tries: scheduler.tries(),
        stopped: (unfinished && !whole).then_some(position),
        findings: std::mem::take(scheduler.findings_mut()),
        trouble,
        time: began.elapsed(),
    })
}

/// Does the same work on several threads: on fewer where the system has no more (`ulimit -u`), and
/// on this one where it has none.
fn on_threads<T: Send>(
    count: usize,
    work: impl Fn(usize) -> anyhow::Result<T> + Sync,
) -> Vec<anyhow::Result<T>> {
    thread::scope(|scope| {
        let work = &work;
        let threads: Vec<_> = (0..count)
            .map_while(|number| {
                let thread = thread::Builder::new();
                thread.spawn_scoped(scope, move || work(number)).ok()
            })
            .collect();
        if threads.is_empty() {
            return vec![work(0)];
        }
        threads
            .into_iter()
            .map(|thread| {
                let panicked = |_| Err(anyhow!("a scanning thread panicked"));
                thread.join().unwrap_or_else(panicked)
            })
            .collect()
    })
}

#[cfg(all(test, target_os = "linux"))]
mod tests {
    use super::*;

    #[test]
    fn there_is_a_source_apart_from_65536_loopback_targets() {
        let targets: Vec<Host> = (0..=u16::MAX)
            .map(|low| {
                let [c, d] = low.to_be_bytes();
                Host::from(IpAddr::from([127, 0, c, d]))
            })
            .collect();
        assert_eq!(
            free_loopback_address(&targets),
            Some(Ipv4Addr::new(127, 1, 0, 0))
        );
        assert_eq!(
            free_loopback_address(&targets[..2]),
            Some(Ipv4Addr::new(127, 0, 0, 2))
        );
    }
}
