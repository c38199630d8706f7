//! How a router listens, and what it bears.

use std::collections::HashMap;
use std::time::Duration;

use super::events::Observer;
use super::http::Page;
use super::principals::RealmConfig;
use crate::messages::Uri;
use crate::realm::{self, Limits};
use crate::tls::Certificate;

/// How a router listens and what it bears.
#[derive(Debug, Clone)]
pub struct Config {
    /// The realms by name.
    pub realms: HashMap<Uri, RealmConfig>,
    /// What one session may have at a time.
    pub limits: Limits,
    /// The largest message in bytes; a larger one ends the session (close code 1009).
    pub max_message: usize,
    /// How many bytes may wait for a session before it is evicted.
    pub max_waiting: usize,
    /// How many bytes all that is kept for peers may take: messages that wait,
    /// messages that have come in part, what the sessions have registered.
    /// Beyond that those sessions are ended for which most is kept.
    pub max_memory: usize,
    /// Sessions in all realms together.
    pub max_sessions: usize,
    /// Connections from one address.
    pub max_per_address: usize,
    /// The time from the connection to WELCOME.
    pub patience: Duration,
    /// After so long without a byte from a peer it is
    /// sent a ping, and after as long again it is gone.
    pub ping_after: Duration,
    /// The path of the WebSocket.
    pub path: String,
    /// The pages that are served.
    pub pages: Vec<Page>,
    /// With TLS, this server's certificate; without one there is no TLS.
    pub certificate: Option<Certificate>,
    /// Whose pages may connect, next to those that this router serves: `https://example.org`.
    pub origins: Vec<String>,
    /// Who is told what happens.
    pub observer: Observer,
}

impl Default for Config {
    /// The realm `realm1`, where everybody may do everything;
    /// 16 MiB a message and waiting for a session.
    fn default() -> Self {
        const MIB: usize = 1024 * 1024;
        let realm = Uri::new("realm1").expect("it is a URI");
        let open = RealmConfig {
            roles: realm::Roles::from([("anonymous".to_string(), realm::Permissions::all())]),
            anonymous: Some("anonymous".to_string()),
            principals: HashMap::new(),
        };
        Config {
            realms: HashMap::from([(realm, open)]),
            limits: Limits::default(),
            max_message: 16 * MIB,
            max_waiting: 16 * MIB,
            max_memory: 128 * MIB,
            max_sessions: 10_000,
            max_per_address: 10_000,
            patience: Duration::from_secs(10),
            ping_after: Duration::from_secs(30),
            path: "/ws".to_string(),
            pages: Vec::new(),
            certificate: None,
            origins: Vec::new(),
            observer: Observer::default(),
        }
    }
}
