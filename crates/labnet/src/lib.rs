//! What the lab programs share, and nothing that a lab teaches: the socket calls stand in the programs.
//!
//! | module | holds |
//! |---|---|
//! | [`args`](mod@args) | the command line, `--port=9900` as well as `--port 9900` |
//! | [`exit`](mod@exit) | how a program ends: one line that says what failed, and a hint |
//! | [`frames`] | messages on a stream of bytes: ended by a delimiter, or led by their length |
//! | [`names`] | IPv4 resolution, this machine's name, the line `listening on …` |
//! | [`output`](mod@output) | [`say!`] for the transcript on stdout, [`note!`] for everything else on stderr |
//! | [`python`] | addresses and bytes as Python prints them |
//! | [`streams`] | time limits, a failed accept or recvfrom, hanging up so that the last answer still arrives |
//! | [`sync`] | locking data that threads share |

#![deny(missing_docs)]

pub mod args;
pub mod exit;
pub mod frames;
pub mod names;
pub mod output;
pub mod python;
pub mod streams;
pub mod sync;

pub use args::{args, args_as, port, seconds, tries};
pub use exit::{Exit, Failure, Hint};
pub use names::{announce, host_name, resolve};
pub use streams::{Timed, hang_up, retry_accept, retry_receive, timed};
pub use sync::lock;
