//! What the sheet asks for in transparency-socket1, and what that counts.

use lab_judge::sheet::{Asked, asks};

pub const PROGRAM: &[Asked] = &[
    asks(1, "socket_1: the program runs to its end", &["ends"]),
    asks(
        3,
        "socket_1: the program creates a TCP socket for IPv4",
        &["asks"],
    ),
];
