//! Folders for work that is not finished: they go when they are dropped, and at Ctrl-C.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Mutex, MutexGuard};

use labnet::lock;

/// The folders that go when this program does. Each is
/// made, written to and taken away under this lock.
static STAGING: Mutex<Vec<PathBuf>> = Mutex::new(Vec::new());

/// A folder for work that is not finished. It is taken away with all that is in it when it is
/// dropped, and at the signals of [`crate::process::stop_at_signals`].
#[derive(Debug)]
pub struct StagingDir {
    path: PathBuf,
}

impl StagingDir {
    /// Makes a folder under this name.
    ///
    /// # Errors
    ///
    /// When something has that name, or the folder cannot be made (`mkdir`).
    pub fn new(path: PathBuf) -> io::Result<Self> {
        let mut all = lock(&STAGING);
        fs::create_dir(&path)?;
        all.push(path.clone());
        Ok(StagingDir { path })
    }

    /// Makes one where the system keeps temporary files. Its name begins with this one.
    ///
    /// # Errors
    ///
    /// As [`StagingDir::new`].
    pub fn temporary(name: &str) -> io::Result<Self> {
        static NUMBER: AtomicUsize = AtomicUsize::new(0);
        let number = NUMBER.fetch_add(1, Ordering::Relaxed);
        let name = format!("{name}-{}-{number}", std::process::id());
        Self::new(std::env::temp_dir().join(name))
    }

    /// Where it is.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Writes a file in it, and the folders on the way there. A signal waits for that, and once one
    /// has come nothing is written any more: what is being taken away would else come again.
    ///
    /// # Errors
    ///
    /// When the system cannot do it.
    pub fn write(&self, name: &str, bytes: &[u8]) -> io::Result<PathBuf> {
        let path = self.path.join(name);
        let _no_signal_now = lock(&STAGING);
        if let Some(parent) = path.parent() {
            fs::create_dir_all(parent)?;
        }
        fs::write(&path, bytes)?;
        Ok(path)
    }

    /// Moves what was made in it to its place with one step, unless a signal has come first.
    ///
    /// # Errors
    ///
    /// When the system cannot do it (`rename`).
    pub fn give(&self, name: &str, place: &Path) -> io::Result<()> {
        let _no_signal_now = lock(&STAGING);
        fs::rename(self.path.join(name), place)
    }

    /// The same for a place where something is: that is moved into this folder first, and goes with
    /// it. A signal comes before or after both steps. When the second step fails, the first is
    /// undone.
    ///
    /// # Errors
    ///
    /// When the system cannot do it (`rename`), for example because the place is on another file
    /// system.
    pub fn replace(&self, name: &str, place: &Path) -> io::Result<()> {
        let _no_signal_now = lock(&STAGING);
        let old = self.path.join("replaced");
        let was_there = match fs::rename(place, &old) {
            Ok(()) => true,
            Err(error) if error.kind() == io::ErrorKind::NotFound => false,
            Err(error) => return Err(error),
        };
        let moved = fs::rename(self.path.join(name), place);
        if moved.is_err() && was_there {
            fs::rename(&old, place)?;
        }
        moved
    }
}

impl Drop for StagingDir {
    fn drop(&mut self) {
        let mut all = lock(&STAGING);
        all.retain(|path| *path != self.path);
        // Somebody else may have taken it away; there is nobody to tell here that it could not be.
        let _gone = fs::remove_dir_all(&self.path);
    }
}

/// Takes all of them away. While the caller holds what this
/// gives, no other is made and nothing is written to one.
pub(crate) fn remove_all() -> MutexGuard<'static, Vec<PathBuf>> {
    let folders = lock(&STAGING);
    for folder in folders.iter() {
        // As above; and the program is about to end.
        let _gone = fs::remove_dir_all(folder);
    }
    folders
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_replaced_goes_and_stays_when_there_is_nothing_to_put_in_its_place() {
        let around = StagingDir::temporary("lab-core-staging").unwrap();
        let place = around.path().join("place");
        let work = StagingDir::new(around.path().join("work")).unwrap();
        work.write("new/a", b"1").unwrap();
        work.replace("new", &place).unwrap();
        assert_eq!(fs::read(place.join("a")).unwrap(), b"1");
        work.write("new/b", b"2").unwrap();
        work.replace("new", &place).unwrap();
        assert_eq!(fs::read(place.join("b")).unwrap(), b"2");
        assert!(!place.join("a").exists());
        drop(work);
        let work = StagingDir::new(around.path().join("work")).unwrap();
        work.replace("missing", &place).unwrap_err();
        assert!(place.join("b").exists());
    }
}
