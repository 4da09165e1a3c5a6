//! Reviews of decisions about the deployed model: was a decision right, as later rows show?

use std::fmt;

use common::numbers::{Scores, counted};
use schemars::JsonSchema;
use scoring::{ClientSums, interval_at_look};
use serde::{Deserialize, Serialize};

/// A decision, and its result on the rows that arrived after it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Review {
    /// The decision.
    pub decision: ReviewedDecision,
    /// Number of the run that made the decision. For a decision by a person, the first run after
    /// it.
    pub run: i64,
    /// The model that was deployed after the decision.
    pub chosen: KeptModel,
    /// The model that the decision replaced or refused.
    pub other: KeptModel,
    /// Number of batches with labelled rows since the decision.
    pub batches: u64,
    /// True if a batch had more rows than memory, so that these are a sample.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub is_sample: bool,
    /// Log-losses of `chosen` minus the log-losses of `other` on these rows.
    pub losses: ClientSums,
    /// Mean of the differences of the rows. It is below 0 if `chosen` is better. `None` before any
    /// row.
    pub difference: Option<f64>,
    /// Interval of the mean difference. The intervals of all batches together contain the true
    /// difference with a probability of 95 %, if no client is in several batches. `None` with few
    /// clients.
    pub interval: Option<[f64; 2]>,
    /// The judgement of the decision.
    pub verdict: Hindsight,
    /// Reason why the newest batch could not be added; `None` if it was added.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub problem: Option<String>,
}

/// A kind of decision about the deployed model.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum ReviewedDecision {
    /// A run replaced the deployed model.
    Retrain,
    /// The gate refused the candidate.
    Refusal,
    /// A person deployed an earlier release again.
    Rollback,
    /// A person deployed a later release again, after a rollback.
    Return,
    /// A person deployed a new release.
    DeploymentByHand,
}

/// A model whose file is kept.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum KeptModel {
    /// The model of a release.
    Release {
        /// Name of the release.
        release: String,
    },
    /// A refused candidate, in the folder of its run.
    Candidate {
        /// Number of the run.
        run: i64,
        /// SHA-256 of its file.
        model: String,
    },
}

/// The judgement of a decision, by the rows so far.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Hindsight {
    /// The log-loss of the chosen model is significantly lower.
    WasRight,
    /// The log-loss of the chosen model is significantly higher.
    WasWrong,
    /// The log-losses do not differ significantly on the rows so far.
    Open,
}

impl Review {
    /// Begins the review of a decision, before any later row has arrived.
    pub fn begin(
        decision: ReviewedDecision,
        run: i64,
        chosen: KeptModel,
        other: KeptModel,
    ) -> Self {
        Self {
            decision,
            run,
            chosen,
            other,
            batches: 0,
            is_sample: false,
            losses: ClientSums::default(),
            difference: None,
            interval: None,
            verdict: Hindsight::Open,
            problem: None,
        }
    }

    /// Adds the rows of a later batch and renews the judgement.
    pub fn add(&mut self, batch: &ClientSums) {
        self.batches += 1;
        self.losses.merge(batch);
        self.difference = self.losses.mean();
        self.interval = interval_at_look(&self.losses, self.batches);
        self.verdict = match self.interval {
            Some([_, upper]) if upper < 0.0 => Hindsight::WasRight,
            Some([lower, _]) if lower > 0.0 => Hindsight::WasWrong,
            _ => Hindsight::Open,
        };
    }

    /// True if both are reviews of the same decision.
    pub fn is_of_decision(&self, other: &Self) -> bool {
        (self.decision, self.run) == (other.decision, other.run)
    }
}

impl fmt::Display for Review {
    fn fmt(&self, to: &mut fmt::Formatter<'_>) -> fmt::Result {
        let what = match self.decision {
            ReviewedDecision::Retrain => format!("the retrain of run {}", self.run),
            ReviewedDecision::Refusal => format!("the refusal of run {}", self.run),
            ReviewedDecision::Rollback => format!("the rollback before run {}", self.run),
            ReviewedDecision::Return => {
                format!("the return to {} before run {}", self.chosen, self.run)
            }
            ReviewedDecision::DeploymentByHand => {
                format!("the deployment by hand before run {}", self.run)
            }
        };
        match self.verdict {
            Hindsight::WasRight => write!(to, "{what} was right")?,
            Hindsight::WasWrong => write!(to, "{what} was wrong")?,
            Hindsight::Open => write!(to, "cannot tell yet if {what} was right")?,
        }
        if let Some(mean) = self.difference {
            let ends = self.interval.into_iter().flatten();
            write!(
                to,
                ": on {}{} that arrived later, log-loss of {} minus that of {}: {}",
                match self.is_sample {
                    true => "a sample of ",
                    false => "",
                },
                counted(self.losses.rows, "row"),
                self.chosen,
                self.other,
                Scores::of([0.0, mean].into_iter().chain(ends)).show(Some(mean), self.interval)
            )?;
        }
        match &self.problem {
            Some(problem) => write!(to, "; this batch is not counted: {problem}"),
            None => Ok(()),
        }
    }
}

impl fmt::Display for KeptModel {
    fn fmt(&self, to: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Release { release } => write!(to, "release {release}"),
            Self::Candidate { run, .. } => write!(to, "the candidate of run {run}"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Sums over 100 clients with one row each. The arguments are the mean and the spread of the
    /// differences.
    fn losses(mean: f64, spread: f64) -> ClientSums {
        ClientSums {
            rows: 100,
            clients: 100,
            sum: 100.0 * mean,
            squares: 100.0 * (mean * mean + spread * spread),
            products: 100.0 * mean,
            squared_rows: 100.0,
        }
    }

    fn release(number: u32) -> KeptModel {
        KeptModel::Release {
            release: format!("{number:06}"),
        }
    }

    fn review(decision: ReviewedDecision, mean: f64, spread: f64) -> Review {
        let other = match decision {
            ReviewedDecision::Refusal => KeptModel::Candidate {
                run: 7,
                model: "ab".into(),
            },
            _ => release(1),
        };
        let mut review = Review::begin(decision, 7, release(2), other);
        review.add(&losses(mean, spread));
        review
    }

    #[test]
    fn a_decision_was_right_if_its_model_has_a_significantly_lower_log_loss() {
        use Hindsight::{Open, WasRight, WasWrong};
        for (mean, wanted) in [(-0.1, WasRight), (0.1, WasWrong), (0.02, Open)] {
            let found = review(ReviewedDecision::Retrain, mean, 0.3);
            assert_eq!(found.verdict, wanted, "{mean}");
        }
        let [chosen, other] = [1, 2].map(release);
        let empty = Review::begin(ReviewedDecision::Retrain, 7, chosen, other);
        assert_eq!((empty.verdict, empty.difference), (Open, None));
    }

    #[test]
    fn a_review_tells_the_decision_its_verdict_and_the_figures() {
        assert_eq!(
            review(ReviewedDecision::Retrain, -0.1, 0.3).to_string(),
            "the retrain of run 7 was right: on 100 rows that arrived later, log-loss of release 000002 minus that of release 000001: -0.10 (95 % interval -0.17 to -0.03)"
        );
        let refusal = Review {
            problem: Some("the candidate of run 7 cannot be opened".into()),
            ..review(ReviewedDecision::Refusal, 0.1, 0.3)
        };
        let text = refusal.to_string();
        assert!(
            text.starts_with("the refusal of run 7 was wrong: on 100 rows")
                && text.contains("minus that of the candidate of run 7: 0.10")
                && text.ends_with("not counted: the candidate of run 7 cannot be opened"),
            "{text}"
        );
        let rollback = review(ReviewedDecision::Rollback, 0.0, 0.3).to_string();
        assert!(
            rollback.starts_with("cannot tell yet if the rollback before run 7 was right: "),
            "{rollback}"
        );
    }

    #[test]
    fn a_review_survives_serialisation() {
        for decision in [
            ReviewedDecision::Refusal,
            ReviewedDecision::DeploymentByHand,
        ] {
            let review = review(decision, 0.1, 0.3);
            let text = serde_json::to_string(&review).unwrap();
            assert_eq!(serde_json::from_str::<Review>(&text).unwrap(), review);
        }
    }
}
