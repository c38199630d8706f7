//! How far the work has come, on a terminal: nothing is
//! shown in a pipe, and nothing of it stays on the screen.

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};

/// A line on stderr that counts, where stderr is a terminal.
#[derive(Debug)]
pub struct Progress(ProgressBar);

impl Progress {
    /// Begins to count up to this number.
    pub fn new(count: usize, what: &str) -> Self {
        let bar = ProgressBar::with_draw_target(
            Some(u64::try_from(count).unwrap_or(u64::MAX)),
            ProgressDrawTarget::stderr(),
        );
        // A template that cannot be read would be a mistake
        // of ours, and the library's own line does as well.
        if let Ok(style) = ProgressStyle::with_template("{prefix} [{bar:30}] {pos} of {len}  {msg}")
        {
            bar.set_style(style.progress_chars("=> "));
        }
        bar.set_prefix(what.to_string());
        bar.tick();
        Progress(bar)
    }

    /// One more is done.
    pub fn done(&self, which: &str) {
        self.0.set_message(which.to_string());
        self.0.inc(1);
    }
}

impl Drop for Progress {
    fn drop(&mut self) {
        self.0.finish_and_clear();
    }
}
