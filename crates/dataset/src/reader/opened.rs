//! The beginning of a text, up to the end of its header.

use std::io::Read;

use super::file_flaw::{FileFlaw, FileProblem};
use super::header::HeaderFlaw;
use super::long_fields::{long_name, never_closed, too_long};
use crate::tokenizer::{Beginning, Block, Blocks, CutError, Format, Record, Tokenizer, Tolerated};

/// A text whose header was read.
pub(crate) struct Opened<R> {
    pub(crate) blocks: Blocks<R>,
    /// The block that the header is in.
    pub(crate) block: Block,
    /// The tokenizer at the end of the header.
    pub(crate) tokenizer: Tokenizer,
    /// Number of line breaks in earlier blocks, which have only empty lines.
    pub(crate) lines_before: u64,
    /// Unusual properties of earlier blocks.
    pub(crate) tolerated_before: Tolerated,
}

impl<R: Read> Opened<R> {
    /// Reads up to the end of the header. A text without records has a header without fields.
    pub(crate) fn of(input: R, format: Format) -> Result<Self, FileProblem> {
        Self::of_blocks(Blocks::new(input, format))
    }

    pub(crate) fn of_blocks(blocks: Blocks<R>) -> Result<Self, FileProblem> {
        let mut opened = Self {
            tokenizer: Tokenizer::new(blocks.format()),
            blocks,
            block: Block::default(),
            lines_before: 0,
            tolerated_before: Tolerated::default(),
        };
        while opened.next_block()? && !opened.has_header()? {
            opened.tolerated_before.join(opened.tolerated_in_block());
            opened.lines_before += opened.tokenizer.lines();
        }
        if let Some(reason) = long_name(opened.header(), opened.lines_before) {
            return Err(not_csv(reason));
        }
        Ok(opened)
    }

    /// Reads the next block; `false` at the end of the text.
    fn next_block(&mut self) -> Result<bool, FileProblem> {
        let is_there = self.blocks.next(&mut self.block);
        if self.tokenizer.dialect() != self.blocks.format().dialect {
            self.tokenizer = Tokenizer::new(self.blocks.format());
        }
        self.tokenizer.begin(self.block.text());
        is_there.map_err(|error| problem_of_cut(error, self.lines_before))
    }

    /// Looks for the header in the block, after any titles.
    fn has_header(&mut self) -> Result<bool, FileProblem> {
        let titles = self.beginning().map_or(0, |beginning| beginning.titles);
        let mut found = false;
        for _ in 0..=titles {
            let advanced = self.tokenizer.advance(self.block.text());
            found = advanced.map_err(|limit| FileProblem::Unusable(FileFlaw::Exceeded(limit)))?;
        }
        match self.tokenizer.open_quote() {
            Some(breaks) => Err(not_csv(never_closed(self.lines_before + breaks + 1))),
            None => Ok(found),
        }
    }

    /// What the first records show; `None` if they were not examined.
    fn beginning(&self) -> Option<Beginning> {
        self.blocks.beginning()
    }

    /// True if each row has one more field than the header, and this field is empty.
    pub(crate) fn rows_end_with_separator(&self) -> bool {
        self.beginning()
            .is_some_and(|beginning| beginning.rows_end_with_separator)
    }

    /// The header.
    pub(crate) fn header(&self) -> Record<'_> {
        self.tokenizer.record(self.block.text())
    }

    /// True if the header has one more field than each row. This field is empty and not a column.
    pub(crate) fn header_ends_with_separator(&self) -> bool {
        self.beginning()
            .is_some_and(|beginning| beginning.header_ends_with_separator)
    }

    /// The text up to the end of the header.
    pub(crate) fn header_text(&self) -> &[u8] {
        &self.block.text()[..self.tokenizer.position()]
    }

    /// Unusual properties of the text up to the end of the header.
    pub(crate) fn tolerated(&self) -> Tolerated {
        let mut tolerated = self.tolerated_before;
        tolerated.join(self.tolerated_in_block());
        tolerated
    }

    fn tolerated_in_block(&self) -> Tolerated {
        Tolerated {
            has_byte_order_mark: self.block.has_byte_order_mark,
            titles: self.beginning().map_or(0, |beginning| beginning.titles),
            rows_end_with_separator: self.rows_end_with_separator(),
            ..self.tokenizer.tolerated()
        }
    }

    /// The text after the header: the later blocks, the rest of the header's block, and the number
    /// of line breaks before this rest.
    pub(crate) fn into_rest(mut self) -> (Blocks<R>, Block, u64) {
        self.block.start += self.tokenizer.position();
        let lines = self.lines_before + self.tokenizer.lines();
        (self.blocks, self.block, lines)
    }
}

fn not_csv(reason: String) -> FileProblem {
    FileProblem::Unusable(HeaderFlaw::NotCsv(reason).into())
}

/// The problem with a text that cannot be cut into blocks after `lines` line breaks.
pub(crate) fn problem_of_cut(error: CutError, lines: u64) -> FileProblem {
    match error {
        CutError::Unreadable(error) => FileProblem::Unreadable(error),
        CutError::Exceeded(limit) => FileProblem::Unusable(FileFlaw::Exceeded(limit)),
        CutError::LongRecord(record) => {
            let line = lines + 1;
            let quote = record.quote.map(|breaks| line + breaks);
            FileProblem::Unusable(FileFlaw::Syntax(too_long(line, quote)))
        }
    }
}
