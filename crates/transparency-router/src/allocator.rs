//! Freed memory goes back to the system, so that `--max-memory` holds for the process.
//!
//! By itself glibc keeps it. It has eight arenas for each processor, each with gaps of its own, and
//! takes larger and larger blocks from them, up to 32 MiB. After an attack by a hundred sessions
//! that is several times what may be kept for them. Other allocators give it back by themselves.

use transparency_middleware::transport::Observer;

/// Has large blocks go back when they are freed, and the others kept in few places: mallopt(3).
/// Called before there are other threads.
#[cfg(all(target_os = "linux", target_env = "gnu"))]
pub(crate) fn keep_little() {
    // From here on a block is the system's own, and goes back when it is freed.
    const LARGE: libc::c_int = 64 * 1024;
    const ARENAS: libc::c_int = 2;
    for (parameter, value) in [(libc::M_MMAP_THRESHOLD, LARGE), (libc::M_ARENA_MAX, ARENAS)] {
        #[allow(unsafe_code, reason = "no crate sets it")]
        // SAFETY: it takes two numbers, and there are no other threads yet.
        let set = unsafe { libc::mallopt(parameter, value) };
        if set == 0 {
            labnet::log!("the allocator keeps freed memory: --max-memory may be exceeded");
        }
    }
}

/// Has the gaps between blocks go back, too, when sessions are evicted: malloc_trim(3). At most
/// once a second: it takes some milliseconds.
#[cfg(all(target_os = "linux", target_env = "gnu"))]
pub(crate) fn gives_back(tells: Observer) -> Observer {
    use std::sync::Mutex;
    use std::time::{Duration, Instant};

    use transparency_middleware::transport::RouterEvent;

    let last: Mutex<Option<Instant>> = Mutex::new(None);
    Observer::new(move |event| {
        tells.tell(event);
        if !matches!(event, RouterEvent::Evicted { .. }) {
            return;
        }
        let mut last = labnet::lock(&last);
        if last.is_some_and(|last| last.elapsed() < Duration::from_secs(1)) {
            return;
        }
        *last = Some(Instant::now());
        drop(last);
        #[allow(unsafe_code, reason = "no crate calls it")]
        // SAFETY: it takes the allocator's own locks, and touches no block that is in use.
        let _whether_any = unsafe { libc::malloc_trim(0) };
    })
}

#[cfg(not(all(target_os = "linux", target_env = "gnu")))]
pub(crate) fn keep_little() {}

#[cfg(not(all(target_os = "linux", target_env = "gnu")))]
pub(crate) fn gives_back(tells: Observer) -> Observer {
    tells
}
