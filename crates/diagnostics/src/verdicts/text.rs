//! Verdicts as sentences.

use std::fmt;

use super::{BaseLevel, HeldTest, ModelVerdict, Verdicts, WhyUntested};
use crate::compare::{Check, ColumnComparison, JointCheck, Unit, Verdict};
use crate::statistics::ScoreTestMethod;

impl fmt::Display for ModelVerdict {
    fn fmt(&self, to: &mut fmt::Formatter<'_>) -> fmt::Result {
        let found = || self.single.iter().chain(&self.cumulative);
        let deciding = found().find(|held| held.is_drift()).or(found().next());
        match (self.verdict, deciding, &self.undecided) {
            (Verdict::Drift, Some(held), _) => {
                write!(
                    to,
                    "the deployed model no longer holds on {}",
                    on(self, held)
                )?;
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
                                "; most of all the coefficient of {name} has become {direction}"
                            ),
                            None => write!(
                                to,
                                "; most of all {} has become {direction}",
                                the_intercept(&moved.base_levels)
                            ),
                        }
                    }
                    None => Ok(()),
                }
            }
            (Verdict::Ok, Some(held), _) => {
                write!(to, "the deployed model holds on {}", on(self, held))?;
                self.open().try_for_each(|(names, why)| {
                    let names = in_words(&names);
                    write!(to, "; whether it does for {names} is open, which {why}")
                })
            }
            (_, _, Some(why)) => write!(to, "whether the deployed model holds is open: {why}"),
            (_, _, None) => to.write_str("whether the deployed model holds is open"),
        }
    }
}

impl ModelVerdict {
    /// What the test that decides says nothing about, by reason.
    fn open(&self) -> impl Iterator<Item = (Vec<String>, &'static str)> {
        let levels = |why| {
            let levels = self.untested_levels.iter();
            let levels = levels.filter(move |level| level.why == why);
            levels.map(|level| match &level.coefficient {
                Some(name) => name.clone(),
                None => format!("levels of {}", level.feature),
            })
        };
        let alike = self.untested.iter().cloned();
        let alike = alike.chain(levels(WhyUntested::Alike)).collect();
        let rare = levels(WhyUntested::Rare).collect();
        let open: [(Vec<String>, &str); 2] = [
            (alike, "these rows cannot tell apart"),
            (rare, "too few of these rows have or lack"),
        ];
        open.into_iter().filter(|(names, _)| !names.is_empty())
    }
}

/// The intercept, and what no test tells from it.
fn the_intercept(base_levels: &[BaseLevel]) -> String {
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

/// The rows and the test, for a person.
fn on(verdict: &ModelVerdict, held: &HeldTest) -> String {
    let which = if verdict.single.as_ref() == Some(held) {
        "new labelled rows"
    } else {
        "labelled rows since it went live"
    };
    let HeldTest { test, rows, level } = held;
    format!(
        "{rows} {which} (score test {:.2} with {} degrees of freedom, p {}{}; drift is below {})",
        test.statistic,
        test.degrees,
        p_text(test.p_value),
        match test.method {
            ScoreTestMethod::Asymptotic => "",
            ScoreTestMethod::Simulated => " by simulation",
        },
        in_short(*level)
    )
}

impl Verdicts {
    /// The worst that the features say, each by itself and all together.
    pub fn worst_of_features(&self) -> Verdict {
        let joint = self.joint.iter().map(|joint| joint.verdict);
        Verdict::worst(joint.chain(self.features.iter().map(|feature| feature.verdict)))
    }

    /// What the features say, one sentence a finding.
    pub fn of_features(&self) -> Vec<String> {
        let mut found: Vec<String> = self
            .joint
            .iter()
            .filter(|joint| joint.verdict == Verdict::Drift)
            .map(moved_together)
            .chain(self.features.iter().flat_map(of_feature))
            .collect();
        if found.is_empty() {
            found.push(self.nothing_moved());
        }
        found
    }

    fn nothing_moved(&self) -> String {
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
            "there are no values"
        } else {
            "there are too few values to tell"
        };
        match (untested.len(), self.features.len() - untested.len()) {
            (0, _) => "the features lie where those of the training rows did".into(),
            (_, 0) => format!("whether the features have moved is open: {why}"),
            _ => format!(
                "the features lie where those of the training rows did, but for {}: {why}",
                names.join(", ")
            ),
        }
    }
}

fn moved_together(joint: &JointCheck) -> String {
    format!(
        "{} together lie elsewhere than in the training rows (p {})",
        joint.columns.join(", "),
        p_text(joint.p_value)
    )
}

fn of_feature(feature: &ColumnComparison) -> impl Iterator<Item = String> {
    let checks = [&feature.distribution, &feature.missing];
    checks
        .into_iter()
        .filter(|check| check.verdict == Verdict::Drift)
        .map(|check| {
            format!(
                "{} {} (p {})",
                feature.name,
                has_moved(check),
                check.corrected_p_value.map_or_else(|| "-".into(), p_text)
            )
        })
}

fn has_moved(check: &Check) -> String {
    match (check.unit, check.effect) {
        (Unit::MissingShare, Some(by)) if by < 0.0 => {
            format!("is missing in {:.1} % of the rows less", -by * 100.0)
        }
        (Unit::MissingShare, Some(by)) => {
            format!("is missing in {:.1} % of the rows more", by * 100.0)
        }
        (unit, Some(by)) => format!("is distributed otherwise, by {by:.2} {unit}"),
        (_, None) => "is distributed otherwise, beyond measure".into(),
    }
}

/// A level with the two digits of it that matter.
fn in_short(level: f64) -> f64 {
    format!("{level:.1e}").parse().unwrap_or(level)
}

fn p_text(p: f64) -> String {
    if p < 1e-4 {
        format!("{p:.1e}")
    } else {
        format!("{p:.4}")
    }
}
