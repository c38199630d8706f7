//! What the sheet asks for in dsd-sum, and what that counts.

use lab_judge::sheet::{Asked, asks};

pub const SERVER: &[Asked] = &[
    asks(
        5,
        "exercise 4: the server answers the numbers of a request with their sum",
        &["whole"],
    ),
    asks(
        2,
        "exercise 4: what one recv gives is one request, and each request gets its own sum",
        &["several"],
    ),
    asks(
        2,
        "exercise 4: the numbers are separated by white space",
        &["integers"],
    ),
    asks(
        2,
        "exercises 3 and 4: the server keeps running after a client has left",
        &["goes-on"],
    ),
];

pub const CLIENT: &[Asked] = &[
    asks(
        2,
        "exercise 4: the client sends the numbers to the server",
        &["sends"],
    ),
    asks(
        2,
        "exercise 4: the client prints the sum that the server answers",
        &["prints"],
    ),
];
