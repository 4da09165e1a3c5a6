use super::*;

/// A run whose joint test found that a relation of features changed, while no feature alone drifted.
fn joint_drift(run: i64) -> RunRecord {
    let joint = JointCheck {
        columns: vec!["base".into(), "b\u{202e}".into()],
        rows: [100, 100],
        min_p_value: None,
        left_out: Vec::new(),
        statistic: 9.0,
        degrees: 2,
        p_value: 0.0001,
        effect: Some(1.0),
        verdict: Verdict::Drift,
        parts: Vec::new(),
    };
    let model = ModelVerdict {
        verdict: Verdict::Ok,
        rows: 100,
        sample_of: None,
        positives: 30,
        expected: Some(30.0),
        single: None,
        recent: None,
        cumulative: None,
        undecided: None,
        untested: Vec::new(),
        untested_levels: Vec::new(),
        moved: None,
    };
    let verdicts = Verdicts {
        verdict: Verdict::Ok,
        rows: 100,
        model,
        joint: Some(joint),
        features: Vec::new(),
        segments: None,
        terms: None,
    };
    RunRecord {
        evidence: Some(Evidence {
            verdicts: Some(verdicts),
            ..Evidence::default()
        }),
        ..record(run, Outcome::Steady)
    }
}

#[test]
fn joint_feature_drift_has_the_same_words_and_the_same_step_everywhere() {
    let record = joint_drift(6);
    let page = DriftPage {
        now: now(),
        newest: None,
        runs: Ok(first_page(EvaluatedRun::of(&record).into_iter().collect())),
        state: in_order(),
    }
    .html();
    assert_is_harmless(&page);
    assert_says(&page, &["the location of base, b"]);
    let page = overview(Ok(Some(RunsSoFar {
        evaluated: Some(record),
        ..healthy()
    })))
    .html();
    assert_is_harmless(&page);
    assert_says(&page, &["(feature drift): the location of base, b"]);
    let step = "heck whether the clients really changed, or the source has a fault.";
    // The item and the answer of the run; the step has no second item.
    assert_eq!(page.matches(step).count(), 2, "{page}");
}

#[test]
fn the_page_of_a_feature_has_the_findings_of_the_joint_test_about_it() {
    let record = joint_drift(6);
    let page = |name| {
        FeaturePage {
            now: now(),
            name,
            newest: Some(record.clone()),
            runs: Ok(first_page(EvaluatedRun::of(&record).into_iter().collect())),
            model: None,
            state: in_order(),
        }
        .html()
    };
    let found = "The test of all features together found: the location of base, b";
    assert_says(&page("base"), &[found, "href=\"/dashboard/runs/6\""]);
    assert!(!page("other").contains("together found"));
    assert_is_harmless(&page("base"));
    // Without a model the page does not say that the feature has no effect.
    assert_says(
        &page("base"),
        &["because no model is live that can be used"],
    );
}

/// A category with a new level that looks like a known one. Its shares have drifted, or not.
fn respelled(verdict: &str) -> ColumnComparison {
    let check = |unit: &str, verdict: &str| {
        serde_json::json!({
            "test": "fisher", "statistic": null, "p_value": 0.0001, "corrected_p_value": 0.0005,
            "effect": 0.2, "unit": unit, "least_effect": 0.05, "verdict": verdict
        })
    };
    let column = serde_json::json!({
        "name": "city", "verdict": verdict, "kind": "category", "unreadable": [0, 0],
        "distribution": check("total_variation", verdict), "missing": check("missing_share", "ok"),
        "respelled": {
            "levels": 1,
            "most_frequent": [{"level": "PARIS\u{202e}", "looks_like": "Paris", "rows": 3}]
        }
    });
    serde_json::from_value(column).expect("a column")
}

fn with_city(verdict: &str) -> RunRecord {
    let mut record = joint_drift(6);
    let verdicts = record
        .evidence
        .as_mut()
        .and_then(|it| it.verdicts.as_mut())
        .expect("verdicts");
    verdicts.features = vec![respelled(verdict)];
    let share = serde_json::json!({
        "kind": "shares", "statistic": 9.0, "p_value": 0.0001, "verdict": "drift",
        "changes": [{"columns": ["city"], "values": [0.1, 0.3], "level": "PARIS"}]
    });
    let joint = verdicts.joint.as_mut().expect("a joint test");
    joint.parts = vec![serde_json::from_value(share).expect("a part")];
    record
}

#[test]
fn the_page_of_a_feature_names_a_level_in_another_spelling() {
    for verdict in ["ok", "drift"] {
        let record = with_city(verdict);
        let page = FeaturePage {
            now: now(),
            name: "city",
            newest: Some(record.clone()),
            runs: Ok(first_page(EvaluatedRun::of(&record).into_iter().collect())),
            model: None,
            state: in_order(),
        }
        .html();
        assert_is_harmless(&page);
        assert_says(&page, &["looks like &quot;Paris&quot; in another spelling"]);
    }
}

#[test]
fn a_feature_that_has_drifted_is_named_once() {
    let words = |verdict| {
        EvaluatedRun::of(&with_city(verdict))
            .expect("a run")
            .joint_drift
    };
    assert_eq!(words("ok"), ["the share of a level of city"]);
    assert_eq!(words("drift"), [""; 0]);
}
