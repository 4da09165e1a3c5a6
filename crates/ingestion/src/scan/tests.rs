//! When the scan hashes the content of a file, and when it does not.

use std::fs::{self, File};
use std::os::unix::fs::MetadataExt;
use std::time::{Duration, SystemTime};

use common::ledger::{FileStamp, FileStatus};
use common::{History, digest};
use jiff::SignedDuration;

use super::*;
use crate::tests::config_in;
use crate::{Intake, Keep, Trust, ingest, prepare, run, scan_and_ingest, scan_input};

const FIRST: &str = "client,x,left\na,1,0\nb,2,1\n";
/// Has the same length as [`FIRST`].
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
        let found = scan_input(&self.config, &prepared, common::clock::now()).unwrap();
        (prepared, found)
    }

    fn ingest(&self, (prepared, found): (Prepared, InputScan)) -> crate::Ingested {
        let intake = Intake {
            config: &self.config,
            history: &self.history,
            ledger: prepared.ledger,
            found,
            live: None,
            keep: Keep::Rows {
                max_rows: usize::MAX,
            },
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

/// Rewrites an input file in place and restores its modification time, as `touch -r` does.
#[expect(
    clippy::disallowed_methods,
    reason = "a test plays the foreign program"
)]
fn rewrite_unnoticed(pipeline: &Pipeline, name: &str, content: &str) {
    let path = pipeline.config.input_folders[0].path.join(name);
    let before = path.metadata().unwrap();
    assert_eq!(before.len(), content.len() as u64);
    fs::write(&path, content).unwrap();
    let file = File::options().append(true).open(&path).unwrap();
    file.set_modified(before.modified().unwrap()).unwrap();
    let after = path.metadata().unwrap();
    assert_eq!(after.modified().unwrap(), before.modified().unwrap());
    assert_eq!(after.ino(), before.ino());
}

#[test]
fn other_content_of_the_same_size_time_and_inode_is_found() {
    let pipeline = Pipeline::new();
    pipeline.write("1.csv", FIRST, HOUR);
    pipeline.ingest(pipeline.scan());
    assert!(pipeline.scan().1.is_nothing_new());
    let other = FIRST.replace("a,1,0", "a,9,0");
    rewrite_unnoticed(&pipeline, "1.csv", &other);
    let (prepared, found) = pipeline.scan();
    assert!(!found.is_nothing_new());
    let ingested = pipeline.ingest((prepared, found));
    assert_eq!(
        ingested.ledger.files[0].sha256,
        digest::of_bytes(other.as_bytes())
    );
}

#[test]
fn verification_reads_known_files_whose_stamps_are_unchanged() {
    let pipeline = Pipeline::new();
    pipeline.write("1.csv", FIRST, HOUR);
    pipeline.write("2.csv", SECOND, HOUR);
    pipeline.ingest(pipeline.scan());
    let verify = || scan_and_ingest(&pipeline.config, scan_input, Trust::Nothing).unwrap();
    assert_eq!(verify().verified, Some(2));
    // The stamp hides the change, as on a file system without change times.
    let other = FIRST.replace("a,1,0", "a,9,0");
    rewrite_unnoticed(&pipeline, "1.csv", &other);
    let mut ledger = pipeline.history.ledger().unwrap();
    let path = pipeline.config.input_folders[0].path.join("1.csv");
    let known = ledger.files.iter_mut().find(|file| file.name == "1.csv");
    known.unwrap().stamp = FileStamp::of(&path.metadata().unwrap());
    pipeline.history.save_ledger(&ledger).unwrap();
    assert!(pipeline.scan().1.is_nothing_new());
    let report = verify();
    assert_eq!(report.verified, Some(1));
    assert!(report.rebuilt.is_some(), "{report:#?}");
}

#[test]
fn an_incomplete_file_waits_also_if_its_time_is_in_the_future() {
    let pipeline = Pipeline::new();
    let incomplete = FIRST.trim_end();
    pipeline.write("1.csv", incomplete, Duration::ZERO);
    let path = pipeline.config.input_folders[0].path.join("1.csv");
    let file = File::options().append(true).open(path).unwrap();
    file.set_modified(SystemTime::now() + 100 * HOUR).unwrap();
    let prepared = prepare(&pipeline.config, &pipeline.history, None).unwrap();
    let scan_in = |hours: i64| {
        let now = common::clock::now() + SignedDuration::from_hours(hours);
        scan_input(&pipeline.config, &prepared, now).unwrap()
    };
    // This machine sets the change time, which shows that the file was written a moment ago.
    let found = scan_in(0);
    assert!(found.new_files.is_empty(), "{found:?}");
    assert!(!found.waiting[0].is_unreadable);
    assert_eq!(scan_in(1).new_files.len(), 1, "it has settled");
    // The clock was set back: nothing tells when the file was written, so a person is asked.
    let found = scan_in(-1);
    assert!(found.new_files.is_empty(), "{found:?}");
    assert!(found.waiting[0].is_unreadable);
    assert!(found.waiting[0].reason.contains("`touch`"), "{found:?}");
}

#[test]
fn a_removal_waits_while_another_known_file_cannot_be_read() {
    let pipeline = Pipeline::new();
    for (name, content) in [("1.csv", FIRST), ("2.csv", SECOND), ("3.csv", LONGER)] {
        pipeline.write(name, content, HOUR);
    }
    let all = pipeline.ingest(pipeline.scan()).ledger;
    let folder = &pipeline.config.input_folders[0].path;
    // One file is being rewritten; another is gone, and a third has other content.
    pipeline.write("1.csv", FIRST.trim_end(), Duration::ZERO);
    fs::remove_file(folder.join("2.csv")).unwrap();
    let changed = LONGER.replace("7,1", "8,0");
    pipeline.write("3.csv", &changed, HOUR / 2);
    pipeline.write(
        "4.csv",
        &SECOND.replace("c,3", "h,8").replace("d,4", "i,9"),
        HOUR,
    );
    let scanned = pipeline.scan();
    let ingested = pipeline.ingest(scanned);
    assert!(ingested.report.rebuilt.is_none());
    let names: Vec<&str> = ingested
        .report
        .files
        .iter()
        .map(|it| it.name.as_str())
        .collect();
    assert_eq!(names, ["4.csv"], "what needs no rebuild goes on");
    assert!(ingested.ledger.rows >= all.rows);
    let waiting: Vec<&str> = ingested
        .report
        .waiting
        .iter()
        .map(|it| it.name.as_str())
        .collect();
    assert_eq!(waiting, ["1.csv", "3.csv"]);
    assert!(ingested.report.removed.is_empty());
    let deferred = ingested.report.deferred.as_ref().unwrap();
    assert!(deferred.blocked.ends_with("/1.csv"), "{deferred}");
    assert_eq!((deferred.kept.len(), deferred.waiting.len()), (2, 1));
    // Nothing is left to do until the first file can be read.
    let (prepared, mut found) = pipeline.scan();
    assert!(!found.is_nothing_new());
    assert!(found.defer_blocked_rebuild(&prepared.ledger, None));
    assert!(found.is_nothing_new());
    let report = found.report_nothing_new(&prepared.ledger);
    assert_eq!(report.deferred.as_ref(), Some(deferred));

    pipeline.write("1.csv", FIRST, HOUR);
    let ingested = pipeline.ingest(pipeline.scan());
    assert!(ingested.report.rebuilt.is_some());
    let names: Vec<&str> = ingested
        .ledger
        .files
        .iter()
        .map(|it| it.name.as_str())
        .collect();
    assert_eq!(names, ["1.csv", "4.csv", "3.csv"]);
    assert!(pipeline.scan().1.is_nothing_new());
}

#[test]
fn changed_rejected_rows_are_rebuilt() {
    let pipeline = Pipeline::new();
    let path = pipeline.config.layout.rejected_rows();
    pipeline.write("1.csv", &format!("{FIRST}broken,row\n"), HOUR);
    let ledger = pipeline.ingest(pipeline.scan()).ledger;
    let whole = fs::read(&path).unwrap();
    assert_eq!(ledger.rejected_digest, digest::of_bytes(&whole));
    pipeline.write("2.csv", &format!("{SECOND}another,row\n"), HOUR);
    let ingested = pipeline.ingest(pipeline.scan());
    let whole = fs::read(&path).unwrap();
    assert_eq!(ingested.report.rebuilt, None);
    assert_eq!(
        ingested.ledger.rejected_digest,
        digest::of_bytes(&whole),
        "continued"
    );
    let mut spoilt = whole.clone();
    spoilt[3] ^= 1;
    common::files::replace(&path, &spoilt).unwrap();
    let report = run(&pipeline.config).unwrap();
    let reason = report.rebuilt.expect("a rebuild");
    assert!(reason.contains("rejectedrows.csv was changed"), "{reason}");
    assert_eq!(fs::read(&path).unwrap(), whole);
}
