//! A header and one line a port.

use std::io::{self, Write};

use super::{Form, Host, PortsOfHost, Scan};
use crate::services;

/// See the module.
#[derive(Debug)]
pub(super) struct Csv;

impl Form for Csv {
    fn begin(&mut self, out: &mut dyn Write, _: &Scan) -> io::Result<()> {
        writeln!(out, "address,name,port,state,service,banner,uncertain")
    }

    fn host(
        &mut self,
        out: &mut dyn Write,
        host: &Host,
        ports: &mut PortsOfHost<'_>,
    ) -> io::Result<()> {
        let doubts = host.doubts.join("; ");
        for port in ports {
            let port = port?;
            writeln!(
                out,
                "{},{},{},{},{},{},{}",
                quoted(&host.address),
                quoted(host.name.as_deref().unwrap_or("")),
                port.port,
                port.state.word(),
                services::name(port.port).unwrap_or(""),
                quoted(port.said().unwrap_or("")),
                quoted(&doubts)
            )?;
        }
        Ok(())
    }
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
