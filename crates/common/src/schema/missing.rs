//! Words that stand for a missing value.

/// Words for a missing number, in any case, unless others are listed.
const DEFAULT_WORDS: [&str; 8] = ["NaN", "NA", "N/A", "#N/A", "null", "None", "<NA>", "?"];
const MAX_DEFAULT_BYTES: usize = 4;

/// The words for a missing value in a column, in any case. An empty cell is always missing.
///
/// By default they are `NaN`, `NA`, `N/A`, `#N/A`, `null`, `None`, `<NA>` and `?` in a column of
/// numbers, and none in a category.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct MissingWords(Option<Vec<String>>);

impl MissingWords {
    /// The default words for a missing number, and these.
    pub fn with_defaults(words: impl Iterator<Item = String>) -> Self {
        let defaults = DEFAULT_WORDS.into_iter().map(str::to_owned);
        let mut all: Vec<String> = words.chain(defaults).collect();
        all.sort();
        all.dedup();
        Self(Some(all))
    }

    /// These words in place of the default ones; the error says why they are not usable.
    pub fn new(mut words: Vec<String>) -> Result<Self, String> {
        let flaw = |word: &&String| word.trim_ascii() != word.as_str();
        if let Some(word) = words.iter().find(flaw) {
            return Err(format!("has the word {word:?} with space around it"));
        }
        // An empty cell is missing in any case.
        words.retain(|word| !word.is_empty());
        words.sort();
        words.dedup();
        Ok(Self(Some(words)))
    }

    /// The listed words; `None` for the default ones.
    pub fn listed(&self) -> Option<&[String]> {
        self.0.as_deref()
    }

    /// True if a trimmed cell of a column of numbers is missing.
    #[inline]
    pub fn mark_number(&self, trimmed: &[u8]) -> bool {
        match &self.0 {
            None => is_missing_marker(trimmed),
            Some(words) => trimmed.is_empty() || has(words, trimmed),
        }
    }

    /// True if a number is one of the listed words.
    pub fn mark_value(&self, number: f64) -> bool {
        let is_it = |word: &String| word.parse() == Ok(number);
        self.listed().is_some_and(|words| words.iter().any(is_it))
    }

    /// True if a trimmed cell of a category is missing.
    pub fn mark_level(&self, trimmed: &[u8]) -> bool {
        trimmed.is_empty() || self.listed().is_some_and(|words| has(words, trimmed))
    }
}

fn has(words: &[String], trimmed: &[u8]) -> bool {
    let is_it = |word: &String| word.as_bytes().eq_ignore_ascii_case(trimmed);
    words.iter().any(is_it)
}

/// True if a trimmed cell is missing in a number column with the default words.
#[inline]
pub fn is_missing_marker(trimmed: &[u8]) -> bool {
    let is_it = |word: &&str| trimmed.eq_ignore_ascii_case(word.as_bytes());
    trimmed.is_empty() || (trimmed.len() <= MAX_DEFAULT_BYTES && DEFAULT_WORDS.iter().any(is_it))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn words(words: &[&str]) -> Result<MissingWords, String> {
        MissingWords::new(words.iter().map(|word| (*word).to_owned()).collect())
    }

    #[test]
    fn numbers_have_default_words_and_categories_have_none() {
        let default = MissingWords::default();
        for word in ["", "nan", "NA", "n/A", "#N/A", "NULL", "none", "<NA>", "?"] {
            assert!(default.mark_number(word.as_bytes()), "{word}");
            assert_eq!(default.mark_level(word.as_bytes()), word.is_empty());
        }
        assert!(!default.mark_number(b"-") && !default.mark_number(b"-999"));
    }

    #[test]
    fn listed_words_replace_the_default_ones() {
        let listed = words(&["-999", "unknown", ""]).unwrap();
        for word in ["", "-999", "Unknown"] {
            assert!(listed.mark_number(word.as_bytes()), "{word}");
            assert!(listed.mark_level(word.as_bytes()), "{word}");
        }
        assert!(listed.mark_value(-999.0) && !listed.mark_value(999.0));
        assert!(!listed.mark_number(b"NA") && !listed.mark_level(b"NA"));
        let none = words(&[]).unwrap();
        assert!(none.mark_number(b"") && !none.mark_number(b"NA"));
        assert!(words(&[" NA"]).unwrap_err().contains("space around it"));
    }
}
