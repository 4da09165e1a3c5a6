//! Drift verdicts as sentences.

use std::fmt;

use common::numbers::{self, counted, two_digits};

use super::{
    BaseLevel, CoefficientChange, ModelVerdict, RecentTest, TestAtLevel, UntestedReason, Verdicts,
};
use crate::compare::{
    Check, ColumnComparison, JointCheck, Verdict, effect_in_words, values_in_words,
};
use crate::statistics::MIN_TRAINING_ROWS;

impl fmt::Display for ModelVerdict {
    fn fmt(&self, to: &mut fmt::Formatter<'_>) -> fmt::Result {
        to.write_str(&self.in_words(self.moved.as_ref().map(change_in_words)))
    }
}

impl ModelVerdict {
    /// The verdict as a sentence that names no level, because a level is a value of the data.
    pub fn text_without_levels(&self) -> String {
        let hidden = self.clone().without_level_names();
        let moved = self.moved.as_ref().zip(hidden.moved.as_ref());
        let change = moved.map(
            |(named, hidden)| match (&named.coefficient, &named.feature) {
                (Some(_), Some(feature)) => {
                    let who = format!("clients with one of the levels of {feature}");
                    format!("{who} now have {}", compared_risk(named))
                }
                _ => change_in_words(hidden),
            },
        );
        hidden.in_words(change)
    }

    /// The verdict as a sentence that ends with this change.
    fn in_words(&self, change: Option<String>) -> String {
        let deciding = self.tests().find(|result| result.is_drift());
        let deciding = deciding.or(self.tests().next());
        match (self.verdict, deciding, &self.undecided) {
            (Verdict::Drift, Some(result), _) => {
                let change = change.map_or(String::new(), |change| format!(": {change}"));
                format!(
                    "the model no longer fits {} (model drift, {}){change}",
                    tested_rows(self, result),
                    test_in_words(result)
                )
            }
            (Verdict::Ok, Some(result), _) => {
                let untested = self.untested_names();
                let untested = untested
                    .map(|(names, why)| format!("; not tested: {} ({why})", in_words(&names)));
                format!(
                    "the model still fits {} (no model drift, {}){}",
                    tested_rows(self, result),
                    test_in_words(result),
                    untested.collect::<String>()
                )
            }
            (_, _, Some(why)) if why.needs_more_rows() => {
                format!("cannot test for model drift yet: {why}")
            }
            (_, _, Some(why)) => format!("cannot test for model drift: {why}"),
            (_, _, None) => "cannot test for model drift".into(),
        }
    }

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

/// The change of a coefficient in words: what it means for the clients.
fn change_in_words(moved: &CoefficientChange) -> String {
    let risk = compared_risk(moved);
    match (&moved.coefficient, &moved.feature) {
        (Some(coefficient), _) => format!("clients with {coefficient} now have {risk}"),
        (None, Some(feature)) => format!("more {feature} now means {risk}"),
        (None, None) => {
            let who = all_clients(&moved.base_levels);
            format!("{who} now have {risk}")
        }
    }
}

/// The risk after a change, compared with the prediction.
fn compared_risk(moved: &CoefficientChange) -> &'static str {
    match moved.component > 0.0 {
        true => "a higher risk than the model says",
        false => "a lower risk than the model says",
    }
}

/// The clients of the intercept, with the base levels that cannot be distinguished from it.
fn all_clients(base_levels: &[BaseLevel]) -> String {
    let levels: Vec<String> = base_levels
        .iter()
        .map(|level| match &level.coefficient {
            Some(name) => name.clone(),
            None => format!("a level of {}", level.feature),
        })
        .collect();
    match levels.as_slice() {
        [] => "all clients".into(),
        levels => format!("all clients, or those with {},", in_words(levels)),
    }
}

/// Maximum number of names that a sentence lists.
const LISTED_NAMES: usize = 5;

fn in_words(names: &[String]) -> String {
    numbers::listed(names, LISTED_NAMES)
}

/// The rows of a test.
fn tested_rows(verdict: &ModelVerdict, result: &TestAtLevel) -> String {
    let rows = result.rows;
    let recent = verdict.recent.as_ref();
    let recent = recent.filter(|recent| recent.result == *result);
    let sample = match verdict.sample_of {
        Some(_) => "a sample of ",
        None => "",
    };
    match recent {
        _ if verdict.single.as_ref() == Some(result) => match verdict.sample_of {
            Some(of) => format!(
                "a sample of {} of {} with a label",
                numbers::count(rows),
                counted(of, "new row")
            ),
            None => format!("{} with a label", counted(rows, "new row")),
        },
        Some(RecentTest { batches, .. }) => format!(
            "{sample}{} with a label of the last {batches} batches",
            counted(rows, "row")
        ),
        None => format!(
            "{sample}{} with a label since it went live",
            counted(rows, "row")
        ),
    }
}

/// The p-value of a test and its limit.
fn test_in_words(result: &TestAtLevel) -> String {
    let TestAtLevel { test, level, .. } = result;
    let limit = numbers::level(*level);
    format!("{}, limit {limit}", numbers::p_value(test.p_value))
}

impl Verdicts {
    /// The worst verdict on the features, with the joint test.
    pub fn worst_feature_verdict(&self) -> Verdict {
        let joint = self.joint.iter().map(|joint| joint.verdict);
        Verdict::worst(joint.chain(self.features.iter().map(|feature| feature.verdict)))
    }

    /// The findings about the features, one sentence each.
    pub fn feature_sentences(&self) -> Vec<String> {
        self.feature_findings(true)
    }

    /// The findings about the features, one sentence each, without a level or a number of the data.
    pub fn feature_sentences_without_values(&self) -> Vec<String> {
        self.feature_findings(false)
    }

    /// The findings about one feature alone, one sentence each; empty if nothing was found.
    pub fn sentences_of_feature(&self, name: &str) -> Vec<String> {
        let features = self.features.iter().filter(|it| it.name == name);
        let joint = self.joint.as_ref();
        features
            .flat_map(|it| drift_sentences(it, joint, true).chain(unsaid_spelling(it, true)))
            .collect()
    }

    /// Each change is named once. A change that a feature shows by itself is named in the feature's line.
    fn feature_findings(&self, with_values: bool) -> Vec<String> {
        let joint = self.joint.as_ref();
        let jointly = joint.and_then(|joint| self.joint_drift_sentence(joint, with_values));
        let alone = self.features.iter();
        let alone = alone.flat_map(|feature| drift_sentences(feature, joint, with_values));
        let mut found: Vec<String> = jointly.into_iter().chain(alone).collect();
        if found.is_empty() {
            found.push(self.no_drift_sentence());
        }
        let spellings = self.features.iter();
        found.extend(spellings.filter_map(|feature| unsaid_spelling(feature, with_values)));
        found
    }

    /// What the joint test found and no line of a feature names; `None` if there is nothing.
    fn joint_drift_sentence(&self, joint: &JointCheck, with_values: bool) -> Option<String> {
        let changes = joint.changes_beyond_columns(&self.features, with_values);
        (!changes.is_empty()).then(|| format!("joint feature drift: {}", changes.join("; ")))
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
        let tested = match self.small_changes_sentence() {
            Some(moved) => format!("no feature drift: {moved}"),
            None => "no feature drift: new clients resemble the training clients".into(),
        };
        match (untested.len(), self.features.len() - untested.len()) {
            (0, _) => tested,
            (_, 0) => format!("cannot test for feature drift yet: {why}"),
            _ => format!("{tested}; not tested: {} ({why})", names.join(", ")),
        }
    }

    /// What changed significantly, but too little to be drift; `None` if nothing did.
    fn small_changes_sentence(&self) -> Option<String> {
        let has_moved =
            |feature: &&ColumnComparison| feature.checks().any(Check::is_significant_but_small);
        let moved = self.features.iter().filter(has_moved);
        let moved: Vec<String> = moved.map(|feature| feature.name.clone()).collect();
        let joint = self
            .joint
            .iter()
            .find(|joint| joint.is_significant_but_small());
        let verb = match moved.len() {
            1 => "has",
            _ => "have",
        };
        match (moved.as_slice(), joint) {
            ([], None) => None,
            ([], Some(_)) => {
                Some("the features together have moved, but too little to matter".into())
            }
            (moved, _) => Some(format!(
                "{} {verb} moved, but too little to matter",
                in_words(moved)
            )),
        }
    }
}

/// The sentences about one feature alone. `joint` knows whether its spread has changed.
fn drift_sentences(
    feature: &ColumnComparison,
    joint: Option<&JointCheck>,
    with_values: bool,
) -> impl Iterator<Item = String> {
    let spread = joint.and_then(|joint| joint.spread_in_words(&feature.name));
    let distribution = (!feature.is_reported_by_part()).then(|| {
        let change = spread.map_or_else(
            || moved_in_words(feature, with_values),
            |spread| format!("the distribution of {} has moved: {spread}", feature.name),
        );
        (&feature.distribution, change)
    });
    let missing = (&feature.missing, missing_in_words(feature));
    let of_part = feature.part.iter().map(move |part| {
        let change = part.change_in_words(&feature.name, with_values);
        let spelling = spelling(feature, with_values);
        let spelling = spelling.map_or(String::new(), |it| format!("; {it}"));
        (&part.check, format!("{change}{spelling}"))
    });
    distribution
        .into_iter()
        .chain([missing])
        .chain(of_part)
        .filter(|(check, _)| check.verdict == Verdict::Drift)
        .map(|(check, change)| {
            let p = check.corrected_p_value.map(numbers::p_value);
            let p = p.map_or(String::new(), |p| format!(" ({p})"));
            format!("{change}{p}")
        })
}

/// The sentence about levels in another spelling; `None` if there are none, or if the sentence about a part of the
/// feature already names them.
fn unsaid_spelling(feature: &ColumnComparison, with_values: bool) -> Option<String> {
    let part = feature.part.as_ref();
    if part.is_some_and(|part| part.check.verdict == Verdict::Drift) {
        return None;
    }
    let spelling = spelling(feature, with_values)?;
    Some(format!("{}: {spelling}", feature.name))
}

/// The levels in another spelling; `None` if there are none.
fn spelling(feature: &ColumnComparison, with_values: bool) -> Option<String> {
    match with_values {
        true => feature.respelled.in_words(),
        false => feature.respelled.in_words_without_levels(),
    }
}

fn moved_in_words(feature: &ColumnComparison, with_values: bool) -> String {
    let name = &feature.name;
    let was_constant = feature
        .was_constant
        .as_deref()
        .map(|change| match with_values {
            true => change,
            false => "it was constant",
        });
    if let Some(change) = was_constant {
        return format!("the distribution of {name} has moved: {change}");
    }
    let subject = values_in_words(name, feature.kind);
    let by = effect_in_words(&feature.distribution);
    format!("{subject} moved {by}")
}

fn missing_in_words(feature: &ColumnComparison) -> String {
    let by = feature.missing.effect.unwrap_or(0.0);
    let direction = if by < 0.0 { "fewer" } else { "more" };
    let points = two_digits(by.abs() * 100.0);
    format!(
        "{direction} values of {} are missing: by {points} % of the rows",
        feature.name
    )
}
