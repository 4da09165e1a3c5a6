//! Answers from the history. The last answer is kept and repeated while the history cannot be read.

use std::sync::{Mutex, PoisonError};

use actix_web::web::{Bytes, Data};
use actix_web::{HttpRequest, HttpResponse};
use common::Config;
use common::history::with_remedy;
use serde::Serialize;

use crate::accept::Media;
use crate::answer;
use crate::content::Content;
use crate::error::ApiError;
use crate::state::AppState;

/// The last answer given.
#[derive(Default)]
pub(crate) struct StoredAnswer(Mutex<Option<Bytes>>);

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

impl StoredAnswer {
    /// Stores a result, or returns the stored one after an error.
    fn update(&self, found: anyhow::Result<Option<Bytes>>) -> anyhow::Result<Option<Bytes>> {
        let mut cache = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        match found {
            Ok(found) => {
                // Readers of the same answer share its bytes.
                if *cache != found {
                    *cache = found;
                }
                Ok(cache.clone())
            }
            Err(error) if cache.is_some() => {
                tracing::warn!("the last answer is given again: {error:#}");
                Ok(cache.clone())
            }
            Err(error) => Err(error),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_last_answer_is_repeated_after_a_failed_read() {
        let cache = StoredAnswer::default();
        let failed = || Err(anyhow::anyhow!("locked"));
        assert!(cache.update(failed()).is_err());
        let body = || Some(Bytes::from_static(b"{}"));
        assert_eq!(cache.update(Ok(body())).unwrap(), body());
        assert_eq!(cache.update(failed()).unwrap(), body());
        assert_eq!(cache.update(Ok(None)).unwrap(), None);
        assert!(cache.update(failed()).is_err());
    }
}
