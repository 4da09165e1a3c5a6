//! When the scan hashes the content of a file, and when it does not.

use std::fs::{self, File};
use std::time::{Duration, SystemTime};

use common::ledger::FileStatus;
use common::{History, digest};

use super::*;
use crate::tests::config_in;
use crate::{Intake, Keep, ingest, prepare, scan_input};

const FIRST: &str = "client,x,left\na,1,0\nb,2,1\n";
/// As long as [`FIRST`].
const SECOND: &str = "client,x,left\nc,3,0\nd,4,1\n";
const LONGER: &str = "client,x,left\ne,5,0\nf,6,1\ng,7,1\n";

struct Pipeline {
    _folder: tempfile::TempDir,
    config: Config,
    history: History,
}

impl Pipeline {
    fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let config = config_in(folder.path());
        let history = History::open(&config.layout).unwrap();
        Self {
            _folder: folder,
            config,
            history,
        }
    }

    /// Writes an input file with a modification time this long ago.
    #[expect(
        clippy::disallowed_methods,
        reason = "a test plays the foreign program"
    )]
    fn write(&self, name: &str, content: &str, age: Duration) {
        let path = self.config.input_folders[0].path.join(name);
        fs::write(&path, content).unwrap();
        let file = File::options().append(true).open(path).unwrap();
        file.set_modified(SystemTime::now() - age).unwrap();
    }

    fn scan(&self) -> (Prepared, InputScan) {
        let prepared = prepare(&self.config, &self.history, None).unwrap();
        let found = scan_input(&self.config, &prepared, Timestamp::now()).unwrap();
        (prepared, found)
    }

    fn ingest(&self, (prepared, found): (Prepared, InputScan)) -> crate::Ingested {
        let intake = Intake {
            config: &self.config,
            history: &self.history,
            ledger: prepared.ledger,
            found,
            live: None,
            keep: Keep::Rows,
            run: None,
            on_commit: &|_, _| Ok(()),
        };
        ingest(intake).unwrap()
    }
}

const HOUR: Duration = Duration::from_secs(3600);

#[test]
fn the_first_ingestion_finds_copies_with_and_without_hashing_during_the_scan() {
    for age in [Duration::ZERO, HOUR] {
        let pipeline = Pipeline::new();
        for (name, content) in [
            ("1.csv", FIRST),
            ("2.csv", SECOND),
            ("3.csv", FIRST),
            ("4.csv", LONGER),
        ] {
            pipeline.write(name, content, age);
        }
        let scanned = pipeline.scan();
        let n_unread = scanned
            .1
            .new_files
            .iter()
            .filter(|file| file.sha256.is_none());
        // Only the file with a unique length, and only if the clock can show later changes.
        assert_eq!(n_unread.count(), usize::from(age == HOUR));
        let ledger = pipeline.ingest(scanned).ledger;
        let files: Vec<_> = ledger
            .files
            .iter()
            .map(|file| (file.name.as_str(), file.status, file.sha256.clone()))
            .collect();
        let of = |content: &str| digest::of_bytes(content.as_bytes());
        assert_eq!(
            files,
            [
                ("1.csv", FileStatus::Ingested, of(FIRST)),
                ("2.csv", FileStatus::Ingested, of(SECOND)),
                ("4.csv", FileStatus::Ingested, of(LONGER)),
                ("3.csv", FileStatus::Copy, of(FIRST)),
            ]
        );
        assert_eq!(ledger.rows, 7);
        assert!(pipeline.scan().1.is_nothing_new());
    }
}

#[test]
fn a_file_that_changes_between_scan_and_reading_waits_for_the_next_ingestion() {
    let pipeline = Pipeline::new();
    pipeline.write("1.csv", FIRST, HOUR);
    pipeline.write("2.csv", LONGER, HOUR);
    let scanned = pipeline.scan();
    let changed = LONGER.replace("7,1", "8,0");
    pipeline.write("2.csv", &changed, HOUR / 2);
    let ingested = pipeline.ingest(scanned);
    assert_eq!(ingested.ledger.rows, 2);
    let waiting = &ingested.report.waiting;
    assert_eq!(waiting.len(), 1, "{waiting:?}");
    assert_eq!(waiting[0].reason, "it changed while it was read");
    let ingested = pipeline.ingest(pipeline.scan());
    assert_eq!(ingested.ledger.rows, 5);
    let last = ingested.ledger.files.last().expect("two files");
    assert_eq!(last.sha256, digest::of_bytes(changed.as_bytes()));
}
