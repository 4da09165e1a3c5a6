//! The effect of two features together, as a map.

use common::numbers::bound;
use dataset::passes::Parts;
use model::{Coefficient, Model, PairTable};

use super::{MAX_PAIRS, largest};
use crate::figure::PairEffect;
use crate::page::NamedFigure;

/// The figures of the largest effects. `sizes` are those of the pairs in the order of the coefficients.
pub(super) fn effects(model: &Model, sizes: &[f64]) -> Vec<NamedFigure> {
    let tables: Vec<(Coefficient<'_>, PairTable<'_>)> = model
        .coefficients()
        .filter_map(|coefficient| Some((coefficient, coefficient.pair_table()?)))
        .collect();
    let places = largest(sizes).into_iter().take(MAX_PAIRS);
    let pairs = places.filter_map(|place| tables.get(place));
    (1..)
        .zip(pairs)
        .map(|(number, (coefficient, table))| {
            let [first, second] = [table.first.feature, table.second.feature];
            NamedFigure::new(
                format!("pair_{number}"),
                format!("{first} and {second} together"),
                effect(coefficient, table),
            )
        })
        .collect()
}

fn effect(coefficient: &Coefficient<'_>, table: &PairTable<'_>) -> PairEffect {
    let xs = names(table.first.parts);
    let ys = names(table.second.parts);
    let log_odds = |x: usize, y: usize| {
        let value = table.effect.get(x).and_then(|row| row.get(y));
        value.map_or(f64::NAN, |value| {
            coefficient.value * (value - coefficient.imputed)
        })
    };
    let row = |y: usize| (0..xs.len()).map(|x| log_odds(x, y)).collect();
    let mut cells: Vec<Vec<f64>> = (0..ys.len()).map(row).collect();
    let mut ys = ys;
    if matches!(table.second.parts, Parts::Knots(_)) {
        // The first row of the map is at its top, where the largest number belongs.
        ys.reverse();
        cells.reverse();
    }
    PairEffect {
        features: [
            table.first.feature.to_owned(),
            table.second.feature.to_owned(),
        ],
        xs,
        ys,
        cells,
    }
}

/// The values that a map has rows or columns for.
fn names(parts: &Parts) -> Vec<String> {
    match parts {
        Parts::Knots(knots) => knots.iter().map(|knot| bound(*knot)).collect(),
        Parts::Levels(levels) => levels.iter().map(|level| level.text().to_owned()).collect(),
    }
}
