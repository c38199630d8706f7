//! The exercises, as each crate describes itself in its `Cargo.toml`.
//!
//! ```toml
//! [package.metadata.lab]
//! sheet = "dsd"                 # one of [[workspace.metadata.lab.sheets]]
//! exercise = "echo"             # what `cargo lab run` calls it; both sides say the same
//! title = "Exercise 4: add numbers"
//! order = 4                     # its place on the sheet
//! role = "server"               # server, client, program; library, router, service, caller
//! python = "left to the student"  # the sheet's name for its Python file
//! teaches = "A protocol of your own, and why one recv is not one message"
//! calls = ["socket", "bind"]    # system calls to be met, in their order
//! args = ["--port", "9900"]     # may be left out: what the program needs on its command line
//! address = "127.0.0.1:65432"   # where a server listens unless told otherwise
//! one-shot = true               # may be left out: a server that ends with its first client
//! interactive = true            # may be left out: a client that reads the user's keyboard
//! engine = true                 # may be left out: no lab program of one file, with its own tests
//! needs = "web-server"          # may be left out: `cargo lab run` starts one
//! ```

use std::path::{Path, PathBuf};

use anyhow::{Context, anyhow, bail};
use labnet::{Hint, did_you_mean};

use crate::cargo;
use crate::json::{self, Json};

/// All that a workspace offers.
#[derive(Debug)]
pub struct Catalog {
    /// The workspace's folder.
    pub root: PathBuf,
    /// The sheets in the root manifest's order.
    pub sheets: Vec<Sheet>,
}

/// A sheet of a course, with its exercises in their order.
#[derive(Debug)]
pub struct Sheet {
    /// Its short name: `dsd`.
    pub id: String,
    /// Its title.
    pub title: String,
    /// Its exercises.
    pub exercises: Vec<Exercise>,
}

/// What one `cargo lab run` runs: a server and a client, or one program.
#[derive(Debug)]
pub struct Exercise {
    /// Its name on the command line.
    pub id: String,
    /// Its title.
    pub title: String,
    /// Its programs by role.
    pub programs: Vec<Program>,
}

/// Who takes part in a run.
#[derive(Debug, Clone, Copy)]
pub enum Roles<'a> {
    /// A server and its client.
    Pair(&'a Program, &'a Program),
    /// A program that needs no other of ours.
    Alone(&'a Program),
    /// A router, a service and a caller.
    Demo(&'a Program, &'a Program, &'a Program),
}

/// A package of the labs.
#[derive(Debug, Clone)]
pub struct Program {
    /// Package, binary and folder name.
    pub package: String,
    /// Its folder, from the workspace's root, with `/`.
    pub folder: String,
    /// Sheet's short name.
    pub sheet: String,
    /// Exercise's name.
    pub exercise: String,
    /// Exercise's title.
    pub title: String,
    /// Place on the sheet.
    pub order: u64,
    /// What it is in its exercise.
    pub role: Role,
    /// The sheet's name for its Python file.
    pub python: String,
    /// What it teaches, in one line.
    pub teaches: String,
    /// System calls to be met, in their order.
    pub calls: Vec<String>,
    /// What it needs on its command line.
    pub args: Vec<String>,
    /// A server that ends with its first client.
    pub one_shot: bool,
    /// A client that reads the user's keyboard.
    pub interactive: bool,
    /// Talks to a web server.
    pub needs_web_server: bool,
}

/// What a package is in its exercise, in the order in which lists show them.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Role {
    /// Code that the others share.
    Library,
    /// Passes messages between services and callers.
    Router,
    /// Offers something through a router.
    Service,
    /// Asks for something through a router.
    Caller,
    /// Waits for clients.
    Server,
    /// Talks to a server.
    Client,
    /// Is alone in its exercise.
    Program,
}

impl Role {
    const ALL: [(Role, &str); 7] = [
        (Role::Library, "library"),
        (Role::Router, "router"),
        (Role::Service, "service"),
        (Role::Caller, "caller"),
        (Role::Server, "server"),
        (Role::Client, "client"),
        (Role::Program, "program"),
    ];

    /// The role's word in a manifest.
    pub fn name(self) -> &'static str {
        Role::ALL
            .iter()
            .find(|(role, _)| *role == self)
            .map_or("program", |(_, name)| name)
    }
}

impl Catalog {
    /// Reads the workspace of the current folder.
    ///
    /// # Errors
    ///
    /// When there is none, or a manifest's description is incomplete: the error names file and key.
    pub fn read() -> anyhow::Result<Self> {
        Catalog::from_metadata(&cargo::metadata()?)
    }

    fn from_metadata(metadata: &Json) -> anyhow::Result<Self> {
        let root = PathBuf::from(
            json::text(json::at(metadata, &["workspace_root"]))
                .context("cargo metadata names no workspace root")?,
        );
        let mut sheets = Vec::new();
        for sheet in json::list(json::at(metadata, &["metadata", "lab", "sheets"])) {
            let at = "[[workspace.metadata.lab.sheets]] in the root Cargo.toml";
            sheets.push(Sheet {
                id: text(sheet, "id", at)?,
                title: text(sheet, "title", at)?,
                exercises: Vec::new(),
            });
        }
        let mut programs = Vec::new();
        for package in json::list(json::at(metadata, &["packages"])) {
            if json::at(package, &["metadata", "lab"]).is_object() {
                programs.push(Program::from_metadata(package, &root)?);
            }
        }
        // Both sides of an exercise share its place on the
        // sheet; socket5 and socket6 are one exercise, in order.
        programs.sort_by(|a, b| (a.order, a.role, &a.package).cmp(&(b.order, b.role, &b.package)));
        for program in programs {
            let sheet = sheets
                .iter_mut()
                .find(|sheet| sheet.id == program.sheet)
                .with_context(|| {
                    format!(
                        "{}/Cargo.toml names the sheet {}, which the root Cargo.toml does not know",
                        program.folder, program.sheet
                    )
                })?;
            let place = sheet
                .exercises
                .iter_mut()
                .find(|e| e.id == program.exercise);
            match place {
                Some(exercise) => exercise.programs.push(program),
                None => sheet.exercises.push(Exercise {
                    id: program.exercise.clone(),
                    title: program.title.clone(),
                    programs: vec![program],
                }),
            }
        }
        Ok(Catalog { root, sheets })
    }

    /// All exercises, in the order of the lists.
    pub fn exercises(&self) -> impl Iterator<Item = &Exercise> {
        self.sheets.iter().flat_map(|sheet| &sheet.exercises)
    }

    /// The exercise of this name; a package's name stands for its exercise.
    ///
    /// # Errors
    ///
    /// When there is none: the hint suggests names that are like it.
    pub fn exercise(&self, name: &str) -> anyhow::Result<&Exercise> {
        if let Some(exercise) = self.exercises().find(|exercise| exercise.id == name) {
            return Ok(exercise);
        }
        let has_it = |exercise: &&Exercise| exercise.programs.iter().any(|p| p.package == name);
        if let Some(exercise) = self.exercises().find(has_it) {
            return Ok(exercise);
        }
        let names = self.exercises().map(|exercise| exercise.id.as_str());
        let hint = did_you_mean(name, names, "cargo lab list shows them all");
        Err(anyhow!("there is no exercise {name}")).hint(hint)
    }

    /// The exercise that examples name: the first with a server and a client.
    pub fn example(&self) -> Option<&str> {
        let mut exercises = self.exercises();
        let pair = exercises.find(|exercise| matches!(exercise.roles(), Ok(Roles::Pair(..))));
        pair.map(|exercise| exercise.id.as_str())
    }

    /// The names of all exercises and programs, in the order of the lists.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        self.exercises().flat_map(|exercise| {
            let programs = exercise.programs.iter();
            std::iter::once(exercise.id.as_str()).chain(programs.map(|p| p.package.as_str()))
        })
    }

    /// The sheet of this short name.
    ///
    /// # Errors
    ///
    /// When there is none: the hint lists them.
    pub fn sheet(&self, id: &str) -> anyhow::Result<&Sheet> {
        let ids: Vec<&str> = self.sheets.iter().map(|sheet| sheet.id.as_str()).collect();
        self.sheets
            .iter()
            .find(|sheet| sheet.id == id)
            .with_context(|| format!("there is no sheet {id}"))
            .hint(format!("the sheets are {}", ids.join(", ")))
    }
}

impl Exercise {
    /// Who takes part when it is run.
    ///
    /// # Errors
    ///
    /// When it is neither a server and a client, nor one
    /// program, nor a router, a service and a caller.
    pub fn roles(&self) -> anyhow::Result<Roles<'_>> {
        let with = |role| self.programs.iter().find(|program| program.role == role);
        if let (Some(router), Some(service), Some(caller)) =
            (with(Role::Router), with(Role::Service), with(Role::Caller))
        {
            return Ok(Roles::Demo(router, service, caller));
        }
        match (with(Role::Server), with(Role::Client), with(Role::Program)) {
            (Some(server), Some(client), _) => Ok(Roles::Pair(server, client)),
            (_, _, Some(program)) => Ok(Roles::Alone(program)),
            _ => {
                let folders: Vec<String> = self
                    .programs
                    .iter()
                    .map(|program| format!("{}/README.md", program.folder))
                    .collect();
                Err(anyhow!(
                    "{} is not a server and client that one command could run",
                    self.id
                ))
                .hint(format!(
                    "how it is run is written in {}",
                    folders.join(", ")
                ))
            }
        }
    }
}

impl Program {
    fn from_metadata(package: &Json, root: &Path) -> anyhow::Result<Self> {
        let manifest = json::text(json::at(package, &["manifest_path"]))
            .context("cargo metadata names no manifest")?;
        let folder = folder_of(Path::new(manifest), root);
        let lab = json::at(package, &["metadata", "lab"]);
        let at = format!("[package.metadata.lab] in {folder}/Cargo.toml");
        let word = text(lab, "role", &at)?;
        let role = Role::ALL
            .iter()
            .find(|(_, name)| *name == word)
            .map(|(role, _)| *role)
            .with_context(|| format!("{at} has an unknown role, {word}"))?;
        let needs_web_server = match json::text(json::at(lab, &["needs"])) {
            None => false,
            Some("web-server") => true,
            Some(other) => bail!("{at} needs {other}, which cargo lab cannot start"),
        };
        Ok(Program {
            package: text(package, "name", manifest)?,
            sheet: text(lab, "sheet", &at)?,
            exercise: text(lab, "exercise", &at)?,
            title: text(lab, "title", &at)?,
            order: json::whole(json::at(lab, &["order"]))
                .with_context(|| format!("{at} has no order, a whole number"))?,
            role,
            python: text(lab, "python", &at)?,
            teaches: text(lab, "teaches", &at)?,
            calls: texts(lab, "calls", &at)?,
            args: texts(lab, "args", &at)?,
            one_shot: switch(lab, "one-shot", &at)?,
            interactive: switch(lab, "interactive", &at)?,
            needs_web_server,
            folder,
        })
    }

    /// The command that runs it alone.
    pub fn command(&self) -> String {
        let mut command = format!("cargo run -p {}", self.package);
        if !self.args.is_empty() {
            command.push_str(" -- ");
            command.push_str(&self.args.join(" "));
        }
        command
    }
}

/// A manifest's folder from the root, with `/` on every system: it is in generated documents.
fn folder_of(manifest: &Path, root: &Path) -> String {
    let folder = manifest.parent().unwrap_or(manifest);
    let parts: Vec<_> = folder
        .strip_prefix(root)
        .unwrap_or(folder)
        .components()
        .map(|part| part.as_os_str().to_string_lossy())
        .collect();
    parts.join("/")
}

fn text(table: &Json, key: &str, at: &str) -> anyhow::Result<String> {
    json::text(json::at(table, &[key]))
        .filter(|text| !text.is_empty())
        .map(str::to_string)
        .with_context(|| format!("{at} has no {key}, a text"))
}

fn texts(table: &Json, key: &str, at: &str) -> anyhow::Result<Vec<String>> {
    let problem = || format!("{at}: {key} is not a list of texts");
    match json::at(table, &[key]) {
        Json::Null => Ok(Vec::new()),
        Json::Array(values) => values
            .iter()
            .map(|value| json::text(value).map(str::to_string).with_context(problem))
            .collect(),
        _ => bail!("{}", problem()),
    }
}

fn switch(table: &Json, key: &str, at: &str) -> anyhow::Result<bool> {
    match json::at(table, &[key]) {
        Json::Null => Ok(false),
        Json::Boolean(value) => Ok(*value),
        _ => bail!("{at}: {key} is neither true nor false"),
    }
}

#[cfg(test)]
mod tests;
