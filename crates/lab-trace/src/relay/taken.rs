//! Whether a program has received what was sent to it: the queues of both ends.

use std::time::{Duration, Instant};
use std::{io, thread};

use socket2::Socket;

const LOOK_EVERY: Duration = Duration::from_millis(1);
const APART: Duration = Duration::from_millis(50);

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
        let Some(sockets) = lab_netns::sockets("tcp") else {
            // A system that does not tell: the pieces are apart by this time.
            thread::sleep(APART);
            return Ok(false);
        };
        if !is_waiting(&sockets, own.port(), other.port()) {
            return Ok(true);
        }
        thread::sleep(LOOK_EVERY);
    }
    Ok(false)
}

/// Whether bytes from one port to another are still in a queue.
fn is_waiting(sockets: &[lab_netns::Socket], own: u16, other: u16) -> bool {
    sockets.iter().any(|one| {
        let ports = (one.local.port(), one.remote.port());
        (ports == (own, other) && one.unacknowledged > 0)
            || (ports == (other, own) && one.unread > 0)
    })
}

#[cfg(test)]
mod tests {
    use std::net::SocketAddr;

    use super::*;

    #[test]
    fn what_waits_is_seen_at_both_ends() {
        let socket = |local: u16, remote: u16, (unacknowledged, unread)| lab_netns::Socket {
            local: SocketAddr::from(([127, 0, 0, 1], local)),
            remote: SocketAddr::from(([127, 0, 0, 1], remote)),
            listens: false,
            begins: false,
            ended: false,
            unread,
            unacknowledged,
            inode: 1,
        };
        for (own, other, waiting) in [
            ((0, 0), (0, 0), false),
            ((1, 0), (0, 0), true),
            ((0, 0), (0, 10), true),
            // The other direction.
            ((0, 1), (1, 0), false),
        ] {
            let table = [socket(80, 5000, other), socket(5000, 80, own)];
            assert_eq!(is_waiting(&table, 5000, 80), waiting, "{own:?} {other:?}");
        }
        assert!(!is_waiting(&[], 1, 2));
    }
}
