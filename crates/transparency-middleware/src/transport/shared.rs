//! What the connections of a router share.

use std::collections::HashMap;
use std::io;
use std::net::{IpAddr, TcpStream};
use std::sync::atomic::AtomicBool;
use std::sync::{Arc, Mutex, PoisonError, RwLock};

use super::config::Config;
use super::http::Page;
use super::router::Router;
use crate::stream::Stream;
use crate::tls::Certificate;

/// What the connections of a router share.
pub(super) struct Shared {
    pub(super) config: Config,
    pub(super) router: Arc<Router>,
    /// Of connections that come from now on.
    pub(super) certificate: RwLock<Option<Certificate>>,
    /// Those of the configuration, until a reload brings others.
    pub(super) pages: RwLock<Vec<Arc<Page>>>,
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

    /// Other pages from now on.
    pub(super) fn replace_pages(&self, pages: Vec<Page>) {
        let place = self.pages.write();
        *place.unwrap_or_else(PoisonError::into_inner) = each_shared(pages);
    }

    /// The page of a path.
    pub(super) fn page(&self, path: &str) -> Option<Arc<Page>> {
        let pages = self.pages.read().unwrap_or_else(PoisonError::into_inner);
        pages.iter().find(|page| page.path == path).cloned()
    }
}

/// Pages that may be on their way to many at the same time.
pub(super) fn each_shared(pages: Vec<Page>) -> Vec<Arc<Page>> {
    pages.into_iter().map(Arc::new).collect()
}

impl std::fmt::Debug for Shared {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Shared")
            .field("config", &self.config)
            .finish_non_exhaustive()
    }
}
