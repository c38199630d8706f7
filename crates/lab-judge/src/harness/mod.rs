//! Where a case plays: the program under test, our side of the wire, and the time there is.
//!
//! | module | holds |
//! |---|---|
//! | [`target`] | what is checked, and how its program is started |
//! | [`connect`] | connecting to the server under test |
//! | [`accept`] | waiting for the client under test, and telling strangers apart |
//! | [`udp`] | the same for datagrams |
//! | [`elsewhere`] | the client under test that goes to another address |
//! | [`ends`] | how the program under test ends |

mod accept;
mod connect;
mod elsewhere;
mod ends;
mod target;
pub mod udp;

use crate::command::Template;
use crate::limit::{Cut, Known, Limit, seconds};
use crate::misconceptions as m;
use crate::ports::Port;
use crate::process::{Answers, Group, Input, Invocation, Running};
use crate::scratch::Scratch;
use crate::verdict::{Log, Step, Stop, wrong};
use lab_journal::Journal;
use lab_netns::Closed;
use std::net::{Ipv4Addr, SocketAddr};
use std::path::PathBuf;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};
use std::{fs, io};

pub use target::{Launch, Recorder, Target};

/// How long a program may take until it listens, or
/// connects: interpreters start slowly on a busy machine.
const START_PATIENCE: Duration = Duration::from_secs(15);

/// A wait for a program's start.
struct Starting {
    begin: Instant,
    /// How long a start may take.
    full: Duration,
    /// The end of that, or of the case where that comes first.
    deadline: Instant,
}

/// What a case works with.
pub struct Harness<'a> {
    target: &'a Target,
    /// Randomness that the seed repeats.
    pub random: fastrand::Rng,
    /// What happens.
    pub log: Log,
    /// Where the server under test listens, or where we listen for a client under test.
    pub address: SocketAddr,
    /// What the sheet leaves open, to be told as notes.
    pub notes: Vec<String>,
    /// Kept as long as the harness: nobody else takes the port.
    _port: Option<Port>,
    programs: Vec<Running>,
    /// The command, with the scratch folder filled in where it asks for one.
    command: Template,
    /// Removed after the programs have ended.
    _scratch: Option<Scratch>,
    deadline: Instant,
    /// Whether the deadline has cut a step short.
    cut: Cut,
    /// What steps know of the programs.
    known: Known,
    clients: usize,
    groups: Groups,
    /// The network that the case has to itself, where it has one.
    network: Closed,
    /// When the case began.
    pub began: SystemTime,
    /// Where the tracer writes what it sees of the programs.
    records: Option<Scratch>,
}

/// Where the tracer writes what it sees of a program.
fn record_of(folder: &Scratch, number: usize) -> PathBuf {
    folder.path().join(format!("{number}.json"))
}

/// The programs that a case has started, for anyone who has to end them from another thread.
pub type Groups = Arc<Mutex<Vec<Group>>>;

impl<'a> Harness<'a> {
    /// An empty harness for a case, in the network that [`Target::enter_network`] gave.
    ///
    /// # Errors
    ///
    /// When there is no port, or no folder can be made.
    pub fn new(target: &'a Target, case: &str, network: Closed) -> io::Result<Self> {
        let port = match target.has_port() {
            true => Some(Port::take(target.protocol)?),
            false => None,
        };
        let host = match target.command.has("host") {
            true => Ipv4Addr::LOCALHOST.into(),
            false => target.address.ip(),
        };
        let mut command = target.command.clone();
        let mut scratch = None;
        if command.has("scratch") {
            let folder = scratch.insert(Scratch::new()?);
            command = command.with_folder("scratch", folder.path());
        }
        let number = port
            .as_ref()
            .map_or(target.address.port(), |port| port.number);
        // Each case has its own sequence: alone, with
        // --only, it plays the same as among the others.
        let seed = case.bytes().fold(target.seed, |seed, byte| {
            seed.wrapping_mul(0x0100_0000_01b3) ^ u64::from(byte)
        });
        Ok(Harness {
            target,
            random: fastrand::Rng::with_seed(seed),
            log: Log::default(),
            address: SocketAddr::new(host, number),
            notes: Vec::new(),
            _port: port,
            programs: Vec::new(),
            command,
            _scratch: scratch,
            deadline: target.until.min(Instant::now() + target.case_limit),
            cut: Cut::default(),
            known: Known::default(),
            clients: 0,
            groups: Groups::default(),
            network,
            began: SystemTime::now(),
            records: match target.recorder {
                Some(_) => Some(Scratch::new()?),
                None => None,
            },
        })
    }

    /// How long a step may take.
    pub fn patience(&self) -> Duration {
        self.target.patience
    }

    /// Whether the time for the whole case is up.
    pub fn is_over(&self) -> bool {
        Instant::now() >= self.deadline
    }

    /// How long steps with the program that was started last may wait.
    pub fn limit(&self) -> Limit {
        Limit {
            patience: self.target.patience,
            end: self.deadline,
            group: self.programs.last().map_or(0, Running::id),
            cut: self.cut.clone(),
            known: self.known.clone(),
        }
    }

    /// Whether the end of the case has cut a step short: what
    /// did not come in it says nothing about the program.
    pub fn was_cut_short(&self) -> bool {
        self.cut.was()
    }

    /// How long a case may take, in words: `40 seconds`.
    pub fn case_limit(&self) -> String {
        seconds(self.target.case_limit)
    }

    /// When a case that does not look at its time is stopped by
    /// force, a little after all that does look at it has ended.
    pub fn last_moment(&self) -> Instant {
        const ENDS_BY_ITSELF: Duration = Duration::from_secs(1);
        (self.deadline + START_PATIENCE).min(self.target.until + ENDS_BY_ITSELF)
    }

    /// The programs, as they are started.
    pub fn groups(&self) -> Groups {
        Arc::clone(&self.groups)
    }

    /// A wait for a program's start that begins now.
    fn starting(&self) -> Starting {
        let begin = Instant::now();
        let full = START_PATIENCE.max(self.target.patience);
        Starting {
            begin,
            full,
            deadline: self.deadline.min(begin + full),
        }
    }

    /// Notes that a wait for a program's start was cut short, if it was.
    fn note_cut(&self, starting: &Starting) {
        if self.is_over() && starting.begin.elapsed() < starting.full {
            self.cut.note();
        }
    }

    /// What a client of this exercise is told to send: this,
    /// or the exercise's own message where it is empty.
    pub fn message_or<'m>(&self, message: &'m str) -> &'m str {
        match message {
            "" => self.target.message,
            message => message,
        }
    }

    /// Whether the command has a place for the message: then a case chooses what a client sends.
    pub fn chooses_message(&self) -> bool {
        self.target.command.has("message")
    }

    /// For a case that only a message of the check's own choice can play.
    ///
    /// # Errors
    ///
    /// When the command has no place for one: the case is not asked.
    pub fn must_choose_message(&self) -> Step {
        match self.chooses_message() {
            true => Ok(()),
            false => Err(Stop::NotAsked(
                "the command has no {message}, so the check could not choose what the program sends".into(),
            )),
        }
    }

    /// Something that the sheet leaves open.
    pub fn note(&mut self, text: impl Into<String>) {
        self.notes.push(text.into());
    }

    /// The same, once however often it is found.
    pub fn note_once(&mut self, text: &str) {
        if !self.notes.iter().any(|note| note == text) {
            self.note(text);
        }
    }

    /// Starts the program under test.
    ///
    /// # Errors
    ///
    /// When the system cannot start it.
    pub fn start(&mut self, message: &str) -> Step {
        self.launch(&Launch {
            message,
            ..Launch::default()
        })
    }

    /// Starts the program under test, with something on its stdin.
    ///
    /// # Errors
    ///
    /// When the system cannot start it.
    pub fn start_with(&mut self, message: &str, input: Input) -> Step {
        self.launch(&Launch {
            message,
            input: Some(input),
            ..Launch::default()
        })
    }

    /// Starts the program under test, in whatever surroundings.
    ///
    /// # Errors
    ///
    /// When the system cannot start it.
    pub fn launch(&mut self, launch: &Launch<'_>) -> Step {
        let message = self.message_or(launch.message);
        let mut words = self.command.fill(self.address, launch.host, message);
        if let Some((first, last)) = launch.ports {
            for word in &mut words {
                *word = word
                    .replace("{ports}", &format!("{first}-{last}"))
                    .replace("{first}", &first.to_string())
                    .replace("{last}", &last.to_string());
            }
        }
        let program = words.first().cloned().unwrap_or_default();
        if let Some(count) = launch.descriptors {
            // The shell sets the limit and becomes the program:
            // from its first call on there is no other.
            let script = format!("ulimit -n {count} && exec \"$@\"");
            let shell = ["sh", "-c", &script, "sh"].map(String::from);
            words.splice(0..0, shell);
        }
        let recorded = self.record(&mut words);
        let answers = |address_only| {
            Input::Answers(Box::new(Answers {
                kind: self.target.kind,
                host: launch
                    .host
                    .map_or_else(|| self.address.ip().to_string(), str::to_string),
                port: self.address.port(),
                ports: launch.ports,
                message: message.to_string(),
                knows_port: self.target.has_port(),
                address_only,
                log: self.log.clone(),
            }))
        };
        let invocation = Invocation {
            words,
            folder: self.target.folder.clone(),
            input: match &launch.input {
                None => answers(false),
                // Where to connect may be asked before what the case types.
                Some(Input::Keyboard) if cfg!(target_os = "linux") => answers(true),
                Some(input) => input.clone(),
            },
            recorded,
        };
        match Running::start(&invocation) {
            Ok(program) => {
                labnet::lock(&self.groups).push(program.group());
                self.known.started(program.id());
                self.programs.push(program);
                Ok(())
            }
            Err(error) if error.kind() == io::ErrorKind::NotFound => Err(Stop::Undecided(format!(
                "the command names a program that is not there ({program}: {error}); look at its path, seen from the folder in \
                 which it runs"
            ))),
            Err(error) => Err(wrong(
                &m::NOT_STARTED,
                format!("{program} could not be started: {error}."),
            )),
        }
    }

    /// Has the tracer record a program that is about to be started, where it records; says whether.
    fn record(&self, words: &mut Vec<String>) -> bool {
        let (Some(tracer), Some(folder)) = (&self.target.recorder, &self.records) else {
            return false;
        };
        let began = self.began.duration_since(UNIX_EPOCH).unwrap_or_default();
        // On the machine's network are other programs' packets as well.
        let packets = self.target.own_network && lab_netns::pass_on_capturing().is_ok();
        let lead = [
            tracer.program.to_string_lossy().into_owned(),
            "--record-part".to_string(),
            record_of(folder, self.programs.len())
                .to_string_lossy()
                .into_owned(),
            began.as_nanos().to_string(),
            crate::journal::side(self.target.kind).name().to_string(),
            if packets { "packets" } else { "calls" }.to_string(),
            if tracer.lines { "lines" } else { "plain" }.to_string(),
        ];
        words.splice(0..0, lead);
        true
    }

    /// What the tracer has seen of each program, in their order, once they have ended; `None` for a
    /// program of which it could not tell.
    pub fn recorded(&self) -> Vec<Option<Journal>> {
        let Some(folder) = &self.records else {
            return Vec::new();
        };
        let read = |number| {
            let text = fs::read_to_string(record_of(folder, number)).ok()?;
            Journal::from_json(&text).ok()
        };
        (0..self.programs.len()).map(read).collect()
    }

    /// Whether the command has a place of this name.
    pub fn has_place(&self, place: &str) -> bool {
        self.target.command.has(place)
    }

    /// The program that was started last.
    ///
    /// # Errors
    ///
    /// When none was: a mistake in the case.
    pub fn program(&mut self) -> Step<&mut Running> {
        self.programs.last_mut().ok_or_else(|| {
            Stop::Undecided("the case asks for a program before it starts one".to_string())
        })
    }
}
