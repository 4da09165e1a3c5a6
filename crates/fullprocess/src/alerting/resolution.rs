//! Decides when an open drift alert is resolved.
//!
//! A test of few rows has little power: it often misses a drift that another test found. So a drift
//! is resolved in one of two cases. Another release was tested, or tests without drift cover enough
//! rows together.
//!
//! Open drifts and the rows tested since are a document of the history. The document is saved in
//! the transaction that ends a run, so no run reads older runs, however long a drift lasts.

use std::collections::BTreeMap;

use alerts::{Condition, Observation, Status};
use common::History;
use diagnostics::Verdict;
use record::{Effect, RunRecord};
use serde::{Deserialize, Serialize};

/// Name of the history document with the open drifts, each with the rows that were tested since.
const OPEN_DRIFTS: &str = "drifts that are open";
/// Rows without drift that resolve a drift, as a multiple of the rows of the test that found it.
///
/// Example: a feature has lost its effect, and a batch of 26 rows shows that in one of four tests.
/// Three of four tests then miss the drift, and eight misses in a row happen in one of ten cases.
/// With hourly batches and a lasting drift, this factor gives 1.2 messages a day. A factor of 1
/// gave nine.
const RESOLUTION_ROWS_FACTOR: u64 = 8;

/// An open drift.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
struct OpenDrift {
    /// Release that was tested.
    release: Option<String>,
    /// Number of rows of the test that found the drift; the largest one if several tests did.
    rows: u64,
    /// Number of rows of the later tests together, none of which found drift.
    #[serde(rename = "held")]
    rows_without_drift: u64,
}

/// The test of one condition in a run.
struct DriftTest<'a> {
    release: Option<&'a str>,
    verdict: Verdict,
    /// Number of rows in the test.
    rows: u64,
    /// True if the rows count as evaluated, so that no later run tests them again.
    is_evaluated: bool,
}

/// Updates the stored open drifts, and removes resolutions that come too early.
///
/// If the history cannot be read, the test of the run decides alone.
pub(super) fn update_drifts_and_drop_premature_resolutions(
    history: &History,
    record: &RunRecord,
    mut observations: Vec<Observation>,
) -> Vec<Observation> {
    match update_open_drifts(history, record) {
        Ok(open) => observations.retain(|observation| {
            let is_open = open.contains_key(observation.condition.name());
            !is_open || observation.status != Status::Absent
        }),
        Err(error) => tracing::warn!("{error:#}"),
    }
    observations
}

/// Updates and stores the open drifts after a run; returns them by condition name.
fn update_open_drifts(
    history: &History,
    record: &RunRecord,
) -> anyhow::Result<BTreeMap<String, OpenDrift>> {
    let before: BTreeMap<String, OpenDrift> = history.document(OPEN_DRIFTS)?.unwrap_or_default();
    let mut open = before.clone();
    for (condition, tested) in drift_tests(record) {
        let name = condition.name();
        if let Some(drift) = drift_after_test(open.remove(name), &tested) {
            open.insert(name.to_owned(), drift);
        }
    }
    if open != before {
        history.save_document(OPEN_DRIFTS, &open)?;
    }
    Ok(open)
}

/// State of a drift after a test; `None` if no drift is open.
fn drift_after_test(open: Option<OpenDrift>, tested: &DriftTest<'_>) -> Option<OpenDrift> {
    let is_of_release = |open: &OpenDrift| open.release.as_deref() == tested.release;
    match tested.verdict {
        Verdict::InsufficientData => open,
        Verdict::Drift => {
            let before = open.filter(is_of_release).map_or(0, |open| open.rows);
            Some(OpenDrift {
                release: tested.release.map(str::to_owned),
                rows: before.max(tested.rows),
                rows_without_drift: 0,
            })
        }
        Verdict::Ok => {
            let mut open = open.filter(is_of_release)?;
            if tested.is_evaluated {
                open.rows_without_drift = open.rows_without_drift.saturating_add(tested.rows);
            }
            let needed = open.rows.saturating_mul(RESOLUTION_ROWS_FACTOR);
            (open.rows_without_drift < needed).then_some(open)
        }
    }
}

/// The tests of the conditions that a run can open or resolve.
fn drift_tests(record: &RunRecord) -> Vec<(Condition, DriftTest<'_>)> {
    let Some((evidence, verdicts)) = record.evidence.as_ref().zip(record.verdicts()) else {
        return Vec::new();
    };
    let deployed = evidence.deployed.as_ref();
    let tested = |verdict, rows| DriftTest {
        release: deployed.map(|deployed| deployed.release.as_str()),
        verdict,
        rows,
        is_evaluated: record.effects.contains(&Effect::Evaluated),
    };
    let model = &verdicts.model;
    // The drift may have been found by a test of several batches. The largest such test counts.
    let of_drift = model.tests().filter(|test| test.is_drift());
    let rows = of_drift.map(|test| test.rows).max();
    let of_segments = verdicts.segments.as_ref().map(|segments| {
        let tested = tested(segments.verdict, segments.rows);
        (Condition::SegmentDrift, tested)
    });
    let mut tests = vec![
        (
            Condition::ModelDrift,
            tested(model.verdict, rows.unwrap_or(model.rows)),
        ),
        (
            Condition::FeatureDrift,
            tested(verdicts.worst_feature_verdict(), verdicts.rows),
        ),
    ];
    tests.extend(of_segments);
    tests
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use common::Config;
    use diagnostics::statistics::{ScoreTest, ScoreTestMethod};
    use diagnostics::{JointCheck, ModelVerdict, TestAtLevel, Verdicts};
    use record::{DeployedModel, Evidence, Outcome};

    use super::*;
    use crate::alerting::Start;
    use crate::open_run::OpenRun;

    fn config(folder: &Path) -> Config {
        let text = r#"{"input_folder_path":"in","output_folder_path":"out","test_data_path":"test",
            "output_model_path":"models","prod_deployment_path":"prod",
            "alerts":{"command":["/bin/true"]}}"#;
        Config::parse(&folder.join("config.json"), text).unwrap()
    }

    fn test_with(verdict: Verdict, rows: u64) -> TestAtLevel {
        TestAtLevel {
            test: ScoreTest {
                statistic: 1.0,
                degrees: 2,
                p_value: if verdict == Verdict::Drift {
                    0.001
                } else {
                    0.5
                },
                method: ScoreTestMethod::default(),
                components: vec![Some(1.0), Some(0.0)],
                is_intercept_all: false,
            },
            rows,
            level: 0.005,
        }
    }

    /// Verdicts of a test of `rows` rows and of a cumulative test of `together` rows.
    fn verdicts(verdict: Verdict, rows: u64, together: u64) -> Verdicts {
        Verdicts {
            verdict,
            rows,
            model: ModelVerdict {
                verdict,
                rows,
                sample_of: None,
                positives: 0,
                expected: None,
                single: Some(test_with(Verdict::Ok, rows)),
                recent: None,
                cumulative: Some(test_with(verdict, together)),
                untested: Vec::new(),
                untested_levels: Vec::new(),
                undecided: None,
                moved: None,
            },
            joint: Some(JointCheck {
                columns: vec!["x".into()],
                rows: [100, rows],
                min_p_value: None,
                left_out: Vec::new(),
                statistic: 1.0,
                degrees: 1,
                p_value: 0.5,
                effect: None,
                verdict,
                parts: Vec::new(),
            }),
            features: Vec::new(),
            segments: None,
            terms: None,
        }
    }

    /// A pipeline whose runs store given verdicts.
    struct Pipeline {
        folder: tempfile::TempDir,
    }

    impl Pipeline {
        fn new() -> Self {
            let folder = tempfile::tempdir().unwrap();
            Self { folder }
        }

        /// The conditions that are open after a run.
        fn after(&self, outcome: &Outcome, release: &str, found: Verdicts) -> Vec<String> {
            let config = config(self.folder.path());
            let history = History::open(&config.layout).unwrap();
            let now = common::clock::now();
            let start = Start {
                at: now,
                is_dry_run: false,
            };
            let mut run = OpenRun::begin(&config, &history, start, now).unwrap();
            run.record.evidence = Some(Evidence {
                deployed: Some(DeployedModel {
                    release: release.into(),
                    score: 0.5,
                    score_interval: None,
                }),
                verdicts: Some(found),
                ..Evidence::default()
            });
            if !matches!(outcome, Outcome::Failed | Outcome::NotJudged) {
                run.record.effects.insert(Effect::Evaluated);
            }
            run.finish(outcome.clone(), None).unwrap();
            let open = history.open_conditions().unwrap();
            let drifts = open.into_iter().map(|condition| condition.name);
            drifts.filter(|name| name.ends_with("_drift")).collect()
        }
    }

    const BOTH: [&str; 2] = ["feature_drift", "model_drift"];
    const NONE: [&str; 0] = [];

    #[test]
    fn a_drift_is_resolved_once_enough_rows_show_no_drift() {
        let pipeline = Pipeline::new();
        let after = |outcome, verdict, rows| {
            pipeline.after(outcome, "000001", verdicts(verdict, rows, rows))
        };
        let candidate_refused = Outcome::CandidateRefused;
        let steady = Outcome::Steady;
        assert_eq!(after(&candidate_refused, Verdict::Drift, 26), BOTH);
        assert_eq!(after(&steady, Verdict::Ok, 26), BOTH);
        assert_eq!(after(&steady, Verdict::Ok, 181), BOTH);
        assert_eq!(
            after(&Outcome::Failed, Verdict::Ok, 500),
            BOTH,
            "a failed run does not count: its rows are evaluated again"
        );
        let waits = Outcome::NotJudged;
        assert_eq!(
            after(&waits, Verdict::Ok, 500),
            BOTH,
            "neither do rows that wait"
        );
        assert_eq!(after(&steady, Verdict::InsufficientData, 500), BOTH);
        assert_eq!(after(&steady, Verdict::Ok, 1), NONE);
        assert_eq!(after(&steady, Verdict::Drift, 26), BOTH);
        assert_eq!(after(&steady, Verdict::Ok, 208), NONE);
        assert_eq!(after(&steady, Verdict::Ok, 208), NONE);
    }

    #[test]
    fn a_drift_found_on_more_rows_needs_more_rows_to_be_resolved() {
        let pipeline = Pipeline::new();
        let after = |verdict, rows| {
            pipeline.after(&Outcome::Steady, "000001", verdicts(verdict, rows, rows))
        };
        assert_eq!(after(Verdict::Drift, 400), BOTH);
        assert_eq!(after(Verdict::Ok, 3_100), BOTH);
        assert_eq!(after(Verdict::Drift, 10), BOTH);
        assert_eq!(
            after(Verdict::Ok, 3_199),
            BOTH,
            "rows tested before the newest drift do not count"
        );
        assert_eq!(after(Verdict::Ok, 1), NONE);
        // Only the cumulative test found this drift.
        let found = verdicts(Verdict::Drift, 10, 200);
        assert_eq!(pipeline.after(&Outcome::Steady, "000001", found), BOTH);
        assert_eq!(after(Verdict::Ok, 80), ["model_drift"]);
        assert_eq!(after(Verdict::Ok, 1_520), NONE);
    }

    #[test]
    fn a_test_of_another_release_resolves_a_drift() {
        let pipeline = Pipeline::new();
        let after = |outcome, release, verdict, rows| {
            pipeline.after(outcome, release, verdicts(verdict, rows, rows))
        };
        let redeployed = Outcome::Redeployed;
        assert_eq!(after(&redeployed, "000001", Verdict::Drift, 400), BOTH);
        assert_eq!(after(&Outcome::Steady, "000002", Verdict::Ok, 26), NONE);
        // Drift of one release does not influence the conditions of another release.
        assert_eq!(after(&redeployed, "000002", Verdict::Drift, 400), BOTH);
        assert_eq!(after(&Outcome::Steady, "000003", Verdict::Drift, 10), BOTH);
        assert_eq!(after(&Outcome::Steady, "000003", Verdict::Ok, 80), NONE);
    }
}
