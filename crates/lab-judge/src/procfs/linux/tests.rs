use std::io::{Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};

use socket2::{Domain, Socket, Type};

use super::super::*;

#[test]
fn threads_of_the_kernel_are_not_taken_for_a_program() {
    // `ps -e -o pgid,comm` shows them in the group 0, which stands for "no program yet".
    assert!(cpu_usage(0).is_none());
    assert!(!is_busy(0));
}

#[test]
fn the_kernel_says_when_a_byte_has_been_taken() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let mut ours = TcpStream::connect(listener.local_addr().unwrap()).unwrap();
    let (us, them) = (ours.local_addr().unwrap(), ours.peer_addr().unwrap());
    ours.write_all(b"abc").unwrap();
    // Not even accepted: the bytes wait all the same.
    assert_eq!(unread(them, us), Some(3));
    let (mut theirs, _) = listener.accept().unwrap();
    theirs.read_exact(&mut [0; 2]).unwrap();
    assert_eq!(unread(them, us), Some(1));
    theirs.read_exact(&mut [0; 1]).unwrap();
    assert_eq!(unread(them, us), Some(0));
}

#[test]
fn both_ways_to_ask_for_a_queue_agree() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let mut ours = TcpStream::connect(listener.local_addr().unwrap()).unwrap();
    let (us, them) = (ours.local_addr().unwrap(), ours.peer_addr().unwrap());
    ours.write_all(b"abcd").unwrap();
    let table = sockets("tcp").unwrap();
    let line = table
        .iter()
        .find(|socket| socket.local == them && socket.remote == us);
    assert_eq!(line.map(|socket| socket.unread), Some(4));
    assert_eq!(
        super::ask_for_socket(them, us).unwrap(),
        Some(super::Told {
            unread: 4,
            received: Some(4),
            held: false,
            inode: 0
        })
    );
    // Not an empty queue, but the bytes that have arrived tell whether all of them have.
    assert_eq!(crate::procfs::has_received(them, us, 4), Some(true));
    assert_eq!(crate::procfs::has_received(them, us, 5), Some(false));
    assert_eq!(
        super::ask_for_socket(us, them)
            .unwrap()
            .map(|told| told.inode),
        table
            .iter()
            .find(|socket| socket.local == us && socket.remote == them)
            .map(|socket| socket.inode)
    );
    // A connection that never was.
    assert_eq!(
        super::ask_for_socket(them, "127.0.0.1:1".parse().unwrap()).unwrap(),
        None
    );
}

#[test]
fn the_kernel_says_whether_a_datagram_has_been_taken() {
    let theirs = std::net::UdpSocket::bind("127.0.0.1:0").unwrap();
    let ours = std::net::UdpSocket::bind("127.0.0.1:0").unwrap();
    let address = theirs.local_addr().unwrap();
    assert_eq!(unread_datagrams(address), Some(0));
    ours.send_to(b"abc", address).unwrap();
    assert!(unread_datagrams(address) > Some(0));
    theirs.recv(&mut [0; 8]).unwrap();
    assert_eq!(unread_datagrams(address), Some(0));
    // The same port of another address. Nobody has it: while the port is ours, no socket can be
    // bound to it at every address. To close the socket and ask again would be a guess: another
    // test may have the port by then.
    assert_eq!(
        unread_datagrams(([127, 3, 2, 1], address.port()).into()),
        None
    );
}

#[test]
fn a_port_has_a_holder() {
    let socket = Socket::new(Domain::IPV4, Type::STREAM, None).unwrap();
    let any_port = SocketAddr::from(([127, 0, 0, 1], 0));
    socket.bind(&any_port.into()).unwrap();
    let address = socket.local_addr().unwrap().as_socket().unwrap();
    // Bound, so that no other test gets the port, but nobody can connect to it yet.
    assert_eq!(holder("tcp", address.port()), None);
    socket.listen(1).unwrap();
    // Who it is depends on the moment: a program that another
    // test starts has our sockets too, until it is executed.
    assert!(holder("tcp", address.port()).is_some());
    let table = sockets("tcp").unwrap();
    let inode = table.iter().find(|one| one.local == address).unwrap().inode;
    let we = |process: &Process| process.id == std::process::id();
    assert!(holder_of(inode, processes().into_iter().filter(we)).is_some());
}

#[test]
fn names_with_brackets_do_not_confuse() {
    let process = super::stat("47 (a) b) c) S 1 46 46 0").unwrap();
    assert_eq!(
        (process.name.as_str(), process.parent, process.group),
        ("a) b) c", 1, 46)
    );
}

#[test]
fn all_that_a_program_has_started_is_found_from_its_leader_on_orphans_too() {
    use std::os::unix::process::CommandExt;

    rustix::process::set_child_subreaper(Some(rustix::process::getpid())).unwrap();
    super::note_reaper();
    let script = "(sleep 1000 &); sleep 1000 & wait";
    let mut leader = std::process::Command::new("sh");
    let mut leader = leader
        .args(["-c", script])
        .process_group(0)
        .spawn()
        .unwrap();
    let group = leader.id();
    let of_group = |all: Vec<Process>| -> Vec<(u32, String)> {
        let all = all.into_iter().filter(|one| one.group == group);
        let mut all: Vec<_> = all.map(|one| (one.id, one.name)).collect();
        all.sort();
        all
    };
    let deadline = Instant::now() + Duration::from_secs(60);
    let all_there = |found: &[(u32, String)]| {
        let sleeps = |one: &&(u32, String)| one.1 == "sleep";
        found.iter().filter(sleeps).count() == 2
    };
    let mut found = of_group(super::processes_of(&[group]));
    while !all_there(&found) && Instant::now() < deadline {
        thread::sleep(Duration::from_millis(5));
        found = of_group(super::processes_of(&[group]));
    }
    let all = of_group(processes());
    rustix::process::kill_process_group(pid(group).unwrap(), rustix::process::Signal::KILL)
        .unwrap();
    leader.wait().unwrap();
    assert!(all_there(&found), "{found:?}, of {all:?}");
    assert_eq!(found, all);
}

#[test]
#[cfg_attr(no_python, ignore = "python3 (3.8 or newer) is not installed")]
fn who_reads_an_end_again_and_again_calls_in_vain_and_who_computes_or_prints_does_not() {
    use std::os::unix::process::CommandExt;

    let begin = "import os, socket\na, b = socket.socketpair(); b.close()\n";
    for (text, in_vain) in [
        ("while True: a.recv(9)", true),
        ("a.setblocking(False)\nwhile True: a.recv(9)", true),
        ("while True: pass", false),
        (
            "f = open('/dev/null', 'w')\nwhile True: print('x', file=f, flush=True)",
            false,
        ),
    ] {
        let mut program = std::process::Command::new("python3")
            .args(["-S", "-c", &format!("{begin}{text}")])
            .process_group(0)
            .spawn()
            .unwrap();
        let group = program.id();
        let ran = |work: super::Work| work.ran;
        let deadline = Instant::now() + Duration::from_secs(60);
        let after = |least: Duration| loop {
            let work = super::work(group).unwrap();
            if ran(work) >= least || Instant::now() > deadline {
                return work;
            }
            thread::sleep(Duration::from_millis(5));
        };
        // It has started, and is in its loop.
        let before = after(Duration::from_millis(200));
        let now = after(ran(before) + Duration::from_millis(200));
        program.kill().unwrap();
        program.wait().unwrap();
        assert_eq!(now.calls_in_vain_since(&before), in_vain, "{text}");
    }
}
