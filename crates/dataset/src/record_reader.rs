//! Reads the records of a CSV file that this program wrote.

use std::io::Read;

use crate::reader::{FileFlaw, FileProblem, Opened, never_closed, problem_of_cut};
use crate::tokenizer::{Block, Blocks, Format, Limits, Tokenizer};

/// The format of files that this program writes. Records are limited as in foreign files, so that a
/// damaged file does not fill the memory.
const FORMAT: Format = Format {
    limits: Limits::FOREIGN,
    ..Format::OWN
};

/// Reads the records of a file that [`RecordWriter`](crate::RecordWriter) wrote. It holds one block
/// of the file in memory.
pub struct RecordReader<R> {
    blocks: Blocks<R>,
    block: Block,
    tokenizer: Tokenizer,
    /// Line breaks before the block.
    lines: u64,
    header: Vec<Vec<u8>>,
    /// Byte offset in the file at which `blocks` begins.
    start: u64,
}

/// A place between two records of a file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RecordPosition {
    /// Number of bytes before the place.
    pub bytes: u64,
    /// Number of line breaks before the place.
    lines: u64,
}

impl RecordPosition {
    /// Line of the file in which the place is, counted from 1.
    pub fn line(&self) -> u64 {
        self.lines + 1
    }
}

impl<R: Read> RecordReader<R> {
    /// Reads the header. A file without a record has a header without fields.
    pub fn open(input: R) -> Result<Self, FileProblem> {
        let opened = Opened::of(input, FORMAT)?;
        let header = opened.header().iter().map(<[u8]>::to_vec).collect();
        let (blocks, block, lines) = opened.into_rest();
        let mut tokenizer = Tokenizer::new(FORMAT);
        tokenizer.begin(block.text());
        Ok(Self {
            blocks,
            block,
            tokenizer,
            lines,
            header,
            start: 0,
        })
    }

    /// The place after the last record that was read.
    pub fn position(&self) -> RecordPosition {
        let behind = (self.block.text().len() - self.tokenizer.position()) as u64;
        RecordPosition {
            bytes: self.start + self.blocks.passed() - behind,
            lines: self.lines + self.tokenizer.lines(),
        }
    }

    /// Continues at a place of the same file. `rest` reads the file, beginning at this place.
    pub fn go_to(&mut self, position: RecordPosition, rest: R) {
        self.start = position.bytes;
        self.lines = position.lines;
        self.blocks = Blocks::new(rest, FORMAT);
        self.block = Block::default();
        self.tokenizer.begin(self.block.text());
    }

    /// The fields of the header.
    pub fn header(&self) -> &[Vec<u8>] {
        &self.header
    }

    /// The fields of the next record; `None` at the end.
    pub fn next_record(&mut self) -> Result<Option<Vec<&[u8]>>, FileProblem> {
        while !self.advance()? {
            self.lines += self.tokenizer.lines();
            let is_there = self.blocks.next(&mut self.block);
            let is_there = is_there.map_err(|error| problem_of_cut(error, self.lines))?;
            self.tokenizer.begin(self.block.text());
            if !is_there {
                return Ok(None);
            }
        }
        let record = self.tokenizer.record(self.block.text());
        Ok(Some(record.iter().collect()))
    }

    /// Finds the next record of the block.
    fn advance(&mut self) -> Result<bool, FileProblem> {
        let found = self.tokenizer.advance(self.block.text());
        let found = found.map_err(|limit| FileProblem::Unusable(FileFlaw::Exceeded(limit)))?;
        match self.tokenizer.open_quote() {
            Some(breaks) if !found => {
                let reason = never_closed(self.lines + breaks + 1);
                Err(FileProblem::Unusable(FileFlaw::Syntax(reason)))
            }
            _ => Ok(found),
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::writer::RecordWriter;

    fn records(text: &[u8]) -> Result<Vec<Vec<Vec<u8>>>, FileProblem> {
        let mut reader = RecordReader::open(text)?;
        let mut records = vec![reader.header().to_vec()];
        while let Some(record) = reader.next_record()? {
            records.push(record.into_iter().map(<[u8]>::to_vec).collect());
        }
        Ok(records)
    }

    proptest! {
        #[test]
        fn what_was_written_is_read_back(
            rows in proptest::collection::vec(
                proptest::collection::vec("[a,;\"\r\n\t ü]{0,6}", 3), 1..9
            )
        ) {
            let mut file = Vec::new();
            let mut writer = RecordWriter::new(&mut file);
            writer.write(["rank", "id", "note"]).unwrap();
            for row in &rows {
                writer.write(row).unwrap();
            }
            writer.finish().unwrap();
            let read = records(&file).unwrap();
            let bytes = |row: &Vec<String>| row.iter().map(|it| it.clone().into_bytes()).collect();
            let wanted: Vec<Vec<Vec<u8>>> = rows.iter().map(bytes).collect();
            prop_assert_eq!(&read[1..], wanted.as_slice());

            let mut reader = RecordReader::open(file.as_slice()).unwrap();
            let mut positions = vec![reader.position()];
            while reader.next_record().unwrap().is_some() {
                positions.push(reader.position());
            }
            prop_assert_eq!(positions.len(), wanted.len() + 1);
            for (position, next) in positions.into_iter().zip(wanted.iter().map(Some).chain([None])) {
                reader.go_to(position, &file[position.bytes as usize..]);
                prop_assert_eq!(reader.position(), position);
                let found = reader.next_record().unwrap();
                let found = found.map(|it| it.into_iter().map(<[u8]>::to_vec).collect());
                prop_assert_eq!(found.as_ref(), next);
            }
        }
    }

    #[test]
    fn a_file_of_many_blocks_is_read_in_order() {
        let mut text = "n\n".to_owned();
        (0..300_000).for_each(|row| text.push_str(&format!("{row}\n")));
        let read = records(text.as_bytes()).unwrap();
        assert_eq!(read.len(), 300_001);
        for (row, record) in read[1..].iter().enumerate() {
            assert_eq!(record[0], row.to_string().as_bytes());
        }
    }

    #[test]
    fn a_reader_goes_to_a_place_in_any_block() {
        let mut text = "n,note\n".to_owned();
        (0..100_000).for_each(|row| text.push_str(&format!("{row},\"a\nb\"\n")));
        let mut reader = RecordReader::open(text.as_bytes()).unwrap();
        let mut positions = Vec::new();
        while reader.next_record().unwrap().is_some() {
            positions.push(reader.position());
        }
        for row in [99_998, 50_000, 0, 31_415, 77_777] {
            let position = positions[row];
            reader.go_to(position, &text.as_bytes()[position.bytes as usize..]);
            let following = positions.iter().enumerate().skip(row + 1);
            for (next, position) in following.take(2) {
                let record = reader.next_record().unwrap().unwrap();
                assert_eq!(record[0], next.to_string().as_bytes());
                assert_eq!(reader.position(), *position);
            }
        }
        reader.go_to(positions[99_999], &[]);
        assert!(reader.next_record().unwrap().is_none());
    }

    #[test]
    fn an_open_quote_is_an_error_and_an_empty_file_has_no_record() {
        let error = records(b"a,b\n1,\"2\n").unwrap_err();
        let FileProblem::Unusable(flaw) = error else {
            panic!("{error:?}");
        };
        assert!(flaw.to_string().contains("line 2"), "{flaw}");
        let endless = [b"a\n\"".to_vec(), vec![b'x'; 40 * 1024 * 1024]].concat();
        assert!(records(&endless).is_err());
        assert_eq!(records(b"").unwrap(), [Vec::<Vec<u8>>::new()]);
    }
}
