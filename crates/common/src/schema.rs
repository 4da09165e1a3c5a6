//! The columns of a client table: the client's id, the features with their rules, and the target.

mod categories;
mod effect_shape;
mod feature;
mod labels;
mod missing;
mod number_format;
mod rules;

use serde::{Deserialize, Serialize};

pub use self::categories::{CategoryRules, ListedLevels, MAX_LEVEL_BYTES, flaw_of_level};
pub use self::effect_shape::EffectShape;
pub use self::feature::{Feature, Kind};
pub use self::labels::Labels;
pub use self::missing::{MissingWords, is_missing_marker};
pub use self::number_format::NumberFormat;
pub use self::rules::{Breach, ListedValues, MissingShare, NumberRules, Presence, ValueRange};
use crate::digest;

/// Column of finaldata.csv that names a row where the schema has no id.
pub const ROW_ID_COLUMN: &str = "row_id";

/// The column roles; the default is that of the sample data.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Schema {
    /// Column that names the client. Without it, a row is identified by its values.
    pub id: Option<String>,
    /// Columns that the model reads, in model order.
    pub features: Vec<Feature>,
    /// Column with the label: whether the client left.
    pub target: String,
    /// The texts of the labels.
    #[serde(default, skip_serializing_if = "Labels::are_numbers")]
    pub labels: Labels,
}

impl Default for Schema {
    fn default() -> Self {
        Self {
            id: Some("corporation".into()),
            features: [
                "lastmonth_activity",
                "lastyear_activity",
                "number_of_employees",
            ]
            .map(Feature::from)
            .to_vec(),
            target: "exited".into(),
            labels: Labels::default(),
        }
    }
}

impl Schema {
    /// All columns: id, features, target.
    pub fn columns(&self) -> impl Iterator<Item = &str> {
        self.id
            .as_deref()
            .into_iter()
            .chain(self.feature_names())
            .chain(std::iter::once(self.target.as_str()))
    }

    /// All columns of finaldata.csv, in its order. Rows without an id have [`ROW_ID_COLUMN`] there.
    pub fn written_columns(&self) -> impl Iterator<Item = &str> {
        let row_id = self.id.is_none().then_some(ROW_ID_COLUMN);
        row_id.into_iter().chain(self.columns())
    }

    /// The schema of finaldata.csv: its labels are 0 and 1, its numbers plain, and missing values
    /// are empty or one of the default words.
    pub fn as_written(&self) -> Self {
        Self {
            labels: Labels::default(),
            features: self.features.iter().map(Feature::as_written).collect(),
            ..self.clone()
        }
    }

    /// The names of the features, in model order.
    pub fn feature_names(&self) -> impl Iterator<Item = &str> {
        self.features.iter().map(|feature| feature.name.as_str())
    }

    /// The features as text for a person; categories are marked.
    pub fn features_as_text(&self) -> String {
        let in_words = |feature: &Feature| match feature.kind {
            Kind::Number(_) => feature.name.clone(),
            Kind::Category(_) => format!("{} (category)", feature.name),
        };
        let features: Vec<String> = self.features.iter().map(in_words).collect();
        features.join(", ")
    }

    /// True if a file can be rejected for its share of missing values, which is known only after
    /// its last row.
    pub fn limits_missing_shares(&self) -> bool {
        let is_limited = |feature: &Feature| feature.kind.missing_share().largest().is_some();
        self.features.iter().any(is_limited)
    }

    /// True if a feature is a category.
    pub fn has_categories(&self) -> bool {
        self.features
            .iter()
            .any(|feature| feature.kind.is_category())
    }

    /// Digest of the column roles and rules; data with another digest must be rebuilt.
    ///
    /// Older pipelines keep their digests. Without rules the digest covers only the names, and with
    /// ranges the names and ranges. For a category, it includes the mark of an empty cell: older
    /// programs also took words like `none` as missing.
    pub fn digest(&self) -> String {
        let mut text = self.written_columns().collect::<Vec<_>>().join("\n");
        if self.id.is_none() {
            text.push_str("\0no id");
        }
        for Feature { name, kind } in &self.features {
            match kind {
                Kind::Number(rules) => {
                    let ValueRange { minimum, maximum } = rules.range;
                    if rules.range != ValueRange::default() {
                        text.push_str(&format!("\0{name}\0{minimum:?}\0{maximum:?}"));
                    }
                    if let Some(values) = rules.listed.values() {
                        text.push_str(&format!("\0{name}\0allowed\0{values:?}"));
                    }
                    if rules.format != NumberFormat::Plain {
                        text.push_str(&format!("\0{name}\0format\0{}", rules.format.name()));
                    }
                    if let Some(words) = rules.missing.listed() {
                        text.push_str(&format!("\0{name}\0missing\0{words:?}"));
                    }
                }
                Kind::Category(rules) => {
                    text.push_str(&format!("\0{name}\0category\0missing\0[\"\"]"));
                    if let Some(words) = rules.missing.listed() {
                        text.push_str(&format!("\0words\0{words:?}"));
                    }
                    if let Some(levels) = rules.listed.levels() {
                        text.push_str(&format!("\0{name}\0allowed\0{levels:?}"));
                    }
                }
            }
            if kind.presence() == Presence::Required {
                text.push_str(&format!("\0{name}\0required"));
            }
            if let Some(share) = kind.missing_share().largest() {
                text.push_str(&format!("\0{name}\0max_missing_share\0{share:?}"));
            }
        }
        text.push_str(&self.labels.digest_text());
        digest::of_bytes(text.as_bytes())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn digest_with(rules: NumberRules) -> String {
        let mut schema = Schema::default();
        schema.features[2].kind = Kind::Number(rules);
        schema.digest()
    }

    fn within(min: Option<f64>, max: Option<f64>) -> NumberRules {
        NumberRules {
            range: ValueRange::new(min, max).unwrap(),
            ..NumberRules::default()
        }
    }

    fn listed(values: &[f64]) -> NumberRules {
        let listed = ListedValues::new(values.to_vec(), ValueRange::default()).unwrap();
        NumberRules {
            listed,
            ..NumberRules::default()
        }
    }

    fn missing_at_most(share: f64) -> NumberRules {
        NumberRules {
            missing_share: MissingShare::new(share).unwrap(),
            ..NumberRules::default()
        }
    }

    const NAMES: &str =
        "corporation\nlastmonth_activity\nlastyear_activity\nnumber_of_employees\nexited";

    /// Pipelines on disk hold these digests. A change would force all of them to rebuild.
    #[test]
    fn the_digests_without_rules_and_with_ranges_are_frozen() {
        assert_eq!(
            Schema::default().digest(),
            digest::of_bytes(NAMES.as_bytes())
        );
        let ranged = format!("{NAMES}\0number_of_employees\0Some(0.0)\0None");
        assert_eq!(
            digest_with(within(Some(0.0), None)),
            digest::of_bytes(ranged.as_bytes())
        );
    }

    #[test]
    fn each_rule_has_a_digest_of_its_own() {
        let required = NumberRules {
            presence: Presence::Required,
            ..NumberRules::default()
        };
        let digests = [
            NumberRules::default(),
            within(Some(0.0), None),
            within(None, Some(0.0)),
            within(Some(0.0), Some(0.5)),
            required,
            listed(&[0.0]),
            listed(&[0.0, 0.5]),
            missing_at_most(0.0),
            missing_at_most(0.5),
            NumberRules {
                format: NumberFormat::Percent,
                ..NumberRules::default()
            },
            NumberRules {
                format: NumberFormat::Money,
                ..NumberRules::default()
            },
            NumberRules {
                missing: MissingWords::new(Vec::new()).unwrap(),
                ..NumberRules::default()
            },
            NumberRules {
                missing: MissingWords::new(vec!["-999".into()]).unwrap(),
                ..NumberRules::default()
            },
        ]
        .map(digest_with);
        for (position, digest) in digests.iter().enumerate() {
            assert!(!digests[..position].contains(digest), "{position}");
        }
        assert_eq!(
            digest_with(listed(&[0.5, 0.0])),
            digest_with(listed(&[0.0, 0.5])),
            "the order says nothing"
        );
        let category = |rules: CategoryRules| {
            let mut schema = Schema::default();
            schema.features[2].kind = Kind::Category(rules);
            schema.digest()
        };
        let listed = ListedLevels::new(vec!["0".into()]).unwrap();
        let of_categories = [
            category(CategoryRules::default()),
            category(CategoryRules {
                listed,
                ..CategoryRules::default()
            }),
            category(CategoryRules {
                presence: Presence::Required,
                ..CategoryRules::default()
            }),
            category(CategoryRules {
                missing: MissingWords::new(vec!["NA".into()]).unwrap(),
                ..CategoryRules::default()
            }),
        ];
        for (position, digest) in of_categories.iter().enumerate() {
            assert!(!digests.contains(digest), "{position}");
            assert!(!of_categories[..position].contains(digest), "{position}");
        }
    }

    #[test]
    fn no_id_is_not_an_id_of_the_same_name() {
        let [none, named] = [None, Some(ROW_ID_COLUMN.to_owned())].map(|id| Schema {
            id,
            ..Schema::default()
        });
        assert_ne!(none.digest(), named.digest());
    }

    #[test]
    fn only_a_limit_of_missing_shares_needs_the_whole_file() {
        let mut schema = Schema::default();
        schema.features[0].kind = Kind::Number(NumberRules {
            presence: Presence::Required,
            ..NumberRules::default()
        });
        assert!(!schema.limits_missing_shares());
        for kind in [
            Kind::Number(missing_at_most(1.0)),
            Kind::Category(CategoryRules {
                missing_share: MissingShare::new(1.0).unwrap(),
                ..CategoryRules::default()
            }),
        ] {
            schema.features[1].kind = kind;
            assert!(schema.limits_missing_shares());
        }
    }
}
