//! A realm with its lock, and who may join it.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, RwLock};

use super::peer::{Formats, Peer};
use super::principals::{DecoyPrincipals, Principal, Proof, RealmConfig};
use crate::memory::{Charge, Memory};
use crate::messages::Uri;
use crate::realm::{Limits, Realm};

/// Who may join a realm. A reload replaces it.
pub(super) struct Settings {
    pub(super) config: RealmConfig,
    pub(super) decoys: DecoyPrincipals,
}

impl Settings {
    fn new(config: RealmConfig) -> Arc<Self> {
        Arc::new(Settings {
            decoys: DecoyPrincipals::new(&config.principals),
            config,
        })
    }
}

/// A realm, and who may join it.
pub(super) struct RealmEntry {
    pub(super) name: Uri,
    /// `None` once the realm is no longer in the configuration: nobody may join it then.
    settings: RwLock<Option<Arc<Settings>>>,
    pub(super) formats: Arc<Formats>,
    realm: Mutex<Realm<Arc<Peer>>>,
    /// What the sessions have registered.
    charge: Mutex<Charge>,
    /// How many threads wait for the realm.
    waiting: AtomicUsize,
}

pub(super) type LockedRealm<'a> = MutexGuard<'a, Realm<Arc<Peer>>>;

/// How often a thread that has long work to do lets others
/// have the processor, to see whether they take the realm.
const YIELDS: usize = 20;

impl RealmEntry {
    pub(super) fn new(
        name: Uri,
        config: RealmConfig,
        limits: Limits,
        memory: &Arc<Memory>,
    ) -> Arc<Self> {
        let realm = Realm::new(limits, config.roles.clone(), rand::random());
        Arc::new(RealmEntry {
            name,
            settings: RwLock::new(Some(Settings::new(config))),
            formats: Arc::default(),
            realm: Mutex::new(realm),
            charge: Mutex::new(Charge::new(memory, 0)),
            waiting: AtomicUsize::new(0),
        })
    }

    /// Who may join now.
    pub(super) fn settings(&self) -> Option<Arc<Settings>> {
        let settings = self.settings.read();
        settings.unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Replaces who may join, and what the roles may do. Sessions that are here stay.
    pub(super) fn reload(&self, config: Option<RealmConfig>) {
        if let Some(config) = &config {
            self.lock().set_roles(config.roles.clone());
        }
        let settings = self.settings.write();
        *settings.unwrap_or_else(PoisonError::into_inner) = config.map(Settings::new);
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

    /// The realm after others have had their turn: a mutex
    /// alone would give it to the one who has just let it go.
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
}

impl Settings {
    /// Somebody who authenticates, and where there is
    /// nobody of this name, whose ways this name is given.
    pub(super) fn principal_or_decoy(&self, authid: &str) -> Option<&Principal> {
        let principals = &self.config.principals;
        let decoy = self.decoys.of(authid);
        let known = principals.get(authid);
        known.or_else(|| principals.get(decoy?))
    }

    /// How a client that offers these methods is to prove itself. A name that does not exist, or
    /// has another method, is challenged all the same, so that names cannot be found out by trying.
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
