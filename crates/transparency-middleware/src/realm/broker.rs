//! Publish and subscribe.

use std::collections::BTreeSet;

use rand::RngExt;

use super::patterns::Patterns;
use super::{Action, Identity, Named, Output, Realm, Set, Table, dealer, error, send};
use crate::messages::{Dict, Id, Match, Message, Payload, RequestKind, Uri, Value, known};

/// The most names that the lists of a PUBLISH may have together.
const MAX_NAMES: usize = 10_000;

/// Subscriptions.
#[derive(Debug, Default)]
pub(super) struct Broker {
    pub(super) patterns: Patterns,
    pub(super) subscriptions: Table<Subscription>,
}

/// A topic or a pattern of topics, and those who want its events.
#[derive(Debug)]
pub(super) struct Subscription {
    topic: Uri,
    pub(super) match_policy: Match,
    /// Never empty.
    pub(super) subscribers: BTreeSet<Id>,
}

impl Named for Subscription {
    fn name(&self) -> (&Uri, Match) {
        (&self.topic, self.match_policy)
    }
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
#[derive(Debug, Default)]
pub(super) struct Audience {
    exclude: Option<Set<Id>>,
    exclude_authid: Option<Set<String>>,
    exclude_authrole: Option<Set<String>>,
    eligible: Option<Set<Id>>,
    eligible_authid: Option<Set<String>>,
    eligible_authrole: Option<Set<String>>,
}

impl Audience {
    /// `None` where the lists are too long.
    fn of(options: &Dict) -> Option<Self> {
        if options.is_empty() {
            return Some(Audience::default());
        }
        let mut names = 0;
        let mut list = |name| {
            let list: Option<&[Value]> = options.list(name);
            names += list.map_or(0, <[Value]>::len);
            list
        };
        let lists = [list("exclude"), list("eligible")];
        let [
            exclude_authid,
            exclude_authrole,
            eligible_authid,
            eligible_authrole,
        ] = [
            list("exclude_authid"),
            list("exclude_authrole"),
            list("eligible_authid"),
            list("eligible_authrole"),
        ];
        if names > MAX_NAMES {
            return None;
        }
        let [exclude, eligible] =
            lists.map(|list| list.map(|list| list.iter().filter_map(Value::as_id).collect()));
        let texts = |list: Option<&[Value]>| {
            let texts = |list: &[Value]| {
                let texts = list.iter().filter_map(Value::as_str);
                texts.map(ToString::to_string).collect()
            };
            list.map(texts)
        };
        Some(Audience {
            exclude,
            exclude_authid: texts(exclude_authid),
            exclude_authrole: texts(exclude_authrole),
            eligible,
            eligible_authid: texts(eligible_authid),
            eligible_authrole: texts(eligible_authrole),
        })
    }

    pub(super) fn has(&self, id: Id, identity: &Identity) -> bool {
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
fn lists(list: Option<&Set<String>>, text: &str) -> Option<bool> {
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
        if options.flag("get_retained") {
            let why = "the option get_retained is not supported here: no event is retained";
            return Err((known::OPTION_NOT_ALLOWED, why));
        }
        let session = &self.sessions[&from];
        if !self.may(session, Action::Subscribe, &topic, options) {
            return Err((known::NOT_AUTHORIZED, "the role may not subscribe to this"));
        }
        if session.subscriptions.len() >= self.limits.subscriptions {
            return Err((known::UNAVAILABLE, "the session has too many subscriptions"));
        }
        let match_policy = dealer::match_policy(options);
        self.has_room_for_pattern(from, &self.broker.patterns, &topic, match_policy)?;
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
        let session = self.sessions.get_mut(&from);
        if session.is_some_and(|session| session.subscriptions.insert(id)) {
            let size = self.broker.subscriptions.size_of(id);
            self.hold(from, size);
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
        let is_held = session.subscriptions.remove(&subscription);
        let message = if is_held {
            Message::Unsubscribed { request }
        } else {
            let reason = known::NO_SUCH_SUBSCRIPTION;
            error(RequestKind::Unsubscribe, request, reason, None)
        };
        send(session, message, out);
        if is_held {
            let size = self.broker.subscriptions.size_of(subscription);
            self.broker.remove(subscription, from);
            self.release(from, size);
        }
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
        let audience = Audience::of(options);
        let refused = if topic.is_reserved() {
            Some((known::INVALID_URI, "names in wamp. are the router's own"))
        } else if !permissions
            .is_some_and(|permissions| permissions.allow(Action::Publish, topic.as_str()))
        {
            Some((known::NOT_AUTHORIZED, "the role may not publish to this"))
        } else if payload.is_sealed() {
            Some((known::OPTION_NOT_ALLOWED, dealer::NOT_SEALED))
        } else if options.flag("retain") {
            let why = "the option retain is not supported here: no event is retained";
            Some((known::OPTION_NOT_ALLOWED, why))
        } else if audience.is_none() {
            let why = "the lists of who may get the event have more than 10000 entries";
            Some((known::INVALID_ARGUMENT, why))
        } else {
            None
        };
        if let Some((reason, why)) = refused {
            // Without acknowledge the publisher hears nothing, whatever happens.
            if acknowledge {
                let message = error(RequestKind::Publish, request, reason, Some(why));
                send(session, message, out);
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
        let publisher = acknowledge.then_some((from, request));
        let audience = audience.unwrap_or_default();
        self.dispatch(topic, details, payload, audience, spared, publisher);
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
