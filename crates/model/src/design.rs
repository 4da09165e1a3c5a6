//! The design of a logistic regression: the columns that its features become.
//!
//! In the form `linear` a number is one column: its value. In the form `curves` a number has one
//! column per step while the model is fitted. The column of a step rises from 0 to 1 between two
//! neighbouring knots. The fitted model keeps two columns per number: the effect and the trend. The
//! effect is the sum of the fitted steps. The trend is a straight line between the outer knots. Its
//! coefficient is 0, so only the effect counts in predictions. Drift tests watch the trend.
//!
//! In the form `pairs` a few pairs of features have columns of their own, after those of all
//! features. While the model is fitted, each cell of a pair's grid has a column. The kept model has
//! one column, the effect of the pair. The effect is imputed if a cell of the pair is missing.
//!
//! A category becomes an indicator for each of its frequent levels, and one indicator for all other
//! levels, unseen ones included. If enough cells of a category are missing, a last indicator is 1
//! for a missing cell. The same holds for a number in the form `curves`. The columns are in the
//! order of the features; those of a category are in the order of its levels.

mod group;
mod knots;
mod levels;

use std::collections::BTreeSet;

use common::Schema;
use common::schema::{EffectShape, Kind};
use dataset::Level;
use dataset::passes::{Curve, Encoding, Grid, LevelCount, Parts, Profile, Surface, Term};
use serde::{Deserialize, Serialize};

use self::group::{Category, Group, Line, Steps};
use self::knots::{knots, trend};
use self::levels::{MAX_LEVELS, MIN_LEVEL_ROWS, frequent_levels, keep_most_frequent};
use crate::form::Form;
use crate::watch::Watch;

pub use self::group::{Effect, PairEffect};

/// Maximum number of columns that the curves of all numbers have together while they are fitted.
const MAX_STEPS: usize = 256;
/// Number of steps of a number's curve, if there are few numbers.
const STEPS: usize = 9;
/// Minimum number of steps: a curve of one step would be a straight line.
const MIN_STEPS: usize = 2;
/// Maximum number of pairs of features.
pub const MAX_PAIRS: usize = 20;
/// Number of steps of a number in a pair.
const PAIR_STEPS: usize = 3;
/// Maximum number of levels of a category in a pair.
const PAIR_LEVELS: usize = 4;
/// Minimum share of rows with a level that is part of a pair.
const MIN_PAIR_SHARE: f64 = 0.02;

/// The columns of a logistic regression. By default each feature is a number.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Design {
    /// One group for each feature that is not a plain number, in the order of the features. The
    /// groups of pairs follow.
    groups: Vec<Group>,
}

impl Design {
    /// Chooses the columns of the form `linear` from the profile of the training rows. Each
    /// category gets a column for each of its frequent levels, at most 50. All categories together
    /// get at most 200, for the most frequent levels. Missing cells count as a level if there are
    /// at least ten.
    ///
    /// The choice depends only on the levels, not on the labels. With few categories it equals
    /// scikit-learn's `OneHotEncoder(min_frequency=10, max_categories=51,
    /// handle_unknown="infrequent_if_exist")`, except that there is always a column for all other
    /// levels. No category may have more levels than a profile counts (`MAX_NAMED_LEVELS`);
    /// training rejects such a category before.
    pub fn choose(schema: &Schema, profile: &Profile) -> Self {
        let columns = schema.features.iter().zip(&profile.columns).enumerate();
        let mut frequent: Vec<(usize, &[LevelCount])> = columns
            .filter_map(|(feature, (described, column))| match described.kind {
                Kind::Number(_) => None,
                Kind::Category(_) => Some((feature, frequent_levels(column.levels()?))),
            })
            .collect();
        keep_most_frequent(&mut frequent, MAX_LEVELS);
        let categories = frequent.into_iter().map(|(feature, levels)| {
            Group::Category(Category {
                feature,
                levels: levels
                    .iter()
                    .map(|counted| Level::from(counted.level.clone()))
                    .collect(),
                missing: profile.columns[feature].missing >= MIN_LEVEL_ROWS,
            })
        });
        let shapes = schema.features.iter().map(|it| it.kind.effect());
        let monotone = shapes.enumerate().filter(|(_, shape)| shape.is_monotone());
        let lines = monotone.map(|(feature, shape)| Group::Line(Line { feature, shape }));
        let mut groups: Vec<Group> = categories.chain(lines).collect();
        groups.sort_by_key(Group::feature);
        Self { groups }
    }

    /// The columns of the form `curves` while it is fitted. They are those of
    /// [`choose`](Self::choose), with steps for each number that has more than two different
    /// values, unless its effect must be linear. `None` if there is no such number, or if there are
    /// too many.
    ///
    /// The knots are quantiles of the profile's sample, with about equally many rows between
    /// neighbours. A frequent value is a knot of its own. A number with few values has a knot at
    /// each of them.
    pub fn of_steps(schema: &Schema, profile: &Profile) -> Option<Self> {
        let linear = Self::choose(schema, profile);
        let may_bend = |feature: usize| {
            let kind = &schema.features[feature].kind;
            !kind.is_category() && kind.effect() != EffectShape::Linear
        };
        let numbers = (0..schema.features.len())
            .filter(|it| may_bend(*it))
            .count();
        let n_steps = STEPS.min(MAX_STEPS / numbers.max(1));
        if n_steps < MIN_STEPS {
            return None;
        }
        let steps = |feature: usize| {
            let knots = knots(&profile.sample.columns[feature], n_steps);
            let steps = Steps {
                feature,
                knots,
                shape: schema.features[feature].kind.effect(),
                missing: profile.columns[feature].missing >= MIN_LEVEL_ROWS,
            };
            (steps.knots.len() > 2).then_some(Group::Steps(steps))
        };
        let mut linear = linear.groups.into_iter().peekable();
        let mut groups = Vec::new();
        for feature in 0..schema.features.len() {
            let own = linear.next_if(|group| group.feature() == Some(feature));
            let steps = may_bend(feature).then(|| steps(feature)).flatten();
            groups.extend(steps.or(own));
        }
        let has_steps = groups.iter().any(|group| matches!(group, Group::Steps(_)));
        has_steps.then_some(Self { groups })
    }

    /// For each feature, the parts into which it is divided in pairs. A number has up to four
    /// knots. A category has up to four levels, each with at least 2 % of the rows and at least ten
    /// rows. `None` for a number with one value or a prescribed shape, and for a category without
    /// such a level.
    pub fn parts(schema: &Schema, profile: &Profile) -> Vec<Option<Parts>> {
        let columns = schema.features.iter().zip(&profile.columns).enumerate();
        let parts = columns.map(|(feature, (described, column))| match &described.kind {
            Kind::Number(rules) if !rules.effect.is_any() => None,
            Kind::Number(_) => {
                let knots = knots(&profile.sample.columns[feature], PAIR_STEPS);
                (knots.len() > 1).then_some(Parts::Knots(knots))
            }
            Kind::Category(_) => {
                let enough = (profile.rows as f64 * MIN_PAIR_SHARE).max(MIN_LEVEL_ROWS as f64);
                let frequent = frequent_levels(column.levels()?).iter();
                let frequent = frequent.filter(|counted| counted.rows as f64 >= enough);
                let levels: Vec<Level> = frequent
                    .take(PAIR_LEVELS)
                    .map(|counted| Level::from(counted.level.clone()))
                    .collect();
                (!levels.is_empty()).then_some(Parts::Levels(levels))
            }
        });
        parts.collect()
    }

    /// The same columns, followed by a column for each cell of the grids. The form `pairs` is fitted to
    /// these columns.
    pub fn with_cells(&self, grids: Vec<Grid>) -> Self {
        let cells = grids.into_iter().map(Group::Cells);
        Self {
            groups: self.groups.iter().cloned().chain(cells).collect(),
        }
    }

    /// The same columns, without the columns of cells.
    pub(crate) fn without_cells(&self) -> Self {
        let others = self
            .groups
            .iter()
            .filter(|group| !matches!(group, Group::Cells(_)));
        Self {
            groups: others.cloned().collect(),
        }
    }

    /// True if every feature is one column with its number.
    pub(crate) fn has_only_number_columns(&self) -> bool {
        self.groups.is_empty()
    }

    /// The form of a predictor with this design.
    pub(crate) fn form(&self) -> Form {
        if self.groups.iter().any(|group| group.pair().is_some()) {
            Form::Pairs
        } else if self
            .groups
            .iter()
            .any(|it| !matches!(it, Group::Category(_) | Group::Line(_)))
        {
            Form::Curves
        } else {
            Form::Linear
        }
    }

    /// The fitted curves, in the order of the features.
    pub fn effects(&self) -> impl Iterator<Item = &Effect> {
        self.groups.iter().filter_map(|group| match group {
            Group::Effect(effect) => Some(effect),
            _ => None,
        })
    }

    /// The fitted effects of pairs of features.
    pub fn pairs(&self) -> impl Iterator<Item = &PairEffect> {
        self.groups.iter().filter_map(|group| match group {
            Group::Pair(pair) => Some(pair),
            _ => None,
        })
    }

    /// Number of levels that have their own columns.
    fn levels(&self) -> usize {
        let levels = self.groups.iter().map(|group| match group {
            Group::Category(category) => category.levels.len(),
            _ => 0,
        });
        levels.sum()
    }

    /// Number of columns, those of pairs included, if there are `features` features.
    pub(crate) fn width(&self, features: usize) -> usize {
        features + self.grouped_columns() - self.grouped_features()
    }

    /// Number of features whose columns, with those of the pairs, add up to `width`.
    pub(crate) fn feature_count_of_width(&self, width: usize) -> usize {
        (width + self.grouped_features()).saturating_sub(self.grouped_columns())
    }

    fn grouped_columns(&self) -> usize {
        self.groups.iter().map(Group::width).sum()
    }

    fn grouped_features(&self) -> usize {
        self.groups.iter().filter_map(Group::feature).count()
    }

    /// The columns of the first `features` features, and then those of pairs.
    pub fn terms(&self, features: usize) -> Vec<Term<'_>> {
        self.columns(features, Term::number, Group::terms)
    }

    /// For each column of [`terms`](Self::terms), the shape that its part of the log-odds must have.
    pub fn shapes(&self, features: usize) -> Vec<EffectShape> {
        self.columns(features, |_| EffectShape::Any, Group::shapes)
    }

    /// A value for each column of [`terms`](Self::terms). `of_number` gives the value of a plain number, and
    /// `of_group` those of any other feature and of a pair.
    fn columns<'a, T>(
        &'a self,
        features: usize,
        of_number: impl Fn(usize) -> T,
        of_group: impl Fn(&'a Group) -> Vec<T>,
    ) -> Vec<T> {
        let mut columns = Vec::with_capacity(self.width(features));
        let mut groups = self.groups.iter().peekable();
        for feature in 0..features {
            match groups.next_if(|group| group.feature() == Some(feature)) {
                None => columns.push(of_number(feature)),
                Some(group) => columns.extend(of_group(group)),
            }
        }
        columns.extend(groups.flat_map(of_group));
        columns
    }

    /// What drift tests watch in each column of [`terms`](Self::terms). A curve that is close to its trend is
    /// not watched, and neither is an effect that may be noise. A curve that its shape holds flat somewhere can
    /// move in one direction only, so its trend is watched in that direction.
    pub fn watched(&self, features: usize) -> Vec<Watch> {
        let mut pairs = self.pairs();
        let effect = |feature: usize| self.effects().find(|it| it.feature == feature);
        let of_effect = |is_watched: bool| {
            if is_watched {
                Watch::BothWays
            } else {
                Watch::Never
            }
        };
        let watch = |term: &Term<'_>| match term.encoding {
            Encoding::Curve(_) => effect(term.feature).map(|it| of_effect(it.is_watched)),
            Encoding::Trend(_) => {
                let held = effect(term.feature).filter(|it| it.is_held_flat());
                held.map(|it| Watch::for_coefficient_at_limit(it.shape))
            }
            Encoding::Surface(_) => pairs.next().map(|pair| of_effect(pair.is_watched)),
            _ => None,
        };
        let terms = self.terms(features);
        let found = terms.iter().map(watch);
        found.map(|it| it.unwrap_or(Watch::BothWays)).collect()
    }

    /// The columns for fitting a model with these columns: steps replace each effect, and cells
    /// replace each pair.
    pub(crate) fn for_fitting(&self) -> Self {
        Self {
            groups: self.groups.iter().map(Group::for_fitting).collect(),
        }
    }

    /// The same columns, with one effect in place of the steps of each number and of the cells of
    /// each pair. `curve` gets the knots of a number, and `surface` the grid of a pair, in the
    /// order of the columns. Both also return true if drift tests should watch the effect. A curve
    /// is always watched if its shape holds a part of it flat, unless it is constant.
    pub fn with_effects(
        &self,
        mut curve: impl FnMut(&[f64]) -> (Curve, bool),
        mut surface: impl FnMut(&Grid) -> (Vec<f64>, bool),
    ) -> Self {
        let groups = self.groups.iter().map(|group| match group {
            Group::Steps(steps) => {
                let (effect, is_watched) = curve(&steps.knots);
                let mut effect = Effect {
                    feature: steps.feature,
                    trend: trend(&steps.knots),
                    effect,
                    shape: steps.shape,
                    is_watched,
                    missing: steps.missing,
                };
                effect.is_watched |= effect.is_held_flat() && !effect.is_constant();
                Group::Effect(effect)
            }
            Group::Cells(grid) => {
                let (values, is_watched) = surface(grid);
                let grid = grid.clone();
                Group::Pair(PairEffect {
                    surface: Surface { grid, values },
                    is_watched,
                })
            }
            group => group.clone(),
        });
        Self {
            groups: groups.collect(),
        }
    }

    /// The reason why this design does not fit a schema's features; `None` if it fits them.
    pub(crate) fn flaw(&self, schema: &Schema) -> Option<&'static str> {
        let (of_features, of_pairs) = self.groups.split_at(self.grouped_features());
        let is_in_order = of_features.is_sorted_by(|one, next| one.feature() < next.feature())
            && of_pairs.iter().all(|group| group.pair().is_some());
        let different: BTreeSet<Option<[usize; 2]>> = of_pairs.iter().map(Group::pair).collect();
        if different.len() < of_pairs.len() || of_pairs.len() > MAX_PAIRS {
            return Some("its design has an invalid pair");
        }
        let is_category = |feature: usize| {
            let feature = schema.features.get(feature)?;
            Some(feature.kind.is_category())
        };
        let is_of_category = |group: &Group| matches!(group, Group::Category(_));
        let fits =
            |group: &Group| group.feature().and_then(is_category) == Some(is_of_category(group));
        let categories = schema.features.iter().filter(|it| it.kind.is_category());
        let grouped = of_features.iter().filter(|group| is_of_category(group));
        if !is_in_order || !of_features.iter().all(fits) || categories.count() != grouped.count() {
            return Some("its design does not match its columns");
        }
        if self.levels() > MAX_LEVELS {
            return Some("its design has too many levels");
        }
        self.groups.iter().find_map(|group| group.flaw(is_category))
    }
}

#[cfg(test)]
mod tests;
