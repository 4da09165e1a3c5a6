//! Cells of tables: texts, links and sentences.

use jiff::Timestamp;
use maud::{Markup, html};

use super::address;
use crate::page::prose::code_in;
use crate::page::tables::{Cell, shown};
use crate::page::time;
use common::visible;

/// A cell.
#[derive(Clone, Debug)]
pub(super) enum Entry {
    /// A text, cut where it is very long.
    Text(String),
    /// A whole sentence. Parts in backticks are code.
    Sentence(String),
    /// A text that leads to an address.
    Link { to: String, text: String },
    /// A time.
    Time(Timestamp),
}

impl Entry {
    /// Nothing.
    pub(super) const NONE: Self = Self::Text(String::new());

    pub(super) fn text(text: impl Into<String>) -> Self {
        Self::Text(text.into())
    }

    /// The number of a run, with a link to its page.
    pub(super) fn run(run: i64) -> Self {
        Self::Link {
            to: address::run(run),
            text: run.to_string(),
        }
    }

    /// The name of a release, with a link to its page.
    pub(super) fn release(name: &str) -> Self {
        Self::Link {
            to: address::release(name),
            text: name.to_owned(),
        }
    }

    /// The name of a feature, with a link to its page.
    pub(super) fn feature(name: &str) -> Self {
        Self::Link {
            to: address::feature(name),
            text: named(name),
        }
    }

    /// The name of a release with a link to its page; an empty cell without a release.
    pub(super) fn release_or_none(name: Option<&str>) -> Self {
        name.map_or(Self::NONE, Self::release)
    }

    /// A time; an empty cell if it is unknown.
    pub(super) fn time_or_none(at: Option<Timestamp>) -> Self {
        at.map_or(Self::NONE, Self::Time)
    }
}

/// A name without invisible characters. An empty name becomes `(no name)`.
pub(super) fn named(name: &str) -> String {
    match visible(name).trim() {
        "" => "(no name)".into(),
        name => name.to_owned(),
    }
}

/// An identifier of the program in words: `model_drift` is `model drift`.
pub(super) fn in_words(identifier: &str) -> String {
    named(&identifier.replace('_', " "))
}

impl Cell for Entry {
    fn is_empty(&self) -> bool {
        match self {
            Self::Text(text) | Self::Sentence(text) => text.is_empty(),
            Self::Link { .. } | Self::Time(_) => false,
        }
    }

    fn markup(&self) -> Markup {
        match self {
            Self::Text(text) => html! { (shown(text)) },
            Self::Sentence(text) => code_in(text),
            Self::Link { to, text } => html! { a href=(to) { (shown(text)) } },
            Self::Time(at) => time(*at),
        }
    }
}
