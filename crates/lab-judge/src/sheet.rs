//! The questions of a check, and what of the first a sheet asks for.

/// A part of the sheet, and the cases that show whether a program does what it asks.
#[derive(Debug, PartialEq, Eq)]
pub struct Asked {
    /// What each of the cases counts in a score. What the exercise is about counts most.
    pub weight: u32,
    /// The exercise and its sentence, in our words.
    pub words: &'static str,
    /// The cases, by their names.
    pub cases: &'static [&'static str],
}

/// A part of the sheet: what each of its cases counts, its words, and the cases.
pub const fn asks(weight: u32, words: &'static str, cases: &'static [&'static str]) -> Asked {
    Asked {
        weight,
        words,
        cases,
    }
}

/// What a case counts by itself.
pub fn weight(asked: Option<&Asked>) -> u32 {
    asked.map_or(1, |asked| asked.weight)
}

/// What a case is about. Verdict and exit code follow
/// the first question; the second is told next to it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Question {
    /// The program as the sheet has it.
    Sheet,
    /// What the sheet does not ask for, and other programs and networks do all the same.
    Network,
    /// The exercise's own tests, which come with a hand-out: asked there alone.
    Tests,
}

impl Question {
    /// All, in the order in which they are asked.
    pub const ALL: [Question; 3] = [Question::Sheet, Question::Network, Question::Tests];

    /// The question of a case, by what of the sheet asks for it.
    pub fn of(asked: Option<&Asked>) -> Self {
        match asked {
            Some(_) => Question::Sheet,
            None => Question::Network,
        }
    }

    /// The question itself.
    pub fn words(self) -> &'static str {
        match self {
            Question::Sheet => "Does it do what the sheet asks?",
            Question::Network => "Would it survive a real network?",
            Question::Tests => "Does it pass the exercise's tests?",
        }
    }

    /// Its name for machines.
    pub fn name(self) -> &'static str {
        match self {
            Question::Sheet => "sheet",
            Question::Network => "network",
            Question::Tests => "tests",
        }
    }
}
