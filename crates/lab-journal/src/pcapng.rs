//! Captured packets as a file of pcapng, which Wireshark and tshark read.
//!
//! Three kinds of blocks are enough: the section header, one interface, and a packet each with a
//! comment (draft-ietf-opsawg-pcapng, sections 4.1 to 4.3).

/// A packet, from its IP header on.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Packet {
    /// When it was on the wire: nanoseconds since 1970.
    pub at: u64,
    /// Its bytes, as far as they were kept.
    pub bytes: Vec<u8>,
    /// How many it had.
    pub length: u32,
    /// What is said of it, or nothing.
    pub comment: String,
}

const SECTION_HEADER: u32 = 0x0A0D_0D0A;
const INTERFACE: u32 = 1;
const ENHANCED_PACKET: u32 = 6;
/// Tells a reader the order of the bytes.
const BYTE_ORDER: u32 = 0x1A2B_3C4D;
/// A packet begins with its IP header: LINKTYPE_RAW.
const RAW_IP: u16 = 101;
const END_OF_OPTIONS: u16 = 0;
const COMMENT: u16 = 1;
/// The unit of times, as a power of ten.
const TIME_UNIT: u16 = 9;
const NANOSECONDS: u8 = 9;

/// The packets as the bytes of a file.
#[must_use]
pub fn file(packets: &[Packet]) -> Vec<u8> {
    let mut out = Vec::new();
    let mut section = Vec::new();
    section.extend(BYTE_ORDER.to_le_bytes());
    section.extend(1_u16.to_le_bytes());
    section.extend(0_u16.to_le_bytes());
    // How long the section is need not be told.
    section.extend(u64::MAX.to_le_bytes());
    block(&mut out, SECTION_HEADER, &section);
    let mut interface = Vec::new();
    interface.extend(RAW_IP.to_le_bytes());
    interface.extend(0_u16.to_le_bytes());
    // No limit to the bytes of a packet.
    interface.extend(0_u32.to_le_bytes());
    option(&mut interface, TIME_UNIT, &[NANOSECONDS]);
    option(&mut interface, END_OF_OPTIONS, &[]);
    block(&mut out, INTERFACE, &interface);
    for packet in packets {
        let mut body = Vec::new();
        body.extend(0_u32.to_le_bytes());
        let [low, high] = halves(packet.at);
        body.extend(high.to_le_bytes());
        body.extend(low.to_le_bytes());
        let kept = u32::try_from(packet.bytes.len()).unwrap_or(u32::MAX);
        body.extend(kept.to_le_bytes());
        body.extend(packet.length.to_le_bytes());
        padded(&mut body, &packet.bytes);
        if !packet.comment.is_empty() {
            option(&mut body, COMMENT, packet.comment.as_bytes());
            option(&mut body, END_OF_OPTIONS, &[]);
        }
        block(&mut out, ENHANCED_PACKET, &body);
    }
    out
}

/// The lower and the upper half.
fn halves(number: u64) -> [u32; 2] {
    let [a, b, c, d, e, f, g, h] = number.to_le_bytes();
    [
        u32::from_le_bytes([a, b, c, d]),
        u32::from_le_bytes([e, f, g, h]),
    ]
}

/// A block: its kind, its length, its body, its length again.
fn block(out: &mut Vec<u8>, kind: u32, body: &[u8]) {
    const AROUND: usize = 12;
    let length = u32::try_from(body.len() + AROUND).unwrap_or(u32::MAX);
    out.extend(kind.to_le_bytes());
    out.extend(length.to_le_bytes());
    out.extend(body);
    out.extend(length.to_le_bytes());
}

fn option(out: &mut Vec<u8>, code: u16, value: &[u8]) {
    // A longer comment than 64 KiB is cut: its length has 16 bits.
    let value = &value[..value.len().min(usize::from(u16::MAX))];
    let length = u16::try_from(value.len()).unwrap_or(u16::MAX);
    out.extend(code.to_le_bytes());
    out.extend(length.to_le_bytes());
    padded(out, value);
}

/// The bytes, and zeros up to a multiple of four.
fn padded(out: &mut Vec<u8>, bytes: &[u8]) {
    out.extend(bytes);
    out.resize(out.len().next_multiple_of(4), 0);
}
