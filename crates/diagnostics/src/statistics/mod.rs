//! The statistics of monitoring, as pure functions of values and counts.
//!
//! Each function compares a batch with a reference. It returns a p-value (is the difference
//! significant?) and an effect size (how large is it?). Nothing here decides, reads or writes.
//!
//! An undefined result is `None` or an error with its reason, never NaN. In slices, NaN is a
//! missing value, which is ignored column by column.

mod changed_part;
mod contingency;
mod holm;
mod independent;
mod joint_test;
mod kolmogorov_smirnov;
mod normal_scores;
mod outside_range;
mod proportions;
mod residual_test;
mod score_test;
mod share_test;
mod simulated_chi_square;
mod sorted;
mod stability_index;
mod tails;
mod wasserstein;

#[cfg(test)]
mod test_cases;

pub(crate) use changed_part::{ChangedPart, most_changed_part};
pub use contingency::{
    ChiSquare, LevelCounts, chi_square, contingency_table, expected_variation, pool_rare_levels,
    total_variation,
};
pub(crate) use contingency::{contingency_levels, unseen_share};
pub use holm::holm;
pub use joint_test::JointKind;
pub(crate) use joint_test::{Change, JointColumn, KindTest, SampledRows, joint_test};
pub use kolmogorov_smirnov::{
    KolmogorovSmirnov, KolmogorovSmirnovMethod, MAX_EXACT_VALUES, kolmogorov_smirnov,
    kolmogorov_smirnov_by,
};
pub(crate) use outside_range::{OutsideRange, outside_range};
pub(crate) use proportions::rarest_split;
pub use proportions::{ShareTest, Tally, smallest_p_value};
pub(crate) use residual_test::{ResidualTest, residual_test};
pub use score_test::{
    CumulativeScore, DeployedCoefficients, PairTerms, ScoreTerms, ScoreTest, ScoreTestMethod,
    Undecided, WINDOWS, look_level, score_test,
};
pub(crate) use score_test::{ExclusionReason, MIN_TRAINING_ROWS};
pub use share_test::{fisher, test_shares};
pub(crate) use simulated_chi_square::simulated_chi_square;
pub use sorted::SortedColumn;
pub(crate) use sorted::steps;
pub use stability_index::{StabilityIndex, stability_index};
pub(crate) use stability_index::{bin_shares, deciles};
pub(crate) use tails::normal_quantile;
pub use wasserstein::{MIN_SPREAD, Wasserstein, wasserstein};
