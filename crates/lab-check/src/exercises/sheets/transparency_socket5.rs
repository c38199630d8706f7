//! What the sheet asks for in transparency-socket5, and what that counts.

use lab_judge::sheet::{Asked, asks};

pub const SERVER: &[Asked] = &[
    asks(
        3,
        "socket_5: the server sends Thank you for connecting, and closes the connection",
        &["whole"],
    ),
    asks(
        2,
        "socket_5: the server runs forever, and does so for each client",
        &["goes-on"],
    ),
];
