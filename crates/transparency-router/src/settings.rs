//! Settings that make no sense are refused before anything begins.

use std::net::{IpAddr, SocketAddr};

use anyhow::anyhow;
use labnet::Hint;

use crate::Args;

/// The smallest `--max-message`: HELLO and WELCOME fit.
const LEAST_MESSAGE: usize = 1024;

/// The smallest `--max-waiting`.
const LEAST_WAITING: usize = 4096;

/// The smallest `--max-memory`.
const LEAST_MEMORY: usize = 16 * 1024 * 1024;

/// Says what is wrong with the options, and what to do.
pub(crate) fn check(args: &Args) -> anyhow::Result<()> {
    for (name, value, least) in [
        ("--max-message", args.max_message, LEAST_MESSAGE),
        ("--max-waiting", args.max_waiting, LEAST_WAITING),
        ("--max-memory", args.max_memory, LEAST_MEMORY),
        ("--max-sessions", args.max_sessions, 1),
        ("--max-per-address", args.max_per_address, 1),
        ("--max-calls", args.max_calls, 1),
    ] {
        if value < least {
            return Err(anyhow!("{name} {value} is too little"))
                .hint(format!("give at least {least}, or leave it out"));
        }
    }
    if args.max_message > args.max_memory / 4 {
        return Err(anyhow!(
            "--max-message {} is more than a quarter of --max-memory {}",
            args.max_message,
            args.max_memory
        ))
        .hint("a message needs room several times: give less to one or more to the other");
    }
    let path = &args.path;
    let is_path = path.starts_with('/')
        && path.bytes().all(|byte| byte.is_ascii_graphic())
        && !path.contains(['?', '#', '"', '<', '>']);
    if !is_path {
        return Err(anyhow!("--path {path} is not the path of a URL")).hint("give --path /ws");
    }
    for origin in &args.origin {
        if !is_origin(origin) {
            return Err(anyhow!("--origin {origin} is not an origin"))
                .hint("give SCHEME://HOST or SCHEME://HOST:PORT as a browser sends it, or null");
        }
    }
    Ok(())
}

/// Whether a browser can send this in `Origin` (RFC 6454, section 7).
fn is_origin(text: &str) -> bool {
    if text == "null" {
        return true;
    }
    let Some((scheme, host)) = text.split_once("://") else {
        return false;
    };
    let is_scheme = |byte: u8| byte.is_ascii_alphanumeric() || b"+-.".contains(&byte);
    let is_host = |byte: u8| byte.is_ascii_alphanumeric() || b"-._:[]".contains(&byte);
    !scheme.is_empty()
        && scheme.bytes().all(is_scheme)
        && !host.is_empty()
        && host.bytes().all(is_host)
}

/// Where to listen: an address of either kind, or a name.
pub(crate) fn address(host: &str, port: u16) -> anyhow::Result<SocketAddr> {
    let inner = host
        .strip_prefix('[')
        .and_then(|host| host.strip_suffix(']'));
    match inner.unwrap_or(host).parse::<IpAddr>() {
        Ok(address) => Ok(SocketAddr::new(address, port)),
        Err(_) => labnet::resolve(host, port),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_of_both_kinds_are_read_with_and_without_brackets() {
        for (host, wanted) in [
            ("127.0.0.1", "127.0.0.1:8080"),
            ("::1", "[::1]:8080"),
            ("[::1]", "[::1]:8080"),
            ("::", "[::]:8080"),
        ] {
            assert_eq!(address(host, 8080).unwrap().to_string(), wanted);
        }
    }

    #[test]
    fn an_origin_is_what_a_browser_sends() {
        for good in [
            "null",
            "http://example.org",
            "https://[::1]:8443",
            "http://localhost:8000",
        ] {
            assert!(is_origin(good), "{good}");
        }
        for bad in [
            "",
            "*",
            "example.org",
            "http://",
            "http://example.org/",
            "http://a b",
            "http://*.org",
        ] {
            assert!(!is_origin(bad), "{bad}");
        }
    }
}
