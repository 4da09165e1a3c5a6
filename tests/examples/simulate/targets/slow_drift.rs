//! A drift that no single batch shows, and the share of it that a test can find in theory.
//!
//! No test of these rows finds a change of a tenth of a coefficient in 80 % of the streams. Its
//! non-centrality is 3.4. The best test at the level 0.005 looks once and knows the direction; it
//! finds 22.9 %. It would find 50.8 % if the deployed coefficients were known exactly. A χ² test
//! with four degrees of freedom that looks once finds 7.2 %. The sums may be looked at any number
//! of times, so they find less. The other two drifts are even smaller. [`crate::power`] has the
//! formulas.

use std::io::{self, Write};

use dataset::each_in_parallel;
use diagnostics::statistics::{CumulativeScore, look_level};
use diagnostics::{TestAtLevel, Verdict, model_verdict};

use super::batches::{ALPHA, TRAINING_ROWS, batch_of};
use super::{Bound, Target};
use crate::draws::Draws;
use crate::intervals::{Mean, Share};
use crate::power::{self, Drift};
use crate::worlds::logistic::{Logistic, WEIGHTS, Weights};

const BATCHES: u32 = 50;
const ROWS: usize = 100;

/// The slow drifts: a tenth of each model drift that a single batch shows.
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

/// How often the sums find each drift, and how often any test could.
pub(crate) fn slow_drifts(out: &mut impl Write, runs: u64) -> io::Result<Vec<Target>> {
    let mut targets = Vec::new();
    writeln!(
        out,
        "\nwithin reach of any test, {BATCHES} batches of {ROWS} rows:"
    )?;
    for (name, weights) in drifts() {
        let found = streams(&Logistic::with(weights), runs);
        let share = Share::of(found.iter().map(|found| found.by_sums));
        let name = format!("{name}, {BATCHES} × {ROWS} rows: found by the sums");
        write_theory(out, &name, weights)?;
        targets.push(Target::share(name, Bound::AtLeast(80.0), share));
    }
    let clean = streams(&Logistic::SAME, runs);
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

/// The results of the tests on one stream.
struct Found {
    by_sums: bool,
    alarms: f64,
}

fn streams(world: &Logistic, runs: u64) -> Vec<Found> {
    each_in_parallel((0..runs).collect(), |run| one_stream(world, run))
}

fn one_stream(world: &Logistic, run: u64) -> Found {
    let draws = &mut Draws::of(3, run);
    let model = Logistic::SAME.model(draws, TRAINING_ROWS);
    let mut sums = CumulativeScore::default();
    let mut since_alarm = CumulativeScore::default();
    let mut so_far = Found {
        by_sums: false,
        alarms: 0.0,
    };
    for _ in 0..BATCHES {
        let table = world.observed(draws, ROWS);
        let batch = batch_of(&table);
        let verdict = |sums: &mut CumulativeScore| {
            let (found, terms) =
                model_verdict(&model, &batch, sums, ALPHA).expect("the rows are in memory");
            sums.add(&terms, found.cumulative.is_some())
                .expect("numbers in range");
            found
        };
        let found = verdict(&mut sums);
        so_far.by_sums |= found.cumulative.as_ref().is_some_and(TestAtLevel::is_drift);
        // A run that finds drift tries a candidate, and the sums start again.
        if verdict(&mut since_alarm).verdict == Verdict::Drift {
            since_alarm = CumulativeScore::default();
            so_far.alarms += 1.0;
        }
    }
    so_far
}
