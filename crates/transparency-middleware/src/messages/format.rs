//! How messages become bytes.

/// How messages become bytes, agreed on as the WebSocket subprotocol.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub enum Format {
    /// `wamp.2.json`, in text frames.
    #[default]
    Json,
    /// `wamp.2.msgpack`, in binary frames.
    MessagePack,
    /// `wamp.2.cbor` (RFC 8949), in binary frames.
    Cbor,
}

impl Format {
    /// All of them, the one that is preferred first.
    pub const ALL: [Format; 3] = [Format::Json, Format::MessagePack, Format::Cbor];

    /// Its place among all of them.
    pub(crate) fn place(self) -> usize {
        let mut all = Format::ALL.into_iter();
        all.position(|format| format == self).unwrap_or(0)
    }

    /// The WebSocket subprotocol's name.
    pub const fn subprotocol(self) -> &'static str {
        match self {
            Format::Json => "wamp.2.json",
            Format::MessagePack => "wamp.2.msgpack",
            Format::Cbor => "wamp.2.cbor",
        }
    }

    /// The format that a WebSocket subprotocol's name stands for.
    ///
    /// ```
    /// use transparency_middleware::messages::Format;
    ///
    /// assert_eq!(Format::from_subprotocol("wamp.2.cbor"), Some(Format::Cbor));
    /// assert_eq!(Format::from_subprotocol("chat"), None);
    /// ```
    pub fn from_subprotocol(name: &str) -> Option<Self> {
        Format::ALL
            .into_iter()
            .find(|format| format.subprotocol() == name)
    }

    /// Whether messages travel in text frames; else in binary ones.
    pub const fn is_text(self) -> bool {
        matches!(self, Format::Json)
    }
}
