//! No module imports in a circle, and the state machines are pure.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use crate::{assert_tidy, file, file_name, files};

/// A module's path in its crate: `["client", "session"]`; the crate's root is empty.
type Module = Vec<String>;

/// What the modules of a crate import.
type Modules = BTreeMap<Module, Imports>;

/// The paths in a module's code, its tests left out.
#[derive(Default)]
struct Imports {
    /// Those that begin with `crate` or `super`.
    paths: Vec<Vec<String>>,
    /// Those of all `use` declarations.
    uses: Vec<Vec<String>>,
}

impl Imports {
    fn of(text: &str) -> Self {
        let tokens = tokens(&code(text));
        let uses = uses(&tokens);
        let mut paths = uses.clone();
        let mut tokens = tokens.into_iter().peekable();
        while let Some(token) = tokens.next() {
            if token != "crate" && token != "super" {
                continue;
            }
            let mut path = vec![token];
            while tokens.next_if(|token| token == "::").is_some() {
                match tokens.next() {
                    Some(name) if is_name(&name) => path.push(name),
                    _ => break,
                }
            }
            paths.push(path);
        }
        paths.retain(|path| path.len() > 1 && (path[0] == "crate" || path[0] == "super"));
        Imports { paths, uses }
    }

    /// The child from which the module re-exports a name: `pub use child::Name;`
    fn passed_on(&self, name: &str) -> Option<&String> {
        self.uses
            .iter()
            .filter(|path| path.len() > 1 && path.last().is_some_and(|last| last == name))
            .map(|path| {
                if path[0] == "self" {
                    &path[1]
                } else {
                    &path[0]
                }
            })
            .next()
    }
}

/// Groups of modules that import each other in a circle, as `parent: child, child`.
///
/// Only modules that are next to each other are compared. `a::b` that imports `c::d` counts as `a`
/// that imports `c`. What a module and its own children share is not a circle.
fn circles(modules: &Modules) -> BTreeSet<String> {
    let mut imports: BTreeMap<Module, BTreeMap<String, BTreeSet<String>>> = BTreeMap::new();
    for (module, own) in modules {
        for path in &own.paths {
            let Some(target) = resolve(modules, module, path) else {
                continue;
            };
            let common = module
                .iter()
                .zip(&target)
                .take_while(|(own, other)| own == other)
                .count();
            if let (Some(own), Some(other)) = (module.get(common), target.get(common)) {
                let parent = imports.entry(module[..common].to_vec()).or_default();
                parent.entry(own.clone()).or_default().insert(other.clone());
            }
        }
    }
    let mut found = BTreeSet::new();
    for (parent, imports) in imports {
        let reach = |from: &str| -> BTreeSet<String> {
            let mut reached = BTreeSet::new();
            let mut open = vec![from.to_string()];
            while let Some(next) = open.pop() {
                for other in imports.get(&next).into_iter().flatten() {
                    if reached.insert(other.clone()) {
                        open.push(other.clone());
                    }
                }
            }
            reached
        };
        let reached: BTreeMap<&String, BTreeSet<String>> =
            imports.keys().map(|name| (name, reach(name))).collect();
        for (name, others) in &reached {
            if others.contains(*name) {
                let circle: Vec<&str> = others
                    .iter()
                    .filter(|other| reached.get(other).is_some_and(|back| back.contains(*name)))
                    .map(String::as_str)
                    .collect();
                let parent = match parent.is_empty() {
                    true => "crate".to_string(),
                    false => parent.join("::"),
                };
                found.insert(format!("{parent}: {}", circle.join(", ")));
            }
        }
    }
    found
}

/// The module that a path begins with `crate` or `super` names, or that holds what it names.
fn resolve(modules: &Modules, from: &Module, path: &[String]) -> Option<Module> {
    let mut at = match path.first()?.as_str() {
        "crate" => Module::new(),
        "super" => from.split_last()?.1.to_vec(),
        _ => return None,
    };
    for name in &path[1..] {
        if name == "super" {
            at.pop()?;
            continue;
        }
        let child: Module = at.iter().cloned().chain([name.clone()]).collect();
        if modules.contains_key(&child) {
            at = child;
            continue;
        }
        // What the module only passes on belongs to the child that has it.
        let child = modules.get(&at)?.passed_on(name);
        let child: Module = at.iter().chain(child).cloned().collect();
        return Some(if modules.contains_key(&child) {
            child
        } else {
            at
        });
    }
    Some(at)
}

/// Code without its tests, which by custom are the end of a file, and without comments and texts.
fn code(text: &str) -> String {
    let text = text.split("#[cfg(test)]\nmod ").next().unwrap_or(text);
    let line = |line: &str| {
        let code = line.split("//").next().unwrap_or(line);
        code.split('"').step_by(2).collect::<Vec<_>>().join("\"\"")
    };
    text.lines().map(line).collect::<Vec<_>>().join("\n")
}

fn is_name(token: &str) -> bool {
    token.starts_with(|c: char| c.is_alphabetic() || c == '_')
}

/// Names, `::`, and single other characters.
fn tokens(code: &str) -> Vec<String> {
    let mut tokens: Vec<String> = Vec::new();
    let mut chars = code.chars().peekable();
    while let Some(c) = chars.next() {
        let mut token = c.to_string();
        if c.is_alphanumeric() || c == '_' {
            while let Some(next) = chars.next_if(|c| c.is_alphanumeric() || *c == '_') {
                token.push(next);
            }
        } else if c == ':' && chars.next_if_eq(&':').is_some() {
            token.push(':');
        } else if c.is_whitespace() {
            continue;
        }
        tokens.push(token);
    }
    tokens
}

/// The paths of all `use` declarations, their braces taken apart.
fn uses(tokens: &[String]) -> Vec<Vec<String>> {
    let mut found = Vec::new();
    for (place, token) in tokens.iter().enumerate() {
        if token == "use" {
            let end = tokens[place..].iter().position(|token| token == ";");
            let tree = &tokens[place + 1..place + end.unwrap_or(1).max(1)];
            use_tree(tree, &[], &mut found);
        }
    }
    found
}

fn use_tree(tokens: &[String], before: &[String], found: &mut Vec<Vec<String>>) {
    let mut path = before.to_vec();
    let mut place = 0;
    while let Some(token) = tokens.get(place) {
        if token == "{" {
            let mut depth = 0;
            let mut start = place + 1;
            for (at, token) in tokens.iter().enumerate().skip(place) {
                match token.as_str() {
                    "{" => depth += 1,
                    "}" => depth -= 1,
                    _ => {}
                }
                if (token == "," && depth == 1) || depth == 0 {
                    if start < at {
                        use_tree(&tokens[start..at], &path, found);
                    }
                    start = at + 1;
                }
                if depth == 0 {
                    return;
                }
            }
            return;
        }
        if token == "as" {
            break;
        }
        if is_name(token) {
            path.push(token.clone());
        }
        place += 1;
    }
    if path.last().is_some_and(|last| last == "self") {
        path.pop();
    }
    found.push(path);
}

/// All crates of the workspace, by the folder of their sources. A binary with its own folder is a
/// crate too.
fn crates() -> BTreeMap<String, Modules> {
    let is_root = |folder: &Path| {
        ["lib.rs", "main.rs"]
            .iter()
            .any(|root| folder.join(root).exists())
    };
    let mut texts: BTreeMap<String, BTreeMap<Module, String>> = BTreeMap::new();
    for path in files(&[".rs"]) {
        let Some(root) = path.ancestors().skip(1).find(|folder| is_root(folder)) else {
            continue;
        };
        let (_, text) = file(&path);
        let inside = path.strip_prefix(root).unwrap().with_extension("");
        let mut module: Module = inside
            .iter()
            .map(|part| part.to_string_lossy().into_owned())
            .collect();
        let last = module.last().map_or("", String::as_str);
        if last == "mod" || (module.len() == 1 && ["lib", "main"].contains(&last)) {
            module.pop();
        }
        let crate_ = texts.entry(file_name(root)).or_default();
        // lib.rs and main.rs are both the root.
        crate_.entry(module).or_default().push_str(&text);
    }
    texts
        .into_iter()
        .map(|(folder, texts)| {
            let imports = |(module, text): (Module, String)| (module, Imports::of(&text));
            (folder, texts.into_iter().map(imports).collect())
        })
        .collect()
}

#[test]
fn no_module_imports_in_a_circle() {
    let crates = crates();
    assert!(crates.len() > 30, "only {} crates were found", crates.len());
    let problems = crates.iter().flat_map(|(folder, modules)| {
        let problem = move |circle: String| {
            format!("{folder}:1: {circle} import each other: move what they share to its own file")
        };
        circles(modules).into_iter().map(problem)
    });
    assert_tidy(&problems.collect::<Vec<_>>());
}

#[test]
fn a_circle_of_modules_is_found() {
    let check = |texts: &[(&str, &str)]| {
        let module = |name: &str| name.split("::").map(str::to_string).collect::<Module>();
        let mut modules: Modules = texts
            .iter()
            .map(|(name, text)| (module(name), Imports::of(text)))
            .collect();
        modules.entry(Module::new()).or_default();
        circles(&modules).into_iter().collect::<Vec<_>>()
    };
    let b = ("b", "use crate::a::Thing;\n");
    assert_eq!(check(&[("a", ""), b]), [""; 0]);
    assert_eq!(check(&[("a", "use crate::b;\n"), b]), ["crate: a, b"]);
    assert_eq!(
        check(&[("a", "use super::{c, b::{X, Y as Z}};\n"), b]),
        ["crate: a, b"]
    );
    assert_eq!(
        check(&[("a", "fn f() { crate::b::f() }\n"), b]),
        ["crate: a, b"]
    );
    // Over a third, and from inside another module.
    let c = ("c::inner", "use crate::b::X;\n");
    assert_eq!(
        check(&[("a", "use crate::c::Y;\n"), b, c, ("c", "")]),
        ["crate: a, b, c"]
    );
    // Through a name that the parent passes on.
    let parent = ("p", "pub use x::X;\npub use y::Y;\n");
    let (x, y) = (("p::x", "use super::Y;\n"), ("p::y", "use super::X;\n"));
    assert_eq!(check(&[parent, x, y]), ["p: x, y"]);
    // A comment, a text, a test, and what a parent and its child share are not circles.
    for text in [
        "// use crate::b;\n",
        "const A: &str = \"crate::b::c\";\n",
        "#[cfg(test)]\nmod tests { use crate::b; }\n",
    ] {
        assert_eq!(check(&[("a", text), b]), [""; 0], "{text}");
    }
    let (parent, child) = (("p", "use crate::p::x::X;\n"), ("p::x", "use super::Y;\n"));
    assert_eq!(check(&[parent, child]), [""; 0]);
}

/// State machines: messages and times go in, messages and notices come out.
const STATE_MACHINES: [&str; 2] = [
    "crates/transparency-middleware/src/client/protocol/",
    "crates/transparency-middleware/src/realm/",
];

/// What asks the world, and what waits for it.
const WORLD: [&str; 10] = [
    "std::net",
    "std::thread",
    "std::fs",
    "rand::rng(",
    "Mutex",
    "Condvar",
    "Instant::now",
    "SystemTime",
    ".elapsed(",
    "rand::random",
];

fn impure(name: &str, text: &str) -> Vec<String> {
    let lines = code(text);
    let found = WORLD.iter().filter(|word| lines.contains(*word));
    found
        .map(|word| {
            format!(
                "{name}:1: {word} in a state machine: time and chance are told to it, as arguments"
            )
        })
        .collect()
}

#[test]
fn state_machines_are_pure() {
    let mut seen = BTreeSet::new();
    let mut problems = Vec::new();
    for path in files(&[".rs"]) {
        let (name, text) = file(&path);
        let folder = STATE_MACHINES
            .iter()
            .find(|folder| name.starts_with(*folder));
        // What plays them in tests may ask.
        if let Some(folder) = folder
            && !["drive.rs", "tests.rs"]
                .iter()
                .any(|end| name.ends_with(end))
            && !name.contains("/tests/")
        {
            seen.insert(*folder);
            problems.extend(impure(&name, &text));
        }
    }
    assert_eq!(seen.len(), STATE_MACHINES.len(), "only {seen:?}");
    assert_tidy(&problems);
}

#[test]
fn a_state_machine_that_is_not_pure_is_found() {
    let good =
        "use std::time::Instant;\n// Instant::now() is the caller's.\nfn f(now: Instant) {}\n";
    assert_eq!(impure("x", good), [""; 0]);
    assert!(impure("x", "fn f() { Instant::now() }\n")[0].contains("x:1: Instant::now"));
    assert_eq!(
        impure("x", "use std::sync::Mutex;\nuse std::net::TcpStream;\n").len(),
        2
    );
}
