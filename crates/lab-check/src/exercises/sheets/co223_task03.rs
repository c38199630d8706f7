//! What the sheet asks for in co223-task03, and what that counts.

use lab_judge::sheet::{Asked, asks};

pub const SERVER: &[Asked] = &[
    asks(
        4,
        "task 3: the server sends back whatever a client sends",
        &["whole"],
    ),
    asks(
        2,
        "task 3: the server does so until the client closes the connection",
        &["several"],
    ),
    asks(
        2,
        "task 3: the server runs forever, and serves one client after another",
        &["goes-on"],
    ),
];

pub const CLIENT: &[Asked] = &[
    asks(
        2,
        "task 3: the client connects, and sends a message",
        &["sends"],
    ),
    asks(
        2,
        "task 3: the client displays what the server sends back",
        &["prints"],
    ),
];
