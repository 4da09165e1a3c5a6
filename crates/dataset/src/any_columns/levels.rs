//! Counts of the texts in columns that do not hold numbers.

use std::collections::{BTreeMap, HashMap};
use std::path::Path;

use common::config::TextSettings;

use super::any_file::AnyFile;
use crate::fingerprint::public_hash;
use crate::level::code_of;
use crate::text::escaped;

/// Maximum number of different texts that are counted in a column. A column with more texts is no
/// category, and counting it could need as much memory as the file.
pub const MAX_LEVELS: usize = 100_000;
/// Maximum bytes of a text that is counted as it is. A longer text is represented by its beginning
/// and a hash of the whole text.
const MAX_WHOLE_LEVEL_BYTES: usize = 128;

/// Number of rows for each text of a column.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Levels {
    /// Number of rows by text, without the space around it.
    pub counts: BTreeMap<String, u64>,
    /// Number of rows with an empty cell.
    pub missing: u64,
    /// Number of rows with a text if there are more than [`MAX_LEVELS`] different texts; `counts`
    /// is then empty. Otherwise 0.
    pub uncounted: u64,
}

/// The levels of a column by row.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct LevelColumn {
    /// [Code](crate::level_code) of each row's level; NaN is a missing one.
    pub codes: Vec<f64>,
    /// Texts by code; `None` if there are more than [`MAX_LEVELS`].
    texts: Option<HashMap<u64, String>>,
}

/// Reads the levels of the named columns of a file, by name; other columns are not looked at.
pub fn read_levels(
    path: &Path,
    columns: &[&str],
    text: &TextSettings,
) -> anyhow::Result<BTreeMap<String, LevelColumn>> {
    let file = AnyFile::open(path, text)?;
    let shape = file.shape();
    let asked: Vec<(usize, String)> = file
        .columns()
        .filter(|(_, name)| columns.contains(name))
        .map(|(field, name)| (field, name.to_owned()))
        .collect();
    let none = || vec![LevelColumn::new(); asked.len()];
    let mut all = none();
    file.each_block(
        none,
        |levels, record| {
            if shape.fits(record) {
                let columns = asked.iter().zip(levels);
                columns.for_each(|((field, _), levels)| levels.take(record.field(*field)));
            }
        },
        |levels| {
            let columns = all.iter_mut().zip(levels);
            columns.for_each(|(all, levels)| all.append(levels));
        },
    )?;
    let names = asked.iter().map(|(_, name)| name.clone());
    Ok(names.zip(all).collect())
}

impl LevelColumn {
    fn new() -> Self {
        Self {
            codes: Vec::new(),
            texts: Some(HashMap::new()),
        }
    }

    fn take(&mut self, cell: &[u8]) {
        let cell = cell.trim_ascii();
        // Other words for a missing value are levels, as those of a category are.
        if cell.is_empty() {
            self.codes.push(f64::NAN);
            return;
        }
        let code = code_of(cell);
        self.codes.push(code as f64);
        if let Some(texts) = &mut self.texts {
            texts.entry(code).or_insert_with(|| level(cell));
        }
        self.give_up_beyond(MAX_LEVELS);
    }

    fn append(&mut self, later: Self) {
        self.codes.extend(later.codes);
        match (&mut self.texts, later.texts) {
            (Some(texts), Some(more)) => texts.extend(more),
            (texts, _) => *texts = None,
        }
        self.give_up_beyond(MAX_LEVELS);
    }

    fn give_up_beyond(&mut self, max: usize) {
        if self.texts.as_ref().is_some_and(|texts| texts.len() > max) {
            self.texts = None;
        }
    }

    /// Counts the levels of the rows at these places, or of all rows.
    pub fn levels(&self, rows: Option<&[usize]>) -> Levels {
        let mut by_code: HashMap<u64, u64> = HashMap::new();
        let mut levels = Levels::default();
        let mut count = |code: f64| match (code.is_nan(), &self.texts) {
            (true, _) => levels.missing += 1,
            (false, None) => levels.uncounted += 1,
            (false, Some(_)) => *by_code.entry(code as u64).or_default() += 1,
        };
        match rows {
            Some(rows) => rows.iter().for_each(|row| count(self.codes[*row])),
            None => self.codes.iter().for_each(|code| count(*code)),
        }
        for (code, text) in self.texts.iter().flatten() {
            if let Some(rows) = by_code.get(code) {
                *levels.counts.entry(text.clone()).or_default() += rows;
            }
        }
        levels
    }
}

impl Levels {
    /// Rows that have a text.
    pub fn rows(&self) -> u64 {
        self.uncounted + self.counts.values().sum::<u64>()
    }
}

/// The level that a text is counted as.
fn level(text: &[u8]) -> String {
    match text.get(..MAX_WHOLE_LEVEL_BYTES) {
        Some(begin) if text.len() > MAX_WHOLE_LEVEL_BYTES => {
            format!("{}… {:016x}", escaped(begin), public_hash(text))
        }
        _ => escaped(text),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn too_many_texts_are_counted_together() {
        let read = |texts: &[&str]| {
            let mut column = LevelColumn::new();
            for text in texts {
                column.take(text.as_bytes());
                column.give_up_beyond(2);
            }
            column
        };
        let (few, many) = (read(&["a", "b", "", "a"]), read(&["a", "b", "c", "a"]));
        let (counted, together) = (few.levels(None), many.levels(None));
        assert_eq!(
            (counted.counts.len(), counted.rows(), counted.uncounted),
            (2, 3, 0)
        );
        assert_eq!(
            (together.counts.len(), together.rows(), together.uncounted),
            (0, 4, 4)
        );
        for (mut first, later) in [(few.clone(), many.clone()), (many, few)] {
            first.append(later);
            let both = first.levels(None);
            assert_eq!((both.rows(), both.uncounted, both.missing), (7, 7, 1));
        }
        let long = |end: &str| level(format!("{}{end}", "x".repeat(5000)).as_bytes());
        assert!(long("a").len() < 200 && long("a") != long("b"));
    }
}
