//! The types of the options and details that the specification names. Others are let through:
//! "Attributes unknown to an implementation MUST be ignored".

use super::value::{Dict, Value};

/// A name, what is under it, and whether it has to be there.
#[derive(Debug)]
pub(super) struct Rule {
    name: &'static str,
    kind: Kind,
    needed: bool,
}

/// What may stand under a name.
#[derive(Debug)]
enum Kind {
    Bool,
    /// A whole number that is not negative.
    Number,
    Id,
    Text,
    Uri,
    Dict,
    Ids,
    Texts,
    /// A list of dictionaries, each by these rules.
    Dicts(&'static [Rule]),
    /// One of these words.
    Word(&'static [&'static str]),
    /// One of these words, or one that begins with `x_`,
    /// which the specification leaves to everybody.
    WordOrOwn(&'static [&'static str]),
    /// At least one of these roles, each a dictionary, its `features` a dictionary or null.
    Roles(&'static [&'static str]),
}

const fn may(name: &'static str, kind: Kind) -> Rule {
    Rule {
        name,
        kind,
        needed: false,
    }
}

const fn must(name: &'static str, kind: Kind) -> Rule {
    Rule {
        name,
        kind,
        needed: true,
    }
}

const CLIENT_ROLES: &[&str] = &["publisher", "subscriber", "caller", "callee"];
const ROUTER_ROLES: &[&str] = &["broker", "dealer"];
const CANCEL_MODES: &[&str] = &["skip", "kill", "killnowait"];

/// Through which routers a message has come, where they are linked.
const FORWARD_FOR: Rule = may(
    "forward_for",
    Kind::Dicts(&[
        must("session", Kind::Id),
        may("authid", Kind::Text),
        may("authrole", Kind::Text),
    ]),
);

/// A name for what a message belongs to in a ledger.
const TRANSACTION_HASH: Rule = may("transaction_hash", Kind::Text);

/// The option that says how a payload is sealed that no router reads (payload transparency). With
/// it the payload is one string or bytes, in place of a list and a dictionary.
pub(super) const ENC_ALGO: &str = "enc_algo";

/// For each message that has a payload, next to its own.
pub(super) const PAYLOAD: &[Rule] = &[
    may(ENC_ALGO, Kind::WordOrOwn(&["cryptobox", "mqtt", "xbr"])),
    may(
        "enc_serializer",
        Kind::WordOrOwn(&["json", "msgpack", "cbor", "ubjson", "flatbuffers"]),
    ),
    may("enc_key", Kind::Text),
];

pub(super) const HELLO: &[Rule] = &[
    must("roles", Kind::Roles(CLIENT_ROLES)),
    may("agent", Kind::Text),
    may("authmethods", Kind::Texts),
    may("authid", Kind::Text),
    may("authrole", Kind::Text),
    may("authextra", Kind::Dict),
    may("resumable", Kind::Bool),
];

pub(super) const WELCOME: &[Rule] = &[
    must("roles", Kind::Roles(ROUTER_ROLES)),
    may("agent", Kind::Text),
    may("realm", Kind::Uri),
    may("authid", Kind::Text),
    may("authrole", Kind::Text),
    may("authmethod", Kind::Text),
    may("authprovider", Kind::Text),
    may("authextra", Kind::Dict),
];

pub(super) const CLOSE: &[Rule] = &[may("message", Kind::Text)];

pub(super) const CHALLENGE: &[Rule] = &[
    may("challenge", Kind::Text),
    may("salt", Kind::Text),
    may("keylen", Kind::Number),
    may("iterations", Kind::Number),
];

pub(super) const ERROR: &[Rule] = &[
    may("callee", Kind::Id),
    may("callee_authid", Kind::Text),
    may("callee_authrole", Kind::Text),
    FORWARD_FOR,
];

pub(super) const PUBLISH: &[Rule] = &[
    may("acknowledge", Kind::Bool),
    may("exclude_me", Kind::Bool),
    may("disclose_me", Kind::Bool),
    may("retain", Kind::Bool),
    may("exclude", Kind::Ids),
    may("exclude_authid", Kind::Texts),
    may("exclude_authrole", Kind::Texts),
    may("eligible", Kind::Ids),
    may("eligible_authid", Kind::Texts),
    may("eligible_authrole", Kind::Texts),
    TRANSACTION_HASH,
    FORWARD_FOR,
];

pub(super) const SUBSCRIBE: &[Rule] = &[
    may("match", Kind::Word(&["exact", "prefix", "wildcard"])),
    may("get_retained", Kind::Bool),
    FORWARD_FOR,
];

pub(super) const SUBSCRIPTION_REVOKED: &[Rule] =
    &[must("subscription", Kind::Id), may("reason", Kind::Uri)];

pub(super) const EVENT: &[Rule] = &[
    may("publisher", Kind::Id),
    may("publisher_authid", Kind::Text),
    may("publisher_authrole", Kind::Text),
    may("topic", Kind::Uri),
    may("retained", Kind::Bool),
    may("trustlevel", Kind::Number),
    may("x_acknowledged_delivery", Kind::Bool),
    TRANSACTION_HASH,
    FORWARD_FOR,
];

pub(super) const CALL: &[Rule] = &[
    may("timeout", Kind::Number),
    may("receive_progress", Kind::Bool),
    may("progress", Kind::Bool),
    may("disclose_me", Kind::Bool),
    TRANSACTION_HASH,
    FORWARD_FOR,
];

pub(super) const CANCEL: &[Rule] = &[may("mode", Kind::Word(CANCEL_MODES)), FORWARD_FOR];

pub(super) const RESULT: &[Rule] = &[
    may("progress", Kind::Bool),
    may("callee", Kind::Id),
    may("callee_authid", Kind::Text),
    may("callee_authrole", Kind::Text),
    FORWARD_FOR,
];

pub(super) const REGISTER: &[Rule] = &[
    may("match", Kind::Word(&["exact", "prefix", "wildcard"])),
    may(
        "invoke",
        Kind::Word(&["single", "first", "last", "roundrobin", "random"]),
    ),
    may("concurrency", Kind::Number),
    may("disclose_caller", Kind::Bool),
    may("force_reregister", Kind::Bool),
    FORWARD_FOR,
];

pub(super) const REGISTRATION_REVOKED: &[Rule] =
    &[must("registration", Kind::Id), may("reason", Kind::Uri)];

pub(super) const INVOCATION: &[Rule] = &[
    may("timeout", Kind::Number),
    may("receive_progress", Kind::Bool),
    may("progress", Kind::Bool),
    may("caller", Kind::Id),
    may("caller_authid", Kind::Text),
    may("caller_authrole", Kind::Text),
    may("procedure", Kind::Uri),
    may("trustlevel", Kind::Number),
    TRANSACTION_HASH,
    FORWARD_FOR,
];

pub(super) const INTERRUPT: &[Rule] = &[
    may("mode", Kind::Word(CANCEL_MODES)),
    may("reason", Kind::Uri),
    FORWARD_FOR,
];

pub(super) const YIELD: &[Rule] = &[may("progress", Kind::Bool), FORWARD_FOR];

/// Checks a message's options or details. Null, which JavaScript's undefined becomes as well,
/// counts as absent: some clients write what they do not have.
pub(super) fn check(dict: &Dict, rules: &[Rule]) -> Result<(), String> {
    for rule in rules {
        match dict.get(rule.name).filter(|value| **value != Value::Null) {
            Some(value) => {
                let fits = rule.kind.check(value);
                fits.map_err(|wanted| format!("{} is {wanted}", rule.name))?;
            }
            None if rule.needed => return Err(format!("{} is missing", rule.name)),
            None => {}
        }
    }
    Ok(())
}

impl Kind {
    /// Says what is wanted where the value is something else.
    fn check(&self, value: &Value) -> Result<(), String> {
        let items_are = |fits: fn(&Value) -> bool| {
            let items = value.as_list();
            items.is_some_and(|items| items.iter().all(fits))
        };
        let (fits, wanted) = match self {
            Kind::Bool => (value.as_bool().is_some(), "true or false"),
            Kind::Number => (
                value.as_u64().is_some(),
                "a whole number that is not negative",
            ),
            Kind::Id => (value.as_id().is_some(), "a whole number from 1 to 2^53"),
            Kind::Text => (value.as_str().is_some(), "a string"),
            Kind::Uri => {
                let uri = value.as_str().and_then(super::Uri::new);
                (uri.is_some(), "a URI")
            }
            Kind::Dict => (value.as_dict().is_some(), "a dictionary"),
            Kind::Ids => (items_are(|id| id.as_id().is_some()), "a list of ids"),
            Kind::Texts => (
                items_are(|text| text.as_str().is_some()),
                "a list of strings",
            ),
            Kind::Word(words) => {
                let known = value.as_str().is_some_and(|word| words.contains(&word));
                return if known {
                    Ok(())
                } else {
                    Err(format!("one of {}", words.join(", ")))
                };
            }
            Kind::WordOrOwn(words) => {
                let known = value.as_str().is_some_and(|word| {
                    words.contains(&word)
                        || word.strip_prefix("x_").is_some_and(|own| !own.is_empty())
                });
                return if known {
                    Ok(())
                } else {
                    Err(format!("one of {}, or begins with x_", words.join(", ")))
                };
            }
            Kind::Dicts(rules) => return check_dicts(value, rules),
            Kind::Roles(names) => return check_roles(value, names),
        };
        if fits {
            Ok(())
        } else {
            Err(wanted.to_string())
        }
    }
}

fn check_dicts(value: &Value, rules: &[Rule]) -> Result<(), String> {
    let items = value.as_list().ok_or("a list of dictionaries")?;
    for item in items {
        let dict = item.as_dict().ok_or("a list of dictionaries")?;
        check(dict, rules).map_err(|error| format!("a list of dictionaries, where {error}"))?;
    }
    Ok(())
}

fn check_roles(value: &Value, names: &[&str]) -> Result<(), String> {
    let roles = value.as_dict().filter(|roles| !roles.is_empty());
    let roles =
        roles.ok_or_else(|| format!("a dictionary of at least one of {}", names.join(", ")))?;
    for (name, role) in roles.iter() {
        if !names.contains(&name) {
            return Err(format!(
                "a dictionary of {}, not {name:?}",
                names.join(", ")
            ));
        }
        let role = role
            .as_dict()
            .ok_or_else(|| format!("a dictionary of dictionaries, and {name} is none"))?;
        let Some(features) = role.get("features") else {
            continue;
        };
        // What is not true counts as absent, whatever it is.
        if features.as_dict().is_none() && *features != Value::Null {
            return Err(format!(
                "wrong where {name} has features that are not a dictionary"
            ));
        }
    }
    Ok(())
}
