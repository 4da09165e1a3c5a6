//! Checks whether the test data has what a proposed schema needs.

use common::{Config, Schema};
use dataset::{FileSurvey, FoundFile, list, survey_columns};

use super::columns::pooled;
use super::proposal::unknown_label;

/// Flaws of the test data, one sentence each: missing columns and unknown labels. A folder or file
/// that cannot be read is skipped, because there may be no test data yet.
pub(super) fn flaws_of_test_data(config: &Config, schema: &Schema) -> Vec<String> {
    let listing = list(std::slice::from_ref(&config.test_folder)).unwrap_or_default();
    let flaws = |file: &FoundFile| {
        let survey = survey_columns(&file.path, &config.ingestion.text).ok()?;
        Some(flaws(
            &format!("{}/{}", file.folder, file.name),
            &survey,
            schema,
        ))
    };
    listing.files.iter().filter_map(flaws).flatten().collect()
}

fn flaws(file: &str, survey: &FileSurvey, schema: &Schema) -> Vec<String> {
    let columns = pooled(std::slice::from_ref(survey));
    let lacking: Vec<&str> = schema
        .columns()
        .filter(|name| columns.find(name).is_none())
        .collect();
    let lacking = (!lacking.is_empty())
        .then(|| format!("test data {file} lacks columns: {}", lacking.join(", ")));
    let target = columns.find(&schema.target).map(|column| &column.cells);
    let unknown = target.and_then(|cells| unknown_label(cells, &schema.labels));
    let unknown = unknown.map(|label| {
        let (target, labels) = (&schema.target, schema.labels.in_words());
        format!("test data {file} has the unknown label {label:?} in {target}; {labels}")
    });
    lacking.into_iter().chain(unknown).collect()
}

#[cfg(test)]
mod tests {
    use common::schema::Labels;
    use dataset::ColumnSurvey;
    use dataset::cell::DecimalMarks;

    use super::*;

    fn column(name: &str, cells: &[&str]) -> ColumnSurvey {
        let mut column = ColumnSurvey {
            name: name.into(),
            ..ColumnSurvey::default()
        };
        let cells = cells.iter();
        cells.for_each(|cell| column.add_cell(cell.as_bytes(), DecimalMarks::Point));
        column
    }

    #[test]
    fn a_missing_column_and_an_unknown_label_are_named() {
        let schema = Schema {
            id: None,
            features: vec!["x".into(), "y".into()],
            target: "left".into(),
            labels: Labels::new(vec!["Yes".into()], vec!["No".into()]).unwrap(),
        };
        let found = |columns| {
            let survey = FileSurvey {
                rows: 2,
                columns,
                ..FileSurvey::default()
            };
            flaws("test/a.csv", &survey, &schema)
        };
        let whole = [
            column("x", &["1"]),
            column("Y", &["2"]),
            column("left", &["No", ""]),
        ];
        assert_eq!(found(whole.to_vec()), [""; 0]);
        let flaws = found(vec![column("x", &["1"]), column("left", &["No", "No."])]);
        assert_eq!(
            flaws,
            [
                "test data test/a.csv lacks columns: y",
                r#"test data test/a.csv has the unknown label "No." in left; positive: "Yes"; negative: "No""#,
            ]
        );
    }
}
