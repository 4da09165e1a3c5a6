//! `POST /prediction`: predictions for the rows of the request.

use std::fs::File;
use std::io::Take;
use std::sync::Arc;

use actix_web::body::BoxBody;
use actix_web::http::Version;
use actix_web::http::header::{CONTENT_TYPE, HeaderName, HeaderValue, VARY};
use actix_web::web::{Bytes, Data, Payload};
use actix_web::{HttpRequest, HttpResponse};

use super::query::{QueryParameters, parameters};
use crate::accept::{self, Media};
use crate::access::Key;
use crate::content::counted_body;
use crate::endpoints;
use crate::error::ApiError;
use crate::in_flight::Permit;
use crate::pace;
use crate::payload::{
    self, BodyFormat, Gathered, Incoming, MAX_BYTES_CHECKED_FIRST, RequestRows, Source, Streaming,
    stream_body, stream_file,
};
use crate::predict::{Options, answer_bytes, predict as predict_rows, predict_csv, predict_text};
use crate::request_state::{RequestId, RequestState};
use crate::snapshot::Snapshot;
use crate::state::AppState;

/// Size up to which a body is answered on the server's worker; takes a millisecond at most.
const SMALL_BODY: usize = 64 * 1024;
/// Cost of a prediction with explanation, relative to one without.
const EXPLANATION_COST: usize = 8;

const MODEL_VERSION: HeaderName = HeaderName::from_static("x-model-version");

/// Format of the answer and of the rows, as requested.
#[derive(Clone, Copy)]
struct RequestSettings {
    options: Options,
    media: Media,
    format: BodyFormat,
    /// True if a large answer may be sent while it is made. HTTP/1.0 has no chunks: its clients would
    /// take a part for the whole.
    is_streamable: bool,
}

/// A request that was parsed but not computed.
struct Job {
    state: Data<AppState>,
    snapshot: Arc<Snapshot>,
    settings: RequestSettings,
    body: Bytes,
    request_id: RequestId,
    /// Key of the client; `None` if none was needed.
    key: Option<Arc<Key>>,
    /// Permit for the body. It lasts as long as the job, even if the client is gone.
    permit: Permit,
}

/// Result of a job.
enum JobResult {
    /// The whole answer.
    Answer(Vec<u8>),
    /// A file whose answer will be streamed.
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

/// Rare parts are boxed: the future of a request is allocated, which is cheap up to a kilobyte.
async fn answer(
    request: &HttpRequest,
    payload: Payload,
    state: &Data<AppState>,
) -> Result<HttpResponse, ApiError> {
    let settings = RequestSettings::of(request)?;
    let snapshot = state.models.current()?;
    let mut incoming = Incoming::begin(request, payload, &state.config.api.limits)?;
    let mut permit = state.in_flight.permit();
    let streaming = |turn, permit| Streaming {
        state: state.clone(),
        snapshot: Arc::clone(&snapshot),
        options: settings.options,
        request_id: RequestState::id_of(request).as_str().to_owned(),
        _turn: turn,
        _permit: permit,
    };
    let body = match settings.gather(&mut incoming, &mut permit).await? {
        Gathered::Whole(body) => body,
        Gathered::Beginning(beginning) => {
            let turn = Box::pin(state.streams.take(request)).await?;
            let answer = stream_body(streaming(turn, permit), beginning, incoming);
            let answer = Box::pin(answer).await?;
            RequestState::mark_body_read(request);
            return Ok(respond(&snapshot, settings.media, BoxBody::new(answer)));
        }
    };
    RequestState::mark_body_read(request);
    let job = Job {
        state: state.clone(),
        snapshot: Arc::clone(&snapshot),
        settings,
        body,
        request_id: RequestState::id_of(request),
        key: RequestState::key_of(request),
        permit,
    };
    let body = match job.run(request).await? {
        (JobResult::Answer(answer), permit) => counted_body(answer.into(), Some(permit)),
        (JobResult::Large(file), permit) => {
            let turn = Box::pin(state.streams.take(request)).await?;
            let answer = stream_file(streaming(turn, permit), file);
            BoxBody::new(Box::pin(answer).await?)
        }
    };
    Ok(respond(&snapshot, settings.media, body))
}

impl RequestSettings {
    /// Reads query and headers.
    fn of(request: &HttpRequest) -> Result<Self, ApiError> {
        let options = options(parameters(request))?;
        let media = accept::choose(request.headers(), endpoints::PREDICTION.media)?;
        if options.explain && media == Media::Text {
            return Err(ApiError::InvalidParameter {
                name: "explain",
                expected: "true only where the answer is application/json or text/csv",
            });
        }
        let format = BodyFormat::of(request.headers())?;
        Ok(Self {
            options,
            media,
            format,
            is_streamable: media == Media::Csv && request.version() >= Version::HTTP_11,
        })
    }

    /// The whole body, or its beginning if the answer will be streamed.
    async fn gather(
        &self,
        incoming: &mut Incoming,
        permit: &mut Permit,
    ) -> Result<Gathered, ApiError> {
        let max_bytes = match self.is_streamable {
            true => MAX_BYTES_CHECKED_FIRST,
            false => u64::MAX,
        };
        match incoming.gather(Bytes::new(), max_bytes, permit).await? {
            Gathered::Beginning(beginning) if !self.format.is_csv(&beginning) => {
                incoming.gather(beginning, u64::MAX, permit).await
            }
            gathered => Ok(gathered),
        }
    }

    /// Size up to which computing a body takes less time than handing it to another thread.
    fn small_body(&self) -> usize {
        SMALL_BODY / self.cost()
    }

    /// Cost relative to a plain prediction.
    fn cost(&self) -> usize {
        if self.options.explain {
            EXPLANATION_COST
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
    /// Result of the job, and the permit to continue with.
    async fn run(mut self, request: &HttpRequest) -> Result<(JobResult, Permit), ApiError> {
        if self.body.len() <= self.settings.small_body() {
            pace::for_bytes(self.body.len() * self.settings.cost()).await;
        }
        match self.compute_if_small()? {
            Some(answer) => Ok((JobResult::Answer(answer), self.permit)),
            None => {
                let state = self.state.clone();
                let computed = state.work.run(request, move || self.compute());
                Box::pin(computed).await?
            }
        }
    }

    /// The answer, if it is made on the server's worker.
    fn compute_if_small(&mut self) -> Result<Option<Vec<u8>>, ApiError> {
        if self.body.len() > self.settings.small_body() {
            return Ok(None);
        }
        // The body is shared, not copied.
        let body = self.body.clone();
        match self.source(&body)? {
            // A file may have any size and lie on a slow disk.
            Source::Path(_) => Ok(None),
            source => self.answer(&source).map(Some),
        }
    }

    /// The source of the rows. Returns an error if the source is a file and the key does not allow files.
    fn source<'b>(&self, body: &'b [u8]) -> Result<Source<'b>, ApiError> {
        let source = Source::of(self.settings.format, body)?;
        match (&source, &self.key) {
            (Source::Path(_), Some(key)) => key.admit_to_files().map(|()| source),
            _ => Ok(source),
        }
    }

    fn compute(mut self) -> Result<(JobResult, Permit), ApiError> {
        let body = self.body.clone();
        let source = self.source(&body)?;
        if self.settings.is_streamable
            && let Some(file) = payload::large_file(&source, &self.state.config)?
        {
            return Ok((JobResult::Large(file), self.permit));
        }
        let answer = self.answer(&source)?;
        Ok((JobResult::Answer(answer), self.permit))
    }

    fn answer(&mut self, source: &Source<'_>) -> Result<Vec<u8>, ApiError> {
        let Snapshot {
            model,
            schema,
            release,
            ..
        } = &*self.snapshot;
        let rows = payload::rows(source, &self.state.config, schema, &mut self.permit)?;
        let RequestSettings { options, media, .. } = self.settings;
        let bytes = answer_bytes(model, &rows, options, media, release);
        self.permit.grow(bytes)?;
        let (answer, [negative, positive]) = self.write_answer(&rows, bytes)?;
        self.state.metrics.count_predictions(negative, positive);
        Ok(answer)
    }

    /// The text of the answer, and the number of negative and of positive predictions. `bytes` is
    /// the largest size of the text.
    fn write_answer(
        &self,
        rows: &RequestRows,
        bytes: usize,
    ) -> Result<(Vec<u8>, [u64; 2]), ApiError> {
        let Snapshot { model, release, .. } = &*self.snapshot;
        let options = self.settings.options;
        match self.settings.media {
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

const THRESHOLD_INVALID: ApiError = ApiError::InvalidParameter {
    name: "threshold",
    expected: "a number from 0 to 1",
};
const EXPLAIN_INVALID: ApiError = ApiError::InvalidParameter {
    name: "explain",
    expected: "true or false",
};

/// The options of a query; each may occur once.
fn options(parameters: Vec<(String, String)>) -> Result<Options, ApiError> {
    let names = ["explain", "threshold"];
    let given = QueryParameters::among(
        parameters,
        &names,
        "the parameters are explain and threshold",
    )?;
    let explain = given.read("explain", EXPLAIN_INVALID, explain)?;
    Ok(Options {
        threshold: given.read("threshold", THRESHOLD_INVALID, threshold)?,
        explain: explain.unwrap_or_default(),
    })
}

fn threshold(text: &str) -> Option<f64> {
    let threshold = text.parse::<f64>().ok()?;
    // The number -0 is 0, and is written as 0.
    (0.0..=1.0).contains(&threshold).then_some(threshold.abs())
}

/// For a truth value, Python writes `True`, and other clients write `1`.
fn explain(text: &str) -> Option<bool> {
    let is_one_of = |words: [&str; 2]| words.iter().any(|word| text.eq_ignore_ascii_case(word));
    match (is_one_of(["true", "1"]), is_one_of(["false", "0"])) {
        (true, _) => Some(true),
        (_, true) => Some(false),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(query: &[(&str, &str)]) -> Result<Options, &'static str> {
        let owned = |(name, value): &(&str, &str)| ((*name).to_owned(), (*value).to_owned());
        let parameters: Vec<_> = query.iter().map(owned).collect();
        options(parameters).map_err(|error| error.kind().code)
    }

    #[test]
    fn the_query_is_read_strictly() {
        assert_eq!(of(&[]), Ok(Options::default()));
        assert_eq!(
            of(&[("threshold", "0.25"), ("explain", "true")]),
            Ok(Options {
                threshold: Some(0.25),
                explain: true
            })
        );
        for (value, wanted) in [
            ("True", true),
            ("TRUE", true),
            ("1", true),
            ("False", false),
        ] {
            assert_eq!(
                of(&[("explain", value)]).unwrap().explain,
                wanted,
                "{value}"
            );
        }
        let zero = of(&[("threshold", "-0")]).unwrap().threshold.unwrap();
        assert!(zero == 0.0 && zero.is_sign_positive());
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
