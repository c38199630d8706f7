//! What a relay does to the bytes and datagrams that pass it.
//!
//! A network may do all of this at any time. Here it happens at a chosen place, so that a run can
//! be repeated.

use std::time::{Duration, Instant};

use anyhow::anyhow;
use labnet::Hint;

/// A datagram that is held back for the next one arrives alone after this.
pub const HELD: Duration = Duration::from_secs(1);

/// The faults of a run.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Faults {
    /// TCP: at most so many bytes arrive at a time.
    pub cut: Option<usize>,
    /// TCP: what was sent before a pause arrives in one piece.
    pub join: bool,
    /// Everything arrives so much later.
    pub delay: Duration,
    /// TCP: the connection is reset after so many bytes in one direction.
    pub reset: Option<u64>,
    /// UDP: this datagram of each direction is lost.
    pub drop: Option<u64>,
    /// UDP: this datagram of each direction arrives twice.
    pub duplicate: Option<u64>,
    /// UDP: this datagram of each direction arrives after the next one.
    pub reorder: Option<u64>,
}

impl Faults {
    /// Whether there are any.
    #[cfg_attr(not(target_os = "linux"), allow(dead_code, reason = "for the tracer"))]
    pub fn any(&self) -> bool {
        *self != Faults::default()
    }

    /// The same, or why they make no sense.
    pub fn checked(self) -> anyhow::Result<Self> {
        if self.cut == Some(0) {
            return Err(anyhow!("--cut 0: nothing would ever arrive")).hint("give 1 or more");
        }
        if self.reset.is_some() && !cfg!(target_os = "linux") {
            return Err(anyhow!("--reset needs Linux")).hint("elsewhere a relay can only close");
        }
        for (name, place) in [
            ("drop", self.drop),
            ("duplicate", self.duplicate),
            ("reorder", self.reorder),
        ] {
            if place == Some(0) {
                return Err(anyhow!("--{name} 0: datagrams are counted from 1"))
                    .hint(format!("--{name} 1 is the first of each direction"));
            }
        }
        Ok(self)
    }
}

/// A time in milliseconds, with its unit or without: `50ms`, `50`.
pub fn milliseconds(text: &str) -> Result<Duration, String> {
    let number = text.strip_suffix("ms").unwrap_or(text).parse();
    number
        .map(Duration::from_millis)
        .map_err(|_| format!("{text:?} is not a time in milliseconds such as 50ms"))
}

/// The datagrams of one direction.
#[derive(Debug, Default)]
pub struct Datagrams {
    count: u64,
    held: Option<(Instant, Vec<u8>)>,
}

/// What becomes of a datagram.
#[derive(Debug, PartialEq, Eq)]
pub enum Fate {
    /// These arrive now, in this order. None may be: one is held back for the next.
    Arrive(Vec<Vec<u8>>),
    /// It is lost.
    Lost(Vec<u8>),
}

impl Datagrams {
    /// What becomes of the next datagram.
    pub fn next(&mut self, faults: &Faults, datagram: Vec<u8>) -> Fate {
        self.count += 1;
        let here = |place: Option<u64>| place == Some(self.count);
        if here(faults.drop) {
            return Fate::Lost(datagram);
        }
        let copies = if here(faults.duplicate) { 2 } else { 1 };
        if here(faults.reorder) {
            self.held = Some((Instant::now(), datagram));
            return Fate::Arrive(Vec::new());
        }
        let mut arrive = vec![datagram; copies];
        arrive.extend(self.held.take().map(|(_, datagram)| datagram));
        Fate::Arrive(arrive)
    }

    /// No other came in time: what was held back for it arrives alone.
    pub fn alone(&mut self, now: Instant) -> Option<Vec<u8>> {
        let held = self.held.take_if(|(since, _)| *since + HELD <= now);
        held.map(|(_, datagram)| datagram)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn fates(faults: Faults, count: u8) -> Vec<Fate> {
        let mut datagrams = Datagrams::default();
        (1..=count)
            .map(|number| datagrams.next(&faults, vec![number]))
            .collect()
    }

    fn arrive(numbers: &[u8]) -> Fate {
        Fate::Arrive(numbers.iter().map(|number| vec![*number]).collect())
    }

    #[test]
    fn a_datagram_is_lost_doubled_or_overtaken_at_its_place() {
        let none = Faults::default();
        assert_eq!(fates(none, 2), [arrive(&[1]), arrive(&[2])]);
        let faults = Faults {
            drop: Some(2),
            ..none
        };
        let expected = [arrive(&[1]), Fate::Lost(vec![2]), arrive(&[3])];
        assert_eq!(fates(faults, 3), expected);
        let faults = Faults {
            duplicate: Some(1),
            ..none
        };
        assert_eq!(fates(faults, 2), [arrive(&[1, 1]), arrive(&[2])]);
        let faults = Faults {
            reorder: Some(1),
            ..none
        };
        assert_eq!(
            fates(faults, 3),
            [arrive(&[]), arrive(&[2, 1]), arrive(&[3])]
        );
    }

    #[test]
    fn a_datagram_that_nothing_follows_is_not_kept_for_good() {
        let faults = Faults {
            reorder: Some(1),
            ..Faults::default()
        };
        let mut datagrams = Datagrams::default();
        assert_eq!(datagrams.next(&faults, vec![1]), arrive(&[]));
        let now = Instant::now();
        assert_eq!(datagrams.alone(now), None);
        assert_eq!(datagrams.alone(now + HELD), Some(vec![1]));
        assert_eq!(datagrams.alone(now + HELD), None);
    }
}
