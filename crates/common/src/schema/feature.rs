//! A column that the model reads, and how it is written down.

use serde::{Deserialize, Serialize};

use super::rules::{ListedValues, MissingShare, NumberRules, Presence, ValueRange};

/// A numeric column that the model reads.
///
/// On disk one without rules is its name alone, as all of them were at first.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(try_from = "WrittenFeature", into = "WrittenFeature")]
pub struct Feature {
    /// Name of the column.
    pub name: String,
    /// What its cells must fulfil.
    pub rules: NumberRules,
}

#[derive(Serialize, Deserialize)]
#[serde(untagged)]
enum WrittenFeature {
    Name(String),
    Ruled(WrittenRules),
}

/// The bounds stand there in any case, as models on disk have them; younger keys only when they say
/// something.
#[derive(Serialize, Deserialize)]
struct WrittenRules {
    name: String,
    min: Option<f64>,
    max: Option<f64>,
    #[serde(default, skip_serializing_if = "is_false")]
    required: bool,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    allowed: Option<Vec<f64>>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    max_missing_share: Option<f64>,
}

fn is_false(value: &bool) -> bool {
    !value
}

impl From<&str> for Feature {
    /// A column with values of any size, missing ones among them.
    fn from(name: &str) -> Self {
        Self {
            name: name.to_owned(),
            rules: NumberRules::default(),
        }
    }
}

impl TryFrom<WrittenFeature> for Feature {
    type Error = String;

    fn try_from(written: WrittenFeature) -> Result<Self, Self::Error> {
        let written = match written {
            WrittenFeature::Name(name) => return Ok(Self::from(name.as_str())),
            WrittenFeature::Ruled(written) => written,
        };
        let range = ValueRange::new(written.min, written.max)?;
        let listed = written
            .allowed
            .map(|values| ListedValues::new(values, range));
        let missing_share = written.max_missing_share.map(MissingShare::new);
        Ok(Self {
            name: written.name,
            rules: NumberRules {
                range,
                listed: listed.transpose()?.unwrap_or_default(),
                presence: Presence::of_required(written.required),
                missing_share: missing_share.transpose()?.unwrap_or_default(),
            },
        })
    }
}

impl From<Feature> for WrittenFeature {
    fn from(Feature { name, rules }: Feature) -> Self {
        if rules == NumberRules::default() {
            return Self::Name(name);
        }
        Self::Ruled(WrittenRules {
            name,
            min: rules.range.minimum,
            max: rules.range.maximum,
            required: rules.presence == Presence::Required,
            allowed: rules.listed.values().map(<[f64]>::to_vec),
            max_missing_share: rules.missing_share.largest(),
        })
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
        feature.rules.range = ValueRange::new(Some(0.5), None).unwrap();
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
        ];
        for text in features {
            let feature: Feature = serde_json::from_str(text).unwrap();
            assert_eq!(written(&feature), text);
        }
        for broken in [r#""allowed":[]"#, r#""max_missing_share":2"#] {
            let text = format!(r#"{{"name":"x",{broken}}}"#);
            assert!(serde_json::from_str::<Feature>(&text).is_err(), "{text}");
        }
    }
}
