//! What every long-running TCP server survives: peers that
//! break off, fall silent, vanish, or come in crowds.
//!
//! Each fault ends with a good client that is served.

use std::io::{ErrorKind, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::thread;
use std::time::Duration;

use crate::pairing::{Language, same_words};
use crate::wire::{self, connect, expect, read_to_end, reset};
use crate::{Program, Running};

/// A server that serves one client after another, and its conversation with a good client.
#[derive(Debug, Clone, Copy)]
pub struct LongRunningServer {
    /// The server's package.
    pub server: &'static str,
    /// Its arguments, besides `--port=0`.
    pub args: &'static [&'static str],
    /// What a good client sends; nothing, to a server that speaks first.
    pub request: &'static [u8],
    /// What it gets back.
    pub answer: &'static [u8],
    /// Whether the server then closes the connection by itself.
    pub closes: bool,
    /// Part of a request, for which the server gives no
    /// answer yet, and after which it waits for more.
    pub half: &'static [u8],
    /// A request that is not valid UTF-8, and its answer.
    pub invalid_utf8: (&'static [u8], &'static [u8]),
    /// Whether the sheet has it listen with a queue so short
    /// that clients who come at once may have to come again.
    pub short_queue: bool,
    /// Whether the server waits for its client's bytes, so that it notices a broken or silent one.
    pub listens: bool,
}

impl LongRunningServer {
    fn program(&self, language: Language) -> Program {
        language.program(self.server).args(self.args)
    }

    /// A good client's conversation.
    fn serves_a_good_client(&self, address: SocketAddr) {
        self.talk(address, self.request, self.answer);
    }

    fn talk(&self, address: SocketAddr, request: &[u8], answer: &[u8]) {
        let mut stream = connect(address);
        stream
            .write_all(request)
            .expect("the server takes the request");
        expect(&mut stream, answer);
        if self.closes {
            assert_eq!(read_to_end(&mut stream), b"");
        }
    }

    /// Whether a good client gets its answer in time.
    fn is_served_within(&self, patience: Duration, address: SocketAddr) -> bool {
        let Ok(mut stream) = TcpStream::connect_timeout(&address, patience) else {
            return false;
        };
        stream
            .set_read_timeout(Some(patience))
            .expect("a time limit above 0");
        stream
            .write_all(self.request)
            .expect("the system takes the request");
        let mut answer = vec![0; self.answer.len()];
        let mut result = stream.read_exact(&mut answer);
        if self.closes && result.is_ok() {
            result = stream.read(&mut [0]).map(|more| assert_eq!(more, 0));
        }
        match result {
            Ok(()) => {
                assert_eq!(answer, self.answer);
                true
            }
            Err(error) if error.kind() == ErrorKind::WouldBlock => {
                reset(stream);
                false
            }
            Err(error) => panic!("a good client is not served: {error}"),
        }
    }

    /// Clients that send RST: before their request is whole, after it, and after the answer.
    pub fn survives_resets(&self, language: Language) {
        let (mut server, address) = self.program(language).serve();
        for round in 0..10 {
            self.lets_the_queue_run_empty(2 * round, address);
            let mut stream = connect(address);
            // A server that closes by itself may have done so already.
            let _may_be_closed = stream.write_all(self.half);
            reset(stream);
            reset(connect(address));
        }
        if self.listens {
            // The server has answered, so it waits for more
            // when the reset comes, and has to notice it.
            let mut stream = connect(address);
            stream.write_all(self.request).expect("the server reads");
            expect(&mut stream, self.answer);
            reset(stream);
            server.error_line_with("reset");
        }
        self.serves_a_good_client(address);
        assert!(server.is_running());
    }

    /// A client that sends half a request and then nothing.
    pub fn survives_half_a_message_and_silence(&self, language: Language) {
        let limit: &[&str] = if self.listens {
            &["--timeout=0.2"]
        } else {
            &[]
        };
        let (mut server, address) = self.program(language).args(limit).serve();
        let mut silent = connect(address);
        let sent = silent.write_all(self.half);
        self.serves_a_good_client(address);
        if self.listens {
            sent.expect("the server reads");
            server.error_line_with("timed out");
            assert_eq!(read_to_end(&mut silent), b"");
        }
    }

    /// What both languages say on stderr about a client that resets its connection, and about a
    /// silent one.
    pub fn says_the_same_in_both_languages(&self) {
        if !self.listens {
            return;
        }
        let [ours, theirs] = [Language::Rust, Language::Python].map(|language| {
            let server = self.program(language).args(&["--timeout=0.2"]);
            let (mut server, address) = server.serve();
            reset(connect(address));
            server.error_line_with("reset");
            let mut silent = connect(address);
            silent.write_all(self.half).expect("the server reads");
            server.error_line_with("timed out");
            same_words(&server.stop().stderr)
        });
        assert_eq!(ours, theirs);
    }

    /// Bytes that are not valid UTF-8.
    pub fn survives_bytes_that_are_not_utf8(&self, language: Language) {
        let (_server, address) = self.program(language).serve();
        let (request, answer) = self.invalid_utf8;
        self.talk(address, request, answer);
        self.serves_a_good_client(address);
    }

    /// Before every fourth client: a good one, which is
    /// served when all before it have left the queue.
    ///
    /// A SYN that finds a queue of 5 full is dropped, and
    /// comes again after a second, then after two more.
    fn lets_the_queue_run_empty(&self, client: usize, address: SocketAddr) {
        if client.is_multiple_of(4) {
            self.serves_a_good_client(address);
        }
    }

    /// Clients that are gone before their answer comes, with and without a word.
    pub fn survives_clients_that_vanish_before_their_answer(&self, language: Language) {
        let (mut server, address) = self.program(language).serve();
        for round in 0..20 {
            self.lets_the_queue_run_empty(round, address);
            let mut stream = connect(address);
            let _may_be_closed = stream.write_all(self.request);
            if round % 2 == 0 {
                reset(stream);
            } else {
                drop(stream);
            }
        }
        self.serves_a_good_client(address);
        assert!(server.is_running());
    }

    /// 300 clients one after another: no descriptor of theirs is kept.
    #[cfg(target_os = "linux")]
    pub fn keeps_no_descriptor_of_three_hundred_clients(&self, language: Language) {
        let (server, address) = self.program(language).serve();
        let before = wire::descriptors(&server).expect("the server runs");
        for _ in 0..300 {
            self.serves_a_good_client(address);
        }
        // The last client may not have been put away yet.
        wire::eventually("no more descriptors than before the first client", || {
            wire::descriptors(&server).expect("the server runs") <= before
        });
    }

    /// 50 clients at once.
    ///
    /// With a queue of 5 Linux completes handshakes that it then forgets: it answers a burst of SYN
    /// with SYN cookies and keeps nothing of it (tcp(7), `tcp_syncookies`), and drops the last ACK
    /// of anyone who finds the queue full. Such a client is connected for all it knows. It hears
    /// nothing, and has to come again.
    pub fn serves_fifty_clients_that_come_at_once(&self, language: Language) {
        let (_server, address) = self.program(language).serve();
        thread::scope(|scope| {
            for client in 0..50 {
                // Each has its own patience, or all would come again at once, and again.
                let patience = Duration::from_millis(100 + 20 * client);
                scope.spawn(move || {
                    if !self.short_queue {
                        return self.serves_a_good_client(address);
                    }
                    wire::eventually("a client that comes again is served", || {
                        self.is_served_within(patience, address)
                    });
                });
            }
        });
        self.serves_a_good_client(address);
    }

    /// Killed with a client connected, and started again at once on the same port.
    pub fn starts_again_on_its_port_at_once(&self, language: Language) {
        let (server, address) = self.program(language).serve();
        let (stream, server) = self.in_the_middle(server, address);
        server.stop();
        let port = format!("--port={}", address.port());
        let mut again = self.program(language).args(&[&port]).start();
        assert_eq!(again.listening(), address);
        self.serves_a_good_client(address);
        drop(stream);
    }

    /// A client that has been answered and is still there: its connection is the server's to close.
    fn in_the_middle(&self, server: Running, address: SocketAddr) -> (TcpStream, Running) {
        let mut stream = connect(address);
        stream.write_all(self.request).expect("the server reads");
        expect(&mut stream, self.answer);
        if self.closes {
            // The server's FIN has come: it was the first to close, and its side goes to TIME_WAIT.
            let count = stream.read(&mut [0]).expect("the server closes well");
            assert_eq!(count, 0);
        }
        (stream, server)
    }
}

/// Makes the named tests of a [`LongRunningServer`] server, for the Rust program and for its twin.
#[macro_export]
macro_rules! faults {
    ($server:expr) => {
        mod faults {
            use super::*;

            mod rust {
                use super::*;
                $crate::faults!(@tests $server, Rust,);
            }

            mod twin {
                use super::*;
                $crate::faults!(
                    @tests $server, Python,
                    #[cfg_attr(no_python, ignore = "python3 (3.8 or newer) is not installed")]
                );
            }

            #[test]
            #[cfg_attr(no_python, ignore = "python3 (3.8 or newer) is not installed")]
            fn both_languages_say_the_same_on_stderr() {
                $server.says_the_same_in_both_languages();
            }
        }
    };
    (@tests $server:expr, $language:ident, $(#[$ignored:meta])?) => {
        const LANGUAGE: $crate::pairing::Language = $crate::pairing::Language::$language;

        #[test]
        $(#[$ignored])?
        fn server_survives_clients_that_reset() {
            $server.survives_resets(LANGUAGE);
        }

        #[test]
        $(#[$ignored])?
        fn server_survives_half_a_message_and_silence() {
            $server.survives_half_a_message_and_silence(LANGUAGE);
        }

        #[test]
        $(#[$ignored])?
        fn server_survives_bytes_that_are_not_utf8() {
            $server.survives_bytes_that_are_not_utf8(LANGUAGE);
        }

        #[test]
        $(#[$ignored])?
        fn server_survives_clients_that_vanish_before_their_answer() {
            $server.survives_clients_that_vanish_before_their_answer(LANGUAGE);
        }

        #[test]
        #[cfg(target_os = "linux")]
        $(#[$ignored])?
        fn server_keeps_no_descriptor_of_three_hundred_clients() {
            $server.keeps_no_descriptor_of_three_hundred_clients(LANGUAGE);
        }

        #[test]
        $(#[$ignored])?
        fn server_serves_fifty_clients_that_come_at_once() {
            $server.serves_fifty_clients_that_come_at_once(LANGUAGE);
        }

        #[test]
        $(#[$ignored])?
        fn server_that_was_killed_starts_again_on_its_port_at_once() {
            $server.starts_again_on_its_port_at_once(LANGUAGE);
        }
    };
}
