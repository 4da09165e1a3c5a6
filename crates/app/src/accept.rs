//! Content negotiation (RFC 9110): the header `Accept` against the available media types.

use actix_web::http::header::{ACCEPT, HeaderMap};

use crate::error::ApiError;

/// Media type of an answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Media {
    Json,
    Csv,
    Text,
    Html,
    /// The text format of Prometheus.
    Metrics,
}

impl Media {
    /// Media type without parameters, as in `Accept`.
    pub(crate) fn essence(self) -> &'static str {
        match self {
            Self::Json => "application/json",
            Self::Csv => "text/csv",
            Self::Text | Self::Metrics => "text/plain",
            Self::Html => "text/html",
        }
    }

    /// Value of the header `Content-Type`.
    pub(crate) fn content_type(self) -> &'static str {
        match self {
            Self::Json => "application/json",
            Self::Csv => "text/csv; charset=utf-8; header=present",
            Self::Text => "text/plain; charset=utf-8",
            Self::Html => "text/html; charset=utf-8",
            Self::Metrics => "text/plain; version=0.0.4; charset=utf-8",
        }
    }
}

/// Preference of a client for a media type: the weight, then the exactness of the matching range.
type Preference = (u32, u8);

/// The offer that the client prefers; the first one of equally preferred offers.
pub(crate) fn choose(headers: &HeaderMap, offers: &[Media]) -> Result<Media, ApiError> {
    let mut ranges = Vec::new();
    for value in headers.get_all(ACCEPT) {
        let text = String::from_utf8_lossy(value.as_bytes());
        ranges.extend(text.split(',').filter_map(range));
    }
    if ranges.is_empty() {
        return offers
            .first()
            .copied()
            .ok_or_else(|| not_acceptable(offers));
    }
    let mut best: Option<(Preference, Media)> = None;
    for offer in offers {
        let preference = preference(&ranges, offer.essence());
        if preference.0 > 0 && best.is_none_or(|(found, _)| preference > found) {
            best = Some((preference, *offer));
        }
    }
    best.map(|(_, media)| media)
        .ok_or_else(|| not_acceptable(offers))
}

fn not_acceptable(offers: &[Media]) -> ApiError {
    let names: Vec<&str> = offers.iter().map(|offer| offer.essence()).collect();
    ApiError::NotAcceptable(names.join(", "))
}

/// Preference for one media type; the most exact matching range decides.
fn preference(ranges: &[(String, u32)], essence: &str) -> Preference {
    let exactness = |range: &str| {
        let kind = essence.split('/').next().unwrap_or_default();
        if range == essence {
            Some(3)
        } else if range.strip_suffix("/*") == Some(kind) {
            Some(2)
        } else if range == "*/*" {
            Some(1)
        } else {
            None
        }
    };
    ranges
        .iter()
        .filter_map(|(range, weight)| Some((exactness(range)?, *weight)))
        .max()
        .map_or((0, 0), |(exactness, weight)| (weight, exactness))
}

/// A media range and its weight in thousandths; parameters of the type are ignored.
fn range(text: &str) -> Option<(String, u32)> {
    let mut parts = text.split(';').map(str::trim);
    let range = parts.next().filter(|range| !range.is_empty())?;
    let weight = parts
        .find_map(|part| part.strip_prefix("q=").or(part.strip_prefix("Q=")))
        .map_or(Some(1.0), |weight| weight.trim().parse::<f64>().ok())
        .filter(|weight| (0.0..=1.0).contains(weight))
        .unwrap_or(0.0);
    Some((range.to_ascii_lowercase(), (weight * 1000.0) as u32))
}

#[cfg(test)]
mod tests {
    use actix_web::http::header::HeaderValue;

    use super::*;

    #[test]
    fn the_preferred_media_type_is_chosen() {
        let offers = [Media::Json, Media::Csv, Media::Text];
        for (accept, wanted) in [
            ("*/*", Some(Media::Json)),
            ("text/csv", Some(Media::Csv)),
            ("text/csv, */*", Some(Media::Csv)),
            ("Text/CSV;header=present", Some(Media::Csv)),
            ("text/*", Some(Media::Csv)),
            ("text/*, text/csv;q=0.1", Some(Media::Text)),
            (
                "application/json;q=0.5, text/plain;q=0.8",
                Some(Media::Text),
            ),
            (
                "text/html,application/xhtml+xml,*/*;q=0.8",
                Some(Media::Json),
            ),
            ("text/csv;q=0, */*;q=0.1", Some(Media::Json)),
            ("", Some(Media::Json)),
            ("image/png", None),
            ("application/json;q=0", None),
            ("application/json;q=high", None),
        ] {
            let mut headers = HeaderMap::new();
            headers.insert(ACCEPT, HeaderValue::from_str(accept).unwrap());
            let found = choose(&headers, &offers);
            assert_eq!(found.ok(), wanted, "{accept}");
        }
        assert_eq!(choose(&HeaderMap::new(), &offers).ok(), Some(Media::Json));
    }
}
