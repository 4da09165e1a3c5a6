//! Whether a drift that people were told of may be said to be over.
//!
//! A test of a few rows seldom finds what is there: that one holds says little after another that
//! did not. So a drift is over for tests of another release, or once the tests that hold are of
//! enough rows together; what they are of stands in the records of the runs.

use alerts::{Condition, Sighting};
use common::History;
use common::history::OpenCondition;
use diagnostics::{HeldTest, Verdict};

use crate::record::{Outcome, RunRecord};

/// Tests that hold must rest on so many times the rows of the one that found the drift. Where a
/// coefficient is gone, 26 rows show it in a quarter of the batches, and 100 in four of five; on as
/// many rows as before, three of four drifts would be said to be over at once, and be found anew.
const TIMES_THE_ROWS: u64 = 4;

/// What one run says of a drift.
struct Judged {
    verdict: Verdict,
    /// Rows that it rests on.
    rows: u64,
}

/// Takes out that a drift is over where the run that says so cannot know.
///
/// Where the history cannot tell, the test of the run is believed.
pub(super) fn without_premature_ends(
    history: &History,
    record: &RunRecord,
    mut sightings: Vec<Sighting>,
) -> Vec<Sighting> {
    let open = history.open_conditions().unwrap_or_else(|error| {
        tracing::warn!("{error:#}");
        Vec::new()
    });
    sightings.retain(|sighting| {
        let name = sighting.condition.name();
        let standing = open.iter().find(|condition| condition.name == name);
        let (alerts::Seen::Right, Some(standing)) = (&sighting.seen, standing) else {
            return true;
        };
        is_over(history, record, sighting.condition, standing).unwrap_or_else(|error| {
            tracing::warn!("{error:#}");
            true
        })
    });
    sightings
}

/// Whether a run that finds no drift ends one that is open.
fn is_over(
    history: &History,
    record: &RunRecord,
    condition: Condition,
    standing: &OpenCondition,
) -> anyhow::Result<bool> {
    let (Some(now), Some(run)) = (judged(record, condition), record.run_id) else {
        // It is none that a test finds.
        return Ok(true);
    };
    let mut held = if counts(record) { now.rows } else { 0 };
    let mut found: Option<u64> = None;
    let mut before = run;
    while let Some(earlier) = history.judged_run_before(before)? {
        before = earlier;
        let Some(stored) = history.finished_run::<RunRecord>(earlier)? else {
            continue;
        };
        let Some(then) = judged(&stored.record, condition) else {
            continue;
        };
        match then.verdict {
            Verdict::Drift => {
                if found.is_none() && tested(&stored.record) != tested(record) {
                    return Ok(true);
                }
                let rows = found.unwrap_or(0).max(then.rows);
                if held < rows.saturating_mul(TIMES_THE_ROWS) {
                    return Ok(false);
                }
                found = Some(rows);
                let ended = stored.record.finished_at;
                if ended.is_none_or(|ended| ended <= standing.opened_at) {
                    // It is the run that people were first told of.
                    return Ok(true);
                }
            }
            Verdict::Ok if found.is_none() && counts(&stored.record) => held += then.rows,
            Verdict::Ok | Verdict::InsufficientData => {}
        }
    }
    Ok(true)
}

/// What a run says of a condition that a test finds; `None` of any other, and where it tested
/// nothing.
fn judged(record: &RunRecord, condition: Condition) -> Option<Judged> {
    let verdicts = record.verdicts()?;
    match condition {
        Condition::ModelDrift => {
            let model = &verdicts.model;
            let tests = model.single.iter().chain(&model.cumulative);
            // The sums rest on more rows than the batch.
            let of_drift = tests.filter(|held| held.is_drift());
            let rows = of_drift.map(|held: &HeldTest| held.rows).max();
            Some(Judged {
                verdict: model.verdict,
                rows: rows.unwrap_or(model.rows),
            })
        }
        Condition::FeatureDrift => Some(Judged {
            verdict: verdicts.worst_of_features(),
            rows: verdicts.rows,
        }),
        _ => None,
    }
}

/// Whether no later run tests the same rows again.
fn counts(record: &RunRecord) -> bool {
    let outcome = record.outcome;
    !matches!(outcome, Some(Outcome::Failed | Outcome::Interrupted))
}

/// The release that a run tested.
fn tested(record: &RunRecord) -> Option<&str> {
    let deployed = record.evidence.as_ref()?.deployed.as_ref()?;
    Some(&deployed.release)
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use common::Config;
    use diagnostics::statistics::{CumulativeScore, ScoreTest, ScoreTestMethod};
    use diagnostics::{JointCheck, ModelVerdict, Verdicts};
    use jiff::Timestamp;

    use super::*;
    use crate::decide::{DeployedModel, Evidence};
    use crate::open_run::OpenRun;
    use crate::verdict_rows::verdict_rows;

    fn config(folder: &Path) -> Config {
        let text = r#"{"input_folder_path":"in","output_folder_path":"out","test_data_path":"test",
            "output_model_path":"models","prod_deployment_path":"prod",
            "alerts":{"command":["/bin/true"]}}"#;
        Config::parse(&folder.join("config.json"), text).unwrap()
    }

    fn held_test(verdict: Verdict, rows: u64) -> HeldTest {
        HeldTest {
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
            },
            rows,
            level: 0.005,
        }
    }

    /// Tests of a batch, and of so many rows together, that say all the same.
    fn verdicts(verdict: Verdict, rows: u64, together: u64) -> Verdicts {
        Verdicts {
            verdict,
            rows,
            model: ModelVerdict {
                verdict,
                rows,
                positives: 0,
                expected: None,
                single: Some(held_test(Verdict::Ok, rows)),
                cumulative: Some(held_test(verdict, together)),
                untested: Vec::new(),
                untested_levels: Vec::new(),
                undecided: None,
                moved: None,
            },
            joint: Some(JointCheck {
                columns: vec!["x".into()],
                rows: [100, rows],
                least_p_value: None,
                left_out: Vec::new(),
                statistic: 1.0,
                degrees: 1,
                p_value: 0.5,
                effect: None,
                verdict,
            }),
            features: Vec::new(),
            sums: CumulativeScore::default(),
        }
    }

    /// A pipeline whose runs find what a test says.
    struct Pipeline {
        folder: tempfile::TempDir,
    }

    impl Pipeline {
        fn new() -> Self {
            let folder = tempfile::tempdir().unwrap();
            Self { folder }
        }

        /// The conditions that are open after a run.
        fn after(&self, outcome: Outcome, release: &str, found: Verdicts) -> Vec<String> {
            let config = config(self.folder.path());
            let history = History::open(&config.layout).unwrap();
            let now = Timestamp::now();
            let mut run = OpenRun::begin(&config, &history, now, now).unwrap();
            history
                .save_verdicts(run.id, &verdict_rows(&found))
                .unwrap();
            run.record.evidence = Some(Evidence {
                deployed: Some(DeployedModel {
                    release: release.into(),
                    score: 0.5,
                }),
                verdicts: Some(found),
                ..Evidence::default()
            });
            run.finish(outcome, None).unwrap();
            let open = history.open_conditions().unwrap();
            let drifts = open.into_iter().map(|condition| condition.name);
            drifts.filter(|name| name.ends_with("_drift")).collect()
        }
    }

    const BOTH: [&str; 2] = ["feature_drift", "model_drift"];
    const NONE: [&str; 0] = [];

    #[test]
    fn a_drift_is_over_once_tests_of_enough_rows_hold() {
        let pipeline = Pipeline::new();
        let after = |outcome, verdict, rows| {
            pipeline.after(outcome, "000001", verdicts(verdict, rows, rows))
        };
        let refused = Outcome::CandidateRefused;
        let steady = Outcome::Steady;
        assert_eq!(after(refused, Verdict::Drift, 26), BOTH);
        assert_eq!(after(steady, Verdict::Ok, 26), BOTH);
        assert_eq!(after(steady, Verdict::Ok, 77), BOTH);
        assert_eq!(
            after(Outcome::Failed, Verdict::Ok, 500),
            BOTH,
            "judged again"
        );
        assert_eq!(
            after(Outcome::NotJudged, Verdict::InsufficientData, 500),
            BOTH
        );
        assert_eq!(after(steady, Verdict::Ok, 1), NONE);
        assert_eq!(after(steady, Verdict::Drift, 26), BOTH);
        assert_eq!(after(steady, Verdict::Ok, 104), NONE);
        assert_eq!(after(steady, Verdict::Ok, 104), NONE);
    }

    #[test]
    fn what_was_found_on_more_rows_takes_more_to_be_over() {
        let pipeline = Pipeline::new();
        let after = |verdict, rows| {
            pipeline.after(Outcome::Steady, "000001", verdicts(verdict, rows, rows))
        };
        assert_eq!(after(Verdict::Drift, 400), BOTH);
        assert_eq!(after(Verdict::Ok, 1_500), BOTH);
        assert_eq!(after(Verdict::Drift, 10), BOTH);
        assert_eq!(
            after(Verdict::Ok, 1_599),
            BOTH,
            "the rows before are of no use"
        );
        assert_eq!(after(Verdict::Ok, 1), NONE);
        // The sums alone had found it.
        let found = verdicts(Verdict::Drift, 10, 200);
        assert_eq!(pipeline.after(Outcome::Steady, "000001", found), BOTH);
        assert_eq!(after(Verdict::Ok, 40), ["model_drift"]);
        assert_eq!(after(Verdict::Ok, 760), NONE);
    }

    #[test]
    fn a_test_of_another_release_ends_it() {
        let pipeline = Pipeline::new();
        let after = |outcome, release, verdict, rows| {
            pipeline.after(outcome, release, verdicts(verdict, rows, rows))
        };
        let redeployed = Outcome::Redeployed;
        assert_eq!(after(redeployed, "000001", Verdict::Drift, 400), BOTH);
        assert_eq!(after(Outcome::Steady, "000002", Verdict::Ok, 26), NONE);
    }
}
