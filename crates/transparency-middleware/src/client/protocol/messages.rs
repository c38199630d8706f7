//! What each message of the router does.

use std::sync::Arc;
use std::time::Instant;

use super::super::error::{Error, ErrorReply};
use super::connection::Request;
use super::{Disconnect, Outgoing, Output, Protocol, goodbye, shorten};
use crate::messages::{Id, Message, RequestKind, known};

impl<W: Outgoing> Protocol<W> {
    /// What a message does.
    ///
    /// # Errors
    ///
    /// When the connection is at its end: it was closed, or the message breaks the protocol.
    pub(in super::super) fn receive(
        &mut self,
        now: Instant,
        message: Message,
    ) -> Result<(), Disconnect> {
        self.heard = now;
        let Some(link) = &mut self.link else {
            return Err(Disconnect::Left);
        };
        match message {
            Message::Result {
                request,
                details,
                payload,
            } => self.result(request, &details, payload),
            Message::Error {
                kind,
                request,
                error,
                payload,
                ..
            } => self.error(now, kind, request, ErrorReply::from_wire(error, payload))?,
            Message::Invocation {
                request,
                registration,
                details,
                payload,
            } => self.invocation(request, registration, details, payload),
            Message::Interrupt { request, .. } => {
                if let Some(token) = link.invocations.get(&request) {
                    self.outputs.push_back(Output::Cancel(Arc::clone(token)));
                }
            }
            Message::Event {
                subscription,
                publication,
                details,
                payload,
            } => self.event(subscription, publication, &details, &payload),
            Message::Registered {
                request,
                registration,
            } => self.registered(request, registration)?,
            Message::Unregistered { request } => self.unregistered(request)?,
            Message::Subscribed {
                request,
                subscription,
            } => self.subscribed(request, subscription)?,
            Message::Unsubscribed { request } => self.unsubscribed(request)?,
            Message::Published {
                request,
                publication,
            } => {
                if let Some(Request::Publish(promise)) = link.take(request, is_publish) {
                    self.outputs
                        .push_back(Output::Published(promise, publication));
                }
            }
            Message::RegistrationRevoked { details } => self.registration_revoked(&details),
            Message::SubscriptionRevoked { details } => self.subscription_revoked(&details),
            Message::Goodbye { .. } => {
                if !link.goodbye_sent {
                    link.tell(&goodbye(known::GOODBYE_AND_OUT));
                }
                return Err(Disconnect::Goodbye);
            }
            Message::Abort {
                reason, details, ..
            } => {
                let text = shorten(details.str("message").unwrap_or_default());
                return Err(Disconnect::Aborted {
                    too_large: reason == known::PAYLOAD_SIZE_EXCEEDED,
                    text: format!("the router aborts: {} {text}", shorten(reason.as_str())),
                });
            }
            other => return Err(Disconnect::unasked(other.name())),
        }
        Ok(())
    }

    fn error(
        &mut self,
        now: Instant,
        kind: RequestKind,
        request: Id,
        error: ErrorReply,
    ) -> Result<(), Disconnect> {
        let Some(link) = &mut self.link else {
            return Ok(());
        };
        let Some(sent) = link.requests.get(&request) else {
            // The answer to a call that was given up, or to a publication that nobody waits for.
            return match kind {
                RequestKind::Call | RequestKind::Publish => Ok(()),
                _ => Err(Disconnect::unasked("ERROR")),
            };
        };
        if kind != sent.what.kind() {
            return Err(Disconnect::Violation(
                "ERROR for a request of another kind".to_string(),
            ));
        }
        let Some(what) = link.take(request, |_| true) else {
            return Ok(());
        };
        match what {
            Request::Call(key) => self.call_failed(now, key, error),
            other => self.answer_with_error(other, error),
        }
        Ok(())
    }

    /// The end of a request that is not made again.
    pub(super) fn answer_with_error(&mut self, what: Request, error: ErrorReply) {
        match what {
            Request::Call(key) => self.end_call(key, Err(Error::Reply(error))),
            Request::Register(key) => self.register_failed(key, error),
            Request::Subscribe(key) => self.subscribe_failed(key, error),
            Request::Unregister(key, promise) => {
                if let Some(link) = &mut self.link {
                    link.registered.retain(|_, other| *other != key);
                }
                self.registrations.remove(&key);
                self.finish(promise, Err(Error::Reply(error)));
            }
            Request::Unsubscribe(promise) | Request::Publish(promise) => {
                self.finish(promise, Err(Error::Reply(error)));
            }
        }
    }
}

fn is_publish(request: &Request) -> bool {
    matches!(request, Request::Publish(_))
}
