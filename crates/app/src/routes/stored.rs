//! Answers from the history, with the last one kept for when the history cannot be read.

use std::sync::{Mutex, PoisonError};

use actix_web::web::{Bytes, Data};
use actix_web::{HttpRequest, HttpResponse};
use common::Config;
use common::history::with_remedy;
use serde::Serialize;

use crate::accept::Media;
use crate::answer;
use crate::error::ApiError;
use crate::held::Content;
use crate::state::AppState;

/// The last answer given.
#[derive(Default)]
pub(crate) struct StoredAnswer(Mutex<Option<Bytes>>);

/// Answers with what `read` finds, off the server's worker; `None` when there is nothing yet.
pub(super) async fn answer<T: Serialize + 'static>(
    request: &HttpRequest,
    state: Data<AppState>,
    kept: impl Fn(&AppState) -> &StoredAnswer + Send + 'static,
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
        let body = kept(&state).remember(found)?;
        // What others are given at the same time is shared; it counts for each of them.
        permit.grow(body.as_ref().map_or(0, Bytes::len))?;
        Ok::<_, ApiError>(body.map(|body| Content::counted(body, permit)))
    };
    let made = state.work.run(request, job).await??;
    Ok(made.map(|content| answer::tagged(request, Media::Json, content)))
}

impl StoredAnswer {
    /// Keeps what was found, or stands in with what was kept.
    fn remember(&self, found: anyhow::Result<Option<Bytes>>) -> anyhow::Result<Option<Bytes>> {
        let mut kept = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        match found {
            Ok(found) => {
                // Readers of the same answer share one.
                if *kept != found {
                    *kept = found;
                }
                Ok(kept.clone())
            }
            Err(error) if kept.is_some() => {
                tracing::warn!("the last answer is given again: {error:#}");
                Ok(kept.clone())
            }
            Err(error) => Err(error),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_last_answer_stands_in_for_one_that_cannot_be_had() {
        let kept = StoredAnswer::default();
        let failed = || Err(anyhow::anyhow!("locked"));
        assert!(kept.remember(failed()).is_err());
        let body = || Some(Bytes::from_static(b"{}"));
        assert_eq!(kept.remember(Ok(body())).unwrap(), body());
        assert_eq!(kept.remember(failed()).unwrap(), body());
        assert_eq!(kept.remember(Ok(None)).unwrap(), None);
        assert!(kept.remember(failed()).is_err());
    }
}
