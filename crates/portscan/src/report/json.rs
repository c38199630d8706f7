//! One JSON document, and JSON lines. `schema/` describes both.

use std::io::{self, Write};

use serde_json::{Value, json};

use super::{Form, Host, Port, PortsOfHost, Scan, Totals, unix_time};
use crate::services;

/// One document: a line for each host in it.
#[derive(Debug, Default)]
pub(super) struct Json {
    hosts: u64,
}

impl Form for Json {
    fn begin(&mut self, out: &mut dyn Write, scan: &Scan) -> io::Result<()> {
        // A reader that reads no further than this knows what to doubt.
        write!(
            out,
            "{{\"uncertain\":{},\n\"hosts\":[",
            json!(scan.uncertainties())
        )
    }

    fn host(
        &mut self,
        out: &mut dyn Write,
        host: &Host,
        ports: &mut PortsOfHost<'_>,
    ) -> io::Result<()> {
        let comma = if self.hosts == 0 { "" } else { "," };
        self.hosts += 1;
        let host = host_value(host).to_string();
        write!(
            out,
            "{comma}\n{},\"ports\":[",
            host.strip_suffix('}').unwrap_or(&host)
        )?;
        for (number, port) in ports.enumerate() {
            let comma = if number == 0 { "" } else { "," };
            write!(out, "{comma}\n  {}", port_value(&port?))?;
        }
        write!(out, "]}}")
    }

    fn end(&mut self, out: &mut dyn Write, scan: &Scan) -> io::Result<()> {
        writeln!(out, "],\n\"scan\":{}}}", scan_value(scan))
    }
}

/// One object a line: ports, then hosts, and the scan at the end.
#[derive(Debug)]
pub(super) struct Lines;

impl Form for Lines {
    fn port(&mut self, out: &mut dyn Write, address: &str, port: &Port) -> io::Result<()> {
        let mut line = port_value(port);
        line["type"] = json!("port");
        line["address"] = json!(address);
        writeln!(out, "{line}")
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
        let mut line = host_value(host);
        line["type"] = json!("host");
        writeln!(out, "{line}")
    }

    fn end(&mut self, out: &mut dyn Write, scan: &Scan) -> io::Result<()> {
        let mut line = scan_value(scan);
        line["type"] = json!("scan");
        writeln!(out, "{line}")
    }
}

fn port_value(port: &Port) -> Value {
    json!({
        "port": port.port,
        "state": port.state.word(),
        "service": services::name(port.port),
        "banner": port.said(),
        "banner_error": port.failed(),
    })
}

fn host_value(host: &Host) -> Value {
    json!({
        "address": host.address,
        "name": host.name,
        "counts": counts_value(host.counts.into()),
        "unknown": host.unknown,
        "uncertain": host.doubts,
    })
}

fn counts_value(counts: Totals) -> Value {
    counts
        .each()
        .map(|(state, count)| (state.word().to_string(), json!(count)))
        .collect::<serde_json::Map<_, _>>()
        .into()
}

fn scan_value(scan: &Scan) -> Value {
    json!({
        "ports": scan.ports.0,
        "hosts": scan.hosts,
        "began": unix_time(scan.began),
        "seconds": scan.time.as_secs_f64(),
        "counts": counts_value(scan.counts),
        "unknown": scan.unknown,
        "round_trip_least_ms": scan.round_trip.map(|(least, _)| least.as_secs_f64() * 1e3),
        "round_trip_ms": scan.round_trip.map(|(_, smoothed)| smoothed.as_secs_f64() * 1e3),
        "loss": scan.losses.share(),
        "retries_answered": scan.losses.retried,
        "control_probes": scan.losses.controls + scan.losses.controls_lost,
        "control_probes_lost": scan.losses.controls_lost,
        "answers_per_second": scan.limited_to,
        "slowed_to_per_second": scan.slowed_to,
        "tries": scan.tries,
        "seed": scan.seed,
        "stopped": scan.stopped,
        "uncertain": scan.uncertainties(),
    })
}
