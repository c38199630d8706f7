//! The text of a resume file.

use std::collections::BTreeMap;
use std::io::{self, BufRead, Read, Write};

use anyhow::{Context, anyhow, bail};
use serde_json::{Value, json};

use super::{FoundPorts, Saved, Wanted};
use crate::engine::Position;
use crate::findings::{Counts, Doubt, HostCounts, State};
use crate::limits::{self, Limits};
use crate::ports::Ports;
use crate::targets;

/// The version of the format.
const VERSION: u64 = 3;

/// No line is longer, in bytes: 65,535 ports, and a list of targets.
const LONGEST_LINE: u64 = 256 << 20;

impl Saved {
    /// The file's text.
    pub fn text(&self) -> String {
        let mut found = self.findings.ports.clone();
        found.sort_unstable();
        let mut text = Vec::new();
        let written = self.write(
            &mut text,
            &self.findings.counts,
            &mut found.into_iter().map(Ok),
        );
        written.expect("a Vec takes everything");
        String::from_utf8(text).expect("JSON is text")
    }

    pub(super) fn write(
        &self,
        out: &mut dyn Write,
        counts: &HostCounts,
        found: &mut FoundPorts<'_>,
    ) -> io::Result<()> {
        let header = json!({
            "portscan": VERSION,
            "targets": self.targets,
            "names": self.names,
            "ports": self.ports,
            "seed": self.seed,
            "own": self.local,
            "limits": {
                "tries": self.limits.tries,
                "window": Some(self.limits.window).filter(|window| *window > 0),
                "rate": self.limits.rate,
                "timeout": self.limits.timeout.map(|time| time.as_secs_f64()),
                "least_wait": self.limits.least_wait.map(|time| time.as_secs_f64()),
            },
            "banner": self.wanted.banner,
            "open": self.wanted.open,
            "format": self.wanted.format,
            "out": self.wanted.out,
            "next_own": self.position.local,
            "next_other": self.position.remote,
        });
        writeln!(out, "{header}")?;
        for of_host in self
            .position
            .pending
            .chunk_by(|port, next| port.0 == next.0)
        {
            let ports: Ports = of_host.iter().map(|(_, port)| *port).collect();
            let host = of_host.first().map(|(host, _)| host);
            writeln!(
                out,
                "{}",
                json!({"host": host, "pending": ports.to_string()})
            )?;
        }
        for (host, counts) in counts.iter() {
            let counts = State::ALL.map(|state| counts.of(state));
            writeln!(out, "{}", json!({"host": host, "counts": counts}))?;
        }
        for (host, doubt) in counts.doubts() {
            let (word, numbers) = doubt.parts();
            let line = json!({"host": host, "doubt": word, "numbers": numbers});
            writeln!(out, "{line}")?;
        }
        let mut found = found.peekable();
        while let Some(port) = found.next() {
            let (host, port, state) = port?;
            let mut ports = BTreeMap::from([(state, vec![port])]);
            let same_host = |next: &io::Result<(u32, u16, State)>| {
                next.as_ref().is_ok_and(|next| next.0 == host)
            };
            while let Some(next) = found.next_if(same_host) {
                let (_, port, state) = next?;
                ports.entry(state).or_default().push(port);
            }
            for (state, ports) in ports {
                let ports: Ports = ports.into_iter().collect();
                let line = json!({"host": host, "found": ports.to_string(), "state": state.word()});
                writeln!(out, "{line}")?;
            }
        }
        // A file that was cut off has no such line.
        writeln!(out, "{}", json!({"end": true}))
    }

    /// Reads the file's text.
    ///
    /// # Errors
    ///
    /// Says what is missing or wrong.
    pub fn read(mut source: impl BufRead) -> anyhow::Result<Self> {
        let first = next_line(&mut source)?.unwrap_or_default();
        let header: Value = match serde_json::from_slice(&first) {
            Ok(header) => header,
            Err(_) => return Self::read_old(first, source),
        };
        if header["portscan"] == json!(2) {
            return Self::read_old(first, source);
        }
        if header["portscan"] != json!(VERSION) {
            bail!("it is not of version {VERSION}");
        }
        let mut saved = Self::from_header(&header)?;
        for name in list(&header, "names")? {
            let word = |index: usize| name[index].as_str().map(str::to_string);
            let pair = word(0).zip(word(1));
            saved
                .names
                .push(pair.context("\"names\" holds something that is not a name")?);
        }
        let text = |name: &str| header[name].as_str().map(str::to_string);
        saved.wanted = Wanted {
            banner: header["banner"] == json!(true),
            open: header["open"] == json!(true),
            format: text("format"),
            out: text("out"),
        };
        while let Some(line) = next_line(&mut source)? {
            let line: Value = serde_json::from_slice(&line).context("a line is not valid JSON")?;
            if line["end"] == json!(true) {
                return Ok(saved);
            }
            saved.add(&line)?;
        }
        bail!("its end is missing")
    }

    /// Adds the results of one host.
    fn add(&mut self, line: &Value) -> anyhow::Result<()> {
        let host: u32 = number(&line["host"])?;
        if u64::from(host) >= targets::MAX_HOSTS {
            bail!("it names host {host}, which is past the last there can be");
        }
        if let Some(counts) = line["counts"].as_array() {
            let mut of = Counts::default();
            for (state, count) in State::ALL.into_iter().zip(counts) {
                of.add(state, number(count)?);
            }
            *self.findings.counts.of_mut(host) = of;
            return Ok(());
        }
        if let Some(word) = line["doubt"].as_str() {
            let numbers = list(line, "numbers")?.iter();
            let numbers: Option<Vec<f64>> = numbers.map(Value::as_f64).collect();
            let doubt = numbers.and_then(|numbers| Doubt::from_parts(word, &numbers));
            let doubt = doubt.context("a doubt is unknown")?;
            self.findings.counts.doubt(host, doubt);
            return Ok(());
        }
        let ports = |name: &str| -> anyhow::Result<Ports> {
            let word = line[name].as_str();
            word.with_context(|| format!("{name:?} is missing"))?
                .parse()
        };
        if line["pending"].is_string() {
            let pending = ports("pending")?;
            let pending = pending.as_slice().iter().map(|port| (host, *port));
            self.position.pending.extend(pending);
            return Ok(());
        }
        let state = line["state"].as_str().and_then(state);
        let state = state.context("a state is unknown")?;
        for port in ports("found")?.as_slice() {
            self.findings.ports.push((host, *port, state));
        }
        Ok(())
    }

    /// A file of version 2, which is one object.
    fn read_old(mut text: Vec<u8>, source: impl BufRead) -> anyhow::Result<Self> {
        source.take(LONGEST_LINE).read_to_end(&mut text)?;
        let value: Value = serde_json::from_slice(&text).context("it is not valid JSON")?;
        if value["portscan"] != json!(2) {
            bail!("it is not of version {VERSION}");
        }
        let mut saved = Self::from_header(&value)?;
        for pair in list(&value, "pending")? {
            saved
                .position
                .pending
                .push((number(&pair[0])?, number(&pair[1])?));
        }
        for port in list(&value, "found")? {
            let state = port[2].as_str().and_then(state);
            let state = state.context("a state is unknown")?;
            let port = (number(&port[0])?, number(&port[1])?, state);
            saved.findings.ports.push(port);
        }
        for host in list(&value, "counts")? {
            let counts: Vec<Value> = host
                .as_array()
                .into_iter()
                .flatten()
                .skip(1)
                .cloned()
                .collect();
            saved.add(&json!({"host": host[0], "counts": counts}))?;
        }
        Ok(saved)
    }

    /// What both versions have in their object, without the results.
    fn from_header(value: &Value) -> anyhow::Result<Self> {
        let seed = match &value["seed"] {
            Value::Null => None,
            seed => Some(seed.as_u64().context("\"seed\" is not a number")?),
        };
        Ok(Saved {
            targets: texts(value, "targets")?,
            ports: value["ports"]
                .as_str()
                .context("\"ports\" is missing")?
                .to_string(),
            seed,
            local: texts(value, "own")?,
            limits: Limits {
                tries: limit(value, "tries", limits::tries)?,
                window: limit(value, "window", limits::window)?.unwrap_or(0),
                rate: limit(value, "rate", limits::rate)?,
                timeout: limit(value, "timeout", labnet::seconds)?,
                least_wait: limit(value, "least_wait", labnet::seconds)?,
                ..Limits::default()
            },
            position: Position {
                local: number(&value["next_own"])?,
                remote: number(&value["next_other"])?,
                ..Position::default()
            },
            ..Saved::default()
        })
    }
}

fn next_line(source: &mut impl BufRead) -> anyhow::Result<Option<Vec<u8>>> {
    let mut line = Vec::new();
    let read = source.take(LONGEST_LINE).read_until(b'\n', &mut line)?;
    Ok((read > 0).then_some(line))
}

fn list<'a>(value: &'a Value, name: &str) -> anyhow::Result<&'a Vec<Value>> {
    value[name]
        .as_array()
        .with_context(|| format!("{name:?} is missing"))
}

fn texts(value: &Value, name: &str) -> anyhow::Result<Vec<String>> {
    list(value, name)?
        .iter()
        .map(|word| {
            let word = word.as_str().map(str::to_string);
            word.with_context(|| format!("{name:?} holds something that is not text"))
        })
        .collect()
}

/// A limit passes the same check as on the command line.
fn limit<T>(
    value: &Value,
    name: &str,
    read: impl Fn(&str) -> Result<T, String>,
) -> anyhow::Result<Option<T>> {
    match &value["limits"][name] {
        Value::Null => Ok(None),
        limit => read(&limit.to_string())
            .map(Some)
            .map_err(|what| anyhow!("{name} is {limit}, but {what}")),
    }
}

fn number<T: TryFrom<u64>>(value: &Value) -> anyhow::Result<T> {
    value
        .as_u64()
        .and_then(|number| T::try_from(number).ok())
        .ok_or_else(|| anyhow!("{value} is not a number in range"))
}

fn state(word: &str) -> Option<State> {
    State::ALL.into_iter().find(|state| state.word() == word)
}
