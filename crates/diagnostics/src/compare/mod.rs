//! Compares two files: which columns have drifted, and how well do the predictions in the second
//! file perform?
//!
//! No schema, model or history is needed. A column that both files hold as numbers is compared as
//! numbers. A column that neither file holds as numbers is compared as categories. A column that only
//! one file holds as numbers is compared by the share of cells that are numbers. Dates, and numbers
//! that each file writes in a format of its own, are not compared. If a client has several rows, only one
//! of them is compared.

mod check;
mod column;
mod column_checks;
mod column_kind;
mod histogram;
mod joint;
mod limits;
mod part;
mod performance;
mod report;
mod respelled;
mod sentence;
mod text;
mod unlike;

use std::collections::BTreeMap;
use std::path::Path;

use common::config::TextSettings;
use common::{Failure, Schema};
use dataset::{
    AnyColumn, AnyColumns, LevelColumn, each_in_parallel, one_row_of_each, read_columns,
    read_levels,
};

use self::column::correct_and_conclude;
use self::column_kind::column_kind;
use self::joint::JointCells;

pub use self::check::{Check, Method, Test, Unit, Verdict};
pub(crate) use self::column::ColumnPair;
pub use self::column::{ColumnComparison, Kind};
pub use self::histogram::{Bin, Histogram, HistogramBin};
pub use self::joint::{JointChange, JointCheck, JointPart};
pub use self::limits::{
    ALPHA, CHECK_LEVEL, MIN_CORRELATION, MIN_DISTANCE, MIN_MISSING, MIN_NEW_SHARE, MIN_PART_SHARE,
    MIN_SPREAD_CHANGE, MIN_VARIATION,
};
pub use self::part::{FurtherPart, Part, PartCheck};
pub use self::performance::{Performance, PredictionColumns, RealisedPerformance};
pub use self::report::{ComparedFile, ComparisonReport};
pub use self::respelled::{Respelled, Respelling};
pub(crate) use self::sentence::{effect_in_words, values_in_words};

/// The files and columns to compare.
#[derive(Clone, Copy, Debug)]
pub struct ComparisonRequest<'a> {
    /// The reference file, taken as correct.
    pub reference: &'a Path,
    /// The file that may have drifted.
    pub current: &'a Path,
    /// Columns with predictions to evaluate; `None` compares the columns only.
    pub predictions: Option<PredictionColumns<'a>>,
    /// Settings for reading the texts of the files.
    pub text: TextSettings,
}

/// Compares two files. `schema` names the target and the client's column. The client's column is not
/// compared.
///
/// Fails when a file cannot be read or the files have no column in common.
pub fn compare(
    request: &ComparisonRequest<'_>,
    schema: &Schema,
) -> anyhow::Result<ComparisonReport> {
    let read = |path| read_columns(path, schema, &request.text);
    let (reference, current) = (read(request.reference)?, read(request.current)?);
    let performance = match request.predictions {
        Some(predictions) => Some(performance::evaluate_predictions(
            predictions,
            &schema.target,
            &reference,
            &current,
        )?),
        None => None,
    };
    let only_in_reference = columns_missing_in(&current, &reference);
    let only_in_current = columns_missing_in(&reference, &current);
    let chosen = [&reference, &current].map(|it| one_row_of_each(it.clients.as_deref()?));
    let files = [
        compared_file(request.reference, &reference, chosen[0].as_deref()),
        compared_file(request.current, &current, chosen[1].as_deref()),
    ];
    let pairs = pairs(request, [reference, current], &chosen)?;
    if pairs.is_empty() {
        return Err(Failure::data("the two files have no column in common to compare").into());
    }
    let is_input = |name: &str| {
        let predictions = request
            .predictions
            .map(|found| [found.probability, found.prediction]);
        name != schema.target && !predictions.is_some_and(|names| names.contains(&name))
    };
    let CheckedColumns {
        verdict,
        joint,
        columns,
    } = check_columns(pairs, is_input);
    let [reference, current] = files;
    Ok(ComparisonReport {
        verdict,
        reference,
        current,
        joint,
        columns,
        only_in_reference,
        only_in_current,
        performance,
    })
}

/// Pairs the columns that are in both files. `chosen` has the rows of each file that are compared; `None`
/// if all rows are compared.
fn pairs(
    request: &ComparisonRequest<'_>,
    [reference, current]: [AnyColumns; 2],
    chosen: &[Option<Vec<usize>>; 2],
) -> anyhow::Result<Vec<ColumnPair>> {
    let rows = [reference.rows, current.rows];
    let mut others: BTreeMap<String, AnyColumn> = current
        .columns
        .into_iter()
        .map(|column| (column.name.clone(), column))
        .collect();
    let both: Vec<(AnyColumn, AnyColumn)> = reference
        .columns
        .into_iter()
        .filter_map(|mine| {
            let other = others.remove(&mine.name)?;
            Some((mine, other))
        })
        .collect();
    let are_categories =
        |(mine, other): &&(AnyColumn, AnyColumn)| column_kind(mine, other) == Ok(Kind::Category);
    let texts: Vec<&str> = both
        .iter()
        .filter(are_categories)
        .map(|(mine, _)| mine.name.as_str())
        .collect();
    let (mut before, mut after) = (BTreeMap::new(), BTreeMap::new());
    if !texts.is_empty() {
        before = read_levels(request.reference, &texts, &request.text)?;
        after = read_levels(request.current, &texts, &request.text)?;
    }
    let mut levels =
        |name: &String| [&mut before, &mut after].map(|side| side.remove(name).unwrap_or_default());
    // Columns that are not compared by value have only counts. The counts are scaled to the share
    // of the rows that are compared.
    let shares = [0, 1].map(|side: usize| match &chosen[side] {
        Some(chosen) => chosen.len() as f64 / rows[side].max(1) as f64,
        None => 1.0,
    });
    let counts = |rows: [u64; 2]| {
        [0, 1].map(|side: usize| (rows[side] as f64 * shares[side]).round() as u64)
    };
    let rows = counts(rows);
    let pair = |(mine, other): (AnyColumn, AnyColumn)| {
        let unreadable = [mine.unreadable, other.unreadable];
        match (column_kind(&mine, &other), mine.numbers, other.numbers) {
            (Err(reason), ..) => {
                let present = [mine.forms.present(), other.forms.present()];
                ColumnPair::untested(&mine.name, rows, counts(present), reason)
            }
            (Ok(Kind::Number), Some(reference), Some(current)) => {
                let numbers = of_rows([reference, current], chosen);
                ColumnPair::numbers(&mine.name, unreadable, numbers)
            }
            (Ok(Kind::Mixed), ..) => {
                let readable = counts([mine.readable, other.readable]);
                ColumnPair::mixed(&mine.name, rows, readable, counts(unreadable))
            }
            _ => {
                let columns = levels(&mine.name);
                let counted = [0, 1].map(|side: usize| {
                    let column: &LevelColumn = &columns[side];
                    column.levels(chosen[side].as_deref())
                });
                let codes = columns.map(|column| column.codes);
                ColumnPair::categories(&mine.name, counted).with_codes(of_rows(codes, chosen))
            }
        }
    };
    Ok(both.into_iter().map(pair).collect())
}

/// The cells of the chosen rows of both files.
fn of_rows(cells: [Vec<f64>; 2], chosen: &[Option<Vec<usize>>; 2]) -> [Vec<f64>; 2] {
    let [reference, current] = cells;
    let of = |cells: Vec<f64>, chosen: &Option<Vec<usize>>| match chosen {
        Some(rows) => rows.iter().map(|row| cells[*row]).collect(),
        None => cells,
    };
    [of(reference, &chosen[0]), of(current, &chosen[1])]
}

/// The checks of several columns.
pub(crate) struct CheckedColumns {
    /// The worst verdict of all checks.
    pub(crate) verdict: Verdict,
    /// Joint test of all columns.
    pub(crate) joint: Option<JointCheck>,
    /// The columns in their order.
    pub(crate) columns: Vec<ColumnComparison>,
}

/// Checks all columns. The joint test uses the columns for which `is_input` is true.
pub(crate) fn check_columns(
    pairs: Vec<ColumnPair>,
    is_input: impl Fn(&str) -> bool,
) -> CheckedColumns {
    let joint = JointCells::of(&pairs, is_input);
    let n_columns = pairs.len();
    let mut columns = each_in_parallel(pairs, |pair| pair.compare(n_columns));
    correct_and_conclude(&mut columns);
    let joint = joint.and_then(|joint| joint.check(&columns));
    let verdicts = columns.iter().map(|column| column.verdict);
    CheckedColumns {
        verdict: Verdict::worst(verdicts.chain(joint.as_ref().map(|joint| joint.verdict))),
        joint,
        columns,
    }
}

fn columns_missing_in(side: &AnyColumns, other: &AnyColumns) -> Vec<String> {
    let is_there = |name: &String| side.columns.iter().any(|column| column.name == *name);
    let names = other.columns.iter().map(|column| &column.name);
    names.filter(|name| !is_there(name)).cloned().collect()
}

fn compared_file(path: &Path, columns: &AnyColumns, chosen: Option<&[usize]>) -> ComparedFile {
    ComparedFile {
        path: path.to_owned(),
        rows: columns.rows,
        skipped: columns.skipped,
        clients: chosen.map(|rows| rows.len() as u64),
        warnings: columns.warnings.clone(),
    }
}

#[cfg(test)]
mod tests;
