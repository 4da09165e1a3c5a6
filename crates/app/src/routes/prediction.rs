//! `POST /prediction`: the deployed model's word on the rows of the request.

use std::fs::File;
use std::io::Take;
use std::sync::Arc;

use actix_web::body::BoxBody;
use actix_web::http::header::{CONTENT_TYPE, HeaderName, HeaderValue, VARY};
use actix_web::web::{Bytes, Data, Payload};
use actix_web::{HttpRequest, HttpResponse};

use super::{parameters, table, unknown_parameter};
use crate::accept::{self, Media};
use crate::error::ApiError;
use crate::held::held_body;
use crate::in_flight::Permit;
use crate::noted::{Noted, RequestId};
use crate::pace;
use crate::payload::{
    self, CHECKED_WHOLE, Form, Gathered, Incoming, Rows, Source, Streaming, stream_body,
    stream_file,
};
use crate::predict::{Options, answer_bytes, predict as predict_rows, predict_csv, predict_text};
use crate::snapshot::Snapshot;
use crate::state::AppState;

/// Bodies up to this size are answered on the server's worker: a millisecond at most.
const SMALL_BODY: usize = 64 * 1024;
/// How many times as long it takes to explain each prediction too.
const EXPLAINING_EFFORT: usize = 8;

const MODEL_VERSION: HeaderName = HeaderName::from_static("x-model-version");

/// How a client wants its answer, and sends its rows.
#[derive(Clone, Copy)]
struct Wishes {
    options: Options,
    media: Media,
    form: Form,
}

/// A request that is understood and not computed.
struct Job {
    state: Data<AppState>,
    snapshot: Arc<Snapshot>,
    wishes: Wishes,
    body: Bytes,
    request_id: RequestId,
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

/// What is rare is boxed: a request's future is allocated, and up to a kilobyte that costs little.
async fn answer(
    request: &HttpRequest,
    payload: Payload,
    state: &Data<AppState>,
) -> Result<HttpResponse, ApiError> {
    let wishes = Wishes::of(request)?;
    let snapshot = state.models.current()?;
    let mut incoming = Incoming::begin(request, payload, &state.config.api.limits)?;
    let mut permit = state.in_flight.permit();
    let streaming = |permit| Streaming {
        state: state.clone(),
        snapshot: Arc::clone(&snapshot),
        threshold: wishes.options.threshold,
        request_id: Noted::id_of(request).as_str().to_owned(),
        _permit: permit,
    };
    let body = match wishes.gather(&mut incoming, &mut permit).await? {
        Gathered::Whole(body) => body,
        Gathered::Beginning(beginning) => {
            let answer = stream_body(streaming(permit), beginning, incoming);
            let answer = Box::pin(answer).await?;
            Noted::take_body(request);
            return Ok(respond(&snapshot, wishes.media, BoxBody::new(answer)));
        }
    };
    Noted::take_body(request);
    let job = Job {
        state: state.clone(),
        snapshot: Arc::clone(&snapshot),
        wishes,
        body,
        request_id: Noted::id_of(request),
        permit,
    };
    let body = match job.run(request).await? {
        (Computed::Answer(answer), permit) => held_body(answer.into(), Some(permit)),
        (Computed::Large(file), permit) => {
            let answer = stream_file(streaming(permit), file);
            BoxBody::new(Box::pin(answer).await?)
        }
    };
    Ok(respond(&snapshot, wishes.media, body))
}

impl Wishes {
    /// What query and headers say.
    fn of(request: &HttpRequest) -> Result<Self, ApiError> {
        let options = options(&parameters(request))?;
        let media = accept::choose(request.headers(), table::PREDICTION.media)?;
        if options.explain && media != Media::Json {
            return Err(ApiError::InvalidParameter {
                name: "explain",
                expected: "true only where the answer is application/json",
            });
        }
        let form = Form::of(request.headers())?;
        Ok(Self {
            options,
            media,
            form,
        })
    }

    /// The whole body, or the beginning of one whose answer is to be streamed.
    async fn gather(
        &self,
        incoming: &mut Incoming,
        permit: &mut Permit,
    ) -> Result<Gathered, ApiError> {
        let most = match self.media {
            Media::Csv => CHECKED_WHOLE,
            _ => u64::MAX,
        };
        match incoming.gather(Bytes::new(), most, permit).await? {
            Gathered::Beginning(beginning) if !self.form.is_csv(&beginning) => {
                incoming.gather(beginning, u64::MAX, permit).await
            }
            gathered => Ok(gathered),
        }
    }

    /// Bodies up to this size take so little that handing them over would take longer.
    fn small_body(&self) -> usize {
        SMALL_BODY / self.effort()
    }

    /// How many times as long as a plain prediction it takes.
    fn effort(&self) -> usize {
        if self.options.explain {
            EXPLAINING_EFFORT
        } else {
            1
        }
    }
}

fn respond(snapshot: &Snapshot, media: Media, body: BoxBody) -> HttpResponse {
    HttpResponse::Ok()
        .insert_header((CONTENT_TYPE, HeaderValue::from_static(media.content_type())))
        .insert_header((VARY, HeaderValue::from_static("Accept")))
        .insert_header((MODEL_VERSION, snapshot.header.clone()))
        .body(body)
}

impl Job {
    /// What it comes to, and the permit to go on with.
    async fn run(mut self, request: &HttpRequest) -> Result<(Computed, Permit), ApiError> {
        if self.body.len() <= self.wishes.small_body() {
            pace::for_bytes(self.body.len() * self.wishes.effort()).await;
        }
        match self.compute_if_small()? {
            Some(answer) => Ok((Computed::Answer(answer), self.permit)),
            None => {
                let state = self.state.clone();
                let computed = state.work.run(request, move || self.compute());
                Box::pin(computed).await?
            }
        }
    }

    /// The answer, where it is made on the server's worker.
    fn compute_if_small(&mut self) -> Result<Option<Vec<u8>>, ApiError> {
        if self.body.len() > self.wishes.small_body() {
            return Ok(None);
        }
        // The body is shared, not copied.
        let body = self.body.clone();
        match Source::of(self.wishes.form, &body)? {
            // A file may be of any size, on a disk that is slow.
            Source::Path(_) => Ok(None),
            source => self.answer(&source).map(Some),
        }
    }

    fn compute(mut self) -> Result<(Computed, Permit), ApiError> {
        let body = self.body.clone();
        let source = Source::of(self.wishes.form, &body)?;
        if self.wishes.media == Media::Csv
            && let Some(file) = payload::large_file(&source, &self.state.config)?
        {
            return Ok((Computed::Large(file), self.permit));
        }
        let answer = self.answer(&source)?;
        Ok((Computed::Answer(answer), self.permit))
    }

    fn answer(&mut self, source: &Source<'_>) -> Result<Vec<u8>, ApiError> {
        let Snapshot {
            model,
            schema,
            release,
            ..
        } = &*self.snapshot;
        let rows = payload::rows(source, &self.state.config, schema, &mut self.permit)?;
        let Wishes { options, media, .. } = self.wishes;
        let bytes = answer_bytes(model, &rows, options, media, release);
        self.permit.grow(bytes)?;
        let (answer, [stayed, left]) = self.written(&rows, bytes)?;
        self.state.metrics.count_predictions(stayed, left);
        Ok(answer)
    }

    /// The answer's text of so many bytes at most, and how many rows are of class 0 and of class 1.
    fn written(&self, rows: &Rows, bytes: usize) -> Result<(Vec<u8>, [u64; 2]), ApiError> {
        let Snapshot { model, release, .. } = &*self.snapshot;
        let options = self.wishes.options;
        match self.wishes.media {
            Media::Csv => Ok(predict_csv(model, rows, options, bytes)),
            Media::Text => Ok(predict_text(model, rows, options, bytes)),
            _ => {
                let answer = predict_rows(model, rows, options, release, self.request_id.as_str());
                let mut text = Vec::with_capacity(bytes);
                serde_json::to_writer(&mut text, &answer)
                    .map_err(|error| ApiError::Internal(error.into()))?;
                Ok((text, answer.counts()))
            }
        }
    }
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
