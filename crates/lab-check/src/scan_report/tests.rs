use super::*;

/// The ports 10000 to 10039, of which these are open.
const OPEN_PORTS: [u16; 3] = [10_007, 10_020, 10_031];

fn reading(text: &str) -> Reading {
    let scanned = Scanned {
        host: "127.0.0.1",
        first: 10_000,
        last: 10_039,
        open: &OPEN_PORTS,
        unknown: &[],
    };
    read(text, &scanned)
}

/// What a right scanner prints: a heading, and a line for each port, by whether it is open.
fn report(heading: &str, open: &str, closed: &str) -> String {
    let mut text = heading.to_string();
    for port in 10_000..10_040_u16 {
        let form = if OPEN_PORTS.contains(&port) {
            open
        } else {
            closed
        };
        if !form.is_empty() {
            text.push_str(&form.replace('#', &port.to_string()));
        }
    }
    text
}

#[track_caller]
fn is_right(text: &str) {
    assert_eq!(reading(text), Reading::Open(OPEN_PORTS.to_vec()), "{text}");
}

#[test]
fn ports_are_read_from_whatever_layout_a_scanner_prints() {
    for (heading, open, closed) in [
        ("", "# open\n", ""),
        ("", "# open\n", "# closed\n"),
        ("", "# Open\n", "# Close\n"),
        (
            "Scanning 10000-10039 ...\n",
            "Port #: OPEN\n",
            "Port #: closed\n",
        ),
        ("Open ports on 127.0.0.1\n", "Port #\n", ""),
        ("Looking for open ports on 127.0.0.1\n", "[+] #/tcp\n", ""),
        (
            "Scan started: 127.0.0.1 ports 10000,10039\n",
            "# open\n",
            "",
        ),
        ("range(10000, 10040)\n", "#\n", ""),
        ("Start port: 10000\nEnd port: 10039\n", "Port #\n", ""),
        ("", "http://127.0.0.1:#/\n", ""),
        ("", "127.0.0.1:# is open\n", "127.0.0.1:# is not open\n"),
        ("", "#,1\n", "#,0\n"),
        (
            "",
            "{\"port\": #, \"open\": true}\n",
            "{\"port\": #, \"open\": false}\n",
        ),
        (
            "",
            "Port # \u{1b}[32m*\u{1b}[0m\n",
            "Port # \u{1b}[31m*\u{1b}[0m\n",
        ),
        ("", "#:open ", "#:closed "),
        ("Open ports: [", "#, ", ""),
        (
            "",
            "Scanning port # ... open\n",
            "Scanning port # ... refused\n",
        ),
        (
            "",
            "Trying to open port #: success\n",
            "Trying to open port #: nothing there\n",
        ),
        ("", "Is # open? YES\n", "Is # open? NO\n"),
        ("", "#  open  http\n", "# took 10 ms, closed\n"),
    ] {
        is_right(&report(heading, open, closed));
    }
    is_right("Found 3 open ports in 10000 to 10039: [10007, 10020, 10031]\ndone in 10011 ms\n");
    is_right("open: 10007, 10020, 10031; closed: 10000-10006, 10008, 10009\n");
    is_right("127.0.0.1\n  10007  open\n  10020  open\n  10031  open\n  others: 37 closed\n");
}

#[test]
fn ports_are_read_in_whatever_language_a_scanner_speaks() {
    for (heading, open, closed) in [
        ("", "Port # ist offen\n", "Port # ist geschlossen\n"),
        ("Offene Ports:\n", "  #\n", ""),
        ("", "Le port # est ouvert\n", "Le port # est ferm\u{e9}\n"),
        ("", "puerto # abierto\n", "puerto # cerrado\n"),
        (
            "",
            "\u{7aef}\u{53e3} # \u{5f00}\u{653e}\n",
            "\u{7aef}\u{53e3} # \u{5173}\u{95ed}\n",
        ),
        // Languages whose words are not known.
        ("", "ffenestr # ar agor\n", "ffenestr # ar gau\n"),
        ("", "# iko wazi\n", ""),
    ] {
        is_right(&report(heading, open, closed));
    }
}

#[test]
fn what_a_wrong_scanner_says_is_read_as_it_says_it() {
    let all: Vec<u16> = (10_000..10_040).collect();
    // Every port is open, with or without a word for it.
    for (heading, every) in [("", "# open\n"), ("Open ports:\n", "#\n")] {
        let said = reading(&report(heading, every, every));
        assert_eq!(said, Reading::Open(all.clone()), "{heading}{every}");
    }
    // The wrong way round.
    let Reading::Open(turned) = reading(&report("", "# closed\n", "# open\n")) else {
        panic!("the words are known");
    };
    assert_eq!(turned.len(), 37);
    // One missed, one too many, also where only the difference tells what a word means.
    for word in ["open", "agor"] {
        let missed = report("", &format!("# {word}\n"), "").replace(&format!("10031 {word}"), "");
        assert_eq!(
            reading(&missed),
            Reading::Open(vec![10_007, 10_020]),
            "{word}"
        );
        let more = format!("{}10033 {word}\n", report("", &format!("# {word}\n"), ""));
        let expected = vec![10_007, 10_020, 10_031, 10_033];
        assert_eq!(reading(&more), Reading::Open(expected), "{word}");
    }
    // One that is closed is called open, with another word next to it.
    let odd =
        report("", "# open\n", "").replace("10020 open\n", "10020 open\n10022 open (error 113)\n");
    assert_eq!(
        reading(&odd),
        Reading::Open(vec![10_007, 10_020, 10_022, 10_031])
    );
}

#[test]
fn nothing_is_read_where_nothing_is_said() {
    for text in [
        "",
        "no open ports between 10000 and 10039\n",
        "Scanning 10000-10039\ndone in 10.1 s\n",
        "8000 open\n45678 open\n",
        &report("", "Scanning port #\n", "Scanning port #\n"),
        &report("", "", "# closed\n"),
    ] {
        assert_eq!(reading(text), Reading::Open(vec![]), "{text}");
    }
}

#[test]
fn a_port_that_is_both_open_and_closed_is_a_fault() {
    let mut text = String::new();
    for port in 10_000..10_040_u16 {
        if OPEN_PORTS.contains(&port) {
            text.push_str(&format!("port {port} is open\n"));
        }
        text.push_str(&format!("port {port} is closed\n"));
    }
    assert_eq!(reading(&text), Reading::Both(OPEN_PORTS.to_vec()));
}

#[test]
fn what_says_the_same_of_all_ports_cannot_be_read() {
    for (open, closed) in [("port #\n", "port #\n"), ("", "port #\n")] {
        let said = reading(&report("", open, closed));
        assert!(matches!(said, Reading::Unclear(_)), "{said:?}");
    }
}
