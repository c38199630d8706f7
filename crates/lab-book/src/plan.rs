//! How a run is made.

use serde::Deserialize;

/// How a run is made.
#[derive(Debug, Clone, Default, PartialEq, Eq, PartialOrd, Ord, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case", default)]
pub struct Plan {
    /// The server: `rust`, `python`, a program of the gallery such as `one-recv.py`, or a command.
    pub server: Option<String>,
    /// The client, likewise.
    pub client: Option<String>,
    /// Whether the client runs without a server.
    pub alone: bool,
    /// More words for the server.
    pub server_args: Vec<String>,
    /// More words for the client.
    pub client_args: Vec<String>,
    /// What the client's user types.
    pub input: String,
    /// More words for `cargo lab trace`, such as `--cut 4`.
    pub trace: Vec<String>,
}

/// A run that is needed: exercise and plan.
pub type Wanted = (String, Plan);

/// A run for people.
pub fn shown_run((exercise, plan): &Wanted) -> String {
    let mut words = vec![exercise.clone()];
    if plan.alone {
        words.push("without a server".to_string());
    }
    for (side, program, args) in [
        ("server", &plan.server, &plan.server_args),
        ("client", &plan.client, &plan.client_args),
    ] {
        if program.is_some() || !args.is_empty() {
            let args = shell_words::join(args);
            let words_of = [program.as_deref().unwrap_or("ours"), &args].join(" ");
            words.push(format!("{side}: {}", words_of.trim_end()));
        }
    }
    if !plan.trace.is_empty() {
        words.push(plan.trace.join(" "));
    }
    words.join(", ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_run_is_told_in_a_line() {
        let plan = Plan {
            server: Some("one-recv.py".to_string()),
            server_args: vec!["65432".to_string()],
            trace: vec!["--cut".to_string(), "8".to_string()],
            ..Plan::default()
        };
        let told = shown_run(&("dsd-eof".to_string(), plan));
        assert_eq!(told, "dsd-eof, server: one-recv.py 65432, --cut 8");
    }
}
