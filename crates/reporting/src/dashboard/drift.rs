//! Drift of the model and of each feature, in the newest run and over the runs.

use common::numbers::{count, listed};
use diagnostics::Verdict;
use jiff::Timestamp;
use maud::{Markup, html};
use record::RunRecord;

use super::Paged;
use super::absence::{ListOfHistory, PipelineState};
use super::address::{self, paths};
use super::cells::{Entry, named};
use super::frame::{Frame, Place};
use super::score::{NO_OLDER_EVALUATION, model_verdict_in_words};
use crate::page::tables::{Column, table};
use crate::report::{EvaluatedRun, Part, decision, features};

/// Maximum number of names of features in a cell.
const MAX_NAMES: usize = 8;

/// A page of the drift of the model and of the features.
pub struct DriftPage {
    /// The present time.
    pub now: Timestamp,
    /// The newest run that tested the deployed model; shown on the first page only.
    pub newest: Option<RunRecord>,
    /// The runs that evaluated the deployed model, the newest first.
    pub runs: Part<Paged<EvaluatedRun>>,
    /// State of the pipeline. A page without tests tells from it what to do.
    pub state: PipelineState,
}

impl DriftPage {
    /// The page.
    pub fn html(&self) -> String {
        Frame {
            place: Some(Place::Drift),
            title: "Drift".into(),
            subtitle: html! { "Drift of the model (do clients leave for other reasons?) and of the features (are the clients different?)" },
            content: LIST.page(&self.runs, &self.state, |runs| self.content(runs)),
            now: self.now,
        }
        .html()
    }

    fn content(&self, runs: &Paged<EvaluatedRun>) -> Markup {
        html! {
            @if runs.is_first { (newest(self.newest.as_ref())) }
            @if !runs.items.is_empty() { h2 { "Run by run" } }
            (by_run(runs))
        }
    }
}

const LIST: ListOfHistory<'_> = ListOfHistory {
    path: paths::DRIFT,
    parameters: &[],
    subject: "The drift tests",
    nothing: "No run has compared new rows with a deployed model yet.",
    nothing_older: NO_OLDER_EVALUATION,
    links: ["Newest runs", "Older runs"],
};

/// The tests of the newest run that tested the deployed model.
fn newest(newest: Option<&RunRecord>) -> Markup {
    let Some((record, verdicts)) = newest.and_then(|run| Some((run, run.verdicts()?))) else {
        return html! { p { "None of the newest runs has tested the deployed model." } };
    };
    let run = record.run_id.unwrap_or_default();
    html! {
        h2 { "Features in " a href=(address::run(run)) { "run " (run) } }
        (features::first_sentences(&verdicts.feature_sentences()))
        (features::table_of(&features::by_importance(verdicts), Entry::feature, Entry::Text))
        h2 { "Model in " a href=(address::run(run)) { "run " (run) } }
        (decision::model_drift(record))
    }
}

fn by_run(runs: &Paged<EvaluatedRun>) -> Markup {
    let rows: Vec<Vec<Entry>> = runs
        .items
        .iter()
        .map(|run| {
            let all = run.features.as_deref();
            let tested = all.unwrap_or_default().iter();
            let drifted = tested.filter(|it| it.verdict == Verdict::Drift);
            let drifted: Vec<String> = drifted.map(|it| named(&it.name)).collect();
            vec![
                Entry::run(run.run),
                Entry::text(run.rows.map(count).unwrap_or_default()),
                Entry::text(
                    run.model_verdict
                        .map_or("not tested", model_verdict_in_words),
                ),
                Entry::Sentence(match all {
                    None => "not tested".into(),
                    Some(_) => feature_drift_in_words(&drifted, &run.joint_drift, MAX_NAMES)
                        .unwrap_or_else(|| "none".into()),
                }),
            ]
        })
        .collect();
    table(
        "Drift by run",
        &[
            Column::Number("Run"),
            Column::Number("Rows with a label"),
            Column::Text("Model drift"),
            Column::Sentence("Feature drift"),
        ],
        &rows,
    )
}

/// The features that have drifted, and what the joint test found. `None` without drift.
pub(super) fn feature_drift_in_words(
    drifted: &[String],
    joint: &[String],
    max_names: usize,
) -> Option<String> {
    let (names, joint) = (listed(drifted, max_names), joint.join("; "));
    match (names.is_empty(), joint.is_empty()) {
        (true, true) => None,
        (false, true) => Some(names),
        (true, false) => Some(joint),
        (false, false) => Some(format!("{names}; in all features together: {joint}")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn feature_drift_in_words_has_the_features_and_the_joint_test() {
        let drifted = ["base".to_owned()];
        let joint = ["the relation of base and b".to_owned()];
        let words =
            |drifted: &[String], joint: &[String]| feature_drift_in_words(drifted, joint, 5);
        assert_eq!(words(&[], &[]), None);
        assert_eq!(words(&drifted, &[]).as_deref(), Some("base"));
        let both = words(&drifted, &joint);
        assert_eq!(
            both.as_deref(),
            Some("base; in all features together: the relation of base and b")
        );
        assert_eq!(
            words(&[], &joint).as_deref(),
            Some("the relation of base and b")
        );
    }
}
