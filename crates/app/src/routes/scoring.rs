//! `GET /scoring`: the served model on the present test data.
//!
//! The snapshot's model is scored. If the live release is unusable, that is the model that still
//! serves.

use std::path::Path;

use actix_web::web::Data;
use actix_web::{HttpRequest, HttpResponse};
use common::exit::{Exit, classify};
use schemars::JsonSchema;
use scoring::{ConfusionMatrix, Ranking};
use serde::Serialize;

use super::json;
use super::query::expect_no_parameters;
use crate::accept::{self, Media};
use crate::answer;
use crate::content::Content;
use crate::endpoints;
use crate::error::ApiError;
use crate::state::AppState;

/// The deployed model on the test data.
#[derive(Serialize, JsonSchema)]
pub(crate) struct Score<'a> {
    /// F1 on the test data, 0 to 1; `null` if neither the model nor the test data has the positive
    /// label.
    #[schemars(range(min = 0, max = 1))]
    f1: Option<f64>,
    /// 95 % interval of F1: its lower and its upper end; `null` if it is not defined.
    f1_interval: Option<[f64; 2]>,
    /// Share of the predicted positive labels that are correct, 0 to 1; `null` if none is predicted.
    #[schemars(range(min = 0, max = 1))]
    precision: Option<f64>,
    /// Share of the positive labels that are predicted, 0 to 1; `null` if there are none.
    #[schemars(range(min = 0, max = 1))]
    recall: Option<f64>,
    /// Area under the ROC curve, 0 to 1; `null` if the test data has only one label.
    #[schemars(range(min = 0, max = 1))]
    roc_auc: Option<f64>,
    /// How well the model ranks the rows; `null` if the test data has only one label.
    ranking: Option<&'a Ranking>,
    /// Numbers of rows by prediction and label.
    confusion_matrix: ConfusionMatrix,
    /// Number of labelled rows of the test data.
    n: u64,
    /// Number of the release that was scored.
    model_version: &'a str,
    /// F1 on the test data when the release was deployed, 0 to 1.
    #[schemars(range(min = 0, max = 1))]
    deployed_score: f64,
}

/// Answers with the score.
pub(super) async fn show(
    request: HttpRequest,
    state: Data<AppState>,
) -> Result<HttpResponse, ApiError> {
    expect_no_parameters(&request)?;
    let media = accept::choose(request.headers(), endpoints::SCORING.media)?;
    let snapshot = state.models.current()?;
    let scoring = state.clone();
    let place = state.work.wait(&request)?;
    let _turn = place.until(state.scores.turn.lock()).await;
    let scored = place
        .run(move || scoring.scores.score(&scoring.config, &snapshot))
        .await?;
    let score = scored.map_err(|error| as_answer(error, &state.config.test_folder.path))?;
    let metrics = &score.metrics;
    if media == Media::Text {
        let f1 = metrics.f1.ok_or(ApiError::NoData(
            "F1 is not defined: neither the model nor the test data has the label 1",
        ))?;
        let text = Content::made(format!("{f1}\n"));
        return Ok(answer::tagged(&request, Media::Text, text));
    }
    let shown = Score {
        f1: metrics.f1,
        f1_interval: metrics.f1_interval,
        precision: metrics.precision,
        recall: metrics.recall,
        roc_auc: metrics.roc_auc,
        ranking: metrics.ranking.as_ref(),
        confusion_matrix: metrics.confusion,
        n: metrics.rows,
        model_version: &score.release,
        deployed_score: score.deployed_score,
    };
    json::answer(&request, &shown)
}

/// Unusable test data is no fault of the server.
fn as_answer(error: anyhow::Error, test_folder: &Path) -> ApiError {
    if !test_folder.is_dir() {
        tracing::warn!("the deployed model cannot be scored: {error:#}");
        ApiError::NoData("the folder of the test data (test_data_path in config.json) is missing")
    } else if classify(&error) == Exit::DataUnusable {
        tracing::warn!("the deployed model cannot be scored: {error:#}");
        ApiError::NoData("the test data cannot be scored; the log of the server says why")
    } else {
        ApiError::Internal(error)
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

    /// Time limit for steps that take hardly any time, even on the slowest machine.
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
                    let _last = state.scores.block_until_dropped();
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
