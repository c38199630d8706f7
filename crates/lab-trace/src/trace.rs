//! `cargo lab trace`: the command.

use std::path::PathBuf;
use std::time::{Duration, SystemTime};

use anyhow::anyhow;
use argh::{ArgsInfo, FromArgs};
use lab_journal::Exit;
use lab_journal::picture::draw;
use labnet::{Hint, log, say};

use crate::entries::Ends;
use crate::output::{self, Form, Run};
use crate::relay::{Faults, milliseconds};
use crate::relayed::{self, Meeting};
use crate::roles::{self, Commands, Told, Wanted};
#[cfg(target_os = "linux")]
use crate::traced;

/// Runs a server and a client, and draws what happened: each call on a socket, and each segment
/// between them. Any two programs, as they are. Its exit code is the client's.
#[derive(FromArgs, ArgsInfo)]
#[argh(
    subcommand,
    name = "trace",
    help_triggers("-h", "--help"),
    example = "cargo lab trace {{exercise}}",
    example = "cargo lab trace {{exercise}} --server python --out run.html",
    example = "cargo lab trace --server \"python3 server.py\" --client \"node client.js\""
)]
pub struct Trace {
    /// the server's command; with an exercise also rust or python (default rust)
    #[argh(option)]
    server: Option<String>,
    /// the client's command; with an exercise also rust or python (default rust)
    #[argh(option)]
    client: Option<String>,
    /// one program, which runs alone; with an exercise of one program also rust or python
    #[argh(option)]
    program: Option<String>,
    /// how many clients run at once (default 1)
    #[argh(option, default = "1")]
    clients: usize,
    /// a fault, TCP: at most so many bytes arrive at a time
    #[argh(option)]
    cut: Option<usize>,
    /// a fault, TCP: what is sent without a pause arrives in one piece
    #[argh(switch)]
    join: bool,
    /// a fault: everything arrives so much later: 50ms
    #[argh(option, default = "Duration::ZERO", from_str_fn(milliseconds))]
    delay: Duration,
    /// a fault, TCP: the connection is reset after so many bytes in one direction
    #[argh(option)]
    reset: Option<u64>,
    /// a fault, UDP: this datagram of each direction (1 is the first) is lost
    #[argh(option)]
    drop: Option<u64>,
    /// a fault, UDP: this datagram of each direction arrives twice
    #[argh(option)]
    duplicate: Option<u64>,
    /// a fault, UDP: this datagram of each direction arrives after the next one
    #[argh(option)]
    reorder: Option<u64>,
    /// also write the run into this file, by its ending: .html (a page with a slider and the
    /// queues), .svg, .txt, .json, .pcapng (for Wireshark); may be given again
    #[argh(option)]
    out: Vec<PathBuf>,
    /// the same as --out, with JSON for any ending
    #[argh(option)]
    json: Option<PathBuf>,
    /// how many columns the picture has (default the terminal's, or 80; at least 50)
    #[argh(option)]
    width: Option<usize>,
    /// bytes only, by a relay between the programs, as on systems where calls cannot be seen
    #[argh(switch)]
    relay: bool,
    /// stay in the machine's network: then the picture has calls and no segments
    #[argh(switch)]
    #[cfg_attr(not(target_os = "linux"), allow(dead_code, reason = "for the tracer"))]
    shared_network: bool,
    /// the exercise, a server and a client; cargo lab list shows them
    #[argh(positional)]
    exercise: Option<String>,
}

impl Trace {
    /// What ran, in a few words.
    fn title(&self) -> String {
        if let Some(program) = &self.program {
            return program.clone();
        }
        let of = |wanted: &Option<String>, side: &str| match wanted {
            Some(command) => command.clone(),
            None => format!("the {side} in Rust"),
        };
        let both = format!(
            "{} and {}",
            of(&self.server, "server"),
            of(&self.client, "client")
        );
        match &self.exercise {
            Some(exercise) => format!("{exercise}: {both}"),
            None => both,
        }
    }

    fn faults(&self) -> anyhow::Result<Faults> {
        Faults {
            cut: self.cut,
            join: self.join,
            delay: self.delay,
            reset: self.reset,
            drop: self.drop,
            duplicate: self.duplicate,
            reorder: self.reorder,
        }
        .checked()
    }

    /// The command lines of the programs, which meet at these ports.
    fn commands(&self, told: Told) -> anyhow::Result<Commands> {
        roles::commands(Wanted {
            exercise: self.exercise.as_deref(),
            server: self.server.as_deref(),
            client: self.client.as_deref(),
            program: self.program.as_deref(),
            clients: self.clients,
            told,
        })
    }

    /// Why the calls cannot be seen here; nothing where they can.
    fn without_calls(&self) -> Option<String> {
        if self.relay {
            return Some("--relay was given".to_string());
        }
        #[cfg(target_os = "linux")]
        return traced::possible().err().map(|error| format!("{error:#}"));
        #[cfg(not(target_os = "linux"))]
        Some("only Linux tells what programs do with sockets".to_string())
    }

    /// Bytes without the calls. The run begins when its programs are built.
    fn relayed(&self, faults: Faults, why: &str) -> anyhow::Result<(SystemTime, Run, Ends)> {
        if self.program.is_some() {
            return Err(anyhow!(
                "the calls cannot be seen ({why}), and a program that runs alone has nothing to relay"
            ))
            .hint("give a server and a client");
        }
        let meeting = Meeting::new()?;
        let commands = self.commands(meeting.told())?;
        let began = SystemTime::now();
        let (run, ends) = relayed::record(meeting, &commands, faults, why, began)?;
        Ok((began, run, ends))
    }

    #[cfg(target_os = "linux")]
    fn traced(&self, faults: Faults, packets: bool) -> anyhow::Result<(SystemTime, Run, Ends)> {
        let commands = self.commands(Told::if_asked(crate::relay::free_port()?))?;
        let began = SystemTime::now();
        let (run, ends) = traced::record(&traced::Plan {
            commands: &commands,
            faults,
            shared_network: self.shared_network,
            packets,
            began,
        })?;
        Ok((began, run, ends))
    }

    /// Runs the programs, draws what happened, and gives the exit code.
    pub fn run(&self) -> anyhow::Result<i32> {
        let files = output::files(&self.out, self.json.as_deref())?;
        let faults = self.faults()?;
        let wants_packets = files.iter().any(|(form, _)| *form == Form::Pcapng);
        let why = self.without_calls();
        if let Some(why) = why.as_ref().filter(|_| wants_packets) {
            return Err(anyhow!(
                "a relay sees bytes, and no packets for a .pcapng ({why})"
            ))
            .hint("give --out .html, .svg, .txt or .json");
        }
        let (began, run, ends) = match why {
            Some(why) => self.relayed(faults, &why)?,
            #[cfg(target_os = "linux")]
            None => self.traced(faults, wants_packets)?,
            #[cfg(not(target_os = "linux"))]
            None => return Err(anyhow!("there is no tracer")),
        };
        let picture = draw(&run.journal, output::style(self.width));
        say!("{}", picture.trim_end())?;
        output::write(&files, &run, began, &self.title())?;
        if let Some(signal) = ends.signal {
            return Ok(128 + signal);
        }
        let Some(client) = ends.client else {
            let how = ends
                .server
                .map_or(String::new(), |exit| format!(" ({})", describe(exit)));
            return Err(anyhow!("the server ended before a client could come{how}"))
                .hint("what it printed above tells why");
        };
        if let Some(failed) = ends
            .server
            .filter(|exit| exit.code.is_some_and(|code| code != 0))
        {
            log!("the server failed ({})", describe(failed));
        }
        Ok(code_of(client))
    }
}

fn describe(exit: Exit) -> String {
    match (exit.code, exit.signal) {
        (_, Some(signal)) => format!("signal {signal}"),
        (code, None) => format!("exit code {}", code.unwrap_or(0)),
    }
}

/// The exit code as a shell gives it.
fn code_of(exit: Exit) -> i32 {
    exit.code
        .or(exit.signal.map(|signal| 128 + signal))
        .unwrap_or(1)
}
