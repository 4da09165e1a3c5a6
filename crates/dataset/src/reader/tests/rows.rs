//! Tests of rows: which are rejected, in which line and column, and why.

use super::*;
use crate::cell::CellProblem;
use crate::text::escaped;

#[test]
fn bad_rows_are_placed_and_the_others_go_on() {
    let text = format!("{HEADER}a,1,2,12 k,0\nb,1,2,3,2\nc,1,2\n,1,2,3,0\nd,1,2,3,1\n");
    assert_eq!(
        read(text).unwrap(),
        [
            "2:4: number_of_employees: \"12 k\" is not a number",
            "3:5: exited: \"2\" is neither 0 nor 1",
            "4:4: 3 fields, 5 expected",
            "5:1: the client has no name",
            "d|[1.0, 2.0, 3.0]|Some(true)",
        ]
    );
    let mut invalid = format!("{HEADER}a,1,2,3,0\ncaf").into_bytes();
    invalid.extend(b"\xe9,1,2,3,0\n");
    assert_eq!(
        read(invalid).unwrap()[1],
        "3:1: the text is not UTF-8 (see ingestion.encoding)"
    );
}

#[test]
fn rows_are_placed_whatever_ends_a_line() {
    for line_break in ["\n", "\r\n", "\r", "\n\n", "\r\n\r\n"] {
        let height = if line_break.len() > 1 && line_break != "\r\n" {
            2
        } else {
            1
        };
        let rows = [
            HEADER.trim(),
            "a,1,2,3,0",
            "\"b\nb\",1,2,3,0",
            "c,1,2,x,0",
            "d,1,2,3,1",
            "e,y,2,3,1",
        ];
        let read = read(rows.join(line_break)).unwrap();
        // The quoted line break of the third row counts as a line of its own.
        assert!(
            read[2].starts_with(&format!("{}:4", 3 * height + 2)),
            "{read:?}"
        );
        assert!(
            read[4].starts_with(&format!("{}:2", 5 * height + 2)),
            "{read:?}"
        );
    }
}

#[test]
fn quoted_commas_quotes_and_newlines_are_one_row() {
    let rows = read(format!("{HEADER}\"a, \"\"b\"\"\nc\",1,,3,\nz,1,2,3,1\n")).unwrap();
    assert_eq!(rows[0], "a, \"b\"\nc|[1.0, NaN, 3.0]|None");
    assert_eq!(rows.len(), 2);
}

#[test]
fn a_flaw_is_named_by_kind_and_place() {
    let schema = Schema::default();
    let text = format!("{HEADER}a,1,x,3,0\nb,1\n,1,2,3,0\nc,1,2,3,0\n");
    let mut reader = RowReader::open(
        text.as_bytes(),
        Format::default(),
        &schema,
        TargetColumn::Ignored,
    )
    .ok()
    .unwrap();
    let mut flaws = Vec::new();
    while let Some(row) = reader.next_row().unwrap() {
        if let ReadRow::Rejected(rejection) = row {
            let name = reader.field_name(rejection.column).map(str::to_owned);
            let field = reader.field(rejection.column).map(escaped);
            flaws.push((reader.flaw(), name, field));
        }
    }
    assert_eq!(reader.flaw(), None);
    let named = |name: &str| Some(name.to_owned());
    assert_eq!(
        flaws,
        [
            (
                Some(RowFlaw::Cell(CellProblem::NotANumber)),
                named("lastyear_activity"),
                named("x")
            ),
            (Some(RowFlaw::FieldCount), named("lastyear_activity"), None),
            (Some(RowFlaw::NoClient), named("corporation"), named("")),
        ]
    );
}

#[test]
fn a_lone_cr_in_a_file_of_crlf_lines_rejects_both_halves_of_its_row() {
    let header = HEADER.trim_end();
    let rows = read(format!(
        "{header}\r\na,1,2,3,0\r\nk\r1,4,5,6,1\r\nb,1,2,3,0\r5\r\nc,1,2,3,1\r\r\nd,1,2,3,0"
    ));
    let rows = rows.unwrap();
    let accepted: Vec<&String> = rows.iter().filter(|row| row.contains('|')).collect();
    assert_eq!(accepted.len(), 3, "{rows:?}");
    assert_eq!(rows.len(), 7);
    let is_named = |row: &&String| row.contains("a lone carriage return");
    assert_eq!(rows.iter().filter(is_named).count(), 4, "{rows:?}");
    // Where lines end with CR alone, it ends each row.
    let rows = read(format!("{header}\ra,1,2,3,0\rb,1,2,3,1\r")).unwrap();
    assert_eq!(rows.len(), 2);
    assert!(rows.iter().all(|row| row.contains('|')), "{rows:?}");
}
