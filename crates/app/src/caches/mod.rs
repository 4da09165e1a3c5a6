//! Results that requests share.

mod list_page;
mod list_places;
mod run_metrics;
mod score;
mod stored_answer;

pub(crate) use self::list_page::{ListPage, ListPageCache};
pub(crate) use self::list_places::{ListPlaces, ReadList};
pub(crate) use self::run_metrics::RunMetricsCache;
pub(crate) use self::score::ScoreCache;
pub(crate) use self::stored_answer::StoredAnswer;
