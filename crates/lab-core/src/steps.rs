//! The numbered steps of a lab program: `// 1. Create the socket`, in Python `# 1. …`.

/// The number and the words of a line that begins a step, after the language's `//` or `#`.
pub fn of_line<'a>(line: &'a str, comment: &str) -> Option<(usize, &'a str)> {
    let words = line.trim().strip_prefix(comment)?;
    let (number, words) = words.trim_start().split_once(". ")?;
    Some((number.parse().ok()?, words))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_step_is_a_comment_that_begins_with_a_number() {
        assert_eq!(of_line("    // 12. Bind it", "//"), Some((12, "Bind it")));
        assert_eq!(of_line("# 1. Bind it", "#"), Some((1, "Bind it")));
        for line in [
            "// 1.5 seconds",
            "// Bind it. Now",
            "bind(); // 1. Bind it",
            "# 1. Bind it",
        ] {
            assert_eq!(of_line(line, "//"), None, "{line}");
        }
    }
}
