//! A TCP connect scanner: which ports of which hosts are open, closed or filtered.
//!
//! | module | holds |
//! |---|---|
//! | [`targets`], [`ports`], [`limits`] | what the command line means: sets of hosts and of ports, the user's limits |
//! | [`permutation`] | the random order over hosts and ports, without a list |
//! | [`window`] | round trip, timeout and the congestion window: pure state machines |
//! | [`congestion`] | whether the path can carry the rate of a scan that gets no answers: pure |
//! | [`probe`] | one connect to be made |
//! | [`schedule`] | what to probe next, and what an answer or its absence means: pure as well |
//! | [`engine`] | the sockets: carries out what the scheduler says |
//! | [`findings`] | what is known: states, counts, losses |
//! | [`services`], [`banner`] | what usually listens on a port, and what it says itself |
//! | [`report`], [`diff`] | the formats of the result, and what differs between two |
//! | [`spool`] | results of any number, sorted |
//! | [`resume`] | the file of an interrupted scan |

#![deny(missing_docs)]

pub mod banner;
pub mod congestion;
pub mod diff;
pub mod engine;
pub mod findings;
pub mod limits;
pub mod permutation;
pub mod ports;
pub mod probe;
pub mod report;
pub mod resume;
pub mod schedule;
pub mod services;
pub mod spool;
pub mod targets;
pub mod window;
