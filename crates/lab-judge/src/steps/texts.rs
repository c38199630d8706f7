//! Texts to send, and how they are cut.

use crate::harness::Harness;

/// After so many letters a long text starts again; a prime, so that a buffer that is missing shows.
pub const PERIOD: usize = 65_521;

/// `1 byte`, `2 bytes`.
pub fn bytes(count: usize) -> String {
    format!("{count} byte{}", if count == 1 { "" } else { "s" })
}

/// Cuts bytes at these places.
pub fn cut<'b>(bytes: &'b [u8], cuts: &[usize]) -> Vec<&'b [u8]> {
    let mut pieces = Vec::new();
    let mut from = 0;
    for &to in cuts.iter().filter(|to| **to > 0 && **to < bytes.len()) {
        pieces.push(&bytes[from..to]);
        from = to;
    }
    pieces.push(&bytes[from..]);
    pieces
}

/// Letters from the seed: so many that no two places
/// near each other look alike, and then the same again.
pub fn filler(harness: &mut Harness<'_>, size: usize) -> Vec<u8> {
    let letters: Vec<u8> = (0..size.min(PERIOD))
        .map(|_| u8::try_from(harness.random.lowercase()).unwrap_or(b'x'))
        .collect();
    letters.into_iter().cycle().take(size).collect()
}

/// The same as text.
pub fn filler_text(harness: &mut Harness<'_>, size: usize) -> String {
    filler(harness, size).into_iter().map(char::from).collect()
}

/// Every value that a byte can have, twice, the second time backwards.
pub fn all_bytes() -> Vec<u8> {
    (0..=255).chain((0..=255).rev()).collect()
}
