//! The WebSocket transport of a router: a thread a connection, blocking reads, bounded ways out.
//!
//! A connection begins as HTTP (RFC 9112): a request for the WebSocket path is upgraded (RFC 6455), others
//! get a page or an error. Of an upgraded one, WAMP's messages go through a [`Realm`](crate::realm::Realm).

mod http;
mod hub;
mod outbox;
mod server;
mod wire;

use std::time::Duration;

pub use http::Page;
pub use hub::{Metrics, Principal, Proof, RealmConfig};
pub use server::{Config, Server, Stopper};

/// The stack of a connection's thread. Only what is used of it costs memory.
const STACK_SIZE: usize = 256 * 1024;

/// The time limit of a single system call that writes (`SO_SNDTIMEO`).
const WRITE_STEP: Duration = Duration::from_millis(250);

/// How long a peer may take nothing of what waits for it.
const WRITE_PATIENCE: Duration = Duration::from_secs(20);

/// How many bytes the system is asked for at once. An idle connection keeps this much.
const READ_BUFFER: usize = 8 * 1024;

/// What tungstenite keeps of them, where frames are put together.
const FRAME_BUFFER: usize = 2 * 1024;
