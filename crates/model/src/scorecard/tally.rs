//! Counts the sampled training rows that belong to each row of a scorecard.

use std::collections::HashMap;

use dataset::level_code;

use super::Cells;

/// Counts of the sampled training rows that belong to one row of a scorecard.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Tally {
    /// Number of rows.
    pub(super) rows: u64,
    /// Number of positive labels among them.
    pub(super) positives: u64,
}

impl Tally {
    /// The counts for each kind of cells of a feature. `cells` has the feature's cell in each sampled
    /// row, and `labels` has 1 for each positive label.
    pub(super) fn of_each(
        all: &[Cells<'_>],
        (cells, labels): (&[f64], &[f64]),
    ) -> std::vec::IntoIter<Self> {
        let places = Places::of(all);
        let mut tallies = vec![Self::default(); all.len()];
        for (cell, label) in cells.iter().zip(labels) {
            count(&mut tallies, places.of_cell(*cell), *label);
        }
        tallies.into_iter()
    }

    /// The counts for each kind of cells of the first feature, combined with each kind of the second.
    /// `sample` has the cells of both features, and `labels` has 1 for each positive label.
    pub(super) fn of_pairs(
        [first, second]: [&[Cells<'_>]; 2],
        sample: [&[f64]; 2],
        labels: &[f64],
    ) -> Vec<Self> {
        let [of_first, of_second] = [first, second].map(Places::of);
        let mut tallies = vec![Self::default(); first.len() * second.len()];
        for ((cell, other), label) in sample[0].iter().zip(sample[1]).zip(labels) {
            let place = of_first.of_cell(*cell).zip(of_second.of_cell(*other));
            let place = place.map(|(row, column)| row * second.len() + column);
            count(&mut tallies, place, *label);
        }
        tallies
    }
}

/// Counts a row in this place; `None` counts nothing.
fn count(tallies: &mut [Tally], place: Option<usize>, label: f64) {
    if let Some(tally) = place.and_then(|place| tallies.get_mut(place)) {
        tally.rows += 1;
        tally.positives += u64::from(label == 1.0);
    }
}

/// Finds the place of a cell's kind in a list of kinds of cells.
#[derive(Default)]
struct Places {
    missing: Option<usize>,
    /// Place of the first range, which has no lower end.
    ranges: usize,
    /// The lower ends of the other ranges.
    lower_ends: Vec<f64>,
    /// The levels, by the bits of their codes.
    levels: HashMap<u64, usize>,
    /// All other cells.
    others: Option<usize>,
}

impl Places {
    fn of(all: &[Cells<'_>]) -> Self {
        let mut places = Self::default();
        for (place, cells) in all.iter().enumerate() {
            match cells {
                Cells::Range {
                    from: Some(from), ..
                } => places.lower_ends.push(*from),
                Cells::Range { from: None, .. } => places.ranges = place,
                Cells::Level(level) => {
                    places.levels.insert(level_code(level).to_bits(), place);
                }
                Cells::Line { .. } | Cells::OtherLevels => places.others = Some(place),
                Cells::Missing => places.missing = Some(place),
            }
        }
        places
    }

    fn of_cell(&self, cell: f64) -> Option<usize> {
        if cell.is_nan() {
            self.missing
        } else if !self.lower_ends.is_empty() {
            Some(self.ranges + self.lower_ends.partition_point(|end| *end <= cell))
        } else {
            let level = self.levels.get(&cell.to_bits());
            level.copied().or(self.others)
        }
    }
}
