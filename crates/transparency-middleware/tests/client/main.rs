//! The client's session next to a router that is played by hand, message by message: what it sends,
//! what it does when connections break, and what it never does.

#![allow(clippy::unwrap_used, reason = "a test may fail by a panic anywhere")]

mod calls;
mod events;
mod handshake;
mod leaving;
mod procedures;
mod reconnection;

use std::net::{TcpListener, TcpStream};
use std::sync::mpsc;
use std::thread;
use std::time::{Duration, Instant};

use transparency_middleware::auth;
use transparency_middleware::client::{
    Auth, Backoff, Builder, Call, Caller, Error, Procedure, Session, SessionEvent, Topic,
};
use transparency_middleware::messages::{
    Dict, Format, Id, Invoke, Match, Message, Payload, RequestKind, Uri,
};
use tungstenite::handshake::server::{Request, Response};
use tungstenite::{Message as Frame, WebSocket};

/// Far above what a busy machine needs.
const DEADLINE: Duration = Duration::from_secs(20);

/// A router's listening socket.
struct Router {
    listener: TcpListener,
    format: Format,
}

impl Router {
    fn new() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        // Linux takes this time for accept(2) as well: a client
        // that does not come is a failure and no standstill.
        let socket = socket2::SockRef::from(&listener);
        socket.set_read_timeout(Some(DEADLINE)).unwrap();
        Router {
            listener,
            format: Format::Json,
        }
    }

    fn url(&self) -> String {
        format!("ws://{}/ws", self.listener.local_addr().unwrap())
    }

    /// Takes a connection up to the WebSocket.
    fn accept(&self) -> Peer {
        let (stream, _) = self.listener.accept().unwrap();
        stream.set_read_timeout(Some(DEADLINE)).unwrap();
        stream.set_nodelay(true).unwrap();
        let protocol = self.format.subprotocol();
        #[allow(clippy::result_large_err, reason = "the signature is tungstenite's")]
        let socket =
            tungstenite::accept_hdr(stream, |request: &Request, mut response: Response| {
                assert_eq!(request.headers()["Sec-WebSocket-Protocol"], protocol);
                let chosen = protocol.parse().unwrap();
                response
                    .headers_mut()
                    .insert("Sec-WebSocket-Protocol", chosen);
                Ok(response)
            });
        Peer {
            socket: socket.unwrap(),
            format: self.format,
        }
    }

    /// Takes a connection and lets the client in.
    fn welcome(&self) -> Peer {
        let mut peer = self.accept();
        assert!(matches!(peer.receive(), Message::Hello { .. }));
        peer.let_in();
        peer
    }
}

/// A client's connection, seen from the router.
struct Peer {
    socket: WebSocket<TcpStream>,
    format: Format,
}

impl Peer {
    fn let_in(&mut self) {
        let role = |features: &[&str]| {
            let all = features
                .iter()
                .fold(Dict::new(), |all, f| all.with(f, true));
            Dict::new().with("features", all)
        };
        let roles = Dict::new()
            .with("broker", role(&[]))
            .with("dealer", role(&["call_timeout"]));
        self.send(&Message::Welcome {
            session: id(4711),
            details: Dict::new().with("roles", roles),
        });
    }

    fn send(&mut self, message: &Message) {
        let mut bytes = Vec::new();
        message.encode(self.format, &mut bytes).unwrap();
        let frame = if self.format.is_text() {
            Frame::text(String::from_utf8(bytes).unwrap())
        } else {
            Frame::binary(bytes)
        };
        self.socket.send(frame).unwrap();
    }

    /// The next message; pings are answered by tungstenite on the way.
    fn receive(&mut self) -> Message {
        loop {
            match self.socket.read().unwrap() {
                frame @ (Frame::Text(_) | Frame::Binary(_)) => {
                    return Message::decode(self.format, &frame.into_data()).unwrap();
                }
                Frame::Ping(_) | Frame::Pong(_) => {}
                other => panic!("{other:?} where a message was due"),
            }
        }
    }

    /// The next message has to be a CALL: its request id and procedure.
    fn call(&mut self) -> (Id, String) {
        match self.receive() {
            Message::Call {
                request, procedure, ..
            } => (request, procedure.to_string()),
            other => panic!("{other:?} where CALL was due"),
        }
    }

    fn result(&mut self, request: Id, value: i64) {
        self.send(&Message::Result {
            request,
            details: Dict::new(),
            payload: Payload::new(self.format, &(value,)).unwrap(),
        });
    }

    fn error(&mut self, kind: RequestKind, request: Id, error: &str) {
        self.send(&Message::Error {
            kind,
            request,
            details: Dict::new(),
            error: Uri::new(error).unwrap(),
            payload: Payload::empty(),
        });
    }

    /// The next message has to be a REGISTER, and is answered.
    fn registers(&mut self, registration: u64) -> (String, Dict) {
        match self.receive() {
            Message::Register {
                request,
                options,
                procedure,
            } => {
                self.send(&Message::Registered {
                    request,
                    registration: id(registration),
                });
                (procedure.to_string(), options)
            }
            other => panic!("{other:?} where REGISTER was due"),
        }
    }

    fn invoke(&mut self, request: u64, registration: u64, args: &[i64]) {
        self.send(&Message::Invocation {
            request: id(request),
            registration: id(registration),
            details: Dict::new().with("receive_progress", true),
            payload: Payload::new(self.format, args).unwrap(),
        });
    }

    /// The connection's end, however it comes.
    fn ends(&mut self) {
        while self.socket.read().is_ok() {}
    }
}

fn id(number: u64) -> Id {
    Id::new(number).unwrap()
}

/// Runs the client's side next to the router's; both have to end well.
fn beside<T: Send>(client: impl FnOnce() -> T + Send, router: impl FnOnce()) -> T {
    beside_both(client, router).0
}

/// The same with what the router's side gives, perhaps its end of a connection that has to stay.
fn beside_both<T: Send, U>(
    client: impl FnOnce() -> T + Send,
    router: impl FnOnce() -> U,
) -> (T, U) {
    thread::scope(|scope| {
        let client = scope.spawn(client);
        let from_router = router();
        (client.join().unwrap(), from_router)
    })
}

fn quick(routers: &[&Router]) -> Builder {
    Session::builder("realm1")
        .routers(routers.iter().map(|router| router.url()))
        .timeout(DEADLINE)
        .backoff(Backoff {
            first: Duration::from_millis(5),
            most: Duration::from_millis(50),
        })
}

/// A session and the router's end of it.
fn open(router: &Router, builder: Builder) -> (Session, Peer) {
    thread::scope(|scope| {
        let session = scope.spawn(|| builder.connect());
        let peer = router.welcome();
        (session.join().unwrap().unwrap(), peer)
    })
}
