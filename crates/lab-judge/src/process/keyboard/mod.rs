//! The keyboard of a program under test: what it asks for is typed in, as its user would do it.
//!
//! Students write programs that ask for the host, the port or the message. When such a program
//! waits for its keyboard, its prompt tells what it wants, and the case knows the answer. Without a
//! prompt it gets what a program of its kind asks for first. A question that the check cannot
//! answer stays open, and is told.
//!
//! Whether a program waits is seen in the kernel ([`waiting`]), so nothing is typed for a program
//! that never asks. Only Linux shows that.
//!
//! | module | holds |
//! |---|---|
//! | [`question`] | what a prompt asks for, in several languages |
//! | [`waiting`] | whether a program waits for its keyboard |

mod question;
mod waiting;

use std::io::Write;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Condvar, Mutex, PoisonError};
use std::thread;
use std::time::Duration;

use question::Question;
#[cfg(unix)]
pub(crate) use waiting::name_of;
use waiting::{Wait, wait_of};

use super::output::{View, plain};
use crate::kind::Kind;
use crate::verdict::Log;

/// How often the same question is answered: a program
/// may ask again when it does not like an answer.
const TIMES: usize = 3;

/// How many questions of a program are answered at all.
const MOST_ANSWERS: usize = 32;

/// How long is waited between two looks at a program: short while it starts, longer later.
const FIRST_LOOK: Duration = Duration::from_millis(2);
const LONGEST_LOOK: Duration = Duration::from_millis(40);

/// What the check can type for a program.
#[derive(Debug, Clone)]
pub struct Answers {
    /// Which side of an exercise it is.
    pub kind: Kind,
    /// The host to connect to, to listen on, or to scan.
    pub host: String,
    /// The port to connect to, or to listen on.
    pub port: u16,
    /// The first and the last port to scan.
    pub ports: Option<(u16, u16)>,
    /// What a client sends; empty where the exercise has no message.
    pub message: String,
    /// Whether its command has told it the port.
    pub knows_port: bool,
    /// Whether the case types by itself what comes after the address.
    pub address_only: bool,
    /// Where it is written down what was typed.
    pub log: Log,
}

/// The writing end of a program's stdin.
pub(crate) struct Keys {
    /// None once the input has ended.
    writer: Mutex<Option<Box<dyn Write + Send>>>,
    /// What is written to a terminal to end its input; a pipe is closed.
    end: Option<u8>,
}

impl Keys {
    pub(crate) fn new(writer: Option<Box<dyn Write + Send>>, end: Option<u8>) -> Self {
        Keys {
            writer: Mutex::new(writer),
            end,
        }
    }

    /// Types a text; false when the program no longer reads
    /// there. Short texts only: a long one could block.
    pub(crate) fn type_in(&self, text: &str) -> bool {
        let mut writer = labnet::lock(&self.writer);
        writer
            .as_mut()
            .is_some_and(|writer| writer.write_all(text.as_bytes()).is_ok())
    }

    /// Ends the input.
    pub(crate) fn end_input(&self) {
        let mut writer = labnet::lock(&self.writer);
        match (self.end, writer.as_mut()) {
            // A program that has closed its terminal needs no end of input.
            (Some(end), Some(writer)) => {
                let _closed = writer.write_all(&[end]);
            }
            _ => *writer = None,
        }
    }

    /// Lets go of the input, whatever it is.
    pub(crate) fn close(&self) {
        *labnet::lock(&self.writer) = None;
    }
}

/// The questions that a client's message answers.
const MESSAGES: [Question; 3] = [Question::Message, Question::Number, Question::Unknown];

/// What the check types next.
#[derive(Debug, PartialEq, Eq)]
enum Answer {
    Line(String),
    /// The end of input, Ctrl-D.
    End,
}

/// Types for a program, on its own thread, as long as the program runs.
pub(crate) struct Typist {
    over: Arc<AtomicBool>,
    open: Arc<Mutex<Option<Open>>>,
    /// Whether it has typed all that it will.
    done: Arc<(Mutex<bool>, Condvar)>,
    program: u32,
    stdin: String,
}

/// A question that has not been answered.
struct Open {
    wait: Wait,
    question: OpenQuestion,
}

/// What a program asks that the check does not answer.
#[derive(Debug, Clone)]
pub struct OpenQuestion {
    /// Its prompt; empty where it asks without one.
    pub prompt: String,
    /// Whether it has been given all that the exercise has for it, and asks for more.
    pub more: bool,
}

/// Where the program's output is looked at.
pub(crate) struct Outputs {
    pub(crate) stdout: View,
    pub(crate) stderr: View,
}

impl Typist {
    /// Begins to type for the program with this id, whose stdin is named so in `/proc/PID/fd`.
    pub(crate) fn start(
        program: u32,
        stdin: &str,
        keys: Arc<Keys>,
        outputs: Outputs,
        answers: Answers,
    ) -> Self {
        let typist = Typist {
            over: Arc::default(),
            open: Arc::default(),
            done: Arc::default(),
            program,
            stdin: stdin.to_string(),
        };
        let (over, open) = (Arc::clone(&typist.over), Arc::clone(&typist.open));
        let (stdin, done) = (typist.stdin.clone(), Arc::clone(&typist.done));
        thread::spawn(move || {
            let address_only = answers.address_only;
            let mut talk = Talk::new(answers);
            let mut pause = FIRST_LOOK;
            let mut last = None;
            while !over.load(Ordering::SeqCst) && talk.answered.len() < MOST_ANSWERS {
                if let Some(wait) = wait_of(program, &stdin)
                    && last != Some(wait)
                {
                    let asked = talk.read(&outputs);
                    let answer = talk.answer(&asked, wait.alone);
                    let question = Open {
                        wait,
                        question: OpenQuestion {
                            prompt: asked.prompt.clone(),
                            more: talk.has_answered(&MESSAGES),
                        },
                    };
                    *labnet::lock(&open) = answer.is_none().then_some(question);
                    // What a thread prints while another waits may
                    // be the prompt: an open question is read again.
                    if answer.is_none() && address_only {
                        break;
                    }
                    if let Some(answer) = answer {
                        last = Some(wait);
                        talk.typed(&keys, &answer, asked, &outputs);
                        pause = FIRST_LOOK;
                    }
                }
                thread::sleep(pause);
                pause = (pause * 3 / 2).min(LONGEST_LOOK);
            }
            *labnet::lock(&done.0) = true;
            done.1.notify_all();
        });
        typist
    }

    /// Waits until a program that is told its address only
    /// waits for something else; says whether it does.
    pub(crate) fn is_done(&self, patience: Duration) -> bool {
        let (done, changed) = &*self.done;
        let waited = changed.wait_timeout_while(labnet::lock(done), patience, |done| !*done);
        *waited.unwrap_or_else(PoisonError::into_inner).0
    }

    /// The question that the program waits for an answer to, and to which there is none.
    pub(crate) fn open_question(&self) -> Option<OpenQuestion> {
        let now = wait_of(self.program, &self.stdin)?;
        let open = labnet::lock(&self.open);
        open.as_ref()
            .filter(|open| open.wait == now && now.alone)
            .map(|open| open.question.clone())
    }

    /// The program has ended.
    pub(crate) fn end(&self) {
        self.over.store(true, Ordering::SeqCst);
    }
}

impl Drop for Typist {
    fn drop(&mut self) {
        self.end();
    }
}

/// What a program has printed when it waits.
#[derive(Debug, Default, Clone)]
struct Asked {
    prompt: String,
    /// All that it has printed since something was typed.
    printed: String,
}

/// A question that was answered.
struct Answered {
    question: Question,
    prompt: String,
    /// What was typed; empty for the Enter key, and for the end of input.
    line: String,
}

/// The questions and answers so far.
struct Talk {
    answers: Answers,
    answered: Vec<Answered>,
    /// What the program had printed before each answer.
    told: String,
    /// How much of stdout and stderr was there when something was typed last.
    seen: (u64, u64),
}

impl Talk {
    fn new(answers: Answers) -> Self {
        Talk {
            answers,
            answered: Vec::new(),
            told: String::new(),
            seen: (0, 0),
        }
    }

    fn read(&self, outputs: &Outputs) -> Asked {
        let text = |bytes: Vec<u8>| String::from_utf8_lossy(&plain(&bytes)).into_owned();
        let stdout = text(outputs.stdout.after(self.seen.0));
        let stderr = text(outputs.stderr.after(self.seen.1));
        // Some libraries write the prompt of a terminal to stderr.
        let prompt = match prompt_in(&stdout) {
            prompt if prompt.is_empty() => prompt_in(&stderr),
            prompt => prompt,
        };
        Asked {
            prompt,
            printed: stdout + &stderr,
        }
    }

    fn typed(&mut self, keys: &Keys, answer: &Answer, asked: Asked, outputs: &Outputs) {
        self.seen = (outputs.stdout.total(), outputs.stderr.total());
        let question = match asked.prompt.is_empty() {
            true => String::new(),
            false => format!(", asked \"{}\"", asked.prompt),
        };
        // Written down first: what it brings about comes after it.
        match answer {
            Answer::Line(line) if line.is_empty() => {
                let log = &self.answers.log;
                log.did("keyboard", format!("pressed Enter{question}"));
                keys.type_in("\n");
            }
            Answer::Line(line) => {
                let log = &self.answers.log;
                log.did("keyboard", format!("typed {line}{question}"));
                keys.type_in(&format!("{line}\n"));
            }
            Answer::End => {
                let log = &self.answers.log;
                log.did("keyboard", "ended the input (Ctrl-D)");
                keys.end_input();
            }
        }
        self.note(answer, asked);
    }

    fn note(&mut self, answer: &Answer, asked: Asked) {
        self.told.push_str(&asked.printed);
        self.answered.push(Answered {
            question: question::of(&asked.prompt),
            prompt: asked.prompt,
            line: match answer {
                Answer::Line(line) => line.clone(),
                Answer::End => String::new(),
            },
        });
    }

    /// What was typed for questions of this kind.
    fn given(&self, question: Question) -> Vec<&str> {
        let of_kind = |one: &&Answered| one.question == question;
        let lines = self.answered.iter().filter(of_kind);
        lines.map(|one| one.line.as_str()).collect()
    }

    /// How often this question has been answered in these words.
    fn times(&self, question: Question, prompt: &str) -> usize {
        let same = |one: &&Answered| one.question == question && one.prompt == prompt;
        self.answered.iter().filter(same).count()
    }

    fn has_answered(&self, questions: &[Question]) -> bool {
        self.answered
            .iter()
            .any(|one| questions.contains(&one.question))
    }

    /// What to type for a program that waits; `alone` where it waits for nothing but the keyboard.
    fn answer(&self, asked: &Asked, alone: bool) -> Option<Answer> {
        let answers = &self.answers;
        let question = question::of(&asked.prompt);
        // One that waits for the network as well need not be asking: it has to say so, or not have
        // been told anything yet.
        if !alone && asked.prompt.is_empty() && !self.answered.is_empty() {
            return None;
        }
        let line = |text: &str| Some(Answer::Line(text.to_string()));
        let again = self.times(question, &asked.prompt);
        let address = [Question::Host, Question::Port, Question::Enter];
        if answers.address_only
            && !address.contains(&question)
            && !matches!(question, Question::HostAndPort(_))
        {
            return None;
        }
        match question {
            Question::Message | Question::Number | Question::Unknown => {
                match (answers.kind, answers.ports) {
                    (Kind::Client, _) => self.message(question, asked, alone),
                    (Kind::Server, _) => self.listening_port(),
                    (Kind::Program, Some(ports)) if question == Question::Unknown => {
                        self.scanned(ports)
                    }
                    (Kind::Program, _) => None,
                }
            }
            Question::Other => None,
            Question::Choice => self.choice(&asked.printed).map(Answer::Line),
            _ if again >= TIMES => None,
            Question::Enter => line(""),
            Question::EnterToEnd if answers.kind == Kind::Server => None,
            Question::EnterToEnd => line(""),
            Question::YesOrNo if self.has_answered(&MESSAGES) => line("n"),
            Question::YesOrNo => line("y"),
            Question::Host => line(&answers.host),
            Question::Port => match answers.ports {
                Some((first, last)) => line(&format!("{first}-{last}")),
                None => line(&answers.port.to_string()),
            },
            Question::HostAndPort(between) => {
                line(&format!("{}{between}{}", answers.host, answers.port))
            }
            Question::First => line(&answers.ports?.0.to_string()),
            Question::Last => line(&answers.ports?.1.to_string()),
            Question::Range => {
                let (first, last) = answers.ports?;
                line(&format!("{first}-{last}"))
            }
        }
    }

    /// For a program that shows a menu: what does the work, one line after another, until the
    /// message is sent; then what ends the program.
    fn choice(&self, menu: &str) -> Option<String> {
        let chosen = self.given(Question::Choice);
        let done = match self.answers.message.is_empty() {
            true => !chosen.is_empty(),
            false => self.has_answered(&MESSAGES),
        };
        let work = match done {
            true => None,
            false => question::choice_of(menu, false, &chosen),
        };
        work.or_else(|| question::choice_of(menu, true, &[]))
    }

    /// For a client that asks what to send, or does not say what it asks.
    fn message(&self, question: Question, asked: &Asked, alone: bool) -> Option<Answer> {
        let message = self.answers.message.as_str();
        if message.is_empty() {
            // The exercise has no message: whatever it reads ends with Enter.
            return (self.times(question, &asked.prompt) < TIMES)
                .then(|| Answer::Line(String::new()));
        }
        let words: Vec<&str> = message.split_whitespace().collect();
        let numbers = words.iter().all(|word| word.parse::<i64>().is_ok());
        if question == Question::Number && numbers {
            let given = self.given(Question::Number).len();
            if let Some(number) = words.get(given) {
                return Some(Answer::Line((*number).to_string()));
            }
            let end = self.word_to_end(asked);
            if end.is_none() && given < words.len() + TIMES {
                // It asks for more numbers than the exercise has.
                return Some(Answer::Line("0".to_string()));
            }
            return end.map(|word| Answer::Line(word.to_string()));
        }
        // "Your name:" and "Message:" are two questions; the same one twice is a loop.
        let before = match asked.prompt.is_empty() {
            true => self.has_answered(&MESSAGES),
            false => self.times(question, &asked.prompt) > 0,
        };
        if !before {
            return Some(Answer::Line(message.to_string()));
        }
        match self.word_to_end(asked) {
            Some(word) => Some(Answer::Line(word.to_string())),
            // It reads line after line: a user ends that with Ctrl-D.
            None if asked.prompt.is_empty() && alone => Some(Answer::End),
            None => None,
        }
    }

    /// What ends the program, by what it says now, or said before.
    fn word_to_end(&self, asked: &Asked) -> Option<&'static str> {
        question::word_to_end(&asked.printed).or_else(|| question::word_to_end(&self.told))
    }

    /// For a server that reads a line and does not say why: before anything else it needs a port.
    fn listening_port(&self) -> Option<Answer> {
        let first = self.answered.is_empty() && !self.answers.knows_port;
        first.then(|| Answer::Line(self.answers.port.to_string()))
    }

    /// For a scanner that reads lines and does not say
    /// why: the host, the first port, the last port.
    fn scanned(&self, (first, last): (u16, u16)) -> Option<Answer> {
        let line = match self.answered.len() {
            0 => self.answers.host.clone(),
            1 => first.to_string(),
            2 => last.to_string(),
            _ => return None,
        };
        Some(Answer::Line(line))
    }
}

/// The prompt at the end of what was printed: the line that has not ended, or the last one if it
/// looks like a question. A mark like `>` belongs to the line before it.
fn prompt_in(printed: &str) -> String {
    let (before, last) = printed.rsplit_once('\n').unwrap_or(("", printed));
    let last = last.trim();
    if last.chars().any(char::is_alphanumeric) {
        return last.to_string();
    }
    let asks = |line: &&str| {
        line.ends_with([':', '?', '>', '：', '？'])
            || matches!(question::of(line), Question::Enter | Question::EnterToEnd)
    };
    let line = before.lines().next_back().map(str::trim).filter(asks);
    let prompt = [line.unwrap_or_default(), last].join(" ");
    prompt.trim().to_string()
}

#[cfg(test)]
mod tests;
