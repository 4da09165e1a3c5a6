//! Values of a batch outside the range of its reference.

use super::proportions::chance_of_all;
use super::sorted::SortedColumn;
use super::wasserstein::standard_deviation;

/// Values of a batch clearly below the smallest, and clearly above the largest value of the reference.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct OutsideRange {
    /// Number of values below the range.
    pub(crate) below: u64,
    /// Number of values above the range.
    pub(crate) above: u64,
    /// Probability of at least this many values outside the range when both samples have one
    /// distribution.
    pub(crate) p_value: f64,
    /// The smallest possible p-value: all values of the batch are outside.
    pub(crate) min_p_value: f64,
}

/// Counts the values of a batch that lie outside the range of the reference, by at least `margin`
/// standard deviations of the reference. `None` when a sample is empty.
///
/// The range of a sample is itself uncertain, and the test allows for it. Let n values of the
/// reference and m of the batch be drawn from one distribution. Then all orders of the n + m values
/// are equally probable, and k given places belong to the batch with the probability q(k) of
/// [`chance_of_all`]. At least k values are outside if the lowest j and the
/// highest k − j places belong to the batch, for one j from 0 to k. These k + 1 events have the
/// probability (k + 1)·q(k) − k·q(k + 1) together. Equal values and the margin make it smaller.
pub(crate) fn outside_range(
    reference: &SortedColumn,
    batch: &SortedColumn,
    margin: f64,
) -> Option<OutsideRange> {
    let (smallest, largest) = (reference.present().first()?, reference.present().last()?);
    let values = batch.present();
    if values.is_empty() {
        return None;
    }
    // If the reference has an infinity, there is no margin, and no value is outside on that side.
    let margin = margin * standard_deviation(reference.present()).unwrap_or(0.0);
    let is_below = |value: &f64| value < smallest && *value <= smallest - margin;
    let is_up_to = |value: &f64| value <= largest || *value < largest + margin;
    let below = values.partition_point(is_below) as u64;
    let above = batch.count() - values.partition_point(is_up_to) as u64;
    let rows = [reference.count(), batch.count()];
    Some(OutsideRange {
        below,
        above,
        p_value: chance_outside(rows, below + above),
        min_p_value: chance_outside(rows, rows[1]),
    })
}

/// Probability of at least k values of the batch outside the range.
fn chance_outside([n, m]: [u64; 2], k: u64) -> f64 {
    let [all, one_more] = [k, k + 1].map(|places| chance_of_all(places, m, n + m));
    ((k + 1) as f64 * all - k as f64 * one_more).clamp(0.0, 1.0)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// All orders of four values of a reference and five of a batch, as the places of the batch.
    #[test]
    fn the_chance_is_the_share_of_all_orders() {
        let orders: Vec<u32> = (0_u32..512).filter(|it| it.count_ones() == 5).collect();
        for k in 0..=5 {
            let is_outside = |order: &&u32| {
                let below = order.trailing_ones();
                let above = (*order << 23).leading_ones();
                below + above >= k
            };
            let share = orders.iter().filter(is_outside).count() as f64 / orders.len() as f64;
            let found = chance_outside([4, 5], u64::from(k));
            assert!((found - share).abs() < 1e-12, "{k}: {found} {share}");
        }
    }

    #[test]
    fn values_outside_are_counted_on_both_sides() {
        let column = SortedColumn::of;
        let reference = column(&[1.0, 2.0, f64::NAN, 9.0]);
        let batch = column(&[0.0, 1.0, 9.0, 10.0, f64::NAN, 11.0]);
        let counts = |margin| {
            let found = outside_range(&reference, &batch, margin).unwrap();
            (found.below, found.above)
        };
        assert_eq!(counts(0.0), (1, 2));
        // The standard deviation is 3.56.
        assert_eq!(counts(0.4), (0, 1));
        assert_eq!(counts(1.0), (0, 0));
        let infinite = column(&[1.0, f64::INFINITY]);
        let found = outside_range(&infinite, &batch, 0.1).unwrap();
        assert_eq!((found.below, found.above), (1, 0));
        assert_eq!(outside_range(&column(&[]), &reference, 0.1), None);
        assert_eq!(outside_range(&reference, &column(&[f64::NAN]), 0.1), None);
        let inside = outside_range(&reference, &column(&[5.0]), 0.1).unwrap();
        assert_eq!(inside.p_value, 1.0);
    }

    #[test]
    fn many_values_outside_stay_finite() {
        for (rows, k) in [
            ([50_000, 1_000_000], 1_000_000),
            ([1, 1], 1),
            ([3000, 500], 400),
        ] {
            let found = chance_outside(rows, k);
            assert!((0.0..=1.0).contains(&found), "{rows:?}: {found}");
        }
    }
}
