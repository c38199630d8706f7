//! Addresses from which wrong proofs come have to wait.

use std::collections::HashMap;
use std::net::{IpAddr, Ipv6Addr};
use std::sync::Mutex;
use std::time::{Duration, Instant};

/// So many proofs an address may get wrong before it has to wait.
const FREE: u32 = 20;

/// How far apart its next ones are.
const STEP: Duration = Duration::from_secs(1);

/// After so long without a wrong one all is forgotten.
const FORGOTTEN: Duration = Duration::from_secs(300);

/// The most addresses that are remembered. Beyond that the one with the fewest tries is forgotten.
const MOST: usize = 10_000;

/// The addresses from which wrong proofs came.
#[derive(Debug, Default)]
pub(super) struct Penalties {
    by_address: Mutex<HashMap<IpAddr, Penalty>>,
}

#[derive(Debug)]
struct Penalty {
    /// Proofs that were wrong, or that are being looked at.
    tries: u32,
    /// When the last one was wrong; at first when it came.
    last: Instant,
    /// When the next one may be looked at.
    next: Instant,
}

impl Penalties {
    /// A proof has come. Gives how long it has to wait before it is looked at, or `None` if that is
    /// longer than `patience`: then it is not looked at.
    pub(super) fn take_turn(
        &self,
        address: IpAddr,
        now: Instant,
        patience: Duration,
    ) -> Option<Duration> {
        let address = network(address);
        let mut all = labnet::lock(&self.by_address);
        if all.len() >= MOST && !all.contains_key(&address) {
            all.retain(|_, penalty| now.saturating_duration_since(penalty.last) < FORGOTTEN);
            if all.len() >= MOST {
                let fewest = all.iter().min_by_key(|(_, penalty)| penalty.tries);
                if let Some(forgotten) = fewest.map(|(address, _)| *address) {
                    all.remove(&forgotten);
                }
            }
        }
        let penalty = all.entry(address).or_insert(Penalty {
            tries: 0,
            last: now,
            next: now,
        });
        if now.saturating_duration_since(penalty.last) >= FORGOTTEN {
            penalty.tries = 0;
        }
        if penalty.tries < FREE {
            penalty.tries += 1;
            penalty.next = now;
            return Some(Duration::ZERO);
        }
        let turn = penalty.next.max(now) + STEP;
        let wait = turn.saturating_duration_since(now);
        if wait > patience {
            return None;
        }
        penalty.tries = penalty.tries.saturating_add(1);
        penalty.next = turn;
        Some(wait)
    }

    /// The proof was wrong: nothing is forgotten for a while.
    pub(super) fn was_wrong(&self, address: IpAddr, now: Instant) {
        let mut all = labnet::lock(&self.by_address);
        if let Some(penalty) = all.get_mut(&network(address)) {
            penalty.last = now;
        }
    }

    /// The proof was right: it does not count.
    pub(super) fn was_right(&self, address: IpAddr) {
        let address = network(address);
        let mut all = labnet::lock(&self.by_address);
        if let Some(penalty) = all.get_mut(&address) {
            penalty.tries = penalty.tries.saturating_sub(1);
            if penalty.tries == 0 {
                all.remove(&address);
            }
        }
    }
}

/// What one client can choose from: of an IPv6 address the host's part is its own choice.
fn network(address: IpAddr) -> IpAddr {
    match address.to_canonical() {
        IpAddr::V6(address) if !address.is_loopback() => {
            let prefix = address.to_bits() & !u128::from(u64::MAX);
            Ipv6Addr::from_bits(prefix).into()
        }
        address => address,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const PATIENCE: Duration = Duration::from_secs(10);

    #[test]
    fn some_tries_are_free_and_then_one_a_second_however_many_come_at_once() {
        let penalties = Penalties::default();
        let address = "2001:db8::1".parse().unwrap();
        let neighbor = "2001:db8::2".parse().unwrap();
        let now = Instant::now();
        let waits: Vec<_> = (0..100)
            .map(|number| {
                let address = if number % 2 == 0 { address } else { neighbor };
                penalties.take_turn(address, now, PATIENCE)
            })
            .collect();
        let free = usize::try_from(FREE).unwrap();
        assert!(
            waits[..free]
                .iter()
                .all(|wait| *wait == Some(Duration::ZERO))
        );
        let seconds: Vec<_> = waits[free..]
            .iter()
            .map_while(|wait| wait.map(|wait| wait.as_secs()))
            .collect();
        assert_eq!(seconds, (1..=10).collect::<Vec<_>>());
        assert!(waits[free + 10..].iter().all(Option::is_none));
        // Nobody else waits, and after a while nobody does.
        let other = "2001:db8:0:1::1".parse().unwrap();
        assert_eq!(
            penalties.take_turn(other, now, PATIENCE),
            Some(Duration::ZERO)
        );
        let later = now + FORGOTTEN;
        assert_eq!(
            penalties.take_turn(address, later, PATIENCE),
            Some(Duration::ZERO)
        );
    }

    #[test]
    fn proofs_that_are_right_cost_nothing() {
        let penalties = Penalties::default();
        let address = "192.0.2.1".parse().unwrap();
        for _ in 0..10 * FREE {
            let wait = penalties.take_turn(address, Instant::now(), PATIENCE);
            assert_eq!(wait, Some(Duration::ZERO));
            penalties.was_right(address);
        }
        assert!(labnet::lock(&penalties.by_address).is_empty());
    }

    #[test]
    fn right_proofs_do_not_keep_wrong_ones_in_mind() {
        let penalties = Penalties::default();
        let address = "192.0.2.1".parse().unwrap();
        let mut now = Instant::now();
        for _ in 0..2 * FREE {
            if penalties.take_turn(address, now, PATIENCE).is_some() {
                penalties.was_wrong(address, now);
            }
        }
        // Right ones every two minutes: after five minutes they need not wait.
        let mut waits = Vec::new();
        for _ in 0..5 {
            now += FORGOTTEN * 2 / 5;
            waits.push(penalties.take_turn(address, now, PATIENCE));
            penalties.was_right(address);
        }
        assert_eq!(waits[0], Some(STEP));
        assert_eq!(waits[4], Some(Duration::ZERO));
    }

    #[test]
    fn a_full_memory_shuts_nobody_out_and_keeps_who_tried_most() {
        let penalties = Penalties::default();
        let now = Instant::now();
        let guesser = "192.0.2.1".parse().unwrap();
        for _ in 0..2 * FREE {
            penalties.take_turn(guesser, now, PATIENCE);
        }
        for number in 0..u32::try_from(MOST).unwrap() + 10 {
            let address = std::net::Ipv4Addr::from_bits(number).into();
            let wait = penalties.take_turn(address, now, PATIENCE);
            assert_eq!(wait, Some(Duration::ZERO));
        }
        assert_ne!(
            penalties.take_turn(guesser, now, PATIENCE),
            Some(Duration::ZERO)
        );
    }

    #[test]
    fn no_more_addresses_are_remembered_than_there_is_room_for() {
        let penalties = Penalties::default();
        let now = Instant::now();
        for number in 0..u32::try_from(MOST).unwrap() + 10 {
            let address = std::net::Ipv4Addr::from_bits(number).into();
            penalties.take_turn(address, now, PATIENCE);
        }
        assert_eq!(labnet::lock(&penalties.by_address).len(), MOST);
        let address = std::net::Ipv4Addr::from_bits(u32::MAX).into();
        let later = now + FORGOTTEN;
        assert!(penalties.take_turn(address, later, PATIENCE).is_some());
        assert_eq!(labnet::lock(&penalties.by_address).len(), 1);
    }
}
