//! Each kind of distribution transparency, proved on processes
//! that are really moved, stopped and killed, under load.
//!
//! The counts are exact: what the counter holds at the
//! end is compared with what its callers were told.
//!
//! One file, since every test is one promise of the README, kept by the three programs.

#![allow(clippy::unwrap_used, reason = "a test may fail by a panic anywhere")]

mod support;

use std::fs;
use std::io::{Read, Write};
use std::net::TcpStream;
use std::path::Path;
use std::process::Command;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, mpsc};
use std::thread;
use std::time::{Duration, Instant};

use support::{
    ADD, CALL_TIMEOUT, COUNT, DEADLINE, Load, Running, VALUE, builder, eventually, folder, router,
    service, session, signal, start_service,
};
use transparency_middleware::client::{
    Auth, Call, Caller, Error, ErrorReply, Event, Local, PendingCall, Procedure, Session,
};
use transparency_middleware::messages::{Invoke, Payload};

/// The topic of the counter's new totals.
const CHANGED: &str = "org.example.counter.changed";
/// The callers of a load: as many as the exercise asks for.
const CALLERS: usize = 4;

// Access: one way to call, wherever the procedure is.

/// What a caller does that does not know where its procedures are.
fn calls_by_name(caller: &dyn Caller) {
    assert_eq!(caller.call::<i64>(ADD, &(2, 3)), Ok(5));
    let divide = "org.example.calculator.divide";
    assert_eq!(caller.call::<f64>(divide, &(1, 4)), Ok(0.25));
    let error = caller.call::<f64>(divide, &(1, 0)).unwrap_err();
    assert_eq!(error.uri(), "org.example.error.division_by_zero");
    let error = caller.call::<i64>(ADD, &("two", 3)).unwrap_err();
    assert_eq!(error.uri(), "wamp.error.invalid_argument");
    let error = caller.call::<i64>("org.example.nobody", &()).unwrap_err();
    assert_eq!(error.uri(), "wamp.error.no_such_procedure");
}

#[test]
fn access_a_procedure_in_the_same_process_is_called_like_any_other() {
    let here = Local::new();
    let add = Procedure::new(ADD, |(a, b): (i64, i64)| Ok(a + b));
    let divide = Procedure::new("org.example.calculator.divide", |(a, b): (f64, f64)| {
        let uri = "org.example.error.division_by_zero";
        if b == 0.0 {
            Err(ErrorReply::new(uri, "nothing can be divided by 0"))
        } else {
            Ok(a / b)
        }
    });
    here.register(add).unwrap();
    here.register(divide).unwrap();
    calls_by_name(&here);
}

#[test]
fn access_a_procedure_in_another_process_is_called_the_same_way() {
    let router = router(&[]);
    let log = folder("access").join("log");
    let _service = service(&router.url, &log, &["--format", "cbor"]);
    calls_by_name(&session(&router.url));
}

#[test]
#[cfg_attr(no_peers, ignore = "autobahn-python is not installed: scripts/peers")]
fn access_a_procedure_in_python_is_called_the_same_way() {
    let router = router(&[]);
    let log = folder("access-python").join("log");
    let mut twin = support::python_service(&router.url, &log);
    twin.error_line_with("serving");
    calls_by_name(&session(&router.url));
}

// Location: a name and no place.

#[test]
fn location_the_service_moves_and_its_caller_is_the_same() {
    let router = router(&[]);
    let folder = folder("location");
    let call = || {
        let finished = support::rust("transparency-caller")
            .args(&["--router", &router.url, ADD, "2", "3"])
            .run();
        (finished.code, finished.stdout)
    };
    let expected = (
        Some(0),
        "org.example.calculator.add(2, 3) = 5\n".to_string(),
    );
    let first = service(&router.url, &folder.join("one"), &[]);
    assert_eq!(call(), expected);
    let port_of_the_first = local_port(&first);
    first.stop();
    // Another process, another port, another serialization.
    let second = service(&router.url, &folder.join("two"), &["--format", "msgpack"]);
    assert_ne!(local_port(&second), port_of_the_first);
    assert_eq!(call(), expected);
}

/// The port of a process's connection to the router, by the kernel's table.
fn local_port(running: &Running) -> String {
    let fds = fs::read_dir(format!("/proc/{}/fd", running.id())).unwrap();
    let sockets: Vec<String> = fds
        .filter_map(|fd| fs::read_link(fd.unwrap().path()).ok())
        .filter_map(|link| {
            let link = link.to_str()?.strip_prefix("socket:[")?.strip_suffix(']')?;
            Some(link.to_string())
        })
        .collect();
    let table = fs::read_to_string(format!("/proc/{}/net/tcp", running.id())).unwrap();
    let line = table.lines().find(|line| {
        let inode = line.split_whitespace().nth(9);
        inode.is_some_and(|inode| sockets.iter().any(|socket| socket == inode))
    });
    line.unwrap().split_whitespace().nth(1).unwrap().to_string()
}

// Migration: register the new, unregister the old, drain, leave.

#[test]
fn migration_under_the_load_of_4_callers_loses_no_call_and_does_none_twice() {
    migrate("migration", [Language::Rust; 3]);
}

#[test]
#[cfg_attr(no_peers, ignore = "autobahn-python is not installed: scripts/peers")]
fn migration_to_the_python_twin_and_back_loses_no_call_and_does_none_twice() {
    use Language::{Python, Rust};
    migrate("migration-twin", [Python, Rust, Python]);
}

#[derive(Clone, Copy)]
enum Language {
    Rust,
    Python,
}

/// Replaces a service under load by one in each of these languages in turn.
fn migrate(folder_name: &str, successors: [Language; 3]) {
    let router = router(&[]);
    let log = folder(folder_name).join("log");
    let mut old = service(&router.url, &log, &[]);
    // Not idempotent: a repeated call would hide a lost one.
    let load = Load::start(CALLERS, || session(&router.url), COUNT, false);
    load.more(200);
    for language in successors {
        let new = match language {
            Language::Rust => service(&router.url, &log, &[]),
            Language::Python => {
                let mut twin = support::python_service(&router.url, &log);
                twin.error_line_with("serving");
                twin
            }
        };
        load.more(50);
        signal(&old, "TERM");
        let finished = old.finish();
        assert_eq!(finished.code, Some(0), "{}", finished.stderr);
        load.more(200);
        old = new;
    }
    let tally = load.stop();
    assert_eq!(tally.errors, [], "calls that failed");
    let total: i64 = session(&router.url).call(VALUE, &()).unwrap();
    assert_eq!(
        usize::try_from(total).unwrap(),
        tally.results,
        "lost or done twice"
    );
}

/// A twin whose disk takes 50 ms for each line, asked to end while additions wait for it.
#[test]
#[cfg_attr(no_peers, ignore = "autobahn-python is not installed: scripts/peers")]
fn migration_the_python_twin_ends_the_calls_under_way_before_it_leaves() {
    let router = router(&[]);
    let log = folder("drain-twin").join("log");
    let twin = python_service_with_a_slow_disk(&router.url, &log);
    let caller = session(&router.url);
    let pending = eight_additions(&caller);
    signal(&twin, "TERM");
    for (total, call) in (1..).zip(pending) {
        assert_eq!(call.result::<i64>(), Ok(total));
    }
    let finished = twin.finish();
    assert_eq!(finished.code, Some(0), "{}", finished.stderr);
    assert_eq!(fs::read_to_string(&log).unwrap().lines().count(), 8);
}

fn python_service_with_a_slow_disk(url: &str, log: &Path) -> Running {
    const SLOW_DISK: &str = "import os, runpy, sys, time
sync = os.fdatasync
os.fdatasync = lambda fd: (time.sleep(0.05), sync(fd))
sys.argv = sys.argv[1:]
runpy.run_path(sys.argv[0], run_name='__main__')";
    let mut command = Command::new(support::peers().join("python/bin/python"));
    command
        .args(["-c", SLOW_DISK])
        .arg(concat!(env!("CARGO_MANIFEST_DIR"), "/twin.py"))
        .args(["--router", url, "--log"])
        .arg(log);
    let mut twin = support::program::Program::new("twin.py", command).start();
    twin.error_line_with("serving");
    twin
}

/// Additions that the service has taken, and of which it has not ended most.
fn eight_additions(caller: &Session) -> Vec<PendingCall> {
    let pending = (0..8).map(|_| {
        let call = Call::with_args(caller, COUNT, &(1,)).unwrap();
        caller.start(call).unwrap()
    });
    let pending = pending.collect();
    // It has all of them by the time it has answered something later.
    assert_eq!(caller.call::<i64>(ADD, &(2, 3)), Ok(5));
    pending
}

/// Anyone who adds and does not wait for the answer: the addition ends all the same, and the next
/// one starts from its total.
#[test]
#[cfg_attr(no_peers, ignore = "autobahn-python is not installed: scripts/peers")]
fn concurrency_additions_of_the_python_twin_stay_apart_when_their_callers_cancel() {
    let router = router(&[]);
    let log = folder("cancel-twin").join("log");
    let twin = python_service_with_a_slow_disk(&router.url, &log);
    let (caller, onlooker) = (session(&router.url), session(&router.url));
    let (sender, events) = mpsc::channel();
    onlooker
        .subscribe(CHANGED, move |event| {
            sender.send(event.args::<(i64,)>().unwrap().0).unwrap();
        })
        .unwrap();
    for call in eight_additions(&caller) {
        call.cancel();
    }
    assert_eq!(caller.call(COUNT, &(1,)), Ok(9));
    for total in 1..=9 {
        assert_eq!(events.recv_timeout(DEADLINE), Ok(total));
    }
    signal(&twin, "TERM");
    assert_eq!(twin.finish().code, Some(0));
    // Each line is checked against the one before.
    let _reads_it = service(&router.url, &log, &[]);
    assert_eq!(caller.call(VALUE, &()), Ok(9));
}

/// A service that has lost its router looks for one, and ends all the same when it is asked to.
#[test]
#[cfg_attr(no_peers, ignore = "autobahn-python is not installed: scripts/peers")]
fn migration_the_python_twin_ends_without_a_router_too() {
    let router = router(&[]);
    let log = folder("drain-alone").join("log");
    let mut twin = support::python_service(&router.url, &log);
    twin.error_line_with("serving");
    router.running.stop();
    signal(&twin, "TERM");
    assert_eq!(twin.finish().code, Some(0));
}

// Relocation: the router moves.

#[test]
fn relocation_of_the_router_ends_each_call_in_time_with_a_result_or_a_typed_error() {
    let old = router(&[]);
    // Where the next one is going to be.
    let (place, elsewhere) = free_port();
    let urls = [old.url.as_str(), elsewhere.as_str()];
    let log = folder("relocation").join("log");
    let both = format!("{} {}", urls[0], urls[1]);
    let args = both.split(' ').skip(1).flat_map(|url| ["--router", url]);
    let mut service = service(&old.url, &log, &args.collect::<Vec<_>>());
    let connect = || builder(&urls).connect().unwrap();
    let counting = Load::start(CALLERS, connect, COUNT, false);
    let adding = Load::start(CALLERS, connect, ADD, true);
    counting.more(50);
    adding.more(50);
    old.running.stop();
    let port = format!("--port={place}");
    let mut new = support::rust("transparency-router").args(&[&port]).start();
    new.listening();
    service.error_line_with("connected again");
    counting.more(50);
    adding.more(50);
    let (counting, adding) = (counting.stop(), adding.stop());
    assert_eq!(
        adding.errors,
        [],
        "idempotent calls go on at the new router"
    );
    let limit = CALL_TIMEOUT + Duration::from_secs(1);
    assert!(counting.longest < limit, "{:?}", counting.longest);
    assert!(adding.longest < limit, "{:?}", adding.longest);
    // Every addition that was confirmed counts once, and at most those in doubt count besides.
    let total: i64 = session(&elsewhere).call(VALUE, &()).unwrap();
    assert_between(total, counting.results, counting.ambiguous());
}

/// A port that was free a moment ago, and the address of a router there.
fn free_port() -> (u16, String) {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    (port, format!("ws://127.0.0.1:{port}/ws"))
}

fn assert_between(total: i64, confirmed: usize, in_doubt: usize) {
    let total = usize::try_from(total).unwrap();
    assert!(
        (confirmed..=confirmed + in_doubt).contains(&total),
        "the total is {total} after {confirmed} additions and {in_doubt} in doubt"
    );
}

// Replication: how many serve the name is not the caller's business.

#[test]
fn replication_shares_300_calls_among_3_replicas_100_each() {
    let router = router(&[]);
    let folder = folder("replication");
    let mut replicas: Vec<Running> = ["a", "b", "c"]
        .iter()
        .map(|name| service(&router.url, &folder.join(name), &[]))
        .collect();
    let finished = support::rust("transparency-caller")
        .args(&[
            "--router",
            &router.url,
            "--count",
            "300",
            "--parallel",
            "8",
            ADD,
            "1",
            "2",
        ])
        .run();
    assert_eq!(finished.code, Some(0), "{}", finished.stderr);
    assert_eq!(finished.stderr, "300 calls: 300 result\n");
    for replica in &mut replicas {
        for _ in 0..100 {
            assert_eq!(replica.line(), "org.example.calculator.add(1, 2) = 3");
        }
    }
    let lines = replicas.into_iter().map(|replica| {
        signal(&replica, "TERM");
        replica.finish().stdout.lines().count()
    });
    assert_eq!(lines.collect::<Vec<_>>(), [100, 100, 100]);
}

#[test]
fn replication_keeps_a_hot_standby_that_goes_on_with_the_same_state() {
    let router = router(&[]);
    let log = folder("standby").join("log");
    let first = service(&router.url, &log, &[]);
    let second = service(&router.url, &log, &[]);
    let caller = session(&router.url);
    for expected in 1..=10 {
        assert_eq!(caller.call(COUNT, &(1,)), Ok(expected));
    }
    let first = first.stop();
    let additions = first.stdout.matches("counter.add(").count();
    assert_eq!(additions, 10, "one has all the calls");
    eventually("the standby has the calls", || {
        caller.call::<i64>(VALUE, &()) == Ok(10)
    });
    assert_eq!(caller.call(COUNT, &(1,)), Ok(11));
    signal(&second, "TERM");
    assert_eq!(second.finish().code, Some(0));
}

// Concurrency: answers come in any order, and each reaches its call.

#[test]
fn concurrency_64_callers_with_random_delays_get_each_its_own_answer() {
    const AT_ONCE: usize = 64;
    const EACH: i64 = 20;
    let router = router(&[]);
    let callee = builder(&[&router.url]).workers(AT_ONCE).connect().unwrap();
    let overtaken = Arc::new(AtomicUsize::new(0));
    let (begun, ended) = (Arc::new(AtomicUsize::new(0)), Arc::clone(&overtaken));
    let slow = Procedure::with_invocation("org.example.slow", move |invocation| {
        let (number,): (i64,) = invocation.args()?;
        let place = begun.fetch_add(1, Ordering::SeqCst);
        invocation.wait_cancelled(Duration::from_micros(rand::random_range(0..5000)));
        if begun.load(Ordering::SeqCst) > place + 1 {
            ended.fetch_add(1, Ordering::SeqCst);
        }
        Ok(invocation.result(&(number * 2))?)
    });
    callee.register(slow).unwrap();
    // All on one session: its request ids tell the answers apart.
    let caller = session(&router.url);
    thread::scope(|scope| {
        for thread in 0..AT_ONCE {
            let caller = &caller;
            scope.spawn(move || {
                for round in 0..EACH {
                    let number = i64::try_from(thread).unwrap() * 1000 + round;
                    let double: i64 = caller.call("org.example.slow", &(number,)).unwrap();
                    assert_eq!(double, number * 2);
                }
            });
        }
    });
    assert!(
        overtaken.load(Ordering::SeqCst) > 100,
        "the answers came in order"
    );
}

// Failure: another replica answers, or there is a typed error.

#[test]
fn failure_a_replica_that_is_killed_during_calls_leaves_them_to_the_other() {
    let mut router = router(&["--metrics", "127.0.0.1:0"]);
    let counters = router.running.error_line_with("counters at");
    let (_, counters) = counters.split_once("http://").unwrap();
    let folder = folder("killed");
    // Whatever it is given is still in progress when it dies.
    let victim = service(&router.url, &folder.join("a"), &["--work", "30"]);
    let _other = service(&router.url, &folder.join("b"), &[]);
    let load = Load::start(CALLERS, || session(&router.url), ADD, true);
    // Roundrobin: three results of the other are the second,
    // fourth and sixth call, so the victim has the odd ones.
    load.until("the victim has calls", |tally| tally.results >= 3);
    let victim = victim.stop();
    assert_eq!(victim.stdout, "", "it has answered nothing");
    load.more(200);
    let tally = load.stop();
    assert_eq!(tally.errors, [], "idempotent calls that failed");
    // Each result took a CALL, and those that met the victim a second one.
    let calls = counter_of(counters, "wamp_calls_total");
    let again = calls - tally.results;
    assert!(
        (3..=CALLERS).contains(&again),
        "{again} calls were made again"
    );
}

/// One of the router's counters, from its page for Prometheus.
fn counter_of(page: &str, name: &str) -> usize {
    let (address, _) = page.split_once('/').unwrap();
    let mut socket = TcpStream::connect(address).unwrap();
    socket.set_read_timeout(Some(DEADLINE)).unwrap();
    socket
        .write_all(b"GET /metrics HTTP/1.1\r\nHost: router\r\n\r\n")
        .unwrap();
    let mut text = String::new();
    socket.read_to_string(&mut text).unwrap();
    let value = text
        .lines()
        .find_map(|line| line.strip_prefix(name)?.strip_prefix(' '));
    value.unwrap().parse().unwrap()
}

#[test]
fn failure_a_replica_that_is_stopped_during_calls_leaves_them_to_the_other() {
    // The router, too, finds out soon that a session no longer speaks.
    let router = router(&["--ping-after", "1"]);
    let folder = folder("stopped");
    let victim = service(&router.url, &folder.join("a"), &[]);
    let _other = service(&router.url, &folder.join("b"), &[]);
    let connect = || {
        let builder = builder(&[&router.url]);
        builder
            .attempt_timeout(Duration::from_millis(300))
            .connect()
            .unwrap()
    };
    let load = Load::start(CALLERS, connect, ADD, true);
    load.more(50);
    signal(&victim, "STOP");
    load.more(500);
    let tally = load.stop();
    assert_eq!(tally.errors, [], "idempotent calls that failed");
    let attempt = Duration::from_millis(300);
    assert!(tally.longest >= attempt, "no call met the stopped replica");
    signal(&victim, "KILL");
}

#[test]
fn failure_a_call_that_is_not_idempotent_is_never_made_again() {
    let router = router(&[]);
    let folder = folder("not-again");
    // Each addition takes so long that all four are in flight when the replica dies.
    let victim = service(&router.url, &folder.join("a"), &["--work", "30"]);
    let other = service(&router.url, &folder.join("b"), &["--work", "30"]);
    let caller = session(&router.url);
    let pending: Vec<_> = (0..4)
        .map(|number| {
            let args = Payload::new(caller.format(), &(number, 1)).unwrap();
            caller
                .start(Call::new(ADD, args).timeout(DEADLINE))
                .unwrap()
        })
        .collect();
    // Two of them wait in each replica; the router knows
    // by the time it has answered something later.
    let error = caller.call::<()>("org.example.nobody", &()).unwrap_err();
    assert_eq!(error.uri(), "wamp.error.no_such_procedure");
    victim.stop();
    let mut pending = pending.into_iter();
    // Roundrobin: the first and the third were the victim's.
    for index in 0..4 {
        let call = pending.next().unwrap();
        if index % 2 == 0 {
            let error = call.wait().unwrap_err();
            assert_eq!(error.uri(), "wamp.error.canceled");
            assert!(error.is_ambiguous());
        } else {
            call.cancel();
        }
    }
    // The other one was never asked a third time: it answers its own two, and no more.
    signal(&other, "TERM");
    let finished = other.finish();
    assert_eq!(finished.stdout.lines().count(), 2, "{}", finished.stdout);
}

// Persistence: the state is the service's, and outlives its process.

#[test]
fn persistence_a_counter_killed_under_load_comes_back_with_all_that_it_confirmed() {
    let router = router(&[]);
    let log = folder("persistence").join("log");
    let (mut confirmed, mut in_doubt) = (0, 0);
    for _ in 0..3 {
        let service = service(&router.url, &log, &[]);
        let load = Load::start(CALLERS, || session(&router.url), COUNT, false);
        load.more(100);
        service.stop();
        load.until("the callers notice", |tally| !tally.errors.is_empty());
        let tally = load.stop();
        confirmed += tally.results;
        in_doubt += tally.ambiguous();
    }
    let _service = service(&router.url, &log, &[]);
    let total: i64 = session(&router.url).call(VALUE, &()).unwrap();
    assert_between(total, confirmed, in_doubt);
    // A caller who does not know repeats an addition under its key, as often as it likes.
    let caller = session(&router.url);
    for _ in 0..3 {
        let once = caller.call::<i64>("org.example.counter.add_once", &(5, "invoice-17"));
        assert_eq!(once, Ok(total + 5));
    }
}

// Scaling: more replicas, more calls.

#[test]
#[ignore = "a figure: it wants a quiet machine"]
fn scaling_from_1_to_4_replicas_gives_at_least_3_5_times_the_calls() {
    const CALLS: u32 = 120;
    let router = router(&[]);
    let folder = folder("scaling");
    // A service that waits, one call at a time: for a disk, for another service.
    let replica = |name: &str| {
        let args = ["--work", "0.02", "--workers", "1"];
        service(&router.url, &folder.join(name), &args)
    };
    let _first = replica("a");
    let caller = session(&router.url);
    let time = || {
        let begun = Instant::now();
        let pending: Vec<_> = (0..CALLS)
            .map(|number| {
                let args = Payload::new(caller.format(), &(number, 1)).unwrap();
                caller
                    .start(Call::new(ADD, args).timeout(DEADLINE))
                    .unwrap()
            })
            .collect();
        for (number, call) in (0..CALLS).zip(pending) {
            assert_eq!(call.result::<u32>(), Ok(number + 1));
        }
        begun.elapsed().as_secs_f64()
    };
    let one = time();
    let _others = ["b", "c", "d"].map(replica);
    let four = time();
    assert!(
        one / four >= 3.5,
        "{one:.2} s with 1 replica, {four:.2} s with 4"
    );
}

// Security: who may do what is the router's to decide, and not a matter of where one is.

const REALMS: &str = r#"
[realms.realm1]

[[realms.realm1.roles.service]]
uri = "org.example."
match = "prefix"
allow = ["register", "publish", "call"]

[[realms.realm1.roles.caller]]
uri = "org.example.calculator."
match = "prefix"
allow = ["call"]
"#;

const SECRETS: &str = r#"
[[principals]]
realm = "realm1"
authid = "service"
role = "service"
secret = "the service's secret"

[[principals]]
realm = "realm1"
authid = "caller"
role = "caller"
ticket = "the caller's ticket"
"#;

#[test]
fn security_a_wrong_proof_is_refused_and_a_role_does_what_it_may() {
    let folder = folder("security");
    let write = |name: &str, text: &str| {
        let path = folder.join(name);
        fs::write(&path, text).unwrap();
        path.to_str().unwrap().to_string()
    };
    let (realms, secrets) = (write("realms.toml", REALMS), write("secrets.toml", SECRETS));
    let router = router(&["--config", &realms, "--secrets", &secrets]);
    let secret = write("secret", "the service's secret\n");
    let args = ["--authid", "service", "--secret", &secret];
    let _service = service(&router.url, &folder.join("log"), &args);

    let enter = |auth: Auth| builder(&[&router.url]).auth(auth).connect();
    let ticket = |ticket: &str| Auth::Ticket {
        authid: "caller".to_string(),
        ticket: ticket.to_string(),
    };
    let wrong_signature = Auth::Cra {
        authid: "service".to_string(),
        secret: "guessed".to_string(),
    };
    for wrong in [ticket("guessed"), wrong_signature, Auth::Anonymous] {
        let shown = format!("{wrong:?}");
        let error = enter(wrong).unwrap_err();
        assert!(matches!(error, Error::Refused { .. }), "{shown}: {error}");
        let denied = [
            "wamp.error.authentication_denied",
            "wamp.error.authentication_required",
        ];
        assert!(denied.contains(&error.uri()), "{shown}: {error}");
    }
    let caller = enter(ticket("the caller's ticket")).unwrap();
    assert_eq!(caller.call::<i64>(ADD, &(2, 3)), Ok(5));
    let not_authorized = |result: Result<(), Error>| {
        assert_eq!(result.unwrap_err().uri(), "wamp.error.not_authorized");
    };
    not_authorized(caller.call(COUNT, &(1,)));
    let mine = Procedure::new(ADD, |()| Ok(())).invoke(Invoke::RoundRobin);
    not_authorized(caller.register(mine).map(drop));
    not_authorized(caller.subscribe(CHANGED, |_| {}).map(drop));
}

// Events: what the counter tells those who look on.

/// Each new total, in the order of the additions, however many add at once; and an addition that is
/// repeated under its key is none.
fn the_topic_tells_each_new_total_once_and_in_order(url: &str) {
    let caller = session(url);
    let (sender, events) = mpsc::channel();
    let told = move |event: &Event| {
        let (total,): (i64,) = event.args().unwrap();
        // The test listens to the end, unless it has failed.
        sender.send(total).unwrap();
    };
    caller.subscribe(CHANGED, told).unwrap();
    let once = || caller.call::<i64>("org.example.counter.add_once", &(10, "invoice-17"));
    assert_eq!(once(), Ok(10));
    assert_eq!(caller.call(COUNT, &(5,)), Ok(15));
    assert_eq!(once(), Ok(10), "the total of then");
    let load = Load::start(4 * CALLERS, || session(url), COUNT, false);
    load.more(200);
    let tally = load.stop();
    assert_eq!(tally.errors, [], "calls that failed");
    let last = 15 + i64::try_from(tally.results).unwrap();
    assert_eq!(once(), Ok(10));
    assert_eq!(caller.call(COUNT, &(1,)), Ok(last + 1));
    for expected in std::iter::once(10).chain(15..=last + 1) {
        assert_eq!(events.recv_timeout(DEADLINE), Ok(expected));
    }
}

#[test]
fn events_of_the_counter_are_its_new_totals_in_their_order() {
    let router = router(&[]);
    let _service = service(&router.url, &folder("topic").join("log"), &[]);
    the_topic_tells_each_new_total_once_and_in_order(&router.url);
}

#[test]
#[cfg_attr(no_peers, ignore = "autobahn-python is not installed: scripts/peers")]
fn events_of_the_python_twin_are_the_same() {
    let router = router(&[]);
    let mut twin = support::python_service(&router.url, &folder("topic-twin").join("log"));
    twin.error_line_with("serving");
    the_topic_tells_each_new_total_once_and_in_order(&router.url);
}

// And what they are told when something is wrong.

#[test]
fn both_programs_say_in_a_line_and_a_hint_that_there_is_no_router() {
    let (_, url) = free_port();
    for program in ["transparency-service", "transparency-caller"] {
        let log = folder(program).join("log");
        let mut args = vec!["--router", &url];
        if program == "transparency-service" {
            args.extend(["--log", log.to_str().unwrap()]);
        }
        let finished = support::rust(program).args(&args).run();
        assert_eq!(finished.code, Some(1), "{program}");
        let lines: Vec<&str> = finished.stderr.lines().collect();
        let [error, hint] = lines[..] else {
            panic!("{program}: {}", finished.stderr);
        };
        assert!(error.starts_with("Error: cannot join realm1 at"), "{error}");
        assert!(error.contains("refused"), "{error}");
        assert_eq!(
            hint,
            "hint: is the router running? cargo run -p transparency-router"
        );
    }
}

#[test]
fn a_damaged_log_is_refused_before_anything_is_served() {
    let router = router(&[]);
    let log = folder("damaged").join("log");
    fs::write(&log, "1 1 - 00000000\n2 1 - 00000000\n").unwrap();
    let finished = start_service(&router.url, &log, &[]).finish();
    assert_eq!(finished.code, Some(1));
    assert!(
        finished.stderr.contains("line 1 is not what was written"),
        "{}",
        finished.stderr
    );
    assert_eq!(
        fs::read_to_string(&log).unwrap(),
        "1 1 - 00000000\n2 1 - 00000000\n"
    );
    assert!(Path::new(&log).exists());
}

#[test]
fn the_service_survives_the_reader_of_its_transcript() {
    let router = router(&[]);
    let log = folder("transcript").join("log");
    let mut command = support::rust("transparency-service");
    command
        .command()
        .args(["--router", &router.url, "--log"])
        .arg(&log);
    let mut child = command
        .command()
        .stdout(std::process::Stdio::piped())
        .stderr(std::process::Stdio::null())
        .spawn()
        .unwrap();
    drop(child.stdout.take());
    let caller: Session = session(&router.url);
    // Its procedures are registered one after another:
    // the counter may come a moment after the first.
    eventually("the service counts", || caller.call(COUNT, &(1,)) == Ok(1));
    child.kill().unwrap();
    child.wait().unwrap();
}
