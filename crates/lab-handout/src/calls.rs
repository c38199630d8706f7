//! The calls that a step of a starter needs, by their
//! names in both languages, and where they are described.
//!
//! They are in `calls.txt`. For each language a row has the code that shows a call, the call's
//! name, and the place of its description on one of the [`PAGES`].

/// Where calls are described; the last is a function at the end of the program itself.
const PAGES: [(&str, &str); 12] = [
    (
        "socket2",
        "https://docs.rs/socket2/latest/socket2/struct.Socket.html#method.",
    ),
    (
        "udp",
        "https://doc.rust-lang.org/std/net/struct.UdpSocket.html#method.",
    ),
    (
        "read",
        "https://doc.rust-lang.org/std/io/trait.Read.html#tymethod.",
    ),
    (
        "write",
        "https://doc.rust-lang.org/std/io/trait.Write.html#method.",
    ),
    (
        "stdin",
        "https://doc.rust-lang.org/std/io/struct.Stdin.html#method.",
    ),
    (
        "slice",
        "https://doc.rust-lang.org/std/primitive.slice.html#method.",
    ),
    (
        "threads",
        "https://doc.rust-lang.org/std/thread/struct.Builder.html#method.",
    ),
    ("random", "https://docs.rs/rand/latest/rand/fn."),
    ("labnet", "crates/labnet/src/"),
    (
        "pysocket",
        "https://docs.python.org/3/library/socket.html#socket.",
    ),
    ("python", "https://docs.python.org/3/library/"),
    ("here", "at the end of this file"),
];

/// A row of the table: code, name and place in Rust, then in Python.
fn rows() -> impl Iterator<Item = [&'static str; 6]> {
    let lines = include_str!("calls.txt").lines();
    lines.map(|line| {
        let mut cells = line.split(" | ").map(str::trim);
        std::array::from_fn(|_| cells.next().expect("each row has six cells"))
    })
}

/// The lines of comment that name the calls in a piece of a program: what each is called, and where
/// it is described. In Rust with the name in Python too.
pub fn named(code: &str, in_rust: bool) -> Vec<String> {
    let mut lines = Vec::new();
    for [
        rust_code,
        rust,
        rust_place,
        python_code,
        python,
        python_place,
    ] in rows()
    {
        let (own_code, name, place) = match in_rust {
            true => {
                let both = format!("Rust: {rust}, Python: {python}");
                (rust_code, both, rust_place)
            }
            false => (python_code, python.to_string(), python_place),
        };
        // Two calls of Rust are one of Python.
        if has_call(code, own_code) && !lines.contains(&name) {
            lines.push(name);
            lines.push(address(place));
        }
    }
    lines
}

/// The functions of the program itself that a piece of
/// it calls: `serve`, and `sum::answer` of another file.
pub fn own(code: &str, program: &str, in_rust: bool) -> Vec<String> {
    let word = if in_rust { "fn " } else { "def " };
    let known = |line: &str| rows().any(|row| line.starts_with(row[3].trim_end_matches('(')));
    let mut lines = Vec::new();
    for line in program.lines() {
        let line = line.trim_start().trim_start_matches("pub ");
        let name = line
            .strip_prefix(word)
            .and_then(|rest| rest.split(['(', '<']).next());
        if let Some(name) = name
            && !known(name)
            && has_call(code, &format!("{name}("))
        {
            lines.push(format!("in this file: {name}"));
        }
        let module = line
            .strip_prefix("mod ")
            .and_then(|rest| rest.strip_suffix(';'));
        if let Some(module) = module.filter(|_| in_rust)
            && let Some((_, rest)) = code.split_once(&format!("{module}::"))
            && let Some((name, _)) = rest.split_once('(')
        {
            lines.push(format!("in {module}.rs: {module}::{name}"));
        }
    }
    lines
}

/// `socket2 bind` is the method `bind` on socket2's page.
fn address(place: &str) -> String {
    let (page, rest) = place.split_once(' ').unwrap_or((place, ""));
    let found = PAGES.iter().find(|(name, _)| *name == page);
    let (_, address) = found.expect("each place is on a page that there is");
    format!("{address}{rest}")
}

/// Whether the code makes the call: a longer name that ends alike is another's.
fn has_call(code: &str, call: &str) -> bool {
    let of_a_name = |c: char| c.is_alphanumeric() || c == '_';
    let begins_with_a_name = call.starts_with(of_a_name);
    let lines = code.lines().map(str::trim_start);
    let code = lines.filter(|line| !line.starts_with("//") && !line.starts_with('#'));
    code.into_iter().any(|line| {
        let mut found = line.match_indices(call);
        found.any(|(at, _)| !begins_with_a_name || !line[..at].ends_with(of_a_name))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_row_of_the_table_is_whole() {
        assert!(rows().count() > 20);
        for row in rows() {
            assert!(row.iter().all(|cell| !cell.is_empty()), "{row:?}");
            address(row[2]);
            address(row[5]);
        }
    }

    #[test]
    fn the_calls_of_a_step_are_named_in_both_languages_with_their_pages() {
        let code = "let x = Socket::new(Domain::IPV4);\n// .bind( is later\nx.read(&mut buffer)?;";
        assert_eq!(
            named(code, true),
            [
                "Rust: Socket::new, Python: socket.socket",
                "https://docs.rs/socket2/latest/socket2/struct.Socket.html#method.new",
                "Rust: Read::read, Python: socket.recv",
                "https://doc.rust-lang.org/std/io/trait.Read.html#tymethod.read",
            ]
        );
        assert_eq!(
            named("piece = connection.recv(10)", false),
            [
                "socket.recv",
                "https://docs.python.org/3/library/socket.html#socket.socket.recv",
            ]
        );
        assert_eq!(named("blueprint(1)", false), [""; 0]);
    }

    #[test]
    fn the_programs_own_functions_are_named_where_they_are_called() {
        let program = "mod sum;\nfn main() {\nfn serve<T>(x: T) {\n";
        let code = "serve(listener);\nlet text = sum::answer(&buffer);";
        assert_eq!(
            own(code, program, true),
            ["in sum.rs: sum::answer", "in this file: serve"]
        );
        let program = "def serve(x):\ndef answer(x):\n";
        assert_eq!(own("answer(1)", program, false), ["in this file: answer"]);
    }
}
