//! A router on its sockets: accepts connections, and runs each in a thread of its own.

use std::io;
use std::net::{IpAddr, Ipv4Addr, SocketAddr, TcpListener, TcpStream};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, RwLock};
use std::thread;
use std::time::Duration;

use labnet::lock;
use socket2::{Domain, Socket, Type};

use super::config::{Config, Shared};
use super::connection::{echo, open, serve};
use super::metrics::count;
use super::router::Router;
use super::{CONNECTION, STACK_SIZE};
use crate::memory::Charge;
use crate::tls::Certificate;

/// A router, bound to its address.
///
/// ```
/// use transparency_middleware::transport::{Config, Server};
///
/// let address = "127.0.0.1:0".parse()?;
/// let server = Server::bind(address, Config::default())?;
/// let stopper = server.stopper();
/// let router = std::thread::spawn(move || server.run());
/// stopper.stop(std::time::Duration::from_secs(1));
/// router.join().unwrap()?;
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug)]
pub struct Server {
    listener: TcpListener,
    address: SocketAddr,
    shared: Arc<Shared>,
}

/// Ends a [`Server`] from another thread, and tells how it does.
#[derive(Debug, Clone)]
pub struct Stopper {
    address: SocketAddr,
    shared: Arc<Shared>,
}

impl Stopper {
    /// Says GOODBYE to all sessions, waits until it has been written, `patience` at most, and ends
    /// [`Server::run`].
    pub fn stop(&self, patience: Duration) {
        self.shared.stopping.store(true, Ordering::SeqCst);
        self.shared.router.close_all(patience);
        self.shared.router.timer.stop();
        self.shared.stopped.store(true, Ordering::SeqCst);
        // `accept` has no time limit; a connection ends it. Without one there is nobody to wake.
        let _woken = TcpStream::connect_timeout(&reachable(self.address), patience);
    }

    /// Shows this certificate to whoever connects from now on; sessions that are open stay as they are.
    pub fn replace_certificate(&self, certificate: Certificate) {
        self.shared.replace_certificate(certificate);
    }

    /// The counters in Prometheus' text format.
    pub fn metrics(&self) -> String {
        self.shared.router.prometheus()
    }
}

/// Where a socket that is bound to all addresses can be reached from here.
fn reachable(mut address: SocketAddr) -> SocketAddr {
    if address.ip().is_unspecified() {
        address.set_ip(match address {
            SocketAddr::V4(_) => Ipv4Addr::LOCALHOST.into(),
            SocketAddr::V6(_) => std::net::Ipv6Addr::LOCALHOST.into(),
        });
    }
    address
}

/// How many connections may wait to be accepted: a burst of clients is not turned away.
const BACKLOG: i32 = 1024;

impl Server {
    /// Binds and listens: from here on clients can connect.
    ///
    /// # Errors
    ///
    /// When the address cannot be bound (`EADDRINUSE`, `EACCES`).
    pub fn bind(address: SocketAddr, config: Config) -> io::Result<Self> {
        let listener = listen(address)?;
        let address = listener.local_addr()?;
        let router = Router::new(&config);
        let shared = Arc::new(Shared {
            certificate: RwLock::new(config.certificate.clone()),
            config,
            router,
            per_address: Mutex::default(),
            stopping: AtomicBool::new(false),
            stopped: AtomicBool::new(false),
        });
        Ok(Server {
            listener,
            address,
            shared,
        })
    }

    /// The socket, to tell its address.
    pub fn listener(&self) -> &TcpListener {
        &self.listener
    }

    /// What ends it.
    pub fn stopper(&self) -> Stopper {
        Stopper {
            address: self.address,
            shared: self.shared.clone(),
        }
    }

    /// Serves until it is stopped.
    ///
    /// # Errors
    ///
    /// When a thread cannot be started, or the listening socket is broken.
    pub fn run(self) -> io::Result<()> {
        let router = self.shared.router.clone();
        let timer = thread::Builder::new()
            .name("timer".to_string())
            .spawn(move || router.keep_time())?;
        let outcome = accept_each(&self.listener, &self.shared, |socket, peer| {
            let shared = self.shared.clone();
            count(&shared.router.metrics.connections_total);
            let Some(permit) = Permit::acquire(&shared, peer.ip()) else {
                count(&shared.router.metrics.connections_refused);
                return;
            };
            in_thread(socket, move |socket| {
                serve(&shared, socket);
                drop(permit);
            });
        });
        self.shared.router.timer.stop();
        // Its own panic has been printed; there is nothing to add.
        let _ended = timer.join();
        outcome
    }

    /// Serves as an echo of WebSocket messages, without WAMP: for the conformance tests of the transport.
    ///
    /// # Errors
    ///
    /// As [`Server::run`].
    pub fn run_echo(self) -> io::Result<()> {
        accept_each(&self.listener, &self.shared, |socket, _| {
            let shared = self.shared.clone();
            in_thread(socket, move |socket| {
                if let Some((connection, _)) = open(&shared, socket, true) {
                    echo(connection);
                }
            });
        })
    }
}

/// A listening socket, which can be bound again at once after a stop.
fn listen(address: SocketAddr) -> io::Result<TcpListener> {
    let socket = Socket::new(Domain::for_address(address), Type::STREAM, None)?;
    // On Windows this would let another process take the port.
    #[cfg(not(windows))]
    socket.set_reuse_address(true)?;
    socket.bind(&address.into())?;
    socket.listen(BACKLOG)?;
    Ok(socket.into())
}

fn accept_each(
    listener: &TcpListener,
    shared: &Shared,
    mut serve: impl FnMut(TcpStream, SocketAddr),
) -> io::Result<()> {
    loop {
        let accepted = listener.accept();
        if shared.stopped.load(Ordering::SeqCst) {
            return Ok(());
        }
        match accepted {
            // A client that was told to go and comes back at once: the others are still being told.
            Ok(_) if shared.stopping.load(Ordering::SeqCst) => {}
            Ok((socket, peer)) => serve(socket, peer),
            Err(error) => labnet::retry_accept(error).map_err(io::Error::other)?,
        }
    }
}

/// Runs a connection in a thread of its own; without one it is closed.
fn in_thread(socket: TcpStream, serve: impl FnOnce(TcpStream) + Send + 'static) {
    let thread = thread::Builder::new()
        .name("session".to_string())
        .stack_size(STACK_SIZE)
        .spawn(move || serve(socket));
    if let Err(error) = thread {
        labnet::log!("cannot start a thread for a connection: {error}");
    }
}

/// A connection's permit to be one of those of its address, given back when it is dropped.
struct Permit {
    shared: Arc<Shared>,
    address: IpAddr,
    _charge: Charge,
}

impl Permit {
    fn acquire(shared: &Arc<Shared>, address: IpAddr) -> Option<Self> {
        let metrics = &shared.router.metrics;
        // Half-open ones count as well: they cost as much.
        let most = shared.config.max_sessions.saturating_mul(2).max(64);
        if metrics.connections.load(Ordering::Relaxed) >= most {
            return None;
        }
        let memory = &metrics.traffic.memory;
        if !memory.has_room(CONNECTION) && !shared.router.relieve(CONNECTION) {
            return None;
        }
        let mut counts = lock(&shared.per_address);
        let count = counts.entry(address).or_default();
        if *count >= shared.config.max_per_address {
            return None;
        }
        *count += 1;
        metrics.connections.fetch_add(1, Ordering::Relaxed);
        Some(Permit {
            shared: shared.clone(),
            address,
            _charge: Charge::new(memory, CONNECTION),
        })
    }
}

impl Drop for Permit {
    fn drop(&mut self) {
        self.shared
            .router
            .metrics
            .connections
            .fetch_sub(1, Ordering::Relaxed);
        let mut counts = lock(&self.shared.per_address);
        if let Some(count) = counts.get_mut(&self.address) {
            *count -= 1;
            if *count == 0 {
                counts.remove(&self.address);
            }
        }
    }
}
