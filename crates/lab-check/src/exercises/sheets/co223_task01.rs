//! What the sheet asks for in co223-task01, and what that counts.

use lab_judge::sheet::{Asked, asks};

pub const SERVER: &[Asked] = &[
    asks(
        3,
        "task 1: the server accepts a client, and prints the address that the connection comes from",
        &["whole"],
    ),
    asks(
        2,
        "task 1: the server runs forever, and takes one client after another",
        &["goes-on"],
    ),
];

pub const CLIENT: &[Asked] = &[asks(
    1,
    "task 1: the client connects to the server, and does nothing else",
    &["connects"],
)];
