//! `GET /scoring`: the deployed model on the test data as it is now.

use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};

use actix_web::web::{self, Data};
use actix_web::{HttpRequest, HttpResponse};
use common::Config;
use common::exit::{Exit, classify};
use common::ledger::FileStamp;
use scoring::{ConfusionMatrix, DeployedScore, score_deployed};
use serde::Serialize;

use super::{expect_no_parameters, json, table};
use crate::accept::{self, Media};
use crate::answer;
use crate::error::ApiError;
use crate::state::AppState;

/// The score computed last, kept while the live release and the test files stay as they are.
#[derive(Default)]
pub(crate) struct ScoreCache(Mutex<Option<(Inputs, Arc<DeployedScore>)>>);

/// What the score depends on.
#[derive(PartialEq)]
struct Inputs {
    live: Option<PathBuf>,
    test_files: Vec<(PathBuf, FileStamp)>,
}

#[derive(Serialize)]
struct Answer<'a> {
    f1: Option<f64>,
    /// 95 % interval of F1.
    f1_interval: Option<[f64; 2]>,
    precision: Option<f64>,
    recall: Option<f64>,
    roc_auc: Option<f64>,
    confusion_matrix: ConfusionMatrix,
    /// Rows of the test data with a known class.
    n: u64,
    model_version: &'a str,
    /// F1 when the model was deployed.
    deployed_score: f64,
}

/// Answers with the score.
pub(super) async fn show(
    request: HttpRequest,
    state: Data<AppState>,
) -> Result<HttpResponse, ApiError> {
    expect_no_parameters(&request)?;
    let media = accept::choose(request.headers(), table::SCORING.media)?;
    let scored = web::block(move || state.scores.score(&state.config)).await?;
    let score = scored.map_err(as_answer)?.ok_or(ApiError::NoModel)?;
    let metrics = &score.metrics;
    if media == Media::Text {
        let f1 = metrics.f1.ok_or(ApiError::NoData(
            "F1 is not defined: neither the model nor the test data has class 1",
        ))?;
        let text = format!("{f1}\n").into();
        return Ok(answer::tagged(&request, Media::Text, text));
    }
    let shown = Answer {
        f1: metrics.f1,
        f1_interval: score.f1_interval,
        precision: metrics.precision,
        recall: metrics.recall,
        roc_auc: metrics.roc_auc,
        confusion_matrix: metrics.confusion,
        n: metrics.rows,
        model_version: &score.release,
        deployed_score: score.deployed_score,
    };
    json(&request, &shown)
}

/// Test data that cannot be used is no fault of the server.
fn as_answer(error: anyhow::Error) -> ApiError {
    if classify(&error) == Exit::DataUnusable {
        tracing::warn!("the deployed model cannot be scored: {error:#}");
        ApiError::NoData("the test data cannot be scored; the log of the server says why")
    } else {
        ApiError::Internal(error)
    }
}

impl ScoreCache {
    /// The score of the live release; `None` when nothing is deployed. One caller computes, the
    /// others wait for it.
    fn score(&self, config: &Config) -> anyhow::Result<Option<Arc<DeployedScore>>> {
        let mut cached = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let inputs = Inputs::now(config)?;
        if let Some((of, score)) = cached.as_ref()
            && *of == inputs
        {
            return Ok(Some(Arc::clone(score)));
        }
        let Some(score) = score_deployed(config)?.map(Arc::new) else {
            return Ok(None);
        };
        // A release or a file may have changed meanwhile: then it is not known what was scored.
        if Inputs::now(config)? == inputs {
            *cached = Some((inputs, Arc::clone(&score)));
        }
        Ok(Some(score))
    }
}

impl Inputs {
    fn now(config: &Config) -> anyhow::Result<Self> {
        let listing = dataset::list(std::slice::from_ref(&config.test_folder))?;
        Ok(Self {
            live: deployment::live_target(&config.layout)?,
            test_files: listing
                .files
                .into_iter()
                .map(|file| (file.path, file.stamp))
                .collect(),
        })
    }
}
