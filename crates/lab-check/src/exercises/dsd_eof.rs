//! Distributed System Design, exercise 5: messages of any size that end with `<EOF>`.

use lab_judge::cases::tcp_client::{self, Client};
use lab_judge::cases::tcp_server::{self, Server};
use lab_judge::exercise::{Case, Exercise, Host, Kind, Role};
use lab_judge::misconceptions::{self as m, Misconception};
use lab_judge::peers::tcp::{Connection, Heard, HeardEnd, Taken, find};
use lab_judge::ports::Protocol;
use lab_judge::stage::Stage;
use lab_judge::steps;
use lab_judge::verdict::{Step, differs, undecided, wrong};

const TOKEN: &[u8] = b"<EOF>";
const BEFORE: &[u8] = b"I got \"";
const AFTER: &[u8] = b"\" from you and I am sending it back.";
/// A mebibyte: far more than any buffer on the way holds, and quick for a program that is not quadratic.
const LARGE: usize = 1024 * 1024;

/// How long a long answer is, in bytes, and the case about it. The question is as long and stands on a command line: Linux takes
/// 128 KiB for a word of it, Windows 32,767 characters for all of it (CreateProcessW).
const LARGE_ANSWER: (usize, &str) = if cfg!(windows) {
    (24 * 1024, "takes an answer of 24 KiB")
} else {
    (100 * 1024, "takes an answer of 100 KiB")
};

pub static EXERCISE: Exercise = Exercise {
    name: "dsd-eof",
    roles: &[
        Role {
            kind: Kind::Server,
            package: "dsd-eof-server",
            arguments: "--host {host} --port {port}",
            host: Host::Loopback,
            port: 65432,
            protocol: Protocol::Tcp,
            cases: SERVER,
            remark: "",
        },
        Role {
            kind: Kind::Client,
            package: "dsd-eof-client",
            arguments: "--host {host} --port {port} {message}",
            host: Host::Loopback,
            port: 65432,
            protocol: Protocol::Tcp,
            cases: CLIENT,
            remark: "",
        },
    ],
};

/// Either side, for the cases that many exercises share.
struct Eof;

impl Server for Eof {
    const CLOSES: &'static [&'static str] = &["goes-on", "half-close"];

    fn serves(stage: &mut Stage<'_>, client: &mut Connection) -> Step {
        Chat::of(&["hello"])
            .whole()
            .play(stage, client, &m::NO_ANSWER)
    }
}

impl Client for Eof {
    const MESSAGE: &'static str = "hello";

    fn meets(stage: &mut Stage<'_>) -> Step<Connection> {
        meet(stage, Self::MESSAGE).map(|(server, _)| server)
    }
}

static SERVER: &[Case] = &[
    Case {
        id: "whole",
        name: "answers a message that arrives whole",
        rests_on: &[],
        play: |stage| {
            let mut client = stage.serve()?;
            Chat::of(&["hello"])
                .whole()
                .play(stage, &mut client, &m::NO_ANSWER)
        },
    },
    tcp_server::goes_on::<Eof>(),
    Case {
        id: "several",
        name: "answers several messages on one connection, one after the other",
        rests_on: &["whole"],
        play: |stage| {
            let mut client = stage.serve()?;
            for text in ["one", "two", "three"] {
                Chat::of(&[text])
                    .whole()
                    .play(stage, &mut client, &m::CLOSES_EARLY)?;
            }
            Ok(())
        },
    },
    Case {
        id: "same-text",
        name: "gives the text back as it is, with its white space, quotes and line ends",
        rests_on: &["several"],
        play: |stage| {
            let mut client = stage.serve()?;
            for text in [
                "  two blanks before, a tab after\t",
                "a \"quoted\" word",
                "two\r\nlines\n",
                "<eof> EOF",
            ] {
                Chat::of(&[text])
                    .whole()
                    .play(stage, &mut client, &m::CHANGES_TEXT)?;
            }
            Ok(())
        },
    },
    Case {
        id: "byte-by-byte",
        name: "waits for the end of a message that arrives one byte at a time",
        rests_on: &["whole"],
        play: |stage| {
            let mut client = stage.serve()?;
            Chat::of(&["hello"])
                .pieces_of(1)
                .play(stage, &mut client, &m::TOKEN_ON_PIECE)
        },
    },
    Case {
        id: "cut-text",
        name: "puts together a message that is cut in the middle",
        rests_on: &["whole"],
        play: |stage| {
            let mut client = stage.serve()?;
            let at = stage.random.usize(1..10);
            Chat::of(&["hello world"])
                .cut_at(&[at])
                .play(stage, &mut client, &m::ONE_RECV)
        },
    },
    Case {
        id: "cut-token",
        name: "finds the end mark wherever it is cut in two",
        rests_on: &["several", "cut-text"],
        play: |stage| {
            let mut client = stage.serve()?;
            for inside in 1..TOKEN.len() {
                Chat::of(&["hello"]).cut_at(&[5 + inside]).play(
                    stage,
                    &mut client,
                    &m::TOKEN_ON_PIECE,
                )?;
            }
            Ok(())
        },
    },
    Case {
        id: "overlap",
        name: "is not misled by half an end mark before the whole one",
        rests_on: &["several"],
        play: |stage| {
            let mut client = stage.serve()?;
            Chat::of(&["a<E"])
                .whole()
                .play(stage, &mut client, &m::FALSE_START)?;
            Chat::of(&["<<EOF"])
                .whole()
                .play(stage, &mut client, &m::FALSE_START)?;
            Chat::of(&["a<EO<"])
                .cut_at(&[4])
                .play(stage, &mut client, &m::FALSE_START)
        },
    },
    Case {
        id: "two-in-one",
        name: "answers both of two messages that arrive together",
        rests_on: &["several"],
        play: |stage| {
            let mut client = stage.serve()?;
            Chat::of(&["first", "second"])
                .whole()
                .play(stage, &mut client, &m::LOSES_REST)
        },
    },
    Case {
        id: "one-and-a-half",
        name: "keeps the beginning of the next message that came with the end of the last",
        rests_on: &["several", "cut-text"],
        play: |stage| {
            let mut client = stage.serve()?;
            // The answer to the first has to come before the rest of the second is sent.
            let first = frame("first");
            let taken = client.send(&[first.as_slice(), b"sec"].concat());
            stage.must_take(taken, &m::ENDSWITH)?;
            let heard = client.hear(&answer("first"));
            judge(stage, &[], &["first"], &heard, &m::ENDSWITH)?;
            let taken = client.send(b"ond<EOF>");
            stage.must_take(taken, &m::LOSES_REST)?;
            let heard = client.hear(&answer("second"));
            judge(stage, &[], &["second"], &heard, &m::LOSES_REST)
        },
    },
    Case {
        id: "exact-buffer",
        name: "answers messages that fill a buffer of 1,024 bytes exactly",
        rests_on: &["several"],
        play: |stage| {
            let mut client = stage.serve()?;
            for size in [1024, 2048, 4096] {
                // With its end mark the message is that long.
                let text = steps::filler_text(stage, size - TOKEN.len());
                Chat::of(&[&text])
                    .whole()
                    .play(stage, &mut client, &m::FULL_BUFFER)?;
                // Its text alone is that long, and the mark comes by itself.
                let text = steps::filler_text(stage, size);
                Chat::of(&[&text])
                    .cut_at(&[size])
                    .play(stage, &mut client, &m::FULL_BUFFER)?;
            }
            Ok(())
        },
    },
    Case {
        id: "cut-character",
        name: "puts a character together that is cut in two",
        rests_on: &["whole", "cut-text"],
        play: |stage| {
            let mut client = stage.serve()?;
            // 2, 3 and 4 bytes a character, cut inside each.
            Chat::of(&["é日𝄞"]).cut_at(&[1, 3, 4, 6, 7, 8]).play(
                stage,
                &mut client,
                &m::DECODES_PIECES,
            )
        },
    },
    Case {
        id: "large",
        name: "answers a message of a mebibyte, whole",
        rests_on: &["whole", "cut-text"],
        play: |stage| {
            let mut client = stage.serve()?;
            let text = steps::filler_text(stage, LARGE);
            Chat::of(&[&text])
                .beside()
                .play(stage, &mut client, &m::FIXED_LIMIT)
        },
    },
    Case {
        id: "half-close",
        name: "still answers a client that has ended its own direction",
        rests_on: &["whole"],
        play: |stage| {
            let mut client = stage.serve()?;
            let taken = client.send(&frame("last words"));
            stage.must_take(taken, &m::NO_ANSWER)?;
            client.finish_sending();
            let heard = client.hear(&answer("last words"));
            judge(stage, &[], &["last words"], &heard, &m::CLOSES_EARLY)?;
            let end = client.hear_end(64);
            steps::must_close(stage, &end)
        },
    },
    Case {
        id: "half-a-message",
        name: "goes on when a client leaves in the middle of a message",
        rests_on: &["goes-on"],
        play: |stage| {
            let mut client = stage.serve()?;
            let taken = client.send_apart(&[b"half a mess"]);
            stage.must_take(taken, &m::CLOSES_EARLY)?;
            client.close();
            steps::still_serves(stage, &m::DIES_ON_HALF, Eof::serves)
        },
    },
    Case {
        id: "reset",
        name: "goes on when a client breaks its connection off",
        rests_on: &["goes-on"],
        play: |stage| {
            let mut client = stage.serve()?;
            let taken = client.send_apart(&[b"half a mess"]);
            stage.must_take(taken, &m::CLOSES_EARLY)?;
            client.reset();
            steps::still_serves(stage, &m::DIES_ON_RESET, Eof::serves)
        },
    },
    Case {
        id: "bytes",
        name: "survives bytes that are no text",
        rests_on: &["goes-on"],
        play: |stage| {
            let mut client = stage.serve()?;
            let taken = client.send(b"\xff\xfe\x00\x80<EOF>");
            stage.must_take(taken, &m::DIES_ON_BYTES)?;
            let heard = client.hear_until(TOKEN, 4096);
            if heard.end != HeardEnd::Complete {
                stage.note("bytes that are no UTF-8 get no answer; the sheet leaves open which they should get");
            }
            client.close();
            steps::still_serves(stage, &m::DIES_ON_BYTES, Eof::serves)
        },
    },
    Case {
        id: "connect-and-leave",
        name: "goes on when clients connect and say nothing",
        rests_on: &["goes-on"],
        play: |stage| {
            stage.serve()?.close();
            stage.connect()?.reset();
            stage.connect()?.close();
            steps::still_serves(stage, &m::DIES_ON_RESET, Eof::serves)
        },
    },
    Case {
        id: "side-by-side",
        name: "serves clients side by side: a silent one holds up nobody",
        rests_on: &["goes-on"],
        play: |stage| {
            let mut clients = vec![stage.serve()?];
            for _ in 0..4 {
                clients.push(stage.connect()?);
            }
            // Answered in reverse order: one after the other, in whichever order, would not do.
            for (number, client) in clients.iter_mut().enumerate().rev() {
                let text = format!("client {}", number + 1);
                Chat::of(&[&text])
                    .whole()
                    .play(stage, client, &m::BLOCKS_ALL)?;
            }
            Ok(())
        },
    },
    tcp_server::many::<Eof>(),
    Case {
        id: "at-rest",
        name: "rests while nobody says anything, also after clients have left",
        rests_on: &["goes-on"],
        play: |stage| {
            let mut leaves = stage.serve()?;
            Chat::of(&["hello"])
                .whole()
                .play(stage, &mut leaves, &m::NO_ANSWER)?;
            let mut half = stage.connect()?;
            half.send_apart(&[b"half a mess"]);
            half.finish_sending();
            leaves.close();
            steps::at_rest(stage)
        },
    },
    tcp_server::restart::<Eof>(),
];

static CLIENT: &[Case] = &[
    Case {
        id: "sends",
        name: "connects and sends a message that ends with <EOF>",
        rests_on: &[],
        play: |stage| {
            let (mut server, _) = meet(stage, "hello")?;
            server.send(b"thanks<EOF>");
            Ok(())
        },
    },
    Case {
        id: "prints",
        name: "prints the server's answer",
        rests_on: &["sends"],
        play: |stage| told(stage, "an answer", &Cut::Whole, &m::NOT_PRINTED),
    },
    Case {
        id: "answer-byte-by-byte",
        name: "puts together an answer that arrives one byte at a time",
        rests_on: &["prints"],
        play: |stage| {
            told(
                stage,
                "an answer in pieces",
                &Cut::Bytes,
                &m::TOKEN_ON_PIECE,
            )
        },
    },
    Case {
        id: "answer-cut-token",
        name: "finds the end mark of an answer wherever it is cut in two",
        rests_on: &["prints"],
        play: |stage| told(stage, "cut", &Cut::At(&[5]), &m::TOKEN_ON_PIECE),
    },
    Case {
        id: "answer-cut-character",
        name: "puts a character of the answer together that is cut in two",
        rests_on: &["prints", "answer-byte-by-byte"],
        play: |stage| {
            told(
                stage,
                "é日𝄞",
                &Cut::At(&[1, 3, 4, 6, 7, 8]),
                &m::DECODES_PIECES,
            )
        },
    },
    Case {
        id: "answer-exact-buffer",
        name: "takes an answer of exactly 1,024 bytes",
        rests_on: &["prints"],
        play: |stage| {
            let text = steps::filler_text(stage, 1024 - TOKEN.len());
            told(stage, &text, &Cut::Whole, &m::FULL_BUFFER)
        },
    },
    Case {
        id: "answer-large",
        name: LARGE_ANSWER.1,
        rests_on: &["prints", "answer-byte-by-byte"],
        play: |stage| {
            // Below the 64 KiB at either end that are kept of a program's output. A client may refuse an answer that is far longer
            // than its question: so the question is that long, where it can be chosen.
            let text = steps::filler_text(stage, LARGE_ANSWER.0);
            let message = if stage.chooses_message() {
                text.as_str()
            } else {
                ""
            };
            told_about(stage, message, &text, &Cut::Whole, &m::FIXED_LIMIT)
        },
    },
    Case {
        id: "server-leaves",
        name: "ends when the server leaves in the middle of its answer",
        rests_on: &["sends"],
        play: |stage| {
            let (mut server, _) = meet(stage, "hello")?;
            server.send_apart(&[b"half an ans"]);
            server.close();
            steps::ends_with_failure(
                stage,
                "after the server had left in the middle of its answer",
            )
        },
    },
    tcp_client::server_resets::<Eof>(&["sends"]),
    tcp_client::no_server::<Eof>(&["sends"]),
    Case {
        id: "message-characters",
        name: "sends a message with characters outside ASCII as UTF-8",
        rests_on: &["sends"],
        play: |stage| {
            if !stage.chooses_message() {
                stage.note("the command has no {message}, so the check could not choose what the program sends");
                return Ok(());
            }
            let (mut server, message) = meet(stage, "é日𝄞 <EO F>")?;
            let expected = "é日𝄞 <EO F>".as_bytes();
            if message != expected {
                return Err(differs(
                    &m::WRONG_ANSWER,
                    "The message differs from the one on the command line.",
                    expected,
                    &message,
                ));
            }
            server.send(b"thanks<EOF>");
            Ok(())
        },
    },
];

/// The text with the end mark.
fn frame(text: &str) -> Vec<u8> {
    [text.as_bytes(), TOKEN].concat()
}

/// What the server has to answer.
fn answer(text: &str) -> Vec<u8> {
    [BEFORE, text.as_bytes(), AFTER, TOKEN].concat()
}

/// Messages that are sent at once, and how their bytes are cut.
struct Chat<'a> {
    texts: Vec<&'a str>,
    cuts: Vec<usize>,
    beside: bool,
}

impl<'a> Chat<'a> {
    fn of(texts: &[&'a str]) -> Self {
        Chat {
            texts: texts.to_vec(),
            cuts: Vec::new(),
            beside: false,
        }
    }

    fn whole(self) -> Self {
        self
    }

    fn pieces_of(mut self, size: usize) -> Self {
        self.cuts = (size..self.bytes().len()).step_by(size).collect();
        self
    }

    fn cut_at(mut self, cuts: &[usize]) -> Self {
        self.cuts = cuts.to_vec();
        self
    }

    /// Sent by a thread of its own, for what no buffer holds.
    fn beside(mut self) -> Self {
        self.beside = true;
        self
    }

    fn bytes(&self) -> Vec<u8> {
        self.texts.iter().flat_map(|text| frame(text)).collect()
    }

    /// Sends the messages and judges the answers. The suspect is who did it when there is no better sign.
    fn play(
        self,
        stage: &mut Stage<'_>,
        client: &mut Connection,
        suspect: &'static Misconception,
    ) -> Step {
        let bytes = self.bytes();
        let expected: Vec<u8> = self.texts.iter().flat_map(|text| answer(text)).collect();
        if self.beside {
            let sender = client
                .send_beside(bytes)
                .map_err(|error| undecided("cannot send", &error))?;
            let heard = client.hear(&expected);
            let taken = sender.join().unwrap_or(Taken::Gone);
            judge(stage, &self.cuts, &self.texts, &heard, suspect)?;
            return stage.must_take(taken, suspect);
        }
        let pieces = steps::cut(&bytes, &self.cuts);
        // A server that hangs up in between has answered something: what it was says more than the broken send.
        let taken = client.send_apart(&pieces);
        let heard = client.hear(&expected);
        if heard.bytes.is_empty() && heard.end != HeardEnd::Complete {
            stage.must_take(taken, suspect)?;
        }
        // Only where it matters: it costs a look at all connections of the machine.
        let accepted = (heard.end == HeardEnd::Silence)
            .then(|| client.accepted())
            .flatten();
        judge_of(stage, &self.cuts, &self.texts, &heard, suspect, accepted)
    }
}

/// What answers mean that are not the expected ones.
fn judge(
    stage: &mut Stage<'_>,
    cuts: &[usize],
    texts: &[&str],
    heard: &Heard,
    suspect: &'static Misconception,
) -> Step {
    judge_of(stage, cuts, texts, heard, suspect, None)
}

fn judge_of(
    stage: &mut Stage<'_>,
    cuts: &[usize],
    texts: &[&str],
    heard: &Heard,
    suspect: &'static Misconception,
    accepted: Option<bool>,
) -> Step {
    let expected: Vec<u8> = texts.iter().flat_map(|text| answer(text)).collect();
    if heard.end == HeardEnd::Complete && heard.bytes == expected {
        return Ok(());
    }
    let (mistake, summary) = diagnose(stage, cuts, texts, heard, &expected, suspect, accepted);
    Err(differs(mistake, summary, &expected, &heard.bytes))
}

fn diagnose(
    stage: &mut Stage<'_>,
    cuts: &[usize],
    texts: &[&str],
    heard: &Heard,
    expected: &[u8],
    suspect: &'static Misconception,
    accepted: Option<bool>,
) -> (&'static Misconception, String) {
    let got = heard.bytes.as_slice();
    let ending = stage.ending(heard.end);
    if got.is_empty() {
        if suspect.id == m::NO_ANSWER.id
            && heard.end == HeardEnd::Silence
            && accepted == Some(false)
        {
            return (
                &m::NEVER_ACCEPTS,
                format!(
                    "The client is connected, but was never accepted: no answer came, {ending}."
                ),
            );
        }
        return match heard.end {
            HeardEnd::Closed | HeardEnd::Reset if suspect.id == m::NO_ANSWER.id => {
                (&m::CLOSES_EARLY, format!("No answer came, {ending}."))
            }
            _ => (suspect, format!("No answer came, {ending}.")),
        };
    }
    // Whole answers that are right, and where the first that is not begins.
    let mut right = 0;
    let mut at = 0;
    while right < texts.len() && got[at..].starts_with(&answer(texts[right])) {
        at += answer(texts[right]).len();
        right += 1;
    }
    let rest = &got[at..];
    if right == texts.len() {
        return (
            &m::EXTRA_BYTES,
            format!("After the answer {} more bytes came.", rest.len()),
        );
    }
    if rest.is_empty() {
        return (
            suspect,
            format!("{right} of {} answers came, {ending}.", texts.len()),
        );
    }
    if let Some(skipped) = find(&rest[..rest.len().min(64)], BEFORE)
        && skipped > 0
    {
        return (
            &m::EXTRA_BYTES,
            format!("Before this answer {skipped} bytes came that nobody asked for."),
        );
    }
    if let Some(inner) = rest.strip_prefix(BEFORE)
        && let Some(diagnosis) = diagnose_quote(inner, cuts, texts, right, heard.end)
    {
        return diagnosis;
    }
    let parting = expected.iter().zip(got).take_while(|(a, b)| a == b).count();
    if rest.starts_with(BEFORE) && suspect.id == m::CHANGES_TEXT.id {
        return (suspect, "The text comes back changed.".to_string());
    }
    match heard.end {
        HeardEnd::Differs if expected[..parting].ends_with(AFTER) => (
            &m::WRONG_ANSWER,
            "The answer does not end with <EOF>: its reader cannot know where it ends.".to_string(),
        ),
        HeardEnd::Differs => (
            &m::WRONG_ANSWER,
            format!("The answer differs from byte {parting} on."),
        ),
        _ if expected[..parting].ends_with(AFTER) => (
            &m::WRONG_ANSWER,
            format!("The answer does not end with <EOF>: {ending}."),
        ),
        _ => (
            suspect,
            format!(
                "{parting} of {} bytes of the answer came, {ending}.",
                expected.len()
            ),
        ),
    }
}

/// The mistake behind a wrong quote: `inner` follows [`BEFORE`] in the answer to message `right`.
fn diagnose_quote(
    inner: &[u8],
    cuts: &[usize],
    texts: &[&str],
    right: usize,
    end: HeardEnd,
) -> Option<(&'static Misconception, String)> {
    let text = texts[right].as_bytes();
    let sent_before: usize = texts[..right].iter().map(|text| frame(text).len()).sum();
    let whole = text.len() + TOKEN.len();
    let quoted = find(inner, AFTER).map(|end| &inner[..end]);
    if let Some(quoted) = quoted
        && quoted.len() < text.len()
        && !quoted.is_empty()
        && text.ends_with(quoted)
    {
        let (kept, all) = (quoted.len(), text.len());
        let summary = format!(
            "Only the last {kept} of {all} bytes of the message are quoted: what came before them was thrown away."
        );
        return Some((&m::LOSES_REST, summary));
    }
    if quoted.is_some_and(<[u8]>::is_empty) && !text.is_empty() {
        let summary =
            "An answer to nothing came: an end mark that arrived alone was taken for a message.";
        return Some((&m::ONE_RECV, summary.to_string()));
    }
    let alike = inner.iter().zip(text).take_while(|(a, b)| a == b).count();
    // What follows the part of the text that is right.
    let after = &inner[alike..];
    let end_of_answer = after.starts_with(b"\"") && alike < text.len() && text[alike] != b'"';
    if end_of_answer && cuts.contains(&(sent_before + alike)) {
        let summary = format!(
            "Answered after {alike} of {whole} bytes: this takes one recv for one message."
        );
        return Some((&m::ONE_RECV, summary));
    }
    if end_of_answer && alike % 1024 == 0 && alike > 0 {
        let summary = format!("Answered after {alike} of {whole} bytes, the size of one recv.");
        return Some((&m::ONE_RECV, summary));
    }
    if let Some(next) = texts.get(right + 1)
        && alike == text.len()
        && after.starts_with(next.as_bytes())
    {
        let summary = "One answer quotes two messages, which arrived with one recv.";
        return Some((&m::ONE_RECV, summary.to_string()));
    }
    if alike == text.len() && after.starts_with(TOKEN) {
        let summary = "The answer quotes the end mark of the first message and what came after it: two messages were taken for one.";
        return Some((&m::ENDSWITH, summary.to_string()));
    }
    if alike == text.len() && TOKEN.first() == after.first() {
        let summary = "The answer quotes a part of the end mark: a mark that was cut in two was taken for text.";
        return Some((&m::TOKEN_ON_PIECE, summary.to_string()));
    }
    let breaks_a_character = after.starts_with("\u{fffd}".as_bytes())
        || (!texts[right].is_ascii() && find(after, b"\"").is_some() && end == HeardEnd::Differs);
    breaks_a_character.then(|| {
        let summary = format!(
            "The character at byte {alike} of the text is broken: it arrived in two pieces."
        );
        (&m::DECODES_PIECES, summary)
    })
}

/// Starts the client under test and hears its message to the end mark; gives the message without it.
fn meet(stage: &mut Stage<'_>, message: &str) -> Step<(Connection, Vec<u8>)> {
    let listener = stage.listen()?;
    stage.start(message)?;
    let mut server = stage.accept(&listener)?;
    let heard = server.hear_until(TOKEN, 16 * 1024 * 1024);
    if heard.end != HeardEnd::Complete || !heard.bytes.ends_with(TOKEN) {
        let ending = stage.ending(heard.end);
        return Err(wrong(
            &m::WRONG_ANSWER,
            format!(
                "{} bytes came without the end mark <EOF>, {ending}.",
                heard.bytes.len()
            ),
        ));
    }
    let text = heard.bytes[..heard.bytes.len() - TOKEN.len()].to_vec();
    if stage.chooses_message() && message.is_ascii() && text != message.as_bytes() {
        return Err(differs(
            &m::WRONG_ANSWER,
            "The message differs from the one on the command line.",
            &frame(message),
            &heard.bytes,
        ));
    }
    Ok((server, text))
}

/// How an answer to the client under test is cut.
enum Cut {
    Whole,
    Bytes,
    At(&'static [usize]),
}

/// Answers the client under test; it has to print the answer.
fn told(stage: &mut Stage<'_>, text: &str, cut: &Cut, suspect: &'static Misconception) -> Step {
    told_about(stage, "hello", text, cut, suspect)
}

fn told_about(
    stage: &mut Stage<'_>,
    message: &str,
    text: &str,
    cut: &Cut,
    suspect: &'static Misconception,
) -> Step {
    let (mut server, _) = meet(stage, message)?;
    let bytes = frame(text);
    let cuts: Vec<usize> = match *cut {
        Cut::Whole => Vec::new(),
        Cut::Bytes => (1..bytes.len()).collect(),
        Cut::At(cuts) => cuts.to_vec(),
    };
    server.send_apart(&steps::cut(&bytes, &cuts));
    steps::must_print(stage, text.as_bytes(), &cuts, suspect)?;
    server.finish_sending();
    let ended = stage.ends("after its answer had come")?;
    steps::note_exit_code(stage, ended);
    Ok(())
}
