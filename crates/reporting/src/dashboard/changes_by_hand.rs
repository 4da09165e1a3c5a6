//! The changes that people made by hand, in the tables of runs.

use common::history::ChangeByHand;
use maud::{Markup, html};
use record::RunOrChange;

use super::cells::{Entry, in_words};
use crate::page::tables::sentence;

/// Maximum number of changes by hand that a page lists, the newest first.
pub const MAX_CHANGES: u32 = 100;

/// What a column of a table of runs shows for a change by hand.
#[derive(Clone, Copy)]
pub(super) enum OfChange {
    /// `by hand`, in the place of the number of a run.
    Run,
    /// When the change was made.
    Time,
    /// What was changed: `rollback`.
    Kind,
    /// The release that the change made live.
    Release,
    /// The whole change as a sentence.
    Sentence,
    /// Nothing, because the column is only of runs.
    Nothing,
}

/// The rows of a table of runs and of changes by hand; `columns` says what a change shows in each column.
pub(super) fn rows<R>(
    entries: &[RunOrChange<R>],
    cells_of_run: impl Fn(&R) -> Vec<Entry>,
    columns: &[OfChange],
) -> Vec<Vec<Entry>> {
    let cells = |entry: &RunOrChange<R>| match entry {
        RunOrChange::Run(run) => cells_of_run(run),
        RunOrChange::Change(change) => columns.iter().map(|column| cell(change, *column)).collect(),
    };
    entries.iter().map(cells).collect()
}

fn cell(change: &ChangeByHand, column: OfChange) -> Entry {
    match column {
        OfChange::Run => Entry::text("by hand"),
        OfChange::Time => Entry::Time(change.made_at),
        OfChange::Kind => Entry::text(in_words(change.kind.name())),
        OfChange::Release => Entry::release_or_none(change.to.as_deref()),
        OfChange::Sentence => Entry::Sentence(sentence(&change.to_string())),
        OfChange::Nothing => Entry::NONE,
    }
}

/// The sentence below a table that may lack changes; nothing if it has all.
pub(super) fn changes_note(changes: &[ChangeByHand]) -> Markup {
    html! {
        @if changes.len() >= MAX_CHANGES as usize {
            p.note { "Of the changes by hand between these runs, the newest " (MAX_CHANGES) " are shown." }
        }
    }
}
