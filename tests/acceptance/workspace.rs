//! One pipeline in a temporary folder, and the programs run on it.

use std::collections::BTreeMap;
use std::fs;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};
use std::time::SystemTime;

use common::digest;
use serde_json::{Value, json};
use tempfile::{NamedTempFile, TempDir};

use crate::program;
use crate::tree::Tree;

/// A pipeline in a temporary folder.
pub(crate) struct Workspace {
    folder: TempDir,
    config: Value,
    /// Offsets of the clock that programs see, in seconds; `None` for the true clock.
    pub(crate) clock: Option<&'static str>,
    /// Stamps of the files as programs see them, if they were restored.
    stamps: Option<NamedTempFile>,
}

/// Exit code and output of a program.
pub(crate) struct Finished {
    pub(crate) code: i32,
    pub(crate) stdout: String,
    pub(crate) stderr: String,
}

/// Digest and modification time of files by their path within the workspace.
pub(crate) type Snapshot = BTreeMap<PathBuf, (String, SystemTime)>;

impl Workspace {
    /// A workspace with the shipped configuration and sample data, without use of the network.
    pub(crate) fn with_sample_data() -> Self {
        let workspace = Self::empty();
        for folder in ["practicedata", "sourcedata", "testdata"] {
            workspace.copy_sample(folder, folder);
        }
        workspace
    }

    /// A workspace with the shipped configuration and empty folders.
    pub(crate) fn empty() -> Self {
        let shipped = fs::read(program::repository().join("config.json")).expect("config.json");
        let mut workspace = Self {
            folder: tempfile::tempdir().expect("a temporary folder"),
            config: serde_json::from_slice(&shipped).expect("config.json is JSON"),
            clock: None,
            stamps: None,
        };
        for folder in ["practicedata", "testdata"] {
            fs::create_dir_all(workspace.path("data").join(folder)).expect("a folder");
        }
        workspace.leave_network_alone();
        workspace
    }

    /// A workspace with a pipeline of an older version.
    pub(crate) fn from_frozen(version: &str) -> Self {
        let mut workspace = Self::empty();
        let frozen = program::repository().join("tests/frozen").join(version);
        Tree::read(&frozen).write(workspace.folder.path());
        let config = workspace.text("config.json");
        workspace.config = serde_json::from_str(&config).expect("config.json is JSON");
        workspace.leave_network_alone();
        workspace
    }

    /// A copy of the pipeline in its own folder.
    pub(crate) fn copy(&self) -> Self {
        Self::from_tree(&self.tree())
    }

    /// The pipeline in memory.
    pub(crate) fn tree(&self) -> Tree {
        Tree::read(self.folder.path())
    }

    /// The pipeline in memory, which shares what it has in common with an earlier one.
    pub(crate) fn tree_like(&self, earlier: Option<&Tree>) -> Tree {
        Tree::read_like(self.folder.path(), earlier)
    }

    /// Makes this pipeline what it was when the tree was read from it.
    pub(crate) fn restore(&mut self, tree: &Tree) {
        let stamps = tree.restore(self.folder.path());
        let mut file = NamedTempFile::new().expect("a temporary file");
        file.write_all(stamps.as_bytes()).expect("written");
        self.stamps = Some(file);
    }

    /// A pipeline from memory, in its own folder.
    pub(crate) fn from_tree(tree: &Tree) -> Self {
        let folder = tempfile::tempdir().expect("a temporary folder");
        tree.write(folder.path());
        let config = fs::read(folder.path().join("config.json")).expect("config.json");
        Self {
            folder,
            config: serde_json::from_slice(&config).expect("config.json is JSON"),
            clock: None,
            stamps: None,
        }
    }

    /// Copies a shipped data folder to `data/<to>`.
    pub(crate) fn copy_sample(&self, from: &str, to: &str) {
        let from = program::repository().join("data").join(from);
        for entry in fs::read_dir(from).expect("sample data") {
            let entry = entry.expect("an entry");
            let content = fs::read(entry.path()).expect("a sample file");
            let name = entry.file_name().into_string().expect("a plain name");
            self.write(&format!("data/{to}/{name}"), content);
        }
    }

    /// Sets a configuration key, for example `drift.on_tie`.
    pub(crate) fn set(&mut self, key: &str, value: Value) {
        let mut place = &mut self.config;
        for part in key.split('.') {
            if place.is_null() {
                *place = json!({});
            }
            place = &mut place[part];
        }
        *place = value;
        self.save_config();
    }

    /// Configures other input folders below `data/`.
    pub(crate) fn set_input(&mut self, folders: &[&str]) {
        let folders: Vec<String> = folders.iter().map(|name| format!("data/{name}")).collect();
        self.set("input_folder_path", json!(folders));
    }

    /// Sets the rules of the feature for the number of employees.
    pub(crate) fn limit_employees(&mut self, rules: &Value) {
        let mut feature = json!({"name": "number_of_employees"});
        for (key, rule) in rules.as_object().expect("rules") {
            feature[key] = rule.clone();
        }
        let features = json!(["lastmonth_activity", "lastyear_activity", feature]);
        self.set("schema.features", features);
    }

    /// Turns off the check of dependencies: only a test with its own index may depend on the
    /// network.
    fn leave_network_alone(&mut self) {
        self.set("diagnostics.check_updates", json!(false));
    }

    fn save_config(&self) {
        let text = serde_json::to_string_pretty(&self.config).expect("JSON");
        self.write("config.json", text);
    }

    /// A path within the workspace.
    pub(crate) fn path(&self, relative: &str) -> PathBuf {
        self.folder.path().join(relative)
    }

    /// Writes a file as a foreign program would.
    #[expect(
        clippy::disallowed_methods,
        reason = "a test plays the foreign program"
    )]
    pub(crate) fn write(&self, relative: &str, content: impl AsRef<[u8]>) {
        let path = self.path(relative);
        fs::create_dir_all(path.parent().expect("a parent")).expect("a folder");
        fs::write(path, content).expect("a file");
    }

    /// A file as text.
    pub(crate) fn text(&self, relative: &str) -> String {
        let path = self.path(relative);
        fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
    }

    /// The rows of finaldata.csv.
    pub(crate) fn final_rows(&self) -> Vec<String> {
        let text = self.text("data/ingesteddata/finaldata.csv");
        text.lines().skip(1).map(str::to_owned).collect()
    }

    /// The release that is live.
    pub(crate) fn live(&self) -> String {
        let target = fs::read_link(self.path("production_deployment/current")).expect("a release");
        target
            .file_name()
            .expect("a name")
            .to_string_lossy()
            .into_owned()
    }

    /// Runs a program as cron would: empty environment, no terminal, another working directory.
    pub(crate) fn run(&self, name: &str, arguments: &[&str]) -> Finished {
        self.finish(self.command(name).args(arguments))
    }

    /// A program with an empty environment in `/`.
    pub(crate) fn command(&self, name: &str) -> Command {
        let mut command = Command::new(program::path(name));
        command
            .env_clear()
            .current_dir("/")
            .arg("--config")
            .arg(self.path("config.json"));
        if let Some(offsets) = self.clock {
            command.env("RISK_CLOCK", offsets);
        }
        if let Some(stamps) = &self.stamps {
            command.env("RISK_STAMPS", stamps.path());
        }
        command
    }

    /// Runs a prepared command and waits for its end.
    pub(crate) fn finish(&self, command: &mut Command) -> Finished {
        let Output {
            status,
            stdout,
            stderr,
        } = command.output().expect("the program starts");
        Finished {
            code: status.code().expect("the program ends by itself"),
            stdout: String::from_utf8(stdout).expect("stdout is UTF-8"),
            stderr: String::from_utf8(stderr).expect("stderr is UTF-8"),
        }
    }

    /// Runs the whole pipeline once, which must end with exit code 0.
    pub(crate) fn fullprocess(&self) -> Value {
        self.run("fullprocess", &["--json"]).json()
    }

    /// Ranks the new clients of the sample data, which makes a call list.
    pub(crate) fn rank_new_clients(&self) {
        self.copy_sample("newclients", "newclients");
        let path = self.path("data/newclients/clients_2026_q3.csv");
        let path = path.to_str().expect("UTF-8");
        self.run("scoring", &["--rank", path, "--json"]).json();
    }

    /// The files below some folders.
    pub(crate) fn snapshot(&self, folders: &[&str]) -> Snapshot {
        let mut files = Snapshot::new();
        for folder in folders {
            self.look_into(&self.path(folder), &mut files);
        }
        files
    }

    fn look_into(&self, folder: &Path, files: &mut Snapshot) {
        let Ok(entries) = fs::read_dir(folder) else {
            return;
        };
        for entry in entries {
            let path = entry.expect("an entry").path();
            let metadata = path.symlink_metadata().expect("metadata");
            let within = path.strip_prefix(self.folder.path()).expect("within");
            let digest = if metadata.is_dir() {
                self.look_into(&path, files);
                continue;
            } else if metadata.is_symlink() {
                fs::read_link(&path).expect("a link").display().to_string()
            } else if !metadata.is_file() {
                format!("{:?}", metadata.file_type())
            } else {
                digest::of_file(&path).expect("a file").0
            };
            let modified = metadata.modified().expect("a time");
            files.insert(within.to_owned(), (digest, modified));
        }
    }
}

impl Finished {
    /// The JSON on stdout of a program that ended with exit code 0.
    pub(crate) fn json(&self) -> Value {
        assert_eq!(self.code, 0, "{}{}", self.stdout, self.stderr);
        serde_json::from_str(&self.stdout).expect("stdout is JSON")
    }

    /// Checks that the program failed with this exit code and this message.
    #[track_caller]
    pub(crate) fn failed(&self, code: i32, says: &str) {
        assert_eq!(self.code, code, "{}{}", self.stdout, self.stderr);
        assert!(
            self.stderr.contains(says),
            "{says:?} is not in: {}",
            self.stderr
        );
    }
}

/// The outcome in a record.
#[track_caller]
pub(crate) fn outcome(record: &Value) -> &str {
    record["outcome"].as_str().expect("an outcome")
}
