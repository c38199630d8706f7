//! What the system knows about the local network: which addresses no machine has (Linux).

use std::fs;
use std::net::{IpAddr, Ipv4Addr};

/// The addresses for which the system has asked by ARP without an answer so far (proc(5),
/// `/proc/net/arp`). Empty where that cannot be read: then all hosts are asked.
pub(super) fn without_answer() -> Vec<IpAddr> {
    let table = fs::read_to_string("/proc/net/arp").unwrap_or_default();
    table.lines().skip(1).filter_map(unanswered).collect()
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

    #[test]
    fn an_incomplete_entry_is_an_address_without_a_machine() {
        let line = "10.0.0.9         0x1         0x0         00:00:00:00:00:00     *        eth0";
        assert_eq!(unanswered(line), Some(Ipv4Addr::new(10, 0, 0, 9).into()));
        let line = "10.0.0.1         0x1         0x2         02:42:0a:00:00:01     *        eth0";
        assert_eq!(unanswered(line), None);
        assert_eq!(unanswered(""), None);
    }
}
