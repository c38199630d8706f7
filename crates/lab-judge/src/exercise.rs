//! What can be checked: an exercise, its sides, and the cases that are played with a side.

use crate::harness::Harness;
pub use crate::kind::Kind;
use crate::ports::Protocol;
use crate::sheet::Asked;
use crate::verdict::Step;

/// An exercise that can be checked.
pub struct Exercise {
    /// Its name in the index.
    pub name: &'static str,
    /// The sides that can be checked.
    pub roles: &'static [Role],
}

/// One side of an exercise.
pub struct Role {
    /// Which.
    pub kind: Kind,
    /// Our own program: its package, and the arguments that its command takes.
    pub package: &'static str,
    /// The arguments after our program's name.
    pub arguments: &'static str,
    /// What its user tells it to send, for `{message}` and for a program that asks; empty where
    /// there is no such thing.
    pub message: &'static str,
    /// The address of the sheet.
    pub host: Host,
    /// The port of the sheet.
    pub port: u16,
    /// What it speaks.
    pub protocol: Protocol,
    /// The cases, in the order that teaches.
    pub cases: &'static [Case],
    /// What the sheet asks for. A case that is not named here answers the second question.
    pub sheet: &'static [Asked],
    /// What of the sheet is not checked, or must wait; said in the help.
    pub remark: &'static str,
}

impl Role {
    /// The part of the sheet that asks for what a case shows.
    pub fn asked(&self, case: &str) -> Option<&'static Asked> {
        self.sheet.iter().find(|asked| asked.cases.contains(&case))
    }
}

/// The host that a sheet's program has built in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Host {
    /// 127.0.0.1, also where the sheet writes localhost or listens on all interfaces.
    Loopback,
    /// This machine's own name, resolved.
    OwnName,
    /// One of the Internet's, for a client: the check is
    /// there in its place, whatever its name or address.
    Internet,
}

/// Something that is tried with a program, and what it shows.
pub struct Case {
    /// A short name, for `--only`.
    pub id: &'static str,
    /// What is so when the case passes, as a sentence without
    /// its subject: `answers a message that arrives whole`.
    pub name: &'static str,
    /// The cases without which this one says nothing.
    pub depends_on: &'static [&'static str],
    /// Plays it.
    pub play: fn(&mut Harness<'_>) -> Step,
}
