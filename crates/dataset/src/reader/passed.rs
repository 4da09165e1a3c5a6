//! The part of a text that was passed.

use super::header::ColumnMap;
use super::long_fields::LongFields;
use crate::tokenizer::Tolerated;

/// The part of a text that was passed, the header included.
#[derive(Default)]
pub(super) struct Passed {
    pub(super) tolerated: Tolerated,
    pub(super) lines: u64,
    pub(super) long_fields: LongFields,
}

impl Passed {
    /// What was tolerated in a text with these columns.
    pub(super) fn notes(&self, columns: &ColumnMap, tolerated: Tolerated) -> Vec<String> {
        let mut notes = columns.notes.clone();
        notes.extend(tolerated.sentences());
        notes.extend(self.long_fields.note());
        notes
    }
}
