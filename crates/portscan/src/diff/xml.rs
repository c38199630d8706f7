//! Reports in nmap's XML: ours, and those of nmap itself.

use anyhow::{Context, anyhow, bail};
use quick_xml::events::{BytesStart, Event};
use quick_xml::{Reader, XmlVersion};

use super::{Host, Port, Report};
use crate::ports::Ports;

/// The element of a host while it is read.
#[derive(Debug, Default)]
struct Reading {
    address: Option<String>,
    host: Host,
    /// The ports that it accounts for, one by one or by their number.
    counted: u64,
    /// The number of the port that is being read.
    port: Option<u16>,
}

/// Reads a report in nmap's XML.
pub(super) fn read(text: &str) -> anyhow::Result<Report> {
    let mut report = Report::default();
    let mut reading = Reading::default();
    let mut reader = Reader::from_str(text);
    let mut ended = false;
    loop {
        match reader.read_event().context("it is not valid XML")? {
            Event::Start(tag) | Event::Empty(tag) => match tag.name().as_ref() {
                b"scaninfo" if attribute(&tag, "protocol")?.as_deref() == Some("tcp") => {
                    let services = attribute(&tag, "services")?;
                    let ports: Ports = services
                        .context("it does not say which ports were scanned")?
                        .parse()?;
                    report.scanned = report.scanned.with(&ports);
                }
                b"host" => reading = Reading::default(),
                b"finished" => ended = true,
                _ => reading.take(&tag)?,
            },
            Event::End(tag) if tag.name().as_ref() == b"host" => {
                let mut read = std::mem::take(&mut reading);
                read.host.whole = read.counted >= report.scanned.len() as u64;
                let address = read.address.context("a host has no address")?;
                report.hosts.insert(address, read.host);
            }
            Event::Eof if ended => return Ok(report),
            Event::Eof => bail!("its end is missing"),
            _ => {}
        }
    }
}

impl Reading {
    /// Takes an element inside the host.
    fn take(&mut self, tag: &BytesStart<'_>) -> anyhow::Result<()> {
        match tag.name().as_ref() {
            b"address" if self.address.is_none() => {
                let is_ip = attribute(tag, "addrtype")?.is_none_or(|kind| kind.starts_with("ip"));
                self.address = attribute(tag, "addr")?.filter(|_| is_ip);
            }
            b"extraports" => {
                let count = attribute(tag, "count")?.and_then(|count| count.parse::<u32>().ok());
                self.counted += u64::from(count.context("\"extraports\" has no count")?);
            }
            b"port" => {
                let is_tcp = attribute(tag, "protocol")?.as_deref() == Some("tcp");
                let number = attribute(tag, "portid")?.and_then(|port| port.parse().ok());
                let number: u16 = number.context("a port has no number")?;
                self.port = Some(number).filter(|_| is_tcp);
            }
            b"state" => {
                if let Some(port) = self.port {
                    let state = attribute(tag, "state")?.context("a port has no state")?;
                    let banner = None;
                    self.host.ports.insert(port, Port { state, banner });
                    self.counted += 1;
                }
            }
            b"script" if attribute(tag, "id")?.as_deref() == Some("banner") => {
                let port = self.port.and_then(|port| self.host.ports.get_mut(&port));
                if let Some(port) = port {
                    port.banner = attribute(tag, "output")?;
                }
            }
            _ => {}
        }
        Ok(())
    }
}

/// The value of an attribute. Entities that a DTD declares are not resolved: they are an error.
fn attribute(tag: &BytesStart<'_>, name: &str) -> anyhow::Result<Option<String>> {
    let found = tag.try_get_attribute(name).context("it is not valid XML")?;
    found
        .map(|found| {
            let value = found.normalized_value(XmlVersion::Implicit1_0);
            let value = value.map_err(|error| anyhow!("{name:?} cannot be read: {error}"))?;
            Ok(super::plain(&value))
        })
        .transpose()
}
