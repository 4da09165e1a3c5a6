//! Grids: two features together, each divided into few parts.
//!
//! A pair of features may have an effect beyond the effects of both features alone. This effect is
//! a number for each cell of a grid. Between the knots of numbers it is interpolated.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::curve::position;
use crate::level::Level;

/// Two features, each divided into parts. A cell is a part of the first with a part of the second.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Grid {
    /// The first feature.
    pub first: Side,
    /// The second feature.
    pub second: Side,
}

/// One feature of a grid.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Side {
    /// The feature's place in the table.
    pub feature: usize,
    /// The parts of the feature.
    pub parts: Parts,
}

/// The parts of a feature.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Parts {
    /// Increasing numbers, at least two. A number belongs to the knots next to it, in parts that add
    /// up to 1.
    Knots(Vec<f64>),
    /// Levels of a category. Any other level belongs to none of them.
    Levels(Vec<Level>),
}

/// Shares of a value in two parts. Each entry has a part's place and the share in it. The shares
/// add up to 1, or to 0.
pub(crate) type Shares = [(usize, f64); 2];

impl Parts {
    /// Number of parts.
    pub fn len(&self) -> usize {
        match self {
            Self::Knots(knots) => knots.len(),
            Self::Levels(levels) => levels.len(),
        }
    }

    /// True if there are no parts.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// The parts that a cell belongs to; `None` if the cell is missing.
    #[inline]
    pub(crate) fn shares(&self, cell: f64) -> Option<Shares> {
        if cell.is_nan() {
            return None;
        }
        Some(match self {
            Self::Knots(knots) => {
                let (before, share) = position(knots, cell);
                [(before, 1.0 - share), (before + 1, share)]
            }
            Self::Levels(levels) => {
                let known = levels.iter().position(|level| level.code() == cell);
                known.map_or([(0, 0.0); 2], |level| [(level, 1.0), (level, 0.0)])
            }
        })
    }

    fn is_valid(&self) -> bool {
        match self {
            Self::Knots(knots) => {
                let is_step = |pair: &[f64]| (pair[1] - pair[0]).is_normal() && pair[0] < pair[1];
                knots.len() > 1 && knots.windows(2).all(is_step) && knots[0].is_finite()
            }
            Self::Levels(levels) => !levels.is_empty(),
        }
    }
}

impl Grid {
    /// Number of cells.
    pub fn len(&self) -> usize {
        self.first.parts.len() * self.second.parts.len()
    }

    /// True if there are no cells.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Places of both features in the table.
    pub fn features(&self) -> [usize; 2] {
        [self.first.feature, self.second.feature]
    }

    /// The cells that a row belongs to, with its share in each. `None` if either value is missing.
    /// Cells are numbered by the parts of the first feature, and then by the parts of the second.
    #[inline]
    pub(crate) fn shares(&self, cell: impl Fn(usize) -> f64) -> Option<[(usize, f64); 4]> {
        let first = self.first.parts.shares(cell(self.first.feature))?;
        let second = self.second.parts.shares(cell(self.second.feature))?;
        let width = self.second.parts.len();
        let of_both = |(row, share): (usize, f64), (column, other): (usize, f64)| {
            (row * width + column, share * other)
        };
        Some([
            of_both(first[0], second[0]),
            of_both(first[0], second[1]),
            of_both(first[1], second[0]),
            of_both(first[1], second[1]),
        ])
    }

    /// The share of one cell that a row belongs to; NaN if either value is missing.
    pub(crate) fn share(&self, place: usize, cell: impl Fn(usize) -> f64) -> f64 {
        self.sum(cell, |other| f64::from(u8::from(other == place)))
    }

    /// The sum of a row's shares times the value of each cell; NaN if either value is missing.
    #[inline]
    pub(crate) fn sum(&self, cell: impl Fn(usize) -> f64, value: impl Fn(usize) -> f64) -> f64 {
        let Some(shares) = self.shares(cell) else {
            return f64::NAN;
        };
        let counted = shares.into_iter().filter(|(_, share)| *share != 0.0);
        counted.map(|(place, share)| share * value(place)).sum()
    }

    /// True if both features differ and have valid parts.
    pub fn is_valid(&self) -> bool {
        self.first.feature < self.second.feature
            && self.first.parts.is_valid()
            && self.second.parts.is_valid()
    }
}

/// A function of two features: a value for each cell of a grid.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Surface {
    /// Both features with their parts.
    pub grid: Grid,
    /// The value of each cell, in the order of [`Grid`]'s cells: by the part of the first feature,
    /// then of the second.
    pub values: Vec<f64>,
}

impl Surface {
    /// The value for a row; NaN if either value is missing.
    #[inline]
    pub fn value(&self, cell: impl Fn(usize) -> f64) -> f64 {
        self.grid.sum(cell, |place| self.values[place])
    }

    /// True if the grid is valid and each cell has a finite value.
    pub fn is_valid(&self) -> bool {
        self.grid.is_valid()
            && self.values.len() == self.grid.len()
            && self.values.iter().all(|value| value.is_finite())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::level::level_code;

    fn surface() -> Surface {
        Surface {
            grid: Grid {
                first: Side {
                    feature: 0,
                    parts: Parts::Knots(vec![0.0, 10.0]),
                },
                second: Side {
                    feature: 1,
                    parts: Parts::Levels(["a", "b"].map(|it| Level::from(it.to_owned())).into()),
                },
            },
            values: vec![1.0, 2.0, 3.0, -4.0],
        }
    }

    #[test]
    fn a_surface_is_interpolated_between_knots_and_constant_outside() {
        let surface = surface();
        let value = |number: f64, level: &str| {
            let row = [number, level_code(level)];
            surface.value(|feature| row[feature])
        };
        assert_eq!([value(0.0, "a"), value(10.0, "a")], [1.0, 3.0]);
        assert_eq!([value(5.0, "a"), value(2.5, "b")], [2.0, 0.5]);
        assert_eq!([value(-7.0, "b"), value(1e300, "b")], [2.0, -4.0]);
        assert_eq!(value(5.0, "another"), 0.0);
        assert!(value(f64::NAN, "a").is_nan());
        assert!(surface.value(|feature| [1.0, f64::NAN][feature]).is_nan());
    }

    #[test]
    fn the_shares_of_all_cells_add_up_to_one() {
        let grid = surface().grid;
        for number in [-1.0, 0.0, 3.3, 10.0, 11.0] {
            let row = [number, level_code("b")];
            let shares = (0..grid.len()).map(|place| grid.share(place, |it| row[it]));
            assert_eq!(shares.sum::<f64>(), 1.0);
        }
    }

    #[test]
    fn grids_that_no_training_makes_are_invalid() {
        assert!(surface().is_valid());
        let mut changed = surface();
        changed.grid.second.feature = 0;
        assert!(!changed.is_valid());
        let mut changed = surface();
        changed.values.pop();
        assert!(!changed.is_valid());
        let mut changed = surface();
        changed.values[0] = f64::NAN;
        assert!(!changed.is_valid());
        for knots in [vec![], vec![1.0], vec![1.0, 1.0], vec![f64::NAN, 1.0]] {
            let mut changed = surface();
            changed.values = vec![0.0; knots.len() * 2];
            changed.grid.first.parts = Parts::Knots(knots);
            assert!(!changed.is_valid());
        }
    }
}
