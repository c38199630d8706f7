//! What the sheet asks for in co223-task02, and what that counts.

use lab_judge::sheet::{Asked, asks};

pub const SERVER: &[Asked] = &[
    asks(
        3,
        "task 2: the server sends a message, any text, to the client, and closes the connection",
        &["whole"],
    ),
    asks(
        2,
        "task 2: the server runs forever, and does so for each client",
        &["goes-on"],
    ),
];

pub const CLIENT: &[Asked] = &[asks(
    1,
    "task 2: the client receives the message, and displays it",
    &["prints"],
)];
