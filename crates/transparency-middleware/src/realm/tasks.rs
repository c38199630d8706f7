//! What is done in steps, so that no message keeps the realm
//! for long: events for many, and what a session leaves behind.

use std::collections::hash_map;
use std::ops::Bound;
use std::sync::Arc;

use super::broker::Audience;
use super::dealer::Invocation;
use super::{Identity, Output, Realm, Set, Shared, send, uri};
use crate::messages::{Dict, Format, Id, Match, Message, Payload, Uri, Value, known};

/// How many subscribers are looked at, or things taken away, before others get their turn.
pub(super) const STEP: usize = 256;

/// Work that is done in steps.
#[derive(Debug)]
pub(super) enum Task {
    Event(Dispatch),
    Leave(Departure),
    End(Ending),
}

/// An event on its way to those who subscribed.
#[derive(Debug)]
pub(super) struct Dispatch {
    pub(super) exact: Arc<Shared>,
    /// The same with its topic in the details, for those who subscribed to a pattern.
    pub(super) pattern: Option<Arc<Shared>>,
    pub(super) audience: Audience,
    pub(super) spared: Option<Id>,
    /// The subscriptions that match, and how far it has come.
    pub(super) matched: Vec<Id>,
    pub(super) next: usize,
    pub(super) after: Option<Id>,
    /// Who is told at the end that it has been published: the session, and its request.
    pub(super) publisher: Option<(Id, Id)>,
}

/// What a session leaves behind.
#[derive(Debug)]
pub(super) struct Departure {
    pub(super) id: Id,
    pub(super) identity: Identity,
    pub(super) registrations: <Set<Id> as IntoIterator>::IntoIter,
    pub(super) subscriptions: <Set<Id> as IntoIterator>::IntoIter,
    pub(super) invocations: hash_map::IntoIter<Id, Invocation>,
    pub(super) calls: hash_map::IntoIter<Id, (Id, Id)>,
}

/// Sessions that another one ends.
#[derive(Debug)]
pub(super) struct Ending {
    pub(super) sessions: std::vec::IntoIter<Id>,
    pub(super) details: Dict,
    pub(super) reason: Uri,
}

impl<H: Clone> Realm<H> {
    /// A number that grows with each piece of work that a message leaves to be done in steps.
    pub fn ticket(&self) -> u64 {
        self.begun
    }

    /// Whether all is done that was begun when [`Realm::ticket`] gave this number. If not,
    /// [`Realm::proceed`] is to be called until it is; others may be served in between.
    pub fn is_done(&self, ticket: u64) -> bool {
        self.finished >= ticket
    }

    /// Continues with what messages have left to be done, by one step.
    pub fn proceed(&mut self, out: &mut Vec<Output<H>>) {
        let end = self.work + STEP;
        while self.work < end {
            let Some(task) = self.tasks.pop_front() else {
                return;
            };
            let rest = match task {
                Task::Event(dispatch) => self.dispatch_step(dispatch, end, out),
                Task::Leave(departure) => self.leave_step(departure, end, out),
                Task::End(ending) => self.end_step(ending, end, out),
            };
            match rest {
                Some(rest) => self.tasks.push_front(rest),
                None => self.finished += 1,
            }
        }
    }

    pub(super) fn begin(&mut self, task: Task) {
        self.begun += 1;
        self.tasks.push_back(task);
    }

    /// Publishes what the router itself has to say.
    pub(super) fn announce(&mut self, topic: &str, args: &[Value]) {
        let topic = uri(topic);
        let payload = Payload::new(Format::Json, args).expect("values can be written");
        let everybody = Audience::default();
        self.dispatch(&topic, Dict::new(), &payload, everybody, None, None);
    }

    /// Begins to send an event to everybody in the audience
    /// who has subscribed, once for each subscription.
    pub(super) fn dispatch(
        &mut self,
        topic: &Uri,
        details: Dict,
        payload: &Payload,
        audience: Audience,
        spared: Option<Id>,
        publisher: Option<(Id, Id)>,
    ) {
        let publication = self.random_id();
        let mut matched = Vec::new();
        let mut by_pattern = false;
        let entries = &self.broker.subscriptions.entries;
        let steps = self.broker.patterns.all(topic.as_str(), |id| {
            matched.push(id);
            let entry = entries.get(&id);
            by_pattern |= entry.is_some_and(|entry| entry.match_policy != Match::Exact);
        });
        self.work += steps + matched.len();
        if matched.is_empty() && publisher.is_none() {
            return;
        }
        let pattern = by_pattern.then(|| {
            let details = details.clone().with("topic", topic.as_str());
            Shared::new(publication, details, payload.clone())
        });
        self.begin(Task::Event(Dispatch {
            exact: Shared::new(publication, details, payload.clone()),
            pattern,
            audience,
            spared,
            matched,
            next: 0,
            after: None,
            publisher,
        }));
    }

    fn dispatch_step(
        &mut self,
        mut dispatch: Dispatch,
        end: usize,
        out: &mut Vec<Output<H>>,
    ) -> Option<Task> {
        let sessions = &self.sessions;
        while let Some(id) = dispatch.matched.get(dispatch.next).copied() {
            if self.work >= end {
                return Some(Task::Event(dispatch));
            }
            self.work += 1;
            let Some(subscription) = self.broker.subscriptions.entries.get(&id) else {
                (dispatch.next, dispatch.after) = (dispatch.next + 1, None);
                continue;
            };
            let from = match dispatch.after {
                Some(after) => Bound::Excluded(after),
                None => Bound::Unbounded,
            };
            let most = (end - self.work).max(1);
            let (mut seen, mut last) = (0, None);
            let subscribers = subscription.subscribers.range((from, Bound::Unbounded));
            let mut receivers = Vec::with_capacity(subscription.subscribers.len().min(most));
            for subscriber in subscribers.take(most) {
                (seen, last) = (seen + 1, Some(*subscriber));
                if let Some(session) = sessions.get(subscriber)
                    && dispatch.spared != Some(*subscriber)
                    && dispatch.audience.has(*subscriber, &session.identity)
                {
                    receivers.push(session.handle.clone());
                }
            }
            self.work += seen;
            if !receivers.is_empty() {
                let pattern = dispatch
                    .pattern
                    .as_ref()
                    .filter(|_| subscription.match_policy != Match::Exact);
                let event = pattern.unwrap_or(&dispatch.exact).clone();
                out.push(Output::Event(receivers, id, event));
            }
            if seen < most {
                (dispatch.next, dispatch.after) = (dispatch.next + 1, None);
            } else {
                dispatch.after = last;
            }
        }
        if let Some((publisher, request)) = dispatch.publisher
            && let Some(session) = self.sessions.get(&publisher)
        {
            let publication = dispatch.exact.publication;
            let published = Message::Published {
                request,
                publication,
            };
            send(session, published, out);
        }
        None
    }

    fn leave_step(
        &mut self,
        mut departure: Departure,
        end: usize,
        out: &mut Vec<Output<H>>,
    ) -> Option<Task> {
        let id = departure.id;
        while self.work < end {
            if let Some(registration) = departure.registrations.next() {
                self.work += 1 + self.dealer.remove(registration, id);
            } else if let Some((invocation, entry)) = departure.invocations.next() {
                self.work += 1;
                self.drop_invocation(id, invocation, &entry, out);
            } else if let Some((_, (callee, invocation))) = departure.calls.next() {
                self.work += 1;
                self.abandon(callee, invocation, out);
            } else if let Some(subscription) = departure.subscriptions.next() {
                self.work += 1;
                self.broker.remove(subscription, id);
            } else {
                let identity = departure.identity;
                let left = [
                    id.into(),
                    identity.authid.as_str().into(),
                    identity.authrole.as_str().into(),
                ];
                if !self.closing {
                    self.announce(known::SESSION_ON_LEAVE, &left);
                }
                return None;
            }
        }
        Some(Task::Leave(departure))
    }

    fn end_step(
        &mut self,
        mut ending: Ending,
        end: usize,
        out: &mut Vec<Output<H>>,
    ) -> Option<Task> {
        while self.work < end {
            let id = ending.sessions.next()?;
            self.work += 4;
            self.say_goodbye(id, ending.details.clone(), ending.reason.as_str(), out);
        }
        Some(Task::End(ending))
    }
}
