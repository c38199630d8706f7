//! What silent ports are called, and what is in doubt about them.

use super::queue::Pending;
use super::settle::{Settle, Verdict};
use super::{ENOUGH, FIRST_WAITS, Scheduler, least};
use crate::findings::{Doubt, State};
use crate::window::{RoundTrip, Time};

/// With more silent ports than this, only those of hosts that gave too little evidence are looked
/// at again: one window of patient probes.
const FEW_SILENT: usize = 16_384;

impl Scheduler {
    /// The block's passes are over. Starts another pass, the second look or the next block; `true`
    /// when nothing is left.
    pub(super) fn end_block(&mut self, now: Time) -> bool {
        let mut silent = std::mem::take(&mut self.queue.silent);
        // Loss has shown after some had had their tries.
        let again: Vec<Pending> = silent
            .extract_if(.., |port| {
                port.state() == State::Filtered
                    && self.tries_again(port)
                    && !self.hosts.seems_gone(now, port.host)
            })
            .collect();
        self.queue.retries.extend(again);
        self.tries_needed += self.queue.retries.len() as u64;
        if !self.queue.retries.is_empty() {
            self.queue.silent = silent;
            return false;
        }
        let few = silent.len() <= FEW_SILENT;
        silent.sort_unstable_by_key(|port| port.host);
        let quick = self.congestion.rate().unwrap_or(f64::INFINITY);
        let most = self.limits.rate.unwrap_or(f64::INFINITY);
        for ports in silent.chunk_by(|port, next| port.host == next.host) {
            let Some(host) = ports.first().map(|port| port.host) else {
                continue;
            };
            let tally = self.hosts.tally(host);
            if self.limits.tries.is_none() && tally.answers() && (few || !self.is_sure(host, ports))
            {
                let least = self.hosts.trip(host).map(RoundTrip::least);
                self.settling
                    .add(Settle::new(now, ports.to_vec(), &tally, least, quick, most));
                continue;
            }
            let doubt = self.doubt_without_a_second_look(host, ports);
            self.record_silent(ports, doubt);
        }
        if self.settling.is_active() {
            return false;
        }
        self.pass = 0;
        self.congestion.next_block(self.hosts.is_empty());
        !self.queue.next_block()
    }

    /// Whether the quick passes alone tell enough about a host with very many silent ports.
    fn is_sure(&self, host: u32, silent: &[Pending]) -> bool {
        const FEW: u32 = 20;
        let tally = self.hosts.tally(host);
        let all = tally.all_tries().all;
        let tries = silent.iter().map(|port| port.tries).min().unwrap_or(0);
        tally.open.as_slice().len() > 1
            && all >= FEW
            && !tally.keeps_coming()
            && tally.miss_chance(tries.into()) <= ENOUGH
    }

    fn doubt_without_a_second_look(&self, host: u32, silent: &[Pending]) -> Option<Doubt> {
        let tally = self.hosts.tally(host);
        if !tally.answers() {
            return None;
        }
        let all = tally.all_tries();
        let tries = silent.iter().map(|port| port.tries).min().unwrap_or(0);
        let chance = tally.miss_chance(tries.into());
        if chance > 2.0 * ENOUGH && all.lost > 0 {
            let share = all.share();
            return Some(Doubt::Loss { share, chance });
        }
        self.limits.tries.map(|_| Doubt::Unconfirmed)
    }

    /// The second look at a host is over.
    pub(super) fn settled_host(&mut self, verdict: &Verdict) {
        if let Some((rate, _)) = verdict.limit {
            let tally = self.hosts.tally(verdict.host);
            let controls = u64::from(tally.controls_lost);
            self.held_back.0 += u64::from(tally.all_tries().lost) - controls;
            self.held_back.1 += controls;
            self.limited_to = least(self.limited_to, Some(rate));
        }
        self.slowed_to = least(self.slowed_to, verdict.slowed_to);
        self.record_silent(&verdict.silent, verdict.doubt);
    }

    fn record_silent(&mut self, ports: &[Pending], doubt: Option<Doubt>) {
        let doubt = doubt.or_else(|| {
            let short = self.limits.timeout.filter(|most| *most < FIRST_WAITS[0]);
            short.map(Doubt::ShortWait)
        });
        for port in ports {
            self.findings
                .record(port.host, port.port, port.state(), self.limits.details);
            if let Some(doubt) = doubt {
                self.findings.counts.doubt(port.host, doubt);
            }
        }
    }

    /// Hosts to which there is no way, now that nothing else is left to do.
    pub(super) fn give_up_unreachable(&mut self, now: Time) {
        for (port, had_way) in self.outages.given_up(now) {
            let doubt = match had_way {
                true => Doubt::WayLost,
                false => Doubt::NoWay,
            };
            self.record_unreachable(port, Some(doubt));
        }
    }

    /// A port that this machine cannot send to, with the doubt where that is so for its whole host.
    pub(super) fn record_unreachable(&mut self, port: Pending, doubt: Option<Doubt>) {
        let details = self.limits.details;
        self.findings
            .record(port.host, port.port, State::Unreachable, details);
        if let Some(doubt) = doubt {
            self.findings.counts.doubt(port.host, doubt);
        }
    }
}
