//! A feature, and its serialised form.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::categories::{CategoryRules, ListedLevels};
use super::effect_shape::EffectShape;
use super::missing::MissingWords;
use super::number_format::NumberFormat;
use super::rules::{ListedValues, MissingShare, NumberRules, Presence, ValueRange};

/// A column that the model reads.
///
/// A number without rules is serialised as its name alone, like every feature in older programs.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(try_from = "SerialisedFeature", into = "SerialisedFeature")]
pub struct Feature {
    /// Name of the column.
    pub name: String,
    /// Kind of its cells, with the rules.
    pub kind: Kind,
}

/// Kind of the cells of a column, with their rules.
#[derive(Clone, Debug, PartialEq)]
pub enum Kind {
    /// Numbers.
    Number(NumberRules),
    /// Levels of a category; a model has coefficients for the frequent ones.
    Category(CategoryRules),
}

impl Kind {
    /// True for a category.
    pub fn is_category(&self) -> bool {
        matches!(self, Self::Category(_))
    }

    /// True if both kinds are numbers, or both are categories; the rules may differ.
    pub fn is_same_kind(&self, other: &Self) -> bool {
        self.is_category() == other.is_category()
    }

    /// Whether every row must have a value.
    pub fn presence(&self) -> Presence {
        match self {
            Self::Number(rules) => rules.presence,
            Self::Category(rules) => rules.presence,
        }
    }

    /// Largest share of a file's rows in which the value may be missing.
    pub fn missing_share(&self) -> MissingShare {
        match self {
            Self::Number(rules) => rules.missing_share,
            Self::Category(rules) => rules.missing_share,
        }
    }

    /// The words for a missing value.
    pub fn missing_words(&self) -> &MissingWords {
        match self {
            Self::Number(rules) => &rules.missing,
            Self::Category(rules) => &rules.missing,
        }
    }

    /// True if a trimmed cell is missing.
    pub fn is_missing(&self, trimmed: &[u8]) -> bool {
        match self {
            Self::Number(rules) => rules.missing.mark_number(trimmed),
            Self::Category(rules) => rules.missing.mark_level(trimmed),
        }
    }

    /// How a model's probability may depend on a number; in any way for a category.
    pub fn effect(&self) -> EffectShape {
        match self {
            Self::Number(rules) => rules.effect,
            Self::Category(_) => EffectShape::Any,
        }
    }

    /// True if no value can break the rules. The share of missing values is no rule for a single
    /// value.
    pub fn allows_any_value(&self) -> bool {
        match self {
            Self::Number(rules) => rules.allow_any_value(),
            Self::Category(rules) => rules.allow_any_level(),
        }
    }
}

impl Feature {
    /// The column in finaldata.csv, where numbers are plain and missing values empty.
    pub(super) fn as_written(&self) -> Self {
        let mut feature = self.clone();
        match &mut feature.kind {
            Kind::Number(rules) => {
                rules.format = NumberFormat::default();
                rules.missing = MissingWords::default();
            }
            Kind::Category(rules) => rules.missing = MissingWords::default(),
        }
        feature
    }
}

#[derive(Serialize, Deserialize, JsonSchema)]
#[serde(untagged)]
enum SerialisedFeature {
    Name(String),
    Category(SerialisedCategory),
    Number(SerialisedNumber),
}

/// A column of numbers and the rules for its values.
// Models on disk always hold both bounds; newer keys are written only when they are set.
#[derive(Serialize, Deserialize, JsonSchema)]
#[schemars(rename = "NumberRules")]
struct SerialisedNumber {
    /// Name of the column.
    name: String,
    /// Not written. When read, it rejects every other kind.
    #[serde(default, rename = "kind", skip_serializing)]
    _kind: Option<NumberTag>,
    /// Smallest allowed number; `None` without a limit.
    min: Option<f64>,
    /// Largest allowed number; `None` without a limit.
    max: Option<f64>,
    /// True if no cell may be missing. Absent if cells may be missing.
    #[serde(default, skip_serializing_if = "is_false")]
    required: bool,
    /// The allowed numbers; `None` if all numbers are.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    allowed: Option<Vec<f64>>,
    /// Largest allowed share of missing cells in a file, 0 to 1; `None` without a limit.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    max_missing_share: Option<f64>,
    /// How the numbers are written. Absent for plain decimals.
    #[serde(default, skip_serializing_if = "is_plain")]
    format: NumberFormat,
    /// Texts that mean a missing value; `None` for the usual ones.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    missing: Option<Vec<String>>,
    /// The way that the effect may go. Absent if it may go any way.
    #[serde(default, skip_serializing_if = "EffectShape::is_any")]
    effect: EffectShape,
}

#[derive(Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
enum NumberTag {
    Number,
}

/// A category and the rules for its values.
#[derive(Serialize, Deserialize, JsonSchema)]
#[schemars(rename = "CategoryRules")]
struct SerialisedCategory {
    /// Name of the column.
    name: String,
    /// Kind of the column. Unlike that of a number, it is always written.
    kind: CategoryTag,
    /// True if no cell may be missing. Absent if cells may be missing.
    #[serde(default, skip_serializing_if = "is_false")]
    required: bool,
    /// The allowed levels; `None` if all levels are.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    allowed: Option<Vec<String>>,
    /// Largest allowed share of missing cells in a file, 0 to 1; `None` without a limit.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    max_missing_share: Option<f64>,
    /// Texts that mean a missing value; `None` for the usual ones.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    missing: Option<Vec<String>>,
}

#[derive(Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
#[schemars(rename = "CategoryKind")]
enum CategoryTag {
    Category,
}

fn is_false(value: &bool) -> bool {
    !value
}

fn is_plain(format: &NumberFormat) -> bool {
    *format == NumberFormat::Plain
}

impl From<&str> for Feature {
    /// A number column without rules: any value, also a missing one.
    fn from(name: &str) -> Self {
        Self {
            name: name.to_owned(),
            kind: Kind::Number(NumberRules::default()),
        }
    }
}

impl TryFrom<SerialisedFeature> for Feature {
    type Error = String;

    fn try_from(serialised: SerialisedFeature) -> Result<Self, Self::Error> {
        let share = |share: Option<f64>| -> Result<MissingShare, String> {
            Ok(share
                .map(MissingShare::new)
                .transpose()?
                .unwrap_or_default())
        };
        let missing = |words: Option<Vec<String>>| -> Result<MissingWords, String> {
            Ok(words
                .map(MissingWords::new)
                .transpose()?
                .unwrap_or_default())
        };
        Ok(match serialised {
            SerialisedFeature::Name(name) => Self::from(name.as_str()),
            SerialisedFeature::Category(serialised) => Self {
                name: serialised.name,
                kind: Kind::Category(CategoryRules {
                    listed: serialised
                        .allowed
                        .map(ListedLevels::new)
                        .transpose()?
                        .unwrap_or_default(),
                    presence: Presence::of_required(serialised.required),
                    missing_share: share(serialised.max_missing_share)?,
                    missing: missing(serialised.missing)?,
                }),
            },
            SerialisedFeature::Number(serialised) => {
                let range = ValueRange::new(serialised.min, serialised.max)?;
                let listed = serialised
                    .allowed
                    .map(|values| ListedValues::new(values, range));
                Self {
                    name: serialised.name,
                    kind: Kind::Number(NumberRules {
                        range,
                        listed: listed.transpose()?.unwrap_or_default(),
                        presence: Presence::of_required(serialised.required),
                        missing_share: share(serialised.max_missing_share)?,
                        format: serialised.format,
                        missing: missing(serialised.missing)?,
                        effect: serialised.effect,
                    }),
                }
            }
        })
    }
}

impl From<Feature> for SerialisedFeature {
    fn from(Feature { name, kind }: Feature) -> Self {
        let required = kind.presence() == Presence::Required;
        let max_missing_share = kind.missing_share().largest();
        let missing = kind.missing_words().listed().map(<[String]>::to_vec);
        match kind {
            Kind::Number(rules) if rules == NumberRules::default() => Self::Name(name),
            Kind::Number(rules) => Self::Number(SerialisedNumber {
                name,
                _kind: None,
                min: rules.range.minimum,
                max: rules.range.maximum,
                required,
                allowed: rules.listed.values().map(<[f64]>::to_vec),
                max_missing_share,
                format: rules.format,
                missing,
                effect: rules.effect,
            }),
            Kind::Category(rules) => Self::Category(SerialisedCategory {
                name,
                kind: CategoryTag::Category,
                required,
                allowed: rules.listed.levels().map(<[String]>::to_vec),
                max_missing_share,
                missing,
            }),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn serialised(feature: &Feature) -> String {
        serde_json::to_string(feature).unwrap()
    }

    #[test]
    fn a_feature_is_written_as_its_name_unless_it_has_rules() {
        let mut feature = Feature::from("x");
        assert_eq!(serialised(&feature), r#""x""#);
        feature.kind = Kind::Number(NumberRules {
            range: ValueRange::new(Some(0.5), None).unwrap(),
            ..NumberRules::default()
        });
        // Models on disk have this form.
        assert_eq!(serialised(&feature), r#"{"name":"x","min":0.5,"max":null}"#);
        let crossed = r#"{"name":"x","min":2,"max":1}"#;
        assert!(serde_json::from_str::<Feature>(crossed).is_err());
    }

    #[test]
    fn every_rule_survives_serialisation() {
        let features = [
            r#"{"name":"x","min":1.0,"max":null}"#,
            r#"{"name":"x","min":null,"max":null,"required":true}"#,
            r#"{"name":"x","min":null,"max":null,"allowed":[1.0,2.0]}"#,
            r#"{"name":"x","min":null,"max":null,"max_missing_share":0.25}"#,
            r#"{"name":"x","min":null,"max":null,"format":"percent"}"#,
            r#"{"name":"x","min":null,"max":null,"missing":["-999","NA"]}"#,
            r#"{"name":"x","min":null,"max":null,"effect":"increasing"}"#,
            r#"{"name":"x","kind":"category"}"#,
            r#"{"name":"x","kind":"category","missing":["NA"]}"#,
            r#"{"name":"x","kind":"category","required":true,"allowed":["a","b"],"max_missing_share":0.5}"#,
        ];
        for text in features {
            let feature: Feature = serde_json::from_str(text).unwrap();
            assert_eq!(serialised(&feature), text);
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
