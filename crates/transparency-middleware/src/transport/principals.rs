//! Who may join a realm, and what proves it.

use std::collections::HashMap;

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use chrono::{DateTime, SecondsFormat, Utc};

use crate::auth;
use crate::messages::{Dict, Id};
use crate::realm::{Identity, Roles};

/// A realm, as a router's configuration has it.
#[derive(Debug, Clone, Default)]
pub struct RealmConfig {
    /// What each role may do.
    pub roles: Roles,
    /// The role of sessions that do not authenticate; without one they are not let in.
    pub anonymous: Option<String>,
    /// Those who authenticate, by name.
    pub principals: HashMap<String, Principal>,
}

/// Somebody who authenticates.
#[derive(Clone)]
pub struct Principal {
    /// The role.
    pub role: String,
    /// What proves it.
    pub proof: Proof,
}

/// What a client proves itself with.
#[derive(Clone)]
pub enum Proof {
    /// A text that the client sends.
    Ticket(String),
    /// The key of WAMP-CRA; a salted one is derived already, and the client is told how.
    Secret {
        /// The key.
        key: String,
        /// Salt, iterations and length of the key, where it is a derived one.
        salted: Option<(String, u32, u32)>,
    },
}

/// A secret is not printed by accident.
impl std::fmt::Debug for Principal {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Principal")
            .field("role", &self.role)
            .finish_non_exhaustive()
    }
}

/// Gives each name that does not exist the role, the method and a
/// salt of the form of one that does, the same whenever it is asked
/// for: also after a new start, as long as the secrets are the same.
pub(super) struct DecoyPrincipals {
    /// Nobody can tell it who does not know all the secrets.
    key: String,
    names: Vec<String>,
}

impl DecoyPrincipals {
    pub(super) fn new(principals: &HashMap<String, Principal>) -> Self {
        let mut names: Vec<String> = principals.keys().cloned().collect();
        names.sort_unstable();
        let secrets = names.iter().map(|name| match &principals[name].proof {
            Proof::Ticket(secret) | Proof::Secret { key: secret, .. } => secret.as_str(),
        });
        let secrets = secrets.collect::<Vec<_>>().join("\n");
        DecoyPrincipals {
            key: auth::cra_signature(secrets.as_bytes(), "names that do not exist"),
            names,
        }
    }

    /// Whose ways a name is given.
    pub(super) fn of(&self, authid: &str) -> Option<&str> {
        let digest = auth::cra_signature(self.key.as_bytes(), authid);
        let number = digest.bytes().fold(0_usize, |sum, byte| {
            sum.wrapping_mul(31).wrapping_add(byte.into())
        });
        let place = number.checked_rem(self.names.len())?;
        Some(&self.names[place])
    }

    /// A salt that looks like this one: as long, with digits and letters where it has some.
    pub(super) fn salt(&self, authid: &str, like: &str) -> String {
        let digests = (0..).flat_map(|part: u32| {
            let text = format!("salt {part} {authid}");
            auth::cra_signature(self.key.as_bytes(), &text).into_bytes()
        });
        like.chars()
            .zip(digests)
            .map(|(letter, byte)| match letter {
                '0'..='9' => char::from(b'0' + byte % 10),
                'a'..='z' => char::from(b'a' + byte % 26),
                'A'..='Z' => char::from(b'A' + byte % 26),
                other => other,
            })
            .collect()
    }
}

/// 18 random bytes as text.
pub(super) fn random_text() -> String {
    URL_SAFE_NO_PAD.encode(rand::random::<[u8; 18]>())
}

/// What a client signs: a JSON object with what the specification wants in it.
pub(super) fn challenge_text(session: Id, identity: &Identity) -> String {
    let text = Dict::new()
        .with("authid", identity.authid.as_str())
        .with("authrole", identity.authrole.as_str())
        .with("authmethod", identity.authmethod.as_str())
        .with("authprovider", identity.authprovider.as_str())
        .with("nonce", random_text())
        .with("timestamp", timestamp(Utc::now()))
        .with("session", session);
    serde_json::to_string(&text).expect("texts and numbers can be written")
}

/// RFC 3339 in UTC with milliseconds: `2014-06-22T16:51:41.643Z`.
fn timestamp(time: DateTime<Utc>) -> String {
    time.to_rfc3339_opts(SecondsFormat::Millis, true)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_timestamp_is_the_date_in_utc() {
        for (millis, wanted) in [
            (0, "1970-01-01T00:00:00.000Z"),
            (951_782_399_999, "2000-02-28T23:59:59.999Z"),
            (951_782_400_000, "2000-02-29T00:00:00.000Z"),
            (1_403_455_901_643, "2014-06-22T16:51:41.643Z"),
            (4_107_542_399_000, "2100-02-28T23:59:59.000Z"),
            (4_107_542_400_000, "2100-03-01T00:00:00.000Z"),
        ] {
            let time = DateTime::from_timestamp_millis(millis).unwrap();
            assert_eq!(timestamp(time), wanted);
        }
    }
}
