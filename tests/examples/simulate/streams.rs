//! Streams of batches, drawn from a world.

use dataset::Table;

use crate::draws::Draws;
use crate::rows::Rows;
use crate::worlds::{NextRow, World};

/// Number of rows of the test data.
const TEST_ROWS: usize = 2_000;

/// A stream that was drawn from a world.
pub(crate) struct Stream {
    pub(crate) first: Table,
    pub(crate) test: Table,
    pub(crate) batches: Vec<Arrival>,
}

/// The rows that arrive together.
pub(crate) struct Arrival {
    /// The rows as the pipeline gets them.
    pub(crate) observed: Table,
    /// The new clients with their true labels.
    pub(crate) truth: Table,
}

/// Draws one part of a stream after the other.
struct Source<'a> {
    world: &'a World,
    draws: Draws,
    next_row: NextRow,
    next_id: usize,
}

impl Source<'_> {
    /// Draws a number of rows between two bounds, as they are at a batch.
    fn rows(&mut self, [least, most]: [usize; 2], batch: usize) -> Rows {
        let mut rows = Rows::new(&self.world.schema);
        for _ in 0..self.draws.whole(least, most) {
            rows.push(self.next_id, (self.next_row)(&mut self.draws, batch));
            self.next_id += 1;
        }
        rows
    }
}

impl Stream {
    /// Draws the stream of this run. It is the same for every policy.
    pub(crate) fn draw(world: &World, run: u64) -> Self {
        let mut draws = Draws::of(world.seed, run);
        let mut source = Source {
            next_row: (world.begin)(&mut draws),
            world,
            draws,
            next_id: 0,
        };
        let first = source.rows(world.first_rows, 0).observed;
        let test = source.rows([TEST_ROWS; 2], 0).observed;
        let drawn: Vec<Rows> = (0..world.batches)
            .map(|batch| source.rows(world.batch_rows, batch))
            .collect();
        let observed: Vec<Table> = (0..world.batches)
            .map(|batch| observed(&drawn, batch, world.late))
            .collect();
        let batches = observed.into_iter().zip(drawn);
        Self {
            first,
            test,
            batches: batches
                .map(|(observed, Rows { truth, .. })| Arrival { observed, truth })
                .collect(),
        }
    }
}

/// The rows of a batch as the pipeline gets them. With late labels, these are the unlabelled rows
/// of the batch and the labelled rows of an earlier one.
fn observed(drawn: &[Rows], batch: usize, late: usize) -> Table {
    let mut observed = drawn[batch].observed.clone();
    if late > 0 {
        observed.in_memory_mut().labels.fill(None);
        if let Some(earlier) = batch.checked_sub(late) {
            observed.extend(&drawn[earlier].observed);
        }
    }
    observed
}
