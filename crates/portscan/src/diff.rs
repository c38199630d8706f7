//! What differs between two reports: of `--format json`, `jsonl` or `xml`, or of nmap (`nmap -oX`).
//!
//! | module | holds |
//! |---|---|
//! | [`xml`] | how nmap's XML is read |

use std::collections::BTreeMap;
use std::fmt;

use anyhow::{Context, bail};
use serde_json::Value;

use crate::ports::Ports;

mod xml;

/// What a report says about its hosts.
#[derive(Debug, Default)]
pub struct Report {
    /// The ports of each host that were scanned.
    scanned: Ports,
    hosts: BTreeMap<String, Host>,
}

#[derive(Debug, Default)]
struct Host {
    /// Whether all its ports are known.
    whole: bool,
    ports: BTreeMap<u16, Port>,
}

#[derive(Debug)]
struct Port {
    state: String,
    banner: Option<String>,
}

/// One difference.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Change {
    /// A port is in another state. `None` is "not open": a large scan only counts closed and
    /// filtered ports.
    State {
        /// The host's address.
        address: String,
        /// The port.
        port: u16,
        /// What it was.
        before: Option<String>,
        /// What it is.
        after: Option<String>,
    },
    /// A service says something else.
    Banner {
        /// The host's address.
        address: String,
        /// The port.
        port: u16,
        /// What it said.
        before: String,
        /// What it says.
        after: String,
    },
    /// A host is in one report only.
    Host {
        /// Its address.
        address: String,
        /// Whether it is in the second one.
        new: bool,
    },
}

impl fmt::Display for Change {
    /// A line for a person and for grep: `+` where a port has opened, `-` where one has closed.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let word = |state: &Option<String>| state.clone().unwrap_or("not open".to_string());
        match self {
            Change::State {
                address,
                port,
                before,
                after,
            } => {
                let sign = match (before.as_deref(), after.as_deref()) {
                    (_, Some("open")) => '+',
                    (Some("open"), _) => '-',
                    _ => '~',
                };
                let (before, after) = (word(before), word(after));
                write!(
                    f,
                    "{sign} {address} port {port}: {before} before, {after} now"
                )
            }
            Change::Banner {
                address,
                port,
                before,
                after,
            } => {
                write!(
                    f,
                    "~ {address} port {port}: said \"{before}\" before, \"{after}\" now"
                )
            }
            Change::Host { address, new: true } => {
                write!(f, "? {address} is only in the second report")
            }
            Change::Host {
                address,
                new: false,
            } => write!(f, "? {address} is only in the first report"),
        }
    }
}

impl Report {
    /// Reads a report: one JSON document, JSON lines, or nmap's XML.
    ///
    /// # Errors
    ///
    /// Says what is wrong with it.
    pub fn read(text: &str) -> anyhow::Result<Self> {
        if text.trim_start().starts_with('<') {
            return xml::read(text);
        }
        let mut report = Report::default();
        if let Ok(whole) = serde_json::from_str::<Value>(text)
            && let Some(hosts) = whole["hosts"].as_array()
        {
            for host in hosts {
                let address = report.add_host(host)?;
                for port in host["ports"].as_array().context("a host has no ports")? {
                    report.add_port(&address, port)?;
                }
            }
            report.add_scan(&whole["scan"])?;
            return Ok(report);
        }
        let mut ended = false;
        for line in text.lines() {
            let line: Value = serde_json::from_str(line).context("it is not valid JSON")?;
            match line["type"].as_str() {
                Some("port") => report.add_port(&address_of(&line)?, &line)?,
                Some("host") => drop(report.add_host(&line)?),
                Some("scan") => {
                    report.add_scan(&line)?;
                    ended = true;
                }
                _ => bail!("a line is neither a port, nor a host, nor the scan"),
            }
        }
        if !ended {
            bail!("its end is missing");
        }
        Ok(report)
    }

    fn add_host(&mut self, host: &Value) -> anyhow::Result<String> {
        let address = address_of(host)?;
        let entry = self.hosts.entry(address.clone()).or_default();
        entry.whole = host["unknown"] == 0;
        Ok(address)
    }

    fn add_port(&mut self, address: &str, port: &Value) -> anyhow::Result<()> {
        let number = port["port"]
            .as_u64()
            .and_then(|port| u16::try_from(port).ok());
        let entry = Port {
            state: plain(port["state"].as_str().context("a port has no state")?),
            banner: port["banner"].as_str().map(plain),
        };
        let host = self.hosts.entry(address.to_string()).or_default();
        host.ports
            .insert(number.context("a port has no number")?, entry);
        Ok(())
    }

    fn add_scan(&mut self, scan: &Value) -> anyhow::Result<()> {
        let ports = scan["ports"].as_str();
        self.scanned = ports
            .context("it does not say which ports were scanned")?
            .parse()?;
        Ok(())
    }

    /// What is known about a port: `Some(None)` is "not open".
    fn state(&self, address: &str, port: u16) -> Option<Option<String>> {
        let host = self.hosts.get(address)?;
        if let Some(port) = host.ports.get(&port) {
            return Some(Some(port.state.clone()));
        }
        let scanned = self.scanned.as_slice().binary_search(&port).is_ok();
        (host.whole && scanned).then_some(None)
    }

    /// What has changed from this report to a later one. Ports that one of them does not know are
    /// left out.
    ///
    /// ```
    /// use portscan::diff::Report;
    ///
    /// let report = |ports: &str| {
    ///     Report::read(&format!(
    ///         r#"{{"hosts": [{{"address": "10.0.0.1", "unknown": 0, "ports": [{ports}]}}],
    ///             "scan": {{"ports": "1-1024"}}}}"#
    ///     ))
    /// };
    /// let before = report("")?;
    /// let after = report(r#"{"port": 22, "state": "open"}"#)?;
    /// let lines: Vec<String> = before.changes(&after).iter().map(ToString::to_string).collect();
    /// assert_eq!(lines, ["+ 10.0.0.1 port 22: not open before, open now"]);
    /// # Ok::<(), anyhow::Error>(())
    /// ```
    pub fn changes(&self, later: &Report) -> Vec<Change> {
        let mut changes = Vec::new();
        let addresses = self.hosts.keys().chain(later.hosts.keys());
        let addresses: std::collections::BTreeSet<&String> = addresses.collect();
        for address in addresses {
            let (Some(before), Some(after)) = (self.hosts.get(address), later.hosts.get(address))
            else {
                changes.push(Change::Host {
                    address: address.clone(),
                    new: later.hosts.contains_key(address),
                });
                continue;
            };
            let ports = before.ports.keys().chain(after.ports.keys()).copied();
            let ports: std::collections::BTreeSet<u16> = ports.collect();
            for port in ports {
                changes.extend(self.change(later, address, port));
            }
        }
        changes
    }

    fn change(&self, later: &Report, address: &str, port: u16) -> Option<Change> {
        let (before, after) = (self.state(address, port)?, later.state(address, port)?);
        let is_open = |state: &Option<String>| state.as_deref() == Some("open");
        // "Closed" and "not open" may be the same.
        let same = match (&before, &after) {
            (Some(before), Some(after)) => before == after,
            _ => is_open(&before) == is_open(&after),
        };
        let address = address.to_string();
        if !same {
            return Some(Change::State {
                address,
                port,
                before,
                after,
            });
        }
        let said = |report: &Report| report.hosts.get(&address)?.ports.get(&port)?.banner.clone();
        let (before, after) = (said(self)?, said(later)?);
        (before != after).then_some(Change::Banner {
            address,
            port,
            before,
            after,
        })
    }
}

fn address_of(entry: &Value) -> anyhow::Result<String> {
    let address = entry["address"].as_str();
    Ok(plain(address.context("a host has no address")?))
}

/// A report may come from anywhere: nothing in it shall command the terminal.
fn plain(text: &str) -> String {
    text.replace(|letter: char| letter.is_control(), "?")
}

#[cfg(test)]
mod tests {
    use super::*;

    const NMAP: &str = r#"<?xml version="1.0" encoding="UTF-8"?>
<!DOCTYPE nmaprun>
<?xml-stylesheet href="file:///usr/share/nmap/nmap.xsl" type="text/xsl"?>
<nmaprun scanner="nmap" args="nmap -oX - 10.0.0.1"><scaninfo type="connect" protocol="tcp" numservices="4" services="21-24"/>
<host><status state="up" reason="syn-ack"/><address addr="10.0.0.1" addrtype="ipv4"/><address addr="02:00:00:00:00:01" addrtype="mac"/>
<ports><extraports state="closed" count="3"><extrareasons reason="reset" count="3"/></extraports>
<port protocol="tcp" portid="22"><state state="open" reason="syn-ack"/><script id="banner" output="SSH &quot;2&quot;"/></port>
<port protocol="udp" portid="23"><state state="open" reason="x"/></port></ports></host>
<runstats><finished exit="success"/></runstats></nmaprun>"#;

    fn lines(before: &str, after: &str) -> Vec<String> {
        let (before, after) = (Report::read(before).unwrap(), Report::read(after).unwrap());
        before
            .changes(&after)
            .iter()
            .map(ToString::to_string)
            .collect()
    }

    #[test]
    fn a_report_of_nmap_is_compared_with_one_of_ours() {
        let ours = r#"{"hosts": [{"address": "10.0.0.1", "unknown": 0, "ports": [
            {"port": 24, "state": "open"}, {"port": 22, "state": "open", "banner": "SSH \"3\""}]}],
            "scan": {"ports": "22-25"}}"#;
        assert_eq!(
            lines(NMAP, ours),
            [
                r#"~ 10.0.0.1 port 22: said "SSH "2"" before, "SSH "3"" now"#,
                "+ 10.0.0.1 port 24: not open before, open now"
            ]
        );
        assert_eq!(lines(NMAP, NMAP), Vec::<String>::new());
        // One closed port fewer: not all ports are known, so 24 may have been open before.
        let stopped = NMAP.replace("count=\"3\"", "count=\"2\"");
        assert_eq!(lines(&stopped, ours).len(), 1);
    }

    #[test]
    fn a_hostile_report_does_not_reach_the_terminal_and_ends_in_an_error() {
        let bell = NMAP.replace("SSH", "\u{7}SSH");
        assert_eq!(
            lines(NMAP, &bell),
            [r#"~ 10.0.0.1 port 22: said "SSH "2"" before, "?SSH "2"" now"#]
        );
        let refused = |text: &str, why: &str| {
            let told = format!("{:#}", Report::read(text).unwrap_err());
            assert!(told.contains(why), "{told}");
        };
        refused(
            NMAP.split_once("<runstats").unwrap().0,
            "its end is missing",
        );
        refused(&NMAP.replace("</ports>", "</port>"), "not valid XML");
        refused(&NMAP.replace("&quot;", "&lol;"), "cannot be read");
        refused(
            &NMAP.replace("portid=\"22\"", "portid=\"70000\""),
            "a port has no number",
        );
        refused("<nmaprun/>", "its end is missing");
    }
}
