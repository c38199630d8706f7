//! The lines of several programs in one terminal, each labeled with whose it is.
//!
//! ```text
//! server : listening on 127.0.0.1:65432      a line of stderr
//! client │ Server says: 15                   a line of stdout
//! ```
//!
//! What a program prints to stdout goes to our stdout, the rest to our stderr: `cargo lab run
//! EXERCISE 2>/dev/null` is the transcript alone.

use std::env;
use std::io::{self, IsTerminal, Write};
use std::time::{Duration, Instant};

use anyhow::Context;
use lab_core::process::{self, Stream};

/// How long the beginning of a line waits for its rest before it is shown. Python writes a line and
/// its end with two system calls; without this, another program's line would often come between.
const REST_PATIENCE: Duration = Duration::from_millis(50);
/// A longer beginning, in bytes, is shown without waiting.
const LONGEST: usize = 16 * 1024;

/// How a program's lines are labeled.
#[derive(Debug, Clone, Copy)]
pub struct Label {
    /// `server`.
    pub name: &'static str,
    /// The label's color, a parameter of the terminal's `SGR` sequence (ECMA-48, 8.3.117).
    pub color: u8,
    /// A Python program: it ends at Ctrl-C with a traceback, which is not shown.
    pub python: bool,
    /// It reads what the user types: a line that it has
    /// begun, a prompt, is ended by the user's Enter.
    pub reads_keyboard: bool,
}

/// The terminal, or whatever stdout and stderr are. `Out` stands for both in the tests.
pub struct Screen<Out = Terminal> {
    out: Out,
    /// Labels have this many characters.
    width: usize,
    sources: Vec<Source>,
    /// The line that the last shown bytes have left open: whose, on which stream.
    open: Option<(&'static str, Stream)>,
}

/// Where bytes go, and whether they may be colored.
pub trait Target {
    /// Writes all of it at once, so that it is seen at once.
    ///
    /// # Errors
    ///
    /// When stdout is closed.
    fn write(&mut self, stream: Stream, bytes: &[u8]) -> anyhow::Result<()>;
    /// Whether the stream is a terminal for a user who likes colors.
    fn colored(&self, stream: Stream) -> bool;
}

/// This program's own stdout and stderr.
#[derive(Debug)]
pub struct Terminal {
    stdout: bool,
    stderr: bool,
}

/// One program's stream.
struct Source {
    label: Label,
    stream: Stream,
    /// What has come since the last line end and is not shown yet.
    pending: Vec<u8>,
    /// When it came.
    since: Instant,
    /// The lines of a traceback that has not ended yet.
    traceback: Vec<Vec<u8>>,
}

impl Screen {
    /// For labels of at most `width` characters.
    pub fn new(width: usize) -> Self {
        Screen::on(Terminal::new(), width)
    }
}

impl<Out: Target> Screen<Out> {
    fn on(out: Out, width: usize) -> Self {
        Screen {
            out,
            width,
            sources: Vec::new(),
            open: None,
        }
    }

    /// Shows what came on a stream: whole lines at once,
    /// the beginning of a line when its rest keeps out.
    ///
    /// # Errors
    ///
    /// When stdout is closed.
    pub fn feed(&mut self, label: Label, stream: Stream, bytes: &[u8]) -> anyhow::Result<()> {
        let place = self.place(label, stream);
        for piece in bytes.split_inclusive(|byte| *byte == b'\n') {
            let source = &mut self.sources[place];
            if source.pending.is_empty() {
                source.since = Instant::now();
            }
            source.pending.extend_from_slice(piece);
            if piece.ends_with(b"\n") {
                let line = std::mem::take(&mut source.pending);
                self.line(place, line)?;
            } else if source.pending.len() > LONGEST {
                self.part(place)?;
            }
        }
        Ok(())
    }

    /// Shows the rest of a stream that has ended.
    ///
    /// # Errors
    ///
    /// When stdout is closed.
    pub fn end(&mut self, label: Label, stream: Stream) -> anyhow::Result<()> {
        let place = self.place(label, stream);
        self.part(place)?;
        for line in std::mem::take(&mut self.sources[place].traceback) {
            self.show(place, &line)?;
        }
        if self.open == Some((label.name, stream)) {
            self.open = None;
            self.out.write(stream, b"\n")?;
        }
        Ok(())
    }

    /// Shows the beginnings of lines whose rest has kept out long enough.
    ///
    /// # Errors
    ///
    /// When stdout is closed.
    pub fn show_beginnings(&mut self, now: Instant) -> anyhow::Result<()> {
        for place in 0..self.sources.len() {
            if self.sources[place].due().is_some_and(|due| due <= now) {
                self.part(place)?;
            }
        }
        Ok(())
    }

    /// When [`Screen::show_beginnings`] has something to do next.
    pub fn due(&self) -> Option<Instant> {
        self.sources.iter().filter_map(Source::due).min()
    }

    fn place(&mut self, label: Label, stream: Stream) -> usize {
        let known = |source: &Source| source.label.name == label.name && source.stream == stream;
        self.sources.iter().position(known).unwrap_or_else(|| {
            self.sources.push(Source {
                label,
                stream,
                pending: Vec::new(),
                since: Instant::now(),
                traceback: Vec::new(),
            });
            self.sources.len() - 1
        })
    }

    /// A whole line, its end included.
    fn line(&mut self, place: usize, line: Vec<u8>) -> anyhow::Result<()> {
        let source = &mut self.sources[place];
        if source.label.python && source.stream == Stream::Stderr {
            let begins = line.starts_with(b"Traceback (most recent call last)");
            let within = !source.traceback.is_empty() && line.starts_with(b" ");
            if begins || within {
                source.traceback.push(line);
                return Ok(());
            }
            let traceback = std::mem::take(&mut source.traceback);
            if !traceback.is_empty() {
                if line.starts_with(b"KeyboardInterrupt") {
                    return Ok(()); // The user's Ctrl-C is not an error.
                }
                for line in traceback {
                    self.show(place, &line)?;
                }
            }
        }
        self.show(place, &line)
    }

    /// Shows a line's beginning now.
    fn part(&mut self, place: usize) -> anyhow::Result<()> {
        let part = std::mem::take(&mut self.sources[place].pending);
        if part.is_empty() {
            return Ok(());
        }
        self.show(place, &part)
    }

    fn show(&mut self, place: usize, text: &[u8]) -> anyhow::Result<()> {
        if process::stopping() {
            return Ok(());
        }
        let Source { label, stream, .. } = self.sources[place];
        let mut bytes = Vec::with_capacity(text.len() + 32);
        let same = self.open == Some((label.name, stream));
        let entered = match self.open {
            Some((name, _)) => self
                .sources
                .iter()
                .any(|s| s.label.name == name && s.label.reads_keyboard),
            None => false,
        };
        if self.open.is_some() && !same && !entered {
            // Somebody else's line is open: it ends here.
            self.out
                .write(self.open.map_or(stream, |(_, stream)| stream), b"\n")?;
        }
        // A prompt's line was ended by the user's Enter, unless nothing but the line's end comes.
        let goes_on = same && (!entered || text == b"\n");
        if !goes_on {
            bytes.extend(
                label
                    .shown(stream, self.width, self.out.colored(stream))
                    .bytes(),
            );
        }
        bytes.extend_from_slice(text);
        self.open = (!text.ends_with(b"\n")).then_some((label.name, stream));
        self.out.write(stream, &bytes)
    }
}

impl Source {
    fn due(&self) -> Option<Instant> {
        (!self.pending.is_empty()).then(|| self.since + REST_PATIENCE)
    }
}

impl Label {
    fn shown(&self, stream: Stream, width: usize, colored: bool) -> String {
        let mark = match stream {
            Stream::Stdout => '│',
            Stream::Stderr => ':',
        };
        let name = self.name;
        match colored {
            true => format!("\x1b[{}m{name:<width$} {mark}\x1b[0m ", self.color),
            false => format!("{name:<width$} {mark} "),
        }
    }
}

impl Terminal {
    fn new() -> Self {
        let colored = env::var_os("NO_COLOR").is_none_or(|value| value.is_empty())
            && env::var_os("TERM").is_none_or(|value| value != "dumb")
            // An old Windows console shows the sequences as they are.
            && (cfg!(not(windows)) || env::var_os("WT_SESSION").is_some());
        Terminal {
            stdout: colored && io::stdout().is_terminal(),
            stderr: colored && io::stderr().is_terminal(),
        }
    }
}

impl Target for Terminal {
    fn write(&mut self, stream: Stream, bytes: &[u8]) -> anyhow::Result<()> {
        match stream {
            Stream::Stdout => {
                let mut stdout = io::stdout().lock();
                stdout
                    .write_all(bytes)
                    .and_then(|()| stdout.flush())
                    .context("cannot write to stdout")
            }
            Stream::Stderr => {
                // If stderr is closed the line is lost, which is no reason to stop.
                let _nobody_to_tell = io::stderr().lock().write_all(bytes);
                Ok(())
            }
        }
    }

    fn colored(&self, stream: Stream) -> bool {
        match stream {
            Stream::Stdout => self.stdout,
            Stream::Stderr => self.stderr,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Both streams in one text.
    #[derive(Default)]
    struct Paper {
        text: Vec<u8>,
        colored: bool,
    }

    impl Target for Paper {
        fn write(&mut self, _: Stream, bytes: &[u8]) -> anyhow::Result<()> {
            self.text.extend_from_slice(bytes);
            Ok(())
        }

        fn colored(&self, _: Stream) -> bool {
            self.colored
        }
    }

    const SERVER: Label = Label {
        name: "server",
        color: 36,
        python: true,
        reads_keyboard: false,
    };
    const CLIENT: Label = Label {
        name: "client",
        color: 32,
        python: false,
        reads_keyboard: false,
    };

    fn screen() -> Screen<Paper> {
        Screen::on(Paper::default(), 6)
    }

    fn text(screen: &Screen<Paper>) -> String {
        String::from_utf8(screen.out.text.clone()).unwrap()
    }

    /// Shows the beginnings of lines as if their time were up.
    fn wait(screen: &mut Screen<Paper>) {
        screen
            .show_beginnings(Instant::now() + REST_PATIENCE)
            .unwrap();
    }

    #[test]
    fn every_line_is_labeled_and_the_streams_are_told_apart() {
        let mut screen = screen();
        screen.feed(SERVER, Stream::Stderr, b"listening\n").unwrap();
        screen
            .feed(CLIENT, Stream::Stdout, b"one\ntwo\n\n")
            .unwrap();
        assert_eq!(
            text(&screen),
            "server : listening\nclient │ one\nclient │ two\nclient │ \n"
        );
    }

    #[test]
    fn color_is_in_the_label_alone() {
        let mut screen = screen();
        screen.out.colored = true;
        screen.feed(CLIENT, Stream::Stdout, b"one\n").unwrap();
        assert_eq!(text(&screen), "\x1b[32mclient │\x1b[0m one\n");
    }

    #[test]
    fn a_line_that_comes_in_pieces_is_shown_whole_although_another_speaks_between() {
        let mut screen = screen();
        screen.feed(SERVER, Stream::Stdout, b"Connected").unwrap();
        screen.feed(CLIENT, Stream::Stdout, b"hello\n").unwrap();
        screen.feed(SERVER, Stream::Stdout, b" by\n").unwrap();
        assert_eq!(text(&screen), "client │ hello\nserver │ Connected by\n");
    }

    #[test]
    fn a_prompt_is_shown_while_its_line_is_open_and_continued_when_more_comes() {
        let mut screen = screen();
        screen.feed(CLIENT, Stream::Stdout, b"guess: ").unwrap();
        assert_eq!(text(&screen), "");
        assert!(screen.due().is_some());
        wait(&mut screen);
        assert!(screen.due().is_none());
        assert_eq!(text(&screen), "client │ guess: ");
        screen.feed(CLIENT, Stream::Stdout, b"50\n").unwrap();
        assert_eq!(text(&screen), "client │ guess: 50\n");
    }

    #[test]
    fn an_open_line_is_ended_before_another_begins_and_at_the_end() {
        let mut screen = screen();
        screen.feed(CLIENT, Stream::Stdout, b"guess: ").unwrap();
        wait(&mut screen);
        screen.feed(SERVER, Stream::Stdout, b"one\n").unwrap();
        screen.feed(CLIENT, Stream::Stdout, b"half").unwrap();
        screen.end(CLIENT, Stream::Stdout).unwrap();
        assert_eq!(
            text(&screen),
            "client │ guess: \nserver │ one\nclient │ half\n"
        );
    }

    #[test]
    fn the_users_enter_ends_a_prompts_line() {
        let typing = Label {
            reads_keyboard: true,
            ..CLIENT
        };
        let mut screen = screen();
        for answer in [b"HIGHER\n", b"LOWER!\n"] {
            screen.feed(typing, Stream::Stdout, b"? ").unwrap();
            wait(&mut screen);
            // Here the terminal itself shows what is typed, Enter included.
            screen.out.text.extend(b"50\n");
            screen.feed(SERVER, Stream::Stdout, b"guess 50\n").unwrap();
            screen.feed(typing, Stream::Stdout, answer).unwrap();
        }
        // At the end of input nothing is typed, and the client ends its line itself.
        screen.feed(typing, Stream::Stdout, b"? ").unwrap();
        wait(&mut screen);
        screen.feed(typing, Stream::Stdout, b"\n").unwrap();
        assert_eq!(
            text(&screen),
            "client │ ? 50\nserver │ guess 50\nclient │ HIGHER\n\
             client │ ? 50\nserver │ guess 50\nclient │ LOWER!\nclient │ ? \n"
        );
    }

    #[test]
    fn a_line_without_end_does_not_pile_up() {
        let mut screen = screen();
        for _ in 0..100 {
            screen.feed(CLIENT, Stream::Stdout, &[b'x'; 1000]).unwrap();
            assert!(screen.sources[0].pending.len() <= LONGEST);
        }
        screen.end(CLIENT, Stream::Stdout).unwrap();
        assert_eq!(text(&screen), format!("client │ {}\n", "x".repeat(100_000)));
    }

    const TRACEBACK: &[u8] = b"Traceback (most recent call last):\n  File \"x\"\n    recv()\n";

    #[test]
    fn the_traceback_of_a_ctrl_c_is_not_shown() {
        let mut screen = screen();
        screen.feed(SERVER, Stream::Stderr, TRACEBACK).unwrap();
        screen
            .feed(SERVER, Stream::Stderr, b"KeyboardInterrupt\nafter\n")
            .unwrap();
        assert_eq!(text(&screen), "server : after\n");
    }

    #[test]
    fn any_other_traceback_is_shown_whole() {
        let mut screen = screen();
        screen.feed(SERVER, Stream::Stderr, TRACEBACK).unwrap();
        screen
            .feed(SERVER, Stream::Stderr, b"OSError: no\n")
            .unwrap();
        // Cut off by the program's end, too.
        screen.feed(SERVER, Stream::Stderr, TRACEBACK).unwrap();
        screen.end(SERVER, Stream::Stderr).unwrap();
        let lines: Vec<String> = text(&screen).lines().map(str::to_string).collect();
        assert_eq!(lines.len(), 7);
        assert_eq!(lines[3], "server : OSError: no");
        assert_eq!(lines[6], "server :     recv()");
    }
}
