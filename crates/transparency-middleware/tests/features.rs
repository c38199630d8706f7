//! Each feature of the advanced profile that a WELCOME or a HELLO announces, through the client and
//! a real router; and that nothing is announced but these.
//!
//! One file, since every test is one conversation with one router.

#![allow(clippy::unwrap_used, reason = "a test may fail by a panic anywhere")]

use std::collections::{BTreeSet, HashMap};
use std::net::TcpListener;
use std::sync::mpsc::{self, Receiver, Sender};
use std::sync::{Arc, Mutex};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use transparency_middleware::client::{
    Auth, Call, Caller, Error, ErrorReply, PendingCall, Procedure, Publication, Session, Topic,
};
use transparency_middleware::messages::{Dict, Format, Id, Invoke, Match, Message, Payload, Uri};
use transparency_middleware::realm::{Permissions, Roles};
use transparency_middleware::transport::{Config, Principal, Proof, RealmConfig, Server, Stopper};
use tungstenite::handshake::server::{Request, Response};

/// How long a test waits for what has to come.
const PATIENCE: Duration = Duration::from_secs(20);

/// What shows each feature of the router's roles. A test that is taken out takes its feature out of
/// WELCOME, or the comparison below fails.
const ROUTER: &[(&str, &str, fn())] = &[
    (
        "broker",
        "pattern_based_subscription",
        patterns_of_topics_match_by_prefix_and_by_component,
    ),
    (
        "broker",
        "publisher_exclusion",
        a_publisher_hears_itself_only_where_it_wants_to,
    ),
    (
        "broker",
        "publisher_identification",
        a_publisher_is_named_only_where_it_wants_to_be,
    ),
    (
        "broker",
        "session_meta_api",
        sessions_that_come_and_go_are_told_and_counted,
    ),
    (
        "broker",
        "subscriber_blackwhite_listing",
        a_publisher_chooses_its_subscribers_by_session_name_and_role,
    ),
    (
        "dealer",
        "call_canceling",
        a_call_is_cancelled_in_three_ways,
    ),
    (
        "dealer",
        "call_timeout",
        the_router_ends_a_call_whose_time_is_over,
    ),
    (
        "dealer",
        "caller_identification",
        a_caller_is_named_where_it_or_the_callee_wants_it,
    ),
    (
        "dealer",
        "pattern_based_registration",
        patterns_of_procedures_take_what_no_closer_one_takes,
    ),
    (
        "dealer",
        "progressive_call_results",
        partial_results_come_in_order_before_the_last,
    ),
    (
        "dealer",
        "session_meta_api",
        sessions_that_come_and_go_are_told_and_counted,
    ),
    (
        "dealer",
        "shared_registration",
        callees_share_a_name_as_they_agree,
    ),
];

/// The same for the client's roles.
const CLIENT: &[(&str, &str, fn())] = &[
    (
        "callee",
        "call_canceling",
        a_call_is_cancelled_in_three_ways,
    ),
    (
        "callee",
        "caller_identification",
        a_caller_is_named_where_it_or_the_callee_wants_it,
    ),
    (
        "callee",
        "pattern_based_registration",
        patterns_of_procedures_take_what_no_closer_one_takes,
    ),
    (
        "callee",
        "progressive_call_results",
        partial_results_come_in_order_before_the_last,
    ),
    (
        "callee",
        "shared_registration",
        callees_share_a_name_as_they_agree,
    ),
    (
        "caller",
        "call_canceling",
        a_call_is_cancelled_in_three_ways,
    ),
    (
        "caller",
        "call_timeout",
        the_router_ends_a_call_whose_time_is_over,
    ),
    (
        "caller",
        "caller_identification",
        a_caller_is_named_where_it_or_the_callee_wants_it,
    ),
    (
        "caller",
        "progressive_call_results",
        partial_results_come_in_order_before_the_last,
    ),
    (
        "publisher",
        "publisher_exclusion",
        a_publisher_hears_itself_only_where_it_wants_to,
    ),
    (
        "publisher",
        "publisher_identification",
        a_publisher_is_named_only_where_it_wants_to_be,
    ),
    (
        "publisher",
        "subscriber_blackwhite_listing",
        a_publisher_chooses_its_subscribers_by_session_name_and_role,
    ),
    (
        "subscriber",
        "pattern_based_subscription",
        patterns_of_topics_match_by_prefix_and_by_component,
    ),
    (
        "subscriber",
        "publisher_identification",
        a_publisher_is_named_only_where_it_wants_to_be,
    ),
];

/// The features in the details of a WELCOME or a HELLO.
fn announced(details: &Dict) -> BTreeSet<(String, String)> {
    let mut all = BTreeSet::new();
    for (role, what) in details.dict("roles").unwrap().iter() {
        let features = what.as_dict().unwrap().dict("features").unwrap();
        for (feature, value) in features.iter() {
            assert_eq!(value.as_bool(), Some(true), "{role} {feature}");
            all.insert((role.to_string(), feature.to_string()));
        }
    }
    all
}

fn proved(table: &[(&str, &str, fn())]) -> BTreeSet<(String, String)> {
    let pairs = table
        .iter()
        .map(|(role, feature, _)| (role.to_string(), feature.to_string()));
    pairs.collect()
}

#[test]
fn a_welcome_announces_what_is_shown_here_and_nothing_else() {
    let router = Router::start();
    assert_eq!(
        announced(&router.connect().welcome().unwrap()),
        proved(ROUTER)
    );
}

#[test]
fn a_hello_announces_what_is_shown_here_and_nothing_else() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("ws://{}/ws", listener.local_addr().unwrap());
    let client = thread::spawn(move || Session::connect([url], "realm1").map(drop));
    let (stream, _) = listener.accept().unwrap();
    #[allow(clippy::result_large_err, reason = "the signature is tungstenite's")]
    let accepted = tungstenite::accept_hdr(stream, |_: &Request, mut response: Response| {
        let name = Format::Json.subprotocol().parse().unwrap();
        response
            .headers_mut()
            .insert("sec-websocket-protocol", name);
        Ok(response)
    });
    let mut socket = accepted.unwrap();
    let frame = socket.read().unwrap();
    let Message::Hello { details, .. } = Message::from_json(frame.to_text().unwrap()).unwrap()
    else {
        panic!("no HELLO: {frame}");
    };
    assert_eq!(announced(&details), proved(CLIENT));
    drop(socket);
    client.join().unwrap().unwrap_err();
}

/// A router in this process, on its own port.
struct Router {
    url: String,
    stopper: Stopper,
    thread: Option<JoinHandle<std::io::Result<()>>>,
}

impl Router {
    /// `realm1`, where anonymous sessions may do everything,
    /// and so may joe by his ticket and ann by her secret.
    fn start() -> Router {
        let principal = |role: &str, proof| Principal {
            role: role.to_string(),
            proof,
        };
        let joe = principal("user", Proof::Ticket("joe's ticket".to_string()));
        let secret = Proof::Secret {
            key: "ann's secret".to_string(),
            salted: None,
        };
        let ann = principal("admin", secret);
        let roles =
            ["anonymous", "user", "admin"].map(|role| (role.to_string(), Permissions::all()));
        let realm = RealmConfig {
            roles: Roles::from(roles),
            anonymous: Some("anonymous".to_string()),
            principals: HashMap::from([("joe".to_string(), joe), ("ann".to_string(), ann)]),
        };
        let config = Config {
            realms: HashMap::from([(Uri::new("realm1").unwrap(), realm)]),
            ..Config::default()
        };
        let server = Server::bind("127.0.0.1:0".parse().unwrap(), config).unwrap();
        let url = format!("ws://{}/ws", server.listener().local_addr().unwrap());
        let stopper = server.stopper();
        let thread = Some(thread::spawn(move || server.run()));
        Router {
            url,
            stopper,
            thread,
        }
    }

    fn connect(&self) -> Session {
        Session::connect([&self.url], "realm1").unwrap()
    }

    fn connect_as(&self, auth: Auth) -> Result<Session, Error> {
        Session::builder("realm1")
            .routers([&self.url])
            .auth(auth)
            .connect()
    }
}

impl Drop for Router {
    fn drop(&mut self) {
        self.stopper.stop(Duration::from_secs(1));
        let ended = self.thread.take().unwrap().join();
        if !thread::panicking() {
            ended.unwrap().unwrap();
        }
    }
}

fn joe() -> Auth {
    Auth::Ticket {
        authid: "joe".to_string(),
        ticket: "joe's ticket".to_string(),
    }
}

fn ann() -> Auth {
    Auth::Cra {
        authid: "ann".to_string(),
        secret: "ann's secret".to_string(),
    }
}

/// What a subscription's handler was given: the number in the event, and its topic.
type Heard = Receiver<(i64, String)>;

fn subscribe(session: &Session, topic: impl Into<Topic>) -> Heard {
    let (sender, heard) = mpsc::channel();
    let handler = move |event: &transparency_middleware::client::Event| {
        let (number,): (i64,) = event.args().unwrap();
        // The test may have heard enough.
        let _enough = sender.send((number, event.topic().to_string()));
    };
    session.subscribe(topic, handler).unwrap();
    heard
}

fn publication(session: &Session, topic: &str, number: i64) -> Publication {
    Publication::new(topic, Payload::new(session.format(), &(number,)).unwrap()).acknowledge()
}

fn publish(session: &Session, publication: Publication) {
    assert!(session.publish_with(publication).unwrap().is_some());
}

/// The next numbers: what is not among them was not
/// sent before them, since events keep their order.
#[track_caller]
fn hears(heard: &Heard, numbers: &[i64]) {
    for number in numbers {
        assert_eq!(heard.recv_timeout(PATIENCE).unwrap().0, *number);
    }
}

#[test]
fn patterns_of_topics_match_by_prefix_and_by_component() {
    let router = Router::start();
    let (subscriber, publisher) = (router.connect(), router.connect());
    let exact = subscribe(&subscriber, "org.example.a.one");
    let prefix = subscribe(
        &subscriber,
        Topic::new("org.example.a").matching(Match::Prefix),
    );
    let wildcard = subscribe(
        &subscriber,
        Topic::new("org.example..one").matching(Match::Wildcard),
    );
    let topics = [
        "org.example.a.one",
        "org.example.b.one",
        "org.example.ab.two",
        "org.example.b.two",
    ];
    for (number, topic) in (1..).zip(topics) {
        publish(&publisher, publication(&publisher, topic, number));
    }
    publish(&publisher, publication(&publisher, topics[0], 5));
    let topic = |number: i64| {
        (
            number,
            topics[usize::try_from(number - 1).unwrap()].to_string(),
        )
    };
    let last = (5, topics[0].to_string());
    for (heard, expected) in [
        (exact, vec![topic(1), last.clone()]),
        (prefix, vec![topic(1), topic(3), last.clone()]),
        (wildcard, vec![topic(1), topic(2), last.clone()]),
    ] {
        for event in expected {
            assert_eq!(heard.recv_timeout(PATIENCE), Ok(event));
        }
    }
}

#[test]
fn a_publisher_hears_itself_only_where_it_wants_to() {
    let router = Router::start();
    let session = router.connect();
    let heard = subscribe(&session, "org.example.news");
    publish(&session, publication(&session, "org.example.news", 1));
    publish(
        &session,
        publication(&session, "org.example.news", 2).include_me(),
    );
    hears(&heard, &[2]);
}

#[test]
fn a_publisher_is_named_only_where_it_wants_to_be() {
    let router = Router::start();
    let (subscriber, publisher) = (router.connect(), router.connect_as(joe()).unwrap());
    let (sender, heard) = mpsc::channel();
    let handler = move |event: &transparency_middleware::client::Event| {
        let authid = event.details().str("publisher_authid").map(str::to_string);
        let authrole = event
            .details()
            .str("publisher_authrole")
            .map(str::to_string);
        let _enough = sender.send((event.publisher(), authid, authrole));
    };
    subscriber.subscribe("org.example.news", handler).unwrap();
    publish(&publisher, publication(&publisher, "org.example.news", 1));
    publish(
        &publisher,
        publication(&publisher, "org.example.news", 2).disclose_me(),
    );
    assert_eq!(heard.recv_timeout(PATIENCE), Ok((None, None, None)));
    let named = (
        publisher.id(),
        Some("joe".to_string()),
        Some("user".to_string()),
    );
    assert_eq!(heard.recv_timeout(PATIENCE), Ok(named));
}

#[test]
fn a_publisher_chooses_its_subscribers_by_session_name_and_role() {
    let router = Router::start();
    let [joe, ann] = [joe(), ann()].map(|auth| router.connect_as(auth).unwrap());
    let (other, publisher) = (router.connect(), router.connect());
    let [to_joe, to_ann, to_other] =
        [&joe, &ann, &other].map(|session| subscribe(session, "org.example.news"));
    let next = |number| publication(&publisher, "org.example.news", number);
    let ids = |sessions: &[&Session]| -> Vec<Id> {
        sessions
            .iter()
            .map(|session| session.id().unwrap())
            .collect()
    };
    publish(&publisher, next(1).exclude(&ids(&[&joe])));
    publish(&publisher, next(2).eligible(&ids(&[&joe, &ann])));
    publish(&publisher, next(3).option("exclude_authid", vec!["joe"]));
    publish(
        &publisher,
        next(4).option("eligible_authid", vec!["joe", "nobody"]),
    );
    publish(
        &publisher,
        next(5).option("exclude_authrole", vec!["admin"]),
    );
    publish(
        &publisher,
        next(6).option("eligible_authrole", vec!["admin", "user"]),
    );
    // Who is on both lists does not get it, and an empty white list is one that nobody is on.
    publish(
        &publisher,
        next(7).eligible(&ids(&[&joe, &ann])).exclude(&ids(&[&ann])),
    );
    publish(&publisher, next(8).eligible(&[]));
    publish(&publisher, next(9));
    hears(&to_joe, &[2, 4, 5, 6, 7, 9]);
    hears(&to_ann, &[1, 2, 3, 6, 9]);
    hears(&to_other, &[1, 3, 5, 9]);
}

#[test]
fn sessions_that_come_and_go_are_told_and_counted() {
    let router = Router::start();
    let watcher = router.connect();
    let (joined, joins) = mpsc::channel();
    let on_join = move |event: &transparency_middleware::client::Event| {
        let _enough = joined.send(event.args::<(Dict,)>().unwrap().0);
    };
    watcher.subscribe("wamp.session.on_join", on_join).unwrap();
    let (left, leaves) = mpsc::channel();
    let on_leave = move |event: &transparency_middleware::client::Event| {
        let _enough = left.send(event.args::<(u64, String, String)>().unwrap());
    };
    watcher
        .subscribe("wamp.session.on_leave", on_leave)
        .unwrap();

    let joe = router.connect_as(joe()).unwrap();
    let id = joe.id().unwrap();
    let details = joins.recv_timeout(PATIENCE).unwrap();
    assert_eq!(details.id("session"), Some(id));
    assert_eq!(details.str("authid"), Some("joe"));
    assert_eq!(details.str("authrole"), Some("user"));
    assert_eq!(details.str("authmethod"), Some("ticket"));
    assert_eq!(watcher.call::<u64>("wamp.session.count", &()), Ok(2));
    assert_eq!(
        watcher.call::<u64>("wamp.session.count", &(["user"],)),
        Ok(1)
    );
    let list: Vec<u64> = watcher.call("wamp.session.list", &(["user"],)).unwrap();
    assert_eq!(list, [id.get()]);
    let told: Dict = watcher.call("wamp.session.get", &(id.get(),)).unwrap();
    assert_eq!(told, details);
    joe.leave();
    let expected = (id.get(), "joe".to_string(), "user".to_string());
    assert_eq!(leaves.recv_timeout(PATIENCE), Ok(expected));
    let gone = watcher
        .call::<Dict>("wamp.session.get", &(id.get(),))
        .unwrap_err();
    assert_eq!(gone.uri(), "wamp.error.no_such_session");
}

/// A procedure that works until it is told to stop, and tells whether it was interrupted.
fn long_work(session: &Session, name: &str) -> (Sender<()>, Receiver<bool>, Receiver<()>) {
    let (stop, told) = mpsc::channel();
    let (tell, interrupted) = mpsc::channel();
    let (begin, begun) = mpsc::channel();
    let told: Arc<Mutex<Receiver<()>>> = Arc::new(Mutex::new(told));
    let work = Procedure::with_invocation(name, move |invocation| {
        begin.send(()).unwrap();
        let deadline = Instant::now() + PATIENCE;
        while !invocation.wait_cancelled(Duration::from_millis(5)) {
            assert!(Instant::now() < deadline, "nobody ended the work");
            if told.lock().unwrap().try_recv().is_ok() {
                break;
            }
        }
        tell.send(invocation.is_cancelled()).unwrap();
        if invocation.is_cancelled() {
            return Err(ErrorReply::new(
                "org.example.error.interrupted",
                "so I stop",
            ));
        }
        Ok(invocation.result(&"done")?)
    });
    session.register(work).unwrap();
    (stop, interrupted, begun)
}

fn start(session: &Session, name: &str) -> PendingCall {
    session.start(Call::new(name, Payload::empty())).unwrap()
}

#[test]
fn a_call_is_cancelled_in_three_ways() {
    let router = Router::start();
    let (callee, caller) = (router.connect(), router.connect());
    let (stop, interrupted, begun) = long_work(&callee, "org.example.work");
    let begin = || {
        let pending = start(&caller, "org.example.work");
        begun.recv_timeout(PATIENCE).unwrap();
        pending
    };
    // killnowait: the callee is interrupted, and nobody waits for what it says.
    begin().cancel();
    assert_eq!(interrupted.recv_timeout(PATIENCE), Ok(true));
    // kill: the callee is interrupted, and its own answer is the call's.
    let error = begin().interrupt().unwrap_err();
    assert_eq!(error.uri(), "org.example.error.interrupted");
    assert_eq!(interrupted.recv_timeout(PATIENCE), Ok(true));
    // skip: the callee continues, and its result is dropped.
    begin().skip();
    assert_eq!(caller.call::<u64>("wamp.session.count", &()), Ok(2));
    stop.send(()).unwrap();
    assert_eq!(interrupted.recv_timeout(PATIENCE), Ok(false));
    // And the next call is none the worse.
    let pending = begin();
    stop.send(()).unwrap();
    assert_eq!(pending.result::<String>().as_deref(), Ok("done"));
    assert_eq!(interrupted.recv_timeout(PATIENCE), Ok(false));
}

#[test]
fn the_router_ends_a_call_whose_time_is_over() {
    let router = Router::start();
    let (callee, caller) = (router.connect(), router.connect());
    let (_stop, interrupted, _begun) = long_work(&callee, "org.example.work");
    let began = Instant::now();
    let call = Call::new("org.example.work", Payload::empty()).timeout(Duration::from_millis(200));
    // Nobody waits for it at the caller, so that it is the router's clock that ends it.
    let pending = caller.start(call).unwrap();
    assert_eq!(interrupted.recv_timeout(PATIENCE), Ok(true));
    assert!(
        began.elapsed() >= Duration::from_millis(195),
        "{:?}",
        began.elapsed()
    );
    let error = pending.wait().unwrap_err();
    assert_eq!(error.uri(), "wamp.error.timeout");
}

#[test]
fn a_caller_is_named_where_it_or_the_callee_wants_it() {
    let router = Router::start();
    let (callee, caller) = (router.connect(), router.connect_as(ann()).unwrap());
    let who = |name: &str| {
        Procedure::with_invocation(name, |invocation| {
            let details = invocation.details();
            let named = (
                invocation.caller().map(Id::get),
                details.str("caller_authid").map(str::to_string),
                details.str("caller_authrole").map(str::to_string),
            );
            Ok(invocation.result(&(named,))?)
        })
    };
    callee.register(who("org.example.who")).unwrap();
    callee
        .register(who("org.example.who_always").disclose_caller())
        .unwrap();
    type Named = ((Option<u64>, Option<String>, Option<String>),);
    let ask = |call: Call| caller.start(call).unwrap().result::<Named>().unwrap().0;
    let known = (
        caller.id().map(Id::get),
        Some("ann".to_string()),
        Some("admin".to_string()),
    );
    let call = |name: &str| Call::new(name, Payload::empty());
    assert_eq!(ask(call("org.example.who")), (None, None, None));
    assert_eq!(ask(call("org.example.who").disclose_me()), known);
    assert_eq!(ask(call("org.example.who_always")), known);
}

#[test]
fn patterns_of_procedures_take_what_no_closer_one_takes() {
    let router = Router::start();
    let (callee, caller) = (router.connect(), router.connect());
    let tells = |pattern: &'static str, matching: Match| {
        let procedure = Procedure::with_invocation(pattern, move |invocation| {
            Ok(invocation.result(&(pattern, invocation.procedure()))?)
        });
        callee.register(procedure.matching(matching)).unwrap();
    };
    tells("org.example.a.one", Match::Exact);
    tells("org.example.a", Match::Prefix);
    tells("org.example.a.t", Match::Prefix);
    tells("org..b.one", Match::Wildcard);
    for (called, taken) in [
        ("org.example.a.one", Some("org.example.a.one")),
        ("org.example.a.four", Some("org.example.a")),
        ("org.example.a.two", Some("org.example.a.t")),
        ("org.example.b.one", Some("org..b.one")),
        ("org.other.b.one", Some("org..b.one")),
        ("org.example.b.two", None),
    ] {
        let result = caller.call::<(String, String)>(called, &());
        match taken {
            Some(taken) => assert_eq!(result, Ok((taken.to_string(), called.to_string()))),
            None => assert_eq!(result.unwrap_err().uri(), "wamp.error.no_such_procedure"),
        }
    }
}

#[test]
fn partial_results_come_in_order_before_the_last() {
    let router = Router::start();
    let (callee, caller) = (router.connect(), router.connect());
    let count = Procedure::with_invocation("org.example.count", |invocation| {
        let (number,): (i64,) = invocation.args()?;
        for step in 1..number {
            if invocation.takes_progress() {
                let sent = invocation.progress(&step);
                sent.map_err(|error| {
                    ErrorReply::new("org.example.error.progress", &error.to_string())
                })?;
            }
        }
        Ok(invocation.result(&number)?)
    });
    callee.register(count).unwrap();
    let call = |number: i64| Call::with_args(&caller, "org.example.count", &(number,)).unwrap();
    let mut pending = caller.start(call(100).receive_progress()).unwrap();
    let mut steps = Vec::new();
    while let Some(step) = pending.partial().unwrap() {
        steps.push(step.args::<(i64,)>().unwrap().0);
    }
    assert_eq!(steps, (1..100).collect::<Vec<_>>());
    assert_eq!(pending.result(), Ok(100));
    // Who did not ask for parts gets none.
    let mut whole = caller.start(call(100)).unwrap();
    assert_eq!(whole.partial().unwrap(), None);
    assert_eq!(whole.result(), Ok(100));
}

#[test]
fn callees_share_a_name_as_they_agree() {
    const CALLS: usize = 60;
    let router = Router::start();
    let callees: Vec<Session> = (0..3).map(|_| router.connect()).collect();
    let caller = router.connect();
    let offer = |place: usize, policy: Invoke| {
        let name = format!("org.example.{}", policy.word());
        callees[place].register(Procedure::new(&name, move |()| Ok(place)).invoke(policy))
    };
    let shares = |policy: Invoke| -> [usize; 3] {
        let mut shares = [0; 3];
        for _ in 0..CALLS {
            let place: usize = caller
                .call(&format!("org.example.{}", policy.word()), &())
                .unwrap();
            shares[place] += 1;
        }
        shares
    };
    for policy in [
        Invoke::First,
        Invoke::Last,
        Invoke::RoundRobin,
        Invoke::Random,
    ] {
        for place in 0..3 {
            offer(place, policy).unwrap();
        }
    }
    assert_eq!(shares(Invoke::First), [CALLS, 0, 0]);
    assert_eq!(shares(Invoke::Last), [0, 0, CALLS]);
    assert_eq!(shares(Invoke::RoundRobin), [CALLS / 3; 3]);
    // That one of three has none of 60 happens once in 10^10.
    assert!(shares(Invoke::Random).iter().all(|share| *share > 0));

    offer(0, Invoke::Single).unwrap();
    let taken = "wamp.error.procedure_already_exists";
    assert_eq!(offer(1, Invoke::Single).unwrap_err().uri(), taken);
    let other = Procedure::new("org.example.first", |()| Ok(7)).invoke(Invoke::Last);
    assert_eq!(router.connect().register(other).unwrap_err().uri(), taken);
    // The first has gone: the second is in.
    callees[0].leave();
    assert_eq!(shares(Invoke::First), [0, CALLS, 0]);
}

#[test]
fn a_ticket_and_a_secret_let_in_and_wrong_ones_do_not() {
    let router = Router::start();
    for (auth, authid, role, method) in [
        (joe(), "joe", "user", "ticket"),
        (ann(), "ann", "admin", "wampcra"),
    ] {
        let welcome = router.connect_as(auth).unwrap().welcome().unwrap();
        assert_eq!(welcome.str("authid"), Some(authid));
        assert_eq!(welcome.str("authrole"), Some(role));
        assert_eq!(welcome.str("authmethod"), Some(method));
    }
    let (ticket, secret, guessed) = ("joe's ticket", "ann's secret", "guessed");
    for (authid, text) in [("joe", guessed), ("nobody", ticket), ("ann", ticket)] {
        let wrong = Auth::Ticket {
            authid: authid.to_string(),
            ticket: text.to_string(),
        };
        let error = router.connect_as(wrong).unwrap_err();
        assert_eq!(error.uri(), "wamp.error.authentication_denied", "{authid}");
    }
    for (authid, text) in [("ann", guessed), ("nobody", secret), ("joe", secret)] {
        let wrong = Auth::Cra {
            authid: authid.to_string(),
            secret: text.to_string(),
        };
        let error = router.connect_as(wrong).unwrap_err();
        assert_eq!(error.uri(), "wamp.error.authentication_denied", "{authid}");
    }
}
