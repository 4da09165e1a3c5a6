//! Sums of residuals by the parts of pairs of features: what a model misses of two features together.

use super::engine::{Chunk, Pass, run};
use super::expression::LinearExpression;
use super::grid::Parts;
use super::log_odds::probability;
use crate::table::{Selection, Table};
use common::Failure;

/// Sums over rows by the parts of two features. Cells are ordered by the part of the first feature,
/// and then by that of the second.
///
/// Each feature has one part more than it was given. This part is for all other levels of a
/// category.
#[derive(Clone, Debug, PartialEq)]
pub struct PairSums {
    /// Places of both features in the table.
    pub features: [usize; 2],
    /// Number of parts of both features.
    pub widths: [usize; 2],
    /// Sum of y − p in each cell.
    pub residuals: Vec<f64>,
    /// Sum of p(1 − p) in each cell.
    pub weights: Vec<f64>,
}

/// The sums over the labelled rows of a selection, for each pair of the features that have parts.
/// The probability p comes from `expression`. A row counts for a pair if neither cell is missing. A
/// number belongs to the nearer knot.
pub fn pair_sums(
    parts: &[Option<Parts>],
    expression: &LinearExpression<'_>,
    table: &Table,
    selection: &Selection,
) -> Result<Vec<PairSums>, Failure> {
    let labelled = selection.clone().labelled();
    if let Some(engine) = table.engine("sums by pairs of features")? {
        return engine.pair_sums(parts, expression, &labelled);
    }
    let divided: Vec<(usize, &Parts)> = parts
        .iter()
        .enumerate()
        .filter_map(|(feature, parts)| Some((feature, parts.as_ref()?)))
        .collect();
    let pass = PairPass {
        expression,
        divided,
    };
    Ok(run(&pass, table, &labelled))
}

struct PairPass<'a> {
    expression: &'a LinearExpression<'a>,
    /// The features that have parts.
    divided: Vec<(usize, &'a Parts)>,
}

/// Number of rows in a chunk. It is small, because a row costs as much as hundreds of cells.
const ROWS: usize = 2_048;

impl Pass for PairPass<'_> {
    type Value = Vec<PairSums>;

    fn chunk_rows(&self) -> usize {
        ROWS
    }

    fn empty(&self) -> Vec<PairSums> {
        let mut all = Vec::new();
        for (place, (first, parts)) in self.divided.iter().enumerate() {
            for (second, other_parts) in &self.divided[place + 1..] {
                let widths = [parts.len() + 1, other_parts.len() + 1];
                let sums = vec![0.0; widths[0] * widths[1]];
                all.push(PairSums {
                    features: [*first, *second],
                    widths,
                    residuals: sums.clone(),
                    weights: sums,
                });
            }
        }
        all
    }

    fn add(&self, value: &mut Vec<PairSums>, chunk: &Chunk<'_>) {
        let table = chunk.table;
        let mut own: Vec<Option<usize>> = Vec::with_capacity(self.divided.len());
        for position in chunk.positions() {
            let probability = probability(self.expression.value_at(table, position));
            let label = f64::from(u8::from(table.labels[position] == Some(true)));
            let (residual, weight) = (label - probability, probability * (1.0 - probability));
            own.clear();
            own.extend(
                self.divided
                    .iter()
                    .map(|(feature, parts)| part(parts, table.features[*feature][position])),
            );
            let mut pairs = value.iter_mut();
            for (place, first) in own.iter().enumerate() {
                for (second, sums) in own[place + 1..].iter().zip(&mut pairs) {
                    if let (Some(first), Some(second)) = (first, second) {
                        let cell = first * sums.widths[1] + second;
                        sums.residuals[cell] += residual;
                        sums.weights[cell] += weight;
                    }
                }
            }
        }
    }

    fn merge(&self, earlier: &mut Vec<PairSums>, later: Vec<PairSums>) {
        let add = |to: &mut [f64], from: &[f64]| {
            to.iter_mut().zip(from).for_each(|(to, from)| *to += from);
        };
        for (sums, others) in earlier.iter_mut().zip(later) {
            add(&mut sums.residuals, &others.residuals);
            add(&mut sums.weights, &others.weights);
        }
    }
}

/// The part that a cell belongs to; `None` if the cell is missing.
fn part(parts: &Parts, cell: f64) -> Option<usize> {
    let [one, other] = parts.shares(cell)?;
    Some(match (one.1, other.1) {
        (0.0, 0.0) => parts.len(),
        (one_share, other_share) if one_share >= other_share => one.0,
        _ => other.0,
    })
}

#[cfg(test)]
mod tests {
    use common::Schema;

    use super::*;
    use crate::level::{Level, level_code};

    #[test]
    fn residuals_are_summed_by_cell_and_missing_cells_do_not_count() {
        let schema = Schema {
            features: vec!["x".into(), "plan".into(), "constant".into()],
            ..Schema::default()
        };
        let mut table = Table::new(&schema);
        for (x, plan, label) in [
            (0.0, "a", Some(true)),
            (1.0, "a", Some(true)),
            (9.0, "a", Some(false)),
            (9.0, "other", Some(true)),
            (9.0, "other", None),
            (f64::NAN, "a", Some(true)),
        ] {
            table.push(b"id", &[x, level_code(plan), 7.0], label);
        }
        let parts = [
            Some(Parts::Knots(vec![0.0, 4.0])),
            Some(Parts::Levels(vec![Level::from("a".to_owned())])),
            None,
        ];
        let expression = LinearExpression {
            intercept: 0.0,
            terms: Vec::new(),
        };
        let found = pair_sums(&parts, &expression, &table, &table.all()).unwrap();
        let wanted = PairSums {
            features: [0, 1],
            widths: [3, 2],
            residuals: vec![1.0, 0.0, -0.5, 0.5, 0.0, 0.0],
            weights: vec![0.5, 0.0, 0.25, 0.25, 0.0, 0.0],
        };
        assert_eq!(found, [wanted]);
    }
}
