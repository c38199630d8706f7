//! The system calls that matter, and how to read their arguments.

use libc::c_long;

/// A call that the tracer stops at.
#[derive(Debug)]
pub struct Spec {
    /// Its number on this machine.
    pub number: c_long,
    /// Its name in the manual's second section.
    pub name: &'static str,
    /// What it does.
    pub kind: Kind,
}

/// What a call does.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// Makes a socket.
    Socket,
    /// Gives it an address.
    Bind,
    /// Lets clients come.
    Listen,
    /// Takes a client.
    Accept,
    /// Goes to a server.
    Connect,
    /// Sends bytes.
    Send(Shape),
    /// Receives bytes.
    Receive(Shape),
    /// Ends a direction.
    Shutdown,
    /// Gives a descriptor back.
    Close,
    /// Sets an option.
    SetOption,
    /// Waits for one of several sockets.
    Wait(Waits),
    /// Bytes from one descriptor to another: splice(2).
    Splice,
    /// Makes a descriptor stand for something else, or for nothing.
    Replace,
    /// Continues with a call that a signal interrupted.
    Restart,
    /// Begins to make calls that no tracer sees: io_uring(7).
    Unseen,
}

/// How a call names its bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Shape {
    /// A place and a length.
    Plain,
    /// A place, a length, flags, and the other side's address.
    Addressed,
    /// A list of places.
    Vector,
    /// A struct msghdr.
    Message,
    /// A list of struct mmsghdr.
    Messages,
    /// A file's descriptor.
    File,
}

/// Which descriptors a wait is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Waits {
    /// A list of struct pollfd.
    Poll,
    /// Three sets of bits.
    Select,
    /// A descriptor of epoll(7), which knows.
    Epoll,
}

const fn spec(number: c_long, name: &'static str, kind: Kind) -> Spec {
    Spec { number, name, kind }
}

/// Every call that the tracer stops at.
pub static ALL: &[Spec] = &[
    spec(libc::SYS_read, "read", Kind::Receive(Shape::Plain)),
    spec(libc::SYS_write, "write", Kind::Send(Shape::Plain)),
    spec(
        libc::SYS_recvfrom,
        "recvfrom",
        Kind::Receive(Shape::Addressed),
    ),
    spec(libc::SYS_sendto, "sendto", Kind::Send(Shape::Addressed)),
    spec(libc::SYS_readv, "readv", Kind::Receive(Shape::Vector)),
    spec(libc::SYS_writev, "writev", Kind::Send(Shape::Vector)),
    spec(libc::SYS_recvmsg, "recvmsg", Kind::Receive(Shape::Message)),
    spec(libc::SYS_sendmsg, "sendmsg", Kind::Send(Shape::Message)),
    spec(
        libc::SYS_recvmmsg,
        "recvmmsg",
        Kind::Receive(Shape::Messages),
    ),
    spec(libc::SYS_sendmmsg, "sendmmsg", Kind::Send(Shape::Messages)),
    spec(libc::SYS_sendfile, "sendfile", Kind::Send(Shape::File)),
    spec(libc::SYS_splice, "splice", Kind::Splice),
    spec(libc::SYS_socket, "socket", Kind::Socket),
    spec(libc::SYS_bind, "bind", Kind::Bind),
    spec(libc::SYS_listen, "listen", Kind::Listen),
    spec(libc::SYS_accept, "accept", Kind::Accept),
    spec(libc::SYS_accept4, "accept4", Kind::Accept),
    spec(libc::SYS_connect, "connect", Kind::Connect),
    spec(libc::SYS_shutdown, "shutdown", Kind::Shutdown),
    spec(libc::SYS_close, "close", Kind::Close),
    spec(libc::SYS_setsockopt, "setsockopt", Kind::SetOption),
    spec(libc::SYS_dup3, "dup3", Kind::Replace),
    spec(libc::SYS_close_range, "close_range", Kind::Replace),
    spec(libc::SYS_unshare, "unshare", Kind::Replace),
    spec(libc::SYS_ppoll, "ppoll", Kind::Wait(Waits::Poll)),
    spec(libc::SYS_pselect6, "pselect6", Kind::Wait(Waits::Select)),
    spec(
        libc::SYS_epoll_pwait,
        "epoll_pwait",
        Kind::Wait(Waits::Epoll),
    ),
    spec(
        libc::SYS_epoll_pwait2,
        "epoll_pwait2",
        Kind::Wait(Waits::Epoll),
    ),
    spec(libc::SYS_restart_syscall, "restart_syscall", Kind::Restart),
    spec(libc::SYS_io_uring_setup, "io_uring_setup", Kind::Unseen),
    #[cfg(target_arch = "x86_64")]
    spec(libc::SYS_dup2, "dup2", Kind::Replace),
    #[cfg(target_arch = "x86_64")]
    spec(libc::SYS_poll, "poll", Kind::Wait(Waits::Poll)),
    #[cfg(target_arch = "x86_64")]
    spec(libc::SYS_select, "select", Kind::Wait(Waits::Select)),
    #[cfg(target_arch = "x86_64")]
    spec(libc::SYS_epoll_wait, "epoll_wait", Kind::Wait(Waits::Epoll)),
];

/// The call with this number, if it matters.
pub fn of(number: u64) -> Option<&'static Spec> {
    let number = c_long::try_from(number).ok()?;
    ALL.iter().find(|spec| spec.number == number)
}

/// An error's name, as the manual has it.
pub fn error_name(number: i64) -> String {
    let known = match i32::try_from(number).unwrap_or(0) {
        libc::EAGAIN => "EAGAIN",
        libc::EINTR => "EINTR",
        libc::EINPROGRESS => "EINPROGRESS",
        libc::EALREADY => "EALREADY",
        libc::EISCONN => "EISCONN",
        libc::ENOTCONN => "ENOTCONN",
        libc::ECONNREFUSED => "ECONNREFUSED",
        libc::ECONNRESET => "ECONNRESET",
        libc::ECONNABORTED => "ECONNABORTED",
        libc::EPIPE => "EPIPE",
        libc::ETIMEDOUT => "ETIMEDOUT",
        libc::EADDRINUSE => "EADDRINUSE",
        libc::EADDRNOTAVAIL => "EADDRNOTAVAIL",
        libc::EAFNOSUPPORT => "EAFNOSUPPORT",
        libc::ENETUNREACH => "ENETUNREACH",
        libc::EHOSTUNREACH => "EHOSTUNREACH",
        libc::EDESTADDRREQ => "EDESTADDRREQ",
        libc::EMSGSIZE => "EMSGSIZE",
        libc::EMFILE => "EMFILE",
        libc::EACCES => "EACCES",
        libc::EPERM => "EPERM",
        libc::EBADF => "EBADF",
        libc::EINVAL => "EINVAL",
        libc::EFAULT => "EFAULT",
        libc::ENOTSOCK => "ENOTSOCK",
        libc::EOPNOTSUPP => "EOPNOTSUPP",
        libc::ENOPROTOOPT => "ENOPROTOOPT",
        _ => return format!("error {number}"),
    };
    known.to_string()
}

/// A direction's name in shutdown(2).
pub fn shutdown_name(how: u64) -> String {
    match how {
        0 => "SHUT_RD".to_string(),
        1 => "SHUT_WR".to_string(),
        2 => "SHUT_RDWR".to_string(),
        other => other.to_string(),
    }
}

/// An option's name in setsockopt(2), with its level where the name is not known.
pub fn option_name(level: u64, option: u64) -> String {
    let number = |value: u64| i32::try_from(value).unwrap_or(-1);
    let known = match (number(level), number(option)) {
        (libc::SOL_SOCKET, libc::SO_REUSEADDR) => "SO_REUSEADDR",
        (libc::SOL_SOCKET, libc::SO_REUSEPORT) => "SO_REUSEPORT",
        (libc::SOL_SOCKET, libc::SO_KEEPALIVE) => "SO_KEEPALIVE",
        (libc::SOL_SOCKET, libc::SO_BROADCAST) => "SO_BROADCAST",
        (libc::SOL_SOCKET, libc::SO_LINGER) => "SO_LINGER",
        (libc::SOL_SOCKET, libc::SO_RCVBUF) => "SO_RCVBUF",
        (libc::SOL_SOCKET, libc::SO_SNDBUF) => "SO_SNDBUF",
        (libc::SOL_SOCKET, libc::SO_RCVTIMEO) => "SO_RCVTIMEO",
        (libc::SOL_SOCKET, libc::SO_SNDTIMEO) => "SO_SNDTIMEO",
        (libc::IPPROTO_TCP, libc::TCP_NODELAY) => "TCP_NODELAY",
        (libc::IPPROTO_IPV6, libc::IPV6_V6ONLY) => "IPV6_V6ONLY",
        _ => return format!("{level}:{option}"),
    };
    known.to_string()
}

/// The names of the flags of a receive that matter to what it gives.
pub fn receive_flags(flags: u64) -> Vec<String> {
    let flags = i32::try_from(flags).unwrap_or(0);
    [
        (libc::MSG_PEEK, "MSG_PEEK"),
        (libc::MSG_WAITALL, "MSG_WAITALL"),
        (libc::MSG_DONTWAIT, "MSG_DONTWAIT"),
        (libc::MSG_TRUNC, "MSG_TRUNC"),
    ]
    .iter()
    .filter(|(flag, _)| flags & flag != 0)
    .map(|(_, name)| (*name).to_string())
    .collect()
}
