//! Sums of the score test over the batches of one model.
//!
//! A slow or weak drift is hidden in every single batch and shows in sums. The sum of all batches
//! since the model went live finds a drift that was there from the beginning. After many batches
//! without drift it is slow to find a new one; the sums of the last batches are quicker.

use serde::{Deserialize, Serialize};

use super::terms::ScoreTerms;
use super::undecided::Undecided;

/// Numbers of last batches whose sums are tested.
pub const WINDOWS: [u32; 4] = [2, 4, 8, 16];
/// Maximum number of numbers in the kept sums of single batches. 56 coefficients allow all
/// batches that [`WINDOWS`] need, a hundred coefficients four.
const MAX_NUMBERS: usize = 50_000;

/// Significance level of the k-th test of growing sums: α·6 / (π²k²). All levels together are at
/// most α, because the sum of 1 / k² is π² / 6. `look` counts from 1; 0 counts as 1.
pub fn look_level(alpha: f64, look: u64) -> f64 {
    let look = look.max(1) as f64;
    alpha * 6.0 / (std::f64::consts::PI * look).powi(2)
}

/// Sums over the batches since the deployment of a model.
///
/// The sums start again when another model is deployed, and after every retraining that the gate has
/// decided on.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct CumulativeScore {
    /// The sums of all batches; `None` before the first batch.
    pub terms: Option<ScoreTerms>,
    /// Number of tests of these sums.
    pub looks: u64,
    /// The sums of each of the last batches, the newest last.
    #[serde(default)]
    pub recent: Vec<ScoreTerms>,
}

impl CumulativeScore {
    /// Adds a batch. `is_tested` tells whether the sums of all batches were tested with it.
    ///
    /// A batch without labels changes nothing. A batch with numbers out of range, or of another
    /// number of coefficients, is an error and is not added. Stored sums with numbers out of range
    /// are dropped.
    pub fn add(&mut self, batch: &ScoreTerms, is_tested: bool) -> Result<(), Undecided> {
        if batch.rows == 0 {
            return Ok(());
        }
        let terms = self.terms_with(batch)?;
        self.looks += u64::from(is_tested);
        self.terms = Some(terms);
        self.recent.push(batch.clone());
        let kept = self.recent.len().min(batches_to_keep(batch));
        self.recent.drain(..self.recent.len() - kept);
        Ok(())
    }

    /// The sums of all batches with another one.
    pub fn terms_with(&self, batch: &ScoreTerms) -> Result<ScoreTerms, Undecided> {
        if !batch.are_in_range() {
            return Err(Undecided::TooLarge);
        }
        let Some(mut terms) = self.terms.clone().filter(ScoreTerms::are_in_range) else {
            return Ok(batch.clone());
        };
        terms.merge(batch)?;
        Ok(terms)
    }

    /// The sums of this batch and the last ones before it, for each window that has enough batches.
    pub fn recent_with(&self, batch: &ScoreTerms) -> Vec<(u32, ScoreTerms)> {
        let mut sums = Vec::new();
        if !batch.are_in_range() {
            return sums;
        }
        let mut terms = batch.clone();
        for (earlier, count) in self.recent.iter().rev().zip(2..) {
            if terms.merge(earlier).is_err() {
                break;
            }
            if WINDOWS.contains(&count) {
                sums.push((count, terms.clone()));
            }
        }
        sums
    }
}

/// Number of batches whose own sums are kept.
fn batches_to_keep(batch: &ScoreTerms) -> usize {
    let size = batch.score.len();
    let pairs = if batch.pairs.is_some() {
        size * size
    } else {
        0
    };
    let numbers = (size * (size + 1) + pairs).max(1);
    let [.., longest] = WINDOWS;
    (MAX_NUMBERS / numbers).min(longest as usize - 1)
}
