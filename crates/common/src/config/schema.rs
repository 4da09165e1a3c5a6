//! Section `schema`: the column roles, and the rules of each column.

use std::collections::BTreeSet;

use serde::Deserialize;
use serde_json::Value;

use super::section::Section;
use crate::Schema;
use crate::schema::ROW_ID_COLUMN;
use crate::schema::{
    CategoryRules, EffectShape, Feature, Kind, Labels, ListedLevels, ListedValues, MissingShare,
    MissingWords, NumberFormat, NumberRules, Presence, ValueRange,
};

/// Declared kind of a column.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
enum NamedKind {
    Number,
    Category,
}

/// Reads the section. `missing` applies to number columns that list no words for missing values.
pub(super) fn read_schema(mut section: Section<'_>, missing: &MissingWords) -> Schema {
    let default = Schema::default();
    let (target, labels) = read_target(&mut section, default.target.clone());
    let schema = Schema {
        features: read_features(&mut section, &default, missing),
        id: section.value("id", default.id),
        target,
        labels,
    };
    let mut seen = BTreeSet::new();
    for column in schema.written_columns() {
        if column.trim().is_empty() {
            section.problem("features", "has a column without a name");
        } else if !seen.insert(column.trim().to_lowercase()) {
            let advice = match &schema.id {
                None if column.trim().eq_ignore_ascii_case(ROW_ID_COLUMN) => {
                    ": without an id, finaldata.csv has the names of its rows in this column; name it as the id, or rename the column"
                }
                _ => "",
            };
            let text = format!("names the column {column:?} twice{advice}");
            section.problem("features", &text);
        }
    }
    section.finish();
    schema
}

/// Reads the target: a name, or an object with its name and the texts of its labels.
fn read_target(section: &mut Section<'_>, default: String) -> (String, Labels) {
    let mut object = match section.value("target", Value::from(default.as_str())) {
        Value::String(name) => return (name, Labels::default()),
        Value::Object(values) => section.object("target", values),
        _ => {
            section.problem(
                "target",
                "must be a column, or an object with its name and the texts of its labels",
            );
            return (default, Labels::default());
        }
    };
    let name = object.required("name").unwrap_or(default);
    let positive = object.required("positive").map(OneOrMore::texts);
    let negative = object.required("negative").map(OneOrMore::texts);
    object.finish();
    let texts = positive.zip(negative);
    let labels = texts.map(|(positive, negative)| {
        Labels::new(positive, negative).unwrap_or_else(|flaw| {
            section.problem("target", &flaw);
            Labels::default()
        })
    });
    (name, labels.unwrap_or_default())
}

/// A text or a list of texts.
#[derive(Deserialize)]
#[serde(untagged, expecting = "invalid, expected a text or a list of texts")]
enum OneOrMore {
    One(String),
    More(Vec<String>),
}

impl OneOrMore {
    fn texts(self) -> Vec<String> {
        match self {
            Self::One(text) => vec![text],
            Self::More(texts) => texts,
        }
    }
}

/// Reads the features. Each entry is a name, or an object with a name and rules.
fn read_features(
    section: &mut Section<'_>,
    default: &Schema,
    missing: &MissingWords,
) -> Vec<Feature> {
    let default: Vec<Value> = default.feature_names().map(Value::from).collect();
    let entries = section.value("features", default);
    if entries.is_empty() {
        section.problem("features", "names no column");
    }
    let read = |(position, entry)| match entry {
        Value::String(name) => Some(Feature::from(name.as_str())),
        Value::Object(values) => {
            read_feature(section.object(&format!("features[{position}]"), values))
        }
        _ => {
            let key = format!("features[{position}]");
            section.problem(
                &key,
                "must be a column, or an object with its name and its rules",
            );
            None
        }
    };
    let mut features: Vec<Feature> = entries.into_iter().enumerate().filter_map(read).collect();
    for feature in &mut features {
        if let Kind::Number(rules) = &mut feature.kind
            && rules.missing == MissingWords::default()
        {
            rules.missing = missing.clone();
        }
    }
    features
}

fn read_feature(mut section: Section<'_>) -> Option<Feature> {
    let name: Option<String> = section.required("name");
    let kind = match section.value("kind", NamedKind::Number) {
        NamedKind::Number => Kind::Number(read_number_rules(&mut section)),
        NamedKind::Category => Kind::Category(read_category_rules(&mut section)),
    };
    section.finish();
    Some(Feature { name: name?, kind })
}

fn read_number_rules(section: &mut Section<'_>) -> NumberRules {
    let (minimum, maximum) = (section.value("min", None), section.value("max", None));
    let range = ValueRange::new(minimum, maximum).unwrap_or_else(|flaw| {
        section.problem("min", flaw);
        ValueRange::default()
    });
    let allowed: Option<Vec<f64>> = section.value("allowed", None);
    let listed = allowed.map(|values| {
        ListedValues::new(values, range).unwrap_or_else(|flaw| {
            section.problem("allowed", &flaw);
            ListedValues::default()
        })
    });
    NumberRules {
        range,
        listed: listed.unwrap_or_default(),
        presence: read_presence(section),
        missing_share: read_missing_share(section),
        format: section.value("format", NumberFormat::Plain),
        missing: read_missing_words(section),
        effect: section.value("effect", EffectShape::Any),
    }
}

fn read_category_rules(section: &mut Section<'_>) -> CategoryRules {
    for (key, advice) in [
        (
            "min",
            "a category has no order, list its levels with allowed",
        ),
        (
            "max",
            "a category has no order, list its levels with allowed",
        ),
        ("format", "a category is read as text"),
        ("effect", "a category has no order"),
    ] {
        if section.value::<Option<Value>>(key, None).is_some() {
            section.problem(key, &format!("is for columns of numbers: {advice}"));
        }
    }
    let allowed: Option<Vec<String>> = section.value("allowed", None);
    let listed = allowed.map(|levels| {
        ListedLevels::new(levels).unwrap_or_else(|flaw| {
            section.problem("allowed", &flaw);
            ListedLevels::default()
        })
    });
    CategoryRules {
        listed: listed.unwrap_or_default(),
        presence: read_presence(section),
        missing_share: read_missing_share(section),
        missing: read_missing_words(section),
    }
}

/// Reads the words for missing values; the default words if none are listed.
pub(super) fn read_missing_words(section: &mut Section<'_>) -> MissingWords {
    let words: Option<Vec<String>> = section.value("missing", None);
    let words = words.map(|words| {
        MissingWords::new(words).unwrap_or_else(|flaw| {
            section.problem("missing", &flaw);
            MissingWords::default()
        })
    });
    words.unwrap_or_default()
}

fn read_presence(section: &mut Section<'_>) -> Presence {
    Presence::of_required(section.value("required", false))
}

fn read_missing_share(section: &mut Section<'_>) -> MissingShare {
    let largest: Option<f64> = section.value("max_missing_share", None);
    let missing_share = largest.map(|share| {
        MissingShare::new(share).unwrap_or_else(|flaw| {
            section.problem("max_missing_share", flaw);
            MissingShare::default()
        })
    });
    missing_share.unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::*;
    use crate::Config;
    use crate::schema::Breach;

    fn parse(features: &str) -> anyhow::Result<Schema> {
        let text = format!(
            r#"{{"input_folder_path":"in","output_folder_path":"out","test_data_path":"test",
                "output_model_path":"models","prod_deployment_path":"prod",
                "schema":{{"features":{features}}}}}"#
        );
        let config = Config::parse(Path::new("/nowhere/config.json"), &text)?;
        Ok(config.schema)
    }

    fn numbers(feature: &Feature) -> &NumberRules {
        match &feature.kind {
            Kind::Number(rules) => rules,
            Kind::Category(_) => panic!("{} is of categories", feature.name),
        }
    }

    fn has_all(text: &str, lines: &[&str]) {
        for line in lines {
            assert!(text.contains(line), "{line} is missing in:\n{text}");
        }
    }

    #[test]
    fn a_feature_is_a_name_or_an_object_with_its_range() {
        let schema =
            parse(r#"["x",{"name":"y","min":0,"max":1.5},{"name":"z","max":-2}]"#).unwrap();
        let names: Vec<&str> = schema.feature_names().collect();
        assert_eq!(names, ["x", "y", "z"]);
        let breaches = |value: f64| {
            let features = schema.features.iter();
            features
                .map(|feature| numbers(feature).breach(value).is_some())
                .collect::<Vec<_>>()
        };
        assert_eq!(breaches(-3.0), [false, true, false]);
        assert_eq!(breaches(1.5), [false, false, true]);
    }

    #[test]
    fn a_feature_has_the_rules_of_its_keys() {
        let schema = parse(
            r#"[{"name":"x","kind":"number","required":true,"allowed":[1,2]},
                {"name":"y","max_missing_share":0.25,"required":false,"allowed":null}]"#,
        )
        .unwrap();
        let [x, y] = &schema.features[..] else {
            panic!("two features");
        };
        assert_eq!(numbers(x).breach(f64::NAN), Some(Breach::Missing));
        assert_eq!(numbers(x).breach(3.0), Some(Breach::NotListed));
        assert!(numbers(y).allow_any_value());
        assert_eq!(y.kind.missing_share().largest(), Some(0.25));
    }

    #[test]
    fn a_category_has_levels() {
        let schema = parse(
            r#"["x",{"name":"plan","kind":"category","required":true,"allowed":["gold","basic"],
                "max_missing_share":0.5}]"#,
        )
        .unwrap();
        assert!(schema.has_categories());
        let Kind::Category(rules) = &schema.features[1].kind else {
            panic!("a category");
        };
        assert_eq!(rules.breach(None), Some(Breach::Missing));
        assert_eq!(rules.breach(Some("Gold")), Some(Breach::NotListed));
        assert_eq!(rules.breach(Some("gold")), None);
        assert_eq!(rules.missing_share.largest(), Some(0.5));
        let text = parse(
            r#"[{"name":"a","kind":"category","min":0,"max":1},
                {"name":"b","kind":"category","allowed":[1]},
                {"name":"c","kind":"category","allowed":["x ","y"]},
                {"name":"d","kind":"category","allowed":[],"max_missing_share":2}]"#,
        )
        .expect_err("problems")
        .to_string();
        has_all(
            &text,
            &[
                "schema.features[0].min: is for columns of numbers",
                "schema.features[0].max: is for columns of numbers",
                "schema.features[1].allowed: expected",
                "schema.features[2].allowed: \"x \" has space around it",
                "schema.features[3].allowed: is empty",
                "schema.features[3].max_missing_share: must be a share",
            ],
        );
    }

    #[test]
    fn a_target_is_a_name_or_an_object_with_the_texts_of_its_labels() {
        let parse = |target: &str| {
            let text = format!(
                r#"{{"input_folder_path":"in","output_folder_path":"out","test_data_path":"test",
                    "output_model_path":"models","prod_deployment_path":"prod",
                    "schema":{{"target":{target}}}}}"#
            );
            let config = Config::parse(Path::new("/nowhere/config.json"), &text)?;
            anyhow::Ok(config.schema)
        };
        let named = parse(r#""left""#).unwrap();
        assert_eq!(named.target, "left");
        assert!(named.labels.are_numbers());
        let worded = parse(r#"{"name":"left","positive":["Yes","Y"],"negative":"No"}"#).unwrap();
        assert_eq!(worded.target, "left");
        assert_eq!(worded.labels.label_of(b"Y"), Some(true));
        assert_eq!(worded.labels.label_of(b"No"), Some(false));
        assert_ne!(named.digest(), worded.digest());
        for (target, problem) in [
            ("7", "schema.target: must be a column, or an object"),
            (
                r#"{"name":"x","positive":"Yes"}"#,
                "schema.target.negative: is missing",
            ),
            (
                r#"{"name":"x","positive":"Yes","negative":["No","Yes"]}"#,
                "schema.target: has the text \"Yes\" for both labels",
            ),
            (
                r#"{"name":"x","positive":"Yes","negative":0}"#,
                "schema.target.negative: expected a text or a list of texts, found 0",
            ),
            (
                r#"{"name":"x","positiv":"Yes","positive":"Yes","negative":"No"}"#,
                "schema.target.positiv: unknown key, did you mean schema.target.positive?",
            ),
        ] {
            let text = parse(target).expect_err("problems").to_string();
            has_all(&text, &[problem]);
        }
    }

    #[test]
    fn all_problems_of_features_are_reported_with_their_keys() {
        let text = parse(
            r#"[{"name":"a","min":2,"max":1},{"min":"low"},{"name":"b","maximum":3},7,
                {"name":"c","max":null},"A",
                {"name":"d","min":0,"allowed":[1,-1]},{"name":"e","allowed":[]},
                {"name":"f","max_missing_share":5},{"name":"g","kind":"category","mix":1},
                {"name":"h","kind":"text"},{"name":"i","require":true},
                {"name":"j","effect":"up"},{"name":"k","kind":"category","effect":"linear"},
                {"name":"l","effect":null}]"#,
        )
        .expect_err("problems")
        .to_string();
        has_all(
            &text,
            &[
                "schema.features[0].min: min is above max",
                "schema.features[1].name: is missing",
                "schema.features[1].min: expected a number, found a text",
                "schema.features[2].maximum: unknown key, did you mean schema.features[2].max?",
                "schema.features[3]: must be a column, or an object with its name and its rules",
                "schema.features: names the column \"A\" twice",
                "schema.features[6].allowed: -1 is below 0, the smallest value the schema allows",
                "schema.features[7].allowed: is empty",
                "schema.features[8].max_missing_share: must be a share from 0 to 1",
                "schema.features[9].mix: unknown key",
                "schema.features[10].kind: expected `number` or `category`, found a text",
                "schema.features[11].require: unknown key, did you mean schema.features[11].required?",
                "schema.features[12].effect: expected one of `any`, `increasing`, `decreasing`, `linear`",
                "schema.features[13].effect: is for columns of numbers: a category has no order",
                "schema.features[14].effect: expected one of `any`, `increasing`, `decreasing`, `linear`, found null",
            ],
        );
        assert!(!text.contains("features[4]"), "{text}");
    }
}
