//! A server that listens on another port than it was
//! told to: what else it does right is looked at there.

use std::net::SocketAddr;
use std::path::Path;
use std::sync::{Arc, Mutex};

use lab_judge::exercise::{Kind, Role};
use lab_judge::harness::Target;
use lab_judge::run::{self, Plan, SharedReport};
use lab_judge::verdict::{Outcome, Report};
use labnet::lock;

/// Plays the cases of such a server at the port where it
/// listens. The case that told of the port stays failed.
pub fn play(role: &Role, target: &Target, plan: &Plan, shared_report: &SharedReport) {
    let Some(address) = address(&lock(shared_report), role, target) else {
        return;
    };
    let there = Target {
        command: target
            .command
            .with_folder("port", Path::new(&address.port().to_string())),
        address,
        ..target.clone()
    };
    let second: SharedReport = Arc::new(Mutex::new(Report {
        cases: run::not_played(role, plan),
        ..Report::default()
    }));
    run::play(role, &there, plan, &second, &|_| {});
    let mut report = lock(shared_report);
    let second = lock(&second);
    // It listens somewhere else each time: nothing was learned.
    let mut found = second.cases.iter();
    if !found.any(|case| matches!(case.outcome, Outcome::Passed)) {
        return;
    }
    for found in &second.cases {
        let Some(first) = report.case_mut(found.role, found.id) else {
            continue;
        };
        let told =
            matches!(&first.outcome, Outcome::Failed(failure) if failure.elsewhere.is_some());
        if !told {
            *first = found.clone();
        } else if matches!(found.outcome, Outcome::Passed) {
            first.only_the_port = true;
            first.notes.push(format!(
                "at {address}, where the program listens, this case passes: only the port is wrong, so it earns half"
            ));
        }
    }
    report.remarks.push(format!(
        "the {} listens at {address} and not where it was told to: all other cases were played there",
        role.kind.name()
    ));
}

/// Where the server listens that was not found at its address, if one can connect to that.
fn address(report: &Report, role: &Role, target: &Target) -> Option<SocketAddr> {
    let cases = || {
        report
            .cases
            .iter()
            .filter(|case| case.role == role.kind.name())
    };
    let skipped = cases().any(|case| matches!(case.outcome, Outcome::Skipped(_)));
    if role.kind != Kind::Server || !skipped {
        return None;
    }
    let mut address = cases().find_map(|case| match &case.outcome {
        Outcome::Failed(failure) => failure.elsewhere,
        _ => None,
    })?;
    if address.ip().is_unspecified() {
        address.set_ip(target.address.ip());
    }
    address.ip().is_loopback().then_some(address)
}
