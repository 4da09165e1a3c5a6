//! Tests of JSON rows: text in, rows or the error's code out.

use common::config::LimitSettings;
use common::schema::{CategoryRules, Feature, Kind, ListedLevels, Presence};
use dataset::level_code;

use super::*;
use crate::error::RowError;
use crate::in_flight::InFlight;
use crate::payload::csv::{FIELD_COUNT, MISSING_ID};

/// Each row as `id|values`.
fn shown(rows: Result<RequestRows, ApiError>) -> Result<Vec<String>, ApiError> {
    let rows = rows?;
    let lines = rows.ids.iter().zip(rows.iter());
    Ok(lines.map(|(id, row)| format!("{id}|{row:?}")).collect())
}

/// Limits with a thousand rows at most.
fn limits() -> LimitSettings {
    LimitSettings {
        rows: 1000,
        ..LimitSettings::default()
    }
}

fn of_records(json: &str) -> Result<Vec<String>, ApiError> {
    let mut permit = InFlight::new(u64::MAX).permit();
    let budget = RowBudget {
        limits: &limits(),
        permit: &mut permit,
    };
    shown(records(&Text::whole(json), &Schema::default(), budget))
}

fn of_columns(names: &[&str], data: &str) -> Result<Vec<String>, ApiError> {
    let names = serde_json::to_string(names).unwrap();
    let mut permit = InFlight::new(u64::MAX).permit();
    let budget = RowBudget {
        limits: &limits(),
        permit: &mut permit,
    };
    shown(columns(
        &Text::part(&names),
        &Text::part(data),
        &Schema::default(),
        budget,
    ))
}

/// A record with this cell as `lastyear_activity`, among valid cells.
fn with_cell(cell: &str) -> String {
    format!(
        r#"[{{"corporation":"a","lastmonth_activity":1,"lastyear_activity":{cell},"number_of_employees":3}}]"#
    )
}

#[test]
fn cells_have_the_same_meaning_as_in_csv() {
    for (cell, number) in [
        ("2", "2.0"),
        ("-2.5e1", "-25.0"),
        ("1.9895560643855539", "1.9895560643855539"),
        ("\"2\"", "2.0"),
        ("\" 2.0 \"", "2.0"),
        ("null", "NaN"),
        ("\"\"", "NaN"),
        ("\"n/a\"", "NaN"),
        ("18446744073709551616", "1.8446744073709552e19"),
    ] {
        let wanted = format!("a|[1.0, {number}, 3.0]");
        assert_eq!(of_records(&with_cell(cell)).unwrap(), [wanted], "{cell}");
    }
}

#[test]
fn an_invalid_cell_is_reported_with_its_position() {
    for (cell, code, value) in [
        ("\"12 k\"", "not-a-number", "12 k"),
        ("\"１２\"", "not-a-number", "１２"),
        ("\"0x1F\"", "not-a-number", "0x1F"),
        ("\"1e999\"", "out-of-range", "1e999"),
        ("true", "not-a-number", "true"),
        ("[1,[2]]", "not-a-number", "an array"),
        ("{\"a\":{}}", "not-a-number", "an object"),
    ] {
        let Err(ApiError::RowInvalid(errors)) = of_records(&with_cell(cell)) else {
            panic!("{cell} is refused");
        };
        let detail = match code {
            "out-of-range" => format!("lastyear_activity: {value:?} is too large for a number"),
            _ => format!("lastyear_activity: {value:?} is not a number"),
        };
        let wanted = RowError {
            row: 1,
            line: None,
            column: Some("lastyear_activity".into()),
            code,
            detail,
            value: Some(value.into()),
        };
        assert_eq!(errors.first, [wanted], "{cell}");
    }
}

#[test]
fn records_may_lack_a_cell_but_not_a_column() {
    let rows = of_records(
        r#"[{"corporation":"a","lastmonth_activity":1,"lastyear_activity":2,"exited":"?"},
            {"Number_of_employees ":3,"extra":{"x":[]},"corporation":7}]"#,
    );
    assert_eq!(rows.unwrap(), ["a|[1.0, 2.0, NaN]", "7|[NaN, NaN, 3.0]"]);
    let missing = of_records(r#"[{"corporation":"a","lastmonth_activity":1},{"x":1}]"#);
    let Err(ApiError::MissingColumn { columns, found }) = missing else {
        panic!("a missing column");
    };
    assert_eq!(columns, ["lastyear_activity", "number_of_employees"]);
    assert_eq!(found, "corporation, lastmonth_activity");
}

#[test]
fn cells_are_matched_to_columns_by_position() {
    let names = [
        "index",
        "number_of_employees",
        "CORPORATION",
        "lastyear_activity",
        "lastmonth_activity",
    ];
    let rows = of_columns(&names, r#"[[0,3,"a",2,1],[{},null,"b","",1]]"#);
    assert_eq!(rows.unwrap(), ["a|[1.0, 2.0, 3.0]", "b|[1.0, NaN, NaN]"]);
    let refused = |data| match of_columns(&names, data) {
        Err(ApiError::RowInvalid(errors)) => (errors.first[0].row, errors.first[0].code),
        other => panic!("{other:?}"),
    };
    assert_eq!(refused(r#"[[0,3,"a",2,1],[0,3,"b",2]]"#), (2, FIELD_COUNT));
    assert_eq!(refused(r#"[[0,3,"a",2,1,9,9]]"#), (1, FIELD_COUNT));
    assert_eq!(refused(r#"[[0,3,null,2,1]]"#), (1, MISSING_ID));
}

#[test]
fn text_without_usable_rows_gets_the_matching_problem() {
    let code = |rows: Result<Vec<String>, ApiError>| rows.unwrap_err().kind().code;
    let deep = format!("[{}", "[".repeat(200_000));
    for (json, wanted) in [
        ("[]", "no-rows"),
        ("[{}]", "missing-column"),
        ("[1]", "json-invalid"),
        ("[[1,2]]", "json-invalid"),
        ("[{},", "json-invalid"),
        ("[{}] x", "json-invalid"),
        (&with_cell("NaN"), "json-invalid"),
        (&with_cell("1e999"), "json-invalid"),
        (
            r#"[{"corporation":"a","Corporation":"b"}]"#,
            "duplicate-column",
        ),
        (
            &with_cell(&format!("{}1{}", "[".repeat(500), "]".repeat(500))),
            "row-invalid",
        ),
        (&deep, "json-invalid"),
    ] {
        let shown = &json[..json.len().min(80)];
        assert_eq!(code(of_records(json)), wanted, "{shown}");
    }
    assert_eq!(code(of_columns(&["corporation"], "[]")), "missing-column");
    let twice = ["corporation", "Corporation"];
    assert_eq!(code(of_columns(&twice, "[]")), "duplicate-column");
    let many = format!("[{}{{}}]", "{},".repeat(1000));
    assert_eq!(code(of_records(&many)), "too-many-rows");
    let long = format!("\"{}\"", "x".repeat(70_000));
    assert_eq!(code(of_records(&with_cell(&long))), "field-too-long");
    let wide: Vec<String> = (0..1025).map(|column| format!("\"c{column}\":1")).collect();
    let wide = format!("[{{{}}}]", wide.join(","));
    assert_eq!(code(of_records(&wide)), "too-many-columns");
    assert_eq!(code(of_columns(&["x"; 1025], "[]")), "too-many-columns");
    let columns = [
        "corporation",
        "lastmonth_activity",
        "lastyear_activity",
        "number_of_employees",
    ];
    let data = format!("[[{long},1,2,3]]");
    assert_eq!(code(of_columns(&columns, &data)), "field-too-long");
}

#[test]
fn a_json_error_repeats_nothing_of_the_text() {
    let secret = "x".repeat(1000);
    for json in [
        format!("[\"{secret}\"]"),
        format!("[{{\"{secret}\" 1}}]"),
        format!("\"{secret}\""),
    ] {
        let text = of_records(&json).unwrap_err().to_string();
        assert!(!text.contains('x') || text.len() < 100, "{text}");
        assert!(text.contains("line 1"), "{text}");
    }
}

#[test]
fn reading_of_column_names_stops_at_the_limit_of_columns() {
    // The fourth element is no name, but reading stops before it.
    let names = Text::part(r#"["a","b","c",3]"#);
    let limits = |columns| LimitSettings {
        columns,
        ..LimitSettings::default()
    };
    let code =
        |max_columns| column_names(&names, &limits(max_columns)).map_err(|error| error.kind().code);
    assert_eq!(code(2), Err("too-many-columns"));
    assert_eq!(code(3), Err("json-invalid"));
    let whole = column_names(&Text::part(r#"["a","b"]"#), &limits(2)).unwrap();
    assert_eq!(whole, ["a", "b"]);
}

#[test]
fn a_column_name_has_the_length_limit_of_a_field() {
    let long = "x".repeat(70_000);
    let records = format!(r#"[{{"{long}":1}}]"#);
    assert_eq!(
        of_records(&records).unwrap_err().kind().code,
        "field-too-long"
    );
    let columns = of_columns(&["corporation", &long], "[]");
    assert_eq!(columns.unwrap_err().kind().code, "field-too-long");
}

#[test]
fn a_category_is_a_string_or_missing() {
    let category = |rules| Feature {
        name: "plan".into(),
        kind: Kind::Category(rules),
    };
    let read = |rules: CategoryRules, cell: &str| -> Result<f64, String> {
        let schema = Schema {
            features: vec![category(rules)],
            ..Schema::default()
        };
        let json = format!(r#"[{{"corporation":"a","plan":{cell}}}]"#);
        let mut permit = InFlight::new(u64::MAX).permit();
        let budget = RowBudget {
            limits: &limits(),
            permit: &mut permit,
        };
        match records(&Text::whole(&json), &schema, budget) {
            Ok(rows) => Ok(rows.iter().next().unwrap()[0]),
            Err(ApiError::RowInvalid(errors)) => Err(errors.first[0].code.to_owned()),
            Err(error) => panic!("{error}"),
        }
    };
    let any = |cell: &str| read(CategoryRules::default(), cell);
    assert_eq!(any(r#"" gold ""#), Ok(level_code("gold")));
    assert_eq!(any(r#""5""#), Ok(level_code("5")));
    for missing in ["null", r#""""#] {
        assert!(any(missing).unwrap().is_nan(), "{missing}");
    }
    assert_eq!(
        any(r#""N/A""#),
        Ok(level_code("N/A")),
        "a level like any other"
    );
    for other in ["5", "true", "[\"gold\"]"] {
        assert_eq!(any(other), Err("not-a-text".into()), "{other}");
    }
    let long = format!("\"{}\"", "x".repeat(201));
    assert_eq!(any(&long), Err("text-too-long".into()));
    let listed = || CategoryRules {
        listed: ListedLevels::new(vec!["gold".into()]).unwrap(),
        presence: Presence::Required,
        ..CategoryRules::default()
    };
    assert_eq!(read(listed(), r#""gold""#), Ok(level_code("gold")));
    assert_eq!(read(listed(), r#""Gold""#), Err("not-listed".into()));
    assert_eq!(read(listed(), "null"), Err("missing-value".into()));
}
