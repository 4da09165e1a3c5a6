//! Where the model is wrong: its residuals on the labelled rows of a batch, by segment.
//!
//! A segment is a level of a category, a bin of a number, or the clients without a value. All clients
//! together are a segment, too: if the model is wrong about everybody, no part is to blame.
//!
//! A segment differs if two things hold. The difference is significant after Holm's correction for
//! all segments, and it is large enough to matter. The worst segment is the one whose difference
//! has the largest lower confidence bound. So a small segment is not named because of chance, and a
//! part is preferred to a larger segment that contains it.
//!
//! The error of the model's own coefficients counts, so a model of few training rows is not blamed for
//! what it cannot know.

mod division;
mod text;

use common::Failure;
use dataset::Selection;
use dataset::passes::GroupSums;
use model::Model;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use self::division::{SegmentDivision, divisions};
use super::batch::Batch;
use crate::compare::Verdict;
use crate::statistics::{
    DeployedCoefficients, ResidualTest, ScoreTerms, holm, normal_quantile, residual_test,
};

pub use self::division::SegmentPart;

/// The smallest factor between the observed and the expected odds of leaving that matters, up or
/// down. Examples of this factor: 20 % instead of 16.7 %, and 55.6 % instead of 50 %.
pub const MIN_ODDS_RATIO: f64 = 1.25;
/// Maximum number of rows that are summed. Of a larger batch, evenly spread rows are summed.
const MAX_ROWS: usize = 100_000;
/// Maximum number of sums that one pass over the rows computes, unless one feature needs more.
const MAX_SUMS: usize = 1 << 20;
/// Maximum number of segments in a result.
const MAX_LISTED: usize = 10;

/// Check of the deployed model on the segments of a batch.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct SegmentCheck {
    /// Drift if any segment differs. Otherwise insufficient data if no segment of a feature could be
    /// tested.
    pub verdict: Verdict,
    /// Number of labelled rows that were summed: those of the batch, or of a spread sample of it.
    pub rows: u64,
    /// Number of segments that had enough rows for a test.
    pub tested: u64,
    /// Number of segments that differ.
    pub differing: u64,
    /// Significance level of all segments together: a smaller corrected p-value is significant.
    pub level: f64,
    /// The tested segments, the worst first; ten at most.
    pub segments: Vec<Segment>,
}

/// A segment, with its labels and what the model expected.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Segment {
    /// Name of the feature; `None` for all clients.
    pub feature: Option<String>,
    /// The clients of the segment.
    pub part: SegmentPart,
    /// Number of labelled rows.
    pub rows: u64,
    /// Number of positive labels.
    pub positives: u64,
    /// Number of positive labels that the model expects.
    pub expected: f64,
    /// The difference of both in standard errors; above 0 if more labels are positive than expected.
    pub statistic: f64,
    /// Probability of a difference at least this large when the model is right.
    pub p_value: f64,
    /// The p-value, corrected for the number of tested segments (Holm).
    pub corrected_p_value: f64,
    /// Odds of a positive label, divided by the expected odds. `None` if all labels are positive.
    pub odds_ratio: Option<f64>,
    /// The verdict.
    pub verdict: Verdict,
}

/// Checks the deployed model on the segments of a batch. `terms` are the sums of the score test over
/// the batch; `level` is the chance of any false alarm. `None` without labelled rows.
pub(super) fn check_segments(
    model: &Model,
    batch: &Batch<'_>,
    terms: &ScoreTerms,
    level: f64,
) -> Result<Option<SegmentCheck>, Failure> {
    if terms.rows == 0 {
        return Ok(None);
    }
    let deployed = DeployedCoefficients::of(model);
    let mut segment_divisions = divisions(model);
    if deployed.covariance().is_none() {
        // No segment of a feature can be tested.
        segment_divisions.truncate(1);
    }
    let divisions = segment_divisions.iter().map(|it| it.division.clone());
    let divisions: Vec<_> = divisions.collect();
    let rows = Selection::rows(batch.rows.clone());
    let rows = match batch.rows.len().div_ceil(MAX_ROWS) {
        0 | 1 => rows,
        share => rows.one_in(share),
    };
    let mut sums = Vec::new();
    for block in divisions.chunks(divisions_at_once(model)) {
        sums.extend(deployed.group_sums(block, batch.table, &rows)?);
    }
    // The first division has all clients in one group.
    let n_rows = sums[0][0].rows;
    let correlation = deployed.correlation(terms);
    let tested = segment_divisions
        .iter()
        .zip(&sums)
        .flat_map(|(division, groups)| groups.iter().enumerate().map(move |it| (division, it)))
        // A segment of all rows would only repeat the test of all clients.
        .filter(|(division, (_, sums))| division.is_whole() || sums.rows < n_rows)
        .filter_map(|(division, (group, sums))| {
            let variance =
                deployed.residual_variance(sums, correlation, division.training_rows(group))?;
            let test = residual_test(sums, variance)?;
            Some(Tested {
                division,
                group,
                sums,
                test,
            })
        });
    Ok(Some(result_of(tested.collect(), n_rows, level)))
}

/// Number of divisions in one pass over the rows. A pass has a sum for each group and coefficient.
fn divisions_at_once(model: &Model) -> usize {
    let sums_of_division = division::MAX_GROUPS * (model.coefficients().count() + 1);
    (MAX_SUMS / sums_of_division).max(1)
}

/// A segment that was tested.
struct Tested<'a> {
    division: &'a SegmentDivision<'a>,
    group: usize,
    sums: &'a GroupSums,
    test: ResidualTest,
}

impl Tested<'_> {
    fn segment(&self, corrected: f64, level: f64) -> Segment {
        let sums = self.sums;
        let odds_ratio = odds_ratio(sums);
        let is_small =
            odds_ratio.is_some_and(|ratio| ratio < MIN_ODDS_RATIO && ratio > 1.0 / MIN_ODDS_RATIO);
        Segment {
            feature: self.division.feature.map(str::to_owned),
            part: self.division.part(self.group),
            rows: sums.rows,
            positives: sums.positives,
            expected: sums.expected,
            statistic: self.test.statistic,
            p_value: self.test.p_value,
            corrected_p_value: corrected,
            odds_ratio,
            verdict: match corrected < level && !is_small {
                true => Verdict::Drift,
                false => Verdict::Ok,
            },
        }
    }
}

/// Odds of a positive label, divided by the expected odds; `None` if all labels are positive.
fn odds_ratio(sums: &GroupSums) -> Option<f64> {
    let odds = |positives: f64| positives / (sums.rows as f64 - positives);
    let ratio = odds(sums.positives as f64) / odds(sums.expected);
    ratio.is_finite().then_some(ratio)
}

fn result_of(mut tested: Vec<Tested<'_>>, rows: u64, level: f64) -> SegmentCheck {
    sort_by_lower_bound(&mut tested, level);
    let p_values: Vec<f64> = tested.iter().map(|tested| tested.test.p_value).collect();
    let segments = tested.iter().zip(holm(&p_values));
    let mut segments: Vec<Segment> = segments
        .map(|(tested, corrected)| tested.segment(corrected, level))
        .collect();
    // Segments that differ come before segments whose difference is too small to matter.
    segments.sort_by_key(|segment| segment.verdict != Verdict::Drift);
    let differing = segments.iter().filter(|it| it.verdict == Verdict::Drift);
    let differing = differing.count() as u64;
    let has_segments = segments.iter().any(|segment| segment.feature.is_some());
    let verdict = match (differing, has_segments) {
        (1.., _) => Verdict::Drift,
        (0, true) => Verdict::Ok,
        (0, false) => Verdict::InsufficientData,
    };
    segments.truncate(MAX_LISTED);
    SegmentCheck {
        verdict,
        rows,
        tested: tested.len() as u64,
        differing,
        level,
        segments,
    }
}

/// Sorts segments by the lower confidence bound of their shift of the log-odds, the largest first. All
/// bounds hold together with probability 1 − `level`.
fn sort_by_lower_bound(tested: &mut [Tested<'_>], level: f64) {
    let tail = level / (2.0 * tested.len().max(1) as f64);
    let quantile = normal_quantile(1.0 - tail);
    let lower_bound =
        |tested: &Tested<'_>| tested.test.shift.abs() - quantile * tested.test.shift_error;
    tested.sort_by(|one, other| lower_bound(other).total_cmp(&lower_bound(one)));
}

#[cfg(test)]
mod tests;
