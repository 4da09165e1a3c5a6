//! Chooses the target.

use common::schema::Labels;
use dataset::ColumnSurvey;

use super::labels::{GuessedLabels, Values};
use crate::infer::columns::PooledColumn;
use crate::infer::words::{has, has_any, words};

/// Words for an outcome. The values of a column with such a word are known only afterwards.
const OUTCOMES: &str = "\
    attrited attrition bankrupt bankruptcy canceled cancelled churn churned churner \
    default defaulted delinquent dropout exited fraud fraudulent lapse lapsed left leaver \
    quit resigned terminated bad gekündigt gekuendigt kündigung kuendigung";
/// Words that often name the column to predict.
const TARGETS: &str = "\
    class converted creditability event flag label outcome response result retained risk \
    status subscribed survived target y";
/// Words of columns that describe a client or a contract, such as `marital_status`.
const DESCRIPTIONS: &str = "\
    civil employment family female gender initial male marital married partner sex \
    verification work";
/// A guessed target.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct TargetGuess {
    /// Name of the column.
    pub(super) name: String,
    /// The texts of its labels.
    pub(super) labels: Labels,
    /// Remarks for a person: the reasons for the guess, and what to check.
    pub(super) remarks: Vec<String>,
}

/// How well a column fits as the target; greater is better.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Fit {
    name: NameFit,
    are_two: bool,
    is_last: bool,
    place: usize,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum NameFit {
    /// The name describes a client or a contract.
    Description,
    /// The name gives no hint.
    Unnamed,
    /// One of several words in the name is in `TARGETS`: `loan_status`
    Target,
    /// The name has a word for an outcome, or is a single word of `TARGETS`: `Churn`, `y`
    Outcome,
}

/// A column that may be the target.
struct Candidate<'p> {
    fit: Fit,
    cells: &'p ColumnSurvey,
    labels: GuessedLabels,
    /// Remark about the few cells that hold no label.
    remark: Option<String>,
}

/// Guesses the target among these columns. If no column fits, a few rare values of a column may be
/// typing errors and are left out. `None` if there is still no column that fits.
pub(super) fn guess_target<'p>(
    columns: impl Iterator<Item = &'p PooledColumn>,
) -> Option<TargetGuess> {
    let columns: Vec<&PooledColumn> = columns
        .filter(|column| column.cells.forms.present() > 0)
        .collect();
    best(&columns, |cells| Some((Values::of(cells)?, None))).or_else(|| {
        best(&columns, |cells| {
            let (values, remark) = Values::of(cells)?.without_rare(&cells.name)?;
            Some((values, Some(remark)))
        })
    })
}

/// The best target among the columns. `values_of` returns the values of a column and a remark;
/// `None` if the column cannot be the target.
fn best<'p>(
    columns: &[&'p PooledColumn],
    values_of: impl Fn(&'p ColumnSurvey) -> Option<(Values<'p>, Option<String>)>,
) -> Option<TargetGuess> {
    let mut candidates: Vec<Candidate<'_>> = columns
        .iter()
        .enumerate()
        .filter_map(|(place, column)| {
            let is_last = place + 1 == columns.len();
            let (values, remark) = values_of(&column.cells)?;
            candidate(&column.cells, &values, place, is_last)
                .map(|found| Candidate { remark, ..found })
        })
        .collect();
    candidates.sort_by_key(|candidate| std::cmp::Reverse(candidate.fit));
    let mut candidates = candidates.into_iter();
    let Candidate {
        fit,
        cells,
        labels,
        remark: of_cells,
    } = candidates.next()?;
    let next = candidates.next().map(|candidate| &candidate.cells.name);
    let remark = format!(
        "target: {}, {}; next best: {}",
        cells.name,
        fit.reason(),
        next.map_or("none", String::as_str)
    );
    let (labels, reason) = labels;
    Some(TargetGuess {
        name: cells.name.clone(),
        labels,
        remarks: std::iter::once(remark)
            .chain(reason)
            .chain(of_cells)
            .collect(),
    })
}

/// The column as a target, if its values can be labels. With more than two values, the name must
/// suggest an outcome.
fn candidate<'p>(
    cells: &'p ColumnSurvey,
    values: &Values<'p>,
    place: usize,
    is_last: bool,
) -> Option<Candidate<'p>> {
    let fit = Fit {
        name: name_fit(&cells.name),
        are_two: values.are_two(),
        is_last,
        place,
    };
    if !fit.are_two && fit.name < NameFit::Target {
        return None;
    }
    let labels = values.labels(&cells.name)?;
    Some(Candidate {
        fit,
        cells,
        labels,
        remark: None,
    })
}

impl Fit {
    fn reason(self) -> &'static str {
        match (self.name, self.are_two, self.is_last) {
            (NameFit::Outcome | NameFit::Target, true, _) => "two values and named like an outcome",
            (_, false, _) => "named like an outcome, with several values",
            (_, true, true) => "two values and the last column",
            (_, true, false) => "the last column with two values: a guess",
        }
    }
}

/// Finds a word for an outcome that a column's name shares with the target or its positive label.
/// Words with the same beginning count as shared.
pub(super) fn shared_outcome(target: &str, labels: &Labels, name: &str) -> Option<String> {
    let outcomes = |text: &str| -> Vec<String> {
        let is_outcome = |word: &String| has(OUTCOMES, word);
        words(text).into_iter().filter(is_outcome).collect()
    };
    let known: Vec<String> = [target, labels.name(true)]
        .into_iter()
        .flat_map(outcomes)
        .collect();
    let is_shared = |word: &String| {
        let begins = |other: &String| word.starts_with(other.as_str()) || other.starts_with(word);
        known.iter().any(begins)
    };
    outcomes(name).into_iter().find(is_shared)
}

fn name_fit(name: &str) -> NameFit {
    let words = words(name);
    let is_whole = |list: &str| words.len() == 1 && has_any(&words, list);
    if has_any(&words, OUTCOMES) || is_whole(TARGETS) {
        NameFit::Outcome
    } else if has_any(&words, DESCRIPTIONS) {
        NameFit::Description
    } else if has_any(&words, TARGETS) {
        NameFit::Target
    } else {
        NameFit::Unnamed
    }
}
