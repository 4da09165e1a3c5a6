//! The columns of a client table: which one names the client, which ones the model reads and what
//! values they may have, and which one it learns.

use std::fmt;

use serde::{Deserialize, Serialize};

use crate::digest;

/// The column roles; the default is that of the sample data.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Schema {
    /// Column that names the client.
    pub id: String,
    /// Numeric columns that the model reads, in model order.
    pub features: Vec<Feature>,
    /// Column with the class, 0 (stayed) or 1 (left).
    pub target: String,
}

/// A numeric column that the model reads.
///
/// On disk one without a range is its name alone, as all of them were at first.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(try_from = "WrittenFeature", into = "WrittenFeature")]
pub struct Feature {
    /// Name of the column.
    pub name: String,
    /// The values that it may have.
    pub range: ValueRange,
}

/// The values that a column may have, its bounds included; the default has none.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct ValueRange {
    minimum: Option<f64>,
    maximum: Option<f64>,
}

/// The bound that a value is beyond.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Breach {
    /// It is below the smallest value allowed.
    Below(f64),
    /// It is above the largest value allowed.
    Above(f64),
}

#[derive(Serialize, Deserialize)]
#[serde(untagged)]
enum WrittenFeature {
    Name(String),
    Limited {
        name: String,
        min: Option<f64>,
        max: Option<f64>,
    },
}

impl Default for Schema {
    fn default() -> Self {
        Self {
            id: "corporation".into(),
            features: [
                "lastmonth_activity",
                "lastyear_activity",
                "number_of_employees",
            ]
            .map(Feature::from)
            .to_vec(),
            target: "exited".into(),
        }
    }
}

impl Schema {
    /// All columns in the order of finaldata.csv: id, features, target.
    pub fn columns(&self) -> impl Iterator<Item = &str> {
        std::iter::once(self.id.as_str())
            .chain(self.feature_names())
            .chain(std::iter::once(self.target.as_str()))
    }

    /// The names of the columns that the model reads, in model order.
    pub fn feature_names(&self) -> impl Iterator<Item = &str> {
        self.features.iter().map(|feature| feature.name.as_str())
    }

    /// Digest of the column roles and ranges; data written under another one must be made anew.
    ///
    /// Without ranges it is that of the names alone, as it was before there were any.
    pub fn digest(&self) -> String {
        let mut text = self.columns().collect::<Vec<_>>().join("\n");
        for Feature { name, range } in &self.features {
            if *range != ValueRange::default() {
                let ValueRange { minimum, maximum } = range;
                text.push_str(&format!("\0{name}\0{minimum:?}\0{maximum:?}"));
            }
        }
        digest::of_bytes(text.as_bytes())
    }
}

impl From<&str> for Feature {
    /// A column with values of any size.
    fn from(name: &str) -> Self {
        Self {
            name: name.to_owned(),
            range: ValueRange::default(),
        }
    }
}

impl ValueRange {
    /// The values between two bounds; the error says why they are none.
    pub fn new(minimum: Option<f64>, maximum: Option<f64>) -> Result<Self, &'static str> {
        let is_finite = |bound: Option<f64>| bound.is_none_or(f64::is_finite);
        if !is_finite(minimum) || !is_finite(maximum) {
            return Err("a bound must be a finite number");
        }
        match (minimum, maximum) {
            (Some(minimum), Some(maximum)) if minimum > maximum => Err("min is above max"),
            _ => Ok(Self { minimum, maximum }),
        }
    }

    /// The bound that a value is beyond; `None` for one that is allowed, or missing (NaN).
    #[inline]
    pub fn breach(&self, value: f64) -> Option<Breach> {
        let below = self.minimum.filter(|minimum| value < *minimum);
        let above = self.maximum.filter(|maximum| value > *maximum);
        below.map(Breach::Below).or(above.map(Breach::Above))
    }
}

/// Completes "the value is …".
impl fmt::Display for Breach {
    fn fmt(&self, to: &mut fmt::Formatter<'_>) -> fmt::Result {
        match *self {
            Self::Below(minimum) => {
                to.write_str("below ")?;
                write_bound(to, minimum)?;
                to.write_str(", the smallest value the schema allows")
            }
            Self::Above(maximum) => {
                to.write_str("above ")?;
                write_bound(to, maximum)?;
                to.write_str(", the largest value the schema allows")
            }
        }
    }
}

/// Numbers from here on, and below its inverse, are written with an exponent.
const LONG_NUMBER: f64 = 1e15;

fn write_bound(to: &mut fmt::Formatter<'_>, bound: f64) -> fmt::Result {
    let size = bound.abs();
    if size == 0.0 || (1.0 / LONG_NUMBER..LONG_NUMBER).contains(&size) {
        write!(to, "{bound}")
    } else {
        write!(to, "{bound:e}")
    }
}

impl TryFrom<WrittenFeature> for Feature {
    type Error = &'static str;

    fn try_from(written: WrittenFeature) -> Result<Self, Self::Error> {
        Ok(match written {
            WrittenFeature::Name(name) => Self::from(name.as_str()),
            WrittenFeature::Limited { name, min, max } => Self {
                name,
                range: ValueRange::new(min, max)?,
            },
        })
    }
}

impl From<Feature> for WrittenFeature {
    fn from(Feature { name, range }: Feature) -> Self {
        if range == ValueRange::default() {
            return Self::Name(name);
        }
        Self::Limited {
            name,
            min: range.minimum,
            max: range.maximum,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn limited(min: Option<f64>, max: Option<f64>) -> Schema {
        let mut schema = Schema::default();
        schema.features[2].range = ValueRange::new(min, max).unwrap();
        schema
    }

    #[test]
    fn a_range_includes_its_bounds_and_lets_missing_values_be() {
        let range = ValueRange::new(Some(0.0), Some(1e6)).unwrap();
        for value in [0.0, -0.0, 1e6, f64::NAN] {
            assert_eq!(range.breach(value), None, "{value}");
        }
        assert_eq!(range.breach(-1e-300), Some(Breach::Below(0.0)));
        let above = range.breach(1_000_001.0).unwrap();
        assert_eq!(
            above.to_string(),
            "above 1000000, the largest value the schema allows"
        );
        assert_eq!(
            Breach::Below(-1e300).to_string(),
            "below -1e300, the smallest value the schema allows"
        );
        assert_eq!(ValueRange::default().breach(f64::MAX), None);
    }

    #[test]
    fn bounds_that_bound_nothing_are_refused() {
        assert!(ValueRange::new(Some(2.0), Some(1.0)).is_err());
        assert!(ValueRange::new(Some(f64::NAN), None).is_err());
        assert!(ValueRange::new(None, Some(f64::INFINITY)).is_err());
        assert!(ValueRange::new(Some(1.0), Some(1.0)).is_ok());
    }

    /// Pipelines on disk hold this digest; were it another, all of them would be laid anew.
    #[test]
    fn the_digest_without_ranges_is_frozen_and_each_range_has_its_own() {
        let plain = Schema::default().digest();
        assert_eq!(
            plain,
            digest::of_bytes(
                b"corporation\nlastmonth_activity\nlastyear_activity\nnumber_of_employees\nexited"
            )
        );
        let digests = [
            plain,
            limited(Some(0.0), None).digest(),
            limited(None, Some(0.0)).digest(),
            limited(Some(0.0), Some(0.5)).digest(),
        ];
        for (position, digest) in digests.iter().enumerate() {
            assert!(!digests[..position].contains(digest), "{position}");
        }
    }

    #[test]
    fn a_feature_is_written_as_its_name_unless_it_has_a_range() {
        let written = |schema: &Schema| serde_json::to_value(&schema.features[2]).unwrap();
        assert_eq!(written(&Schema::default()), "number_of_employees");
        let schema = limited(Some(0.5), None);
        assert_eq!(written(&schema)["min"], 0.5);
        let back: Feature = serde_json::from_value(written(&schema)).unwrap();
        assert_eq!(back, schema.features[2]);
        let crossed = r#"{"name":"x","min":2,"max":1}"#;
        assert!(serde_json::from_str::<Feature>(crossed).is_err());
    }
}
