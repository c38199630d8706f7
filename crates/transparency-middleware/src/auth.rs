//! How a client proves who it is: a ticket, or WAMP-CRA, where the secret never crosses the wire.

use std::fmt;

use base64::Engine;
use base64::engine::general_purpose::STANDARD as BASE64;
use hmac::{Hmac, KeyInit, Mac};
use sha2::Sha256;
use subtle::ConstantTimeEq;

use crate::messages::Dict;

/// The most rounds of PBKDF2 that a client computes because a router asked for them: some seconds of work.
const MAX_ITERATIONS: u32 = 10_000_000;

/// The answer to a WAMP-CRA challenge: HMAC-SHA256 over the challenge's text, in Base64.
///
/// The key is the secret itself, or what [`salted_key`] makes of it.
///
/// ```
/// use transparency_middleware::auth::cra_signature;
///
/// // RFC 4231, test case 2.
/// let signature = cra_signature(b"Jefe", "what do ya want for nothing?");
/// assert_eq!(signature, "W9zBRr9gdU5qBCQmCJV1x1oAPwidJzmDnexYuWTsOEM=");
/// ```
pub fn cra_signature(key: &[u8], challenge: &str) -> String {
    let mut hmac = Hmac::<Sha256>::new_from_slice(key).expect("HMAC takes a key of any length");
    hmac.update(challenge.as_bytes());
    BASE64.encode(hmac.finalize().into_bytes())
}

/// The key of a secret that is stored salted: PBKDF2-HMAC-SHA256 (RFC 8018), in Base64, as WAMP-CRA wants it.
///
/// ```
/// use transparency_middleware::auth::salted_key;
///
/// let key = salted_key(b"secret", b"salt123", 100, 32);
/// assert_eq!(key, "EX1Y3Q9BMM2oGLxsGqDgFeuqtPMf7Wz8Lh6PotZ62ho=");
/// ```
pub fn salted_key(secret: &[u8], salt: &[u8], iterations: u32, length: usize) -> String {
    let mut key = vec![0; length];
    pbkdf2::pbkdf2_hmac::<Sha256>(secret, salt, iterations, &mut key);
    BASE64.encode(key)
}

/// What a client answers to a WAMP-CRA challenge with these details, salted or not.
///
/// # Errors
///
/// When the details have no challenge, or ask for a key that no client should compute.
pub fn answer_cra(secret: &[u8], extra: &Dict) -> Result<String, AuthError> {
    let challenge = extra.str("challenge");
    let challenge = challenge.ok_or(AuthError("the router's challenge has no text to sign"))?;
    let Some(salt) = extra.str("salt") else {
        return Ok(cra_signature(secret, challenge));
    };
    let iterations = extra.u64("iterations").unwrap_or(1000);
    let iterations = u32::try_from(iterations).ok();
    let iterations = iterations
        .filter(|iterations| (1..=MAX_ITERATIONS).contains(iterations))
        .ok_or(AuthError("the router's challenge asks for too many rounds"))?;
    let length = usize::try_from(extra.u64("keylen").unwrap_or(32)).ok();
    let length = length
        .filter(|length| (1..=1024).contains(length))
        .ok_or(AuthError(
            "the router's challenge asks for a key of an unusual length",
        ))?;
    let key = salted_key(secret, salt.as_bytes(), iterations, length);
    Ok(cra_signature(key.as_bytes(), challenge))
}

/// Whether two tickets or signatures are the same, in a time that does not tell where they differ.
pub fn is_same(given: &str, wanted: &str) -> bool {
    given.as_bytes().ct_eq(wanted.as_bytes()).into()
}

/// Why a challenge cannot be answered.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct AuthError(&'static str);

impl fmt::Display for AuthError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.0)
    }
}

impl std::error::Error for AuthError {}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_salted_challenge_is_signed_with_the_derived_key() {
        let extra = Dict::new()
            .with("challenge", "{}")
            .with("salt", "salt123")
            .with("keylen", 32)
            .with("iterations", 100);
        let key = salted_key(b"secret", b"salt123", 100, 32);
        assert_eq!(
            answer_cra(b"secret", &extra),
            Ok(cra_signature(key.as_bytes(), "{}"))
        );
    }

    #[test]
    fn a_challenge_that_would_keep_the_client_busy_for_ever_is_refused() {
        let extra = Dict::new().with("challenge", "{}").with("salt", "s");
        let endless = extra.clone().with("iterations", u64::from(u32::MAX));
        assert!(answer_cra(b"secret", &endless).is_err());
        let huge = extra.with("keylen", 1_i64 << 40);
        assert!(answer_cra(b"secret", &huge).is_err());
        assert!(answer_cra(b"secret", &Dict::new()).is_err());
    }

    #[test]
    fn only_the_same_text_is_the_same() {
        assert!(is_same("ticket", "ticket"));
        for other in ["", "ticke", "ticket ", "Ticket"] {
            assert!(!is_same(other, "ticket"));
        }
    }
}
