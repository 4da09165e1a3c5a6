//! The Newton direction: from a point to the minimum of the second-order approximation of the
//! objective.
//!
//! If the effect of a number may go only one way, its weights must not be negative, or must not be
//! positive. The approximation then has a minimum under bounds. Principal pivoting finds it (Júdice
//! and Pires 1994): some weights are held at 0, and the others are solved for. A weight that breaks
//! a condition of the minimum changes sides: it is released if it was held, and held if it was
//! free.

use common::schema::EffectShape;
use model::matrix::Cholesky;
use ndarray::{Array1, Array2};

/// Maximum number of rounds in which all weights that break a condition change sides. These rounds
/// are fast, but may repeat without an end.
const FAST_ROUNDS: usize = 20;
/// Maximum number of further rounds, for each bounded weight. In these rounds only the last weight
/// that breaks a condition changes sides. They always end (Murty 1974), in practice after a few
/// rounds.
const SLOW_ROUNDS: usize = 4;
/// Relative rounding error of a slope.
const ROUNDING: f64 = 1e-12;

/// The second-order approximation of the objective at some weights.
#[derive(Clone, Copy)]
pub(super) struct Approximation<'a> {
    pub(super) weights: &'a Array1<f64>,
    pub(super) gradient: &'a Array1<f64>,
    pub(super) hessian: &'a Array2<f64>,
    /// The shapes of the weights, without the intercept, which is the first weight.
    pub(super) shapes: &'a [EffectShape],
}

impl Approximation<'_> {
    /// The step to the minimum. `None` if the curvature is not finite, or if the rounds do not
    /// suffice.
    pub(super) fn direction(&self) -> Option<Array1<f64>> {
        let shapes = self.shapes.iter().enumerate();
        let bounded = shapes.filter(|(_, shape)| shape.is_monotone());
        let bounded: Vec<(usize, EffectShape)> =
            bounded.map(|(place, shape)| (place + 1, *shape)).collect();
        if bounded.is_empty() {
            let factor = Cholesky::of(self.hessian)?;
            return Some(-factor.solve(self.gradient));
        }
        let mut is_held = vec![false; self.weights.len()];
        for (place, shape) in &bounded {
            is_held[*place] = is_held_at_bound(*shape, self.weights[*place], self.gradient[*place]);
        }
        for round in 0..FAST_ROUNDS + SLOW_ROUNDS * bounded.len() {
            let direction = self.with_held(&is_held)?;
            let breaks = |(place, shape): &&(usize, EffectShape)| {
                if is_held[*place] {
                    self.lowers_when_released(*place, *shape, &direction)
                } else {
                    !shape.allows(self.weights[*place] + direction[*place])
                }
            };
            let changed: Vec<usize> = bounded.iter().filter(breaks).map(|it| it.0).collect();
            let Some(last) = changed.last() else {
                return Some(direction);
            };
            let is_fast = round < FAST_ROUNDS;
            for place in if is_fast {
                &changed[..]
            } else {
                std::slice::from_ref(last)
            } {
                is_held[*place] = !is_held[*place];
            }
        }
        None
    }

    /// The step to the minimum under the condition that the weights in `is_held` become 0.
    fn with_held(&self, is_held: &[bool]) -> Option<Array1<f64>> {
        let mut direction: Array1<f64> = (self.weights.iter().zip(is_held))
            .map(|(weight, is_held)| if *is_held { -weight } else { 0.0 })
            .collect();
        let free: Vec<usize> = (0..is_held.len())
            .filter(|place| !is_held[*place])
            .collect();
        let slopes = self.gradient + &self.hessian.dot(&direction);
        let curvature = Array2::from_shape_fn((free.len(), free.len()), |(row, column)| {
            self.hessian[[free[row], free[column]]]
        });
        let right = free.iter().map(|place| -slopes[*place]).collect();
        let solved = Cholesky::of(&curvature)?.solve(&right);
        for (place, step) in free.iter().zip(&solved) {
            direction[*place] = *step;
        }
        Some(direction)
    }

    /// True if the approximation falls when a weight is no longer held at 0.
    fn lowers_when_released(
        &self,
        place: usize,
        shape: EffectShape,
        direction: &Array1<f64>,
    ) -> bool {
        let curvature = self.hessian.row(place);
        let slope = self.gradient[place] + curvature.dot(direction);
        let summands = curvature
            .iter()
            .zip(direction)
            .map(|(entry, step)| (entry * step).abs());
        let size = self.gradient[place].abs() + summands.sum::<f64>();
        slope.abs() > ROUNDING * size && shape.allows(-slope)
    }
}

/// True if a weight is 0, and only a value that its shape does not allow would lower the objective.
pub(super) fn is_held_at_bound(shape: EffectShape, weight: f64, slope: f64) -> bool {
    shape.is_monotone() && weight == 0.0 && !shape.allows(-slope)
}

#[cfg(test)]
mod tests {
    use ndarray::array;

    use super::*;

    /// The first condition of the minimum that a direction breaks.
    fn broken(it: Approximation<'_>, direction: &Array1<f64>) -> Option<String> {
        let slopes = it.gradient + &it.hessian.dot(direction);
        let reached = it.weights + direction;
        let mut places = 0..reached.len();
        places.find_map(|place| {
            let shape = place
                .checked_sub(1)
                .map_or(EffectShape::Any, |column| it.shapes[column]);
            let (slope, weight) = (slopes[place], reached[place]);
            let is_at_bound = weight == 0.0 && shape.is_monotone();
            let is_flat = slope.abs() < 1e-9 || is_at_bound && shape.allows(slope);
            (!shape.allows(weight) || !is_flat).then(|| format!("{place}: {weight} {slope}"))
        })
    }

    #[test]
    fn a_weight_that_may_not_be_negative_stops_at_zero_and_the_others_make_up_for_it() {
        let it = Approximation {
            weights: &array![0.0, 1.0, 1.0],
            gradient: &array![0.5, 4.0, -1.0],
            hessian: &array![[2.0, 0.3, 0.1], [0.3, 1.0, 0.4], [0.1, 0.4, 1.0]],
            shapes: &[EffectShape::Increasing, EffectShape::Any],
        };
        let direction = it.direction().unwrap();
        assert_eq!(direction[1], -1.0);
        assert_eq!(broken(it, &direction), None);
        let free = Approximation {
            shapes: &[EffectShape::Any; 2],
            ..it
        };
        assert!(free.direction().unwrap()[1] < -3.0);
    }

    #[test]
    fn the_minimum_meets_its_conditions_for_any_curvature() {
        let noise = |seed: usize| ((seed as f64 * 12.9898).sin() * 43_758.547).fract();
        for case in 0..200 {
            let size = 2 + case % 29;
            let factor = Array2::from_shape_fn((size, size), |(row, column)| {
                noise(case * 1_000 + row * size + column) + f64::from(u8::from(row == column))
            });
            let shapes: Vec<EffectShape> = (1..size)
                .map(|place| match (case + place) % 3 {
                    0 => EffectShape::Increasing,
                    1 => EffectShape::Decreasing,
                    _ => EffectShape::Any,
                })
                .collect();
            let signed = |place: usize| match place.checked_sub(1).map(|it| shapes[it]) {
                Some(EffectShape::Increasing) => noise(case * 77 + place).abs(),
                Some(EffectShape::Decreasing) => -noise(case * 77 + place).abs(),
                _ => noise(case * 77 + place),
            };
            let it = Approximation {
                weights: &(0..size).map(signed).collect(),
                gradient: &(0..size)
                    .map(|place| 3.0 * noise(case * 91 + place))
                    .collect(),
                hessian: &(factor.t().dot(&factor) + Array2::<f64>::eye(size) * 0.01),
                shapes: &shapes,
            };
            let direction = it.direction().unwrap();
            assert_eq!(broken(it, &direction), None, "case {case}");
        }
    }
}
