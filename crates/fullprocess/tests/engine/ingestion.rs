//! Ingestion on an engine, compared with the ingestion of the same files on this machine.

use std::collections::BTreeSet;
use std::fmt::Write;
use std::fs;
use std::path::PathBuf;
use std::sync::atomic::{AtomicUsize, Ordering};

use cluster::{Answer, Cell, Connection, EngineInput, FlightConnection};
use common::exit::{Exit, classify};
use common::{Failure, History, Ledger, files};
use record::{Outcome, RunRecord};
use serde_json::{Value, json};

use crate::pipeline::{Pipeline, assert_same, engine_url};

/// Two pipelines with the same input files: one reads them on this machine, one on the engine.
struct Pair {
    memory: Pipeline,
    engine: Pipeline,
}

impl Pair {
    fn of(mut memory: Pipeline, mut engine: Pipeline, url: &str) -> Self {
        engine.reach(url);
        engine.config["engine"]["ingestion"] = json!(true);
        for pipeline in [&mut memory, &mut engine] {
            pipeline.config["ingestion"] =
                json!({"separator": ",", "decimal": ".", "settle_seconds": 0});
        }
        Self { memory, engine }
    }

    /// Runs both, and compares everything but the order of the rows of a file.
    fn run(&mut self, inputs: &[&str]) -> RunRecord {
        let wanted = self.memory.run(inputs).unwrap();
        let found = self.engine.run(inputs).unwrap();
        assert_eq!(found.run_id, wanted.run_id);
        let place = format!("run {:?}", wanted.run_id);
        assert_same(&part(&found), &part(&wanted), &place);
        assert_eq!(
            counts(&ledger(&self.engine)),
            counts(&ledger(&self.memory)),
            "{place}"
        );
        assert_eq!(self.engine_rows(), self.memory_rows(), "{place}");
        wanted
    }

    fn engine_rows(&self) -> Vec<String> {
        let config = self.engine.config();
        self.rows_of_manifest(&fs::read_to_string(config.layout.final_data()).unwrap())
    }

    /// The rows on the storage, sorted: number, label and values.
    fn rows_of_manifest(&self, manifest: &str) -> Vec<String> {
        let config = self.engine.config();
        let connection = FlightConnection::of(config.engine.as_ref().unwrap()).unwrap();
        let Some(line) = manifest.lines().nth(1) else {
            return Vec::new();
        };
        let generation = self.engine.storage().join(line.split_once('/').unwrap().0);
        let columns: String = (0..config.schema.features.len())
            .map(|at| format!(", x{at}"))
            .collect();
        let statement = format!(
            "SELECT number, y{columns} FROM parquet.`{}`",
            generation.display()
        );
        let answer = connection.ask("rows", &statement, 1 << 20).unwrap();
        let mut rows: Vec<String> = answer
            .lines
            .iter()
            .map(|line| {
                let cells = line.iter().map(|cell| match cell {
                    Cell::Null => "missing".to_owned(),
                    Cell::Whole(number) => number.to_string(),
                    Cell::Number(number) => format!("{:e}", number + 0.0),
                    Cell::Text(text) => format!("{text:?}"),
                });
                cells.collect::<Vec<_>>().join(" ")
            })
            .collect();
        rows.sort();
        rows
    }

    /// The rows of finaldata.csv, as [`Self::engine_rows`] has them.
    fn memory_rows(&self) -> Vec<String> {
        let config = self.memory.config();
        let ledger = ledger(&self.memory);
        let mut rows = Vec::new();
        dataset::each_numbered_block(&config, &ledger, 0..ledger.rows, |table| {
            let columns = table.in_memory();
            for row in 0..columns.labels.len() {
                let label = columns.labels[row].map(|is_positive| f64::from(u8::from(is_positive)));
                let mut line = columns.client_numbers[row].to_string();
                line.push_str(&label.map_or(" missing".into(), |label| format!(" {label:e}")));
                for (feature, column) in columns.features.iter().enumerate() {
                    let value = column[row];
                    let cell = match columns.levels.name(feature, value) {
                        _ if value.is_nan() => "missing".to_owned(),
                        Some(level) => format!("{level:?}"),
                        None => format!("{:e}", value + 0.0),
                    };
                    let _ = write!(line, " {cell}");
                }
                rows.push(line);
            }
            Ok(())
        })
        .unwrap();
        rows.sort();
        rows
    }

    fn compare_models(&self) {
        assert_eq!(self.engine.live().name(), self.memory.live().name());
        let (found, wanted) = (self.engine.margins(), self.memory.margins());
        assert_eq!(found.len(), wanted.len());
        for (row, (found, wanted)) in found.iter().zip(&wanted).enumerate() {
            let is_close = (found - wanted).abs() <= 1e-9 * wanted.abs().max(1.0);
            assert!(is_close, "test row {row}: {found} instead of {wanted}");
        }
    }
}

impl Pair {
    fn write(&self, name: &str, text: &str) {
        self.memory.write(name, text);
        self.engine.write(name, text);
    }

    /// Ingests in both, and compares the rows and the counts of rejected rows. What follows differs by the
    /// order of rows, and may fail with so few of them.
    fn ingest(&mut self, inputs: &[&str]) {
        let found = self.engine.run(inputs).unwrap();
        let wanted = self.memory.run(inputs).unwrap();
        let rows = |pipeline: &Pipeline| counts(&ledger(pipeline));
        assert_eq!(
            rows(&self.engine),
            rows(&self.memory),
            "{} / {}",
            found.reason,
            wanted.reason
        );
        assert_eq!(self.engine_rows(), self.memory_rows());
        self.compare_rejected_rows();
    }

    /// Each rejected row of the engine is one on this machine.
    fn compare_rejected_rows(&self) {
        let [found, wanted] = [&self.engine, &self.memory].map(|pipeline| {
            let text = fs::read_to_string(pipeline.config().layout.rejected_rows()).unwrap();
            let lines = text.lines().skip(1).map(|line| {
                let mut cells = line.splitn(3, ',');
                (
                    cells.next().unwrap().to_owned(),
                    cells.nth(1).unwrap().to_owned(),
                )
            });
            lines.collect::<BTreeSet<_>>()
        });
        let more: Vec<_> = found.difference(&wanted).collect();
        assert!(more.is_empty(), "{more:#?}");
    }

    fn first_part(&self) -> PathBuf {
        let text = fs::read_to_string(self.engine.config().layout.final_data()).unwrap();
        let part = text.lines().nth(1).unwrap().split(',').next().unwrap();
        self.engine.storage().join(part)
    }

    /// Leaves what a run leaves that is killed before it commits.
    fn leave_uncommitted_rows(&self) {
        let part = self.first_part();
        let name = part.parent().unwrap().join("000000999999-000.parquet");
        fs::copy(&part, name).unwrap();
        let path = self.engine.config().layout.final_data();
        let mut text = fs::read(&path).unwrap();
        text.extend_from_slice(b"input-0123456789ab/000000999999-000.parquet,1,2,3\n");
        files::replace(&path, &text).unwrap();
    }
}

/// Pipelines with few columns.
fn small_pair(url: &str) -> Pair {
    let pipeline = || {
        let pipeline = Pipeline::of(json!({
            "input_folder_path": ["data/in"],
            "output_folder_path": "data/ingested",
            "test_data_path": "data/test",
            "output_model_path": "data/models",
            "prod_deployment_path": "production",
            "schema": {"id": "client", "target": "left", "features": ["x"]},
        }));
        pipeline.write(
            "test/rows.csv",
            "client,x,z,k,w,left\nt1,1,0,a,1,1\nt2,2,0,A,2,0\n",
        );
        pipeline
    };
    Pair::of(pipeline(), pipeline(), url)
}

fn ledger(pipeline: &Pipeline) -> Ledger {
    History::open(&pipeline.config().layout)
        .unwrap()
        .ledger()
        .unwrap()
}

/// What both ledgers say alike.
fn counts(ledger: &Ledger) -> Value {
    let files = ledger
        .files
        .iter()
        .map(|file| json!([file.folder, file.name, file.status, file.rows, file.reason]));
    json!({
        "files": files.collect::<Vec<_>>(),
        "rows": ledger.rows,
        "evaluated": ledger.evaluated_rows,
        "seen": ledger.seen_rows,
        "batches": ledger.batches(),
    })
}

/// The part of a record that does not depend on the order of rows and the names of data.
fn part(record: &RunRecord) -> Value {
    let record = serde_json::to_value(record).unwrap();
    let keys = [
        "outcome",
        "decision",
        "release",
        "rows",
        "gate",
        "candidate_score",
        "deployed_score",
        "new_score",
        "reason",
        "windows",
    ];
    let parts = keys.map(|key| ((*key).to_owned(), record[key].clone()));
    Value::Object(parts.into_iter().collect())
}

fn pair(url: &str) -> Pair {
    Pair::of(Pipeline::new(), Pipeline::new(), url)
}

/// The first model, nothing new, drift in new files; then what a killed run leaves, a part that is lost, and a
/// changed and a removed file.
#[test]
fn whole_runs_with_ingestion_on_an_engine_are_those_on_this_machine() {
    let Some(url) = engine_url() else { return };
    let mut pair = pair(&url);
    let first = pair.run(&["practicedata"]);
    assert_eq!(first.rows.new, pair.memory_rows().len() as u64);
    pair.compare_models();
    let second = pair.run(&["practicedata"]);
    assert_eq!(second.outcome, Some(Outcome::NothingNew));
    pair.leave_uncommitted_rows();
    let third = pair.run(&["practicedata", "sourcedata"]);
    assert!(third.rows.new > 0, "{}", third.reason);
    pair.compare_models();
}

#[test]
fn all_files_are_read_again_if_one_was_changed_or_removed_or_a_part_is_lost() {
    let Some(url) = engine_url() else { return };
    let mut pair = small_pair(&url);
    let rows = |from: u32, to: u32| -> String {
        (from..to)
            .map(|row| format!("c{row},{row},{}\n", row % 2))
            .collect()
    };
    pair.write("in/a.csv", &format!("client,x,left\n{}", rows(0, 40)));
    pair.write("in/b.csv", &format!("client,x,left\n{}", rows(30, 60)));
    pair.ingest(&["in"]);
    pair.write("in/c.csv", "x,left,client\n7,1,c7\n8,0,d8\n");
    pair.ingest(&["in"]);
    let part = pair.first_part();
    files::remove_file(&part).unwrap();
    pair.ingest(&["in"]);
    assert_ne!(pair.first_part(), part);
    pair.write("in/a.csv", &format!("client,x,left\n{}", rows(5, 35)));
    pair.ingest(&["in"]);
    for pipeline in [&pair.memory, &pair.engine] {
        files::remove_file(&pipeline.folder.path().join("data/in/b.csv")).unwrap();
    }
    pair.ingest(&["in"]);
    let left = fs::read_dir(pair.engine.storage()).unwrap();
    let left = left.filter(|entry| entry.as_ref().unwrap().path().is_dir());
    assert!(
        left.count() <= 2,
        "an old generation goes with the next ingestion"
    );
}

#[test]
fn rows_without_a_label_and_another_mode_are_refused() {
    let Some(url) = engine_url() else { return };
    let mut pair = small_pair(&url);
    for text in ["client,x,left\na,1,1\nb,2,\n", "client,x\na,1\n"] {
        pair.write("in/a.csv", text);
        let error = pair.engine.run(&["in"]).unwrap_err();
        assert_eq!(classify(&error), Exit::Configuration);
        let text = format!("{error:#}");
        assert!(text.contains("a.csv") && text.contains("label"), "{text}");
    }
    pair.write("in/a.csv", "client,x,left\na,1,1\nb,2,0\n");
    pair.ingest(&["in"]);
    pair.engine.config["engine"]["ingestion"] = json!(false);
    let error = pair.engine.run(&["in"]).unwrap_err();
    assert_eq!(classify(&error), Exit::Configuration);
    assert!(
        format!("{error:#}").contains("engine.ingestion true"),
        "{error:#}"
    );
    pair.engine.config["engine"]["ingestion"] = json!(true);
    let config = pair.engine.config();
    let error = config.expect_rows_here("x").unwrap_err().into();
    assert_eq!(classify(&error), Exit::Configuration);
}

/// Random numbers that are the same in every run.
struct Draws(u64);

impl Draws {
    fn below(&mut self, limit: usize) -> usize {
        self.0 = self
            .0
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1_442_695_040_888_963_407);
        ((self.0 >> 33) as usize) % limit
    }

    fn of<'a>(&mut self, cells: &[&'a str]) -> &'a str {
        cells[self.below(cells.len())]
    }
}

const IDS: [&str; 10] = [
    "c1", "c2", " c1", "c1 ", "C1", "", "\"c,3\"", "\"\"", "c'4", "ü\\",
];
const NUMBERS: [&str; 26] = [
    "5",
    "5",
    "5.0",
    " 5\t",
    "\"5\"",
    "-.5",
    "7.",
    "+1e3",
    "1E-3",
    "1e999",
    "-0",
    "0",
    "",
    "NaN",
    "n/a",
    "?",
    "x",
    "1e",
    ".",
    "0x1",
    "inf",
    "1_0",
    "９",
    "9007199254740993",
    "0.1",
    "\"1,5\"",
];
const LEVELS: [&str; 14] = [
    "a",
    "a",
    "A",
    " a ",
    "",
    "\"q,r\"",
    "\"x\"\"y\"",
    "it's",
    "ü",
    "back\\slash",
    "NA",
    "x\"y",
    "|",
    "\"\"",
];
const LABELS: [&str; 8] = ["0", "1", "0", "1.0", "true", "FALSE", "2", "no"];

/// A file of hostile cells. All rows have a label, or one that is wrong.
fn hostile_file(draws: &mut Draws) -> String {
    let end = draws.of(&["\n", "\r\n"]);
    let (header, order) = match draws.below(2) {
        0 => ("client,x,z,k,w,left", [0, 1, 2, 3, 4, 5]),
        _ => ("left,W,k,other, x ,client,z", [5, 4, 3, 6, 1, 0]),
    };
    let mut text = header.to_owned();
    for _ in 0..60 {
        text.push_str(end);
        let long = "l".repeat(201);
        let level = match draws.below(30) {
            0 => long.as_str(),
            _ => draws.of(&LEVELS),
        };
        let cells = [
            draws.of(&IDS),
            draws.of(&NUMBERS),
            draws.of(&NUMBERS),
            level,
            draws.of(&NUMBERS),
            draws.of(&LABELS),
            "ignored",
        ];
        let mut row: Vec<&str> = order.iter().map(|at| cells[*at]).collect();
        if order[0] == 5 {
            row.push(cells[2]);
        }
        match draws.below(20) {
            0 => drop(row.pop()),
            1 => row.push("more"),
            2 => row.clear(),
            3 => row = vec!["  "],
            _ => {}
        }
        text.push_str(&row.join(","));
    }
    if draws.below(2) == 0 {
        text.push_str(end);
    }
    text
}

#[test]
fn hostile_cells_are_read_as_on_this_machine() {
    let Some(url) = engine_url() else { return };
    for seed in 0..4 {
        let mut pair = small_pair(&url);
        let (positive, negative) = (json!(["1", "1.0", "true"]), json!(["0", "no"]));
        for pipeline in [&mut pair.memory, &mut pair.engine] {
            pipeline.config["schema"]["features"] = json!([
                {"name": "x", "min": -1, "max": 8},
                {"name": "z", "allowed": [0, 5, 0.1, 1000], "missing": ["x", "-0.5"]},
                {"name": "k", "kind": "category", "missing": ["na"]},
                "w",
            ]);
            if seed == 1 {
                pipeline.config["schema"]["target"] =
                    json!({"name": "left", "positive": positive, "negative": negative});
                pipeline.config["schema"]["features"][0]["required"] = json!(true);
                pipeline.config["schema"]["features"][2]["allowed"] =
                    json!(["a", "A", "it's", "q,r"]);
            }
        }
        let mut draws = Draws(seed);
        for file in ["a", "b", "c"] {
            pair.write(&format!("in/{file}.csv"), &hostile_file(&mut draws));
        }
        pair.ingest(&["in"]);
        assert!(pair.memory_rows().len() > 1, "seed {seed}");
    }
}

#[test]
fn a_file_that_an_engine_cannot_read_is_rejected_and_the_others_are_ingested() {
    let Some(url) = engine_url() else { return };
    let mut pair = small_pair(&url);
    for (name, text) in [
        ("good", &b"client,x,left\na,1,1\nb,2,0\n"[..]),
        ("latin", b"client,x,left\nm\xfcller,1,1\nc,2,0\n"),
        ("returns", b"client,x,left\rd,1,1\re,2,0\r"),
    ] {
        pair.engine.write(&format!("in/{name}.csv"), text);
    }
    // So few rows may be too few for a model.
    let _ = pair.engine.run(&["in"]);
    let ledger = ledger(&pair.engine);
    assert_eq!(ledger.rows, 2);
    let reasons: Vec<&str> = ledger
        .files
        .iter()
        .filter_map(|it| it.reason.as_deref())
        .collect();
    assert_eq!(reasons.len(), 2, "{reasons:?}");
    assert!(
        reasons[0].contains("UTF-8") && reasons[1].contains("carriage return"),
        "{reasons:?}"
    );
}

/// An engine that fails from a statement on.
#[derive(Debug)]
struct Stopping<'a> {
    engine: &'a FlightConnection,
    left: AtomicUsize,
}

impl Stopping<'_> {
    fn count(&self) -> Result<(), Failure> {
        let take = |left: usize| left.checked_sub(1);
        match self
            .left
            .fetch_update(Ordering::Relaxed, Ordering::Relaxed, take)
        {
            Ok(_) => Ok(()),
            Err(_) => Err(Failure::input_output("stopped".to_owned())),
        }
    }
}

impl Connection for Stopping<'_> {
    fn ask(&self, name: &str, statement: &str, max_lines: usize) -> Result<Answer, Failure> {
        self.count()?;
        self.engine.ask(name, statement, max_lines)
    }

    fn execute(&self, name: &str, statement: &str) -> Result<(), Failure> {
        self.engine.execute(name, statement)?;
        // What was written stays.
        self.count()
    }
}

#[test]
fn an_ingestion_that_stops_at_any_statement_is_finished_by_the_next() {
    let Some(url) = engine_url() else { return };
    let pair = small_pair(&url);
    pair.write("in/a.csv", "client,x,left\na,1,1\nb,2,0\nb,x,0\n");
    pair.write("in/b.csv", "client,x,left\na,1,1\nc,,0\n");
    let config = pair.engine.config();
    let settings = config.engine.as_ref().unwrap();
    let engine = FlightConnection::of(settings).unwrap();
    let files = ["a", "b"].map(|name| {
        pair.engine
            .folder
            .path()
            .join(format!("data/in/{name}.csv"))
    });
    let input = EngineInput {
        config: &config,
        ledger: &Ledger::default(),
        files: &[&files[0], &files[1]],
        appends: false,
        puts_evaluated_first: false,
    };
    for left in 0..100 {
        let stopping = Stopping {
            engine: &engine,
            left: AtomicUsize::new(left),
        };
        let Ok(read) = cluster::read_input(&stopping, settings, &input) else {
            continue;
        };
        assert!(left > 5, "{left}");
        assert_eq!(read.rows, 3);
        assert_eq!(pair.rows_of_manifest(&read.manifest).len(), 3);
        return;
    }
    panic!("it does not end");
}
