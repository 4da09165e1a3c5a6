//! The page of an error.

use jiff::Timestamp;
use maud::html;

use super::frame::Frame;
use crate::page::prose::{prose, with_code};

/// What the page of an error says.
pub struct ProblemPage<'a> {
    /// The present time.
    pub now: Timestamp,
    /// Status of the answer.
    pub status: u16,
    /// Name of the problem.
    pub title: &'a str,
    /// What is wrong with this request.
    pub detail: &'a str,
    /// What to do about it.
    pub remedy: &'a str,
    /// Address of a page that shows more, with its words.
    pub more: Option<(&'static str, &'static str)>,
    /// Identifies the request in the log.
    pub request_id: &'a str,
}

impl ProblemPage<'_> {
    /// The page.
    pub fn html(&self) -> String {
        Frame {
            place: None,
            title: self.title.to_owned(),
            subtitle: html! { "Status " (self.status) " · request " (self.request_id) },
            content: html! {
                p { (prose(self.detail)) }
                p {
                    "What to do: " (with_code(self.remedy))
                    @if let Some((to, words)) = self.more { " " a href=(to) { (words) } "." }
                }
                p { a href="/" { "To the overview" } }
            },
            now: self.now,
        }
        .html()
    }
}
