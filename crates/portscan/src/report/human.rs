//! For a person: each host with its open ports, and a line about the whole scan.

use std::fmt::Write as _;
use std::io::{self, Write};
use std::time::Duration;

use super::{Form, Host, PortsOfHost, Scan, Totals};
use crate::banner::Banner;
use crate::findings::State;

/// See the module.
#[derive(Debug)]
pub(super) struct Human {
    color: bool,
    alone: bool,
    /// The hosts without their own line.
    quiet: Totals,
    quiet_hosts: u64,
}

impl Human {
    pub(super) fn new(color: bool) -> Self {
        Human {
            color,
            alone: false,
            quiet: Totals::default(),
            quiet_hosts: 0,
        }
    }
}

impl Form for Human {
    /// A scan with doubts says them first.
    fn begin(&mut self, out: &mut dyn Write, scan: &Scan) -> io::Result<()> {
        self.alone = scan.hosts == 1;
        for doubt in scan.uncertainties() {
            writeln!(out, "uncertain: {doubt}")?;
        }
        Ok(())
    }

    fn host(
        &mut self,
        out: &mut dyn Write,
        host: &Host,
        ports: &mut PortsOfHost<'_>,
    ) -> io::Result<()> {
        if !host.has_lines() && !self.alone {
            self.quiet_hosts += 1;
            self.quiet.add(host.counts);
            return Ok(());
        }
        let (bold, green, plain) = match self.color {
            true => ("\x1b[1m", "\x1b[32m", "\x1b[0m"),
            false => ("", "", ""),
        };
        match &host.name {
            Some(name) => writeln!(out, "{bold}{name} ({}){plain}", host.address)?,
            None => writeln!(out, "{bold}{}{plain}", host.address)?,
        }
        if !self.alone {
            for doubt in &host.doubts {
                writeln!(out, "  uncertain: {doubt}")?;
            }
        }
        for port in ports {
            let port = port?;
            let (on, off) = match port.state {
                State::Open => (green, plain),
                _ => ("", ""),
            };
            let line = format!(
                "  {:>5}  {on}{:<11}{off} {:<16} {}",
                port.port,
                port.state.word(),
                port.service(),
                match &port.banner {
                    Some(Banner::Said(words)) => format!("\"{words}\""),
                    Some(Banner::Failed(why)) => format!("no banner: {why}"),
                    None => String::new(),
                }
            );
            writeln!(out, "{}", line.trim_end())?;
        }
        if host.rest.all() > 0 {
            let others = if host.has_lines() { "others: " } else { "" };
            writeln!(out, "  {others}{}", words(host.rest.into()))?;
        }
        if host.unknown > 0 {
            writeln!(out, "  not scanned: {}", host.unknown)?;
        }
        Ok(())
    }

    fn end(&mut self, out: &mut dyn Write, scan: &Scan) -> io::Result<()> {
        if self.quiet_hosts > 0 {
            let known = words(self.quiet);
            writeln!(
                out,
                "{} hosts without an open port: {known}",
                self.quiet_hosts
            )?;
        }
        writeln!(out, "{}", scan.summary())
    }
}

impl Scan {
    /// One line about the whole scan.
    pub fn summary(&self) -> String {
        let mut line = format!(
            "{} ports of {} in {:.2} s: {}",
            self.counts.all(),
            match self.hosts {
                1 => "1 host".to_string(),
                hosts => format!("{hosts} hosts"),
            },
            self.time.as_secs_f64(),
            words(self.counts)
        );
        // Writing to a String cannot fail.
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
}

/// `3 open, 65532 closed`, without the states that no port has.
fn words(counts: Totals) -> String {
    let words: Vec<String> = counts
        .each()
        .filter(|(_, count)| *count > 0)
        .map(|(state, count)| format!("{count} {}", state.word()))
        .collect();
    match words[..] {
        [] => "nothing known".to_string(),
        _ => words.join(", "),
    }
}

fn millis(time: Duration) -> String {
    format!("{:.1} ms", time.as_secs_f64() * 1e3)
}
