//! What the sheet asks for in transparency-socket6, and what that counts.

use lab_judge::sheet::{Asked, asks};

pub const CLIENT: &[Asked] = &[
    asks(
        2,
        "socket_6: the client receives the thanks of the server, and prints it",
        &["prints"],
    ),
    asks(
        1,
        "socket_6: the client prints what it receives, whatever it is",
        &["other-text"],
    ),
];
