//! The EOF exercise: messages of any size that end with a token, many clients side by side.

use std::io::{ErrorKind, Read, Write};
use std::net::{Shutdown, TcpStream};
use std::thread;
use std::time::Duration;

use tests::faults::LongRunningServer;
use tests::pairing::{Language, Pairing};
use tests::wire::{ask, connect, expect, read_to_end, send_piece};
use tests::{DEADLINE, python, rust, wire};

const EOF: Pairing = Pairing {
    server: "dsd-eof-server",
    server_args: &[],
    opening: "",
    server_says: "Connected by ('127.0.0.1', PORT)\n",
    one_shot: false,
    client: "dsd-eof-client",
    client_args: &["Hello world", "", "Grüß Gott <EO"],
    input: "",
    client_says: "Server says: I got \"Hello world\" from you and I am sending it back.\n\
                  Server says: I got \"\" from you and I am sending it back.\n\
                  Server says: I got \"Grüß Gott <EO\" from you and I am sending it back.\n",
};

tests::pairings!(EOF);

mod of_stdin {
    use super::*;

    const STDIN: Pairing = Pairing {
        client_args: &["-"],
        input: "two\nlines\n",
        client_says: "Server says: I got \"two\nlines\n\" from you and I am sending it back.\n",
        ..EOF
    };

    tests::pairings!(STDIN);
}

mod without_arguments {
    use super::*;

    const DEFAULT: Pairing = Pairing {
        client_args: &[],
        client_says: "Server says: I got \"Hello world\" from you and I am sending it back.\n",
        ..EOF
    };

    tests::pairings!(DEFAULT);
}

const SERVER: LongRunningServer = LongRunningServer {
    server: "dsd-eof-server",
    args: &[],
    request: b"Hello world<EOF>",
    answer: b"I got \"Hello world\" from you and I am sending it back.<EOF>",
    closes: false,
    half: b"Hello world<EO",
    invalid_utf8: (
        b"a\xffb<EOF>",
        b"I got \"a\xef\xbf\xbdb\" from you and I am sending it back.<EOF>",
    ),
    short_queue: false,
    listens: true,
};

tests::faults!(SERVER);

/// The answer to a message.
fn answer(text: &str) -> Vec<u8> {
    format!("I got \"{text}\" from you and I am sending it back.<EOF>").into_bytes()
}

/// Runs a check against the server in both languages.
fn in_both_languages(args: &[&str], check: impl Fn(&mut TcpStream)) {
    for language in [Language::Rust, Language::Python] {
        if language == Language::Python && cfg!(no_python) {
            continue;
        }
        let program = language.program("dsd-eof-server");
        let (_server, address) = program.args(args).serve();
        check(&mut connect(address));
    }
}

#[test]
fn a_message_cut_at_any_byte_is_the_same_message_and_the_token_too() {
    in_both_languages(&[], |stream| {
        let frame = "x<E é<EOF>".as_bytes();
        for cut in 0..=frame.len() {
            let (first, second) = frame.split_at(cut);
            send_piece(stream, first);
            stream.write_all(second).unwrap();
            expect(stream, &answer("x<E é"));
        }
        for byte in frame {
            send_piece(stream, &[*byte]);
        }
        expect(stream, &answer("x<E é"));
    });
}

#[test]
fn messages_in_one_write_are_answered_one_by_one() {
    in_both_languages(&[], |stream| {
        stream.write_all(b"one<EOF>two<EOF><EOF>thr").unwrap();
        expect(stream, &answer("one"));
        expect(stream, &answer("two"));
        expect(stream, &answer(""));
        stream.write_all(b"ee<EOF>").unwrap();
        expect(stream, &answer("three"));
    });
}

#[test]
fn a_token_that_overlaps_its_own_beginning_is_found() {
    in_both_languages(&[], |stream| {
        for text in ["<E", "<EO", "<EOF", "<<<", "<E<EO<", "<eof>", "EOF>"] {
            stream.write_all(format!("{text}<EOF>").as_bytes()).unwrap();
            expect(stream, &answer(text));
        }
    });
}

#[test]
fn messages_of_whole_buffers_and_a_byte_around_them_are_answered() {
    in_both_languages(&[], |stream| {
        for kibibytes in [1, 2, 3, 64, 65] {
            // The message, or the message and its token, fills the buffers; or misses by one byte.
            for around in [-6, -5, -4, -1, 0, 1_isize] {
                let length = (kibibytes * 1024_usize).strict_add_signed(around);
                let text = "x".repeat(length);
                stream.write_all(format!("{text}<EOF>").as_bytes()).unwrap();
                expect(stream, &answer(&text));
            }
        }
    });
}

#[test]
fn text_of_many_bytes_a_character_may_be_cut_inside_a_character() {
    in_both_languages(&[], |stream| {
        let text = "aé€😀";
        let frame = format!("{text}<EOF>");
        for first in 0..text.len() {
            for second in first..text.len() {
                send_piece(stream, &frame.as_bytes()[..first]);
                send_piece(stream, &frame.as_bytes()[first..second]);
                stream.write_all(&frame.as_bytes()[second..]).unwrap();
                expect(stream, &answer(text));
            }
        }
    });
}

#[test]
fn a_message_of_64_mebibytes_comes_back_and_one_byte_more_is_refused() {
    const LIMIT: usize = 64 * 1024 * 1024;
    in_both_languages(&[], |stream| {
        let text = "y".repeat(LIMIT);
        stream.write_all(text.as_bytes()).unwrap();
        stream.write_all(b"<EOF>").unwrap();
        expect(stream, &answer(&text));
        stream.write_all(text.as_bytes()).unwrap();
        stream.write_all(b"y<EOF>").unwrap();
        stream.shutdown(Shutdown::Write).unwrap();
        let refusal = b"error: the message is longer than the limit of 67108864 bytes<EOF>";
        let rest = read_to_end(stream);
        assert!(rest == refusal, "{:?}", String::from_utf8_lossy(&rest));
    });
}

#[test]
fn the_limit_counts_the_message_without_its_token() {
    in_both_languages(&["--max-message=10"], |stream| {
        stream.write_all(b"0123456789<EOF>").unwrap();
        expect(stream, &answer("0123456789"));
        stream.write_all(b"<EOF>0123456789x<EOF>next<EOF>").unwrap();
        expect(stream, &answer(""));
        stream.shutdown(Shutdown::Write).unwrap();
        // What comes behind the message that is too long is not answered.
        let refusal = b"error: the message is longer than the limit of 10 bytes<EOF>";
        assert_eq!(read_to_end(stream), refusal);
    });
}

#[test]
fn a_message_without_an_end_is_refused_when_it_passes_the_limit() {
    in_both_languages(&["--max-message=1000"], |stream| {
        // Much more than the server reads before it
        // refuses: a close over the rest would be a reset.
        stream.write_all(&vec![b'x'; 4 * 1024 * 1024]).unwrap();
        let refusal = b"error: the message is longer than the limit of 1000 bytes<EOF>";
        expect(stream, refusal);
        stream.shutdown(Shutdown::Write).unwrap();
        assert_eq!(read_to_end(stream), b"");
    });
}

#[test]
fn an_unfinished_message_is_reported_on_stderr_and_not_answered() {
    let (mut server, address) = rust("dsd-eof-server").serve();
    let mut stream = connect(address);
    stream.write_all(b"whole<EOF>half<EO").unwrap();
    stream.shutdown(Shutdown::Write).unwrap();
    assert_eq!(read_to_end(&mut stream), answer("whole"));
    server.error_line_with("the stream ended in the middle of a message, after 7 bytes of it");
}

#[test]
fn clients_are_served_side_by_side() {
    for language in [Language::Rust, Language::Python] {
        if language == Language::Python && cfg!(no_python) {
            continue;
        }
        let (mut server, address) = language.program("dsd-eof-server").serve();
        let mut first = connect(address);
        first.write_all(b"half of a mess").unwrap();
        let mut others: Vec<_> = (0..50).map(|_| connect(address)).collect();
        for other in others.iter_mut().rev() {
            other.write_all(b"Hello world<EOF>").unwrap();
            expect(other, &answer("Hello world"));
        }
        first.write_all(b"age<EOF>").unwrap();
        expect(&mut first, &answer("half of a message"));
        for _ in 0..51 {
            server.line();
        }
    }
}

#[test]
fn the_client_after_the_two_hundredth_waits_until_a_permit_is_free() {
    let (mut server, address) = rust("dsd-eof-server").serve();
    let mut served: Vec<_> = (0..200).map(|_| connect(address)).collect();
    for stream in &mut served {
        stream.write_all(b"x<EOF>").unwrap();
        expect(stream, &answer("x"));
        server.line();
    }
    let mut waiting = connect(address);
    waiting.write_all(b"x<EOF>").unwrap();
    let port = waiting.local_addr().unwrap().port();
    // The others are served meanwhile, and this one is not.
    for stream in &mut served {
        stream.write_all(b"y<EOF>").unwrap();
        expect(stream, &answer("y"));
    }
    waiting
        .set_read_timeout(Some(Duration::from_millis(300)))
        .unwrap();
    let nothing = waiting.read(&mut [0]).unwrap_err();
    assert_eq!(nothing.kind(), ErrorKind::WouldBlock);
    waiting.set_read_timeout(Some(DEADLINE)).unwrap();
    drop(served.pop());
    assert_eq!(server.line(), format!("Connected by ('127.0.0.1', {port})"));
    expect(&mut waiting, &answer("x"));
}

#[test]
fn a_client_that_never_reads_does_not_keep_its_permit() {
    let (mut server, address) = rust("dsd-eof-server").args(&["--timeout=0.2"]).serve();
    let mut greedy = connect(address);
    let frame = [&vec![b'x'; 1024 * 1024][..], b"<EOF>"].concat();
    while let Ok(()) = greedy.write_all(&frame) {}
    server.error_line_with("timed out");
    ask(address, b"x<EOF>", &answer("x"));
}

#[test]
fn client_refuses_a_text_that_holds_the_token_before_anything_is_sent() {
    // Nobody listens: the client that tried to connect first would say so.
    let address = wire::unused_address();
    let mut clients = vec![rust("dsd-eof-client")];
    if !cfg!(no_python) {
        clients.push(python("dsd-eof-client"));
    }
    for client in clients {
        let finished = client.at(address).args(&["fine", "a<EOF>b"]).run();
        assert_eq!(finished.code, Some(1), "the exit code");
        assert_eq!(finished.stdout, "");
        let expected = "cannot send this text: ";
        assert!(finished.stderr.contains(expected), "{}", finished.stderr);
    }
    let client = rust("dsd-eof-client").at(address).args(&["-"]);
    let stderr = client.run_with_input(b"\xff<EOF>").stderr;
    let expected =
        "Error: cannot send this text: the message holds its own delimiter at byte 1\nhint: ";
    assert!(stderr.starts_with(expected), "{stderr}");
}

#[test]
fn client_reads_an_answer_that_comes_in_pieces_and_with_the_next_one() {
    let (listener, address) = wire::listener();
    let client = rust("dsd-eof-client")
        .at(address)
        .args(&["one", "two"])
        .start();
    let mut stream = wire::accept(&listener);
    expect(&mut stream, b"one<EOF>");
    for byte in "première<EOF>seconde<EO".bytes() {
        stream.write_all(&[byte]).unwrap();
    }
    expect(&mut stream, b"two<EOF>");
    stream.write_all(b"F>").unwrap();
    assert_eq!(
        client.finish().stdout,
        "Server says: première\nServer says: seconde\n"
    );
}

#[test]
fn client_carries_any_bytes_of_stdin() {
    let bytes: Vec<u8> = (0..=255).collect();
    let (listener, address) = wire::listener();
    let mut client = rust("dsd-eof-client").at(address).args(&["-"]).start();
    client.type_in(&bytes);
    let finishing = thread::spawn(move || client.finish());
    let mut stream = wire::accept(&listener);
    expect(&mut stream, &[&bytes[..], b"<EOF>"].concat());
    stream.write_all(b"\xff<EOF>").unwrap();
    assert_eq!(finishing.join().unwrap().stdout, "Server says: \u{fffd}\n");
}

#[test]
fn client_shows_the_servers_refusal_even_when_it_could_not_send_everything() {
    let (_server, address) = rust("dsd-eof-server").args(&["--max-message=1000"]).serve();
    // More than the server reads before it hangs up for
    // good: 64 MiB next to what the systems' buffers hold.
    let message = vec![b'x'; 160 * 1024 * 1024];
    let client = rust("dsd-eof-client").at(address).args(&["-"]);
    let finished = client.run_with_input(&message);
    assert_eq!(
        finished.stdout,
        "Server says: error: the message is longer than the limit of 1000 bytes\n"
    );
    assert_eq!(finished.code, Some(1), "the exit code");
    assert!(
        finished
            .stderr
            .starts_with("Error: cannot send the message: "),
        "{}",
        finished.stderr
    );
}

#[test]
fn client_says_that_the_server_left_in_the_middle_of_an_answer_or_without_one() {
    for (answer, says) in [
        (&b""[..], "without an answer\nhint: "),
        (
            b"half<EO",
            "cannot receive the answer: the stream ended in the middle of a message",
        ),
    ] {
        let (listener, address) = wire::listener();
        let client = rust("dsd-eof-client").at(address).start();
        let mut stream = wire::accept(&listener);
        expect(&mut stream, b"Hello world<EOF>");
        stream.write_all(answer).unwrap();
        drop(stream);
        let finished = client.finish();
        assert_eq!(finished.code, Some(1), "the exit code");
        assert!(finished.stderr.contains(says), "{}", finished.stderr);
        assert!(finished.stderr.contains("\nhint: "), "{}", finished.stderr);
    }
}

#[test]
#[cfg(target_os = "linux")]
fn each_message_is_one_send() {
    let (_server, address) = rust("dsd-eof-server").serve();
    let mut stream = connect(address);
    for round in 1..=3 {
        stream.write_all(b"Hello<EOF>").unwrap();
        expect(&mut stream, &answer("Hello"));
        assert_eq!(wire::data_segments(&stream), round);
    }

    let (listener, address) = wire::listener();
    let client = rust("dsd-eof-client")
        .at(address)
        .args(&["one", "two words"])
        .start();
    let mut stream = wire::accept(&listener);
    for (round, message) in [(1, "one<EOF>"), (2, "two words<EOF>")] {
        expect(&mut stream, message.as_bytes());
        assert_eq!(wire::data_segments(&stream), round);
        stream.write_all(b"x<EOF>").unwrap();
    }
    assert_eq!(client.finish().code, Some(0));
}
