//! When the content of a file is looked into before it is read, and when not.

use std::fs::{self, File};
use std::time::{Duration, SystemTime};

use common::ledger::FileStatus;
use common::{History, digest};

use super::*;
use crate::tests::config_in;
use crate::{Intake, Keep, ingest, prepare};

const FIRST: &str = "client,x,left\na,1,0\nb,2,1\n";
/// As long as the first.
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

    /// Writes an input file that was last changed so long ago.
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

    fn look(&self) -> (Prepared, Look) {
        let prepared = prepare(&self.config, &self.history, None).unwrap();
        let found = look(&self.config, &prepared, Timestamp::now()).unwrap();
        (prepared, found)
    }

    fn take_in(&self, (prepared, found): (Prepared, Look)) -> crate::Ingested {
        let intake = Intake {
            config: &self.config,
            history: &self.history,
            ledger: prepared.ledger,
            found,
            live: None,
            keep: Keep::Rows,
            note: &|_, _| Ok(()),
        };
        ingest(intake).unwrap()
    }
}

const HOUR: Duration = Duration::from_secs(3600);

#[test]
fn the_first_ingestion_knows_contents_and_copies_whether_it_looked_into_the_files_or_not() {
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
        let looked = pipeline.look();
        let n_unread = looked.1.unknown.iter().filter(|file| file.sha256.is_none());
        // Only the one that no other is as long as, and that no later change can hide in.
        assert_eq!(n_unread.count(), usize::from(age == HOUR));
        let ledger = pipeline.take_in(looked).ledger;
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
        assert!(pipeline.look().1.is_nothing_new());
    }
}

#[test]
fn a_file_that_changes_between_the_look_and_the_reading_waits_for_the_next_ingestion() {
    let pipeline = Pipeline::new();
    pipeline.write("1.csv", FIRST, HOUR);
    pipeline.write("2.csv", LONGER, HOUR);
    let looked = pipeline.look();
    let changed = LONGER.replace("7,1", "8,0");
    pipeline.write("2.csv", &changed, HOUR / 2);
    let ingested = pipeline.take_in(looked);
    assert_eq!(ingested.ledger.rows, 2);
    let waiting = &ingested.report.waiting;
    assert_eq!(waiting.len(), 1, "{waiting:?}");
    assert_eq!(waiting[0].reason, "it changed while it was read");
    let ingested = pipeline.take_in(pipeline.look());
    assert_eq!(ingested.ledger.rows, 5);
    let last = ingested.ledger.files.last().expect("two files");
    assert_eq!(last.sha256, digest::of_bytes(changed.as_bytes()));
}
