//! TCP's connections through the relay.

use std::io::{self, ErrorKind, Read, Write};
use std::net::{Shutdown, SocketAddr};
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, AtomicUsize, Ordering};
use std::sync::mpsc::{self, SyncSender};
use std::thread;
use std::time::{Duration, Instant};

use lab_journal::{Side, Transport};
use labnet::log;
use socket2::{Socket, Type};

use super::faults::Faults;
use super::sight::{Sight, Way};
use super::taken::is_taken_within;
use super::{BUFFER, ON_THE_WAY, Relay, is_timeout, reachable};
use crate::entries::canonical;

/// What is sent with shorter pauses is joined.
const PAUSE: Duration = Duration::from_millis(200);
/// So many bytes are joined at most.
const MOST_JOINED: usize = 1 << 20;
/// A piece waits until the program has taken the last one, but no longer than this.
const TAKEN_WITHIN: Duration = Duration::from_secs(2);
/// After a piece that was not taken in time: the program does something else.
const IMPATIENT: Duration = Duration::from_millis(20);
/// How often a server that does not listen yet is tried.
const KNOCK_EVERY: Duration = Duration::from_millis(20);
/// So many connections are relayed at once; each has a few threads.
const MOST_CONNECTIONS: usize = 400;

/// What comes out of the network's other end.
enum Arrival {
    Bytes(Vec<u8>),
    /// The end of the stream.
    End,
    /// The connection was reset.
    Broken,
}

/// A side's sending direction: who sends, and the sockets on either side of the relay.
struct Direction {
    way: Way,
    sender: Side,
    from: Arc<Socket>,
    to: Arc<Socket>,
}

/// Takes clients, each in a thread of its own.
pub fn accept(relay: &Relay, listener: &Socket, server: SocketAddr) {
    let (count, at_once) = (AtomicU32::new(0), Arc::new(AtomicUsize::new(0)));
    loop {
        let (client, peer) = match listener.accept() {
            Ok((client, peer)) => (client, peer),
            Err(error) => {
                if let Err(error) = labnet::retry_accept(error) {
                    log!("the relay takes no more clients: {error}");
                    return;
                }
                continue;
            }
        };
        let Some(peer) = peer.as_socket().map(canonical) else {
            continue;
        };
        if at_once.load(Ordering::SeqCst) >= MOST_CONNECTIONS {
            log!("the relay has {MOST_CONNECTIONS} connections and refuses one more, from {peer}");
            continue;
        }
        at_once.fetch_add(1, Ordering::SeqCst);
        let way = Way {
            transport: Transport::Tcp,
            number: count.fetch_add(1, Ordering::Relaxed) + 1,
            client: peer,
            server: reachable(server, peer),
        };
        let (relay, at_once) = (relay.clone(), Arc::clone(&at_once));
        thread::spawn(move || {
            if let Err(error) = connect(&relay, client, way) {
                log!("the relay lost a connection: {error}");
            }
            at_once.fetch_sub(1, Ordering::SeqCst);
        });
    }
}

/// Connects to the server, and passes bytes both ways.
fn connect(relay: &Relay, client: Socket, way: Way) -> io::Result<()> {
    relay.place.enter_servers()?;
    (relay.watcher)(way, Sight::Came);
    let (upstream, connected) = reach(relay, way)?;
    if let Err(error) = connected {
        // The listener is closed: the client learns of it, a moment late.
        (relay.watcher)(way, Sight::Unreachable(&error));
        reset(&client, &upstream);
        return Ok(());
    }
    (relay.watcher)(way, Sight::Reached);
    let (client, upstream) = (Arc::new(client), Arc::new(upstream));
    let up = Direction {
        way,
        sender: Side::Client,
        from: Arc::clone(&client),
        to: Arc::clone(&upstream),
    };
    let down = Direction {
        way,
        sender: Side::Server,
        from: upstream,
        to: client,
    };
    let of_relay = relay.clone();
    let down = thread::spawn(move || {
        of_relay.place.enter_clients()?;
        pass(&of_relay, &down)
    });
    pass(relay, &up)?;
    down.join().unwrap_or(Err(ErrorKind::Other.into()))
}

/// A socket for the server, and whether it could be connected. A server that does not listen yet is
/// waited for, where the relay has patience.
fn reach(relay: &Relay, way: Way) -> io::Result<(Socket, io::Result<()>)> {
    let limit = Instant::now() + relay.patience;
    loop {
        let place = &relay.place;
        let upstream = place.socket_for(way.client, Type::STREAM, way.server)?;
        let connected = upstream.connect(&way.server.into());
        let is_refused = |error: &io::Error| error.kind() == ErrorKind::ConnectionRefused;
        if !connected.as_ref().is_err_and(is_refused) || Instant::now() >= limit {
            return Ok((upstream, connected));
        }
        thread::sleep(KNOCK_EVERY);
    }
}

/// Passes the bytes of one direction on, in the network of the one who gets them.
fn pass(relay: &Relay, direction: &Direction) -> io::Result<()> {
    let Direction {
        way,
        sender,
        from,
        to,
    } = direction;
    let (way, sender) = (*way, *sender);
    let (faults, watcher) = (&relay.faults, &relay.watcher);
    // One of both may have reset the connection already.
    let broken = |by: Option<Side>| {
        watcher(way, Sight::Reset(by));
        reset(from, to);
        Ok(())
    };
    let receiver = sender.other();
    if to.set_tcp_nodelay(true).is_err() {
        return broken(Some(receiver));
    }
    let (arrivals_in, arrivals) = mpsc::sync_channel(ON_THE_WAY);
    let (of_relay, source) = (relay.clone(), Arc::clone(from));
    thread::spawn(move || read(&of_relay, (way, sender), &source, &arrivals_in));
    let mut passed = 0;
    let mut patience = TAKEN_WITHIN;
    for (due, arrival) in &arrivals {
        thread::sleep(due.saturating_duration_since(Instant::now()));
        let mut bytes = match arrival {
            Arrival::Bytes(bytes) => bytes,
            Arrival::End => {
                watcher(way, Sight::EndPassed(sender));
                // Where the other side has gone, it needs no end.
                let _ = to.shutdown(Shutdown::Write);
                return Ok(());
            }
            Arrival::Broken => return broken(Some(sender)),
        };
        let room = faults.reset.map(|limit| limit.saturating_sub(passed));
        let is_last = room.is_some_and(|room| bytes.len() as u64 >= room);
        if let Some(room) = room {
            bytes.truncate(usize::try_from(room).unwrap_or(usize::MAX));
        }
        passed += bytes.len() as u64;
        for piece in bytes.chunks(faults.cut.unwrap_or(usize::MAX)) {
            watcher(way, Sight::Passed(sender, piece));
            if (&**to).write_all(piece).is_err() {
                return broken(Some(receiver));
            }
            if faults.cut.is_some() {
                patience = match is_taken_within(to, patience) {
                    Ok(true) => TAKEN_WITHIN,
                    Ok(false) => IMPATIENT,
                    // It has no addresses any more.
                    Err(_) => return broken(Some(receiver)),
                };
            }
        }
        if is_last {
            // Taken or not: this is the fault that was asked for.
            let _ = is_taken_within(to, patience);
            return broken(None);
        }
    }
    Ok(())
}

/// Reads what a program sends. Each piece is due later by the delay.
fn read(
    relay: &Relay,
    (way, sender): (Way, Side),
    from: &Socket,
    arrivals: &SyncSender<(Instant, Arrival)>,
) {
    let Faults { join, delay, .. } = relay.faults;
    let mut buffer = vec![0; BUFFER];
    loop {
        let (bytes, end) = match (&*from).read(&mut buffer) {
            Ok(0) => (Vec::new(), Some(Arrival::End)),
            Ok(count) => {
                let mut bytes = buffer[..count].to_vec();
                let saw = |bytes: &[u8]| (relay.watcher)(way, Sight::Sent(sender, bytes));
                saw(&bytes);
                let end = match join {
                    true => joined(from, &mut bytes, &mut buffer, &saw),
                    false => None,
                };
                (bytes, end)
            }
            Err(error) if error.kind() == ErrorKind::Interrupted => continue,
            Err(_) => (Vec::new(), Some(Arrival::Broken)),
        };
        if matches!(end, Some(Arrival::End)) {
            (relay.watcher)(way, Sight::Ended(sender));
        }
        let due = Instant::now() + delay;
        let is_last = end.is_some();
        let piece = (!bytes.is_empty()).then_some(Arrival::Bytes(bytes));
        for arrival in piece.into_iter().chain(end) {
            // The other end has gone: nothing more can arrive.
            if arrivals.send((due, arrival)).is_err() {
                return;
            }
        }
        if is_last {
            return;
        }
    }
}

/// Adds what comes until there is a pause. Gives what ended the stream, if it ended.
fn joined(
    from: &Socket,
    bytes: &mut Vec<u8>,
    buffer: &mut [u8],
    saw: &impl Fn(&[u8]),
) -> Option<Arrival> {
    if from.set_read_timeout(Some(PAUSE)).is_err() {
        return Some(Arrival::Broken);
    }
    let end = loop {
        match (&*from).read(buffer) {
            Ok(0) => break Some(Arrival::End),
            Ok(count) => {
                saw(&buffer[..count]);
                bytes.extend(&buffer[..count]);
            }
            Err(error) if is_timeout(&error) => break None,
            Err(error) if error.kind() == ErrorKind::Interrupted => {}
            Err(_) => break Some(Arrival::Broken),
        }
        if bytes.len() >= MOST_JOINED {
            break None;
        }
    };
    match from.set_read_timeout(None) {
        Ok(()) => end,
        Err(_) => Some(Arrival::Broken),
    }
}

/// Resets both connections: connect(2) with AF_UNSPEC sends RST.
#[cfg(target_os = "linux")]
fn reset(one: &Socket, other: &Socket) {
    for socket in [one, other] {
        // One that has ended already needs no reset.
        let _ = rustix::net::connect_unspec(socket);
    }
}

/// Breaks both connections: each is reset when its last user has closed it, unless it has sent its
/// end before.
#[cfg(not(target_os = "linux"))]
fn reset(one: &Socket, other: &Socket) {
    for socket in [one, other] {
        // One that has ended already needs no reset.
        let _ = socket.set_linger(Some(Duration::ZERO));
        let _ = socket.shutdown(Shutdown::Both);
    }
}

#[cfg(test)]
mod tests {
    use std::net::{Ipv4Addr, TcpListener, TcpStream};

    use super::super::{Place, bound};
    use super::*;

    #[test]
    fn a_server_that_listens_late_is_waited_for() {
        let any = SocketAddr::from((Ipv4Addr::LOCALHOST, 0));
        // Bound and not listening: connections are refused, and nobody else takes the port.
        let server = bound(any, Type::STREAM).expect("a port");
        let address = labnet::local_address(&server).expect("an address");
        let (came, has_come) = mpsc::sync_channel(1);
        let mut relay = Relay::new(
            Faults::default(),
            Place::Within,
            Arc::new(move |_, sight| {
                if matches!(sight, Sight::Came) {
                    came.send(()).expect("the test waits");
                }
            }),
        );
        relay.patience = Duration::from_secs(60);
        let own = bound(any, Type::STREAM).expect("a port");
        let own_address = labnet::local_address(&own).expect("an address");
        relay.pass_connections(own, address).expect("it listens");
        let mut client = TcpStream::connect(own_address).expect("the relay listens");
        has_come.recv().expect("the relay has the client");
        server.listen(1).expect("it listens");
        let (mut peer, _) = TcpListener::from(server).accept().expect("the relay");
        client.write_all(b"hello").expect("it is sent");
        let mut bytes = [0; 5];
        peer.read_exact(&mut bytes).expect("it arrives");
        assert_eq!(&bytes, b"hello");
    }
}
