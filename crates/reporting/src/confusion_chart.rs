//! Draws a confusion matrix as the picture `confusionmatrix.png`.
//!
//! Each cell shows its count and its share of the rows with the same observed label. The share sets
//! the colour, so a good model is dark on the diagonal however rare a label is. The picture claims
//! nothing that the values do not say: a share of zero rows is a dash, a score without a
//! denominator is "undefined", and rounding never turns "almost all" into 100 %.

mod content;
mod labels;
mod numbers;
mod palette;
mod places;

use self::content::cells;
use self::labels::labels;
use self::palette::{LINE, color_of};
use self::places::{BAR, RULE, SIZE};
use crate::canvas::{Area, Region, fill, outline, paint_png, write};

pub use self::content::ConfusionChart;

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
    use scoring::ConfusionMatrix;

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
        let matrix = ConfusionMatrix {
            true_positive,
            false_positive,
            false_negative,
            true_negative,
        };
        ConfusionChart {
            matrix,
            f1_interval: scoring::f1_interval(&matrix),
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
