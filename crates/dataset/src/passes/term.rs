//! Terms: the columns that an expression makes of a table's columns.

use super::block_rows::BlockRows;
use super::column::Column;
use super::curve::{Curve, position};
use super::grid::{Grid, Surface};
use crate::level::Level;
use crate::table::Table;

/// A column that is made of one feature of a table, or of two.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Term<'a> {
    /// The feature's place in the table; for two features, the place of the first.
    pub feature: usize,
    /// How a present cell of the feature becomes a number.
    pub encoding: Encoding<'a>,
    /// The number that a missing cell becomes. `None` if it stays missing, to be imputed.
    pub if_missing: Option<f64>,
}

/// How present cells become a number.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Encoding<'a> {
    /// The number in the cell.
    Number,
    /// A straight line's value at the number in the cell.
    Trend(&'a Curve),
    /// A curve's value at the number in the cell.
    Curve(&'a Curve),
    /// A function that is 0 up to the knot in this place, 1 after the next knot, and straight in
    /// between. The terms of all steps of a number follow one another.
    Step(&'a [f64], usize),
    /// 1 for this level, 0 for any other.
    Level(&'a Level),
    /// 0 for these levels, 1 for any other.
    OtherThan(&'a [Level]),
    /// 0 for any number or level: the indicator of missing cells.
    Missing,
    /// The share of a row in one cell of a grid. The terms of all cells of a grid follow one
    /// another.
    Cell(&'a Grid, usize),
    /// A surface's value at the cells of two features.
    Surface(&'a Surface),
}

impl Term<'_> {
    /// One term for each of the first `features` features, all of which are numbers.
    pub fn numbers(features: usize) -> Vec<Self> {
        (0..features).map(Self::number).collect()
    }

    /// The term of a feature's number. A missing number is imputed.
    pub fn number(feature: usize) -> Self {
        Self {
            feature,
            encoding: Encoding::Number,
            if_missing: None,
        }
    }

    /// The value of the term in a row; NaN for a missing cell that will be imputed. `cell` returns
    /// the row's cell of a feature.
    #[inline(always)]
    pub fn value(self, cell: impl Fn(usize) -> f64) -> f64 {
        match self.encoding {
            Encoding::Cell(grid, place) => grid.share(place, cell),
            Encoding::Surface(surface) => surface.value(cell),
            _ => self.of_cell(cell(self.feature)),
        }
    }

    /// The value of the term in the row at a position of a table.
    #[inline(always)]
    pub fn value_at(self, table: &Table, position: usize) -> f64 {
        self.value(|feature| table.features[feature][position])
    }

    /// Writes a number for each row to a column: the result of `number` for the value of the term.
    #[inline(always)]
    pub(super) fn fill(
        &self,
        to: &mut Column,
        table: &Table,
        rows: &BlockRows<'_>,
        number: impl Fn(f64) -> f64,
    ) {
        let cells = &table.features[self.feature];
        match self.encoding {
            Encoding::Number if self.if_missing.is_none() => to.fill(cells, rows, number),
            Encoding::Cell(..) | Encoding::Surface(_) => {
                to.fill_at(rows, |position| number(self.value_at(table, position)));
            }
            _ => to.fill(cells, rows, |cell| number(self.of_cell(cell))),
        }
    }

    /// The value of the term for a cell of a single feature.
    #[inline(always)]
    fn of_cell(self, cell: f64) -> f64 {
        if cell.is_nan() {
            self.if_missing.unwrap_or(cell)
        } else {
            self.encoding.value(cell)
        }
    }
}

impl Encoding<'_> {
    /// True for an indicator, which is 0 or 1: of a level, of other levels, or of missing cells.
    #[inline]
    pub fn is_indicator(self) -> bool {
        match self {
            Self::Level(_) | Self::OtherThan(_) | Self::Missing => true,
            Self::Number | Self::Trend(_) | Self::Curve(_) | Self::Step(..) => false,
            Self::Cell(..) | Self::Surface(_) => false,
        }
    }

    /// True for a column that is made of two features.
    pub fn is_of_two_features(self) -> bool {
        matches!(self, Self::Cell(..) | Self::Surface(_))
    }

    /// The value of the encoding for a present cell of a single feature.
    #[inline(always)]
    fn value(self, cell: f64) -> f64 {
        match self {
            Self::Number => cell,
            Self::Trend(curve) | Self::Curve(curve) => curve.value(cell),
            Self::Step(knots, step) => step_value(knots, step, cell),
            Self::Cell(..) | Self::Surface(_) => f64::NAN,
            Self::Missing => 0.0,
            Self::Level(level) => f64::from(u8::from(level.code() == cell)),
            Self::OtherThan(levels) => {
                f64::from(u8::from(levels.iter().all(|level| level.code() != cell)))
            }
        }
    }
}

/// The value of a step between two neighbouring knots at a number.
#[inline(always)]
fn step_value(knots: &[f64], step: usize, number: f64) -> f64 {
    let (before, share) = position(knots, number);
    match before.cmp(&step) {
        std::cmp::Ordering::Less => 0.0,
        std::cmp::Ordering::Equal => share,
        std::cmp::Ordering::Greater => 1.0,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::level::level_code;

    #[test]
    fn indicators_are_one_for_their_levels() {
        let levels = ["a", "b"].map(|text| Level::from(text.to_owned()));
        let encodings = [
            Encoding::Level(&levels[0]),
            Encoding::Level(&levels[1]),
            Encoding::OtherThan(&levels),
            Encoding::Missing,
        ];
        let values = |cell: f64| encodings.map(|encoding| encoding.value(cell));
        assert_eq!(values(level_code("a")), [1.0, 0.0, 0.0, 0.0]);
        assert_eq!(values(level_code("b")), [0.0, 1.0, 0.0, 0.0]);
        assert_eq!(values(level_code("never seen")), [0.0, 0.0, 1.0, 0.0]);
        assert_eq!(Encoding::Number.value(7.5), 7.5);
    }

    #[test]
    fn the_steps_up_to_a_number_add_up_to_its_way_through_the_knots() {
        let knots = [-1.0, 3.0, 4.0];
        let steps = |number: f64| [0, 1].map(|step| Encoding::Step(&knots, step).value(number));
        let found = [-2.0, 0.0, 3.0, 3.5, 9.0].map(steps);
        let wanted = [[0.0, 0.0], [0.25, 0.0], [1.0, 0.0], [1.0, 0.5], [1.0, 1.0]];
        assert_eq!(found, wanted);
    }

    #[test]
    fn a_missing_cell_stays_missing_unless_a_number_stands_for_it() {
        let term = |if_missing| Term {
            feature: 0,
            encoding: Encoding::Missing,
            if_missing,
        };
        assert!(term(None).value(|_| f64::NAN).is_nan());
        assert_eq!(term(Some(1.0)).value(|_| f64::NAN), 1.0);
        assert_eq!(term(Some(1.0)).value(|_| 3.0), 0.0);
    }
}
