//! What cargo itself adds to a hand-out: `Cargo.lock` without the packages that are not in it, and
//! on request the sources of all crates that are.

use std::fs;
use std::path::Path;
use std::process::Stdio;
use std::sync::mpsc::sync_channel;

use anyhow::{Context, anyhow};
use lab_core::process::{self, Stream};
use lab_core::staging::StagingDir;
use labnet::Hint;

use crate::bundle::{Entry, Files, Target};
use crate::gather::Source;
use crate::vendor;

/// Adds `Cargo.lock`, and `vendor/` with the configuration that makes cargo use it.
///
/// # Errors
///
/// When cargo cannot do it: in its own words.
pub fn add(files: &mut Files, source: &Source, offline: bool) -> anyhow::Result<()> {
    let scratch =
        StagingDir::temporary("lab-handout").context("cannot create a temporary folder")?;
    let folder = scratch.path().join("handout");
    let lock = fs::read(source.catalog.root.join("Cargo.lock"))
        .context("cannot read the workspace's Cargo.lock")
        .hint("cargo build makes it")?;
    let entry = |bytes| Entry {
        bytes,
        executable: false,
    };
    files.insert("Cargo.lock".to_string(), entry(lock));
    let is_absent = |name: &str| {
        let manifest = format!("crates/{name}/Cargo.toml");
        source.catalog.root.join(&manifest).exists() && !files.contains_key(&manifest)
    };
    let manifest = files
        .get("Cargo.toml")
        .context("the workspace has no Cargo.toml")?;
    let manifest = String::from_utf8_lossy(&manifest.bytes);
    let manifest = entry(without_profiles_of_absent(&manifest, is_absent).into_bytes());
    files.insert("Cargo.toml".to_string(), manifest);
    Target::Folder(folder.clone()).write(files)?;
    // Versions stay; packages that nobody needs any longer go.
    cargo(&folder, &["update", "--workspace", "--offline", "--quiet"])?;
    let pruned = fs::read(folder.join("Cargo.lock")).context("cargo wrote no Cargo.lock")?;
    files.insert("Cargo.lock".to_string(), entry(pruned));
    if !offline {
        return Ok(());
    }
    let vendor = folder.join("vendor");
    cargo(&folder, &["vendor", "--locked", "--quiet", "vendor"])?;
    let config = files.get_mut(".cargo/config.toml");
    let config = config.context("the workspace has no .cargo/config.toml")?;
    config.bytes.extend_from_slice(vendor::SETTINGS.as_bytes());
    let path = folder.join(".cargo/config.toml");
    fs::write(&path, &config.bytes).with_context(|| format!("cannot write {}", path.display()))?;
    // From here on the folder is what a student unpacks: cargo takes the crates from it.
    let metadata = ["metadata", "--format-version", "1", "--locked", "--offline"];
    let needed = vendor::needed(&vendor, |system| {
        cargo(
            &folder,
            &[&metadata[..], &["--filter-platform", system]].concat(),
        )
    })?;
    vendor::trim(&vendor, &needed)?;
    add_folder(files, &folder, &vendor)
}

/// The workspace's manifest without the profiles of its own crates that are not handed out: cargo
/// would warn of each one at every call. A profile is a paragraph, with the comment above it.
fn without_profiles_of_absent(manifest: &str, is_absent: impl Fn(&str) -> bool) -> String {
    let is_of_absent = |paragraph: &&str| {
        let mut names = paragraph.lines().filter_map(|line| {
            let name = line.strip_prefix("[profile.dev.package.")?;
            name.strip_suffix(']')
        });
        names.any(&is_absent)
    };
    let kept: Vec<&str> = manifest
        .split("\n\n")
        .filter(|paragraph| !is_of_absent(paragraph))
        .collect();
    // The last paragraph may have been one of them.
    format!("{}\n", kept.join("\n\n").trim_end())
}

/// Runs cargo in the folder and gives what it printed.
fn cargo(folder: &Path, args: &[&str]) -> anyhow::Result<Vec<u8>> {
    let mut command = lab_core::cargo::command();
    command.args(args).current_dir(folder);
    command.stdin(Stdio::null());
    command.stdout(Stdio::piped()).stderr(Stdio::piped());
    // With all that it starts it ends at a signal: nothing
    // writes into a folder that is being taken away.
    let mut cargo = process::start_group(&mut command).context("cannot start cargo")?;
    let (sender, events) = sync_channel(16);
    cargo.listen((), &sender);
    drop(sender);
    let (mut printed, mut errors) = (Vec::new(), Vec::new());
    for event in events {
        let bytes = event.bytes.unwrap_or_default();
        match event.stream {
            Stream::Stdout => printed.extend(bytes),
            Stream::Stderr => errors.extend(bytes),
        }
    }
    if !cargo.end()?.success() {
        let errors = String::from_utf8_lossy(&errors);
        return Err(anyhow!(
            "cargo {} failed: {}",
            args.join(" "),
            errors.trim()
        ))
        .hint("cargo fetch brings the crates that are missing");
    }
    Ok(printed)
}

fn add_folder(files: &mut Files, top: &Path, folder: &Path) -> anyhow::Result<()> {
    let problem = || format!("cannot read {}", folder.display());
    for item in fs::read_dir(folder).with_context(problem)? {
        let path = item.with_context(problem)?.path();
        if path.is_dir() {
            add_folder(files, top, &path)?;
            continue;
        }
        let bytes = fs::read(&path).with_context(|| format!("cannot read {}", path.display()))?;
        let name = path
            .strip_prefix(top)
            .context("a vendored file is elsewhere")?;
        let parts: Vec<_> = name
            .components()
            .map(|part| part.as_os_str().to_string_lossy())
            .collect();
        files.insert(
            parts.join("/"),
            Entry {
                bytes,
                executable: false,
            },
        );
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn profiles_of_crates_that_are_not_handed_out_go_with_their_comments() {
        let manifest = "[workspace]\nmembers = []\n\n# Slow.\n[profile.dev.package.lab-trace]\n\
            opt-level = 2\n\n# Fast.\n[profile.dev.package.memchr]\nopt-level = 3\n\n\
            [profile.dev.package.lab-core]\nopt-level = 1\n";
        let kept = without_profiles_of_absent(manifest, |name| name == "lab-trace");
        assert_eq!(
            kept,
            "[workspace]\nmembers = []\n\n# Fast.\n[profile.dev.package.memchr]\nopt-level = 3\n\n\
             [profile.dev.package.lab-core]\nopt-level = 1\n"
        );
        assert_eq!(without_profiles_of_absent(manifest, |_| false), manifest);
    }
}
