//! Strangers on the network, and programs that leave it:
//! neither changes a verdict, and the latter is told.

use std::fs;
use std::net::{Ipv4Addr, SocketAddr, TcpStream};
use std::path::PathBuf;
use std::process::Command;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::thread;
use std::time::Duration;

use lab_judge::procfs::open_ports;

use crate::tool::{Folder, binary, case, code, json, run, text, workspace};

/// Whether a user without rights may make networks here.
pub fn users_make_networks() -> bool {
    Command::new("setpriv")
        .args(["--reuid", "65534", "--clear-groups", "--inh-caps=-all"])
        .args(["unshare", "--user", "--net", "true"])
        .status()
        .is_ok_and(|status| status.success())
}

/// The ports of 127.0.0.1 on which somebody listens and that a check takes for its cases.
fn listening() -> Vec<u16> {
    let ports = open_ports(Ipv4Addr::LOCALHOST.into()).unwrap_or_default();
    let ports = ports.into_iter();
    ports
        .filter(|port| (20_000..26_000).contains(port))
        .collect()
}

/// Scans the ports again and again while something runs, and says how often a port was found open.
pub fn while_scanned(run: impl FnOnce()) -> usize {
    let (over, met) = (AtomicBool::new(false), AtomicUsize::new(0));
    thread::scope(|scope| {
        scope.spawn(|| {
            while !over.load(Ordering::Relaxed) {
                for port in listening() {
                    let address = SocketAddr::from(([127, 0, 0, 1], port));
                    if TcpStream::connect_timeout(&address, Duration::from_secs(1)).is_ok() {
                        met.fetch_add(1, Ordering::Relaxed);
                    }
                }
                thread::yield_now();
            }
        });
        run();
        over.store(true, Ordering::Relaxed);
    });
    met.into_inner()
}

fn codio_client(more: &[&str]) {
    let client = workspace().join("crates/lab-check/gallery/codio-echo/client-right.py");
    let command = format!("python3 {} {{port}}", client.display());
    let words = ["check", "codio-echo", "--client", &command];
    let out = run(&[&words, more].concat());
    assert_eq!(code(&out), 0, "{more:?}: {}", text(&out));
}

pub fn a_port_scan_changes_no_verdict_on_a_network_that_is_shared_or_not() {
    let met = while_scanned(|| {
        for _ in 0..3 {
            codio_client(&["--shared-network"]);
        }
    });
    assert!(met > 0, "the scan has met no port of the check");
    // Other tests' checks may be met here: that a case has its own network is the next test's.
    while_scanned(|| codio_client(&[]));
}

pub fn without_root_each_case_has_its_own_network_too() {
    let network = |more: &[&str]| {
        let out = Command::new("setpriv")
            .args(["--reuid", "65534", "--clear-groups", "--inh-caps=-all"])
            .arg(binary())
            .args(["check", "cmpu-tcp-echo", "--only", "sends"])
            .args(["--format", "json", "--client"])
            .arg("sh -c 'readlink /proc/self/ns/net; id -u; exit 1' {port}")
            .args(more)
            .current_dir("/")
            .output()
            .unwrap();
        let result = json(&out);
        case(&result, "sends")["programs"][0]["stdout"].to_string()
    };
    let ours = fs::read_link("/proc/thread-self/ns/net").unwrap();
    let ours = ours.to_str().unwrap();
    let own = network(&[]);
    assert!(own.contains("net:[") && !own.contains(ours), "{own}");
    assert!(own.contains("65534"), "{own}");
    let shared = network(&["--shared-network"]);
    assert!(shared.contains(ours), "{shared}, not {ours}");
}

/// Checks a program that has its address in its source, as one of an exercise's sides.
fn checked(folder: &Folder, program: &str, exercise: &str, side: &str) -> serde_json::Value {
    let file: PathBuf = folder.write("program.py", program);
    let command = format!("python3 {}", file.display());
    let words = ["check", exercise, side, &command, "--format", "json"];
    json(&run(&words))
}

pub fn a_client_that_goes_elsewhere_is_told_where() {
    let folder = Folder::new("elsewhere");
    let tells = |host: &str, port: u16| {
        let program = format!(
            "import socket\ns = socket.socket()\ns.connect(({host:?}, {port}))\n\
             s.sendall(b'Hello, world')\nprint('Received', s.recv(1024))\n"
        );
        let result = checked(&folder, &program, "codio-echo", "--client");
        let sends = case(&result, "sends");
        assert_eq!(sends["misconception"], "other-address", "{sends:#}");
        sends["summary"].as_str().unwrap().to_string()
    };
    let told = tells("127.0.0.1", 65431);
    let expected = "The program connects to 127.0.0.1:65431; the sheet says 127.0.0.1:65432.";
    assert!(told.contains(expected), "{told}");
    assert!(tells("192.168.1.50", 65432).contains("connects to 192.168.1.50:65432; the sheet"));
    assert!(tells("example.com", 80).contains("connects to 127.0.0.1:80; the sheet says"));
}

pub fn any_name_leads_a_client_to_the_check() {
    let folder = Folder::new("any-name");
    let program = "import socket\nwith socket.socket() as s:\n    s.connect(('my-server', 65432))\n    \
                   s.sendall(b'Hello, world')\n    print('Received', s.recv(1024))\n";
    let result = checked(&folder, program, "codio-echo", "--client");
    assert_eq!(case(&result, "prints")["outcome"], "passed", "{result:#}");
}

pub fn an_address_of_the_internet_leads_a_client_to_the_check_where_the_sheet_has_one() {
    let folder = Folder::new("any-address");
    let program = "import socket\ns = socket.socket()\ns.connect(('192.0.2.80', 80))\n\
                   print('Socket Connected to 192.0.2.80')\n";
    let result = checked(&folder, program, "transparency-socket3", "--client");
    assert_eq!(result["counts"]["passed"], 4, "{result:#}");
}

pub fn a_server_that_binds_another_machines_address_is_told_so() {
    let folder = Folder::new("bound");
    let program = "import socket\ns = socket.socket()\ns.bind(('192.168.1.50', 1234))\ns.listen(5)\n\
                   while True:\n    c, a = s.accept()\n    c.sendall(b'Thank you for connecting')\n    c.close()\n";
    let result = checked(&folder, program, "co223-task01", "--server");
    let whole = case(&result, "whole");
    assert_eq!(whole["misconception"], "cannot-bind", "{whole:#}");
}
