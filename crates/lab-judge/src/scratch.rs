//! An empty folder for a program that keeps files:
//! `{scratch}` in its command, gone when the case is over.

use std::fs;
use std::io::{self, ErrorKind};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Mutex, MutexGuard};

/// Those that are there, for a signal: it ends the check without dropping anything.
static THERE: Mutex<Vec<PathBuf>> = Mutex::new(Vec::new());

fn there() -> MutexGuard<'static, Vec<PathBuf>> {
    labnet::lock(&THERE)
}

/// A folder that is removed when this is dropped.
#[derive(Debug)]
pub struct Scratch(PathBuf);

impl Scratch {
    /// Makes one where the system keeps temporary files.
    ///
    /// # Errors
    ///
    /// When the system cannot make a folder there.
    pub fn new() -> io::Result<Self> {
        static NEXT: AtomicU32 = AtomicU32::new(0);
        loop {
            let number = NEXT.fetch_add(1, Ordering::Relaxed);
            let name = format!("lab-check-{}-{number}", std::process::id());
            let path = std::env::temp_dir().join(name);
            // Under the lock: a signal finds every folder that has been made.
            let mut there = there();
            match fs::create_dir(&path) {
                Ok(()) => {
                    there.push(path.clone());
                    return Ok(Scratch(path));
                }
                // Left by a check that was killed outright and had the same process id.
                Err(error) if error.kind() == ErrorKind::AlreadyExists => {}
                Err(error) => return Err(error),
            }
        }
    }

    /// Where it is.
    pub fn path(&self) -> &Path {
        &self.0
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        there().retain(|path| *path != self.0);
        remove(&self.0);
    }
}

/// Removes every folder: the programs have been ended, and this process is about to.
pub fn sweep() {
    for path in there().drain(..) {
        remove(&path);
    }
}

fn remove(path: &Path) {
    if let Err(error) = fs::remove_dir_all(path)
        && error.kind() != ErrorKind::NotFound
    {
        labnet::log!("cannot remove {}: {error}", path.display());
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_folder_is_empty_its_own_and_gone_afterwards_with_all_that_is_in_it() {
        let (one, two) = (Scratch::new().unwrap(), Scratch::new().unwrap());
        assert_ne!(one.path(), two.path());
        assert_eq!(fs::read_dir(one.path()).unwrap().count(), 0);
        fs::write(one.path().join("counter.log"), "1").unwrap();
        let path = one.path().to_path_buf();
        drop(one);
        assert!(!path.exists());
        assert!(two.path().exists());
    }
}
