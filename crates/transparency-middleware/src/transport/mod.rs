//! The WebSocket transport of a router: a thread a connection, blocking reads, bounded ways out.
//!
//! A connection begins as HTTP (RFC 9112): a request for the WebSocket path is upgraded (RFC 6455),
//! others get a page or an error. Of an upgraded one, WAMP's messages go through a
//! [`Realm`](crate::realm::Realm).

mod config;
mod connection;
mod entry;
mod events;
mod http;
mod joining;
mod meter;
mod metrics;
mod peer;
mod penalties;
mod principals;
mod relief;
mod router;
mod server;
mod shared;
mod timer;
mod turns;
mod wire;

use std::time::Duration;

pub use config::Config;
pub use events::{Observer, RouterEvent};
pub use http::Page;
pub use metrics::Metrics;
pub use principals::{Principal, Proof, RealmConfig};
pub use server::{Server, Stopper};

/// The stack of a connection's thread. Only what is used of it costs memory.
const STACK_SIZE: usize = 256 * 1024;

/// How long a peer may take to close after it has been told that the session has ended.
const CLOSE_PATIENCE: Duration = Duration::from_secs(2);

/// How many bytes the system is asked for at once. An idle connection keeps this much.
const READ_BUFFER: usize = 8 * 1024;

/// The same for a connection that has filled that, until it is silent for a while. Messages that
/// come together leave together.
const LARGEST_READ: usize = 32 * 1024;

/// What tungstenite keeps of them, where frames are put together.
const FRAME_BUFFER: usize = 2 * 1024;

/// What a connection costs that has nothing to do: its
/// thread's stack as far as it is used, its buffers.
const CONNECTION: usize = 32 * 1024;

/// The most bytes that are read of a client before it has joined, and its largest message.
const STRANGERS_BYTES: usize = 64 * 1024;

/// The bytes a second that a client has to send at least of a message that it has begun.
const SLOWEST: usize = 16 * 1024;
