//! Which programs run: a pair of the catalog, in Rust or Python, or any two commands.

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::path::{Path, PathBuf};

use anyhow::{Context, anyhow, bail};
use lab_core::cargo;
use lab_core::catalog::{Catalog, Program, Roles};
use lab_journal::Side;
use labnet::Hint;

/// The command lines of a run.
pub struct Commands {
    /// The server's. A program that runs alone has none.
    pub server: Option<Vec<OsString>>,
    /// The client's, or that of a program that runs alone.
    pub client: Vec<OsString>,
    /// How many clients run at once.
    pub clients: usize,
    /// The side of the clients: the client's, unless `cargo lab check` plays that.
    pub side: Side,
}

/// What the user named.
#[derive(Debug, Clone, Copy)]
pub struct Wanted<'a> {
    pub exercise: Option<&'a str>,
    pub server: Option<&'a str>,
    pub client: Option<&'a str>,
    pub program: Option<&'a str>,
    pub clients: usize,
}

/// The command lines for what the user named. Builds what is in Rust.
pub fn commands(wanted: Wanted<'_>) -> anyhow::Result<Commands> {
    let Wanted {
        exercise,
        server,
        client,
        program,
        clients,
    } = wanted;
    if clients == 0 {
        return Err(anyhow!("--clients 0: nobody would come")).hint("give 1 or more");
    }
    if program.is_some() && (server.is_some() || client.is_some()) {
        return Err(anyhow!("--program is a program that runs alone"))
            .hint("leave out --server and --client");
    }
    let Some(exercise) = exercise else {
        if let Some(program) = program {
            return Ok(Commands {
                server: None,
                client: words(program)?,
                clients,
                side: Side::Client,
            });
        }
        let (Some(server), Some(client)) = (server, client) else {
            return Err(anyhow!("which programs?")).hint(
                "name an exercise, or give both --server and --client, or --program for one alone",
            );
        };
        return Ok(Commands {
            server: Some(words(server)?),
            client: words(client)?,
            clients,
            side: Side::Client,
        });
    };
    let catalog = Catalog::read()?;
    let (server_program, client_program) = match catalog.exercise(exercise)?.roles()? {
        Roles::Pair(server, client) => (server, client),
        Roles::Alone(alone) if server.is_none() && client.is_none() => {
            let built = if is_rust(program) {
                cargo::build(&[alone.package.as_str()])?
            } else {
                BTreeMap::new()
            };
            return Ok(Commands {
                server: None,
                client: command(&catalog, &built, alone, program)?,
                clients,
                side: Side::Client,
            });
        }
        Roles::Alone(_) => {
            return Err(anyhow!("{exercise} is one program"))
                .hint("give --program rust, python or a command");
        }
        Roles::Demo(..) => {
            return Err(anyhow!(
                "{exercise} has more parts than a server and a client"
            ))
            .hint("cargo lab list shows which exercises are pairs");
        }
    };
    if program.is_some() {
        return Err(anyhow!("{exercise} is a server and a client"))
            .hint("give --server and --client instead of --program");
    }
    let sides = [(server_program, server), (client_program, client)];
    let rust: Vec<&str> = sides
        .iter()
        .filter(|(_, wanted)| is_rust(*wanted))
        .map(|(program, _)| program.package.as_str())
        .collect();
    let built = if rust.is_empty() {
        BTreeMap::new()
    } else {
        cargo::build(&rust)?
    };
    let [server, client] =
        sides.map(|(program, wanted)| command(&catalog, &built, program, wanted));
    Ok(Commands {
        server: Some(server?),
        client: client?,
        clients,
        side: Side::Client,
    })
}

fn is_rust(wanted: Option<&str>) -> bool {
    wanted.is_none_or(|wanted| wanted == "rust")
}

fn command(
    catalog: &Catalog,
    built: &BTreeMap<String, PathBuf>,
    program: &Program,
    wanted: Option<&str>,
) -> anyhow::Result<Vec<OsString>> {
    let mut command = match wanted {
        _ if is_rust(wanted) => {
            let binary = built
                .get(&program.package)
                .with_context(|| format!("{} has no binary of its name", program.package))?;
            vec![binary.into()]
        }
        Some("python") => {
            let twin = catalog.root.join(&program.folder).join("twin.py");
            if !twin.exists() {
                bail!("{} has no Python twin", program.package);
            }
            with_lines(&["python3".into(), twin.into()])
        }
        Some(command) => return words(command),
        None => bail!("no command for {}", program.package),
    };
    command.extend(program.args.iter().map(OsString::from));
    Ok(command)
}

/// The command of a program in Python so that the program tells its lines; any other as it is.
pub fn with_lines(command: &[OsString]) -> Vec<OsString> {
    let mut words = command.to_vec();
    let is_python = |word: &OsString| {
        let name = Path::new(word).file_name().unwrap_or_default();
        name == "python3" || name == "python"
    };
    if let [first, file, ..] = command
        && is_python(first)
        && Path::new(file)
            .extension()
            .is_some_and(|ending| ending == "py")
    {
        let run = ["-u", "-c", include_str!("lines.py")].map(OsString::from);
        words.splice(1..1, run);
    }
    words
}

fn words(command: &str) -> anyhow::Result<Vec<OsString>> {
    let words = shell_words::split(command)
        .with_context(|| format!("cannot split this command into words: {command}"))?;
    if words.is_empty() {
        bail!("a command is empty");
    }
    Ok(words.into_iter().map(OsString::from).collect())
}
