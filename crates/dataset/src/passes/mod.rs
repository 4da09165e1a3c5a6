//! Passes over rows. A pass folds the selected rows into a small value that can be merged.
//!
//! The rows of a table are in memory or on an [`Engine`]. A pass fails if its rows cannot be reached.
//! No pass over rows in memory fails.

mod block_rows;
mod categories;
mod client_sums;
mod column;
mod counts;
mod curve;
mod elementary;
mod engine;
mod expression;
mod grid;
mod identities;
mod in_order;
mod log_odds;
mod logistic;
mod losses;
mod moments;
mod pair_sums;
mod profile;
#[cfg(any(test, feature = "test-engine"))]
mod relay;
mod remote;
mod running_profile;
mod scores;
mod summary;
mod term;
mod term_groups;

pub use self::categories::{CategoryCounts, LevelCount};
pub use self::client_sums::{ClientSums, client_sums, true_positive_sums};
pub use self::counts::{
    LabelCounts, client_count, confusion, counts, label_counts, paired_confusion,
};
pub use self::curve::Curve;
pub(crate) use self::engine::selected_rows;
pub use self::expression::{LinearExpression, WeightedTerm};
pub use self::grid::{Grid, Parts, Side, Surface};
pub use self::identities::{RowIdentity, row_identities};
pub use self::log_odds::{log_loss, log_odds, probabilities, probability};
pub use self::logistic::{
    Agreement, Axis, ClientPairs, Division, GroupSums, LogisticPoint, LogisticTerms, Weight,
    bounded_logistic_terms, client_pairs, group_sums, logistic_terms, logistic_terms_by_fold,
    logistic_terms_without_folds, sandwich_meat,
};
pub use self::losses::{LossSum, loss_sum, paired_losses};
pub use self::moments::{Moments, moments, moments_by_fold};
pub use self::pair_sums::{PairSums, pair_sums};
pub use self::profile::{
    ColumnProfile, ColumnValues, Profile, SAMPLE_ROWS, Sample, profile, rows_of_clients,
};
#[cfg(any(test, feature = "test-engine"))]
pub use self::relay::Relay;
pub use self::remote::{Cut, Engine, LogisticSums, RowNumber, Shape};
pub use self::running_profile::RunningProfile;
pub use self::scores::{ScoreGroup, groups_of_rows, mean_of_rows, merged, score_groups};
pub use self::summary::{ColumnSummary, LevelSummary, SHOWN_LEVELS, Summary};
pub use self::term::{Encoding, Term};
