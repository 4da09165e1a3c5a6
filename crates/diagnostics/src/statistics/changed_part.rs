//! The part of two samples that changed most: which level, or which number, has become more or less
//! frequent?

use std::collections::BTreeMap;

use super::share_test::SplitsOfRows;

/// A part with a larger p-value cannot be significant after the correction for all parts.
const MAX_P_VALUE: f64 = 0.05;

/// The part of two samples that changed most significantly.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct ChangedPart<T> {
    /// The part.
    pub(crate) part: T,
    /// Rows with the part: reference, then batch.
    pub(crate) counts: [u64; 2],
    /// Probability that any of the parts has such a small p-value when all shares are equal.
    pub(crate) p_value: f64,
    /// The smallest p-value that parts with these numbers of rows can have.
    pub(crate) min_p_value: f64,
}

/// Finds the part whose share changed most significantly. Each row has exactly one part.
///
/// Each part is tested by Fisher's exact test. The p-value of the result is the sum, over all
/// parts, of the probability of a p-value that is as small. This is a correction like Bonferroni's,
/// except that parts do not count if they are too rare for such a p-value. A result with a p-value
/// below α is wrong with a probability of at most α, whichever part is chosen.
///
/// Of several parts with a p-value below `level`, those for which `matters` is true take
/// precedence. A negligible change with a smaller p-value must not hide them. `matters` gets the
/// part, its rows, and all rows. `None` when a sample is empty, when all rows have the same part,
/// or when all parts are too rare.
pub(crate) fn most_changed_part<T: Copy>(
    parts: impl Iterator<Item = (T, [u64; 2])>,
    level: f64,
    matters: impl Fn(T, [u64; 2], [u64; 2]) -> bool,
) -> Option<ChangedPart<T>> {
    let mut rows = [0_u64; 2];
    // If all numbers differ, there is a part for each row. Parts of one row of the same sample have
    // the same p-value, so they are counted, and only one of each sample is kept.
    let mut singles = [(0_u64, None); 2];
    let mut several: Vec<(T, [u64; 2])> = Vec::new();
    for (part, counts) in parts {
        rows = [rows[0] + counts[0], rows[1] + counts[1]];
        match counts {
            [0, 0] => {}
            [1, 0] => singles[0] = (singles[0].0 + 1, singles[0].1.or(Some((part, counts)))),
            [0, 1] => singles[1] = (singles[1].0 + 1, singles[1].1.or(Some((part, counts)))),
            _ => several.push((part, counts)),
        }
    }
    let single_parts = singles[0].0 + singles[1].0;
    if rows.contains(&0) || single_parts + several.len() as u64 <= 1 {
        return None;
    }
    // Number of parts by their number of rows in both samples together.
    let mut sizes: BTreeMap<u64, u64> = BTreeMap::new();
    if single_parts > 0 {
        sizes.insert(1, single_parts);
    }
    for (_, [before, now]) in &several {
        *sizes.entry(before + now).or_default() += 1;
    }
    let splits: BTreeMap<u64, (u64, SplitsOfRows)> = sizes
        .into_iter()
        .map(|(size, parts)| (size, (parts, SplitsOfRows::of(rows, size))))
        .filter(|(_, (_, splits))| splits.min_p_value() <= MAX_P_VALUE)
        .collect();
    if splits.is_empty() {
        return None;
    }
    let corrected = |p_value: f64| {
        let chance =
            |(parts, splits): &(u64, SplitsOfRows)| *parts as f64 * splits.chance_of(p_value);
        match p_value <= MAX_P_VALUE {
            true => splits.values().map(chance).sum::<f64>().min(1.0),
            false => 1.0,
        }
    };
    let possible = splits.values().map(|(_, splits)| splits.min_p_value());
    let min_p_value = corrected(possible.fold(1.0, f64::min));
    let mut smallest: [Option<ChangedPart<T>>; 2] = [None; 2];
    for (part, counts) in singles.into_iter().filter_map(|it| it.1).chain(several) {
        let Some((_, splits)) = splits.get(&(counts[0] + counts[1])) else {
            continue;
        };
        let p_value = splits.p_value(counts[0]);
        let place = &mut smallest[usize::from(!matters(part, counts, rows))];
        if place.is_none_or(|found| p_value < found.p_value) {
            *place = Some(ChangedPart {
                part,
                counts,
                p_value,
                min_p_value,
            });
        }
    }
    let [that_matters, trifle] = smallest.map(|found| {
        found.map(|found| ChangedPart {
            p_value: corrected(found.p_value),
            ..found
        })
    });
    match (that_matters, trifle) {
        (Some(one), Some(other)) if one.p_value >= level && other.p_value < one.p_value => {
            Some(other)
        }
        (one, other) => one.or(other),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::draws::Draws;
    use crate::statistics::test_cases::{assert_close, cases};

    fn changed(table: &[[u64; 2]]) -> Option<ChangedPart<usize>> {
        most_changed_part(table.iter().copied().enumerate(), 0.005, |_, _, _| true)
    }

    #[test]
    fn the_part_and_its_p_value_match_scipy() {
        for case in cases("changed_parts") {
            let found = changed(&case.table()).unwrap();
            assert_eq!(found.part, case.count("part"), "{case:?}");
            assert_close(Some(found.p_value), case.number("p_value"), 1e-6, &case);
        }
    }

    #[test]
    fn samples_that_cannot_be_compared_have_no_changed_part() {
        let tables: [&[[u64; 2]]; 6] = [
            &[],
            &[[9, 0], [4, 0]],
            &[[0, 9], [0, 4]],
            &[[30, 20]],
            // Every part is too rare for any change to be significant.
            &[[1, 0], [0, 1], [1, 1]],
            &[[1, 0]; 9],
        ];
        for table in tables {
            assert_eq!(changed(table), None, "{table:?}");
        }
    }

    #[test]
    fn the_smallest_possible_p_value_counts_all_parts() {
        // 1 / 6,435 is the chance that all rows of a part of eight are in one sample of eight.
        let found = changed(&[[4, 4], [4, 4]]).unwrap();
        assert!(
            (found.min_p_value * 6435.0 / 2.0 - 1.0).abs() < 1e-9,
            "{found:?}"
        );
        let apart = changed(&[[8, 0], [0, 8]]).unwrap();
        assert_eq!(apart.p_value, apart.min_p_value);
        // A part of five rows of sixteen cannot have such a p-value.
        let found = changed(&[[5, 6], [3, 2]]).unwrap();
        assert!(found.min_p_value > 0.01, "{found:?}");
    }

    #[test]
    fn a_part_that_matters_takes_precedence() {
        let table = [[900, 200], [600, 400], [0, 12]];
        let found = changed(&table).unwrap();
        assert_eq!((found.part, found.counts), (0, [900, 200]));
        let is_new = |_, counts: [u64; 2], _: [u64; 2]| counts[0] == 0;
        let found = most_changed_part(table.into_iter().enumerate(), 0.005, is_new).unwrap();
        assert_eq!((found.part, found.counts), (2, [0, 12]));
        assert!(found.p_value < 1e-4, "{found:?}");
        // One new row is not a significant change, and does not hide one.
        let table = [[900, 200], [600, 400], [0, 1]];
        let found = most_changed_part(table.into_iter().enumerate(), 0.005, is_new).unwrap();
        assert_eq!(found.part, 0);
    }

    #[test]
    fn samples_of_one_distribution_are_rarely_significant() {
        let mut draws = Draws(3);
        let significant = (0..2000).filter(|_| {
            let mut table = [[0_u64; 2]; 60];
            for (side, rows) in [(0, 300), (1, 80)] {
                for _ in 0..rows {
                    table[(60.0 * draws.uniform().powi(3)) as usize][side] += 1;
                }
            }
            changed(&table).is_some_and(|found| found.p_value < 0.05)
        });
        // At most 100 are expected. More than 131 occur in one of a thousand such tests.
        let significant = significant.count();
        assert!((20..131).contains(&significant), "{significant}");
    }
}
