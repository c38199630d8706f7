//! What other people's peers write and the readers here do not know, put
//! into plain form: CBOR's half floats and tags (RFC 8949, section 3.4;
//! RFC 8746), MessagePack's extension types. The README has the table.
//!
//! The elements have been found well-formed before. One file,
//! since the three formats share their forms and their test.

use std::borrow::Cow;

use super::big_endian;
use super::cbor::{First, Reader};

/// An element in CBOR without half floats, tags and undefined; lent where it had none.
pub(super) fn cbor(element: &[u8]) -> Result<Cow<'_, [u8]>, String> {
    let mut reader = Reader::new(element);
    let is_plain = |head: &First| match head.major {
        6 => false,
        7 => matches!(head.short, 20..=22 | 26 | 27 | 31),
        _ => true,
    };
    // Each head is looked at; what is inside of strings is passed over.
    while reader.at < element.len() {
        let start = reader.at;
        let head = reader.first()?;
        if !is_plain(&head) {
            let mut out = Vec::with_capacity(element.len() + 16);
            out.extend_from_slice(&element[..start]);
            reader.at = start;
            while reader.at < element.len() {
                reader.one(&mut out)?;
            }
            return Ok(Cow::Owned(out));
        }
        reader.content(&head)?;
    }
    Ok(Cow::Borrowed(element))
}

impl<'a> Reader<'a> {
    /// The bytes of a string whose head was read; of all else there are none.
    fn content(&mut self, head: &First) -> Result<&'a [u8], String> {
        match head.major {
            2 | 3 if head.short != 31 => self.take(head.argument),
            _ => Ok(&[]),
        }
    }

    /// Takes one head with its string, or one tag with the value that it needs, in plain form.
    fn one(&mut self, out: &mut Vec<u8>) -> Result<(), String> {
        let start = self.at;
        let head = self.first()?;
        match (head.major, head.short) {
            (6, _) => self.tagged(head.argument, out)?,
            (7, 25) => float(f64::from(half(head.argument)), out),
            // Undefined.
            (7, 23) => out.push(0xf6),
            (7, 0..=19 | 24) => {
                return Err(format!(
                    "CBOR's simple value {} has no form here",
                    head.argument
                ));
            }
            _ => {
                self.content(&head)?;
                out.extend_from_slice(&self.bytes[start..self.at]);
            }
        }
        Ok(())
    }

    /// What a tag makes of the value behind it. A tag
    /// that only says what the value means is left out.
    fn tagged(&mut self, tag: u64, out: &mut Vec<u8>) -> Result<(), String> {
        match tag {
            2 | 3 => {
                let number = big_number(tag, &self.string("a big number")?)?;
                whole(number, out)
            }
            4 | 5 => {
                let number = self.fraction(tag)?;
                float(number, out);
                Ok(())
            }
            25 | 29 | 256 => Err(format!(
                "CBOR's tag {tag} refers to another value and has no form here"
            )),
            64 | 68 => {
                let bytes = self.string("an array of bytes")?;
                head(2, as_u64(bytes.len()), out);
                out.extend_from_slice(&bytes);
                Ok(())
            }
            65..=87 => {
                let bytes = self.string("an array of numbers")?;
                numbers(tag, &bytes, out)
            }
            // The value itself comes next.
            _ => Ok(()),
        }
    }

    /// A string of bytes, in one piece or several.
    fn string(&mut self, what: &str) -> Result<Vec<u8>, String> {
        let head = self.first()?;
        if head.major != 2 {
            return Err(format!("{what} in CBOR is made of bytes"));
        }
        if head.short != 31 {
            return Ok(self.take(head.argument)?.to_vec());
        }
        let mut bytes = Vec::new();
        loop {
            let piece = self.first()?;
            if piece.major == 7 {
                return Ok(bytes);
            }
            bytes.extend_from_slice(self.content(&piece)?);
        }
    }

    /// An exponent and a mantissa: of 10 (tag 4) or of 2 (5).
    /// The nearest float is as good as others' readers do.
    fn fraction(&mut self, tag: u64) -> Result<f64, String> {
        let odd = || format!("what CBOR's tag {tag} stands before is not two whole numbers");
        let list = self.first()?;
        if (list.major, list.argument) != (4, 2) {
            return Err(odd());
        }
        let mut parts = [0_i128; 2];
        for part in &mut parts {
            let head = self.first()?;
            *part = match (head.major, head.argument) {
                (0, number) => number.into(),
                (1, number) => -1 - i128::from(number),
                (6, tag @ (2 | 3)) => big_number(tag, &self.string("a big number")?)?,
                _ => return Err(odd()),
            };
        }
        let [exponent, mantissa] = parts;
        let number = if tag == 4 {
            format!("{mantissa}e{exponent}").parse().unwrap_or(f64::NAN)
        } else {
            let exponent = i32::try_from(exponent.clamp(-3000, 3000)).unwrap_or(0);
            // In two steps, so that neither leaves the range where the product does not.
            #[expect(clippy::cast_precision_loss, reason = "the nearest float is wanted")]
            let mantissa = mantissa as f64;
            mantissa * 2_f64.powi(exponent / 2) * 2_f64.powi(exponent - exponent / 2)
        };
        if number.is_finite() {
            Ok(number)
        } else {
            Err("a number beyond what a float can hold".to_string())
        }
    }
}

fn big_number(tag: u64, bytes: &[u8]) -> Result<i128, String> {
    let zeros = bytes.iter().take_while(|byte| **byte == 0).count();
    let bytes = &bytes[zeros..];
    if bytes.len() > 8 {
        return Err("a whole number beyond 64 bits has no form here".to_string());
    }
    let number = i128::from(big_endian(bytes));
    Ok(if tag == 2 { number } else { -1 - number })
}

/// Writes a whole number.
fn whole(number: i128, out: &mut Vec<u8>) -> Result<(), String> {
    let beyond = |_| "a whole number beyond 64 bits has no form here".to_string();
    if number >= 0 {
        head(0, u64::try_from(number).map_err(beyond)?, out);
    } else {
        head(1, u64::try_from(-1 - number).map_err(beyond)?, out);
    }
    Ok(())
}

fn float(number: f64, out: &mut Vec<u8>) {
    out.push(0xfb);
    out.extend_from_slice(&number.to_be_bytes());
}

fn head(major: u8, argument: u64, out: &mut Vec<u8>) {
    let first = out.len();
    super::cbor::number(out, argument);
    out[first] |= major << 5;
}

/// An array of numbers of one kind (RFC 8746, section 2.1), as a list.
fn numbers(tag: u64, bytes: &[u8], out: &mut Vec<u8>) -> Result<(), String> {
    let is = |bit: u64| tag & bit != 0;
    let (is_float, is_signed, is_little) = (is(0x10), is(0x08), is(0x04));
    let width = 1 << ((tag & 3) + u64::from(is_float));
    if width > 8 || tag == 76 {
        return Err(format!("CBOR's tag {tag} has no form here"));
    }
    if !bytes.len().is_multiple_of(width) {
        return Err("an array of numbers ends in the middle of one".to_string());
    }
    head(4, as_u64(bytes.len() / width), out);
    for number in bytes.chunks_exact(width) {
        let mut in_order = [0; 8];
        in_order[..width].copy_from_slice(number);
        if is_little {
            in_order[..width].reverse();
        }
        let bits = big_endian(&in_order[..width]);
        match (is_float, width) {
            (true, 2) => float(f64::from(half(bits)), out),
            (true, 4) => {
                let bits = u32::try_from(bits).unwrap_or(0);
                float(f64::from(f32::from_bits(bits)), out);
            }
            (true, _) => float(f64::from_bits(bits), out),
            (false, _) if is_signed => {
                let spare = 64 - 8 * width;
                whole(i128::from((bits << spare).cast_signed() >> spare), out)?;
            }
            (false, _) => head(0, bits, out),
        }
    }
    Ok(())
}

/// A float of 16 bits (IEEE 754): 1 for the sign, 5 for the exponent, 10 for the fraction.
fn half(bits: u64) -> f32 {
    let bits = u32::try_from(bits & 0xffff).unwrap_or(0);
    let (sign, exponent, fraction) = (bits >> 15, bits >> 10 & 0x1f, bits & 0x3ff);
    match exponent {
        // Too small for the usual form: so many times 2^-24.
        0 => {
            let small = f32::from(u16::try_from(fraction).unwrap_or(0)) * 2_f32.powi(-24);
            if sign == 1 { -small } else { small }
        }
        0x1f => f32::from_bits(sign << 31 | 0x7f80_0000 | fraction << 13),
        _ => f32::from_bits(sign << 31 | (exponent + 112) << 23 | fraction << 13),
    }
}

fn as_u64(length: usize) -> u64 {
    u64::try_from(length).unwrap_or(u64::MAX)
}

/// An element in MessagePack without extension types; lent where it had none.
pub(super) fn msgpack(element: &[u8]) -> Result<Cow<'_, [u8]>, String> {
    let mut reader = Reader::new(element);
    let mut out: Option<Vec<u8>> = None;
    while reader.at < element.len() {
        let start = reader.at;
        let first = reader.take(1)?[0];
        let extension = match first {
            0xc7..=0xc9 => Some(big_endian(reader.take(1 << (first - 0xc7))?)),
            0xd4..=0xd8 => Some(1 << (first - 0xd4)),
            _ => None,
        };
        if let Some(length) = extension {
            let kind = reader.take(1)?[0].cast_signed();
            let data = reader.take(length)?;
            let out = out.get_or_insert_with(|| element[..start].to_vec());
            if (kind, data) == UNDEFINED {
                out.push(0xc0);
            } else {
                timestamp(kind, data, out)?;
            }
            continue;
        }
        let content = match first {
            0xa0..=0xbf => u64::from(first & 0x1f),
            0xc4 | 0xd9 => big_endian(reader.take(1)?),
            0xc5 | 0xda => big_endian(reader.take(2)?),
            0xc6 | 0xdb => big_endian(reader.take(4)?),
            0xcc | 0xd0 => 1,
            0xcd | 0xd1 | 0xdc | 0xde => 2,
            0xca | 0xce | 0xd2 | 0xdd | 0xdf => 4,
            0xcb | 0xcf | 0xd3 => 8,
            _ => 0,
        };
        reader.take(content)?;
        if let Some(out) = &mut out {
            out.extend_from_slice(&element[start..reader.at]);
        }
    }
    Ok(out.map_or(Cow::Borrowed(element), Cow::Owned))
}

/// The extension that libraries for JavaScript (msgpack5, msgpackr) write for its undefined.
const UNDEFINED: (i8, &[u8]) = (0, &[0]);

/// The one extension type that MessagePack itself has: seconds since 1970, as CBOR's tag 1.
fn timestamp(kind: i8, data: &[u8], out: &mut Vec<u8>) -> Result<(), String> {
    let (seconds, nanoseconds) = match (kind, data.len()) {
        (-1, 4) => (big_endian(data).cast_signed(), 0),
        (-1, 8) => {
            let both = big_endian(data);
            ((both & 0x3_ffff_ffff).cast_signed(), both >> 34)
        }
        (-1, 12) => (big_endian(&data[4..]).cast_signed(), big_endian(&data[..4])),
        _ => {
            return Err(format!(
                "MessagePack's extension type {kind} is known to nobody but its application and has no form here"
            ));
        }
    };
    if nanoseconds == 0 {
        out.push(0xd3);
        out.extend_from_slice(&seconds.to_be_bytes());
    } else {
        #[expect(clippy::cast_precision_loss, reason = "the nearest float is wanted")]
        let seconds = seconds as f64 + nanoseconds as f64 / 1e9;
        out.push(0xcb);
        out.extend_from_slice(&seconds.to_be_bytes());
    }
    Ok(())
}

/// Whole numbers in JSON that a reader would silently
/// take for floats, since they are beyond 64 bits.
pub(super) fn json(element: &[u8]) -> Result<(), String> {
    let mut at = 0;
    while let Some(byte) = element.get(at) {
        match byte {
            b'"' => {
                at += 1;
                while element.get(at).is_some_and(|byte| *byte != b'"') {
                    at += if element[at] == b'\\' { 2 } else { 1 };
                }
                at += 1;
            }
            b'-' | b'0'..=b'9' => {
                let is_part =
                    |byte: &&u8| matches!(byte, b'0'..=b'9' | b'.' | b'e' | b'E' | b'+' | b'-');
                let length = element[at..].iter().take_while(is_part).count();
                let number = &element[at..at + length];
                let is_whole = number.iter().all(|byte| matches!(byte, b'0'..=b'9' | b'-'));
                if is_whole && length > 18 {
                    let number = std::str::from_utf8(number).unwrap_or_default();
                    if number.parse::<i64>().is_err() && number.parse::<u64>().is_err() {
                        return Err("a whole number beyond 64 bits has no form here".to_string());
                    }
                }
                at += length;
            }
            _ => at += 1,
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::super::{Value, read, split, write};
    use super::*;
    use crate::messages::Format;

    /// Any CBOR that others may write: tags before anything,
    /// floats of all widths, lists without a count.
    fn any_cbor() -> impl Strategy<Value = Vec<u8>> {
        let with_head = |major: u8, bytes: Vec<u8>| {
            let mut out = Vec::new();
            head(major, as_u64(bytes.len()), &mut out);
            [out, bytes].concat()
        };
        let leaf = prop_oneof![
            any::<u64>().prop_map(|number| {
                let mut out = Vec::new();
                head(u8::try_from(number & 1).unwrap(), number >> 3, &mut out);
                out
            }),
            any::<[u8; 2]>().prop_map(|half| vec![0xf9, half[0], half[1]]),
            any::<f32>().prop_map(|float| [&[0xfa][..], &float.to_be_bytes()].concat()),
            any::<f64>().prop_map(|float| [&[0xfb][..], &float.to_be_bytes()].concat()),
            (0xf4..=0xf7_u8).prop_map(|simple| vec![simple]),
            prop::collection::vec(any::<u8>(), 0..20).prop_map(move |bytes| with_head(2, bytes)),
            "[a-z]{0,5}".prop_map(move |text| with_head(3, text.into_bytes())),
        ];
        leaf.prop_recursive(4, 32, 4, |inner| {
            let tag = prop_oneof![0_u64..100, any::<u64>()];
            let items = || prop::collection::vec(inner.clone(), 0..4);
            prop_oneof![
                (tag, inner.clone()).prop_map(|(tag, value)| {
                    let mut out = Vec::new();
                    head(6, tag, &mut out);
                    [out, value].concat()
                }),
                items().prop_map(|items| {
                    let count = u8::try_from(items.len()).unwrap();
                    [vec![0x80 | count], items.concat()].concat()
                }),
                items().prop_map(|items| [vec![0x9f], items.concat(), vec![0xff]].concat()),
                items().prop_map(|items| {
                    let count = u8::try_from(items.len()).unwrap();
                    let pair = |(place, item): (u8, Vec<u8>)| [vec![0x61, b'a' + place], item];
                    let pairs = (0..count).zip(items).flat_map(pair);
                    [vec![0xa0 | count], pairs.flatten().collect()].concat()
                }),
            ]
        })
    }

    proptest! {
        /// Whatever comes, it gets a plain form that every reader here knows, or an error; and that
        /// form keeps its value from serialization to serialization and back.
        #[test]
        fn what_has_a_form_keeps_it_in_each_serialization(element in any_cbor()) {
            let message = [vec![0x81], element.clone()].concat();
            prop_assert!(split(Format::Cbor, &message).is_ok(), "the test's own CBOR is well-formed");
            let Ok(form) = cbor(&element) else { return Ok(()) };
            prop_assert!(matches!(cbor(&form), Ok(Cow::Borrowed(_))), "it is plain");
            // A whole number below -2^63 is well-formed, and has no place in 64 bits.
            let Ok(value) = read::<Value>(Format::Cbor, &element) else { return Ok(()) };
            for format in Format::ALL {
                match write(format, &value) {
                    Ok(bytes) => {
                        let again: Value = read(format, &bytes).unwrap();
                        // NaN is not equal to itself.
                        prop_assert_eq!(format!("{again:?}"), format!("{value:?}"));
                    }
                    Err(error) => {
                        prop_assert_eq!(format, Format::Json, "{}", error);
                        prop_assert!(error.to_string().contains("NaN"), "{}", error);
                    }
                }
            }
        }

        #[test]
        fn no_bytes_make_a_reader_panic(bytes in prop::collection::vec(any::<u8>(), 0..64)) {
            let _read = (cbor(&bytes), msgpack(&bytes), json(&bytes));
        }
    }

    /// The example of RFC 8949, appendix A, and others.
    #[test]
    fn halves_are_the_floats_that_the_specification_says() {
        for (bits, number) in [
            (0x0000, 0.0),
            (0x3c00, 1.0),
            (0x3e00, 1.5),
            (0x7bff, 65504.0),
            (0x0001, 5.960_464_5e-8),
            (0x0400, 6.103_515_6e-5),
            (0xc400, -4.0),
            (0x7c00, f32::INFINITY),
            (0xfc00, f32::NEG_INFINITY),
        ] {
            assert_eq!(half(bits).to_bits(), f32::to_bits(number), "{bits:04x}");
        }
        assert!(half(0x7e00).is_nan());
        assert!(half(0x8000).is_sign_negative());
    }

    #[test]
    fn what_is_plain_is_lent() {
        let plain = [0x83, 0x01, 0x61, 0x66, 0xfb, 0, 0, 0, 0, 0, 0, 0, 0];
        assert!(matches!(cbor(&plain), Ok(Cow::Borrowed(_))));
        let plain = [0x93, 0x01, 0xa1, 0xd4, 0xcb, 0, 0, 0, 0, 0, 0, 0, 0];
        assert!(matches!(msgpack(&plain), Ok(Cow::Borrowed(_))));
    }

    #[test]
    fn whole_numbers_beyond_64_bits_are_found_outside_of_strings() {
        for good in [
            "[18446744073709551615, -9223372036854775808]",
            "[1e30, 123456789012345678901.5]",
            r#"["123456789012345678901234567890", "\"123456789012345678901234567890"]"#,
            "[]",
        ] {
            assert_eq!(json(good.as_bytes()), Ok(()), "{good}");
        }
        for bad in [
            "[18446744073709551616]",
            "[-9223372036854775809]",
            r#"[{"a": ["\\", 123456789012345678901234567890]}]"#,
        ] {
            assert!(json(bad.as_bytes()).is_err(), "{bad}");
        }
    }
}
