//! Terms: the columns that an expression makes of a table's columns.

use super::curve::Curve;
use crate::level::Level;

/// A column that is made of one feature of a table.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Term<'a> {
    /// The feature's place in the table.
    pub feature: usize,
    /// How a present cell of the feature becomes a number.
    pub encoding: Encoding<'a>,
    /// The number that a missing cell becomes. `None` if it stays missing, to be imputed.
    pub if_missing: Option<f64>,
}

/// How a present cell becomes a number.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Encoding<'a> {
    /// The number in the cell.
    Number,
    /// A straight line's value at the number in the cell.
    Trend(&'a Curve),
    /// A curve's value at the number in the cell.
    Curve(&'a Curve),
    /// 1 for this level, 0 for any other.
    Level(&'a Level),
    /// 0 for these levels, 1 for any other.
    OtherThan(&'a [Level]),
    /// 0 for any number or level: the indicator of missing cells.
    Missing,
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

    /// The number that a cell becomes; NaN for a missing cell that is to be imputed.
    #[inline(always)]
    pub fn value(self, cell: f64) -> f64 {
        if cell.is_nan() {
            self.if_missing.unwrap_or(cell)
        } else {
            self.encoding.value(cell)
        }
    }
}

impl Encoding<'_> {
    /// True for an indicator, which is 0 or 1: of a level, of other levels, or of missing cells.
    pub fn is_indicator(self) -> bool {
        match self {
            Self::Number | Self::Trend(_) | Self::Curve(_) => false,
            Self::Level(_) | Self::OtherThan(_) | Self::Missing => true,
        }
    }

    /// The number that a present cell becomes.
    #[inline(always)]
    fn value(self, cell: f64) -> f64 {
        match self {
            Self::Number => cell,
            Self::Trend(curve) | Self::Curve(curve) => curve.value(cell),
            Self::Missing => 0.0,
            Self::Level(level) => f64::from(u8::from(level.code() == cell)),
            Self::OtherThan(levels) => {
                f64::from(u8::from(levels.iter().all(|level| level.code() != cell)))
            }
        }
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
    fn a_missing_cell_stays_missing_unless_a_number_stands_for_it() {
        let term = |if_missing| Term {
            feature: 0,
            encoding: Encoding::Missing,
            if_missing,
        };
        assert!(term(None).value(f64::NAN).is_nan());
        assert_eq!(term(Some(1.0)).value(f64::NAN), 1.0);
        assert_eq!(term(Some(1.0)).value(3.0), 0.0);
    }
}
