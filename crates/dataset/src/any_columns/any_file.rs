//! The records of any CSV file, some blocks at a time on all processors.

use std::collections::BTreeMap;
use std::ops::Range;
use std::path::Path;

use anyhow::Context;
use common::Failure;
use csv::ByteRecord;
use memchr::{memchr, memchr_iter, memchr2_iter};
use rayon::prelude::*;

use crate::data_file::DataFile;
use crate::reader::{
    Block, Blocks, CutError, LongFields, Marks, line_breaks, long_name, never_closed, too_long,
};
use crate::text::escaped;

/// Blocks that are read before they are parsed together.
const BATCH_BLOCKS: usize = 8;

/// A file whose header was read.
pub(super) struct AnyFile<'p> {
    path: &'p Path,
    blocks: Blocks<DataFile>,
    names: Vec<String>,
    /// The rest of the block that the header was in.
    first: Option<Block>,
    /// Line breaks before the next block.
    lines: u64,
}

/// The fields of one record.
#[derive(Clone, Copy)]
pub(super) struct Fields<'a> {
    bytes: &'a [u8],
    ranges: &'a [Range<usize>],
}

/// What a block holds besides what was asked for.
#[derive(Default)]
struct Surroundings {
    lines: u64,
    /// By lines of the block.
    long_fields: LongFields,
}

impl<'p> AnyFile<'p> {
    /// Reads the header.
    ///
    /// A file that cannot be opened is an error (exit code 74), and so is one without a header
    /// (65).
    pub(super) fn open(path: &'p Path) -> anyhow::Result<Self> {
        let file = DataFile::open(path).with_context(|| failed_to_read(path))?;
        let mut found = Self {
            path,
            blocks: Blocks::new(file),
            names: Vec::new(),
            first: None,
            lines: 0,
        };
        let mut first = Block::default();
        found.next(&mut first)?;
        let (names, start) = header(&first.bytes).map_err(|reason| found.rejected(&reason))?;
        if let Some(at) = first.open_quote.filter(|at| *at < start) {
            return Err(found.rejected(&never_closed(line_breaks(&first.bytes[..at]) + 1)));
        }
        if names.is_empty() {
            return Err(Failure::data(format!("{} has no header", path.display())).into());
        }
        found.names = names;
        found.lines = line_breaks(&first.bytes[..start]);
        first.start = start;
        found.first = Some(first);
        Ok(found)
    }

    /// Number of fields of the header.
    pub(super) fn n_fields(&self) -> usize {
        self.names.len()
    }

    /// The columns by their field, without spaces around their names. One whose name stands there
    /// more than once is none of them: nobody knows which is meant.
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

    /// Says which columns are left out.
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

    /// Makes something of each block, several at once, record by record, and hands it over in the
    /// file's order. Returns what somebody should look at.
    ///
    /// A last record that does not end is an error (exit code 65), and so is one longer than a
    /// reader of client rows takes: what follows it would be missing from the comparison.
    pub(super) fn each_block<T: Send>(
        mut self,
        begin: impl Fn() -> T + Sync,
        count: impl Fn(&mut T, Fields<'_>) + Sync,
        mut take: impl FnMut(T),
    ) -> anyhow::Result<Vec<String>> {
        let parse = |block: &Block| {
            let mut part = begin();
            let around = each_record(block, |record| count(&mut part, record));
            (part, around)
        };
        let mut warnings: Vec<String> = self.repeated().into_iter().collect();
        let mut long_fields = LongFields::default();
        let mut batch: Vec<Block> = (0..BATCH_BLOCKS).map(|_| Block::default()).collect();
        let mut filled = 0;
        if let Some(first) = self.first.take() {
            batch[0] = first;
            filled = 1;
        }
        loop {
            while filled < batch.len() && self.next(&mut batch[filled])? {
                filled += 1;
            }
            let blocks = &batch[..filled];
            let parsed: Vec<(T, Surroundings)> = blocks.par_iter().map(&parse).collect();
            for (block, (part, around)) in blocks.iter().zip(parsed) {
                if let Some(at) = block.open_quote {
                    let breaks = line_breaks(&block.bytes[block.start..at]);
                    return Err(self.rejected(&never_closed(self.lines + breaks + 1)));
                }
                long_fields.join(&around.long_fields, self.lines);
                self.lines += around.lines;
                take(part);
            }
            if filled < batch.len() {
                warnings.extend(long_fields.sentences());
                let path = self.path.display();
                return Ok(warnings
                    .into_iter()
                    .map(|warning| format!("{path}: {warning}"))
                    .collect());
            }
            filled = 0;
        }
    }

    fn next(&mut self, block: &mut Block) -> anyhow::Result<bool> {
        match self.blocks.next(block) {
            Ok(is_there) => Ok(is_there),
            Err(CutError::Unreadable(error)) => {
                Err(error).with_context(|| failed_to_read(self.path))
            }
            Err(CutError::LongRecord(_)) => Err(self.rejected(&self.long_record()?)),
        }
    }

    /// Why a record is too long; its line is counted by reading the file once more, as the blocks
    /// before it may wait to be parsed.
    fn long_record(&self) -> anyhow::Result<String> {
        let file = DataFile::open(self.path).with_context(|| failed_to_read(self.path))?;
        let mut blocks = Blocks::new(file);
        let mut block = Block::default();
        let mut line = 1;
        loop {
            match blocks.next(&mut block) {
                Ok(true) => line += line_breaks(&block.bytes),
                Ok(false) => return Ok("it has changed while it was read".into()),
                Err(CutError::Unreadable(error)) => {
                    return Err(error).with_context(|| failed_to_read(self.path));
                }
                Err(CutError::LongRecord(record)) => {
                    let quote = record.quote.map(|breaks| line + breaks);
                    return Ok(too_long(line, quote));
                }
            }
        }
    }

    fn rejected(&self, reason: &str) -> anyhow::Error {
        Failure::data(format!("{}: {reason}", self.path.display())).into()
    }
}

fn failed_to_read(path: &Path) -> String {
    format!("failed to read {}", path.display())
}

/// The names in the first record, and where it ends; or why they cannot be used.
fn header(bytes: &[u8]) -> Result<(Vec<String>, usize), String> {
    let mut reader = csv::ReaderBuilder::new().flexible(true).from_reader(bytes);
    // Reading bytes from memory cannot fail, and any bytes are records.
    let Ok(header) = reader.byte_headers() else {
        return Ok((Vec::new(), 0));
    };
    let flaw = long_name(header.iter());
    let names = header.iter();
    let names = names.map(|name| escaped(name.trim_ascii())).collect();
    let end = usize::try_from(reader.position().byte()).unwrap_or(bytes.len());
    // The parser takes the line feed of a CRLF for an empty line.
    let is_crlf = end > 0 && bytes[end - 1] == b'\r' && bytes.get(end) == Some(&b'\n');
    match flaw {
        Some(flaw) => Err(flaw),
        None => Ok((names, end + usize::from(is_crlf))),
    }
}

impl<'a> Fields<'a> {
    /// Number of fields.
    pub(super) fn len(self) -> usize {
        self.ranges.len()
    }

    /// The bytes of a field that is there.
    pub(super) fn field(self, field: usize) -> &'a [u8] {
        &self.bytes[self.ranges[field].clone()]
    }
}

/// Hands each record of a block to `take`; an empty line is none.
fn each_record(block: &Block, mut take: impl FnMut(Fields<'_>)) -> Surroundings {
    let bytes = &block.bytes[block.start..];
    let mut around = Surroundings::default();
    let mut ranges = Vec::new();
    if block.marks == Marks::QuotesOrReturns {
        around.lines = match memchr(b'\r', bytes) {
            None => memchr_iter(b'\n', bytes).count() as u64,
            Some(_) => line_breaks(bytes),
        };
        each_quoted_record(bytes, ranges, |record, line| {
            if LongFields::can_be_in(record.bytes, block.marks) {
                let fields = (0..record.len()).map(|field| record.field(field));
                around.long_fields.look_at_fields(fields, line());
            }
            take(record);
        });
        return around;
    }
    let mut start = 0;
    // Without quotes and carriage returns every comma and line feed is one.
    for at in memchr2_iter(b',', b'\n', bytes) {
        ranges.push(start..at);
        start = at + 1;
        if bytes[at] == b'\n' {
            around.lines += 1;
            take_line(
                bytes,
                &mut ranges,
                around.lines,
                &mut around.long_fields,
                &mut take,
            );
        }
    }
    if start < bytes.len() || !ranges.is_empty() {
        ranges.push(start..bytes.len());
        let line = around.lines + 1;
        take_line(bytes, &mut ranges, line, &mut around.long_fields, &mut take);
    }
    around
}

/// Takes the record of one line, and forgets its fields.
fn take_line(
    bytes: &[u8],
    ranges: &mut Vec<Range<usize>>,
    line: u64,
    long_fields: &mut LongFields,
    take: &mut impl FnMut(Fields<'_>),
) {
    let is_empty_line = matches!(ranges[..], [ref only] if only.is_empty());
    if !is_empty_line {
        let fields = Fields { bytes, ranges };
        let text = match &ranges[..] {
            [first, .., last] => &bytes[first.start..last.end],
            [only] => &bytes[only.clone()],
            [] => &[],
        };
        if LongFields::can_be_in(text, Marks::Plain) {
            let all = (0..fields.len()).map(|field| fields.field(field));
            long_fields.look_at_fields(all, line);
        }
        take(fields);
    }
    ranges.clear();
}

/// Hands each record to `take`, with a way to count its line within these bytes.
fn each_quoted_record(
    bytes: &[u8],
    mut ranges: Vec<Range<usize>>,
    mut take: impl FnMut(Fields<'_>, &dyn Fn() -> u64),
) {
    // The parser would drop a byte order mark from what it gets first, and only the file's is one;
    // behind an empty line it is text.
    let mut reader = csv::ReaderBuilder::new()
        .has_headers(false)
        .flexible(true)
        .from_reader(std::io::Read::chain(&b"\n"[..], bytes));
    let mut record = ByteRecord::new();
    while reader.read_byte_record(&mut record).unwrap_or(false) {
        ranges.clear();
        ranges.extend((0..record.len()).filter_map(|field| record.range(field)));
        let begins_at = record.position().map_or(0, csv::Position::byte);
        let line = || line_of(bytes, begins_at.saturating_sub(1));
        let fields = Fields {
            bytes: record.as_slice(),
            ranges: &ranges,
        };
        take(fields, &line);
    }
}

/// The line of the record at or behind an offset; the parser counts line breaks before it in.
fn line_of(bytes: &[u8], offset: u64) -> u64 {
    let offset = usize::try_from(offset)
        .unwrap_or(bytes.len())
        .min(bytes.len());
    let is_break = |byte: &u8| matches!(byte, b'\n' | b'\r');
    let behind = bytes[offset..].iter().take_while(|byte| is_break(byte));
    line_breaks(&bytes[..offset + behind.count()]) + 1
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

    /// The records, and the warnings.
    fn read(path: &Path) -> anyhow::Result<(Records, Vec<String>)> {
        let mut found = Vec::new();
        let warnings = AnyFile::open(path)?.each_block(
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
            // Beyond a batch of blocks, too.
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
    fn fields_that_span_many_lines_and_columns_of_one_name_are_warned_of() {
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
