//! Levels of a category, and the codes that represent them in a table.
//!
//! A table holds numbers only, so that rows of any columns are compared, hashed, sampled and
//! divided into folds in the same way. A level is represented by its *code*: the first 53 bits of a
//! public hash of its text, which a float holds exactly. Codes can be compared without a
//! dictionary. The table also has the names of the levels, because people never see a code.
//!
//! Two levels with equal codes would count as one level with one of the two names. Among a thousand
//! levels of a column the probability is 1 in 10¹⁰, and among ten thousand 1 in 10⁸. The hash is
//! public, so somebody could search for two such texts. A person who may write rows gains nothing
//! by that, because writing the other text has the same effect.

use std::collections::BTreeMap;
use std::sync::Arc;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use siphasher::sip::SipHasher13;

/// Maximum number of levels of a column that have a name and are counted one by one. If there are
/// more, those with the smallest codes have names. All others count together.
///
/// The named levels therefore do not depend on the order of rows, and parts can be merged.
pub const MAX_NAMED_LEVELS: usize = 10_000;

/// Number of bits of a hash that a float does not hold.
const DROPPED_BITS: u32 = 64 - f64::MANTISSA_DIGITS;

/// Code of a level in a table: a whole number below 2⁵³.
pub fn level_code(text: &str) -> f64 {
    code_of(text.as_bytes()) as f64
}

pub(crate) fn code_of(text: &[u8]) -> u64 {
    SipHasher13::new_with_key(b"risk level code.").hash(text) >> DROPPED_BITS
}

/// A level: its text and its code. Serialised as the text.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(from = "String", into = "String")]
pub struct Level {
    text: String,
    code: f64,
}

impl Level {
    /// Text of the level.
    pub fn text(&self) -> &str {
        &self.text
    }

    /// Code of the level in a table.
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

/// Names of the level codes of a table's categories.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct LevelNames {
    /// Names by feature. May be shorter than the features; empty if all columns are numeric.
    columns: Vec<ColumnNames>,
}

/// Names of the level codes of one column.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(from = "Vec<String>", into = "Vec<String>")]
pub(crate) struct ColumnNames(BTreeMap<u64, Arc<str>>);

impl LevelNames {
    /// Adds a level of a feature and returns its code.
    pub fn add(&mut self, feature: usize, text: &str) -> f64 {
        let code = code_of(text.as_bytes());
        self.column_mut(feature).add(code, || text.into());
        code as f64
    }

    /// Adds the name of a feature's code. `text` is called only for a new code.
    pub(crate) fn name_code(&mut self, feature: usize, code: f64, text: impl FnOnce() -> Arc<str>) {
        self.column_mut(feature).add(code as u64, text);
    }

    /// Name of a feature's code. `None` if unknown.
    pub fn name(&self, feature: usize, code: f64) -> Option<&str> {
        self.column(feature)?.name(code as u64)
    }

    /// Adds the names of another table.
    pub fn merge(&mut self, other: &Self) {
        for (feature, names) in other.columns.iter().enumerate() {
            self.column_mut(feature).merge(names);
        }
    }

    /// Removes all names.
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
    /// Name of a code. `None` if unknown.
    pub(crate) fn name(&self, code: u64) -> Option<&str> {
        self.0.get(&code).map(|name| &**name)
    }

    /// Adds the names of another column.
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

/// Adds a level to the named levels. If there are too many, drops the level with the largest code
/// and returns its value.
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
            names.add(code_of(text.as_bytes()), || text.as_str().into());
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

    /// Models and samples on disk hold codes, so a changed code would be a new level.
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
    fn names_are_stored_by_feature_and_merged() {
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
    fn the_named_levels_do_not_depend_on_their_order() {
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
