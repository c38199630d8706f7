//! Procedures that the session offers, and the invocations of them.

use std::sync::Arc;

use super::super::call::Promise;
use super::super::error::{Error, ErrorReply};
use super::super::options::SessionEvent;
use super::super::procedure::{CancelToken, Procedure};
use super::connection::Request;
use super::timer::Task;
use super::{Disconnect, Invoked, Outgoing, Output, Protocol, revoked_for};
use crate::messages::{Dict, Id, Message, Payload, RequestKind, Uri, known};

pub(super) struct RegistrationEntry {
    procedure: Procedure,
    uri: Uri,
    pub(super) live: Option<Id>,
    attempts: u32,
    /// The user waits for the first answer.
    pub(super) first: Option<Arc<Promise>>,
    pub(super) leaving: bool,
}

impl<W: Outgoing> Protocol<W> {
    /// Registers a procedure, and again on each new connection; tells its key.
    ///
    /// # Errors
    ///
    /// When the session is at its end.
    pub(in super::super) fn register(
        &mut self,
        procedure: Procedure,
        uri: Uri,
        first: Arc<Promise>,
    ) -> Result<u64, Error> {
        if let Some(error) = self.closed() {
            return Err(error);
        }
        let key = self.key();
        self.registrations.insert(
            key,
            RegistrationEntry {
                procedure,
                uri,
                live: None,
                attempts: 0,
                first: Some(first),
                leaving: false,
            },
        );
        self.send_register(key);
        Ok(key)
    }

    pub(super) fn send_register(&mut self, key: u64) {
        let (Some(link), Some(entry)) = (&mut self.link, self.registrations.get_mut(&key)) else {
            return;
        };
        let sent = link.request(Request::Register(key), |request| Message::Register {
            request,
            options: entry.procedure.options().clone(),
            procedure: entry.uri.clone(),
        });
        if let Err(error) = sent {
            entry.attempts += 1;
            if let Some(first) = entry.first.take() {
                self.registrations.remove(&key);
                self.finish(first, Err(error));
            }
        }
    }

    /// The user no longer waits for the first answer. If
    /// REGISTERED comes after all, it is answered with UNREGISTER.
    pub(in super::super) fn forget_registration(&mut self, key: u64) {
        self.registrations.remove(&key);
    }

    /// Gives a registration up; false when the router has nothing to do with it.
    ///
    /// # Errors
    ///
    /// When the request cannot be written.
    pub(in super::super) fn unregister(
        &mut self,
        key: u64,
        promise: &Arc<Promise>,
    ) -> Result<bool, Error> {
        let Some(entry) = self.registrations.get_mut(&key) else {
            return Ok(false);
        };
        let (Some(registration), Some(link)) = (entry.live, &mut self.link) else {
            // Not with this router, or not yet.
            self.registrations.remove(&key);
            return Ok(false);
        };
        entry.leaving = true;
        let what = Request::Unregister(key, Arc::clone(promise));
        link.request(what, |request| Message::Unregister {
            request,
            registration,
        })?;
        Ok(true)
    }

    /// The keys of all registrations.
    pub(in super::super) fn registrations(&self) -> Vec<u64> {
        self.registrations.keys().copied().collect()
    }

    /// REGISTERED.
    pub(super) fn registered(&mut self, request: Id, registration: Id) -> Result<(), Disconnect> {
        let is_register = |request: &Request| matches!(request, Request::Register(_));
        let unasked = || Disconnect::unasked("REGISTERED");
        let link = self.link.as_mut().ok_or(Disconnect::Left)?;
        let Some(Request::Register(key)) = link.take(request, is_register) else {
            return Err(unasked());
        };
        if let Some(entry) = self.registrations.get_mut(&key) {
            entry.live = Some(registration);
            entry.attempts = 0;
            link.registered.insert(registration, key);
            if let Some(first) = entry.first.take() {
                self.finish(first, Ok(Payload::empty()));
            }
            return Ok(());
        }
        // Anyone who wanted it has waited too long.
        let promise = Arc::new(Promise::default());
        let sent = link.request(Request::Unregister(key, promise), |request| {
            Message::Unregister {
                request,
                registration,
            }
        });
        sent.map_err(|error| Disconnect::unsent(&error))?;
        Ok(())
    }

    /// ERROR for REGISTER.
    pub(super) fn register_failed(&mut self, key: u64, error: ErrorReply) {
        let Some(entry) = self.registrations.get_mut(&key) else {
            return;
        };
        if let Some(first) = entry.first.take() {
            self.registrations.remove(&key);
            self.finish(first, Err(Error::Reply(error)));
            return;
        }
        // The router may still hold the session that this one replaces.
        let attempts = entry.attempts;
        entry.attempts += 1;
        if attempts == 0 {
            let procedure = entry.procedure.uri().to_string();
            self.notice(SessionEvent::NotRegistered {
                procedure,
                error: Error::Reply(error),
            });
        }
        self.outputs
            .push_back(Output::Retry(Task::Register(key), attempts));
    }

    /// UNREGISTERED.
    pub(super) fn unregistered(&mut self, request: Id) -> Result<(), Disconnect> {
        let is_unregister = |request: &Request| matches!(request, Request::Unregister(..));
        let link = self.link.as_mut().ok_or(Disconnect::Left)?;
        let Some(Request::Unregister(key, promise)) = link.take(request, is_unregister) else {
            return Err(Disconnect::unasked("UNREGISTERED"));
        };
        link.registered.retain(|_, other| *other != key);
        self.registrations.remove(&key);
        self.finish(promise, Ok(Payload::empty()));
        Ok(())
    }

    /// The router ended a registration by itself.
    pub(super) fn registration_revoked(&mut self, details: &Dict) {
        let Some(link) = &mut self.link else { return };
        let key = details
            .id("registration")
            .and_then(|id| link.registered.remove(&id));
        if let Some(entry) = key.and_then(|key| self.registrations.remove(&key)) {
            let reason = revoked_for(details, known::NO_SUCH_REGISTRATION);
            self.notice(SessionEvent::NotRegistered {
                procedure: entry.procedure.uri().to_string(),
                error: Error::Reply(ErrorReply::new(&reason, "revoked by the router")),
            });
        }
    }

    /// INVOCATION.
    pub(super) fn invocation(
        &mut self,
        request: Id,
        registration: Id,
        details: Dict,
        payload: Payload,
    ) {
        let Some(link) = &mut self.link else { return };
        let entry = link
            .registered
            .get(&registration)
            .and_then(|key| self.registrations.get(key));
        let Some(entry) = entry else {
            let refusal = refusal(request, known::NO_SUCH_REGISTRATION, "not registered here");
            link.tell(&refusal);
            return;
        };
        let cancel_token = Arc::new(CancelToken::default());
        link.invocations.insert(request, Arc::clone(&cancel_token));
        let named = details.str("procedure").and_then(Uri::new);
        self.outputs.push_back(Output::Invoke(Invoked {
            request,
            procedure: entry.procedure.clone(),
            uri: named.unwrap_or_else(|| entry.uri.clone()),
            details,
            payload,
            cancel_token,
        }));
    }

    /// Nobody is free to carry an invocation out.
    pub(in super::super) fn turned_away(&mut self, request: Id) {
        if let Some(link) = &mut self.link {
            link.invocations.remove(&request);
            let refusal = refusal(request, known::UNAVAILABLE, "too many calls wait here");
            link.tell(&refusal);
        }
    }

    /// An invocation of this connection has been answered.
    pub(in super::super) fn answered(&mut self, epoch: u64, request: Id) {
        if epoch == self.epoch
            && let Some(link) = &mut self.link
        {
            link.invocations.remove(&request);
        }
    }

    /// Whether no invocation runs or waits.
    pub(in super::super) fn is_idle(&self) -> bool {
        self.link
            .as_ref()
            .is_none_or(|link| link.invocations.is_empty())
    }
}

/// An invocation's answer that is an error.
pub(in super::super) fn refusal(request: Id, uri: &str, text: &str) -> Message {
    let (error, payload) = ErrorReply::new(uri, text).into_parts();
    Message::Error {
        kind: RequestKind::Invocation,
        request,
        details: Dict::new(),
        error,
        payload,
    }
}
