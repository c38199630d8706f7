//! Random numbers for simulated networks: the same seed gives the same numbers.

use std::time::Duration;

/// xorshift64*.
pub(crate) struct Random(u64);

impl Random {
    /// From a number that is not 0.
    pub(crate) fn plain(number: u64) -> Self {
        Random(number)
    }

    /// From any number: seeds that are near each other give numbers that are not.
    pub(crate) fn new(seed: u64) -> Self {
        let mut random = Random(seed.wrapping_mul(2) + 1);
        for _ in 0..20 {
            random.next();
        }
        random
    }

    pub(crate) fn next(&mut self) -> u64 {
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        self.0.wrapping_mul(0x2545_f491_4f6c_dd1d)
    }

    /// From 0 to 1.
    #[expect(clippy::cast_precision_loss, reason = "a share")]
    pub(crate) fn unit(&mut self) -> f64 {
        (self.next() >> 11) as f64 / (1u64 << 53) as f64
    }

    pub(crate) fn chance(&mut self, share: f64) -> bool {
        self.unit() < share
    }

    pub(crate) fn below(&mut self, end: u64) -> u64 {
        (self.next() >> 11) % end
    }

    /// An index of so many things.
    pub(crate) fn pick(&mut self, count: u64) -> usize {
        usize::try_from(self.below(count)).unwrap()
    }
}

pub(crate) const fn ms(milliseconds: u64) -> Duration {
    Duration::from_millis(milliseconds)
}
