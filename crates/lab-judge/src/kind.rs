//! Which side of an exercise a program is.

/// Which side of an exercise.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// It listens.
    Server,
    /// It connects.
    Client,
    /// It is alone.
    Program,
}

impl Kind {
    /// `server`, `client`, `program`.
    pub fn name(self) -> &'static str {
        match self {
            Kind::Server => "server",
            Kind::Client => "client",
            Kind::Program => "program",
        }
    }
}
