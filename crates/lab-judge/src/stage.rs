//! Where a case plays: the program under test, our side of the wire, and the time there is.

mod accept;
pub mod udp;

use std::io;
use std::net::{Ipv4Addr, SocketAddr};
use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

use crate::command::Template;
use crate::kernel;
use crate::limit::{Cut, Limit, seconds};
use crate::misconceptions as m;
use crate::network;
use crate::peers::tcp::{self, Connection, HeardEnd, Taken};
use crate::ports::{Port, Protocol};
use crate::process::{Ended, Group, Input, Invocation, Running};
use crate::scratch::Scratch;
use crate::verdict::{Log, Step, Stop, What, undecided, wrong};

/// How long a program may take until it listens, or connects: interpreters start slowly on a busy machine.
const START_PATIENCE: Duration = Duration::from_secs(15);
/// How long is waited for a program's end after its connection has ended, for the evidence only.
const END_GRACE: Duration = Duration::from_millis(300);

/// What is checked, and how.
#[derive(Debug, Clone)]
pub struct Target {
    /// The command line.
    pub command: Template,
    /// The address that the sheet gives, for a command that takes none.
    pub address: SocketAddr,
    /// TCP or UDP.
    pub protocol: Protocol,
    /// How long a step may take.
    pub patience: Duration,
    /// How long a case may take.
    pub case_limit: Duration,
    /// The folder in which the program runs.
    pub folder: Option<PathBuf>,
    /// What is random follows from it.
    pub seed: u64,
    /// When the whole check has to be over.
    pub until: Instant,
    /// Whether each case is played in a network of its own.
    pub own_network: bool,
}

impl Target {
    /// Whether the command says on which port; without it the sheet's own is used.
    pub fn has_port(&self) -> bool {
        self.command.has("port")
    }

    /// Whether cases may run side by side: each needs a port or a network of its own, or no port
    /// at all (a program that is alone has the port 0).
    pub fn side_by_side(&self) -> bool {
        self.has_port() || self.own_network || self.address.port() == 0
    }

    /// Whether nobody listens on the sheet's port, but connections of the past hold it against a server that does not set SO_REUSEADDR.
    pub fn held_by_the_past(&self) -> bool {
        let plain = socket2::Socket::new(
            socket2::Domain::for_address(self.address),
            socket2::Type::STREAM,
            None,
        )
        .and_then(|socket| socket.bind(&self.address.into()));
        self.protocol == Protocol::Tcp && plain.is_err() && tcp::listen(self.address).is_ok()
    }

    /// Moves the calling thread into a network of its own, where the target wants one.
    ///
    /// # Errors
    ///
    /// When the system has no such networks, or refuses.
    pub fn enter_network(&self) -> anyhow::Result<()> {
        match self.own_network {
            true => network::enter(self.address.ip()),
            false => Ok(()),
        }
    }
}

/// How the program under test is started.
#[derive(Debug, Clone, Default)]
pub struct Launch<'a> {
    /// What stands for `{message}`.
    pub message: &'a str,
    /// What it reads from stdin.
    pub input: Input,
    /// What stands for `{host}`, in place of the address.
    pub host: Option<&'a str>,
    /// What stands for `{ports}`, `{first}` and `{last}`.
    pub ports: Option<(u16, u16)>,
    /// How many descriptors it may have open. Unix only.
    pub descriptors: Option<u32>,
}

/// Where a program listens that should listen on the stage's address.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Listens {
    Here,
    Elsewhere(SocketAddr),
    Nowhere,
}

/// A wait for a program's start.
struct Starting {
    begin: Instant,
    /// How long a start may take.
    full: Duration,
    /// The end of that, or of the case where that comes first.
    deadline: Instant,
}

/// What a case works with.
pub struct Stage<'a> {
    target: &'a Target,
    /// Randomness that the seed repeats.
    pub random: fastrand::Rng,
    /// What happens.
    pub log: Log,
    /// Where the server under test listens, or where we listen for a client under test.
    pub address: SocketAddr,
    /// What the sheet leaves open, to be told as notes.
    pub notes: Vec<String>,
    /// Kept as long as the stage: nobody else takes the port.
    _port: Option<Port>,
    programs: Vec<Running>,
    /// The command, with the scratch folder filled in where it asks for one.
    command: Template,
    /// Removed after the programs have ended.
    _scratch: Option<Scratch>,
    deadline: Instant,
    /// Whether the deadline has cut a step short.
    cut: Cut,
    clients: usize,
    groups: Groups,
}

/// The programs that a case has started, for whoever has to end them from another thread.
pub type Groups = Arc<Mutex<Vec<Group>>>;

impl<'a> Stage<'a> {
    /// An empty stage for a case.
    ///
    /// # Errors
    ///
    /// When there is no port, or no folder can be made.
    pub fn new(target: &'a Target, case: &str) -> io::Result<Self> {
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
        // Each case has a sequence of its own: alone, with --only, it plays the same as among the others.
        let seed = case.bytes().fold(target.seed, |seed, byte| {
            seed.wrapping_mul(0x0100_0000_01b3) ^ u64::from(byte)
        });
        Ok(Stage {
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
            clients: 0,
            groups: Groups::default(),
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
        }
    }

    /// Whether the end of the case has cut a step short: what did not come in it says nothing about the program.
    pub fn was_cut_short(&self) -> bool {
        self.cut.was()
    }

    /// How long a case may take, in words: `40 seconds`.
    pub fn case_limit(&self) -> String {
        seconds(self.target.case_limit)
    }

    /// When a case that does not look at its time is stopped by force, a little after all that does look at it has ended.
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

    /// Whether the command has a place for the message: then a case chooses what a client sends.
    pub fn chooses_message(&self) -> bool {
        self.target.command.has("message")
    }

    /// Something that the sheet leaves open.
    pub fn note(&mut self, text: impl Into<String>) {
        self.notes.push(text.into());
    }

    /// Starts the program under test.
    ///
    /// # Errors
    ///
    /// When the system cannot start it.
    pub fn start(&mut self, message: &str) -> Step {
        self.start_with(message, Input::Empty)
    }

    /// Starts the program under test, with something on its stdin.
    ///
    /// # Errors
    ///
    /// When the system cannot start it.
    pub fn start_with(&mut self, message: &str, input: Input) -> Step {
        self.launch(&Launch {
            message,
            input,
            ..Launch::default()
        })
    }

    /// Starts the program under test, in whatever surroundings.
    ///
    /// # Errors
    ///
    /// When the system cannot start it.
    pub fn launch(&mut self, launch: &Launch<'_>) -> Step {
        let mut words = self.command.fill(self.address, launch.host, launch.message);
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
            // The shell sets the limit and becomes the program: from its first call on there is no other.
            let script = format!("ulimit -n {count} && exec \"$@\"");
            let shell = ["sh", "-c", &script, "sh"].map(String::from);
            words.splice(0..0, shell);
        }
        let invocation = Invocation {
            words,
            folder: self.target.folder.clone(),
            input: launch.input.clone(),
        };
        match Running::start(&invocation) {
            Ok(program) => {
                self.groups
                    .lock()
                    .unwrap_or_else(PoisonError::into_inner)
                    .push(program.group());
                self.programs.push(program);
                Ok(())
            }
            Err(error) => Err(wrong(
                &m::NOT_STARTED,
                format!("{program} could not be started: {error}."),
            )),
        }
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

    /// All programs of the case, ended, for the report.
    pub fn end(&mut self) -> &mut [Running] {
        // The last one first: a server that was started again before the one that was killed.
        for program in self.programs.iter_mut().rev() {
            program.stop();
        }
        &mut self.programs
    }

    /// Starts the server under test and connects the first client, as soon as it listens.
    ///
    /// # Errors
    ///
    /// When it never listens.
    pub fn serve(&mut self) -> Step<Connection> {
        self.start("")?;
        self.connect()
    }

    /// Connects a client to the server under test; the first one waits until it listens.
    ///
    /// # Errors
    ///
    /// When it does not listen (any more).
    pub fn connect(&mut self) -> Step<Connection> {
        self.connect_with(None)
    }

    /// Connects a client with a receive buffer of a given size, in bytes.
    ///
    /// # Errors
    ///
    /// When the server does not listen (any more).
    pub fn connect_with(&mut self, receive_buffer: Option<usize>) -> Step<Connection> {
        self.clients += 1;
        let who = format!("client {}", self.clients);
        let stream = self.connected(receive_buffer)?;
        self.log.did(&who, "connected");
        Connection::new(stream, &who, &self.log, self.limit())
            .map_err(|error| undecided("cannot prepare a connection", &error))
    }

    /// A refused connection disturbs nobody, so asking again and again is a way to learn when a server listens.
    fn connected(&mut self, receive_buffer: Option<usize>) -> Step<std::net::TcpStream> {
        let starting = self.starting();
        let Starting {
            begin, deadline, ..
        } = starting;
        let first = self.clients == 1;
        let mut pause = Duration::from_micros(500);
        let mut elsewhere = false;
        loop {
            let error = match tcp::connect(self.address, receive_buffer, self.target.patience) {
                Ok(stream) => return Ok(stream),
                Err(error) => error,
            };
            let address = self.address;
            let running = self.program()?;
            if running.floods() {
                return Err(wrong(
                    &m::FLOODS,
                    "The program printed more than 64 MiB and was stopped.",
                ));
            }
            if let Some(ended) = running.ended() {
                running.drained();
                return Err(if first {
                    wrong(
                        &m::ENDS_AT_ONCE,
                        format!("The program {ended} before it listened on {address}."),
                    )
                } else {
                    wrong(
                        &m::ENDS_AFTER_FIRST,
                        format!("When the next client came, the program was gone: it {ended}."),
                    )
                });
            }
            // A program that listens elsewhere will not come here. Asked twice: it may have begun to listen here after we tried.
            let group = self.program()?.id();
            // Nobody calls accept, and the program does nothing else either.
            let full_queue = error.kind() == io::ErrorKind::TimedOut
                && self.listens(&error)? == Listens::Here
                && !kernel::at_work(group);
            if elsewhere || full_queue || self.gives_up(deadline, group) {
                if !elsewhere && !full_queue {
                    self.note_cut(&starting);
                }
                // Once more: it may have begun to listen, or called accept, while we looked.
                let patience = self.target.patience;
                return tcp::connect(self.address, receive_buffer, patience)
                    .map_err(|error| self.not_connected(&error, begin.elapsed()));
            }
            elsewhere = begin.elapsed() >= self.target.patience
                && matches!(self.listens(&error)?, Listens::Elsewhere(_));
            thread::sleep(pause);
            pause = (pause * 2).min(Duration::from_millis(20));
        }
    }

    /// Whether it is no use to wait any longer: not while a program that starts is kept from running by others.
    fn gives_up(&self, deadline: Instant, group: u32) -> bool {
        Instant::now() >= deadline && (self.is_over() || !kernel::at_work(group))
    }

    /// Where the program listens, after a client could not connect for this reason.
    fn listens(&mut self, error: &io::Error) -> Step<Listens> {
        let address = self.address;
        let all = kernel::listening(self.target.protocol.name(), self.program()?.id());
        // Who waits in vain knocks at a queue that is full. Who is refused may have met [::] that takes no IPv4.
        let in_vain = error.kind() == io::ErrorKind::TimedOut;
        let here = |local: &SocketAddr| {
            kernel::takes(*local, address) && (in_vain || local.is_ipv4() == address.is_ipv4())
        };
        Ok(match all.first() {
            _ if all.iter().any(here) => Listens::Here,
            Some(other) => Listens::Elsewhere(*other),
            None => Listens::Nowhere,
        })
    }

    fn not_connected(&mut self, error: &io::Error, waited: Duration) -> Stop {
        // In whole seconds: the same words each time.
        let waited = Duration::from_secs(waited.as_secs());
        let address = self.address;
        let listens = match self.listens(error) {
            Ok(listens) => listens,
            Err(stop) => return stop,
        };
        if listens == Listens::Here && error.kind() == io::ErrorKind::TimedOut {
            let who = format!("client {}", self.clients);
            self.log.add(
                &who,
                What::Awaited(format!("a connection with {address}"), waited),
            );
            return wrong(
                &m::BLOCKS_ALL,
                format!(
                    "The program listens on {address}, but {who} could not even connect: the queue of listen is full, and nobody \
                     calls accept."
                ),
            );
        }
        // Without the number: the words say the same.
        let error = error.to_string();
        let error = error.split(" (os error").next().unwrap_or_default();
        let mut summary = format!("The program runs, but nothing listens on {address} ({error}).");
        if let Listens::Elsewhere(other) = listens {
            summary.push_str(&format!(" It listens on {other} instead."));
        }
        self.log.add(
            "client 1",
            What::Awaited(format!("a server that listens on {address}"), waited),
        );
        wrong(&m::NOT_LISTENING, summary)
    }

    /// Waits until the program under test has ended by itself.
    ///
    /// # Errors
    ///
    /// When it does not end in time.
    pub fn ends(&mut self, after: &str) -> Step<Ended> {
        self.ends_within(self.target.patience, after, &m::HANGS)
    }

    /// Waits until a program that has just been started has ended by itself.
    ///
    /// # Errors
    ///
    /// When it does not end in time.
    pub fn ends_after_start(&mut self, after: &str) -> Step<Ended> {
        let patience = START_PATIENCE.max(self.target.patience);
        self.ends_within(patience, after, &m::HANGS)
    }

    /// Waits until the program under test has ended by itself, this long.
    ///
    /// # Errors
    ///
    /// When it does not end in time: then that is a sign of the suspected mistake.
    pub fn ends_within(
        &mut self,
        patience: Duration,
        after: &str,
        suspect: &'static m::Misconception,
    ) -> Step<Ended> {
        let limit = Limit {
            patience,
            ..self.limit()
        };
        let mut step = limit.step();
        let program = self.program()?;
        loop {
            if let Some(ended) = program.wait(step.tick()) {
                program.drained();
                return Ok(ended);
            }
            if step.is_over() {
                break;
            }
        }
        self.log.add(
            "we",
            What::Awaited("the program's end".to_string(), step.waited()),
        );
        Err(wrong(
            suspect,
            format!("The program still ran {} {after}.", seconds(patience)),
        ))
    }

    /// For the evidence: whether the program has ended, with a moment's grace since its connection ends a little before it.
    pub fn ended_with(&mut self) -> Option<Ended> {
        let program = self.programs.last_mut()?;
        let ended = program.wait(END_GRACE);
        if ended.is_some() {
            program.drained();
        }
        ended
    }

    /// A sentence about how listening ended, with the program's own end where there was one.
    pub fn ending(&mut self, end: HeardEnd) -> String {
        let patience = self.target.patience;
        let words = end.words(patience);
        match end {
            HeardEnd::Closed | HeardEnd::Reset => match self.ended_with() {
                Some(ended) => format!("{words}, and {ended}"),
                None => words,
            },
            _ => words,
        }
    }

    /// Checks that the bytes were taken.
    ///
    /// # Errors
    ///
    /// When the program did not read them, or has hung up.
    pub fn must_take(&mut self, taken: Taken, suspect: &'static m::Misconception) -> Step {
        match taken {
            Taken::Yes => Ok(()),
            Taken::Gone => {
                let ending = self.ending(HeardEnd::Closed);
                Err(wrong(
                    suspect,
                    format!(
                        "While we were still sending, {}.",
                        ending.trim_start_matches("then ")
                    ),
                ))
            }
            Taken::No => Err(wrong(
                suspect,
                format!(
                    "The program stopped reading: for {} it took nothing.",
                    seconds(self.patience())
                ),
            )),
        }
    }

    /// Kills the server under test as a crash would, and starts it again at once on its port.
    ///
    /// # Errors
    ///
    /// When the system cannot start it.
    pub fn restart(&mut self) -> Step {
        self.program()?.kill();
        self.log.did("we", "killed the server and started it again");
        // Clients are counted from the beginning: the next one waits until the new server listens.
        self.clients = 0;
        self.start("")
    }
}
