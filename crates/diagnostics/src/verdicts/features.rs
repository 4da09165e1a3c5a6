//! Verdicts on feature drift.

use std::collections::BTreeMap;

use common::Failure;
use dataset::passes::{CategoryCounts, ColumnProfile, ColumnValues};
use dataset::{Levels, Selection, level_code, one_row_of_each};
use model::Model;

use super::batch::Batch;
use crate::compare::{CheckedColumns, ColumnPair, check_columns};
use crate::statistics::Tally;

/// Common name of all levels without a name of their own. No real level has an empty name.
const NAMELESS: &str = "";

/// Checks the features of a batch. Numbers are compared with the model's sample of its training
/// rows, categories with the counts of all training rows. Where a client has several rows, one of them is
/// compared.
pub(super) fn check_features(model: &Model, batch: &Batch<'_>) -> Result<CheckedColumns, Failure> {
    let has_id = model.schema.id.is_some();
    let sample = &model.profile.sample;
    let chosen = sample.of_clients.as_ref().filter(|_| has_id);
    let batch = batch
        .table
        .sample(&Selection::rows(batch.rows.clone()), usize::MAX)?;
    let batch = batch.columns();
    let rows = has_id.then(|| one_row_of_each(batch.clients)).flatten();
    // Models of older programs do not store which rows belong to one client.
    let has_unknown_clients = has_id && chosen.is_none() && model.client_agreement.is_some();
    let known = model.profile.columns.iter();
    let columns = known.zip(&sample.columns).zip(batch.features);
    let mut pairs = Vec::new();
    for (feature, ((known, sample), column)) in columns.enumerate() {
        let new = of_rows(column, rows.as_deref());
        let names = |code| batch.levels.name(feature, code);
        let places = chosen.map(|places| places.iter().map(|it| *it as usize).collect::<Vec<_>>());
        let sample = of_rows(sample, places.as_deref());
        let pair = match (&known.values, chosen) {
            (ColumnValues::Numbers(_), None) => numbers(known, sample, new),
            (ColumnValues::Numbers(_), Some(_)) => {
                ColumnPair::numbers(&known.name, [0, 0], [sample, new])
            }
            (ColumnValues::Levels(counts), chosen) => {
                let reference = match chosen {
                    Some(_) => batch_levels(counts, &sample, |_| None),
                    None => training_levels(counts, known.missing),
                };
                let levels = [reference, batch_levels(counts, &new, names)];
                ColumnPair::categories(&known.name, levels).with_codes([sample, new])
            }
        };
        pairs.push(match has_unknown_clients {
            true => pair.with_repeated_clients(),
            false => pair,
        });
    }
    Ok(check_columns(pairs, |_| true))
}

/// The cells of the chosen rows; of all rows if `chosen` is `None`.
fn of_rows(cells: &[f64], chosen: Option<&[usize]>) -> Vec<f64> {
    match chosen {
        Some(rows) => rows.iter().map(|row| cells[*row]).collect(),
        None => cells.to_vec(),
    }
}

fn numbers(known: &ColumnProfile, sample: Vec<f64>, new: Vec<f64>) -> ColumnPair {
    // The missing values of all training rows count, not those of the sample alone.
    let missing = Tally {
        with: known.missing,
        without: known.present(),
    };
    ColumnPair::numbers(&known.name, [0, 0], [sample, new]).with_missing(missing)
}

/// Counts of the levels in the training rows.
fn training_levels(counts: &CategoryCounts, missing: u64) -> Levels {
    let named = counts.levels.iter().map(|it| (it.level.clone(), it.rows));
    let nameless = (counts.others > 0).then(|| (NAMELESS.to_owned(), counts.others));
    Levels {
        counts: named.chain(nameless).collect(),
        missing,
        uncounted: 0,
    }
}

/// Counts of the levels in new rows, unseen levels included.
///
/// Where the training rows have uncounted levels, an unseen level may be one of those, so it counts
/// as nameless.
fn batch_levels<'n>(
    counts: &CategoryCounts,
    cells: &[f64],
    name: impl Fn(f64) -> Option<&'n str>,
) -> Levels {
    let known: BTreeMap<u64, &str> = counts
        .levels
        .iter()
        .map(|it| (level_code(&it.level) as u64, it.level.as_str()))
        .collect();
    let mut by_code: BTreeMap<u64, u64> = BTreeMap::new();
    let mut levels = Levels::default();
    for cell in cells {
        if cell.is_nan() {
            levels.missing += 1;
        } else {
            *by_code.entry(*cell as u64).or_default() += 1;
        }
    }
    for (code, rows) in by_code {
        let level = match known.get(&code) {
            Some(level) => level,
            None if counts.others > 0 => NAMELESS,
            None => name(code as f64).unwrap_or(NAMELESS),
        };
        *levels.counts.entry(level.to_owned()).or_default() += rows;
    }
    levels
}
