//! A drift that no batch shows alone, and what theory says can be found of it.
//!
//! To find a tenth of a coefficient in 80 % of the streams is beyond every test of these rows: its
//! non-centrality is 4.0, with which the best test there is at 0.005, one that looks once and knows
//! what to look for, finds 28.5 %, and 60.4 % if the deployed coefficients were known exactly. A χ²
//! with four degrees of freedom that looks once finds 9.5 %; the sums, which may be looked at any
//! number of times, less. The other two drifts are smaller still. [`crate::power`] has the formulas.

use std::io::{self, Write};

use dataset::each_in_parallel;
use diagnostics::statistics::{CumulativeScore, Incumbent, look_level};

use super::batches::{ALPHA, TRAINING_ROWS};
use super::{Bound, Target};
use crate::intervals::{Mean, Share};
use crate::power::{self, Drift};
use crate::worlds::{Draws, WEIGHTS, Weights, World};

const BATCHES: u32 = 50;
const ROWS: usize = 100;

/// A tenth of each drift of the model that a batch shows alone; and nothing.
fn drifts() -> [(&'static str, Weights); 3] {
    let [intercept, first, second, third] = WEIGHTS;
    [
        (
            "a tenth of a coefficient",
            [intercept, first * 0.9, second, third],
        ),
        (
            "a twentieth of all coefficients",
            [intercept, first * 0.95, second * 0.95, third * 0.95],
        ),
        ("intercept −0.05", [intercept - 0.05, first, second, third]),
    ]
}

/// How often the sums find it, and how often they could.
pub(crate) fn slow_drifts(out: &mut impl Write, runs: u64) -> io::Result<Vec<Target>> {
    let mut targets = Vec::new();
    writeln!(
        out,
        "\nwithin reach of any test, {BATCHES} batches of {ROWS} rows:"
    )?;
    for (name, weights) in drifts() {
        let found = streams(&World::with(weights), runs);
        let share = Share::of(found.iter().map(|found| found.by_sums));
        let name = format!("{name}, {BATCHES} × {ROWS} rows: found by the sums");
        write_theory(out, &name, weights)?;
        targets.push(Target::share(name, Bound::AtLeast(80.0), share));
    }
    let clean = streams(&World::SAME, runs);
    let by_sums = Share::of(clean.iter().map(|found| found.by_sums));
    let alarms = clean
        .iter()
        .map(|found| 2.0 * found.alarms)
        .collect::<Mean>();
    targets.push(Target::share(
        format!("nothing, {BATCHES} × {ROWS} rows: found by the sums"),
        Bound::AtMost(0.5),
        by_sums,
    ));
    targets.push(Target::mean(
        "nothing: alarms in 100 batches".into(),
        Bound::AtMost(1.0),
        alarms,
    ));
    Ok(targets)
}

fn write_theory(out: &mut impl Write, name: &str, weights: Weights) -> io::Result<()> {
    let drift = Drift {
        weights,
        rows: f64::from(BATCHES) * ROWS as f64,
        training_rows: TRAINING_ROWS as f64,
    };
    let (ours, known) = (drift.noncentrality(), drift.with_known_coefficients());
    let level = look_level(ALPHA, u64::from(BATCHES));
    let last_look = |noncentrality| power::power(noncentrality, level);
    writeln!(
        out,
        "- {name}: non-centrality {ours:.2} ({known:.2} if the coefficients were known exactly); \
         the last look, at {level:.1e}, finds {:.2} %; one look at {ALPHA} {:.1} %; the best test \
         there is at {ALPHA} {:.1} % ({:.1} %); for 80 % the last look takes {:.1}, the best test {:.1}",
        100.0 * last_look(ours),
        100.0 * power::power(ours, ALPHA),
        100.0 * power::best_power(ours),
        100.0 * power::best_power(known),
        power::needed(last_look),
        power::needed(power::best_power),
    )
}

/// What the tests said of one stream.
struct Found {
    by_sums: bool,
    alarms: f64,
}

fn streams(world: &World, runs: u64) -> Vec<Found> {
    each_in_parallel((0..runs).collect(), |run| one_stream(world, run))
}

fn one_stream(world: &World, run: u64) -> Found {
    let draws = &mut Draws::of(3, run);
    let incumbent = Incumbent::of(&World::SAME.model(draws, TRAINING_ROWS));
    let mut sums = CumulativeScore::default();
    let mut so_far = Found {
        by_sums: false,
        alarms: 0.0,
    };
    for _ in 0..BATCHES {
        let table = world.told(draws, ROWS);
        let terms = incumbent.terms(&table, &table.all());
        let is_drift = incumbent
            .test(&terms)
            .is_ok_and(|test| test.p_value < ALPHA);
        let by_sums = sums
            .look(&terms, |sums| incumbent.test(sums), ALPHA)
            .is_ok_and(|(test, level)| test.p_value < level);
        so_far.by_sums |= by_sums;
        if is_drift || by_sums {
            so_far.alarms += 1.0;
        }
    }
    so_far
}
