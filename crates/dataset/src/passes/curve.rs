//! Curves: piecewise-linear functions of a number.

use serde::{Deserialize, Serialize};

/// A function of a number that is straight between its knots and constant outside of them.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Curve {
    /// Increasing numbers, at least one.
    knots: Vec<f64>,
    /// The function's value at each knot.
    values: Vec<f64>,
}

impl Curve {
    /// The curve through these points. There must be as many values as knots.
    pub fn new(knots: Vec<f64>, values: Vec<f64>) -> Self {
        Self { knots, values }
    }

    /// The numbers between which the curve is straight, in increasing order.
    pub fn knots(&self) -> &[f64] {
        &self.knots
    }

    /// The value at each knot.
    pub fn values(&self) -> &[f64] {
        &self.values
    }

    /// The value at a number; NaN for NaN.
    #[inline]
    pub fn value(&self, number: f64) -> f64 {
        let after = self.knots.partition_point(|knot| *knot <= number);
        match (after.checked_sub(1), self.knots.get(after)) {
            _ if number.is_nan() => f64::NAN,
            (None, _) => self.values[0],
            (Some(last), None) => self.values[last],
            (Some(before), Some(next)) => {
                let width = next - self.knots[before];
                let share = (number - self.knots[before]) / width;
                let (from, to) = (self.values[before], self.values[after]);
                from + (to - from) * share
            }
        }
    }

    /// True if the curve has a knot, as many values as knots, finite steps, and knots that increase.
    pub fn is_valid(&self) -> bool {
        let has_finite_steps = |all: &[f64]| {
            let mut pairs = all.windows(2);
            pairs.all(|pair| (pair[1] - pair[0]).is_finite())
        };
        !self.knots.is_empty()
            && self.knots.len() == self.values.len()
            && self.knots.windows(2).all(|pair| pair[0] < pair[1])
            && has_finite_steps(&self.knots)
            && has_finite_steps(&self.values)
            && self
                .knots
                .iter()
                .chain(&self.values)
                .all(|it| it.is_finite())
    }
}

/// Place of the knot before a number, and the share of the way from there to the next knot. There
/// must be at least two increasing knots. A number outside the knots counts as the nearest knot, and NaN
/// as the first.
#[inline]
pub(crate) fn position(knots: &[f64], number: f64) -> (usize, f64) {
    let after = knots.partition_point(|knot| *knot <= number);
    match (after.checked_sub(1), knots.get(after)) {
        (None, _) => (0, 0.0),
        (Some(last), None) => (last - 1, 1.0),
        (Some(before), Some(next)) => {
            let width = next - knots[before];
            (before, (number - knots[before]) / width)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_curve_is_straight_between_knots_and_constant_outside() {
        let curve = Curve::new(vec![1.0, 2.0, 4.0], vec![10.0, 0.0, 3.0]);
        let points = [-9.0, 1.0, 1.25, 2.0, 3.0, 4.0, 1e300];
        let found = points.map(|number| curve.value(number));
        assert_eq!(found, [10.0, 10.0, 7.5, 0.0, 1.5, 3.0, 3.0]);
        assert!(curve.value(f64::NAN).is_nan());
        assert_eq!(Curve::new(vec![5.0], vec![2.0]).value(7.0), 2.0);
    }

    #[test]
    fn a_number_lies_between_two_knots() {
        let found = [-2.0, -1.0, 0.0, 3.0, 3.5].map(|number| position(&[-1.0, 3.0, 4.0], number));
        let wanted = [(0, 0.0), (0, 0.0), (0, 0.25), (1, 0.0), (1, 0.5)];
        assert_eq!(found, wanted);
        assert_eq!(position(&[-1.0, 3.0, 4.0], 1e9), (1, 1.0));
    }

    #[test]
    fn knots_that_do_not_increase_are_no_curve() {
        let is_valid =
            |knots: &[f64], values: &[f64]| Curve::new(knots.to_vec(), values.to_vec()).is_valid();
        assert!(is_valid(&[1.0, 2.0], &[0.0, 0.0]));
        assert!(!is_valid(&[1.0, 1.0], &[0.0, 0.0]));
        assert!(!is_valid(&[2.0, 1.0], &[0.0, 0.0]));
        assert!(!is_valid(&[1.0], &[0.0, 0.0]));
        assert!(!is_valid(&[], &[]));
        assert!(!is_valid(&[f64::NAN], &[0.0]));
        assert!(!is_valid(&[-f64::MAX, f64::MAX], &[0.0, 1.0]));
        assert!(!is_valid(&[1.0], &[f64::INFINITY]));
        assert!(!is_valid(&[1.0, 2.0], &[-f64::MAX, f64::MAX]));
    }
}
