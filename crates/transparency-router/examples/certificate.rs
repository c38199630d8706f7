//! Makes a certificate for the lab, which only those trust
//! who are told to: `certificate.pem` and its key, `key.pem`.
//!
//! `cargo run -p transparency-router --example certificate` makes one for this machine. Other names
//! and addresses that clients will use can be given. It is good for a year.
//!
//! Safety: anyone who has `key.pem` can pretend to be the router. On Unix only you can read it.

use std::fs;
use std::path::Path;

use anyhow::Context;
use labnet::log;

fn main() -> labnet::MainResult {
    let mut names: Vec<String> = std::env::args().skip(1).collect();
    if names.is_empty() {
        names = ["localhost", "127.0.0.1", "::1"].map(str::to_string).into();
    }

    // 1. Make a key and a certificate that it has signed itself
    let mut params = rcgen::CertificateParams::new(names.clone())
        .context("a name is not a name that a certificate can have")?;
    let name = "a transparency-router of the lab";
    params.distinguished_name = rcgen::DistinguishedName::new();
    params
        .distinguished_name
        .push(rcgen::DnType::CommonName, name);
    let key = rcgen::KeyPair::generate().context("cannot make a key")?;
    // From yesterday, for clients whose clocks are behind, to a year from now.
    let now = std::time::SystemTime::now();
    let day = std::time::Duration::from_secs(24 * 3600);
    params.not_before = (now - day).into();
    params.not_after = (now + day * 365).into();
    let certificate = params.self_signed(&key).context("cannot sign")?;

    // 2. Write both
    write(Path::new("certificate.pem"), &certificate.pem(), false)?;
    write(Path::new("key.pem"), &key.serialize_pem(), true)?;
    log!("certificate.pem and key.pem are for {}", names.join(", "));
    log!("router:  --tls-cert certificate.pem --tls-key key.pem");
    log!(
        "clients: --router wss://{}:8080/ws --ca certificate.pem",
        names[0]
    );
    Ok(())
}

fn write(path: &Path, text: &str, secret: bool) -> anyhow::Result<()> {
    let cannot = || format!("cannot write {}", path.display());
    let mut file = fs::File::create(path).with_context(cannot)?;
    #[cfg(unix)]
    if secret {
        let mode = std::os::unix::fs::PermissionsExt::from_mode(0o600);
        file.set_permissions(mode).with_context(cannot)?;
    }
    #[cfg(not(unix))]
    let _only_unix_has_modes = secret;
    std::io::Write::write_all(&mut file, text.as_bytes()).with_context(cannot)
}
