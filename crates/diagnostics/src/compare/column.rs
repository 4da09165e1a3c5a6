//! One column of both files, as numbers or as categories.

use dataset::{AnyColumn, Levels};
use serde::Serialize;

use super::check::{Check, Verdict};
use super::{ALPHA, LEAST_DISTANCE, LEAST_MISSING, LEAST_VARIATION};
use crate::statistics::{
    SortedColumn, StabilityIndex, Tally, chi_square, contingency_table, kolmogorov_smirnov,
    missingness, stability_index, total_variation, wasserstein,
};

/// One column of both files.
#[derive(Clone, Debug, Serialize)]
pub struct ColumnComparison {
    /// Its name.
    pub name: String,
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
    #[serde(skip_serializing_if = "Option::is_none")]
    pub stability: Option<StabilityIndex>,
}

/// What a column is compared as.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Kind {
    /// The values of both files are numbers.
    Number,
    /// The values of both files are other text.
    Category,
    /// One file has numbers, the other does not: compared as categories.
    Mixed,
}

/// A column of both files, reference first.
pub(super) struct ColumnPair<'a> {
    name: &'a str,
    unreadable: [u64; 2],
    values: Values<'a>,
}

enum Values<'a> {
    Numbers {
        rows: [&'a [f64]; 2],
        sorted: [SortedColumn; 2],
    },
    Categories(Kind, [Levels; 2]),
}

/// A column of numbers, by row and in order.
pub(super) struct Numbers<'a> {
    pub(super) name: &'a str,
    pub(super) reference: &'a [f64],
    pub(super) current: &'a [f64],
    /// The current values.
    pub(super) sorted: &'a SortedColumn,
}

impl<'a> ColumnPair<'a> {
    /// A column that both files hold as numbers; `None` when one does not.
    pub(super) fn numbers(reference: &'a AnyColumn, current: &'a AnyColumn) -> Option<Self> {
        let rows = [reference.numbers.as_deref()?, current.numbers.as_deref()?];
        Some(Self {
            name: &reference.name,
            unreadable: [reference.unreadable, current.unreadable],
            values: Values::Numbers {
                sorted: rows.map(SortedColumn::of),
                rows,
            },
        })
    }

    /// Any other column.
    pub(super) fn categories(
        reference: &'a AnyColumn,
        current: &'a AnyColumn,
        levels: [Levels; 2],
    ) -> Self {
        let is_mixed = reference.numbers.is_some() || current.numbers.is_some();
        let kind = if is_mixed {
            Kind::Mixed
        } else {
            Kind::Category
        };
        Self {
            name: &reference.name,
            // As levels all text can be read.
            unreadable: [0, 0],
            values: Values::Categories(kind, levels),
        }
    }

    /// `None` when it is a column of categories.
    pub(super) fn as_numbers(&self) -> Option<Numbers<'_>> {
        match &self.values {
            Values::Numbers { rows, sorted } => Some(Numbers {
                name: self.name,
                reference: rows[0],
                current: rows[1],
                sorted: &sorted[1],
            }),
            Values::Categories(..) => None,
        }
    }

    pub(super) fn compare(&self) -> ColumnComparison {
        let (kind, distribution, stability, tallies) = match &self.values {
            Values::Numbers { sorted, .. } => (
                Kind::Number,
                of_numbers(&sorted[0], &sorted[1]),
                stability_index(&sorted[0], &sorted[1], ALPHA),
                [&sorted[0], &sorted[1]].map(|column| Tally {
                    with: column.missing(),
                    without: column.count(),
                }),
            ),
            Values::Categories(kind, levels) => (
                *kind,
                of_categories(&levels[0], &levels[1]),
                None,
                [&levels[0], &levels[1]].map(|levels| Tally {
                    with: levels.missing,
                    without: levels.counts.values().sum(),
                }),
            ),
        };
        ColumnComparison {
            name: self.name.to_owned(),
            kind,
            unreadable: self.unreadable,
            distribution,
            missing: of_missing(tallies),
            stability,
        }
    }
}

impl ColumnComparison {
    pub(super) fn checks_mut(&mut self) -> [&mut Check; 2] {
        [&mut self.distribution, &mut self.missing]
    }
}

fn of_numbers(reference: &SortedColumn, current: &SortedColumn) -> Check {
    let test = kolmogorov_smirnov(reference, current);
    Check {
        test: "kolmogorov_smirnov",
        statistic: test.map(|test| test.statistic),
        p_value: test.map(|test| test.p_value),
        effect: wasserstein(reference, current).map(|distance| distance.normalised),
        unit: "standard deviations",
        least_effect: LEAST_DISTANCE,
        ..untested()
    }
}

fn of_categories(reference: &Levels, current: &Levels) -> Check {
    let table = contingency_table(&reference.counts, &current.counts);
    let test = chi_square(&table);
    let effect = total_variation(&table);
    Check {
        test: "chi_square",
        statistic: test.map(|test| test.statistic),
        // A single level that both files have is no difference, and no table to test.
        p_value: test.map(|test| test.p_value).or(effect.map(|_| 1.0)),
        effect,
        unit: "total variation",
        least_effect: LEAST_VARIATION,
        ..untested()
    }
}

fn of_missing([reference, current]: [Tally; 2]) -> Check {
    let test = missingness(reference, current);
    let statistic = test.and_then(|test| test.statistic);
    Check {
        test: if statistic.is_some() {
            "chi_square"
        } else {
            "fisher"
        },
        statistic,
        p_value: test.map(|test| test.p_value),
        effect: test.map(|test| test.moved),
        unit: "missing share",
        least_effect: LEAST_MISSING,
        ..untested()
    }
}

fn untested() -> Check {
    Check {
        test: "none",
        statistic: None,
        p_value: None,
        corrected_p_value: None,
        effect: None,
        unit: "",
        least_effect: 0.0,
        verdict: Verdict::InsufficientData,
    }
}
