//! The reader's thread: opens connections, reads them to their end, opens the next.

use std::net::TcpStream;
use std::sync::Arc;
use std::time::{Duration, Instant};

use super::super::error::Error;
use super::super::link::{self, Broken, Incoming, OpenError, Opened, Reader};
use super::super::options::SessionEvent;
use super::super::protocol::{Disconnect, Phase};
use super::lock::wait;
use super::{Core, FAREWELL_TIMEOUT, GOODBYE_TIMEOUT};
use crate::messages::Message;

impl Core {
    pub(super) fn read(self: &Arc<Self>) {
        let mut next = 0;
        while let Some((mut reader, address)) = self.connect(next) {
            let reason = self.read_to_end(&mut reader);
            let mut state = self.lock();
            state.protocol.lost(&reason);
            self.perform(&mut state);
            self.changed.notify_all();
            drop(state);
            // The router that has just gone is tried last.
            next = (address + 1) % self.config.addresses.len();
        }
    }

    /// Reads a connection until it is at its end, and says why.
    fn read_to_end(self: &Arc<Self>, reader: &mut Reader) -> String {
        loop {
            match reader.next() {
                Ok(Incoming::Pong) => self.lock().protocol.heard(Instant::now()),
                Ok(Incoming::Message(message)) => match self.receive(message) {
                    Ok(()) => {}
                    Err(Disconnect::Goodbye) => {
                        self.hang_up(GOODBYE_TIMEOUT, None);
                        return "the router said GOODBYE".to_string();
                    }
                    Err(Disconnect::Left) => return "the session has been left".to_string(),
                    Err(Disconnect::Violation(text)) => {
                        self.hang_up(FAREWELL_TIMEOUT, Some(&text));
                        return text;
                    }
                    Err(Disconnect::Aborted(text)) => return text,
                },
                Err(Broken::Protocol(text)) => {
                    self.hang_up(FAREWELL_TIMEOUT, Some(&text));
                    return text;
                }
                Err(Broken::Connection(text)) => return text,
            }
        }
    }

    fn receive(self: &Arc<Self>, message: Message) -> Result<(), Disconnect> {
        let mut state = self.lock();
        let received = state.protocol.receive(Instant::now(), message);
        if let Some((promise, result)) = state.protocol.only_result() {
            // Whoever waits for it may call again at once, and then needs the lock.
            drop(state);
            promise.finish(result);
        } else {
            self.perform(&mut state);
        }
        received
    }

    /// Sends what waits and no more. `violation` tells the router, as far as it still listens, how it broke the protocol.
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

    /// Goes over the addresses, again and again, until one router lets the session in; `None` at its end.
    fn connect(self: &Arc<Self>, first: usize) -> Option<(Reader, usize)> {
        let began = Instant::now();
        let count = self.config.addresses.len();
        for round in 0_u32.. {
            if self.lock().protocol.closed().is_some() {
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
                        if !self.lock().protocol.may_let_us_in_later(&error) {
                            self.close(error);
                            return None;
                        }
                        errors.push(format!("{address}: {error}"));
                        refused = Some(error);
                    }
                }
            }
            let mut state = self.lock();
            match state.protocol.phase() {
                Phase::Closed(_) => return None,
                Phase::Leaving => {
                    drop(state);
                    self.close(Error::Closed);
                    return None;
                }
                Phase::Opening => {
                    let within = self.config.connect_within.unwrap_or_default();
                    if began.elapsed() >= within {
                        drop(state);
                        // Whoever said why says more than whoever said nothing.
                        let unreachable = || Error::Unreachable(errors.join("; "));
                        self.close(refused.unwrap_or_else(unreachable));
                        return None;
                    }
                }
                Phase::Open => {}
            }
            let until = Instant::now() + self.config.backoff.pause(round);
            while Instant::now() < until
                && matches!(state.protocol.phase(), Phase::Opening | Phase::Open)
            {
                state = wait(&self.changed, state, Some(until));
            }
        }
        None
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
