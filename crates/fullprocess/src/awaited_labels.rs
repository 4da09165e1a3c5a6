//! The labels that waiting rows wait for, in the history.
//!
//! A run without new input evaluates rows that wait only if the configuration asks for fewer labels
//! than when it was decided that they wait.

use common::{Config, History};
use record::{Action, NeededLabels};

/// The document with the labels that rows wait for.
const AWAITED_LABELS: &str = "labels that rows wait for";

/// True if rows wait for more labels than the configuration asks for now.
pub(crate) fn do_fewer_suffice(config: &Config, history: &History) -> anyhow::Result<bool> {
    let awaited: Option<Option<NeededLabels>> = history.document(AWAITED_LABELS)?;
    let now = NeededLabels::of(config);
    Ok(awaited
        .flatten()
        .is_some_and(|awaited| now.is_less_than(awaited)))
}

/// Stores the labels that a decision waits for; part of the decision's transaction.
pub(crate) fn save(history: &History, action: Action, needed: NeededLabels) -> anyhow::Result<()> {
    let awaited = (action == Action::Wait).then_some(needed);
    history.save_document(AWAITED_LABELS, &awaited)
}
