//! The same work on several items at once, for work that is no pass over rows.

use rayon::prelude::*;

/// Does the same with each item, on all processors; the results are in the items' order.
pub fn each_in_parallel<T: Send, U: Send>(items: Vec<T>, work: impl Fn(T) -> U + Sync) -> Vec<U> {
    items.into_par_iter().map(&work).collect()
}
