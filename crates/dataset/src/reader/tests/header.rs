//! Tests of headers: how columns are found, and which headers are rejected.

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
        let mut reader = RowReader::open(input, Format::default(), &schema, TargetColumn::Read)
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
    let twice = read(HEADER.replace("exited", "exited,Exited ")).unwrap_err();
    assert!(twice.contains("\"exited\" twice"), "{twice}");
    let wide = read(b"\xff\xfec\0o\0r\0").unwrap_err();
    assert!(wide.contains("UTF-16"), "{wide}");
}

#[test]
fn a_file_without_the_target_has_rows_without_a_label() {
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
    assert_eq!((places.id, places.features), (Some(2), vec![4, 3, 0]));
    let missing = find_columns(names[..3].iter().copied(), &schema);
    assert!(
        matches!(missing, Err(HeaderFlaw::MissingColumn { column, others, .. })
        if column == "lastmonth_activity" && others == ["lastyear_activity"])
    );
    let others_twice = names.into_iter().chain(["x", "", ""]);
    assert!(find_columns(others_twice, &schema).is_ok());
    let twice = find_columns(names.into_iter().chain(["Corporation "]), &schema);
    assert_eq!(
        twice,
        Err(HeaderFlaw::DuplicateColumn("corporation".into()))
    );
}

#[test]
fn ignored_columns_of_one_name_and_without_one_are_ignored() {
    let text = format!("Notes,{},,NOTES,\nx,a,1,2,3,0,,y,\n", HEADER.trim_end());
    assert_eq!(read(&text).unwrap(), ["a|[1.0, 2.0, 3.0]|Some(false)"]);
    let reader = RowReader::open(
        text.as_bytes(),
        Format::default(),
        &Schema::default(),
        TargetColumn::Read,
    );
    let notes = reader.ok().unwrap().notes();
    assert_eq!(notes[0], "other columns are ignored: Notes, (no name)");
}

#[test]
fn a_name_that_is_nearly_the_one_that_is_missing_is_named() {
    let said = |from: &str, to: &str| match read(HEADER.replace(from, to)) {
        Ok(_) => {
            let text = HEADER.replace(from, to);
            let reader = RowReader::open(
                text.as_bytes(),
                Format::default(),
                &Schema::default(),
                TargetColumn::Read,
            );
            reader.ok().unwrap().notes().join("; ")
        }
        Err(reason) => reason,
    };
    for (column, written) in [
        ("corporation", "corporatoin"),
        ("lastmonth_activity", "last_month_activity"),
        ("lastmonth_activity", "LastMonth Activity"),
        ("exited", "exitd"),
        ("exited", "exited (0/1)"),
        ("exited", "Has exited?"),
    ] {
        let said = said(column, written);
        let wanted = format!("did you mean {written:?}?");
        assert!(said.contains(column) && said.contains(&wanted), "{said}");
    }
    for (column, written) in [
        ("corporation", "client"),
        ("exited", "date"),
        ("exited", "exited_on"),
        ("exited", "not exited"),
        ("exited", ""),
    ] {
        let said = said(column, written);
        assert!(!said.contains("did you mean"), "{said}");
    }
}
