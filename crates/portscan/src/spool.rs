//! Ports in the order of their hosts, however many: what is too much for memory goes to a temporary
//! file.

use std::cmp::Reverse;
use std::collections::BinaryHeap;
use std::fs::File;
use std::io::{self, Read, Seek, SeekFrom, Write};

use crate::findings::State;

/// Entries that are kept in memory: 1 MB.
const IN_MEMORY: usize = 128 * 1024;

/// Entries that are read at once, of each run.
const AT_ONCE: usize = 512;

/// The bytes of an entry.
const SIZE: usize = 8;

/// Ports with their states, sorted when they are read.
///
/// ```
/// use portscan::findings::State;
/// use portscan::spool::Spool;
///
/// let mut spool = Spool::default();
/// spool.push(7, 80, State::Open)?;
/// spool.push(3, 22, State::Closed)?;
/// let sorted: Vec<_> = spool.sorted().collect::<Result<_, _>>()?;
/// assert_eq!(sorted, [(3, 22, State::Closed), (7, 80, State::Open)]);
/// # Ok::<(), std::io::Error>(())
/// ```
#[derive(Debug, Default)]
pub struct Spool {
    memory: Vec<u64>,
    file: Option<File>,
    /// The sorted entries in the file: the first of each run, and the one after its last.
    runs: Vec<(u64, u64)>,
}

impl Spool {
    /// Adds a port of a host.
    ///
    /// # Errors
    ///
    /// When the temporary file cannot be made or written. The port is kept in memory.
    pub fn push(&mut self, host: u32, port: u16, state: State) -> io::Result<()> {
        self.memory.push(entry(host, port, state));
        if self.memory.len().is_multiple_of(IN_MEMORY) {
            self.spill()?;
        }
        Ok(())
    }

    fn spill(&mut self) -> io::Result<()> {
        let file = match &mut self.file {
            Some(file) => file,
            none => none.insert(tempfile::tempfile()?),
        };
        self.memory.sort_unstable();
        let first = self.runs.last().map_or(0, |run| run.1);
        file.seek(SeekFrom::Start(first * SIZE as u64))?;
        let mut out = io::BufWriter::new(file);
        for entry in &self.memory {
            out.write_all(&entry.to_le_bytes())?;
        }
        out.flush()?;
        self.runs.push((first, first + self.memory.len() as u64));
        self.memory.clear();
        Ok(())
    }

    /// All ports in the order of hosts and ports.
    pub fn sorted(&mut self) -> Sorted<'_> {
        self.memory.sort_unstable();
        let mut sorted = Sorted {
            memory: self.memory.iter(),
            file: self.file.as_mut(),
            runs: Vec::new(),
            next: BinaryHeap::new(),
            error: None,
        };
        for (first, last) in self.runs.iter().copied() {
            sorted.runs.push(Run {
                next: first,
                last,
                read: Vec::new(),
            });
            sorted.advance(sorted.runs.len() - 1);
        }
        sorted.advance(usize::MAX);
        sorted
    }
}

fn entry(host: u32, port: u16, state: State) -> u64 {
    let state = State::ALL.iter().position(|known| *known == state);
    u64::from(host) << 24 | u64::from(port) << 8 | state.unwrap_or(0) as u64
}

#[expect(
    clippy::cast_possible_truncation,
    reason = "entry has put them together"
)]
fn taken_apart(entry: u64) -> (u32, u16, State) {
    let state = State::ALL[(entry & 0xff) as usize];
    ((entry >> 24) as u32, (entry >> 8) as u16, state)
}

/// See [`Spool::sorted`].
#[derive(Debug)]
pub struct Sorted<'a> {
    memory: std::slice::Iter<'a, u64>,
    file: Option<&'a mut File>,
    runs: Vec<Run>,
    /// The next entry of each run, and of the memory, with its number.
    next: BinaryHeap<Reverse<(u64, usize)>>,
    error: Option<io::Error>,
}

#[derive(Debug)]
struct Run {
    next: u64,
    last: u64,
    /// Entries that were read, the next one at the end.
    read: Vec<u64>,
}

impl Sorted<'_> {
    /// Makes the next entry of a run known.
    fn advance(&mut self, number: usize) {
        let entry = match self.runs.get_mut(number) {
            None => self.memory.next().copied(),
            Some(run) => {
                if run.read.is_empty()
                    && let Some(file) = &mut self.file
                    && let Err(error) = run.read_from(file)
                {
                    self.error = Some(error);
                }
                run.read.pop()
            }
        };
        if let Some(entry) = entry {
            self.next.push(Reverse((entry, number)));
        }
    }
}

impl Run {
    fn read_from(&mut self, file: &mut File) -> io::Result<()> {
        let left = usize::try_from(self.last - self.next).unwrap_or(AT_ONCE);
        let mut bytes = vec![0; left.min(AT_ONCE) * SIZE];
        file.seek(SeekFrom::Start(self.next * SIZE as u64))?;
        file.read_exact(&mut bytes)?;
        let (entries, _) = bytes.as_chunks();
        self.read = entries
            .iter()
            .rev()
            .copied()
            .map(u64::from_le_bytes)
            .collect();
        self.next += self.read.len() as u64;
        Ok(())
    }
}

impl Iterator for Sorted<'_> {
    type Item = io::Result<(u32, u16, State)>;

    fn next(&mut self) -> Option<Self::Item> {
        if let Some(error) = self.error.take() {
            self.next.clear();
            return Some(Err(error));
        }
        let Reverse((entry, number)) = self.next.pop()?;
        self.advance(number);
        Some(Ok(taken_apart(entry)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_million_ports_come_back_sorted_and_once_each() {
        let mut spool = Spool::default();
        let count = 1_000_000u32;
        for number in 0..count {
            // An odd number times a counter, modulo a power of two, gives each number once.
            let host = number.wrapping_mul(2_654_435_761) & 0x000f_ffff;
            spool
                .push(
                    host,
                    1 + (number & 7) as u16,
                    State::ALL[(number & 3) as usize],
                )
                .unwrap();
        }
        assert!(spool.memory.len() < IN_MEMORY, "most are in the file");
        for _ in 0..2 {
            let sorted: Vec<_> = spool.sorted().map(Result::unwrap).collect();
            assert_eq!(sorted.len(), count as usize);
            assert!(sorted.is_sorted_by(|a, b| a.0 < b.0));
        }
        spool.push(0, 65535, State::Unreachable).unwrap();
        assert_eq!(spool.sorted().count(), count as usize + 1);
    }
}
