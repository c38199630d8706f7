//! Certificates and whom to trust, from files in PEM.

use std::fmt;
use std::io;
use std::path::Path;
use std::sync::Arc;

use rustls::crypto::ring;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer, ServerName};
use rustls::{ClientConfig, RootCertStore, ServerConfig};

/// A server's certificate and its key.
#[derive(Clone)]
pub struct Certificate(pub(crate) Arc<ServerConfig>);

impl Certificate {
    /// Reads both: the certificate, with those that lead
    /// to one that clients trust behind it, and its key.
    ///
    /// # Errors
    ///
    /// When a file cannot be read or holds something else, or the key is not the certificate's.
    pub fn from_files(certificate: &Path, key: &Path) -> io::Result<Self> {
        let chain = certificates(certificate)?;
        let key_der = PrivateKeyDer::from_pem_file(key).map_err(|error| bad(key, &error))?;
        let config = ServerConfig::builder_with_provider(Arc::new(ring::default_provider()))
            .with_safe_default_protocol_versions()
            .map_err(io::Error::other)?
            .with_no_client_auth()
            .with_single_cert(chain, key_der)
            .map_err(|error| bad(key, &error))?;
        Ok(Certificate(Arc::new(config)))
    }
}

impl fmt::Debug for Certificate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Certificate")
    }
}

/// Whom a client trusts.
#[derive(Clone)]
pub struct Trust(pub(crate) Arc<ClientConfig>);

impl Trust {
    /// Anyone who this machine trusts.
    ///
    /// # Errors
    ///
    /// When the machine has no list of them.
    pub fn of_this_machine() -> io::Result<Self> {
        let found = rustls_native_certs::load_native_certs();
        let mut roots = RootCertStore::empty();
        let (good, _odd) = roots.add_parsable_certificates(found.certs);
        if good == 0 {
            let why = found.errors.first().map(ToString::to_string);
            return Err(io::Error::other(format!(
                "this machine has no list of certificates to trust{}",
                why.map(|why| format!(" ({why})")).unwrap_or_default()
            )));
        }
        Self::with(roots)
    }

    /// Only peers whose certificate is signed by one in this file.
    ///
    /// # Errors
    ///
    /// When the file cannot be read, or holds no certificate.
    pub fn from_file(path: &Path) -> io::Result<Self> {
        let mut roots = RootCertStore::empty();
        for certificate in certificates(path)? {
            roots.add(certificate).map_err(|error| bad(path, &error))?;
        }
        Self::with(roots)
    }

    fn with(roots: RootCertStore) -> io::Result<Self> {
        let config = ClientConfig::builder_with_provider(Arc::new(ring::default_provider()))
            .with_safe_default_protocol_versions()
            .map_err(io::Error::other)?
            .with_root_certificates(roots)
            .with_no_client_auth();
        Ok(Trust(Arc::new(config)))
    }
}

impl fmt::Debug for Trust {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Trust")
    }
}

/// A host as a certificate names it.
pub(crate) fn server_name(host: &str) -> io::Result<ServerName<'static>> {
    let name = ServerName::try_from(host.to_string());
    name.map_err(|_| io::Error::other(format!("{host} is not a name that a certificate can have")))
}

fn certificates(path: &Path) -> io::Result<Vec<CertificateDer<'static>>> {
    let found = CertificateDer::pem_file_iter(path).map_err(|error| bad(path, &error))?;
    let found: Result<Vec<_>, _> = found.collect();
    let found = found.map_err(|error| bad(path, &error))?;
    if found.is_empty() {
        return Err(io::Error::other(format!(
            "{}: there is no certificate in it (PEM begins with -----BEGIN CERTIFICATE-----)",
            path.display()
        )));
    }
    Ok(found)
}

fn bad(path: &Path, error: &dyn fmt::Display) -> io::Error {
    io::Error::other(format!("{}: {error}", path.display()))
}
