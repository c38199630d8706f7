//! Threads that run handlers, so that the thread that reads from the router never waits for one.

use std::collections::VecDeque;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread;

use labnet::lock;

type Job = Box<dyn FnOnce() + Send>;

/// At most so many threads, started when first needed, and a queue with an end.
#[derive(Clone)]
pub(super) struct Pool {
    shared: Arc<Shared>,
}

struct Shared {
    name: &'static str,
    threads: usize,
    capacity: usize,
    state: Mutex<State>,
    work: Condvar,
}

#[derive(Default)]
struct State {
    queue: VecDeque<Job>,
    idle: usize,
    running: usize,
    closed: bool,
}

impl Pool {
    /// With one thread the jobs run one after another, in their order.
    pub(super) fn new(name: &'static str, threads: usize, capacity: usize) -> Self {
        Pool {
            shared: Arc::new(Shared {
                name,
                threads,
                capacity,
                state: Mutex::default(),
                work: Condvar::new(),
            }),
        }
    }

    /// Takes a job; false when the queue is full, the
    /// pool is closed, or the system has no thread left.
    pub(super) fn run(&self, job: impl FnOnce() + Send + 'static) -> bool {
        let mut state = self.shared.lock();
        if state.closed || state.queue.len() >= self.shared.capacity {
            return false;
        }
        if state.queue.len() >= state.idle && state.running < self.shared.threads {
            let shared = Arc::clone(&self.shared);
            let started = thread::Builder::new()
                .name(self.shared.name.to_string())
                .spawn(move || shared.work());
            match started {
                Ok(_) => state.running += 1,
                // The threads that there are will come to it.
                Err(_) if state.running > 0 => {}
                Err(_) => return false,
            }
        }
        state.queue.push_back(Box::new(job));
        self.shared.work.notify_one();
        true
    }

    /// The threads end when the queue is empty.
    pub(super) fn close(&self) {
        self.shared.lock().closed = true;
        self.shared.work.notify_all();
    }
}

impl Shared {
    fn lock(&self) -> MutexGuard<'_, State> {
        lock(&self.state)
    }

    fn work(&self) {
        let mut state = self.lock();
        loop {
            if let Some(job) = state.queue.pop_front() {
                drop(state);
                // A job answers for its own panics; one that
                // does not must not take the thread with it.
                let _reported_by_the_panic_hook = catch_unwind(AssertUnwindSafe(job));
                state = self.lock();
            } else if state.closed {
                state.running -= 1;
                return;
            } else {
                state.idle += 1;
                state = self
                    .work
                    .wait(state)
                    .unwrap_or_else(PoisonError::into_inner);
                state.idle -= 1;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::mpsc;

    use super::*;

    #[test]
    fn one_thread_keeps_the_order_and_survives_a_panic() {
        let pool = Pool::new("test", 1, 1000);
        let (sender, receiver) = mpsc::channel();
        assert!(pool.run(|| panic!("this panic is part of the test")));
        for number in 0..100 {
            let sender = sender.clone();
            assert!(pool.run(move || sender.send(number).unwrap()));
        }
        let numbers: Vec<i32> = receiver.iter().take(100).collect();
        assert_eq!(numbers, (0..100).collect::<Vec<_>>());
    }

    #[test]
    fn a_full_queue_takes_no_more_and_all_threads_work_at_once() {
        let pool = Pool::new("test", 2, 1);
        let (started, is_started) = mpsc::channel();
        let gate = Arc::new(Mutex::new(()));
        let held = gate.lock().unwrap();
        for _ in 0..2 {
            let (started, gate) = (started.clone(), Arc::clone(&gate));
            assert!(pool.run(move || {
                started.send(()).unwrap();
                drop(gate.lock());
            }));
            is_started.recv().unwrap();
        }
        assert!(pool.run(|| {}), "one waits");
        assert!(!pool.run(|| {}), "a second is too many");
        drop(held);
    }

    #[test]
    fn a_closed_pool_ends_its_work_and_takes_no_more() {
        let pool = Pool::new("test", 1, 10);
        let (sender, receiver) = mpsc::channel();
        for number in 0..3 {
            let sender = sender.clone();
            pool.run(move || sender.send(number).unwrap());
        }
        drop(sender);
        pool.close();
        assert!(!pool.run(|| {}));
        assert_eq!(receiver.iter().collect::<Vec<i32>>(), [0, 1, 2]);
    }
}
