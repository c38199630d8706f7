//! A private network for the calling thread and for all
//! that it starts. Linux only: network_namespaces(7).
//!
//! On the machine's network a test or a check meets strangers. A port scan connects to whatever
//! listens: to a server that the check plays, which takes it for the client under test, and to a
//! server under test, which may end with its first client. A port that the sheet fixes may be taken
//! by another program, or for a minute by the connections of the last test (TIME_WAIT).
//!
//! In a new network namespace every port is free and no other program is
//! there. It has nothing but a loopback interface, and ends with the
//! last process and socket in it. To make one takes about a millisecond.
//!
//! A program that has its host written in its source wants more: in a [closed
//! network](enter_closed) every name has the address that its user chooses, every address can lead
//! back to this machine, and it is seen where the program tried to go.
//!
//! | module | holds |
//! |---|---|
//! | [`names`] | a name server that knows one address, and the files that lead a program to it |
//! | [`attempts`] | where the programs of a network tried to go |
//! | `sockets` | the sockets of a network, with what waits in their queues |
//! | [`linux`] | the system calls |
//!
//! The right to make one is `CAP_SYS_ADMIN`, which root has. A program
//! without it gets the right in a user namespace ([`enter_user_namespace`]),
//! which it has to enter before it starts its first thread.
//!
//! A thread in another network than its process reads `/proc/thread-self/net`: `/proc/net` is the
//! network of the process's first thread.

#[cfg(target_os = "linux")]
mod attempts;
#[cfg(target_os = "linux")]
mod linux;
#[cfg(target_os = "linux")]
mod names;
mod sockets;

use std::net::{IpAddr, SocketAddr};

pub use sockets::{Socket, sockets};

/// Enters a user namespace (user_namespaces(7)) if
/// this process may not make networks. In it, it may.
///
/// The process stays the same user, and so do the
/// programs that it starts. They get no special rights.
///
/// # Errors
///
/// When the system refuses, as some containers do. The process may go on: it has the machine's
/// network. The system also refuses once the process has a second thread.
#[cfg(target_os = "linux")]
pub fn enter_user_namespace() -> anyhow::Result<()> {
    use anyhow::Context;

    if linux::has_admin_rights()? {
        return Ok(());
    }
    // Tried by a child first. Some systems let a process in and then take all its rights away: it
    // would be there for nothing, and without the names of its user and its groups.
    linux::try_in_a_child().context("a user namespace is of no use here")?;
    linux::unshare_user().context("cannot enter a user namespace (unshare)")
}

/// Enters a user namespace.
///
/// # Errors
///
/// Always: this system has no such thing.
#[cfg(not(target_os = "linux"))]
pub fn enter_user_namespace() -> anyhow::Result<()> {
    anyhow::bail!("only Linux has user namespaces")
}

/// Whether this process may make networks.
#[cfg(target_os = "linux")]
pub fn available() -> bool {
    // Tried rather than concluded from the user's number: in a container root may lack the
    // capability. In its own thread, since there is no way back.
    std::thread::spawn(|| linux::unshare().is_ok())
        .join()
        .unwrap_or(false)
}

/// Whether this process may make networks.
#[cfg(not(target_os = "linux"))]
pub fn available() -> bool {
    false
}

/// Whether this process may make networks, or could after [`enter_user_namespace`]. As that, it is
/// asked before the first thread.
#[cfg(target_os = "linux")]
pub fn possible() -> bool {
    available() || linux::try_in_a_child().is_ok()
}

/// Whether this process may make networks, or could.
#[cfg(not(target_os = "linux"))]
pub fn possible() -> bool {
    false
}

/// Moves the calling thread into a new network, with the loopback interface up and this address on
/// it. Threads and programs that it starts from then on are in it as well.
///
/// # Errors
///
/// When the system refuses.
#[cfg(target_os = "linux")]
pub fn enter(address: IpAddr) -> anyhow::Result<()> {
    use anyhow::Context;

    linux::unshare().context("cannot make a private network (unshare)")?;
    linux::loopback_up().context("cannot bring up the loopback interface of a new network")?;
    if let IpAddr::V4(own) = address
        && !own.is_loopback()
    {
        linux::add_address(own).with_context(|| format!("cannot give {own} to a new network"))?;
    }
    Ok(())
}

/// Moves the calling thread into a new network.
///
/// # Errors
///
/// Always: this system has no such thing.
#[cfg(not(target_os = "linux"))]
pub fn enter(_: IpAddr) -> anyhow::Result<()> {
    anyhow::bail!("only Linux has network namespaces")
}

/// Lets the programs that the calling thread starts capture the packets of its network (packet(7)),
/// and what they start, until one of them calls [`stop_passing_on_capturing`].
///
/// # Errors
///
/// When the thread may not capture packets itself.
#[cfg(target_os = "linux")]
pub fn pass_on_capturing() -> std::io::Result<()> {
    linux::pass_on_capturing()
}

/// Lets programs capture packets: this system has no such right to pass on.
///
/// # Errors
///
/// Always.
#[cfg(not(target_os = "linux"))]
pub fn pass_on_capturing() -> std::io::Result<()> {
    Err(std::io::ErrorKind::Unsupported.into())
}

/// Ends what [`pass_on_capturing`] began: programs that the calling thread starts from now on do
/// not get the right from it.
///
/// # Errors
///
/// When the system refuses.
#[cfg(target_os = "linux")]
pub fn stop_passing_on_capturing() -> std::io::Result<()> {
    linux::stop_passing_on_capturing()
}

/// A way that a program tried to go.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Attempt {
    /// Whether it was a datagram (UDP); otherwise it was the beginning of a connection (TCP).
    pub datagram: bool,
    /// Where to.
    pub to: SocketAddr,
}

/// What a closed network adds to a network: see [`enter_closed`]. On drop the name server ends.
#[derive(Debug, Default)]
pub struct Closed {
    #[cfg(target_os = "linux")]
    names: Option<names::Names>,
    #[cfg(target_os = "linux")]
    attempts: Option<attempts::Attempts>,
    lacks: Vec<String>,
}

impl Closed {
    /// The names that programs have asked for since the last time, each once, in their order.
    pub fn names_asked(&self) -> Vec<String> {
        #[cfg(target_os = "linux")]
        if let Some(names) = &self.names {
            return names.asked();
        }
        Vec::new()
    }

    /// From now on no name has an address. False where names are not answered here.
    pub fn forget_names(&self) -> bool {
        #[cfg(target_os = "linux")]
        if let Some(names) = &self.names {
            names.forget();
            return true;
        }
        false
    }

    /// Where programs tried to go since the last time: each way
    /// once, in their order, as far as the system kept them.
    pub fn attempts(&self) -> Vec<Attempt> {
        #[cfg(target_os = "linux")]
        if let Some(attempts) = &self.attempts {
            let mut seen = attempts.seen();
            seen.retain(|attempt| attempt.to != names::server());
            return seen;
        }
        Vec::new()
    }

    /// Makes every IPv4 address one of this machine, in the network of the calling thread: a
    /// listener on 0.0.0.0 is reached at any.
    ///
    /// # Errors
    ///
    /// When the system refuses.
    pub fn lead_every_address_here(&self) -> std::io::Result<()> {
        #[cfg(target_os = "linux")]
        linux::make_every_address_local()?;
        Ok(())
    }

    /// What this system does not let us do in a network, in words; empty where it lets us do all.
    pub fn lacks(&self) -> &[String] {
        &self.lacks
    }
}

/// Moves the calling thread into a new network, as [`enter`] does, in which every name has this
/// address, but for those below `.invalid`, and in which it is seen where programs try to go.
/// [`Closed::lead_every_address_here`] closes the last way out.
///
/// Names are answered by a name server in the network. The thread gets a mount namespace in which
/// `/etc/resolv.conf` names it, and in which nothing else is asked.
///
/// # Errors
///
/// When the system refuses a network. What else it refuses is told by [`Closed::lacks`].
#[cfg(target_os = "linux")]
pub fn enter_closed(address: IpAddr) -> anyhow::Result<Closed> {
    enter(address)?;
    let mut closed = Closed::default();
    let lack = |what: &str, error: &dyn std::fmt::Display| format!("cannot {what}: {error}");
    match names::Names::serve(address) {
        Ok(names) => closed.names = Some(names),
        Err(error) => closed
            .lacks
            .push(lack("answer for every name", &format!("{error:#}"))),
    }
    match attempts::Attempts::watch() {
        Ok(attempts) => closed.attempts = Some(attempts),
        Err(error) => closed.lacks.push(lack("see where programs go", &error)),
    }
    Ok(closed)
}

/// Moves the calling thread into a closed network.
///
/// # Errors
///
/// Always: this system has no such thing.
#[cfg(not(target_os = "linux"))]
pub fn enter_closed(_: IpAddr) -> anyhow::Result<Closed> {
    anyhow::bail!("only Linux has network namespaces")
}

#[cfg(test)]
#[cfg(target_os = "linux")]
mod tests {
    use std::net::{Ipv4Addr, TcpListener, TcpStream};

    use super::*;

    #[test]
    #[cfg_attr(no_networks, ignore = "unshare makes no network for this user")]
    fn in_a_network_of_its_own_a_port_is_free_that_is_taken_outside() {
        let outside = TcpListener::bind("127.0.0.1:0").unwrap();
        let taken = outside.local_addr().unwrap();
        std::thread::spawn(move || {
            enter(Ipv4Addr::LOCALHOST.into()).unwrap();
            let inside = TcpListener::bind(taken).unwrap();
            // The one inside is met, not the one outside.
            let client = TcpStream::connect(taken).unwrap();
            let (_, peer) = inside.accept().unwrap();
            assert_eq!(client.local_addr().unwrap(), peer);
        })
        .join()
        .unwrap();
    }

    #[test]
    #[cfg_attr(no_networks, ignore = "unshare makes no network for this user")]
    fn the_table_of_connections_is_small_so_that_it_is_read_in_no_time() {
        std::thread::spawn(|| {
            enter(Ipv4Addr::LOCALHOST.into()).unwrap();
            let buckets = std::fs::read_to_string("/proc/sys/net/ipv4/tcp_ehash_entries");
            assert_eq!(buckets.unwrap().trim(), "4096");
        })
        .join()
        .unwrap();
    }

    #[test]
    #[cfg_attr(no_networks, ignore = "unshare makes no network for this user")]
    fn the_machines_own_address_is_there_as_well() {
        std::thread::spawn(|| {
            let own: IpAddr = "192.0.2.7".parse().unwrap();
            enter(own).unwrap();
            let inside = TcpListener::bind((own, 0)).unwrap();
            TcpStream::connect(inside.local_addr().unwrap()).unwrap();
        })
        .join()
        .unwrap();
    }

    /// Runs something in a closed network.
    fn closed(run: impl FnOnce(&Closed) + Send + 'static) {
        let done = std::thread::spawn(|| {
            let closed = enter_closed(Ipv4Addr::LOCALHOST.into()).unwrap();
            assert_eq!(closed.lacks(), [""; 0]);
            run(&closed);
        });
        done.join().unwrap();
    }

    fn resolve(name: &str) -> std::io::Result<Vec<SocketAddr>> {
        use std::net::ToSocketAddrs;
        (name, 80).to_socket_addrs().map(Iterator::collect)
    }

    #[test]
    #[cfg_attr(no_networks, ignore = "unshare makes no network for this user")]
    fn every_name_has_the_one_address_but_for_those_that_nobody_may_have() {
        closed(|closed| {
            for name in ["www.google.co.uk", "example.com", "my-server"] {
                let expected: SocketAddr = (Ipv4Addr::LOCALHOST, 80).into();
                assert_eq!(resolve(name).unwrap(), [expected], "{name}");
            }
            assert!(resolve("no-such-host.invalid").is_err());
            let asked = closed.names_asked();
            let expected = [
                "www.google.co.uk",
                "example.com",
                "my-server",
                "no-such-host.invalid",
            ];
            assert_eq!(asked, expected);
            assert_eq!(closed.names_asked(), [""; 0]);
            assert!(closed.forget_names());
            assert!(resolve("example.org").is_err());
        });
    }

    #[test]
    #[cfg_attr(no_networks, ignore = "unshare makes no network for this user")]
    fn programs_in_other_languages_resolve_it_as_well() {
        closed(|_| {
            for (program, arguments) in [
                ("getent", vec!["ahostsv4", "www.google.co.uk"]),
                (
                    "python3",
                    vec![
                        "-c",
                        "import socket; print(socket.gethostbyname('www.google.co.uk'))",
                    ],
                ),
                (
                    "node",
                    vec![
                        "-e",
                        "require('dns').lookup('www.google.co.uk', (e, a) => console.log(e, a))",
                    ],
                ),
                // c-ares: no getaddrinfo, as in a static program.
                (
                    "node",
                    vec![
                        "-e",
                        "require('dns').resolve4('www.google.co.uk', (e, a) => console.log(e, a))",
                    ],
                ),
            ] {
                let mut command = std::process::Command::new(program);
                // One that is not installed here shows nothing.
                let Ok(output) = command.args(arguments).output() else {
                    continue;
                };
                let said = String::from_utf8_lossy(&output.stdout);
                assert!(said.contains("127.0.0.1"), "{program}: {output:?}");
            }
        });
    }

    #[test]
    #[cfg_attr(no_networks, ignore = "unshare makes no network for this user")]
    fn every_address_leads_here_and_an_attempt_is_seen() {
        closed(|closed| {
            let far: SocketAddr = "192.0.2.1:80".parse().unwrap();
            TcpListener::bind(far).unwrap_err();
            closed.lead_every_address_here().unwrap();
            let everywhere = TcpListener::bind("0.0.0.0:80").unwrap();
            let client = TcpStream::connect(far).unwrap();
            let (stream, _) = everywhere.accept().unwrap();
            assert_eq!(stream.local_addr().unwrap(), far);
            let near: SocketAddr = "127.0.0.1:65431".parse().unwrap();
            for _ in 0..3 {
                TcpStream::connect(near).unwrap_err();
            }
            let socket = std::net::UdpSocket::bind("127.0.0.1:0").unwrap();
            let other: SocketAddr = "127.0.0.1:9900".parse().unwrap();
            socket.send_to(b"hello", other).unwrap();
            let attempt = |datagram, to| Attempt { datagram, to };
            let expected = [
                attempt(false, far),
                attempt(false, near),
                attempt(true, other),
            ];
            assert_eq!(closed.attempts(), expected);
            assert_eq!(closed.attempts(), []);
            drop(client);
        });
    }
}
