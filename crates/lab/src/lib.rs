//! What the commands of `cargo lab` share.
//!
//! | binary | holds | built by |
//! |---|---|---|
//! | `lab` | `cargo lab list`, `run`, `index` | the first `cargo lab` |
//! | `lab-handout` | `cargo lab handout` | its first use: it alone needs archives |
//!
//! | module | holds |
//! |---|---|
//! | [`catalogue`] | the exercises, from each crate's `[package.metadata.lab]` |
//! | [`cargo`] | calls of cargo: the workspace's metadata, builds |
//! | [`json`] | reading what cargo prints |
//! | [`process`] | programs started, heard, and ended in every case |

pub mod cargo;
pub mod catalogue;
pub mod json;
pub mod process;
