//! One goal: what a starter's README asks, what its tests want, and what its check tries.
//!
//! Each line of "What your program must do" names the cases that show it, and each case is in such
//! a line; the tests are one of the cases. The words that a test wants are where a student sees
//! them. And wrong programs fail both (see [`WRONG`]).

use super::*;

/// A wrong program: one mistake in the solution, a test that fails, and a case that does.
struct Wrong {
    exercise: &'static str,
    package: &'static str,
    right: &'static str,
    wrong: &'static str,
    test: &'static str,
    case: &'static str,
}

/// A mistake that is made in the file `main.rs` of a package.
const fn wrong(
    [exercise, package]: [&'static str; 2],
    right: &'static str,
    wrong: &'static str,
    [test, case]: [&'static str; 2],
) -> Wrong {
    Wrong {
        exercise,
        package,
        right,
        wrong,
        test,
        case,
    }
}

const SUM_SERVER: [&str; 2] = ["dsd-sum", "dsd-sum-server"];
const SUM_CLIENT: [&str; 2] = ["dsd-sum", "dsd-sum-client"];
const CODIO_SERVER: [&str; 2] = ["codio-echo", "codio-echo-server"];
const CODIO_CLIENT: [&str; 2] = ["codio-echo", "codio-echo-client"];
const GUESS_SERVER: [&str; 2] = ["cmpu-guess", "cmpu-guess-server"];
const GUESS_CLIENT: [&str; 2] = ["cmpu-guess", "cmpu-guess-client"];
const EOF_SERVER: [&str; 2] = ["dsd-eof", "dsd-eof-server"];

const WRONG: [Wrong; 21] = [
    // Answers with the whole buffer's sum: what an earlier request left in it.
    wrong(
        SUM_SERVER,
        "sum::answer(&buffer[..count])",
        "sum::answer(&buffer)",
        ["integers_of_a_thousand_digits", "whole"],
    ),
    // One request for each connection.
    wrong(
        SUM_SERVER,
        "connection.write_all(sum::answer(&buffer[..count]).as_bytes())?;",
        "return connection.write_all(sum::answer(&buffer[..count]).as_bytes());",
        ["a_word_is_named_and_the_connection_stays_open", "several"],
    ),
    // Ends with its first client.
    wrong(
        SUM_SERVER,
        "            log!(\"{peer}: {error}\");\n        }\n",
        "            log!(\"{peer}: {error}\");\n        }\n        break Ok(());\n",
        ["server_survives_clients_that_reset", "goes-on"],
    ),
    // An error on one connection ends the server.
    wrong(
        SUM_SERVER,
        "        if let Err(error) = serve(connection, args.timeout) {\n            log!(\"{peer}: {error}\");\n        }\n",
        "        serve(connection, args.timeout).cannot(\"serve\", &peer)?;\n",
        ["rust::server_survives_clients_that_reset", "reset"],
    ),
    // The port stays taken after a client.
    wrong(
        SUM_SERVER,
        "set_reuse_address(true)",
        "set_reuse_address(false)",
        ["rust::server_that_was_killed_starts_again", "restart"],
    ),
    // Says another word to stdout: only the words are wrong.
    wrong(
        SUM_SERVER,
        "Connected by {peer}",
        "New client {peer}",
        ["of_rust_server_and_rust_client", "tests"],
    ),
    // Does not say that it listens.
    wrong(
        SUM_SERVER,
        "    labnet::log_listening(&listener)?;\n",
        "",
        ["of_rust_server_and_rust_client", "tests"],
    ),
    // Sends another message than its user's.
    wrong(
        SUM_CLIENT,
        "request.as_bytes()",
        "b\"1 2\"",
        ["of_rust_server_and_rust_client", "prints"],
    ),
    // Prints the buffer, not what came.
    wrong(
        SUM_CLIENT,
        "from_utf8_lossy(&buffer[..count])",
        "from_utf8_lossy(&buffer[..1])",
        ["of_rust_server_and_rust_client", "prints"],
    ),
    // Without a server it ends as if all were well.
    wrong(
        SUM_CLIENT,
        "    server\n        .connect(&address.into())\n        .cannot(\"connect to\", address)\n        .hint(\"is the server running? cargo run -p dsd-sum-server\")?;",
        "    if server.connect(&address.into()).is_err() {\n        return Ok(());\n    }",
        ["client_says_that_the_server_is_not_running", "no-server"],
    ),
    // An answer that does not come is taken for an empty one.
    wrong(
        SUM_CLIENT,
        "if count == 0 {",
        "if count > BUFFER_SIZE {",
        [
            "client_says_that_the_server_left_without_an_answer",
            "tests",
        ],
    ),
    // Another hint than the twin's.
    wrong(
        SUM_CLIENT,
        "is the server running? cargo run",
        "start the server: cargo run",
        ["of_failures", "tests"],
    ),
    // The default numbers are forgotten.
    wrong(
        SUM_CLIENT,
        "    } else if args.numbers.is_empty() {\n        ask(&mut server, \"1 2 3 4 5\")?;\n",
        "",
        ["client_adds_1_to_5_when_it_is_given_no_numbers", "tests"],
    ),
    // One recv for the whole conversation.
    wrong(
        CODIO_SERVER,
        ".cannot(\"send back to\", peer)?;",
        ".cannot(\"send back to\", peer)?;\n        return Ok(());",
        ["everything_comes_back", "several"],
    ),
    // Sends the whole buffer back.
    wrong(
        CODIO_SERVER,
        "&buffer[..count]",
        "&buffer",
        ["everything_comes_back", "whole"],
    ),
    // Prints text where the sheet's program prints bytes.
    wrong(
        CODIO_CLIENT,
        "python::bytes(&buffer[..count])",
        "String::from_utf8_lossy(&buffer[..count])",
        ["client_shows_any_bytes_as_python_does", "tests"],
    ),
    // Looks at the first guess for ever.
    wrong(
        GUESS_SERVER,
        "guess::answer(guess, secret)",
        "guess::answer(b\"50\", secret)",
        ["each_guess_has_its_answer", "every-number"],
    ),
    // Ends when somebody has found the number.
    wrong(
        GUESS_SERVER,
        "            log!(\"{client}: cannot send the answer: {error}\");\n        }\n",
        "            log!(\"{client}: cannot send the answer: {error}\");\n        }\n        \
         if reply == \"CORRECT\" {\n            return Ok(());\n        }\n",
        ["each_guess_has_its_answer", "winner"],
    ),
    // Gives up after the first datagram that is lost.
    wrong(
        GUESS_CLIENT,
        "in 1..=tries",
        "in 1..2",
        ["a_lost_guess_is_sent_again", "lost"],
    ),
    // One socket for all guesses: a late answer is taken for the next one.
    wrong(
        GUESS_CLIENT,
        "        server = open_socket(address)?;\n",
        "",
        ["each_guess_comes_from_another_port", "late"],
    ),
    // The answer has no end mark.
    wrong(
        EOF_SERVER,
        "I am sending it back.{TOKEN}",
        "I am sending it back.",
        ["messages_in_one_write_are_answered_one_by_one", "whole"],
    ),
];

/// Quick, so that a new name of a test or of a case is noticed at once.
#[test]
fn each_mistake_is_in_a_program_and_its_test_and_its_case_are_there() {
    let read = |path: &str| {
        let path = workspace().join(path);
        fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
    };
    let cases = read("crates/lab-handout/src/cases.txt");
    let shared = read("tests/src/pairing.rs") + &read("tests/src/faults.rs");
    assert!(WRONG.len() >= 20);
    for wrong in &WRONG {
        let program = format!("crates/{}/src/main.rs", wrong.package);
        let right = wrong.right;
        assert!(read(&program).contains(right), "{program} has no {right:?}");
        let tests = read(&format!("tests/tests/exercises/{}.rs", wrong.exercise));
        let test = wrong.test.rsplit("::").next().unwrap_or(wrong.test);
        let test = format!("fn {test}");
        let there = tests.contains(&test) || shared.contains(&test);
        assert!(there, "{}: there is no {test}", wrong.exercise);
        let mut ids = cases.lines().filter_map(|line| {
            let mut cells = line.split(" | ");
            (cells.next() == Some(wrong.exercise)).then(|| cells.nth(1))?
        });
        let there = wrong.case == "tests" || ids.any(|id| id == wrong.case);
        assert!(there, "{} has no case {}", wrong.exercise, wrong.case);
    }
}

/// The hand-out holds a solution that passes: with each mistake in
/// its turn it fails the exercise's tests and its check.
pub fn wrong_programs_fail(place: &built::Place<'_>, names: &[String]) {
    let mut pass = Vec::new();
    for wrong in WRONG.iter().filter(|one| one.exercise == place.exercise) {
        let file = format!("crates/{}/src/main.rs", wrong.package);
        let path = place.folder.join(&file);
        let right = fs::read_to_string(&path).expect("a program of ours can be read");
        let mistaken = right.replace(wrong.right, wrong.wrong);
        assert_ne!(mistaken, right, "{file} has no {}", wrong.right);
        fs::write(&path, &mistaken).expect("a file of ours can be written");
        let test = ["test", "-p", "tests", "--test", "exercises", wrong.test];
        let tested = all(&place.cargo(&test));
        if !tested.contains("test result: FAILED. ") {
            let (test, with) = (wrong.test, wrong.wrong);
            pass.push(format!("{file} with {with:?} passes {test}: {tested}"));
        }
        let case = wrong.case;
        let checks = names.iter().map(|name| {
            let checked = place.cargo(&["lab", "check", name, "--only", case]);
            (checked.status.code(), all(&checked))
        });
        let checks: Vec<_> = checks.collect();
        // The tests are about both sides, and answer a question of their own.
        let failed = |text: &str| {
            text.contains(&format!("FAIL  {case}"))
                && (case != "tests" || text.contains("\nDoes it pass the exercise's tests?\n"))
        };
        if !checks
            .iter()
            .any(|(code, text)| *code == Some(1) && failed(text))
        {
            let with = wrong.wrong;
            pass.push(format!("{file} with {with:?} passes {case}: {checks:?}"));
        }
        fs::write(&path, &right).expect("a file of ours can be written");
    }
    assert!(pass.is_empty(), "{}", pass.join("\n"));
}

/// The starter's README names every case of the check, and no other.
pub fn readme_names_every_case(place: &built::Place<'_>, names: &[String]) {
    let readme = fs::read_to_string(place.folder.join("README.md")).expect("there is a README");
    let (_, section) = readme
        .split_once("\n## What your program must do\n")
        .expect("the section is there");
    let section = section.split("\n## ").next().unwrap_or_default();
    let mut told = BTreeSet::new();
    for line in section.lines().filter(|line| line.starts_with("- ")) {
        let ids = line
            .rsplit_once(" → `")
            .filter(|(_, ids)| ids.ends_with('`'));
        let (_, ids) = ids.unwrap_or_else(|| panic!("{}: no case for {line}", place.exercise));
        told.extend(ids.trim_end_matches('`').split("`, `").map(str::to_string));
    }
    let mut played = BTreeSet::new();
    for name in names {
        let listed = place.cargo(&["lab", "check", name, "--list", "--format", "json"]);
        assert!(listed.status.success(), "{}", all(&listed));
        let cases: Value = serde_json::from_slice(&listed.stdout).expect("it is JSON");
        let cases = cases.as_array().expect("a list");
        let ids = cases.iter().filter_map(|case| case["id"].as_str());
        played.extend(ids.map(str::to_string));
    }
    assert_eq!(told, played, "{}", place.exercise);
}

/// The lines of `cases.txt` by the check itself.
#[test]
fn the_readmes_know_the_cases_of_the_check() {
    let binary = built("lab-check");
    let check = |args: &[&str]| {
        let output = Command::new(&binary)
            .arg("check")
            .args(args)
            .current_dir(workspace())
            .output()
            .expect("the binary was built");
        assert!(output.status.success(), "{}", all(&output));
        output.stdout
    };
    let listed = String::from_utf8(check(&[])).expect("it is text");
    let mut names: Vec<&str> = listed
        .lines()
        .filter_map(|line| line.split_whitespace().next())
        .collect();
    names.dedup();
    let mut table = String::new();
    for name in names {
        let cases = check(&[name, "--list", "--format", "json"]);
        let cases: Value = serde_json::from_slice(&cases).expect("it is JSON");
        for case in cases.as_array().expect("a list") {
            let cells = ["role", "id", "name", "sheet"].map(|key| case[key].as_str());
            let cells: Vec<&str> = cells.into_iter().flatten().collect();
            table.push_str(&format!("{name} | {}\n", cells.join(" | ")));
        }
    }
    let file = workspace().join("crates/lab-handout/src/cases.txt");
    if env::var_os("LAB_UPDATE").is_some() {
        fs::write(&file, &table).expect("the file can be written");
    }
    let written = fs::read_to_string(&file).expect("the file can be read");
    assert!(
        written == table,
        "{} is old: LAB_UPDATE=1 cargo test -p tests --test handout readmes_know",
        file.display()
    );
}

/// The texts in quotes of a program in Rust, as they are written
/// there, but put together where a line ends with a backslash.
fn quoted(program: &str) -> Vec<String> {
    let lines = program.lines().map(str::trim);
    let code: Vec<&str> = lines.filter(|line| !line.starts_with("//")).collect();
    let code = code.join("\n").replace("\\\n", "");
    let mut texts = Vec::new();
    let mut rest = code.as_str();
    while let Some((_, begins)) = rest.split_once('"') {
        let mut escaped = false;
        let end = begins.find(|c| {
            let ends = c == '"' && !escaped;
            escaped = c == '\\' && !escaped;
            ends
        });
        let Some(end) = end else { break };
        texts.push(begins[..end].to_string());
        rest = &begins[end + 1..];
    }
    texts
}

/// The words of errors that a test's text has, without what differs from run to run.
fn words(text: &str) -> Vec<String> {
    const TOLD: [&str; 5] = ["Error: ", "hint: ", "without", "closed", "again"];
    if !TOLD.iter().any(|told| text.contains(told)) {
        return Vec::new();
    }
    let mut text = text.replace("\\n", "\n");
    for apart in ["Error: ", "hint: ", ": ", "('"] {
        text = text.replace(apart, "\n");
    }
    // A name in braces is filled in, and a number is another one each time.
    text = text.replace("PORT", "\n");
    let mut open = false;
    let parts = text.split(|c: char| {
        open = (open || c == '{') && c != '}';
        open || c == '}' || c == '\n' || c.is_ascii_digit()
    });
    let parts = parts.map(plain).filter(|part| part.len() > 4);
    parts.collect()
}

/// Without quotes, backslashes and white space: a text is broken into lines differently.
fn plain(text: &str) -> String {
    let kept = |c: &char| !c.is_whitespace() && !['"', '\'', '\\'].contains(c);
    text.chars().filter(kept).collect()
}

/// What of a program a starter has: all but the regions.
fn without_regions(program: &str) -> String {
    let mut parts = program.split("// region: exercise");
    let first = parts.next().unwrap_or_default().to_string();
    let rest = parts.filter_map(|part| part.split_once("// endregion: exercise"));
    rest.fold(first, |all, (_, kept)| all + kept)
}

/// A student reads the twins, the READMEs, what of the programs is not taken out, and `labnet`.
#[test]
fn the_words_that_a_test_wants_are_where_a_student_sees_them() {
    let mut problems = Vec::new();
    let mut count = 0;
    for exercise in with_starter() {
        let mut seen = String::new();
        let own = exercises().remove(&exercise).unwrap_or_default();
        let folders = own.into_iter().map(|entry| entry.folder);
        for folder in folders.chain([workspace().join("crates/labnet")]) {
            for (name, bytes) in files(&folder) {
                let text = String::from_utf8_lossy(&bytes).into_owned();
                seen.push_str(&match name.ends_with("main.rs") {
                    true => without_regions(&text),
                    false => text,
                });
            }
        }
        let seen = plain(&seen);
        let tests = workspace().join(format!("tests/tests/exercises/{exercise}.rs"));
        let tests = fs::read_to_string(tests).unwrap_or_default();
        for text in quoted(&tests) {
            for words in words(&text) {
                count += 1;
                if !seen.contains(&words) {
                    problems.push(format!(
                        "{exercise}: only the tests have {text:?} ({words})"
                    ));
                }
            }
        }
    }
    assert!(count > 30, "only {count} were found");
    assert!(problems.is_empty(), "{}", problems.join("\n"));
}

#[test]
fn words_are_found_between_what_differs() {
    let program = "// \"not this\"\nlet x = \"Error: cannot see ('{peer}', 7): gone \\\n    again\\nhint: look \\\"here\\\"\";";
    let texts = quoted(program);
    assert_eq!(texts.len(), 1, "{texts:?}");
    assert_eq!(words(&texts[0]), ["cannotsee", "goneagain", "lookhere"]);
    assert_eq!(words("only a value"), [""; 0]);
    let program = "a // region: exercise b // endregion: exercise c";
    assert_eq!(without_regions(program), "a  c");
}
