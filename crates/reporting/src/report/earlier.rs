//! What a page shows of the runs before a run.

use std::ops::ControlFlow;

use common::{History, visible};
use diagnostics::{Verdict, Verdicts};
use record::{Outcome, RunFilter, RunRecord};

/// Maximum number of runs that figures show.
pub const MAX_RUNS: usize = 60;

/// Earlier runs that evaluated the deployed model. Only values that a page shows are kept.
#[derive(Default)]
pub struct EarlierRuns {
    /// The runs, the newest first.
    pub(crate) runs: Vec<EvaluatedRun>,
    /// The newest earlier run that measured the performance of the release.
    pub(super) measured: Option<RunRecord>,
}

/// The values of a run that figures and tables show. The run evaluated the deployed model.
#[derive(Clone, Debug)]
pub struct EvaluatedRun {
    pub(crate) run: i64,
    pub(crate) outcome: Option<Outcome>,
    pub(crate) release: Option<String>,
    /// F1 on the new rows.
    pub(crate) score: Option<f64>,
    pub(crate) interval: Option<[f64; 2]>,
    /// Number of labelled new rows that the F1 was measured on.
    pub(crate) rows: Option<u64>,
    /// `None` if model drift was not tested.
    pub(crate) model_verdict: Option<Verdict>,
    /// The features; `None` if they were not tested.
    pub(crate) features: Option<Vec<FeatureInRun>>,
    /// What the joint test of the features found, in words; empty without drift.
    pub(crate) joint_drift: Vec<String>,
}

/// Results of a run about one feature.
#[derive(Clone, Debug)]
pub(crate) struct FeatureInRun {
    pub(crate) name: String,
    pub(crate) verdict: Verdict,
    /// Population stability index.
    pub(crate) stability: Option<f64>,
    /// P-value of the test of the values, corrected for the number of tests.
    pub(crate) p_value: Option<f64>,
    /// Share of missing values in the new rows.
    pub(crate) missing: Option<f64>,
    /// The findings of the joint test about this feature, in words without values.
    pub(crate) joint_drift: Vec<String>,
}

impl EarlierRuns {
    /// Reads the runs before the run with the number `before`; the newest runs if it is `None`. The page is
    /// about `release`.
    pub fn read(
        history: &History,
        before: Option<i64>,
        release: Option<&str>,
    ) -> anyhow::Result<Self> {
        let mut earlier = Self::default();
        record::visit_runs(history, RunFilter::WithEvidence, before, |run| {
            Ok(earlier.add(run, release))
        })?;
        Ok(earlier)
    }

    /// Adds the next older run. Breaks if figures show no further run. The page is about `release`.
    pub fn add(&mut self, run: RunRecord, release: Option<&str>) -> ControlFlow<()> {
        self.runs.extend(EvaluatedRun::of(&run));
        if self.measured.is_none()
            && run.release.as_deref() == release
            && run.performance().is_some()
        {
            self.measured = Some(run);
        }
        match self.runs.len() < MAX_RUNS {
            true => ControlFlow::Continue(()),
            false => ControlFlow::Break(()),
        }
    }
}

impl EvaluatedRun {
    /// The values of a run that pages show. `None` if the run did not evaluate the deployed model.
    pub fn of(run: &RunRecord) -> Option<Self> {
        let metrics = run.evidence.as_ref()?.on_new_rows.as_ref();
        let verdicts = run.verdicts();
        let features = verdicts.map(|verdicts| &verdicts.features);
        let joint = verdicts.and_then(|verdicts| verdicts.joint.as_ref());
        let feature = |it: &diagnostics::ColumnComparison| FeatureInRun {
            name: it.name.clone(),
            verdict: it.verdict,
            stability: it.stability.map(|psi| psi.index),
            p_value: it.distribution.corrected_p_value,
            missing: it.missing_shares[1],
            joint_drift: joint.map_or(Vec::new(), |joint| joint.changes_of(&it.name, false)),
        };
        Some(Self {
            run: run.run_id.unwrap_or_default(),
            outcome: run.outcome.clone(),
            release: run.release.clone(),
            score: metrics.and_then(|it| it.f1),
            interval: metrics.and_then(|it| it.f1_interval),
            rows: metrics.map(|it| it.rows),
            model_verdict: verdicts.map(|it| it.model.verdict),
            joint_drift: verdicts.map_or(Vec::new(), joint_drift),
            features: features.map(|all| all.iter().map(feature).collect()),
        })
    }
}

/// What the joint test of the features found beyond the features that have drifted by themselves, in words
/// without values; empty without drift.
pub(crate) fn joint_drift(verdicts: &Verdicts) -> Vec<String> {
    let is_named = |name: &str| {
        let mut features = verdicts.features.iter();
        features.any(|it| it.name == name && it.verdict == Verdict::Drift)
    };
    let joint = verdicts.joint.iter();
    let found = joint.flat_map(|joint| joint.changes_beyond(is_named));
    found.map(|words| visible(&words)).collect()
}
