//! The files of a hand-out, and the three ways to deliver them: a folder, a `.zip`, a `.tar.gz`.
//!
//! The same files give the same bytes: entries are sorted, times and owners fixed.

use std::collections::BTreeMap;
use std::fs;
use std::io::{self, Cursor, Write};
use std::path::{Path, PathBuf};

use anyhow::{Context, anyhow};
use flate2::Compression;
use flate2::write::GzEncoder;
use lab_core::staging::StagingDir;
use labnet::Hint;
use zip::write::SimpleFileOptions;

/// The time of every entry in a tar archive, in seconds since 1970: the first of January 1980,
/// where zip's time begins.
const FIXED_TIME: u64 = 315_532_800;

/// Endings of other archives: a folder of such a name would be a surprise.
const OTHER_ARCHIVES: [&str; 9] = ["rar", "7z", "tar", "gz", "bz2", "xz", "zst", "tbz", "txz"];

/// A file of a hand-out.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Entry {
    /// What is in it.
    pub bytes: Vec<u8>,
    /// Whether it can be run.
    pub executable: bool,
}

/// The files by their paths from the hand-out's top, with `/`.
pub type Files = BTreeMap<String, Entry>;

/// How a hand-out is delivered: by the ending of the name that the user gave.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Target {
    /// A folder, made new.
    Folder(PathBuf),
    /// A `.zip`; inside, everything is in one folder of this name, or at the top when it is empty.
    Zip(PathBuf, String),
    /// A `.tar.gz` or `.tgz`, likewise.
    Tar(PathBuf, String),
}

impl Target {
    /// The target that a path names.
    ///
    /// # Errors
    ///
    /// When the path ends in no name, or in that of an archive that is not made here.
    pub fn of(path: &Path) -> anyhow::Result<Self> {
        let name = path
            .file_name()
            .and_then(|name| name.to_str())
            .with_context(|| format!("{} names no file or folder", path.display()))
            .hint("give a name: --out ~/dsd-sum, or one that ends in .zip or .tar.gz")?;
        let ending = path.extension().and_then(|ending| ending.to_str());
        let other =
            ending.filter(|ending| OTHER_ARCHIVES.contains(&ending.to_lowercase().as_str()));
        if let Some(ending) = other.filter(|_| !name.ends_with(".tar.gz")) {
            return Err(anyhow!("archives of the kind .{ending} are not made here"))
                .hint("--out names a folder, or a file that ends in .zip or .tar.gz");
        }
        let stem = |ending| name.strip_suffix(ending).filter(|stem| !stem.is_empty());
        Ok(if let Some(stem) = stem(".zip") {
            Target::Zip(path.to_path_buf(), stem.to_string())
        } else if let Some(stem) = stem(".tar.gz").or_else(|| stem(".tgz")) {
            Target::Tar(path.to_path_buf(), stem.to_string())
        } else {
            Target::Folder(path.to_path_buf())
        })
    }

    /// The same, with the files at the archive's top instead of in one folder.
    #[must_use]
    pub fn flat(self) -> Self {
        match self {
            Target::Folder(path) => Target::Folder(path),
            Target::Zip(path, _) => Target::Zip(path, String::new()),
            Target::Tar(path, _) => Target::Tar(path, String::new()),
        }
    }

    /// The path that the user gave.
    pub fn path(&self) -> &Path {
        match self {
            Target::Folder(path) | Target::Zip(path, _) | Target::Tar(path, _) => path,
        }
    }

    /// Finds out whether a hand-out can go there. What is there
    /// already is never overwritten; an empty folder is taken.
    ///
    /// # Errors
    ///
    /// When something is in the way.
    pub fn is_free(&self) -> anyhow::Result<()> {
        let path = self.path();
        let shown = path.display();
        let found = match fs::symlink_metadata(path) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(()),
            found => found
                .with_context(|| format!("cannot make {shown}"))
                .hint("--out names a folder that can be made, or a file in one")?,
        };
        let hint = "take it away, or choose another name with --out";
        if !matches!(self, Target::Folder(_)) || !found.is_dir() {
            return Err(anyhow!("{shown} is there already")).hint(hint);
        }
        let mut entries = fs::read_dir(path).with_context(|| format!("cannot read {shown}"))?;
        if entries.next().is_some() {
            return Err(anyhow!(
                "the folder {shown} is there already, and not empty"
            ))
            .hint(hint);
        }
        Ok(())
    }

    /// Writes the hand-out there: next to its place first, then into it with one step, so that
    /// nobody ever finds a half.
    ///
    /// # Errors
    ///
    /// When something is there, or it cannot be written; what was begun is taken away again.
    pub fn write(&self, files: &Files) -> anyhow::Result<()> {
        const NEW: &str = "new";

        self.is_free()?;
        let path = self.path();
        let parent = match path.parent() {
            Some(parent) if !parent.as_os_str().is_empty() => parent,
            _ => Path::new("."),
        };
        fs::create_dir_all(parent)
            .with_context(|| format!("cannot create the folder {}", parent.display()))
            .hint("may you write there? --out names another place")?;
        let name = path.file_name().unwrap_or_default().to_string_lossy();
        let beside = parent.join(format!(".{name}.{}", std::process::id()));
        let unfinished = StagingDir::new(beside)
            .with_context(|| format!("cannot write in the folder {}", parent.display()))
            .hint("may you write there? --out names another place")?;
        match self {
            Target::Folder(_) => write_folder(&unfinished, NEW, files),
            Target::Zip(_, top) => {
                zipped(files, top).and_then(|bytes| write_file(&unfinished, NEW, &bytes).map(drop))
            }
            Target::Tar(_, top) => {
                tarred(files, top).and_then(|bytes| write_file(&unfinished, NEW, &bytes).map(drop))
            }
        }
        .hint("is there room on the disk? --out names another place; nothing is left behind")?;
        self.is_free()?;
        if path.is_dir() {
            fs::remove_dir(path)
                .with_context(|| format!("cannot fill the empty folder {}", path.display()))?;
        }
        unfinished
            .give(NEW, path)
            .with_context(|| format!("cannot put the hand-out at {}", path.display()))
    }
}

fn write_folder(staging: &StagingDir, top: &str, files: &Files) -> anyhow::Result<()> {
    for (name, entry) in files {
        let path = write_file(staging, &format!("{top}/{name}"), &entry.bytes)?;
        if entry.executable {
            make_executable(&path)?;
        }
    }
    Ok(())
}

fn write_file(staging: &StagingDir, name: &str, bytes: &[u8]) -> anyhow::Result<PathBuf> {
    staging
        .write(name, bytes)
        .with_context(|| format!("cannot write {}", staging.path().join(name).display()))
}

#[cfg(unix)]
fn make_executable(path: &Path) -> anyhow::Result<()> {
    use std::os::unix::fs::PermissionsExt;
    fs::set_permissions(path, fs::Permissions::from_mode(0o755))
        .with_context(|| format!("cannot make {} executable", path.display()))
}

/// Windows decides by the name what can be run.
#[cfg(not(unix))]
fn make_executable(_path: &Path) -> anyhow::Result<()> {
    Ok(())
}

/// A file's name in an archive.
fn inside(top: &str, name: &str) -> String {
    match top {
        "" => name.to_string(),
        _ => format!("{top}/{name}"),
    }
}

fn mode(entry: &Entry) -> u32 {
    if entry.executable { 0o755 } else { 0o644 }
}

fn zipped(files: &Files, top: &str) -> anyhow::Result<Vec<u8>> {
    let mut archive = zip::ZipWriter::new(Cursor::new(Vec::new()));
    for (name, entry) in files {
        // The default time is zip's first: 1980-01-01.
        let options = SimpleFileOptions::default()
            .compression_method(zip::CompressionMethod::Deflated)
            .compression_level(Some(9))
            .last_modified_time(zip::DateTime::default())
            .unix_permissions(mode(entry));
        archive
            .start_file(inside(top, name), options)
            .and_then(|()| Ok(archive.write_all(&entry.bytes)?))
            .with_context(|| format!("cannot put {name} into the archive"))?;
    }
    let bytes = archive.finish().context("cannot end the archive")?;
    Ok(bytes.into_inner())
}

fn tarred(files: &Files, top: &str) -> anyhow::Result<Vec<u8>> {
    // The gzip header that flate2 writes holds no time and no name.
    let mut archive = tar::Builder::new(GzEncoder::new(Vec::new(), Compression::best()));
    for (name, entry) in files {
        let mut header = tar::Header::new_gnu();
        header.set_size(entry.bytes.len() as u64);
        header.set_mode(mode(entry));
        header.set_mtime(FIXED_TIME);
        header.set_uid(0);
        header.set_gid(0);
        archive
            .append_data(&mut header, inside(top, name), &entry.bytes[..])
            .with_context(|| format!("cannot put {name} into the archive"))?;
    }
    let compressed = archive.into_inner().and_then(GzEncoder::finish);
    compressed.context("cannot end the archive")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn files() -> Files {
        let entry = |bytes: &[u8], executable| Entry {
            bytes: bytes.to_vec(),
            executable,
        };
        Files::from([
            ("run".to_string(), entry(b"#!/bin/sh\n", true)),
            (
                "crates/a/src/main.rs".to_string(),
                entry(b"fn main() {}\n", false),
            ),
        ])
    }

    #[test]
    fn the_ending_of_the_name_says_what_is_made() {
        let of = |name: &str| Target::of(Path::new(name)).unwrap();
        assert_eq!(of("a/b"), Target::Folder("a/b".into()));
        assert_eq!(
            of("a/b.zip"),
            Target::Zip("a/b.zip".into(), "b".to_string())
        );
        assert_eq!(
            of("b.tar.gz"),
            Target::Tar("b.tar.gz".into(), "b".to_string())
        );
        assert_eq!(of("b.tgz"), Target::Tar("b.tgz".into(), "b".to_string()));
        assert!(Target::of(Path::new("..")).is_err());
        for other in ["x.rar", "x.7z", "x.tar", "x.gz", "x.tar.xz"] {
            assert!(Target::of(Path::new(other)).is_err(), "{other}");
        }
        assert_eq!(of("lab-0.1"), Target::Folder("lab-0.1".into()));
    }

    #[test]
    fn the_same_files_give_the_same_bytes() {
        assert_eq!(
            zipped(&files(), "x").unwrap(),
            zipped(&files(), "x").unwrap()
        );
        assert_eq!(
            tarred(&files(), "x").unwrap(),
            tarred(&files(), "x").unwrap()
        );
    }

    #[test]
    fn an_archive_gives_back_what_was_put_in() {
        let mut archive =
            zip::ZipArchive::new(Cursor::new(zipped(&files(), "x").unwrap())).unwrap();
        for (name, entry) in files() {
            let mut file = archive.by_name(&format!("x/{name}")).unwrap();
            assert_eq!(file.unix_mode().unwrap() & 0o777, mode(&entry));
            let mut bytes = Vec::new();
            io::Read::read_to_end(&mut file, &mut bytes).unwrap();
            assert_eq!(bytes, entry.bytes);
        }
        let tarred = tarred(&files(), "x").unwrap();
        let mut archive = tar::Archive::new(flate2::read::GzDecoder::new(&tarred[..]));
        let names: Vec<String> = archive
            .entries()
            .unwrap()
            .map(|entry| entry.unwrap().path().unwrap().display().to_string())
            .collect();
        assert_eq!(names, ["x/crates/a/src/main.rs", "x/run"]);
    }
}
