//! The four pairings of an exercise: {Rust, Python} server × {Rust, Python} client.
//!
//! Each side's stdout has to be what the test says. Only the ports that the system chose may
//! differ. Each side's stderr has to be what it is when both sides are Python. There also what a
//! language itself adds to an error may differ.

use std::net::{Ipv4Addr, TcpListener, UdpSocket};

use crate::{Finished, Program, python, rust, wire};

/// Which of a package's two programs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Language {
    /// `main.rs`.
    Rust,
    /// `twin.py`.
    Python,
}

impl Language {
    /// Both, or Rust alone where Python is not installed.
    pub fn installed() -> &'static [Language] {
        match cfg!(no_python) {
            true => &[Language::Rust],
            false => &[Language::Rust, Language::Python],
        }
    }

    /// The package's program in this language.
    pub fn program(self, package: &str) -> Program {
        match self {
            Language::Rust => rust(package),
            Language::Python => python(package),
        }
    }
}

/// A conversation: how both sides are started and what each prints.
#[derive(Debug, Clone, Copy)]
pub struct Pairing {
    /// The server's package.
    pub server: &'static str,
    /// Its arguments, besides `--port=0`.
    pub server_args: &'static [&'static str],
    /// What it prints before its first client, `PORT` in place of ports.
    pub opening: &'static str,
    /// What it prints for each client, `PORT` in place of ports.
    pub server_says: &'static str,
    /// Whether the server ends with its first client.
    pub one_shot: bool,
    /// The client's package.
    pub client: &'static str,
    /// Its arguments, besides the server's address.
    pub client_args: &'static [&'static str],
    /// What the client reads from stdin.
    pub input: &'static str,
    /// The client's whole stdout, `PORT` in place of ports.
    pub client_says: &'static str,
}

impl Pairing {
    /// Runs the conversation in these languages and compares
    /// what both sides print with what is expected.
    ///
    /// Where a side is Python, stderr is compared as well, with that of Python on both sides. A
    /// pairing of Rust with Rust needs no Python.
    ///
    /// # Panics
    ///
    /// When a transcript differs.
    pub fn check(&self, server: Language, client: Language) {
        let here = self.transcripts(server, client);
        let server_says = format!("{}{}", self.opening, self.server_says);
        assert_eq!(
            here.0, server_says,
            "stdout of the {server:?} server with the {client:?} client"
        );
        assert_eq!(
            here.1, self.client_says,
            "stdout of the {client:?} client with the {server:?} server"
        );
        if (server, client) == (Language::Rust, Language::Rust) {
            return;
        }
        let in_python = self.transcripts(Language::Python, Language::Python);
        assert_eq!(
            here.2, in_python.2,
            "stderr of the {server:?} server with the {client:?} client"
        );
        assert_eq!(
            here.3, in_python.3,
            "stderr of the {client:?} client with the {server:?} server"
        );
    }

    /// Compares what both languages say when no server listens, and when another program uses the
    /// server's port.
    ///
    /// # Panics
    ///
    /// When the words differ, or a program does not end with exit code 1.
    pub fn check_failures(&self) {
        let same = |what: &str, run: &dyn Fn(Language) -> Finished| {
            let [rust, python] = [Language::Rust, Language::Python].map(run);
            assert_eq!((rust.code, python.code), (Some(1), Some(1)), "{what}");
            assert_eq!(rust.stdout, python.stdout, "stdout of {what}");
            assert_eq!(
                same_words(&rust.stderr),
                same_words(&python.stderr),
                "stderr of {what}"
            );
        };
        let unused = wire::unused_address();
        same("a client without a server", &|language| {
            let client = language.program(self.client).at(unused);
            client
                .args(self.client_args)
                .run_with_input(self.input.as_bytes())
        });
        let (_tcp, udp) = port_in_use();
        let taken = udp.local_addr().expect("the socket is bound");
        same("a server whose port is in use", &|language| {
            let server = language.program(self.server).at(taken);
            server.args(self.server_args).run()
        });
    }

    /// What the server and the client print on stdout, then on stderr.
    fn transcripts(&self, server: Language, client: Language) -> (String, String, String, String) {
        let (mut running, address) = server.program(self.server).args(self.server_args).serve();
        let talk = || {
            let client = client
                .program(self.client)
                .at(address)
                .args(self.client_args);
            let finished = client.run_with_input(self.input.as_bytes());
            assert_eq!(
                finished.code,
                Some(0),
                "the client failed: {}",
                finished.stderr
            );
            (
                without_ports(&finished.stdout),
                same_words(&finished.stderr),
            )
        };
        let first = talk();
        if self.one_shot {
            let finished = running.finish();
            assert_eq!(
                finished.code,
                Some(0),
                "the server failed: {}",
                finished.stderr
            );
            let server_errors = same_words(&finished.stderr);
            return (
                without_ports(&finished.stdout),
                first.0,
                server_errors,
                first.1,
            );
        }
        // A server that continues is stopped when it has said all it should. Whether it says more
        // than that shows in a second round: the surplus of the first is before it.
        let second = talk();
        assert_eq!(
            first, second,
            "the second client heard something else than the first"
        );
        let (opening, round) = (
            self.opening.lines().count(),
            self.server_says.lines().count(),
        );
        for _ in 0..opening + 2 * round {
            running.line();
        }
        let stopped = running.stop();
        let said = without_ports(&stopped.stdout);
        let lines: Vec<&str> = said.split_inclusive('\n').collect();
        let (once, again) = lines.split_at(opening + round);
        // Where the first round differs from what is expected, that says more.
        if once.concat() == format!("{}{}", self.opening, self.server_says) {
            assert_eq!(
                again.concat(),
                once[opening..].concat(),
                "stdout of the server in the second round, after that of the first"
            );
        }
        (once.concat(), first.0, same_words(&stopped.stderr), first.1)
    }
}

/// A TCP and a UDP socket on one port.
fn port_in_use() -> (TcpListener, UdpSocket) {
    for _ in 0..100 {
        let (tcp, address) = wire::listener();
        if let Ok(udp) = UdpSocket::bind(address) {
            return (tcp, udp);
        }
    }
    panic!("no port is free for both TCP and UDP");
}

/// What a program says on stderr, without what differs for a good reason: the port, the form in
/// which a language shows the system's error number, Rust's introduction to an error of the
/// resolver, and the command that starts a program in it.
pub fn same_words(stderr: &str) -> String {
    let mut lines = Vec::new();
    for line in without_ports(stderr).lines() {
        let words = line.split(' ').map(|word| {
            let address = word.trim_end_matches([':', ',']);
            let rest = &word[address.len()..];
            match address.rsplit_once(':') {
                Some((host, port)) if host.parse::<Ipv4Addr>().is_ok() && is_number(port) => {
                    format!("{host}:PORT{rest}")
                }
                _ => word.to_string(),
            }
        });
        let mut line = words.collect::<Vec<_>>().join(" ");
        // "[Errno 111] Connection refused" is Python's, "Connection refused (os error 111)" Rust's.
        for (before, after) in [("[Errno ", "] "), (" (os error ", ")")] {
            if let Some((start, rest)) = line.split_once(before)
                && let Some((number, end)) = rest.split_once(after)
                && is_number(number.trim_start_matches('-'))
            {
                line = format!("{start}{end}");
            }
        }
        let line = line
            .replace("python3 crates/", "cargo run -p ")
            .replace("/twin.py", "")
            .replace("failed to lookup address information: ", "");
        lines.push(line.replace(" -- --", " --"));
    }
    lines.join("\n")
}

fn is_number(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit())
}

/// Puts `PORT` in the place of each port: in `('127.0.0.1',
/// 51234)` in `port 51234` and in `binded to 51234`.
pub fn without_ports(text: &str) -> String {
    let mut result = String::new();
    let mut rest = text;
    while let Some((at, marker)) = ["', ", "port ", "binded to "]
        .iter()
        .filter_map(|m| Some((rest.find(m)?, m)))
        .min_by_key(|(at, _)| *at)
    {
        let (before, after) = rest.split_at(at + marker.len());
        let digits = after.len() - after.trim_start_matches(|c: char| c.is_ascii_digit()).len();
        result.push_str(before);
        result.push_str(if digits > 0 { "PORT" } else { "" });
        rest = &after[digits..];
    }
    result + rest
}

/// Makes the five named tests of a [`Pairing`], shown
/// as ignored where they need Python and it is missing.
///
/// ```
/// use tests::pairing::Pairing;
///
/// const SUM: Pairing = Pairing {
///     server: "NAME-server",
///     server_args: &[],
///     opening: "",
///     server_says: "Connected by ('127.0.0.1', PORT)\n",
///     one_shot: false,
///     client: "NAME-client",
///     client_args: &["2", "3"],
///     input: "",
///     client_says: "Server says: 5\n",
/// };
///
/// tests::pairings!(SUM);
/// ```
#[macro_export]
macro_rules! pairings {
    ($pairing:expr) => {
        mod transcripts_match {
            use super::*;
            use $crate::pairing::Language::{Python, Rust};

            #[test]
            #[cfg_attr(no_python, ignore = "python3 (3.8 or newer) is not installed")]
            fn of_python_server_and_python_client() {
                $pairing.check(Python, Python);
            }

            #[test]
            #[cfg_attr(no_python, ignore = "python3 (3.8 or newer) is not installed")]
            fn of_rust_server_and_python_client() {
                $pairing.check(Rust, Python);
            }

            #[test]
            #[cfg_attr(no_python, ignore = "python3 (3.8 or newer) is not installed")]
            fn of_python_server_and_rust_client() {
                $pairing.check(Python, Rust);
            }

            #[test]
            fn of_rust_server_and_rust_client() {
                $pairing.check(Rust, Rust);
            }

            #[test]
            #[cfg_attr(no_python, ignore = "python3 (3.8 or newer) is not installed")]
            fn of_failures() {
                $pairing.check_failures();
            }
        }
    };
}

#[cfg(test)]
mod tests {
    use super::{same_words, without_ports};

    #[test]
    fn errors_of_both_languages_are_compared_by_their_words() {
        let rust = "Error: cannot connect to 127.0.0.1:51234: Connection refused (os error 111)\n\
                    hint: is the server running? cargo run -p x-server -- --port 51234\n";
        let python = "Error: cannot connect to 127.0.0.1:51235: [Errno 111] Connection refused\n\
                      hint: is the server running? python3 crates/x-server/twin.py --port 51235\n";
        assert_eq!(same_words(rust), same_words(python));
        assert_ne!(
            same_words(rust),
            same_words(&python.replace("cannot", "could not"))
        );
        assert_ne!(same_words(rust), same_words(&python.replace("hint: ", "")));
        assert_eq!(
            same_words("listening on 127.0.0.1:80"),
            "listening on 127.0.0.1:PORT"
        );
    }

    #[test]
    fn ports_are_put_aside_and_other_numbers_stay() {
        assert_eq!(
            without_ports("('127.0.0.1', 51234) sent 33 bytes\non port 9900, port b\n"),
            "('127.0.0.1', PORT) sent 33 bytes\non port PORT, port b\n"
        );
    }
}
