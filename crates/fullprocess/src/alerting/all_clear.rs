//! Whether a drift that people were told of may be said to be over.
//!
//! A test of a few rows seldom finds what is there: that one holds says little after another that
//! did not. So a drift is over for tests of another release, or once the tests that hold are of
//! enough rows together. What was found and what has held since is a document of the history, kept
//! in the transaction that ends a run: however long a drift lasts, no run looks back.

use std::collections::BTreeMap;

use alerts::{Condition, Seen, Sighting};
use common::History;
use diagnostics::Verdict;
use record::{Effect, RunRecord};
use serde::{Deserialize, Serialize};

/// The document of the drifts that people were told of, and of what has held since.
const OPEN_DRIFTS: &str = "drifts that are open";
/// Tests that hold must rest on so many times the rows of the one that found the drift. Where a
/// coefficient is gone 26 rows show it in a quarter of the batches: three of four such batches miss
/// it, and eight in a row do in one of ten cases. With a batch an hour that makes 1.2 messages a day
/// of a drift that lasts, in place of nine where as many rows as before were enough.
const TIMES_THE_ROWS: u64 = 8;

/// A drift that is open.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
struct OpenDrift {
    /// The release that was tested.
    release: Option<String>,
    /// Rows of the test that found it; of several the most.
    rows: u64,
    /// Rows of the tests since the last of those, which all hold.
    held: u64,
}

/// What one run says of a drift.
struct Tested<'a> {
    release: Option<&'a str>,
    verdict: Verdict,
    /// Rows that it rests on.
    rows: u64,
    /// Whether no later run tests the same rows again.
    is_judged: bool,
}

/// Takes out that a drift is over where the run that says so cannot know.
///
/// Where the history cannot tell, the test of the run is believed.
pub(super) fn without_premature_ends(
    history: &History,
    record: &RunRecord,
    mut sightings: Vec<Sighting>,
) -> Vec<Sighting> {
    match still_open(history, record) {
        Ok(open) => sightings.retain(|sighting| {
            let is_open = open.contains_key(sighting.condition.name());
            !is_open || sighting.seen != Seen::Right
        }),
        Err(error) => tracing::warn!("{error:#}"),
    }
    sightings
}

/// The drifts, by their condition, that are open after a run, which is noted.
fn still_open(
    history: &History,
    record: &RunRecord,
) -> anyhow::Result<BTreeMap<String, OpenDrift>> {
    let found = tested(record);
    if found.is_empty() {
        // There are no ends to take out.
        return Ok(BTreeMap::new());
    }
    let before: BTreeMap<String, OpenDrift> = history.document(OPEN_DRIFTS)?.unwrap_or_default();
    let mut open = before.clone();
    for (condition, tested) in found {
        let name = condition.name();
        if let Some(drift) = after(open.remove(name), &tested) {
            open.insert(name.to_owned(), drift);
        }
    }
    if open != before {
        history.save_document(OPEN_DRIFTS, &open)?;
    }
    Ok(open)
}

/// What becomes of a drift by a test; `None` where there is none, or no longer.
fn after(open: Option<OpenDrift>, tested: &Tested<'_>) -> Option<OpenDrift> {
    let is_of_release = |open: &OpenDrift| open.release.as_deref() == tested.release;
    match tested.verdict {
        Verdict::InsufficientData => open,
        Verdict::Drift => {
            let before = open.filter(is_of_release).map_or(0, |open| open.rows);
            Some(OpenDrift {
                release: tested.release.map(str::to_owned),
                rows: before.max(tested.rows),
                held: 0,
            })
        }
        Verdict::Ok => {
            let mut open = open.filter(is_of_release)?;
            if tested.is_judged {
                open.held = open.held.saturating_add(tested.rows);
            }
            let needed = open.rows.saturating_mul(TIMES_THE_ROWS);
            (open.held < needed).then_some(open)
        }
    }
}

/// What a run says of the conditions that a test finds.
fn tested(record: &RunRecord) -> Vec<(Condition, Tested<'_>)> {
    let Some((evidence, verdicts)) = record.evidence.as_ref().zip(record.verdicts()) else {
        return Vec::new();
    };
    let deployed = evidence.deployed.as_ref();
    let tested = |verdict, rows| Tested {
        release: deployed.map(|deployed| deployed.release.as_str()),
        verdict,
        rows,
        is_judged: record.effects.contains(&Effect::Judged),
    };
    let model = &verdicts.model;
    let tests = model.single.iter().chain(&model.cumulative);
    // The sums rest on more rows than the batch.
    let of_drift = tests.filter(|held| held.is_drift());
    let rows = of_drift.map(|held| held.rows).max();
    vec![
        (
            Condition::ModelDrift,
            tested(model.verdict, rows.unwrap_or(model.rows)),
        ),
        (
            Condition::FeatureDrift,
            tested(verdicts.worst_of_features(), verdicts.rows),
        ),
    ]
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use common::Config;
    use diagnostics::statistics::{CumulativeScore, ScoreTest, ScoreTestMethod};
    use diagnostics::{HeldTest, JointCheck, ModelVerdict, Verdicts};
    use jiff::Timestamp;
    use record::{DeployedModel, Evidence, Outcome};

    use super::*;
    use crate::open_run::OpenRun;

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
        fn after(&self, outcome: &Outcome, release: &str, found: Verdicts) -> Vec<String> {
            let config = config(self.folder.path());
            let history = History::open(&config.layout).unwrap();
            let now = Timestamp::now();
            let mut run = OpenRun::begin(&config, &history, now, now).unwrap();
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
                run.record.effects.insert(Effect::Judged);
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
    fn a_drift_is_over_once_tests_of_enough_rows_hold() {
        let pipeline = Pipeline::new();
        let after = |outcome, verdict, rows| {
            pipeline.after(outcome, "000001", verdicts(verdict, rows, rows))
        };
        let refused = Outcome::CandidateRefused;
        let steady = Outcome::Steady;
        assert_eq!(after(&refused, Verdict::Drift, 26), BOTH);
        assert_eq!(after(&steady, Verdict::Ok, 26), BOTH);
        assert_eq!(after(&steady, Verdict::Ok, 181), BOTH);
        assert_eq!(
            after(&Outcome::Failed, Verdict::Ok, 500),
            BOTH,
            "judged again"
        );
        let waits = Outcome::NotJudged;
        assert_eq!(after(&waits, Verdict::Ok, 500), BOTH, "judged again too");
        assert_eq!(after(&steady, Verdict::InsufficientData, 500), BOTH);
        assert_eq!(after(&steady, Verdict::Ok, 1), NONE);
        assert_eq!(after(&steady, Verdict::Drift, 26), BOTH);
        assert_eq!(after(&steady, Verdict::Ok, 208), NONE);
        assert_eq!(after(&steady, Verdict::Ok, 208), NONE);
    }

    #[test]
    fn what_was_found_on_more_rows_takes_more_to_be_over() {
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
            "the rows before are of no use"
        );
        assert_eq!(after(Verdict::Ok, 1), NONE);
        // The sums alone had found it.
        let found = verdicts(Verdict::Drift, 10, 200);
        assert_eq!(pipeline.after(&Outcome::Steady, "000001", found), BOTH);
        assert_eq!(after(Verdict::Ok, 80), ["model_drift"]);
        assert_eq!(after(Verdict::Ok, 1_520), NONE);
    }

    #[test]
    fn a_test_of_another_release_ends_it() {
        let pipeline = Pipeline::new();
        let after = |outcome, release, verdict, rows| {
            pipeline.after(outcome, release, verdicts(verdict, rows, rows))
        };
        let redeployed = Outcome::Redeployed;
        assert_eq!(after(&redeployed, "000001", Verdict::Drift, 400), BOTH);
        assert_eq!(after(&Outcome::Steady, "000002", Verdict::Ok, 26), NONE);
        // What was found of one release asks nothing of another.
        assert_eq!(after(&redeployed, "000002", Verdict::Drift, 400), BOTH);
        assert_eq!(after(&Outcome::Steady, "000003", Verdict::Drift, 10), BOTH);
        assert_eq!(after(&Outcome::Steady, "000003", Verdict::Ok, 80), NONE);
    }
}
