//! Writing a message, element by element.

use bytes::Bytes;

use super::codec::Writer;
use super::error::PayloadError;
use super::format::Format;
use super::payload::Payload;
use super::{Dict, Id};

/// How many elements a payload adds to a message.
pub(super) fn elements(payload: &Payload) -> usize {
    if !payload.raw_kwargs().is_empty() {
        2
    } else {
        usize::from(!payload.raw_args().is_empty())
    }
}

/// An EVENT in one serialization, all but its head: that has the id of the subscription, and the
/// rest is the same for everybody.
///
/// ```
/// use transparency_middleware::messages::{Dict, EventRest, Format, Id, Payload};
///
/// let id = |number| Id::new(number).unwrap();
/// let rest = EventRest::new(Format::Json, id(7), &Dict::new(), &Payload::empty())?;
/// let mut event = rest.head(id(5));
/// event.extend_from_slice(rest.bytes());
/// assert_eq!(event, b"[36,5,7,{}]");
/// # Ok::<(), transparency_middleware::messages::PayloadError>(())
/// ```
#[derive(Debug, Clone)]
pub struct EventRest {
    format: Format,
    elements: usize,
    bytes: Bytes,
}

impl EventRest {
    /// Encodes it.
    ///
    /// # Errors
    ///
    /// When the payload has no form in this serialization.
    pub fn new(
        format: Format,
        publication: Id,
        details: &Dict,
        payload: &Payload,
    ) -> Result<Self, PayloadError> {
        let payload = payload.in_format(format)?;
        let mut bytes = Vec::with_capacity(payload.size() + 64);
        Chain(Writer::go_on(format, &mut bytes))
            .id(publication)
            .dict(details)?
            .payload(&payload)
            .end();
        Ok(EventRest {
            format,
            // The code, the subscription, the publication, the details.
            elements: 4 + elements(&payload),
            bytes: bytes.into(),
        })
    }

    /// What comes before it, for this subscription.
    pub fn head(&self, subscription: Id) -> Vec<u8> {
        let mut head = Vec::with_capacity(24);
        self.head_to(subscription, &mut head);
        head
    }

    /// The same, written where it goes.
    pub(crate) fn head_to(&self, subscription: Id, out: &mut Vec<u8>) {
        let mut writer = Writer::new(self.format, self.elements, out);
        writer.number(36);
        writer.number(subscription.get());
    }

    /// The same with bytes that something else owns.
    #[must_use]
    pub fn map_bytes(mut self, map: impl FnOnce(Bytes) -> Bytes) -> Self {
        self.bytes = map(self.bytes);
        self
    }

    /// The rest.
    pub const fn bytes(&self) -> &Bytes {
        &self.bytes
    }
}

/// A [`Writer`] whose calls follow each other as the elements do.
pub(super) struct Chain<'a>(Writer<'a>);

impl<'a> Chain<'a> {
    /// Begins a message of so many elements.
    pub(super) fn new(format: Format, count: usize, out: &'a mut Vec<u8>) -> Self {
        Chain(Writer::new(format, count, out))
    }

    pub(super) fn number(mut self, number: u64) -> Self {
        self.0.number(number);
        self
    }

    pub(super) fn id(self, id: Id) -> Self {
        self.number(id.get())
    }

    pub(super) fn text(mut self, text: impl AsRef<str>) -> Result<Self, PayloadError> {
        self.0.text(text.as_ref())?;
        Ok(self)
    }

    pub(super) fn dict(mut self, dict: &Dict) -> Result<Self, PayloadError> {
        self.0.dict(dict)?;
        Ok(self)
    }

    /// In the message's own format already.
    pub(super) fn payload(mut self, payload: &Payload) -> Self {
        for element in [payload.raw_args(), payload.raw_kwargs()] {
            if !element.is_empty() {
                self.0.raw(element);
            }
        }
        self
    }

    pub(super) fn end(self) {
        self.0.end();
    }
}
