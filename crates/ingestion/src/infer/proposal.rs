//! From what columns hold to the roles that they may play.

use common::Failure;
use common::schema::{CategoryRules, Feature, Kind, LONGEST_LEVEL_BYTES, Schema};
use dataset::ColumnSurvey;

use super::ProposedSchema;
use super::columns::{PooledColumn, PooledColumns, is_same};
use super::rules::{of_category, of_numbers};

/// A column that a larger share of the rows is without would have most files refused.
const LEAST_SHARE_OF_ROWS: f64 = 0.9;
/// A column that names clients is different in at least so many of the rows compared.
const LEAST_DISTINCT_SHARE: f64 = 0.5;
/// A category has so many rows for each of its texts, on average: with fewer they could as well be
/// names.
const LEAST_ROWS_A_TEXT: u64 = 10;

/// Proposes a schema for these columns; what today's one says of them by name stays.
pub(super) fn propose(pooled: &PooledColumns, today: &Schema) -> anyhow::Result<ProposedSchema> {
    let mut remarks = Vec::new();
    let target = target(pooled, today, &mut remarks);
    let id = id(pooled, today, &target, &mut remarks)?;
    let features = features(pooled, today, [&id, &target], &mut remarks);
    if features.is_empty() {
        return Err(Failure::data(
            "no column is left for a model to read: it needs one of numbers, or a category, beside the id and the target",
        )
        .into());
    }
    Ok(ProposedSchema {
        schema: Schema {
            id,
            features,
            target,
        },
        remarks,
    })
}

fn target(pooled: &PooledColumns, today: &Schema, remarks: &mut Vec<String>) -> String {
    if pooled.find(&today.target).is_some() {
        return today.target.clone();
    }
    let is_class = |cells: &&ColumnSurvey| {
        let [stayed, left] = cells.classes;
        let holds_classes = stayed > 0 && left > 0;
        holds_classes
            && stayed + left + cells.missing == cells.rows()
            && !is_named(today, &cells.name)
    };
    let mut all = pooled.columns.iter().map(|column| &column.cells);
    // Exports put the outcome last.
    match all.rfind(is_class) {
        Some(guess) => {
            remarks.push(format!(
                "no column is named {}; {} is taken for the target, as it holds 0 and 1 only",
                today.target, guess.name
            ));
            guess.name.clone()
        }
        None => {
            remarks.push(format!(
                "no column is named {0}, and none without a role holds 0 and 1 only; the target is still {0}",
                today.target
            ));
            today.target.clone()
        }
    }
}

fn id(
    pooled: &PooledColumns,
    today: &Schema,
    target: &str,
    remarks: &mut Vec<String>,
) -> anyhow::Result<String> {
    if pooled.find(&today.id).is_some() {
        return Ok(today.id.clone());
    }
    let others = pooled
        .columns
        .iter()
        .map(|column| &column.cells)
        .filter(|cells| !is_same(&cells.name, target) && cells.rows() > cells.missing)
        .filter(|cells| !is_named(today, &cells.name));
    // Of equally good ones the leftmost: exports put the name of the client first.
    let guess = others.reduce(|best, next| {
        if fitness_as_id(next) > fitness_as_id(best) {
            next
        } else {
            best
        }
    });
    let guess = guess.ok_or_else(|| {
        Failure::data(format!(
            "no column is named {}, and none is left that could name the client",
            today.id
        ))
    })?;
    remarks.push(format!(
        "no column is named {}; {} is taken for the one that names the client",
        today.id, guess.name
    ));
    Ok(guess.name.clone())
}

/// Whether a column has a role today, which it keeps.
fn is_named(today: &Schema, name: &str) -> bool {
    today.columns().any(|named| is_same(named, name))
}

/// The larger the better: names that differ from row to row, then whole numbers that do.
fn fitness_as_id(cells: &ColumnSurvey) -> u8 {
    let differs = cells.distinct as f64 >= LEAST_DISTINCT_SHARE * cells.compared as f64;
    let is_whole = cells.fractions == 0;
    match (cells.holds_numbers(), differs) {
        (false, true) => 3,
        (true, true) if is_whole => 2,
        (false, false) => 1,
        _ => 0,
    }
}

/// Today's features where all of them are there, else all columns of numbers and categories.
fn features(
    pooled: &PooledColumns,
    today: &Schema,
    taken: [&str; 2],
    remarks: &mut Vec<String>,
) -> Vec<Feature> {
    let todays: Option<Vec<Feature>> = today
        .features
        .iter()
        .map(|feature| as_today(feature, pooled.find(&feature.name)?))
        .collect();
    let mut all = Vec::new();
    for column in &pooled.columns {
        let name = &column.cells.name;
        if taken.iter().any(|taken| is_same(taken, name)) {
            continue;
        }
        match kind(column, pooled.rows) {
            Err(reason) => remarks.push(format!("{name} is left out: {reason}")),
            Ok(kind) => all.push(Feature {
                name: name.clone(),
                kind,
            }),
        }
    }
    let Some(todays) = todays else {
        for Feature { name, kind } in &all {
            if kind.is_category() {
                remarks.push(format!(
                    "{name} is taken for a category: its texts are listed, and rows with any other are refused; leave out allowed to let new ones come"
                ));
            }
        }
        return all;
    };
    for Feature { name, kind } in &todays {
        if let Kind::Category(rules) = kind {
            let texts = match rules.listed.levels() {
                Some(_) => "the texts that it allows stay, and rows with any other are refused",
                None => "any text is allowed still",
            };
            remarks.push(format!("{name} is a category of today's schema: {texts}"));
        }
    }
    for Feature { name, kind } in &all {
        if !todays.iter().any(|known| is_same(&known.name, name)) {
            let what = if kind.is_category() {
                "a category"
            } else {
                "of numbers"
            };
            remarks.push(format!(
                "{name} is left out: it is {what}, but today's model does not read it"
            ));
        }
    }
    todays
}

/// A feature of today's schema, of the kind that it has there; `None` where it is not so any more.
fn as_today(feature: &Feature, column: &PooledColumn) -> Option<Feature> {
    let kind = match feature.kind {
        Kind::Number(_) if column.cells.holds_numbers() => Kind::Number(of_numbers(column)),
        Kind::Number(_) => return None,
        // Which texts may come was decided by a person, and a few rows are no reason to narrow it.
        Kind::Category(ref todays) => Kind::Category(CategoryRules {
            listed: todays.listed.clone(),
            ..of_category(column)
        }),
    };
    Some(Feature {
        name: feature.name.clone(),
        kind,
    })
}

/// What a column is, or why a model cannot read it.
fn kind(column: &PooledColumn, rows: u64) -> Result<Kind, String> {
    let cells = &column.cells;
    let kind = if cells.holds_numbers() {
        Kind::Number(of_numbers(column))
    } else {
        why_no_category(cells).map_or_else(|| Ok(Kind::Category(of_category(column))), Err)?
    };
    if (cells.rows() as f64) < LEAST_SHARE_OF_ROWS * rows as f64 {
        return Err(format!(
            "it is there in {} of {rows} rows, and a file without it would be refused",
            cells.rows()
        ));
    }
    Ok(kind)
}

/// Why a column that is not one of numbers is no category either.
fn why_no_category(cells: &ColumnSurvey) -> Option<String> {
    let present = cells.rows() - cells.missing;
    let texts = cells.texts.texts().map(|texts| texts.len() as u64);
    match texts {
        _ if present == 0 => Some("it has no value".into()),
        None => Some(format!(
            "{} of its cells hold text, too many different ones for a category, or some that is none: longer than {LONGEST_LEVEL_BYTES} bytes, or not UTF-8",
            cells.others
        )),
        Some(1) => Some("all of its cells hold the same text".into()),
        Some(texts) if texts * LEAST_ROWS_A_TEXT > present => Some(format!(
            "{} of its cells hold text, {texts} different ones: too many for a category of so few rows",
            cells.others
        )),
        Some(_) => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::infer::columns::pooled;
    use common::schema::{ListedLevels, NumberRules, Presence};
    use dataset::{FewTexts, FileSurvey};

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

    fn classes(name: &str, rows: u64) -> ColumnSurvey {
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
            skipped: 0,
            columns,
        }
    }

    fn proposed(files: &[FileSurvey]) -> ProposedSchema {
        propose(&pooled(files), &Schema::default()).unwrap()
    }

    fn remarks_of(proposed: &ProposedSchema, what: &str) -> bool {
        proposed.remarks.iter().any(|remark| remark.contains(what))
    }

    #[test]
    fn columns_of_todays_schema_keep_their_roles_whatever_else_is_there() {
        let found = proposed(&[file(vec![
            numbers("Number_Of_Employees ", 200),
            numbers("lastmonth_activity", 200),
            numbers("lastyear_activity", 200),
            texts("corporation", 200, 3),
            classes("flag", 200),
            classes("exited", 200),
        ])]);
        assert!(found.schema.columns().eq(Schema::default().columns()));
        assert!(remarks_of(&found, "flag is left out"));
        assert_eq!(found.remarks.len(), 1, "{:?}", found.remarks);
    }

    #[test]
    fn roles_of_unknown_columns_are_guessed_and_said_to_be() {
        let found = proposed(&[file(vec![
            numbers("row", 200),
            texts("region", 200, 50),
            texts("client", 200, 150),
            numbers("logins", 200),
            classes("vip", 200),
            classes("churned", 200),
        ])]);
        let Schema { id, target, .. } = &found.schema;
        assert_eq!((id.as_str(), target.as_str()), ("client", "churned"));
        let names: Vec<&str> = found.schema.feature_names().collect();
        assert_eq!(names, ["row", "logins", "vip"]);
        for remark in ["churned is taken", "client is taken", "region is left out"] {
            assert!(remarks_of(&found, remark), "{remark}: {:?}", found.remarks);
        }
        let by_number = proposed(&[file(vec![numbers("x", 9), numbers("y", 9)])]);
        assert_eq!(by_number.schema.id, "x");
        assert!(remarks_of(&by_number, "the target is still exited"));
    }

    #[test]
    fn a_feature_of_todays_schema_is_taken_for_nothing_else() {
        let number = |name: &str| Feature {
            name: name.into(),
            kind: Kind::Number(NumberRules::default()),
        };
        let today = Schema {
            id: "client".into(),
            features: vec![number("logins"), number("vip")],
            target: "churned".into(),
        };
        let found = |columns| propose(&pooled(&[file(columns)]), &today);
        let unlabelled = found(vec![
            texts("client", 200, 200),
            numbers("logins", 200),
            classes("VIP ", 200),
        ]);
        let Ok(unlabelled) = unlabelled else {
            panic!("{unlabelled:?}");
        };
        assert!(unlabelled.schema.columns().eq(today.columns()));
        assert!(remarks_of(&unlabelled, "the target is still churned"));

        let columns = || vec![numbers("logins", 200), classes("vip", 200)];
        let mut renamed = columns();
        renamed.push(numbers("number", 200));
        let renamed = found(renamed).unwrap().schema;
        assert_eq!(renamed.id, "number");
        assert!(renamed.feature_names().eq(["logins", "vip"]));
        let error = found(columns()).unwrap_err().to_string();
        assert!(error.contains("none is left that could name"), "{error}");
    }

    #[test]
    fn few_texts_that_come_again_and_again_are_a_category() {
        let found = proposed(&[file(vec![
            texts("client", 200, 200),
            texts("plan", 200, 3),
            texts("note", 200, 120),
            texts("town", 200, 21),
            texts("country", 200, 1),
            numbers("x", 200),
            classes("left", 200),
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
            "note is left out: 200 of its cells hold text, too many",
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
    fn a_category_of_todays_schema_stays_one_whatever_its_texts_look_like() {
        let mut today = Schema::default();
        today.features[2].kind = Kind::Category(CategoryRules::default());
        let columns = vec![
            texts("corporation", 200, 200),
            numbers("lastmonth_activity", 200),
            numbers("lastyear_activity", 200),
            numbers("number_of_employees", 200),
            classes("exited", 200),
        ];
        let found = propose(&pooled(&[file(columns)]), &today).unwrap();
        let employees = &found.schema.features[2];
        assert!(employees.kind.is_category(), "{employees:?}");
    }

    #[test]
    fn which_texts_todays_categories_allow_stays_and_is_said() {
        let columns = || {
            vec![
                texts("corporation", 200, 200),
                numbers("lastmonth_activity", 200),
                numbers("lastyear_activity", 200),
                texts("number_of_employees", 200, 3),
                classes("exited", 200),
            ]
        };
        let silver = || ListedLevels::new(vec!["text 00".into(), "silver".into()]).unwrap();
        for (listed, says) in [
            (ListedLevels::default(), "any text is allowed still"),
            (silver(), "the texts that it allows stay"),
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
    fn a_column_with_a_text_that_is_no_level_is_not_said_to_have_too_many_only() {
        let mut note = texts("note", 200, 3);
        note.texts.count("x".repeat(201).as_bytes());
        let columns = vec![texts("client", 200, 200), note, numbers("x", 200)];
        let found = proposed(&[file(columns)]);
        let says = "or some that is none: longer than 200 bytes";
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
    fn without_a_column_to_read_there_is_no_proposal() {
        let only_names = [file(vec![texts("client", 9, 9), classes("left", 9)])];
        let error = propose(&pooled(&only_names), &Schema::default()).unwrap_err();
        assert!(error.to_string().contains("no column is left"), "{error}");
    }
}
