//! Tries any CSV file without a configuration: guesses its columns, splits it, and does a first
//! run.

use std::fmt;
use std::path::{Path, PathBuf};

use anyhow::Context;
use common::cli::Report;
use common::config::default_folders;
use common::exit::Exit;
use common::{Config, Failure, files, json_text};
use dataset::{SplitBy, SplitFile, split_file};
use ingestion::ProposedSchema;
use record::RunRecord;
use serde::Serialize;
use serde_json::Value;

use crate::run_once;

/// Result of trying a file.
#[derive(Debug, Serialize)]
pub struct TryReport {
    /// The file.
    pub file: PathBuf,
    /// Guesses, each with its reason.
    pub remarks: Vec<String>,
    /// Column that orders the rows: the newest rows are the test data. `null` if a hash chose the test
    /// data: the hash of the client, or of the whole row if there is no id.
    pub split_by: Option<String>,
    /// Number of training rows.
    pub training_rows: u64,
    /// Number of test rows.
    pub test_rows: u64,
    /// The run on the file.
    pub run: RunRecord,
    /// The configuration of that run.
    pub config: Value,
    /// Folder with the data, the models and config.json.
    pub folder: PathBuf,
    /// True if the folder was named with `--keep`.
    pub is_kept: bool,
}

/// Guesses the columns of a file, splits it, and does a first run on it. Writes to a new folder of
/// the system's temporary folder, or to `keep`, which must be empty.
pub(crate) fn try_file(file: &Path, keep: Option<&Path>) -> anyhow::Result<TryReport> {
    let file = std::path::absolute(file)
        .with_context(|| format!("failed to resolve {}", file.display()))?;
    let folder = match keep {
        Some(folder) => {
            create_empty_folder(folder)?;
            std::path::absolute(folder)
                .with_context(|| format!("failed to resolve {}", folder.display()))?
        }
        None => tempfile::Builder::new()
            .prefix("fullprocess-try-")
            .tempdir()
            .context("failed to create a temporary folder")?
            .keep(),
    };
    try_in(&file, &folder, keep.is_some())
        .with_context(|| format!("failed to try the file in the folder {}", folder.display()))
}

fn try_in(file: &Path, folder: &Path, is_kept: bool) -> anyhow::Result<TryReport> {
    let mut defaults = Config::of_defaults(folder)?;
    let is_unicode =
        dataset::is_unicode(file).with_context(|| format!("failed to read {}", file.display()))?;
    if !is_unicode {
        defaults.ingestion.text.encoding = encoding_rs::WINDOWS_1252;
    }
    let mut proposed = ingestion::guess_schema(file, &defaults.ingestion.text)?;
    let split = split(file, &defaults, &proposed)?;
    let mut content = configuration(&proposed)?;
    if proposed.needs_decimal_comma {
        content["ingestion"]["decimal"] = ",".into();
    }
    if !is_unicode {
        let encoding = encoding_rs::WINDOWS_1252.name();
        content["ingestion"]["encoding"] = encoding.into();
        let remark = format!("the text is not UTF-8 and is read as {encoding}");
        proposed.remarks.insert(0, remark);
    }
    let text = json_text::readable(&content) + "\n";
    let config_file = folder.join("config.json");
    files::replace(&config_file, text.as_bytes())?;
    let config = Config::load(&config_file)?;
    let run = run_once(&config)?;
    Ok(TryReport {
        file: file.to_owned(),
        remarks: proposed.remarks,
        split_by: match split.by {
            SplitBy::Order { column } => Some(column),
            SplitBy::Hash => None,
        },
        training_rows: split.training_rows,
        test_rows: split.test_rows,
        run,
        config: content,
        folder: folder.to_owned(),
        is_kept,
    })
}

/// Creates a folder. Returns an error if it exists and is not empty.
fn create_empty_folder(path: &Path) -> anyhow::Result<()> {
    let is_used = path.exists() && std::fs::read_dir(path).is_ok_and(|mut it| it.next().is_some());
    if is_used {
        return Err(Failure::configuration(format!(
            "{} is not empty: name a folder that does not exist yet",
            path.display()
        ))
        .into());
    }
    files::create_folder(path)
}

/// Writes the rows of the file to the input and test folders.
fn split(file: &Path, config: &Config, proposed: &ProposedSchema) -> anyhow::Result<SplitFile> {
    let name = file_name(file);
    let [input] = &config.input_folders[..] else {
        anyhow::bail!("the defaults have one input folder");
    };
    let [training, test] = [input, &config.test_folder].map(|folder| folder.path.join(&name));
    for folder in [input, &config.test_folder] {
        files::create_folder(&folder.path)?;
    }
    let schema = &proposed.schema;
    let roles = [schema.id.as_deref(), Some(schema.target.as_str())];
    split_file(file, &config.ingestion.text, roles, [&training, &test])
}

/// File name of the training part and of the test part. It is the name of the file unless ingestion would
/// ignore it.
fn file_name(file: &Path) -> String {
    let name = file.file_name().unwrap_or_default().to_string_lossy();
    let stem = name.split('.').next().unwrap_or_default();
    match stem.starts_with(|first: char| first.is_alphanumeric()) {
        true => format!("{stem}.csv"),
        false => "data.csv".into(),
    }
}

/// The content of config.json.
fn configuration(proposed: &ProposedSchema) -> anyhow::Result<Value> {
    let mut content = default_folders();
    let schema = serde_json::to_value(proposed)?;
    content.insert("schema".into(), schema);
    Ok(Value::Object(content))
}

impl Report for TryReport {
    fn exit(&self) -> Exit {
        self.run.exit()
    }

    fn needs_attention(&self) -> bool {
        true
    }
}

impl fmt::Display for TryReport {
    fn fmt(&self, to: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self {
            training_rows,
            test_rows,
            ..
        } = self;
        writeln!(to, "{}", self.file.display())?;
        let how = match &self.split_by {
            Some(column) => format!("the newest rows by {column}"),
            None if self.config["schema"]["id"].is_null() => "at random".into(),
            None => "at random, all rows of a client together".into(),
        };
        writeln!(
            to,
            "{training_rows} training rows, {test_rows} test rows ({how})"
        )?;
        for remark in &self.remarks {
            writeln!(to, "- {remark}")?;
        }
        writeln!(to)?;
        self.run.fmt(to)?;
        let config = json_text::readable(&self.config);
        let folder = self.folder.display();
        if self.is_kept {
            writeln!(to, "\n{folder}/config.json:\n{config}")?;
            writeln!(
                to,
                "\nnext: put new files into {folder}/input and run fullprocess --config {folder}/config.json"
            )
        } else {
            writeln!(
                to,
                "\nto keep this schema, save this as config.json:\n{config}"
            )?;
            writeln!(
                to,
                "\nall files are in {folder}; remove it, or run again with --keep FOLDER to go on with them"
            )
        }
    }
}
