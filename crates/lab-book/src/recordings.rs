//! The recorded runs, and where each is shown.

use std::collections::BTreeMap;

use anyhow::Context;
use lab_core::catalog::Exercise;
use lab_journal::Journal;

use crate::plan::{Plan, Wanted, shown_run};

/// Recorded runs, and the page of each.
#[derive(Debug)]
pub struct Recordings {
    /// What was recorded.
    pub journals: BTreeMap<Wanted, Journal>,
    /// The runs that have a page.
    pub traces: BTreeMap<Wanted, Trace>,
}

/// The page of a run.
#[derive(Debug)]
pub struct Trace {
    /// Its file.
    pub address: String,
    /// Its title.
    pub title: String,
    /// The page that it belongs to: address and title.
    pub back: (String, String),
}

impl Recordings {
    /// A run.
    ///
    /// # Errors
    ///
    /// When it was not recorded.
    pub fn journal(&self, wanted: &Wanted) -> anyhow::Result<&Journal> {
        let journal = self.journals.get(wanted);
        journal.with_context(|| format!("the run was not recorded: {}", shown_run(wanted)))
    }

    /// The page of a run.
    ///
    /// # Errors
    ///
    /// When it has none.
    pub fn trace(&self, wanted: &Wanted) -> anyhow::Result<&Trace> {
        let trace = self.traces.get(wanted);
        trace.with_context(|| format!("the run has no page: {}", shown_run(wanted)))
    }
}

/// The same run with our programs in Python, where both sides are ours.
pub fn in_python(exercise: &Exercise, plan: &Plan) -> Option<Plan> {
    let ours = |wanted: &Option<String>| wanted.as_deref().is_none_or(|it| it == "rust");
    let mut plan = plan.clone();
    let both = exercise.programs.len() > 1;
    if !ours(&plan.client) || (both && !ours(&plan.server)) {
        return None;
    }
    if both {
        plan.server = Some("python".to_string());
    }
    plan.client = Some("python".to_string());
    Some(plan)
}
