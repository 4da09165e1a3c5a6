//! Does the deployed model still hold?

use dataset::Selection;
use model::Model;
use serde::{Deserialize, Serialize};

use super::Batch;
use super::coefficients::{Moved, Untested, UntestedLevel, WhyUntested, most_moved, untested};
use crate::compare::Verdict;
use crate::statistics::{CumulativeScore, DeployedCoefficients, ScoreTerms, ScoreTest, Undecided};

/// Sums of several batches are looked at from so many rows on. Their rows are gone, so that χ² has to
/// do, which is too quick for fewer: of 2,000 streams of small batches in which nothing had changed
/// it said drift in 1.2 to 1.45 %, and in nearly all of those before so many rows had come.
const MIN_SUMMED_ROWS: u64 = 150;

/// Whether the coefficients of the deployed model still hold.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ModelVerdict {
    /// Drift when either test says so; insufficient data when neither can be made.
    pub verdict: Verdict,
    /// Labelled rows of the batch.
    pub rows: u64,
    /// Rows of class 1 among them.
    pub positives: u64,
    /// Rows of class 1 that the model expects among them; `None` where a number is beyond measure.
    pub expected: Option<f64>,
    /// The test of the batch alone.
    pub single: Option<HeldTest>,
    /// The test of all batches since the model went live.
    pub cumulative: Option<HeldTest>,
    /// Features whose coefficients the test that decides could not tell from the others, and
    /// categories of which no row has a level.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub untested: Vec<String>,
    /// Levels of other categories whose coefficients that test says nothing about. One that no row
    /// has is not among them.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub untested_levels: Vec<UntestedLevel>,
    /// Why the batch alone cannot be tested.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub undecided: Option<Undecided>,
    /// The coefficient that has moved most, where the model no longer holds.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub moved: Option<Moved>,
}

/// A score test and the level that it is held against.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct HeldTest {
    /// The test.
    #[serde(flatten)]
    pub test: ScoreTest,
    /// Labelled rows that it is made of.
    pub rows: u64,
    /// A p-value below it is drift.
    pub level: f64,
}

impl ModelVerdict {
    /// The same without what stands in cells: of a category its name, and none of its levels.
    pub fn without_levels(mut self) -> Self {
        if let Some(moved) = &mut self.moved {
            moved.coefficient = None;
            for level in &mut moved.base_levels {
                level.coefficient = None;
            }
        }
        for level in &mut self.untested_levels {
            level.coefficient = None;
        }
        // A category has its levels one after the other.
        self.untested_levels
            .sort_by_key(|level| level.why == WhyUntested::Alike);
        self.untested_levels.dedup();
        self
    }
}

impl HeldTest {
    /// Whether it says that the model no longer holds.
    pub fn is_drift(&self) -> bool {
        self.test.p_value < self.level
    }

    /// What it says; nothing where it is of the intercept alone and that holds.
    pub fn verdict(&self) -> Verdict {
        if self.is_drift() {
            Verdict::Drift
        } else if self.is_of_intercept_alone() {
            Verdict::InsufficientData
        } else {
            Verdict::Ok
        }
    }

    /// Whether it is of the intercept alone, though there are other coefficients: the rows are too
    /// alike to tell any of those from it.
    fn is_of_intercept_alone(&self) -> bool {
        let others = self.test.components.get(1..).unwrap_or_default();
        !others.is_empty() && others.iter().all(Option::is_none)
    }
}

/// Tests a batch alone, and the sums that it is added to, which are those of the batches before it
/// under the same model; returns the sums with it.
pub fn model_verdict(
    model: &Model,
    batch: &Batch<'_>,
    before: &CumulativeScore,
    alpha: f64,
) -> (ModelVerdict, CumulativeScore) {
    let deployed = DeployedCoefficients::of(model);
    let rows = batch.rows.clone();
    let terms = deployed.terms(batch.table, &Selection::rows(rows.clone()));
    let single = deployed.test_batch(batch.table, rows, &terms, alpha);
    let test = |sums: &ScoreTerms| {
        if *sums == terms {
            // The first batch since the model went live is all of the sums.
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
        (None, before.clone())
    } else {
        look(&terms, test, before, alpha)
    };
    let undecided = single.as_ref().err().copied();
    let single = single.ok().map(|test| HeldTest {
        test,
        rows: terms.rows,
        level: alpha,
    });
    let found = || single.iter().chain(&cumulative);
    let drift = found().find(|held| held.verdict() == Verdict::Drift);
    let holds = found().find(|held| held.verdict() == Verdict::Ok);
    let undecided = undecided.or(single
        .as_ref()
        .filter(|held| held.is_of_intercept_alone())
        .map(|_| Undecided::AlikeRows));
    let verdict = match (drift, holds) {
        (Some(_), _) => Verdict::Drift,
        (None, Some(_)) => Verdict::Ok,
        (None, None) => Verdict::InsufficientData,
    };
    let left_out = |held: &HeldTest| {
        let is_single = single.as_ref() == Some(held);
        let of_all = sums.terms.as_ref().filter(|_| !is_single);
        deployed.left_out(of_all.unwrap_or(&terms))
    };
    let Untested { features, levels } = drift.or(holds).map_or_else(Untested::default, |held| {
        untested(model, &held.test, &left_out(held))
    });
    let held = ModelVerdict {
        verdict,
        rows: terms.rows,
        positives: terms.positives,
        expected: Some(terms.expected).filter(|expected| expected.is_finite()),
        untested: features,
        untested_levels: levels,
        moved: drift.and_then(|held| most_moved(model, &held.test, &left_out(held))),
        undecided,
        single,
        cumulative,
    };
    (held, sums)
}

/// Looks at the sums with the batch added.
fn look(
    terms: &ScoreTerms,
    test: impl FnOnce(&ScoreTerms) -> Result<ScoreTest, Undecided>,
    before: &CumulativeScore,
    alpha: f64,
) -> (Option<HeldTest>, CumulativeScore) {
    let mut sums = before.clone();
    let looked = sums.look(terms, test, alpha).ok();
    let rows = sums.terms.as_ref().map_or(0, |terms| terms.rows);
    let held = looked.map(|(test, level)| HeldTest { test, rows, level });
    (held, sums)
}
