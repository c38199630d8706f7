//! What is printed: the same facts in several formats.
//!
//! A report is written host by host, so that it may be larger than the memory.
//!
//! | module | holds |
//! |---|---|
//! | [`human`] | for a person |
//! | [`json`] | one JSON document, and JSON lines |
//! | [`xml`] | nmap's XML |
//! | [`grep`] | one line a host, nmap's grepable form, and `host:port` |
//! | [`csv`] | one line a port |
//! | [`doubts`] | what a reader should not rely on |

use std::io::{self, Write};
use std::str::FromStr;
use std::time::{Duration, SystemTime};

use crate::banner::Banner;
use crate::findings::{Counts, Losses, State};
use crate::services;

mod csv;
mod doubts;
mod grep;
mod human;
mod json;
mod xml;

pub use doubts::host_doubts;

/// How a report is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Format {
    /// For a person.
    #[default]
    Human,
    /// One JSON document.
    Json,
    /// One JSON object a line: each port as soon as it is known, each host, and the scan at the
    /// end.
    Jsonl,
    /// nmap's XML.
    Xml,
    /// One line a host, its open ports on it: for grep and awk.
    Grep,
    /// nmap's grepable form.
    NmapGrep,
    /// A header and one line a port.
    Csv,
    /// `host:port` of each open port, as soon as it is known.
    List,
}

/// The formats by their names.
const FORMATS: [(&str, Format); 8] = [
    ("human", Format::Human),
    ("json", Format::Json),
    ("jsonl", Format::Jsonl),
    ("xml", Format::Xml),
    ("grep", Format::Grep),
    ("gnmap", Format::NmapGrep),
    ("csv", Format::Csv),
    ("list", Format::List),
];

impl FromStr for Format {
    type Err = String;

    fn from_str(word: &str) -> Result<Self, String> {
        let found = FORMATS.into_iter().find(|(name, _)| *name == word);
        found.map(|(_, format)| format).ok_or_else(|| {
            "a format is human, json, jsonl, xml, grep, gnmap, csv or list".to_string()
        })
    }
}

impl Format {
    /// Its name on the command line.
    pub fn word(self) -> &'static str {
        let found = FORMATS.into_iter().find(|(_, format)| *format == self);
        found.map_or("human", |(name, _)| name)
    }

    /// Whether a port can be printed before the scan is over.
    pub fn streams(self) -> bool {
        matches!(self, Format::Jsonl | Format::List)
    }

    /// What writes it.
    pub fn form(self, color: bool) -> Box<dyn Form + Send> {
        match self {
            Format::Human => Box::new(human::Human::new(color)),
            Format::Json => Box::new(json::Json::default()),
            Format::Jsonl => Box::new(json::Lines),
            Format::Xml => Box::new(xml::Xml),
            Format::Grep => Box::new(grep::Grep),
            Format::NmapGrep => Box::new(grep::NmapGrep),
            Format::Csv => Box::new(csv::Csv),
            Format::List => Box::new(grep::List),
        }
    }
}

/// One port of the report.
#[derive(Debug, Clone)]
pub struct Port {
    /// Its number.
    pub port: u16,
    /// What it is.
    pub state: State,
    /// What the service said first, or why that is not known; `None` when it said nothing, or was
    /// not asked.
    pub banner: Option<Banner>,
}

impl Port {
    /// What the service said first.
    fn said(&self) -> Option<&str> {
        match &self.banner {
            Some(Banner::Said(words)) => Some(words),
            _ => None,
        }
    }

    /// Why its words could not be read.
    fn failed(&self) -> Option<&str> {
        match &self.banner {
            Some(Banner::Failed(why)) => Some(why),
            _ => None,
        }
    }

    fn service(&self) -> &'static str {
        services::name(self.port).unwrap_or("-")
    }
}

/// One host of the report.
#[derive(Debug, Clone)]
pub struct Host {
    /// Its address (with the interface, where it needs one).
    pub address: String,
    /// The name under which it was asked for.
    pub name: Option<String>,
    /// How many ports are what.
    pub counts: Counts,
    /// Those of them that have no line of their own.
    pub rest: Counts,
    /// The ports about which nothing is known, because the scan was stopped.
    pub unknown: u64,
    /// Why its results are less than sure, one sentence each.
    pub doubts: Vec<String>,
}

impl Host {
    fn is_v6(&self) -> bool {
        self.address.contains(':')
    }

    /// Whether some of its ports have their own lines.
    fn has_lines(&self) -> bool {
        self.counts.all() > self.rest.all()
    }
}

/// The counts of all hosts: more than 32 bits.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Totals {
    /// Ports by the order of [`State::ALL`].
    states: [u64; 4],
}

impl Totals {
    /// Adds a host's ports.
    pub fn add(&mut self, counts: Counts) {
        for (sum, state) in self.states.iter_mut().zip(State::ALL) {
            *sum += u64::from(counts.of(state));
        }
    }

    /// The states and their ports.
    pub fn each(&self) -> impl Iterator<Item = (State, u64)> {
        State::ALL.into_iter().zip(self.states)
    }

    /// The ports of one state.
    pub fn of(&self, state: State) -> u64 {
        self.each()
            .filter(|(of, _)| *of == state)
            .map(|(_, count)| count)
            .sum()
    }

    /// The ports whose state is known.
    pub fn all(&self) -> u64 {
        self.states.iter().sum()
    }
}

impl From<Counts> for Totals {
    fn from(counts: Counts) -> Self {
        let mut totals = Totals::default();
        totals.add(counts);
        totals
    }
}

/// A whole scan, without its hosts.
#[derive(Debug, Clone)]
pub struct Scan {
    /// The command, as nmap's formats show it.
    pub command: String,
    /// The ports, as [`crate::ports::Ports`] prints them, and how many they are.
    pub ports: (String, usize),
    /// When it began.
    pub began: SystemTime,
    /// How long it took.
    pub time: Duration,
    /// How many hosts were scanned.
    pub hosts: u64,
    /// Those of them that answered.
    pub up: u64,
    /// Those of them that did not answer at all.
    pub silent: u64,
    /// Those of them whose addresses no machine of the local network has.
    pub missing: u64,
    /// The ports of all hosts.
    pub counts: Totals,
    /// The ports about which nothing is known.
    pub unknown: u64,
    /// Answers and losses.
    pub losses: Losses,
    /// The least and the smoothed round trip.
    pub round_trip: Option<(Duration, Duration)>,
    /// The answers a second to which a host seems to limit itself.
    pub limited_to: Option<f64>,
    /// The probes a second to which the scan slowed down, since more were lost.
    pub slowed_to: Option<f64>,
    /// Tries after which a silent port was called filtered.
    pub tries: u8,
    /// The seed of the order.
    pub seed: Option<u64>,
    /// Whether it was stopped before its end.
    pub stopped: bool,
    /// What is in doubt of the first hosts with doubts, and how many hosts have some.
    pub doubtful: Vec<String>,
    /// See [`Scan::doubtful`].
    pub doubtful_hosts: u64,
    /// Open ports whose banners were not read because the program was stopped.
    pub banners_unread: u64,
    /// Open ports that were not asked for a banner, since many others of their host said nothing.
    pub banners_skipped: u64,
}

/// The ports of a host, in ascending order.
pub type PortsOfHost<'a> = dyn Iterator<Item = io::Result<Port>> + 'a;

/// Writes a report in a format: the beginning, each host in the order of the addresses, the end.
pub trait Form {
    /// What comes before the hosts.
    ///
    /// # Errors
    ///
    /// When it cannot be written, here and below.
    fn begin(&mut self, out: &mut dyn Write, scan: &Scan) -> io::Result<()> {
        let _nothing = (out, scan);
        Ok(())
    }

    /// A port by itself, in a format that [streams](Format::streams).
    ///
    /// # Errors
    ///
    /// When it cannot be written.
    fn port(&mut self, out: &mut dyn Write, address: &str, port: &Port) -> io::Result<()> {
        let _nothing = (out, address, port);
        Ok(())
    }

    /// A host and those of its ports that have a line.
    ///
    /// # Errors
    ///
    /// When the ports cannot be read, or the text cannot be written.
    fn host(
        &mut self,
        out: &mut dyn Write,
        host: &Host,
        ports: &mut PortsOfHost<'_>,
    ) -> io::Result<()>;

    /// What comes after the hosts.
    ///
    /// # Errors
    ///
    /// When it cannot be written.
    fn end(&mut self, out: &mut dyn Write, scan: &Scan) -> io::Result<()> {
        let _nothing = (out, scan);
        Ok(())
    }
}

fn unix_time(time: SystemTime) -> u64 {
    let since = time.duration_since(SystemTime::UNIX_EPOCH);
    since.unwrap_or_default().as_secs()
}
