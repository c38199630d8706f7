//! Places for clients: as many as are served at a time. Python has this as `threading.Semaphore`.

use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};

/// A number of places that clients take and give back.
pub struct Places(Arc<Shared>);

/// A place that is taken. Dropped, it is free again.
pub struct Place(Arc<Shared>);

struct Shared {
    free: Mutex<usize>,
    given_back: Condvar,
}

impl Places {
    /// So many free places.
    pub fn new(count: usize) -> Self {
        Places(Arc::new(Shared {
            free: Mutex::new(count),
            given_back: Condvar::new(),
        }))
    }

    /// Takes a place; waits while none is free.
    pub fn take(&self) -> Place {
        let mut free = self
            .0
            .given_back
            .wait_while(self.0.free(), |free| *free == 0)
            .unwrap_or_else(PoisonError::into_inner);
        *free -= 1;
        Place(Arc::clone(&self.0))
    }
}

impl Shared {
    fn free(&self) -> MutexGuard<'_, usize> {
        // A number is whole whatever panicked beside it.
        self.free.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        *self.0.free() += 1;
        self.0.given_back.notify_one();
    }
}

#[cfg(test)]
mod tests {
    use std::sync::mpsc;
    use std::thread;

    use super::*;

    #[test]
    fn whoever_comes_when_all_are_taken_waits_until_one_is_given_back() {
        let places = Places::new(2);
        let (first, second) = (places.take(), places.take());
        let (taken, waiting) = mpsc::channel();
        thread::scope(|scope| {
            scope.spawn(|| {
                let third = places.take();
                taken.send(*places.0.free()).unwrap();
                drop(third);
            });
            assert!(waiting.try_recv().is_err());
            drop(first);
            assert_eq!(waiting.recv().unwrap(), 0);
        });
        assert_eq!(*places.0.free(), 1);
        drop(second);
        assert_eq!(*places.0.free(), 2);
    }

    #[test]
    fn a_thread_that_panics_gives_its_place_back() {
        let places = Places::new(1);
        let place = places.take();
        let panicked = thread::spawn(move || {
            let _place = place;
            panic!("on purpose");
        });
        assert!(panicked.join().is_err());
        places.take();
    }
}
