//! Levels that look like another level in another spelling, or with invisible characters.

use std::cmp::Reverse;
use std::collections::BTreeMap;

use common::is_invisible;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::part::quoted;
use crate::statistics::LevelCounts;

/// Maximum number of respelled levels that are named.
const MAX_NAMED: usize = 5;

/// Levels that the reference does not have, but in another spelling.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Respelled {
    /// Number of such levels.
    pub levels: u64,
    /// The most frequent of them.
    pub most_frequent: Vec<Respelling>,
}

/// A level in another spelling.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Respelling {
    /// The level, which only the current file has.
    pub level: String,
    /// The level of the reference that differs in upper and lower case, spaces, accents or invisible characters
    /// only.
    pub looks_like: String,
    /// Rows of the current file with the level.
    pub rows: u64,
}

impl Respelled {
    /// Finds the levels of the current file that look like a level of the reference.
    pub(super) fn of(reference: &LevelCounts, current: &LevelCounts) -> Self {
        let unseen = current
            .iter()
            .filter(|(level, _)| !reference.contains_key(*level));
        let mut unseen = unseen.peekable();
        if unseen.peek().is_none() {
            return Self::default();
        }
        let mut known: BTreeMap<String, (&String, u64)> = BTreeMap::new();
        for (level, rows) in reference {
            let place = known.entry(plain(level)).or_insert((level, *rows));
            if *rows > place.1 {
                *place = (level, *rows);
            }
        }
        let mut found: Vec<Respelling> = unseen
            .filter_map(|(level, rows)| {
                let spelling = Some(plain(level)).filter(|it| !it.is_empty())?;
                let (looks_like, _) = known.get(&spelling)?;
                Some(Respelling {
                    level: level.clone(),
                    looks_like: (*looks_like).clone(),
                    rows: *rows,
                })
            })
            .collect();
        found.sort_by_key(|it| Reverse(it.rows));
        let levels = found.len() as u64;
        found.truncate(MAX_NAMED);
        Self {
            levels,
            most_frequent: found,
        }
    }

    /// True if there is no such level.
    pub fn is_empty(&self) -> bool {
        self.levels == 0
    }

    /// The finding with the name of the most frequent level; `None` if there is no such level.
    pub fn in_words(&self) -> Option<String> {
        let Respelling {
            level, looks_like, ..
        } = self.most_frequent.first()?;
        let (shown, known) = (quoted(level), quoted(looks_like));
        let first = match visible(level) == visible(looks_like) {
            true => format!("{shown} looks like {known}, but has other invisible characters"),
            false => format!("{shown} looks like {known} in another spelling"),
        };
        Some(match self.levels {
            ..=1 => first,
            2 => format!("{first}; so does 1 more level"),
            levels => format!("{first}; so do {} more levels", levels - 1),
        })
    }

    /// The finding without the name of a level; `None` if there is no such level.
    pub fn in_words_without_levels(&self) -> Option<String> {
        match self.levels {
            0 => None,
            1 => Some("1 new level looks like a known one in another spelling".into()),
            levels => Some(format!(
                "{levels} new levels look like known ones in another spelling"
            )),
        }
    }
}

/// A text as a reader sees it: without invisible characters, with one kind of space, and none at its ends.
fn visible(text: &str) -> String {
    let seen = text
        .chars()
        .filter(|it| !is_invisible(*it) && !it.is_control());
    let spaced = seen.map(|it| if it.is_whitespace() { ' ' } else { it });
    spaced.collect::<String>().trim().to_owned()
}

/// A text in lower case, without spaces, accents and invisible characters.
fn plain(text: &str) -> String {
    let mut plain = String::with_capacity(text.len());
    let lower = text.chars().flat_map(char::to_lowercase);
    let is_seen = |it: &char| !it.is_whitespace() && !it.is_control() && !is_invisible(*it);
    for letter in lower.filter(is_seen) {
        match without_accent(letter) {
            Some(base) => plain.push_str(base),
            None => plain.push(letter),
        }
    }
    plain
}

/// The base letters of a lower-case letter with an accent; `None` for other letters. A combining
/// accent has no base letters.
fn without_accent(letter: char) -> Option<&'static str> {
    Some(match letter {
        '\u{300}'..='\u{36f}' => "",
        'à'..='å' | 'ā' | 'ă' | 'ą' | 'ǎ' => "a",
        'æ' => "ae",
        'ç' | 'ć' | 'ĉ' | 'ċ' | 'č' => "c",
        'ď' | 'đ' | 'ð' => "d",
        'è'..='ë' | 'ē' | 'ĕ' | 'ė' | 'ę' | 'ě' => "e",
        'ĝ' | 'ğ' | 'ġ' | 'ģ' => "g",
        'ĥ' | 'ħ' => "h",
        'ì'..='ï' | 'ĩ' | 'ī' | 'ĭ' | 'į' | 'ı' => "i",
        'ĵ' => "j",
        'ķ' => "k",
        'ĺ' | 'ļ' | 'ľ' | 'ŀ' | 'ł' => "l",
        'ñ' | 'ń' | 'ņ' | 'ň' => "n",
        'ò'..='ö' | 'ø' | 'ō' | 'ŏ' | 'ő' => "o",
        'œ' => "oe",
        'ŕ' | 'ŗ' | 'ř' => "r",
        'ś' | 'ŝ' | 'ş' | 'š' | 'ș' => "s",
        'ß' => "ss",
        'ţ' | 'ť' | 'ŧ' | 'ț' => "t",
        'ù'..='ü' | 'ũ' | 'ū' | 'ŭ' | 'ů' | 'ű' | 'ų' => "u",
        'ŵ' => "w",
        'ý' | 'ÿ' | 'ŷ' => "y",
        'ź' | 'ż' | 'ž' => "z",
        'ά' => "α",
        'έ' => "ε",
        'ή' => "η",
        'ί' | 'ϊ' | 'ΐ' => "ι",
        'ό' => "ο",
        'ς' => "σ",
        'ύ' | 'ϋ' | 'ΰ' => "υ",
        'ώ' => "ω",
        'ё' => "е",
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn counts(levels: &[(&str, u64)]) -> LevelCounts {
        levels
            .iter()
            .map(|(level, rows)| ((*level).to_owned(), *rows))
            .collect()
    }

    #[test]
    fn case_spaces_and_accents_make_another_spelling() {
        let same = [
            ("Paris", "PARIS"),
            ("New York", "new  york"),
            ("New York", "NewYork"),
            ("Orléans", "orleans"),
            ("Orleans", "Orle\u{301}ans"),
            ("Łódź", "LODZ"),
            ("Gießen", "GIESSEN"),
            ("Aθήνα", "AΘΗΝΑ"),
            ("İzmir", "izmir"),
            ("Paris", "Pa\u{200b}ris"),
            ("Paris", "\u{feff}Paris\u{200d}"),
            ("Paris", "\u{202e}Paris"),
            ("Paris", "Pa\u{ad}ris\u{2060}"),
            ("Paris", "Paris\u{7}"),
            ("Paris", "PA\u{3164}RIS"),
            ("New York", "New\u{a0}York"),
            ("New York", "New\u{2009}York\u{2800}"),
        ];
        for (one, other) in same {
            assert_eq!(plain(one), plain(other));
        }
        for (one, other) in [
            ("Paris", "Pari"),
            ("a-b", "ab"),
            ("Köln", "Kiln"),
            ("1", "2"),
        ] {
            assert_ne!(plain(one), plain(other));
        }
    }

    #[test]
    fn an_invisible_character_is_written_out() {
        let reference = counts(&[("Paris", 50), ("New York", 20)]);
        let says = |level: &str| Respelled::of(&reference, &counts(&[(level, 9)])).in_words();
        let invisible = [
            ("Pa\u{200b}ris", r"Pa\u{200b}ris"),
            ("\u{202e}Paris", r"\u{202e}Paris"),
            ("Paris\u{3164}", r"Paris\u{3164}"),
            ("Paris\u{feff}", r"Paris\u{feff}"),
            ("Paris\u{a0}", r"Paris\u{a0}"),
        ];
        for (level, shown) in invisible {
            let wanted =
                format!("\"{shown}\" looks like \"Paris\", but has other invisible characters");
            assert_eq!(says(level), Some(wanted));
        }
        let space = r#""New\u{a0}York" looks like "New York", but has other invisible characters"#;
        assert_eq!(says("New\u{a0}York").as_deref(), Some(space));
        let both = r#""PARIS\u{200b}" looks like "Paris" in another spelling"#;
        assert_eq!(says("PARIS\u{200b}").as_deref(), Some(both));
    }

    #[test]
    fn unseen_levels_are_found_and_named_by_their_rows() {
        let reference = counts(&[("Paris", 50), ("paris", 2), ("Rome", 9)]);
        let current = counts(&[("PARIS", 3), ("ROME", 7), ("Oslo", 40), ("paris", 5)]);
        let found = Respelled::of(&reference, &current);
        assert_eq!(found.levels, 2);
        let named = found.most_frequent.iter();
        let named: Vec<(&str, &str, u64)> = named
            .map(|it| (it.level.as_str(), it.looks_like.as_str(), it.rows))
            .collect();
        assert_eq!(named, [("ROME", "Rome", 7), ("PARIS", "Paris", 3)]);
        assert_eq!(
            found.in_words().unwrap(),
            "\"ROME\" looks like \"Rome\" in another spelling; so does 1 more level"
        );
        let hidden = found.in_words_without_levels().unwrap();
        assert_eq!(
            hidden,
            "2 new levels look like known ones in another spelling"
        );
        let none = Respelled::of(&reference, &counts(&[("Oslo", 4), ("", 2)]));
        assert!(none.is_empty() && none.in_words().is_none(), "{none:?}");
    }
}
