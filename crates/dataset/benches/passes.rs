//! Benchmarks of the passes that a fit consists of: `cargo bench -p dataset`.

use dataset::passes::{
    Axis, Encoding, LinearExpression, LogisticPoint, Term, WeightedTerm, log_odds, logistic_terms,
    logistic_terms_without_folds, moments,
};
use dataset::{FOLDS, Fold, Level, Table};
use divan::Bencher;
use divan::counter::ItemsCount;

const ROWS: usize = 1_000_000;
const WIDTHS: [usize; 2] = [3, 50];

fn main() {
    divan::main();
}

fn table(columns: usize) -> Table {
    let value = |row: usize, column: usize| ((row * (column + 3)) as f64 * 0.7).sin();
    let column = |column| (0..ROWS).map(|row| value(row, column)).collect();
    Table::of_columns(
        (0..columns).map(column).collect(),
        (0..ROWS).map(|row| Some(row % 3 == 0)).collect(),
        (0..ROWS as u64).map(|row| row * row % 1_000_003).collect(),
    )
}

fn axes(columns: usize) -> Vec<Axis> {
    let axis = Axis {
        scale: 0.5,
        shift: 0.1,
        imputed: 0.2,
    };
    vec![axis; columns]
}

fn point<'a>(terms: &'a [Term<'a>], axes: &'a [Axis]) -> LogisticPoint<'a> {
    LogisticPoint {
        terms,
        axes,
        weights: vec![0.1; axes.len() + 1].into(),
    }
}

fn time_terms(bencher: Bencher<'_, '_>, columns: usize, fold: Fold) {
    let (table, terms, axes) = (table(columns), Term::numbers(columns), axes(columns));
    let point = point(&terms, &axes);
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
    let (table, terms, axes) = (table(columns), Term::numbers(columns), axes(columns));
    let points: Vec<LogisticPoint<'_>> = (0..FOLDS).map(|_| point(&terms, &axes)).collect();
    bencher
        .counter(ItemsCount::new(ROWS))
        .bench(|| logistic_terms_without_folds(&points, &table, &table.labelled()));
}

#[divan::bench(args = WIDTHS, sample_count = 20)]
fn moments_of_all_rows(bencher: Bencher<'_, '_>, columns: usize) {
    let (table, terms) = (table(columns), Term::numbers(columns));
    bencher
        .counter(ItemsCount::new(ROWS))
        .bench(|| moments(&terms, &table, &table.labelled()));
}

fn time_log_odds(bencher: Bencher<'_, '_>, terms: Vec<Term<'_>>, table: &Table) {
    let weighted = |term| WeightedTerm {
        term,
        coefficient: 0.2,
        imputed: 0.3,
    };
    let expression = LinearExpression {
        intercept: 0.1,
        terms: terms.into_iter().map(weighted).collect(),
    };
    bencher
        .counter(ItemsCount::new(ROWS))
        .bench(|| log_odds(&expression, table, &table.all()));
}

#[divan::bench(args = WIDTHS, sample_count = 20)]
fn log_odds_of_numbers(bencher: Bencher<'_, '_>, columns: usize) {
    time_log_odds(bencher, Term::numbers(columns), &table(columns));
}

/// Numbers of levels of the categories in a table in which numbers and categories alternate.
const LEVELS: [usize; 3] = [10, 20, 40];

fn levels() -> Vec<Vec<Level>> {
    let level = |level| Level::from(format!("level {level}"));
    let of_category = |levels: usize| (0..levels).map(level).collect();
    LEVELS.into_iter().map(of_category).collect()
}

fn with_categories(levels: &[Vec<Level>]) -> (Table, Vec<Term<'_>>) {
    let mut table = table(2 * levels.len());
    let mut terms = Vec::new();
    for (number, levels) in levels.iter().enumerate() {
        let category = 2 * number + 1;
        let cell = |row: usize| levels[(row * 7919 + row / 13) % levels.len()].code();
        table.in_memory_mut().features[category] = (0..ROWS).map(cell).collect();
        let numbers = (category - 1, Encoding::Number);
        let known = levels
            .iter()
            .map(|level| (category, Encoding::Level(level)));
        let other = (category, Encoding::OtherThan(levels));
        let own = [numbers].into_iter().chain(known).chain([other]);
        terms.extend(own.map(|(feature, encoding)| Term {
            feature,
            encoding,
            if_missing: None,
        }));
    }
    (table, terms)
}

#[divan::bench(sample_count = 20)]
fn log_odds_of_categories(bencher: Bencher<'_, '_>) {
    let levels = levels();
    let (table, terms) = with_categories(&levels);
    time_log_odds(bencher, terms, &table);
}

#[divan::bench(sample_count = 10)]
fn terms_of_categories(bencher: Bencher<'_, '_>) {
    let levels = levels();
    let (table, terms) = with_categories(&levels);
    let axes = axes(terms.len());
    let point = point(&terms, &axes);
    bencher
        .counter(ItemsCount::new(ROWS))
        .bench(|| logistic_terms(&point, &table, &table.labelled()));
}
