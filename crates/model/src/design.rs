//! The design of a linear model: the columns that its features become.
//!
//! A number becomes one column, its value. A category becomes an indicator for each of its frequent
//! levels and one indicator for all other levels, unseen ones included. If enough cells are missing,
//! a last indicator is 1 for a missing cell. The columns are in the order of the features; those of a
//! category are in the order of its levels.

use common::Schema;
use common::schema::{Kind, flaw_of_level};
use dataset::Level;
use dataset::passes::{CategoryCounts, Encoding, LevelCount, Profile, Term};
use serde::{Deserialize, Serialize};

/// Minimum number of rows of a level that has its own column, and of missing cells that have one.
/// With fewer rows its coefficient would be mostly noise.
const MIN_LEVEL_ROWS: u64 = 10;
/// Maximum number of levels of one category that have their own columns.
const MAX_CATEGORY_LEVELS: usize = 50;
/// Maximum number of levels of all categories together that have their own columns. The memory of a
/// model, and of a pass over rows, grows with the square of the number of columns.
const MAX_LEVELS: usize = 200;

/// The columns of a linear model. By default each feature is a number.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Design {
    /// The features that are categories, in the order of the features.
    categories: Vec<Category>,
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
    /// Chooses the columns by the profile of the training rows. Each category gets a column for
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
            categories: categories.collect(),
        }
    }

    /// True if every feature is a number.
    pub(crate) fn is_of_numbers(&self) -> bool {
        self.categories.is_empty()
    }

    /// Number of levels that have their own columns.
    fn levels(&self) -> usize {
        let levels = self.categories.iter().map(|category| category.levels.len());
        levels.sum()
    }

    /// Number of columns beyond one for each feature.
    pub(crate) fn extra_columns(&self) -> usize {
        let of_missing = self.categories.iter().filter(|category| category.missing);
        self.levels() + of_missing.count()
    }

    /// Number of columns of the first `features` features.
    pub(crate) fn width(&self, features: usize) -> usize {
        features + self.extra_columns()
    }

    /// The columns of the first `features` features.
    pub fn terms(&self, features: usize) -> Vec<Term<'_>> {
        let mut terms = Vec::with_capacity(self.width(features));
        let mut categories = self.categories.iter().peekable();
        for feature in 0..features {
            match categories.next_if(|category| category.feature == feature) {
                None => terms.push(Term {
                    feature,
                    encoding: Encoding::Number,
                    if_missing: None,
                }),
                Some(category) => terms.extend(category.terms()),
            }
        }
        terms
    }

    /// The reason why this design does not fit a schema's features; `None` if it fits them.
    pub(crate) fn flaw(&self, schema: &Schema) -> Option<&'static str> {
        let mut named = self.categories.iter().map(|category| category.feature);
        let features = schema.features.iter().enumerate();
        let wanted = features.filter(|(_, feature)| feature.kind.is_category());
        if !wanted.map(|(place, _)| place).eq(named.by_ref()) {
            return Some("its design is not that of its columns");
        }
        if self.levels() > MAX_LEVELS {
            return Some("its design has more levels than any design may have");
        }
        self.categories
            .iter()
            .any(Category::is_flawed)
            .then_some("its design has an invalid level")
    }
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
            categories: vec![Category {
                feature: 1,
                levels: levels
                    .iter()
                    .map(|level| Level::from((*level).to_owned()))
                    .collect(),
                missing: false,
            }],
        };
        for levels in [&["a", "a"][..], &[" a"], &[""]] {
            assert!(with(levels).flaw(&schema()).is_some(), "{levels:?}");
        }
        assert_eq!(with(&[]).flaw(&schema()), None);
    }
}
