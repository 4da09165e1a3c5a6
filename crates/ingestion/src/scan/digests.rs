//! SHA-256 digests of files, and which files need one during the scan.

use std::collections::BTreeMap;
use std::path::Path;

use common::digest;
use common::ledger::FileStamp;
use dataset::FoundFile;
use jiff::Timestamp;

use crate::prepared::Prepared;

/// Clocks of file systems are coarse. If a file was modified less than this time before the scan, a
/// later change may leave its modification time the same.
const CLOCK_GRAIN_NANOSECONDS: i64 = 2_000_000_000;

/// SHA-256 and length of each file. `None` where the digest can wait until the file is ingested.
///
/// Digests show which files are copies. On the first ingestion, only files of equal length can be
/// copies, so a file with a length of its own needs no digest yet.
pub(super) fn digests(
    files: &[FoundFile],
    prepared: &Prepared,
    now: Timestamp,
) -> Vec<Option<anyhow::Result<(String, u64)>>> {
    let lengths = Lengths::of(files);
    let is_needed = |file: &&FoundFile| {
        !prepared.is_new_pipeline || is_within_clock_grain(file, now) || !lengths.is_unique(file)
    };
    let needed = files.iter().filter(is_needed);
    let paths: Vec<&Path> = needed.map(|file| file.path.as_path()).collect();
    let mut digests = dataset::digests(&paths).into_iter();
    files
        .iter()
        .map(|file| is_needed(&file).then(|| digests.next()).flatten())
        .collect()
}

/// Identity of a file that only an engine reads, and its length: a digest of its name, length and time. A
/// renamed or touched file is another file.
pub(super) fn digest_of_stamp(file: &FoundFile) -> Option<anyhow::Result<(String, u64)>> {
    let FileStamp { size, modified, .. } = file.stamp;
    let text = format!("{}/{} {size} {modified}", file.folder, file.name);
    Some(Ok((digest::of_bytes(text.as_bytes()), size)))
}

/// Number of files by length in bytes.
struct Lengths(BTreeMap<u64, u32>);

impl Lengths {
    fn of(files: &[FoundFile]) -> Self {
        let mut lengths = BTreeMap::new();
        for file in files {
            *lengths.entry(file.stamp.size).or_default() += 1;
        }
        Self(lengths)
    }

    /// True if no other file has the same length, so that no file can be a copy.
    fn is_unique(&self, file: &FoundFile) -> bool {
        self.0.get(&file.stamp.size) == Some(&1)
    }
}

/// True if the clock is too coarse to show a later change of the file.
pub(super) fn is_within_clock_grain(file: &FoundFile, now: Timestamp) -> bool {
    age(file, now) < CLOCK_GRAIN_NANOSECONDS
}

/// Age of a file in nanoseconds. Negative if the modification time is in the future.
fn age(file: &FoundFile, now: Timestamp) -> i64 {
    age_at(file.stamp.modified, now)
}

fn age_at(time: i64, now: Timestamp) -> i64 {
    let now = i64::try_from(now.as_nanosecond()).unwrap_or(i64::MAX);
    now.saturating_sub(time)
}

/// Nanoseconds since the last write to a file. The modification time can be in the future, for example if
/// the file was unpacked from an archive of another machine. The change time is used then. `None` if both
/// are in the future.
pub(super) fn since_last_change(file: &FoundFile, now: Timestamp) -> Option<i64> {
    let FileStamp {
        modified, changed, ..
    } = file.stamp;
    [modified, changed]
        .into_iter()
        .map(|time| age_at(time, now))
        .find(|age| *age >= 0)
}
