//! How a column of two files is compared.

use common::schema::NumberFormat;
use dataset::{AnyColumn, CellForms, Reading};

use super::column::Kind;

/// How two columns are compared, or the reason why they are not. A column without any value follows
/// the other one.
pub(super) fn column_kind(mine: &AnyColumn, other: &AnyColumn) -> Result<Kind, String> {
    let sides = [(mine, "the reference"), (other, "the current file")];
    if let Some(reason) = sides
        .iter()
        .find_map(|(column, file)| reason_not_compared(&column.forms, file))
    {
        return Err(reason);
    }
    match (&mine.numbers, &other.numbers) {
        (Some(_), Some(_)) => same_format(&mine.forms, &other.forms).map(|()| Kind::Number),
        (Some(_), None) if mine.readable > 0 => Ok(Kind::Mixed),
        (None, Some(_)) if other.readable > 0 => Ok(Kind::Mixed),
        _ => Ok(Kind::Category),
    }
}

/// Why the cells of one file are not compared, or `None`.
fn reason_not_compared(forms: &CellForms, file: &str) -> Option<String> {
    if forms.reading() == Reading::Dates {
        return Some(format!(
            "it holds dates or times in {file}, such as {:?}",
            forms.date()
        ));
    }
    forms.has_unclear_commas().then(|| {
        format!(
            "each of its commas in {file} may be a decimal mark or separate thousands; see ingestion.decimal"
        )
    })
}

/// An error if the files write numbers in formats that differ in meaning.
fn same_format(mine: &CellForms, other: &CellForms) -> Result<(), String> {
    let (Some(mine), Some(other)) = (format_of(mine), format_of(other)) else {
        // A file without a value has no format.
        return Ok(());
    };
    // Without thousands separators, a number has the same meaning in both formats.
    let is_same = |format: NumberFormat| match format {
        NumberFormat::Thousands => NumberFormat::Plain,
        format => format,
    };
    match is_same(mine) == is_same(other) {
        true => Ok(()),
        false => Err(format!(
            "its numbers have the format {} in the reference and {} in the current file",
            mine.name(),
            other.name()
        )),
    }
}

fn format_of(forms: &CellForms) -> Option<NumberFormat> {
    match forms.reading() {
        Reading::Numbers(format) => Some(format),
        Reading::Dates | Reading::Texts => None,
    }
}
