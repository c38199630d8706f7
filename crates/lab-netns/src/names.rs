//! A name server that knows one address, and the files that lead a program to it.
//!
//! Whatever a program is written in, its resolver asks the name server that `/etc/resolv.conf`
//! names: the C library and all that call it, Go, Java, Node's own, a static program. The C library
//! asks others first where `/etc/nsswitch.conf` says so. So the thread gets a `resolv.conf` and an
//! `nsswitch.conf` of its own, mounted over the machine's (mount(2), MS_BIND). What `/etc/hosts`
//! says of this machine's names stays.

use std::cell::Cell;
use std::fs;
use std::io::Write;
use std::net::{IpAddr, Ipv4Addr, SocketAddr, UdpSocket};
use std::path::Path;
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use std::sync::{Arc, Mutex, MutexGuard};
use std::thread;

use anyhow::Context;
use rustix::mount::{MountFlags, mount, mount_bind};

use crate::linux;

/// The name server's address. No program binds it; elsewhere systemd's name server has it.
const SERVER: Ipv4Addr = Ipv4Addr::new(127, 0, 0, 53);
/// The port of name servers.
const PORT: u16 = 53;
/// Where the name server listens.
pub fn server() -> SocketAddr {
    (SERVER, PORT).into()
}

/// Names are kept up to this number.
const KEPT: usize = 100;

/// A name server in the network of the thread that started it. It ends when this is dropped.
#[derive(Debug)]
pub struct Names {
    socket: Arc<UdpSocket>,
    shared: Arc<Shared>,
}

#[derive(Debug, Default)]
struct Shared {
    asked: Mutex<Vec<String>>,
    /// No name has an address any more.
    forgotten: AtomicBool,
    over: AtomicBool,
}

impl Shared {
    fn asked(&self) -> MutexGuard<'_, Vec<String>> {
        labnet::lock(&self.asked)
    }
}

impl Names {
    /// Starts it, and leads the programs of this thread to it.
    pub fn serve(address: IpAddr) -> anyhow::Result<Self> {
        let IpAddr::V4(address) = address else {
            anyhow::bail!("names have IPv4 addresses here");
        };
        lead_programs_here()?;
        // Written down as an address of the interface: with 127.0.0.1 alone the C library holds
        // that this machine has no IPv4 (AI_ADDRCONFIG in getaddrinfo(3)).
        linux::add_address(SERVER).context("no address for a name server")?;
        let socket = UdpSocket::bind(server()).context("no socket for a name server")?;
        let socket = Arc::new(socket);
        let shared = Arc::new(Shared::default());
        let (of_thread, known) = (Arc::clone(&socket), Arc::clone(&shared));
        thread::Builder::new()
            .spawn(move || answer_all(&of_thread, &known, address))
            .context("no thread for a name server")?;
        Ok(Names { socket, shared })
    }

    /// The names that were asked for since the last time.
    pub fn asked(&self) -> Vec<String> {
        std::mem::take(&mut self.shared.asked())
    }

    /// From now on no name has an address.
    pub fn forget(&self) {
        self.shared.forgotten.store(true, Ordering::SeqCst);
    }
}

impl Drop for Names {
    fn drop(&mut self) {
        self.shared.over.store(true, Ordering::SeqCst);
        // Wakes anyone who waits in recvfrom, and says
        // that the socket is not connected, which is so.
        let _not_connected = rustix::net::shutdown(&self.socket, rustix::net::Shutdown::Read);
    }
}

fn answer_all(socket: &UdpSocket, shared: &Shared, address: Ipv4Addr) {
    let mut buffer = [0; 1500];
    while !shared.over.load(Ordering::SeqCst) {
        let Ok((count, from)) = socket.recv_from(&mut buffer) else {
            continue; // An earlier answer found nobody, or this is over.
        };
        let forgotten = shared.forgotten.load(Ordering::SeqCst);
        let Some((name, answer)) = answer(&buffer[..count], address, forgotten) else {
            continue; // No question: nobody waits for an answer.
        };
        let mut asked = shared.asked();
        if asked.len() < KEPT && !asked.contains(&name) {
            asked.push(name);
        }
        drop(asked);
        // Anyone who asked may be gone.
        let _gone = socket.send_to(&answer, from);
    }
}

/// The answer to a question (RFC 1035, section 4), with the name that it asks for.
fn answer(question: &[u8], address: Ipv4Addr, forgotten: bool) -> Option<(String, Vec<u8>)> {
    const HEADER: usize = 12;
    const RESPONSE: u8 = 0x80;
    const RECURSION_AVAILABLE: u8 = 0x80;
    const NAME_ERROR: u8 = 3;
    const A: [u8; 2] = [0, 1];
    const TIME_TO_LIVE: [u8; 4] = [0, 0, 0, 0];
    // The name of the question, which begins right after the header, in two bytes.
    const SAME_NAME: [u8; 2] = [0xc0, 12];

    let header = question.get(..HEADER)?;
    let is_question = header[2] & RESPONSE == 0 && header[4..6] == [0, 1];
    if !is_question {
        return None;
    }
    let mut at = HEADER;
    let mut labels = Vec::new();
    loop {
        let length = usize::from(*question.get(at)?);
        at += 1;
        match length {
            0 => break,
            // Longer ones would be pointers, which no question has.
            1..64 => labels.push(String::from_utf8_lossy(question.get(at..at + length)?)),
            _ => return None,
        }
        at += length;
    }
    let name = labels.join(".").to_ascii_lowercase();
    let kind = question.get(at..at + 2)?;
    let end = at + 4;
    // Of .invalid nobody may have a name (RFC 6761, section 6.4). A question for the name of an
    // address is not answered either.
    let unknown =
        forgotten || ["invalid", "arpa"].contains(&labels.last()?.to_ascii_lowercase().as_str());
    let answers = !unknown && kind == A;
    let mut bytes = question.get(..end)?.to_vec();
    bytes[2] |= RESPONSE;
    bytes[3] = RECURSION_AVAILABLE | if unknown { NAME_ERROR } else { 0 };
    // The counts of answers, authorities and additional records.
    bytes[6..HEADER].copy_from_slice(&[0, u8::from(answers), 0, 0, 0, 0]);
    if answers {
        bytes.extend(SAME_NAME);
        bytes.extend(A);
        bytes.extend([0, 1]); // The Internet.
        bytes.extend(TIME_TO_LIVE);
        bytes.extend([0, 4]);
        bytes.extend(address.octets());
    }
    Some((name, bytes))
}

/// Gives the calling thread, and what it starts, private mounts, in which the name server is the
/// only one. Once for each thread: it is the same in each network.
fn lead_programs_here() -> anyhow::Result<()> {
    thread_local! {
        static DONE: Cell<bool> = const { Cell::new(false) };
    }
    if DONE.get() {
        return Ok(());
    }
    linux::unshare_mounts().context("no private mounts (unshare)")?;
    let resolver = format!("nameserver {SERVER}\noptions timeout:2 attempts:3\n");
    cover(Path::new("/etc/resolv.conf"), &resolver)?;
    let switch = Path::new("/etc/nsswitch.conf");
    // A system without that file asks the name server.
    if let Ok(text) = fs::read_to_string(switch) {
        cover(switch, &with_name_server_only(&text))?;
    }
    // A daemon that remembers names for the C library. Others than Debian's have it there too.
    let cache = Path::new("/run/nscd");
    if cache.is_dir() {
        mount("none", cache, "tmpfs", MountFlags::empty(), None)
            .with_context(|| format!("cannot mount over {}", cache.display()))?;
    }
    DONE.set(true);
    Ok(())
}

/// The machine's `nsswitch.conf` with another line for hosts.
fn with_name_server_only(text: &str) -> String {
    let others = text
        .lines()
        .filter(|line| !line.trim_start().starts_with("hosts:"));
    others
        .chain(["hosts: files dns"])
        .flat_map(|line| [line, "\n"])
        .collect()
}

/// Mounts a file with this text over another.
fn cover(place: &Path, text: &str) -> anyhow::Result<()> {
    static NUMBER: AtomicU32 = AtomicU32::new(0);
    let number = NUMBER.fetch_add(1, Ordering::Relaxed);
    let name = format!("lab-netns-{}-{number}", std::process::id());
    let file = std::env::temp_dir().join(name);
    let _from_another = fs::remove_file(&file);
    fs::File::create_new(&file)
        .and_then(|mut open| open.write_all(text.as_bytes()))
        .with_context(|| format!("cannot write {}", file.display()))?;
    let mounted = mount_bind(&file, place);
    // The mount keeps what the file holds.
    let removed = fs::remove_file(&file);
    mounted.with_context(|| format!("cannot mount over {}", place.display()))?;
    removed.with_context(|| format!("cannot remove {}", file.display()))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A question for a name of `kind`, with an additional record as many resolvers send one.
    fn question(name: &str, kind: u8) -> Vec<u8> {
        let mut bytes = vec![0xab, 0xcd, 1, 0, 0, 1, 0, 0, 0, 0, 0, 1];
        for label in name.split('.') {
            bytes.push(u8::try_from(label.len()).unwrap());
            bytes.extend(label.as_bytes());
        }
        bytes.extend([0, 0, kind, 0, 1]);
        bytes.extend([0, 0, 41, 4, 0xd0, 0, 0, 0, 0, 0, 0]);
        bytes
    }

    #[test]
    fn an_answer_holds_the_question_and_the_address() {
        let asked = question("Example.COM", 1);
        let (name, answer) = answer(&asked, Ipv4Addr::new(192, 0, 2, 7), false).unwrap();
        assert_eq!(name, "example.com");
        assert_eq!(
            answer[..12],
            [0xab, 0xcd, 0x81, 0x80, 0, 1, 0, 1, 0, 0, 0, 0]
        );
        assert_eq!(answer[12..29], asked[12..29]);
        assert_eq!(answer[29..41], [0xc0, 12, 0, 1, 0, 1, 0, 0, 0, 0, 0, 4]);
        assert_eq!(answer[41..], [192, 0, 2, 7]);
    }

    #[test]
    fn there_is_no_address_over_ipv6_and_none_for_a_name_that_nobody_may_have() {
        let outcome = |name, kind, forgotten| {
            let asked = question(name, kind);
            let (_, answer) = answer(&asked, Ipv4Addr::LOCALHOST, forgotten).unwrap();
            (answer[3] & 0xf, answer[7])
        };
        assert_eq!(outcome("example.com", 28, false), (0, 0));
        assert_eq!(outcome("no-such-host.invalid", 1, false), (3, 0));
        assert_eq!(outcome("1.2.0.192.in-addr.arpa", 12, false), (3, 0));
        assert_eq!(outcome("example.com", 1, true), (3, 0));
    }

    #[test]
    fn what_is_no_question_gets_no_answer() {
        let asked = question("example.com", 1);
        for end in 0..28 {
            assert_eq!(answer(&asked[..end], Ipv4Addr::LOCALHOST, false), None);
        }
        let mut response = asked.clone();
        response[2] |= 0x80;
        assert_eq!(answer(&response, Ipv4Addr::LOCALHOST, false), None);
        let mut pointer = asked;
        pointer[12] = 0xc0;
        assert_eq!(answer(&pointer, Ipv4Addr::LOCALHOST, false), None);
    }

    #[test]
    fn only_the_line_for_hosts_is_another() {
        let text = "passwd: files systemd\nhosts: files mdns4_minimal [NOTFOUND=return] dns\nnetworks: files\n";
        assert_eq!(
            with_name_server_only(text),
            "passwd: files systemd\nnetworks: files\nhosts: files dns\n"
        );
    }
}
