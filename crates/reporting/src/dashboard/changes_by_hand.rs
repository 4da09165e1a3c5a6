//! The changes that people made by hand, in the tables of runs.

use common::history::ChangeByHand;
use maud::{Markup, html};

use super::cells::Entry;

/// Maximum number of changes by hand that a page lists, the newest first.
pub const MAX_CHANGES: u32 = 100;

/// The cell in the place of a run's number.
pub(super) fn run_cell() -> Entry {
    Entry::text("by hand")
}

/// The sentence below a table that may lack changes; nothing if it has all.
pub(super) fn changes_note(changes: &[ChangeByHand]) -> Markup {
    html! {
        @if changes.len() >= MAX_CHANGES as usize {
            p.note { "Of the changes by hand between these runs, the newest " (MAX_CHANGES) " are shown." }
        }
    }
}
