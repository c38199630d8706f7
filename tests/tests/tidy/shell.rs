//! A shell's line, taken apart into simple commands.

/// The simple commands of a shell's line, as words: pipes and lists taken apart, redirections and
/// comments left out.
pub fn commands_of(line: &str) -> Vec<Vec<String>> {
    let mut commands = vec![Vec::new()];
    let mut word: Option<String> = None;
    let mut target = false;
    let mut chars = line.chars().peekable();
    let mut quote = None;
    loop {
        let next = chars.next();
        match (next, quote) {
            (Some(c), Some(open)) => {
                if c == open {
                    quote = None;
                } else {
                    word.get_or_insert_default().push(c);
                }
            }
            (Some(c @ ('\'' | '"')), None) => {
                quote = Some(c);
                word.get_or_insert_default();
            }
            (Some('\\'), None) => word.get_or_insert_default().extend(chars.next()),
            (Some(c), None) if !c.is_whitespace() && !"|;&<>#".contains(c) => {
                word.get_or_insert_default().push(c);
            }
            (Some('#'), None) if word.is_some() => word.get_or_insert_default().push('#'),
            (end, _) => {
                // A number before > is a descriptor, as in 2>.
                let descriptor = end == Some('>')
                    && word
                        .as_ref()
                        .is_some_and(|w| w.chars().all(|c| c.is_ascii_digit()));
                if let Some(word) = word.take()
                    && !descriptor
                    && !std::mem::take(&mut target)
                {
                    commands.last_mut().expect("there is always one").push(word);
                }
                match end {
                    None | Some('#') => break,
                    Some('|' | ';') => commands.push(Vec::new()),
                    // 2>&1 is a redirection's end, & alone a command's.
                    Some('&') if target => {}
                    Some('&') => commands.push(Vec::new()),
                    Some('<' | '>') => target = true,
                    Some(_) => {}
                }
            }
        }
    }
    commands.retain(|command| !command.is_empty());
    commands
}

#[test]
fn a_shells_line_is_taken_apart() {
    let parts = |line: &str| {
        commands_of(line)
            .iter()
            .map(|words| words.join("_"))
            .collect::<Vec<_>>()
    };
    assert_eq!(parts("a 'b c' \"d|e\" f\\ g"), ["a_b c_d|e_f g"]);
    assert_eq!(parts("a | b && c; d & # e"), ["a", "b", "c", "d"]);
    assert_eq!(parts("a < in > out 2>/dev/null b 2>&1"), ["a_b"]);
    assert_eq!(parts("a '' 5#6"), ["a__5#6"]);
}
