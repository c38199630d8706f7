//! What is checked, and how its program is started.

use crate::command::Template;
use crate::kind::Kind;
use crate::peers::tcp::{self};
use crate::ports::Protocol;
use crate::process::Input;
use lab_netns::Closed;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::{Duration, Instant};

/// What is checked, and how.
#[derive(Debug, Clone)]
pub struct Target {
    /// Which side of its exercise it is.
    pub kind: Kind,
    /// What a client of the exercise sends, where a case wants
    /// nothing else; empty where it sends nothing of its user's.
    pub message: &'static str,
    /// The command line.
    pub command: Template,
    /// The address that the sheet gives, for a command that takes none.
    pub address: SocketAddr,
    /// TCP or UDP.
    pub protocol: Protocol,
    /// How long a step may take.
    pub patience: Duration,
    /// How long a case may take.
    pub case_limit: Duration,
    /// The folder in which the program runs.
    pub folder: Option<PathBuf>,
    /// What is random follows from it.
    pub seed: u64,
    /// When the whole check has to be over.
    pub until: Instant,
    /// Whether each case is played in its own network.
    pub own_network: bool,
    /// What records the programs, where they are recorded (Linux).
    pub recorder: Option<Recorder>,
    /// Whether the sheet's host is one of the Internet's: then a client may go to any address.
    pub any_host: bool,
}

impl Target {
    /// Whether the command says on which port; without it the sheet's own is used.
    pub fn has_port(&self) -> bool {
        self.command.has("port")
    }

    /// Whether cases may run side by side: each needs a port or its own network, or no port
    /// at all (a program that is alone has the port 0).
    pub fn side_by_side(&self) -> bool {
        self.has_port() || self.own_network || self.address.port() == 0
    }

    /// Whether nobody listens on the sheet's port, but connections of the past hold it against a
    /// server that does not set SO_REUSEADDR.
    pub fn held_by_the_past(&self) -> bool {
        let plain = socket2::Socket::new(
            socket2::Domain::for_address(self.address),
            socket2::Type::STREAM,
            None,
        )
        .and_then(|socket| socket.bind(&self.address.into()));
        self.protocol == Protocol::Tcp && plain.is_err() && tcp::listen(self.address).is_ok()
    }

    /// Moves the calling thread into its own network, where the target wants one, and gives what
    /// belongs to that network.
    ///
    /// # Errors
    ///
    /// When the system has no such networks, or refuses.
    pub fn enter_network(&self) -> anyhow::Result<Closed> {
        match self.own_network {
            true => lab_netns::enter_closed(self.address.ip()),
            false => Ok(Closed::default()),
        }
    }
}

/// The tracer.
#[derive(Debug, Clone)]
pub struct Recorder {
    /// Its binary.
    pub program: PathBuf,
    /// Whether a program in Python is run so that it tells its lines.
    pub lines: bool,
}

/// How the program under test is started.
#[derive(Debug, Clone, Default)]
pub struct Launch<'a> {
    /// What stands for `{message}`, and is typed in where the
    /// program asks for it; empty for the exercise's own.
    pub message: &'a str,
    /// What it reads from stdin; the default is answers to what it asks.
    pub input: Option<Input>,
    /// What stands for `{host}`, in place of the address.
    pub host: Option<&'a str>,
    /// What stands for `{ports}`, `{first}` and `{last}`.
    pub ports: Option<(u16, u16)>,
    /// How many descriptors it may have open. Unix only.
    pub descriptors: Option<u32>,
}
