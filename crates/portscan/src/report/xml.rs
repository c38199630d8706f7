//! nmap's XML, as `nmap.dtd` describes it, for the many programs that import it.

use std::io::{self, Write};

use quick_xml::Writer;
use quick_xml::events::{BytesEnd, BytesStart, Event};

use super::grep::nmap_state;
use super::{Form, Host, PortsOfHost, Scan, unix_time};
use crate::findings::State;
use crate::services;

/// See the module.
#[derive(Debug)]
pub(super) struct Xml;

/// The version of the format, as nmap 7 writes it.
const FORMAT: &str = "1.05";

impl Form for Xml {
    fn begin(&mut self, out: &mut dyn Write, scan: &Scan) -> io::Result<()> {
        write!(
            out,
            "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<!DOCTYPE nmaprun>\n"
        )?;
        // The DTD knows no scanner but nmap: the version says whose report it is.
        let version = format!("portscan {}", env!("CARGO_PKG_VERSION"));
        let started = unix_time(scan.began).to_string();
        start(
            out,
            "nmaprun",
            &[
                ("scanner", "nmap"),
                ("args", &scan.command),
                ("start", &started),
                ("version", &version),
                ("xmloutputversion", FORMAT),
            ],
        )?;
        element(
            out,
            "scaninfo",
            &[
                ("type", "connect"),
                ("protocol", "tcp"),
                ("numservices", &scan.ports.1.to_string()),
                ("services", &scan.ports.0),
            ],
        )?;
        element(out, "verbose", &[("level", "0")])?;
        element(out, "debugging", &[("level", "0")])?;
        scripts(out, "prescript", &scan.uncertainties())
    }

    fn host(
        &mut self,
        out: &mut dyn Write,
        host: &Host,
        ports: &mut PortsOfHost<'_>,
    ) -> io::Result<()> {
        start(out, "host", &[])?;
        let (state, reason) = match (host.counts.open, host.counts.closed) {
            (0, 0) => ("unknown", "no-response"),
            (0, _) => ("up", "conn-refused"),
            _ => ("up", "syn-ack"),
        };
        let status = [("state", state), ("reason", reason), ("reason_ttl", "0")];
        element(out, "status", &status)?;
        let family = if host.is_v6() { "ipv6" } else { "ipv4" };
        element(
            out,
            "address",
            &[("addr", &host.address), ("addrtype", family)],
        )?;
        if let Some(name) = &host.name {
            start(out, "hostnames", &[])?;
            element(out, "hostname", &[("name", name), ("type", "user")])?;
            end(out, "hostnames")?;
        }
        start(out, "ports", &[])?;
        for state in State::ALL {
            let count = host.rest.of(state);
            if count > 0 {
                let count = count.to_string();
                let of = [("state", nmap_state(state)), ("count", &count)];
                start(out, "extraports", &of)?;
                let reasons = [("reason", nmap_reason(state)), ("count", &count)];
                element(out, "extrareasons", &reasons)?;
                end(out, "extraports")?;
            }
        }
        for port in ports {
            let port = port?;
            let number = port.port.to_string();
            start(out, "port", &[("protocol", "tcp"), ("portid", &number)])?;
            element(
                out,
                "state",
                &[
                    ("state", nmap_state(port.state)),
                    ("reason", nmap_reason(port.state)),
                    ("reason_ttl", "0"),
                ],
            )?;
            if let Some(name) = services::name(port.port) {
                element(
                    out,
                    "service",
                    &[("name", name), ("method", "table"), ("conf", "3")],
                )?;
            }
            if let Some(banner) = port.said() {
                element(out, "script", &[("id", "banner"), ("output", banner)])?;
            }
            if let Some(why) = port.failed() {
                element(out, "script", &[("id", "banner-error"), ("output", why)])?;
            }
            end(out, "port")?;
        }
        end(out, "ports")?;
        scripts(out, "hostscript", &host.doubts)?;
        end(out, "host")
    }

    fn end(&mut self, out: &mut dyn Write, scan: &Scan) -> io::Result<()> {
        start(out, "runstats", &[])?;
        let (exit, why) = match scan.stopped {
            false => ("success", ""),
            true => ("error", "the scan was stopped"),
        };
        let time = unix_time(scan.began + scan.time).to_string();
        let (elapsed, summary) = (format!("{:.2}", scan.time.as_secs_f64()), scan.summary());
        let mut finished = vec![
            ("time", time.as_str()),
            ("elapsed", &elapsed),
            ("summary", &summary),
            ("exit", exit),
        ];
        if scan.stopped {
            finished.push(("errormsg", why));
        }
        element(out, "finished", &finished)?;
        let number = |count: u64| count.to_string();
        element(
            out,
            "hosts",
            &[
                ("up", &number(scan.up)),
                ("down", &number(scan.hosts - scan.up)),
                ("total", &number(scan.hosts)),
            ],
        )?;
        end(out, "runstats")?;
        end(out, "nmaprun")
    }
}

/// What is in doubt, as the output of a script: the DTD has no other place for it.
fn scripts(out: &mut dyn Write, inside: &str, doubts: &[String]) -> io::Result<()> {
    if doubts.is_empty() {
        return Ok(());
    }
    start(out, inside, &[])?;
    for doubt in doubts {
        element(out, "script", &[("id", "uncertain"), ("output", doubt)])?;
    }
    end(out, inside)
}

fn nmap_reason(state: State) -> &'static str {
    match state {
        State::Open => "syn-ack",
        State::Closed => "conn-refused",
        State::Filtered => "no-response",
        State::Unreachable => "host-unreach",
    }
}

fn element(out: &mut dyn Write, name: &str, attributes: &[(&str, &str)]) -> io::Result<()> {
    write(out, Event::Empty(tag(name, attributes)))
}

fn start(out: &mut dyn Write, name: &str, attributes: &[(&str, &str)]) -> io::Result<()> {
    write(out, Event::Start(tag(name, attributes)))
}

fn end(out: &mut dyn Write, name: &str) -> io::Result<()> {
    write(out, Event::End(BytesEnd::new(name)))
}

fn tag<'a>(name: &'a str, attributes: &[(&str, &str)]) -> BytesStart<'a> {
    // XML has no control characters, not even escaped: a name may have one.
    let plain = |value: &str| value.replace(|letter: char| letter.is_control(), "?");
    let mut tag = BytesStart::new(name);
    for (key, value) in attributes {
        tag.push_attribute((*key, plain(value).as_str()));
    }
    tag
}

/// Each element begins a line.
fn write(out: &mut dyn Write, event: Event<'_>) -> io::Result<()> {
    Writer::new(&mut *out).write_event(event)?;
    writeln!(out)
}
