//! Sorted columns: the input of the tests of distributions.

/// The present values of a column in ascending order, and the number of missing values.
///
/// Infinities are values. NaN is a missing value.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct SortedColumn {
    present: Vec<f64>,
    missing: u64,
}

impl SortedColumn {
    /// Sorts a column.
    pub fn of(values: &[f64]) -> Self {
        Self::from(values.to_vec())
    }

    /// The present values, ascending.
    pub fn present(&self) -> &[f64] {
        &self.present
    }

    /// Number of missing values.
    pub fn missing(&self) -> u64 {
        self.missing
    }

    /// Number of present values.
    pub fn count(&self) -> u64 {
        self.present.len() as u64
    }

    /// Number of present and missing values.
    pub fn rows(&self) -> u64 {
        self.count() + self.missing
    }

    /// The column without the present values for which `keep` is false. It gets the place of a value among
    /// the present values, and the value.
    pub(crate) fn filtered(&self, keep: impl Fn(usize, f64) -> bool) -> Self {
        let present = self.present.iter().copied().enumerate();
        let present = present.filter(|(place, value)| keep(*place, *value));
        Self {
            present: present.map(|(_, value)| value).collect(),
            missing: self.missing,
        }
    }

    /// The distinct values, each with its number of rows.
    pub(crate) fn runs(&self) -> impl Iterator<Item = (f64, u64)> {
        self.present
            .chunk_by(|a, b| a == b)
            .map(|run| (run[0], run.len() as u64))
    }
}

impl From<Vec<f64>> for SortedColumn {
    /// Sorts a column in place, without another allocation.
    fn from(mut values: Vec<f64>) -> Self {
        let rows = values.len();
        values.retain(|value| !value.is_nan());
        // Adding 0 turns −0 into 0, because both are the same value.
        values.iter_mut().for_each(|value| *value += 0.0);
        values.sort_unstable_by(f64::total_cmp);
        Self {
            missing: (rows - values.len()) as u64,
            present: values,
        }
    }
}

/// A value of two merged columns, with cumulative counts.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Step {
    /// The value.
    pub(crate) value: f64,
    /// Number of values in the first column that are not larger.
    pub(crate) first: u64,
    /// Number of values in the second column that are not larger.
    pub(crate) second: u64,
}

/// Merges two columns: each distinct value of either one, ascending, with its cumulative counts.
pub(crate) fn steps(first: &SortedColumn, second: &SortedColumn) -> impl Iterator<Item = Step> {
    let mut left = first.runs().peekable();
    let mut right = second.runs().peekable();
    let mut counts = (0, 0);
    std::iter::from_fn(move || {
        let value = match (left.peek(), right.peek()) {
            (Some((a, _)), Some((b, _))) => a.min(*b),
            (Some((value, _)), None) | (None, Some((value, _))) => *value,
            (None, None) => return None,
        };
        counts.0 += left.next_if(|run| run.0 == value).map_or(0, |run| run.1);
        counts.1 += right.next_if(|run| run.0 == value).map_or(0, |run| run.1);
        Some(Step {
            value,
            first: counts.0,
            second: counts.1,
        })
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn missing_values_are_counted_and_both_zeros_are_one_value() {
        let column = SortedColumn::of(&[0.0, f64::NAN, -0.0, f64::INFINITY, -1.0]);
        assert_eq!(column.present(), [-1.0, 0.0, 0.0, f64::INFINITY]);
        assert_eq!((column.missing(), column.count(), column.rows()), (1, 4, 5));
        let runs: Vec<(f64, u64)> = column.runs().collect();
        assert_eq!(runs, [(-1.0, 1), (0.0, 2), (f64::INFINITY, 1)]);
    }

    #[test]
    fn steps_count_both_columns_up_to_each_value() {
        let (first, second) = ([3.0, 1.0, 1.0], [2.0, 1.0]);
        let found: Vec<(f64, u64, u64)> =
            steps(&SortedColumn::of(&first), &SortedColumn::of(&second))
                .map(|step| (step.value, step.first, step.second))
                .collect();
        assert_eq!(found, [(1.0, 2, 1), (2.0, 2, 2), (3.0, 3, 2)]);
        let empty = SortedColumn::default();
        assert_eq!(steps(&empty, &empty).next(), None);
    }
}
