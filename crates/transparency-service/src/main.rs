//! Offers a counter and a calculator by name. Who calls them, and from where, it does not know.
//!
//! Python:     `twin.py`, with autobahn (see there)
//! Terminal 1: `cargo run -p transparency-router`
//! Terminal 2: `cargo run -p transparency-service`
//! Terminal 3: `cargo run -p transparency-caller`
//! You see:    a line for each call, `org.example.counter.add(1) = 1`
//! Safety:     it connects to the router and listens nowhere; the router decides who may call

mod counter;
mod procedures;
mod standby;

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context, anyhow};
use argh::{ArgsInfo, FromArgs};
use labnet::{Hint, log};
use transparency_middleware::client::{Auth, Error, Session, SessionEvent};
use transparency_middleware::messages::Format;
use transparency_middleware::tls::Trust;

use counter::Counter;

/// The router on this machine, where it listens unless it is told otherwise.
const ROUTER: &str = "ws://127.0.0.1:8080/ws";
/// How long the calls in flight may take when the service is asked to end.
const DRAIN_LIMIT: Duration = Duration::from_secs(30);

/// Offers a counter and a calculator by name.
#[derive(FromArgs, ArgsInfo)]
#[argh(
    help_triggers("-h", "--help"),
    example = "{command_name} --log /var/lib/counter.log\n\
               {command_name} --router ws://10.0.0.1:8080/ws --router ws://10.0.0.2:8080/ws"
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
    /// file with the counter's state (default counter.log)
    #[argh(option, default = "PathBuf::from(\"counter.log\")")]
    log: PathBuf,
    /// how many calls are worked on at once (default 16)
    #[argh(option, default = "16")]
    workers: usize,
    /// seconds that each calculation takes, to see what more replicas bring (default: no time)
    #[argh(option, from_str_fn(labnet::seconds))]
    work: Option<Duration>,
}

fn main() -> labnet::MainResult {
    let args: Args = labnet::args()?;
    let (ticket, secret) = (args.ticket.as_deref(), args.secret.as_deref());
    let auth = Auth::from_files(args.authid.as_deref(), ticket, secret)
        .context("cannot authenticate")
        .hint("leave --authid, --ticket and --secret out to come in as anonymous")?;
    let trust = args.ca.as_deref().map(Trust::from_file);
    let trust = trust.transpose().context("cannot use --ca")?;

    // 1. Open the state, unless another replica has it
    let counter = Arc::new(Counter::new(&args.log));
    if !counter.try_open()? {
        log!("{} is another replica's: standing by", args.log.display());
    }

    // 2. Connect to a router and join its realm
    let routers = if args.router.is_empty() {
        vec![ROUTER.to_string()]
    } else {
        args.router
    };
    let mut builder = Session::builder(&args.realm)
        .routers(&routers)
        .auth(auth)
        .format(args.format)
        .workers(args.workers)
        .on_session_event(tell);
    if let Some(trust) = trust {
        builder = builder.trust(trust);
    }
    let session = builder
        .connect()
        .with_context(|| format!("cannot join {} at {}", args.realm, routers.join(", ")))
        .hint("is the router running? cargo run -p transparency-router")?;
    if let Some(router) = session.router() {
        log!("connected to {router}");
    }

    // 3. End well on Ctrl-C and SIGTERM: give the names up, finish what runs, leave
    let leaving = session.clone();
    ctrlc::set_handler(move || {
        log!("leaving");
        if let Err(error) = leaving.drain(DRAIN_LIMIT) {
            log!("calls were cut off: {error}");
        }
    })
    .context("cannot catch Ctrl-C and SIGTERM")?;

    // 4. Offer the procedures by name
    for procedure in procedures::calculator(args.work) {
        let uri = procedure.uri().to_string();
        session
            .register(procedure)
            .with_context(|| format!("cannot register {uri}"))?;
    }
    standby::offer(&session, &counter)?;
    log!("serving org.example.calculator and org.example.counter");

    // 5. Serve until the session ends
    match session.wait_closed() {
        Error::Closed => Ok(()),
        error => Err(anyhow!(error).context("the session has ended").into()),
    }
}

fn tell(notice: &SessionEvent) {
    match notice {
        // main says it of the first connection: this runs in a thread of its own, and may be late.
        SessionEvent::Connected {
            address,
            again: true,
        } => log!("connected again to {address}"),
        SessionEvent::Lost { reason } => log!("connection lost: {reason}; looking for a router"),
        SessionEvent::NotRegistered { procedure, error } => {
            log!("cannot register {procedure}: {error}");
        }
        _ => {}
    }
}

fn format(word: &str) -> Result<Format, String> {
    let found = Format::from_subprotocol(&format!("wamp.2.{word}"));
    found.ok_or_else(|| "a serialization is json, msgpack or cbor".to_string())
}
