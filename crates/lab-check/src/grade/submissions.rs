//! The submissions in a folder: folders, zip archives, and single files; and the program in each.

use std::collections::BTreeMap;
use std::fs::{self, File};
use std::io::{Read, Write};
use std::path::{Path, PathBuf};

use anyhow::{Context, anyhow};
use lab_judge::scratch::Scratch;
use labnet::Hint;

/// The most bytes and files that an archive may hold when it is unpacked.
const MOST_BYTES: u64 = 64 * 1024 * 1024;
const MOST_FILES: usize = 10_000;
/// How many folders that hold nothing but one folder are looked into.
const MOST_FOLDERS: usize = 4;
/// What programs are written in.
const LANGUAGES: [&str; 12] = [
    "py", "java", "c", "cc", "cpp", "js", "mjs", "ts", "rs", "go", "rb", "kt",
];

/// What one student handed in.
pub(super) struct Submission {
    /// The student's name: that of the folder or of the archive.
    pub(super) name: String,
    /// The folder, or the archive.
    path: PathBuf,
}

/// A submission's folder; that of an archive goes when this does.
pub(super) struct Opened {
    pub(super) folder: PathBuf,
    _unpacked: Option<Scratch>,
}

/// The folders and zip archives in a folder, by name. Hidden ones are nobody's work.
pub(super) fn all(folder: &Path) -> anyhow::Result<Vec<Submission>> {
    let mut found: BTreeMap<String, PathBuf> = BTreeMap::new();
    for path in visible(folder)? {
        let is_zip = is_zip(&path);
        let name = match is_zip {
            true => path.file_stem(),
            false => path.file_name(),
        };
        let name = name.unwrap_or_default().to_string_lossy().into_owned();
        if !(is_zip || path.is_dir()) {
            continue;
        }
        if found.insert(name.clone(), path).is_some() {
            return Err(anyhow!(
                "{} holds both a folder and an archive of {name}",
                folder.display()
            ))
            .hint("keep the one that is to be graded");
        }
    }
    if found.is_empty() {
        return Err(anyhow!(
            "{} holds no folders and no zip archives",
            folder.display()
        ))
        .hint("each submission is one: submissions/anna/server.py, submissions/ben.zip");
    }
    let found = found.into_iter();
    Ok(found
        .map(|(name, path)| Submission { name, path })
        .collect())
}

fn is_zip(path: &Path) -> bool {
    let extension = path.extension().unwrap_or_default().to_string_lossy();
    path.is_file() && extension.eq_ignore_ascii_case("zip")
}

impl Submission {
    /// The folder with the program: an archive is unpacked, and folders that hold nothing but one
    /// folder are passed through.
    pub(super) fn open(&self) -> anyhow::Result<Opened> {
        let unpacked = match is_zip(&self.path) {
            true => {
                let scratch = Scratch::new().context("cannot make a folder for an archive")?;
                unzip(&self.path, scratch.path())
                    .with_context(|| format!("cannot unpack {}", self.path.display()))?;
                Some(scratch)
            }
            false => None,
        };
        let top = unpacked.as_ref().map_or(self.path.as_path(), Scratch::path);
        let mut folder = top.to_path_buf();
        for _ in 0..MOST_FOLDERS {
            match &visible(&folder)?[..] {
                [only] if only.is_dir() => folder = only.clone(),
                _ => break,
            }
        }
        Ok(Opened {
            folder: crate::check::absolute(&folder)?,
            _unpacked: unpacked,
        })
    }
}

/// What is in a folder and is not hidden, by name.
fn visible(folder: &Path) -> anyhow::Result<Vec<PathBuf>> {
    let listed = || format!("cannot list the folder {}", folder.display());
    let mut found = Vec::new();
    for entry in fs::read_dir(folder).with_context(listed)? {
        let entry = entry.with_context(listed)?;
        let name = entry.file_name().to_string_lossy().into_owned();
        let ours = !name.starts_with('.') && name != "__MACOSX" && name != "__pycache__";
        if ours {
            found.push(entry.path());
        }
    }
    found.sort();
    Ok(found)
}

/// The one program in a folder, or the one whose name tells the side: `EchoServer.java`.
pub(super) fn program(folder: &Path, side: &str) -> anyhow::Result<PathBuf> {
    let all = visible(folder)?;
    let mut files = all.clone();
    files.retain(|path| {
        let extension = path.extension().unwrap_or_default().to_string_lossy();
        path.is_file() && LANGUAGES.contains(&extension.as_ref())
    });
    let name = |path: &PathBuf| {
        path.file_name()
            .unwrap_or_default()
            .to_string_lossy()
            .into_owned()
    };
    let listed = |paths: &[PathBuf]| paths.iter().map(name).collect::<Vec<_>>().join(", ");
    let mut of_side: Vec<PathBuf> = files.clone();
    of_side.retain(|path| name(path).to_ascii_lowercase().contains(side));
    match (&files[..], &of_side[..]) {
        ([only], _) | (_, [only]) => Ok(only.clone()),
        ([], _) if all.is_empty() => Err(anyhow!("it is empty")),
        ([], _) => Err(anyhow!(
            "there is no program in it, but only {}",
            listed(&all)
        )),
        _ => Err(anyhow!(
            "it holds {}, and it is not clear which is the {side}",
            listed(&files)
        )),
    }
}

/// Unpacks an archive, with bounds: it comes from a stranger.
/// A path that leads out of the folder is left out.
fn unzip(archive: &Path, folder: &Path) -> anyhow::Result<()> {
    let mut archive = zip::ZipArchive::new(File::open(archive)?)?;
    if archive.len() > MOST_FILES {
        return Err(anyhow!("it holds more than {MOST_FILES} files"));
    }
    let mut left = MOST_BYTES;
    for index in 0..archive.len() {
        let entry = archive.by_index(index)?;
        let Some(name) = entry.enclosed_name() else {
            continue;
        };
        let path = folder.join(name);
        if entry.is_dir() {
            fs::create_dir_all(&path)?;
            continue;
        }
        // A link could lead anywhere.
        if !entry.is_file() {
            continue;
        }
        if let Some(parent) = path.parent() {
            fs::create_dir_all(parent)?;
        }
        #[cfg(unix)]
        let executable = entry.unix_mode().is_some_and(|mode| mode & 0o100 != 0);
        let mut bytes = Vec::new();
        entry.take(left + 1).read_to_end(&mut bytes)?;
        let size = u64::try_from(bytes.len()).unwrap_or(u64::MAX);
        left = left
            .checked_sub(size)
            .ok_or_else(|| anyhow!("it holds more than {} MiB", MOST_BYTES / 1024 / 1024))?;
        File::create(&path)?.write_all(&bytes)?;
        #[cfg(unix)]
        if executable {
            use std::os::unix::fs::PermissionsExt;
            fs::set_permissions(&path, fs::Permissions::from_mode(0o755))?;
        }
    }
    Ok(())
}
