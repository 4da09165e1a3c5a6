//! The design of a linear model: which of its columns reads which feature, and how.
//!
//! A feature of numbers has one column, its values. A category has an indicator for each level
//! that the model tells apart, and one for all other levels, those that it has never seen among
//! them. Columns stand in the order of their features, and within a category in that of its levels.

use common::Schema;
use common::schema::{Kind, flaw_of_level};
use serde::{Deserialize, Serialize};

use super::categories::{CategoryCounts, LevelCount};
use super::profile::Profile;
use crate::level::level_code;

/// Rows that a level must have to be told apart: a coefficient of fewer is mostly noise.
pub const LEAST_ROWS_OF_A_LEVEL: u64 = 10;
/// Levels of a category that are told apart at most.
pub const MOST_LEVELS_APART: usize = 50;
/// Levels of all categories together that are told apart at most: what is kept of a model, and what
/// a pass over rows holds, grows with the square of its columns.
pub const MOST_LEVELS_IN_ALL: usize = 200;

/// Which columns a linear model has; the default has one for each feature.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Design {
    /// The features that are no numbers, ascending.
    categories: Vec<Category>,
}

/// A category in a design.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Category {
    /// Its place among the features.
    feature: usize,
    /// The levels that are told apart.
    levels: Vec<Level>,
}

/// A level that a model tells apart.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(from = "String", into = "String")]
pub struct Level {
    text: String,
    code: f64,
}

/// A column of a design.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct DesignColumn<'d> {
    /// The feature that it reads.
    pub feature: usize,
    /// What it makes of that.
    pub reads: Reads<'d>,
}

/// What a column of a design makes of a feature's cell.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Reads<'d> {
    /// The number.
    Number,
    /// 1 for this level, 0 for any other.
    Level(&'d Level),
    /// 0 for these levels, 1 for any other.
    Other(&'d [Level]),
}

impl Design {
    /// The design of a model of some rows: of each category the levels that are frequent in them,
    /// at most [`MOST_LEVELS_APART`]; of all categories the most frequent ones, at most
    /// [`MOST_LEVELS_IN_ALL`].
    ///
    /// It hangs on the levels alone, not on the classes. With few categories it is what
    /// scikit-learn's `OneHotEncoder(min_frequency=10, max_categories=51,
    /// handle_unknown="infrequent_if_exist")` would make of them, but that the indicator of all
    /// other levels is there in any case. Rows with others than the counted levels are none here:
    /// training refuses a category that has such rows.
    pub fn of(schema: &Schema, profile: &Profile) -> Self {
        let columns = schema.features.iter().zip(&profile.columns).enumerate();
        let mut frequent: Vec<(usize, &[LevelCount])> = columns
            .filter_map(|(feature, (described, column))| match described.kind {
                Kind::Number(_) => None,
                Kind::Category(_) => Some((feature, frequent_levels(column.levels()?))),
            })
            .collect();
        keep_most_frequent(&mut frequent, MOST_LEVELS_IN_ALL);
        let categories = frequent.into_iter().map(|(feature, levels)| Category {
            feature,
            levels: levels
                .iter()
                .map(|counted| Level::from(counted.level.clone()))
                .collect(),
        });
        Self {
            categories: categories.collect(),
        }
    }

    /// The design of any number of features of numbers.
    pub fn of_numbers() -> &'static Self {
        static OF_NUMBERS: Design = Design {
            categories: Vec::new(),
        };
        &OF_NUMBERS
    }

    /// Whether each feature has one column, its values.
    pub fn is_of_numbers(&self) -> bool {
        self.categories.is_empty()
    }

    /// How many columns there are for so many features.
    pub fn width(&self, features: usize) -> usize {
        let levels = self.categories.iter().map(|category| category.levels.len());
        features + levels.sum::<usize>()
    }

    /// The columns for so many features.
    pub fn columns(&self, features: usize) -> Vec<DesignColumn<'_>> {
        let mut columns = Vec::with_capacity(self.width(features));
        for feature in 0..features {
            match self.category(feature) {
                None => columns.push(DesignColumn {
                    feature,
                    reads: Reads::Number,
                }),
                Some(category) => {
                    let levels = category.levels.iter().map(Reads::Level);
                    let reads = levels.chain([Reads::Other(&category.levels)]);
                    columns.extend(reads.map(|reads| DesignColumn { feature, reads }));
                }
            }
        }
        columns
    }

    /// The category at a place among the features; `None` where numbers are.
    pub fn category(&self, feature: usize) -> Option<&Category> {
        self.categories
            .iter()
            .find(|category| category.feature == feature)
    }

    /// How many of a row's cells are levels that have no indicator of their own.
    pub fn unknown_levels(&self, row: &[f64]) -> usize {
        let cells = self.categories.iter().filter_map(|category| {
            let cell = *row.get(category.feature)?;
            Some(!cell.is_nan() && category.place(cell) == category.levels.len())
        });
        cells.filter(|is_unknown| *is_unknown).count()
    }

    /// What makes it no design of a schema's features, if anything does.
    pub fn flaw(&self, schema: &Schema) -> Option<&'static str> {
        let mut named = self.categories.iter().map(|category| category.feature);
        let features = schema.features.iter().enumerate();
        let wanted = features.filter(|(_, feature)| feature.kind.is_category());
        if !wanted.map(|(place, _)| place).eq(named.by_ref()) {
            return Some("its design is not that of its columns");
        }
        let is_flawed = |category: &Category| {
            let levels = &category.levels;
            let is_repeated = |(place, level): (usize, &Level)| {
                levels[..place].iter().any(|other| other.code == level.code)
            };
            levels.len() > MOST_LEVELS_APART
                || levels
                    .iter()
                    .any(|level| flaw_of_level(&level.text).is_some())
                || levels.iter().enumerate().any(is_repeated)
        };
        if self.width(0) > MOST_LEVELS_IN_ALL {
            return Some("its design tells more levels apart than any has");
        }
        self.categories
            .iter()
            .any(is_flawed)
            .then_some("its design has a level that is none")
    }
}

/// The levels of a category that may be told apart, the most frequent first.
fn frequent_levels(counts: &CategoryCounts) -> &[LevelCount] {
    let is_frequent = |level: &LevelCount| level.rows >= LEAST_ROWS_OF_A_LEVEL;
    let frequent = counts.levels.partition_point(is_frequent);
    &counts.levels[..frequent.min(MOST_LEVELS_APART)]
}

/// Cuts the levels of categories, which come with the most frequent first, to so many in all. Of
/// equally frequent ones those of earlier features stay.
fn keep_most_frequent(categories: &mut [(usize, &[LevelCount])], most: usize) {
    let mut all: Vec<(u64, usize)> = categories
        .iter()
        .enumerate()
        .flat_map(|(place, (_, levels))| levels.iter().map(move |level| (level.rows, place)))
        .collect();
    // A stable sort leaves the order of features, and within one that of its levels.
    all.sort_by_key(|(rows, _)| std::cmp::Reverse(*rows));
    let mut kept = vec![0; categories.len()];
    for (_, place) in all.iter().take(most) {
        kept[*place] += 1;
    }
    for ((_, levels), kept) in categories.iter_mut().zip(kept) {
        *levels = &levels[..kept];
    }
}

impl Category {
    /// The levels that are told apart.
    pub fn levels(&self) -> &[Level] {
        &self.levels
    }

    /// Columns that it has: one a level, and one for all others.
    pub fn width(&self) -> usize {
        self.levels.len() + 1
    }

    /// Which of its columns is 1 for a level's code.
    #[inline]
    pub fn place(&self, code: f64) -> usize {
        let known = self.levels.iter().position(|level| level.code == code);
        known.unwrap_or(self.levels.len())
    }
}

impl Level {
    /// Its text.
    pub fn text(&self) -> &str {
        &self.text
    }

    /// What stands for it in a table.
    pub fn code(&self) -> f64 {
        self.code
    }
}

impl From<String> for Level {
    fn from(text: String) -> Self {
        Self {
            code: level_code(&text),
            text,
        }
    }
}

impl From<Level> for String {
    fn from(level: Level) -> Self {
        level.text
    }
}

impl Reads<'_> {
    /// What it makes of a cell; NaN, a missing one, stays missing.
    #[inline(always)]
    pub fn value(self, cell: f64) -> f64 {
        match self {
            Self::Number => cell,
            _ if cell.is_nan() => cell,
            Self::Level(level) => f64::from(u8::from(level.code == cell)),
            Self::Other(levels) => {
                f64::from(u8::from(levels.iter().all(|level| level.code != cell)))
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use common::schema::{CategoryRules, Feature};

    use super::super::profile;
    use super::super::profile::{ColumnProfile, ColumnValues, Sample};
    use super::*;
    use crate::table::Table;

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

    /// So many rows of each level.
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
        Design::of(&schema(), &profile(&schema(), &table, &table.all()))
    }

    fn texts(design: &Design) -> Vec<&str> {
        texts_of(design, 1)
    }

    fn texts_of(design: &Design, feature: usize) -> Vec<&str> {
        let levels = design.category(feature).unwrap().levels();
        levels.iter().map(Level::text).collect()
    }

    #[test]
    fn frequent_levels_have_an_indicator_each_and_all_others_one_together() {
        let design = design(&[("rare", 9), ("b", 10), ("common", 30), ("a", 10)]);
        assert_eq!(texts(&design), ["common", "a", "b"]);
        assert_eq!((design.width(3), design.is_of_numbers()), (6, false));
        let columns = design.columns(3);
        assert_eq!(
            columns.iter().map(|it| it.feature).collect::<Vec<_>>(),
            [0, 1, 1, 1, 1, 2]
        );
        let of = |cell: f64| -> Vec<f64> {
            let reads = columns.iter().filter(|column| column.feature == 1);
            reads.map(|column| column.reads.value(cell)).collect()
        };
        assert_eq!(of(level_code("a")), [0.0, 1.0, 0.0, 0.0]);
        assert_eq!(of(level_code("rare")), [0.0, 0.0, 0.0, 1.0]);
        assert_eq!(of(level_code("never seen")), [0.0, 0.0, 0.0, 1.0]);
        assert!(of(f64::NAN).iter().all(|value| value.is_nan()));
        assert_eq!(columns[0].reads.value(7.5), 7.5);
        let unknown = |cell| design.unknown_levels(&[1.0, cell, 2.0]);
        let counts = [level_code("a"), level_code("rare"), f64::NAN].map(unknown);
        assert_eq!(counts, [0, 1, 0]);
    }

    #[test]
    fn of_many_levels_the_fifty_most_frequent_are_told_apart() {
        let names: Vec<String> = (0..70).map(|level| format!("level {level:02}")).collect();
        let levels: Vec<(&str, usize)> = names
            .iter()
            .enumerate()
            .map(|(level, name)| (name.as_str(), 10 + usize::from(level >= 60)))
            .collect();
        let found = design(&levels);
        let found = texts(&found);
        assert_eq!(found.len(), MOST_LEVELS_APART);
        assert_eq!((found[0], found[10]), ("level 60", "level 00"));
    }

    /// A category of so many levels, with so many rows of each.
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
    fn of_many_categories_the_most_frequent_levels_of_all_are_told_apart() {
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
        let design = Design::of(&schema, &profile);
        assert_eq!(design.width(20), 20 + MOST_LEVELS_IN_ALL);
        assert_eq!(design.flaw(&schema), None);
        let told_apart = |feature| design.category(feature).unwrap().levels().len();
        // 50 of one category; 150 of 19 others, of which the first ones have one more.
        assert_eq!([6, 7, 8, 17, 18].map(told_apart), [8, 50, 8, 8, 7]);
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
            }],
        };
        for levels in [&["a", "a"][..], &[" a"], &[""]] {
            assert!(with(levels).flaw(&schema()).is_some(), "{levels:?}");
        }
        assert_eq!(with(&[]).flaw(&schema()), None);
    }
}
