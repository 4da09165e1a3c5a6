//! What hinders the pipeline without making a run fail: input that cannot be read, that is not
//! there, or that has no labels. Such a run ends well, and nobody would learn of it.
//!
//! A notice is printed even with `--quiet` when it is new, and again once per
//! `alerts.cool_down_hours`; other runs only show it. The doctor says it at any time.

use std::collections::BTreeMap;

use common::ledger::Ledger;
use common::{Config, History};
use ingestion::{IngestReport, MisspeltTarget};
use jiff::Timestamp;
use record::{Notice, NoticeKind, Outcome, RunRecord};
use serde::{Deserialize, Serialize};

/// The document of what was said when.
const NOTICES: &str = "notices";

/// What is kept between runs.
#[derive(Default, PartialEq, Serialize, Deserialize)]
struct Kept {
    /// When each notice was last said, by its key.
    said: BTreeMap<String, Timestamp>,
}

/// Adds the notices to the record, and whether one of them is due.
pub(crate) fn gather(
    config: &Config,
    history: &History,
    ledger: &Ledger,
    record: &mut RunRecord,
) -> anyhow::Result<()> {
    let Some(report) = &record.ingestion else {
        return Ok(());
    };
    let kept: Kept = history.document(NOTICES)?.unwrap_or_default();
    let mut notices = of_folders(report);
    let misspelt = ingestion::misspelt_targets(history, ledger)?;
    notices.extend(misspelt.iter().map(of_misspelt));
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
    notices.sort();
    let now = record.started_at;
    record.has_due_notice = notices.iter().any(|notice| {
        let said = kept.said.get(&notice.key());
        said.is_none_or(|said| now.duration_since(*said) >= config.alerts.cool_down)
    });
    record.notices = notices;
    Ok(())
}

/// Keeps what a run has said; part of the transaction that closes it.
///
/// A run that failed may not have looked at everything, so it changes nothing.
pub(crate) fn keep(history: &History, record: &RunRecord) -> anyhow::Result<()> {
    let did_not_look = matches!(record.outcome, Some(Outcome::Failed | Outcome::Interrupted));
    if did_not_look || record.ingestion.is_none() {
        return Ok(());
    }
    let before: Option<Kept> = history.document(NOTICES)?;
    if before.is_none() && record.notices.is_empty() {
        return Ok(());
    }
    let before = before.unwrap_or_default();
    let now = record.started_at;
    let said = record.notices.iter().map(|notice| {
        let key = notice.key();
        let at = match before.said.get(&key) {
            // A clock that was ahead would silence it until then.
            Some(said) if !record.has_due_notice && *said <= now => *said,
            _ => now,
        };
        (key, at)
    });
    let kept = Kept {
        said: said.collect(),
    };
    if kept != before {
        history.save_document(NOTICES, &kept)?;
    }
    Ok(())
}

/// Hands what a run noticed to the record of another that is printed in its place.
///
/// The notices of the other one are older. If they were due and still hold, nobody has read them.
pub(crate) fn hand_over(from: &RunRecord, to: &mut RunRecord) {
    to.notices.clone_from(&from.notices);
    let is_due = from.has_due_notice || to.has_due_notice;
    to.has_due_notice = is_due && !to.notices.is_empty();
}

/// What the listing of the input folders shows.
pub(crate) fn of_folders(report: &IngestReport) -> Vec<Notice> {
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
    unreadable.chain(empty).collect()
}

/// A file whose target is probably misspelt.
pub(crate) fn of_misspelt(file: &MisspeltTarget) -> Notice {
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

    /// A run at an hour with these empty folders; whether it says something aloud.
    fn says(config: &Config, history: &History, hour: i64, empty: &[&str]) -> bool {
        let now = Timestamp::UNIX_EPOCH + SignedDuration::from_hours(1_000 + hour);
        let mut record = RunRecord::begin(now);
        record.outcome = Some(Outcome::NothingNew);
        record.ingestion = Some(IngestReport {
            empty_folders: empty.iter().map(|name| (*name).to_owned()).collect(),
            ..IngestReport::default()
        });
        gather(config, history, &Ledger::default(), &mut record).unwrap();
        assert_eq!(record.notices.len(), empty.len(), "shown in any case");
        keep(history, &record).unwrap();
        record.has_due_notice
    }

    #[test]
    fn a_notice_is_known_by_what_it_is_about_and_not_by_its_details() {
        let notices = |reason: &str| {
            of_folders(&IngestReport {
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
    fn a_record_that_is_printed_for_another_says_what_the_other_noticed() {
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
            hand_over(&nothing_new, &mut finished);
            assert_eq!(finished.notices, nothing_new.notices);
            assert!(finished.has_due_notice);
        }
        let mut finished = nothing_new.clone();
        finished.has_due_notice = true;
        nothing_new.notices.clear();
        hand_over(&nothing_new, &mut finished);
        assert!(finished.notices.is_empty() && !finished.has_due_notice);
    }

    #[test]
    fn a_notice_is_said_at_first_and_once_per_cool_down() {
        let folder = tempfile::tempdir().unwrap();
        let config = config(folder.path());
        let history = History::open(&config.layout).unwrap();
        let says = |hour, empty: &[&str]| says(&config, &history, hour, empty);
        assert!(!says(0, &[]));
        assert!(says(1, &["in"]));
        assert!(!says(2, &["in"]));
        assert!(says(3, &["in", "other"]), "another one is new");
        assert!(!says(26, &["in", "other"]));
        assert!(says(27, &["in", "other"]));
        assert!(!says(28, &[]));
        assert!(says(29, &["in"]), "it was gone and has come back");
        // The clock was ahead.
        assert!(!says(20, &["in"]));
        assert!(says(44, &["in"]));
    }
}
