//! Calls procedures by name. Where they run, and in which language, it does not know.
//!
//! Python:     `twin.py`, with autobahn (see there)
//! Terminal 1: `cargo run -p transparency-router`
//! Terminal 2: `cargo run -p transparency-service`
//! Terminal 3: `cargo run -p transparency-caller`
//! You see:    a line for each call, `org.example.calculator.add(2, 3) = 5`
//! Safety:     it connects to the router and listens nowhere

mod calls;

use std::path::PathBuf;
use std::time::Duration;

use anyhow::Context;
use argh::{ArgsInfo, FromArgs};
use labnet::{Hint, log};
use transparency_middleware::client::{Auth, Session, SessionEvent};
use transparency_middleware::messages::Format;
use transparency_middleware::tls::Trust;

use calls::{Load, Plan};

/// The router on this machine, where it listens unless it is told otherwise.
const ROUTER: &str = "ws://127.0.0.1:8080/ws";
/// The procedures that may be carried out twice without harm. That is part of what a caller has to
/// know about them, like their arguments: a call to one of these is made again when its fate is
/// unknown, any other never.
const IDEMPOTENT: [&str; 6] = [
    "org.example.calculator.add",
    "org.example.calculator.subtract",
    "org.example.calculator.multiply",
    "org.example.calculator.divide",
    "org.example.counter.value",
    "org.example.counter.add_once",
];

/// Calls procedures by name.
#[derive(FromArgs, ArgsInfo)]
#[argh(
    help_triggers("-h", "--help"),
    example = "{command_name}\n{command_name} org.example.calculator.divide 1 4\n\
               {command_name} --count 300 --parallel 4 org.example.counter.add 1"
)]
struct Args {
    /// address of a router; may be repeated, and the next one is tried when one fails (default
    /// ws://127.0.0.1:8080/ws)
    #[argh(option)]
    router: Vec<String>,
    /// realm to join (default realm1)
    #[argh(option, default = "\"realm1\".to_string()")]
    realm: String,
    /// serialization: json, msgpack or cbor (default json)
    #[argh(option, default = "Format::Json", from_str_fn(format))]
    format: Format,
    /// name to authenticate under (default: anonymous)
    #[argh(option)]
    authid: Option<String>,
    /// file with the ticket of that name
    #[argh(option)]
    ticket: Option<PathBuf>,
    /// file with the secret of that name, for WAMP-CRA
    #[argh(option)]
    secret: Option<PathBuf>,
    /// file with the certificates of those whose signature makes a router at wss:// a good one, in
    /// PEM (default: whom this machine trusts)
    #[argh(option)]
    ca: Option<PathBuf>,
    /// seconds that a call may take (default 10)
    #[argh(
        option,
        default = "Duration::from_secs(10)",
        from_str_fn(labnet::seconds)
    )]
    timeout: Duration,
    /// seconds after which an idempotent call is given
    /// up at one replica and made again (default: never)
    #[argh(option, from_str_fn(labnet::seconds))]
    attempt: Option<Duration>,
    /// how often to make the call (default 1)
    #[argh(option, default = "1")]
    count: usize,
    /// how many to have in progress at once (default 1)
    #[argh(option, default = "1")]
    parallel: usize,
    /// procedure and its arguments, each JSON or else text (default: a short tour of the service)
    #[argh(positional)]
    call: Vec<String>,
}

fn main() -> labnet::MainResult {
    let args: Args = labnet::args()?;
    let (ticket, secret) = (args.ticket.as_deref(), args.secret.as_deref());
    let auth = Auth::from_files(args.authid.as_deref(), ticket, secret)
        .context("cannot authenticate")
        .hint("leave --authid, --ticket and --secret out to come in as anonymous")?;
    let trust = args.ca.as_deref().map(Trust::from_file);
    let trust = trust.transpose().context("cannot use --ca")?;
    let plan = Plan::read(&args.call);

    // 1. Connect to a router and join its realm
    let routers = if args.router.is_empty() {
        vec![ROUTER.to_string()]
    } else {
        args.router
    };
    let mut builder = Session::builder(&args.realm)
        .routers(&routers)
        .auth(auth)
        .format(args.format)
        .timeout(args.timeout)
        .idempotent(IDEMPOTENT)
        .on_session_event(tell);
    if let Some(trust) = trust {
        builder = builder.trust(trust);
    }
    if let Some(attempt) = args.attempt {
        builder = builder.attempt_timeout(attempt);
    }
    let session = builder
        .connect()
        .with_context(|| format!("cannot join {} at {}", args.realm, routers.join(", ")))
        .hint("is the router running? cargo run -p transparency-router")?;

    // 2. Call by name, and print each result
    let load = Load {
        count: args.count,
        parallel: args.parallel,
    };
    let called = calls::make(&session, &plan, load);

    // 3. Leave
    session.leave();
    Ok(called?)
}

fn tell(notice: &SessionEvent) {
    match notice {
        SessionEvent::Connected {
            address,
            again: true,
        } => log!("connected again to {address}"),
        SessionEvent::Lost { reason } => log!("connection lost: {reason}; looking for a router"),
        _ => {}
    }
}

fn format(word: &str) -> Result<Format, String> {
    let found = Format::from_subprotocol(&format!("wamp.2.{word}"));
    found.ok_or_else(|| "a serialization is json, msgpack or cbor".to_string())
}
