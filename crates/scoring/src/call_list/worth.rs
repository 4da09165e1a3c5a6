//! The expected value of calling a client.

use common::config::{ActionSettings, ValueRule};
use model::Model;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// Expected value of the calls of a list.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct ExpectedValue {
    /// Cost of a call.
    pub cost: f64,
    /// Save rate: the share of leavers that a call keeps.
    pub save_rate: f64,
    /// Median value of the listed clients; 1 without a column of values. `None` if no client has a
    /// value.
    pub value: Option<f64>,
    /// Break-even probability: cost / (save rate × value). Above it, calling a client of that value
    /// brings more than it costs. Above 1, no such call pays. `None` without a value above 0.
    pub break_even: Option<f64>,
    /// Number of clients whose call is expected to bring more than it costs.
    pub worth_calling: u64,
    /// Sum of the expected values of the clients to be called.
    pub total: f64,
    /// Expected value of calling the first clients of the list. The first entry is for 0 clients and the
    /// last for all clients; there are at most 51 entries. Empty in records of older programs.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub by_clients: Vec<ValueOfFirst>,
}

/// Expected value of calling the first clients of a list.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct ValueOfFirst {
    /// Number of clients.
    pub clients: u64,
    /// Sum of their expected values. A held-out client counts as 0, as does a client of unknown
    /// value.
    pub total: f64,
}

/// Maximum number of steps from no client to all clients in [`ExpectedValue::by_clients`].
const STEPS: usize = 50;

/// Computes the expected value of calls.
pub(super) struct Worth<'c> {
    rule: &'c ValueRule,
    /// Position of the feature that holds a client's value; `None` if every client has the value 1.
    feature: Option<usize>,
}

impl<'c> Worth<'c> {
    /// `None` if no value is configured.
    pub(super) fn new(actions: &'c ActionSettings, model: &Model) -> Option<Self> {
        let rule = actions.value.as_ref()?;
        let column = rule.column.as_deref();
        let mut features = model.schema.features.iter();
        Some(Self {
            rule,
            feature: column.and_then(|name| features.position(|feature| feature.name == name)),
        })
    }

    /// Value of a client that stays; `None` if the client's value is missing.
    pub(super) fn value(&self, row: &[f64]) -> Option<f64> {
        let Some(feature) = self.feature else {
            return Some(1.0);
        };
        row.get(feature).copied().filter(|value| !value.is_nan())
    }

    /// Expected value of a call: probability × save rate × value − cost. `None` if the value of the
    /// client is missing.
    pub(super) fn expected(&self, probability: f64, row: &[f64]) -> Option<f64> {
        let saved = probability * self.rule.save_rate * self.value(row)?;
        Some((saved - self.rule.cost).clamp(f64::MIN, f64::MAX))
    }

    /// Expected value of the calls of a list. `values` holds the known values of the listed
    /// clients.
    pub(super) fn summary(&self, mut values: Vec<f64>, calls: &[Call]) -> ExpectedValue {
        let ValueRule {
            cost, save_rate, ..
        } = *self.rule;
        values.sort_by(f64::total_cmp);
        let value = median(&values);
        let expected = |call: &Call| call.expected_value.unwrap_or(0.0);
        let to_call = calls.iter().filter(|call| call.in_capacity == Some(true));
        ExpectedValue {
            cost,
            save_rate,
            value,
            break_even: value
                .filter(|value| *value > 0.0)
                .map(|value| cost / (save_rate * value))
                .filter(|probability| probability.is_finite()),
            worth_calling: calls.iter().filter(|call| expected(call) > 0.0).count() as u64,
            total: to_call.map(expected).sum::<f64>().clamp(f64::MIN, f64::MAX),
            by_clients: values_of_first(calls.iter().map(|call| match call.hold_out {
                Some(true) => 0.0,
                _ => expected(call),
            })),
        }
    }
}

/// Cumulative sums of the values. The first sum is 0, and at most [`STEPS`] sums follow.
fn values_of_first(values: impl ExactSizeIterator<Item = f64>) -> Vec<ValueOfFirst> {
    let n = values.len();
    let step = n.div_ceil(STEPS).max(1);
    let mut sums = vec![ValueOfFirst {
        clients: 0,
        total: 0.0,
    }];
    let mut total = 0.0_f64;
    for (place, value) in (1..).zip(values) {
        total = (total + value).clamp(f64::MIN, f64::MAX);
        if place % step == 0 || place == n {
            sums.push(ValueOfFirst {
                clients: place as u64,
                total,
            });
        }
    }
    sums
}

/// The middle of sorted values, or the mean of both middle values; `None` without values.
fn median(sorted: &[f64]) -> Option<f64> {
    let upper = *sorted.get(sorted.len() / 2)?;
    let lower = sorted[(sorted.len() - 1) / 2];
    Some(lower / 2.0 + upper / 2.0)
}

/// The decision whether to call a client, and the expected value of the call.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(super) struct Call {
    /// Expected value of the call; `None` if no value is configured, or if the client's value is
    /// missing.
    pub(super) expected_value: Option<f64>,
    /// True if the client should be called; `None` if no capacity, no value and no held-out share is
    /// configured.
    pub(super) in_capacity: Option<bool>,
    /// True if the client would have been called and is held out; `None` if no share is held out.
    pub(super) hold_out: Option<bool>,
}

/// Decides who is called: clients in the order of the list, until the capacity is used up. Each call comes
/// with a flag: true if the client belongs to the held-out share.
///
/// If a value is configured, a client is skipped unless its call brings more than it costs. A
/// held-out client is not called either; the next client is called instead.
///
/// Returns the number of clients to be called; `None` if no capacity, no value and no held-out
/// share is configured.
pub(super) fn choose_calls<'l>(
    actions: &ActionSettings,
    calls: impl Iterator<Item = (&'l mut Call, bool)>,
) -> Option<u64> {
    let has_holdout = actions.holdout > 0.0;
    if actions.capacity.is_none() && actions.value.is_none() && !has_holdout {
        return None;
    }
    let capacity = actions.capacity.unwrap_or(u64::MAX);
    let mut left = capacity;
    for (call, is_of_share) in calls {
        let pays = actions.value.is_none() || call.expected_value.is_some_and(|it| it > 0.0);
        let may_be_called = pays && left > 0;
        let is_held_out = may_be_called && is_of_share;
        let is_called = may_be_called && !is_held_out;
        left -= u64::from(is_called);
        call.in_capacity = Some(is_called);
        call.hold_out = has_holdout.then_some(is_held_out);
    }
    Some(capacity - left)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_are_summed_over_the_first_clients() {
        let sums = |values: &[f64]| {
            let sums = values_of_first(values.iter().copied()).into_iter();
            sums.map(|it| (it.clients, it.total)).collect::<Vec<_>>()
        };
        assert_eq!(sums(&[]), [(0, 0.0)]);
        assert_eq!(sums(&[3.0, -1.0]), [(0, 0.0), (1, 3.0), (2, 2.0)]);
        let many = sums(&[1.0; 101]);
        assert_eq!((many.len(), many[1]), (35, (3, 3.0)));
        assert_eq!(many.last(), Some(&(101, 101.0)));
        assert_eq!(sums(&[f64::MAX, f64::MAX])[2], (2, f64::MAX));
    }
}
