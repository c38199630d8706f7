//! Listeners on random ports, scans, and the truth about the open ports of a network namespace.

use std::collections::BTreeSet;
use std::fs;
use std::io::ErrorKind;
use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::{self, JoinHandle};

use portscan::engine::{self, Outcome, Plan, Position, Progress};
use portscan::findings::State;
use portscan::limits::Limits;
use portscan::ports::Ports;
use portscan::targets::Host;
use socket2::{Domain, Protocol, Socket, Type};

/// Sockets that listen on ports of one address, and take and drop every connection.
pub(crate) struct Listeners {
    pub(crate) ports: BTreeSet<u16>,
    over: Arc<AtomicBool>,
    threads: Vec<JoinHandle<()>>,
}

impl Listeners {
    /// As many as `count`, on `wanted` ports and then on random ones. A wanted port that this user
    /// cannot have is left out, with a line that says why.
    pub(crate) fn new(ip: IpAddr, count: usize, wanted: &[u16]) -> Self {
        let over = Arc::new(AtomicBool::new(false));
        let mut listeners = Listeners {
            ports: BTreeSet::new(),
            over,
            threads: Vec::new(),
        };
        for port in wanted.iter().copied() {
            match listen((ip, port).into()) {
                Ok(socket) => listeners.serve(socket, port),
                // In the test's own network no port is in use.
                Err(error)
                    if matches!(
                        error.kind(),
                        ErrorKind::PermissionDenied | ErrorKind::AddrInUse
                    ) =>
                {
                    println!("port {port} is not tested: {error}");
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
                // A connection that was reset before it was accepted is an error of that connection
                // alone.
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
            let _its_panic_is_printed = thread.join();
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
pub(crate) fn scan_all(ip: IpAddr) -> Outcome {
    scan(&[ip], &Ports::all(), Limits::default())
}

/// Scans ports of addresses.
pub(crate) fn scan(ips: &[IpAddr], ports: &Ports, limits: Limits) -> Outcome {
    let (hosts, local) = engine::arrange(ips.iter().map(|ip| Host::from(*ip))).unwrap();
    let plan = Plan {
        hosts,
        local,
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

/// Runs of a test that is repeated: so many, or as many as `PORTSCAN_RUNS` says.
pub(crate) fn many(default: u32) -> u32 {
    const VARIABLE: &str = "PORTSCAN_RUNS";
    std::env::var(VARIABLE).map_or(default, |count| {
        count
            .parse()
            .unwrap_or_else(|_| panic!("{VARIABLE} is a number"))
    })
}

/// The open ports of the first host.
pub(crate) fn open_ports(outcome: &Outcome) -> BTreeSet<u16> {
    let open = outcome.findings.ports.iter();
    open.filter(|(_, _, state)| *state == State::Open)
        .map(|(_, port, _)| *port)
        .collect()
}

/// The ports on which any program of this machine listens now, on any address: other programs may
/// come and go while a test scans. From the kernel's own tables (proc(5)), where 0A is the state
/// LISTEN; of this thread's network namespace.
pub(crate) fn listening() -> BTreeSet<u16> {
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
