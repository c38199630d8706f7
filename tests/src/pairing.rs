//! The four pairings of an exercise: {Rust, Python} server × {Rust, Python} client.
//!
//! Each side's stdout has to be what it is when both sides are Python, byte for byte, but for the ports
//! that the system chose.

use crate::{Program, python, rust};

/// Which of a package's two programs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Language {
    /// `main.rs`.
    Rust,
    /// `twin.py`.
    Python,
}

impl Language {
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
    /// Its arguments, beside `--port=0`.
    pub server_args: &'static [&'static str],
    /// What it prints before its first client, `PORT` in place of ports.
    pub opening: &'static str,
    /// What it prints for each client, `PORT` in place of ports.
    pub server_says: &'static str,
    /// Whether the server ends with its first client.
    pub one_shot: bool,
    /// The client's package.
    pub client: &'static str,
    /// Its arguments, beside the server's address.
    pub client_args: &'static [&'static str],
    /// What the client reads from stdin.
    pub input: &'static str,
    /// The client's whole stdout, `PORT` in place of ports.
    pub client_says: &'static str,
}

impl Pairing {
    /// Runs the conversation in these languages and compares both transcripts with what both sides say in
    /// Python, and that with what is expected.
    ///
    /// # Panics
    ///
    /// When a transcript differs.
    pub fn check(&self, server: Language, client: Language) {
        let in_python = self.transcripts(Language::Python, Language::Python);
        let server_says = format!("{}{}", self.opening, self.server_says);
        assert_eq!(
            in_python.0, server_says,
            "the Python server beside the Python client"
        );
        assert_eq!(
            in_python.1, self.client_says,
            "the Python client beside the Python server"
        );
        let here = self.transcripts(server, client);
        assert_eq!(
            here.0, in_python.0,
            "the {server:?} server beside the {client:?} client"
        );
        assert_eq!(
            here.1, in_python.1,
            "the {client:?} client beside the {server:?} server"
        );
    }

    /// What the server and the client print.
    fn transcripts(&self, server: Language, client: Language) -> (String, String) {
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
            without_ports(&finished.stdout)
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
            return (without_ports(&finished.stdout), first);
        }
        // A server that goes on is stopped when it has said all it should. Whether it says more than that
        // shows in a second round: the surplus of the first stands before it.
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
        let said = without_ports(&running.stop().stdout);
        let lines: Vec<&str> = said.split_inclusive('\n').collect();
        let (once, again) = lines.split_at(opening + round);
        assert_eq!(
            once[opening..],
            *again,
            "the second round differs from the first"
        );
        (once.concat(), first)
    }
}

/// Puts `PORT` in the place of each port: in `('127.0.0.1', 51234)` in `port 51234` and in `binded to 51234`.
fn without_ports(text: &str) -> String {
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

/// Makes the four named tests of a [`Pairing`], shown as ignored where Python is missing.
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
        mod same_words {
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
            #[cfg_attr(no_python, ignore = "python3 (3.8 or newer) is not installed")]
            fn of_rust_server_and_rust_client() {
                $pairing.check(Rust, Rust);
            }
        }
    };
}

#[cfg(test)]
mod tests {
    use super::without_ports;

    #[test]
    fn ports_are_put_aside_and_other_numbers_stay() {
        assert_eq!(
            without_ports("('127.0.0.1', 51234) sent 33 bytes\non port 9900, port b\n"),
            "('127.0.0.1', PORT) sent 33 bytes\non port PORT, port b\n"
        );
    }
}
