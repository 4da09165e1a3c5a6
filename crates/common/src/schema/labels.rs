//! The texts of the two labels in the target column.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// The texts that stand for the labels in input, test data and requests. Without texts a label is 0
/// or 1, or true or false.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Labels(Option<LabelTexts>);

/// The texts of both labels, at least one of each.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
struct LabelTexts {
    /// Texts of label 1.
    positive: Vec<String>,
    /// Texts of label 0.
    negative: Vec<String>,
}

impl Labels {
    /// Labels with these texts; an error says why they are not usable.
    pub fn new(positive: Vec<String>, negative: Vec<String>) -> Result<Self, String> {
        for (texts, which) in [(&positive, "positive"), (&negative, "negative")] {
            if texts.is_empty() {
                return Err(format!("has no {which} text"));
            }
            if let Some(text) = texts.iter().find(|text| text.is_empty()) {
                return Err(format!(
                    "has the {which} text {text:?}: an empty cell is an unknown label"
                ));
            }
            if let Some(text) = texts.iter().find(|text| text.trim_ascii() != **text) {
                return Err(format!(
                    "has the {which} text {text:?} with space around it"
                ));
            }
        }
        if let Some(text) = positive.iter().find(|text| negative.contains(text)) {
            return Err(format!("has the text {text:?} for both labels"));
        }
        Ok(Self(Some(LabelTexts { positive, negative })))
    }

    /// True if no text is configured: labels are 0 or 1.
    pub fn are_numbers(&self) -> bool {
        self.0.is_none()
    }

    /// The texts of the positive and of the negative label; `None` if labels are numbers.
    pub fn texts(&self) -> Option<[&[String]; 2]> {
        let LabelTexts { positive, negative } = self.0.as_ref()?;
        Some([positive, negative])
    }

    /// The label with this text; `None` for any other text, and where labels are numbers.
    pub fn label_of(&self, text: &[u8]) -> Option<bool> {
        let LabelTexts { positive, negative } = self.0.as_ref()?;
        let has = |texts: &[String]| texts.iter().any(|known| known.as_bytes() == text);
        match (has(positive), has(negative)) {
            (true, _) => Some(true),
            (_, true) => Some(false),
            _ => None,
        }
    }

    /// True if a text stands for one label in `self` and for the other label in `other`.
    pub fn contradict(&self, other: &Self) -> bool {
        let Some(LabelTexts { positive, negative }) = &self.0 else {
            return false;
        };
        let is = |texts: &[String], label| {
            let labels = texts.iter().map(|text| other.label_of(text.as_bytes()));
            labels.flatten().any(|found| found == label)
        };
        is(positive, false) || is(negative, true)
    }

    /// The first text of a label, or its number.
    pub fn name(&self, label: bool) -> &str {
        match (&self.0, label) {
            (Some(texts), true) => &texts.positive[0],
            (Some(texts), false) => &texts.negative[0],
            (None, true) => "1",
            (None, false) => "0",
        }
    }

    /// All texts for a person: `positive: "Yes", negative: "No"`.
    pub fn in_words(&self) -> String {
        match &self.0 {
            None => "it is 0 or 1".into(),
            Some(LabelTexts { positive, negative }) => {
                let quoted = |texts: &[String]| {
                    let quoted: Vec<String> =
                        texts.iter().map(|text| format!("{text:?}")).collect();
                    quoted.join(", ")
                };
                format!(
                    "positive: {}; negative: {}",
                    quoted(positive),
                    quoted(negative)
                )
            }
        }
    }

    /// The texts as a part of the schema's digest; nothing where labels are numbers.
    pub(super) fn digest_text(&self) -> String {
        match &self.0 {
            None => String::new(),
            Some(LabelTexts { positive, negative }) => {
                format!("\0labels\0{positive:?}\0{negative:?}")
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn labels(positive: &[&str], negative: &[&str]) -> Result<Labels, String> {
        let owned = |texts: &[&str]| texts.iter().map(|text| (*text).into()).collect();
        Labels::new(owned(positive), owned(negative))
    }

    #[test]
    fn each_text_has_its_label() {
        let found = labels(&["Yes", "Y"], &["No"]).unwrap();
        let texts: [&[u8]; 5] = [b"Yes", b"Y", b"No", b"yes", b"1"];
        let of_texts = texts.map(|text| found.label_of(text));
        assert_eq!(of_texts, [Some(true), Some(true), Some(false), None, None]);
        assert_eq!([found.name(true), found.name(false)], ["Yes", "No"]);
        assert!(found.contradict(&labels(&["No"], &["Stayed"]).unwrap()));
        assert!(!found.contradict(&labels(&["Y", "Gone"], &["No"]).unwrap()));
        assert!(!found.contradict(&Labels::default()));
        assert_eq!(
            found.in_words(),
            "positive: \"Yes\", \"Y\"; negative: \"No\""
        );
    }

    #[test]
    fn texts_that_are_not_usable_are_reported() {
        for (positive, negative, why) in [
            (&[][..], &["No"][..], "has no positive text"),
            (&["Yes"], &[""], "an empty cell is an unknown label"),
            (&["Yes "], &["No"], "\"Yes \" with space around it"),
            (&["x", "y"], &["y"], "\"y\" for both labels"),
        ] {
            let flaw = labels(positive, negative).unwrap_err();
            assert!(flaw.contains(why), "{flaw}");
        }
    }
}
