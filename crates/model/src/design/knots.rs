//! The knots of numbers.

use dataset::passes::Curve;

/// Share of the training rows outside of each outer knot, so that a few extreme values do not
/// stretch a curve.
const OUTER_SHARE: f64 = 0.005;

/// The straight line from 0 at the first knot to 1 at the last one.
pub(super) fn trend(knots: &[f64]) -> Curve {
    let (first, last) = (knots[0], knots[knots.len() - 1]);
    let shares = knots.iter().map(|knot| (knot - first) / (last - first));
    Curve::new(knots.to_vec(), shares.collect())
}

/// The knots of a number with these values. If there are few different values, each of them is a
/// knot. Otherwise a value with more than one `n_steps`th of the rows is a knot, and the other knots are
/// quantiles of the other values.
pub(super) fn knots(values: &[f64], n_steps: usize) -> Vec<f64> {
    let mut sorted: Vec<f64> = values.iter().copied().filter(|it| it.is_finite()).collect();
    sorted.sort_unstable_by(f64::total_cmp);
    let mut different = sorted.clone();
    different.dedup();
    if different.len() > n_steps + 1 {
        let rows_per_step = sorted.len() / n_steps;
        let runs = || sorted.chunk_by(|one, next| one == next);
        let frequent = runs()
            .filter(|run| run.len() > rows_per_step)
            .map(|run| run[0]);
        different = frequent.collect();
        let others = runs().filter(|run| run.len() <= rows_per_step).flatten();
        let others: Vec<f64> = others.copied().collect();
        // Fewer than `n_steps` values can be that frequent, so this cannot underflow.
        let n_others = n_steps - different.len();
        different.extend((0..=n_others).map(|knot| {
            let share = knot as f64 / n_others as f64;
            let share = share.clamp(OUTER_SHARE, 1.0 - OUTER_SHARE);
            others[((others.len() - 1) as f64 * share).round() as usize]
        }));
        different.sort_unstable_by(f64::total_cmp);
    }
    // A curve has no usable slope over a width that is not a normal number.
    different.dedup_by(|next, kept| !(*next - *kept).is_normal());
    match (different.first(), different.last()) {
        (Some(first), Some(last)) if (last - first).is_finite() => different,
        _ => Vec::new(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn few_values_are_all_knots_many_have_quantiles_and_frequent_ones_stay() {
        assert_eq!(knots(&[3.0, 1.0, 2.0, 2.0], 9), [1.0, 2.0, 3.0]);
        let many: Vec<f64> = (0..=1000).map(f64::from).collect();
        let found = knots(&many, 4);
        assert_eq!(found, [5.0, 250.0, 500.0, 750.0, 995.0]);
        // Nine of ten values are 0.
        let counts: Vec<f64> = (0..3000)
            .map(|row| f64::from(if row % 10 == 0 { 1 + row / 10 % 29 } else { 0 }))
            .collect();
        let found = knots(&counts, 9);
        assert_eq!(found[..2], [0.0, 1.0]);
        assert_eq!(found.len(), 10);
        assert_eq!(knots(&[f64::NAN; 5], 9), [0.0; 0]);
        assert_eq!(knots(&[-f64::MAX, 0.0, f64::MAX], 9), [0.0; 0]);
        assert_eq!(knots(&[0.0, 5e-324, 1.0, 2.0], 9), [0.0, 1.0, 2.0]);
    }
}
