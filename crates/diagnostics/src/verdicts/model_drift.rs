//! Verdict on model drift.

use dataset::Selection;
use model::Model;
use serde::{Deserialize, Serialize};

use super::batch::Batch;
use super::coefficients::{
    CoefficientChange, UntestedCoefficients, UntestedLevel, UntestedReason, largest_change,
    untested_coefficients,
};
use crate::compare::Verdict;
use crate::statistics::{CumulativeScore, DeployedCoefficients, ScoreTerms, ScoreTest, Undecided};

/// Smallest number of rows for a test of the sums of several batches. The rows themselves are gone,
/// so only χ² is possible, and it is unreliable for few rows. In 2,000 streams of small batches
/// without drift it gave 1.2 to 1.45 % false alarms. Nearly all of them came before this number of
/// rows.
const MIN_SUMMED_ROWS: u64 = 150;

/// Verdict on model drift, with the tests behind it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ModelVerdict {
    /// Drift when either test says so. Insufficient data when neither test gives a result.
    pub verdict: Verdict,
    /// Number of labelled rows in the batch.
    pub rows: u64,
    /// Number of rows with a positive label.
    pub positives: u64,
    /// Number of positive labels that the model expects. `None` when it is not finite.
    pub expected: Option<f64>,
    /// Test of this batch alone.
    pub single: Option<TestAtLevel>,
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
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct TestAtLevel {
    /// The test.
    #[serde(flatten)]
    pub test: ScoreTest,
    /// Number of labelled rows in the test.
    pub rows: u64,
    /// Significance level: a smaller p-value is drift.
    pub level: f64,
}

impl ModelVerdict {
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
        !others.is_empty() && others.iter().all(Option::is_none)
    }
}

/// Tests a batch alone, and the sums of all batches of the same model. `earlier` holds the sums
/// without this batch. Returns the verdict and the new sums.
pub fn model_verdict(
    model: &Model,
    batch: &Batch<'_>,
    earlier: &CumulativeScore,
    alpha: f64,
) -> (ModelVerdict, CumulativeScore) {
    let deployed = DeployedCoefficients::of(model);
    let rows = batch.rows.clone();
    let terms = deployed.terms(batch.table, &Selection::rows(rows.clone()));
    let single = deployed.test_batch(batch.table, rows, &terms, alpha);
    let test = |sums: &ScoreTerms| {
        if *sums == terms {
            // For the first batch of a model the sums are those of the batch.
            return single.clone();
        }
        let rows = sums.rows;
        if rows < MIN_SUMMED_ROWS {
            let needed = MIN_SUMMED_ROWS;
            return Err(Undecided::FewRows { rows, needed });
        }
        deployed.test(sums)
    };
    let (cumulative, sums) = if deployed.covariance().is_none() || terms.rows == 0 {
        (None, earlier.clone())
    } else {
        test_sums(&terms, test, earlier, alpha)
    };
    let undecided = single.as_ref().err().copied();
    let single = single.ok().map(|test| TestAtLevel {
        test,
        rows: terms.rows,
        level: alpha,
    });
    let found = || single.iter().chain(&cumulative);
    let drift = found().find(|result| result.verdict() == Verdict::Drift);
    let holds = found().find(|result| result.verdict() == Verdict::Ok);
    let undecided = undecided.or(single
        .as_ref()
        .filter(|result| result.tests_intercept_only())
        .map(|_| Undecided::CollinearFeatures));
    let verdict = match (drift, holds) {
        (Some(_), _) => Verdict::Drift,
        (None, Some(_)) => Verdict::Ok,
        (None, None) => Verdict::InsufficientData,
    };
    let left_out = |result: &TestAtLevel| {
        let is_single = single.as_ref() == Some(result);
        let of_all = sums.terms.as_ref().filter(|_| !is_single);
        deployed.left_out(of_all.unwrap_or(&terms))
    };
    let UntestedCoefficients { features, levels } = drift
        .or(holds)
        .map_or_else(UntestedCoefficients::default, |result| {
            untested_coefficients(model, &result.test, &left_out(result))
        });
    let result = ModelVerdict {
        verdict,
        rows: terms.rows,
        positives: terms.positives,
        expected: Some(terms.expected).filter(|expected| expected.is_finite()),
        untested: features,
        untested_levels: levels,
        moved: drift.and_then(|result| largest_change(model, &result.test, &left_out(result))),
        undecided,
        single,
        cumulative,
    };
    (result, sums)
}

/// Tests the sums after adding the batch.
fn test_sums(
    terms: &ScoreTerms,
    test: impl FnOnce(&ScoreTerms) -> Result<ScoreTest, Undecided>,
    earlier: &CumulativeScore,
    alpha: f64,
) -> (Option<TestAtLevel>, CumulativeScore) {
    let mut sums = earlier.clone();
    let tested = sums.look(terms, test, alpha).ok();
    let rows = sums.terms.as_ref().map_or(0, |terms| terms.rows);
    let result = tested.map(|(test, level)| TestAtLevel { test, rows, level });
    (result, sums)
}
