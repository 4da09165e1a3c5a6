//! Tests of headers that are known from an earlier text.

use super::*;

#[test]
fn a_known_header_serves_the_texts_that_begin_with_it() {
    let schema = Schema::default();
    let mut known = None;
    for (text, serves) in [
        (format!("\n{HEADER}a,1,2,3,0\n"), false),
        (format!("\u{feff}\n{HEADER}b,4,5,6,1"), true),
        (format!("\n{HEADER}"), true),
        (HEADER.to_owned(), false),
        (HEADER.trim_end().to_owned(), false),
        (
            format!("{}a,1,2,3,0\n", HEADER.replace("exited", "Exited")),
            false,
        ),
    ] {
        let before = known
            .as_ref()
            .map(|it: &KnownHeader| Arc::as_ptr(&it.columns));
        let open = |known: &mut Option<KnownHeader>| {
            let format = Format::default();
            RowReader::open_with(text.as_bytes(), format, &schema, TargetColumn::Read, known)
        };
        let read = all_of(open(&mut known).unwrap());
        assert_eq!(read, all_of(open(&mut None).unwrap()), "{text}");
        let after = known.as_ref().map(|it| Arc::as_ptr(&it.columns));
        assert_eq!(before == after, serves, "{text}");
    }
}

#[test]
fn a_known_header_serves_only_its_schema_and_target() {
    let schema = Schema::default();
    let mut other = schema.clone();
    other.features.swap(0, 1);
    let text = format!("{HEADER}a,1,2,3,0\n");
    let mut known = None;
    for (schema, target) in [
        (&schema, TargetColumn::Read),
        (&other, TargetColumn::Read),
        (&other, TargetColumn::Ignored),
    ] {
        let open = |known: &mut Option<KnownHeader>| {
            RowReader::open_with(text.as_bytes(), Format::default(), schema, target, known)
        };
        let read = all_of(open(&mut known).unwrap());
        assert_eq!(read, all_of(open(&mut None).unwrap()));
    }
}

#[test]
fn a_header_that_cannot_serve_leaves_the_known_one() {
    let schema = Schema::default();
    let mut known = None;
    let mut open = |text: &str| {
        let input = text.as_bytes();
        let target = TargetColumn::Read;
        let opened = RowReader::open_with(input, Format::default(), &schema, target, &mut known);
        (opened.is_ok(), known.is_some())
    };
    assert_eq!(open("a,b\n"), (false, false));
    assert_eq!(open(HEADER), (true, true));
    assert_eq!(open("\n"), (false, true));
    let long = format!("{}{HEADER}", "x,".repeat(MAX_KNOWN_HEADER_BYTES));
    assert_eq!(open(&long), (true, false), "a long one is not kept");
}

#[test]
fn a_known_header_serves_only_its_separator() {
    let schema = Schema::default();
    let header = format!("{},a;b;c;d;e;f", HEADER.trim_end());
    let rows_with = |row: &str| format!("{header}\n{}", row.repeat(20));
    let mut known = None;
    let mut open = |text: &str| {
        let input = text.as_bytes();
        let target = TargetColumn::Read;
        let opened = RowReader::open_with(input, Format::FOREIGN, &schema, target, &mut known);
        opened.map(all_of).is_ok()
    };
    assert!(open(&rows_with("a,1,2,3,0,x\n")));
    assert!(!open(&rows_with("a;1;2;3;0;x\n")), "its fields are others");
}
