//! However a stream is cut into segments, and whatever its bytes are, the messages are the same.

use std::io::{self, ErrorKind, Read};

use labnet::frames::{
    DelimitedReader, DelimitedWriter, FrameError, PrefixedReader, PrefixedWriter,
};
use proptest::prelude::*;

/// A stream that gives its bytes in the segments it is told to, a time-out and an interruption
/// between them.
struct Segments {
    bytes: Vec<u8>,
    cuts: Vec<usize>,
    at: usize,
    turn: usize,
}

impl Segments {
    fn new(bytes: &[u8], mut cuts: Vec<usize>) -> Self {
        cuts.push(bytes.len());
        cuts.retain(|&cut| cut > 0 && cut <= bytes.len());
        cuts.sort_unstable();
        cuts.dedup();
        Segments {
            bytes: bytes.to_vec(),
            cuts,
            at: 0,
            turn: 0,
        }
    }
}

impl Read for Segments {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        self.turn += 1;
        match self.turn % 5 {
            1 => return Err(ErrorKind::Interrupted.into()),
            3 => return Err(ErrorKind::WouldBlock.into()),
            _ => {}
        }
        let Some(&end) = self.cuts.iter().find(|&&cut| cut > self.at) else {
            return Ok(0);
        };
        let count = buffer.len().min(end - self.at);
        buffer[..count].copy_from_slice(&self.bytes[self.at..self.at + count]);
        self.at += count;
        Ok(count)
    }
}

/// All messages of a stream, each time-out answered by trying again.
fn messages(
    mut next: impl FnMut() -> Result<Option<Vec<u8>>, FrameError>,
) -> Result<Vec<Vec<u8>>, FrameError> {
    let mut messages = Vec::new();
    loop {
        match next() {
            Ok(Some(message)) => messages.push(message),
            Ok(None) => return Ok(messages),
            Err(FrameError::Io(error)) if error.kind() == ErrorKind::WouldBlock => {}
            Err(error) => return Err(error),
        }
    }
}

fn delimited(
    stream: &[u8],
    cuts: Vec<usize>,
    delimiter: &[u8],
    piece: usize,
) -> Result<Vec<Vec<u8>>, FrameError> {
    let limit = stream.len().max(1);
    let mut reader =
        DelimitedReader::new(Segments::new(stream, cuts), delimiter, limit).piece_size(piece);
    messages(|| Ok(reader.read_message()?.map(<[u8]>::to_vec)))
}

/// The plain definition, for comparison: cut at every delimiter, from the left.
fn split(stream: &[u8], delimiter: &[u8]) -> (Vec<Vec<u8>>, Vec<u8>) {
    let mut messages = Vec::new();
    let mut rest = stream;
    while let Some(at) = rest
        .windows(delimiter.len())
        .position(|window| window == delimiter)
    {
        messages.push(rest[..at].to_vec());
        rest = &rest[at + delimiter.len()..];
    }
    (messages, rest.to_vec())
}

/// Few different bytes, so that delimiters and beginnings of delimiters are everywhere.
fn bytes() -> impl Strategy<Value = Vec<u8>> {
    prop::collection::vec(prop::sample::select(b"<EOF>a\xff".to_vec()), 0..200)
}

fn cuts() -> impl Strategy<Value = Vec<usize>> {
    prop::collection::vec(0..250_usize, 0..40)
}

proptest! {
    #[test]
    fn any_cut_of_any_bytes_gives_the_same_messages(
        stream in bytes(),
        cuts in cuts(),
        piece in 1..50_usize,
        delimiter in prop::sample::select(vec![&b"<EOF>"[..], b"<", b"<<", b"E<E"]),
    ) {
        let (expected, rest) = split(&stream, delimiter);
        match delimited(&stream, cuts, delimiter, piece) {
            Ok(messages) => {
                prop_assert_eq!(messages, expected);
                prop_assert!(rest.is_empty());
            }
            Err(FrameError::Truncated { received }) => prop_assert_eq!(received, rest.len()),
            Err(error) => prop_assert!(false, "{error}"),
        }
    }

    #[test]
    fn what_a_delimited_writer_accepts_a_reader_gives_back(
        sent in prop::collection::vec(bytes(), 0..6),
        cuts in cuts(),
        delimiter in prop::sample::select(vec![&b"<EOF>"[..], b"<<", b"E<E"]),
    ) {
        let mut stream = Vec::new();
        let mut accepted = Vec::new();
        for message in sent {
            match DelimitedWriter::new(&mut stream, delimiter).write_message(&message) {
                Ok(()) => accepted.push(message),
                Err(FrameError::HoldsDelimiter { at }) => prop_assert!(at < message.len()),
                Err(error) => prop_assert!(false, "{error}"),
            }
        }
        prop_assert_eq!(delimited(&stream, cuts, delimiter, 16).unwrap(), accepted);
    }

    #[test]
    fn a_prefixed_reader_gives_back_what_was_written_however_it_is_cut(
        sent in prop::collection::vec(bytes(), 0..6),
        cuts in cuts(),
    ) {
        let mut stream = Vec::new();
        for message in &sent {
            PrefixedWriter::new(&mut stream).write_message(message).unwrap();
        }
        let mut reader = PrefixedReader::new(Segments::new(&stream, cuts), 200);
        prop_assert_eq!(
            messages(|| Ok(reader.read_message()?.map(<[u8]>::to_vec))).unwrap(),
            sent
        );
    }

    #[test]
    fn a_message_at_the_limit_passes_and_one_above_it_is_refused(
        length in 0..40_usize, limit in 0..40_usize, piece in 1..50_usize,
    ) {
        let message = vec![b'x'; length];
        let stream = [&message[..], b"<EOF>"].concat();
        let mut reader = DelimitedReader::new(&stream[..], b"<EOF>", limit).piece_size(piece);
        match reader.read_message() {
            Ok(found) => {
                prop_assert_eq!(found, Some(&message[..]));
                prop_assert!(length <= limit);
            }
            Err(FrameError::TooLong { .. }) => prop_assert!(length > limit),
            Err(error) => prop_assert!(false, "{error}"),
        }
    }
}

#[test]
fn the_token_may_be_cut_at_every_byte() {
    let stream = "täxt<EOF><E<EOF><EOF>".as_bytes();
    let expected = ["täxt".as_bytes().to_vec(), b"<E".to_vec(), b"".to_vec()];
    for cut in 0..=stream.len() {
        assert_eq!(
            delimited(stream, vec![cut], b"<EOF>", 64).unwrap(),
            expected,
            "cut at {cut}"
        );
    }
    let everywhere = (0..=stream.len()).collect();
    assert_eq!(
        delimited(stream, everywhere, b"<EOF>", 64).unwrap(),
        expected
    );
}

#[test]
fn an_endless_message_is_refused_before_it_fills_the_memory() {
    let mut reader = DelimitedReader::new(io::repeat(b'x'), b"<EOF>", 1000).piece_size(64);
    assert!(matches!(
        reader.read_message(),
        Err(FrameError::TooLong { limit: 1000 })
    ));
}

#[test]
fn a_length_above_the_limit_is_refused_before_the_message_comes() {
    let mut reader = PrefixedReader::new(&b"\xff\xff\xff\xff"[..], 1000);
    assert!(matches!(
        reader.read_message(),
        Err(FrameError::TooLong { limit: 1000 })
    ));
}

#[test]
fn the_end_in_the_middle_of_a_prefixed_message_is_an_error() {
    for (stream, expected) in [(&b"\0\0"[..], 0), (b"\0\0\0\x05", 0), (b"\0\0\0\x05he", 2)] {
        match PrefixedReader::new(stream, 1000).read_message() {
            Err(FrameError::Truncated { received }) => assert_eq!(received, expected),
            other => panic!("{stream:?} gave {other:?}"),
        }
    }
}

/// Ends in a second; a search that starts again at each piece takes hours.
#[test]
fn time_grows_with_the_length_and_not_with_its_square() {
    // 64 MiB in pieces of 1 KiB: searched from the start each time that would be 2 TiB.
    let mut stream = vec![b'<'; 64 * 1024 * 1024];
    stream.extend_from_slice(b"<EOF>");
    let mut reader = DelimitedReader::new(&stream[..], b"<EOF>", stream.len()).piece_size(1024);
    let message = reader.read_message().unwrap().unwrap();
    assert_eq!(message.len(), stream.len() - 5);
}
