//! What the sheet asks for in dsd-hello, and what that counts.

use lab_judge::sheet::{Asked, asks};

pub const SERVER: &[Asked] = &[
    asks(
        4,
        "exercise 1: the server sends each message back in this sentence, which ends with a period: I got \"…\" from you and I am sending it back",
        &["whole"],
    ),
    asks(
        2,
        "exercise 1: the server answers whatever it receives until the client closes",
        &["several", "half-close"],
    ),
    asks(
        1,
        "exercise 1: the answer holds the text that the client has sent",
        &["short", "same-text"],
    ),
    asks(
        1,
        "exercise 1: the server ends after its client; exercise 3: it keeps running",
        &["ends"],
    ),
];

pub const CLIENT: &[Asked] = &[
    asks(
        2,
        "exercise 1: the client connects, and sends its message",
        &["sends"],
    ),
    asks(
        2,
        "exercise 1: the client receives the answer with one recv, and prints it",
        &["prints"],
    ),
];
