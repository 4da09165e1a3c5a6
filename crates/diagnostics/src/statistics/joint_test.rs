//! A joint test of all columns: has a batch changed in any direction, in its spread, or in the relations of
//! its columns?
//!
//! Each number is replaced by its normal score among the numbers of both samples. Four kinds of features
//! are compared by their mean: the scores (location), their squares (spread), products of the scores of two
//! columns (relation), and indicators of levels and of missing values (shares). The p-values come from
//! random splits of the same rows (a permutation test), so they hold for any distribution, for ties, and
//! for columns that depend on each other. A fixed public seed gives every machine the same p-value.
//!
//! Memory and work are bounded: of large samples, a random part is compared.

mod components;
mod related;
mod relations;
mod rows;
mod splits;

use std::ops::Range;

use ndarray::Array2;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use self::components::{Component, Meaning, components};
use self::related::Related;
use self::relations::predictions;
use self::splits::{BlockSums, Group, MAX_SPLITS, SplitResult, Statistic};
use super::independent::IndependentEstimates;
use super::proportions::smallest_p_value;

pub(crate) use self::components::JointColumn;
pub(crate) use self::rows::SampledRows;

/// Maximum number of columns of numbers for which each pair is tested for its relation. If there
/// are more columns, each column is tested only for its relation to all others together.
const MAX_PAIRED_COLUMNS: usize = 40;
/// Maximum number of columns of numbers for which the test of location takes correlations into
/// account.
const MAX_CORRELATED_COLUMNS: usize = 100;
/// Minimum share of the variance of the squared scores that the scores do not explain. Below it,
/// the spread of the column is not tested.
const MIN_OWN_VARIANCE: f64 = 0.01;
/// Minimum standardised difference of a column that is named as a part of a moved location.
const NAMED_DIFFERENCE: f32 = 2.0;

/// What the joint test compares.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum JointKind {
    /// Where the numbers lie.
    Location,
    /// How far the numbers of a column are spread.
    Spread,
    /// How columns depend on each other.
    Relation,
    /// The shares of levels and of missing values.
    Shares,
}

impl JointKind {
    /// The part of the significance level that the kind has, relative to the others. A moved location
    /// is the most frequent change, and the hardest to see in a few rows.
    fn weight(self) -> f64 {
        match self {
            Self::Location => 6.0,
            Self::Spread | Self::Relation | Self::Shares => 1.0,
        }
    }

    /// True if many small changes add up to one statistic.
    pub(crate) fn is_tested_by_sum(self) -> bool {
        self.statistic() == Statistic::Squares
    }

    fn statistic(self) -> Statistic {
        match self {
            Self::Location | Self::Shares => Statistic::Squares,
            Self::Spread | Self::Relation => Statistic::Largest,
        }
    }
}

/// Result of the joint test.
#[derive(Clone, Debug)]
pub(crate) struct JointTest {
    /// The tested kinds, location first.
    pub(crate) kinds: Vec<KindTest>,
    /// The columns whose numbers are tested.
    pub(crate) tested: Vec<usize>,
    /// The smallest p-value, corrected, that these rows can give.
    pub(crate) min_p_value: f64,
}

/// Result of one kind.
#[derive(Clone, Debug)]
pub(crate) struct KindTest {
    pub(crate) kind: JointKind,
    /// The statistic: a sum of squares, or the largest standardised difference.
    pub(crate) statistic: f64,
    /// Number of features.
    pub(crate) features: usize,
    /// Probability of a change at least this large without drift, corrected for the number of kinds.
    pub(crate) p_value: f64,
    /// The changed features, the most significant one first.
    pub(crate) changes: Vec<Change>,
}

/// A change of a feature.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Change {
    /// One column, or the two columns of a relation. A relation with a single column is its
    /// relation to all others.
    pub(crate) columns: Vec<usize>,
    /// The value of the feature in reference and batch: a mean score, a standard deviation of scores, a
    /// correlation, or a share.
    pub(crate) values: [f64; 2],
    /// Code of the level that a share is of; `None` for missing values, and for other kinds.
    pub(crate) level: Option<u64>,
    /// Probability that any feature of the kind changes at least this much without drift, corrected for the
    /// number of kinds.
    pub(crate) p_value: f64,
}

/// A feature that a text can name.
struct Named {
    columns: Vec<usize>,
    about: About,
}

/// How the value of a feature is shown.
enum About {
    /// The mean of a component.
    Mean(usize),
    /// The share of the rows that have an indicator.
    Share(usize),
    /// The standard deviation of a component.
    Deviation(usize),
    /// The correlation of two components.
    Correlation(usize, usize),
    /// The correlation of components with their predictions.
    Predictability(Range<usize>),
}

/// The features of a kind, among the features of all kinds.
struct KindFeatures {
    kind: JointKind,
    tested: Range<usize>,
    /// The first of the features that have names.
    first_named: usize,
    named: Vec<Named>,
}

/// Tests columns with the same rows. `None` when nothing can be tested.
///
/// `has_new_levels` is true for columns with levels that only the batch has: their relations are those of the
/// other levels.
pub(crate) fn joint_test(
    columns: &[JointColumn],
    has_new_levels: &[bool],
    rows: &SampledRows,
) -> Option<JointTest> {
    let sides = [0, 1].map(|side| rows.side(side));
    let related = Related::of(columns, &sides, has_new_levels);
    let features = Features::of(components(columns, &sides), rows, &related);
    let Features {
        components,
        predicted,
        sums,
        kinds,
        tested,
    } = features;
    let groups: Vec<Group> = kinds
        .iter()
        .map(|it| Group {
            features: it.tested.clone(),
            statistic: it.kind.statistic(),
        })
        .collect();
    let weights: f64 = kinds.iter().map(|it| it.kind.weight()).sum();
    let heaviest = kinds.iter().map(|it| it.kind.weight()).reduce(f64::max)?;
    let blocks = sums.blocks();
    let observed = blocks.observed_sums();
    let shown = Shown {
        components: &components,
        predicted: &predicted,
        related: &related,
        sides: &sides,
    };
    let deciding = groups.len();
    // A sum does not tell which features changed. So each named feature is also compared with the
    // largest named feature of each split.
    let of_named = kinds.iter().map(|it| Group {
        features: it.first_named..it.first_named + it.named.len(),
        statistic: Statistic::Largest,
    });
    let groups: Vec<Group> = groups.into_iter().chain(of_named).collect();
    let mut results = blocks.test(&groups, deciding);
    let largest = results.split_off(deciding);
    let results = kinds.iter().zip(results.iter().zip(&largest));
    let results = results.map(|(kind, (result, largest))| {
        let correction = weights / kind.kind.weight();
        KindTest {
            kind: kind.kind,
            statistic: result.statistic,
            features: kind.tested.len(),
            p_value: (result.p_value * correction).min(1.0),
            changes: shown.changes(kind, &observed, largest, correction),
        }
    });
    let [first, second] = rows.blocks();
    // The opposite split gives all features the same difference with the opposite sign.
    let rarest = 2.0 * smallest_p_value(first as u64, second as u64);
    let rarest = rarest.max(1.0 / (MAX_SPLITS + 1) as f64);
    Some(JointTest {
        kinds: results.collect(),
        tested,
        min_p_value: (rarest * weights / heaviest).min(1.0),
    })
}

/// The features of all kinds.
struct Features {
    components: Vec<Component>,
    /// Predictions of each component from other columns; empty if there are too many. The prediction of a
    /// component is empty if the relations of its column are not compared.
    predicted: Vec<Vec<f64>>,
    sums: BlockSums,
    kinds: Vec<KindFeatures>,
    /// The columns whose location is tested.
    tested: Vec<usize>,
}

impl Features {
    fn of(components: Vec<Component>, rows: &SampledRows, related: &Related) -> Self {
        let mut features = Self {
            predicted: predictions_of(&components, related).unwrap_or_default(),
            components,
            sums: BlockSums::new(rows.blocks(), rows.rows_of_block()),
            kinds: Vec::new(),
            tested: Vec::new(),
        };
        let scores = features.places(|it| it == Meaning::Score);
        features.add_location(&scores);
        features.add_spreads(&scores);
        features.add_relations(&scores, related);
        let indicators = features.places(|it| it != Meaning::Score);
        features.add_shares(&indicators);
        features
    }

    /// The places of the components of some meaning.
    fn places(&self, is_wanted: impl Fn(Meaning) -> bool) -> Vec<usize> {
        let components = self.components.iter().enumerate();
        let wanted = components.filter(|(_, it)| is_wanted(it.meaning));
        wanted.map(|(place, _)| place).collect()
    }

    /// Adds the scores without their correlations, so that their squares add up to Hotelling's statistic.
    /// Columns that are combinations of others are left out.
    fn add_location(&mut self, scores: &[usize]) {
        let start = self.sums.len();
        let kept = match transformation(&self.components, scores) {
            Some((kept, weights)) => {
                for weights in weights {
                    self.sums.push(&self.weighted(scores, &weights));
                }
                kept
            }
            None => {
                for score in scores {
                    self.sums.push(&self.components[*score].values);
                }
                scores.to_vec()
            }
        };
        let tested = start..self.sums.len();
        let first_named = tested.end;
        for score in &kept {
            self.sums.push(&self.components[*score].values);
        }
        self.tested = kept.iter().map(|it| self.components[*it].column).collect();
        let named = kept
            .into_iter()
            .map(|score| self.of_one(score, About::Mean(score)));
        let named = named.collect();
        self.add(JointKind::Location, tested, first_named, named);
    }

    /// Adds the squares of the scores minus their regression on the scores. Otherwise a shift of a
    /// skewed column would look like a change of its spread.
    fn add_spreads(&mut self, scores: &[usize]) {
        let start = self.sums.len();
        let mut named = Vec::new();
        for score in scores {
            if let Some(squares) = squares_without_regression(&self.components[*score]) {
                self.sums.push(&squares);
                named.push(self.of_one(*score, About::Deviation(*score)));
            }
        }
        self.add(JointKind::Spread, start..self.sums.len(), start, named);
    }

    /// Adds the products of each column with its prediction from all others, and of pairs of columns.
    fn add_relations(&mut self, scores: &[usize], related: &Related) {
        let start = self.sums.len();
        let mut named = Vec::new();
        let columns = self.related_columns(related);
        if columns.len() > 1 && !self.predicted.is_empty() {
            for values in columns.into_iter().flatten() {
                let products = self.times_prediction(&values);
                let is_present = &self.components[values.start].is_present;
                let counts = related.among(is_present);
                self.sums.push(&centred(products, &counts));
                named.push(self.of_one(values.start, About::Predictability(values)));
            }
        }
        if scores.len() <= MAX_PAIRED_COLUMNS {
            for (place, later) in scores.iter().enumerate() {
                for earlier in &scores[..place] {
                    let [one, other] = [*earlier, *later].map(|it| &self.components[it]);
                    let both = one.is_present.iter().zip(&other.is_present);
                    let both: Vec<bool> = both.map(|(a, b)| *a && *b).collect();
                    self.sums.push(&centred(product(one, other), &both));
                    named.push(Named {
                        columns: vec![one.column, other.column],
                        about: About::Correlation(*earlier, *later),
                    });
                }
            }
        }
        self.add(JointKind::Relation, start..self.sums.len(), start, named);
    }

    /// For each column whose relations are compared, the places of its scores or levels; `None` if it has only
    /// missing values.
    fn related_columns(&self, related: &Related) -> Vec<Option<Range<usize>>> {
        let places: Vec<usize> = (0..self.components.len()).collect();
        let columns =
            places.chunk_by(|a, b| self.components[*a].column == self.components[*b].column);
        let columns = columns.filter(|it| related.has(self.components[it[0]].column));
        let values = |of_column: &[usize]| {
            let is_value = |place: &usize| self.components[*place].meaning != Meaning::Missing;
            let mut values = of_column.iter().copied().filter(is_value);
            let first = values.next()?;
            Some(first..values.next_back().unwrap_or(first) + 1)
        };
        columns.map(values).collect()
    }

    fn add_shares(&mut self, indicators: &[usize]) {
        let start = self.sums.len();
        let mut named = Vec::new();
        for indicator in indicators {
            self.sums.push(&self.components[*indicator].values);
            named.push(self.of_one(*indicator, About::Share(*indicator)));
        }
        self.add(JointKind::Shares, start..self.sums.len(), start, named);
    }

    /// Adds a kind, unless it has no features.
    fn add(
        &mut self,
        kind: JointKind,
        tested: Range<usize>,
        first_named: usize,
        named: Vec<Named>,
    ) {
        if !tested.is_empty() {
            self.kinds.push(KindFeatures {
                kind,
                tested,
                first_named,
                named,
            });
        }
    }

    fn of_one(&self, component: usize, about: About) -> Named {
        Named {
            columns: vec![self.components[component].column],
            about,
        }
    }

    fn weighted(&self, scores: &[usize], weights: &[f64]) -> Vec<f64> {
        let rows = self.components[scores[0]].values.len();
        let mut sums = vec![0.0; rows];
        for (score, weight) in scores.iter().zip(weights) {
            let values = &self.components[*score].values;
            sums.iter_mut()
                .zip(values)
                .for_each(|(sum, value)| *sum += weight * value);
        }
        sums
    }

    /// The sum, over some components, of component times prediction.
    fn times_prediction(&self, places: &Range<usize>) -> Vec<f64> {
        let mut sums = vec![0.0; self.components[places.start].values.len()];
        for place in places.clone() {
            let pairs = self.components[place]
                .values
                .iter()
                .zip(&self.predicted[place]);
            sums.iter_mut()
                .zip(pairs)
                .for_each(|(sum, (value, prediction))| *sum += value * prediction);
        }
        sums
    }
}

/// The predictions of each component from the other columns whose relations are compared. `None` if there are
/// too many.
fn predictions_of(components: &[Component], related: &Related) -> Option<Vec<Vec<f64>>> {
    let places = (0..components.len()).filter(|place| related.has(components[*place].column));
    let places: Vec<usize> = places.collect();
    let compared: Vec<&Component> = places.iter().map(|place| &components[*place]).collect();
    let mut all = vec![Vec::new(); components.len()];
    for (place, prediction) in places.into_iter().zip(predictions(&compared)?) {
        all[place] = prediction;
    }
    Some(all)
}

/// The components that are no combinations of others, and the weights that take away the correlations of
/// all. `None` without components, or with too many.
fn transformation(
    components: &[Component],
    scores: &[usize],
) -> Option<(Vec<usize>, Vec<Vec<f64>>)> {
    if scores.is_empty() || scores.len() > MAX_CORRELATED_COLUMNS {
        return None;
    }
    let correlation = |one: &usize, other: &usize| {
        let products = product(&components[*one], &components[*other]);
        products.iter().sum::<f64>() / products.len() as f64
    };
    let size = (scores.len(), scores.len());
    let correlations = Array2::from_shape_fn(size, |(one, other)| {
        correlation(&scores[one], &scores[other])
    });
    let independent = IndependentEstimates::of(&correlations, 0)?;
    let kept = independent.kept();
    let mut weights = vec![vec![0.0; scores.len()]; kept.len()];
    for score in kept {
        let mut unit = vec![0.0; scores.len()];
        unit[*score] = 1.0;
        let of_score = independent.components(&unit).into_iter().flatten();
        for (weights, weight) in weights.iter_mut().zip(of_score) {
            weights[*score] = weight;
        }
    }
    Some((kept.iter().map(|it| scores[*it]).collect(), weights))
}

fn product(one: &Component, other: &Component) -> Vec<f64> {
    let values = one.values.iter().zip(&other.values);
    values.map(|(a, b)| a * b).collect()
}

/// Values minus the mean of the present ones. Missing values become 0, so that they do not count.
fn centred(mut values: Vec<f64>, is_present: &[bool]) -> Vec<f64> {
    let of_present = values.iter().zip(is_present).filter(|(_, it)| **it);
    let (count, sum) = of_present.fold((0.0, 0.0), |(n, sum), (value, _)| (n + 1.0, sum + value));
    let mean = sum / f64::max(count, 1.0);
    for (value, is_present) in values.iter_mut().zip(is_present) {
        *value = if *is_present { *value - mean } else { 0.0 };
    }
    values
}

/// Squares of scores minus their regression on the scores; `None` if hardly anything is left.
fn squares_without_regression(scores: &Component) -> Option<Vec<f64>> {
    let squares = product(scores, scores);
    let cubes: f64 = scores
        .values
        .iter()
        .zip(&squares)
        .map(|(z, square)| z * square)
        .sum();
    let slope = cubes / squares.iter().sum::<f64>();
    let sum_of_squares = |values: &[f64]| values.iter().map(|it| it * it).sum::<f64>();
    let mut squares = centred(squares, &scores.is_present);
    let before = sum_of_squares(&squares);
    for (square, (score, is_present)) in squares
        .iter_mut()
        .zip(scores.values.iter().zip(&scores.is_present))
    {
        if *is_present {
            *square -= slope * score;
        }
    }
    (sum_of_squares(&squares) > MIN_OWN_VARIANCE * before).then_some(squares)
}

/// Inputs for showing the values of features.
struct Shown<'a> {
    components: &'a [Component],
    predicted: &'a [Vec<f64>],
    related: &'a Related,
    sides: &'a [Range<usize>; 2],
}

impl Shown<'_> {
    /// The features of a kind that have changed, the most significant one first.
    fn changes(
        &self,
        kind: &KindFeatures,
        observed: &[f32],
        largest: &SplitResult,
        correction: f64,
    ) -> Vec<Change> {
        let sums = observed[kind.first_named..].iter();
        let mut changed: Vec<(f32, &Named)> = sums.map(|sum| sum.abs()).zip(&kind.named).collect();
        changed.sort_by(|a, b| b.0.total_cmp(&a.0));
        let first = changed.first().map_or(0.0, |it| it.0);
        changed
            .into_iter()
            .filter(|(sum, _)| *sum >= NAMED_DIFFERENCE.min(first))
            .map(|(sum, named)| Change {
                columns: named.columns.clone(),
                values: self.values(&named.about),
                level: self.level(&named.about),
                p_value: (largest.chance_of(f64::from(sum)) * correction).min(1.0),
            })
            .collect()
    }

    /// Code of the level that a feature is the share of.
    fn level(&self, about: &About) -> Option<u64> {
        match about {
            About::Share(place) => match self.components[*place].meaning {
                Meaning::Level(code) => Some(code),
                Meaning::Score | Meaning::Missing => None,
            },
            _ => None,
        }
    }

    /// The value of a feature in reference and batch.
    fn values(&self, about: &About) -> [f64; 2] {
        self.sides.clone().map(|side| match about {
            About::Mean(place) => mean(&self.present(*place, *place, &side)),
            About::Share(place) => {
                let values = &self.components[*place].values;
                // A standardised indicator has two values; rows with the indicator have the larger
                // one.
                let with = values.iter().copied().fold(f64::NEG_INFINITY, f64::max);
                let rows = side.len() as f64;
                values[side].iter().filter(|it| **it == with).count() as f64 / rows
            }
            About::Deviation(place) => {
                let present = self.present(*place, *place, &side);
                let mean = mean(&present);
                let squares = present.iter().map(|it| (it - mean).powi(2));
                (squares.sum::<f64>() / present.len().max(1) as f64).sqrt()
            }
            About::Correlation(one, other) => {
                let [one, other] = [(*one, *other), (*other, *one)]
                    .map(|(of, with)| self.present(of, with, &side));
                correlation(&one, &other)
            }
            About::Predictability(places) if places.len() > 1 => {
                self.joint_correlation(places, side)
            }
            About::Predictability(places) => {
                let is_present = self
                    .related
                    .among(&self.components[places.start].is_present);
                let of_present = |values: &[f64]| -> Vec<f64> {
                    let rows = side.clone().filter(|row| is_present[*row]);
                    rows.map(|row| values[row]).collect()
                };
                let values = of_present(&self.components[places.start].values);
                correlation(&values, &of_present(&self.predicted[places.start]))
            }
        })
    }

    /// The correlation of levels with their predictions in the rows of a side.
    ///
    /// Over the rows of both sides, the sum of level times prediction over all levels has the mean r², where r
    /// is the correlation with the best score of the levels (Σ r² if several scores have one).
    fn joint_correlation(&self, places: &Range<usize>, side: Range<usize>) -> f64 {
        let of_rows = |rows: Range<usize>| -> f64 {
            let counted = || rows.clone().filter(|row| self.related.rows[*row]);
            let of_level = |place: usize| -> f64 {
                let values = &self.components[place].values;
                let prediction = &self.predicted[place];
                counted().map(|row| values[row] * prediction[row]).sum()
            };
            places.clone().map(of_level).sum::<f64>() / counted().count().max(1) as f64
        };
        let [first, second] = self.sides;
        let of_all = of_rows(first.start..second.end);
        if of_all > 0.0 {
            of_rows(side) / of_all.sqrt()
        } else {
            0.0
        }
    }

    /// The values of a component in the rows of one side, where both it and the component `other`
    /// are present.
    fn present(&self, place: usize, other: usize, side: &Range<usize>) -> Vec<f64> {
        let [component, other] = [place, other].map(|it| &self.components[it]);
        let is_there = |row: &usize| component.is_present[*row] && other.is_present[*row];
        let rows = side.clone().filter(is_there);
        rows.map(|row| component.values[row]).collect()
    }
}

fn mean(values: &[f64]) -> f64 {
    values.iter().sum::<f64>() / values.len().max(1) as f64
}

/// The correlation of two variables; 0 if one of them does not vary.
fn correlation(one: &[f64], other: &[f64]) -> f64 {
    let means = [mean(one), mean(other)];
    let (mut products, mut squares) = (0.0, [0.0; 2]);
    for (x, y) in one.iter().zip(other) {
        let (x, y) = (x - means[0], y - means[1]);
        products += x * y;
        squares = [squares[0] + x * x, squares[1] + y * y];
    }
    let scale = (squares[0] * squares[1]).sqrt();
    if scale > 0.0 { products / scale } else { 0.0 }
}

#[cfg(test)]
mod tests;
