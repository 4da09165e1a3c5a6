//! The engine that computes values by SQL: it sends statements and computes each value from their results.

use std::collections::{BTreeMap, BTreeSet};

use common::{Failure, Schema};
use dataset::passes::{
    Agreement, CategoryCounts, ClientPairs, ClientSums, ColumnProfile, ColumnValues, Cut, Division,
    Engine, GroupSums, LevelCount, LinearExpression, LogisticPoint, LogisticSums, LogisticTerms,
    Moments, PairSums, Parts, Profile, RowNumber, SAMPLE_ROWS, Sample, ScoreGroup, Shape, Term,
};
use dataset::{FOLDS, Fold, MAX_NAMED_LEVELS, Selection, Share, Table, level_code};
use ndarray::{Array1, Array2};

use crate::answer::{Answer, Connection, Line, odd};
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
        let mut terms = vec![LogisticTerms::zero(size); groups];
        if sql::is_by_entry(&likelihood, selection.rows.len()) {
            let statement =
                sql::logistic_terms_by_entry(&likelihood, asked.weight, by_fold, &selected);
            let answer = self.ask(name, size * groups, &statement)?;
            let mut keys = Keys::of(name);
            for mut line in answer.each() {
                let place = line.count()?;
                let group = if by_fold { line.count()? } else { 0 };
                keys.add(group, place)?;
                read_entry(&mut line, place, entry(&mut terms, group)?)?;
            }
            // A group without rows has no line.
            keys.expect_whole_groups(size)?;
            return Ok(terms);
        }
        let sums = sql::logistic_terms(&likelihood, asked.weight, by_fold, &selected);
        let answer = self.ask_sums(name, &sums)?;
        if !by_fold {
            return Ok(vec![read_logistic_terms(&mut answer.only()?, size)?]);
        }
        let mut keys = Keys::of(name);
        for mut line in answer.each() {
            let group = keys.once(&mut line)?;
            *entry(&mut terms, group)? = read_logistic_terms(&mut line, size)?;
        }
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
        let moments = read_moments(&mut line, columns.len())?;
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
        let mut keys = Keys::of(&answer.name);
        for mut line in answer.each() {
            let count = entry(&mut counts, keys.once(&mut line)?)?;
            *count = line.count()?;
        }
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
        let mut keys = Keys::of(&answer.name);
        for mut line in answer.each() {
            let of_fold = entry(&mut of_folds, keys.once(&mut line)?)?;
            *of_fold = read_moments(&mut line, terms.len())?;
        }
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
        let of_rows = [read_matrix(&mut line, size)?, read_matrix(&mut line, size)?];
        let sums = sql::squares_of_clients(&likelihood, &repeated);
        let answer = self.ask_sums("squares of clients", &sums)?;
        let mut line = answer.only()?;
        let mut agreement = [0.0; 5];
        line.fill(&mut agreement)?;
        let mut of_clients = || read_matrix(&mut line, size);
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
            let mut keys = Keys::of(&answer.name);
            for mut line in answer.each() {
                let group = entry(&mut groups, keys.once(&mut line)?)?;
                group.rows = line.count()?;
                group.positives = line.count()?;
                group.expected = line.number()?;
                group.upward_skew = line.number()?;
                group.downward_skew = line.number()?;
                line.fill(&mut group.slopes)?;
            }
            let statement = sql::pair_spreads(&likelihood, division, &repeated);
            let answer = self.ask("spreads of pairs of rows", groups.len(), &statement)?;
            let mut keys = Keys::of(&answer.name);
            for mut line in answer.each() {
                let group = entry(&mut groups, keys.once(&mut line)?)?;
                group.pair_spreads = line.number()?;
            }
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
            let zero = |pair: &[sql::Divided<'_>; 2]| {
                let widths = pair.map(|(_, parts)| sql::width(parts));
                PairSums {
                    features: pair.map(|(feature, _)| feature),
                    widths,
                    residuals: vec![0.0; widths[0] * widths[1]],
                    weights: vec![0.0; widths[0] * widths[1]],
                }
            };
            let mut sums: Vec<PairSums> = pairs.iter().map(zero).collect();
            let cells = sums.iter().map(|sums| sums.weights.len()).sum();
            let statement = sql::pair_sums(&self.scored(), expression, pairs, &selected);
            let answer = self.ask("sums by pairs of features", cells, &statement)?;
            let mut keys = Keys::of(&answer.name);
            for mut line in answer.each() {
                let (pair, cell) = (line.count()?, line.count()?);
                keys.add(pair, cell)?;
                let sums = entry(&mut sums, pair)?;
                *entry(&mut sums.residuals, cell)? = line.number()?;
                *entry(&mut sums.weights, cell)? = line.number()?;
            }
            all.extend(sums);
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

/// The keys of the lines of an answer. Each may come once: a second line would replace the first.
struct Keys<'a> {
    name: &'a str,
    /// Group and place.
    seen: BTreeSet<(u64, u64)>,
}

impl<'a> Keys<'a> {
    fn of(name: &'a str) -> Self {
        let seen = BTreeSet::new();
        Self { name, seen }
    }

    fn add(&mut self, group: u64, place: u64) -> Result<(), Failure> {
        match self.seen.insert((group, place)) {
            true => Ok(()),
            false => Err(odd(self.name, "two lines for the same group")),
        }
    }

    /// Reads the group of a line, which has no other line.
    fn once(&mut self, line: &mut Line<'_>) -> Result<u64, Failure> {
        let group = line.count()?;
        self.add(group, 0)?;
        Ok(group)
    }

    /// A failure if a group has lines, and not one for each of its places.
    fn expect_whole_groups(&self, places: usize) -> Result<(), Failure> {
        let mut lines: BTreeMap<u64, usize> = BTreeMap::new();
        for (group, _) in &self.seen {
            *lines.entry(*group).or_default() += 1;
        }
        match lines.into_values().find(|found| *found != places) {
            Some(found) => {
                let what = format!("{found} lines instead of {places} for a group");
                Err(odd(self.name, &what))
            }
            None => Ok(()),
        }
    }
}

/// Number of pairs of features that a statement over these rows asks for.
fn pairs_at_once(selection: &Selection) -> usize {
    let rows = match selection.share {
        Share::All => selection.rows.len(),
        Share::OneIn(share) => selection.rows.len() / share.max(1),
    };
    (MAX_REPEATED_ROWS / rows.max(1)).clamp(1, MAX_PAIRS)
}

/// The entry in this place.
fn entry<T>(entries: &mut [T], place: u64) -> Result<&mut T, Failure> {
    let found = usize::try_from(place)
        .ok()
        .and_then(|place| entries.get_mut(place));
    found.ok_or_else(|| {
        Failure::input_output(format!(
            "the engine answered with a group {place} that was not asked for"
        ))
    })
}

fn read_moments(line: &mut Line<'_>, columns: usize) -> Result<Vec<Moments>, Failure> {
    let each = (0..columns).map(|_| {
        let count = line.count()?;
        let [mut mean, mut variance, mut minimum, mut maximum] = [0.0; 4];
        line.fill([&mut mean, &mut variance, &mut minimum, &mut maximum])?;
        Ok(Moments::of_statistics(
            count,
            mean,
            variance.max(0.0),
            [minimum, maximum],
        ))
    });
    each.collect()
}

fn read_logistic_terms(line: &mut Line<'_>, size: usize) -> Result<LogisticTerms, Failure> {
    let mut terms = LogisticTerms::zero(size);
    terms.rows = line.count()?;
    terms.positives = line.count()?;
    terms.loss = line.number()?;
    line.fill(&mut terms.gradient)?;
    terms.hessian = read_matrix(line, size)?;
    Ok(terms)
}

/// An entry of the gradient and its row of the matrix. Every entry has the counts and the loss, too.
fn read_entry(line: &mut Line<'_>, place: u64, terms: &mut LogisticTerms) -> Result<(), Failure> {
    terms.rows = line.count()?;
    terms.positives = line.count()?;
    terms.loss = line.number()?;
    let gradient = terms.gradient.as_slice_mut().unwrap_or_default();
    *entry(gradient, place)? = line.number()?;
    // The gradient has this place, so the matrix has it, too.
    line.fill(terms.hessian.row_mut(place as usize))
}

/// A symmetric matrix, whose lower triangle comes row by row.
fn read_matrix(line: &mut Line<'_>, size: usize) -> Result<Array2<f64>, Failure> {
    let mut matrix = Array2::zeros((size, size));
    for row in 0..size {
        for column in 0..=row {
            let entry = line.number()?;
            matrix[[row, column]] = entry;
            matrix[[column, row]] = entry;
        }
    }
    Ok(matrix)
}

#[cfg(test)]
mod tests {
    use dataset::Labels;
    use dataset::passes::{Axis, Weight};

    use super::*;
    use crate::answer::Cell;
    use crate::dialect::Dialect;
    use crate::source::{Column, Relation};

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
    fn counts_are_read_by_their_cell_and_missing_cells_are_zero() {
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
        let terms = Term::numbers(1);
        let axes = [Axis {
            scale: 1.0,
            shift: 0.0,
            imputed: 0.0,
        }];
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
        let terms = Term::numbers(1).repeat(7);
        let axis = Axis {
            scale: 1.0,
            shift: 0.0,
            imputed: 0.0,
        };
        let axes = vec![axis; 7];
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
        // The entry, rows, positive labels, loss, the gradient, and a row of the matrix.
        let line = |entry: i64| {
            let counts = [entry, 4, 1].map(Cell::Whole);
            let numbers =
                std::iter::once(2.5).chain((0..9).map(|place| (10 * entry + place) as f64));
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
    }
}
