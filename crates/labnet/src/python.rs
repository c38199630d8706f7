//! Addresses and bytes as Python prints them: the labs' transcripts are Python's, byte for byte.

use std::fmt::{self, Write};
use std::io;
use std::net::SocketAddr;

use socket2::SockAddr;

/// A peer's address as Python's `socket.accept()` and `recvfrom()` give it, ready to be printed.
///
/// ```
/// use std::net::SocketAddr;
///
/// let peer: SocketAddr = "127.0.0.1:51234".parse().unwrap();
/// assert_eq!(labnet::python::address(&peer).to_string(), "('127.0.0.1', 51234)");
///
/// // An IPv6 address is a tuple of four: address, port, flow label, scope.
/// let peer: SocketAddr = "[::1]:51234".parse().unwrap();
/// assert_eq!(labnet::python::address(peer).to_string(), "('::1', 51234, 0, 0)");
/// ```
pub fn address(address: impl Into<Address>) -> Address {
    address.into()
}

/// What [`address`] gives.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Address(Option<SocketAddr>);

impl From<SocketAddr> for Address {
    fn from(address: SocketAddr) -> Self {
        Address(Some(address))
    }
}

impl From<&SocketAddr> for Address {
    fn from(address: &SocketAddr) -> Self {
        Address(Some(*address))
    }
}

impl From<&SockAddr> for Address {
    /// `socket2`'s address may also be of a family without ports (a Unix socket).
    fn from(address: &SockAddr) -> Self {
        Address(address.as_socket())
    }
}

impl fmt::Display for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0 {
            Some(SocketAddr::V4(v4)) => write!(f, "('{}', {})", v4.ip(), v4.port()),
            Some(SocketAddr::V6(v6)) => {
                let (ip, port) = (v6.ip(), v6.port());
                write!(f, "('{ip}', {port}, {}, {})", v6.flowinfo(), v6.scope_id())
            }
            None => f.write_str("''"),
        }
    }
}

/// Bytes as Python's `repr` shows them: `b'Hello, world'`.
///
/// Single quotes, unless the bytes hold a single quote and no double one; `\t`, `\n`, `\r`, `\\` by
/// name; other bytes outside printable ASCII as `\x` and two digits.
///
/// ```
/// use labnet::python::bytes;
///
/// assert_eq!(bytes(b"Hello, world").to_string(), r"b'Hello, world'");
/// assert_eq!(bytes(b"it's").to_string(), r#"b"it's""#);
/// assert_eq!(bytes("é\r\n\0".as_bytes()).to_string(), r"b'\xc3\xa9\r\n\x00'");
/// ```
pub fn bytes(bytes: &[u8]) -> Bytes<'_> {
    Bytes(bytes)
}

/// What [`bytes`] gives.
#[derive(Debug, Clone, Copy)]
pub struct Bytes<'a>(&'a [u8]);

impl fmt::Display for Bytes<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let quote = if self.0.contains(&b'\'') && !self.0.contains(&b'"') {
            '"'
        } else {
            '\''
        };
        write!(f, "b{quote}")?;
        for &byte in self.0 {
            match byte {
                b'\\' => f.write_str(r"\\")?,
                b'\t' => f.write_str(r"\t")?,
                b'\n' => f.write_str(r"\n")?,
                b'\r' => f.write_str(r"\r")?,
                _ if char::from(byte) == quote => write!(f, "\\{quote}")?,
                b' '..=b'~' => f.write_char(char::from(byte))?,
                _ => write!(f, "\\x{byte:02x}")?,
            }
        }
        f.write_char(quote)
    }
}

/// The system's error number, as Python's `OSError.errno`; 0 if the error is not the system's.
pub fn errno(error: &io::Error) -> i32 {
    error.raw_os_error().unwrap_or_default()
}

/// The system's text for an error, as Python's `OSError.strerror`.
///
/// Rust's own text ends with the number: `Connection refused (os error 111)`.
///
/// ```
/// # #[cfg(target_os = "linux")] {
/// let error = std::io::Error::from_raw_os_error(111);
/// assert_eq!(labnet::python::errno(&error), 111);
/// assert_eq!(labnet::python::strerror(&error), "Connection refused");
/// # }
/// ```
pub fn strerror(error: &io::Error) -> String {
    let text = error.to_string();
    let end = text.find(" (os error").unwrap_or(text.len());
    text[..end].to_string()
}
