//! How a client becomes a session: HELLO, CHALLENGE, AUTHENTICATE, WELCOME.

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::thread;
use std::time::{Duration, Instant};

use super::entry::{RealmEntry, Settings};
use super::events::RouterEvent;
use super::metrics::count;
use super::peer::{Batch, Peer};
use super::principals::{Proof, challenge_text, random_text};
use super::router::Router;
use crate::auth;
use crate::messages::{Dict, Id, Message, Uri, known};
use crate::realm::{self, Identity};

/// What a client that has said HELLO is waiting for.
pub(super) struct Challenged {
    realm: Arc<RealmEntry>,
    hello: Dict,
    identity: Identity,
    session: Id,
    /// What the realm's configuration was when it was challenged.
    settings: Arc<Settings>,
    /// The right answer; `None` where nobody of this name exists, which the client is not told.
    answer: Option<String>,
}

/// What a HELLO or an AUTHENTICATE leads to.
pub(super) enum Joining {
    /// The session is in its realm, under this id.
    Joined(Arc<RealmEntry>, Id),
    /// The client has to answer this.
    Challenge(Message, Box<Challenged>),
    /// The client is sent this and is out.
    Refused(Message),
}

impl Router {
    /// Takes the HELLO of a connection.
    pub(super) fn hello(
        &self,
        name: &Uri,
        hello: Dict,
        peer: &Arc<Peer>,
        batch: &mut Batch,
    ) -> Joining {
        let refused = |reason, why: &str| Joining::Refused(realm::abort(reason, why));
        let entry = self.realm(name);
        let Some((entry, settings)) =
            entry.and_then(|entry| Some((entry.clone(), entry.settings()?)))
        else {
            return refused(known::NO_SUCH_REALM, &format!("there is no realm {name}"));
        };
        let entry = &entry;
        let offered: Vec<&str> = hello
            .list("authmethods")
            .map(|methods| {
                methods
                    .iter()
                    .filter_map(|method| method.as_str())
                    .collect()
            })
            .unwrap_or_default();
        let authid = hello.str("authid").map(ToString::to_string);
        let method = authid
            .as_deref()
            .and_then(|authid| settings.method(authid, &offered));
        if let (Some(method), Some(authid)) = (method, authid) {
            let (message, challenged) =
                Self::challenge(entry, &settings, peer, hello, method, &authid);
            return Joining::Challenge(message, challenged);
        }
        let Some(role) = &settings.config.anonymous else {
            return if offered.is_empty() || offered == ["anonymous"] {
                let why = "this realm wants a ticket or WAMP-CRA, with an authid";
                refused(known::AUTHENTICATION_REQUIRED, why)
            } else {
                let why = "this realm takes ticket and wampcra, with an authid";
                refused(known::NO_MATCHING_AUTH_METHOD, why)
            };
        };
        if !offered.is_empty() && !offered.contains(&"anonymous") {
            let why = "nobody of this authid may authenticate with the offered methods";
            return refused(known::NO_MATCHING_AUTH_METHOD, why);
        }
        let identity = Identity {
            authid: random_text(),
            authrole: role.clone(),
            authmethod: "anonymous".to_string(),
            authprovider: "static".to_string(),
            transport: peer.transport(),
        };
        self.join(entry, None, identity, &hello, peer, batch)
    }

    fn challenge(
        entry: &Arc<RealmEntry>,
        settings: &Arc<Settings>,
        peer: &Peer,
        hello: Dict,
        method: &'static str,
        authid: &str,
    ) -> (Message, Box<Challenged>) {
        let session = entry.lock().new_session_id();
        let known = settings.config.principals.get(authid);
        let principal_or_decoy = settings.principal_or_decoy(authid);
        let identity = Identity {
            authid: authid.to_string(),
            authrole: principal_or_decoy
                .map(|one| one.role.clone())
                .unwrap_or_default(),
            authmethod: method.to_string(),
            authprovider: "static".to_string(),
            transport: peer.transport(),
        };
        let (extra, answer) = match (method, principal_or_decoy.map(|one| &one.proof)) {
            ("ticket", Some(Proof::Ticket(ticket))) => (Dict::new(), Some(ticket.clone())),
            ("ticket", _) => (Dict::new(), None),
            (_, proof) => {
                let text = challenge_text(session, &identity);
                let mut extra = Dict::new().with("challenge", text.as_str());
                let mut answer = None;
                if let Some(Proof::Secret { key, salted }) = proof {
                    answer = Some(auth::cra_signature(key.as_bytes(), &text));
                    if let Some((salt, iterations, length)) = salted {
                        let salt = match known {
                            Some(_) => salt.clone(),
                            None => settings.decoys.salt(authid, salt),
                        };
                        extra.insert("salt", salt);
                        extra.insert("iterations", u64::from(*iterations));
                        extra.insert("keylen", u64::from(*length));
                    }
                }
                (extra, answer)
            }
        };
        let message = Message::Challenge {
            method: method.to_string(),
            extra,
        };
        let challenged = Challenged {
            realm: entry.clone(),
            hello,
            identity,
            session,
            settings: settings.clone(),
            // Anyone who does not exist is not let in with what his stand-in would answer.
            answer: answer.filter(|_| known.is_some()),
        };
        (message, Box::new(challenged))
    }

    /// Takes the answer to a challenge.
    pub(super) fn authenticate(
        &self,
        challenged: Challenged,
        signature: &str,
        peer: &Arc<Peer>,
        patience: Duration,
        batch: &mut Batch,
    ) -> Joining {
        let address = peer.address().ip();
        let turn = self.penalties.take_turn(address, Instant::now(), patience);
        let Some(wait) = turn else {
            let why =
                "too many wrong tickets and signatures came from this address: try again later";
            return Joining::Refused(realm::abort(known::AUTHENTICATION_DENIED, why));
        };
        if !wait.is_zero() {
            // The batch is empty: a client that has not joined has nothing for others.
            batch.end_turn();
            thread::sleep(wait);
            batch.begin_turn();
        }
        let right = challenged.answer.as_deref();
        if !right.is_some_and(|right| auth::is_same(signature, right)) {
            self.penalties.was_wrong(address, Instant::now());
            count(&self.metrics.authentications_failed);
            batch.tell(RouterEvent::WrongProof {
                address: peer.address(),
                authid: challenged.identity.authid,
            });
            let why = "the ticket or the signature is wrong, or this authid does not exist";
            let abort = realm::abort(known::AUTHENTICATION_DENIED, why);
            return Joining::Refused(abort);
        }
        self.penalties.was_right(address);
        // A reload may have taken the realm, the name or the secret away meanwhile.
        let settings = challenged.realm.settings();
        if !settings.is_some_and(|now| Arc::ptr_eq(&now, &challenged.settings)) {
            let why = "the router's configuration has changed since the challenge: join again";
            return Joining::Refused(realm::abort(known::UNAVAILABLE, why));
        }
        let session = Some(challenged.session);
        let Challenged {
            realm,
            hello,
            identity,
            ..
        } = challenged;
        self.join(&realm, session, identity, &hello, peer, batch)
    }

    fn join(
        &self,
        entry: &Arc<RealmEntry>,
        session: Option<Id>,
        identity: Identity,
        hello: &Dict,
        peer: &Arc<Peer>,
        batch: &mut Batch,
    ) -> Joining {
        let refused = |reason, why: &str| Joining::Refused(realm::abort(reason, why));
        let others = self.sessions.fetch_add(1, Ordering::Relaxed);
        if others >= self.max_sessions {
            self.sessions.fetch_sub(1, Ordering::Relaxed);
            count(&self.metrics.connections_refused);
            return refused(
                known::UNAVAILABLE,
                "the router has all the sessions it takes",
            );
        }
        let mut realm = entry.lock();
        if self.closing.load(Ordering::Relaxed) {
            self.sessions.fetch_sub(1, Ordering::Relaxed);
            return refused(known::SYSTEM_SHUTDOWN, "the router is ending");
        }
        if !realm.has_role(&identity.authrole) {
            self.sessions.fetch_sub(1, Ordering::Relaxed);
            let why = format!("the realm has no role {}", identity.authrole);
            return refused(known::NO_SUCH_ROLE, &why);
        }
        // An id that was promised in a challenge is still free: 53 random bits.
        let session = session.unwrap_or_else(|| realm.new_session_id());
        peer.belongs_to(session, self.home(entry), &entry.formats);
        count(&self.metrics.sessions_total);
        batch.tell(RouterEvent::Joined {
            address: peer.address(),
            realm: entry.name.clone(),
            session,
            authid: identity.authid.clone(),
            authrole: identity.authrole.clone(),
            authmethod: identity.authmethod.clone(),
        });
        let mut out = Vec::new();
        let before = realm.ticket();
        realm.join(session, peer.clone(), identity, hello, &mut out);
        self.deliver_all(entry, realm, before, &mut out, batch);
        Joining::Joined(entry.clone(), session)
    }
}
