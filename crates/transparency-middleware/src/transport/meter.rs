//! How far a client has come with the message that it sends, seen from the bytes that come.

/// Follows the frames of a client (RFC 6455, section 5.2).
///
/// tungstenite tells of a message when all of it is there. Before that somebody has to know how
/// much has been kept of it, and for how long.
#[derive(Debug, Default)]
pub(super) struct Meter {
    /// The head that has come of a frame.
    head: [u8; 14],
    had: usize,
    /// Bytes that the frame still has to bring.
    left: u64,
    /// Bytes that have come of it.
    frame: usize,
    /// Bytes of the message's frames before it.
    message: usize,
    /// The message continues with another frame.
    goes_on: bool,
}

impl Meter {
    /// These bytes have come.
    pub(super) fn feed(&mut self, mut bytes: &[u8]) {
        while let Some(first) = bytes.first() {
            if self.left > 0 {
                let count =
                    usize::try_from(self.left).map_or(bytes.len(), |left| left.min(bytes.len()));
                self.left -= u64::try_from(count).unwrap_or(self.left);
                self.frame += count;
                bytes = &bytes[count..];
            } else {
                self.head[self.had] = *first;
                self.had += 1;
                bytes = &bytes[1..];
                let Some(length) = self.announced() else {
                    continue;
                };
                self.left = length;
            }
            if self.left == 0 {
                self.end_frame();
            }
        }
    }

    /// The length of the frame, once its head is there.
    fn announced(&self) -> Option<u64> {
        if self.had < 2 {
            return None;
        }
        let (short, long) = match self.head[1] & 0x7f {
            126 => (0, 2),
            127 => (0, 8),
            length => (u64::from(length), 0),
        };
        let mask = if self.head[1] & 0x80 == 0 { 0 } else { 4 };
        if self.had < 2 + long + mask {
            return None;
        }
        let long = &self.head[2..2 + long];
        Some(
            long.iter()
                .fold(short, |length, byte| length << 8 | u64::from(*byte)),
        )
    }

    fn end_frame(&mut self) {
        let is_control = self.head[0] & 0x08 != 0;
        if !is_control {
            self.goes_on = self.head[0] & 0x80 == 0;
            self.message = if self.goes_on {
                self.message + self.frame
            } else {
                0
            };
        }
        (self.had, self.frame) = (0, 0);
    }

    /// Whether a message or a frame has begun and is not whole.
    pub(super) fn has_begun(&self) -> bool {
        self.had > 0 || self.goes_on
    }

    /// The bytes that are kept of it. What came in several frames
    /// is put together, in a buffer that doubles as it grows.
    pub(super) fn kept(&self) -> usize {
        self.frame + 2 * self.message
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn frame(first: u8, length: usize) -> Vec<u8> {
        let mut frame = vec![first];
        match length {
            0..126 => frame.push(0x80 | u8::try_from(length).unwrap()),
            126..0x1_0000 => {
                frame.push(0x80 | 126);
                frame.extend_from_slice(&u16::try_from(length).unwrap().to_be_bytes());
            }
            _ => {
                frame.push(0x80 | 127);
                frame.extend_from_slice(&u64::try_from(length).unwrap().to_be_bytes());
            }
        }
        frame.extend_from_slice(&[1, 2, 3, 4]);
        frame.resize(frame.len() + length, 0xff);
        frame
    }

    #[test]
    fn what_is_announced_counts_nothing_and_what_has_come_does() {
        let mut meter = Meter::default();
        let large = frame(0x82, 1 << 20);
        meter.feed(&large[..14]);
        assert_eq!((meter.has_begun(), meter.kept()), (true, 0));
        meter.feed(&large[14..1014]);
        assert_eq!((meter.has_begun(), meter.kept()), (true, 1000));
        meter.feed(&large[1014..]);
        assert_eq!((meter.has_begun(), meter.kept()), (false, 0));
        // A message in several frames, with a ping in between, is kept until its last one.
        meter.feed(&frame(0x01, 500));
        meter.feed(&frame(0x89, 5));
        meter.feed(&frame(0x00, 300));
        assert_eq!((meter.has_begun(), meter.kept()), (true, 1600));
        meter.feed(&frame(0x80, 0));
        assert_eq!((meter.has_begun(), meter.kept()), (false, 0));
    }

    proptest! {
        #[test]
        fn after_whole_messages_nothing_is_left_in_whatever_pieces_they_come(
            messages in prop::collection::vec((0..3_usize, 0..70_000_usize), 1..5),
            piece in 1..5000_usize,
        ) {
            let mut bytes = Vec::new();
            for (more, length) in messages {
                for number in 0..=more {
                    let first = u8::from(number == 0) | if number == more { 0x80 } else { 0 };
                    bytes.extend(frame(first, length));
                }
            }
            let mut meter = Meter::default();
            for piece in bytes.chunks(piece) {
                meter.feed(piece);
            }
            prop_assert!(!meter.has_begun() && meter.kept() == 0);
            meter.feed(&bytes[..1]);
            prop_assert!(meter.has_begun());
        }
    }
}
