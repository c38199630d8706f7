//! The router of question 3: it knows who serves which
//! name, and passes calls and events on (WAMP v2).
//!
//! Mirrors no file of the sheet: question 3 leaves the program to the student.
//!
//! Terminal 1: `cargo run -p transparency-router`
//! Terminal 2: `cargo run -p transparency-service`
//! Terminal 3: `cargo run -p transparency-caller`
//!
//! You see, on stderr, where it listens and which realms it has. Ctrl-C and SIGTERM say GOODBYE to
//! all sessions and end it. SIGHUP has it read its files again, also the certificate of
//! `--tls-cert` and its key, and no session is lost.
//!
//! Safety: it listens on 127.0.0.1 alone unless `--host` says otherwise; without `--config`
//! everybody who reaches it may call, register, publish and subscribe. Pages in a browser may
//! connect only where this router served them, or `--origin` allows theirs.
//!
//! `--echo` serves an echo of WebSocket messages in place of WAMP: what the fuzzing client of
//! Autobahn|Testsuite tests the transport with.

mod allocator;
mod config;
mod log;
mod metrics;
mod settings;
mod signals;

use std::path::PathBuf;
use std::time::Duration;

use anyhow::{Context, anyhow};
use argh::{ArgsInfo, FromArgs};
use labnet::{Hint, log};
use log::Level;
use transparency_middleware::realm::Limits;
use transparency_middleware::tls::Certificate;
use transparency_middleware::transport::{Config, Server, Stopper};

/// How long GOODBYE may take to be written to all sessions, at the end.
const GOODBYE_PATIENCE: Duration = Duration::from_secs(1);

/// Passes WAMP calls and events on, by name: ws://127.0.0.1:8080/ws, realm realm1.
#[derive(FromArgs, ArgsInfo)]
#[argh(
    help_triggers("-h", "--help"),
    example = "{command_name}\n{command_name} --port 9000 --config realms.toml --secrets secrets.toml\n\
               {command_name} --metrics 127.0.0.1:9100"
)]
struct Args {
    /// address to listen on, IPv4 or IPv6 (default 127.0.0.1)
    #[argh(option, default = "\"127.0.0.1\".to_string()")]
    host: String,
    /// port to listen on, 0 for any that is free (default 8080)
    #[argh(option, default = "8080", from_str_fn(labnet::port))]
    port: u16,
    /// path of the WebSocket (default /ws)
    #[argh(option, default = "\"/ws\".to_string()")]
    path: String,
    /// file with realms, roles and their permissions, in
    /// TOML (default: realm1, where everybody may do all)
    #[argh(option)]
    config: Option<PathBuf>,
    /// file with tickets and secrets, in TOML; nobody else should be able to read it
    #[argh(option)]
    secrets: Option<PathBuf>,
    /// folder of the pages that are served at / (default: the lab's own page)
    #[argh(option)]
    web: Option<PathBuf>,
    /// origin (SCHEME://HOST:PORT) whose pages may connect
    /// next to the router's own; may be given again
    #[argh(option)]
    origin: Vec<String>,
    /// file with this router's certificate, in PEM: clients
    /// connect with TLS (wss://); SIGHUP reads it again
    #[argh(option)]
    tls_cert: Option<PathBuf>,
    /// file with the key of that certificate, in PEM; nobody else should be able to read it
    #[argh(option)]
    tls_key: Option<PathBuf>,
    /// address that serves counters as Prometheus text, at /metrics (default: none)
    #[argh(option)]
    metrics: Option<String>,
    /// what is logged on stderr: error, warn (and who was turned
    /// away) or info (and who joins and leaves) (default warn)
    #[argh(option, default = "Level::Warn")]
    log: Level,
    /// largest message, in bytes (default 16777216)
    #[argh(option, default = "16 * 1024 * 1024")]
    max_message: usize,
    /// bytes that may wait for a slow session before it is evicted (default 16777216); one that
    /// takes nothing for 20 s is cut
    #[argh(option, default = "16 * 1024 * 1024")]
    max_waiting: usize,
    /// bytes of memory for the whole router; beyond it the sessions are evicted for which most is
    /// kept (default 268435456)
    #[argh(option, default = "256 * 1024 * 1024")]
    max_memory: usize,
    /// sessions (default 10000)
    #[argh(option, default = "10_000")]
    max_sessions: usize,
    /// connections from one address (default 10000)
    #[argh(option, default = "10_000")]
    max_per_address: usize,
    /// calls in flight that one session may have made (default 10000)
    #[argh(option, default = "10_000")]
    max_calls: usize,
    /// seconds that a client may take to join (default 10)
    #[argh(
        option,
        default = "Duration::from_secs(10)",
        from_str_fn(labnet::seconds)
    )]
    patience: Duration,
    /// seconds of silence after which a session is sent a
    /// ping; after as many more it is gone (default 30)
    #[argh(
        option,
        default = "Duration::from_secs(30)",
        from_str_fn(labnet::seconds)
    )]
    ping_after: Duration,
    /// echo WebSocket messages in place of WAMP, to test the transport with Autobahn|Testsuite
    #[argh(switch)]
    echo: bool,
}

fn main() -> labnet::MainResult {
    let args: Args = labnet::args()?;
    allocator::keep_little();

    // 1. Read who may do what.
    settings::check(&args)?;
    let files = config::Files {
        config: args.config,
        secrets: args.secrets,
        web: args.web,
    };
    let (realms, pages) = files.read()?;
    let mut names: Vec<String> = realms.keys().map(ToString::to_string).collect();
    names.sort_unstable();
    let files = Files {
        files,
        certificate: args.tls_cert,
        key: args.tls_key,
    };
    let certificate = files.certificate()?;
    let scheme = if certificate.is_some() { "wss" } else { "ws" };

    // 2. Bind and listen: from here on clients can connect.
    allow_many_connections();
    let address = settings::address(&args.host, args.port)?;
    let path = args.path;
    let config = Config {
        realms,
        limits: Limits {
            calls: args.max_calls,
            ..Limits::default()
        },
        max_message: args.max_message,
        max_waiting: args.max_waiting,
        // The other half is for work in progress, threads, and what the allocator keeps.
        max_memory: args.max_memory / 2,
        max_sessions: args.max_sessions,
        max_per_address: args.max_per_address,
        patience: args.patience,
        ping_after: args.ping_after,
        certificate,
        pages,
        path: path.clone(),
        origins: args.origin,
        observer: allocator::gives_back(log::observer(args.log)),
    };
    let server =
        Server::bind(address, config).with_context(|| format!("cannot listen on {address}"))?;

    // 3. Be ready to end, with GOODBYE to all and no waiting for
    //    those who do not read, and to read the files again.
    let stopper = server.stopper();
    let metrics = args
        .metrics
        .map(|metrics| metrics::serve(&metrics, stopper.clone()))
        .transpose()?;
    let ends = stopper.clone();
    signals::handle(
        move || ends.stop(GOODBYE_PATIENCE),
        move || files.reload(&stopper),
    )?;

    // 4. Say where.
    let address = labnet::log_listening(server.listener())?;
    if let Some(metrics) = metrics {
        log!("counters at http://{metrics}/metrics");
    }

    // 5. Serve.
    if args.echo {
        log!("echoing WebSocket messages at {scheme}://{address}");
        server.run_echo().context("the echo has ended")?;
    } else {
        let plural = if names.len() == 1 { "realm" } else { "realms" };
        log!(
            "{plural} {} at {scheme}://{address}{path}",
            names.join(", ")
        );
        server.run().context("the router has ended")?;
    }
    Ok(())
}

/// What SIGHUP reads again.
struct Files {
    files: config::Files,
    certificate: Option<PathBuf>,
    key: Option<PathBuf>,
}

impl Files {
    fn certificate(&self) -> anyhow::Result<Option<Certificate>> {
        match (&self.certificate, &self.key) {
            (None, None) => Ok(None),
            (Some(certificate), Some(key)) => Certificate::from_files(certificate, key)
                .map(Some)
                .context("cannot use the certificate")
                .hint("cargo run -p transparency-router --example certificate makes a pair for the lab"),
            _ => Err(anyhow!("--tls-cert and --tls-key go together")),
        }
    }

    /// What was read before stays where a file is wrong.
    fn reload(&self, stopper: &Stopper) {
        match self.files.read() {
            Ok((realms, pages)) => {
                stopper.reload(realms, pages);
                log!("the files have been read again");
            }
            Err(error) => log!("SIGHUP: {error:#}; the files stay as they were read before"),
        }
        match self.certificate() {
            Ok(Some(certificate)) => {
                stopper.replace_certificate(certificate);
                log!("new connections are shown the certificate as it is now");
            }
            Ok(None) => {}
            Err(error) => log!("SIGHUP: {error:#}; the certificate of before stays"),
        }
    }
}

/// Lets the process have as many open files as the system
/// allows it (`RLIMIT_NOFILE`): each session is one.
#[cfg(unix)]
fn allow_many_connections() {
    use rustix::process::{Resource, getrlimit, setrlimit};
    let mut limit = getrlimit(Resource::Nofile);
    limit.current = limit.maximum;
    // Where it cannot be raised, fewer sessions fit; `accept` says so when that happens.
    let _kept = setrlimit(Resource::Nofile, limit);
}

/// Windows has no such limit.
#[cfg(not(unix))]
fn allow_many_connections() {}
