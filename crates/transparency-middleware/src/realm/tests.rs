//! The realm with sessions that are only numbers: what goes in, what comes out, and that no sequence of
//! messages leads to a state that is wrong.

use std::collections::HashSet;

use proptest::prelude::*;

use super::*;
use crate::messages::{Match, Value};

type Out = Vec<Output<Id>>;

fn id(number: u64) -> Id {
    Id::new(number).unwrap()
}

fn roles() -> Roles {
    let reader = Rights::new(vec![Rule {
        uri: "com.".to_string(),
        matching: Match::Prefix,
        allow: vec![Action::Call, Action::Subscribe],
    }]);
    let mut admin = vec![Rule {
        uri: "wamp.session.".to_string(),
        matching: Match::Prefix,
        allow: vec![Action::Call],
    }];
    admin.push(Rule {
        uri: String::new(),
        matching: Match::Prefix,
        allow: vec![
            Action::Call,
            Action::Register,
            Action::Publish,
            Action::Subscribe,
        ],
    });
    Roles::from([
        ("anonymous".to_string(), Rights::all()),
        ("reader".to_string(), reader),
        ("admin".to_string(), Rights::new(admin)),
    ])
}

fn realm() -> Realm<Id> {
    let limits = Limits {
        calls: 6,
        invocations: 8,
        registrations: 5,
        subscriptions: 5,
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
        assert!(session.calls.len() <= realm.limits.calls);
        assert!(session.invocations.len() <= realm.limits.invocations);
        assert!(session.registrations.len() <= realm.limits.registrations);
        assert!(session.subscriptions.len() <= realm.limits.subscriptions);
    }
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

#[test]
fn a_call_goes_to_its_callee_and_the_answer_to_its_caller() {
    let mut realm = with_sessions(2);
    let said = say(&mut realm, 1, r#"[64,1,{},"com.add"]"#);
    assert_eq!(said, ["1 [65,1,1]"]);
    let said = say(&mut realm, 2, r#"[48,9,{},"com.add",[2, 3],{"k": 1}]"#);
    assert_eq!(said, [r#"1 [68,1,1,{},[2, 3],{"k": 1}]"#]);
    let said = say(&mut realm, 1, "[70,1,{},[5]]");
    assert_eq!(said, ["2 [50,9,{},[5]]"]);
    // A second answer to the same invocation is nobody's.
    assert!(say(&mut realm, 1, "[70,1,{},[6]]").is_empty());
    assert!(say(&mut realm, 1, r#"[8,68,1,{},"com.error"]"#).is_empty());
}

#[test]
fn an_error_of_the_callee_reaches_the_caller_with_its_arguments() {
    let mut realm = with_sessions(2);
    say(&mut realm, 1, r#"[64,1,{},"com.add"]"#);
    say(&mut realm, 2, r#"[48,9,{},"com.add"]"#);
    let said = say(&mut realm, 1, r#"[8,68,1,{},"com.error",["why"],{"n":1}]"#);
    assert_eq!(said, [r#"2 [8,48,9,{},"com.error",["why"],{"n":1}]"#]);
}

#[test]
fn calls_that_cannot_be_are_answered_at_once() {
    let mut realm = with_sessions(1);
    join(&mut realm, 2, "reader", ALL_FEATURES);
    for (from, text, wanted) in [
        (1, r#"[48,1,{},"com.none"]"#, "wamp.error.no_such_procedure"),
        (
            1,
            r#"[48,1,{},"wamp.none"]"#,
            "wamp.error.no_such_procedure",
        ),
        (
            1,
            r#"[48,1,{"progress":true},"com.none"]"#,
            "wamp.error.option_not_allowed",
        ),
        (2, r#"[48,1,{},"org.none"]"#, "wamp.error.not_authorized"),
        (2, r#"[64,1,{},"com.add"]"#, "wamp.error.not_authorized"),
        (
            2,
            r#"[32,1,{"match":"prefix"},"co"]"#,
            "wamp.error.not_authorized",
        ),
        (
            2,
            r#"[16,1,{"acknowledge":true},"com.add"]"#,
            "wamp.error.not_authorized",
        ),
        (
            1,
            r#"[64,1,{},"wamp.session.count"]"#,
            "wamp.error.invalid_uri",
        ),
        (
            1,
            r#"[16,1,{"acknowledge":true},"wamp.x"]"#,
            "wamp.error.invalid_uri",
        ),
        (1, "[66,1,77]", "wamp.error.no_such_registration"),
        (1, "[34,1,77]", "wamp.error.no_such_subscription"),
    ] {
        let said = say(&mut realm, from, text);
        assert_eq!(said.len(), 1, "{text}");
        assert!(said[0].contains(wanted), "{text}: {said:?}");
    }
    // Without acknowledge a publisher hears nothing.
    assert!(say(&mut realm, 2, r#"[16,1,{},"com.add"]"#).is_empty());
}

#[test]
fn shared_registrations_are_served_as_they_say() {
    for (invoke, wanted) in [
        ("first", vec![1, 1, 1, 1]),
        ("last", vec![3, 3, 3, 3]),
        ("roundrobin", vec![1, 2, 3, 1]),
    ] {
        let mut realm = with_sessions(4);
        for callee in 1..=3 {
            let text = format!(r#"[64,1,{{"invoke":"{invoke}"}},"com.add"]"#);
            assert_eq!(
                say(&mut realm, callee, &text),
                [format!("{callee} [65,1,1]")]
            );
        }
        let other = say(&mut realm, 4, r#"[64,1,{},"com.add"]"#);
        assert!(other[0].contains("procedure_already_exists"), "{other:?}");
        let chosen: Vec<u64> = (1..=4)
            .map(|request| {
                let said = say(&mut realm, 4, &format!(r#"[48,{request},{{}},"com.add"]"#));
                said[0].split(' ').next().unwrap().parse().unwrap()
            })
            .collect();
        assert_eq!(chosen, wanted, "{invoke}");
    }
    let mut realm = with_sessions(3);
    for callee in 1..=2 {
        say(
            &mut realm,
            callee,
            r#"[64,1,{"invoke":"random"},"com.add"]"#,
        );
    }
    let mut chosen = HashSet::new();
    for request in 1..=64 {
        let said = say(&mut realm, 3, &format!(r#"[48,{request},{{}},"com.add"]"#));
        let callee: u64 = said[0].split(' ').next().unwrap().parse().unwrap();
        let invocation = said[0].split(['[', ',']).nth(2).unwrap();
        say(&mut realm, callee, &format!("[70,{invocation},{{}}]"));
        chosen.insert(callee);
    }
    assert_eq!(chosen, HashSet::from([1, 2]));
}

#[test]
fn round_robin_goes_on_fairly_when_a_callee_leaves() {
    let mut realm = with_sessions(4);
    for callee in 1..=3 {
        say(
            &mut realm,
            callee,
            r#"[64,1,{"invoke":"roundrobin"},"com.add"]"#,
        );
    }
    assert!(say(&mut realm, 4, r#"[48,1,{},"com.add"]"#)[0].starts_with("1 "));
    leave(&mut realm, 1);
    assert!(say(&mut realm, 4, r#"[48,2,{},"com.add"]"#)[0].starts_with("2 "));
    assert!(say(&mut realm, 4, r#"[48,3,{},"com.add"]"#)[0].starts_with("3 "));
}

#[test]
fn a_pattern_tells_the_callee_which_procedure_was_called() {
    let mut realm = with_sessions(2);
    say(&mut realm, 1, r#"[64,1,{"match":"prefix"},"com."]"#);
    let said = say(&mut realm, 2, r#"[48,1,{},"com.shop.add"]"#);
    assert_eq!(said, [r#"1 [68,1,1,{"procedure":"com.shop.add"}]"#]);
    say(&mut realm, 1, r#"[64,2,{"match":"wildcard"},"org..add"]"#);
    let said = say(&mut realm, 2, r#"[48,2,{},"org.shop.add"]"#);
    assert_eq!(said, [r#"1 [68,2,2,{"procedure":"org.shop.add"}]"#]);
}

#[test]
fn a_callee_learns_who_calls_when_either_asks_for_it() {
    let caller = r#""caller":2,"caller_authid":"user2","caller_authrole":"anonymous""#;
    let mut realm = with_sessions(2);
    say(&mut realm, 1, r#"[64,1,{},"com.a"]"#);
    say(&mut realm, 1, r#"[64,2,{"disclose_caller":true},"com.b"]"#);
    let said = say(&mut realm, 2, r#"[48,1,{"disclose_me":true},"com.a"]"#);
    assert_eq!(said, [format!("1 [68,1,1,{{{caller}}}]")]);
    let said = say(&mut realm, 2, r#"[48,2,{},"com.b"]"#);
    assert_eq!(said, [format!("1 [68,2,2,{{{caller}}}]")]);
    let said = say(&mut realm, 2, r#"[48,3,{},"com.a"]"#);
    assert_eq!(said, ["1 [68,3,1,{}]"]);
}

#[test]
fn each_mode_of_cancelling_answers_the_caller_once() {
    let canceled = r#"2 [8,48,1,{},"wamp.error.canceled",["cancelled"]]"#;
    let interrupt =
        |mode: &str| format!(r#"1 [69,1,{{"mode":"{mode}","reason":"wamp.error.canceled"}}]"#);
    let begin = || {
        let mut realm = with_sessions(2);
        say(&mut realm, 1, r#"[64,1,{},"com.a"]"#);
        say(&mut realm, 2, r#"[48,1,{},"com.a"]"#);
        realm
    };
    let mut realm = begin();
    assert_eq!(say(&mut realm, 2, r#"[49,1,{"mode":"skip"}]"#), [canceled]);
    assert!(say(&mut realm, 1, "[70,1,{}]").is_empty());

    let mut realm = begin();
    let said = say(&mut realm, 2, r#"[49,1,{"mode":"killnowait"}]"#);
    assert_eq!(said, [interrupt("killnowait"), canceled.to_string()]);
    assert!(say(&mut realm, 1, r#"[8,68,1,{},"wamp.error.canceled"]"#).is_empty());

    let mut realm = begin();
    assert_eq!(
        say(&mut realm, 2, r#"[49,1,{"mode":"kill"}]"#),
        [interrupt("kill")]
    );
    assert!(say(&mut realm, 2, r#"[49,1,{"mode":"kill"}]"#).is_empty());
    let said = say(&mut realm, 1, r#"[8,68,1,{},"wamp.error.canceled"]"#);
    assert_eq!(said, [r#"2 [8,48,1,{},"wamp.error.canceled"]"#]);
    assert!(say(&mut realm, 2, r#"[49,1,{}]"#).is_empty());
}

#[test]
fn a_callee_that_takes_no_interrupts_is_not_sent_any() {
    for mode in ["skip", "kill", "killnowait"] {
        let mut realm = realm();
        join(&mut realm, 1, "anonymous", r#"{"roles":{"callee":{}}}"#);
        join(&mut realm, 2, "anonymous", r#"{"roles":{"caller":{}}}"#);
        say(&mut realm, 1, r#"[64,1,{},"com.a"]"#);
        say(&mut realm, 2, r#"[48,1,{"timeout":5},"com.a"]"#);
        let said = say(&mut realm, 2, &format!(r#"[49,1,{{"mode":"{mode}"}}]"#));
        assert_eq!(
            said,
            [r#"2 [8,48,1,{},"wamp.error.canceled",["cancelled"]]"#]
        );
    }
}

#[test]
fn a_call_times_out_when_its_time_is_over_and_not_before() {
    let mut realm = with_sessions(2);
    say(&mut realm, 1, r#"[64,1,{},"com.a"]"#);
    let said = at(&mut realm, 1000, 2, r#"[48,1,{"timeout":500},"com.a"]"#);
    assert_eq!(said, [r#"1 [68,1,1,{"timeout":500}]"#]);
    assert_eq!(realm.next_deadline(), Some(Duration::from_millis(1500)));
    let mut out = Vec::new();
    realm.expire(Duration::from_millis(1499), &mut out);
    assert!(out.is_empty());
    realm.expire(Duration::from_millis(1500), &mut out);
    check(&realm);
    assert_eq!(
        shown(&out),
        [
            r#"1 [69,1,{"mode":"killnowait","reason":"wamp.error.timeout"}]"#,
            r#"2 [8,48,1,{},"wamp.error.timeout",["no answer came in time"]]"#,
        ]
    );
    assert_eq!(realm.next_deadline(), None);
    // Beyond all time: no deadline.
    let said = at(
        &mut realm,
        0,
        2,
        r#"[48,2,{"timeout":9007199254740992},"com.a"]"#,
    );
    assert_eq!(said.len(), 1);
}

#[test]
fn results_come_in_parts_where_the_caller_asked_for_them() {
    let mut realm = with_sessions(2);
    say(&mut realm, 1, r#"[64,1,{},"com.a"]"#);
    let said = say(&mut realm, 2, r#"[48,1,{"receive_progress":true},"com.a"]"#);
    assert_eq!(said, [r#"1 [68,1,1,{"receive_progress":true}]"#]);
    let said = say(&mut realm, 1, r#"[70,1,{"progress":true},[1]]"#);
    assert_eq!(said, [r#"2 [50,1,{"progress":true},[1]]"#]);
    assert_eq!(say(&mut realm, 1, "[70,1,{},[2]]"), ["2 [50,1,{},[2]]"]);
    say(&mut realm, 2, r#"[48,2,{},"com.a"]"#);
    assert!(say(&mut realm, 1, r#"[70,2,{"progress":true},[1]]"#).is_empty());
    assert_eq!(say(&mut realm, 1, "[70,2,{},[2]]"), ["2 [50,2,{},[2]]"]);
}

#[test]
fn whoever_leaves_leaves_nobody_waiting() {
    let mut realm = with_sessions(3);
    say(&mut realm, 1, r#"[64,1,{},"com.a"]"#);
    say(&mut realm, 2, r#"[48,1,{"timeout":10},"com.a"]"#);
    say(&mut realm, 3, r#"[48,1,{},"com.a"]"#);
    // The caller leaves: the callee is interrupted.
    let said = leave(&mut realm, 2);
    let interrupt = r#"1 [69,1,{"mode":"killnowait","reason":"wamp.error.canceled"}]"#;
    assert_eq!(said, [interrupt, "2 closed"]);
    // The callee leaves: the caller gets an error, and the procedure is gone.
    let said = leave(&mut realm, 1);
    let error = r#"["the callee left before it had answered"]"#;
    let error = format!(r#"3 [8,48,1,{{}},"wamp.error.canceled",{error}]"#);
    assert_eq!(said, [error, "1 closed".to_string()]);
    let said = say(&mut realm, 3, r#"[48,2,{},"com.a"]"#);
    assert!(said[0].contains("no_such_procedure"), "{said:?}");
}

#[test]
fn a_breach_of_the_protocol_ends_the_session_and_no_other() {
    for text in [
        r#"[1,"realm1",{"roles":{"caller":{}}}]"#,
        r#"[2,1,{"roles":{"broker":{}}}]"#,
        "[65,1,1]",
        "[17,1,1]",
        "[36,1,1,{}]",
        "[50,1,{}]",
        "[68,1,1,{}]",
        "[69,1,{}]",
        r#"[4,"ticket",{}]"#,
        r#"[5,"ticket",{}]"#,
        r#"[8,48,1,{},"com.error"]"#,
        "[70,5,{}]",
        r#"[8,68,5,{},"com.error"]"#,
    ] {
        let mut realm = with_sessions(2);
        let said = say(&mut realm, 1, text);
        assert!(
            said[0].contains("wamp.error.protocol_violation"),
            "{text}: {said:?}"
        );
        assert_eq!(said[1], "1 closed");
        assert_eq!(realm.len(), 1);
        assert!(say(&mut realm, 1, r#"[48,1,{},"com.a"]"#).is_empty());
    }
}

#[test]
fn the_id_of_a_call_under_way_cannot_be_used_again() {
    let mut realm = with_sessions(2);
    say(&mut realm, 1, r#"[64,1,{},"com.a"]"#);
    say(&mut realm, 2, r#"[48,1,{},"com.a"]"#);
    let said = say(&mut realm, 2, r#"[48,1,{},"com.a"]"#);
    assert!(said[0].contains("protocol_violation"), "{said:?}");
}

#[test]
fn goodbye_is_answered_and_ends_the_session() {
    let mut realm = with_sessions(1);
    let said = say(&mut realm, 1, r#"[6,{},"wamp.close.close_realm"]"#);
    assert_eq!(
        said,
        [r#"1 [6,{},"wamp.close.goodbye_and_out"]"#, "1 closed"]
    );
    assert!(realm.is_empty());
}

#[test]
fn a_closing_realm_says_goodbye_to_all() {
    let mut realm = with_sessions(3);
    let mut out = Vec::new();
    realm.close(known::SYSTEM_SHUTDOWN, &mut out);
    let goodbyes = shown(&out)
        .iter()
        .filter(|said| said.contains("system_shutdown"))
        .count();
    assert_eq!((goodbyes, realm.len()), (3, 0));
}

#[test]
fn an_event_reaches_each_subscription_once() {
    let mut realm = with_sessions(3);
    assert_eq!(say(&mut realm, 1, r#"[32,1,{},"com.t"]"#), ["1 [33,1,1]"]);
    assert_eq!(say(&mut realm, 1, r#"[32,2,{},"com.t"]"#), ["1 [33,2,1]"]);
    assert_eq!(say(&mut realm, 2, r#"[32,1,{},"com.t"]"#), ["2 [33,1,1]"]);
    assert_eq!(
        say(&mut realm, 2, r#"[32,2,{"match":"prefix"},"com"]"#),
        ["2 [33,2,2]"]
    );
    let said = say(
        &mut realm,
        3,
        r#"[16,1,{"acknowledge":true},"com.t",["x"]]"#,
    );
    let said: Vec<String> = said.iter().map(|said| without_publication(said)).collect();
    assert_eq!(
        said,
        [
            r#"1 [36,1,?,{},["x"]]"#,
            r#"2 [36,1,?,{},["x"]]"#,
            r#"2 [36,2,?,{"topic":"com.t"},["x"]]"#,
            "3 [17,1,?",
        ]
    );
    assert_eq!(say(&mut realm, 1, "[34,3,1]"), ["1 [35,3]"]);
    assert_eq!(say(&mut realm, 3, r#"[16,1,{},"com.t"]"#).len(), 2);
}

/// The third element is random.
fn without_publication(said: &str) -> String {
    let mut parts: Vec<&str> = said.splitn(4, ',').collect();
    parts[2] = "?";
    parts.join(",")
}

#[test]
fn a_publisher_chooses_who_gets_an_event() {
    let mut realm = with_sessions(3);
    join(&mut realm, 4, "reader", "{}");
    for session in 1..=4 {
        say(&mut realm, session, r#"[32,1,{},"com.t"]"#);
    }
    for (options, wanted) in [
        ("{}", "234"),
        (r#"{"exclude_me":true}"#, "234"),
        (r#"{"exclude_me":false}"#, "1234"),
        (r#"{"exclude":[2]}"#, "34"),
        (r#"{"exclude_authid":["user3"]}"#, "24"),
        (r#"{"exclude_authrole":["anonymous"]}"#, "4"),
        (r#"{"eligible":[1,2]}"#, "2"),
        (r#"{"eligible":[]}"#, ""),
        (
            r#"{"eligible_authid":["user3","user4"],"exclude":[4]}"#,
            "3",
        ),
        (r#"{"eligible_authrole":["reader"]}"#, "4"),
    ] {
        let said = say(&mut realm, 1, &format!(r#"[16,1,{options},"com.t"]"#));
        let got: String = said
            .iter()
            .map(|said| said.chars().next().unwrap())
            .collect();
        assert_eq!(got, wanted, "{options}");
    }
    let said = say(
        &mut realm,
        1,
        r#"[16,1,{"disclose_me":true,"eligible":[2]},"com.t"]"#,
    );
    let who = r#"{"publisher":1,"publisher_authid":"user1","publisher_authrole":"anonymous"}"#;
    assert!(said[0].contains(who), "{said:?}");
}

#[test]
fn sessions_that_join_and_leave_are_announced() {
    let mut realm = with_sessions(1);
    say(
        &mut realm,
        1,
        r#"[32,1,{"match":"prefix"},"wamp.session."]"#,
    );
    let said = shown(&join(&mut realm, 2, "reader", "{}"));
    assert!(said[0].contains(r#"2 [2,2,{"roles":{"broker""#), "{said:?}");
    let told = r#"[{"session":2,"authid":"user2","authrole":"reader","authmethod":"anonymous","#;
    assert!(
        said[1].contains("wamp.session.on_join") && said[1].contains(told),
        "{said:?}"
    );
    let said = leave(&mut realm, 2);
    assert!(
        said[1].contains(r#""wamp.session.on_leave"},[2,"user2","reader"]]"#),
        "{said:?}"
    );
}

#[test]
fn the_session_meta_procedures_answer() {
    let mut realm = with_sessions(2);
    join(&mut realm, 3, "admin", "{}");
    let mut ask = |from: u64, text: &str| say(&mut realm, from, text);
    assert_eq!(
        ask(1, r#"[48,1,{},"wamp.session.count"]"#),
        ["1 [50,1,{},[3]]"]
    );
    let said = ask(1, r#"[48,1,{},"wamp.session.list",[["anonymous"]]]"#);
    assert_eq!(said, ["1 [50,1,{},[[1,2]]]"]);
    assert!(ask(1, r#"[48,1,{},"wamp.session.get",[2]]"#)[0].contains(r#""authid":"user2""#));
    assert!(ask(1, r#"[48,1,{},"wamp.session.get",[9]]"#)[0].contains("no_such_session"));
    assert!(ask(1, r#"[48,1,{},"wamp.session.kill",[2]]"#)[0].contains("not_authorized"));
    let said = ask(
        3,
        r#"[48,1,{},"wamp.session.kill",[2],{"reason":"com.out","message":"m"}]"#,
    );
    assert_eq!(
        said,
        [
            "3 [50,1,{}]",
            r#"2 [6,{"message":"m"},"com.out"]"#,
            "2 closed"
        ]
    );
    assert!(ask(3, r#"[48,1,{},"wamp.session.kill",[3]]"#)[0].contains("no_such_session"));
    let said = ask(
        3,
        r#"[48,1,{},"wamp.session.kill_all",[],{"reason":"a b"}]"#,
    );
    assert!(
        said.len() == 1 && said[0].contains("invalid_argument"),
        "{said:?}"
    );
    assert_eq!(
        ask(3, r#"[48,1,{},"wamp.session.kill_all"]"#)[0],
        "3 [50,1,{},[1]]"
    );
}

#[test]
fn limits_hold_and_are_told() {
    let mut realm = with_sessions(2);
    for n in 1..=5 {
        say(&mut realm, 1, &format!(r#"[64,{n},{{}},"com.p{n}"]"#));
        say(&mut realm, 1, &format!(r#"[32,{n},{{}},"com.p{n}"]"#));
    }
    assert!(say(&mut realm, 1, r#"[64,6,{},"com.p6"]"#)[0].contains("unavailable"));
    assert!(say(&mut realm, 1, r#"[32,6,{},"com.p6"]"#)[0].contains("unavailable"));
    for n in 1..=6 {
        say(&mut realm, 2, &format!(r#"[48,{n},{{}},"com.p1"]"#));
    }
    assert!(say(&mut realm, 2, r#"[48,7,{},"com.p1"]"#)[0].contains("unavailable"));
    assert_eq!(realm.calls_under_way(), 6);
}

#[test]
fn a_message_that_cannot_be_translated_becomes_an_error_for_who_waits() {
    let mut realm = with_sessions(2);
    say(&mut realm, 1, r#"[64,1,{},"com.a"]"#);
    say(&mut realm, 2, r#"[48,1,{},"com.a"]"#);
    let mut out = Vec::new();
    let lost = Message::from_json("[68,1,1,{}]").unwrap();
    realm.undeliverable(
        id(1),
        &lost,
        known::INVALID_ARGUMENT,
        "no form in JSON",
        &mut out,
    );
    let error = r#"2 [8,48,1,{},"wamp.error.invalid_argument",["no form in JSON"]]"#;
    assert_eq!(shown(&out), [error]);
    let lost = Message::from_json("[50,7,{}]").unwrap();
    out.clear();
    realm.undeliverable(id(2), &lost, known::INVALID_ARGUMENT, "x", &mut out);
    assert_eq!(
        shown(&out),
        [r#"2 [8,48,7,{},"wamp.error.invalid_argument",["x"]]"#]
    );
    check(&realm);
}

#[test]
fn a_part_that_cannot_be_translated_ends_its_call_once() {
    let mut realm = with_sessions(2);
    say(&mut realm, 1, r#"[64,1,{},"com.a"]"#);
    say(&mut realm, 2, r#"[48,1,{"receive_progress":true},"com.a"]"#);
    say(&mut realm, 1, r#"[70,1,{"progress":true},[1]]"#);
    let part = Message::from_json(r#"[50,1,{"progress":true},[1]]"#).unwrap();
    let lose = |realm: &mut Realm<Id>| {
        let mut out = Vec::new();
        realm.undeliverable(id(2), &part, known::INVALID_ARGUMENT, "no form", &mut out);
        check(realm);
        shown(&out)
    };
    assert_eq!(
        lose(&mut realm),
        [
            r#"1 [69,1,{"mode":"killnowait","reason":"wamp.error.canceled"}]"#,
            r#"2 [8,48,1,{},"wamp.error.invalid_argument",["no form"]]"#,
        ]
    );
    // It has ended: neither another part nor the callee's answer leads to anything.
    assert!(lose(&mut realm).is_empty());
    assert!(say(&mut realm, 1, "[70,1,{},[2]]").is_empty());
    assert_eq!(realm.calls_under_way(), 0);
    // The callee had answered before the part was found to have no form: the answer is on its way.
    say(&mut realm, 2, r#"[48,1,{"receive_progress":true},"com.a"]"#);
    say(&mut realm, 1, r#"[70,2,{"progress":true},[1]]"#);
    assert_eq!(say(&mut realm, 1, "[70,2,{},[2]]"), ["2 [50,1,{},[2]]"]);
    assert!(lose(&mut realm).is_empty());
}

#[test]
fn the_routers_own_procedures_do_not_read_long_arguments() {
    let mut realm = with_sessions(1);
    let long = "1,".repeat(40_000);
    for (name, error) in [
        ("wamp.session.count", "invalid_argument"),
        ("wamp.nothing", "no_such_procedure"),
    ] {
        let said = say(&mut realm, 1, &format!(r#"[48,1,{{}},"{name}",[{long}1]]"#));
        assert!(
            said[0].starts_with(&format!(r#"1 [8,48,1,{{}},"wamp.error.{error}""#)),
            "{said:?}"
        );
    }
}

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

/// The calls that wait for their answer, as somebody sees who only reads what goes in and comes out.
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
                let answered = match message {
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

/// Takes back what carries arguments and is not an event, as a serialization that has no form for them does. What comes
/// of that can be sent: the arguments are the router's own.
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
            // What the realm thinks is under way is what an onlooker sees waiting, and no more.
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

#[test]
fn a_sealed_payload_is_refused_to_whoever_sent_it() {
    let mut realm = with_sessions(2);
    say(&mut realm, 1, r#"[64,1,{},"com.add"]"#);
    let refused = r#""wamp.error.option_not_allowed",["sealed payloads are not carried here"]]"#;
    let sealed = r#"{"enc_algo":"cryptobox"},"com.add","\u0000AP8="]"#;
    let said = say(&mut realm, 2, &format!("[48,9,{sealed}"));
    assert_eq!(said, [format!("2 [8,48,9,{{}},{refused}")]);
    // Without acknowledge a publisher hears nothing.
    assert!(say(&mut realm, 2, &format!("[16,1,{sealed}")).is_empty());
    let sealed = sealed.replace('{', r#"{"acknowledge":true,"#);
    let said = say(&mut realm, 2, &format!("[16,2,{sealed}"));
    assert_eq!(said, [format!("2 [8,16,2,{{}},{refused}")]);
    // A callee's answer becomes the error, for its caller.
    say(&mut realm, 2, r#"[48,3,{},"com.add"]"#);
    let said = say(
        &mut realm,
        1,
        r#"[70,1,{"enc_algo":"cryptobox"},"\u0000AP8="]"#,
    );
    assert_eq!(said, [format!("2 [8,48,3,{{}},{refused}")]);
}

#[test]
fn meta_events_carry_values_that_every_serialization_has() {
    let mut realm = with_sessions(1);
    say(&mut realm, 1, r#"[32,1,{},"wamp.session.on_join"]"#);
    let out = join(&mut realm, 2, "reader", "{}");
    let Some((_, event)) = out.last().and_then(|output| output.sent().next()) else {
        panic!("an event was expected");
    };
    for format in Format::ALL {
        let mut bytes = Vec::new();
        event.encode(format, &mut bytes).unwrap();
        let read = Message::decode(format, &bytes.into()).unwrap();
        let args: Vec<Value> = read.payload().unwrap().args().unwrap();
        assert_eq!(args[0].as_dict().unwrap().str("authid"), Some("user2"));
    }
}
