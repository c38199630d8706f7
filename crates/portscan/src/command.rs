//! The parts of the command line program.
//!
//! | module | holds |
//! |---|---|
//! | [`args`] | the options and their help |
//! | [`input`] | what is to be scanned: targets, ports and limits, from the options or from the resume file |
//! | [`list`] | lists in files |
//! | [`progress`] | the progress bar, and Ctrl-C |
//! | [`output`] | the report, the banners, and the resume file |

pub(crate) mod args;
pub(crate) mod input;
mod list;
pub(crate) mod output;
pub(crate) mod progress;
