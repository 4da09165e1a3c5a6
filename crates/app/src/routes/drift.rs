//! `GET /v1/drift`: how the runs evaluated the deployed model, with a line for each test.

use std::borrow::Cow;

use actix_web::web::Data;
use actix_web::{HttpRequest, HttpResponse};
use common::Config;
use diagnostics::{
    CHECK_LEVEL, Check, JointCheck, SegmentCheck, Test, TestAtLevel, Verdict, Verdicts,
};
use record::{Decision, Evidence, RunFilter, RunRecord};
use schemars::JsonSchema;
use serde::{Serialize, Serializer};

use super::page::Listing;
use super::run_view::RunView;
use super::runs;
use crate::endpoints;
use crate::error::ApiError;
use crate::state::AppState;

/// A run that evaluated the deployed model.
pub(crate) type EvaluatedRun<'a> = RunView<'a, EvaluationMembers<'a>>;

/// The members that only the list of evaluations shows.
#[derive(Serialize, JsonSchema)]
#[schemars(rename = "EvaluatedRun")]
pub(crate) struct EvaluationMembers<'a> {
    /// What the run found; `null` if its record cannot be read.
    evidence: Option<&'a Evidence>,
    /// What the run decided; `null` if its record cannot be read.
    decision: Option<&'a Decision>,
    /// The tests for drift. Empty where no test was made, as in records of programs without tests.
    verdicts: Vec<TestVerdict<'a>>,
}

/// One test of a run.
#[derive(Serialize, JsonSchema)]
struct TestVerdict<'a> {
    /// `model`, `features` for all features together, `feature NAME`, or `segments`.
    subject: Cow<'a, str>,
    /// Name of the test, for example `score_test_of_batch`; `both` for the verdict of all tests of the model.
    test: Cow<'a, str>,
    /// What the test found.
    verdict: Verdict,
    /// Number of rows of the batch that the test used.
    rows: u64,
    /// The test statistic; `null` if it was not computed.
    statistic: Option<f64>,
    /// The p-value, 0 to 1, corrected for the number of tests where there are many; `null` if it was
    /// not computed.
    #[schemars(range(min = 0, max = 1))]
    p_value: Option<f64>,
    /// A p-value below this level is drift, 0 to 1; `null` without a p-value.
    #[schemars(range(min = 0, max = 1))]
    level: Option<f64>,
    /// Size of the difference; for segments the odds ratio of the worst one; `null` if it was not
    /// computed.
    effect: Option<f64>,
}

/// Answers with a page of the runs that evaluated the deployed model.
pub(super) async fn list(
    request: HttpRequest,
    state: Data<AppState>,
) -> Result<HttpResponse, ApiError> {
    let which = (RunFilter::WithEvidence, endpoints::DRIFT.path);
    let push = |listing: &mut Listing, run: &RunRecord| runs::push(listing, run, evaluated);
    runs::paged(&request, state, which, push).await
}

/// The newest runs that evaluated the deployed model.
pub(super) fn newest(config: &Config, limit: u32) -> anyhow::Result<Vec<RunRecord>> {
    let newest = runs::read(config, |history| {
        record::newest_runs(history, RunFilter::WithEvidence, limit)
    })?;
    Ok(newest.unwrap_or_default())
}

/// Serialises runs as `/v1/drift` shows them.
pub(super) fn serialize<S: Serializer>(runs: &[RunRecord], to: S) -> Result<S::Ok, S::Error> {
    to.collect_seq(runs.iter().map(evaluated))
}

fn evaluated(run: &RunRecord) -> EvaluatedRun<'_> {
    let members = EvaluationMembers {
        evidence: run.evidence.as_ref(),
        decision: run.decision.as_ref(),
        verdicts: run.verdicts().map(of_tests).unwrap_or_default(),
    };
    RunView::of(run, members)
}

/// The verdict on the model, followed by the tests of the model and those of the features.
fn of_tests(verdicts: &Verdicts) -> Vec<TestVerdict<'_>> {
    let model = &verdicts.model;
    let of_model = |test: &'static str, held: Option<&TestAtLevel>| TestVerdict {
        subject: "model".into(),
        test: test.into(),
        verdict: held.map_or(Verdict::InsufficientData, TestAtLevel::verdict),
        rows: held.map_or(model.rows, |held| held.rows),
        statistic: held.map(|held| held.test.statistic),
        p_value: held.map(|held| held.test.p_value),
        level: held.map(|held| held.level),
        effect: None,
    };
    let all = TestVerdict {
        verdict: model.verdict,
        ..of_model("both", None)
    };
    let mut tests = vec![
        all,
        of_model("score_test_of_batch", model.single.as_ref()),
        of_model("score_test_since_live", model.cumulative.as_ref()),
    ];
    let recent = model.recent.as_ref().map(|recent| &recent.result);
    tests.extend(recent.map(|recent| of_model("score_test_of_last_batches", Some(recent))));
    let joint = verdicts.joint.as_ref();
    tests.extend(joint.map(|joint| of_all_features(joint, verdicts.rows)));
    for feature in &verdicts.features {
        for (what, check) in [
            ("distribution", &feature.distribution),
            ("missing", &feature.missing),
        ] {
            tests.push(of_feature(&feature.name, what, check, verdicts.rows));
        }
        let part = feature.part.iter().map(|part| &part.check);
        tests.extend(part.map(|check| of_feature(&feature.name, "part", check, verdicts.rows)));
    }
    tests.extend(verdicts.segments.as_ref().map(of_segments));
    tests
}

/// The check of all segments, with the values of the worst one.
fn of_segments(check: &SegmentCheck) -> TestVerdict<'_> {
    let worst = check.segments.first();
    TestVerdict {
        subject: "segments".into(),
        test: "residuals".into(),
        verdict: check.verdict,
        rows: check.rows,
        statistic: worst.map(|worst| worst.statistic),
        p_value: worst.map(|worst| worst.corrected_p_value),
        level: Some(check.level),
        effect: worst.and_then(|worst| worst.odds_ratio),
    }
}

fn of_all_features(joint: &JointCheck, rows: u64) -> TestVerdict<'_> {
    TestVerdict {
        subject: "features".into(),
        test: "joint".into(),
        verdict: joint.verdict,
        rows,
        statistic: Some(joint.statistic),
        p_value: Some(joint.p_value),
        level: Some(CHECK_LEVEL),
        effect: joint.effect,
    }
}

fn of_feature<'a>(name: &str, what: &str, check: &Check, batch_rows: u64) -> TestVerdict<'a> {
    let test = match check.test {
        Test::KolmogorovSmirnov => "kolmogorov_smirnov",
        Test::ChiSquare => "chi_square",
        Test::Fisher => "fisher",
        Test::Range => "range",
    };
    // A check has a p-value only with rows; records of older programs do not hold how many.
    let rows = match check.rows {
        [_, 0] if check.p_value.is_some() => batch_rows,
        [_, rows] => rows,
    };
    TestVerdict {
        subject: format!("feature {name}").into(),
        test: format!("{what}: {test}").into(),
        verdict: check.verdict,
        rows,
        statistic: check.statistic,
        p_value: check.corrected_p_value,
        level: check.p_value.map(|_| CHECK_LEVEL),
        effect: check.effect,
    }
}
