use serde_json::{Value, json};

use super::*;

fn package(name: &str, lab: &Value) -> Value {
    json!({
        "name": name,
        "manifest_path": format!("/labs/crates/{name}/Cargo.toml"),
        "metadata": { "lab": lab },
    })
}

fn lab(exercise: &str, order: u32, role: &str) -> Value {
    json!({
        "sheet": "net", "exercise": exercise, "title": "T", "order": order, "role": role,
        "python": "p.py", "teaches": "t", "calls": ["socket"],
    })
}

fn workspace(packages: &[Value]) -> Value {
    json!({
        "workspace_root": "/labs",
        "metadata": { "lab": { "sheets": [{ "id": "net", "title": "Design" }] } },
        "packages": packages,
    })
}

fn from_metadata(metadata: &Value) -> anyhow::Result<Catalog> {
    Catalog::from_metadata(&metadata.to_string().parse().unwrap())
}

fn catalog() -> Catalog {
    from_metadata(&workspace(&[
        package("sum-client", &lab("net-sum", 4, "client")),
        package("sum-server", &lab("net-sum", 4, "server")),
        package("hello-server", &lab("net-hello", 1, "server")),
        package("hello-client", &lab("net-hello", 1, "client")),
        package("scan", &lab("scan", 9, "program")),
        package("bus", &lab("middle", 10, "router")),
        json!({ "name": "labnet", "manifest_path": "/labs/crates/labnet/Cargo.toml", "metadata": null }),
    ]))
    .unwrap()
}

#[test]
fn exercises_are_in_the_sheets_order_and_servers_before_clients() {
    let catalog = catalog();
    let shown: Vec<(&str, Vec<&str>)> = catalog.sheets[0]
        .exercises
        .iter()
        .map(|e| {
            let packages = e.programs.iter().map(|p| p.package.as_str()).collect();
            (e.id.as_str(), packages)
        })
        .collect();
    assert_eq!(
        shown,
        [
            ("net-hello", vec!["hello-server", "hello-client"]),
            ("net-sum", vec!["sum-server", "sum-client"]),
            ("scan", vec!["scan"]),
            ("middle", vec!["bus"]),
        ]
    );
    assert_eq!(
        catalog.sheets[0].exercises[0].programs[0].folder,
        "crates/hello-server"
    );
}

#[test]
fn a_package_names_its_exercise() {
    assert_eq!(catalog().exercise("sum-client").unwrap().id, "net-sum");
}

#[test]
fn an_unknown_name_suggests_those_that_are_like_it() {
    let shown = |name| {
        let error = catalog().exercise(name).unwrap_err();
        format!("{:?}", labnet::Failure::from(error))
    };
    assert_eq!(
        shown("net-smu"),
        "there is no exercise net-smu\n\
         hint: did you mean net-sum? cargo lab list shows them all"
    );
    assert_eq!(
        shown("net"),
        "there is no exercise net\n\
         hint: did you mean net-hello or net-sum? cargo lab list shows them all"
    );
    assert_eq!(
        shown("quite-different"),
        "there is no exercise quite-different\nhint: cargo lab list shows them all"
    );
}

#[test]
fn an_exercise_is_a_pair_a_program_or_says_where_its_way_is_described() {
    let catalog = catalog();
    let roles = |name| catalog.exercise(name).unwrap().roles();
    assert!(matches!(roles("net-sum"), Ok(Roles::Pair(s, c))
        if s.package == "sum-server" && c.package == "sum-client"));
    assert!(matches!(roles("scan"), Ok(Roles::Alone(p)) if p.package == "scan"));
    let shown = format!("{:?}", labnet::Failure::from(roles("middle").unwrap_err()));
    assert!(shown.contains("crates/bus/README.md"), "{shown}");
}

#[test]
fn an_incomplete_description_names_file_and_key() {
    let problem = |key: &str, value: Value| {
        let mut lab = lab("x", 1, "server");
        lab[key] = value;
        let error = from_metadata(&workspace(&[package("x", &lab)]));
        format!("{:#}", error.unwrap_err())
    };
    let at = "[package.metadata.lab] in crates/x/Cargo.toml";
    assert_eq!(
        problem("teaches", Value::Null),
        format!("{at} has no teaches, a text")
    );
    assert_eq!(
        problem("title", json!("")),
        format!("{at} has no title, a text")
    );
    assert_eq!(
        problem("order", json!("1")),
        format!("{at} has no order, a whole number")
    );
    assert_eq!(
        problem("role", json!("king")),
        format!("{at} has an unknown role, king")
    );
    assert_eq!(
        problem("calls", json!("bind")),
        format!("{at}: calls is not a list of texts")
    );
    assert_eq!(
        problem("one-shot", json!("yes")),
        format!("{at}: one-shot is neither true nor false")
    );
    assert_eq!(
        problem("needs", json!("a-printer")),
        format!("{at} needs a-printer, which cargo lab cannot start")
    );
    assert_eq!(
        problem("sheet", json!("none")),
        "crates/x/Cargo.toml names the sheet none, which the root Cargo.toml does not know"
    );
}
