//! One release: its model, what changed since another release, and how to go back to it.

use common::Manifest;
use common::numbers::score;
use jiff::Timestamp;
use maud::{Markup, html};
use model::Model;

use super::address;
use super::changes;
use super::frame::{Frame, Place, field};
use super::releases::command;
use crate::page::prose::with_code;
use crate::page::{content, time};
use crate::report::{Part, effects};

/// What the page of a release shows.
pub struct ReleasePage {
    /// The present time.
    pub now: Timestamp,
    /// Name of the release: its number, with at least six digits.
    pub name: String,
    /// True if it is live.
    pub is_live: bool,
    /// Manifest and model of the release; an error if the release is damaged.
    pub release: Part<(Manifest, Model)>,
    /// The release that it is compared with; `None` if there is no other.
    pub other: Option<OtherRelease>,
    /// The undamaged release to go back to from this one; `None` if there is none. Needed for a live
    /// release only.
    /// An error if the releases cannot be read.
    pub return_to: Part<Option<String>>,
    /// Numbers of all releases, the newest first.
    pub all: Vec<String>,
}

/// A release that another one is compared with.
pub struct OtherRelease {
    /// Name of the release: its number, with at least six digits.
    pub name: String,
    /// Manifest and model of the release; an error if they cannot be read.
    pub release: Part<(Manifest, Model)>,
}

impl ReleasePage {
    /// The page.
    pub fn html(&self) -> String {
        Frame {
            place: Some(Place::Releases),
            title: format!("Release {}", self.name),
            subtitle: self.subtitle(),
            content: match &self.release {
                Ok((manifest, model)) => self.content(manifest, model),
                Err(_) => self.damaged(),
            },
            now: self.now,
        }
        .html()
    }

    fn subtitle(&self) -> Markup {
        html! {
            @if self.is_live { "Live" } @else { "Not live" }
            @if let Ok((manifest, _)) = &self.release {
                " · made " (time(manifest.created_at)) " by "
                @match manifest.run {
                    Some(run) => a href=(address::run(run)) { "run " (run) },
                    None => "hand",
                }
                " · F1 " (score(Some(manifest.score), manifest.score_interval)) " on the test data"
            }
        }
    }

    fn damaged(&self) -> Markup {
        html! {
            p.missing { "This release is damaged: a file of it is missing or was changed." }
            p {
                "What to do: "
                @if self.is_live {
                    (with_code("on the server, run `fullprocess --doctor`: it names the damage, and the command that repairs it"))
                    @if let Ok(Some(whole)) = &self.return_to {
                        " Until then, " (with_code(&format!("`deployment --rollback {whole}` makes the undamaged release {whole} live")))
                    }
                } @else {
                    (with_code("nothing, as long as nobody needs to go back to it. `fullprocess --doctor` names the damage"))
                }
            }
        }
    }

    fn content(&self, manifest: &Manifest, model: &Model) -> Markup {
        html! {
            (self.rollback(manifest.parent.as_ref()))
            h2 { "What changed?" }
            (self.choice())
            @match &self.other {
                None => p { "There is no other release to compare with." },
                Some(OtherRelease { name, release: Err(_) }) => p.missing {
                    "Release " (name) " is damaged or was removed, so the two cannot be compared."
                },
                Some(OtherRelease { name, release: Ok(other) }) => {
                    p {
                        "Release " (self.name) " compared with release "
                        a href=(address::release(name)) { (name) } "."
                    }
                    (changes::content((&other.0, &other.1), (manifest, model)))
                },
            }
            (content(&[effects::section(model)]))
        }
    }

    /// The command that makes this release live. If it is live already, the command that makes the release
    /// to go back to live.
    fn rollback(&self, parent: Option<&String>) -> Markup {
        if !self.is_live {
            return html! {
                p { "To make this release live again, run on the server:" }
                (command(&format!("deployment --rollback {}", self.name)))
            };
        }
        let to = match &self.return_to {
            Ok(to) => to.as_ref(),
            Err(_) => {
                return html! {
                    p.note { (with_code("Which release to go back to cannot be read. `deployment --list` shows the releases on the server")) }
                };
            }
        };
        html! {
            @match (to, parent) {
                (None, _) => p.note {
                    @match self.all.len() {
                        0 | 1 => "There is no other release to go back to.",
                        _ => "There is no other undamaged release to go back to.",
                    }
                },
                (Some(to), Some(parent)) if to == parent => {
                    p { "To go back to the previous release, run on the server:" }
                },
                (Some(to), Some(parent)) => p {
                    "Release " (parent) ", which this one replaced, is "
                    @match self.all.contains(parent) {
                        true => "damaged",
                        false => "no longer kept",
                    }
                    ". To make release " (to) " live in its place, run on the server:"
                },
                (Some(to), None) => p {
                    "This release replaced none. To make release " (to) " live in its place, run on the server:"
                },
            }
            @if let Some(to) = to { (command(&format!("deployment --rollback {to}"))) }
        }
    }

    /// The form that chooses the other release.
    fn choice(&self) -> Markup {
        let chosen = self.other.as_ref().map(|other| other.name.as_str());
        let others = || self.all.iter().filter(|name| **name != self.name);
        html! {
            @if others().next().is_some() {
                form.filter method="get" action=(address::release(&self.name)) {
                    (field("with", "Compare with release", html! {
                        select #with name="with" {
                            @for name in others() {
                                option value=(name) selected[chosen == Some(name)] { (name) }
                            }
                        }
                    }))
                    button { "Compare" }
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_rollback_is_recommended_only_to_a_release_that_is_whole() {
        let said = |to: Option<&str>, parent: Option<&str>, others: &[&str]| {
            let page = ReleasePage {
                now: Timestamp::UNIX_EPOCH,
                name: "000003".into(),
                is_live: true,
                release: Err(anyhow::anyhow!("not needed")),
                other: None,
                return_to: Ok(to.map(str::to_owned)),
                all: ["000003"]
                    .iter()
                    .chain(others)
                    .map(|name| (*name).to_owned())
                    .collect(),
            };
            page.rollback(parent.map(str::to_owned).as_ref())
                .into_string()
        };
        let (first, second) = (Some("000001"), Some("000002"));
        for (to, parent, others, says) in [
            (
                second,
                second,
                &["000002"][..],
                "go back to the previous release",
            ),
            (
                first,
                second,
                &["000002", "000001"],
                "Release 000002, which this one replaced, is damaged.",
            ),
            (
                first,
                second,
                &["000001"],
                "Release 000002, which this one replaced, is no longer kept.",
            ),
            (second, None, &["000002"], "This release replaced none."),
            (
                None,
                second,
                &["000002"],
                "There is no other undamaged release",
            ),
            (
                None,
                second,
                &[],
                "There is no other release to go back to.",
            ),
            (None, None, &[], "There is no other release to go back to."),
        ] {
            let page = said(to, parent, others);
            assert!(page.contains(says), "{says}: {page}");
            let command = to.map(|to| format!("deployment --rollback {to}"));
            match command {
                Some(command) => assert!(page.contains(&command), "{page}"),
                None => assert!(!page.contains("rollback"), "{page}"),
            }
        }
    }
}
