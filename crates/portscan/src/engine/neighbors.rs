//! What the system knows about the local network: which addresses are there, and which of them no
//! machine has (Linux).

use std::fs;
use std::net::{IpAddr, Ipv4Addr};
use std::ops::Range;

use crate::targets::Host;

/// A table of this thread's network namespace (proc(5)); empty where it cannot be read.
fn table(name: &str) -> String {
    fs::read_to_string(format!("/proc/thread-self/net/{name}")).unwrap_or_default()
}

/// The numbers of the hosts that this machine reaches without a router, by its routing table. The
/// hosts are in the order of their addresses, and the first has the number `first`.
pub(super) fn of(hosts: &[Host], first: u32) -> Vec<Range<u32>> {
    let number = |ip: u32, after: bool| {
        let ip = IpAddr::from(Ipv4Addr::from(ip));
        let index = hosts.partition_point(|host| host.ip < ip || after && host.ip == ip);
        // There are 2^20 hosts at most.
        first + u32::try_from(index).unwrap_or(u32::MAX - first)
    };
    let routes = table("route");
    let networks = routes.lines().skip(1).filter_map(local_network);
    networks
        .map(|(net, mask)| number(net, false)..number(net | !mask, true))
        .filter(|hosts| !hosts.is_empty())
        .collect()
}

/// The network and the mask of a line of the routing table that names no router.
fn local_network(line: &str) -> Option<(u32, u32)> {
    // The numbers are in network byte order, printed as if they were the machine's own.
    let address = |word: &str| Some(u32::from_str_radix(word, 16).ok()?.to_ne_bytes());
    let mut fields = line.split_ascii_whitespace().skip(1);
    let net = u32::from_be_bytes(address(fields.next()?)?);
    let router = fields.next()?;
    let mask = u32::from_be_bytes(address(fields.nth(4)?)?);
    (router == "00000000" && mask != 0).then_some((net, mask))
}

/// The addresses for which the system has asked by ARP without an answer so far. Empty where that
/// is not known: then all hosts are asked.
pub(super) fn without_answer() -> Vec<IpAddr> {
    table("arp")
        .lines()
        .skip(1)
        .filter_map(unanswered)
        .collect()
}

/// The address of a line whose flags are 0: incomplete.
fn unanswered(line: &str) -> Option<IpAddr> {
    let mut fields = line.split_ascii_whitespace();
    let ip: Ipv4Addr = fields.next()?.parse().ok()?;
    let _hardware = fields.next()?;
    (fields.next()? == "0x0").then_some(ip.into())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[cfg(target_endian = "little")]
    #[test]
    fn a_route_without_a_router_is_a_local_network() {
        let line = "eth0\t0000C80A\t00000000\t0001\t0\t0\t0\t0000FFFF\t0\t0\t0";
        assert_eq!(local_network(line), Some((0x0ac8_0000, 0xffff_0000)));
        let router = "eth0\t00000000\t0100C80A\t0003\t0\t0\t0\t00000000\t0\t0\t0";
        assert_eq!(local_network(router), None);
        assert_eq!(local_network(""), None);
    }

    #[test]
    fn an_incomplete_entry_is_an_address_without_a_machine() {
        let line = "10.0.0.9         0x1         0x0         00:00:00:00:00:00     *        eth0";
        assert_eq!(unanswered(line), Some(Ipv4Addr::new(10, 0, 0, 9).into()));
        let line = "10.0.0.1         0x1         0x2         02:42:0a:00:00:01     *        eth0";
        assert_eq!(unanswered(line), None);
        assert_eq!(unanswered(""), None);
    }
}
