//! Registers the exercises: each file in `src/exercises/`
//! is one. A copy that leaves files out needs no edit.

use std::env;
use std::fmt::Write;
use std::fs;
use std::path::Path;

fn main() {
    register_exercises();
    look_for_the_gallery();
}

/// Writes `exercises.rs`: a module for each file, and the list of what they hold.
fn register_exercises() {
    println!("cargo::rerun-if-changed=src/exercises");
    let root = env::var("CARGO_MANIFEST_DIR").expect("cargo names the package's folder");
    let folder = Path::new(&root).join("src/exercises");
    let mut names: Vec<String> = fs::read_dir(&folder)
        .expect("src/exercises can be read")
        .map(|file| file.expect("src/exercises can be read").path())
        .filter(|file| file.extension().is_some_and(|ending| ending == "rs"))
        .filter_map(|file| Some(file.file_stem()?.to_str()?.to_string()))
        .filter(|name| name != "mod")
        .collect();
    names.sort();

    let mut text = String::new();
    for name in &names {
        let file = folder.join(format!("{name}.rs"));
        writeln!(text, "#[path = {file:?}]\nmod {name};").expect("a String takes everything");
    }
    text.push_str("\n/// All exercises, by the names of their files.\n");
    text.push_str("pub static EXERCISES: &[&Exercise] = &[\n");
    for name in &names {
        writeln!(text, "    &{name}::EXERCISE,").expect("a String takes everything");
    }
    text.push_str("];\n");
    let out = env::var("OUT_DIR").expect("cargo names a folder for generated files");
    fs::write(Path::new(&out).join("exercises.rs"), text).expect("OUT_DIR can be written");
}

/// Sets `has_gallery` where the gallery is: the tests of the tool play its programs.
fn look_for_the_gallery() {
    println!("cargo::rustc-check-cfg=cfg(has_gallery)");
    if Path::new("gallery").exists() {
        println!("cargo::rustc-cfg=has_gallery");
    }
}
