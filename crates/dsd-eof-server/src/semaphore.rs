//! A counting semaphore: limits how many clients are served at once. Python has
//! `threading.Semaphore`; Rust's standard library has none.

use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};

/// A number of permits that threads acquire and release.
pub struct Semaphore(Arc<Shared>);

/// One acquired permit. It is released when it is dropped.
pub struct Permit(Arc<Shared>);

struct Shared {
    free: Mutex<usize>,
    released: Condvar,
}

impl Semaphore {
    /// A semaphore with this many free permits.
    pub fn new(permits: usize) -> Self {
        Semaphore(Arc::new(Shared {
            free: Mutex::new(permits),
            released: Condvar::new(),
        }))
    }

    /// Acquires a permit; waits while none is free.
    pub fn acquire(&self) -> Permit {
        let mut free = self
            .0
            .released
            .wait_while(self.0.free(), |free| *free == 0)
            .unwrap_or_else(PoisonError::into_inner);
        *free -= 1;
        Permit(Arc::clone(&self.0))
    }
}

impl Shared {
    fn free(&self) -> MutexGuard<'_, usize> {
        labnet::lock(&self.free)
    }
}

impl Drop for Permit {
    fn drop(&mut self) {
        *self.0.free() += 1;
        self.0.released.notify_one();
    }
}

#[cfg(test)]
mod tests {
    use std::sync::mpsc;
    use std::thread;

    use super::*;

    #[test]
    fn acquire_waits_until_a_permit_is_released() {
        let semaphore = Semaphore::new(2);
        let (first, second) = (semaphore.acquire(), semaphore.acquire());
        let (acquired, waiting) = mpsc::channel();
        thread::scope(|scope| {
            scope.spawn(|| {
                let third = semaphore.acquire();
                acquired.send(*semaphore.0.free()).unwrap();
                drop(third);
            });
            assert!(waiting.try_recv().is_err());
            drop(first);
            assert_eq!(waiting.recv().unwrap(), 0);
        });
        assert_eq!(*semaphore.0.free(), 1);
        drop(second);
        assert_eq!(*semaphore.0.free(), 2);
    }

    #[test]
    fn a_thread_that_panics_releases_its_permit() {
        let semaphore = Semaphore::new(1);
        let permit = semaphore.acquire();
        let panicked = thread::spawn(move || {
            let _permit = permit;
            panic!("on purpose");
        });
        assert!(panicked.join().is_err());
        semaphore.acquire();
    }
}
