//! Test cases from `testdata/statistics.json`.

use serde_json::Value;

use super::{SortedColumn, Tally};

/// One test case.
#[derive(Debug)]
pub(super) struct Case(Value);

/// Reads the test cases of one kind.
pub(super) fn cases(kind: &str) -> Vec<Case> {
    let text = include_str!("../../testdata/statistics.json");
    let mut all: Value = serde_json::from_str(text).expect("JSON");
    let cases = match all[kind].take() {
        Value::Array(cases) => cases,
        other => panic!("{kind}: {other}"),
    };
    assert!(!cases.is_empty(), "{kind}");
    cases.into_iter().map(Case).collect()
}

/// Asserts that a result has the expected value, within a relative tolerance.
pub(super) fn assert_close(found: Option<f64>, wanted: f64, tolerance: f64, case: &Case) {
    let found = found.unwrap_or(f64::NAN);
    let is_close = (found - wanted).abs() <= tolerance * wanted.abs() + f64::MIN_POSITIVE;
    assert!(is_close, "{}: {found:e} for {wanted:e}", case.name());
}

impl Case {
    pub(super) fn name(&self) -> &Value {
        &self.0["name"]
    }

    pub(super) fn text(&self, name: &str) -> &str {
        self.0[name].as_str().unwrap_or_else(|| panic!("{name}"))
    }

    pub(super) fn number(&self, name: &str) -> f64 {
        number(&self.0[name])
    }

    pub(super) fn optional(&self, name: &str) -> Option<f64> {
        self.0[name].as_f64()
    }

    pub(super) fn count(&self, name: &str) -> usize {
        self.0[name].as_u64().unwrap_or_else(|| panic!("{name}")) as usize
    }

    pub(super) fn numbers(&self, name: &str) -> Vec<f64> {
        numbers(&self.0[name])
    }

    pub(super) fn matrix(&self, name: &str) -> Vec<Vec<f64>> {
        list(&self.0[name]).iter().map(numbers).collect()
    }

    /// Sorted columns of reference and batch, for a case with two samples.
    pub(super) fn sorted(&self) -> (SortedColumn, SortedColumn) {
        let of = |name| SortedColumn::of(&self.numbers(name));
        (of("reference"), of("current"))
    }

    /// Contingency table: a row for each level, with the counts of reference and batch.
    pub(super) fn table(&self) -> Vec<[u64; 2]> {
        let levels = list(&self.0["table"]);
        let count = |level: &Value, side: usize| level[side].as_u64().expect("a count");
        levels
            .iter()
            .map(|level| [count(level, 0), count(level, 1)])
            .collect()
    }

    /// Counts of reference and batch, for a case with a 2×2 table.
    pub(super) fn tallies(&self) -> (Tally, Tally) {
        let table = self.table();
        let of = |side: usize| Tally {
            with: table[0][side],
            without: table[1][side],
        };
        (of(0), of(1))
    }
}

fn list(value: &Value) -> &Vec<Value> {
    value
        .as_array()
        .unwrap_or_else(|| panic!("no list: {value}"))
}

/// Reads numbers; `null` is a missing value.
fn numbers(value: &Value) -> Vec<f64> {
    list(value)
        .iter()
        .map(|entry| {
            if entry.is_null() {
                f64::NAN
            } else {
                number(entry)
            }
        })
        .collect()
}

fn number(value: &Value) -> f64 {
    value
        .as_f64()
        .unwrap_or_else(|| panic!("no number: {value}"))
}
