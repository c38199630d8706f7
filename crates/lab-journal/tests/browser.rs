//! The pages of the recorded runs in a browser: slider, buttons and keys, and the queues at each
//! step. Needs `chromium` (Debian's package).

use std::fs;
use std::path::Path;
use std::process::Command;

use lab_journal::{Journal, html};
use serde_json::Value;

/// Moves through the page by the slider, back by the button, forward by the key, and to a row by a
/// click; writes what the page shows at each step into `#found`.
const DRIVER: &str = r##"<pre id="found"></pre><script>
window.addEventListener("load", () => {
  const slider = document.getElementById("step");
  const rows = [...document.querySelectorAll("tr[data-step]")];
  const shown = () => ({
    step: rows.findIndex((row) => row.hasAttribute("aria-current")),
    value: Number(slider.value),
    words: [...document.querySelectorAll(".queue > div:first-child")].map((it) => it.textContent),
    bytes: [...document.querySelectorAll(".byte")].length,
    hash: location.hash,
    told: document.getElementById("told").textContent,
  });
  const found = { slider: [], back: [], keys: [], clicks: [] };
  for (let at = 0; at < rows.length; at += 1) {
    slider.value = String(at);
    slider.dispatchEvent(new Event("input"));
    found.slider.push(shown());
  }
  for (let at = 0; at < rows.length; at += 1) {
    found.back.push(shown());
    document.getElementById("back").click();
  }
  for (let at = 0; at < rows.length; at += 1) {
    found.keys.push(shown());
    document.dispatchEvent(new KeyboardEvent("keydown", { key: "ArrowRight" }));
  }
  rows.at(0).click();
  found.clicks.push(shown());
  found.wide = document.documentElement.scrollWidth > document.documentElement.clientWidth;
  const asked = performance.getEntriesByType("resource").map((entry) => entry.name);
  found.asked = asked;
  document.getElementById("found").textContent = btoa(unescape(encodeURIComponent(JSON.stringify(found))));
});
</script></body>"##;

/// What the driver found on a page, in a window of this width.
fn drive(folder: &Path, page: &str, width: usize) -> Value {
    let file = folder.join("page.html");
    fs::write(&file, page.replace("</body>", DRIVER)).expect("a page");
    let output = Command::new("chromium")
        .args(["--headless", "--no-sandbox", "--disable-gpu", "--dump-dom"])
        .arg(format!("--window-size={width},800"))
        .arg(format!(
            "--user-data-dir={}",
            folder.join("profile").display()
        ))
        .arg(format!("file://{}", file.display()))
        .output()
        .expect("chromium runs");
    let dom = String::from_utf8_lossy(&output.stdout);
    let (_, rest) = dom
        .split_once("<pre id=\"found\">")
        .expect("the driver ran");
    let (found, _) = rest.split_once('<').expect("its result ends");
    let json = data_encoding::BASE64.decode(found.as_bytes());
    serde_json::from_slice(&json.expect("base64")).expect("JSON")
}

/// The run in the page.
fn run(page: &str) -> Value {
    let (_, rest) = page
        .split_once("id=\"run\">")
        .expect("the page has the run");
    let (json, _) = rest.split_once("</script>").expect("the run ends");
    serde_json::from_str(json).expect("it is JSON")
}

/// The lines that tell the queues of a step.
fn expected(run: &Value, step: usize) -> Vec<String> {
    let mut lines = Vec::new();
    for of in run["steps"][step]["queues"].as_array().expect("queues") {
        let socket = run["sockets"][of["socket"].to_string()].as_str();
        for (key, name) in [("send", "send queue"), ("receive", "receive queue")] {
            let queue = &of[key];
            if queue["length"] == 0 {
                continue;
            }
            let unit = if queue["length"] == 1 {
                "byte"
            } else {
                "bytes"
            };
            let pieces = queue["pieces"].as_array().expect("pieces").iter();
            let pieces: Vec<String> = pieces
                .map(|piece| {
                    let number = &run["sends"][piece[0].to_string()]["number"];
                    format!("{} of send {number}", piece[2])
                })
                .collect();
            let socket = socket.expect("a name");
            let (length, pieces) = (&queue["length"], pieces.join(", "));
            lines.push(format!("{socket}, {name}: {length} {unit} ({pieces})"));
        }
    }
    lines
}

#[test]
#[ignore = "needs chromium: cargo test -p lab-journal --test browser -- --ignored"]
fn each_step_shows_its_queues_by_slider_button_key_and_click() {
    let folder = tempfile::tempdir().expect("a folder");
    let golden = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/golden");
    let mut pages = 0;
    for entry in fs::read_dir(golden).expect("the folder of runs") {
        let path = entry.expect("an entry").path();
        if path.extension().is_none_or(|ending| ending != "json") {
            continue;
        }
        pages += 1;
        let text = fs::read_to_string(&path).expect("a run");
        let journal = Journal::from_json(&text).expect("a journal");
        let page = html::draw(&journal, "a run").expect("a page");
        let run = run(&page);
        let steps = run["steps"].as_array().expect("steps").len();
        let width = if pages % 2 == 0 { 500 } else { 1280 };
        let found = drive(folder.path(), &page, width);
        assert_eq!(found["wide"], false, "{}: a bar to scroll", path.display());
        assert_eq!(found["asked"], serde_json::json!([]), "{}", path.display());
        for step in 0..steps {
            let back = &found["back"][steps - 1 - step];
            for shown in [&found["slider"][step], back, &found["keys"][step]] {
                assert_eq!(shown["step"], step);
                assert_eq!(shown["value"], step);
                assert_eq!(shown["hash"], format!("#{}", step + 1));
                let words: Vec<String> = shown["words"]
                    .as_array()
                    .expect("words")
                    .iter()
                    .map(|words| words.as_str().expect("a text").to_string())
                    .collect();
                let expected = expected(&run, step);
                assert_eq!(words, expected, "{}: step {step}", path.display());
                if !expected.is_empty() {
                    assert_eq!(shown["told"], expected.join("; "));
                }
            }
        }
        assert_eq!(found["clicks"][0]["step"], 0);
    }
    assert_eq!(pages, 10);
}
