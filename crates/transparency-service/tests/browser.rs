//! The page in a real browser: served by our router, it
//! calls the counter by name and shows what crosses.

#![allow(clippy::unwrap_used, reason = "a test may fail by a panic anywhere")]

mod support;

use std::net::TcpStream;
use std::process::Command;

use serde_json::{Value, json};
use support::program::Program;
use support::{COUNT, DEADLINE, Running, eventually, folder, router, service, session};
use tungstenite::stream::MaybeTlsStream;
use tungstenite::{Message, WebSocket};

/// A browser without a window, driven over the DevTools protocol.
struct Browser {
    _process: Running,
    socket: WebSocket<MaybeTlsStream<TcpStream>>,
    page: String,
    last_id: u64,
}

impl Browser {
    fn open(url: &str, profile: &str) -> Self {
        let mut command = Command::new("chromium");
        command.args([
            "--headless",
            "--no-sandbox",
            "--disable-gpu",
            "--disable-quic",
            "--no-first-run",
            "--disable-background-networking",
            "--disable-component-update",
            "--disable-sync",
            "--remote-debugging-port=0",
        ]);
        let profile = folder(profile);
        command.arg(format!("--user-data-dir={}", profile.display()));
        command.arg("about:blank");
        let mut process = Program::new("chromium", command).start();
        let line = process.error_line_with("DevTools listening on ");
        let endpoint = line
            .split_once("listening on ")
            .unwrap()
            .1
            .trim()
            .to_string();
        let (socket, _) = tungstenite::connect(endpoint.as_str()).unwrap();
        if let MaybeTlsStream::Plain(stream) = socket.get_ref() {
            stream.set_read_timeout(Some(DEADLINE)).unwrap();
        }
        let mut browser = Browser {
            _process: process,
            socket,
            page: String::new(),
            last_id: 0,
        };
        let target = browser
            .ask("Target.createTarget", &json!({ "url": url }))
            .unwrap();
        let attach = json!({ "targetId": target["targetId"], "flatten": true });
        let attached = browser.ask("Target.attachToTarget", &attach).unwrap();
        browser.page = attached["sessionId"].as_str().unwrap().to_string();
        browser
    }

    /// A command and its answer; events in between are passed over.
    fn ask(&mut self, method: &str, params: &Value) -> Result<Value, String> {
        self.last_id += 1;
        let id = self.last_id;
        let mut command = json!({ "id": id, "method": method, "params": params });
        if !self.page.is_empty() {
            command["sessionId"] = json!(self.page);
        }
        self.socket
            .send(Message::text(command.to_string()))
            .unwrap();
        loop {
            let message = self.socket.read().unwrap();
            let Ok(text) = message.to_text() else {
                continue;
            };
            let answer: Value = serde_json::from_str(text).unwrap();
            if answer["id"] == json!(id) {
                return match answer.get("error") {
                    None => Ok(answer["result"].clone()),
                    Some(error) => Err(error["message"].to_string()),
                };
            }
        }
    }

    /// What an expression in the page gives; a promise is waited for.
    fn evaluate(&mut self, expression: &str) -> Result<Value, String> {
        let params =
            json!({ "expression": expression, "awaitPromise": true, "returnByValue": true });
        let result = self.ask("Runtime.evaluate", &params)?;
        assert!(
            result.get("exceptionDetails").is_none(),
            "{expression}: {result}"
        );
        Ok(result["result"]["value"].clone())
    }

    /// Waits until this is true in the page.
    fn until(&mut self, condition: &str) {
        let promise = format!(
            "new Promise((resolve) => {{
                const look = () => {{ if ({condition}) {{ resolve(true); }} else {{ setTimeout(look, 10); }} }};
                look();
            }})"
        );
        // A page that is still being loaded takes a promise away with what was there before it.
        let mut last = Ok(json!(null));
        eventually(condition, || {
            last = self.evaluate(&promise);
            last == Ok(json!(true))
        });
    }

    fn click(&mut self, button: &str) {
        let click = format!("document.getElementById('{button}').click()");
        self.evaluate(&click).unwrap();
    }
}

#[test]
#[cfg_attr(
    no_browser,
    ignore = "chromium is not installed (Debian's package chromium)"
)]
fn access_the_page_calls_the_counter_and_shows_each_message() {
    let web = concat!(env!("CARGO_MANIFEST_DIR"), "/web");
    let router = router(&["--web", web]);
    let log = folder("browser").join("log");
    let _service = service(&router.url, &log, &[]);
    let caller = session(&router.url);
    assert_eq!(caller.call(COUNT, &(41,)), Ok(41));

    let page = router.url.replace("ws://", "http://").replace("/ws", "/");
    let mut browser = Browser::open(&page, "browser-profile");
    browser.until(
        "document.readyState === 'complete' && document.getElementById('total')?.value === '41'",
    );
    browser.click("add");
    browser.until("document.getElementById('total').value === '42'");
    assert_eq!(caller.call("org.example.counter.value", &()), Ok(42));

    // Others count too, and the page hears of it without asking.
    assert_eq!(caller.call(COUNT, &(8,)), Ok(50));
    browser.until("document.getElementById('total').value === '50'");

    // An answer that comes late, when the topic has told of a
    // newer total already, does not bring the old one back.
    let hold = "const call = session.call.bind(session);
        session.call = async (...args) => {
            const total = await call(...args);
            await new Promise((resolve) => { window.release = resolve; });
            return total;
        };
        true";
    browser.evaluate(hold).unwrap();
    browser.click("add");
    browser.until("window.release && document.getElementById('total').value === '51'");
    assert_eq!(caller.call(COUNT, &(9,)), Ok(60));
    browser.until("document.getElementById('total').value === '60'");
    browser
        .evaluate("status('held'); window.release(); true")
        .unwrap();
    browser.until("document.getElementById('status').textContent === 'connected'");
    assert_eq!(
        browser.evaluate("document.getElementById('total').value"),
        Ok(json!("60"))
    );

    let shown = browser.evaluate(
        "[...document.querySelectorAll('#messages tr')].map((row) => row.cells[2].textContent).reverse().join(' ')",
    ).unwrap();
    let shown = shown.as_str().unwrap();
    assert!(shown.starts_with("HELLO WELCOME SUBSCRIBE CALL"), "{shown}");
    for name in ["SUBSCRIBED", "RESULT", "EVENT"] {
        assert!(shown.contains(name), "{name} in {shown}");
    }
}

#[test]
#[cfg_attr(
    no_browser,
    ignore = "chromium is not installed (Debian's package chromium)"
)]
fn the_page_says_what_is_wrong_and_comes_back_with_the_router() {
    let web = concat!(env!("CARGO_MANIFEST_DIR"), "/web");
    let router = router(&["--web", web]);
    let page = router.url.replace("ws://", "http://").replace("/ws", "/");
    let mut browser = Browser::open(&page, "browser-profile-2");
    let status = "document.getElementById('status')?.textContent";
    browser.until(&format!(
        "{status}?.startsWith('wamp.error.no_such_procedure')"
    ));
    let port = page
        .trim_end_matches('/')
        .rsplit_once(':')
        .unwrap()
        .1
        .to_string();
    router.running.stop();
    browser.until(&format!("{status} === 'connection lost; trying again'"));
    let mut again = support::rust("transparency-router")
        .args(&["--port", &port])
        .start();
    again.listening();
    let log = folder("browser-2").join("log");
    let _service = service(&format!("ws://127.0.0.1:{port}/ws"), &log, &[]);
    browser.until("!document.getElementById('add').disabled");
    browser.click("add");
    browser.until("document.getElementById('total').value === '1'");
}
