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
    /// Indices in `known` of hosts that are over.
    free: Vec<u32>,
    /// The quickest of the hosts that are over.
    quickest: Option<(Duration, Duration)>,
}

/// With fewer hosts than this none is forgotten: they take 13 MB.
const KEPT: usize = 65_536;

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
            .chain(self.quickest)
            .min()
    }

    /// All ports of a host are known. Among very many hosts, its place is another's.
    pub(super) fn forget(&mut self, host: u32) {
        if self.known.len() < KEPT {
            return;
        }
        if let Some(of_host) = self.indices.get_mut(host as usize)
            && let Some(index) = std::mem::take(of_host).checked_sub(1)
        {
            let trip = &self.known[index as usize];
            let quick = (trip.least(), trip.smoothed());
            self.quickest = Some(self.quickest.map_or(quick, |known| known.min(quick)));
            self.free.push(index);
        }
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
        let trip = RoundTrip::new(now, sample);
        let index = match self.free.pop() {
            Some(index) => {
                self.known[index as usize] = trip;
                index
            }
            None => {
                self.known.push(trip);
                u32::try_from(self.known.len() - 1).expect("at most 2^20 hosts")
            }
        };
        self.indices[host] = index + 1;
        &self.known[index as usize]
    }
}
