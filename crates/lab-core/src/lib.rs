//! What the commands of `cargo lab` share.
//!
//! | module | holds |
//! |---|---|
//! | [`catalog`] | the exercises, from each crate's `[package.metadata.lab]` |
//! | [`cargo`] | calls of cargo: the workspace's metadata, builds |
//! | [`hints`] | hints for the steps that a starter leaves open |
//! | [`json`] | reading what cargo prints |
//! | [`process`] | programs started, heard, and ended in every case |
//! | [`staging`] | folders for work that is not finished |
//! | [`steps`] | the numbered steps of a lab program |

pub mod cargo;
pub mod catalog;
pub mod hints;
pub mod json;
pub mod process;
pub mod staging;
pub mod steps;
