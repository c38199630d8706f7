//! A realm with its lock, and who may join it.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard};

use super::peer::{Formats, Peer};
use super::principals::{DecoyPrincipals, Principal, Proof, RealmConfig};
use crate::memory::{Charge, Memory};
use crate::realm::{Limits, Realm};

/// A realm, and who may join it.
pub(super) struct RealmEntry {
    pub(super) config: RealmConfig,
    pub(super) decoys: DecoyPrincipals,
    pub(super) formats: Arc<Formats>,
    realm: Mutex<Realm<Arc<Peer>>>,
    /// What the sessions have registered.
    charge: Mutex<Charge>,
    /// How many threads wait for the realm.
    waiting: AtomicUsize,
}

pub(super) type LockedRealm<'a> = MutexGuard<'a, Realm<Arc<Peer>>>;

/// How often a thread that has long work to do lets others have the processor, to see whether they take the realm.
const YIELDS: usize = 20;

impl RealmEntry {
    pub(super) fn new(config: RealmConfig, limits: Limits, memory: &Arc<Memory>) -> Arc<Self> {
        let realm = Realm::new(limits, config.roles.clone(), rand::random());
        Arc::new(RealmEntry {
            decoys: DecoyPrincipals::new(&config.principals),
            formats: Arc::default(),
            realm: Mutex::new(realm),
            charge: Mutex::new(Charge::new(memory, 0)),
            waiting: AtomicUsize::new(0),
            config,
        })
    }

    pub(super) fn lock(&self) -> LockedRealm<'_> {
        if let Ok(realm) = self.realm.try_lock() {
            return realm;
        }
        self.waiting.fetch_add(1, Ordering::Relaxed);
        // A panic in a realm is a bug; its state is whole between messages, so others go on.
        let realm = labnet::lock(&self.realm);
        self.waiting.fetch_sub(1, Ordering::Relaxed);
        realm
    }

    /// Counts what the realm holds.
    pub(super) fn account(&self, realm: &Realm<Arc<Peer>>) {
        labnet::lock(&self.charge).set_about(realm.held());
    }

    /// The realm after others have had their turn: a mutex alone would give it to the one who has just let it go.
    pub(super) fn lock_after_others(&self) -> LockedRealm<'_> {
        let waiting = self.waiting.load(Ordering::Relaxed);
        for _ in 0..YIELDS {
            if waiting == 0 || self.waiting.load(Ordering::Relaxed) < waiting {
                break;
            }
            std::thread::yield_now();
        }
        self.lock()
    }

    /// Somebody who authenticates, and where there is nobody of this name, whose ways this name is given.
    pub(super) fn principal_or_decoy(&self, authid: &str) -> Option<&Principal> {
        let principals = &self.config.principals;
        let decoy = self.decoys.of(authid);
        let known = principals.get(authid);
        known.or_else(|| principals.get(decoy?))
    }

    /// How a client that offers these methods is to prove itself. A name that does not exist, or has another
    /// method, is challenged all the same, so that names cannot be found out by trying.
    pub(super) fn method(&self, authid: &str, offered: &[&str]) -> Option<&'static str> {
        let own = self.principal_or_decoy(authid).map(|one| match one.proof {
            Proof::Ticket(_) => "ticket",
            Proof::Secret { .. } => "wampcra",
        });
        let known = own.filter(|own| offered.contains(own));
        let any = ["wampcra", "ticket"]
            .into_iter()
            .find(|method| offered.contains(method));
        known.or(any.filter(|_| !self.config.principals.is_empty()))
    }
}
