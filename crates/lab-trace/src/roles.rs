//! Which programs run: a pair of the catalog, in Rust or Python, or any two commands.

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::path::{Path, PathBuf};

use anyhow::{Context, anyhow, bail};
use lab_core::cargo;
use lab_core::catalog::{Catalog, Program, Roles};
use lab_journal::Side;
use labnet::Hint;

/// What stands for the port in a command.
const PORT: &str = "{port}";
/// Where the programs meet that are told where.
const HOST: &str = "127.0.0.1";

/// The command lines of a run.
pub struct Commands {
    /// The server's. A program that runs alone has none.
    pub server: Option<Vec<OsString>>,
    /// The client's, or that of a program that runs alone.
    pub client: Vec<OsString>,
    /// How many clients run at once.
    pub clients: usize,
    /// The side of the clients: the client's, unless `cargo lab check` plays that.
    #[cfg_attr(not(target_os = "linux"), allow(dead_code, reason = "for the tracer"))]
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
    pub told: Told,
}

/// Which ports the programs are told.
#[derive(Debug, Clone, Copy)]
pub struct Told {
    server: u16,
    client: u16,
    /// A program that cannot be told its port is of no use.
    always: bool,
}

impl Told {
    /// Both meet at this port where a command has `{port}`, and otherwise at their own.
    #[cfg_attr(not(target_os = "linux"), allow(dead_code, reason = "for the tracer"))]
    pub fn if_asked(port: u16) -> Self {
        Told {
            server: port,
            client: port,
            always: false,
        }
    }

    /// The server listens at one port, and the client is sent to the other.
    pub fn apart(server: u16, client: u16) -> Self {
        Told {
            server,
            client,
            always: true,
        }
    }

    fn port(self, side: Side) -> u16 {
        match side {
            Side::Server => self.server,
            Side::Client => self.client,
        }
    }
}

/// The command lines for what the user named. Builds what is in Rust.
pub fn commands(wanted: Wanted<'_>) -> anyhow::Result<Commands> {
    let Wanted {
        exercise,
        server,
        client,
        program,
        clients,
        told,
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
            server: Some(words_for(server, Side::Server, told)?),
            client: words_for(client, Side::Client, told)?,
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
                client: command(&catalog, &built, alone, program, None)?,
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
    let asked = [server, client]
        .iter()
        .flatten()
        .any(|command| command.contains(PORT));
    let of = |(program, wanted): (&Program, Option<&str>), side: Side| match wanted {
        Some(command) if !is_rust(wanted) && wanted != Some("python") => {
            words_for(command, side, told)
        }
        _ => {
            let port = (told.always || asked).then(|| told.port(side));
            command(&catalog, &built, program, wanted, port)
        }
    };
    let [server, client] = sides;
    Ok(Commands {
        server: Some(of(server, Side::Server)?),
        client: of(client, Side::Client)?,
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
    port: Option<u16>,
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
            let python = if cfg!(windows) { "python" } else { "python3" };
            with_lines(&[python.into(), twin.into()])
        }
        Some(command) => return words(command),
        None => bail!("no command for {}", program.package),
    };
    let Some(port) = port else {
        command.extend(program.args.iter().map(OsString::from));
        return Ok(command);
    };
    let mut needed = program.args.iter();
    while let Some(word) = needed.next() {
        // A program refuses to hear an option twice.
        if ["--port", "--host"].contains(&word.as_str()) {
            needed.next();
        } else {
            command.push(word.into());
        }
    }
    let address = ["--host", HOST, "--port", &port.to_string()].map(OsString::from);
    command.extend(address);
    Ok(command)
}

/// The command of a program in Python so that the program tells its lines; any other as it is.
pub fn with_lines(command: &[OsString]) -> Vec<OsString> {
    let mut words = command.to_vec();
    let is_python = |word: &OsString| {
        let name = Path::new(word).file_name().unwrap_or_default();
        name == "python3" || name == "python"
    };
    // Only a tracer hears them.
    if cfg!(target_os = "linux")
        && let [first, file, ..] = command
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

/// A command's words, with the port and the host where it asks for them.
fn words_for(command: &str, side: Side, told: Told) -> anyhow::Result<Vec<OsString>> {
    if told.always && !command.contains(PORT) {
        let side = side.name();
        return Err(anyhow!(
            "a relay is between the programs, and the {side} has to be told its port"
        ))
        .hint(format!(
            "write {PORT} in its command: --{side} \"{command} {PORT}\""
        ));
    }
    let port = told.port(side).to_string();
    let mut words = words(command)?;
    for word in &mut words {
        let text = word.to_string_lossy();
        if text.contains(PORT) || text.contains("{host}") {
            *word = text.replace(PORT, &port).replace("{host}", HOST).into();
        }
    }
    Ok(words)
}

fn words(command: &str) -> anyhow::Result<Vec<OsString>> {
    let words = shell_words::split(command)
        .with_context(|| format!("cannot split this command into words: {command}"))?;
    if words.is_empty() {
        bail!("a command is empty");
    }
    Ok(words.into_iter().map(OsString::from).collect())
}
