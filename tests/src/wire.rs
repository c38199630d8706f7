//! The peer played by hand: what no well-behaved client does, and what only the kernel can tell.

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream, UdpSocket};
use std::sync::Mutex;
use std::thread;
use std::time::{Duration, Instant};

use socket2::{Domain, SockRef, Socket, Type};

use crate::{DEADLINE, network};

/// How long a client may take from its start to its connection.
const ACCEPT_DEADLINE: Duration = Duration::from_secs(10);

/// Connects, with a deadline on everything that follows.
///
/// # Panics
///
/// When there is no connection in time.
pub fn connect(address: SocketAddr) -> TcpStream {
    let stream = TcpStream::connect_timeout(&address, DEADLINE)
        .unwrap_or_else(|error| panic!("cannot connect to {address}: {error}"));
    stream
        .set_read_timeout(Some(DEADLINE))
        .expect("a time limit above 0");
    stream
        .set_write_timeout(Some(DEADLINE))
        .expect("a time limit above 0");
    // Every write goes out at once, as its own segment: a test says itself what is sent together.
    stream
        .set_nodelay(true)
        .expect("TCP_NODELAY is there on every system");
    stream
}

/// Sends a request on a new connection and reads the answer to its last expected byte.
///
/// # Panics
///
/// When the answer is another.
pub fn ask(address: SocketAddr, request: &[u8], expected: &[u8]) {
    let mut stream = connect(address);
    stream
        .write_all(request)
        .expect("the server takes the request");
    expect(&mut stream, expected);
}

/// Reads as many bytes as are expected and compares them.
///
/// # Panics
///
/// When others come, or too few.
pub fn expect(stream: &mut TcpStream, expected: &[u8]) {
    let mut answer = Vec::new();
    let mut limited = stream.take(expected.len() as u64);
    let result = limited.read_to_end(&mut answer);
    assert!(
        answer == expected,
        "expected {:?}, got {:?} ({result:?})",
        String::from_utf8_lossy(expected),
        String::from_utf8_lossy(&answer),
    );
}

/// Reads to the end of the stream: the peer has closed it well.
///
/// # Panics
///
/// When the stream breaks or stays open.
pub fn read_to_end(stream: &mut TcpStream) -> Vec<u8> {
    let mut answer = Vec::new();
    stream
        .read_to_end(&mut answer)
        .expect("the peer closes the connection well");
    answer
}

/// Sends a piece and waits until the peer's program has received it,
/// so that what is sent next comes with another recv. Elsewhere than
/// on Linux it only sends: no other system shows the peer's queue.
///
/// # Panics
///
/// When the peer does not receive it in time.
pub fn send_piece(stream: &mut TcpStream, piece: &[u8]) {
    stream.write_all(piece).expect("the peer takes the piece");
    #[cfg(target_os = "linux")]
    eventually("the peer has received the piece", || {
        nothing_under_way(stream)
    });
}

/// Whether all that was sent to a peer on this machine has been acknowledged, and received by its
/// program: both queues of the connection are empty.
#[cfg(target_os = "linux")]
fn nothing_under_way(stream: &TcpStream) -> bool {
    let (here, there) = (stream.local_addr(), stream.peer_addr());
    let (here, there) = here
        .and_then(|here| Ok((here, there?)))
        .expect("it is connected");
    let all = lab_netns::sockets("tcp").expect("Linux lists its connections");
    let between = |from, to| {
        let mut all = all.iter();
        all.find(|socket| (socket.local, socket.remote) == (from, to))
    };
    between(here, there).is_some_and(|ours| ours.unacknowledged == 0)
        && between(there, here).is_some_and(|theirs| theirs.unread == 0)
}

/// Breaks a connection off with RST: close with a linger time of 0 (`SO_LINGER`).
pub fn reset(stream: TcpStream) {
    SockRef::from(&stream)
        .set_linger(Some(Duration::ZERO))
        .expect("SO_LINGER is there");
    drop(stream);
}

/// A client that sends a byte every 10 ms until the server closes for good, or the time is up.
pub fn trickle(mut stream: TcpStream) {
    let deadline = Instant::now() + 2 * DEADLINE;
    thread::spawn(move || {
        while Instant::now() < deadline && stream.write_all(b".").is_ok() {
            thread::sleep(Duration::from_millis(10));
        }
    });
}

/// A listener for a client under test, on a free port of 127.0.0.1.
///
/// # Panics
///
/// When no port is free.
pub fn listener() -> (TcpListener, SocketAddr) {
    network::isolate();
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port of 127.0.0.1 is free");
    let address = listener
        .local_addr()
        .expect("a bound socket has an address");
    (listener, address)
}

/// Accepts a client, with a deadline on it and on everything that follows.
///
/// # Panics
///
/// When none comes in time.
pub fn accept(listener: &TcpListener) -> TcpStream {
    // A listening socket's receive time limit is accept's too (socket(7)).
    SockRef::from(listener)
        .set_read_timeout(Some(ACCEPT_DEADLINE))
        .expect("a time limit above 0");
    let (stream, _) = listener
        .accept()
        .unwrap_or_else(|error| panic!("no client connected within {ACCEPT_DEADLINE:?}: {error}"));
    stream
        .set_read_timeout(Some(DEADLINE))
        .expect("a time limit above 0");
    stream
        .set_write_timeout(Some(DEADLINE))
        .expect("a time limit above 0");
    stream
        .set_nodelay(true)
        .expect("TCP_NODELAY is there on every system");
    stream
}

/// An address on which nothing listens. A socket that is bound and does not listen keeps the port
/// from others until the test ends, so that no server of another test turns up there.
///
/// # Panics
///
/// When no port is free.
pub fn unused_address() -> SocketAddr {
    static HELD: Mutex<Vec<Socket>> = Mutex::new(Vec::new());
    network::isolate();
    let socket = Socket::new(Domain::IPV4, Type::STREAM, None).expect("a descriptor is free");
    let any = SocketAddr::from(([127, 0, 0, 1], 0));
    socket
        .bind(&any.into())
        .expect("a port of 127.0.0.1 is free");
    let address = socket.local_addr().expect("a bound socket has an address");
    labnet::lock(&HELD).push(socket);
    address
        .as_socket()
        .expect("an IPv4 socket has an IP address")
}

/// A UDP socket on a free port of 127.0.0.1, with a deadline on what it receives.
///
/// # Panics
///
/// When no port is free.
pub fn datagrams() -> UdpSocket {
    network::isolate();
    let socket = UdpSocket::bind("127.0.0.1:0").expect("a port of 127.0.0.1 is free");
    socket
        .set_read_timeout(Some(DEADLINE))
        .expect("a time limit above 0");
    socket
}

/// Sends a datagram from a new socket and gives the answer.
///
/// # Panics
///
/// When no answer comes in time.
pub fn exchange(address: SocketAddr, request: &[u8]) -> Vec<u8> {
    let socket = datagrams();
    socket
        .connect(address)
        .expect("a UDP socket connects without a peer");
    socket.send(request).expect("the datagram is sent");
    receive(&socket).0
}

/// The next datagram and its sender.
///
/// # Panics
///
/// When none comes in time.
pub fn receive(socket: &UdpSocket) -> (Vec<u8>, SocketAddr) {
    let mut buffer = vec![0; 65_535];
    let (count, sender) = socket
        .recv_from(&mut buffer)
        .expect("a datagram comes in time");
    buffer.truncate(count);
    (buffer, sender)
}

/// How many descriptors a program has open. Linux only: `/proc/PID/fd`.
///
/// # Errors
///
/// When the program has ended.
#[cfg(target_os = "linux")]
pub fn descriptors(program: &crate::Running) -> std::io::Result<usize> {
    Ok(std::fs::read_dir(format!("/proc/{}/fd", program.id()))?.count())
}

/// Waits until a condition holds that nothing announces, such as a count in `/proc`. It is looked
/// at again and again, and the time between has no bearing on the result.
///
/// # Panics
///
/// When it does not hold in time.
pub fn eventually(what: &str, mut condition: impl FnMut() -> bool) {
    let deadline = Instant::now() + DEADLINE;
    while !condition() {
        assert!(Instant::now() < deadline, "this never came about: {what}");
        std::thread::sleep(Duration::from_millis(2));
    }
}

/// How many segments with data a connection has received, by the kernel's own count (`TCP_INFO`).
///
/// One message sent with one call is one segment. Sent with two calls it is two: Nagle's algorithm
/// keeps the second waiting, but not in the first.
#[cfg(target_os = "linux")]
pub fn data_segments(stream: &TcpStream) -> u32 {
    use std::os::fd::AsRawFd;

    // struct tcp_info of linux/tcp.h: tcpi_data_segs_in, since Linux 4.6.
    const DATA_SEGS_IN: usize = 152;
    let mut info = [0_u8; 256];
    let mut size: libc::socklen_t = 256;
    // SAFETY: the buffer is as long as `size` says, and the kernel writes at most that much.
    #[allow(unsafe_code, reason = "no safe wrapper gives this field of TCP_INFO")]
    let result = unsafe {
        libc::getsockopt(
            stream.as_raw_fd(),
            libc::IPPROTO_TCP,
            libc::TCP_INFO,
            info.as_mut_ptr().cast(),
            &raw mut size,
        )
    };
    assert_eq!(result, 0, "TCP_INFO: {}", std::io::Error::last_os_error());
    let field = info[DATA_SEGS_IN..]
        .first_chunk()
        .expect("the buffer is longer");
    assert!(
        size as usize >= DATA_SEGS_IN + 4,
        "this kernel does not count segments"
    );
    u32::from_ne_bytes(*field)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The counter has to see what it is there to see: a message in two sends is two segments.
    #[test]
    #[cfg(target_os = "linux")]
    fn segments_are_counted_one_for_each_send() {
        let (listener, address) = listener();
        let mut sender = TcpStream::connect(address).unwrap();
        let mut receiver = accept(&listener);
        sender.write_all(b"whole").unwrap();
        expect(&mut receiver, b"whole");
        assert_eq!(data_segments(&receiver), 1);
        sender.write_all(b"in ").unwrap();
        sender.write_all(b"two").unwrap();
        expect(&mut receiver, b"in two");
        assert_eq!(data_segments(&receiver), 3);
    }
}
