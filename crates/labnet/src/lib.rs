//! What the lab programs share. What a lab teaches is in its program: the socket calls are there.
//!
//! | module | holds |
//! |---|---|
//! | [`address_args`] | the arguments that all servers or clients share: `--host`, `--port`, `--timeout` |
//! | [`args`](mod@args) | the command line, `--port=9900` as well as `--port 9900` |
//! | [`failure`] | how a program ends: one line that says what failed, and a hint |
//! | [`frames`] | messages on a stream of bytes: ended by a delimiter, or led by their length |
//! | [`names`] | IPv4 resolution, this machine's name, the line `listening on …` |
//! | [`output`](mod@output) | [`say!`] for the transcript on stdout, [`log!`] for everything else on stderr |
//! | [`python`] | addresses and bytes as Python prints them |
//! | [`streams`] | time limits, a failed accept or recvfrom, closing so that the last answer still arrives |
//! | [`suggest`] | the name that was probably meant |
//! | [`sync`] | locking data that threads share |

#![deny(missing_docs)]

pub mod address_args;
pub mod args;
pub mod failure;
pub mod frames;
pub mod names;
pub mod output;
pub mod python;
pub mod streams;
pub mod suggest;
pub mod sync;

pub use address_args::{AddressArgs, client_args, server_args};
pub use args::{args, args_after_first, args_as, args_with_help, port, seconds, tries};
pub use failure::{Cannot, Failure, Hint, MainResult, SaysWhatFailed, fail};
pub use names::{host_name, local_address, log_listening, resolve};
pub use streams::{WithTimeout, close_gracefully, retry_accept, retry_receive, with_timeout};
pub use suggest::{did_you_mean, nearest};
pub use sync::lock;
