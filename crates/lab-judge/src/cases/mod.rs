//! Cases that several exercises share.
//!
//! | module | holds |
//! |---|---|
//! | [`tcp_server`] | cases for every server over TCP |
//! | [`tcp_client`] | cases for every client over TCP |
//! | [`echo`] | what an echo over TCP owes to its other side |
//! | [`socket_syscalls`] | whether a program asks the system for a socket |

pub mod echo;
pub mod socket_syscalls;
pub mod tcp_client;
pub mod tcp_server;
