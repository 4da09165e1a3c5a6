//! An answer from the history, repeated while the history cannot be read.

use std::sync::{Mutex, PoisonError};

use actix_web::web::Bytes;

/// The last answer given.
#[derive(Default)]
pub(crate) struct StoredAnswer(Mutex<Option<Bytes>>);

impl StoredAnswer {
    /// Stores a result, or returns the stored one after an error.
    pub(crate) fn update(
        &self,
        found: anyhow::Result<Option<Bytes>>,
    ) -> anyhow::Result<Option<Bytes>> {
        let mut cache = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        match found {
            Ok(found) => {
                // An unchanged answer keeps its old bytes, so that requests in progress share one copy.
                if *cache != found {
                    *cache = found;
                }
                Ok(cache.clone())
            }
            Err(error) if cache.is_some() => {
                tracing::warn!("the last answer is used again: {error:#}");
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
