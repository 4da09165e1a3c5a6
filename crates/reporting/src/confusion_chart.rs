//! The picture of a confusion matrix, `confusionmatrix.png`: values in, the bytes of a PNG file out.
//!
//! Each cell shows its count and its share of the rows observed in the same class, and is coloured by that share: a
//! good model is dark on the diagonal however rare a class is. Nothing is drawn that the values do not say: a share of
//! no rows is a dash, a score without a denominator is "undefined", and rounding never turns "almost all" into 100 %.

use plotters::prelude::RGBColor;
use scoring::ConfusionMatrix;

use crate::canvas::{Align, Area, Label, Region, common_size, fill, outline, paint_png, write};

/// What the confusion-matrix picture shows.
#[derive(Clone, Copy, Debug)]
pub struct ConfusionChart<'a> {
    /// The counts.
    pub matrix: ConfusionMatrix,
    /// What class 0 and class 1 are called, for example "stayed" and "left".
    pub class_names: [&'a str; 2],
    /// Which model was judged, for example "release 000002".
    pub model: &'a str,
    /// On which rows, for example "test data".
    pub data: &'a str,
}

/// Draws the picture as a PNG file; the same values give the same bytes.
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

/// The left edge of everything, and the right edge mirrored.
const MARGIN: i32 = 40;
const RIGHT: i32 = SIZE.0 as i32 - MARGIN;
/// The line under the header.
const RULE: Region = Region {
    left: MARGIN,
    top: 172,
    width: RIGHT - MARGIN,
    height: 1,
};
/// The upper left corner of the four cells, the size of one and the gap between two.
const GRID: (i32, i32) = (250, 284);
const CELL: (i32, i32) = (350, 212);
const GAP: i32 = 10;
/// Free space between a cell's edge and its text.
const PADDING: i32 = 16;
/// The width of the text in a cell.
const CELL_TEXT: i32 = CELL.0 - 2 * PADDING;
/// The width of what stands left of the cells.
const GUTTER: i32 = GRID.0 - PADDING - MARGIN;
/// Free space between two lines of text.
const LEADING: i32 = 4;
/// The colour bar.
const BAR: Region = Region {
    left: GRID.0,
    top: 738,
    width: RIGHT - GRID.0,
    height: 14,
};

const INK: RGBColor = RGBColor(0x1a, 0x1f, 0x26);
const QUIET_INK: RGBColor = RGBColor(0x56, 0x60, 0x6b);
const LINE: RGBColor = RGBColor(0xc4, 0xcd, 0xd6);
/// A cell without a share.
const NO_SHARE: RGBColor = RGBColor(0xf2, 0xf2, 0xf2);

/// From a share of 0 to one of 1 in equal steps: one hue whose lightness alone tells the share, so that it survives
/// every kind of colour blindness and a black-and-white print. It ends before one ink is no longer readable on all of
/// it: black or white by turns would be hard to read where they change places.
const SCALE: [RGBColor; 3] = [
    RGBColor(0xf7, 0xfb, 0xff),
    RGBColor(0xb5, 0xd4, 0xea),
    RGBColor(0x5b, 0xa3, 0xd3),
];

/// One of the four counts.
struct Cell {
    observed: usize,
    count: u64,
    /// Rows observed in the same class.
    of: u64,
    verdict: &'static str,
    region: Region,
}

impl Cell {
    fn color(&self) -> RGBColor {
        if self.of == 0 {
            NO_SHARE
        } else {
            color_of(self.count as f64 / self.of as f64)
        }
    }
}

/// Observed classes are rows and predicted classes are columns, class 0 first.
fn cells(chart: &ConfusionChart<'_>) -> [Cell; 4] {
    let matrix = chart.matrix;
    let cell = |observed: usize, predicted: usize, count: u64, verdict| Cell {
        observed,
        count,
        of: [matrix.negatives(), matrix.positives()][observed],
        verdict,
        region: cell_region(observed, predicted),
    };
    [
        cell(0, 0, matrix.true_negative, "correct"),
        cell(0, 1, matrix.false_positive, "false alarm"),
        cell(1, 0, matrix.false_negative, "missed"),
        cell(1, 1, matrix.true_positive, "correct"),
    ]
}

/// All text of the picture.
fn labels(chart: &ConfusionChart<'_>, cells: &[Cell]) -> anyhow::Result<Vec<Label>> {
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
        ("rows (n)", thousands(chart.matrix.rows()), 560, 180),
    ];
    for (name, value, left, width) in facts {
        let lines = vec![(name.to_owned(), 20, QUIET_INK), (value, 28, INK)];
        labels.extend(column(Region::new(left, 92, width, 60), Align::Left, lines));
    }
    let name = format!("F1 of “{}”", chart.class_names[1]);
    let value = chart.matrix.f1().map_or("undefined".to_owned(), score);
    let place = Region::new(760, 64, RIGHT - 760, 96);
    labels.extend(column(
        place,
        Align::Right,
        vec![(name, 20, QUIET_INK), (value, 60, INK)],
    ));
    labels
}

/// The observed classes left of the cells and the predicted classes above them, with the rows in each.
fn headings(chart: &ConfusionChart<'_>) -> Vec<Label> {
    let matrix = chart.matrix;
    let observed = [matrix.negatives(), matrix.positives()];
    let predicted = [
        matrix.true_negative + matrix.false_negative,
        matrix.false_positive + matrix.true_positive,
    ];
    let lines = |axis: &str, class: usize, rows| {
        vec![
            (axis.to_owned(), 20, QUIET_INK),
            (chart.class_names[class].to_owned(), 28, INK),
            (n_rows(rows), 20, QUIET_INK),
        ]
    };
    let mut labels = Vec::new();
    for class in [0, 1] {
        let cell = cell_region(class, class);
        let above = Region::new(cell.left + PADDING, RULE.top, CELL_TEXT, GRID.1 - RULE.top);
        let beside = Region::new(MARGIN, cell.top, GUTTER, CELL.1);
        labels.extend(column(
            above,
            Align::Center,
            lines("predicted", class, predicted[class]),
        ));
        labels.extend(column(
            beside,
            Align::Right,
            lines("observed", class, observed[class]),
        ));
    }
    labels
}

/// The counts of all cells in one size, so that no count looks greater than another by its type.
fn cell_labels(chart: &ConfusionChart<'_>, cells: &[Cell]) -> anyhow::Result<Vec<Label>> {
    let counts: Vec<String> = cells.iter().map(|cell| thousands(cell.count)).collect();
    let size = common_size(&counts, 64, CELL_TEXT)?;
    let labels = cells.iter().zip(counts).flat_map(|(cell, count)| {
        let name = chart.class_names[cell.observed];
        let (share, base) = match cell.of {
            0 => ("–".to_owned(), format!("no row observed “{name}”")),
            of => (percent(cell.count, of), format!("of observed “{name}”")),
        };
        let lines = vec![
            (cell.verdict.to_owned(), 20, INK),
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

fn draw_legend(area: &Area<'_>) -> anyhow::Result<()> {
    for step in 0..BAR.width {
        let share = f64::from(step) / f64::from(BAR.width - 1);
        let slice = Region::new(BAR.left + step, BAR.top, 1, BAR.height);
        fill(area, slice, color_of(share))?;
    }
    outline(area, BAR, LINE)
}

/// Why there is no F1, where there is none.
fn note(chart: &ConfusionChart<'_>) -> Vec<Label> {
    if chart.matrix.f1().is_some() {
        return Vec::new();
    }
    let name = chart.class_names[1];
    let text = format!("F1 is undefined: no row is observed or predicted “{name}”.");
    let place = Region::new(MARGIN, 796, RIGHT - MARGIN, 24);
    column(place, Align::Left, vec![(text, 20, INK)])
}

/// Lines of text below each other, in the middle of a region.
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

fn cell_region(observed: usize, predicted: usize) -> Region {
    Region::new(
        GRID.0 + predicted as i32 * (CELL.0 + GAP),
        GRID.1 + observed as i32 * (CELL.1 + GAP),
        CELL.0,
        CELL.1,
    )
}

/// The colour of a share between 0 and 1.
fn color_of(share: f64) -> RGBColor {
    let position = share.clamp(0.0, 1.0) * (SCALE.len() - 1) as f64;
    let step = (position as usize).min(SCALE.len() - 2);
    let within = position - step as f64;
    let mix = |from: u8, to: u8| {
        let (from, to) = (f64::from(from), f64::from(to));
        (from + (to - from) * within).round() as u8
    };
    let (from, to) = (SCALE[step], SCALE[step + 1]);
    RGBColor(mix(from.0, to.0), mix(from.1, to.1), mix(from.2, to.2))
}

fn n_rows(rows: u64) -> String {
    let noun = if rows == 1 { "row" } else { "rows" };
    format!("{} {noun}", thousands(rows))
}

/// A count with a comma between thousands.
fn thousands(count: u64) -> String {
    let digits = count.to_string();
    let mut text = String::with_capacity(digits.len() * 4 / 3);
    for (index, digit) in digits.chars().enumerate() {
        if index > 0 && (digits.len() - index).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

/// A share with one decimal; only none is 0.0 %, only all is 100.0 %.
fn percent(part: u64, whole: u64) -> String {
    let text = format!("{:.1}", part as f64 / whole as f64 * 100.0);
    match text.as_str() {
        "0.0" if part > 0 => "< 0.1 %".to_owned(),
        "100.0" if part < whole => "> 99.9 %".to_owned(),
        _ => format!("{text} %"),
    }
}

/// A score between 0 and 1 with four decimals; only none is 0.0000, only a perfect one is 1.0000.
fn score(value: f64) -> String {
    let text = format!("{value:.4}");
    match text.as_str() {
        "0.0000" if value > 0.0 => "< 0.0001".to_owned(),
        "1.0000" if value < 1.0 => "> 0.9999".to_owned(),
        _ => text,
    }
}

#[cfg(test)]
mod tests {
    use plotters::style::WHITE;

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
    fn same_values_same_bytes() {
        let draw = |left| draw_confusion_matrix(&chart(8113, 894, 310, left)).expect("a picture");
        assert_eq!(draw(683), draw(683));
        assert_ne!(draw(683), draw(684));
    }

    #[test]
    fn text_stays_in_its_region_and_no_two_texts_meet() {
        let picture = Region::new(0, 0, SIZE.0 as i32, SIZE.1 as i32);
        for chart in extremes() {
            let cells = cells(&chart);
            let mut earlier: Vec<Region> = Vec::new();
            for label in labels(&chart, &cells).expect("labels") {
                let ink = label.ink().expect("ink").region;
                assert!(label.region.contains(ink), "{label:?}: {ink:?}");
                assert!(picture.contains(label.region), "{label:?}");
                assert!(!earlier.iter().any(|other| other.meets(ink)), "{label:?}");
                let crossed = |cell: &&Cell| cell.region.meets(ink) && !cell.region.contains(ink);
                assert!(cells.iter().find(crossed).is_none(), "{label:?}");
                earlier.push(ink);
            }
        }
    }

    #[test]
    fn extremes_are_drawn() {
        for chart in extremes() {
            draw_confusion_matrix(&chart).expect("a picture");
        }
    }

    #[test]
    fn text_is_readable_on_every_color() {
        let shares = (0..=1000).map(|step| color_of(f64::from(step) / 1000.0));
        for background in shares.chain([NO_SHARE, WHITE]) {
            let ratio = contrast(INK, background);
            assert!(ratio >= 4.5, "{background:?}: {ratio}");
        }
        assert!(contrast(QUIET_INK, WHITE) >= 4.5);
    }

    #[test]
    fn a_greater_share_is_darker() {
        let shades: Vec<f64> = (0..=100)
            .map(|step| luminance(color_of(f64::from(step) / 100.0)))
            .collect();
        assert!(shades.is_sorted_by(|lighter, darker| lighter > darker));
    }

    #[test]
    fn each_cell_says_its_count_and_its_share_of_the_observed_class() {
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
    }

    #[test]
    fn what_has_no_rows_has_no_share_and_no_score() {
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

    #[test]
    fn numbers_are_grouped_and_never_rounded_to_a_claim() {
        assert_eq!(thousands(0), "0");
        assert_eq!(thousands(999), "999");
        assert_eq!(thousands(1000), "1,000");
        assert_eq!(thousands(9_876_543_210), "9,876,543,210");
        assert_eq!(n_rows(1), "1 row");
        assert_eq!(percent(0, 7), "0.0 %");
        assert_eq!(percent(1, 10_000), "< 0.1 %");
        assert_eq!(percent(9_999, 10_000), "> 99.9 %");
        assert_eq!(percent(7, 7), "100.0 %");
        assert_eq!(score(0.0), "0.0000");
        assert_eq!(score(1e-9), "< 0.0001");
        assert_eq!(score(0.999_99), "> 0.9999");
        assert_eq!(score(1.0), "1.0000");
    }

    fn chart(
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
            class_names: ["stayed", "left"],
            model: "release 000002",
            data: "test data",
        }
    }

    fn extremes() -> [ConfusionChart<'static>; 6] {
        let huge = 9_876_543_210;
        [
            chart(2, 1, 1, 1),
            chart(0, 0, 0, 0),
            chart(5, 0, 0, 0),
            chart(huge, huge, huge, huge),
            ConfusionChart {
                class_names: [
                    "continued the business relationship beyond the period of observation",
                    "Kündigung durch den Kunden oder Übergang in ein anderes Portfolio",
                ],
                model: "model 3f2a91c0d4e5f60718293a4b5c6d7e8f90123456 trained by hand on a Friday",
                data: "all rows of finaldata.csv that neither model was fitted to",
                ..chart(huge, 1, 1, huge)
            },
            ConfusionChart {
                class_names: ["", ""],
                model: "",
                data: "line\nbreak",
                ..chart(1, 0, 0, 0)
            },
        ]
    }

    /// The contrast ratio of WCAG 2.2, from 1 to 21.
    fn contrast(one: RGBColor, other: RGBColor) -> f64 {
        let (one, other) = (luminance(one), luminance(other));
        (one.max(other) + 0.05) / (one.min(other) + 0.05)
    }

    /// The relative luminance of WCAG 2.2.
    fn luminance(RGBColor(red, green, blue): RGBColor) -> f64 {
        let linear = |channel: u8| {
            let value = f64::from(channel) / 255.0;
            if value <= 0.04045 {
                value / 12.92
            } else {
                ((value + 0.055) / 1.055).powf(2.4)
            }
        };
        0.2126 * linear(red) + 0.7152 * linear(green) + 0.0722 * linear(blue)
    }
}
