//! What the sheet asks for in transparency-socket2, and what that counts.

use lab_judge::sheet::{Asked, asks};

pub const PROGRAM: &[Asked] = &[
    asks(2, "socket_2: the program says Socket Created", &["created"]),
    asks(
        2,
        "socket_2: the program creates a TCP socket for IPv4",
        &["asks"],
    ),
];
