//! How we behave badly, within what the network allows.
//!
//! | module | holds |
//! |---|---|
//! | [`tcp`] | a peer that cuts its bytes where it likes, reads slowly, hangs up half or all of the way |
//! | [`udp`] | a peer that loses, doubles, swaps and delays datagrams, and forges their sender |

pub mod tcp;
pub mod udp;
