//! Events, and what the realm tells of its sessions.

use super::*;

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
    let Some((_, event)) = out.last().and_then(|output| output.sent().pop()) else {
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
