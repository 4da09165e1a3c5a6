//! Results that requests share.

mod run_figures;
mod score;
mod stored_answer;

pub(crate) use self::run_figures::RunFiguresCache;
pub(crate) use self::score::ScoreCache;
pub(crate) use self::stored_answer::StoredAnswer;
