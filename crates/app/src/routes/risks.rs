//! `GET /v1/risks`: the call list, page by page, as the last ranking stored it.

use actix_web::web::{Bytes, Data};
use actix_web::{HttpRequest, HttpResponse};
use common::ledger::FileStamp;
use dataset::RecordWriter;
use scoring::{Band, CALL_LIST_COLUMNS, RankedClient, StoredList};

use super::page::{Listing, Page};
use super::query::{QueryParameters, parameters};
use crate::accept::{self, Media};
use crate::answer;
use crate::caches::{ListPage, ReadList};
use crate::content::Content;
use crate::endpoints;
use crate::error::ApiError;
use crate::in_flight::Permit;
use crate::state::AppState;

pub(super) const NO_LIST: ApiError = ApiError::NoData(
    "there is no call list yet: the first run with clients that have no label makes one",
);

/// The requested part of the list.
#[derive(Clone, Copy, Debug, PartialEq)]
struct RequestedPart {
    page: Page,
    /// Only clients of this band.
    band: Option<Band>,
}

/// Answers with a page of the call list.
pub(super) async fn list(
    request: HttpRequest,
    state: Data<AppState>,
) -> Result<HttpResponse, ApiError> {
    let part = RequestedPart::given(parameters(&request))?;
    let media = accept::choose(request.headers(), endpoints::RISKS.media)?;
    let permit = state.in_flight.permit();
    let reading = state.clone();
    let job = move || read(&reading, part, media, permit);
    let content = state.work.run(&request, job).await??;
    Ok(answer::tagged(&request, media, content))
}

impl RequestedPart {
    /// The part that a query asks for.
    fn given(query: Vec<(String, String)>) -> Result<Self, ApiError> {
        let names = ["limit", "before", "band"];
        let given =
            QueryParameters::among(query, &names, "the parameters are limit, before and band")?;
        Ok(Self {
            page: Page::given(&given)?,
            band: given.band()?,
        })
    }

    /// True for a client in the requested band that comes after the previous pages.
    fn holds(&self, client: &RankedClient) -> bool {
        self.page.before().is_none_or(|last| client.rank > last)
            && self.band.is_none_or(|band| client.band == band)
    }

    /// The address of the list without the place of a page.
    fn address(&self) -> String {
        let path = endpoints::RISKS.path;
        match self.band {
            None => format!("{path}?"),
            Some(band) => format!("{path}?band={band}&"),
        }
    }

    fn cache_key(self, stamp: FileStamp, media: Media) -> ListPage {
        ListPage {
            stamp,
            page: self.page,
            band: self.band,
            media,
        }
    }
}

/// The page of the stored list. The page that was requested last is not read again while the file
/// is unchanged.
fn read(
    state: &AppState,
    part: RequestedPart,
    media: Media,
    mut permit: Permit,
) -> Result<Content, ApiError> {
    let path = state.config.layout.risk_ranking();
    let Some(list) = StoredList::open(&path)? else {
        return Err(NO_LIST);
    };
    let wanted = part.cache_key(list.stamp(), media);
    if let Some(page) = state.risks.page(&wanted) {
        permit.grow(page.len())?;
        return Ok(Content::counted(page, permit));
    }
    let last = part.page.before().unwrap_or(0);
    let mut list = state.risk_places.after(list, last)?;
    let content = match media {
        Media::Csv => csv(&mut list, part, permit)?,
        _ => json(&mut list, part, permit)?,
    };
    if let Some(page) = content.shared() {
        state.risks.keep(wanted, page);
    }
    Ok(content)
}

fn json(list: &mut ReadList<'_>, part: RequestedPart, permit: Permit) -> Result<Content, ApiError> {
    let mut listing = Listing::begin("clients", part.page, permit);
    while let Some(client) = list.next_client()? {
        if part.holds(&client) && listing.push(client.rank, || Ok(&client))?.is_break() {
            break;
        }
    }
    Ok(listing.end_at(&part.address()))
}

fn csv(list: &mut ReadList<'_>, part: RequestedPart, permit: Permit) -> Result<Content, ApiError> {
    let mut clients = ClientsAsCsv::begin(permit)?;
    let mut remaining = part.page.limit();
    while remaining > 0
        && let Some(client) = list.next_client()?
    {
        if part.holds(&client) {
            clients.push(&client)?;
            remaining -= 1;
        }
    }
    Ok(clients.end())
}

/// Clients of the call list as CSV with a header; each client is counted as soon as it is added.
pub(super) struct ClientsAsCsv {
    text: Vec<u8>,
    permit: Permit,
}

impl ClientsAsCsv {
    /// The header alone.
    pub(super) fn begin(permit: Permit) -> anyhow::Result<Self> {
        let mut text = Vec::new();
        RecordWriter::new(&mut text).write(CALL_LIST_COLUMNS)?;
        Ok(Self { text, permit })
    }

    /// Adds a client.
    pub(super) fn push(&mut self, client: &RankedClient) -> anyhow::Result<()> {
        let counted = self.text.len();
        RecordWriter::new(&mut self.text).write(client.fields())?;
        Ok(self.permit.grow(self.text.len() - counted)?)
    }

    /// The complete answer.
    pub(super) fn end(self) -> Content {
        Content::counted(Bytes::from(self.text), self.permit)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_bands_of_the_description_are_those_of_the_list() {
        let names: Vec<String> = Band::all().map(String::from).collect();
        assert_eq!(endpoints::BANDS.to_vec(), names);
    }

    #[test]
    fn a_band_is_given_once_by_its_name() {
        let of = |query: &[(&str, &str)]| {
            let owned = |(name, value): &(&str, &str)| ((*name).to_owned(), (*value).to_owned());
            let part = RequestedPart::given(query.iter().map(owned).collect());
            part.map(|part| part.band)
                .map_err(|error| error.kind().code)
        };
        assert_eq!(of(&[]), Ok(None));
        let high = of(&[("limit", "3"), ("band", "high"), ("before", "2")]);
        assert_eq!(high, Ok(Some(Band::High)));
        assert_eq!(of(&[("band", "")]), Err("invalid-parameter"));
        let twice = [("band", "high"), ("band", "high")];
        assert_eq!(of(&twice), Err("invalid-parameter"));
        assert_eq!(of(&[("bands", "high")]), Err("unknown-parameter"));
        assert_eq!(of(&[("limit", "0")]), Err("invalid-parameter"));
    }
}
