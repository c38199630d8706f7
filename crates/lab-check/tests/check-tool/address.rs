//! Programs that have the sheet's address built in.

use std::fs;
use std::net::{TcpListener, UdpSocket};

use crate::tool::{Folder, case, code, errors, gallery, json, run, sheets_ports};

/// The gallery's right answer with the sheet's port in the place of the one from the command line.
fn built_in(folder: &Folder) -> String {
    let program = gallery("dsd-eof/right.py");
    assert!(
        program.contains("int(sys.argv[1])"),
        "it takes its port from the command line"
    );
    let file = folder.write("server.py", &program.replace("int(sys.argv[1])", "65432"));
    format!("python3 {}", file.display())
}

pub fn the_holder_of_the_sheets_port_is_named() {
    let folder = Folder::new("taken");
    let command = built_in(&folder);
    let _ports = sheets_ports();
    let _held = TcpListener::bind("127.0.0.1:65432");
    let out = run(&["check", "dsd-eof", "--server", &command, "--shared-network"]);
    let said = errors(&out);
    assert_eq!(code(&out), 3, "{said}");
    assert!(
        said.contains("the command has no {port}, so it needs the sheet's address 127.0.0.1:65432"),
        "{said}"
    );
    assert!(said.contains("which process "), "{said}");
    assert!(
        said.contains("hint: stop that program, or put {port} into the command"),
        "{said}"
    );
}

pub fn the_holder_of_the_sheets_udp_port_is_named() {
    let _ports = sheets_ports();
    let _held = UdpSocket::bind("127.0.0.1:9900");
    let out = run(&[
        "check",
        "cmpu-udp-echo",
        "--server",
        "python3 server.py",
        "--shared-network",
    ]);
    let said = errors(&out);
    assert_eq!(code(&out), 3, "{said}");
    assert!(said.contains("127.0.0.1:9900, which process "), "{said}");
}

pub fn where_networks_can_be_made_a_taken_port_is_in_nobodys_way() {
    let folder = Folder::new("network");
    let command = built_in(&folder);
    let _ports = sheets_ports();
    let _held = TcpListener::bind("127.0.0.1:65432");
    let out = run(&["check", "dsd-eof", "--server", &command, "--format", "json"]);
    let result = json(&out);
    assert_eq!(code(&out), 0, "{result:#}");
    assert_eq!(result["counts"]["passed"], 22);
    let remark = result["remarks"][0].as_str().unwrap();
    assert!(
        remark.contains("127.0.0.1:65432, each case in its own network"),
        "{remark}"
    );
}

pub fn each_case_has_its_own_network_unless_it_is_to_be_shared() {
    // The program tells which network it is in, and fails.
    let command = "sh -c 'readlink /proc/self/ns/net; exit 1' {port}";
    let network = |more: &[&str]| {
        let words = ["check", "cmpu-tcp-echo", "--client", command];
        let only = ["--only", "sends", "--format", "json"];
        let result = json(&run(&[&words, &only, more].concat()));
        let program = &case(&result, "sends")["programs"][0];
        program["stdout"].to_string()
    };
    let ours = fs::read_link("/proc/self/ns/net").unwrap();
    let ours = ours.to_str().unwrap();
    let own = network(&[]);
    assert!(own.contains("net:[") && !own.contains(ours), "{own}");
    let shared = network(&["--shared-network"]);
    assert!(shared.contains(ours), "{shared}, not {ours}");
}

pub fn on_a_shared_network_the_last_cases_connections_are_waited_for() {
    let folder = Folder::new("shared");
    // On its sheet's port, and without SO_REUSEADDR: what
    // the last case left holds the port for a minute.
    let program = gallery("dsd-eof/no-reuseaddr.py").replace("int(sys.argv[1])", "65432");
    let file = folder.write("server.py", &program);
    let words = [
        "check",
        "dsd-eof",
        "--server",
        &format!("python3 {}", file.display()),
        "--shared-network",
        "--format",
        "json",
        "--only",
        "whole",
        "--only",
        "goes-on",
    ];
    let _ports = sheets_ports();
    let out = run(&words);
    let result = json(&out);
    assert_eq!(code(&out), 0, "{result:#}");
    let note = &case(&result, "goes-on")["notes"][0];
    // Where the client closed first, there was nothing to wait for.
    assert!(
        note.is_null() || note.as_str().unwrap().contains("SO_REUSEADDR"),
        "{note}"
    );
}
