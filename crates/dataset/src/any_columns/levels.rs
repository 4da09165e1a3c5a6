//! How often each text stands in the columns that are none of numbers.

use std::collections::BTreeMap;
use std::path::Path;

use common::config::TextSettings;

use super::any_file::AnyFile;
use crate::fingerprint::client_hash;
use crate::text::escaped;

/// Different texts of a column that are counted at most: more than these are no categories, and
/// would take the memory of the whole file.
pub const MAX_LEVELS: usize = 100_000;
/// A longer text is counted by its beginning and a hash of all of it.
const MAX_WHOLE_LEVEL_BYTES: usize = 128;

/// How often each text stands in a column.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Levels {
    /// Rows by trimmed text.
    pub counts: BTreeMap<String, u64>,
    /// Rows without one.
    pub missing: u64,
    /// Rows with one, where there are more than [`MAX_LEVELS`] of them; `counts` is empty then.
    pub uncounted: u64,
}

/// Counts the levels of the named columns of a file, by name; other columns are not looked at.
pub fn count_levels(
    path: &Path,
    columns: &[&str],
    text: &TextSettings,
) -> anyhow::Result<BTreeMap<String, Levels>> {
    let file = AnyFile::open(path, text)?;
    let shape = file.shape();
    let asked: Vec<(usize, String)> = file
        .columns()
        .filter(|(_, name)| columns.contains(name))
        .map(|(field, name)| (field, name.to_owned()))
        .collect();
    let mut all = vec![Levels::default(); asked.len()];
    file.each_block(
        || vec![Levels::default(); asked.len()],
        |levels, record| {
            if shape.fits(record) {
                let columns = asked.iter().zip(levels);
                columns.for_each(|((field, _), levels)| levels.count(record.field(*field)));
            }
        },
        |levels| {
            let columns = all.iter_mut().zip(levels);
            columns.for_each(|(all, levels)| all.add(levels));
        },
    )?;
    let names = asked.iter().map(|(_, name)| name.clone());
    Ok(names.zip(all).collect())
}

impl Levels {
    fn count(&mut self, cell: &[u8]) {
        // Other words for a missing value are levels, as those of a category are.
        if cell.trim_ascii().is_empty() {
            self.missing += 1;
            return;
        }
        if self.uncounted > 0 {
            self.uncounted += 1;
            return;
        }
        *self.counts.entry(level(cell.trim_ascii())).or_default() += 1;
        self.give_up_beyond(MAX_LEVELS);
    }

    fn add(&mut self, later: Self) {
        self.missing += later.missing;
        if self.uncounted + later.uncounted > 0 {
            self.uncounted = self.rows() + later.rows();
            self.counts.clear();
            return;
        }
        for (level, rows) in later.counts {
            *self.counts.entry(level).or_default() += rows;
        }
        self.give_up_beyond(MAX_LEVELS);
    }

    /// Rows that have a text.
    pub fn rows(&self) -> u64 {
        self.uncounted + self.counts.values().sum::<u64>()
    }

    fn give_up_beyond(&mut self, most: usize) {
        if self.counts.len() > most {
            self.uncounted = self.rows();
            self.counts.clear();
        }
    }
}

/// What a text is counted as.
fn level(text: &[u8]) -> String {
    match text.get(..MAX_WHOLE_LEVEL_BYTES) {
        Some(begin) if text.len() > MAX_WHOLE_LEVEL_BYTES => {
            format!("{}… {:016x}", escaped(begin), client_hash(text))
        }
        _ => escaped(text),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn beyond_measure_texts_are_counted_together() {
        let counted = |texts: &[&str]| {
            let mut levels = Levels::default();
            for text in texts {
                levels.count(text.as_bytes());
                levels.give_up_beyond(2);
            }
            levels
        };
        let (few, many) = (
            counted(&["a", "b", "", "a"]),
            counted(&["a", "b", "c", "a"]),
        );
        assert_eq!((few.counts.len(), few.rows(), few.uncounted), (2, 3, 0));
        assert_eq!((many.counts.len(), many.rows(), many.uncounted), (0, 4, 4));
        for (mut first, later) in [(few.clone(), many.clone()), (many, few)] {
            first.add(later);
            assert_eq!((first.rows(), first.uncounted, first.missing), (7, 7, 1));
        }
        let long = |end: &str| level(format!("{}{end}", "x".repeat(5000)).as_bytes());
        assert!(long("a").len() < 200 && long("a") != long("b"));
    }
}
