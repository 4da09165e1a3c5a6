//! Tests of the first five lines of a run's text, for each situation. The lines say what was done,
//! whether the model is good, whether the data changed, and what to do next.

use common::config::GatePolicy;
use common::ledger::{FileStatus, RowCounts};
use diagnostics::Verdict;
use ingestion::{FileReport, IngestReport};
use jiff::Timestamp;
use scoring::{
    CallOutcomes, CallPredictions, CallReport, Comparison, Metrics, PredictedGroup,
    TestDataComparison, gate,
};

use crate::action::Action;
use crate::counts::FileCounts;
use crate::decision::Decision;
use crate::decision::tests::{metrics, with_verdict};
use crate::evidence::Evidence;
use crate::outcome::Outcome;
use crate::run_record::RunRecord;

/// A good model: 60 of 100 flagged clients left, and 80 of 100 who left were flagged.
fn good() -> Metrics {
    metrics_of(240, 160, 60, 600)
}

fn metrics_of(
    true_positive: usize,
    false_positive: usize,
    false_negative: usize,
    true_negative: u64,
) -> Metrics {
    // `metrics` adds one row with a negative label.
    let few = metrics(true_positive, false_positive, false_negative);
    let rows = few.rows + true_negative - 1;
    let prevalence = few.positives as f64 / rows as f64;
    let mut found = Metrics {
        rows,
        prevalence,
        ..few
    };
    found.confusion.true_negative = true_negative;
    found.baselines.always_one_f1 = Some(2.0 * prevalence / (1.0 + prevalence));
    found
}

/// A run that ended, with 40 new labelled rows.
fn ended(outcome: Outcome, release: Option<&str>) -> RunRecord {
    RunRecord {
        run_id: Some(4),
        outcome: Some(outcome),
        reason: "a reason".into(),
        release: release.map(str::to_owned),
        ..RunRecord::begin(Timestamp::UNIX_EPOCH)
    }
}

fn first_lines(record: &RunRecord) -> Vec<String> {
    let text = record.to_string();
    let lines = text.lines().take(5).map(str::to_owned);
    let lines: Vec<String> = lines.collect();
    for (line, name) in lines[1..].iter().zip(["done", "quality", "drift", "next"]) {
        assert!(line.starts_with(&format!("  {name} ")), "{text}");
    }
    lines
}

/// The comparison of a retrain. `log_loss` has the candidate's value, then the deployed model's. `p_value` is of
/// a test that the candidate's log-loss is higher. `p_value` is of
/// a test that the candidate's log-loss is higher.
fn comparison(model_drift: bool, log_loss: (f64, f64), p_value: f64) -> Comparison {
    let with = |log_loss| Metrics { log_loss, ..good() };
    Comparison {
        model_drift,
        refit: false,
        all_rows: false,
        rows: 40,
        candidate: with(log_loss.0),
        incumbent: with(log_loss.1),
        log_loss_p_value: Some(p_value),
        guard: None,
    }
}

fn gated(record: RunRecord, comparison: Comparison, policy: GatePolicy) -> RunRecord {
    RunRecord {
        gate: Some(gate(&comparison, policy)),
        comparison: Some(comparison),
        ..record
    }
}

/// Evidence of new rows with this verdict on the model.
fn tested(verdict: Verdict) -> Evidence {
    Evidence {
        on_new_rows: Some(good()),
        ..with_verdict(verdict, None)
    }
}

#[test]
fn a_cold_start() {
    let record = RunRecord {
        candidate_metrics: Some(good()),
        ..ended(Outcome::ColdStart, Some("000001"))
    };
    assert_eq!(
        first_lines(&record),
        [
            "run 4: cold_start",
            "  done       the first model is deployed: release 000001",
            "  quality    useful: F1 0.69 (95 % interval 0.65 to 0.72), flagging everyone 0.44; of 100 clients flagged 60 left, of 100 who left 80 were flagged (1,060 rows of the test data)",
            "  drift      not tested: no model was deployed before",
            "  next       nothing",
        ]
    );
}

#[test]
fn nothing_new() {
    let record = RunRecord {
        deployed_score: Some(0.6817),
        ..ended(Outcome::NothingNew, Some("000001"))
    };
    assert_eq!(
        first_lines(&record)[1..],
        [
            "  done       nothing; release 000001 stays",
            "  quality    no new label to measure it with; F1 was 0.68 on the test data at its deployment",
            "  drift      not tested: no row is new",
            "  next       nothing",
        ]
    );
}

#[test]
fn a_model_that_is_kept() {
    let record = RunRecord {
        evidence: Some(tested(Verdict::Ok)),
        ..ended(Outcome::Steady, Some("000001"))
    };
    let lines = first_lines(&record);
    assert_eq!(
        lines[1],
        "  done       release 000001 stays: no model drift was found"
    );
    assert!(
        lines[2].starts_with("  quality    useful: F1 0.69"),
        "{lines:?}"
    );
    assert_eq!(lines[3], "  drift      no model drift; no feature drift");
    assert_eq!(lines[4], "  next       nothing");
}

#[test]
fn a_refused_candidate() {
    let record = gated(
        RunRecord {
            evidence: Some(tested(Verdict::Ok)),
            ..ended(Outcome::CandidateRefused, Some("000001"))
        },
        comparison(false, (0.69, 0.65), 0.6),
        GatePolicy::NotWorse,
    );
    let lines = first_lines(&record);
    assert_eq!(
        lines[1],
        "  done       a new model was refused: on 40 new rows it is not significantly better (log-loss 0.690, deployed model 0.650; lower is better); release 000001 stays"
    );
    assert_eq!(
        lines[4],
        "  next       nothing now; if this repeats, look at the newest files and at `fullprocess --history`"
    );
}

/// A retrain after drift, whose model is worse than the former one on the test data.
fn redeployed(log_loss: (f64, f64), p_value: f64) -> RunRecord {
    let guard = TestDataComparison {
        rows: 100,
        left_out: 0,
        candidate_log_loss: Some(0.7),
        incumbent_log_loss: Some(0.6),
        log_loss_p_value: Some(0.01),
        candidate_f1: Some(0.58),
        incumbent_f1: Some(0.68),
        difference_interval: Some([-0.14, -0.06]),
    };
    let compared = Comparison {
        guard: Some(guard),
        ..comparison(true, log_loss, p_value)
    };
    let record = RunRecord {
        evidence: Some(tested(Verdict::Drift)),
        candidate_metrics: Some(good()),
        ..ended(Outcome::Redeployed, Some("000002"))
    };
    gated(record, compared, GatePolicy::NotWorse)
}

#[test]
fn a_new_model_after_drift() {
    let lines = first_lines(&redeployed((1.52, 1.31), 0.7));
    assert_eq!(
        lines[1],
        "  done       a new model is deployed: release 000002; on 40 new rows it is not significantly worse (log-loss 1.52, deployed model 1.31; lower is better); on the test data it is worse: F1 0.58, before 0.68"
    );
    assert!(
        lines[2].contains(", old model 0.69; ") && lines[2].ends_with("(1,060 new rows)"),
        "{lines:?}"
    );
    assert_eq!(
        lines[3],
        "  drift      the reasons for leaving changed (model drift); no feature drift"
    );
    assert_eq!(lines[4], "  next       nothing");
    let better = first_lines(&redeployed((0.49, 0.65), 1.0));
    assert!(
        better[1].contains("it is significantly better"),
        "{better:?}"
    );
}

#[test]
fn after_a_failed_gate_the_next_step_is_to_look_at_the_model() {
    let record = gated(
        ended(Outcome::Redeployed, Some("000002")),
        comparison(true, (0.7, 0.6), 0.01),
        GatePolicy::Always,
    );
    let lines = record.to_string();
    assert!(
        lines.contains("done       a new model that did not pass the gate is deployed: release 000002; on 40 new rows it is significantly worse"),
        "{lines}"
    );
    assert!(
        lines.contains("next       look at the model: it failed the gate"),
        "{lines}"
    );
}

#[test]
fn rows_that_are_too_few() {
    let few = metrics(3, 2, 1);
    let record = RunRecord {
        deployed_score: Some(0.68),
        decision: Some(Decision {
            action: Action::Wait,
            reason: "a reason".into(),
        }),
        evidence: Some(Evidence {
            verdicts: None,
            on_new_rows: Some(few),
            ..with_verdict(Verdict::Ok, None)
        }),
        ..ended(Outcome::NotJudged, Some("000001"))
    };
    assert_eq!(
        first_lines(&record)[1..],
        [
            "  done       release 000001 stays; model drift could not be tested yet (see why)",
            "  quality    too few rows to say: 7 new rows with a label; F1 was 0.68 on the test data at its deployment",
            "  drift      not tested yet: too few new rows have a label",
            "  next       wait for labels, or add a file with outcomes",
        ]
    );
}

#[test]
fn a_dry_run_names_no_release_that_does_not_exist() {
    let dry = |record: RunRecord| RunRecord {
        dry_run: true,
        run_id: None,
        ..record
    };
    // The live release is still the former one.
    let retrained = RunRecord {
        release: Some("000001".into()),
        ..redeployed((0.49, 0.65), 1.0)
    };
    let lines = first_lines(&dry(retrained));
    assert!(
        lines[1].starts_with(
            "  done       a new model would be deployed; on 40 new rows it is significantly better"
        ),
        "{lines:?}"
    );
    assert_eq!(lines[4], "  next       run `fullprocess` to do this");
    let first = RunRecord {
        candidate_metrics: Some(good()),
        ..ended(Outcome::ColdStart, None)
    };
    assert_eq!(
        first_lines(&dry(first))[1],
        "  done       the first model would be deployed"
    );
    let kept = first_lines(&dry(ended(Outcome::Steady, Some("000001"))));
    assert!(kept[1].contains("release 000001 would stay"), "{kept:?}");
}

#[test]
fn a_model_is_compared_with_flagging_everyone() {
    let quality = |metrics| {
        let record = RunRecord {
            candidate_metrics: Some(metrics),
            ..ended(Outcome::ColdStart, Some("000001"))
        };
        first_lines(&record)[2]
            .trim_start_matches("  quality    ")
            .to_owned()
    };
    let everyone = metrics_of(100, 200, 0, 1);
    assert!(quality(everyone).starts_with("not shown to be useful: F1 0.5"));
    let bad = metrics_of(10, 200, 300, 500);
    assert!(quality(bad).starts_with("worse than flagging everyone: F1 0.04"));
    let few = metrics(3, 2, 1);
    assert_eq!(quality(few), "too few rows to say: 7 rows of the test data");
    let only_zeros = metrics(0, 30, 0);
    assert_eq!(
        quality(only_zeros),
        "cannot be measured: all 31 rows of the test data have label 0"
    );
}

/// A run that kept the model, with a new file of this status, which has rejected rows.
fn with_rejections(read: u64, rejected: u64, status: FileStatus) -> RunRecord {
    let rows = RowCounts {
        read,
        kept: read - rejected,
        rejected,
        ..RowCounts::default()
    };
    let file = FileReport {
        folder: "in".into(),
        name: "a.csv".into(),
        status,
        reason: (status == FileStatus::Rejected).then(|| "it is empty".into()),
        notes: Vec::new(),
        warnings: Vec::new(),
        similar_target: None,
        lacks_target: false,
        rows,
        rejections: Vec::new(),
        is_repeated: false,
    };
    let mut record = RunRecord {
        evidence: Some(tested(Verdict::Ok)),
        ..ended(Outcome::Steady, Some("000001"))
    };
    record.note_ingestion(IngestReport {
        files: vec![file],
        rows,
        ..IngestReport::default()
    });
    record
}

#[test]
fn only_many_rejections_ask_for_a_correction() {
    let next = |record: &RunRecord| first_lines(record)[4].clone();
    let many = with_rejections(2_090, 2_000, FileStatus::Ingested);
    assert_eq!(
        next(&many),
        "  next       fix the source: 2,000 of 2,090 rows were rejected (rejectedrows.csv); correct them and add the file again"
    );
    assert_eq!(
        next(&with_rejections(5_200, 5, FileStatus::Ingested)),
        "  next       nothing; 5 of 5,200 rows were rejected (rejectedrows.csv)"
    );
    let file = "correct in/a.csv, which was rejected, and add it again";
    let rejected = with_rejections(0, 0, FileStatus::Rejected);
    assert_eq!(next(&rejected), format!("  next       {file}"));
    // The step names the rejected rows of one file also if another file is rejected as a whole.
    let mut both = many;
    let files = &mut both.ingestion.as_mut().unwrap().files;
    files.extend(rejected.ingestion.iter().flat_map(|it| it.files.clone()));
    assert_eq!(
        next(&both),
        format!(
            "  next       {file}; fix the source: 2,000 of 2,090 rows were rejected (rejectedrows.csv); correct them and add the file again"
        )
    );
    // A run that could not decide names the rejected file, too.
    let undecided = RunRecord {
        outcome: Some(Outcome::NotJudged),
        ..rejected
    };
    assert_eq!(
        next(&undecided),
        format!("  next       wait for labels, or add a file with outcomes; {file}")
    );
}

#[test]
fn counts_of_files_that_are_zero_are_left_out() {
    let record = with_rejections(10, 0, FileStatus::Ingested);
    assert_eq!(record.files.ingested, 1);
    let text = record.to_string();
    assert!(text.contains("  files      1 ingested\n"), "{text}");
    let waited = RunRecord {
        files: FileCounts {
            removed: 2,
            ..record.files
        },
        rows: crate::RowTotals {
            new: 15,
            total: 3_000,
            ..record.rows
        },
        ..record
    };
    let text = waited.to_string();
    assert!(
        text.contains("  files      1 ingested, 2 removed\n"),
        "{text}"
    );
    assert!(
        text.contains("10 read = 10 kept + 0 duplicate + 0 rejected; 15 new (5 waited in earlier runs) of 3,000 in finaldata.csv"),
        "{text}"
    );
}

#[test]
fn model_drift_may_be_the_effect_of_calling() {
    let drifted = tested(Verdict::Drift);
    let deployed = drifted.deployed.clone().expect("a deployed model");
    let group = |clients, left| PredictedGroup {
        clients,
        left,
        expected: clients as f64 / 2.0,
        variance: clients as f64 / 4.0,
    };
    let record = |evidence: Evidence, model_version: &str, held_out| {
        let predictions = CallPredictions {
            model_version: model_version.to_owned(),
            called: group(100, 20),
            held_out,
        };
        let outcomes = CallOutcomes::default();
        RunRecord {
            evidence: Some(evidence),
            call_outcomes: Some(CallReport::new(outcomes, &predictions)),
            ..ended(Outcome::DriftNoted, Some(model_version))
        }
    };
    let sentence = "the model drift may be the effect of calling";
    let release = deployed.release.as_str();
    let found = record(drifted.clone(), release, group(40, 19));
    let text = found.to_string();
    assert!(text.contains(sentence), "{text}");
    assert!(
        text.contains(&format!(
            "  calls      predictions of release {release} for held-out clients: 19 of 40 left, 20.0 expected: the model still fits; "
        )),
        "{text}"
    );
    for other in [
        record(drifted.clone(), release, group(40, 8)),
        record(drifted, "another release", group(40, 19)),
        record(tested(Verdict::Ok), release, group(40, 19)),
    ] {
        assert!(!other.to_string().contains(sentence), "{other}");
    }
    // Older programs stored no predictions.
    let mut older = serde_json::to_value(&found).unwrap();
    let calls = older["call_outcomes"].as_object_mut().unwrap();
    assert!(calls.remove("calibration").is_some());
    let older: RunRecord = serde_json::from_value(older).unwrap();
    assert!(!older.to_string().contains("predictions of release"));
}

#[test]
fn feature_drift_asks_for_a_check_of_the_source() {
    let joint = diagnostics::JointCheck {
        columns: vec!["base".into(), "b".into()],
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
    let mut evidence = tested(Verdict::Ok);
    evidence.verdicts.as_mut().unwrap().joint = Some(joint);
    let record = RunRecord {
        evidence: Some(evidence),
        ..ended(Outcome::Steady, Some("000001"))
    };
    let lines = first_lines(&record);
    assert!(
        lines[3].ends_with("(feature drift): the location of base, b"),
        "{lines:?}"
    );
    assert_eq!(
        lines[4],
        "  next       check whether the clients really changed, or the source has a fault"
    );
}

/// Pages show the steps alone, so a step must not refer to another line of the text.
#[test]
fn no_step_points_to_a_line_of_the_text() {
    let records = [
        ended(Outcome::TrainingRefused, None),
        with_rejections(0, 0, FileStatus::Rejected),
        RunRecord {
            warnings: vec!["one".into(), "two".into()],
            ..ended(Outcome::Steady, Some("000001"))
        },
    ];
    for record in records {
        let steps = record.steps().join("; ");
        assert!(!steps.is_empty());
        assert!(
            !steps.contains(" line") && !steps.contains("below"),
            "{steps}"
        );
    }
}
