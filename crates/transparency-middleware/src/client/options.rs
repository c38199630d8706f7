//! How a session is to be opened and kept.

use std::collections::HashSet;
use std::fs;
use std::io;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use super::address::Address;
use super::error::Error;
use crate::messages::{Format, Uri};
use crate::tls::Trust;

/// How a client proves who it is.
#[derive(Clone, Default, PartialEq, Eq)]
pub enum Auth {
    /// Not at all.
    #[default]
    Anonymous,
    /// By a ticket, which crosses the wire as it is.
    Ticket {
        /// Who the client says it is.
        authid: String,
        /// The ticket.
        ticket: String,
    },
    /// By WAMP-CRA: a challenge is signed with the secret, which stays here.
    Cra {
        /// Who the client says it is.
        authid: String,
        /// The secret.
        secret: String,
    },
}

impl Auth {
    /// For a name and the file of its ticket or its secret; anonymous for neither. A secret does
    /// not belong on a command line, which everyone on the machine can read.
    ///
    /// # Errors
    ///
    /// When a file cannot be read, or there is a name
    /// without a file, a file without a name, or both files.
    pub fn from_files(
        authid: Option<&str>,
        ticket: Option<&Path>,
        secret: Option<&Path>,
    ) -> io::Result<Self> {
        let read = |path: &Path| {
            let text = fs::read_to_string(path).map_err(|error| {
                io::Error::new(error.kind(), format!("{}: {error}", path.display()))
            })?;
            io::Result::Ok(text.trim_end_matches(['\r', '\n']).to_string())
        };
        match (authid.map(str::to_string), ticket, secret) {
            (None, None, None) => Ok(Auth::Anonymous),
            (Some(authid), Some(path), None) => Ok(Auth::Ticket {
                authid,
                ticket: read(path)?,
            }),
            (Some(authid), None, Some(path)) => Ok(Auth::Cra {
                authid,
                secret: read(path)?,
            }),
            _ => Err(io::Error::other(
                "a name goes with either a ticket or a secret",
            )),
        }
    }
}

/// Without the ticket and the secret, which have no place in a log.
impl std::fmt::Debug for Auth {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Auth::Anonymous => f.write_str("Anonymous"),
            Auth::Ticket { authid, .. } => write!(f, "Ticket({authid})"),
            Auth::Cra { authid, .. } => write!(f, "Cra({authid})"),
        }
    }
}

/// How long to wait between rounds over the routers' addresses: twice as long after each round that
/// failed, up to a limit, and of that a random part ("full jitter"), so that clients who lost the
/// same router do not all come back in the same moment.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Backoff {
    /// The longest wait after the first round.
    pub first: Duration,
    /// The longest wait ever.
    pub most: Duration,
}

impl Backoff {
    /// A random time for a round: 0 is the first.
    pub(super) fn pause(self, round: u32) -> Duration {
        let factor = 2_u32.saturating_pow(round.min(20));
        let longest = self.first.saturating_mul(factor).min(self.most);
        longest.mul_f64(rand::random())
    }
}

/// What a session tells about itself, apart from any request.
///
/// While the handlers of events keep its thread busy, notices wait for it like events; of
/// connections that come and go meanwhile the last 1,000 are told.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub enum SessionEvent {
    /// The session is open, at first or again.
    Connected {
        /// The router's address.
        address: String,
        /// Whether it had been open before.
        again: bool,
    },
    /// The connection is lost and will be made again.
    Lost {
        /// What happened.
        reason: String,
    },
    /// The session had been open, and now this router does
    /// not let it in again (ABORT). It is tried again later.
    Refused {
        /// The router's address.
        address: String,
        /// What the router answered.
        error: Error,
    },
    /// A registration could not be made again. It is tried again later.
    NotRegistered {
        /// The procedure's URI.
        procedure: String,
        /// What the router answered.
        error: Error,
    },
    /// A subscription could not be made again. It is tried again later.
    NotSubscribed {
        /// The topic's URI.
        topic: String,
        /// What the router answered.
        error: Error,
    },
    /// The handlers were so slow that events found no place in the queue and are lost.
    EventLost {
        /// The topic's URI, as it was subscribed to.
        topic: String,
        /// How many, since the last notice for this subscription.
        count: u64,
    },
    /// The session is at its end and will not come back.
    Ended {
        /// Why.
        error: Error,
    },
}

type Notify = Arc<dyn Fn(&SessionEvent) + Send + Sync>;

/// What a session needs to know; [`Builder`] fills it in.
#[derive(Clone)]
pub(super) struct Config {
    pub(super) realm: Uri,
    pub(super) addresses: Vec<Address>,
    pub(super) format: Format,
    pub(super) auth: Auth,
    /// For addresses with TLS.
    pub(super) trust: Option<Trust>,
    pub(super) call_timeout: Duration,
    pub(super) attempt_timeout: Option<Duration>,
    pub(super) handshake_timeout: Duration,
    pub(super) connect_within: Option<Duration>,
    pub(super) backoff: Backoff,
    pub(super) ping_interval: Duration,
    pub(super) ping_timeout: Duration,
    pub(super) workers: usize,
    pub(super) max_waiting_invocations: usize,
    pub(super) max_waiting_events: usize,
    pub(super) max_waiting_bytes: usize,
    pub(super) max_message_size: usize,
    pub(super) idempotent: HashSet<String>,
    pub(super) notify: Option<Notify>,
}

/// Opens a session with other than the usual settings. See
/// [`Session::builder`](super::Session::builder).
#[derive(Clone)]
pub struct Builder {
    realm: String,
    addresses: Vec<String>,
    config: Config,
}

impl std::fmt::Debug for Builder {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Builder({} at {:?})", self.realm, self.addresses)
    }
}

impl Builder {
    pub(super) fn new(realm: &str) -> Self {
        Builder {
            realm: realm.to_string(),
            addresses: Vec::new(),
            config: Config {
                realm: Uri::new("realm").expect("a word is a URI"),
                addresses: Vec::new(),
                format: Format::Json,
                auth: Auth::Anonymous,
                trust: None,
                call_timeout: Duration::from_secs(30),
                attempt_timeout: None,
                handshake_timeout: Duration::from_secs(5),
                connect_within: None,
                backoff: Backoff {
                    first: Duration::from_millis(50),
                    most: Duration::from_secs(2),
                },
                ping_interval: Duration::from_secs(10),
                ping_timeout: Duration::from_secs(5),
                workers: 16,
                max_waiting_invocations: 4096,
                max_waiting_events: 65536,
                max_waiting_bytes: 64 << 20,
                max_message_size: 16 << 20,
                idempotent: HashSet::new(),
                notify: None,
            },
        }
    }

    /// Adds the addresses of routers, `ws://HOST:PORT/PATH`, or `wss://HOST:PORT/PATH` with TLS.
    /// They are tried in this order, and after a connection is lost from the next one on. A router
    /// that is full (`wamp.error.unavailable`) or being shut down (`wamp.close.system_shutdown`) is
    /// passed over as one that does not answer is.
    #[must_use]
    pub fn routers<U: AsRef<str>>(mut self, addresses: impl IntoIterator<Item = U>) -> Self {
        let addresses = addresses.into_iter();
        self.addresses
            .extend(addresses.map(|address| address.as_ref().to_string()));
        self
    }

    /// How the client proves who it is; at first anonymous.
    #[must_use]
    pub fn auth(mut self, auth: Auth) -> Self {
        self.config.auth = auth;
        self
    }

    /// Which routers with TLS (`wss://`) the client trusts; at first those whose certificate
    /// somebody has signed whom this machine trusts. There is no way to trust any: who does not
    /// look at the certificate speaks to the one who answers.
    #[must_use]
    pub fn trust(mut self, trust: Trust) -> Self {
        self.config.trust = Some(trust);
        self
    }

    /// The serialization; at first JSON.
    #[must_use]
    pub fn format(mut self, format: Format) -> Self {
        self.config.format = format;
        self
    }

    /// How long a request may take that says nothing else; at first 30 s.
    #[must_use]
    pub fn timeout(mut self, limit: Duration) -> Self {
        self.config.call_timeout = limit;
        self
    }

    /// How long one attempt at an idempotent call may take before it is cancelled and made again,
    /// as long as the call's deadline allows; at first as long as the call itself.
    ///
    /// A callee that hangs is told from a slow one by nothing else, so this has to be longer than
    /// the procedure ever takes.
    #[must_use]
    pub fn attempt_timeout(mut self, limit: Duration) -> Self {
        self.config.attempt_timeout = Some(limit);
        self
    }

    /// How long a router may take from the TCP connection to WELCOME; at first 5 s.
    #[must_use]
    pub fn handshake_timeout(mut self, limit: Duration) -> Self {
        self.config.handshake_timeout = limit;
        self
    }

    /// Keeps trying to connect for so long; at first each address is tried once.
    #[must_use]
    pub fn connect_within(mut self, limit: Duration) -> Self {
        self.config.connect_within = Some(limit);
        self
    }

    /// The pauses between attempts to connect; at first from 50 ms to 2 s.
    #[must_use]
    pub fn backoff(mut self, backoff: Backoff) -> Self {
        self.config.backoff = backoff;
        self
    }

    /// When a router that says nothing is pinged, and how long it then has to say anything before
    /// the connection counts as lost; at first 10 s and 5 s.
    ///
    /// A machine that lost its power or its cable does not close its connections: only a question
    /// that stays unanswered shows it.
    #[must_use]
    pub fn ping(mut self, interval: Duration, timeout: Duration) -> Self {
        self.config.ping_interval = interval;
        self.config.ping_timeout = timeout;
        self
    }

    /// How many procedures may run at once, each on its own thread; at first 16.
    #[must_use]
    pub fn workers(mut self, threads: usize) -> Self {
        self.config.workers = threads.max(1);
        self
    }

    /// How many invocations may wait for a thread; at first 4,096. Further ones are answered with
    /// `wamp.error.unavailable`.
    #[must_use]
    pub fn max_waiting_invocations(mut self, count: usize) -> Self {
        self.config.max_waiting_invocations = count;
        self
    }

    /// How many events may wait for their handlers; at
    /// first 65,536. Further ones are lost, with a notice.
    #[must_use]
    pub fn max_waiting_events(mut self, count: usize) -> Self {
        self.config.max_waiting_events = count;
        self
    }

    /// The largest message that is sent or taken, in bytes; at first 16 MiB.
    #[must_use]
    pub fn max_message_size(mut self, bytes: usize) -> Self {
        self.config.max_message_size = bytes;
        self
    }

    /// How many bytes may wait in each of the session's queues; at first 64 MiB.
    ///
    /// | what waits | what more of it meets |
    /// |---|---|
    /// | messages to be sent | requests end with [`Error::Overrun`]; a router that asks and does not read the answers is left |
    /// | events for their handlers | they are lost, with a notice |
    /// | invocations for a thread | they are answered with `wamp.error.unavailable` |
    /// | partial results that the caller has not read | their call ends with [`Error::Overrun`] |
    ///
    /// What is alone in its queue may be larger. Results wait in the
    /// [`PendingCall`](super::PendingCall)s that the program holds, one in each.
    #[must_use]
    pub fn max_waiting_bytes(mut self, bytes: usize) -> Self {
        self.config.max_waiting_bytes = bytes;
        self
    }

    /// Declares procedures idempotent: to carry out a call twice has the effect of carrying it out
    /// once. A call to them is made again when its fate is unknown.
    #[must_use]
    pub fn idempotent<U: AsRef<str>>(mut self, procedures: impl IntoIterator<Item = U>) -> Self {
        let procedures = procedures.into_iter();
        self.config
            .idempotent
            .extend(procedures.map(|uri| uri.as_ref().to_string()));
        self
    }

    /// Is told what happens to the session: see [`SessionEvent`].
    /// Called on the thread of the events' handlers.
    #[must_use]
    pub fn on_session_event(
        mut self,
        notify: impl Fn(&SessionEvent) + Send + Sync + 'static,
    ) -> Self {
        self.config.notify = Some(Arc::new(notify));
        self
    }

    /// The settings, with the realm and the addresses checked.
    pub(super) fn into_config(self) -> Result<Config, Error> {
        let realm = Uri::new(&self.realm).ok_or(Error::InvalidUri(self.realm))?;
        let addresses: Result<Vec<_>, _> = self
            .addresses
            .iter()
            .map(|text| Address::parse(text))
            .collect();
        let addresses = addresses?;
        if addresses.is_empty() {
            return Err(Error::Unreachable("no address was given".to_string()));
        }
        let mut trust = self.config.trust;
        if trust.is_none() && addresses.iter().any(|address| address.is_secure) {
            let found = Trust::of_this_machine();
            trust = Some(found.map_err(|error| Error::Unreachable(error.to_string()))?);
        }
        Ok(Config {
            realm,
            addresses,
            trust,
            ..self.config
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_pause_is_random_and_grows_up_to_its_limit() {
        let backoff = Backoff {
            first: Duration::from_millis(10),
            most: Duration::from_millis(100),
        };
        for round in 0..100 {
            let longest = Duration::from_millis(10 << round.min(10));
            let pause = backoff.pause(round);
            assert!(pause <= longest.min(Duration::from_millis(100)), "{round}");
        }
        let pauses: HashSet<Duration> = (0..20).map(|_| backoff.pause(3)).collect();
        assert!(pauses.len() > 10, "clients would come back together");
    }

    #[test]
    fn a_secret_is_not_in_the_debug_form() {
        let auth = Auth::Cra {
            authid: "alice".to_string(),
            secret: "swordfish".to_string(),
        };
        assert_eq!(format!("{auth:?}"), "Cra(alice)");
    }
}
