//! Topics that the session is subscribed to, their events, and publications.

use std::sync::Arc;
use std::sync::atomic::AtomicBool;

use super::super::call::Promise;
use super::super::error::{Error, ErrorReply};
use super::super::options::SessionEvent;
use super::super::pubsub::{Event, Topic};
use super::connection::Request;
use super::timer::Task;
use super::{Delivery, Disconnect, EventHandler, Outgoing, Output, Protocol, revoked_for};
use crate::messages::{Dict, Id, Message, Payload, Uri, known};

pub(super) struct SubscriptionEntry {
    topic: Topic,
    uri: Uri,
    handler: EventHandler,
    /// See [`Delivery`].
    wanted: Arc<AtomicBool>,
    pub(super) live: Option<Id>,
    attempts: u32,
    pub(super) first: Option<Arc<Promise>>,
}

impl<W: Outgoing> Protocol<W> {
    /// Subscribes to a topic, and again on each new connection; tells its key.
    ///
    /// # Errors
    ///
    /// When the session is at its end.
    pub(in super::super) fn subscribe(
        &mut self,
        topic: Topic,
        uri: Uri,
        handler: EventHandler,
        first: Arc<Promise>,
    ) -> Result<u64, Error> {
        if let Some(error) = self.closed() {
            return Err(error);
        }
        let key = self.key();
        self.subscriptions.insert(
            key,
            SubscriptionEntry {
                topic,
                uri,
                handler,
                wanted: Arc::new(AtomicBool::new(true)),
                live: None,
                attempts: 0,
                first: Some(first),
            },
        );
        self.send_subscribe(key);
        Ok(key)
    }

    pub(super) fn send_subscribe(&mut self, key: u64) {
        let (Some(link), Some(entry)) = (&mut self.link, self.subscriptions.get_mut(&key)) else {
            return;
        };
        let sent = link.request(Request::Subscribe(key), |request| Message::Subscribe {
            request,
            options: entry.topic.options.clone(),
            topic: entry.uri.clone(),
        });
        if let Err(error) = sent {
            entry.attempts += 1;
            if let Some(first) = entry.first.take() {
                self.subscriptions.remove(&key);
                self.finish(first, Err(error));
            }
        }
    }

    /// The user no longer waits for the first answer. If SUBSCRIBED
    /// comes after all, it is answered with UNSUBSCRIBE.
    pub(in super::super) fn forget_subscription(&mut self, key: u64) {
        self.subscriptions.remove(&key);
    }

    /// Gives a subscription up. Tells what says whether its events are still wanted, and whether
    /// the router will answer.
    ///
    /// # Errors
    ///
    /// When the request cannot be written.
    pub(in super::super) fn unsubscribe(
        &mut self,
        key: u64,
        promise: &Arc<Promise>,
    ) -> (Option<Arc<AtomicBool>>, Result<bool, Error>) {
        let Some(entry) = self.subscriptions.remove(&key) else {
            return (None, Ok(false));
        };
        let wanted = Some(entry.wanted);
        let (Some(link), Some(subscription)) = (&mut self.link, entry.live) else {
            return (wanted, Ok(false));
        };
        let others = link.subscribed.entry(subscription).or_default();
        others.retain(|other| *other != key);
        // The router has one subscription for all handlers
        // of a topic, also for one that is on its way.
        let on_its_way = self.subscriptions.values().any(|other| {
            other.live.is_none()
                && other.uri == entry.uri
                && other.topic.matching == entry.topic.matching
        });
        if !others.is_empty() || on_its_way {
            return (wanted, Ok(false));
        }
        link.subscribed.remove(&subscription);
        let what = Request::Unsubscribe(Arc::clone(promise));
        let sent = link.request(what, |request| Message::Unsubscribe {
            request,
            subscription,
        });
        (wanted, sent.map(|_| true))
    }

    /// Publishes an event. There has to be a connection.
    ///
    /// # Errors
    ///
    /// When there is none, or the message cannot be written.
    pub(in super::super) fn publish(
        &mut self,
        topic: Uri,
        options: Dict,
        payload: Payload,
        promise: &Arc<Promise>,
    ) -> Result<(), Error> {
        let acknowledged = options.flag("acknowledge");
        let link = self.link.as_mut().ok_or(Error::Lost)?;
        let what = Request::Publish(Arc::clone(promise));
        let request = link.request(what, |request| Message::Publish {
            request,
            options,
            topic,
            payload,
        })?;
        if !acknowledged {
            link.requests.remove(&request);
        }
        Ok(())
    }

    /// SUBSCRIBED.
    pub(super) fn subscribed(&mut self, request: Id, subscription: Id) -> Result<(), Disconnect> {
        let is_subscribe = |request: &Request| matches!(request, Request::Subscribe(_));
        let link = self.link.as_mut().ok_or(Disconnect::Left)?;
        let Some(Request::Subscribe(key)) = link.take(request, is_subscribe) else {
            return Err(Disconnect::unasked("SUBSCRIBED"));
        };
        if let Some(entry) = self.subscriptions.get_mut(&key) {
            entry.live = Some(subscription);
            entry.attempts = 0;
            link.subscribed.entry(subscription).or_default().push(key);
            if let Some(first) = entry.first.take() {
                self.finish(first, Ok(Payload::empty()));
            }
        } else if !link.subscribed.contains_key(&subscription) {
            let promise = Arc::new(Promise::default());
            let sent = link.request(Request::Unsubscribe(promise), |request| {
                Message::Unsubscribe {
                    request,
                    subscription,
                }
            });
            sent.map_err(|error| Disconnect::unsent(&error))?;
        }
        Ok(())
    }

    /// ERROR for SUBSCRIBE.
    pub(super) fn subscribe_failed(&mut self, key: u64, error: ErrorReply) {
        let Some(entry) = self.subscriptions.get_mut(&key) else {
            return;
        };
        if let Some(first) = entry.first.take() {
            self.subscriptions.remove(&key);
            self.finish(first, Err(Error::Reply(error)));
            return;
        }
        let attempts = entry.attempts;
        entry.attempts += 1;
        if attempts == 0 {
            let topic = entry.topic.uri.clone();
            self.notice(SessionEvent::NotSubscribed {
                topic,
                error: Error::Reply(error),
            });
        }
        self.outputs
            .push_back(Output::Retry(Task::Subscribe(key), attempts));
    }

    /// UNSUBSCRIBED.
    pub(super) fn unsubscribed(&mut self, request: Id) -> Result<(), Disconnect> {
        let is_unsubscribe = |request: &Request| matches!(request, Request::Unsubscribe(_));
        let link = self.link.as_mut().ok_or(Disconnect::Left)?;
        let Some(Request::Unsubscribe(promise)) = link.take(request, is_unsubscribe) else {
            return Err(Disconnect::unasked("UNSUBSCRIBED"));
        };
        self.finish(promise, Ok(Payload::empty()));
        Ok(())
    }

    /// The router ended a subscription by itself.
    pub(super) fn subscription_revoked(&mut self, details: &Dict) {
        let Some(link) = &mut self.link else { return };
        let keys = details
            .id("subscription")
            .and_then(|id| link.subscribed.remove(&id));
        for key in keys.into_iter().flatten() {
            if let Some(entry) = self.subscriptions.remove(&key) {
                let reason = revoked_for(details, known::NO_SUCH_SUBSCRIPTION);
                self.notice(SessionEvent::NotSubscribed {
                    topic: entry.topic.uri,
                    error: Error::Reply(ErrorReply::new(&reason, "revoked by the router")),
                });
            }
        }
    }

    /// EVENT.
    pub(super) fn event(
        &mut self,
        subscription: Id,
        publication: Id,
        details: &Dict,
        payload: &Payload,
    ) {
        let Some(link) = &self.link else { return };
        let keys = link.subscribed.get(&subscription);
        for key in keys.into_iter().flatten() {
            let Some(entry) = self.subscriptions.get(key) else {
                continue;
            };
            let topic = details.str("topic").and_then(Uri::new);
            let event = Event {
                topic: topic.unwrap_or_else(|| entry.uri.clone()),
                publication,
                details: details.clone(),
                payload: payload.clone(),
            };
            self.outputs.push_back(Output::Deliver(
                *key,
                Delivery {
                    event,
                    handler: Arc::clone(&entry.handler),
                    wanted: Arc::clone(&entry.wanted),
                },
            ));
        }
    }

    /// What a subscription is for, as its user wrote it.
    pub(in super::super) fn topic(&self, key: u64) -> Option<&str> {
        let entry = self.subscriptions.get(&key)?;
        Some(&entry.topic.uri)
    }
}
