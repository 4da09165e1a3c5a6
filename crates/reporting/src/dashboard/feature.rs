//! One feature: its newest comparison, its tests over the runs, and its effect in the live model.

use std::collections::BTreeSet;

use common::numbers::two_digits;
use diagnostics::ColumnComparison;
use jiff::Timestamp;
use maud::{Markup, html};
use model::Model;
use record::RunRecord;

use super::Paged;
use super::absence::{ListOfHistory, PipelineState};
use super::address::{self, paths};
use super::cells::{Entry, named};
use super::frame::{Frame, Place};
use super::score::NO_OLDER_EVALUATION;
use crate::page::drawn;
use crate::page::tables::{Column, bare_p_value, or_dash, percent, table};
use crate::report::{EvaluatedRun, Part, effects, features};
use common::visible;

/// The page of a feature.
pub struct FeaturePage<'a> {
    /// The present time.
    pub now: Timestamp,
    /// Name of the feature.
    pub name: &'a str,
    /// The newest run that tested the features; shown on the first page only.
    pub newest: Option<RunRecord>,
    /// The runs that evaluated the deployed model, the newest first.
    pub runs: Part<Paged<EvaluatedRun>>,
    /// The model that is served; `None` if there is none.
    pub model: Option<&'a Model>,
    /// State of the pipeline. A page without tests tells from it what to do.
    pub state: PipelineState,
}

impl FeaturePage<'_> {
    /// Names of the features of the model and of the runs, in order of the alphabet.
    pub fn known_names(&self) -> BTreeSet<&str> {
        let runs = self.runs.iter().flat_map(|runs| &runs.items);
        let tested = runs.flat_map(|run| run.features.iter().flatten());
        let models = self.model.iter();
        let of_model = models.flat_map(|model| model.schema.feature_names());
        of_model.chain(tested.map(|it| it.name.as_str())).collect()
    }

    /// The page.
    pub fn html(&self) -> String {
        let list = ListOfHistory {
            path: paths::DRIFT,
            parameters: &[("feature", Some(self.name.to_owned()))],
            subject: "The tests of the feature",
            nothing: "No run has tested this feature.",
            nothing_older: NO_OLDER_EVALUATION,
            links: ["Newest runs", "Older runs"],
        };
        Frame {
            place: Some(Place::Drift),
            title: format!("Feature {}", named(self.name)),
            subtitle: html! { "One of the features that predictions are made from · " a href=(paths::DRIFT) { "all features" } },
            content: html! {
                (self.pictures())
                h2 { "Run by run" }
                (list.page(&self.runs, &self.state, |runs| self.by_run(runs)))
            },
            now: self.now,
        }
        .html()
    }

    fn pictures(&self) -> Markup {
        let effect = self
            .model
            .and_then(|model| effects::of_feature(model, self.name));
        let newest = self.newest.as_ref();
        let compared = newest.and_then(|run| of_name(run, self.name));
        let joint = newest.map_or(Vec::new(), |run| joint_changes(run, self.name, compared));
        let verdicts = newest.and_then(|run| run.verdicts());
        let alone = verdicts.map_or(Vec::new(), |it| it.sentences_of_feature(self.name));
        let tested = newest.filter(|_| compared.is_some() || !joint.is_empty());
        html! {
            @if let Some(run) = tested {
                @let run = run.run_id.unwrap_or_default();
                h2 { "New and training rows in " a href=(address::run(run)) { "run " (run) } }
                @if let Some(feature) = compared {
                    (features::table_of(&[feature], Entry::feature, Entry::Text))
                }
                (features::first_sentences(&alone))
                @if !joint.is_empty() {
                    p { "The test of all features together found: " (joint.join("; ")) "." }
                }
                @if let Some(figure) = compared.and_then(features::picture) {
                    (features::how_to_read())
                    div.figures { (drawn(&figure)) }
                }
            }
            @match effect {
                Some(effect) => {
                    h2 { "Effect on the risk" }
                    p { "The log-odds that the live model adds for this feature. An effect above 0 raises the risk; 0.7 doubles the odds." }
                    div.figures { (drawn(&effect)) }
                },
                None if self.model.is_none() => p.note {
                    "The effect on the risk cannot be shown, because no model is live that can be used: "
                    a href=(paths::OVERVIEW) { "what to do" } "."
                },
                None => p.note { "The live model has no effect of this feature alone." },
            }
        }
    }

    fn by_run(&self, runs: &Paged<EvaluatedRun>) -> Markup {
        let found = |run: &EvaluatedRun| {
            let features = run.features.iter().flatten();
            let feature = features.clone().find(|it| it.name == self.name)?;
            Some(vec![
                Entry::run(run.run),
                Entry::text(features::verdict_in_words(feature.verdict)),
                Entry::text(or_dash(feature.p_value.map(bare_p_value))),
                Entry::text(or_dash(feature.stability.map(two_digits))),
                Entry::text(or_dash(feature.missing.map(percent))),
                Entry::Sentence(feature.joint_drift.join("; ")),
            ])
        };
        let rows: Vec<Vec<Entry>> = runs.items.iter().filter_map(found).collect();
        html! {
            @if rows.is_empty() && !runs.items.is_empty() {
                p { "None of these runs has tested this feature." }
            }
            (table(
                "Tests of the feature by run",
                &[
                    Column::Number("Run"),
                    Column::Text("Verdict"),
                    Column::Number("P-value (values)"),
                    Column::Number("PSI"),
                    Column::Number("Missing"),
                    Column::Sentence("Drift found in all features together"),
                ],
                &rows,
            ))
        }
    }
}

/// The findings of the joint test about a feature, in words. Findings that the sentences about the feature
/// name already are left out.
fn joint_changes(run: &RunRecord, name: &str, compared: Option<&ColumnComparison>) -> Vec<String> {
    let joint = run.verdicts().and_then(|verdicts| verdicts.joint.as_ref());
    let changes = joint.map_or(Vec::new(), |joint| match compared {
        Some(column) => joint.changes_beyond_column(column, true),
        None => joint.changes_of(name, true),
    });
    changes.iter().map(|change| visible(change)).collect()
}

/// The comparison of a feature in a run.
fn of_name<'r>(run: &'r RunRecord, name: &str) -> Option<&'r ColumnComparison> {
    let features = &run.verdicts()?.features;
    features.iter().find(|feature| feature.name == name)
}
