//! A TCP connect scanner: which ports of which hosts are open, closed or filtered.
//!
//! | module | holds |
//! |---|---|
//! | [`targets`], [`ports`], [`limits`] | what the command line means: sets of hosts and of ports, the user's limits |
//! | [`order`] | the random order over hosts and ports, without a list |
//! | [`window`] | round trip, waiting time and the congestion window: pure state machines |
//! | [`congestion`] | whether a scan that gets no answers is too much for the way there: pure |
//! | [`schedule`] | what to probe next, and what an answer or its absence means: pure as well |
//! | [`engine`] | the sockets: what the scheduler says, carried out |
//! | [`services`], [`banner`] | what usually listens where, and what it says itself |
//! | [`report`], [`resume`] | the formats of the result, and the file of an interrupted scan |

#![deny(missing_docs)]

pub mod banner;
pub mod congestion;
pub mod engine;
pub mod limits;
pub mod order;
pub mod ports;
pub mod report;
pub mod resume;
pub mod schedule;
pub mod services;
pub mod targets;
pub mod window;
