//! `GET /scoring`: the served model on the present test data.
//!
//! The snapshot's model is scored. If the live release is unusable, that is the model that still
//! serves.

use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};

use actix_web::web::Data;
use actix_web::{HttpRequest, HttpResponse};
use common::Config;
use common::exit::{Exit, classify};
use common::ledger::FileStamp;
use scoring::{ConfusionMatrix, DeployedScore, score_release};
use serde::Serialize;

use super::{expect_no_parameters, json, table};
use crate::accept::{self, Media};
use crate::answer;
use crate::content::Content;
use crate::error::ApiError;
use crate::snapshot::Snapshot;
use crate::state::AppState;

/// The last score, kept while the model and the test files are unchanged.
#[derive(Default)]
pub(crate) struct ScoreCache {
    last: Mutex<Option<(Inputs, Arc<DeployedScore>)>>,
    /// Requests wait for this lock without a thread. Waiting threads would be missing elsewhere.
    turn: tokio::sync::Mutex<()>,
}

/// What the score depends on.
#[derive(PartialEq)]
struct Inputs {
    release: String,
    model_digest: String,
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
    /// Labelled rows of the test data.
    n: u64,
    model_version: &'a str,
    /// F1 of the model at deployment.
    deployed_score: f64,
}

/// Answers with the score.
pub(super) async fn show(
    request: HttpRequest,
    state: Data<AppState>,
) -> Result<HttpResponse, ApiError> {
    expect_no_parameters(&request)?;
    let media = accept::choose(request.headers(), table::SCORING.media)?;
    let snapshot = state.models.current()?;
    let scoring = state.clone();
    let place = state.work.wait(&request)?;
    let _turn = place.until(state.scores.turn.lock()).await;
    let scored = place
        .run(move || scoring.scores.score(&scoring.config, &snapshot))
        .await?;
    let score = scored.map_err(as_answer)?;
    let metrics = &score.metrics;
    if media == Media::Text {
        let f1 = metrics.f1.ok_or(ApiError::NoData(
            "F1 is not defined: neither the model nor the test data has the label 1",
        ))?;
        let text = Content::made(format!("{f1}\n"));
        return Ok(answer::tagged(&request, Media::Text, text));
    }
    let shown = Answer {
        f1: metrics.f1,
        f1_interval: metrics.f1_interval,
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

/// Unusable test data is no fault of the server.
fn as_answer(error: anyhow::Error) -> ApiError {
    if classify(&error) == Exit::DataUnusable {
        tracing::warn!("the deployed model cannot be scored: {error:#}");
        ApiError::NoData("the test data cannot be scored; the log of the server says why")
    } else {
        ApiError::Internal(error)
    }
}

impl ScoreCache {
    /// The score of a snapshot, computed by one caller at a time.
    fn score(&self, config: &Config, snapshot: &Snapshot) -> anyhow::Result<Arc<DeployedScore>> {
        let mut cached = self.last.lock().unwrap_or_else(PoisonError::into_inner);
        let inputs = Inputs::now(config, snapshot)?;
        if let Some((of, score)) = cached.as_ref()
            && *of == inputs
        {
            return Ok(Arc::clone(score));
        }
        let Snapshot {
            manifest, model, ..
        } = snapshot;
        let score = Arc::new(score_release(config, manifest, model)?);
        // If a file changed meanwhile, it is unknown which content was scored.
        if Inputs::now(config, snapshot)? == inputs {
            *cached = Some((inputs, Arc::clone(&score)));
        }
        Ok(score)
    }
}

impl Inputs {
    fn now(config: &Config, snapshot: &Snapshot) -> anyhow::Result<Self> {
        let listing = dataset::list(std::slice::from_ref(&config.test_folder))?;
        Ok(Self {
            release: snapshot.release.clone(),
            model_digest: snapshot.manifest.model_digest().to_owned(),
            test_files: listing
                .files
                .into_iter()
                .map(|file| (file.path, file.stamp))
                .collect(),
        })
    }
}

#[cfg(test)]
mod tests {
    use std::future::poll_fn;
    use std::pin::pin;
    use std::sync::mpsc;
    use std::task::Poll;
    use std::time::Duration;

    use actix_web::App;
    use actix_web::dev::Service as _;
    use actix_web::rt::time::timeout;
    use actix_web::test::{TestRequest, init_service};
    use tokio::task::spawn_blocking;

    use crate::routes;
    use crate::tests::{Service, runtime};

    /// Time limit for steps that end at once, on the slowest machine.
    const PATIENCE: Duration = Duration::from_secs(60);

    #[test]
    fn requests_take_turns_and_waiting_ones_use_no_thread() {
        let service = Service::deployed();
        let state = service.state();
        // One thread holds up the first request, one serves that request, and one is free.
        runtime(3).block_on(async {
            let app = App::new().app_data(state.clone());
            let app = init_service(app.configure(routes::configure)).await;
            let (holds, is_held) = tokio::sync::oneshot::channel();
            let (go_on, held_up) = mpsc::channel::<()>();
            let holder = spawn_blocking({
                let state = state.clone();
                move || {
                    let _last = state.scores.last.lock().unwrap();
                    holds.send(()).unwrap();
                    held_up.recv().is_err()
                }
            });
            is_held.await.unwrap();
            let ask = || app.call(TestRequest::get().uri("/scoring").to_request());
            let (mut first, mut second, mut third) = (pin!(ask()), pin!(ask()), pin!(ask()));
            poll_fn(|context| {
                for asked in [first.as_mut(), second.as_mut(), third.as_mut()] {
                    assert!(asked.poll(context).is_pending());
                }
                Poll::Ready(())
            })
            .await;
            let other = timeout(PATIENCE, spawn_blocking(|| "has a thread")).await;
            drop(go_on);
            assert_eq!(other.expect("a free thread").unwrap(), "has a thread");
            assert!(holder.await.unwrap());
            for asked in [first, second, third] {
                assert_eq!(asked.await.unwrap().status(), 200);
            }
        });
    }
}
