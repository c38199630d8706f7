//! CMPU4021 Week 2: the guessing game over UDP.
//!
//! Which number the server has drawn is not known here, and need not be: its answers have to agree
//! with one number, and with each other.
//!
//! One file, since it is one exercise.

use lab_judge::exercise::{Case, Exercise, Host, Kind, Role};
use lab_judge::harness::Harness;
use lab_judge::harness::udp::{Nothing, sent};
use lab_judge::limit::{Limit, seconds};
use lab_judge::misconceptions::{self as m, Misconception};
use lab_judge::peers::udp::{Datagram, Peer};
use lab_judge::ports::Protocol;
use lab_judge::process::{Ended, Input, contains};
use lab_judge::steps::datagrams::{self, Talk};
use lab_judge::steps::guesses::{Verdict, listed, mistaken};
use lab_judge::verdict::{Step, Stop, differs, wrong};

#[path = "sheets/cmpu_guess.rs"]
mod sheet;

pub static EXERCISE: Exercise = Exercise {
    name: "cmpu-guess",
    roles: &[
        Role {
            kind: Kind::Server,
            package: "cmpu-guess-server",
            arguments: "--host {host} --port {port}",
            message: "",
            host: Host::Loopback,
            port: 9900,
            protocol: Protocol::Udp,
            cases: SERVER,
            sheet: sheet::SERVER,
            remark: "",
        },
        Role {
            kind: Kind::Client,
            package: "cmpu-guess-client",
            arguments: "--host {host} --port {port} --timeout 0.5 --tries 4",
            message: "",
            host: Host::Loopback,
            port: 9900,
            protocol: Protocol::Udp,
            cases: CLIENT,
            sheet: sheet::CLIENT,
            remark: "waits for the client's own time limits, up to twice --patience",
        },
    ],
};

/// A guess that every server answers.
const FIFTY: Talk = |harness, client| guess(harness, client, 50, &m::NO_ANSWER).map(|_| ());
/// How often a guess is repeated: a number that is drawn again
/// each time gives itself away but once in a million games.
const TIMES: usize = 20;

static SERVER: &[Case] = &[
    Case {
        id: "answers",
        name: "answers a guess with HIGHER, LOWER or CORRECT",
        depends_on: &[],
        play: |harness| {
            let mut client = harness.serve_datagrams()?;
            harness.send(&client, b"50", harness.address)?;
            // From whichever port: that is its own lesson.
            let answer = datagrams::any_answer(harness, &mut client, &m::NO_ANSWER)?;
            verdict(&answer.bytes).map(|_| ())
        },
    },
    Case {
        id: "same-port",
        name: "answers from the port that was asked",
        depends_on: &["answers"],
        play: |harness| datagrams::same_port(harness, b"50"),
    },
    Case {
        id: "goes-on",
        name: "serves one player after another, each at its own address",
        depends_on: &["same-port"],
        play: |harness| datagrams::goes_on(harness, FIFTY),
    },
    Case {
        id: "direction",
        name: "says HIGHER when the number is higher than the guess",
        depends_on: &["goes-on"],
        play: |harness| {
            let mut client = harness.serve_datagrams()?;
            let mut answers = Vec::new();
            // As text 9 is greater than 10. Some servers begin a new game when a player has won.
            for number in [1, 100, 2, 9, 10] {
                let answer = in_range(harness, &mut client, number)?;
                answers.push((number, answer));
                if answer == Verdict::Correct {
                    break;
                }
            }
            match mistaken(&answers) {
                Some(mistake) => Err(wrong(
                    mistake,
                    format!(
                        "No number from 1 to 100 has these answers: {}.",
                        listed(&answers)
                    ),
                )),
                None => Ok(()),
            }
        },
    },
    Case {
        id: "sent-again",
        name: "gives the same guess the same answer, however often it comes",
        depends_on: &["goes-on"],
        play: |harness| {
            let mut client = harness.serve_datagrams()?;
            let first = guess(harness, &mut client, 50, &m::NO_ANSWER)?;
            for count in 2..=TIMES {
                let answer = datagrams::ask(harness, &mut client, b"50", &m::UDP_COUNTS_RESEND)?;
                match verdict(&answer.bytes) {
                    Ok(same) if same == first => {}
                    Ok(other) => {
                        return Err(wrong(
                            &m::GUESS_REDRAWS,
                            format!(
                                "The same guess was answered first with {first}, the {count}th time with {other}."
                            ),
                        ));
                    }
                    Err(_) => {
                        return Err(differs(
                            &m::UDP_COUNTS_RESEND,
                            format!("The same guess was answered differently the {count}th time."),
                            first.to_string().as_bytes(),
                            &answer.bytes,
                        ));
                    }
                }
            }
            Ok(())
        },
    },
    Case {
        id: "each-alone",
        name: "answers each guess by itself, also when several wait",
        depends_on: &["direction"],
        play: |harness| {
            let mut low = harness.serve_datagrams()?;
            let mut high = harness.client()?;
            let answers = [
                (1, in_range(harness, &mut low, 1)?),
                (100, in_range(harness, &mut high, 100)?),
            ];
            if let Some(mistake) = mistaken(&answers) {
                let told = format!("Asked alone, it gives the answers {}.", listed(&answers));
                return Err(wrong(mistake, told));
            }
            for _ in 0..2 {
                harness.send(&low, b"1", harness.address)?;
                harness.send(&high, b"100", harness.address)?;
            }
            for (client, impossible) in [(&mut low, Verdict::Lower), (&mut high, Verdict::Higher)] {
                for _ in 0..2 {
                    let answer = datagrams::answer(harness, client, &m::UDP_WRONG_CLIENT)?;
                    if verdict(&answer.bytes)? == impossible {
                        return Err(wrong(
                            &m::UDP_WRONG_CLIENT,
                            format!(
                                "{impossible} came to {}, who had not asked that.",
                                client.who
                            ),
                        ));
                    }
                }
            }
            Ok(())
        },
    },
    Case {
        id: "one-number",
        name: "has one number for all players",
        depends_on: &["sent-again"],
        play: |harness| {
            let mut first = harness.serve_datagrams()?;
            let expected = guess(harness, &mut first, 50, &m::NO_ANSWER)?;
            for _ in 1..TIMES {
                let mut next = harness.client()?;
                let answer = guess(harness, &mut next, 50, &m::NO_ANSWER)?;
                if answer != expected {
                    return Err(wrong(
                        &m::GUESS_OWN_NUMBER,
                        format!(
                            "To the guess 50 client 1 received {expected}, {} received {answer}.",
                            next.who
                        ),
                    ));
                }
            }
            Ok(())
        },
    },
    Case {
        id: "every-number",
        name: "accepts every number from 1 to 100 as a guess, and is found",
        depends_on: &["direction", "sent-again"],
        play: |harness| {
            // Down in one game, up in another: each stops at the
            // number, since some servers begin a new game there.
            let mut client = harness.serve_datagrams()?;
            along(harness, &mut client, &mut (1..=100).rev(), Verdict::Lower)?;
            harness.program()?.kill();
            harness
                .log
                .did("we", "ended the server and started it again");
            let mut client = harness.serve_datagrams()?;
            along(harness, &mut client, &mut (1..=100), Verdict::Higher)
        },
    },
    Case {
        id: "winner",
        name: "keeps its number, and keeps running, when a player has found it",
        depends_on: &["every-number"],
        play: |harness| {
            let mut client = harness.serve_datagrams()?;
            let (mut least, mut most) = (1, 100);
            let number = loop {
                let middle = (least + most) / 2;
                match guess(harness, &mut client, middle, &m::NO_ANSWER)? {
                    Verdict::Correct => break middle,
                    Verdict::Higher => least = middle + 1,
                    Verdict::Lower => most = middle - 1,
                }
                if least > most {
                    return Err(wrong(
                        &m::GUESS_REDRAWS,
                        "By its answers there is no number from 1 to 100 that it could be.",
                    ));
                }
            };
            client.did("takes this answer for lost, and asks again");
            for _ in 0..TIMES {
                let answer = guess(harness, &mut client, number, &m::GUESS_WINNER_ENDS)?;
                if answer != Verdict::Correct {
                    return Err(wrong(
                        &m::GUESS_NEW_GAME,
                        format!("{number} was CORRECT, and then {answer}."),
                    ));
                }
            }
            datagrams::still_serves(harness, &m::GUESS_WINNER_ENDS, FIFTY)
        },
    },
    Case {
        id: "not-a-number",
        name: "says when a guess is not a number",
        depends_on: &["goes-on"],
        play: |harness| {
            let mut client = harness.serve_datagrams()?;
            for text in ["abc", "12abc"] {
                let answer = datagrams::ask(
                    harness,
                    &mut client,
                    text.as_bytes(),
                    &m::UDP_DIES_ON_DATAGRAM,
                )?;
                if let Ok(verdict) = verdict(&answer.bytes) {
                    return Err(wrong(
                        &m::GUESS_NO_NUMBER,
                        format!("\"{text}\" was answered with {verdict}."),
                    ));
                }
                if !answer.bytes.to_ascii_uppercase().starts_with(b"ERROR") {
                    harness
                        .note("what is not a number gets an answer that does not begin with ERROR");
                }
            }
            Ok(())
        },
    },
    Case {
        id: "empty",
        name: "does not treat an empty datagram as the end",
        depends_on: &["not-a-number"],
        play: |harness| datagrams::empty(harness, b"50", |answer| verdict(answer).map(|_| ())),
    },
    Case {
        id: "bad-datagrams",
        name: "keeps running after bytes that are not text, 5,000 digits, and the longest datagram there is",
        depends_on: &["not-a-number", "each-alone"],
        play: |harness| {
            let longest = datagrams::longest(harness);
            let digits = vec![b'7'; 5000];
            let bad: [&[u8]; 4] = [b"\xff\xfe\x80", b"\0", &digits, &longest];
            datagrams::survives(harness, &bad, &m::UDP_DIES_ON_DATAGRAM, FIFTY)
        },
    },
    Case {
        id: "other-address",
        name: "answers a player on another address than its own",
        depends_on: &["goes-on"],
        play: |harness| {
            datagrams::other_address(harness, b"50", |answer| verdict(answer).map(|_| ()))
        },
    },
    Case {
        id: "gone-client",
        name: "keeps running when players are gone before their answer comes",
        depends_on: &["each-alone"],
        play: |harness| datagrams::gone_client(harness, b"50", FIFTY),
    },
    Case {
        id: "many",
        name: "serves 200 players one after another, and keeps nothing open for them",
        depends_on: &["sent-again"],
        play: |harness| datagrams::many(harness, FIFTY),
    },
    Case {
        id: "at-rest",
        name: "uses no CPU while no datagram comes",
        depends_on: &["goes-on"],
        play: |harness| datagrams::at_rest(harness, FIFTY),
    },
];

/// Reads an answer; white space around the word does no harm.
fn verdict(answer: &[u8]) -> Step<Verdict> {
    match answer.trim_ascii() {
        b"HIGHER" => Ok(Verdict::Higher),
        b"LOWER" => Ok(Verdict::Lower),
        b"CORRECT" => Ok(Verdict::Correct),
        _ => Err(differs(
            &m::WRONG_ANSWER,
            "The answer to a number from 1 to 100 is neither HIGHER nor LOWER nor CORRECT.",
            b"HIGHER",
            answer,
        )),
    }
}

/// Guesses, and hears one of the three words.
fn guess(
    harness: &mut Harness<'_>,
    client: &mut Peer,
    number: u32,
    suspect: &'static Misconception,
) -> Step<Verdict> {
    let answer = datagrams::ask(harness, client, number.to_string().as_bytes(), suspect)?;
    verdict(&answer.bytes)
}

/// Guesses a number from 1 to 100, which has to be taken for one.
fn in_range(harness: &mut Harness<'_>, client: &mut Peer, number: u32) -> Step<Verdict> {
    let text = number.to_string();
    let answer = datagrams::ask(harness, client, text.as_bytes(), &m::GUESS_RANGE)?;
    verdict(&answer.bytes).map_err(|_| {
        differs(
            &m::GUESS_RANGE,
            format!("{number} is from 1 to 100, but was not taken for a guess."),
            b"HIGHER",
            &answer.bytes,
        )
    })
}

/// Guesses one number after another, up or down, until it is the one.
fn along(
    harness: &mut Harness<'_>,
    client: &mut Peer,
    numbers: &mut dyn Iterator<Item = u32>,
    before: Verdict,
) -> Step {
    let mut answers = Vec::new();
    for number in &mut *numbers {
        let answer = in_range(harness, client, number)?;
        answers.push((number, answer));
        if answer != before {
            break;
        }
    }
    let Some((number, answer)) = answers.last().copied() else {
        return Ok(());
    };
    match answer {
        Verdict::Correct => Ok(()),
        answer if answer == before => Err(wrong(
            &m::GUESS_RANGE,
            "None of the numbers from 1 to 100 was CORRECT.",
        )),
        answer => {
            // If the number is found later after all, the server compares in another order.
            for number in numbers {
                let answer = in_range(harness, client, number)?;
                answers.push((number, answer));
                if answer == Verdict::Correct {
                    let mistake = mistaken(&answers).unwrap_or(&m::GUESS_DIRECTION);
                    let told = format!(
                        "{number} was CORRECT, but no number has all of the answers before it."
                    );
                    return Err(wrong(mistake, told));
                }
            }
            Err(wrong(
                &m::GUESS_NEVER_CORRECT,
                format!(
                    "The answers were {before} up to the guess {number}, whose answer is {answer}: none was CORRECT."
                ),
            ))
        }
    }
}

static CLIENT: &[Case] = &[
    Case {
        id: "sends",
        name: "sends what is typed as a datagram",
        depends_on: &[],
        play: |harness| {
            let mut game = Game::begin(harness)?;
            game.guess(harness, "50", &m::UDP_SENDS_NOTHING).map(|_| ())
        },
    },
    Case {
        id: "plays",
        name: "plays until CORRECT, and ends with exit code 0",
        depends_on: &["sends"],
        play: |harness| {
            let mut game = Game::begin(harness)?;
            game.rest(harness, &m::GUESS_ENDS_EARLY, &m::GUESS_GOES_ON)
        },
    },
    Case {
        id: "prints",
        name: "prints each answer",
        depends_on: &["plays"],
        play: |harness| {
            let mut game = Game::begin(harness)?;
            game.rest(harness, &m::GUESS_ENDS_EARLY, &m::GUESS_GOES_ON)?;
            has_printed(harness, &m::NOT_PRINTED)
        },
    },
    Case {
        id: "typing-error",
        name: "keeps running when something is typed that is not a number",
        depends_on: &["plays"],
        play: |harness| {
            let mut game = Game::begin(harness)?;
            harness.log.did("keyboard", "typed abc, and 60");
            harness.program()?.type_in("abc\n60\n");
            let mut datagram = game.receive(harness, &m::GUESS_DIES_ON_TYPO)?;
            if datagram.bytes.trim_ascii() == b"abc" {
                game.say(
                    harness,
                    "ERROR: \"abc\" is not a whole number",
                    datagram.from,
                )?;
                game.said.push("abc".to_string());
                datagram = game.receive(harness, &m::GUESS_DIES_ON_TYPO)?;
            }
            typed_was("60", &datagram)?;
            game.say(harness, "CORRECT", datagram.from)?;
            ends_won(harness, &m::GUESS_GOES_ON)
        },
    },
    Case {
        id: "end-of-input",
        name: "ends when its input ends",
        depends_on: &["plays"],
        play: |harness| {
            let mut game = Game::begin(harness)?;
            let from = game.guess(harness, "50", &m::UDP_SENDS_NOTHING)?;
            game.say(harness, "HIGHER", from)?;
            harness.log.did("keyboard", "ended (Ctrl-D)");
            harness.program()?.end_input();
            let patience = harness.patience();
            let ended = harness.ends_within(
                patience,
                "after its input had ended",
                &m::GUESS_IGNORES_END,
            )?;
            if ended == Ended::Code(0) {
                harness.note("the number was not found, but the program ends with exit code 0: a script cannot tell");
            }
            Ok(())
        },
    },
    Case {
        id: "doubled",
        name: "does not take the second copy of an answer for the next answer",
        depends_on: &["prints"],
        play: |harness| {
            let mut game = Game::begin(harness)?;
            let from = game.guess(harness, "50", &m::UDP_SENDS_NOTHING)?;
            game.say(harness, "HIGHER", from)?;
            game.say(harness, "HIGHER", from)?;
            game.on(harness, &m::UDP_COUNTS_RESEND)?;
            has_printed(harness, &m::UDP_COUNTS_RESEND)
        },
    },
    Case {
        id: "stranger",
        name: "does not take an answer from another port than the server's",
        depends_on: &["plays"],
        play: |harness| told_by_a_stranger(harness, false),
    },
    Case {
        id: "strange-address",
        name: "does not take an answer from another address than the server's",
        depends_on: &["plays"],
        play: |harness| told_by_a_stranger(harness, true),
    },
    Case {
        id: "lost",
        name: "sends its guess again when no answer comes",
        depends_on: &["plays"],
        play: |harness| {
            let mut game = Game::begin(harness)?;
            game.guess(harness, "50", &m::UDP_SENDS_NOTHING)?;
            game.server.did("loses it");
            let again = datagrams::sends_again(harness, &mut game.server)?;
            typed_was("50", &again)?;
            game.say(harness, "HIGHER", again.from)?;
            game.on(harness, &m::UDP_WAITS_FOREVER)
        },
    },
    Case {
        id: "late",
        name: "does not mistake a late answer for the answer to the next guess",
        depends_on: &["lost", "prints"],
        play: |harness| {
            let mut game = Game::begin(harness)?;
            let late = game.guess(harness, "50", &m::UDP_SENDS_NOTHING)?;
            game.server
                .did("answers so late that the guess is sent again");
            let again = datagrams::sends_again(harness, &mut game.server)?;
            game.say(harness, "HIGHER", again.from)?;
            let next = game.guess(harness, "75", &m::UDP_LATE_ANSWER)?;
            let words = "sent, late, the answer to the first 50,";
            sent(game.server.send_as(b"HIGHER", late, words))?;
            game.say(harness, "LOWER", next)?;
            let last = game.guess(harness, "60", &m::UDP_LATE_ANSWER)?;
            game.say(harness, "CORRECT", last)?;
            ends_won(harness, &m::UDP_LATE_ANSWER)?;
            has_printed(harness, &m::UDP_LATE_ANSWER)
        },
    },
    Case {
        id: "silent-server",
        name: "gives up when no answer ever comes, with an exit code other than 0",
        depends_on: &["lost"],
        play: |harness| {
            let mut game = Game::begin(harness)?;
            harness.log.did("keyboard", "typed 50");
            harness.program()?.type_in("50\n");
            datagrams::silence(harness, &mut game.server)
        },
    },
    Case {
        id: "no-server",
        name: "ends with an exit code other than 0 when no server is there",
        depends_on: &["lost"],
        play: |harness| {
            harness
                .log
                .did("nobody", format!("has bound {}", harness.address));
            harness.start_with("", Input::Keyboard)?;
            harness.log.did("keyboard", "typed 50");
            harness.program()?.type_in("50\n");
            datagrams::no_server(harness)
        },
    },
];

/// A game in which we are the server, and type for the client under test.
struct Game {
    server: Peer,
    /// What was typed before: a copy of it that comes late is not a new guess.
    said: Vec<String>,
}

impl Game {
    /// Starts the client under test.
    fn begin(harness: &mut Harness<'_>) -> Step<Self> {
        let server = harness.be_server()?;
        harness.start_with("", Input::Keyboard)?;
        Ok(Game {
            server,
            said: Vec::new(),
        })
    }

    /// Types a guess, which has to arrive; gives the socket that it came from.
    fn guess(
        &mut self,
        harness: &mut Harness<'_>,
        text: &str,
        suspect: &'static Misconception,
    ) -> Step<std::net::SocketAddr> {
        harness.log.did("keyboard", format!("typed {text}"));
        // A program that reads no more shows it by what comes, or does not.
        harness.program()?.type_in(&format!("{text}\n"));
        let datagram = self.receive(harness, suspect)?;
        typed_was(text, &datagram)?;
        self.said.push(text.to_string());
        Ok(datagram.from)
    }

    /// The next datagram that is not a copy of an earlier guess.
    fn receive(
        &mut self,
        harness: &mut Harness<'_>,
        suspect: &'static Misconception,
    ) -> Step<Datagram> {
        if self.said.is_empty() && suspect.id == m::UDP_SENDS_NOTHING.id {
            return datagrams::meet(harness, &mut self.server);
        }
        // One time limit for all: copies without end do not put it off.
        let limit = Limit {
            patience: datagrams::long_patience(harness),
            ..harness.limit()
        };
        let mut step = limit.step();
        // The first one comes after the program's start.
        let patience = match self.said.is_empty() {
            true => datagrams::start_patience(harness),
            false => harness.patience(),
        };
        loop {
            match harness.receive_within(&mut self.server, patience)? {
                Ok(datagram) if self.is_copy(&datagram) => {
                    if step.is_over() {
                        return Err(wrong(
                            suspect,
                            format!(
                                "The next guess was typed, but for {} only copies of earlier ones came.",
                                seconds(limit.patience)
                            ),
                        ));
                    }
                }
                Ok(datagram) => return Ok(datagram),
                Err(Nothing::Ended(ended)) => {
                    return Err(wrong(
                        suspect,
                        format!("The next guess was typed, but the program {ended}."),
                    ));
                }
                Err(nothing) => {
                    return Err(wrong(
                        suspect,
                        format!("The next guess was typed, but {}.", nothing.words()),
                    ));
                }
            }
        }
    }

    fn is_copy(&self, datagram: &Datagram) -> bool {
        let text = datagram.bytes.trim_ascii();
        self.said.iter().any(|said| said.as_bytes() == text)
    }

    fn say(&self, harness: &Harness<'_>, answer: &str, to: std::net::SocketAddr) -> Step {
        harness.send(&self.server, answer.as_bytes(), to)
    }

    /// A game of three guesses.
    fn rest(
        &mut self,
        harness: &mut Harness<'_>,
        early: &'static Misconception,
        late: &'static Misconception,
    ) -> Step {
        let from = self.guess(harness, "50", &m::UDP_SENDS_NOTHING)?;
        self.say(harness, "HIGHER", from)?;
        self.last_two(harness, early, late)
    }

    /// The rest of a game, in which one mistake explains whatever goes wrong.
    fn on(&mut self, harness: &mut Harness<'_>, suspect: &'static Misconception) -> Step {
        self.last_two(harness, suspect, suspect)
    }

    fn last_two(
        &mut self,
        harness: &mut Harness<'_>,
        early: &'static Misconception,
        late: &'static Misconception,
    ) -> Step {
        let from = self.guess(harness, "75", early)?;
        self.say(harness, "LOWER", from)?;
        let from = self.guess(harness, "60", early)?;
        self.say(harness, "CORRECT", from)?;
        ends_won(harness, late)
    }
}

/// What was typed has to be what arrived; a line end at its end does no harm.
fn typed_was(text: &str, datagram: &Datagram) -> Step {
    if datagram.bytes.trim_ascii() == text.as_bytes() {
        return Ok(());
    }
    Err(differs(
        &m::WRONG_ANSWER,
        "The datagram is not the guess that was typed.",
        text.as_bytes(),
        &datagram.bytes,
    ))
}

/// The number has been found: the client has to end, and well.
fn ends_won(harness: &mut Harness<'_>, suspect: &'static Misconception) -> Step {
    let patience = harness.patience();
    match harness.ends_within(patience, "after CORRECT had come", suspect)? {
        Ended::Code(0) => Ok(()),
        ended => Err(wrong(
            &m::ENDS_WITH_ERROR,
            format!("The number was found, but then the program {ended}."),
        )),
    }
}

/// The three answers have to stand in the output in their order, in large letters or small.
fn has_printed(harness: &mut Harness<'_>, suspect: &'static Misconception) -> Step {
    let printed = harness.program()?.stdout().kept();
    let mut rest = printed.to_ascii_uppercase();
    for word in ["HIGHER", "LOWER", "CORRECT"] {
        let Some(at) = lab_judge::peers::tcp::find(&rest, word.as_bytes()) else {
            let doubled = contains(&rest, b"HIGHER");
            return Err(differs(
                suspect,
                if doubled {
                    format!(
                        "The answers were HIGHER, LOWER, CORRECT; where {word} had to stand another was printed."
                    )
                } else {
                    format!(
                        "The answers were HIGHER, LOWER, CORRECT; {word} was not printed in its place."
                    )
                },
                b"HIGHER\nLOWER\nCORRECT\n",
                &printed,
            ));
        };
        rest.drain(..at + word.len());
    }
    Ok(())
}

/// A stranger says CORRECT before the server says HIGHER.
fn told_by_a_stranger(harness: &mut Harness<'_>, other_address: bool) -> Step {
    let Some(stranger) = datagrams::stranger(harness, other_address)? else {
        harness.note("this system has no address 127.0.0.2, so nothing could come from there");
        return Ok(());
    };
    let mut game = Game::begin(harness)?;
    let from = game.guess(harness, "50", &m::UDP_SENDS_NOTHING)?;
    harness.send(&stranger, b"CORRECT", from)?;
    game.say(harness, "HIGHER", from)?;
    match game.on(harness, &m::UDP_ANY_SENDER) {
        Err(Stop::Wrong(failure)) => Err(wrong(
            &m::UDP_ANY_SENDER,
            format!("A stranger said CORRECT. {}", failure.summary),
        )),
        other => other,
    }
}
