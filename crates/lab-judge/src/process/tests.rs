use super::output::{FLOOD, KEPT_OUTPUT};
use super::*;

#[test]
fn what_a_program_has_printed_is_seen_at_once_however_late_it_is_drained() {
    // What it prints to stderr shows that it has printed to stdout before.
    for _ in 0..200 {
        let program = shell("echo one; echo two >&2; exec sleep 60");
        let said = |all: &[u8]| contains(all, b"two");
        assert!(
            program
                .stderr
                .wait_for(0, Instant::now() + Duration::from_secs(30), said)
        );
        assert_eq!(program.stdout().head, b"one\n");
    }
}

fn shell(script: &str) -> Running {
    started(&["sh", "-c", script], Input::Empty)
}

fn started(words: &[&str], input: Input) -> Running {
    Running::start(&Invocation {
        words: words.iter().map(ToString::to_string).collect(),
        folder: None,
        input,
        recorded: false,
    })
    .unwrap()
}

#[test]
fn a_program_that_keeps_its_output_back_gets_a_terminal_that_is_nobodys_and_changes_no_byte() {
    let script = "test -t 0 && test -t 1 && ! test -t 2 && (: </dev/tty) 2>/dev/null || echo fine; \
        printf 'a\\r\\n\\303\\t\\004\\n'; head -c 300000 /dev/zero; exec cat";
    let mut program = started(&["sh", "-c", script], Input::Keyboard);
    let deadline = Instant::now() + Duration::from_secs(60);
    assert!(program.type_in("typed \u{3} \u{11}\n"));
    assert!(program.prints(b"typed \x03 \x11\n", deadline));
    program.end_input();
    assert_eq!(program.wait(Duration::from_secs(60)), Some(Ended::Code(0)));
    program.drained();
    let beginning = b"fine\na\r\n\xc3\t\x04\n";
    let printed = program.stdout();
    assert!(
        printed.head.starts_with(beginning),
        "{:?}",
        &printed.head[..40]
    );
    // Neither an echo of what was typed, nor a CR before a line end.
    let typed = "typed \u{3} \u{11}\n".len();
    assert_eq!(printed.total, beginning.len() + 300_000 + typed);
}

#[test]
fn what_a_terminal_has_taken_is_seen_at_once_and_to_its_end() {
    for _ in 0..100 {
        let program = started(
            &["sh", "-c", "echo one; echo two >&2; exec sleep 60"],
            Input::Keyboard,
        );
        let said = |all: &[u8]| contains(all, b"two");
        let deadline = Instant::now() + Duration::from_secs(30);
        assert!(program.stderr.wait_for(0, deadline, said));
        assert_eq!(program.stdout().head, b"one\n");
    }
}

#[test]
fn output_without_end_on_a_terminal_is_capped_as_well() {
    let mut program = started(&["yes"], Input::Keyboard);
    let ended = program.wait(Duration::from_secs(60));
    assert_eq!(ended, Some(Ended::Signal(9)));
    assert!(program.floods());
}

#[test]
fn what_was_printed_before_does_not_count_any_more() {
    let mut program = started(
        &["sh", "-c", "echo before; read line; echo after"],
        Input::Keyboard,
    );
    let deadline = Instant::now() + Duration::from_secs(30);
    assert!(program.prints(b"before", deadline));
    program.forget_output();
    assert!(!program.prints(b"before", Instant::now()));
    program.type_in("\n");
    assert!(program.prints(b"after", deadline));
    assert_eq!(program.printed(), b"after\n");
}

fn gone(text: &Excerpt) {
    let id = String::from_utf8(text.head.clone()).unwrap();
    let path = format!("/proc/{}", id.trim());
    assert!(!std::path::Path::new(&path).exists(), "{path} still runs");
}

#[test]
fn a_program_that_ignores_term_is_killed_after_two_seconds() {
    let mut program = shell("trap '' TERM; echo $$; while :; do sleep 1; done");
    assert!(program.prints(b"\n", Instant::now() + Duration::from_secs(10)));
    let before = Instant::now();
    program.stop();
    assert!(before.elapsed() >= TERM_PATIENCE);
    gone(&program.stdout());
}

#[test]
fn children_that_leave_the_group_end_with_their_program() {
    prepare().unwrap();
    // setsid makes a session and so its own group; the
    // shell between ends, so the child is an orphan.
    let mut program = shell("(setsid sh -c 'echo $$; exec sleep 1000' &) ; exit 0");
    assert!(program.prints(b"\n", Instant::now() + Duration::from_secs(10)));
    program.stop();
    gone(&program.stdout());
}

#[test]
fn output_without_end_is_capped_and_ends_the_program() {
    let mut program = shell("yes");
    let ended = program.wait(Duration::from_secs(60));
    assert_eq!(ended, Some(Ended::Signal(9)));
    assert!(program.floods());
    let kept = program.stdout();
    assert!(kept.head.len() + kept.tail.len() <= 2 * KEPT_OUTPUT);
    assert!(kept.total as u64 > FLOOD);
}

#[test]
fn an_end_is_told_with_its_code_or_its_signal() {
    assert_eq!(
        shell("exit 7").wait(Duration::from_secs(10)),
        Some(Ended::Code(7))
    );
    assert_eq!(
        shell("kill -SEGV $$").wait(Duration::from_secs(10)),
        Some(Ended::Signal(11))
    );
}
