//! Pipelines of the tests, and the comparison of their runs.

use std::fs;
use std::path::{Path, PathBuf};

use cluster::{Cell, Connection, FlightConnection};
use common::{Config, files};
use dataset::{FOLDS, FingerprintKey};
use deployment::Release;
use record::RunRecord;
use serde_json::{Value, json};
use tempfile::TempDir;

/// The folder of the repository.
pub(crate) fn repository() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..")
}

/// Address of the engine of the tests; `None` if there is none.
#[expect(clippy::print_stderr, reason = "a skipped test has to say so")]
pub(crate) fn engine_url() -> Option<String> {
    let url = std::env::var("RISK_ENGINE_URL").ok();
    if url.is_none() {
        eprintln!("skipped: RISK_ENGINE_URL names no engine (scripts/check-cluster.sh)");
    }
    url
}

/// A pipeline with the sample data.
pub(crate) struct Pipeline {
    pub(crate) folder: TempDir,
    pub(crate) config: Value,
}

impl Pipeline {
    /// A pipeline with the sample data.
    pub(crate) fn new() -> Self {
        let config = fs::read(repository().join("config.json")).unwrap();
        let pipeline = Self::of(serde_json::from_slice(&config).unwrap());
        for name in ["practicedata", "sourcedata", "newclients", "testdata"] {
            let to = pipeline.folder.path().join("data").join(name);
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
        pipeline.write("sourcedata/more.csv", &more);
        let new = pipeline
            .folder
            .path()
            .join("data/newclients/clients_2026_q3.csv");
        let new = fs::read_to_string(new).unwrap();
        let (header, rows) = new.split_once('\n').unwrap();
        let labelled = rows.lines().zip(0..);
        let labelled =
            labelled.map(|(row, number)| format!("\n{row},{}", u8::from(number % 3 == 0)));
        let labels = format!("{header},exited{}\n", labelled.collect::<String>());
        pipeline.write("labels/labels.csv", &labels);
        pipeline
    }

    /// A pipeline with this configuration, and without data.
    pub(crate) fn of(mut config: Value) -> Self {
        let folder = tempfile::tempdir().unwrap();
        fs::create_dir(folder.path().join("storage")).unwrap();
        config["diagnostics"] = json!({"check_updates": false});
        Self { folder, config }
    }

    /// Writes a file of an input folder, or of the test data.
    pub(crate) fn write(&self, name: &str, text: impl AsRef<[u8]>) {
        let file = self.folder.path().join("data").join(name);
        fs::create_dir_all(file.parent().unwrap()).unwrap();
        files::replace(&file, text.as_ref()).unwrap();
    }

    pub(crate) fn with_engine(url: &str) -> Self {
        let mut pipeline = Self::new();
        pipeline.reach(url);
        pipeline
    }

    pub(crate) fn storage(&self) -> PathBuf {
        self.folder.path().join("storage")
    }

    /// Configures the address of the engine.
    pub(crate) fn reach(&mut self, url: &str) {
        let storage = format!("file://{}", self.storage().display());
        self.config["engine"] = json!({"kind": "flight_sql", "url": url, "storage": storage});
    }

    pub(crate) fn config(&self) -> Config {
        let file = self.folder.path().join("config.json");
        let text = self.config.to_string();
        files::replace(&file, text.as_ref()).unwrap();
        Config::parse(&file, &text).unwrap()
    }

    /// Runs with these input folders.
    pub(crate) fn run(&mut self, inputs: &[&str]) -> anyhow::Result<RunRecord> {
        let folders: Vec<String> = inputs.iter().map(|name| format!("data/{name}")).collect();
        self.config["input_folder_path"] = json!(folders);
        fullprocess::run_once(&self.config())
    }

    /// Number of rows of each fold that the engine finds on its storage.
    fn rows_by_fold(&self) -> Vec<u64> {
        let settings = self.config().engine.unwrap();
        let connection = FlightConnection::of(&settings).unwrap();
        let rows = self.storage().join("rows");
        let statement = format!(
            "SELECT number % {FOLDS} AS fold, COUNT(*) FROM parquet.`{}` GROUP BY fold",
            rows.display()
        );
        let answer = connection.ask("rows by fold", &statement, FOLDS as usize);
        let mut counts = vec![0; FOLDS as usize];
        for line in answer.unwrap().lines {
            let [Cell::Whole(fold), Cell::Whole(rows)] = line[..] else {
                panic!("{line:?}");
            };
            counts[fold as usize] = rows as u64;
        }
        counts
    }

    /// Number of rows of each fold in finaldata.csv.
    fn rows_of_file_by_fold(&self) -> Vec<u64> {
        let config = self.config();
        let text = fs::read_to_string(config.layout.final_data()).unwrap();
        let mut lines = text.lines();
        let id = config.schema.id.unwrap();
        let mut header = lines.next().unwrap().split(',');
        let place = header.position(|name| name == id).unwrap();
        let mut counts = vec![0; FOLDS as usize];
        for line in lines {
            let number = u64::from(dataset::client_number(cells(line)[place].as_bytes()));
            counts[(number % FOLDS) as usize] += 1;
        }
        counts
    }

    pub(crate) fn live(&self) -> Release {
        Release::live(&self.config().layout).unwrap().unwrap()
    }

    /// Log-odds of the test data by the live model, above its threshold.
    pub(crate) fn margins(&self) -> Vec<f64> {
        let test = dataset::load_test_data(&self.config(), &FingerprintKey::PUBLIC).unwrap();
        let model = self.live().model().unwrap();
        let (expression, table) = (model.predictor.expression(), &test.table);
        let log_odds = dataset::passes::log_odds(&expression, table, &table.all()).unwrap();
        let cut = model.threshold.log_odds();
        log_odds.into_iter().map(|row| row - cut).collect()
    }
}

/// The cells of a line of finaldata.csv, without their quotes.
fn cells(line: &str) -> Vec<String> {
    let mut cells = vec![String::new()];
    // Between two quotes is a part without quotes, also where a quote is doubled.
    for (turn, part) in line.split('"').enumerate() {
        if turn % 2 == 1 {
            cells.last_mut().unwrap().push_str(part);
            continue;
        }
        if turn > 0 && part.is_empty() && turn + 1 < line.split('"').count() {
            cells.last_mut().unwrap().push('"');
            continue;
        }
        let mut parts = part.split(',');
        cells.last_mut().unwrap().push_str(parts.next().unwrap());
        cells.extend(parts.map(str::to_owned));
    }
    cells
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
pub(crate) fn assert_same(found: &Value, wanted: &Value, place: &str) {
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

pub(crate) fn as_json(record: &RunRecord) -> Value {
    serde_json::to_value(record).unwrap()
}

/// Runs both pipelines, one in memory and one on an engine, and compares what they did. Returns the record
/// of the run in memory.
pub(crate) fn compare_runs(
    memory: &mut Pipeline,
    engine: &mut Pipeline,
    inputs: &[&str],
) -> RunRecord {
    let record = memory.run(inputs).unwrap();
    let found = engine.run(inputs).unwrap();
    let place = format!("run {}", record.run_id.unwrap());
    assert_same(&as_json(&found), &as_json(&record), &place);
    let data = [&*memory, engine].map(|it| fs::read(it.config().layout.final_data()).unwrap());
    assert!(data[0] == data[1], "{place}: finaldata.csv");
    assert_eq!(
        engine.rows_by_fold(),
        memory.rows_of_file_by_fold(),
        "{place}"
    );
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
    record
}
