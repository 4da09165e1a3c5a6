//! The header of a file: its names, and the places of the schema's columns among them.

use std::collections::BTreeSet;
use std::fmt;
use std::io::Read;

use common::Schema;
use common::schema::{Feature, Labels, NumberRules, ROW_ID_COLUMN};

use super::opened::Opened;
use crate::cell::{DecimalMarks, parse_number};
use crate::text::escaped;
use crate::tokenizer::{Detection, Record, SEPARATORS};

/// Treatment of the target column.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TargetColumn {
    /// The target column is read if the file has it.
    Read,
    /// The target column is treated like any other column.
    Ignored,
}

/// The reason why a header is unusable.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum HeaderFlaw {
    /// A column of the schema is missing.
    MissingColumn {
        /// The name of the column in the schema.
        column: String,
        /// The schema's names of the other columns that are missing.
        others: Vec<String>,
        /// The name that may be meant.
        similar: Option<String>,
        /// All names in the header.
        found: Vec<String>,
    },
    /// A column of the schema occurs twice.
    DuplicateColumn(String),
    /// The header is not UTF-8. The text says where.
    NotUtf8(String),
    /// The header is not a header of CSV. The text says why.
    NotCsv(String),
}

impl fmt::Display for HeaderFlaw {
    fn fmt(&self, to: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::MissingColumn {
                column,
                similar,
                found,
                ..
            } => {
                if let [name] = &found[..]
                    && let Some(separator) = other_separator(name)
                {
                    return write!(
                        to,
                        "the columns are not separated as expected: the header is a single field that contains {separator}; set ingestion.separator to it, or to \"auto\" if it has another value, and check that all rows have as many fields as the header (found: {})",
                        shown(found)
                    );
                }
                if are_data(found) {
                    return write!(
                        to,
                        "the first line is no header: it looks like data ({}); put a line with the names of the columns before it",
                        shown(found)
                    );
                }
                write!(to, "the column {} is missing", escaped(column.as_bytes()))?;
                if let Some(similar) = similar {
                    write!(to, ", did you mean {similar:?}?")?;
                }
                write!(to, " (found: {})", shown(found))
            }
            Self::DuplicateColumn(name) => {
                write!(to, "the header names the column {name:?} twice")
            }
            Self::NotUtf8(reason) | Self::NotCsv(reason) => to.write_str(reason),
        }
    }
}

/// Positions, from 0, of the columns that a model reads in a list of column names.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ColumnPlaces {
    /// The column that names the client, if the schema has one.
    pub id: Option<usize>,
    /// The features, in schema order.
    pub features: Vec<usize>,
}

/// Finds the columns that a model reads, by the rules for the header of a CSV file.
pub fn find_columns<'n>(
    names: impl IntoIterator<Item = &'n str>,
    schema: &Schema,
) -> Result<ColumnPlaces, HeaderFlaw> {
    let names = names
        .into_iter()
        .map(|name| name.trim().to_owned())
        .collect();
    let map = ColumnMap::find(names, schema, TargetColumn::Ignored, Origin::Foreign)?;
    Ok(ColumnPlaces {
        id: match map.id {
            IdColumn::Named(field) | IdColumn::Row(field) => Some(field),
            IdColumn::None => None,
        },
        features: map.features.into_iter().map(|(field, _)| field).collect(),
    })
}

/// Finds the column of the labels in a header; `None` if there is none.
pub fn find_target<'n>(names: impl IntoIterator<Item = &'n str>, schema: &Schema) -> Option<usize> {
    let wanted = normalised(&schema.target);
    let mut names = names.into_iter();
    names.position(|name| normalised(name) == wanted)
}

/// Columns that come after this one in the schema and are not in `names` (normalised names of the header).
fn missing_after(column: &str, schema: &Schema, names: &[String]) -> Vec<String> {
    let features = schema.features.iter().map(|feature| &feature.name);
    let read = schema.id.iter().chain(features);
    read.skip_while(|read| *read != column)
        .skip(1)
        .filter(|read| !names.contains(&normalised(read)))
        .cloned()
        .collect()
}

/// Who wrote a file.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Origin {
    /// This program.
    Own,
    /// Somebody else.
    Foreign,
}

/// The column that names the rows of a file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum IdColumn {
    /// A column with the ids of clients.
    Named(usize),
    /// A column with row ids, in a file that this program wrote.
    Row(usize),
    /// No column: the schema has no id.
    None,
}

/// The places of the schema's columns in a file, and how their cells are read.
pub(super) struct ColumnMap {
    /// The names in the header, without spaces around them.
    pub(super) names: Vec<String>,
    pub(super) id: IdColumn,
    /// Decimal marks of numbers.
    pub(super) decimal: DecimalMarks,
    /// True if a column with numbers such as `1.234` is ambiguous: every point is followed by three digits
    /// and may separate thousands. The text is then rejected, because its numbers are not clear.
    pub(super) rejects_ambiguous_points: bool,
    /// True if each row has one more field than the header, and this field is empty.
    pub(super) rows_end_with_separator: bool,
    /// True if lines end with CR LF, so that a CR alone is part of a field.
    pub(super) lines_end_with_crlf: bool,
    /// True if numbers or missing values have another notation than in finaldata.csv.
    pub(super) rewrites_cells: bool,
    pub(super) features: Vec<(usize, Feature)>,
    /// True if a feature is a category.
    pub(super) has_categories: bool,
    /// True if a feature has a rule that a value can breach.
    pub(super) has_rules: bool,
    /// True if the schema limits the share of missing cells of a feature.
    pub(super) limits_missing_shares: bool,
    pub(super) target: Option<(usize, String)>,
    /// The texts of the labels in the target column.
    pub(super) labels: Labels,
    /// What was tolerated in the header.
    pub(super) notes: Vec<String>,
    /// True if columns and labels are as in finaldata.csv: the file has the columns of the schema
    /// in their order, and no others.
    pub(super) is_as_written: bool,
}

impl ColumnMap {
    /// Finds the columns in the header of a text. Notes what was tolerated in it.
    pub(super) fn of_opened<R: Read>(
        opened: &Opened<R>,
        schema: &Schema,
        target: TargetColumn,
    ) -> Result<Self, HeaderFlaw> {
        let header = opened.header();
        let format = opened.blocks.format();
        let mut names = header_names(header)?;
        if opened.header_ends_with_separator() {
            names.pop();
        }
        let differs = header
            .iter()
            .zip(&names)
            .any(|(written, name)| written != normalised(name).as_bytes());
        let origin = match format.detection {
            Detection::Nothing => Origin::Own,
            _ => Origin::Foreign,
        };
        let mut columns = Self::find(names, schema, target, origin)?;
        columns.decimal = format.dialect.decimal;
        columns.rejects_ambiguous_points = format.rejects_ambiguous_points;
        columns.lines_end_with_crlf = opened.header_text().ends_with(b"\r\n");
        columns.rows_end_with_separator = opened.rows_end_with_separator();
        columns.rewrites_cells |= columns.decimal != DecimalMarks::Point;
        columns.is_as_written &= !columns.rewrites_cells && !columns.rows_end_with_separator;
        let has_ignored_difference = differs && !is_as_configured(header, schema);
        columns.notes = columns.noted(schema, target, has_ignored_difference);
        Ok(columns)
    }

    fn find(
        names: Vec<String>,
        schema: &Schema,
        target: TargetColumn,
        origin: Origin,
    ) -> Result<Self, HeaderFlaw> {
        let in_lower_case: Vec<String> = names.iter().map(|name| normalised(name)).collect();
        // Other columns may share a name, because they are not read.
        let place = |column: &str| {
            let wanted = normalised(column);
            let mut places = in_lower_case
                .iter()
                .enumerate()
                .filter(|(_, name)| **name == wanted);
            match (places.next(), places.next()) {
                (_, Some(_)) => Err(HeaderFlaw::DuplicateColumn(column.trim().to_owned())),
                (found, None) => Ok(found.map(|(place, _)| place)),
            }
        };
        let required = |column: &str| {
            place(column)?.ok_or_else(|| HeaderFlaw::MissingColumn {
                column: column.to_owned(),
                others: missing_after(column, schema, &in_lower_case),
                similar: similar(column, &names, schema).map(str::to_owned),
                found: names.clone(),
            })
        };
        let id = match (&schema.id, origin) {
            (Some(id), _) => IdColumn::Named(required(id)?),
            (None, Origin::Own) => IdColumn::Row(required(ROW_ID_COLUMN)?),
            (None, Origin::Foreign) => IdColumn::None,
        };
        let written = schema.as_written();
        // Rows of a file without an id column get a row id, even if the file has a column with the name of
        // the row id.
        let is_as_written = id != IdColumn::None
            && names.len() == schema.written_columns().count()
            && target == TargetColumn::Read
            && *schema == written
            && schema
                .written_columns()
                .zip(&in_lower_case)
                .all(|(column, name)| normalised(column) == *name);
        Ok(Self {
            id,
            decimal: DecimalMarks::Point,
            rejects_ambiguous_points: true,
            rows_end_with_separator: false,
            lines_end_with_crlf: false,
            rewrites_cells: schema.features != written.features,
            features: schema
                .features
                .iter()
                .map(|feature| Ok((required(&feature.name)?, feature.clone())))
                .collect::<Result<_, HeaderFlaw>>()?,
            has_rules: !schema
                .features
                .iter()
                .all(|feature| feature.kind.allows_any_value()),
            has_categories: schema.has_categories(),
            limits_missing_shares: schema.limits_missing_shares(),
            labels: schema.labels.clone(),
            target: match target {
                TargetColumn::Read => {
                    place(&schema.target)?.map(|field| (field, schema.target.clone()))
                }
                TargetColumn::Ignored => None,
            },
            names,
            notes: Vec::new(),
            is_as_written,
        })
    }

    /// The name of a field; fields are counted from 1.
    pub(super) fn name_of(&self, field: usize) -> Option<&str> {
        let name = self.names.get(field.checked_sub(1)?)?;
        Some(name)
    }

    /// The id of a record's client, or its row id; `None` if no column has it.
    #[inline]
    pub(super) fn id_of<'r>(&self, record: Record<'r>) -> Option<&'r [u8]> {
        match self.id {
            IdColumn::Named(field) | IdColumn::Row(field) => Some(record.field(field)),
            IdColumn::None => None,
        }
    }

    fn noted(
        &self,
        schema: &Schema,
        target: TargetColumn,
        has_ignored_difference: bool,
    ) -> Vec<String> {
        let known: Vec<String> = schema.columns().map(normalised).collect();
        let mut seen = BTreeSet::new();
        // Spreadsheets often export several columns without a name.
        let is_extra = |name: &&String| {
            let name = normalised(name);
            !known.contains(&name) && seen.insert(name)
        };
        let extra: Vec<String> = self.names.iter().filter(is_extra).cloned().collect();
        let mut notes = Vec::new();
        if has_ignored_difference {
            notes.push("spaces or upper and lower case in the header differ from the schema; this was ignored".into());
        }
        if !extra.is_empty() {
            notes.push(format!("other columns are ignored: {}", shown(&extra)));
        }
        if self.target.is_none() && target == TargetColumn::Read {
            let meant = self
                .similar_to_target(schema)
                .map_or(String::new(), |name| format!(", did you mean {name:?}?"));
            notes.push(format!(
                "there is no column {}, so its rows have no label{meant}",
                escaped(schema.target.as_bytes())
            ));
        }
        notes
    }

    /// True if the file has no target column.
    pub(super) fn lacks_target(&self) -> bool {
        self.target.is_none()
    }

    /// If the file has no target column, the column that may be meant as the target.
    pub(super) fn similar_to_target(&self, schema: &Schema) -> Option<&str> {
        match self.target {
            None => similar(&schema.target, &self.names, schema),
            Some(_) => None,
        }
    }
}

/// Minimum share of numbers among the names that makes a header look like a row.
const MIN_SHARE_OF_NUMBERS: f64 = 0.3;

/// True if the names of a header look like the cells of a row.
pub(crate) fn are_data<T: AsRef<[u8]>>(names: &[T]) -> bool {
    let is_number = |name: &&T| {
        parse_number(name.as_ref(), &NumberRules::default(), DecimalMarks::Either)
            .is_ok_and(|number| !number.is_nan())
    };
    let numbers = names.iter().filter(is_number).count();
    numbers > 0 && numbers as f64 >= MIN_SHARE_OF_NUMBERS * names.len() as f64
}

/// The separator that the only field of a header contains; `None` if it has none.
fn other_separator(header: &str) -> Option<&'static str> {
    let mut known = SEPARATORS.into_iter();
    let found = known.find(|(separator, _)| header.contains(char::from(*separator)));
    found.map(|(_, name)| name)
}

/// Maximum number of names in a message.
const MAX_SHOWN_NAMES: usize = 30;
/// Maximum number of characters of a name in a message.
const MAX_SHOWN_CHARACTERS: usize = 60;

/// Some names as text for people.
fn shown(names: &[String]) -> String {
    let name = |name: &String| match name.chars().nth(MAX_SHOWN_CHARACTERS) {
        _ if name.is_empty() => "(no name)".to_owned(),
        None => escaped(name.as_bytes()),
        Some(_) => {
            let beginning: String = name.chars().take(MAX_SHOWN_CHARACTERS).collect();
            format!("{}…", escaped(beginning.as_bytes()))
        }
    };
    let mut shown: Vec<String> = names.iter().take(MAX_SHOWN_NAMES).map(name).collect();
    if names.len() > MAX_SHOWN_NAMES {
        shown.push(format!("and {} more", names.len() - MAX_SHOWN_NAMES));
    }
    shown.join(", ")
}

/// The name in the header that may be meant by a missing column; `None` if there is none. A name of
/// another column of the schema is not considered.
fn similar<'n>(column: &str, names: &'n [String], schema: &Schema) -> Option<&'n str> {
    let wanted = normalised(column);
    let others: Vec<String> = schema.columns().map(normalised).collect();
    names
        .iter()
        .take(MAX_COMPARED_NAMES)
        .filter_map(|name| {
            let lower = normalised(name);
            let distance = distance(&wanted, &lower).filter(|_| !others.contains(&lower))?;
            Some((distance, name))
        })
        .min_by_key(|(distance, _)| *distance)
        .map(|(_, name)| name.as_str())
}

/// Maximum number of names that are compared with a missing column.
const MAX_COMPARED_NAMES: usize = 1024;
/// Number of characters of a name in which one typing error is allowed.
const CHARACTERS_PER_ERROR: usize = 3;

/// The edit distance of a name from the wanted one; `None` if it is too large.
fn distance(wanted: &str, name: &str) -> Option<usize> {
    if adds_only_digits_or_question_word(wanted, name) {
        return Some(0);
    }
    let length = wanted.chars().count();
    // A name that is more than twice as long is not compared.
    if name.chars().count() > 2 * length {
        return None;
    }
    let distance = strsim::damerau_levenshtein(wanted, name);
    (distance <= length / CHARACTERS_PER_ERROR).then_some(distance)
}

/// Words that turn the name of a column into a question: `is exited`, `has exited`.
const QUESTION_WORDS: [&str; 2] = ["is", "has"];

/// True if a name differs from the wanted one only by digits or a question word, as in `exited
/// (0/1)`. A name with any other word, such as `exited on`, is another column.
fn adds_only_digits_or_question_word(wanted: &str, name: &str) -> bool {
    let (wanted, name) = (words(wanted), words(name));
    let Some((before, after)) = name.split_once(&wanted) else {
        return false;
    };
    let mut others = before.split(' ').chain(after.split(' '));
    !wanted.trim().is_empty()
        && others.all(|word| {
            word.chars().all(|character| character.is_ascii_digit())
                || QUESTION_WORDS.contains(&word)
        })
}

/// The header's names, trimmed.
fn header_names(header: Record<'_>) -> Result<Vec<String>, HeaderFlaw> {
    let bytes = header.text();
    if bytes.contains(&0) {
        return Err(HeaderFlaw::NotCsv(
            "it is not a text: the header holds a zero byte; UTF-16 without a byte order mark is read with \"encoding\": \"utf-16le\" in the section ingestion".into(),
        ));
    }
    if bytes.trim_ascii_start().starts_with(b"<") {
        return Err(HeaderFlaw::NotCsv(
            "it is a page of HTML or XML, not CSV".into(),
        ));
    }
    if header.len() == 0 {
        return Err(HeaderFlaw::NotCsv("it has no header".into()));
    }
    header
        .iter()
        .map(|name| match std::str::from_utf8(name) {
            Ok(name) => Ok(name.trim().to_owned()),
            Err(_) => Err(HeaderFlaw::NotUtf8(format!(
                "the header is not UTF-8: {}; save the file as UTF-8, or set ingestion.encoding, for example to \"windows-1252\"",
                escaped(name)
            ))),
        })
        .collect()
}

/// True if the header has each column of the schema exactly as the schema writes it.
fn is_as_configured(header: Record<'_>, schema: &Schema) -> bool {
    schema
        .columns()
        .all(|column| header.iter().any(|name| name == column.as_bytes()))
}

fn normalised(name: &str) -> String {
    name.trim().to_lowercase()
}

/// The words of a name, with a space before and after each word.
fn words(name: &str) -> String {
    let words = name
        .split(|character: char| !character.is_alphanumeric())
        .filter(|word| !word.is_empty());
    words.fold(String::from(" "), |text, word| text + word + " ")
}
