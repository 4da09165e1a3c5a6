//! Levels: the texts of a column of categories, and the numbers that stand for them in a table.
//!
//! A table holds numbers only, so that rows are compared, hashed, sampled and folded alike
//! whatever their columns are. A level stands there as its *code*: the first 53 bits of a public
//! hash of its text, which a float holds exactly. Codes need no dictionary to be comparable; names
//! are kept beside the rows for whoever shows levels to people, who never see a code.
//!
//! Two levels of one code would be one level to everything behind the reader, with the name of one
//! of them. Among a thousand levels of a column that happens with a chance of 1 in 10¹⁰, among ten
//! thousand with one of 1 in 10⁸. The hash is public, so two such texts can be looked for; who may
//! write rows gains nothing by it that writing the other text would not give.

use std::collections::BTreeMap;
use std::sync::Arc;

use serde::{Deserialize, Serialize};
use siphasher::sip::SipHasher13;

/// Levels of a column that have a name, and are counted one by one, at most: of more, those with
/// the smallest codes. All others count together.
///
/// So which ones are named does not depend on the order of rows, and parts can be joined.
pub const MAX_NAMED_LEVELS: usize = 10_000;

/// Bits of a hash that a float does not hold.
const DROPPED_BITS: u32 = 64 - f64::MANTISSA_DIGITS;

/// What stands for a level in a table: a whole number below 2⁵³.
pub fn level_code(text: &str) -> f64 {
    code_of(text) as f64
}

fn code_of(text: &str) -> u64 {
    SipHasher13::new_with_key(b"risk level code.").hash(text.as_bytes()) >> DROPPED_BITS
}

/// A level: its text and its code. Serialised as the text.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(from = "String", into = "String")]
pub struct Level {
    text: String,
    code: f64,
}

impl Level {
    /// The level's text.
    pub fn text(&self) -> &str {
        &self.text
    }

    /// The number that stands for the level in a table.
    #[inline(always)]
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

/// The texts behind the codes of a table's columns of categories.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct LevelNames {
    /// By feature, as far as any has levels: nothing where all columns are of numbers.
    columns: Vec<ColumnNames>,
}

/// The texts behind the codes of one column.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(from = "Vec<String>", into = "Vec<String>")]
pub(crate) struct ColumnNames(BTreeMap<u64, Arc<str>>);

impl LevelNames {
    /// Remembers a level of a feature and returns its code.
    pub fn add(&mut self, feature: usize, text: &str) -> f64 {
        let code = code_of(text);
        self.column_mut(feature).add(code, || text.into());
        code as f64
    }

    /// Remembers the text behind a code of a feature, which is asked for where it is new.
    pub(crate) fn name_code(&mut self, feature: usize, code: f64, text: impl FnOnce() -> Arc<str>) {
        self.column_mut(feature).add(code as u64, text);
    }

    /// The text behind a code of a feature; `None` where it is not known.
    pub fn name(&self, feature: usize, code: f64) -> Option<&str> {
        self.column(feature)?.name(code as u64)
    }

    /// Adds what others know.
    pub(crate) fn merge(&mut self, other: &Self) {
        for (feature, names) in other.columns.iter().enumerate() {
            self.column_mut(feature).merge(names);
        }
    }

    /// Forgets all texts.
    pub(crate) fn clear(&mut self) {
        self.columns.clear();
    }

    pub(crate) fn column(&self, feature: usize) -> Option<&ColumnNames> {
        self.columns.get(feature)
    }

    fn column_mut(&mut self, feature: usize) -> &mut ColumnNames {
        if self.columns.len() <= feature {
            self.columns.resize(feature + 1, ColumnNames::default());
        }
        &mut self.columns[feature]
    }
}

impl ColumnNames {
    /// The text behind a code.
    pub(crate) fn name(&self, code: u64) -> Option<&str> {
        self.0.get(&code).map(|name| &**name)
    }

    /// Adds what another one knows.
    pub(crate) fn merge(&mut self, other: &Self) {
        for (code, name) in &other.0 {
            self.add(*code, || Arc::clone(name));
        }
    }

    fn add(&mut self, code: u64, name: impl FnOnce() -> Arc<str>) {
        if !self.0.contains_key(&code) {
            insert_among_named(&mut self.0, code, name());
        }
    }
}

/// Adds a level to those that are known one by one; returns what is no longer among them, which is
/// that of the largest code where there are too many.
pub(crate) fn insert_among_named<T>(
    known: &mut BTreeMap<u64, T>,
    code: u64,
    of_level: T,
) -> Option<T> {
    known.insert(code, of_level);
    let is_over = known.len() > MAX_NAMED_LEVELS;
    let (_, dropped) = is_over.then(|| known.pop_last())??;
    Some(dropped)
}

impl From<Vec<String>> for ColumnNames {
    fn from(texts: Vec<String>) -> Self {
        let mut names = Self::default();
        for text in texts {
            names.add(code_of(&text), || text.as_str().into());
        }
        names
    }
}

impl From<ColumnNames> for Vec<String> {
    fn from(names: ColumnNames) -> Self {
        names.0.values().map(|name| name.to_string()).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Models and samples on disk hold codes: were they others, each level would be a new one.
    #[test]
    fn codes_are_frozen_and_whole_numbers_that_a_float_holds() {
        let codes = ["basic", "gold", "Gold", "é", "5", "5.0"].map(level_code);
        assert_eq!(
            codes,
            [
                1_836_126_484_152_872.0,
                7_576_955_371_226_432.0,
                6_416_748_583_814_946.0,
                6_533_596_365_427_807.0,
                5_096_466_623_148_911.0,
                6_690_074_668_264_860.0,
            ]
        );
        for code in codes {
            assert!((0.0..9_007_199_254_740_992.0).contains(&code));
            assert_eq!(code.fract(), 0.0);
        }
    }

    #[test]
    fn names_are_kept_by_feature_and_joined() {
        let mut names = LevelNames::default();
        let basic = names.add(2, "basic");
        assert_eq!(basic, level_code("basic"));
        let mut others = LevelNames::default();
        let gold = others.add(4, "gold");
        names.merge(&others);
        assert_eq!(names.name(2, basic), Some("basic"));
        assert_eq!(names.name(4, gold), Some("gold"));
        assert_eq!(names.name(2, gold), None);
        assert_eq!(names.name(9, gold), None);
        names.clear();
        assert_eq!(names, LevelNames::default());
    }

    #[test]
    fn of_too_many_levels_the_same_ones_are_named_whatever_their_order() {
        let texts: Vec<String> = (0..MAX_NAMED_LEVELS + 500)
            .map(|level| level.to_string())
            .collect();
        let (mut there, mut back) = (LevelNames::default(), LevelNames::default());
        for text in &texts {
            there.add(0, text);
        }
        let (first, second) = texts.split_at(700);
        for part in [second, first] {
            let mut names = LevelNames::default();
            for text in part.iter().rev() {
                names.add(0, text);
            }
            back.merge(&names);
        }
        assert_eq!(there, back);
        let named = texts
            .iter()
            .filter(|text| there.name(0, level_code(text)).is_some());
        assert_eq!(named.count(), MAX_NAMED_LEVELS);
    }
}
