//! The round trips of the hosts that have answered, found by number: each answer and each look for
//! silence asks.

use std::time::Duration;

use crate::window::{RoundTrip, Time};

/// See the module.
#[derive(Debug, Default)]
pub(super) struct RoundTrips {
    /// By host: its index in `known` plus 1, or 0.
    indices: Vec<u32>,
    known: Vec<RoundTrip>,
}

impl RoundTrips {
    /// Whether no host has answered yet.
    pub(super) fn is_empty(&self) -> bool {
        self.known.is_empty()
    }

    /// The round trip of a host.
    pub(super) fn of(&self, host: u32) -> Option<&RoundTrip> {
        let index = self.indices.get(host as usize)?.checked_sub(1)?;
        self.known.get(index as usize)
    }

    /// The least and the smoothed round trip of the host that answered quickest.
    pub(super) fn quickest(&self) -> Option<(Duration, Duration)> {
        self.known
            .iter()
            .map(|trip| (trip.least(), trip.smoothed()))
            .min()
    }

    /// Takes a sample of a host.
    pub(super) fn sample(&mut self, host: u32, now: Time, sample: Duration) -> &RoundTrip {
        let host = host as usize;
        if self.indices.len() <= host {
            self.indices.resize(host + 1, 0);
        }
        if let Some(index) = self.indices[host].checked_sub(1) {
            let trip = &mut self.known[index as usize];
            trip.sample(now, sample);
            return trip;
        }
        self.known.push(RoundTrip::new(now, sample));
        self.indices[host] = u32::try_from(self.known.len()).expect("at most 2^20 hosts");
        self.known.last().expect("one was pushed")
    }
}
