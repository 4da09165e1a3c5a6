//! The number of labels that waiting rows need, stored in the history.
//!
//! New rows wait for their evaluation until enough of them have labels. A run without new input
//! evaluates waiting rows only if the configuration has since been changed to need fewer labels.

use common::{Config, History};
use record::{Action, NeededLabels};

/// Name of the history document with the number of labels that waiting rows need.
const AWAITED_LABELS: &str = "labels that rows wait for";

/// True if rows wait for more labels than the configuration now needs.
pub(crate) fn are_fewer_labels_needed(config: &Config, history: &History) -> anyhow::Result<bool> {
    let awaited: Option<Option<NeededLabels>> = history.document(AWAITED_LABELS)?;
    let now = NeededLabels::of(config);
    Ok(awaited
        .flatten()
        .is_some_and(|awaited| now.is_less_than(awaited)))
}

/// Stores how many labels a decision to wait needs; part of the decision's transaction.
pub(crate) fn save(history: &History, action: Action, needed: NeededLabels) -> anyhow::Result<()> {
    let awaited = (action == Action::Wait).then_some(needed);
    history.save_document(AWAITED_LABELS, &awaited)
}
