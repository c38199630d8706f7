//! What is checked: the exercise, its sides, the command for each, and the address that it gets.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use anyhow::{Context, anyhow};
use lab_judge::command::Template;
use lab_judge::exercise::{Exercise, Host, Kind, Role};
use lab_judge::harness::Target;
use lab_judge::procfs;
use lab_judge::run::{self, Plan};
use lab_judge::verdict::{Report, Side, TESTS};
use labnet::{Hint, did_you_mean};

use crate::exercises::EXERCISES;
use crate::{own_tests, tools, workspace};

/// How long a step may take, where nothing else is said.
pub const PATIENCE: Duration = Duration::from_secs(5);

/// An exercise with the sides that are to be checked.
#[derive(Clone)]
pub struct Wanted {
    /// The exercise.
    pub exercise: &'static Exercise,
    /// Its sides, and the command for each as it was given.
    pub sides: Vec<(&'static Role, String)>,
    /// How long a step may take.
    pub patience: Duration,
    /// What is random follows from it.
    pub seed: u64,
    /// Where the programs run; none is the current folder.
    pub folder: Option<PathBuf>,
    /// Whether the cases share this machine's network where each could have its own.
    pub shared_network: bool,
}

/// Our own programs that have been built, by their packages.
pub type Built = BTreeMap<String, PathBuf>;

/// What is played.
pub struct Prepared {
    /// The sides, in their turn.
    pub targets: Vec<(&'static Role, Target)>,
    /// What the reader has to know about them.
    pub remarks: Vec<String>,
}

/// The commands that were given, in the order server, client, program.
pub type Commands<'a> = [&'a Option<String>; 3];

/// Which sides to check, and with which commands. Without any command our own programs are checked.
///
/// # Errors
///
/// When there is no such exercise, or it has no such side.
pub fn sides(
    name: &str,
    given: Commands<'_>,
) -> anyhow::Result<(&'static Exercise, Vec<(&'static Role, String)>)> {
    let exercise = find(name)?;
    let kinds = [Kind::Server, Kind::Client, Kind::Program];
    let mut chosen = Vec::new();
    for (kind, command) in kinds.iter().zip(given) {
        let Some(command) = command else { continue };
        let role = exercise.roles.iter().find(|role| role.kind == *kind);
        let role = role
            .ok_or_else(|| anyhow!("{} has no {} to check", exercise.name, kind.name()))
            .hint(format!("it has: {}", options(exercise)))?;
        chosen.push((role, command.clone()));
    }
    if chosen.is_empty() {
        chosen.extend(
            exercise
                .roles
                .iter()
                .map(|role| (role, own(role).to_string())),
        );
    }
    Ok((exercise, chosen))
}

/// The word for our own program: a hand-out for a course in Python has the twins alone.
fn own(role: &Role) -> &'static str {
    let manifest = workspace::root()
        .join("crates")
        .join(role.package)
        .join("Cargo.toml");
    if manifest.exists() { "rust" } else { "python" }
}

/// Where the program is described: a hand-out has the server's description at its top.
fn readme(role: &Role) -> String {
    let own = format!("crates/{}/README.md", role.package);
    match workspace::root().join(&own).exists() {
        true => own,
        false => "README.md".to_string(),
    }
}

/// The section of a README that explains what happens on the wire: most call it "What to notice",
/// the longer ones a lesson.
fn section(readme: &str) -> Option<String> {
    let text = std::fs::read_to_string(workspace::root().join(readme)).ok()?;
    let mut sections = text.lines().filter_map(|line| line.strip_prefix("## "));
    sections
        .clone()
        .find(|section| *section == "What to notice")
        .or_else(|| sections.find(|section| section.starts_with("The lesson")))
        .map(str::to_string)
}

/// The exercise with this name.
fn find(name: &str) -> anyhow::Result<&'static Exercise> {
    if let Some(exercise) = EXERCISES.iter().find(|exercise| exercise.name == name) {
        return Ok(exercise);
    }
    let names = EXERCISES.iter().map(|exercise| exercise.name);
    let hint = did_you_mean(
        name,
        names,
        "cargo lab check lists those that can be checked",
    );
    Err(anyhow!("there is no check for an exercise {name}")).hint(hint)
}

/// The options that an exercise takes: `--server, --client`.
pub fn options(exercise: &Exercise) -> String {
    let options: Vec<String> = exercise
        .roles
        .iter()
        .map(|role| format!("--{}", role.kind.name()))
        .collect();
    options.join(", ")
}

/// The cases that were asked for by name have to exist.
///
/// # Errors
///
/// Names the first that does not.
pub fn cases_exist<'a>(
    exercise: &'static Exercise,
    sides: &[(&'static Role, String)],
    names: impl Iterator<Item = &'a String>,
) -> anyhow::Result<()> {
    for name in names {
        let mut cases = sides.iter().flat_map(|(role, _)| role.cases);
        let tests = || name == own_tests::ID && own_tests::are_there(exercise, sides);
        if !cases.any(|case| case.id == name) && !tests() {
            return Err(anyhow!("{} has no case {name}", exercise.name)).hint(format!(
                "cargo lab check {} --list shows them",
                exercise.name
            ));
        }
    }
    Ok(())
}

/// What a case counts: `whole=3`, for argh.
///
/// # Errors
///
/// Says what is taken.
pub fn weight(text: &str) -> Result<(String, u32), String> {
    text.split_once('=')
        .and_then(|(case, points)| Some((case.trim().to_string(), points.trim().parse().ok()?)))
        .filter(|(_, points)| *points <= 1000)
        .ok_or_else(|| "it is CASE=POINTS with a whole number up to 1000".to_string())
}

/// Where only root may make networks, gets the right to. Called before the first thread is started.
///
/// Where the system refuses, the cases share the machine's network: `cargo lab doctor` says so.
pub fn get_networks(shared: bool, commands: Commands<'_>) {
    // In a user namespace there is one user.
    let alone = |command: &String| !changes_user(command);
    if !shared && commands.into_iter().flatten().all(alone) {
        let _refused = lab_netns::enter_user_namespace();
    }
}

/// Whether a command runs its program as another user: by `sudo` or one of its kind.
fn changes_user(command: &str) -> bool {
    const CHANGE: [&str; 6] = ["sudo", "doas", "su", "runuser", "setpriv", "pkexec"];
    let words = shell_words::split(command).unwrap_or_default();
    let first = words.first().and_then(|word| Path::new(word).file_name());
    first.is_some_and(|first| CHANGE.iter().any(|change| first == *change))
}

/// What cases count: a file's lines, and after them
/// what was given with --weight, which goes before.
///
/// # Errors
///
/// When the file cannot be read, or a line of it makes no sense.
pub fn weights(file: Option<&Path>, given: &[(String, u32)]) -> anyhow::Result<Vec<(String, u32)>> {
    let mut all = Vec::new();
    if let Some(file) = file {
        let text = std::fs::read_to_string(file)
            .with_context(|| format!("cannot read the weights in {}", file.display()))
            .hint("each line of the file is CASE=POINTS, for example whole=2")?;
        for (number, line) in (1..).zip(text.lines()) {
            let line = line.split('#').next().unwrap_or_default().trim();
            if line.is_empty() {
                continue;
            }
            let read = weight(line).map_err(|why| anyhow!("{why}"));
            all.push(read.with_context(|| format!("{}, line {number}: {line}", file.display()))?);
        }
    }
    all.extend_from_slice(given);
    Ok(all)
}

impl Wanted {
    /// The same with one side alone. The exercise's tests need all of them.
    pub fn with_side(&self, name: &str) -> Self {
        let mut one = self.clone();
        one.sides
            .retain(|(role, _)| name == TESTS || role.kind.name() == name);
        one
    }

    /// The report before anything is known: all cases, none played.
    pub fn report(&self, plan: &Plan, weights: &[(String, u32)], strict: bool) -> Report {
        let sides = self.sides.iter().map(|(role, command)| Side {
            role: role.kind.name(),
            command: command.clone(),
            readme: readme(role),
            section: section(&readme(role)),
        });
        let cases = self.sides.iter();
        let cases = cases.flat_map(|(role, _)| run::not_played(role, plan));
        let (tests, their_case) = own_tests::not_played(self.exercise, &self.sides, plan).unzip();
        Report {
            exercise: self.exercise.name.to_string(),
            sides: sides.chain(tests).collect(),
            folder: self
                .folder
                .as_ref()
                .map(|folder| folder.to_string_lossy().into_owned()),
            seed: self.seed,
            options: self.options(),
            cases: cases.chain(their_case).collect(),
            strict,
            weights: weights.iter().cloned().collect(),
            ..Report::default()
        }
    }

    /// What of the command line a verdict may depend on, where it is not the default.
    fn options(&self) -> String {
        let mut options = String::new();
        if self.patience != PATIENCE {
            options = format!(" --patience {}", self.patience.as_secs_f64());
        }
        if self.shared_network {
            options.push_str(" --shared-network");
        }
        options
    }

    /// Builds our own programs, and gives the path of each.
    ///
    /// # Errors
    ///
    /// When one does not build.
    pub fn build(&self, plan: &Plan) -> anyhow::Result<Built> {
        // The tests build our own programs themselves, but what the compiler says is told here.
        let tests = plan.only.iter().any(|only| only == own_tests::ID);
        let own: Vec<&str> = self
            .sides
            .iter()
            .filter(|(_, command)| command == "rust")
            .filter(|(role, _)| tests || role.cases.iter().any(|case| plan.has(case)))
            .map(|(role, _)| role.package)
            .collect();
        match own.is_empty() {
            true => Ok(BTreeMap::new()),
            false => lab_core::cargo::build_in(workspace::root(), &own),
        }
    }

    /// What is played.
    ///
    /// # Errors
    ///
    /// When a command makes no sense, or the sheet's port is taken.
    pub fn targets(&self, plan: &Plan, built: &Built) -> anyhow::Result<Prepared> {
        let mut targets = Vec::new();
        let mut remarks = Vec::new();
        for (role, command) in &self.sides {
            if !role.cases.iter().any(|case| plan.has(case)) {
                continue;
            }
            let (target, remark) = self.target(role, command, built, plan)?;
            targets.push((*role, target));
            remarks.extend(remark);
        }
        Ok(Prepared { targets, remarks })
    }

    fn target(
        &self,
        role: &Role,
        command: &str,
        built: &Built,
        plan: &Plan,
    ) -> anyhow::Result<(Target, Option<String>)> {
        let mut command = Template::parse(&spelled_out(role, command, built)?)?;
        interpreter_is_there(&command)?;
        // Where our own program is given no range of ports, nothing fills one in.
        let range = ["ports", "first", "last"].into_iter();
        if let Some(place) = range.clone().find(|place| command.has(place))
            && !range
                .clone()
                .any(|place| role.arguments.contains(&format!("{{{place}}}")))
        {
            return Err(anyhow!(
                "the command has a place {{{place}}} that nothing fills in {}",
                self.exercise.name
            ))
            .hint("{ports}, {first} and {last} are for a port scanner; here there is {port}");
        }
        if command.has("message") && role.message.is_empty() {
            let (exercise, kind) = (self.exercise.name, role.kind.name());
            return Err(anyhow!(
                "the command has a place {{message}}, and the {kind} of {exercise} is given no message"
            ))
            .hint("leave {message} out of the command");
        }
        if command.has("dir") {
            let folder = self
                .folder
                .as_ref()
                .context("the command has a place {dir}, and no folder is given to fill it")
                .hint("--in FOLDER gives one; cargo lab grade fills in each submission's")?;
            command = command.with_folder("dir", folder);
        }
        let host = match role.host {
            Host::Loopback | Host::Internet => "127.0.0.1".to_string(),
            Host::OwnName if command.has("host") => "127.0.0.1".to_string(),
            Host::OwnName => labnet::host_name()?,
        };
        let address: SocketAddr = labnet::resolve(&host, role.port)?;
        // A program that is alone needs no port.
        let has_port = command.has("port") || role.port == 0;
        // An address of another network would lead nowhere from
        // there; a program that is given a port can do without.
        let own_network = (!has_port || address.ip().is_loopback())
            && !self.shared_network
            && lab_netns::available();
        if !has_port && !own_network {
            not_taken(role, address)?;
        }
        let remark = (own_network && !has_port).then(|| {
            format!(
                "the {}'s command has no {{port}}: it was run on the sheet's address, {address}, each case in its own network",
                role.kind.name()
            )
        });
        let target = Target {
            kind: role.kind,
            message: role.message,
            command,
            address,
            protocol: role.protocol,
            patience: self.patience,
            case_limit: self.patience.max(PATIENCE) * 8,
            folder: self.folder.clone(),
            seed: self.seed,
            until: plan
                .begin
                .checked_add(plan.limit)
                .unwrap_or_else(Instant::now),
            own_network,
            recorder: None,
            any_host: matches!(role.host, Host::Internet),
        };
        Ok((target, remark))
    }
}

/// The files of our own program, where a command is a
/// word for it: what a student of a hand-out edits.
pub fn own_files(role: &Role, command: &str) -> Option<PathBuf> {
    match command {
        "rust" => Some(
            workspace::root()
                .join("crates")
                .join(role.package)
                .join("src"),
        ),
        "python" => Some(twin(role)),
        _ => None,
    }
}

/// A hand-out of the Python programs has them at its top.
fn twin(role: &Role) -> PathBuf {
    let folders = [
        workspace::root().join("crates"),
        workspace::root().to_path_buf(),
    ];
    let twins = folders.map(|folder| folder.join(role.package).join("twin.py"));
    let found = twins.iter().find(|twin| twin.exists());
    found.unwrap_or(&twins[0]).clone()
}

/// The words rust and python stand for our own program and its twin.
fn spelled_out(role: &Role, command: &str, built: &Built) -> anyhow::Result<String> {
    Ok(match command {
        "rust" => {
            let program = built
                .get(role.package)
                .with_context(|| format!("cargo built no program {}", role.package))?;
            format!("{} {}", quoted(program), role.arguments)
        }
        "python" => {
            let python = if cfg!(windows) { "python" } else { "python3" };
            format!("{python} {} {}", quoted(&twin(role)), role.arguments)
        }
        other => other.to_string(),
    })
}

/// Programs that run a student's program, and that a machine
/// may lack: nothing is wrong with the student's then.
const INTERPRETERS: [&str; 9] = [
    "python3", "python", "node", "java", "ruby", "perl", "php", "cargo", "go",
];

fn interpreter_is_there(command: &Template) -> anyhow::Result<()> {
    let words = command.words();
    let Some(name) = words
        .first()
        .filter(|word| INTERPRETERS.contains(&&***word))
    else {
        return Ok(());
    };
    match tools::is_there(name) {
        true => Ok(()),
        false => Err(anyhow!(
            "there is no {name} on this machine to run the program with"
        ))
        .hint("cargo lab doctor says how to get it; or write the path of the one that you have"),
    }
}

/// A command without a place for the port needs the sheet's, for itself alone.
fn not_taken(role: &Role, address: SocketAddr) -> anyhow::Result<()> {
    let taken = match role.protocol {
        lab_judge::ports::Protocol::Tcp => lab_judge::peers::tcp::listen(address).err(),
        lab_judge::ports::Protocol::Udp => std::net::UdpSocket::bind(address).err(),
    };
    let Some(error) = taken else { return Ok(()) };
    let holder = match procfs::holder(role.protocol.name(), address.port()) {
        Some((id, name)) => format!(", which process {id} ({name}) holds"),
        None => String::new(),
    };
    Err(error)
        .with_context(|| {
            format!(
                "the command has no {{port}}, so it needs the sheet's address {address}{holder}"
            )
        })
        .hint(format!(
            "stop that program, or put {{port}} into the command: --{} \"… --port {{port}}\"",
            role.kind.name()
        ))
}

fn quoted(path: &Path) -> String {
    shell_words::quote(&path.to_string_lossy()).into_owned()
}
