//! What the files say: realms, roles, permissions, tickets, secrets, pages.

use std::collections::HashMap;
use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context, anyhow, bail};
use labnet::{Hint, log};
use serde::Deserialize;
use serde::de::DeserializeOwned;
use transparency_middleware::auth;
use transparency_middleware::messages::{Match, Uri};
use transparency_middleware::realm::{Action, Permissions, Roles, Rule};
use transparency_middleware::transport::{Config, Page, Principal, Proof, RealmConfig};

/// The file of `--config`.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct RealmsFile {
    #[serde(default)]
    realms: HashMap<String, RealmEntry>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct RealmEntry {
    /// The role of those who do not authenticate.
    anonymous: Option<String>,
    #[serde(default)]
    roles: HashMap<String, Vec<RuleEntry>>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct RuleEntry {
    uri: String,
    #[serde(default, rename = "match")]
    matching: MatchEntry,
    #[serde(default)]
    allow: Vec<ActionEntry>,
}

#[derive(Deserialize, Default, Clone, Copy)]
#[serde(rename_all = "lowercase")]
enum MatchEntry {
    #[default]
    Exact,
    Prefix,
    Wildcard,
}

#[derive(Deserialize, Clone, Copy)]
#[serde(rename_all = "lowercase")]
enum ActionEntry {
    Call,
    Register,
    Publish,
    Subscribe,
}

/// The file of `--secrets`.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct SecretsFile {
    #[serde(default)]
    principals: Vec<PrincipalEntry>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct PrincipalEntry {
    realm: String,
    authid: String,
    role: String,
    ticket: Option<String>,
    secret: Option<String>,
    salt: Option<String>,
    iterations: Option<u32>,
    keylen: Option<u32>,
}

/// The files that the router reads at its start, and again when it is told to.
pub(crate) struct Files {
    pub(crate) config: Option<PathBuf>,
    pub(crate) secrets: Option<PathBuf>,
    pub(crate) web: Option<PathBuf>,
}

impl Files {
    /// Reads them all.
    pub(crate) fn read(&self) -> anyhow::Result<(HashMap<Uri, RealmConfig>, Vec<Page>)> {
        let realms = realms(self.config.as_deref(), self.secrets.as_deref())?;
        let locked = realms
            .iter()
            .find(|(_, realm)| realm.anonymous.is_none() && realm.principals.is_empty());
        if let Some((name, _)) = locked {
            return Err(anyhow!("no client can join the realm {name}"))
                .hint("give it `anonymous = ROLE` in --config, or a principal in --secrets");
        }
        Ok((realms, pages(self.web.as_deref())?))
    }
}

/// The realms that the two files make; without a
/// `--config`, the one where everybody may do everything.
fn realms(
    config: Option<&Path>,
    secrets: Option<&Path>,
) -> anyhow::Result<HashMap<Uri, RealmConfig>> {
    let mut realms = match config {
        None => Config::default().realms,
        Some(path) => {
            let file: RealmsFile = read(path, |error| error.message().to_string())?;
            let named = || format!("in {}", path.display());
            let realms = file
                .realms
                .into_iter()
                .map(|(name, entry)| realm(&name, entry).with_context(named))
                .collect::<Result<HashMap<_, _>, _>>()?;
            if realms.is_empty() {
                return Err(anyhow!("{} has no realm", path.display()))
                    .hint("begin with [realms.realm1]");
            }
            realms
        }
    };
    if let Some(path) = secrets {
        warn_if_others_can_read(path);
        // The library's message has the value in it that
        // it does not understand, which may be a secret.
        let file: SecretsFile = read(path, |_| "this is not as the README shows it".to_string())
            .hint("each [[principals]] has realm, authid, role, and a ticket or a secret, all of them texts in quotes")?;
        for entry in file.principals {
            add_principal(&mut realms, entry).with_context(|| format!("in {}", path.display()))?;
        }
    }
    Ok(realms)
}

fn read<T: DeserializeOwned>(
    path: &Path,
    why: impl FnOnce(&toml::de::Error) -> String,
) -> anyhow::Result<T> {
    let text = fs::read_to_string(path)
        .with_context(|| format!("cannot read {}", path.display()))
        .hint("check the path, and that this user may read the file")?;
    // The library's whole text shows the line with the mistake: only where it is and what is wrong.
    toml::from_str(&text).map_err(|error| {
        let before = error.span().and_then(|span| text.get(..span.start));
        let line = before.map_or(1, |before| before.matches('\n').count() + 1);
        anyhow!("{}, line {line}: {}", path.display(), why(&error))
    })
}

fn realm(name: &str, entry: RealmEntry) -> anyhow::Result<(Uri, RealmConfig)> {
    let uri = Uri::new(name).with_context(|| format!("the realm {name:?} is not a URI"))?;
    let mut roles = Roles::new();
    for (role, rules) in entry.roles {
        let rules = rules
            .into_iter()
            .map(|rule| self::rule(&role, rule))
            .collect::<Result<Vec<_>, _>>()?;
        roles.insert(role, Permissions::new(rules));
    }
    if let Some(role) = entry
        .anonymous
        .as_ref()
        .filter(|role| !roles.contains_key(*role))
    {
        bail!(
            "the realm {name} gives those who do not authenticate the role {role}, which it has not"
        );
    }
    let config = RealmConfig {
        roles,
        anonymous: entry.anonymous,
        principals: HashMap::new(),
    };
    Ok((uri, config))
}

fn rule(role: &str, entry: RuleEntry) -> anyhow::Result<Rule> {
    let matching = match entry.matching {
        MatchEntry::Exact => Match::Exact,
        MatchEntry::Prefix => Match::Prefix,
        MatchEntry::Wildcard => Match::Wildcard,
    };
    // The empty prefix is a rule for everything, though no URI.
    let everything = matching == Match::Prefix && entry.uri.is_empty();
    if !everything && Uri::pattern(&entry.uri, matching).is_none() {
        bail!(
            "the role {role} has a rule for {:?}, which is not a URI",
            entry.uri
        );
    }
    let allow = entry.allow.iter().map(|action| match action {
        ActionEntry::Call => Action::Call,
        ActionEntry::Register => Action::Register,
        ActionEntry::Publish => Action::Publish,
        ActionEntry::Subscribe => Action::Subscribe,
    });
    Ok(Rule {
        uri: entry.uri,
        match_policy: matching,
        allow: allow.collect(),
    })
}

fn add_principal(
    realms: &mut HashMap<Uri, RealmConfig>,
    entry: PrincipalEntry,
) -> anyhow::Result<()> {
    let PrincipalEntry {
        realm,
        authid,
        role,
        ..
    } = entry;
    let config = realms
        .get_mut(realm.as_str())
        .with_context(|| format!("{authid} belongs to the realm {realm}, which there is not"))?;
    if !config.roles.contains_key(&role) {
        bail!("{authid} has the role {role}, which the realm {realm} has not");
    }
    let proof = match (entry.ticket, entry.secret) {
        (Some(ticket), None) if entry.salt.is_none() => Proof::Ticket(ticket),
        (None, Some(secret)) => match entry.salt {
            None => Proof::Secret {
                key: secret,
                salted: None,
            },
            Some(salt) => {
                let iterations = entry.iterations.unwrap_or(1000);
                let length = entry.keylen.unwrap_or(32);
                let bytes = usize::try_from(length)
                    .ok()
                    .filter(|length| (1..=1024).contains(length));
                let bytes =
                    bytes.with_context(|| format!("{authid} has a keylen beyond 1 to 1024"))?;
                if iterations == 0 {
                    bail!("{authid} has 0 iterations");
                }
                let key = auth::salted_key(secret.as_bytes(), salt.as_bytes(), iterations, bytes);
                Proof::Secret {
                    key,
                    salted: Some((salt, iterations, length)),
                }
            }
        },
        _ => bail!("{authid} needs either a ticket or a secret (a salt goes with a secret)"),
    };
    if config
        .principals
        .insert(authid.clone(), Principal { role, proof })
        .is_some()
    {
        bail!("{authid} is there twice in the realm {realm}");
    }
    Ok(())
}

#[cfg(unix)]
fn warn_if_others_can_read(path: &Path) {
    use std::os::unix::fs::PermissionsExt;
    // A file that cannot be looked at cannot be read either, and that is told then.
    let mode = fs::metadata(path).map(|metadata| metadata.permissions().mode());
    if mode.is_ok_and(|mode| mode & 0o077 != 0) {
        let path = path.display();
        log!("others on this machine can read {path}; chmod 600 {path} keeps the secrets");
    }
}

#[cfg(not(unix))]
fn warn_if_others_can_read(path: &Path) {
    log!("keep {} readable for yourself alone", path.display());
}

/// The largest page, in bytes: they are kept in memory.
const LARGEST_PAGE: u64 = 4 * 1024 * 1024;

/// The files of a folder, by their path; `index.html` is `/`. Folders in it are not served.
fn pages(folder: Option<&Path>) -> anyhow::Result<Vec<Page>> {
    let Some(folder) = folder else {
        return Ok(own_pages());
    };
    let reading = || format!("cannot read the pages in {}", folder.display());
    let mut pages = Vec::new();
    for entry in fs::read_dir(folder).with_context(reading)? {
        let entry = entry.with_context(reading)?;
        let path = entry.path();
        let metadata = fs::metadata(&path).with_context(reading)?;
        let Some(name) = entry.file_name().to_str().map(ToString::to_string) else {
            continue;
        };
        if !metadata.is_file() || name.starts_with('.') {
            continue;
        }
        if metadata.len() > LARGEST_PAGE {
            bail!("{} is larger than {LARGEST_PAGE} bytes", path.display());
        }
        let content = fs::read(&path).with_context(|| format!("cannot read {}", path.display()))?;
        let path = if name == "index.html" {
            "/".to_string()
        } else {
            format!("/{name}")
        };
        pages.push(Page {
            path,
            media_type: media_type(&name).to_string(),
            content,
        });
    }
    Ok(pages)
}

/// The lab's own page, part of the program: it is there from whatever folder the router is started.
fn own_pages() -> Vec<Page> {
    let page = |path: &str, name: &str, content: &str| Page {
        path: path.to_string(),
        media_type: media_type(name).to_string(),
        content: content.as_bytes().to_vec(),
    };
    let html = include_str!("../../transparency-service/web/index.html");
    let script = include_str!("../../transparency-service/web/page.js");
    let style = include_str!("../../transparency-service/web/style.css");
    vec![
        page("/", "index.html", html),
        page("/page.js", "page.js", script),
        page("/style.css", "style.css", style),
    ]
}

fn media_type(name: &str) -> &'static str {
    match name.rsplit_once('.').map(|(_, ending)| ending) {
        Some("html") => "text/html; charset=utf-8",
        Some("css") => "text/css; charset=utf-8",
        Some("js") => "text/javascript; charset=utf-8",
        Some("json") => "application/json",
        Some("svg") => "image/svg+xml",
        Some("png") => "image/png",
        Some("ico") => "image/x-icon",
        Some("txt") => "text/plain; charset=utf-8",
        _ => "application/octet-stream",
    }
}
