//! Wrong words on the command line: what is wrong, and what was meant.

use crate::tool::{code, errors, run};

pub fn a_wrong_command_line_is_told_with_what_was_meant() {
    for (words, says) in [
        (
            &["check", "dsd-sum", "--server"][..],
            "No value provided for option '--server'.",
        ),
        (
            &["check", "dsd-sum", "--server", "--only", "whole"],
            "No value provided for option '--server'.",
        ),
        (&["check", "DSD-SUM"], "did you mean dsd-sum?"),
        (&["watch", "dsd-smu", "--next"], "did you mean dsd-sum?"),
        (
            &["check", "dsd-sum", "--sever", "x"],
            "did you mean --server?",
        ),
        (
            &["check", "dsd-sum", "--only", "hole"],
            "cargo lab check dsd-sum --list shows them",
        ),
    ] {
        let out = run(words);
        assert_eq!(code(&out), 3, "{words:?}: {}", errors(&out));
        assert!(errors(&out).contains(says), "{words:?}: {}", errors(&out));
    }
}
