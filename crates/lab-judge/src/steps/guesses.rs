//! What the answers to guesses say about the number, and about how a server compares.

use std::cmp::Ordering;
use std::fmt;

use crate::misconceptions::{self as m, Misconception};

/// What a server says about a guess.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Verdict {
    /// The number is higher.
    Higher,
    /// The number is lower.
    Lower,
    /// It is the number.
    Correct,
}

impl Verdict {
    /// What is said where the number stands so to the guess.
    fn of(order: Ordering) -> Self {
        match order {
            Ordering::Greater => Verdict::Higher,
            Ordering::Less => Verdict::Lower,
            Ordering::Equal => Verdict::Correct,
        }
    }
}

impl fmt::Display for Verdict {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Verdict::Higher => "HIGHER",
            Verdict::Lower => "LOWER",
            Verdict::Correct => "CORRECT",
        })
    }
}

/// What explains answers that no number from 1 to 100 has; `None` where one has all of them, and
/// where neither texts nor answers the wrong way around explain them.
pub fn mistaken(answers: &[(u32, Verdict)]) -> Option<&'static Misconception> {
    let fits = |order: fn(u32, u32) -> Ordering| {
        (1..=100).any(|number| {
            let mut answers = answers.iter();
            answers.all(|(guess, answer)| Verdict::of(order(number, *guess)) == *answer)
        })
    };
    if fits(|number, guess| number.cmp(&guess)) {
        None
    } else if fits(|number, guess| number.to_string().cmp(&guess.to_string())) {
        Some(&m::GUESS_TEXT)
    } else {
        let turned = [(1, Verdict::Lower), (100, Verdict::Higher)];
        let is_turned = answers.iter().any(|answer| turned.contains(answer));
        is_turned.then_some(&m::GUESS_DIRECTION)
    }
}

/// `HIGHER to 1, LOWER to 100`
pub fn listed(answers: &[(u32, Verdict)]) -> String {
    let words = answers.iter();
    let words = words.map(|(guess, answer)| format!("{answer} to {guess}"));
    words.collect::<Vec<_>>().join(", ")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn found(order: impl Fn(u32, u32) -> Ordering, number: u32) -> Option<&'static str> {
        let answers = [1, 100, 2, 9, 10].map(|guess| (guess, Verdict::of(order(number, guess))));
        mistaken(&answers).map(|mistake| mistake.id)
    }

    #[test]
    fn a_few_guesses_tell_text_and_turned_around_answers_from_right_ones() {
        for number in 1..=100_u32 {
            assert_eq!(found(|number, guess| number.cmp(&guess), number), None);
            let text = |number: u32, guess: u32| number.to_string().cmp(&guess.to_string());
            // As text 1 is the least too.
            let expected = (number > 1).then_some("guess-text");
            assert_eq!(found(text, number), expected, "{number}");
            let turned = |number: u32, guess: u32| guess.cmp(&number);
            assert_eq!(found(turned, number), Some("guess-direction"), "{number}");
            // It is never CORRECT: that is another mistake.
            let never = |number: u32, guess: u32| number.cmp(&guess).then(Ordering::Greater);
            if number < 100 {
                assert_eq!(found(never, number), None, "{number}");
            }
        }
    }
}
