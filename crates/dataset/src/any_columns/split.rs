//! Splits any CSV file in two parts: rows to train with, and rows to test with.

use std::io::Write;
use std::path::Path;

use common::config::TextSettings;
use common::files;
use common::files::FileWriter;
use common::schema::NumberRules;

use super::any_file::{AnyFile, Shape};
use crate::cell::{DecimalMarks, parse_number};
use crate::fingerprint::public_hash;
use crate::line::push_quoted;
use crate::tokenizer::Record;

/// If a hash splits the file, one client in this many is in the test part.
const CLIENTS_PER_TEST_CLIENT: u64 = 4;
/// Share of the rows in the test part, if a column orders the rows.
const TEST_SHARE: f64 = 0.25;
/// Permitted shares of the test part. A column that gives another share does not split the file.
const USUAL_TEST_SHARES: std::ops::RangeInclusive<f64> = 0.1..=0.5;
/// Minimum share of dates among the cells of a column of dates.
const MIN_SHARE_OF_DATES: f64 = 0.99;
/// Names of columns whose numbers order the rows by time.
const ORDER_NAMES: [&str; 6] = [
    "date",
    "timestamp",
    "datetime",
    "period",
    "yyyymm",
    "snapshot",
];

const BYTE_ORDER_MARK: &[u8] = b"\xef\xbb\xbf";

/// Words in the names of columns with birthdays.
const BIRTHDAYS: [&str; 4] = ["birth", "dob", "geburt", "naissance"];

/// The way that the rows are divided between the parts.
#[derive(Clone, Debug, PartialEq)]
pub enum SplitBy {
    /// The newest rows by this column are in the test part.
    Order {
        /// Name of the column.
        column: String,
    },
    /// The hash of a client's id decides, so each client is in one part. Without an id, the hash of
    /// a row's text and line decides.
    Hash,
}

/// A file that was split.
#[derive(Clone, Debug, PartialEq)]
pub struct SplitFile {
    /// The way that the rows were divided.
    pub by: SplitBy,
    /// Number of rows in the training part.
    pub training_rows: u64,
    /// Number of rows in the test part.
    pub test_rows: u64,
}

/// Writes about a quarter of a file's rows to `test` and the others to `training`. Both files have
/// the header and the dialect of the original, and are UTF-8.
///
/// The first column that orders the rows by time splits them; `id` and `target` are not considered.
/// If there is none, the hash of `id` splits them. A file that cannot be read or written is an
/// error (exit code 74 or 65).
pub fn split_file(
    path: &Path,
    text: &TextSettings,
    [id, target]: [Option<&str>; 2],
    [training, test]: [&Path; 2],
) -> anyhow::Result<SplitFile> {
    let order = Order::find(path, text, [id, target])?;
    let counts = files::write_new(training, |training| {
        files::write_new(test, |test| {
            write_parts(path, text, (id, order.as_ref()), [training, test])
        })
    });
    let [training_rows, test_rows] = counts?;
    Ok(SplitFile {
        by: order.map_or(SplitBy::Hash, |order| SplitBy::Order {
            column: order.column,
        }),
        training_rows,
        test_rows,
    })
}

/// Writes the rows of a file to its two parts, and returns the number of rows in each.
fn write_parts(
    path: &Path,
    text: &TextSettings,
    (id, order): (Option<&str>, Option<&Order>),
    parts: [&mut FileWriter; 2],
) -> anyhow::Result<[u64; 2]> {
    let file = AnyFile::open(path, text)?;
    let shape = file.shape();
    let id = file.columns().find(|(_, name)| Some(*name) == id);
    let id = id.map(|(field, _)| field);
    let separator = shape.separator;
    let mut header = Vec::new();
    if text.encoding != encoding_rs::UTF_8 {
        // The parts are UTF-8, whatever the encoding of the original.
        header.extend_from_slice(BYTE_ORDER_MARK);
    }
    let names = file.names().iter().map(String::as_bytes);
    push_quoted(&mut header, names, separator);
    let [training, test] = parts;
    let mut parts = [training, test];
    for part in &mut parts {
        part.write_all(&header)?;
    }
    let mut counts = [0; 2];
    let mut written = Ok(());
    file.each_block(
        <[Rows; 2]>::default,
        |parts, record| {
            let is_test = match order {
                Some(order) => order.is_new(record, shape),
                None => is_test_client(record, id, shape),
            };
            let rows = &mut parts[usize::from(is_test)];
            push_quoted(&mut rows.text, record.iter(), separator);
            rows.count += 1;
        },
        |block| {
            for ((part, rows), count) in parts.iter_mut().zip(&block).zip(&mut counts) {
                *count += rows.count;
                if written.is_ok() {
                    written = part.write_all(&rows.text);
                }
            }
        },
    )?;
    written?;
    Ok(counts)
}

/// True if a row is in the test part. Without an id, the hash includes the line of the row. Otherwise
/// equal rows would be in the same part, and a part could have nearly all rows of a file with few
/// different rows.
fn is_test_client(record: Record<'_>, id: Option<usize>, shape: Shape) -> bool {
    let id = id.filter(|_| shape.fits(record));
    let hash = match id {
        Some(field) => public_hash(record.field(field)),
        None => {
            let mut text = record.iter().collect::<Vec<_>>().join(&b'\n');
            text.extend(record.line().to_le_bytes());
            public_hash(&text)
        }
    };
    hash.is_multiple_of(CLIENTS_PER_TEST_CLIENT)
}

/// Rows of one part as text.
#[derive(Default)]
struct Rows {
    text: Vec<u8>,
    count: u64,
}

/// The way that a column writes a time.
#[derive(Clone, Copy)]
enum Notation {
    /// `2024-05-31`, `31/5/2024`
    DayFirst,
    /// `2024-05-31`, `5/31/2024`
    MonthFirst,
    /// Any number.
    Number,
}

/// A column that may order the rows by time.
#[derive(Clone)]
struct Candidate {
    column: String,
    field: usize,
    notation: Notation,
}

/// A column that orders the rows by time.
struct Order {
    column: String,
    field: usize,
    notation: Notation,
    /// Largest key of the training part. Rows with a larger key are in the test part.
    last_of_training: f64,
}

impl Order {
    /// The first column of the file that splits it well; `None` if no column does.
    fn find(
        path: &Path,
        text: &TextSettings,
        other_roles: [Option<&str>; 2],
    ) -> anyhow::Result<Option<Self>> {
        let file = AnyFile::open(path, text)?;
        let shape = file.shape();
        let columns = file.columns();
        let columns = columns.filter(|(_, name)| !other_roles.contains(&Some(*name)));
        let candidates: Vec<Candidate> = columns.flat_map(candidates_of).collect();
        let mut keys = vec![Keys::default(); candidates.len()];
        file.each_block(
            || vec![Keys::default(); candidates.len()],
            |keys: &mut Vec<Keys>, record| {
                if shape.fits(record) {
                    for (keys, candidate) in keys.iter_mut().zip(&candidates) {
                        keys.add(record.field(candidate.field), candidate.notation);
                    }
                }
            },
            |later| {
                for (keys, later) in keys.iter_mut().zip(later) {
                    keys.join(later);
                }
            },
        )?;
        let mut all = keys.into_iter().zip(candidates);
        let found = all.find_map(|(keys, candidate)| {
            let Candidate {
                column,
                field,
                notation,
            } = candidate;
            let last_of_training = keys.last_of_training()?;
            Some(Self {
                column,
                field,
                notation,
                last_of_training,
            })
        });
        Ok(found)
    }

    fn is_new(&self, record: Record<'_>, shape: Shape) -> bool {
        shape.fits(record)
            && key_of(record.field(self.field), self.notation)
                .is_some_and(|key| key > self.last_of_training)
    }
}

/// The ways in which a column may order the rows. Birthdays give no order of time.
fn candidates_of((field, name): (usize, &str)) -> Vec<Candidate> {
    let lower = name.to_lowercase();
    if BIRTHDAYS.iter().any(|word| lower.contains(word)) {
        return Vec::new();
    }
    let is_named = ORDER_NAMES.iter().any(|it| name.eq_ignore_ascii_case(it));
    let number = is_named.then_some(Notation::Number);
    [Notation::DayFirst, Notation::MonthFirst]
        .into_iter()
        .chain(number)
        .map(|notation| Candidate {
            column: name.to_owned(),
            field,
            notation,
        })
        .collect()
}

/// The keys of a column's cells: numbers that grow with time.
#[derive(Clone, Default)]
struct Keys {
    keys: Vec<f64>,
    cells: u64,
    /// True if the first cells are not dates. The column is then not read further.
    is_refuted: bool,
}

/// A column with at least this number of cells and without any date is no column of dates.
const REFUTING_CELLS: u64 = 20;

impl Keys {
    fn add(&mut self, cell: &[u8], notation: Notation) {
        // Empty cells count, too: a date that few rows have may be known only after the outcome.
        self.cells += 1;
        if self.is_refuted || cell.trim_ascii().is_empty() {
            return;
        }
        self.keys.extend(key_of(cell, notation));
        if self.keys.is_empty() && self.cells >= REFUTING_CELLS {
            self.is_refuted = true;
        }
    }

    fn join(&mut self, later: Self) {
        self.is_refuted |= later.is_refuted;
        self.cells += later.cells;
        match self.is_refuted {
            true => self.keys = Vec::new(),
            false => self.keys.extend(later.keys),
        }
    }

    /// The largest key of the training part; `None` if the column does not split the file well.
    fn last_of_training(mut self) -> Option<f64> {
        let rows = self.keys.len() as f64;
        if self.is_refuted || self.keys.is_empty() || rows < MIN_SHARE_OF_DATES * self.cells as f64
        {
            return None;
        }
        self.keys.sort_by(f64::total_cmp);
        let place = (rows * (1.0 - TEST_SHARE)) as usize;
        let last = *self.keys.get(place.checked_sub(1)?)?;
        let newer = self.keys.iter().filter(|key| **key > last).count();
        USUAL_TEST_SHARES
            .contains(&(newer as f64 / rows))
            .then_some(last)
    }
}

/// The key of a cell, which grows with time; `None` if the cell has no time.
fn key_of(cell: &[u8], notation: Notation) -> Option<f64> {
    let cell = cell.trim_ascii();
    match notation {
        Notation::Number => {
            let number = parse_number(cell, &NumberRules::default(), DecimalMarks::Point);
            number.ok().filter(|number| !number.is_nan())
        }
        Notation::DayFirst | Notation::MonthFirst => date_key(cell, notation),
    }
}

/// The key of a date, with or without a time of day, in seconds. Days are counted as if each month
/// had 31.
fn date_key(cell: &[u8], notation: Notation) -> Option<f64> {
    let text = std::str::from_utf8(cell).ok()?;
    let (date, time) = text.split_once([' ', 'T']).unwrap_or((text, ""));
    let separator = date.find(|character: char| !character.is_ascii_digit())?;
    let separator = date[separator..].chars().next()?;
    if !matches!(separator, '-' | '/' | '.') {
        return None;
    }
    let parts: Option<Vec<u32>> = date
        .split(separator)
        .map(|part| part.parse().ok())
        .collect();
    let (year, month, day) = match (&parts?[..], notation) {
        (&[year @ 1000..=9999, month, day], _) => (year, month, day),
        (&[day, month, year @ 1000..=9999], Notation::DayFirst) => (year, month, day),
        (&[month, day, year @ 1000..=9999], _) => (year, month, day),
        _ => return None,
    };
    if !(1..=12).contains(&month) || !(1..=31).contains(&day) {
        return None;
    }
    let days = f64::from(year) * 372.0 + f64::from(month) * 31.0 + f64::from(day);
    let units = time.split(|character: char| !character.is_ascii_digit());
    let units = units.zip([3600.0, 60.0, 1.0]);
    let seconds: f64 = units
        .map(|(part, seconds)| part.parse().unwrap_or(0.0) * seconds)
        .sum();
    Some(days * 86_400.0 + seconds)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn split(text: &str, id: Option<&str>) -> (SplitFile, Vec<String>, Vec<String>) {
        let folder = tempfile::tempdir().unwrap();
        let [source, training, test] =
            ["a.csv", "training.csv", "test.csv"].map(|name| folder.path().join(name));
        files::write_new(&source, |file| Ok(file.write_all(text.as_bytes())?)).unwrap();
        let roles = [id, Some("left")];
        let parts = [training.as_path(), test.as_path()];
        let found = split_file(&source, &TextSettings::default(), roles, parts).unwrap();
        let lines = |path: &Path| -> Vec<String> {
            let text = std::fs::read_to_string(path).unwrap();
            text.lines().map(str::to_owned).collect()
        };
        let parts = (lines(&training), lines(&test));
        (found, parts.0, parts.1)
    }

    #[test]
    fn the_newest_rows_are_tested_on() {
        for date in ["2024-01-{}", "{}/1/2024", "{}.01.2024 08:15"] {
            let row = |day: usize| {
                let day = format!("{:02}", (day * 13) % 28 + 1);
                format!("c{day};1,5;{};0\n", date.replace("{}", &day))
            };
            let rows: String = (0..28).map(row).collect();
            let (found, training, test) = split(&format!("id;x;when;left\n{rows}"), Some("id"));
            let by = SplitBy::Order {
                column: "when".into(),
            };
            assert_eq!(found.by, by, "{date}");
            assert_eq!((found.training_rows, found.test_rows), (21, 7));
            assert_eq!((training.len(), test.len()), (22, 8));
            assert_eq!(test[0], "id;x;when;left");
            assert!(
                test[1..]
                    .iter()
                    .all(|row| row[1..3].parse::<u32>().unwrap() > 21)
            );
        }
    }

    #[test]
    fn each_client_is_in_one_part() {
        let rows: String = (0..400)
            .map(|row| format!("\"k, {}\",{row},0\n", row % 100))
            .collect();
        let (found, training, test) = split(&format!("id,x,left\n{rows}"), Some("id"));
        assert_eq!(found.by, SplitBy::Hash);
        assert_eq!(found.training_rows + found.test_rows, 400);
        assert!((60..=140).contains(&found.test_rows), "{found:?}");
        let clients = |lines: &[String]| -> std::collections::BTreeSet<String> {
            lines[1..]
                .iter()
                .map(|row| row.split('"').nth(1).unwrap().to_owned())
                .collect()
        };
        assert!(clients(&training).is_disjoint(&clients(&test)));
    }

    #[test]
    fn rows_without_an_id_and_rows_with_too_few_fields_are_kept() {
        let rows: String = (0..200).map(|row| format!("{row}|0\n")).collect();
        let (found, ..) = split(&format!("x|left\n{rows}short\n"), None);
        assert_eq!(found.training_rows + found.test_rows, 201);
        assert!((30..=70).contains(&found.test_rows), "{found:?}");
    }

    #[test]
    fn dates_that_few_rows_have_and_birthdays_do_not_split() {
        for name in ["churn_date", "date_of_birth"] {
            let row = |row: usize| match name == "churn_date" && !row.is_multiple_of(4) {
                true => format!("{row},,0\n"),
                false => format!("{row},2024-01-{:02},1\n", row % 28 + 1),
            };
            let rows: String = (0..200).map(row).collect();
            let (found, ..) = split(&format!("x,{name},left\n{rows}"), None);
            assert_eq!(found.by, SplitBy::Hash, "{name}");
        }
    }

    #[test]
    fn dates_of_one_day_do_not_split() {
        let rows: String = (0..100)
            .map(|row| format!("{row},2024-01-01,0\n"))
            .collect();
        let (found, ..) = split(&format!("x,when,left\n{rows}"), None);
        assert_eq!(found.by, SplitBy::Hash);
    }
}
