//! The engine of `cargo lab check`: it plays the other side of any program, and says what it saw.
//!
//! | module | holds |
//! |---|---|
//! | [`exercise`] | what can be checked: an exercise, its sides, its cases |
//! | [`sheet`] | the two questions, and what of the first a sheet asks for |
//! | [`kind`] | which side of an exercise a program is |
//! | [`cases`] | cases that several exercises share |
//! | [`steps`] | steps that many cases take |
//! | [`peers`] | how we behave badly, within what the network allows |
//! | [`process`] | running theirs: groups that end, output that is drained |
//! | [`harness`] | what a case works with: the program, our side of the wire, the time |
//! | [`run`] | plays the cases of a role, side by side |
//! | [`crash`] | what a program that crashed said of it, and what that makes of a failure |
//! | [`verdict`], [`misconceptions`] | what a result means |
//! | [`events`] | what happens in a case, as it is written down |
//! | [`journal`] | a case as a journal, which can be drawn |
//! | [`report`] | how it is told, to a person or a machine |
//! | [`procfs`] | what only the system can tell: queues, holders of ports, processes |
//! | [`seccomp`] | a system that has no socket to give |
//! | [`limit`] | time limits that mean the same on a busy machine |
//! | [`command`], [`ports`] | the command line under test, and a port for it |
//! | [`scratch`] | a folder for a program that keeps files |
//!
//! # To add a check
//!
//! An exercise is a file in `src/exercises/` of `lab-check` with a `pub static EXERCISE: Exercise`.
//! A [`Case`](exercise::Case) has a short name, a sentence that is true when it passes, the cases
//! without which it says nothing, and a function that plays it on a [`Harness`](harness::Harness):
//!
//! ```ignore
//! Case {
//!     id: "cut-text",
//!     name: "puts together a message that is cut in the middle",
//!     depends_on: &["whole"],
//!     play: |harness| {
//!         // Starts the server, and connects when it listens.
//!         let mut client = harness.serve()?;
//!         // The second piece goes when the first has been read.
//!         let taken = client.send_apart(&[b"hel", b"lo"]);
//!         harness.must_take(taken, &m::CLOSES_EARLY)?;
//!         let received = client.read(b"hello");
//!         match received.end {
//!             ReadEnd::Complete => Ok(()),
//!             _ => Err(differs(&m::ONE_RECV, "…", b"hello", &received.bytes)),
//!         }
//!     },
//! }
//! ```
//!
//! Then a wrong answer that fails it: a file in `gallery/EXERCISE/`, whose first lines say what it
//! is and which cases it has to fail with which misconception. The test `check-matrix` plays it,
//! and fails when a case has no wrong answer.

pub mod cases;
pub mod command;
mod crash;
pub mod events;
pub mod exercise;
pub mod harness;
pub mod journal;
pub mod kind;
pub mod limit;
pub mod misconceptions;
pub mod peers;
pub mod ports;
pub mod process;
pub mod procfs;
pub mod report;
pub mod run;
pub mod scratch;
pub mod seccomp;
pub mod sheet;
pub mod steps;
pub mod verdict;
