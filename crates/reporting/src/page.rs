//! The frame of a page: head, style, contents, sections and figures.

pub(crate) mod prose;
pub(crate) mod tables;

use jiff::Timestamp;
use maud::{DOCTYPE, Markup, PreEscaped, html};

use crate::figure::{Figure, dark_style};
use crate::policy::style_policy;
use common::visible;

/// The rules of the style, apart from the colours of figures in the dark.
const STYLE: &str = include_str!("page/style.css");

/// A report.
pub(crate) struct Page {
    pub(crate) title: String,
    /// Line below the title: when the report was made, and with which release.
    pub(crate) subtitle: Markup,
    /// Content of the first screen, before the sections.
    pub(crate) first_screen: Markup,
    pub(crate) sections: Vec<Section>,
}

/// A part of a report with its heading.
pub(crate) struct Section {
    /// Identifies the section in links.
    pub(crate) id: &'static str,
    pub(crate) heading: &'static str,
    pub(crate) content: Markup,
}

impl Page {
    pub(crate) fn html(&self) -> String {
        let style = style("");
        let policy = style_policy(&style);
        let body = html! {
            header {
                p.product { (PRODUCT) }
                h1 { (self.title) }
                p.subtitle { (self.subtitle) }
            }
            main {
                (self.first_screen)
                (contents(&self.sections))
                (content(&self.sections))
            }
        };
        document(&self.title, &style, &policy, html! {}, body)
    }
}

/// Name of the product.
pub(crate) const PRODUCT: &str = "Dynamic Risk Assessment";

/// A whole document. `head` is added to its head.
pub(crate) fn document(
    title: &str,
    style: &str,
    policy: &str,
    head: Markup,
    body: Markup,
) -> String {
    let document = html! {
        (DOCTYPE)
        html lang="en" {
            head {
                meta charset="utf-8";
                meta name="viewport" content="width=device-width, initial-scale=1";
                meta name="color-scheme" content="light dark";
                meta http-equiv="Content-Security-Policy" content=(policy);
                title { (title) " · " (PRODUCT) }
                (head)
                style { (PreEscaped(style)) }
            }
            body { (body) }
        }
    };
    document.into_string()
}

/// The links to sections.
pub(crate) fn contents(sections: &[Section]) -> Markup {
    html! {
        nav aria-label="Contents" {
            ul {
                @for section in sections {
                    li { a href={ "#" (section.id) } { (section.heading) } }
                }
            }
        }
    }
}

/// The sections with their headings.
pub(crate) fn content(sections: &[Section]) -> Markup {
    html! {
        @for section in sections {
            section id=(section.id) {
                h2 { (section.heading) }
                (section.content)
            }
        }
    }
}

/// The style of a page: the common rules, further rules, and the colours of figures in the dark.
pub(crate) fn style(more: &str) -> String {
    format!(
        "{STYLE}{more}\n@media screen and (prefers-color-scheme: dark) {{\n{}\n}}\n",
        dark_style()
    )
}

/// A time, to the minute.
pub(crate) fn time(at: Timestamp) -> Markup {
    html! {
        time datetime=(at.strftime("%Y-%m-%dT%H:%M:%SZ").to_string()) {
            (at.strftime("%Y-%m-%d %H:%M UTC").to_string())
        }
    }
}

/// A figure with its caption.
pub(crate) fn figure(caption: impl Into<String>, figure: impl Into<Figure>) -> Markup {
    drawn(&NamedFigure::new("", caption, figure))
}

/// A figure that is also written to a file.
pub(crate) struct NamedFigure {
    /// Name of the file without its ending.
    pub(crate) name: String,
    /// What it shows.
    pub(crate) caption: String,
    pub(crate) figure: Figure,
}

impl NamedFigure {
    pub(crate) fn new(
        name: impl Into<String>,
        caption: impl Into<String>,
        figure: impl Into<Figure>,
    ) -> Self {
        Self {
            name: name.into(),
            caption: caption.into(),
            figure: figure.into(),
        }
    }
}

/// The figure with its caption.
pub(crate) fn drawn(named: &NamedFigure) -> Markup {
    html! {
        figure {
            figcaption { (visible(&named.caption)) }
            @match named.figure.svg() {
                Ok(svg) => (PreEscaped(svg)),
                Err(error) => (missing("The figure", &error)),
            }
        }
    }
}

/// The place of a part that cannot be made.
pub(crate) fn missing(what: &str, error: &anyhow::Error) -> Markup {
    html! { p.missing { (what) " cannot be shown: " (format!("{error:#}")) } }
}
