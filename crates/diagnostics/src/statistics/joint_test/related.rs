//! The rows whose relations are compared where a category has new levels.
//!
//! A new level has no relation to compare. It also takes rows from the known levels, so that the known levels
//! predict the other columns less well. Both would look like changed relations. Rows whose levels both sides
//! have can be compared, because a new level does not change the relations among these rows.

use std::collections::BTreeMap;
use std::ops::Range;

use super::components::{JointColumn, are_enough, key};

/// The rows and columns whose relations are compared.
pub(super) struct Related {
    /// False for a row with a level that only one side has.
    pub(super) rows: Vec<bool>,
    /// True for a column that has hardly any level in common, such as one whose levels are all renamed. It
    /// takes no rows from the relations of the other columns.
    left_out: Vec<bool>,
}

impl Related {
    /// `has_new_levels` is true for the columns whose levels are compared by side.
    pub(super) fn of(
        columns: &[JointColumn],
        sides: &[Range<usize>; 2],
        has_new_levels: &[bool],
    ) -> Self {
        let mut related = Self {
            rows: vec![true; sides[1].end],
            left_out: vec![false; columns.len()],
        };
        let with_new_levels = columns.iter().zip(has_new_levels).enumerate();
        for (place, (column, _)) in with_new_levels.filter(|(_, (_, has_new))| **has_new) {
            let is_shared = are_of_both_sides(&column.cells, sides);
            let are_most = |side: &Range<usize>| {
                let shared = is_shared[side.clone()].iter().filter(|it| **it);
                2 * shared.count() >= side.len()
            };
            match sides.iter().all(are_most) {
                true => {
                    let rows = related.rows.iter_mut().zip(&is_shared);
                    rows.for_each(|(row, is_shared)| *row &= is_shared);
                }
                false => related.left_out[place] = true,
            }
        }
        related
    }

    /// True if the relations of the column are compared.
    pub(super) fn has(&self, column: usize) -> bool {
        !self.left_out[column]
    }

    /// True for the rows of `is_present` whose relations are compared.
    pub(super) fn among(&self, is_present: &[bool]) -> Vec<bool> {
        let rows = self.rows.iter().zip(is_present);
        rows.map(|(is_related, is_present)| *is_related && *is_present)
            .collect()
    }
}

/// For each cell, true if both sides have its level, or if its value is missing. A level that the second side
/// lacks by chance counts as one of both.
fn are_of_both_sides(cells: &[f64], sides: &[Range<usize>; 2]) -> Vec<bool> {
    let mut counts: BTreeMap<u64, [usize; 2]> = BTreeMap::new();
    for (side, rows) in sides.iter().enumerate() {
        for level in cells[rows.clone()].iter().filter_map(|cell| key(*cell)) {
            counts.entry(level).or_default()[side] += 1;
        }
    }
    let is_of_both = |cell: &f64| match key(*cell).map(|level| counts[&level]) {
        Some([0, _]) => false,
        Some([before, 0]) => !are_enough(sides, before),
        Some(_) | None => true,
    };
    cells.iter().map(is_of_both).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn category(cells: &[f64]) -> JointColumn {
        JointColumn {
            is_category: true,
            cells: cells.to_vec(),
        }
    }

    /// 24 rows with the levels 1 and 2, and eight with these cells.
    fn with_now(now: [f64; 8]) -> JointColumn {
        let before = (0..24).map(|row| f64::from(row % 2 + 1));
        category(&before.chain(now).collect::<Vec<f64>>())
    }

    #[test]
    fn rows_of_new_levels_do_not_count_and_a_renamed_column_leaves_the_others_theirs() {
        let new = with_now([1.0, 2.0, 9.0, 1.0, f64::NAN, 2.0, 9.0, 1.0]);
        let renamed = with_now([11.0, 12.0, 11.0, 12.0, 11.0, 12.0, 11.0, 12.0]);
        let sides = [0..24, 24..32];
        let columns = [new, renamed];
        let found = Related::of(&columns, &sides, &[true, true]);
        let left_out: Vec<usize> = (0..32).filter(|row| !found.rows[*row]).collect();
        assert_eq!(left_out, [26, 30]);
        assert_eq!([found.has(0), found.has(1)], [true, false]);
        let all = Related::of(&columns, &sides, &[false, false]);
        assert!(all.rows.iter().all(|it| *it) && all.has(1));
    }

    #[test]
    fn a_level_that_is_gone_does_not_count_unless_chance_explains_it() {
        let sides = [0..24, 24..32];
        // 12 of 24 rows have the level 2: three are expected among eight, fewer than five.
        let rare = with_now([1.0; 8]);
        assert!(
            Related::of(&[rare], &sides, &[true])
                .rows
                .iter()
                .all(|it| *it)
        );
        let mut cells = vec![1.0; 600];
        cells[..240].fill(2.0);
        let gone = category(&[cells, vec![1.0; 200]].concat());
        let found = Related::of(&[gone], &[0..600, 600..800], &[true]);
        assert_eq!(found.rows.iter().filter(|it| !**it).count(), 240);
    }
}
