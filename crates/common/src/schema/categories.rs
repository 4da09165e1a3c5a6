//! Rules of a category column: its levels, and whether they may be missing.

use super::missing::MissingWords;
use super::rules::{Breach, MissingShare, Presence};

/// Upper limit of a level's length. A longer text is free text, or a field whose quote was never
/// closed.
pub const MAX_LEVEL_BYTES: usize = 200;

/// Rules for the cells of a category column; the default allows everything.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct CategoryRules {
    /// The allowed levels.
    pub listed: ListedLevels,
    /// Whether every row must have a level.
    pub presence: Presence,
    /// Largest share of a file's rows in which the level may be missing.
    pub missing_share: MissingShare,
    /// The words for a missing level; by default only an empty cell is missing.
    pub missing: MissingWords,
}

/// The only levels that a column may have, in byte order; the default allows all.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ListedLevels(Option<Vec<String>>);

impl CategoryRules {
    /// True if no single level can break the rules. The maximum share of missing levels does not count
    /// here.
    pub fn allow_any_level(&self) -> bool {
        self.listed == ListedLevels::default() && self.presence == Presence::Optional
    }

    /// The rule that a trimmed text breaks; `None` is a missing level.
    pub fn breach(&self, level: Option<&str>) -> Option<Breach> {
        match level {
            None => (self.presence == Presence::Required).then_some(Breach::Missing),
            Some(level) => (!self.listed.allows(level)).then_some(Breach::NotListed),
        }
    }
}

impl ListedLevels {
    /// A list of levels, in any order; the error says why the list is not usable.
    pub fn new(mut levels: Vec<String>) -> Result<Self, String> {
        if levels.is_empty() {
            return Err("is empty, so no level would be allowed; leave it out to allow all".into());
        }
        if let Some((level, flaw)) = levels
            .iter()
            .find_map(|level| Some((level, flaw_of_level(level)?)))
        {
            return Err(format!("{level:?} {flaw}"));
        }
        levels.sort();
        levels.dedup();
        Ok(Self(Some(levels)))
    }

    /// The levels, if they are listed.
    pub fn levels(&self) -> Option<&[String]> {
        self.0.as_deref()
    }

    fn allows(&self, level: &str) -> bool {
        let is_among = |listed: &[String]| {
            listed
                .binary_search_by(|entry| entry.as_str().cmp(level))
                .is_ok()
        };
        self.levels().is_none_or(is_among)
    }
}

/// Why a text cannot be a level; completes "the text …".
pub fn flaw_of_level(text: &str) -> Option<&'static str> {
    if text.trim_ascii() != text {
        Some("has space around it, which is no part of a level")
    } else if text.is_empty() {
        Some(
            "is a missing value, not a level: leave it out; the key required says whether values may be missing",
        )
    } else if text.len() > MAX_LEVEL_BYTES {
        Some("is longer than 200 bytes, so it is no category")
    } else {
        None
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn levels(texts: &[&str]) -> Result<ListedLevels, String> {
        ListedLevels::new(texts.iter().map(|text| (*text).to_owned()).collect())
    }

    #[test]
    fn only_listed_levels_are_allowed_byte_by_byte() {
        let rules = CategoryRules {
            listed: levels(&["gold", "basic", "gold"]).unwrap(),
            ..CategoryRules::default()
        };
        assert_eq!(rules.listed.levels().unwrap(), ["basic", "gold"]);
        for level in [Some("basic"), Some("gold"), None] {
            assert_eq!(rules.breach(level), None, "{level:?}");
        }
        for level in ["Gold", "gold ", "silver", ""] {
            assert_eq!(rules.breach(Some(level)), Some(Breach::NotListed));
        }
        assert!(!rules.allow_any_level() && CategoryRules::default().allow_any_level());
    }

    #[test]
    fn a_required_level_may_not_be_missing() {
        let rules = CategoryRules {
            presence: Presence::Required,
            ..CategoryRules::default()
        };
        assert_eq!(rules.breach(None), Some(Breach::Missing));
        assert_eq!(rules.breach(Some("anything")), None);
    }

    #[test]
    fn impossible_levels_cannot_be_listed() {
        assert!(levels(&[]).unwrap_err().contains("leave it out"));
        for (text, why) in [
            (" gold", "space around it"),
            (
                "",
                "leave it out; the key required says whether values may be missing",
            ),
            (&"x".repeat(201), "longer than 200 bytes"),
        ] {
            let flaw = levels(&["basic", text]).unwrap_err();
            assert!(flaw.contains(why), "{flaw}");
        }
        assert!(levels(&[&"x".repeat(200)]).is_ok());
        assert!(
            levels(&["none", "NA"]).is_ok(),
            "NA is a level of a category unless it is configured as a word for missing values"
        );
    }
}
