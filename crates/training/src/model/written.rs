//! Rows of a model as they are written down: a category's cell by its text.

use common::manifest::SampleCell;
use dataset::level_code;

use super::Model;

impl Model {
    /// A row of its columns as it is written down.
    ///
    /// `None` where a level's text is not known, which of a column with very many levels is one of
    /// thousands.
    pub fn written_row(&self, row: &[f64]) -> Option<Vec<Option<SampleCell>>> {
        let cells = row.iter().enumerate();
        cells
            .map(|(feature, cell)| self.written_cell(feature, *cell))
            .collect()
    }

    /// A row that was written down; `None` where it is of other columns.
    pub fn read_row(&self, written: &[Option<SampleCell>]) -> Option<Vec<f64>> {
        let features = &self.schema.features;
        let cell = |(place, cell): (usize, &Option<SampleCell>)| {
            let is_category = features[place].kind.is_category();
            match (cell, is_category) {
                (None, _) => Some(f64::NAN),
                (Some(SampleCell::Number(number)), false) => Some(*number),
                (Some(SampleCell::Level(level)), true) => Some(level_code(level)),
                (Some(SampleCell::Number(_)), true) | (Some(SampleCell::Level(_)), false) => None,
            }
        };
        if written.len() != features.len() {
            return None;
        }
        written.iter().enumerate().map(cell).collect()
    }

    fn written_cell(&self, feature: usize, cell: f64) -> Option<Option<SampleCell>> {
        if cell.is_nan() {
            return Some(None);
        }
        let Some(counts) = self.profile.columns[feature].levels() else {
            return Some(Some(SampleCell::Number(cell)));
        };
        let mut levels = counts.levels.iter().map(|counted| &counted.level);
        let level = levels.find(|level| level_code(level) == cell)?;
        Some(Some(SampleCell::Level(level.clone())))
    }
}
