//! No sequence of messages leads to a state that is wrong.

use super::*;

/// What may happen to a realm.
#[derive(Debug, Clone)]
enum Step {
    Join(u64, bool),
    Leave(u64),
    Say(u64, String),
    /// The same, and what it leads to has no form in its receivers' serialization.
    SayInVain(u64, String),
    Wait(u64),
}

fn steps() -> impl Strategy<Value = Step> {
    let sessions = 1..5_u64;
    let ids = 1..9_u64;
    let uris = prop::sample::select(vec![
        "a.b",
        "a.c",
        "a",
        "wamp.session.count",
        "wamp.session.kill_all",
    ]);
    let patterns = prop::sample::select(vec![
        r#"{},"a.b""#,
        r#"{"match":"prefix"},"a""#,
        r#"{"match":"wildcard"},"a.""#,
        r#"{"match":"wildcard"},".b""#,
        r#"{"invoke":"roundrobin"},"a.b""#,
        r#"{"invoke":"random"},"a.b""#,
        r#"{"invoke":"random","force_reregister":true},"a.b""#,
        r#"{"invoke":"last","match":"prefix"},"a""#,
        r#"{},"wamp.session.on_leave""#,
    ]);
    let options = prop::sample::select(vec![
        "{}",
        r#"{"timeout":20}"#,
        r#"{"receive_progress":true,"timeout":50}"#,
        r#"{"disclose_me":true,"acknowledge":true,"exclude_me":false}"#,
        r#"{"mode":"kill"}"#,
        r#"{"mode":"skip"}"#,
        r#"{"progress":true}"#,
        r#"{"receive_progress":true}"#,
    ]);
    let said = (0..16_usize, ids.clone(), ids, uris, patterns, options).prop_map(
        |(which, one, two, uri, pattern, options)| match which {
            0 | 1 => format!("[64,{one},{pattern}]"),
            2 => format!("[66,{one},{two}]"),
            3 => format!("[32,{one},{pattern}]"),
            4 => format!("[34,{one},{two}]"),
            5..8 => format!(r#"[48,{one},{options},"{uri}",[1]]"#),
            8..11 => format!("[70,{one},{options},[2]]"),
            11 => format!(r#"[8,68,{one},{{}},"a.error"]"#),
            12 => format!("[49,{one},{options}]"),
            13 => format!(r#"[16,{one},{options},"{uri}"]"#),
            14 => r#"[6,{},"wamp.close.close_realm"]"#.to_string(),
            _ => format!("[50,{one},{{}}]"),
        },
    );
    prop_oneof![
        3 => (sessions.clone(), any::<bool>()).prop_map(|(who, able)| Step::Join(who, able)),
        1 => sessions.clone().prop_map(Step::Leave),
        20 => (sessions.clone(), said.clone()).prop_map(|(who, text)| Step::Say(who, text)),
        4 => (sessions, said).prop_map(|(who, text)| Step::SayInVain(who, text)),
        1 => (0..30_u64).prop_map(Step::Wait),
    ]
}

/// The calls that wait for their answer, as somebody
/// sees who only reads what goes in and comes out.
#[derive(Default)]
struct Watcher {
    present: HashSet<Id>,
    open: HashSet<(Id, Id)>,
}

impl Watcher {
    fn read(&mut self, out: &Out) {
        for output in out {
            if let Output::Close(to) = output {
                assert!(self.present.remove(to), "{to} is closed twice");
                self.open.retain(|(caller, _)| caller != to);
            }
            for (to, message) in output.sent() {
                assert!(
                    self.present.contains(to),
                    "{to} is sent something and is not there"
                );
                let answered = match &message {
                    Message::Result {
                        request, details, ..
                    } if !details.flag("progress") => Some(*request),
                    Message::Result { request, .. } => {
                        let open = self.open.contains(&(*to, *request));
                        assert!(open, "a part of {request} comes after its end");
                        None
                    }
                    Message::Error {
                        kind: RequestKind::Call,
                        request,
                        ..
                    } => Some(*request),
                    _ => None,
                };
                if let Some(request) = answered {
                    assert!(
                        self.open.remove(&(*to, request)),
                        "{request} is answered twice"
                    );
                }
            }
        }
    }
}

/// Takes back what carries arguments and is not an event, as a serialization that has no form for
/// them does. What comes of that can be sent: the arguments are the router's own.
fn lose(realm: &mut Realm<Id>, output: Output<Id>, out: &mut Out) {
    match output {
        Output::Send(to, message)
            if matches!(
                message,
                Message::Invocation { .. } | Message::Result { .. } | Message::Error { .. }
            ) =>
        {
            let reason = known::INVALID_ARGUMENT;
            realm.undeliverable(to, &message, reason, "no form", out);
        }
        other => out.push(other),
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(500))]

    #[test]
    fn no_sequence_of_messages_leaves_a_ghost_or_an_unanswered_call(
        steps in prop::collection::vec(steps(), 1..120),
    ) {
        let mut realm = realm();
        let mut watcher = Watcher::default();
        let mut now = Duration::ZERO;
        let mut unique = HashSet::new();
        for step in steps {
            let mut out = Vec::new();
            match step {
                Step::Join(who, able) => {
                    if watcher.present.insert(id(who)) {
                        let role = if who == 1 { "admin" } else { "anonymous" };
                        let details = if able { ALL_FEATURES } else { "{}" };
                        out = join(&mut realm, who, role, details);
                    }
                }
                Step::Leave(who) => realm.leave(id(who), &mut out),
                Step::Say(who, ref text) | Step::SayInVain(who, ref text) => {
                    let in_vain = matches!(step, Step::SayInVain(..));
                    let message = Message::from_json(text).unwrap();
                    if let (Message::Call { request, .. }, true) =
                        (&message, watcher.present.contains(&id(who)))
                    {
                        watcher.open.insert((id(who), *request));
                    }
                    realm.receive(id(who), message, now, &mut out);
                    if in_vain {
                        let sent = std::mem::take(&mut out);
                        for output in sent {
                            lose(&mut realm, output, &mut out);
                        }
                    }
                }
                Step::Wait(millis) => {
                    now += Duration::from_millis(millis);
                    realm.expire(now, &mut out);
                    prop_assert!(realm.next_deadline().is_none_or(|next| next > now));
                }
            }
            watcher.read(&out);
            check(&realm);
            // What the realm thinks is in flight is what an onlooker sees waiting, and no more.
            prop_assert_eq!(realm.calls_under_way(), watcher.open.len());
            for output in &out {
                if let Output::Send(_, Message::Published { publication, .. }) = output {
                    prop_assert!(unique.insert(*publication));
                }
            }
        }
        let mut out = Vec::new();
        realm.close(known::SYSTEM_SHUTDOWN, &mut out);
        watcher.read(&out);
        prop_assert!(watcher.present.is_empty() && watcher.open.is_empty());
        prop_assert!(realm.is_empty() && realm.calls_under_way() == 0);
        prop_assert_eq!(realm.next_deadline(), None);
        realm.dealer.check(|_, _| false);
        realm.broker.check(|_, _| false);
    }
}
