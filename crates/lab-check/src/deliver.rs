//! Where results go, and that they get there however the
//! check ends: by itself, at Ctrl-C, by a panic of ours.

use std::env;
use std::fs;
use std::io::{self, IsTerminal};
use std::path::PathBuf;
use std::sync::{Arc, Mutex, MutexGuard, Once};
use std::time::SystemTime;

use lab_judge::report::{self, Format};
use lab_judge::run::SharedReport;
use lab_judge::verdict::Report;
use lab_judge::{process, scratch};
use labnet::{lock, log, say};

use crate::signals;

/// A result file that is wanted besides the main one: `junit=results.xml`.
#[derive(Debug, Clone)]
pub struct Save {
    /// In which form.
    pub format: Format,
    /// Into which file.
    pub path: PathBuf,
}

impl Save {
    /// Reads `FORMAT=FILE`, for argh.
    ///
    /// # Errors
    ///
    /// Says what is taken.
    pub fn parse(text: &str) -> Result<Self, String> {
        match text.split_once('=') {
            Some((format, path)) if !path.is_empty() => Ok(Save {
                format: Format::parse(format)?,
                path: path.into(),
            }),
            _ => Err("it is FORMAT=FILE, for example junit=results.xml".to_string()),
        }
    }
}

/// Where the result goes.
#[derive(Debug, Clone)]
pub struct Sink {
    format: Format,
    out: Option<PathBuf>,
    saves: Vec<Save>,
    /// What the files were like before any program under test ran.
    before: Vec<(PathBuf, Option<Mark>)>,
}

/// What a file was like.
type Mark = (u64, Option<SystemTime>);

fn mark(path: &PathBuf) -> Option<Mark> {
    let metadata = fs::metadata(path).ok()?;
    Some((metadata.len(), metadata.modified().ok()))
}

impl Sink {
    /// A sink whose files can be written: that is tried now, not after minutes of checking.
    ///
    /// # Errors
    ///
    /// When a file cannot be written.
    pub fn new(format: Format, out: Option<PathBuf>, saves: Vec<Save>) -> anyhow::Result<Self> {
        let paths = out
            .iter()
            .cloned()
            .chain(saves.iter().map(|save| save.path.clone()));
        let mut before = Vec::new();
        for path in paths {
            report::can_write(&path)?;
            before.push((path.clone(), mark(&path)));
        }
        Ok(Sink {
            format,
            out,
            saves,
            before,
        })
    }

    /// Writes the result everywhere. A file that cannot be written takes none of the others along.
    fn deliver(&self, report: &Report) -> anyhow::Result<()> {
        let mut report = report.clone();
        for (path, before) in &self.before {
            if mark(path) != *before {
                report.remarks.push(format!(
                    "while the program under test ran, something wrote to {}, where the result goes: that was replaced",
                    path.display()
                ));
            }
        }
        let mut done = Ok(());
        for save in &self.saves {
            let written = report::render(&report, save.format, false)
                .and_then(|text| report::write(&save.path, &text));
            done = done.and(written);
        }
        let main = match &self.out {
            None => self.show(&report),
            Some(path) => report::render(&report, self.format, false)
                .and_then(|text| report::write(path, &text))
                .map(|()| {
                    let counts = report.counts();
                    log!(
                        "{} of {} cases passed; the result is in {}",
                        counts.passed,
                        counts.total(),
                        path.display()
                    );
                    for remark in &report.remarks {
                        log!("{remark}");
                    }
                }),
        };
        if main.is_err() && self.out.is_some() {
            // Not lost: it goes where it still can.
            self.show(&report)?;
        }
        done.and(main)
    }

    fn show(&self, report: &Report) -> anyhow::Result<()> {
        // Nothing was found out: the error says all there is to say to a person.
        if self.format == Format::Human && report.trouble.is_some() && report.nothing_played() {
            return Ok(());
        }
        let text = report::render(report, self.format, colors())?;
        say!("{}", text.trim_end_matches('\n'))
    }
}

/// Colors are for a terminal, unless NO_COLOR says otherwise (no-color.org).
pub fn colors() -> bool {
    io::stdout().is_terminal() && env::var_os("NO_COLOR").is_none_or(|value| value.is_empty())
}

/// The check that runs. Anyone who takes it out delivers its result, and does so while holding the
/// lock: a signal in the middle of writing waits until the file is whole.
static CURRENT: Mutex<Option<(SharedReport, Sink)>> = Mutex::new(None);

fn current() -> MutexGuard<'static, Option<(SharedReport, Sink)>> {
    lock(&CURRENT)
}

/// Begins a check. From here on a result is delivered in every case: by [`end`], or by a signal,
/// which also ends every program under test and this one.
///
/// # Errors
///
/// When the signals cannot be caught.
pub fn begin(report: Report, sink: Sink) -> anyhow::Result<SharedReport> {
    static ONCE: Once = Once::new();
    let shared_report: SharedReport = Arc::new(Mutex::new(report));
    *current() = Some((Arc::clone(&shared_report), sink));
    let mut caught = Ok(());
    ONCE.call_once(|| {
        caught = signals::on_stop(|name, code| {
            // Held to the end of the process: no result is delivered twice.
            let mut current = current();
            let known = current
                .take()
                .map(|(shared_report, sink)| (copy(&shared_report), sink));
            process::stop_all();
            scratch::sweep();
            if let Some((mut report, sink)) = known {
                report.trouble = Some(format!("{name} stopped it"));
                report.stopped_with = u8::try_from(code).ok();
                if let Err(error) = sink.deliver(&report) {
                    log!("{error:#}");
                }
            }
            std::process::exit(code);
        });
    });
    caught?;
    Ok(shared_report)
}

/// Ends the check and delivers its result.
///
/// # Errors
///
/// When the result cannot be written.
pub fn end(trouble: Option<String>) -> anyhow::Result<Report> {
    let mut current = current();
    let Some((shared_report, sink)) = current.take() else {
        return Ok(Report::default());
    };
    let mut report = copy(&shared_report);
    if trouble.is_some() {
        report.trouble = trouble;
    }
    sink.deliver(&report)?;
    drop(current);
    Ok(report)
}

fn copy(shared_report: &SharedReport) -> Report {
    lock(shared_report).clone()
}
