//! What a run saw of each condition, in words.
//!
//! They leave the machine, so they are made of counts, statistics and names of features only: what
//! was refused and why an error was one may quote a client's data, and stays in the history.

use alerts::{Condition, Seen, Sighting};
use common::exit::Exit;
use common::ledger::{FileStatus, RowCounts};
use diagnostics::Verdict;
use record::{Action, Outcome, RunRecord};

/// What a run saw of each condition that it looked at.
pub(super) fn sightings(record: &RunRecord, failed_with: Option<Exit>) -> Vec<Sighting> {
    [
        model_drift(record),
        feature_drift(record),
        candidate(record),
        input(record),
        api(record),
        dependencies(record),
        end(record, failed_with),
    ]
    .into_iter()
    .flatten()
    .collect()
}

/// An error that ended a run, by its kind.
pub(super) fn failure(exit: Exit) -> Sighting {
    let what = match exit {
        Exit::DataUnusable => "the data cannot be used",
        Exit::ApiFailed => "the API did not answer as it should",
        Exit::InputOutput => "a file could not be read or written, or is damaged",
        Exit::Configuration => "the configuration is wrong",
        Exit::Done | Exit::Unexpected | Exit::Usage | Exit::Busy => "something unexpected",
    };
    wrong(
        Condition::RunFailed,
        format!(
            "{what} (exit code {}); `fullprocess --doctor` says what to do",
            exit as u8
        ),
    )
}

fn model_drift(record: &RunRecord) -> Option<Sighting> {
    let model = &record.verdicts()?.model;
    match model.verdict {
        Verdict::Drift => {
            let came = record.outcome.as_ref().map_or("open", Outcome::name);
            // A level is a value of the data.
            let model = model.clone().without_levels();
            let what = format!("{model}. The run came out as {came}");
            Some(wrong(Condition::ModelDrift, what))
        }
        Verdict::Ok => Some(right(Condition::ModelDrift)),
        Verdict::InsufficientData => None,
    }
}

fn feature_drift(record: &RunRecord) -> Option<Sighting> {
    let verdicts = record.verdicts()?;
    match verdicts.worst_of_features() {
        Verdict::Drift => {
            let what = listed(&verdicts.of_features());
            Some(wrong(Condition::FeatureDrift, what))
        }
        Verdict::Ok => Some(right(Condition::FeatureDrift)),
        Verdict::InsufficientData => None,
    }
}

/// Sentences that a message holds at most.
const MOST_SENTENCES: usize = 10;

fn listed(sentences: &[String]) -> String {
    let shown = &sentences[..sentences.len().min(MOST_SENTENCES)];
    let text = shown.join("; ");
    match sentences.len() - shown.len() {
        0 => text,
        more => format!("{text}; and {more} more"),
    }
}

fn candidate(record: &RunRecord) -> Option<Sighting> {
    let condition = Condition::CandidateRefused;
    match record.outcome.as_ref()? {
        Outcome::CandidateRefused => {
            let gate = record.gate.as_ref();
            let reasons = gate.map_or(&[][..], |gate| &gate.reasons);
            let what = format!("the deployed model stays; {}", listed(reasons));
            Some(wrong(condition, what))
        }
        Outcome::TrainingRefused => {
            let decision = record.decision.as_ref();
            let what = match decision.map(|decision| decision.action) {
                Some(Action::Unusable) => "nothing is deployed, and every input file was rejected",
                _ => "a retrain was called for, and no model could be fitted to the data",
            };
            Some(wrong(condition, what.into()))
        }
        Outcome::ColdStart | Outcome::Steady | Outcome::Redeployed => Some(right(condition)),
        Outcome::NothingNew
        | Outcome::DriftNoted
        | Outcome::NotJudged
        | Outcome::Failed
        | Outcome::Interrupted
        | Outcome::Other(_) => None,
    }
}

fn end(record: &RunRecord, failed_with: Option<Exit>) -> Option<Sighting> {
    let condition = Condition::RunFailed;
    Some(match record.outcome.as_ref()? {
        Outcome::Failed => failure(failed_with.unwrap_or(Exit::Unexpected)),
        Outcome::Interrupted => wrong(
            condition,
            "it was cut short, and a later run closed it; `fullprocess --history` says more".into(),
        ),
        _ => right(condition),
    })
}

/// What was refused of new files: that of known ones was told of when they were new.
fn input(record: &RunRecord) -> Option<Sighting> {
    let report = record.ingestion.as_ref()?;
    let new = || report.files.iter().filter(|file| !file.is_repeated);
    let count = |status| new().filter(|file| file.status == status).count();
    let (ingested, rejected) = (count(FileStatus::Ingested), count(FileStatus::Rejected));
    let rows = new().fold(RowCounts::default(), |sum, file| sum.plus(file.rows));
    if rejected > 0 || rows.rejected > 0 {
        let what = format!(
            "{rejected} of {} new files were refused whole, and {} of {} rows; the run's report and rejectedrows.csv say why",
            rejected + ingested,
            rows.rejected,
            rows.read
        );
        return Some(wrong(Condition::InputRejected, what));
    }
    (ingested > 0).then(|| right(Condition::InputRejected))
}

fn api(record: &RunRecord) -> Option<Sighting> {
    let api = record.api.as_ref()?;
    if api.failures.is_empty() {
        return Some(right(Condition::ApiUnreachable));
    }
    let what = format!(
        "{} of {} calls did not answer as they should; apireturns.txt says how",
        api.failures.len(),
        api.calls
    );
    Some(wrong(Condition::ApiUnreachable, what))
}

pub(super) fn dependencies(record: &RunRecord) -> Option<Sighting> {
    let counts = record.dependencies.as_ref()?;
    if !counts.yanked.is_empty() {
        let what = format!(
            "{}, which these programs are built from; see `diagnostics`",
            listed(&counts.yanked)
        );
        return Some(wrong(Condition::DependencyYanked, what));
    }
    // What was not answered may be yanked still.
    (counts.unknown == 0).then(|| right(Condition::DependencyYanked))
}

pub(super) fn wrong(condition: Condition, what: String) -> Sighting {
    Sighting {
        condition,
        seen: Seen::Wrong(what),
    }
}

fn right(condition: Condition) -> Sighting {
    Sighting {
        condition,
        seen: Seen::Right,
    }
}

#[cfg(test)]
mod tests {
    use common::exit::classify;
    use diagnostics::DependencyCounts;
    use ingestion::{FileReport, IngestReport};
    use jiff::Timestamp;
    use record::{ApiOutcome, FileCounts};

    use super::*;

    fn ended(outcome: Outcome) -> RunRecord {
        RunRecord {
            outcome: Some(outcome),
            ..RunRecord::begin(Timestamp::UNIX_EPOCH)
        }
    }

    fn seen(record: &RunRecord, condition: Condition) -> Option<Seen> {
        let found = sightings(record, None).into_iter();
        let mut found = found.filter(|sighting| sighting.condition == condition);
        found.next().map(|sighting| sighting.seen)
    }

    #[test]
    fn what_a_run_did_not_look_at_is_neither_wrong_nor_right() {
        let tick = sightings(&ended(Outcome::NothingNew), None);
        assert_eq!(tick, [right(Condition::RunFailed)]);
    }

    #[test]
    fn a_run_that_failed_or_died_is_told_of_where_it_is_closed() {
        let failed = sightings(&ended(Outcome::Failed), Some(Exit::DataUnusable));
        assert_eq!(failed, [failure(Exit::DataUnusable)]);
        let died = sightings(&ended(Outcome::Interrupted), None);
        assert_eq!(died.len(), 1);
        assert_eq!(died[0].condition, Condition::RunFailed);
        assert!(matches!(died[0].seen, Seen::Wrong(_)));
    }

    #[test]
    fn what_is_refused_of_a_file_is_told_of_while_it_is_new() {
        let file = |rejected, is_repeated| FileReport {
            folder: "in".into(),
            name: "a.csv".into(),
            status: FileStatus::Ingested,
            reason: None,
            notes: Vec::new(),
            warnings: Vec::new(),
            similar_target: None,
            rows: RowCounts {
                read: 10,
                kept: 10 - rejected,
                rejected,
                ..RowCounts::default()
            },
            rejections: Vec::new(),
            is_repeated,
        };
        let after = |files: Vec<FileReport>| {
            let mut record = ended(Outcome::Steady);
            record.note_ingestion(IngestReport {
                rows: files
                    .iter()
                    .fold(RowCounts::default(), |sum, file| sum.plus(file.rows)),
                files,
                ..IngestReport::default()
            });
            seen(&record, Condition::InputRejected)
        };
        let Some(Seen::Wrong(text)) = after(vec![file(2, true), file(3, false)]) else {
            panic!("three rows are refused");
        };
        assert!(
            text.starts_with("0 of 1 new files were refused whole, and 3 of 10 rows"),
            "{text}"
        );
        assert_eq!(
            after(vec![file(2, true), file(0, false)]),
            Some(Seen::Right)
        );
        assert_eq!(after(vec![file(2, true)]), None);
    }

    #[test]
    fn a_model_that_stays_or_comes_ends_the_refusal_of_another() {
        let condition = Condition::CandidateRefused;
        for (outcome, expected) in [
            (Outcome::Steady, Some(Seen::Right)),
            (Outcome::Redeployed, Some(Seen::Right)),
            (Outcome::NotJudged, None),
        ] {
            assert_eq!(
                seen(&ended(outcome.clone()), condition),
                expected,
                "{outcome:?}"
            );
        }
        for outcome in [Outcome::CandidateRefused, Outcome::TrainingRefused] {
            let found = seen(&ended(outcome.clone()), condition);
            assert!(matches!(found, Some(Seen::Wrong(_))), "{outcome:?}");
        }
    }

    #[test]
    fn calls_and_crates_are_counted_and_their_words_stay_here() {
        let record = RunRecord {
            api: Some(ApiOutcome {
                calls: 4,
                failures: vec!["row 3: \"Calm Co\" is not a number".into()],
            }),
            dependencies: Some(DependencyCounts {
                yanked: vec!["x 1.0.0".into()],
                ..DependencyCounts::default()
            }),
            files: FileCounts::default(),
            ..ended(Outcome::Redeployed)
        };
        let Some(Seen::Wrong(text)) = seen(&record, Condition::ApiUnreachable) else {
            panic!("the API did not answer");
        };
        assert!(text.starts_with("1 of 4 calls"), "{text}");
        assert!(!text.contains("Calm Co"), "{text}");
        let Some(Seen::Wrong(text)) = seen(&record, Condition::DependencyYanked) else {
            panic!("a crate is yanked");
        };
        assert!(text.starts_with("x 1.0.0"), "{text}");
    }

    #[test]
    fn an_error_is_told_by_its_kind_and_not_in_its_words() {
        let error = anyhow::Error::from(common::Failure::data("\"Calm Co\" is odd"));
        let Seen::Wrong(text) = failure(classify(&error)).seen else {
            panic!("it failed");
        };
        assert!(text.contains("exit code 65"), "{text}");
        assert!(!text.contains("Calm Co"), "{text}");
    }

    #[test]
    fn a_long_list_is_cut() {
        let many: Vec<String> = (0..12).map(|n| n.to_string()).collect();
        assert!(listed(&many).ends_with("8; 9; and 2 more"));
        assert_eq!(listed(&many[..2]), "0; 1");
    }
}
