//! The last requested page of the call list.

use std::sync::{Mutex, PoisonError};

use actix_web::web::Bytes;
use common::ledger::FileStamp;
use scoring::Band;

use crate::accept::Media;
use crate::routes::Page;

/// Largest page that is kept; ids may be long.
const MAX_BYTES: usize = 1024 * 1024;

/// Key of the cache: everything that a page of the list depends on.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct ListPage {
    pub(crate) stamp: FileStamp,
    pub(crate) page: Page,
    pub(crate) band: Option<Band>,
    pub(crate) media: Media,
}

/// The last page, kept while the file of the list is unchanged.
#[derive(Default)]
pub(crate) struct ListPageCache(Mutex<Option<(ListPage, Bytes)>>);

impl ListPageCache {
    /// The kept page, if it is the wanted one.
    pub(crate) fn page(&self, wanted: &ListPage) -> Option<Bytes> {
        let kept = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let (page, text) = kept.as_ref()?;
        (page == wanted).then(|| text.clone())
    }

    /// Keeps a page in place of the last one, unless it is large.
    pub(crate) fn keep(&self, page: ListPage, text: Bytes) {
        if text.len() <= MAX_BYTES {
            let mut kept = self.0.lock().unwrap_or_else(PoisonError::into_inner);
            *kept = Some((page, text));
        }
    }
}
