//! Shared data behind a lock.

use std::sync::{Mutex, MutexGuard, PoisonError};

/// Locks a mutex, also after a thread panicked while it held the lock.
///
/// A mutex that was held during a panic is poisoned: `lock` then returns an error, so that its
/// data, which may be half changed, is not used by accident. Use this where each change to the data
/// is complete by itself.
///
/// ```
/// let counter = std::sync::Mutex::new(0);
/// *labnet::lock(&counter) += 1;
/// assert_eq!(*labnet::lock(&counter), 1);
/// ```
pub fn lock<T: ?Sized>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
