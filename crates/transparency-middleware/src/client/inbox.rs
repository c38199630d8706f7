//! What waits for the thread that runs the application's handlers: events and notices, in their
//! order, and never more of them than the session's limits, whatever the router sends.

use std::collections::{BTreeMap, VecDeque};
use std::mem;

use super::options::SessionEvent;
use super::protocol::Delivery;

/// The most notices that wait. Of connections that came and went the oldest give way; what was lost
/// of each subscription is one notice.
const MOST_NOTICES: usize = 1000;

/// So many events may keep the buffers that they came in;
/// those behind them wait longer, and are worth a copy.
const FEW: usize = 64;

/// What is next for the handlers.
pub(super) enum Item {
    Event(Delivery),
    Notice(SessionEvent),
}

enum Waiting {
    Event(Delivery, usize),
    Notice(SessionEvent),
    /// Of this subscription events are lost; [`Inbox::lost`] says how many.
    Lost(u64),
}

/// What waits for the handlers.
pub(super) struct Inbox {
    queue: VecDeque<Waiting>,
    /// By subscription: its topic, and how many events
    /// found no place since the application was last told.
    lost: BTreeMap<u64, (String, u64)>,
    events: usize,
    bytes: usize,
    notices: usize,
    max_events: usize,
    max_bytes: usize,
    /// A thread takes one after another until nothing is left.
    served: bool,
}

impl Inbox {
    pub(super) fn new(max_events: usize, max_bytes: usize) -> Self {
        Inbox {
            queue: VecDeque::new(),
            lost: BTreeMap::new(),
            events: 0,
            bytes: 0,
            notices: 0,
            max_events,
            max_bytes,
            served: false,
        }
    }

    /// Takes an event; false when too many wait, or too
    /// many bytes. One that is alone always finds a place.
    pub(super) fn event(&mut self, mut delivery: Delivery) -> bool {
        let cost = delivery.event.cost();
        let fits = self.bytes.saturating_add(cost) <= self.max_bytes || self.events == 0;
        if self.events >= self.max_events || !fits {
            return false;
        }
        if self.events >= FEW {
            delivery.event.payload.compact();
        }
        self.events += 1;
        self.bytes += cost;
        self.queue.push_back(Waiting::Event(delivery, cost));
        true
    }

    /// An event of this subscription found no place.
    pub(super) fn event_lost(&mut self, subscription: u64, topic: &str) {
        let (_, count) = self.lost.entry(subscription).or_insert_with(|| {
            self.queue.push_back(Waiting::Lost(subscription));
            (topic.to_string(), 0)
        });
        *count += 1;
    }

    /// Takes a notice. It always finds a place.
    pub(super) fn notice(&mut self, notice: SessionEvent) {
        if self.notices >= MOST_NOTICES {
            let is_notice = |waiting: &Waiting| matches!(waiting, Waiting::Notice(_));
            let oldest = self.queue.iter().position(is_notice);
            oldest.and_then(|oldest| self.queue.remove(oldest));
            self.notices -= 1;
        }
        self.notices += 1;
        self.queue.push_back(Waiting::Notice(notice));
    }

    /// What is next. When nothing is, no matter who serves may go: the next to put something in
    /// finds that nobody does.
    pub(super) fn next(&mut self) -> Option<Item> {
        let Some(waiting) = self.queue.pop_front() else {
            self.served = false;
            self.queue.shrink_to(64);
            return None;
        };
        match waiting {
            Waiting::Event(delivery, cost) => {
                self.events -= 1;
                self.bytes -= cost;
                Some(Item::Event(delivery))
            }
            Waiting::Notice(notice) => {
                self.notices -= 1;
                Some(Item::Notice(notice))
            }
            Waiting::Lost(subscription) => {
                let (topic, count) = self.lost.remove(&subscription).unwrap_or_default();
                Some(Item::Notice(SessionEvent::EventLost { topic, count }))
            }
        }
    }

    /// Whether something waits that nobody serves; from now on somebody does.
    pub(super) fn wants_service(&mut self) -> bool {
        !self.queue.is_empty() && !mem::replace(&mut self.served, true)
    }

    /// Nobody could be found to serve.
    pub(super) fn is_unserved(&mut self) {
        self.served = false;
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;
    use std::sync::atomic::AtomicBool;

    use proptest::prelude::*;

    use super::*;
    use crate::client::pubsub::Event;
    use crate::messages::{Dict, Format, Id, Payload, Uri};

    fn delivery(size: usize) -> Delivery {
        Delivery {
            event: Event {
                topic: Uri::new("a.b").unwrap(),
                publication: Id::new(1).unwrap(),
                details: Dict::new(),
                payload: Payload::new(Format::Json, &("x".repeat(size),)).unwrap(),
            },
            handler: Arc::new(|_| {}),
            wanted: Arc::new(AtomicBool::new(true)),
        }
    }

    fn connected() -> SessionEvent {
        SessionEvent::Connected {
            address: "ws://127.0.0.1/".to_string(),
            again: true,
        }
    }

    #[test]
    fn an_event_that_is_larger_than_the_limit_finds_a_place_when_it_is_alone() {
        let mut inbox = Inbox::new(10, 100);
        assert!(inbox.event(delivery(1000)));
        assert!(!inbox.event(delivery(1)));
        assert!(matches!(inbox.next(), Some(Item::Event(_))));
        assert!(inbox.event(delivery(1)));
    }

    #[test]
    fn of_a_flood_of_notices_the_latest_stay() {
        let mut inbox = Inbox::new(10, 100_000);
        assert!(inbox.event(delivery(1)));
        for _ in 0..5000 {
            inbox.notice(connected());
        }
        inbox.event_lost(1, "a.b");
        let error = crate::client::Error::Closed;
        inbox.notice(SessionEvent::Ended { error });
        assert!(matches!(inbox.next(), Some(Item::Event(_))));
        let mut notices = 0;
        let mut last = None;
        while let Some(Item::Notice(notice)) = inbox.next() {
            notices += 1;
            last = Some(notice);
        }
        assert_eq!(notices, MOST_NOTICES + 1);
        assert!(matches!(last, Some(SessionEvent::Ended { .. })));
    }

    proptest! {
        /// Whatever comes and however slowly it is taken: no more waits than the limits say, and
        /// each event is either delivered in its order or counted in a notice.
        #[test]
        fn nothing_grows_and_nothing_is_lost_without_a_notice(
            steps in prop::collection::vec((0_u8..5, 0_usize..2000, 0_u64..3), 0..300),
            max_events in 1_usize..20,
            max_bytes in 1_usize..20_000,
        ) {
            let mut inbox = Inbox::new(max_events, max_bytes);
            let mut came = [0_u64; 3];
            let mut accounted = [0_u64; 3];
            let mut owners = VecDeque::new();
            let mut take = |inbox: &mut Inbox, owners: &mut VecDeque<usize>| match inbox.next() {
                Some(Item::Event(_)) => {
                    accounted[owners.pop_front().unwrap()] += 1;
                    true
                }
                Some(Item::Notice(SessionEvent::EventLost { topic, count })) => {
                    accounted[topic.parse::<usize>().unwrap()] += count;
                    true
                }
                Some(Item::Notice(_)) => true,
                None => false,
            };
            for (what, size, owner) in steps {
                let index = usize::try_from(owner).unwrap();
                match what {
                    0 | 1 => {
                        came[index] += 1;
                        if inbox.event(delivery(size)) {
                            owners.push_back(index);
                        } else {
                            inbox.event_lost(owner, &owner.to_string());
                        }
                    }
                    2 => inbox.notice(connected()),
                    _ => {
                        take(&mut inbox, &mut owners);
                    }
                }
                prop_assert!(inbox.events <= max_events);
                prop_assert!(inbox.bytes <= max_bytes || inbox.events == 1);
                prop_assert!(inbox.notices <= MOST_NOTICES);
                prop_assert!(inbox.queue.len() <= max_events + MOST_NOTICES + 3);
            }
            while take(&mut inbox, &mut owners) {}
            prop_assert_eq!(came, accounted);
            prop_assert_eq!((inbox.events, inbox.bytes, inbox.notices), (0, 0, 0));
        }
    }
}
