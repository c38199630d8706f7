//! The arguments that all servers, or all clients, share: `--host`, `--port`, `--timeout`.
//!
//! argh cannot combine two structs, so the shared options are taken out of the words first, and
//! argh reads what a program adds to them.

use std::fmt;
use std::net::SocketAddr;
use std::time::Duration;

use argh::{ArgsInfo, CommandInfoWithArgs, FlagInfoKind, FromArgs, Optionality, TopLevelCommand};

use crate::Hint;
use crate::args::{
    Parsed, finish, own_name, parse, port, seconds, see_help, takes_value, to_type, words,
};

/// The options that programs share; the last one only where a program has it.
const SHARED: [&str; 3] = ["--host", "--port", "--timeout"];
/// The port of the sheet whose programs have none built in.
const SHEETS_PORT: u16 = 9900;

/// The arguments that a server's or a client's program shares with all others.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AddressArgs {
    /// `--host`: a name or an address.
    pub host: String,
    /// `--port`.
    pub port: u16,
    /// `--timeout`; zero in a program that has no such option.
    pub timeout: Duration,
}

impl AddressArgs {
    /// The IPv4 address that `--host` and `--port` name. See [`resolve`](crate::resolve).
    ///
    /// # Errors
    ///
    /// When the host name cannot be resolved.
    pub fn address(&self) -> anyhow::Result<SocketAddr> {
        crate::resolve(&self.host, self.port)
    }
}

/// The arguments of a server: `--host`, `--port` and, where it serves many clients, `--timeout`.
///
/// ```no_run
/// fn main() -> labnet::MainResult {
///     let args = labnet::server_args("Adds the numbers that a client sends.")
///         .host("127.0.0.1")
///         .port(65432)
///         .timeout(60.0)
///         .parse()?;
///     labnet::log!("port {}", args.port);
///     Ok(())
/// }
/// ```
pub fn server_args(about: &'static str) -> ArgsParser {
    ArgsParser {
        about,
        host_help: "address to listen on",
        port_help: "port to listen on; 0 takes any free port",
        timeout_help: "disconnect a client that is silent for this many seconds",
        host: None,
        port: None,
        timeout: None,
    }
}

/// The arguments of a client: `--host`, `--port` and, over UDP, `--timeout`. See [`server_args`].
pub fn client_args(about: &'static str) -> ArgsParser {
    ArgsParser {
        host_help: "the server's host name or address",
        port_help: "the server's port",
        timeout_help: "seconds to wait for an answer before sending again",
        ..server_args(about)
    }
}

/// Describes and reads the arguments of [`server_args`] and [`client_args`].
#[derive(Debug, Clone)]
#[must_use]
pub struct ArgsParser {
    about: &'static str,
    host_help: &'static str,
    port_help: &'static str,
    timeout_help: &'static str,
    host: Option<&'static str>,
    port: Option<u16>,
    timeout: Option<f64>,
}

impl ArgsParser {
    /// Sets the host that is used without `--host`; otherwise it is this machine's own name.
    /// The empty host is every interface of this machine.
    pub fn host(mut self, host: &'static str) -> Self {
        self.host = Some(host);
        self
    }

    /// Sets the port that is used without `--port`; otherwise `--port` is required.
    pub fn port(mut self, port: u16) -> Self {
        self.port = Some(port);
        self
    }

    /// Adds `--timeout`, with the seconds that are used without it.
    pub fn timeout(mut self, seconds: f64) -> Self {
        self.timeout = Some(seconds);
        self
    }

    /// Reads the program's arguments; `--help` prints the help and ends the program with exit code
    /// 0.
    ///
    /// # Errors
    ///
    /// As [`crate::args()`], and when this machine's name is needed and cannot be found out.
    pub fn parse(&self) -> anyhow::Result<AddressArgs> {
        Ok(self.parse_with::<NoMore>()?.0)
    }

    /// Reads the program's arguments, and the program's own, which `T` describes.
    ///
    /// # Errors
    ///
    /// As [`ArgsParser::parse`].
    pub fn parse_with<T: TopLevelCommand + ArgsInfo>(&self) -> anyhow::Result<(AddressArgs, T)> {
        let name = own_name()?;
        finish(self.parse_words(&name, &words()?))
    }

    fn parse_words<T: TopLevelCommand + ArgsInfo>(
        &self,
        name: &str,
        words: &[String],
    ) -> anyhow::Result<Parsed<(AddressArgs, T)>> {
        let own = T::get_args_info();
        let (shared, rest) = self.take_shared(&own, words);
        let others = match self.timeout {
            Some(_) => &SHARED[..],
            None => &SHARED[..2],
        };
        let (shared, more) = match parse(name, &rest, others)? {
            Parsed::Help(_) => return Ok(Parsed::Help(self.help(name, &own))),
            Parsed::Args(more) => (self.read(&shared), more),
        };
        match shared {
            Ok(shared) => Ok(Parsed::Args((shared, more))),
            Err(error) if error.is::<PortMissing>() => Err(error).hint(format!(
                "the sheet uses {SHEETS_PORT}: {} --port {SHEETS_PORT}",
                to_type(name)
            )),
            Err(error) if error.is::<BadOption>() => Err(error).hint(see_help(name)),
            Err(error) => Err(error),
        }
    }

    /// The values of the shared options, and the other words.
    fn take_shared<'w>(
        &self,
        own: &CommandInfoWithArgs,
        words: &'w [String],
    ) -> (SharedWords<'w>, Vec<String>) {
        let mut shared = SharedWords::default();
        let mut rest = Vec::new();
        let mut words = words.iter();
        while let Some(word) = words.next() {
            if word == "--" {
                rest.push(word.clone());
                rest.extend(words.by_ref().cloned());
                break;
            }
            let (option, value) = match word.split_once('=') {
                Some((option, value)) => (option, Some(value)),
                None => (word.as_str(), None),
            };
            let place = match option {
                "--host" => &mut shared.host,
                "--port" => &mut shared.port,
                "--timeout" if self.timeout.is_some() => &mut shared.timeout,
                _ => {
                    rest.push(word.clone());
                    // The value of another option is never one of these options.
                    if value.is_none() && takes_value(own, option) {
                        rest.extend(words.next().cloned());
                    }
                    continue;
                }
            };
            // The next option is not a value: this one has lost its own.
            let mut after = words.clone();
            let next = after.next().filter(|next| !SHARED.contains(&next.as_str()));
            if value.is_none() && next.is_some() {
                words = after;
            }
            *place = Some(value.or(next.map(String::as_str)));
        }
        (shared, rest)
    }

    fn read(&self, words: &SharedWords<'_>) -> anyhow::Result<AddressArgs> {
        let host = option("--host", words.host, |host| Ok(host.to_string()))?;
        let given = option("--port", words.port, port)?;
        let Some(port) = given.or(self.port) else {
            return Err(PortMissing.into());
        };
        let timeout = option("--timeout", words.timeout, seconds)?;
        let default_timeout = Duration::from_secs_f64(self.timeout.unwrap_or_default());
        Ok(AddressArgs {
            host: match host.or(self.host.map(str::to_string)) {
                Some(host) => host,
                None => crate::host_name()?,
            },
            port,
            timeout: timeout.unwrap_or(default_timeout),
        })
    }

    fn help(&self, name: &str, own: &CommandInfoWithArgs) -> String {
        let host_default = match self.host {
            Some("127.0.0.1" | "localhost") if self.host_help.starts_with("address") => {
                format!(
                    "default {}: this machine only",
                    self.host.unwrap_or_default()
                )
            }
            Some("") => "default 0.0.0.0: every interface".to_string(),
            Some(host) => format!("default {host}"),
            None => "default: this machine's own name".to_string(),
        };
        let port_default = match self.port {
            Some(port) => format!("default {port}"),
            None => format!("the sheet uses {SHEETS_PORT}"),
        };
        let mut usage = format!("Usage: {name} [--host <host>]");
        usage += if self.port.is_some() {
            " [--port <port>]"
        } else {
            " --port <port>"
        };
        let mut options = vec![
            ("--host", format!("{} ({host_default})", self.host_help)),
            ("--port", format!("{} ({port_default})", self.port_help)),
        ];
        if let Some(seconds) = self.timeout {
            usage += " [--timeout <timeout>]";
            options.push((
                "--timeout",
                format!("{} (default {seconds})", self.timeout_help),
            ));
        }
        for flag in own
            .flags
            .iter()
            .filter(|flag| !flag.long.starts_with("--help"))
        {
            usage += &match flag.kind {
                FlagInfoKind::Switch => format!(" [{}]", flag.long),
                FlagInfoKind::Option { arg_name } => format!(" [{} <{arg_name}>]", flag.long),
            };
            options.push((flag.long, flag.description.to_string()));
        }
        options.push(("-h, --help", "show this help".to_string()));
        let list = |entries: &mut dyn Iterator<Item = (&str, &str)>| -> String {
            entries
                .map(|(name, help)| format!("\n  {name:<16}  {help}"))
                .collect()
        };
        let mut positionals = String::new();
        for positional in own.positionals {
            let many = match positional.optionality {
                Optionality::Repeating => "...",
                _ => "",
            };
            usage += &format!(" [<{}>{many}]", positional.name);
            positionals += "\n\nWords:";
            positionals += &list(&mut [(positional.name, positional.description)].into_iter());
        }
        let options = list(&mut options.iter().map(|(name, help)| (*name, help.as_str())));
        let example = match own.examples {
            [] => format!("\n  {name} --host=127.0.0.1 --port=9900"),
            examples => examples
                .iter()
                .map(|example| format!("\n  {}", example.replace("{command_name}", name)))
                .collect(),
        };
        format!(
            "{usage}\n\n{}{positionals}\n\nOptions:{options}\n\nExamples:{example}",
            self.about
        )
    }
}

/// What followed each shared option: nothing, or a value; `None` where the option was not given.
#[derive(Debug, Default)]
struct SharedWords<'w> {
    host: Option<Option<&'w str>>,
    port: Option<Option<&'w str>>,
    timeout: Option<Option<&'w str>>,
}

/// An option that cannot be read, in argh's words.
#[derive(Debug)]
struct BadOption(String);

impl fmt::Display for BadOption {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for BadOption {}

fn option<T>(
    name: &str,
    words: Option<Option<&str>>,
    read: impl Fn(&str) -> Result<T, String>,
) -> anyhow::Result<Option<T>> {
    let Some(value) = words else { return Ok(None) };
    let Some(value) = value else {
        return Err(BadOption(format!("No value provided for option '{name}'.")).into());
    };
    match read(value) {
        Ok(value) => Ok(Some(value)),
        Err(why) => {
            let error = format!("Error parsing option '{name}' with value '{value}': {why}");
            Err(BadOption(error).into())
        }
    }
}

/// A program without its own port was given none.
#[derive(Debug)]
struct PortMissing;

impl fmt::Display for PortMissing {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Required options not provided: --port")
    }
}

impl std::error::Error for PortMissing {}

/// For programs that have no arguments of their own.
#[derive(FromArgs, ArgsInfo)]
/// nothing else
#[argh(help_triggers("-h", "--help"))]
struct NoMore {}

#[cfg(test)]
mod tests {
    use super::*;

    /// What a program of the tests adds.
    #[derive(FromArgs, ArgsInfo, Debug, PartialEq)]
    #[argh(help_triggers("-h", "--help"), example = "{command_name} --forever")]
    struct More {
        /// go on
        #[argh(switch)]
        forever: bool,
        /// what is sent
        #[argh(option, default = "String::new()")]
        message: String,
        /// the numbers
        #[argh(positional)]
        numbers: Vec<String>,
    }

    fn parsed(parser: &ArgsParser, line: &[&str]) -> Result<(AddressArgs, More), String> {
        let words: Vec<String> = line.iter().map(ToString::to_string).collect();
        match parser.parse_words("test", &words) {
            Ok(Parsed::Args(args)) => Ok(args),
            Ok(Parsed::Help(text)) => Err(text),
            Err(error) => Err(format!("{:?}", crate::Failure::from(error))),
        }
    }

    fn server() -> ArgsParser {
        server_args("Does it.")
            .host("127.0.0.1")
            .port(65432)
            .timeout(60.0)
    }

    fn error(line: &[&str]) -> String {
        parsed(&server(), line).unwrap_err()
    }

    #[test]
    fn shared_options_and_the_programs_own_may_be_mixed() {
        let line = [
            "--port=1",
            "5",
            "--forever",
            "--host",
            "::1",
            "--timeout=0.5",
            "-5",
        ];
        let (shared, more) = parsed(&server(), &line).unwrap();
        assert_eq!((shared.host.as_str(), shared.port), ("::1", 1));
        assert_eq!(shared.timeout, Duration::from_millis(500));
        assert!(more.forever);
        assert_eq!(more.numbers, ["5", "-5"]);
    }

    #[test]
    fn without_options_the_defaults_are_used() {
        let (shared, _) = parsed(&server(), &[]).unwrap();
        assert_eq!((shared.host.as_str(), shared.port), ("127.0.0.1", 65432));
        assert_eq!(shared.timeout, Duration::from_secs(60));
        let own_name = parsed(&server_args("Does it.").port(1), &[]).unwrap().0;
        assert_eq!(own_name.host, crate::host_name().unwrap());
    }

    #[test]
    fn the_value_of_another_option_and_what_follows_two_dashes_are_left_alone() {
        let (shared, more) = parsed(&server(), &["--message", "--port", "--", "--host"]).unwrap();
        assert_eq!(more.message, "--port");
        assert_eq!(more.numbers, ["--host"]);
        assert_eq!((shared.host.as_str(), shared.port), ("127.0.0.1", 65432));
    }

    #[test]
    fn an_error_is_one_line_that_names_the_option() {
        const HINT: &str = "\nhint: test --help lists the options";
        assert_eq!(
            error(&["--port", "banana"]),
            format!(
                "Error parsing option '--port' with value 'banana': \
                 a port is a whole number from 0 to 65535{HINT}"
            )
        );
        assert_eq!(
            error(&["--host"]),
            format!("No value provided for option '--host'.{HINT}")
        );
        assert_eq!(
            error(&["--host", "--port", "1"]),
            format!("No value provided for option '--host'.{HINT}")
        );
        assert_eq!(
            error(&["--bogus=1"]),
            format!("Unrecognized argument: --bogus=1{HINT}")
        );
        assert_eq!(
            parsed(&server_args("Does it.").host("localhost"), &[]).unwrap_err(),
            "Required options not provided: --port\n\
             hint: the sheet uses 9900: test --port 9900"
        );
        let no_timeout = server_args("Does it.").host("localhost").port(1);
        let error = parsed(&no_timeout, &["--timeout=1"]).unwrap_err();
        assert_eq!(error, format!("Unrecognized argument: --timeout=1{HINT}"));
        let error = parsed(&no_timeout, &["--prot", "1"]).unwrap_err();
        assert!(
            error.contains("hint: did you mean --port? test --help"),
            "{error}"
        );
    }

    #[test]
    fn help_shows_all_options_with_their_defaults() {
        let help = error(&["--port=1", "--help"]);
        assert_eq!(
            help,
            "Usage: test [--host <host>] [--port <port>] [--timeout <timeout>] [--forever] \
             [--message <message>] [<numbers>...]\n\n\
             Does it.\n\n\
             Words:\n  numbers           the numbers\n\n\
             Options:\n  \
             --host            address to listen on (default 127.0.0.1: this machine only)\n  \
             --port            port to listen on; 0 takes any free port (default 65432)\n  \
             --timeout         disconnect a client that is silent for this many seconds (default 60)\n  \
             --forever         go on\n  \
             --message         what is sent\n  \
             -h, --help        show this help\n\n\
             Examples:\n  test --forever"
        );
    }
}
