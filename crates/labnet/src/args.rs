//! The command line: `argh`, and three things that the sheets need and argh does not accept.
//!
//! - `--port=9900`, as the sheets type it; argh knows only `--port 9900` (google/argh#36).
//! - A lone `-` (read stdin) and negative numbers are words, not options.
//! - An error is one line and a hint: the name that was probably meant, and a command to paste.

use std::env;
use std::process;
use std::time::Duration;

use anyhow::{Context, anyhow};
use argh::{ArgsInfo, CommandInfoWithArgs, FlagInfoKind, TopLevelCommand};

use crate::failure::one_line;
use crate::{Hint, did_you_mean, say};

/// Reads the program's arguments; `--help` prints the help and ends the program with exit code 0.
///
/// The type derives [`argh::FromArgs`] and [`argh::ArgsInfo`].
///
/// ```no_run
/// use argh::{ArgsInfo, FromArgs};
///
/// /// Adds the numbers that a client sends.
/// #[derive(FromArgs, ArgsInfo)]
/// #[argh(help_triggers("-h", "--help"))]
/// struct Args {
///     /// port to listen on (default 65432)
///     #[argh(option, default = "65432", from_str_fn(labnet::port))]
///     port: u16,
/// }
///
/// fn main() -> labnet::MainResult {
///     let args: Args = labnet::args()?;
///     labnet::log!("port {}", args.port);
///     Ok(())
/// }
/// ```
///
/// # Errors
///
/// When an argument is unknown, missing, not valid UTF-8, or has a value that does not fit.
pub fn args<T: TopLevelCommand + ArgsInfo>() -> anyhow::Result<T> {
    args_as(&own_name()?)
}

/// Like [`args`], for a program whose users start it under another name: `cargo lab`.
///
/// # Errors
///
/// As [`args`].
pub fn args_as<T: TopLevelCommand + ArgsInfo>(name: &str) -> anyhow::Result<T> {
    args_with_help(name, str::to_string)
}

/// Like [`args_as`], without the first word: the name of a subcommand.
///
/// # Errors
///
/// As [`args`].
pub fn args_after_first<T: TopLevelCommand + ArgsInfo>(name: &str) -> anyhow::Result<T> {
    let words = words()?;
    finish(parse(name, words.get(1..).unwrap_or_default(), &[]))
}

/// Like [`args_as`], for a help text that is completed when it is asked for.
///
/// # Errors
///
/// As [`args`].
pub fn args_with_help<T: TopLevelCommand + ArgsInfo>(
    name: &str,
    complete: impl FnOnce(&str) -> String,
) -> anyhow::Result<T> {
    let parsed = parse(name, &words()?, &[]);
    finish(parsed.map(|parsed| match parsed {
        Parsed::Help(text) => Parsed::Help(complete(&text)),
        args @ Parsed::Args(_) => args,
    }))
}

/// The program's name, from how it was started.
pub(crate) fn own_name() -> anyhow::Result<String> {
    let path = env::args_os()
        .next()
        .context("the program was started without its own name")?;
    Ok(program_name(&path.to_string_lossy()).to_string())
}

/// The words after the program's name.
pub(crate) fn words() -> anyhow::Result<Vec<String>> {
    env::args_os()
        .skip(1)
        .map(|word| {
            word.into_string().map_err(|word| {
                anyhow!("the argument {} is not valid UTF-8", word.to_string_lossy())
            })
        })
        .collect()
}

/// Gives the arguments; help is printed and ends the program.
pub(crate) fn finish<T>(parsed: anyhow::Result<Parsed<T>>) -> anyhow::Result<T> {
    match parsed? {
        Parsed::Args(args) => Ok(args),
        Parsed::Help(text) => {
            say!("{}", text.trim_end())?;
            process::exit(0)
        }
    }
}

/// The hint of every error about arguments: a command to paste.
pub(crate) fn see_help(name: &str) -> String {
    format!("{} --help lists the options", to_type(name))
}

/// What a user types to start this program: `cargo run -p NAME --`, where cargo has built
/// it, since its folder is not on the path.
pub(crate) fn to_type(name: &str) -> String {
    // Cargo keeps this file next to the programs that it builds.
    let built_by_cargo = env::current_exe()
        .is_ok_and(|path| path.with_file_name(".cargo-lock").exists() && !name.contains(' '));
    match built_by_cargo {
        true => format!("cargo run -p {name} --"),
        false => name.to_string(),
    }
}

/// Reads a port for argh's `from_str_fn`: a whole number from 0 to 65535. For a server 0 means
/// "any free port".
///
/// ```
/// assert_eq!(labnet::port("9900"), Ok(9900));
/// assert_eq!(labnet::port("70000"), Err("a port is a whole number from 0 to 65535".to_string()));
/// ```
///
/// # Errors
///
/// Says what a port is.
pub fn port(value: &str) -> Result<u16, String> {
    value
        .parse()
        .map_err(|_| "a port is a whole number from 0 to 65535".to_string())
}

/// Reads a length of time in seconds for argh's `from_str_fn`: from 0.001 to a day.
///
/// ```
/// use std::time::Duration;
///
/// assert_eq!(labnet::seconds("0.5"), Ok(Duration::from_millis(500)));
/// assert!(labnet::seconds("0").is_err());
/// assert!(labnet::seconds("soon").is_err());
/// ```
///
/// # Errors
///
/// Says what is accepted.
pub fn seconds(value: &str) -> Result<Duration, String> {
    const DAY: f64 = 86_400.0;
    value
        .parse()
        .ok()
        .filter(|seconds| *seconds >= 0.001 && *seconds <= DAY)
        .map(Duration::from_secs_f64)
        .ok_or_else(|| "a time is a number of seconds from 0.001 to 86400".to_string())
}

/// Reads how often something is tried for argh's `from_str_fn`: a whole number, 1 or more.
///
/// ```
/// assert_eq!(labnet::tries("5"), Ok(5));
/// let error = "a number of tries must be a whole number, 1 or more";
/// assert_eq!(labnet::tries("0"), Err(error.to_string()));
/// ```
///
/// # Errors
///
/// Says what is accepted.
pub fn tries(value: &str) -> Result<u32, String> {
    value
        .parse()
        .ok()
        .filter(|tries| *tries >= 1)
        .ok_or_else(|| "a number of tries must be a whole number, 1 or more".to_string())
}

/// What a valid command line asks for.
#[derive(Debug)]
pub(crate) enum Parsed<T> {
    Args(T),
    Help(String),
}

/// `others` are the options that the caller has taken out of the words: they are suggested too.
pub(crate) fn parse<T: TopLevelCommand + ArgsInfo>(
    name: &str,
    words: &[String],
    others: &[&str],
) -> anyhow::Result<Parsed<T>> {
    let info = T::get_args_info();
    let words = for_argh(&info, name, words, others)?;
    let words: Vec<&str> = words.iter().map(String::as_str).collect();
    match T::from_args(&[name], &words) {
        Ok(args) => Ok(Parsed::Args(args)),
        Err(early) if early.status.is_ok() => Ok(Parsed::Help(early.output)),
        Err(early) => {
            let sub = words.first().filter(|first| {
                let mut commands = info.commands.iter();
                commands.any(|command| command.name == **first)
            });
            let name = sub.map_or(name.to_string(), |sub| format!("{name} {sub}"));
            Err(anyhow!(one_line(&early.output))).hint(see_help(&name))
        }
    }
}

/// The same command line in the form that argh accepts: options first, each value as a word of
/// its own, then `--` and the words. A command with subcommands keeps its order, since the
/// subcommand's name decides what follows.
fn for_argh(
    command: &CommandInfoWithArgs,
    name: &str,
    words: &[String],
    others: &[&str],
) -> anyhow::Result<Vec<String>> {
    let mut options = Vec::new();
    let mut positionals = Vec::new();
    let mut words = words.iter();
    while let Some(word) = words.next() {
        if word == "--" {
            positionals.extend(words.cloned());
            break;
        }
        if !looks_like_an_option(command, word) {
            if let Some(sub) = command.commands.iter().find(|sub| sub.name == word) {
                let rest: Vec<String> = words.cloned().collect();
                let name = format!("{name} {word}");
                options.push(word.clone());
                options.extend(for_argh(&sub.command, &name, &rest, &[])?);
                return Ok(options);
            }
            if !command.commands.is_empty() {
                let names = command.commands.iter().map(|sub| sub.name);
                return Err(anyhow!("there is no command {word}")).hint(did_you_mean(
                    word,
                    names,
                    &format!("{} --help lists the commands", to_type(name)),
                ));
            }
            positionals.push(word.clone());
            continue;
        }
        match word.split_once('=') {
            Some((option, value)) if takes_value(command, option) => {
                options.extend([option.to_string(), value.to_string()]);
            }
            // `-p80`, as many programs take it.
            _ if word.is_char_boundary(2)
                && !word.starts_with("--")
                && word.len() > 2
                && takes_value(command, &word[..2]) =>
            {
                options.extend([word[..2].to_string(), word[2..].to_string()]);
            }
            _ if takes_value(command, word) => {
                // The name of another option is not a value: `--out --check` has lost one.
                let value = words.next();
                let Some(value) = value.filter(|value| !is_known(command, value)) else {
                    let error = anyhow!("No value provided for option '{word}'.");
                    return Err(error).hint(see_help(name));
                };
                options.extend([word.clone(), value.clone()]);
            }
            _ if is_known(command, word) => options.push(word.clone()),
            _ => {
                let flags = command.flags.iter();
                let longs = flags.map(|flag| flag.long).filter(|long| !long.is_empty());
                let known: Vec<&str> = longs.chain(others.iter().copied()).collect();
                let option = word.split('=').next().unwrap_or(word);
                return Err(anyhow!("Unrecognized argument: {word}")).hint(did_you_mean(
                    option,
                    known,
                    &see_help(name),
                ));
            }
        }
    }
    if !positionals.is_empty() {
        options.push("--".to_string());
        options.extend(positionals);
    }
    Ok(options)
}

/// Whether the word is an option of this command, or asks for its help.
fn is_known(command: &CommandInfoWithArgs, word: &str) -> bool {
    let flags = command.flags.iter();
    let of_its_own = flags.clone().any(|flag| {
        let short = flag.short.is_some_and(|short| word == format!("-{short}"));
        flag.long == word || short
    });
    of_its_own || word == "--help" || word == "-h"
}

/// `-` stands for stdin and `-5` is a number: both are words, unless there is an option `-5`.
fn looks_like_an_option(command: &CommandInfoWithArgs, word: &str) -> bool {
    let mut shorts = command.flags.iter().filter_map(|flag| flag.short);
    match word.strip_prefix('-') {
        None | Some("") => false,
        Some(rest) if shorts.any(|short| rest.chars().eq([short])) => true,
        Some(rest) => !rest.starts_with(|first: char| first.is_ascii_digit() || first == '.'),
    }
}

pub(crate) fn takes_value(command: &CommandInfoWithArgs, name: &str) -> bool {
    command.flags.iter().any(|flag| {
        let short = flag.short.is_some_and(|short| name == format!("-{short}"));
        (flag.long == name || short) && matches!(flag.kind, FlagInfoKind::Option { .. })
    })
}

/// The file's name without its folder and without Windows' `.exe`.
fn program_name(path: &str) -> &str {
    std::path::Path::new(path)
        .file_stem()
        .and_then(|stem| stem.to_str())
        .unwrap_or(path)
}

#[cfg(test)]
mod tests {
    use argh::FromArgs;

    use super::*;

    /// A program for the tests.
    #[derive(FromArgs, ArgsInfo, Debug, PartialEq)]
    #[argh(help_triggers("-h", "--help"))]
    struct Args {
        /// port (default 65432)
        #[argh(option, short = 'p', default = "65432", from_str_fn(port))]
        port: u16,
        /// go on
        #[argh(switch, short = '4')]
        forever: bool,
        /// the words
        #[argh(positional)]
        words: Vec<String>,
    }

    fn parsed(line: &[&str]) -> Result<Args, String> {
        let words: Vec<String> = line.iter().map(ToString::to_string).collect();
        match parse("test", &words, &["--host"]) {
            Ok(Parsed::Args(args)) => Ok(args),
            Ok(Parsed::Help(text)) => Err(text),
            Err(error) => Err(error.to_string()),
        }
    }

    /// The hint of a command line that is wrong.
    fn hint(line: &[&str]) -> String {
        let words: Vec<String> = line.iter().map(ToString::to_string).collect();
        let error = parse::<Args>("test", &words, &["--host"]).unwrap_err();
        let shown = format!("{:?}", crate::Failure::from(error));
        let (_, hint) = shown.split_once("\nhint: ").expect("a hint");
        hint.to_string()
    }

    fn args(port: u16, forever: bool, words: &[&str]) -> Result<Args, String> {
        Ok(Args {
            port,
            forever,
            words: words.iter().map(ToString::to_string).collect(),
        })
    }

    #[test]
    fn an_option_takes_its_value_with_an_equals_sign_or_apart() {
        assert_eq!(parsed(&["--port=9900"]), args(9900, false, &[]));
        assert_eq!(parsed(&["--port", "9900"]), args(9900, false, &[]));
        assert_eq!(parsed(&["-p", "9900", "--forever"]), args(9900, true, &[]));
        assert_eq!(parsed(&["-p9900"]), args(9900, false, &[]));
        assert_eq!(parsed(&["-p=9900"]), args(9900, false, &[]));
    }

    #[test]
    fn a_digit_may_be_an_option() {
        assert_eq!(parsed(&["-4", "-5"]), args(65432, true, &["-5"]));
    }

    #[test]
    fn a_dash_a_negative_number_and_the_word_help_are_words() {
        let expected = args(1, false, &["-", "-5", "-.5", "help", "a=b"]);
        assert_eq!(
            parsed(&["-", "-5", "--port=1", "-.5", "help", "a=b"]),
            expected
        );
    }

    #[test]
    fn after_two_dashes_everything_is_a_word() {
        assert_eq!(
            parsed(&["--", "--port=1", "--"]),
            args(65432, false, &["--port=1", "--"])
        );
    }

    #[test]
    fn an_error_is_one_line_that_names_the_argument() {
        assert_eq!(
            parsed(&["--port", "banana"]).unwrap_err(),
            "Error parsing option '--port' with value 'banana': \
             a port is a whole number from 0 to 65535"
        );
        assert_eq!(
            parsed(&["--bogus=1"]).unwrap_err(),
            "Unrecognized argument: --bogus=1"
        );
        assert_eq!(
            parsed(&["--forever=yes"]).unwrap_err(),
            "Unrecognized argument: --forever=yes"
        );
        assert_eq!(
            parsed(&["--port"]).unwrap_err(),
            "No value provided for option '--port'."
        );
    }

    #[test]
    fn a_value_is_not_made_of_the_next_option_nor_of_the_end_of_the_options() {
        let missing = "No value provided for option '--port'.";
        for line in [
            &["--port"][..],
            &["word", "--port"],
            &["--port", "--forever"],
            &["--port", "-4"],
        ] {
            assert_eq!(parsed(line).unwrap_err(), missing, "{line:?}");
        }
        let wrong = parsed(&["--port", "--", "word"]).unwrap_err();
        assert!(wrong.contains("a port is a whole number"), "{wrong}");
    }

    #[test]
    fn an_option_that_is_almost_right_is_suggested_also_one_of_the_callers() {
        let see = "test --help lists the options";
        for (word, meant) in [
            ("--prot", "--port"),
            ("--Port=5", "--port"),
            ("--for-ever", "--forever"),
            ("--hots", "--host"),
        ] {
            assert_eq!(hint(&[word]), format!("did you mean {meant}? {see}"));
        }
        assert_eq!(hint(&["--xyz"]), see);
    }

    #[test]
    fn help_lists_the_options() {
        assert!(parsed(&["--help"]).unwrap_err().contains("--forever"));
    }
}
