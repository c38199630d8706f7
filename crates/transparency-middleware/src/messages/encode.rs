//! Writing a message, element by element.

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
