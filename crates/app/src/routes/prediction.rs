//! `POST /prediction`: the deployed model's word on the rows of the request.

use std::fs::File;
use std::io::Take;
use std::sync::Arc;

use actix_web::body::BoxBody;
use actix_web::http::header::{CONTENT_TYPE, HeaderName, HeaderValue, VARY};
use actix_web::web::{self, Bytes, Data, Payload};
use actix_web::{HttpMessage, HttpRequest, HttpResponse};

use super::{parameters, table, unknown_parameter};
use crate::accept::{self, Media};
use crate::answer::RequestId;
use crate::connection::Connection;
use crate::error::ApiError;
use crate::held::HeldAnswer;
use crate::in_flight::Permit;
use crate::payload::{
    self, CHECKED_WHOLE, Form, Gathered, Incoming, Rows, Source, Streaming, stream_body,
    stream_file,
};
use crate::predict::{Options, answer_bytes, predict as predict_rows, predict_csv, predict_text};
use crate::snapshot::Snapshot;
use crate::state::AppState;

/// Bodies up to this size are answered on the server's worker: a millisecond at most.
const SMALL_BODY: usize = 64 * 1024;
/// Likewise where each prediction is explained, which takes several times as long.
const SMALL_EXPLAINED_BODY: usize = 8 * 1024;
/// Answers up to this size are the connection's; they are no more than what it gathers anyway.
const SMALL_ANSWER: usize = 64 * 1024;

const MODEL_VERSION: HeaderName = HeaderName::from_static("x-model-version");

/// A request that is understood and not computed.
struct Job {
    state: Data<AppState>,
    snapshot: Arc<Snapshot>,
    options: Options,
    media: Media,
    form: Form,
    body: Bytes,
    request_id: String,
    /// For the body: it stays as long as the job, also when nobody waits for that any more.
    permit: Permit,
}

/// What a job comes to.
enum Computed {
    /// The whole answer.
    Answer(Vec<u8>),
    /// A file whose answer is to be streamed.
    Large(Take<File>),
}

/// Answers a prediction request.
pub(super) async fn predict(
    request: HttpRequest,
    payload: Payload,
    state: Data<AppState>,
) -> Result<HttpResponse, ApiError> {
    let answered = answer(&request, payload, &state).await;
    if let Err(ApiError::RowInvalid(errors)) = &answered {
        state.metrics.count_rejected(errors);
    }
    answered
}

async fn answer(
    request: &HttpRequest,
    payload: Payload,
    state: &Data<AppState>,
) -> Result<HttpResponse, ApiError> {
    let options = options(&parameters(request))?;
    let media = accept::choose(request.headers(), table::PREDICTION.media)?;
    if options.explain && media != Media::Json {
        return Err(ApiError::InvalidParameter {
            name: "explain",
            expected: "true only where the answer is application/json",
        });
    }
    let form = Form::of(request.headers())?;
    let snapshot = state.models.current()?;
    let mut incoming = Incoming::begin(request, payload, &state.config.api.limits)?;
    let mut permit = state.in_flight.permit();
    let streaming = |permit| Streaming {
        state: state.clone(),
        snapshot: Arc::clone(&snapshot),
        threshold: options.threshold,
        request_id: request_id(request),
        _permit: permit,
    };
    let most = match media {
        Media::Csv => CHECKED_WHOLE,
        _ => u64::MAX,
    };
    let body = match incoming.gather(Bytes::new(), most, &mut permit).await? {
        Gathered::Beginning(beginning) if form.is_csv(&beginning) => {
            let answer = stream_body(request, streaming(permit), beginning, incoming).await?;
            return Ok(respond(&snapshot, media, BoxBody::new(answer)));
        }
        Gathered::Beginning(beginning) => {
            match incoming.gather(beginning, u64::MAX, &mut permit).await? {
                Gathered::Whole(body) | Gathered::Beginning(body) => body,
            }
        }
        Gathered::Whole(body) => body,
    };
    let mut job = Job {
        state: state.clone(),
        snapshot: Arc::clone(&snapshot),
        options,
        media,
        form,
        body,
        request_id: request_id(request),
        permit,
    };
    let (computed, permit) = match job.compute_if_small()? {
        Some(answer) => (Computed::Answer(answer), job.permit),
        None => web::block(move || job.compute()).await??,
    };
    let body = match computed {
        Computed::Answer(answer) if answer.len() <= SMALL_ANSWER => BoxBody::new(answer),
        Computed::Answer(answer) => {
            BoxBody::new(HeldAnswer::new(answer, permit, Connection::reader(request)))
        }
        Computed::Large(file) => BoxBody::new(stream_file(request, streaming(permit), file).await?),
    };
    Ok(respond(&snapshot, media, body))
}

fn respond(snapshot: &Snapshot, media: Media, body: BoxBody) -> HttpResponse {
    HttpResponse::Ok()
        .insert_header((CONTENT_TYPE, HeaderValue::from_static(media.content_type())))
        .insert_header((VARY, HeaderValue::from_static("Accept")))
        .insert_header((MODEL_VERSION, snapshot.header.clone()))
        .body(body)
}

impl Job {
    /// The answer, where it takes so little that handing it over would take longer.
    fn compute_if_small(&mut self) -> Result<Option<Vec<u8>>, ApiError> {
        let small = if self.options.explain {
            SMALL_EXPLAINED_BODY
        } else {
            SMALL_BODY
        };
        if self.body.len() > small {
            return Ok(None);
        }
        // The body is shared, not copied.
        let body = self.body.clone();
        match Source::of(self.form, &body)? {
            // A file may be of any size, on a disk that is slow.
            Source::Path(_) => Ok(None),
            source => self.answer(&source).map(Some),
        }
    }

    /// What it comes to, and the permit to go on with.
    fn compute(mut self) -> Result<(Computed, Permit), ApiError> {
        let body = self.body.clone();
        let source = Source::of(self.form, &body)?;
        if self.media == Media::Csv
            && let Some(file) = payload::large_file(&source, &self.state.config)?
        {
            return Ok((Computed::Large(file), self.permit));
        }
        let answer = self.answer(&source)?;
        Ok((Computed::Answer(answer), self.permit))
    }

    fn answer(&mut self, source: &Source<'_>) -> Result<Vec<u8>, ApiError> {
        let Snapshot { model, schema, .. } = &*self.snapshot;
        let rows = payload::rows(source, &self.state.config, schema, &mut self.permit)?;
        let bytes = answer_bytes(model, &rows, self.options, self.media);
        self.permit.grow(rows.bytes())?;
        self.permit.grow(bytes)?;
        let (answer, [stayed, left]) = self.written(&rows, bytes)?;
        self.state.metrics.count_predictions(stayed, left);
        Ok(answer)
    }

    /// The answer's text of about so many bytes, and how many rows are of class 0 and of class 1.
    fn written(&self, rows: &Rows, bytes: usize) -> Result<(Vec<u8>, [u64; 2]), ApiError> {
        let Snapshot { model, release, .. } = &*self.snapshot;
        match self.media {
            Media::Csv => Ok(predict_csv(model, rows, self.options, bytes)),
            Media::Text => Ok(predict_text(model, rows, self.options)),
            _ => {
                let answer = predict_rows(model, rows, self.options, release, &self.request_id);
                let mut text = Vec::with_capacity(bytes);
                serde_json::to_writer(&mut text, &answer)
                    .map_err(|error| ApiError::Internal(error.into()))?;
                Ok((text, answer.counts()))
            }
        }
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
