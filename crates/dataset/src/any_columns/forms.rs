//! The forms of a column's cells, and how the column is read.

use common::schema::NumberFormat;

use crate::cell::{CellForm, DecimalMarks, Marks, has_decimal_comma, is_compact_date};
use crate::text::escaped;

/// At most one cell in this many may have another form than the column. Missing cells do not count.
const MAX_UNREADABLE: u64 = 20;
/// A column has a format if at least one number in this many shows it. A single slip is no format.
const MIN_FORMATTED: u64 = 200;
/// Maximum number of characters of an example.
const MAX_EXAMPLE: usize = 40;

/// How the cells of a column are read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reading {
    /// As numbers of this format.
    Numbers(NumberFormat),
    /// As dates or times.
    Dates,
    /// As texts.
    Texts,
}

/// Counts of the cells of a column by their form. Missing cells do not count.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct CellForms {
    /// Plain numbers.
    pub plain: u64,
    /// Plain numbers that may be dates without separators.
    pub compact_dates: Examples,
    /// Numbers with a percent sign.
    pub percent: Examples,
    /// Numbers with a currency.
    pub money: Examples,
    /// Numbers with separators of thousands.
    pub thousands: Examples,
    /// Dates and times.
    pub dates: Examples,
    /// Other texts.
    pub texts: Examples,
    /// Those of `texts` that are numbers with a decimal comma, although the decimal mark is the
    /// point.
    pub decimal_commas: Examples,
    /// Commas and points of the plain numbers, if either may be the decimal mark.
    marks: Marks,
}

/// The number of some cells, and the first one as an example.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Examples {
    /// Number of cells.
    pub cells: u64,
    /// The first cell, shortened and without control characters.
    pub first: Option<String>,
}

impl CellForms {
    /// Counts a plain number.
    pub(super) fn count_plain(&mut self, cell: &[u8], marks: DecimalMarks) {
        self.plain += 1;
        if is_compact_date(cell.trim_ascii()) {
            self.compact_dates.add_cell(cell);
        }
        if marks == DecimalMarks::Either {
            self.marks.add_cell(cell);
        }
    }

    /// Counts a cell that is neither missing nor a plain number.
    pub(super) fn count_other(&mut self, cell: &[u8], marks: DecimalMarks) {
        let form = CellForm::of(cell, marks);
        self.of_form(form).add_cell(cell);
        if form == CellForm::Text && has_decimal_comma(cell.trim_ascii()) {
            self.decimal_commas.add_cell(cell);
        }
    }

    fn of_form(&mut self, form: CellForm) -> &mut Examples {
        match form {
            CellForm::Number(NumberFormat::Percent) => &mut self.percent,
            CellForm::Number(NumberFormat::Money) => &mut self.money,
            CellForm::Number(NumberFormat::Thousands) => &mut self.thousands,
            CellForm::Date => &mut self.dates,
            CellForm::Number(NumberFormat::Plain) | CellForm::Text => &mut self.texts,
        }
    }

    /// Adds the cells of another block or file.
    pub(super) fn merge(&mut self, other: &Self) {
        self.plain += other.plain;
        self.marks.join(other.marks);
        for (mine, other) in [
            (&mut self.compact_dates, &other.compact_dates),
            (&mut self.percent, &other.percent),
            (&mut self.money, &other.money),
            (&mut self.thousands, &other.thousands),
            (&mut self.dates, &other.dates),
            (&mut self.texts, &other.texts),
            (&mut self.decimal_commas, &other.decimal_commas),
        ] {
            mine.merge(other);
        }
    }

    /// Cells that are not missing.
    pub fn present(&self) -> u64 {
        self.plain + self.others()
    }

    /// Cells that are neither missing nor plain numbers.
    pub fn others(&self) -> u64 {
        let all = [&self.percent, &self.money, &self.thousands, &self.dates];
        all.iter().map(|examples| examples.cells).sum::<u64>() + self.texts.cells
    }

    /// The way to read the column: by the form of nearly all of its cells. A column without present
    /// cells is read as texts.
    pub fn reading(&self) -> Reading {
        let formats = [
            NumberFormat::Percent,
            NumberFormat::Thousands,
            NumberFormat::Money,
        ];
        let present = self.present();
        let is_nearly_all = |cells: u64| cells > 0 && are_slips(present - cells, cells);
        if is_nearly_all(self.dates.cells) || is_nearly_all(self.compact_dates.cells) {
            return Reading::Dates;
        }
        // An amount of money may have separators of thousands, too.
        let formatted = |format: NumberFormat| match format {
            NumberFormat::Money if self.money.cells > 0 => self.money.cells + self.thousands.cells,
            format => self.examples(format).map_or(0, |examples| examples.cells),
        };
        let candidates = formats.into_iter().filter(|format| {
            let cells = formatted(*format);
            cells * MIN_FORMATTED >= present.max(1) && is_nearly_all(self.plain + cells)
        });
        match candidates.max_by_key(|format| formatted(*format)) {
            Some(format) if formatted(format) > 0 => Reading::Numbers(format),
            _ if is_nearly_all(self.plain) => Reading::Numbers(NumberFormat::Plain),
            _ => Reading::Texts,
        }
    }

    /// The cells of a number format; `None` for plain numbers.
    pub fn examples(&self, format: NumberFormat) -> Option<&Examples> {
        match format {
            NumberFormat::Plain => None,
            NumberFormat::Percent => Some(&self.percent),
            NumberFormat::Money => Some(&self.money),
            NumberFormat::Thousands => Some(&self.thousands),
        }
    }

    /// An example of a date.
    pub fn date(&self) -> &str {
        let first = self.dates.first.as_deref();
        first.or(self.compact_dates.first.as_deref()).unwrap_or("")
    }

    /// True if each comma of the numbers may be a decimal mark or separate thousands.
    pub fn has_unclear_commas(&self) -> bool {
        self.marks.commas.are_unclear() && self.thousands.cells == 0
    }

    /// True if each point of the numbers may be a decimal mark or separate thousands.
    pub fn has_unclear_points(&self) -> bool {
        self.marks.points.are_unclear() && self.thousands.cells == 0
    }

    /// True if a point of the numbers can only be a decimal mark.
    pub fn has_decimal_points(&self) -> bool {
        self.marks.points.decimal > 0
    }

    /// True if nearly all cells are numbers once the comma is the decimal mark.
    pub fn needs_decimal_comma(&self) -> bool {
        let commas = self.decimal_commas.cells;
        let readable = self.plain + commas;
        commas > 0 && are_slips(self.present() - readable, readable)
    }
}

impl Examples {
    fn add_cell(&mut self, cell: &[u8]) {
        self.cells += 1;
        if self.first.is_none() {
            let text = escaped(cell.trim_ascii());
            self.first = Some(text.chars().take(MAX_EXAMPLE).collect());
        }
    }

    fn merge(&mut self, other: &Self) {
        self.cells += other.cells;
        if self.first.is_none() {
            self.first.clone_from(&other.first);
        }
    }
}

/// True if the cells of another form are so few that they are slips.
pub(super) fn are_slips(others: u64, readable: u64) -> bool {
    others * MAX_UNREADABLE <= readable + others
}

#[cfg(test)]
mod tests {
    use common::schema::NumberRules;

    use super::*;
    use crate::cell::parse_number;

    fn forms(cells: &[&str], marks: DecimalMarks) -> CellForms {
        let mut forms = CellForms::default();
        for cell in cells {
            match parse_number(cell.as_bytes(), &NumberRules::default(), marks) {
                Ok(_) => forms.count_plain(cell.as_bytes(), marks),
                Err(_) => forms.count_other(cell.as_bytes(), marks),
            }
        }
        forms
    }

    #[test]
    fn a_column_is_read_as_what_nearly_all_of_its_cells_are() {
        use NumberFormat::{Money, Percent, Plain, Thousands};
        for (cells, reading) in [
            (&["1", "2.5"][..], Reading::Numbers(Plain)),
            (&["45.7%", "3 %"], Reading::Numbers(Percent)),
            (&["1,234", "567"], Reading::Numbers(Thousands)),
            (&["$1,234", "$5", "1,000"], Reading::Numbers(Money)),
            (&["2024-05-31", "2024-06-01"], Reading::Dates),
            (&["20240531", "20240601"], Reading::Dates),
            (&["$5", "5%"], Reading::Texts),
            (&["gold", "1"], Reading::Texts),
            (&[], Reading::Texts),
        ] {
            assert_eq!(
                forms(cells, DecimalMarks::Point).reading(),
                reading,
                "{cells:?}"
            );
        }
        let mut slip = vec!["7"; 300];
        slip.push("7%");
        let slip = forms(&slip, DecimalMarks::Point);
        assert_eq!(slip.reading(), Reading::Numbers(Plain));
        assert_eq!(slip.percent.first.as_deref(), Some("7%"));
    }

    #[test]
    fn commas_are_unclear_where_both_marks_are_possible_and_nothing_decides() {
        let is_unclear = |cells| forms(cells, DecimalMarks::Either).has_unclear_commas();
        assert!(is_unclear(&["1,234", "12,000"]));
        assert!(!is_unclear(&["1,234", "12,5"]));
        assert!(!is_unclear(&["1,234", "1.234.567"]));
    }

    #[test]
    fn commas_that_can_only_be_decimal_marks_are_seen_where_points_are_expected() {
        let needs = |cells| forms(cells, DecimalMarks::Point).needs_decimal_comma();
        assert!(needs(&["5,85", "7", "0,125"]));
        assert!(!needs(&["1,234", "12,000"]));
        assert!(!needs(&["a, b", "5,85"]));
        assert!(!needs(&["7"]));
    }
}
