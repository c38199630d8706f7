//! The application's part of a message: positional and keyword arguments, carried as they came.

use std::borrow::Cow;
use std::fmt;

use bytes::Bytes;
use serde::Serialize;
use serde::de::DeserializeOwned;

use super::codec;
use super::error::PayloadError;
use super::format::Format;
use super::value::{Dict, Value};

/// From this size on, arguments are worth the buffer that they came in.
pub(super) const LARGE: usize = 32 * 1024;

/// The arguments of a call, a result, an error or an
/// event: a list and a dictionary, either may be absent.
///
/// A payload stays in the serialization in which it came. A router passes it on unread; only where
/// two peers speak different serializations is it read and written again ([`Payload::to_format`]).
///
/// ```
/// use transparency_middleware::messages::{Format, Payload};
///
/// let payload = Payload::new(Format::Json, &(2, 3))?;
/// assert_eq!(payload.args::<(i64, i64)>()?, (2, 3));
/// # Ok::<(), transparency_middleware::messages::PayloadError>(())
/// ```
#[derive(Clone)]
pub struct Payload {
    format: Format,
    args: Bytes,
    kwargs: Bytes,
}

impl Payload {
    /// No arguments at all.
    pub const fn empty() -> Self {
        Payload {
            format: Format::Json,
            args: Bytes::new(),
            kwargs: Bytes::new(),
        }
    }

    /// Positional arguments from anything that serializes as a list: a tuple, a slice, a `Vec`.
    ///
    /// A list without items and the unit `()` become an absent
    /// one, as the specification asks ("Empty Arguments").
    ///
    /// # Errors
    ///
    /// When the value is not a list, or cannot be written in this serialization.
    pub fn new<A: Serialize + ?Sized>(format: Format, args: &A) -> Result<Self, PayloadError> {
        let args = codec::write(format, args)?;
        let mut payload = Payload {
            format,
            args: args.into(),
            kwargs: Bytes::new(),
        };
        match codec::first_count(format, &payload.args) {
            Some((codec::Container::List, 0)) => payload.args = Bytes::new(),
            Some((codec::Container::List, _)) => {}
            // The unit, in the formats where it is null.
            _ if *payload.args == *codec::null(format) => payload.args = Bytes::new(),
            _ => return Err(PayloadError::new("positional arguments are a list")),
        }
        Ok(payload)
    }

    /// The same with keyword arguments from anything
    /// that serializes as a dictionary: a struct, a map.
    ///
    /// # Errors
    ///
    /// When the value is not a dictionary with text as
    /// keys, or cannot be written in this serialization.
    pub fn with_kwargs<K: Serialize + ?Sized>(mut self, kwargs: &K) -> Result<Self, PayloadError> {
        let bytes = codec::write(self.format, kwargs)?;
        match codec::first_count(self.format, &bytes) {
            Some((codec::Container::Dict, 0)) => return Ok(self),
            Some((codec::Container::Dict, _)) if codec::keys_are_text(self.format, &bytes) => {}
            _ => {
                return Err(PayloadError::new(
                    "keyword arguments are a dictionary with text as keys",
                ));
            }
        }
        self.kwargs = bytes.into();
        // Keyword arguments come after the list, so there has to be one.
        if self.args.is_empty() {
            self.args = codec::empty_list(self.format);
        }
        Ok(self)
    }

    /// A payload that the application has sealed, so that no router can
    /// read it (payload transparency): bytes in the place of the arguments.
    /// The message's options say how it is sealed, as `enc_algo`.
    ///
    /// ```
    /// use transparency_middleware::messages::{Format, Payload};
    ///
    /// let payload = Payload::new_sealed(Format::Json, b"\x00\xff")?;
    /// assert_eq!(payload.raw_args(), br#""\u0000AP8=""#);
    /// assert_eq!(payload.sealed()?.as_deref(), Some(&b"\x00\xff"[..]));
    /// # Ok::<(), transparency_middleware::messages::PayloadError>(())
    /// ```
    ///
    /// # Errors
    ///
    /// When the bytes cannot be written in this serialization.
    pub fn new_sealed(format: Format, bytes: &[u8]) -> Result<Self, PayloadError> {
        let args = codec::write(format, &Value::Bytes(bytes.to_vec()))?;
        Ok(Payload::from_parts(format, args.into(), Bytes::new()))
    }

    /// The bytes of a sealed payload; `None` where there are arguments, or nothing.
    ///
    /// # Errors
    ///
    /// When they cannot be read.
    pub fn sealed(&self) -> Result<Option<Vec<u8>>, PayloadError> {
        if !self.is_sealed() {
            return Ok(None);
        }
        Ok(match codec::read(self.format, &self.args)? {
            Value::Bytes(bytes) => Some(bytes),
            Value::String(text) => Some(text.into_bytes()),
            _ => None,
        })
    }

    /// Whether it is sealed.
    pub fn is_sealed(&self) -> bool {
        !self.args.is_empty() && codec::first_count(self.format, &self.args).is_none()
    }

    /// From parts that a codec has found to be a list and
    /// a dictionary, or a string or bytes and nothing.
    pub(super) fn from_parts(format: Format, args: Bytes, kwargs: Bytes) -> Self {
        Payload {
            format,
            args,
            kwargs,
        }
    }

    /// The positional arguments, read as a tuple, a `Vec`
    /// or any other list; absent ones as an empty list.
    ///
    /// # Errors
    ///
    /// When they are not what `A` takes, or the payload is sealed.
    pub fn args<A: DeserializeOwned>(&self) -> Result<A, PayloadError> {
        if self.is_sealed() {
            // MessagePack's reader would take the bytes for a list of numbers.
            return Err(PayloadError::new("the payload is sealed"));
        }
        if self.args.is_empty() {
            codec::read(self.format, &codec::empty_list(self.format))
        } else {
            codec::read(self.format, &self.args)
        }
    }

    /// The keyword arguments, read as a struct, a map or
    /// a [`Dict`]; absent ones as an empty dictionary.
    ///
    /// # Errors
    ///
    /// When they are not what `K` takes.
    pub fn kwargs<K: DeserializeOwned>(&self) -> Result<K, PayloadError> {
        if self.kwargs.is_empty() {
            codec::read(self.format, &codec::empty_dict(self.format))
        } else {
            codec::read(self.format, &self.kwargs)
        }
    }

    /// Whether there are no arguments at all.
    pub fn is_empty(&self) -> bool {
        self.args.is_empty() && self.kwargs.is_empty()
    }

    /// The serialization that it is carried in.
    pub const fn format(&self) -> Format {
        self.format
    }

    /// The bytes of all arguments together.
    pub(crate) fn size(&self) -> usize {
        self.args.len() + self.kwargs.len()
    }

    /// Lets go of the buffer that small arguments came in: it may be many times as large as they
    /// are, and anyone who keeps them would keep it.
    pub(crate) fn compact(&mut self) {
        for part in [&mut self.args, &mut self.kwargs] {
            if part.len() < LARGE {
                *part = Bytes::copy_from_slice(part);
            }
        }
    }

    /// The positional arguments as they stand in the message, empty if absent.
    pub fn raw_args(&self) -> &[u8] {
        &self.args
    }

    /// The keyword arguments as they stand in the message, empty if absent.
    pub fn raw_kwargs(&self) -> &[u8] {
        &self.kwargs
    }

    /// The same arguments in another serialization.
    ///
    /// Bytes become a string in JSON and bytes again on the way back (see [`Value`]).
    ///
    /// # Errors
    ///
    /// When there is something in it that the other serialization, or WAMP, has no form for: a
    /// dictionary whose keys are not text, NaN where JSON is wanted, a whole number beyond 64 bits,
    /// an extension type of MessagePack.
    pub fn to_format(&self, format: Format) -> Result<Payload, PayloadError> {
        let mut payload = self.in_format(format)?.into_owned();
        payload.format = format;
        Ok(payload)
    }

    /// The same, lent where there is nothing to read and to write again.
    pub(super) fn in_format(&self, format: Format) -> Result<Cow<'_, Payload>, PayloadError> {
        if format == self.format || self.is_empty() {
            return Ok(Cow::Borrowed(self));
        }
        let convert = |bytes: &Bytes| -> Result<Bytes, PayloadError> {
            if bytes.is_empty() {
                return Ok(Bytes::new());
            }
            let value = codec::read_exactly(self.format, bytes)?;
            Ok(codec::write(format, &value)?.into())
        };
        Ok(Cow::Owned(Payload {
            format,
            args: convert(&self.args)?,
            kwargs: convert(&self.kwargs)?,
        }))
    }
}

impl Default for Payload {
    fn default() -> Self {
        Payload::empty()
    }
}

impl fmt::Debug for Payload {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let shown = |f: &mut fmt::Formatter<'_>, bytes: &[u8]| match self.format {
            Format::Json => f.write_str(&String::from_utf8_lossy(bytes)),
            _ => {
                let value = codec::read::<Value>(self.format, bytes);
                // As JSON, which people read.
                match value.and_then(|value| codec::write(Format::Json, &value)) {
                    Ok(json) => f.write_str(&String::from_utf8_lossy(&json)),
                    Err(_) => write!(f, "{bytes:02x?}"),
                }
            }
        };
        if !self.args.is_empty() {
            shown(f, &self.args)?;
        }
        if !self.kwargs.is_empty() {
            f.write_str(" ")?;
            shown(f, &self.kwargs)?;
        }
        Ok(())
    }
}

/// Two payloads are equal when their arguments are, whatever the serialization.
impl PartialEq for Payload {
    fn eq(&self, other: &Self) -> bool {
        if self.format == other.format && self.args == other.args && self.kwargs == other.kwargs {
            return true;
        }
        let values = |payload: &Payload| {
            let args = match payload.raw_args() {
                [] => Value::List(Vec::new()),
                args => codec::read(payload.format, args).ok()?,
            };
            Some((args, payload.kwargs::<Dict>().ok()?))
        };
        match (values(self), values(other)) {
            (Some(one), Some(another)) => one == another,
            _ => false,
        }
    }
}
