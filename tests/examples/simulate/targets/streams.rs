//! The promises of the whole loop on streams, for the default trigger.

use super::{Bound, Target};
use crate::summary::Summary;
use crate::tables::Measured;
use crate::worlds::{Promise, World};

/// The promises of each world, then those over all worlds that change.
pub(crate) fn streams(worlds: &[Measured<'_>]) -> Vec<Target> {
    let mut targets: Vec<Target> = worlds
        .iter()
        .flat_map(|(world, summary)| of_world(world, summary))
        .collect();
    targets.extend(over_worlds(worlds));
    targets
}

fn of_world(world: &World, summary: &Summary) -> Vec<Target> {
    let found = summary.evidence();
    let above_never = summary.above_never(&found.predictions);
    let percent = |what: &str, most, value| {
        let name = format!("{}: {what}", world.name);
        Target::percent(name, Bound::AtMost(most), value)
    };
    match world.promise {
        Promise::Watched => Vec::new(),
        Promise::Adapts { most } => {
            let excess = summary.excess(&found.predictions);
            vec![percent("log-loss above the best policy's", most, excess)]
        }
        Promise::WrongLabels => vec![percent("log-loss above that of never", 1.0, above_never)],
        Promise::Steady => {
            let in_hundred = |what: &str, most, mean| {
                let name = format!("{}: {what} in 100 batches", world.name);
                Target::mean(name, Bound::AtMost(most), mean)
            };
            vec![
                in_hundred("needless retrains", 1.0, found.false_alarms),
                in_hundred(
                    "alarms that end in a deployment",
                    1.0,
                    found.deployed_alarms,
                ),
                in_hundred("deployments, refits included", 1.5, found.deployments),
                percent("log-loss above that of never", 0.2, above_never),
            ]
        }
    }
}

fn over_worlds(worlds: &[Measured<'_>]) -> Vec<Target> {
    let adapting: Vec<&Summary> = worlds
        .iter()
        .filter(|(world, _)| matches!(world.promise, Promise::Adapts { .. }))
        .map(|(_, summary)| summary)
        .collect();
    if adapting.is_empty() {
        return Vec::new();
    }
    let values = |figure: fn(&Summary) -> f64| -> Vec<f64> {
        adapting.iter().map(|summary| figure(summary)).collect()
    };
    let excesses = values(|summary| summary.excess(&summary.evidence().predictions));
    let won_back = values(|summary| summary.won_back(&summary.evidence().predictions));
    let retrains = values(|summary| summary.evidence().retrains.value());
    let over = |what: &str| format!("{} worlds with a drift: {what}", adapting.len());
    vec![
        Target::percent(
            over("median log-loss above the best policy's"),
            Bound::AtMost(0.5),
            median(&excesses),
        ),
        Target::percent(
            over("mean log-loss above the best policy's"),
            Bound::AtMost(2.0),
            mean(&excesses),
        ),
        Target::percent(
            over("median share of the loss of never that is won back"),
            Bound::AtLeast(95.0),
            median(&won_back),
        ),
        Target::number(
            over("mean retrains in 40 batches"),
            Bound::AtMost(15.0),
            mean(&retrains),
        ),
        Target::number(
            over("most retrains in 40 batches"),
            Bound::AtMost(15.0),
            retrains.iter().copied().fold(0.0, f64::max),
        ),
    ]
}

fn mean(values: &[f64]) -> f64 {
    values.iter().sum::<f64>() / values.len() as f64
}

/// The middle value, or the mean of both middle values.
fn median(values: &[f64]) -> f64 {
    let mut sorted = values.to_vec();
    sorted.sort_by(f64::total_cmp);
    let middle = sorted.len() / 2;
    match sorted.len() % 2 {
        0 => mean(&sorted[middle - 1..=middle]),
        _ => sorted[middle],
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_median_is_in_the_middle() {
        assert_eq!(median(&[5.0, 1.0, 3.0]), 3.0);
        assert_eq!(median(&[5.0, 1.0, 3.0, 4.0]), 3.5);
    }
}
