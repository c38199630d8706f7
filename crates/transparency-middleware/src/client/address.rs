//! The address of a router.

use tungstenite::http::Uri as HttpUri;

use super::error::Error;

/// A router's address, `ws://HOST:PORT/PATH`, or `wss://` with TLS.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Address {
    pub(super) uri: HttpUri,
    pub(super) host: String,
    pub(super) port: u16,
    /// With TLS.
    pub(super) is_secure: bool,
}

impl Address {
    pub(super) fn parse(text: &str) -> Result<Self, Error> {
        let invalid = || Error::InvalidAddress(text.to_string());
        let uri: HttpUri = text.parse().map_err(|_| invalid())?;
        let is_secure = match uri.scheme_str() {
            Some("ws") => false,
            Some("wss") => true,
            _ => return Err(invalid()),
        };
        let host = uri.host().filter(|host| !host.is_empty());
        let host = host.ok_or_else(invalid)?;
        let authority = uri.authority().map_or("", |authority| authority.as_str());
        let port = match authority.strip_prefix(host).ok_or_else(invalid)? {
            "" if is_secure => 443,
            "" => 80,
            rest => {
                let port = rest.strip_prefix(':').and_then(|port| port.parse().ok());
                port.ok_or_else(invalid)?
            }
        };
        Ok(Address {
            // An IPv6 address is in brackets in a URL, and without them everywhere else.
            host: host.trim_matches(['[', ']']).to_string(),
            port,
            is_secure,
            uri,
        })
    }
}

impl std::fmt::Display for Address {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        self.uri.fmt(f)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_is_ws_with_a_host() {
        let address = Address::parse("ws://[::1]:8080/ws").unwrap();
        assert_eq!((address.host.as_str(), address.port), ("::1", 8080));
        assert_eq!(Address::parse("ws://host/ws").unwrap().port, 80);
        assert_eq!(Address::parse("wss://host/ws").unwrap().port, 443);
        assert!(Address::parse("wss://host:8443/ws").unwrap().is_secure);
        for text in [
            "",
            "127.0.0.1:8080",
            "http://host/",
            "ws://",
            "ws:///ws",
            "ws://host:99999/",
            "ws://user@host/",
        ] {
            assert!(Address::parse(text).is_err(), "{text}");
        }
    }
}
