//! A column that the model reads, and how it is written down.

use serde::{Deserialize, Serialize};

use super::categories::{CategoryRules, ListedLevels, is_missing_marker};
use super::rules::{ListedValues, MissingShare, NumberRules, Presence, ValueRange};

/// A column that the model reads.
///
/// On disk one of numbers without rules is its name alone, as all of them were at first.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(try_from = "Written", into = "Written")]
pub struct Feature {
    /// Name of the column.
    pub name: String,
    /// What its cells are.
    pub kind: Kind,
}

/// What the cells of a column are, and what they must fulfil.
#[derive(Clone, Debug, PartialEq)]
pub enum Kind {
    /// Numbers.
    Number(NumberRules),
    /// Texts, of which a model tells the frequent ones apart.
    Category(CategoryRules),
}

impl Kind {
    /// Whether its cells are texts.
    pub fn is_category(&self) -> bool {
        matches!(self, Self::Category(_))
    }

    /// Whether both are numbers, or both are texts, whatever they must fulfil.
    pub fn is_as(&self, other: &Self) -> bool {
        self.is_category() == other.is_category()
    }

    /// Whether a row must have a value.
    pub fn presence(&self) -> Presence {
        match self {
            Self::Number(rules) => rules.presence,
            Self::Category(rules) => rules.presence,
        }
    }

    /// In how many rows of a file the value may be missing.
    pub fn missing_share(&self) -> MissingShare {
        match self {
            Self::Number(rules) => rules.missing_share,
            Self::Category(rules) => rules.missing_share,
        }
    }

    /// Whether a cell without space around it is missing: in a category only an empty one is.
    pub fn is_missing(&self, trimmed: &[u8]) -> bool {
        match self {
            Self::Number(_) => is_missing_marker(trimmed),
            Self::Category(_) => trimmed.is_empty(),
        }
    }

    /// Whether no value can breach the rules; the share of missing ones is no rule for a value.
    pub fn allows_any_value(&self) -> bool {
        match self {
            Self::Number(rules) => rules.allow_any_value(),
            Self::Category(rules) => rules.allow_any_level(),
        }
    }
}

#[derive(Serialize, Deserialize)]
#[serde(untagged)]
enum Written {
    Name(String),
    Category(WrittenCategory),
    Number(WrittenNumber),
}

/// The bounds stand there in any case, as models on disk have them; younger keys only when they say
/// something.
#[derive(Serialize, Deserialize)]
struct WrittenNumber {
    name: String,
    /// Not written; another kind is no column of numbers.
    #[serde(default, rename = "kind", skip_serializing)]
    _kind: Option<NumberTag>,
    min: Option<f64>,
    max: Option<f64>,
    #[serde(default, skip_serializing_if = "is_false")]
    required: bool,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    allowed: Option<Vec<f64>>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    max_missing_share: Option<f64>,
}

#[derive(Deserialize)]
#[serde(rename_all = "snake_case")]
enum NumberTag {
    Number,
}

/// Told from numbers by its kind, which those do not write.
#[derive(Serialize, Deserialize)]
struct WrittenCategory {
    name: String,
    kind: CategoryTag,
    #[serde(default, skip_serializing_if = "is_false")]
    required: bool,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    allowed: Option<Vec<String>>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    max_missing_share: Option<f64>,
}

#[derive(Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
enum CategoryTag {
    Category,
}

fn is_false(value: &bool) -> bool {
    !value
}

impl From<&str> for Feature {
    /// A column with numbers of any size, missing ones among them.
    fn from(name: &str) -> Self {
        Self {
            name: name.to_owned(),
            kind: Kind::Number(NumberRules::default()),
        }
    }
}

impl TryFrom<Written> for Feature {
    type Error = String;

    fn try_from(written: Written) -> Result<Self, Self::Error> {
        let share = |share: Option<f64>| -> Result<MissingShare, String> {
            Ok(share
                .map(MissingShare::new)
                .transpose()?
                .unwrap_or_default())
        };
        Ok(match written {
            Written::Name(name) => Self::from(name.as_str()),
            Written::Category(written) => Self {
                name: written.name,
                kind: Kind::Category(CategoryRules {
                    listed: written
                        .allowed
                        .map(ListedLevels::new)
                        .transpose()?
                        .unwrap_or_default(),
                    presence: Presence::of_required(written.required),
                    missing_share: share(written.max_missing_share)?,
                }),
            },
            Written::Number(written) => {
                let range = ValueRange::new(written.min, written.max)?;
                let listed = written
                    .allowed
                    .map(|values| ListedValues::new(values, range));
                Self {
                    name: written.name,
                    kind: Kind::Number(NumberRules {
                        range,
                        listed: listed.transpose()?.unwrap_or_default(),
                        presence: Presence::of_required(written.required),
                        missing_share: share(written.max_missing_share)?,
                    }),
                }
            }
        })
    }
}

impl From<Feature> for Written {
    fn from(Feature { name, kind }: Feature) -> Self {
        let required = kind.presence() == Presence::Required;
        let max_missing_share = kind.missing_share().largest();
        match kind {
            Kind::Number(rules) if rules == NumberRules::default() => Self::Name(name),
            Kind::Number(rules) => Self::Number(WrittenNumber {
                name,
                _kind: None,
                min: rules.range.minimum,
                max: rules.range.maximum,
                required,
                allowed: rules.listed.values().map(<[f64]>::to_vec),
                max_missing_share,
            }),
            Kind::Category(rules) => Self::Category(WrittenCategory {
                name,
                kind: CategoryTag::Category,
                required,
                allowed: rules.listed.levels().map(<[String]>::to_vec),
                max_missing_share,
            }),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn written(feature: &Feature) -> String {
        serde_json::to_string(feature).unwrap()
    }

    #[test]
    fn a_feature_is_written_as_its_name_unless_it_has_rules() {
        let mut feature = Feature::from("x");
        assert_eq!(written(&feature), r#""x""#);
        feature.kind = Kind::Number(NumberRules {
            range: ValueRange::new(Some(0.5), None).unwrap(),
            ..NumberRules::default()
        });
        // Models on disk hold it so.
        assert_eq!(written(&feature), r#"{"name":"x","min":0.5,"max":null}"#);
        let crossed = r#"{"name":"x","min":2,"max":1}"#;
        assert!(serde_json::from_str::<Feature>(crossed).is_err());
    }

    #[test]
    fn each_rule_is_read_back_as_it_was_written() {
        let features = [
            r#"{"name":"x","min":1.0,"max":null}"#,
            r#"{"name":"x","min":null,"max":null,"required":true}"#,
            r#"{"name":"x","min":null,"max":null,"allowed":[1.0,2.0]}"#,
            r#"{"name":"x","min":null,"max":null,"max_missing_share":0.25}"#,
            r#"{"name":"x","kind":"category"}"#,
            r#"{"name":"x","kind":"category","required":true,"allowed":["a","b"],"max_missing_share":0.5}"#,
        ];
        for text in features {
            let feature: Feature = serde_json::from_str(text).unwrap();
            assert_eq!(written(&feature), text);
        }
        for broken in [
            r#""allowed":[]"#,
            r#""max_missing_share":2"#,
            r#""kind":"category","allowed":[]"#,
            r#""kind":"category","allowed":[" a"]"#,
            r#""kind":"category","max_missing_share":2"#,
            r#""kind":"category","allowed":[1.0]"#,
        ] {
            let text = format!(r#"{{"name":"x",{broken}}}"#);
            assert!(serde_json::from_str::<Feature>(&text).is_err(), "{text}");
        }
    }
}
