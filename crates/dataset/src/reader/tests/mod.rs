//! Tests of reading: each takes a text, and checks the rows and the reasons of rejections.

mod blocks_and_rows;
mod categories;
mod header;
mod known_headers;
mod labels;
mod rows;

use super::*;

const HEADER: &str =
    "corporation,lastmonth_activity,lastyear_activity,number_of_employees,exited\n";

/// Each row as `id|values|label`, or `line:column: reason`.
fn read(text: impl AsRef<[u8]>) -> Result<Vec<String>, String> {
    let schema = Schema::default();
    let problem = |problem| match problem {
        FileProblem::Unusable(flaw) => flaw.to_string(),
        FileProblem::Unreadable(error) => error.to_string(),
    };
    let mut reader = RowReader::open(
        text.as_ref(),
        Format::default(),
        &schema,
        TargetColumn::Read,
    )
    .map_err(problem)?;
    let mut rows = Vec::new();
    while let Some(row) = reader.next_row().map_err(problem)? {
        rows.push(shown(&row));
    }
    Ok(rows)
}

fn shown(row: &ReadRow<'_>) -> String {
    match row {
        ReadRow::Accepted(cells) => {
            let id = String::from_utf8_lossy(cells.id.unwrap_or(b"none"));
            format!("{id}|{:?}|{:?}", cells.values, cells.label)
        }
        ReadRow::Rejected(it) => format!("{}:{}: {}", it.line, it.column, it.reason),
    }
}

/// Everything that a reader returns for each row: the values or the rejection, the flaw and the
/// fields.
fn all_of(mut rows: RowReader<impl Read>) -> Vec<String> {
    let mut all = Vec::new();
    loop {
        let said = match rows.next_row() {
            Ok(Some(ReadRow::Accepted(cells))) => {
                let line = cells.line;
                format!("{line} {}", shown(&ReadRow::Accepted(cells)))
            }
            Ok(Some(ReadRow::Rejected(it))) => format!("{it:?}"),
            Ok(None) => return all,
            Err(problem) => panic!("{problem:?}"),
        };
        let of_fields = (0..6).map(|field| (rows.field_name(field), rows.field(field)));
        all.push(format!(
            "{said} {:?} {:?}",
            rows.flaw(),
            of_fields.collect::<Vec<_>>()
        ));
    }
}
