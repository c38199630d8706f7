//! What a case found out: a verdict, the misconception behind a failure, and the evidence.
//!
//! One file, since these are the types that every case gives and every report reads.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::time::{Duration, SystemTime};

use lab_journal::Journal;

pub use crate::events::{Ends, Event, Excerpt, Log, Passed, What};
use crate::misconceptions::{self, Misconception};
use crate::sheet::{self, Asked, Question};

/// How a case ended.
#[derive(Debug, Clone)]
pub enum Outcome {
    /// What the case's name says was shown to be so.
    Passed,
    /// It was not.
    Failed(Box<Failure>),
    /// Not tried, and why.
    Skipped(String),
    /// Tried, but nothing can be said about the program, and why.
    Undecided(String),
}

/// A failure: which mistake it points to, and what was seen.
#[derive(Debug, Clone)]
pub struct Failure {
    /// The mistake that this failure is a sign of.
    pub misconception: &'static Misconception,
    /// What was seen, in a sentence.
    pub summary: String,
    /// Bytes that should have come, and those that came.
    pub diff: Option<Diff>,
    /// Where the program listens, when that is not where it was told to.
    pub elsewhere: Option<SocketAddr>,
}

/// Bytes that should have come next to those that came.
#[derive(Debug, Clone)]
pub struct Diff {
    /// What was expected, whole.
    pub expected: Vec<u8>,
    /// What came. Where the two part, or the shorter ends, is what went wrong.
    pub received: Vec<u8>,
}

impl Diff {
    /// The first byte at which the two differ.
    pub fn parting(&self) -> usize {
        self.expected
            .iter()
            .zip(&self.received)
            .take_while(|(a, b)| a == b)
            .count()
    }
}

/// Why a case ends before its end.
#[derive(Debug)]
pub enum Stop {
    /// The program under test is wrong.
    Wrong(Box<Failure>),
    /// Nothing can be said about it.
    Undecided(String),
    /// The case has no question for this command, and why.
    NotAsked(String),
}

impl Stop {
    /// The same of a program that listens at this address instead.
    #[must_use]
    pub fn listens_at(mut self, address: SocketAddr) -> Self {
        if let Stop::Wrong(failure) = &mut self {
            failure.elsewhere = Some(address);
        }
        self
    }
}

/// What the steps of a case give.
pub type Step<T = ()> = Result<T, Stop>;

/// A failure without bytes to compare.
pub fn wrong(misconception: &'static Misconception, summary: impl Into<String>) -> Stop {
    Stop::Wrong(Box::new(Failure {
        misconception,
        summary: summary.into(),
        diff: None,
        elsewhere: None,
    }))
}

/// So many bytes of value 0 are the rest of a buffer, where none is expected.
const REST_OF_A_BUFFER: [u8; 8] = [0; 8];

/// A failure with the bytes that differ.
pub fn differs(
    misconception: &'static Misconception,
    summary: impl Into<String>,
    expected: &[u8],
    received: &[u8],
) -> Stop {
    let zeros = |bytes: &[u8]| memchr::memmem::find(bytes, &REST_OF_A_BUFFER).is_some();
    let vague = misconception.id == misconceptions::WRONG_ANSWER.id;
    let misconception = match vague && zeros(received) && !zeros(expected) {
        true => &misconceptions::WHOLE_BUFFER,
        false => misconception,
    };
    Stop::Wrong(Box::new(Failure {
        misconception,
        summary: summary.into(),
        diff: Some(Diff {
            expected: expected.to_vec(),
            received: received.to_vec(),
        }),
        elsewhere: None,
    }))
}

/// The check itself could not do its part: the case stays undecided.
pub fn undecided(what: &str, error: &dyn std::fmt::Display) -> Stop {
    Stop::Undecided(format!("{what}: {error}"))
}

/// A case's result with all that a reader needs to understand it.
#[derive(Debug, Clone)]
pub struct CaseReport {
    /// The side that it was played with: `server`, `client` or `program`; or [`TESTS`].
    pub role: &'static str,
    /// The case's short name, for `--only`.
    pub id: &'static str,
    /// The sentence that it shows to be so.
    pub name: &'static str,
    /// The part of the sheet that asks for it, where one does.
    pub asked: Option<&'static Asked>,
    /// How it ended.
    pub outcome: Outcome,
    /// What happened on the wire.
    pub events: Vec<Event>,
    /// The program under test: how it ended and what it printed.
    pub programs: Vec<ProgramReport>,
    /// Whether the case asks this command anything. One that does not counts nothing.
    pub applies: bool,
    /// Whether only the port is wrong: where the program listens instead, the case passes.
    pub only_the_port: bool,
    /// What the sheet leaves open.
    pub notes: Vec<String>,
    /// When it began.
    pub began: SystemTime,
    /// How long the case took.
    pub elapsed: Duration,
    /// What happened, call by call, where that was asked for: `--trace`.
    pub trace: Option<Journal>,
}

/// What stands in a case's role for the exercise's own tests: they are about all sides together.
pub const TESTS: &str = "tests";

impl CaseReport {
    /// The question that the case answers.
    pub fn question(&self) -> Question {
        match self.role {
            TESTS => Question::Tests,
            _ => Question::of(self.asked),
        }
    }
}

/// How a program under test ended, and what it printed.
#[derive(Debug, Clone)]
pub struct ProgramReport {
    /// How it ended, when it did so by itself: `ended with exit code 1`.
    pub ended: Option<String>,
    /// Its output.
    pub stdout: Excerpt,
    /// Its messages.
    pub stderr: Excerpt,
}

/// A side that is checked.
#[derive(Debug, Clone)]
pub struct Side {
    /// `server`, `client` or `program`; or [`TESTS`].
    pub role: &'static str,
    /// The command line under test, as it was given.
    pub command: String,
    /// Where the README of our own program is.
    pub readme: String,
    /// The section in it that explains, where it has one.
    pub section: Option<String>,
}

/// The result of a whole check. It holds all cases from the beginning on, undecided until they have
/// been played, so that a check that is stopped has a result too.
#[derive(Debug, Clone, Default)]
pub struct Report {
    /// The exercise's name.
    pub exercise: String,
    /// What is checked: one side, or both.
    pub sides: Vec<Side>,
    /// Whose program it is, in what its author reads.
    pub student: Option<String>,
    /// The folder in which the programs ran, where it was given.
    pub folder: Option<String>,
    /// What makes the run repeatable.
    pub seed: u64,
    /// The further options on which a verdict may depend, as on the command line: ` --patience 3`.
    pub options: String,
    /// The results, in the order of the cases.
    pub cases: Vec<CaseReport>,
    /// Whether the second question counts as the first does.
    pub strict: bool,
    /// What a case counts, by its name, where that is not what it counts by itself.
    pub weights: BTreeMap<String, u32>,
    /// What all that decides stands for in points, where the instructor says so.
    pub points: Option<u32>,
    /// What the reader has to know besides the cases.
    pub remarks: Vec<String>,
    /// What went wrong with the check itself.
    pub trouble: Option<String>,
    /// The exit code of a check that a signal stopped.
    pub stopped_with: Option<u8>,
    /// How long it all took.
    pub elapsed: Duration,
}

impl Report {
    /// How many of all cases passed, failed, were skipped, and stayed undecided.
    pub fn counts(&self) -> Counts {
        counted(self.cases.iter())
    }

    /// The same of the cases that answer a question.
    pub fn counts_of(&self, question: Question) -> Counts {
        counted(self.answering(question))
    }

    /// The cases that answer a question.
    pub fn answering(&self, question: Question) -> impl Iterator<Item = &CaseReport> {
        let cases = self.cases.iter();
        cases.filter(move |case| case.question() == question)
    }

    /// The case of this side with this short name.
    pub fn case_mut(&mut self, role: &str, id: &str) -> Option<&mut CaseReport> {
        let mut cases = self.cases.iter_mut();
        cases.find(|case| case.role == role && case.id == id)
    }

    /// Whether a case has a say in the verdict, in the exit code and in the score.
    pub fn decides(&self, case: &CaseReport) -> bool {
        self.strict || case.question() == Question::Sheet
    }

    /// What a case counts among those that answer its question.
    pub fn weight(&self, case: &CaseReport) -> u32 {
        if !case.applies {
            return 0;
        }
        let own = sheet::weight(case.asked);
        self.weights.get(case.id).copied().unwrap_or(own)
    }

    /// What a case earned: its weight when it passed, and half of it when only the port is wrong. A
    /// case that was skipped has not shown anything, so it earns nothing.
    pub fn earned(&self, case: &CaseReport) -> u32 {
        match case.outcome {
            Outcome::Passed => self.weight(case),
            Outcome::Failed(_) if case.only_the_port => self.weight(case) / 2,
            _ => 0,
        }
    }

    /// What the cases that decide earned, and what they could.
    pub fn score(&self) -> (u32, u32) {
        self.sum(self.cases.iter().filter(|case| self.decides(case)))
    }

    /// So much of the score in the instructor's points; `None` where there are none.
    pub fn in_points(&self, earned: u32) -> Option<f64> {
        let (of, all) = (self.points?, self.score().1);
        (all > 0).then(|| f64::from(of) * f64::from(earned) / f64::from(all))
    }

    /// What the cases earned that answer a question, and what they could.
    pub fn score_of(&self, question: Question) -> (u32, u32) {
        self.sum(self.answering(question))
    }

    fn sum<'a>(&self, cases: impl Iterator<Item = &'a CaseReport>) -> (u32, u32) {
        cases.fold((0, 0), |(earned, all), case| {
            (earned + self.earned(case), all + self.weight(case))
        })
    }

    /// The side that a case was played with.
    pub fn side(&self, case: &CaseReport) -> Option<&Side> {
        self.sides.iter().find(|side| side.role == case.role)
    }

    /// The case's name among all of the report: with its side where there are two.
    pub fn full_name(&self, case: &CaseReport) -> String {
        let sides = self.sides.iter().filter(|side| side.role != TESTS);
        match sides.count() {
            0 | 1 => case.id.to_string(),
            _ if case.role == TESTS => case.id.to_string(),
            _ => format!("{} {}", case.role, case.id),
        }
    }

    /// Whether no case has been tried.
    pub fn nothing_played(&self) -> bool {
        self.cases.iter().all(|case| case.elapsed.is_zero())
    }

    /// The exit code: 0 all that decide pass, 1 some fail, 2 undecided, 3 our trouble, or a signal.
    pub fn exit_code(&self) -> u8 {
        let counts = counted(self.cases.iter().filter(|case| self.decides(case)));
        if let Some(code) = self.stopped_with {
            code
        } else if self.trouble.is_some() {
            3
        } else if counts.failed > 0 {
            1
        } else if counts.undecided > 0 || counts.passed == 0 {
            2
        } else {
            0
        }
    }
}

fn counted<'a>(cases: impl Iterator<Item = &'a CaseReport>) -> Counts {
    let mut counts = Counts::default();
    for case in cases {
        *match case.outcome {
            Outcome::Passed => &mut counts.passed,
            Outcome::Failed(_) => &mut counts.failed,
            Outcome::Skipped(_) => &mut counts.skipped,
            Outcome::Undecided(_) => &mut counts.undecided,
        } += 1;
    }
    counts
}

/// How many cases ended how.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Counts {
    /// Shown to be so.
    pub passed: usize,
    /// Shown to be wrong.
    pub failed: usize,
    /// Not tried.
    pub skipped: usize,
    /// Tried without a result.
    pub undecided: usize,
}

impl Counts {
    /// All of them.
    pub fn total(self) -> usize {
        self.passed + self.failed + self.skipped + self.undecided
    }
}
