//! One release: its model, what changed since another release, and how to go back to it.

use common::Manifest;
use common::numbers::score;
use jiff::Timestamp;
use maud::{Markup, html};
use model::Model;

use super::address::{self, paths};
use super::attention::with_code;
use super::changes;
use super::frame::{Frame, Place, field};
use super::releases::command;
use crate::page::tables::sentence;
use crate::page::{content, time};
use crate::report::{Part, effects};

/// What the page of a release shows.
pub struct ReleasePage {
    /// The present time.
    pub now: Timestamp,
    /// Number of the release, six digits.
    pub name: String,
    /// True if it is live.
    pub is_live: bool,
    /// Its manifest and its model; an error if it is damaged.
    pub release: Part<(Manifest, Model)>,
    /// The release that it is compared with; `None` if there is no other.
    pub other: Option<OtherRelease>,
    /// True if the release that this one replaced is kept, but damaged.
    pub is_parent_damaged: bool,
    /// Numbers of all releases, the newest first.
    pub all: Vec<String>,
}

/// A release that another one is compared with.
pub struct OtherRelease {
    /// Number of the release, six digits.
    pub name: String,
    /// Its manifest and its model; an error if it cannot be read.
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
                    @if self.all.len() > 1 {
                        (with_code(" `deployment --rollback ID` makes another release live"))
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

    fn rollback(&self, parent: Option<&String>) -> Markup {
        let parent = parent.filter(|name| self.all.contains(name));
        html! {
            @match (self.is_live, parent) {
                (false, _) => {
                    p { "To make this release live again, run on the server:" }
                    (command(&format!("deployment --rollback {}", self.name)))
                },
                (true, Some(parent)) if self.is_parent_damaged => {
                    p {
                        "The release before, " (parent) ", is damaged, so do not go back to it. "
                        a href=(paths::RELEASES) { "The releases" }
                        " shows which others are kept. To go back to one of them, run on the server:"
                    }
                    (command("deployment --rollback ID"))
                },
                (true, Some(parent)) => {
                    p { "To go back to the previous release, run on the server:" }
                    (command(&format!("deployment --rollback {parent}")))
                },
                (true, None) => p.note { (sentence("there is no release before this one to go back to")) },
            }
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
    fn no_rollback_to_a_damaged_release_is_recommended() {
        let said = |is_parent_damaged| {
            let parent = "000001".to_owned();
            let page = ReleasePage {
                now: Timestamp::UNIX_EPOCH,
                name: "000002".into(),
                is_live: true,
                release: Err(anyhow::anyhow!("not needed")),
                other: None,
                is_parent_damaged,
                all: vec!["000002".into(), parent.clone()],
            };
            page.rollback(Some(&parent)).into_string()
        };
        assert!(said(false).contains("deployment --rollback 000001"));
        let damaged = said(true);
        assert!(!damaged.contains("--rollback 000001"), "{damaged}");
        assert!(
            damaged.contains("The release before, 000001, is damaged"),
            "{damaged}"
        );
        assert!(
            damaged.contains("href=\"/dashboard/releases\""),
            "{damaged}"
        );
    }
}
