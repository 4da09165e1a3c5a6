//! The decision of a run: a pure function of what was found and what is wanted.

use common::Config;
use common::config::{DriftBasis, DriftTrigger, OnTie};
use diagnostics::Verdicts;
use scoring::{ConfusionMatrix, Metrics, f1_with_interval, same_score};
use serde::{Deserialize, Serialize};

use crate::unlabelled::{Expectation, Realised};

/// What a run found out about the data and the deployed model.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Evidence {
    /// The deployed model; `None` when nothing is deployed.
    pub deployed: Option<DeployedModel>,
    /// Rows of finaldata.csv.
    pub rows: u64,
    /// Rejected input files with the reason, where nothing is deployed and there is no row; the
    /// first ones, and how many more.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub rejected_files: Vec<String>,
    /// Those of them whose class is known.
    pub labelled_rows: u64,
    /// Rows that were never judged.
    pub new_rows: u64,
    /// Those of them whose class is known.
    pub new_labelled_rows: u64,
    /// The deployed model on the new labelled rows; `None` without any.
    pub on_new_rows: Option<Metrics>,
    /// The deployed model on all labelled rows; `None` without any.
    pub on_all_rows: Option<AllRows>,
    /// What the new rows say of the deployed model and its features; `None` without any.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub verdicts: Option<Verdicts>,
    /// What is expected of the predictions for new rows without a class; `None` without any.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub expectation: Option<Expectation>,
    /// What earlier predictions turned out to be worth whose classes the new rows bring.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub realised: Vec<Realised>,
}

/// How a model predicts all labelled rows of finaldata.csv.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct AllRows {
    /// Counts by observed and predicted class.
    pub confusion: ConfusionMatrix,
    /// F1 of class 1.
    pub f1: Option<f64>,
}

/// F1 of the positive label, and how far it could be chance.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct F1 {
    /// From 0 to 1.
    pub value: f64,
    /// Its 95 % interval (Wilson); metrics of older programs have none.
    pub interval: Option<[f64; 2]>,
}

/// The deployed model as it was when it was deployed.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct DeployedModel {
    /// Its release.
    pub release: String,
    /// Its F1 on the test data then.
    pub score: f64,
    /// 95 % interval of that F1; releases of older programs have none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub score_interval: Option<[f64; 2]>,
}

/// What is wanted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Policy {
    /// What calls for a retrain.
    pub trigger: DriftTrigger,
    /// The rows that the deployed model is judged on.
    pub basis: DriftBasis,
    /// What an equal score means.
    pub on_tie: OnTie,
    /// The labels that a decision needs.
    pub needed: NeededLabels,
}

/// The labels that a decision about a model needs: fewer decide nothing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct NeededLabels {
    /// Labelled rows.
    pub rows: u64,
    /// Rows of either label among them.
    pub of_each_label: u64,
}

/// What a run is to do.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Decision {
    /// The step to take.
    pub action: Action,
    /// Why, as a sentence.
    pub reason: String,
}

/// The steps that a run can take once the data is in.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Action {
    /// There is no data at all.
    Nothing,
    /// All input was rejected, so there is nothing to fit a first model to.
    Unusable,
    /// Fit and deploy the first model.
    ColdStart,
    /// The deployed model stays; the new rows are judged.
    Keep,
    /// Fit a candidate and hold it against the deployed model.
    Retrain,
    /// The deployed model stays; what was predicted for the new rows waits for their classes.
    Predict,
    /// Nothing can be said; the new rows wait for the next ones.
    Wait,
}

impl Action {
    /// Whether all rows count as judged once it is done, unless there is no model after it.
    pub(crate) fn marks_as_judged(self) -> bool {
        match self {
            Self::ColdStart | Self::Keep | Self::Retrain | Self::Predict => true,
            Self::Nothing | Self::Unusable | Self::Wait => false,
        }
    }
}

impl Policy {
    /// What the configuration asks for.
    pub fn of(config: &Config) -> Self {
        Self {
            trigger: config.drift.trigger,
            basis: config.drift.basis,
            on_tie: config.drift.on_tie,
            needed: NeededLabels::of(config),
        }
    }
}

impl NeededLabels {
    /// What the configuration asks for.
    pub fn of(config: &Config) -> Self {
        Self {
            rows: config.drift.min_rows,
            of_each_label: config.drift.min_of_each_label,
        }
    }

    /// What is missing of it, in words; `None` when there is enough.
    pub(crate) fn missing(self, positives: u64, negatives: u64) -> Option<String> {
        let rows = positives + negatives;
        let of_positives = self.of_each_label.saturating_sub(positives);
        let of_negatives = self.of_each_label.saturating_sub(negatives);
        let missing = self
            .rows
            .saturating_sub(rows)
            .max(of_positives + of_negatives);
        let among = match (of_positives, of_negatives) {
            (0, 0) => String::new(),
            (positives, 0) => format!(", {positives} of them with label 1"),
            (0, negatives) => format!(", {negatives} of them with label 0"),
            (positives, negatives) => {
                format!(", {positives} of them with label 1 and {negatives} with label 0")
            }
        };
        (missing > 0).then(|| {
            format!(
                "({positives} with label 1, {negatives} with label 0); {} are needed, {} of each label; missing: {missing}{among}",
                self.rows, self.of_each_label,
            )
        })
    }
}

impl Evidence {
    /// Whether the score test found model drift on the new rows.
    pub fn has_model_drift(&self) -> bool {
        let verdicts = self.verdicts.as_ref();
        verdicts.is_some_and(|verdicts| verdicts.model.verdict == diagnostics::Verdict::Drift)
    }

    /// F1 of the deployed model on the rows that decide; `None` where it is undefined.
    pub fn basis(&self, policy: Policy) -> Option<F1> {
        let (value, interval) = match policy.basis {
            DriftBasis::NewRows => {
                let metrics = self.on_new_rows.as_ref()?;
                (metrics.f1?, metrics.f1_interval)
            }
            DriftBasis::AllRows => {
                let all = self.on_all_rows.as_ref()?;
                (all.f1?, scoring::f1_interval(&all.confusion))
            }
        };
        Some(F1 { value, interval })
    }
}

impl From<ConfusionMatrix> for AllRows {
    fn from(confusion: ConfusionMatrix) -> Self {
        Self {
            f1: confusion.f1(),
            confusion,
        }
    }
}

/// Decides what a run is to do.
pub fn decide(evidence: &Evidence, policy: &Policy) -> Decision {
    let Some(deployed) = &evidence.deployed else {
        return match (evidence.rows, evidence.labelled_rows) {
            (0, _) if !evidence.rejected_files.is_empty() => decision(
                Action::Unusable,
                format!(
                    "nothing is deployed, and no input file can be used: {}",
                    evidence.rejected_files.join("; ")
                ),
            ),
            (0, _) => decision(Action::Nothing, "there is no data".into()),
            (_, 0) => decision(
                Action::Wait,
                "no row has a label, so no first model can be fitted".into(),
            ),
            _ => decision(Action::ColdStart, "nothing is deployed yet".into()),
        };
    };
    if evidence.new_rows == 0 {
        return decision(Action::Wait, "no row is new".into());
    }
    if evidence.new_labelled_rows == 0 {
        return decision(Action::Predict, "no new row has a label".into());
    }
    if let Some(missing) = missing_labels(evidence, policy) {
        let have = match evidence.new_labelled_rows {
            1 => "1 new row has a label".into(),
            rows => format!("{rows} new rows have a label"),
        };
        let reason = format!("cannot test for model drift yet: {have} {missing}");
        return decision(Action::Wait, reason);
    }
    let score = by_score(evidence, deployed, policy);
    let test = by_evidence(evidence);
    let (first, second, other) = match policy.trigger {
        DriftTrigger::Evidence => (test, score, "the score"),
        DriftTrigger::Score => (score, test, "the evidence"),
    };
    first.unwrap_or_else(|why| match second {
        Ok(Decision { action, reason }) => {
            decision(action, format!("{why}; so {other} decides: {reason}"))
        }
        Err(neither) => decision(Action::Wait, format!("{why}; {neither}")),
    })
}

fn decision(action: Action, reason: String) -> Decision {
    Decision { action, reason }
}

/// What is missing of the labels that a decision needs; `None` when there are enough.
fn missing_labels(evidence: &Evidence, policy: &Policy) -> Option<String> {
    let positives = evidence
        .on_new_rows
        .as_ref()
        .map_or(0, |metrics| metrics.positives);
    let negatives = evidence.new_labelled_rows.saturating_sub(positives);
    policy.needed.missing(positives, negatives)
}

/// The decision by the score test; an error says why the model cannot be tested, however many rows
/// there were.
fn by_evidence(evidence: &Evidence) -> Result<Decision, String> {
    let Some(Verdicts { model, .. }) = &evidence.verdicts else {
        return Err("no test was made".into());
    };
    let action = match (model.verdict, &model.undecided) {
        (diagnostics::Verdict::Ok, _) => Action::Keep,
        (diagnostics::Verdict::Drift, _) => Action::Retrain,
        (diagnostics::Verdict::InsufficientData, Some(why)) if why.is_for_want_of_rows() => {
            Action::Wait
        }
        (diagnostics::Verdict::InsufficientData, _) => return Err(model.to_string()),
    };
    Ok(decision(action, model.to_string()))
}

/// The decision by F1; an error says why there is no score to compare: F1 is undefined or 0, as it
/// is where leavers are rare and nobody is predicted to leave.
fn by_score(
    evidence: &Evidence,
    deployed: &DeployedModel,
    policy: &Policy,
) -> Result<Decision, String> {
    let rows = match policy.basis {
        DriftBasis::NewRows => "new rows",
        DriftBasis::AllRows => "ingested rows",
    };
    let (new, interval) = match evidence.basis(*policy) {
        Some(f1) if f1.value > 0.0 => (f1.value, f1.interval),
        Some(_) => return Err(format!("F1 on the {rows} is 0, which is no score")),
        None => {
            return Err(format!(
                "F1 on the {rows} is undefined: no client left and none was predicted to leave"
            ));
        }
    };
    if deployed.score <= 0.0 {
        return Err("the deployed score is 0, which is no score".into());
    }
    let (action, verdict) = held_against(new, deployed.score, policy.on_tie);
    let reason = format!(
        "F1 on the {rows} is {}, {verdict}, {}",
        f1_with_interval(Some(new), interval),
        f1_with_interval(Some(deployed.score), deployed.score_interval)
    );
    Ok(decision(action, reason))
}

fn held_against(new: f64, deployed: f64, on_tie: OnTie) -> (Action, &'static str) {
    if same_score(new, 1.0) && same_score(deployed, 1.0) {
        return (Action::Keep, "as perfect as the deployed score");
    }
    if same_score(new, deployed) {
        return match on_tie {
            OnTie::Retrain => (Action::Retrain, "not higher than the deployed score"),
            OnTie::Keep => (Action::Keep, "equal to the deployed score"),
        };
    }
    if new > deployed {
        (Action::Keep, "higher than the deployed score")
    } else {
        (Action::Retrain, "not higher than the deployed score")
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use dataset::passes::ScoredRow;
    use diagnostics::statistics::{CumulativeScore, Undecided};

    const SEED: Policy = Policy {
        trigger: DriftTrigger::Score,
        basis: DriftBasis::NewRows,
        on_tie: OnTie::Retrain,
        needed: NeededLabels {
            rows: 0,
            of_each_label: 0,
        },
    };

    /// Metrics of rows with so many true positives, false positives and false negatives.
    fn metrics(true_positive: usize, false_positive: usize, false_negative: usize) -> Metrics {
        let row = |log_odds, label| ScoredRow {
            log_odds,
            label: Some(label),
        };
        let rows: Vec<ScoredRow> = std::iter::repeat_n(row(1.0, true), true_positive)
            .chain(std::iter::repeat_n(row(1.0, false), false_positive))
            .chain(std::iter::repeat_n(row(-1.0, true), false_negative))
            .chain([row(-1.0, false)])
            .collect();
        scoring::evaluate(&rows).unwrap()
    }

    fn evidence(new: Metrics, deployed: f64) -> Evidence {
        Evidence {
            deployed: Some(DeployedModel {
                release: "000001".into(),
                score: deployed,
                score_interval: None,
            }),
            rows: 100,
            labelled_rows: 100,
            new_rows: new.rows,
            new_labelled_rows: new.rows,
            on_all_rows: Some(AllRows::from(metrics(1, 1, 1).confusion)),
            on_new_rows: Some(new),
            ..Evidence::default()
        }
    }

    #[test]
    fn the_new_score_is_held_against_the_deployed_one() {
        let f1 = metrics(2, 1, 2).f1.unwrap();
        assert_eq!(f1, 4.0 / 7.0);
        for (deployed, on_tie, action) in [
            (0.5, OnTie::Retrain, Action::Keep),
            (0.6, OnTie::Retrain, Action::Retrain),
            (0.571_428_571_428_571_5, OnTie::Retrain, Action::Retrain),
            (0.571_428_571_428_571_4, OnTie::Retrain, Action::Retrain),
            (0.571_428_571_428_571_5, OnTie::Keep, Action::Keep),
            (0.571_428_571_428_571_4, OnTie::Keep, Action::Keep),
            (0.6, OnTie::Keep, Action::Retrain),
        ] {
            let policy = Policy { on_tie, ..SEED };
            let decision = decide(&evidence(metrics(2, 1, 2), deployed), &policy);
            assert_eq!(decision.action, action, "{deployed} {on_tie:?}");
        }
    }

    #[test]
    fn a_perfect_score_cannot_be_beaten() {
        let decision = decide(&evidence(metrics(3, 0, 0), 1.0), &SEED);
        assert_eq!(decision.action, Action::Keep);
        let fallen = decide(&evidence(metrics(3, 1, 0), 1.0), &SEED);
        assert_eq!(fallen.action, Action::Retrain);
    }

    #[test]
    fn a_score_of_nothing_leaves_the_decision_to_the_evidence() {
        use diagnostics::Verdict::{Drift, InsufficientData, Ok};
        // F1 0 on the new rows, undefined there, and 0 when the model was deployed.
        for (new, deployed, why) in [
            (metrics(0, 3, 2), 0.5, "new rows is 0"),
            (metrics(0, 0, 0), 0.5, "undefined"),
            (metrics(2, 1, 2), 0.0, "deployed score is 0"),
            (metrics(0, 3, 2), 0.0, "new rows is 0"),
        ] {
            for (verdict, action) in [
                (Ok, Action::Keep),
                (Drift, Action::Retrain),
                (InsufficientData, Action::Wait),
            ] {
                let found = Evidence {
                    verdicts: judged(verdict, None).verdicts,
                    ..evidence(new.clone(), deployed)
                };
                let decision = decide(&found, &SEED);
                assert_eq!(decision.action, action, "{why} {verdict:?}");
                assert!(decision.reason.contains(why), "{}", decision.reason);
            }
        }
    }

    #[test]
    fn few_labels_decide_nothing_and_the_reason_says_how_many_are_missing() {
        use diagnostics::Verdict::Drift;
        let policy = |trigger| Policy {
            trigger,
            needed: NeededLabels {
                rows: 20,
                of_each_label: 5,
            },
            ..SEED
        };
        for (positives, negatives, missing) in [
            (
                1,
                0,
                Some("missing: 19, 4 of them with label 1 and 5 with label 0"),
            ),
            (4, 15, Some("missing: 1, 1 of them with label 1")),
            (4, 900, Some("missing: 1, 1 of them with label 1")),
            (900, 0, Some("missing: 5, 5 of them with label 0")),
            (9, 10, Some("5 of each label; missing: 1")),
            (5, 15, None),
        ] {
            let mut new = metrics(positives, 0, 0);
            new.rows = (positives + negatives) as u64;
            let found = Evidence {
                verdicts: judged(Drift, None).verdicts,
                ..evidence(new, 1.0)
            };
            for trigger in [DriftTrigger::Score, DriftTrigger::Evidence] {
                let decision = decide(&found, &policy(trigger));
                let waits = decision.action == Action::Wait;
                assert_eq!(waits, missing.is_some(), "{}", decision.reason);
                let says = missing.unwrap_or_default();
                assert!(decision.reason.contains(says), "{}", decision.reason);
            }
        }
    }

    #[test]
    fn what_cannot_be_scored_waits() {
        let unlabelled = Evidence {
            new_labelled_rows: 0,
            on_new_rows: None,
            ..evidence(metrics(1, 0, 0), 0.5)
        };
        assert_eq!(decide(&unlabelled, &SEED).action, Action::Predict);
        let nothing = Evidence {
            new_rows: 0,
            ..unlabelled
        };
        assert_eq!(decide(&nothing, &SEED).action, Action::Wait);
    }

    /// Evidence whose new rows scored lower, with this verdict on the model.
    fn judged(verdict: diagnostics::Verdict, undecided: Option<Undecided>) -> Evidence {
        let model = diagnostics::ModelVerdict {
            verdict,
            rows: 100,
            positives: 30,
            expected: Some(30.0),
            single: None,
            cumulative: None,
            undecided,
            untested: Vec::new(),
            untested_levels: Vec::new(),
            moved: None,
        };
        Evidence {
            verdicts: Some(Verdicts {
                verdict,
                rows: 100,
                model,
                joint: None,
                features: Vec::new(),
                sums: CumulativeScore::default(),
            }),
            ..evidence(metrics(2, 1, 2), 0.6)
        }
    }

    #[test]
    fn the_evidence_decides_where_it_is_asked_for_and_can_be_had() {
        use diagnostics::Verdict::{Drift, InsufficientData, Ok};
        let policy = Policy {
            trigger: DriftTrigger::Evidence,
            ..SEED
        };
        let few = Undecided::FewRows { rows: 3, needed: 8 };
        let lopsided = Undecided::OneClassExpected {
            class: 1,
            expected: 0.2,
            rows: 9,
        };
        for (verdict, undecided, action, reason) in [
            (Ok, None, Action::Keep, "whether"),
            (Drift, None, Action::Retrain, "whether"),
            (
                InsufficientData,
                Some(few),
                Action::Wait,
                "at least 8 are needed",
            ),
            (
                InsufficientData,
                Some(lopsided),
                Action::Wait,
                "0.2 rows of class 1",
            ),
            (
                InsufficientData,
                Some(Undecided::NoCovariance),
                Action::Retrain,
                "is not known; so the score decides: F1 on the new rows is 0.5714",
            ),
            (
                InsufficientData,
                Some(Undecided::AlikeRows),
                Action::Retrain,
                "so the score decides",
            ),
            (
                InsufficientData,
                Some(Undecided::TooLarge),
                Action::Retrain,
                "so the score decides",
            ),
        ] {
            let found = judged(verdict, undecided);
            let decision = decide(&found, &policy);
            assert_eq!(decision.action, action, "{undecided:?}");
            assert!(decision.reason.contains(reason), "{}", decision.reason);
            assert_eq!(
                decide(&found, &SEED).action,
                Action::Retrain,
                "the score is lower"
            );
        }
    }

    #[test]
    fn the_basis_chooses_the_rows() {
        let all = Policy {
            basis: DriftBasis::AllRows,
            ..SEED
        };
        let found = evidence(metrics(9, 0, 0), 0.6);
        assert_eq!(decide(&found, &SEED).action, Action::Keep);
        assert_eq!(decide(&found, &all).action, Action::Retrain);
    }

    #[test]
    fn without_a_release_it_is_a_cold_start() {
        let found = |rows, labelled_rows| Evidence {
            rows,
            labelled_rows,
            ..Evidence::default()
        };
        assert_eq!(decide(&found(0, 0), &SEED).action, Action::Nothing);
        let rejected = Evidence {
            rejected_files: vec!["in/a.csv: no header".into()],
            ..found(0, 0)
        };
        let unusable = decide(&rejected, &SEED);
        assert_eq!(unusable.action, Action::Unusable);
        assert!(
            unusable.reason.ends_with("in/a.csv: no header"),
            "{}",
            unusable.reason
        );
        assert_eq!(decide(&found(5, 0), &SEED).action, Action::Wait);
        assert_eq!(decide(&found(5, 1), &SEED).action, Action::ColdStart);
    }
}
