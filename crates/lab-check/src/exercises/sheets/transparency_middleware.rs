//! What the sheet asks for in transparency-middleware, and what that counts.

use lab_judge::sheet::{Asked, asks};

pub const SERVER: &[Asked] = &[
    asks(
        1,
        "question 3: the middleware runs on WebSockets",
        &["joins"],
    ),
    asks(
        2,
        "question 3, location transparency: a procedure has a name, and no address",
        &["registers", "calculates"],
    ),
    asks(
        1,
        "question 3, access transparency: an error of the procedure reaches its caller with a name",
        &["errors"],
    ),
    asks(
        1,
        "question 3, an object with a state: it counts, and tells those who listen",
        &["counts", "tells"],
    ),
    asks(
        2,
        "question 3, failure transparency: a call that is sent twice counts once, and the service comes back",
        &["once", "comes-back"],
    ),
    asks(
        2,
        "question 3, persistence transparency: the state outlives the program",
        &["keeps"],
    ),
];

pub const CLIENT: &[Asked] = &[
    asks(
        1,
        "question 3: the middleware runs on WebSockets",
        &["joins"],
    ),
    asks(
        3,
        "question 3, location transparency: a procedure is called by its name",
        &["calls", "prints"],
    ),
    asks(
        1,
        "question 3, access transparency: an error of the procedure reaches its caller with a name",
        &["error"],
    ),
];
