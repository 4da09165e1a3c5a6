//! Draws a confusion matrix as the picture `confusionmatrix.png`.
//!
//! Each cell shows its count and its share of the rows with the same observed label. The share sets
//! the colour, so a good model is dark on the diagonal however rare a label is. The picture claims
//! nothing that the values do not say: a share of zero rows is a dash, a score without a
//! denominator is "undefined", and rounding never turns "almost all" into 100 %.

mod labels;
mod numbers;
mod palette;

use plotters::prelude::RGBColor;
use scoring::ConfusionMatrix;

use self::labels::labels;
use self::palette::{LINE, NO_SHARE, color_of};
use crate::canvas::{Area, Region, fill, outline, paint_png, write};

/// Content of the picture.
#[derive(Clone, Copy, Debug)]
pub struct ConfusionChart<'a> {
    /// The counts.
    pub matrix: ConfusionMatrix,
    /// Names of outcome 0 and outcome 1, for example "stayed" and "left".
    pub outcome_names: [&'a str; 2],
    /// Name of the evaluated model, for example "release 000002".
    pub model: &'a str,
    /// Name of the rows, for example "test data".
    pub data: &'a str,
}

/// Draws the picture and returns a PNG file. Equal values give equal bytes.
pub fn draw_confusion_matrix(chart: &ConfusionChart<'_>) -> anyhow::Result<Vec<u8>> {
    let cells = cells(chart);
    let labels = labels(chart, &cells)?;
    paint_png(SIZE, |area| {
        fill(area, RULE, LINE)?;
        draw_legend(area)?;
        for cell in &cells {
            fill(area, cell.region, cell.color())?;
            outline(area, cell.region, LINE)?;
        }
        labels.iter().try_for_each(|label| write(area, label))
    })
}

/// Width and height of the picture in pixels.
const SIZE: (u32, u32) = (1000, 840);

/// Margin on the left and on the right, in pixels.
const MARGIN: i32 = 40;
const RIGHT: i32 = SIZE.0 as i32 - MARGIN;
/// The line under the header.
const RULE: Region = Region {
    left: MARGIN,
    top: 172,
    width: RIGHT - MARGIN,
    height: 1,
};
/// Upper left corner of the four cells, the size of a cell and the gap between two.
const GRID: (i32, i32) = (250, 284);
const CELL: (i32, i32) = (350, 212);
const GAP: i32 = 10;
/// The colour bar.
const BAR: Region = Region {
    left: GRID.0,
    top: 738,
    width: RIGHT - GRID.0,
    height: 14,
};

/// One cell of the matrix.
struct Cell {
    observed: usize,
    count: u64,
    /// Number of rows with the same observed label.
    observed_rows: u64,
    kind: &'static str,
    region: Region,
}

impl Cell {
    fn color(&self) -> RGBColor {
        if self.observed_rows == 0 {
            NO_SHARE
        } else {
            color_of(self.count as f64 / self.observed_rows as f64)
        }
    }
}

/// The four cells. Observed labels are rows and predicted labels are columns, label 0 first.
fn cells(chart: &ConfusionChart<'_>) -> [Cell; 4] {
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

fn cell_region(observed: usize, predicted: usize) -> Region {
    Region::new(
        GRID.0 + predicted as i32 * (CELL.0 + GAP),
        GRID.1 + observed as i32 * (CELL.1 + GAP),
        CELL.0,
        CELL.1,
    )
}

fn draw_legend(area: &Area<'_>) -> anyhow::Result<()> {
    for step in 0..BAR.width {
        let share = f64::from(step) / f64::from(BAR.width - 1);
        let slice = Region::new(BAR.left + step, BAR.top, 1, BAR.height);
        fill(area, slice, color_of(share))?;
    }
    outline(area, BAR, LINE)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_picture_is_a_png_file_of_the_stated_size() {
        let file = draw_confusion_matrix(&chart(8113, 894, 310, 683)).expect("a picture");
        assert_eq!(file[..8], *b"\x89PNG\r\n\x1a\n");
        assert_eq!(file[12..16], *b"IHDR");
        assert_eq!(file[16..20], SIZE.0.to_be_bytes());
        assert_eq!(file[20..24], SIZE.1.to_be_bytes());
    }

    #[test]
    fn equal_values_give_equal_bytes() {
        let draw = |left| draw_confusion_matrix(&chart(8113, 894, 310, left)).expect("a picture");
        assert_eq!(draw(683), draw(683));
        assert_ne!(draw(683), draw(684));
    }

    #[test]
    fn extremes_are_drawn() {
        for chart in extremes() {
            draw_confusion_matrix(&chart).expect("a picture");
        }
    }

    pub(super) fn chart(
        true_negative: u64,
        false_positive: u64,
        false_negative: u64,
        true_positive: u64,
    ) -> ConfusionChart<'static> {
        ConfusionChart {
            matrix: ConfusionMatrix {
                true_positive,
                false_positive,
                false_negative,
                true_negative,
            },
            outcome_names: ["stayed", "left"],
            model: "release 000002",
            data: "test data",
        }
    }

    pub(super) fn extremes() -> [ConfusionChart<'static>; 6] {
        let huge = 9_876_543_210;
        [
            chart(2, 1, 1, 1),
            chart(0, 0, 0, 0),
            chart(5, 0, 0, 0),
            chart(huge, huge, huge, huge),
            ConfusionChart {
                outcome_names: [
                    "continued the business relationship beyond the period of observation",
                    "Kündigung durch den Kunden oder Übergang in ein anderes Portfolio",
                ],
                model: "model 3f2a91c0d4e5f60718293a4b5c6d7e8f90123456 trained by hand on a Friday",
                data: "all rows of finaldata.csv that neither model was fitted to",
                ..chart(huge, 1, 1, huge)
            },
            ConfusionChart {
                outcome_names: ["", ""],
                model: "",
                data: "line\nbreak",
                ..chart(1, 0, 0, 0)
            },
        ]
    }
}
