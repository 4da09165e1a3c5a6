//! The share of the values of a file that are unlike any value of the reference.
//!
//! The check of a part names one part. Several parts of a column may be unlike the reference, and their
//! shares add up.

use dataset::Levels;

use super::limits::{MIN_DISTANCE, MIN_PART_SHARE};
use crate::statistics::{SortedColumn, contingency_table, outside_range, steps, unseen_share};

/// Minimum number of rows of a frequent number, which must also have the share [`MIN_PART_SHARE`].
/// Continuous numbers hardly ever repeat a value, so a rare value that the reference does not have
/// means nothing.
const MIN_ROWS_OF_NUMBER: u64 = 5;

/// Share of the numbers outside the range of the reference, and of frequent numbers inside of it that the
/// reference does not have. `None` if a file has no values.
pub(super) fn unlike_share_of_numbers(
    reference: &SortedColumn,
    current: &SortedColumn,
) -> Option<f64> {
    let outside = outside_range(reference, current, MIN_DISTANCE)?;
    let (smallest, largest) = (*reference.present().first()?, *reference.present().last()?);
    let rows = current.count();
    let is_frequent =
        |count: u64| count >= MIN_ROWS_OF_NUMBER && count as f64 >= MIN_PART_SHARE * rows as f64;
    let mut before = [0, 0];
    let mut frequent: Vec<[u64; 2]> = Vec::new();
    for step in steps(reference, current) {
        let [known, new] = [step.first - before[0], step.second - before[1]];
        before = [step.first, step.second];
        let is_inside = (smallest..=largest).contains(&step.value);
        if known == 0 && is_inside && is_frequent(new) {
            frequent.push([known, new]);
        }
    }
    let of_frequent: u64 = frequent.iter().map(|cells| cells[1]).sum();
    let others = [reference.count(), rows - of_frequent];
    let table: Vec<[u64; 2]> = [others].into_iter().chain(frequent).collect();
    let new_numbers = unseen_share(&table)?.max(0.0);
    let outside = (outside.below + outside.above) as f64 / rows as f64;
    Some((outside + new_numbers).min(1.0))
}

/// Share of all levels together that the reference does not have, less the share to expect by chance.
/// `None` if a file has no levels, or too many to count.
pub(super) fn unlike_share_of_levels(reference: &Levels, current: &Levels) -> Option<f64> {
    if reference.uncounted + current.uncounted > 0 {
        return None;
    }
    let table = contingency_table(&reference.counts, &current.counts);
    unseen_share(&table).map(|share| share.max(0.0))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn column(values: impl Iterator<Item = f64>) -> SortedColumn {
        SortedColumn::from(values.collect::<Vec<f64>>())
    }

    #[test]
    fn all_numbers_unlike_the_reference_count_together() {
        let known = || (1..=1000).map(f64::from);
        let share = |current: Vec<f64>| {
            unlike_share_of_numbers(&column(known()), &column(current.into_iter())).unwrap()
        };
        let inside = || known().step_by(10);
        assert_eq!(share(inside().collect()), 0.0);
        // Halved numbers do not occur in the reference, but none of them is frequent.
        assert_eq!(share(inside().map(|value| value * 0.5).collect()), 0.0);
        let mixed = inside().enumerate().map(|(row, value)| match row % 4 {
            0 => 1e6,
            1 => -1e6,
            2 => 500.5,
            _ => value,
        });
        let found = share(mixed.collect());
        assert!((found - 0.75).abs() < 1e-9, "{found}");
        assert_eq!(
            unlike_share_of_numbers(&column([].into_iter()), &column(known())),
            None
        );
    }
}
