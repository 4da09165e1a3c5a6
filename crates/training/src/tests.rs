use std::fmt::Write;
use std::path::Path;

use common::exit::{Exit, classify};

use super::*;
use crate::fit::tests::plan;

fn config(folder: &Path, extra: &str) -> Config {
    let text = format!(
        r#"{{"input_folder_path":"in","output_folder_path":"out","test_data_path":"test",
            "output_model_path":"models","prod_deployment_path":"prod",
            "schema":{{"features":["x","y"]}}{extra}}}"#
    );
    Config::parse(&folder.join("config.json"), &text).unwrap()
}

/// Writes a finaldata.csv of `rows` rows, and its ledger.
fn ingest(config: &Config, rows: u32, label: impl Fn(u32) -> u32) {
    let mut text = String::from("corporation,x,y,exited\n");
    for row in 0..rows {
        let (x, y) = (row % 9 * 10, row % 7);
        writeln!(text, "client {row},{x},{y},{}", label(row)).unwrap();
    }
    files::create_folder(config.layout.output()).unwrap();
    files::replace(&config.layout.final_data(), text.as_bytes()).unwrap();
    let history = History::open(&config.layout).unwrap();
    let ledger = Ledger {
        committed_bytes: text.len() as u64,
        digest: digest::of_bytes(text.as_bytes()),
        rows: u64::from(rows),
        schema: config.data_digest(),
        ..Ledger::default()
    };
    history.save_ledger(&ledger).unwrap();
}

fn mixed(row: u32) -> u32 {
    u32::from(row % 9 + row % 4 > 5)
}

#[test]
fn a_run_leaves_a_model_its_digest_and_its_duration() {
    let folder = tempfile::tempdir().unwrap();
    let config = config(folder.path(), "");
    ingest(&config, 80, mixed);
    let report = run(&config).unwrap();
    let (model, digest) = Model::load(&config.layout.candidate_model()).unwrap();
    assert_eq!(
        report,
        TrainReport::of(&model, &config.layout.candidate_model(), digest)
    );
    assert_eq!((report.rows, report.check), (80, Check::Confirmed));
    assert_eq!(model.data.rows, 80);
    assert!(report.gradient_norm < 1e-9);
    let json = serde_json::to_value(&report).unwrap();
    let coefficient = json["coefficients"]["x"].as_f64().unwrap();
    let found = model.coefficients().next().unwrap();
    assert_eq!(coefficient, found.value);
    assert_eq!(json["check"], "confirmed");
    let text = report.to_string();
    assert!(text.contains("80 labelled rows") && text.contains("confirmed"));
    assert!(model.covariance.is_some() && !text.contains("note:"));

    let history = History::open(&config.layout).unwrap();
    let durations = history.stage_durations("training", 9).unwrap();
    assert_eq!(durations.len(), 1);
    assert_eq!(durations[0].run, None);

    let before = std::fs::read(config.layout.candidate_model()).unwrap();
    run(&config).unwrap();
    let after = std::fs::read(config.layout.candidate_model()).unwrap();
    assert!(before == after, "the same data gives the same bytes");
}

#[test]
fn headroom_compares_the_model_with_trees_and_does_not_change_the_model() {
    let folder = tempfile::tempdir().unwrap();
    let config = config(folder.path(), r#","training":{"form":"curves"}"#);
    let noise = |row: u32| row.wrapping_mul(2_654_435_761) >> 29;
    // The trees learn an effect of two numbers together.
    ingest(&config, 2000, |row| {
        let is_high = row % 9 > 4;
        u32::from((is_high != (row % 7 > 2)) != (noise(row) == 0))
    });
    let without = run(&config).unwrap();
    assert_eq!(without.headroom, None);
    let with = || run_with(&config, Options { headroom: true }).unwrap();
    let report = with();
    assert_eq!(report.digest, without.digest);
    let headroom = report.headroom.clone().unwrap();
    assert_eq!(headroom.rows, 2000);
    assert!(headroom.trees_roc_auc > headroom.model_roc_auc + 0.1);
    assert!(
        report
            .to_string()
            .contains("\nheadroom: boosted trees rank better by 0.")
    );
    let json = serde_json::to_value(&report).unwrap();
    let trees = json["headroom"]["trees_roc_auc"].as_f64();
    assert_eq!(trees, Some(headroom.trees_roc_auc));
    assert_eq!(with(), report, "the same rows give the same trees");

    ingest(&config, 2000, |row| {
        u32::from(row % 9 + row % 7 + noise(row) > 10)
    });
    let headroom = with().headroom.unwrap();
    assert!(headroom.trees_roc_auc < headroom.model_roc_auc + 2.0 * headroom.standard_error);

    ingest(&config, 150, mixed);
    let report = with();
    assert_eq!(report.headroom, None);
    assert!(
        report
            .notes
            .iter()
            .any(|note| note.contains("the headroom is not known"))
    );
}

#[test]
fn collinear_columns_are_trained_on_and_noted() {
    let folder = tempfile::tempdir().unwrap();
    let config = config(folder.path(), "");
    let mut table = Table::new(&config.schema);
    for row in 0..80 {
        let value = f64::from(row % 9) * 1e8;
        let label = mixed(row) == 1;
        table.push(b"client", &[value, 3.0 * value], Some(label));
    }
    let model = train(&config, &table, 0..table.rows(), DataPosition::default()).unwrap();
    assert!(model.covariance.is_some());
    let report = TrainReport::of(&model, Path::new("model"), String::new());
    assert_eq!(
        report.notes,
        ["x and y are collinear: the rows determine only what their coefficients add up to"]
    );
    let mut model = model;
    model.covariance = None;
    let report = TrainReport::of(&model, Path::new("model"), String::new());
    assert!(
        report
            .to_string()
            .contains("note: the coefficients have no covariance")
    );
}

#[test]
fn more_rows_than_the_check_takes_are_not_checked() {
    let folder = tempfile::tempdir().unwrap();
    let config = config(folder.path(), r#","training":{"verify_rows":79}"#);
    ingest(&config, 80, mixed);
    assert_eq!(run(&config).unwrap().check, Check::NotChecked);
}

#[test]
fn without_ingested_data_the_first_step_is_named() {
    let folder = tempfile::tempdir().unwrap();
    let error = run(&config(folder.path(), "")).unwrap_err();
    assert!(
        error.to_string().contains("run `ingestion` first"),
        "{error}"
    );
    assert_eq!(classify(&error), Exit::DataUnusable);
}

#[test]
fn rows_of_one_label_are_refused_with_their_count_and_the_candidate_stays() {
    let folder = tempfile::tempdir().unwrap();
    let config = config(folder.path(), "");
    ingest(&config, 80, mixed);
    run(&config).unwrap();
    let before = std::fs::read(config.layout.candidate_model()).unwrap();
    ingest(&config, 12, |_| 1);
    let error = run(&config).unwrap_err();
    assert!(
        error
            .to_string()
            .contains("all 12 labelled rows have label 1"),
        "{error}"
    );
    assert_eq!(classify(&error), Exit::DataUnusable);
    let after = std::fs::read(config.layout.candidate_model()).unwrap();
    assert!(before == after);
}

/// A table with a category. Each row has a plan and a label.
fn table_of_plans(
    config: &mut Config,
    rows: impl Iterator<Item = (String, Option<bool>)>,
) -> Table {
    config.schema.features[1] = plan();
    let mut table = Table::new(&config.schema);
    for (row, (plan, label)) in rows.enumerate() {
        let code = table.add_level(1, &plan);
        table.push(
            format!("client {row}").as_bytes(),
            &[(row % 7) as f64, code],
            label,
        );
    }
    table
}

fn basic_or_gold(row: u32) -> (String, Option<bool>) {
    let plan = if row.is_multiple_of(3) {
        "gold"
    } else {
        "basic"
    };
    (plan.into(), Some(mixed(row) == 1))
}

#[test]
fn a_category_with_too_many_levels_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let mut config = config(folder.path(), "");
    let named = |row: u32, is_labelled: bool| {
        let label = is_labelled.then(|| mixed(row) == 1);
        (format!("client {row}"), label)
    };
    // The names of a category's levels come from labelled and unlabelled rows.
    for is_labelled in [true, false] {
        let names = (0..30_000).map(|row| named(row, is_labelled));
        let table = table_of_plans(&mut config, (0..45_000).map(basic_or_gold).chain(names));
        let refused = train(&config, &table, 0..table.rows(), DataPosition::default()).err();
        let error = refused.expect("a refusal");
        let text = error.to_string();
        assert!(
            text.contains("plan has more than 10,000 levels") && text.contains("leave it out"),
            "{text}"
        );
        assert_eq!(classify(&error), Exit::DataUnusable);
    }
    let names = (0..9_998).map(|row| named(row, true));
    let table = table_of_plans(&mut config, (0..15_000).map(basic_or_gold).chain(names));
    let model = train(&config, &table, 0..table.rows(), DataPosition::default()).unwrap();
    let names: Vec<String> = model.coefficients().map(|it| it.name()).collect();
    assert_eq!(
        names,
        ["x", "plan = basic", "plan = gold", "plan (any other)"]
    );
}

#[test]
fn a_column_with_the_name_of_a_level_loses_no_coefficient() {
    let folder = tempfile::tempdir().unwrap();
    let mut config = config(folder.path(), "");
    config.schema.features[0] = "plan = gold".into();
    let table = table_of_plans(&mut config, (0..90).map(basic_or_gold));
    let model = train(&config, &table, 0..table.rows(), DataPosition::default()).unwrap();
    let report = TrainReport::of(&model, Path::new("model"), String::new());
    let names: Vec<&str> = report
        .coefficients
        .iter()
        .map(|it| it.name.as_str())
        .collect();
    let expected = [
        "plan = gold",
        "plan = basic",
        "plan = gold",
        "plan (any other)",
    ];
    assert_eq!(names, expected);
    let coefficients: Vec<f64> = model.coefficients().map(|it| it.value).collect();
    let [number, basic, gold, other] = coefficients[..] else {
        panic!("four columns");
    };
    let levels = serde_json::json!([
        {"level": "basic", "value": basic}, {"level": "gold", "value": gold},
        {"level": null, "value": other},
    ]);
    let json = serde_json::to_value(&report).unwrap();
    assert_eq!(json["coefficients"]["plan"], levels);
    assert_eq!(json["coefficients"]["plan = gold"], number);
}
