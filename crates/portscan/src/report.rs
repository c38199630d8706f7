//! What is printed: the same facts in five formats.

use std::fmt::Write as _;
use std::str::FromStr;
use std::time::Duration;

use serde_json::{Value, json};

use crate::findings::{Counts, Losses, State};
use crate::services;

/// How a report is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Format {
    /// For a person.
    #[default]
    Human,
    /// One JSON document.
    Json,
    /// One JSON object a line: each port, each host, and the scan at the end.
    Jsonl,
    /// One line a host, its open ports on it: for grep and awk.
    Grep,
    /// A header and one line a port.
    Csv,
}

impl FromStr for Format {
    type Err = String;

    fn from_str(word: &str) -> Result<Self, String> {
        Ok(match word {
            "human" => Format::Human,
            "json" => Format::Json,
            "jsonl" => Format::Jsonl,
            "grep" => Format::Grep,
            "csv" => Format::Csv,
            _ => return Err("a format is human, json, jsonl, grep or csv".to_string()),
        })
    }
}

/// One port of the report.
#[derive(Debug, Clone)]
pub struct Port {
    /// Its number.
    pub port: u16,
    /// What it is.
    pub state: State,
    /// What the service said first, made printable.
    pub banner: Option<String>,
}

/// One host of the report.
#[derive(Debug, Clone)]
pub struct Host {
    /// Its address (with the interface, where it needs one).
    pub address: String,
    /// The name under which it was asked for.
    pub name: Option<String>,
    /// The open ports, and in a small scan the others, in ascending order.
    pub ports: Vec<Port>,
    /// How many ports are what.
    pub counts: Counts,
    /// The ports about which nothing is known, because the scan was stopped.
    pub unknown: u64,
}

/// A whole scan.
#[derive(Debug, Clone)]
pub struct Report {
    /// The hosts in the order of their addresses.
    pub hosts: Vec<Host>,
    /// How long the scan took.
    pub time: Duration,
    /// Answers and losses.
    pub losses: Losses,
    /// The least and the smoothed round trip.
    pub round_trip: Option<(Duration, Duration)>,
    /// The refusals a second to which the targets seem to limit themselves.
    pub limited_to: Option<f64>,
    /// The probes a second to which the scan slowed down, since more were lost.
    pub slowed_to: Option<f64>,
    /// Tries after which a silent port was called filtered.
    pub tries: u8,
    /// The seed of the order.
    pub seed: Option<u64>,
    /// Whether it was stopped before its end.
    pub stopped: bool,
    /// The open ports whose banners were not read because the program was stopped.
    pub banners_unread: u64,
}

/// From this chance on that an open port was taken for filtered, the report says so.
const UNCERTAIN: f64 = 0.001;

impl Report {
    /// All hosts' counts.
    pub fn counts(&self) -> Counts {
        let mut sum = Counts::default();
        for host in &self.hosts {
            sum += host.counts;
        }
        sum
    }

    /// What a reader should not rely on, one sentence each.
    pub fn uncertainties(&self) -> Vec<String> {
        let mut uncertainties = Vec::new();
        let unknown: u64 = self.hosts.iter().map(|host| host.unknown).sum();
        if unknown > 0 {
            uncertainties.push(format!("{unknown} ports are unknown: the scan was stopped"));
        }
        if self.banners_unread > 0 {
            uncertainties.push(format!(
                "the banners of {} open ports were not read: the program was stopped",
                self.banners_unread
            ));
        }
        let counts = self.counts();
        if counts.filtered > 0
            && let Some(share) = self.losses.share()
        {
            let missed = share.powi(i32::from(self.tries));
            if missed > UNCERTAIN {
                uncertainties.push(format!(
                    "{:.0} % of the probes were lost: the chance that an open port looks filtered is \
                     {:.2} %; --tries {} makes it smaller",
                    100.0 * share,
                    100.0 * missed,
                    self.tries.saturating_add(2)
                ));
            }
        }
        if let Some(rate) = self.limited_to
            && counts.filtered > 0
        {
            uncertainties.push(format!(
                "the target refuses at most about {rate:.0} connects a second: some filtered ports \
                 may be closed; --rate {:.0} finds out",
                (rate * 0.8).max(1.0)
            ));
        }
        let silent = self
            .hosts
            .iter()
            .filter(|host| host.counts.filtered > 0 && host.counts.open + host.counts.closed == 0)
            .count();
        if silent > 0 {
            let hosts = if silent == 1 {
                "1 host".to_string()
            } else {
                format!("{silent} hosts")
            };
            uncertainties.push(format!(
                "{hosts} gave no answer at all: switched off, or behind a firewall that drops everything"
            ));
        }
        uncertainties
    }

    /// The report as text, with its last line's end.
    pub fn render(&self, format: Format, color: bool) -> String {
        match format {
            Format::Human => self.human(color),
            Format::Json => format!("{:#}\n", self.json()),
            Format::Jsonl => self.jsonl(),
            Format::Grep => self.grep(),
            Format::Csv => self.csv(),
        }
    }

    fn human(&self, color: bool) -> String {
        let mut text = String::new();
        let mut quiet = Counts::default();
        let mut quiet_hosts = 0;
        let alone = self.hosts.len() == 1;
        for host in &self.hosts {
            if host.ports.is_empty() && !alone {
                quiet_hosts += 1;
                quiet.closed += host.counts.closed;
                quiet.filtered += host.counts.filtered;
                quiet.unreachable += host.counts.unreachable;
                continue;
            }
            text += &host.human(color);
        }
        if quiet_hosts > 0 {
            let _ = writeln!(
                text,
                "{quiet_hosts} hosts without an open port: {}",
                words(quiet)
            );
        }
        let _ = writeln!(text, "{}", self.summary());
        for uncertainty in self.uncertainties() {
            let _ = writeln!(text, "uncertain: {uncertainty}");
        }
        text
    }

    /// One line about the whole scan.
    pub fn summary(&self) -> String {
        let counts = self.counts();
        let mut line = format!(
            "{} ports of {} in {}: {}",
            counts.all(),
            match self.hosts.len() {
                1 => "1 host".to_string(),
                hosts => format!("{hosts} hosts"),
            },
            seconds(self.time),
            words(counts)
        );
        if let Some((least, smoothed)) = self.round_trip {
            let _ = write!(
                line,
                "; round trip {} to {}",
                millis(least.min(smoothed)),
                millis(smoothed.max(least))
            );
        }
        if let Some(share) = self.losses.share().filter(|_| self.round_trip.is_some()) {
            let _ = write!(
                line,
                "; loss {:.1} %, {} answered only to a retry",
                100.0 * share,
                self.losses.retried
            );
        }
        if let Some(rate) = self.slowed_to.filter(|_| self.round_trip.is_some()) {
            let _ = write!(
                line,
                "; slowed down to {rate:.0} probes a second, since more were lost"
            );
        }
        line
    }

    fn json(&self) -> Value {
        json!({
            "hosts": self.hosts.iter().map(Host::json_whole).collect::<Vec<_>>(),
            "scan": self.json_scan(),
        })
    }

    fn json_scan(&self) -> Value {
        json!({
            "seconds": self.time.as_secs_f64(),
            "counts": json_counts(self.counts()),
            "round_trip_least_ms": self.round_trip.map(|(least, _)| least.as_secs_f64() * 1e3),
            "round_trip_ms": self.round_trip.map(|(_, smoothed)| smoothed.as_secs_f64() * 1e3),
            "loss": self.losses.share(),
            "retries_answered": self.losses.retried,
            "control_probes": self.losses.controls + self.losses.controls_lost,
            "control_probes_lost": self.losses.controls_lost,
            "refusals_per_second": self.limited_to,
            "slowed_to_per_second": self.slowed_to,
            "tries": self.tries,
            "seed": self.seed,
            "stopped": self.stopped,
            "uncertain": self.uncertainties(),
        })
    }

    fn jsonl(&self) -> String {
        let mut text = String::new();
        for host in &self.hosts {
            for port in &host.ports {
                let mut line = port.json();
                line["type"] = json!("port");
                line["address"] = json!(host.address);
                let _ = writeln!(text, "{line}");
            }
            let mut line = host.json();
            line["type"] = json!("host");
            let _ = writeln!(text, "{line}");
        }
        let mut line = self.json_scan();
        line["type"] = json!("scan");
        let _ = writeln!(text, "{line}");
        text
    }

    fn grep(&self) -> String {
        let mut text = String::new();
        for host in &self.hosts {
            let _ = write!(
                text,
                "{}\t{}\t",
                host.address,
                host.name.as_deref().unwrap_or("-")
            );
            let ports: Vec<String> = host
                .ports
                .iter()
                .map(|port| format!("{}/{}/{}", port.port, port.state.word(), service(port.port)))
                .collect();
            let _ = writeln!(
                text,
                "{}\topen={} closed={} filtered={} unreachable={} unknown={}",
                if ports.is_empty() {
                    "-".to_string()
                } else {
                    ports.join(",")
                },
                host.counts.open,
                host.counts.closed,
                host.counts.filtered,
                host.counts.unreachable,
                host.unknown
            );
        }
        text
    }

    fn csv(&self) -> String {
        let mut text = "address,name,port,state,service,banner\n".to_string();
        for host in &self.hosts {
            for port in &host.ports {
                let _ = writeln!(
                    text,
                    "{},{},{},{},{},{}",
                    quoted(&host.address),
                    quoted(host.name.as_deref().unwrap_or("")),
                    port.port,
                    port.state.word(),
                    services::name(port.port).unwrap_or(""),
                    quoted(port.banner.as_deref().unwrap_or(""))
                );
            }
        }
        text
    }
}

impl Host {
    fn human(&self, color: bool) -> String {
        let (bold, green, plain) = if color {
            ("\x1b[1m", "\x1b[32m", "\x1b[0m")
        } else {
            ("", "", "")
        };
        let mut text = match &self.name {
            Some(name) => format!("{bold}{name} ({}){plain}\n", self.address),
            None => format!("{bold}{}{plain}\n", self.address),
        };
        for port in &self.ports {
            let (on, off) = if port.state == State::Open {
                (green, plain)
            } else {
                ("", "")
            };
            let line = format!(
                "  {:>5}  {on}{:<11}{off} {:<16} {}",
                port.port,
                port.state.word(),
                service(port.port),
                port.banner.as_deref().unwrap_or("")
            );
            let _ = writeln!(text, "{}", line.trim_end());
        }
        let mut rest = self.counts;
        for port in &self.ports {
            match port.state {
                State::Open => rest.open -= 1,
                State::Closed => rest.closed -= 1,
                State::Filtered => rest.filtered -= 1,
                State::Unreachable => rest.unreachable -= 1,
            }
        }
        if rest.all() > 0 {
            let shown = if self.ports.is_empty() {
                ""
            } else {
                "others: "
            };
            let _ = writeln!(text, "  {shown}{}", words(rest));
        }
        if self.unknown > 0 {
            let _ = writeln!(text, "  not scanned: {}", self.unknown);
        }
        text
    }

    fn json(&self) -> Value {
        json!({
            "address": self.address,
            "name": self.name,
            "counts": json_counts(self.counts),
            "unknown": self.unknown,
        })
    }

    fn json_whole(&self) -> Value {
        let mut value = self.json();
        value["ports"] = self.ports.iter().map(Port::json).collect();
        value
    }
}

impl Port {
    fn json(&self) -> Value {
        json!({
            "port": self.port,
            "state": self.state.word(),
            "service": services::name(self.port),
            "banner": self.banner,
        })
    }
}

fn json_counts(counts: Counts) -> Value {
    json!({
        "open": counts.open,
        "closed": counts.closed,
        "filtered": counts.filtered,
        "unreachable": counts.unreachable,
    })
}

/// `3 open, 65532 closed`, without the states that no port has.
fn words(counts: Counts) -> String {
    let words: Vec<String> = [
        (counts.open, State::Open),
        (counts.closed, State::Closed),
        (counts.filtered, State::Filtered),
        (counts.unreachable, State::Unreachable),
    ]
    .into_iter()
    .filter(|(count, _)| *count > 0)
    .map(|(count, state)| format!("{count} {}", state.word()))
    .collect();
    if words.is_empty() {
        "nothing known".to_string()
    } else {
        words.join(", ")
    }
}

fn service(port: u16) -> &'static str {
    services::name(port).unwrap_or("-")
}

fn seconds(time: Duration) -> String {
    format!("{:.2} s", time.as_secs_f64())
}

fn millis(time: Duration) -> String {
    format!("{:.1} ms", time.as_secs_f64() * 1e3)
}

/// A field of a CSV file (RFC 4180, section 2). A field that a spreadsheet would take for a formula
/// gets an apostrophe: a banner comes from a stranger.
fn quoted(field: &str) -> String {
    let field = match field.as_bytes().first() {
        Some(b'=' | b'+' | b'-' | b'@') => format!("'{field}"),
        _ => field.to_string(),
    };
    if field.contains([',', '"', '\n', '\r']) {
        format!("\"{}\"", field.replace('"', "\"\""))
    } else {
        field
    }
}
