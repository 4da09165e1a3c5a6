//! Reads and writes rows in the form of a release's manifest, where a level is stored as its text.

use std::collections::HashMap;

use common::manifest::SampleCell;
use dataset::level_code;

use crate::model::Model;

/// Writes rows of a model's features in the form of a manifest.
pub struct RowWriter<'m> {
    /// For each feature, the texts of its levels by the bits of their codes; `None` for a number.
    texts: Vec<Option<HashMap<u64, &'m str>>>,
}

impl RowWriter<'_> {
    /// The row in the form of a manifest; `None` if it has a level whose text is unknown.
    pub fn written(&self, row: &[f64]) -> Option<Vec<Option<SampleCell>>> {
        let cells = self.texts.iter().zip(row);
        cells
            .map(|(texts, cell)| written_cell(texts.as_ref(), *cell))
            .collect()
    }
}

fn written_cell(texts: Option<&HashMap<u64, &str>>, cell: f64) -> Option<Option<SampleCell>> {
    if cell.is_nan() {
        return Some(None);
    }
    let Some(texts) = texts else {
        return Some(Some(SampleCell::Number(cell)));
    };
    let text = texts.get(&cell.to_bits())?;
    Some(Some(SampleCell::Level((*text).to_owned())))
}

impl Model {
    /// A writer for rows of the model's features. It knows the levels of the training rows.
    pub fn row_writer(&self) -> RowWriter<'_> {
        let columns = self.profile.columns.iter().take(self.schema.features.len());
        let texts = columns.map(|column| {
            let levels = column.levels()?.levels.iter();
            let by_code = levels.map(|counted| {
                let text = counted.level.as_str();
                (level_code(text).to_bits(), text)
            });
            Some(by_code.collect())
        });
        RowWriter {
            texts: texts.collect(),
        }
    }

    /// The values of a row from a manifest; `None` if the cells do not fit the model's features.
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
}
