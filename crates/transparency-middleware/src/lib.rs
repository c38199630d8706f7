//! Call by name over WebSockets: a WAMP v2 library (Web Application Messaging Protocol,
//! <https://wamp-proto.org>).
//!
//! From pure to worldly; each part can be read and used alone:
//!
//! | module | holds |
//! |---|---|
//! | [`messages`] | WAMP's messages and the three serializations of them |
//! | [`realm`] | the router's realm as a state machine: messages in, messages out |
//! | [`transport`] | a router on its sockets: HTTP, WebSocket, a thread a connection |
//! | [`client`] | the session of a caller or a callee: a state machine, and threads around it |
//! | `frames` | WebSocket frames, written in place |
//! | `memory` | a budget of memory that many connections share |
//! | `outbox` | what is on its way to one peer |
//! | `stream` | a connected socket, plain or with TLS |
//! | [`tls`] | certificates and whom to trust, from files |
//! | [`auth`] | what a client proves itself with: tickets and WAMP-CRA |

#![deny(missing_docs)]

pub mod auth;
pub mod client;
mod frames;
mod memory;
pub mod messages;
mod outbox;
pub mod realm;
mod stream;
pub mod tls;
pub mod transport;
