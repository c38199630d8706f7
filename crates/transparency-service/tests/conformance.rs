//! Other people's yardsticks: the WAMP project's message vectors, and the fuzzing client of
//! Autobahn|Testsuite. `scripts/peers` fetches both.

#![allow(clippy::unwrap_used, reason = "a test may fail by a panic anywhere")]

mod support;
// Both run vectors of one format: the WAMP project's here, the library's own there.
#[path = "../../transparency-middleware/tests/vectors/mod.rs"]
mod vectors;

use std::collections::BTreeMap;
use std::fs;
use std::process::Command;
use std::time::{Duration, Instant};

use support::{DEADLINE, folder, peers, rust};
use transparency_middleware::messages::Dict;
use vectors::Count;

#[test]
#[cfg_attr(
    no_vectors,
    ignore = "the WAMP project's vectors are not there: scripts/peers"
)]
fn the_published_message_vectors_decode_and_encode_and_the_invalid_ones_are_refused() {
    let mut count = Count::default();
    let mut files = 0;
    for profile in ["basic", "advanced"] {
        let folder = peers()
            .join("wamp-proto/testsuite/singlemessage")
            .join(profile);
        for entry in fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            let text = fs::read_to_string(&path).unwrap();
            vectors::run(
                &path.file_name().unwrap().to_string_lossy(),
                &text,
                &mut count,
            );
            files += 1;
        }
    }
    eprintln!("{files} files: {count:?}");
    // As many as there were in version 26.10.2 of autobahn's sources; later ones may have more.
    assert!(
        files >= 26 && count.serialized >= 35 && count.valid >= 39 && count.refused >= 28,
        "{files} files: {count:?}"
    );
}

/// How long the fuzzing client may take for all of its cases: on a quiet machine it takes a minute.
const FUZZING_TIME: Duration = DEADLINE.saturating_mul(30);

#[test]
#[cfg_attr(
    no_testsuite,
    ignore = "Autobahn|Testsuite is not installed: scripts/peers"
)]
fn the_fuzzing_client_finds_nothing_wrong_with_the_websocket_layer() {
    let (router, address) = rust("transparency-router").args(&["--echo"]).serve();
    let folder = folder("fuzzingclient");
    let spec = format!(
        r#"{{"outdir": "reports", "servers": [{{"agent": "router", "url": "ws://{address}"}}],
            "cases": ["1.*", "2.*", "3.*", "4.*", "5.*", "6.*", "7.*", "10.*"],
            "exclude-cases": [], "exclude-agent-cases": {{}}}}"#
    );
    fs::write(folder.join("spec.json"), spec).unwrap();
    let log = fs::File::create(folder.join("log")).unwrap();
    let mut client = Command::new(peers().canonicalize().unwrap().join("testsuite/bin/wstest"))
        .args(["-m", "fuzzingclient", "-s", "spec.json"])
        .current_dir(&folder)
        .stdout(log.try_clone().unwrap())
        .stderr(log)
        .spawn()
        .unwrap();
    let deadline = Instant::now() + FUZZING_TIME;
    let status = loop {
        if let Some(status) = client.try_wait().unwrap() {
            break status;
        }
        if Instant::now() > deadline {
            client.kill().unwrap();
            client.wait().unwrap();
            panic!("the fuzzing client is not done after {FUZZING_TIME:?}");
        }
        std::thread::sleep(Duration::from_millis(50));
    };
    assert!(status.success(), "{status}");
    drop(router);

    let index = fs::read_to_string(folder.join("reports/index.json")).unwrap();
    let index: Dict = serde_json::from_str(&index).unwrap();
    let mut outcomes: BTreeMap<String, usize> = BTreeMap::new();
    let mut wrong = Vec::new();
    for (case, outcome) in index.dict("router").unwrap().iter() {
        let outcome = outcome.as_dict().unwrap();
        let behavior = outcome.str("behavior").unwrap();
        let close = outcome.str("behaviorClose").unwrap();
        *outcomes.entry(behavior.to_string()).or_default() += 1;
        let good = ["OK", "NON-STRICT", "INFORMATIONAL"].contains(&behavior)
            && ["OK", "INFORMATIONAL"].contains(&close);
        if !good {
            wrong.push(format!("{case}: {behavior}, close {close}"));
        }
    }
    eprintln!("{outcomes:?}");
    assert!(wrong.is_empty(), "{wrong:#?}");
    let total: usize = outcomes.values().sum();
    assert!(total >= 247, "only {total} cases were run");
}
