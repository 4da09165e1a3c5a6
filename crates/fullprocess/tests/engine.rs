//! Whole runs with their rows on an engine, and the same runs in memory. `scripts/check-cluster.sh` starts
//! an engine and runs these tests; without the address of an engine in `RISK_ENGINE_URL` they print that they
//! are skipped.
#![cfg(feature = "cluster")]
#![allow(clippy::unwrap_used, reason = "a test whose run fails has failed")]

use std::fs;
use std::path::{Path, PathBuf};

use common::exit::{Exit, classify};
use common::{Config, files};
use dataset::FingerprintKey;
use deployment::Release;
use record::RunRecord;
use serde_json::{Value, json};
use tempfile::TempDir;

/// The folder of the repository.
fn repository() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..")
}

/// Address of the engine of the tests; `None` if there is none.
#[expect(clippy::print_stderr, reason = "a skipped test has to say so")]
fn engine_url() -> Option<String> {
    let url = std::env::var("RISK_ENGINE_URL").ok();
    if url.is_none() {
        eprintln!("skipped: RISK_ENGINE_URL names no engine (scripts/check-cluster.sh)");
    }
    url
}

/// A pipeline with the sample data.
struct Pipeline {
    folder: TempDir,
    config: Value,
}

impl Pipeline {
    fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        for name in ["practicedata", "sourcedata", "newclients", "testdata"] {
            let to = folder.path().join("data").join(name);
            fs::create_dir_all(&to).unwrap();
            for file in fs::read_dir(repository().join("data").join(name)).unwrap() {
                let file = file.unwrap();
                fs::copy(file.path(), to.join(file.file_name())).unwrap();
            }
        }
        // With these rows, those of one run are more than the smallest memory holds.
        let test = repository().join("data/testdata/clients_held_back.csv");
        let test = fs::read_to_string(test).unwrap();
        let (header, rows) = test.split_once('\n').unwrap();
        let more = rows.lines().map(|row| format!("\nmore {row}"));
        let more = format!("{header}{}\n", more.collect::<String>());
        let file = folder.path().join("data/sourcedata/more.csv");
        files::replace(&file, more.as_bytes()).unwrap();
        let new = folder.path().join("data/newclients/clients_2026_q3.csv");
        let new = fs::read_to_string(new).unwrap();
        let (header, rows) = new.split_once('\n').unwrap();
        let labelled = rows.lines().zip(0..);
        let labelled =
            labelled.map(|(row, number)| format!("\n{row},{}", u8::from(number % 3 == 0)));
        let labels = format!("{header},exited{}\n", labelled.collect::<String>());
        fs::create_dir(folder.path().join("data/labels")).unwrap();
        let file = folder.path().join("data/labels/labels.csv");
        files::replace(&file, labels.as_bytes()).unwrap();
        fs::create_dir(folder.path().join("storage")).unwrap();
        let config = fs::read(repository().join("config.json")).unwrap();
        let mut config: Value = serde_json::from_slice(&config).unwrap();
        config["diagnostics"] = json!({"check_updates": false});
        Self { folder, config }
    }

    fn with_engine(url: &str) -> Self {
        let mut pipeline = Self::new();
        pipeline.reach(url);
        pipeline
    }

    fn storage(&self) -> PathBuf {
        self.folder.path().join("storage")
    }

    /// Configures the address of the engine.
    fn reach(&mut self, url: &str) {
        let storage = format!("file://{}", self.storage().display());
        self.config["engine"] = json!({"kind": "flight_sql", "url": url, "storage": storage});
    }

    fn config(&self) -> Config {
        let file = self.folder.path().join("config.json");
        let text = self.config.to_string();
        files::replace(&file, text.as_bytes()).unwrap();
        Config::parse(&file, &text).unwrap()
    }

    /// Runs with these input folders.
    fn run(&mut self, inputs: &[&str]) -> anyhow::Result<RunRecord> {
        let folders: Vec<String> = inputs.iter().map(|name| format!("data/{name}")).collect();
        self.config["input_folder_path"] = json!(folders);
        fullprocess::run_once(&self.config())
    }

    fn live(&self) -> Release {
        Release::live(&self.config().layout).unwrap().unwrap()
    }

    /// Log-odds of the test data by the live model, above its threshold.
    fn margins(&self) -> Vec<f64> {
        let test = dataset::load_test_data(&self.config(), &FingerprintKey::PUBLIC).unwrap();
        let model = self.live().model().unwrap();
        let (expression, table) = (model.predictor.expression(), &test.table);
        let log_odds = dataset::passes::log_odds(&expression, table, &table.all()).unwrap();
        let cut = model.threshold.log_odds();
        log_odds.into_iter().map(|row| row - cut).collect()
    }
}

/// Values of a record that differ between any two runs.
const OWN: [&str; 6] = [
    "candidate_model",
    "configuration",
    "finished_at",
    "made_at",
    "seconds",
    "started_at",
];

/// Fails unless two values are equal, and numbers nearly so.
fn assert_same(found: &Value, wanted: &Value, place: &str) {
    match (found, wanted) {
        (Value::Object(found), Value::Object(wanted)) => {
            let keys = |object: &serde_json::Map<String, Value>| {
                let keys = object.keys().filter(|key| !OWN.contains(&key.as_str()));
                keys.cloned().collect::<Vec<_>>()
            };
            assert_eq!(keys(found), keys(wanted), "{place}");
            for key in keys(found) {
                assert_same(&found[&key], &wanted[&key], &format!("{place}.{key}"));
            }
        }
        (Value::Array(found), Value::Array(wanted)) => {
            assert_eq!(found.len(), wanted.len(), "{place}");
            for (at, (found, wanted)) in found.iter().zip(wanted).enumerate() {
                assert_same(found, wanted, &format!("{place}[{at}]"));
            }
        }
        (Value::Number(found), Value::Number(wanted)) => {
            let [found, wanted] = [found, wanted].map(|number| number.as_f64().unwrap());
            let size = found.abs().max(wanted.abs()).max(1.0);
            let is_close = (found - wanted).abs() <= 1e-7 * size;
            assert!(is_close, "{place}: {found} instead of {wanted}");
        }
        (found, wanted) => assert_eq!(found, wanted, "{place}"),
    }
}

fn as_json(record: &RunRecord) -> Value {
    serde_json::to_value(record).unwrap()
}

/// The runs of the sample data: the first model, nothing new, drift together with new clients without a
/// label, and their labels.
const STORY: [&[&str]; 4] = [
    &["practicedata"],
    &["practicedata"],
    &["practicedata", "sourcedata", "newclients"],
    &["practicedata", "sourcedata", "newclients", "labels"],
];

/// Runs the story in memory and on the engine, and compares each run.
fn compare_stories(url: &str, memory_limit_mib: u64) {
    let mut memory = Pipeline::new();
    let mut engine = Pipeline::with_engine(url);
    engine.config["training"] = json!({"memory_limit_mib": memory_limit_mib});
    for inputs in STORY {
        let wanted = memory.run(inputs).unwrap();
        let found = engine.run(inputs).unwrap();
        let place = format!("run {}", wanted.run_id.unwrap());
        if inputs.len() == 3 {
            assert!(wanted.rows.new > 4000, "{place}");
        }
        assert_same(&as_json(&found), &as_json(&wanted), &place);
        let stored = fs::read_to_string(engine.storage().join("rows.json")).unwrap();
        let rows = memory.config().layout.final_data();
        let rows = fs::read_to_string(rows).unwrap().lines().count() - 1;
        assert!(
            stored.contains(&format!("\"rows\": {rows},")),
            "{place}: {stored}"
        );
        let data = [&memory, &engine].map(|it| fs::read(it.config().layout.final_data()).unwrap());
        assert!(data[0] == data[1], "{place}: finaldata.csv");
        assert_eq!(engine.live().name(), memory.live().name(), "{place}");
        let (found, wanted) = (engine.margins(), memory.margins());
        assert_eq!(found.len(), wanted.len());
        for (row, (found, wanted)) in found.iter().zip(&wanted).enumerate() {
            let is_close = (found - wanted).abs() <= 1e-9 * wanted.abs().max(1.0);
            assert!(
                is_close,
                "{place}, test row {row}: {found} instead of {wanted}"
            );
        }
    }
}

#[test]
fn runs_with_the_rows_on_an_engine_are_those_in_memory() {
    let Some(url) = engine_url() else { return };
    compare_stories(&url, 4096);
}

/// Memory has no room for the rows of a run, so that the new rows are on the engine too.
#[test]
fn runs_with_the_new_rows_on_an_engine_are_those_in_memory() {
    let Some(url) = engine_url() else { return };
    let mut pipeline = Pipeline::with_engine(&url);
    pipeline.config["training"] = json!({"memory_limit_mib": 1});
    assert!(dataset::max_loaded_rows(&pipeline.config()) < 4000);
    compare_stories(&url, 1);
}

#[test]
fn a_run_whose_engine_is_away_deploys_nothing_and_is_finished_by_the_next() {
    let Some(url) = engine_url() else { return };
    let mut pipeline = Pipeline::with_engine(&url);
    pipeline.run(STORY[0]).unwrap();
    // Nobody listens on this port of the loopback address.
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let nobody = format!("grpc://{}", listener.local_addr().unwrap());
    drop(listener);
    pipeline.reach(&nobody);
    let error = pipeline.run(STORY[2]).unwrap_err();
    assert_eq!(classify(&error), Exit::InputOutput);
    let text = format!("{error:#}");
    for part in [&*nobody, "the view of new rows"] {
        assert!(text.contains(part), "{text}");
    }
    assert_eq!(pipeline.live().name(), "000001");

    pipeline.reach(&url);
    let away = pipeline.folder.path().join("away");
    files::rename(&pipeline.storage(), &away).unwrap();
    let error = pipeline.run(STORY[2]).unwrap_err();
    assert_eq!(classify(&error), Exit::InputOutput);
    let text = format!("{error:#}");
    assert!(text.contains("engine.storage) does not exist"), "{text}");
    files::rename(&away, &pipeline.storage()).unwrap();

    let found = pipeline.run(STORY[2]).unwrap();
    let mut memory = Pipeline::new();
    memory.run(STORY[0]).unwrap();
    let wanted = memory.run(STORY[2]).unwrap();
    assert_eq!(found.outcome, wanted.outcome);
    assert_eq!(pipeline.live().name(), memory.live().name());
}

#[test]
fn rows_that_the_storage_lost_are_stored_again() {
    let Some(url) = engine_url() else { return };
    let mut pipeline = Pipeline::with_engine(&url);
    pipeline.run(STORY[0]).unwrap();
    let rows = fs::read_dir(pipeline.storage().join("rows")).unwrap();
    let file = rows.map(|file| file.unwrap().path()).next().unwrap();
    files::replace(&file, b"cut").unwrap();
    let mut memory = Pipeline::new();
    memory.run(STORY[0]).unwrap();
    let (found, wanted) = (pipeline.run(STORY[2]), memory.run(STORY[2]));
    assert_same(
        &as_json(&found.unwrap()),
        &as_json(&wanted.unwrap()),
        "the run",
    );
}
