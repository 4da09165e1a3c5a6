//! Warnings about files that repeat rows of earlier files. They matter where equal rows count as
//! different rows (`ingestion.deduplicate: false`).

use std::collections::HashSet;

use common::Config;
use common::numbers::{count, counted};
use dataset::read_final_data;

use crate::ingested::Ingested;

/// Minimum share of repeated rows for a warning. A smaller share is a note: they may be different
/// clients with the same values.
const MIN_WARNED_SHARE: f64 = 0.1;

/// Notes for each appended file how many of its rows are also in earlier files. Reads
/// finaldata.csv.
///
/// After a rebuild nothing is compared, because the order of the rows has changed. Files that
/// arrive with a rebuild are not compared either.
pub(crate) fn note_overlaps(config: &Config, ingested: &mut Ingested) -> anyhow::Result<()> {
    let Ingested { report, ledger, .. } = ingested;
    if config.ingestion.deduplicate || report.rebuilt.is_some() || report.rows.kept == 0 {
        return Ok(());
    }
    // Rows without an id have the hash of their content instead of the client's hash.
    let mut known = HashSet::new();
    let mut appended = Vec::new();
    let mut n_earlier = ledger.rows.saturating_sub(report.rows.kept);
    read_final_data(config, ledger, None, |rows| {
        for row in &rows.clients {
            if n_earlier > 0 {
                known.insert(*row);
                n_earlier -= 1;
            } else {
                appended.push(*row);
            }
        }
        Ok(())
    })?;
    let mut new = &appended[..];
    for file in &mut report.files {
        let rows = usize::try_from(file.rows.kept).unwrap_or(usize::MAX);
        let (own, others) = new.split_at(rows.min(new.len()));
        new = others;
        let repeated = own.iter().filter(|row| known.contains(row)).count();
        known.extend(own);
        if repeated == 0 {
            continue;
        }
        let message = format!(
            "{} of its {} are in earlier files, too; they count again, because ingestion.deduplicate is false",
            count(repeated),
            counted(rows, "row")
        );
        if repeated as f64 >= MIN_WARNED_SHARE * rows as f64 {
            file.warnings.push(message);
        } else {
            file.notes.push(message);
        }
    }
    Ok(())
}
