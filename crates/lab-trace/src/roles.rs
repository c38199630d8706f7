//! Which programs run: a pair of the catalog, in Rust or Python, or any two commands.

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::path::PathBuf;

use anyhow::{Context, anyhow, bail};
use lab_core::cargo;
use lab_core::catalog::{Catalog, Program, Roles};
use labnet::Hint;

/// The command lines of a server and a client.
pub struct Commands {
    /// The server's.
    pub server: Vec<OsString>,
    /// The client's.
    pub client: Vec<OsString>,
}

/// The command lines for what the user named. Builds what is in Rust.
pub fn commands(
    exercise: Option<&str>,
    server: Option<&str>,
    client: Option<&str>,
) -> anyhow::Result<Commands> {
    let Some(exercise) = exercise else {
        let (Some(server), Some(client)) = (server, client) else {
            return Err(anyhow!("which programs?"))
                .hint("name an exercise, or give both --server and --client");
        };
        return Ok(Commands {
            server: words(server)?,
            client: words(client)?,
        });
    };
    let catalog = Catalog::read()?;
    let Roles::Pair(server_program, client_program) = catalog.exercise(exercise)?.roles()? else {
        return Err(anyhow!("{exercise} is no server and client"))
            .hint("cargo lab list shows which exercises are pairs");
    };
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
        server: server?,
        client: client?,
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
            vec!["python3".into(), "-u".into(), twin.into()]
        }
        Some(command) => return words(command),
        None => bail!("no command for {}", program.package),
    };
    command.extend(program.args.iter().map(OsString::from));
    Ok(command)
}

fn words(command: &str) -> anyhow::Result<Vec<OsString>> {
    let words = shell_words::split(command)
        .with_context(|| format!("cannot split this command into words: {command}"))?;
    if words.is_empty() {
        bail!("a command is empty");
    }
    Ok(words.into_iter().map(OsString::from).collect())
}
