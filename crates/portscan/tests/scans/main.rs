//! The tests of the scanner, one binary for all.
//!
//! | module | holds |
//! |---|---|
//! | [`bounds`] | memory, and the time for banners |
//! | [`command`] | the command as a user meets it |
//! | [`diff`] | what differs between two scans |
//! | [`field`] | networks in which other scanners, or this one, were wrong |
//! | [`formats`] | the forms of a report |
//! | [`interrupted`] | scans that are interrupted and continued |
//! | [`options`] | what may be asked for, and what a process may lack |
//! | [`loopback`] | scans of this machine's own addresses, in a network namespace |
//! | [`netns`] | scans of another machine behind a slow link |
//! | [`networks`] | the scheduler against networks of hosts with many faults |
//! | [`random`] | random numbers for simulated networks |
//! | [`scripted`] | the scheduler against a network that a test writes down |
//! | [`simulation`] | the scheduler against a simulated network |
//! | [`watch`] | what a scan tells while it runs |
//! | [`wire`] | what leaves this machine |
//! | [`lesson`] | the lesson's traps, as a student runs them |
//! | [`listeners`] | listeners on random ports, and the truth about open ports |
//! | [`namespace`] | network namespaces, and the rights to make them |
//! | [`link`] | two namespaces joined by a slow link |
//!
//! `cargo test -p portscan` takes each kind of network once. The longer runs are ignored by
//! default: `cargo test --release -p portscan --test scans -- --include-ignored`

#![allow(clippy::unwrap_used, clippy::print_stdout, reason = "these are tests")]

#[cfg(unix)]
mod bounds;
#[cfg(unix)]
mod command;
#[cfg(unix)]
mod diff;
#[cfg(target_os = "linux")]
mod field;
#[cfg(unix)]
mod formats;
#[cfg(unix)]
mod interrupted;
#[cfg(target_os = "linux")]
mod lesson;
#[cfg(target_os = "linux")]
mod link;
#[cfg(unix)]
mod listeners;
#[cfg(target_os = "linux")]
mod loopback;
#[cfg(unix)]
mod namespace;
#[cfg(target_os = "linux")]
mod netns;
mod networks;
#[cfg(unix)]
mod options;
mod random;
mod scripted;
mod simulation;
#[cfg(target_os = "linux")]
mod watch;
#[cfg(target_os = "linux")]
mod wire;
