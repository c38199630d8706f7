//! The command line under test: words, with places for the address and the message.

use std::net::SocketAddr;
use std::path::Path;

use anyhow::{Context, anyhow};
use labnet::Hint;

/// A command line with `{host}`, `{port}`, `{message}`, `{scratch}` and `{dir}` to be filled in.
#[derive(Debug, Clone)]
pub struct Template {
    /// As it was given.
    pub text: String,
    words: Vec<String>,
}

impl Template {
    /// Splits a command line into words as a shell does,
    /// with quotes, but without a shell's other powers.
    ///
    /// # Errors
    ///
    /// When it is empty, a quote is open, or it uses what only a shell can do.
    pub fn parse(text: &str) -> anyhow::Result<Self> {
        let words = shell_words::split(text)
            .with_context(|| format!("cannot read the command {text}"))
            .hint("a quote is opened and never closed")?;
        if words.is_empty() {
            return Err(anyhow!("the command is empty"))
                .hint("for example --server \"python3 my_server.py --port {port}\"");
        }
        if let Some(word) = words
            .iter()
            .find(|w| ["&&", "||", "|", ";", "&", ">", "<"].contains(&w.as_str()))
        {
            return Err(anyhow!(
                "the command is run without a shell, and {word} is a shell's"
            ))
            .hint(IN_A_SHELL);
        }
        if message_in_a_script(&words) {
            return Err(anyhow!(
                "a shell would take the message for a part of its script: \"<EOF>\" is a redirection there"
            ))
            .hint(IN_A_SHELL);
        }
        for word in &words {
            if let Some(place) = unknown_place(word) {
                return Err(anyhow!(
                    "the command has a place {{{place}}} that nothing fills"
                ))
                .hint("there are {host}, {port}, {message}, {scratch}, for a port scanner {ports}, or {first} and {last}, and for grade {dir}");
            }
        }
        Ok(Template {
            text: text.to_string(),
            words,
        })
    }

    /// The same command with a folder filled in: the
    /// submission's for `dir`, an empty one for `scratch`.
    pub fn with_folder(&self, place: &str, folder: &Path) -> Self {
        let (place, folder) = (format!("{{{place}}}"), folder.to_string_lossy());
        Template {
            text: self.text.clone(),
            words: self
                .words
                .iter()
                .map(|word| word.replace(&place, &folder))
                .collect(),
        }
    }

    /// The words, with their places.
    pub fn words(&self) -> &[String] {
        &self.words
    }

    /// Whether a place is in it.
    pub fn has(&self, place: &str) -> bool {
        self.words
            .iter()
            .any(|word| word.contains(&format!("{{{place}}}")))
    }

    /// The words with the address and the message filled in.
    pub fn fill(&self, address: SocketAddr, host: Option<&str>, message: &str) -> Vec<String> {
        let host = host.map_or_else(|| address.ip().to_string(), str::to_string);
        self.words
            .iter()
            .map(|word| {
                word.replace("{host}", &host)
                    .replace("{port}", &address.port().to_string())
                    .replace("{message}", message)
            })
            .collect()
    }
}

/// How a shell gets the message as what it is: an argument.
const IN_A_SHELL: &str = "put it into a script, or run a shell yourself and hand the places on as arguments: \
    --client \"sh -c 'cd x && exec ./client \\\"\\$@\\\"' sh {port} {message}\"";

/// Whether the message would be filled into what a shell
/// reads as its script: `sh -c './client {message}'`.
fn message_in_a_script(words: &[String]) -> bool {
    const SHELLS: [&str; 6] = ["sh", "bash", "dash", "ash", "ksh", "zsh"];
    let is_shell = |word: &String| {
        let name = Path::new(word).file_name();
        name.is_some_and(|name| SHELLS.iter().any(|shell| name == *shell))
    };
    let Some(shell) = words.iter().position(is_shell) else {
        return false;
    };
    // -c, or -ec and the like; the script is the first word after the options.
    let mut options = words[shell + 1..].iter();
    let mut script = false;
    let first = options.find(|word| {
        let option = word.starts_with('-');
        script |= option && !word.starts_with("--") && word.contains('c');
        !option
    });
    script && first.is_some_and(|first| first.contains("{message}"))
}

/// `{prot}` in `--port={prot}`. Other braces are the command's own.
fn unknown_place(word: &str) -> Option<&str> {
    let mut rest = word;
    while let Some((_, after)) = rest.split_once('{') {
        let (name, end) = after.split_once('}')?;
        let known = [
            "host", "port", "message", "scratch", "dir", "ports", "first", "last",
        ]
        .contains(&name);
        if !known && !name.is_empty() && name.bytes().all(|byte| byte.is_ascii_lowercase()) {
            return Some(name);
        }
        rest = end;
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    fn filled(text: &str) -> Vec<String> {
        let address: SocketAddr = "127.0.0.1:20001".parse().unwrap();
        Template::parse(text)
            .unwrap()
            .fill(address, None, "two words; rm")
    }

    #[test]
    fn places_are_filled_and_a_message_stays_one_word() {
        assert_eq!(
            filled("python3 'my server.py' --port={port} {host} {message}"),
            [
                "python3",
                "my server.py",
                "--port=20001",
                "127.0.0.1",
                "two words; rm"
            ]
        );
    }

    #[test]
    fn what_only_a_shell_can_do_is_refused() {
        assert!(Template::parse("cd x && ./server").is_err());
        assert!(Template::parse("./server 'open").is_err());
        assert!(Template::parse("").is_err());
        assert!(Template::parse("./server {prot}").is_err());
        assert!(Template::parse("sh -c 'cd x && ./server'").is_ok());
        assert!(Template::parse("awk '{print $1}'").is_ok());
    }

    #[test]
    fn a_message_is_no_part_of_a_shells_script() {
        for script in [
            "sh -c './client {port} {message}'",
            "/bin/bash -ec 'cd x && ./client {message}'",
            "timeout 60 dash -e -c './client {message}'",
        ] {
            assert!(Template::parse(script).is_err(), "{script}");
        }
        for right in [
            "sh client.sh {message}",
            "./client -c {message}",
            "sh -c './server {port}'",
            "sh -c 'cd x && exec ./client \"$@\"' sh {port} {message}",
        ] {
            assert!(Template::parse(right).is_ok(), "{right}");
        }
    }

    #[cfg(unix)]
    #[test]
    fn what_the_hint_says_hands_any_message_on_as_it_is() {
        let message = "two words; <EOF> $HOME \"'\\";
        let address: SocketAddr = "127.0.0.1:20001".parse().unwrap();
        let command = "sh -c 'cd / && exec printf \"%s|\" \"$@\"' sh {port} {message}";
        let words = Template::parse(command)
            .unwrap()
            .fill(address, None, message);
        let out = std::process::Command::new(&words[0])
            .args(&words[1..])
            .output()
            .unwrap();
        assert_eq!(out.stdout, format!("20001|{message}|").as_bytes());
    }
}
