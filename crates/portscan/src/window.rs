//! How many probes may be in flight, and how long to wait: pure state machines without sockets and
//! without a clock.
//!
//! [`RoundTrip`] is TCP's own estimate of the round trip (RFC 6298) for one host, [`Window`] TCP's
//! congestion window, for connects instead of bytes. Time is a [`Duration`] since the scan began,
//! and is always handed in.

use std::time::Duration;

/// The time since the scan began.
pub type Time = Duration;

/// The least time to wait for an answer.
pub const MIN_RTO: Duration = Duration::from_millis(100);

/// The time to wait before the first answer of a host (RFC 6298, section 2.1).
pub const FIRST_RTO: Duration = Duration::from_secs(1);

/// Round trips of one host.
///
/// ```
/// use std::time::Duration;
/// use portscan::window::RoundTrip;
///
/// let ms = Duration::from_millis;
/// let mut trip = RoundTrip::new(ms(80), ms(80));
/// // After one sample the smoothed round trip is the sample, its variation half of that:
/// // RTO = 80 + 4 · 40.
/// assert_eq!(trip.rto(), ms(240));
/// for round in 2..50 {
///     trip.sample(ms(80 * round), ms(80));
/// }
/// assert_eq!(trip.rto(), ms(100));
/// ```
#[derive(Debug, Clone)]
pub struct RoundTrip {
    smoothed: Duration,
    variation: Duration,
    least: Duration,
    most: Duration,
    recent: [Duration; RECENT],
    next: usize,
    /// When the variation was last let go down.
    calmed: Time,
}

/// The least of so many last samples tells a queue from one late moment of a machine.
const RECENT: usize = 8;

impl RoundTrip {
    /// From the first sample, which came at `now`.
    pub fn new(now: Time, sample: Duration) -> Self {
        RoundTrip {
            smoothed: sample,
            variation: sample / 2,
            least: sample,
            most: sample,
            recent: [sample; RECENT],
            next: 0,
            calmed: now,
        }
    }

    /// Takes another sample (RFC 6298, section 2.3).
    ///
    /// TCP's weights are made for about one sample a round trip. Here are thousands, and the
    /// variation would be forgotten before the probes that need it are answered (RFC 7323, appendix
    /// G). So it grows at once, and shrinks once a round trip.
    pub fn sample(&mut self, now: Time, sample: Duration) {
        let error = self.smoothed.abs_diff(sample);
        if error > self.variation {
            self.variation = (self.variation * 3 + error) / 4;
        } else if now.saturating_sub(self.calmed) >= self.smoothed {
            self.variation = (self.variation * 3 + error) / 4;
            self.calmed = now;
        }
        self.smoothed = (self.smoothed * 7 + sample) / 8;
        self.least = self.least.min(sample);
        self.most = self.most.max(sample);
        self.recent[self.next] = sample;
        self.next = (self.next + 1) % RECENT;
    }

    /// How long to wait for an answer: srtt + 4 · rttvar, at least [`MIN_RTO`].
    pub fn rto(&self) -> Duration {
        (self.smoothed + 4 * self.variation).max(MIN_RTO)
    }

    /// How long to wait after a wait without an answer: longer by a quarter, at least [`MIN_RTO`].
    pub fn longer_rto(&self) -> Duration {
        ((self.smoothed + 4 * self.variation) * 5 / 4).max(MIN_RTO)
    }

    /// The smoothed round trip.
    pub fn smoothed(&self) -> Duration {
        self.smoothed
    }

    /// The least round trip of all: the path itself, without a queue.
    pub fn least(&self) -> Duration {
        self.least
    }

    /// The slowest answer.
    pub fn most(&self) -> Duration {
        self.most
    }

    /// How much longer than the least even the quickest of the last answers took: the queue.
    pub fn queue(&self) -> Duration {
        let quickest = self.recent.iter().min().copied().unwrap_or(self.least);
        quickest.saturating_sub(self.least)
    }
}

/// How many probes may be in flight at once.
///
/// It starts small and grows by [`STARTUP`] with each answer (slow start), for as long as answers
/// come as quickly as ever, and doubles a round trip once a loss or a queue has been seen. A window
/// that is not used in full does not grow: it says nothing about a larger one (RFC 7661). Where a
/// queue shows, by an eighth of the least round trip (HyStart++, RFC 9406, section 4.2), it grows
/// by an eighth; by a quarter, it stays, since more in flight would only wait in that queue; and
/// when the round trip has grown past twice the least, it backs off: the queue shows before it
/// overflows. A retry that gets an answer says that the first try was lost: the window is halved,
/// once for all the probes that were sent before the halving.
///
/// A silent host gives none of these signs. A firewall that drops everything answers one port in
/// thousands, and a window that grows with answers would never grow. So silence counts as consent,
/// with care: a window that is full, while almost nothing is answered, is doubled at intervals;
/// once a loss or a queue has been seen, only by a sixteenth.
#[derive(Debug, Clone)]
pub struct Window {
    size: f64,
    cap: f64,
    /// A loss or a queue has been seen.
    careful: bool,
    /// A probe sent before this moment cannot say anything about the window as it is now.
    cut: Option<Time>,
    /// When the window last grew by silence, or silence was last interrupted.
    silent_since: Time,
    answers_since: u32,
    /// When it was last in full use.
    full_at: Time,
    /// The interval of growth by silence.
    interval: Duration,
}

/// The size at the start.
pub const FIRST_WINDOW: usize = 256;

/// What an answer adds to the window at the start: 2.89 times as much in flight each round trip,
/// the gain with which BBR starts, 2/ln 2 (draft-cardwell-iccrg-bbr-congestion-control, section
/// 4.3.1). A scan is short: at a doubling, a third of its time would be slow start.
const STARTUP: f64 = 1.89;

/// The lower limit: a scan must always make progress.
const MIN_WINDOW: f64 = 8.0;

/// The interval of growth by silence before the first answer.
const FIRST_INTERVAL: Duration = Duration::from_millis(40);

/// Below this a longer round trip is a busy machine, not a queue.
const JITTER: Duration = Duration::from_millis(5);

impl Window {
    /// A window that never grows past `cap` (at least 1).
    pub fn new(cap: usize) -> Self {
        let cap = real(cap.max(1));
        Window {
            size: real(FIRST_WINDOW).min(cap),
            cap,
            careful: false,
            cut: None,
            silent_since: Time::ZERO,
            answers_since: 0,
            full_at: Time::ZERO,
            interval: FIRST_INTERVAL,
        }
    }

    /// How many probes may be in flight now.
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "between 1 and the cap, which was a usize"
    )]
    pub fn size(&self) -> usize {
        self.size as usize
    }

    /// An answer has come, and `trip` is its host's round trip with this sample.
    pub fn answered(&mut self, now: Time, trip: &RoundTrip) {
        self.answers_since += 1;
        let least = trip.least();
        let queue = trip.queue();
        self.interval = (least / 2).clamp(Duration::from_millis(10), Duration::from_millis(100));
        let used = now.saturating_sub(self.full_at) <= trip.smoothed();
        if used && queue < (least / 8).max(JITTER) {
            self.grow(if self.careful { 1.0 } else { STARTUP });
        } else if used && queue < (least / 4).max(2 * JITTER) {
            self.grow(1.0 / 8.0);
        } else if queue > least.max(4 * JITTER) {
            self.back_off(now, 0.8, trip.smoothed());
        }
    }

    /// The window is full. Grows it when that is for want of answers.
    pub fn full(&mut self, now: Time) {
        self.full_at = now;
        if now.saturating_sub(self.silent_since) < self.interval {
            return;
        }
        // One answer for eight probes and more: answers drive the window, silence does not.
        if f64::from(self.answers_since) * 8.0 < self.size {
            let growth = if self.careful { 1.0 / 16.0 } else { 1.0 };
            self.grow(self.size * growth);
        }
        self.silent_since = now;
        self.answers_since = 0;
    }

    /// A retry got an answer, so the try before it, sent at `sent`, was lost.
    pub fn lost(&mut self, now: Time, sent: Time) {
        if self.cut.is_none_or(|cut| cut < sent) {
            self.shrink(now, 0.5);
        }
    }

    /// This machine could not send: no descriptor, no local port, no buffer. It can carry as many
    /// as are in flight.
    pub fn local_error(&mut self, now: Time, in_flight: usize) {
        let held = real(in_flight).max(MIN_WINDOW);
        self.size = self.size.min(held);
        self.careful = true;
        self.cut = Some(now);
        self.silent_since = now;
        self.answers_since = 0;
    }

    /// At most once a round trip.
    fn back_off(&mut self, now: Time, factor: f64, trip: Duration) {
        if self.cut.is_none_or(|cut| cut + trip <= now) {
            self.shrink(now, factor);
        }
    }

    fn shrink(&mut self, now: Time, factor: f64) {
        self.size = (self.size * factor).max(MIN_WINDOW.min(self.cap));
        self.careful = true;
        self.cut = Some(now);
        self.silent_since = now;
        self.answers_since = 0;
    }

    fn grow(&mut self, by: f64) {
        self.size = (self.size + by).min(self.cap);
    }
}

/// A count as a real number; exact below 2^53.
#[expect(clippy::cast_precision_loss, reason = "a number of sockets")]
fn real(count: usize) -> f64 {
    count as f64
}

#[cfg(test)]
mod tests {
    use super::*;

    const fn ms(milliseconds: u64) -> Duration {
        Duration::from_millis(milliseconds)
    }

    #[test]
    fn the_rto_follows_rfc_6298() {
        let mut trip = RoundTrip::new(ms(200), ms(200));
        assert_eq!(trip.rto(), ms(200 + 4 * 100));
        trip.sample(ms(400), ms(280));
        // rttvar = 3/4 · 100 + 1/4 · 80 = 95; srtt = 7/8 · 200 + 1/8 · 280 = 210.
        assert_eq!(trip.rto(), ms(210 + 4 * 95));
        assert_eq!(trip.least(), ms(200));
    }

    #[test]
    fn a_thousand_samples_of_one_round_trip_calm_the_rto_once() {
        let mut trip = RoundTrip::new(ms(50), ms(50));
        for _ in 0..1000 {
            trip.sample(ms(100), ms(50));
        }
        // rttvar = 3/4 · 25 ms.
        assert_eq!(trip.rto(), ms(50 + 75));
        // A jump counts at once: rttvar = 3/4 · 18.75 + 1/4 · 50, srtt = 7/8 · 50 + 1/8 · 100.
        trip.sample(ms(101), ms(100));
        assert_eq!(trip.rto(), Duration::from_micros(56_250 + 106_250));
    }

    #[test]
    fn the_rto_is_never_below_its_least() {
        assert_eq!(
            RoundTrip::new(ms(1), Duration::from_micros(30)).rto(),
            MIN_RTO
        );
    }

    #[test]
    fn answers_open_the_window_quickly_and_double_it_a_round_trip_after_a_loss() {
        let mut window = Window::new(10_000);
        let trip = RoundTrip::new(ms(50), ms(50));
        window.full(ms(1));
        for _ in 0..FIRST_WINDOW {
            window.answered(ms(50), &trip);
        }
        assert_eq!(window.size(), 739); // 256 + 256 · 1.89
        window.lost(ms(60), ms(50));
        assert_eq!(window.size(), 369);
        window.full(ms(61));
        for _ in 0..369 {
            window.answered(ms(110), &trip);
        }
        assert_eq!(window.size(), 738);
    }

    #[test]
    fn a_window_that_is_not_used_does_not_grow() {
        let mut window = Window::new(10_000);
        let trip = RoundTrip::new(ms(50), ms(50));
        window.full(ms(1));
        window.answered(ms(51), &trip);
        let grown = window.size();
        assert!(grown > FIRST_WINDOW);
        for _ in 0..1000 {
            window.answered(ms(52), &trip);
        }
        assert_eq!(
            window.size(),
            grown,
            "the last time it was full is longer ago than a round trip"
        );
    }

    #[test]
    fn a_queue_slows_the_growth_and_a_long_one_shrinks_the_window_once_a_round_trip() {
        let mut window = Window::new(10_000);
        let mut trip = RoundTrip::new(ms(50), ms(50));
        for _ in 0..RECENT {
            trip.sample(ms(100), ms(60));
        }
        window.full(ms(30));
        for _ in 0..16 {
            window.answered(ms(80), &trip);
        }
        assert_eq!(window.size(), FIRST_WINDOW + 2);
        for _ in 0..RECENT {
            trip.sample(ms(200), ms(120));
        }
        for _ in 0..100 {
            window.answered(ms(200), &trip);
        }
        assert_eq!(window.size(), (FIRST_WINDOW + 2) * 8 / 10);
        window.answered(ms(400), &trip);
        assert_eq!(window.size(), (FIRST_WINDOW + 2) * 64 / 100);
    }

    #[test]
    fn one_late_answer_does_not_make_a_queue() {
        let mut trip = RoundTrip::new(ms(50), ms(50));
        trip.sample(ms(500), ms(500));
        assert_eq!(trip.queue(), Duration::ZERO);
    }

    #[test]
    fn losses_of_one_window_halve_it_once() {
        let mut window = Window::new(10_000);
        for _ in 0..100 {
            window.lost(ms(300), ms(100));
        }
        assert_eq!(window.size(), FIRST_WINDOW / 2);
        window.lost(ms(600), ms(400));
        assert_eq!(window.size(), FIRST_WINDOW / 4);
    }

    #[test]
    fn silence_doubles_the_window_until_the_cap_and_crawls_after_a_loss() {
        let mut window = Window::new(3000);
        let mut now = Time::ZERO;
        for expected in [512, 1024, 2048, 3000] {
            window.full(now + ms(1));
            now += FIRST_INTERVAL;
            window.full(now);
            assert_eq!(window.size(), expected);
        }
        window.lost(now, now - ms(1));
        assert_eq!(window.size(), 1500);
        window.full(now + FIRST_INTERVAL);
        assert_eq!(window.size(), 1593);
    }

    #[test]
    fn a_local_error_caps_the_window_at_what_the_machine_could_carry() {
        let mut window = Window::new(3000);
        window.local_error(ms(5), 100);
        assert_eq!(window.size(), 100);
        window.local_error(ms(5), 0);
        assert_eq!(window.size(), 8);
    }
}
