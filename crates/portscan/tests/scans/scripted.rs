//! The scheduler against a network that a test writes down: what becomes of each probe.

use std::cmp::Reverse;
use std::collections::{BTreeMap, BinaryHeap};
use std::time::Duration;

use portscan::findings::{Doubt, State};
use portscan::limits::Limits;
use portscan::permutation::Permutation;
use portscan::probe::Probe;
use portscan::schedule::{Next, Scheduler};
use portscan::window::Time;

use crate::random::{Random, ms};

/// What becomes of a probe.
#[derive(Debug, Clone, Copy)]
enum Fate {
    /// This machine has no way for it.
    NoWay,
    Silent,
    /// Answered after this time.
    Answer(State, Duration),
}

const CLOSED: Fate = Fate::Answer(State::Closed, ms(10));
const OPEN: Fate = Fate::Answer(State::Open, ms(10));

/// What a scan came to.
struct Run {
    scheduler: Scheduler,
    time: Time,
    /// When each probe was sent.
    sent: Vec<Time>,
}

impl Run {
    fn doubt(&self) -> Option<&Doubt> {
        self.scheduler.findings().counts.doubt_of(0)
    }
}

/// Scans so many hosts.
fn scan(
    hosts: u64,
    ports: std::ops::RangeInclusive<u16>,
    limits: &Limits,
    mut fate: impl FnMut(Time, &Probe) -> Fate,
) -> Run {
    let ports: Vec<u16> = ports.collect();
    let limits = Limits {
        window: 4096,
        ..limits.clone()
    };
    let order = Permutation::random(hosts * ports.len() as u64, 5);
    let mut scheduler = Scheduler::new(ports, order, 0, limits);
    let (mut now, mut sent, mut next_look) = (Time::ZERO, Vec::new(), Time::ZERO);
    let mut in_flight: BTreeMap<usize, (Probe, Option<State>)> = BTreeMap::new();
    let mut answers: BinaryHeap<Reverse<(Time, usize)>> = BinaryHeap::new();
    loop {
        while let Some(Reverse((at, number))) = answers.peek().copied()
            && at <= now
        {
            answers.pop();
            if let Some((probe, Some(state))) = in_flight.remove(&number) {
                scheduler.answered(at, &probe, state);
            }
        }
        if now >= next_look {
            next_look = now + ms(2);
            let is_over = |probe: &Probe| probe.sent + scheduler.timeout(probe) <= now;
            let over: Vec<usize> = in_flight
                .iter()
                .filter(|(_, (probe, _))| is_over(probe))
                .map(|(number, _)| *number)
                .collect();
            for number in over {
                let (probe, _) = in_flight.remove(&number).unwrap();
                scheduler.silent(now, &probe);
            }
        }
        match scheduler.next(now) {
            Next::Send(probe) => {
                let number = sent.len();
                sent.push(now);
                let answer = match fate(now, &probe) {
                    Fate::NoWay => {
                        scheduler.no_way(now, &probe);
                        continue;
                    }
                    Fate::Silent => None,
                    Fate::Answer(state, after) => {
                        answers.push(Reverse((now + after, number)));
                        Some(state)
                    }
                };
                scheduler.sent(now, &probe);
                in_flight.insert(number, (probe, answer));
            }
            Next::Wait(time) => {
                let next = answers.peek().map(|next| next.0.0);
                let next = next.map_or(now + time, |next| next.min(now + time));
                now = next.max(now + Duration::from_micros(10));
            }
            Next::Done => break,
            Next::Stuck => panic!("nothing hinders this machine"),
        }
        assert!(now < Duration::from_secs(3600), "the scan does not end");
        assert!(sent.len() < 1_000_000, "the scan does not end");
    }
    Run {
        scheduler,
        time: now,
        sent,
    }
}

#[test]
fn hosts_without_a_way_are_told_however_many_they_are() {
    const HOSTS: u32 = 5000;
    let run = scan(HOSTS.into(), 9..=9, &Limits::default(), |_, _| Fate::NoWay);
    let counts = &run.scheduler.findings().counts;
    for host in 0..HOSTS {
        assert_eq!(counts[&host].unreachable, 1);
        assert_eq!(counts.doubt_of(host), Some(&Doubt::NoWay), "host {host}");
    }
    assert!(run.time < Duration::from_secs(5), "{:?}", run.time);
    assert!(run.sent.len() < 4 * HOSTS as usize, "{}", run.sent.len());
}

#[test]
fn hosts_without_a_way_do_not_hold_up_those_that_have_one() {
    const HOSTS: u32 = 5000;
    let has_way = |host: u32| host.is_multiple_of(10);
    let run = scan(HOSTS.into(), 8..=9, &Limits::default(), |now, probe| {
        // The link is down for a while, before most answers can have come.
        if !has_way(probe.host) || (ms(5)..ms(200)).contains(&now) {
            return Fate::NoWay;
        }
        CLOSED
    });
    let counts = &run.scheduler.findings().counts;
    let mut found = 0;
    for host in 0..HOSTS {
        assert_eq!(counts[&host].all(), 2);
        // A host that had not answered when the link went down may be given up.
        let right = has_way(host) && counts[&host].closed == 2;
        assert!(right || counts.doubt_of(host).is_some(), "host {host}");
        found += u32::from(right);
    }
    assert!(found > HOSTS / 50, "{found}");
    assert!(run.time < Duration::from_secs(60), "{:?}", run.time);
}

#[test]
fn a_port_that_this_machine_forbids_is_not_waited_for() {
    let run = scan(1, 1..=50, &Limits::default(), |_, probe| match probe.port {
        25 => Fate::NoWay,
        _ => CLOSED,
    });
    let counts = run.scheduler.findings().counts[&0];
    assert_eq!((counts.closed, counts.unreachable), (49, 1));
    assert!(run.time < Duration::from_secs(2), "{:?}", run.time);
}

#[test]
fn a_router_that_had_no_way_at_first_does_not_have_the_last_word() {
    let limits = Limits {
        rate: Some(100.0),
        ..Limits::default()
    };
    let run = scan(1, 1..=100, &limits, |now, probe| match probe.port {
        _ if now < ms(500) => Fate::Answer(State::Unreachable, ms(10)),
        1..=10 => OPEN,
        _ => CLOSED,
    });
    let counts = run.scheduler.findings().counts[&0];
    assert_eq!((counts.open, counts.closed), (10, 90), "{counts:?}");
    assert_eq!(run.doubt(), None);
}

#[test]
fn a_low_rate_is_no_limit_of_the_host() {
    let limits = Limits {
        rate: Some(20.0),
        ..Limits::default()
    };
    let mut random = Random::new(3);
    let run = scan(1, 1..=3000, &limits, |_, probe| match probe.port {
        _ if random.chance(0.05) => Fate::Silent,
        1..=20 => OPEN,
        21..=30 => CLOSED,
        _ => Fate::Silent,
    });
    let counts = run.scheduler.findings().counts[&0];
    assert_eq!((counts.open, counts.closed), (20, 10), "{counts:?}");
    assert!(
        !matches!(run.doubt(), Some(Doubt::Limited { .. })),
        "{:?}",
        run.doubt()
    );
}

#[test]
fn a_host_that_dies_is_given_up_in_seconds() {
    let run = scan(
        1,
        1..=20_000,
        &Limits::default(),
        |now, probe| match probe.port {
            _ if now > ms(30) => Fate::Silent,
            port if port.is_multiple_of(100) => OPEN,
            _ => CLOSED,
        },
    );
    assert_eq!(run.doubt(), Some(&Doubt::FellSilent));
    assert!(run.time < Duration::from_secs(15), "{:?}", run.time);
}

#[test]
fn a_rate_below_one_is_kept() {
    let limits = Limits {
        rate: Some(0.5),
        ..Limits::default()
    };
    let run = scan(1, 1..=5, &limits, |_, probe| match probe.port {
        1 => OPEN,
        2 => CLOSED,
        _ => Fate::Silent,
    });
    let pairs = run.sent.windows(2);
    let least = pairs.map(|pair| pair[1] - pair[0]).min();
    assert!(least >= Some(Duration::from_secs(2)), "{least:?}");
    assert_eq!(run.scheduler.findings().counts[&0].all(), 5);
}
