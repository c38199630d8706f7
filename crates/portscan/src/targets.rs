//! Which hosts: names, addresses, CIDR blocks and ranges, read into disjoint spans of addresses.
//!
//! One file, since the forms that are read, the set that they make and the words that it prints are
//! tested together.

use std::collections::{BTreeMap, HashMap};
use std::fmt;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, SocketAddrV6};

use anyhow::anyhow;
use labnet::Hint;

mod names;
mod read;

use names::{Found, look_up};
use read::read;

/// The most hosts of one scan: as many as a /12 has.
pub const MAX_HOSTS: u64 = 1 << 20;

/// One host of a scan.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Host {
    /// Its address.
    pub ip: IpAddr,
    /// The interface of a link-local IPv6 address (`fe80::1%2`), otherwise 0.
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

    /// Whether its address is neither loopback, nor private (RFC 1918, RFC 4193), nor of this link:
    /// perhaps someone else's.
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
    /// An IPv4 address in IPv6 notation (`::ffff:10.0.0.1`, RFC 4291, section 2.5.5.2) is the IPv4
    /// host.
    fn from(ip: IpAddr) -> Self {
        Host {
            ip: ip.to_canonical(),
            scope: 0,
        }
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

/// What addresses must share to follow each other. IPv4 sorts first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
struct Kind {
    v6: bool,
    /// The interface of link-local addresses: fe80::1 is another host on each.
    scope: u32,
}

/// A run of addresses of one kind, both ends included.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
struct Span {
    kind: Kind,
    first: u128,
    last: u128,
}

impl Span {
    /// The number of addresses, unless there are far too many.
    fn size(self) -> Option<u64> {
        u64::try_from(self.last - self.first).ok()?.checked_add(1)
    }

    /// IPv4 addresses in IPv6 notation (`::ffff:0:0/96`) are IPv4.
    fn without_mapping(self) -> Self {
        const MAPPED: u128 = 0xffff << 32;
        const LAST: u128 = MAPPED | 0xffff_ffff;
        if self.kind.v6 && MAPPED <= self.first && self.last <= LAST {
            Span {
                kind: Kind {
                    v6: false,
                    scope: 0,
                },
                first: self.first - MAPPED,
                last: self.last - MAPPED,
            }
        } else {
            self
        }
    }

    fn hosts(self) -> impl Iterator<Item = Host> {
        (self.first..=self.last).map(move |number| host(self.kind, number))
    }

    fn words(self) -> Vec<String> {
        let (first, last) = (host(self.kind, self.first), host(self.kind, self.last));
        if first == last {
            vec![first.to_string()]
        } else if self.kind.scope == 0 {
            vec![format!("{first}-{last}")]
        } else {
            // There is no range notation with an interface.
            self.hosts().map(|host| host.to_string()).collect()
        }
    }
}

impl From<Host> for Span {
    fn from(host: Host) -> Self {
        let (v6, number) = number(host.ip);
        let scope = host.scope;
        Span {
            kind: Kind { v6, scope },
            first: number,
            last: number,
        }
    }
}

fn number(ip: IpAddr) -> (bool, u128) {
    match ip {
        IpAddr::V4(ip) => (false, u128::from(u32::from(ip))),
        IpAddr::V6(ip) => (true, u128::from(ip)),
    }
}

fn host(kind: Kind, number: u128) -> Host {
    let ip = if kind.v6 {
        Ipv6Addr::from(number).into()
    } else {
        // A span of IPv4 is made from IPv4 addresses only.
        Ipv4Addr::from(u32::try_from(number).unwrap_or(u32::MAX)).into()
    };
    Host {
        ip,
        scope: kind.scope,
    }
}

/// What the targets of a command line mean: a set of addresses, each once, and the names that they
/// came from.
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
    /// The last address of each span by its kind and first address. The spans are disjoint and do
    /// not touch.
    spans: BTreeMap<(Kind, u128), u128>,
    /// How many addresses they hold.
    hosts: u64,
    names: HashMap<Host, String>,
}

/// The addresses that a target may have.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Family {
    /// IPv4 and IPv6.
    #[default]
    Any,
    /// IPv4 alone.
    V4,
    /// IPv6 alone.
    V6,
}

impl Family {
    fn has(self, span: &Span) -> bool {
        match self {
            Family::Any => true,
            Family::V4 => !span.kind.v6,
            Family::V6 => span.kind.v6,
        }
    }
}

impl Targets {
    /// Adds a target: an address, a block (`10.0.0.0/24`), a range (`10.0.0.1-20`,
    /// `10.0.0-3.1-254`, `10.0.0.1-10.0.1.20`), or a name, with all its addresses.
    ///
    /// # Errors
    ///
    /// When the word is none of these, when the name does not resolve, or when there are too many
    /// hosts. The set then stays as it was.
    pub fn add(&mut self, word: &str) -> anyhow::Result<()> {
        let errors = self.add_all(&[word], Family::Any);
        errors.into_iter().next().map_or(Ok(()), Err)
    }

    /// Adds targets; names are asked for side by side. Gives back what is wrong with the bad ones.
    pub fn add_all(&mut self, words: &[impl AsRef<str>], family: Family) -> Vec<anyhow::Error> {
        let words = words.iter().map(AsRef::as_ref);
        let found = look_up(words.clone().map(read).collect());
        words
            .zip(found)
            .filter_map(|(word, found)| {
                let added = found.and_then(|found| self.add_found(word, found, family));
                added.err()
            })
            .collect()
    }

    fn add_found(&mut self, word: &str, mut found: Found, family: Family) -> anyhow::Result<()> {
        found.spans.retain(|span| family.has(span));
        if found.spans.is_empty() {
            let (wanted, option) = match family {
                Family::V6 => ("IPv6", "-6"),
                _ => ("IPv4", "-4"),
            };
            return Err(anyhow!("{word} has no {wanted} address"))
                .hint(format!("leave {option} out to scan its other addresses"));
        }
        for span in &found.spans {
            let first = host(span.kind, span.first);
            if first.scope == 0 && matches!(first.ip, IpAddr::V6(ip) if ip.is_unicast_link_local())
            {
                return Err(anyhow!(
                    "{word} is a link-local address and needs its interface: each link has its own {first}"
                ))
                .hint("name the interface, like this: fe80::1%eth0");
            }
        }
        if !self.insert_all(&found.spans) {
            return Err(anyhow!("{word} makes more than {MAX_HOSTS} hosts"))
                .hint("split the scan into smaller blocks");
        }
        if let Some(name) = found.name {
            for span in &found.spans {
                let host = host(span.kind, span.first);
                self.names.entry(host).or_insert_with(|| name.clone());
            }
        }
        Ok(())
    }

    /// All of them or none: `false` when that makes too many hosts.
    fn insert_all(&mut self, spans: &[Span]) -> bool {
        if let [span] = spans {
            return self.insert(*span);
        }
        let all: u64 = spans.iter().filter_map(|span| span.size()).sum();
        if all + self.hosts <= MAX_HOSTS {
            return spans.iter().all(|span| self.insert(*span));
        }
        // They may overlap those that are there.
        let before = (self.spans.clone(), self.hosts);
        let whole = spans.iter().all(|span| self.insert(*span));
        if !whole {
            (self.spans, self.hosts) = before;
        }
        whole
    }

    /// Joins a span with those that it overlaps or touches. `false` when that makes too many hosts:
    /// nothing changes.
    fn insert(&mut self, mut span: Span) -> bool {
        let before = (span.kind, span.first);
        let joined: Vec<Span> = self
            .spans
            .range(before..=(span.kind, span.last.saturating_add(1)))
            .chain(self.spans.range(..before).next_back())
            .map(|(&(kind, first), &last)| Span { kind, first, last })
            .filter(|near| near.kind == span.kind && near.last.saturating_add(1) >= span.first)
            .collect();
        for near in &joined {
            span.first = span.first.min(near.first);
            span.last = span.last.max(near.last);
        }
        let gone: u64 = joined.iter().filter_map(|near| near.size()).sum();
        let hosts = span.size().map(|size| self.hosts - gone + size);
        let Some(hosts) = hosts.filter(|hosts| *hosts <= MAX_HOSTS) else {
            return false;
        };
        for near in joined {
            self.spans.remove(&(near.kind, near.first));
        }
        self.spans.insert((span.kind, span.first), span.last);
        self.hosts = hosts;
        true
    }

    /// Removes a target, in the same forms as [`Targets::add`]; a name with all its addresses. A
    /// link-local address without an interface is removed on every interface.
    ///
    /// # Errors
    ///
    /// When the word is not a target.
    pub fn exclude(&mut self, word: &str) -> anyhow::Result<()> {
        self.exclude_all(&[word])
    }

    /// Removes targets, as [`Targets::exclude`] does.
    ///
    /// # Errors
    ///
    /// Names the first word that is not a target; those before it are removed.
    pub fn exclude_all(&mut self, words: &[impl AsRef<str>]) -> anyhow::Result<()> {
        for found in look_up(words.iter().map(|word| read(word.as_ref())).collect()) {
            for out in found?.spans {
                self.remove(out);
            }
        }
        Ok(())
    }

    fn remove(&mut self, out: Span) {
        // A link-local address may be on any interface. The spans of IPv4 are looked up.
        let first = match self.spans.range(..=(out.kind, out.first)).next_back() {
            Some((key, _)) if !out.kind.v6 => *key,
            _ => (
                Kind {
                    scope: 0,
                    ..out.kind
                },
                0,
            ),
        };
        let last = match out.kind.v6 {
            true => (
                Kind {
                    v6: true,
                    scope: u32::MAX,
                },
                u128::MAX,
            ),
            false => (out.kind, out.last),
        };
        let met: Vec<Span> = self
            .spans
            .range(first..=last)
            .map(|(&(kind, first), &last)| Span { kind, first, last })
            .filter(|span| {
                span.kind.scope == out.kind.scope || span.kind.scope == 0 || out.kind.scope == 0
            })
            .filter(|span| span.first <= out.last && out.first <= span.last)
            .collect();
        for span in met {
            self.spans.remove(&(span.kind, span.first));
            if span.first < out.first {
                self.spans.insert((span.kind, span.first), out.first - 1);
            }
            if out.last < span.last {
                self.spans.insert((span.kind, out.last + 1), span.last);
            }
            let gone = span.last.min(out.last) - span.first.max(out.first) + 1;
            self.hosts -= u64::try_from(gone).unwrap_or(self.hosts);
        }
    }

    fn spans(&self) -> impl Iterator<Item = Span> {
        self.spans
            .iter()
            .map(|(&(kind, first), &last)| Span { kind, first, last })
    }

    /// How many hosts there are.
    pub fn len(&self) -> u64 {
        self.hosts
    }

    /// Whether it is empty.
    pub fn is_empty(&self) -> bool {
        self.hosts == 0
    }

    /// The hosts in the order of their addresses, IPv4 first; those of one interface together.
    pub fn hosts(&self) -> impl Iterator<Item = Host> {
        // The range says how many they are: a list of a million then does not grow step by step.
        let count = usize::try_from(self.hosts).unwrap_or(usize::MAX);
        let mut hosts = self.spans().flat_map(Span::hosts);
        (0..count).map_while(move |_| hosts.next())
    }

    /// The hosts with names.
    pub fn named(&self) -> impl Iterator<Item = (Host, &str)> {
        self.names.iter().map(|(host, name)| (*host, name.as_str()))
    }

    /// Gives a host its name, as it was saved.
    ///
    /// # Errors
    ///
    /// When the word is not an address of this set.
    pub fn set_name(&mut self, word: &str, name: &str) -> anyhow::Result<()> {
        let mut alone = Targets::default();
        alone.add(word)?;
        for host in alone.hosts() {
            self.names.insert(host, name.to_string());
        }
        Ok(())
    }

    /// The name that a host was given by.
    pub fn name(&self, host: Host) -> Option<&str> {
        self.names.get(&host).map(String::as_str)
    }

    /// Words that [`Targets::add`] reads back as the same set, without the names.
    pub fn words(&self) -> Vec<String> {
        self.spans().flat_map(Span::words).collect()
    }
}

/// As [`Targets::words`], for some of its hosts, in its order.
pub fn words(hosts: &[Host]) -> Vec<String> {
    let mut spans: Vec<Span> = Vec::new();
    for next in hosts.iter().copied().map(Span::from) {
        match spans.last_mut() {
            Some(span) if span.kind == next.kind && span.last + 1 == next.first => {
                span.last = next.last;
            }
            _ => spans.push(next),
        }
    }
    spans.into_iter().flat_map(Span::words).collect()
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
        assert_eq!(localhost.name(host), Some("localhost"));
    }

    fn two_addresses() -> Found {
        let found = ["192.0.2.1:0", "192.0.2.9:0", "[2001:db8::1]:0"];
        names::named(
            "two.example".to_string(),
            &found.map(|a| a.parse().unwrap()),
        )
    }

    #[test]
    fn a_name_is_all_its_addresses_or_those_of_one_family() {
        for (family, expected) in [
            (Family::Any, &["192.0.2.1", "192.0.2.9", "2001:db8::1"][..]),
            (Family::V4, &["192.0.2.1", "192.0.2.9"]),
            (Family::V6, &["2001:db8::1"]),
        ] {
            let mut set = Targets::default();
            set.add_found("two.example", two_addresses(), family)
                .unwrap();
            assert_eq!(set.words(), expected);
            assert!(
                set.hosts()
                    .all(|host| set.name(host) == Some("two.example"))
            );
        }
        let told = Targets::default().add_all(&["127.0.0.1", "::1"], Family::V4);
        assert_eq!(told.len(), 1);
        assert_eq!(told[0].to_string(), "::1 has no IPv4 address");
    }

    #[test]
    fn a_range_in_any_of_the_four_numbers_is_read() {
        let words = targets(&["10.0.0-1.1-254"]).words();
        assert_eq!(words, ["10.0.0.1-10.0.0.254", "10.0.1.1-10.0.1.254"]);
        assert_eq!(
            targets(&["10.0.0-3.0-255"]).words(),
            ["10.0.0.0-10.0.3.255"]
        );
        assert_eq!(targets(&["10-11.0.0.7"]).words(), ["10.0.0.7", "11.0.0.7"]);
        assert!(error("10.0.3-0.1").contains("3-0 runs backwards: did you mean 0-3?"));
        assert!(error("10.0.0-256.1").contains("\"256\" is not a number from 0 to 255"));
        assert!(error("0-255.0-255.0-255.0-255").contains("more than 1048576 hosts"));
        let mut full = targets(&["10.0.0.0/12"]);
        assert!(full.add("10.0-15.0-255.9").is_ok());
        assert!(full.add("10.15-16.0-255.9").is_err());
        assert_eq!(full.words(), ["10.0.0.0-10.15.255.255"]);
    }

    #[test]
    fn only_a_link_local_address_has_an_interface() {
        assert_eq!(targets(&["::1%lo"]).words(), ["::1"]);
        assert_eq!(
            targets(&["2001:db8::1%no-such-interface"]).words(),
            ["2001:db8::1"]
        );
    }

    #[test]
    fn an_excluded_name_takes_out_every_address_of_it() {
        let mut set = targets(&["192.0.2.0-10", "2001:db8::/126"]);
        for out in two_addresses().spans {
            set.remove(out);
        }
        assert_eq!(set.len(), 9 + 3);
        let mut set = targets(&["localhost", "127.0.0.0/30", "::1"]);
        set.exclude("localhost").unwrap();
        assert!(
            !set.hosts()
                .any(|host| host.ip.is_loopback() && set.name(host).is_some())
        );
    }

    #[test]
    fn a_link_local_address_is_another_host_on_each_interface() {
        let host = |ip: &str, scope| Host {
            ip: ip.parse().unwrap(),
            scope,
        };
        let set = targets(&[
            "fe80::1%2",
            "fe80::2%1",
            "fe80::2%2",
            "fe80::1%1",
            "fe80::2%2",
        ]);
        let hosts: Vec<Host> = set.hosts().collect();
        assert_eq!(
            hosts,
            [
                host("fe80::1", 1),
                host("fe80::2", 1),
                host("fe80::1", 2),
                host("fe80::2", 2)
            ]
        );
        assert_eq!(set.len(), 4);
        let words = ["fe80::1%1", "fe80::2%1", "fe80::1%2", "fe80::2%2"];
        assert_eq!(set.words(), words);
        assert_eq!(super::words(&hosts), words);
        assert!(targets(&words).hosts().eq(hosts));

        let mut one = set.clone();
        one.exclude("fe80::1%2").unwrap();
        assert_eq!(one.words(), ["fe80::1%1", "fe80::2%1", "fe80::2%2"]);
        let mut all = set;
        all.exclude("fe80::1").unwrap();
        assert_eq!(all.words(), ["fe80::2%1", "fe80::2%2"]);
        assert_eq!(targets(&["::1%1", "::1"]).words(), ["::1"]);
    }

    #[test]
    fn a_hundred_thousand_scattered_addresses_are_read_and_excluded_in_seconds() {
        let began = std::time::Instant::now();
        let mut set = Targets::default();
        // An odd number times a counter, modulo 2^23, gives each address once; none of them touch.
        for number in 0..100_000u32 {
            let low = number.wrapping_mul(2_654_435_761) & 0x007f_ffff;
            set.add(&Ipv4Addr::from(0x0a00_0000 + 2 * low).to_string())
                .unwrap();
        }
        assert_eq!(set.len(), 100_000);
        let words = set.words();
        assert_eq!(words.len(), 100_000);
        set.exclude_all(&words[1..]).unwrap();
        assert_eq!(set.words(), words[..1]);
        // A tree takes less than a second. Sorting a list after each addition took a minute and a
        // half for a fifth of them.
        assert!(began.elapsed().as_secs() < 20, "{:?}", began.elapsed());
    }

    #[test]
    fn a_bad_word_is_named_and_the_good_ones_stay() {
        let mut good = targets(&["127.0.0.1"]);
        assert!(good.add("no-such-host.invalid").is_err());
        assert!(good.add("::/0").is_err());
        assert_eq!(good.len(), 1);
        assert!(error("10.0.0.0/33").contains("from 0 to 32"));
        assert!(error("10.0.0.9-3").contains("9-3 runs backwards: did you mean 3-9?"));
        assert!(error("10.0.0.9-10.0.0.3").contains("did you mean 10.0.0.3-10.0.0.9?"));
        assert!(error("10.0.0.1-::1").contains("one end is IPv4"));
        assert!(error("2001:db8::/64").contains("more than 1048576 hosts"));
        assert!(error("no-such-host.invalid").contains("cannot resolve"));
        assert!(error(" ").contains("missing"));
    }

    #[test]
    fn an_address_in_an_old_notation_is_refused_with_a_hint() {
        for word in [
            "127.0.0.010",
            "127.1",
            "2130706433",
            "0x7f000001",
            "0x7F.1",
            "127.0.0.1.",
            "256.0.0.1",
            "010.0.0.1-20",
            "10.0.0.1-020",
            "10.0.0.1-+5",
            "010.0.0.0/24",
            "10.0.0.0/024",
        ] {
            let mut set = targets(&["127.0.0.0/29"]);
            assert!(set.add(word).is_err(), "{word} is taken");
            assert!(set.exclude(word).is_err(), "{word} is excluded");
            assert_eq!(set.words(), ["127.0.0.0-127.0.0.7"]);
        }
        assert!(error("127.0.0.010").contains("four decimal numbers"));
    }

    #[test]
    fn an_ipv4_address_in_ipv6_notation_is_the_ipv4_host() {
        assert_eq!(targets(&["::ffff:10.0.0.1"]).words(), ["10.0.0.1"]);
        let block = targets(&["::ffff:10.0.0.0/126"]);
        assert_eq!(block.words(), ["10.0.0.0-10.0.0.3"]);
        let range = targets(&["::ffff:10.0.0.1-::ffff:a00:3"]);
        assert_eq!(range.words(), ["10.0.0.1-10.0.0.3"]);
        let mut set = targets(&["10.0.0.1-3"]);
        set.exclude("::ffff:10.0.0.2").unwrap();
        assert_eq!(set.words(), ["10.0.0.1", "10.0.0.3"]);
    }

    #[test]
    fn a_link_local_address_without_its_interface_is_refused_as_a_target() {
        assert!(error("fe80::1").contains("needs its interface"));
        assert!(error("fe80::1-fe80::9").contains("needs its interface"));
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
            prop_assert_eq!(words(&set.hosts().collect::<Vec<_>>()), set.words());
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
