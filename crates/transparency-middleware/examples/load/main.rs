//! The load of the benchmark `middleware`: the same caller and callee,
//! publisher and subscribers, against WAMP routers (this one and Crossbar),
//! against NATS, and against a relay that only passes frames on.
//!
//! `load relay` serves the relay. `load call wamp|nats|relay ADDRESS OUTSTANDING SECONDS` prints
//! calls a second and the 50th and 99th percentile of a call's time in microseconds. `load fan
//! wamp|nats ADDRESS SUBSCRIBERS SECONDS` prints events delivered a second. `load session URL CA|-
//! SECONDS` calls through this library's own client, and prints what `call` does. `load idle
//! ADDRESS SESSIONS` holds sessions until its stdin ends.
//!
//! Every client here works in the same way: what it has to send waits until it has nothing more to
//! read, and then goes out in one write; messages are put together and taken apart by hand. So the
//! rows differ by what is between the clients.

mod connection;
mod nats;
mod relay;
mod session;
mod wamp;
mod websocket;

use std::collections::VecDeque;
use std::io::{self, BufRead};
use std::net::{SocketAddr, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use anyhow::Context;
use labnet::{log, say};

use nats::Nats;
use relay::Relayed;
use wamp::Wamp;

/// The arguments of every call and event: 32 bytes of JSON.
const ARGUMENTS: &str = "[\"0123456789abcdef0123456789ab\"]";

/// Events that may be on their way to each subscriber at a time.
const WINDOW: u64 = 256;

fn main() -> labnet::MainResult {
    let words: Vec<String> = std::env::args().skip(1).collect();
    let words: Vec<&str> = words.iter().map(String::as_str).collect();
    match words[..] {
        ["relay"] => relay::relay()?,
        ["call", kind, address, outstanding, seconds] => {
            let address = parse(address)?;
            let (outstanding, seconds) = (
                parse(outstanding)?,
                Duration::from_secs_f64(parse(seconds)?),
            );
            let times = match kind {
                "wamp" => call(Wamp::pair(address)?, outstanding, seconds)?,
                "nats" => call(Nats::pair(address)?, outstanding, seconds)?,
                "relay" => call(Relayed::pair(address)?, outstanding, seconds)?,
                _ => Err(anyhow::anyhow!("{kind} is neither wamp, nats nor relay"))?,
            };
            report(times, seconds)?;
        }
        ["fan", kind, address, subscribers, seconds] => {
            let address = parse(address)?;
            let seconds = Duration::from_secs_f64(parse(seconds)?);
            let count = parse(subscribers)?;
            let rate = match kind {
                "wamp" => fan(address, count, seconds, Wamp::join)?,
                "nats" => fan(address, count, seconds, Nats::join)?,
                _ => Err(anyhow::anyhow!("{kind} is neither wamp nor nats"))?,
            };
            say!("{rate:.0}")?;
        }
        ["session", url, trust, seconds] => {
            let seconds = Duration::from_secs_f64(parse(seconds)?);
            report(session::call(url, trust, seconds)?, seconds)?;
        }
        ["idle", address, sessions] => idle(parse(address)?, parse(sessions)?)?,
        _ => Err(anyhow::anyhow!(
            "the words are none of those in the program's first comment"
        ))?,
    }
    Ok(())
}

fn parse<T: std::str::FromStr>(word: &str) -> anyhow::Result<T> {
    word.parse()
        .ok()
        .with_context(|| format!("{word} is not what belongs here"))
}

/// One end of a call or of an event, whatever carries it.
trait Peer: Send + Sized {
    /// As caller or publisher: sends the `number`th request, at the next read at the latest.
    fn ask(&mut self, number: u64) -> anyhow::Result<()>;
    /// As caller: waits for an answer and gives its request's number.
    fn answer(&mut self) -> anyhow::Result<u64>;
    /// As callee: takes one request and answers it.
    fn serve(&mut self) -> anyhow::Result<()>;
    /// As publisher: sends an event.
    fn publish(&mut self, number: u64) -> anyhow::Result<()>;
    /// As publisher: lets go of what waits.
    fn flush(&mut self) -> anyhow::Result<()>;
    /// As subscriber: takes an event.
    fn event(&mut self) -> anyhow::Result<()>;
    /// Becomes a subscriber.
    fn subscribe(&mut self) -> anyhow::Result<()>;
    /// The connection, to end it from another thread.
    fn connection(&self) -> anyhow::Result<TcpStream>;
}

/// Calls for a while with so many calls in flight; gives each call's time.
fn call<P: Peer + 'static>(
    (mut caller, mut callee): (P, P),
    outstanding: u64,
    seconds: Duration,
) -> anyhow::Result<Vec<Duration>> {
    let (end, others_end) = (callee.connection()?, caller.connection()?);
    let served = thread::spawn(move || {
        let why = loop {
            if let Err(error) = callee.serve() {
                break error;
            }
        };
        // The caller must not wait for an answer that does
        // not come. It has ended already when all went well.
        let _ended = others_end.shutdown(std::net::Shutdown::Both);
        why
    });
    let times = make_calls(&mut caller, outstanding, seconds);
    end.shutdown(std::net::Shutdown::Both)
        .context("cannot end the callee")?;
    let why = served
        .join()
        .map_err(|_| anyhow::anyhow!("the callee panicked"))?;
    times.with_context(|| format!("the callee ended with: {why:#}"))
}

fn make_calls(
    caller: &mut impl Peer,
    outstanding: u64,
    seconds: Duration,
) -> anyhow::Result<Vec<Duration>> {
    let mut times = Vec::with_capacity(1 << 20);
    let (mut asked, mut answered) = (0_u64, 0);
    // A tenth of the time passes before the first call counts.
    for (counts, seconds) in [(false, seconds / 10), (true, seconds)] {
        let mut now = Instant::now();
        let deadline = now + seconds;
        let mut began = VecDeque::new();
        for _ in 0..outstanding {
            caller.ask(asked)?;
            began.push_back(now);
            asked += 1;
        }
        while answered < asked {
            let got = caller.answer()?;
            // There is one callee, and it answers in order.
            anyhow::ensure!(
                got == answered,
                "the answer to {got} came before that to {answered}"
            );
            answered += 1;
            let began_at = began.pop_front().context("an answer to nothing")?;
            now = Instant::now();
            if counts {
                times.push(now - began_at);
            }
            if now < deadline {
                caller.ask(asked)?;
                began.push_back(now);
                asked += 1;
            }
        }
    }
    Ok(times)
}

fn report(mut times: Vec<Duration>, seconds: Duration) -> anyhow::Result<()> {
    times.sort_unstable();
    anyhow::ensure!(!times.is_empty(), "no call was answered");
    let at = |percent: usize| times[(times.len() - 1) * percent / 100].as_secs_f64() * 1e6;
    #[expect(clippy::cast_precision_loss, reason = "far below 2^53 calls")]
    let rate = times.len() as f64 / seconds.as_secs_f64();
    say!("{rate:.0} {:.1} {:.1}", at(50), at(99))
}

/// Publishes for a while; gives how many events a second have reached subscribers.
fn fan<P: Peer + 'static>(
    address: SocketAddr,
    subscribers: usize,
    seconds: Duration,
    join: fn(SocketAddr) -> anyhow::Result<P>,
) -> anyhow::Result<f64> {
    let mut readers = Vec::new();
    let mut ends = Vec::new();
    for _ in 0..subscribers {
        let mut reader = join(address)?;
        reader.subscribe()?;
        ends.push(reader.connection()?);
        let got = Arc::new(AtomicU64::new(0));
        let counter = got.clone();
        let publisher = thread::current();
        readers.push(got);
        thread::spawn(move || {
            while reader.event().is_ok() {
                // The publisher may go on when the slowest has half its window read.
                if counter.fetch_add(1, Ordering::Release) % (WINDOW / 2) == WINDOW / 2 - 1 {
                    publisher.unpark();
                }
            }
        });
    }
    let mut publisher = join(address)?;
    let slowest = || {
        readers
            .iter()
            .map(|got| got.load(Ordering::Acquire))
            .min()
            .unwrap_or(0)
    };
    let mut sent = 0_u64;
    let began = Instant::now();
    while began.elapsed() < seconds {
        for _ in 0..WINDOW / 4 {
            publisher.publish(sent)?;
            sent += 1;
        }
        publisher.flush()?;
        while sent > slowest() + WINDOW {
            thread::park_timeout(Duration::from_millis(1));
        }
    }
    while slowest() < sent {
        anyhow::ensure!(began.elapsed() < seconds * 10, "events were lost");
        thread::park_timeout(Duration::from_millis(1));
    }
    let took = began.elapsed();
    for end in ends {
        // The subscriber's thread ends with it.
        end.shutdown(std::net::Shutdown::Both)
            .context("cannot end a subscriber")?;
    }
    let delivered = sent * u64::try_from(subscribers).unwrap_or(0);
    #[expect(clippy::cast_precision_loss, reason = "far below 2^53 events")]
    let rate = delivered as f64 / took.as_secs_f64();
    Ok(rate)
}

/// Holds sessions until stdin ends.
fn idle(address: SocketAddr, sessions: usize) -> anyhow::Result<()> {
    allow_many_connections();
    let mut held = Vec::with_capacity(sessions);
    for _ in 0..sessions {
        held.push(Wamp::join(address)?);
    }
    say!("{} sessions", held.len())?;
    log!("holding them until stdin ends");
    for line in io::stdin().lock().lines() {
        line.context("cannot read stdin")?;
    }
    // Each still answers: that nobody serves the name.
    for wamp in &mut held {
        wamp.no_such_procedure()?;
    }
    say!("{} sessions have answered", held.len())
}

/// Lets the process have as many open files as the system allows it (`RLIMIT_NOFILE`).
#[cfg(unix)]
fn allow_many_connections() {
    use rustix::process::{Resource, getrlimit, setrlimit};
    let mut limit = getrlimit(Resource::Nofile);
    limit.current = limit.maximum;
    // Where it cannot be raised, the first connection too many says so.
    let _kept = setrlimit(Resource::Nofile, limit);
}

/// Windows has no such limit.
#[cfg(not(unix))]
fn allow_many_connections() {}
