//! The records of any CSV file, some blocks at a time on all processors.

use std::collections::BTreeSet;
use std::ops::Range;
use std::path::Path;

use anyhow::Context;
use common::Failure;
use csv::ByteRecord;
use memchr::memchr2_iter;
use rayon::prelude::*;

use crate::data_file::DataFile;
use crate::reader::{Block, Blocks, CutError, Marks, length_of_longest};
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
}

/// The fields of one record.
#[derive(Clone, Copy)]
pub(super) struct Fields<'a> {
    bytes: &'a [u8],
    ranges: &'a [Range<usize>],
}

impl<'p> AnyFile<'p> {
    /// Reads the header.
    ///
    /// A file that cannot be opened is an error (exit code 74), and so is one without a header or
    /// with a name that stands there twice (65).
    pub(super) fn open(path: &'p Path) -> anyhow::Result<Self> {
        let file = DataFile::open(path).with_context(|| failed_to_read(path))?;
        let mut found = Self {
            path,
            blocks: Blocks::new(file),
            names: Vec::new(),
            first: None,
        };
        let mut first = Block::default();
        found.next(&mut first)?;
        (found.names, first.start) = header(&first.bytes);
        if found.names.is_empty() {
            return Err(Failure::data(format!("{} has no header", path.display())).into());
        }
        let mut seen = BTreeSet::new();
        if let Some(twice) = found.names.iter().find(|name| !seen.insert(name.as_str())) {
            return Err(Failure::data(format!(
                "{} names the column {twice:?} twice",
                path.display()
            ))
            .into());
        }
        found.first = Some(first);
        Ok(found)
    }

    /// The names of the header, without spaces around them.
    pub(super) fn names(&self) -> &[String] {
        &self.names
    }

    /// Makes something of each block, several at once, and hands it over in the file's order.
    ///
    /// A record longer than a reader of client rows takes is an error (exit code 65): what follows
    /// it would be missing from the comparison.
    pub(super) fn each_block<T: Send>(
        mut self,
        parse: impl Fn(&Block) -> T + Sync,
        mut take: impl FnMut(T),
    ) -> anyhow::Result<()> {
        let mut batch: Vec<Block> = (0..BATCH_BLOCKS).map(|_| Block::default()).collect();
        if let Some(first) = self.first.take() {
            take(parse(&first));
        }
        loop {
            let mut filled = 0;
            while filled < batch.len() && self.next(&mut batch[filled])? {
                filled += 1;
            }
            let parsed: Vec<T> = batch[..filled].par_iter().map(&parse).collect();
            parsed.into_iter().for_each(&mut take);
            if filled < batch.len() {
                return Ok(());
            }
        }
    }

    fn next(&mut self, block: &mut Block) -> anyhow::Result<bool> {
        match self.blocks.next(block) {
            Ok(is_there) => Ok(is_there),
            Err(CutError::Unreadable(error)) => {
                Err(error).with_context(|| failed_to_read(self.path))
            }
            Err(CutError::LongRecord(beginning)) => Err(Failure::data(format!(
                "{} has a record longer than {}, look for a quote that is never closed; it begins with {:?}",
                self.path.display(),
                length_of_longest(),
                escaped(&beginning)
            ))
            .into()),
        }
    }
}

fn failed_to_read(path: &Path) -> String {
    format!("failed to read {}", path.display())
}

/// The names in the first record, and where it ends.
fn header(bytes: &[u8]) -> (Vec<String>, usize) {
    let mut reader = csv::ReaderBuilder::new().flexible(true).from_reader(bytes);
    // Reading bytes from memory cannot fail, and any bytes are records.
    let names = reader.byte_headers().map_or_else(
        |_| Vec::new(),
        |header| {
            let names = header.iter();
            names.map(|name| escaped(name.trim_ascii())).collect()
        },
    );
    let end = usize::try_from(reader.position().byte()).unwrap_or(bytes.len());
    (names, end)
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
pub(super) fn each_record(block: &Block, mut take: impl FnMut(Fields<'_>)) {
    let bytes = &block.bytes[block.start..];
    let mut ranges = Vec::new();
    if block.marks == Marks::QuotesOrReturns {
        return each_quoted_record(bytes, ranges, take);
    }
    let mut start = 0;
    // Without quotes and carriage returns every comma and line feed is one.
    for at in memchr2_iter(b',', b'\n', bytes) {
        ranges.push(start..at);
        start = at + 1;
        if bytes[at] == b'\n' {
            take_line(bytes, &mut ranges, &mut take);
        }
    }
    if start < bytes.len() || !ranges.is_empty() {
        ranges.push(start..bytes.len());
        take_line(bytes, &mut ranges, &mut take);
    }
}

fn take_line(bytes: &[u8], ranges: &mut Vec<Range<usize>>, take: &mut impl FnMut(Fields<'_>)) {
    let is_empty_line = matches!(ranges[..], [ref only] if only.is_empty());
    if !is_empty_line {
        take(Fields { bytes, ranges });
    }
    ranges.clear();
}

fn each_quoted_record(
    bytes: &[u8],
    mut ranges: Vec<Range<usize>>,
    mut take: impl FnMut(Fields<'_>),
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
        take(Fields {
            bytes: record.as_slice(),
            ranges: &ranges,
        });
    }
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

    fn records(path: &Path) -> Vec<Vec<Vec<u8>>> {
        let mut found = Vec::new();
        let parse = |block: &Block| {
            let mut records = Vec::new();
            each_record(block, |record| {
                let fields = (0..record.len()).map(|field| record.field(field).to_vec());
                records.push(fields.collect());
            });
            records
        };
        let file = AnyFile::open(path).unwrap();
        file.each_block(parse, |records: Vec<Vec<Vec<u8>>>| found.extend(records))
            .unwrap();
        found
    }

    proptest! {
        #[test]
        fn records_are_those_of_the_csv_parser(
            text in "(\u{feff})?[\r\n]{0,2}a,b(\n|\r|\r\n)[xyz,\"\r\n]{0,60}"
        ) {
            let file = file(text.as_bytes());
            let mut reader = csv::ReaderBuilder::new()
                .flexible(true)
                .from_reader(text.as_bytes());
            let fields = |record: csv::ByteRecord| record.iter().map(<[u8]>::to_vec).collect();
            let wanted: Vec<Vec<Vec<u8>>> = reader
                .byte_records()
                .map(|record| fields(record.unwrap()))
                .collect();
            prop_assert_eq!(records(file.path()), wanted);
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
        let mut text = b"x\n1\n\"".to_vec();
        text.resize(40 * 1024 * 1024, b'7');
        let file = file(&text);
        let opened = AnyFile::open(file.path()).unwrap();
        let error = opened.each_block(|_| (), |()| ()).unwrap_err().to_string();
        assert!(
            error.contains("longer than 16 MiB, look for a quote"),
            "{error}"
        );
    }
}
