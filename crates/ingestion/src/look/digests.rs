//! The digests of files, and when one has to be taken.

use std::collections::BTreeMap;
use std::path::Path;

use dataset::FoundFile;
use jiff::Timestamp;

use crate::Prepared;

/// A stamp this close to the look may hide a later change within the clock's grain.
const CLOCK_GRAIN_NANOSECONDS: i64 = 2_000_000_000;

/// The SHA-256 and length of each file; `None` where it may wait until the file is read.
///
/// Where nothing is known yet, a file can only be a copy of one that is as long.
pub(super) fn digests(
    files: &[FoundFile],
    prepared: &Prepared,
    now: Timestamp,
) -> Vec<Option<anyhow::Result<(String, u64)>>> {
    let lengths = Lengths::of(files);
    let is_needed = |file: &&FoundFile| {
        !prepared.is_untouched || is_in_grain(file, now) || !lengths.is_alone(file)
    };
    let needed = files.iter().filter(is_needed);
    let paths: Vec<&Path> = needed.map(|file| file.path.as_path()).collect();
    let mut digests = dataset::digests(&paths).into_iter();
    files
        .iter()
        .map(|file| is_needed(&file).then(|| digests.next()).flatten())
        .collect()
}

/// How many files have which length.
struct Lengths(BTreeMap<u64, u32>);

impl Lengths {
    fn of(files: &[FoundFile]) -> Self {
        let mut lengths = BTreeMap::new();
        for file in files {
            *lengths.entry(file.stamp.size).or_default() += 1;
        }
        Self(lengths)
    }

    /// Whether no other file is as long, so that none can be a copy of it.
    fn is_alone(&self, file: &FoundFile) -> bool {
        self.0.get(&file.stamp.size) == Some(&1)
    }
}

/// Whether a later change of a file can be hidden by the clock's grain.
pub(super) fn is_in_grain(file: &FoundFile, now: Timestamp) -> bool {
    age(file, now) < CLOCK_GRAIN_NANOSECONDS
}

/// Nanoseconds since a file was written.
pub(super) fn age(file: &FoundFile, now: Timestamp) -> i64 {
    let now = i64::try_from(now.as_nanosecond()).unwrap_or(i64::MAX);
    now.saturating_sub(file.stamp.modified)
}
