//! Lists in files: targets, exclusions and ports, as editors save them.

use std::fs::File;
use std::io::{self, BufRead, Read};
use std::path::Path;

use anyhow::{Context, anyhow, bail};
use labnet::Hint;

/// No line of a list is longer, in bytes. What is longer is not a list: `/dev/zero`, a program.
const LONGEST_LINE: usize = 64 * 1024;

/// The largest file in UTF-16, in bytes: a million addresses.
const LARGEST_UTF16: u64 = 64 << 20;

/// The words of a file, or of stdin where the path is `-`. `#` begins a comment.
pub(super) fn words(path: &Path, of: &str) -> anyhow::Result<Vec<String>> {
    if path == Path::new("-") {
        return read(io::stdin().lock(), of, "stdin");
    }
    let shown = path.display().to_string();
    let file = File::open(path)
        .with_context(|| format!("cannot open {shown}"))
        .hint(format!(
            "it is to hold the list of {of}: check its name and your right to read it"
        ))?;
    read(io::BufReader::new(file), of, &shown)
}

fn read(mut source: impl BufRead, of: &str, name: &str) -> anyhow::Result<Vec<String>> {
    let mut words = Vec::new();
    let result = match source.fill_buf() {
        Ok([0xff, 0xfe, ..]) => utf16(source, u16::from_le_bytes, &mut words),
        Ok([0xfe, 0xff, ..]) => utf16(source, u16::from_be_bytes, &mut words),
        Ok(_) => utf8(source, &mut words),
        Err(error) => Err(error.into()),
    };
    result
        .with_context(|| format!("cannot read the list of {of} from {name}"))
        .hint("a list is text in UTF-8, a word a line, and # begins a comment")?;
    Ok(words)
}

fn utf8(mut source: impl BufRead, words: &mut Vec<String>) -> anyhow::Result<()> {
    let mut line = Vec::new();
    for number in 1.. {
        line.clear();
        let limit = LONGEST_LINE as u64 + 1;
        if (&mut source).take(limit).read_until(b'\n', &mut line)? == 0 {
            break;
        }
        if line.len() > LONGEST_LINE {
            bail!("line {number} is longer than {LONGEST_LINE} bytes");
        }
        // Windows' editors begin a file with a byte order mark.
        let text = match line.strip_prefix(b"\xef\xbb\xbf") {
            Some(text) if number == 1 => text,
            _ => &line[..],
        };
        // A comment may be in another encoding.
        let text = text.split(|byte| *byte == b'#').next().unwrap_or_default();
        if text.contains(&0) {
            bail!("line {number} has a zero byte: is it in UTF-16, without its mark?");
        }
        let text = std::str::from_utf8(text)
            .map_err(|_| anyhow!("line {number} is not valid UTF-8: is it in Latin-1?"))?;
        words.extend(text.split_whitespace().map(str::to_string));
    }
    Ok(())
}

fn utf16(
    source: impl BufRead,
    unit: fn([u8; 2]) -> u16,
    words: &mut Vec<String>,
) -> anyhow::Result<()> {
    let mut bytes = Vec::new();
    source.take(LARGEST_UTF16 + 1).read_to_end(&mut bytes)?;
    if bytes.len() as u64 > LARGEST_UTF16 {
        bail!("it is longer than {LARGEST_UTF16} bytes");
    }
    let (pairs, rest) = bytes.as_chunks();
    let units: Vec<u16> = pairs.iter().copied().map(unit).collect();
    let text = String::from_utf16(&units).ok().filter(|_| rest.is_empty());
    let text = text.context("it begins as UTF-16 does, and is not valid UTF-16")?;
    for line in text.trim_start_matches('\u{feff}').lines() {
        let line = line.split('#').next().unwrap_or_default();
        words.extend(line.split_whitespace().map(str::to_string));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn list(bytes: &[u8]) -> Result<Vec<String>, String> {
        read(bytes, "targets", "hosts.txt").map_err(|error| format!("{error:#}"))
    }

    #[test]
    fn a_byte_order_mark_and_a_comment_in_latin_1_do_no_harm() {
        let expected = Ok(vec!["10.0.0.1".to_string(), "10.0.0.2".to_string()]);
        assert_eq!(list(b"\xef\xbb\xbf10.0.0.1\r\n10.0.0.2\r\n"), expected);
        assert_eq!(list(b"10.0.0.1 # B\xfcro\n10.0.0.2"), expected);
        let utf16 = |unit: fn(u16) -> [u8; 2]| -> Vec<u8> {
            "\u{feff}10.0.0.1 # B\u{fc}ro\r\n10.0.0.2\r\n"
                .encode_utf16()
                .flat_map(unit)
                .collect()
        };
        assert_eq!(list(&utf16(u16::to_le_bytes)), expected);
        assert_eq!(list(&utf16(u16::to_be_bytes)), expected);
    }

    #[test]
    fn what_is_no_text_is_refused_with_its_line() {
        let refused = |bytes: &[u8], words: &str| {
            let told = list(bytes).unwrap_err();
            assert!(told.contains(words), "{words:?} is not in {told:?}");
        };
        refused(
            b"10.0.0.1\nB\xfcro\n",
            "line 2 is not valid UTF-8: is it in Latin-1?",
        );
        refused(b"1\x000\x00", "line 1 has a zero byte: is it in UTF-16");
        refused(b"\xff\xfe1", "not valid UTF-16");
        refused(&vec![b'x'; 1 << 20], "line 1 is longer than 65536 bytes");
        refused(
            b"\xff\xfe\x00\xd8",
            "cannot read the list of targets from hosts.txt",
        );
    }
}
