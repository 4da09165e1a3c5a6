//! The effect of calling: which share of the called clients left, and which share of the held-out
//! clients.
//!
//! A client that was to be called counts as called. Held-out clients are chosen by a hash of the
//! id, so on one list the two groups differ only by the call. A client counts in the group of its
//! last list before its label arrived. If labels take several runs, the risk of a called client may
//! fall so far that it leaves the group. The effect then seems smaller than it is.

use std::collections::HashMap;
use std::fmt;
use std::path::Path;

use common::Failure;
use common::numbers::count;
use dataset::public_hash;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::calibration::{CallCalibration, CallPredictions};
use super::stored::StoredList;
use crate::statistics::NORMAL_97_5;

/// Outcomes of the clients on call lists whose labels have arrived.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct CallOutcomes {
    /// Clients that were to be called.
    pub called: CallGroup,
    /// Clients that were held out: they would have been called otherwise.
    pub held_out: CallGroup,
}

/// Counts of a group.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct CallGroup {
    /// Clients whose label has arrived.
    pub clients: u64,
    /// Number of these clients that left.
    pub left: u64,
}

/// The effect of calling.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct CallEffect {
    /// Share of leavers among held-out clients minus that among called clients.
    pub difference: f64,
    /// 95 % interval of the difference.
    pub difference_interval: [f64; 2],
    /// Save rate: the share of leavers that calls kept, 1 − called share / held-out share. Negative
    /// if called clients left more often; `None` if no held-out client left.
    pub save_rate: Option<f64>,
    /// 95 % interval of the save rate.
    pub save_rate_interval: Option<[f64; 2]>,
}

/// Outcomes, and the findings from them.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct CallReport {
    /// The outcomes.
    #[serde(flatten)]
    pub outcomes: CallOutcomes,
    /// The effect of calling; `None` until labels of both groups have arrived.
    pub effect: Option<CallEffect>,
    /// Comparison of predictions and labels, for the newest release whose listed clients have
    /// labels. `None` in records of older programs.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub calibration: Option<CallCalibration>,
}

impl CallReport {
    /// The report of outcomes and predictions.
    pub fn new(outcomes: CallOutcomes, predictions: &CallPredictions) -> Self {
        Self {
            outcomes,
            effect: outcomes.effect(),
            calibration: predictions.calibration(),
        }
    }
}

impl CallGroup {
    fn add(&mut self, left: bool) {
        self.clients += 1;
        self.left += u64::from(left);
    }

    /// Share of leavers; `None` without clients.
    pub fn share(self) -> Option<f64> {
        (self.clients > 0).then(|| self.left as f64 / self.clients as f64)
    }

    /// Wilson's 95 % interval of the share, as (share, lower end, upper end).
    fn interval(self) -> Option<(f64, f64, f64)> {
        let share = self.share()?;
        let (n, z) = (self.clients as f64, NORMAL_97_5);
        let middle = share + z * z / (2.0 * n);
        let spread = z * (share * (1.0 - share) / n + z * z / (4.0 * n * n)).sqrt();
        let scale = 1.0 + z * z / n;
        Some((share, (middle - spread) / scale, (middle + spread) / scale))
    }
}

impl CallOutcomes {
    /// The sum of two counts.
    #[must_use]
    pub fn plus(self, other: Self) -> Self {
        let sum = |a: CallGroup, b: CallGroup| CallGroup {
            clients: a.clients.saturating_add(b.clients),
            left: a.left.saturating_add(b.left),
        };
        Self {
            called: sum(self.called, other.called),
            held_out: sum(self.held_out, other.held_out),
        }
    }

    /// True if no label has arrived.
    pub fn is_empty(&self) -> bool {
        self.called.clients == 0 && self.held_out.clients == 0
    }

    /// The effect of calling; `None` until labels of both groups have arrived.
    ///
    /// The interval of the difference is method 10 of Newcombe (Statistics in Medicine 17, 1998).
    /// The interval of the save rate follows from that of the relative risk (Katz and others,
    /// Biometrics 34, 1978). If in a group all clients or none left, one half is added to the
    /// leavers and stayers of both groups.
    pub fn effect(&self) -> Option<CallEffect> {
        let (called, called_low, called_high) = self.called.interval()?;
        let (held, held_low, held_high) = self.held_out.interval()?;
        let difference = held - called;
        let below = ((held - held_low).powi(2) + (called_high - called).powi(2)).sqrt();
        let above = ((held_high - held).powi(2) + (called - called_low).powi(2)).sqrt();
        let save_rate = (self.held_out.left > 0).then(|| 1.0 - called / held);
        Some(CallEffect {
            difference,
            difference_interval: [difference - below, difference + above],
            save_rate,
            save_rate_interval: save_rate.map(|_| self.save_rate_interval()),
        })
    }

    fn save_rate_interval(&self) -> [f64; 2] {
        let is_extreme = |group: CallGroup| group.left == 0 || group.left == group.clients;
        let is_any_extreme = is_extreme(self.called) || is_extreme(self.held_out);
        let more = if is_any_extreme { 0.5 } else { 0.0 };
        let counts =
            |group: CallGroup| (group.left as f64 + more, group.clients as f64 + 2.0 * more);
        let ((left, called), (held_left, held)) = (counts(self.called), counts(self.held_out));
        let risk = (left / called) / (held_left / held);
        let variance = 1.0 / left - 1.0 / called + 1.0 / held_left - 1.0 / held;
        let factor = (NORMAL_97_5 * variance.max(0.0).sqrt()).exp();
        [1.0 - risk * factor, 1.0 - risk / factor]
    }
}

impl fmt::Display for CallOutcomes {
    fn fmt(&self, to: &mut fmt::Formatter<'_>) -> fmt::Result {
        // Adding 0 turns −0 into 0.
        let points = |share: f64| format!("{:.0}", (share * 100.0).round() + 0.0);
        let direction = |difference: f64| if difference < 0.0 { "more" } else { "fewer" };
        let percent = |share: f64| format!("{} %", points(share));
        let group = |group: CallGroup| match group.share() {
            None => "none has a label yet".into(),
            Some(share) => {
                let (left, clients) = (count(group.left), count(group.clients));
                format!("{left} of {clients} ({})", percent(share))
            }
        };
        write!(
            to,
            "leavers among called clients: {}; among held-out clients: {}",
            group(self.called),
            group(self.held_out)
        )?;
        let Some(effect) = self.effect() else {
            return Ok(());
        };
        let direction = direction(effect.difference);
        let sign = if effect.difference < 0.0 { -1.0 } else { 1.0 };
        let mut ends = effect.difference_interval.map(|end| sign * end);
        ends.sort_by(f64::total_cmp);
        let [low, high] = ends.map(points);
        let difference = points(effect.difference.abs());
        let unit = if difference == "1" { "point" } else { "points" };
        write!(
            to,
            "; {difference} {unit} {direction} with a call (95 % interval {low} to {high})"
        )?;
        if let (Some(rate), Some([low, high])) = (effect.save_rate, effect.save_rate_interval) {
            write!(
                to,
                "; calls saved {} of the leavers (95 % interval {} to {})",
                percent(rate),
                percent(low),
                percent(high)
            )?;
        }
        Ok(())
    }
}

/// True if a client belongs to the held-out share. The same id and share always give the same
/// answer.
pub(super) fn is_held_out(id: &[u8], share: f64) -> bool {
    // The prefix makes this hash independent of the one that assigns folds. Every fold therefore
    // has about the same share of held-out clients.
    let hash = public_hash(&[b"hold out:", id].concat());
    (hash as f64) < share * 2.0_f64.powi(64)
}

/// The clients of an earlier list that were called or held out, by the hash of their id.
#[derive(Debug, Default)]
pub(super) struct EarlierCalls {
    /// Number of the release that made the predictions.
    model_version: String,
    clients: HashMap<u64, EarlierClient>,
    /// Labels of these clients' latest rows.
    labels: HashMap<u64, bool>,
}

/// A client of an earlier list.
#[derive(Clone, Copy, Debug)]
struct EarlierClient {
    is_held_out: bool,
    probability: f64,
}

impl EarlierCalls {
    /// Reads the clients of a list from its file. An error if the file is missing or damaged.
    pub(super) fn of_file(path: &Path) -> anyhow::Result<Self> {
        match StoredList::open(path)? {
            Some(list) => Self::of_list(list),
            None => Err(Failure::input_output(format!("{} is missing", path.display())).into()),
        }
    }

    fn of_list(mut list: StoredList) -> anyhow::Result<Self> {
        let mut calls = Self::default();
        while let Some(client) = list.next_client()? {
            let is_held_out = match (client.hold_out, client.in_capacity) {
                (Some(true), _) => true,
                (Some(false), Some(true)) => false,
                _ => continue,
            };
            let earlier = EarlierClient {
                is_held_out,
                probability: client.probability,
            };
            calls
                .clients
                .insert(public_hash(client.id.as_bytes()), earlier);
            // One model ranks all clients of a list.
            calls.model_version = client.model_version;
        }
        Ok(calls)
    }

    /// Takes the label of a client's next row. A row without a label removes the label of the row
    /// before.
    pub(super) fn note(&mut self, client: u64, label: Option<bool>) {
        if !self.clients.contains_key(&client) {
            return;
        }
        match label {
            Some(label) => self.labels.insert(client, label),
            None => self.labels.remove(&client),
        };
    }

    /// Outcomes of the clients whose latest row has a label, and the predictions for them.
    pub(super) fn outcomes(&self) -> (CallOutcomes, CallPredictions) {
        let mut outcomes = CallOutcomes::default();
        let mut predictions = CallPredictions {
            model_version: self.model_version.clone(),
            ..CallPredictions::default()
        };
        let labels = self.labels.iter();
        let mut labels: Vec<(u64, bool)> = labels.map(|(client, left)| (*client, *left)).collect();
        // The order of a hash map changes from run to run. Sorting makes the sums equal to the bit.
        labels.sort_unstable();
        for (client, left) in labels {
            let Some(client) = self.clients.get(&client) else {
                continue;
            };
            let (counted, predicted) = match client.is_held_out {
                true => (&mut outcomes.held_out, &mut predictions.held_out),
                false => (&mut outcomes.called, &mut predictions.called),
            };
            counted.add(left);
            predicted.add(client.probability, left);
        }
        (outcomes, predictions)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(called: [u64; 2], held_out: [u64; 2]) -> CallOutcomes {
        let group = |[left, clients]: [u64; 2]| CallGroup { clients, left };
        CallOutcomes {
            called: group(called),
            held_out: group(held_out),
        }
    }

    #[track_caller]
    fn close(found: [f64; 2], wanted: [f64; 2]) {
        for (found, wanted) in found.into_iter().zip(wanted) {
            assert!((found - wanted).abs() < 5e-5, "{found} is not {wanted}");
        }
    }

    #[test]
    fn the_difference_has_the_interval_of_newcombe() {
        // The first example of the paper: 56 of 70 and 48 of 80.
        let effect = of([48, 80], [56, 70]).effect().unwrap();
        assert!((effect.difference - 0.2).abs() < 1e-12);
        close(effect.difference_interval, [0.0524, 0.3339]);
        // And its last one: 10 of 10 and 0 of 20.
        let effect = of([0, 20], [10, 10]).effect().unwrap();
        close(effect.difference_interval, [0.6791, 1.0]);
    }

    #[test]
    fn the_save_rate_is_one_minus_the_relative_risk() {
        let effect = of([10, 100], [20, 100]).effect().unwrap();
        assert_eq!(effect.save_rate, Some(0.5));
        // exp(ln 0.5 ± 1.96 √(1/10 − 1/100 + 1/20 − 1/100)) = 0.24664 to 1.01362.
        close(
            effect.save_rate_interval.unwrap(),
            [1.0 - 1.01362, 1.0 - 0.24664],
        );
        let harm = of([30, 100], [20, 100]).effect().unwrap();
        assert!(harm.save_rate.unwrap() < 0.0);
        let none_left = of([0, 50], [10, 50]).effect().unwrap();
        assert_eq!(none_left.save_rate, Some(1.0));
        assert!(none_left.save_rate_interval.unwrap()[0] < 1.0);
        let all_left = of([3, 3], [3, 3]).effect().unwrap();
        let [low, high] = all_left.save_rate_interval.unwrap();
        assert!(low < 0.0 && high > 0.0, "{low} {high}");
        assert_eq!(of([1, 50], [0, 50]).effect().unwrap().save_rate, None);
        assert_eq!(of([1, 50], [0, 0]).effect(), None);
    }

    #[test]
    fn the_outcomes_are_reported_in_words() {
        assert_eq!(
            of([10, 100], [20, 100]).to_string(),
            "leavers among called clients: 10 of 100 (10 %); among held-out clients: 20 of 100 (20 %); \
             10 points fewer with a call (95 % interval 0 to 20); calls saved 50 % of the leavers (95 % interval -1 % to 75 %)"
        );
        assert_eq!(
            of([0, 3], [0, 0]).to_string(),
            "leavers among called clients: 0 of 3 (0 %); among held-out clients: none has a label yet"
        );
    }

    #[test]
    fn a_share_of_the_clients_is_held_out_by_the_id() {
        let held_out = |share: f64| {
            let ids = (0..10_000).map(|id: u32| format!("client {id}"));
            ids.filter(|id| is_held_out(id.as_bytes(), share)).count()
        };
        assert!((900..1_100).contains(&held_out(0.1)), "{}", held_out(0.1));
        assert_eq!((held_out(0.0), held_out(1.0)), (0, 10_000));
        let smaller = is_held_out(b"client 7", 0.2) <= is_held_out(b"client 7", 0.3);
        assert!(smaller, "a larger share holds the smaller one");
    }

    #[test]
    fn a_missing_or_damaged_list_is_an_error() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("riskranking.csv");
        assert!(EarlierCalls::of_file(&path).is_err());
        common::files::replace(&path, b"rank,id\n1,a\n").unwrap();
        assert!(EarlierCalls::of_file(&path).is_err());
    }

    #[test]
    fn only_the_latest_label_of_a_listed_client_counts() {
        let client = |(id, is_held_out, probability)| {
            let client = EarlierClient {
                is_held_out,
                probability,
            };
            (id, client)
        };
        let listed = [(1, true, 0.75), (2, false, 0.5), (3, false, 0.25)];
        let mut calls = EarlierCalls {
            model_version: "000007".into(),
            clients: listed.into_iter().map(client).collect(),
            labels: HashMap::new(),
        };
        for (client, label) in [
            (1, None),
            (1, Some(true)),
            (2, Some(true)),
            (2, Some(false)),
            (3, Some(true)),
            (3, None),
            (4, Some(true)),
        ] {
            calls.note(client, label);
        }
        let (outcomes, predictions) = calls.outcomes();
        assert_eq!(outcomes, of([0, 1], [1, 1]));
        assert_eq!(predictions.model_version, "000007");
        assert_eq!(
            (predictions.called.left, predictions.called.expected),
            (0, 0.5)
        );
        let held_out = predictions.held_out;
        assert_eq!(
            (held_out.left, held_out.expected, held_out.variance),
            (1, 0.75, 0.1875)
        );
    }
}
