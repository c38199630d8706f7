//! The random order of the probes: a permutation of `0..size` that needs no memory.
//!
//! Probes in random order spread over hosts and ports, so that no host, no network and no firewall
//! sees a run of neighbors. A shuffled list of all probes of a large scan would not fit into
//! memory; a small Feistel network computes each value of the permutation when it is needed, and
//! the same seed gives the same permutation.

/// A permutation of the numbers below `size`.
///
/// ```
/// use portscan::permutation::Permutation;
///
/// let permutation = Permutation::random(1000, 7);
/// let mut seen: Vec<u64> = (0..1000).map(|index| permutation.at(index)).collect();
/// seen.sort();
/// assert!(seen.into_iter().eq(0..1000));
/// ```
#[derive(Debug, Clone)]
pub struct Permutation {
    size: u64,
    /// Half of the bits that `size` needs, rounded up.
    half: u32,
    /// One key a round; `None` is ascending order.
    keys: Option<[u64; ROUNDS]>,
}

const ROUNDS: usize = 4;

impl Permutation {
    /// A random permutation, the same for the same seed.
    pub fn random(size: u64, seed: u64) -> Self {
        let mut state = seed;
        let keys = std::array::from_fn(|_| {
            state = state.wrapping_add(0x9e37_79b9_7f4a_7c15);
            mix(state)
        });
        let bits = u64::BITS - size.saturating_sub(1).leading_zeros();
        Permutation {
            size,
            half: bits.div_ceil(2).max(1),
            keys: Some(keys),
        }
    }

    /// 0, 1, 2 and so on.
    pub fn ascending(size: u64) -> Self {
        Permutation {
            size,
            half: 0,
            keys: None,
        }
    }

    /// How many numbers it permutes.
    pub fn size(&self) -> u64 {
        self.size
    }

    /// The number at an index.
    ///
    /// The network permutes the numbers below a power of four, at most four times as many as
    /// `size`. A result that is too large goes through it again until it is not ("cycle walking"):
    /// on a permutation that ends, and gives every index another number.
    ///
    /// # Panics
    ///
    /// When the index is not below `size`: the walk from there might not end.
    pub fn at(&self, index: u64) -> u64 {
        assert!(index < self.size, "index {index} of {}", self.size);
        let Some(keys) = &self.keys else {
            return index;
        };
        let mut number = index;
        loop {
            number = self.permute(number, keys);
            if number < self.size {
                return number;
            }
        }
    }

    fn permute(&self, number: u64, keys: &[u64; ROUNDS]) -> u64 {
        let mask = (1 << self.half) - 1;
        let (mut left, mut right) = (number >> self.half, number & mask);
        for key in keys {
            (left, right) = (right, left ^ (mix(right ^ key) & mask));
        }
        (left << self.half) | right
    }
}

/// Spreads every bit of the input over the whole output (the finalizer of splitmix64).
pub(crate) fn mix(value: u64) -> u64 {
    let value = (value ^ (value >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    let value = (value ^ (value >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    value ^ (value >> 31)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn every_number_comes_once(size in 1u64..5000, seed: u64) {
            let permutation = Permutation::random(size, seed);
            let mut numbers: Vec<u64> = (0..size).map(|index| permutation.at(index)).collect();
            numbers.sort_unstable();
            prop_assert!(numbers.into_iter().eq(0..size));
        }

        #[test]
        fn a_number_of_a_huge_permutation_is_in_range(size in 1u64..1 << 40, seed: u64, index: u64) {
            let permutation = Permutation::random(size, seed);
            prop_assert!(permutation.at(index % size) < size);
        }
    }

    #[test]
    fn another_seed_gives_another_permutation() {
        let first = Permutation::random(65535, 1);
        let second = Permutation::random(65535, 2);
        let same = (0..65535)
            .filter(|index| first.at(*index) == second.at(*index))
            .count();
        assert!(same < 20, "{same} of 65535 numbers are the same");
    }

    #[test]
    fn neighbors_are_spread() {
        let permutation = Permutation::random(65535, 3);
        let near = (1..65535)
            .filter(|index| permutation.at(*index).abs_diff(permutation.at(index - 1)) < 100)
            .count();
        // By chance alone: 65,534 · 2 · 99 / 65,535, about 198.
        assert!(near < 400, "{near} neighbors stayed neighbors");
    }
}
