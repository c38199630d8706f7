//! Each message as the specification writes it, what
//! is refused and why, and any message there and back.
//!
//! One file, since each message is tried in the same ways.

use proptest::prelude::*;

use super::*;

/// The specification's own examples, and each message with no, positional and keyword arguments.
const VALID: &[&str] = &[
    r#"[1,"somerealm",{"roles":{"publisher":{},"subscriber":{}}}]"#,
    r#"[1,"somerealm",{"agent":"AutobahnJS-0.9.14","roles":{"caller":{"features":{"call_timeout":true}}}}]"#,
    r#"[1,"realm1",{"roles":{"caller":{}},"authmethods":["ticket","wampcra"],"authid":"joe","x_unknown":[1,null]}]"#,
    r#"[2,9129137332,{"roles":{"broker":{}}}]"#,
    r#"[2,9007199254740992,{"roles":{"broker":{},"dealer":{"features":{"call_canceling":true}}},"authid":"joe"}]"#,
    r#"[3,{"message":"The realm does not exist."},"wamp.error.no_such_realm"]"#,
    r#"[3,{},"wamp.error.protocol_violation",["why"],{"where":3}]"#,
    r#"[4,"wampcra",{"challenge":"{}","salt":"salt123","keylen":32,"iterations":1000}]"#,
    r#"[4,"ticket",{}]"#,
    r#"[5,"gir1mSx+deCDUV7wRM5SGIn/+R/ClqLZuH4m7FJeBVI=",{}]"#,
    r#"[6,{"message":"The host is shutting down now."},"wamp.close.system_shutdown"]"#,
    r#"[6,{},"wamp.close.goodbye_and_out"]"#,
    r#"[8,32,713845233,{},"wamp.error.not_authorized"]"#,
    r#"[8,48,7814135,{},"com.myapp.error.object_write_protected",["Object is write protected."],{"severity":3}]"#,
    r#"[8,68,6131533,{},"com.myapp.error",[]]"#,
    r#"[16,239714735,{},"com.myapp.mytopic1"]"#,
    r#"[16,239714735,{"acknowledge":true,"exclude":[1,2],"eligible_authrole":["user"]},"com.myapp.mytopic1",["Hello"]]"#,
    r#"[16,239714735,{},"com.myapp.mytopic1",[],{"color":"orange","sizes":[23,42,7]}]"#,
    r#"[17,239714735,4429313566]"#,
    r#"[32,713845233,{},"com.myapp.mytopic1"]"#,
    r#"[32,713845233,{"match":"prefix"},"com.myapp.topic."]"#,
    r#"[32,713845233,{"match":"wildcard"},"com.myapp..userevent"]"#,
    r#"[33,713845233,5512315355]"#,
    r#"[34,85346237,5512315355]"#,
    r#"[35,85346237]"#,
    r#"[35,0,{"subscription":1293722,"reason":"wamp.authentication.lost"}]"#,
    r#"[36,5512315355,4429313566,{}]"#,
    r#"[36,5512315355,4429313566,{"x_acknowledged_delivery":true,"transaction_hash":"0xab","retained":false}]"#,
    r#"[36,1,2,{"forward_for":[{"session":3,"authid":"joe","authrole":null},{"session":4}]},["args"]]"#,
    r#"[16,1,{"enc_algo":"cryptobox","enc_serializer":"cbor","enc_key":"k"},"com.myapp.sealed","\u0000AP8="]"#,
    r#"[48,1,{"enc_algo":"x_own"},"com.myapp.sealed","text"]"#,
    r#"[48,1,{"enc_algo":"mqtt"},"com.myapp.not_sealed",[1]]"#,
    r#"[70,1,{"enc_algo":"xbr"},"\u0000AP8="]"#,
    r#"[337,4429313566]"#,
    r#"[36,5512315355,4429313566,{"publisher":3335656,"topic":"com.myapp.topic.emergency"},[],{"color":"orange"}]"#,
    r#"[48,7814135,{},"com.myapp.ping"]"#,
    r#"[48,7814135,{"timeout":0,"receive_progress":true},"com.myapp.echo",["Hello, world!"]]"#,
    r#"[48,9007199254740992,{},"com.myapp.user.new",["johnny"],{"firstname":"John","surname":"Doe"}]"#,
    r#"[49,7814135,{}]"#,
    r#"[49,7814135,{"mode":"killnowait"}]"#,
    r#"[50,7814135,{}]"#,
    r#"[50,7814135,{"progress":true},[30]]"#,
    r#"[50,7814135,{},[],{"userid":123,"karma":10}]"#,
    r#"[64,25349185,{},"com.myapp.myprocedure1"]"#,
    r#"[64,25349185,{"match":"wildcard","invoke":"roundrobin"},"com.myapp..create"]"#,
    r#"[65,25349185,2103333224]"#,
    r#"[66,788923562,2103333224]"#,
    r#"[67,788923562]"#,
    r#"[67,0,{"registration":1293722,"reason":"moving.endpoint"}]"#,
    r#"[68,6131533,9823526,{}]"#,
    r#"[68,6131533,9823529,{"caller":3335656,"procedure":"com.myapp.procedure.proc1","timeout":100},["johnny"],{"firstname":"John"}]"#,
    r#"[69,6131533,{"mode":"kill"}]"#,
    r#"[70,6131533,{}]"#,
    r#"[70,6131533,{"progress":true},["Hello, world!"]]"#,
    r#"[70,6131533,{},[],{"userid":123}]"#,
];

/// A message, and a part of what is said about it.
const INVALID: &[(&str, &str)] = &[
    ("", "EOF"),
    ("[", "EOF"),
    ("[48, 1, {}", "EOF"),
    ("{}", "a list"),
    ("48", "a list"),
    ("null", "a list"),
    (r#""[1]""#, "a list"),
    ("[]", "the type is missing"),
    ("[48,1,{},\"a.b\"] x", "trailing"),
    ("[48,1,{},\"a.b\"][]", "trailing"),
    (r#"["48",1,{},"a.b"]"#, "begins with its type"),
    (r#"[48.0,1,{},"a.b"]"#, "begins with its type"),
    (r#"[true,1,{},"a.b"]"#, "begins with its type"),
    (r#"[-48,1,{},"a.b"]"#, "begins with its type"),
    ("[0]", "no message has the type 0"),
    ("[7,1]", "no message has the type 7"),
    ("[9999,1]", "no message has the type 9999"),
    (r#"[48,1,{}]"#, "CALL: 3 elements where there are 4 to 6"),
    (r#"[48,1,{},"a.b",[],{},0]"#, "CALL: 7 elements"),
    (r#"[48,1,{},"a.b",[],{},0,0]"#, "so many elements"),
    (r#"[17,1]"#, "PUBLISHED: 2 elements"),
    (r#"[35,1,{}]"#, "UNSUBSCRIBED: the request id is 0"),
    (r#"[35,0]"#, "UNSUBSCRIBED: the request id is no"),
    (r#"[67,0,{}]"#, "registration is missing"),
    (r#"[48,"1",{},"a.b"]"#, "request id is not a whole number"),
    (r#"[48,1.0,{},"a.b"]"#, "request id is not a whole number"),
    (r#"[48,1e3,{},"a.b"]"#, "request id is not a whole number"),
    (r#"[48,0,{},"a.b"]"#, "request id is not a whole number"),
    (r#"[48,-1,{},"a.b"]"#, "request id is not a whole number"),
    (
        r#"[48,9007199254740993,{},"a.b"]"#,
        "request id is not a whole number",
    ),
    (
        r#"[48,99999999999999999999999,{},"a.b"]"#,
        "request id is not a whole number",
    ),
    (r#"[48,null,{},"a.b"]"#, "request id is not a whole number"),
    (r#"[48,true,{},"a.b"]"#, "request id is not a whole number"),
    (r#"[48,1,[],"a.b"]"#, "options are not a dictionary"),
    (r#"[48,1,{},7]"#, "the URI is not a string"),
    (
        r#"[48,1,{},"a.b",{}]"#,
        "positional arguments are not a list",
    ),
    (
        r#"[48,1,{},"a.b","x"]"#,
        "positional arguments are not a list",
    ),
    (
        r#"[48,1,{},"a.b",[],[]]"#,
        "keyword arguments are not a dictionary",
    ),
    (
        r#"[48,1,{"timeout":-1},"a.b"]"#,
        "timeout is a whole number",
    ),
    (
        r#"[48,1,{"timeout":"1"},"a.b"]"#,
        "timeout is a whole number",
    ),
    (
        r#"[48,1,{"receive_progress":1},"a.b"]"#,
        "receive_progress is true or false",
    ),
    (
        r#"[48,1,{"timeout":1,"timeout":1},"a.b"]"#,
        "is there twice",
    ),
    (r#"[16,1,{"exclude":7},"a.b"]"#, "exclude is a list of ids"),
    (
        r#"[16,1,{"exclude":["7"]},"a.b"]"#,
        "exclude is a list of ids",
    ),
    (
        r#"[16,1,{"acknowledge":"yes"},"a.b"]"#,
        "acknowledge is true or false",
    ),
    (
        r#"[32,1,{"match":"regex"},"a.b"]"#,
        "match is one of exact, prefix, wildcard",
    ),
    (
        r#"[64,1,{"invoke":"all"},"a.b"]"#,
        "invoke is one of single",
    ),
    (r#"[49,1,{"mode":"maybe"}]"#, "mode is one of skip"),
    (r#"[1,"realm1",{}]"#, "HELLO: the details: roles is missing"),
    (r#"[1,"realm1",{"roles":{}}]"#, "at least one of publisher"),
    (
        r#"[1,"realm1",{"roles":["caller"]}]"#,
        "at least one of publisher",
    ),
    (r#"[1,"realm1",{"roles":{"dealer":{}}}]"#, "not \"dealer\""),
    (r#"[1,"realm1",{"roles":{"caller":1}}]"#, "caller is none"),
    (r#"[1,"real m",{"roles":{"caller":{}}}]"#, "is not a URI"),
    (
        r#"[1,null,{"roles":{"caller":{}}}]"#,
        "the realm is not a string",
    ),
    (
        r#"[1,"realm1",{"roles":{"caller":{}},"authid":7}]"#,
        "authid is a string",
    ),
    (
        r#"[1,"realm1",{"roles":{"caller":{}},"authmethods":"ticket"}]"#,
        "authmethods is a list of strings",
    ),
    (
        r#"[2,0,{"roles":{"broker":{}}}]"#,
        "session id is not a whole number",
    ),
    (r#"[2,1,{"roles":{"caller":{}}}]"#, "not \"caller\""),
    (r#"[6,{},"not a uri"]"#, "is not a URI"),
    (r#"[6,{"message":1},"a.b"]"#, "message is a string"),
    (r#"[8,47,1,{},"a.b"]"#, "none that an error answers"),
    (r#"[8,"48",1,{},"a.b"]"#, "none that an error answers"),
    (r#"[5,1,{}]"#, "the signature is not a string"),
    (r#"[337,0]"#, "EVENT_RECEIVED: the publication id is no"),
    (r#"[337,1,{}]"#, "EVENT_RECEIVED: 3 elements"),
    (
        r#"[16,1,{"forward_for":"x"},"a.b"]"#,
        "forward_for is a list of dictionaries",
    ),
    (
        r#"[48,1,{"forward_for":[{"authid":"x"}]},"a.b"]"#,
        "forward_for is a list of dictionaries, where session is missing",
    ),
    (
        r#"[36,1,2,{"forward_for":[{"session":0}]}]"#,
        "session is a whole number",
    ),
    (
        r#"[16,1,{"transaction_hash":1},"a.b"]"#,
        "transaction_hash is a string",
    ),
    (
        r#"[36,1,2,{"x_acknowledged_delivery":"yes"}]"#,
        "x_acknowledged_delivery is true or false",
    ),
    (
        r#"[16,1,{"enc_algo":"rot13"},"a.b","\u0000AP8="]"#,
        "enc_algo is one of cryptobox",
    ),
    (r#"[48,1,{"enc_algo":"x_"},"a.b"]"#, "enc_algo is one of"),
    (
        r#"[48,1,{"enc_algo":"mqtt"},"a.b",7]"#,
        "the payload is not a string and no bytes",
    ),
    (
        r#"[48,1,{"enc_algo":"mqtt"},"a.b","\u0000AP8=",{}]"#,
        "positional arguments are not a list",
    ),
    (
        r#"[48,1,{},"a.b","\u0000AP8="]"#,
        "positional arguments are not a list",
    ),
];

#[test]
fn valid_messages_are_read_and_written_back_byte_for_byte() {
    for text in VALID {
        let message = Message::from_json(text).unwrap_or_else(|error| panic!("{text}: {error}"));
        assert_eq!(&message.to_json().unwrap(), text);
    }
}

#[test]
fn valid_messages_stay_the_same_through_messagepack_and_cbor() {
    for text in VALID {
        let message = Message::from_json(text).unwrap();
        let packed = Message::from_msgpack(&message.to_msgpack().unwrap()).unwrap();
        assert_eq!(packed, message, "{text}");
        let through = Message::from_cbor(&packed.to_cbor().unwrap()).unwrap();
        assert_eq!(&through.to_json().unwrap(), text);
    }
}

/// What some peers write, and what it is taken for.
const LENIENT: &[(&str, &str)] = &[
    (r#"[48,1,null,"a.b"]"#, r#"[48,1,{},"a.b"]"#),
    (r#"[48,1,{},"a.b",null]"#, r#"[48,1,{},"a.b"]"#),
    (r#"[48,1,{},"a.b",[1],null]"#, r#"[48,1,{},"a.b",[1]]"#),
    (
        r#"[48,1,{},"a.b",null,{"c":1}]"#,
        r#"[48,1,{},"a.b",[],{"c":1}]"#,
    ),
    (r#"[8,48,1,{},"a b#c"]"#, r#"[8,48,1,{},"a_b_c"]"#),
    (
        r#"[8,48,1,{},"a..b"]"#,
        r#"[8,48,1,{},"wamp.error.invalid_uri"]"#,
    ),
];

#[test]
fn what_harms_nobody_is_taken_for_what_was_meant() {
    for (written, meant) in LENIENT {
        let meant = Message::from_json(meant).unwrap();
        let message = Message::from_json(written).unwrap();
        assert_eq!(message, meant, "{written}");
        let value: Value = serde_json::from_str(written).unwrap();
        for format in [Format::MessagePack, Format::Cbor] {
            let bytes = codec::write(format, &value).unwrap().into();
            assert_eq!(Message::decode(format, &bytes).unwrap(), meant, "{written}");
        }
    }
    let odd = r#"[1,"a",{"roles":{"caller":{"features":{"call_timeout":1,"x":{}}},"callee":{"features":null}}}]"#;
    let Message::Hello { details, .. } = Message::from_json(odd).unwrap() else {
        panic!("it is a HELLO");
    };
    let caller = details.dict("roles").unwrap().dict("caller").unwrap();
    assert!(!caller.dict("features").unwrap().flag("call_timeout"));
}

#[test]
fn invalid_messages_are_refused_with_what_is_wrong() {
    for (text, said) in INVALID {
        let error = Message::from_json(text).expect_err(text);
        assert!(error.message.contains(said), "{text}: {error}");
        assert_eq!(error.kind, DecodeErrorKind::Malformed, "{text}");
    }
}

#[test]
fn invalid_messages_are_refused_in_messagepack_and_cbor_as_well() {
    for (text, _) in INVALID {
        // What is JSON at all, so that it can be put into the other formats.
        let Ok(value) = serde_json::from_str::<Value>(text) else {
            continue;
        };
        for format in [Format::MessagePack, Format::Cbor] {
            let bytes = codec::write(format, &value).unwrap().into();
            assert!(
                Message::decode(format, &bytes).is_err(),
                "{format:?} {text}"
            );
        }
    }
}

#[test]
fn an_incorrect_uri_in_a_request_can_be_answered() {
    let id = Id::new(7).unwrap();
    for (text, kind) in [
        (r#"[48,7,{},""]"#, RequestKind::Call),
        (r#"[48,7,{},"a..b"]"#, RequestKind::Call),
        (r#"[48,7,{},"a b"]"#, RequestKind::Call),
        (r#"[48,7,{},"a.#b"]"#, RequestKind::Call),
        (r#"[48,7,{},".a"]"#, RequestKind::Call),
        (r#"[16,7,{"acknowledge":true},"a."]"#, RequestKind::Publish),
        (r#"[32,7,{},"a..b"]"#, RequestKind::Subscribe),
        (
            r#"[32,7,{"match":"prefix"},"a..b"]"#,
            RequestKind::Subscribe,
        ),
        (
            r#"[64,7,{"match":"wildcard"},"a. .b"]"#,
            RequestKind::Register,
        ),
    ] {
        let error = Message::from_json(text).expect_err(text);
        assert_eq!(error.kind, DecodeErrorKind::InvalidUri(kind, id), "{text}");
    }
    for text in [
        r#"[16,7,{},"a."]"#,
        r#"[16,7,{"acknowledge":false},"a.",[1]]"#,
    ] {
        let error = Message::from_json(text).expect_err(text);
        assert_eq!(error.kind, DecodeErrorKind::Unanswered, "{text}");
    }
}

#[test]
fn options_are_read_up_to_their_limit() {
    for (length, is_read) in [(MAX_DICT, true), (MAX_DICT + 1, false)] {
        let frame = r#"{"x":""}"#.len();
        let options = format!(r#"{{"x":"{}"}}"#, "x".repeat(length - frame));
        let message = Message::from_json(&format!(r#"[16,7,{options},"a.b"]"#));
        assert_eq!(message.is_ok(), is_read, "{length}");
    }
    // Arguments are not read, however long they are.
    let args = "1,".repeat(MAX_DICT);
    assert!(Message::from_json(&format!(r#"[16,7,{{}},"a.b",[{args}1]]"#)).is_ok());
}

#[test]
fn a_payload_is_passed_on_as_it_was_written() {
    let text = r#"[48, 1, {}, "a.b", [ 1.50, 1e2, "\u00e9" ], {"b": 1, "a": 2}]"#;
    let Message::Call { payload, .. } = Message::from_json(text).unwrap() else {
        panic!("a CALL was expected");
    };
    assert_eq!(payload.raw_args(), br#"[ 1.50, 1e2, "\u00e9" ]"#);
    assert_eq!(payload.raw_kwargs(), br#"{"b": 1, "a": 2}"#);
}

#[test]
fn bytes_become_base64_in_json_and_bytes_again() {
    let args = [Value::Bytes(vec![0, 0xff]), Value::from("text")];
    let payload = Payload::new(Format::MessagePack, &args[..]).unwrap();
    assert_eq!(payload.raw_args(), b"\x92\xc4\x02\x00\xff\xa4text");
    let json = payload.to_format(Format::Json).unwrap();
    assert_eq!(json.raw_args(), br#"["\u0000AP8=","text"]"#);
    let cbor = json.to_format(Format::Cbor).unwrap();
    assert_eq!(cbor.raw_args(), b"\x82\x42\x00\xff\x64text");
    assert_eq!(cbor.args::<Vec<Value>>().unwrap(), args);
}

#[test]
fn a_sealed_payload_is_bytes_in_each_format_and_no_arguments() {
    for format in Format::ALL {
        let payload = Payload::new_sealed(Format::Json, b"\x00\xff").unwrap();
        let payload = payload.to_format(format).unwrap();
        assert_eq!(payload.sealed().unwrap().as_deref(), Some(&b"\x00\xff"[..]));
        assert!(payload.args::<Vec<Value>>().is_err(), "{format:?}");
        let message = Message::Publish {
            request: Id::new(1).unwrap(),
            options: Dict::new().with("enc_algo", "cryptobox"),
            topic: Uri::new("a.b").unwrap(),
            payload,
        };
        let bytes = message.to_vec(format).unwrap();
        assert_eq!(Message::decode(format, &bytes.into()).unwrap(), message);
        for list in [Payload::empty(), Payload::new(format, &[1]).unwrap()] {
            assert_eq!(list.sealed(), Ok(None));
        }
    }
}

#[test]
fn arguments_of_a_struct_are_a_dictionary_in_each_format() {
    #[derive(serde::Serialize, serde::Deserialize, PartialEq, Debug)]
    struct Point {
        x: i32,
        y: Option<f64>,
    }
    let point = Point {
        x: -3,
        y: Some(0.5),
    };
    for format in Format::ALL {
        assert!(Payload::new(format, &()).unwrap().is_empty(), "{format:?}");
        let none: [u8; 0] = [];
        let payload = Payload::new(format, &none)
            .unwrap()
            .with_kwargs(&point)
            .unwrap();
        assert_eq!(payload.kwargs::<Point>().unwrap(), point);
        let dict = payload.kwargs::<Dict>().unwrap();
        assert_eq!(dict, Dict::new().with("x", -3).with("y", 0.5));
        assert!(Payload::new(format, &none).unwrap().is_empty());
        assert!(Payload::new(format, "text").is_err());
    }
}

#[test]
fn lists_nested_beyond_the_limit_are_refused_and_quickly() {
    for depth in [MAX_DEPTH, 50_000, 1_000_000] {
        let nested = |open: u8, close: &[u8]| {
            let mut text = vec![open; depth - 1];
            text.extend(close.repeat(depth - 1));
            text
        };
        let json = [b"[48,1,{},\"a.b\",", &nested(b'[', b"]")[..], b"]"].concat();
        // 0x91 is a list of one in MessagePack, 0x81 in
        // CBOR, 0x9f a list without a count, 0xc1 a tag.
        let packed = [b"\x95\x30\x01\x80\xa3a.b", &nested(0x91, b"")[..], b"\x90"].concat();
        let cbor = [
            b"\x85\x18\x30\x01\xa0\x63a.b",
            &nested(0x81, b"")[..],
            b"\x80",
        ]
        .concat();
        let open = [b"\x85\x18\x30\x01\xa0\x63a.b", &nested(0x9f, b"\xff")[..]].concat();
        let tags = [
            b"\x85\x18\x30\x01\xa0\x63a.b\x81",
            &nested(0xc1, b"")[..],
            b"\x00",
        ]
        .concat();
        for (format, bytes) in [
            (Format::Json, json),
            (Format::MessagePack, packed),
            (Format::Cbor, cbor),
            (Format::Cbor, open),
            (Format::Cbor, tags),
        ] {
            let outcome = Message::decode(format, &bytes.into());
            // The innermost list of the binary forms is one level more.
            let fits = depth == MAX_DEPTH && outcome.is_ok();
            let said = |error: &DecodeError| error.message.contains("levels of lists");
            assert!(
                fits || outcome.is_err_and(|error| said(&error)),
                "{format:?} {depth}"
            );
        }
    }
}

#[test]
fn text_that_is_no_utf8_is_refused_in_each_format() {
    for (format, bytes) in [
        (Format::Json, &b"[48,1,{},\"a.b\",[\"\xff\"]]"[..]),
        (Format::MessagePack, b"\x95\x30\x01\x80\xa3a.b\x91\xa1\xff"),
        (Format::Cbor, b"\x85\x18\x30\x01\xa0\x63a.b\x81\x61\xff"),
        (
            Format::Cbor,
            b"\x85\x18\x30\x01\xa0\x63a.b\x81\x7f\x61\xff\xff",
        ),
    ] {
        let bytes = Bytes::from_static(bytes);
        let error = Message::decode(format, &bytes).expect_err("no UTF-8");
        assert!(error.message.contains("utf-8"), "{format:?}: {error}");
    }
}

#[test]
fn cbor_of_indefinite_length_is_read() {
    // A list that ends with a break, with an empty
    // dictionary, a text in two pieces and such arguments.
    let bytes = b"\x9f\x18\x30\x01\xbf\xff\x7f\x62a.\x61b\xff\x9f\x01\xff\xbf\x61k\x02\xff\xff";
    let message = Message::from_cbor(bytes).unwrap();
    assert_eq!(message.to_json().unwrap(), r#"[48,1,{},"a.b",[1],{"k":2}]"#);
}

#[test]
fn binary_forms_that_are_cut_or_go_on_are_refused() {
    let message = Message::from_json(r#"[48,300,{"timeout":70000},"a.b",[1.5,null],{"k":"v"}]"#);
    let message = message.unwrap();
    for format in [Format::MessagePack, Format::Cbor] {
        let whole = message.to_vec(format).unwrap();
        for end in 0..whole.len() {
            let cut = Bytes::copy_from_slice(&whole[..end]);
            assert!(
                Message::decode(format, &cut).is_err(),
                "{format:?} cut at {end}"
            );
        }
        let longer = [&whole[..], b"\x00"].concat().into();
        assert!(Message::decode(format, &longer).is_err());
    }
}

#[test]
fn a_keyword_that_is_no_text_is_refused() {
    let packed = b"\x96\x30\x01\x80\xa3a.b\x90\x81\x01\x02";
    assert!(
        Message::from_msgpack(packed)
            .unwrap_err()
            .message
            .contains("keyword")
    );
    let cbor = b"\x86\x18\x30\x01\xa0\x63a.b\x80\xa1\x01\x02";
    assert!(
        Message::from_cbor(cbor)
            .unwrap_err()
            .message
            .contains("keyword")
    );
}

#[test]
fn a_payload_without_a_form_in_json_is_an_error_and_leaves_the_buffer() {
    // A dictionary with the key 1, inside the arguments.
    let message = Message::from_msgpack(b"\x95\x30\x01\x80\xa3a.b\x91\x81\x01\x02").unwrap();
    let mut out = b"kept".to_vec();
    assert!(message.encode(Format::Json, &mut out).is_err());
    assert_eq!(out, b"kept");
}

fn ids() -> impl Strategy<Value = Id> {
    prop_oneof![1..300_u64, 1..=Id::MAX].prop_map(|number| Id::new(number).unwrap())
}

fn values() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        any::<u64>().prop_map(Value::from),
        any::<f64>()
            .prop_filter("JSON has no such number", |float| float.is_finite())
            .prop_map(Value::from),
        // A text that begins with U+0000 stands for bytes in JSON.
        any::<String>()
            .prop_filter("it would be bytes", |text| !text.starts_with('\0'))
            .prop_map(Value::from),
        any::<Vec<u8>>().prop_map(Value::Bytes),
    ];
    leaf.prop_recursive(4, 24, 4, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..4).prop_map(Value::List),
            prop::collection::btree_map(any::<String>(), inner, 0..4).prop_map(|entries| {
                let mut dict = Dict::new();
                for (name, value) in entries {
                    dict.insert(&name, value);
                }
                Value::Dict(dict)
            }),
        ]
    })
}

fn dicts() -> impl Strategy<Value = Dict> {
    prop::collection::btree_map("x_[a-z0-9_]{1,8}", values(), 0..3).prop_map(|entries| {
        let mut dict = Dict::new();
        for (name, value) in entries {
            dict.insert(&name, value);
        }
        dict
    })
}

fn uris() -> impl Strategy<Value = Uri> {
    "[^\\s.#]{1,6}(\\.[^\\s.#]{1,6}){0,3}".prop_map(|text| Uri::new(&text).unwrap())
}

fn formats() -> impl Strategy<Value = Format> {
    prop::sample::select(&Format::ALL[..])
}

fn payloads() -> impl Strategy<Value = Payload> {
    let args = prop::collection::vec(values(), 0..4);
    (formats(), args, dicts()).prop_map(|(format, args, kwargs)| {
        let payload = Payload::new(format, &args).unwrap();
        payload.with_kwargs(&kwargs).unwrap()
    })
}

fn messages() -> impl Strategy<Value = Message> {
    let fields = (ids(), ids(), dicts(), uris(), payloads(), ".{0,20}");
    (0..25_usize, 0..RequestKind::ALL.len(), fields).prop_map(
        |(which, kind, (request, id, dict, uri, payload, text))| {
            let roles = |role: &str| Dict::new().with(role, Dict::new());
            match which {
                0 => Message::Hello {
                    realm: uri,
                    details: dict.with("roles", roles("caller")),
                },
                1 => Message::Welcome {
                    session: id,
                    details: dict.with("roles", roles("broker")),
                },
                2 => Message::Abort {
                    details: dict,
                    reason: uri,
                    payload,
                },
                3 => Message::Challenge {
                    method: text,
                    extra: dict,
                },
                4 => Message::Authenticate {
                    signature: text,
                    extra: dict,
                },
                5 => Message::Goodbye {
                    details: dict,
                    reason: uri,
                },
                6 => Message::Error {
                    kind: RequestKind::ALL[kind],
                    request,
                    details: dict,
                    error: uri,
                    payload,
                },
                7 => Message::Publish {
                    request,
                    options: dict,
                    topic: uri,
                    payload,
                },
                8 => Message::Published {
                    request,
                    publication: id,
                },
                9 => Message::Subscribe {
                    request,
                    options: dict,
                    topic: uri,
                },
                10 => Message::Subscribed {
                    request,
                    subscription: id,
                },
                11 => Message::Unsubscribe {
                    request,
                    subscription: id,
                },
                12 => Message::Unsubscribed { request },
                13 => Message::Event {
                    subscription: request,
                    publication: id,
                    details: dict,
                    payload,
                },
                14 => Message::Call {
                    request,
                    options: dict,
                    procedure: uri,
                    payload,
                },
                15 => Message::Cancel {
                    request,
                    options: dict,
                },
                16 => Message::Result {
                    request,
                    details: dict,
                    payload,
                },
                17 => Message::Register {
                    request,
                    options: dict,
                    procedure: uri,
                },
                18 => Message::Registered {
                    request,
                    registration: id,
                },
                19 => Message::Unregister {
                    request,
                    registration: id,
                },
                20 => Message::Unregistered { request },
                21 => Message::Invocation {
                    request,
                    registration: id,
                    details: dict,
                    payload,
                },
                22 => Message::Interrupt {
                    request,
                    options: dict,
                },
                23 => Message::EventReceived { publication: id },
                _ => Message::Yield {
                    request,
                    options: dict,
                    payload,
                },
            }
        },
    )
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(400))]

    #[test]
    fn any_message_is_the_same_after_each_serialization(message in messages(), format in formats()) {
        let bytes = message.to_vec(format).unwrap();
        let read = Message::decode(format, &bytes.clone().into()).unwrap();
        prop_assert_eq!(&read, &message);
        prop_assert_eq!(read.to_vec(format).unwrap(), bytes);
    }

    #[test]
    fn any_bytes_are_a_message_or_an_error(bytes in any::<Vec<u8>>(), format in formats()) {
        if let Ok(message) = Message::decode(format, &bytes.into()) {
            prop_assert!(message.to_vec(format).is_ok());
        }
    }

    #[test]
    fn a_message_with_a_byte_changed_is_a_message_or_an_error(
        message in messages(),
        format in formats(),
        place in any::<prop::sample::Index>(),
        byte in any::<u8>(),
    ) {
        let mut bytes = message.to_vec(format).unwrap();
        let place = place.index(bytes.len());
        bytes[place] = byte;
        if let Ok(message) = Message::decode(format, &bytes.into()) {
            for format in Format::ALL {
                // Translating may fail (a dictionary without text as keys); it must not panic.
                if let Ok(bytes) = message.to_vec(format) {
                    prop_assert!(Message::decode(format, &bytes.into()).is_ok());
                }
            }
        }
    }
}
