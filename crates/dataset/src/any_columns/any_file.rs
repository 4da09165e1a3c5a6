//! Reads the records of any CSV file. Several blocks are parsed at once, on all processors.

use std::collections::BTreeMap;
use std::path::Path;

use anyhow::Context;
use common::Failure;
use common::config::TextSettings;
use rayon::prelude::*;

use crate::cell::DecimalMarks;
use crate::data_file::DataFile;
use crate::reader::{FileFlaw, FileProblem, LongFields, Opened, never_closed, problem_of_cut};
use crate::text::escaped;
use crate::tokenizer::{Block, Blocks, Format, LimitExceeded, Record, Tokenizer};

/// Number of blocks that are read before they are parsed together.
const BATCH_BLOCKS: usize = 8;

const NOT_UTF8: &str = "the text is not UTF-8: save it as UTF-8, or set ingestion.encoding, for example to \"windows-1252\"";

/// A file whose header was read.
pub(super) struct AnyFile<'p> {
    path: &'p Path,
    blocks: Blocks<DataFile>,
    names: Vec<String>,
    shape: Shape,
    /// The rest of the block that the header was in.
    first: Option<Block>,
    /// Line breaks before the next block.
    lines: u64,
}

/// The form of a file's rows.
#[derive(Clone, Copy)]
pub(super) struct Shape {
    fields: usize,
    rows_end_with_separator: bool,
    /// The byte between two fields.
    pub(super) separator: u8,
    /// Decimal marks of numbers.
    pub(super) decimal: DecimalMarks,
}

impl Shape {
    /// True if a record has as many fields as the header, and no stray quote.
    pub(super) fn fits(self, record: Record<'_>) -> bool {
        record.has_fields(self.fields, self.rows_end_with_separator)
            && record.stray_quote().is_none()
    }
}

/// The lines and flaws of a block.
#[derive(Default)]
struct Surroundings {
    lines: u64,
    /// Long fields; lines are counted from the beginning of the block.
    long_fields: LongFields,
    /// Line breaks before a quote that is never closed. `None` if there is no such quote.
    open_quote: Option<u64>,
    exceeded: Option<LimitExceeded>,
    is_utf8: bool,
}

impl<'p> AnyFile<'p> {
    /// Reads the header.
    ///
    /// A file that cannot be opened is an error (exit code 74), and so is a file without a header
    /// (exit code 65).
    pub(super) fn open(path: &'p Path, settings: &TextSettings) -> anyhow::Result<Self> {
        let file = DataFile::open(path).with_context(|| failed_to_read(path))?;
        let opened = Opened::of(file, Format::foreign(settings)).map_err(|it| failure(path, it))?;
        let names = opened.header().iter();
        let mut names: Vec<String> = names.map(|name| escaped(name.trim_ascii())).collect();
        if opened.header_ends_with_separator() {
            names.pop();
        }
        if names.is_empty() {
            return Err(Failure::data(format!("{} has no header", path.display())).into());
        }
        let shape = Shape {
            fields: names.len(),
            rows_end_with_separator: opened.rows_end_with_separator(),
            separator: opened.blocks.format().dialect.separator,
            decimal: opened.blocks.format().dialect.decimal,
        };
        let (blocks, first, lines) = opened.into_rest();
        Ok(Self {
            path,
            blocks,
            names,
            shape,
            first: Some(first),
            lines,
        })
    }

    /// The names of the header, without spaces around them.
    pub(super) fn names(&self) -> &[String] {
        &self.names
    }

    /// The form of the rows.
    pub(super) fn shape(&self) -> Shape {
        self.shape
    }

    /// Field number and name of each column, without spaces around the name. Columns that share a
    /// name are left out, because it is not known which one is meant.
    pub(super) fn columns(&self) -> impl Iterator<Item = (usize, &str)> {
        let counts = self.counts_of_names();
        let names = self.names.iter().enumerate();
        names
            .filter(move |(_, name)| counts[name.as_str()] == 1)
            .map(|(field, name)| (field, name.as_str()))
    }

    fn counts_of_names(&self) -> BTreeMap<&str, usize> {
        let mut counts = BTreeMap::new();
        for name in &self.names {
            *counts.entry(name.as_str()).or_default() += 1;
        }
        counts
    }

    /// A sentence that lists the names that several columns share. `None` if there are none.
    fn repeated(&self) -> Option<String> {
        let counts = self.counts_of_names();
        let repeated: Vec<&str> = counts
            .into_iter()
            .filter(|(_, count)| *count > 1)
            .map(|(name, _)| if name.is_empty() { "(no name)" } else { name })
            .collect();
        let names = repeated.join(", ");
        (!names.is_empty()).then(|| format!("columns of one name are left out: {names}"))
    }

    /// Folds the records of each block into a value, several blocks at once, and passes the values
    /// to `take` in the order of the file. Returns warnings.
    ///
    /// A quote that is never closed is an error (exit code 65). A record longer than
    /// [`Limits::record_bytes`](crate::tokenizer::Limits) is one, too. The rows after it would be
    /// missing from the comparison.
    pub(super) fn each_block<T: Send>(
        mut self,
        begin: impl Fn() -> T + Sync,
        count: impl Fn(&mut T, Record<'_>) + Sync,
        mut take: impl FnMut(T),
    ) -> anyhow::Result<Vec<String>> {
        let format = self.blocks.format();
        let parse = |block: &Block| {
            let mut part = begin();
            let around = each_record(block, format, |record| count(&mut part, record));
            (part, around)
        };
        let mut warnings: Vec<String> = self.repeated().into_iter().collect();
        let mut long_fields = LongFields::default();
        let mut is_utf8 = true;
        let mut batch: Vec<Block> = (0..BATCH_BLOCKS).map(|_| Block::default()).collect();
        let mut filled = 0;
        if let Some(first) = self.first.take() {
            batch[0] = first;
            filled = 1;
        }
        loop {
            let mut cut_error = None;
            while filled < batch.len() && cut_error.is_none() {
                match self.blocks.next(&mut batch[filled]) {
                    Ok(true) => filled += 1,
                    Ok(false) => break,
                    Err(error) => cut_error = Some(error),
                }
            }
            let blocks = &batch[..filled];
            let parsed: Vec<(T, Surroundings)> = blocks.par_iter().map(&parse).collect();
            for (part, around) in parsed {
                if let Some(flaw) = around.flaw(self.lines) {
                    return Err(failure(self.path, FileProblem::Unusable(flaw)));
                }
                long_fields.join(&around.long_fields, self.lines + 1);
                self.lines += around.lines;
                is_utf8 &= around.is_utf8;
                take(part);
            }
            if let Some(error) = cut_error {
                return Err(failure(self.path, problem_of_cut(error, self.lines)));
            }
            if filled < batch.len() {
                warnings.extend(long_fields.sentences());
                if !is_utf8 {
                    warnings.push(NOT_UTF8.to_owned());
                }
                let path = self.path.display();
                return Ok(warnings
                    .into_iter()
                    .map(|warning| format!("{path}: {warning}"))
                    .collect());
            }
            filled = 0;
        }
    }
}

impl Surroundings {
    /// The flaw of a block; `None` if it has none. `lines` is the number of line breaks before the
    /// block.
    fn flaw(&self, lines: u64) -> Option<FileFlaw> {
        let open_quote = self.open_quote.map(|breaks| lines + breaks + 1);
        let open_quote = open_quote.map(|line| FileFlaw::Syntax(never_closed(line)));
        open_quote.or(self.exceeded.map(FileFlaw::Exceeded))
    }
}

fn failure(path: &Path, problem: FileProblem) -> anyhow::Error {
    match problem {
        FileProblem::Unreadable(error) => anyhow::Error::new(error).context(failed_to_read(path)),
        FileProblem::Unusable(flaw) => Failure::data(format!("{}: {flaw}", path.display())).into(),
    }
}

fn failed_to_read(path: &Path) -> String {
    format!("failed to read {}", path.display())
}

/// Passes each record of a block to `take`.
fn each_record(block: &Block, format: Format, mut take: impl FnMut(Record<'_>)) -> Surroundings {
    let text = block.text();
    let mut tokenizer = Tokenizer::new(format);
    tokenizer.begin(text);
    let mut around = Surroundings::default();
    around.exceeded = loop {
        match tokenizer.advance(text) {
            Ok(true) => {
                let record = tokenizer.record(text);
                around.long_fields.look_into(record, record.line());
                take(record);
            }
            Ok(false) => break None,
            Err(limit) => break Some(limit),
        }
    };
    around.is_utf8 = std::str::from_utf8(text).is_ok();
    around.open_quote = tokenizer.open_quote();
    around.lines = tokenizer.lines();
    around
}

#[cfg(test)]
mod tests {
    use std::io::Write;

    use proptest::prelude::*;

    use super::*;

    fn file(text: &[u8]) -> tempfile::NamedTempFile {
        let mut file = tempfile::NamedTempFile::new().unwrap();
        file.write_all(text).unwrap();
        file
    }

    /// The cells of some records.
    type Records = Vec<Vec<Vec<u8>>>;

    fn records(path: &Path) -> Records {
        read(path).unwrap().0
    }

    /// Returns the records and the warnings.
    fn read(path: &Path) -> anyhow::Result<(Records, Vec<String>)> {
        let mut found = Vec::new();
        let warnings = AnyFile::open(path, &TextSettings::default())?.each_block(
            Vec::new,
            |records: &mut Records, record| {
                let fields = (0..record.len()).map(|field| record.field(field).to_vec());
                records.push(fields.collect());
            },
            |records| found.extend(records),
        )?;
        Ok((found, warnings))
    }

    fn refused(text: &str) -> String {
        read(file(text.as_bytes()).path()).unwrap_err().to_string()
    }

    proptest! {
        #[test]
        fn records_are_those_of_the_csv_parser(
            text in "(\u{feff})?[\r\n]{0,2}a,b(\n|\r|\r\n)[xyz,\"\r\n]{0,60}"
        ) {
            let file = file(text.as_bytes());
            let Ok((found, _)) = read(file.path()) else {
                prop_assert!(text.contains('"'), "only quotes can be left open");
                return Ok(());
            };
            let mut reader = csv::ReaderBuilder::new()
                .flexible(true)
                .from_reader(text.as_bytes());
            let fields = |record: csv::ByteRecord| record.iter().map(<[u8]>::to_vec).collect();
            let wanted: Records = reader
                .byte_records()
                .map(|record| fields(record.unwrap()))
                .collect();
            prop_assert_eq!(found, wanted);
        }
    }

    #[test]
    fn a_file_of_many_blocks_is_read_in_order() {
        let line = |row: usize| format!("{row},{}\n", "x".repeat(row % 100));
        let text: String = (0..100_000).map(line).collect();
        let file = file(format!("row,text\n{text}").as_bytes());
        let found = records(file.path());
        assert_eq!(found.len(), 100_000);
        for (row, record) in found.iter().enumerate() {
            assert_eq!(record[0], row.to_string().as_bytes());
        }
    }

    #[test]
    fn a_quote_that_is_never_closed_does_not_fill_the_memory() {
        let mut text = "x\n1\n\"".to_owned();
        text.extend(std::iter::repeat_n('7', 40 * 1024 * 1024));
        let error = refused(&text);
        assert!(
            error.contains("opens in line 3 is not closed within 16 MiB"),
            "{error}"
        );
    }

    #[test]
    fn a_quote_that_is_never_closed_is_named_by_its_line() {
        for end in ["\n", "\r\n", "\r"] {
            let lines = |rows: usize| format!("1,2{end}").repeat(rows);
            // Also with more rows than one batch of blocks has.
            for rows in [3, 900_000] {
                let text = format!("x,y{end}{}3,\"4{end}{}", lines(rows), lines(5));
                let wanted = format!("the quote that opens in line {} is never", rows + 2);
                let error = refused(&text);
                assert!(error.contains(&wanted), "{error}");
            }
            let error = refused(&format!("x,\"y{end}1,2{end}"));
            assert!(error.contains("opens in line 1 is never closed"), "{error}");
        }
    }

    #[test]
    fn fields_that_span_many_lines_and_columns_that_share_a_name_are_warnings() {
        for end in ["\n", "\r\n"] {
            let long = format!("1,2{end}").repeat(200);
            let text = format!("x,,a,a,{end}1,\"{long}\",3,4,5{end}{end}2,\"{long}\",3,4,5{end}");
            let (records, warnings) = read(file(text.as_bytes()).path()).unwrap();
            assert_eq!(records.len(), 2);
            assert!(
                warnings[0].contains("of one name are left out: (no name), a"),
                "{warnings:?}"
            );
            assert!(
                warnings[1].contains("opens in line 2 and closes in line 202"),
                "{warnings:?}"
            );
            assert!(
                warnings[2].contains("opens in line 204 and closes in line 404"),
                "{warnings:?}"
            );
        }
    }
}
