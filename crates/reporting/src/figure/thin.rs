//! Reduces the number of points of a long series, and keeps its extremes.

/// Positions of the points to keep. The series is cut into stretches; the lowest and the highest point of
/// each stretch are kept, and the first and last point of the series. An undefined value is no extreme. At most
/// `max_points` + 2 positions; `max_points` must be at least 2.
pub(super) fn kept(values: &[Option<f64>], max_points: usize) -> Vec<usize> {
    if values.len() <= max_points {
        return (0..values.len()).collect();
    }
    let stretch = values.len().div_ceil((max_points / 2).max(1));
    let mut kept = vec![0];
    for start in (0..values.len()).step_by(stretch) {
        let end = (start + stretch).min(values.len());
        let defined = (start..end).filter_map(|at| Some((at, values[at]?)));
        let by_value = |a: &(usize, f64), b: &(usize, f64)| a.1.total_cmp(&b.1);
        let extremes = [defined.clone().min_by(by_value), defined.max_by(by_value)];
        kept.extend(extremes.into_iter().flatten().map(|(at, _)| at));
    }
    kept.push(values.len() - 1);
    kept.sort_unstable();
    kept.dedup();
    kept
}

/// Points that can be drawn, thinned by their second number.
pub(super) fn points(points: &[[f64; 2]], max_points: usize) -> Vec<[f64; 2]> {
    let drawable = |point: &&[f64; 2]| {
        point
            .iter()
            .all(|value| super::numbers::is_drawable(*value))
    };
    let points: Vec<[f64; 2]> = points.iter().filter(drawable).copied().collect();
    let values: Vec<Option<f64>> = points.iter().map(|point| Some(point[1])).collect();
    kept(&values, max_points)
        .into_iter()
        .map(|at| points[at])
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_long_series_keeps_its_ends_and_its_extremes() {
        let mut values: Vec<Option<f64>> = (0..100_000).map(|n| Some(f64::from(n % 7))).collect();
        values[70_123] = Some(50.0);
        values[3] = Some(-50.0);
        let kept = kept(&values, 200);
        assert!(kept.len() <= 202, "{}", kept.len());
        for at in [0, 3, 70_123, 99_999] {
            assert!(kept.contains(&at), "{at}");
        }
        assert!(kept.is_sorted());
    }

    #[test]
    fn numbers_that_cannot_be_drawn_are_left_out() {
        let points = points(&[[0.0, f64::NAN], [f64::INFINITY, 0.0], [1.0, 2.0]], 10);
        assert_eq!(points, [[1.0, 2.0]]);
    }
}
