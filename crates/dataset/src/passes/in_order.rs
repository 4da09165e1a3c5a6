//! A parallel fold that merges its parts in the order of the items.

use std::collections::BTreeMap;
use std::sync::{Mutex, PoisonError};

use rayon::prelude::*;

/// Merges values in the order of their items. The values may arrive in any order.
struct InOrder<T> {
    total: T,
    /// Place of the item that is merged next.
    next: usize,
    /// Values that arrived before the values of earlier items, by place.
    early: BTreeMap<usize, T>,
}

/// Folds each item to a value, on all processors, and merges the values into `total` in the order
/// of the items.
///
/// The items are also started in their order, so that at most about one value per thread waits.
/// Each thread calls `scratch` once and reuses its result for all its items.
pub(super) fn folded_in_order<I: Send, S, T: Send>(
    items: Vec<I>,
    scratch: impl Fn() -> S + Sync + Send,
    fold: impl Fn(&mut S, I) -> T + Sync + Send,
    total: T,
    merge: impl Fn(&mut T, T) + Sync + Send,
) -> T {
    let in_order = Mutex::new(InOrder {
        total,
        next: 0,
        early: BTreeMap::new(),
    });
    // By default rayon splits a list in halves. The values of the second half would then wait for
    // the first half.
    let bridge = items.into_iter().enumerate().par_bridge();
    bridge.for_each_init(scratch, |scratch, (place, item)| {
        let value = fold(scratch, item);
        // The lock is poisoned if another thread panicked while merging. That panic ends the fold.
        let mut in_order = in_order.lock().unwrap_or_else(PoisonError::into_inner);
        in_order.add(place, value, &merge);
    });
    let in_order = in_order.into_inner();
    in_order.unwrap_or_else(PoisonError::into_inner).total
}

impl<T> InOrder<T> {
    fn add(&mut self, place: usize, value: T, merge: impl Fn(&mut T, T)) {
        self.early.insert(place, value);
        while let Some(value) = self.early.remove(&self.next) {
            merge(&mut self.total, value);
            self.next += 1;
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicUsize, Ordering};

    use super::*;

    #[test]
    fn values_are_merged_in_order_with_any_number_of_threads() {
        let expected: Vec<usize> = (0..5000).collect();
        for threads in [1, 2, 7] {
            let pool = rayon::ThreadPoolBuilder::new().num_threads(threads);
            let merged = pool.build().unwrap().install(|| {
                let merge = |total: &mut Vec<usize>, value: Vec<usize>| total.extend(value);
                folded_in_order(
                    expected.clone(),
                    || (),
                    |(), it| vec![it],
                    Vec::new(),
                    merge,
                )
            });
            assert_eq!(merged, expected);
        }
    }

    #[test]
    fn values_that_wait_are_few_however_many_items_there_are() {
        /// A value that is counted until it is dropped.
        struct Held<'a>(&'a AtomicUsize);
        impl Drop for Held<'_> {
            fn drop(&mut self) {
                self.0.fetch_sub(1, Ordering::SeqCst);
            }
        }
        let (held, max_held) = (AtomicUsize::new(0), AtomicUsize::new(0));
        let pool = rayon::ThreadPoolBuilder::new().num_threads(1);
        pool.build().unwrap().install(|| {
            let fold = |(): &mut (), _| {
                let now = held.fetch_add(1, Ordering::SeqCst) + 1;
                max_held.fetch_max(now, Ordering::SeqCst);
                Some(Held(&held))
            };
            folded_in_order(vec![(); 1000], || (), fold, None, |_, value| drop(value))
        });
        assert_eq!(max_held.into_inner(), 1);
    }
}
