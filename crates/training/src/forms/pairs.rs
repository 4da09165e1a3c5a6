//! The pairs of features that a model of curves misses.
//!
//! For each pair, the model's residuals are summed by the parts of both features. The part of these
//! sums that each feature explains alone is removed. The score statistic of the rest is computed
//! (Rao 1948). The rule of Benjamini and Hochberg (1995) decides which pairs are kept. Among the
//! kept pairs the expected share without an effect is then at most [`FALSE_SHARE`].

use std::collections::BTreeSet;

use dataset::passes::{Grid, PairSums, Parts, Side, pair_sums};
use dataset::{FOLDS, Fold, Selection, Table};
use model::matrix::Cholesky;
use model::{Form, LinearPredictor, MAX_PAIRS};
use ndarray::{Array1, Array2};
use statrs::distribution::{ChiSquared, ContinuousCDF};

use super::trial::{Trial, Trials, losses, weaker};
use crate::fit::{FitError, FitSettings, fit_starting_at, if_possible};

/// Maximum expected share of pairs without an effect among those that are kept.
const FALSE_SHARE: f64 = 0.2;
/// Second derivative of the penalty in the score test. It is that of the first penalty that is
/// tried for curves.
const RIDGE: f64 = 10.0 / 3.0;
/// Number of times that the pairs are tested: some are clear only once others are in the model.
const ROUNDS: usize = 2;
/// Maximum number of features whose pairs are tested. They have nearly 5,000 pairs.
const MAX_FEATURES: usize = 100;

/// Tries curves with pairs. The penalty begins at the best one for curves and becomes weaker as
/// long as the log-loss falls. Each fold is predicted with the pairs that the other folds choose.
/// `None` if no pair is kept, or if the columns cannot be fitted.
pub(super) fn tried(
    curves: &Trials,
    parts: &[Option<Parts>],
    table: &Table,
    rows: &Selection,
) -> Result<Option<Trials>, FitError> {
    if parts.iter().flatten().count() > MAX_FEATURES {
        return Ok(None);
    }
    if_possible(tried_as_far_as_possible(curves, parts, table, rows)).map(Option::flatten)
}

/// As [`tried`], with an error if the columns cannot be fitted.
fn tried_as_far_as_possible(
    curves: &Trials,
    parts: &[Option<Parts>],
    table: &Table,
    rows: &Selection,
) -> Result<Option<Trials>, FitError> {
    let best = curves.best();
    let whole = with_pairs(&best.initial, best.settings, parts, table, rows)?;
    if whole.design == curves.design {
        return Ok(None);
    }
    let starts = of_each_fold(&best.out_of_fold, best.settings, parts, table, rows)?;
    let mut tried = vec![trial(best.settings, &whole, &starts, table, rows)?];
    while let Some(settings) = weaker(tried[tried.len() - 1].settings) {
        let last = &tried[tried.len() - 1];
        let next = trial(settings, &whole, &last.out_of_fold, table, rows);
        let Some(next) = if_possible(next)? else {
            break;
        };
        let is_worse = next.total() > last.total();
        tried.push(next);
        if is_worse {
            break;
        }
    }
    Ok(Some(Trials {
        form: Form::Pairs,
        design: whole.design,
        tried,
    }))
}

/// For each fold, a predictor of curves with the pairs that the other folds choose. `curves_of_folds`
/// has a predictor of curves for each fold, near the optimum of the other folds.
pub(super) fn of_each_fold(
    curves_of_folds: &[LinearPredictor],
    settings: FitSettings,
    parts: &[Option<Parts>],
    table: &Table,
    rows: &Selection,
) -> Result<Vec<LinearPredictor>, FitError> {
    let folds = curves_of_folds.iter().zip(0..FOLDS).map(|(curves, fold)| {
        let others = rows.clone().of_fold(Fold::Outside(fold));
        with_pairs(curves, settings, parts, table, &others)
    });
    folds.collect()
}

/// Fits a predictor of curves with the pairs that it misses, and then once more with the pairs that
/// it still misses.
fn with_pairs(
    curves: &LinearPredictor,
    settings: FitSettings,
    parts: &[Option<Parts>],
    table: &Table,
    rows: &Selection,
) -> Result<LinearPredictor, FitError> {
    let mut predictor = curves.clone();
    let mut known = BTreeSet::new();
    for _ in 0..ROUNDS {
        let grids = chosen(parts, &predictor, &known, table, rows)?;
        if grids.is_empty() {
            break;
        }
        known.extend(grids.iter().map(Grid::features));
        let widened = predictor.with_cells(grids);
        predictor = fit_starting_at(&settings, &widened, table, rows)?.predictor;
    }
    Ok(predictor)
}

/// Fits each start to the folds other than its own.
fn trial(
    settings: FitSettings,
    whole: &LinearPredictor,
    starts: &[LinearPredictor],
    table: &Table,
    rows: &Selection,
) -> Result<Trial, FitError> {
    let (mut out_of_fold, mut of_folds) = (Vec::new(), Vec::new());
    for (start, fold) in starts.iter().zip(0..) {
        let others = rows.clone().of_fold(Fold::Outside(fold));
        let fitted = fit_starting_at(&settings, start, table, &others)?;
        of_folds.push(losses(&fitted.predictor, table, rows, fold)?);
        out_of_fold.push(fitted.predictor);
    }
    Ok(Trial {
        settings,
        initial: whole.clone(),
        out_of_fold,
        losses: of_folds,
    })
}

/// The grids of the pairs that are kept, the clearest first. Known pairs are not tested.
fn chosen(
    parts: &[Option<Parts>],
    predictor: &LinearPredictor,
    known: &BTreeSet<[usize; 2]>,
    table: &Table,
    rows: &Selection,
) -> Result<Vec<Grid>, FitError> {
    let sums = pair_sums(parts, &predictor.expression(), table, rows)?;
    let mut tested: Vec<(f64, [usize; 2])> = sums
        .iter()
        .filter(|sums| !known.contains(&sums.features))
        .filter_map(|sums| Some((p_value(sums, RIDGE)?, sums.features)))
        .collect();
    tested.sort_by(|one, other| one.0.total_cmp(&other.0));
    let is_low = |(place, (p_value, _)): (usize, &(f64, _))| {
        *p_value <= FALSE_SHARE * (place + 1) as f64 / tested.len() as f64
    };
    let kept = tested.iter().enumerate().rposition(is_low);
    let kept = kept.map_or(0, |last| last + 1).min(MAX_PAIRS - known.len());
    let side = |feature: usize| {
        let parts = parts[feature].clone()?;
        Some(Side { feature, parts })
    };
    let grids = tested[..kept].iter().filter_map(|(_, [first, second])| {
        Some(Grid {
            first: side(*first)?,
            second: side(*second)?,
        })
    });
    Ok(grids.collect())
}

/// The p-value of the score test that a pair has no effect beyond those of its features. `ridge` is
/// the second derivative of the penalty. `None` if the cells with rows leave no degree of freedom
/// for an effect of both.
///
/// The ridge makes the statistic smaller, so the p-value is rather too large.
fn p_value(sums: &PairSums, ridge: f64) -> Option<f64> {
    let (cells, degrees) = filled_cells(sums)?;
    let weights = Array1::from_iter(cells.iter().map(|cell| sums.weights[cell.place]));
    let residuals = Array1::from_iter(cells.iter().map(|cell| sums.residuals[cell.place]));
    // One column for each part of both features; one of them follows from the others.
    let columns = sums.widths[0] + sums.widths[1] - 1;
    let design = Array2::from_shape_fn((cells.len(), columns), |(cell, column)| {
        let Cell {
            row, column: own, ..
        } = cells[cell];
        f64::from(u8::from(column == row || column == sums.widths[0] + own))
    });
    let weighted = &design * &weights.view().insert_axis(ndarray::Axis(1));
    let factor = Cholesky::of(&design.t().dot(&weighted))?;
    let explained = factor.solve(&design.t().dot(&residuals));
    let rest = residuals - weighted.dot(&explained);
    let projected = weighted.dot(&factor.solve_columns(&weighted.t().to_owned()));
    let information = Array2::from_diag(&(weights + ridge)) - projected;
    let solved = Cholesky::of(&information)?.solve(&rest);
    let chi_squared = ChiSquared::new(degrees).ok()?;
    Some(chi_squared.sf(rest.dot(&solved).max(0.0)))
}

/// A cell that has rows.
struct Cell {
    place: usize,
    row: usize,
    column: usize,
}

/// The cells that have rows, and the degrees of freedom of the effect of both features together.
fn filled_cells(sums: &PairSums) -> Option<(Vec<Cell>, f64)> {
    let width = sums.widths[1];
    let places = 0..sums.weights.len();
    let cells: Vec<Cell> = places
        .filter(|place| sums.weights[*place] > 0.0)
        .map(|place| Cell {
            place,
            row: place / width,
            column: place % width,
        })
        .collect();
    let different = |value: fn(&Cell) -> usize| {
        let values: BTreeSet<usize> = cells.iter().map(value).collect();
        values.len()
    };
    let (rows, columns) = (different(|cell| cell.row), different(|cell| cell.column));
    // The effects of single features have one number for each part, minus one for each island. An
    // island is a group of cells that share no part with other cells.
    let of_single_features = rows + columns - islands(&cells, sums.widths);
    let degrees = cells.len() - of_single_features;
    (degrees > 0).then_some((cells, degrees as f64))
}

/// Number of groups of cells that are connected by common parts.
fn islands(cells: &[Cell], widths: [usize; 2]) -> usize {
    let mut island: Vec<usize> = (0..widths[0]).collect();
    for column in 0..widths[1] {
        let mut rows = cells.iter().filter(|cell| cell.column == column);
        let Some(first) = rows.next() else { continue };
        for other in rows {
            let (kept, joined) = (island[first.row], island[other.row]);
            let joined = island.iter_mut().filter(|it| **it == joined);
            joined.for_each(|it| *it = kept);
        }
    }
    let found: BTreeSet<usize> = cells.iter().map(|cell| island[cell.row]).collect();
    found.len()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sums(residuals: &[f64]) -> PairSums {
        PairSums {
            features: [0, 1],
            widths: [2, 2],
            residuals: residuals.to_vec(),
            weights: vec![25.0; 4],
        }
    }

    #[test]
    fn what_each_feature_explains_alone_is_no_effect_of_the_pair() {
        let p_value = |residuals| p_value(&sums(residuals), 1e-9).unwrap();
        assert!(p_value(&[9.0, 9.0, -9.0, -9.0]) > 0.999);
        assert!(p_value(&[9.0, -9.0, 9.0, -9.0]) > 0.999);
        // There are four cells with a standard deviation of 5 each. The contrast is 20, with a
        // standard deviation of 10.
        let found = p_value(&[5.0, -5.0, -5.0, 5.0]);
        assert!((found - 0.045_500_263_896_358).abs() < 1e-6, "{found}");
    }

    #[test]
    fn only_cells_with_rows_have_degrees_of_freedom() {
        let degrees = |filled: [f64; 9]| {
            let sums = PairSums {
                features: [0, 1],
                widths: [3, 3],
                residuals: vec![0.0; 9],
                weights: filled.to_vec(),
            };
            filled_cells(&sums).map(|(_, degrees)| degrees)
        };
        assert_eq!(degrees([1.0; 9]), Some(4.0));
        let band = [1.0, 1.0, 0.0, 1.0, 1.0, 1.0, 0.0, 1.0, 1.0];
        assert_eq!(degrees(band), Some(2.0));
        let islands = [1.0, 1.0, 0.0, 1.0, 1.0, 0.0, 0.0, 0.0, 1.0];
        assert_eq!(degrees(islands), Some(1.0));
        assert_eq!(degrees([1.0, 0.0, 0.0, 0.0, 1.0, 0.0, 0.0, 0.0, 1.0]), None);
    }

    #[test]
    fn parts_without_rows_leave_no_degrees_of_freedom() {
        let mut one_row = sums(&[1.0, -1.0, 0.0, 0.0]);
        one_row.weights[2..].fill(0.0);
        assert_eq!(p_value(&one_row, 1.0), None);
    }
}
