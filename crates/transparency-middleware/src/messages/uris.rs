//! URIs: the names of procedures, topics, errors and realms.

use std::borrow::Borrow;
use std::fmt;
use std::sync::Arc;

/// A URI in WAMP's loose form: components joined by dots, each without white space, `.` and `#`
/// (specification, "Loose URIs").
///
/// A pattern's URI may have empty components: `com.shop..order` for `wildcard`, and an empty last
/// one, `com.shop.`, for `prefix`.
///
/// ```
/// use transparency_middleware::messages::{Match, Uri};
///
/// assert!(Uri::new("com.example.add2").is_some());
/// assert!(Uri::new("com..add2").is_none());
/// assert!(Uri::new("com.example add2").is_none());
/// assert!(Uri::pattern("com..add2", Match::Wildcard).is_some());
/// assert!(Uri::pattern("com.", Match::Prefix).is_some());
/// ```
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Uri(Arc<str>);

impl Uri {
    /// The most bytes of a URI. The specification has no
    /// limit; names that people give are far shorter.
    pub const MAX_LENGTH: usize = 1024;

    /// The URI with this text, or `None` when the text is none.
    pub fn new(text: &str) -> Option<Self> {
        Self::pattern(text, Match::Exact)
    }

    /// The URI with this text, under the rules that a way of matching has.
    pub fn pattern(text: &str, matching: Match) -> Option<Self> {
        is_valid(text, matching).then(|| Uri(text.into()))
    }

    /// The URI that is nearest to a text: white space and `#` become `_`. Where that is none
    /// either, it is `wamp.error.invalid_uri`.
    pub(super) fn mended(text: &str) -> Self {
        let mended: String = text
            .chars()
            .map(|c| {
                if c == '#' || c.is_whitespace() {
                    '_'
                } else {
                    c
                }
            })
            .collect();
        let known = || Uri(known::INVALID_URI.into());
        Uri::new(&mended).unwrap_or_else(known)
    }

    /// The text.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Whether only a router may use the name: its first component is `wamp`.
    pub fn is_reserved(&self) -> bool {
        self.0.split('.').next() == Some("wamp")
    }
}

fn is_valid(text: &str, matching: Match) -> bool {
    if text.len() > Uri::MAX_LENGTH {
        return false;
    }
    let is_forbidden = if text.is_ascii() {
        // The same set, without decoding characters: every message with a URI comes by here.
        let is_space = |byte| matches!(byte, b'\t'..=b'\r' | b' ');
        text.bytes().any(|byte| byte == b'#' || is_space(byte))
    } else {
        text.contains(|c: char| c == '#' || c.is_whitespace())
    };
    if is_forbidden {
        return false;
    }
    match matching {
        // Without components there is nothing to match; as
        // a wildcard it is one empty component: anything.
        Match::Wildcard => true,
        Match::Prefix => !text.is_empty() && !text.starts_with('.') && !text.contains(".."),
        Match::Exact => text.split('.').all(|component| !component.is_empty()),
    }
}

impl Borrow<str> for Uri {
    fn borrow(&self) -> &str {
        &self.0
    }
}

impl AsRef<str> for Uri {
    fn as_ref(&self) -> &str {
        &self.0
    }
}

impl PartialEq<str> for Uri {
    fn eq(&self, other: &str) -> bool {
        *self.0 == *other
    }
}

impl PartialEq<&str> for Uri {
    fn eq(&self, other: &&str) -> bool {
        *self.0 == **other
    }
}

impl fmt::Display for Uri {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl fmt::Debug for Uri {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(&*self.0, f)
    }
}

/// How the URI of a registration or a subscription
/// is compared with that of a call or a publication.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub enum Match {
    /// They are equal.
    #[default]
    Exact,
    /// The call's begins with the registration's, as text: `com.ex` matches `com.example`.
    Prefix,
    /// They have the same number of components, and each one of the registration's that is not
    /// empty is equal: `com..add` matches `com.example.add`.
    Wildcard,
}

impl Match {
    /// The word in the option `match`.
    pub const fn word(self) -> &'static str {
        match self {
            Match::Exact => "exact",
            Match::Prefix => "prefix",
            Match::Wildcard => "wildcard",
        }
    }

    /// What a word stands for.
    pub fn from_word(word: &str) -> Option<Self> {
        [Match::Exact, Match::Prefix, Match::Wildcard]
            .into_iter()
            .find(|matching| matching.word() == word)
    }

    /// Whether a pattern matches a URI.
    ///
    /// ```
    /// use transparency_middleware::messages::Match;
    ///
    /// assert!(Match::Prefix.matches("com.ex", "com.example.add"));
    /// assert!(Match::Wildcard.matches("com..add", "com.example.add"));
    /// assert!(!Match::Wildcard.matches("com..add", "com.add"));
    /// ```
    pub fn matches(self, pattern: &str, uri: &str) -> bool {
        match self {
            Match::Exact => pattern == uri,
            // The empty prefix, which stands for everything, is not left
            // to memcmp: glibc's for AVX-512 takes 300 ns to find nothing
            // equal to nothing, as an empty string's address is none.
            Match::Prefix => pattern.is_empty() || uri.starts_with(pattern),
            Match::Wildcard => {
                let mut components = uri.split('.');
                let fits = pattern.split('.').all(|wanted| {
                    components
                        .next()
                        .is_some_and(|component| wanted.is_empty() || wanted == component)
                });
                fits && components.next().is_none()
            }
        }
    }
}

/// Which of several callees of one procedure gets a call (shared registration).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Invoke {
    /// There is one callee; a second cannot register.
    #[default]
    Single,
    /// The one that registered first: the others stand by.
    First,
    /// The one that registered last.
    Last,
    /// Each in turn.
    RoundRobin,
    /// Any.
    Random,
}

impl Invoke {
    /// The word in the option `invoke`.
    pub const fn word(self) -> &'static str {
        match self {
            Invoke::Single => "single",
            Invoke::First => "first",
            Invoke::Last => "last",
            Invoke::RoundRobin => "roundrobin",
            Invoke::Random => "random",
        }
    }

    /// What a word stands for.
    pub fn from_word(word: &str) -> Option<Self> {
        [
            Invoke::Single,
            Invoke::First,
            Invoke::Last,
            Invoke::RoundRobin,
            Invoke::Random,
        ]
        .into_iter()
        .find(|invoke| invoke.word() == word)
    }
}

/// What becomes of the callee when a call is cancelled.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum CancelMode {
    /// The caller is answered at once; the callee hears nothing and its answer is dropped.
    Skip,
    /// The callee is interrupted, and the caller is answered when the callee has answered.
    Kill,
    /// The caller is answered at once, the callee is interrupted, and its answer is dropped.
    #[default]
    KillNoWait,
}

impl CancelMode {
    /// The word in the option `mode`.
    pub const fn word(self) -> &'static str {
        match self {
            CancelMode::Skip => "skip",
            CancelMode::Kill => "kill",
            CancelMode::KillNoWait => "killnowait",
        }
    }

    /// What a word stands for.
    pub fn from_word(word: &str) -> Option<Self> {
        [CancelMode::Skip, CancelMode::Kill, CancelMode::KillNoWait]
            .into_iter()
            .find(|mode| mode.word() == word)
    }
}

/// The URIs that the specification gives a meaning.
pub mod known {
    /// A message's URI is none.
    pub const INVALID_URI: &str = "wamp.error.invalid_uri";
    /// No procedure is registered under the URI of a call.
    pub const NO_SUCH_PROCEDURE: &str = "wamp.error.no_such_procedure";
    /// Another callee has the procedure.
    pub const PROCEDURE_ALREADY_EXISTS: &str = "wamp.error.procedure_already_exists";
    /// An UNREGISTER for a registration that is not the session's.
    pub const NO_SUCH_REGISTRATION: &str = "wamp.error.no_such_registration";
    /// An UNSUBSCRIBE for a subscription that is not the session's.
    pub const NO_SUCH_SUBSCRIPTION: &str = "wamp.error.no_such_subscription";
    /// The arguments do not suit the procedure, or cannot be carried in the callee's serialization.
    pub const INVALID_ARGUMENT: &str = "wamp.error.invalid_argument";
    /// Shutting down: a reason for GOODBYE and ABORT.
    pub const SYSTEM_SHUTDOWN: &str = "wamp.close.system_shutdown";
    /// Leaving the realm: a reason for GOODBYE.
    pub const CLOSE_REALM: &str = "wamp.close.close_realm";
    /// The answer to a GOODBYE.
    pub const GOODBYE_AND_OUT: &str = "wamp.close.goodbye_and_out";
    /// Left out by hand of an administrator or by a limit: a reason for GOODBYE and ABORT.
    pub const KILLED: &str = "wamp.close.killed";
    /// A message that breaks the protocol: the reason of an ABORT.
    pub const PROTOCOL_VIOLATION: &str = "wamp.error.protocol_violation";
    /// The role has no right to do this.
    pub const NOT_AUTHORIZED: &str = "wamp.error.not_authorized";
    /// The router has no realm of this name.
    pub const NO_SUCH_REALM: &str = "wamp.error.no_such_realm";
    /// The router has no role of this name.
    pub const NO_SUCH_ROLE: &str = "wamp.error.no_such_role";
    /// None of the ways to authenticate that the client offers is the router's.
    pub const NO_MATCHING_AUTH_METHOD: &str = "wamp.error.no_matching_auth_method";
    /// Nobody of this name may come in this way.
    pub const NO_SUCH_PRINCIPAL: &str = "wamp.error.no_such_principal";
    /// The ticket or the signature is wrong.
    pub const AUTHENTICATION_DENIED: &str = "wamp.error.authentication_denied";
    /// The realm lets nobody in who does not authenticate.
    pub const AUTHENTICATION_REQUIRED: &str = "wamp.error.authentication_required";
    /// A registration was taken away: another callee has
    /// registered the procedure with `force_reregister`.
    pub const UNREGISTERED: &str = "wamp.error.unregistered";
    /// The call was cancelled, or its callee left before it had answered.
    pub const CANCELED: &str = "wamp.error.canceled";
    /// The call was not answered before its deadline.
    pub const TIMEOUT: &str = "wamp.error.timeout";
    /// An option that is valid, and not to be had here.
    pub const OPTION_NOT_ALLOWED: &str = "wamp.error.option_not_allowed";
    /// The router does not tell a callee who calls.
    pub const OPTION_DISALLOWED_DISCLOSE_ME: &str = "wamp.error.option_disallowed.disclose_me";
    /// The router's limit of calls, registrations or subscriptions of one session is reached.
    pub const UNAVAILABLE: &str = "wamp.error.unavailable";
    /// The payload is larger than can be carried.
    pub const PAYLOAD_SIZE_EXCEEDED: &str = "wamp.error.payload_size_exceeded";
    /// There is no session of this id.
    pub const NO_SUCH_SESSION: &str = "wamp.error.no_such_session";
    /// Meta event: a session has joined; one argument, a dictionary with `session`, `authid`, ….
    pub const SESSION_ON_JOIN: &str = "wamp.session.on_join";
    /// Meta event: a session has left; its id, its authid, its authrole.
    pub const SESSION_ON_LEAVE: &str = "wamp.session.on_leave";
}
