//! Risk bands: a name for a range of probabilities.

use std::borrow::Cow;
use std::fmt;

use common::config::BandRule;
use model::Threshold;
use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{Deserialize, Serialize};

/// A risk band. Bands are ordered by risk, the highest first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(into = "String", try_from = "String")]
pub enum Band {
    /// The highest of three bands.
    High,
    /// The band between the other two.
    Medium,
    /// The lowest of three bands.
    Low,
    /// A tenth of the clients: 1 has the highest probabilities, 10 the lowest.
    Decile(u8),
}

/// Number of bands of [`BandRule::Decile`].
const DECILES: u8 = 10;
/// Beginning of the names of deciles.
const DECILE: &str = "decile_";

impl Band {
    /// All bands, the deciles last.
    pub fn all() -> impl Iterator<Item = Self> {
        let three = [Self::High, Self::Medium, Self::Low];
        three.into_iter().chain((1..=DECILES).map(Self::Decile))
    }

    /// Name of the band in files and requests: `high`, `medium`, `low`, or `decile_1` to
    /// `decile_10`.
    pub fn name(self) -> Cow<'static, str> {
        match self {
            Self::High => "high".into(),
            Self::Medium => "medium".into(),
            Self::Low => "low".into(),
            Self::Decile(decile) => format!("{DECILE}{decile}").into(),
        }
    }

    /// The band with this name; `None` for any other text.
    pub fn of_name(name: &str) -> Option<Self> {
        Self::all().find(|band| band.name() == name)
    }
}

impl fmt::Display for Band {
    fn fmt(&self, to: &mut fmt::Formatter<'_>) -> fmt::Result {
        to.write_str(&self.name())
    }
}

impl JsonSchema for Band {
    fn schema_name() -> Cow<'static, str> {
        "Band".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        let names: Vec<_> = Self::all().map(Self::name).collect();
        json_schema!({
            "type": "string",
            "enum": names,
            "description": "Risk band: high, medium or low by limits of the probability, or a tenth of the clients; decile_1 has the highest probabilities",
        })
    }
}

impl From<Band> for String {
    fn from(band: Band) -> Self {
        band.name().into_owned()
    }
}

impl TryFrom<String> for Band {
    type Error = String;

    fn try_from(name: String) -> Result<Self, String> {
        Self::of_name(&name).ok_or_else(|| format!("{name} is not a band"))
    }
}

/// The band of each probability, in the order of `probabilities`.
pub(super) fn bands(rule: BandRule, threshold: Threshold, probabilities: &[f64]) -> Vec<Band> {
    type Reaches = fn(&f64, &f64) -> bool;
    let (high, medium, reaches): (_, _, Reaches) = match rule {
        // A probability equal to a limit is in the band below, as with a threshold.
        BandRule::Auto => (
            threshold.probability(),
            threshold.probability() / 2.0,
            f64::gt,
        ),
        BandRule::From { high, medium } => (high, medium, f64::ge),
        BandRule::Decile => return deciles(probabilities),
    };
    let band = |probability| match probability {
        it if reaches(it, &high) => Band::High,
        it if reaches(it, &medium) => Band::Medium,
        _ => Band::Low,
    };
    probabilities.iter().map(band).collect()
}

/// The decile of each probability. Equal probabilities at a boundary may get different deciles; the
/// earlier one then gets the smaller number.
fn deciles(probabilities: &[f64]) -> Vec<Band> {
    let mut order: Vec<usize> = (0..probabilities.len()).collect();
    order.sort_by(|a, b| probabilities[*b].total_cmp(&probabilities[*a]));
    let mut bands = vec![Band::Low; probabilities.len()];
    for (place, client) in order.into_iter().enumerate() {
        // The result is less than `DECILES`, because `place` is less than the number of clients.
        let decile = place * usize::from(DECILES) / probabilities.len();
        bands[client] = Band::Decile(decile as u8 + 1);
    }
    bands
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_client_that_is_predicted_to_leave_is_in_the_band_high() {
        let threshold = Threshold::new(0.2).unwrap();
        let found = bands(BandRule::Auto, threshold, &[0.21, 0.2, 0.11, 0.1]);
        assert_eq!(found, [Band::High, Band::Medium, Band::Medium, Band::Low]);
    }

    #[test]
    fn configured_limits_are_in_their_band() {
        let rule = BandRule::From {
            high: 0.6,
            medium: 0.3,
        };
        let found = bands(rule, Threshold::HALF, &[0.6, 0.59, 0.3, 0.29]);
        assert_eq!(found, [Band::High, Band::Medium, Band::Medium, Band::Low]);
    }

    #[test]
    fn deciles_are_tenths_of_the_clients_by_probability() {
        let probabilities: Vec<f64> = (0..25).map(|client| f64::from(client) / 25.0).collect();
        let found = bands(BandRule::Decile, Threshold::HALF, &probabilities);
        assert_eq!((found[24], found[0]), (Band::Decile(1), Band::Decile(10)));
        let n_of = |decile| found.iter().filter(|band| **band == decile).count();
        let sizes: Vec<usize> = (1..=10).map(|decile| n_of(Band::Decile(decile))).collect();
        assert_eq!(sizes.iter().sum::<usize>(), 25);
        assert!(sizes.iter().all(|size| (2..=3).contains(size)), "{sizes:?}");
        assert_eq!(bands(BandRule::Decile, Threshold::HALF, &[]), []);
    }

    #[test]
    fn band_names_are_unique() {
        for band in Band::all() {
            assert_eq!(Band::of_name(&band.name()), Some(band));
            let json = serde_json::to_string(&band).unwrap();
            assert_eq!(serde_json::from_str::<Band>(&json).unwrap(), band);
        }
        for other in ["", "decile_0", "decile_11", "HIGH"] {
            assert_eq!(Band::of_name(other), None);
        }
    }
}
