//! What a word of the command line means: an address, a block, a range or a name.

use std::net::{IpAddr, Ipv4Addr, SocketAddr, ToSocketAddrs};
use std::str::FromStr;

use anyhow::{Context, anyhow, bail};
use labnet::Hint;

use super::{Host, Kind, Span, number};

/// What a word means.
pub(super) struct Found {
    /// A name may have several addresses; anything else is one span.
    pub(super) spans: Vec<Span>,
    pub(super) name: Option<String>,
}

impl From<Span> for Found {
    fn from(span: Span) -> Self {
        Found {
            spans: vec![span],
            name: None,
        }
    }
}

/// Reads a word in the forms that [`Targets::add`](super::Targets::add) names.
pub(super) fn read(word: &str) -> anyhow::Result<Found> {
    let word = word.trim();
    if word.is_empty() {
        bail!("a target is missing: an empty word");
    }
    if let Ok(ip) = word.parse::<IpAddr>() {
        return Ok(Span::from(Host::from(ip)).into());
    }
    if is_old_notation(word) {
        return Err(anyhow!(
            "{word} is not an IPv4 address: that is four decimal numbers without leading zeros"
        ))
        .hint("programs read other forms differently: write the address that you mean, like 127.0.0.8");
    }
    if let Some((base, prefix)) = word.split_once('/') {
        return block(base, prefix)
            .with_context(|| format!("{word} is not a block of addresses"))
            .hint("a block looks like this: 10.0.0.0/24, 2001:db8::/120")
            .map(Found::from);
    }
    if let Some((first, last)) = word.split_once('-')
        && let Ok(first) = first.parse::<IpAddr>()
    {
        return range(first, last)
            .with_context(|| format!("{word} is not a range of addresses"))
            .hint("a range looks like this: 10.0.0.1-20, 10.0.0.1-10.0.1.20")
            .map(Found::from);
    }
    resolve(word)
}

/// Whether a word is an IPv4 address, or a block or range of them, in a notation that only the
/// system's resolver knows: `127.0.0.010`, `127.1`, `0x7f000001`.
///
/// It reads octal and hexadecimal numbers, and would scan another host than the one that a reader
/// sees. RFC 4632, section 3.1, has four decimal numbers. Names do not end in a number (RFC 3696,
/// section 2).
fn is_old_notation(word: &str) -> bool {
    let (base, last) = match word.split_once(['/', '-']) {
        Some((base, last)) => (base, Some(last)),
        None => (word, None),
    };
    // A name may well begin with a number and a hyphen, or end in a hyphen and a number.
    let range = word.contains('-');
    let name = range && !(base.contains('.') && last.is_some_and(ends_in_a_number));
    !name && base.parse::<IpAddr>().is_err() && ends_in_a_number(base)
}

fn ends_in_a_number(word: &str) -> bool {
    let last = word
        .trim_end_matches('.')
        .rsplit('.')
        .next()
        .unwrap_or(word);
    let hex = last.strip_prefix("0x").or_else(|| last.strip_prefix("0X"));
    let number = match hex {
        Some(digits) => digits.bytes().all(|digit| digit.is_ascii_hexdigit()),
        None => !last.is_empty() && last.bytes().all(|digit| digit.is_ascii_digit()),
    };
    // The last number of an IPv6 address comes after a colon.
    number && !word.contains(':')
}

/// A decimal number without a sign or a leading zero.
fn decimal<T: FromStr>(word: &str) -> Option<T> {
    let digits = word.bytes().all(|digit| digit.is_ascii_digit());
    let plain = digits && (word.len() == 1 || !word.starts_with('0'));
    word.parse().ok().filter(|_| plain)
}

fn block(base: &str, prefix: &str) -> anyhow::Result<Span> {
    let ip: IpAddr = base
        .parse()
        .ok()
        .with_context(|| format!("{base:?} is not an address"))?;
    let (v6, number) = number(ip);
    let bits = if v6 { 128 } else { 32 };
    let prefix: u32 = decimal(prefix)
        .filter(|prefix| *prefix <= bits)
        .with_context(|| format!("the prefix is a whole number from 0 to {bits}"))?;
    let free = match bits - prefix {
        128 => u128::MAX,
        bits => (1 << bits) - 1,
    };
    // An address inside the block names the block, as everywhere: 10.0.0.7/24 is 10.0.0.0/24.
    Ok(Span {
        kind: Kind { v6, scope: 0 },
        first: number & !free,
        last: number | free,
    }
    .without_mapping())
}

/// `last` is an address, or for IPv4 the last number alone.
fn range(first: IpAddr, last: &str) -> anyhow::Result<Span> {
    let last_ip = match (first, decimal::<u8>(last)) {
        (IpAddr::V4(ip), Some(last)) => {
            let [a, b, c, _] = ip.octets();
            Ipv4Addr::new(a, b, c, last).into()
        }
        _ => last
            .parse::<IpAddr>()
            .ok()
            .with_context(|| format!("{last:?} is not an address"))?,
    };
    let ((v6, first_number), (last_v6, last_number)) = (number(first), number(last_ip));
    if v6 != last_v6 {
        bail!("one end is IPv4, the other IPv6");
    }
    if first_number > last_number {
        bail!("it runs backwards: did you mean {last_ip}-{first}?");
    }
    Ok(Span {
        kind: Kind { v6, scope: 0 },
        first: first_number,
        last: last_number,
    }
    .without_mapping())
}

fn resolve(name: &str) -> anyhow::Result<Found> {
    const HINT: &str = "check the spelling and the network, or give an address";
    let found: Vec<SocketAddr> = (name, 0)
        .to_socket_addrs()
        .with_context(|| format!("cannot resolve the host name {name}"))
        .hint(HINT)?
        .collect();
    if found.is_empty() {
        return Err(anyhow!("the host {name} has no address")).hint(HINT);
    }
    Ok(named(name, &found))
}

pub(super) fn named(name: &str, found: &[SocketAddr]) -> Found {
    Found {
        spans: found.iter().map(|found| scoped(*found).into()).collect(),
        // `fe80::1%eth0` is an address with its interface, not a name worth printing.
        name: (!name.contains('%')).then(|| name.to_string()),
    }
}

/// Only link-local addresses have an interface (RFC 4007, section 6): `::1%1` is `::1`.
fn scoped(found: SocketAddr) -> Host {
    match found {
        SocketAddr::V6(v6) if v6.ip().is_unicast_link_local() => Host {
            ip: found.ip(),
            scope: v6.scope_id(),
        },
        _ => found.ip().into(),
    }
}

#[cfg(test)]
mod tests {
    use super::is_old_notation;

    #[test]
    fn a_name_with_numbers_is_not_an_old_notation_of_an_address() {
        for name in [
            "node-1",
            "3-com.example",
            "10-0-0-1.example.org",
            "a.b-1",
            "1.example",
            "0x.example",
            "::1",
            "10.0.0.1-20",
            "10.0.0.0/8",
        ] {
            assert!(!is_old_notation(name), "{name}");
        }
    }
}
