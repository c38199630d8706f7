//! A packet socket whose packets the kernel puts into memory that this process shares: packet(7),
//! `PACKET_RX_RING`.
//!
//! Two reasons. A socket's queue counts a whole packet, however little of it is kept, and an
//! ordinary user may not make the queue longer: a few packets of 64 KB fill it. And a reader that
//! is woken for each packet takes the processor from the programs.

use std::ffi::c_int;
use std::io;
use std::mem::{offset_of, size_of, size_of_val};
use std::os::fd::{AsRawFd, OwnedFd};
use std::ptr::{self, NonNull};
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use anyhow::Context;
use libc::{tpacket_req, tpacket_stats, tpacket2_hdr};
use nix::sys::socket::{
    AddressFamily, SockFlag, SockProtocol, SockType, setsockopt, socket, sockopt,
};

/// What a frame has before its packet: a header, and the address that it came from.
const HEAD: usize = 128;
/// The kernel takes the memory in blocks, and each holds whole frames.
const BLOCK: usize = 128 << 10;

/// A socket that captures, and its memory.
pub struct Ring {
    socket: OwnedFd,
    memory: NonNull<u8>,
    frame: usize,
    frames: usize,
    /// The frame that the kernel fills next, or has filled.
    next: usize,
}

// SAFETY: the memory is this value's alone, but for the kernel, which asks for no thread.
#[allow(unsafe_code, reason = "it holds a pointer")]
unsafe impl Send for Ring {}

impl Ring {
    /// Captures the packets of a protocol on the network that the calling thread is in: of each at
    /// most so many bytes, and at most so many `blocks` of 128 KiB until they are read.
    pub fn open(protocol: SockProtocol, most: usize, blocks: usize) -> anyhow::Result<Self> {
        let socket = socket(
            AddressFamily::Packet,
            SockType::Datagram,
            SockFlag::SOCK_CLOEXEC,
            protocol,
        )
        .context("cannot capture packets (socket)")?;
        // Otherwise the time is that of the copy.
        setsockopt(&socket, sockopt::ReceiveTimestampns, &true).context("no times of packets")?;
        // A power of two, so that a block has no rest.
        let frame = (most + HEAD).next_power_of_two();
        let frames = blocks * (BLOCK / frame);
        let number = |size: usize| u32::try_from(size).map_err(io::Error::other);
        let request = tpacket_req {
            tp_block_size: number(BLOCK)?,
            tp_block_nr: number(blocks)?,
            tp_frame_size: number(frame)?,
            tp_frame_nr: number(frames)?,
        };
        set(
            &socket,
            libc::PACKET_VERSION,
            &libc::tpacket_versions::TPACKET_V2,
        )
        .context("cannot capture packets (PACKET_VERSION)")?;
        set(&socket, libc::PACKET_RX_RING, &request)
            .context("cannot capture packets (PACKET_RX_RING)")?;
        let memory = map(&socket, blocks * BLOCK).context("cannot capture packets (mmap)")?;
        let next = 0;
        Ok(Ring {
            socket,
            memory,
            frame,
            frames,
            next,
        })
    }

    /// The next packet, if there is one: its time since 1970. Its first bytes are then in `packet`.
    #[allow(unsafe_code, reason = "no crate has this way to capture")]
    pub fn next(&mut self, packet: &mut Vec<u8>) -> Option<Duration> {
        const STATUS: usize = offset_of!(tpacket2_hdr, tp_status);
        // SAFETY: the memory has `frames` frames, and `next` is below that. A frame begins at a
        // multiple of 256 with a header, whose first word is its status; both the kernel and this
        // process change it as a whole.
        let (start, status) = unsafe {
            let start = self.memory.add(self.next * self.frame);
            (
                start,
                AtomicU32::from_ptr(start.add(STATUS).cast().as_ptr()),
            )
        };
        if status.load(Ordering::Acquire) & libc::TP_STATUS_USER == 0 {
            return None;
        }
        // SAFETY: the frame is this process's until its status is changed.
        let header = unsafe { start.cast::<tpacket2_hdr>().read() };
        let (from, length) = (usize::from(header.tp_net), header.tp_snaplen as usize);
        packet.clear();
        if let Some(room) = self.frame.checked_sub(from) {
            // SAFETY: as above, and the bytes end with the frame.
            let bytes =
                unsafe { std::slice::from_raw_parts(start.add(from).as_ptr(), length.min(room)) };
            packet.extend_from_slice(bytes);
        }
        status.store(libc::TP_STATUS_KERNEL, Ordering::Release);
        self.next = (self.next + 1) % self.frames;
        Some(Duration::new(header.tp_sec.into(), header.tp_nsec))
    }

    /// How many packets there was no room for since this was asked last.
    #[allow(unsafe_code, reason = "no crate asks for it")]
    pub fn missed(&self) -> io::Result<u32> {
        let mut counts = tpacket_stats {
            tp_packets: 0,
            tp_drops: 0,
        };
        let mut size = libc::socklen_t::try_from(size_of_val(&counts)).map_err(io::Error::other)?;
        // SAFETY: the kernel writes at most `size` bytes at `counts`, which has as many.
        let asked = unsafe {
            libc::getsockopt(
                self.socket.as_raw_fd(),
                libc::SOL_PACKET,
                libc::PACKET_STATISTICS,
                ptr::from_mut(&mut counts).cast(),
                &raw mut size,
            )
        };
        match asked {
            0 => Ok(counts.tp_drops),
            _ => Err(io::Error::last_os_error()),
        }
    }
}

impl Drop for Ring {
    #[allow(unsafe_code, reason = "the memory was mapped by hand")]
    fn drop(&mut self) {
        // SAFETY: it was mapped with this length, and nothing refers to it any more. It can only
        // fail if it is not mapped.
        let _ = unsafe { libc::munmap(self.memory.as_ptr().cast(), self.frames * self.frame) };
    }
}

#[allow(unsafe_code, reason = "no crate sets these options")]
fn set<T>(socket: &OwnedFd, option: c_int, value: &T) -> io::Result<()> {
    let size = libc::socklen_t::try_from(size_of::<T>()).map_err(io::Error::other)?;
    // SAFETY: the kernel reads `size` bytes at `value`, which has as many.
    let done = unsafe {
        libc::setsockopt(
            socket.as_raw_fd(),
            libc::SOL_PACKET,
            option,
            ptr::from_ref(value).cast(),
            size,
        )
    };
    match done {
        0 => Ok(()),
        _ => Err(io::Error::last_os_error()),
    }
}

#[allow(unsafe_code, reason = "the standard library does not map memory")]
fn map(socket: &OwnedFd, length: usize) -> io::Result<NonNull<u8>> {
    let (access, shared) = (libc::PROT_READ | libc::PROT_WRITE, libc::MAP_SHARED);
    // SAFETY: the kernel chooses the place, where nothing was.
    let memory = unsafe {
        libc::mmap(
            ptr::null_mut(),
            length,
            access,
            shared,
            socket.as_raw_fd(),
            0,
        )
    };
    if memory == libc::MAP_FAILED {
        return Err(io::Error::last_os_error());
    }
    NonNull::new(memory.cast()).ok_or_else(|| io::Error::other("memory at 0"))
}
