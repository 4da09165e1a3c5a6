//! The columns of a joint test as components: normal scores of numbers, and indicators of levels and
//! of missing values.

use std::collections::BTreeMap;
use std::ops::Range;

use super::super::normal_scores::centred_normal_scores;

/// Minimum expected number of rows of the smaller side in which a component differs from its most
/// frequent value. With fewer rows, a single row would decide.
const MIN_OTHER_ROWS: f64 = 5.0;
/// Maximum number of level indicators of all columns together. It is exceeded only if there are more
/// categories, because each category has at least one. The most frequent levels of each column are taken.
const MAX_LEVELS: usize = 60;
/// Smallest and largest limit of the number of level indicators of one column. With many columns, the
/// smallest limit applies.
const LEVELS_OF_COLUMN: Range<usize> = 1..40;

/// The cells of a column: those of both sides, the reference first. NaN is a missing value.
#[derive(Clone, Debug)]
pub(crate) struct JointColumn {
    /// True if the cells are codes of levels.
    pub(crate) is_category: bool,
    /// The cells.
    pub(crate) cells: Vec<f64>,
}

/// What a component says about a row.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Meaning {
    /// The normal score of its number.
    Score,
    /// 1 if the row has the level with this code.
    Level(u64),
    /// 1 if the value is missing.
    Missing,
}

/// One number for each row, with mean 0 and variance 1 over both sides.
#[derive(Clone, Debug)]
pub(super) struct Component {
    pub(super) column: usize,
    pub(super) meaning: Meaning,
    /// The numbers. A missing score has the mean.
    pub(super) values: Vec<f64>,
    /// False where a score is missing.
    pub(super) is_present: Vec<bool>,
}

/// The components of columns, in the order of the columns. `sides` has the range of the rows of each
/// side.
///
/// A column without values in one side, or that is constant or almost constant, has no component of its
/// values.
pub(super) fn components(columns: &[JointColumn], sides: &[Range<usize>; 2]) -> Vec<Component> {
    let categories = columns.iter().filter(|column| column.is_category).count();
    let max_levels =
        (MAX_LEVELS / categories.max(1)).clamp(LEVELS_OF_COLUMN.start, LEVELS_OF_COLUMN.end);
    let mut components = Vec::new();
    for (place, column) in columns.iter().enumerate() {
        let rows = Rows { sides };
        let mut add = |meaning, values: Option<Vec<f64>>| {
            let cells = column.cells.iter();
            components.extend(values.map(|values| {
                Component {
                    column: place,
                    meaning,
                    values,
                    is_present: cells
                        .map(|it| meaning != Meaning::Score || !it.is_nan())
                        .collect(),
                }
            }));
        };
        match column.is_category {
            false => add(Meaning::Score, rows.scores(&column.cells)),
            true => {
                for (code, indicator) in rows.levels(&column.cells, max_levels) {
                    add(Meaning::Level(code), Some(indicator));
                }
            }
        }
        add(Meaning::Missing, rows.indicator(&column.cells, f64::is_nan));
    }
    components
}

/// True if `rows` of both sides together are enough: the smaller side is expected to have five of them.
pub(super) fn are_enough(sides: &[Range<usize>; 2], rows: usize) -> bool {
    let [first, second] = sides.each_ref().map(|side| side.len());
    let share = first.min(second) as f64 / (first + second) as f64;
    rows as f64 * share >= MIN_OTHER_ROWS
}

/// The rows of both sides.
struct Rows<'a> {
    sides: &'a [Range<usize>; 2],
}

impl Rows<'_> {
    fn scores(&self, cells: &[f64]) -> Option<Vec<f64>> {
        let of_side = |side: usize| cells[self.sides[side].clone()].iter();
        let is_there = |cell: &&f64| !cell.is_nan();
        let mut reference = of_side(0).filter(is_there);
        let first = reference.next()?;
        // A constant column has no spread, so a distance in standard deviations is undefined.
        if reference.all(|cell| cell == first) || !of_side(1).any(|cell| is_there(&cell)) {
            return None;
        }
        let counts = counts(cells);
        let present: usize = counts.values().sum();
        let most = counts.values().max()?;
        let scores =
            centred_normal_scores(cells).filter(|_| are_enough(self.sides, present - most))?;
        standardised(scores)
    }

    /// The indicators of the most frequent levels, each with the code of the level.
    fn levels(&self, cells: &[f64], max_levels: usize) -> Vec<(u64, Vec<f64>)> {
        let mut levels: Vec<(usize, u64)> = counts(cells)
            .into_iter()
            .map(|(level, rows)| (rows, level))
            .collect();
        levels.sort_unstable_by(|a, b| b.cmp(a));
        // With two levels, one indicator determines the other.
        let n_levels = if levels.len() == 2 { 1 } else { max_levels };
        let indicator = |(_, level): (usize, u64)| {
            let indicator = self.indicator(cells, |cell| key(cell) == Some(level))?;
            Some((f64::from_bits(level) as u64, indicator))
        };
        levels
            .into_iter()
            .take(n_levels)
            .filter_map(indicator)
            .collect()
    }

    fn indicator(&self, cells: &[f64], has: impl Fn(f64) -> bool) -> Option<Vec<f64>> {
        let values: Vec<f64> = cells
            .iter()
            .map(|cell| f64::from(u8::from(has(*cell))))
            .collect();
        let with = values.iter().filter(|value| **value > 0.0).count();
        let is_enough = are_enough(self.sides, with.min(cells.len() - with));
        is_enough.then(|| standardised(values)).flatten()
    }
}

/// A present value as a key; `None` for a missing one.
pub(super) fn key(cell: f64) -> Option<u64> {
    (!cell.is_nan()).then_some((cell + 0.0).to_bits())
}

/// Rows by value.
fn counts(cells: &[f64]) -> BTreeMap<u64, usize> {
    let mut counts = BTreeMap::new();
    for key in cells.iter().filter_map(|cell| key(*cell)) {
        *counts.entry(key).or_default() += 1;
    }
    counts
}

/// Values with mean 0 and variance 1; `None` if they do not vary.
pub(super) fn standardised(mut values: Vec<f64>) -> Option<Vec<f64>> {
    let rows = values.len() as f64;
    let mean = values.iter().sum::<f64>() / rows;
    let variance = values.iter().map(|it| (it - mean).powi(2)).sum::<f64>() / rows;
    if variance.is_nan() || variance < 1e-12 {
        return None;
    }
    let error = variance.sqrt();
    values.iter_mut().for_each(|it| *it = (*it - mean) / error);
    Some(values)
}
