//! The part of a text that was already read.

use super::file_flaw::{FileFlaw, FileProblem};
use super::header::ColumnMap;
use super::long_fields::LongFields;
use crate::cell::Marks;
use crate::tokenizer::Tolerated;

/// Counts and findings of the part of a text that was already read, including the header.
#[derive(Default)]
pub(super) struct Passed {
    pub(super) tolerated: Tolerated,
    pub(super) lines: u64,
    pub(super) long_fields: LongFields,
    /// Number of rows without an id and without a label.
    pub(super) without_id_and_label: u64,
    /// By feature, counts of commas and points, if either may be the decimal mark.
    pub(super) marks: Vec<Marks>,
}

impl Passed {
    /// Adds the counts of commas and points in later numbers.
    pub(super) fn add_marks(&mut self, counts: &[Marks]) {
        if self.marks.len() < counts.len() {
            self.marks.resize(counts.len(), Marks::default());
        }
        for (sum, count) in self.marks.iter_mut().zip(counts) {
            sum.join(*count);
        }
    }

    /// An error if it is not clear how the numbers are written. Call it at the end of the text.
    pub(super) fn check_numbers(&self, columns: &ColumnMap) -> Result<(), FileProblem> {
        match columns.doubt(&self.marks) {
            Some(reason) => Err(FileProblem::Unusable(FileFlaw::Syntax(reason))),
            None => Ok(()),
        }
    }

    /// Notes about what was tolerated in a text with these columns.
    pub(super) fn notes(&self, columns: &ColumnMap, tolerated: Tolerated) -> Vec<String> {
        let mut notes = columns.notes.clone();
        notes.extend(tolerated.sentences());
        notes.extend(self.long_fields.note());
        notes.extend(match self.without_id_and_label {
            0 => None,
            rows => Some(format!(
                "{rows} rows have no label, and without an id a label that comes later is not matched with its row"
            )),
        });
        notes
    }
}
