//! A router on its sockets: accepts connections, and runs each in its own thread.

use std::collections::HashMap;
use std::io::{self, ErrorKind};
use std::net::{IpAddr, Ipv4Addr, SocketAddr, TcpListener, TcpStream};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, RwLock};
use std::thread;
use std::time::{Duration, Instant};

use labnet::lock;
use socket2::{Domain, Socket, Type};

use super::config::Config;
use super::connection::{echo, open, serve};
use super::events::RouterEvent;
use super::http::Page;
use super::metrics::count;
use super::principals::RealmConfig;
use super::router::Router;
use super::shared::{Shared, each_shared};
use super::{CONNECTION, STACK_SIZE};
use crate::memory::Charge;
use crate::messages::Uri;
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

    /// Shows this certificate to the one who connects from
    /// now on; sessions that are open stay as they are.
    pub fn replace_certificate(&self, certificate: Certificate) {
        self.shared.replace_certificate(certificate);
    }

    /// The counters in Prometheus' text format, and the addresses that have most connections.
    pub fn metrics(&self) -> String {
        const MOST: usize = 50;
        let counts = lock(&self.shared.per_address).clone();
        let mut counts: Vec<_> = counts.into_iter().collect();
        counts.sort_unstable_by_key(|(address, count)| (std::cmp::Reverse(*count), *address));
        counts.truncate(MOST);
        let mut text = self.shared.router.prometheus();
        text.push_str(
            "# HELP wamp_address_connections TCP connections open now, of the addresses that have most.\n\
             # TYPE wamp_address_connections gauge\n",
        );
        for (address, count) in counts {
            text.push_str(&format!(
                "wamp_address_connections{{address=\"{address}\"}} {count}\n"
            ));
        }
        text
    }

    /// Other realms and pages from now on. Sessions stay as they are; what their roles may do is
    /// what the new realms say.
    pub fn reload(&self, realms: HashMap<Uri, RealmConfig>, pages: Vec<Page>) {
        self.shared.router.reload(realms);
        self.shared.replace_pages(pages);
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
    pub fn bind(address: SocketAddr, mut config: Config) -> io::Result<Self> {
        let listener = listen(address)?;
        let address = listener.local_addr()?;
        let router = Router::new(&config);
        let shared = Arc::new(Shared {
            certificate: RwLock::new(config.certificate.clone()),
            pages: RwLock::new(each_shared(std::mem::take(&mut config.pages))),
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
            let permit = match Permit::acquire(&shared, peer.ip()) {
                Ok(permit) => permit,
                Err(why) => {
                    count(&shared.router.metrics.connections_refused);
                    shared.router.tell(&RouterEvent::Refused {
                        address: peer.ip(),
                        why: why.to_string(),
                    });
                    return;
                }
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

    /// Serves as an echo of WebSocket messages, without
    /// WAMP: for the conformance tests of the transport.
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
    let mut shortage = Shortage::default();
    loop {
        let accepted = listener.accept();
        if shared.stopped.load(Ordering::SeqCst) {
            return Ok(());
        }
        match accepted {
            // A client that was told to go and comes back at once: the others are still being told.
            Ok(_) if shared.stopping.load(Ordering::SeqCst) => {}
            Ok((socket, peer)) => serve(socket, peer),
            Err(error) => shortage.wait(error, &shared.router)?,
        }
    }
}

/// How long the system's shortage of descriptors or memory is waited out before the next try.
const SHORTAGE_PAUSE: Duration = Duration::from_millis(100);

/// How often that is told at most.
const TOLD_EVERY: Duration = Duration::from_secs(60);

/// The system cannot give one more connection: that is told once in a while, and not each time.
#[derive(Default)]
struct Shortage {
    told: Option<Instant>,
    times: u64,
}

impl Shortage {
    /// Waits, where trying again can help.
    fn wait(&mut self, error: io::Error, router: &Router) -> io::Result<()> {
        match error.kind() {
            ErrorKind::InvalidInput | ErrorKind::Unsupported => return Err(error),
            // A client that has gone again.
            ErrorKind::ConnectionAborted | ErrorKind::ConnectionReset | ErrorKind::Interrupted => {
                return Ok(());
            }
            _ => {}
        }
        self.times += 1;
        if self.told.is_none_or(|told| told.elapsed() >= TOLD_EVERY) {
            self.told = Some(Instant::now());
            router.tell(&RouterEvent::CannotAccept {
                error: error.to_string(),
                times: std::mem::take(&mut self.times),
            });
        }
        thread::sleep(SHORTAGE_PAUSE);
        Ok(())
    }
}

/// Runs a connection in its own thread; without one it is closed.
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
    fn acquire(shared: &Arc<Shared>, address: IpAddr) -> Result<Self, &'static str> {
        let metrics = &shared.router.metrics;
        // Half-open ones count as well: they cost as much.
        let most = shared.config.max_sessions.saturating_mul(2).max(64);
        if metrics.connections.load(Ordering::Relaxed) >= most {
            return Err("there are all the connections that may be");
        }
        let memory = &metrics.traffic.memory;
        if !memory.has_room(CONNECTION) && !shared.router.relieve(CONNECTION) {
            return Err("the router is short of memory");
        }
        let mut counts = lock(&shared.per_address);
        let count = counts.entry(address).or_default();
        if *count >= shared.config.max_per_address {
            return Err("its address has all the connections that it may have");
        }
        *count += 1;
        metrics.connections.fetch_add(1, Ordering::Relaxed);
        Ok(Permit {
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
