//! How long the passes take that a fit consists of: `cargo bench -p dataset`.

use dataset::passes::{
    Axis, Design, LogisticPoint, logistic_terms, logistic_terms_without_folds, moments,
};
use dataset::{FOLDS, Fold, Table};
use divan::Bencher;
use divan::counter::ItemsCount;

const ROWS: usize = 1_000_000;
const WIDTHS: [usize; 2] = [3, 50];

fn main() {
    divan::main();
}

fn table(columns: usize) -> Table {
    let value = |row: usize, column: usize| ((row * (column + 3)) as f64 * 0.7).sin();
    Table {
        features: (0..columns)
            .map(|column| (0..ROWS).map(|row| value(row, column)).collect())
            .collect(),
        labels: (0..ROWS).map(|row| Some(row % 3 == 0)).collect(),
        clients: (0..ROWS as u64).map(|row| row * row % 1_000_003).collect(),
        ..Table::default()
    }
}

fn axes(columns: usize) -> Vec<Axis> {
    let axis = Axis {
        scale: 0.5,
        shift: 0.1,
        imputed: 0.2,
    };
    vec![axis; columns]
}

fn point(axes: &[Axis]) -> LogisticPoint<'_> {
    LogisticPoint {
        design: Design::of_numbers(),
        axes,
        weights: vec![0.1; axes.len() + 1].into(),
    }
}

fn time_terms(bencher: Bencher<'_, '_>, columns: usize, fold: Fold) {
    let table = table(columns);
    let axes = axes(columns);
    let point = point(&axes);
    let selection = table.labelled().of_fold(fold);
    bencher
        .counter(ItemsCount::new(ROWS))
        .bench(|| logistic_terms(&point, &table, &selection));
}

#[divan::bench(args = WIDTHS, sample_count = 20)]
fn terms_of_all_rows(bencher: Bencher<'_, '_>, columns: usize) {
    time_terms(bencher, columns, Fold::Any);
}

#[divan::bench(args = WIDTHS, sample_count = 20)]
fn terms_outside_a_fold(bencher: Bencher<'_, '_>, columns: usize) {
    time_terms(bencher, columns, Fold::Outside(1));
}

#[divan::bench(args = WIDTHS, sample_count = 20)]
fn terms_without_each_fold(bencher: Bencher<'_, '_>, columns: usize) {
    let table = table(columns);
    let axes = axes(columns);
    let points: Vec<LogisticPoint<'_>> = (0..FOLDS).map(|_| point(&axes)).collect();
    bencher
        .counter(ItemsCount::new(ROWS))
        .bench(|| logistic_terms_without_folds(&points, &table, &table.labelled()));
}

#[divan::bench(args = WIDTHS, sample_count = 20)]
fn moments_of_all_rows(bencher: Bencher<'_, '_>, columns: usize) {
    let table = table(columns);
    bencher
        .counter(ItemsCount::new(ROWS))
        .bench(|| moments(Design::of_numbers(), &table, &table.labelled()));
}
