//! Shares of a column's values by bin, for pictures of both files next to each other.

use std::cmp::Reverse;
use std::collections::BTreeMap;
use std::fmt;

use common::numbers::{bound, bounds};
use dataset::Levels;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::statistics::{SortedColumn, bin_shares, deciles};

/// Largest number of distinct values, or of bins of levels.
const MAX_BINS: usize = 10;

/// Shares of the present values of both files by bin.
///
/// A histogram exists if both files have values. It is shown, and does not influence the verdict.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Histogram {
    /// The bins. Numbers ascend, levels are ordered by their share in the reference, and other
    /// values come last.
    pub bins: Vec<HistogramBin>,
}

/// One bin of a histogram.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct HistogramBin {
    /// The values of the bin.
    pub bin: Bin,
    /// Share of the present values in this bin: reference, then current file. The shares of each
    /// file add up to 1.
    pub shares: [f64; 2],
}

/// The values of a bin.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
#[schemars(rename = "HistogramValues")]
pub enum Bin {
    /// One number.
    Value(f64),
    /// The numbers of a range.
    Range {
        /// Lower end, which is not in the range; `None` if the range has no lower end.
        above: Option<f64>,
        /// Upper end, which is in the range; `None` if the range has no upper end.
        up_to: Option<f64>,
    },
    /// One level of a category.
    Level(String),
    /// All other values.
    Others,
}

impl fmt::Display for Bin {
    fn fmt(&self, to: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Value(value) => to.pad(&number(*value)),
            Self::Range {
                above: None,
                up_to: None,
            } => to.pad("all values"),
            Self::Range {
                above: None,
                up_to: Some(end),
            } => to.pad(&format!("up to {}", bound(*end))),
            Self::Range {
                above: Some(start),
                up_to: None,
            } => to.pad(&format!("above {}", bound(*start))),
            Self::Range {
                above: Some(start),
                up_to: Some(end),
            } => to.pad(&bounds([*start, *end]).join(" to ")),
            Self::Level(level) => to.pad(level),
            Self::Others => to.pad("others"),
        }
    }
}

/// The histogram of numbers. `None` if a file has no values, or if the end of a bin is not finite.
///
/// If the reference has few distinct values, each of them has a bin. Otherwise the bins end at the
/// deciles of the reference, as in the population stability index.
pub(super) fn histogram_of_numbers(
    reference: &SortedColumn,
    current: &SortedColumn,
) -> Option<Histogram> {
    if reference.count() == 0 || current.count() == 0 {
        return None;
    }
    let distinct: Vec<(f64, u64)> = reference.runs().take(MAX_BINS + 1).collect();
    let bins = match distinct.len() > MAX_BINS {
        true => bins_of_deciles(reference, current)?,
        false => bins_of_values(&distinct, reference, current),
    };
    let is_finite = |it: &HistogramBin| match &it.bin {
        Bin::Value(value) => value.is_finite(),
        Bin::Range { above, up_to } => [above, up_to]
            .into_iter()
            .flatten()
            .all(|it| it.is_finite()),
        Bin::Level(_) | Bin::Others => true,
    };
    bins.iter().all(is_finite).then_some(Histogram { bins })
}

/// A bin for each value of the reference, and one for the other values of the current file.
fn bins_of_values(
    distinct: &[(f64, u64)],
    reference: &SortedColumn,
    current: &SortedColumn,
) -> Vec<HistogramBin> {
    let present = current.present();
    let mut others = current.count();
    let mut bins = Vec::with_capacity(distinct.len() + 1);
    for (value, rows) in distinct {
        let before = present.partition_point(|it| it < value);
        let now = present.partition_point(|it| it <= value) - before;
        others -= now as u64;
        bins.push(HistogramBin {
            bin: Bin::Value(*value),
            shares: [
                share(*rows, reference.count()),
                share(now as u64, current.count()),
            ],
        });
    }
    if others > 0 {
        bins.push(HistogramBin {
            bin: Bin::Others,
            shares: [0.0, share(others, current.count())],
        });
    }
    bins
}

fn bins_of_deciles(reference: &SortedColumn, current: &SortedColumn) -> Option<Vec<HistogramBin>> {
    let edges = deciles(reference.present())?;
    let starts = std::iter::once(None).chain(edges.iter().copied().map(Some));
    let ends = edges.iter().copied().map(Some).chain([None]);
    let shares = bin_shares(reference, &edges).zip(bin_shares(current, &edges));
    let bins = starts.zip(ends).zip(shares);
    Some(
        bins.map(|((above, up_to), (before, now))| HistogramBin {
            bin: Bin::Range { above, up_to },
            shares: [before, now],
        })
        .collect(),
    )
}

/// The histogram of levels. `None` if a file has no values, or more levels than are counted.
///
/// With many levels, the ones with the largest shares in both files together have a bin each. A
/// level without a name is one of the others.
pub(super) fn histogram_of_levels(reference: &Levels, current: &Levels) -> Option<Histogram> {
    let totals = [reference.rows(), current.rows()];
    if reference.uncounted + current.uncounted > 0 || totals.contains(&0) {
        return None;
    }
    let mut rows: BTreeMap<&str, [u64; 2]> = BTreeMap::new();
    for (side, levels) in [reference, current].into_iter().enumerate() {
        for (level, count) in &levels.counts {
            rows.entry(level).or_default()[side] += count;
        }
    }
    let mut others = rows.remove("").unwrap_or_default();
    let mut levels: Vec<(&str, [u64; 2])> = rows.into_iter().collect();
    // Equal shares keep the order of the names, because the sort is stable.
    let of_both = |rows: [u64; 2]| {
        u128::from(rows[0]) * u128::from(totals[1]) + u128::from(rows[1]) * u128::from(totals[0])
    };
    levels.sort_by_key(|(_, rows)| Reverse(of_both(*rows)));
    if levels.len() + usize::from(others != [0, 0]) > MAX_BINS {
        for (_, rows) in levels.drain(MAX_BINS - 1..) {
            others[0] += rows[0];
            others[1] += rows[1];
        }
    }
    levels.sort_by_key(|(_, rows)| Reverse(*rows));
    let levels = levels
        .into_iter()
        .map(|(level, rows)| (Bin::Level(level.to_owned()), rows));
    let others = (others != [0, 0]).then_some((Bin::Others, others));
    let bins = levels.chain(others).map(|(bin, rows)| HistogramBin {
        bin,
        shares: [share(rows[0], totals[0]), share(rows[1], totals[1])],
    });
    Some(Histogram {
        bins: bins.collect(),
    })
}

/// A number of rows as a share of `of` rows, which are not 0.
fn share(rows: u64, of: u64) -> f64 {
    rows as f64 / of as f64
}

/// A number without rounding. Very large and very small ones have an exponent.
fn number(value: f64) -> String {
    let size = value.abs();
    match size == 0.0 || (1e-5..1e15).contains(&size) {
        true => value.to_string(),
        false => format!("{value:e}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn numbers(reference: &[f64], current: &[f64]) -> Option<Histogram> {
        let histogram =
            histogram_of_numbers(&SortedColumn::of(reference), &SortedColumn::of(current));
        histogram.inspect(assert_valid)
    }

    fn levels(reference: &[(&str, u64)], current: &[(&str, u64)]) -> Option<Histogram> {
        let of = |counts: &[(&str, u64)]| Levels {
            counts: counts
                .iter()
                .map(|(level, rows)| ((*level).to_owned(), *rows))
                .collect(),
            missing: 3,
            uncounted: 0,
        };
        histogram_of_levels(&of(reference), &of(current)).inspect(assert_valid)
    }

    /// Checks that shares add up to 1, and that JSON gives the same histogram back.
    fn assert_valid(histogram: &Histogram) {
        for side in [0, 1] {
            let shares = histogram.bins.iter().map(|bin| bin.shares[side]);
            let sum: f64 = shares.sum();
            assert!((sum - 1.0).abs() < 1e-12, "{histogram:?}");
        }
        let json = serde_json::to_string(histogram).unwrap();
        assert!(!json.contains("NaN"), "{json}");
        assert_eq!(*histogram, serde_json::from_str(&json).unwrap());
    }

    /// Text and shares of each bin.
    fn bins(histogram: Option<Histogram>) -> Vec<(String, [f64; 2])> {
        let bins = histogram.into_iter().flat_map(|it| it.bins);
        bins.map(|it| (it.bin.to_string(), it.shares)).collect()
    }

    fn named(wanted: &[(&str, [f64; 2])]) -> Vec<(String, [f64; 2])> {
        let wanted = wanted.iter();
        wanted
            .map(|(name, shares)| ((*name).to_owned(), *shares))
            .collect()
    }

    #[test]
    fn few_distinct_values_have_a_bin_each() {
        let nan = f64::NAN;
        for (reference, current, wanted) in [
            (
                &[0.0, 1.0, -0.0, 1.0, nan][..],
                &[1.0, nan, 1.0, 0.0, 0.0][..],
                &[("0", [0.5, 0.5]), ("1", [0.5, 0.5])][..],
            ),
            (&[7.0; 3], &[7.0], &[("7", [1.0, 1.0])]),
            (
                &[7.0; 3],
                &[8.5; 2],
                &[("7", [1.0, 0.0]), ("others", [0.0, 1.0])],
            ),
            (
                &[1e300, -2.5e-9],
                &[f64::INFINITY, 1e300],
                &[
                    ("-2.5e-9", [0.5, 0.0]),
                    ("1e300", [0.5, 0.5]),
                    ("others", [0.0, 0.5]),
                ],
            ),
        ] {
            assert_eq!(bins(numbers(reference, current)), named(wanted));
        }
    }

    #[test]
    fn many_distinct_values_are_cut_at_the_deciles_of_the_reference() {
        let reference: Vec<f64> = (0..=100).map(f64::from).collect();
        let found = bins(numbers(&reference, &[10.0, 10.5, 95.0, 1e9]));
        assert_eq!(found.len(), 10);
        assert_eq!(found[0], ("up to 10".to_owned(), [11.0 / 101.0, 0.25]));
        assert_eq!(found[1], ("10 to 20".to_owned(), [10.0 / 101.0, 0.25]));
        assert_eq!(found[9], ("above 90".to_owned(), [10.0 / 101.0, 0.5]));
    }

    #[test]
    fn equal_deciles_count_once() {
        // Nine tenths of the reference are 0, the rest has 20 distinct values.
        let reference: Vec<f64> = (0..200)
            .map(|row: u32| f64::from(row.saturating_sub(180)))
            .collect();
        let found = numbers(&reference, &[0.0, -1.0, 19.5, 50.0]);
        let found = bins(found);
        assert!(found.len() <= 3, "{found:?}");
        assert_eq!(found[0], ("up to 0".to_owned(), [181.0 / 200.0, 0.5]));
    }

    #[test]
    fn no_histogram_without_values_or_finite_ends() {
        let many: Vec<f64> = (0..20).map(f64::from).collect();
        let infinite: Vec<f64> = many.iter().map(|it| it * f64::INFINITY).collect();
        assert!(infinite[0].is_nan());
        for (reference, current) in [
            (&[][..], &[1.0][..]),
            (&[1.0], &[]),
            (&[1.0], &[f64::NAN; 3]),
            (&[f64::NAN], &[1.0]),
            (&[1.0, f64::INFINITY], &[1.0]),
            (&[f64::NEG_INFINITY; 3], &[1.0]),
        ] {
            assert_eq!(numbers(reference, current), None);
        }
        let mut open = many.clone();
        open.extend([f64::INFINITY; 20]);
        assert_eq!(numbers(&open, &many), None);
        assert!(numbers(&many, &open).is_some());
        assert_eq!(levels(&[], &[("a", 1)]), None);
        assert_eq!(levels(&[("a", 1)], &[]), None);
        let uncounted = Levels {
            uncounted: 5,
            ..Levels::default()
        };
        assert_eq!(histogram_of_levels(&uncounted, &uncounted), None);
    }

    #[test]
    fn levels_are_ordered_by_their_share_in_the_reference() {
        let found = levels(&[("a", 1), ("b", 3)], &[("a", 5), ("b", 3), ("new", 2)]);
        let wanted = [("b", [0.75, 0.3]), ("a", [0.25, 0.5]), ("new", [0.0, 0.2])];
        assert_eq!(bins(found), named(&wanted));
        // Levels without a name are others, even if there are few levels.
        let found = levels(&[("", 1), ("b", 1)], &[("b", 1), ("", 3)]);
        let wanted = [("b", [0.5, 0.25]), ("others", [0.5, 0.75])];
        assert_eq!(bins(found), named(&wanted));
    }

    #[test]
    fn of_many_levels_the_most_frequent_have_a_bin_each() {
        let names: Vec<String> = (0..12).map(|n| format!("level{n:02}")).collect();
        let reference: Vec<(&str, u64)> = names.iter().map(|name| (name.as_str(), 1_000)).collect();
        // A level that is new and frequent has a bin, though the reference has far more rows.
        let found = bins(levels(&reference, &[("new", 3), ("level11", 1)]));
        assert_eq!(found.len(), MAX_BINS);
        assert_eq!(found[0], ("level11".to_owned(), [1.0 / 12.0, 0.25]));
        assert_eq!(found[8], ("new".to_owned(), [0.0, 0.75]));
        assert_eq!(found[9], ("others".to_owned(), [4.0 / 12.0, 0.0]));
        // Ten levels need no bin for others.
        let found = bins(levels(&reference[..10], &[("level03", 1)]));
        assert_eq!((found.len(), found[9].0.as_str()), (10, "level09"));
    }

    #[test]
    fn the_ends_of_a_range_have_few_digits() {
        let range = |above, up_to| Bin::Range { above, up_to }.to_string();
        assert_eq!(range(Some(0.1 + 0.2), Some(1234.56789)), "0.3 to 1235");
        assert_eq!(range(None, Some(-1.5e20)), "up to -1.50e20");
        assert_eq!(range(Some(0.0), None), "above 0");
        assert_eq!(range(None, None), "all values");
    }
}
