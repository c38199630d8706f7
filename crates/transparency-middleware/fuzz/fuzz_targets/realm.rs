//! Any messages from any sessions: no panic, each call answered at most once and never after it is closed, nobody
//! is sent anything who is not there, and nothing is left when all have gone.

#![no_main]

use std::collections::HashSet;
use std::time::Duration;

use libfuzzer_sys::fuzz_target;
use transparency_middleware::messages::{Dict, Id, Message, RequestKind};
use transparency_middleware::realm::{Identity, Limits, Output, Realm, Rights, Roles};

/// A session's number, what it does, and the text of a message.
type Step = (u8, u8, String);

fuzz_target!(|steps: Vec<Step>| {
    let roles = Roles::from([("anonymous".to_string(), Rights::all())]);
    let limits = Limits {
        calls: 8,
        invocations: 8,
        registrations: 8,
        subscriptions: 8,
    };
    let mut realm = Realm::new(limits, roles, [1; 32]);
    let mut present = HashSet::new();
    let mut open = HashSet::new();
    let mut now = Duration::ZERO;
    for (who, what, text) in steps {
        let id = Id::new(u64::from(who % 4) + 1).expect("from 1 to 4");
        let mut out = Vec::new();
        match what % 8 {
            0 => {
                if present.insert(id) {
                    let identity = Identity {
                        authid: id.to_string(),
                        authrole: "anonymous".to_string(),
                        authmethod: "anonymous".to_string(),
                        authprovider: "static".to_string(),
                    };
                    realm.join(id, id, identity, &Dict::new(), &mut out);
                }
            }
            1 => realm.leave(id, &mut out),
            2 => {
                now += Duration::from_millis(u64::from(what));
                realm.expire(now, &mut out);
            }
            _ => {
                if let Ok(message) = Message::from_json(&text) {
                    if let (Message::Call { request, .. }, true) = (&message, present.contains(&id)) {
                        open.insert((id, *request));
                    }
                    realm.receive(id, message, now, &mut out);
                }
            }
        }
        for output in out {
            if let Output::Close(to) = output {
                assert!(present.remove(&to), "closed twice");
                open.retain(|(caller, _)| *caller != to);
                continue;
            }
            for (to, message) in output.sent() {
                assert!(present.contains(to), "sent to nobody");
                let request = match message {
                    Message::Result { request, details, .. } if !details.flag("progress") => request,
                    Message::Error { kind: RequestKind::Call, request, .. } => request,
                    _ => continue,
                };
                assert!(open.remove(&(*to, *request)), "answered twice");
            }
        }
        assert_eq!(realm.calls_under_way(), open.len());
        assert_eq!(realm.len(), present.len());
    }
});
