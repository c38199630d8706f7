//! The session meta API: what the router tells about its
//! sessions, and how a role with the right ends them.

use super::tasks::{Ending, Task};
use super::{Action, Identity, Output, Realm, Session, Set, send};
use crate::messages::{Dict, Format, Id, Message, Payload, Uri, Value, known};

/// What `wamp.session.get` and `wamp.session.on_join` tell about a session.
pub(super) fn details(id: Id, identity: &Identity) -> Dict {
    Dict::new()
        .with("session", id)
        .with("authid", identity.authid.as_str())
        .with("authrole", identity.authrole.as_str())
        .with("authmethod", identity.authmethod.as_str())
        .with("authprovider", identity.authprovider.as_str())
        .with("transport", identity.transport.clone())
}

/// What can be called here; those after the first three end sessions.
const PROCEDURES: [&str; 7] = [
    "wamp.session.count",
    "wamp.session.list",
    "wamp.session.get",
    "wamp.session.kill",
    "wamp.session.kill_by_authid",
    "wamp.session.kill_by_authrole",
    "wamp.session.kill_all",
];

/// The arguments that are read, in bytes as they came: the others wait meanwhile.
const LONGEST_ARGUMENTS: usize = 16 * 1024;

/// So many sessions are looked at in the time of one other piece of work.
const SESSIONS_PER_WORK: usize = 16;

type Refusal = (&'static str, String);

impl<H: Clone> Realm<H> {
    /// A call of one of the router's own procedures, answered at once.
    pub(super) fn call_meta(
        &mut self,
        from: Id,
        request: Id,
        procedure: &Uri,
        payload: &Payload,
        out: &mut Vec<Output<H>>,
    ) -> Result<(), Refusal> {
        let name = procedure.as_str();
        if !PROCEDURES.contains(&name) {
            let why = format!("the router has no procedure {procedure}");
            return Err((known::NO_SUCH_PROCEDURE, why));
        }
        if payload.size() > LONGEST_ARGUMENTS {
            let why = format!("the arguments are longer than {LONGEST_ARGUMENTS} bytes");
            return Err(invalid(why));
        }
        let args: Vec<Value> = payload.args().map_err(invalid)?;
        let kwargs: Dict = payload.kwargs().map_err(invalid)?;
        let reason = kwargs.str("reason").unwrap_or(known::KILLED);
        let reason = Uri::new(reason).ok_or_else(|| invalid("the reason is a URI"))?;
        let (answer, ended) = match name {
            "wamp.session.count" => {
                let count = self.count(roles_argument(&args)?.as_ref());
                let count = u64::try_from(count).unwrap_or(u64::MAX);
                (Value::from(count), Vec::new())
            }
            "wamp.session.list" => (
                Value::from(self.with_roles(roles_argument(&args)?.as_ref())),
                Vec::new(),
            ),
            "wamp.session.get" => {
                let id = id_argument(&args)?;
                let session = self.sessions.get(&id).ok_or_else(|| no_such_session(id))?;
                (Value::from(details(id, &session.identity)), Vec::new())
            }
            _ => {
                self.may_end_sessions(from, name)?;
                let ended = self.victims(from, name, &args)?;
                let count = u64::try_from(ended.len()).unwrap_or(u64::MAX);
                let answer = if name == "wamp.session.kill" {
                    Value::Null
                } else {
                    Value::from(count)
                };
                (answer, ended)
            }
        };
        let args = match answer {
            Value::Null => Payload::empty(),
            answer => Payload::new(Format::Json, &[answer]).map_err(invalid)?,
        };
        let result = Message::Result {
            request,
            details: Dict::new(),
            payload: args,
        };
        send(&self.sessions[&from], result, out);
        let mut goodbye = Dict::new();
        if let Some(message) = kwargs.str("message") {
            goodbye.insert("message", message);
        }
        self.begin(Task::End(Ending {
            sessions: ended.into_iter(),
            details: goodbye,
            reason,
        }));
        Ok(())
    }

    /// How many sessions have these roles.
    fn count(&mut self, roles: Option<&Set<&str>>) -> usize {
        let Some(roles) = roles else {
            return self.sessions.len();
        };
        self.work += roles.len();
        let counts = roles.iter().filter_map(|role| self.by_role.get(*role));
        counts.sum()
    }

    /// The sessions that have these roles.
    fn with_roles(&mut self, roles: Option<&Set<&str>>) -> Vec<Id> {
        self.work += self.sessions.len() / SESSIONS_PER_WORK;
        let has = |session: &Session<H>| {
            roles.is_none_or(|roles| roles.contains(session.identity.authrole.as_str()))
        };
        let sessions = self.sessions.iter();
        let mut ids: Vec<Id> = sessions
            .filter(|(_, session)| has(session))
            .map(|(id, _)| *id)
            .collect();
        ids.sort_unstable();
        ids
    }

    /// A rule for every URI does not grant session termination: a rule has to name it.
    fn may_end_sessions(&self, from: Id, name: &str) -> Result<(), Refusal> {
        let role = &self.sessions[&from].identity.authrole;
        let permissions = self.roles.get(role);
        if permissions.is_some_and(|permissions| permissions.allow_named(Action::Call, name)) {
            return Ok(());
        }
        let why = format!("no rule of the role names {name}");
        Err((known::NOT_AUTHORIZED, why))
    }

    /// The sessions to be ended; never the one that asks.
    fn victims(&mut self, from: Id, name: &str, args: &[Value]) -> Result<Vec<Id>, Refusal> {
        if name == "wamp.session.kill" {
            let id = id_argument(args)?;
            if id == from || !self.sessions.contains_key(&id) {
                return Err(no_such_session(id));
            }
            return Ok(vec![id]);
        }
        let wanted = if name == "wamp.session.kill_all" {
            None
        } else {
            let text = args.first().and_then(Value::as_str);
            Some(text.ok_or_else(|| invalid("the first argument is a name"))?)
        };
        self.work += self.sessions.len() / SESSIONS_PER_WORK;
        let ids = self.sessions.iter().filter(|(id, session)| {
            let identity = &session.identity;
            let of = if name.ends_with("authid") {
                &identity.authid
            } else {
                &identity.authrole
            };
            **id != from && wanted.is_none_or(|wanted| wanted == of)
        });
        Ok(ids.map(|(id, _)| *id).collect())
    }
}

/// The roles that the first argument lists; `None` for all.
fn roles_argument(args: &[Value]) -> Result<Option<Set<&str>>, Refusal> {
    match args.first() {
        None | Some(Value::Null) => Ok(None),
        Some(Value::List(roles)) => Ok(Some(roles.iter().filter_map(Value::as_str).collect())),
        Some(_) => Err(invalid("the first argument is a list of roles")),
    }
}

fn id_argument(args: &[Value]) -> Result<Id, Refusal> {
    let id = args.first().and_then(Value::as_id);
    id.ok_or_else(|| invalid("the first argument is a session's id"))
}

fn invalid(why: impl std::fmt::Display) -> Refusal {
    (known::INVALID_ARGUMENT, why.to_string())
}

fn no_such_session(id: Id) -> Refusal {
    (known::NO_SUCH_SESSION, format!("there is no session {id}"))
}
