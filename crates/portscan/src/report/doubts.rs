//! What a reader should not rely on, in plain words, with the option that would settle it.

use super::Scan;
use crate::findings::{Counts, State};

/// From this chance on that an open port was taken for filtered, the report says so.
const UNCERTAIN: f64 = 0.001;

/// Why the results of one host are less than sure.
pub fn host_doubts(counts: Counts, unknown: u64) -> Vec<String> {
    let mut doubts = Vec::new();
    if unknown > 0 {
        doubts.push(format!("{unknown} ports are unknown: the scan was stopped"));
    }
    if counts.filtered > 0 && counts.open + counts.closed == 0 {
        doubts.push(
            "it gave no answer at all: switched off, or behind a firewall that drops everything"
                .to_string(),
        );
    }
    doubts
}

impl Scan {
    /// What a reader should not rely on, one sentence each.
    pub fn uncertainties(&self) -> Vec<String> {
        let mut doubts = Vec::new();
        let filtered = self.counts.of(State::Filtered);
        if self.unknown > 0 {
            doubts.push(format!(
                "{} ports are unknown: the scan was stopped",
                self.unknown
            ));
        }
        if self.banners_unread > 0 {
            doubts.push(format!(
                "the banners of {} open ports were not read: the program was stopped",
                self.banners_unread
            ));
        }
        if self.banners_skipped > 0 {
            doubts.push(format!(
                "the banners of {} open ports were not read: many other ports of their hosts are \
                 open and say nothing, as behind a proxy that accepts every connection",
                self.banners_skipped
            ));
        }
        if filtered > 0
            && let Some(share) = self.losses.share()
        {
            let missed = share.powi(i32::from(self.tries));
            if missed > UNCERTAIN {
                doubts.push(format!(
                    "{:.0} % of the probes were lost: the chance that an open port looks filtered \
                     is {:.2} %; --tries {} makes it smaller",
                    100.0 * share,
                    100.0 * missed,
                    self.tries.saturating_add(2)
                ));
            }
        }
        if let Some(rate) = self.limited_to
            && filtered > 0
        {
            doubts.push(format!(
                "the target refuses at most about {rate:.0} connects a second: some filtered ports \
                 may be closed; --rate {:.0} finds out",
                (rate * 0.8).max(1.0)
            ));
        }
        if self.silent > 0 {
            let hosts = match self.silent {
                1 => "1 host".to_string(),
                hosts => format!("{hosts} hosts"),
            };
            doubts.push(format!(
                "{hosts} gave no answer at all: switched off, or behind a firewall that drops everything"
            ));
        }
        doubts
    }
}
