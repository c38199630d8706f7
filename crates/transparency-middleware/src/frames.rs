//! WebSocket frames on their way out (RFC 6455, section
//! 5.2), put together where they will be sent from.

use tungstenite::protocol::frame::FrameHeader;
use tungstenite::protocol::frame::coding::{Control, Data, OpCode};

/// The longest head: two bytes, eight of length, four of mask.
const LONGEST_HEAD: usize = 14;

/// Which of the two peers sends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Side {
    /// Its frames are masked (section 5.3).
    Client,
    /// Its frames are not.
    Server,
}

/// Appends a message in one frame: text or binary, with what
/// `content` appends. When that fails nothing has changed.
pub(crate) fn message<E>(
    side: Side,
    text: bool,
    out: &mut Vec<u8>,
    content: impl FnOnce(&mut Vec<u8>) -> Result<(), E>,
) -> Result<(), E> {
    let opcode = OpCode::Data(if text { Data::Text } else { Data::Binary });
    let start = out.len();
    // The head tells the length of what comes after it.
    // There is room for a short one, which most are.
    let room = match side {
        Side::Client => 6,
        Side::Server => 2,
    };
    out.resize(start + room, 0);
    if let Err(error) = content(out) {
        out.truncate(start);
        return Err(error);
    }
    let length = out.len() - start - room;
    let (head, size) = head(side, opcode, length);
    if size > room {
        out.splice(start..start, std::iter::repeat_n(0, size - room));
    }
    out[start..start + size].copy_from_slice(&head[..size]);
    if side == Side::Client {
        mask(&mut out[start + size - 4..]);
    }
    Ok(())
}

/// Appends the head of a server's message of this length: what comes next is its content.
pub(crate) fn begin(text: bool, length: usize, out: &mut Vec<u8>) {
    let opcode = OpCode::Data(if text { Data::Text } else { Data::Binary });
    let (head, size) = head(Side::Server, opcode, length);
    out.extend_from_slice(&head[..size]);
}

/// Masks what comes after the four bytes of the mask.
fn mask(bytes: &mut [u8]) {
    if let Some((mask, content)) = bytes.split_first_chunk_mut::<4>() {
        for four in content.chunks_mut(4) {
            for (byte, mask) in four.iter_mut().zip(&*mask) {
                *byte ^= mask;
            }
        }
    }
}

/// An empty ping.
pub(crate) fn ping(side: Side) -> Vec<u8> {
    control(side, Control::Ping, &[])
}

/// A close frame with a code and a reason.
pub(crate) fn close(side: Side, code: u16, reason: &str) -> Vec<u8> {
    let code = code.to_be_bytes();
    control(side, Control::Close, &[&code, reason.as_bytes()].concat())
}

/// A control frame: its content has at most 125 bytes.
fn control(side: Side, kind: Control, content: &[u8]) -> Vec<u8> {
    let (head, size) = head(side, OpCode::Control(kind), content.len());
    let mut frame = [&head[..size], content].concat();
    if side == Side::Client {
        mask(&mut frame[size - 4..]);
    }
    frame
}

/// A frame's head, and how many bytes of it there are.
fn head(side: Side, opcode: OpCode, length: usize) -> ([u8; LONGEST_HEAD], usize) {
    let mut bytes = [0; LONGEST_HEAD];
    let header = FrameHeader {
        opcode,
        mask: (side == Side::Client).then(rand::random),
        ..FrameHeader::default()
    };
    let mut rest = &mut bytes[..];
    let length = u64::try_from(length).expect("a length in memory fits into 64 bits");
    header
        .format(length, &mut rest)
        .expect("14 bytes hold every head");
    let size = LONGEST_HEAD - rest.len();
    (bytes, size)
}

#[cfg(test)]
mod tests {
    use tungstenite::protocol::{Message, Role, WebSocket};

    use super::*;

    /// What tungstenite, on the other side, reads.
    fn read(side: Side, frames: &[u8]) -> Message {
        let role = match side {
            Side::Client => Role::Server,
            Side::Server => Role::Client,
        };
        let mut stream = std::io::Cursor::new(frames.to_vec());
        WebSocket::from_raw_socket(&mut stream, role, None)
            .read()
            .unwrap()
    }

    #[test]
    fn the_other_side_reads_messages_of_every_length() {
        for side in [Side::Client, Side::Server] {
            for length in [0, 1, 2, 3, 4, 5, 125, 126, 127, 65_535, 65_536, 200_000] {
                let content: String = ('a'..='z').cycle().take(length).collect();
                let mut frames = b"before".to_vec();
                let appended = message(side, true, &mut frames, |out| {
                    out.extend_from_slice(content.as_bytes());
                    Ok::<(), ()>(())
                });
                assert_eq!(appended, Ok(()));
                let text = read(side, frames.strip_prefix(b"before").unwrap());
                assert_eq!(text, Message::text(content));
            }
        }
    }

    #[test]
    fn a_content_that_fails_leaves_nothing_behind() {
        let mut frames = b"before".to_vec();
        let failed = message(Side::Client, false, &mut frames, |out| {
            out.extend_from_slice(b"half");
            Err("no form")
        });
        assert_eq!(failed, Err("no form"));
        assert_eq!(frames, b"before");
    }

    #[test]
    fn the_other_side_reads_pings_and_closes() {
        for side in [Side::Client, Side::Server] {
            assert!(
                matches!(read(side, &ping(side)), Message::Ping(content) if content.is_empty())
            );
            let Message::Close(Some(close)) = read(side, &close(side, 1002, "why")) else {
                panic!("no close frame");
            };
            assert_eq!(
                (u16::from(close.code), close.reason.as_str()),
                (1002, "why")
            );
        }
    }

    #[test]
    fn no_two_frames_of_a_client_have_the_same_mask() {
        let masks: std::collections::HashSet<Vec<u8>> =
            (0..100).map(|_| ping(Side::Client)[2..].to_vec()).collect();
        assert!(masks.len() > 90, "{} different ones", masks.len());
    }
}
