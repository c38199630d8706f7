//! The scheduler against a simulated network: loss, a queue, a firewall, a limit on refusals. No
//! sockets, no clock; the same seed gives the same run. More seeds run with `--include-ignored`.
//!
//! One file, since every test needs the same simulated network.

use std::cmp::Reverse;
use std::collections::{BTreeSet, BinaryHeap, HashSet, VecDeque};
use std::ops::Range;
use std::time::Duration;

use portscan::findings::{Counts, State};
use portscan::limits::Limits;
use portscan::permutation::Permutation;
use portscan::probe::Probe;
use portscan::schedule::{Next, STUCK_AFTER, Scheduler};
use portscan::window::Time;

use crate::random::{Random, ms};

/// A network between the scanner and one host.
#[derive(Debug, Clone)]
struct Network {
    seed: u64,
    /// There and back.
    delay: Duration,
    /// The share of packets lost, each way.
    loss: f64,
    /// Packets a second that the link to the host carries, and how many may wait for it.
    link: Option<(f64, usize)>,
    /// Refusals a second that the host gives at most.
    refusals: Option<f64>,
    /// The state of a port without a listener.
    rest: State,
    /// Ports above this one without a listener are filtered, whatever `rest` says.
    filtered_above: u16,
    open: BTreeSet<u16>,
    /// Sockets that this machine has: more are a local error.
    sockets: usize,
}

impl Network {
    fn new(seed: u64, rest: State) -> Self {
        let mut random = Random::plain(seed.wrapping_mul(2) + 1);
        let mut open = BTreeSet::from([1, 65535]);
        while open.len() < 20 {
            open.insert(u16::try_from(random.next() % 65535).unwrap() + 1);
        }
        Network {
            seed,
            delay: ms(50),
            loss: 0.0,
            link: None,
            refusals: None,
            rest,
            filtered_above: u16::MAX,
            open,
            sockets: usize::MAX,
        }
    }
}

/// What a simulated scan came to.
struct Run {
    scheduler: Scheduler,
    end: Next,
    time: Time,
    sent: u64,
    /// Dropped because the queue was full.
    overflowed: u64,
    max_in_flight: usize,
}

impl Run {
    fn open(&self) -> BTreeSet<u16> {
        let ports = self.scheduler.findings().ports.iter();
        ports
            .filter(|port| port.2 == State::Open)
            .map(|port| port.1)
            .collect()
    }

    fn counts(&self) -> (u32, u32, u32) {
        let counts = self.scheduler.findings().counts[&0];
        (counts.open, counts.closed, counts.filtered)
    }

    fn seconds(&self) -> f64 {
        self.time.as_secs_f64()
    }
}

fn all_ports() -> Vec<u16> {
    (1..=u16::MAX).collect()
}

fn scheduler(seed: u64, ports: Vec<u16>, mut limits: Limits) -> Scheduler {
    if limits.window == 0 {
        limits.window = 16 * 1024;
    }
    let order = Permutation::random(ports.len() as u64, seed);
    Scheduler::new(ports, order, 0, limits)
}

fn scan(network: &Network) -> Run {
    run(
        network,
        scheduler(network.seed, all_ports(), Limits::default()),
    )
}

fn run(network: &Network, mut scheduler: Scheduler) -> Run {
    let mut random = Random::plain(network.seed.wrapping_mul(2) + 0x9e37_79b9);
    let (mut now, mut sent, mut overflowed, mut most) = (Time::ZERO, 0, 0, 0);
    let mut link_free = Time::ZERO;
    let (mut credit, mut credited) = (50.0f64, Time::ZERO);
    // Answers by their time; the number keeps equal times in their order.
    let mut answers: BinaryHeap<Reverse<(Time, u64)>> = BinaryHeap::new();
    let mut in_flight: VecDeque<(u64, Probe, Option<State>)> = VecDeque::new();
    let mut gone: HashSet<u64> = HashSet::new();
    let mut first_number = 0;
    let mut next_look = Time::ZERO;
    let end = loop {
        while let Some(Reverse((at, number))) =
            answers.peek().copied().filter(|next| next.0.0 <= now)
        {
            answers.pop();
            // An answer to a probe that is no longer in flight came too late.
            if let Some(place) = number.checked_sub(first_number)
                && let Ok(place) = usize::try_from(place)
                && let Some((_, probe, Some(state))) = in_flight.get(place).copied()
                && gone.insert(number)
            {
                scheduler.answered(at, &probe, state);
            }
        }
        // Probes that waited too long. Controls wait longer than those behind them, so the look
        // passes them over.
        if now >= next_look {
            next_look = now + ms(2);
            for (number, probe, _) in &in_flight {
                if gone.contains(number) {
                    continue;
                }
                if probe.sent + scheduler.timeout(probe) <= now {
                    gone.insert(*number);
                    scheduler.silent(now, probe);
                } else if probe.control.is_none() {
                    break;
                }
            }
        }
        while let Some((number, _, _)) = in_flight.front().filter(|first| gone.contains(&first.0)) {
            gone.remove(number);
            first_number = number + 1;
            in_flight.pop_front();
        }
        let open_sockets = in_flight.len() - gone.len();
        most = most.max(open_sockets);
        match scheduler.next(now) {
            Next::Send(probe) if open_sockets >= network.sockets => scheduler.not_sent(now, &probe),
            Next::Send(probe) => {
                let number = first_number + in_flight.len() as u64;
                sent += 1;
                let mut arrives = now + network.delay / 2;
                let mut lost = random.chance(network.loss);
                if let Some((rate, queue)) = network.link {
                    link_free = link_free.max(now);
                    let each = Duration::from_secs_f64(1.0 / rate);
                    let waiting = (link_free - now).as_secs_f64() * rate;
                    #[expect(clippy::cast_precision_loss, reason = "a number of packets")]
                    let full = waiting >= queue as f64;
                    if full {
                        overflowed += 1;
                        lost = true;
                    } else {
                        link_free += each;
                        arrives = link_free + network.delay / 2;
                    }
                }
                let state = if network.open.contains(&probe.port) {
                    State::Open
                } else if probe.port > network.filtered_above {
                    State::Filtered
                } else {
                    network.rest
                };
                let mut answer = (!lost && state != State::Filtered).then_some(state);
                if let (Some(State::Closed), Some(rate)) = (answer, network.refusals) {
                    credit = (credit + (arrives.saturating_sub(credited)).as_secs_f64() * rate)
                        .min(50.0);
                    credited = arrives;
                    if credit < 1.0 {
                        answer = None;
                    } else {
                        credit -= 1.0;
                    }
                }
                if random.chance(network.loss) {
                    answer = None;
                }
                if answer.is_some() {
                    answers.push(Reverse((arrives + network.delay / 2, number)));
                }
                in_flight.push_back((number, probe, answer));
            }
            Next::Wait(time) => {
                assert!(time > Duration::ZERO, "a wait of nothing would never end");
                let next = answers
                    .peek()
                    .map_or(now + time, |next| next.0.0.min(now + time));
                now = next.max(now + Duration::from_micros(1));
            }
            end => break end,
        }
        assert!(now < Duration::from_secs(1000), "the scan does not end");
    };
    Run {
        scheduler,
        end,
        time: now,
        sent,
        overflowed,
        max_in_flight: most,
    }
}

#[test]
fn closed_ports_behind_a_quick_link_are_each_asked_once() {
    test_closed(0..1);
}

#[test]
#[ignore = "long"]
fn closed_ports_behind_a_quick_link_are_each_asked_once_with_more_seeds() {
    test_closed(1..5);
}

fn test_closed(seeds: Range<u64>) {
    for seed in seeds {
        let mut network = Network::new(seed, State::Closed);
        // 90,000 packets a second: the ports alone take 0.73 s, and the way there and back 0.05 s.
        network.link = Some((90_000.0, 100_000));
        let run = scan(&network);
        assert_eq!(run.open(), network.open);
        assert_eq!(run.counts(), (20, 65515, 0));
        assert_eq!(run.sent, 65535, "no retry was needed");
        assert!(run.seconds() < 1.25 * 0.78, "{:.2} s", run.seconds());
    }
}

#[test]
fn filtered_ports_are_asked_twice_and_the_window_opens_in_silence() {
    test_filtered(0..1);
}

#[test]
#[ignore = "long"]
fn filtered_ports_are_asked_twice_and_the_window_opens_in_silence_with_more_seeds() {
    test_filtered(1..5);
}

fn test_filtered(seeds: Range<u64>) {
    for seed in seeds {
        let network = Network::new(seed, State::Filtered);
        let run = scan(&network);
        assert_eq!(run.open(), network.open);
        assert_eq!(run.counts(), (20, 0, 65515));
        // Two tries of 65,515 silent ports, one of 20 open ones, and up to 200 control probes.
        assert!((131_050..131_300).contains(&run.sent), "{} sent", run.sent);
        assert!(run.seconds() < 1.95, "{:.2} s", run.seconds());
    }
}

#[test]
#[ignore = "long; .ci/run scans"]
fn one_percent_loss_each_way_hides_no_open_port() {
    test_loss(0..1);
}

#[test]
#[ignore = "long"]
fn one_percent_loss_each_way_hides_no_open_port_with_more_seeds() {
    test_loss(1..20);
}

fn test_loss(seeds: Range<u64>) {
    for seed in seeds {
        for (rest, most) in [(State::Closed, 1.4), (State::Filtered, 3.0)] {
            let mut network = Network::new(seed, rest);
            network.loss = 0.01;
            network.link = Some((200_000.0, 100_000));
            let run = scan(&network);
            println!(
                "seed {seed}, {rest:?}: {:.2} s, {} sent, {:?}",
                run.seconds(),
                run.sent,
                run.scheduler.losses()
            );
            assert_eq!(run.open(), network.open, "seed {seed}");
            assert_eq!(run.scheduler.tries(), 3, "loss is seen");
            assert_eq!(run.scheduler.slowed_to(), None, "chance is not congestion");
            let loss = run.scheduler.losses().share().unwrap();
            assert!((0.001..0.06).contains(&loss), "seed {seed}: loss {loss}");
            // Three tries of each silent port, and the control probes: no more.
            assert!(run.sent < 3 * 65535 + 300, "seed {seed}: {} sent", run.sent);
            assert!(run.seconds() < most, "seed {seed}: {:.2} s", run.seconds());
        }
    }
}

#[test]
#[ignore = "long; .ci/run scans"]
fn a_slow_link_is_kept_busy_and_its_queue_never_overflows() {
    test_slow_link(0..1);
}

#[test]
#[ignore = "long"]
fn a_slow_link_is_kept_busy_and_its_queue_never_overflows_with_more_seeds() {
    test_slow_link(1..5);
}

fn test_slow_link(seeds: Range<u64>) {
    for seed in seeds {
        let mut network = Network::new(seed, State::Closed);
        // 10 Mbit/s at 98 bytes a SYN with its frame.
        let rate = 10e6 / (98.0 * 8.0);
        network.link = Some((rate, 1700));
        let run = scan(&network);
        assert_eq!(run.open(), network.open);
        assert_eq!(run.overflowed, 0, "seed {seed}");
        let ideal = 65535.0 / rate;
        assert!(
            run.seconds() < 1.05 * ideal,
            "seed {seed}: {:.2} s of {ideal:.2}",
            run.seconds()
        );
    }
}

/// Probes a second, queue, open ports.
const SHORT_QUEUES: &[(f64, usize, usize)] = &[
    (12_755.0, 100, 20),
    (12_755.0, 30, 20),
    (3000.0, 100, 20),
    (40_000.0, 300, 20),
    (12_755.0, 100, 5),
];

#[test]
#[ignore = "long; .ci/run scans"]
fn a_firewall_behind_a_slow_link_with_a_short_queue_hides_no_open_port() {
    test_short_queues(0..1);
}

#[test]
#[ignore = "long"]
fn a_firewall_behind_a_slow_link_with_a_short_queue_hides_no_open_port_in_more_cases() {
    test_short_queues(1..SHORT_QUEUES.len());
}

fn test_short_queues(cases: Range<usize>) {
    // Nothing but control probes shows that the window, which grows in silence, drowns the link.
    for (seed, (rate, queue, open)) in (0..)
        .zip(SHORT_QUEUES.iter().copied())
        .take(cases.end)
        .skip(cases.start)
    {
        let mut network = Network::new(seed, State::Filtered);
        network.link = Some((rate, queue));
        network.open = network.open.iter().copied().take(open).collect();
        let run = scan(&network);
        println!(
            "{rate} a second, queue {queue}, {open} open: {:.1} s, {} overflowed of {}, {:.0?} a second, {} tries",
            run.seconds(),
            run.overflowed,
            run.sent,
            run.scheduler.slowed_to(),
            run.scheduler.tries(),
        );
        assert_eq!(run.open(), network.open);
        let slowed = run.scheduler.slowed_to().unwrap();
        // Where a quarter is lost, the tries make up for it.
        assert!(slowed < rate * 1.4, "{slowed}");
    }
}

#[test]
#[ignore = "long; .ci/run scans"]
fn a_host_that_was_silent_is_asked_slowly_the_second_time() {
    test_silent_host(0..1);
}

#[test]
#[ignore = "long"]
fn a_host_that_was_silent_is_asked_slowly_the_second_time_with_more_seeds() {
    test_silent_host(1..5);
}

fn test_silent_host(seeds: Range<u64>) {
    for seed in seeds {
        // One open port, and a link that the first pass overruns.
        let mut network = Network::new(seed, State::Filtered);
        network.link = Some((8000.0, 100));
        network.open = BTreeSet::from([65535]);
        let run = scan(&network);
        println!(
            "seed {seed}: {:.1} s, {} overflowed of {}",
            run.seconds(),
            run.overflowed,
            run.sent
        );
        assert_eq!(run.open(), network.open, "seed {seed}");
    }
}

/// Probes a second, queue.
const QUEUES: &[(f64, usize)] = &[
    (1000.0, 200),
    (3000.0, 100),
    (12_755.0, 300),
    (40_000.0, 1000),
    (80_000.0, 200),
];

#[test]
#[ignore = "long; .ci/run scans"]
fn queues_of_all_sizes_hide_no_open_port() {
    test_queues(0..1);
}

#[test]
#[ignore = "long"]
fn queues_of_all_sizes_hide_no_open_port_in_more_cases() {
    test_queues(1..QUEUES.len());
}

fn test_queues(cases: Range<usize>) {
    for (seed, (rate, queue)) in (0..)
        .zip(QUEUES.iter().copied())
        .take(cases.end)
        .skip(cases.start)
    {
        let mut network = Network::new(seed, State::Closed);
        network.link = Some((rate, queue));
        // A part of the ports, so that the slowest link does not take minutes.
        let ports: BTreeSet<u16> = network
            .open
            .iter()
            .copied()
            .chain((2..65534).step_by(7))
            .collect();
        let run = run(
            &network,
            scheduler(seed, ports.into_iter().collect(), Limits::default()),
        );
        println!(
            "{rate} a second, queue {queue}: {:.1} s, {} overflowed of {}",
            run.seconds(),
            run.overflowed,
            run.sent
        );
        assert_eq!(run.open(), network.open);
    }
}

#[test]
#[ignore = "long; .ci/run scans"]
fn a_host_that_limits_its_refusals_is_asked_until_closed_is_known_from_filtered() {
    test_limited_refusals(0..1);
}

#[test]
#[ignore = "long"]
fn a_host_that_limits_its_refusals_is_asked_until_closed_is_known_from_filtered_with_more_seeds() {
    test_limited_refusals(1..3);
}

fn test_limited_refusals(seeds: Range<u64>) {
    for seed in seeds {
        let mut network = Network::new(seed, State::Closed);
        network.refusals = Some(2000.0);
        let run = scan(&network);
        assert_eq!(run.open(), network.open);
        assert_eq!(run.counts(), (20, 65515, 0), "seed {seed}");
        assert!(run.seconds() < 60.0, "{:.1} s", run.seconds());
        let limit = run.scheduler.limited_to().unwrap();
        assert!((1000.0..2500.0).contains(&limit), "{limit}");
        assert!(!run.scheduler.losses().seen(), "held back is not lost");
    }
}

/// The last closed port.
const CLOSED_PORTS: &[u16] = &[50_000, 30_000, 10_000];

#[test]
#[ignore = "long; .ci/run scans"]
fn a_limit_on_refusals_is_found_among_filtered_ports_too() {
    test_limit_among_filtered(0..1);
}

#[test]
#[ignore = "long"]
fn a_limit_on_refusals_is_found_among_filtered_ports_too_in_more_cases() {
    test_limit_among_filtered(1..CLOSED_PORTS.len());
}

fn test_limit_among_filtered(cases: Range<usize>) {
    for (seed, closed) in (0..)
        .zip(CLOSED_PORTS.iter().copied())
        .take(cases.end)
        .skip(cases.start)
    {
        let mut network = Network::new(seed, State::Closed);
        network.refusals = Some(2000.0);
        network.filtered_above = closed;
        let run = scan(&network);
        assert_eq!(run.open(), network.open);
        let open = u32::try_from(network.open.range(..=closed).count()).unwrap();
        let closed = u32::from(closed) - open;
        assert_eq!(run.counts(), (20, closed, 65515 - closed), "seed {seed}");
        // Once over all silent ports, at the rate that the host gives.
        assert!(run.seconds() < 60.0, "{:.1} s", run.seconds());
        let limit = run.scheduler.limited_to().unwrap();
        assert!((1000.0..2500.0).contains(&limit), "{limit}");
    }
}

/// Share of lost packets, the last closed port.
const RANDOM_LOSSES: &[(f64, u16)] = &[
    (0.01, 60_000),
    (0.01, 30_000),
    (0.01, 3_000),
    (0.05, 30_000),
    (0.10, 30_000),
    (0.10, 5_000),
];

#[test]
#[ignore = "long; .ci/run scans"]
fn random_loss_before_closed_and_filtered_ports_is_not_taken_for_a_limit_on_refusals() {
    test_random_loss(0..1);
}

#[test]
#[ignore = "long"]
fn random_loss_before_closed_and_filtered_ports_is_not_taken_for_a_limit_on_refusals_in_more_cases()
{
    test_random_loss(1..RANDOM_LOSSES.len());
}

fn test_random_loss(cases: Range<usize>) {
    for (seed, (loss, closed)) in (0..)
        .zip(RANDOM_LOSSES.iter().copied())
        .take(cases.end)
        .skip(cases.start)
    {
        let mut network = Network::new(seed, State::Closed);
        network.loss = loss;
        network.filtered_above = closed;
        network.link = Some((200_000.0, 100_000));
        let run = scan(&network);
        println!("loss {loss}, {closed} closed: {:.2} s", run.seconds());
        assert_eq!(run.scheduler.limited_to(), None, "loss {loss}");
        assert!(run.seconds() < 3.0, "{:.1} s", run.seconds());
        // Lost one way or the other.
        let both = 1.0 - (1.0 - loss) * (1.0 - loss);
        let share = run.scheduler.losses().share().unwrap();
        assert!((both * 0.7..both * 1.4).contains(&share), "{share}");
    }
}

#[test]
fn a_silent_host_is_given_up_after_two_tries() {
    let mut network = Network::new(1, State::Filtered);
    network.open.clear();
    let run = run(
        &network,
        scheduler(1, (1..=100).collect(), Limits::default()),
    );
    assert_eq!(run.sent, 200);
    assert_eq!(run.counts(), (0, 0, 100));
    // 0.9 s, and the second time 1.9 s: the system would send another SYN after 1 s and 2 s.
    assert!(
        (2.8..2.9).contains(&run.seconds()),
        "{:.2} s",
        run.seconds()
    );
}

#[test]
fn a_long_round_trip_is_found_out_by_the_longer_second_wait() {
    // The first wait ends before each of these.
    for delay in [950, 1500, 1850] {
        let mut network = Network::new(1, State::Closed);
        network.delay = ms(delay);
        let run = run(
            &network,
            scheduler(1, vec![1, 2, 3, 65535], Limits::default()),
        );
        assert_eq!(run.counts(), (2, 2, 0), "{delay} ms");
    }
}

#[test]
fn a_longer_timeout_waits_for_answers_that_take_longer_than_usual() {
    let mut network = Network::new(1, State::Closed);
    network.delay = Duration::from_secs(3);
    let limits = Limits {
        timeout: Some(Duration::from_secs(5)),
        ..Limits::default()
    };
    let run = run(&network, scheduler(1, vec![1, 2, 3, 65535], limits));
    assert_eq!(run.counts(), (2, 2, 0));
    assert_eq!(run.sent, 4, "no try was in vain");
}

#[test]
fn local_errors_shrink_the_window_and_no_port_is_lost_to_them() {
    for sockets in [8, 100, 3000] {
        let mut network = Network::new(7, State::Closed);
        network.sockets = sockets;
        network.delay = ms(10);
        let ports: Vec<u16> = (1..=10_000)
            .chain(network.open.range(10_001..).copied())
            .collect();
        let all = u32::try_from(ports.len()).unwrap();
        let run = run(&network, scheduler(7, ports, Limits::default()));
        assert_eq!(run.end, Next::Done);
        assert_eq!(run.open(), network.open);
        assert_eq!(run.counts(), (20, all - 20, 0), "{sockets} sockets");
        assert!(run.max_in_flight <= sockets);
    }
}

#[test]
fn a_machine_that_cannot_send_at_all_gives_up_in_time() {
    let mut network = Network::new(7, State::Closed);
    network.sockets = 0;
    let run = run(&network, scheduler(7, all_ports(), Limits::default()));
    assert_eq!(run.end, Next::Stuck);
    assert!((STUCK_AFTER..STUCK_AFTER + ms(100)).contains(&run.time));
    let (position, pending) = run.scheduler.position();
    assert_eq!(
        position,
        pending.count() as u64,
        "nothing is taken for known"
    );
}

#[test]
fn a_rate_is_kept() {
    let network = Network::new(3, State::Closed);
    let limits = Limits {
        rate: Some(500.0),
        ..Limits::default()
    };
    let run = run(&network, scheduler(3, (1..=1000).collect(), limits));
    // 10 ms of it may go ahead; then the last answer's way.
    assert!(
        (1.98..2.2).contains(&run.seconds()),
        "{:.2} s",
        run.seconds()
    );
}

#[test]
fn tries_and_window_are_what_the_user_says() {
    let network = Network::new(3, State::Filtered);
    for tries in [1, 4] {
        let limits = Limits {
            tries: Some(tries),
            window: 50,
            timeout: Some(ms(20)),
            ..Limits::default()
        };
        let run = run(&network, scheduler(3, (2..=1001).collect(), limits));
        assert!(run.max_in_flight <= 50);
        assert_eq!(run.sent, 1000 * u64::from(tries));
    }
}

#[test]
fn local_hosts_come_first_and_those_that_were_not_reached_are_in_no_list() {
    let network = Network::new(5, State::Closed);
    let ports: Vec<u16> = (1..=1000).collect();
    let local = || Permutation::random(256 * 1000, 9);
    let limits = || Limits {
        rate: Some(100_000.0),
        window: 500,
        ..Limits::default()
    };
    let order = || Permutation::random(3 * 1000, 5);
    let mut first = Scheduler::new(ports.clone(), order(), 256, limits());
    first.add_local(local(), 10);
    assert_eq!(first.progress(), (0, 259 * 1000 - 10));
    let mut now = Time::ZERO;
    let mut known = BTreeSet::new();
    for _ in 0..5000 {
        now += ms(1);
        let Next::Send(probe) = first.next(now) else {
            panic!("it has to go on");
        };
        assert!(probe.host < 256, "the remote hosts come later");
        first.answered(now, &probe, State::Closed);
        known.insert((probe.host, probe.port));
    }
    assert_eq!((first.local_position(), first.position().0), (5010, 0));
    assert_eq!(first.position().1.count(), 0);

    let mut second = Scheduler::new(ports, order(), 256, limits());
    second.resume_at(0, []);
    second.add_local(local(), first.local_position());
    let run = run(&network, second);
    assert_eq!(
        run.sent,
        256 * 1000 - 5010 + 3000,
        "each port was asked once"
    );
    let counts = run.scheduler.findings().counts.values();
    let all: u64 = counts.map(Counts::all).sum();
    assert_eq!(all, run.sent);
    assert_eq!(run.scheduler.local_position(), 256 * 1000);
    assert_eq!(known.len(), 5000);
}

#[test]
fn an_interrupted_scan_continues_where_it_was() {
    let network = Network::new(5, State::Closed);
    let ports: Vec<u16> = (1..=2000).collect();
    let mut first = scheduler(5, ports.clone(), Limits::default());
    let mut in_flight = Vec::new();
    while let Next::Send(probe) = first.next(Time::ZERO) {
        in_flight.push(probe);
    }
    let (known, lost) = in_flight.split_at(100);
    for probe in known {
        first.answered(ms(50), probe, State::Closed);
    }
    for probe in lost {
        first.interrupted(probe);
    }
    let (position, pending) = first.position();
    let pending: Vec<(u32, u16)> = pending.collect();
    assert_eq!((position, pending.len()), (256, 156));

    let mut second = scheduler(5, ports, Limits::default());
    second.resume_at(position, pending);
    let run = run(&network, second);
    let (open, closed, filtered) = run.counts();
    assert_eq!(open + closed + filtered + 100, 2000);
    assert_eq!(run.sent, 1900, "each port was asked once");
}
