//! The frame of a page: the links to all pages, the heading, the content and the time.

use std::sync::OnceLock;

use jiff::Timestamp;
use maud::{Markup, html};

use super::Paged;
use super::address::{paths, with_query};
use crate::page::{PRODUCT, document, style, time};
use crate::policy::dashboard_policy;

/// Style rules of the dashboard, in addition to those of the report.
const STYLE: &str = include_str!("style.css");
/// The icon of the pages. Without it, a browser would request one.
const ICON: &str = "data:image/svg+xml,%3Csvg xmlns='http://www.w3.org/2000/svg' viewBox='0 0 16 16'%3E%3Crect width='16' height='16' rx='3' fill='%231f5fa8'/%3E%3Cpath d='M2.5 11.5 6 7l3 2.5 4.5-6' fill='none' stroke='%23fff' stroke-width='1.8'/%3E%3C/svg%3E";

/// A page of the dashboard.
pub(super) struct Frame {
    /// The link that leads to this page, or to the list that the page belongs to.
    pub(super) place: Option<Place>,
    pub(super) title: String,
    pub(super) subtitle: Markup,
    pub(super) content: Markup,
    pub(super) now: Timestamp,
}

/// The pages that every page links to.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Place {
    Overview,
    Score,
    Drift,
    Calls,
    Runs,
    Releases,
    Alerts,
    Reports,
}

impl Place {
    const ALL: [(Self, &'static str, &'static str); 8] = [
        (Self::Overview, paths::OVERVIEW, "Overview"),
        (Self::Score, paths::SCORE, "Score"),
        (Self::Drift, paths::DRIFT, "Drift"),
        (Self::Calls, paths::CALLS, "Call list"),
        (Self::Runs, paths::RUNS, "Runs"),
        (Self::Releases, paths::RELEASES, "Releases"),
        (Self::Alerts, paths::ALERTS, "Alerts"),
        (Self::Reports, paths::REPORTS, "Reports"),
    ];
}

impl Frame {
    pub(super) fn html(&self) -> String {
        let (style, policy) = style_and_policy();
        let body = html! {
            a.skip href="#content" { "Skip to the content" }
            header.site {
                p.product { (PRODUCT) }
                nav aria-label="Pages" {
                    ul {
                        @for (place, path, name) in Place::ALL {
                            @let is_here = self.place == Some(place);
                            li { a href=(path) aria-current=[is_here.then_some("page")] { (name) } }
                        }
                        li { a href="/docs" { "API" } }
                    }
                }
            }
            main id="content" tabindex="-1" {
                h1 { (self.title) }
                p.subtitle { (self.subtitle) }
                (self.content)
            }
            footer {
                p { "As of " (time(self.now)) ". These pages show information and change nothing." }
            }
        };
        let icon = html! { link rel="icon" href=(ICON); };
        document(&self.title, style, policy, icon, body)
    }
}

fn style_and_policy() -> (&'static str, &'static str) {
    static BOTH: OnceLock<(String, String)> = OnceLock::new();
    let (style, policy) = BOTH.get_or_init(|| {
        let style = style(STYLE);
        let policy = dashboard_policy(&style);
        (style, policy)
    });
    (style, policy)
}

/// The Content-Security-Policy of the pages.
pub fn policy() -> &'static str {
    style_and_policy().1
}

/// A field of a form with its label. Both stay together where a line is too short for all fields.
pub(super) fn field(id: &str, label: &str, input: Markup) -> Markup {
    html! {
        span.field {
            label for=(id) { (label) }
            (input)
        }
    }
}

/// The links to the first page and to the next page of a list; nothing if there is only one page. The
/// links have the query parameters `parameters`.
pub(super) fn pager<T>(
    path: &str,
    parameters: &[(&str, Option<String>)],
    page: &Paged<T>,
    [first, further]: [&str; 2],
) -> Markup {
    let to_next = page.next.map(|next| {
        let before = ("before", Some(next.to_string()));
        with_query(path, &[parameters, &[before]].concat())
    });
    html! {
        @if to_next.is_some() || !page.is_first {
            nav.pager aria-label="Parts of the list" {
                @if !page.is_first { a href=(with_query(path, parameters)) { (first) } }
                @if let Some(to_next) = to_next { a href=(to_next) rel="next" { (further) } }
            }
        }
    }
}

/// How long ago something was: `5 minutes ago`.
pub(super) fn ago(now: Timestamp, then: Timestamp) -> String {
    let seconds = now.duration_since(then).as_secs();
    let of = |count: i64, unit: &str| match count {
        1 => format!("1 {unit} ago"),
        _ => format!("{count} {unit}s ago"),
    };
    match seconds {
        // A clock may have been set back.
        ..0 => "in the future".into(),
        0..60 => "just now".into(),
        60..5_400 => of(seconds / 60, "minute"),
        5_400..172_800 => of((seconds + 1_800) / 3_600, "hour"),
        _ => of(seconds / 86_400, "day"),
    }
}

#[cfg(test)]
mod tests {
    use jiff::SignedDuration;

    use super::*;

    #[test]
    fn an_age_is_a_whole_number_of_one_unit() {
        let now: Timestamp = "2026-03-05T12:00:00Z".parse().unwrap();
        for (seconds, text) in [
            (-5, "in the future"),
            (59, "just now"),
            (60, "1 minute ago"),
            (5_399, "89 minutes ago"),
            (5_400, "2 hours ago"),
            (172_799, "48 hours ago"),
            (172_800, "2 days ago"),
        ] {
            let then = now - SignedDuration::from_secs(seconds);
            assert_eq!(ago(now, then), text);
        }
    }

    #[test]
    fn the_policy_has_the_hash_of_the_style() {
        assert!(policy().starts_with("default-src 'none'; img-src data:; style-src 'sha256-"));
        assert!(!STYLE.contains('<') && !STYLE.contains("url(") && !ICON.contains('"'));
    }
}
