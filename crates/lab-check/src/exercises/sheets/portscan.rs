//! What the sheet asks for in portscan, and what that counts.

use lab_judge::sheet::{Asked, asks};

pub const PROGRAM: &[Asked] = &[
    asks(
        4,
        "question 4: the scanner reports which ports of a host are open",
        &["finds"],
    ),
    asks(
        2,
        "question 4: it scans all ports of the range that it is given",
        &["ends-of-range"],
    ),
];
