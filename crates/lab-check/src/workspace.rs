//! The workspace that this program is of.

use std::path::Path;

/// Its root: this program is built in it, and runs where it was built.
pub fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .ancestors()
        .nth(2)
        .unwrap_or(Path::new("."))
}
