//! What people are told of a run.
//!
//! The words here leave the machine, so they are made of counts, statistics and names of features
//! only: what was refused and why an error was one may quote a client's data, and stays in the
//! history.

use alerts::{Condition, Occasion, Seen, Sighting};
use common::exit::{Exit, classify};
use common::{Config, History};
use diagnostics::Verdict;
use jiff::Timestamp;

use crate::record::{Outcome, RunRecord};

/// Queues what a run that ends has seen; part of the transaction that closes it.
///
/// That people cannot be told is no reason for the run to fail.
pub(crate) fn note(config: &Config, history: &History, record: &RunRecord, now: Timestamp) {
    let occasion = Occasion {
        now,
        run: record.run_id,
        release: record.release.clone(),
    };
    if let Err(error) = alerts::note(config, history, &occasion, &sightings(record)) {
        tracing::warn!("nobody is told of run {:?}: {error:#}", record.run_id);
    }
}

/// Tells people what waits to be told, and of the error that ended the run that began then.
pub(crate) fn tell(
    config: &Config,
    history: &History,
    began: Timestamp,
    error: Option<&anyhow::Error>,
) {
    if let Some(error) = error.filter(|_| config.alerts.has_target()) {
        let occasion = Occasion {
            now: Timestamp::now(),
            run: failed_run(history, began),
            release: None,
        };
        if let Err(unwritten) = alerts::note(config, history, &occasion, &[failure(error)]) {
            tracing::warn!("{unwritten:#}");
            alerts::deliver_unremembered(config, &occasion, &failure(error));
        }
    }
    alerts::deliver(config, history);
}

/// Tells people of an error that leaves no history to note it in.
pub(crate) fn tell_unremembered(config: &Config, error: &anyhow::Error) {
    let occasion = Occasion {
        now: Timestamp::now(),
        run: None,
        release: None,
    };
    alerts::deliver_unremembered(config, &occasion, &failure(error));
}

/// The number of the run that failed; `None` where it did not come to one.
fn failed_run(history: &History, began: Timestamp) -> Option<i64> {
    let open = history.unfinished_runs::<RunRecord>().ok()?.pop();
    let newest = || history.finished_runs::<RunRecord>(1).ok()?.pop();
    let is_it = |record: &RunRecord| record.finished_at.is_some_and(|ended| ended >= began);
    open.or_else(|| newest().filter(|run| is_it(&run.record)))
        .map(|run| run.id)
}

fn failure(error: &anyhow::Error) -> Sighting {
    let exit = classify(error);
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

fn wrong(condition: Condition, what: String) -> Sighting {
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

/// What a run saw of each condition that it looked at.
fn sightings(record: &RunRecord) -> Vec<Sighting> {
    [
        model_drift(record),
        feature_drift(record),
        candidate(record),
        end(record),
        input(record),
        api(record),
        dependencies(record),
    ]
    .into_iter()
    .flatten()
    .collect()
}

fn model_drift(record: &RunRecord) -> Option<Sighting> {
    let model = &record.verdicts()?.model;
    match model.verdict {
        Verdict::Drift => {
            let came = record.outcome.map_or("open", Outcome::name);
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
    match record.outcome? {
        Outcome::CandidateRefused => {
            let verdict = record.verdict.as_ref();
            let reasons = verdict.map_or(&[][..], |verdict| &verdict.reasons);
            let what = format!("the deployed model stays; {}", listed(reasons));
            Some(wrong(condition, what))
        }
        Outcome::TrainingRefused => {
            let what = "a retrain was called for, and no model could be fitted to the data";
            Some(wrong(condition, what.into()))
        }
        Outcome::ColdStart | Outcome::Steady | Outcome::Redeployed => Some(right(condition)),
        Outcome::NothingNew | Outcome::NotJudged | Outcome::Failed | Outcome::Interrupted => None,
    }
}

fn end(record: &RunRecord) -> Option<Sighting> {
    let ended = !matches!(record.outcome?, Outcome::Failed | Outcome::Interrupted);
    ended.then(|| right(Condition::RunFailed))
}

fn input(record: &RunRecord) -> Option<Sighting> {
    let report = record.ingestion.as_ref()?;
    let (files, rows) = (record.files, record.rows.taken);
    if report.has_rejections() {
        let what = format!(
            "{} of {} new files were refused whole, and {} of {} rows; the run's report and rejectedrows.csv say why",
            files.rejected,
            files.rejected + files.ingested,
            rows.rejected,
            rows.read
        );
        return Some(wrong(Condition::InputRejected, what));
    }
    (files.ingested > 0).then(|| right(Condition::InputRejected))
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

fn dependencies(record: &RunRecord) -> Option<Sighting> {
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::record::{ApiOutcome, FileCounts};
    use diagnostics::DependencyCounts;

    fn ended(outcome: Outcome) -> RunRecord {
        RunRecord {
            outcome: Some(outcome),
            ..RunRecord::begin(Timestamp::UNIX_EPOCH)
        }
    }

    fn seen(record: &RunRecord, condition: Condition) -> Option<Seen> {
        let found = sightings(record).into_iter();
        let mut found = found.filter(|sighting| sighting.condition == condition);
        found.next().map(|sighting| sighting.seen)
    }

    #[test]
    fn what_a_run_did_not_look_at_is_neither_wrong_nor_right() {
        let tick = sightings(&ended(Outcome::NothingNew));
        assert_eq!(tick, [right(Condition::RunFailed)]);
        assert_eq!(sightings(&ended(Outcome::Interrupted)), []);
        assert_eq!(sightings(&ended(Outcome::Failed)), []);
    }

    #[test]
    fn a_model_that_stays_or_comes_ends_the_refusal_of_another() {
        let condition = Condition::CandidateRefused;
        for (outcome, expected) in [
            (Outcome::Steady, Some(Seen::Right)),
            (Outcome::Redeployed, Some(Seen::Right)),
            (Outcome::NotJudged, None),
        ] {
            assert_eq!(seen(&ended(outcome), condition), expected, "{outcome:?}");
        }
        for outcome in [Outcome::CandidateRefused, Outcome::TrainingRefused] {
            let found = seen(&ended(outcome), condition);
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
        let Seen::Wrong(text) = failure(&error).seen else {
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
