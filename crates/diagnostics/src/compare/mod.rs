//! Two files held against each other: which columns have drifted, and what the predictions in the
//! second are probably worth.
//!
//! Files of anybody: no schema, no model and no history is asked for. A column that both files
//! hold as numbers is compared as numbers, one that neither does as categories, and one that only
//! one of them does by how many cells are numbers; the client's name is left out.

mod check;
mod column;
mod joint;
mod making;
mod performance;
mod text;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use common::{Failure, Schema};
use dataset::{AnyColumn, AnyColumns, count_levels, each_in_parallel, read_columns};
use serde::Serialize;

use self::check::correct;
use self::column::{Scores, Values};
use self::joint::joint_check;
use crate::statistics::PresentTogether;

pub use self::check::{Check, Method, Test, Unit, Verdict};
pub(crate) use self::column::ColumnPair;
pub use self::column::{ColumnComparison, Kind};
pub use self::joint::JointCheck;
pub use self::performance::{Performance, Realised};

/// Chance of a false alarm of a whole comparison of files that have not drifted, as far as the
/// tests' approximations hold. Half of it is the joint test's, half that of all others together.
pub const ALPHA: f64 = 0.01;
/// A corrected p-value of a column's check below it, or a p-value of the joint test, is drift.
pub const CHECK_LEVEL: f64 = ALPHA / 2.0;
/// A distribution that has moved by fewer standard deviations has not drifted, whatever its p:
/// large samples must not alarm over trifles.
pub const LEAST_DISTANCE: f64 = 0.1;
/// The same for the share of missing values.
pub const LEAST_MISSING: f64 = 0.02;
/// The same for the total variation of categories, beyond what chance makes of so many levels and
/// rows.
pub const LEAST_VARIATION: f64 = 0.05;

/// What is compared.
#[derive(Clone, Copy, Debug)]
pub struct Request<'a> {
    /// The file that is taken as it should be.
    pub reference: &'a Path,
    /// The file that may have drifted.
    pub current: &'a Path,
    /// Columns of probability and prediction, where they are to be judged.
    pub answers: Option<Answers<'a>>,
}

/// The columns that hold a model's answers.
#[derive(Clone, Copy, Debug)]
pub struct Answers<'a> {
    /// Probability of class 1, 0 to 1.
    pub probability: &'a str,
    /// Predicted class, 0 or 1.
    pub prediction: &'a str,
}

/// Two files held against each other.
#[derive(Clone, Debug, Serialize)]
pub struct ComparisonReport {
    /// The worst of what was found.
    pub verdict: Verdict,
    /// The file that is taken as it should be.
    pub reference: ComparedFile,
    /// The file that may have drifted.
    pub current: ComparedFile,
    /// All columns of numbers at once; `None` where there is nothing to test.
    pub joint: Option<JointCheck>,
    /// The columns of both files, in the reference's order.
    pub columns: Vec<ColumnComparison>,
    /// Columns that the current file lacks.
    pub only_in_reference: Vec<String>,
    /// Columns that the reference lacks.
    pub only_in_current: Vec<String>,
    /// What the predictions are worth, where that was asked for.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub performance: Option<Performance>,
}

/// A file that was compared.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct ComparedFile {
    /// Where it is.
    pub path: PathBuf,
    /// Rows.
    pub rows: u64,
    /// Rows that were left out, because they have more or fewer fields than the header.
    pub skipped: u64,
    /// What somebody should look at.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub warnings: Vec<String>,
}

/// Compares two files; `schema` names the client's column and the target.
pub fn compare(request: &Request<'_>, schema: &Schema) -> anyhow::Result<ComparisonReport> {
    let read = |path| read_columns(path, &schema.id, &schema.target);
    let (reference, current) = (read(request.reference)?, read(request.current)?);
    let performance = match request.answers {
        Some(answers) => Some(performance::judge(
            answers,
            &schema.target,
            &reference,
            &current,
        )?),
        None => None,
    };
    let only_in_reference = missing_from(&current, &reference);
    let only_in_current = missing_from(&reference, &current);
    let files = [
        compared(request.reference, &reference),
        compared(request.current, &current),
    ];
    let pairs = pairs(request, reference, current)?;
    if pairs.is_empty() {
        return Err(Failure::data("the two files have no column in common to compare").into());
    }
    let is_input = |name: &str| {
        let answers = request
            .answers
            .map(|found| [found.probability, found.prediction]);
        name != schema.target && !answers.is_some_and(|names| names.contains(&name))
    };
    let Checked {
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

/// The columns of both files.
fn pairs(
    request: &Request<'_>,
    reference: AnyColumns,
    current: AnyColumns,
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
        |(mine, other): &&(AnyColumn, AnyColumn)| kind(mine, other) == Kind::Category;
    let texts: Vec<&str> = both
        .iter()
        .filter(are_categories)
        .map(|(mine, _)| mine.name.as_str())
        .collect();
    let (mut before, mut after) = (BTreeMap::new(), BTreeMap::new());
    if !texts.is_empty() {
        before = count_levels(request.reference, &texts)?;
        after = count_levels(request.current, &texts)?;
    }
    let mut levels =
        |name: &String| [&mut before, &mut after].map(|side| side.remove(name).unwrap_or_default());
    let pair = |(mine, other): (AnyColumn, AnyColumn)| {
        let unreadable = [mine.unreadable, other.unreadable];
        match (kind(&mine, &other), mine.numbers, other.numbers) {
            (Kind::Number, Some(reference), Some(current)) => {
                ColumnPair::numbers(&mine.name, unreadable, [reference, current])
            }
            (Kind::Mixed, ..) => {
                let readable = [mine.readable, other.readable];
                ColumnPair::mixed(&mine.name, rows, readable, unreadable)
            }
            _ => ColumnPair::categories(&mine.name, levels(&mine.name)),
        }
    };
    Ok(both.into_iter().map(pair).collect())
}

/// What two columns are compared as: one without any value is of the other's kind.
fn kind(mine: &AnyColumn, other: &AnyColumn) -> Kind {
    match (&mine.numbers, &other.numbers) {
        (Some(_), Some(_)) => Kind::Number,
        (Some(_), None) if mine.readable > 0 => Kind::Mixed,
        (None, Some(_)) if other.readable > 0 => Kind::Mixed,
        _ => Kind::Category,
    }
}

/// All checks of some columns.
pub(crate) struct Checked {
    /// The worst of them.
    pub(crate) verdict: Verdict,
    /// All columns of numbers at once.
    pub(crate) joint: Option<JointCheck>,
    /// The columns in their order.
    pub(crate) columns: Vec<ColumnComparison>,
}

/// Makes all checks; the joint one of the columns of numbers that go into a model.
pub(crate) fn check_columns(pairs: Vec<ColumnPair>, is_input: impl Fn(&str) -> bool) -> Checked {
    let inputs = pairs.iter().filter(|pair| is_input(&pair.name));
    let currents: Vec<&[f64]> = inputs
        .filter_map(|pair| match &pair.values {
            Values::Numbers([_, current]) => Some(current.as_slice()),
            Values::Categories(..) | Values::Kinds(..) => None,
        })
        .collect();
    let together = PresentTogether::of(&currents);
    let (mut columns, scores): (Vec<ColumnComparison>, Vec<Option<Scores>>) =
        each_in_parallel(pairs, ColumnPair::compare)
            .into_iter()
            .unzip();
    correct(columns.iter_mut().flat_map(ColumnComparison::checks_mut));
    columns.iter_mut().for_each(ColumnComparison::conclude);
    let inputs = columns.iter().zip(scores);
    let (tested, scores): (Vec<&ColumnComparison>, Vec<Scores>) = inputs
        .filter_map(|(column, scores)| Some((column, scores?)))
        .filter(|(column, _)| is_input(&column.name))
        .unzip();
    let joint = joint_check(&tested, scores, together);
    let verdicts = columns.iter().map(|column| column.verdict);
    Checked {
        verdict: Verdict::worst(verdicts.chain(joint.as_ref().map(|joint| joint.verdict))),
        joint,
        columns,
    }
}

fn missing_from(side: &AnyColumns, other: &AnyColumns) -> Vec<String> {
    let is_there = |name: &String| side.columns.iter().any(|column| column.name == *name);
    let names = other.columns.iter().map(|column| &column.name);
    names.filter(|name| !is_there(name)).cloned().collect()
}

fn compared(path: &Path, columns: &AnyColumns) -> ComparedFile {
    ComparedFile {
        path: path.to_owned(),
        rows: columns.rows,
        skipped: columns.skipped,
        warnings: columns.warnings.clone(),
    }
}

#[cfg(test)]
mod tests;
