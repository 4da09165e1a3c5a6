//! Tests of the plain reader beside the one of any text.

use proptest::prelude::*;

use super::*;

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
