//! The design of a logistic regression: the columns that its features become.
//!
//! In the form `linear` a number is one column, its value. In the form `curves` it has other columns.
//! While the model is fitted, each pair of neighbouring knots has a column that rises from 0 to 1
//! between them. The kept model has two columns: the effect, which is the sum of the fitted steps, and
//! the trend, a straight line between the outer knots. The trend has the coefficient 0, so only the
//! effect counts in predictions. Drift tests watch the trend.
//!
//! A category becomes an indicator for each of its frequent levels and one indicator for all other
//! levels, unseen ones included. If enough cells of a category are missing, or of a number in the form
//! `curves`, a last indicator is 1 for a missing cell. The columns are in the order of the features;
//! those of a category are in the order of its levels.

use common::Schema;
use common::schema::{Kind, flaw_of_level};
use dataset::Level;
use dataset::passes::{CategoryCounts, Curve, Encoding, LevelCount, Profile, Term};
use serde::{Deserialize, Serialize};

/// Minimum number of rows of a level that has its own column, and of missing cells that have one.
/// With fewer rows its coefficient would be mostly noise.
const MIN_LEVEL_ROWS: u64 = 10;
/// Maximum number of levels of one category that have their own columns.
const MAX_CATEGORY_LEVELS: usize = 50;
/// Maximum number of levels of all categories together that have their own columns. The memory of a
/// model, and of a pass over rows, grows with the square of the number of columns.
const MAX_LEVELS: usize = 200;

/// Maximum number of columns that the curves of all numbers have together while they are fitted.
const MAX_STEPS: usize = 256;
/// Number of steps of a number's curve, if there are few numbers.
const STEPS: usize = 9;
/// Minimum number of steps: a curve of one step would be a straight line.
const MIN_STEPS: usize = 2;
/// The outer knots leave out this share of the training rows at each end, so that a few extreme values
/// do not stretch a curve.
const OUTSIDE: f64 = 0.005;

/// The columns of a logistic regression. By default each feature is a number.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Design {
    /// The columns of features that are not one number each, in the order of the features.
    groups: Vec<Group>,
}

/// The columns of one feature. The written form is recognised by its fields.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(untagged)]
enum Group {
    Category(Category),
    Effect(Effect),
    Steps(Steps),
}

/// A number while its curve is fitted.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
struct Steps {
    /// The number's place among the features.
    feature: usize,
    /// A curve for each pair of neighbouring knots, which rises from 0 to 1 between them.
    steps: Vec<Curve>,
    /// True if missing cells have their own column. Otherwise they are imputed.
    missing: bool,
}

/// The fitted curve of a number.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Effect {
    /// The number's place among the features.
    pub feature: usize,
    /// A straight line from 0 at the first knot to 1 at the last one.
    pub trend: Curve,
    /// Log-odds that the number adds. Their mean over the training rows is 0.
    pub effect: Curve,
    /// True if drift tests watch the effect, too, not only the trend.
    pub is_watched: bool,
    /// True if missing cells have their own column. Otherwise they are imputed.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub missing: bool,
}

/// A category in a design.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
struct Category {
    /// The category's place among the features.
    feature: usize,
    /// The levels that have their own columns.
    levels: Vec<Level>,
    /// True if missing cells have their own column. Otherwise they are imputed.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    missing: bool,
}

impl Design {
    /// Chooses the columns of the form `linear` by the profile of the training rows. Each category gets a column for
    /// each of its frequent levels, at most 50. All categories together get at most 200, for the
    /// most frequent levels. Missing cells count as a level if there are at least ten.
    ///
    /// The choice depends only on the levels, not on the labels. With few categories it equals
    /// scikit-learn's `OneHotEncoder(min_frequency=10, max_categories=51,
    /// handle_unknown="infrequent_if_exist")`, except that there is always a column for all other
    /// levels. The profile must count every level of each category one by one; training rejects
    /// other categories.
    pub fn choose(schema: &Schema, profile: &Profile) -> Self {
        let columns = schema.features.iter().zip(&profile.columns).enumerate();
        let mut frequent: Vec<(usize, &[LevelCount])> = columns
            .filter_map(|(feature, (described, column))| match described.kind {
                Kind::Number(_) => None,
                Kind::Category(_) => Some((feature, frequent_levels(column.levels()?))),
            })
            .collect();
        keep_most_frequent(&mut frequent, MAX_LEVELS);
        let categories = frequent.into_iter().map(|(feature, levels)| Category {
            feature,
            levels: levels
                .iter()
                .map(|counted| Level::from(counted.level.clone()))
                .collect(),
            missing: profile.columns[feature].missing >= MIN_LEVEL_ROWS,
        });
        Self {
            groups: categories.map(Group::Category).collect(),
        }
    }

    /// The columns of the form `curves` while it is fitted: those of [`choose`](Self::choose), with
    /// steps for the numbers that have more than two different values. `None` if there is no such
    /// number, or if there are too many.
    ///
    /// The knots are quantiles of the profile's sample, with about equally many rows between neighbours.
    /// A frequent value is a knot of its own. A number with few values has a knot at each.
    pub fn of_steps(schema: &Schema, profile: &Profile) -> Option<Self> {
        let linear = Self::choose(schema, profile);
        let numbers = schema.features.len() - linear.groups.len();
        let n_steps = STEPS.min(MAX_STEPS / numbers.max(1));
        if n_steps < MIN_STEPS {
            return None;
        }
        let mut categories = linear.groups.into_iter().peekable();
        let mut groups = Vec::new();
        for feature in 0..schema.features.len() {
            if let Some(category) = categories.next_if(|group| group.feature() == feature) {
                groups.push(category);
                continue;
            }
            let knots = knots(&profile.sample.columns[feature], n_steps);
            let has_missing = profile.columns[feature].missing >= MIN_LEVEL_ROWS;
            if knots.len() > 2 {
                groups.push(Group::Steps(Steps::between(feature, &knots, has_missing)));
            }
        }
        let has_steps = groups.iter().any(|group| matches!(group, Group::Steps(_)));
        has_steps.then_some(Self { groups })
    }

    /// True if every feature is one column with its number.
    pub(crate) fn is_of_numbers(&self) -> bool {
        self.groups.is_empty()
    }

    /// True if a number has a curve.
    pub(crate) fn has_curves(&self) -> bool {
        let mut groups = self.groups.iter();
        groups.any(|group| !matches!(group, Group::Category(_)))
    }

    /// The fitted curves, in the order of the features.
    pub fn effects(&self) -> impl Iterator<Item = &Effect> {
        self.groups.iter().filter_map(|group| match group {
            Group::Effect(effect) => Some(effect),
            Group::Category(_) | Group::Steps(_) => None,
        })
    }

    /// Number of levels that have their own columns.
    fn levels(&self) -> usize {
        let levels = self.groups.iter().map(|group| match group {
            Group::Category(category) => category.levels.len(),
            Group::Effect(_) | Group::Steps(_) => 0,
        });
        levels.sum()
    }

    /// Number of columns of the first `features` features.
    pub(crate) fn width(&self, features: usize) -> usize {
        features + self.grouped_columns() - self.groups.len()
    }

    /// Number of features that have this number of columns together.
    pub(crate) fn features_of(&self, width: usize) -> usize {
        (width + self.groups.len()).saturating_sub(self.grouped_columns())
    }

    fn grouped_columns(&self) -> usize {
        self.groups.iter().map(Group::width).sum()
    }

    /// The columns of the first `features` features.
    pub fn terms(&self, features: usize) -> Vec<Term<'_>> {
        let mut terms = Vec::with_capacity(self.width(features));
        let mut groups = self.groups.iter().peekable();
        for feature in 0..features {
            match groups.next_if(|group| group.feature() == feature) {
                None => terms.push(Term::number(feature)),
                Some(group) => terms.extend(group.terms()),
            }
        }
        terms
    }

    /// For each column of the first `features` features, true if drift tests leave it out: a curve that
    /// is close to its trend, or that may be noise.
    pub fn unwatched(&self, features: usize) -> Vec<bool> {
        let is_unwatched = |term: &Term<'_>| {
            let effect = self.effects().find(|it| it.feature == term.feature);
            matches!(term.encoding, Encoding::Curve(_)) && effect.is_some_and(|it| !it.is_watched)
        };
        self.terms(features).iter().map(is_unwatched).collect()
    }

    /// The columns to which a model with these columns is fitted: steps in place of each effect.
    pub(crate) fn for_fitting(&self) -> Self {
        let groups = self.groups.iter().map(|group| match group {
            Group::Effect(it) => {
                Group::Steps(Steps::between(it.feature, it.effect.knots(), it.missing))
            }
            group => group.clone(),
        });
        Self {
            groups: groups.collect(),
        }
    }

    /// The same columns with an effect in place of the steps of each number. `effect` is called with
    /// the number's knots, in the order of the features. It returns the curve, and whether drift tests
    /// watch it.
    pub fn with_effects(&self, mut effect: impl FnMut(&[f64]) -> (Curve, bool)) -> Self {
        let groups = self.groups.iter().map(|group| match group {
            Group::Steps(steps) => {
                let knots = steps.knots();
                let (curve, is_watched) = effect(&knots);
                Group::Effect(Effect {
                    feature: steps.feature,
                    trend: trend(&knots),
                    effect: curve,
                    is_watched,
                    missing: steps.missing,
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
        let are_sorted = self
            .groups
            .is_sorted_by(|one, next| one.feature() < next.feature());
        let is_category = |group: &Group| matches!(group, Group::Category(_));
        let named = self.groups.iter().map(|it| (it.feature(), is_category(it)));
        let features = schema.features.iter().map(|it| it.kind.is_category());
        let mut named = named.peekable();
        let fits = features.enumerate().all(|(place, is_category)| {
            let group = named.next_if(|(feature, _)| *feature == place);
            group.map_or(!is_category, |(_, of_category)| of_category == is_category)
        });
        if !are_sorted || !fits || named.next().is_some() {
            return Some("its design is not that of its columns");
        }
        if self.levels() > MAX_LEVELS {
            return Some("its design has more levels than any design may have");
        }
        self.groups.iter().find_map(Group::flaw)
    }
}

impl Group {
    /// The feature's place among the features.
    fn feature(&self) -> usize {
        match self {
            Self::Category(category) => category.feature,
            Self::Effect(effect) => effect.feature,
            Self::Steps(steps) => steps.feature,
        }
    }

    /// Number of columns.
    fn width(&self) -> usize {
        match self {
            Self::Category(it) => it.levels.len() + 1 + usize::from(it.missing),
            Self::Effect(it) => 2 + usize::from(it.missing),
            Self::Steps(it) => it.steps.len() + usize::from(it.missing),
        }
    }

    fn terms(&self) -> Vec<Term<'_>> {
        match self {
            Self::Category(category) => category.terms().collect(),
            Self::Effect(it) => {
                let both = [Encoding::Trend(&it.trend), Encoding::Curve(&it.effect)];
                curves(it.feature, both, it.missing)
            }
            Self::Steps(it) => {
                let steps = it.steps.iter().map(Encoding::Curve);
                curves(it.feature, steps, it.missing)
            }
        }
    }

    fn flaw(&self) -> Option<&'static str> {
        match self {
            Self::Category(category) => category
                .is_flawed()
                .then_some("its design has an invalid level"),
            Self::Effect(it) => {
                let is_valid = it.trend.is_valid() && it.effect.is_valid();
                (!is_valid || it.trend.knots() != it.effect.knots())
                    .then_some("its design has an invalid curve")
            }
            Self::Steps(_) => Some("its curves are not finished"),
        }
    }
}

impl Steps {
    fn between(feature: usize, knots: &[f64], missing: bool) -> Self {
        let pairs = knots.windows(2);
        Self {
            feature,
            steps: pairs.map(|pair| Curve::step(pair[0], pair[1])).collect(),
            missing,
        }
    }

    fn knots(&self) -> Vec<f64> {
        let first = self.steps.first().map(|step| step.knots()[0]);
        let others = self.steps.iter().map(|step| step.knots()[1]);
        first.into_iter().chain(others).collect()
    }
}

/// The columns of a number with these curves.
fn curves<'a>(
    feature: usize,
    curves: impl IntoIterator<Item = Encoding<'a>>,
    has_missing: bool,
) -> Vec<Term<'a>> {
    let curves = curves.into_iter().map(|encoding| Term {
        feature,
        encoding,
        if_missing: None,
    });
    let of_missing = has_missing.then_some(Term {
        feature,
        encoding: Encoding::Missing,
        if_missing: Some(1.0),
    });
    curves.chain(of_missing).collect()
}

/// The straight line from 0 at the first knot to 1 at the last one.
fn trend(knots: &[f64]) -> Curve {
    let (first, last) = (knots[0], knots[knots.len() - 1]);
    let shares = knots.iter().map(|knot| (knot - first) / (last - first));
    Curve::new(knots.to_vec(), shares.collect())
}

/// The knots of a number with these values: every value if there are few, otherwise quantiles. A value
/// that more rows have than are between two knots is a knot, and the quantiles are those of the others.
fn knots(values: &[f64], n_steps: usize) -> Vec<f64> {
    let mut sorted: Vec<f64> = values.iter().copied().filter(|it| it.is_finite()).collect();
    sorted.sort_unstable_by(f64::total_cmp);
    let mut different = sorted.clone();
    different.dedup();
    if different.len() > n_steps + 1 {
        let share = sorted.len() / n_steps;
        let runs = || sorted.chunk_by(|one, next| one == next);
        let frequent = runs().filter(|run| run.len() > share).map(|run| run[0]);
        different = frequent.collect();
        let others = runs().filter(|run| run.len() <= share).flatten();
        let others: Vec<f64> = others.copied().collect();
        // Fewer than `n_steps` values can be so frequent.
        let n_others = n_steps - different.len();
        different.extend((0..=n_others).map(|knot| {
            let share = knot as f64 / n_others as f64;
            let share = share.clamp(OUTSIDE, 1.0 - OUTSIDE);
            others[((others.len() - 1) as f64 * share).round() as usize]
        }));
        different.sort_unstable_by(f64::total_cmp);
    }
    // A curve has no usable slope over a width that is not a normal number.
    different.dedup_by(|next, kept| !(*next - *kept).is_normal());
    let width = different.last().zip(different.first());
    let is_finite = width.is_some_and(|(last, first)| (last - first).is_finite());
    if is_finite { different } else { Vec::new() }
}

impl Category {
    fn terms(&self) -> impl Iterator<Item = Term<'_>> {
        let known = self.levels.iter().map(Encoding::Level);
        let indicators = known.chain([Encoding::OtherThan(&self.levels)]);
        let with_missing = |encoding, if_missing| Term {
            feature: self.feature,
            encoding,
            if_missing: self.missing.then_some(if_missing),
        };
        let of_missing = self.missing.then_some(Encoding::Missing);
        indicators
            .map(move |encoding| with_missing(encoding, 0.0))
            .chain(of_missing.map(move |encoding| with_missing(encoding, 1.0)))
    }

    /// True if there are too many levels, if one occurs twice, or if a text is not a valid level.
    fn is_flawed(&self) -> bool {
        let levels = &self.levels;
        let is_repeated = |(place, level): (usize, &Level)| {
            let mut earlier = levels[..place].iter();
            earlier.any(|other| other.code() == level.code())
        };
        levels.len() > MAX_CATEGORY_LEVELS
            || levels
                .iter()
                .any(|level| flaw_of_level(level.text()).is_some())
            || levels.iter().enumerate().any(is_repeated)
    }
}

/// The levels of a category that may have their own columns, the most frequent first.
fn frequent_levels(counts: &CategoryCounts) -> &[LevelCount] {
    let is_frequent = |level: &LevelCount| level.rows >= MIN_LEVEL_ROWS;
    let frequent = counts.levels.partition_point(is_frequent);
    &counts.levels[..frequent.min(MAX_CATEGORY_LEVELS)]
}

/// Keeps the `max` most frequent levels of all categories. Of equally frequent levels, those of
/// earlier features are kept. The levels of each category must be sorted, the most frequent first.
fn keep_most_frequent(categories: &mut [(usize, &[LevelCount])], max: usize) {
    let mut all: Vec<(u64, usize)> = categories
        .iter()
        .enumerate()
        .flat_map(|(place, (_, levels))| levels.iter().map(move |level| (level.rows, place)))
        .collect();
    // The sort is stable: equal counts keep the order of the features, and of the levels in each.
    all.sort_by_key(|(rows, _)| std::cmp::Reverse(*rows));
    let mut kept = vec![0; categories.len()];
    for (_, place) in all.iter().take(max) {
        kept[*place] += 1;
    }
    for ((_, levels), kept) in categories.iter_mut().zip(kept) {
        *levels = &levels[..kept];
    }
}

#[cfg(test)]
mod tests {
    use common::schema::{CategoryRules, Feature};

    use dataset::passes::{ColumnProfile, ColumnValues, Sample, profile};
    use dataset::{Table, level_code};

    use super::*;

    fn schema() -> Schema {
        Schema {
            features: vec![
                "x".into(),
                Feature {
                    name: "plan".into(),
                    kind: Kind::Category(CategoryRules::default()),
                },
                "y".into(),
            ],
            ..Schema::default()
        }
    }

    /// A table with the given number of rows of each level.
    fn table(levels: &[(&str, usize)]) -> Table {
        let mut table = Table::new(&schema());
        for (level, rows) in levels {
            for row in 0..*rows {
                let code = table.levels.add(1, level);
                table.push(row.to_string().as_bytes(), &[1.0, code, 2.0], None);
            }
        }
        table
    }

    fn design(levels: &[(&str, usize)]) -> Design {
        let table = table(levels);
        Design::choose(&schema(), &profile(&schema(), &table, &table.all()))
    }

    fn texts(design: &Design) -> Vec<&str> {
        texts_of(design, 1)
    }

    fn texts_of(design: &Design, feature: usize) -> Vec<&str> {
        let terms = design.terms(feature + 1).into_iter();
        let levels = terms.filter_map(|term| match term.encoding {
            Encoding::Level(level) if term.feature == feature => Some(level.text()),
            _ => None,
        });
        levels.collect()
    }

    #[test]
    fn frequent_levels_have_an_indicator_each_and_all_others_one_together() {
        let design = design(&[("rare", 9), ("b", 10), ("common", 30), ("a", 10)]);
        assert_eq!(texts(&design), ["common", "a", "b"]);
        assert_eq!((design.width(3), design.is_of_numbers()), (6, false));
        let terms = design.terms(3);
        assert_eq!(
            terms.iter().map(|it| it.feature).collect::<Vec<_>>(),
            [0, 1, 1, 1, 1, 2]
        );
        let values = |cell: f64| -> Vec<f64> {
            let of_category = terms.iter().filter(|term| term.feature == 1);
            of_category.map(|term| term.value(cell)).collect()
        };
        assert_eq!(values(level_code("a")), [0.0, 1.0, 0.0, 0.0]);
        assert_eq!(values(level_code("rare")), [0.0, 0.0, 0.0, 1.0]);
        assert_eq!(values(level_code("never seen")), [0.0, 0.0, 0.0, 1.0]);
        assert!(values(f64::NAN).iter().all(|value| value.is_nan()));
        assert_eq!(terms[0].value(7.5), 7.5);
    }

    #[test]
    fn knots_are_all_of_few_values_quantiles_of_many_and_every_frequent_value() {
        assert_eq!(knots(&[3.0, 1.0, 2.0, 2.0], 9), [1.0, 2.0, 3.0]);
        let many: Vec<f64> = (0..=1000).map(f64::from).collect();
        let found = knots(&many, 4);
        assert_eq!(found, [5.0, 250.0, 500.0, 750.0, 995.0]);
        // Nine of ten are 0.
        let counts: Vec<f64> = (0..3000)
            .map(|row| f64::from(if row % 10 == 0 { 1 + row / 10 % 29 } else { 0 }))
            .collect();
        let found = knots(&counts, 9);
        assert_eq!(found[..2], [0.0, 1.0]);
        assert_eq!(found.len(), 10);
        assert_eq!(knots(&[f64::NAN; 5], 9), [0.0; 0]);
        assert_eq!(knots(&[-f64::MAX, 0.0, f64::MAX], 9), [0.0; 0]);
        assert_eq!(knots(&[0.0, 5e-324, 1.0, 2.0], 9), [0.0, 1.0, 2.0]);
    }

    #[test]
    fn ten_missing_cells_are_a_level_and_fewer_are_imputed() {
        for (missing, is_level) in [(9, false), (10, true)] {
            let mut table = table(&[("a", 12)]);
            for row in 0..missing {
                table.push(row.to_string().as_bytes(), &[1.0, f64::NAN, 2.0], None);
            }
            let design = Design::choose(&schema(), &profile(&schema(), &table, &table.all()));
            let terms = design.terms(3);
            assert_eq!(terms.len(), design.width(3));
            let values = |cell: f64| -> Vec<f64> {
                let of_category = terms.iter().filter(|term| term.feature == 1);
                of_category.map(|term| term.value(cell)).collect()
            };
            if is_level {
                assert_eq!(values(f64::NAN), [0.0, 0.0, 1.0]);
                assert_eq!(values(level_code("a")), [1.0, 0.0, 0.0]);
                assert_eq!(values(level_code("new")), [0.0, 1.0, 0.0]);
            } else {
                assert!(values(f64::NAN).iter().all(|value| value.is_nan()));
            }
        }
    }

    #[test]
    fn of_many_levels_the_fifty_most_frequent_have_columns() {
        let names: Vec<String> = (0..70).map(|level| format!("level {level:02}")).collect();
        let levels: Vec<(&str, usize)> = names
            .iter()
            .enumerate()
            .map(|(level, name)| (name.as_str(), 10 + usize::from(level >= 60)))
            .collect();
        let found = design(&levels);
        let found = texts(&found);
        assert_eq!(found.len(), MAX_CATEGORY_LEVELS);
        assert_eq!((found[0], found[10]), ("level 60", "level 00"));
    }

    /// The profile of a category with `levels` levels; `rows` returns the number of rows of each.
    fn profiled(name: &str, levels: usize, rows: impl Fn(usize) -> u64) -> ColumnProfile {
        let level = |level| LevelCount {
            level: format!("level {level:02}"),
            rows: rows(level),
        };
        ColumnProfile {
            name: name.into(),
            missing: 0,
            values: ColumnValues::Levels(CategoryCounts {
                levels: (0..levels).map(level).collect(),
                others: 0,
            }),
        }
    }

    #[test]
    fn of_many_categories_the_most_frequent_levels_of_all_have_columns() {
        let category = |number: usize| Feature {
            name: format!("category {number}"),
            kind: Kind::Category(CategoryRules::default()),
        };
        let schema = Schema {
            features: (0..20).map(category).collect(),
            ..Schema::default()
        };
        let rows =
            |feature: usize| move |level: usize| if feature == 7 { 900 } else { 99 - level as u64 };
        let profile = Profile {
            rows: 1_000_000,
            columns: (0..20)
                .map(|it| profiled("category", 60, rows(it)))
                .collect(),
            sample: Sample::default(),
        };
        let design = Design::choose(&schema, &profile);
        assert_eq!(design.width(20), 20 + MAX_LEVELS);
        assert_eq!(design.flaw(&schema), None);
        let levels = |feature| texts_of(&design, feature).len();
        // One category has 50 columns. The 19 others share 150, and the first ones have one more.
        assert_eq!([6, 7, 8, 17, 18].map(levels), [8, 50, 8, 8, 7]);
        assert_eq!(texts_of(&design, 19).last(), Some(&"level 06"));
    }

    #[test]
    fn a_design_of_other_columns_is_found_out() {
        let design = design(&[("a", 10), ("b", 10)]);
        assert_eq!(design.flaw(&schema()), None);
        assert!(Design::default().flaw(&schema()).is_some());
        assert!(design.flaw(&Schema::default()).is_some());
        assert_eq!(Design::default().flaw(&Schema::default()), None);
        let with = |levels: &[&str]| Design {
            groups: vec![Group::Category(Category {
                feature: 1,
                levels: levels
                    .iter()
                    .map(|level| Level::from((*level).to_owned()))
                    .collect(),
                missing: false,
            })],
        };
        for levels in [&["a", "a"][..], &[" a"], &[""]] {
            assert!(with(levels).flaw(&schema()).is_some(), "{levels:?}");
        }
        assert_eq!(with(&[]).flaw(&schema()), None);
    }
}
