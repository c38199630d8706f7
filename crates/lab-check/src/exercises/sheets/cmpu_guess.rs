//! What the sheet asks for in cmpu-guess, and what that counts.

use lab_judge::sheet::{Asked, asks};

pub const SERVER: &[Asked] = &[
    asks(
        2,
        "the guessing game: the server answers a guess with HIGHER, LOWER or CORRECT",
        &["answers"],
    ),
    asks(
        3,
        "the guessing game: HIGHER means that the number is higher than the guess, LOWER that it is lower",
        &["direction"],
    ),
    asks(
        1,
        "the guessing game: the server receives and sends with one UDP socket",
        &["same-port"],
    ),
    asks(
        2,
        "the guessing game: the server runs forever, and serves every player",
        &["goes-on"],
    ),
    asks(
        1,
        "the guessing game: the number is drawn once, at the start",
        &["sent-again"],
    ),
    asks(
        2,
        "the guessing game: all players guess the same number",
        &["one-number"],
    ),
    asks(
        2,
        "the guessing game: the number is from 1 to 100, and can be found",
        &["every-number"],
    ),
    asks(
        1,
        "the guessing game: what is not a whole number gets an answer that begins with ERROR",
        &["not-a-number"],
    ),
];

pub const CLIENT: &[Asked] = &[
    asks(
        2,
        "the guessing game: the client sends what the user types",
        &["sends"],
    ),
    asks(
        3,
        "the guessing game: the user guesses until the answer is CORRECT",
        &["plays"],
    ),
    asks(
        2,
        "the guessing game: the client prints each answer",
        &["prints"],
    ),
];
