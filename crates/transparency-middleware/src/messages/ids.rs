//! Ids: whole numbers from 1 to 2^53, the range that a JSON number in a browser holds exactly.

use std::fmt;
use std::num::NonZeroU64;

/// An id: a whole number from 1 to 2^53 (specification, "IDs").
///
/// ```
/// use transparency_middleware::messages::Id;
///
/// assert_eq!(Id::new(1).map(Id::get), Some(1));
/// assert_eq!(Id::new(0), None);
/// assert_eq!(Id::new((1 << 53) + 1), None);
/// ```
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Id(NonZeroU64);

impl Id {
    /// The greatest id, 2^53.
    pub const MAX: u64 = 1 << 53;

    /// The id with this number, or `None` when the number is outside 1 to 2^53.
    pub const fn new(number: u64) -> Option<Self> {
        if number > Self::MAX {
            return None;
        }
        match NonZeroU64::new(number) {
            Some(number) => Some(Id(number)),
            None => None,
        }
    }

    /// The number.
    pub const fn get(self) -> u64 {
        self.0.get()
    }

    /// The id after this one; after 2^53 comes 1.
    #[must_use]
    pub const fn next(self) -> Self {
        match Id::new(self.get() + 1) {
            Some(next) => next,
            None => FIRST,
        }
    }
}

const FIRST: Id = match Id::new(1) {
    Some(first) => first,
    None => unreachable!(),
};

impl fmt::Display for Id {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl fmt::Debug for Id {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// The ids of one session's requests: 1, 2, 3, … (session scope).
///
/// ```
/// use transparency_middleware::messages::SessionIds;
///
/// let mut ids = SessionIds::new();
/// assert_eq!([ids.draw().get(), ids.draw().get()], [1, 2]);
/// ```
#[derive(Debug, Clone)]
pub struct SessionIds {
    next: Id,
}

impl SessionIds {
    /// Begins at 1.
    pub const fn new() -> Self {
        SessionIds { next: FIRST }
    }

    /// The next id.
    pub fn draw(&mut self) -> Id {
        let id = self.next;
        self.next = id.next();
        id
    }
}

impl Default for SessionIds {
    fn default() -> Self {
        SessionIds::new()
    }
}
