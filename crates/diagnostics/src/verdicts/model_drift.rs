//! Verdict on model drift.

use common::Failure;
use dataset::Selection;
use model::Model;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::batch::Batch;
use super::coefficients::{
    CoefficientChange, UntestedCoefficients, UntestedLevel, UntestedReason, largest_change,
    untested_coefficients,
};
use crate::compare::Verdict;
use crate::statistics::{
    CumulativeScore, DeployedCoefficients, ScoreTerms, ScoreTest, Undecided, look_level,
};

/// Smallest number of rows for a test of the sums of several batches. The rows themselves are gone,
/// so only χ² is possible, and it is unreliable for few rows. In 2,000 streams of small batches
/// without drift it gave 1.2 to 1.45 % false alarms. Nearly all of them came before this number of
/// rows.
const MIN_SUMMED_ROWS: u64 = 150;
/// Significance level of the test of the last batches, as a share of `drift.alpha`. It applies to
/// each number of batches; their sums have most rows in common.
const RECENT_SHARE: f64 = 0.2;

/// Verdict on model drift, with the tests behind it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct ModelVerdict {
    /// Drift when a test says so. Insufficient data when no test gives a result.
    pub verdict: Verdict,
    /// Number of labelled rows in the batch.
    pub rows: u64,
    /// Number of labelled rows from which `rows` were sampled; `None` if all of them were tested.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sample_of: Option<u64>,
    /// Number of rows with a positive label.
    pub positives: u64,
    /// Number of positive labels that the model expects. `None` when it is not finite.
    pub expected: Option<f64>,
    /// Test of this batch alone.
    pub single: Option<TestAtLevel>,
    /// Test of the last batches together, this one included. Of several numbers of batches, the one
    /// with the smallest p-value. `None` where the model has seen one batch only.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub recent: Option<RecentTest>,
    /// Test of all batches since the deployment of the model.
    pub cumulative: Option<TestAtLevel>,
    /// Features that the deciding test left out: their coefficients are redundant, or no row has a
    /// level of the category.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub untested: Vec<String>,
    /// Levels of other categories that the deciding test left out, and numbers with a rare value. A
    /// level without rows is not listed.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub untested_levels: Vec<UntestedLevel>,
    /// Reason why the batch alone cannot be tested.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub undecided: Option<Undecided>,
    /// The coefficient that has changed most; `None` without model drift.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub moved: Option<CoefficientChange>,
}

/// A score test with its significance level.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct TestAtLevel {
    /// The test.
    #[serde(flatten)]
    pub test: ScoreTest,
    /// Number of labelled rows in the test.
    pub rows: u64,
    /// Significance level: a smaller p-value is drift.
    pub level: f64,
}

/// A test of the last batches together.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct RecentTest {
    /// Number of batches.
    pub batches: u32,
    /// The test.
    #[serde(flatten)]
    pub result: TestAtLevel,
}

impl ModelVerdict {
    /// The tests that gave a result: of the batch, of the last batches, and of all batches.
    pub fn tests(&self) -> impl Iterator<Item = &TestAtLevel> {
        let recent = self.recent.as_ref().map(|recent| &recent.result);
        self.single.iter().chain(recent).chain(&self.cumulative)
    }

    /// Removes the names of levels, which are cell contents. Names of categories stay.
    pub fn without_level_names(mut self) -> Self {
        if let Some(moved) = &mut self.moved {
            moved.coefficient = None;
            for level in &mut moved.base_levels {
                level.coefficient = None;
            }
        }
        for level in &mut self.untested_levels {
            level.coefficient = None;
        }
        // The levels of a category are adjacent.
        self.untested_levels.sort_by_key(|level| match level.why {
            UntestedReason::Rare => 0,
            UntestedReason::RareInTraining => 1,
            UntestedReason::Collinear => 2,
        });
        self.untested_levels.dedup();
        self
    }
}

impl TestAtLevel {
    /// True when the test indicates drift.
    pub fn is_drift(&self) -> bool {
        self.test.p_value < self.level
    }

    /// The verdict of the test. A test of the intercept alone is no evidence against drift, so it
    /// gives insufficient data.
    pub fn verdict(&self) -> Verdict {
        if self.is_drift() {
            Verdict::Drift
        } else if self.tests_intercept_only() {
            Verdict::InsufficientData
        } else {
            Verdict::Ok
        }
    }

    /// True when only the intercept was tested, because the rows cannot distinguish the other
    /// coefficients from it.
    fn tests_intercept_only(&self) -> bool {
        let others = self.test.components.get(1..).unwrap_or_default();
        !self.test.is_intercept_all && !others.is_empty() && others.iter().all(Option::is_none)
    }
}

/// Tests a batch alone and the sums of several batches of the same model. `earlier` holds the sums
/// without this batch. Returns the verdict and the sums of the batch.
pub fn model_verdict(
    model: &Model,
    batch: &Batch<'_>,
    earlier: &CumulativeScore,
    alpha: f64,
) -> Result<(ModelVerdict, ScoreTerms), Failure> {
    let deployed = DeployedCoefficients::of(model);
    let rows = batch.rows.clone();
    let terms = deployed.terms(batch.table, &Selection::rows(rows.clone()))?;
    let single = deployed.test_batch(batch.table, rows, &terms, alpha)?;
    let undecided = single.as_ref().err().copied();
    let single = single.ok().map(|test| {
        let rows = terms.rows;
        let level = alpha;
        (TestAtLevel { test, rows, level }, terms.clone())
    });
    let sums = Sums {
        deployed: &deployed,
        single: single.as_ref(),
        earlier,
        alpha,
    };
    let can_be_summed = deployed.covariance().is_some() && terms.rows > 0;
    let recent = can_be_summed.then(|| sums.test_recent(&terms)).flatten();
    let cumulative = can_be_summed.then(|| sums.test_all(&terms)).flatten();

    let of_recent = recent.as_ref().map(|(_, tested)| tested);
    let found = || single.iter().chain(of_recent).chain(&cumulative);
    let drift = found().find(|(result, _)| result.verdict() == Verdict::Drift);
    let no_drift = found().find(|(result, _)| result.verdict() == Verdict::Ok);
    let verdict = match (drift, no_drift) {
        (Some(_), _) => Verdict::Drift,
        (None, Some(_)) => Verdict::Ok,
        (None, None) => Verdict::InsufficientData,
    };
    let UntestedCoefficients { features, levels } = drift
        .or(no_drift)
        .map_or_else(UntestedCoefficients::default, |(result, terms)| {
            untested_coefficients(model, &result.test, &deployed.left_out(terms))
        });
    let moved = drift
        .and_then(|(result, terms)| largest_change(model, &result.test, &deployed.left_out(terms)));
    let only_intercept = single
        .as_ref()
        .filter(|(result, _)| result.tests_intercept_only());
    let result = ModelVerdict {
        verdict,
        rows: terms.rows,
        sample_of: None,
        positives: terms.positives,
        expected: Some(terms.expected).filter(|expected| expected.is_finite()),
        untested: features,
        untested_levels: levels,
        moved,
        undecided: undecided.or(only_intercept.map(|_| Undecided::CollinearFeatures)),
        single: single.map(|(result, _)| result),
        recent: recent.map(|(batches, (result, _))| RecentTest { batches, result }),
        cumulative: cumulative.map(|(result, _)| result),
    };
    Ok((result, terms))
}

/// A test, and the sums it was computed from.
type Tested = (TestAtLevel, ScoreTerms);

/// The inputs of the tests of several batches.
struct Sums<'a> {
    deployed: &'a DeployedCoefficients<'a>,
    /// The test of the batch alone.
    single: Option<&'a Tested>,
    earlier: &'a CumulativeScore,
    alpha: f64,
}

impl Sums<'_> {
    /// Tests the sums of all batches with this one.
    fn test_all(&self, batch: &ScoreTerms) -> Option<Tested> {
        let terms = self.earlier.terms_with(batch).ok()?;
        self.test(terms, look_level(self.alpha, self.earlier.looks + 1))
    }

    /// Tests the sums of the last batches, with each number of batches. The one with the smallest p-value is returned.
    fn test_recent(&self, batch: &ScoreTerms) -> Option<(u32, Tested)> {
        let windows = self.earlier.recent_with(batch).into_iter();
        let tested = windows.filter_map(|(batches, terms)| {
            Some((batches, self.test(terms, RECENT_SHARE * self.alpha)?))
        });
        let p_value = |(_, (result, _)): &(u32, Tested)| result.test.p_value;
        tested.min_by(|one, other| p_value(one).total_cmp(&p_value(other)))
    }

    /// Tests sums of several batches; `None` where they cannot be tested.
    fn test(&self, terms: ScoreTerms, level: f64) -> Option<Tested> {
        let rows = terms.rows;
        if let Some((single, of_batch)) = self.single
            && *of_batch == terms
        {
            // For the first batch of a model the sums are those of the batch.
            let test = single.test.clone();
            return Some((TestAtLevel { test, rows, level }, terms));
        }
        if rows < MIN_SUMMED_ROWS {
            return None;
        }
        let test = self.deployed.test(&terms).ok()?;
        Some((TestAtLevel { test, rows, level }, terms))
    }
}
