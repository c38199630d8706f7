//! Publish and subscribe.

use std::collections::{BTreeSet, HashSet};

use rand::RngExt;

use super::patterns::Patterns;
use super::{Action, Identity, Output, Realm, Shared, Table, dealer, error, send};
use crate::messages::{Dict, Format, Id, Match, Message, Payload, RequestKind, Uri, Value, known};

/// Subscriptions.
#[derive(Debug, Default)]
pub(super) struct Broker {
    patterns: Patterns,
    subscriptions: Table<Subscription>,
}

/// A topic or a pattern of topics, and those who want its events.
#[derive(Debug)]
struct Subscription {
    topic: Uri,
    match_policy: Match,
    /// Never empty.
    subscribers: BTreeSet<Id>,
}

impl Broker {
    /// Takes a subscriber out; the last one takes the subscription along.
    pub(super) fn remove(&mut self, subscription: Id, session: Id) {
        let Some(entry) = self.subscriptions.entries.get_mut(&subscription) else {
            return;
        };
        entry.subscribers.remove(&session);
        if entry.subscribers.is_empty() {
            self.patterns.remove(&entry.topic, entry.match_policy);
            self.subscriptions.entries.remove(&subscription);
        }
    }
}

/// Who may get an event, apart from having subscribed: the lists in the options of PUBLISH.
struct Audience<'a> {
    exclude: Option<HashSet<Id>>,
    exclude_authid: Option<HashSet<&'a str>>,
    exclude_authrole: Option<HashSet<&'a str>>,
    eligible: Option<HashSet<Id>>,
    eligible_authid: Option<HashSet<&'a str>>,
    eligible_authrole: Option<HashSet<&'a str>>,
}

impl<'a> Audience<'a> {
    fn of(options: &'a Dict) -> Self {
        let ids = |name| {
            let list: Option<&[Value]> = options.list(name);
            list.map(|list| list.iter().filter_map(Value::as_id).collect())
        };
        let texts = |name| {
            let list: Option<&[Value]> = options.list(name);
            list.map(|list| list.iter().filter_map(Value::as_str).collect())
        };
        Audience {
            exclude: ids("exclude"),
            exclude_authid: texts("exclude_authid"),
            exclude_authrole: texts("exclude_authrole"),
            eligible: ids("eligible"),
            eligible_authid: texts("eligible_authid"),
            eligible_authrole: texts("eligible_authrole"),
        }
    }

    fn has(&self, id: Id, identity: &Identity) -> bool {
        let (authid, authrole) = (identity.authid.as_str(), identity.authrole.as_str());
        let excluded = self.exclude.as_ref().is_some_and(|list| list.contains(&id))
            || lists(self.exclude_authid.as_ref(), authid) == Some(true)
            || lists(self.exclude_authrole.as_ref(), authrole) == Some(true);
        let eligible = self.eligible.as_ref().is_none_or(|list| list.contains(&id))
            && lists(self.eligible_authid.as_ref(), authid) != Some(false)
            && lists(self.eligible_authrole.as_ref(), authrole) != Some(false);
        eligible && !excluded
    }
}

/// Whether a list has the text; `None` without a list.
fn lists(list: Option<&HashSet<&str>>, text: &str) -> Option<bool> {
    list.map(|list| list.contains(text))
}

impl<H: Clone> Realm<H> {
    pub(super) fn subscribe(
        &mut self,
        from: Id,
        request: Id,
        options: &Dict,
        topic: Uri,
        out: &mut Vec<Output<H>>,
    ) {
        let message = match self.try_subscribe(from, options, topic) {
            Ok(subscription) => Message::Subscribed {
                request,
                subscription,
            },
            Err((reason, why)) => error(RequestKind::Subscribe, request, reason, Some(why)),
        };
        if let Some(session) = self.sessions.get(&from) {
            send(session, message, out);
        }
    }

    fn try_subscribe(
        &mut self,
        from: Id,
        options: &Dict,
        topic: Uri,
    ) -> Result<Id, (&'static str, &'static str)> {
        let session = &self.sessions[&from];
        if !self.may(session, Action::Subscribe, &topic, options) {
            return Err((known::NOT_AUTHORIZED, "the role may not subscribe to this"));
        }
        if session.subscriptions.len() >= self.limits.subscriptions {
            return Err((known::UNAVAILABLE, "the session has too many subscriptions"));
        }
        let match_policy = dealer::match_policy(options);
        let broker = &mut self.broker;
        let id = match broker.patterns.get(&topic, match_policy) {
            Some(id) => id,
            None => {
                let id = broker.subscriptions.insert(Subscription {
                    topic: topic.clone(),
                    match_policy,
                    subscribers: BTreeSet::new(),
                });
                broker.patterns.insert(topic, match_policy, id);
                id
            }
        };
        if let Some(entry) = broker.subscriptions.entries.get_mut(&id) {
            entry.subscribers.insert(from);
        }
        if let Some(session) = self.sessions.get_mut(&from) {
            session.subscriptions.insert(id);
        }
        Ok(id)
    }

    pub(super) fn unsubscribe(
        &mut self,
        from: Id,
        request: Id,
        subscription: Id,
        out: &mut Vec<Output<H>>,
    ) {
        let Some(session) = self.sessions.get_mut(&from) else {
            return;
        };
        let message = if session.subscriptions.remove(&subscription) {
            Message::Unsubscribed { request }
        } else {
            let reason = known::NO_SUCH_SUBSCRIPTION;
            error(RequestKind::Unsubscribe, request, reason, None)
        };
        send(session, message, out);
        self.broker.remove(subscription, from);
    }

    pub(super) fn publish(
        &mut self,
        from: Id,
        request: Id,
        options: &Dict,
        topic: &Uri,
        payload: &Payload,
        out: &mut Vec<Output<H>>,
    ) {
        let session = &self.sessions[&from];
        let acknowledge = options.flag("acknowledge");
        let permissions = self.roles.get(&session.identity.authrole);
        let refused = if topic.is_reserved() {
            Some((known::INVALID_URI, "names in wamp. are the router's own"))
        } else if !permissions
            .is_some_and(|permissions| permissions.allow(Action::Publish, topic.as_str()))
        {
            Some((known::NOT_AUTHORIZED, "the role may not publish to this"))
        } else if payload.is_sealed() {
            Some((known::OPTION_NOT_ALLOWED, dealer::NOT_SEALED))
        } else {
            None
        };
        if let Some((reason, why)) = refused {
            // Without acknowledge the publisher hears nothing, whatever happens.
            if acknowledge {
                send(
                    session,
                    error(RequestKind::Publish, request, reason, Some(why)),
                    out,
                );
            }
            return;
        }
        let mut details = Dict::new();
        if options.flag("disclose_me") {
            details.insert("publisher", from);
            details.insert("publisher_authid", session.identity.authid.as_str());
            details.insert("publisher_authrole", session.identity.authrole.as_str());
        }
        let spared = (options.bool("exclude_me") != Some(false)).then_some(from);
        let publication = self.dispatch(
            topic,
            &details,
            payload,
            &Audience::of(options),
            spared,
            out,
        );
        if acknowledge {
            let published = Message::Published {
                request,
                publication,
            };
            send(&self.sessions[&from], published, out);
        }
    }

    /// Publishes what the router itself has to say.
    pub(super) fn announce(&mut self, topic: &str, args: &[Value], out: &mut Vec<Output<H>>) {
        let topic = super::uri(topic);
        let payload = Payload::new(Format::Json, args).expect("values can be written");
        let everybody = Dict::new();
        self.dispatch(
            &topic,
            &everybody,
            &payload,
            &Audience::of(&everybody),
            None,
            out,
        );
    }

    /// Sends an event to everybody in the audience who has subscribed, once for each subscription.
    fn dispatch(
        &mut self,
        topic: &Uri,
        details: &Dict,
        payload: &Payload,
        audience: &Audience<'_>,
        spared: Option<Id>,
        out: &mut Vec<Output<H>>,
    ) -> Id {
        let publication = self.random_id();
        let Broker {
            patterns,
            subscriptions,
        } = &self.broker;
        let sessions = &self.sessions;
        patterns.all(topic.as_str(), |id| {
            let Some(subscription) = subscriptions.entries.get(&id) else {
                return;
            };
            let mut details = details.clone();
            if subscription.match_policy != Match::Exact {
                details.insert("topic", topic.as_str());
            }
            let wants = |subscriber: &Id| {
                let session = sessions.get(subscriber)?;
                let wants =
                    spared != Some(*subscriber) && audience.has(*subscriber, &session.identity);
                wants.then(|| session.handle.clone())
            };
            let mut audience = Vec::with_capacity(subscription.subscribers.len());
            audience.extend(subscription.subscribers.iter().filter_map(wants));
            if audience.is_empty() {
                return;
            }
            let event = Shared::new(Message::Event {
                subscription: id,
                publication,
                details,
                payload: payload.clone(),
            });
            out.push(Output::Event(audience, event));
        });
        publication
    }

    /// An id of global scope: drawn at random from the whole range.
    pub(super) fn random_id(&mut self) -> Id {
        let number = self.random.random_range(1..=Id::MAX);
        Id::new(number).expect("the range is that of ids")
    }

    /// An id for a new session that no session of this realm has.
    pub fn new_session_id(&mut self) -> Id {
        loop {
            let id = self.random_id();
            if !self.sessions.contains_key(&id) {
                return id;
            }
        }
    }
}

#[cfg(test)]
impl Broker {
    pub(super) fn subscribers(&self, subscription: Id) -> impl Iterator<Item = Id> {
        let entry = self.subscriptions.entries.get(&subscription);
        entry
            .into_iter()
            .flat_map(|entry| &entry.subscribers)
            .copied()
    }

    /// Each subscription is found by its URI, and each of its subscribers knows it.
    pub(super) fn check(&self, knows: impl Fn(Id, Id) -> bool) {
        for (id, entry) in &self.subscriptions.entries {
            assert_eq!(
                self.patterns.get(&entry.topic, entry.match_policy),
                Some(*id)
            );
            assert!(!entry.subscribers.is_empty());
            assert!(entry.subscribers.iter().all(|one| knows(*one, *id)));
        }
        assert_eq!(self.patterns.len(), self.subscriptions.entries.len());
    }
}
