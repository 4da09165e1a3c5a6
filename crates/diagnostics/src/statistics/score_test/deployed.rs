//! A deployed model as the score test needs it: standardised coefficients and their covariance.

use std::iter::once;
use std::ops::Range;

use common::Failure;
use dataset::passes::{
    Agreement, Axis, ColumnProfile, Division, Encoding, GroupSums, LinearExpression, LogisticPoint,
    Moments, Term, WeightedTerm, bounded_logistic_terms, client_pairs, group_sums,
};
use dataset::{Selection, Table};
use model::{Model, Watch};
use ndarray::Array2;

use super::rare_values::rare_in_training;
use super::terms::ScoreTerms;
use super::tested_coefficients::{ScoreTest, TestedCoefficients};
use super::undecided::Undecided;

/// Distance that a probability keeps from 0 and 1. Without it, one row that the model considers
/// impossible could decide the test.
pub(super) const MIN_PROBABILITY: f64 = 1e-6;

/// Coefficients of a deployed model, for columns standardised by the training rows.
#[derive(Clone, Debug)]
pub struct DeployedCoefficients<'m> {
    pub(super) terms: Vec<Term<'m>>,
    /// The axis of each term.
    pub(super) axes: Vec<Axis>,
    /// Indices of the coefficients of each category; index 0 is the intercept.
    pub(super) categories: Vec<Range<usize>>,
    /// Indices of the coefficients of missing cells of numbers.
    pub(super) missing_cells: Vec<usize>,
    /// For each coefficient, true if too few training rows determine it.
    pub(super) is_rare_in_training: Vec<bool>,
    /// What the test watches in each coefficient, as its model says.
    pub(super) watched: Vec<Watch>,
    /// The coefficients, the intercept first.
    pub(super) weights: Vec<f64>,
    covariance: Option<Array2<f64>>,
    /// How far the labels of a client's training rows agree.
    training_agreement: Option<Agreement>,
}

impl<'m> DeployedCoefficients<'m> {
    /// Standardises the coefficients of a model.
    ///
    /// The model stores their covariance in raw units. A column whose mean is 10ᵏ standard
    /// deviations from 0 loses 2k of the sixteen digits.
    pub fn of(model: &'m Model) -> Self {
        let LinearExpression { intercept, terms } = model.predictor.expression();
        let axes: Vec<Axis> = terms
            .iter()
            .map(|WeightedTerm { term, imputed, .. }| {
                let known = &model.profile.columns[term.feature];
                axis(spread(known, term.encoding, *imputed), *imputed)
            })
            .collect();
        let slopes: Vec<f64> = terms
            .iter()
            .zip(&axes)
            .map(|(weighted, axis)| weighted.coefficient * axis.scale)
            .collect();
        let shifted = slopes
            .iter()
            .zip(&axes)
            .map(|(slope, axis)| slope * axis.shift);
        let intercept = intercept + shifted.sum::<f64>();
        let terms: Vec<Term<'_>> = terms.iter().map(|weighted| weighted.term).collect();
        Self {
            covariance: model
                .covariance
                .as_ref()
                .map(|raw| standardised_covariance(raw, &axes)),
            weights: [intercept].into_iter().chain(slopes).collect(),
            training_agreement: model.client_agreement,
            categories: categories(&terms),
            missing_cells: missing_cells(&terms),
            is_rare_in_training: rare_in_training(&terms, &model.profile),
            watched: once(Watch::BothWays)
                .chain(model.predictor.watched())
                .collect(),
            terms,
            axes,
        }
    }

    /// Sums over the labelled rows of a selection. The table must have the model's columns.
    pub fn terms(&self, table: &Table, selection: &Selection) -> Result<ScoreTerms, Failure> {
        let point = self.point();
        Ok(ScoreTerms {
            pairs: client_pairs(&point, max_log_odds(), table, selection)?.map(Into::into),
            ..terms_at(&point, table, selection)?
        })
    }

    /// Sums of residuals over the labelled rows of a selection, by the groups of each division.
    pub(crate) fn group_sums(
        &self,
        divisions: &[Division],
        table: &Table,
        selection: &Selection,
    ) -> Result<Vec<Vec<GroupSums>>, Failure> {
        group_sums(divisions, &self.point(), max_log_odds(), table, selection)
    }

    /// The variance of a group's sum of residuals, S + ρ·P + aᵀC·a: of the labels, of pairs of rows of
    /// a client with the correlation ρ, and of the coefficients, where a is Σp(1−p)·z. `None` if the
    /// model has no covariance, or if a number is out of range.
    ///
    /// The covariance of a curve has only two coefficients, although its shape was estimated, too.
    /// `training_rows` is the group's number of training rows where that matters. The part of the
    /// coefficients is then at least the variance of a coefficient of the group alone.
    pub(crate) fn residual_variance(
        &self,
        sums: &GroupSums,
        correlation: f64,
        training_rows: Option<f64>,
    ) -> Option<f64> {
        let covariance = self.covariance()?;
        let slopes = &sums.slopes;
        if covariance.nrows() != slopes.len() {
            return None;
        }
        let lines = covariance.outer_iter().zip(slopes);
        let of_coefficients = lines.map(|(line, slope)| {
            let products = line.iter().zip(slopes).map(|(entry, other)| entry * other);
            slope * products.sum::<f64>()
        });
        let of_labels = slopes[0] + correlation * sums.pair_spreads;
        // Its variance is 1 / Σp(1−p) over the training rows.
        let of_group =
            training_rows.map_or(0.0, |rows| slopes[0] * sums.rows as f64 / rows.max(1.0));
        // Rounding may make a variance of nearly 0 negative.
        let variance = of_labels + of_coefficients.sum::<f64>().max(of_group).max(0.0);
        variance.is_finite().then_some(variance)
    }

    fn point(&self) -> LogisticPoint<'_> {
        LogisticPoint {
            terms: &self.terms,
            axes: &self.axes,
            weights: self.weights.clone().into(),
        }
    }

    /// Covariance of the standardised coefficients; `None` where the model has none.
    pub fn covariance(&self) -> Option<&Array2<f64>> {
        self.covariance.as_ref()
    }

    /// Tests sums of this model. Columns are left out whose rarer value few training rows have, and
    /// rare levels of categories. So is the most frequent level of a category when the other levels
    /// determine it.
    pub fn test(&self, terms: &ScoreTerms) -> Result<ScoreTest, Undecided> {
        let tested = self.tested_coefficients(terms)?;
        terms.check_expected_labels()?;
        self.test_of(&tested, terms)
    }

    /// The χ² test of these sums.
    pub(super) fn test_of(
        &self,
        tested: &TestedCoefficients,
        terms: &ScoreTerms,
    ) -> Result<ScoreTest, Undecided> {
        Ok(ScoreTest {
            is_intercept_all: self.has_only_intercept(terms),
            ..tested.test(&terms.score)?
        })
    }

    /// True if the effects of all features are held at 0 and these sums agree, so that the intercept is
    /// all there is to test.
    fn has_only_intercept(&self, terms: &ScoreTerms) -> bool {
        let mut scores = terms.score.iter().zip(&self.watched).skip(1);
        let is_held = |(score, watch): (&f64, &Watch)| !watch.counts(*score);
        self.watched.len() > 1 && scores.all(is_held)
    }

    pub(super) fn tested_coefficients(
        &self,
        terms: &ScoreTerms,
    ) -> Result<TestedCoefficients, Undecided> {
        let covariance = self.covariance().ok_or(Undecided::NoCovariance)?;
        let left_out: Vec<usize> = self.left_out(terms).into_keys().collect();
        TestedCoefficients::without(&left_out, terms, covariance, self.correlation(terms))
    }

    /// The correlation of two rows of a client that a test of these sums allows for. It is
    /// estimated from the training rows and these rows together. These rows alone may be of few
    /// clients, and drift makes their labels agree, too.
    pub(crate) fn correlation(&self, terms: &ScoreTerms) -> f64 {
        let Some(pairs) = &terms.pairs else {
            return 0.0;
        };
        let mut agreement = pairs.agreement;
        if let Some(training) = &self.training_agreement {
            agreement.merge(training);
        }
        agreement.cautious_correlation()
    }
}

fn terms_at(
    point: &LogisticPoint<'_>,
    table: &Table,
    selection: &Selection,
) -> Result<ScoreTerms, Failure> {
    let terms = bounded_logistic_terms(point, max_log_odds(), table, selection)?;
    Ok(ScoreTerms {
        rows: terms.rows,
        positives: terms.positives,
        // The first derivative of the loss is Σ(p − y).
        expected: terms.positives as f64 + terms.gradient[0],
        score: terms.gradient.iter().map(|entry| -entry).collect(),
        information: terms.hessian.into(),
        pairs: None,
    })
}

/// The log-odds of the largest probability that the test allows.
pub(super) fn max_log_odds() -> f64 {
    ((1.0 - MIN_PROBABILITY) / MIN_PROBABILITY).ln()
}

/// Standard deviation of a term in the training rows. `None` when it is unknown.
fn spread(known: &ColumnProfile, encoding: Encoding<'_>, mean: f64) -> Option<f64> {
    match encoding {
        Encoding::Number => known.moments().and_then(Moments::standard_deviation),
        Encoding::Level(_) | Encoding::OtherThan(_) | Encoding::Missing => {
            Some((mean * (1.0 - mean)).max(0.0).sqrt())
        }
        _ => None,
    }
}

/// The axis of a column. Any axis gives the same test within rounding; a column without variation
/// keeps its scale.
fn axis(spread: Option<f64>, imputed: f64) -> Axis {
    let is_usable = |scale: &f64| *scale > 0.0 && (1.0 / scale).is_finite();
    let scale = spread.filter(is_usable);
    let scale = scale
        .or(Some(imputed.abs()).filter(is_usable))
        .unwrap_or(1.0);
    let shift = imputed / scale;
    Axis {
        scale,
        shift: if shift.is_finite() { shift } else { 0.0 },
        imputed,
    }
}

/// Covariance of the standardised coefficients, A·C·Aᵀ. The matrix A maps raw coefficients β to
/// standardised ones: θ = A·β.
fn standardised_covariance(raw: &Array2<f64>, axes: &[Axis]) -> Array2<f64> {
    let mut transform = Array2::eye(raw.nrows());
    for (place, axis) in axes.iter().enumerate() {
        transform[[0, place + 1]] = axis.shift * axis.scale;
        transform[[place + 1, place + 1]] = axis.scale;
    }
    transform.dot(raw).dot(&transform.t())
}

/// Indices of the coefficients of missing cells of features that are no categories; index 0 is the
/// intercept.
fn missing_cells(terms: &[Term<'_>]) -> Vec<usize> {
    let is_of_number = |feature: usize| {
        let mut own = terms.iter().filter(|term| term.feature == feature);
        own.any(|term| !term.encoding.is_indicator() && !term.encoding.is_of_two_features())
    };
    let of_missing = terms.iter().zip(1..);
    let of_missing = of_missing.filter(|(term, _)| term.encoding == Encoding::Missing);
    of_missing
        .filter(|(term, _)| is_of_number(term.feature))
        .map(|(_, position)| position)
        .collect()
}

/// Indices of the coefficients of each category; index 0 is the intercept.
fn categories(terms: &[Term<'_>]) -> Vec<Range<usize>> {
    let mut next = 1;
    let features = terms.chunk_by(|one, other| one.feature == other.feature);
    let positions = features.map(|terms| {
        let positions = next..next + terms.len();
        next = positions.end;
        (terms, positions)
    });
    positions
        .filter(|(terms, _)| terms.iter().all(|term| term.encoding.is_indicator()))
        .map(|(_, positions)| positions)
        .collect()
}
