//! Single batches under a model of 5,000 rows.

use dataset::{Table, each_in_parallel};
use diagnostics::statistics::CumulativeScore;
use diagnostics::{Batch, TestAtLevel, Verdict, model_verdict, verdicts};
use model::Model;

use super::{Bound, Target};
use crate::draws::{Draws, Shape};
use crate::intervals::Share;
use crate::worlds::logistic::{FEATURES, Logistic, WEIGHTS};

pub(super) const TRAINING_ROWS: usize = 5_000;
pub(super) const ALPHA: f64 = 0.005;

/// The verdict that a cell is about.
#[derive(Clone, Copy)]
enum Of {
    Model,
    Features,
    Segments,
}

/// A cell: the size of a batch, a verdict, and the promised share of drift.
struct Cell {
    name: &'static str,
    world: Logistic,
    rows: usize,
    of: Of,
    bound: Bound,
}

/// How often each verdict is drift, over `runs` runs.
pub(crate) fn single_batches(runs: u64) -> Vec<Target> {
    let cells = cells();
    let found = each_in_parallel((0..runs).collect(), |run| one_run(&cells, run));
    cells
        .iter()
        .enumerate()
        .map(|(place, cell)| {
            let of = match cell.of {
                Of::Model => "model",
                Of::Features => "features",
                Of::Segments => "segments",
            };
            let name = format!("{}, {} rows: drift of the {of}", cell.name, cell.rows);
            let share = Share::of(found.iter().map(|found| found[place]));
            Target::share(name, cell.bound, share)
        })
        .collect()
}

/// For each cell, true if drift was found in its batch. Each cell has its own batch, and each shape
/// its own model.
fn one_run(cells: &[Cell], run: u64) -> Vec<bool> {
    let draws = &mut Draws::of(2, run);
    let [normal, lognormal, zero_inflated] = [Shape::Normal, Shape::Lognormal, Shape::ZeroInflated]
        .map(|shape| Logistic::of(shape).model(draws, TRAINING_ROWS));
    let is_drift = |cell: &Cell| {
        let model = match cell.world.shape {
            Shape::Normal => &normal,
            Shape::Lognormal => &lognormal,
            Shape::ZeroInflated => &zero_inflated,
        };
        let table = cell.world.observed(draws, cell.rows);
        match cell.of {
            Of::Model => has_drifted(model, &table),
            Of::Features => have_moved(model, &table),
            Of::Segments => differ(model, &table),
        }
    };
    cells.iter().map(is_drift).collect()
}

/// True if the test of the single batch finds drift, without earlier sums.
fn has_drifted(model: &Model, table: &Table) -> bool {
    let (found, _) = model_verdict(model, &batch_of(table), &CumulativeScore::default(), ALPHA)
        .expect("the rows are in memory");
    found.single.as_ref().is_some_and(TestAtLevel::is_drift)
}

fn have_moved(model: &Model, table: &Table) -> bool {
    let found = verdicts(model, &batch_of(table), &CumulativeScore::default(), ALPHA)
        .expect("the rows are in memory");
    let columns = found.features.iter().map(|feature| feature.verdict);
    let mut all = columns.chain(found.joint.iter().map(|joint| joint.verdict));
    all.any(|verdict| verdict == Verdict::Drift)
}

/// True if the model is wrong about a segment.
fn differ(model: &Model, table: &Table) -> bool {
    let found = verdicts(model, &batch_of(table), &CumulativeScore::default(), ALPHA)
        .expect("the rows are in memory");
    let segments = found.segments.as_ref();
    segments.is_some_and(|segments| segments.verdict == Verdict::Drift)
}

/// All rows of a table as a batch.
pub(super) fn batch_of(table: &Table) -> Batch<'_> {
    Batch {
        table,
        rows: 0..table.rows(),
    }
}

fn cells() -> Vec<Cell> {
    let [intercept, first, second, third] = WEIGHTS;
    let moved = |moved| Logistic {
        moved,
        ..Logistic::SAME
    };
    let all_by = |by| moved([by; FEATURES]);
    let gone = Logistic::with([intercept, 0.0, second, third]);
    let halved = Logistic::with([intercept, first / 2.0, second / 2.0, third / 2.0]);
    let fewer = Logistic::with([intercept - 0.5, first, second, third]);
    let more_missing = Logistic {
        missing: 0.1,
        ..Logistic::SAME
    };
    let drift = |name, world, of, bounds: &[(usize, f64)]| {
        let cell = |(rows, least): &(usize, f64)| Cell {
            name,
            world,
            rows: *rows,
            of,
            bound: Bound::AtLeast(*least),
        };
        bounds.iter().map(cell).collect::<Vec<_>>()
    };
    let harmless = [26, 100, 500].map(|rows| Cell {
        name: "harmless shift by 0.5 σ",
        world: all_by(0.5),
        rows,
        of: Of::Model,
        bound: Bound::AtMost(2.0),
    });
    let (model, features) = (Of::Model, Of::Features);
    let mut cells = where_nothing_changed();
    cells.extend(harmless);
    cells.extend(
        [
            drift(
                "a coefficient gone",
                gone,
                model,
                &[(100, 75.0), (200, 95.0), (1_000, 99.0)],
            ),
            drift(
                "coefficients halved",
                halved,
                model,
                &[(500, 94.0), (1_000, 99.0)],
            ),
            drift(
                "intercept −0.5",
                fewer,
                model,
                &[(500, 87.0), (1_000, 99.0)],
            ),
            drift(
                "all features by 0.5 σ",
                all_by(0.5),
                features,
                &[(26, 85.0)],
            ),
            drift(
                "all features by 0.25 σ",
                all_by(0.25),
                features,
                &[(100, 80.0)],
            ),
            drift(
                "one feature by 0.5 σ",
                moved([0.5, 0.0, 0.0]),
                features,
                &[(100, 85.0)],
            ),
            drift(
                "missing from 2 to 10 %",
                more_missing,
                features,
                &[(200, 90.0)],
            ),
        ]
        .into_iter()
        .flatten(),
    );
    cells
}

fn where_nothing_changed() -> Vec<Cell> {
    let shapes = [
        ("nothing, normal", Shape::Normal),
        ("nothing, lognormal", Shape::Lognormal),
        ("nothing, zero-inflated", Shape::ZeroInflated),
    ];
    let mut cells = Vec::new();
    for (name, shape) in shapes {
        for rows in [26, 100, 500, 5_000] {
            for (of, most) in [(Of::Model, 1.0), (Of::Features, 1.5), (Of::Segments, 1.0)] {
                cells.push(Cell {
                    name,
                    world: Logistic::of(shape),
                    rows,
                    of,
                    bound: Bound::AtMost(most),
                });
            }
        }
    }
    cells
}
