//! Reads values from the lines of an answer.

use common::Failure;
use dataset::passes::{LogisticTerms, Moments};
use ndarray::{Array2, ArrayView1};

use crate::answer::{Answer, Line, odd};

/// The moments of columns.
pub(super) fn moments(line: &mut Line<'_>, columns: usize) -> Result<Vec<Moments>, Failure> {
    let each = (0..columns).map(|_| {
        let count = line.count()?;
        let [mut mean, mut variance, mut minimum, mut maximum] = [0.0; 4];
        line.fill([&mut mean, &mut variance, &mut minimum, &mut maximum])?;
        Ok(Moments::of_statistics(
            count,
            mean,
            variance.max(0.0),
            [minimum, maximum],
        ))
    });
    each.collect()
}

/// The terms of a Newton step.
pub(super) fn logistic_terms(line: &mut Line<'_>, size: usize) -> Result<LogisticTerms, Failure> {
    let mut terms = LogisticTerms::zero(size);
    terms.rows = line.count()?;
    terms.positives = line.count()?;
    terms.loss = line.number()?;
    line.fill(&mut terms.gradient)?;
    terms.hessian = matrix(line, size)?;
    Ok(terms)
}

/// A symmetric matrix, whose lower triangle comes row by row.
pub(super) fn matrix(line: &mut Line<'_>, size: usize) -> Result<Array2<f64>, Failure> {
    let mut matrix = Array2::zeros((size, size));
    for row in 0..size {
        for column in 0..=row {
            let entry = line.number()?;
            matrix[[row, column]] = entry;
            matrix[[column, row]] = entry;
        }
    }
    Ok(matrix)
}

/// The line of one entry of the gradient. Every line has the counts and the loss of its group.
#[derive(Clone)]
struct EntryLine {
    rows: u64,
    positives: u64,
    loss: f64,
    /// The entry, and its row of the matrix.
    entry: f64,
    row: Vec<f64>,
}

/// The terms of a Newton step, by group, from an answer with a line for each entry of the gradient. A group
/// without rows has no line.
pub(super) fn logistic_terms_by_entry(
    answer: &Answer,
    size: usize,
    groups: usize,
) -> Result<Vec<LogisticTerms>, Failure> {
    let mut lines: Vec<Option<EntryLine>> = vec![None; size * groups];
    answer.read_into(&mut lines, |line, read| {
        let mut found = EntryLine {
            rows: line.count()?,
            positives: line.count()?,
            loss: line.number()?,
            entry: line.number()?,
            row: vec![0.0; size],
        };
        line.fill(&mut found.row)?;
        *read = Some(found);
        Ok(())
    })?;
    let of_groups = lines.chunks(size).map(|lines| {
        let found: Vec<&EntryLine> = lines.iter().flatten().collect();
        if !found.is_empty() && found.len() != size {
            let what = format!("{} lines instead of {size} for a group", found.len());
            return Err(odd(&answer.name, &what));
        }
        let mut terms = LogisticTerms::zero(size);
        for (place, line) in found.into_iter().enumerate() {
            (terms.rows, terms.positives, terms.loss) = (line.rows, line.positives, line.loss);
            terms.gradient[place] = line.entry;
            let row = ArrayView1::from(&line.row);
            terms.hessian.row_mut(place).assign(&row);
        }
        Ok(terms)
    });
    of_groups.collect()
}
