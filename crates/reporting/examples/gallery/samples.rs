//! Figures with made-up numbers: typical ones and extreme ones.

use super::{
    Calibration, CalibrationBin, Distribution, DistributionBin, Durations, Effect, EffectShape,
    Figure, Gain, Lift, MissingShares, PairEffect, PrecisionRecall, Profit, Roc, RunEvent,
    ScoreHistory, ScorePoint,
};

/// One figure of each kind, with a name for its file.
pub(crate) fn typical() -> Vec<(&'static str, Figure)> {
    vec![
        ("history", score_history(24).into()),
        ("roc", roc().into()),
        ("precision-recall", precision_recall().into()),
        (
            "gain",
            Gain {
                points: curve(|x| 1.0 - (1.0 - x).powi(4)),
            }
            .into(),
        ),
        ("lift", lift().into()),
        ("calibration", calibration().into()),
        ("distribution", distribution(8).into()),
        ("effect-curve", effect_curve().into()),
        ("effect-levels", effect_levels().into()),
        ("pair-effect", pair_effect(8, 6).into()),
        ("missing", missing_shares(20, 6).into()),
        ("profit", profit(1.0).into()),
        ("durations", durations().into()),
    ]
}

/// Figures that are hard to draw.
pub(crate) fn extreme() -> Vec<(&'static str, Figure)> {
    let long = "a very long name of a feature, <script>alert(1)</script> & \"more\" ".repeat(5);
    let mut named = distribution(30);
    named.feature.clone_from(&long);
    for bin in &mut named.bins {
        bin.label = format!("{}{long}", bin.label);
    }
    let mut pair = pair_effect(40, 30);
    pair.features = [long.clone(), long.clone()];
    pair.ys.iter_mut().for_each(|name| name.push_str(&long));
    let mut missing = missing_shares(20, 6);
    for (name, shares) in &mut missing.series {
        name.push_str(&long);
        shares.fill(Some(0.0));
    }
    vec![
        ("x-history-long", score_history(100_000).into()),
        ("x-history-one", score_history(1).into()),
        ("x-history-empty", ScoreHistory::default().into()),
        ("x-distribution", named.into()),
        ("x-pair", pair.into()),
        ("x-missing", missing.into()),
        ("x-profit-large", profit(1e9).into()),
        ("x-profit-small", profit(1e-12).into()),
        ("x-names", hostile_names().into()),
        (
            "x-effect-empty",
            Effect {
                feature: long,
                shape: EffectShape::Curve(Vec::new()),
            }
            .into(),
        ),
    ]
}

/// Fractions between 0 and 1 that look random.
fn noise(index: usize) -> f64 {
    (index as f64 * 12.9898)
        .sin()
        .mul_add(43_758.545_3, 0.0)
        .rem_euclid(1.0)
}

fn curve(height: impl Fn(f64) -> f64) -> Vec<[f64; 2]> {
    (0..=100)
        .map(|step| f64::from(step) / 100.0)
        .map(|x| [x, height(x)])
        .collect()
}

pub(crate) fn score_history(runs: usize) -> ScoreHistory {
    let point = |index: usize| {
        let score = 0.55 + 0.08 * noise(index) - if index % 9 > 6 { 0.12 } else { 0.0 };
        ScorePoint {
            run: index as i64 + 1 + i64::from(index > 10) * 3,
            score: (index % 13 != 5).then_some(score),
            interval: (index % 13 != 5).then_some([score - 0.04, score + 0.04]),
            event: match index % 9 {
                0 => Some(RunEvent::Deployment),
                4 => Some(RunEvent::Refusal),
                6 if index.is_multiple_of(2) => Some(RunEvent::ByHand),
                _ => None,
            },
            has_model_drift: index % 9 == 7,
        }
    };
    ScoreHistory {
        points: (0..runs).map(point).collect(),
    }
}

fn roc() -> Roc {
    Roc {
        points: curve(|x| x.powf(0.25)),
        operating_point: Some([0.12, 0.588]),
        area: Some(0.8),
    }
}

fn precision_recall() -> PrecisionRecall {
    PrecisionRecall {
        points: curve(|x| 0.9 - 0.7 * x * x),
        operating_point: Some([0.62, 0.631]),
        prevalence: 0.2,
        average_precision: Some(0.667),
    }
}

fn lift() -> Lift {
    let lifts = [3.52, 2.1, 1.3, 0.9, 0.7, 0.5, 0.4, 0.3, 0.2, 0.08];
    Lift {
        deciles: (1..).zip(lifts).collect(),
    }
}

fn calibration() -> Calibration {
    let bin = |index: u32| {
        let mean_probability = 0.03 + 0.08 * f64::from(index);
        CalibrationBin {
            mean_probability,
            share: mean_probability * 1.1 + 0.03 * noise(index as usize),
            rows: 1000 / u64::from(index * index + 1),
        }
    };
    Calibration {
        bins: (0..10).map(bin).collect(),
    }
}

pub(crate) fn distribution(bins: usize) -> Distribution {
    let weight = |index: usize| (index + 1) as f64 * (bins - index) as f64;
    let total: f64 = (0..bins).map(weight).sum();
    let bin = |index| DistributionBin {
        label: format!("{} to {}", index * 10, index * 10 + 9),
        reference: weight(index) / total,
        now: weight(index) / total * (0.6 + 0.8 * noise(index)),
    };
    Distribution {
        feature: "age".to_owned(),
        bins: (0..bins).map(bin).collect(),
    }
}

fn effect_curve() -> Effect {
    let points = [
        [18.0, 0.9],
        [25.0, 0.7],
        [33.0, 0.1],
        [45.0, -0.4],
        [60.0, -0.5],
        [71.0, -0.2],
    ];
    Effect {
        feature: "age".to_owned(),
        shape: EffectShape::Curve(points.to_vec()),
    }
}

fn hostile_names() -> Effect {
    let names = [
        "<script>alert(1)</script>",
        "\"quoted\" & 'more'",
        "line\nbreak",
        "اسم طويل جدا بالعربية مع المزيد من الكلمات",
        "קטן",
        "🎉🎉🎉🎉🎉🎉🎉🎉🎉🎉🎉🎉🎉🎉🎉🎉",
        "漢字漢字漢字漢字漢字漢字漢字漢字漢字",
        "",
    ];
    let levels = (0..30).map(|index| (names[index % 8].to_owned(), noise(index) - 0.5));
    Effect {
        feature: names[0].to_owned(),
        shape: EffectShape::Levels(levels.collect()),
    }
}

fn effect_levels() -> Effect {
    let levels = [
        ("France", -0.12),
        ("Germany", 0.81),
        ("Spain", 0.02),
        ("any other level", 0.0),
    ];
    let levels = levels.map(|(name, effect)| (name.to_owned(), effect));
    Effect {
        feature: "country".to_owned(),
        shape: EffectShape::Levels(levels.to_vec()),
    }
}

pub(crate) fn pair_effect(columns: usize, rows: usize) -> PairEffect {
    let cell = |row: usize, column: usize| {
        let across = column as f64 / columns as f64 - 0.5;
        let down = row as f64 / rows as f64 - 0.5;
        across * down * 4.0 + 0.2 * noise(row * columns + column)
    };
    PairEffect {
        features: ["age".to_owned(), "number of products".to_owned()],
        xs: (0..columns)
            .map(|index| format!("{}–{}", index * 9, index * 9 + 8))
            .collect(),
        ys: (0..rows)
            .map(|index| format!("{} products", index + 1))
            .collect(),
        cells: (0..rows)
            .map(|row| (0..columns).map(|column| cell(row, column)).collect())
            .collect(),
    }
}

pub(crate) fn missing_shares(runs: usize, series: usize) -> MissingShares {
    let names = [
        "balance",
        "age",
        "tenure",
        "income",
        "estimated salary of the client",
        "score",
    ];
    let shares = |series: usize| {
        let share = |run: usize| {
            let level = [0.02, 0.021, 0.05, 0.12, 0.004, 0.0][series % 6];
            (run % 11 != 7 || series != 2).then_some(level * (0.7 + 0.6 * noise(run * 7 + series)))
        };
        (0..runs).map(share).collect()
    };
    MissingShares {
        runs: (1..=runs as i64).collect(),
        series: (0..series)
            .map(|index| (names[index % 6].to_owned(), shares(index)))
            .collect(),
    }
}

pub(crate) fn profit(scale: f64) -> Profit {
    Profit {
        points: curve(|x| scale * 5000.0 * (x.sqrt() - 1.4 * x)),
        best: Some([0.13, scale * 5000.0 * (0.13f64.sqrt() - 1.4 * 0.13)]),
        called: Some(0.3),
    }
}

fn durations() -> Durations {
    let stages = [
        ("ingestion", 1.82),
        ("evaluation", 0.43),
        ("training", 12.6),
        ("scoring", 0.9),
        ("deployment", 0.012),
        ("reporting", 0.21),
        ("api calls", 3.4),
    ];
    Durations {
        stages: stages
            .map(|(name, seconds)| (name.to_owned(), seconds))
            .to_vec(),
    }
}
