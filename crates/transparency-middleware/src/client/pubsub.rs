//! Topics, events and publications.

use serde::de::DeserializeOwned;

use super::arguments::read_args;
use super::error::Error;
use crate::messages::{Dict, Id, Match, Payload, PayloadError, Uri};

/// A topic, or a pattern of topics, to subscribe to.
///
/// ```
/// use transparency_middleware::client::Topic;
/// use transparency_middleware::messages::Match;
///
/// let all_of_the_shop = Topic::new("org.example.shop.").matching(Match::Prefix);
/// ```
#[derive(Debug, Clone)]
pub struct Topic {
    pub(super) uri: String,
    pub(super) matching: Match,
    pub(super) options: Dict,
}

impl Topic {
    /// Exactly this topic.
    pub fn new(uri: &str) -> Self {
        Topic {
            uri: uri.to_string(),
            matching: Match::Exact,
            options: Dict::new(),
        }
    }

    /// All topics that match (pattern-based subscription).
    #[must_use]
    pub fn matching(mut self, matching: Match) -> Self {
        self.matching = matching;
        self.options.insert("match", matching.word());
        self
    }

    pub(super) fn parsed_uri(&self) -> Result<Uri, Error> {
        Uri::pattern(&self.uri, self.matching).ok_or_else(|| Error::InvalidUri(self.uri.clone()))
    }
}

impl From<&str> for Topic {
    fn from(uri: &str) -> Self {
        Topic::new(uri)
    }
}

/// What an event takes next to its arguments while it waits.
const OVERHEAD: usize = 256;

/// What a subscriber receives.
#[derive(Debug, Clone)]
pub struct Event {
    pub(super) topic: Uri,
    pub(super) publication: Id,
    pub(super) details: Dict,
    pub(super) payload: Payload,
}

impl Event {
    /// The topic that was published to: with a pattern, which one.
    pub fn topic(&self) -> &str {
        self.topic.as_str()
    }

    /// The publication's id, the same for all its subscribers.
    pub fn publication(&self) -> Id {
        self.publication
    }

    /// The publisher's session, where it is disclosed.
    pub fn publisher(&self) -> Option<Id> {
        self.details.id("publisher")
    }

    /// About how many bytes of memory it takes while it waits.
    pub(super) fn cost(&self) -> usize {
        self.payload.size() + self.details.size() + self.topic.as_str().len() + OVERHEAD
    }

    /// All details that the router sent.
    pub fn details(&self) -> &Dict {
        &self.details
    }

    /// The positional arguments, as a tuple or another list.
    ///
    /// # Errors
    ///
    /// When they are not what `A` takes.
    pub fn args<A: DeserializeOwned>(&self) -> Result<A, PayloadError> {
        read_args(&self.payload)
    }

    /// The keyword arguments, as a struct or a map.
    ///
    /// # Errors
    ///
    /// When they are not what `K` takes.
    pub fn kwargs<K: DeserializeOwned>(&self) -> Result<K, PayloadError> {
        self.payload.kwargs()
    }

    /// The arguments as they came.
    pub fn payload(&self) -> &Payload {
        &self.payload
    }
}

/// A publication with all that can be said about it.
#[derive(Debug, Clone)]
pub struct Publication {
    pub(super) topic: String,
    pub(super) options: Dict,
    pub(super) payload: Payload,
}

impl Publication {
    /// A publication with arguments of any kind. Nobody
    /// acknowledges it, and the publisher does not receive it.
    pub fn new(topic: &str, payload: Payload) -> Self {
        Publication {
            topic: topic.to_string(),
            options: Dict::new(),
            payload,
        }
    }

    /// Waits for the router to acknowledge it.
    #[must_use]
    pub fn acknowledge(mut self) -> Self {
        self.options.insert("acknowledge", true);
        self
    }

    /// The publisher receives the event too, if it is subscribed.
    #[must_use]
    pub fn include_me(mut self) -> Self {
        self.options.insert("exclude_me", false);
        self
    }

    /// Lets the subscribers know who publishes.
    #[must_use]
    pub fn disclose_me(mut self) -> Self {
        self.options.insert("disclose_me", true);
        self
    }

    /// These sessions do not receive it (black list).
    #[must_use]
    pub fn exclude(mut self, sessions: &[Id]) -> Self {
        self.options.insert("exclude", sessions.to_vec());
        self
    }

    /// Only these sessions receive it (white list).
    #[must_use]
    pub fn eligible(mut self, sessions: &[Id]) -> Self {
        self.options.insert("eligible", sessions.to_vec());
        self
    }

    /// Sets any other option, such as `exclude_authid` or `eligible_authrole`.
    #[must_use]
    pub fn option(mut self, name: &str, value: impl Into<crate::messages::Value>) -> Self {
        self.options.insert(name, value);
        self
    }
}
