//! Counts of labels and of clients.

use super::engine::{Chunk, Pass, run, selected_rows};
use super::expression::LinearExpression;
use super::remote::{Cut, RowNumber, wrong_size};
use crate::table::{Selection, Table};
use common::Failure;

/// Counts of rows by label.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct LabelCounts {
    /// Rows with a positive label.
    pub positives: u64,
    /// Rows with a negative label.
    pub negatives: u64,
    /// Rows without a label.
    pub unlabelled: u64,
}

impl LabelCounts {
    /// Number of rows with a label.
    pub fn labelled(self) -> u64 {
        self.positives + self.negatives
    }

    /// The counts of these rows and others together.
    pub(crate) fn plus(self, other: Self) -> Self {
        Self {
            positives: self.positives + other.positives,
            negatives: self.negatives + other.negatives,
            unlabelled: self.unlabelled + other.unlabelled,
        }
    }

    /// Number of rows of the less frequent label.
    pub fn rarer(self) -> u64 {
        self.positives.min(self.negatives)
    }
}

/// Counts the selected rows by label.
pub fn label_counts(table: &Table, selection: &Selection) -> Result<LabelCounts, Failure> {
    let counts = counts(&[], table, selection)?;
    Ok(LabelCounts {
        unlabelled: counts[0],
        negatives: counts[1],
        positives: counts[2],
    })
}

/// Counts of labelled rows by label (0, 1) and predicted label (0, 1). The positive label is
/// predicted where the log-odds are above `threshold`.
pub fn confusion(
    expression: &LinearExpression<'_>,
    threshold: f64,
    table: &Table,
    selection: &Selection,
) -> Result<[[u64; 2]; 2], Failure> {
    let cut = Cut {
        expression,
        threshold,
    };
    let counts = counts(&[cut], table, &selection.clone().labelled())?;
    Ok([[counts[2], counts[3]], [counts[4], counts[5]]])
}

/// Counts of labelled rows by label and by the labels that two models predict.
///
/// The place of a cell is 4 · label + 2 · prediction of the first model + prediction of the second, each
/// 0 or 1. A model predicts 1 where its log-odds are above its threshold.
pub fn paired_confusion(
    expressions: [&LinearExpression<'_>; 2],
    thresholds: [f64; 2],
    table: &Table,
    selection: &Selection,
) -> Result<[u64; 8], Failure> {
    let cuts = [0, 1].map(|model| Cut {
        expression: expressions[model],
        threshold: thresholds[model],
    });
    let counts = counts(&cuts, table, &selection.clone().labelled())?;
    Ok(std::array::from_fn(|cell| counts[4 + cell]))
}

/// Numbers of rows by label and by the labels that models predict.
///
/// With n models there are 2ⁿ cells for the rows without a label, then as many for negative and for
/// positive labels. Within these, the prediction of the first model is the highest binary digit.
pub fn counts(
    models: &[Cut<'_>],
    table: &Table,
    selection: &Selection,
) -> Result<Vec<u64>, Failure> {
    let counts = match table.engine("counts of rows")? {
        Some(engine) => engine.counts(models, selection)?,
        None => run(&Counts { models }, table, selection),
    };
    let wanted = cells(models);
    if counts.len() != wanted {
        return Err(wrong_size("counts of rows", wanted, counts.len()));
    }
    Ok(counts)
}

/// Number of cells: for no label, for negative and for positive labels.
fn cells(models: &[Cut<'_>]) -> usize {
    3 << models.len()
}

struct Counts<'a> {
    models: &'a [Cut<'a>],
}

impl Pass for Counts<'_> {
    type Value = Vec<u64>;

    fn empty(&self) -> Vec<u64> {
        vec![0; cells(self.models)]
    }

    fn add(&self, counts: &mut Vec<u64>, chunk: &Chunk<'_>) {
        for position in chunk.positions() {
            let label = chunk.table.labels[position];
            let label = label.map_or(0, |is_positive| 1 + usize::from(is_positive));
            let cell = self.models.iter().fold(label, |cell, model| {
                let log_odds = model.expression.value_at(chunk.table, position);
                2 * cell + usize::from(log_odds > model.threshold)
            });
            counts[cell] += 1;
        }
    }

    fn merge(&self, earlier: &mut Vec<u64>, later: Vec<u64>) {
        let cells = earlier.iter_mut().zip(later);
        cells.for_each(|(count, more)| *count += more);
    }
}

/// Number of different clients of the selected rows.
pub fn client_count(table: &Table, selection: &Selection) -> Result<u64, Failure> {
    if let Some(engine) = table.engine("the number of clients")? {
        // Only the number of clients is used, so the sums are of zeros.
        return Ok(engine.client_sums(&RowNumber::Zero, selection)?.clients);
    }
    let rows = selected_rows(table, selection).into_iter();
    let mut clients: Vec<u64> = rows.map(|row| table.clients[row]).collect();
    clients.sort_unstable();
    clients.dedup();
    Ok(clients.len() as u64)
}

#[cfg(test)]
mod tests {
    use common::Schema;

    use super::*;

    #[test]
    fn rows_are_counted_by_label_and_clients_once() {
        let mut table = Table::new(&Schema::default());
        for (id, label) in [
            ("a", Some(true)),
            ("b", None),
            ("a", Some(false)),
            ("c", Some(false)),
        ] {
            table.push(id.as_bytes(), &[1.0; 3], label);
        }
        let counts = label_counts(&table, &table.all()).unwrap();
        let wanted = LabelCounts {
            positives: 1,
            negatives: 2,
            unlabelled: 1,
        };
        assert_eq!(counts, wanted);
        assert_eq!((counts.labelled(), counts.rarer()), (3, 1));
        assert_eq!(client_count(&table, &table.all()).unwrap(), 3);
        assert_eq!(client_count(&table, &table.labelled()).unwrap(), 2);
        let none = Selection::rows(0..0);
        assert_eq!(label_counts(&table, &none).unwrap(), LabelCounts::default());
        assert_eq!(client_count(&table, &none).unwrap(), 0);
    }
}
