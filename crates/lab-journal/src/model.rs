//! The journal: processes, sockets, calls, segments, output, exits; its JSON.

use std::net::SocketAddr;

use anyhow::{Context, ensure};
use serde::{Deserialize, Serialize};

/// The version of the JSON. A reader refuses any other.
pub const VERSION: u32 = 1;

/// One run of a server and its clients. Times are microseconds since its start.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Journal {
    /// [`VERSION`].
    pub version: u32,
    /// The programs' processes, in the order in which they appeared.
    pub processes: Vec<Process>,
    /// The sockets. A call names one by its place in this list.
    pub sockets: Vec<Socket>,
    /// What happened, in the order of its beginning.
    pub entries: Vec<Entry>,
    /// How many entries were left out, because the journal was full.
    pub left_out: u64,
    /// What the journal cannot show, in words.
    pub notes: Vec<String>,
    /// Whether a relay between the programs wrote this. It sees what passes and no calls: an entry
    /// such as `sends` is what it saw a side do, and a thread's number is that of a connection.
    #[serde(default)]
    pub relay: bool,
}

/// Which side of the run a process is on.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Side {
    /// The server.
    Server,
    /// The client.
    Client,
}

impl Side {
    /// Its name in every picture.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Side::Server => "server",
            Side::Client => "client",
        }
    }

    /// The other one.
    #[must_use]
    pub fn other(self) -> Self {
        match self {
            Side::Server => Side::Client,
            Side::Client => Side::Server,
        }
    }
}

/// A process.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Process {
    /// Its number in the system.
    pub pid: u32,
    /// Its side.
    pub side: Side,
    /// The process that started it, if that is one of the run.
    pub parent: Option<u32>,
    /// Whether it is `cargo lab check`, which plays a side and writes down itself what it does and
    /// sees: then a thread's number is that of a connection, or 0.
    #[serde(default, skip_serializing_if = "is_false")]
    pub played: bool,
}

#[allow(clippy::trivially_copy_pass_by_ref, reason = "serde calls it so")]
fn is_false(value: &bool) -> bool {
    !value
}

/// TCP or UDP.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Transport {
    /// A stream of bytes.
    Tcp,
    /// Datagrams.
    Udp,
}

/// A socket. Descriptors may share one.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Socket {
    /// TCP or UDP.
    pub transport: Transport,
    /// Its own address, once it has one.
    pub local: Option<SocketAddr>,
    /// The address that it is connected to.
    pub peer: Option<SocketAddr>,
}

/// Something that happened.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Entry {
    /// When it happened, or began.
    pub at: u64,
    /// What it was.
    #[serde(flatten)]
    pub event: Event,
}

/// What can happen.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "event", rename_all = "lowercase")]
pub enum Event {
    /// A system call.
    Call(Call),
    /// A packet on the wire.
    Segment(Segment),
    /// A program printed something.
    Output(Output),
    /// A process ended.
    Exit(Exit),
}

/// A system call on a socket, or a wait for one.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Call {
    /// The process.
    pub process: u32,
    /// The thread, by its number in the system.
    pub thread: u32,
    /// The call's name in the system: `recvfrom`, `accept4`.
    pub name: String,
    /// The socket, by its place in [`Journal::sockets`]. A wait for several has none.
    pub socket: Option<usize>,
    /// What it was called with, in words: `1024`, `127.0.0.1:65432`.
    pub arguments: Vec<String>,
    /// The socket that an accept gave.
    pub accepted: Option<usize>,
    /// When it ended. `None` if the process ended first.
    pub ended: Option<u64>,
    /// What it gave.
    pub outcome: Outcome,
    /// The bytes that it sent or received.
    pub data: Option<Data>,
    /// The line that it comes from, where the program's language tells.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub source: Option<Source>,
}

/// A line of a program.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Source {
    /// The file's name.
    pub file: String,
    /// The line's number.
    pub line: u32,
    /// The line.
    pub text: String,
    /// The numbered comment above it, in a lab program: `3. Bind it to the server's address`.
    pub step: Option<String>,
}

/// What a call gave.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Outcome {
    /// A number: a descriptor, or how many bytes.
    Value(i64),
    /// An error, by its name: `EAGAIN`.
    Error(String),
    /// It had not ended when its process ended.
    Unfinished,
}

/// Bytes that a call sent or received.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Data {
    /// Whether the call sent them.
    pub sent: bool,
    /// Whether they stay in the queue: `MSG_PEEK`.
    pub peeked: bool,
    /// How many bytes of the stream, in this direction, came before them. 0 for a datagram.
    pub offset: u64,
    /// How many they are.
    pub length: u64,
    /// The first of them.
    #[serde(with = "in_base64")]
    pub bytes: Vec<u8>,
    /// The other side of a datagram.
    pub with: Option<SocketAddr>,
    /// Where received bytes came from; [`crate::ties::tie`] fills it in.
    pub from: Vec<Piece>,
}

/// Received bytes that came from one send.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Piece {
    /// The send's place in [`Journal::entries`].
    pub call: usize,
    /// Where the piece begins among the send's bytes.
    pub offset: u64,
    /// How many bytes it has.
    pub length: u64,
}

/// A packet of TCP or UDP.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[allow(clippy::struct_excessive_bools, reason = "they are TCP's flags")]
pub struct Segment {
    /// TCP or UDP.
    pub transport: Transport,
    /// Who sent it.
    pub from: SocketAddr,
    /// Who gets it.
    pub to: SocketAddr,
    /// TCP's flag.
    pub syn: bool,
    /// TCP's flag.
    pub ack: bool,
    /// TCP's flag.
    pub fin: bool,
    /// TCP's flag.
    pub rst: bool,
    /// Where its bytes are in the stream. `None` where the connection's begin was not seen.
    pub offset: Option<u64>,
    /// How many bytes it carries.
    pub length: u64,
    /// The first of them.
    #[serde(with = "in_base64")]
    pub bytes: Vec<u8>,
    /// Whether bytes of it, or its FIN, were on the wire before.
    pub again: bool,
    /// Whether it was lost on its way: a fault that was asked for.
    #[serde(default)]
    pub lost: bool,
    /// Whether it is ICMP's message to a sender of datagrams that they could not be delivered.
    #[serde(default)]
    pub unreachable: bool,
    /// The call that it comes from, in [`Journal::entries`]; [`crate::ties::tie`] fills it in.
    pub call: Option<usize>,
}

/// What a program printed in one write.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Output {
    /// The process.
    pub process: u32,
    /// Where it printed.
    pub stream: Stream,
    /// The text.
    pub text: String,
}

/// Where a program prints.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Stream {
    /// Standard output.
    Stdout,
    /// Standard error.
    Stderr,
}

/// The end of a process.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Exit {
    /// The process.
    pub process: u32,
    /// Its exit code.
    pub code: Option<i32>,
    /// The signal that ended it.
    pub signal: Option<i32>,
}

impl Default for Journal {
    fn default() -> Self {
        Journal {
            version: VERSION,
            processes: Vec::new(),
            sockets: Vec::new(),
            entries: Vec::new(),
            left_out: 0,
            notes: Vec::new(),
            relay: false,
        }
    }
}

impl Journal {
    /// The side of a process.
    #[must_use]
    pub fn side(&self, pid: u32) -> Option<Side> {
        let process = self.processes.iter().find(|process| process.pid == pid)?;
        Some(process.side)
    }

    /// The notes above a picture and those below it: what a relay saw begins with what it did not.
    #[must_use]
    pub fn notes_around(&self) -> (&[String], &[String]) {
        match self.relay {
            true => (&self.notes, &[]),
            false => (&[], &self.notes),
        }
    }

    /// Whether a process is `cargo lab check`.
    #[must_use]
    pub fn is_played(&self, pid: u32) -> bool {
        let mut processes = self.processes.iter();
        processes.any(|process| process.pid == pid && process.played)
    }

    /// The call at this place, if there is one.
    #[must_use]
    pub fn call(&self, place: usize) -> Option<&Call> {
        match &self.entries.get(place)?.event {
            Event::Call(call) => Some(call),
            _ => None,
        }
    }

    /// The journal as JSON, on one line.
    ///
    /// # Errors
    ///
    /// None that is known of: every field has a form in JSON.
    pub fn to_json(&self) -> anyhow::Result<String> {
        serde_json::to_string(self).context("cannot write the journal as JSON")
    }

    /// A journal from its JSON.
    ///
    /// # Errors
    ///
    /// When the text is not a journal, or one of another version.
    pub fn from_json(text: &str) -> anyhow::Result<Self> {
        #[derive(Deserialize)]
        struct Version {
            version: u32,
        }
        let Version { version } = serde_json::from_str(text).context("not a journal")?;
        ensure!(
            version == VERSION,
            "a journal of version {version}; this program reads version {VERSION}"
        );
        serde_json::from_str(text).context("not a journal")
    }
}

/// Bytes as base64, which is a third as long as a list of numbers.
mod in_base64 {
    use data_encoding::BASE64;
    use serde::{Deserialize, Deserializer, Serializer, de::Error};

    pub fn serialize<S: Serializer>(bytes: &[u8], serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&BASE64.encode(bytes))
    }

    pub fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Vec<u8>, D::Error> {
        let text = String::deserialize(deserializer)?;
        BASE64.decode(text.as_bytes()).map_err(D::Error::custom)
    }
}
