//! The parts of the command line program.
//!
//! | module | holds |
//! |---|---|
//! | [`args`] | the options and their help |
//! | [`collect`] | what is done with results while the scan runs |
//! | [`diff`] | `portscan diff` |
//! | [`input`] | what is to be scanned: targets, ports and limits, from the options or from the resume file |
//! | [`list`] | lists in files |
//! | [`progress`] | the progress bar, and Ctrl-C |
//! | [`out`] | where a report goes |
//! | [`output`] | the report: how it is put together |

pub(crate) mod args;
pub(crate) mod collect;
pub(crate) mod diff;
pub(crate) mod input;
mod list;
pub(crate) mod out;
pub(crate) mod output;
pub(crate) mod progress;
