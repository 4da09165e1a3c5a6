use std::path::Path;

use common::exit::{Exit, classify};
use common::ledger::{DataPosition, Ledger};
use common::{digest, files};
use dataset::Table;

use super::*;

fn config(folder: &Path) -> Config {
    let text = r#"{"input_folder_path":"in","output_folder_path":"out","test_data_path":"test",
        "output_model_path":"models","prod_deployment_path":"prod","schema":{"features":["x"]}}"#;
    Config::parse(&folder.join("config.json"), text).unwrap()
}

const HEADER: &str = "corporation,x,exited\n";

/// Writes a candidate that predicts a higher probability of the positive label for a higher x.
fn put_candidate(config: &Config) {
    let mut table = Table::new(&config.schema);
    for row in 0..60_u32 {
        let x = f64::from(row) - 30.0;
        let label = row % 20 + row > 40;
        table.push(&row.to_le_bytes(), &[x], Some(label));
    }
    let model = training::train(config, &table, 0..table.rows(), DataPosition::default()).unwrap();
    training::write(config, &model).unwrap();
}

fn put_test_data(config: &Config, rows: &str) {
    files::create_folder(&config.test_folder.path).unwrap();
    let path = config.test_folder.path.join("testdata.csv");
    files::replace(&path, format!("{HEADER}{rows}").as_bytes()).unwrap();
}

fn put_final_data(config: &Config, rows: &str) {
    let text = format!("{HEADER}{rows}");
    files::create_folder(config.layout.output()).unwrap();
    files::replace(&config.layout.final_data(), text.as_bytes()).unwrap();
    let history = History::open(&config.layout).unwrap();
    let key = FingerprintKey::generate().unwrap();
    key.save(&config.layout).unwrap();
    let ledger = Ledger {
        committed_bytes: text.len() as u64,
        digest: digest::of_bytes(text.as_bytes()),
        rows: rows.lines().count() as u64,
        schema: config.data_digest(),
        ..Ledger::default()
    };
    history.save_ledger(&ledger).unwrap();
}

#[test]
fn a_run_leaves_the_score_in_file_and_history() {
    let folder = tempfile::tempdir().unwrap();
    let config = config(folder.path());
    put_candidate(&config);
    put_test_data(&config, "a,100,1\nb,90,0\nc,80,1\nd,-90,0\n");
    let report = run(&config).unwrap();
    assert_eq!(report.f1, 0.8);
    assert_eq!(report.warnings, [""; 0]);
    let text = std::fs::read_to_string(config.layout.candidate_score()).unwrap();
    assert_eq!(text, "0.8\n");
    let history = History::open(&config.layout).unwrap();
    let stored = history.latest_score().unwrap().unwrap();
    let (_, model) = Model::load(&config.layout.candidate_model()).unwrap();
    assert_eq!((stored.f1, &stored.model), (0.8, &model));
    assert_eq!(report.model, model);
    assert_eq!(history.stage_durations("scoring", 9).unwrap().len(), 1);
    let shown = report.to_string();
    assert!(
        shown.contains("F1             0.8000 (95 % interval 0.3439 to 0.9683)")
            && shown.contains("always 1: 0.6667"),
        "{shown}"
    );
}

#[test]
fn refused_and_overlapping_test_rows_are_warned_about_with_their_count() {
    let folder = tempfile::tempdir().unwrap();
    let config = config(folder.path());
    put_candidate(&config);
    put_test_data(&config, "a,100,1\nb,oops,0\nc,80,1\nd,-90,0\n");
    put_final_data(&config, "c,80.0,1\nz,1,0\nd,-90,0\n");
    let warnings = run(&config).unwrap().warnings;
    assert_eq!(
        warnings,
        [
            "1 row of the test data was rejected: test/testdata.csv:3:2: x: \"oops\" is not a number",
            "2 of 3 rows of the test data are also rows of finaldata.csv"
        ]
    );
}

#[test]
fn ingested_data_that_cannot_be_read_does_not_prevent_a_score() {
    let folder = tempfile::tempdir().unwrap();
    let config = config(folder.path());
    put_candidate(&config);
    put_test_data(&config, "a,100,1\nd,-90,0\n");
    put_final_data(&config, "c,80.0,1\n");
    files::replace(&config.layout.final_data(), b"damaged").unwrap();
    let report = run(&config).unwrap();
    assert_eq!(report.f1, 1.0);
    assert!(report.warnings[0].contains("could not be compared"));
}

#[test]
fn an_undefined_f1_is_an_error_that_names_the_cause_and_writes_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let config = config(folder.path());
    put_candidate(&config);
    put_test_data(&config, "b,-90,0\nd,-80,0\n");
    let error = run(&config).unwrap_err();
    assert!(
        error.to_string().contains("none of its 2 labelled rows"),
        "{error}"
    );
    assert_eq!(classify(&error), Exit::DataUnusable);
    assert!(!config.layout.candidate_score().exists());
}

#[test]
fn without_a_model_the_first_step_is_named() {
    let folder = tempfile::tempdir().unwrap();
    let error = run(&config(folder.path())).unwrap_err();
    assert!(
        error.to_string().contains("run `training` first"),
        "{error}"
    );
    assert_eq!(classify(&error), Exit::InputOutput);
}

#[test]
fn a_model_of_other_columns_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let mut config = config(folder.path());
    put_candidate(&config);
    config.schema.features = vec!["other".into()];
    let error = run(&config).unwrap_err();
    assert!(error.to_string().contains("other columns"), "{error}");
}

#[test]
fn of_many_rejected_files_of_the_test_data_the_first_are_named() {
    let named = |n_files: usize| {
        let rejected_files = (0..n_files).map(|n| format!("test/{n}.csv: no header"));
        test_data_warnings(&TestData {
            table: Table::new(&common::Schema::default()),
            fingerprints: Vec::new(),
            digest: String::new(),
            rejected_rows: 0,
            rejections: Vec::new(),
            rejected_files: rejected_files.collect(),
            files_without_target: Vec::new(),
            warnings: Vec::new(),
        })
    };
    assert_eq!(named(MAX_NAMED_FILES).len(), MAX_NAMED_FILES);
    let many = named(MAX_NAMED_FILES + 7);
    assert_eq!(many.len(), MAX_NAMED_FILES + 1);
    assert_eq!(
        many[MAX_NAMED_FILES],
        "and 7 more files of the test data were rejected"
    );
}
