//! The statistics of monitoring, as pure functions of values and counts.
//!
//! Each says whether a batch could come from where its reference came from, with how sure one
//! may be (a p-value) and by how much it differs (an effect). Nothing is decided here, nothing
//! read and nothing written. What is undefined is `None` or says why, and never NaN; a missing
//! value is NaN in a slice and is left out, column by column.

mod contingency;
mod holm;
mod independent;
mod kolmogorov_smirnov;
mod location;
mod missingness;
mod proportions;
mod score_test;
mod sorted;
mod stability_index;
mod symmetric;
mod tails;
mod wasserstein;

#[cfg(test)]
mod reference;

pub use contingency::{
    ChiSquare, LevelCounts, chi_square, contingency_table, pooled, total_variation,
    variation_of_chance,
};
pub use holm::holm;
pub use kolmogorov_smirnov::{
    KolmogorovSmirnov, KolmogorovSmirnovMethod, MOST_EXACT, kolmogorov_smirnov,
    kolmogorov_smirnov_by,
};
pub use location::{
    BatchLocation, Location, NormalScores, PresentTogether, ScoreMoments, location_test,
};
pub(crate) use location::{normal_scores, sum_of_scores};
pub use missingness::{fisher, missingness};
pub use proportions::{ShareTest, Tally, separation};
pub(crate) use score_test::LeftOut;
pub use score_test::{
    CumulativeScore, DeployedCoefficients, ScoreTerms, ScoreTest, ScoreTestMethod, Undecided,
    look_level, recalibration_terms, score_test,
};
pub use sorted::SortedColumn;
pub use stability_index::{StabilityIndex, stability_index};
pub use wasserstein::{LEAST_SPREAD, Wasserstein, wasserstein};
