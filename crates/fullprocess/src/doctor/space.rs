//! Free space on every file system that the pipeline writes to.

use std::collections::BTreeMap;
use std::os::unix::fs::MetadataExt;
use std::path::Path;

use anyhow::Context;
use common::{Failure, Layout};
use rustix::fs::{StatVfs, statvfs};
use rustix::process::geteuid;

use super::permissions::nearest_existing;
use super::pipeline::ExaminedPipeline;
use super::report::{Findings, Severity, counted, quoted};

/// Copies of finaldata.csv on disk during a rebuild: the old file and the new one. The new one may
/// be larger.
const COPIES_OF_DATA: u64 = 2;
/// Room for all other files that a run writes: a release, the history, its journal, reports,
/// pictures.
const BYTES_OF_A_RUN: u64 = 64 * MEBIBYTE;
/// Share of free space below which a file system is reported as nearly full.
const TIGHT_SHARE: f64 = 0.1;

/// Minimum free space for the growth of the history and its journal. Every run writes to both.
const BYTES_OF_HISTORY: u64 = 64 * KIBIBYTE;

const KIBIBYTE: u64 = 1024;
const MEBIBYTE: u64 = 1024 * KIBIBYTE;

/// Space of one file system, in bytes.
#[derive(Clone, Copy, Debug)]
struct Space {
    /// Bytes that an ordinary user can still write.
    free: u64,
    total: u64,
}

pub(super) fn examine(
    pipeline: &ExaminedPipeline<'_>,
    findings: &mut Findings,
) -> anyhow::Result<String> {
    let layout = &pipeline.config.layout;
    let data = layout.final_data();
    let data_bytes = data.metadata().map_or(0, |metadata| metadata.len());
    let mut tightest: Option<Space> = None;
    let systems = file_systems(folders(layout));
    for folder in systems.values() {
        let found = statvfs(*folder)
            .with_context(|| format!("failed to ask for the free space at {}", folder.display()))?;
        let space = Space::of(&found);
        if let Some((severity, what)) = assess(space, data_bytes) {
            findings.add(
                severity,
                format!("{what} at {}", folder.display()),
                format!("df -h {}", quoted(folder)),
            );
        }
        if tightest.is_none_or(|tightest| space.free < tightest.free) {
            tightest = Some(space);
        }
    }
    let free = tightest.map_or_else(String::new, |space| space.to_string());
    Ok(format!(
        "{free} on {}",
        counted(systems.len(), "file system")
    ))
}

/// Returns an error if a file system has no room for what a run is expected to write: `bytes`, and
/// the growth of the history and its journal.
pub(crate) fn expect_space(layout: &Layout, bytes: u64) -> anyhow::Result<()> {
    let needed = bytes.saturating_add(BYTES_OF_HISTORY);
    for folder in file_systems(folders(layout)).values() {
        let found = statvfs(*folder)
            .map_err(std::io::Error::from)
            .with_context(|| format!("failed to ask for the free space at {}", folder.display()))?;
        let free = writable(&found, geteuid().is_root());
        if free < needed {
            return Err(Failure::input_output(format!(
                "the disk of {} has {} KiB free, and the run needs about {} KiB: free some space",
                folder.display(),
                free / KIBIBYTE,
                needed.div_ceil(KIBIBYTE)
            ))
            .into());
        }
    }
    Ok(())
}

/// Bytes that can still be written. The superuser may also use the reserve of a file system.
fn writable(found: &StatVfs, is_superuser: bool) -> u64 {
    let blocks = if is_superuser {
        found.f_bfree
    } else {
        found.f_bavail
    };
    blocks.saturating_mul(found.f_frsize)
}

/// The folders that a run writes to.
fn folders(layout: &Layout) -> [&Path; 4] {
    [
        layout.output(),
        layout.models(),
        layout.production(),
        layout.state(),
    ]
}

/// One folder of each file system, by device number.
fn file_systems<const N: usize>(folders: [&Path; N]) -> BTreeMap<u64, &Path> {
    folders
        .into_iter()
        .filter_map(nearest_existing)
        .filter_map(|folder| Some((folder.metadata().ok()?.dev(), folder)))
        .collect()
}

fn assess(space: Space, data_bytes: u64) -> Option<(Severity, String)> {
    let needed = data_bytes
        .saturating_mul(COPIES_OF_DATA)
        .saturating_add(BYTES_OF_A_RUN);
    if space.free < needed {
        Some((
            Severity::Problem,
            format!(
                "{space}, and a run may need {} MiB",
                needed.div_ceil(MEBIBYTE)
            ),
        ))
    } else if space.share() < TIGHT_SHARE {
        Some((Severity::Note, space.to_string()))
    } else {
        None
    }
}

impl Space {
    fn of(found: &StatVfs) -> Self {
        Self {
            free: found.f_bavail.saturating_mul(found.f_frsize),
            total: found.f_blocks.saturating_mul(found.f_frsize),
        }
    }

    fn share(self) -> f64 {
        match self.total {
            0 => 0.0,
            total => self.free as f64 / total as f64,
        }
    }
}

impl std::fmt::Display for Space {
    fn fmt(&self, to: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(
            to,
            "{} MiB free ({:.0} %)",
            self.free / MEBIBYTE,
            100.0 * self.share()
        )
    }
}

#[cfg(test)]
mod tests {
    use common::exit::{Exit, classify};

    use super::*;

    #[test]
    fn too_little_space_is_a_problem_and_tight_space_a_note() {
        let severity = |free_mebibytes, data_mebibytes| {
            let space = Space {
                free: free_mebibytes * MEBIBYTE,
                total: 1000 * MEBIBYTE,
            };
            assess(space, data_mebibytes * MEBIBYTE).map(|(severity, _)| severity)
        };
        assert_eq!(severity(500, 10), None);
        assert_eq!(severity(99, 10), Some(Severity::Note));
        assert_eq!(severity(63, 0), Some(Severity::Problem));
        assert_eq!(severity(64, 0), Some(Severity::Note));
        assert_eq!(severity(500, 300), Some(Severity::Problem));
        assert_eq!(severity(0, u64::MAX / MEBIBYTE), Some(Severity::Problem));
    }

    #[test]
    fn a_run_for_which_no_disk_has_room_is_an_error_that_names_the_folder() {
        let folder = tempfile::tempdir().unwrap();
        let layout = Layout::in_scratch(folder.path());
        expect_space(&layout, 0).unwrap();
        let error = expect_space(&layout, u64::MAX).unwrap_err();
        assert_eq!(classify(&error), Exit::InputOutput);
        let text = error.to_string();
        let named = format!("the disk of {} has ", folder.path().display());
        assert!(
            text.starts_with(&named) && text.ends_with(": free some space"),
            "{text}"
        );
    }

    #[test]
    fn a_file_system_is_counted_once_through_existing_folders() {
        let folder = tempfile::tempdir().unwrap();
        let missing = folder.path().join("not/yet");
        let systems = file_systems([folder.path(), &missing]);
        assert_eq!(systems.len(), 1);
    }
}
