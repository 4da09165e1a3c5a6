//! Fixture: one pipeline in a temporary folder, and how it is ingested.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};

use common::history::documents;
use common::ledger::Ledger;
use common::{Config, History, Manifest};
use dataset::passes::Summary;
use dataset::{Fingerprint, FingerprintKey};
use jiff::Timestamp;

use crate::scan::scan_unconfirmed;
use crate::summary_state::tests::counted;
use crate::{Ingested, Intake, Keep, ingest, prepare};

/// One pipeline in a temporary folder.
pub(super) struct Pipeline {
    _folder: tempfile::TempDir,
    pub(super) config: Config,
    /// All rows that were ever evaluated, as lines of finaldata.csv.
    pub(super) evaluated: BTreeSet<Vec<u8>>,
    /// Files of the append state before the last ingestion.
    pub(super) old_carry: Vec<(PathBuf, Vec<u8>)>,
}

/// Fingerprints of the rows of finaldata.csv.
pub(super) fn fingerprints(
    config: &Config,
    ledger: &Ledger,
    key: &FingerprintKey,
) -> anyhow::Result<Vec<Fingerprint>> {
    let mut fingerprints = Vec::new();
    dataset::each_fingerprint(config, ledger, key, 0..u64::MAX, |rows| {
        fingerprints.extend_from_slice(rows);
        Ok(())
    })?;
    Ok(fingerprints)
}

/// The configuration of a pipeline in a folder. Creates the input folder.
pub(crate) fn config_in(folder: &Path) -> Config {
    let text = r#"{"input_folder_path":"in","output_folder_path":"out","test_data_path":"test",
        "output_model_path":"models","prod_deployment_path":"prod","state_folder_path":"state",
        "schema":{"id":"client","features":["x"],"target":"left"}}"#;
    fs::create_dir(folder.join("in")).unwrap();
    Config::parse(&folder.join("config.json"), text).unwrap()
}

impl Pipeline {
    pub(super) fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let config = config_in(folder.path());
        Self {
            _folder: folder,
            config,
            evaluated: BTreeSet::new(),
            old_carry: Vec::new(),
        }
    }

    pub(super) fn input(&self, file: u8) -> PathBuf {
        self.config.input_folders[0]
            .path
            .join(format!("{file}.csv"))
    }

    /// Files of the append state, with their content.
    pub(super) fn carry(&self) -> Vec<(PathBuf, Vec<u8>)> {
        let layout = &self.config.layout;
        let runs = fs::read_dir(layout.row_fingerprints())
            .into_iter()
            .flatten();
        let runs = runs.map(|entry| entry.unwrap().path());
        runs.chain([layout.ingestion_carry()])
            .filter_map(|path| Some((path.clone(), fs::read(path).ok()?)))
            .collect()
    }

    /// Writes an input file as another program would.
    pub(super) fn foreign(&self, file: u8, text: &str) {
        foreign(&self.input(file), text);
    }

    /// A deployed release whose model was fitted to all rows ingested so far.
    pub(super) fn live_manifest(&self) -> Manifest {
        Manifest {
            version: 1,
            release: "000001".into(),
            run: None,
            created_at: Timestamp::UNIX_EPOCH,
            parent: None,
            score: 0.5,
            score_interval: None,
            files: BTreeMap::from([("trainedmodel.msgpack".into(), "digest".into())]),
            data: self.ledger().position(),
            sample_predictions: Vec::new(),
        }
    }

    /// Ingests and returns the rows. `None` if nothing is new.
    fn ingest(&self, live: Option<&Manifest>) -> Option<Ingested> {
        let history = History::open(&self.config.layout).unwrap();
        let prepared = prepare(&self.config, &history, live).unwrap();
        let found = scan_unconfirmed(&self.config, &prepared, common::clock::now()).unwrap();
        if found.is_nothing_new() {
            return None;
        }
        let intake = Intake {
            config: &self.config,
            history: &history,
            ledger: prepared.ledger,
            found,
            live,
            keep: Keep::Rows {
                max_rows: usize::MAX,
            },
            run: None,
            on_commit: &|_, _| Ok(()),
        };
        Some(ingest(intake).unwrap())
    }

    /// Ingests what is new while that release is deployed.
    pub(super) fn ingest_with_deployed(&self, live: &Manifest) -> Ingested {
        self.ingest(Some(live)).expect("something new")
    }

    /// Ingests with the rows returned and asserts that they equal those of finaldata.csv.
    pub(super) fn ingest_as_a_run_does(&self) {
        let Some(ingested) = self.ingest(None) else {
            return;
        };
        let (config, key) = (&self.config, &ingested.key);
        let rows = |ledger| dataset::load_final_data(config, ledger).unwrap();
        let identities = |ledger| fingerprints(config, ledger, key).unwrap();
        let (mut table, mut known) = (rows(&ingested.before), identities(&ingested.before));
        let appended = ingested.rows.expect("rows that are kept");
        table.extend(&appended.table);
        known.extend(&appended.fingerprints);
        assert_eq!(
            format!("{table:?}"),
            format!("{:?}", rows(&ingested.ledger))
        );
        assert_eq!(known, identities(&ingested.ledger));
    }

    pub(super) fn final_data(&self) -> Vec<u8> {
        fs::read(self.config.layout.final_data()).unwrap_or_default()
    }

    /// The rows of finaldata.csv.
    pub(super) fn final_lines(&self) -> Vec<Vec<u8>> {
        self.final_data()
            .split(|byte| *byte == b'\n')
            .skip(1)
            .filter(|line| !line.is_empty())
            .map(<[u8]>::to_vec)
            .collect()
    }

    pub(super) fn ledger(&self) -> Ledger {
        History::read(&self.config.layout)
            .unwrap()
            .unwrap()
            .ledger()
            .unwrap()
    }

    /// The summary that the ingestion saved.
    pub(super) fn summary(&self) -> Option<Summary> {
        let history = History::read(&self.config.layout).unwrap().unwrap();
        history.document(documents::SUMMARY).unwrap()
    }

    /// The expected summary of the rows of finaldata.csv in their order.
    pub(super) fn expected_summary(&self) -> Option<Summary> {
        let ledger = self.ledger();
        if ledger.committed_bytes == 0 {
            return None;
        }
        let table = dataset::load_final_data(&self.config, &ledger).unwrap();
        let counted = counted(&table, usize::MAX);
        let profile =
            dataset::passes::profile(&self.config.schema, &counted, &counted.all()).unwrap();
        Some(Summary {
            superseded: ledger.rows - profile.rows,
            ..profile.summary()
        })
    }

    /// Rows that the input folder holds now: each accepted row of an accepted file once.
    pub(super) fn expected_rows(&self) -> BTreeSet<Vec<u8>> {
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
pub(super) fn foreign(path: &Path, text: &str) {
    fs::write(path, text).unwrap();
}

/// Changes one byte of a file, if the file exists.
#[expect(
    clippy::disallowed_methods,
    reason = "a test plays the foreign program"
)]
pub(super) fn damage(path: &Path, byte: usize) {
    if let Ok(mut bytes) = fs::read(path) {
        let at = byte % bytes.len().max(1);
        if let Some(byte) = bytes.get_mut(at) {
            *byte ^= 1;
        }
        fs::write(path, bytes).unwrap();
    }
}

/// Enough rows for several blocks, in two files that share some rows. A few rows are rejected, and
/// some are unlabelled.
pub(super) fn many_rows() -> [String; 2] {
    let rows = |range: std::ops::Range<u32>| -> String {
        let row = |row: u32| match row % 9_973 {
            7 => format!("c{row},none of these,0\n"),
            _ if row % 5 == 4 => format!("c{},{},\n", row / 2, row % 2 * 17),
            _ => format!("c{},{},{}\n", row / 2, row % 2 * 17, row % 3 % 2),
        };
        range.map(row).collect()
    };
    [0..60_000, 50_000..90_000].map(|range| format!("client,x,left\n{}", rows(range)))
}
