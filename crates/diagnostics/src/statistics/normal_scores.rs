//! Normal scores: the ranks of values as quantiles of the normal distribution (van der Waerden).
//!
//! Outliers and skewed columns then weigh no more than others.

use super::tails::normal_quantile;

/// The scores of a column, in its order, with mean 0. A missing value has the score 0, which is the
/// mean: it says nothing about the others. Equal values share the score of their mean rank.
///
/// `None` without values, and if all values are equal.
pub(crate) fn centred_normal_scores(values: &[f64]) -> Option<Vec<f64>> {
    // Adding 0 turns −0 into 0, because both are the same value.
    let mut ranked: Vec<(f64, usize)> = values
        .iter()
        .enumerate()
        .filter(|(_, value)| !value.is_nan())
        .map(|(row, value)| (value + 0.0, row))
        .collect();
    ranked.sort_unstable_by(|a, b| a.0.total_cmp(&b.0));
    let (first, last) = (ranked.first()?, ranked.last()?);
    if first.0 == last.0 {
        return None;
    }
    let count = ranked.len() as f64;
    let mut scores = vec![0.0; values.len()];
    let (mut below, mut sum) = (0.0, 0.0);
    for equal in ranked.chunk_by(|a, b| a.0 == b.0) {
        let size = equal.len() as f64;
        let score = normal_quantile((below + (size + 1.0) / 2.0) / (count + 1.0));
        equal.iter().for_each(|(_, row)| scores[*row] = score);
        below += size;
        sum += size * score;
    }
    let mean = sum / count;
    ranked.iter().for_each(|(_, row)| scores[*row] -= mean);
    Some(scores)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn scores_are_symmetric_and_missing_values_have_the_mean() {
        let scores = centred_normal_scores(&[5.0, f64::NAN, -1.0, f64::INFINITY]).unwrap();
        assert_eq!((scores[0].abs() < 1e-12, scores[1]), (true, 0.0));
        assert!((scores[2] + scores[3]).abs() < 1e-12 && scores[3] > 0.6);
    }

    #[test]
    fn equal_values_share_a_score_and_the_mean_is_0() {
        let scores = centred_normal_scores(&[0.0, -0.0, 0.0, 7.0]).unwrap();
        assert_eq!((scores[0], scores[1]), (scores[1], scores[2]));
        assert!(scores.iter().sum::<f64>().abs() < 1e-12);
    }

    #[test]
    fn a_column_that_does_not_vary_has_no_scores() {
        let nan = f64::NAN;
        for column in [&[][..], &[nan, nan], &[3.0], &[3.0, nan, 3.0], &[0.0, -0.0]] {
            assert_eq!(centred_normal_scores(column), None, "{column:?}");
        }
    }
}
