//! Verdicts on feature drift.

use std::collections::BTreeMap;

use dataset::passes::{CategoryCounts, ColumnProfile, ColumnValues};
use dataset::{Levels, level_code};
use model::Model;

use super::batch::Batch;
use crate::compare::{CheckedColumns, ColumnPair, check_columns};
use crate::statistics::Tally;

/// Common name of all levels without a name of their own. No real level has an empty name.
const NAMELESS: &str = "";

/// Checks the features of a batch. Numbers are compared with the model's sample of its training
/// rows, categories with the counts of all training rows.
pub(super) fn check_features(model: &Model, batch: &Batch<'_>) -> CheckedColumns {
    let has_repeated_clients = model.client_agreement.is_some() || repeats_a_client(batch);
    let known = model.profile.columns.iter();
    let columns = known
        .zip(&model.profile.sample.columns)
        .zip(batch.table.in_memory().features);
    let pairs = columns
        .enumerate()
        .map(|(feature, ((known, sample), column))| {
            let new = &column[batch.rows.clone()];
            let names = |code| batch.table.in_memory().levels.name(feature, code);
            let pair = match &known.values {
                ColumnValues::Numbers(_) => numbers(known, sample, new),
                ColumnValues::Levels(counts) => {
                    let levels = [
                        training_levels(counts, known.missing),
                        batch_levels(counts, new, names),
                    ];
                    ColumnPair::categories(&known.name, levels)
                }
            };
            match has_repeated_clients {
                true => pair.with_repeated_clients(),
                false => pair,
            }
        })
        .collect();
    check_columns(pairs, |_| true)
}

/// True if a client has several rows in the batch.
fn repeats_a_client(batch: &Batch<'_>) -> bool {
    let mut clients = batch.table.in_memory().clients[batch.rows.clone()].to_vec();
    clients.sort_unstable();
    clients.windows(2).any(|pair| pair[0] == pair[1])
}

fn numbers(known: &ColumnProfile, sample: &[f64], new: &[f64]) -> ColumnPair {
    // The missing values of all training rows count, not those of the sample alone.
    let missing = Tally {
        with: known.missing,
        without: known.present(),
    };
    let pair = ColumnPair::numbers(&known.name, [0, 0], [sample.to_vec(), new.to_vec()]);
    pair.with_missing(missing)
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
