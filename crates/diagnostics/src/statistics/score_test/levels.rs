//! Which levels of a category the score test leaves out.
//!
//! A level that a few rows have weighs as much in the statistic as any other column, but its part
//! is far from normal: a single unlikely row would be drift. To leave out its own coefficient is
//! not enough. The indicators of a category add up to 1, so that the intercept and those of all
//! other levels tell it exactly; the same holds of a few rows with a missing cell. Where the levels
//! that are too rare are so together too, the most frequent one is left out with them: the others
//! and the intercept then tell the rare ones and that one as one level, and there is no row that
//! they tell alone.

use std::collections::BTreeMap;
use std::ops::Range;

use dataset::passes::{Encoding, Term};

use super::{DeployedCoefficients, MIN_PROBABILITY, ScoreTerms};

/// The curvature Σp(1−p) that the rows with a level must have, and those with another: at least so
/// many of either class are expected among them then, twice as many where both are as frequent.
const MIN_CURVATURE: f64 = 2.5;
/// A single row has more; less is rounding.
const CURVATURE_OF_NO_ROW: f64 = MIN_PROBABILITY / 2.0;

/// Why the coefficient of a level is left out.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum LeftOut {
    /// What the others are held against: the intercept and they tell it.
    Base,
    /// Too few rows have it, or too few have another.
    Rare,
    /// No row has it.
    Absent,
    /// No row has any level of the category.
    Missing,
}

impl DeployedCoefficients<'_> {
    /// The coefficients of levels that a test of these terms leaves out, the intercept being 0.
    pub(crate) fn left_out(&self, terms: &ScoreTerms) -> BTreeMap<usize, LeftOut> {
        let curvature = |place| {
            let found = self.curvature(terms, place).unwrap_or(f64::NAN);
            (place, found)
        };
        let categories = self.categories.iter().cloned();
        categories
            .flat_map(|places| of_category(&places.map(curvature).collect::<Vec<_>>()))
            .collect()
    }

    /// Σp(1−p) of the rows that have a level, but for rounding.
    ///
    /// Of the share s on its axis, z · scale is 1 − s in a row that has the level, −s in one that
    /// has another, and 0 in one without any.
    fn curvature(&self, terms: &ScoreTerms, place: usize) -> Option<f64> {
        let axis = self.axes.get(place.checked_sub(1)?)?;
        let information = |column: usize| terms.information.get(place)?.get(column).copied();
        let squares = axis.scale.powi(2) * information(place)?;
        let sum = axis.scale * information(0)?;
        let share = axis.imputed;
        if share < 1.0 {
            Some((squares + share * sum) / (1.0 - share))
        } else {
            // All training rows have it, so that to the model a missing cell is this level.
            let all = terms.information.first()?.first()?;
            Some(all - squares)
        }
    }
}

/// What is left out of the levels of a category, by place and curvature.
fn of_category(levels: &[(usize, f64)]) -> Vec<(usize, LeftOut)> {
    let sum_of = |levels: &[(usize, f64)]| levels.iter().map(|(_, rows)| rows).sum::<f64>();
    let all = sum_of(levels);
    let is_enough =
        |(_, rows): &(usize, f64)| *rows >= MIN_CURVATURE && all - rows >= MIN_CURVATURE;
    let (mut tested, rare): (Vec<_>, Vec<_>) = levels.iter().copied().partition(is_enough);
    tested.sort_by(|a, b| a.1.total_cmp(&b.1));
    let base = tested.last().filter(|_| sum_of(&rare) < MIN_CURVATURE);
    let why = |rows: f64| {
        if all < CURVATURE_OF_NO_ROW {
            LeftOut::Missing
        } else if rows < CURVATURE_OF_NO_ROW {
            LeftOut::Absent
        } else {
            LeftOut::Rare
        }
    };
    let base = base.map(|(place, _)| (*place, LeftOut::Base));
    let rare = rare.iter().map(|(place, rows)| (*place, why(*rows)));
    rare.chain(base).collect()
}

/// The places of each category's coefficients, the intercept being 0.
pub(super) fn categories(terms: &[Term<'_>]) -> Vec<Range<usize>> {
    let mut next = 1;
    let features = terms.chunk_by(|one, other| one.feature == other.feature);
    let places = features.map(|terms| {
        let places = next..next + terms.len();
        next = places.end;
        (terms, places)
    });
    places
        .filter(|(terms, _)| terms.iter().all(|term| term.encoding != Encoding::Number))
        .map(|(_, places)| places)
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_left_out_is_this_table() {
        use LeftOut::{Absent, Base, Missing, Rare};
        type Case<'a> = (&'a str, &'a [f64], &'a [(usize, LeftOut)]);
        let table: [Case<'_>; 9] = [
            ("all frequent", &[30.0, 20.0, 10.0], &[(0, Base)]),
            (
                "one of nobody",
                &[20.0, 30.0, 1e-12],
                &[(1, Base), (2, Absent)],
            ),
            (
                "one row of its own",
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
            ("all but a few", &[50.0, 2.0], &[(0, Rare), (1, Rare)]),
            ("all", &[50.0, 0.0], &[(0, Rare), (1, Absent)]),
            ("nobody", &[0.0, -1e-12], &[(0, Missing), (1, Missing)]),
            ("beyond measure", &[f64::NAN, 9.0], &[(0, Rare), (1, Rare)]),
        ];
        for (name, rows, wanted) in table {
            let levels: Vec<(usize, f64)> = rows.iter().copied().enumerate().collect();
            let mut found = of_category(&levels);
            found.sort_by_key(|(place, _)| *place);
            assert_eq!(found, wanted, "{name}");
        }
    }
}
