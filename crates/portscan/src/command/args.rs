//! The options and their help.

use std::path::PathBuf;
use std::time::Duration;

use argh::{ArgsInfo, FromArgs};
use portscan::limits;
use portscan::report::Format;

/// Finds the open TCP ports of this machine, or of others that you may scan.
#[derive(FromArgs, ArgsInfo)]
#[argh(
    help_triggers("-h", "--help"),
    example = "{command_name}                            # all ports of 127.0.0.1",
    example = "{command_name} 192.168.1.0/24 --top 100   # the common ports of a network",
    example = "{command_name} db.example.org --ports 22,5432 --banner",
    example = "{command_name} --from hosts.txt --exclude 10.0.0.1 --format jsonl --out scan.jsonl",
    example = "{command_name} --resume portscan.resume   # continue after Ctrl-C",
    example = "{command_name} 10.0.0-3.1-254 -p ssh,http --format list",
    example = "{command_name} diff monday.json tuesday.json   # what has changed",
    error_code(0, "everything was scanned"),
    error_code(1, "an error; good targets among bad ones were scanned"),
    error_code(
        130,
        "Ctrl-C; what is known was printed, the rest is in the resume file"
    )
)]
pub(crate) struct Args {
    /// names (all addresses of each), addresses, blocks (10.0.0.0/24), ranges (10.0.0.1-20,
    /// 10.0.0-3.1-254), - for stdin; 1048576 hosts at most (default 127.0.0.1)
    #[argh(positional)]
    pub(crate) targets: Vec<String>,
    /// file with one target a line, # begins a comment; - is stdin
    #[argh(option)]
    pub(crate) from: Option<PathBuf>,
    /// target to leave out, a name with all its addresses; may be repeated
    #[argh(option)]
    pub(crate) exclude: Vec<String>,
    /// file with targets to leave out
    #[argh(option)]
    pub(crate) exclude_from: Option<PathBuf>,
    /// only IPv4 addresses
    #[argh(switch, short = '4')]
    pub(crate) ipv4: bool,
    /// only IPv6 addresses
    #[argh(switch, short = '6')]
    pub(crate) ipv6: bool,
    /// ports and services, for example 22,http,8000-9000,60000- (default all, 1-65535)
    #[argh(option, short = 'p')]
    pub(crate) ports: Option<String>,
    /// file with ports
    #[argh(option)]
    pub(crate) ports_from: Option<PathBuf>,
    /// scan only this many of the most common ports
    #[argh(option)]
    pub(crate) top: Option<usize>,
    /// ports to leave out
    #[argh(option)]
    pub(crate) exclude_ports: Option<String>,
    /// most SYNs a second, those of banners and those that the system repeats included (default: as
    /// many as the network can carry)
    #[argh(option, from_str_fn(limits::rate))]
    pub(crate) rate: Option<f64>,
    /// longest wait for an answer, in seconds (default: from the round trip; before the first
    /// answer 0.9, and 1.9 the second time)
    #[argh(option, from_str_fn(labnet::seconds))]
    pub(crate) timeout: Option<Duration>,
    /// shortest wait for an answer, in seconds: for a host that is sometimes slow
    #[argh(option, from_str_fn(labnet::seconds))]
    pub(crate) least_wait: Option<Duration>,
    /// SYNs to a port that does not answer. The system repeats a SYN each second, so one waits
    /// 0.9 s and two 1.9 s at most. Silent ports stay in doubt, since there is no second look
    /// (default: as many as it takes)
    #[argh(option, from_str_fn(limits::tries))]
    pub(crate) tries: Option<u8>,
    /// most probes in flight at once (default 16384, or fewer if the limit on open files is lower)
    #[argh(option, from_str_fn(limits::window))]
    pub(crate) window: Option<usize>,
    /// seed of the random order (default: a new one each time)
    #[argh(option)]
    pub(crate) seed: Option<u64>,
    /// hosts and ports in ascending instead of random order
    #[argh(switch)]
    pub(crate) in_order: bool,
    /// read what each open port's service says first
    #[argh(switch)]
    pub(crate) banner: bool,
    /// report only open ports, and the hosts that have some
    #[argh(switch)]
    pub(crate) open: bool,
    /// human, json, jsonl, xml (nmap's), grep, gnmap (nmap's), csv or list (host:port); jsonl and
    /// list print each port as soon as it is known (default human)
    #[argh(option)]
    pub(crate) format: Option<Format>,
    /// file for the report instead of stdout
    #[argh(option)]
    pub(crate) out: Option<String>,
    /// file of an interrupted scan to continue, with its options unless you give new ones; also
    /// where the scan is saved meanwhile (default portscan.resume)
    #[argh(option)]
    pub(crate) resume: Option<PathBuf>,
    /// print the version
    #[argh(switch)]
    pub(crate) version: bool,
}
