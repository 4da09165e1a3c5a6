//! The verdicts of a run as rows of the history.

use common::history::StoredVerdict;
use diagnostics::{CHECK_LEVEL, Check, HeldTest, Test, Verdict, Verdicts};

/// A row for each test of a run, and before those of the model one for what they say together, in
/// the order in which its report tells of them.
pub(crate) fn verdict_rows(verdicts: &Verdicts) -> Vec<StoredVerdict> {
    let mut rows = of_model(verdicts);
    if let Some(joint) = &verdicts.joint {
        rows.push(StoredVerdict {
            subject: "features".into(),
            test: "location".into(),
            verdict: name(joint.verdict).into(),
            rows: verdicts.rows,
            statistic: Some(joint.statistic),
            p_value: Some(joint.p_value),
            level: Some(CHECK_LEVEL),
            effect: joint.effect,
        });
    }
    for feature in &verdicts.features {
        let subject = format!("feature {}", feature.name);
        for (what, check) in [
            ("distribution", &feature.distribution),
            ("missing", &feature.missing),
        ] {
            rows.push(of_check(&subject, what, check));
        }
    }
    rows
}

fn of_model(verdicts: &Verdicts) -> Vec<StoredVerdict> {
    let model = &verdicts.model;
    let tests = [
        ("score_test_of_batch", &model.single),
        ("score_test_since_live", &model.cumulative),
    ];
    let both = StoredVerdict {
        subject: "model".into(),
        test: "both".into(),
        verdict: name(model.verdict).into(),
        rows: model.rows,
        statistic: None,
        p_value: None,
        level: None,
        effect: None,
    };
    let rows = tests.into_iter().map(|(test, held)| {
        let held = held.as_ref();
        let verdict = held.map_or(Verdict::InsufficientData, HeldTest::verdict);
        StoredVerdict {
            subject: "model".into(),
            test: test.into(),
            verdict: name(verdict).into(),
            rows: held.map_or(model.rows, |held| held.rows),
            statistic: held.map(|held| held.test.statistic),
            p_value: held.map(|held| held.test.p_value),
            level: held.map(|held| held.level),
            effect: None,
        }
    });
    [both].into_iter().chain(rows).collect()
}

fn of_check(subject: &str, what: &str, check: &Check) -> StoredVerdict {
    let [_, rows] = check.rows;
    let test = match check.test {
        Test::KolmogorovSmirnov => "kolmogorov_smirnov",
        Test::ChiSquare => "chi_square",
        Test::Fisher => "fisher",
    };
    StoredVerdict {
        subject: subject.to_owned(),
        test: format!("{what}: {test}"),
        verdict: name(check.verdict).into(),
        rows,
        statistic: check.statistic,
        p_value: check.corrected_p_value,
        level: check.p_value.map(|_| CHECK_LEVEL),
        effect: check.effect,
    }
}

fn name(verdict: Verdict) -> &'static str {
    match verdict {
        Verdict::Ok => "ok",
        Verdict::Drift => "drift",
        Verdict::InsufficientData => "insufficient_data",
    }
}
