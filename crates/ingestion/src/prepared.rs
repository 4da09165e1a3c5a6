//! The state that an ingestion begins with.

use common::Config;
use common::ledger::Ledger;

use crate::devices::Devices;
use crate::evaluated;

/// The committed ledger after recovery, compared with the deployed release.
pub struct Prepared {
    /// The committed ledger.
    pub ledger: Ledger,
    /// True if the deployed model was fitted to rows that are scattered among rows not yet
    /// evaluated.
    pub has_scattered_evaluated_rows: bool,
    /// True if nothing has been ingested or deployed yet, so every file is new.
    pub is_new_pipeline: bool,
    /// True if finaldata.csv does not hold the committed rows.
    pub(crate) is_damaged: bool,
    /// Device number of each input folder at the last ingestion.
    pub(crate) devices: Devices,
}

impl Prepared {
    /// True if an ingestion must repair the data before rows are evaluated.
    pub fn needs_repair(&self, config: &Config) -> anyhow::Result<bool> {
        Ok(self.has_scattered_evaluated_rows
            || self.is_damaged
            || self.ledger.rebuilding
            || !evaluated::is_intact(&config.layout, &self.ledger)?)
    }
}
