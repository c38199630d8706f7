//! Distribution transparency, question 3: a service that is called by name, and its caller. The
//! check plays their router.
//!
//! The router between them is not judged here: it has
//! an address like any server, and its own tests.
//!
//! One file, since it is one exercise.

use std::collections::{BTreeMap, BTreeSet};
use std::net::TcpListener;
use std::time::{Duration, Instant};

use serde_json::{Value, json};

use lab_judge::exercise::{Case, Exercise, Host, Kind, Role};
use lab_judge::harness::Harness;
use lab_judge::misconceptions::{self as m, Misconception};
use lab_judge::peers::tcp::{self, Connection};
use lab_judge::ports::Protocol;
use lab_judge::process::Ended;
use lab_judge::steps;
use lab_judge::steps::wamp::{Cut, Wamp, code, is, unasked, welcome};
use lab_judge::verdict::{Step, What, wrong};

#[path = "sheets/transparency_middleware.rs"]
mod sheet;

pub static EXERCISE: Exercise = Exercise {
    name: "transparency-middleware",
    roles: &[
        Role {
            kind: Kind::Server,
            package: "transparency-service",
            arguments: "--router ws://{host}:{port}/ws --log {scratch}/counter.log",
            message: "",
            host: Host::Loopback,
            port: 8080,
            protocol: Protocol::Tcp,
            cases: SERVICE,
            sheet: sheet::SERVER,
            remark: "the service; {host} and {port} are the router's, which the check plays",
        },
        Role {
            kind: Kind::Client,
            package: "transparency-caller",
            arguments: "--router ws://{host}:{port}/ws org.example.calculator.add 2 3",
            message: "",
            host: Host::Loopback,
            port: 8080,
            protocol: Protocol::Tcp,
            cases: CALLER,
            sheet: sheet::CLIENT,
            remark: "the caller; its command has it call org.example.calculator.add with 2 and 3",
        },
    ],
};

const REALM: &str = "realm1";
const ADD: &str = "org.example.calculator.add";
const DIVIDE: &str = "org.example.calculator.divide";
const VALUE: &str = "org.example.counter.value";
const COUNT: &str = "org.example.counter.add";
const COUNT_ONCE: &str = "org.example.counter.add_once";
const CHANGED: &str = "org.example.counter.changed";
const NAMES: [&str; 7] = [
    ADD,
    "org.example.calculator.subtract",
    "org.example.calculator.multiply",
    DIVIDE,
    VALUE,
    COUNT,
    COUNT_ONCE,
];
/// How many calls are in flight at once.
const MANY: u64 = 50;

/// How every session begins, whatever it is for.
const JOINS: Case = Case {
    id: "joins",
    name: "opens a WebSocket that speaks WAMP, and joins the realm",
    depends_on: &[],
    play: |harness| {
        let listener = harness.listen()?;
        harness.start("")?;
        joined(harness, &listener).map(|_| ())
    },
};

static SERVICE: &[Case] = &[
    JOINS,
    Case {
        id: "registers",
        name: "registers the procedures of the calculator and of the counter",
        depends_on: &["joins"],
        play: |harness| Service::start(harness).map(|_| ()),
    },
    Case {
        id: "calculates",
        name: "answers calls with their results",
        depends_on: &["registers"],
        play: |harness| {
            let mut service = Service::start(harness)?;
            for (name, a, b, result) in [
                ("add", 2, 3, 5.0),
                ("subtract", 2, 30, -28.0),
                ("multiply", -4, 5, -20.0),
                ("divide", 6, 3, 2.0),
                ("divide", 1, 4, 0.25),
            ] {
                let name = format!("org.example.calculator.{name}");
                service.gives(harness, &name, &json!([a, b]), result)?;
            }
            Ok(())
        },
    },
    Case {
        id: "errors",
        name: "answers what has no result with a named error, and keeps running",
        depends_on: &["calculates"],
        play: |harness| {
            let mut service = Service::start(harness)?;
            for (args, error) in [
                (json!([1, 0]), "org.example.error.division_by_zero"),
                (json!(["six", 3]), "wamp.error.invalid_argument"),
                (json!([6]), "wamp.error.invalid_argument"),
            ] {
                service.fails(harness, DIVIDE, &args, error)?;
            }
            service.gives(harness, DIVIDE, &json!([6, 3]), 2.0)
        },
    },
    Case {
        id: "many",
        name: "answers each of 50 calls that are in flight at once with its own result",
        depends_on: &["calculates"],
        play: many,
    },
    Case {
        id: "bytes",
        name: "puts together a frame that arrives one byte at a time",
        depends_on: &["calculates"],
        play: |harness| {
            let mut service = Service::start(harness)?;
            service.understands(harness, Cut::Bytes, &m::ONE_RECV)
        },
    },
    Case {
        id: "frames",
        name: "puts together a message that comes in three frames, with a ping between them",
        depends_on: &["calculates"],
        play: |harness| {
            let mut service = Service::start(harness)?;
            service.understands(harness, Cut::Frames, &m::WS_FRAME_FOR_MESSAGE)
        },
    },
    Case {
        id: "ping",
        name: "answers a ping with the same bytes",
        depends_on: &["registers"],
        play: |harness| {
            let mut service = Service::start(harness)?;
            service.router.ping(harness, b"still there?")
        },
    },
    Case {
        id: "counts",
        name: "counts, and tells the total",
        depends_on: &["calculates"],
        play: |harness| {
            let mut service = Service::start(harness)?;
            let before = service.total(harness)?;
            service.gives(harness, COUNT, &json!([5]), before + 5.0)?;
            service.gives(harness, COUNT, &json!([-2]), before + 3.0)?;
            service.gives(harness, VALUE, &json!([]), before + 3.0)
        },
    },
    Case {
        id: "once",
        name: "counts an addition that is asked for twice with the same key only once",
        depends_on: &["counts"],
        play: |harness| {
            let mut service = Service::start(harness)?;
            let before = service.total(harness)?;
            let (one, other) = (key(harness), key(harness));
            service.gives(harness, COUNT_ONCE, &json!([10, one]), before + 10.0)?;
            for args in [json!([10, one]), json!([10, one])] {
                let answer = service.call(harness, COUNT_ONCE, &args, &m::COUNTS_TWICE)?;
                same(
                    &answer,
                    before + 10.0,
                    &m::COUNTS_TWICE,
                    "the second request with the same key",
                )?;
            }
            service.gives(harness, COUNT_ONCE, &json!([1, other]), before + 11.0)?;
            let answer = service.call(harness, VALUE, &json!([]), &m::COUNTS_TWICE)?;
            same(&answer, before + 11.0, &m::COUNTS_TWICE, VALUE)
        },
    },
    Case {
        id: "tells",
        name: "publishes each new total",
        depends_on: &["counts"],
        play: |harness| {
            let mut service = Service::start(harness)?;
            let before = service.total(harness)?;
            service.gives(harness, COUNT, &json!([4]), before + 4.0)?;
            service.published(harness, before + 4.0)
        },
    },
    Case {
        id: "keeps",
        name: "still knows the total after it was killed and started again",
        depends_on: &["counts"],
        play: |harness| {
            let mut service = Service::start(harness)?;
            let before = service.total(harness)?;
            service.gives(harness, COUNT, &json!([7]), before + 7.0)?;
            harness.restart()?;
            let mut service = Service::meet(harness, service.listener)?;
            let answer = service.call(harness, VALUE, &json!([]), &m::FORGETS)?;
            same(
                &answer,
                before + 7.0,
                &m::FORGETS,
                "the total after the restart",
            )
        },
    },
    Case {
        id: "comes-back",
        name: "connects and registers again after its connection broke",
        depends_on: &["calculates"],
        play: |harness| {
            let Service {
                listener, router, ..
            } = Service::start(harness)?;
            router.reset();
            let mut service = steps::blaming(&m::STAYS_AWAY, Service::meet(harness, listener))?;
            service.gives(harness, ADD, &json!([20, 1]), 21.0)
        },
    },
    Case {
        id: "goodbye",
        name: "answers the router's goodbye",
        depends_on: &["registers"],
        play: |harness| {
            let mut service = Service::start(harness)?;
            service
                .router
                .send(&json!([code::GOODBYE, {}, "wamp.close.system_shutdown"]));
            loop {
                let what = "the answer to GOODBYE";
                let message = service.router.read(harness, what, &m::WAMP_NO_GOODBYE)?;
                if is(&message, code::GOODBYE) {
                    return Ok(());
                }
                service.handle(&message);
            }
        },
    },
];

static CALLER: &[Case] = &[
    JOINS,
    Case {
        id: "calls",
        name: "calls the procedure by its name, with its arguments",
        depends_on: &["joins"],
        play: |harness| calling(harness).map(|_| ()),
    },
    Case {
        id: "prints",
        name: "prints the result, leaves the realm, and ends",
        depends_on: &["calls"],
        play: |harness| {
            let (_, mut router, request) = calling(harness)?;
            let result = result(harness);
            router.send(&json!([code::RESULT, request, {}, [result]]));
            prints(harness, result)?;
            router.farewell(harness)?;
            steps::ends_well(harness, "after it had its result")
        },
    },
    Case {
        id: "error",
        name: "tells the name of an error, and fails",
        depends_on: &["prints"],
        play: |harness| {
            let (_, mut router, request) = calling(harness)?;
            let name = "org.example.error.overflow";
            router.send(&json!([
                code::ERROR,
                code::CALL,
                request,
                {},
                name,
                ["too large"]
            ]));
            router.farewell(harness)?;
            let ended = harness.ends("after its call had failed")?;
            let program = harness.program()?;
            let told = [program.stdout().head, program.stderr().head].concat();
            if tcp::find(&told, name.as_bytes()).is_none() {
                return Err(wrong(
                    &m::NOT_PRINTED,
                    format!("The call failed with {name}, and the program printed that nowhere."),
                ));
            }
            must_fail(ended, "its call had failed")
        },
    },
    Case {
        id: "bytes",
        name: "puts together a frame that arrives one byte at a time",
        depends_on: &["prints"],
        play: |harness| understands(harness, Cut::Bytes, &m::ONE_RECV),
    },
    Case {
        id: "frames",
        name: "puts together a message that comes in three frames, with a ping between them",
        depends_on: &["prints"],
        play: |harness| understands(harness, Cut::Frames, &m::WS_FRAME_FOR_MESSAGE),
    },
    Case {
        id: "ping",
        name: "answers a ping while it waits for its result",
        depends_on: &["calls"],
        play: |harness| {
            let (_, mut router, _) = calling(harness)?;
            router.ping(harness, b"still there?")
        },
    },
    Case {
        id: "refused",
        name: "fails when the router does not let it in",
        depends_on: &["joins"],
        play: |harness| {
            let listener = harness.listen()?;
            harness.start("")?;
            let mut router = opened(harness, &listener)?;
            router.send(
                &json!([code::ABORT, {"message": "no such realm"}, "wamp.error.no_such_realm"]),
            );
            while router.read_or_end(harness)?.is_some() {}
            let ended = harness.ends("after the router had refused it")?;
            must_fail(ended, "the router refused it")
        },
    },
    Case {
        id: "router-breaks",
        name: "calls again or fails when the connection breaks before the result",
        depends_on: &["prints"],
        play: router_breaks,
    },
    Case {
        id: "no-router",
        name: "fails with an exit code other than 0 when no server listens",
        depends_on: &["joins"],
        play: |harness| steps::nobody_listens(harness, ""),
    },
];

/// A service under test that has registered everything, and the router's end.
struct Service {
    listener: TcpListener,
    router: Wamp,
    /// The number of each registration, and whether it is for all names that begin so.
    names: BTreeMap<String, (u64, bool)>,
    totals: Vec<Value>,
    request: u64,
}

/// What came back for a call.
enum Answer {
    Result(Vec<Value>),
    Error(String),
}

impl Service {
    fn start(harness: &mut Harness<'_>) -> Step<Self> {
        let listener = harness.listen()?;
        harness.start("")?;
        Self::meet(harness, listener)
    }

    /// Waits for the service, lets it in, and waits until all its names are registered.
    fn meet(harness: &mut Harness<'_>, listener: TcpListener) -> Step<Self> {
        let router = joined(harness, &listener)?;
        let mut service = Service {
            listener,
            router,
            names: BTreeMap::new(),
            totals: Vec::new(),
            request: 0,
        };
        while let Some(missing) = NAMES
            .into_iter()
            .find(|name| service.number(name).is_none())
        {
            let what = format!("the registration of {missing}");
            let message = service
                .router
                .read(harness, &what, &m::WAMP_NOT_REGISTERED)?;
            if !service.handle(&message) {
                return Err(unasked(&message));
            }
        }
        Ok(service)
    }

    /// Does what a router does for a session; false for what it has no answer to.
    fn handle(&mut self, message: &[Value]) -> bool {
        let id = |at: usize| message.get(at).and_then(Value::as_u64).unwrap_or_default();
        let text = |at: usize| message.get(at).and_then(Value::as_str).unwrap_or_default();
        let option = |name: &str| message.get(2).and_then(|options| options.get(name));
        let reply = match id(0) {
            code::REGISTER => {
                let number = 1000 + self.names.len() as u64;
                let prefix = option("match").is_some_and(|kind| kind == "prefix");
                self.names.insert(text(3).to_string(), (number, prefix));
                json!([code::REGISTERED, id(1), number])
            }
            code::UNREGISTER => json!([code::UNREGISTERED, id(1)]),
            code::SUBSCRIBE => json!([code::SUBSCRIBED, id(1), 1]),
            code::PUBLISH => {
                if text(3) == CHANGED {
                    let total = message.get(4).and_then(|args| args.get(0));
                    self.totals.push(total.cloned().unwrap_or_default());
                }
                if !option("acknowledge").is_some_and(|asked| asked == true) {
                    return true;
                }
                json!([code::PUBLISHED, id(1), 1])
            }
            code::CALL => json!([
                code::ERROR,
                code::CALL,
                id(1),
                {},
                "wamp.error.no_such_procedure"
            ]),
            _ => return false,
        };
        self.router.send(&reply);
        true
    }

    /// The number under which a name is registered, and
    /// whether it needs to be told which name is meant.
    fn number(&self, name: &str) -> Option<(u64, bool)> {
        let by_prefix = || {
            let prefixes = self
                .names
                .iter()
                .filter(|(prefix, (_, is))| *is && name.starts_with(*prefix));
            prefixes
                .max_by_key(|(prefix, _)| prefix.len())
                .map(|(_, number)| *number)
        };
        self.names.get(name).copied().or_else(by_prefix)
    }

    /// The next INVOCATION of a name.
    fn invocation(&mut self, name: &str, args: &Value) -> Value {
        self.request += 1;
        let (number, by_prefix) = self.number(name).unwrap_or_default();
        let details = match by_prefix {
            true => json!({"procedure": name}),
            false => json!({}),
        };
        match args.as_array().is_some_and(Vec::is_empty) {
            // What is empty at the end may be left out.
            true => json!([code::INVOCATION, self.request, number, details]),
            false => json!([code::INVOCATION, self.request, number, details, args]),
        }
    }

    /// The next answer to any call: which, and what.
    fn answer(
        &mut self,
        harness: &mut Harness<'_>,
        what: &str,
        suspect: &'static Misconception,
    ) -> Step<(u64, Answer)> {
        loop {
            let message = self.router.read(harness, what, suspect)?;
            let id = |at: usize| message.get(at).and_then(Value::as_u64).unwrap_or_default();
            if is(&message, code::YIELD) {
                let args = message.get(3).and_then(Value::as_array).cloned();
                return Ok((id(1), Answer::Result(args.unwrap_or_default())));
            }
            if is(&message, code::ERROR) && id(1) == code::INVOCATION {
                let name = message.get(4).and_then(Value::as_str).unwrap_or_default();
                return Ok((id(2), Answer::Error(name.to_string())));
            }
            if !self.handle(&message) {
                return Err(unasked(&message));
            }
        }
    }

    /// Calls a name and hears the answer to this call.
    fn call(
        &mut self,
        harness: &mut Harness<'_>,
        name: &str,
        args: &Value,
        suspect: &'static Misconception,
    ) -> Step<Answer> {
        self.call_cut(harness, name, args, Cut::Whole, suspect)
    }

    fn call_cut(
        &mut self,
        harness: &mut Harness<'_>,
        name: &str,
        args: &Value,
        cut: Cut,
        suspect: &'static Misconception,
    ) -> Step<Answer> {
        let invocation = self.invocation(name, args);
        self.router.send_cut(&invocation, cut);
        let (request, answer) = self.answer(harness, &format!("the answer to {name}"), suspect)?;
        if request != self.request {
            return Err(wrong(
                &m::WAMP_WRONG_ID,
                format!("Call {} was answered as call {request}.", self.request),
            ));
        }
        Ok(answer)
    }

    /// A call has to give this number.
    fn gives(&mut self, harness: &mut Harness<'_>, name: &str, args: &Value, result: f64) -> Step {
        let answer = self.call(harness, name, args, &m::NO_ANSWER)?;
        same(&answer, result, &m::WRONG_ANSWER, &format!("{name}{args}"))
    }

    /// A call has to fail with this error.
    fn fails(&mut self, harness: &mut Harness<'_>, name: &str, args: &Value, error: &str) -> Step {
        let came = match self.call(harness, name, args, &m::WAMP_NO_ERROR)? {
            Answer::Error(came) if came == error => return Ok(()),
            Answer::Error(came) => format!("the error {came}"),
            Answer::Result(args) => format!("the result {}", Value::Array(args)),
        };
        Err(wrong(
            &m::WAMP_NO_ERROR,
            format!("{name}{args} was answered with {came} instead of the error {error}."),
        ))
    }

    /// A call whose message is cut has to be answered like any other.
    fn understands(
        &mut self,
        harness: &mut Harness<'_>,
        cut: Cut,
        suspect: &'static Misconception,
    ) -> Step {
        // What a program makes of a part may be anything, also no message of WAMP.
        let answer = self.call_cut(harness, ADD, &json!([300, 7]), cut, suspect);
        same(&steps::blaming(suspect, answer)?, 307.0, suspect, ADD)
    }

    fn total(&mut self, harness: &mut Harness<'_>) -> Step<f64> {
        match self.call(harness, VALUE, &json!([]), &m::NO_ANSWER)? {
            Answer::Result(args) if args.len() == 1 && args[0].is_i64() => {
                Ok(args[0].as_f64().unwrap_or_default())
            }
            Answer::Result(args) => Err(wrong(
                &m::WRONG_ANSWER,
                format!(
                    "{VALUE} gave {}, which is not one whole number.",
                    Value::Array(args)
                ),
            )),
            Answer::Error(name) => Err(wrong(
                &m::WRONG_ANSWER,
                format!("{VALUE} failed with {name}."),
            )),
        }
    }

    /// The new total has to be published, before its answer or after it.
    fn published(&mut self, harness: &mut Harness<'_>, total: f64) -> Step {
        loop {
            if self
                .totals
                .iter()
                .any(|value| value.as_f64() == Some(total))
            {
                return Ok(());
            }
            if let Some(other) = self.totals.first() {
                return Err(wrong(
                    &m::WAMP_NO_EVENT,
                    format!("On {CHANGED} it published {other} instead of {total}."),
                ));
            }
            let message = self.router.read(
                harness,
                &format!("the event on {CHANGED}"),
                &m::WAMP_NO_EVENT,
            )?;
            if !self.handle(&message) {
                return Err(unasked(&message));
            }
        }
    }
}

/// Sends all calls at once, and hears all answers in any order.
fn many(harness: &mut Harness<'_>) -> Step {
    let mut service = Service::start(harness)?;
    let calls: Vec<Value> = (1..=MANY)
        .map(|n| service.invocation(ADD, &json!([n, 1000])))
        .collect();
    service.router.send_together(&calls);
    let mut open: BTreeSet<u64> = (1..=MANY).collect();
    while let Some(first) = open.first().copied() {
        let what = format!(
            "the answers to {} calls, the first of them {first}",
            open.len()
        );
        let (request, answer) = service.answer(harness, &what, &m::WAMP_WRONG_ID)?;
        if !open.remove(&request) {
            let sum = match answer {
                Answer::Result(args) => Value::Array(args).to_string(),
                Answer::Error(name) => name,
            };
            return Err(wrong(
                &m::WAMP_WRONG_ID,
                format!(
                    "Call {request} was answered twice, the second time with {sum}; call {first} was not."
                ),
            ));
        }
        let what = format!("call {request}, {ADD}[{request},1000]");
        let sum = f64::from(u32::try_from(request).unwrap_or_default()) + 1000.0;
        same(&answer, sum, &m::WAMP_WRONG_ID, &what)?;
    }
    Ok(())
}

/// A caller whose router goes away in the middle may fail, or come again and make its call again.
fn router_breaks(harness: &mut Harness<'_>) -> Step {
    let (listener, router, _) = calling(harness)?;
    router.reset();
    let mut step = harness.limit().step();
    let begin = Instant::now();
    loop {
        if let Some(ended) = harness.program()?.wait(Duration::from_millis(1)) {
            harness.program()?.drained();
            return must_fail(ended, "the connection broke before the result");
        }
        let soon = Instant::now() + Duration::from_millis(20);
        if let Some(connection) = harness.accept_by(&listener, soon)? {
            let mut router = asked(harness, connection)?;
            let_in(harness, &mut router);
            let request = call(harness, &mut router)?;
            let result = result(harness);
            router.send(&json!([code::RESULT, request, {}, [result]]));
            return prints(harness, result);
        }
        if step.is_over() {
            harness.log.add(
                "router",
                What::Awaited(
                    "the program's end, or a new connection".to_string(),
                    begin.elapsed(),
                ),
            );
            return Err(wrong(
                &m::HANGS,
                "The connection broke before the result, and the program neither ended nor came again.",
            ));
        }
    }
}

/// Waits for the program's connection, and hears what it asks for.
fn opened(harness: &mut Harness<'_>, listener: &TcpListener) -> Step<Wamp> {
    let connection = harness.accept(listener)?;
    asked(harness, connection)
}

/// Opens the WebSocket and hears HELLO.
fn asked(harness: &mut Harness<'_>, connection: Connection) -> Step<Wamp> {
    let mut router = Wamp::open(harness, connection)?;
    router.hello(harness, REALM)?;
    Ok(router)
}

/// Waits for the program's connection and lets it in.
fn joined(harness: &mut Harness<'_>, listener: &TcpListener) -> Step<Wamp> {
    let mut router = opened(harness, listener)?;
    let_in(harness, &mut router);
    Ok(router)
}

fn let_in(harness: &mut Harness<'_>, router: &mut Wamp) {
    let session = harness.random.u64(1..1 << 53);
    router.send(&welcome(session));
}

/// Starts the caller and hears its call.
fn calling(harness: &mut Harness<'_>) -> Step<(TcpListener, Wamp, Value)> {
    let listener = harness.listen()?;
    harness.start("")?;
    let mut router = joined(harness, &listener)?;
    let request = call(harness, &mut router)?;
    Ok((listener, router, request))
}

/// Hears the call that the exercise asks for, and gives its number.
fn call(harness: &mut Harness<'_>, router: &mut Wamp) -> Step<Value> {
    let call = router.read(harness, "CALL", &m::NO_ANSWER)?;
    let right = is(&call, code::CALL)
        && call.get(3) == Some(&json!(ADD))
        && call.get(4) == Some(&json!([2, 3]));
    if !right {
        return Err(wrong(
            &m::WRONG_ANSWER,
            format!(
                "It sent {} instead of [48, REQUEST, {{}}, \"{ADD}\", [2,3]].",
                Value::Array(call)
            ),
        ));
    }
    Ok(call[1].clone())
}

/// A result that nobody can know without having received it.
fn result(harness: &mut Harness<'_>) -> u32 {
    harness.random.u32(100_000..1_000_000)
}

fn prints(harness: &mut Harness<'_>, result: u32) -> Step {
    steps::must_print(harness, result.to_string().as_bytes(), &[], &m::NOT_PRINTED)
}

/// The caller has to put its result together from parts.
fn understands(harness: &mut Harness<'_>, cut: Cut, suspect: &'static Misconception) -> Step {
    let (_, mut router, request) = calling(harness)?;
    let result = result(harness);
    router.send_cut(&json!([code::RESULT, request, {}, [result]]), cut);
    steps::must_print(harness, result.to_string().as_bytes(), &[], suspect)
}

fn must_fail(ended: Ended, why: &str) -> Step {
    match ended {
        Ended::Code(0) => Err(wrong(
            &m::SILENT_FAILURE,
            format!("Although {why}, the program ended with exit code 0."),
        )),
        _ => Ok(()),
    }
}

/// An answer has to be this number.
fn same(answer: &Answer, expected: f64, suspect: &'static Misconception, what: &str) -> Step {
    let came = match answer {
        Answer::Result(args) if args.len() == 1 && args[0].as_f64() == Some(expected) => {
            return Ok(());
        }
        Answer::Result(args) => Value::Array(args.clone()).to_string(),
        Answer::Error(name) => format!("the error {name}"),
    };
    Err(wrong(
        suspect,
        format!("For {what} it gave {came} instead of [{expected}]."),
    ))
}

/// A key that nobody has used before.
fn key(harness: &mut Harness<'_>) -> String {
    (0..16).map(|_| harness.random.lowercase()).collect()
}
