//! Whether the path can carry the rate of a scan that gets no answers: a pure state machine, fed by
//! control probes.

use std::collections::VecDeque;
use std::time::Duration;

use crate::findings::State;
use crate::probe::Probe;
use crate::window::Time;

/// Finds out from the control probes whether the path can carry the rate of a scan that gets no
/// answers.
///
/// Silence gives no hint of a queue that overflows: behind a firewall that drops everything, a
/// window that grows in silence can drown a slow uplink, and the few answers drown with it. A
/// cumulative sum (CUSUM, Page 1954) says whether control probes are lost more often than by
/// chance, here a loss of 50 % against one of 2 %: four in a row are a verdict, or five of ten.
/// Then the rate goes down to what got through, less a fifth, and the silent ports get two more
/// tries. The rate goes up again while all control probes are answered, but not to where the
/// verdict fell. There are a few verdicts at most: a loss that does not depend on the rate stays,
/// and the report says so.
#[derive(Debug)]
pub struct Congestion {
    /// The cumulative sum, and the control probes, all and lost, since it was 0.
    score: f64,
    counted: u32,
    lost: u32,
    /// Answered control probes since the last one that was lost.
    streak: u32,
    /// Control probes in the order in which they were sent, with the outcome where it is known. An
    /// answer is known sooner than a loss: counted as they come, the losses of a while would come
    /// in a row.
    in_flight: VecDeque<(Probe, Option<ProbeOutcome>)>,
    /// When control probes were sent, and how many probes had been handed out then.
    pace: VecDeque<(Time, u64)>,
    verdicts: u8,
    /// The last verdict: the time, and the pass.
    judged: Time,
    pass: u8,
    /// Probes a second from then on, and where they may go up to.
    rate: Option<f64>,
    most: f64,
}

/// What came of a control probe.
#[derive(Debug, Clone, Copy)]
pub enum ProbeOutcome {
    /// It was answered.
    Answered,
    /// No answer came in time.
    Lost,
    /// This machine could not send it, or the scan was stopped.
    Unknown,
}

impl Congestion {
    /// ln(0.50 / 0.02), ln(0.50 / 0.98), and a sum that chance reaches less than once in e^12
    /// control probes.
    const OF_A_LOSS: f64 = 3.219;
    const OF_AN_ANSWER: f64 = -0.673;
    const VERDICT: f64 = 12.0;
    const MAX_VERDICTS: u8 = 6;
    const MIN_RATE: f64 = 200.0;
    /// So many answers without a loss raise the rate by a quarter.
    const STREAK: u32 = 8;
    /// A rate is measured over at least this time, and over the last so many control probes at
    /// most.
    const SPAN: Duration = Duration::from_millis(100);
    const LAST: usize = 64;

    /// Nothing is known.
    pub fn new() -> Self {
        Congestion {
            score: 0.0,
            counted: 0,
            lost: 0,
            streak: 0,
            in_flight: VecDeque::new(),
            pace: VecDeque::new(),
            verdicts: 0,
            judged: Time::ZERO,
            pass: 0,
            rate: None,
            most: f64::INFINITY,
        }
    }

    /// The most probes a second, once there was a verdict or a wholly silent pass.
    pub fn rate(&self) -> Option<f64> {
        self.rate
    }

    /// The pass in which the last verdict of this block fell; 0 without one.
    pub fn pass(&self) -> u8 {
        self.pass
    }

    /// When the last control probe was sent.
    pub fn last_sent(&self) -> Option<Time> {
        self.pace.back().map(|sent| sent.0)
    }

    /// The first pass got no answer at all: the rate to continue with, until control probes say
    /// more.
    pub fn set_blind_rate(&mut self, rate: f64) {
        self.rate = Some(rate);
    }

    /// The passes start over, with other ports. `blind`: no answer has come yet.
    pub fn next_block(&mut self, blind: bool) {
        self.pass = 0;
        if blind {
            self.rate = None;
        }
    }

    /// A control probe was sent; so many probes had been handed out with it.
    pub fn sent(&mut self, probe: Probe, handed_out: u64) {
        if self.pace.len() == Self::LAST {
            self.pace.pop_front();
        }
        // The clocks of two workers may be a moment apart.
        let time = self.last_sent().unwrap_or_default().max(probe.sent);
        self.pace.push_back((time, handed_out));
        // Refusals may be held back by a limit of the host; an open port's answer is not.
        if probe.control == Some(State::Open) {
            self.in_flight.push_back((probe, None));
        }
    }

    /// The outcome of a control probe of this pass. `true` is a verdict.
    pub fn record(&mut self, now: Time, probe: &Probe, outcome: ProbeOutcome, pass: u8) -> bool {
        let mut known = self.in_flight.iter_mut();
        if let Some(entry) = known.find(|entry| entry.0 == *probe && entry.1.is_none()) {
            entry.1 = Some(outcome);
        }
        let mut verdict = false;
        while let Some((probe, Some(outcome))) = self.in_flight.front().copied() {
            self.in_flight.pop_front();
            // What was sent before a verdict has been judged by it.
            if probe.sent < self.judged {
                continue;
            }
            match outcome {
                ProbeOutcome::Answered => self.answered(),
                ProbeOutcome::Lost => verdict |= self.lost(now, probe.sent, pass),
                ProbeOutcome::Unknown => {}
            }
        }
        verdict
    }

    fn answered(&mut self) {
        self.score += Self::OF_AN_ANSWER;
        self.counted += 1;
        if self.score <= 0.0 {
            (self.score, self.counted, self.lost) = (0.0, 0, 0);
        }
        self.streak += 1;
        if let Some(rate) = self.rate.filter(|_| self.streak >= Self::STREAK) {
            self.rate = Some((rate * 1.25).min(self.most));
            self.streak = 0;
        }
    }

    fn lost(&mut self, now: Time, sent: Time, pass: u8) -> bool {
        self.streak = 0;
        self.score += Self::OF_A_LOSS;
        self.counted += 1;
        self.lost += 1;
        if self.score < Self::VERDICT || self.verdicts == Self::MAX_VERDICTS {
            return false;
        }
        let Some(rate) = self.rate_before(sent) else {
            return false;
        };
        let through = 1.0 - f64::from(self.lost) / f64::from(self.counted + 1);
        self.most = self.rate.unwrap_or(rate).min(rate) * 0.8;
        self.rate = Some((self.most * through).max(Self::MIN_RATE));
        (self.score, self.counted, self.lost) = (0.0, 0, 0);
        self.verdicts += 1;
        self.judged = now;
        self.pass = pass;
        true
    }

    /// The probes a second that were handed out before a moment.
    fn rate_before(&self, then: Time) -> Option<f64> {
        let (end, last) = self.pace.iter().rfind(|sent| sent.0 <= then)?;
        let far = |sent: &&(Time, u64)| sent.0 + Self::SPAN <= *end;
        let (start, first) = self.pace.iter().rfind(far).or(self.pace.front())?;
        let seconds = (*end - *start).as_secs_f64();
        #[expect(clippy::cast_precision_loss, reason = "a number of probes")]
        let probes = (last - first) as f64;
        (seconds > 0.0).then(|| probes / seconds)
    }
}

impl Default for Congestion {
    fn default() -> Self {
        Self::new()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Sends a control probe each 10 ms at a pace of 1,000 probes a second. Says how many outcomes
    /// it took until the first verdict.
    fn until_verdict(congestion: &mut Congestion, outcomes: &[ProbeOutcome]) -> Option<usize> {
        let probes: Vec<Probe> = (0..outcomes.len())
            .map(|number| {
                let sent = Duration::from_millis(10 * number as u64 + 10);
                let probe = Probe::control_of(7, 80, State::Open, sent);
                congestion.sent(probe, 10 * number as u64);
                probe
            })
            .collect();
        let now = Duration::from_secs(60);
        (0..outcomes.len())
            .find(|index| congestion.record(now, &probes[*index], outcomes[*index], 1))
            .map(|index| index + 1)
    }

    #[test]
    fn four_losses_in_a_row_are_a_verdict_and_the_rate_goes_down() {
        let mut congestion = Congestion::new();
        let outcomes = [&[ProbeOutcome::Answered; 20][..], &[ProbeOutcome::Lost; 5]].concat();
        assert_eq!(until_verdict(&mut congestion, &outcomes), Some(24));
        // 1,000 a second, less a fifth, and of five (one added, to be careful) one got through.
        let rate = congestion.rate().unwrap();
        assert!((159.0..201.0).contains(&rate), "{rate}");
        assert_eq!(congestion.pass(), 1);
    }

    #[test]
    fn workers_whose_clocks_are_a_moment_apart_do_no_harm() {
        let mut congestion = Congestion::new();
        let mut is_verdict = false;
        for (number, sent) in (1..).zip([20, 10, 11, 12, 30]) {
            let probe = Probe::control_of(7, 80, State::Open, Duration::from_millis(sent));
            congestion.sent(probe, number);
            is_verdict = congestion.record(probe.sent, &probe, ProbeOutcome::Lost, 1);
        }
        assert!(is_verdict);
    }

    #[test]
    fn one_loss_in_ten_gives_no_verdict() {
        let mut congestion = Congestion::new();
        let mut outcomes = [ProbeOutcome::Answered; 1000];
        outcomes
            .iter_mut()
            .step_by(10)
            .for_each(|outcome| *outcome = ProbeOutcome::Lost);
        assert_eq!(until_verdict(&mut congestion, &outcomes), None);
        assert_eq!(congestion.rate(), None);
    }

    #[test]
    fn losses_are_counted_where_they_were_sent_and_not_where_they_became_known() {
        let mut congestion = Congestion::new();
        let probes: Vec<Probe> = (1..=100)
            .map(|number| {
                let sent = Duration::from_millis(number);
                let probe = Probe::control_of(7, 80, State::Open, sent);
                congestion.sent(probe, number);
                probe
            })
            .collect();
        // Ten of the hundred are lost, far from each other, and all answers come first.
        let now = Duration::from_secs(1);
        let (lost, answered): (Vec<_>, Vec<_>) = probes
            .iter()
            .partition(|probe| probe.sent.as_millis() % 10 == 0);
        for probe in answered {
            assert!(!congestion.record(now, probe, ProbeOutcome::Answered, 1));
        }
        for probe in lost {
            assert!(!congestion.record(now, probe, ProbeOutcome::Lost, 1));
        }
    }

    #[test]
    fn answers_raise_the_rate_but_not_to_where_the_verdict_fell() {
        let mut congestion = Congestion::new();
        assert_eq!(
            until_verdict(&mut congestion, &[ProbeOutcome::Lost; 4]),
            Some(4)
        );
        let late = Duration::from_secs(61);
        for number in 0..200 {
            let probe = Probe::control_of(7, 80, State::Open, late + Duration::from_millis(number));
            congestion.sent(probe, 1000 + number);
            congestion.record(late * 2, &probe, ProbeOutcome::Answered, 1);
        }
        let rate = congestion.rate().unwrap();
        assert!((799.0..801.0).contains(&rate), "{rate}");
    }
}
