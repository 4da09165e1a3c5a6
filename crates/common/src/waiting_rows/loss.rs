//! What the history knows of the table, and the loss of the table.
//!
//! The history has the digest of the table after its last change. The table is committed first, and names
//! the digest before. So a table is the right one if the history has its digest. It is also the right one
//! if the history has the digest before, because a program may be killed between the two commits. Any other
//! table is lost: it is an older copy, or something other than a run changed it.

use std::fmt;
use std::path::Path;

use anyhow::Context;
use serde::{Deserialize, Serialize};

use super::WaitingRows;
use crate::history::{is_damage, with_suffix};
use crate::{Failure, History, Layout, clock, files};

/// The history document of [`Known`].
const KNOWN: &str = "digest of the waiting rows";
/// The history document with a loss that no run has reported yet.
const LOSS: &str = "loss of the waiting rows";

/// What the history knows of the table.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Known {
    /// Digest of the table. Another text if there is no table.
    pub(super) digest: String,
    /// Number of its rows.
    pub(super) rows: u64,
}

impl Known {
    /// `None` until a program has written it, as in a history of an older program.
    pub(super) fn load(history: &History) -> anyhow::Result<Option<Self>> {
        Ok(history.document(KNOWN)?.flatten())
    }

    /// No table, because it was lost just now.
    fn after_loss() -> Self {
        Self {
            // No other table names this text as its former digest.
            digest: format!("lost at {}", clock::now()),
            rows: 0,
        }
    }

    pub(super) fn save(&self, history: &History) -> anyhow::Result<()> {
        history.save_document(KNOWN, self)
    }
}

/// Error: the table does not have the rows that were written to it.
///
/// [`WaitingRows::lose`] gives the table up. Its rows are then found again in finaldata.csv, and its
/// predictions are lost.
#[derive(Debug)]
pub struct DamagedPredictions {
    problem: String,
}

impl DamagedPredictions {
    /// The error with this problem, which names the file.
    pub(super) fn error(problem: String) -> anyhow::Error {
        anyhow::Error::new(Failure::input_output(problem.clone())).context(Self { problem })
    }
}

impl fmt::Display for DamagedPredictions {
    fn fmt(&self, to: &mut fmt::Formatter<'_>) -> fmt::Result {
        to.write_str(&self.problem)
    }
}

impl std::error::Error for DamagedPredictions {}

/// Turns an error of SQLite about a damaged file into [`DamagedPredictions`]. Otherwise it would pass for
/// an error of the history.
pub(super) fn as_damage<T>(result: anyhow::Result<T>) -> anyhow::Result<T> {
    result.map_err(|error| match is_damage(&error) {
        true => DamagedPredictions::error(format!("{error:#}")),
        false => error,
    })
}

impl WaitingRows {
    /// Gives up the table for this reason. The file is kept in a folder of its own in the state folder.
    ///
    /// The loss is logged, and recorded for the next run, which reports it.
    pub fn lose(layout: &Layout, history: &History, reason: &str) -> anyhow::Result<()> {
        let kept = match set_aside(layout).context("failed to set a damaged file aside")? {
            true => "; the file is kept in a folder predictions-set-aside-… beside it",
            false => "",
        };
        let loss = format!(
            "the predictions that wait for a label are lost, and none is compared with its label: {reason}{kept}"
        );
        tracing::warn!("{loss}");
        history.transaction(|history| {
            Known::after_loss().save(history)?;
            history.save_document(LOSS, &Some(loss))
        })
    }

    /// The loss that no run has reported yet.
    pub fn unreported_loss(history: &History) -> anyhow::Result<Option<String>> {
        Ok(history.document(LOSS)?.flatten())
    }

    /// Records that the loss is reported. Part of the caller's transaction.
    pub fn note_loss_reported(history: &History) -> anyhow::Result<()> {
        history.save_document(LOSS, &None::<String>)
    }
}

/// Moves the file and its journal to a new folder. False if there is nothing to keep.
fn set_aside(layout: &Layout) -> anyhow::Result<bool> {
    let path = layout.predictions();
    let journal = with_suffix(&path, "-journal");
    if files::length_if_present(&path)?.unwrap_or(0) == 0 {
        // A journal belongs to the file that is gone.
        files::remove_file(&journal)?;
        files::remove_file(&path)?;
        return Ok(false);
    }
    // Milliseconds keep the name unique.
    let name = clock::now().strftime("predictions-set-aside-%Y%m%dT%H%M%S%.3fZ");
    let folder = layout.state().join(name.to_string());
    files::create_folder(&folder)?;
    match files::length_if_present(&journal)? {
        Some(length) if length > 0 => move_into(&journal, &folder)?,
        _ => files::remove_file(&journal)?,
    }
    move_into(&path, &folder)?;
    Ok(true)
}

fn move_into(file: &Path, folder: &Path) -> anyhow::Result<()> {
    let name = file.file_name().context("a file without a name")?;
    files::rename(file, &folder.join(name))?;
    files::sync_folder_of(file)
}
