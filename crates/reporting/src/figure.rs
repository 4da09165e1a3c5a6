//! Figures of a page: curves, bars and maps, as SVG and as PNG.
//!
//! A figure holds its numbers. Drawing is pure: equal numbers give equal bytes. A figure draws
//! whatever it is given: numbers that are not finite are left out, long series are thinned and keep
//! their extremes, and text is shortened. The page puts the SVG into its HTML; see [`dark_style`]
//! for its colours on a dark page.

mod axis;
mod backend;
mod calibration;
mod distribution;
mod durations;
mod effect;
mod effect_change;
mod gain;
mod lift;
mod missing_shares;
mod numbers;
mod pair_effect;
mod palette;
mod plot;
mod precision_recall;
mod profit;
mod raster;
mod roc;
mod scene;
mod score_history;
mod svg;
#[cfg(test)]
mod tests;
mod text;
mod thin;
mod ticks;

use self::scene::Scene;

pub(crate) use self::numbers::percent;

pub use self::calibration::{Calibration, CalibrationBin};
pub use self::distribution::{Distribution, DistributionBin};
pub use self::durations::Durations;
pub use self::effect::{Effect, EffectShape};
pub use self::effect_change::EffectChange;
pub use self::gain::Gain;
pub use self::lift::Lift;
pub use self::missing_shares::MissingShares;
pub use self::pair_effect::PairEffect;
pub use self::palette::{PALETTE, PaletteColor, dark_style};
pub use self::precision_recall::PrecisionRecall;
pub use self::profit::Profit;
pub use self::roc::Roc;
pub use self::score_history::{RunEvent, ScoreHistory, ScorePoint};

/// What each kind of figure provides.
trait Draw {
    /// The picture, without a title.
    fn scene(&self) -> Scene;
    /// Title of a picture that stands alone.
    fn title(&self) -> String;
    /// One sentence with the main numbers.
    fn description(&self) -> String;
}

/// Declares the kinds of figures.
macro_rules! figures {
    ($($(#[$doc:meta])* $kind:ident,)*) => {
        /// A figure with its numbers.
        #[derive(Clone, Debug, PartialEq)]
        pub enum Figure {
            $($(#[$doc])* $kind($kind),)*
        }

        impl Figure {
            fn kind(&self) -> &dyn Draw {
                match self {
                    $(Self::$kind(figure) => figure,)*
                }
            }
        }

        $(impl From<$kind> for Figure {
            fn from(figure: $kind) -> Self {
                Self::$kind(figure)
            }
        })*
    };
}

figures! {
    /// F1 of the deployed model by run.
    ScoreHistory,
    /// ROC curve.
    Roc,
    /// Precision and recall.
    PrecisionRecall,
    /// Share of positives found by share of rows called.
    Gain,
    /// Lift by tenths of the rows.
    Lift,
    /// Predicted probability compared with the observed share.
    Calibration,
    /// Distribution of a feature, compared with the reference.
    Distribution,
    /// Effect of a feature on the risk.
    Effect,
    /// Effect of a feature in two models.
    EffectChange,
    /// Common effect of two features on the risk.
    PairEffect,
    /// Share of missing values by run.
    MissingShares,
    /// Expected value by share of rows called.
    Profit,
    /// Durations of the stages of a run.
    Durations,
}

impl Figure {
    /// Draws the figure as an SVG element for an HTML page. It has the class `figure`, a transparent
    /// background and no size of its own.
    pub fn svg(&self) -> anyhow::Result<String> {
        svg::svg(&self.kind().scene(), &self.description())
    }

    /// Draws the figure as a PNG file with a title, on white.
    pub fn png(&self) -> anyhow::Result<Vec<u8>> {
        raster::png(&self.kind().scene(), &self.kind().title())
    }

    /// Describes the figure in one sentence with its main numbers, for screen readers.
    pub fn description(&self) -> String {
        self.kind().description()
    }
}
