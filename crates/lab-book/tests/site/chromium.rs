//! A headless Chromium, spoken to in the Chrome DevTools Protocol.

use std::io::{BufRead, BufReader};
use std::net::TcpStream;
use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::LazyLock;
use std::time::{Duration, Instant};

use serde_json::{Value, json};
use tempfile::TempDir;
use tungstenite::{Message, WebSocket, client};

/// How long an answer may take, and the end of the browser.
const LIMIT: Duration = Duration::from_secs(60);
/// So many messages may come before an answer.
const MESSAGES: usize = 10_000;

/// A browser with one page.
pub struct Chromium {
    child: Child,
    socket: WebSocket<TcpStream>,
    next: u64,
    /// What came by itself: console messages, requests, errors.
    pub events: Vec<Value>,
    /// Its profile, and whatever else it writes. Dropped last, when it has ended.
    folder: TempDir,
}

/// The browser's name, which differs from system to system; nothing where there is none.
pub static PROGRAM: LazyLock<Option<&str>> = LazyLock::new(|| {
    let starts = |name: &&str| {
        let version = Command::new(name).arg("--version").output();
        version.is_ok_and(|output| output.status.success())
    };
    ["chromium", "chromium-browser", "google-chrome"]
        .into_iter()
        .find(starts)
});

impl Chromium {
    /// Starts one with an empty profile.
    pub fn start() -> Self {
        let folder = TempDir::with_prefix("lab-book-chromium-").unwrap();
        let mut child = Command::new(PROGRAM.expect("chromium is installed"))
            .args([
                "--headless",
                "--no-sandbox",
                "--disable-gpu",
                "--disable-quic",
            ])
            .args([
                "--no-first-run",
                "--disable-background-networking",
                "--disable-sync",
            ])
            .args(["--disable-component-update", "--remote-debugging-port=0"])
            .arg("--allow-file-access-from-files")
            .arg(format!(
                "--user-data-dir={}",
                folder.path().join("profile").display()
            ))
            .arg("about:blank")
            // It makes folders there that it does not take away.
            .env("TMPDIR", folder.path())
            .process_group(0)
            .stdout(Stdio::null())
            .stderr(Stdio::piped())
            .spawn()
            .expect("chromium is installed");
        let mut lines = BufReader::new(child.stderr.take().unwrap()).lines();
        let url = lines
            .by_ref()
            .map(|line| line.expect("chromium says where it listens"))
            .find_map(|line| {
                line.strip_prefix("DevTools listening on ")
                    .map(str::to_string)
            })
            .expect("chromium says where it listens");
        // Nobody else reads what it says, and a full pipe would stop it.
        std::thread::spawn(move || lines.for_each(drop));
        let address = url
            .strip_prefix("ws://")
            .unwrap()
            .split('/')
            .next()
            .unwrap();
        let stream = TcpStream::connect(address).unwrap();
        stream.set_read_timeout(Some(LIMIT)).unwrap();
        let (socket, _) = client(url.as_str(), stream).unwrap();
        let mut one = Chromium {
            child,
            socket,
            next: 0,
            events: Vec::new(),
            folder,
        };
        let targets = one.call(None, "Target.getTargets", &json!({}));
        let page = targets["targetInfos"]
            .as_array()
            .unwrap()
            .iter()
            .find(|target| target["type"] == "page")
            .unwrap()["targetId"]
            .clone();
        let attach = json!({"targetId": page, "flatten": true});
        let session = one.call(None, "Target.attachToTarget", &attach)["sessionId"].clone();
        one.session(&session);
        one
    }

    fn session(&mut self, session: &Value) {
        SESSION.with(|cell| *cell.borrow_mut() = session.clone());
        for domain in ["Page", "Runtime", "Network", "Log"] {
            self.ask(&format!("{domain}.enable"), &json!({}));
        }
        // Without it, a page in the background gets no focus.
        self.ask(
            "Emulation.setFocusEmulationEnabled",
            &json!({"enabled": true}),
        );
    }

    /// Where all is that it writes.
    pub fn folder(&self) -> &Path {
        self.folder.path()
    }

    /// Its process.
    pub fn id(&self) -> u32 {
        self.child.id()
    }

    /// Asks the page for something.
    pub fn ask(&mut self, method: &str, params: &Value) -> Value {
        let session = SESSION.with(|cell| cell.borrow().clone());
        self.call(Some(session), method, params)
    }

    fn call(&mut self, session: Option<Value>, method: &str, params: &Value) -> Value {
        self.next += 1;
        let mut request = json!({"id": self.next, "method": method, "params": params});
        if let Some(session) = session {
            request["sessionId"] = session;
        }
        self.socket
            .send(Message::text(request.to_string()))
            .unwrap();
        for _ in 0..MESSAGES {
            let message = self.message();
            if message["id"] == self.next {
                assert!(message["error"].is_null(), "{method}: {message}");
                return message["result"].clone();
            }
            self.events.push(message);
        }
        panic!("{method}: no answer among {MESSAGES} messages");
    }

    fn message(&mut self) -> Value {
        loop {
            if let Message::Text(text) = self.socket.read().unwrap() {
                return serde_json::from_str(&text).unwrap();
            }
        }
    }

    /// Goes to an address, and waits until the page is loaded. Earlier events are forgotten.
    pub fn open(&mut self, url: &str) {
        self.events.clear();
        self.ask("Page.navigate", &json!({"url": url}));
        for _ in 0..MESSAGES {
            if self
                .events
                .iter()
                .any(|event| event["method"] == "Page.loadEventFired")
            {
                return;
            }
            let message = self.message();
            self.events.push(message);
        }
        panic!("{url} is not loaded");
    }

    /// What an expression of JavaScript gives, also a promise.
    pub fn evaluate(&mut self, script: &str) -> Value {
        let params = json!({"expression": script, "awaitPromise": true, "returnByValue": true});
        let answer = self.ask("Runtime.evaluate", &params);
        assert!(answer["exceptionDetails"].is_null(), "{answer}");
        answer["result"]["value"].clone()
    }

    /// The window's width and the user's scheme of colors.
    pub fn look(&mut self, width: usize, scheme: &str) {
        let metrics =
            json!({"width": width, "height": 900, "deviceScaleFactor": 1, "mobile": false});
        self.ask("Emulation.setDeviceMetricsOverride", &metrics);
        let media = json!({"features": [{"name": "prefers-color-scheme", "value": scheme}]});
        self.ask("Emulation.setEmulatedMedia", &media);
    }

    /// Presses a key.
    pub fn press(&mut self, key: &str) {
        let code = match key {
            "Tab" => 9,
            "Enter" => 13,
            "ArrowLeft" => 37,
            "ArrowRight" => 39,
            "ArrowDown" => 40,
            _ => 0,
        };
        let text = if key == "Enter" { "\r" } else { "" };
        for kind in ["keyDown", "keyUp"] {
            let params = json!({"type": kind, "key": key, "code": key,
                "windowsVirtualKeyCode": code, "text": text});
            self.ask("Input.dispatchKeyEvent", &params);
        }
    }

    /// Console errors, exceptions, and requests that left the book.
    pub fn complaints(&self, base: &str) -> Vec<String> {
        let of = |event: &Value| {
            let params = &event["params"];
            match event["method"].as_str()? {
                "Runtime.exceptionThrown" => Some(params.to_string()),
                "Runtime.consoleAPICalled" if params["type"] == "error" => Some(params.to_string()),
                "Log.entryAdded" if params["entry"]["level"] == "error" => Some(params.to_string()),
                "Network.requestWillBeSent" => {
                    let url = params["request"]["url"].as_str()?;
                    (!url.starts_with(base) && !url.starts_with("data:"))
                        .then(|| format!("asks for {url}"))
                }
                _ => None,
            }
        };
        self.events.iter().filter_map(of).collect()
    }
}

thread_local! {
    /// The page's session.
    static SESSION: std::cell::RefCell<Value> = const { std::cell::RefCell::new(Value::Null) };
}

impl Drop for Chromium {
    fn drop(&mut self) {
        // Asked to end, it ends its helpers first, which would write into its folder meanwhile. It
        // may have ended by itself.
        let close = json!({"id": self.next + 1, "method": "Browser.close"});
        let _ = self.socket.send(Message::text(close.to_string()));
        let deadline = Instant::now() + LIMIT;
        while let Ok(None) = self.child.try_wait() {
            if Instant::now() > deadline {
                let _ = self.child.kill();
                break;
            }
            std::thread::park_timeout(Duration::from_millis(2));
        }
        let _ = self.child.wait();
        // Whatever of it is left would keep the folder from going.
        let group = format!("-{}", self.child.id());
        let _ = Command::new("kill")
            .args(["-s", "KILL", "--", &group])
            .stderr(Stdio::null())
            .status();
        while self.folder.path().exists() && Instant::now() < deadline {
            let _ = std::fs::remove_dir_all(self.folder.path());
        }
    }
}
