//! Counts of rows by the levels of a category.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::engine::Chunk;
use crate::level::{ColumnNames, insert_among_named};

/// Counts of rows by the levels of a category. Missing values do not count.
///
/// At most [`MAX_NAMED_LEVELS`](crate::level::MAX_NAMED_LEVELS) levels are counted one by one. If
/// there are more, these are the levels with the smallest codes, whatever their frequency. No model
/// can be made of such a column.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct CategoryCounts {
    /// The levels that are counted one by one, the most frequent first. Equally frequent levels are
    /// in the order of their bytes.
    pub levels: Vec<LevelCount>,
    /// Number of rows with any other level. It is 0 with up to
    /// [`MAX_NAMED_LEVELS`](crate::level::MAX_NAMED_LEVELS) levels.
    pub others: u64,
}

/// A level and its number of rows.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct LevelCount {
    /// Text of the level.
    pub level: String,
    /// Number of rows with the level.
    pub rows: u64,
}

/// Counts of rows by code: one count for each of the smallest codes, and one for all other codes.
///
/// The counts do not depend on the order of the rows. Merging parts loses nothing: a code that is
/// among the smallest of all rows is also among the smallest of each part.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(from = "WrittenCounts", into = "WrittenCounts")]
pub(super) struct CodeCounts {
    rows: BTreeMap<u64, u64>,
    others: u64,
}

/// The written form of counts: pairs of code and rows, because not every format has maps of
/// numbers.
#[derive(Serialize, Deserialize)]
struct WrittenCounts {
    rows: Vec<(u64, u64)>,
    others: u64,
}

impl CategoryCounts {
    /// True if all levels are counted one by one, so that no frequent level is missing.
    pub fn are_of_all_levels(&self) -> bool {
        self.others == 0
    }

    /// Number of rows that have a level; saturates.
    pub fn rows(&self) -> u64 {
        // Counts that were read from a file may overflow.
        let of_levels = self.levels.iter().map(|level| level.rows);
        of_levels.fold(self.others, u64::saturating_add)
    }
}

impl CodeCounts {
    /// Adds the cells of a column in a chunk.
    pub(super) fn add_column(&mut self, chunk: &Chunk<'_>, column: &[f64]) {
        self.add_cells(chunk.positions().map(|position| column[position]));
    }

    /// Adds cells of the column, which are codes of levels; NaN is a missing cell.
    pub(super) fn add_cells(&mut self, cells: impl Iterator<Item = f64>) {
        for cell in cells {
            if !cell.is_nan() {
                self.add(cell as u64, 1);
            }
        }
    }

    /// Adds the counts of other rows.
    pub(super) fn merge(&mut self, other: &Self) {
        for (code, rows) in &other.rows {
            self.add(*code, *rows);
        }
        self.add_to_others(other.others);
    }

    /// Number of rows that have a level; saturates.
    pub(super) fn total(&self) -> u64 {
        let of_codes = self.rows.values().copied();
        of_codes.fold(self.others, u64::saturating_add)
    }

    /// The counts by text. A code without a text counts among the others.
    pub(super) fn named(&self, names: Option<&ColumnNames>) -> CategoryCounts {
        let mut counts = CategoryCounts {
            levels: Vec::with_capacity(self.rows.len()),
            others: self.others,
        };
        for (code, rows) in &self.rows {
            match names.and_then(|names| names.name(*code)) {
                Some(name) => counts.levels.push(LevelCount {
                    level: name.to_owned(),
                    rows: *rows,
                }),
                None => counts.others = counts.others.saturating_add(*rows),
            }
        }
        counts
            .levels
            .sort_by(|one, other| other.rows.cmp(&one.rows).then(one.level.cmp(&other.level)));
        counts
    }

    fn add(&mut self, code: u64, rows: u64) {
        if let Some(count) = self.rows.get_mut(&code) {
            *count = count.saturating_add(rows);
            return;
        }
        if let Some(dropped) = insert_among_named(&mut self.rows, code, rows) {
            self.add_to_others(dropped);
        }
    }

    /// Adds rows to the count of all other codes. Counts that were read from a file may overflow,
    /// so the sum saturates.
    fn add_to_others(&mut self, rows: u64) {
        self.others = self.others.saturating_add(rows);
    }
}

impl From<WrittenCounts> for CodeCounts {
    fn from(written: WrittenCounts) -> Self {
        let mut counts = Self {
            rows: BTreeMap::new(),
            others: written.others,
        };
        for (code, rows) in written.rows {
            counts.add(code, rows);
        }
        counts
    }
}

impl From<CodeCounts> for WrittenCounts {
    fn from(counts: CodeCounts) -> Self {
        Self {
            rows: counts.rows.into_iter().collect(),
            others: counts.others,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::level::{LevelNames, MAX_NAMED_LEVELS};

    #[test]
    fn counts_of_parts_are_those_of_the_whole_also_beyond_the_bound() {
        let mut names = LevelNames::default();
        let cells: Vec<f64> = (0..MAX_NAMED_LEVELS + 700)
            .flat_map(|level| vec![names.add(0, &level.to_string()); 1 + level % 3])
            .chain([f64::NAN; 9])
            .collect();
        let mut whole = CodeCounts::default();
        whole.add_cells(cells.iter().copied());
        let mut joined = CodeCounts::default();
        for part in cells.rchunks(3000) {
            let mut counts = CodeCounts::default();
            counts.add_cells(part.iter().rev().copied());
            joined.merge(&counts);
        }
        assert_eq!(whole, joined);
        let named = whole.named(names.column(0));
        assert_eq!(named.levels.len(), MAX_NAMED_LEVELS);
        assert!(named.others > 0);
        assert_eq!(named.rows(), cells.len() as u64 - 9);
        assert_eq!(named.rows(), whole.total());
    }

    #[test]
    fn counts_that_cannot_be_do_not_overflow() {
        let largest = || CodeCounts {
            rows: BTreeMap::from([(7, u64::MAX)]),
            others: u64::MAX,
        };
        let mut joined = largest();
        joined.merge(&largest());
        assert_eq!(joined.total(), u64::MAX);
        assert_eq!(joined.named(None).rows(), u64::MAX);
    }

    #[test]
    fn the_most_frequent_levels_come_first_and_ties_by_text() {
        let mut names = LevelNames::default();
        let cells = ["b", "c", "a", "c"].map(|level| names.add(0, level));
        let mut counts = CodeCounts::default();
        counts.add_cells(cells.into_iter());
        counts.add_cells(std::iter::once(crate::level_code("nameless")));
        let named = counts.named(names.column(0));
        let shown: Vec<(&str, u64)> = named
            .levels
            .iter()
            .map(|level| (level.level.as_str(), level.rows))
            .collect();
        assert_eq!(shown, [("c", 2), ("a", 1), ("b", 1)]);
        assert_eq!(named.others, 1);
    }
}
