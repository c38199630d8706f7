//! The messages: one table, from which the types, the codes, the names, reading and writing follow.

use super::decode::{Field, Parts, Reader};
use super::encode::{Chain, elements};
use super::error::{DecodeError, PayloadError};
use super::format::Format;
use super::kind::RequestKind;
use super::payload::Payload;
use super::rules::{self, Rule};
use super::uris::Uri;
use super::{Dict, Id};

/// Makes [`Message`] from rows.
///
/// ```text
/// CODE "NAME" Variant request (0) { field: Type = "its name in errors" by RULES, … } with payload
/// ```
///
/// The fields have the order of the message's elements. `request` marks a
/// message that an ERROR may answer. `(0)` is an element that is always 0.
/// A payload is up to two more elements: positional and keyword arguments.
macro_rules! messages {
    ($(
        $(#[$meta:meta])*
        $code:literal $name:literal $variant:ident $($request:ident)? $(($zero:literal))? {
            $($field:ident: $type:ty = $what:literal $(by $rules:expr)?),+
        } $(with $payload:ident)?
    )+) => {
        /// A WAMP message: the basic profile's 20, and CHALLENGE, AUTHENTICATE, CANCEL, INTERRUPT
        /// and EVENT_RECEIVED.
        ///
        /// ```
        /// use transparency_middleware::messages::{Id, Message, Payload, Format, Uri, Dict};
        ///
        /// let message = Message::from_json(r#"[48, 7814135, {}, "com.example.add2", [23, 7]]"#)?;
        /// let Message::Call { request, procedure, payload, .. } = &message else { panic!() };
        /// assert_eq!(request.get(), 7814135);
        /// assert_eq!(procedure, "com.example.add2");
        /// assert_eq!(payload.args::<(i64, i64)>()?, (23, 7));
        ///
        /// let same = Message::from_cbor(&message.to_cbor()?)?;
        /// assert_eq!(same, message);
        /// # Ok::<(), Box<dyn std::error::Error>>(())
        /// ```
        #[derive(Debug, Clone, PartialEq)]
        #[expect(
            missing_docs,
            reason = "the fields have the specification's names and meanings"
        )]
        pub enum Message {
            $(
                $(#[$meta])*
                $variant { $($field: $type,)+ $($payload: Payload,)? },
            )+
        }

        // What an ERROR may answer has the message's own code.
        const _: () = {
            $($(messages!(@same $code $variant $request);)?)+
        };

        /// Each message's code, name, and how many elements it has: at least and at most.
        const SHAPES: &[(u64, &str, usize, usize)] = &[
            $({
                const LEAST: usize = messages!(@elements $($field)+ $($zero)?);
                ($code, $name, LEAST, LEAST + messages!(@payload $($payload)?))
            },)+
        ];

        impl Message {
            /// The message's code, `48` for a CALL.
            pub const fn code(&self) -> u64 {
                match self {
                    $(Message::$variant { .. } => $code,)+
                }
            }

            /// The message's name, `CALL`.
            pub const fn name(&self) -> &'static str {
                match self {
                    $(Message::$variant { .. } => $name,)+
                }
            }

            /// The arguments, of a message that carries some.
            pub const fn payload(&self) -> Option<&Payload> {
                match self {
                    $($(Message::$variant { $payload, .. } => Some($payload),)?)+
                    _ => None,
                }
            }

            pub(super) fn write(&self, format: Format, out: &mut Vec<u8>) -> Result<(), PayloadError> {
                match self {
                    $(Message::$variant { $($field,)+ $($payload,)? } => {
                        let count = messages!(@elements $($field)+ $($zero)?);
                        $(
                            let $payload = $payload.in_format(format)?;
                            let count = count + elements(&$payload);
                        )?
                        let chain = Chain::new(format, count, out).number($code);
                        $(let chain = chain.number($zero);)?
                        $(let chain = $field.write(chain)?;)+
                        $(let chain = chain.payload(&$payload);)?
                        chain.end();
                    })+
                }
                Ok(())
            }

            /// Reads the elements of a message with this code.
            pub(super) fn read(code: u64, parts: &Parts<'_>) -> Result<Self, DecodeError> {
                let count = parts.elements.len();
                match code {
                    $($code if {
                        const LEAST: usize = messages!(@elements $($field)+ $($zero)?);
                        (LEAST..=LEAST + messages!(@payload $($payload)?)).contains(&count)
                    } => {
                        let mut reader = Reader::new(
                            parts,
                            messages!(@kind $variant $($request)?),
                            messages!(@elements $($field)+ $($zero)?),
                            messages!(@payload $($payload)?) > 0,
                        );
                        $(reader.expect_number($zero)?;)?
                        Ok(Message::$variant {
                            $($field: Field::read(
                                &mut reader,
                                $what,
                                messages!(@rules $($rules)?),
                            )?,)+
                            $($payload: reader.$payload()?,)?
                        })
                    })+
                    _ => Err(wrong_length(code, count)),
                }
            }
        }
    };
    (@same $code:literal $variant:ident $request:ident) => {
        assert!(RequestKind::$variant.code() == $code)
    };
    (@elements $($item:tt)+) => { 1 + [$(stringify!($item)),+].len() };
    (@payload) => { 0 };
    (@payload $payload:ident) => { 2 };
    (@kind $variant:ident) => { None };
    (@kind $variant:ident $request:ident) => { Some(RequestKind::$variant) };
    (@rules) => { &[] as &[Rule] };
    (@rules $rules:expr) => { $rules };
}

messages! {
    /// `[1, Realm|uri, Details|dict]`: a client wants to join a realm.
    1 "HELLO" Hello { realm: Uri = "realm", details: Dict = "details" by rules::HELLO }
    /// `[2, Session|id, Details|dict]`: the router lets it in.
    2 "WELCOME" Welcome { session: Id = "session id", details: Dict = "details" by rules::WELCOME }
    /// `[3, Details|dict, Reason|uri]`, with arguments where a peer adds them:
    /// the session ends at once.
    3 "ABORT" Abort {
        details: Dict = "details" by rules::CLOSE,
        reason: Uri = "reason"
    } with payload
    /// `[4, AuthMethod|string, Extra|dict]`: the router wants a proof of who the client is.
    4 "CHALLENGE" Challenge { method: String = "method", extra: Dict = "extra" by rules::CHALLENGE }
    /// `[5, Signature|string, Extra|dict]`: the proof.
    5 "AUTHENTICATE" Authenticate { signature: String = "signature", extra: Dict = "extra" }
    /// `[6, Details|dict, Reason|uri]`: the session ends, and the other side says the same.
    6 "GOODBYE" Goodbye { details: Dict = "details" by rules::CLOSE, reason: Uri = "reason" }
    /// `[8, REQUEST.Type|int, REQUEST.Request|id, Details|dict, Error|uri, Arguments|list,
    /// ArgumentsKw|dict]`.
    8 "ERROR" Error {
        kind: RequestKind = "request type",
        request: Id = "request id",
        details: Dict = "details" by rules::ERROR,
        error: Uri = "error"
    } with payload
    /// `[16, Request|id, Options|dict, Topic|uri, Arguments|list, ArgumentsKw|dict]`.
    16 "PUBLISH" Publish request {
        request: Id = "request id",
        options: Dict = "options" by rules::PUBLISH,
        topic: Uri = "URI"
    } with payload
    /// `[17, PUBLISH.Request|id, Publication|id]`.
    17 "PUBLISHED" Published { request: Id = "request id", publication: Id = "publication id" }
    /// `[32, Request|id, Options|dict, Topic|uri]`.
    32 "SUBSCRIBE" Subscribe request {
        request: Id = "request id",
        options: Dict = "options" by rules::SUBSCRIBE,
        topic: Uri = "URI"
    }
    /// `[33, SUBSCRIBE.Request|id, Subscription|id]`.
    33 "SUBSCRIBED" Subscribed { request: Id = "request id", subscription: Id = "subscription id" }
    /// `[34, Request|id, SUBSCRIBED.Subscription|id]`.
    34 "UNSUBSCRIBE" Unsubscribe request {
        request: Id = "request id",
        subscription: Id = "subscription id"
    }
    /// `[35, UNSUBSCRIBE.Request|id]`.
    35 "UNSUBSCRIBED" Unsubscribed { request: Id = "request id" }
    /// `[35, 0, Details|dict]`: the router took the subscription in `details.subscription` away.
    35 "UNSUBSCRIBED" SubscriptionRevoked (0) {
        details: Dict = "details" by rules::SUBSCRIPTION_REVOKED
    }
    /// `[36, SUBSCRIBED.Subscription|id, PUBLISHED.Publication|id, Details|dict, Arguments|list,
    /// ArgumentsKw|dict]`.
    36 "EVENT" Event {
        subscription: Id = "subscription id",
        publication: Id = "publication id",
        details: Dict = "details" by rules::EVENT
    } with payload
    /// `[337, PUBLISHED.Publication|id]`: a subscriber has an event (acknowledged delivery, an
    /// experiment in the specification). It is read and written; the router does not ask for it.
    337 "EVENT_RECEIVED" EventReceived { publication: Id = "publication id" }
    /// `[48, Request|id, Options|dict, Procedure|uri, Arguments|list, ArgumentsKw|dict]`.
    48 "CALL" Call request {
        request: Id = "request id",
        options: Dict = "options" by rules::CALL,
        procedure: Uri = "URI"
    } with payload
    /// `[49, CALL.Request|id, Options|dict]`.
    49 "CANCEL" Cancel { request: Id = "request id", options: Dict = "options" by rules::CANCEL }
    /// `[50, CALL.Request|id, Details|dict, Arguments|list, ArgumentsKw|dict]`.
    50 "RESULT" Result {
        request: Id = "request id",
        details: Dict = "details" by rules::RESULT
    } with payload
    /// `[64, Request|id, Options|dict, Procedure|uri]`.
    64 "REGISTER" Register request {
        request: Id = "request id",
        options: Dict = "options" by rules::REGISTER,
        procedure: Uri = "URI"
    }
    /// `[65, REGISTER.Request|id, Registration|id]`.
    65 "REGISTERED" Registered { request: Id = "request id", registration: Id = "registration id" }
    /// `[66, Request|id, REGISTERED.Registration|id]`.
    66 "UNREGISTER" Unregister request {
        request: Id = "request id",
        registration: Id = "registration id"
    }
    /// `[67, UNREGISTER.Request|id]`.
    67 "UNREGISTERED" Unregistered { request: Id = "request id" }
    /// `[67, 0, Details|dict]`: the router took the registration in `details.registration` away.
    67 "UNREGISTERED" RegistrationRevoked (0) {
        details: Dict = "details" by rules::REGISTRATION_REVOKED
    }
    /// `[68, Request|id, REGISTERED.Registration|id, Details|dict, Arguments|list,
    /// ArgumentsKw|dict]`.
    68 "INVOCATION" Invocation request {
        request: Id = "request id",
        registration: Id = "registration id",
        details: Dict = "details" by rules::INVOCATION
    } with payload
    /// `[69, INVOCATION.Request|id, Options|dict]`.
    69 "INTERRUPT" Interrupt {
        request: Id = "request id",
        options: Dict = "options" by rules::INTERRUPT
    }
    /// `[70, INVOCATION.Request|id, Options|dict, Arguments|list, ArgumentsKw|dict]`.
    70 "YIELD" Yield {
        request: Id = "request id",
        options: Dict = "options" by rules::YIELD
    } with payload
}

/// The name of a message's code, for an error's text.
pub(super) fn name_of(code: u64) -> Option<&'static str> {
    SHAPES
        .iter()
        .find(|(known, ..)| *known == code)
        .map(|(_, name, ..)| *name)
}

/// How many elements a message with this code has: at least and at most.
fn lengths(code: u64) -> Option<(usize, usize)> {
    SHAPES
        .iter()
        .filter(|(known, ..)| *known == code)
        .map(|(_, _, least, most)| (*least, *most))
        .reduce(|one, other| (one.0.min(other.0), one.1.max(other.1)))
}

/// The error of a message that has too few elements or too many.
fn wrong_length(code: u64, count: usize) -> DecodeError {
    let Some((least, most)) = lengths(code) else {
        return DecodeError::malformed("the type is unknown".to_string());
    };
    let wanted = if least == most {
        least.to_string()
    } else {
        format!("{least} to {most}")
    };
    DecodeError::malformed(format!("{count} elements where there are {wanted}"))
}
