//! tshark's reading of a file.

use std::collections::BTreeMap;
use std::io::{Read, Seek};
use std::net::{IpAddr, SocketAddr};
use std::path::Path;
use std::process::{Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

/// Long enough on a busy machine; one file takes less than a second.
const LIMIT: Duration = Duration::from_secs(120);
const LOOK_EVERY: Duration = Duration::from_millis(10);

/// What is asked of each packet.
const FIELDS: [&str; 16] = [
    "frame.time_epoch",
    "frame.comment",
    "ip.src",
    "ip.dst",
    "ipv6.src",
    "ipv6.dst",
    "tcp.srcport",
    "tcp.dstport",
    "tcp.len",
    "tcp.flags",
    "udp.srcport",
    "udp.dstport",
    "udp.payload",
    "icmp.type",
    "_ws.malformed",
    "tcp.analysis.lost_segment",
];

/// A packet in tshark's words.
pub struct Packet {
    fields: Vec<String>,
}

/// A stream of TCP, both directions by the address that sent.
pub type Stream = BTreeMap<SocketAddr, Vec<u8>>;

/// A file as tshark reads it.
pub struct Reading {
    pub packets: Vec<Packet>,
    pub streams: Vec<Stream>,
}

impl Packet {
    pub fn field(&self, name: &str) -> &str {
        let place = FIELDS.iter().position(|field| *field == name);
        &self.fields[place.expect("a field that was asked for")]
    }

    pub fn is_icmp(&self) -> bool {
        !self.field("icmp.type").is_empty()
    }

    pub fn is_tcp(&self) -> bool {
        !self.field("tcp.len").is_empty()
    }

    pub fn flag(&self, bit: u16) -> bool {
        let flags = self.field("tcp.flags").trim_start_matches("0x");
        u16::from_str_radix(flags, 16).is_ok_and(|flags| flags & bit != 0)
    }

    /// How many bytes it carries for a program.
    pub fn length(&self) -> usize {
        match self.is_tcp() {
            true => self.field("tcp.len").parse().expect("a number"),
            false => self.field("udp.payload").len() / 2,
        }
    }

    /// From where to where.
    pub fn ends(&self) -> (SocketAddr, SocketAddr) {
        let end = |host: &str, port: &str| {
            let of = |names: [String; 2]| {
                let names = names.map(|name| self.field(&name).to_string());
                names.into_iter().find(|text| !text.is_empty())
            };
            let address: Option<IpAddr> = of([format!("ip.{host}"), format!("ipv6.{host}")])
                .and_then(|text| text.parse().ok());
            let port = of([format!("tcp.{port}"), format!("udp.{port}")])
                .and_then(|text| text.parse().ok());
            SocketAddr::new(address.expect("an address"), port.expect("a port"))
        };
        (end("src", "srcport"), end("dst", "dstport"))
    }
}

/// Reads a file with so many connections, by one call.
pub fn read(file: &Path, connections: usize) -> Reading {
    let mut command = Command::new("tshark");
    // No names are looked up, and nothing guesses what the programs' bytes mean.
    command.args([
        "-n",
        "-d",
        "tcp.port==1-65535,data",
        "-d",
        "udp.port==1-65535,data",
    ]);
    command.arg("-r").arg(file);
    command.args(["-T", "fields", "-E", "separator=/t", "-E", "occurrence=f"]);
    for field in FIELDS {
        command.args(["-e", field]);
    }
    for number in 0..connections {
        command.args(["-z", &format!("follow,tcp,raw,{number}")]);
    }
    let text = output(&mut command);
    let (packets, followed) = match text.split_once("\n====") {
        Some((packets, followed)) => (packets, followed),
        None => (text.as_str(), ""),
    };
    Reading {
        packets: packets
            .lines()
            .filter(|line| !line.is_empty())
            .map(packet)
            .collect(),
        streams: followed
            .split("Follow: tcp,raw")
            .skip(1)
            .map(stream)
            .collect(),
    }
}

fn packet(line: &str) -> Packet {
    let fields: Vec<String> = line.split('\t').map(str::to_string).collect();
    assert_eq!(fields.len(), FIELDS.len(), "{line}");
    Packet { fields }
}

/// A stream as `follow` writes it: the second node's bytes are indented.
fn stream(text: &str) -> Stream {
    let node = |number: usize| -> SocketAddr {
        let begin = format!("Node {number}: ");
        let line = text.lines().find_map(|line| line.strip_prefix(&begin));
        let line = line.expect("a node");
        line.parse().expect("an address")
    };
    let nodes = [node(0), node(1)];
    let mut stream = Stream::from(nodes.map(|node| (node, Vec::new())));
    for line in text.lines() {
        let digits = line.trim();
        let is_data = !digits.is_empty() && digits.bytes().all(|digit| digit.is_ascii_hexdigit());
        if is_data && let Some(bytes) = stream.get_mut(&nodes[usize::from(line.starts_with('\t'))])
        {
            bytes.extend(from_hex(digits));
        }
    }
    stream
}

/// The bytes of hexadecimal digits.
pub fn from_hex(digits: &str) -> Vec<u8> {
    let byte = |at| u8::from_str_radix(&digits[at..at + 2], 16).expect("two digits");
    (0..digits.len()).step_by(2).map(byte).collect()
}

/// What a command prints, if it ends in time.
fn output(command: &mut Command) -> String {
    let mut printed = tempfile::tempfile().expect("a file");
    let mut errors = tempfile::tempfile().expect("a file");
    let mut running = command
        .stdin(Stdio::null())
        .stdout(printed.try_clone().expect("a file"))
        .stderr(errors.try_clone().expect("a file"))
        .spawn()
        .expect("tshark is installed");
    let end = Instant::now() + LIMIT;
    let status = loop {
        if let Some(status) = running.try_wait().expect("its end") {
            break status;
        }
        if Instant::now() > end {
            running.kill().expect("it runs");
            running.wait().expect("its end");
            panic!("tshark does not end: {command:?}");
        }
        thread::sleep(LOOK_EVERY);
    };
    let mut text = String::new();
    errors.rewind().expect("a file");
    errors.read_to_string(&mut text).expect("text");
    assert!(status.success(), "{status}: {text}");
    text.clear();
    printed.rewind().expect("a file");
    printed.read_to_string(&mut text).expect("text");
    text
}
