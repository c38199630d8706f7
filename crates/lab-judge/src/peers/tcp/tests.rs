use super::*;
use crate::limit::Cut;

fn pair() -> (Connection, TcpStream) {
    let listener = listen("127.0.0.1:0".parse().unwrap()).unwrap();
    let stream = TcpStream::connect(listener.local_addr().unwrap()).unwrap();
    let theirs = accept(&listener, Instant::now() + Duration::from_secs(10))
        .unwrap()
        .unwrap();
    // So long that it is not a test of how busy the machine is:
    // each yield below may cost a slice of the scheduler's.
    let patience = Duration::from_secs(100);
    let limit = Limit {
        patience,
        end: Instant::now() + patience,
        group: std::process::id(),
        cut: Cut::default(),
        known: crate::limit::Known::default(),
    };
    let ours = Connection::new(stream, "client 1", &Log::default(), limit).unwrap();
    (ours, theirs)
}

/// The promise that all verdicts about segments rest on:
/// a reader that asks for more gets one piece at a time.
#[test]
fn pieces_stay_apart_however_late_the_reader_is() {
    let (mut ours, mut theirs) = pair();
    let reader = thread::spawn(move || {
        let mut pieces = Vec::new();
        let mut buffer = [0; 1024];
        loop {
            match theirs.read(&mut buffer).unwrap() {
                0 => return pieces,
                count => pieces.push(buffer[..count].to_vec()),
            }
            for _ in 0..pieces.len() {
                thread::yield_now();
            }
        }
    });
    let pieces: Vec<Vec<u8>> = (1..60_usize).map(|n| vec![b'x'; n]).collect();
    let slices: Vec<&[u8]> = pieces.iter().map(Vec::as_slice).collect();
    assert_eq!(ours.send_apart(&slices), SendOutcome::Yes);
    ours.close();
    assert_eq!(reader.join().unwrap(), pieces);
}

#[test]
fn what_comes_after_the_expected_bytes_is_kept_for_the_next_question() {
    let (mut ours, mut theirs) = pair();
    theirs.write_all(b"abcdef").unwrap();
    assert_eq!(ours.read(b"abc").end, ReadEnd::Complete);
    assert_eq!(ours.read(b"de").bytes, b"de");
    drop(theirs);
    let rest = ours.read_to_end(100);
    assert_eq!(
        (rest.bytes.as_slice(), rest.end),
        (&b"f"[..], ReadEnd::Closed)
    );
}

/// A server that is let go on now meets a broken connection, not one that breaks a moment later.
#[test]
fn a_reset_has_arrived_when_the_call_returns() {
    for _ in 0..200 {
        let (mut ours, mut theirs) = pair();
        assert_eq!(ours.send(b"half a mess"), SendOutcome::Yes);
        ours.reset();
        theirs.write_all(b"answer").unwrap_err();
    }
}

#[test]
fn a_difference_ends_the_listening() {
    let (mut ours, mut theirs) = pair();
    theirs.write_all(b"abX").unwrap();
    let received = ours.read(b"abcdef");
    assert_eq!(
        (received.bytes.as_slice(), received.end),
        (&b"abX"[..], ReadEnd::Differs)
    );
}
