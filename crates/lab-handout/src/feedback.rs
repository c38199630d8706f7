//! `feedback.py`: what a hand-out of the Python programs has where there is neither a check nor a
//! test.

use lab_core::catalog::{Exercise, Program};

use crate::bundle::Entry;
use crate::kind::Kind;

/// The script that a hand-out of the Python programs has for want of a check.
pub fn script(exercise: &Exercise, kind: Kind) -> Entry {
    let program = |program: &Program| {
        let side = program.role.name();
        format!("    (\"{}\", \"{side}\"),\n", kind.source(program))
    };
    let programs: String = exercise.programs.iter().map(program).collect();
    let mut text =
        include_str!("feedback.py").replace("PROGRAMS = []", &format!("PROGRAMS = [\n{programs}]"));
    if exercise
        .programs
        .iter()
        .any(|program| program.needs_web_server)
    {
        text = text.replace("WEB = False", "WEB = True");
    }
    Entry {
        bytes: text.into_bytes(),
        executable: false,
    }
}
