//! Runs message vectors in the format of the WAMP project's own (`testsuite/SCHEMA.json` of
//! wamp-proto): samples with the bytes of a message in several serializations and what they mean,
//! and samples of messages that are valid or have to be refused.

use std::collections::BTreeMap;

use transparency_middleware::messages::{Dict, Format, Message, Payload, Value};

/// How many samples there were of each kind.
#[derive(Debug, Default, PartialEq, Eq, Clone, Copy)]
pub struct Count {
    pub serialized: usize,
    pub valid: usize,
    pub refused: usize,
}

/// The serializations by the names that vectors have
/// for them. Others (UBJSON, FlatBuffers) are not ours.
const NAMES: [(&str, Format); 3] = [
    ("json", Format::Json),
    ("msgpack", Format::MessagePack),
    ("cbor", Format::Cbor),
];

/// Runs a file of vectors, and panics with what is wrong with the first sample that fails.
pub fn run(name: &str, text: &str, count: &mut Count) {
    let file: Dict = serde_json::from_str(text).unwrap_or_else(|error| panic!("{name}: {error}"));
    for sample in file.list("samples").unwrap_or_default() {
        let sample = sample.as_dict().expect("a sample is a dictionary");
        let what = format!("{name}: {}", sample.str("description").unwrap_or_default());
        match (sample.dict("serializers"), sample.get("wmsg")) {
            (Some(serializers), None) => {
                serialized(&what, serializers, sample);
                count.serialized += 1;
            }
            (None, Some(message)) => match sample.dict("expected_error") {
                Some(error) => {
                    refused(&what, message, error.str("contains"));
                    count.refused += 1;
                }
                None => {
                    valid(&what, message);
                    count.valid += 1;
                }
            },
            _ => panic!("{what}: neither serializers nor wmsg"),
        }
    }
}

/// All forms of the message are the same message, with these attributes; each can be written as it
/// was, and translated into one of the forms of each other serialization.
fn serialized(what: &str, serializers: &Dict, sample: &Dict) {
    let mut forms: BTreeMap<&str, Vec<Vec<u8>>> = BTreeMap::new();
    for (name, _) in NAMES {
        for form in serializers.list(name).unwrap_or_default() {
            let form = form.as_dict().expect("a form is a dictionary");
            let bytes = unhex(form.str("bytes_hex").expect("a form has its bytes"));
            if let Some(text) = form.str("bytes") {
                assert_eq!(text.as_bytes(), bytes, "{what}: the form's two spellings");
            }
            forms.entry(name).or_default().push(bytes);
        }
    }
    assert!(!forms.is_empty(), "{what}: no form that is ours");
    let mut first: Option<Message> = None;
    for (name, format) in NAMES {
        for bytes in forms.get(name).into_iter().flatten() {
            let message = Message::decode(format, &bytes.clone().into())
                .unwrap_or_else(|error| panic!("{what} in {name}: {error}"));
            check_attributes(what, &message, sample);
            assert_eq!(
                first.get_or_insert_with(|| message.clone()),
                &message,
                "{what} in {name}"
            );
            for (other, into) in NAMES {
                let mut written = Vec::new();
                message.encode(into, &mut written).unwrap();
                let again = Message::decode(into, &written.clone().into());
                assert_eq!(
                    again.as_ref(),
                    Ok(&message),
                    "{what} from {name} to {other}"
                );
                // JSON's spaces in a payload stay as they came.
                if let Some(known) = forms.get(other).filter(|_| into != format) {
                    assert!(
                        known.contains(&written),
                        "{what} from {name} to {other}: {written:02x?}"
                    );
                }
            }
        }
    }
}

fn valid(what: &str, message: &Value) {
    for (name, format) in NAMES {
        let bytes = bytes_of(format, message);
        let read = Message::decode(format, &bytes.clone().into());
        let read = read.unwrap_or_else(|error| panic!("{what} in {name}: {error}"));
        let mut written = Vec::new();
        read.encode(format, &mut written).unwrap();
        assert_eq!(written, bytes, "{what} in {name}");
    }
}

fn refused(what: &str, message: &Value, contains: Option<&str>) {
    for (name, format) in NAMES {
        match Message::decode(format, &bytes_of(format, message).into()) {
            Ok(message) => panic!("{what} in {name}: taken as {message:?}"),
            Err(error) => {
                let named = contains.is_none_or(|part| error.message.contains(part));
                assert!(
                    named,
                    "{what} in {name}: {error} does not tell of {contains:?}"
                );
            }
        }
    }
}

/// A message that is only a list of values, in a
/// serialization: as a payload's arguments are written.
fn bytes_of(format: Format, message: &Value) -> Vec<u8> {
    Payload::new(format, message)
        .expect("a message is a list")
        .raw_args()
        .to_vec()
}

fn check_attributes(what: &str, message: &Message, sample: &Dict) {
    let found = attributes(message);
    let expected = sample
        .dict("expected_attributes")
        .expect("a sample has attributes");
    for (name, value) in expected.iter() {
        let empty = Value::Dict(Dict::new());
        let found = found.get(name).unwrap_or(&Value::Null);
        // "null" and an empty dictionary or list both stand for what is not there.
        let absent = |value: &Value| {
            *value == Value::Null || *value == empty || value.as_list().is_some_and(<[_]>::is_empty)
        };
        assert!(
            found == value || (absent(found) && absent(value)),
            "{what}: {name} is {found:?} and should be {value:?}"
        );
    }
}

/// A message's fields by the names that the vectors have for them.
fn attributes(message: &Message) -> Dict {
    let mut fields = Dict::new().with("message_type", message.code());
    let mut put = |name: &str, value: Value| fields.insert(name, value);
    match message {
        Message::Hello { .. }
        | Message::Welcome { .. }
        | Message::Abort { .. }
        | Message::Goodbye { .. }
        | Message::Challenge { .. }
        | Message::Authenticate { .. } => put_session(message, &mut put),
        Message::Error {
            kind,
            request,
            details,
            error,
            ..
        } => {
            put("request_type", kind.code().into());
            put("request_id", (*request).into());
            put("details", details.clone().into());
            put("error", error.as_str().into());
        }
        Message::Publish {
            request,
            options,
            topic,
            ..
        }
        | Message::Subscribe {
            request,
            options,
            topic,
        } => {
            put("request_id", (*request).into());
            put("options", options.clone().into());
            put("topic", topic.as_str().into());
        }
        Message::Call {
            request,
            options,
            procedure,
            ..
        }
        | Message::Register {
            request,
            options,
            procedure,
        } => {
            put("request_id", (*request).into());
            put("options", options.clone().into());
            put("procedure", procedure.as_str().into());
        }
        Message::Published { .. }
        | Message::Subscribed { .. }
        | Message::Unsubscribe { .. }
        | Message::Registered { .. }
        | Message::Unregister { .. }
        | Message::Unsubscribed { .. }
        | Message::Unregistered { .. }
        | Message::SubscriptionRevoked { .. }
        | Message::RegistrationRevoked { .. } => put_ids(message, &mut put),
        Message::Event {
            subscription,
            publication,
            details,
            ..
        } => {
            put("subscription", (*subscription).into());
            put("publication", (*publication).into());
            put("details", details.clone().into());
        }
        Message::EventReceived { publication } => put("publication_id", (*publication).into()),
        Message::Invocation {
            request,
            registration,
            details,
            ..
        } => {
            put("request_id", (*request).into());
            put("registration_id", (*registration).into());
            put("details", details.clone().into());
        }
        Message::Result {
            request, details, ..
        } => {
            put("request_id", (*request).into());
            put("details", details.clone().into());
        }
        Message::Cancel { request, options }
        | Message::Interrupt { request, options }
        | Message::Yield {
            request, options, ..
        } => {
            put("request_id", (*request).into());
            put("options", options.clone().into());
        }
    }
    if let Some(payload) = message.payload() {
        match payload.sealed().unwrap() {
            Some(sealed) => put("payload", hex(&sealed).into()),
            None => {
                put("args", Value::List(payload.args().unwrap()));
                put("kwargs", payload.kwargs::<Dict>().unwrap().into());
            }
        }
    }
    fields
}

/// The fields of a message that opens or closes a session.
fn put_session(message: &Message, put: &mut dyn FnMut(&str, Value)) {
    match message {
        Message::Hello { realm, details } => {
            put("realm", realm.as_str().into());
            put(
                "roles",
                details.get("roles").cloned().unwrap_or(Value::Null),
            );
        }
        Message::Welcome { session, details } => {
            put("session_id", (*session).into());
            put(
                "roles",
                details.get("roles").cloned().unwrap_or(Value::Null),
            );
        }
        Message::Abort {
            details, reason, ..
        }
        | Message::Goodbye { details, reason } => {
            put("details", details.clone().into());
            put("reason", reason.as_str().into());
        }
        Message::Challenge { method, extra } => {
            put("method", method.as_str().into());
            put("extra", extra.clone().into());
        }
        Message::Authenticate { signature, extra } => {
            put("signature", signature.as_str().into());
            put("extra", extra.clone().into());
        }
        _ => panic!("{message:?} neither opens nor closes a session"),
    }
}

/// The fields of a message that only names a request and what it made or ends.
fn put_ids(message: &Message, put: &mut dyn FnMut(&str, Value)) {
    match message {
        Message::Published {
            request,
            publication,
        } => {
            put("request_id", (*request).into());
            put("publication_id", (*publication).into());
        }
        Message::Subscribed {
            request,
            subscription,
        }
        | Message::Unsubscribe {
            request,
            subscription,
        } => {
            put("request_id", (*request).into());
            put("subscription_id", (*subscription).into());
        }
        Message::Registered {
            request,
            registration,
        }
        | Message::Unregister {
            request,
            registration,
        } => {
            put("request_id", (*request).into());
            put("registration_id", (*registration).into());
        }
        Message::Unsubscribed { request } | Message::Unregistered { request } => {
            put("request_id", (*request).into());
        }
        Message::SubscriptionRevoked { details } | Message::RegistrationRevoked { details } => {
            put("request_id", 0.into());
            put("details", details.clone().into());
        }
        _ => panic!("{message:?} has more than ids"),
    }
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

fn unhex(text: &str) -> Vec<u8> {
    let digits = text.as_bytes().chunks(2);
    let byte = |pair: &[u8]| {
        let pair = std::str::from_utf8(pair).expect("hexadecimal digits");
        u8::from_str_radix(pair, 16).expect("hexadecimal digits")
    };
    digits.map(byte).collect()
}
