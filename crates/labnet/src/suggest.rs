//! The name that was probably meant, for a word that is almost one.

/// At most three of the names that are almost like the word, the likest first.
///
/// ```
/// assert_eq!(labnet::nearest("rum", ["list", "run"]), ["run"]);
/// assert_eq!(labnet::nearest("NET_SUM", ["net-sum", "net-eof"]), ["net-sum"]);
/// assert!(labnet::nearest("cobol", ["rust", "python"]).is_empty());
/// ```
pub fn nearest<'n>(word: &str, names: impl IntoIterator<Item = &'n str>) -> Vec<&'n str> {
    /// How alike two names have to be: 0 is not at all, 1 is the same.
    const LIKENESS: f64 = 0.6;
    /// A shorter part is in many names.
    const PART: usize = 3;
    let plain = |text: &str| text.to_lowercase().replace(['-', '_'], "");
    let word = plain(word);
    let likeness = |name: &str| {
        let name = plain(name);
        let (shorter, longer) = match word.len() < name.len() {
            true => (&word, &name),
            false => (&name, &word),
        };
        match shorter.len() >= PART && longer.contains(shorter.as_str()) {
            true => 1.0,
            // A typing error weighs less in a long name.
            false => strsim::normalized_damerau_levenshtein(&word, &name),
        }
    };
    let mut near: Vec<(f64, &str)> = names
        .into_iter()
        .map(|name| (likeness(name), name))
        .filter(|(likeness, _)| *likeness >= LIKENESS)
        .collect();
    near.sort_by(|a, b| b.0.total_cmp(&a.0));
    // One that is like no other is meant; the others only have parts in common with it.
    let best = near.first().map_or(0.0, |(likeness, _)| *likeness);
    near.retain(|(likeness, _)| *likeness > best - 0.1);
    near.truncate(3);
    near.into_iter().map(|(_, name)| name).collect()
}

/// `did you mean run? cargo lab --help lists the options`, or the second part alone.
pub fn did_you_mean<'n>(
    word: &str,
    names: impl IntoIterator<Item = &'n str>,
    or_else: &str,
) -> String {
    match &nearest(word, names)[..] {
        [] => or_else.to_string(),
        near => format!("did you mean {}? {or_else}", near.join(" or ")),
    }
}
