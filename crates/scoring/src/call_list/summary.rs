//! Counts of a call list, as numbers and as text.

use std::collections::BTreeMap;
use std::fmt;
use std::path::PathBuf;

use common::numbers::{amount, count, counted, level};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::band::Band;
use super::clients::SourceRows;
use super::worth::ExpectedValue;

/// Counts of a call list.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct CallListSummary {
    /// Number of the release that made the predictions.
    pub model_version: String,
    /// Number of clients whose latest row has no label.
    pub clients: u64,
    /// Number of clients by band, the highest risk first, without empty bands.
    pub bands: Vec<BandCount>,
    /// Number of clients to be called; `None` if no capacity, no value and no held-out share is
    /// configured.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub in_capacity: Option<u64>,
    /// Number of clients that are held out; `None` if no share is held out.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub held_out: Option<u64>,
    /// Expected value of the calls; `None` if no value is configured.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub expected_value: Option<ExpectedValue>,
}

/// Number of clients of a band.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct BandCount {
    /// The band.
    pub band: Band,
    /// Number of clients in this band.
    pub clients: u64,
}

/// Result of the command `scoring --rank`.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct RankReport {
    /// The file of the list.
    pub file: PathBuf,
    /// The rows that the clients were taken from.
    pub rows: SourceRows,
    /// Counts of the list.
    pub list: CallListSummary,
}

impl BandCount {
    /// Counts the clients of each band.
    pub(super) fn of(bands: impl Iterator<Item = Band>) -> Vec<Self> {
        let mut counts: BTreeMap<Band, u64> = BTreeMap::new();
        for band in bands {
            *counts.entry(band).or_default() += 1;
        }
        let counts = counts.into_iter();
        counts
            .map(|(band, clients)| Self { band, clients })
            .collect()
    }
}

impl CallListSummary {
    /// The number of clients in each band: `12 high, 88 medium, 300 low`.
    pub fn bands_in_words(&self) -> String {
        let bands = self.bands.iter();
        let bands: Vec<String> = bands
            .map(|BandCount { band, clients }| {
                format!("{} {}", count(*clients), band.name().replace('_', " "))
            })
            .collect();
        bands.join(", ")
    }
}

/// One sentence for the report of a run.
impl fmt::Display for CallListSummary {
    fn fmt(&self, to: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            to,
            "{} without a label: {}",
            counted(self.clients, "client"),
            self.bands_in_words()
        )?;
        if let Some(to_call) = self.in_capacity {
            write!(to, "; {} to call", count(to_call))?;
        }
        if let Some(held_out) = self.held_out {
            write!(to, ", {} held out", count(held_out))?;
        }
        if let Some(value) = &self.expected_value {
            write!(to, "; {value}")?;
        }
        to.write_str(" (riskranking.csv)")
    }
}

/// The break-even probability, with the cost, save rate and value that it is computed from.
impl fmt::Display for ExpectedValue {
    fn fmt(&self, to: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.break_even {
            Some(probability) if probability <= 1.0 => {
                write!(to, "break-even at probability {}", level(probability))?;
            }
            _ if self.value.is_none() => to.write_str("no client has a value")?,
            _ => to.write_str("calling a client of median value does not pay")?,
        }
        let value = self.value.map_or("missing".into(), amount);
        write!(
            to,
            " (cost {}, save rate {}, value {value})",
            amount(self.cost),
            level(self.save_rate)
        )
    }
}

impl fmt::Display for RankReport {
    fn fmt(&self, to: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { file, rows, list } = self;
        write!(to, "rows           {}", count(rows.rows))?;
        writeln!(to, ", {} with a label", count(rows.labelled))?;
        if rows.rejected > 0 {
            writeln!(to, "rejected       {}", counted(rows.rejected, "row"))?;
        }
        write!(to, "clients        {} without a label", count(list.clients))?;
        match list.bands.is_empty() {
            true => writeln!(to)?,
            false => writeln!(to, ": {}", list.bands_in_words())?,
        }
        if let Some(to_call) = list.in_capacity {
            write!(to, "to call        {}", counted(to_call, "client"))?;
            match list.held_out {
                Some(held_out) => writeln!(to, ", {} held out", count(held_out))?,
                None => writeln!(to)?,
            }
        }
        if let Some(value) = &list.expected_value {
            writeln!(
                to,
                "expected       {} in total; {value}",
                amount(value.total)
            )?;
        }
        writeln!(to, "model          release {}", list.model_version)?;
        writeln!(to, "call list      {}", file.display())
    }
}
