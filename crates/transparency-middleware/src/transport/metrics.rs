//! What a router counts, and how that is told to Prometheus.

use std::fmt::Write as _;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};

use crate::memory::Memory;
use crate::outbox::Traffic;

/// What a router counts.
#[derive(Debug, Default)]
pub struct Metrics {
    pub(super) connections: AtomicUsize,
    pub(super) connections_total: AtomicU64,
    pub(super) connections_refused: AtomicU64,
    pub(super) sessions_total: AtomicU64,
    pub(super) aborts: AtomicU64,
    pub(super) authentications_failed: AtomicU64,
    pub(super) calls: AtomicU64,
    pub(super) publications: AtomicU64,
    pub(super) errors: AtomicU64,
    pub(super) messages_in: AtomicU64,
    pub(super) bytes_in: AtomicU64,
    pub(super) traffic: Arc<Traffic>,
}

impl Metrics {
    pub(super) fn new(max_memory: usize) -> Self {
        Metrics {
            traffic: Arc::new(Traffic {
                memory: Arc::new(Memory::new(max_memory)),
                ..Traffic::default()
            }),
            ..Metrics::default()
        }
    }

    /// The counters in Prometheus' text format, version 0.0.4.
    ///
    /// The sessions and the calls without an answer are counted in the realms.
    pub(super) fn prometheus(&self, sessions: usize, calls: usize) -> String {
        let mut text = String::new();
        let mut line = |name: &str, kind: &str, help: &str, value: u64| {
            // Writing to a string does not fail.
            let _written = write!(
                text,
                "# HELP wamp_{name} {help}\n# TYPE wamp_{name} {kind}\nwamp_{name} {value}\n"
            );
        };
        let wide = |number: usize| u64::try_from(number).unwrap_or(u64::MAX);
        let read = |counter: &AtomicU64| counter.load(Ordering::Relaxed);
        let connections = self.connections.load(Ordering::Relaxed);
        line(
            "connections",
            "gauge",
            "TCP connections open now.",
            wide(connections),
        );
        line("sessions", "gauge", "Sessions joined now.", wide(sessions));
        line(
            "calls_under_way",
            "gauge",
            "Calls not answered yet.",
            wide(calls),
        );
        let memory = &self.traffic.memory;
        line(
            "memory_held_bytes",
            "gauge",
            "Bytes kept for peers: what waits, what has come in part, what is registered.",
            wide(memory.used()),
        );
        line(
            "memory_limit_bytes",
            "gauge",
            "How many there may be (--max-memory).",
            wide(memory.max()),
        );
        for (name, help, counter) in [
            (
                "connections_total",
                "TCP connections accepted.",
                &self.connections_total,
            ),
            (
                "connections_refused_total",
                "Connections and sessions turned away by a limit.",
                &self.connections_refused,
            ),
            (
                "sessions_total",
                "Sessions that have joined.",
                &self.sessions_total,
            ),
            (
                "sessions_evicted_total",
                "Sessions ended because too much was kept for them, or they took nothing for 20 s.",
                &self.traffic.evicted,
            ),
            ("aborts_total", "Sessions ended with ABORT.", &self.aborts),
            (
                "authentications_failed_total",
                "Wrong tickets and signatures.",
                &self.authentications_failed,
            ),
            ("calls_total", "CALL messages received.", &self.calls),
            (
                "publications_total",
                "PUBLISH messages received.",
                &self.publications,
            ),
            (
                "errors_total",
                "ERROR messages received and sent.",
                &self.errors,
            ),
            (
                "messages_received_total",
                "WAMP messages received.",
                &self.messages_in,
            ),
            (
                "messages_sent_total",
                "WAMP messages sent.",
                &self.traffic.messages_out,
            ),
            ("bytes_received_total", "Bytes received.", &self.bytes_in),
            ("bytes_sent_total", "Bytes sent.", &self.traffic.bytes_out),
        ] {
            line(name, "counter", help, read(counter));
        }
        text
    }
}

/// Adds 1 to a counter.
pub(super) fn count(counter: &AtomicU64) {
    counter.fetch_add(1, Ordering::Relaxed);
}
