//! Worlds that change a little with every batch.

use super::{BATCHES, Begin};
use crate::draws::Draws;
use crate::rows::Row;

/// Number of features of both worlds.
pub(super) const FEATURES: usize = 10;

type Point = [f64; FEATURES];

/// Hyperplane (Hulten, Spencer and Domingos 2001): a client leaves beyond a plane through the
/// middle of the unit cube. Five of ten weights change by 0.05 with every batch; with probability
/// 0.1, one of them turns round. Every twentieth label is the opposite.
pub(super) fn hyperplane() -> Begin {
    Box::new(|draws| {
        let mut weights: Point = [(); FEATURES].map(|()| draws.uniform());
        let mut steps = [0.05; 5];
        let planes: Vec<Point> = (0..BATCHES)
            .map(|_| {
                let now = weights;
                for (weight, step) in weights.iter_mut().zip(&mut steps) {
                    if draws.is(0.1) {
                        *step = -*step;
                    }
                    *weight += *step;
                }
                now
            })
            .collect();
        Box::new(move |draws, batch| {
            let values: Point = [(); FEATURES].map(|()| draws.uniform());
            let terms = values.iter().zip(planes[batch]);
            let height: f64 = terms.map(|(value, weight)| weight * (value - 0.5)).sum();
            Row::of(values.to_vec(), (height >= 0.0) != draws.is(0.05))
        })
    })
}

/// Radial basis functions (Bifet et al. 2009): twenty centroids with a label each. A row lies
/// around one of them. With every batch each centroid moves by 0.02 and stays in the unit cube.
pub(super) fn radial_basis() -> Begin {
    Box::new(|draws| {
        let centroids: Vec<Centroid> = (0..20).map(|_| Centroid::draw(draws)).collect();
        Box::new(move |draws, batch| centroids[draws.whole(0, 19)].row(draws, batch))
    })
}

struct Centroid {
    start: Point,
    direction: Point,
    spread: f64,
    label: bool,
}

impl Centroid {
    fn draw(draws: &mut Draws) -> Self {
        let start = [(); FEATURES].map(|()| draws.uniform());
        let direction: Point = [(); FEATURES].map(|()| draws.normal());
        let length = direction.iter().map(|part| part * part).sum::<f64>().sqrt();
        Self {
            start,
            direction: direction.map(|part| part / length),
            spread: draws.between(0.05, 0.25),
            label: draws.is(0.5),
        }
    }

    fn row(&self, draws: &mut Draws, batch: usize) -> Row {
        let along = self.start.iter().zip(self.direction);
        let value = |(start, direction): (&f64, f64)| {
            reflected(start + 0.02 * batch as f64 * direction) + self.spread * draws.normal()
        };
        Row::of(along.map(value).collect(), self.label)
    }
}

/// The place between 0 and 1 of a point that turns round at 0 and at 1.
fn reflected(place: f64) -> f64 {
    let place = place.rem_euclid(2.0);
    place.min(2.0 - place)
}
