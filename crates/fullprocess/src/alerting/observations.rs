//! What a run observed of each condition, as text for alerts.
//!
//! Alerts leave the machine. So the texts hold only counts, statistics and names of features.
//! Reasons of rejections and errors may quote a client's data and stay in the history.

use alerts::{Condition, Observation, Status};
use common::exit::Exit;
use common::ledger::{FileStatus, RowCounts};
use common::numbers::{count as count_of, counted};
use diagnostics::{SegmentCheck, Verdict};
use record::{Action, Outcome, RunRecord};

/// Observations of a run, one for each condition that it checked.
pub(super) fn observations(record: &RunRecord, failed_with: Option<Exit>) -> Vec<Observation> {
    [
        model_drift(record),
        feature_drift(record),
        segment_drift(record),
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

/// Observation of the error that ended a run. The text depends on the kind of the error.
pub(super) fn failure(exit: Exit) -> Observation {
    let what = match exit {
        Exit::DataUnusable => "the data cannot be used",
        Exit::ApiFailed => "the API did not answer as it should",
        Exit::InputOutput => "a file could not be read or written, or is damaged",
        Exit::Configuration => "the configuration is wrong",
        Exit::Done | Exit::Unexpected | Exit::Usage | Exit::Busy => "something unexpected",
    };
    present(
        Condition::RunFailed,
        format!(
            "{what} (exit code {}); `fullprocess --doctor` says what to do",
            exit as u8
        ),
    )
}

fn model_drift(record: &RunRecord) -> Option<Observation> {
    let verdicts = record.verdicts()?;
    let model = &verdicts.model;
    match model.verdict {
        Verdict::Drift => {
            let segments = verdicts.segments.as_ref();
            let worst = segments.and_then(SegmentCheck::finding_without_levels);
            let what = format!(
                "{}{}. {}",
                model.text_without_levels(),
                worst.map_or(String::new(), |worst| format!(". Worst segment: {worst}")),
                consequence_of_drift(record)
            );
            Some(present(Condition::ModelDrift, what))
        }
        Verdict::Ok => Some(absent(Condition::ModelDrift)),
        Verdict::InsufficientData => None,
    }
}

/// What a run did about model drift, and what a person should do.
fn consequence_of_drift(record: &RunRecord) -> String {
    let release = record.release.as_deref().unwrap_or("none");
    match &record.outcome {
        Some(Outcome::Redeployed) => {
            format!("A new model is deployed: release {release}. Nothing to do")
        }
        Some(Outcome::CandidateRefused) => format!(
            "A new model was refused, and release {release} stays. Nothing to do unless it repeats"
        ),
        Some(Outcome::CandidateWaiting) => {
            "A new model passed the gate and waits: run `deployment` to deploy it".into()
        }
        Some(Outcome::TrainingRefused) => format!(
            "No new model could be trained, and release {release} stays: see why with `fullprocess --history`"
        ),
        Some(Outcome::DriftNoted) => format!(
            "Release {release} stays, because drift.trigger is \"score\": set it to \"evidence\", or retrain by hand"
        ),
        Some(Outcome::Failed | Outcome::Interrupted) => {
            "The run did not end well: run `fullprocess --doctor`".into()
        }
        _ => format!("Release {release} stays: see `fullprocess --history`"),
    }
}

fn feature_drift(record: &RunRecord) -> Option<Observation> {
    let verdicts = record.verdicts()?;
    match verdicts.worst_feature_verdict() {
        Verdict::Drift => {
            let what = listed(&verdicts.feature_sentences_without_values());
            Some(present(Condition::FeatureDrift, what))
        }
        Verdict::Ok => Some(absent(Condition::FeatureDrift)),
        Verdict::InsufficientData => None,
    }
}

/// The segments of the clients. Where model drift was found, its alert names the worst segment, and
/// there is no second alert.
fn segment_drift(record: &RunRecord) -> Option<Observation> {
    let verdicts = record.verdicts()?;
    let segments = verdicts.segments.as_ref()?;
    match (segments.verdict, segments.finding_without_levels()) {
        _ if verdicts.model.verdict == Verdict::Drift => None,
        (Verdict::Drift, Some(finding)) => {
            let release = record.release.as_deref().unwrap_or("none");
            let then = match record.outcome {
                Some(Outcome::Redeployed) => {
                    format!("A new model is deployed: release {release}. Nothing to do")
                }
                _ => format!(
                    "No model drift was found, and release {release} stays. Nothing to do unless it repeats: then retrain by hand (training, scoring, deployment)"
                ),
            };
            let what = format!("the model is wrong about {finding}. {then}");
            Some(present(Condition::SegmentDrift, what))
        }
        (Verdict::Ok, _) => Some(absent(Condition::SegmentDrift)),
        (Verdict::Drift | Verdict::InsufficientData, _) => None,
    }
}

/// Upper limit of sentences in one message.
const MAX_SENTENCES: usize = 10;

fn listed(sentences: &[String]) -> String {
    let shown = &sentences[..sentences.len().min(MAX_SENTENCES)];
    let text = shown.join("; ");
    match sentences.len() - shown.len() {
        0 => text,
        more => format!("{text}; and {more} more"),
    }
}

fn candidate(record: &RunRecord) -> Option<Observation> {
    let condition = Condition::CandidateRefused;
    match record.outcome.as_ref()? {
        Outcome::CandidateRefused => Some(present(condition, refusal(record))),
        Outcome::CandidateWaiting => {
            let what = "a candidate passed the gate and waits: run `deployment` to deploy it";
            Some(present(condition, what.into()))
        }
        Outcome::TrainingRefused => {
            let decision = record.decision.as_ref();
            let what = match decision.map(|decision| decision.action) {
                Some(Action::Unusable) => "nothing is deployed, and every input file was rejected",
                _ => "a retraining was due, but no model could be fitted to the data",
            };
            Some(present(condition, what.into()))
        }
        Outcome::ColdStart | Outcome::Steady | Outcome::Redeployed => Some(absent(condition)),
        Outcome::NothingNew
        | Outcome::DriftNoted
        | Outcome::NotJudged
        | Outcome::Failed
        | Outcome::Interrupted
        | Outcome::Other(_) => None,
    }
}

/// Text about a refused candidate: the finding on which the gate decided.
fn refusal(record: &RunRecord) -> String {
    let decided = record.gate.as_ref().zip(record.comparison.as_ref());
    let clause = decided.and_then(|(gate, comparison)| gate.deciding_clause(comparison));
    format!(
        "the candidate{} was refused{}. Release {} stays. Nothing to do unless it repeats",
        record
            .run_id
            .map_or(String::new(), |run| format!(" of run {run}")),
        clause.map_or(String::new(), |clause| format!(": {clause}")),
        record.release.as_deref().unwrap_or("none")
    )
}

fn end(record: &RunRecord, failed_with: Option<Exit>) -> Option<Observation> {
    let condition = Condition::RunFailed;
    Some(match record.outcome.as_ref()? {
        Outcome::Failed => failure(failed_with.unwrap_or(Exit::Unexpected)),
        Outcome::Interrupted => present(
            condition,
            "it was interrupted, and a later run closed it; `fullprocess --history` says more"
                .into(),
        ),
        _ => absent(condition),
    })
}

/// Rejected files and rows among the new files. Rejections of known files were reported when these
/// files were new.
fn input(record: &RunRecord) -> Option<Observation> {
    let report = record.ingestion.as_ref()?;
    let new = || report.files.iter().filter(|file| !file.is_repeated);
    let count = |status| new().filter(|file| file.status == status).count();
    let (ingested, rejected) = (count(FileStatus::Ingested), count(FileStatus::Rejected));
    let rows = new().fold(RowCounts::default(), |sum, file| sum.plus(file.rows));
    if rejected > 0 || rows.rejected > 0 {
        let files = (rejected as u64, rejected + ingested);
        let what = rejections(files, (rows.rejected, rows.read));
        let what = format!("{what}; the run's report and rejectedrows.csv say why");
        return Some(present(Condition::InputRejected, what));
    }
    (ingested > 0).then(|| absent(Condition::InputRejected))
}

/// The rejections in words. `files` and `rows` each have the number of rejected ones, then the total number.
fn rejections(files: (u64, usize), rows: (u64, u64)) -> String {
    let rejected = |n: u64, all: String, how: &str| {
        let were = if n == 1 { "was" } else { "were" };
        (n > 0).then(|| format!("{} of {all} {were} rejected{how}", count_of(n)))
    };
    let of_files = rejected(files.0, counted(files.1, "new file"), " as a whole");
    let of_rows = rejected(rows.0, counted(rows.1, "row") + " of new files", "");
    let both: Vec<String> = of_files.into_iter().chain(of_rows).collect();
    both.join(", and ")
}

fn api(record: &RunRecord) -> Option<Observation> {
    let api = record.api.as_ref()?;
    if api.failures.is_empty() {
        return Some(absent(Condition::ApiUnreachable));
    }
    let what = format!(
        "{} of {} API calls failed; apireturns.txt has the answers",
        api.failures.len(),
        api.calls
    );
    Some(present(Condition::ApiUnreachable, what))
}

pub(super) fn dependencies(record: &RunRecord) -> Option<Observation> {
    let counts = record.dependencies.as_ref()?;
    if !counts.yanked.is_empty() {
        let what = format!(
            "{}, which these programs are built from; see `diagnostics`",
            listed(&counts.yanked)
        );
        return Some(present(Condition::DependencyYanked, what));
    }
    // Crates without an answer may still be yanked, so only complete answers resolve the condition.
    (counts.unknown == 0).then(|| absent(Condition::DependencyYanked))
}

pub(super) fn present(condition: Condition, what: String) -> Observation {
    Observation {
        condition,
        status: Status::Present(what),
    }
}

fn absent(condition: Condition) -> Observation {
    Observation {
        condition,
        status: Status::Absent,
    }
}

#[cfg(test)]
mod tests {
    use common::exit::classify;
    use diagnostics::{
        DependencyCounts, ModelVerdict, Segment, SegmentCheck, SegmentPart, Verdicts,
    };
    use ingestion::{FileReport, IngestReport};
    use jiff::Timestamp;
    use record::{ApiOutcome, Evidence, FileCounts};

    use super::*;

    fn ended(outcome: Outcome) -> RunRecord {
        RunRecord {
            outcome: Some(outcome),
            ..RunRecord::begin(Timestamp::UNIX_EPOCH)
        }
    }

    fn seen(record: &RunRecord, condition: Condition) -> Option<Status> {
        let found = observations(record, None).into_iter();
        let mut found = found.filter(|observation| observation.condition == condition);
        found.next().map(|observation| observation.status)
    }

    #[test]
    fn an_unexamined_condition_has_no_observation() {
        let tick = observations(&ended(Outcome::NothingNew), None);
        assert_eq!(tick, [absent(Condition::RunFailed)]);
    }

    #[test]
    fn a_failed_or_killed_run_is_reported_where_it_is_closed() {
        let failed = observations(&ended(Outcome::Failed), Some(Exit::DataUnusable));
        assert_eq!(failed, [failure(Exit::DataUnusable)]);
        let died = observations(&ended(Outcome::Interrupted), None);
        assert_eq!(died.len(), 1);
        assert_eq!(died[0].condition, Condition::RunFailed);
        assert!(matches!(died[0].status, Status::Present(_)));
    }

    #[test]
    fn rejections_are_reported_while_the_file_is_new() {
        let file = |rejected, is_repeated| FileReport {
            folder: "in".into(),
            name: "a.csv".into(),
            status: FileStatus::Ingested,
            reason: None,
            notes: Vec::new(),
            warnings: Vec::new(),
            similar_target: None,
            lacks_target: false,
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
        let Some(Status::Present(text)) = after(vec![file(2, true), file(3, false)]) else {
            panic!("three rows are refused");
        };
        assert!(
            text.starts_with("3 of 10 rows of new files were rejected; "),
            "{text}"
        );
        assert_eq!(
            after(vec![file(2, true), file(0, false)]),
            Some(Status::Absent)
        );
        assert_eq!(after(vec![file(2, true)]), None);
    }

    /// A run whose tests of the model and of its segments have these verdicts. The worst segment is a
    /// level.
    fn with_segment(model: Verdict, segments: Verdict) -> RunRecord {
        let worst = Segment {
            feature: Some("plan".into()),
            part: SegmentPart::Level {
                level: Some("Calm Co".into()),
            },
            rows: 212,
            positives: 66,
            expected: 38.2,
            statistic: 4.9,
            p_value: 1e-6,
            corrected_p_value: 3e-5,
            odds_ratio: Some(2.0),
            verdict: segments,
        };
        let verdicts = Verdicts {
            verdict: segments,
            rows: 500,
            model: ModelVerdict {
                verdict: model,
                rows: 500,
                sample_of: None,
                positives: 150,
                expected: None,
                single: None,
                recent: None,
                cumulative: None,
                untested: Vec::new(),
                untested_levels: Vec::new(),
                undecided: None,
                moved: None,
            },
            joint: None,
            features: Vec::new(),
            segments: Some(SegmentCheck {
                verdict: segments,
                rows: 500,
                tested: 20,
                differing: 1,
                level: 0.005,
                segments: vec![worst],
            }),
            terms: None,
        };
        RunRecord {
            release: Some("000001".into()),
            evidence: Some(Evidence {
                verdicts: Some(verdicts),
                ..Evidence::default()
            }),
            ..ended(Outcome::Steady)
        }
    }

    #[test]
    fn an_alert_names_the_worst_segment_without_its_level() {
        let condition = Condition::SegmentDrift;
        let who = "clients with one of the levels of plan: 31 % positive, 18 % expected, n = 212";
        let Some(Status::Present(text)) =
            seen(&with_segment(Verdict::Ok, Verdict::Drift), condition)
        else {
            panic!("a segment differs");
        };
        let begins =
            format!("the model is wrong about {who} (p < 0.0001). No model drift was found");
        assert!(text.starts_with(&begins), "{text}");

        let drifted = with_segment(Verdict::Drift, Verdict::Drift);
        assert_eq!(seen(&drifted, condition), None, "one alert for both");
        let Some(Status::Present(text)) = seen(&drifted, Condition::ModelDrift) else {
            panic!("the model drifted");
        };
        assert!(text.contains(&format!("Worst segment: {who}")), "{text}");
        assert!(!text.contains("Calm Co"), "{text}");

        let resolved = with_segment(Verdict::Ok, Verdict::Ok);
        assert_eq!(seen(&resolved, condition), Some(Status::Absent));
        let open = with_segment(Verdict::Ok, Verdict::InsufficientData);
        assert_eq!(seen(&open, condition), None);
    }

    #[test]
    fn an_accepted_model_resolves_a_refused_candidate() {
        let condition = Condition::CandidateRefused;
        for (outcome, expected) in [
            (Outcome::Steady, Some(Status::Absent)),
            (Outcome::Redeployed, Some(Status::Absent)),
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
            assert!(matches!(found, Some(Status::Present(_))), "{outcome:?}");
        }
    }

    #[test]
    fn alerts_count_calls_and_crates_without_quoting_answers() {
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
        let Some(Status::Present(text)) = seen(&record, Condition::ApiUnreachable) else {
            panic!("the API did not answer");
        };
        assert!(text.starts_with("1 of 4 API calls failed"), "{text}");
        assert!(!text.contains("Calm Co"), "{text}");
        let Some(Status::Present(text)) = seen(&record, Condition::DependencyYanked) else {
            panic!("a crate is yanked");
        };
        assert!(text.starts_with("x 1.0.0"), "{text}");
    }

    #[test]
    fn an_error_is_reported_by_its_kind_without_its_message() {
        let error = anyhow::Error::from(common::Failure::data("\"Calm Co\" is odd"));
        let Status::Present(text) = failure(classify(&error)).status else {
            panic!("it failed");
        };
        assert!(text.contains("exit code 65"), "{text}");
        assert!(!text.contains("Calm Co"), "{text}");
    }

    #[test]
    fn rejections_are_counted_with_the_right_verb() {
        assert_eq!(
            rejections((1, 1), (2, 2)),
            "1 of 1 new file was rejected as a whole, and 2 of 2 rows of new files were rejected"
        );
        assert_eq!(
            rejections((2, 3), (0, 900)),
            "2 of 3 new files were rejected as a whole"
        );
        assert_eq!(
            rejections((0, 2), (1, 5_200)),
            "1 of 5,200 rows of new files was rejected"
        );
    }

    #[test]
    fn a_long_list_is_cut() {
        let many: Vec<String> = (0..12).map(|n| n.to_string()).collect();
        assert!(listed(&many).ends_with("8; 9; and 2 more"));
        assert_eq!(listed(&many[..2]), "0; 1");
    }
}
