//! Reads all rows of a file. Blocks are parsed on all processors, and their rows are passed on in
//! order.

use std::io::Read;

use common::Schema;
use rayon::prelude::*;

use super::header::{ColumnMap, IdColumn};
use super::long_fields::never_closed;
use super::parse::{BlockParser, ParsedRows, Wanted};
use super::{FileFlaw, FileProblem, Opened, Passed, TargetColumn, problem_of_cut};
use crate::row_id::RowIds;
use crate::tokenizer::{Block, Blocks, CutError, Format, LongRecord};

/// Number of blocks in a batch. A batch is parsed while the rows of the batch before are processed.
const BATCH_BLOCKS: usize = 16;

/// A file whose header was read.
pub struct BulkReader<R> {
    rest: Rest<R>,
    columns: ColumnMap,
    passed: Passed,
    /// Gives row ids to rows without an id.
    row_ids: RowIds,
}

/// The part of the file after the header.
struct Rest<R> {
    blocks: Blocks<R>,
    /// The rest of the block that the header was in.
    first: Option<Block>,
    /// Set if the next record is too long. Reading ends before this record.
    endless: Option<LongRecord>,
}

/// Memory that is reused for all files. While the rows of one batch are processed, the next batch
/// is parsed, and the one after that is read.
#[derive(Default)]
pub struct Scratch {
    now: Batch,
    next: Batch,
    later: Batch,
}

#[derive(Default)]
struct Batch {
    blocks: Vec<Block>,
    rows: Vec<ParsedRows>,
    filled: usize,
}

impl<R: Read + Send> BulkReader<R> {
    /// Reads the header and finds the schema's columns in it.
    pub fn open(
        input: R,
        format: Format,
        schema: &Schema,
        target: TargetColumn,
    ) -> Result<Self, FileProblem> {
        Self::of_opened(Opened::of(input, format)?, schema, target)
    }

    #[cfg(test)]
    pub(super) fn open_in_blocks(
        input: R,
        schema: &Schema,
        target: TargetColumn,
        block_bytes: usize,
    ) -> Result<Self, FileProblem> {
        let blocks = Blocks::of_size(input, Format::default(), block_bytes);
        Self::of_opened(Opened::of_blocks(blocks)?, schema, target)
    }

    fn of_opened(
        opened: Opened<R>,
        schema: &Schema,
        target: TargetColumn,
    ) -> Result<Self, FileProblem> {
        let columns = ColumnMap::of_opened(&opened, schema, target)
            .map_err(|flaw| FileProblem::Unusable(flaw.into()))?;
        let tolerated = opened.tolerated();
        let (blocks, first, lines) = opened.into_rest();
        Ok(Self {
            rest: Rest {
                blocks,
                first: Some(first),
                endless: None,
            },
            columns,
            passed: Passed {
                tolerated,
                lines,
                ..Passed::default()
            },
            row_ids: RowIds::default(),
        })
    }

    /// Makes rows without an id differ from equal rows of other files. The default is that they are
    /// the same rows.
    pub fn name_rows_by(&mut self, file: &str) {
        self.row_ids = RowIds::of_origin(file);
    }

    /// Notes about what was tolerated; complete once all rows were read.
    pub fn notes(&self) -> Vec<String> {
        self.passed.notes(&self.columns, self.passed.tolerated)
    }

    /// True if the file has no target column. Then none of its rows has a label.
    pub fn lacks_target(&self) -> bool {
        self.columns.lacks_target()
    }

    /// If the file has no target column, the column that may be meant as the target.
    pub fn similar_to_target(&self, schema: &Schema) -> Option<String> {
        let similar = self.columns.similar_to_target(schema);
        similar.map(str::to_owned)
    }

    /// Warnings that a person should check; complete once all rows were read.
    pub fn warnings(&self) -> Vec<String> {
        self.passed.long_fields.sentences()
    }

    /// Passes all rows to `take`, in order, some thousands per call.
    ///
    /// `take` may replace the rows that it is given; the memory of the replacement is then reused.
    ///
    /// Returns an error if the file is unusable, for example because its last record does not end. `take`
    /// may have had rows of the file by then, and the caller has to discard them. A file of less than a
    /// full batch of blocks is checked before `take` gets its rows.
    pub fn take_rows<E: From<FileProblem> + Send>(
        &mut self,
        wanted: Wanted<'_>,
        scratch: &mut Scratch,
        mut take: impl FnMut(&mut ParsedRows) -> Result<(), E> + Send,
    ) -> Result<(), E> {
        let Scratch { now, next, later } = scratch;
        let Self {
            rest,
            columns,
            passed,
            row_ids,
        } = self;
        let parser = BlockParser {
            columns,
            format: rest.blocks.format(),
            wanted,
        };
        rest.read(now)?;
        parse(&parser, now);
        if now.is_full() {
            rest.read(next)?;
        }
        while now.filled > 0 {
            let rows = &mut now.rows[..now.filled];
            for rows in rows.iter_mut() {
                passed.place(rows)?;
                if columns.id == IdColumn::None {
                    rows.add_row_ids(row_ids, wanted);
                    let unlabelled = rows.labels.iter().filter(|label| label.is_none());
                    passed.without_id_and_label += unlabelled.count() as u64;
                }
            }
            if rows.len() < BATCH_BLOCKS {
                passed.check_behind(rest)?;
                passed.check_numbers(columns)?;
                // The file ends in this batch. The batch is handed over without other work in parallel,
                // because there may be very many small files.
                rows.iter_mut().try_for_each(&mut take)?;
                break;
            }
            let (taken, (read, ())) = rayon::join(
                || rows.iter_mut().try_for_each(&mut take),
                || rayon::join(|| rest.read(later), || parse(&parser, next)),
            );
            taken?;
            read?;
            std::mem::swap(now, next);
            std::mem::swap(next, later);
        }
        passed.check_behind(rest)?;
        passed.check_numbers(columns)?;
        Ok(())
    }
}

impl Passed {
    /// Adds the rows of a block to the part that was read, in the order of the file. Returns an error if
    /// the block ended early: the file is unusable then.
    fn place(&mut self, rows: &mut ParsedRows) -> Result<(), FileProblem> {
        if let Some(breaks) = rows.open_quote {
            let reason = never_closed(self.lines + breaks + 1);
            return Err(FileProblem::Unusable(FileFlaw::Syntax(reason)));
        }
        if let Some(limit) = rows.exceeded {
            return Err(FileProblem::Unusable(FileFlaw::Exceeded(limit)));
        }
        for rejection in &mut rows.rejections {
            rejection.line += self.lines + 1;
        }
        self.long_fields.join(&rows.long_fields, self.lines + 1);
        self.add_marks(&rows.marks);
        self.lines += rows.n_lines;
        self.tolerated.join(rows.tolerated);
        Ok(())
    }

    /// Returns an error if the record after the rows so far is too long.
    fn check_behind<R>(&self, rest: &Rest<R>) -> Result<(), FileProblem> {
        match rest.endless {
            Some(record) => Err(problem_of_cut(CutError::LongRecord(record), self.lines)),
            None => Ok(()),
        }
    }
}

impl<R: Read> Rest<R> {
    /// Reads the next blocks.
    fn read(&mut self, batch: &mut Batch) -> Result<(), FileProblem> {
        batch.filled = 0;
        if let Some(first) = self.first.take() {
            batch.room_for_one();
            batch.blocks[0] = first;
            batch.filled = 1;
        }
        while batch.filled < BATCH_BLOCKS && self.endless.is_none() {
            batch.room_for_one();
            match self.blocks.next(&mut batch.blocks[batch.filled]) {
                Ok(true) => batch.filled += 1,
                Ok(false) => break,
                // The line of the record is known only after the rows before it.
                Err(CutError::LongRecord(record)) => {
                    self.endless = Some(record);
                    break;
                }
                Err(error) => return Err(problem_of_cut(error, 0)),
            }
        }
        Ok(())
    }
}

/// Parses the blocks that were read.
fn parse(parser: &BlockParser<'_>, batch: &mut Batch) {
    let (blocks, rows) = (&batch.blocks[..batch.filled], &mut batch.rows);
    match blocks {
        [only] => parser.parse(only, &mut rows[0]),
        _ => blocks
            .par_iter()
            .zip(rows)
            .for_each(|(block, rows)| parser.parse(block, rows)),
    }
}

impl Batch {
    fn is_full(&self) -> bool {
        self.filled == BATCH_BLOCKS
    }

    fn room_for_one(&mut self) {
        if self.blocks.len() == self.filled {
            self.blocks.push(Block::default());
            self.rows.push(ParsedRows::default());
        }
    }
}
