//! Tables and numbers of a report.

use common::numbers::{count, level, p_value};
use maud::{Markup, html};

pub(super) use crate::figure::percent;
use crate::figure::visible;

/// Alignment of a column.
#[derive(Clone, Copy, PartialEq)]
pub(super) enum Column {
    /// Text, to the left.
    Text(&'static str),
    /// Numbers, to the right.
    Number(&'static str),
}

/// A table; nothing if it has no row. Columns without a cell are left out.
pub(super) fn table(columns: &[Column], rows: &[Vec<String>]) -> Markup {
    let is_used = |place: usize| {
        let cell = |row: &Vec<String>| row.get(place).is_some_and(|cell| !cell.is_empty());
        rows.iter().any(cell)
    };
    let used: Vec<(usize, Column)> = columns
        .iter()
        .copied()
        .enumerate()
        .filter(|(place, _)| is_used(*place))
        .collect();
    html! {
        @if !rows.is_empty() {
            // A wide table scrolls by itself, and with the keyboard.
            div.wide tabindex="0" {
                table {
                    thead {
                        tr {
                            @for (_, column) in &used {
                                @match column {
                                    Column::Text(name) => th scope="col" { (name) },
                                    Column::Number(name) => th.number scope="col" { (name) },
                                }
                            }
                        }
                    }
                    tbody {
                        @for row in rows {
                            tr {
                                @for (place, column) in &used {
                                    @let cell = shown(row.get(*place).map_or("", String::as_str));
                                    @match column {
                                        Column::Text(_) => td { (cell) },
                                        Column::Number(_) => td.number { (cell) },
                                    }
                                }
                            }
                        }
                    }
                }
            }
        }
    }
}

/// The sentence below a table that shows only the first of its rows; nothing if it shows all.
pub(super) fn more(shown: usize, all: usize, what: &str) -> Markup {
    html! {
        @if all > shown {
            p.note { "The first " (shown) " of " (count(all)) " " (what) "." }
        }
    }
}

/// An amount with two significant digits, or as a whole number: `4,291`, `-9.7`.
pub(super) fn amount(amount: f64) -> String {
    let size = amount.abs();
    match (100.0..1e15).contains(&size) {
        true if amount < 0.0 => format!("-{}", count(size.round() as u64)),
        true => count(size.round() as u64),
        false => level(amount),
    }
}

/// A p-value without its name: `0.034`, `< 0.0001`.
pub(super) fn bare_p_value(p: f64) -> String {
    let text = p_value(p);
    text.trim_start_matches("p = ")
        .trim_start_matches("p ")
        .to_owned()
}

/// A sentence with a capital letter at its beginning and a point at its end, and without characters
/// that are invisible or change the direction of text.
pub(super) fn sentence(text: &str) -> String {
    let text = visible(text);
    let mut letters = text.chars();
    let first = letters.next().map(char::to_uppercase);
    let end = match text.ends_with(['.', '?', '!', '…']) {
        true => "",
        false => ".",
    };
    // The name of a file keeps its case.
    let is_file = text
        .split_whitespace()
        .next()
        .is_some_and(|word| word.trim_end_matches([':', ',']).contains(['/', '.']));
    match is_file {
        true => format!("{text}{end}"),
        false => {
            let capitalised: String = first.into_iter().flatten().chain(letters).collect();
            format!("{capitalised}{end}")
        }
    }
}

/// Maximum number of characters of a cell.
const MAX_CELL: usize = 120;

/// A cell without invisible characters, cut where it is very long.
fn shown(cell: &str) -> String {
    let cell = visible(cell);
    match cell.char_indices().nth(MAX_CELL) {
        Some((end, _)) => format!("{}…", &cell[..end]),
        None => cell,
    }
}

/// A value, or a dash if it is undefined.
pub(super) fn or_dash(value: Option<String>) -> String {
    value.unwrap_or_else(|| "–".into())
}
