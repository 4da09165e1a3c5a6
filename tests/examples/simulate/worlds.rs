//! The worlds: what rows are like at each batch of a stream, and when that changes.
//!
//! The first rows and the test rows are those of batch 0. The test data is never refreshed, so
//! after a drift it shows a former world.
//!
//! | worlds | shape | seed |
//! |---|---|---|
//! | logistic | 2,000 first rows, 40 batches of 200 (100 batches in `nothing`) | 1 |
//! | all others | 1,500 to 2,000 first rows, 40 batches of 200 to 300 | 11 to 44 |
//! | many old rows | 20,000 first rows | 14 |
//!
//! What changes at once does so with the batches 10, 20 and 30, or with batch 10 only. Each world's
//! features and rules are in the file of its kind.

mod agrawal;
mod clients;
mod concepts;
mod curved;
pub(crate) mod logistic;
mod moving;

use common::Schema;

use self::clients::Clients;
use self::logistic::{FEATURES, Logistic, WEIGHTS, at};
use crate::draws::Draws;
use crate::rows::{Row, numbers, schema};

/// Number of batches of a stream.
const BATCHES: usize = 40;
/// Number of batches in the logistic world that does not change.
const CLEAN_BATCHES: usize = 100;
/// The batch with which worlds change, and the number of batches until the next change.
const CHANGE: usize = 10;
/// The batches with which a world changes again and again.
const CHANGES: [usize; 3] = [CHANGE, 2 * CHANGE, 3 * CHANGE];
/// Number of batches after which late labels arrive.
const LATE: usize = 5;
/// Intercepts of logistic worlds with 30, 5 and 2 % leavers.
const FOR_30: f64 = -1.0633;
const FOR_5: f64 = -3.4937;
const FOR_2: f64 = -4.4986;

/// Draws the next row of a batch.
pub(crate) type NextRow = Box<dyn FnMut(&mut Draws, usize) -> Row>;
/// Begins a stream: draws all that its rows share.
pub(crate) type Begin = Box<dyn Fn(&mut Draws) -> NextRow + Sync>;

/// A world, and how its rows arrive.
pub(crate) struct World {
    pub(crate) name: &'static str,
    pub(crate) seed: u64,
    pub(crate) schema: Schema,
    pub(crate) batches: usize,
    /// Least and largest number of first rows, and of rows in a batch.
    pub(crate) first_rows: [usize; 2],
    pub(crate) batch_rows: [usize; 2],
    /// The batches with which a drift begins.
    pub(crate) drifts: Vec<usize>,
    pub(crate) promise: Promise,
    /// The values of `drift.trigger` that the pipeline runs with.
    pub(crate) triggers: &'static [&'static str],
    /// Number of batches after which the labels of a batch arrive; 0 if rows are labelled at once.
    pub(crate) late: usize,
    pub(crate) begin: Begin,
}

/// What a world should show about the pipeline.
#[derive(Clone, Copy, PartialEq)]
pub(crate) enum Promise {
    /// Nothing changes, so nothing should be deployed.
    Steady,
    /// The labels of ten batches are wrong, which should do little harm.
    WrongLabels,
    /// The deployed model should be replaced. Log-loss may exceed that of the best policy by this
    /// percentage.
    Adapts { most: f64 },
    /// Only the features change, or the labels are too few to decide. No figure is promised.
    Watched,
}

impl World {
    /// Number of batches before the first drift.
    pub(crate) fn clean_batches(&self) -> usize {
        self.drifts.first().copied().unwrap_or(self.batches)
    }

    /// A world that changes with batch 10.
    fn new(name: &'static str, seed: u64, begin: Begin) -> Self {
        Self {
            name,
            seed,
            schema: Logistic::schema(),
            batches: BATCHES,
            first_rows: [1_500, 2_000],
            batch_rows: [200, 300],
            drifts: vec![CHANGE],
            promise: Promise::Adapts { most: 5.0 },
            triggers: &["evidence"],
            late: 0,
            begin,
        }
    }

    /// A world in which one rule follows another, with these rules after the changes.
    fn ruled(
        name: &'static str,
        seed: u64,
        schema: Schema,
        row: fn(&mut Draws, usize) -> Row,
        rules: [usize; 4],
    ) -> Self {
        let begin: Begin =
            Box::new(move |_| Box::new(move |draws, batch| row(draws, rules[batch / CHANGE])));
        Self {
            schema,
            drifts: CHANGES.to_vec(),
            ..Self::new(name, seed, begin)
        }
    }

    /// A world that changes with every batch.
    fn moving(name: &'static str, seed: u64, begin: Begin) -> Self {
        Self {
            schema: numbers(moving::FEATURES),
            drifts: vec![1],
            ..Self::new(name, seed, begin)
        }
    }

    /// A world in which nothing changes.
    fn steady(name: &'static str, seed: u64, begin: Begin) -> Self {
        Self {
            drifts: Vec::new(),
            promise: Promise::Steady,
            ..Self::new(name, seed, begin)
        }
    }

    /// A logistic world of seed 1 with this distribution at each batch.
    fn logistic(
        name: &'static str,
        drifts: &[usize],
        promise: Promise,
        distribution: impl Fn(usize) -> Logistic + Copy + Sync + 'static,
    ) -> Self {
        Self {
            first_rows: [2_000; 2],
            batch_rows: [200; 2],
            drifts: drifts.to_vec(),
            promise,
            triggers: &["score", "evidence"],
            ..Self::new(name, 1, at(distribution))
        }
    }
}

/// All worlds.
pub(crate) fn worlds() -> Vec<World> {
    let mut all = logistic_worlds();
    all.extend(rare_leavers_and_many_rows());
    all.extend(worlds_of_the_literature());
    all.extend(curved_worlds());
    all
}

fn curved_worlds() -> [World; 3] {
    let of = |schema, world| World { schema, ..world };
    let same = || curved::curved(|_| false);
    let turned = curved::curved(|batch| batch >= CHANGE);
    [
        of(
            curved::schema(),
            World::steady("nothing, curves", 42, same()),
        ),
        of(
            curved::schema_held(),
            World::steady("nothing, curves held to one way", 43, same()),
        ),
        of(
            curved::schema(),
            World::new("sudden drift, curves", 44, turned),
        ),
    ]
}

fn logistic_worlds() -> Vec<World> {
    let adapts = Promise::Adapts { most: 5.0 };
    let sudden = |batch| Logistic::without_first(0.0, f64::from(u8::from(batch >= CHANGE)));
    vec![
        World {
            batches: CLEAN_BATCHES,
            ..World::logistic("nothing", &[], Promise::Steady, |_| Logistic::SAME)
        },
        World::logistic("harmless shift", &[], Promise::Watched, |batch| {
            let moved = if batch < CHANGE { 0.0 } else { 0.5 };
            Logistic {
                moved: [moved; FEATURES],
                ..Logistic::SAME
            }
        }),
        World::logistic("sudden drift", &[CHANGE], adapts, sudden),
        World::logistic("gradual drift", &[CHANGE], adapts, |batch| {
            Logistic::without_first(0.0, ramp(batch))
        }),
        World::logistic("recurring drift", &CHANGES, adapts, |batch| {
            Logistic::without_first(0.0, (batch / CHANGE % 2) as f64)
        }),
        World::logistic("broken column", &[], Promise::Watched, |batch| Logistic {
            broken: (CHANGE..2 * CHANGE).contains(&batch).then_some(1),
            ..Logistic::SAME
        }),
        World {
            late: LATE,
            ..World::logistic("sudden drift, late labels", &[CHANGE], adapts, sudden)
        },
        World::logistic("falling prevalence", &[CHANGE], adapts, |batch| {
            let [intercept, first, second, third] = WEIGHTS;
            Logistic::with([intercept - ramp(batch), first, second, third])
        }),
        World::logistic("wrong labels", &[], Promise::WrongLabels, |batch| {
            let is_wrong = (CHANGE..2 * CHANGE).contains(&batch);
            Logistic {
                flipped: if is_wrong { 0.2 } else { 0.0 },
                ..Logistic::SAME
            }
        }),
    ]
}

fn rare_leavers_and_many_rows() -> Vec<World> {
    let same = |intercept| move |_| Logistic::without_first(intercept, 0.0);
    let sudden = |intercept| {
        move |batch| Logistic::without_first(intercept, f64::from(u8::from(batch >= CHANGE)))
    };
    let clients = |rows, at_once| Clients { rows, at_once };
    vec![
        World::steady("nothing, 30 % leavers", 11, at(same(FOR_30))),
        World::steady("nothing, 5 % leavers", 12, at(same(FOR_5))),
        World::steady("nothing, 2 % leavers", 13, at(same(FOR_2))),
        World {
            first_rows: [20_000; 2],
            ..World::new("sudden drift, many old rows", 14, at(sudden(0.0)))
        },
        World::new("sudden drift, 5 % leavers", 15, at(sudden(FOR_5))),
        World::new("sudden drift, 2 % leavers", 16, at(sudden(FOR_2))),
        World::steady("nothing, 5 rows a client", 17, clients(5, 1).at(same(0.0))),
        World::steady(
            "nothing, 20 rows a client",
            18,
            clients(20, 1).at(same(0.0)),
        ),
        World::steady(
            "nothing, 20 rows a client over batches",
            19,
            clients(20, 60).at(same(0.0)),
        ),
        World::new(
            "sudden drift, 5 rows a client",
            20,
            clients(5, 1).at(sudden(0.0)),
        ),
        World::new(
            "sudden drift, 20 rows a client",
            21,
            clients(20, 1).at(sudden(0.0)),
        ),
        World::new(
            "sudden drift, 20 rows a client over batches",
            22,
            clients(20, 60).at(sudden(0.0)),
        ),
    ]
}

fn worlds_of_the_literature() -> Vec<World> {
    let stagger = || schema(&[], &["size", "colour", "shape"]);
    let agrawal = || schema(&agrawal::NUMBERS, &agrawal::CATEGORIES);
    let agrawals =
        |name, seed, functions| World::ruled(name, seed, agrawal(), agrawal::row, functions);
    let one_batch = Promise::Adapts { most: 20.0 };
    vec![
        World::ruled("SEA", 31, numbers(3), concepts::sea, [0, 1, 2, 3]),
        World {
            promise: one_batch,
            ..World::ruled("STAGGER", 32, stagger(), concepts::stagger, [0, 1, 2, 0])
        },
        World {
            promise: one_batch,
            drifts: vec![CHANGE],
            ..World::ruled(
                "STAGGER once",
                33,
                stagger(),
                concepts::stagger,
                [0, 2, 2, 2],
            )
        },
        agrawals("Agrawal 1 to 4", 34, [1, 2, 3, 4]),
        agrawals("Agrawal 5 to 7", 35, [5, 6, 7, 5]),
        agrawals("Agrawal 7 and 9", 36, [7, 9, 7, 9]),
        World {
            // With the functions 8 and 10 a batch has fewer leavers than a decision needs, so its rows wait.
            promise: Promise::Watched,
            ..agrawals("Agrawal 7, 8, 10, 7", 41, [7, 8, 10, 7])
        },
        World::moving("hyperplane", 37, moving::hyperplane()),
        World::moving("radial basis", 38, moving::radial_basis()),
        World::ruled("LED", 39, numbers(24), concepts::led, [0, 1, 2, 3]),
        World::ruled(
            "Friedman",
            40,
            numbers(10),
            concepts::friedman,
            [0, 1, 2, 3],
        ),
    ]
}

/// The progress of a slow change: from 0 to 1 over twenty batches.
fn ramp(batch: usize) -> f64 {
    let since = (batch + 1).saturating_sub(CHANGE) as f64;
    (since / (2 * CHANGE) as f64).min(1.0)
}
