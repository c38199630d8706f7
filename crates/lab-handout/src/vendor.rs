//! `--offline`: the crates of a hand-out, as `cargo vendor`
//! brings them, without what no student's machine needs.
//!
//! Cargo reads the manifest of every crate in `Cargo.lock`, also of those for other systems, and of
//! those that only the tests of `labnet` or of the check need. Of these the manifest stays, with an
//! empty library; of the others, the files that a build reads.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::Path;

use anyhow::Context;
use serde_json::{Map, Value};

/// The systems on which an offline hand-out builds.
const SYSTEMS: [&str; 6] = [
    "x86_64-unknown-linux-gnu",
    "aarch64-unknown-linux-gnu",
    "x86_64-apple-darwin",
    "aarch64-apple-darwin",
    "x86_64-pc-windows-msvc",
    "aarch64-pc-windows-msvc",
];
/// What makes cargo take the crates from `vendor/`.
pub const SETTINGS: &str = "
# The crates are in vendor/: no network is needed.
[source.crates-io]
replace-with = \"vendored\"

[source.vendored]
directory = \"vendor\"
";
/// The package of ours whose tests a student runs: of no other one are the dev-dependencies needed.
const TESTED: &str = "tests";
/// Folders of a crate that its own build does not read.
const ASIDE: [&str; 7] = ["benches", "ci", "doc", "docs", "examples", "fuzz", "tests"];
/// Files of a crate that its build does not read, and cargo neither.
const UNREAD: [&str; 3] = ["Cargo.lock", "Cargo.toml.orig", ".cargo_vcs_info.json"];
/// What libc calls the systems that are not among [`SYSTEMS`]: a folder or a file each.
const OTHER_SYSTEMS: [&str; 30] = [
    "aix",
    "android",
    "cygwin",
    "emscripten",
    "freebsdlike",
    "fuchsia",
    "haiku",
    "helenos",
    "hermit",
    "hurd",
    "l4re",
    "musl",
    "netbsdlike",
    "newlib",
    "nto",
    "nuttx",
    "psp",
    "qurt",
    "redox",
    "sgx",
    "solarish",
    "solid",
    "switch",
    "teeos",
    "trusty",
    "uclibc",
    "vita",
    "vxworks",
    "wasi",
    "xous",
];
/// The processors for which linux-raw-sys keeps its tables.
const PROCESSORS: [&str; 2] = ["x86_64", "aarch64"];
const CHECKSUMS: &str = ".cargo-checksum.json";

/// The vendored crates that are needed somewhere, by
/// the names of their folders, each with its features.
pub type Needed = BTreeMap<String, BTreeSet<String>>;

/// Which crates are needed, by what `metadata` says for each system: cargo's own words, as JSON.
///
/// # Errors
///
/// When cargo says something else.
pub fn needed(
    folder: &Path,
    metadata: impl Fn(&str) -> anyhow::Result<Vec<u8>>,
) -> anyhow::Result<Needed> {
    let mut needed = Needed::new();
    for system in SYSTEMS {
        let metadata: Value = serde_json::from_slice(&metadata(system)?)
            .context("cannot understand what cargo metadata printed")?;
        let array = |value: &Value| value.as_array().cloned().unwrap_or_default();
        let packages = array(&metadata["packages"]);
        let built = built(&metadata);
        for node in array(&metadata["resolve"]["nodes"]) {
            if !node["id"].as_str().is_some_and(|id| built.contains(id)) {
                continue;
            }
            let package = packages.iter().find(|package| package["id"] == node["id"]);
            let manifest = package.and_then(|package| package["manifest_path"].as_str());
            let manifest = Path::new(manifest.context("cargo metadata names no manifest")?);
            // A program of ours is elsewhere.
            let Ok(below) = manifest.strip_prefix(folder) else {
                continue;
            };
            let name = below.parent().unwrap_or(below).display().to_string();
            let features = array(&node["features"]).into_iter();
            let features = features.filter_map(|name| Some(name.as_str()?.to_string()));
            needed.entry(name).or_default().extend(features);
        }
    }
    Ok(needed)
}

/// The items of a list; none of anything else.
fn list(value: &Value) -> impl Iterator<Item = &Value> {
    value.as_array().into_iter().flatten()
}

/// The packages that a build of ours needs, and the tests of [`TESTED`], by their ids.
fn built(metadata: &Value) -> BTreeSet<&str> {
    let members: BTreeSet<&str> = list(&metadata["workspace_members"])
        .filter_map(Value::as_str)
        .collect();
    let tested = list(&metadata["packages"])
        .find(|package| package["name"] == TESTED)
        .and_then(|package| package["id"].as_str());
    let mut built = members.clone();
    let mut open: Vec<&str> = members.iter().copied().collect();
    while let Some(id) = open.pop() {
        let node = list(&metadata["resolve"]["nodes"]).find(|node| node["id"] == id);
        for dependency in node.into_iter().flat_map(|node| list(&node["deps"])) {
            let mut kinds = list(&dependency["dep_kinds"]);
            let needed = Some(id) == tested || kinds.any(|kind| kind["kind"] != "dev");
            let its = dependency["pkg"].as_str().filter(|_| needed);
            if let Some(its) = its.filter(|its| built.insert(its)) {
                open.push(its);
            }
        }
    }
    built
}

/// Takes away what is not needed of the crates in a folder,
/// and from the list that cargo compares them with.
///
/// # Errors
///
/// When a file cannot be read, written or removed.
pub fn trim(folder: &Path, needed: &Needed) -> anyhow::Result<()> {
    for crate_name in names(folder)? {
        let own = folder.join(&crate_name);
        match needed.get(&crate_name) {
            Some(features) => trim_needed(&own, &crate_name, features)?,
            None => keep_manifest(&own)?,
        }
        let path = own.join(CHECKSUMS);
        let text = fs::read(&path).with_context(|| format!("cannot read {}", path.display()))?;
        let mut sums: Value = serde_json::from_slice(&text)
            .with_context(|| format!("cannot understand {}", path.display()))?;
        if let Some(files) = sums["files"].as_object_mut() {
            let there = |(name, _): &(String, Value)| own.join(name).exists();
            let left = std::mem::take(files).into_iter().filter(there);
            *files = left.collect::<Map<String, Value>>();
            // An empty library is not the one that was listed.
            if !needed.contains_key(&crate_name) {
                files.retain(|name, _| name == "Cargo.toml");
            }
        }
        fs::write(&path, sums.to_string())
            .with_context(|| format!("cannot write {}", path.display()))?;
    }
    Ok(())
}

/// The crate's manifest alone, with an empty library where the manifest has one.
fn keep_manifest(folder: &Path) -> anyhow::Result<()> {
    for name in names(folder)? {
        if name != "Cargo.toml" && name != CHECKSUMS {
            remove(&folder.join(name))?;
        }
    }
    let manifest = fs::read_to_string(folder.join("Cargo.toml"))
        .with_context(|| format!("cannot read the manifest in {}", folder.display()))?;
    let mut after = manifest.split("\n[lib]\n").skip(1);
    let lines = after.next().unwrap_or_default().lines();
    let path = lines
        .take_while(|line| !line.starts_with('['))
        .find_map(|line| line.strip_prefix("path = \"")?.strip_suffix('"'))
        .unwrap_or("src/lib.rs");
    let path = folder.join(path);
    let problem = || format!("cannot write {}", path.display());
    fs::create_dir_all(path.parent().unwrap_or(folder)).with_context(problem)?;
    fs::write(&path, "").with_context(problem)
}

/// Takes from `aside` the folders that a source in this folder, or below it, has
/// a path into, and from `pages` the files that one includes.
fn keep_what_is_read(
    aside: &mut Vec<&str>,
    pages: &mut Vec<String>,
    folder: &Path,
) -> anyhow::Result<()> {
    if !folder.is_dir() {
        return Ok(());
    }
    for name in names(folder)? {
        let path = folder.join(&name);
        if path.is_dir() {
            keep_what_is_read(aside, pages, &path)?;
        } else if name.ends_with(".rs") {
            let text = fs::read_to_string(&path)
                .with_context(|| format!("cannot read {}", path.display()))?;
            aside.retain(|folder| !text.contains(&format!("../{folder}/")));
            pages.retain(|page| !text.contains(page.as_str()));
        }
    }
    Ok(())
}

fn trim_needed(folder: &Path, name: &str, features: &BTreeSet<String>) -> anyhow::Result<()> {
    // Some crates show a file of their examples in their documentation, and need it to build.
    // Others include their README.
    let mut aside = ASIDE.to_vec();
    let mut pages = names(folder)?;
    pages.retain(|name| name.ends_with(".md") && !name.starts_with("LICENSE"));
    keep_what_is_read(&mut aside, &mut pages, &folder.join("src"))?;
    let unread = pages.iter().map(String::as_str).chain(UNREAD);
    for unread in unread.chain(aside) {
        remove(&folder.join(unread))?;
    }
    if name == "libc" {
        without_other_systems(&folder.join("src"))?;
    }
    if name.starts_with("linux-raw-sys") {
        let sources = folder.join("src");
        for part in names(&sources)? {
            let path = sources.join(&part);
            if path.is_dir() && !PROCESSORS.contains(&part.as_str()) {
                remove(&path)?;
            }
        }
    }
    if name.starts_with("windows-sys") {
        for part in ["Win32", "Wdk"] {
            trim_windows(&folder.join("src/Windows").join(part), part, features)?;
        }
    }
    Ok(())
}

/// Takes the systems out of libc that no student's machine has: it chooses one by `cfg`, and the
/// compiler reads no file of another.
fn without_other_systems(folder: &Path) -> anyhow::Result<()> {
    for name in names(folder)? {
        let path = folder.join(&name);
        if OTHER_SYSTEMS.contains(&name.trim_end_matches(".rs")) {
            remove(&path)?;
        } else if path.is_dir() {
            without_other_systems(&path)?;
        }
    }
    Ok(())
}

/// In windows-sys each folder is a feature: `Win32/Networking/WinSock` is
/// `Win32_Networking_WinSock`.
fn trim_windows(folder: &Path, feature: &str, features: &BTreeSet<String>) -> anyhow::Result<()> {
    if !features.contains(feature) {
        return remove(folder);
    }
    for part in names(folder)? {
        let path = folder.join(&part);
        if path.is_dir() {
            trim_windows(&path, &format!("{feature}_{part}"), features)?;
        }
    }
    Ok(())
}

/// Removes a file or a folder; one that is not there is no error.
fn remove(path: &Path) -> anyhow::Result<()> {
    let removed = match path.is_dir() {
        true => fs::remove_dir_all(path),
        false if path.exists() => fs::remove_file(path),
        false => Ok(()),
    };
    removed.with_context(|| format!("cannot remove {}", path.display()))
}

/// The names of what is in a folder.
fn names(folder: &Path) -> anyhow::Result<Vec<String>> {
    let problem = || format!("cannot read {}", folder.display());
    let mut names = Vec::new();
    for item in fs::read_dir(folder).with_context(problem)? {
        let name = item.with_context(problem)?.file_name();
        names.push(name.to_string_lossy().into_owned());
    }
    Ok(names)
}
