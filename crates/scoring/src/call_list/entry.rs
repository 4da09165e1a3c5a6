//! One line of the call list, and the columns of its file.

use std::borrow::Cow;

use dataset::{guarded, shortest, unguarded};
use schemars::JsonSchema;
use serde::Serialize;

use super::band::Band;

/// Maximum number of reasons of a client.
pub const MAX_REASONS: usize = 4;

/// The columns of the file, in their order.
pub const COLUMNS: [&str; 12] = [
    "rank",
    "id",
    "probability",
    "band",
    "expected_value",
    "in_capacity",
    "hold_out",
    "reason_1",
    "reason_2",
    "reason_3",
    "reason_4",
    "model_version",
];

/// A client on the call list. In JSON, a value that is not configured is `null`.
#[derive(Clone, Debug, PartialEq, Serialize, JsonSchema)]
#[schemars(rename = "Risk")]
pub struct RankedClient {
    /// Place in the list, counted from 1.
    pub rank: u64,
    /// Id of the client; the number of its row where rows have no id.
    pub id: String,
    /// Probability of the positive label, 0 to 1.
    #[schemars(range(min = 0, max = 1))]
    pub probability: f64,
    /// Band of the probability.
    pub band: Band,
    /// Expected value of calling the client; `None` if no value is configured, or if the client's
    /// value is missing.
    pub expected_value: Option<f64>,
    /// True if the client should be called; `None` if no capacity, no value and no held-out share is
    /// configured.
    pub in_capacity: Option<bool>,
    /// True if the client is held out: it would be called otherwise, and shows whether calls work.
    /// `None` if no share is held out.
    pub hold_out: Option<bool>,
    /// Largest contributions to the log-odds in words, the largest first.
    #[schemars(length(max = MAX_REASONS))]
    pub reasons: Vec<String>,
    /// Number of the release that made the prediction.
    pub model_version: String,
}

impl RankedClient {
    /// The fields of the client's line, written so that a spreadsheet takes none for a formula.
    pub fn fields(&self) -> Vec<String> {
        let reason = |place: usize| self.reasons.get(place).map_or("", String::as_str);
        let mut fields = vec![
            self.rank.to_string(),
            guarded(&self.id).into_owned(),
            shortest(self.probability),
            self.band.name().into_owned(),
            self.expected_value.map(shortest).unwrap_or_default(),
            flag(self.in_capacity),
            flag(self.hold_out),
        ];
        fields.extend((0..MAX_REASONS).map(|place| guarded(reason(place)).into_owned()));
        fields.push(self.model_version.clone());
        fields
    }

    /// Reads a client from the cells of its line, in the order of [`COLUMNS`]. `None` if a cell
    /// cannot be read, or has a value that no call list has.
    pub(super) fn of_cells(cells: &[Cow<'_, str>; COLUMNS.len()]) -> Option<Self> {
        let [
            rank,
            id,
            probability,
            band,
            expected_value,
            in_capacity,
            hold_out,
            reasons @ ..,
            model_version,
        ] = cells;
        let reasons: &[Cow<'_, str>; MAX_REASONS] = reasons;
        let reasons = reasons.iter().filter(|reason| !reason.is_empty());
        Some(Self {
            rank: rank.parse().ok().filter(|rank| *rank > 0)?,
            id: unguarded(id).to_owned(),
            probability: finite(probability).filter(|it| (0.0..=1.0).contains(it))?,
            band: Band::of_name(band)?,
            expected_value: optional(expected_value, finite)?,
            in_capacity: optional(in_capacity, |cell| cell.parse().ok())?,
            hold_out: optional(hold_out, |cell| cell.parse().ok())?,
            reasons: reasons.map(|it| unguarded(it).to_owned()).collect(),
            model_version: model_version.clone().into_owned(),
        })
    }
}

fn finite(cell: &str) -> Option<f64> {
    cell.parse().ok().filter(|number: &f64| number.is_finite())
}

/// The value of a cell that may be empty; `None` if it cannot be read.
fn optional<T>(cell: &str, read: impl FnOnce(&str) -> Option<T>) -> Option<Option<T>> {
    match cell {
        "" => Some(None),
        cell => read(cell).map(Some),
    }
}

fn flag(flag: Option<bool>) -> String {
    flag.map(|it| it.to_string()).unwrap_or_default()
}
