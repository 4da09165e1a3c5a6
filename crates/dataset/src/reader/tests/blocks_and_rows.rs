//! Tests of the bulk reader: with blocks of any size it gives the same result as the row reader.

use proptest::prelude::*;

use super::*;
use crate::fingerprint::FingerprintKey;
use crate::table::Table;

/// The result of reading a file: accepted rows as values and as lines of finaldata.csv, rejected
/// rows, and notes.
#[derive(Debug, PartialEq)]
struct Outcome {
    rows: Vec<(u64, Vec<u64>, Label, u128)>,
    lines: Vec<u8>,
    rejections: Vec<Rejection>,
    notes: Vec<String>,
}

fn read_in_bulk(text: &[u8], block_bytes: usize) -> Result<Outcome, String> {
    let schema = Schema::default();
    let input = BulkReader::open_in_blocks(text, &schema, TargetColumn::Read, block_bytes);
    let mut reader = input.map_err(describe)?;
    let mut outcome = Outcome {
        rows: Vec::new(),
        lines: Vec::new(),
        rejections: Vec::new(),
        notes: Vec::new(),
    };
    reader
        .take_rows(
            Wanted {
                key: Some(&FingerprintKey::PUBLIC),
                lines: Lines::Kept,
                client_numbers: true,
            },
            &mut Scratch::default(),
            |rows| {
                for row in 0..rows.accepted() {
                    let values = rows.features.iter().map(|column| column[row].to_bits());
                    outcome.rows.push((
                        rows.clients[row],
                        values.collect(),
                        rows.labels[row],
                        rows.fingerprints[row],
                    ));
                }
                outcome
                    .lines
                    .extend_from_slice(rows.lines(0..rows.accepted()));
                outcome.rejections.extend(rows.rejections.iter().cloned());
                Ok::<(), FileProblem>(())
            },
        )
        .map_err(describe)?;
    outcome.notes = reader.notes();
    Ok(outcome)
}

fn read_row_by_row(text: &[u8]) -> Result<Outcome, String> {
    let schema = Schema::default();
    let mut reader =
        RowReader::open(text, Format::default(), &schema, TargetColumn::Read).map_err(describe)?;
    let mut table = Table::new(&schema);
    let (mut fingerprints, mut rejections) = (Vec::new(), Vec::new());
    while let Some(row) = reader.next_row().map_err(describe)? {
        match row {
            ReadRow::Accepted(row) => {
                table.push(row.id.unwrap(), row.values, row.label);
                fingerprints.push(FingerprintKey::PUBLIC.of_row(
                    row.id.unwrap(),
                    row.values,
                    row.label,
                ));
            }
            ReadRow::Rejected(rejection) => rejections.push(*rejection),
        }
    }
    let rows = (0..table.rows()).map(|row| {
        (
            table.clients[row],
            table.row(row).map(f64::to_bits).collect(),
            table.labels[row],
            fingerprints[row],
        )
    });
    Ok(Outcome {
        rows: rows.collect(),
        lines: Vec::new(),
        rejections,
        notes: reader.notes(),
    })
}

fn describe(problem: FileProblem) -> String {
    format!("{problem:?}")
}

/// The rows, read again from their lines of finaldata.csv.
fn rows_of_lines(lines: &[u8]) -> Vec<(u64, Vec<u64>, Label, u128)> {
    let text = [HEADER.as_bytes(), lines].concat();
    read_row_by_row(&text).expect("lines of ours").rows
}

fn cell() -> impl Strategy<Value = String> {
    prop_oneof![
        "[0-9]{1,17}",
        "-?[0-9]{1,3}(\\.[0-9]{0,20})?(e-?[0-9]{1,3})?",
        " ?(NaN|null|x|\"a,b\"|\"q\"\"\"|é|)\t?",
        "[a\",\r\n \u{feff}]{0,4}",
    ]
}

fn text() -> impl Strategy<Value = Vec<u8>> {
    let ending = prop_oneof![Just("\n"), Just("\r\n"), Just("\r"), Just("\n\n")];
    let row = proptest::collection::vec(cell(), 3..7).prop_map(|cells| cells.join(","));
    let odd = prop_oneof![8 => Just(b"".to_vec()), 1 => Just(b"\xff,1,2,3,0\n".to_vec())];
    let mark = prop_oneof![3 => Just(""), 1 => Just("\u{feff}")];
    let rows = proptest::collection::vec((row, ending, odd), 0..12);
    (mark, "[\r\n]{0,9}", rows).prop_map(|(mark, empty_lines, rows)| {
        let mut text = format!("{mark}{empty_lines}{HEADER}").into_bytes();
        for (row, ending, odd) in rows {
            let is_good = row.len() % 2 == 0;
            if is_good {
                text.extend_from_slice(format!("Client {},", row.len()).as_bytes());
            }
            text.extend_from_slice(row.as_bytes());
            text.extend_from_slice(ending.as_bytes());
            text.extend_from_slice(&odd);
        }
        text
    })
}

proptest! {
    #[test]
    fn blocks_of_any_size_give_the_rows_of_the_row_reader(
        text in text(),
        block_bytes in 1_usize..200,
        cut in 0_usize..20,
    ) {
        let text = &text[..text.len().saturating_sub(cut)];
        let expected = read_row_by_row(text);
        let found = read_in_bulk(text, block_bytes);
        match (found, expected) {
            (Ok(found), Ok(expected)) => {
                prop_assert_eq!(&rows_of_lines(&found.lines), &expected.rows);
                let found = Outcome { lines: Vec::new(), ..found };
                prop_assert_eq!(found, expected);
            }
            (Err(found), Err(expected)) => {
                if expected.contains("quote") {
                    prop_assert_eq!(found, expected);
                }
            }
            (found, expected) => prop_assert_eq!(found.is_err(), expected.is_err()),
        }
    }
}

#[test]
fn a_megabyte_of_empty_lines_may_stand_before_the_header() {
    const MEGABYTE: usize = 1 << 20;
    for ending in ["\n", "\r\n", "\r"] {
        let lines = MEGABYTE / ending.len();
        let empty_lines = ending.repeat(lines);
        let text = format!("{empty_lines}{HEADER}a,1,2,3,0\nb,x,2,3,0\n");
        let expected = read_row_by_row(text.as_bytes()).unwrap();
        assert_eq!(expected.rows.len(), 1);
        let rejected = expected.rejections.iter().map(|it| (it.line, it.column));
        assert_eq!(Vec::from_iter(rejected), [(lines as u64 + 3, 2)]);
        let found = read_in_bulk(text.as_bytes(), MEGABYTE / 4).unwrap();
        let found = Outcome {
            lines: Vec::new(),
            ..found
        };
        assert_eq!(found, expected);

        let header = HEADER.replace("exited", "\"exited");
        let open_quote = format!("{empty_lines}{header}a,1,2,3,0\n");
        let message = read_row_by_row(open_quote.as_bytes()).unwrap_err();
        let place = format!("line {} ", lines + 1);
        assert!(message.contains(&place), "{message}");
        let same = read_in_bulk(open_quote.as_bytes(), MEGABYTE / 4).unwrap_err();
        assert_eq!(same, message);
        assert!(read_row_by_row(empty_lines.as_bytes()).is_err());
    }
}

/// A file with `rows` rows. The row at the position `at` has a quote that is never closed.
fn stray(ending: &str, rows: usize, at: usize) -> String {
    let lines = (0..rows).map(|row| {
        let quote = if row == at { "\"" } else { "" };
        format!("{quote}Client {row},1,2,3,0{ending}")
    });
    std::iter::once(HEADER.replace('\n', ending))
        .chain(lines)
        .collect()
}

#[test]
fn a_quote_that_is_never_closed_is_named_by_its_line() {
    for ending in ["\n", "\r\n", "\r"] {
        for mark in ["", "\u{feff}"] {
            let text = format!("{mark}{}", stray(ending, 300, 200));
            let wanted = "the quote that opens in line 202 is never closed";
            for block_bytes in [1, 40, 1 << 20] {
                let found = read_in_bulk(text.as_bytes(), block_bytes).unwrap_err();
                assert!(found.contains(wanted), "{block_bytes}: {found}");
            }
            let found = read_row_by_row(text.as_bytes()).unwrap_err();
            assert!(found.contains(wanted), "{found}");
        }
    }
    let closed = stray("\n", 300, 200).replace("Client 250", "\"Client 250");
    assert!(read_in_bulk(closed.as_bytes(), 40).is_ok());
    assert!(read_row_by_row(closed.as_bytes()).is_ok());
}

#[test]
fn of_a_file_of_one_batch_no_row_is_handed_over_before_its_quotes_are_known_to_close() {
    let text = stray("\n", 20_000, 19_990);
    let schema = Schema::default();
    let mut reader = BulkReader::open(
        text.as_bytes(),
        Format::default(),
        &schema,
        TargetColumn::Read,
    )
    .ok()
    .unwrap();
    let taken = reader.take_rows(Wanted::VALUES, &mut Scratch::default(), |rows| {
        panic!("{} rows", rows.read())
    });
    assert!(matches!(taken, Err(FileProblem::Unusable(_))));
}

#[test]
fn a_field_that_spans_many_lines_is_warned_of_with_both_lines() {
    let closed = stray("\r\n", 9_000, 500).replace("Client 8500", "\"Client 8500");
    let wanted = "a field opens in line 502 and closes in line 8502 (8001 lines, ";
    let schema = Schema::default();
    for block_bytes in [100, 1 << 20] {
        let mut reader =
            BulkReader::open_in_blocks(closed.as_bytes(), &schema, TargetColumn::Read, block_bytes)
                .ok()
                .unwrap();
        let taken: Result<(), FileProblem> =
            reader.take_rows(Wanted::VALUES, &mut Scratch::default(), |_| Ok(()));
        taken.unwrap();
        let warnings = reader.warnings();
        assert!(
            warnings.len() == 1 && warnings[0].contains(wanted),
            "{warnings:?}"
        );
    }
    let mut reader = RowReader::open(
        closed.as_bytes(),
        Format::default(),
        &schema,
        TargetColumn::Read,
    )
    .ok()
    .unwrap();
    while reader.next_row().unwrap().is_some() {}
    let warnings = reader.warnings();
    assert!(
        warnings.len() == 1 && warnings[0].contains(wanted),
        "{warnings:?}"
    );
    assert_eq!(
        read(format!("{HEADER}\"a\nb\",1,2,3,0\n")).unwrap().len(),
        1
    );
}

#[test]
fn a_record_beyond_the_longest_rejects_the_file_in_either_reader() {
    let long = "x".repeat(17 * 1024 * 1024);
    for (row, wanted) in [
        (
            format!("\"{long}\",1,2,3,0\n"),
            "the quote that opens in line 3 is not closed within 16 MiB",
        ),
        (
            format!("{long},1,2,3,0\n"),
            "the record in line 3 is longer than 16 MiB",
        ),
    ] {
        let text = format!("{HEADER}a,1,2,3,0\n{row}b,1,2,3,0\n");
        let found = read_in_bulk(text.as_bytes(), 1 << 18).unwrap_err();
        assert!(found.contains(wanted), "{found}");
        let found = read_row_by_row(text.as_bytes()).unwrap_err();
        assert!(found.contains(wanted), "{found}");
    }
}
