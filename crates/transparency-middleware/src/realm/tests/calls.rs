//! Calls: routed, shared, canceled, timed out, in parts.

use super::*;

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
fn a_callee_that_does_not_announce_parts_is_not_asked_for_them_and_may_give_them() {
    let mut realm = with_sessions(2);
    join(&mut realm, 3, "anonymous", r#"{"roles":{"callee":{}}}"#);
    say(&mut realm, 3, r#"[64,1,{},"com.a"]"#);
    let said = say(&mut realm, 2, r#"[48,1,{"receive_progress":true},"com.a"]"#);
    assert_eq!(said, ["3 [68,1,1,{}]"]);
    let said = say(&mut realm, 3, r#"[70,1,{"progress":true},[1]]"#);
    assert_eq!(said, [r#"2 [50,1,{"progress":true},[1]]"#]);
    assert_eq!(say(&mut realm, 3, "[70,1,{},[2]]"), ["2 [50,1,{},[2]]"]);
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
    assert_eq!(said, ["2 closed", interrupt]);
    // The callee leaves: the caller gets an error, and the procedure is gone.
    let said = leave(&mut realm, 1);
    let error = r#"["the callee left before it had answered"]"#;
    let error = format!(r#"3 [8,48,1,{{}},"wamp.error.canceled",{error}]"#);
    assert_eq!(said, ["1 closed".to_string(), error]);
    let said = say(&mut realm, 3, r#"[48,2,{},"com.a"]"#);
    assert!(said[0].contains("no_such_procedure"), "{said:?}");
}

#[test]
fn a_callee_takes_a_procedure_by_force_and_those_who_had_it_are_told_if_they_can_be() {
    let mut realm = realm();
    let told = r#"{"roles":{"callee":{"features":{"registration_revocation":true}}}}"#;
    join(&mut realm, 1, "anonymous", told);
    join(&mut realm, 2, "anonymous", "{}");
    join(&mut realm, 3, "anonymous", "{}");
    for session in [1, 2] {
        say(
            &mut realm,
            session,
            r#"[64,1,{"invoke":"roundrobin"},"com.a"]"#,
        );
    }
    let said = say(&mut realm, 3, r#"[64,1,{},"com.a"]"#);
    assert!(said[0].contains("procedure_already_exists"), "{said:?}");
    let said = say(&mut realm, 3, r#"[64,2,{"force_reregister":true},"com.a"]"#);
    let revoked = r#"1 [67,0,{"registration":1,"reason":"wamp.error.unregistered"}]"#;
    assert_eq!(said, [revoked, "3 [65,2,2]"]);
    let said = say(&mut realm, 1, r#"[48,1,{},"com.a"]"#);
    assert!(said[0].starts_with("3 [68,"), "{said:?}");
    // Its own registration is replaced as well, and is no longer there to be taken away.
    let said = say(&mut realm, 3, r#"[64,3,{"force_reregister":true},"com.a"]"#);
    assert_eq!(said, ["3 [65,3,3]"]);
    let said = say(&mut realm, 2, "[66,2,1]");
    assert!(said[0].contains("no_such_registration"), "{said:?}");
}

#[test]
fn options_that_are_not_supported_are_refused_and_not_ignored() {
    let mut realm = with_sessions(1);
    for text in [
        r#"[64,1,{"concurrency":3},"com.a"]"#,
        r#"[32,1,{"get_retained":true},"com.a"]"#,
        r#"[16,1,{"retain":true,"acknowledge":true},"com.a"]"#,
    ] {
        let said = say(&mut realm, 1, text);
        assert!(said[0].contains("option_not_allowed"), "{text}: {said:?}");
        assert!(said[0].contains("not supported here"), "{text}: {said:?}");
    }
    for text in [
        r#"[64,1,{"concurrency":0},"com.a"]"#,
        r#"[32,1,{"get_retained":false},"com.a"]"#,
        r#"[16,1,{"retain":false,"acknowledge":true},"com.b"]"#,
    ] {
        let said = say(&mut realm, 1, text);
        assert!(!said[0].contains("error"), "{text}: {said:?}");
    }
}
