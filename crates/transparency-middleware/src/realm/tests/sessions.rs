//! Sessions: breaches, ends, limits, and what cannot be translated.

use super::*;

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
