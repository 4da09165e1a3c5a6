//! The limits from which a difference is drift.

/// Chance of a false alarm for a whole comparison without drift, as far as the approximations of
/// the tests are valid. Half of it belongs to the joint test, half to all column checks together.
pub const ALPHA: f64 = 0.01;
/// Significance level: a column check with a smaller corrected p-value is drift, and so is a joint
/// test with a smaller p-value.
pub const CHECK_LEVEL: f64 = ALPHA / 2.0;
/// The smallest shift of a distribution that is drift, in standard deviations of the reference. A
/// number counts as outside the range of the reference only if it is at least this far outside.
/// Without it, large samples would raise alarms about tiny differences.
pub const MIN_DISTANCE: f64 = 0.1;
/// The smallest change of a column's spread that is drift: a factor of 1.1.
pub const MIN_SPREAD_CHANGE: f64 = 0.1;
/// The smallest change of a correlation that is drift.
pub const MIN_CORRELATION: f64 = 0.1;
/// The smallest change of the share of missing values that is drift.
pub const MIN_MISSING: f64 = 0.02;
/// The smallest change of the share of one level, or of one number, that is drift.
pub const MIN_PART_SHARE: f64 = 0.02;
/// The smallest share of numbers outside the range of the reference, or of a number that the
/// reference does not have, that is drift.
pub const MIN_NEW_SHARE: f64 = 0.005;
/// The smallest total variation of categories that is drift, in excess of the variation to expect
/// by chance.
pub const MIN_VARIATION: f64 = 0.05;
