//! Terms and expressions of a row.

use dataset::passes::{Curve, Encoding, Grid, LinearExpression, Parts, Side, Term};

use crate::dialect::{Dialect, number};
use crate::source::feature_column;

/// The value of a term. In a missing cell it is the term's own value for that (`if_missing`), or else
/// `imputed`, or else NULL.
pub(crate) fn term(dialect: Dialect, term: &Term<'_>, imputed: Option<f64>) -> String {
    let of_two = |grid: &Grid, value: String| {
        let [one, other] = grid.features().map(feature_column);
        let missing = constant(imputed);
        format!("CASE WHEN {one} IS NULL OR {other} IS NULL THEN {missing} ELSE {value} END")
    };
    let x = feature_column(term.feature);
    let missing = term.if_missing.or(imputed);
    let value = match term.encoding {
        Encoding::Number => {
            return match missing {
                Some(missing) => format!("COALESCE({x}, {})", number(missing)),
                None => x,
            };
        }
        Encoding::Cell(grid, place) => {
            return of_two(grid, weight_in_cell(dialect, grid, place));
        }
        Encoding::Surface(surface) => {
            return of_two(
                &surface.grid,
                surface_value(dialect, &surface.grid, &surface.values),
            );
        }
        Encoding::Trend(curve) | Encoding::Curve(curve) => curve_value(&x, curve),
        Encoding::Step(knots, step) => step_value(&x, knots, step),
        Encoding::Level(level) => indicator(&format!("{x} = {}", dialect.text(level.text()))),
        Encoding::OtherThan([]) => number(1.0),
        Encoding::OtherThan(levels) => {
            let levels = levels.iter().map(|level| dialect.text(level.text()));
            let levels: Vec<String> = levels.collect();
            indicator(&format!("{x} NOT IN ({})", levels.join(", ")))
        }
        Encoding::Missing => number(0.0),
    };
    format!(
        "CASE WHEN {x} IS NULL THEN {} ELSE {value} END",
        constant(missing)
    )
}

/// The value of an expression. As with rows in memory, the value stays finite: if the sum overflows, it is
/// the largest float with that sign.
pub(crate) fn value(dialect: Dialect, expression: &LinearExpression<'_>) -> String {
    let with_value = expression.terms.iter().filter(|it| it.coefficient != 0.0);
    let summands = with_value.map(|weighted| {
        let value = term(dialect, &weighted.term, Some(weighted.imputed));
        format!("({value}) * {}", number(weighted.coefficient))
    });
    let summands: Vec<String> = std::iter::once(number(expression.intercept))
        .chain(summands)
        .collect();
    bounded(&sum(&summands), f64::MAX)
}

/// The sum of expressions, as a balanced tree. An engine needs seconds to plan a chain of some hundred summands.
pub(super) fn sum(summands: &[String]) -> String {
    match summands {
        [] => number(0.0),
        [only] => only.clone(),
        [first, second] => format!("{first} + {second}"),
        _ => {
            let (first, rest) = summands.split_at(summands.len().div_ceil(2));
            format!("({}) + ({})", sum(first), sum(rest))
        }
    }
}

/// A value clamped to the range from `-limit` to `limit`.
pub(crate) fn bounded(value: &str, limit: f64) -> String {
    let (least, most) = (number(-limit), number(limit));
    format!("GREATEST(LEAST({value}, {most}), {least})")
}

/// The part of a feature that a present value belongs to, as a whole number: for a number the nearest knot,
/// for a listed level its place, for any other level one more than the last place.
pub(crate) fn part(dialect: Dialect, feature: usize, parts: &Parts) -> String {
    let x = feature_column(feature);
    match parts {
        Parts::Knots(knots) => {
            // The smaller knot wins if both are equally near.
            let between = knots.windows(2).enumerate().map(|(place, pair)| {
                let position = position_between(&x, pair);
                let is_nearer = format!("{} - {position} >= {position}", number(1.0));
                format!("WHEN {is_nearer} THEN {place}")
            });
            let between: Vec<String> = between.collect();
            format!("CASE {} ELSE {} END", between.join(" "), knots.len() - 1)
        }
        Parts::Levels(levels) => {
            let own = levels.iter().enumerate().map(|(place, level)| {
                format!("WHEN {x} = {} THEN {place}", dialect.text(level.text()))
            });
            let own: Vec<String> = own.collect();
            match own.is_empty() {
                true => "0".into(),
                false => format!("CASE {} ELSE {} END", own.join(" "), levels.len()),
            }
        }
    }
}

fn constant(value: Option<f64>) -> String {
    value.map_or("CAST(NULL AS DOUBLE)".into(), number)
}

fn indicator(condition: &str) -> String {
    format!(
        "CASE WHEN {condition} THEN {} ELSE {} END",
        number(1.0),
        number(0.0)
    )
}

/// Position of `x` between two numbers, from 0 to 1. `x` must not be NULL, because LEAST and GREATEST
/// ignore NULL.
fn position_between(x: &str, pair: &[f64]) -> String {
    let (from, width) = (number(pair[0]), number(pair[1] - pair[0]));
    let position = format!("({x} - {from}) / {width}");
    format!(
        "GREATEST(LEAST({position}, {}), {})",
        number(1.0),
        number(0.0)
    )
}

fn step_value(x: &str, knots: &[f64], step: usize) -> String {
    position_between(x, &knots[step..step + 2])
}

fn curve_value(x: &str, curve: &Curve) -> String {
    let (knots, values) = (curve.knots(), curve.values());
    let steps = knots.windows(2).zip(values.windows(2));
    let steps = steps.filter(|(_, values)| values[0] != values[1]);
    let summands = steps.map(|(knots, values)| {
        format!(
            "{} * {}",
            position_between(x, knots),
            number(values[1] - values[0])
        )
    });
    let summands: Vec<String> = std::iter::once(number(values[0])).chain(summands).collect();
    sum(&summands)
}

/// Weight, from 0 to 1, with which a row belongs to one part of a feature.
fn weight_in_part(dialect: Dialect, side: &Side, place: usize) -> String {
    let x = feature_column(side.feature);
    match &side.parts {
        Parts::Levels(levels) => {
            indicator(&format!("{x} = {}", dialect.text(levels[place].text())))
        }
        Parts::Knots(knots) => {
            let last = knots.len() - 1;
            match place {
                0 => format!("({} - {})", number(1.0), step_value(&x, knots, 0)),
                place if place == last => step_value(&x, knots, last - 1),
                place => {
                    let [before, after] = [place - 1, place].map(|it| step_value(&x, knots, it));
                    format!("({before} - {after})")
                }
            }
        }
    }
}

/// Weight, from 0 to 1, with which a row belongs to one cell of a grid.
fn weight_in_cell(dialect: Dialect, grid: &Grid, place: usize) -> String {
    let width = grid.second.parts.len();
    let first = weight_in_part(dialect, &grid.first, place / width);
    let second = weight_in_part(dialect, &grid.second, place % width);
    format!("({first}) * ({second})")
}

fn surface_value(dialect: Dialect, grid: &Grid, values: &[f64]) -> String {
    let width = grid.second.parts.len();
    let rows = values.chunks(width).enumerate().map(|(row, values)| {
        let cells = values
            .iter()
            .enumerate()
            .filter(|(_, value)| **value != 0.0);
        let cells = cells.map(|(column, value)| {
            let weight = weight_in_part(dialect, &grid.second, column);
            format!("({weight}) * {}", number(*value))
        });
        let cells: Vec<String> = std::iter::once(number(0.0)).chain(cells).collect();
        let weight = weight_in_part(dialect, &grid.first, row);
        format!("({weight}) * ({})", sum(&cells))
    });
    sum(&rows.collect::<Vec<_>>())
}

#[cfg(test)]
mod tests {
    use dataset::Level;

    use super::*;

    #[test]
    fn a_missing_cell_is_decided_before_least_and_greatest_which_skip_it() {
        let knots = [1.0, 3.0];
        let step = Term {
            feature: 4,
            encoding: Encoding::Step(&knots, 0),
            if_missing: None,
        };
        let position = "GREATEST(LEAST((x4 - 1e0) / 2e0, 1e0), 0e0)";
        assert_eq!(
            term(Dialect::Spark, &step, Some(-0.5)),
            format!("CASE WHEN x4 IS NULL THEN (-5e-1) ELSE {position} END")
        );
        assert_eq!(
            term(Dialect::Spark, &step, None),
            format!("CASE WHEN x4 IS NULL THEN CAST(NULL AS DOUBLE) ELSE {position} END")
        );
    }

    #[test]
    fn the_text_of_a_level_stays_a_text() {
        let level = Level::from("it's' OR 1 = 1 --".to_owned());
        let indicator = Term {
            feature: 0,
            encoding: Encoding::Level(&level),
            if_missing: Some(0.0),
        };
        assert_eq!(
            term(Dialect::Spark, &indicator, Some(7.0)),
            r"CASE WHEN x0 IS NULL THEN 0e0 ELSE CASE WHEN x0 = 'it\'s\' OR 1 = 1 --' THEN 1e0 ELSE 0e0 END END"
        );
    }

    #[test]
    fn a_sum_of_many_expressions_is_not_deep() {
        let summands: Vec<String> = (1..=5).map(|place| format!("t{place}")).collect();
        assert_eq!(sum(&summands), "((t1 + t2) + (t3)) + (t4 + t5)");
        assert_eq!(sum(&summands[..1]), "t1");
        assert_eq!(sum(&[]), "0e0");
    }
}
