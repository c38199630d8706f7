//! What the sheet asks for in cmpu-udp-echo, and what that counts.

use lab_judge::sheet::{Asked, asks};

pub const SERVER: &[Asked] = &[
    asks(
        3,
        "UDP echo: the server sends a datagram back to the address that it came from",
        &["whole"],
    ),
    asks(
        1,
        "UDP echo: the server receives and sends with one socket",
        &["same-port"],
    ),
    asks(
        2,
        "UDP echo: the server runs forever, and serves every sender",
        &["goes-on"],
    ),
];

pub const CLIENT: &[Asked] = &[
    asks(
        2,
        "UDP echo: the client sends its message as a datagram",
        &["sends"],
    ),
    asks(
        2,
        "UDP echo: the client prints what comes back, and ends",
        &["prints"],
    ),
];
