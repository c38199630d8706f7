//! Control probes: a few probes to ports that have answered before, to see whether answers are
//! lost.
//!
//! Where almost nothing answers, a lost answer looks like a filtered port, and nothing says how
//! many are lost.

use std::collections::VecDeque;
use std::time::Duration;

use crate::findings::State;
use crate::probe::Probe;
use crate::window::Time;

/// With fewer silent ports than this a lost answer costs nothing that a third try would not find.
const CONTROL_FROM: usize = 500;
/// About so many control probes in a pass of retries, and in a first pass.
const CONTROLS_A_PASS: usize = 200;
const CONTROLS_IN_FIRST_PASS: usize = 60;
/// The first pass leaves half of an open port's control probes to the later passes, and spreads its
/// own over time.
const LEFT_BY_FIRST_PASS: u8 = CONTROLS_OF_AN_OPEN_PORT / 2;
const FIRST_PASS_GAP: Duration = Duration::from_millis(10);
/// Open ports are asked sparingly: behind each is a service that sees a connection.
const CONTROLS_OF_AN_OPEN_PORT: u8 = 10;
const CONTROLS_OF_A_CLOSED_PORT: u8 = 20;
/// Of each kind, open and closed.
const MAX_CONTROL_PORTS: usize = 20;

/// A port that has answered, and how often it may still be asked whether it does.
#[derive(Debug, Clone, Copy)]
struct Control {
    host: u32,
    port: u16,
    state: State,
    left: u8,
}

/// The ports that control probes ask, and when the next one is due.
#[derive(Debug, Default)]
pub(super) struct Controls {
    ports: VecDeque<Control>,
    /// How many ports of each kind became controls, used up or not.
    open: usize,
    closed: usize,
    /// How many other probes go before the next control probe.
    until_next: usize,
}

/// How far the scan is, as far as a control probe depends on it.
#[derive(Debug, Clone, Copy)]
pub(super) struct Pass {
    /// Ports of the block that have not been tried yet; 0 in a pass of retries.
    pub(super) untried: u64,
    /// Ports that wait for a retry.
    pub(super) retries: usize,
    /// Ports that answered the first try.
    pub(super) at_once: u64,
    /// When the last control probe was sent.
    pub(super) last_control: Option<Time>,
}

impl Controls {
    /// A port has answered. Closed ports are the politer controls, since no service sees them; open
    /// ones say more.
    pub(super) fn offer(&mut self, probe: &Probe, state: State) {
        let (count, left) = if state == State::Open {
            (&mut self.open, CONTROLS_OF_AN_OPEN_PORT)
        } else {
            (&mut self.closed, CONTROLS_OF_A_CLOSED_PORT)
        };
        if *count == MAX_CONTROL_PORTS {
            return;
        }
        *count += 1;
        self.ports.push_back(Control {
            host: probe.host,
            port: probe.port,
            state,
            left,
        });
    }

    /// A control probe, when one is due instead of the next port.
    pub(super) fn due(&mut self, now: Time, pass: Pass) -> Option<Probe> {
        if pass.retries < CONTROL_FROM {
            return None;
        }
        if self.until_next > 0 {
            self.until_next -= 1;
            return None;
        }
        let first_pass = pass.untried > 0;
        if first_pass {
            // Where most ports answer, the answers themselves tell enough.
            let answered = pass.at_once * 8 > pass.retries as u64;
            let early = pass
                .last_control
                .is_some_and(|last| now < last + FIRST_PASS_GAP);
            let spent = self.ports.front()?.left <= LEFT_BY_FIRST_PASS;
            if answered || early || spent {
                return None;
            }
        }
        let mut control = self.ports.pop_front()?;
        let gap = if first_pass {
            let untried = usize::try_from(pass.untried).unwrap_or(usize::MAX);
            (pass.retries + untried) / CONTROLS_IN_FIRST_PASS
        } else {
            pass.retries / CONTROLS_A_PASS
        };
        self.until_next = gap.max(8);
        control.left -= 1;
        if control.left > 0 {
            self.ports.push_back(control);
        }
        Some(Probe::control_of(
            control.host,
            control.port,
            control.state,
            now,
        ))
    }
}
