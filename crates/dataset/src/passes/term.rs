//! Terms: the columns that an expression makes of a table's columns.

use crate::level::Level;

/// A column that is made of one feature of a table.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Term<'a> {
    /// The feature's place in the table.
    pub feature: usize,
    /// How a cell of the feature becomes a number.
    pub encoding: Encoding<'a>,
}

/// How a cell becomes a number. A missing cell (NaN) stays missing.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Encoding<'a> {
    /// The number in the cell.
    Number,
    /// 1 for this level, 0 for any other.
    Level(&'a Level),
    /// 0 for these levels, 1 for any other.
    OtherThan(&'a [Level]),
}

impl Term<'_> {
    /// One term for each of the first `features` features, all of which are numbers.
    pub fn numbers(features: usize) -> Vec<Self> {
        let number = |feature| Self {
            feature,
            encoding: Encoding::Number,
        };
        (0..features).map(number).collect()
    }
}

impl Encoding<'_> {
    /// The number that a cell becomes; NaN for a missing cell.
    #[inline(always)]
    pub fn value(self, cell: f64) -> f64 {
        match self {
            Self::Number => cell,
            _ if cell.is_nan() => cell,
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
    fn indicators_are_one_for_their_levels_and_a_missing_cell_stays_missing() {
        let levels = ["a", "b"].map(|text| Level::from(text.to_owned()));
        let encodings = [
            Encoding::Level(&levels[0]),
            Encoding::Level(&levels[1]),
            Encoding::OtherThan(&levels),
        ];
        let values = |cell: f64| encodings.map(|encoding| encoding.value(cell));
        assert_eq!(values(level_code("a")), [1.0, 0.0, 0.0]);
        assert_eq!(values(level_code("b")), [0.0, 1.0, 0.0]);
        assert_eq!(values(level_code("never seen")), [0.0, 0.0, 1.0]);
        assert!(values(f64::NAN).iter().all(|value| value.is_nan()));
        assert_eq!(Encoding::Number.value(7.5), 7.5);
    }
}
