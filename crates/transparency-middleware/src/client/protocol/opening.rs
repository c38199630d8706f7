//! The opening of a session: HELLO, perhaps CHALLENGE and AUTHENTICATE, then WELCOME or ABORT.

use super::super::error::{Error, shorten};
use super::super::options::Auth;
use crate::messages::{Dict, Id, Message, Uri, known};

/// An opening. It begins with [`hello`]; each message of the router goes to [`Opening::receive`].
#[derive(Debug, Default)]
pub(in super::super) struct Opening {
    /// A challenge has come: there is one for each HELLO.
    challenged: bool,
    over: bool,
}

/// What a message of the router leads to.
#[derive(Debug, PartialEq)]
pub(in super::super) enum Step {
    /// The router wants a proof: this method, these details.
    Prove(String, Dict),
    /// The session is open.
    Welcome(Id, Dict),
    /// The router does not let the client in.
    Refused(Error),
    /// The router breaks the protocol.
    Violation(String),
}

impl Opening {
    /// What a message of the router leads to. After all but a challenge the opening is over.
    pub(in super::super) fn receive(&mut self, message: Message) -> Step {
        let step = match message {
            _ if self.over => Step::Violation("a message after the end of the opening".to_string()),
            Message::Challenge { method, extra } if !self.challenged => {
                self.challenged = true;
                return Step::Prove(method, extra);
            }
            Message::Welcome { session, details } => Step::Welcome(session, details),
            Message::Abort {
                reason, details, ..
            } => {
                let message = shorten(details.str("message").unwrap_or_default());
                Step::Refused(Error::Refused { reason, message })
            }
            other => Step::Violation(format!("{} where WELCOME was due", other.name())),
        };
        self.over = true;
        step
    }
}

/// A proof that cannot be given is as good as a refusal: no other try will do better.
pub(in super::super) fn no_proof(why: &str) -> Error {
    Error::Refused {
        reason: Uri::new(known::NO_MATCHING_AUTH_METHOD)
            .expect("the specification's URIs are valid"),
        message: why.to_string(),
    }
}

/// Who the client is and what it can do. A feature is here if and only if the client has it.
pub(in super::super) fn hello(realm: &Uri, auth: &Auth) -> Message {
    fn features(names: &[&str]) -> Dict {
        let all = names
            .iter()
            .fold(Dict::new(), |all, name| all.with(name, true));
        Dict::new().with("features", all)
    }
    let roles = Dict::new()
        .with(
            "caller",
            features(&[
                "caller_identification",
                "call_canceling",
                "call_timeout",
                "progressive_call_results",
            ]),
        )
        .with(
            "callee",
            features(&[
                "caller_identification",
                "call_canceling",
                "progressive_call_results",
                "shared_registration",
                "pattern_based_registration",
            ]),
        )
        .with(
            "publisher",
            features(&[
                "publisher_identification",
                "publisher_exclusion",
                "subscriber_blackwhite_listing",
            ]),
        )
        .with(
            "subscriber",
            features(&["publisher_identification", "pattern_based_subscription"]),
        );
    let agent = concat!("transparency-middleware-", env!("CARGO_PKG_VERSION"));
    let details = Dict::new().with("agent", agent).with("roles", roles);
    let details = match auth {
        Auth::Anonymous => details,
        Auth::Ticket { authid, .. } => details
            .with("authmethods", vec!["ticket"])
            .with("authid", authid.as_str()),
        Auth::Cra { authid, .. } => details
            .with("authmethods", vec!["wampcra"])
            .with("authid", authid.as_str()),
    };
    Message::Hello {
        realm: realm.clone(),
        details,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn challenge() -> Message {
        Message::Challenge {
            method: "ticket".to_string(),
            extra: Dict::new(),
        }
    }

    fn welcome() -> Message {
        Message::Welcome {
            session: Id::new(1).unwrap(),
            details: Dict::new(),
        }
    }

    #[test]
    fn one_challenge_may_come_before_welcome_and_no_second() {
        let mut opening = Opening::default();
        assert!(matches!(opening.receive(challenge()), Step::Prove(..)));
        assert!(matches!(opening.receive(welcome()), Step::Welcome(..)));
        let mut opening = Opening::default();
        assert!(matches!(opening.receive(challenge()), Step::Prove(..)));
        assert!(matches!(opening.receive(challenge()), Step::Violation(_)));
    }

    #[test]
    fn nothing_is_taken_after_the_end() {
        for last in [
            welcome(),
            Message::Unregistered {
                request: Id::new(1).unwrap(),
            },
        ] {
            let mut opening = Opening::default();
            opening.receive(last);
            assert!(matches!(opening.receive(challenge()), Step::Violation(_)));
            assert!(matches!(opening.receive(welcome()), Step::Violation(_)));
        }
    }

    #[test]
    fn the_words_of_a_router_that_refuses_are_kept_short() {
        let abort = Message::Abort {
            details: Dict::new().with("message", "no ".repeat(50_000)),
            reason: Uri::new("wamp.error.not_authorized").unwrap(),
            payload: crate::messages::Payload::empty(),
        };
        let Step::Refused(Error::Refused { message, .. }) = Opening::default().receive(abort)
        else {
            panic!("it is a refusal");
        };
        assert!(message.len() < 1000, "{} bytes", message.len());
    }
}
