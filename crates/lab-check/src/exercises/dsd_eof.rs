//! Distributed System Design, exercise 5, in one file: messages of any size that end with `<EOF>`.

use lab_judge::cases::tcp_client::{self, Client};
use lab_judge::cases::tcp_server::{self, Server};
use lab_judge::exercise::{Case, Exercise, Host, Kind, Role};
use lab_judge::harness::Harness;
use lab_judge::misconceptions::{self as m, Misconception};
use lab_judge::peers::tcp::{Connection, ReadEnd, Received, SendOutcome, find};
use lab_judge::ports::Protocol;
use lab_judge::steps;
use lab_judge::verdict::{Step, differs, undecided, wrong};

const TOKEN: &[u8] = b"<EOF>";
const BEFORE: &[u8] = b"I got \"";
const AFTER: &[u8] = b"\" from you and I am sending it back.";
/// A mebibyte: far more than any buffer on the way holds, and quick unless quadratic.
const LARGE: usize = 1024 * 1024;

/// How long a long answer is, in bytes, and the case about it. The
/// question is as long and is on a command line: Linux takes 128 KiB for a
/// word of it, Windows 32,767 characters for all of it (CreateProcessW).
const LARGE_ANSWER: (usize, &str) = if cfg!(windows) {
    (24 * 1024, "takes an answer of 24 KiB")
} else {
    (100 * 1024, "takes an answer of 100 KiB")
};

#[path = "sheets/dsd_eof.rs"]
mod sheet;

pub static EXERCISE: Exercise = Exercise {
    name: "dsd-eof",
    roles: &[
        Role {
            kind: Kind::Server,
            package: "dsd-eof-server",
            arguments: "--host {host} --port {port}",
            message: "",
            host: Host::Loopback,
            port: 65432,
            protocol: Protocol::Tcp,
            cases: SERVER,
            sheet: sheet::SERVER,
            remark: "",
        },
        Role {
            kind: Kind::Client,
            package: "dsd-eof-client",
            arguments: "--host {host} --port {port} {message}",
            message: "hello",
            host: Host::Loopback,
            port: 65432,
            protocol: Protocol::Tcp,
            cases: CLIENT,
            sheet: sheet::CLIENT,
            remark: "",
        },
    ],
};

/// Either side, for the cases that many exercises share.
struct Eof;

impl Server for Eof {
    const CLOSES: &'static [&'static str] = &["goes-on", "half-close"];

    fn serves(harness: &mut Harness<'_>, client: &mut Connection) -> Step {
        Chat::of(&["hello"])
            .whole()
            .play(harness, client, &m::NO_ANSWER)
    }
}

impl Client for Eof {
    fn meets(harness: &mut Harness<'_>) -> Step<Connection> {
        meet(harness, "").map(|(server, _)| server)
    }
}

static SERVER: &[Case] = &[
    Case {
        id: "whole",
        name: "answers a message that arrives whole",
        depends_on: &[],
        play: |harness| {
            let mut client = harness.serve()?;
            Eof::serves(harness, &mut client)
        },
    },
    tcp_server::goes_on::<Eof>(),
    Case {
        id: "several",
        name: "answers several messages on one connection, one after the other",
        depends_on: &["whole"],
        play: |harness| {
            let mut client = harness.serve()?;
            for text in ["one", "two", "three"] {
                Chat::of(&[text])
                    .whole()
                    .play(harness, &mut client, &m::CLOSES_EARLY)?;
            }
            Ok(())
        },
    },
    Case {
        id: "same-text",
        name: "gives the text back as it is, with its white space, quotes and line ends",
        depends_on: &["several"],
        play: |harness| {
            let mut client = harness.serve()?;
            for text in [
                "  two blanks before, a tab after\t",
                "a \"quoted\" word",
                "two\r\nlines\n",
                "<eof> EOF",
            ] {
                Chat::of(&[text])
                    .whole()
                    .play(harness, &mut client, &m::CHANGES_TEXT)?;
            }
            Ok(())
        },
    },
    Case {
        id: "byte-by-byte",
        name: "waits for the end of a message that arrives one byte at a time",
        depends_on: &["several"],
        play: |harness| {
            let mut client = harness.serve()?;
            Chat::of(&["hello"])
                .pieces_of(1)
                .play(harness, &mut client, &m::TOKEN_ON_PIECE)
        },
    },
    Case {
        id: "cut-text",
        name: "puts together a message that is cut in the middle",
        depends_on: &["whole"],
        play: |harness| {
            let mut client = harness.serve()?;
            let at = harness.random.usize(1..10);
            Chat::of(&["hello world"])
                .cut_at(&[at])
                .play(harness, &mut client, &m::ONE_RECV)
        },
    },
    Case {
        id: "cut-token",
        name: "finds the end mark wherever it is cut in two",
        depends_on: &["several", "cut-text"],
        play: |harness| {
            let mut client = harness.serve()?;
            for inside in 1..TOKEN.len() {
                Chat::of(&["hello"]).cut_at(&[5 + inside]).play(
                    harness,
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
        depends_on: &["several"],
        play: |harness| {
            let mut client = harness.serve()?;
            Chat::of(&["a<E"])
                .whole()
                .play(harness, &mut client, &m::FALSE_START)?;
            Chat::of(&["<<EOF"])
                .whole()
                .play(harness, &mut client, &m::FALSE_START)?;
            Chat::of(&["a<EO<"])
                .cut_at(&[4])
                .play(harness, &mut client, &m::FALSE_START)
        },
    },
    Case {
        id: "two-in-one",
        name: "answers both of two messages that arrive together",
        depends_on: &["several"],
        play: |harness| {
            let mut client = harness.serve()?;
            Chat::of(&["first", "second"])
                .whole()
                .play(harness, &mut client, &m::LOSES_REST)
        },
    },
    Case {
        id: "one-and-a-half",
        name: "keeps the beginning of the next message that came with the end of the last",
        depends_on: &["several", "cut-text"],
        play: |harness| {
            let mut client = harness.serve()?;
            // The answer to the first has to come before the rest of the second is sent.
            let first = frame("first");
            let taken = client.send(&[first.as_slice(), b"sec"].concat());
            harness.must_take(taken, &m::ENDSWITH)?;
            let received = client.read(&answer("first"));
            judge(harness, &[], &["first"], &received, &m::ENDSWITH)?;
            let taken = client.send(b"ond<EOF>");
            harness.must_take(taken, &m::LOSES_REST)?;
            let received = client.read(&answer("second"));
            judge(harness, &[], &["second"], &received, &m::LOSES_REST)
        },
    },
    Case {
        id: "exact-buffer",
        name: "answers messages that fill a buffer of 1,024 bytes exactly",
        depends_on: &["several"],
        play: |harness| {
            let mut client = harness.serve()?;
            let exact = [1024, 2048, 4096].iter().try_for_each(|size| {
                // With its end mark the message is that long.
                let text = steps::filler_text(harness, size - TOKEN.len());
                let whole = Chat::of(&[&text]).whole();
                whole.play(harness, &mut client, &m::FULL_BUFFER)?;
                // Its text alone is that long, and the mark comes by itself.
                let text = steps::filler_text(harness, *size);
                let cut = Chat::of(&[&text]).cut_at(&[*size]);
                cut.play(harness, &mut client, &m::FULL_BUFFER)
            });
            steps::full_or_limited(harness, exact, |harness, next, text| {
                let longer = Chat::of(&[text]).whole();
                longer.play(harness, next, &m::FIXED_LIMIT)
            })
        },
    },
    Case {
        id: "cut-character",
        name: "puts together a character that is cut in two",
        depends_on: &["whole", "cut-text"],
        play: |harness| {
            let mut client = harness.serve()?;
            // 2, 3 and 4 bytes a character, cut inside each.
            Chat::of(&["é日𝄞"]).cut_at(&[1, 3, 4, 6, 7, 8]).play(
                harness,
                &mut client,
                &m::DECODES_PIECES,
            )
        },
    },
    Case {
        id: "large",
        name: "answers a message of a mebibyte, whole",
        depends_on: &["whole", "cut-text"],
        play: |harness| {
            let mut client = harness.serve()?;
            let text = steps::filler_text(harness, LARGE);
            Chat::of(&[&text])
                .beside()
                .play(harness, &mut client, &m::FIXED_LIMIT)
        },
    },
    Case {
        id: "half-close",
        name: "still answers a client that has ended its own direction",
        depends_on: &["whole"],
        play: |harness| {
            let mut client = harness.serve()?;
            let taken = client.send(&frame("last words"));
            harness.must_take(taken, &m::NO_ANSWER)?;
            client.finish_sending();
            let received = client.read(&answer("last words"));
            judge(harness, &[], &["last words"], &received, &m::CLOSES_EARLY)?;
            let end = client.read_end();
            steps::must_close(harness, &end)
        },
    },
    Case {
        id: "half-a-message",
        name: "keeps running when a client leaves in the middle of a message",
        depends_on: &["goes-on"],
        play: |harness| {
            let mut client = harness.serve()?;
            let taken = client.send_apart(&[b"half a mess"]);
            harness.must_take(taken, &m::CLOSES_EARLY)?;
            client.close();
            steps::still_serves(harness, &m::DIES_ON_HALF, Eof::serves)
        },
    },
    Case {
        id: "reset",
        name: "keeps running when a client resets its connection",
        depends_on: &["goes-on"],
        play: |harness| {
            let mut client = harness.serve()?;
            let taken = client.send_apart(&[b"half a mess"]);
            harness.must_take(taken, &m::CLOSES_EARLY)?;
            client.reset();
            steps::still_serves(harness, &m::DIES_ON_RESET, Eof::serves)
        },
    },
    Case {
        id: "bytes",
        name: "survives bytes that are not text",
        depends_on: &["goes-on"],
        play: |harness| {
            let mut client = harness.serve()?;
            let taken = client.send(b"\xff\xfe\x00\x80<EOF>");
            harness.must_take(taken, &m::DIES_ON_BYTES)?;
            let received = client.read_until(TOKEN, 4096);
            if received.end != ReadEnd::Complete {
                harness.note("bytes that are not valid UTF-8 get no answer; the sheet leaves open which they should get");
            }
            client.close();
            steps::still_serves(harness, &m::DIES_ON_BYTES, Eof::serves)
        },
    },
    Case {
        id: "connect-and-leave",
        name: "keeps running when clients connect and say nothing",
        depends_on: &["goes-on"],
        play: |harness| {
            harness.serve()?.close();
            steps::still_serves(harness, &m::DIES_ON_EMPTY, Eof::serves)?;
            harness.connect()?.reset();
            // A server that the reset has ended may be gone by now, or later.
            steps::blaming(&m::DIES_ON_RESET, harness.connect())?.close();
            steps::still_serves(harness, &m::DIES_ON_RESET, Eof::serves)
        },
    },
    Case {
        id: "side-by-side",
        name: "serves clients side by side: a silent one does not delay the others",
        depends_on: &["goes-on"],
        play: |harness| {
            let mut clients = vec![harness.serve()?];
            for _ in 0..4 {
                clients.push(harness.connect()?);
            }
            // Answered in reverse order: one after the other, in whichever order, would not do.
            for (number, client) in clients.iter_mut().enumerate().rev() {
                let text = format!("client {}", number + 1);
                Chat::of(&[&text])
                    .whole()
                    .play(harness, client, &m::BLOCKS_ALL)?;
            }
            Ok(())
        },
    },
    tcp_server::many::<Eof>(),
    Case {
        id: "at-rest",
        name: "uses no CPU while no client says anything, also after clients have left",
        depends_on: &["goes-on"],
        play: |harness| {
            let mut leaves = harness.serve()?;
            Chat::of(&["hello"])
                .whole()
                .play(harness, &mut leaves, &m::NO_ANSWER)?;
            let mut half = harness.connect()?;
            half.send_apart(&[b"half a mess"]);
            half.finish_sending();
            leaves.close();
            steps::at_rest(harness)
        },
    },
    tcp_server::restart::<Eof>(),
];

static CLIENT: &[Case] = &[
    Case {
        id: "sends",
        name: "connects and sends a message that ends with <EOF>",
        depends_on: &[],
        play: |harness| {
            let (mut server, _) = meet(harness, "hello")?;
            server.send(b"thanks<EOF>");
            Ok(())
        },
    },
    Case {
        id: "prints",
        name: "prints the server's answer",
        depends_on: &["sends"],
        play: |harness| told(harness, "an answer", &Cut::Whole, &m::NOT_PRINTED),
    },
    Case {
        id: "answer-byte-by-byte",
        name: "puts together an answer that arrives one byte at a time",
        depends_on: &["prints"],
        play: |harness| {
            let text = "an answer in pieces";
            told(harness, text, &Cut::Bytes, &m::TOKEN_ON_PIECE)
        },
    },
    Case {
        id: "answer-cut-token",
        name: "finds the end mark of an answer wherever it is cut in two",
        depends_on: &["prints"],
        play: |harness| told(harness, "cut", &Cut::At(&[5]), &m::TOKEN_ON_PIECE),
    },
    Case {
        id: "answer-cut-character",
        name: "puts together a character of the answer that is cut in two",
        depends_on: &["prints", "answer-byte-by-byte"],
        play: |harness| told(harness, "é日𝄞", &IN_CHARACTERS, &m::DECODES_PIECES),
    },
    Case {
        id: "answer-exact-buffer",
        name: "takes an answer of exactly 1,024 bytes",
        depends_on: &["prints"],
        play: |harness| {
            let text = steps::filler_text(harness, 1024 - TOKEN.len());
            told(harness, &text, &Cut::Whole, &m::FULL_BUFFER)
        },
    },
    Case {
        id: "answer-large",
        name: LARGE_ANSWER.1,
        depends_on: &["prints", "answer-byte-by-byte"],
        play: |harness| {
            // Less than the 64 KiB that are kept at either end of a program's output. A client may
            // refuse an answer far longer than its question: so the question is long, if it can be.
            let text = steps::filler_text(harness, LARGE_ANSWER.0);
            let message = match harness.chooses_message() {
                true => text.as_str(),
                false => "",
            };
            told_about(harness, message, &text, &Cut::Whole, &m::FIXED_LIMIT)
        },
    },
    Case {
        id: "server-leaves",
        name: "ends when the server leaves in the middle of its answer",
        depends_on: &["sends"],
        play: |harness| {
            let (mut server, _) = meet(harness, "hello")?;
            server.send_apart(&[b"half an ans"]);
            server.close();
            steps::ends_with_failure(harness, "after the server had left amid its answer")
        },
    },
    tcp_client::server_resets::<Eof>(&["sends"]),
    tcp_client::no_server(&["sends"]),
    Case {
        id: "message-characters",
        name: "sends a message with characters outside ASCII as UTF-8",
        depends_on: &["sends"],
        play: |harness| {
            harness.must_choose_message()?;
            let (mut server, message) = meet(harness, "é日𝄞 <EO F>")?;
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

    /// Sent by its own thread, for what no buffer holds.
    fn beside(mut self) -> Self {
        self.beside = true;
        self
    }

    fn bytes(&self) -> Vec<u8> {
        self.texts.iter().flat_map(|text| frame(text)).collect()
    }

    /// Sends the messages and judges the answers. The suspect did it if there is no better sign.
    fn play(
        self,
        harness: &mut Harness<'_>,
        client: &mut Connection,
        suspect: &'static Misconception,
    ) -> Step {
        let bytes = self.bytes();
        let expected: Vec<u8> = self.texts.iter().flat_map(|text| answer(text)).collect();
        if self.beside {
            let sender = client
                .send_beside(bytes)
                .map_err(|error| undecided("cannot send", &error))?;
            let received = client.read(&expected);
            let taken = sender.join().unwrap_or(SendOutcome::Gone);
            judge(harness, &self.cuts, &self.texts, &received, suspect)?;
            return harness.must_take(taken, suspect);
        }
        let pieces = steps::cut(&bytes, &self.cuts);
        // What a server answered before it hung up says more than the broken send.
        let taken = client.send_apart(&pieces);
        let received = client.read(&expected);
        if received.bytes.is_empty() && received.end != ReadEnd::Complete {
            harness.must_take(taken, suspect)?;
        }
        // Only where it matters: it costs a look at all connections of the machine.
        let accepted = (received.end == ReadEnd::Silence)
            .then(|| client.accepted())
            .flatten();
        judge_of(
            harness,
            &self.cuts,
            &self.texts,
            &received,
            suspect,
            accepted,
        )
    }
}

/// What answers mean that are not the expected ones.
fn judge(
    harness: &mut Harness<'_>,
    cuts: &[usize],
    texts: &[&str],
    received: &Received,
    suspect: &'static Misconception,
) -> Step {
    judge_of(harness, cuts, texts, received, suspect, None)
}

fn judge_of(
    harness: &mut Harness<'_>,
    cuts: &[usize],
    texts: &[&str],
    received: &Received,
    suspect: &'static Misconception,
    accepted: Option<bool>,
) -> Step {
    let expected: Vec<u8> = texts.iter().flat_map(|text| answer(text)).collect();
    if received.end == ReadEnd::Complete && received.bytes == expected {
        return Ok(());
    }
    let (mistake, summary) = diagnose(harness, cuts, texts, received, &expected, suspect, accepted);
    Err(differs(mistake, summary, &expected, &received.bytes))
}

fn diagnose(
    harness: &mut Harness<'_>,
    cuts: &[usize],
    texts: &[&str],
    received: &Received,
    expected: &[u8],
    suspect: &'static Misconception,
    accepted: Option<bool>,
) -> (&'static Misconception, String) {
    let got = received.bytes.as_slice();
    let ending = harness.ending(received.end);
    if got.is_empty() {
        if suspect.id == m::NO_ANSWER.id
            && received.end == ReadEnd::Silence
            && accepted == Some(false)
        {
            return (
                &m::NEVER_ACCEPTS,
                format!(
                    "The client is connected, but was never accepted: no answer came, {ending}."
                ),
            );
        }
        return match received.end {
            ReadEnd::Closed | ReadEnd::Reset if suspect.id == m::NO_ANSWER.id => {
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
        && let Some(diagnosis) = diagnose_quote(inner, cuts, texts, right, received.end)
    {
        return diagnosis;
    }
    let parting = expected.iter().zip(got).take_while(|(a, b)| a == b).count();
    if rest.starts_with(BEFORE) && suspect.id == m::CHANGES_TEXT.id {
        return (suspect, "The text comes back changed.".to_string());
    }
    match received.end {
        ReadEnd::Differs if expected[..parting].ends_with(AFTER) => (
            &m::WRONG_ANSWER,
            "The answer does not end with <EOF>: its reader cannot know where it ends.".to_string(),
        ),
        ReadEnd::Differs => (
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
    end: ReadEnd,
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
            "Answered after {alike} of {whole} bytes: this treats one recv as one message."
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
        || (!texts[right].is_ascii() && find(after, b"\"").is_some() && end == ReadEnd::Differs);
    breaks_a_character.then(|| {
        let summary = format!(
            "The character at byte {alike} of the text is broken: it arrived in two pieces."
        );
        (&m::DECODES_PIECES, summary)
    })
}

/// Starts the client under test and hears its message; gives it without the end mark.
fn meet(harness: &mut Harness<'_>, message: &str) -> Step<(Connection, Vec<u8>)> {
    let message = harness.message_or(message);
    let listener = harness.listen()?;
    harness.start(message)?;
    let mut server = harness.accept(&listener)?;
    let received = server.read_until(TOKEN, 16 * 1024 * 1024);
    if received.end != ReadEnd::Complete || !received.bytes.ends_with(TOKEN) {
        let (count, ending) = (received.bytes.len(), harness.ending(received.end));
        return Err(wrong(
            &m::WRONG_ANSWER,
            format!("{count} bytes came without the end mark <EOF>, {ending}."),
        ));
    }
    let text = received.bytes[..received.bytes.len() - TOKEN.len()].to_vec();
    if harness.chooses_message() && message.is_ascii() && text != message.as_bytes() {
        return Err(differs(
            &m::WRONG_ANSWER,
            "The message differs from the one on the command line.",
            &frame(message),
            &received.bytes,
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

/// Inside of each character of `é日𝄞`.
const IN_CHARACTERS: Cut = Cut::At(&[1, 3, 4, 6, 7, 8]);

/// Answers the client under test; it has to print the answer.
fn told(harness: &mut Harness<'_>, text: &str, cut: &Cut, suspect: &'static Misconception) -> Step {
    told_about(harness, "hello", text, cut, suspect)
}

fn told_about(
    harness: &mut Harness<'_>,
    message: &str,
    text: &str,
    cut: &Cut,
    suspect: &'static Misconception,
) -> Step {
    let (mut server, _) = meet(harness, message)?;
    let bytes = frame(text);
    let cuts: Vec<usize> = match *cut {
        Cut::Whole => Vec::new(),
        Cut::Bytes => (1..bytes.len()).collect(),
        Cut::At(cuts) => cuts.to_vec(),
    };
    server.send_apart(&steps::cut(&bytes, &cuts));
    steps::must_print(harness, text.as_bytes(), &cuts, suspect)?;
    server.finish_sending();
    let ended = harness.ends("after its answer had come")?;
    steps::note_exit_code(harness, ended);
    Ok(())
}
