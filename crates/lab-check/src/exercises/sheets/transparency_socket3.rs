//! What the sheet asks for in transparency-socket3, and what that counts.

use lab_judge::sheet::{Asked, asks};

pub const CLIENT: &[Asked] = &[
    asks(
        3,
        "socket_3: the client connects to the host, and prints its address",
        &["connects"],
    ),
    asks(
        2,
        "socket_3: the client finds the address of the host by its name",
        &["by-name"],
    ),
    asks(
        1,
        "socket_3: the client says when the name cannot be resolved, and ends",
        &["unresolved"],
    ),
];
