//! Notices: problems that need a person but do not fail the run. Examples are unreadable input,
//! empty folders, and data without labels.
//!
//! A new notice is printed even with `--quiet`, and again once per `alerts.cool_down_hours`. Other
//! runs show it only in their record. The doctor reports it at any time.

use std::collections::BTreeMap;
use std::slice::from_ref;

use common::ledger::Ledger;
use common::{Config, History, WaitingRows};
use ingestion::{IngestReport, MisspeltTarget};
use jiff::Timestamp;
use record::{Notice, NoticeKind, Outcome, RunRecord};
use serde::{Deserialize, Serialize};

/// Name of the history document with the times at which notices were shown.
const NOTICES: &str = "notices";

/// Content of the document, kept between runs.
#[derive(Default, PartialEq, Serialize, Deserialize)]
struct ShownTimes {
    /// When each notice was last shown, by its key.
    #[serde(rename = "said")]
    last_shown: BTreeMap<String, Timestamp>,
}

/// Adds the notices to the record. Also records whether one of them is due.
pub(crate) fn collect(
    config: &Config,
    history: &History,
    ledger: &Ledger,
    record: &mut RunRecord,
) -> anyhow::Result<()> {
    let Some(report) = &record.ingestion else {
        return Ok(());
    };
    let stored: ShownTimes = history.document(NOTICES)?.unwrap_or_default();
    let mut notices = folder_notices(report);
    let misspelt = ingestion::misspelt_targets(history, ledger)?;
    notices.extend(misspelt.iter().map(misspelt_target_notice));
    let evidence = record.evidence.as_ref();
    if evidence
        .is_some_and(|found| found.deployed.is_none() && found.rows > 0 && found.labelled_rows == 0)
    {
        notices.push(Notice {
            kind: NoticeKind::NoLabels,
            place: String::new(),
            what: format!(
                "nothing is deployed, and no ingested row has a label in the column {}, so no first model can be fitted",
                config.schema.target
            ),
        });
    }
    if record.release.is_some() {
        notices.extend(test_data_notice(config));
    }
    notices.extend(lost_predictions_notice(history)?);
    notices.sort();
    let now = record.started_at;
    record.has_due_notice = notices.iter().any(|notice| {
        let shown_at = stored.last_shown.get(&notice.key());
        shown_at.is_none_or(|shown_at| now.duration_since(*shown_at) >= config.alerts.cool_down)
    });
    record.notices = notices;
    Ok(())
}

/// Saves when notices were shown. Part of the transaction that closes the run.
///
/// A failed run has perhaps not checked everything, so the stored times stay as they are.
pub(crate) fn save_shown(history: &History, record: &RunRecord) -> anyhow::Result<()> {
    let did_not_look = matches!(record.outcome, Some(Outcome::Failed | Outcome::Interrupted));
    if did_not_look || record.ingestion.is_none() {
        return Ok(());
    }
    let is_lost = |notice: &Notice| notice.kind == NoticeKind::LostPredictions;
    if record.notices.iter().any(is_lost) {
        WaitingRows::note_loss_reported(history)?;
    }
    let before: Option<ShownTimes> = history.document(NOTICES)?;
    if before.is_none() && record.notices.is_empty() {
        return Ok(());
    }
    let before = before.unwrap_or_default();
    let now = record.started_at;
    let shown = record.notices.iter().map(|notice| {
        let key = notice.key();
        let at = match before.last_shown.get(&key) {
            // A time in the future comes from a wrong clock, and would silence the notice until then.
            Some(shown_at) if !record.has_due_notice && *shown_at <= now => *shown_at,
            _ => now,
        };
        (key, at)
    });
    let stored = ShownTimes {
        last_shown: shown.collect(),
    };
    if stored != before {
        history.save_document(NOTICES, &stored)?;
    }
    Ok(())
}

/// Copies the notices of a run to the record of an older run, `to`, which is printed instead of the newer
/// record. Notices that were due in either record are due, because the older record was never printed.
pub(crate) fn copy_notices(from: &RunRecord, to: &mut RunRecord) {
    to.notices.clone_from(&from.notices);
    let is_due = from.has_due_notice || to.has_due_notice;
    to.has_due_notice = is_due && !to.notices.is_empty();
}

/// Notices about the input folders, from their listing.
pub(crate) fn folder_notices(report: &IngestReport) -> Vec<Notice> {
    let unreadable = report.unreadable().map(|entry| Notice {
        kind: NoticeKind::Unreadable,
        place: format!("{}/{}", entry.folder, entry.name),
        what: format!("cannot be read: {entry}"),
    });
    let empty = report.empty_folders.iter().map(|folder| Notice {
        kind: NoticeKind::EmptyFolder,
        place: folder.clone(),
        what: format!("the input folder {folder} holds no CSV file"),
    });
    let deferred = report.deferred.iter().map(|deferred| Notice {
        kind: NoticeKind::DeferredRebuild,
        place: deferred.blocked.clone(),
        what: deferred.to_string(),
    });
    unreadable.chain(empty).chain(deferred).collect()
}

/// The notice that no file of test data is left, or that a part of it cannot be read. The gate needs
/// the test data only once a candidate is trained, so no other step would report the loss.
fn test_data_notice(config: &Config) -> Option<Notice> {
    let folder = &config.test_folder;
    let what = match dataset::list(from_ref(folder)) {
        Ok(listing) if listing.files.is_empty() && listing.unreadable.is_empty() => format!(
            "the test data in {} holds no CSV file, so no new model can be scored",
            folder.path.display()
        ),
        Ok(_) => format!(
            "no new model can be scored: {:#}",
            dataset::check_test_folder(config).err()?
        ),
        Err(error) => format!("the test data cannot be listed: {error:#}"),
    };
    Some(Notice {
        kind: NoticeKind::NoTestData,
        place: folder.name.clone(),
        what,
    })
}

/// The notice that predictions were lost since the last run that reported it.
fn lost_predictions_notice(history: &History) -> anyhow::Result<Option<Notice>> {
    let loss = WaitingRows::unreported_loss(history)?;
    Ok(loss.map(|what| Notice {
        kind: NoticeKind::LostPredictions,
        place: String::new(),
        what,
    }))
}

/// The notice about a file whose target is probably misspelt.
pub(crate) fn misspelt_target_notice(file: &MisspeltTarget) -> Notice {
    let MisspeltTarget {
        folder,
        name,
        similar,
    } = file;
    Notice {
        kind: NoticeKind::MisspeltTarget,
        place: format!("{folder}/{name}"),
        what: format!(
            "{folder}/{name} has no target column, so its rows have no label: did you mean {similar:?}?"
        ),
    }
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use jiff::SignedDuration;

    use super::*;

    fn config(folder: &Path) -> Config {
        let text = r#"{"input_folder_path":"in","output_folder_path":"out","test_data_path":"test",
            "output_model_path":"models","prod_deployment_path":"prod"}"#;
        Config::parse(&folder.join("config.json"), text).unwrap()
    }

    /// Simulates a run at `hour` with these empty folders; returns whether a notice is due.
    fn is_due_at(config: &Config, history: &History, hour: i64, empty: &[&str]) -> bool {
        let now = Timestamp::UNIX_EPOCH + SignedDuration::from_hours(1_000 + hour);
        let mut record = RunRecord::begin(now);
        record.outcome = Some(Outcome::NothingNew);
        record.ingestion = Some(IngestReport {
            empty_folders: empty.iter().map(|name| (*name).to_owned()).collect(),
            ..IngestReport::default()
        });
        collect(config, history, &Ledger::default(), &mut record).unwrap();
        assert_eq!(record.notices.len(), empty.len(), "shown in any case");
        save_shown(history, &record).unwrap();
        record.has_due_notice
    }

    #[test]
    fn a_notice_is_identified_by_kind_and_place() {
        let notices = |reason: &str| {
            folder_notices(&IngestReport {
                waiting: vec![dataset::SkippedEntry {
                    folder: "in".into(),
                    name: "a.csv".into(),
                    reason: reason.into(),
                    is_unreadable: true,
                }],
                empty_folders: vec!["other".into()],
                ..IngestReport::default()
            })
        };
        let keys =
            |reason: &str| -> Vec<String> { notices(reason).iter().map(Notice::key).collect() };
        assert_eq!(keys("the first reason"), keys("another"));
        assert_eq!(keys(""), ["unreadable: in/a.csv", "empty folder: other"]);
    }

    #[test]
    fn partly_unreadable_test_data_is_a_notice() {
        let folder = tempfile::tempdir().unwrap();
        let config = config(folder.path());
        let test = &config.test_folder.path;
        common::files::create_folder(test).unwrap();
        let said = || test_data_notice(&config).map(|notice| notice.what);
        assert!(said().unwrap().contains("holds no CSV file"));
        common::files::replace(&test.join("a.csv"), b"a").unwrap();
        assert_eq!(said(), None);
        common::files::replace_link(&test.join("share"), Path::new("nowhere")).unwrap();
        let said = said().unwrap();
        assert!(
            said.contains("cannot be read") && said.contains("share"),
            "{said}"
        );
    }

    #[test]
    fn a_record_that_is_printed_instead_of_a_newer_one_shows_the_newer_notices() {
        let notice = Notice {
            kind: NoticeKind::NoLabels,
            place: String::new(),
            what: "no labels".into(),
        };
        let mut nothing_new = RunRecord::begin(Timestamp::UNIX_EPOCH);
        nothing_new.notices = vec![notice.clone()];
        for (is_due, was_due) in [(true, false), (false, true)] {
            nothing_new.has_due_notice = is_due;
            let mut finished = RunRecord::begin(Timestamp::UNIX_EPOCH);
            finished.has_due_notice = was_due;
            copy_notices(&nothing_new, &mut finished);
            assert_eq!(finished.notices, nothing_new.notices);
            assert!(finished.has_due_notice);
        }
        let mut finished = nothing_new.clone();
        finished.has_due_notice = true;
        nothing_new.notices.clear();
        copy_notices(&nothing_new, &mut finished);
        assert!(finished.notices.is_empty() && !finished.has_due_notice);
    }

    #[test]
    fn a_notice_is_due_at_first_and_once_per_cool_down() {
        let folder = tempfile::tempdir().unwrap();
        let config = config(folder.path());
        let history = History::open(&config.layout).unwrap();
        let is_due_at = |hour, empty: &[&str]| is_due_at(&config, &history, hour, empty);
        assert!(!is_due_at(0, &[]));
        assert!(is_due_at(1, &["in"]));
        assert!(!is_due_at(2, &["in"]));
        assert!(is_due_at(3, &["in", "other"]), "another one is new");
        assert!(!is_due_at(26, &["in", "other"]));
        assert!(is_due_at(27, &["in", "other"]));
        assert!(!is_due_at(28, &[]));
        assert!(is_due_at(29, &["in"]), "it was gone and has come back");
        // The clock was ahead before.
        assert!(!is_due_at(20, &["in"]));
        assert!(is_due_at(44, &["in"]));
    }
}
