//! Calls: who has registered which procedure, and who works on which call.
//!
//! One file, since every line is about calls: who has
//! which procedure, and what becomes of each call.

use std::time::Duration;

use rand::RngExt;

use super::patterns::Patterns;
use super::{
    Action, Deadlines, Named, Output, Realm, Table, Violation, error, send, text_payload, uri,
};
use crate::messages::{
    CancelMode, Dict, Id, Invoke, Match, Message, Payload, RequestKind, Uri, known,
};

/// Payload transparency is not announced: anyone who gets
/// a sealed payload would not be told how to open it.
pub(super) const NOT_SEALED: &str = "sealed payloads are not carried here";

/// So many callees are looked at in the time of one other piece of work.
const CALLEES_PER_WORK: usize = 32;

/// Registrations, and how many calls are in flight.
#[derive(Debug, Default)]
pub(super) struct Dealer {
    patterns: Patterns,
    registrations: Table<Registration>,
    pub(super) deadlines: Deadlines,
    pub(super) invocations: usize,
}

/// A procedure and those who serve it.
#[derive(Debug)]
struct Registration {
    procedure: Uri,
    match_policy: Match,
    invoke: Invoke,
    /// In the order in which they registered. Never empty.
    callees: Vec<Callee>,
    /// Whose turn it is, for [`Invoke::RoundRobin`].
    turn: usize,
}

impl Named for Registration {
    fn name(&self) -> (&Uri, Match) {
        (&self.procedure, self.match_policy)
    }
}

#[derive(Debug, Clone, Copy)]
struct Callee {
    session: Id,
    /// It wants to know who calls.
    wants_caller: bool,
}

/// A call that a callee works on.
#[derive(Debug)]
pub(super) struct Invocation {
    caller: Id,
    /// The id of the CALL in the caller's session.
    request: Id,
    /// The caller takes results in parts.
    wants_progress: bool,
    /// The caller has cancelled it with `kill`: the callee has been interrupted and will answer.
    interrupted: bool,
    deadline: Option<Duration>,
}

/// What a callee answers.
pub(super) enum Answer {
    Yield(Dict, Payload),
    Error(Dict, Uri, Payload),
}

impl Dealer {
    /// Takes a callee out of a registration; the last
    /// one takes it along. Gives how much work that was.
    pub(super) fn remove(&mut self, registration: Id, session: Id) -> usize {
        let Some(entry) = self.registrations.entries.get_mut(&registration) else {
            return 1;
        };
        let work = 1 + entry.callees.len() / CALLEES_PER_WORK;
        let place = entry
            .callees
            .iter()
            .position(|callee| callee.session == session);
        if let Some(place) = place {
            entry.callees.remove(place);
            // The one whose turn it was keeps it.
            if place < entry.turn {
                entry.turn -= 1;
            }
        }
        if entry.callees.is_empty() {
            self.patterns.remove(&entry.procedure, entry.match_policy);
            self.registrations.entries.remove(&registration);
        }
        work
    }
}

/// The way of match_policy that the options name; their words have been checked.
pub(super) fn match_policy(options: &Dict) -> Match {
    options
        .str("match")
        .and_then(Match::from_word)
        .unwrap_or_default()
}

impl<H: Clone> Realm<H> {
    pub(super) fn register(
        &mut self,
        from: Id,
        request: Id,
        options: &Dict,
        procedure: Uri,
        out: &mut Vec<Output<H>>,
    ) {
        let outcome = self.try_register(from, options, procedure, out);
        let message = match outcome {
            Ok(registration) => Message::Registered {
                request,
                registration,
            },
            Err((reason, why)) => error(RequestKind::Register, request, reason, Some(why)),
        };
        if let Some(session) = self.sessions.get(&from) {
            send(session, message, out);
        }
    }

    fn try_register(
        &mut self,
        from: Id,
        options: &Dict,
        procedure: Uri,
        out: &mut Vec<Output<H>>,
    ) -> Result<Id, (&'static str, &'static str)> {
        if procedure.is_reserved() {
            return Err((known::INVALID_URI, "names in wamp. are the router's own"));
        }
        if options.u64("concurrency").is_some_and(|most| most > 0) {
            let why = "the option concurrency is not supported here: leave it out";
            return Err((known::OPTION_NOT_ALLOWED, why));
        }
        let session = &self.sessions[&from];
        if !self.may(session, Action::Register, &procedure, options) {
            return Err((known::NOT_AUTHORIZED, "the role may not register this"));
        }
        if session.registrations.len() >= self.limits.registrations {
            return Err((known::UNAVAILABLE, "the session has too many registrations"));
        }
        let match_policy = match_policy(options);
        self.has_room_for_pattern(from, &self.dealer.patterns, &procedure, match_policy)?;
        let invoke = options.str("invoke").and_then(Invoke::from_word);
        let invoke = invoke.unwrap_or_default();
        let callee = Callee {
            session: from,
            wants_caller: options.flag("disclose_caller"),
        };
        let mut registered = self.dealer.patterns.get(&procedure, match_policy);
        if let Some(id) = registered {
            if options.flag("force_reregister") {
                self.revoke(id, out);
            } else {
                self.drop_those_who_left(id);
            }
            registered = self.dealer.patterns.get(&procedure, match_policy);
        }
        let id = match registered {
            Some(id) => {
                self.work += 1;
                let entry = self.dealer.registrations.entries.get_mut(&id);
                let entry = entry.filter(|entry| {
                    let is_new = entry.callees.iter().all(|other| other.session != from);
                    is_new && invoke != Invoke::Single && entry.invoke == invoke
                });
                let taken =
                    "the procedure is registered; sharing needs the same invoke, not single";
                entry
                    .ok_or((known::PROCEDURE_ALREADY_EXISTS, taken))?
                    .callees
                    .push(callee);
                id
            }
            None => {
                let id = self.dealer.registrations.insert(Registration {
                    procedure: procedure.clone(),
                    match_policy,
                    invoke,
                    callees: vec![callee],
                    turn: 0,
                });
                self.dealer.patterns.insert(procedure, match_policy, id);
                id
            }
        };
        if let Some(session) = self.sessions.get_mut(&from) {
            session.registrations.insert(id);
        }
        let size = self.dealer.registrations.size_of(id);
        self.hold(from, size);
        Ok(id)
    }

    /// Takes a registration from those who have it, because another callee registers the procedure
    /// with `force_reregister`.
    fn revoke(&mut self, registration: Id, out: &mut Vec<Output<H>>) {
        let Some(entry) = self.dealer.registrations.entries.get(&registration) else {
            return;
        };
        let size = self.dealer.registrations.size_of(registration);
        let callees: Vec<Id> = entry.callees.iter().map(|callee| callee.session).collect();
        for callee in callees {
            self.work += self.dealer.remove(registration, callee);
            let Some(session) = self.sessions.get_mut(&callee) else {
                continue;
            };
            session.registrations.remove(&registration);
            if session.takes_revocations {
                let details = Dict::new()
                    .with("registration", registration)
                    .with("reason", known::UNREGISTERED);
                send(session, Message::RegistrationRevoked { details }, out);
            }
            self.release(callee, size);
        }
    }

    pub(super) fn unregister(
        &mut self,
        from: Id,
        request: Id,
        registration: Id,
        out: &mut Vec<Output<H>>,
    ) {
        let Some(session) = self.sessions.get_mut(&from) else {
            return;
        };
        let is_held = session.registrations.remove(&registration);
        let message = if is_held {
            Message::Unregistered { request }
        } else {
            let reason = known::NO_SUCH_REGISTRATION;
            error(RequestKind::Unregister, request, reason, None)
        };
        send(session, message, out);
        if is_held {
            let size = self.dealer.registrations.size_of(registration);
            self.work += self.dealer.remove(registration, from);
            self.release(from, size);
        }
    }

    #[expect(clippy::too_many_arguments, reason = "the fields of a CALL")]
    pub(super) fn call(
        &mut self,
        from: Id,
        request: Id,
        options: &Dict,
        procedure: &Uri,
        payload: Payload,
        now: Duration,
        out: &mut Vec<Output<H>>,
    ) -> Result<(), Violation> {
        let caller = &self.sessions[&from];
        if caller.calls.contains_key(&request) {
            return Err(format!("CALL: the request id {request} is in use"));
        }
        if let Err((reason, why)) =
            self.try_call(from, request, options, procedure, payload, now, out)
        {
            let message = error(RequestKind::Call, request, reason, Some(&why));
            send(&self.sessions[&from], message, out);
        }
        Ok(())
    }

    #[expect(clippy::too_many_arguments, reason = "the fields of a CALL")]
    fn try_call(
        &mut self,
        from: Id,
        request: Id,
        options: &Dict,
        procedure: &Uri,
        payload: Payload,
        now: Duration,
        out: &mut Vec<Output<H>>,
    ) -> Result<(), (&'static str, String)> {
        let caller = &self.sessions[&from];
        if options.flag("progress") {
            let why = "arguments in parts are not to be had here".to_string();
            return Err((known::OPTION_NOT_ALLOWED, why));
        }
        if payload.is_sealed() {
            return Err((known::OPTION_NOT_ALLOWED, NOT_SEALED.to_string()));
        }
        let permissions = self.roles.get(&caller.identity.authrole);
        if !permissions
            .is_some_and(|permissions| permissions.allow(Action::Call, procedure.as_str()))
        {
            return Err((
                known::NOT_AUTHORIZED,
                format!("the role may not call {procedure}"),
            ));
        }
        if procedure.is_reserved() {
            return self.call_meta(from, request, procedure, &payload, out);
        }
        if caller.calls.len() >= self.limits.calls {
            return Err((
                known::UNAVAILABLE,
                "too many calls are in flight".to_string(),
            ));
        }
        let (registration, callee) = self.choose(procedure).ok_or_else(|| {
            let why = format!("no callee has registered {procedure}");
            (known::NO_SUCH_PROCEDURE, why)
        })?;
        let entry = &self.dealer.registrations.entries[&registration];
        let caller = &self.sessions[&from];
        let mut details = Dict::new();
        if entry.match_policy != Match::Exact {
            details.insert("procedure", procedure.as_str());
        }
        if callee.wants_caller || options.flag("disclose_me") {
            details.insert("caller", from);
            details.insert("caller_authid", caller.identity.authid.as_str());
            details.insert("caller_authrole", caller.identity.authrole.as_str());
        }
        let timeout = options.u64("timeout").filter(|timeout| *timeout > 0);
        // Beyond what can be counted there is no end.
        let deadline = timeout.and_then(|timeout| now.checked_add(Duration::from_millis(timeout)));
        let Some(server) = self.sessions.get_mut(&callee.session) else {
            let why = format!("no callee has registered {procedure}");
            return Err((known::NO_SUCH_PROCEDURE, why));
        };
        if server.invocations.len() >= self.limits.invocations {
            let why = "the callee has too many calls to answer".to_string();
            return Err((known::UNAVAILABLE, why));
        }
        if let Some(timeout) = timeout.filter(|_| server.takes_timeouts) {
            details.insert("timeout", timeout);
        }
        // A callee that does not announce that it gives parts may give some (wampy.js 8 does).
        let wants_progress = options.flag("receive_progress");
        if wants_progress && server.gives_progress {
            details.insert("receive_progress", true);
        }
        let invocation = server.invocation_ids.draw();
        server.last_invocation = server.last_invocation.max(invocation.get());
        server.invocations.insert(
            invocation,
            Invocation {
                caller: from,
                request,
                wants_progress,
                interrupted: false,
                deadline,
            },
        );
        let message = Message::Invocation {
            request: invocation,
            registration,
            details,
            payload,
        };
        send(server, message, out);
        self.dealer.invocations += 1;
        if let Some(deadline) = deadline {
            let entry = (deadline, callee.session, invocation);
            self.dealer.deadlines.insert(entry);
        }
        if let Some(caller) = self.sessions.get_mut(&from) {
            caller.calls.insert(request, (callee.session, invocation));
        }
        Ok(())
    }

    /// The registration that a call belongs to, and the callee who gets it.
    fn choose(&mut self, procedure: &Uri) -> Option<(Id, Callee)> {
        let (id, steps) = self.dealer.patterns.best(procedure.as_str());
        self.work += steps;
        let mut id = id?;
        let callees = &self.dealer.registrations.entries.get(&id)?.callees;
        // Of those who leave with much behind some are still
        // listed. Mostly there is one callee, who is there.
        if !self.tasks.is_empty()
            && callees
                .iter()
                .any(|one| !self.sessions.contains_key(&one.session))
        {
            self.work += callees.len() / CALLEES_PER_WORK;
            self.drop_those_who_left(id);
            id = self.dealer.patterns.best(procedure.as_str()).0?;
        }
        let entry = self.dealer.registrations.entries.get_mut(&id)?;
        let count = entry.callees.len();
        let index = match entry.invoke {
            Invoke::Single | Invoke::First => 0,
            Invoke::Last => count - 1,
            Invoke::RoundRobin => {
                let index = entry.turn % count;
                entry.turn = index + 1;
                index
            }
            Invoke::Random => self.random.random_range(0..count),
        };
        Some((id, *entry.callees.get(index)?))
    }

    /// An answer from a callee. One to an invocation that is over (cancelled, timed out, its caller
    /// gone) is dropped; one to an invocation that it never had breaks the protocol.
    pub(super) fn answer(
        &mut self,
        from: Id,
        invocation: Id,
        answer: Answer,
        out: &mut Vec<Output<H>>,
    ) -> Result<(), Violation> {
        let answer = match answer {
            Answer::Yield(_, payload) | Answer::Error(_, _, payload) if payload.is_sealed() => {
                let error = uri(known::OPTION_NOT_ALLOWED);
                Answer::Error(Dict::new(), error, text_payload(NOT_SEALED))
            }
            answer => answer,
        };
        let Some(callee) = self.sessions.get_mut(&from) else {
            return Ok(());
        };
        let Some(entry) = callee.invocations.get(&invocation) else {
            if invocation.get() > callee.last_invocation {
                return Err(format!("there is no invocation {invocation} to answer"));
            }
            return Ok(());
        };
        let (caller, request) = (entry.caller, entry.request);
        let message = match answer {
            Answer::Yield(options, payload) if options.flag("progress") => {
                // A part that the caller did not ask for, or does not wait for any more.
                if !entry.wants_progress || entry.interrupted {
                    return Ok(());
                }
                let details = Dict::new().with("progress", true);
                let message = Message::Result {
                    request,
                    details,
                    payload,
                };
                if let Some(caller) = self.sessions.get(&caller) {
                    send(caller, message, out);
                }
                return Ok(());
            }
            Answer::Yield(_, payload) => Message::Result {
                request,
                details: Dict::new(),
                payload,
            },
            Answer::Error(details, error, payload) => Message::Error {
                kind: RequestKind::Call,
                request,
                details,
                error,
                payload,
            },
        };
        self.finish(from, invocation, message, out);
        Ok(())
    }

    /// Ends an invocation and gives the caller its one answer.
    fn finish(&mut self, callee: Id, invocation: Id, message: Message, out: &mut Vec<Output<H>>) {
        let Some(entry) = self.take_invocation(callee, invocation) else {
            return;
        };
        if let Some(caller) = self.sessions.get_mut(&entry.caller) {
            caller.calls.remove(&entry.request);
            send(caller, message, out);
        }
    }

    fn take_invocation(&mut self, callee: Id, invocation: Id) -> Option<Invocation> {
        let entry = self
            .sessions
            .get_mut(&callee)?
            .invocations
            .remove(&invocation)?;
        self.forget(callee, invocation, &entry);
        Some(entry)
    }

    fn forget(&mut self, callee: Id, invocation: Id, entry: &Invocation) {
        self.dealer.invocations -= 1;
        if let Some(deadline) = entry.deadline {
            self.dealer
                .deadlines
                .remove(&(deadline, callee, invocation));
        }
    }

    pub(super) fn cancel(
        &mut self,
        from: Id,
        request: Id,
        options: &Dict,
        out: &mut Vec<Output<H>>,
    ) {
        // A call that is not (any more) in progress: the answer and CANCEL have crossed.
        let Some((callee, invocation)) = self.sessions[&from].calls.get(&request).copied() else {
            return;
        };
        let mode = options.str("mode").and_then(CancelMode::from_word);
        let mode = mode.unwrap_or_default();
        let Some(server) = self.sessions.get_mut(&callee) else {
            return;
        };
        if mode == CancelMode::Kill && server.takes_interrupts {
            let Some(entry) = server.invocations.get_mut(&invocation) else {
                return;
            };
            if !entry.interrupted {
                entry.interrupted = true;
                interrupt(server, invocation, mode, known::CANCELED, out);
            }
            return;
        }
        if mode == CancelMode::KillNoWait && server.takes_interrupts {
            interrupt(server, invocation, mode, known::CANCELED, out);
        }
        let message = error(
            RequestKind::Call,
            request,
            known::CANCELED,
            Some("cancelled"),
        );
        self.finish(callee, invocation, message, out);
    }

    pub(super) fn time_out(&mut self, callee: Id, invocation: Id, out: &mut Vec<Output<H>>) {
        let why = "no answer came in time";
        let timeout = known::TIMEOUT;
        self.break_off(callee, invocation, (timeout, timeout), why, out);
    }

    /// Ends a call, if it is in flight, because its caller cannot be given what its callee answers.
    pub(super) fn fail(
        &mut self,
        caller: Id,
        request: Id,
        reason: &str,
        why: &str,
        out: &mut Vec<Output<H>>,
    ) {
        let caller = self.sessions.get(&caller);
        if let Some((callee, invocation)) = caller.and_then(|caller| caller.calls.get(&request)) {
            let reasons = (known::CANCELED, reason);
            self.break_off(*callee, *invocation, reasons, why, out);
        }
    }

    /// Ends an invocation: its callee is told the first reason, its caller the second.
    fn break_off(
        &mut self,
        callee: Id,
        invocation: Id,
        reasons: (&str, &str),
        why: &str,
        out: &mut Vec<Output<H>>,
    ) {
        let Some(server) = self.sessions.get(&callee) else {
            return;
        };
        let Some(entry) = server.invocations.get(&invocation) else {
            return;
        };
        let request = entry.request;
        if server.takes_interrupts && !entry.interrupted {
            let mode = CancelMode::KillNoWait;
            interrupt(server, invocation, mode, reasons.0, out);
        }
        let message = error(RequestKind::Call, request, reasons.1, Some(why));
        self.finish(callee, invocation, message, out);
    }

    /// A caller has left: nobody waits for the answer.
    pub(super) fn abandon(&mut self, callee: Id, invocation: Id, out: &mut Vec<Output<H>>) {
        let Some(entry) = self.take_invocation(callee, invocation) else {
            return;
        };
        if let Some(server) = self.sessions.get(&callee)
            && server.takes_interrupts
            && !entry.interrupted
        {
            let mode = CancelMode::KillNoWait;
            interrupt(server, invocation, mode, known::CANCELED, out);
        }
    }

    /// A callee has left that had this to answer: its caller gets an error.
    pub(super) fn drop_invocation(
        &mut self,
        callee: Id,
        invocation: Id,
        entry: &Invocation,
        out: &mut Vec<Output<H>>,
    ) {
        self.forget(callee, invocation, entry);
        if let Some(caller) = self.sessions.get_mut(&entry.caller) {
            caller.calls.remove(&entry.request);
            let why = Some("the callee left before it had answered");
            let message = error(RequestKind::Call, entry.request, known::CANCELED, why);
            send(caller, message, out);
        }
    }

    /// Takes callees out of a registration that have left, and
    /// whose own turn to be cleared away has not come yet.
    fn drop_those_who_left(&mut self, registration: Id) {
        let Some(entry) = self.dealer.registrations.entries.get(&registration) else {
            return;
        };
        self.work += entry.callees.len() / CALLEES_PER_WORK;
        let has_left = |callee: &&Callee| !self.sessions.contains_key(&callee.session);
        let left: Vec<Id> = entry
            .callees
            .iter()
            .filter(has_left)
            .map(|callee| callee.session)
            .collect();
        for session in left {
            self.work += self.dealer.remove(registration, session);
        }
    }
}

fn interrupt<H: Clone>(
    callee: &super::Session<H>,
    invocation: Id,
    mode: CancelMode,
    reason: &str,
    out: &mut Vec<Output<H>>,
) {
    let options = Dict::new().with("mode", mode.word()).with("reason", reason);
    let message = Message::Interrupt {
        request: invocation,
        options,
    };
    send(callee, message, out);
}

#[cfg(test)]
impl Invocation {
    pub(super) fn caller(&self) -> Id {
        self.caller
    }

    pub(super) fn request(&self) -> Id {
        self.request
    }

    pub(super) fn deadline(&self) -> Option<Duration> {
        self.deadline
    }
}

#[cfg(test)]
impl Dealer {
    pub(super) fn callees(&self, registration: Id) -> impl Iterator<Item = Id> {
        let entry = self.registrations.entries.get(&registration);
        entry
            .into_iter()
            .flat_map(|entry| &entry.callees)
            .map(|callee| callee.session)
    }

    /// Each registration is found by its URI, and each of its callees knows it.
    pub(super) fn check(&self, knows: impl Fn(Id, Id) -> bool) {
        for (id, entry) in &self.registrations.entries {
            assert_eq!(
                self.patterns.get(&entry.procedure, entry.match_policy),
                Some(*id)
            );
            assert!(!entry.callees.is_empty() && entry.turn <= entry.callees.len());
            assert!(
                entry
                    .callees
                    .iter()
                    .all(|callee| knows(callee.session, *id))
            );
        }
        assert_eq!(self.patterns.len(), self.registrations.entries.len());
    }
}
