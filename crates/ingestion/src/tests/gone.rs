//! Rows of files that disappear all at once are dropped only after a confirmation.

use std::fs;
use std::path::PathBuf;

use common::exit::{Exit, classify};
use common::{Config, History};

use super::config_in;
use crate::devices::{Devices, keep_devices, recorded_devices};
use crate::{Options, run, run_with, unconfirmed_removals};

struct Pipeline {
    _folder: tempfile::TempDir,
    config: Config,
}

impl Pipeline {
    /// A pipeline with two ingested files.
    fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let config = config_in(folder.path());
        let pipeline = Self {
            _folder: folder,
            config,
        };
        pipeline.write("1.csv", "client,x,left\na,1,0\nb,2,1\n");
        pipeline.write("2.csv", "client,x,left\nc,3,0\n");
        assert_eq!(run(&pipeline.config).unwrap().total_rows, 3);
        pipeline
    }

    fn path(&self, name: &str) -> PathBuf {
        self.config.input_folders[0].path.join(name)
    }

    fn write(&self, name: &str, content: &str) {
        common::files::replace(&self.path(name), content.as_bytes()).unwrap();
    }

    fn remove(&self, name: &str) {
        fs::remove_file(self.path(name)).unwrap();
    }

    fn history(&self) -> History {
        History::open(&self.config.layout).unwrap()
    }

    /// Changes the saved device, as if the files were ingested from another device.
    fn change_saved_device(&self) {
        let history = self.history();
        let devices = recorded_devices(&history).unwrap();
        let devices: Devices = devices
            .into_iter()
            .map(|(name, at)| (name, at + 1))
            .collect();
        keep_devices(&history, &devices).unwrap();
    }

    /// Asserts that nothing is dropped before the confirmation, and that the confirmation says what
    /// it drops.
    fn assert_stops_until_confirmed(&self, says: &str, rows: u64) {
        let before = fs::read(self.config.layout.final_data()).unwrap();
        for _ in 0..2 {
            let error = run(&self.config).expect_err(says);
            assert_eq!(classify(&error), Exit::InputOutput);
            let text = error.to_string();
            assert!(text.contains(says), "{text}");
            assert!(text.contains("`ingestion --accept-removal`"), "{text}");
        }
        assert_eq!(fs::read(self.config.layout.final_data()).unwrap(), before);
        assert_eq!(
            unconfirmed_removals(&self.config, &self.history())
                .unwrap()
                .len(),
            1
        );
        let confirmed = Options {
            explain: None,
            rows: false,
            infer_schema: None,
            strict: false,
            accept_removal: true,
            verify: false,
        };
        let said = run_with(&self.config, confirmed).unwrap().to_string();
        let is_reported = [
            "are gone, and so are their rows",
            "is gone, and so are its rows",
        ]
        .iter()
        .any(|sentence| said.contains(sentence));
        assert!(is_reported, "{said}");
        assert_eq!(self.history().ledger().unwrap().rows, rows);
        assert!(
            unconfirmed_removals(&self.config, &self.history())
                .unwrap()
                .is_empty()
        );
        run(&self.config).unwrap();
    }
}

#[test]
fn an_emptied_folder_stops_the_ingestion_until_a_confirmation() {
    let pipeline = Pipeline::new();
    pipeline.remove("1.csv");
    pipeline.remove("2.csv");
    pipeline.write("README.txt", "what a mount point holds");
    pipeline.write("3.csv", "");
    pipeline
        .assert_stops_until_confirmed("holds no data file any more, and 2 files with 3 rows", 0);
}

#[test]
fn a_folder_on_another_device_that_lacks_files_stops_it_too() {
    let pipeline = Pipeline::new();
    pipeline.change_saved_device();
    pipeline.remove("2.csv");
    pipeline.assert_stops_until_confirmed(
        "is on another device than before, and 1 of its files are gone",
        2,
    );
}

#[test]
fn equal_files_on_another_device_stay_known() {
    let pipeline = Pipeline::new();
    pipeline.change_saved_device();
    pipeline.write("3.csv", "client,x,left\nd,4,1\n");
    assert_eq!(run(&pipeline.config).unwrap().total_rows, 4);
    // The device is known now, so files removed one by one are accepted as removed.
    pipeline.remove("2.csv");
    assert_eq!(run(&pipeline.config).unwrap().removed.len(), 1);
}

#[test]
fn replaced_files_and_single_files_need_no_confirmation() {
    let pipeline = Pipeline::new();
    pipeline.remove("1.csv");
    assert_eq!(run(&pipeline.config).unwrap().total_rows, 1);
    pipeline.remove("2.csv");
    assert_eq!(run(&pipeline.config).unwrap().total_rows, 0);

    let pipeline = Pipeline::new();
    pipeline.remove("1.csv");
    pipeline.remove("2.csv");
    pipeline.write("all.csv", "client,x,left\na,1,0\n");
    assert_eq!(run(&pipeline.config).unwrap().total_rows, 1);
}

#[test]
fn a_folder_that_is_no_longer_configured_is_reported_as_such() {
    let mut pipeline = Pipeline::new();
    let other = pipeline.path("../other");
    common::files::create_folder(&other).unwrap();
    common::files::replace(&other.join("4.csv"), b"client,x,left\ne,5,0\n").unwrap();
    let former = pipeline.config.input_folders[0].name.clone();
    pipeline.config.input_folders[0].path = other;
    pipeline.config.input_folders[0].name = "other".into();
    let report = run(&pipeline.config).unwrap();
    assert_eq!((report.removed_files(), report.removed.len()), (2, 0));
    let line =
        format!("removed: {former} is no longer an input folder, and the rows of its 2 files");
    assert!(report.to_string().contains(&line), "{report}");
}
