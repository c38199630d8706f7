//! Where in its program a stopped thread is: its stack, by the tables that the compilers leave for
//! exceptions.
//!
//! Only of programs that were built with debug information, since no other has lines to show; and
//! only on x86-64.

use std::collections::HashMap;
use std::fs;
use std::ops::Range;
use std::path::PathBuf;

use framehop::x86_64::{CacheX86_64, UnwindRegsX86_64, UnwinderX86_64};
use framehop::{ExplicitModuleSectionInfo, Module, Unwinder};
use object::elf::PF_X;
use object::{Object, ObjectSection, ObjectSegment, SegmentFlags};

use crate::lines::Origin;
use crate::ptrace::{self, Registers, memory, word};

/// So many stacks of a run are looked at: a long run repeats its lines.
const MOST_STACKS: usize = 5_000;
/// So many calls deep.
const MOST_FRAMES: usize = 100;
/// Files are in memory in pages of this size.
const PAGE: u64 = 4096;
/// So much of a stack is read at once.
const READ: usize = 16 * 1024;

/// The programs of a run, by their processes; `None` for one without debug information.
#[derive(Default)]
pub struct Stacks {
    programs: HashMap<u32, Option<Program>>,
    taken: usize,
}

/// A program, as it is in memory.
struct Program {
    file: PathBuf,
    unwinder: UnwinderX86_64<Vec<u8>>,
    cache: CacheX86_64,
    /// Where its own file is, and what that is away from the addresses in the file.
    own: Range<u64>,
    bias: u64,
}

impl Stacks {
    /// The process has become another program.
    pub fn forget(&mut self, process: u32) {
        self.programs.remove(&process);
    }

    /// Where a stopped thread is.
    pub fn of(&mut self, process: u32, tid: i32) -> Option<Origin> {
        if self.taken >= MOST_STACKS {
            return None;
        }
        let program = self
            .programs
            .entry(process)
            .or_insert_with(|| Program::of(tid))
            .as_mut()?;
        self.taken += 1;
        program.stack(tid)
    }
}

impl Program {
    fn of(tid: i32) -> Option<Self> {
        let file = fs::read_link(format!("/proc/{tid}/exe")).ok()?;
        let bytes = fs::read(&file).ok()?;
        object::File::parse(&*bytes)
            .ok()?
            .section_by_name(".debug_line")?;
        let mut program = Program {
            file,
            unwinder: UnwinderX86_64::new(),
            cache: CacheX86_64::new(),
            own: 0..0,
            bias: 0,
        };
        let maps = fs::read_to_string(format!("/proc/{tid}/maps")).ok()?;
        for mapped in Mapped::executable(&maps) {
            if mapped.file == program.file {
                let (module, bias) = mapped.module(&bytes)?;
                program.unwinder.add_module(module);
                program.own = mapped.addresses;
                program.bias = bias;
            } else if let Ok(bytes) = fs::read(&mapped.file)
                // A file that has gone, or is none, leaves a gap: a stack ends there.
                && let Some((module, _)) = mapped.module(&bytes)
            {
                program.unwinder.add_module(module);
            }
        }
        Some(program)
    }

    fn stack(&mut self, tid: i32) -> Option<Origin> {
        let Registers { pc, sp, bp } = ptrace::registers(tid).ok()?;
        let near = memory(tid, sp, READ);
        let mut read = |address: u64| {
            let at = address
                .checked_sub(sp)
                .and_then(|at| usize::try_from(at).ok());
            match at.filter(|at| at.saturating_add(8) <= near.len()) {
                Some(at) => Ok(word(&near, at)),
                None => match memory(tid, address, 8) {
                    bytes if bytes.len() == 8 => Ok(word(&bytes, 0)),
                    _ => Err(()),
                },
            }
        };
        let registers = UnwindRegsX86_64::new(pc, sp, bp);
        let mut frames = self
            .unwinder
            .iter_frames(pc, registers, &mut self.cache, &mut read);
        let mut addresses = Vec::new();
        for _ in 0..MOST_FRAMES {
            // A stack that cannot be followed further is known so far.
            let Ok(Some(frame)) = frames.next() else {
                break;
            };
            let address = frame.address_for_lookup();
            if self.own.contains(&address) {
                addresses.push(address.wrapping_sub(self.bias));
            }
        }
        Some(Origin::Stack {
            program: self.file.clone(),
            addresses,
        })
    }
}

/// The part of a file that is in memory as code: proc(5), /proc/PID/maps.
struct Mapped {
    addresses: Range<u64>,
    offset: u64,
    file: PathBuf,
}

impl Mapped {
    fn executable(maps: &str) -> Vec<Self> {
        let of_line = |line: &str| {
            let mut words = line.split_ascii_whitespace();
            let (start, end) = words.next()?.split_once('-')?;
            let hex = |text: &str| u64::from_str_radix(text, 16).ok();
            let rights = words.next()?;
            let offset = hex(words.next()?)?;
            let file = words.nth(2)?;
            (rights.contains('x') && file.starts_with('/')).then_some(Mapped {
                addresses: hex(start)?..hex(end)?,
                offset,
                file: file.into(),
            })
        };
        maps.lines().filter_map(of_line).collect()
    }

    /// Its tables, and what its place in memory is away from its addresses in the file.
    fn module(&self, bytes: &[u8]) -> Option<(Module<Vec<u8>>, u64)> {
        let file = object::File::parse(bytes).ok()?;
        // A segment may begin within a page, which is mapped from its beginning. The next page may
        // be that of another segment too, so the one that is code counts.
        let segment = file.segments().find(|segment| {
            let is_code = matches!(
                segment.flags(),
                SegmentFlags::Elf { p_flags, .. } if p_flags & PF_X != 0
            );
            is_code && segment.file_range().0 & !(PAGE - 1) == self.offset
        })?;
        let address = segment.address() & !(PAGE - 1);
        let bias = self.addresses.start.wrapping_sub(address);
        let range = |name: &str| {
            let section = file.section_by_name(name)?;
            Some(section.address()..section.address() + section.size())
        };
        let data = |name: &str| Some(file.section_by_name(name)?.data().ok()?.to_vec());
        let sections = ExplicitModuleSectionInfo {
            base_svma: 0,
            text_svma: range(".text"),
            text: data(".text"),
            got_svma: range(".got"),
            eh_frame_svma: range(".eh_frame"),
            eh_frame: data(".eh_frame"),
            eh_frame_hdr_svma: range(".eh_frame_hdr"),
            eh_frame_hdr: data(".eh_frame_hdr"),
            ..ExplicitModuleSectionInfo::default()
        };
        let name = self.file.display().to_string();
        let module = Module::new(name, self.addresses.clone(), bias, sections);
        Some((module, bias))
    }
}
