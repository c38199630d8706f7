//! Which ports: `22,ssh,8000-9000` read into a sorted set.

use std::fmt;

use anyhow::{Context, anyhow, bail};

use crate::services;

/// A set of TCP ports, from 1 to 65535, sorted and without repeats.
///
/// ```
/// use portscan::ports::Ports;
///
/// let ports: Ports = "443, 22,80-82".parse()?;
/// assert_eq!(ports.as_slice(), [22, 80, 81, 82, 443]);
/// assert_eq!(ports.to_string(), "22,80-82,443");
/// # Ok::<(), anyhow::Error>(())
/// ```
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Ports(Vec<u16>);

impl Ports {
    /// All 65,535 ports. Port 0 is left out: `bind` takes it as "any free port", so no program can
    /// listen on it.
    pub fn all() -> Self {
        Ports((1..=u16::MAX).collect())
    }

    /// The ports in ascending order.
    pub fn as_slice(&self) -> &[u16] {
        &self.0
    }

    /// How many ports there are.
    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// Whether the set is empty.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// These ports and others.
    #[must_use]
    pub fn with(self, others: &Ports) -> Self {
        self.0.into_iter().chain(others.0.iter().copied()).collect()
    }

    /// These ports without the excluded ones.
    #[must_use]
    pub fn without(mut self, excluded: &Ports) -> Self {
        self.0
            .retain(|port| excluded.0.binary_search(port).is_err());
        self
    }
}

impl FromIterator<u16> for Ports {
    /// Port 0 is left out, repeats count once.
    fn from_iter<T: IntoIterator<Item = u16>>(ports: T) -> Self {
        let mut ports: Vec<u16> = ports.into_iter().filter(|port| *port != 0).collect();
        ports.sort_unstable();
        ports.dedup();
        Ports(ports)
    }
}

impl std::str::FromStr for Ports {
    type Err = anyhow::Error;

    /// Reads ports, ranges and the names of services, separated by commas; blanks around them do
    /// not matter. A range may leave an end out: `1024-`, `-1023`, and `-` for all ports.
    ///
    /// # Errors
    ///
    /// Names the word that is not a port: an unknown name, 0, above 65535, a range that runs
    /// backwards, or an empty word.
    fn from_str(text: &str) -> Result<Self, Self::Err> {
        if text.trim().is_empty() {
            bail!("the list of ports is empty");
        }
        let mut ports = Vec::new();
        for word in text.split(',').map(str::trim) {
            // Many names have a hyphen: http-alt is not a range.
            if let Some(port) = services::port(word) {
                ports.push(port);
                continue;
            }
            match word.split_once('-') {
                None => ports.push(port(word)?),
                Some((first, last)) => {
                    let first_port = end(first, 1).with_context(|| in_range(word))?;
                    let last_port = end(last, u16::MAX).with_context(|| in_range(word))?;
                    if first_port > last_port {
                        bail!(
                            "the port range {word} runs backwards: did you mean {last_port}-{first_port}?"
                        );
                    }
                    ports.extend(first_port..=last_port);
                }
            }
        }
        Ok(ports.into_iter().collect())
    }
}

fn in_range(word: &str) -> String {
    format!("in the port range {word:?}")
}

/// One end of a range, or the end of all ports where it is left out.
fn end(word: &str, open: u16) -> anyhow::Result<u16> {
    match word.trim() {
        "" => Ok(open),
        word => port(word),
    }
}

fn port(word: &str) -> anyhow::Result<u16> {
    if word.is_empty() {
        bail!("a port is missing: two commas in a row, or one at an end");
    }
    // `u16::from_str` takes a leading plus sign.
    let digits = word.bytes().all(|byte| byte.is_ascii_digit());
    match word.parse() {
        Ok(0) => bail!("port 0 cannot be scanned: it means \"any free port\" to bind"),
        Ok(port) if digits => Ok(port),
        _ if word.starts_with(|first: char| first.is_ascii_alphabetic()) => Err(anyhow!(
            "{word:?} is neither a port nor the name of a service that portscan knows"
        )),
        _ => Err(anyhow!(
            "{word:?} is not a port: a port is a whole number from 1 to 65535"
        )),
    }
}

impl fmt::Display for Ports {
    /// The shortest list of ports and ranges that reads back as the same set.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, run) in self
            .0
            .chunk_by(|port, next| u32::from(*port) + 1 == u32::from(*next))
            .enumerate()
        {
            let comma = if index == 0 { "" } else { "," };
            match run {
                [port] => write!(f, "{comma}{port}")?,
                [first, .., last] => write!(f, "{comma}{first}-{last}")?,
                [] => {}
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn error(text: &str) -> String {
        format!("{:#}", text.parse::<Ports>().unwrap_err())
    }

    #[test]
    fn a_bad_list_names_its_bad_word() {
        assert!(error("0").contains("port 0 cannot be scanned"));
        assert!(error("65536").contains("\"65536\" is not a port"));
        assert!(error("9000-8000").contains("runs backwards: did you mean 8000-9000?"));
        assert!(error("22,,80").contains("a port is missing"));
        assert!(error(" ").contains("empty"));
        assert!(error("+22").contains("\"+22\" is not a port"));
        assert!(error("1-x").contains("in the port range \"1-x\""));
        assert!(error("no-such-service").contains("neither a port nor the name of a service"));
        assert!(error("1-2-3").contains("\"2-3\" is not a port"));
        assert!(error("--").contains("\"-\" is not a port"));
    }

    #[test]
    fn a_range_without_an_end_goes_on_to_the_end_of_all_ports() {
        let read = |text: &str| text.parse::<Ports>().unwrap();
        assert_eq!(read("65534-").as_slice(), [65534, 65535]);
        assert_eq!(read("-3,9").as_slice(), [1, 2, 3, 9]);
        assert_eq!(read("-"), Ports::all());
    }

    #[test]
    fn a_service_is_its_port_whatever_its_case() {
        let ports: Ports = "ssh,HTTP-Alt, 22,ms-sql-s".parse().unwrap();
        assert_eq!(ports.as_slice(), [22, 1433, 8080]);
    }

    #[test]
    fn the_highest_port_ends_a_range() {
        let ports: Ports = "65534-65535".parse().unwrap();
        assert_eq!(ports.as_slice(), [65534, 65535]);
        assert_eq!("1-65535".parse::<Ports>().unwrap(), Ports::all());
    }

    proptest! {
        #[test]
        fn what_is_printed_reads_back_as_the_same_set(ports in prop::collection::vec(1u16.., 1..300)) {
            let ports: Ports = ports.into_iter().collect();
            prop_assert_eq!(ports.to_string().parse::<Ports>().unwrap(), ports);
        }

        #[test]
        fn a_range_holds_its_ends_and_all_between(a in 1u16.., b in 1u16..) {
            let (first, last) = (a.min(b), a.max(b));
            let ports: Ports = format!("{first}-{last}").parse().unwrap();
            prop_assert_eq!(ports.len(), usize::from(last - first) + 1);
            prop_assert!(ports.as_slice().is_sorted());
            let rest = ports.without(&format!("{first}").parse().unwrap());
            prop_assert_eq!(rest.len(), usize::from(last - first));
        }

        #[test]
        fn no_text_makes_the_parser_panic(text in "[-0-9, +a]{0,30}") {
            if let Ok(ports) = text.parse::<Ports>() {
                prop_assert!(!ports.is_empty());
                prop_assert!(!ports.as_slice().contains(&0));
            }
        }
    }
}
