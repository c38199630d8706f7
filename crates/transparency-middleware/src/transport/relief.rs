//! Relief: when too much is kept for the peers of a router,
//! the sessions for which most is kept have to go.

use std::collections::HashMap;
use std::sync::Arc;

use super::events::RouterEvent;
use super::metrics::count;
use super::peer::{Batch, Peer};
use super::router::Router;
use crate::messages::known;
use crate::realm;

impl Router {
    /// Has too much that is kept thrown away, before this thread makes it more.
    pub(super) fn make_room(&self, batch: &mut Batch) {
        if self.metrics.traffic.memory.is_crowded() {
            // Others are not to wait for what this thread has done before.
            self.finish(batch);
            batch.begin_turn();
            self.relieve(0);
        }
    }

    /// Too much is kept: ends the sessions for which most is, until there is room. Each may hold
    /// its share, which is half of what there is, divided by all. One thread at a time does that,
    /// and who comes meanwhile waits: what is to be handled next would only make it more.
    ///
    /// Gives whether any has been ended: its memory is free as soon as its threads have seen that.
    pub(super) fn relieve(&self, needed: usize) -> bool {
        let _one_at_a_time = labnet::lock(&self.relieving);
        let memory = &self.metrics.traffic.memory;
        if memory.has_room(needed) && !memory.is_crowded() {
            return false;
        }
        self.end_largest()
    }

    /// Ends the sessions for which most is kept, until little enough would be left.
    fn end_largest(&self) -> bool {
        let memory = &self.metrics.traffic.memory;
        let mut holders: HashMap<u64, (usize, Arc<Peer>)> = labnet::lock(&self.peers)
            .iter()
            .map(|(number, peer)| (*number, (peer.holds(), peer.clone())))
            .collect();
        for entry in self.realms() {
            for (peer, held) in entry.lock().holders() {
                if let Some((all, _)) = holders.get_mut(&peer.number()) {
                    *all += held;
                }
            }
        }
        let share = memory.max() / 2 / holders.len().max(1);
        let mut holders: Vec<_> = holders.into_values().collect();
        holders.sort_unstable_by_key(|(held, _)| std::cmp::Reverse(*held));
        let before = memory.used();
        let mut used = before;
        let mut batch = Batch::new();
        for (held, peer) in holders {
            if used <= memory.goal() || held <= share {
                break;
            }
            used = used.saturating_sub(held);
            // Its threads are about to see that it has been ended.
            if peer.is_ending() {
                continue;
            }
            batch.tell(RouterEvent::Evicted {
                address: peer.address(),
                held,
            });
            self.evict(&peer, &mut batch);
        }
        self.finish(&mut batch);
        used < before
    }

    /// Ends a session because too much is kept for it. Its own thread
    /// takes it out of its realm: nobody has to wait for the realm here.
    fn evict(&self, peer: &Arc<Peer>, batch: &mut Batch) {
        count(&self.metrics.traffic.evicted);
        peer.evict();
        if peer.session().is_some() {
            let why = "the router is short of memory, and most of it was kept for this session";
            self.abort(peer, realm::abort(known::UNAVAILABLE, why), batch);
        }
        peer.close(1008);
        peer.flush();
        peer.stop_reading();
    }
}
