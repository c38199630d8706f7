//! What a word of the command line means: an address, a block, a range or a name.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::str::FromStr;

use anyhow::{Context, anyhow, bail};
use labnet::Hint;

use super::{Host, Kind, MAX_HOSTS, Span, number};

const RANGE_HINT: &str = "a range looks like this: 10.0.0.1-20, 10.0.0-3.1-254, 10.0.0.1-10.0.1.20";

/// What a word means.
#[derive(Debug)]
pub(super) enum Word {
    /// Addresses.
    Spans(Vec<Span>),
    /// A name, or a link-local address with its interface: the system knows its addresses.
    Name(String),
}

impl From<Span> for Word {
    fn from(span: Span) -> Self {
        Word::Spans(vec![span])
    }
}

/// Reads a word in the forms that [`Targets::add`](super::Targets::add) names.
pub(super) fn read(word: &str) -> anyhow::Result<Word> {
    let word = word.trim();
    if word.is_empty() {
        bail!("a target is missing: an empty word");
    }
    if let Ok(ip) = word.parse::<IpAddr>() {
        return Ok(Span::from(Host::from(ip)).into());
    }
    if let Some(ip) = without_zone(word) {
        return Ok(Span::from(Host::from(ip)).into());
    }
    if has_octet_ranges(word) {
        return octets(word)
            .with_context(|| format!("{word} is not a range of addresses"))
            .hint(RANGE_HINT)
            .map(Word::Spans);
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
            .map(Word::from);
    }
    if let Some((first, last)) = word.split_once('-')
        && let Ok(first) = first.parse::<IpAddr>()
    {
        return range(first, last)
            .with_context(|| format!("{word} is not a range of addresses"))
            .hint(RANGE_HINT)
            .map(Word::from);
    }
    Ok(Word::Name(word.to_string()))
}

/// An address with an interface that it does not need. Only link-local addresses have one (RFC
/// 4007, section 6): `::1%lo` is `::1`.
fn without_zone(word: &str) -> Option<IpAddr> {
    let (ip, zone) = word.split_once('%')?;
    let ip: Ipv6Addr = ip.parse().ok()?;
    (!zone.is_empty() && !ip.is_unicast_link_local()).then_some(ip.into())
}

/// Whether a word is an IPv4 address with a range in one or more of its numbers: `10.0.0-3.1-254`.
fn has_octet_ranges(word: &str) -> bool {
    let parts: Vec<&str> = word.split('.').collect();
    let numeric = |part: &&str| {
        part.starts_with(|first: char| first.is_ascii_digit())
            && part
                .bytes()
                .all(|byte| byte.is_ascii_digit() || byte == b'-')
    };
    parts.len() == 4 && word.contains('-') && parts.iter().all(numeric)
}

/// The addresses whose four numbers are in the ranges that stand for them.
fn octets(word: &str) -> anyhow::Result<Vec<Span>> {
    let mut ranges = Vec::new();
    for part in word.split('.') {
        let (first, last) = part.split_once('-').unwrap_or((part, part));
        let end = |word| {
            decimal::<u8>(word).with_context(|| {
                format!("{word:?} is not a number from 0 to 255 without leading zeros")
            })
        };
        let (first, last) = (end(first)?, end(last)?);
        if first > last {
            bail!("{part} runs backwards: did you mean {last}-{first}?");
        }
        ranges.push((first, last));
    }
    let size: u64 = ranges
        .iter()
        .map(|(first, last)| u64::from(last - first) + 1)
        .product();
    if size > MAX_HOSTS {
        bail!("it has more than {MAX_HOSTS} hosts");
    }
    let [(a1, a2), (b1, b2), (c1, c2), (d1, d2)] = ranges[..] else {
        bail!("it has not four numbers");
    };
    let at = |a, b, c, d| number(Ipv4Addr::new(a, b, c, d).into()).1;
    let mut spans: Vec<Span> = Vec::new();
    for a in a1..=a2 {
        for b in b1..=b2 {
            for c in c1..=c2 {
                let (first, last) = (at(a, b, c, d1), at(a, b, c, d2));
                match spans.last_mut() {
                    // Whole blocks make one span.
                    Some(span) if span.last + 1 == first => span.last = last,
                    _ => spans.push(Span {
                        kind: Kind {
                            v6: false,
                            scope: 0,
                        },
                        first,
                        last,
                    }),
                }
            }
        }
    }
    Ok(spans)
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

fn range(first: IpAddr, last: &str) -> anyhow::Result<Span> {
    let last_ip = last
        .parse::<IpAddr>()
        .ok()
        .with_context(|| format!("{last:?} is not an address"))?;
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
