//! Lines for grep and awk: our own, nmap's (`nmap -oG`), and `host:port`.

use std::io::{self, Write};

use super::{Form, Host, Port, PortsOfHost, Scan, unix_time};
use crate::findings::State;
use crate::services;

/// One line a host: address, name, ports, counts, and what is in doubt, with tabs between.
#[derive(Debug)]
pub(super) struct Grep;

impl Form for Grep {
    fn host(
        &mut self,
        out: &mut dyn Write,
        host: &Host,
        ports: &mut PortsOfHost<'_>,
    ) -> io::Result<()> {
        let name = host.name.as_deref().unwrap_or("-");
        write!(out, "{}\t{name}\t", host.address)?;
        if !host.has_lines() {
            write!(out, "-")?;
        }
        for (number, port) in ports.enumerate() {
            let port = port?;
            let comma = if number == 0 { "" } else { "," };
            write!(
                out,
                "{comma}{}/{}/{}",
                port.port,
                port.state.word(),
                port.service()
            )?;
            if let Some(banner) = port.said() {
                // A comma would begin the next port, and a slash another field.
                let banner = banner.replace(',', "\\x2c").replace('/', "\\x2f");
                write!(out, "/{banner}")?;
            }
        }
        write!(out, "\t")?;
        for state in State::ALL {
            write!(out, "{}={} ", state.word(), host.counts.of(state))?;
        }
        write!(out, "unknown={}", host.unknown)?;
        if !host.doubts.is_empty() {
            write!(out, "\tuncertain: {}", host.doubts.join("; "))?;
        }
        writeln!(out)
    }
}

/// nmap's grepable form: its chapter "Grepable Output (-oG)" describes the fields.
#[derive(Debug)]
pub(super) struct NmapGrep;

impl Form for NmapGrep {
    fn begin(&mut self, out: &mut dyn Write, scan: &Scan) -> io::Result<()> {
        writeln!(
            out,
            "# portscan {} scan initiated at {} (Unix time) as: {}",
            env!("CARGO_PKG_VERSION"),
            unix_time(scan.began),
            scan.command
        )?;
        for doubt in scan.uncertainties() {
            writeln!(out, "# uncertain: {doubt}")?;
        }
        Ok(())
    }

    fn host(
        &mut self,
        out: &mut dyn Write,
        host: &Host,
        ports: &mut PortsOfHost<'_>,
    ) -> io::Result<()> {
        let who = format!("{} ({})", host.address, host.name.as_deref().unwrap_or(""));
        let status = match host.counts.open + host.counts.closed {
            0 => "Unknown",
            _ => "Up",
        };
        writeln!(out, "Host: {who}\tStatus: {status}")?;
        for doubt in &host.doubts {
            writeln!(out, "# uncertain: {}: {doubt}", host.address)?;
        }
        if !host.has_lines() && host.rest.all() == 0 {
            return Ok(());
        }
        write!(out, "Host: {who}")?;
        for (number, port) in ports.enumerate() {
            let port = port?;
            let before = if number == 0 { "\tPorts: " } else { ", " };
            let service = services::name(port.port).unwrap_or("");
            // nmap itself writes a slash in a version as a bar. The comma separates ports.
            let banner = port.said().unwrap_or("");
            let banner = banner.replace('/', "|").replace(',', ";");
            let state = nmap_state(port.state);
            write!(
                out,
                "{before}{}/{state}/tcp//{service}//{banner}/",
                port.port
            )?;
        }
        for (number, state) in [State::Closed, State::Filtered].into_iter().enumerate() {
            let count = match state {
                State::Closed => host.rest.closed,
                _ => host.rest.filtered + host.rest.unreachable,
            };
            if count > 0 {
                // nmap has this field once, for the state that most ports have.
                let one = number == 0 || host.rest.closed == 0;
                let field = if one { "\tIgnored State: " } else { ", " };
                write!(out, "{field}{} ({count})", state.word())?;
            }
        }
        writeln!(out)
    }

    fn end(&mut self, out: &mut dyn Write, scan: &Scan) -> io::Result<()> {
        let addresses = if scan.hosts == 1 {
            "address"
        } else {
            "addresses"
        };
        let hosts = if scan.up == 1 { "host" } else { "hosts" };
        let how = if scan.stopped { "stopped" } else { "done" };
        writeln!(
            out,
            "# portscan {how} at {} (Unix time) -- {} IP {addresses} ({} {hosts} up) scanned in \
             {:.2} seconds",
            unix_time(scan.began + scan.time),
            scan.hosts,
            scan.up,
            scan.time.as_secs_f64()
        )
    }
}

/// nmap has no state for a port that the network calls unreachable: it calls it filtered.
pub(super) fn nmap_state(state: State) -> &'static str {
    match state {
        State::Unreachable => State::Filtered.word(),
        state => state.word(),
    }
}

/// `host:port` of each open port.
#[derive(Debug)]
pub(super) struct List;

impl Form for List {
    fn port(&mut self, out: &mut dyn Write, address: &str, port: &Port) -> io::Result<()> {
        match port.state {
            // RFC 3986, section 3.2.2, has an IPv6 address in brackets.
            State::Open if address.contains(':') => writeln!(out, "[{address}]:{}", port.port),
            State::Open => writeln!(out, "{address}:{}", port.port),
            _ => Ok(()),
        }
    }

    fn host(
        &mut self,
        out: &mut dyn Write,
        host: &Host,
        ports: &mut PortsOfHost<'_>,
    ) -> io::Result<()> {
        for port in ports {
            self.port(out, &host.address, &port?)?;
        }
        Ok(())
    }
}
