//! The columns of any CSV file, without a schema, for comparing two files.
//!
//! A column is numeric if nearly all of its cells are numbers by the rules of [`crate::cell`]; a
//! few typing errors are counted. A second pass over the file reads columns with percent signs,
//! currencies or separators of thousands. Another second pass counts the levels of the columns that
//! are not numeric. Rows with a stray quote, or with more or fewer fields than the header, are left
//! out and counted. No model is fitted to these columns.

mod any_file;
mod distinct;
mod forms;
mod levels;
mod split;
mod survey;

use std::collections::HashMap;
use std::path::Path;

use common::Schema;
use common::config::TextSettings;
use common::schema::{Labels, NumberFormat, NumberRules};

use self::any_file::{AnyFile, Shape};
pub use self::distinct::DistinctCells;
use self::forms::are_slips;
pub use self::forms::{CellForms, Examples, Reading};
pub use self::levels::{LevelColumn, Levels, MAX_LEVELS, read_levels};
pub use self::split::{SplitBy, SplitFile, split_file};
pub use self::survey::{ColumnSurvey, FewTexts, FileSurvey, survey_columns};
use crate::cell::{DecimalMarks, parse_label, parse_number};
use crate::fingerprint::public_hash;
use crate::tokenizer::Record;

/// The columns of a file.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct AnyColumns {
    /// Rows with as many fields as the header.
    pub rows: u64,
    /// Rows with more or fewer fields or with a stray quote, which were left out.
    pub skipped: u64,
    /// The columns in the file's order, without those whose name occurs more than once.
    pub columns: Vec<AnyColumn>,
    /// Public hash of the client of each row; a row without an id is a client of its own. `None` if the
    /// file does not have the id of the schema.
    pub clients: Option<Vec<u64>>,
    /// Warnings that a person should check.
    pub warnings: Vec<String>,
}

/// One column of a file.
#[derive(Clone, Debug, PartialEq)]
pub struct AnyColumn {
    /// Name of the column, without spaces around it.
    pub name: String,
    /// Values of the column in the order of the rows, NaN for a missing or unreadable one; `None` if
    /// the column is not numeric.
    pub numbers: Option<Vec<f64>>,
    /// Cells that hold a number.
    pub readable: u64,
    /// Cells that hold other text.
    pub unreadable: u64,
    /// The cells that are not missing, by their form. Labels count as plain numbers.
    pub forms: CellForms,
}

/// Reads the columns of a file. Of the id of the schema, only the clients are kept. In its target column,
/// labels are 1 and 0.
///
/// A file that cannot be opened is an error (exit code 74). Other errors (exit code 65): the file
/// has no header, a quote is never closed, or a record is longer than 16 MiB.
pub fn read_columns(
    path: &Path,
    schema: &Schema,
    text: &TextSettings,
) -> anyhow::Result<AnyColumns> {
    let is_wanted = |name: &str| schema.id.as_deref() != Some(name);
    let mut found = read_fields(path, text, schema.id.as_deref(), |name| {
        let labels = (name == schema.target).then_some(&schema.labels);
        is_wanted(name).then_some((labels, NumberFormat::Plain))
    })?;
    let formats: HashMap<String, NumberFormat> = found
        .columns
        .iter()
        .filter_map(|column| match column.forms.reading() {
            Reading::Numbers(format) if format != NumberFormat::Plain => {
                Some((column.name.clone(), format))
            }
            _ => None,
        })
        .collect();
    if !formats.is_empty() {
        let formatted = read_fields(path, text, None, |name| Some((None, *formats.get(name)?)))?;
        let mut formatted = formatted.columns.into_iter();
        let columns = found.columns.iter_mut();
        // Both passes read the rows in the order of the file.
        for column in columns.filter(|column| formats.contains_key(&column.name)) {
            if let Some(AnyColumn {
                numbers,
                readable,
                unreadable,
                ..
            }) = formatted.next()
            {
                (column.numbers, column.readable, column.unreadable) =
                    (numbers, readable, unreadable);
            }
        }
    }
    Ok(found)
}

/// Reads some columns, and the clients from the column `id`. For a column to read, `wanted` returns the
/// format of its numbers, and the labels if it is the target; `None` for any other column.
fn read_fields<'s>(
    path: &Path,
    text: &TextSettings,
    id: Option<&str>,
    wanted: impl Fn(&str) -> Option<(Option<&'s Labels>, NumberFormat)>,
) -> anyhow::Result<AnyColumns> {
    let file = AnyFile::open(path, text)?;
    let shape = file.shape();
    let (names, fields): (Vec<String>, Vec<Field<'_>>) = file
        .columns()
        .filter_map(|(field, name)| {
            let (labels, format) = wanted(name)?;
            let rules = NumberRules {
                format,
                ..NumberRules::default()
            };
            Some((
                name.to_owned(),
                Field {
                    field,
                    labels,
                    rules,
                },
            ))
        })
        .unzip();
    let mut columns = file.columns();
    let id = columns.find(|(_, name)| id == Some(*name)).map(|it| it.0);
    drop(columns);
    let mut all = Cells::of(fields.len());
    let warnings = file.each_block(
        || Cells::of(fields.len()),
        |cells, record| cells.take(record, shape, &fields, id),
        |cells| all.append(cells),
    )?;
    let columns = names.into_iter().zip(all.columns).map(|(name, column)| {
        let ColumnCells {
            numbers,
            unreadable,
            forms,
        } = column;
        AnyColumn {
            name,
            readable: numbers.iter().filter(|number| !number.is_nan()).count() as u64,
            numbers: are_numbers(&numbers, unreadable).then_some(numbers),
            unreadable,
            forms,
        }
    });
    Ok(AnyColumns {
        rows: all.rows,
        skipped: all.skipped,
        columns: columns.collect(),
        clients: id.map(|_| all.clients),
        warnings,
    })
}

/// How the cells of a column are read.
struct Field<'s> {
    /// Place of the column in a record.
    field: usize,
    /// The texts of the labels; `None` unless the column is the target.
    labels: Option<&'s Labels>,
    rules: NumberRules,
}

/// Some columns of some records as numbers.
struct Cells {
    rows: u64,
    skipped: u64,
    columns: Vec<ColumnCells>,
    /// Hash of the client of each row, or [`NOBODY`]. Empty if there is no id.
    clients: Vec<u64>,
}

/// Stands for a row without an id.
const NOBODY: u64 = u64::MAX;

/// The cells of one column.
#[derive(Clone, Default)]
struct ColumnCells {
    numbers: Vec<f64>,
    unreadable: u64,
    forms: CellForms,
}

impl Cells {
    fn of(columns: usize) -> Self {
        Self {
            rows: 0,
            skipped: 0,
            columns: vec![ColumnCells::default(); columns],
            clients: Vec::new(),
        }
    }

    fn take(&mut self, record: Record<'_>, shape: Shape, fields: &[Field<'_>], id: Option<usize>) {
        if !shape.fits(record) {
            self.skipped += 1;
            return;
        }
        self.rows += 1;
        if let Some(id) = id {
            let id = record.field(id).trim_ascii();
            self.clients.push(if id.is_empty() {
                NOBODY
            } else {
                public_hash(id)
            });
        }
        for (column, field) in self.columns.iter_mut().zip(fields) {
            column.take(record.field(field.field), field, shape.decimal);
        }
    }

    fn append(&mut self, later: Self) {
        let rows = self.clients.len() as u64..;
        let clients = later.clients.into_iter().zip(rows);
        self.clients
            .extend(clients.map(|(client, row)| match client {
                NOBODY => public_hash(&row.to_be_bytes()),
                client => client,
            }));
        self.rows += later.rows;
        self.skipped += later.skipped;
        for (mine, other) in self.columns.iter_mut().zip(later.columns) {
            mine.numbers.extend(other.numbers);
            mine.unreadable += other.unreadable;
            mine.forms.merge(&other.forms);
        }
    }
}

impl ColumnCells {
    fn take(&mut self, cell: &[u8], field: &Field<'_>, marks: DecimalMarks) {
        let label = field
            .labels
            .and_then(|labels| parse_label(cell, labels).ok()?);
        let label = label.map(|label| f64::from(u8::from(label)));
        let number = label.or_else(|| parse_number(cell, &field.rules, marks).ok());
        match number {
            Some(number) if number.is_nan() => {}
            Some(_) => self.forms.count_plain(cell, marks),
            None => {
                self.unreadable += 1;
                self.forms.count_other(cell, marks);
            }
        }
        self.numbers.push(number.unwrap_or(f64::NAN));
    }
}

fn are_numbers(numbers: &[f64], unreadable: u64) -> bool {
    let readable = numbers.iter().filter(|number| !number.is_nan()).count() as u64;
    are_slips(unreadable, readable)
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;
    use std::io::Write;

    use super::*;

    fn schema() -> Schema {
        Schema {
            id: Some("id".into()),
            target: "left".into(),
            ..Schema::default()
        }
    }

    fn file(text: &str) -> tempfile::NamedTempFile {
        let mut file = tempfile::NamedTempFile::new().unwrap();
        file.write_all(text.as_bytes()).unwrap();
        file
    }

    #[test]
    fn a_column_is_of_numbers_when_all_its_cells_are() {
        let file = file("\u{feff}x, y ,id,z\n1,a,u,\n,2,v,NA\nshort\n3,a,w,\n");
        let found = read_columns(file.path(), &schema(), &TextSettings::default()).unwrap();
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

        let levels = read_levels(file.path(), &["y", "nobody"], &TextSettings::default()).unwrap();
        assert_eq!(levels.len(), 1);
        let counts = |rows: Option<&[usize]>| levels["y"].levels(rows);
        let wanted = [("2", 1), ("a", 2)].map(|(level, rows)| (level.to_owned(), rows));
        assert_eq!(counts(None).counts, BTreeMap::from(wanted));
        assert_eq!((counts(None).missing, counts(Some(&[0, 2])).rows()), (0, 2));
        assert_eq!(levels["y"].codes, ["a", "2", "a"].map(crate::level_code));
        assert_eq!(found.clients.unwrap().len(), 3);
    }

    #[test]
    fn cells_of_one_format_are_numbers() {
        let file = file("left,share,y\n1,12.5%,3\n0,,4\n1,7 %,5\n");
        let found = read_columns(file.path(), &schema(), &TextSettings::default()).unwrap();
        let [left, share, y] = &found.columns[..] else {
            panic!("three columns");
        };
        let numbers = share.numbers.as_ref().unwrap();
        assert!(numbers[0] == 12.5 && numbers[1].is_nan() && numbers[2] == 7.0);
        assert_eq!((share.readable, share.unreadable), (2, 0));
        let percent = Reading::Numbers(NumberFormat::Percent);
        let plain = Reading::Numbers(NumberFormat::Plain);
        let readings = [left, share, y].map(|column| column.forms.reading());
        assert_eq!(readings, [plain, percent, plain]);
        assert_eq!(y.numbers.as_deref(), Some(&[3.0, 4.0, 5.0][..]));
    }

    #[test]
    fn a_typing_error_leaves_a_column_numeric() {
        let rows = |text: usize, numbers: usize| {
            let cells = (0..text)
                .map(|_| "12 k\n")
                .chain((0..numbers).map(|_| "7\n"));
            let file = file(&["x\n"].into_iter().chain(cells).collect::<String>());
            let column = read_columns(file.path(), &schema(), &TextSettings::default())
                .unwrap()
                .columns
                .remove(0);
            (column.numbers.is_some(), column.unreadable)
        };
        assert_eq!(rows(1, 19), (true, 1));
        assert_eq!(rows(1, 18), (false, 1));
        assert_eq!(rows(3, 0), (false, 3));
        assert_eq!(rows(0, 0), (true, 0));
    }

    #[test]
    fn true_and_false_are_numbers_in_the_column_of_labels() {
        let file = file("left,other\nTRUE,true\nfalse,true\n,true\n1,true\nyes,true\n");
        let found = read_columns(file.path(), &schema(), &TextSettings::default()).unwrap();
        let [left, other] = &found.columns[..] else {
            panic!("two columns");
        };
        // One text among four cells is too much for a typing error.
        assert_eq!((left.readable, left.unreadable), (3, 1));
        assert_eq!((other.readable, other.unreadable), (0, 5));
    }

    #[test]
    fn a_file_without_a_usable_header_is_rejected() {
        let refused = |text: &str| {
            read_columns(file(text).path(), &schema(), &TextSettings::default())
                .unwrap_err()
                .to_string()
        };
        assert!(refused("").contains("has no header"));
    }

    #[test]
    fn columns_of_one_name_are_left_out_and_the_others_are_read() {
        let file = file("x,note,,note,\n1,a,2,b,3\n");
        let found = read_columns(file.path(), &schema(), &TextSettings::default()).unwrap();
        let names: Vec<&str> = found.columns.iter().map(|it| it.name.as_str()).collect();
        assert_eq!(names, ["x"]);
        assert!(
            found.warnings[0].contains("(no name), note"),
            "{:?}",
            found.warnings
        );
    }
}
