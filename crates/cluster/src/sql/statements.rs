//! The SQL statement for each value. The doc comment of each function lists the columns of the result.
//!
//! An engine takes long to plan a statement of thousands of sums. They are therefore asked for by several
//! statements ([`Sums`]).

use std::collections::BTreeMap;

use dataset::FOLDS;
use dataset::passes::{Cut, Division, LinearExpression, Parts, RowNumber, Term, Weight};

use super::row::{Likelihood, likelihood, log_odds, row_number, with, z};
use super::term::{bounded, part, term, value};
use crate::dialect::{Dialect, number};
use crate::source::{Source, feature_column};

/// Maximum number of sums that one statement asks for. For the 1,955 sums of a Newton step of 60 terms, Sail
/// 0.7 needs 6.2 seconds in statements of 400 sums, 6.6 in statements of 200, and 8.0 in one statement. Each
/// statement takes at least 0.4 seconds.
const MAX_SUMS: usize = 400;
/// Maximum number of rows whose Newton step is asked for by entry. With 60 terms, two workers of Sail 0.7 on a
/// busy machine needed by entry and as plain sums: 0.6 and 2.3 s for 1,000 rows, 3.3 and 3.7 s for 200,000,
/// 11.0 and 5.8 s for 1,000,000. Both costs grow with the square of the terms, so the limit does not depend on
/// their number.
const MAX_ROWS_BY_ENTRY: usize = 200_000;
/// Number of terms from which a Newton step is asked for by entry.
const MIN_TERMS_BY_ENTRY: usize = 8;

/// Width of a bin of log-odds.
const SCORE_BIN_WIDTH: f64 = 1.0 / 1024.0;
/// Larger log-odds, up or down, share the outermost bin.
const MAX_BINNED_LOG_ODDS: f64 = 32.0;
/// Maximum number of bins of log-odds.
pub(crate) const MAX_SCORE_BINS: usize = (2.0 * MAX_BINNED_LOG_ODDS / SCORE_BIN_WIDTH) as usize + 1;

/// True if a Newton step over this number of rows is asked for by entry.
pub(crate) fn is_by_entry(likelihood: &Likelihood<'_>, rows: usize) -> bool {
    rows <= MAX_ROWS_BY_ENTRY && likelihood.size() >= MIN_TERMS_BY_ENTRY
}

/// Statements that together ask for many sums over the same rows.
pub(crate) struct Sums {
    /// The statements. Each returns the next sums.
    pub(crate) statements: Vec<String>,
    /// True if each statement returns one result row per non-empty fold, with the fold as its first column.
    /// False if it returns a single row.
    pub(crate) by_fold: bool,
}

impl Sums {
    /// Statements for the sums `asked`, over all rows or by fold.
    fn of(asked: &[String], rows: &str, by_fold: bool) -> Self {
        let statement = |asked: &[String]| match by_fold {
            false => format!("SELECT {} FROM ({rows}) AS q", asked.join(", ")),
            true => {
                let rows = with(rows, &[(format!("number % {FOLDS}"), "fold".into())]);
                let asked = asked.join(", ");
                format!("SELECT fold, {asked} FROM ({rows}) AS q GROUP BY fold")
            }
        };
        Self {
            statements: asked.chunks(MAX_SUMS).map(statement).collect(),
            by_fold,
        }
    }
}

/// Columns: cell, number of rows. A cell combines the label with the predictions of all models. Cells without
/// rows are missing.
pub(crate) fn counts(dialect: Dialect, models: &[Cut<'_>], selected: &str) -> String {
    let label = "CASE WHEN y IS NULL THEN 0 WHEN y = 0 THEN 1 ELSE 2 END".to_owned();
    let cell = models.iter().fold(label, |cell, model| {
        let log_odds = value(dialect, model.expression);
        let threshold = number(model.threshold);
        format!("2 * ({cell}) + CASE WHEN {log_odds} > {threshold} THEN 1 ELSE 0 END")
    });
    let rows = with(selected, &[(cell, "cell".into())]);
    format!("SELECT cell, COUNT(*) FROM ({rows}) AS q GROUP BY cell")
}

/// Computes the fields of `ClientSums`. Columns: rows, clients, sum, squares, products, squared rows.
pub(crate) fn client_sums(dialect: Dialect, of_row: &RowNumber<'_>, selected: &str) -> String {
    let rows = row_number(dialect, of_row, selected);
    let clients = format!(
        "SELECT client, CAST(COUNT(*) AS DOUBLE) AS n, SUM(v) AS v FROM ({rows}) AS q \
         WHERE v IS NOT NULL GROUP BY client"
    );
    format!(
        "SELECT SUM(n), COUNT(*), SUM(v), SUM(v * v), SUM(v * n), SUM(n * n) FROM ({clients}) AS q"
    )
}

/// For each column: count, mean, variance, minimum and maximum. With `by_fold`: one result row per non-empty
/// fold, and its first column is the fold.
pub(crate) fn moments(dialect: Dialect, columns: &[String], by_fold: bool, selected: &str) -> Sums {
    let named: Vec<_> = columns
        .iter()
        .cloned()
        .zip((0..).map(|place| format!("t{place}")))
        .collect();
    let variance = dialect.variance();
    let of_column = |(_, t): &(String, String)| {
        let functions = ["COUNT", "AVG", variance, "MIN", "MAX"];
        functions.map(|function| format!("{function}({t})"))
    };
    let mut asked: Vec<String> = named.iter().flat_map(of_column).collect();
    let rows = match named.is_empty() {
        true => selected.to_owned(),
        false => with(selected, &named),
    };
    if !by_fold {
        asked.push("COUNT(*)".into());
    }
    Sums::of(&asked, &rows, by_fold)
}

/// SQL expressions of the terms. A missing value stays NULL.
pub(crate) fn columns_of_terms(dialect: Dialect, terms: &[Term<'_>]) -> Vec<String> {
    terms.iter().map(|it| term(dialect, it, None)).collect()
}

/// Columns: rows, positive labels, loss, gradient, and the lower triangle of the matrix, row by row. With
/// `by_fold`: one result row per non-empty fold, and its first column is the fold.
pub(crate) fn logistic_terms(
    likelihood: &Likelihood<'_>,
    weight: Weight,
    by_fold: bool,
    selected: &str,
) -> Sums {
    let size = likelihood.size();
    let weighted = |place| {
        (
            format!("{} * {}", factor(weight), z(place)),
            format!("g{place}"),
        )
    };
    let weighted: Vec<_> = (0..size).map(weighted).collect();
    let rows = with(&likelihood.rows(selected), &weighted);
    let mut asked: Vec<String> = vec!["COUNT(*)".into(), "SUM(y)".into(), "SUM(loss)".into()];
    asked.extend((0..size).map(|place| format!("SUM(r * {})", z(place))));
    asked.extend(triangle(size, |row, column| {
        format!("SUM(g{row} * {})", z(column))
    }));
    Sums::of(&asked, &rows, by_fold)
}

/// The same values as [`logistic_terms`], with one result row for each entry of the gradient, by fold with
/// `by_fold`. Columns: place (fold times the number of entries, plus the place of the entry), rows, positive
/// labels, loss, the entry, and the row of the matrix.
///
/// Each row is repeated for each entry, so that the statement has few sums and is planned at once.
pub(crate) fn logistic_terms_by_entry(
    likelihood: &Likelihood<'_>,
    weight: Weight,
    by_fold: bool,
    selected: &str,
) -> String {
    let size = likelihood.size();
    let entries: Vec<String> = (0..size).map(z).collect();
    let rows = format!(
        "SELECT *, posexplode(array({})) AS (entry, v) FROM ({}) AS q",
        entries.join(", "),
        likelihood.rows(selected)
    );
    let weighted = (format!("{} * v", factor(weight)), "g".to_owned());
    let group = match by_fold {
        true => format!("number % {FOLDS} * {size} + entry"),
        false => "entry".to_owned(),
    };
    let rows = with(&rows, &[weighted, (group, "group_place".to_owned())]);
    let asked: Vec<String> = entries.iter().map(|z| format!("SUM(g * {z})")).collect();
    format!(
        "SELECT group_place, COUNT(*), SUM(y), SUM(loss), SUM(r * v), {} FROM ({rows}) AS q GROUP BY group_place",
        asked.join(", ")
    )
}

/// The factor of a row in the matrix.
fn factor(weight: Weight) -> &'static str {
    match weight {
        Weight::Curvature => "w",
        Weight::SquaredResidual => "miss * miss",
    }
}

/// The entries on and below the diagonal of a matrix, row by row.
fn triangle(size: usize, entry: impl Fn(usize, usize) -> String) -> Vec<String> {
    let mut entries = Vec::new();
    for row in 0..size {
        entries.extend((0..=row).map(|column| entry(row, column)));
    }
    entries
}

/// The rows of clients with several rows.
pub(crate) fn of_repeated_clients(selected: &str) -> String {
    let repeated =
        format!("SELECT client FROM ({selected}) AS c GROUP BY client HAVING COUNT(*) > 1");
    format!("SELECT * FROM ({selected}) AS q WHERE client IN ({repeated})")
}

/// Sums over the rows of `repeated`: the number of rows, then Σ z·zᵀ·r² (lower triangle), then Σ z·zᵀ·w (lower
/// triangle), with the residual r and the curvature w.
pub(crate) fn squares_of_rows(likelihood: &Likelihood<'_>, repeated: &str) -> Sums {
    let rows = likelihood.rows(repeated);
    let size = likelihood.size();
    let mut asked: Vec<String> = vec!["COUNT(*)".into()];
    for factor in ["miss * miss", "w"] {
        asked.extend(triangle(size, |row, column| {
            format!("SUM({factor} * {} * {})", z(row), z(column))
        }));
    }
    Sums::of(&asked, &rows, false)
}

/// Sums over the clients of `repeated`: Σa, Σb, Σa², Σab and Σb², with a = Σ r·r′ and b = Σ s·s′ over the
/// ordered pairs of different rows of a client. Then the lower triangles of Σ u·uᵀ with u = Σ z·r, and of Σ v·vᵀ
/// with v = Σ z·s, over the rows of a client. r is the residual of a row, and s the square root of its
/// curvature.
pub(crate) fn squares_of_clients(likelihood: &Likelihood<'_>, repeated: &str) -> Sums {
    let rows = likelihood.rows(repeated);
    let size = likelihood.size();
    let mut of_client: Vec<String> = vec![
        "SUM(r) * SUM(r) - SUM(r * r) AS a".into(),
        "SUM(s) * SUM(s) - SUM(s * s) AS b".into(),
    ];
    for factor in ["r", "s"] {
        of_client.extend(
            (0..size).map(|place| format!("SUM({factor} * {}) AS {factor}{place}", z(place))),
        );
    }
    let clients = format!(
        "SELECT {} FROM ({rows}) AS q GROUP BY client",
        of_client.join(", ")
    );
    let mut asked: Vec<String> = ["a", "b", "a * a", "a * b", "b * b"]
        .map(|it| format!("SUM({it})"))
        .to_vec();
    for factor in ["r", "s"] {
        asked.extend(triangle(size, |row, column| {
            format!("SUM({factor}{row} * {factor}{column})")
        }));
    }
    Sums::of(&asked, &clients, false)
}

/// The group of a row, as a whole number.
fn group(dialect: Dialect, division: &Division) -> String {
    let last = division.groups() - 1;
    let (x, own) = match division {
        Division::Whole => return "0".into(),
        Division::Bins { feature, ends } => {
            let x = feature_column(*feature);
            let bins = ends.iter().map(|end| format!("{x} <= {}", number(*end)));
            (x.clone(), bins.collect::<Vec<_>>())
        }
        Division::Levels { feature, levels } => {
            let x = feature_column(*feature);
            let levels = levels
                .iter()
                .map(|level| format!("{x} = {}", dialect.text(level.text())));
            (x.clone(), levels.collect())
        }
    };
    let own = own.iter().enumerate();
    let own = own.map(|(place, condition)| format!(" WHEN {condition} THEN {place}"));
    let own: String = own.collect();
    format!(
        "CASE WHEN {x} IS NULL THEN {last}{own} ELSE {} END",
        last - 1
    )
}

/// Sums by group. Columns: group, rows, positive labels, Σp, Σ of the positive and of the negative skews,
/// Σp(1−p)·z. The skew of a row is p(1−p)(1−2p). Empty groups are not in the result.
pub(crate) fn group_sums(
    likelihood: &Likelihood<'_>,
    division: &Division,
    selected: &str,
) -> String {
    let group = group(likelihood.dialect, division);
    let rows = with(&likelihood.rows(selected), &[(group, "part".into())]);
    let (zero, one, two) = (number(0.0), number(1.0), number(2.0));
    let skew = format!("w * ({one} - {two} * p)");
    let rows = with(&rows, &[(skew, "skew".into())]);
    let slopes: Vec<String> = (0..likelihood.size())
        .map(|place| format!("SUM(w * {})", z(place)))
        .collect();
    format!(
        "SELECT part, COUNT(*), SUM(y), SUM(p), SUM(GREATEST(skew, {zero})), \
         SUM(GREATEST(-skew, {zero})), {} FROM ({rows}) AS q GROUP BY part",
        slopes.join(", ")
    )
}

/// Columns: group, Σ(s·s′) over all pairs of rows of one client in that group. s is the spread of a row.
pub(crate) fn pair_spreads(
    likelihood: &Likelihood<'_>,
    division: &Division,
    selected: &str,
) -> String {
    let group = group(likelihood.dialect, division);
    let rows = with(&likelihood.rows(selected), &[(group, "part".into())]);
    let clients = format!(
        "SELECT part, SUM(s) AS s, SUM(s * s) AS t FROM ({rows}) AS q \
         GROUP BY client, part HAVING COUNT(*) > 1"
    );
    format!("SELECT part, SUM(s * s - t) FROM ({clients}) AS q GROUP BY part")
}

/// A feature and its parts.
pub(crate) type Divided<'a> = (usize, &'a Parts);

/// Sums by cell of pairs of features. Columns: cell, Σ(y − p), Σp(1−p). The cells of a pair follow those of
/// the pair before; within a pair, a cell is the part of the first feature times [`width`] of the second, plus
/// its part. Empty cells are not in the result.
///
/// Each row is repeated for each pair, so that its probability is computed once for all of them.
pub(crate) fn pair_sums(
    dialect: Dialect,
    expression: &LinearExpression<'_>,
    pairs: &[[Divided<'_>; 2]],
    selected: &str,
) -> String {
    let features: BTreeMap<usize, &Parts> = pairs.iter().flatten().copied().collect();
    let part_of = |(&feature, parts): (&usize, &&Parts)| {
        let (x, part) = (feature_column(feature), part(dialect, feature, parts));
        let part = format!("CASE WHEN {x} IS NULL THEN NULL ELSE {part} END");
        (part, format!("part{feature}"))
    };
    let parts: Vec<_> = features.iter().map(part_of).collect();
    let rows = likelihood(&log_odds(dialect, expression, selected));
    let rows = with(&rows, &parts);
    let mut before = 0;
    let cells = pairs
        .iter()
        .map(|[(first, of_first), (second, of_second)]| {
            let [of_first, of_second] = [of_first, of_second].map(|parts| width(parts));
            // Missing if one of the features is.
            let cell = format!("{before} + part{first} * {of_second} + part{second}");
            before += of_first * of_second;
            cell
        });
    let cells: Vec<String> = cells.collect();
    let rows = format!(
        "SELECT r, w, explode(array({})) AS cell FROM ({rows}) AS q",
        cells.join(", ")
    );
    format!("SELECT cell, SUM(-r), SUM(w) FROM ({rows}) AS q WHERE cell IS NOT NULL GROUP BY cell")
}

/// Number of parts of a feature, with one for levels that are not listed.
pub(crate) fn width(parts: &Parts) -> usize {
    parts.len() + 1
}

/// Columns: log-odds, number of negative labels, number of positive labels; ascending by log-odds.
pub(crate) fn score_groups(
    dialect: Dialect,
    expression: &LinearExpression<'_>,
    max_groups: usize,
    selected: &str,
) -> String {
    let rows = log_odds(dialect, expression, selected);
    // Adding 0 turns −0 into 0, so that both are one group.
    let rows = with(&rows, &[(format!("l + {}", number(0.0)), "score".into())]);
    let one = number(1.0);
    format!(
        "SELECT score, SUM({one} - y), SUM(y) FROM ({rows}) AS q \
         GROUP BY score ORDER BY score LIMIT {max_groups}"
    )
}

/// Columns for each bin of log-odds: mean log-odds, negative labels, positive labels.
pub(crate) fn binned_scores(
    dialect: Dialect,
    expression: &LinearExpression<'_>,
    selected: &str,
) -> String {
    let rows = log_odds(dialect, expression, selected);
    let bounded = bounded("l", MAX_BINNED_LOG_ODDS);
    let bin = format!("FLOOR({bounded} / {})", number(SCORE_BIN_WIDTH));
    let rows = with(&rows, &[(bin, "bin".into())]);
    let one = number(1.0);
    format!("SELECT AVG(l), SUM({one} - y), SUM(y) FROM ({rows}) AS q GROUP BY bin ORDER BY bin")
}

/// Columns: level, number of rows; the most frequent level first.
pub(crate) fn levels(feature: usize, max_levels: usize, selected: &str) -> String {
    let x = feature_column(feature);
    format!(
        "SELECT {x}, COUNT(*) AS n FROM ({selected}) AS q WHERE {x} IS NOT NULL \
         GROUP BY {x} ORDER BY n DESC, {x} LIMIT {max_levels}"
    )
}

/// The rows of the clients with the smallest client numbers, the smallest first. Columns: label and features,
/// then `more`. A sample of rows in memory has the same rows in the same order.
pub(crate) fn sampled_rows(
    source: &Source,
    more: &[&str],
    max_rows: usize,
    selected: &str,
) -> String {
    let mut columns = vec!["y".to_owned()];
    columns.extend((0..source.features.len()).map(feature_column));
    columns.extend(more.iter().map(|it| (*it).to_owned()));
    format!(
        "SELECT {} FROM ({selected}) AS q ORDER BY number, draw, place LIMIT {max_rows}",
        columns.join(", ")
    )
}

/// Adds a column `is_chosen` to rows: 1 for one row of each client, 0 for the others. No value of a
/// row influences the choice.
pub(crate) fn one_row_of_each(source: &Source, selected: &str) -> String {
    let text = source.dialect.text_type();
    let key = format!("md5(CONCAT(CAST(client AS {text}), '|', CAST(place AS {text})))");
    let rows = with(selected, &[(key, "chance".into())]);
    let turn = "ROW_NUMBER() OVER (PARTITION BY client ORDER BY chance, place)";
    let rows = with(&rows, &[(turn.into(), "turn".into())]);
    let is_chosen = "CASE WHEN turn = 1 THEN 1 ELSE 0 END";
    with(&rows, &[(is_chosen.into(), "is_chosen".into())])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn many_sums_are_asked_for_by_several_statements() {
        let asked: Vec<String> = (0..MAX_SUMS + 1)
            .map(|sum| format!("SUM(t{sum})"))
            .collect();
        let sums = Sums::of(&asked, "SELECT 1", false);
        assert_eq!(sums.statements.len(), 2);
        assert!(sums.statements[0].starts_with("SELECT SUM(t0), SUM(t1), "));
        let last = format!("SELECT SUM(t{MAX_SUMS}) FROM (SELECT 1) AS q");
        assert_eq!(sums.statements[1], last);
        let by_fold = Sums::of(&asked, "SELECT 1", true);
        let last = format!("SELECT fold, SUM(t{MAX_SUMS}) FROM ");
        assert!(by_fold.statements[1].starts_with(&last));
        assert!(by_fold.statements[1].ends_with(" GROUP BY fold"));
    }
}
