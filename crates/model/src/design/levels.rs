//! The levels of categories that have their own columns.

use dataset::passes::{CategoryCounts, LevelCount};

/// Minimum number of training rows with a level, so that the level has its own column. With fewer
/// rows its coefficient would be mostly noise. The same number of missing cells is needed for their
/// column.
pub(super) const MIN_LEVEL_ROWS: u64 = 10;
/// Maximum number of levels of one category that have their own columns.
pub(super) const MAX_CATEGORY_LEVELS: usize = 50;
/// Maximum number of levels of all categories together that have their own columns. The memory of a
/// model, and of a pass over rows, grows with the square of the number of columns.
pub(super) const MAX_LEVELS: usize = 200;

/// The levels of a category that may have their own columns, the most frequent first.
pub(super) fn frequent_levels(counts: &CategoryCounts) -> &[LevelCount] {
    let is_frequent = |level: &LevelCount| level.rows >= MIN_LEVEL_ROWS;
    let frequent = counts.levels.partition_point(is_frequent);
    &counts.levels[..frequent.min(MAX_CATEGORY_LEVELS)]
}

/// Keeps the `max` most frequent levels of all categories. Of equally frequent levels, those of
/// earlier features are kept. The levels of each category must be sorted, the most frequent first.
pub(super) fn keep_most_frequent(categories: &mut [(usize, &[LevelCount])], max: usize) {
    let mut all: Vec<(u64, usize)> = categories
        .iter()
        .enumerate()
        .flat_map(|(place, (_, levels))| levels.iter().map(move |level| (level.rows, place)))
        .collect();
    // The sort is stable: equal counts keep the order of the features, and of the levels in each.
    all.sort_by_key(|(rows, _)| std::cmp::Reverse(*rows));
    let mut kept = vec![0; categories.len()];
    for (_, place) in all.iter().take(max) {
        kept[*place] += 1;
    }
    for ((_, levels), kept) in categories.iter_mut().zip(kept) {
        *levels = &levels[..kept];
    }
}
