//! Which hosts: names, addresses, CIDR blocks and ranges, read into disjoint spans of addresses.

use std::collections::HashMap;
use std::fmt;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, SocketAddrV6, ToSocketAddrs};

use anyhow::{Context, anyhow, bail};
use labnet::Hint;

/// The most hosts of one scan: as many as a /12 has.
pub const MOST_HOSTS: u64 = 1 << 20;

/// One host of a scan.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Host {
    /// Its address.
    pub ip: IpAddr,
    /// The interface of a link-local IPv6 address (`fe80::1%2`), else 0.
    pub scope: u32,
}

impl Host {
    /// The socket address of one of its ports.
    pub fn port(self, port: u16) -> SocketAddr {
        match self.ip {
            IpAddr::V4(ip) => SocketAddr::from((ip, port)),
            IpAddr::V6(ip) => SocketAddrV6::new(ip, port, 0, self.scope).into(),
        }
    }

    /// Whether its address is neither loopback, nor private (RFC 1918, RFC 4193), nor of this link: perhaps
    /// somebody else's.
    pub fn is_public(self) -> bool {
        match self.ip {
            IpAddr::V4(ip) => {
                !(ip.is_loopback() || ip.is_private() || ip.is_link_local() || ip.is_unspecified())
            }
            IpAddr::V6(ip) => match ip.to_ipv4_mapped() {
                Some(ip) => Host::from(IpAddr::V4(ip)).is_public(),
                None => {
                    !(ip.is_loopback()
                        || ip.is_unique_local()
                        || ip.is_unicast_link_local()
                        || ip.is_unspecified())
                }
            },
        }
    }
}

impl From<IpAddr> for Host {
    fn from(ip: IpAddr) -> Self {
        Host { ip, scope: 0 }
    }
}

impl fmt::Display for Host {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.scope {
            0 => write!(f, "{}", self.ip),
            scope => write!(f, "{}%{scope}", self.ip),
        }
    }
}

/// A run of addresses of one family, both ends included.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
struct Span {
    v6: bool,
    first: u128,
    last: u128,
}

impl Span {
    fn one(ip: IpAddr) -> Self {
        let (v6, number) = number(ip);
        Span {
            v6,
            first: number,
            last: number,
        }
    }

    /// The number of addresses; `None` only for all of IPv6.
    fn size(self) -> Option<u128> {
        (self.last - self.first).checked_add(1)
    }
}

fn number(ip: IpAddr) -> (bool, u128) {
    match ip {
        IpAddr::V4(ip) => (false, u128::from(u32::from(ip))),
        IpAddr::V6(ip) => (true, u128::from(ip)),
    }
}

fn address(v6: bool, number: u128) -> IpAddr {
    if v6 {
        Ipv6Addr::from(number).into()
    } else {
        // A span of IPv4 is made from IPv4 addresses only.
        Ipv4Addr::from(u32::try_from(number).unwrap_or(u32::MAX)).into()
    }
}

/// What the targets of a command line mean: a set of addresses, each once, and the names that led there.
///
/// ```
/// use portscan::targets::Targets;
///
/// let mut targets = Targets::default();
/// targets.add("127.0.1.0/30")?;
/// targets.add("127.0.1.2-5")?;
/// targets.exclude("127.0.1.3")?;
/// let hosts: Vec<String> = targets.hosts().map(|host| host.to_string()).collect();
/// assert_eq!(hosts, ["127.0.1.0", "127.0.1.1", "127.0.1.2", "127.0.1.4", "127.0.1.5"]);
/// # Ok::<(), anyhow::Error>(())
/// ```
#[derive(Debug, Clone, Default)]
pub struct Targets {
    /// Sorted, disjoint, not touching.
    spans: Vec<Span>,
    scopes: HashMap<IpAddr, u32>,
    names: HashMap<IpAddr, String>,
}

impl Targets {
    /// Adds a target: an address, a block (`10.0.0.0/24`), a range (`10.0.0.1-20`, `10.0.0.1-10.0.1.20`), or a
    /// name, of which the first address is taken.
    ///
    /// # Errors
    ///
    /// When the word is none of these, when the name does not resolve, or when there are too many hosts. What was
    /// there before stays.
    pub fn add(&mut self, word: &str) -> anyhow::Result<()> {
        let found = read(word)?;
        let mut spans = self.spans.clone();
        spans.push(found.span);
        let spans = merged(spans);
        let hosts = count(&spans);
        if hosts.is_none_or(|hosts| hosts > u128::from(MOST_HOSTS)) {
            return Err(anyhow!("{word} makes more than {MOST_HOSTS} hosts"))
                .hint("split the scan into smaller blocks");
        }
        self.spans = spans;
        let ip = address(found.span.v6, found.span.first);
        if found.scope != 0 {
            self.scopes.insert(ip, found.scope);
        }
        if let Some(name) = found.name {
            self.names.entry(ip).or_insert(name);
        }
        Ok(())
    }

    /// Takes a target out again, in the same forms as [`Targets::add`].
    ///
    /// # Errors
    ///
    /// When the word is no target.
    pub fn exclude(&mut self, word: &str) -> anyhow::Result<()> {
        let out = read(word)?.span;
        let mut spans = Vec::with_capacity(self.spans.len() + 1);
        for span in &self.spans {
            if span.v6 != out.v6 || span.last < out.first || out.last < span.first {
                spans.push(*span);
                continue;
            }
            if span.first < out.first {
                spans.push(Span {
                    last: out.first - 1,
                    ..*span
                });
            }
            if out.last < span.last {
                spans.push(Span {
                    first: out.last + 1,
                    ..*span
                });
            }
        }
        self.spans = spans;
        Ok(())
    }

    /// How many hosts there are.
    pub fn len(&self) -> u64 {
        let hosts = count(&self.spans).unwrap_or(u128::MAX);
        u64::try_from(hosts).unwrap_or(u64::MAX)
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.spans.is_empty()
    }

    /// The hosts in the order of their addresses, IPv4 first.
    pub fn hosts(&self) -> impl Iterator<Item = Host> {
        self.spans.iter().flat_map(|span| {
            (span.first..=span.last).map(|number| {
                let ip = address(span.v6, number);
                Host {
                    ip,
                    scope: self.scopes.get(&ip).copied().unwrap_or(0),
                }
            })
        })
    }

    /// The name under which a host was asked for.
    pub fn name(&self, ip: IpAddr) -> Option<&str> {
        self.names.get(&ip).map(String::as_str)
    }

    /// Words that [`Targets::add`] reads back as the same set; names are lost.
    pub fn words(&self) -> Vec<String> {
        self.spans
            .iter()
            .flat_map(|span| {
                let first = address(span.v6, span.first);
                let last = address(span.v6, span.last);
                match self.scopes.get(&first) {
                    Some(scope) => vec![format!("{first}%{scope}")],
                    None if first == last => vec![first.to_string()],
                    None => vec![format!("{first}-{last}")],
                }
            })
            .collect()
    }
}

fn count(spans: &[Span]) -> Option<u128> {
    spans
        .iter()
        .try_fold(0u128, |sum, span| sum.checked_add(span.size()?))
}

/// Sorts, and joins spans that overlap or touch.
fn merged(mut spans: Vec<Span>) -> Vec<Span> {
    spans.sort_unstable();
    let mut merged: Vec<Span> = Vec::with_capacity(spans.len());
    for span in spans {
        match merged.last_mut() {
            Some(before) if before.v6 == span.v6 && span.first <= before.last.saturating_add(1) => {
                before.last = before.last.max(span.last);
            }
            _ => merged.push(span),
        }
    }
    merged
}

struct Found {
    span: Span,
    scope: u32,
    name: Option<String>,
}

impl From<Span> for Found {
    fn from(span: Span) -> Self {
        Found {
            span,
            scope: 0,
            name: None,
        }
    }
}

fn read(word: &str) -> anyhow::Result<Found> {
    let word = word.trim();
    if word.is_empty() {
        bail!("a target is missing: an empty word");
    }
    if let Ok(ip) = word.parse::<IpAddr>() {
        return Ok(Span::one(ip).into());
    }
    if let Some((base, prefix)) = word.split_once('/') {
        return block(base, prefix)
            .with_context(|| format!("{word} is no block of addresses"))
            .hint("a block looks like this: 10.0.0.0/24, 2001:db8::/120")
            .map(Found::from);
    }
    if let Some((first, last)) = word.split_once('-')
        && let Ok(first) = first.parse::<IpAddr>()
    {
        return range(first, last)
            .with_context(|| format!("{word} is no range of addresses"))
            .hint("a range looks like this: 10.0.0.1-20, 10.0.0.1-10.0.1.20")
            .map(Found::from);
    }
    resolve(word)
}

fn block(base: &str, prefix: &str) -> anyhow::Result<Span> {
    let ip: IpAddr = base
        .parse()
        .ok()
        .with_context(|| format!("{base:?} is no address"))?;
    let (v6, number) = number(ip);
    let bits = if v6 { 128 } else { 32 };
    let prefix: u32 = prefix
        .parse()
        .ok()
        .filter(|prefix| *prefix <= bits)
        .with_context(|| format!("the prefix is a whole number from 0 to {bits}"))?;
    let free = match bits - prefix {
        128 => u128::MAX,
        bits => (1 << bits) - 1,
    };
    // An address inside the block names the block, as everywhere: 10.0.0.7/24 is 10.0.0.0/24.
    Ok(Span {
        v6,
        first: number & !free,
        last: number | free,
    })
}

/// `last` is an address, or for IPv4 the last number alone.
fn range(first: IpAddr, last: &str) -> anyhow::Result<Span> {
    let last_ip = match (first, last.parse::<u8>()) {
        (IpAddr::V4(ip), Ok(last)) => {
            let [a, b, c, _] = ip.octets();
            Ipv4Addr::new(a, b, c, last).into()
        }
        _ => last
            .parse::<IpAddr>()
            .ok()
            .with_context(|| format!("{last:?} is no address"))?,
    };
    let ((v6, first_number), (last_v6, last_number)) = (number(first), number(last_ip));
    if v6 != last_v6 {
        bail!("one end is IPv4, the other IPv6");
    }
    if first_number > last_number {
        bail!("it runs backwards: {last_ip}-{first} is meant?");
    }
    Ok(Span {
        v6,
        first: first_number,
        last: last_number,
    })
}

fn resolve(name: &str) -> anyhow::Result<Found> {
    let found = (name, 0)
        .to_socket_addrs()
        .with_context(|| format!("cannot resolve the host name {name}"))
        .and_then(|mut found| {
            found
                .next()
                .with_context(|| format!("the host {name} has no address"))
        })
        .hint("check the spelling and the network, or give an address")?;
    let scope = match found {
        SocketAddr::V6(v6) => v6.scope_id(),
        SocketAddr::V4(_) => 0,
    };
    // `fe80::1%eth0` is an address with its interface, not a name worth printing.
    let name = (!name.contains('%')).then(|| name.to_string());
    Ok(Found {
        span: Span::one(found.ip()),
        scope,
        name,
    })
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use proptest::prelude::*;

    use super::*;

    fn targets(words: &[&str]) -> Targets {
        let mut targets = Targets::default();
        for word in words {
            targets.add(word).unwrap();
        }
        targets
    }

    fn error(word: &str) -> String {
        format!("{:#}", Targets::default().add(word).unwrap_err())
    }

    #[test]
    fn every_form_is_read() {
        assert_eq!(targets(&["10.0.0.7/24"]).len(), 256);
        assert_eq!(targets(&["10.0.0.250-10.0.1.4"]).len(), 11);
        assert_eq!(targets(&["10.0.0.250-255"]).len(), 6);
        assert_eq!(targets(&["2001:db8::/120"]).len(), 256);
        assert_eq!(targets(&["2001:db8::1-2001:db8::ff"]).len(), 255);
        assert_eq!(targets(&["::1", "127.0.0.1", "127.0.0.1/32"]).len(), 2);
        assert_eq!(targets(&["255.255.255.255", "255.255.255.254"]).len(), 2);
    }

    #[test]
    fn a_name_is_kept_for_the_report() {
        let localhost = targets(&["localhost"]);
        let host = localhost.hosts().next().unwrap();
        assert!(host.ip.is_loopback());
        assert_eq!(localhost.name(host.ip), Some("localhost"));
    }

    #[test]
    fn a_bad_word_is_named_and_the_good_ones_stay() {
        let mut good = targets(&["127.0.0.1"]);
        assert!(good.add("no-such-host.invalid").is_err());
        assert!(good.add("::/0").is_err());
        assert_eq!(good.len(), 1);
        assert!(error("10.0.0.0/33").contains("from 0 to 32"));
        assert!(error("10.0.0.9-3").contains("runs backwards: 10.0.0.3-10.0.0.9"));
        assert!(error("10.0.0.1-::1").contains("one end is IPv4"));
        assert!(error("fe80::/64").contains("more than 1048576 hosts"));
        assert!(error("no-such-host.invalid").contains("cannot resolve"));
        assert!(error(" ").contains("missing"));
    }

    #[test]
    fn only_an_address_outside_this_site_is_public() {
        let public = |ip: &str| Host::from(ip.parse::<IpAddr>().unwrap()).is_public();
        for private in [
            "127.9.0.1",
            "10.9.8.7",
            "172.31.0.1",
            "192.168.1.1",
            "169.254.1.1",
            "::1",
        ] {
            assert!(!public(private), "{private}");
        }
        for private in ["fe80::1", "fd00::1", "::ffff:10.0.0.1"] {
            assert!(!public(private), "{private}");
        }
        for theirs in [
            "192.0.2.7",
            "172.32.0.1",
            "8.8.8.8",
            "2001:db8::1",
            "::ffff:8.8.8.8",
        ] {
            assert!(public(theirs), "{theirs}");
        }
    }

    proptest! {
        #[test]
        fn the_set_is_that_of_a_naive_model(
            adds in prop::collection::vec((0u32..300, 0u32..60), 1..8),
            cuts in prop::collection::vec((0u32..300, 0u32..60), 0..4),
        ) {
            let word = |(start, length): &(u32, u32)| {
                let first = 0x0a00_0000 + start;
                format!("{}-{}", Ipv4Addr::from(first), Ipv4Addr::from(first + length))
            };
            let mut set = Targets::default();
            let mut model = BTreeSet::new();
            for add in &adds {
                set.add(&word(add)).unwrap();
                model.extend(add.0..=add.0 + add.1);
            }
            for cut in &cuts {
                set.exclude(&word(cut)).unwrap();
                model.retain(|number| !(cut.0..=cut.0 + cut.1).contains(number));
            }
            let expected = model.iter().map(|number| IpAddr::from(Ipv4Addr::from(0x0a00_0000 + number)));
            prop_assert!(set.hosts().map(|host| host.ip).eq(expected));
            prop_assert_eq!(set.len(), model.len() as u64);

            let again = set.words().iter().try_fold(Targets::default(), |mut again, word| {
                again.add(word).map(|()| again)
            }).unwrap();
            prop_assert!(again.hosts().eq(set.hosts()));
        }

        #[test]
        fn a_block_has_two_to_the_power_of_its_free_bits(ip: u32, prefix in 12u32..=32) {
            let block = format!("{}/{prefix}", Ipv4Addr::from(ip));
            let set = targets(&[&block]);
            prop_assert_eq!(set.len(), 1 << (32 - prefix));
            prop_assert!(set.hosts().any(|host| host.ip == Ipv4Addr::from(ip)) || prefix < 16);
        }
    }
}
