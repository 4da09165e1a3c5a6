//! Checks a record of a CSV file against the schema.

use std::borrow::Cow;

use common::schema::{CategoryRules, Feature, Kind, Labels, NumberFormat};

use super::header::{ColumnMap, IdColumn};
use super::rejection::{Rejection, RowFlaw};
use crate::cell::{self, CellProblem, DecimalMarks, Label, MarkCounts, Marks};
use crate::level::{LevelNames, level_code};
use crate::line::push_line;
use crate::text::escaped;
use crate::tokenizer::Record;

/// The encoding of a block of text.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Encoding {
    /// The whole block is UTF-8.
    Utf8,
    /// Some of the block is not UTF-8.
    Invalid,
}

impl Encoding {
    pub(super) fn of(text: &[u8]) -> Self {
        match std::str::from_utf8(text) {
            Ok(_) => Self::Utf8,
            Err(_) => Self::Invalid,
        }
    }
}

/// The reason why a row is rejected.
pub(super) struct Blame {
    field: usize,
    pub(super) flaw: RowFlaw,
    reason: String,
}

impl Blame {
    /// Replaces the reason by one with the configured texts of the labels.
    fn with_labels(self, name: &str, cell: &[u8], labels: &Labels) -> Self {
        let text = escaped(cell.trim_ascii());
        let name = escaped(name.as_bytes());
        let reason = format!("{name}: {text:?} is not a label; {}", labels.in_words());
        Self { reason, ..self }
    }

    /// Adds advice on the setting that would read the text as a number.
    fn with_advice(mut self, problem: CellProblem, cell: &[u8], marks: DecimalMarks) -> Self {
        if problem == CellProblem::NotANumber
            && let Some(advice) = cell::reading_advice(cell, marks)
        {
            self.reason.push_str("; ");
            self.reason.push_str(advice);
        }
        self
    }

    /// The rejection of a record that begins in this line.
    pub(super) fn rejection(self, record: Record<'_>, line: u64) -> Rejection {
        let mut text = Vec::new();
        push_line(&mut text, record.iter());
        Rejection {
            line,
            column: self.field + 1,
            reason: self.reason,
            text: escaped(text.trim_ascii_end()),
        }
    }
}

impl ColumnMap {
    /// Checks a record. Fills `values` and returns the label. The error is the reason to reject the
    /// record.
    pub(super) fn check(
        &self,
        record: &Record<'_>,
        encoding: Encoding,
        values: &mut Vec<f64>,
    ) -> Result<Label, Box<Blame>> {
        if !self.has_form(record, encoding) {
            self.check_form(*record, encoding)?;
        }
        values.clear();
        for (field, feature) in &self.features {
            let cell = record.field(*field);
            let value = match &feature.kind {
                // Most schemas have no rule. No time is then spent on rules: millions of rows are read.
                Kind::Number(rules) => {
                    let number = match self.rewrites_cells {
                        false => cell::parse_plain_number(cell),
                        true => cell::parse_number(cell, rules, self.decimal),
                    };
                    match number {
                        Ok(number) if self.has_rules => cell::allowed(number, rules),
                        number => number,
                    }
                }
                Kind::Category(rules) => code_of_level(cell, rules),
            };
            match value {
                Ok(value) => values.push(value),
                Err(problem) => return Err(self.blame_cell(*field, &feature.name, problem, cell)),
            }
        }
        match &self.target {
            None => Ok(None),
            Some((field, name)) => {
                let cell = record.field(*field);
                cell::parse_label(cell, &self.labels)
                    .map_err(|problem| self.blame_label(*field, name, problem, cell))
            }
        }
    }

    /// True if a record certainly has the right form. Nearly all records have.
    #[inline(always)]
    fn has_form(&self, record: &Record<'_>, encoding: Encoding) -> bool {
        let has_client = match self.id {
            IdColumn::Named(id) => record.get(id).is_some_and(|id| !id.is_empty()),
            IdColumn::Row(_) | IdColumn::None => true,
        };
        has_client
            && record.len() == self.names.len()
            && record.stray_quote().is_none()
            && !record.is_cut_by_lone_cr()
            && encoding == Encoding::Utf8
    }

    /// Checks the form of a record: its quotes, line breaks and encoding, and the number of its fields.
    #[cold]
    fn check_form(&self, record: Record<'_>, encoding: Encoding) -> Result<(), Box<Blame>> {
        if let Some(field) = record.stray_quote() {
            return Err(Box::new(Blame {
                field,
                flaw: RowFlaw::StrayQuote,
                reason: "a field spans lines and has text after its closing quote: a stray quote opens it, so the next rows are in it".into(),
            }));
        }
        let fields = self.names.len();
        if self.lines_end_with_crlf && record.is_cut_by_lone_cr() {
            return Err(Box::new(Blame {
                field: record.len().min(fields) - 1,
                flaw: RowFlaw::FieldCount,
                reason: "a lone carriage return (CR without LF) stands within the line and cuts the row in two, though the lines of the file end with CR LF".into(),
            }));
        }
        if !record.has_fields(fields, self.rows_end_with_separator) {
            return Err(Box::new(Blame {
                field: record.len().min(fields),
                flaw: RowFlaw::FieldCount,
                reason: format!("{} fields, {fields} expected", record.len()),
            }));
        }
        if encoding == Encoding::Invalid
            && let Some(field) = record
                .iter()
                .position(|cell| std::str::from_utf8(cell).is_err())
        {
            return Err(Box::new(Blame {
                field,
                flaw: RowFlaw::NotUtf8,
                reason: "the text is not UTF-8 (see ingestion.encoding)".into(),
            }));
        }
        if let IdColumn::Named(id) = self.id
            && record.field(id).is_empty()
        {
            return Err(Box::new(Blame {
                field: id,
                flaw: RowFlaw::NoClient,
                reason: "the client has no name".into(),
            }));
        }
        Ok(())
    }

    #[cold]
    fn blame_cell(
        &self,
        field: usize,
        name: &str,
        problem: CellProblem,
        cell: &[u8],
    ) -> Box<Blame> {
        Box::new(blame(field, name, problem, cell).with_advice(problem, cell, self.decimal))
    }

    #[cold]
    fn blame_label(
        &self,
        field: usize,
        name: &str,
        problem: CellProblem,
        cell: &[u8],
    ) -> Box<Blame> {
        let blame = blame(field, name, problem, cell);
        Box::new(match self.labels.are_numbers() {
            true => blame,
            false => blame.with_labels(name, cell, &self.labels),
        })
    }

    /// Adds the missing cells of a record to the counts, by feature in schema order. A record with
    /// more or fewer fields than the header is left out, because it is not known which cells are
    /// missing.
    pub(super) fn count_missing(&self, record: Record<'_>, counts: &mut Vec<u64>) {
        counts.resize(self.features.len(), 0);
        if !record.has_fields(self.names.len(), self.rows_end_with_separator) {
            return;
        }
        for ((field, feature), count) in self.features.iter().zip(counts) {
            let is_limited = feature.kind.missing_share().largest().is_some();
            let cell = record.field(*field);
            let is_missing = || match &feature.kind {
                Kind::Number(rules) => {
                    cell::parse_number(cell, rules, self.decimal).is_ok_and(f64::is_nan)
                }
                kind => kind.is_missing(cell.trim_ascii()),
            };
            if is_limited && is_missing() {
                *count += 1;
            }
        }
    }

    /// Adds the names of the levels of an accepted record. `values` are the values of this record.
    pub(super) fn name_levels(&self, record: Record<'_>, values: &[f64], names: &mut LevelNames) {
        let cells = self.features.iter().zip(values).enumerate();
        for (feature, ((field, column), code)) in cells {
            if column.kind.is_category() && !code.is_nan() {
                let text = || String::from_utf8_lossy(record.field(*field).trim_ascii()).into();
                names.name_code(feature, *code, text);
            }
        }
    }

    /// Counts the commas and points in a record's numbers, by feature in schema order.
    pub(super) fn count_marks(&self, record: Record<'_>, counts: &mut Vec<Marks>) {
        counts.resize(self.features.len(), Marks::default());
        for ((field, feature), marks) in self.features.iter().zip(counts) {
            if matches!(feature.kind, Kind::Number(_)) {
                marks.add_cell(record.field(*field));
            }
        }
    }

    /// The reason to reject a text because it is not clear how its numbers are written; `None` if
    /// it is.
    pub(super) fn doubt(&self, counts: &[Marks]) -> Option<String> {
        let is_plain = |feature: &Feature| match &feature.kind {
            Kind::Number(rules) => {
                matches!(rules.format, NumberFormat::Plain | NumberFormat::Percent)
            }
            Kind::Category(_) => false,
        };
        let first = |wants_plain: bool, is_it: &dyn Fn(&Marks) -> bool| {
            let columns = self.features.iter().zip(counts);
            let mut columns = columns.filter(|((_, it), _)| is_plain(it) == wants_plain);
            let found = columns.find(|(_, marks)| is_it(marks));
            found.map(|((_, feature), _)| escaped(feature.name.as_bytes()))
        };
        let has_decimal_points = counts.iter().any(|marks| marks.points.decimal > 0);
        let unclear_points = |marks: &Marks| {
            self.rejects_ambiguous_points && !has_decimal_points && marks.points.are_unclear()
        };
        let unclear = [
            ("comma", first(true, &|marks| marks.commas.are_unclear())),
            ("point", first(true, &unclear_points)),
        ];
        if let Some((mark, column)) = unclear
            .into_iter()
            .find_map(|(mark, column)| Some((mark, column?)))
        {
            return Some(format!(
                "{column}: each {mark} stands before three digits, so it may be a decimal mark or separate thousands; set ingestion.decimal, or give the column \"format\": \"thousands\""
            ));
        }
        let contradict = |marks: &Marks| marks.commas.contradict() || marks.points.contradict();
        if let Some(column) = first(false, &contradict) {
            return Some(format!(
                "{column}: the same mark is a decimal mark in some cells and may separate thousands in others; set ingestion.decimal"
            ));
        }
        let has_comma = |marks: &Marks| marks.commas != MarkCounts::default();
        let has_point = |marks: &Marks| marks.points != MarkCounts::default();
        let with_comma = first(true, &has_comma)?;
        let with_point = first(true, &has_point)?;
        let columns = match with_comma == with_point {
            true => format!("{with_comma}: some numbers have a comma and some a point"),
            false => {
                format!(
                    "the numbers of {with_comma} have a comma and those of {with_point} a point"
                )
            }
        };
        Some(format!(
            "{columns}, so the decimal mark is not clear; set ingestion.decimal to \".\" or \",\", and give columns with thousands \"format\": \"thousands\""
        ))
    }

    /// The fields of a row for finaldata.csv, if the file writes numbers or missing values
    /// otherwise than finaldata.csv does.
    pub(super) fn rewritten<'r>(
        &'r self,
        record: Record<'r>,
        values: &'r [f64],
        label: Label,
    ) -> impl Iterator<Item = Cow<'r, [u8]>> {
        let features = self.features.iter().zip(values);
        let features = features.map(move |((field, feature), value)| {
            let cell = record.field(*field).trim_ascii();
            match feature.kind {
                Kind::Number(_) if is_read_as(cell, *value) => cell.into(),
                _ if value.is_nan() => Cow::default(),
                Kind::Number(_) => value.to_string().into_bytes().into(),
                Kind::Category(_) => cell.into(),
            }
        });
        let target = self.texts(record, label).last().unwrap_or_default();
        self.id_of(record)
            .map(Cow::from)
            .into_iter()
            .chain(features)
            .chain(std::iter::once(target.into()))
    }

    /// The fields of a row for finaldata.csv, in schema order. Without an id column, the first
    /// field is a feature. All fields except the id are trimmed. The target is empty if the file
    /// has no target column. Texts of labels become 0 and 1.
    pub(super) fn texts<'r>(
        &'r self,
        record: Record<'r>,
        label: Label,
    ) -> impl Iterator<Item = &'r [u8]> {
        let trimmed = move |field: usize| record.field(field).trim_ascii();
        let features = self.features.iter().map(move |(field, _)| trimmed(*field));
        let target = match (&self.target, label) {
            (None, _) => &b""[..],
            (Some((field, _)), _) if self.labels.are_numbers() => trimmed(*field),
            (Some(_), None) => b"",
            (Some(_), Some(false)) => b"0",
            (Some(_), Some(true)) => b"1",
        };
        self.id_of(record)
            .into_iter()
            .chain(features)
            .chain(std::iter::once(target))
    }
}

/// The code of a category's cell; NaN if it is missing. Not inlined, to keep the loop over numbers
/// short.
#[inline(never)]
fn code_of_level(cell: &[u8], rules: &CategoryRules) -> Result<f64, CellProblem> {
    let level = cell::parse_level(cell, rules)?;
    Ok(level.map_or(f64::NAN, level_code))
}

/// True if a cell of finaldata.csv with this text would be read as this value.
fn is_read_as(cell: &[u8], value: f64) -> bool {
    let written = cell::parse_plain_number(cell);
    written.is_ok_and(|number| number == value || (number.is_nan() && value.is_nan()))
}

fn blame(field: usize, name: &str, problem: CellProblem, cell: &[u8]) -> Blame {
    Blame {
        field,
        flaw: RowFlaw::Cell(problem),
        reason: problem.describe(&escaped(name.as_bytes()), &escaped(cell.trim_ascii())),
    }
}
