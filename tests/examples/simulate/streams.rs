//! Streams of batches, in worlds that change at known times.

use dataset::Table;

use crate::worlds::{Draws, FEATURES, Rows, WEIGHTS, World};

/// Rows that the first model is fitted to, of the test data, and of each batch.
pub(crate) const FIRST_ROWS: usize = 2_000;
pub(crate) const TEST_ROWS: usize = 2_000;
pub(crate) const BATCH_ROWS: usize = 200;
/// When the worlds change that do, and how many batches come in all.
const CHANGE: usize = 10;
const BATCHES: usize = 40;
/// Number of batches in the world that does not change.
const CLEAN_BATCHES: usize = 100;
/// Number of batches after which late labels arrive.
const LATE: usize = 5;

/// A scenario: how the batches of a stream are drawn.
pub(crate) struct Scenario {
    pub(crate) name: &'static str,
    pub(crate) batches: usize,
    /// The batches with which a drift begins.
    pub(crate) drifts: Vec<usize>,
    world: fn(usize) -> World,
    /// Number of batches after which the labels of a batch arrive; 0 if rows are labelled at once.
    late: usize,
}

/// A stream that was drawn from a scenario.
pub(crate) struct Stream {
    pub(crate) first: Table,
    pub(crate) test: Table,
    pub(crate) batches: Vec<Arrival>,
}

/// The rows that arrive together.
pub(crate) struct Arrival {
    /// The rows as the pipeline gets them.
    pub(crate) told: Table,
    /// The new clients with their true labels.
    pub(crate) true_classes: Table,
}

impl Scenario {
    /// Draws the stream of this run. It is the same for every policy.
    pub(crate) fn draw(&self, run: u64) -> Stream {
        let draws = &mut Draws::of(1, run);
        let first = World::SAME.draw(draws, 0, FIRST_ROWS).told;
        let test = World::SAME.draw(draws, FIRST_ROWS, TEST_ROWS).told;
        let drawn: Vec<Rows> = (0..self.batches)
            .map(|batch| {
                let first_id = FIRST_ROWS + TEST_ROWS + batch * BATCH_ROWS;
                (self.world)(batch).draw(draws, first_id, BATCH_ROWS)
            })
            .collect();
        let told = (0..self.batches)
            .map(|batch| self.told(&drawn, batch))
            .collect::<Vec<_>>();
        let batches = told.into_iter().zip(drawn);
        Stream {
            first,
            test,
            batches: batches
                .map(|(told, Rows { true_classes, .. })| Arrival { told, true_classes })
                .collect(),
        }
    }

    /// The rows of a batch as the pipeline gets them. With late labels, these are the unlabelled
    /// rows of the batch and the labelled rows of an earlier one.
    fn told(&self, drawn: &[Rows], batch: usize) -> Table {
        let mut told = drawn[batch].told.clone();
        if self.late > 0 {
            told.labels.fill(None);
            if let Some(earlier) = batch.checked_sub(self.late) {
                told.extend(&drawn[earlier].told);
            }
        }
        told
    }

    /// Number of batches before the first drift.
    pub(crate) fn clean_batches(&self) -> usize {
        self.drifts.first().copied().unwrap_or(self.batches)
    }
}

/// All scenarios.
pub(crate) fn scenarios() -> Vec<Scenario> {
    let changing = |name, drifts: &[usize], world| Scenario {
        name,
        batches: BATCHES,
        drifts: drifts.to_vec(),
        world,
        late: 0,
    };
    vec![
        Scenario {
            batches: CLEAN_BATCHES,
            ..changing("nothing", &[], |_| World::SAME)
        },
        changing("harmless shift", &[], |batch| match batch {
            ..CHANGE => World::SAME,
            _ => World {
                moved: [0.5; FEATURES],
                ..World::SAME
            },
        }),
        changing("sudden drift", &[CHANGE], |batch| {
            without_first(if batch < CHANGE { 0.0 } else { 1.0 })
        }),
        changing("gradual drift", &[CHANGE], |batch| {
            without_first(ramp(batch))
        }),
        changing(
            "recurring drift",
            &[CHANGE, 2 * CHANGE, 3 * CHANGE],
            |batch| without_first((batch / CHANGE % 2) as f64),
        ),
        changing("broken column", &[], |batch| World {
            broken: (CHANGE..2 * CHANGE).contains(&batch).then_some(1),
            ..World::SAME
        }),
        Scenario {
            late: LATE,
            ..changing("sudden drift, late classes", &[CHANGE], |batch| {
                without_first(if batch < CHANGE { 0.0 } else { 1.0 })
            })
        },
        changing("falling prevalence", &[CHANGE], |batch| {
            let [intercept, rest @ ..] = WEIGHTS;
            let [first, second, third] = rest;
            World::with([intercept - ramp(batch), first, second, third])
        }),
        changing("label noise", &[], |batch| World {
            flipped: if (CHANGE..2 * CHANGE).contains(&batch) {
                0.2
            } else {
                0.0
            },
            ..World::SAME
        }),
    ]
}

/// A world whose first coefficient is smaller by a share.
fn without_first(share: f64) -> World {
    let [intercept, first, second, third] = WEIGHTS;
    World::with([intercept, first * (1.0 - share), second, third])
}

/// The progress of a slow change: from 0 to 1 over twenty batches.
fn ramp(batch: usize) -> f64 {
    let since = (batch + 1).saturating_sub(CHANGE) as f64;
    (since / (2 * CHANGE) as f64).min(1.0)
}
