//! Comparisons of values of the engine with values in memory.

use dataset::passes::{
    Axis, Curve, Cut, Division, Encoding, Grid, LinearExpression, LogisticPoint, LogisticTerms,
    Moments, Parts, RowNumber, Side, Surface, Term, WeightedTerm, bounded_logistic_terms,
    client_pairs, client_sums, counts, group_sums, label_counts, logistic_terms,
    logistic_terms_by_fold, logistic_terms_without_folds, loss_sum, moments, moments_by_fold,
    pair_sums, profile, rows_of_clients, sandwich_meat, score_groups,
};
use dataset::{Fold, Level, Selection, Table};
use ndarray::Array2;

use crate::rows::{Draws, Rows};

/// True if two numbers differ by at most `tolerance`, relative to the larger one or to 1.
pub(crate) fn is_close(one: f64, other: f64, tolerance: f64) -> bool {
    (one - other).abs() <= tolerance * one.abs().max(other.abs()).max(1.0)
}

/// Maximum difference of sums over up to a thousand rows.
const TOLERANCE: f64 = 1e-9;

fn assert_close(found: f64, wanted: f64, what: &str) {
    assert!(
        is_close(found, wanted, TOLERANCE),
        "{what}: {found} instead of {wanted}"
    );
}

fn assert_all_close<'a>(
    found: impl IntoIterator<Item = &'a f64>,
    wanted: impl IntoIterator<Item = &'a f64>,
    what: &str,
) {
    let (found, wanted): (Vec<_>, Vec<_>) =
        (found.into_iter().collect(), wanted.into_iter().collect());
    assert_eq!(found.len(), wanted.len(), "{what}");
    for (found, wanted) in found.into_iter().zip(wanted) {
        assert_close(*found, *wanted, what);
    }
}

/// The parts of terms.
struct Shapes {
    curve: Curve,
    trend: Curve,
    constant: Curve,
    knots: Vec<f64>,
    levels: Vec<Level>,
    grid: Grid,
    mixed: Grid,
    surface: Surface,
}

fn shapes(draws: &mut Draws) -> Shapes {
    let knots = vec![-3.5, -1.0, 0.5, 2.5];
    let level = |text: &str| Level::from(text.to_owned());
    let levels = vec![level("it's"), level("back\\slash\\'"), level("never seen")];
    let side = |feature, parts: Parts| Side { feature, parts };
    let grid = Grid {
        first: side(0, Parts::Knots(knots.clone())),
        second: side(1, Parts::Knots(vec![-500.0, 20.0, 700.0])),
    };
    let mixed = Grid {
        first: side(1, Parts::Knots(vec![-300.0, 300.0])),
        second: side(3, Parts::Levels(levels.clone())),
    };
    let mut values = |count: usize| (0..count).map(|_| draws.signed()).collect::<Vec<_>>();
    Shapes {
        curve: Curve::new(knots.clone(), values(4)),
        trend: Curve::new(vec![-900.0, 900.0], values(2)),
        constant: Curve::new(vec![1.0], values(1)),
        surface: Surface {
            values: values(grid.len()),
            grid: grid.clone(),
        },
        knots,
        levels,
        grid,
        mixed,
    }
}

impl Shapes {
    fn terms(&self) -> Vec<Term<'_>> {
        let of = |feature, encoding| Term {
            feature,
            encoding,
            if_missing: None,
        };
        let known = |feature, encoding, if_missing| Term {
            if_missing: Some(if_missing),
            ..of(feature, encoding)
        };
        let mut terms = vec![
            of(0, Encoding::Number),
            known(1, Encoding::Number, 3.0),
            known(1, Encoding::Missing, 1.0),
            of(0, Encoding::Curve(&self.curve)),
            of(1, Encoding::Trend(&self.trend)),
            known(0, Encoding::Curve(&self.constant), 0.5),
        ];
        terms.extend((0..3).map(|step| of(0, Encoding::Step(&self.knots, step))));
        terms.extend(
            self.levels
                .iter()
                .map(|level| of(3, Encoding::Level(level))),
        );
        terms.push(of(3, Encoding::OtherThan(&self.levels)));
        terms.extend(
            self.levels
                .iter()
                .map(|level| known(4, Encoding::Level(level), 0.0)),
        );
        terms.push(known(4, Encoding::Missing, 1.0));
        // The cells of a grid follow one another.
        terms.extend((0..12).map(|place| of(0, Encoding::Cell(&self.grid, place))));
        terms.extend((0..6).map(|place| of(1, Encoding::Cell(&self.mixed, place))));
        terms.push(of(0, Encoding::Surface(&self.surface)));
        terms
    }
}

fn expression<'a>(terms: &[Term<'a>], draws: &mut Draws) -> LinearExpression<'a> {
    let terms = terms.iter().map(|term| {
        let is_wide = term.feature == 1 && matches!(term.encoding, Encoding::Number);
        WeightedTerm {
            term: *term,
            coefficient: draws.signed() * if is_wide { 1e-3 } else { 1.0 },
            imputed: draws.signed(),
        }
    });
    LinearExpression {
        terms: terms.collect(),
        intercept: 0.3,
    }
}

/// Selections of rows.
fn selections(table: &Table) -> Vec<Selection> {
    let third = table.rows() / 3;
    vec![
        table.all(),
        table.labelled().of_fold(Fold::Inside(1)),
        table.all().of_fold(Fold::Outside(3)),
        table.all().unlabelled(),
        Selection::rows(0..0),
        Selection::rows(third..table.rows()),
        Selection::rows(0..2 * third).labelled(),
        Selection::rows(third..2 * third),
    ]
}

pub(crate) fn compare_values(seed: u64, rows: &Rows, memory: &Table, engine: &Table) {
    assert_eq!(
        (engine.rows(), engine.n_features()),
        (rows.len(), memory.n_features())
    );
    let mut draws = Draws(seed ^ 0x5eed);
    let shapes = shapes(&mut draws);
    let terms = shapes.terms();
    let [one, other] = [0, 1].map(|_| expression(&terms, &mut draws));
    // Several statements ask for this number of moments.
    compare_moments([memory, engine], &memory.labelled(), &terms.repeat(3));
    let chosen = selections(memory);
    let picked = draws.below(chosen.len());
    for selection in [&chosen[0], &chosen[picked]] {
        let tables = [memory, engine];
        compare_counts(tables, selection, [&one, &other]);
        compare_moments(tables, selection, &terms);
        compare_scores(tables, selection, &one);
        compare_pairs_of_features(tables, selection, &one, &shapes);
        compare_profile(rows, tables, selection);
        // A statement has a sum for each pair of terms, so each case uses only a part of the terms.
        let parts = [&terms[..6], &terms[6..17], &terms[29..]];
        let part = parts[draws.below(parts.len())];
        compare_likelihood(tables, selection, part, &mut draws);
        compare_groups(tables, selection, part, &shapes, &mut draws);
    }
}

fn compare_counts(
    tables: [&Table; 2],
    selection: &Selection,
    [one, other]: [&LinearExpression<'_>; 2],
) {
    let cut = |expression, threshold| Cut {
        expression,
        threshold,
    };
    let cuts = [cut(one, 0.2), cut(other, -0.4)];
    for models in [&cuts[..0], &cuts[..1], &cuts[..]] {
        let [wanted, found] = tables.map(|table| counts(models, table, selection).unwrap());
        assert_eq!(found, wanted);
    }
    let numbers = [
        RowNumber::Zero,
        RowNumber::Loss(one),
        RowNumber::LossDifference {
            expressions: [one, other],
            limit: 2.0,
        },
        RowNumber::LossDifference {
            expressions: [one, other],
            limit: 1e100,
        },
        RowNumber::TruePositive(cuts[0]),
    ];
    for number in numbers {
        let [wanted, found] = tables.map(|table| client_sums(&number, table, selection).unwrap());
        assert_eq!((found.rows, found.clients), (wanted.rows, wanted.clients));
        let sums =
            |it: &dataset::passes::ClientSums| [it.sum, it.squares, it.products, it.squared_rows];
        assert_all_close(&sums(&found), &sums(&wanted), "sums by client");
    }
    let [wanted, found] = tables.map(|table| loss_sum(one, table, selection).unwrap());
    assert_eq!(found.rows, wanted.rows);
    assert_close(found.sum, wanted.sum, "log-losses");
}

fn assert_moments(found: &Moments, wanted: &Moments, what: &str) {
    assert_eq!(found.count, wanted.count, "{what}");
    assert_eq!(found.minimum().is_some(), wanted.minimum().is_some());
    let numbers = |it: &Moments| {
        [
            it.mean(),
            it.standard_deviation(),
            it.minimum(),
            it.maximum(),
        ]
        .map(Option::unwrap_or_default)
    };
    assert_all_close(&numbers(found), &numbers(wanted), what);
}

fn compare_moments(tables: [&Table; 2], selection: &Selection, terms: &[Term<'_>]) {
    let [wanted, found] = tables.map(|table| moments(terms, table, selection).unwrap());
    for (place, (found, wanted)) in found.iter().zip(&wanted).enumerate() {
        assert_moments(found, wanted, &format!("moments of {:?}", terms[place]));
    }
    if selection.fold == Fold::Any {
        let [wanted, found] = tables.map(|table| moments_by_fold(terms, table, selection).unwrap());
        for (found, wanted) in found.iter().flatten().zip(wanted.iter().flatten()) {
            assert_moments(found, wanted, "moments by fold");
        }
    }
}

fn compare_scores(tables: [&Table; 2], selection: &Selection, expression: &LinearExpression<'_>) {
    let [wanted, found] = tables.map(|table| score_groups(expression, table, selection).unwrap());
    // Equal log-odds may differ in the last digit, so the groups may differ. The log-odds of all rows do not.
    let totals = |groups: &[dataset::passes::ScoreGroup]| {
        let mut log_odds: Vec<f64> = Vec::new();
        for group in groups {
            log_odds.extend(std::iter::repeat_n(group.log_odds, group.rows() as usize));
        }
        let positives: u64 = groups.iter().map(|group| group.positives).sum();
        (log_odds, positives)
    };
    let (wanted, found) = (totals(&wanted), totals(&found));
    assert_eq!(found.1, wanted.1);
    assert_all_close(&found.0, &wanted.0, "log-odds");
}

fn compare_pairs_of_features(
    tables: [&Table; 2],
    selection: &Selection,
    expression: &LinearExpression<'_>,
    shapes: &Shapes,
) {
    let parts = [
        Some(Parts::Knots(shapes.knots.clone())),
        Some(Parts::Knots(vec![-100.0, 0.0, 100.0])),
        None,
        Some(Parts::Levels(shapes.levels.clone())),
        None,
    ];
    let [wanted, found] =
        tables.map(|table| pair_sums(&parts, expression, table, selection).unwrap());
    assert_eq!(found.len(), wanted.len());
    for (found, wanted) in found.iter().zip(&wanted) {
        assert_eq!(
            (found.features, found.widths),
            (wanted.features, wanted.widths)
        );
        assert_all_close(&found.residuals, &wanted.residuals, "residuals of a pair");
        assert_all_close(&found.weights, &wanted.weights, "weights of a pair");
    }
}

fn compare_profile(rows: &Rows, tables: [&Table; 2], selection: &Selection) {
    let schema = rows.schema();
    let [wanted, found] = tables.map(|table| profile(&schema, table, selection).unwrap());
    assert_eq!(found.rows, wanted.rows);
    for (found, wanted) in found.columns.iter().zip(&wanted.columns) {
        assert_eq!((&found.name, found.missing), (&wanted.name, wanted.missing));
        assert_eq!(found.levels(), wanted.levels());
        if let (Some(found), Some(wanted)) = (found.moments(), wanted.moments()) {
            assert_moments(found, wanted, "a column of the profile");
        }
    }
    let bits = |columns: &[Vec<f64>]| -> Vec<Vec<u64>> {
        let column = |column: &Vec<f64>| column.iter().map(|cell| cell.to_bits()).collect();
        columns.iter().map(column).collect()
    };
    assert_eq!(bits(&found.sample.columns), bits(&wanted.sample.columns));

    let labelled = label_counts(tables[0], selection).unwrap().labelled();
    if selection.fold == Fold::Any && labelled > 0 {
        let range = &selection.rows;
        let [wanted, found] =
            tables.map(|table| rows_of_clients(&schema, table, range.clone()).unwrap());
        assert_eq!(found.as_ref().map(Vec::len), wanted.as_ref().map(Vec::len));
    }
    for max_rows in [usize::MAX, rows.len() / 3] {
        let [wanted, found] = tables.map(|table| table.sample(selection, max_rows).unwrap());
        assert_eq!(lines(&found), lines(&wanted));
    }
}

/// The rows of a sample in their order, with the names of their levels.
fn lines(sample: &dataset::RowSample) -> Vec<String> {
    let columns = sample.columns();
    let line = |row: usize| {
        let features = columns.features.iter().enumerate();
        let cells = features.map(|(feature, column)| {
            let name = columns.levels.name(feature, column[row]);
            name.map_or_else(|| column[row].to_string(), str::to_owned)
        });
        let cells: Vec<String> = cells.collect();
        let client = (columns.clients[row], columns.client_numbers[row]);
        format!("{client:?} {cells:?} {:?}", columns.labels[row])
    };
    (0..columns.labels.len()).map(line).collect()
}

fn assert_terms(found: &LogisticTerms, wanted: &LogisticTerms) {
    assert_eq!(
        (found.rows, found.positives),
        (wanted.rows, wanted.positives)
    );
    assert_close(found.loss, wanted.loss, "loss");
    assert_all_close(&found.gradient, &wanted.gradient, "gradient");
    assert_all_close(&found.hessian, &wanted.hessian, "Hessian");
}

/// Axes and weights of a point on some terms.
fn axes(terms: &[Term<'_>], draws: &mut Draws) -> (Vec<Axis>, Vec<f64>) {
    let axis = |term: &Term<'_>| Axis {
        scale: if term.feature == 1 && matches!(term.encoding, Encoding::Number) {
            500.0
        } else {
            1.5
        },
        shift: draws.signed(),
        imputed: draws.signed(),
    };
    let axes: Vec<Axis> = terms.iter().map(axis).collect();
    let weights = (0..=terms.len()).map(|_| draws.signed() / 2.0);
    let weights = weights.collect();
    (axes, weights)
}

fn compare_likelihood(
    tables: [&Table; 2],
    selection: &Selection,
    terms: &[Term<'_>],
    draws: &mut Draws,
) {
    let points: Vec<(Vec<Axis>, Vec<f64>)> = (0..5).map(|_| axes(terms, draws)).collect();
    let points: Vec<LogisticPoint<'_>> = points
        .iter()
        .map(|(axes, weights)| LogisticPoint {
            terms,
            axes,
            weights: weights.clone().into(),
        })
        .collect();
    let point = &points[0];
    let [wanted, found] = tables.map(|table| logistic_terms(point, table, selection).unwrap());
    assert_terms(&found, &wanted);
    let bounded = |table: &Table| bounded_logistic_terms(point, 0.7, table, selection).unwrap();
    let [wanted, found] = tables.map(bounded);
    assert_terms(&found, &wanted);
    let [wanted, found] = tables.map(|table| sandwich_meat(point, table, selection).unwrap());
    assert_all_close(&found, &wanted, "sandwich");
    if selection.fold == Fold::Any {
        let [wanted, found] =
            tables.map(|table| logistic_terms_by_fold(point, table, selection).unwrap());
        found
            .iter()
            .zip(&wanted)
            .for_each(|(found, wanted)| assert_terms(found, wanted));
        let [wanted, found] =
            tables.map(|table| logistic_terms_without_folds(&points, table, selection).unwrap());
        found
            .iter()
            .zip(&wanted)
            .for_each(|(found, wanted)| assert_terms(found, wanted));
    }
    let [wanted, found] = tables.map(|table| client_pairs(point, 1.5, table, selection).unwrap());
    assert_eq!(found.is_some(), wanted.is_some());
    if let Some((found, wanted)) = found.zip(wanted) {
        let matrices = |it: &dataset::passes::ClientPairs| -> [Array2<f64>; 2] {
            [it.scores.clone(), it.spreads.clone()]
        };
        for (found, wanted) in matrices(&found).iter().zip(&matrices(&wanted)) {
            assert_all_close(found, wanted, "pairs of rows");
        }
        let agreement = |it: &dataset::passes::ClientPairs| {
            [
                it.agreement.correlation(),
                it.agreement.cautious_correlation(),
            ]
        };
        assert_all_close(&agreement(&found), &agreement(&wanted), "agreement");
    }
}

fn compare_groups(
    tables: [&Table; 2],
    selection: &Selection,
    terms: &[Term<'_>],
    shapes: &Shapes,
    draws: &mut Draws,
) {
    let (axes, weights) = axes(terms, draws);
    let point = LogisticPoint {
        terms,
        axes: &axes,
        weights: weights.into(),
    };
    let divisions = [
        Division::Whole,
        Division::Bins {
            feature: 0,
            ends: vec![-2.5, 0.5],
        },
        Division::Bins {
            feature: 1,
            ends: Vec::new(),
        },
        Division::Levels {
            feature: 3,
            levels: shapes.levels.clone(),
        },
    ];
    let [wanted, found] =
        tables.map(|table| group_sums(&divisions, &point, 2.0, table, selection).unwrap());
    for (found, wanted) in found.iter().flatten().zip(wanted.iter().flatten()) {
        assert_eq!(
            (found.rows, found.positives),
            (wanted.rows, wanted.positives)
        );
        let numbers = |it: &dataset::passes::GroupSums| {
            let sums = [
                it.expected,
                it.upward_skew,
                it.downward_skew,
                it.pair_spreads,
            ];
            it.slopes.iter().copied().chain(sums).collect::<Vec<_>>()
        };
        assert_all_close(&numbers(found), &numbers(wanted), "sums by group");
    }
}
