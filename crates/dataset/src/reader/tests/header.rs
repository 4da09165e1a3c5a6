//! Tests of headers: by what a column is found, and which header cannot serve.

use super::*;

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
