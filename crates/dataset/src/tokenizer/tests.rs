//! Tests of the grammar against the `csv` crate.

use std::io::Read;

use proptest::prelude::*;

use super::*;

/// The fields of some records.
type Records = Vec<Vec<Vec<u8>>>;

/// The records of a text that is read in blocks, and the line of a quote that is open at its end.
fn records(text: &[u8], format: Format, block_bytes: usize) -> (Records, Option<u64>) {
    let mut blocks = Blocks::of_size(text, format, block_bytes);
    let (mut block, mut tokenizer) = (Block::default(), Tokenizer::new(format));
    let (mut found, mut lines) = (Vec::new(), 0);
    while blocks.next(&mut block).expect("short records") {
        assert!(tokenizer.open_quote().is_none(), "only at the end");
        lines += tokenizer.lines();
        let text = block.text();
        tokenizer.begin(text);
        while tokenizer.advance(text).expect("no limit") {
            let record = tokenizer.record(text);
            found.push(record.iter().map(<[u8]>::to_vec).collect());
        }
        assert_eq!(tokenizer.position(), text.len());
    }
    (
        found,
        tokenizer.open_quote().map(|breaks| lines + breaks + 1),
    )
}

fn records_of_the_csv_crate(text: &[u8], dialect: Dialect) -> Records {
    let reader = csv::ReaderBuilder::new()
        .has_headers(false)
        .flexible(true)
        .delimiter(dialect.separator)
        .quote(dialect.quote)
        .from_reader(text);
    reader
        .into_byte_records()
        .map(|record| record.unwrap().iter().map(<[u8]>::to_vec).collect())
        .collect()
}

fn format(dialect: Dialect) -> Format {
    Format {
        dialect,
        ..Format::default()
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2000))]

    #[test]
    fn records_are_those_of_the_csv_crate(
        mark in "(\u{feff})?",
        text in "[ab;,\"'\r\n]{0,60}",
        block_bytes in 1_usize..80,
        separator in prop_oneof![Just(b','), Just(b';')],
        quote in prop_oneof![Just(b'"'), Just(b'\'')],
    ) {
        let dialect = Dialect {
            separator,
            quote,
            ..Dialect::COMMA
        };
        let text = mark + &text;
        let (found, open_quote) = records(text.as_bytes(), format(dialect), block_bytes);
        let mut wanted = records_of_the_csv_crate(text.as_bytes(), dialect);
        if open_quote.is_some() {
            // The csv crate closes the quote at the end of the text.
            wanted.pop();
        }
        prop_assert_eq!(found, wanted);
    }

    #[test]
    fn blocks_hold_all_of_a_text(text in "(\u{feff})?[a,\"\r\n]{0,60}", size in 1_usize..20) {
        let mut blocks = Blocks::of_size(text.as_bytes(), Format::default(), size);
        let mut block = Block::default();
        let mut all = Vec::new();
        while blocks.next(&mut block).expect("short records") {
            prop_assert_eq!(block.start > 0, block.has_byte_order_mark);
            all.extend_from_slice(&block.bytes);
        }
        prop_assert_eq!(all, text.into_bytes());
    }
}

/// Lines of mostly the same form. Some are longer than the number of bytes that are compared at
/// once.
fn lines() -> impl Strategy<Value = String> {
    let line = prop_oneof![
        8 => "a{0,70},[ab]{0,9},b{0,9}",
        1 => "[ab,;\"'\r]{0,12}",
    ];
    let line_break = prop_oneof![
        6 => Just("\n"),
        6 => Just("\r\n"),
        1 => Just("\r"),
        1 => Just("\n\n"),
        1 => Just("\r\n\r\n"),
    ];
    let lines = proptest::collection::vec((line, line_break), 0..20);
    lines.prop_map(|lines| lines.into_iter().map(|(line, end)| line + end).collect())
}

/// Everything that is found in a text, up to an error. If `forgets` is true, the tokenizer does not
/// use the form of the last record.
fn findings(text: &[u8], format: Format, forgets: bool) -> Vec<String> {
    let mut tokenizer = Tokenizer::new(format);
    tokenizer.begin(text);
    let mut found = Vec::new();
    loop {
        if forgets {
            tokenizer.forget_last();
        }
        let advanced = tokenizer.advance(text);
        let is_over = advanced != Ok(true);
        let record = tokenizer.record(text);
        let fields: Vec<_> = match is_over {
            true => Vec::new(),
            false => record.iter().collect(),
        };
        found.push(format!(
            "{advanced:?} {fields:?} {} {} {} {} {:?} {} {} {} {:?} {:?}",
            record.line(),
            record.breaks(),
            record.written_bytes(),
            record.is_plain(),
            record.stray_quote(),
            record.is_cut_by_lone_cr(),
            tokenizer.position(),
            tokenizer.lines(),
            tokenizer.tolerated(),
            tokenizer.open_quote(),
        ));
        if is_over {
            return found;
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(1000))]

    #[test]
    fn lines_that_are_alike_are_those_of_the_csv_crate(
        mark in "(\u{feff})?",
        text in lines(),
        is_cut in any::<bool>(),
        block_bytes in 1_usize..200,
    ) {
        let text = mark + if is_cut { text.trim_ascii_end() } else { &text };
        let (found, open_quote) = records(text.as_bytes(), Format::default(), block_bytes);
        let mut wanted = records_of_the_csv_crate(text.as_bytes(), Dialect::COMMA);
        if open_quote.is_some() {
            wanted.pop();
        }
        prop_assert_eq!(found, wanted);
    }

    #[test]
    fn a_record_that_is_like_the_one_before_is_found_like_any_other(
        text in lines(),
        fields in prop_oneof![1_u64..5, Just(u64::MAX)],
        field_bytes in prop_oneof![1_u64..90, Just(u64::MAX)],
    ) {
        let limits = Limits { fields, field_bytes, ..Limits::default() };
        let format = Format { limits, ..Format::default() };
        let found = findings(text.as_bytes(), format, false);
        prop_assert_eq!(found, findings(text.as_bytes(), format, true));
    }
}

#[test]
fn a_line_at_the_limit_is_found_and_a_longer_field_is_not() {
    let limits = Limits {
        field_bytes: 5,
        ..Limits::default()
    };
    let format = Format {
        limits,
        ..Format::default()
    };
    let last = |text: &str| findings(text.as_bytes(), format, false).pop().unwrap();
    for row in ["1,2,3", "1234,56789,3", "12345,12345,12345"] {
        assert!(last(&format!("a,b,c\n{row}\n")).starts_with("Ok(false)"));
    }
    assert!(last("a,b,c\n1,123456,3\n").starts_with("Err(FieldBytes(5))"));
}

/// For each record, its line, its line breaks, and the field with a stray quote.
fn places(text: &str) -> Vec<(u64, u64, Option<usize>)> {
    let mut tokenizer = Tokenizer::new(Format::default());
    tokenizer.begin(text.as_bytes());
    let mut found = Vec::new();
    while tokenizer.advance(text.as_bytes()).unwrap() {
        let record = tokenizer.record(text.as_bytes());
        found.push((record.line(), record.breaks(), record.stray_quote()));
    }
    found
}

#[test]
fn lines_are_counted_in_and_between_records() {
    assert_eq!(
        places("\n\ra\r\n\"b\r\n\rc\"\n\nd\r\re"),
        [(2, 0, None), (3, 2, None), (7, 0, None), (9, 0, None)]
    );
}

#[test]
fn text_after_the_closing_quote_of_a_field_that_spans_lines_is_a_stray_quote() {
    assert_eq!(
        places("a,\"b\nc\"d,e\nf\n"),
        [(0, 1, Some(1)), (2, 0, None)]
    );
    assert_eq!(places("\"b\nc\",\"d\"e\n"), [(0, 1, None)], "in one line");
    assert_eq!(places("\"b\nc\"\"\",d\n"), [(0, 1, None)], "a doubled one");
}

#[test]
fn the_quote_that_is_open_at_the_end_is_found() {
    for (text, line) in [
        ("a,b\n", None),
        ("a,\"b\n", Some(1)),
        ("a,\"b\"\n", None),
        ("a,\"b\"\"", Some(1)),
        ("a,\"b\"", None),
        ("a,b\"\n", None),
        ("\"a\nb\"x,\"c", Some(2)),
    ] {
        for size in [1, 1000] {
            let found = records(text.as_bytes(), Format::default(), size);
            assert_eq!(found.1, line, "{text:?}");
        }
    }
}

#[test]
fn a_plain_record_stands_in_the_text_as_it_is_written() {
    let is_plain = |text: &str, format: Format| {
        let mut tokenizer = Tokenizer::new(format);
        tokenizer.begin(text.as_bytes());
        assert!(tokenizer.advance(text.as_bytes()).unwrap());
        let record = tokenizer.record(text.as_bytes());
        record
            .is_plain()
            .then(|| record.text() == text.trim_ascii_end().as_bytes())
    };
    let semicolons = format(Dialect {
        separator: b';',
        ..Dialect::COMMA
    });
    assert_eq!(is_plain("a,b,c\r\n", Format::default()), Some(true));
    assert_eq!(is_plain("a,b\",c\n", Format::default()), None);
    assert_eq!(is_plain("a;b,c\n", semicolons), None);
}

#[test]
fn a_text_ends_with_an_error_where_it_exceeds_a_limit() {
    let limits = Limits {
        fields: 3,
        field_bytes: 5,
        ..Limits::default()
    };
    let format = Format {
        limits,
        ..Format::default()
    };
    let found = |text: &str, block_bytes: usize| -> Result<(), LimitExceeded> {
        let mut blocks = Blocks::of_size(text.as_bytes(), format, block_bytes);
        let (mut block, mut tokenizer) = (Block::default(), Tokenizer::new(format));
        loop {
            match blocks.next(&mut block) {
                Ok(true) => tokenizer.begin(block.text()),
                Ok(false) => return Ok(()),
                Err(CutError::Exceeded(limit)) => return Err(limit),
                Err(error) => panic!("{error:?}"),
            }
            while tokenizer.advance(block.text())? {}
        }
    };
    let (fields, bytes) = (
        Err(LimitExceeded::Fields(3)),
        Err(LimitExceeded::FieldBytes(5)),
    );
    for (text, wanted) in [
        ("a,b,c\n1,2,3\r\n\r\n12345,2,3", Ok(())),
        ("a,b,c,d", fields),
        ("a,b,c\n1,2,3,", fields),
        ("\",,,\",b,c\n", Ok(())),
        ("\"\"\"\",b,c\n", Ok(())),
        ("\"12345\",b\n\"12\"\"45\",b\n", Ok(())),
        ("\"123456\",b", bytes),
        ("\"12\"\"456\",b", bytes),
        ("\"12\"456,b", Ok(())),
        ("\"12\"3456,b", bytes),
        ("\"a\"\"b,cd", bytes),
        ("a\",b\",c\",d", fields),
        ("\u{feff}\",,,\",b,c\n", Ok(())),
        ("a,b\n123456,2", bytes),
        ("\"\n\n\n\n\n\n", bytes),
    ] {
        for size in [1, 4, 1000] {
            assert_eq!(found(text, size), wanted, "{text:?} in blocks of {size}");
        }
    }
}

#[test]
fn a_record_without_end_does_not_fill_the_memory() {
    let endless = |beginning: &'static [u8]| beginning.chain(std::io::repeat(b'x'));
    let mut blocks = Blocks::new(endless(b"\"\n"), Format::default());
    let found = blocks.next(&mut Block::default());
    let Err(CutError::LongRecord(record)) = found else {
        panic!("{found:?}");
    };
    assert_eq!(record.quote, Some(0));

    let limits = Limits {
        field_bytes: 1000,
        ..Limits::NONE
    };
    let format = Format {
        limits,
        ..Format::default()
    };
    let found = Blocks::new(endless(b"a,"), format).next(&mut Block::default());
    assert!(matches!(found, Err(CutError::Exceeded(_))), "{found:?}");
}

#[test]
fn a_text_is_not_read_again_after_its_end() {
    struct Once<'t>(Option<&'t [u8]>);
    impl Read for Once<'_> {
        fn read(&mut self, buffer: &mut [u8]) -> std::io::Result<usize> {
            let text = self.0.as_mut().expect("no read after the end");
            let read = text.read(buffer)?;
            if read == 0 {
                self.0 = None;
            }
            Ok(read)
        }
    }
    for size in [1, 3, 4, 1000] {
        let mut blocks = Blocks::of_size(Once(Some(b"a\nb\n")), Format::default(), size);
        let mut block = Block::default();
        let mut bytes = 0;
        while blocks.next(&mut block).unwrap() {
            bytes += block.bytes.len();
        }
        assert!(!blocks.next(&mut block).unwrap());
        assert_eq!(bytes, 4, "in blocks of {size}");
    }
}
