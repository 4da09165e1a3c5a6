//! What the history and the report say of an ingestion by hand.

use std::fs;
use std::path::PathBuf;

use common::{Config, History, files, ledger::FileStamp};

use super::config_in;
use crate::{IngestReport, Trust, run, scan_and_ingest, scan_input};

struct Pipeline {
    _folder: tempfile::TempDir,
    config: Config,
}

const FIRST: &str = "client,x,left\na,1,0\nb,2,1\nbroken,row\n";
const SECOND: &str = "client,x,left\nc,3,0\n";

impl Pipeline {
    fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let config = config_in(folder.path());
        let pipeline = Self {
            _folder: folder,
            config,
        };
        pipeline.write("1.csv", FIRST);
        pipeline.write("2.csv", SECOND);
        pipeline
    }

    fn input(&self, name: &str) -> PathBuf {
        self.config.input_folders[0].path.join(name)
    }

    fn write(&self, name: &str, content: &str) {
        files::replace(&self.input(name), content.as_bytes()).unwrap();
    }

    fn ingest(&self) -> IngestReport {
        run(&self.config).unwrap()
    }

    fn verify(&self) -> IngestReport {
        scan_and_ingest(&self.config, scan_input, Trust::Nothing).unwrap()
    }

    fn history(&self) -> History {
        History::open(&self.config.layout).unwrap()
    }

    /// What the history says of the changes so far, oldest first.
    fn changes(&self) -> Vec<String> {
        let changes = self.history().changes_between(0, i64::MAX, 99).unwrap();
        let notes = changes.into_iter().rev().map(|change| change.note);
        notes.map(Option::unwrap).collect()
    }
}

#[test]
fn the_history_says_what_a_person_changed_and_nothing_of_repairs() {
    let pipeline = Pipeline::new();
    let mut wanted = vec!["2 files ingested; finaldata.csv has 3 rows instead of 0"];
    pipeline.ingest();
    assert_eq!(pipeline.changes(), wanted);
    // Rebuilds of the same rows, and looks at known files.
    pipeline.ingest();
    pipeline.verify();
    for path in [
        pipeline.config.layout.rejected_rows(),
        pipeline.config.layout.final_data(),
        pipeline.config.layout.fingerprint_key(),
    ] {
        fs::remove_file(path).unwrap();
        pipeline.ingest();
    }
    files::rename(&pipeline.input("2.csv"), &pipeline.input("3.csv")).unwrap();
    pipeline.ingest();
    assert_eq!(pipeline.changes(), wanted);

    fs::remove_file(pipeline.input("3.csv")).unwrap();
    assert_eq!(pipeline.ingest().removed, ["in/2.csv"]);
    wanted.push("1 file dropped; finaldata.csv has 2 rows instead of 3");
    pipeline.write("4.csv", "no,such,columns\n1,2,3\n");
    pipeline.ingest();
    wanted.push("1 file rejected; finaldata.csv has 2 rows");
    pipeline.write("1.csv", &FIRST.replace("a,1", "a,9"));
    pipeline.ingest();
    wanted.push("1 file ingested, 1 file dropped; finaldata.csv has 2 rows");
    // A repair and a new file in one ingestion.
    pipeline.write("5.csv", SECOND);
    fs::remove_file(pipeline.config.layout.rejected_rows()).unwrap();
    pipeline.ingest();
    wanted.push("1 file ingested; finaldata.csv has 3 rows instead of 2");
    assert_eq!(pipeline.changes(), wanted);
}

#[test]
fn a_file_with_other_content_is_named_and_not_reported_as_gone() {
    let pipeline = Pipeline::new();
    pipeline.ingest();
    pipeline.write("1.csv", &FIRST.replace("a,1", "a,9"));
    let report = pipeline.ingest();
    assert_eq!(report.changed, ["in/1.csv"]);
    assert_eq!((&report.removed[..], report.removed_files()), (&[][..], 1));
    let text = report.to_string();
    assert!(
        text.contains("changed: the content of in/1.csv has changed since it was ingested"),
        "{text}"
    );

    // The stamp hides the change, as on a file system without change times. The verification names the file.
    pipeline.write("2.csv", &SECOND.replace("c,3", "c,4"));
    let history = pipeline.history();
    let mut ledger = history.ledger().unwrap();
    let known = ledger.files.iter_mut().find(|file| file.name == "2.csv");
    known.unwrap().stamp = FileStamp::of(&pipeline.input("2.csv").metadata().unwrap());
    history.save_ledger(&ledger).unwrap();
    drop(history);
    assert!(pipeline.ingest().files.is_empty());
    let report = pipeline.verify();
    assert_eq!(report.changed, ["in/2.csv"]);
    assert_eq!(report.verified, Some(1));
}
