//! Server, network and client in three columns.
//!
//! A call that took time while something else happened has two lines: `accept … waits`, and `accept
//! = :51234` at its end.
//!
//! One file, since it is one picture: what each kind of entry says in it.

use std::collections::HashMap;
use std::fmt::Write;
use std::net::SocketAddr;

use crate::model::{Call, Data, Event, Exit, Journal, Outcome, Segment, Side, Stream, Transport};

use crate::layout::{Arrow, Column, NARROWEST, Printer, Row, Style, Widths, lay_out, wrapped};

/// So many bytes are quoted at most; the width may allow fewer.
const QUOTED: usize = 48;
/// A call is drawn as a wait if it took longer than this, in microseconds, or if something else
/// happened meanwhile.
const SHORT: u64 = 1_000;

/// The run as text, each line at most as wide as the style says.
#[must_use]
pub fn draw(journal: &Journal, style: Style) -> String {
    let width = style.width.max(NARROWEST);
    let widths = Widths::of(width);
    let (above, below) = journal.notes_around();
    let mut out = notes(above, width);
    out.push_str(&lay_out(rows(journal, &widths), style));
    if journal.left_out > 0 {
        let _ = writeln!(
            out,
            "{} later events are not in the journal: it was full.",
            journal.left_out
        );
    }
    out.push_str(&notes(below, width));
    out
}

fn notes(notes: &[String], width: usize) -> String {
    let mut out = String::new();
    for note in notes {
        for part in wrapped(&format!("Note: {note}"), width) {
            out.push_str(&part);
            out.push('\n');
        }
    }
    out
}

/// What a segment is, in a sentence: the call that it comes from, or why there is none.
#[must_use]
pub fn origin(journal: &Journal, segment: &Segment) -> String {
    let call = segment.call.and_then(|place| journal.call(place));
    let Some(call) = call else {
        let why = if segment.unreachable {
            "the system found nobody to give a datagram to"
        } else if segment.syn {
            "a listening socket's system answers by itself"
        } else if segment.rst {
            "the system resets the connection by itself"
        } else if segment.length == 0 && !segment.fin {
            "the system acknowledges by itself"
        } else {
            "the call was not seen"
        };
        return why.to_string();
    };
    let side = journal.side(call.process).unwrap_or(Side::Server).name();
    let result = result_of(journal, call, QUOTED);
    let again = if segment.again { ", again" } else { "" };
    format!("{side}: {}{result}{again}", begin_of(call))
}

/// What happened, in the order of time.
pub(crate) fn rows(journal: &Journal, widths: &Widths) -> Vec<Row> {
    // When something happened, so that a wait is known from a quick call.
    let mut times: Vec<u64> = Vec::new();
    let mut painter = Painter::default();
    for entry in &journal.entries {
        times.push(entry.at);
        if let Event::Call(call) = &entry.event {
            times.extend(call.ended);
            painter.learn(journal, call);
        }
    }
    times.sort_unstable();
    let mut rows: Vec<Row> = (0..journal.entries.len())
        .flat_map(|place| painter.rows(journal, place, &times, widths))
        .collect();
    rows.sort_by_key(|row: &Row| row.at);
    rows
}

/// Draws a run while it goes on, for a journal that a relay writes.
#[derive(Debug)]
pub struct Live {
    painter: Painter,
    printer: Printer,
}

impl Live {
    /// Nothing is drawn yet.
    #[must_use]
    pub fn new(style: Style) -> Self {
        Live {
            painter: Painter::default(),
            printer: Printer::new(style),
        }
    }

    /// The names of the columns.
    #[must_use]
    pub fn head(&self) -> String {
        self.printer.head()
    }

    /// The lines of the entry at this place. Each entry is drawn once, in their order.
    pub fn lines(&mut self, journal: &Journal, place: usize) -> String {
        if let Some(call) = journal.call(place) {
            self.painter.learn(journal, call);
        }
        let rows = self
            .painter
            .rows(journal, place, &[], self.printer.widths());
        rows.iter().map(|row| self.printer.row(row)).collect()
    }
}

/// What has to be known of a run to draw its entries.
#[derive(Debug, Default)]
struct Painter {
    owners: Owners,
    actors: Actors,
}

impl Painter {
    /// Who made a call, and on which socket.
    fn learn(&mut self, journal: &Journal, call: &Call) {
        self.owners.learn(journal, call);
        self.actors.learn(journal, call);
    }

    /// The rows of the entry at this place. `times` is when something happened.
    fn rows(
        &mut self,
        journal: &Journal,
        place: usize,
        times: &[u64],
        widths: &Widths,
    ) -> Vec<Row> {
        let mut rows = Vec::new();
        let entry = &journal.entries[place];
        let Painter { owners, actors } = self;
        match &entry.event {
            Event::Call(call) => of_call(
                &mut rows,
                actors,
                journal,
                times,
                (place, entry.at),
                call,
                widths,
            ),
            Event::Segment(segment) => {
                if let Some(text) = of_segment(segment, widths.network) {
                    let arrow = if owners.to_the_server(segment) {
                        Arrow::ToServer
                    } else {
                        Arrow::ToClient
                    };
                    rows.push(Row {
                        at: entry.at,
                        column: Column::Network,
                        text,
                        arrow: Some(arrow),
                        place,
                        joins: None,
                    });
                }
            }
            Event::Output(output) => {
                let name = match output.stream {
                    Stream::Stdout => "prints",
                    Stream::Stderr => "stderr:",
                };
                let text = output.text.trim_end();
                if !text.is_empty() {
                    let quoted = quoted(text.as_bytes(), text.len() as u64, QUOTED);
                    let text = format!("{name} {quoted}");
                    rows.extend(actors.row(
                        journal,
                        (output.process, None),
                        (place, entry.at),
                        text,
                    ));
                }
            }
            Event::Exit(exit) => {
                let text = match exit {
                    Exit {
                        signal: Some(signal),
                        ..
                    } => format!("ends: signal {signal}"),
                    Exit { code, .. } => format!("ends: exit {}", code.unwrap_or(0)),
                };
                rows.extend(actors.row(journal, (exit.process, None), (place, entry.at), text));
            }
        }
        rows
    }
}

/// Who makes calls on sockets: the threads of each side, in the order of their first.
#[derive(Debug, Default)]
struct Actors {
    server: Vec<(u32, u32)>,
    client: Vec<(u32, u32)>,
}

impl Actors {
    fn learn(&mut self, journal: &Journal, call: &Call) {
        if call.socket.is_none() || journal.relay || journal.is_played(call.process) {
            return;
        }
        let threads = self.on(journal.side(call.process));
        let thread = (call.process, call.thread);
        if !threads.contains(&thread) {
            threads.push(thread);
        }
    }

    fn on(&mut self, side: Option<Side>) -> &mut Vec<(u32, u32)> {
        match side {
            Some(Side::Client) => &mut self.client,
            _ => &mut self.server,
        }
    }

    /// A line of a side. The first thread is the side; the others have their number. `None` for one
    /// that makes no calls on sockets, on a side where others do: a shell on the way to the
    /// program, a runtime's own thread.
    fn row(
        &mut self,
        journal: &Journal,
        (process, thread): (u32, Option<u32>),
        (place, at): (usize, u64),
        text: String,
    ) -> Option<Row> {
        let side = journal.side(process);
        let threads = self.on(side);
        let number = match thread {
            Some(connection) if journal.relay || journal.is_played(process) => {
                Some(connection.saturating_sub(1) as usize)
            }
            _ => threads.iter().position(|(of, number)| {
                *of == process && thread.is_none_or(|thread| thread == *number)
            }),
        };
        let text = match number {
            Some(0) => text,
            Some(number) => format!("#{} {text}", number + 1),
            None if threads.is_empty() => text,
            None => return None,
        };
        Some(Row {
            at,
            column: match side {
                Some(Side::Client) => Column::Client,
                _ => Column::Server,
            },
            text,
            arrow: None,
            place,
            joins: None,
        })
    }
}

fn of_call(
    rows: &mut Vec<Row>,
    actors: &mut Actors,
    journal: &Journal,
    times: &[u64],
    (place, at): (usize, u64),
    call: &Call,
    widths: &Widths,
) {
    let begin = begin_of(call);
    let mut row = |at, text, joins| {
        let row = actors.row(
            journal,
            (call.process, Some(call.thread)),
            (place, at),
            text,
        );
        rows.extend(row.map(|row| Row { joins, ..row }));
    };
    let mut result = result_of(journal, call, widths.side);
    result += &cause(journal, place, call).unwrap_or_default();
    let Some(ended) = call.ended else {
        row(at, format!("{begin} … waits to the end"), None);
        return;
    };
    let before_end = times.partition_point(|time| *time < ended);
    let between = before_end.saturating_sub(times.partition_point(|time| *time <= at));
    let name = call.name.as_str();
    let can_wait = ["accept", "accept4", "connect"].contains(&name)
        || name.starts_with("re")
        || name.contains("poll")
        || name.contains("select");
    if can_wait && (between > 0 || ended.saturating_sub(at) > SHORT) {
        let waits = if name == "connect" { "" } else { " waits" };
        row(at, format!("{begin} …{waits}"), None);
        let text = match &call.outcome {
            Outcome::Value(_) if name == "connect" => "… connected".to_string(),
            _ => format!("{begin}{result}"),
        };
        row(ended, text, None);
        return;
    }
    let prepares = ["socket", "setsockopt", "bind", "listen"].contains(&name);
    let joins = (prepares && matches!(call.outcome, Outcome::Value(_))).then_some(call.thread);
    // A send or a close that was overtaken is not a wait: what it did began at its beginning.
    let when = if can_wait { ended } else { at };
    row(when, format!("{begin}{result}"), joins);
}

/// The call's name as the manuals have it, and what matters of its arguments.
fn begin_of(call: &Call) -> String {
    let name = match call.name.as_str() {
        "accept4" => "accept",
        "recvfrom" if !is_datagram(call) => "recv",
        "sendto" if !is_datagram(call) => "send",
        other => other,
    };
    let to = call.data.as_ref().filter(|data| data.sent);
    if let Some(data) = to {
        let with = data.with.map(|with| format!(" to {}", short(with)));
        return format!("{name} {}{}", data.length, with.unwrap_or_default());
    }
    match (name, &call.arguments[..]) {
        // How many clients may wait to be accepted matters to few runs.
        (name, []) | (name @ "listen", _) => name.to_string(),
        ("bind" | "connect", [place]) => {
            format!("{name} {}", place.parse().map_or(place.clone(), short))
        }
        ("setsockopt" | "shutdown", words) => format!("{name} {}", words.join(" ")),
        (name, words) => format!("{name}({})", words.join(", ")),
    }
}

fn is_datagram(call: &Call) -> bool {
    call.data.as_ref().is_some_and(|data| data.with.is_some())
}

fn result_of(journal: &Journal, call: &Call, width: usize) -> String {
    match &call.outcome {
        Outcome::Error(name) => format!(" = {name}"),
        Outcome::Unfinished => String::new(),
        Outcome::Value(value) => {
            if let Some(socket) = call.accepted.and_then(|place| journal.sockets.get(place)) {
                return socket
                    .peer
                    .map_or(String::new(), |peer| format!(" = {}", short(peer)));
            }
            let Some(data) = &call.data else {
                // Of what the check did there is no number.
                let is_number = call.socket.is_none() && !journal.is_played(call.process);
                return match is_number {
                    true => format!(" = {value}"),
                    false => String::new(),
                };
            };
            let room = width.saturating_sub(4).min(QUOTED);
            if data.sent {
                return format!(" {}", quoted(&data.bytes, data.length, room));
            }
            if data.length == 0 && data.with.is_none() {
                return " = 0 (end)".to_string();
            }
            let from = data.with.map(|with| format!(" from {}", short(with)));
            let sends = match data.from.len() {
                0 | 1 => String::new(),
                sends => format!(", of {sends} sends"),
            };
            format!(
                " = {}{} {}{}{sends}",
                data.length,
                part_of(journal, data),
                quoted(&data.bytes, data.length, room),
                from.unwrap_or_default()
            )
        }
    }
}

/// How long the send was of which a receive took a part.
fn part_of(journal: &Journal, data: &Data) -> String {
    if let [piece] = data.from.as_slice()
        && let Some(call) = journal.call(piece.call)
        && let Some(sent) = &call.data
        && sent.length > data.length
    {
        return format!(" of {}", sent.length);
    }
    String::new()
}

/// So many entries are looked at for a call's cause.
const NEAR: usize = 1_000;

/// Which earlier call made this one fail: the system tells of a refusal with the next call on the
/// socket, whatever that is.
fn cause(journal: &Journal, place: usize, call: &Call) -> Option<String> {
    let refused = matches!(&call.outcome, Outcome::Error(name) if name == "ECONNREFUSED");
    let socket = journal.sockets.get(call.socket?)?;
    if !refused || call.name == "connect" {
        return None;
    }
    let before = journal.entries[..place].iter().rev().take(NEAR);
    let mut earlier = before.filter_map(|entry| match &entry.event {
        Event::Call(earlier) if earlier.socket == call.socket => Some(earlier),
        _ => None,
    });
    if socket.transport == Transport::Tcp {
        let connect = earlier.find(|earlier| earlier.name == "connect")?;
        return Some(format!(", of {}", begin_of(connect)));
    }
    let sent = earlier.find_map(|earlier| {
        let data = earlier.data.as_ref().filter(|data| data.sent)?;
        Some((earlier, data))
    });
    let (earlier, data) = sent?;
    let bytes = quoted(&data.bytes, data.length, QUOTED);
    Some(format!(", of {} {bytes}", begin_of(earlier)))
}

/// An address as short as it is clear: on the loopback the port is enough.
fn short(address: SocketAddr) -> String {
    if address.ip().is_loopback() || address.ip().is_unspecified() {
        format!(":{}", address.port())
    } else {
        address.to_string()
    }
}

/// What a segment carries. A bare acknowledgment is not drawn, since nobody's call waits for it.
fn of_segment(segment: &Segment, width: usize) -> Option<String> {
    if segment.unreachable {
        return Some("ICMP: unreachable".to_string());
    }
    let mut text = if segment.syn {
        if segment.ack { "SYN,ACK" } else { "SYN" }.to_string()
    } else if segment.length > 0 || segment.transport == Transport::Udp {
        let unit = if segment.length == 1 { "byte" } else { "bytes" };
        format!("{} {unit}", segment.length)
    } else if segment.rst {
        "RST".to_string()
    } else if segment.fin {
        "FIN".to_string()
    } else {
        return None;
    };
    if segment.fin && segment.length > 0 {
        text.push_str(",FIN");
    }
    if segment.again {
        text.push_str(" again");
    }
    if segment.lost {
        text.push_str(" lost");
    }
    if segment.length > 0 {
        let room = width.saturating_sub(text.len() + 9);
        if room > 0 {
            let _ = write!(text, " {}", quoted(&segment.bytes, segment.length, room));
        }
    }
    Some(text)
}

/// Which side has an address.
#[derive(Debug, Default)]
struct Owners {
    addresses: HashMap<SocketAddr, Side>,
    /// Sockets that are bound to every address, by their ports.
    ports: HashMap<u16, Side>,
}

impl Owners {
    fn learn(&mut self, journal: &Journal, call: &Call) {
        if let Some(place) = call.accepted.or(call.socket)
            && let Some(local) = journal.sockets.get(place).and_then(|socket| socket.local)
            && let Some(side) = journal.side(call.process)
        {
            if local.ip().is_unspecified() {
                self.ports.entry(local.port()).or_insert(side);
            } else {
                self.addresses.entry(local).or_insert(side);
            }
        }
    }

    fn owner(&self, address: SocketAddr) -> Option<Side> {
        let exact = self.addresses.get(&address);
        exact.or_else(|| self.ports.get(&address.port())).copied()
    }

    /// Whether a segment goes to the server: one of its sockets has the address that it is sent to.
    /// A socket whose connect was refused gets a new port for the next one, which no call tells:
    /// then both addresses may be unknown, and a connection is begun by the client.
    fn to_the_server(&self, segment: &Segment) -> bool {
        match (self.owner(segment.to), self.owner(segment.from)) {
            (Some(side), _) => side == Side::Server,
            (None, Some(side)) => side == Side::Client,
            (None, None) => segment.syn && !segment.ack,
        }
    }
}

/// The first bytes in quotes, in ASCII, at most this long; dots say that there are more.
fn quoted(bytes: &[u8], length: u64, room: usize) -> String {
    let mut text = String::from("\"");
    let mut shown = 0;
    for byte in bytes {
        let mut letters = std::ascii::escape_default(*byte);
        // Between double quotes a single one needs no backslash.
        if *byte == b'\'' {
            letters.next();
        }
        if text.len() + letters.len() + 2 > room {
            break;
        }
        text.extend(letters.map(char::from));
        shown += 1;
    }
    if shown < length {
        text.push('…');
    }
    text.push('"');
    text
}
