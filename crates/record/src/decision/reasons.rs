//! The reasons of decisions, as sentences.

use common::config::DriftBasis;
use scoring::f1_with_interval;

use crate::evidence::{DeployedModel, Evidence, F1};
use crate::needed_labels::NeededLabels;

pub(super) fn all_rejected(evidence: &Evidence) -> String {
    format!(
        "nothing is deployed, and no input file can be used: {}",
        evidence.rejected_files.join("; ")
    )
}

/// Why the labels of the new rows are too few to decide; `None` when there are enough.
pub(super) fn few_labels(evidence: &Evidence, needed: NeededLabels) -> Option<String> {
    let metrics = evidence.on_new_rows.as_ref();
    let positives = metrics.map_or(0, |metrics| metrics.positives);
    let negatives = evidence.new_labelled_rows.saturating_sub(positives);
    let missing = needed.missing(positives, negatives)?;
    let have = match evidence.new_labelled_rows {
        1 => "1 new row has a label".into(),
        rows => format!("{rows} new rows have a label"),
    };
    Some(format!("cannot test for model drift yet: {have} {missing}"))
}

/// Why candidates are tried again although no test calls for it; `None` if they are not.
pub(super) fn refit(evidence: &Evidence) -> Option<String> {
    let regime = evidence.regime.filter(|_| evidence.is_refit_due())?;
    Some(format!(
        "another fit is due: {} rows have a label since run {} found model drift, {} had one at the last fit",
        regime.labelled_rows_with(evidence.new_labelled_rows),
        regime.run,
        regime.labelled_rows_at_trial
    ))
}

pub(super) fn undefined_score(basis: DriftBasis) -> String {
    format!(
        "F1 on the {} is undefined: no client left and none was predicted to leave",
        rows_of(basis)
    )
}

pub(super) fn zero_score(basis: DriftBasis) -> String {
    format!("F1 on the {} is 0, which is no score", rows_of(basis))
}

pub(super) fn compared_scores(
    basis: DriftBasis,
    new: F1,
    deployed: &DeployedModel,
    finding: &str,
) -> String {
    format!(
        "F1 on the {} is {}, {finding} the deployed score, {}",
        rows_of(basis),
        f1_with_interval(Some(new.value), new.interval),
        f1_with_interval(Some(deployed.score), deployed.score_interval)
    )
}

fn rows_of(basis: DriftBasis) -> &'static str {
    match basis {
        DriftBasis::NewRows => "new rows",
        DriftBasis::AllRows => "ingested rows",
    }
}
