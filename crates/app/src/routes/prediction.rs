//! `POST /prediction`: the deployed model's word on the rows of the request.

use std::sync::Arc;

use actix_web::http::header::{ContentType, HeaderName};
use actix_web::web::{self, Bytes, Data, Payload};
use actix_web::{HttpMessage, HttpRequest, HttpResponse};

use super::{parameters, unknown_parameter};
use crate::answer::RequestId;
use crate::error::ApiError;
use crate::payload::{self, Form, Source};
use crate::predict::{Options, predict as predict_rows};
use crate::snapshot::Snapshot;
use crate::state::AppState;

/// Bodies up to this size are answered on the server's worker: a millisecond at most.
const SMALL_BODY: usize = 64 * 1024;

const MODEL_VERSION: HeaderName = HeaderName::from_static("x-model-version");

/// A request that is understood and not computed.
struct Job {
    state: Data<AppState>,
    snapshot: Arc<Snapshot>,
    options: Options,
    form: Form,
    body: Bytes,
    request_id: String,
}

/// Answers a prediction request.
pub(super) async fn predict(
    request: HttpRequest,
    payload: Payload,
    state: Data<AppState>,
) -> Result<HttpResponse, ApiError> {
    let options = options(&parameters(&request))?;
    let form = Form::of(request.headers())?;
    let snapshot = state.models.current().await?;
    let job = Job {
        body: payload::read_body(&request, payload).await?,
        request_id: request_id(&request),
        snapshot: Arc::clone(&snapshot),
        state,
        options,
        form,
    };
    let answer = if job.is_small()? {
        job.answer()?
    } else {
        web::block(move || job.answer()).await??
    };
    Ok(HttpResponse::Ok()
        .insert_header(ContentType::json())
        .insert_header((MODEL_VERSION, snapshot.release.as_str()))
        .body(answer))
}

impl Job {
    /// Whether it takes so little that handing it over would take longer.
    fn is_small(&self) -> Result<bool, ApiError> {
        if self.body.len() > SMALL_BODY {
            return Ok(false);
        }
        // A file may be of any size, on a disk that is slow.
        let is_file = matches!(Source::of(self.form, &self.body)?, Source::Path(_));
        Ok(!is_file)
    }

    fn answer(&self) -> Result<Vec<u8>, ApiError> {
        let snapshot = &self.snapshot;
        let source = Source::of(self.form, &self.body)?;
        let rows = payload::rows(&source, &self.state.config, &snapshot.schema)?;
        let predictions = predict_rows(
            &snapshot.model,
            &rows,
            self.options,
            &snapshot.release,
            &self.request_id,
        );
        serde_json::to_vec(&predictions).map_err(|error| ApiError::Internal(error.into()))
    }
}

fn request_id(request: &HttpRequest) -> String {
    let extensions = request.extensions();
    let id = extensions.get::<RequestId>();
    id.map(|id| id.0.clone()).unwrap_or_default()
}

/// The options of a query; each may stand there once.
fn options(parameters: &[(String, String)]) -> Result<Options, ApiError> {
    let mut options = Options::default();
    for (position, (name, value)) in parameters.iter().enumerate() {
        let is_repeated = parameters[..position]
            .iter()
            .any(|(other, _)| other == name);
        let value = Some(value.as_str()).filter(|_| !is_repeated);
        match name.as_str() {
            "threshold" => options.threshold = threshold(value)?,
            "explain" => options.explain = explain(value)?,
            _ => return Err(unknown_parameter(name, "known are explain and threshold")),
        }
    }
    Ok(options)
}

fn threshold(value: Option<&str>) -> Result<f64, ApiError> {
    value
        .and_then(|value| value.parse().ok())
        .filter(|threshold| (0.0..=1.0).contains(threshold))
        .ok_or(ApiError::InvalidParameter {
            name: "threshold",
            expected: "a number from 0 to 1",
        })
}

fn explain(value: Option<&str>) -> Result<bool, ApiError> {
    value
        .and_then(|value| value.parse().ok())
        .ok_or(ApiError::InvalidParameter {
            name: "explain",
            expected: "true or false",
        })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(query: &[(&str, &str)]) -> Result<Options, &'static str> {
        let owned = |(name, value): &(&str, &str)| ((*name).to_owned(), (*value).to_owned());
        let parameters: Vec<_> = query.iter().map(owned).collect();
        options(&parameters).map_err(|error| error.kind().code)
    }

    #[test]
    fn the_query_is_read_strictly() {
        assert_eq!(of(&[]), Ok(Options::default()));
        assert_eq!(
            of(&[("threshold", "0.25"), ("explain", "true")]),
            Ok(Options {
                threshold: 0.25,
                explain: true
            })
        );
        for value in ["", "NaN", "-0.1", "1.1", "inf", "0,5", "half"] {
            assert_eq!(
                of(&[("threshold", value)]),
                Err("invalid-parameter"),
                "{value}"
            );
        }
        assert_eq!(of(&[("explain", "yes")]), Err("invalid-parameter"));
        let twice = [("explain", "true"), ("explain", "true")];
        assert_eq!(of(&twice), Err("invalid-parameter"));
        assert_eq!(of(&[("Explain", "true")]), Err("unknown-parameter"));
    }
}
