//! Count, mean, spread and extremes of numbers, without overflow for numbers of any size.

use fearless_simd::{Level, dispatch};
use serde::{Deserialize, Serialize};

use super::column::Column;
use super::engine::{Chunk, Pass, run, run_all};
use super::term::{Encoding, Term};
use crate::table::{FOLDS, Fold, Selection, Table};

/// Count, mean, spread and extremes of numbers. The moments of parts can be merged (Chan, Golub and
/// LeVeque 1983).
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Moments {
    /// Number of numbers; missing values do not count.
    pub count: u64,
    /// The divisor of the numbers in `mean` and `squares`. It is 1, or [`HUGE_SCALE`] once a number
    /// was larger than [`HUGE`], so that squares do not overflow.
    scale: f64,
    mean: f64,
    squares: f64,
    minimum: f64,
    maximum: f64,
}

/// Absolute value above which numbers are scaled. Sums of squares of larger numbers could overflow.
const HUGE: f64 = 1e150;
/// The divisor of huge numbers: a power of two, so that dividing by it loses no digit.
const HUGE_SCALE: f64 = 1.071_508_607_186_267_3e301;

/// The moments of each term's values in the selected rows. Missing values do not count.
pub fn moments(terms: &[Term<'_>], table: &Table, selection: &Selection) -> Vec<Moments> {
    run(&TermMoments { terms }, table, selection)
}

/// The [`moments`] of the rows of each fold, in the order of the folds.
pub fn moments_by_fold(
    terms: &[Term<'_>],
    table: &Table,
    selection: &Selection,
) -> Vec<Vec<Moments>> {
    let pass = TermMoments { terms };
    let passes: Vec<_> = (0..FOLDS).map(|fold| (&pass, Fold::Inside(fold))).collect();
    run_all(&passes, table, selection)
}

struct TermMoments<'a> {
    terms: &'a [Term<'a>],
}

impl Pass for TermMoments<'_> {
    type Value = Vec<Moments>;

    fn empty(&self) -> Vec<Moments> {
        vec![Moments::default(); self.terms.len()]
    }

    fn add(&self, value: &mut Vec<Moments>, chunk: &Chunk<'_>) {
        for (moments, term) in value.iter_mut().zip(self.terms) {
            let cells = &chunk.table.features[term.feature];
            match term {
                Term {
                    encoding: Encoding::Number,
                    if_missing: None,
                    ..
                } => moments.add_column(chunk, cells, |number| number),
                term => moments.add_column(chunk, cells, |cell| term.value(cell)),
            }
        }
    }

    fn merge(&self, earlier: &mut Vec<Moments>, later: Vec<Moments>) {
        for (mine, other) in earlier.iter_mut().zip(later) {
            mine.merge(other);
        }
    }
}

impl Default for Moments {
    fn default() -> Self {
        Self {
            count: 0,
            scale: 1.0,
            mean: 0.0,
            squares: 0.0,
            minimum: f64::MAX,
            maximum: -f64::MAX,
        }
    }
}

impl Moments {
    /// Adds `number` of each of a column's cells in a chunk; NaN does not count.
    pub(crate) fn add_column<T: Copy>(
        &mut self,
        chunk: &Chunk<'_>,
        column: &[T],
        number: impl Fn(T) -> f64,
    ) {
        dispatch!(Level::new(), _ => {
            let mut block = Column::of(f64::NAN);
            for rows in chunk.blocks() {
                block.fill(column, &rows, &number);
                block.values_mut()[rows.len()..].fill(f64::NAN);
                self.add_block(&block);
            }
        });
    }

    /// Adds the numbers of one block, which may be incomplete; NaN does not count.
    pub(super) fn add_numbers(&mut self, numbers: &[f64]) {
        dispatch!(Level::new(), _ => {
            let mut block = Column::of(f64::NAN);
            block.values_mut()[..numbers.len()].copy_from_slice(numbers);
            self.add_block(&block);
        });
    }

    /// Adds the numbers of a block; NaN does not count.
    #[inline(always)]
    fn add_block(&mut self, numbers: &Column) {
        // A comparison with NaN is false, so NaN is never an extreme.
        let smaller = |least: f64, number: f64| if number < least { number } else { least };
        let larger = |most: f64, number: f64| if number > most { number } else { most };
        let present = |number: f64| if number.is_nan() { 0.0 } else { 1.0 };
        let minimum = numbers.fold(f64::MAX, smaller);
        let maximum = numbers.fold(-f64::MAX, larger);
        let mut work = Column::of(0.0);
        work.map(numbers, present);
        let count = work.sum();
        if minimum < -HUGE || maximum > HUGE {
            let present = numbers.values().iter().filter(|number| !number.is_nan());
            return present.for_each(|number| self.add(*number));
        }
        if count == 0.0 {
            return;
        }
        let away = |number: f64, center: f64| {
            if number.is_nan() {
                0.0
            } else {
                number - center
            }
        };
        // The mean is computed from differences to the minimum. The mean of equal numbers is then
        // exactly that number, and their spread is exactly 0.
        work.map(numbers, |number| away(number, minimum));
        let mean = minimum + work.sum() / count;
        work.map(numbers, |number| away(number, mean).powi(2));
        self.merge(Self {
            count: count as u64,
            scale: 1.0,
            mean,
            squares: work.sum(),
            minimum,
            maximum,
        });
    }

    /// Adds a number, which must not be NaN.
    fn add(&mut self, number: f64) {
        if number.abs() > HUGE {
            self.rescale(HUGE_SCALE);
        }
        let number_scaled = number / self.scale;
        self.count += 1;
        let delta = number_scaled - self.mean;
        self.mean += delta / self.count as f64;
        self.squares += delta * (number_scaled - self.mean);
        self.minimum = self.minimum.min(number);
        self.maximum = self.maximum.max(number);
    }

    /// Adds the moments of other numbers.
    pub fn merge(&mut self, mut other: Self) {
        if other.count == 0 {
            return;
        }
        let scale = self.scale.max(other.scale);
        self.rescale(scale);
        other.rescale(scale);
        let count = self.count + other.count;
        let delta = other.mean - self.mean;
        let share = other.count as f64 / count as f64;
        self.squares += other.squares + delta * delta * self.count as f64 * share;
        self.mean += delta * share;
        self.count = count;
        self.minimum = self.minimum.min(other.minimum);
        self.maximum = self.maximum.max(other.maximum);
    }

    fn rescale(&mut self, scale: f64) {
        if scale > self.scale {
            let ratio = self.scale / scale;
            self.mean *= ratio;
            self.squares *= ratio * ratio;
            self.scale = scale;
        }
    }

    /// Arithmetic mean; `None` without numbers.
    pub fn mean(&self) -> Option<f64> {
        (self.count > 0).then(|| finite(self.mean * self.scale))
    }

    /// Standard deviation with the divisor n − 1; `None` with fewer than two numbers.
    pub fn standard_deviation(&self) -> Option<f64> {
        (self.count > 1)
            .then(|| finite((self.squares / (self.count - 1) as f64).sqrt() * self.scale))
    }

    /// Smallest number; `None` without numbers.
    pub fn minimum(&self) -> Option<f64> {
        (self.count > 0).then_some(self.minimum)
    }

    /// Largest number; `None` without numbers.
    pub fn maximum(&self) -> Option<f64> {
        (self.count > 0).then_some(self.maximum)
    }
}

/// Replaces an infinity that is due to rounding by the largest float of its sign.
fn finite(number: f64) -> f64 {
    number.clamp(-f64::MAX, f64::MAX)
}

#[cfg(test)]
mod tests {
    use common::Schema;

    use super::*;

    fn moments_of(numbers: &[f64]) -> Moments {
        let schema = Schema {
            features: vec!["x".into()],
            ..Schema::default()
        };
        let mut table = Table::new(&schema);
        for (row, number) in numbers.iter().enumerate() {
            table.push(row.to_string().as_bytes(), &[*number], None);
        }
        moments(&Term::numbers(1), &table, &table.all())[0]
    }

    #[test]
    fn blocks_say_what_single_numbers_say() {
        for size in [1.0, 1e-300, 1e149, 1e151, 1e300] {
            let wave = |row: usize| match row % 7 {
                3 => f64::NAN,
                _ => (row as f64 * 0.7).cos() * size + size,
            };
            let numbers: Vec<f64> = (0..1001).map(wave).collect();
            let mut wanted = Moments::default();
            let present = numbers.iter().filter(|number| !number.is_nan());
            present.for_each(|number| wanted.add(*number));
            let found = moments_of(&numbers);
            assert_eq!(found.count, wanted.count);
            assert_eq!(found.minimum(), wanted.minimum());
            assert_eq!(found.maximum(), wanted.maximum());
            let close = |found: Option<f64>, wanted: Option<f64>| {
                let (found, wanted) = (found.unwrap(), wanted.unwrap());
                assert!((found / wanted - 1.0).abs() < 1e-12, "{found}, {wanted}");
            };
            close(found.mean(), wanted.mean());
            if size > 1e-100 {
                close(found.standard_deviation(), wanted.standard_deviation());
            }
        }
    }

    #[test]
    fn equal_numbers_have_their_own_mean_and_no_spread() {
        for number in [0.1, -3.3e9, 1e-310] {
            let found = moments_of(&[number; 777]);
            assert_eq!(found.mean(), Some(number));
            assert_eq!(found.standard_deviation(), Some(0.0));
        }
    }

    #[test]
    fn missing_numbers_have_no_moments() {
        assert_eq!(moments_of(&[f64::NAN; 300]), Moments::default());
    }
}
