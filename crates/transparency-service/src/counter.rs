//! A counter whose state outlives its process: a log that is only ever appended to.
//!
//! A line for each addition, `TOTAL AMOUNT KEY CRC`: the total after it, what was added, the
//! caller's key (`-` for none), and the CRC-32 of what is before it. A line is on the disk
//! (`fdatasync(2)`) before the caller hears of it. A process that is killed in the middle of a line
//! leaves half of one; the next cuts it off.
//!
//! One process at a time has the log, by `flock(2)`, which the system gives up for a process that
//! dies. So a replica on standby can take over, and two can never add to the same total.

use std::collections::{HashMap, VecDeque};
use std::fs::{File, OpenOptions, TryLockError};
use std::io::{ErrorKind, Read, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};
use std::sync::{Mutex, mpsc};
use std::time::{Duration, Instant};

use anyhow::{Context, bail};
use labnet::{lock, log};

/// How many of the last keys are known: an addition repeated later than that is a new one.
const KEYS: usize = 10_000;
/// The longest key, in bytes.
const LONGEST_KEY: usize = 64;
/// How long to wait for another process to give the
/// log up: a service that moves ends its work first.
const PATIENCE: Duration = Duration::from_secs(2);
/// How often to ask. `flock` can wait by itself, but nobody could then be interrupted.
const INTERVAL: Duration = Duration::from_millis(2);

/// The counter, in this process or, as far as it is locked, in another.
pub struct Counter {
    path: PathBuf,
    log: Mutex<Option<Log>>,
    /// Takes each new total while the log is locked, so that they stand in the log's order.
    changes: mpsc::Sender<i64>,
    announcing: Mutex<mpsc::Receiver<i64>>,
}

/// The log, while this process has it.
struct Log {
    file: File,
    /// Where the last whole line ends.
    length: u64,
    total: i64,
    keys: HashMap<String, i64>,
    oldest: VecDeque<String>,
}

/// Why there is no new total.
#[derive(Debug)]
pub enum CounterError {
    /// Another process has the log.
    Busy,
    /// The key is empty, too long, or has other characters than letters, digits, `.`, `_` and `-`.
    Key,
    /// The total would not fit into 64 bits.
    Overflow,
    /// The log cannot be read or written.
    Log(anyhow::Error),
}

impl Counter {
    /// A counter whose log is there, or will. Nothing is opened yet.
    pub fn new(path: &Path) -> Self {
        let (changes, announcing) = mpsc::channel();
        Counter {
            path: path.to_path_buf(),
            log: Mutex::new(None),
            changes,
            announcing: Mutex::new(announcing),
        }
    }

    /// Takes the log if no other process has it; false if one has.
    pub fn try_open(&self) -> anyhow::Result<bool> {
        let mut log = lock(&self.log);
        if log.is_none() {
            *log = Log::open(&self.path)?;
        }
        Ok(log.is_some())
    }

    /// The total.
    pub fn value(&self, given_up: impl Fn(Duration) -> bool) -> Result<i64, CounterError> {
        self.with(given_up, |log| Ok(log.total))
    }

    /// Adds, and gives the new total. A key that was used
    /// before gives the total of then, and adds nothing.
    pub fn add(
        &self,
        amount: i64,
        key: Option<&str>,
        given_up: impl Fn(Duration) -> bool,
    ) -> Result<i64, CounterError> {
        if key.is_some_and(|key| !is_key(key)) {
            return Err(CounterError::Key);
        }
        self.with(given_up, |log| {
            let before = log.length;
            let total = log.add(amount, key)?;
            if log.length > before {
                let sent = self.changes.send(total);
                sent.expect("the receiver is in the same struct");
            }
            Ok(total)
        })
    }

    /// Tells of each new total once, in the log's order, whichever thread
    /// added. What was added before this call has been told when it returns.
    /// The log is not locked meanwhile: `tell` may wait for a network.
    pub fn announce(&self, tell: impl Fn(i64)) {
        let announcing = lock(&self.announcing);
        announcing.try_iter().for_each(tell);
    }

    /// Does something with the log. `given_up` waits a
    /// moment and says whether the caller is still there.
    fn with<T>(
        &self,
        given_up: impl Fn(Duration) -> bool,
        work: impl FnOnce(&mut Log) -> Result<T, CounterError>,
    ) -> Result<T, CounterError> {
        let deadline = Instant::now() + PATIENCE;
        while !self.try_open().map_err(CounterError::Log)? {
            if given_up(INTERVAL) || Instant::now() >= deadline {
                return Err(CounterError::Busy);
            }
        }
        let mut log = lock(&self.log);
        log.as_mut().map_or(Err(CounterError::Busy), work)
    }
}

fn is_key(key: &str) -> bool {
    let fits = |c: char| c.is_ascii_alphanumeric() || "._-".contains(c);
    key != "-" && !key.is_empty() && key.len() <= LONGEST_KEY && key.chars().all(fits)
}

impl Log {
    /// `None` when another process has it.
    fn open(path: &Path) -> anyhow::Result<Option<Self>> {
        let shown = path.display();
        let mut file = OpenOptions::new()
            .read(true)
            .append(true)
            .create(true)
            .open(path)
            .with_context(|| format!("cannot open the counter's log {shown}"))?;
        match file.try_lock() {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => return Ok(None),
            Err(TryLockError::Error(error)) => {
                return Err(error).with_context(|| format!("cannot lock {shown}"));
            }
        }
        let mut bytes = Vec::new();
        file.read_to_end(&mut bytes)
            .with_context(|| format!("cannot read {shown}"))?;
        let mut log = Log {
            file,
            length: 0,
            total: 0,
            keys: HashMap::new(),
            oldest: VecDeque::new(),
        };
        log.replay(&bytes)
            .with_context(|| format!("the counter's log {shown} is damaged"))?;
        let whole = u64::try_from(bytes.len()).unwrap_or(u64::MAX);
        if log.length < whole {
            log!(
                "{shown} ends in {} bytes of a line that was not finished: cut off",
                whole - log.length
            );
            log.file
                .set_len(log.length)
                .and_then(|()| log.file.sync_all())
                .with_context(|| format!("cannot mend {shown}"))?;
        }
        sync_folder(path).with_context(|| format!("cannot keep {shown}"))?;
        Ok(Some(log))
    }

    /// Reads all lines. Only the last one may be broken:
    /// it was being written when its process died.
    fn replay(&mut self, bytes: &[u8]) -> anyhow::Result<()> {
        let mut rest = bytes;
        let mut number = 0;
        while let Some(end) = rest.iter().position(|byte| *byte == b'\n') {
            number += 1;
            let (line, after) = rest.split_at(end + 1);
            match read_line(&line[..end]) {
                Some((total, amount, key)) if self.total.checked_add(amount) == Some(total) => {
                    self.total = total;
                    if let Some(key) = key {
                        self.remember(key);
                    }
                }
                _ if after.is_empty() => return Ok(()),
                _ => bail!("line {number} is not what was written"),
            }
            self.length += line.len() as u64;
            rest = after;
        }
        Ok(())
    }

    fn add(&mut self, amount: i64, key: Option<&str>) -> Result<i64, CounterError> {
        if let Some(total) = key.and_then(|key| self.keys.get(key)) {
            return Ok(*total);
        }
        let total = self
            .total
            .checked_add(amount)
            .ok_or(CounterError::Overflow)?;
        let line = write_line(total, amount, key);
        if let Err(error) = self.append(line.as_bytes()) {
            return Err(CounterError::Log(error));
        }
        self.total = total;
        if let Some(key) = key {
            self.remember(key.to_string());
        }
        Ok(total)
    }

    /// Writes a line with one call, and waits until it is on the disk.
    fn append(&mut self, line: &[u8]) -> anyhow::Result<()> {
        let written = self
            .file
            .write_all(line)
            .and_then(|()| self.file.sync_data());
        if let Err(error) = written {
            // Nobody was told of this line: it must not be there later either.
            self.file
                .set_len(self.length)
                .and_then(|()| self.file.seek(SeekFrom::End(0)).map(|_| ()))
                .context("the log cannot be mended after a line that could not be written")?;
            return Err(error).context("cannot write to the counter's log");
        }
        self.length += line.len() as u64;
        Ok(())
    }

    fn remember(&mut self, key: String) {
        if self.oldest.len() == KEYS
            && let Some(oldest) = self.oldest.pop_front()
        {
            self.keys.remove(&oldest);
        }
        self.keys.insert(key.clone(), self.total);
        self.oldest.push_back(key);
    }
}

fn write_line(total: i64, amount: i64, key: Option<&str>) -> String {
    let text = format!("{total} {amount} {}", key.unwrap_or("-"));
    let crc = crc32fast::hash(text.as_bytes());
    format!("{text} {crc:08x}\n")
}

fn read_line(line: &[u8]) -> Option<(i64, i64, Option<String>)> {
    let line = std::str::from_utf8(line).ok()?;
    let (text, crc) = line.rsplit_once(' ')?;
    if u32::from_str_radix(crc, 16).ok()? != crc32fast::hash(text.as_bytes()) {
        return None;
    }
    let mut words = text.split(' ');
    let total = words.next()?.parse().ok()?;
    let amount = words.next()?.parse().ok()?;
    let key = words.next().filter(|key| *key != "-");
    Some((total, amount, key.map(str::to_string)))
}

/// A new file is in its folder for good only when the folder is on the disk too (`fsync(2)`).
fn sync_folder(path: &Path) -> std::io::Result<()> {
    if cfg!(not(unix)) {
        return Ok(());
    }
    let folder = path.parent().filter(|folder| *folder != Path::new(""));
    match File::open(folder.unwrap_or(Path::new(".")))?.sync_all() {
        // Some file systems have no such call for folders.
        Err(error) if error.kind() == ErrorKind::InvalidInput => Ok(()),
        result => result,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn log(name: &str) -> PathBuf {
        let folder = std::env::temp_dir().join(format!("counter-test-{}", std::process::id()));
        std::fs::create_dir_all(&folder).unwrap();
        let path = folder.join(name);
        // There is one only if an earlier run with this process id left it.
        let _none = std::fs::remove_file(&path);
        path
    }

    fn never(_: Duration) -> bool {
        true
    }

    fn add(counter: &Counter, amount: i64, key: Option<&str>) -> i64 {
        counter.add(amount, key, never).unwrap()
    }

    #[test]
    fn the_total_and_the_keys_outlive_the_counter() {
        let path = log("outlive");
        let counter = Counter::new(&path);
        assert_eq!(add(&counter, 5, None), 5);
        assert_eq!(add(&counter, -2, Some("a")), 3);
        drop(counter);
        let counter = Counter::new(&path);
        assert_eq!(counter.value(never).unwrap(), 3);
        assert_eq!(add(&counter, -2, Some("a")), 3, "the key was used before");
        assert_eq!(add(&counter, 1, Some("b")), 4);
        let text = std::fs::read_to_string(&path).unwrap();
        assert_eq!(text.lines().count(), 3);
        assert!(text.starts_with("5 5 - "));
    }

    #[test]
    fn a_line_that_was_not_finished_is_cut_off_wherever_it_ends() {
        let path = log("torn");
        add(&Counter::new(&path), 7, None);
        let whole = std::fs::read(&path).unwrap();
        let line = write_line(8, 1, Some("key"));
        for cut in 1..line.len() {
            let torn = [&whole, &line.as_bytes()[..cut]].concat();
            std::fs::write(&path, torn).unwrap();
            let counter = Counter::new(&path);
            assert_eq!(counter.value(never).unwrap(), 7, "{cut} bytes");
            drop(counter);
            assert_eq!(std::fs::read(&path).unwrap(), whole, "{cut} bytes");
        }
        // A last line that is whole but not what was written: a block that never reached the disk.
        std::fs::write(&path, [&whole, &b"\0\0\0\0\n"[..]].concat()).unwrap();
        assert_eq!(Counter::new(&path).value(never).unwrap(), 7);
    }

    #[test]
    fn a_line_damaged_in_the_middle_is_named_and_nothing_is_changed() {
        let path = log("damaged");
        let counter = Counter::new(&path);
        for _ in 0..3 {
            add(&counter, 1, None);
        }
        drop(counter);
        let damaged = std::fs::read_to_string(&path)
            .unwrap()
            .replacen("2 1", "9 1", 1);
        std::fs::write(&path, &damaged).unwrap();
        let error = Counter::new(&path).try_open().unwrap_err();
        assert!(format!("{error:#}").ends_with("is damaged: line 2 is not what was written"));
        assert_eq!(std::fs::read_to_string(&path).unwrap(), damaged);
    }

    #[test]
    fn one_at_a_time_has_the_log_and_the_next_takes_it_over() {
        let path = log("locked");
        let first = Counter::new(&path);
        add(&first, 1, None);
        let second = Counter::new(&path);
        assert!(!second.try_open().unwrap());
        assert!(matches!(
            second.add(1, None, never),
            Err(CounterError::Busy)
        ));
        let given_up = |pause| {
            std::thread::sleep(pause);
            false
        };
        std::thread::scope(|scope| {
            let waiting = scope.spawn(|| second.add(1, None, given_up).unwrap());
            drop(first);
            assert_eq!(waiting.join().unwrap(), 2);
        });
    }

    #[test]
    fn what_cannot_be_added_changes_nothing() {
        let path = log("refused");
        let counter = Counter::new(&path);
        add(&counter, i64::MAX, None);
        assert!(matches!(
            counter.add(1, None, never),
            Err(CounterError::Overflow)
        ));
        let long = "k".repeat(LONGEST_KEY + 1);
        for key in ["", "-", "a b", "ä", "line\n", &long] {
            assert!(
                matches!(counter.add(1, Some(key), never), Err(CounterError::Key)),
                "{key:?}"
            );
        }
        assert_eq!(counter.value(never).unwrap(), i64::MAX);
        assert_eq!(std::fs::read_to_string(&path).unwrap().lines().count(), 1);
    }

    #[test]
    fn each_new_total_is_told_once_and_in_order_and_a_repeated_addition_is_not() {
        let counter = Counter::new(&log("announced"));
        let told = Mutex::new(Vec::new());
        let announce = || counter.announce(|total| told.lock().unwrap().push(total));
        add(&counter, 10, Some("k"));
        add(&counter, 5, None);
        assert_eq!(add(&counter, 10, Some("k")), 10, "the total of then");
        // Nothing is added, and yet the total was set: a change like any other.
        add(&counter, 0, None);
        announce();
        announce();
        assert_eq!(*told.lock().unwrap(), [10, 15, 15]);
        told.lock().unwrap().clear();
        std::thread::scope(|scope| {
            for _ in 0..8 {
                scope.spawn(|| {
                    for _ in 0..25 {
                        let total = add(&counter, 1, None);
                        announce();
                        assert!(told.lock().unwrap().contains(&total), "before its answer");
                    }
                });
            }
        });
        assert_eq!(*told.lock().unwrap(), Vec::from_iter(16..=215));
    }

    #[test]
    fn only_so_many_keys_are_remembered() {
        let path = log("keys");
        let text: String = (0..=KEYS)
            .map(|number| {
                write_line(
                    i64::try_from(number).unwrap() + 1,
                    1,
                    Some(&number.to_string()),
                )
            })
            .collect();
        std::fs::write(&path, text).unwrap();
        let counter = Counter::new(&path);
        let total = counter.value(never).unwrap();
        assert_eq!(add(&counter, 1, Some("1")), 2, "still known");
        assert_eq!(add(&counter, 1, Some("0")), total + 1, "forgotten");
    }
}
