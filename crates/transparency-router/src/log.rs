//! The log: what happens at the router, on stderr, from a level on.

use std::sync::Mutex;
use std::time::{Duration, Instant};

use transparency_middleware::transport::{Observer, RouterEvent};

/// How much is logged.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Level {
    /// What the router cannot do.
    Error,
    /// And who was turned away, sent ABORT or evicted.
    Warn,
    /// And who joins and leaves.
    Info,
}

impl std::str::FromStr for Level {
    type Err = String;

    fn from_str(word: &str) -> Result<Self, String> {
        match word {
            "error" => Ok(Level::Error),
            "warn" => Ok(Level::Warn),
            "info" => Ok(Level::Info),
            _ => Err("a level is error, warn or info".to_string()),
        }
    }
}

/// So many lines a second are written at most: a flood of clients is not to be a flood of lines.
const MOST: u32 = 100;

/// What has been written in the current second.
struct Second {
    began: Instant,
    lines: u32,
    left_out: u64,
}

/// Tells of events from this level on.
pub(crate) fn observer(from: Level) -> Observer {
    let second = Mutex::new(Second {
        began: Instant::now(),
        lines: 0,
        left_out: 0,
    });
    Observer::new(move |event| {
        let level = level_of(event);
        if level > from {
            return;
        }
        let mut second = labnet::lock(&second);
        let now = Instant::now();
        if now.saturating_duration_since(second.began) >= Duration::from_secs(1) {
            if second.left_out > 0 {
                labnet::log!("WARN {} lines were left out", second.left_out);
            }
            *second = Second {
                began: now,
                lines: 0,
                left_out: 0,
            };
        }
        if second.lines >= MOST {
            second.left_out += 1;
            return;
        }
        second.lines += 1;
        drop(second);
        let word = match level {
            Level::Error => "ERROR",
            Level::Warn => "WARN",
            Level::Info => "INFO",
        };
        labnet::log!("{word} {event}");
    })
}

fn level_of(event: &RouterEvent) -> Level {
    match event {
        RouterEvent::CannotAccept { .. } => Level::Error,
        RouterEvent::Joined { .. } | RouterEvent::Left { .. } => Level::Info,
        _ => Level::Warn,
    }
}
