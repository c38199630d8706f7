//! What the sheet asks for in dsd-eof, and what that counts.

use lab_judge::sheet::{Asked, asks};

pub const SERVER: &[Asked] = &[
    asks(
        1,
        "exercise 5: the server answers a message that ends with <EOF>; its answer ends with <EOF> too, after this sentence and its period: I got \"…\" from you and I am sending it back",
        &["whole"],
    ),
    asks(
        1,
        "exercise 5: the answer holds the text that the client has sent",
        &["same-text"],
    ),
    asks(
        4,
        "exercise 5: a message may have any size, so one recv may give only a part of it",
        &["byte-by-byte", "cut-text", "large"],
    ),
    asks(
        2,
        "exercise 5: only <EOF> ends a message, wherever the network cuts it",
        &["cut-token"],
    ),
    asks(
        1,
        "exercise 5: only <EOF> ends a message, and not what looks like its beginning, or a full buffer",
        &["overlap", "exact-buffer"],
    ),
    asks(
        1,
        "exercise 5: a client may send several messages on one connection",
        &["several"],
    ),
    asks(
        2,
        "exercise 5: a client may send several messages, and one recv may give more than one of them",
        &["two-in-one", "one-and-a-half"],
    ),
    asks(
        1,
        "exercises 3 and 5: the server keeps running after a client has left",
        &["goes-on"],
    ),
    asks(
        4,
        "exercise 5: the server serves its clients side by side",
        &["side-by-side"],
    ),
];

pub const CLIENT: &[Asked] = &[
    asks(
        2,
        "exercise 5: the client ends its message with <EOF>",
        &["sends"],
    ),
    asks(
        2,
        "exercise 5: the client prints the answer of the server",
        &["prints"],
    ),
    asks(
        3,
        "exercise 5: an answer may have any size, and ends with <EOF>",
        &["answer-byte-by-byte", "answer-large"],
    ),
    asks(
        2,
        "exercise 5: only <EOF> ends an answer, wherever the network cuts it",
        &["answer-cut-token"],
    ),
    asks(
        1,
        "exercise 5: only <EOF> ends an answer, and not a full buffer",
        &["answer-exact-buffer"],
    ),
];
