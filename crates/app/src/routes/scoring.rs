//! `GET /scoring`: the served model on the test data as it is now.
//!
//! It is the snapshot's model that is scored: while the live release cannot be used, the one that
//! predicts meanwhile.

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
use crate::error::ApiError;
use crate::held::Content;
use crate::snapshot::Snapshot;
use crate::state::AppState;

/// The score computed last, kept while the model and the test files stay as they are.
#[derive(Default)]
pub(crate) struct ScoreCache {
    kept: Mutex<Option<(Inputs, Arc<DeployedScore>)>>,
    /// Waited for by requests, not by threads: those would be missing elsewhere.
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
            "F1 is not defined: neither the model nor the test data has class 1",
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
    /// The score of a snapshot, by one caller at a time.
    fn score(&self, config: &Config, snapshot: &Snapshot) -> anyhow::Result<Arc<DeployedScore>> {
        let mut cached = self.kept.lock().unwrap_or_else(PoisonError::into_inner);
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
        // A file may have changed meanwhile: then it is not known what was scored.
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

    /// The end of what is over at once, on the slowest machine.
    const PATIENCE: Duration = Duration::from_secs(60);

    #[test]
    fn requests_take_turns_and_who_waits_keeps_no_thread() {
        let service = Service::deployed();
        let state = service.state();
        // One for what holds up the first request, one for that request, and one that is free.
        runtime(3).block_on(async {
            let app = App::new().app_data(state.clone());
            let app = init_service(app.configure(routes::configure)).await;
            let (holds, is_held) = tokio::sync::oneshot::channel();
            let (go_on, held_up) = mpsc::channel::<()>();
            let holder = spawn_blocking({
                let state = state.clone();
                move || {
                    let _kept = state.scores.kept.lock().unwrap();
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
