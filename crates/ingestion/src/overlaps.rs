//! Overlaps of files whose equal rows all count (`ingestion.deduplicate: false`).

use std::collections::HashSet;

use common::Config;
use dataset::read_final_data;

use crate::ingested::Ingested;

/// Share of a file's rows from which on equal rows of earlier files are a warning. With fewer they
/// may be different clients with the same values.
const MIN_WARNED_SHARE: f64 = 0.1;

/// Says of each appended file how many of its rows earlier files have, too. Reads finaldata.csv.
///
/// A rebuild says nothing: its files were compared when they were new.
pub(crate) fn note_overlaps(config: &Config, ingested: &mut Ingested) -> anyhow::Result<()> {
    let Ingested { report, ledger, .. } = ingested;
    if config.ingestion.deduplicate || report.rebuilt.is_some() || report.rows.kept == 0 {
        return Ok(());
    }
    // Rows without an id have the hash of their content in place of the client's.
    let mut contents = Vec::new();
    read_final_data(config, ledger, None, |rows| {
        contents.extend_from_slice(&rows.clients);
        Ok(())
    })?;
    let appended = usize::try_from(report.rows.kept).unwrap_or(usize::MAX);
    let (earlier, mut new) = contents.split_at(contents.len().saturating_sub(appended));
    let mut known: HashSet<u64> = earlier.iter().copied().collect();
    for file in &mut report.files {
        let rows = usize::try_from(file.rows.kept).unwrap_or(usize::MAX);
        let (own, others) = new.split_at(rows.min(new.len()));
        new = others;
        let repeated = own.iter().filter(|row| known.contains(row)).count();
        known.extend(own);
        if repeated == 0 {
            continue;
        }
        let said = format!(
            "{repeated} of its {rows} rows are equal to rows of earlier files; they count again, because ingestion.deduplicate is false"
        );
        if repeated as f64 >= MIN_WARNED_SHARE * rows as f64 {
            file.warnings.push(said);
        } else {
            file.notes.push(said);
        }
    }
    Ok(())
}
