//! Selects the levels of a category that the score test leaves out.
//!
//! A rare level weighs as much in the statistic as any other column, but its component is far from
//! normal. A single unlikely row would then be drift.
//!
//! Leaving out its own coefficient is not enough. The indicators of a category add up to 1, so the
//! intercept and all other levels determine the rare level. The same holds for a few rows with a
//! missing cell.
//!
//! Where all rare levels together are still rare, the most frequent level is left out, too. The
//! remaining coefficients then see the rare levels and the most frequent one as a single level. No
//! combination of them then singles out a few rows.

use std::collections::BTreeMap;

use super::deployed::{DeployedCoefficients, MIN_PROBABILITY};
use super::terms::ScoreTerms;

/// Smallest curvature Σp(1−p) of the rows with a level, and of the rows with other levels. At least
/// this many rows of either label are expected then, and twice as many when both labels are equally
/// frequent.
pub(crate) const MIN_CURVATURE: f64 = 2.5;
/// Curvature that is less than a single row gives, and so a rounding error.
const NEGLIGIBLE_CURVATURE: f64 = MIN_PROBABILITY / 2.0;

/// Reason why the coefficient of a level is left out.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum ExclusionReason {
    /// Base level: the intercept and the other levels determine it.
    Base,
    /// The coefficient tells too little. Either the trend of the number says nearly the same, or the curve
    /// may follow the noise of its rows, or the shape of the effect holds the coefficient at 0 and these rows
    /// agree.
    Unwatched,
    /// Too few rows have this level, or too few have another one.
    Rare,
    /// Too few training rows have the rarer value of the column.
    RareInTraining,
    /// No row has this level.
    Absent,
    /// No row has any level of the category.
    Missing,
}

impl DeployedCoefficients<'_> {
    /// The coefficients that a test of these sums leaves out; index 0 is the intercept.
    pub(crate) fn left_out(&self, terms: &ScoreTerms) -> BTreeMap<usize, ExclusionReason> {
        let rare = self.is_rare_in_training.iter().enumerate();
        let rare = rare.filter(|(_, is_rare)| **is_rare);
        let rare = rare.map(|(position, _)| (position, ExclusionReason::RareInTraining));
        let unwatched = self.watched.iter().zip(&terms.score).enumerate();
        let unwatched = unwatched.filter(|(_, (watch, score))| !watch.counts(**score));
        let unwatched = unwatched.map(|(position, _)| (position, ExclusionReason::Unwatched));
        let curvature = |position| {
            let found = self.curvature(terms, position).unwrap_or(f64::NAN);
            (position, found)
        };
        let categories = self.categories.iter().cloned();
        let levels = categories.flat_map(|positions| {
            exclusions_of_category(&positions.map(curvature).collect::<Vec<_>>())
        });
        let missing = self.missing_cells.iter().filter_map(|position| {
            let (_, curvature) = curvature(*position);
            let all = terms.information.first()?;
            exclusion_of_missing(curvature, *all).map(|reason| (*position, reason))
        });
        // A level that these rows lack is reported as absent, even if it was rare in the training.
        rare.chain(unwatched).chain(levels).chain(missing).collect()
    }

    /// The curvature Σp(1−p) of the rows with a level, within rounding.
    ///
    /// Let s be the level's share on its axis. Then z · scale is 1 − s in a row with the level, −s
    /// in a row with another level, and 0 in a row without any.
    fn curvature(&self, terms: &ScoreTerms, position: usize) -> Option<f64> {
        let axis = self.axes.get(position.checked_sub(1)?)?;
        let information = |column: usize| terms.information.get([position, column]).copied();
        let squares = axis.scale.powi(2) * information(position)?;
        let sum = axis.scale * information(0)?;
        let share = axis.imputed;
        if share < 1.0 {
            Some((squares + share * sum) / (1.0 - share))
        } else {
            // All training rows have this level, so the model treats a missing cell as this level.
            let all = terms.information.first()?;
            Some(all - squares)
        }
    }
}

/// Why the column of a number's missing cells is left out, given the curvature of these rows and of
/// all rows. `None` if it is tested.
fn exclusion_of_missing(curvature: f64, all: f64) -> Option<ExclusionReason> {
    if curvature < NEGLIGIBLE_CURVATURE {
        Some(ExclusionReason::Absent)
    } else {
        let is_enough = curvature >= MIN_CURVATURE && all - curvature >= MIN_CURVATURE;
        (!is_enough).then_some(ExclusionReason::Rare)
    }
}

/// The levels of one category that are left out, given their indices and curvatures.
fn exclusions_of_category(levels: &[(usize, f64)]) -> Vec<(usize, ExclusionReason)> {
    let sum_of =
        |levels: &[(usize, f64)]| levels.iter().map(|(_, curvature)| curvature).sum::<f64>();
    let all = sum_of(levels);
    let is_enough = |(_, curvature): &(usize, f64)| {
        *curvature >= MIN_CURVATURE && all - curvature >= MIN_CURVATURE
    };
    let (mut tested, rare): (Vec<_>, Vec<_>) = levels.iter().copied().partition(is_enough);
    tested.sort_by(|a, b| a.1.total_cmp(&b.1));
    let base = tested.last().filter(|_| sum_of(&rare) < MIN_CURVATURE);
    let why = |curvature: f64| {
        if all < NEGLIGIBLE_CURVATURE {
            ExclusionReason::Missing
        } else if curvature < NEGLIGIBLE_CURVATURE {
            ExclusionReason::Absent
        } else {
            ExclusionReason::Rare
        }
    };
    let base = base.map(|(position, _)| (*position, ExclusionReason::Base));
    let rare = rare
        .iter()
        .map(|(position, curvature)| (*position, why(*curvature)));
    rare.chain(base).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn missing_cells_of_a_number_are_tested_if_enough_rows_have_them_and_enough_have_not() {
        let reason = |curvature| exclusion_of_missing(curvature, 20.0);
        assert_eq!(reason(1e-12), Some(ExclusionReason::Absent));
        assert_eq!(reason(1.0), Some(ExclusionReason::Rare));
        assert_eq!(reason(10.0), None);
        assert_eq!(reason(19.0), Some(ExclusionReason::Rare));
    }

    #[test]
    fn rare_base_and_absent_levels_are_excluded() {
        use ExclusionReason::{Absent, Base, Missing, Rare};
        type Case<'a> = (&'a str, &'a [f64], &'a [(usize, ExclusionReason)]);
        let table: [Case<'_>; 9] = [
            ("all frequent", &[30.0, 20.0, 10.0], &[(0, Base)]),
            (
                "a level without rows",
                &[20.0, 30.0, 1e-12],
                &[(1, Base), (2, Absent)],
            ),
            (
                "a level with one row",
                &[30.0, 20.0, 0.01],
                &[(0, Base), (2, Rare)],
            ),
            (
                "rare together",
                &[30.0, 20.0, 1.0, 1.0],
                &[(0, Base), (2, Rare), (3, Rare)],
            ),
            (
                "frequent together",
                &[30.0, 20.0, 2.0, 1.0],
                &[(2, Rare), (3, Rare)],
            ),
            ("nearly all rows", &[50.0, 2.0], &[(0, Rare), (1, Rare)]),
            ("all rows", &[50.0, 0.0], &[(0, Rare), (1, Absent)]),
            ("no rows", &[0.0, -1e-12], &[(0, Missing), (1, Missing)]),
            ("not a number", &[f64::NAN, 9.0], &[(0, Rare), (1, Rare)]),
        ];
        for (name, rows, wanted) in table {
            let levels: Vec<(usize, f64)> = rows.iter().copied().enumerate().collect();
            let mut found = exclusions_of_category(&levels);
            found.sort_by_key(|(position, _)| *position);
            assert_eq!(found, wanted, "{name}");
        }
    }
}
