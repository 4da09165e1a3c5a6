//! Tables and numbers of a page.

use common::numbers::{count, p_value};
use maud::{Markup, html};

pub(crate) use crate::figure::percent;
use common::visible;

/// Alignment of a column.
#[derive(Clone, Copy, PartialEq)]
pub(crate) enum Column {
    /// Text, to the left.
    Text(&'static str),
    /// Sentences, to the left, with room for some words in a line.
    Sentence(&'static str),
    /// Numbers, to the right.
    Number(&'static str),
}

/// What a cell of a table shows.
pub(crate) trait Cell {
    /// True if there is nothing to show.
    fn is_empty(&self) -> bool;
    /// The content of the cell.
    fn markup(&self) -> Markup;
}

impl Cell for String {
    fn is_empty(&self) -> bool {
        Self::is_empty(self)
    }

    fn markup(&self) -> Markup {
        html! { (shown(self)) }
    }
}

/// A table; nothing if it has no row. Columns without a cell are left out. Only screen readers read the
/// caption: a heading or a sentence above the table says the same.
pub(crate) fn table<C: Cell>(caption: &str, columns: &[Column], rows: &[Vec<C>]) -> Markup {
    let is_used = |place: usize| {
        let cell = |row: &Vec<C>| row.get(place).is_some_and(|cell| !cell.is_empty());
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
            div.wide tabindex="0" role="group" aria-label=(caption) {
                table {
                    caption.unseen { (caption) }
                    thead {
                        tr {
                            @for (_, column) in &used {
                                @match column {
                                    Column::Text(name) | Column::Sentence(name) => th scope="col" { (name) },
                                    Column::Number(name) => th.number scope="col" { (name) },
                                }
                            }
                        }
                    }
                    tbody {
                        @for row in rows {
                            tr {
                                @for (place, column) in &used {
                                    @let cell = row.get(*place).map(Cell::markup);
                                    @match column {
                                        Column::Sentence(_) => td.sentence { @if let Some(cell) = cell { (cell) } },
                                        Column::Text(_) => td { @if let Some(cell) = cell { (cell) } },
                                        Column::Number(_) => td.number { @if let Some(cell) = cell { (cell) } },
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
pub(crate) fn more(shown: usize, all: usize, what: &str) -> Markup {
    html! {
        @if all > shown {
            p.note { "The first " (shown) " of " (count(all)) " " (what) "." }
        }
    }
}

/// A p-value without its name: `0.034`, `< 0.0001`.
pub(crate) fn bare_p_value(p: f64) -> String {
    let text = p_value(p);
    text.trim_start_matches("p = ")
        .trim_start_matches("p ")
        .to_owned()
}

/// A sentence with a capital letter at its beginning and a point at its end, and without characters
/// that are invisible or change the direction of text.
pub(crate) fn sentence(text: &str) -> String {
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
pub(crate) fn shown(cell: &str) -> String {
    let cell = visible(cell);
    match cell.char_indices().nth(MAX_CELL) {
        Some((end, _)) => format!("{}…", &cell[..end]),
        None => cell,
    }
}

/// A value, or a dash if it is undefined.
pub(crate) fn or_dash(value: Option<String>) -> String {
    value.unwrap_or_else(|| "–".into())
}
