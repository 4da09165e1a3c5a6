//! Combines the fitted steps of each number into one effect, and the fitted cells of each pair into one
//! effect.
//!
//! A model of the form `curves` is fitted with one column for each step of a number. Afterwards the model
//! keeps only two columns for each number: the effect, which is the sum of the fitted steps, and the trend,
//! a straight line with the coefficient 0. In the form `pairs` the model keeps one column of each pair, the
//! effect of its fitted cells. Predictions stay the same within rounding.
//!
//! Drift tests then have as many degrees of freedom as with straight lines. They have one more for
//! each curve that differs clearly from a line and from noise, and for each pair that differs
//! clearly from noise.

use common::schema::EffectShape;
use dataset::passes::{Curve, Encoding, LogisticPoint, Term, logistic_terms, moments};
use dataset::{Selection, Table};
use model::LinearPredictor;
use model::matrix::Cholesky;
use ndarray::{Array1, Array2, Axis, s};

use super::axes::{axes, penalty};
use super::error::FitError;
use super::objective::Point;
use super::optimum::Fit;
use super::settings::FitSettings;
use super::start;

/// Drift tests watch only the trend if its squared correlation with the effect is at least this.
const MAX_SQUARED_CORRELATION: f64 = 0.9;
/// Drift tests watch an effect if its variance, in units of its error, is at least this multiple of
/// its degrees of freedom. Noise alone gives about 1.
const MIN_VARIANCE_RATIO: f64 = 2.0;

/// The fit with one effect for each number that has steps, and for each pair. A fit without steps
/// and cells does not change.
pub(crate) fn with_effects(
    fit: Fit,
    settings: &FitSettings,
    table: &Table,
    labelled: &Selection,
) -> Result<Fit, FitError> {
    let all_terms = fit.predictor.design.terms(table.n_features());
    let shapes = fit.predictor.design.shapes(table.n_features());
    let columns = columns(&fit, &all_terms, &shapes);
    let effects = || columns.iter().filter_map(Columns::effect);
    if effects().next().is_none() {
        return Ok(fit);
    }
    let (mut steps, mut cells) = (
        columns.iter().filter_map(Columns::steps),
        columns.iter().filter_map(Columns::cells),
    );
    let design = fit.predictor.design.with_effects(
        |knots| {
            steps
                .next()
                .expect("each number has fitted steps")
                .curve(knots)
        },
        |_| cells.next().expect("each pair has fitted cells").surface(),
    );
    let terms = design.terms(table.n_features());
    let axes = axes(&moments(&terms, table, labelled)?, settings);
    let coefficients: Vec<f64> = columns.iter().flat_map(Columns::coefficients).collect();
    let imputed = terms.iter().zip(&axes).map(|(term, axis)| {
        // The mean of a curve is 0, except for rounding.
        let is_curve = matches!(term.encoding, Encoding::Curve(_));
        if is_curve { 0.0 } else { axis.imputed }
    });
    let strengths = terms.iter().map(|term| match term.encoding {
        Encoding::Trend(curve) | Encoding::Curve(curve) => squares_of_steps(curve.values()),
        Encoding::Surface(surface) => surface.values.iter().map(|value| value * value).sum(),
        _ => 1.0,
    });
    let strengths: Array1<f64> = std::iter::once(0.0).chain(strengths).collect();
    let means = columns.iter().filter_map(Columns::steps).map(|it| it.mean);
    let predictor = LinearPredictor {
        intercept: fit.predictor.intercept + means.sum::<f64>(),
        coefficients,
        imputed: imputed.collect(),
        design: design.clone(),
    };
    let point = LogisticPoint {
        terms: &terms,
        axes: &axes,
        weights: start::weights(&predictor, &axes),
    };
    let penalty = penalty(&axes, settings) * strengths;
    let sums = logistic_terms(&point, table, labelled)?;
    let Point { weights, terms } = Point::penalised(point.weights, sums, &penalty);
    let hidden_coefficients = columns.iter().map(Columns::hidden_coefficients).sum();
    let extra_variances = columns.iter().flat_map(Columns::extra_variances).collect();
    Ok(Fit {
        predictor,
        weights,
        curvature: terms.hessian,
        penalty,
        hidden_coefficients,
        extra_variances,
        axes,
        ..fit
    })
}

/// The columns of one feature or pair in a fit.
enum Columns {
    /// The steps of a number.
    Steps(FittedEffect),
    /// The cells of a pair.
    Cells(FittedEffect),
    /// The coefficient of any other column.
    Other(f64),
}

/// The steps of a number, or the cells of a pair, in a fit.
struct FittedEffect {
    /// The coefficients of the steps or cells.
    coefficients: Vec<f64>,
    /// Mean of the effect over the training rows.
    mean: f64,
    /// Degrees of freedom that the penalty leaves to the coefficients.
    freedom: f64,
    /// Covariance of the columns over the training rows, weighted by p(1−p), in units of the error.
    covariance: Array2<f64>,
}

fn columns(fit: &Fit, all_terms: &[Term<'_>], shapes: &[EffectShape]) -> Vec<Columns> {
    let together = |one: &Term<'_>, next: &Term<'_>| match (one.encoding, next.encoding) {
        (Encoding::Step(..), Encoding::Step(..)) => one.feature == next.feature,
        (Encoding::Cell(_, place), Encoding::Cell(_, next)) => place + 1 == next,
        _ => false,
    };
    let mut first = 0;
    let groups = all_terms.chunk_by(together).map(|terms| {
        let place = first;
        first += terms.len();
        let fitted = || FittedEffect::of(fit, place, &shapes[place..first]);
        match terms[0].encoding {
            Encoding::Step(..) => Columns::Steps(fitted()),
            Encoding::Cell(..) => Columns::Cells(fitted()),
            _ => Columns::Other(fit.predictor.coefficients[place]),
        }
    });
    groups.collect()
}

impl Columns {
    fn steps(&self) -> Option<&FittedEffect> {
        match self {
            Self::Steps(steps) => Some(steps),
            Self::Cells(_) | Self::Other(_) => None,
        }
    }

    fn cells(&self) -> Option<&FittedEffect> {
        match self {
            Self::Cells(cells) => Some(cells),
            Self::Steps(_) | Self::Other(_) => None,
        }
    }

    fn effect(&self) -> Option<&FittedEffect> {
        self.steps().or_else(|| self.cells())
    }

    /// Variances of the coefficients of the kept columns, in addition to the variances of the fit.
    ///
    /// A fitted effect follows the noise of its own rows. In other rows the coefficient of the
    /// effect is therefore smaller than 1, by about d / v. Here d is the degrees of freedom, and v
    /// is the variance of the effect in units of its error.
    fn extra_variances(&self) -> Vec<f64> {
        match self {
            Self::Steps(steps) => vec![0.0, steps.shrinkage().powi(2)],
            Self::Cells(cells) => vec![cells.shrinkage().powi(2)],
            Self::Other(_) => vec![0.0],
        }
    }

    /// The coefficients of the columns that are kept.
    fn coefficients(&self) -> Vec<f64> {
        match self {
            Self::Steps(_) => vec![0.0, 1.0],
            Self::Cells(_) => vec![1.0],
            Self::Other(coefficient) => vec![*coefficient],
        }
    }

    /// Degrees of freedom that were fitted, in addition to one for each kept column.
    fn hidden_coefficients(&self) -> f64 {
        match self {
            Self::Steps(steps) => (steps.freedom - 2.0).max(0.0),
            Self::Cells(cells) => (cells.freedom - 1.0).max(0.0),
            Self::Other(_) => 0.0,
        }
    }
}

impl FittedEffect {
    fn of(fit: &Fit, first: usize, shapes: &[EffectShape]) -> Self {
        let count = shapes.len();
        let coefficients = fit.predictor.coefficients[first..first + count].to_vec();
        let axes = &fit.axes[first..first + count];
        let means = axes.iter().map(|axis| axis.imputed);
        // The intercept is the first row and column.
        let own = s![first + 1..first + 1 + count, first + 1..first + 1 + count];
        let curvature = fit.curvature.slice(own).to_owned();
        let penalty = fit.penalty.slice(s![first + 1..first + 1 + count]);
        let information = &curvature - &Array2::from_diag(&penalty);
        // A coefficient that its shape holds at 0 has no freedom.
        let free: Vec<usize> = (0..count)
            .filter(|place| !shapes[*place].is_monotone() || coefficients[*place] != 0.0)
            .collect();
        let of_free = |matrix: &Array2<f64>| matrix.select(Axis(0), &free).select(Axis(1), &free);
        let solved = Cholesky::of(&of_free(&curvature))
            .map(|factor| factor.solve_columns(&of_free(&information)));
        let summands = coefficients.iter().zip(means);
        Self {
            mean: summands.map(|(weight, mean)| weight * mean).sum(),
            freedom: solved.map_or(count as f64, |solved| solved.diag().sum()),
            covariance: covariance(fit, first, &information),
            coefficients,
        }
    }

    /// Variance of the effect over the training rows, in units of its error.
    fn variance(&self) -> f64 {
        let own = Array1::from(self.coefficients.clone());
        own.dot(&self.covariance.dot(&own))
    }

    /// The part of the effect that is noise of the training rows, from 0 to 1.
    fn shrinkage(&self) -> f64 {
        let own = self.variance();
        if own > 0.0 {
            (self.freedom / own).min(1.0)
        } else {
            0.0
        }
    }

    fn is_clear(&self) -> bool {
        self.variance() >= MIN_VARIANCE_RATIO * self.freedom
    }

    /// The curve of a number with the mean 0, and whether drift tests watch it.
    fn curve(&self, knots: &[f64]) -> (Curve, bool) {
        let sums = self.coefficients.iter().scan(-self.mean, |sum, step| {
            *sum += step;
            Some(*sum)
        });
        let values = std::iter::once(-self.mean).chain(sums).collect();
        let widths = knots.windows(2).map(|pair| pair[1] - pair[0]);
        let trend: Array1<f64> = widths.collect();
        let effect = Array1::from(self.coefficients.clone());
        let [both, of_trend] = [(&effect, &trend), (&trend, &trend)]
            .map(|(one, other)| one.dot(&self.covariance.dot(other)));
        let is_same = both * both >= MAX_SQUARED_CORRELATION * self.variance() * of_trend;
        (
            Curve::new(knots.to_vec(), values),
            self.is_clear() && !is_same,
        )
    }

    /// The values of a pair's cells, and whether drift tests watch the effect.
    fn surface(&self) -> (Vec<f64>, bool) {
        (self.coefficients.clone(), self.is_clear())
    }
}

/// Covariance of neighbouring columns in raw units, from their information matrix on the axes of a fit.
fn covariance(fit: &Fit, first: usize, information: &Array2<f64>) -> Array2<f64> {
    let count = information.nrows();
    let with_intercept = fit.curvature.slice(s![0, first + 1..first + 1 + count]);
    let weight = fit.curvature[[0, 0]];
    let scale = |place: usize| fit.axes[first + place].scale;
    Array2::from_shape_fn((count, count), |(row, column)| {
        let centred =
            information[[row, column]] - with_intercept[row] * with_intercept[column] / weight;
        centred * scale(row) * scale(column)
    })
}

/// Sum of the squared differences between neighbouring values.
fn squares_of_steps(values: &[f64]) -> f64 {
    values
        .windows(2)
        .map(|pair| (pair[1] - pair[0]).powi(2))
        .sum()
}
