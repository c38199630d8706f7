//! The reader's thread: opens connections, reads them to their end, opens the next.

use std::net::TcpStream;
use std::sync::Arc;
use std::time::{Duration, Instant};

use super::super::error::Error;
use super::super::link::{self, Broken, OpenError, Opened, Reader};
use super::super::options::SessionEvent;
use super::super::protocol::{Disconnect, Phase};
use super::lock::wait;
use super::{Core, FAREWELL_TIMEOUT, GOODBYE_TIMEOUT};
use crate::messages::Message;

impl Core {
    pub(super) fn read(self: &Arc<Self>) {
        let mut next = 0;
        while let Some((mut reader, address)) = self.connect(next) {
            let (reason, too_large) = self.read_to_end(&mut reader);
            let mut state = self.lock();
            state.protocol.lost(Instant::now(), &reason, too_large);
            self.perform(&mut state);
            self.changed.notify_all();
            drop(state);
            // The router that has just gone is tried last.
            next = (address + 1) % self.config.addresses.len();
        }
    }

    /// Reads a connection until it is at its end, and says why, and whether the router had been
    /// sent too large a message.
    fn read_to_end(self: &Arc<Self>, reader: &mut Reader) -> (String, bool) {
        loop {
            let disconnect = match reader.next() {
                Ok(message) => match self.receive(message) {
                    Ok(()) => continue,
                    Err(disconnect) => disconnect,
                },
                Err(Broken::Protocol(text)) => Disconnect::Violation(text),
                Err(broken) => {
                    return (broken.to_string(), matches!(broken, Broken::TooLarge));
                }
            };
            return match disconnect {
                Disconnect::Goodbye => {
                    self.hang_up(GOODBYE_TIMEOUT, None);
                    ("the router said GOODBYE".to_string(), false)
                }
                Disconnect::Left => ("the session has been left".to_string(), false),
                Disconnect::Violation(text) => {
                    self.hang_up(FAREWELL_TIMEOUT, Some(&text));
                    (text, false)
                }
                Disconnect::Aborted { text, too_large } => {
                    (text, too_large || reader.was_too_large(GOODBYE_TIMEOUT))
                }
            };
        }
    }

    fn receive(self: &Arc<Self>, message: Message) -> Result<(), Disconnect> {
        let mut state = self.lock();
        let received = state.protocol.receive(Instant::now(), message);
        if let Some((promise, result)) = state.protocol.only_result() {
            // Anyone who waits for it may call again at once, and then needs the lock.
            drop(state);
            promise.finish(result);
        } else {
            self.perform(&mut state);
        }
        received
    }

    /// Sends what waits and no more. `violation` tells the router,
    /// as far as it still listens, how it broke the protocol.
    fn hang_up(&self, patience: Duration, violation: Option<&str>) {
        let sender = self
            .lock()
            .protocol
            .connection()
            .map(|(wire, ..)| wire.clone());
        if let Some(sender) = sender {
            if let Some(text) = violation {
                sender.abort(text);
            }
            sender.finish();
            sender.written(Instant::now() + patience);
        }
    }

    /// Goes over the addresses, again and again, until
    /// one router lets the session in; `None` at its end.
    fn connect(self: &Arc<Self>, first: usize) -> Option<(Reader, usize)> {
        let began = Instant::now();
        let count = self.config.addresses.len();
        loop {
            if !self.pause() {
                return None;
            }
            let mut errors = Vec::new();
            let mut refused = None;
            for index in (0..count).map(|step| (first + step) % count) {
                let address = &self.config.addresses[index];
                match self.open(index) {
                    Ok(reader) => return Some((reader, index)),
                    Err(OpenError::Failed(text)) => errors.push(format!("{address}: {text}")),
                    Err(OpenError::Refused(error)) => {
                        if !self.refused(index, &error) {
                            return None;
                        }
                        errors.push(format!("{address}: {error}"));
                        refused = Some(error);
                    }
                }
            }
            let mut state = self.lock();
            state.protocol.round_failed();
            let within = self.config.connect_within.unwrap_or_default();
            if *state.protocol.phase() == Phase::Opening && began.elapsed() >= within {
                drop(state);
                // Anyone who said why says more than anyone who said nothing.
                let unreachable = || Error::Unreachable(errors.join("; "));
                self.close(refused.unwrap_or_else(unreachable));
                return None;
            }
        }
    }

    /// Waits before the next round over the addresses, the longer the more often connecting has
    /// failed; false when the session is at its end, or its user leaves.
    fn pause(self: &Arc<Self>) -> bool {
        let mut state = self.lock();
        let pause = match state.protocol.failures() {
            0 => Duration::ZERO,
            failures => self.config.backoff.pause(failures - 1),
        };
        let until = Instant::now() + pause;
        loop {
            match state.protocol.phase() {
                Phase::Opening | Phase::Open if Instant::now() >= until => return true,
                Phase::Opening | Phase::Open => state = wait(&self.changed, state, Some(until)),
                Phase::Closed(_) => return false,
                Phase::Leaving => {
                    drop(state);
                    self.close(Error::Closed);
                    return false;
                }
            }
        }
    }

    /// A router does not let the session in; false when that is the session's end.
    fn refused(self: &Arc<Self>, index: usize, error: &Error) -> bool {
        let state = self.lock();
        let later = state.protocol.may_let_us_in_later(error);
        let had_been_open = *state.protocol.phase() == Phase::Open;
        drop(state);
        if !later {
            self.close(error.clone());
        } else if had_been_open {
            self.notice(SessionEvent::Refused {
                address: self.config.addresses[index].to_string(),
                error: error.clone(),
            });
        }
        later
    }

    /// One attempt with one router; the keeper of the time ends it when it takes too long.
    fn open(self: &Arc<Self>, index: usize) -> Result<Reader, OpenError> {
        let watch = |stream: TcpStream| {
            let mut state = self.lock();
            if state.protocol.closed().is_some() {
                return false;
            }
            state.opening = Some(stream);
            state.protocol.trying(Instant::now());
            self.later.notify_all();
            true
        };
        let opened = link::open(&self.config.addresses[index], &self.config, watch);
        let mut state = self.lock();
        state.opening = None;
        let Opened {
            reader,
            sender,
            session,
            details,
        } = opened?;
        if state.protocol.closed().is_some() {
            sender.break_off();
            return Err(OpenError::Failed("the session has been left".to_string()));
        }
        let again = state
            .protocol
            .opened(Instant::now(), sender, session, details, index);
        self.perform(&mut state);
        self.changed.notify_all();
        self.later.notify_all();
        drop(state);
        self.notice(SessionEvent::Connected {
            address: self.config.addresses[index].to_string(),
            again,
        });
        Ok(reader)
    }
}
