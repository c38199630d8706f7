//! How a router listens, and what its connections share.

use std::collections::HashMap;
use std::io;
use std::net::{IpAddr, TcpStream};
use std::sync::atomic::AtomicBool;
use std::sync::{Arc, Mutex, PoisonError, RwLock};
use std::time::Duration;

use super::events::Observer;
use super::http::Page;
use super::principals::RealmConfig;
use super::router::Router;
use crate::messages::Uri;
use crate::realm::{self, Limits};
use crate::stream::Stream;
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
    /// How many bytes all that is kept for peers may take: messages that wait, messages that have come in part, what the
    /// sessions have registered. Beyond that those sessions are ended for which most is kept.
    pub max_memory: usize,
    /// Sessions in all realms together.
    pub max_sessions: usize,
    /// Connections from one address.
    pub max_per_address: usize,
    /// The time from the connection to WELCOME.
    pub patience: Duration,
    /// After so long without a byte from a peer it is sent a ping, and after as long again it is gone.
    pub ping_after: Duration,
    /// The path of the WebSocket.
    pub path: String,
    /// The pages that are served.
    pub pages: Vec<Page>,
    /// With TLS, this server's certificate; without one there is no TLS.
    pub certificate: Option<Certificate>,
    /// Whose pages may connect, beside those that this router serves: `https://example.org`.
    pub origins: Vec<String>,
    /// Who is told what happens.
    pub observer: Observer,
}

impl Default for Config {
    /// The realm `realm1`, where everybody may do everything; 16 MiB a message and waiting for a session.
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

/// What the connections of a router share.
pub(super) struct Shared {
    pub(super) config: Config,
    pub(super) router: Arc<Router>,
    /// Of connections that come from now on.
    pub(super) certificate: RwLock<Option<Certificate>>,
    /// Those of the configuration, until a reload brings others.
    pub(super) pages: RwLock<Arc<Vec<Page>>>,
    pub(super) per_address: Mutex<HashMap<IpAddr, usize>>,
    /// No connection is served any more; those who are here are being told.
    pub(super) stopping: AtomicBool,
    /// All have been told: nothing is left to be accepted for.
    pub(super) stopped: AtomicBool,
}

impl Shared {
    /// A socket that was accepted, with TLS where there is a certificate.
    pub(super) fn secure(&self, socket: TcpStream) -> io::Result<Stream> {
        let certificate = self.certificate.read();
        let certificate = certificate.unwrap_or_else(PoisonError::into_inner).clone();
        match certificate {
            Some(certificate) => Stream::server(socket, certificate.0),
            None => Ok(Stream::plain(socket)),
        }
    }

    /// Connections that come from now on are shown this certificate.
    pub(super) fn replace_certificate(&self, certificate: Certificate) {
        let place = self.certificate.write();
        *place.unwrap_or_else(PoisonError::into_inner) = Some(certificate);
    }

    /// The page of a path.
    pub(super) fn page(&self, path: &str) -> Option<Page> {
        let pages = self.pages.read().unwrap_or_else(PoisonError::into_inner);
        pages.iter().find(|page| page.path == path).cloned()
    }
}

impl std::fmt::Debug for Shared {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Shared")
            .field("config", &self.config)
            .finish_non_exhaustive()
    }
}
