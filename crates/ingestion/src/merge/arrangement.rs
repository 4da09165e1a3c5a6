//! The order of the rows in a file that is laid anew: those that were judged stand in front.

use common::ledger::{Ledger, RebuildBase};
use common::{Failure, Manifest};
use dataset::{Fingerprint, FingerprintSet};

use super::Merge;
use crate::append_state;
use crate::judged::each_judged;
use crate::lay::{Laid, Order, Planned, Stopped};
use crate::look::Look;
use crate::memory::Memory;

/// How a file that is laid anew is ordered, and what the ledger keeps of it.
pub(super) struct Arrangement {
    pub(super) base: RebuildBase,
    pub(super) judged: FingerprintSet,
    /// Judged rows that the state folder does not hold yet.
    pub(super) newly_judged: Vec<Fingerprint>,
}

impl Merge<'_> {
    /// The order that the ledger recorded.
    pub(super) fn as_recorded(&self, ledger: &Ledger) -> anyhow::Result<Arrangement> {
        Ok(Arrangement {
            base: ledger.base,
            judged: self.judged(ledger.base.judged_fingerprints)?,
            newly_judged: Vec::new(),
        })
    }

    /// The rows judged by now, those that the live model was fitted to included.
    pub(super) fn judged_first(
        &self,
        ledger: &Ledger,
        planned: &[Planned],
    ) -> Result<Arrangement, Stopped> {
        let mut judged = self.judged(ledger.judged_fingerprints)?;
        let mut newly_judged = Vec::new();
        for (position, file) in planned.iter().enumerate() {
            if self.is_fitted(file.sha256.as_deref()) {
                let new = self.reading().add_to(&mut judged, file, position)?;
                newly_judged.extend(new);
            }
        }
        Ok(Arrangement {
            base: RebuildBase {
                files: planned.len(),
                judged_fingerprints: ledger.judged_fingerprints + newly_judged.len() as u64,
            },
            judged,
            newly_judged,
        })
    }

    pub(super) fn lay_anew(
        &self,
        ledger: &Ledger,
        found: &Look,
        planned: &[Planned],
        arrangement: &Arrangement,
    ) -> Result<Laid, Stopped> {
        if let Some(held_up) = found.held_up(ledger) {
            return Err(Stopped::Failed(
                Failure::input_output(format!(
                    "finaldata.csv has to be made anew, but an ingested file cannot be read now: {held_up}; nothing was changed, the next run tries again"
                ))
                .into(),
            ));
        }
        let order = Order {
            files: arrangement.base.files,
            judged: &arrangement.judged,
        };
        self.reading()
            .lay_anew(planned, &order)
            .inspect_err(|_| append_state::sweep(&self.config.layout))
    }

    /// The first `count` rows that were judged.
    fn judged(&self, count: u64) -> anyhow::Result<FingerprintSet> {
        let layout = &self.config.layout;
        let memory = Memory::of(&self.config.ingestion);
        let mut judged = memory.judged(layout);
        each_judged(layout, count, memory.pending() / 4, |rows| {
            judged.add(rows).map(|_| ())
        })?;
        Ok(judged)
    }

    /// The rows that were judged, if not all of them stand in front; where they do, a row that is
    /// not there was not judged.
    pub(super) fn judged_elsewhere(&self, ledger: &Ledger) -> anyhow::Result<FingerprintSet> {
        let is_elsewhere = ledger.judged_fingerprints != ledger.judged_rows;
        self.judged(if is_elsewhere {
            ledger.judged_fingerprints
        } else {
            0
        })
    }

    /// Whether the live model was fitted to this content; while one is live, each file's is known.
    pub(super) fn is_fitted(&self, sha256: Option<&str>) -> bool {
        let is_this = |live: &Manifest| {
            let mut fitted = live.data.files.iter().map(|file| file.sha256.as_str());
            fitted.any(|fitted| Some(fitted) == sha256)
        };
        self.live.is_some_and(is_this)
    }
}
