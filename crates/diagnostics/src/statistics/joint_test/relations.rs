//! Predictions of each column from the other columns.

use std::ops::Range;

use model::matrix::Cholesky;
use ndarray::{Array2, s};

use super::components::Component;

/// Maximum number of components for predictions. The work grows with the square of this number.
pub(super) const MAX_COMPONENTS: usize = 200;
/// Smallest ridge of the regressions, relative to the variance of a component. Without it, equal
/// columns would make the matrix singular.
const MIN_RIDGE: f64 = 1e-3;

/// Predictions of each component from the components of the other columns, by ridge regression over the
/// rows of both sides. `None` if there are too many components.
///
/// Components of one column must be next to each other.
pub(super) fn predictions(components: &[&Component]) -> Option<Vec<Vec<f64>>> {
    let size = components.len();
    let rows = components.first()?.values.len();
    if size > MAX_COMPONENTS {
        return None;
    }
    let ridge = (size as f64 / rows as f64).max(MIN_RIDGE);
    let product = |one: &Component, other: &Component| -> f64 {
        let values = one.values.iter().zip(&other.values);
        values.map(|(a, b)| a * b).sum::<f64>() / rows as f64
    };
    let mut matrix = Array2::zeros((size, size));
    for row in 0..size {
        for column in 0..=row {
            let product = product(components[row], components[column]);
            matrix[[row, column]] = product;
            matrix[[column, row]] = product;
        }
        matrix[[row, row]] += ridge;
    }
    let precision = Cholesky::exactly(&matrix, 0.0)?.inverse();
    let mut predictions = Vec::with_capacity(size);
    for block in columns(components) {
        // A component minus its prediction is (Ω_BB)⁻¹·(Ω·v)_B, where Ω is the precision.
        let of_block = precision.slice(s![block.clone(), block.clone()]).to_owned();
        let of_block = Cholesky::exactly(&of_block, 0.0)?.inverse();
        for (place, row) in block.clone().enumerate() {
            let weights: Vec<f64> = (0..size)
                .map(|column| {
                    let rows = block.clone().zip(of_block.row(place));
                    rows.map(|(row, weight)| weight * precision[[row, column]])
                        .sum()
                })
                .collect();
            let mut prediction = vec![0.0; rows];
            for (column, weight) in weights.iter().enumerate() {
                if block.contains(&column) {
                    continue;
                }
                let values = &components[column].values;
                prediction
                    .iter_mut()
                    .zip(values)
                    .for_each(|(sum, value)| *sum -= weight * value);
            }
            debug_assert_eq!(predictions.len(), row);
            predictions.push(prediction);
        }
    }
    Some(predictions)
}

/// The places of the components of each column.
fn columns(components: &[&Component]) -> Vec<Range<usize>> {
    let mut start = 0;
    components
        .chunk_by(|a, b| a.column == b.column)
        .map(|of_column| {
            let range = start..start + of_column.len();
            start = range.end;
            range
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::super::components::{Meaning, standardised};
    use super::*;
    use crate::draws::Draws;

    #[test]
    fn a_component_is_predicted_by_the_other_columns_only() {
        let mut draws = Draws(5);
        let normal =
            |draws: &mut Draws| -> Vec<f64> { (0..2000).map(|_| draws.normal()).collect() };
        let (x, noise, other) = (normal(&mut draws), normal(&mut draws), normal(&mut draws));
        let y: Vec<f64> = x
            .iter()
            .zip(&noise)
            .map(|(x, noise)| 0.6 * x + 0.8 * noise)
            .collect();
        let component = |column, values: &[f64]| Component {
            column,
            meaning: Meaning::Score,
            values: standardised(values.to_vec()).unwrap(),
            is_present: vec![true; values.len()],
        };
        // The second column has two components, which are equal.
        let all = [
            component(0, &x),
            component(1, &y),
            component(1, &y),
            component(2, &other),
        ];
        let found = predictions(&all.each_ref()).unwrap();
        let correlation = |one: &[f64], other: &[f64]| -> f64 {
            let one = standardised(one.to_vec()).unwrap();
            let other = standardised(other.to_vec()).unwrap();
            one.iter().zip(&other).map(|(a, b)| a * b).sum::<f64>() / 2000.0
        };
        for place in [1, 2] {
            let of_x = correlation(&found[place], &all[0].values);
            assert!(of_x > 0.99, "{place}: {of_x}");
        }
        let of_y = correlation(&found[0], &all[1].values);
        assert!(of_y > 0.99, "{of_y}");
        assert!(found[3].iter().all(|value| value.abs() < 0.3));
    }
}
