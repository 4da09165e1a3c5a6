//! Work on all processors, other than passes over rows.

use std::cmp::Ordering;

use rayon::prelude::*;

/// Number of items that one thread sums in sequence.
const ITEMS_OF_CHUNK: usize = 16_384;

/// Calls `work` for each item, on all processors. The results have the order of the items.
pub fn each_in_parallel<T: Send, U: Send>(items: Vec<T>, work: impl Fn(T) -> U + Sync) -> Vec<U> {
    items.into_par_iter().map(&work).collect()
}

/// Sorts items. Equal items may change their order.
pub(crate) fn sort_in_parallel<T: Ord + Send>(items: &mut [T]) {
    items.par_sort_unstable();
}

/// Calls two functions at the same time and returns both results.
pub fn both<T: Send, U: Send>(
    one: impl FnOnce() -> T + Send,
    other: impl FnOnce() -> U + Send,
) -> (T, U) {
    rayon::join(one, other)
}

/// The sum of `number` over the items.
///
/// The chunks have a fixed size and are added in order. The sum is therefore the same to the last
/// bit with any number of threads.
pub fn sum_of<T: Sync>(items: &[T], number: impl Fn(&T) -> f64 + Sync) -> f64 {
    let chunks: Vec<f64> = items
        .par_chunks(ITEMS_OF_CHUNK)
        .map(|chunk| chunk.iter().map(&number).sum())
        .collect();
    chunks.into_iter().sum()
}

/// The sums of each of the `N` numbers that `numbers` returns for an item. They are as reproducible
/// as [`sum_of`].
pub fn sums_of<T: Sync, const N: usize>(
    items: &[T],
    numbers: impl Fn(&T) -> [f64; N] + Sync,
) -> [f64; N] {
    let plus =
        |sums: [f64; N], more: [f64; N]| std::array::from_fn(|place| sums[place] + more[place]);
    let chunks: Vec<[f64; N]> = items
        .par_chunks(ITEMS_OF_CHUNK)
        .map(|chunk| chunk.iter().map(&numbers).fold([0.0; N], plus))
        .collect();
    chunks.into_iter().fold([0.0; N], plus)
}

/// Sorts items by `compare`. Equal items may change their order.
pub fn sort_by<T: Send>(items: &mut [T], compare: impl Fn(&T, &T) -> Ordering + Sync) {
    items.par_sort_unstable_by(compare);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sums_do_not_depend_on_how_many_work_on_them() {
        let items: Vec<f64> = (0..100_000).map(|item| f64::from(item).sin()).collect();
        let summed = || sum_of(&items, |item| item * 3.0);
        let alone = rayon::ThreadPoolBuilder::new()
            .num_threads(1)
            .build()
            .unwrap();
        assert_eq!(alone.install(summed), summed());
        let both = || sums_of(&items, |item| [item * 3.0, 1.0]);
        assert_eq!(alone.install(both), both());
        assert_eq!(both(), [summed(), 100_000.0]);
        assert!((summed() - items.iter().sum::<f64>() * 3.0).abs() < 1e-9);
    }
}
