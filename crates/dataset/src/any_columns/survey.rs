//! What the columns of any CSV file hold, counted in one pass that keeps no rows.

use std::collections::{BTreeSet, HashSet};
use std::path::Path;

use common::config::TextSettings;
use common::schema::{Labels, MAX_LEVEL_BYTES, NumberRules};

use super::any_file::{AnyFile, Shape};
use crate::cell::{DecimalMarks, parse_label, parse_number};
use crate::fingerprint::client_hash;
use crate::tokenizer::Record;

/// Cells at the beginning of a file that are compared with each other.
const COMPARED_CELLS: usize = 1000;
/// A numeric column has at most one other text in this many cells that are not missing.
const MAX_UNREADABLE: u64 = 20;

/// The columns of a file.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct FileSurvey {
    /// Rows with as many fields as the header.
    pub rows: u64,
    /// Rows with more or fewer, which were left out.
    pub skipped: u64,
    /// The columns in the file's order, without those whose name stands there more than once.
    pub columns: Vec<ColumnSurvey>,
    /// What somebody should look at.
    pub warnings: Vec<String>,
}

/// What the cells of one column are.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct ColumnSurvey {
    /// Its name, without spaces around it.
    pub name: String,
    /// Cells that are missing in a column of numbers.
    pub missing: u64,
    /// Those of them that are empty: in a category no other cell is missing.
    pub empty: u64,
    /// Cells that hold a number.
    pub numbers: u64,
    /// Cells that hold other text.
    pub others: u64,
    /// Cells that name the class 0 and the class 1; other text may be among them (`true`).
    pub classes: [u64; 2],
    /// The smallest and the largest number.
    pub bounds: Option<(f64, f64)>,
    /// Numbers that are not whole.
    pub fractions: u64,
    /// Cells at the beginning that were held against each other.
    pub compared: u64,
    /// Different ones among them.
    pub distinct: u64,
    /// The different texts of all cells, where they are few.
    pub texts: FewTexts,
}

/// The different texts of some cells without the space around them, as long as they could be the
/// levels of a category; empty ones do not count.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FewTexts(Option<BTreeSet<String>>);

/// Of more texts than this a column is not looked at as a category.
const MAX_TEXTS: usize = 50;

impl Default for FewTexts {
    /// Those of no cells.
    fn default() -> Self {
        Self(Some(BTreeSet::new()))
    }
}

impl FewTexts {
    /// The texts; `None` where there are too many, or one is too long or is not UTF-8.
    pub fn texts(&self) -> Option<&BTreeSet<String>> {
        self.0.as_ref()
    }

    /// Adds a cell.
    pub fn count(&mut self, cell: &[u8]) {
        let text = cell.trim_ascii();
        if text.is_empty() {
            return;
        }
        match std::str::from_utf8(text) {
            Ok(text) if text.len() <= MAX_LEVEL_BYTES => self.add(text),
            _ => self.0 = None,
        }
    }

    fn merge(&mut self, other: &Self) {
        match &other.0 {
            None => self.0 = None,
            Some(texts) => texts.iter().for_each(|text| self.add(text)),
        }
    }

    fn add(&mut self, text: &str) {
        let Some(texts) = &mut self.0 else {
            return;
        };
        if !texts.contains(text) {
            texts.insert(text.to_owned());
            if texts.len() > MAX_TEXTS {
                self.0 = None;
            }
        }
    }
}

/// Reads a file once and counts what its columns hold.
///
/// A file that cannot be opened is an error (exit code 74), and so is one without a header, with a
/// quote that is never closed or with a record of more than 16 MiB (65).
pub fn survey_columns(path: &Path, text: &TextSettings) -> anyhow::Result<FileSurvey> {
    let file = AnyFile::open(path, text)?;
    let shape = file.shape();
    let (fields, columns): (Vec<usize>, Vec<ColumnSurvey>) = file
        .columns()
        .map(|(field, name)| {
            let column = ColumnSurvey {
                name: name.to_owned(),
                ..ColumnSurvey::default()
            };
            (field, column)
        })
        .unzip();
    let mut survey = FileSurvey {
        columns,
        ..FileSurvey::default()
    };
    let mut beginnings = vec![Vec::new(); fields.len()];
    survey.warnings = file.each_block(
        || Part::of(fields.len()),
        |part, record| part.count(record, shape, &fields),
        |part| survey.add(part, &mut beginnings),
    )?;
    for (column, cells) in survey.columns.iter_mut().zip(beginnings) {
        column.compared = cells.len() as u64;
        column.distinct = cells.into_iter().collect::<HashSet<u64>>().len() as u64;
    }
    Ok(survey)
}

/// A block of a file.
struct Part {
    survey: FileSurvey,
    /// Hashes of each column's first cells.
    beginnings: Vec<Vec<u64>>,
}

impl Part {
    fn of(n_columns: usize) -> Self {
        Self {
            survey: FileSurvey {
                columns: vec![ColumnSurvey::default(); n_columns],
                ..FileSurvey::default()
            },
            beginnings: vec![Vec::new(); n_columns],
        }
    }

    fn count(&mut self, record: Record<'_>, shape: Shape, fields: &[usize]) {
        let survey = &mut self.survey;
        if !shape.fits(record) {
            survey.skipped += 1;
            return;
        }
        survey.rows += 1;
        let columns = survey.columns.iter_mut().zip(&mut self.beginnings);
        for (field, (column, beginning)) in fields.iter().zip(columns) {
            let cell = record.field(*field);
            column.count(cell, shape.decimal);
            if beginning.len() < COMPARED_CELLS {
                beginning.push(client_hash(cell));
            }
        }
    }
}

impl FileSurvey {
    fn add(&mut self, part: Part, beginnings: &mut [Vec<u64>]) {
        self.rows += part.survey.rows;
        self.skipped += part.survey.skipped;
        for (mine, other) in self.columns.iter_mut().zip(&part.survey.columns) {
            mine.add(other);
        }
        for (mine, other) in beginnings.iter_mut().zip(part.beginnings) {
            let room = COMPARED_CELLS.saturating_sub(mine.len());
            mine.extend(other.into_iter().take(room));
        }
    }
}

impl ColumnSurvey {
    /// Adds the cells of a column that stands behind this one, or in another file.
    pub fn add(&mut self, other: &Self) {
        self.missing += other.missing;
        self.empty += other.empty;
        self.numbers += other.numbers;
        self.others += other.others;
        self.fractions += other.fractions;
        self.compared += other.compared;
        self.distinct += other.distinct;
        self.texts.merge(&other.texts);
        for (mine, other) in self.classes.iter_mut().zip(other.classes) {
            *mine += other;
        }
        if let Some((smallest, largest)) = other.bounds {
            self.widen(smallest);
            self.widen(largest);
        }
    }

    /// Cells of any kind.
    pub fn rows(&self) -> u64 {
        self.missing + self.numbers + self.others
    }

    /// Whether it is one of numbers, by the rule of [`read_columns`](super::read_columns), and has
    /// some.
    pub fn holds_numbers(&self) -> bool {
        self.numbers > 0 && are_typing_errors(self.others, self.numbers)
    }

    fn count(&mut self, cell: &[u8], marks: DecimalMarks) {
        self.texts.count(cell);
        match parse_number(cell, &NumberRules::default(), marks) {
            Ok(number) if number.is_nan() => {
                self.missing += 1;
                self.empty += u64::from(cell.trim_ascii().is_empty());
            }
            Ok(number) => {
                self.numbers += 1;
                self.fractions += u64::from(number.fract() != 0.0);
                self.widen(number);
            }
            Err(_) => self.others += 1,
        }
        if let Ok(Some(class)) = parse_label(cell, &Labels::default()) {
            self.classes[usize::from(class)] += 1;
        }
    }

    fn widen(&mut self, number: f64) {
        let (smallest, largest) = self.bounds.unwrap_or((number, number));
        self.bounds = Some((smallest.min(number), largest.max(number)));
    }
}

/// True if so few other texts are typing errors in a numeric column.
pub(super) fn are_typing_errors(unreadable: u64, readable: u64) -> bool {
    unreadable * MAX_UNREADABLE <= readable + unreadable
}

#[cfg(test)]
mod tests {
    use std::io::Write;

    use super::*;

    fn survey(text: &str) -> FileSurvey {
        let mut file = tempfile::NamedTempFile::new().unwrap();
        file.write_all(text.as_bytes()).unwrap();
        survey_columns(file.path(), &TextSettings::default()).unwrap()
    }

    #[test]
    fn each_cell_is_counted_as_what_it_is() {
        let found = survey("id, x ,left\na,1.5,0\nb,NA,true\na,-2,1\nc,12 k,\nshort\n");
        assert_eq!((found.rows, found.skipped), (4, 1));
        let [id, x, left] = &found.columns[..] else {
            panic!("three columns");
        };
        assert_eq!((id.others, id.compared, id.distinct), (4, 4, 3));
        assert_eq!(x.name, "x");
        assert_eq!((x.missing, x.numbers, x.others, x.fractions), (1, 2, 1, 1));
        assert_eq!(x.bounds, Some((-2.0, 1.5)));
        assert_eq!((left.classes, left.missing), ([1, 2], 1));
        assert!(!x.holds_numbers() && left.rows() == 4);
    }

    #[test]
    fn blocks_are_counted_as_one_file() {
        let rows: String = (0..60_000).map(|row| format!("client {row},7\n")).collect();
        let found = survey(&format!("id,x\n{rows}"));
        assert_eq!((found.rows, found.columns[1].numbers), (60_000, 60_000));
        let id = &found.columns[0];
        assert_eq!((id.compared, id.distinct), (1000, 1000));
        assert_eq!(found.columns[1].distinct, 1);
    }
}
