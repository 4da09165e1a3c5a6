//! Parts of lists.

use std::ops::ControlFlow;

use reporting::dashboard::Paged;

/// Items of a page.
pub(super) const ITEMS: usize = 20;

/// Collects the items of a page, and whether others follow.
pub(super) struct Part<T> {
    items: Vec<T>,
    /// Number of the last item.
    last: u64,
    has_more: bool,
    limit: usize,
    is_first: bool,
}

impl<T> Part<T> {
    /// A part without items; `before` is the number that the query gives.
    pub(super) fn begin(limit: usize, before: Option<u64>) -> Self {
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_part_knows_whether_others_follow() {
        let of = |numbers: &[u64]| {
            let mut part = Part::begin(2, None);
            for number in numbers {
                if part.push(*number, || ()).is_break() {
                    break;
                }
            }
            part.end()
        };
        let ends = |numbers: &[u64]| (of(numbers).items.len(), of(numbers).next);
        assert_eq!(ends(&[]), (0, None));
        assert_eq!(ends(&[9, 7]), (2, None));
        assert_eq!(ends(&[9, 7, 5, 3]), (2, Some(7)));
        assert!(of(&[]).is_first && !Part::<()>::begin(2, Some(4)).end().is_first);
    }
}
