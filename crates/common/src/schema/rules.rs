//! Rules of a number column: its values, and whether they may be missing.

use std::fmt;

use super::effect_shape::EffectShape;
use super::missing::MissingWords;
use super::number_format::NumberFormat;

/// Rules for the cells of a number column; the default allows everything.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct NumberRules {
    /// Bounds of the values.
    pub range: ValueRange,
    /// The allowed values.
    pub listed: ListedValues,
    /// Whether every row must have a value.
    pub presence: Presence,
    /// Largest share of a file's rows in which the value may be missing.
    pub missing_share: MissingShare,
    /// How the values are written.
    pub format: NumberFormat,
    /// The words for a missing value.
    pub missing: MissingWords,
    /// How a model's probability may depend on the values.
    pub effect: EffectShape,
}

/// Bounds of a column's values, both inclusive; the default has none.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct ValueRange {
    pub(super) minimum: Option<f64>,
    pub(super) maximum: Option<f64>,
}

/// The only values that a column may have, in ascending order; the default allows all.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct ListedValues(Option<Vec<f64>>);

/// Whether every row must have a value in a column.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Presence {
    /// The value may be missing.
    #[default]
    Optional,
    /// The value may not be missing.
    Required,
}

/// Largest share of a file's rows, 0 to 1, in which a value may be missing; the default is any
/// share.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct MissingShare(Option<f64>);

/// The rule that a value breaks.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Breach {
    /// The value is below the smallest allowed value.
    Below(f64),
    /// The value is above the largest allowed value.
    Above(f64),
    /// The value is not one of the allowed values.
    NotListed,
    /// The value is missing and required.
    Missing,
}

impl NumberRules {
    /// True if no value can break the rules. The share of missing values is no rule for a single
    /// value.
    pub fn allow_any_value(&self) -> bool {
        self.range == ValueRange::default()
            && self.listed == ListedValues::default()
            && self.presence == Presence::Optional
    }

    /// The rule that a value breaks; NaN is a missing value.
    #[inline]
    pub fn breach(&self, value: f64) -> Option<Breach> {
        if value.is_nan() {
            return (self.presence == Presence::Required).then_some(Breach::Missing);
        }
        let unlisted = || (!self.listed.allows(value)).then_some(Breach::NotListed);
        self.range.breach(value).or_else(unlisted)
    }
}

impl ValueRange {
    /// A range; the error says why the bounds are not usable.
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

    /// The smallest and the largest allowed value.
    pub fn bounds(&self) -> (Option<f64>, Option<f64>) {
        (self.minimum, self.maximum)
    }

    /// The bound that a value exceeds; `None` for an allowed or a missing value (NaN).
    #[inline]
    pub fn breach(&self, value: f64) -> Option<Breach> {
        let below = self.minimum.filter(|minimum| value < *minimum);
        let above = self.maximum.filter(|maximum| value > *maximum);
        below.map(Breach::Below).or(above.map(Breach::Above))
    }
}

impl ListedValues {
    /// A list of values within a range, in any order; the error says why the list is not usable.
    pub fn new(values: Vec<f64>, range: ValueRange) -> Result<Self, String> {
        if values.is_empty() {
            return Err("is empty, so no value would be allowed; leave it out to allow all".into());
        }
        if !values.iter().all(|value| value.is_finite()) {
            return Err("a value must be a finite number".into());
        }
        let outside = values
            .iter()
            .find_map(|value| Some((value, range.breach(*value)?)));
        if let Some((value, breach)) = outside {
            return Err(format!("{value} is {breach}"));
        }
        let mut values: Vec<f64> = values.into_iter().map(without_sign_of_zero).collect();
        values.sort_by(f64::total_cmp);
        values.dedup();
        Ok(Self(Some(values)))
    }

    /// The values, if they are listed.
    pub fn values(&self) -> Option<&[f64]> {
        self.0.as_deref()
    }

    fn allows(&self, value: f64) -> bool {
        let value = without_sign_of_zero(value);
        let is_among = |listed: &[f64]| {
            listed
                .binary_search_by(|entry| entry.total_cmp(&value))
                .is_ok()
        };
        self.values().is_none_or(is_among)
    }
}

impl Presence {
    /// Presence from the configuration key `required`.
    pub(crate) fn of_required(is_required: bool) -> Self {
        if is_required {
            Self::Required
        } else {
            Self::Optional
        }
    }
}

impl MissingShare {
    /// An upper limit of the share; the error says why it is not usable.
    pub fn new(share: f64) -> Result<Self, &'static str> {
        if (0.0..=1.0).contains(&share) {
            Ok(Self(Some(share)))
        } else {
            Err("must be a share from 0 to 1, for example 0.05 for 5 %")
        }
    }

    /// The upper limit, if there is one.
    pub fn largest(self) -> Option<f64> {
        self.0
    }
}

/// −0 and 0 are the same value, but a sorted list would hold both.
fn without_sign_of_zero(value: f64) -> f64 {
    value + 0.0
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
            Self::NotListed => to.write_str("none of the values the schema allows"),
            Self::Missing => to.write_str("missing, and the schema requires it"),
        }
    }
}

/// Numbers of at least this size, and numbers smaller than its inverse, are written with an exponent.
const LONG_NUMBER: f64 = 1e15;

fn write_bound(to: &mut fmt::Formatter<'_>, bound: f64) -> fmt::Result {
    let size = bound.abs();
    if size == 0.0 || (1.0 / LONG_NUMBER..LONG_NUMBER).contains(&size) {
        write!(to, "{bound}")
    } else {
        write!(to, "{bound:e}")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_range_includes_its_bounds_and_ignores_missing_values() {
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
    fn impossible_bounds_are_rejected() {
        assert!(ValueRange::new(Some(2.0), Some(1.0)).is_err());
        assert!(ValueRange::new(Some(f64::NAN), None).is_err());
        assert!(ValueRange::new(None, Some(f64::INFINITY)).is_err());
        assert!(ValueRange::new(Some(1.0), Some(1.0)).is_ok());
    }

    #[test]
    fn only_listed_and_missing_values_are_allowed() {
        let listed = ListedValues::new(vec![3.0, 0.0, 1.5, 3.0], ValueRange::default()).unwrap();
        assert_eq!(listed.values(), Some(&[0.0, 1.5, 3.0][..]));
        let rules = NumberRules {
            listed,
            ..NumberRules::default()
        };
        for value in [0.0, -0.0, 1.5, 3.0, f64::NAN] {
            assert_eq!(rules.breach(value), None, "{value}");
        }
        assert_eq!(rules.breach(2.0), Some(Breach::NotListed));
        assert!(!rules.allow_any_value());
    }

    #[test]
    fn impossible_values_cannot_be_listed() {
        let range = ValueRange::new(Some(0.0), Some(2.0)).unwrap();
        let flaw = |values: &[f64]| ListedValues::new(values.to_vec(), range).unwrap_err();
        assert!(flaw(&[]).contains("leave it out"));
        assert!(flaw(&[f64::NAN]).contains("finite"));
        assert_eq!(
            flaw(&[1.0, 3.0]),
            "3 is above 2, the largest value the schema allows"
        );
    }

    #[test]
    fn a_required_value_may_not_be_missing_and_keeps_its_range() {
        let rules = NumberRules {
            range: ValueRange::new(Some(0.0), None).unwrap(),
            presence: Presence::Required,
            ..NumberRules::default()
        };
        assert_eq!(rules.breach(f64::NAN), Some(Breach::Missing));
        assert_eq!(rules.breach(-1.0), Some(Breach::Below(0.0)));
        assert_eq!(rules.breach(1.0), None);
        assert_eq!(NumberRules::default().breach(f64::NAN), None);
        assert!(NumberRules::default().allow_any_value());
    }

    #[test]
    fn a_share_is_from_0_to_1() {
        for share in [0.0, 0.5, 1.0] {
            assert_eq!(MissingShare::new(share).unwrap().largest(), Some(share));
        }
        for share in [-0.1, 1.1, 5.0, f64::NAN] {
            assert!(MissingShare::new(share).is_err(), "{share}");
        }
    }
}
