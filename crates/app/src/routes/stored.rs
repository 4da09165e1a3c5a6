//! Answers from the history. The last answer is kept and repeated while the history cannot be read.

use actix_web::web::{Bytes, Data};
use actix_web::{HttpRequest, HttpResponse};
use common::Config;
use common::history::with_remedy;
use serde::Serialize;

use crate::accept::Media;
use crate::answer;
use crate::caches::StoredAnswer;
use crate::content::Content;
use crate::error::ApiError;
use crate::state::AppState;

/// Answers with the result of `read`, run outside the server's worker; `None` when there is nothing
/// yet.
pub(super) async fn answer<T: Serialize + 'static>(
    request: &HttpRequest,
    state: Data<AppState>,
    cache: impl Fn(&AppState) -> &StoredAnswer + Send + 'static,
    read: impl FnOnce(&Config) -> anyhow::Result<Option<T>> + Send + 'static,
) -> Result<Option<HttpResponse>, ApiError> {
    let reading = state.clone();
    let mut permit = state.in_flight.permit();
    let job = move || {
        let state = reading;
        let found = read(&state.config).and_then(|value| {
            let body = value.map(|value| serde_json::to_vec(&value)).transpose()?;
            Ok(body.map(Bytes::from))
        });
        let found = found.map_err(|error| with_remedy(error, &state.config.layout));
        let body = cache(&state).update(found)?;
        // Simultaneous answers share their bytes, but each of them counts.
        permit.grow(body.as_ref().map_or(0, Bytes::len))?;
        Ok::<_, ApiError>(body.map(|body| Content::counted(body, permit)))
    };
    let made = state.work.run(request, job).await??;
    Ok(made.map(|content| answer::tagged(request, Media::Json, content)))
}
