//! Any messages from any sessions: no panic, each call answered exactly once unless its caller has
//! gone, nobody is sent anything who is not there, no callee is called that has left, what is held
//! stays within the limits, and nothing is left when all have gone.

#![no_main]

use std::collections::HashSet;
use std::time::Duration;

use libfuzzer_sys::arbitrary::{self, Arbitrary};
use libfuzzer_sys::fuzz_target;
use transparency_middleware::messages::{Dict, Id, Message, RequestKind, Value};
use transparency_middleware::realm::{Identity, Limits, Output, Realm, Permissions, Roles};

/// Few sessions, ids and names, so that they meet.
const SESSIONS: u8 = 5;
const IDS: u8 = 12;
const LIMITS: Limits = Limits {
    calls: 6,
    invocations: 8,
    registrations: 5,
    subscriptions: 5,
    patterns: 4,
};

#[derive(Arbitrary, Debug)]
enum Step {
    Join { who: u8, able: bool },
    Leave { who: u8 },
    Wait { millis: u8 },
    Say { who: u8, what: u8, one: u8, two: u8, name: u8, options: u8 },
    /// Any text, which is a message once in a while.
    Text { who: u8, text: String },
}

const NAMES: [&str; 10] = [
    "a.b", "a.b.c", "b", "a", "wamp.session.count", "wamp.session.list", "wamp.session.get", "wamp.session.kill",
    "wamp.session.kill_all", "wamp.session.on_leave",
];

const PATTERNS: [&str; 12] = [
    r#"{},"a.b""#,
    r#"{},"b""#,
    r#"{"match":"prefix"},"a""#,
    r#"{"match":"prefix","disclose_caller":true},"a.b""#,
    r#"{"match":"wildcard"},"a.""#,
    r#"{"match":"wildcard"},".b""#,
    r#"{"match":"wildcard","invoke":"random"},"""#,
    r#"{"invoke":"roundrobin"},"a.b""#,
    r#"{"invoke":"first"},"a.b""#,
    r#"{"invoke":"last","match":"prefix"},"a""#,
    r#"{},"wamp.session.on_leave""#,
    r#"{"match":"prefix"},"wamp.""#,
];

const OPTIONS: [&str; 12] = [
    "{}",
    r#"{"timeout":20}"#,
    r#"{"timeout":9007199254740992}"#,
    r#"{"receive_progress":true,"timeout":50}"#,
    r#"{"disclose_me":true,"acknowledge":true,"exclude_me":false}"#,
    r#"{"acknowledge":true,"exclude":[1,2],"eligible":[2,3]}"#,
    r#"{"eligible_authid":["3"],"exclude_authrole":["anonymous"]}"#,
    r#"{"mode":"kill"}"#,
    r#"{"mode":"skip"}"#,
    r#"{"mode":"killnowait"}"#,
    r#"{"progress":true}"#,
    r#"{"enc_algo":"mqtt"}"#,
];

fn text_of(what: u8, one: u8, two: u8, name: u8, options: u8) -> String {
    let (one, two) = (one % IDS + 1, two % IDS + 1);
    let name_of = NAMES[usize::from(name) % NAMES.len()];
    let pattern = PATTERNS[usize::from(name) % PATTERNS.len()];
    let options = OPTIONS[usize::from(options) % OPTIONS.len()];
    match what % 18 {
        0 | 1 => format!("[64,{one},{pattern}]"),
        2 => format!("[66,{one},{two}]"),
        3 => format!("[32,{one},{pattern}]"),
        4 => format!("[34,{one},{two}]"),
        5..8 => format!(r#"[48,{one},{options},"{name_of}",[{two}]]"#),
        8..11 => format!("[70,{one},{options},[2]]"),
        11 => format!(r#"[8,68,{one},{{}},"a.error"]"#),
        12 => format!("[49,{one},{options}]"),
        13 => format!(r#"[16,{one},{options},"{name_of}"]"#),
        14 => r#"[6,{},"wamp.close.close_realm"]"#.to_string(),
        15 => format!(r#"[48,{one},{{"enc_algo":"mqtt"}},"{name_of}","sealed"]"#),
        16 => format!(r#"[70,{one},{{"enc_algo":"mqtt"}},"sealed"]"#),
        _ => format!("[50,{one},{{}}]"),
    }
}

/// What somebody knows who only sees what goes in and what comes out.
#[derive(Default)]
struct Watcher {
    present: HashSet<Id>,
    /// Calls that wait for their answer: caller, request.
    open: HashSet<(Id, Id)>,
    /// Registrations that a session holds, as it was told.
    held: HashSet<(Id, Id)>,
    /// UNREGISTER that is not answered yet: session, request, registration.
    leaving: HashSet<(Id, Id, Id)>,
}

impl Watcher {
    fn sees(&mut self, output: &Output<Id>) {
        if let Output::Close(to) = output {
            assert!(self.present.remove(to), "{to} is closed twice");
            self.open.retain(|(caller, _)| caller != to);
            self.held.retain(|(callee, _)| callee != to);
            self.leaving.retain(|(callee, _, _)| callee != to);
        }
        for (to, message) in output.sent() {
            assert!(self.present.contains(to), "{to} is sent something and is not there");
            match message {
                Message::Result { request, details, .. } if !details.flag("progress") => {
                    assert!(self.open.remove(&(*to, *request)), "{request} of {to} is answered twice");
                }
                Message::Result { request, .. } => {
                    assert!(self.open.contains(&(*to, *request)), "a part of {request} comes after its end");
                }
                Message::Error { kind: RequestKind::Call, request, .. } => {
                    assert!(self.open.remove(&(*to, *request)), "{request} of {to} is answered twice");
                }
                Message::Registered { registration, .. } => {
                    self.held.insert((*to, *registration));
                }
                Message::Unregistered { request } => {
                    let ended = self.leaving.iter().find(|(who, asked, _)| (who, asked) == (to, request));
                    let ended = *ended.expect("an UNREGISTERED that nobody asked for");
                    self.leaving.remove(&ended);
                    self.held.remove(&(ended.0, ended.2));
                }
                Message::Error { kind: RequestKind::Unregister, request, .. } => {
                    self.leaving.retain(|(who, asked, _)| (who, asked) != (to, request));
                }
                Message::Invocation { registration, .. } => {
                    assert!(self.held.contains(&(*to, *registration)), "{to} is a ghost callee of {registration}");
                }
                _ => {}
            }
        }
    }
}

fuzz_target!(|steps: Vec<Step>| {
    let roles = Roles::from([("anonymous".to_string(), Permissions::all())]);
    let mut realm = Realm::new(LIMITS, roles, [1; 32]);
    let mut watcher = Watcher::default();
    let mut now = Duration::ZERO;
    let features: Value = ["call_canceling", "call_timeout", "progressive_call_results"]
        .iter()
        .fold(Dict::new(), |all, name| all.with(name, true))
        .into();
    let able_details = Dict::new().with("roles", Dict::new().with("callee", Dict::new().with("features", features)));
    let session = |who: u8| Id::new(u64::from(who % SESSIONS) + 1).expect("ids begin at 1");
    for step in steps {
        let mut out = Vec::new();
        let mut receive = |who: Id, text: &str, watcher: &mut Watcher| {
            let Ok(message) = Message::from_json(text) else {
                return;
            };
            if watcher.present.contains(&who) {
                match &message {
                    Message::Call { request, .. } => {
                        watcher.open.insert((who, *request));
                    }
                    Message::Unregister { request, registration } => {
                        watcher.leaving.insert((who, *request, *registration));
                    }
                    _ => {}
                }
            }
            realm.receive(who, message, now, &mut out);
        };
        match step {
            Step::Say { who, what, one, two, name, options } => {
                receive(session(who), &text_of(what, one, two, name, options), &mut watcher);
            }
            Step::Text { who, text } => receive(session(who), &text, &mut watcher),
            Step::Join { who, able } => {
                let id = session(who);
                if watcher.present.insert(id) {
                    let identity = Identity {
                        authid: id.to_string(),
                        authrole: "anonymous".to_string(),
                        authmethod: "anonymous".to_string(),
                        authprovider: "static".to_string(),
        transport: Dict::new(),
                    };
                    let details = if able { able_details.clone() } else { Dict::new() };
                    realm.join(id, id, identity, &details, &mut out);
                }
            }
            Step::Leave { who } => realm.leave(session(who), &mut out),
            Step::Wait { millis } => {
                now += Duration::from_millis(millis.into());
                realm.expire(now, &mut out);
                assert!(realm.next_deadline().is_none_or(|next| next > now));
            }
        }
        for output in &out {
            watcher.sees(output);
        }
        // What the realm thinks is in flight is what an onlooker sees waiting, and no more.
        assert_eq!(realm.calls_under_way(), watcher.open.len());
        assert_eq!(realm.len(), watcher.present.len());
        assert!(watcher.open.len() <= usize::from(SESSIONS) * LIMITS.calls);
        assert!(watcher.held.len() <= usize::from(SESSIONS) * LIMITS.registrations);
    }
    let mut out = Vec::new();
    realm.close("wamp.close.system_shutdown", &mut out);
    for output in &out {
        watcher.sees(output);
    }
    assert!(watcher.present.is_empty() && watcher.open.is_empty() && watcher.held.is_empty());
    assert!(realm.is_empty() && realm.calls_under_way() == 0 && realm.next_deadline().is_none());
});
