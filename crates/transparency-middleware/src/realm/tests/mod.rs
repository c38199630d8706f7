//! The realm with sessions that are only numbers: what goes in, what comes out, and that no
//! sequence of messages leads to a state that is wrong.
//!
//! | module | tests |
//! |---|---|
//! | [`bounds`] | No message takes long, and what is left is done in steps |
//! | [`calls`] | Calls: routed, shared, canceled, timed out, in parts |
//! | [`events`] | Events, and what the realm tells of its sessions |
//! | [`sequences`] | No sequence of messages leads to a state that is wrong |
//! | [`sessions`] | Sessions: breaches, ends, limits, and what cannot be translated |

mod bounds;
mod calls;
mod events;
mod sequences;
mod sessions;

use std::collections::HashSet;

use proptest::prelude::*;

use super::*;
use crate::messages::{Match, Value};

type Out = Vec<Output<Id>>;

fn id(number: u64) -> Id {
    Id::new(number).unwrap()
}

fn roles() -> Roles {
    let reader = Permissions::new(vec![Rule {
        uri: "com.".to_string(),
        match_policy: Match::Prefix,
        allow: vec![Action::Call, Action::Subscribe],
    }]);
    let mut admin = vec![Rule {
        uri: "wamp.session.".to_string(),
        match_policy: Match::Prefix,
        allow: vec![Action::Call],
    }];
    admin.push(Rule {
        uri: String::new(),
        match_policy: Match::Prefix,
        allow: vec![
            Action::Call,
            Action::Register,
            Action::Publish,
            Action::Subscribe,
        ],
    });
    Roles::from([
        ("anonymous".to_string(), Permissions::all()),
        ("reader".to_string(), reader),
        ("admin".to_string(), Permissions::new(admin)),
    ])
}

fn realm() -> Realm<Id> {
    let limits = Limits {
        calls: 6,
        invocations: 8,
        registrations: 5,
        subscriptions: 5,
        patterns: 4,
    };
    Realm::new(limits, roles(), [7; 32])
}

const ALL_FEATURES: &str = r#"{"roles":{"callee":{"features":{"call_canceling":true,
    "call_timeout":true,"progressive_call_results":true}}}}"#;

fn join(realm: &mut Realm<Id>, number: u64, role: &str, details: &str) -> Out {
    let mut out = Vec::new();
    let identity = Identity {
        authid: format!("user{number}"),
        authrole: role.to_string(),
        authmethod: "anonymous".to_string(),
        authprovider: "static".to_string(),
        transport: Dict::new(),
    };
    let details: Dict = serde_json::from_str(details).unwrap();
    realm.join(id(number), id(number), identity, &details, &mut out);
    out
}

/// A realm with anonymous sessions 1 to `count` with all features.
fn with_sessions(count: u64) -> Realm<Id> {
    let mut realm = realm();
    for number in 1..=count {
        join(&mut realm, number, "anonymous", ALL_FEATURES);
    }
    realm
}

fn shown(out: &Out) -> Vec<String> {
    out.iter()
        .flat_map(|output| match output {
            Output::Close(to) => vec![format!("{to} closed")],
            _ => output
                .sent()
                .iter()
                .map(|(to, message)| format!("{to} {}", message.to_json().unwrap()))
                .collect(),
        })
        .collect()
}

/// What comes out when a session says something, at a time in milliseconds.
fn at(realm: &mut Realm<Id>, millis: u64, from: u64, text: &str) -> Vec<String> {
    let mut out = Vec::new();
    let message = Message::from_json(text).unwrap();
    realm.receive(id(from), message, Duration::from_millis(millis), &mut out);
    check(realm);
    shown(&out)
}

fn say(realm: &mut Realm<Id>, from: u64, text: &str) -> Vec<String> {
    at(realm, 0, from, text)
}

fn leave(realm: &mut Realm<Id>, number: u64) -> Vec<String> {
    let mut out = Vec::new();
    realm.leave(id(number), &mut out);
    check(realm);
    shown(&out)
}

/// Everything that has to hold after every step.
fn check(realm: &Realm<Id>) {
    let mut invocations = 0;
    let mut deadlines = Deadlines::new();
    for (id, session) in &realm.sessions {
        invocations += session.invocations.len();
        for (request, (callee, invocation)) in &session.calls {
            let entry = &realm.sessions[callee].invocations[invocation];
            assert_eq!((entry.caller(), entry.request()), (*id, *request));
        }
        for (invocation, entry) in &session.invocations {
            let caller = &realm.sessions[&entry.caller()];
            assert_eq!(caller.calls[&entry.request()], (*id, *invocation));
            deadlines.extend(
                entry
                    .deadline()
                    .map(|deadline| (deadline, *id, *invocation)),
            );
        }
        for registration in &session.registrations {
            assert!(
                realm
                    .dealer
                    .callees(*registration)
                    .any(|callee| callee == *id)
            );
        }
        for subscription in &session.subscriptions {
            assert!(
                realm
                    .broker
                    .subscribers(*subscription)
                    .any(|one| one == *id)
            );
        }
        assert!(session.patterns <= realm.limits.patterns);
        assert!(session.calls.len() <= realm.limits.calls);
        assert!(session.invocations.len() <= realm.limits.invocations);
        assert!(session.registrations.len() <= realm.limits.registrations);
        assert!(session.subscriptions.len() <= realm.limits.subscriptions);
    }
    assert!(
        realm.tasks.is_empty(),
        "the limits are small: all is done at once"
    );
    let held = realm.sessions.values().map(|session| session.held);
    assert_eq!(realm.held, held.sum::<usize>());
    assert_eq!(realm.by_role.values().sum::<usize>(), realm.sessions.len());
    assert_eq!(realm.dealer.invocations, invocations);
    assert_eq!(realm.dealer.deadlines, deadlines);
    realm.dealer.check(|callee, registration| {
        realm.sessions[&callee]
            .registrations
            .contains(&registration)
    });
    realm.broker.check(|subscriber, subscription| {
        realm.sessions[&subscriber]
            .subscriptions
            .contains(&subscription)
    });
}
