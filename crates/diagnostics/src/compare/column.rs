//! One column of both files, as numbers or as categories.

use dataset::Levels;
use serde::{Deserialize, Serialize};

use super::ALPHA;
use super::check::{Check, Verdict};
use super::making::{of_categories, of_kinds, of_missing, of_numbers};
use super::text::sentence;
use crate::statistics::{
    SortedColumn, StabilityIndex, Tally, normal_scores, stability_index, sum_of_scores,
};

/// One column of both files.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ColumnComparison {
    /// Its name.
    pub name: String,
    /// The worst of its checks.
    pub verdict: Verdict,
    /// What it was compared as.
    pub kind: Kind,
    /// Cells of reference and current file that hold other text in a column of numbers; they count as
    /// missing.
    pub unreadable: [u64; 2],
    /// Whether its values are distributed alike.
    pub distribution: Check,
    /// Whether as many values are missing.
    pub missing: Check,
    /// The stability index of numbers, which decides nothing.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub stability: Option<StabilityIndex>,
}

/// What a column is compared as.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Kind {
    /// The values of both files are numbers.
    Number,
    /// The values of both files are other text.
    Category,
    /// One file has numbers, the other does not: compared by the share of cells that are numbers.
    Mixed,
}

/// A column of both sides, reference first.
pub(crate) struct ColumnPair {
    pub(super) name: String,
    unreadable: [u64; 2],
    /// The reference's missing and present values, where its cells are a sample.
    counted: Option<Tally>,
    pub(super) values: Values,
}

/// The cells of a column.
pub(super) enum Values {
    /// By row, NaN for a missing one.
    Numbers([Vec<f64>; 2]),
    Categories([Levels; 2]),
    /// Cells that are numbers and cells that are other text, and how many are missing.
    Kinds([Tally; 2], [u64; 2]),
}

/// What a comparison of two columns of numbers leaves for the joint test.
pub(super) struct Scores {
    /// The reference's normal scores by row.
    pub(super) reference: Vec<f64>,
    /// In how many rows the reference has its most frequent value.
    pub(super) commonest: u64,
    /// The sum of the current values' scores.
    pub(super) sum: f64,
}

impl ColumnPair {
    /// A column of numbers on both sides.
    pub(crate) fn numbers(name: &str, unreadable: [u64; 2], numbers: [Vec<f64>; 2]) -> Self {
        Self {
            name: name.to_owned(),
            unreadable,
            counted: None,
            values: Values::Numbers(numbers),
        }
    }

    /// A column that is none of numbers.
    pub(crate) fn categories(name: &str, levels: [Levels; 2]) -> Self {
        Self {
            name: name.to_owned(),
            // As levels all text can be read.
            unreadable: [0, 0],
            counted: None,
            values: Values::Categories(levels),
        }
    }

    /// A column of numbers on one side only: of numbers that are all different the levels say
    /// nothing, so it is held against the other by how many cells are numbers.
    pub(super) fn mixed(
        name: &str,
        rows: [u64; 2],
        readable: [u64; 2],
        unreadable: [u64; 2],
    ) -> Self {
        let tallies = [0, 1].map(|side| Tally {
            with: readable[side],
            without: unreadable[side],
        });
        let missing = [0, 1].map(|side| rows[side].saturating_sub(tallies[side].rows()));
        Self {
            name: name.to_owned(),
            unreadable: [0, 0],
            counted: None,
            values: Values::Kinds(tallies, missing),
        }
    }

    /// With the missing values of the rows that the reference's cells are a sample of.
    pub(crate) fn with_missing(self, counted: Tally) -> Self {
        Self {
            counted: Some(counted),
            ..self
        }
    }

    /// Holds both sides against each other; scores there are for numbers.
    pub(super) fn compare(self) -> (ColumnComparison, Option<Scores>) {
        let (kind, distribution, stability, tallies, scores) = match self.values {
            Values::Numbers([reference, current]) => {
                let (reference, scores) = normal_scores(reference);
                let current = SortedColumn::from(current);
                (
                    Kind::Number,
                    of_numbers(&reference, &current),
                    stability_index(&reference, &current, ALPHA),
                    [&reference, &current].map(|column| Tally {
                        with: column.missing(),
                        without: column.count(),
                    }),
                    Some(Scores {
                        reference: scores,
                        commonest: reference.commonest(),
                        sum: sum_of_scores(&reference, &current),
                    }),
                )
            }
            Values::Categories(levels) => (
                Kind::Category,
                of_categories(&levels[0], &levels[1]),
                None,
                [&levels[0], &levels[1]].map(|levels| Tally {
                    with: levels.missing,
                    without: levels.rows(),
                }),
                None,
            ),
            Values::Kinds(kinds, missing) => (
                Kind::Mixed,
                of_kinds(kinds),
                None,
                [0, 1].map(|side| Tally {
                    with: missing[side],
                    without: kinds[side].rows(),
                }),
                None,
            ),
        };
        let tallies = [self.counted.unwrap_or(tallies[0]), tallies[1]];
        let comparison = ColumnComparison {
            name: self.name,
            verdict: Verdict::InsufficientData,
            kind,
            unreadable: self.unreadable,
            distribution,
            missing: of_missing(tallies),
            stability,
        };
        (comparison, scores)
    }
}

impl ColumnComparison {
    pub(super) fn checks_mut(&mut self) -> [&mut Check; 2] {
        [&mut self.distribution, &mut self.missing]
    }

    /// What follows from its checks, once they are judged.
    pub(super) fn conclude(&mut self) {
        self.verdict = Verdict::worst([self.distribution.verdict, self.missing.verdict]);
        for check in [&mut self.distribution, &mut self.missing] {
            check.sentence = sentence(&self.name, check);
        }
    }
}
