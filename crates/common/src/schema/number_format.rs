//! How the numbers of a column are written.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// How the numbers of a column are written; plain decimals by default. Every format also accepts
/// plain decimals.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum NumberFormat {
    /// Digits, a decimal mark, an exponent: `1234.5`, `1e3`.
    #[default]
    Plain,
    /// With a percent sign, which is ignored: `45.7 %` is 45.7.
    Percent,
    /// With a currency's sign or code, which is ignored, and with separators of thousands:
    /// `$1,234.50`, `1.234,50 EUR`, `(12.00)` for a negative amount.
    Money,
    /// With separators of thousands: `1,234,567`.
    Thousands,
}

impl NumberFormat {
    /// Name of the format as in the configuration.
    pub fn name(self) -> &'static str {
        match self {
            Self::Plain => "plain",
            Self::Percent => "percent",
            Self::Money => "money",
            Self::Thousands => "thousands",
        }
    }
}
