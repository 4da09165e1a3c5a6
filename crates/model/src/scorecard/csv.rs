//! The scorecard as CSV, for people and spreadsheets.
//!
//! A text that looks like a formula, or that begins with an apostrophe, gets an apostrophe in
//! front. A reader removes one apostrophe.

use dataset::{guarded, push_field, shortest};

use super::{Cells, Part, Points, RowShare, Scorecard, ScorecardRow};

/// The names of the columns. The columns of the second feature are empty in rows of a single
/// feature.
const HEADER: &str = "feature,part,from,to,level,points_at_from,points_at_to,points_per_unit,\
    share,share_counted,positive_rate,rate_counted,note,\
    second_feature,second_part,second_from,second_to,second_level,\
    points_at_from_second_to,points_at_to_second_to\n";

/// Number of decimals of points.
const DECIMALS: usize = 2;
/// Points of at least this size are written with all their digits, because a floating-point number
/// of this size may not have two exact decimals.
const LARGE: f64 = 1e13;
/// Shares are rounded to six decimals: a multiple of one divided by this number.
const PARTS_OF_SHARE: f64 = 1e6;

impl Scorecard<'_> {
    /// The text of the file.
    pub fn to_csv(&self) -> Vec<u8> {
        let mut text = HEADER.as_bytes().to_vec();
        for row in &self.rows {
            self.push_row(&mut text, row);
        }
        text
    }

    fn push_row(&self, text: &mut Vec<u8>, row: &ScorecardRow<'_>) {
        let Points {
            at_from,
            at_to,
            at_second_to,
            per_unit,
        } = row.points;
        match &row.part {
            Some(part) => push_part(text, part),
            None => text.extend_from_slice(b",base,,,"),
        }
        push_plain(text, &points(at_from));
        push_plain(text, &points(at_to));
        push_plain(text, &written(per_unit));
        for share in [row.share, row.positive_rate] {
            push_plain(text, &share.map(rounded).unwrap_or_default());
            push_plain(text, share.map(counted_rows).unwrap_or_default());
        }
        push_plain(text, &self.note(row));
        text.push(b',');
        match &row.second {
            Some(part) => push_part(text, part),
            None => text.extend_from_slice(b",,,,"),
        }
        for corner in at_second_to.map_or([None; 2], |corners| corners.map(Some)) {
            push_plain(text, &corner.map(points).unwrap_or_default());
        }
        text.push(b'\n');
    }

    /// How to use a row, if its numbers do not show it; otherwise empty.
    fn note(&self, row: &ScorecardRow<'_>) -> String {
        let Some(part) = &row.part else {
            let scale = &self.scale;
            return format!(
                "{} points: odds of {} to 1 that the label is 0; {} points more double the odds",
                shortest(scale.score),
                shortest(scale.odds),
                shortest(scale.points_to_double_odds)
            );
        };
        match part.cells {
            Cells::Line { .. } => {
                "the line continues outside: points_at_from + points_per_unit * (number - from)"
                    .into()
            }
            Cells::Range { .. } | Cells::Level(_) | Cells::OtherLevels | Cells::Missing => {
                String::new()
            }
        }
    }
}

/// Appends five fields: the feature, the part, both ends of a range, and a level.
fn push_part(text: &mut Vec<u8>, part: &Part<'_>) {
    let (name, from, to, level) = match part.cells {
        Cells::Line { from, to } => ("line", Some(from), Some(to), ""),
        Cells::Range { from, to } => ("range", from, to, ""),
        Cells::Level(level) => ("level", None, None, level),
        Cells::OtherLevels => ("any other level", None, None, ""),
        Cells::Missing => ("missing", None, None, ""),
    };
    push_field(text, guarded(part.feature).as_bytes());
    for cell in [name, &written(from), &written(to)] {
        push_plain(text, cell);
    }
    text.push(b',');
    push_field(text, guarded(level).as_bytes());
}

/// Appends a comma and a text. The text comes from this program, so it needs no quotes and is not a
/// formula.
fn push_plain(text: &mut Vec<u8>, cell: &str) {
    text.push(b',');
    text.extend_from_slice(cell.as_bytes());
}

fn written(optional: Option<f64>) -> String {
    optional.map(shortest).unwrap_or_default()
}

fn points(points: f64) -> String {
    if points.abs() >= LARGE {
        return shortest(points);
    }
    let rounded = format!("{points:.DECIMALS$}");
    match rounded.strip_prefix('-') {
        Some(zero) if zero.bytes().all(|byte| matches!(byte, b'0' | b'.')) => zero.to_owned(),
        _ => rounded,
    }
}

fn rounded(share: RowShare) -> String {
    shortest((share.value * PARTS_OF_SHARE).round() / PARTS_OF_SHARE)
}

/// The rows that were counted.
fn counted_rows(share: RowShare) -> &'static str {
    match share.is_of_all_rows {
        true => "all rows",
        false => "sample",
    }
}
