//! Count, mean, spread and extremes of numbers, without overflow for numbers of any size.

use common::Failure;
use fearless_simd::{Level, dispatch};
use serde::{Deserialize, Serialize};

use super::block_rows::BlockRows;
use super::column::Column;
use super::curve::position;
use super::engine::{Chunk, Pass, run, run_all};
use super::grid::Grid;
use super::remote::wrong_size;
use super::term::Term;
use super::term_groups::{GroupKind, TermGroup, term_groups};
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
pub fn moments(
    terms: &[Term<'_>],
    table: &Table,
    selection: &Selection,
) -> Result<Vec<Moments>, Failure> {
    let of_all = moments_of_folds(terms, &[Fold::Any], table, selection)?;
    Ok(of_all.into_iter().flatten().collect())
}

/// The [`moments`] of the rows of each fold, in the order of the folds.
pub fn moments_by_fold(
    terms: &[Term<'_>],
    table: &Table,
    selection: &Selection,
) -> Result<Vec<Vec<Moments>>, Failure> {
    let folds: Vec<Fold> = (0..FOLDS).map(Fold::Inside).collect();
    moments_of_folds(terms, &folds, table, selection)
}

/// The [`moments`] of the selected rows of each of these choices of clients.
pub(super) fn moments_of_folds(
    terms: &[Term<'_>],
    folds: &[Fold],
    table: &Table,
    selection: &Selection,
) -> Result<Vec<Vec<Moments>>, Failure> {
    let of_folds = match (table.engine("moments")?, folds) {
        (Some(engine), _) => engine.moments(terms, folds, selection)?,
        (None, [Fold::Any]) => vec![run(&TermMoments { terms }, table, selection)],
        (None, _) => {
            let pass = TermMoments { terms };
            let passes: Vec<_> = folds.iter().map(|fold| (&pass, *fold)).collect();
            run_all(&passes, table, selection)
        }
    };
    let (wanted, found) = (
        folds.len() * terms.len(),
        of_folds.iter().map(Vec::len).sum(),
    );
    if (of_folds.len(), found) != (folds.len(), wanted) {
        return Err(wrong_size("moments", wanted, found));
    }
    Ok(of_folds)
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
        let mut value = value.iter_mut();
        for group in term_groups(self.terms) {
            let own = value.by_ref().take(group.terms.len());
            match of_few_values(&group, chunk) {
                Some(found) => own.zip(found).for_each(|(own, found)| own.merge(found)),
                None => own
                    .zip(group.terms)
                    .for_each(|(own, term)| own.add_term(chunk, *term)),
            }
        }
    }

    fn merge(&self, earlier: &mut Vec<Moments>, later: Vec<Moments>) {
        for (mine, other) in earlier.iter_mut().zip(later) {
            mine.merge(other);
        }
    }
}

/// The moments of steps or cells in the rows of a chunk, from the few values of each row that are
/// not 0. `None` for other terms.
fn of_few_values(group: &TermGroup<'_>, chunk: &Chunk<'_>) -> Option<Vec<Moments>> {
    match group.kind {
        GroupKind::Steps(knots) => {
            let cells = &chunk.table.features[group.terms[0].feature];
            let numbers = chunk.positions().map(|position| cells[position]);
            Some(of_steps(knots, numbers))
        }
        GroupKind::Cells(grid) => Some(of_cells(grid, chunk)),
        GroupKind::Single | GroupKind::Indicators => None,
    }
}

/// The moments of each step between these knots at some numbers. NaN does not count.
fn of_steps(knots: &[f64], numbers: impl Iterator<Item = f64>) -> Vec<Moments> {
    let mut shares = vec![UnitSums::default(); knots.len() - 1];
    for number in numbers.filter(|number| !number.is_nan()) {
        let (before, share) = position(knots, number);
        shares[before].add(share);
    }
    let rows = shares.iter().map(|sums| sums.count).sum();
    let mut after = rows;
    let steps = shares.iter().map(|sums| {
        // For a number above a step, the value of the step is 1.
        after -= sums.count;
        sums.with_ones(after).moments(rows)
    });
    steps.collect()
}

/// The moments of each cell of a grid in the rows of a chunk.
fn of_cells(grid: &Grid, chunk: &Chunk<'_>) -> Vec<Moments> {
    let mut shares = vec![UnitSums::default(); grid.len()];
    let mut rows = 0;
    for position in chunk.positions() {
        let cell = |feature: usize| chunk.table.features[feature][position];
        let Some(found) = grid.shares(cell) else {
            continue;
        };
        rows += 1;
        let counted = found.into_iter().filter(|(_, share)| *share != 0.0);
        counted.for_each(|(place, share)| shares[place].add(share));
    }
    shares.iter().map(|sums| sums.moments(rows)).collect()
}

/// Sums of values from 0 to 1.
#[derive(Clone, Copy)]
struct UnitSums {
    count: u64,
    sum: f64,
    squares: f64,
    minimum: f64,
    maximum: f64,
}

impl Default for UnitSums {
    fn default() -> Self {
        Self {
            count: 0,
            sum: 0.0,
            squares: 0.0,
            minimum: 1.0,
            maximum: 0.0,
        }
    }
}

impl UnitSums {
    fn add(&mut self, value: f64) {
        self.count += 1;
        self.sum += value;
        self.squares += value * value;
        self.minimum = self.minimum.min(value);
        self.maximum = self.maximum.max(value);
    }

    /// Adds `count` values of 1.
    fn with_ones(self, count: u64) -> Self {
        Self {
            count: self.count + count,
            sum: self.sum + count as f64,
            squares: self.squares + count as f64,
            maximum: if count > 0 { 1.0 } else { self.maximum },
            ..self
        }
    }

    /// The moments of `rows` values; those that were not added are 0.
    fn moments(&self, rows: u64) -> Moments {
        if rows == 0 {
            return Moments::default();
        }
        let mean = self.sum / rows as f64;
        Moments {
            count: rows,
            scale: 1.0,
            mean,
            squares: (self.squares - self.sum * mean).max(0.0),
            minimum: if self.count < rows { 0.0 } else { self.minimum },
            maximum: self.maximum,
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
        self.add_blocks(chunk, |block, rows| block.fill(column, rows, &number));
    }

    /// Adds a term's values of the rows of a chunk; NaN does not count.
    fn add_term(&mut self, chunk: &Chunk<'_>, term: Term<'_>) {
        self.add_blocks(chunk, |block, rows| {
            term.fill(block, chunk.table, rows, |it| it)
        });
    }

    /// Adds the numbers that `fill` writes for each block of a chunk.
    #[inline(always)]
    fn add_blocks(&mut self, chunk: &Chunk<'_>, fill: impl Fn(&mut Column, &BlockRows<'_>)) {
        dispatch!(Level::new(), _ => {
            let mut block = Column::of(f64::NAN);
            for rows in chunk.blocks() {
                fill(&mut block, &rows);
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

    /// The moments of `count` numbers with this mean, this mean of squared differences to it, and these
    /// extremes. No number is larger than 1e150.
    pub fn of_statistics(
        count: u64,
        mean: f64,
        variance: f64,
        [minimum, maximum]: [f64; 2],
    ) -> Self {
        if count == 0 {
            return Self::default();
        }
        // The mean of equal numbers is that number, and they have no spread.
        let are_equal = minimum == maximum;
        Self {
            count,
            scale: 1.0,
            mean: if are_equal { minimum } else { mean },
            squares: if are_equal {
                0.0
            } else {
                variance * count as f64
            },
            minimum,
            maximum,
        }
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
    use crate::passes::{Encoding, Parts, Side};

    fn moments_of(numbers: &[f64]) -> Moments {
        let schema = Schema {
            features: vec!["x".into()],
            ..Schema::default()
        };
        let mut table = Table::new(&schema);
        for (row, number) in numbers.iter().enumerate() {
            table.push(row.to_string().as_bytes(), &[*number], None);
        }
        moments(&Term::numbers(1), &table, &table.all()).unwrap()[0]
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
    fn steps_and_cells_have_the_moments_of_their_values() {
        let schema = Schema {
            features: vec!["x".into(), "y".into()],
            ..Schema::default()
        };
        let mut table = Table::new(&schema);
        for row in 0..700_u32 {
            let x = f64::from(row % 17) / 2.0;
            let y = if row % 7 == 0 {
                f64::NAN
            } else {
                f64::from(row % 5)
            };
            table.push(row.to_string().as_bytes(), &[x, y], None);
        }
        let knots = [-3.0, -1.0, 2.0, 4.9, 9.0];
        let side = |feature, knots: &[f64]| Side {
            feature,
            parts: Parts::Knots(knots.to_vec()),
        };
        let grid = Grid {
            first: side(0, &[0.0, 3.0, 8.0]),
            second: side(1, &[0.0, 3.0]),
        };
        let term = |feature, encoding| Term {
            feature,
            encoding,
            if_missing: None,
        };
        let steps = (0..4).map(|step| term(0, Encoding::Step(&knots, step)));
        let cells = (0..6).map(|place| term(0, Encoding::Cell(&grid, place)));
        let terms: Vec<Term<'_>> = steps.chain(cells).collect();
        let found = moments(&terms, &table, &table.all()).unwrap();
        for (found, term) in found.iter().zip(&terms) {
            let alone = {
                let mut alone = Moments::default();
                alone.add_term(&Chunk::of(&table, 0..700), *term);
                alone
            };
            assert_eq!((found.count, found.minimum), (alone.count, alone.minimum));
            assert_eq!(found.maximum, alone.maximum);
            assert!((found.mean - alone.mean).abs() < 1e-14);
            assert!((found.squares - alone.squares).abs() < 1e-11);
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
