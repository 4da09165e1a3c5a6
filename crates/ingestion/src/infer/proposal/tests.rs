//! Tests of proposals: from columns to a schema and remarks.

use common::schema::{
    CategoryRules, Feature, Kind, Labels, ListedLevels, MissingWords, NumberFormat, NumberRules,
    Presence, Schema,
};
use dataset::cell::DecimalMarks;
use dataset::{ColumnSurvey, FileSurvey};
use serde_json::{Value, json};

use super::*;
use crate::infer::columns::pooled;

/// A column with a cell for each row.
fn column(name: &str, rows: u64, cell: impl Fn(u64) -> String) -> ColumnSurvey {
    let mut column = ColumnSurvey {
        name: name.into(),
        ..ColumnSurvey::default()
    };
    for row in 0..rows {
        column.add_cell(cell(row).as_bytes(), DecimalMarks::Point);
    }
    column
}

/// Whole numbers that differ. The gaps keep them from being taken for a counter of rows.
fn numbers(name: &str, rows: u64) -> ColumnSurvey {
    column(name, rows, |row| (row * 7).to_string())
}

/// Whole numbers that count the rows.
fn counter(name: &str, rows: u64) -> ColumnSurvey {
    column(name, rows, |row| (row + 1).to_string())
}

fn texts(name: &str, rows: u64, distinct: u64) -> ColumnSurvey {
    column(name, rows, |row| format!(" text {:02}", row % distinct))
}

/// A column that repeats these cells.
fn repeated(name: &str, rows: u64, cells: &[&str]) -> ColumnSurvey {
    column(name, rows, |row| cells[row as usize % cells.len()].into())
}

fn labels(name: &str, rows: u64) -> ColumnSurvey {
    repeated(name, rows, &["0", "0", "1"])
}

fn file(columns: Vec<ColumnSurvey>) -> FileSurvey {
    FileSurvey {
        rows: columns[0].rows(),
        columns,
        ..FileSurvey::default()
    }
}

fn proposed_for(columns: Vec<ColumnSurvey>, current: &Schema, rules: Rules) -> ProposedSchema {
    propose(&pooled(&[file(columns)]), current, rules).unwrap()
}

fn proposed(columns: Vec<ColumnSurvey>) -> ProposedSchema {
    proposed_for(columns, &Schema::default(), Rules::Configured)
}

fn proposed_from_content(columns: Vec<ColumnSurvey>) -> ProposedSchema {
    proposed_for(columns, &Schema::default(), Rules::Observed)
}

fn features(proposed: &ProposedSchema) -> Value {
    serde_json::to_value(proposed).unwrap()["features"].take()
}

#[track_caller]
fn assert_remarks(proposed: &ProposedSchema, wanted: &[&str]) {
    for what in wanted {
        let is_there = proposed.remarks.iter().any(|remark| remark.contains(what));
        assert!(is_there, "{what}: {:#?}", proposed.remarks);
    }
}

#[test]
fn columns_of_the_current_schema_keep_their_roles() {
    let columns = || {
        vec![
            numbers("Number_Of_Employees ", 200),
            numbers("lastmonth_activity", 200),
            numbers("lastyear_activity", 200),
            texts("corporation", 200, 3),
            labels("flag", 200),
            labels("exited", 200),
        ]
    };
    let found = proposed(columns());
    assert_eq!(found.schema, Schema::default());
    assert_remarks(&found, &["flag is left out: it is of numbers"]);
    assert_eq!(found.remarks.len(), 1, "{:?}", found.remarks);
    let found = proposed_from_content(columns());
    assert!(found.schema.columns().eq(Schema::default().columns()));
    assert_ne!(found.schema, Schema::default());
}

#[test]
fn rules_of_the_current_schema_stay_unless_they_are_to_be_observed() {
    let number = Kind::Number(NumberRules {
        presence: Presence::Required,
        format: NumberFormat::Percent,
        missing: MissingWords::new(vec!["-1".into()]).unwrap(),
        ..NumberRules::default()
    });
    let listed = ListedLevels::new(vec!["text 00".into(), "silver".into()]).unwrap();
    let category = Kind::Category(CategoryRules {
        listed: listed.clone(),
        ..CategoryRules::default()
    });
    let feature = |name: &str, kind: &Kind| Feature {
        name: name.into(),
        kind: kind.clone(),
    };
    let current = Schema {
        id: None,
        features: vec![feature("usage", &number), feature("plan", &category)],
        target: "left".into(),
        labels: Labels::default(),
    };
    let columns = || {
        vec![
            texts("client", 200, 200),
            column("usage", 200, |row| format!("{row}.5%")),
            texts("plan", 200, 3),
            labels("left", 200),
        ]
    };
    let found = proposed_for(columns(), &current, Rules::Configured);
    assert_eq!(found.schema, current);
    let found = proposed_for(columns(), &current, Rules::Observed);
    let [usage, plan] = &found.schema.features[..] else {
        panic!("{:?}", found.schema.features);
    };
    // Bounds of formatted numbers are not observed; format and words stay.
    assert_eq!(usage.kind, number);
    let Kind::Category(rules) = &plan.kind else {
        panic!("a category");
    };
    assert_eq!(
        (&rules.listed, rules.presence),
        (&listed, Presence::Required)
    );
    assert_remarks(
        &found,
        &["plan is a category of the current schema: the levels that it allows stay"],
    );
}

#[test]
fn roles_of_unknown_columns_are_guessed_with_reason_and_runner_up() {
    let found = proposed(vec![
        counter("RowNumber", 200),
        numbers("CustomerId", 200),
        texts("Surname", 200, 150),
        numbers("logins", 200),
        labels("vip", 200),
        labels("Churned", 200),
        repeated("region", 200, &["north", "south"]),
    ]);
    let Schema { id, target, .. } = &found.schema;
    assert_eq!(
        (id.as_deref(), target.as_str()),
        (Some("CustomerId"), "Churned")
    );
    let wanted = json!(["logins", "vip", {"name": "region", "kind": "category"}]);
    assert_eq!(features(&found), wanted);
    let remarks = [
        "id: CustomerId, unique in 200 rows and named like an id; next best: RowNumber",
        "target: Churned, two values and named like an outcome; next best: region",
        "RowNumber is left out: it counts the rows",
        "Surname is left out: 200 of its cells hold text",
    ];
    assert_remarks(&found, &remarks);
}

#[test]
fn a_column_without_the_name_of_an_id_is_one_only_if_it_is_a_text() {
    let with = |key: ColumnSurvey| {
        proposed(vec![
            key,
            repeated("x", 200, &["1.5", "2", "3"]),
            labels("left", 200),
        ])
    };
    assert_eq!(
        with(texts("ref code", 200, 200)).schema.id.as_deref(),
        Some("ref code")
    );
    for no_id in [
        numbers("balance", 200),
        column("Customer value", 200, |row| format!("{row}.5")),
        column("customer_share", 200, |row| format!("{row}.5%")),
        column("customer", 200, |row| {
            format!("2024-01-01 10:{:02}:{:02}", row / 60, row % 60)
        }),
        texts("surname", 200, 200),
        texts("branch id", 200, 20),
    ] {
        let name = no_id.name.clone();
        let found = with(no_id);
        assert_eq!(found.schema.id, None, "{name}");
        assert_remarks(&found, &["id: none, because no column is a key"]);
    }
}

#[test]
fn words_for_missing_numbers_are_proposed_beside_the_default_ones() {
    let found = proposed(vec![
        column("usage", 200, |row| match row % 9 {
            0 => "-".to_owned(),
            1 => "Unknown".to_owned(),
            _ => format!("{row}.5"),
        }),
        column("spend", 200, |row| match row % 9 {
            0 => "-".to_owned(),
            1 => "a lot".to_owned(),
            _ => format!("{row}.5"),
        }),
        labels("left", 200),
    ]);
    let words = json!([
        "#N/A", "-", "<NA>", "?", "N/A", "NA", "NaN", "None", "Unknown", "null"
    ]);
    assert_eq!(
        features(&found),
        json!([{"name": "usage", "missing": words}])
    );
    let remarks = [
        r#"usage: "-", "Unknown" stands for a missing value"#,
        "spend is left out",
    ];
    assert_remarks(&found, &remarks);
}

#[test]
fn a_client_may_have_several_rows() {
    let found = proposed(vec![
        repeated("x", 200, &["1.5", "2", "3"]),
        texts("customer", 200, 100),
        labels("left", 200),
    ]);
    assert_eq!(found.schema.id.as_deref(), Some("customer"));
    assert_remarks(
        &found,
        &["named like an id, with several rows of a client: 100 different ones in 200 rows"],
    );
}

#[test]
fn an_id_may_repeat_in_a_few_rows_or_in_another_file() {
    let few = column("EmployeeNumber", 200, |row| (row.max(3) * 7).to_string());
    let found = proposed(vec![few, texts("plan", 200, 3), labels("left", 200)]);
    assert_eq!(found.schema.id.as_deref(), Some("EmployeeNumber"));
    assert_remarks(&found, &["unique in nearly all of 200 rows"]);
    let month = || {
        file(vec![
            numbers("client_id", 90),
            texts("plan", 90, 3),
            labels("left", 90),
        ])
    };
    let found = propose(
        &pooled(&[month(), month()]),
        &Schema::default(),
        Rules::Configured,
    );
    let found = found.unwrap();
    assert_eq!(found.schema.id.as_deref(), Some("client_id"));
    assert_remarks(&found, &["unique in nearly all rows of each file"]);
}

#[test]
fn a_target_has_two_values_and_a_fitting_name_or_is_last() {
    let target = |columns: &[(&str, &[&str])]| {
        let mut all = vec![numbers("x", 200)];
        let columns = columns.iter();
        all.extend(columns.map(|(name, cells)| repeated(name, 200, cells)));
        proposed(all).schema.target
    };
    let (two, more) = (&["a", "b"][..], &["a", "b", "c"][..]);
    assert_eq!(target(&[("default", two), ("loan", two), ("y", two)]), "y");
    assert_eq!(
        target(&[("Attrition", two), ("Gender", two), ("OverTime", two)]),
        "Attrition"
    );
    assert_eq!(
        target(&[("marital.status", two), ("income", two)]),
        "income"
    );
    assert_eq!(
        target(&[
            ("status_of_account", more),
            ("creditability", two),
            ("z", two)
        ]),
        "creditability"
    );
    assert_eq!(
        target(&[("bad_loan", &["0", "1", ""]), ("verification_status", two)]),
        "bad_loan"
    );
    assert_eq!(
        target(&[("vip", two), ("gender", two), ("town", more)]),
        "vip"
    );
    assert_eq!(
        target(&[
            ("Customer Status", &["Churned", "Stayed", "Joined"]),
            ("vip", two)
        ]),
        "Customer Status"
    );
}

#[test]
fn labels_are_filled_in_and_printed_as_configured() {
    let found = proposed(vec![
        numbers("x", 200),
        repeated("Churn", 200, &["VRAI", "FAUX", "FAUX", ""]),
    ]);
    let written = serde_json::to_value(&found).unwrap();
    let target = json!({"name": "Churn", "positive": "VRAI", "negative": "FAUX"});
    assert_eq!((&written["target"], written.get("labels")), (&target, None));
    assert_eq!(written["id"], Value::Null);
    assert_remarks(
        &found,
        &[r#"positive label: "VRAI" in 50 of 150 rows, it means the event"#],
    );
}

#[test]
fn labels_of_the_current_target_stay_unless_they_are_numbers_and_the_data_has_texts() {
    let text = |text: &str| vec![text.to_owned()];
    let worded = Schema {
        labels: Labels::new(text("Yes"), text("No")).unwrap(),
        ..Schema::default()
    };
    let with = |cells: &[&str], current: &Schema| {
        let columns = vec![
            texts("corporation", 200, 200),
            numbers("x", 200),
            repeated("Exited", 200, cells),
        ];
        proposed_for(columns, current, Rules::Configured)
    };
    assert_eq!(with(&["Yes", "No"], &worded).schema.labels, worded.labels);
    assert_eq!(
        with(&["Yes", "No"], &Schema::default()).schema.labels,
        worded.labels
    );
    let other = with(&["ja", "nein"], &worded);
    assert_eq!(other.schema.labels, worded.labels);
    assert_remarks(
        &other,
        &[r#"the label "ja" of exited is unknown; positive: "Yes""#],
    );
    // The other columns are new, so the target has the spelling of the file.
    assert_eq!(other.schema.target, "Exited");
}

#[test]
fn a_feature_of_the_current_schema_gets_no_other_role() {
    let current = Schema {
        id: Some("client".into()),
        features: vec!["logins".into(), "vip".into()],
        target: "churned".into(),
        ..Schema::default()
    };
    let found = |columns| proposed_for(columns, &current, Rules::Configured);
    let unlabelled = found(vec![
        texts("client", 200, 200),
        numbers("logins", 200),
        labels("VIP ", 200),
    ]);
    assert_eq!(unlabelled.schema, current);
    assert_remarks(&unlabelled, &["the target is still churned"]);
    let renamed = found(vec![
        numbers("logins", 200),
        labels("vip", 200),
        numbers("number", 200),
    ]);
    assert_eq!(renamed.schema.id.as_deref(), Some("number"));
    assert!(renamed.schema.feature_names().eq(["logins", "vip"]));
}

#[test]
fn data_without_a_target_gives_no_proposal() {
    let columns = vec![texts("client", 200, 200), numbers("x", 200)];
    let error = propose(
        &pooled(&[file(columns)]),
        &Schema::default(),
        Rules::Configured,
    );
    let error = error.unwrap_err().to_string();
    assert!(error.contains("none can be the target"), "{error}");
}

#[test]
fn foreign_data_gives_no_column_of_the_current_schema() {
    let found = proposed(vec![numbers("x", 200), labels("left", 200)]);
    let current = Schema::default();
    assert!(
        found
            .schema
            .columns()
            .all(|name| current.columns().all(|known| known != name))
    );
}

#[test]
fn few_repeated_texts_are_a_category_whose_levels_are_listed_only_if_observed() {
    let columns = || {
        vec![
            texts("client", 200, 200),
            texts("plan", 200, 3),
            texts("note", 200, 120),
            texts("town", 200, 21),
            repeated("country", 200, &["here"]),
            repeated("hours", 200, &["80"]),
            repeated("x", 200, &["1.5", "2", "4"]),
            labels("left", 200),
        ]
    };
    let found = proposed(columns());
    assert_eq!(
        features(&found),
        json!([{"name": "plan", "kind": "category"}, "x"])
    );
    let remarks = [
        r#"note is left out: 200 of its cells hold text, such as "text 00", and 120 different"#,
        r#"town is left out: 200 of its cells hold text, such as "text 00", 21 different"#,
        r#"country is left out: all of its values are "here""#,
        r#"hours is left out: all of its values are "80""#,
    ];
    assert_remarks(&found, &remarks);
    let strict = proposed_from_content(columns());
    let wanted = json!([
        {"name": "plan", "kind": "category", "required": true, "allowed": ["text 00", "text 01", "text 02"]},
        {"name": "x", "min": 0.0, "max": 6.5, "required": true},
    ]);
    assert_eq!(features(&strict), wanted);
    assert_remarks(
        &strict,
        &["plan is taken for a category: its levels are listed"],
    );
}

#[test]
fn words_for_missing_values_are_listed_but_the_text_none_is_a_level() {
    let columns = || {
        vec![
            repeated("home", 200, &["own", "NA", "rent"]),
            repeated("guarantor", 200, &["none", "none", "family"]),
            repeated("answer", 200, &["?", "known"]),
            labels("left", 200),
        ]
    };
    let found = proposed(columns());
    let wanted = json!([
        {"name": "home", "kind": "category", "missing": ["NA"]},
        {"name": "guarantor", "kind": "category"},
    ]);
    assert_eq!(features(&found), wanted);
    let remarks = [
        r#"home: "NA" stands for a missing value"#,
        "answer is left out: all of its values",
    ];
    assert_remarks(&found, &remarks);
    let strict = features(&proposed_from_content(columns()));
    assert_eq!(strict[0]["allowed"], json!(["own", "rent"]));
    // 2 · 67/200 + 0.05 is 0.72, but in binary fractions a little more, so it is rounded up.
    assert_eq!(strict[0]["max_missing_share"], json!(0.73));
}

#[test]
fn numbers_that_are_codes_are_categories() {
    let found = proposed(vec![
        repeated("Area code", 200, &["408", "415", "510"]),
        repeated("score", 200, &["408", "415", "510"]),
        repeated("stars", 200, &["1", "2", "3", "4", "5"]),
        repeated("vip", 200, &["0", "1"]),
        column("zip", 200, |row| (10_000 + row * 31).to_string()),
        labels("left", 200),
    ]);
    let category = |name: &str| json!({"name": name, "kind": "category"});
    let wanted = json!([category("Area code"), category("score"), "stars", "vip"]);
    assert_eq!(features(&found), wanted);
    let remarks = [
        "Area code is taken for a category: its name says that its numbers are codes",
        "score is taken for a category: its few numbers look like codes",
        "zip is left out: its name says that its numbers are codes, and 200 are too many",
    ];
    assert_remarks(&found, &remarks);
}

#[test]
fn formats_dates_and_unclear_commas_are_named() {
    let mut unclear = ColumnSurvey {
        name: "sales".into(),
        ..ColumnSurvey::default()
    };
    let cells = ["1,234", "12,000"].iter().cycle().take(200);
    cells.for_each(|cell| unclear.add_cell(cell.as_bytes(), DecimalMarks::Either));
    let found = proposed(vec![
        column("usage", 200, |row| format!("{row}.5%")),
        column("balance", 200, |row| format!("${row}.50")),
        column("visits", 200, |row| format!("{},234", row + 1)),
        unclear,
        column("joined", 200, |row| format!("{}/6/2024", row % 28 + 1)),
        labels("left", 200),
    ]);
    let wanted = json!([
        {"name": "usage", "format": "percent"},
        {"name": "balance", "format": "money"},
        {"name": "visits", "format": "thousands"},
        {"name": "sales", "format": "thousands"},
    ]);
    assert_eq!(features(&found), wanted);
    let remarks = [
        r#"usage is read with the format percent, because of cells such as "0.5%""#,
        r#"balance is read with the format money, because of cells such as "$0.50""#,
        r#"visits is read with the format thousands, because of cells such as "1,234""#,
        "sales has commas before three digits only",
        r#"joined is left out: it holds dates or times, such as "1/6/2024""#,
    ];
    assert_remarks(&found, &remarks);
}

#[test]
fn a_column_that_mirrors_the_target_is_left_out() {
    let found = proposed(vec![
        repeated("x", 200, &["1.5", "2", "4"]),
        repeated("Churn Score", 200, &["20", "30", "77"]),
        labels("Churn Value", 200),
    ]);
    assert_eq!(features(&found), json!(["x"]));
    assert_remarks(
        &found,
        &["Churn Score is left out: its name has the word churn"],
    );
}

#[test]
fn a_text_that_is_no_level_is_remarked() {
    let mut note = texts("note", 200, 3);
    note.add_cell("x".repeat(201).as_bytes(), DecimalMarks::Point);
    let found = proposed(vec![note, numbers("x", 201), labels("left", 201)]);
    assert_remarks(&found, &["text that is no level: longer than 200 bytes"]);
}

#[test]
fn a_column_that_some_files_do_not_have_is_left_out() {
    let columns = |rows| vec![numbers("x", rows), labels("left", rows)];
    let mut wide = columns(20);
    wide.push(numbers("y", 20));
    let files = [file(columns(80)), file(wide)];
    let found = propose(&pooled(&files), &Schema::default(), Rules::Configured).unwrap();
    assert!(found.schema.feature_names().eq(["x"]));
    assert_remarks(&found, &["y is left out: it is there in 20 of 100 rows"]);
}

#[test]
fn without_a_feature_there_is_no_proposal() {
    let only_names = [file(vec![texts("client", 9, 9), labels("left", 9)])];
    let error = propose(&pooled(&only_names), &Schema::default(), Rules::Configured);
    let error = error.unwrap_err().to_string();
    assert!(error.contains("no column is left"), "{error}");
}

#[test]
fn a_few_cells_that_are_no_label_do_not_hide_the_target() {
    let with_typing_errors = |errors: u64| {
        let churned = column("churned", 300, |row| match row {
            row if row < errors => "2".into(),
            row => (row % 2).to_string(),
        });
        let columns = vec![numbers("hours", 300), churned];
        propose(
            &pooled(&[file(columns)]),
            &Schema::default(),
            Rules::Configured,
        )
    };
    let found = with_typing_errors(2).unwrap();
    assert_eq!(found.schema.target, "churned");
    assert_remarks(
        &found,
        &["churned: 2 of 300 cells are neither label (\"2\"); such rows are rejected"],
    );
    // Three of 300 cells are too many for typing errors.
    assert!(with_typing_errors(3).is_err());
}
