//! Distribution transparency, question 4: a port scanner.
//!
//! The command gets the ports to scan as `{ports}` (`10000-10199`) or `{first}` and `{last}`;
//! without them the program scans what it likes. Only what it says about these ports is judged.
//! They are below those from which systems choose the ports of outgoing connections, so a scanner
//! never meets itself there (the README's exercise).
//!
//! One file, since it is one exercise.

use std::io::ErrorKind;
use std::net::{IpAddr, Ipv4Addr, SocketAddr, TcpListener, TcpStream, UdpSocket};
use std::thread;
use std::time::{Duration, Instant};

use lab_judge::exercise::{Case, Exercise, Host, Kind, Role};
use lab_judge::harness::{Harness, Launch};
use lab_judge::misconceptions::{self as m, Misconception};
use lab_judge::ports::Protocol;
use lab_judge::process::Ended;
use lab_judge::procfs;
use lab_judge::verdict::{Step, Stop, undecided, wrong};
use socket2::{Domain, Socket, Type};

use crate::scan_report::{self, Reading};

#[path = "sheets/portscan.rs"]
mod sheet;

pub static EXERCISE: Exercise = Exercise {
    name: "portscan",
    roles: &[Role {
        kind: Kind::Program,
        package: "portscan",
        arguments: "{host} --ports {ports}",
        message: "",
        host: Host::Loopback,
        port: 0,
        protocol: Protocol::Tcp,
        cases: PROGRAM,
        sheet: sheet::PROGRAM,
        remark: "waits for ports that do not answer; {host}, and {ports} (10000-10199) or {first} and {last}, say what to scan",
    }],
};

/// Where the scanned ports lie: above the well-known ones,
/// below those of the other checks. They are lent in slots.
const LOWEST: u16 = 10_000;
const SLOT: u16 = 200;
const SLOTS: u16 = 50;
/// The ports up to the last there is, which are lent as well.
const TOP: u16 = 65_472;

static PROGRAM: &[Case] = &[
    Case {
        id: "finds",
        name: "reports the open ports, and no others",
        depends_on: &[],
        play: |harness| {
            let mut scene = Scene::of(harness, 200)?;
            scene.open_some(harness, 5, 1, 199)?;
            scene
                .scan(harness, &Launch::default())?
                .judge(harness, &m::SCAN_MISSES, &m::SCAN_FALSE)
        },
    },
    Case {
        id: "ends-of-range",
        name: "scans the first and the last port as well",
        depends_on: &["finds"],
        play: |harness| {
            let mut scene = Scene::of(harness, 64)?;
            // One more between them: a line that names both ends may be about the range.
            scene.open(0)?;
            scene.open(31)?;
            scene.open(63)?;
            scene
                .scan(harness, &Launch::default())?
                .judge(harness, &m::SCAN_EDGES, &m::SCAN_FALSE)
        },
    },
    Case {
        id: "last-port",
        name: "scans port 65535, the last there is",
        depends_on: &["ends-of-range"],
        play: |harness| {
            let mut scene = Scene::at_top(harness)?;
            if scene.open(63).is_err() {
                harness.note("port 65535 is in use on this machine, so that was not tried");
                return Ok(());
            }
            // One more, which may be another program's.
            let _taken = scene.open(40);
            scene
                .scan(harness, &Launch::default())?
                .judge(harness, &m::SCAN_EDGES, &m::SCAN_FALSE)
        },
    },
    Case {
        id: "not-listening",
        name: "reports no port that is only bound: without listen, for UDP, or on another address",
        depends_on: &["finds"],
        play: |harness| {
            let mut scene = Scene::of(harness, 100)?;
            scene.open(60)?;
            scene.open(70)?;
            let cannot = |error: std::io::Error| undecided("cannot prepare a port", &error);
            let bound = Socket::new(Domain::IPV4, Type::STREAM, None).map_err(cannot)?;
            bound.bind(&scene.at(20).into()).map_err(cannot)?;
            let udp = UdpSocket::bind(scene.at(30)).map_err(cannot)?;
            let port = scene.at(40).port();
            // Where 127.0.0.2 is not an address of this machine that one is left out.
            let elsewhere = TcpListener::bind((Ipv4Addr::new(127, 0, 0, 2), port)).ok();
            harness.log.did("system", format!(
                "has port {} bound without listen, {} bound for UDP, {port} open on 127.0.0.2 only",
                scene.at(20).port(), scene.at(30).port()
            ));
            let scanned = scene.scan(harness, &Launch::default())?;
            drop((bound, udp, elsewhere));
            scanned.judge(harness, &m::SCAN_MISSES, &m::SCAN_BINDS)
        },
    },
    Case {
        id: "no-answer",
        name: "gives up on a port that does not answer, and does not call it open",
        depends_on: &["not-listening"],
        play: |harness| {
            let mut scene = Scene::of(harness, 40)?;
            scene.open(10)?;
            scene.open(30)?;
            let Some(_full) = silent(scene.at(20)) else {
                harness
                    .note("this system answers for a program that does not, so that was not tried");
                return Ok(());
            };
            harness.log.did(
                "system",
                format!(
                    "answers no SYN to port {}: its queue is full",
                    scene.at(20).port()
                ),
            );
            scene.scan(harness, &Launch::default())?.judge_but(
                harness,
                &m::SCAN_NO_TIMEOUT,
                &m::SCAN_ERROR_OPEN,
                scene.at(20).port(),
            )
        },
    },
    Case {
        id: "few-descriptors",
        name: "finds all with 256 descriptors: a failure of its own is not a closed port",
        depends_on: &["finds"],
        play: |harness| {
            if !cfg!(unix) {
                harness.note("this system has no such limit, so that was not tried");
                return Ok(());
            }
            let mut scene = Scene::of(harness, 600)?;
            scene.open_some(harness, 3, 1, 200)?;
            scene.open_some(harness, 5, 400, 599)?;
            let launch = Launch {
                descriptors: Some(256),
                ..Launch::default()
            };
            scene
                .scan(harness, &launch)?
                .judge(harness, &m::SCAN_LEAKS, &m::SCAN_FALSE)
        },
    },
    Case {
        id: "by-name",
        name: "takes a host by its name",
        depends_on: &["finds"],
        play: |harness| {
            if !harness.has_place("host") {
                harness.note(
                    "the command has no {host}, so the check could not choose what is scanned",
                );
                return Ok(());
            }
            let mut scene = Scene::of(harness, 40)?;
            scene.open(10)?;
            scene.open(25)?;
            let launch = Launch {
                host: Some("localhost"),
                ..Launch::default()
            };
            scene
                .scan(harness, &launch)?
                .judge(harness, &m::SCAN_NAME, &m::SCAN_FALSE)
        },
    },
];

/// Ports to scan, some of them open.
struct Scene {
    ip: IpAddr,
    first: u16,
    last: u16,
    open: Vec<u16>,
    listeners: Vec<TcpListener>,
    /// The range is nobody else's while these are held: other checks of this exercise, on this
    /// machine at this time, take another.
    _held: Vec<UdpSocket>,
}

/// What a scan of them said.
struct Scanned {
    first: u16,
    last: u16,
    host: String,
    open: Vec<u16>,
    /// Open for somebody else than us, before or after.
    others: Vec<u16>,
    printed: String,
    ended: Ended,
}

/// Another check has these ports; it gives them back when its case is over.
fn wait_for_slot(harness: &Harness<'_>) -> Step {
    if Instant::now() >= harness.limit().end {
        return Err(undecided(
            "no range of ports is free",
            &"others use all of them",
        ));
    }
    thread::sleep(Duration::from_millis(10));
    Ok(())
}

impl Scene {
    /// So many ports of which none is open.
    fn of(harness: &mut Harness<'_>, count: u16) -> Step<Self> {
        let slots = count.div_ceil(SLOT);
        loop {
            let slot = harness.random.u16(0..=SLOTS - slots);
            let first = LOWEST + slot * SLOT;
            let firsts: Vec<u16> = (0..slots).map(|slot| first + slot * SLOT).collect();
            if let Some(scene) = Self::take(harness, first, first + count - 1, &firsts) {
                return Ok(scene);
            }
            wait_for_slot(harness)?;
        }
    }

    /// The ports up to 65535.
    fn at_top(harness: &mut Harness<'_>) -> Step<Self> {
        loop {
            if let Some(scene) = Self::take(harness, TOP, u16::MAX, &[TOP]) {
                return Ok(scene);
            }
            wait_for_slot(harness)?;
        }
    }

    /// Takes a range, unless another check has it, by the
    /// UDP ports of its slots: what is scanned is TCP.
    fn take(harness: &Harness<'_>, first: u16, last: u16, slots: &[u16]) -> Option<Self> {
        let ip = harness.address.ip();
        let held: Vec<UdpSocket> = slots
            .iter()
            .map_while(|slot| UdpSocket::bind((ip, *slot)).ok())
            .collect();
        let open = procfs::open_ports(ip).unwrap_or_default();
        let used = first != TOP && open.iter().any(|port| (first..=last).contains(port));
        (held.len() == slots.len() && !used).then(|| Scene {
            ip,
            first,
            last,
            open: Vec::new(),
            listeners: Vec::new(),
            _held: held,
        })
    }

    /// The address of a port of the range.
    fn at(&self, offset: u16) -> SocketAddr {
        SocketAddr::new(self.ip, self.first + offset)
    }

    fn open(&mut self, offset: u16) -> Step {
        let listener = TcpListener::bind(self.at(offset))
            .map_err(|error| undecided(&format!("cannot listen on {}", self.at(offset)), &error))?;
        self.open.push(self.first + offset);
        self.listeners.push(listener);
        Ok(())
    }

    /// Opens some ports, which the seed chooses.
    fn open_some(
        &mut self,
        harness: &mut Harness<'_>,
        count: usize,
        from: u16,
        until: u16,
    ) -> Step {
        let mut left = count;
        while left > 0 {
            let offset = harness.random.u16(from..until);
            if !self.open.contains(&(self.first + offset)) && self.open(offset).is_ok() {
                left -= 1;
            }
        }
        self.open.sort_unstable();
        Ok(())
    }

    /// Runs the program over the range.
    fn scan(&self, harness: &mut Harness<'_>, launch: &Launch<'_>) -> Step<Scanned> {
        let mut others = procfs::open_ports(self.ip).unwrap_or_default();
        harness.log.did(
            "system",
            format!(
                "of the ports {} to {} these are open: {}",
                self.first,
                self.last,
                listed(&self.open)
            ),
        );
        harness.launch(&Launch {
            ports: Some((self.first, self.last)),
            ..launch.clone()
        })?;
        let patience = 5 * harness.patience();
        let ended =
            harness.ends_within(patience, "after it had begun to scan", &m::SCAN_NO_TIMEOUT)?;
        others.extend(procfs::open_ports(self.ip).unwrap_or_default());
        let printed = harness.program()?.stdout().kept();
        let host = launch
            .host
            .map_or_else(|| self.ip.to_string(), str::to_string);
        Ok(Scanned {
            first: self.first,
            last: self.last,
            host,
            open: self.open.clone(),
            others,
            printed: String::from_utf8_lossy(&printed).into_owned(),
            ended,
        })
    }
}

impl Scanned {
    fn judge(
        &self,
        harness: &mut Harness<'_>,
        missed: &'static Misconception,
        false_open: &'static Misconception,
    ) -> Step {
        self.judge_but(harness, missed, false_open, 0)
    }

    /// Compares what was reported with what is open. `silent` is a port on which somebody listens
    /// and that nobody can reach.
    fn judge_but(
        &self,
        harness: &mut Harness<'_>,
        missed: &'static Misconception,
        false_open: &'static Misconception,
        silent: u16,
    ) -> Step {
        let unknown = |port: &u16| !self.open.contains(port) && *port != silent;
        let others: Vec<u16> = self.others.iter().copied().filter(unknown).collect();
        let reported = self.reported(harness, &others)?;
        let right = |port: &u16| self.open.contains(port) || others.contains(port);
        let wrongly: Vec<u16> = reported
            .iter()
            .copied()
            .filter(|port| !right(port))
            .collect();
        let without: Vec<u16> = self
            .open
            .iter()
            .copied()
            .filter(|port| !reported.contains(port))
            .collect();
        let range = format!("Of the ports {} to {}", self.first, self.last);
        harness
            .log
            .did("program", format!("reported: {}", listed(&reported)));
        if let Some(first) = self.connected_once(&reported) {
            return Err(wrong(
                &m::SCAN_ONE_SOCKET,
                format!(
                    "{range} {} are open. After {first}, the first of them, no other was found.",
                    self.open.len()
                ),
            ));
        }
        if !wrongly.is_empty() {
            return Err(wrong(
                false_open,
                format!(
                    "{range} these were reported and are not open: {}.",
                    listed(&wrongly)
                ),
            ));
        }
        if without.len() == self.open.len() && missed.id == m::SCAN_MISSES.id {
            return Err(wrong(
                &m::SCAN_NOTHING,
                format!(
                    "{range} {} are open, but the output names none of them: the program {}.",
                    self.open.len(),
                    self.ended
                ),
            ));
        }
        if !without.is_empty() {
            return Err(wrong(
                missed,
                format!(
                    "{range} these are open and were not reported: {}. The program {}.",
                    listed(&without),
                    self.ended
                ),
            ));
        }
        Ok(())
    }
}

impl Scanned {
    /// The first open port, where that and the port after it were reported, and no other open one:
    /// the same socket was connected again, which Linux answers with success once.
    fn connected_once(&self, reported: &[u16]) -> Option<u16> {
        let (first, others) = self.open.split_first()?;
        let [one, next] = reported else { return None };
        let once = one == first && Some(*next) == first.checked_add(1);
        (once && !others.is_empty() && !others.contains(next)).then_some(*first)
    }

    /// The ports that the output calls open, as far as it can be read.
    fn reported(&self, harness: &mut Harness<'_>, others: &[u16]) -> Step<Vec<u16>> {
        let scanned = scan_report::Scanned {
            host: &self.host,
            first: self.first,
            last: self.last,
            open: &self.open,
            unknown: others,
        };
        match scan_report::read(&self.printed, &scanned) {
            Reading::Open(ports) => Ok(ports),
            Reading::Both(ports) => {
                harness.log.did(
                    "program",
                    format!("called open and closed: {}", listed(&ports)),
                );
                Err(wrong(
                    &m::SCAN_BOTH,
                    format!(
                        "The output says of these ports that they are open, and that they are closed: {}.",
                        listed(&ports)
                    ),
                ))
            }
            Reading::Unclear(why) => Err(Stop::Undecided(why)),
        }
    }
}

/// A listener on which no connection can be made any
/// more: its queue is full, and further SYNs are dropped.
fn silent(address: SocketAddr) -> Option<(Socket, Vec<TcpStream>)> {
    let socket = Socket::new(Domain::IPV4, Type::STREAM, None).ok()?;
    socket.bind(&address.into()).ok()?;
    socket.listen(0).ok()?;
    let mut waiting = Vec::new();
    for _ in 0..16 {
        match TcpStream::connect_timeout(&address, Duration::from_millis(100)) {
            Ok(stream) => waiting.push(stream),
            Err(error) if error.kind() == ErrorKind::TimedOut => return Some((socket, waiting)),
            Err(_) => return None,
        }
    }
    None
}

/// `10007, 10101` or `none`; of many the first.
fn listed(ports: &[u16]) -> String {
    const SHOWN: usize = 12;
    if ports.is_empty() {
        return "none".to_string();
    }
    let mut words: Vec<String> = ports.iter().take(SHOWN).map(u16::to_string).collect();
    if ports.len() > SHOWN {
        words.push(format!("and {} more", ports.len() - SHOWN));
    }
    words.join(", ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_full_queue_answers_nobody() {
        if !cfg!(target_os = "linux") {
            return;
        }
        let free = TcpListener::bind("127.0.0.1:0")
            .unwrap()
            .local_addr()
            .unwrap();
        let (_socket, _waiting) = silent(free).unwrap();
        for _ in 0..3 {
            let error = TcpStream::connect_timeout(&free, Duration::from_millis(50)).unwrap_err();
            assert_eq!(error.kind(), ErrorKind::TimedOut);
        }
    }
}
