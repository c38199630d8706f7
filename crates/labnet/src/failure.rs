//! How a program ends: well, or with one line that says what failed and one that says what to do.

use std::error::Error;
use std::fmt;
use std::io::ErrorKind;

/// What `main` returns. On an error the program prints it as [`Failure`] does and exits with code
/// 1.
///
/// ```
/// use anyhow::Context;
///
/// fn main() -> labnet::MainResult {
///     let text = "65432";
///     let port: u16 = text.parse().with_context(|| format!("{text} is not a port"))?;
///     assert_eq!(port, 65432);
///     Ok(())
/// }
/// ```
pub type MainResult = Result<(), Failure>;

/// An error that ends a program.
///
/// Rust prints the error that `main` returns by its `Debug` form, after the word `Error:`. This
/// type's
/// `Debug` form is made for a person: the whole chain of contexts on one line, then a hint.
///
/// It is made from an error that [`SaysWhatFailed`], so that `?` on a bare system error does not
/// compile: `Connection refused` alone never says which address refused.
///
/// ```compile_fail
/// fn main() -> labnet::MainResult {
///     std::net::TcpListener::bind("127.0.0.1:0")?;
///     Ok(())
/// }
/// ```
pub struct Failure(anyhow::Error);

/// An error to which [`Cannot`] or [`anyhow::Context`] has added what could not be done.
///
/// A trait of its own, since the compiler shows its words to the one who forgets that.
#[diagnostic::on_unimplemented(
    message = "`{Self}` alone does not say what could not be done",
    label = "say here what was tried, and with what: `.cannot(\"bind to\", address)?`",
    note = "`use labnet::Cannot;` at the top of the file brings this method"
)]
pub trait SaysWhatFailed {
    /// The error with all that was added.
    fn with_context(self) -> anyhow::Error;
}

impl SaysWhatFailed for anyhow::Error {
    fn with_context(self) -> anyhow::Error {
        self
    }
}

impl<E: SaysWhatFailed> From<E> for Failure {
    fn from(error: E) -> Self {
        Failure(error.with_context())
    }
}

/// Ends a program, or one of its functions, with an error and what to do about it.
///
/// ```
/// fn answer(length: usize) -> labnet::MainResult {
///     if length == 0 {
///         return labnet::fail("the server sent no answer", "its terminal may say why");
///     }
///     Ok(())
/// }
///
/// let shown = format!("{:?}", answer(0).unwrap_err());
/// assert_eq!(shown, "the server sent no answer\nhint: its terminal may say why");
/// ```
///
/// # Errors
///
/// Always: this is the error.
pub fn fail(error: impl fmt::Display, hint: impl Into<String>) -> MainResult {
    let error = Err(anyhow::anyhow!("{error}")).hint(hint);
    error.map_err(Failure::from)
}

impl fmt::Debug for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", one_line(&format!("{:#}", self.0)))?;
        match self.hint() {
            Some(hint) => write!(f, "\nhint: {}", one_line(hint)),
            None => Ok(()),
        }
    }
}

impl Failure {
    /// The hint given with [`Hint::hint`], else one that follows from the system's error.
    fn hint(&self) -> Option<&str> {
        if let Some(hinted) = self.0.downcast_ref::<Hinted>() {
            return Some(&hinted.hint);
        }
        self.0
            .chain()
            .find_map(|cause| hint_for(cause.downcast_ref::<std::io::Error>()?.kind()))
    }
}

/// Says what a program could not do, when a call has failed.
///
/// The system's own error, `Connection refused`, says neither what was tried nor on which address.
///
/// ```
/// use std::net::TcpStream;
///
/// use labnet::Cannot;
///
/// fn connect(address: &str) -> anyhow::Result<TcpStream> {
///     TcpStream::connect(address).cannot("connect to", address)
/// }
///
/// let error = connect("127.0.0.1:0").unwrap_err();
/// assert_eq!(error.to_string(), "cannot connect to 127.0.0.1:0");
/// ```
pub trait Cannot<T> {
    /// Adds `cannot`, what was tried, and with what: `cannot bind to 127.0.0.1:65432`.
    ///
    /// # Errors
    ///
    /// Passes on the error that was there.
    fn cannot(self, action: &str, object: impl fmt::Display) -> anyhow::Result<T>;
}

impl<T, E> Cannot<T> for Result<T, E>
where
    Result<T, E>: anyhow::Context<T, E>,
{
    fn cannot(self, action: &str, object: impl fmt::Display) -> anyhow::Result<T> {
        use anyhow::Context;
        self.with_context(|| format!("cannot {action} {object}"))
            .or_else(|error| match hint_about(&error, &object) {
                Some(hint) => Err(error).hint(hint),
                None => Err(error),
            })
    }
}

const TIME_WAIT: &str = "no program uses this port: the system keeps it for about a minute after \
                         the server has closed a connection (TIME_WAIT). wait, or allow the port \
                         to be used again at once, with SO_REUSEADDR before bind";

/// The first port that any program may bind to.
const FIRST_FREE_PORT: u16 = 1024;
const FORBIDDEN: &str = "the system forbids it: is this the broadcast address of a network, or \
                         does a firewall block it? name one machine with --host";

/// A hint that needs the address. The others are in [`hint_for`].
fn hint_about(error: &anyhow::Error, address: &impl fmt::Display) -> Option<&'static str> {
    let kind = error
        .chain()
        .find_map(|cause| Some(cause.downcast_ref::<std::io::Error>()?.kind()))?;
    if !matches!(kind, ErrorKind::AddrInUse | ErrorKind::PermissionDenied) {
        return None;
    }
    let address: std::net::SocketAddr = address.to_string().parse().ok()?;
    match kind {
        ErrorKind::AddrInUse => held_by_the_past(address.port()).then_some(TIME_WAIT),
        _ => (address.port() >= FIRST_FREE_PORT).then_some(FORBIDDEN),
    }
}

/// Whether a port is in use by connections alone that were closed, and by no socket of a program.
fn held_by_the_past(port: u16) -> bool {
    // proc_pid_net(5). Where there is no such file, as on macOS, nothing is known.
    let states = ["tcp", "tcp6", "udp", "udp6"].map(|protocol| {
        let table = std::fs::read_to_string(format!("/proc/thread-self/net/{protocol}"));
        states_at(&table.unwrap_or_default(), port)
    });
    let states = states.concat();
    !states.is_empty()
        && states
            .iter()
            .all(|state| ["04", "05", "06"].contains(&&**state))
}

/// The states of the sockets at a port, in a table of /proc/net: 0A listens, 06 is TIME_WAIT, 04
/// and 05 come before it.
fn states_at(table: &str, port: u16) -> Vec<String> {
    let port = format!(":{port:04X}");
    let sockets = table.lines().skip(1).filter_map(|line| {
        let mut words = line.split_whitespace();
        let local = words.nth(1)?;
        let state = words.nth(1)?;
        local.ends_with(&port).then(|| state.to_string())
    });
    sockets.collect()
}

/// Adds a hint to an error: what the reader can do about it.
///
/// Without one, [`Failure`] has a general hint for the errors that every socket program meets (a
/// port in use, a port below 1024 without the right to it, a closed pipe).
///
/// ```
/// use anyhow::Context;
/// use labnet::Hint;
///
/// fn connect() -> labnet::MainResult {
///     Err(std::io::Error::from(std::io::ErrorKind::ConnectionRefused))
///         .context("cannot connect to 127.0.0.1:65432")
///         .hint("is the server running? cargo run -p NAME-server")?;
///     Ok(())
/// }
///
/// let shown = format!("{:?}", connect().unwrap_err());
/// assert_eq!(
///     shown,
///     "cannot connect to 127.0.0.1:65432: connection refused\n\
///      hint: is the server running? cargo run -p NAME-server"
/// );
/// ```
pub trait Hint<T> {
    /// Adds the hint.
    ///
    /// # Errors
    ///
    /// Passes on the error that was there.
    fn hint(self, hint: impl Into<String>) -> anyhow::Result<T>;
}

impl<T> Hint<T> for anyhow::Result<T> {
    fn hint(self, hint: impl Into<String>) -> anyhow::Result<T> {
        self.map_err(|error| {
            anyhow::Error::new(Hinted {
                error,
                hint: hint.into(),
            })
        })
    }
}

/// An error and what to do about it. Shown, it is the error; the hint waits for [`Failure`].
struct Hinted {
    error: anyhow::Error,
    hint: String,
}

impl fmt::Display for Hinted {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:#}", self.error)
    }
}

impl fmt::Debug for Hinted {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

// No `source`: the whole chain is in what `Display` shows, and would be printed twice.
impl Error for Hinted {}

fn hint_for(kind: ErrorKind) -> Option<&'static str> {
    Some(match kind {
        ErrorKind::AddrInUse => {
            "is another program using this port, perhaps the same server in another terminal? \
             stop it, or choose another port with --port. if there is none, wait a minute: TCP may \
             still hold the port (TIME_WAIT)"
        }
        ErrorKind::AddrNotAvailable => {
            "this machine has no such address: --host 127.0.0.1 is always there"
        }
        ErrorKind::PermissionDenied => {
            "ports below 1024 need special rights: choose a higher one with --port"
        }
        ErrorKind::ConnectionReset | ErrorKind::ConnectionAborted => {
            "the other side reset the connection: its terminal may say why"
        }
        ErrorKind::WouldBlock | ErrorKind::TimedOut => {
            "the other side did not answer in time: is it the right host and port?"
        }
        ErrorKind::NetworkUnreachable | ErrorKind::HostUnreachable => {
            "no route to that address: check --host and the network"
        }
        ErrorKind::BrokenPipe => "the program that was reading this has ended",
        _ => return None,
    })
}

/// Folds white space, line breaks among it, so that an error stays one line.
pub(crate) fn one_line(text: &str) -> String {
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}

#[cfg(test)]
mod tests {
    use std::io;

    use anyhow::Context;

    use super::*;

    fn shown(result: anyhow::Result<()>) -> String {
        format!("{:?}", Failure::from(result.unwrap_err()))
    }

    #[test]
    fn the_whole_chain_is_on_one_line_and_the_hint_on_the_next() {
        let error: anyhow::Result<()> = Err(io::Error::from(ErrorKind::AddrInUse))
            .context("cannot bind to 127.0.0.1:65432")
            .context("cannot\n   start");
        assert_eq!(
            shown(error),
            "cannot start: cannot bind to 127.0.0.1:65432: address in use\n\
             hint: is another program using this port, perhaps the same server in another \
             terminal? stop it, or choose another port with --port. if there is none, wait a \
             minute: TCP may still hold the port (TIME_WAIT)"
        );
    }

    #[test]
    fn a_hint_of_the_program_wins_and_survives_more_context() {
        let error: anyhow::Result<()> = Err(io::Error::from(ErrorKind::AddrInUse))
            .context("inner")
            .hint("do this")
            .context("outer");
        assert_eq!(shown(error), "outer: inner: address in use\nhint: do this");
    }

    #[test]
    #[cfg(target_os = "linux")]
    fn a_port_that_only_closed_connections_hold_is_told_from_one_that_a_program_uses() {
        use std::io::Read;
        use std::net::{TcpListener, TcpStream};

        use socket2::{Domain, Socket, Type};

        let bind = |address: std::net::SocketAddr| {
            let socket = Socket::new(Domain::IPV4, Type::STREAM, None)?;
            socket.bind(&address.into()).cannot("bind to", address)
        };
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        let taken = shown(bind(address));
        assert!(taken.contains("hint: is another program using"), "{taken}");
        // Who closes first is left in TIME_WAIT.
        let mut client = TcpStream::connect(address).unwrap();
        drop(listener.accept().unwrap());
        assert_eq!(client.read(&mut [0]).unwrap(), 0);
        drop((client, listener));
        let past = shown(bind(address));
        assert!(past.contains("hint: no program uses this port"), "{past}");
    }

    #[test]
    fn a_hint_about_special_rights_is_for_low_ports_alone() {
        let refused = |address: &str| {
            let address: std::net::SocketAddr = address.parse().unwrap();
            let refused: io::Result<()> = Err(ErrorKind::PermissionDenied.into());
            shown(refused.cannot("connect to", address))
        };
        let low = refused("127.0.0.1:80");
        assert!(low.contains("hint: ports below 1024"), "{low}");
        let broadcast = refused("255.255.255.255:9900");
        assert!(
            broadcast.contains("hint: the system forbids it"),
            "{broadcast}"
        );
    }

    #[test]
    fn an_unknown_error_has_no_hint() {
        assert_eq!(shown(Err(anyhow::anyhow!("odd"))), "odd");
    }
}
