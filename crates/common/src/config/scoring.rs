//! Reading the section `scoring`.

use serde_json::Value;

use super::section::Section;
use super::settings::{ActionSettings, BandRule, ScoringSettings, ThresholdRule, ValueRule};
use crate::Schema;

const THRESHOLD: &str =
    "must be \"auto\", \"cost\", \"capacity\" or a probability above 0 and below 1";
const BANDS: &str = "must be \"auto\", \"decile\" or an object with the keys high and medium";
const AMOUNT: &str = "must be a number above 0";

/// Largest share of clients that are held out.
const MAX_HOLDOUT: f64 = 0.5;

/// Costs of wrong predictions; `None` for one that is not set.
struct ErrorCosts {
    false_negative: Option<f64>,
    false_positive: Option<f64>,
}

pub(super) fn read_scoring(mut section: Section<'_>, schema: &Schema) -> ScoringSettings {
    let (actions, costs) = read_actions(section.section("actions"), schema);
    let bands = read_bands(&mut section);
    let threshold = read_threshold(&mut section, &actions, &costs);
    section.finish();
    ScoringSettings {
        threshold,
        bands,
        actions,
    }
}

fn read_threshold(
    section: &mut Section<'_>,
    actions: &ActionSettings,
    costs: &ErrorCosts,
) -> ThresholdRule {
    let value = section.value("threshold", Value::from("auto"));
    let found = match value.as_str() {
        Some("auto") => Ok(ThresholdRule::Auto),
        Some("cost") => match (costs.false_negative, costs.false_positive) {
            (Some(false_negative), Some(false_positive)) => Ok(ThresholdRule::Cost {
                false_negative,
                false_positive,
            }),
            _ => Err(
                "\"cost\" needs scoring.actions.false_negative and scoring.actions.false_positive",
            ),
        },
        Some("capacity") => {
            let capacity = actions.capacity.map(ThresholdRule::Capacity);
            capacity.ok_or("\"capacity\" needs scoring.actions.capacity")
        }
        Some(_) => Err(THRESHOLD),
        None => {
            let probability = value.as_f64().filter(|p| *p > 0.0 && *p < 1.0);
            probability.map(ThresholdRule::Fixed).ok_or(THRESHOLD)
        }
    };
    found.unwrap_or_else(|problem| {
        section.problem("threshold", problem);
        ThresholdRule::Auto
    })
}

fn read_bands(section: &mut Section<'_>) -> BandRule {
    match section.value("bands", Value::from("auto")) {
        Value::String(name) if name == "auto" => BandRule::Auto,
        Value::String(name) if name == "decile" => BandRule::Decile,
        Value::Object(limits) => read_limits(section.object("bands", limits)),
        _ => {
            section.problem("bands", BANDS);
            BandRule::Auto
        }
    }
}

fn read_limits(mut section: Section<'_>) -> BandRule {
    let high: Option<f64> = section.required("high");
    let medium: Option<f64> = section.required("medium");
    let mut rule = BandRule::Auto;
    if let (Some(high), Some(medium)) = (high, medium) {
        if !(high > 0.0 && high <= 1.0) {
            section.problem("high", "must be a probability above 0 and at most 1");
        } else if !(medium > 0.0 && medium < high) {
            section.problem("medium", "must be a probability above 0 and below high");
        } else {
            rule = BandRule::From { high, medium };
        }
    }
    section.finish();
    rule
}

fn read_actions(mut section: Section<'_>, schema: &Schema) -> (ActionSettings, ErrorCosts) {
    let capacity: Option<u64> = section.value("capacity", None);
    if capacity == Some(0) {
        section.problem("capacity", "must be at least 1");
    }
    let cost: Option<f64> = section.value("cost", None);
    if cost.is_some_and(|cost| !(cost.is_finite() && cost >= 0.0)) {
        section.problem("cost", "must be a number from 0 on");
    }
    let save_rate: Option<f64> = section.value("save_rate", None);
    if save_rate.is_some_and(|rate| !(rate > 0.0 && rate <= 1.0)) {
        section.problem("save_rate", "must be a share above 0 and at most 1");
    }
    let column: Option<String> = section.value("value_column", None);
    if let Some(problem) = column.as_ref().and_then(|it| flaw_of_column(it, schema)) {
        section.problem("value_column", &problem);
    }
    let holdout: f64 = section.value("holdout", 0.0);
    if !(0.0..=MAX_HOLDOUT).contains(&holdout) {
        section.problem("holdout", "must be a share from 0 to 0.5");
    } else if holdout > 0.0 && schema.id.is_none() {
        let problem = "needs schema.id: without an id, a label is not matched with its client";
        section.problem("holdout", problem);
    }
    let mut amount = |key: &'static str| {
        let amount: Option<f64> = section.value(key, None);
        if amount.is_some_and(|amount| !(amount.is_finite() && amount > 0.0)) {
            section.problem(key, AMOUNT);
        }
        amount
    };
    let costs = ErrorCosts {
        false_negative: amount("false_negative"),
        false_positive: amount("false_positive"),
    };
    section.finish();
    let has_value = cost.is_some() || save_rate.is_some() || column.is_some();
    let value = has_value.then(|| ValueRule {
        cost: cost.unwrap_or(0.0),
        save_rate: save_rate.unwrap_or(1.0),
        column,
    });
    let actions = ActionSettings {
        capacity,
        value,
        holdout,
    };
    (actions, costs)
}

/// Why a column cannot hold the value of a client.
fn flaw_of_column(name: &str, schema: &Schema) -> Option<String> {
    let of_numbers = schema
        .features
        .iter()
        .filter(|feature| !feature.kind.is_category());
    let names: Vec<&str> = of_numbers.map(|feature| feature.name.as_str()).collect();
    let is_known = names.contains(&name);
    (!is_known).then(|| {
        format!(
            "must be a feature of numbers of the schema: {}",
            names.join(", ")
        )
    })
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::*;
    use crate::Config;

    fn parse(scoring: &str) -> anyhow::Result<ScoringSettings> {
        let text = format!(
            r#"{{"input_folder_path":"in","output_folder_path":"out","test_data_path":"test",
            "output_model_path":"models","prod_deployment_path":"prod",
            "schema":{{"features":["x",{{"name":"plan","kind":"category"}}]}},"scoring":{scoring}}}"#
        );
        Config::parse(Path::new("/nowhere/config.json"), &text).map(|config| config.scoring)
    }

    #[test]
    fn without_keys_clients_are_ranked_by_probability() {
        let scoring = parse("{}").unwrap();
        assert_eq!(scoring.threshold, ThresholdRule::Auto);
        assert_eq!(scoring.bands, BandRule::Auto);
        assert_eq!(scoring.actions, ActionSettings::default());
        let capacity = parse(r#"{"actions":{"capacity":50}}"#).unwrap().actions;
        assert_eq!((capacity.capacity, capacity.value), (Some(50), None));
    }

    #[test]
    fn any_key_of_the_value_ranks_by_expected_value_with_defaults_for_the_others() {
        let of = |actions: &str| {
            let text = format!(r#"{{"actions":{actions}}}"#);
            let actions = parse(&text).unwrap().actions;
            let rule = actions.value.expect("a value");
            (rule.cost, rule.save_rate, rule.column)
        };
        assert_eq!(of(r#"{"cost":5}"#), (5.0, 1.0, None));
        assert_eq!(of(r#"{"save_rate":0.3}"#), (0.0, 0.3, None));
        assert_eq!(of(r#"{"value_column":"x"}"#), (0.0, 1.0, Some("x".into())));
    }

    #[test]
    fn the_threshold_may_follow_from_costs_or_from_the_capacity() {
        let of = |text: &str| parse(text).unwrap().threshold;
        assert_eq!(of(r#"{"threshold":0.2}"#), ThresholdRule::Fixed(0.2));
        let costs = ThresholdRule::Cost {
            false_negative: 400.0,
            false_positive: 20.0,
        };
        let text = r#"{"threshold":"cost","actions":{"false_negative":400,"false_positive":20}}"#;
        assert_eq!(of(text), costs);
        let text = r#"{"threshold":"capacity","actions":{"capacity":30}}"#;
        assert_eq!(of(text), ThresholdRule::Capacity(30));
    }

    #[test]
    fn bands_are_tenths_or_have_limits() {
        let of = |text: &str| parse(text).unwrap().bands;
        assert_eq!(of(r#"{"bands":"decile"}"#), BandRule::Decile);
        let limits = BandRule::From {
            high: 0.5,
            medium: 0.2,
        };
        assert_eq!(of(r#"{"bands":{"high":0.5,"medium":0.2}}"#), limits);
    }

    #[test]
    fn clients_are_held_out_only_where_they_have_ids() {
        let scoring = r#"{"actions":{"holdout":0.1}}"#;
        assert_eq!(parse(scoring).unwrap().actions.holdout, 0.1);
        let text = format!(
            r#"{{"input_folder_path":"in","output_folder_path":"out","test_data_path":"test",
            "output_model_path":"models","prod_deployment_path":"prod",
            "schema":{{"id":null,"features":["x"]}},"scoring":{scoring}}}"#
        );
        let error = Config::parse(Path::new("/nowhere/config.json"), &text).unwrap_err();
        let line = "scoring.actions.holdout: needs schema.id";
        assert!(error.to_string().contains(line), "{error}");
    }

    #[test]
    fn each_problem_names_its_key() {
        for (scoring, line) in [
            (
                r#"{"threshold":"best"}"#,
                "scoring.threshold: must be \"auto\"",
            ),
            (r#"{"threshold":1}"#, "scoring.threshold: must be \"auto\""),
            (
                r#"{"threshold":"cost","actions":{"false_negative":3}}"#,
                "scoring.threshold: \"cost\" needs scoring.actions.false_negative and",
            ),
            (
                r#"{"threshold":"capacity"}"#,
                "scoring.threshold: \"capacity\" needs scoring.actions.capacity",
            ),
            (r#"{"bands":"tenths"}"#, "scoring.bands: must be \"auto\""),
            (
                r#"{"bands":{"high":0.5}}"#,
                "scoring.bands.medium: is missing",
            ),
            (
                r#"{"bands":{"high":1.5,"medium":0.2}}"#,
                "scoring.bands.high: must be a probability above 0 and at most 1",
            ),
            (
                r#"{"bands":{"high":0.2,"medium":0.2}}"#,
                "scoring.bands.medium: must be a probability above 0 and below high",
            ),
            (
                r#"{"bands":{"high":0.2,"medium":0.1,"lo":0}}"#,
                "scoring.bands.lo: unknown key",
            ),
            (
                r#"{"actions":{"capacity":0}}"#,
                "scoring.actions.capacity: must be at least 1",
            ),
            (
                r#"{"actions":{"cost":-1}}"#,
                "scoring.actions.cost: must be a number from 0 on",
            ),
            (
                r#"{"actions":{"save_rate":1.5}}"#,
                "scoring.actions.save_rate: must be a share above 0 and at most 1",
            ),
            (
                r#"{"actions":{"value_column":"plan"}}"#,
                "scoring.actions.value_column: must be a feature of numbers of the schema: x",
            ),
            (
                r#"{"actions":{"false_positive":0}}"#,
                "scoring.actions.false_positive: must be a number above 0",
            ),
            (
                r#"{"actions":{"holdout":0.6}}"#,
                "scoring.actions.holdout: must be a share from 0 to 0.5",
            ),
            (
                r#"{"actions":{"saverate":0.5}}"#,
                "scoring.actions.saverate: unknown key, did you mean scoring.actions.save_rate?",
            ),
        ] {
            let text = parse(scoring).expect_err(scoring).to_string();
            assert!(text.contains(line), "{line} is missing in:\n{text}");
        }
    }
}
