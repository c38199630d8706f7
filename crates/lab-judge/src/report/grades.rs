//! The results of many submissions: a table for the screen, a CSV file for the course's list.

use std::collections::BTreeMap;
use std::time::Duration;

use anyhow::Context;
use serde_json::Value;

/// A submission's line.
#[derive(Debug, Clone)]
pub struct Row {
    /// The submission's folder.
    pub name: String,
    /// How it ended.
    pub verdict: Verdict,
    /// What the cases earned that count.
    pub score: u64,
    /// What they could have earned.
    pub max_score: u64,
    /// The same of the cases about a real network.
    pub network: [u64; 2],
    /// How many cases passed, failed, were skipped, stayed undecided.
    pub counts: [u64; 4],
    /// The first case that failed, with the mistake that
    /// it points to: its name for machines, and in words.
    pub first: Option<First>,
    /// All the mistakes that were found.
    pub mistakes: Vec<(String, String)>,
    /// What has to be said besides.
    pub remarks: Vec<String>,
    /// How long its check took.
    pub elapsed: Duration,
}

/// The first thing that went wrong.
#[derive(Debug, Clone)]
pub struct First {
    /// The case.
    pub case: String,
    /// The misconception's name.
    pub misconception: String,
    /// The misconception in words.
    pub title: String,
}

/// How a submission ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Verdict {
    /// All cases passed.
    Right,
    /// Some failed.
    Wrong,
    /// None failed, but some could not be decided; the first reason.
    Undecided(String),
    /// It does not compile.
    NotBuilt,
    /// Its check did not come to its end, and why.
    Trouble(String),
    /// The grading was stopped before its turn.
    NotChecked,
}

impl Verdict {
    pub(super) fn word(&self) -> &'static str {
        match self {
            Verdict::Right => "right",
            Verdict::Wrong => "wrong",
            Verdict::Undecided(_) => "undecided",
            Verdict::NotBuilt => "does not build",
            Verdict::Trouble(_) => "trouble",
            Verdict::NotChecked => "not checked",
        }
    }
}

impl Row {
    /// A line without a result.
    pub fn new(name: &str, verdict: Verdict) -> Self {
        Row {
            name: name.to_string(),
            verdict,
            score: 0,
            max_score: 0,
            network: [0; 2],
            counts: [0; 4],
            first: None,
            mistakes: Vec::new(),
            remarks: Vec::new(),
            elapsed: Duration::ZERO,
        }
    }

    /// A line from a result in our own schema.
    pub fn of(name: &str, result: &Value) -> Self {
        let text = |value: &Value| value.as_str().unwrap_or_default().to_string();
        let cases = result["cases"].as_array().cloned().unwrap_or_default();
        let failed: Vec<&Value> = cases
            .iter()
            .filter(|case| case["outcome"] == "failed")
            .collect();
        let decides = |case: &&Value| result["strict"] == true || case["question"] == "sheet";
        let first_wrong = failed.iter().copied().find(decides);
        let undecided = cases
            .iter()
            .filter(decides)
            .find(|case| case["outcome"] == "undecided");
        let verdict = match (&result["trouble"], first_wrong, undecided) {
            (Value::String(trouble), ..) => Verdict::Trouble(trouble.clone()),
            (_, Some(_), _) => Verdict::Wrong,
            (_, None, Some(case)) => Verdict::Undecided(text(&case["why"])),
            _ => Verdict::Right,
        };
        let number = |value: &Value| value.as_u64().unwrap_or(0);
        let mut mistakes: Vec<(String, String)> = failed
            .iter()
            .map(|case| (text(&case["misconception"]), text(&case["title"])))
            .collect();
        mistakes.sort();
        mistakes.dedup();
        Row {
            verdict,
            score: number(&result["score"]),
            max_score: number(&result["max_score"]),
            counts: ["passed", "failed", "skipped", "undecided"]
                .map(|outcome| number(&result["counts"][outcome])),
            network: ["score", "max_score"]
                .map(|name| number(&result["questions"]["network"][name])),
            first: first_wrong.or(failed.first().copied()).map(|case| First {
                case: text(&case["id"]),
                misconception: text(&case["misconception"]),
                title: text(&case["title"]),
            }),
            mistakes,
            remarks: result["remarks"]
                .as_array()
                .map(|remarks| remarks.iter().map(text).collect())
                .unwrap_or_default(),
            elapsed: Duration::from_secs_f64(result["seconds"].as_f64().unwrap_or(0.0).max(0.0)),
            ..Row::new(name, Verdict::NotChecked)
        }
    }

    /// What a check of this submission alone would end with.
    pub fn exit_code(&self) -> u8 {
        match self.verdict {
            Verdict::Right => 0,
            Verdict::Wrong | Verdict::NotBuilt => 1,
            Verdict::Undecided(_) => 2,
            Verdict::Trouble(_) | Verdict::NotChecked => 3,
        }
    }

    /// Whether there is a score: what was not checked to
    /// its end has a gap in its place, and not a zero.
    pub(super) fn has_score(&self) -> bool {
        !matches!(self.verdict, Verdict::Trouble(_) | Verdict::NotChecked)
    }

    /// The points, where the whole stands for so many.
    pub(super) fn points(&self, of: u32) -> f64 {
        #[allow(
            clippy::cast_precision_loss,
            reason = "a score is a sum of a few dozen weights of at most 1000"
        )]
        match self.max_score {
            0 => 0.0,
            max => f64::from(of) * self.score as f64 / max as f64,
        }
    }

    /// What stands out, in words.
    pub(super) fn remark(&self) -> String {
        match (&self.verdict, &self.first) {
            (Verdict::Wrong | Verdict::Right, Some(first)) => {
                let more = match self.counts[1].saturating_sub(1) {
                    0 => String::new(),
                    more => format!(" (and {more} more)"),
                };
                let breaks = match self.verdict {
                    Verdict::Right => "on a real network: ",
                    _ => "",
                };
                format!("{breaks}{}: {}{more}", first.case, first.title)
            }
            (Verdict::Undecided(why) | Verdict::Trouble(why), _) => why.clone(),
            (Verdict::NotBuilt, _) => "it does not build".to_string(),
            (Verdict::NotChecked, _) => "not checked: the grading was stopped".to_string(),
            _ => String::new(),
        }
    }
}

/// The table for the screen, and the mistakes by their number.
pub fn table(rows: &[Row], points: Option<u32>, elapsed: Duration, color: bool) -> String {
    let mut lines = vec![vec![
        "submission".to_string(),
        "score".to_string(),
        "network".to_string(),
        "failed".to_string(),
        "skipped".to_string(),
        "seconds".to_string(),
        "what is special".to_string(),
    ]];
    for row in rows {
        let score = match points {
            _ if !row.has_score() => "-".to_string(),
            Some(of) => format!("{:.2}/{of}", row.points(of)),
            None => format!("{}/{}", row.score, row.max_score),
        };
        lines.push(vec![
            visible(&row.name),
            score,
            match row.has_score() {
                true => format!("{}/{}", row.network[0], row.network[1]),
                false => "-".to_string(),
            },
            row.counts[1].to_string(),
            row.counts[2].to_string(),
            format!("{:.1}", row.elapsed.as_secs_f64()),
            row.remark(),
        ]);
    }
    let columns = lines.first().map_or(0, Vec::len);
    let widths: Vec<usize> = (0..columns)
        .map(|column| {
            lines
                .iter()
                .map(|line| line[column].chars().count())
                .max()
                .unwrap_or(0)
        })
        .collect();
    let mut text = String::new();
    for (number, line) in lines.iter().enumerate() {
        let mut set = String::new();
        for (column, (cell, width)) in line.iter().zip(&widths).enumerate() {
            // Words to the left, numbers to the right.
            set.push_str(&match column {
                0 => format!("{cell:width$}"),
                6 => format!("  {cell}"),
                _ => format!("  {cell:>width$}"),
            });
        }
        let code = match (number, number.checked_sub(1).and_then(|row| rows.get(row))) {
            (0, _) => "1",
            (_, Some(row)) => match row.verdict {
                Verdict::Right => "32",
                Verdict::Wrong => "31",
                _ => "33",
            },
            _ => "0",
        };
        let set = set.trim_end();
        text.push_str(&match color {
            true => format!("\x1b[{code}m{set}\x1b[0m\n"),
            false => format!("{set}\n"),
        });
    }
    text.push_str(&notes(rows));
    text.push_str(&mistakes(rows));
    let count = |word: &str| rows.iter().filter(|row| row.verdict.word() == word).count();
    let words = [
        "right",
        "wrong",
        "does not build",
        "undecided",
        "trouble",
        "not checked",
    ];
    let told: Vec<String> = words
        .iter()
        .map(|word| (count(word), word))
        .filter(|(count, _)| *count > 0)
        .map(|(count, word)| format!("{count} {word}"))
        .collect();
    text.push_str(&format!(
        "\n{} submissions in {:.0} s: {}\n",
        rows.len(),
        elapsed.as_secs_f64(),
        told.join(", ")
    ));
    text
}

/// What has to be said of submissions. What is said of several is said once.
fn notes(rows: &[Row]) -> String {
    let mut said: Vec<(&String, Vec<String>)> = Vec::new();
    for row in rows {
        for remark in &row.remarks {
            match said.iter_mut().find(|(known, _)| *known == remark) {
                Some((_, names)) => names.push(visible(&row.name)),
                None => said.push((remark, vec![visible(&row.name)])),
            }
        }
    }
    let all = said.into_iter();
    all.map(|(remark, names)| match &names[..] {
        [name] => format!("note: {name}: {remark}\n"),
        names if names.len() == rows.len() => format!("note: {remark}\n"),
        [first, second] => format!("note: {first} and {second}: {remark}\n"),
        names => format!(
            "note: {} and {} more: {remark}\n",
            names[0],
            names.len() - 1
        ),
    })
    .collect()
}

/// Which mistakes were made by how many: what the next lecture should be about.
fn mistakes(rows: &[Row]) -> String {
    let mut counted: BTreeMap<&(String, String), usize> = BTreeMap::new();
    for mistake in rows.iter().flat_map(|row| &row.mistakes) {
        *counted.entry(mistake).or_default() += 1;
    }
    let mut counted: Vec<_> = counted.into_iter().collect();
    counted.sort_by_key(|(_, count)| std::cmp::Reverse(*count));
    let mut text = String::new();
    for ((id, title), count) in counted {
        if text.is_empty() {
            text.push_str("\nmistakes, and how many submissions make them\n");
        }
        text.push_str(&format!("{count:5}  {id}: {title}\n"));
    }
    text
}

/// The CSV file.
///
/// # Errors
///
/// When the library cannot write it.
pub fn csv(rows: &[Row], points: Option<u32>) -> anyhow::Result<String> {
    let mut writer = csv::Writer::from_writer(Vec::new());
    let mut head = vec![
        "submission",
        "verdict",
        "score",
        "max_score",
        "network_score",
        "network_max_score",
        "passed",
        "failed",
        "skipped",
        "undecided",
        "seconds",
        "first_failed",
        "misconceptions",
        "remark",
    ];
    if points.is_some() {
        head.insert(4, "points");
    }
    writer.write_record(&head)?;
    for row in rows {
        let mistakes: Vec<&str> = row.mistakes.iter().map(|(id, _)| id.as_str()).collect();
        let number = |number: String| match row.has_score() {
            true => number,
            false => String::new(),
        };
        let mut line = vec![
            harmless(&row.name),
            row.verdict.word().to_string(),
            number(row.score.to_string()),
            number(row.max_score.to_string()),
        ];
        if let Some(of) = points {
            line.push(number(format!("{:.2}", row.points(of))));
        }
        let others = row.network.iter().chain(&row.counts);
        line.extend(others.map(|count| number(count.to_string())));
        line.push(format!("{:.1}", row.elapsed.as_secs_f64()));
        line.push(
            row.first
                .as_ref()
                .map(|first| format!("{}: {}", first.case, first.misconception))
                .unwrap_or_default(),
        );
        line.push(mistakes.join(" "));
        line.push(harmless(&row.remark()));
        writer.write_record(&line)?;
    }
    let bytes = writer.into_inner().context("cannot write the table")?;
    String::from_utf8(bytes).context("the table is not valid UTF-8")
}

/// A spreadsheet takes a cell that begins like this for a
/// formula, and runs it. A folder's name is the student's choice.
fn harmless(text: &str) -> String {
    match text.starts_with(['=', '+', '-', '@', '\t', '\r']) {
        true => format!("'{text}"),
        false => text.to_string(),
    }
}

/// A name that cannot move the cursor.
fn visible(name: &str) -> String {
    name.chars()
        .map(|c| if c.is_control() { '?' } else { c })
        .collect()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn row() -> Row {
        Row::of(
            "=anna, \"the first\"",
            &json!({
                "score": 3, "max_score": 4, "trouble": null,
                "counts": {"passed": 1, "failed": 1, "skipped": 1, "undecided": 0},
                "cases": [
                    {"id": "a", "outcome": "passed"},
                    {"id": "b", "question": "sheet", "outcome": "failed", "misconception": "one-recv", "title": "takes one"},
                    {"id": "c", "outcome": "skipped"},
                ],
            }),
        )
    }

    #[test]
    fn the_csv_can_be_read_back_and_holds_no_formula() {
        let text = csv(&[row()], Some(10)).unwrap();
        let mut reader = csv::Reader::from_reader(text.as_bytes());
        let head = reader.headers().unwrap().clone();
        let line = reader.records().next().unwrap().unwrap();
        let field = |name: &str| &line[head.iter().position(|head| head == name).unwrap()];
        assert_eq!(field("submission"), "'=anna, \"the first\"");
        assert_eq!(
            ["verdict", "score", "points", "skipped", "misconceptions"].map(field),
            ["wrong", "3", "7.50", "1", "one-recv"]
        );
    }

    #[test]
    fn the_table_says_what_stands_out_and_counts_the_mistakes() {
        let rows = [row(), Row::new("ben", Verdict::NotChecked)];
        let text = table(&rows, None, Duration::from_secs(2), false);
        assert!(text.contains("3/4"), "{text}");
        assert!(text.contains("b: takes one"), "{text}");
        assert!(text.contains("    1  one-recv: takes one"), "{text}");
        assert!(
            text.contains("2 submissions in 2 s: 1 wrong, 1 not checked"),
            "{text}"
        );
    }
}
