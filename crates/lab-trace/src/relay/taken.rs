//! Whether a program has received what was sent to it: the queues in /proc/net/tcp.

use std::time::{Duration, Instant};
use std::{fs, io, thread};

use socket2::Socket;

const LOOK_EVERY: Duration = Duration::from_millis(1);

/// Waits until the program at the other end of a connection has received what was sent to it. Gives
/// whether it has, within this time.
pub fn is_taken_within(to: &Socket, patience: Duration) -> io::Result<bool> {
    let ends = to
        .local_addr()?
        .as_socket()
        .zip(to.peer_addr()?.as_socket());
    let Some((own, other)) = ends else {
        return Ok(false);
    };
    let limit = Instant::now() + patience;
    while Instant::now() < limit {
        // The calling thread is in the network of both ends.
        let mut table = fs::read_to_string("/proc/thread-self/net/tcp")?;
        table += &fs::read_to_string("/proc/thread-self/net/tcp6").unwrap_or_default();
        if !is_waiting(&table, own.port(), other.port()) {
            return Ok(true);
        }
        thread::sleep(LOOK_EVERY);
    }
    Ok(false)
}

/// Whether bytes from one port to another are still in a queue: proc(5), /proc/net/tcp.
fn is_waiting(table: &str, own: u16, other: u16) -> bool {
    let port = |address: &str| {
        let (_, port) = address.rsplit_once(':')?;
        u16::from_str_radix(port, 16).ok()
    };
    table.lines().any(|line| {
        let fields: Vec<&str> = line.split_whitespace().collect();
        let [_, local, remote, _, queues, ..] = fields[..] else {
            return false;
        };
        let Some((send, receive)) = queues.split_once(':') else {
            return false;
        };
        let is_empty = |queue: &str| queue.bytes().all(|digit| digit == b'0');
        match (port(local), port(remote)) {
            (Some(a), Some(b)) if (a, b) == (own, other) => !is_empty(send),
            (Some(a), Some(b)) if (a, b) == (other, own) => !is_empty(receive),
            _ => false,
        }
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_waits_is_seen_at_both_ends() {
        let line = |local: &str, remote: &str, queues: &str| {
            format!("  0: 0100007F:{local} 0100007F:{remote} 01 {queues} 00:00000000 0 0 0 1")
        };
        let none = "00000000:00000000";
        for (own, peer, waiting) in [
            (none, none, false),
            ("00000001:00000000", none, true),
            (none, "00000000:0000000A", true),
            // The other direction.
            ("00000000:00000001", "00000001:00000000", false),
        ] {
            let table = [line("2328", "C000", peer), line("C000", "2328", own)].join("\n");
            assert_eq!(is_waiting(&table, 0xC000, 0x2328), waiting, "{own} {peer}");
        }
        assert!(!is_waiting("  sl  local_address\n", 1, 2));
    }
}
