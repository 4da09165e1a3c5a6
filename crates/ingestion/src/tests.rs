//! Properties of ingestion over random sequences of added, changed and removed files.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};

use common::history::documents;
use common::ledger::FileStatus;
use common::schema::{Kind, MissingShare, NumberRules};
use dataset::passes::Summary;
use proptest::prelude::*;

use super::*;

/// One pipeline in a temporary folder.
struct Pipeline {
    _folder: tempfile::TempDir,
    config: Config,
    /// Every row that was ever judged, as a line of finaldata.csv.
    judged: BTreeSet<Vec<u8>>,
    /// What appending continued from before the last ingestion.
    old_carry: Vec<(PathBuf, Vec<u8>)>,
}

#[derive(Clone, Debug)]
enum Step {
    Write {
        file: u8,
        rows: Vec<(u8, u8)>,
    },
    Remove {
        file: u8,
    },
    Judge,
    LoseFinalData,
    ChangeFinalData,
    LeaveUncommittedTail,
    LoseKey,
    LoseFingerprints,
    /// The carry of an earlier ingestion, as a kill after the commit leaves it.
    KeepOldCarry,
    DamageCarry,
    DamageRowFingerprints {
        run: u8,
        byte: u16,
    },
    /// With no memory at all, or with plenty.
    LimitMemory {
        mib: u64,
    },
    /// From now on a file may miss values in so large a share of its rows.
    LimitMissing {
        quarters: u8,
    },
}

/// The configuration of a pipeline in a folder, whose input folder is made.
pub(crate) fn config_in(folder: &Path) -> Config {
    let text = r#"{"input_folder_path":"in","output_folder_path":"out","test_data_path":"test",
        "output_model_path":"models","prod_deployment_path":"prod","state_folder_path":"state",
        "schema":{"id":"client","features":["x"],"target":"left"}}"#;
    fs::create_dir(folder.join("in")).unwrap();
    Config::parse(&folder.join("config.json"), text).unwrap()
}

impl Pipeline {
    fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let config = config_in(folder.path());
        Self {
            _folder: folder,
            config,
            judged: BTreeSet::new(),
            old_carry: Vec::new(),
        }
    }

    fn input(&self, file: u8) -> PathBuf {
        self.config.input_folders[0]
            .path
            .join(format!("{file}.csv"))
    }

    #[expect(
        clippy::disallowed_methods,
        reason = "a test plays the foreign program"
    )]
    fn apply(&mut self, step: &Step) {
        let layout = &self.config.layout;
        match step {
            Step::Write { file, rows } => {
                let lines: String = rows.iter().map(|(id, value)| row(*id, *value)).collect();
                fs::write(self.input(*file), format!("client,x,left\n{lines}")).unwrap();
            }
            Step::Remove { file } => {
                let _ = fs::remove_file(self.input(*file));
            }
            Step::LoseFinalData => {
                let _ = fs::remove_file(layout.final_data());
            }
            Step::ChangeFinalData => {
                if let Ok(mut bytes) = fs::read(layout.final_data()) {
                    let middle = bytes.len() / 2;
                    bytes[middle] ^= 1;
                    fs::write(layout.final_data(), bytes).unwrap();
                }
            }
            Step::LoseKey | Step::LoseFingerprints => {
                let lost = match step {
                    Step::LoseKey => layout.fingerprint_key(),
                    _ => layout.judged_fingerprints(),
                };
                if fs::remove_file(lost).is_ok() {
                    // What was judged is known of the rows that are there, and of no others.
                    let judged = self.ledger().judged_rows as usize;
                    self.judged = self.final_lines()[..judged].iter().cloned().collect();
                }
            }
            Step::KeepOldCarry => {
                let old = std::mem::take(&mut self.old_carry);
                if !old.is_empty() {
                    let _ = fs::remove_dir_all(layout.row_fingerprints());
                    fs::create_dir_all(layout.row_fingerprints()).unwrap();
                }
                for (path, bytes) in old {
                    fs::write(path, bytes).unwrap();
                }
            }
            Step::DamageCarry => damage(&layout.ingestion_carry(), 100),
            Step::DamageRowFingerprints { run, byte } => {
                if let Ok(entries) = fs::read_dir(layout.row_fingerprints()) {
                    let mut runs: Vec<_> = entries.map(|entry| entry.unwrap().path()).collect();
                    runs.sort();
                    if let Some(run) = runs.get(usize::from(*run) % runs.len().max(1)) {
                        damage(run, usize::from(*byte));
                    }
                }
            }
            Step::LimitMemory { mib } => self.config.ingestion.memory_limit_mib = *mib,
            Step::LimitMissing { quarters } => {
                let share = MissingShare::new(f64::from(*quarters) / 4.0).unwrap();
                self.config.schema.features[0].kind = Kind::Number(NumberRules {
                    missing_share: share,
                    ..NumberRules::default()
                });
            }
            Step::LeaveUncommittedTail => {
                if let Ok(mut bytes) = fs::read(layout.final_data()) {
                    bytes.extend(b"half a r");
                    fs::write(layout.final_data(), bytes).unwrap();
                }
            }
            Step::Judge => {
                let history = History::open(layout).unwrap();
                let ledger = history.ledger().unwrap();
                let Some(key) = FingerprintKey::load(layout).unwrap() else {
                    return;
                };
                if let Ok(rows) = dataset::load_fingerprints(&self.config, &ledger, &key) {
                    let judged = mark_judged(layout, &ledger, &rows, ledger.rows).unwrap();
                    history.save_ledger(&judged).unwrap();
                    self.judged.extend(self.final_lines());
                }
            }
        }
    }

    /// The files that appending continues from.
    fn carry(&self) -> Vec<(PathBuf, Vec<u8>)> {
        let layout = &self.config.layout;
        let runs = fs::read_dir(layout.row_fingerprints())
            .into_iter()
            .flatten();
        let runs = runs.map(|entry| entry.unwrap().path());
        runs.chain([layout.ingestion_carry()])
            .filter_map(|path| Some((path.clone(), fs::read(path).ok()?)))
            .collect()
    }

    /// Writes an input file as a foreign program would.
    fn foreign(&self, file: u8, text: &str) {
        foreign(&self.input(file), text);
    }

    /// A release whose model was fitted to all rows that are there now.
    fn live_manifest(&self) -> Manifest {
        Manifest {
            version: 1,
            release: "000001".into(),
            run: None,
            created_at: Timestamp::UNIX_EPOCH,
            parent: None,
            score: 0.5,
            files: BTreeMap::from([("trainedmodel.msgpack".into(), "digest".into())]),
            data: self.ledger().position(),
            answers: Vec::new(),
        }
    }

    /// An ingestion while that release is live.
    fn ingest_beside(&self, live: &Manifest) -> Ingested {
        let history = History::open(&self.config.layout).unwrap();
        let prepared = prepare(&self.config, &history, Some(live)).unwrap();
        let found = look(&self.config, &prepared, Timestamp::now()).unwrap();
        ingest(&self.config, &history, prepared.ledger, found, Some(live)).unwrap()
    }

    /// An ingestion that hands on the rows, which are those of finaldata.csv.
    fn ingest_as_a_run_does(&self) {
        let history = History::open(&self.config.layout).unwrap();
        let prepared = prepare(&self.config, &history, None).unwrap();
        let found = look(&self.config, &prepared, Timestamp::now()).unwrap();
        if found.is_nothing_new() {
            return;
        }
        let ingested = ingest(&self.config, &history, prepared.ledger, found, None).unwrap();
        let (config, key) = (&self.config, &ingested.key);
        let rows = |ledger| dataset::load_final_data(config, ledger).unwrap();
        let identities = |ledger| dataset::load_fingerprints(config, ledger, key).unwrap();
        let (mut table, mut known) = (rows(&ingested.before), identities(&ingested.before));
        table.extend(&ingested.rows.table);
        known.extend(&ingested.rows.fingerprints);
        assert_eq!(
            format!("{table:?}"),
            format!("{:?}", rows(&ingested.ledger))
        );
        assert_eq!(known, identities(&ingested.ledger));
    }

    fn final_data(&self) -> Vec<u8> {
        fs::read(self.config.layout.final_data()).unwrap_or_default()
    }

    /// The rows of finaldata.csv.
    fn final_lines(&self) -> Vec<Vec<u8>> {
        self.final_data()
            .split(|byte| *byte == b'\n')
            .skip(1)
            .filter(|line| !line.is_empty())
            .map(<[u8]>::to_vec)
            .collect()
    }

    fn ledger(&self) -> Ledger {
        History::read(&self.config.layout)
            .unwrap()
            .unwrap()
            .ledger()
            .unwrap()
    }

    /// The summary that ingestion stored.
    fn summary(&self) -> Option<Summary> {
        let history = History::read(&self.config.layout).unwrap().unwrap();
        history.document(documents::SUMMARY).unwrap()
    }

    fn summary_of_all_rows(&self) -> Option<Summary> {
        let ledger = self.ledger();
        if ledger.committed_bytes == 0 {
            return None;
        }
        let table = dataset::load_final_data(&self.config, &ledger).unwrap();
        let profile = dataset::passes::profile(&self.config.schema, &table, &table.all());
        Some(profile.summary())
    }

    /// What the input folder holds now, each good row of a file that is not refused once.
    fn expected_rows(&self) -> BTreeSet<Vec<u8>> {
        let mut rows = BTreeSet::new();
        for entry in fs::read_dir(&self.config.input_folders[0].path).unwrap() {
            let text = fs::read_to_string(entry.unwrap().path()).unwrap();
            let read = text.lines().skip(1).count();
            let missing = text.lines().filter(|line| line.contains(",,")).count();
            let largest = self.config.schema.features[0]
                .kind
                .missing_share()
                .largest();
            if largest.is_some_and(|largest| missing as f64 > largest * read as f64) {
                continue;
            }
            let good = text.lines().skip(1).filter(|line| !line.contains("bad"));
            rows.extend(good.map(|line| line.as_bytes().to_vec()));
        }
        rows
    }
}

#[expect(
    clippy::disallowed_methods,
    reason = "a test plays the foreign program"
)]
fn foreign(path: &Path, text: &str) {
    fs::write(path, text).unwrap();
}

/// Changes one byte of a file, if it is there.
#[expect(
    clippy::disallowed_methods,
    reason = "a test plays the foreign program"
)]
fn damage(path: &Path, byte: usize) {
    if let Ok(mut bytes) = fs::read(path) {
        let at = byte % bytes.len().max(1);
        if let Some(byte) = bytes.get_mut(at) {
            *byte ^= 1;
        }
        fs::write(path, bytes).unwrap();
    }
}

/// Value 9 stands for a broken row, 8 for a missing value.
fn row(id: u8, value: u8) -> String {
    match value {
        9 => format!("c{id},bad,0\n"),
        8 => format!("c{id},,0\n"),
        _ => format!("c{id},{value},{}\n", value % 2),
    }
}

fn step() -> impl Strategy<Value = Step> {
    let rows = prop::collection::vec((0..6u8, 0..10u8), 0..8);
    prop_oneof![
        6 => (0..4u8, rows).prop_map(|(file, rows)| Step::Write { file, rows }),
        2 => (0..4u8).prop_map(|file| Step::Remove { file }),
        2 => Just(Step::Judge),
        1 => Just(Step::LoseFinalData),
        1 => Just(Step::ChangeFinalData),
        1 => Just(Step::LeaveUncommittedTail),
        1 => Just(Step::LoseKey),
        1 => Just(Step::LoseFingerprints),
        1 => Just(Step::KeepOldCarry),
        1 => Just(Step::DamageCarry),
        1 => (any::<u8>(), any::<u16>())
            .prop_map(|(run, byte)| Step::DamageRowFingerprints { run, byte }),
        1 => prop_oneof![Just(0), Just(1024)].prop_map(|mib| Step::LimitMemory { mib }),
        2 => (0..=4u8).prop_map(|quarters| Step::LimitMissing { quarters }),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 64, ..ProptestConfig::default() })]

    #[test]
    fn every_row_is_accounted_for_and_rebuilding_gives_the_same_bytes(
        steps in prop::collection::vec((step(), any::<bool>()), 1..12)
    ) {
        let mut pipeline = Pipeline::new();
        for (step, keeps_rows) in &steps {
            pipeline.apply(step);
            pipeline.old_carry = pipeline.carry();
            if *keeps_rows {
                pipeline.ingest_as_a_run_does();
            }
            run(&pipeline.config).unwrap();

            let ledger = pipeline.ledger();
            let mut kept = 0;
            for file in &ledger.files {
                let rows = file.rows;
                prop_assert_eq!(rows.read, rows.kept + rows.duplicate + rows.rejected);
                if file.status == FileStatus::Ingested {
                    kept += rows.kept;
                }
            }
            let lines = pipeline.final_lines();
            prop_assert_eq!(kept, lines.len() as u64);
            prop_assert_eq!(ledger.rows, lines.len() as u64);
            let distinct: BTreeSet<Vec<u8>> = lines.iter().cloned().collect();
            prop_assert_eq!(distinct.len(), lines.len());
            prop_assert_eq!(&distinct, &pipeline.expected_rows());
            prop_assert!(!ledger.rebuilding);

            // No row that was judged is new, and no row that was not is judged.
            let (judged, new) = lines.split_at(ledger.judged_rows as usize);
            prop_assert!(judged.iter().all(|line| pipeline.judged.contains(line)));
            prop_assert!(!new.iter().any(|line| pipeline.judged.contains(line)));

            // What is told of all rows is what they are, however they came.
            prop_assert_eq!(pipeline.summary(), pipeline.summary_of_all_rows());
        }
        // What was extended step by step and what is made anew are the same bytes.
        let before = (pipeline.final_data(), pipeline.ledger(), pipeline.summary());
        pipeline.apply(&Step::LoseFinalData);
        run(&pipeline.config).unwrap();
        let after = (pipeline.final_data(), pipeline.ledger(), pipeline.summary());
        prop_assert_eq!(&after.0, &before.0);
        prop_assert_eq!(after.1.judged_rows, before.1.judged_rows);
        prop_assert_eq!(after.1.digest, before.1.digest);
        prop_assert_eq!(&after.2, &before.2);
    }

    #[test]
    fn whatever_csv_can_write_survives_the_round_trip(
        ids in prop::collection::vec(prop::collection::vec(any::<char>(), 1..8), 1..20),
        values in prop::collection::vec(prop::num::f64::NORMAL | prop::num::f64::ZERO, 20),
    ) {
        let pipeline = Pipeline::new();
        let mut expected = BTreeMap::new();
        let mut writer = csv::Writer::from_path(pipeline.input(0)).unwrap();
        writer.write_record(["client", "x", "left"]).unwrap();
        for (id, value) in ids.iter().zip(&values) {
            let id: String = id.iter().collect();
            let value = value.to_string();
            writer.write_record([id.as_str(), &value, "1"]).unwrap();
            expected.insert((id, value), ());
        }
        writer.flush().unwrap();
        drop(writer);
        run(&pipeline.config).unwrap();

        let mut reader = csv::Reader::from_path(pipeline.config.layout.final_data()).unwrap();
        let found: BTreeMap<(String, String), ()> = reader
            .records()
            .map(|record| {
                let record = record.unwrap();
                ((record[0].to_owned(), record[1].to_owned()), ())
            })
            .collect();
        prop_assert_eq!(found, expected);
    }
}

#[test]
fn a_renamed_copy_is_known_and_new_content_under_an_old_name_is_new() {
    let mut pipeline = Pipeline::new();
    let write = |file, rows: &[(u8, u8)]| Step::Write {
        file,
        rows: rows.to_vec(),
    };
    pipeline.apply(&write(0, &[(1, 1), (2, 2)]));
    assert_eq!(run(&pipeline.config).unwrap().rows.kept, 2);

    pipeline.apply(&write(1, &[(1, 1), (2, 2)]));
    let copied = run(&pipeline.config).unwrap();
    assert!(copied.files.is_empty(), "{copied}");

    fs::remove_file(pipeline.input(0)).unwrap();
    let moved = run(&pipeline.config).unwrap();
    assert!(
        moved.files.is_empty() && moved.removed.is_empty(),
        "{moved}"
    );

    pipeline.apply(&write(1, &[(3, 3)]));
    let changed = run(&pipeline.config).unwrap();
    assert_eq!(changed.total_rows, 1, "{changed}");
    assert!(changed.rebuilt.is_some());
}

#[test]
fn a_known_file_that_is_being_rewritten_is_not_a_removed_one() {
    let mut pipeline = Pipeline::new();
    for file in [0, 1] {
        pipeline.apply(&Step::Write {
            file,
            rows: vec![(file, 1), (file, 2)],
        });
    }
    run(&pipeline.config).unwrap();
    let before = pipeline.final_data();

    // Half of the new content is there, and the last line is not whole.
    pipeline.foreign(0, "client,x,left\nc7,7");
    let report = run(&pipeline.config).unwrap();
    assert_eq!(
        (report.waiting.len(), report.removed.len()),
        (1, 0),
        "{report}"
    );
    assert_eq!(pipeline.final_data(), before);

    // When finaldata.csv has to be made anew meanwhile, that waits too, and says for what.
    fs::remove_file(pipeline.input(1)).unwrap();
    let error = run(&pipeline.config).unwrap_err();
    assert!(format!("{error:#}").contains("in/0.csv"), "{error:#}");
    assert_eq!(pipeline.final_data(), before);

    pipeline.foreign(0, "client,x,left\nc7,7,1\n");
    assert_eq!(run(&pipeline.config).unwrap().total_rows, 1);
}

#[test]
fn a_file_from_the_future_does_not_wait_forever() {
    let pipeline = Pipeline::new();
    pipeline.foreign(0, "client,x,left\nc1,1,1");
    let later = std::time::SystemTime::now() + std::time::Duration::from_secs(86_400);
    let file = fs::OpenOptions::new()
        .append(true)
        .open(pipeline.input(0))
        .unwrap();
    file.set_modified(later).unwrap();
    assert_eq!(run(&pipeline.config).unwrap().rows.kept, 1);
}

#[test]
fn a_changed_schema_is_taken_up_also_after_a_deployment_by_hand() {
    let mut pipeline = Pipeline::new();
    pipeline.foreign(0, "client,x,left,y\nc1,1,1,5\nc2,2,0,6\n");
    run(&pipeline.config).unwrap();
    let live = pipeline.live_manifest();
    pipeline.config.schema.features = vec!["y".into()];
    let ingested = pipeline.ingest_beside(&live);
    assert_eq!(ingested.ledger.judged_rows, 2);
    assert_eq!(pipeline.final_lines()[0], b"c1,5,1");
}

#[test]
fn rows_of_a_lost_history_are_judged_by_the_live_model() {
    let mut pipeline = Pipeline::new();
    pipeline.apply(&Step::Write {
        file: 1,
        rows: vec![(1, 1), (2, 2)],
    });
    run(&pipeline.config).unwrap();
    let live = pipeline.live_manifest();
    fs::remove_dir_all(pipeline.config.layout.state()).unwrap();
    // A file that sorts before the one the model was fitted to.
    pipeline.apply(&Step::Write {
        file: 0,
        rows: vec![(7, 7), (2, 2)],
    });
    let ingested = pipeline.ingest_beside(&live);
    assert_eq!(ingested.ledger.judged_rows, 2);
    assert_eq!(
        pipeline.final_lines(),
        [&b"c2,2,0"[..], b"c1,1,1", b"c7,7,1"].map(<[u8]>::to_vec)
    );
}

#[test]
fn a_row_that_its_quotes_make_longer_than_any_input_is_read_back() {
    let pipeline = Pipeline::new();
    // Within the limit for a record as it comes, and beyond it with each quote doubled.
    let quotes = "\"".repeat(9 * 1024 * 1024);
    pipeline.foreign(0, &format!("client,x,left\na{quotes},1,0\nb,2,1\n"));
    assert_eq!(run(&pipeline.config).unwrap().total_rows, 2);
    pipeline.foreign(1, "client,x,left\nc,3,1\n");
    assert_eq!(run(&pipeline.config).unwrap().total_rows, 3);
}

#[test]
fn what_follows_a_quote_that_is_never_closed_is_said_to_be_unread() {
    let pipeline = Pipeline::new();
    let endless = "x".repeat(40 * 1024 * 1024);
    pipeline.foreign(0, &format!("client,x,left\na,1,0\n\"b,{endless}\nc,3,1\n"));
    let report = run(&pipeline.config).unwrap();
    assert_eq!((report.rows.kept, report.rows.rejected), (1, 1));
    let file = &report.files[0];
    assert_eq!(file.notes, ["it was read only up to line 2"]);
    assert!(file.rejections[0].starts_with("3:1: the record is longer than 16 MiB"));
}

const N_TINY_FILES: u64 = 20_000;

/// Rows enough for several blocks, in two files that share some; a few are refused.
fn many_rows() -> [String; 2] {
    let rows = |range: std::ops::Range<u32>| -> String {
        let row = |row: u32| match row % 9_973 {
            7 => format!("c{row},none of these,0\n"),
            _ => format!("c{},{},{}\n", row / 2, row % 2 * 17, row % 3 % 2),
        };
        range.map(row).collect()
    };
    [0..60_000, 50_000..90_000].map(|range| format!("client,x,left\n{}", rows(range)))
}

#[test]
fn a_memory_limit_smaller_than_one_block_gives_the_same_bytes() {
    let ingested = |mib: u64| {
        let mut pipeline = Pipeline::new();
        pipeline.apply(&Step::LimitMemory { mib });
        let [first, second] = many_rows();
        pipeline.foreign(0, &first);
        pipeline.foreign(1, &second);
        let whole = run(&pipeline.config).unwrap();
        // A third file is appended to what is there.
        pipeline.foreign(2, &first.replace("c1", "d1"));
        let more = run(&pipeline.config).unwrap();
        let rejected = fs::read(pipeline.config.layout.rejected_rows()).unwrap();
        let reports = (whole.to_string(), more.to_string());
        (pipeline.final_data(), rejected, pipeline.summary(), reports)
    };
    let plenty = ingested(1024);
    assert!(plenty.0.len() > 1_000_000);
    assert!(plenty == ingested(0), "with no memory at all");
}

#[test]
fn a_file_of_rows_that_are_all_there_adds_none() {
    let pipeline = Pipeline::new();
    let [first, _] = many_rows();
    pipeline.foreign(0, &first);
    let whole = run(&pipeline.config).unwrap();
    let before = pipeline.final_data();
    // Another file by its bytes, the same rows.
    pipeline.foreign(1, &format!("{first}\n"));
    let again = run(&pipeline.config).unwrap();
    assert_eq!(
        (again.rows.kept, again.rows.rejected),
        (0, whole.rows.rejected)
    );
    assert_eq!(again.rows.duplicate, whole.rows.kept + whole.rows.duplicate);
    assert_eq!(pipeline.final_data(), before);
}

#[test]
fn very_many_tiny_files_are_taken_in_at_once() {
    let pipeline = Pipeline::new();
    let folder = &pipeline.config.input_folders[0].path;
    for file in 0..N_TINY_FILES {
        let rows = format!("client,x,left\nc{file},3,1\nin all of them,1,0\n");
        foreign(&folder.join(format!("{file}.csv")), &rows);
    }
    let report = run(&pipeline.config).unwrap();
    assert_eq!(report.rows.read, 2 * N_TINY_FILES);
    assert_eq!(report.rows.kept, N_TINY_FILES + 1);
    let kept: BTreeSet<u64> = report.files.iter().map(|file| file.rows.kept).collect();
    assert_eq!(kept, BTreeSet::from([1, 2]));
}

#[test]
fn appending_reads_nothing_of_what_is_there() {
    let pipeline = Pipeline::new();
    let [first, second] = many_rows();
    pipeline.foreign(0, &first);
    run(&pipeline.config).unwrap();
    // What nobody can see without reading: the byte is changed and the file's time is put back.
    let path = pipeline.config.layout.final_data();
    let modified = fs::metadata(&path).unwrap().modified().unwrap();
    let at = pipeline.final_data().len() / 2;
    damage(&path, at);
    let file = fs::OpenOptions::new().append(true).open(&path).unwrap();
    file.set_modified(modified).unwrap();
    let changed = pipeline.final_data();

    pipeline.foreign(1, &second);
    let report = run(&pipeline.config).unwrap();
    assert!(report.rebuilt.is_none() && report.rows.kept > 0, "{report}");
    assert!(pipeline.final_data().starts_with(&changed));

    // Whoever has it looked at by hand has every byte compared.
    let mended = run(&pipeline.config).unwrap();
    assert!(mended.rebuilt.is_some(), "{mended}");
    assert!(!pipeline.final_data().starts_with(&changed));
}

#[test]
fn a_change_within_the_same_tick_of_the_clock_is_seen() {
    let pipeline = Pipeline::new();
    pipeline.foreign(0, "client,x,left\nc1,1,1\nc2,2,0\n");
    run(&pipeline.config).unwrap();
    let whole = pipeline.final_data();
    let path = pipeline.config.layout.final_data();
    let left_at = fs::metadata(&path).unwrap().modified().unwrap();
    let at = whole.len() - 3;
    damage(&path, at);
    // The clock had not moved on since finaldata.csv was written.
    let tick = left_at + std::time::Duration::from_nanos(1);
    let file = fs::OpenOptions::new().append(true).open(&path).unwrap();
    file.set_modified(tick).unwrap();
    let report = run(&pipeline.config).unwrap();
    assert!(report.rebuilt.is_some(), "{report}");
    assert_eq!(pipeline.final_data(), whole);
}
