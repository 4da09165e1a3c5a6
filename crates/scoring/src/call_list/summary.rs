//! What a list holds, in numbers and in words.

use std::fmt;
use std::path::PathBuf;

use common::numbers::{count, counted};
use serde::{Deserialize, Serialize};

use super::band::Band;
use super::clients::SourceRows;

/// Counts of a call list.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct CallListSummary {
    /// The release that predicted.
    pub model_version: String,
    /// Number of clients whose latest row has no label.
    pub clients: u64,
    /// Number of clients by band, the highest risk first, without empty bands.
    pub bands: Vec<BandCount>,
}

/// Number of clients of a band.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct BandCount {
    /// The band.
    pub band: Band,
    /// Number of its clients.
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
    /// Counts bands.
    pub(super) fn of(bands: impl Iterator<Item = Band>) -> Vec<Self> {
        let mut counts = Band::ALL.map(|band| Self { band, clients: 0 });
        for band in bands {
            let count = counts.iter_mut().find(|count| count.band == band);
            count.into_iter().for_each(|count| count.clients += 1);
        }
        let some = counts.into_iter().filter(|count| count.clients > 0);
        some.collect()
    }
}

impl CallListSummary {
    /// The number of clients in each band: `12 high, 88 medium, 300 low`.
    pub fn bands_in_words(&self) -> String {
        let bands = self.bands.iter();
        let bands: Vec<String> = bands
            .map(|BandCount { band, clients }| format!("{} {band}", count(*clients)))
            .collect();
        bands.join(", ")
    }
}

/// One sentence for the report of a run.
impl fmt::Display for CallListSummary {
    fn fmt(&self, to: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            to,
            "{} without a label: {} risk (riskranking.csv)",
            counted(self.clients, "client"),
            self.bands_in_words()
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
        match list.bands_in_words() {
            none if none.is_empty() => writeln!(to)?,
            bands => writeln!(to, ": {bands}")?,
        }
        writeln!(to, "model          release {}", list.model_version)?;
        writeln!(to, "call list      {}", file.display())
    }
}
