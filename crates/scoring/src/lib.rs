//! Measures models: their metrics, the comparison of two models on the same rows, and the gate that
//! a candidate has to pass. Also makes the call list: the clients without a label, ranked by risk.
//!
//! This crate fits models only for cross-validation and recalibration. It does not act on the
//! gate's decision.

mod calibration;
mod call_list;
mod compare;
mod confusion;
mod deployed;
mod estimate;
mod estimate_interval;
mod gate;
mod metrics;
mod paired_losses;
mod ranking;
mod recalibration;
#[cfg(test)]
mod reference;
mod report;
mod score;
mod statistics;
mod warnings;
mod windows;

use std::path::PathBuf;

use anyhow::Context;
use common::cli::clap::{self, Args};
use common::history::{StageTimer, StoredScore};
use common::{Config, Failure, History, RunLock, files};
use dataset::{FingerprintKey, TestData};
use model::Model;

pub use calibration::{Calibration, ReliabilityBin, calibration};
pub use call_list::{
    Band, BandCount, CALL_LIST_COLUMNS, CalibrationVerdict, CallCalibration, CallEffect, CallGroup,
    CallList, CallListFlaw, CallListSummary, CallOutcomes, CallPredictions, CallReport,
    ExpectedValue, GroupCalibration, ListOfRun, MAX_REASONS, PredictedGroup, RankReport,
    RankedClient, SourceRows, StoredList, ValueOfFirst, call_list, rank,
};
pub use compare::{Comparison, Contest, TestDataComparison, UnseenTest, compare};
pub use confusion::{ConfusionMatrix, confusion, true_positives};
pub use dataset::passes::ClientSums;
pub use deployed::{
    DeployedScore, TestScore, score_candidate, score_deployed, score_on_test, score_release,
};
pub use estimate::{Estimate, Forecast, estimate, forecasts};
pub use estimate_interval::f1_interval_of_estimate;
pub use gate::{GateDecision, SCORE_TOLERANCE, gate};
pub use metrics::{Baselines, MajorityBaseline, Metrics, evaluate, score};
pub use paired_losses::{MAX_PAIRED_ROWS, interval_at_look, paired_losses};
pub use ranking::{Decile, Ranking};
pub use recalibration::{Recalibration, recalibrate};
pub use report::{ScoreReport, ScoringReport};
pub use score::{read_score, same_score, score_text, write_score};
pub use statistics::{f1_interval, f1_interval_by_client, quantile};
pub use warnings::model_warnings;
pub use windows::{WindowChoice, WindowRows, WindowTrial, choose_window, first_gate_row, windows};

/// Command-line options of the program.
#[derive(Args, Debug)]
pub struct Options {
    /// Rank the clients without a label instead of scoring. Reads FILE, or the ingested data, and writes
    /// the call list riskranking.csv
    #[arg(long, value_name = "FILE", num_args = 0..=1)]
    rank: Option<Option<PathBuf>>,
}

/// The command `scoring`: scores the candidate, or ranks clients.
pub fn run_command(config: &Config, options: Options) -> anyhow::Result<ScoringReport> {
    dataset::start_threads()?;
    match options.rank {
        None => run(config).map(|report| ScoringReport::Score(Box::new(report))),
        Some(file) => {
            rank(config, file.as_deref()).map(|report| ScoringReport::Ranked(Box::new(report)))
        }
    }
}

/// Scores the candidate on the test data, for the command `scoring`. The score is written to the
/// candidate's score file and to the history.
pub fn run(config: &Config) -> anyhow::Result<ScoreReport> {
    let _lock = RunLock::acquire(&config.layout, "scoring")?;
    let timer = StageTimer::start("scoring");
    let history = History::open(&config.layout)?;
    let (model, digest) = candidate(config)?;
    let key = FingerprintKey::load(&config.layout)?;
    let test = dataset::load_test_data(config, key.as_ref().unwrap_or(&FingerprintKey::PUBLIC))?;
    let mut warnings = test_data_warnings(&test);
    warnings.extend(overlap_warning(config, &history, key.as_ref(), &test));
    let (f1, metrics) = score_on_test(&model, &test)?;
    warnings.extend(model_warnings(
        &metrics,
        "the candidate",
        "on the test data",
    ));
    for warning in &warnings {
        tracing::warn!("{warning}");
    }
    write_score(config, f1)?;
    let score = StoredScore {
        model: digest.clone(),
        f1,
    };
    history.record_score(common::clock::now(), &score)?;
    history.record_stage(&timer.stop())?;
    Ok(ScoreReport {
        f1,
        metrics,
        model: digest,
        test_data: test.digest,
        warnings,
    })
}

/// Warnings about the test data, one sentence each: rejected rows, rejected files, and the warnings
/// of the reader.
pub fn test_data_warnings(test: &TestData) -> Vec<String> {
    let n_rows = test.rejected_rows;
    let rows = (n_rows > 0).then(|| {
        let (rows, were) = if n_rows == 1 {
            ("row", "was")
        } else {
            ("rows", "were")
        };
        let named = test.rejections.join("; ");
        format!("{n_rows} {rows} of the test data {were} rejected: {named}")
    });
    let files = test.rejected_files.iter();
    let more = test.rejected_files.len().saturating_sub(MAX_NAMED_FILES);
    let files = files
        .take(MAX_NAMED_FILES)
        .map(|file| format!("a file of the test data was rejected: {file}"))
        .chain((more > 0).then(|| format!("and {more} more files of the test data were rejected")));
    rows.into_iter()
        .chain(files)
        .chain(test.warnings.iter().cloned())
        .collect()
}

/// Maximum number of rejected files of the test data that are named one by one.
const MAX_NAMED_FILES: usize = 20;

fn candidate(config: &Config) -> anyhow::Result<(Model, String)> {
    let path = config.layout.candidate_model();
    if !files::exists(&path)? {
        return Err(Failure::input_output(format!(
            "there is no model at {}: run `training` first",
            path.display()
        ))
        .into());
    }
    let (model, digest) =
        Model::load(&path).context("the candidate cannot be scored: run `training` again")?;
    if !model.fits_schema(&config.schema) {
        return Err(Failure::data(format!(
            "the model {} reads other columns than the configuration names: run `training`",
            path.display()
        ))
        .into());
    }
    Ok((model, digest))
}

/// A warning if rows of the test data are also in the ingested data. The score would then be too
/// good.
fn overlap_warning(
    config: &Config,
    history: &History,
    key: Option<&FingerprintKey>,
    test: &TestData,
) -> Option<String> {
    let found = history.ledger().and_then(|ledger| match key {
        Some(key) if ledger.rows > 0 => {
            dataset::find_in_final_data(config, &ledger, key, &test.fingerprints).map(Some)
        }
        _ => Ok(None),
    });
    match found {
        Ok(seen) => {
            let seen = seen?;
            let n_seen = seen.iter().filter(|is_seen| **is_seen).count();
            (n_seen > 0).then(|| {
                format!(
                    "{n_seen} of {} rows of the test data are also rows of finaldata.csv",
                    seen.len()
                )
            })
        }
        // The score does not depend on the ingested data, so this error is only a warning.
        Err(error) => Some(format!(
            "the test data could not be compared with the ingested data: {error:#}"
        )),
    }
}

#[cfg(test)]
mod engine_tests;
#[cfg(test)]
mod tests;
