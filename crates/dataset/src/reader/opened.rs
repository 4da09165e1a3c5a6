//! The beginning of a text: its first block and the header in it.

use std::io::Read;

use super::long_fields::{long_name, never_closed, too_long};
use super::{FileFlaw, FileProblem, HeaderFlaw};
use crate::tokenizer::{Block, Blocks, CutError, Format, Record, Tokenizer, Tolerated};

/// A text whose first record was found, which is its header.
pub(crate) struct Opened<R> {
    pub(crate) blocks: Blocks<R>,
    pub(crate) first: Block,
    /// It stands behind the header.
    pub(crate) tokenizer: Tokenizer,
}

impl<R: Read> Opened<R> {
    /// Reads up to the end of the header; an empty text has a header without fields.
    pub(crate) fn of(input: R, format: Format) -> Result<Self, FileProblem> {
        Self::of_blocks(Blocks::new(input, format))
    }

    pub(crate) fn of_blocks(mut blocks: Blocks<R>) -> Result<Self, FileProblem> {
        let mut first = Block::default();
        blocks
            .next(&mut first)
            .map_err(|error| problem_of_cut(error, 0))?;
        let mut tokenizer = Tokenizer::new(blocks.format());
        tokenizer.begin(first.text());
        tokenizer
            .advance(first.text())
            .map_err(|limit| FileProblem::Unusable(FileFlaw::Exceeded(limit)))?;
        let not_csv = |reason| FileProblem::Unusable(HeaderFlaw::NotCsv(reason).into());
        if let Some(breaks) = tokenizer.open_quote() {
            return Err(not_csv(never_closed(breaks + 1)));
        }
        if let Some(reason) = long_name(tokenizer.record(first.text())) {
            return Err(not_csv(reason));
        }
        Ok(Self {
            blocks,
            first,
            tokenizer,
        })
    }

    /// The header.
    pub(crate) fn header(&self) -> Record<'_> {
        self.tokenizer.record(self.first.text())
    }

    /// The text up to the end of the header.
    pub(crate) fn header_text(&self) -> &[u8] {
        &self.first.text()[..self.tokenizer.position()]
    }

    /// Unusual properties of the text up to the end of the header.
    pub(crate) fn tolerated(&self) -> Tolerated {
        Tolerated {
            has_byte_order_mark: self.first.has_byte_order_mark,
            ..self.tokenizer.tolerated()
        }
    }

    /// What follows the header: the blocks after the first one, the rest of the first one, and the
    /// line breaks before it.
    pub(crate) fn into_rest(mut self) -> (Blocks<R>, Block, u64) {
        self.first.start += self.tokenizer.position();
        (self.blocks, self.first, self.tokenizer.lines())
    }
}

/// What is wrong with a text that cannot be cut after so many lines.
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
