//! What the sheet asks for in transparency-socket4, and what that counts.

use lab_judge::sheet::{Asked, asks};

pub const CLIENT: &[Asked] = &[
    asks(
        2,
        "socket_4: the client sends a request, which ends with an empty line",
        &["ends-request"],
    ),
    asks(2, "socket_4: the request is a GET of HTTP/1.1", &["get"]),
    asks(1, "socket_4: the request has a Host line", &["host"]),
    asks(
        2,
        "socket_4: the client receives the reply with one recv, and prints it",
        &["prints"],
    ),
];
