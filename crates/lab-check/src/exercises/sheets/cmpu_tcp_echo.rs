//! What the sheet asks for in cmpu-tcp-echo, and what that counts.

use lab_judge::sheet::{Asked, asks};

pub const SERVER: &[Asked] = &[
    asks(
        3,
        "TCP echo: the server sends the message of a client back",
        &["whole"],
    ),
    asks(
        2,
        "TCP echo: the server runs forever, and takes the next client after each message",
        &["goes-on"],
    ),
];

pub const CLIENT: &[Asked] = &[
    asks(
        2,
        "TCP echo: the client connects, and sends its message",
        &["sends"],
    ),
    asks(
        2,
        "TCP echo: the client prints what comes back, and closes the connection",
        &["prints"],
    ),
    asks(
        1,
        "TCP echo: the client receives until as much has come back as it sent",
        &["pieces"],
    ),
];
