//! What does not need the table: sums and order of numbers that a pass gave, on all processors.

use std::cmp::Ordering;

use rayon::prelude::*;

use super::CHUNK_ROWS;

/// The sum of what `number` makes of each item.
///
/// Items are summed in chunks of a fixed size and the chunks in order, so the sum is the same to
/// the last bit with any number of threads.
pub fn sum<T: Sync>(items: &[T], number: impl Fn(&T) -> f64 + Sync) -> f64 {
    let chunks: Vec<f64> = items
        .par_chunks(CHUNK_ROWS)
        .map(|chunk| chunk.iter().map(&number).sum())
        .collect();
    chunks.into_iter().sum()
}

/// Sorts items; equal ones may change places.
pub fn sort<T: Send>(items: &mut [T], compare: impl Fn(&T, &T) -> Ordering + Sync) {
    items.par_sort_unstable_by(compare);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sums_do_not_depend_on_how_many_work_on_them() {
        let items: Vec<f64> = (0..100_000).map(|item| f64::from(item).sin()).collect();
        let summed = || sum(&items, |item| item * 3.0);
        let alone = rayon::ThreadPoolBuilder::new()
            .num_threads(1)
            .build()
            .unwrap();
        assert_eq!(alone.install(summed), summed());
        assert!((summed() - items.iter().sum::<f64>() * 3.0).abs() < 1e-9);
    }
}
