//! Texts of the picture and their places: titles, names, counts and shares.

use common::numbers::{count, counted};
use plotters::prelude::RGBColor;

use super::content::{Cell, ConfusionChart};
use super::numbers::{percent, score};
use super::palette::{INK, QUIET_INK};
use super::places::{BAR, CELL, GRID, MARGIN, RIGHT, RULE, cell_region};
use crate::canvas::{Align, Label, Region, common_size};

/// Pixels between a cell's edge and its text.
const PADDING: i32 = 16;
/// Width of the text in a cell.
const CELL_TEXT: i32 = CELL.0 - 2 * PADDING;
/// Width of the text left of the cells.
const GUTTER: i32 = GRID.0 - PADDING - MARGIN;
/// Pixels between two lines of text.
const LEADING: i32 = 4;

/// All texts of the picture.
pub(super) fn labels(chart: &ConfusionChart<'_>, cells: &[Cell]) -> anyhow::Result<Vec<Label>> {
    let mut labels = header(chart);
    labels.extend(headings(chart));
    labels.extend(cell_labels(chart, cells)?);
    labels.extend(legend());
    labels.extend(note(chart));
    Ok(labels)
}

fn header(chart: &ConfusionChart<'_>) -> Vec<Label> {
    let title = Region::new(MARGIN, 32, 680, 44);
    let mut labels = column(
        title,
        Align::Left,
        vec![("Confusion matrix".to_owned(), 38, INK)],
    );
    let facts = [
        ("model", chart.model.to_owned(), MARGIN, 310),
        ("data", chart.data.to_owned(), 370, 170),
        ("rows (n)", count(chart.matrix.rows()), 560, 180),
    ];
    for (name, value, left, width) in facts {
        let lines = vec![(name.to_owned(), 20, QUIET_INK), (value, 28, INK)];
        labels.extend(column(Region::new(left, 92, width, 60), Align::Left, lines));
    }
    let name = format!("F1 of “{}”", chart.outcome_names[1]);
    let value = chart.matrix.f1().map_or("undefined".to_owned(), score);
    let place = Region::new(760, 40, RIGHT - 760, 120);
    let mut lines = vec![(name, 20, QUIET_INK), (value, 60, INK)];
    if let Some([lower, upper]) = chart.f1_interval {
        let interval = format!("95 %: {} to {}", score(lower), score(upper));
        lines.push((interval, 20, QUIET_INK));
    }
    labels.extend(column(place, Align::Right, lines));
    labels
}

/// Observed labels left of the cells and predicted labels above the cells, each with its number of
/// rows.
fn headings(chart: &ConfusionChart<'_>) -> Vec<Label> {
    let matrix = chart.matrix;
    let observed = [matrix.negatives(), matrix.positives()];
    let predicted = [
        matrix.true_negative + matrix.false_negative,
        matrix.false_positive + matrix.true_positive,
    ];
    let lines = |axis: &str, outcome: usize, rows: u64| {
        vec![
            (axis.to_owned(), 20, QUIET_INK),
            (chart.outcome_names[outcome].to_owned(), 28, INK),
            (counted(rows, "row"), 20, QUIET_INK),
        ]
    };
    let mut labels = Vec::new();
    for outcome in [0, 1] {
        let cell = cell_region(outcome, outcome);
        let above = Region::new(cell.left + PADDING, RULE.top, CELL_TEXT, GRID.1 - RULE.top);
        let beside = Region::new(MARGIN, cell.top, GUTTER, CELL.1);
        labels.extend(column(
            above,
            Align::Center,
            lines("predicted", outcome, predicted[outcome]),
        ));
        labels.extend(column(
            beside,
            Align::Right,
            lines("observed", outcome, observed[outcome]),
        ));
    }
    labels
}

/// Texts of the cells. All counts have one size, so that no count looks greater because of its font
/// size.
fn cell_labels(chart: &ConfusionChart<'_>, cells: &[Cell]) -> anyhow::Result<Vec<Label>> {
    let counts: Vec<String> = cells.iter().map(|cell| count(cell.count)).collect();
    let size = common_size(&counts, 64, CELL_TEXT)?;
    let labels = cells.iter().zip(counts).flat_map(|(cell, count)| {
        let name = chart.outcome_names[cell.observed];
        let (share, base) = match cell.observed_rows {
            0 => ("–".to_owned(), format!("no row observed “{name}”")),
            observed_rows => (
                percent(cell.count, observed_rows),
                format!("of observed “{name}”"),
            ),
        };
        let lines = vec![
            (cell.kind.to_owned(), 20, INK),
            (count, size, INK),
            (share, 34, INK),
            (base, 20, INK),
        ];
        let place = Region::new(
            cell.region.left + PADDING,
            cell.region.top + PADDING / 2,
            CELL_TEXT,
            cell.region.height - PADDING,
        );
        column(place, Align::Center, lines)
    });
    Ok(labels.collect())
}

fn legend() -> Vec<Label> {
    let beside = Region::new(MARGIN, BAR.top, GUTTER, BAR.height);
    let below = Region::new(BAR.left, BAR.top + BAR.height + 4, BAR.width, 20);
    let tick = |text: &str, align| column(below, align, vec![(text.to_owned(), 20, QUIET_INK)]);
    let title = "share of the observed".to_owned();
    let mut labels = column(beside, Align::Right, vec![(title, 20, QUIET_INK)]);
    labels.extend(tick("0 %", Align::Left));
    labels.extend(tick("50 %", Align::Center));
    labels.extend(tick("100 %", Align::Right));
    labels
}

/// Reason why F1 is undefined. Empty if F1 is defined.
fn note(chart: &ConfusionChart<'_>) -> Vec<Label> {
    if chart.matrix.f1().is_some() {
        return Vec::new();
    }
    let name = chart.outcome_names[1];
    let text = format!("F1 is undefined: no row is observed or predicted “{name}”.");
    let place = Region::new(MARGIN, 796, RIGHT - MARGIN, 24);
    column(place, Align::Left, vec![(text, 20, INK)])
}

/// Lines of text below each other, vertically centred in a region.
fn column(region: Region, align: Align, lines: Vec<(String, u32, RGBColor)>) -> Vec<Label> {
    let gaps = LEADING * (lines.len() as i32 - 1);
    let height: i32 = gaps + lines.iter().map(|(_, size, _)| *size as i32).sum::<i32>();
    let mut top = region.top + (region.height - height) / 2;
    let label = |(text, size, color)| {
        let line = Region::new(region.left, top, region.width, size as i32);
        top += line.height + LEADING;
        Label {
            text,
            size,
            color,
            align,
            region: line,
        }
    };
    lines.into_iter().map(label).collect()
}

#[cfg(test)]
mod tests {
    use super::super::tests::{chart, extremes};
    use super::super::{SIZE, cells};
    use super::*;

    #[test]
    fn text_stays_in_its_region_and_no_two_texts_overlap() {
        let picture = Region::new(0, 0, SIZE.0 as i32, SIZE.1 as i32);
        for chart in extremes() {
            let cells = cells(&chart);
            let mut earlier: Vec<Region> = Vec::new();
            for label in labels(&chart, &cells).expect("labels") {
                let ink = label.ink().expect("ink").region;
                assert!(label.region.contains(ink), "{label:?}: {ink:?}");
                assert!(picture.contains(label.region), "{label:?}");
                assert!(
                    !earlier.iter().any(|other| other.overlaps(ink)),
                    "{label:?}"
                );
                let crossed =
                    |cell: &&Cell| cell.region.overlaps(ink) && !cell.region.contains(ink);
                assert!(cells.iter().find(crossed).is_none(), "{label:?}");
                earlier.push(ink);
            }
        }
    }

    #[test]
    fn each_cell_shows_its_count_and_its_share_of_the_observed_label() {
        let chart = chart(8113, 894, 310, 683);
        let labels = labels(&chart, &cells(&chart)).expect("labels");
        let texts: Vec<&str> = labels.iter().map(|label| label.text.as_str()).collect();
        for cell in [
            ["correct", "8,113", "90.1 %", "of observed “stayed”"],
            ["false alarm", "894", "9.9 %", "of observed “stayed”"],
            ["missed", "310", "31.2 %", "of observed “left”"],
            ["correct", "683", "68.8 %", "of observed “left”"],
        ] {
            assert!(texts.windows(4).any(|window| window == cell), "{cell:?}");
        }
        for heading in [
            ["predicted", "stayed", "8,423 rows"],
            ["predicted", "left", "1,577 rows"],
            ["observed", "stayed", "9,007 rows"],
            ["observed", "left", "993 rows"],
        ] {
            assert!(
                texts.windows(3).any(|window| window == heading),
                "{heading:?}"
            );
        }
        for fact in [
            ["model", "release 000002"],
            ["data", "test data"],
            ["rows (n)", "10,000"],
            ["F1 of “left”", "0.5315"],
        ] {
            assert!(texts.windows(2).any(|window| window == fact), "{fact:?}");
        }
        assert!(texts.contains(&"95 %: 0.5081 to 0.5548"), "{texts:?}");
    }

    #[test]
    fn without_rows_there_is_no_share_and_no_score() {
        let chart = chart(5, 0, 0, 0);
        let labels = labels(&chart, &cells(&chart)).expect("labels");
        let texts: Vec<&str> = labels.iter().map(|label| label.text.as_str()).collect();
        for text in [
            "undefined",
            "F1 is undefined: no row is observed or predicted “left”.",
            "–",
            "no row observed “left”",
            "100.0 %",
        ] {
            assert!(texts.contains(&text), "{text}");
        }
    }
}
