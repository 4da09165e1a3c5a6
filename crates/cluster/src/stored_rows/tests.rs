//! What lies on the storage after runs, with an engine that keeps text as its Parquet.

use std::fmt::Write;
use std::fs;
use std::path::PathBuf;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use tempfile::TempDir;

use super::*;
use crate::answer::{Answer, Cell};

/// What an engine was asked for.
#[derive(Debug, Default)]
struct Asked {
    names: Vec<String>,
    /// The folder that the newest view of text reads.
    viewed: PathBuf,
    /// Name of the statement that fails.
    fails: Option<&'static str>,
}

impl Asked {
    /// Notes the name of a statement. Fails if it is the one in `fails`.
    fn note(&mut self, name: &str) -> Result<(), Failure> {
        self.names.push(name.to_owned());
        match self.fails == Some(name) {
            true => Err(Failure::input_output(format!(
                "the query for {name} failed"
            ))),
            false => Ok(()),
        }
    }
}

/// An engine whose Parquet is the text that it reads.
#[derive(Clone, Debug, Default)]
struct TextEngine(Arc<Mutex<Asked>>);

impl TextEngine {
    /// The names of the statements since the last call.
    fn take_names(&self) -> Vec<String> {
        std::mem::take(&mut self.0.lock().unwrap().names)
    }
}

/// The text between quotes after a word of a statement.
fn quoted(statement: &str, word: &str) -> Option<PathBuf> {
    let (_, rest) = statement.split_once(&format!("{word} '"))?;
    Some(rest.split_once('\'')?.0.into())
}

impl Connection for TextEngine {
    fn ask(&self, name: &str, statement: &str, _: usize) -> Result<Answer, Failure> {
        self.0.lock().unwrap().note(name)?;
        let (_, folder) = statement.split_once("parquet.`").unwrap();
        let folder = folder.split_once('`').unwrap().0;
        let mut numbers: Vec<i64> = Vec::new();
        for file in entries(Path::new(folder)).unwrap() {
            let text = fs::read_to_string(file).unwrap();
            let first = |line: &str| line.split(',').next().unwrap().parse::<i64>().unwrap();
            numbers.extend(text.lines().map(first));
        }
        let cells = [
            numbers.len() as i64,
            numbers.iter().copied().min().unwrap_or(0),
            numbers.iter().copied().max().unwrap_or(0),
        ];
        Ok(Answer {
            name: name.to_owned(),
            lines: vec![cells.map(Cell::Whole).to_vec()],
        })
    }

    fn execute(&self, name: &str, statement: &str) -> Result<(), Failure> {
        let mut asked = self.0.lock().unwrap();
        asked.note(name)?;
        if let Some(viewed) = quoted(statement, "path") {
            asked.viewed = viewed;
        }
        if let Some(made) = quoted(statement, "DIRECTORY") {
            fs::create_dir(&made).unwrap();
            fs::copy(asked.viewed.join("rows.csv"), made.join("part-7.parquet")).unwrap();
        }
        Ok(())
    }
}

/// A pipeline, its storage and its engine.
struct Pipeline {
    folder: TempDir,
    config: Config,
    settings: EngineSettings,
    engine: TextEngine,
    ledger: Ledger,
    /// The content of finaldata.csv.
    text: String,
}

impl Pipeline {
    fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let text = r#"{"input_folder_path":"in","output_folder_path":"out",
            "test_data_path":"test","output_model_path":"models","prod_deployment_path":"prod",
            "schema":{"id":"client","features":["x",{"name":"plan","kind":"category"}],"target":"left"}}"#;
        let config = Config::parse(&folder.path().join("config.json"), text).unwrap();
        let storage = folder.path().join("storage");
        files::create_folder(&storage).unwrap();
        Self {
            settings: EngineSettings {
                url: "grpc://localhost:1".into(),
                tls_ca: None,
                token_file: None,
                storage,
                timeout: Duration::from_secs(1),
                ingestion: false,
            },
            engine: TextEngine::default(),
            ledger: Ledger {
                schema: config.data_digest(),
                ..Ledger::default()
            },
            text: "client,x,plan,left\n".into(),
            folder,
            config,
        }
    }

    /// Appends rows, and stores those that the engine does not have.
    fn append(&mut self, rows: u64) -> anyhow::Result<()> {
        let earlier = self.ledger.clone();
        let table = self.ingest(rows)?;
        self.load(&earlier, Some(&table))
    }

    /// Appends rows to finaldata.csv.
    fn ingest(&mut self, rows: u64) -> anyhow::Result<Table> {
        let mut table = Table::new(&self.config.schema);
        for number in self.ledger.rows..self.ledger.rows + rows {
            let plan = table.add_level(1, "it's,\n\"so\"");
            let label = (number % 3 > 0).then_some(number % 2 == 0);
            let x = number as f64 / 4.0;
            let (plan, plan_text) = match number {
                1 => (f64::NAN, ""),
                _ => (plan, "\"it's,\n\"\"so\"\"\""),
            };
            let label_text = label.map_or("", |is_positive| if is_positive { "1" } else { "0" });
            writeln!(self.text, "client {number},{x},{plan_text},{label_text}")?;
            let cells = [x, plan];
            table.push(format!("client {number}").as_bytes(), &cells, label);
        }
        let text = self.text.as_bytes();
        self.ledger.rows += rows;
        self.ledger.committed_bytes = text.len() as u64;
        self.ledger.digest = digest::of_bytes(text);
        files::create_folder(self.config.layout.output())?;
        files::replace(&self.config.layout.final_data(), text)?;
        Ok(table)
    }

    fn load(&self, earlier: &Ledger, appended: Option<&Table>) -> anyhow::Result<()> {
        let rows = FinalRows {
            config: &self.config,
            ledger: &self.ledger,
            earlier,
            appended,
        };
        let loaded = load(self.engine.clone(), &self.settings, &rows)?;
        assert_eq!(loaded.table.rows() as u64, self.ledger.rows);
        Ok(())
    }

    /// Names of the files in a folder of the storage.
    fn listed(&self, folder: &str) -> Vec<String> {
        let entries = entries(&self.settings.storage.join(folder)).unwrap();
        let name = |path: &PathBuf| path.file_name().unwrap().to_str().unwrap().to_owned();
        entries.iter().map(name).collect()
    }
}

const STATEMENTS: [&str; 4] = [
    "the view of new rows",
    "the Parquet of new rows",
    "the removal of the view of new rows",
    "the number of rows",
];

#[test]
fn only_rows_that_the_engine_does_not_have_are_stored() {
    let mut pipeline = Pipeline::new();
    pipeline.append(3).unwrap();
    assert_eq!(pipeline.engine.take_names(), STATEMENTS);
    assert_eq!(pipeline.listed("rows"), ["000000000000-000.parquet"]);
    let text = pipeline
        .settings
        .storage
        .join("rows/000000000000-000.parquet");
    let text = fs::read_to_string(text).unwrap();
    let lines: Vec<Vec<&str>> = text.lines().map(|line| line.split(',').collect()).collect();
    let plan = "697427732c0a22736f22";
    let of = |line: usize| {
        [
            lines[line][0],
            lines[line][4],
            lines[line][5],
            lines[line][6],
        ]
    };
    assert_eq!(of(0), ["0", "", "0", plan]);
    assert_eq!(of(1), ["1", "0", "0.25", ""]);
    assert_eq!(of(2), ["2", "1", "0.5", plan]);
    assert_eq!(lines[2][2], dataset::client_number(b"client 2").to_string());

    pipeline.append(2).unwrap();
    assert_eq!(pipeline.engine.take_names(), STATEMENTS);
    let both = ["000000000000-000.parquet", "000000000003-000.parquet"];
    assert_eq!(pipeline.listed("rows"), both);
    // Nothing else stays.
    assert_eq!(pipeline.listed(""), ["rows", "rows.json"]);

    pipeline.append(0).unwrap();
    assert_eq!(pipeline.engine.take_names(), ["the number of rows"]);
}

#[test]
fn other_rows_or_a_missing_file_are_stored_again() {
    let changes: [fn(&mut Pipeline); 4] = [
        |pipeline| pipeline.ledger.schema = "other".into(),
        |pipeline| pipeline.ledger.digest = "other".into(),
        |pipeline| fs::remove_file(pipeline.settings.storage.join("rows.json")).unwrap(),
        |pipeline| {
            let file = pipeline
                .settings
                .storage
                .join("rows/000000000000-000.parquet");
            files::replace(&file, b"cut").unwrap();
        },
    ];
    for change in changes {
        let mut pipeline = Pipeline::new();
        pipeline.append(3).unwrap();
        pipeline.engine.take_names();
        change(&mut pipeline);
        let mut all = Table::new(&pipeline.config.schema);
        (0..3_u8).for_each(|id| all.push(&[id], &[1.0, f64::NAN], None));
        pipeline.load(&Ledger::default(), Some(&all)).unwrap();
        assert_eq!(pipeline.engine.take_names(), STATEMENTS);
        assert_eq!(pipeline.listed("rows"), ["000000000000-000.parquet"]);
    }
}

#[test]
fn a_failed_statement_leaves_what_the_next_run_removes() {
    for fails in [STATEMENTS[0], STATEMENTS[1], STATEMENTS[3]] {
        let mut pipeline = Pipeline::new();
        pipeline.append(3).unwrap();
        pipeline.engine.0.lock().unwrap().fails = Some(fails);
        let earlier = pipeline.ledger.clone();
        let appended = pipeline.ingest(2).unwrap();
        let error = pipeline.load(&earlier, Some(&appended)).unwrap_err();
        assert!(error.to_string().contains(fails), "{error:#}");
        pipeline.engine.0.lock().unwrap().fails = None;
        pipeline.load(&earlier, Some(&appended)).unwrap();
        let both = ["000000000000-000.parquet", "000000000003-000.parquet"];
        assert_eq!(pipeline.listed("rows"), both);
        assert_eq!(pipeline.listed(""), ["rows", "rows.json"]);
    }
}

#[test]
fn rows_that_memory_lacks_are_read_from_finaldata_csv() {
    let stored = |is_in_memory: bool| {
        let mut pipeline = Pipeline::new();
        pipeline.append(3).unwrap();
        let earlier = pipeline.ledger.clone();
        let appended = pipeline.ingest(4).unwrap();
        let appended = is_in_memory.then_some(&appended);
        pipeline.load(&earlier, appended).unwrap();
        let folder = pipeline.settings.storage.join("rows");
        fs::read_to_string(folder.join("000000000003-000.parquet")).unwrap()
    };
    assert_eq!(stored(false), stored(true));
    assert_eq!(stored(false).lines().count(), 4);
}

#[test]
fn a_view_that_cannot_be_dropped_does_not_stop_a_run() {
    let mut pipeline = Pipeline::new();
    pipeline.engine.0.lock().unwrap().fails = Some("the removal of the view of new rows");
    pipeline.append(3).unwrap();
    assert_eq!(pipeline.engine.take_names(), STATEMENTS);
    assert_eq!(pipeline.listed(""), ["rows", "rows.json"]);
}

#[test]
fn a_file_of_an_interrupted_run_is_no_problem_of_the_storage() {
    let mut pipeline = Pipeline::new();
    pipeline.append(3).unwrap();
    let examined = |pipeline: &Pipeline| {
        examine(&pipeline.engine, &pipeline.settings, &pipeline.config).unwrap()
    };
    let whole = StoredRows::Whole { rows: 3, files: 1 };
    assert_eq!(examined(&pipeline), whole);
    let file = pipeline
        .settings
        .storage
        .join("rows/000000000003-000.parquet");
    files::replace(&file, b"3,0,0,0,,1,\n").unwrap();
    let left = StoredRows::Leftover { file: file.clone() };
    assert_eq!(examined(&pipeline), left);
    assert!(file.is_file());
    // The next run removes it, also if it has no row to store.
    pipeline.append(0).unwrap();
    assert_eq!(examined(&pipeline), whole);
    files::replace(&file, b"3,0,0,0,,1,\n").unwrap();
    pipeline.append(2).unwrap();
    let whole = StoredRows::Whole { rows: 5, files: 2 };
    assert_eq!(examined(&pipeline), whole);
}

#[test]
fn an_engine_that_finds_other_rows_is_a_failure_and_the_record_of_the_rows_is_removed() {
    let mut pipeline = Pipeline::new();
    pipeline.append(3).unwrap();
    let file = pipeline
        .settings
        .storage
        .join("rows/000000000000-000.parquet");
    // The file keeps its length, but has one row fewer.
    let text = fs::read_to_string(&file).unwrap();
    let (first, rest) = text.split_once('\n').unwrap();
    files::replace(&file, format!("{first} {rest}").as_bytes()).unwrap();
    let error = pipeline.append(0).unwrap_err();
    let text = error.to_string();
    assert!(
        text.contains("the engine has 2 rows instead of 3"),
        "{text}"
    );
    assert_eq!(pipeline.listed(""), ["rows"]);
}

#[test]
fn chunks_have_a_limited_number_of_rows() {
    let pipeline = Pipeline::new();
    let mut table = Table::new(&pipeline.config.schema);
    (0..7_u8).for_each(|id| table.push(&[id], &[1.0, f64::NAN], None));
    let storage = Storage::of(&pipeline.settings.storage).unwrap();
    files::create_folder(&storage.rows_folder()).unwrap();
    let columns: Vec<Column> = pipeline
        .config
        .schema
        .features
        .iter()
        .map(Column::of)
        .collect();
    let chunks = Chunks::new(&storage, &pipeline.engine, &columns, "token", 5);
    let mut chunks = chunks.of_rows(4);
    chunks.add(&table).unwrap();
    chunks.add(&table).unwrap();
    let files = chunks.finish().unwrap();
    let names: Vec<&str> = files.iter().map(|file| &*file.name).collect();
    let starts = ["005", "009", "013", "017"];
    assert_eq!(
        names,
        starts.map(|start| format!("000000000{start}-000.parquet"))
    );
}

#[test]
fn a_storage_that_is_missing_or_of_another_pipeline_is_named() {
    let mut pipeline = Pipeline::new();
    pipeline.append(3).unwrap();
    let text = fs::read_to_string(pipeline.settings.storage.join("rows.json")).unwrap();
    let own = pipeline.config.layout.final_data();
    let others = text.replace(own.to_str().unwrap(), "/elsewhere/finaldata.csv");
    let file = pipeline.settings.storage.join("rows.json");
    files::replace(&file, others.as_bytes()).unwrap();
    let error = pipeline.append(1).unwrap_err();
    assert_eq!(
        common::exit::classify(&error),
        common::exit::Exit::Configuration
    );
    assert!(
        error.to_string().contains("/elsewhere/finaldata.csv"),
        "{error:#}"
    );

    pipeline.settings.storage = pipeline.folder.path().join("none");
    let error = pipeline.append(1).unwrap_err();
    assert_eq!(
        common::exit::classify(&error),
        common::exit::Exit::InputOutput
    );
    assert!(
        error
            .to_string()
            .contains("none (engine.storage) does not exist"),
        "{error:#}"
    );
}

#[test]
fn files_that_no_run_made_are_found_out_and_never_removed() {
    let mut pipeline = Pipeline::new();
    pipeline.append(3).unwrap();
    let own = pipeline.settings.storage.join("text-files/mine.csv");
    files::create_folder(own.parent().unwrap()).unwrap();
    let stranger = pipeline.settings.storage.join("rows/stranger.parquet");
    for file in [&own, &stranger] {
        files::replace(file, b"9,0,0,0,,1,\n").unwrap();
    }
    let error = pipeline.append(0).unwrap_err();
    let text = error.to_string();
    assert!(
        text.contains("stranger.parquet is no file of a run"),
        "{text}"
    );
    let mut all = Table::new(&pipeline.config.schema);
    (0..3_u8).for_each(|id| all.push(&[id], &[1.0, f64::NAN], None));
    let error = pipeline.load(&Ledger::default(), Some(&all)).unwrap_err();
    assert!(
        error
            .to_string()
            .contains("stranger.parquet is no file of a run"),
        "{error:#}"
    );
    files::remove_file(&stranger).unwrap();
    pipeline.load(&Ledger::default(), Some(&all)).unwrap();
    assert_eq!(pipeline.listed("rows"), ["000000000000-000.parquet"]);
    assert!(own.is_file());
}
