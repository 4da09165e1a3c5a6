//! The columns of any CSV file, without a schema, for comparing two files.
//!
//! A column is one of numbers when nearly all of its cells are, by the rules of [`crate::cell`]; a
//! slip of the pen makes no categories of it, and is counted. The levels of other columns are
//! counted by a second look at the file. Rows with more or fewer fields than the header are left
//! out and counted. Nothing here feeds a model.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use anyhow::Context;
use common::Failure;
use csv::ByteRecord;

use crate::cell::parse_number;
use crate::data_file::DataFile;
use crate::text::escaped;

/// A column of numbers has at most one other text in so many cells that are not missing.
const MOST_UNREADABLE: usize = 20;

/// The columns of a file.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct AnyColumns {
    /// Rows with as many fields as the header.
    pub rows: u64,
    /// Rows with more or fewer, which were left out.
    pub skipped: u64,
    /// The columns in the file's order.
    pub columns: Vec<AnyColumn>,
}

/// One column of a file.
#[derive(Clone, Debug, PartialEq)]
pub struct AnyColumn {
    /// Its name, without spaces around it.
    pub name: String,
    /// Its values in the order of the rows, NaN for a missing or unreadable one; `None` when it is
    /// no column of numbers.
    pub numbers: Option<Vec<f64>>,
    /// Cells that hold other text.
    pub unreadable: u64,
}

/// How often each text stands in a column.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Levels {
    /// Rows by trimmed text.
    pub counts: BTreeMap<String, u64>,
    /// Rows without one.
    pub missing: u64,
}

/// Reads all columns of numbers of a file.
///
/// A file that cannot be opened is an error (exit code 74), and so is one without a header or with
/// a name that stands there twice (65).
pub fn read_columns(path: &Path) -> anyhow::Result<AnyColumns> {
    let (mut reader, names) = open(path)?;
    let mut found = AnyColumns::default();
    let mut columns: Vec<Vec<f64>> = vec![Vec::new(); names.len()];
    let mut unreadable = vec![0; names.len()];
    let mut record = ByteRecord::new();
    while next(&mut reader, &mut record, path)? {
        if record.len() != names.len() {
            found.skipped += 1;
            continue;
        }
        found.rows += 1;
        for (field, cell) in record.iter().enumerate() {
            columns[field].push(parse_number(cell).unwrap_or_else(|_| {
                unreadable[field] += 1;
                f64::NAN
            }));
        }
    }
    let column = |((name, numbers), unreadable): ((String, Vec<f64>), usize)| AnyColumn {
        name,
        numbers: are_numbers(&numbers, unreadable).then_some(numbers),
        unreadable: unreadable as u64,
    };
    found.columns = names
        .into_iter()
        .zip(columns)
        .zip(unreadable)
        .map(column)
        .collect();
    Ok(found)
}

/// Counts the levels of the named columns of a file, by name; other columns are not looked at.
pub fn count_levels(path: &Path, columns: &[&str]) -> anyhow::Result<BTreeMap<String, Levels>> {
    let (mut reader, names) = open(path)?;
    let asked: Vec<(usize, &String)> = names
        .iter()
        .enumerate()
        .filter(|(_, name)| columns.contains(&name.as_str()))
        .collect();
    let mut levels = vec![Levels::default(); asked.len()];
    let mut record = ByteRecord::new();
    while next(&mut reader, &mut record, path)? {
        if record.len() != names.len() {
            continue;
        }
        for ((field, _), levels) in asked.iter().zip(&mut levels) {
            levels.count(&record[*field]);
        }
    }
    let names = asked.into_iter().map(|(_, name)| name.clone());
    Ok(names.zip(levels).collect())
}

fn are_numbers(numbers: &[f64], unreadable: usize) -> bool {
    let readable = numbers.iter().filter(|number| !number.is_nan()).count();
    unreadable * MOST_UNREADABLE <= readable + unreadable
}

impl Levels {
    fn count(&mut self, cell: &[u8]) {
        if parse_number(cell).is_ok_and(f64::is_nan) {
            self.missing += 1;
            return;
        }
        let level = escaped(cell.trim_ascii());
        match self.counts.get_mut(&level) {
            Some(rows) => *rows += 1,
            None => {
                self.counts.insert(level, 1);
            }
        }
    }
}

fn open(path: &Path) -> anyhow::Result<(csv::Reader<DataFile>, Vec<String>)> {
    let place = || format!("failed to read {}", path.display());
    let file = DataFile::open(path).with_context(place)?;
    let mut reader = csv::ReaderBuilder::new()
        .flexible(true)
        .buffer_capacity(256 * 1024)
        .from_reader(file);
    let header = reader.byte_headers().map_err(as_io).with_context(place)?;
    let names: Vec<String> = header
        .iter()
        .map(|name| escaped(name.trim_ascii()))
        .collect();
    if names.is_empty() {
        return Err(Failure::data(format!("{} has no header", path.display())).into());
    }
    let mut seen = BTreeSet::new();
    if let Some(twice) = names.iter().find(|name| !seen.insert(name.as_str())) {
        return Err(Failure::data(format!(
            "{} names the column {twice:?} twice",
            path.display()
        ))
        .into());
    }
    Ok((reader, names))
}

fn next(
    reader: &mut csv::Reader<DataFile>,
    record: &mut ByteRecord,
    path: &Path,
) -> anyhow::Result<bool> {
    reader
        .read_byte_record(record)
        .map_err(as_io)
        .with_context(|| format!("failed to read {}", path.display()))
}

/// Bytes are always records, so only reading them can fail.
fn as_io(error: csv::Error) -> std::io::Error {
    error.into()
}

#[cfg(test)]
mod tests {
    use std::io::Write;

    use super::*;

    fn file(text: &str) -> tempfile::NamedTempFile {
        let mut file = tempfile::NamedTempFile::new().unwrap();
        file.write_all(text.as_bytes()).unwrap();
        file
    }

    #[test]
    fn a_column_is_of_numbers_when_all_its_cells_are() {
        let file = file("\u{feff}x, y ,z\n1,a,\n,2,NA\nshort\n3,a,\n");
        let found = read_columns(file.path()).unwrap();
        assert_eq!((found.rows, found.skipped), (3, 1));
        let names: Vec<&str> = found
            .columns
            .iter()
            .map(|column| column.name.as_str())
            .collect();
        assert_eq!(names, ["x", "y", "z"]);
        let x = found.columns[0].numbers.as_ref().unwrap();
        assert!(x[0] == 1.0 && x[1].is_nan() && x[2] == 3.0);
        assert_eq!(found.columns[1].numbers, None);
        let z = found.columns[2].numbers.as_ref().unwrap();
        assert!(z.len() == 3 && z.iter().all(|value| value.is_nan()));

        let levels = count_levels(file.path(), &["y", "nobody"]).unwrap();
        assert_eq!(levels.len(), 1);
        let counts = [("2", 1), ("a", 2)].map(|(level, rows)| (level.to_owned(), rows));
        assert_eq!(levels["y"].counts, BTreeMap::from(counts));
        assert_eq!(levels["y"].missing, 0);
    }

    #[test]
    fn a_slip_of_the_pen_makes_no_categories_of_numbers() {
        let rows = |text: usize, numbers: usize| {
            let cells = (0..text)
                .map(|_| "12 k\n")
                .chain((0..numbers).map(|_| "7\n"));
            let file = file(&["x\n"].into_iter().chain(cells).collect::<String>());
            let column = read_columns(file.path()).unwrap().columns.remove(0);
            (column.numbers.is_some(), column.unreadable)
        };
        assert_eq!(rows(1, 19), (true, 1));
        assert_eq!(rows(1, 18), (false, 1));
        assert_eq!(rows(3, 0), (false, 3));
        assert_eq!(rows(0, 0), (true, 0));
    }

    #[test]
    fn a_file_without_a_usable_header_is_refused() {
        let refused = |text: &str| read_columns(file(text).path()).unwrap_err().to_string();
        assert!(refused("").contains("has no header"));
        assert!(refused("x,x\n1,2\n").contains("twice"));
    }
}
