//! What the sheet asks for in codio-echo, and what that counts.

use lab_judge::sheet::{Asked, asks};

pub const SERVER: &[Asked] = &[
    asks(
        4,
        "the echo server: what a client sends is sent back to it",
        &["whole"],
    ),
    asks(
        2,
        "the echo server: it receives and sends until the client closes",
        &["several", "half-close"],
    ),
    asks(
        1,
        "the echo server: it serves one client, and then it ends",
        &["ends"],
    ),
];

pub const CLIENT: &[Asked] = &[
    asks(
        2,
        "the echo client: it connects, and sends its message",
        &["sends"],
    ),
    asks(
        2,
        "the echo client: it receives the answer with one recv, prints it, and ends",
        &["prints"],
    ),
];
