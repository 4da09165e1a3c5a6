//! Pages of lists.

use std::ops::ControlFlow;

use common::History;
use common::history::ChangeByHand;
use reporting::dashboard::{MAX_CHANGES, Paged};

/// Items of a page.
pub(super) const ITEMS: usize = 20;

/// The items of a page while they are collected.
pub(super) struct PageItems<T> {
    items: Vec<T>,
    /// Number of the last item.
    last: u64,
    has_more: bool,
    limit: usize,
    is_first: bool,
}

impl<T> PageItems<T> {
    /// No items yet; `before` is the number that the query gives.
    pub(super) fn begin(limit: usize, before: Option<i64>) -> Self {
        Self {
            items: Vec::new(),
            last: 0,
            has_more: false,
            limit,
            is_first: before.is_none(),
        }
    }

    /// Adds the next item, made by `item`, or breaks if the page is full.
    pub(super) fn push(&mut self, number: u64, item: impl FnOnce() -> T) -> ControlFlow<()> {
        if self.items.len() == self.limit {
            self.has_more = true;
            return ControlFlow::Break(());
        }
        self.items.push(item());
        self.last = number;
        ControlFlow::Continue(())
    }

    /// The page.
    pub(super) fn end(self) -> Paged<T> {
        Paged {
            items: self.items,
            next: self.has_more.then_some(self.last),
            is_first: self.is_first,
        }
    }
}

/// The changes by hand that were made after the oldest run of a page began, and before the next newer page.
/// The last page also has the changes before the first run.
pub(super) fn changes<T>(
    history: &History,
    before: Option<i64>,
    page: &Paged<T>,
) -> anyhow::Result<Vec<ChangeByHand>> {
    let first = page.next.map_or(0, u64::cast_signed);
    history.changes_between(first, before.unwrap_or(i64::MAX), MAX_CHANGES)
}

/// Splits a result that was read from the history: the items, or why they could not be read, and the
/// changes.
pub(super) fn parts<T, C>(read: anyhow::Result<(T, Vec<C>)>) -> (anyhow::Result<T>, Vec<C>) {
    match read {
        Ok((items, changes)) => (Ok(items), changes),
        Err(error) => (Err(error), Vec::new()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_page_knows_whether_others_follow() {
        let of = |numbers: &[u64]| {
            let mut items = PageItems::begin(2, None);
            for number in numbers {
                if items.push(*number, || ()).is_break() {
                    break;
                }
            }
            items.end()
        };
        let ends = |numbers: &[u64]| (of(numbers).items.len(), of(numbers).next);
        assert_eq!(ends(&[]), (0, None));
        assert_eq!(ends(&[9, 7]), (2, None));
        assert_eq!(ends(&[9, 7, 5, 3]), (2, Some(7)));
        assert!(of(&[]).is_first && !PageItems::<()>::begin(2, Some(4)).end().is_first);
    }
}
