//! No message takes long, and what is left is done in steps.

use super::*;
use crate::realm::patterns::MAX_NODES;
use crate::realm::tasks::STEP;

/// The most that one message may do at once, in look-ups and
/// the like: some 100 ns each at worst, in an optimized build.
///
/// A URI is compared with each node of the trie of wildcards at worst, and those that match are
/// collected; that is all which the limits allow to be more than a step.
const MOST: usize = 2 * MAX_NODES + 2 * Uri::MAX_LENGTH + 3 * STEP;

/// A realm with the limits that a router has.
fn full() -> Realm<Id> {
    Realm::new(Limits::default(), roles(), [7; 32])
}

/// Lets a session say something, and does all that is left in steps. Gives the most work that one
/// of them was, and what came out in all.
fn measured(realm: &mut Realm<Id>, from: u64, text: &str) -> (usize, Out) {
    let message = Message::from_json(text).unwrap();
    measured_step(realm, |realm, out| {
        realm.receive(id(from), message, Duration::ZERO, out);
    })
}

fn measured_step(
    realm: &mut Realm<Id>,
    does: impl FnOnce(&mut Realm<Id>, &mut Out),
) -> (usize, Out) {
    let (mut all, mut out) = (Vec::new(), Vec::new());
    let before = realm.work;
    does(realm, &mut out);
    let mut most = realm.work - before;
    for _ in 0..1_000_000 {
        // Each message that is sent is work for the one who sends it.
        let sent: usize = out.iter().map(|output| output.sent().len()).sum();
        most = most.max(sent);
        all.append(&mut out);
        if realm.tasks.is_empty() {
            return (most, all);
        }
        let before = realm.work;
        realm.proceed(&mut out);
        most = most.max(realm.work - before);
    }
    panic!("it does not end");
}

fn events(out: &Out) -> usize {
    let sent = out.iter().flat_map(Output::sent);
    sent.filter(|(_, message)| matches!(message, Message::Event { .. }))
        .count()
}

#[test]
fn a_topic_that_matches_all_patterns_of_many_sessions_is_published_in_steps() {
    let mut realm = full();
    let longest = "a".repeat(Uri::MAX_LENGTH);
    for session in 1..=20 {
        join(&mut realm, session, "anonymous", "{}");
        for length in 1..=Uri::MAX_LENGTH {
            let text = format!(
                r#"[32,{length},{{"match":"prefix"}},"{}"]"#,
                &longest[..length]
            );
            measured(&mut realm, session, &text);
        }
        assert_eq!(realm.sessions[&id(session)].patterns, 1000);
    }
    let (most, out) = measured(&mut realm, 1, &format!(r#"[16,1,{{}},"{longest}"]"#));
    assert_eq!(events(&out), 19 * 1000);
    assert!(most <= MOST, "{most}");
    // Each serialization of it is made once: the two forms of the event are shared by all.
    let forms: HashSet<_> = out
        .iter()
        .filter_map(|output| match output {
            Output::Event(_, _, event) => Some(std::sync::Arc::as_ptr(event)),
            _ => None,
        })
        .collect();
    assert_eq!(forms.len(), 1);
}

#[test]
fn wildcards_that_all_match_are_bounded_in_the_realm() {
    let mut realm = full();
    let mut refused = 0;
    for session in 1..=40_u64 {
        join(&mut realm, session, "anonymous", "{}");
        for number in 0..80_u64 {
            // Each component is given or not, by the bits of a number.
            let bits = session * 80 + number;
            let parts: Vec<&str> = (0..12)
                .map(|bit| if bits >> bit & 1 == 1 { "a" } else { "" })
                .collect();
            let text = format!(r#"[32,1,{{"match":"wildcard"}},"{}"]"#, parts.join("."));
            let (_, out) = measured(&mut realm, session, &text);
            refused += usize::from(matches!(out[0], Output::Send(_, Message::Error { .. })));
        }
    }
    assert!(refused < 40 * 80 / 2, "{refused} are refused");
    let topic = ["a"; 12].join(".");
    let (most, out) = measured(
        &mut realm,
        1,
        &format!(r#"[16,1,{{"exclude_me":false}},"{topic}"]"#),
    );
    assert_eq!(events(&out), 40 * 80 - refused);
    assert!(most <= MOST, "{most}");
    let long = ["a"; 33].join(".");
    let said = say_unchecked(
        &mut realm,
        1,
        &format!(r#"[32,1,{{"match":"wildcard"}},"{long}"]"#),
    );
    assert!(said[0].contains("at most 32 components"), "{said:?}");
}

fn say_unchecked(realm: &mut Realm<Id>, from: u64, text: &str) -> Vec<String> {
    shown(&measured(realm, from, text).1)
}

#[test]
fn a_session_with_all_that_the_limits_allow_leaves_in_steps_and_nothing_of_it_stays() {
    let mut realm = full();
    for session in 1..=3 {
        join(&mut realm, session, "anonymous", ALL_FEATURES);
    }
    for number in 1..=10_000 {
        for text in [
            format!(r#"[64,{number},{{}},"com.p{number}"]"#),
            format!(r#"[32,{number},{{}},"com.t{number}"]"#),
        ] {
            measured(&mut realm, 1, &text);
        }
        // Calls of its own, and those that it has to answer.
        for caller in [1, 2, 3] {
            let text = format!(r#"[48,{number},{{"timeout":60000}},"com.p{number}"]"#);
            measured(&mut realm, caller, &text);
        }
    }
    assert_eq!(realm.calls_under_way(), 30_000);
    let held: usize = realm.holders().map(|(_, held)| held).sum();
    assert!(held > realm.held() && realm.held() > 12_000_000);
    let (most, out) = measured_step(&mut realm, |realm, out| realm.leave(id(1), out));
    assert!(most <= MOST, "{most}");
    let answered = out.iter().flat_map(Output::sent).count();
    assert_eq!(answered, 20_000, "each call of the others is answered");
    assert_eq!((realm.calls_under_way(), realm.held()), (0, 0));
    check(&realm);
}

#[test]
fn while_a_session_leaves_in_steps_its_procedures_are_free_and_its_callers_find_others() {
    let mut realm = full();
    for session in 1..=3 {
        join(&mut realm, session, "anonymous", ALL_FEATURES);
    }
    for number in 1..=5000 {
        say_unchecked(
            &mut realm,
            1,
            &format!(r#"[64,{number},{{}},"com.p{number}"]"#),
        );
    }
    for session in [1, 2] {
        let shared = r#"[64,5001,{"invoke":"roundrobin"},"com.shared"]"#;
        say_unchecked(&mut realm, session, shared);
    }
    let mut out = Vec::new();
    realm.leave(id(1), &mut out);
    assert!(
        !realm.is_done(realm.ticket()),
        "it is to take more than a step"
    );
    let mut said = Vec::new();
    for request in 1..=4 {
        let message = Message::from_json(&format!(r#"[48,{request},{{}},"com.shared"]"#)).unwrap();
        realm.receive(id(3), message, Duration::ZERO, &mut said);
    }
    assert!(
        shown(&said).iter().all(|said| said.starts_with("2 [68,")),
        "{:?}",
        shown(&said)
    );
    let mut said = Vec::new();
    for number in 1..=5000 {
        let text = format!(r#"[64,{number},{{}},"com.p{number}"]"#);
        realm.receive(
            id(3),
            Message::from_json(&text).unwrap(),
            Duration::ZERO,
            &mut said,
        );
    }
    assert!(shown(&said).iter().all(|said| said.starts_with("3 [65,")));
    measured_step(&mut realm, |_, _| {});
    check(&realm);
}

#[test]
fn meta_procedures_cost_no_more_with_many_sessions_or_long_lists() {
    let mut realm = full();
    for session in 1..=3000 {
        join(&mut realm, session, "admin", "{}");
        if session % 2 == 0 {
            measured(&mut realm, session, r#"[32,1,{},"wamp.session.on_leave"]"#);
        }
    }
    let names = [r#""a""#; 4000].join(",");
    for (procedure, args) in [
        ("count", format!("[{names}]")),
        ("list", format!("[{names}]")),
        ("list", "null".to_string()),
        ("kill_by_authid", r#""nobody""#.to_string()),
    ] {
        let text = format!(r#"[48,1,{{}},"wamp.session.{procedure}",[{args}]]"#);
        let (most, out) = measured(&mut realm, 1, &text);
        assert!(
            matches!(out[0], Output::Send(_, Message::Result { .. })),
            "{out:?}"
        );
        assert!(most <= STEP, "{procedure}: {most}");
    }
    let (most, out) = measured(&mut realm, 1, r#"[48,1,{},"wamp.session.kill_all"]"#);
    assert!(most <= MOST, "{most}");
    assert_eq!(realm.len(), 1);
    assert!(matches!(out[0], Output::Send(_, Message::Result { .. })));
    check(&realm);
}

#[test]
fn calls_whose_time_is_over_end_in_steps() {
    let mut realm = full();
    join(&mut realm, 1, "anonymous", "{}");
    measured(&mut realm, 1, r#"[64,1,{},"com.slow"]"#);
    for number in 1..=10_000 {
        measured(
            &mut realm,
            1,
            &format!(r#"[48,{number},{{"timeout":5}},"com.slow"]"#),
        );
    }
    let now = Duration::from_secs(1);
    for _ in 0..10_000 / STEP + 1 {
        let (most, _) = measured_step(&mut realm, |realm, out| realm.expire(now, out));
        assert!(most <= 2 * STEP, "{most}");
    }
    assert_eq!((realm.calls_under_way(), realm.next_deadline()), (0, None));
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(20))]

    /// Looks for costly messages: any patterns, shared by any sessions, and any topic or procedure.
    #[test]
    fn no_message_is_costly_whatever_is_subscribed_and_registered(
        patterns in prop::collection::vec(
            ("[ab]{0,1}(\\.[ab]{0,1}){0,14}", prop::sample::select(vec!["exact", "prefix", "wildcard"])),
            1..400,
        ),
        said in prop::collection::vec(("[ab](\\.[ab]){0,14}", 0..4_u8), 1..20),
    ) {
        let mut realm = full();
        for session in 1..=30 {
            join(&mut realm, session, "admin", ALL_FEATURES);
        }
        let mut most = 0;
        for ((text, policy), request) in patterns.iter().zip(1..) {
            for session in [1 + request % 30, 1 + request % 7, 1 + request % 2] {
                for text in [
                    format!(r#"[32,{request},{{"match":"{policy}"}},"{text}"]"#),
                    format!(r#"[64,{request},{{"match":"{policy}","invoke":"roundrobin"}},"{text}"]"#),
                ] {
                    if let Ok(message) = Message::from_json(&text) {
                        most = most.max(measured_step(&mut realm, |realm, out| {
                            realm.receive(id(session), message, Duration::ZERO, out);
                        }).0);
                    }
                }
            }
        }
        for ((uri, what), request) in said.iter().zip(1..) {
            let text = match what {
                0 => format!(r#"[16,{request},{{"acknowledge":true}},"{uri}"]"#),
                1 => format!(r#"[48,{request},{{"timeout":10}},"{uri}"]"#),
                2 => format!(r#"[64,{request},{{"force_reregister":true}},"{uri}"]"#),
                _ => format!(r#"[48,{request},{{}},"wamp.session.kill",[{}]]"#, 2 + request % 29),
            };
            most = most.max(measured(&mut realm, 1, &text).0);
        }
        prop_assert!(most <= MOST, "{most}");
        for session in 1..=30 {
            most = most.max(measured_step(&mut realm, |realm, out| realm.leave(id(session), out)).0);
        }
        prop_assert!(most <= MOST, "{most}");
        prop_assert_eq!(realm.held(), 0);
        check(&realm);
    }
}
