//! The sockets of a network, as the system lists them: proc(5), `/proc/net/tcp` and the like.

#[cfg(target_os = "linux")]
use std::fs;
use std::net::SocketAddr;
#[cfg(target_os = "linux")]
use std::net::{Ipv4Addr, Ipv6Addr};

/// A socket as the system lists it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Socket {
    /// Its own address.
    pub local: SocketAddr,
    /// The address that it is connected to; all zeros where it is not.
    pub remote: SocketAddr,
    /// It waits for connections.
    pub listens: bool,
    /// Its connection is being made (SYN_SENT, SYN_RECV).
    pub begins: bool,
    /// The other side has ended its direction, and the program has not closed (CLOSE_WAIT).
    pub ended: bool,
    /// How many bytes wait for the program. For datagrams it is the room that they take.
    pub unread: usize,
    /// How many bytes the other side has not acknowledged yet.
    pub unacknowledged: usize,
    /// The inode by which a process's descriptor names it; 0 for one that no program holds.
    pub inode: u64,
}

/// All sockets of a protocol, `tcp` or `udp`, over IPv4 and IPv6, in the network of the calling
/// thread. `None` where the system does not tell.
#[cfg(target_os = "linux")]
pub fn sockets(protocol: &str) -> Option<Vec<Socket>> {
    let mut all = parse(&fs::read_to_string(format!("/proc/thread-self/net/{protocol}")).ok()?);
    // A system without IPv6 has no such file.
    if let Ok(six) = fs::read_to_string(format!("/proc/thread-self/net/{protocol}6")) {
        all.extend(parse(&six));
    }
    Some(all)
}

/// All sockets of a protocol: this system does not tell.
#[cfg(not(target_os = "linux"))]
pub fn sockets(_: &str) -> Option<Vec<Socket>> {
    None
}

/// Lines like `0: 0100007F:FF9C 00000000:0000 0A
/// 00000000:00000000 00:00000000 00000000 0 0 12345 …`
#[cfg(target_os = "linux")]
fn parse(table: &str) -> Vec<Socket> {
    let line = |line: &str| {
        let words: Vec<&str> = line.split_whitespace().collect();
        let (unacknowledged, unread) = words.get(4)?.split_once(':')?;
        Some(Socket {
            local: address(words.get(1)?)?,
            remote: address(words.get(2)?)?,
            listens: *words.get(3)? == "0A",
            begins: ["02", "03"].contains(words.get(3)?),
            ended: *words.get(3)? == "08",
            unread: usize::from_str_radix(unread, 16).ok()?,
            unacknowledged: usize::from_str_radix(unacknowledged, 16).ok()?,
            inode: words.get(9)?.parse().ok()?,
        })
    };
    table.lines().skip(1).filter_map(line).collect()
}

/// `0100007F:FF9C`: the address as 32-bit words in the machine's byte order, the port as a number.
#[cfg(target_os = "linux")]
fn address(text: &str) -> Option<SocketAddr> {
    let (ip, port) = text.split_once(':')?;
    let port = u16::from_str_radix(port, 16).ok()?;
    let words: Vec<[u8; 4]> = ip
        .as_bytes()
        .chunks(8)
        .map(|word| {
            let word = std::str::from_utf8(word).ok()?;
            Some(u32::from_str_radix(word, 16).ok()?.to_ne_bytes())
        })
        .collect::<Option<_>>()?;
    match words[..] {
        [four] => Some(SocketAddr::from((Ipv4Addr::from(four), port))),
        [a, b, c, d] => {
            let six: [u8; 16] = [a, b, c, d].concat().try_into().ok()?;
            // An IPv6 socket that talks IPv4 shows as ::ffff:127.0.0.1.
            Some(SocketAddr::new(Ipv6Addr::from(six).to_canonical(), port))
        }
        _ => None,
    }
}

#[cfg(test)]
#[cfg(target_os = "linux")]
mod tests {
    use std::io::Write;
    use std::net::{TcpListener, TcpStream};

    use super::*;

    #[test]
    fn a_line_of_the_table_is_read() {
        let line = "  sl  local_address\n   7: 0100007F:FF9C 0100007F:0050 08 00000002:0000000A \
                    00:00000000 00000000     0        0 12345 1 0 20 4 30 10 -1\n";
        let told = parse(line);
        let address = |port| SocketAddr::from(([127, 0, 0, 1], port));
        if cfg!(target_endian = "little") {
            assert_eq!(
                (told[0].local, told[0].remote),
                (address(65436), address(80))
            );
        }
        assert!(told[0].ended && !told[0].listens && !told[0].begins);
        assert_eq!((told[0].unacknowledged, told[0].unread), (2, 10));
        assert_eq!((told[0].inode, told.len()), (12345, 1));
        assert_eq!(parse("  sl  local_address\n 1: nonsense\n"), []);
    }

    #[test]
    fn what_waits_to_be_read_is_listed_under_both_families() {
        for host in ["127.0.0.1:0", "[::1]:0"] {
            // A system without IPv6 has no such address.
            let Ok(listener) = TcpListener::bind(host) else {
                continue;
            };
            let address = listener.local_addr().unwrap();
            let mut client = TcpStream::connect(address).unwrap();
            let (server, from) = listener.accept().unwrap();
            client.write_all(b"hello").unwrap();
            server.peek(&mut [0]).unwrap();
            let all = sockets("tcp").unwrap();
            let of = |one: &&Socket| (one.local, one.remote) == (address, from);
            assert_eq!(all.iter().find(of).unwrap().unread, 5, "{host}");
            let listens = |one: &Socket| one.local == address && one.listens;
            assert!(all.iter().any(listens), "{host}");
        }
    }
}
