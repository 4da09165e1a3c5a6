//! The reasons of decisions, as sentences.

use common::config::DriftBasis;
use common::numbers::{Scores, count, counted};

use crate::evidence::{DeployedModel, Evidence, F1};
use crate::needed_labels::NeededLabels;

pub(super) fn all_rejected(evidence: &Evidence) -> String {
    format!(
        "nothing is deployed, and no input file can be used: {}",
        evidence.rejected_files.join("; ")
    )
}

/// The reason why the new rows have too few labels for a decision; `None` if they have enough.
pub(super) fn few_labels(evidence: &Evidence, needed: NeededLabels) -> Option<String> {
    let metrics = evidence.on_new_rows.as_ref();
    let of_metrics = || metrics.map_or(0, |metrics| metrics.positives);
    let positives = evidence.new_positive_rows.unwrap_or_else(of_metrics);
    let negatives = evidence.new_labelled_rows.saturating_sub(positives);
    let missing = needed.missing(positives, negatives)?;
    Some(format!("too few labels to test for model drift: {missing}"))
}

/// Reason for a further candidate without new drift: the labelled rows have doubled. `None` if it is not
/// due.
pub(super) fn refit(evidence: &Evidence) -> Option<String> {
    let regime = evidence.regime.filter(|_| evidence.is_refit_due())?;
    Some(format!(
        "a further trial after the drift of run {}: {} since the drift, {} at the last trial",
        regime.run,
        counted(
            regime.labelled_rows_with(evidence.new_labelled_rows),
            "labelled row"
        ),
        count(regime.labelled_rows_at_trial)
    ))
}

pub(super) fn undefined_score(basis: DriftBasis) -> String {
    format!(
        "F1 on the {} is undefined: no client left and none was predicted to leave",
        rows_of(basis)
    )
}

pub(super) fn zero_score(basis: DriftBasis) -> String {
    format!(
        "F1 on the {} is 0 (no true positive), so it cannot be compared",
        rows_of(basis)
    )
}

/// Compares both scores, and says whether chance may explain the difference.
pub(super) fn compared_scores(
    basis: DriftBasis,
    new: F1,
    deployed: &DeployedModel,
    finding: &str,
) -> String {
    let intervals = new.interval.zip(deployed.score_interval);
    let ends = intervals
        .into_iter()
        .flat_map(|(a, b)| a.into_iter().chain(b));
    let scores = Scores::of([new.value, deployed.score].into_iter().chain(ends));
    let may_be_chance = intervals.is_some_and(|([lower, upper], [other_lower, other_upper])| {
        lower <= other_upper && other_lower <= upper
    });
    format!(
        "F1 is {} on the {}, {finding} {} on the test data at the deployment{}",
        scores.show(Some(new.value), new.interval),
        rows_of(basis),
        scores.show(Some(deployed.score), deployed.score_interval),
        match may_be_chance {
            true => "; the intervals overlap, so chance may explain the difference",
            false => "",
        }
    )
}

/// The reason why no new row has a label. Names the files without a target column.
pub(super) fn no_label(evidence: &Evidence) -> String {
    let files = &evidence.files_without_target;
    let named = files.iter().take(MAX_NAMED_FILES).map(|file| {
        format!(
            "{} has no column {}, so its {} no label",
            file.file,
            file.target,
            match file.rows {
                1 => "row has".into(),
                rows => format!("{} have", counted(rows, "row")),
            }
        )
    });
    let more = files.len().saturating_sub(MAX_NAMED_FILES);
    let more = (more > 0).then(|| format!("{} without this column", counted(more, "further file")));
    let named: Vec<String> = named.chain(more).collect();
    match named.is_empty() {
        true => "no new row has a label".into(),
        false => format!("no new row has a label: {}", named.join("; ")),
    }
}

/// Maximum number of files that a reason names.
const MAX_NAMED_FILES: usize = 3;

fn rows_of(basis: DriftBasis) -> &'static str {
    match basis {
        DriftBasis::NewRows => "new rows",
        DriftBasis::AllRows => "ingested rows",
    }
}
