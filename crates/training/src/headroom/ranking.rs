//! ROC-AUC of two scores of the same rows, and the standard error of their difference.

use std::collections::BTreeMap;

/// A row with the scores of two models. Only the order of a model's scores counts.
#[derive(Clone, Copy, Debug)]
pub(super) struct RankedRow {
    pub(super) label: bool,
    pub(super) client: u64,
    pub(super) scores: [f64; 2],
}

/// How well two models rank rows.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Comparison {
    pub(super) roc_auc: [f64; 2],
    /// Standard error of the difference.
    pub(super) standard_error: f64,
}

impl Comparison {
    /// Ranks the rows within each fold, because each fold has its own models. The weight of a fold
    /// is its number of pairs of a positive and a negative label. `None` if there is no such pair.
    pub(super) fn of(folds: &[Vec<RankedRow>]) -> Option<Self> {
        let folds: Vec<FoldRanks> = folds.iter().map(|fold| FoldRanks::of(fold)).collect();
        let pairs: f64 = folds.iter().map(|fold| fold.pairs).sum();
        if pairs == 0.0 {
            return None;
        }
        let mut roc_auc = [0.0; 2];
        let mut of_clients: BTreeMap<u64, f64> = BTreeMap::new();
        for fold in &folds {
            let share = fold.pairs / pairs;
            for (total, of_fold) in roc_auc.iter_mut().zip(fold.roc_auc) {
                *total += share * of_fold;
            }
            for (client, influence) in &fold.influences {
                *of_clients.entry(*client).or_default() += share * influence;
            }
        }
        let squares: f64 = of_clients.values().map(|sum| sum * sum).sum();
        Some(Self {
            roc_auc,
            standard_error: squares.sqrt(),
        })
    }
}

/// The ranks of a fold's rows.
struct FoldRanks {
    pairs: f64,
    roc_auc: [f64; 2],
    /// Client of each row, and the influence of the row on the difference of both ROC-AUC (DeLong,
    /// DeLong and Clarke-Pearson 1988).
    influences: Vec<(u64, f64)>,
}

impl FoldRanks {
    fn of(rows: &[RankedRow]) -> Self {
        let (positives, negatives): (Vec<RankedRow>, Vec<RankedRow>) =
            rows.iter().partition(|row| row.label);
        if positives.is_empty() || negatives.is_empty() {
            return Self {
                pairs: 0.0,
                roc_auc: [0.0; 2],
                influences: Vec::new(),
            };
        }
        let of_positives = [0, 1].map(|model| shares_below(&positives, &negatives, model));
        let of_negatives = [0, 1].map(|model| shares_below(&negatives, &positives, model));
        let n_positives = positives.len() as f64;
        let n_negatives = negatives.len() as f64;
        let roc_auc =
            [0, 1].map(|model: usize| of_positives[model].iter().sum::<f64>() / n_positives);
        let difference = roc_auc[1] - roc_auc[0];
        let of_positive = |place: usize| of_positives[1][place] - of_positives[0][place];
        // The higher a negative label ranks, the lower the ROC-AUC.
        let of_negative = |place: usize| of_negatives[0][place] - of_negatives[1][place];
        let influences = positives
            .iter()
            .enumerate()
            .map(|(place, row)| (row.client, (of_positive(place) - difference) / n_positives));
        let of_others = negatives
            .iter()
            .enumerate()
            .map(|(place, row)| (row.client, (of_negative(place) - difference) / n_negatives));
        Self {
            pairs: n_positives * n_negatives,
            roc_auc,
            influences: influences.chain(of_others).collect(),
        }
    }
}

/// For each row, the share of `others` with a lower score of a model. An equal score counts half.
fn shares_below(rows: &[RankedRow], others: &[RankedRow], model: usize) -> Vec<f64> {
    let mut sorted: Vec<f64> = others.iter().map(|row| row.scores[model]).collect();
    sorted.sort_unstable_by(f64::total_cmp);
    let share = |row: &RankedRow| {
        let score = row.scores[model];
        let below = sorted.partition_point(|other| *other < score);
        let not_above = sorted.partition_point(|other| *other <= score);
        (below + not_above) as f64 / 2.0 / sorted.len() as f64
    };
    rows.iter().map(share).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn row(label: bool, client: u64, scores: [f64; 2]) -> RankedRow {
        RankedRow {
            label,
            client,
            scores,
        }
    }

    #[test]
    fn the_share_of_pairs_in_the_right_order_is_the_roc_auc() {
        let fold = vec![
            row(true, 1, [3.0, 1.0]),
            row(true, 2, [1.0, 4.0]),
            row(false, 3, [2.0, 1.0]),
            row(false, 4, [0.0, 0.0]),
        ];
        let found = Comparison::of(&[fold.clone(), vec![row(true, 5, [0.0; 2])]]).unwrap();
        assert_eq!(found.roc_auc, [0.75, 0.875]);
        let same: Vec<RankedRow> = fold
            .iter()
            .map(|it| RankedRow {
                scores: [it.scores[0]; 2],
                ..*it
            })
            .collect();
        assert_eq!(Comparison::of(&[same]).unwrap().standard_error, 0.0);
        assert_eq!(Comparison::of(&[Vec::new()]), None);
    }

    /// A number between 0 and 1 that looks random (splitmix64).
    fn draw(client: u64, salt: u64) -> f64 {
        let mut mixed = (client * 4 + salt).wrapping_mul(0x9e37_79b9_7f4a_7c15);
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        (mixed ^ (mixed >> 31)) as f64 / u64::MAX as f64
    }

    /// Rows with two scores. Each score is the label with noise of its own.
    fn drawn(seed: u64, rows_of_client: u64) -> Vec<Vec<RankedRow>> {
        let of_fold = |fold: u64| {
            (0..100).map(move |place| {
                let client = seed * 1000 + fold * 100 + place / rows_of_client;
                let label = draw(client, 0) > 0.7;
                let signal = if label { 0.3 } else { 0.0 };
                let scores = [1, 2].map(|salt| signal + draw(client, salt));
                row(label, client, scores)
            })
        };
        (0..5).map(|fold| of_fold(fold).collect()).collect()
    }

    #[test]
    fn the_standard_error_is_the_spread_of_differences() {
        for rows_of_client in [1, 4] {
            let drawn: Vec<Comparison> = (0..300)
                .map(|seed| Comparison::of(&drawn(seed, rows_of_client)).unwrap())
                .collect();
            let differences: Vec<f64> = drawn
                .iter()
                .map(|it| it.roc_auc[1] - it.roc_auc[0])
                .collect();
            let mean = differences.iter().sum::<f64>() / 300.0;
            let spread = differences
                .iter()
                .map(|it| (it - mean).powi(2))
                .sum::<f64>()
                / 299.0;
            let errors = drawn
                .iter()
                .map(|it| it.standard_error.powi(2))
                .sum::<f64>()
                / 300.0;
            let ratio = (errors / spread).sqrt();
            assert!((0.8..1.25).contains(&ratio), "{rows_of_client}: {ratio}");
        }
    }
}
