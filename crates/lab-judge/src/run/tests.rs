use super::*;
use crate::command::Template;
use crate::exercise::Host;
use crate::ports::Protocol;
use crate::report::{self, Format};
use crate::sheet::asks;
use crate::verdict::Side;

static CASES: &[Case] = &[
    Case {
        id: "before",
        name: "is played",
        depends_on: &[],
        play: |_| Ok(()),
    },
    Case {
        id: "broken",
        name: "meets a mistake of ours",
        depends_on: &["before"],
        play: |_| panic!("an index out of bounds"),
    },
    Case {
        id: "after",
        name: "is played all the same",
        depends_on: &["before"],
        play: |_| Ok(()),
    },
];

static ROLE: Role = Role {
    kind: Kind::Server,
    package: "a-server",
    arguments: "",
    message: "",
    host: Host::Loopback,
    port: 1,
    protocol: Protocol::Tcp,
    cases: CASES,
    sheet: &[asks(
        1,
        "exercise 1: it does all of it",
        &["before", "broken", "after"],
    )],
    remark: "",
};

#[test]
fn a_panic_in_a_case_leaves_a_result_in_every_format() {
    let plan = Plan {
        only: Vec::new(),
        jobs: 2,
        begin: Instant::now(),
        limit: Duration::from_secs(60),
    };
    let target = asleep(&plan, Duration::from_secs(10));
    let shared_report = SharedReport::default();
    {
        let mut report = shared_report.lock().unwrap();
        report.cases = not_played(&ROLE, &plan);
        report.sides.push(Side {
            role: "server",
            command: "true {port}".to_string(),
            readme: String::new(),
            section: None,
        });
    }
    play(&ROLE, &target, &plan, &shared_report, &|_| {});
    let report = shared_report.lock().unwrap().clone();
    let outcomes: Vec<bool> = report
        .cases
        .iter()
        .map(|case| matches!(case.outcome, Outcome::Passed))
        .collect();
    assert_eq!(outcomes, [true, false, true]);
    assert_eq!(report.exit_code(), 3);
    for format in Format::ALL {
        let text = report::render(&report, format, false).unwrap();
        assert!(
            text.contains("an index out of bounds"),
            "{format:?}: {text}"
        );
    }
}

fn asleep(plan: &Plan, case_limit: Duration) -> Target {
    Target {
        kind: Kind::Server,
        message: "",
        command: Template::parse("sleep 1000 {port}").unwrap(),
        address: "127.0.0.1:1".parse().unwrap(),
        protocol: Protocol::Tcp,
        patience: Duration::from_secs(2),
        case_limit,
        folder: None,
        seed: 1,
        until: plan.begin + plan.limit,
        own_network: false,
        recorder: None,
        any_host: false,
    }
}

/// What comes of a case that is played alone, with so much time for it and for the whole check.
#[cfg(target_os = "linux")]
fn outcome(
    play: fn(&mut Harness<'_>) -> crate::verdict::Step,
    case_limit: Duration,
    limit: Duration,
) -> Outcome {
    let case = Case {
        id: "case",
        name: "is played",
        depends_on: &[],
        play,
    };
    let plan = Plan {
        only: Vec::new(),
        jobs: 1,
        begin: Instant::now(),
        limit,
    };
    let target = asleep(&plan, case_limit);
    one(&ROLE, &case, &target, &plan, &SharedReport::default()).outcome
}

#[test]
fn a_panic_before_a_case_begins_leaves_no_worker_waiting_for_it() {
    let plan = Plan {
        only: Vec::new(),
        jobs: 2,
        begin: Instant::now(),
        limit: Duration::from_secs(60),
    };
    // No moment is that far off: the harness cannot be made.
    let mut target = asleep(&plan, Duration::MAX);
    target.patience = Duration::from_secs(1);
    let shared_report = SharedReport::default();
    let (done, over) = std::sync::mpsc::channel();
    let shown = Arc::clone(&shared_report);
    thread::spawn(move || {
        play(&ROLE, &target, &plan, &shown, &|_| {});
        done.send(())
    });
    over.recv_timeout(Duration::from_secs(60))
        .expect("the check comes to its end");
    let report = shared_report.lock().unwrap().clone();
    assert_eq!(report.counts().undecided, 1, "{report:?}");
    assert_eq!(report.counts().skipped, 2, "{report:?}");
    assert_eq!(report.exit_code(), 3);
}

#[cfg(target_os = "linux")]
const AMPLE: Duration = Duration::from_secs(600);

#[cfg(target_os = "linux")]
#[test]
fn a_step_that_the_end_of_its_case_cuts_short_is_no_failure_and_one_that_had_its_time_is() {
    let play: fn(&mut Harness<'_>) -> crate::verdict::Step = |harness| {
        harness.start("")?;
        harness.ends("after nothing").map(|_| ())
    };
    let cut = outcome(play, Duration::from_millis(300), AMPLE);
    assert!(
        matches!(&cut, Outcome::Undecided(why) if why.contains("the 0.3 seconds for a case")),
        "{cut:?}"
    );
    let whole = outcome(play, AMPLE, AMPLE);
    assert!(
        matches!(&whole, Outcome::Failed(failure) if failure.summary.contains("still ran 2 seconds")),
        "{whole:?}"
    );
}

/// A server of ours on the harness's address: it echoes
/// what comes, to one client after another, a moment later.
#[cfg(target_os = "linux")]
fn slow_echo(harness: &mut Harness<'_>) -> crate::verdict::Step {
    use std::io::{Read, Write};
    use std::net::TcpListener;

    use crate::steps;

    let listener = TcpListener::bind(harness.address).unwrap();
    thread::spawn(move || {
        for stream in listener.incoming() {
            let Ok(mut stream) = stream else { return };
            let mut piece = [0; 16];
            while let Ok(count @ 1..) = stream.read(&mut piece) {
                thread::sleep(Duration::from_millis(50));
                if stream.write_all(&piece[..count]).is_err() {
                    break;
                }
            }
        }
    });
    steps::many(harness, 200, |harness, client| {
        steps::exchange(
            harness,
            client,
            &[b"hello"],
            b"hello",
            &crate::misconceptions::NO_ANSWER,
        )
    })
}

#[cfg(target_os = "linux")]
#[test]
fn a_server_that_is_too_slow_for_all_of_many_clients_is_not_called_wrong() {
    let found = outcome(slow_echo, Duration::from_secs(1), AMPLE);
    let Outcome::Undecided(why) = &found else {
        panic!("{found:?}");
    };
    let (served, rest) = why.split_once(' ').unwrap();
    assert_eq!(rest, "of 200 clients were served in the 1 second of a case");
    let served: usize = served.parse().unwrap();
    assert!((1..=20).contains(&served), "{why}");
}

#[cfg(target_os = "linux")]
#[test]
fn a_case_that_looks_at_no_time_ends_with_the_programs_that_the_limit_of_the_check_ends() {
    let endless: fn(&mut Harness<'_>) -> crate::verdict::Step = |harness| {
        // What it starts, it starts again; to a case that
        // expects an end this one must not pass for it.
        for _ in 0..2 {
            harness.start("")?;
            while harness.program()?.ended().is_none() {
                thread::sleep(Duration::from_millis(5));
            }
        }
        Ok(())
    };
    let begin = Instant::now();
    let found = outcome(endless, AMPLE, Duration::from_secs(1));
    assert!(
        matches!(&found, Outcome::Undecided(why) if why.contains("1 second for the whole check")),
        "{found:?}"
    );
    assert!(begin.elapsed() < Duration::from_secs(30));
}
