//! The population stability index (PSI), as used with scorecards.
//!
//! Risk teams know this index. Its usual cut-offs of 0.1 and 0.2 ignore the sizes of the samples,
//! so the report adds the cut-off that chance alone would give.

use schemars::JsonSchema;
use scoring::quantile;
use serde::{Deserialize, Serialize};

use super::sorted::SortedColumn;
use super::tails::{chi_square_tail, chi_square_upper_quantile};

/// Number of bins: the deciles of the reference.
const BINS: u64 = 10;
/// Smallest number of values per bin in each sample for the chi-square approximation. With fewer,
/// the minimum share of empty bins makes the index large.
const MIN_VALUES_PER_BIN: u64 = 10;
/// Minimum share of a bin: an empty bin would make the index infinite.
const MIN_SHARE: f64 = 1e-4;

/// Population stability index of two samples.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct StabilityIndex {
    /// Σ(p − q)·ln(p / q) over the bins; at least 0.
    pub index: f64,
    /// Number of bins that have values in either sample. A column of two values has two.
    pub bins: usize,
    /// Probability of an index at least this large without drift: PSI ≈ (1/n + 1/m)·χ² with bins − 1
    /// degrees of freedom. `None` with a single bin, and with fewer than ten values per bin in a sample.
    pub p_value: Option<f64>,
    /// The index whose p-value would be `alpha`; `None` without a p-value.
    pub cut_off: Option<f64>,
}

/// Compares the distributions of a batch and of the reference; missing values are ignored.
///
/// Bins end at the linearly interpolated deciles of the reference; equal deciles count once. Bins
/// include their upper end, and the outermost bins are unbounded. A bin without values in both
/// samples does not count: few distinct values leave such bins between and beyond them.
///
/// `None` when a sample has no values, when infinities leave a decile undefined, or when `alpha` is
/// not between 0 and 1.
pub fn stability_index(
    reference: &SortedColumn,
    batch: &SortedColumn,
    alpha: f64,
) -> Option<StabilityIndex> {
    if batch.count() == 0 || !(alpha > 0.0 && alpha < 1.0) {
        return None;
    }
    let edges = deciles(reference.present())?;
    let shares = |column| bin_shares(column, &edges);
    let mut pairs: Vec<(f64, f64)> = shares(reference).zip(shares(batch)).collect();
    pairs.retain(|(p, q)| *p > 0.0 || *q > 0.0);
    let bins = pairs.len();
    let part = |(p, q): (f64, f64)| {
        let (p, q) = (p.max(MIN_SHARE), q.max(MIN_SHARE));
        (p - q) * (p / q).ln()
    };
    let index = pairs.into_iter().map(part).sum();
    let degrees = bins.checked_sub(1)?;
    let unit = 1.0 / reference.count() as f64 + 1.0 / batch.count() as f64;
    let p_value = chi_square_tail(index / unit, degrees);
    let cut_off = chi_square_upper_quantile(alpha, degrees).map(|quantile| unit * quantile);
    let needed = MIN_VALUES_PER_BIN * bins as u64;
    let is_enough = reference.count().min(batch.count()) >= needed;
    Some(StabilityIndex {
        index,
        bins,
        p_value: p_value.filter(|_| is_enough),
        cut_off: cut_off.filter(|_| is_enough),
    })
}

/// The nine inner deciles, without repetitions. `None` without values, and when infinities leave a
/// decile undefined.
pub(crate) fn deciles(sorted: &[f64]) -> Option<Vec<f64>> {
    let mut edges = (1..BINS)
        .map(|tenth| quantile(sorted, tenth, BINS))
        .collect::<Option<Vec<f64>>>()?;
    edges.dedup();
    Some(edges)
}

/// Share of the values in each bin, for a column with values. Bins include their upper end.
pub(crate) fn bin_shares(column: &SortedColumn, edges: &[f64]) -> impl Iterator<Item = f64> {
    let present = column.present();
    let up_to = |edge: &f64| present.partition_point(|value| value <= edge);
    let ends = edges.iter().map(up_to).chain([present.len()]);
    ends.scan(0, |before, end| {
        let count = end - *before;
        *before = end;
        Some(count as f64 / present.len() as f64)
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::draws::Draws;
    use crate::statistics::test_cases::{assert_close, cases};

    #[test]
    fn the_index_matches_the_reference_cases() {
        for case in cases("samples") {
            let (reference, batch) = case.sorted();
            let found = stability_index(&reference, &batch, 0.01).unwrap();
            assert_close(Some(found.index), case.number("psi"), 1e-9, &case);
            assert_eq!(found.bins, case.count("psi_bins"), "{case:?}");
            let values = reference.count().min(batch.count());
            if values < 10 * found.bins as u64 || found.bins == 1 {
                assert_eq!((found.p_value, found.cut_off), (None, None), "{case:?}");
                continue;
            }
            assert_close(found.p_value, case.number("psi_p_value"), 1e-6, &case);
            assert_close(found.cut_off, case.number("psi_cut_off"), 1e-6, &case);
        }
    }

    #[test]
    fn with_fewer_than_ten_values_a_bin_there_is_no_cut_off() {
        let column = |rows: u32| SortedColumn::from((0..rows).map(f64::from).collect::<Vec<f64>>());
        let has_cut_off = |reference: u32, batch: u32| {
            let found = stability_index(&column(reference), &column(batch), 0.01).unwrap();
            assert_eq!(
                (found.bins, found.cut_off.is_some()),
                (10, found.p_value.is_some())
            );
            found.cut_off.is_some()
        };
        assert!(has_cut_off(100, 100));
        assert!(!has_cut_off(99, 500));
        assert!(!has_cut_off(500, 99));
    }

    #[test]
    fn the_cut_off_holds_for_columns_of_two_values() {
        let mut draws = Draws(5);
        let mut column = |rows: u32| {
            let value = |_| f64::from(u8::from(draws.uniform() < 0.3));
            SortedColumn::from((0..rows).map(value).collect::<Vec<f64>>())
        };
        let exceed = (0..4000).filter(|_| {
            let found = stability_index(&column(1000), &column(400), 0.05).unwrap();
            found.index > found.cut_off.unwrap()
        });
        // 200 are expected. With two degrees of freedom, about 56 would exceed it.
        let exceed = exceed.count();
        assert!((150..250).contains(&exceed), "{exceed}");
    }

    /// Name, reference, batch, expected index and number of bins.
    type Edge<'a> = (&'a str, &'a [f64], &'a [f64], Option<(f64, usize)>);

    #[test]
    fn edge_cases() {
        let infinity = f64::INFINITY;
        let difference = 2.0 * (1.0 - MIN_SHARE) * (1.0 / MIN_SHARE).ln();
        let table: [Edge<'_>; 9] = [
            ("both empty", &[], &[], None),
            ("an empty side", &[1.0], &[], None),
            ("all missing", &[f64::NAN; 2], &[1.0], None),
            ("one row", &[1.0], &[1.0], Some((0.0, 1))),
            ("constant", &[1.0; 50], &[1.0; 5], Some((0.0, 1))),
            (
                "constants apart",
                &[1.0; 50],
                &[2.0; 5],
                Some((difference, 2)),
            ),
            (
                "ties",
                &[0.0, 0.0, 0.0, 1.0],
                &[0.0, 0.0, 0.0, 1.0],
                Some((0.0, 2)),
            ),
            (
                "an infinity in the batch",
                &[1.0; 50],
                &[infinity],
                Some((difference, 2)),
            ),
            (
                "an infinity in the reference",
                &[1.0, infinity],
                &[1.0],
                None,
            ),
        ];
        for (name, reference, batch, wanted) in table {
            let (reference, batch) = (SortedColumn::of(reference), SortedColumn::of(batch));
            let found = stability_index(&reference, &batch, 0.01);
            let found = found.map(|found| (found.index, found.bins));
            match (found, wanted) {
                (Some(found), Some(wanted)) => {
                    assert!((found.0 - wanted.0).abs() < 1e-12, "{name}: {found:?}");
                    assert_eq!(found.1, wanted.1, "{name}");
                }
                (found, wanted) => assert_eq!(found, wanted, "{name}"),
            }
        }
    }

    #[test]
    fn an_invalid_alpha_gives_no_index() {
        let column = SortedColumn::of(&[1.0, 2.0]);
        for alpha in [0.0, 1.0, f64::NAN] {
            assert_eq!(stability_index(&column, &column, alpha), None);
        }
        // A single bin has no cut-off at any alpha, but its index is 0.
        let constant = SortedColumn::of(&[1.0; 50]);
        let found = stability_index(&constant, &constant, 0.01).unwrap();
        assert_eq!((found.index, found.bins), (0.0, 1));
        assert_eq!((found.p_value, found.cut_off), (None, None));
    }
}
