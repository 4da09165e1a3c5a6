//! Drift verdicts as sentences.

use std::fmt;

use super::{BaseLevel, ModelVerdict, RecentTest, TestAtLevel, UntestedReason, Verdicts};
use crate::compare::{Check, ColumnComparison, JointCheck, Unit, Verdict};
use crate::statistics::{MIN_TRAINING_ROWS, ScoreTestMethod};

impl fmt::Display for ModelVerdict {
    fn fmt(&self, to: &mut fmt::Formatter<'_>) -> fmt::Result {
        let deciding = self.tests().find(|result| result.is_drift());
        let deciding = deciding.or(self.tests().next());
        match (self.verdict, deciding, &self.undecided) {
            (Verdict::Drift, Some(result), _) => {
                write!(to, "model drift on {}", test_in_words(self, result))?;
                match &self.moved {
                    Some(moved) => {
                        let which = moved.coefficient.as_ref().or(moved.feature.as_ref());
                        let direction = if moved.component > 0.0 {
                            "larger"
                        } else {
                            "smaller"
                        };
                        match which {
                            Some(name) => write!(
                                to,
                                "; the largest change: the coefficient of {name} has become {direction}"
                            ),
                            None => write!(
                                to,
                                "; the largest change: {} has become {direction}",
                                intercept_in_words(&moved.base_levels)
                            ),
                        }
                    }
                    None => Ok(()),
                }
            }
            (Verdict::Ok, Some(result), _) => {
                write!(to, "no model drift on {}", test_in_words(self, result))?;
                self.untested_names().try_for_each(|(names, why)| {
                    write!(to, "; not tested: {} ({why})", in_words(&names))
                })
            }
            (_, _, Some(why)) if why.needs_more_rows() => {
                write!(to, "cannot test for model drift yet: {why}")
            }
            (_, _, Some(why)) => write!(to, "cannot test for model drift: {why}"),
            (_, _, None) => to.write_str("cannot test for model drift"),
        }
    }
}

impl ModelVerdict {
    /// Names that the deciding test left out, by reason.
    fn untested_names(&self) -> impl Iterator<Item = (Vec<String>, String)> {
        let levels = |why| {
            let levels = self.untested_levels.iter();
            let levels = levels.filter(move |level| level.why == why);
            levels.map(|level| match &level.coefficient {
                Some(name) => name.clone(),
                None => format!("levels of {}", level.feature),
            })
        };
        let collinear = self.untested.iter().cloned();
        let collinear = collinear.chain(levels(UntestedReason::Collinear)).collect();
        let rare = levels(UntestedReason::Rare).collect();
        let rare_in_training = levels(UntestedReason::RareInTraining).collect();
        let by_reason: [(Vec<String>, String); 3] = [
            (
                collinear,
                "constant, missing or collinear in these rows".into(),
            ),
            (rare, "rare in these rows, or all other levels are".into()),
            (
                rare_in_training,
                format!("fewer than {MIN_TRAINING_ROWS} training rows have its rarer value"),
            ),
        ];
        by_reason.into_iter().filter(|(names, _)| !names.is_empty())
    }
}

/// The intercept, with the base levels that cannot be distinguished from it.
fn intercept_in_words(base_levels: &[BaseLevel]) -> String {
    let levels: Vec<String> = base_levels
        .iter()
        .map(|level| match &level.coefficient {
            Some(name) => name.clone(),
            None => format!("a level of {}", level.feature),
        })
        .collect();
    match levels.as_slice() {
        [] => "the intercept".into(),
        levels => format!("the intercept, or what {} adds to it,", in_words(levels)),
    }
}

/// Names that a sentence lists at most.
const LISTED_NAMES: usize = 5;

fn in_words(names: &[String]) -> String {
    match names.len().checked_sub(LISTED_NAMES) {
        Some(more @ 1..) => format!("{} and {more} more", names[..LISTED_NAMES].join(", ")),
        _ => names.join(", "),
    }
}

/// Describes the rows and the result of the test.
fn test_in_words(verdict: &ModelVerdict, result: &TestAtLevel) -> String {
    let recent = verdict.recent.as_ref();
    let recent = recent.filter(|recent| recent.result == *result);
    let which = match recent {
        _ if verdict.single.as_ref() == Some(result) => "new labelled rows".into(),
        Some(RecentTest { batches, .. }) => format!("labelled rows of the last {batches} batches"),
        None => "labelled rows since it went live".into(),
    };
    let TestAtLevel { test, rows, level } = result;
    format!(
        "{rows} {which} (score test {:.2} with {} degrees of freedom, p {}{}; drift is below {})",
        test.statistic,
        test.degrees,
        p_text(test.p_value),
        match test.method {
            ScoreTestMethod::Asymptotic => "",
            ScoreTestMethod::Simulated => " by simulation",
        },
        two_digits(*level)
    )
}

impl Verdicts {
    /// The worst verdict on the features, with the joint test.
    pub fn worst_feature_verdict(&self) -> Verdict {
        let joint = self.joint.iter().map(|joint| joint.verdict);
        Verdict::worst(joint.chain(self.features.iter().map(|feature| feature.verdict)))
    }

    /// The findings about the features, one sentence each.
    pub fn feature_sentences(&self) -> Vec<String> {
        let mut found: Vec<String> = self
            .joint
            .iter()
            .filter(|joint| joint.verdict == Verdict::Drift)
            .map(joint_drift_sentence)
            .chain(self.features.iter().flat_map(drift_sentences))
            .collect();
        if found.is_empty() {
            found.push(self.no_drift_sentence());
        }
        found
    }

    fn no_drift_sentence(&self) -> String {
        let untested =
            |feature: &&ColumnComparison| feature.distribution.verdict == Verdict::InsufficientData;
        let untested: Vec<&ColumnComparison> = self.features.iter().filter(untested).collect();
        let names: Vec<&str> = untested
            .iter()
            .map(|feature| feature.name.as_str())
            .collect();
        let lack_values = untested
            .iter()
            .all(|feature| feature.distribution.p_value.is_none());
        let why = if lack_values {
            "no values"
        } else {
            "too few values"
        };
        match (untested.len(), self.features.len() - untested.len()) {
            (0, _) => "no feature drift: new clients resemble the training clients".into(),
            (_, 0) => format!("cannot test for feature drift yet: {why}"),
            _ => format!(
                "no feature drift: new clients resemble the training clients; not tested: {} ({why})",
                names.join(", ")
            ),
        }
    }
}

fn joint_drift_sentence(joint: &JointCheck) -> String {
    format!(
        "joint feature drift of {} (p {})",
        joint.columns.join(", "),
        p_text(joint.p_value)
    )
}

fn drift_sentences(feature: &ColumnComparison) -> impl Iterator<Item = String> {
    let checks = [&feature.distribution, &feature.missing];
    checks
        .into_iter()
        .filter(|check| check.verdict == Verdict::Drift)
        .map(|check| {
            format!(
                "{} (p {})",
                change_in_words(feature, check),
                check.corrected_p_value.map_or_else(|| "-".into(), p_text)
            )
        })
}

fn change_in_words(feature: &ColumnComparison, check: &Check) -> String {
    let name = &feature.name;
    let was_constant = feature.was_constant.as_ref();
    match (check.unit, check.effect) {
        (Unit::StandardDeviations, _) if let Some(change) = was_constant => {
            format!("the distribution of {name} has moved: {change}")
        }
        (Unit::MissingShare, Some(by)) if by < 0.0 => {
            format!(
                "missing values of {name} are down by {:.1} % of the rows",
                -by * 100.0
            )
        }
        (Unit::MissingShare, Some(by)) => {
            format!(
                "missing values of {name} are up by {:.1} % of the rows",
                by * 100.0
            )
        }
        (unit, Some(by)) => format!("the distribution of {name} has moved by {by:.2} {unit}"),
        (_, None) => format!("the distribution of {name} has moved by a number out of range"),
    }
}

/// Rounds a level to two significant digits.
fn two_digits(level: f64) -> f64 {
    format!("{level:.1e}").parse().unwrap_or(level)
}

fn p_text(p: f64) -> String {
    if p < 1e-4 {
        format!("{p:.1e}")
    } else {
        format!("{p:.4}")
    }
}
