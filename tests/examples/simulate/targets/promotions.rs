//! The promises of the gate and of the interval of F1.

use common::config::TrainingWindow;
use dataset::{RowNumbers, Table, each_in_parallel};
use scoring::{Contest, UnseenTest, WindowTrial, choose_window, gate, windows};

use super::batches::TRAINING_ROWS;
use super::{Bound, Target};
use crate::draws::Draws;
use crate::intervals::Share;
use crate::rows::config;
use crate::worlds::logistic::{Logistic, fitted};

const CANDIDATES: u64 = 200;
const NEW_ROWS: usize = 500;
const TEST_ROWS: usize = 2_000;
/// Number of rows that are enough to represent the world itself.
const MANY_ROWS: usize = 100_000;
/// Ratio of log-losses on clean rows, candidate to deployed model, from which on a promotion is
/// harm.
const HARM: f64 = 1.02;

/// The promises on candidates that are fitted to wrong labels. Every fifth label is wrong: first
/// only in the new rows, then in all rows that the candidate is fitted to.
pub(crate) fn flipped_labels() -> Vec<Target> {
    let noisy = Logistic {
        flipped: 0.2,
        ..Logistic::SAME
    };
    let clean = Logistic::SAME
        .draw(&mut Draws::of(5, 0), 0, MANY_ROWS)
        .observed;
    let cases = [("the new rows", Logistic::SAME), ("all rows", noisy)];
    let target = |(name, old): (&str, Logistic)| {
        let harmed = each_in_parallel((0..CANDIDATES).collect(), |run| {
            is_harm_promoted(&old, &noisy, &clean, run)
        });
        Target::share(
            format!("every fifth label of {name} wrong: promoted, and log-loss over 2 % worse"),
            Bound::AtMost(5.0),
            Share::of(harmed),
        )
    };
    cases.map(target).into()
}

fn is_harm_promoted(old: &Logistic, new: &Logistic, clean: &Table, run: u64) -> bool {
    let draws = &mut Draws::of(4, run);
    let old = old.draw(draws, 0, TRAINING_ROWS);
    let test = Logistic::SAME
        .draw(draws, TRAINING_ROWS, TEST_ROWS)
        .observed;
    let new = new
        .draw(draws, TRAINING_ROWS + TEST_ROWS, NEW_ROWS)
        .observed;
    let incumbent = fitted(&old.truth);
    let mut table = old.observed;
    table.extend(&new);
    let candidate = fitted(&table);
    let config = config("score", &Logistic::schema());
    let gate_rows = TRAINING_ROWS..table.rows();
    let window = choose_window(&WindowTrial {
        training: &config.training,
        table: &table,
        windows: &windows(
            TrainingWindow::All,
            table.rows(),
            &RowNumbers::default(),
            &[],
            None,
        ),
        first: &candidate,
        gate_rows: &gate_rows,
    })
    .expect("a window");
    let contest = Contest {
        candidate: &candidate,
        window: &window,
        incumbent: &incumbent,
        table: &table,
        test: Some(UnseenTest {
            table: &test,
            left_out: 0,
        }),
        // Without a score test, the candidate must be significantly better.
        model_drift: false,
        refit: false,
    };
    let comparison = scoring::compare(&contest).expect("labelled new rows");
    let [of_candidate, of_incumbent] = [&candidate, &incumbent].map(|model| {
        let metrics = scoring::score(model, clean, &clean.all()).expect("the rows are in memory");
        metrics.expect("labelled rows").log_loss
    });
    gate(&comparison, config.deployment.gate).accepted && of_candidate > HARM * of_incumbent
}

/// How often the 95 % interval of F1 contains the F1 of the world itself.
pub(crate) fn f1_intervals(runs: u64) -> Vec<Target> {
    let draws = &mut Draws::of(6, 0);
    let model = Logistic::SAME.model(draws, TRAINING_ROWS);
    let world = (0..20)
        .map(|_| Logistic::SAME.observed(draws, MANY_ROWS))
        .map(|rows| scoring::confusion(&model, &rows, &rows.all()).expect("the rows are in memory"))
        .reduce(|all, more| all.plus(more));
    let truth = world
        .and_then(|world| world.f1())
        .expect("rows of both classes");
    let target = |rows: usize| {
        let covered = each_in_parallel((0..runs).collect(), |run| {
            let table = Logistic::SAME.observed(&mut Draws::of(7 + rows as u64, run), rows);
            let found =
                scoring::confusion(&model, &table, &table.all()).expect("the rows are in memory");
            scoring::f1_interval(&found)
                .is_some_and(|[lower, upper]| (lower..=upper).contains(&truth))
        });
        Target::share(
            format!("the interval of F1 holds the truth, {rows} rows"),
            Bound::Between(93.0, 97.0),
            Share::of(covered),
        )
    };
    [100, 1_000].map(target).into()
}
