//! The engine that computes values by SQL: it sends statements and computes each value from their results.

mod read;
#[cfg(test)]
mod tests;

use common::{Failure, Schema};
use dataset::passes::{
    Agreement, CategoryCounts, ClientPairs, ClientSums, ColumnProfile, ColumnValues, Cut, Division,
    Engine, GroupSums, LevelCount, LinearExpression, LogisticPoint, LogisticSums, LogisticTerms,
    Moments, PairSums, Parts, Profile, RowNumber, SAMPLE_ROWS, Sample, ScoreGroup, Shape, Term,
};
use dataset::{FOLDS, Fold, MAX_NAMED_LEVELS, Selection, Share, Table, level_code};
use ndarray::Array1;

use crate::answer::{Answer, Connection, Line};
use crate::source::{Source, feature_column};
use crate::sql::{self, Likelihood, Sums};

/// Maximum number of rows of a sample. A stage that needs more gets an error.
const MAX_SAMPLE_ROWS: usize = 1 << 20;
/// Maximum number of different log-odds that are returned one by one. If there are more, bins of log-odds
/// are returned.
const MAX_SCORES: usize = 100_000;

/// Maximum number of pairs of features that one statement asks for.
const MAX_PAIRS: usize = 100;
/// Maximum product of rows and pairs in one statement, which repeats each row for each pair. A statement has
/// at least one pair, whatever the number of rows.
const MAX_REPEATED_ROWS: usize = 1_000_000_000;

/// Rows in an SQL engine.
#[derive(Debug)]
pub struct SqlEngine<C> {
    connection: C,
    source: Source,
}

impl<C: Connection> SqlEngine<C> {
    /// The engine for the rows of a relation.
    pub fn new(connection: C, source: Source) -> Self {
        Self { connection, source }
    }

    /// Asks for sums, in several statements if they are many. The answers are joined as if one statement had
    /// asked for all.
    fn ask_sums(&self, name: &str, sums: &Sums) -> Result<Answer, Failure> {
        let max_lines = if sums.by_fold { FOLDS as usize } else { 1 };
        let mut statements = sums.statements.iter();
        let mut all = match statements.next() {
            Some(first) => self.connection.ask(name, first, max_lines)?,
            None => Answer::default(),
        };
        for statement in statements {
            let more = self.connection.ask(name, statement, max_lines)?;
            all.extend_lines(more, sums.by_fold)?;
        }
        Ok(all)
    }

    fn likelihood<'a>(&self, point: &'a LogisticPoint<'a>, limit: Option<f64>) -> Likelihood<'a> {
        Likelihood {
            dialect: self.source.dialect,
            point,
            limit,
        }
    }

    /// The terms of the likelihood over all selected rows (`groups` is 1), or by fold (`groups` is the number
    /// of folds).
    fn logistic_terms_of(
        &self,
        asked: &LogisticSums<'_>,
        groups: usize,
        selection: &Selection,
    ) -> Result<Vec<LogisticTerms>, Failure> {
        let (by_fold, size) = (groups > 1, asked.point.weights.len());
        let name = match by_fold {
            true => "terms of the likelihood by fold",
            false => "terms of the likelihood",
        };
        let likelihood = self.likelihood(asked.point, asked.limit);
        let selected = self.source.selected(selection);
        if sql::is_by_entry(&likelihood, selection.rows.len()) {
            let statement =
                sql::logistic_terms_by_entry(&likelihood, asked.weight, by_fold, &selected);
            let answer = self.connection.ask(name, &statement, size * groups)?;
            return read::logistic_terms_by_entry(&answer, size, groups);
        }
        let sums = sql::logistic_terms(&likelihood, asked.weight, by_fold, &selected);
        let answer = self.ask_sums(name, &sums)?;
        if !by_fold {
            return Ok(vec![read::logistic_terms(&mut answer.only()?, size)?]);
        }
        let mut terms = vec![LogisticTerms::zero(size); groups];
        answer.read_into(&mut terms, |line, of_fold| {
            *of_fold = read::logistic_terms(line, size)?;
            Ok(())
        })?;
        Ok(terms)
    }

    /// The moments of columns in the selected rows, and the number of rows.
    fn moments_of(
        &self,
        columns: &[String],
        selection: &Selection,
    ) -> Result<(Vec<Moments>, u64), Failure> {
        let selected = self.source.selected(selection);
        let sums = sql::moments(self.source.dialect, columns, false, &selected);
        let answer = self.ask_sums("moments", &sums)?;
        let mut line = answer.only()?;
        let moments = read::moments(&mut line, columns.len())?;
        Ok((moments, line.count()?))
    }

    /// Reads a row of an answer to [`sql::sampled_rows`].
    fn sampled_row<'a>(&self, mut line: Line<'a>) -> Result<SampledRow<'a>, Failure> {
        let label = line.number_if_present()?;
        let (mut values, mut levels) = (Vec::new(), Vec::new());
        for (feature, column) in self.source.features.iter().enumerate() {
            let value = match column.is_category() {
                true => line.text_if_present()?.map(|level| {
                    levels.push((feature, level));
                    level_code(level)
                }),
                false => line.number_if_present()?,
            };
            values.push(value.unwrap_or(f64::NAN));
        }
        Ok(SampledRow {
            values,
            levels,
            label,
            rest: line,
        })
    }

    fn levels(
        &self,
        feature: usize,
        present: u64,
        selected: &str,
    ) -> Result<CategoryCounts, Failure> {
        let statement = sql::levels(feature, MAX_NAMED_LEVELS, selected);
        let name = format!("levels of {}", self.source.features[feature].name());
        let answer = self.connection.ask(&name, &statement, MAX_NAMED_LEVELS)?;
        let mut levels = Vec::new();
        for mut line in answer.each() {
            levels.push(LevelCount {
                level: line.text_if_present()?.unwrap_or_default().to_owned(),
                rows: line.count()?,
            });
        }
        levels.sort_by(|one, other| other.rows.cmp(&one.rows).then(one.level.cmp(&other.level)));
        let counted: u64 = levels.iter().map(|level| level.rows).sum();
        Ok(CategoryCounts {
            levels,
            others: present.saturating_sub(counted),
        })
    }

    /// The number of rows, and the statistics of each feature and of the label.
    fn columns(
        &self,
        selection: &Selection,
        selected: &str,
    ) -> Result<(u64, Vec<ColumnValues>), Failure> {
        let features = self.source.features.iter().enumerate();
        let columns: Vec<String> = features
            .map(|(feature, column)| match column.is_category() {
                // Of a category only the number of present cells is used.
                true => format!(
                    "CASE WHEN {} IS NULL THEN NULL ELSE 0e0 END",
                    feature_column(feature)
                ),
                false => feature_column(feature),
            })
            .chain(["y".to_owned()])
            .collect();
        let (moments, rows) = self.moments_of(&columns, selection)?;
        let values = moments.into_iter().enumerate().map(|(place, moments)| {
            match self.source.features.get(place) {
                Some(column) if column.is_category() => {
                    let counts = self.levels(place, moments.count, selected)?;
                    Ok(ColumnValues::Levels(counts))
                }
                _ => Ok(ColumnValues::Numbers(moments)),
            }
        });
        Ok((rows, values.collect::<Result<_, Failure>>()?))
    }
}

impl<C: Connection> Engine for SqlEngine<C> {
    fn shape(&self) -> Shape {
        Shape {
            rows: self.source.rows,
            features: self.source.features.len(),
        }
    }

    fn counts(&self, models: &[Cut<'_>], selection: &Selection) -> Result<Vec<u64>, Failure> {
        let selected = self.source.selected(selection);
        let statement = sql::counts(self.source.dialect, models, &selected);
        // Three kinds of labels, times 2ⁿ predictions of n models.
        let mut counts = vec![0; 3 << models.len()];
        let answer = self
            .connection
            .ask("counts of rows", &statement, counts.len())?;
        answer.read_into(&mut counts, |line, count| {
            *count = line.count()?;
            Ok(())
        })?;
        Ok(counts)
    }

    fn client_sums(
        &self,
        number: &RowNumber<'_>,
        selection: &Selection,
    ) -> Result<ClientSums, Failure> {
        let selected = self.source.selected(selection);
        let statement = sql::client_sums(self.source.dialect, number, &selected);
        let answer = self.connection.ask("sums by client", &statement, 1)?;
        let mut line = answer.only()?;
        Ok(ClientSums {
            rows: line.count()?,
            clients: line.count()?,
            sum: line.number()?,
            squares: line.number()?,
            products: line.number()?,
            squared_rows: line.number()?,
        })
    }

    fn moments(
        &self,
        terms: &[Term<'_>],
        folds: &[Fold],
        selection: &Selection,
    ) -> Result<Vec<Vec<Moments>>, Failure> {
        let dialect = self.source.dialect;
        let columns = sql::columns_of_terms(dialect, terms);
        if !are_all_folds(folds) {
            let each = folds.iter().map(|fold| {
                let (moments, _) = self.moments_of(&columns, &within(selection, *fold))?;
                Ok(moments)
            });
            return each.collect();
        }
        let selected = self.source.selected(selection);
        let sums = sql::moments(dialect, &columns, true, &selected);
        let answer = self.ask_sums("moments by fold", &sums)?;
        let mut of_folds = vec![vec![Moments::default(); terms.len()]; folds.len()];
        answer.read_into(&mut of_folds, |line, of_fold| {
            *of_fold = read::moments(line, terms.len())?;
            Ok(())
        })?;
        Ok(of_folds)
    }

    fn logistic_terms(
        &self,
        asked: &[LogisticSums<'_>],
        selection: &Selection,
    ) -> Result<Vec<LogisticTerms>, Failure> {
        let folds: Vec<Fold> = asked.iter().map(|asked| asked.fold).collect();
        if let [first, ..] = asked
            && are_all_folds(&folds)
            && asked.iter().all(|it| is_same_sum(it, first))
        {
            return self.logistic_terms_of(first, folds.len(), selection);
        }
        let each = asked
            .iter()
            .map(|asked| self.logistic_terms_of(asked, 1, &within(selection, asked.fold)));
        Ok(each.collect::<Result<Vec<_>, Failure>>()?.concat())
    }

    fn client_pairs(
        &self,
        point: &LogisticPoint<'_>,
        limit: f64,
        selection: &Selection,
    ) -> Result<Option<ClientPairs>, Failure> {
        let likelihood = self.likelihood(point, Some(limit));
        let repeated = sql::of_repeated_clients(&self.source.selected(selection));
        let sums = sql::squares_of_rows(&likelihood, &repeated);
        let answer = self.ask_sums("squares of rows", &sums)?;
        let (mut line, size) = (answer.only()?, point.weights.len());
        if line.count()? == 0 {
            return Ok(None);
        }
        let of_rows = [
            read::matrix(&mut line, size)?,
            read::matrix(&mut line, size)?,
        ];
        let sums = sql::squares_of_clients(&likelihood, &repeated);
        let answer = self.ask_sums("squares of clients", &sums)?;
        let mut line = answer.only()?;
        let mut agreement = [0.0; 5];
        line.fill(&mut agreement)?;
        let mut of_clients = || read::matrix(&mut line, size);
        let [rows_scores, rows_spreads] = of_rows;
        // The square of a client's sum also has the product of each row with itself.
        Ok(Some(ClientPairs {
            scores: of_clients()? - rows_scores,
            spreads: of_clients()? - rows_spreads,
            agreement: Agreement::of_sums(agreement),
        }))
    }

    fn group_sums(
        &self,
        divisions: &[Division],
        point: &LogisticPoint<'_>,
        limit: f64,
        selection: &Selection,
    ) -> Result<Vec<Vec<GroupSums>>, Failure> {
        let likelihood = self.likelihood(point, Some(limit));
        let selected = self.source.selected(selection);
        let repeated = sql::of_repeated_clients(&selected);
        let zero = GroupSums {
            rows: 0,
            positives: 0,
            expected: 0.0,
            slopes: Array1::zeros(point.weights.len()),
            upward_skew: 0.0,
            downward_skew: 0.0,
            pair_spreads: 0.0,
        };
        let of_division = |division: &Division| {
            let mut groups = vec![zero.clone(); division.groups()];
            let statement = sql::group_sums(&likelihood, division, &selected);
            let answer = self
                .connection
                .ask("sums by group", &statement, groups.len())?;
            answer.read_into(&mut groups, |line, group| {
                group.rows = line.count()?;
                group.positives = line.count()?;
                group.expected = line.number()?;
                group.upward_skew = line.number()?;
                group.downward_skew = line.number()?;
                line.fill(&mut group.slopes)?;
                Ok(())
            })?;
            let statement = sql::pair_spreads(&likelihood, division, &repeated);
            let answer =
                self.connection
                    .ask("spreads of pairs of rows", &statement, groups.len())?;
            answer.read_into(&mut groups, |line, group| {
                group.pair_spreads = line.number()?;
                Ok(())
            })?;
            Ok(groups)
        };
        divisions.iter().map(of_division).collect()
    }

    fn pair_sums(
        &self,
        parts: &[Option<Parts>],
        expression: &LinearExpression<'_>,
        selection: &Selection,
    ) -> Result<Vec<PairSums>, Failure> {
        let selected = self.source.selected(selection);
        let divided: Vec<(usize, &Parts)> = parts
            .iter()
            .enumerate()
            .filter_map(|(feature, parts)| Some((feature, parts.as_ref()?)))
            .collect();
        let pairs = divided.iter().enumerate().flat_map(|(place, first)| {
            let others = &divided[place + 1..];
            others.iter().map(|second| [*first, *second])
        });
        let pairs: Vec<[sql::Divided<'_>; 2]> = pairs.collect();
        let mut all = Vec::new();
        for pairs in pairs.chunks(pairs_at_once(selection)) {
            let widths = pairs
                .iter()
                .map(|pair| pair.map(|(_, parts)| sql::width(parts)));
            let n_cells: usize = widths.clone().map(|[first, second]| first * second).sum();
            let statement = sql::pair_sums(self.source.dialect, expression, pairs, &selected);
            let answer = self
                .connection
                .ask("sums by pairs of features", &statement, n_cells)?;
            let mut cells = vec![[0.0; 2]; n_cells];
            answer.read_into(&mut cells, |line, cell| line.fill(cell))?;
            let mut rest = &cells[..];
            for (pair, widths) in pairs.iter().zip(widths) {
                let own;
                (own, rest) = rest.split_at(widths[0] * widths[1]);
                all.push(PairSums {
                    features: pair.map(|(feature, _)| feature),
                    widths,
                    residuals: own.iter().map(|cell| cell[0]).collect(),
                    weights: own.iter().map(|cell| cell[1]).collect(),
                });
            }
        }
        Ok(all)
    }

    fn score_groups(
        &self,
        expression: &LinearExpression<'_>,
        selection: &Selection,
    ) -> Result<Vec<ScoreGroup>, Failure> {
        let (dialect, selected) = (self.source.dialect, self.source.selected(selection));
        let max_groups = MAX_SCORES + 1;
        let statement = sql::score_groups(dialect, expression, max_groups, &selected);
        let mut answer = self
            .connection
            .ask("rows by log-odds", &statement, max_groups)?;
        if answer.lines.len() > MAX_SCORES {
            let statement = sql::binned_scores(dialect, expression, &selected);
            let name = "rows by bins of log-odds";
            answer = self.connection.ask(name, &statement, sql::MAX_SCORE_BINS)?;
        }
        let groups = answer.each().map(|mut line| {
            Ok(ScoreGroup {
                log_odds: line.number()?,
                negatives: line.count()?,
                positives: line.count()?,
            })
        });
        groups.collect()
    }

    fn profile(&self, schema: &Schema, selection: &Selection) -> Result<Profile, Failure> {
        let selected = self.source.selected(selection);
        let (rows, values) = self.columns(selection, &selected)?;
        let names = schema.feature_names().chain([schema.target.as_str()]);
        let columns = names.zip(values).map(|(name, values)| {
            let mut column = ColumnProfile {
                name: name.to_owned(),
                missing: 0,
                values,
            };
            column.missing = rows.saturating_sub(column.present());
            column
        });
        let columns = columns.collect();
        let statement = sql::sampled_rows(&self.source, &[], SAMPLE_ROWS, &selected);
        let name = "the sample of the profile";
        let answer = self.connection.ask(name, &statement, SAMPLE_ROWS)?;
        let mut sample = vec![Vec::new(); self.source.features.len() + 1];
        for line in answer.each() {
            let row = self.sampled_row(line)?;
            let cells = row
                .values
                .into_iter()
                .chain([row.label.unwrap_or(f64::NAN)]);
            let columns = sample.iter_mut().zip(cells);
            columns.for_each(|(column, cell)| column.push(cell));
        }
        Ok(Profile {
            rows,
            columns,
            sample: Sample {
                columns: sample,
                of_clients: None,
            },
        })
    }

    fn rows_of_clients(
        &self,
        _: &Schema,
        selection: &Selection,
    ) -> Result<Option<Vec<u32>>, Failure> {
        let sums = self.client_sums(&RowNumber::Zero, selection)?;
        if sums.clients == sums.rows {
            return Ok(None);
        }
        let selected = self.source.selected(selection);
        let rows = sql::one_row_of_each(&self.source, &selected);
        let statement = sql::sampled_rows(&self.source, &["is_chosen"], SAMPLE_ROWS, &rows);
        let name = "one row of each client";
        let answer = self.connection.ask(name, &statement, SAMPLE_ROWS)?;
        let mut chosen = Vec::new();
        for (place, line) in (0..).zip(answer.each()) {
            if self.sampled_row(line)?.rest.count()? == 1 {
                chosen.push(place);
            }
        }
        Ok(Some(chosen))
    }

    fn sample(&self, selection: &Selection, max_rows: usize) -> Result<Table, Failure> {
        let selected = self.source.selected(selection);
        let limit = max_rows.min(MAX_SAMPLE_ROWS + 1);
        let more = ["place", "client", "number"];
        let statement = sql::sampled_rows(&self.source, &more, limit, &selected);
        let answer = self.connection.ask("a sample of rows", &statement, limit)?;
        if answer.lines.len() > MAX_SAMPLE_ROWS {
            return Err(Failure::configuration(format!(
                "this step needs more than {MAX_SAMPLE_ROWS} single rows, and the SQL engine returns at most that many: set engine.kind to embedded"
            )));
        }
        let mut rows: Vec<(u64, SampledRow<'_>)> = Vec::new();
        for line in answer.each() {
            let mut row = self.sampled_row(line)?;
            rows.push((row.rest.count()?, row));
        }
        rows.sort_unstable_by_key(|(place, _)| *place);
        let features = vec![Vec::new(); self.source.features.len()];
        let mut table = Table::of_columns(features, Vec::new(), Vec::new());
        for (_, mut row) in rows {
            for (feature, level) in row.levels {
                table.add_level(feature, level);
            }
            // The bits of a hash.
            let client = row.rest.whole()? as u64;
            let number = row.rest.count()? as u32;
            let label = row.label.map(|label| label > 0.5);
            table.push_of_client(client, number, &row.values, label);
        }
        Ok(table)
    }
}

/// A row of a sample.
struct SampledRow<'a> {
    /// The features. A level is its code, and a missing cell is NaN.
    values: Vec<f64>,
    /// The present levels, each with its feature.
    levels: Vec<(usize, &'a str)>,
    label: Option<f64>,
    /// The columns after the features, not read yet.
    rest: Line<'a>,
}

/// The rows of a fold. With [`Fold::Any`] the selection keeps its own fold.
fn within(selection: &Selection, fold: Fold) -> Selection {
    match fold {
        Fold::Any => selection.clone(),
        fold => selection.clone().of_fold(fold),
    }
}

/// True if the choices are each fold once, in their order.
fn are_all_folds(folds: &[Fold]) -> bool {
    folds.iter().copied().eq((0..FOLDS).map(Fold::Inside))
}

/// True if both sums are equal except for their fold.
fn is_same_sum(one: &LogisticSums<'_>, other: &LogisticSums<'_>) -> bool {
    std::ptr::eq(one.point, other.point) && one.weight == other.weight && one.limit == other.limit
}

/// Number of pairs of features in one statement over these rows.
fn pairs_at_once(selection: &Selection) -> usize {
    let rows = match selection.share {
        Share::All => selection.rows.len(),
        Share::OneIn(share) => selection.rows.len() / share.max(1),
    };
    (MAX_REPEATED_ROWS / rows.max(1)).clamp(1, MAX_PAIRS)
}
