//! Counts what the columns of any CSV file hold, in one pass that keeps no rows.

use std::collections::BTreeMap;
use std::path::Path;

use common::config::TextSettings;
use common::schema::{MAX_LEVEL_BYTES, NumberRules};

use super::any_file::{AnyFile, Shape};
use super::distinct::DistinctCells;
use super::forms::CellForms;
use crate::cell::{DecimalMarks, parse_number};
use crate::reader::are_data;
use crate::tokenizer::Record;

/// The columns of a file.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct FileSurvey {
    /// Rows with as many fields as the header.
    pub rows: u64,
    /// Number of rows with more or fewer fields, which were left out.
    pub skipped: u64,
    /// The columns in the file's order, without those whose name occurs more than once.
    pub columns: Vec<ColumnSurvey>,
    /// Warnings that a person should check.
    pub warnings: Vec<String>,
    /// The warning that the header looks like a row; `None` if it does not.
    pub header_as_data: Option<String>,
}

/// Counts of the cells of one column.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct ColumnSurvey {
    /// Name of the column, without spaces around it.
    pub name: String,
    /// Number of cells that would be missing if the column holds numbers.
    pub missing: u64,
    /// Number of empty cells among them. Only these would be missing if the column is a category.
    pub empty: u64,
    /// The cells that are not missing, by their form.
    pub forms: CellForms,
    /// The smallest and the largest plain number.
    pub bounds: Option<(f64, f64)>,
    /// Plain numbers that are not whole.
    pub fractions: u64,
    /// The different cells among those that are not missing.
    pub distinct: DistinctCells,
    /// The texts of all cells.
    pub texts: FewTexts,
    /// The texts of the cells that are not plain numbers.
    pub words: FewTexts,
}

/// Number of cells for each text, without the space around it, if the texts may be the levels of a
/// category. Empty cells do not count.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FewTexts(Option<BTreeMap<String, u64>>);

/// Number of suspicious names that are shown.
const MAX_SHOWN_NAMES: usize = 5;
impl Default for FewTexts {
    /// The counts of zero cells.
    fn default() -> Self {
        Self(Some(BTreeMap::new()))
    }
}

impl FewTexts {
    /// Maximum number of texts. A column with more is not considered as a category.
    pub const MAX: usize = 100;

    /// Number of cells by text. `None` if there are too many texts, or if one is too long or not
    /// UTF-8.
    pub fn counts(&self) -> Option<&BTreeMap<String, u64>> {
        self.0.as_ref()
    }

    /// Adds a cell.
    pub fn add_cell(&mut self, cell: &[u8]) {
        let text = cell.trim_ascii();
        if text.is_empty() {
            return;
        }
        match std::str::from_utf8(text) {
            Ok(text) if text.len() <= MAX_LEVEL_BYTES => self.add(text, 1),
            _ => self.0 = None,
        }
    }

    fn merge(&mut self, other: &Self) {
        match &other.0 {
            None => self.0 = None,
            Some(counts) => counts
                .iter()
                .for_each(|(text, cells)| self.add(text, *cells)),
        }
    }

    fn add(&mut self, text: &str, cells: u64) {
        let Some(counts) = &mut self.0 else {
            return;
        };
        if let Some(known) = counts.get_mut(text) {
            *known += cells;
        } else if counts.len() < Self::MAX {
            counts.insert(text.to_owned(), cells);
        } else {
            self.0 = None;
        }
    }
}

/// Reads a file once and counts what its columns hold.
///
/// A file that cannot be opened is an error (exit code 74). Other errors (exit code 65): the file
/// has no header, a quote is never closed, or a record is longer than 16 MiB.
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
    survey.warnings = file.each_block(
        || FileSurvey::of(fields.len()),
        |part, record| part.add_record(record, shape, &fields),
        |part| survey.add(&part),
    )?;
    if let Some(sentence) = names_that_are_numbers(&survey.columns) {
        let warning = format!("{}: {sentence}", path.display());
        survey.header_as_data = is_row(&survey.columns).then(|| warning.clone());
        survey.warnings.push(warning);
    }
    Ok(survey)
}

/// True if the header looks like a row. Then many names are numbers, or a name that is no number is
/// also a cell of its column. One number among the names, such as `2024`, is usual.
fn is_row(columns: &[ColumnSurvey]) -> bool {
    let names: Vec<&str> = columns.iter().map(|column| column.name.as_str()).collect();
    let stands_in_cells = |column: &ColumnSurvey| {
        let texts = column.texts.counts();
        let is_text = column.name.parse::<f64>().is_err();
        is_text && texts.is_some_and(|texts| texts.contains_key(&column.name))
    };
    are_data(&names) || columns.iter().any(stands_in_cells)
}

/// A sentence about column names that are numbers; `None` if there are none.
fn names_that_are_numbers(columns: &[ColumnSurvey]) -> Option<String> {
    let is_number = |name: &&str| name.parse::<f64>().is_ok_and(f64::is_finite);
    let names = columns.iter().map(|column| column.name.as_str());
    let numbers: Vec<&str> = names.filter(is_number).take(MAX_SHOWN_NAMES).collect();
    let numbers = numbers.join(", ");
    (!numbers.is_empty())
        .then(|| format!("the first row looks like data, not like names of columns: {numbers}"))
}

impl FileSurvey {
    fn of(n_columns: usize) -> Self {
        Self {
            columns: vec![ColumnSurvey::default(); n_columns],
            ..Self::default()
        }
    }

    fn add_record(&mut self, record: Record<'_>, shape: Shape, fields: &[usize]) {
        if !shape.fits(record) {
            self.skipped += 1;
            return;
        }
        self.rows += 1;
        for (field, column) in fields.iter().zip(&mut self.columns) {
            column.add_cell(record.field(*field), shape.decimal);
        }
    }

    fn add(&mut self, part: &Self) {
        self.rows += part.rows;
        self.skipped += part.skipped;
        for (mine, other) in self.columns.iter_mut().zip(&part.columns) {
            mine.add(other);
        }
    }
}

impl ColumnSurvey {
    /// Adds the counts of the same column in later rows or in another file.
    pub fn add(&mut self, other: &Self) {
        self.missing += other.missing;
        self.empty += other.empty;
        self.forms.merge(&other.forms);
        self.fractions += other.fractions;
        self.distinct.merge(&other.distinct);
        self.texts.merge(&other.texts);
        self.words.merge(&other.words);
        if let Some((smallest, largest)) = other.bounds {
            self.widen(smallest);
            self.widen(largest);
        }
    }

    /// Adds a cell.
    pub fn add_cell(&mut self, cell: &[u8], marks: DecimalMarks) {
        self.texts.add_cell(cell);
        let number = parse_number(cell, &NumberRules::default(), marks);
        if number.is_ok_and(f64::is_nan) {
            self.missing += 1;
            self.empty += u64::from(cell.trim_ascii().is_empty());
            return;
        }
        self.distinct.add_cell(cell);
        match number {
            Ok(number) => {
                self.forms.count_plain(cell, marks);
                self.fractions += u64::from(number.fract() != 0.0);
                self.widen(number);
            }
            Err(_) => {
                self.forms.count_other(cell, marks);
                self.words.add_cell(cell);
            }
        }
    }

    /// Number of all cells.
    pub fn rows(&self) -> u64 {
        self.missing + self.forms.present()
    }

    fn widen(&mut self, number: f64) {
        let (smallest, largest) = self.bounds.unwrap_or((number, number));
        self.bounds = Some((smallest.min(number), largest.max(number)));
    }
}

#[cfg(test)]
mod tests {
    use std::io::Write;

    use super::*;
    use crate::any_columns::Reading;

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
        assert_eq!((id.forms.texts.cells, id.distinct.share()), (4, 0.75));
        assert_eq!(x.name, "x");
        assert_eq!((x.missing, x.forms.plain, x.fractions), (1, 2, 1));
        assert_eq!(x.forms.texts.first.as_deref(), Some("12 k"));
        assert_eq!(x.bounds, Some((-2.0, 1.5)));
        assert_eq!((left.texts.counts().unwrap().len(), left.missing), (3, 1));
        assert_eq!((x.forms.reading(), left.rows()), (Reading::Texts, 4));
    }

    #[test]
    fn numbers_among_the_names_are_a_warning() {
        let found = survey("39,clerk,77516\n50,smith,83311\n");
        assert!(
            found.warnings[0].ends_with("not like names of columns: 39, 77516"),
            "{:?}",
            found.warnings
        );
        assert!(found.header_as_data.is_some());
        assert!(survey("id,x1\na,7\n").warnings.is_empty());
        let year = survey("id,x,plan,2024,left\na,7,gold,3,0\n");
        assert!(year.warnings.len() == 1 && year.header_as_data.is_none());
        let row = survey("c0,Gold,3.5,Yes,x\nc1,Gold,2,No,y\nc2,Basic,4,Yes,z\n");
        assert!(row.header_as_data.is_some());
    }

    #[test]
    fn blocks_are_counted_as_one_file() {
        let rows: String = (0..60_000).map(|row| format!("client {row},7\n")).collect();
        let found = survey(&format!("id,x\n{rows}"));
        let [id, x] = &found.columns[..] else {
            panic!("two columns");
        };
        assert_eq!((found.rows, x.forms.plain), (60_000, 60_000));
        assert_eq!((id.distinct.share(), x.distinct.count()), (1.0, 1));
        assert_eq!(x.texts.counts().unwrap()["7"], 60_000);
    }
}
