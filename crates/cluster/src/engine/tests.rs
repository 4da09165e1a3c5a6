//! Values from answers, whole and odd.

use dataset::Labels;
use dataset::passes::{Axis, Weight};

use super::*;
use crate::answer::Cell;
use crate::dialect::Dialect;
use crate::source::{Column, Relation};

/// An axis that changes no value.
const AXIS: Axis = Axis {
    scale: 1.0,
    shift: 0.0,
    imputed: 0.0,
};

/// A connection that gives the same lines to every statement.
#[derive(Debug)]
struct Fixed(Vec<Vec<Cell>>);

impl Connection for Fixed {
    fn ask(&self, name: &str, _: &str, _: usize) -> Result<Answer, Failure> {
        Ok(Answer {
            name: name.to_owned(),
            lines: self.0.clone(),
        })
    }

    fn execute(&self, _: &str, _: &str) -> Result<(), Failure> {
        Ok(())
    }
}

fn engine(lines: Vec<Vec<Cell>>) -> SqlEngine<Fixed> {
    let source = Source {
        dialect: Dialect::Spark,
        relation: Relation::Named("rows".into()),
        features: vec![Column::Number("x".into())],
        rows: 9,
    };
    SqlEngine::new(Fixed(lines), source)
}

#[test]
fn a_count_has_the_place_in_its_first_column_and_other_counts_are_zero() {
    let lines = [[2, 5], [0, 3]].map(|cells| cells.map(Cell::Whole).to_vec());
    let counts = engine(lines.to_vec()).counts(&[], &Selection::rows(0..9));
    assert_eq!(counts, Ok(vec![3, 0, 5]));
}

#[test]
fn odd_answers_are_failures() {
    let all = Selection {
        labels: Labels::Known,
        ..Selection::rows(0..9)
    };
    let beyond = engine(vec![vec![Cell::Whole(3), Cell::Whole(1)]]);
    assert!(beyond.counts(&[], &all).is_err());
    let short = engine(vec![vec![Cell::Whole(3)]]);
    assert!(short.client_sums(&RowNumber::Zero, &all).is_err());
    let moments = short.moments(&Term::numbers(1), &[Fold::Any], &all);
    assert!(moments.is_err());
    // The square of a huge number overflows.
    let huge = [1.0, 1e300, f64::INFINITY, 1e300, 1e300, 1.0].map(Cell::Number);
    let huge = engine(vec![huge.to_vec()]).moments(&Term::numbers(1), &[Fold::Any], &all);
    assert!(huge.is_err());
    let doubled = engine(vec![[2, 5].map(Cell::Whole).to_vec(); 2]);
    let failure = doubled.counts(&[], &all).unwrap_err();
    assert!(failure.message.contains("counts of rows"), "{failure}");
}

#[test]
fn a_statement_repeats_at_most_a_billion_rows() {
    let pairs = |rows| pairs_at_once(&Selection::rows(0..rows));
    assert_eq!(pairs(0), MAX_PAIRS);
    assert_eq!(pairs(10_000_000), MAX_PAIRS);
    assert_eq!(pairs(100_000_000), 10);
    assert_eq!(pairs(10_000_000_000), 1);
    let share = Selection::rows(0..10_000_000_000).one_in(1000);
    assert_eq!(pairs_at_once(&share), MAX_PAIRS);
}

#[test]
fn a_newton_step_without_folds_has_one_line() {
    let (terms, axes) = (Term::numbers(1), [AXIS]);
    let point = LogisticPoint {
        terms: &terms,
        axes: &axes,
        weights: vec![0.0; 2].into(),
    };
    let asked = |fold| LogisticSums {
        point: &point,
        weight: Weight::Curvature,
        limit: None,
        fold,
    };
    // Rows, positive labels, loss, the gradient, and the lower triangle of the matrix.
    let line: Vec<Cell> = [4, 1, 2, 0, 0, 1, 0, 1].map(Cell::Whole).to_vec();
    let all = Selection::rows(0..9);
    let of = |lines| engine(lines).logistic_terms(&[asked(Fold::Any)], &all);
    assert_eq!(of(vec![line.clone()]).unwrap()[0].rows, 4);
    assert!(of(vec![]).is_err());
    assert!(of(vec![line.clone(); 2]).is_err());
    let folds: Vec<_> = (0..FOLDS).map(|it| asked(Fold::Inside(it))).collect();
    let of_fold = [vec![Cell::Whole(3)], line].concat();
    let of = |lines| engine(lines).logistic_terms(&folds, &all);
    assert_eq!(of(vec![of_fold.clone()]).unwrap()[3].rows, 4);
    assert!(of(vec![of_fold; 2]).is_err());
}

#[test]
fn a_newton_step_is_put_together_from_its_entries() {
    let (terms, axes) = (Term::numbers(1).repeat(7), [AXIS; 7]);
    let point = LogisticPoint {
        terms: &terms,
        axes: &axes,
        weights: vec![0.0; 8].into(),
    };
    let asked = LogisticSums {
        point: &point,
        weight: Weight::Curvature,
        limit: None,
        fold: Fold::Any,
    };
    // The place of the entry, rows, positive labels, loss, the gradient, and a row of the matrix.
    let line = |entry: i64| {
        let counts = [entry, 4, 1].map(Cell::Whole);
        let numbers = std::iter::once(2.5).chain((0..9).map(|place| (10 * entry + place) as f64));
        counts
            .into_iter()
            .chain(numbers.map(Cell::Number))
            .collect()
    };
    let all = Selection::rows(0..9);
    let found = engine((0..8).rev().map(line).collect());
    let found = found.logistic_terms(&[asked], &all).unwrap();
    assert_eq!((found[0].rows, found[0].positives), (4, 1));
    assert_eq!(found[0].loss, 2.5);
    assert_eq!(found[0].gradient[3], 30.0);
    assert_eq!(found[0].hessian[[3, 0]], 31.0);
    assert_eq!(found[0].hessian[[0, 7]], 8.0);
    let of = |lines| engine(lines).logistic_terms(&[asked], &all);
    assert!(of(vec![line(8)]).is_err());
    // No rows have no lines. Otherwise each entry has one.
    assert_eq!(of(vec![]).unwrap()[0].rows, 0);
    assert!(of((0..7).map(line).collect()).is_err());
    let doubled = (0..7).chain([6]).map(line).collect();
    assert!(of(doubled).is_err());
    // By fold, the place is 8 · fold + entry: 16 to 23 are the third fold.
    let folds: Vec<_> = (0..FOLDS)
        .map(|it| LogisticSums {
            fold: Fold::Inside(it),
            ..asked
        })
        .collect();
    let of = |lines| engine(lines).logistic_terms(&folds, &all);
    let found = of((16..24).map(line).collect()).unwrap();
    assert_eq!((found[1].rows, found[2].rows), (0, 4));
    assert_eq!(found[2].gradient[3], 190.0);
    assert!(of((16..25).map(line).collect()).is_err());
}
