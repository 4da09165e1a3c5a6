//! A world of curves and of a pair: six independent features, of which five count.

use std::collections::HashMap;

use common::Schema;
use common::schema::{EffectShape, Feature, Kind, NumberRules};

use super::Begin;
use crate::draws::Draws;
use crate::rows::{Row, numbers};

/// Number of features of a client.
const FEATURES: usize = 6;

pub(super) fn schema() -> Schema {
    numbers(FEATURES)
}

/// The same features, but the effects of x1 and x2 may go only one way. The true effects go both ways.
pub(super) fn schema_held() -> Schema {
    let shapes = HashMap::from([
        ("x1", EffectShape::Decreasing),
        ("x2", EffectShape::Increasing),
    ]);
    let held = |feature: &Feature| Feature {
        name: feature.name.clone(),
        kind: Kind::Number(NumberRules {
            effect: shapes.get(&*feature.name).copied().unwrap_or_default(),
            ..NumberRules::default()
        }),
    };
    let free = schema();
    Schema {
        features: free.features.iter().map(held).collect(),
        ..free
    }
}

/// A wave, a bowl, a line, and the product of two features. `turned` is true for the batches in which
/// the wave is inverted.
pub(super) fn curved(turned: impl Fn(usize) -> bool + Copy + Sync + 'static) -> Begin {
    Box::new(move |_| Box::new(move |draws, batch| row(draws, turned(batch))))
}

fn row(draws: &mut Draws, is_turned: bool) -> Row {
    let x: [f64; FEATURES] = [(); FEATURES].map(|()| draws.normal());
    let way = if is_turned { -1.0 } else { 1.0 };
    let wave = way * 1.2 * (2.0 * x[0]).sin();
    let log_odds = wave + 0.6 * (x[1].powi(2) - 1.0) + 0.5 * x[2] + x[3] * x[4] - 0.7;
    let left = draws.is(1.0 / (1.0 + (-log_odds).exp()));
    Row::of(x.to_vec(), left)
}
