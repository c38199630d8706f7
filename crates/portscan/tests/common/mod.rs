//! What the tests share: listeners on random ports, and the truth about a machine's open ports.
#![allow(dead_code, unreachable_pub, reason = "each test file uses its part")]
#![allow(clippy::unwrap_used, clippy::print_stdout, reason = "these are tests")]

#[cfg(target_os = "linux")]
pub mod link;

use std::collections::BTreeSet;
use std::fs;
use std::io::ErrorKind;
use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::{self, JoinHandle};

use portscan::engine::{self, Outcome, Plan, Position, Progress};
use portscan::ports::Ports;
use portscan::schedule::{Limits, State};
use portscan::targets::Host;
use socket2::{Domain, Protocol, Socket, Type};

/// Sockets that listen on ports of one address, and take and drop every connection.
pub struct Listeners {
    pub ports: BTreeSet<u16>,
    over: Arc<AtomicBool>,
    threads: Vec<JoinHandle<()>>,
}

impl Listeners {
    /// As many as `count`, on `wanted` ports and then on random ones. A wanted port that this user may not take is
    /// left out, and said so.
    pub fn new(ip: IpAddr, count: usize, wanted: &[u16]) -> Self {
        let over = Arc::new(AtomicBool::new(false));
        let mut listeners = Listeners {
            ports: BTreeSet::new(),
            over,
            threads: Vec::new(),
        };
        for port in wanted.iter().copied() {
            match listen((ip, port).into()) {
                Ok(socket) => listeners.serve(socket, port),
                Err(error) if error.kind() == ErrorKind::PermissionDenied => {
                    println!("port {port} is not tested: it needs root ({error})");
                }
                Err(error) => panic!("cannot listen on port {port} of {ip}: {error}"),
            }
        }
        while listeners.ports.len() < count {
            let port = rand::random_range(1024..=u16::MAX);
            if let Ok(socket) = listen((ip, port).into()) {
                listeners.serve(socket, port);
            }
        }
        listeners
    }

    fn serve(&mut self, socket: Socket, port: u16) {
        let over = Arc::clone(&self.over);
        self.ports.insert(port);
        self.threads.push(thread::spawn(move || {
            while !over.load(Ordering::Relaxed) {
                // A connection that was reset before it was accepted is an error of that connection alone.
                let _connection = socket.accept();
            }
        }));
    }
}

impl Drop for Listeners {
    fn drop(&mut self) {
        self.over.store(true, Ordering::Relaxed);
        for thread in self.threads.drain(..) {
            // `listen` gave the accepting sockets a time limit, so each thread sees `over` soon.
            let _panicked = thread.join();
        }
    }
}

fn listen(address: SocketAddr) -> std::io::Result<Socket> {
    let socket = Socket::new(
        Domain::for_address(address),
        Type::STREAM,
        Some(Protocol::TCP),
    )?;
    socket.set_reuse_address(true)?;
    socket.set_read_timeout(Some(std::time::Duration::from_millis(100)))?;
    socket.bind(&address.into())?;
    socket.listen(1024)?;
    Ok(socket)
}

/// Scans all 65,535 ports of one address as the command does by default.
pub fn scan_all(ip: IpAddr) -> Outcome {
    scan(&[ip], &Ports::all(), Limits::default())
}

/// Scans ports of addresses.
pub fn scan(ips: &[IpAddr], ports: &Ports, limits: Limits) -> Outcome {
    let (hosts, own) = engine::arrange(ips.iter().map(|ip| Host::from(*ip))).unwrap();
    let plan = Plan {
        hosts,
        own,
        ports: ports.as_slice().to_vec(),
        seed: Some(rand::random()),
        limits,
        start: Position::default(),
    };
    let outcome = engine::scan(plan, &AtomicBool::new(false), &Progress::default()).unwrap();
    assert_eq!(outcome.trouble, None);
    assert_eq!(outcome.stopped, None);
    outcome
}

/// The number that an environment variable says, for tests that are run longer by hand than each time.
pub fn count_from(variable: &str, default: u32) -> u32 {
    std::env::var(variable).map_or(default, |count| {
        count
            .parse()
            .unwrap_or_else(|_| panic!("{variable} is a number"))
    })
}

/// The open ports of the first host.
pub fn open_ports(outcome: &Outcome) -> BTreeSet<u16> {
    let open = outcome.findings.ports.iter();
    open.filter(|(_, _, state)| *state == State::Open)
        .map(|(_, port, _)| *port)
        .collect()
}

/// The ports on which any program of this machine listens now, on any address: other programs may come and go
/// while a test scans. From the kernel's own tables (proc(5)), where 0A is the state LISTEN; of this thread's network
/// namespace.
pub fn listening() -> BTreeSet<u16> {
    ["/proc/thread-self/net/tcp", "/proc/thread-self/net/tcp6"]
        .into_iter()
        .flat_map(|table| {
            fs::read_to_string(table)
                .unwrap_or_default()
                .lines()
                .map(str::to_string)
                .collect::<Vec<_>>()
        })
        .filter_map(|line| {
            let fields: Vec<&str> = line.split_whitespace().collect();
            let (_, port) = fields.get(1)?.rsplit_once(':')?;
            (*fields.get(3)? == "0A").then(|| u16::from_str_radix(port, 16).ok())?
        })
        .collect()
}
