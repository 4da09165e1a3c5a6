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
use crate::source::{Source, cell};
use crate::sql::{self, Likelihood, Scored, Sums};

/// Maximum number of rows of a sample, even if a stage asks for more.
const MAX_SAMPLE_ROWS: usize = 1 << 20;
/// Maximum number of different log-odds that are returned one by one. If there are more, they are put
/// together in bins.
const MAX_SCORES: usize = 100_000;
/// Width of a bin of log-odds, and the limit: all log-odds beyond ± the limit are in the outermost bins.
const SCORE_BINS: (f64, f64) = (1.0 / 1024.0, 32.0);

/// Maximum number of pairs of features that one statement asks for.
const MAX_PAIRS: usize = 100;
/// Maximum number of rows into which a statement repeats its rows, once for each pair. A statement asks for
/// at least one pair.
const MAX_REPEATED_ROWS: usize = 1_000_000_000;

/// Rows in an SQL engine.
#[derive(Debug)]
pub struct SqlEngine<C> {
    connection: C,
    source: Source,
}

impl<C: Connection> SqlEngine<C> {
    /// The engine of the rows of a relation.
    pub fn new(connection: C, source: Source) -> Self {
        Self { connection, source }
    }

    /// Asks for at most `max_lines` lines.
    fn ask(&self, name: &str, max_lines: usize, statement: &str) -> Result<Answer, Failure> {
        self.connection.ask(name, statement, max_lines)
    }

    /// Asks for sums. The answer is that of one statement that asks for all of them.
    fn ask_sums(&self, name: &str, sums: &Sums) -> Result<Answer, Failure> {
        let max_lines = if sums.by_fold { FOLDS as usize } else { 1 };
        let mut statements = sums.statements.iter();
        let mut all = match statements.next() {
            Some(first) => self.ask(name, max_lines, first)?,
            None => Answer::default(),
        };
        for statement in statements {
            let more = self.ask(name, max_lines, statement)?;
            all.extend_lines(more, sums.by_fold)?;
        }
        Ok(all)
    }

    fn scored(&self) -> Scored {
        Scored {
            dialect: self.source.dialect,
        }
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
            let answer = self.ask(name, size * groups, &statement)?;
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

    /// Calls `take` for each row of a sample, with: the cells (features, then the label; a level is its
    /// code), the texts of the levels, and the rest of the result row.
    fn sampled(
        &self,
        (name, max_rows): (&str, usize),
        statement: &str,
        mut take: impl FnMut(&[f64], &[Option<&str>], &mut Line<'_>) -> Result<(), Failure>,
    ) -> Result<(), Failure> {
        let answer = self.ask(name, max_rows, statement)?;
        let (mut cells, mut levels) = (Vec::new(), Vec::new());
        for mut line in answer.each() {
            cells.clear();
            levels.clear();
            let label = line.number_if_present()?.unwrap_or(f64::NAN);
            for column in &self.source.features {
                let level = match column.is_category() {
                    true => line.text_if_present()?,
                    false => None,
                };
                cells.push(match (column.is_category(), level) {
                    (true, level) => level.map_or(f64::NAN, level_code),
                    (false, _) => line.number_if_present()?.unwrap_or(f64::NAN),
                });
                levels.push(level);
            }
            cells.push(label);
            take(&cells, &levels, &mut line)?;
        }
        Ok(())
    }

    fn levels(
        &self,
        feature: usize,
        present: u64,
        selected: &str,
    ) -> Result<CategoryCounts, Failure> {
        let statement = sql::levels(feature, MAX_NAMED_LEVELS + 1, selected);
        let name = format!("levels of {}", self.source.features[feature].name());
        let answer = self.ask(&name, MAX_NAMED_LEVELS + 1, &statement)?;
        let mut levels = Vec::new();
        for mut line in answer.each() {
            levels.push(LevelCount {
                level: line.text_if_present()?.unwrap_or_default().to_owned(),
                rows: line.count()?,
            });
        }
        levels.truncate(MAX_NAMED_LEVELS);
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
                // Only the number of levels is used.
                true => format!("CASE WHEN {} IS NULL THEN NULL ELSE 0e0 END", cell(feature)),
                false => cell(feature),
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
        let mut counts = vec![0; 3 << models.len()];
        let answer = self.ask("counts of rows", counts.len(), &statement)?;
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
        let statement = sql::client_sums(&self.scored(), number, &selected);
        let answer = self.ask("sums by client", 1, &statement)?;
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
            let each = folds.iter().map(|fold| match fold {
                Fold::Any => Ok(self.moments_of(&columns, selection)?.0),
                fold => Ok(self
                    .moments_of(&columns, &selection.clone().of_fold(*fold))?
                    .0),
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
        let each = asked.iter().map(|asked| {
            let selection = match asked.fold {
                Fold::Any => selection.clone(),
                fold => selection.clone().of_fold(fold),
            };
            self.logistic_terms_of(asked, 1, &selection)
        });
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
            let answer = self.ask("sums by group", groups.len(), &statement)?;
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
            let answer = self.ask("spreads of pairs of rows", groups.len(), &statement)?;
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
            let number: usize = widths.clone().map(|[first, second]| first * second).sum();
            let statement = sql::pair_sums(&self.scored(), expression, pairs, &selected);
            let answer = self.ask("sums by pairs of features", number, &statement)?;
            let mut cells = vec![[0.0; 2]; number];
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
        let selected = self.source.selected(selection);
        let max_groups = MAX_SCORES + 1;
        let statement = sql::score_groups(&self.scored(), expression, max_groups, &selected);
        let mut answer = self.ask("rows by log-odds", max_groups, &statement)?;
        if answer.lines.len() > MAX_SCORES {
            let (width, limit) = SCORE_BINS;
            let max_bins = (2.0 * limit / width) as usize + 2;
            let statement = sql::binned_scores(&self.scored(), expression, SCORE_BINS, &selected);
            answer = self.ask("rows by bins of log-odds", max_bins, &statement)?;
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
        let statement = sql::smallest_rows(&self.source, &[], SAMPLE_ROWS, &selected);
        let mut sample = vec![Vec::new(); self.source.features.len() + 1];
        self.sampled(
            ("the sample of the profile", SAMPLE_ROWS),
            &statement,
            |cells, _, _| {
                let columns = sample.iter_mut().zip(cells);
                columns.for_each(|(column, cell)| column.push(*cell));
                Ok(())
            },
        )?;
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
        let statement = sql::smallest_rows(&self.source, &["is_chosen"], SAMPLE_ROWS, &rows);
        let (mut place, mut chosen) = (0, Vec::new());
        let asked = ("one row of each client", SAMPLE_ROWS);
        self.sampled(asked, &statement, |_, _, line| {
            if line.count()? == 1 {
                chosen.push(place);
            }
            place += 1;
            Ok(())
        })?;
        Ok(Some(chosen))
    }

    fn sample(&self, selection: &Selection, max_rows: usize) -> Result<Table, Failure> {
        let selected = self.source.selected(selection);
        let limit = max_rows.min(MAX_SAMPLE_ROWS + 1);
        let more = ["client", "number", "place"];
        let statement = sql::smallest_rows(&self.source, &more, limit, &selected);
        let mut rows: Vec<SampledRow> = Vec::new();
        let mut names: Vec<(usize, String)> = Vec::new();
        self.sampled(
            ("a sample of rows", limit),
            &statement,
            |cells, levels, line| {
                let named = levels.iter().enumerate();
                names
                    .extend(named.filter_map(|(place, level)| Some((place, (*level)?.to_owned()))));
                if names.len() > MAX_SAMPLE_ROWS {
                    names.sort();
                    names.dedup();
                }
                rows.push(SampledRow {
                    cells: cells.to_vec(),
                    // The bits of a hash.
                    client: line.whole()? as u64,
                    number: line.count()? as u32,
                    place: line.count()?,
                });
                Ok(())
            },
        )?;
        if rows.len() > MAX_SAMPLE_ROWS {
            return Err(Failure::configuration(format!(
                "this step needs more than {MAX_SAMPLE_ROWS} single rows, and the SQL engine returns at most that many: set engine.kind to embedded"
            )));
        }
        rows.sort_unstable_by_key(|row| row.place);
        let features = vec![Vec::new(); self.source.features.len()];
        let mut table = Table::of_columns(features, Vec::new(), Vec::new());
        for (feature, name) in names {
            table.add_level(feature, &name);
        }
        for row in rows {
            let (label, values) = row
                .cells
                .split_last()
                .map_or((f64::NAN, &[][..]), |(label, values)| (*label, values));
            let label = (!label.is_nan()).then_some(label > 0.5);
            table.push_of_client(row.client, row.number, values, label);
        }
        Ok(table)
    }
}

/// A row that the engine returned.
struct SampledRow {
    /// The features, then the label.
    cells: Vec<f64>,
    client: u64,
    number: u32,
    place: u64,
}

/// True if the choices are each fold once, in their order.
fn are_all_folds(folds: &[Fold]) -> bool {
    folds.iter().copied().eq((0..FOLDS).map(Fold::Inside))
}

/// True if both sums are equal except for their fold.
fn is_same_sum(one: &LogisticSums<'_>, other: &LogisticSums<'_>) -> bool {
    std::ptr::eq(one.point, other.point) && one.weight == other.weight && one.limit == other.limit
}

/// Number of pairs of features that a statement over these rows asks for.
fn pairs_at_once(selection: &Selection) -> usize {
    let rows = match selection.share {
        Share::All => selection.rows.len(),
        Share::OneIn(share) => selection.rows.len() / share.max(1),
    };
    (MAX_REPEATED_ROWS / rows.max(1)).clamp(1, MAX_PAIRS)
}
