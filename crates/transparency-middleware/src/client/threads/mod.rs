//! What a session's threads and its users share: the protocol under a lock, and the threads that
//! read and keep the time.
//!
//! What the session does is decided in [`super::protocol`]. Here it is told what has come and what
//! time it is, and what it wants done is done.
//!
//! | module | holds |
//! |---|---|
//! | [`lock`](mod@lock) | the lock, and what is sent when it is let go |
//! | [`reader`] | the thread that opens connections and reads them |
//! | [`requests`] | what the user asks |

mod lock;
mod reader;
mod requests;

use std::net::{Shutdown, TcpStream};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::Ordering;
use std::sync::{Arc, Condvar, Mutex};
use std::thread;
use std::time::{Duration, Instant};

use labnet::lock;

use super::error::{Error, ErrorReply};
use super::inbox::{Inbox, Item};
use super::options::{Backoff, Config, SessionEvent};
use super::pool::Pool;
use super::procedure::{Invocation, Progress};
use super::protocol::{Delivery, Invoked, Outgoing, Output, Protocol, Timing, refusal};
use super::sender::Sender;
use crate::memory::Memory;
use crate::messages::{Dict, Id, Message, Payload, RequestKind};
use lock::{Locked, wait};

/// How long a session that leaves waits for the router's GOODBYE.
const GOODBYE_TIMEOUT: Duration = Duration::from_secs(2);
/// How long the last bytes of a session may take to leave.
const FAREWELL_TIMEOUT: Duration = Duration::from_millis(200);
/// The pauses between attempts at a registration, a
/// subscription or a call that the router turned down.
const RETRY_PAUSE: Backoff = Backoff {
    first: Duration::from_millis(20),
    most: Duration::from_secs(1),
};

impl Outgoing for Arc<Sender> {
    fn put(&self, message: &Message) -> Result<usize, Error> {
        Sender::put(self, message)
    }

    fn last_sign_of_life(&self) -> Instant {
        Sender::last_sign_of_life(self)
    }

    fn largest_after(&self, answered: u64) -> usize {
        Sender::largest_after(self, answered)
    }

    fn tell(&self, message: &Message) {
        Sender::tell(self, message);
    }

    fn ping(&self) {
        Sender::ping(self);
    }
}

/// What a session's threads and its users share.
pub(super) struct Core {
    pub(super) config: Config,
    state: Mutex<State>,
    /// The phase, the connection or the set of running invocations has changed.
    changed: Condvar,
    /// There is something to do sooner than the keeper of the time knew.
    later: Condvar,
    pool: Pool,
    /// Bytes of invocations that wait for a thread.
    invocations: Arc<Memory>,
    /// Bytes of partial results that their callers have not read.
    partials: Arc<Memory>,
    /// The thread of the handlers, and what waits for it.
    handlers: Pool,
    inbox: Arc<Mutex<Inbox>>,
}

pub(super) struct State {
    pub(super) protocol: Protocol<Arc<Sender>>,
    /// The socket of a connection that is being opened.
    opening: Option<TcpStream>,
}

impl Core {
    /// Starts the session's threads.
    ///
    /// # Errors
    ///
    /// When the system has no room for a thread.
    pub(super) fn start(config: Config) -> Result<Arc<Self>, Error> {
        let timing = Timing {
            ping_interval: config.ping_interval,
            ping_timeout: config.ping_timeout,
            handshake_timeout: config.handshake_timeout,
        };
        let core = Arc::new(Core {
            pool: Pool::new(
                "wamp procedure",
                config.workers,
                config.max_waiting_invocations,
            ),
            invocations: Arc::new(Memory::new(config.max_waiting_bytes)),
            partials: Arc::new(Memory::new(config.max_waiting_bytes)),
            handlers: Pool::new("wamp events", 1, 1),
            inbox: Arc::new(Mutex::new(Inbox::new(
                config.max_waiting_events,
                config.max_waiting_bytes,
            ))),
            state: Mutex::new(State {
                protocol: Protocol::new(Instant::now(), config.idempotent.clone(), timing),
                opening: None,
            }),
            changed: Condvar::new(),
            later: Condvar::new(),
            config,
        });
        for (name, run) in [
            ("wamp reader", Core::read as fn(&Arc<Core>)),
            ("wamp timer", Core::keep_time),
        ] {
            let shared = Arc::clone(&core);
            let started = thread::Builder::new().name(name.to_string());
            let started = started.spawn(move || run(&shared));
            if let Err(error) = started {
                core.close(Error::Closed);
                return Err(Error::Unreachable(error.to_string()));
            }
        }
        Ok(core)
    }

    pub(super) fn lock(&self) -> Locked<'_> {
        Locked::new(lock(&self.state))
    }

    // What the protocol wants done.

    fn perform(self: &Arc<Self>, state: &mut State) {
        while let Some(output) = state.protocol.output() {
            match output {
                Output::Finish(promise, result) => promise.finish(result),
                Output::Published(promise, id) => promise.finish_with_id(id),
                Output::Partial(key, promise, payload) => {
                    let held = self.partials.hold(payload.size());
                    if held.is_none() || !promise.partial(payload, held) {
                        state.protocol.overrun(key);
                    }
                }
                Output::Invoke(invoked) => self.invoke(state, invoked),
                Output::Cancel(token) => token.cancel(),
                Output::Deliver(key, delivery) => {
                    let topic = state.protocol.topic(key).unwrap_or_default();
                    self.deliver(key, topic, delivery);
                }
                Output::Notice(event) => self.notice(event),
                Output::Retry(task, attempts) => {
                    let at = Instant::now() + RETRY_PAUSE.pause(attempts);
                    state.protocol.later(at, task);
                    self.later.notify_all();
                }
                Output::StopOpening => {
                    if let Some(stream) = state.opening.take() {
                        let _already_gone = stream.shutdown(Shutdown::Both);
                    }
                }
                Output::BreakOff(sender) => sender.break_off(),
                Output::HangUp(sender) => {
                    sender.finish();
                    sender.written(Instant::now() + FAREWELL_TIMEOUT);
                    sender.break_off();
                }
                Output::Ended => {
                    self.changed.notify_all();
                    self.later.notify_all();
                    self.pool.close();
                    self.handlers.close();
                }
            }
        }
    }

    fn notice(&self, notice: SessionEvent) {
        if self.config.notify.is_some() {
            lock(&self.inbox).notice(notice);
            self.serve_inbox();
        }
    }

    /// An event for the handler of the subscription with this key, to this topic.
    fn deliver(&self, key: u64, topic: &str, delivery: Delivery) {
        let mut inbox = lock(&self.inbox);
        if !inbox.event(delivery) && self.config.notify.is_some() {
            inbox.event_lost(key, topic);
        }
        drop(inbox);
        self.serve_inbox();
    }

    /// Sees to it that the thread of the handlers takes what waits.
    fn serve_inbox(&self) {
        if !lock(&self.inbox).wants_service() {
            return;
        }
        let inbox = Arc::clone(&self.inbox);
        let notify = self.config.notify.clone();
        let serves = self.handlers.run(move || {
            loop {
                // In its own statement, so that the lock is let go before a handler runs.
                let item = lock(&inbox).next();
                let Some(item) = item else { break };
                // A handler that panics must not keep the next one from what is its own.
                let _reported_by_the_panic_hook =
                    catch_unwind(AssertUnwindSafe(|| match (item, &notify) {
                        (Item::Event(delivery), _) => {
                            if delivery.wanted.load(Ordering::Acquire) {
                                (delivery.handler)(&delivery.event);
                            }
                        }
                        (Item::Notice(notice), Some(notify)) => notify(&notice),
                        (Item::Notice(_), None) => {}
                    }));
            }
        });
        if !serves {
            lock(&self.inbox).is_unserved();
        }
    }

    fn invoke(self: &Arc<Self>, state: &mut State, invoked: Invoked) {
        let request = invoked.request;
        let Some((sender, ..)) = state.protocol.connection() else {
            return;
        };
        let cost = invoked.payload.size() + invoked.details.size();
        let Some(held) = self.invocations.hold(cost) else {
            state.protocol.turned_away(request);
            return;
        };
        let sender = Arc::clone(sender);
        let epoch = state.protocol.epoch();
        let invocation = Invocation {
            procedure: invoked.uri,
            details: invoked.details,
            payload: invoked.payload,
            format: self.config.format,
            cancel_token: invoked.cancel_token,
            progress: Box::new(RemoteProgress {
                sender: Arc::clone(&sender),
                request,
            }),
        };
        let procedure = invoked.procedure;
        let core = Arc::clone(self);
        let taken = self.pool.run(move || {
            drop(held);
            let result = procedure.run(&invocation);
            answer(&sender, request, result);
            let mut state = core.lock();
            state.protocol.answered(epoch, request);
            if state.protocol.is_idle() {
                core.changed.notify_all();
            }
        });
        if !taken {
            state.protocol.turned_away(request);
        }
    }

    // The keeper's thread.

    fn keep_time(self: &Arc<Self>) {
        let mut state = self.lock();
        while state.protocol.closed().is_none() {
            if state.protocol.pass_time(Instant::now()) {
                self.perform(&mut state);
            } else {
                let next = state.protocol.next_task();
                state = wait(&self.later, state, next);
            }
        }
    }
}

/// Sends an invocation's result. One that cannot be sent becomes an error that can.
fn answer(sender: &Sender, request: Id, result: Result<Payload, ErrorReply>) {
    let message = match result {
        Ok(payload) => Message::Yield {
            request,
            options: Dict::new(),
            payload,
        },
        Err(error) => {
            let (error, payload) = error.into_parts();
            Message::Error {
                kind: RequestKind::Invocation,
                request,
                details: Dict::new(),
                error,
                payload,
            }
        }
    };
    if let Err(error) = sender.put(&message) {
        sender.tell(&refusal(request, error.uri(), &error.to_string()));
    }
    sender.flush();
}

struct RemoteProgress {
    sender: Arc<Sender>,
    request: Id,
}

impl Progress for RemoteProgress {
    fn progress(&self, payload: Payload) -> Result<(), Error> {
        self.sender.put(&Message::Yield {
            request: self.request,
            options: Dict::new().with("progress", true),
            payload,
        })?;
        self.sender.flush();
        Ok(())
    }
}
