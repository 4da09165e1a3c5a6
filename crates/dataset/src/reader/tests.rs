//! Tests of reading: text in, rows and reasons out.

use proptest::prelude::*;

use super::*;
use crate::fingerprint::FingerprintKey;
use crate::table::Table;
use crate::text::escaped;

const HEADER: &str =
    "corporation,lastmonth_activity,lastyear_activity,number_of_employees,exited\n";

/// Each row as `id|values|label`, or `line:column: reason`.
fn read(text: impl AsRef<[u8]>) -> Result<Vec<String>, String> {
    let schema = Schema::default();
    let problem = |problem| match problem {
        FileProblem::Unusable(reason) => reason,
        FileProblem::Unreadable(error) => error.to_string(),
    };
    let mut reader =
        RowReader::open(text.as_ref(), &schema, TargetColumn::Read).map_err(problem)?;
    let mut rows = Vec::new();
    while let Some(row) = reader.next_row().map_err(problem)? {
        rows.push(shown(&row));
    }
    Ok(rows)
}

fn shown(row: &ReadRow<'_>) -> String {
    match row {
        ReadRow::Accepted(cells) => {
            let id = String::from_utf8_lossy(cells.id());
            format!("{id}|{:?}|{:?}", cells.values, cells.label)
        }
        ReadRow::Rejected(it) => format!("{}:{}: {}", it.line, it.column, it.reason),
    }
}

/// Everything that a reader says of all rows.
fn told(mut rows: impl Rows) -> Vec<String> {
    let mut told = Vec::new();
    loop {
        let said = match rows.next_row() {
            Ok(Some(ReadRow::Accepted(cells))) => {
                let line = cells.line;
                format!("{line} {}", shown(&ReadRow::Accepted(cells)))
            }
            Ok(Some(ReadRow::Rejected(it))) => format!("{it:?}"),
            Ok(None) => return told,
            Err(problem) => panic!("{problem:?}"),
        };
        let of_fields = (0..6).map(|field| (rows.field_name(field), rows.field(field)));
        told.push(format!(
            "{said} {:?} {:?}",
            rows.flaw(),
            of_fields.collect::<Vec<_>>()
        ));
    }
}

proptest! {
    #[test]
    fn a_plain_text_is_read_as_any_other_is(
        head in "(\u{feff})?(\n){0,2}(corporation,|id,)?(exited, ?)?LASTMONTH_activity,lastyear_activity,number_of_employees(,corporation)?(,x)?\n?",
        rows in "(([a-c ]{0,2}|é),[0-9 x]{0,2},[0-9.e-]{0,3},[0-9]?(,[01 ]{0,2}){0,2}\n{0,3}){0,8}",
    ) {
        let text = format!("{head}{rows}");
        prop_assert!(PlainReader::can_read(&text));
        let schema = Schema::default();
        for target in [TargetColumn::Read, TargetColumn::Ignored] {
            let plain = PlainReader::open(&text, &schema, target);
            match (plain, RowReader::try_open(text.as_bytes(), &schema, target)) {
                (Ok(plain), Ok(any)) => {
                    let known = plain.header();
                    let again = known.as_ref().map(|it| PlainReader::open_known(&text, it));
                    let told_plain = told(plain);
                    if let Some(again) = again {
                        prop_assert_eq!(told(again.expect("its own header")), told_plain.clone());
                    }
                    prop_assert_eq!(told_plain, told(any));
                }
                (Err(plain), Err(OpenError::Header(any))) => {
                    prop_assert_eq!(plain.to_string(), any.to_string());
                }
                (plain, any) => prop_assert!(false, "{} {}", plain.is_ok(), any.is_ok()),
            }
        }
    }
}

#[test]
fn a_known_header_serves_the_texts_that_begin_with_it_and_no_others() {
    let schema = Schema::default();
    let first = format!("\n{HEADER}a,1,2,3,0\n");
    let known = PlainReader::open(&first, &schema, TargetColumn::Read).unwrap();
    let known = known.header().unwrap();
    let other = format!("\u{feff}\n{HEADER}b,4,5,6,1");
    let read = PlainReader::open_known(&other, &known).map(told);
    let found = PlainReader::open(&other, &schema, TargetColumn::Read).map(told);
    assert_eq!(read, found.ok());
    for other in [
        HEADER.to_owned(),
        format!("\n{}", HEADER.trim_end()),
        format!("\n{}a,1,2,3,0\n", HEADER.replace("lastyear", "Lastyear")),
        format!("\nx,{HEADER}"),
        "\n".into(),
        String::new(),
    ] {
        assert!(PlainReader::open_known(&other, &known).is_none(), "{other}");
    }
    let without_end = HEADER.trim_end();
    let read = PlainReader::open(without_end, &schema, TargetColumn::Read).unwrap();
    assert!(read.header().is_none());
}

#[test]
fn quotes_and_carriage_returns_are_not_plain() {
    assert!(!PlainReader::can_read("a,\"b\"\n") && !PlainReader::can_read("a\r\nb"));
}

#[test]
fn columns_are_found_by_name_whatever_their_order_and_case() {
    let plain = read(format!("{HEADER}a,1,2,3,0\n")).unwrap();
    assert_eq!(plain, ["a|[1.0, 2.0, 3.0]|Some(false)"]);
    let other = " Exited ,extra,number_of_employees,CORPORATION,lastyear_activity,lastmonth_activity\r\n0,x,3,a,2,1\r\n";
    assert_eq!(read(other).unwrap(), plain);
    assert_eq!(read(format!("\u{feff}{HEADER}a,1,2,3,0")).unwrap(), plain);
}

#[test]
fn a_byte_order_mark_is_skipped_however_its_bytes_come() {
    use std::io::Read;
    let text = format!("\u{feff}{HEADER}a,1,2,3,0\n");
    let schema = Schema::default();
    for first in 1..5 {
        let (start, rest) = text.as_bytes().split_at(first);
        let input = start.chain(rest);
        let mut reader = RowReader::open(input, &schema, TargetColumn::Read)
            .ok()
            .unwrap();
        assert!(matches!(reader.next_row(), Ok(Some(ReadRow::Accepted(_)))));
        assert_eq!(reader.notes(), ["it begins with a byte order mark"]);
    }
}

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
    assert_eq!(read(invalid).unwrap()[1], "3:1: the text is not UTF-8");
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
fn a_header_that_cannot_serve_refuses_the_file() {
    let missing = read("corporation,lastmonth_activity,lastyear_activity,exited\n").unwrap_err();
    assert!(
        missing.contains("number_of_employees is missing"),
        "{missing}"
    );
    let twice = read("corporation,exited,Exited\n").unwrap_err();
    assert!(twice.contains("\"exited\" twice"), "{twice}");
    let wide = read(b"\xff\xfec\0o\0r\0").unwrap_err();
    assert!(wide.contains("UTF-16"), "{wide}");
}

#[test]
fn a_file_without_the_target_has_rows_without_a_class() {
    let text = "corporation,lastmonth_activity,lastyear_activity,number_of_employees\na,1,2,3\n";
    assert_eq!(read(text).unwrap(), ["a|[1.0, 2.0, 3.0]|None"]);
}

#[test]
fn a_flaw_is_named_by_kind_and_place() {
    let schema = Schema::default();
    let text = format!("{HEADER}a,1,x,3,0\nb,1\n,1,2,3,0\nc,1,2,3,0\n");
    let mut reader = RowReader::try_open(text.as_bytes(), &schema, TargetColumn::Ignored)
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
fn columns_are_found_among_names_by_the_same_rules() {
    let schema = Schema::default();
    let names = [
        " Number_of_employees",
        "x",
        "CORPORATION",
        "lastyear_activity",
        "lastmonth_activity",
    ];
    let places = find_columns(names, &schema).unwrap();
    assert_eq!((places.id, places.features), (2, vec![4, 3, 0]));
    let missing = find_columns(names[..3].iter().copied(), &schema);
    assert!(
        matches!(missing, Err(HeaderFlaw::MissingColumn { column, .. })
        if column == "lastmonth_activity")
    );
    let twice = find_columns(["a", "A "], &schema);
    assert_eq!(twice, Err(HeaderFlaw::DuplicateColumn("a".into())));
}

/// What a file came to: accepted rows as values and as the lines that go into finaldata.csv,
/// refused rows, and notes.
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
            Some(&FingerprintKey::PUBLIC),
            Lines::Kept,
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
    let mut reader = RowReader::open(text, &schema, TargetColumn::Read).map_err(describe)?;
    let mut table = Table::new(&schema);
    let (mut fingerprints, mut rejections) = (Vec::new(), Vec::new());
    while let Some(row) = reader.next_row().map_err(describe)? {
        match row {
            ReadRow::Accepted(row) => {
                table.push(row.id(), row.values, row.label);
                fingerprints.push(FingerprintKey::PUBLIC.of_row(row.id(), row.values, row.label));
            }
            ReadRow::Rejected(rejection) => rejections.push(rejection),
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

/// The same rows from their lines in finaldata.csv.
fn rows_of_lines(lines: &[u8]) -> Vec<(u64, Vec<u64>, Label, u128)> {
    let text = [HEADER.as_bytes(), lines].concat();
    read_row_by_row(&text).expect("lines of ours").rows
}

mod blocks_and_rows {
    use proptest::prelude::*;

    use super::*;

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
        (mark, proptest::collection::vec((row, ending, odd), 0..12)).prop_map(|(mark, rows)| {
            let mut text = format!("{mark}{HEADER}").into_bytes();
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
                (found, expected) => prop_assert_eq!(found.is_err(), expected.is_err()),
            }
        }
    }
}

mod categories {
    use common::schema::{CategoryRules, Feature, Kind, ListedLevels};

    use super::*;
    use crate::level::level_code;
    use crate::reader::{BulkReader, Lines, ParsedRows, Scratch};

    const HEADER: &str = "corporation,plan,x,exited\n";

    fn schema(rules: CategoryRules) -> Schema {
        Schema {
            features: vec![
                Feature {
                    name: "plan".into(),
                    kind: Kind::Category(rules),
                },
                "x".into(),
            ],
            ..Schema::default()
        }
    }

    fn listed(levels: &[&str]) -> CategoryRules {
        let levels = levels.iter().map(|level| (*level).to_owned()).collect();
        CategoryRules {
            listed: ListedLevels::new(levels).unwrap(),
            ..CategoryRules::default()
        }
    }

    /// The rows by the bulk reader, in blocks of so many bytes.
    fn parsed(text: &[u8], schema: &Schema, block_bytes: usize) -> ParsedRows {
        let mut reader =
            BulkReader::open_in_blocks(text, schema, TargetColumn::Read, block_bytes).unwrap();
        let mut all = ParsedRows::default();
        let taken: Result<(), FileProblem> = reader.take_rows(
            Some(&FingerprintKey::PUBLIC),
            Lines::Kept,
            &mut Scratch::default(),
            |rows| {
                all.append(rows);
                all.rejections.append(&mut rows.rejections);
                Ok(())
            },
        );
        taken.unwrap();
        all
    }

    #[test]
    fn a_level_stands_in_a_table_as_its_code_and_its_text_beside_it() {
        let text = format!("{HEADER}a, gold ,1,0\nb,NA,2,1\nc,\"a,\"\"b\n\",3,1\nd,Gold,4,0\n");
        for block_bytes in [32, 1 << 16] {
            let rows = parsed(
                text.as_bytes(),
                &schema(CategoryRules::default()),
                block_bytes,
            );
            let plan = &rows.features[0];
            assert!(plan[1].is_nan());
            assert_eq!(
                [plan[0], plan[2], plan[3]],
                ["gold", "a,\"b", "Gold"].map(level_code)
            );
            for (row, level) in [(0, "gold"), (2, "a,\"b"), (3, "Gold")] {
                assert_eq!(rows.levels.name(0, plan[row]), Some(level));
            }
            // What is written is read back as it was.
            let laid = [HEADER.as_bytes(), rows.lines(0..4)].concat();
            let again = parsed(&laid, &schema(CategoryRules::default()), 1 << 16);
            assert_eq!(again.fingerprints, rows.fingerprints);
            assert_eq!(again.levels, rows.levels);
        }
    }

    #[test]
    fn rows_with_other_levels_are_refused_with_the_reason() {
        let long = "x".repeat(201);
        let text = format!("{HEADER}a,basic,1,0\nb,silver,1,0\nc,,1,0\nd,{long},1,1\n");
        let reasons = |rules: CategoryRules| -> Vec<String> {
            let rows = parsed(text.as_bytes(), &schema(rules), 1 << 16);
            let reasons = rows.rejections.iter();
            reasons
                .map(|row| format!("{}:{}: {}", row.line, row.column, row.reason))
                .collect()
        };
        let too_long = "5:2: plan: the text is longer than 200 bytes, so it is no category";
        assert_eq!(reasons(CategoryRules::default()), [too_long]);
        assert_eq!(
            reasons(listed(&["basic", "gold"])),
            [
                "3:2: plan: silver is none of the values the schema allows",
                too_long
            ]
        );
        let required = CategoryRules {
            presence: common::schema::Presence::Required,
            ..CategoryRules::default()
        };
        assert_eq!(
            reasons(required),
            [
                "4:2: plan: the value is missing, and the schema requires it",
                too_long
            ]
        );
    }

    proptest! {
        #[test]
        fn all_readers_say_the_same(
            rows in "(([a-c]{1,2}),( ?gold ?|NA|é|[a-b]{0,2}|x y),[0-9]?,[01 ]\n){0,8}",
        ) {
            let text = format!("{HEADER}{rows}");
            let schema = schema(listed(&["gold", "é", "a", "x y"]));
            let plain = PlainReader::open(&text, &schema, TargetColumn::Read).unwrap();
            let any = RowReader::open(text.as_bytes(), &schema, TargetColumn::Read).unwrap();
            prop_assert_eq!(told(plain), told(any));
            let (bulk, wide) = (parsed(text.as_bytes(), &schema, 16), parsed(text.as_bytes(), &schema, 1 << 16));
            prop_assert_eq!(&bulk.fingerprints, &wide.fingerprints);
            prop_assert_eq!(&bulk.levels, &wide.levels);
        }
    }
}
