//! How a client proves who it is: a ticket, or WAMP-CRA, where the secret never crosses the wire.

use std::fmt;

use base64::Engine;
use base64::engine::general_purpose::STANDARD as BASE64;
use hmac::{Hmac, KeyInit, Mac};
use sha2::Sha256;
use subtle::ConstantTimeEq;

use crate::messages::Dict;

/// The most rounds of PBKDF2 that a client computes because a router asked for them, all blocks of
/// the key together. Guides of 2026 ask for 600,000.
const MAX_ROUNDS: u64 = 1_000_000;

/// The longest key that a client computes.
const MAX_KEY: usize = 128;

/// After so many rounds a client looks whether it still has time.
const ROUNDS_AT_ONCE: u32 = 1024;

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

/// The key of a secret that is stored salted: PBKDF2-HMAC-SHA256
/// (RFC 8018), in Base64, as WAMP-CRA wants it.
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

/// What a client answers to a WAMP-CRA challenge with these details, salted or not. The router
/// chooses how much work a salted one is: `in_time` is asked now and then whether to go on.
///
/// # Errors
///
/// When the details have no challenge, ask for a key
/// that no client should compute, or the time is up.
pub fn answer_cra(
    secret: &[u8],
    extra: &Dict,
    in_time: impl FnMut() -> bool,
) -> Result<String, AuthError> {
    let challenge = extra.str("challenge");
    let challenge = challenge.ok_or(AuthError("the router's challenge has no text to sign"))?;
    let Some(salt) = extra.str("salt") else {
        return Ok(cra_signature(secret, challenge));
    };
    let length = usize::try_from(extra.u64("keylen").unwrap_or(32)).ok();
    let length = length
        .filter(|length| (1..=MAX_KEY).contains(length))
        .ok_or(AuthError(
            "the router's challenge asks for a key of an unusual length",
        ))?;
    let mut key = vec![0; length];
    let blocks = key.chunks(BLOCK).count();
    let iterations = u32::try_from(extra.u64("iterations").unwrap_or(1000)).ok();
    let iterations = iterations
        .filter(|iterations| *iterations > 0)
        .filter(|iterations| {
            u64::from(*iterations) * u64::try_from(blocks).unwrap_or(u64::MAX) <= MAX_ROUNDS
        })
        .ok_or(AuthError("the router's challenge asks for too many rounds"))?;
    if !derive(secret, salt.as_bytes(), iterations, &mut key, in_time) {
        return Err(AuthError(
            "the router's challenge takes longer than the handshake may",
        ));
    }
    Ok(cra_signature(BASE64.encode(key).as_bytes(), challenge))
}

/// What HMAC-SHA256 gives, in bytes.
const BLOCK: usize = 32;

/// PBKDF2-HMAC-SHA256 that can be stopped, which the kept one cannot; false when it was.
fn derive(
    secret: &[u8],
    salt: &[u8],
    iterations: u32,
    key: &mut [u8],
    mut in_time: impl FnMut() -> bool,
) -> bool {
    let hmac = Hmac::<Sha256>::new_from_slice(secret).expect("HMAC takes a key of any length");
    for (number, place) in (1_u32..).zip(key.chunks_mut(BLOCK)) {
        let first = hmac.clone().chain_update(salt);
        let first = first.chain_update(number.to_be_bytes());
        let mut last = first.finalize().into_bytes();
        let mut sum = last;
        for round in 1..iterations {
            if round % ROUNDS_AT_ONCE == 0 && !in_time() {
                return false;
            }
            last = hmac.clone().chain_update(last).finalize().into_bytes();
            sum.iter_mut()
                .zip(last)
                .for_each(|(sum, last)| *sum ^= last);
        }
        place.copy_from_slice(&sum[..place.len()]);
    }
    true
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
        for (iterations, length) in [(100, 32), (1, 1), (2, 33), (1500, 64), (7, 128)] {
            let extra = Dict::new()
                .with("challenge", "{}")
                .with("salt", "salt123")
                .with("keylen", u64::try_from(length).unwrap())
                .with("iterations", u64::from(iterations));
            let key = salted_key(b"secret", b"salt123", iterations, length);
            assert_eq!(
                answer_cra(b"secret", &extra, || true),
                Ok(cra_signature(key.as_bytes(), "{}"))
            );
        }
    }

    #[test]
    fn a_challenge_that_would_keep_the_client_busy_is_refused_before_any_work() {
        let extra = Dict::new().with("challenge", "{}").with("salt", "s");
        let refused = |extra: &Dict| {
            let answer = answer_cra(b"secret", extra, || panic!("work has begun"));
            assert!(answer.is_err(), "{extra:?}");
        };
        refused(&extra.clone().with("iterations", u64::from(u32::MAX)));
        refused(&extra.clone().with("iterations", 1_000_001));
        refused(&extra.clone().with("iterations", 0));
        refused(&extra.clone().with("keylen", 1_i64 << 40));
        refused(&extra.clone().with("keylen", 129));
        refused(&extra.with("keylen", 128).with("iterations", 250_001));
        refused(&Dict::new());
    }

    #[test]
    fn the_work_ends_when_the_time_is_up() {
        let extra = Dict::new().with("challenge", "{}").with("salt", "s");
        let mut looks = 0;
        let answer = answer_cra(b"secret", &extra.with("iterations", 1_000_000), || {
            looks += 1;
            looks < 3
        });
        assert!(answer.is_err());
        assert_eq!(looks, 3);
    }

    #[test]
    fn only_the_same_text_is_the_same() {
        assert!(is_same("ticket", "ticket"));
        for other in ["", "ticke", "ticket ", "Ticket"] {
            assert!(!is_same(other, "ticket"));
        }
    }
}
