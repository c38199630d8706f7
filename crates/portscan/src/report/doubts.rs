//! What a reader should not rely on, in plain words, with the option that would settle it.

use super::Scan;
use crate::findings::{Counts, Doubt};

/// With so many open ports, and so small a part of others, something else may answer for the host.
const MANY_OPEN: u32 = 50;
const PART_OPEN: (u64, u64) = (19, 20);

/// Why the results of one host are less than sure, with what the scan knows of it.
pub fn host_doubts(counts: Counts, unknown: u64, doubt: Option<&Doubt>) -> Vec<String> {
    let mut doubts = Vec::new();
    if unknown > 0 {
        doubts.push(format!("{unknown} ports are unknown: the scan was stopped"));
    }
    doubts.extend(doubt.map(words));
    if counts.filtered > 0 && counts.open + counts.closed == 0 {
        doubts.push(
            "it gave no answer at all: switched off, or behind a firewall that drops everything"
                .to_string(),
        );
    }
    if counts.open >= MANY_OPEN
        && u64::from(counts.open) * PART_OPEN.1 >= counts.all() * PART_OPEN.0
    {
        doubts.push(format!(
            "{} of its {} ports look open: a SYN proxy may answer for it, whether a program \
             listens or not; --banner shows which services speak",
            counts.open,
            counts.all()
        ));
    }
    doubts
}

fn words(doubt: &Doubt) -> String {
    match *doubt {
        Doubt::Loss { share, chance } => {
            let chance = match chance < 1e-4 {
                true => "below 0.01".to_string(),
                false => format!("{:.2}", 100.0 * chance),
            };
            format!(
                "{:.0} % of the probes were lost: the chance that an open port looks filtered is \
                 {chance} %; --tries 20 makes it smaller",
                100.0 * share
            )
        }
        Doubt::Limited {
            rate,
            refusals: true,
        } => format!(
            "it refuses at most about {rate:.0} connects a second: some filtered ports may be \
             closed; --rate {:.0} finds out",
            (rate * 0.8).max(1.0)
        ),
        Doubt::Limited {
            rate,
            refusals: false,
        } => format!(
            "it answers at most about {rate:.0} connects a second and drops the rest: open ports \
             may look filtered; --rate {:.0} finds out",
            (rate * 0.8).max(1.0)
        ),
        Doubt::FellSilent => "it answered, and then fell silent: it has gone, or it blocks this \
             scan, so open ports may look filtered; a later scan with a low --rate finds out"
            .to_string(),
        Doubt::OnlyRefusals => {
            "its answers are refusals alone, as a firewall on the way sends them \
             too: whether the host itself answers is not known, so silent ports may be open; \
             --least-wait 3 asks them longer"
                .to_string()
        }
        Doubt::Unconfirmed => "with --tries nothing shows whether it still answered, so open \
             ports may look filtered; without --tries the scan finds out"
            .to_string(),
        Doubt::ShortWait(most) => format!(
            "silent ports were given {} s at most, so open ports that are slower look filtered; \
             --timeout 1 waits for them",
            most.as_secs_f64()
        ),
        Doubt::NoMachine => {
            "no machine of the local network has this address: nobody answered ARP, \
             so its ports were not asked"
                .to_string()
        }
        Doubt::NoWay => "this machine has no way to it: no route, no address of that family, or \
             its own firewall forbids it; nothing was sent"
            .to_string(),
        Doubt::WayLost => "this machine lost its way to it while the scan ran, so the unreachable \
             ports are not known; scan it again when the network is back"
            .to_string(),
    }
}

impl Scan {
    /// What a reader should not rely on, one sentence each.
    pub fn uncertainties(&self) -> Vec<String> {
        let mut doubts = Vec::new();
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
        doubts.extend(self.doubtful.iter().cloned());
        let more = self
            .doubtful_hosts
            .saturating_sub(self.doubtful.len() as u64);
        if more > 0 {
            doubts.push(format!(
                "{more} other hosts are in doubt too, see each of them"
            ));
        }
        if self.missing > 0 {
            doubts.push(format!(
                "{} addresses belong to no machine of the local network: nobody answered ARP",
                self.missing
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
