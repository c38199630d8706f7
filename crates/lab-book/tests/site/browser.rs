//! The book in a browser: from a file, and from a subfolder of a web server.

use std::fs;
use std::io::{BufRead, BufReader, Write};
use std::net::TcpListener;
use std::thread;

use super::chromium::Chromium;
use super::site::SITE;

const WIDTHS: [usize; 4] = [360, 768, 1440, 1920];
const SCHEMES: [&str; 2] = ["light", "dark"];

/// The pages of the book. Of the traces and the source files, which are all alike, a few.
fn names() -> Vec<&'static String> {
    const ALIKE: usize = 3;
    let mut seen = [("source-", 0), ("trace-", 0)];
    let keep = |name: &&String| {
        let kind = seen.iter_mut().find(|(kind, _)| name.starts_with(kind));
        kind.is_none_or(|(_, count)| {
            *count += 1;
            *count <= ALIKE
        })
    };
    SITE.pages.keys().filter(keep).collect()
}

/// Serves the book below `/labs/book/`.
fn serve() -> String {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    thread::spawn(move || {
        for stream in listener.incoming() {
            let mut stream = stream.unwrap();
            thread::spawn(move || {
                let mut line = String::new();
                let mut reader = BufReader::new(stream.try_clone().unwrap());
                if reader.read_line(&mut line).unwrap_or(0) == 0 {
                    return;
                }
                let path = line
                    .split(' ')
                    .nth(1)
                    .unwrap_or("/")
                    .split(['?', '#'])
                    .next()
                    .unwrap();
                let file = path
                    .strip_prefix("/labs/book/")
                    .map(|name| SITE.folder.join(name));
                let (status, body) = match file.and_then(|file| fs::read(file).ok()) {
                    Some(body) => ("200 OK", body),
                    None => ("404 Not Found", Vec::new()),
                };
                let kind = match path.rsplit('.').next() {
                    Some("css") => "text/css",
                    Some("js") => "text/javascript",
                    _ => "text/html",
                };
                let head = format!(
                    "HTTP/1.1 {status}\r\nContent-Type: {kind}\r\nContent-Length: {}\r\nConnection: close\r\n\r\n",
                    body.len()
                );
                // A browser may leave before it has all.
                let _ = stream.write_all(&[head.into_bytes(), body].concat());
            });
        }
    });
    format!("http://{address}/labs/book/")
}

/// A profile that is left behind fills the disk, and Chromium makes more folders than that one.
pub fn a_browser_leaves_nothing_behind() {
    let mut browser = Chromium::start();
    browser.open(&format!("file://{}/index.html", SITE.folder.display()));
    let folder = browser.folder().to_path_buf();
    assert!(folder.join("profile").is_dir());
    let pid = browser.id();
    drop(browser);
    assert!(!folder.exists(), "{}", folder.display());
    assert!(!std::path::Path::new(&format!("/proc/{pid}")).exists());
}

pub fn pages_load_without_errors_and_ask_nothing_of_others_from_a_file_and_from_a_subfolder() {
    let mut browser = Chromium::start();
    let mut problems = Vec::new();
    for base in [format!("file://{}/", SITE.folder.display()), serve()] {
        for name in names() {
            browser.open(&format!("{base}{name}"));
            // The parts that are loaded later are loaded now.
            browser.evaluate(
                "(async () => {
                   const waits = [...document.querySelectorAll('details[data-trace]')].map((details) => new Promise((done) => {
                     details.addEventListener('toggle', () => {
                       const frame = details.querySelector('iframe');
                       frame.addEventListener('load', done);
                     });
                     details.open = true;
                   }));
                   const input = document.getElementById('search');
                   if (input) { input.focus(); waits.push(new Promise((done) => document.getElementById('found').addEventListener('load', done))); }
                   await Promise.all(waits);
                 })()",
            );
            for complaint in browser.complaints(&base) {
                problems.push(format!("{base}{name}: {complaint}"));
            }
        }
    }
    assert!(problems.is_empty(), "{problems:#?}");
    println!(
        "{} pages, each from a file and from a subfolder",
        names().len()
    );
}

pub fn no_page_is_wider_than_its_window() {
    let mut browser = Chromium::start();
    let mut problems = Vec::new();
    for name in names() {
        browser.open(&format!("file://{}/{name}", SITE.folder.display()));
        for width in WIDTHS {
            browser.look(width, "light");
            let wide = browser.evaluate("document.documentElement.scrollWidth");
            if wide.as_u64().unwrap() > width as u64 {
                problems.push(format!("{name} at {width}: {wide}"));
            }
        }
    }
    assert!(problems.is_empty(), "{problems:#?}");
}

/// What axe is asked to look at: all, or contrast alone, for a page that has been looked at as a
/// whole in the other scheme of colors.
#[derive(Clone, Copy)]
pub enum Rules {
    All,
    Contrast,
}

/// Loads axe into the page that is open.
pub fn load_axe(browser: &mut Chromium, axe: &str) {
    browser.evaluate(&format!("{axe}; 0"));
}

/// What axe finds wrong on the page that is open, into which it was loaded.
pub fn violations(browser: &mut Chromium, rules: Rules) -> Vec<String> {
    let only = match rules {
        Rules::All => "",
        Rules::Contrast => "runOnly: ['color-contrast'],",
    };
    let found = browser.evaluate(&format!(
        "axe.run(document, {{{only} resultTypes: ['violations']}}).then((it) => it.violations.map((one) =>
           one.id + ': ' + one.nodes.slice(0, 3).map((node) => node.html.slice(0, 120) + ' ' + node.failureSummary).join(' | ')))",
    ));
    serde_json::from_value(found).unwrap()
}

pub fn axe_finds_no_violation_in_either_scheme() {
    let axe = fs::read_to_string(super::site::axe()).unwrap();
    let names = names();
    // A browser does most of its work in one thread, and this test is the longest.
    let (some, others) = names.split_at(names.len() / 2);
    let problems: Vec<String> = thread::scope(|scope| {
        let looks = [some, others].map(|names| scope.spawn(|| look_with_axe(names, &axe)));
        let found = looks.map(|looks| looks.join().expect("the browser does its work"));
        found.concat()
    });
    assert!(problems.is_empty(), "{problems:#?}");
    println!("{} pages, each looked at three times", names.len());
}

/// What axe finds wrong on these pages.
fn look_with_axe(names: &[&String], axe: &str) -> Vec<String> {
    let mut browser = Chromium::start();
    let mut problems = Vec::new();
    for name in names {
        browser.open(&format!("file://{}/{name}", SITE.folder.display()));
        browser.evaluate("document.querySelectorAll('details').forEach((it) => { it.open = !it.dataset.trace; })");
        load_axe(&mut browser, axe);
        for (width, scheme, rules) in [
            (1440, "light", Rules::All),
            (1440, "dark", Rules::Contrast),
            (360, "dark", Rules::All),
        ] {
            browser.look(width, scheme);
            for one in violations(&mut browser, rules) {
                problems.push(format!("{name} {width} {scheme}: {one}"));
            }
        }
    }
    problems
}

pub fn the_keyboard_alone_reaches_everything() {
    let mut browser = Chromium::start();
    for name in ["index.html", "dsd-eof.html"] {
        browser.look(1440, "light");
        browser.open(&format!("file://{}/{name}", SITE.folder.display()));
        // What can be used with a pointer, each once. What is in a closed part comes when it opens.
        browser.evaluate("document.querySelectorAll('details').forEach((it) => { it.open = !it.dataset.trace; })");
        let all = browser.evaluate(
            "window.wanted = [...document.querySelectorAll('a[href], button, input, summary, [tabindex=\"0\"]')]
               .filter((it) => it.checkVisibility()); window.reached = new Set(); window.wanted.length",
        );
        let all = all.as_u64().unwrap();
        for _ in 0..all + 5 {
            browser.press("Tab");
            browser.evaluate("window.reached.add(document.activeElement); 0");
        }
        // Of the choices of a question, Tab reaches one, and the arrows reach the others.
        let missed = browser.evaluate(
            "window.wanted.filter((it) => !window.reached.has(it) && !(it.type === 'radio' && it.name &&
               [...window.reached].some((other) => other.name === it.name))).map((it) => it.outerHTML.slice(0, 100))",
        );
        assert_eq!(missed.as_array().unwrap().len(), 0, "{name}: {missed}");
        println!("{name}: {all} places");
    }
    browser.evaluate("document.querySelector('#predict-two-messages input').focus(); 0");
    browser.press("ArrowDown");
    let chosen = browser.evaluate(
        "[...document.querySelectorAll('#predict-two-messages input')].findIndex((it) => it.checked)",
    );
    assert_eq!(chosen, 1);
    // A step that has the focus is lit on both sides.
    let lit = browser.evaluate(
        "(() => { const row = document.getElementById('dsd-eof-server-step-3'); row.focus();
           const before = getComputedStyle(document.getElementById('dsd-eof-server-step-4')).backgroundColor;
           return row.querySelectorAll('pre').length === 2 && getComputedStyle(row).backgroundColor !== before; })()",
    );
    assert_eq!(lit, true);
}

/// Words, and the page that has to be among the first three for them.
const SEARCHES: [(&str, &str); 25] = [
    ("SO_REUSEADDR", "codio-echo.html"),
    ("token", "dsd-eof.html"),
    ("<EOF>", "dsd-eof.html"),
    ("datagram", "udp.html"),
    ("guess", "cmpu-guess.html"),
    ("port scanner", "portscan.html"),
    ("filtered", "portscan.html"),
    ("gethostbyname", "transparency-socket3.html"),
    ("HTTP", "transparency-socket4.html"),
    ("add numbers", "dsd-sum.html"),
    ("sum", "dsd-sum.html"),
    ("hello world", "dsd-hello.html"),
    ("distribution transparency", "transparency-socket6"),
    ("connection refused", "transparency-socket5.html"),
    ("middleware", "middleware.html"),
    ("WAMP", "middleware.html"),
    ("semaphore", "dsd-eof.html"),
    ("queue of 5", "co223-task01.html"),
    ("strace", "transparency-socket1.html"),
    ("TLS", "middleware.html"),
    ("late answer", "udp.html"),
    ("lost", "udp.html"),
    ("decode", "mistakes.html"),
    ("floating-point", "mistakes.html"),
    ("builds on", "path.html"),
];

pub fn search_finds_given_words_at_their_page_in_the_first_three() {
    let mut browser = Chromium::start();
    browser.look(1440, "light");
    browser.open(&format!("file://{}/index.html", SITE.folder.display()));
    browser.evaluate(
        "(() => { const input = document.getElementById('search'); input.focus();
           return new Promise((done) => document.getElementById('found').addEventListener('load', done)); })()",
    );
    let mut problems = Vec::new();
    for (words, page) in SEARCHES {
        let script = format!(
            "(() => {{ const input = document.getElementById('search'); input.value = {};
               input.dispatchEvent(new Event('input'));
               return [...document.querySelectorAll('#results a')].slice(0, 3).map((it) => it.getAttribute('href')); }})()",
            serde_json::to_string(words).unwrap()
        );
        let first = browser.evaluate(&script);
        let first: Vec<&str> = first
            .as_array()
            .unwrap()
            .iter()
            .map(|it| it.as_str().unwrap())
            .collect();
        if !first.iter().any(|url| url.contains(page)) {
            problems.push(format!("{words}: {first:?} and not {page}"));
        }
    }
    assert!(problems.is_empty(), "{problems:#?}");
}

pub fn on_paper_answers_are_open_and_controls_are_gone() {
    use base64::Engine;
    let mut browser = Chromium::start();
    for name in ["dsd-eof.html", "stream.html"] {
        browser.open(&format!("file://{}/{name}", SITE.folder.display()));
        // What is in the window when the browser prints.
        let media = serde_json::json!({"media": "print"});
        browser.ask("Emulation.setEmulatedMedia", &media);
        let found = browser.evaluate(
            "(() => { dispatchEvent(new Event('beforeprint'));
               const seen = (words) => [...document.querySelectorAll(words)].filter((it) => it.checkVisibility()).length;
               const closed = [...document.querySelectorAll('details:not([data-trace])')].filter((it) => !it.open).length;
               const found = [closed, seen('button, input, nav, iframe, [data-trace]'), seen('details > :not(summary)'), seen('.row pre')];
               dispatchEvent(new Event('afterprint'));
               return [...found, document.querySelectorAll('details[open]').length]; })()",
        );
        let found: Vec<u64> = serde_json::from_value(found).unwrap();
        let [closed, controls, answers, code, left_open] = found[..] else {
            panic!("{found:?}");
        };
        assert_eq!((closed, controls, left_open), (0, 0, 0), "{name}");
        assert!(code > 5, "{name}: {code} pieces of code");
        if name == "dsd-eof.html" {
            assert!(answers > 20, "{name}: {answers} answers");
        }
        let pdf = browser.ask("Page.printToPDF", &serde_json::json!({}));
        let pdf = base64::engine::general_purpose::STANDARD
            .decode(pdf["data"].as_str().unwrap())
            .unwrap();
        assert!(pdf.starts_with(b"%PDF-"));
        let text = String::from_utf8_lossy(&pdf);
        let sheets = text.matches("/Type /Page\n").count();
        println!("{name}: {sheets} sheets of paper");
        assert!((2..40).contains(&sheets), "{name}: {sheets} sheets");
        browser.ask(
            "Emulation.setEmulatedMedia",
            &serde_json::json!({"media": ""}),
        );
    }
}

/// A picture's height.
const HEIGHT: u64 = 2400;
/// Pages that are used: what is added to the pictures' name, and what brings a page into its state.
const STATES: [(&str, &str, &str); 4] = [
    ("dsd-sum.html", "-whole", "0"),
    ("stream.html", "-whole", "0"),
    (
        "index.html",
        "-search",
        "(() => { const input = document.getElementById('search'); input.value = 'late answer'; input.focus();
           return new Promise((done) => document.getElementById('found').addEventListener('load', () => {
             input.dispatchEvent(new Event('input')); done(0); })); })()",
    ),
    (
        "dsd-eof.html",
        "-wrong",
        "(() => { const ask = document.getElementById('predict-cut');
           const wrong = [...ask.querySelectorAll('input')].find((it) => it.value !== ask.dataset.right);
           wrong.click();
           const run = document.querySelector('#run details.trace'); run.open = true;
           return new Promise((done) => run.addEventListener('toggle', () =>
             run.querySelector('iframe').addEventListener('load', () => done(0)))); })()",
    ),
];

pub fn pictures_are_taken_for_a_person_to_look_at() {
    use base64::Engine;
    let mut browser = Chromium::start();
    let folder = SITE.folder.with_file_name("pictures");
    fs::create_dir_all(&folder).unwrap();
    for (name, state, act) in names()
        .into_iter()
        .map(|name| (name.as_str(), "", "0"))
        .chain(STATES)
    {
        for width in [360, 768, 1440] {
            for scheme in SCHEMES {
                browser.look(width, scheme);
                browser.open(&format!("file://{}/{name}", SITE.folder.display()));
                browser.evaluate(act);
                browser.evaluate("scrollTo({top: 0, behavior: 'instant'}); 0");
                let height = browser.evaluate("document.documentElement.scrollHeight");
                let height = height.as_u64().unwrap();
                // Of pages in a state all is shown, of the others the beginning.
                let pictures = match state {
                    "" => 1,
                    _ => height.div_ceil(HEIGHT),
                };
                for number in 0..pictures {
                    let top = number * HEIGHT;
                    let shot = browser.ask(
                        "Page.captureScreenshot",
                        &serde_json::json!({"captureBeyondViewport": true, "clip":
                            {"x": 0, "y": top, "width": width, "height": HEIGHT.min(height - top), "scale": 1}}),
                    );
                    let data = base64::engine::general_purpose::STANDARD
                        .decode(shot["data"].as_str().unwrap())
                        .unwrap();
                    let name = name.trim_end_matches(".html");
                    let file = format!("{name}{state}-{width}-{scheme}-{number}.png");
                    fs::write(folder.join(file), data).unwrap();
                }
                // The answers of this state are not those of the next picture.
                browser.evaluate("localStorage.clear(); 0");
            }
        }
    }
    println!("{}", folder.display());
}
