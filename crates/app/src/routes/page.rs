//! A page of a list: its items, newest first, and the address of the older ones.

use std::ops::ControlFlow;

use actix_web::HttpRequest;
use actix_web::web::Bytes;
use serde::Serialize;

use super::query::{QueryParameters, whole_number};
use crate::content::Content;
use crate::endpoints::MAX_PAGE;
use crate::error::ApiError;
use crate::in_flight::Permit;

/// Items of a page if the query sets no limit.
pub(super) const DEFAULT_ITEMS: u32 = 20;

/// The requested part of a list.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Page {
    limit: u32,
    /// Only items with a number below this.
    before: Option<u64>,
}

/// The answer while it is written; each item is counted as soon as it is added.
pub(super) struct Listing {
    page: Page,
    text: Vec<u8>,
    permit: Permit,
    n_items: u32,
    /// Number of the last written item.
    last: u64,
    has_more: bool,
    /// Members after the items, each with a comma before it.
    members: Vec<u8>,
}

impl Page {
    /// The page that a request asks for with the parameters `limit` and `before`.
    pub(super) fn of(request: &HttpRequest) -> Result<Self, ApiError> {
        let given = QueryParameters::of(
            request,
            &["limit", "before"],
            "the parameters are limit and before",
        )?;
        Self::given(&given)
    }

    /// The page among parameters that may include others.
    pub(super) fn given(given: &QueryParameters) -> Result<Self, ApiError> {
        let limit = given.read("limit", LIMIT_INVALID, |text| {
            let limit = u32::try_from(whole_number(text)?).ok()?;
            (limit <= MAX_PAGE).then_some(limit)
        })?;
        Ok(Self {
            limit: limit.unwrap_or(DEFAULT_ITEMS),
            before: given.before()?,
        })
    }

    /// Maximum number of items.
    pub(super) fn limit(self) -> u32 {
        self.limit
    }

    /// Number of the last item on the previous page. Where newer items have higher numbers, it is the
    /// exclusive upper bound of the requested ones.
    pub(super) fn before(self) -> Option<u64> {
        self.before
    }
}

const LIMIT_INVALID: ApiError = ApiError::InvalidParameter {
    name: "limit",
    expected: "a whole number from 1 to 200",
};

/// The number of a run in an address; `None` if the text is no such number.
pub(super) fn run_number(text: &str) -> Option<i64> {
    whole_number(text).and_then(|number| i64::try_from(number).ok())
}

impl Listing {
    /// A list without items yet. The name of the member with the items is `items`, a plain word chosen by
    /// the program.
    pub(super) fn begin(items: &str, page: Page, permit: Permit) -> Self {
        Self {
            page,
            text: format!("{{\"{items}\":[").into_bytes(),
            permit,
            n_items: 0,
            last: 0,
            has_more: false,
            members: Vec::new(),
        }
    }

    /// Number of the last item, if older ones follow on the next page.
    pub(super) fn last_of_several_pages(&self) -> Option<u64> {
        self.has_more.then_some(self.last)
    }

    /// Adds a member in addition to the items. `name` must be a plain word chosen by the program.
    pub(super) fn add_member<T: Serialize>(&mut self, name: &str, value: &T) -> anyhow::Result<()> {
        let counted = self.members.len();
        self.members.extend(format!(",\"{name}\":").as_bytes());
        serde_json::to_writer(&mut self.members, value)?;
        Ok(self.permit.grow(self.members.len() - counted)?)
    }

    /// Adds the next older item, made by `item`, or breaks if the page is full.
    ///
    /// At most one item is in memory and not counted.
    pub(super) fn push<T: Serialize>(
        &mut self,
        number: u64,
        item: impl FnOnce() -> anyhow::Result<T>,
    ) -> anyhow::Result<ControlFlow<()>> {
        if self.n_items == self.page.limit {
            self.has_more = true;
            return Ok(ControlFlow::Break(()));
        }
        let counted = self.text.len();
        if self.n_items > 0 {
            self.text.push(b',');
        }
        serde_json::to_writer(&mut self.text, &item()?)?;
        self.permit.grow(self.text.len() - counted)?;
        self.n_items += 1;
        self.last = number;
        Ok(ControlFlow::Continue(()))
    }

    /// The complete answer for the list at this address.
    pub(super) fn end(self, path: &str) -> Content {
        self.end_at(&format!("{path}?"))
    }

    /// [`end`](Self::end) for an address that ends where the parameters of the page follow.
    pub(super) fn end_at(mut self, address: &str) -> Content {
        let end = if self.has_more {
            let Page { limit, .. } = self.page;
            format!(
                ",\"next\":\"{address}limit={limit}&before={}\"}}",
                self.last
            )
        } else {
            ",\"next\":null}".to_owned()
        };
        self.text.push(b']');
        self.text.append(&mut self.members);
        self.text.extend_from_slice(end.as_bytes());
        Content::counted(Bytes::from(self.text), self.permit)
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;
    use crate::in_flight::InFlight;

    fn of(query: &[(&str, &str)]) -> Result<Page, &'static str> {
        let owned = |(name, value): &(&str, &str)| ((*name).to_owned(), (*value).to_owned());
        let parameters: Vec<_> = query.iter().map(owned).collect();
        let given = QueryParameters::among(
            parameters,
            &["limit", "before"],
            "the parameters are limit and before",
        );
        given
            .and_then(|given| Page::given(&given))
            .map_err(|error| error.kind().code)
    }

    #[test]
    fn the_query_is_read_strictly() {
        let page = |limit, before| Ok(Page { limit, before });
        assert_eq!(of(&[]), page(DEFAULT_ITEMS, None));
        assert_eq!(of(&[("limit", "200")]), page(200, None));
        assert_eq!(of(&[("before", "000012")]), page(DEFAULT_ITEMS, Some(12)));
        let both = [("before", "9223372036854775807"), ("limit", "1")];
        assert_eq!(of(&both), page(1, Some(i64::MAX.unsigned_abs())));
        for name in ["limit", "before"] {
            for value in ["", "0", "-1", "+1", "1.5", "x", "9223372036854775808"] {
                assert_eq!(of(&[(name, value)]), Err("invalid-parameter"), "{value}");
            }
            let twice = [(name, "1"), (name, "1")];
            assert_eq!(of(&twice), Err("invalid-parameter"));
        }
        assert_eq!(of(&[("limit", "201")]), Err("invalid-parameter"));
        assert_eq!(of(&[("limit", "1"), ("x", "1")]), Err("unknown-parameter"));
        let allowed = LIMIT_INVALID.to_string();
        assert!(allowed.contains(&MAX_PAGE.to_string()), "{allowed}");
    }

    /// A list of the numbers from `n_items` down to 1.
    fn list(n_items: u64, limit: u32) -> Value {
        let page = Page {
            limit,
            before: None,
        };
        let mut listing = Listing::begin("items", page, InFlight::new(u64::MAX).permit());
        for number in (1..=n_items).rev() {
            if listing.push(number, || Ok(number)).unwrap().is_break() {
                break;
            }
        }
        serde_json::from_slice(listing.end("/list").bytes()).unwrap()
    }

    #[test]
    fn a_page_says_where_the_older_items_are_and_the_last_one_that_there_are_none() {
        assert_eq!(list(0, 2), json!({"items": [], "next": null}));
        assert_eq!(list(2, 2), json!({"items": [2, 1], "next": null}));
        let next = "/list?limit=2&before=2";
        assert_eq!(list(3, 2), json!({"items": [3, 2], "next": next}));
    }

    #[test]
    fn the_items_of_a_page_are_counted_one_by_one() {
        let in_flight = InFlight::new(8000);
        let page = Page {
            limit: DEFAULT_ITEMS,
            before: None,
        };
        let mut listing = Listing::begin("items", page, in_flight.permit());
        let mut push = |number| listing.push(number, || Ok("x".repeat(4000)));
        assert!(push(2).is_ok());
        let refused = ApiError::from(push(1).unwrap_err());
        assert_eq!(refused.kind().code, "body-too-large");
        drop(listing);
        assert_eq!(in_flight.used(), 0);
    }
}
