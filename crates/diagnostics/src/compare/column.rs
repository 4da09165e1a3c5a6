//! One column of both files, as numbers or as categories.

use dataset::Levels;
use dataset::cell::parse_number;
use serde::{Deserialize, Serialize};

use super::check::{Check, Test, Unit, Verdict};
use super::{ALPHA, LEAST_DISTANCE, LEAST_MISSING, LEAST_VARIATION};
use crate::statistics::{
    ShareTest, SortedColumn, StabilityIndex, Tally, chi_square, contingency_table,
    kolmogorov_smirnov, missingness, normal_scores, pooled, stability_index, sum_of_scores,
    total_variation, wasserstein,
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
    Categories(Kind, [Levels; 2]),
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

    /// A column that is none of numbers on a side at least.
    pub(super) fn categories(name: &str, kind: Kind, levels: [Levels; 2]) -> Self {
        Self {
            name: name.to_owned(),
            // As levels all text can be read.
            unreadable: [0, 0],
            counted: None,
            values: Values::Categories(kind, levels),
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
            Values::Categories(kind, levels) => (
                kind,
                match kind {
                    Kind::Mixed => of_kinds(&levels[0], &levels[1]),
                    Kind::Number | Kind::Category => of_categories(&levels[0], &levels[1]),
                },
                None,
                [&levels[0], &levels[1]].map(|levels| Tally {
                    with: levels.missing,
                    without: levels.counts.values().sum(),
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
    }
}

fn of_numbers(reference: &SortedColumn, current: &SortedColumn) -> Check {
    let test = kolmogorov_smirnov(reference, current);
    Check {
        statistic: test.map(|test| test.statistic),
        p_value: test.map(|test| test.p_value),
        effect: wasserstein(reference, current).map(|distance| distance.normalised),
        ..untested(
            Test::KolmogorovSmirnov,
            Unit::StandardDeviations,
            LEAST_DISTANCE,
        )
    }
}

/// The effect is that of the whole table, the test that of the pooled one.
fn of_categories(reference: &Levels, current: &Levels) -> Check {
    let table = contingency_table(&reference.counts, &current.counts);
    let effect = total_variation(&table);
    let untested = untested(Test::ChiSquare, Unit::TotalVariation, LEAST_VARIATION);
    let (test, statistic, p_value) = match pooled(&table)[..] {
        // A single level that both files have is no difference, and no table to test.
        _ if table.len() == 1 => (Test::ChiSquare, None, effect.map(|_| 1.0)),
        [one, other] => {
            let test = two_levels(one, other);
            let statistic = test.and_then(|test| test.statistic);
            (test_of(statistic), statistic, test.map(|test| test.p_value))
        }
        ref levels => {
            let test = chi_square(levels);
            let statistic = test.map(|test| test.statistic);
            (Test::ChiSquare, statistic, test.map(|test| test.p_value))
        }
    };
    Check {
        test,
        statistic,
        p_value,
        effect,
        ..untested
    }
}

/// Whether as many cells are numbers: of numbers that are all different the levels say nothing.
fn of_kinds(reference: &Levels, current: &Levels) -> Check {
    let [before, after] = [reference, current].map(readable);
    let test = missingness(before, after);
    let statistic = test.and_then(|test| test.statistic);
    Check {
        statistic,
        p_value: test.map(|test| test.p_value),
        effect: test.map(|test| test.moved.abs()),
        ..untested(test_of(statistic), Unit::TotalVariation, LEAST_VARIATION)
    }
}

/// Cells that are numbers, and cells that are other text.
fn readable(levels: &Levels) -> Tally {
    let mut tally = Tally::default();
    for (level, rows) in &levels.counts {
        match parse_number(level.as_bytes()) {
            Ok(_) => tally.with += rows,
            Err(_) => tally.without += rows,
        }
    }
    tally
}

/// A table of two levels can be counted out, however rare one of them is.
fn two_levels(one: [u64; 2], other: [u64; 2]) -> Option<ShareTest> {
    let tally = |side: usize| Tally {
        with: one[side],
        without: other[side],
    };
    missingness(tally(0), tally(1))
}

fn of_missing([reference, current]: [Tally; 2]) -> Check {
    let test = missingness(reference, current);
    let statistic = test.and_then(|test| test.statistic);
    Check {
        statistic,
        p_value: test.map(|test| test.p_value),
        effect: test.map(|test| test.moved),
        ..untested(test_of(statistic), Unit::MissingShare, LEAST_MISSING)
    }
}

/// What was made of a table of two rows and two columns: what was counted out has no statistic.
fn test_of(statistic: Option<f64>) -> Test {
    match statistic {
        Some(_) => Test::ChiSquare,
        None => Test::Fisher,
    }
}

fn untested(test: Test, unit: Unit, least_effect: f64) -> Check {
    Check {
        test,
        statistic: None,
        p_value: None,
        corrected_p_value: None,
        effect: None,
        unit,
        least_effect,
        verdict: Verdict::InsufficientData,
    }
}
