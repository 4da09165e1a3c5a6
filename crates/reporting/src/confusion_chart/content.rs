//! The content of the picture.

use plotters::prelude::RGBColor;
use scoring::ConfusionMatrix;

use super::palette::{NO_SHARE, color_of};
use super::places::cell_region;
use crate::canvas::Region;

/// Content of the picture.
#[derive(Clone, Copy, Debug)]
pub struct ConfusionChart<'a> {
    /// The counts.
    pub matrix: ConfusionMatrix,
    /// 95 % interval of F1; `None` if it is unknown. The counts are not enough to compute it: it depends
    /// on the clients of the rows.
    pub f1_interval: Option<[f64; 2]>,
    /// Names of outcome 0 and outcome 1, for example "stayed" and "left".
    pub outcome_names: [&'a str; 2],
    /// Name of the evaluated model, for example "release 000002".
    pub model: &'a str,
    /// Name of the rows, for example "test data".
    pub data: &'a str,
}

/// One cell of the matrix.
pub(super) struct Cell {
    pub(super) observed: usize,
    pub(super) count: u64,
    /// Number of rows with the same observed label.
    pub(super) observed_rows: u64,
    pub(super) kind: &'static str,
    pub(super) region: Region,
}

impl Cell {
    /// Colour of its share.
    pub(super) fn color(&self) -> RGBColor {
        if self.observed_rows == 0 {
            NO_SHARE
        } else {
            color_of(self.count as f64 / self.observed_rows as f64)
        }
    }
}

/// The four cells. Observed labels are rows and predicted labels are columns, label 0 first.
pub(super) fn cells(chart: &ConfusionChart<'_>) -> [Cell; 4] {
    let matrix = chart.matrix;
    let cell = |observed: usize, predicted: usize, count: u64, kind| Cell {
        observed,
        count,
        observed_rows: [matrix.negatives(), matrix.positives()][observed],
        kind,
        region: cell_region(observed, predicted),
    };
    [
        cell(0, 0, matrix.true_negative, "correct"),
        cell(0, 1, matrix.false_positive, "false alarm"),
        cell(1, 0, matrix.false_negative, "missed"),
        cell(1, 1, matrix.true_positive, "correct"),
    ]
}
