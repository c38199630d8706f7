//! The run as a file, in each form.

use std::fs;

use lab_journal::Journal;

use crate::{Pair, journal, saw_the_wire, segments, stdout};

/// The packets of a pcapng file: the bytes and the comment of each.
fn packets(file: &[u8]) -> Vec<(Vec<u8>, String)> {
    const ENHANCED_PACKET: usize = 6;
    let number = |at: usize| {
        let bytes = file[at..at + 4].try_into().expect("four bytes");
        usize::try_from(u32::from_le_bytes(bytes)).expect("a small number")
    };
    let (mut at, mut packets) = (0, Vec::new());
    while at < file.len() {
        let length = number(at + 4);
        assert_eq!(number(at + length - 4), length, "a block at {at}");
        if number(at) == ENHANCED_PACKET {
            let (data, kept) = (at + 28, number(at + 20));
            assert_eq!(number(at + 24), kept, "a whole packet");
            let option = data + kept.next_multiple_of(4);
            let comment = number(option) >> 16;
            let comment = String::from_utf8_lossy(&file[option + 4..option + 4 + comment]);
            packets.push((file[data..data + kept].to_vec(), comment.into_owned()));
        }
        at += length;
    }
    packets
}

#[test]
fn a_run_is_written_in_every_form_by_the_files_ending() {
    // Longer than what the journal keeps of a packet, and sent by two calls.
    let pair = Pair::new(
        "peer, _ = listener.accept()\nwhile peer.recv(65536): pass\n",
        "peer.sendall(b'a' * 3000)\npeer.sendall(b'b' * 3000)\n",
    );
    let file = |ending: &str| pair.folder.path().join(format!("a.{ending}"));
    let mut command = pair.command();
    for ending in ["html", "svg", "TXT", "json", "pcapng"] {
        command.arg("--out").arg(file(ending));
    }
    let output = command.output().expect("it runs");
    let run = journal(pair.folder.path());
    if !saw_the_wire(&run) {
        // Then there are no packets, and that is an error.
        let errors = String::from_utf8_lossy(&output.stderr).into_owned();
        assert!(errors.contains("no packets were captured"), "{errors}");
        return;
    }
    assert!(output.status.success(), "{output:?}");
    let text = |ending: &str| fs::read_to_string(file(ending)).expect("a file");
    assert_eq!(Journal::from_json(&text("json")).expect("a journal"), run);
    assert!(text("TXT").contains("send 3000"));
    assert!(text("svg").starts_with("<svg"));
    assert!(text("html").contains("In the kernel's queues"));

    let packets = packets(&fs::read(file("pcapng")).expect("a file"));
    assert_eq!(packets.len(), segments(&run).len());
    let mut carried: Vec<u8> = Vec::new();
    for ((packet, comment), segment) in packets.iter().zip(segments(&run)) {
        let length = usize::try_from(segment.length).expect("short");
        carried.extend(&packet[packet.len() - length..]);
        if length > 0 {
            assert!(comment.starts_with("client: send 3000"), "{comment}");
        }
    }
    assert_eq!(carried, [[b'a'; 3000], [b'b'; 3000]].concat());
}

#[test]
fn an_ending_without_a_form_is_told_before_anything_runs() {
    let pair = Pair::new("print('server')\n", "print('client')\n");
    for name in ["run.pdf", "run", ".html"] {
        let output = pair.command().arg("--out").arg(name).output();
        let output = output.expect("it runs");
        assert_eq!(output.status.code(), Some(1), "{name}");
        let errors = String::from_utf8_lossy(&output.stderr).into_owned();
        assert!(errors.contains("no form is known for --out"), "{errors}");
        assert_eq!(stdout(&output), "", "{name}");
    }
}
