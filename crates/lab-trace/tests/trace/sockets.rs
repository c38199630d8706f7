//! Which socket a call is on, however its descriptor came to be.

use std::collections::BTreeSet;

use crate::{Pair, assert_all_ended, assert_tied, calls};

#[test]
fn threads_forks_copies_of_descriptors_and_every_way_to_send() {
    let pair = Pair::new(
        "def serve(peer):
    while data := os.readv(peer.fileno(), [b := bytearray(3), c := bytearray(50)]):
        copy = os.dup(peer.fileno())
        os.write(copy, (b + c)[:data])
        os.close(copy)
    peer.close()
for number in range(3):
    peer, _ = listener.accept()
    if number == 0:
        if os.fork() == 0:
            serve(peer); os._exit(0)
        peer.close()
        os.wait()
    else:
        threading.Thread(target=serve, args=(peer,)).start()
",
        "def ask(peer, number):
    text = b'message %d' % number
    ways = [peer.sendall, lambda t: peer.sendmsg([t[:4], t[4:]]), lambda t: os.write(peer.fileno(), t)]
    ways[number](text)
    got = b''
    while len(got) < len(text): got += peer.recvmsg(100)[0]
    assert got == text, got
    peer.close()
ask(peer, 0)
for number in (1, 2):
    ask(socket.create_connection(('127.0.0.1', 9000)), number)
",
    );
    let (output, journal) = pair.run();
    assert!(output.status.success(), "{output:?}");
    assert_eq!(assert_tied(&journal).len(), 2 * 3 * "message 0".len());
    let names: BTreeSet<&str> = calls(&journal).map(|call| call.name.as_str()).collect();
    for name in ["readv", "write", "sendmsg", "recvmsg"] {
        assert!(names.contains(name), "{names:?}");
    }
    let threads: BTreeSet<u32> = calls(&journal).map(|call| call.thread).collect();
    assert!(threads.len() >= 5, "{threads:?}");
    assert_all_ended(&journal);
}

#[test]
fn a_descriptor_that_stands_for_another_socket_now_is_told_from_before() {
    let pair = Pair::new(
        "for _ in range(4):
    peer, _ = listener.accept()
    while data := peer.recv(100): peer.sendall(data)
",
        "def ask(number, text):
    os.write(number, text)
    assert os.read(number, 100) == text
def connected(): return socket.create_connection(('127.0.0.1', 9000))
number = peer.fileno()
ask(number, b'first')
other = connected()
os.dup2(other.fileno(), number)  # also closes the first
ask(number, b'by dup2')
other.close()
os.closerange(number, number + 1)
other = connected()
assert other.fileno() == number
ask(number, b'by close_range')
other.close()
other = connected()
assert other.fileno() == number
ask(number, b'by close')
",
    );
    let (output, journal) = pair.run();
    assert!(output.status.success(), "{output:?}");
    assert_tied(&journal);
    let sent = calls(&journal).filter(|call| call.name == "write" && call.data.is_some());
    let sockets: BTreeSet<_> = sent.map(|call| call.socket).collect();
    assert_eq!(sockets.len(), 4, "{sockets:?}");
}
