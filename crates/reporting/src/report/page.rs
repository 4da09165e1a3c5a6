//! The frame of a report: head, style, first screen, contents and sections.

use maud::{DOCTYPE, Markup, PreEscaped, html};

use crate::figure::{Figure, dark_style};
use crate::policy::style_policy;

/// The rules of the style, apart from the colours of figures in the dark.
const STYLE: &str = include_str!("style.css");

/// A report.
pub(super) struct Page {
    pub(super) title: String,
    /// When it was made, and with which release.
    pub(super) subtitle: Markup,
    /// What a reader sees first.
    pub(super) first_screen: Markup,
    pub(super) sections: Vec<Section>,
}

/// A part of a report with its heading.
pub(super) struct Section {
    /// Its name in links.
    pub(super) id: &'static str,
    pub(super) heading: &'static str,
    pub(super) content: Markup,
}

impl Page {
    pub(super) fn html(&self) -> String {
        let style = style();
        let page = html! {
            (DOCTYPE)
            html lang="en" {
                head {
                    meta charset="utf-8";
                    meta name="viewport" content="width=device-width, initial-scale=1";
                    meta name="color-scheme" content="light dark";
                    meta http-equiv="Content-Security-Policy" content=(style_policy(&style));
                    title { (self.title) " · Dynamic Risk Assessment" }
                    style { (PreEscaped(style)) }
                }
                body {
                    header {
                        p.product { "Dynamic Risk Assessment" }
                        h1 { (self.title) }
                        p.subtitle { (self.subtitle) }
                    }
                    main {
                        (self.first_screen)
                        nav aria-label="Contents" {
                            ul {
                                @for section in &self.sections {
                                    li { a href={ "#" (section.id) } { (section.heading) } }
                                }
                            }
                        }
                        @for section in &self.sections {
                            section id=(section.id) {
                                h2 { (section.heading) }
                                (section.content)
                            }
                        }
                    }
                }
            }
        };
        page.into_string()
    }
}

fn style() -> String {
    format!(
        "{STYLE}\n@media screen and (prefers-color-scheme: dark) {{\n{}\n}}\n",
        dark_style()
    )
}

/// A figure with its caption.
pub(super) fn figure(caption: impl Into<String>, figure: impl Into<Figure>) -> Markup {
    drawn(&Drawn::new("", caption, figure))
}

/// A figure that is also written to a file.
pub(crate) struct Drawn {
    /// Name of the file without its ending.
    pub(crate) name: String,
    /// What it shows.
    pub(crate) caption: String,
    pub(crate) figure: Figure,
}

impl Drawn {
    pub(super) fn new(
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

pub(super) fn drawn(drawn: &Drawn) -> Markup {
    html! {
        figure {
            figcaption { (drawn.caption) }
            @match drawn.figure.svg() {
                Ok(svg) => (PreEscaped(svg)),
                Err(error) => (missing("The figure", &error)),
            }
        }
    }
}

/// The place of a part that cannot be made.
pub(super) fn missing(what: &str, error: &anyhow::Error) -> Markup {
    html! { p.missing { (what) " cannot be shown: " (format!("{error:#}")) } }
}
