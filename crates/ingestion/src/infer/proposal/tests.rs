//! Tests of proposals: from columns to a schema and remarks.

use common::schema::{
    CategoryRules, Feature, Kind, Labels, ListedLevels, NumberRules, Presence, Schema,
};
use dataset::{ColumnSurvey, FewTexts, FileSurvey};
use serde_json::json;

use super::*;
use crate::infer::columns::pooled;

/// A column of whole numbers from 1.
fn numbers(name: &str, rows: u64) -> ColumnSurvey {
    ColumnSurvey {
        name: name.into(),
        numbers: rows,
        bounds: Some((1.0, rows as f64)),
        compared: rows,
        distinct: rows,
        ..ColumnSurvey::default()
    }
}

fn texts(name: &str, rows: u64, distinct: u64) -> ColumnSurvey {
    let mut texts = FewTexts::default();
    for row in 0..rows {
        texts.count(format!(" text {:02}", row % distinct).as_bytes());
    }
    ColumnSurvey {
        texts,
        name: name.into(),
        others: rows,
        compared: rows,
        distinct,
        ..ColumnSurvey::default()
    }
}

fn labels(name: &str, rows: u64) -> ColumnSurvey {
    ColumnSurvey {
        classes: [rows - 1, 1],
        distinct: 2,
        bounds: Some((0.0, 1.0)),
        ..numbers(name, rows)
    }
}

fn file(columns: Vec<ColumnSurvey>) -> FileSurvey {
    FileSurvey {
        rows: columns[0].rows(),
        columns,
        ..FileSurvey::default()
    }
}

fn proposed(files: &[FileSurvey]) -> ProposedSchema {
    propose(&pooled(files), &Schema::default()).unwrap()
}

fn remarks_of(proposed: &ProposedSchema, what: &str) -> bool {
    proposed.remarks.iter().any(|remark| remark.contains(what))
}

#[test]
fn columns_of_the_current_schema_keep_their_roles() {
    let found = proposed(&[file(vec![
        numbers("Number_Of_Employees ", 200),
        numbers("lastmonth_activity", 200),
        numbers("lastyear_activity", 200),
        texts("corporation", 200, 3),
        labels("flag", 200),
        labels("exited", 200),
    ])]);
    assert!(found.schema.columns().eq(Schema::default().columns()));
    assert!(remarks_of(&found, "flag is left out"));
    assert_eq!(found.remarks.len(), 1, "{:?}", found.remarks);
}

#[test]
fn roles_of_unknown_columns_are_guessed_and_the_guess_is_remarked() {
    let found = proposed(&[file(vec![
        numbers("row", 200),
        texts("region", 200, 50),
        texts("client", 200, 150),
        numbers("logins", 200),
        labels("vip", 200),
        labels("churned", 200),
    ])]);
    let Schema { id, target, .. } = &found.schema;
    assert_eq!(
        (id.as_deref(), target.as_str()),
        (Some("client"), "churned")
    );
    let names: Vec<&str> = found.schema.feature_names().collect();
    assert_eq!(names, ["row", "logins", "vip"]);
    for remark in ["churned is taken", "client is taken", "region is left out"] {
        assert!(remarks_of(&found, remark), "{remark}: {:?}", found.remarks);
    }
    let by_number = proposed(&[file(vec![numbers("x", 9), numbers("y", 9)])]);
    assert_eq!(by_number.schema.id.as_deref(), Some("x"));
    assert!(remarks_of(&by_number, "the target is still exited"));
}

#[test]
fn a_feature_of_the_current_schema_gets_no_other_role() {
    let number = |name: &str| Feature {
        name: name.into(),
        kind: Kind::Number(NumberRules::default()),
    };
    let today = Schema {
        id: Some("client".into()),
        features: vec![number("logins"), number("vip")],
        target: "churned".into(),
        ..Schema::default()
    };
    let found = |columns| propose(&pooled(&[file(columns)]), &today);
    let unlabelled = found(vec![
        texts("client", 200, 200),
        numbers("logins", 200),
        labels("VIP ", 200),
    ]);
    let Ok(unlabelled) = unlabelled else {
        panic!("{unlabelled:?}");
    };
    assert!(unlabelled.schema.columns().eq(today.columns()));
    assert!(remarks_of(&unlabelled, "the target is still churned"));

    let columns = || vec![numbers("logins", 200), labels("vip", 200)];
    let mut renamed = columns();
    renamed.push(numbers("number", 200));
    let renamed = found(renamed).unwrap().schema;
    assert_eq!(renamed.id.as_deref(), Some("number"));
    assert!(renamed.feature_names().eq(["logins", "vip"]));
    let error = found(columns()).unwrap_err().to_string();
    assert!(error.contains("none is left that could name"), "{error}");
}

#[test]
fn few_repeated_texts_are_a_category() {
    let found = proposed(&[file(vec![
        texts("client", 200, 200),
        texts("plan", 200, 3),
        texts("note", 200, 120),
        texts("town", 200, 21),
        texts("country", 200, 1),
        numbers("x", 200),
        labels("left", 200),
    ])]);
    let [plan, x] = &found.schema.features[..] else {
        panic!("{:?}", found.schema.features);
    };
    assert_eq!((plan.name.as_str(), x.name.as_str()), ("plan", "x"));
    let Kind::Category(rules) = &plan.kind else {
        panic!("a category");
    };
    let levels = rules.listed.levels().unwrap();
    assert_eq!(levels, ["text 00", "text 01", "text 02"]);
    assert_eq!(rules.presence, Presence::Required);
    for remark in [
        "plan is taken for a category",
        "note is left out: 200 of its cells hold text: too many",
        "town is left out: 200 of its cells hold text, 21 different ones",
        "country is left out: all of its cells hold the same text",
    ] {
        assert!(remarks_of(&found, remark), "{remark}: {:?}", found.remarks);
    }
    let written = serde_json::to_string(&found.schema.features[0]).unwrap();
    assert_eq!(
        written,
        r#"{"name":"plan","kind":"category","required":true,"allowed":["text 00","text 01","text 02"]}"#
    );
}

#[test]
fn a_category_of_the_current_schema_stays_a_category() {
    let mut today = Schema::default();
    today.features[2].kind = Kind::Category(CategoryRules::default());
    let columns = vec![
        texts("corporation", 200, 200),
        numbers("lastmonth_activity", 200),
        numbers("lastyear_activity", 200),
        numbers("number_of_employees", 200),
        labels("exited", 200),
    ];
    let found = propose(&pooled(&[file(columns)]), &today).unwrap();
    let employees = &found.schema.features[2];
    assert!(employees.kind.is_category(), "{employees:?}");
}

#[test]
fn allowed_levels_of_current_categories_stay_and_are_remarked() {
    let columns = || {
        vec![
            texts("corporation", 200, 200),
            numbers("lastmonth_activity", 200),
            numbers("lastyear_activity", 200),
            texts("number_of_employees", 200, 3),
            labels("exited", 200),
        ]
    };
    let silver = || ListedLevels::new(vec!["text 00".into(), "silver".into()]).unwrap();
    for (listed, says) in [
        (ListedLevels::default(), "any level is still allowed"),
        (silver(), "the levels that it allows stay"),
    ] {
        let mut today = Schema::default();
        today.features[2].kind = Kind::Category(CategoryRules {
            listed: listed.clone(),
            ..CategoryRules::default()
        });
        let found = propose(&pooled(&[file(columns())]), &today).unwrap();
        let Kind::Category(rules) = &found.schema.features[2].kind else {
            panic!("a category");
        };
        assert_eq!(rules.listed, listed);
        let says = format!("number_of_employees is a category of today's schema: {says}");
        assert!(remarks_of(&found, &says), "{:?}", found.remarks);
    }
}

#[test]
fn a_text_that_is_no_level_is_remarked() {
    let mut note = texts("note", 200, 3);
    note.texts.count("x".repeat(201).as_bytes());
    let columns = vec![texts("client", 200, 200), note, numbers("x", 200)];
    let found = proposed(&[file(columns)]);
    let says = "or a text that is no level: longer than 200 bytes";
    assert!(remarks_of(&found, says), "{:?}", found.remarks);
}

#[test]
fn a_column_that_some_files_do_not_have_is_left_out() {
    let found = proposed(&[
        file(vec![texts("client", 80, 80), numbers("x", 80)]),
        file(vec![
            texts("client", 20, 20),
            numbers("x", 20),
            numbers("y", 20),
        ]),
    ]);
    assert!(found.schema.feature_names().eq(["x"]));
    assert!(remarks_of(
        &found,
        "y is left out: it is there in 20 of 100 rows"
    ));
}

#[test]
fn without_a_feature_there_is_no_proposal() {
    let only_names = [file(vec![texts("client", 9, 9), labels("left", 9)])];
    let error = propose(&pooled(&only_names), &Schema::default()).unwrap_err();
    assert!(error.to_string().contains("no column is left"), "{error}");
}

#[test]
fn texts_of_labels_stay_with_their_target_and_are_printed_as_configured() {
    let text = |text: &str| vec![text.to_owned()];
    let today = Schema {
        labels: Labels::new(text("Yes"), text("No")).unwrap(),
        ..Schema::default()
    };
    let found = |target: &str| {
        let columns = vec![
            texts("corporation", 200, 200),
            numbers("x", 200),
            labels(target, 200),
        ];
        propose(&pooled(&[file(columns)]), &today).unwrap()
    };
    let same = serde_json::to_value(found("exited")).unwrap();
    let expected = json!({"name": "exited", "positive": ["Yes"], "negative": ["No"]});
    assert_eq!(same["target"], expected);
    assert_eq!(same.get("labels"), None);
    // Another target has labels of its own.
    let other = serde_json::to_value(found("left")).unwrap();
    assert_eq!(other["target"], "left");
}
