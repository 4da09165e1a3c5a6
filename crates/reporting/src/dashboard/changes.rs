//! What changed between two releases: the fit, the data, and the effect of each feature.

use std::cmp::Reverse;

use common::Manifest;
use common::ledger::FileReference;
use common::numbers::{count, listed, score, two_digits};
use common::schema::Kind;
use dataset::level_code;
use dataset::passes::Encoding;
use maud::{Markup, html};
use model::{Form, Model, Scorer, Window};

use super::cells::{Entry, named};
use crate::page::tables::{Column, more, or_dash, table};
use crate::page::{figure, time};
use crate::report::decision::form_in_words;
use crate::report::effects;
use common::visible;

/// A release with its model.
type Released<'a> = (&'a Manifest, &'a Model);

/// Maximum number of rows of the table of effects.
const MAX_ROWS: usize = 60;
/// Maximum number of features whose effects are drawn.
const MAX_FIGURES: usize = 6;
/// Maximum number of levels of a feature that are compared. The most frequent ones are taken.
const MAX_LEVELS: usize = 20;
/// Maximum number of names of files in a sentence.
const MAX_FILES: usize = 5;
/// Quantiles of the training rows at which the effects of a number are compared.
const QUANTILES: [f64; 3] = [0.1, 0.5, 0.9];
/// A smaller change of an effect would be written as 0.00.
const MIN_CHANGE: f64 = 0.005;

pub(super) fn content(before: Released<'_>, now: Released<'_>) -> Markup {
    let names = [before, now].map(|(manifest, _)| manifest.release.as_str());
    let changes = changes(before.1, now.1);
    html! {
        (facts(names, before, now))
        (files(names, &before.0.data.files, &now.0.data.files))
        h3 { "Effect of each feature" }
        p.note {
            "The log-odds that a value adds, compared with the mean training row of its model. Numbers are compared at the values that 10, 50 and 90 % of the training rows of release " (names[1]) " stay below. The largest change comes first."
        }
        (effects_table(names, &changes))
        (coefficients(names, before.1, now.1))
        (pictures(names, &changes, before.1, now.1))
    }
}

/// Facts about the fit and its data.
fn facts(names: [&str; 2], before: Released<'_>, now: Released<'_>) -> Markup {
    let both = |fact: &dyn Fn(Released<'_>) -> String| [fact(before), fact(now)];
    let facts = [
        (
            "F1 on the test data, at the deployment",
            both(&|(manifest, _)| score(Some(manifest.score), manifest.score_interval)),
        ),
        (
            "Threshold",
            both(&|(_, model)| format!("{:.3}", model.threshold.probability())),
        ),
        ("Training window", both(&|(_, model)| window(model))),
        (
            "Form",
            both(&|(_, model)| form_in_words(model.predictor.form()).to_owned()),
        ),
        (
            "Rows with a label",
            both(&|(_, model)| match model.data.sample {
                None => count(model.rows),
                Some(sample) => format!("{}, from {sample}", count(model.rows)),
            }),
        ),
        (
            "Positive labels",
            both(&|(_, model)| count(model.positives)),
        ),
        (
            "Log-odds of the mean training row",
            both(&|(_, model)| format!("{:.2}", model.scorer().base())),
        ),
        (
            "Features",
            both(&|(_, model)| count(model.schema.features.len())),
        ),
        (
            "Inverse strength of the penalty",
            both(&|(_, model)| two_digits(model.c)),
        ),
        (
            "Rows of finaldata.csv",
            both(&|(manifest, _)| count(manifest.data.rows)),
        ),
        (
            "Input files",
            both(&|(manifest, _)| count(manifest.data.files.len())),
        ),
        ("Program", both(&|(_, model)| visible(&model.program))),
    ];
    let rows = facts.into_iter().map(|(what, [before, now])| {
        html! {
            tr {
                th scope="row" { (what) }
                td { (before) }
                td { (now) }
                td { @if before != now { "changed" } }
            }
        }
    });
    html! {
        div.wide tabindex="0" role="group" aria-label="The two releases" {
            table {
                caption.unseen { "The two releases" }
                thead {
                    tr {
                        th scope="col" { "What" }
                        th scope="col" { "Release " (names[0]) }
                        th scope="col" { "Release " (names[1]) }
                        th scope="col" { "Changed?" }
                    }
                }
                tbody {
                    tr {
                        th scope="row" { "Made" }
                        td { (time(before.0.created_at)) }
                        td { (time(now.0.created_at)) }
                        td {}
                    }
                    @for row in rows { (row) }
                }
            }
        }
    }
}

fn window(model: &Model) -> String {
    let chosen = model.windows.iter().find(|tried| tried.is_chosen);
    let window = chosen.map_or(Window::AllRows, |tried| tried.window);
    window.to_string()
}

/// The files that only one of the two models was trained on.
fn files(names: [&str; 2], before: &[FileReference], now: &[FileReference]) -> Markup {
    let only = |of: &[FileReference], other: &[FileReference]| -> Vec<String> {
        let is_new = |file: &&FileReference| !other.contains(file);
        let files = of.iter().filter(is_new);
        files
            .map(|file| visible(&format!("{}/{}", file.folder, file.name)))
            .collect()
    };
    let only = [(names[0], only(before, now)), (names[1], only(now, before))];
    html! {
        @for (name, files) in only.iter().filter(|(_, files)| !files.is_empty()) {
            p { "Only in the data of release " (name) ": " (listed(files, MAX_FILES)) "." }
        }
        @if only.iter().all(|(_, files)| files.is_empty()) {
            p { "Both releases have data of the same files." }
        }
    }
}

/// The effect of a value in both models. The effect is `None` in a model without the feature.
struct Change<'m> {
    feature: &'m str,
    value: String,
    before: Option<f64>,
    now: Option<f64>,
}

impl Change<'_> {
    /// The size of the change; an effect that a model does not have counts as 0.
    fn size(&self) -> f64 {
        let size = (self.now.unwrap_or(0.0) - self.before.unwrap_or(0.0)).abs();
        // Two infinite effects have no difference.
        if size.is_nan() { 0.0 } else { size }
    }
}

/// The changes of the effects at some values of each feature, the largest change first.
fn changes<'m>(before: &'m Model, now: &'m Model) -> Vec<Change<'m>> {
    let scorers = [before, now].map(EffectsOf::new);
    let of_now = now.schema.features.iter().map(|feature| (feature, now));
    let names_now: Vec<&str> = now.schema.feature_names().collect();
    let is_gone = |name: &str| !names_now.contains(&name);
    let gone = before.schema.features.iter().filter(|it| is_gone(&it.name));
    let features = of_now.chain(gone.map(|feature| (feature, before)));
    let mut changes: Vec<Change<'m>> = features
        .flat_map(|(feature, model)| {
            let cells = cells(model, &feature.name);
            let [before, now] = &scorers;
            cells
                .into_iter()
                .map(|(value, cell)| Change {
                    feature: &feature.name,
                    value,
                    before: before.at(&feature.name, cell),
                    now: now.at(&feature.name, cell),
                })
                .collect::<Vec<_>>()
        })
        .collect();
    changes.sort_by(|a, b| b.size().total_cmp(&a.size()));
    changes
}

/// Evaluates the effect of single features.
struct EffectsOf<'m> {
    model: &'m Model,
    scorer: Scorer<'m>,
}

impl<'m> EffectsOf<'m> {
    fn new(model: &'m Model) -> Self {
        Self {
            model,
            scorer: model.scorer(),
        }
    }

    /// The effect of a cell of a feature; `None` if the model does not have the feature.
    fn at(&self, feature: &str, cell: f64) -> Option<f64> {
        let mut names = self.model.schema.feature_names();
        let place = names.position(|name| name == feature)?;
        let mut row = vec![f64::NAN; self.model.schema.features.len()];
        row[place] = cell;
        self.scorer.contributions(&row).get(place).copied()
    }
}

/// The cells of a feature that are compared, each with its words.
fn cells(model: &Model, name: &str) -> Vec<(String, f64)> {
    let Some(place) = model.schema.feature_names().position(|it| it == name) else {
        return Vec::new();
    };
    match &model.schema.features[place].kind {
        Kind::Number(_) => {
            let sample = model.profile.sample.columns.get(place);
            numbers(sample.map_or(&[], Vec::as_slice))
        }
        Kind::Category(_) => {
            let counts = model.profile.columns.get(place).and_then(|it| it.levels());
            let mut levels: Vec<_> = counts.iter().flat_map(|counts| &counts.levels).collect();
            levels.sort_by_key(|counted| Reverse(counted.rows));
            let levels = levels.into_iter().take(MAX_LEVELS);
            levels
                .map(|counted| (named(&counted.level), level_code(&counted.level)))
                .collect()
        }
    }
}

/// Quantiles of the present values.
fn numbers(sample: &[f64]) -> Vec<(String, f64)> {
    let mut values: Vec<f64> = sample.iter().copied().filter(|it| !it.is_nan()).collect();
    values.sort_by(f64::total_cmp);
    let Some(last) = values.len().checked_sub(1) else {
        return Vec::new();
    };
    let places = QUANTILES.map(|share| (share * last as f64).round() as usize);
    let mut quantiles: Vec<f64> = places.iter().map(|place| values[*place]).collect();
    quantiles.dedup();
    quantiles
        .into_iter()
        .map(|value| (common::numbers::bound(value), value))
        .collect()
}

fn effects_table(names: [&str; 2], changes: &[Change<'_>]) -> Markup {
    let effect = |effect: Option<f64>| or_dash(effect.map(|it| format!("{it:+.2}")));
    let shown: Vec<Vec<Entry>> = changes
        .iter()
        .take(MAX_ROWS)
        .map(|change| {
            vec![
                Entry::feature(change.feature),
                Entry::text(&change.value),
                Entry::text(effect(change.before)),
                Entry::text(effect(change.now)),
                Entry::text(match change.size() {
                    ..MIN_CHANGE => "none".into(),
                    _ => effect(Some(
                        change.now.unwrap_or(0.0) - change.before.unwrap_or(0.0),
                    )),
                }),
            ]
        })
        .collect();
    html! {
        p.note { "Before is release " (names[0]) ", now is release " (names[1]) "." }
        (table(
            "Effect of each feature in the two releases",
            &[
                Column::Text("Feature"),
                Column::Text("Value"),
                Column::Number("Effect before"),
                Column::Number("Effect now"),
                Column::Number("Change"),
            ],
            &shown,
        ))
        (more(shown.len(), changes.len(), "values of features"))
    }
}

/// The coefficients of the features that are straight lines in both models.
fn coefficients(names: [&str; 2], before: &Model, now: &Model) -> Markup {
    let lines = |model: &Model| -> Vec<(String, f64)> {
        let is_line = |it: &model::Coefficient<'_>| it.encoding == Encoding::Number;
        let lines = model.coefficients().filter(is_line);
        lines.map(|it| (it.feature.to_owned(), it.value)).collect()
    };
    let is_linear = |model: &Model| model.predictor.form() == Form::Linear;
    if !is_linear(before) || !is_linear(now) {
        return html! {};
    }
    let of_before = lines(before);
    let rows: Vec<Vec<Entry>> = lines(now)
        .into_iter()
        .filter_map(|(name, now)| {
            let (_, before) = of_before.iter().find(|(other, _)| *other == name)?;
            let number = |value: f64| Entry::text(coefficient(value));
            Some(vec![
                Entry::feature(&name),
                number(*before),
                number(now),
                number(now - before),
            ])
        })
        .take(MAX_ROWS)
        .collect();
    html! {
        @if !rows.is_empty() {
            h3 { "Coefficients" }
            p.note { "Log-odds per unit. Before is release " (names[0]) ", now is release " (names[1]) "." }
        }
        (table(
            "Coefficients of the two releases",
            &[
                Column::Text("Feature"),
                Column::Number("Before"),
                Column::Number("Now"),
                Column::Number("Change"),
            ],
            &rows,
        ))
    }
}

/// The effects with the largest changes, drawn for both releases.
fn pictures(names: [&str; 2], changes: &[Change<'_>], before: &Model, now: &Model) -> Markup {
    let mut features: Vec<&str> = Vec::new();
    let is_change = |change: &&Change<'_>| change.size() >= MIN_CHANGE;
    for change in changes.iter().filter(is_change) {
        if !features.contains(&change.feature) && features.len() < MAX_FIGURES {
            features.push(change.feature);
        }
    }
    let titles = names.map(|name| format!("release {name}"));
    let titles = [titles[0].as_str(), titles[1].as_str()];
    let figures: Vec<Markup> = features
        .into_iter()
        .filter_map(|feature| {
            let change = effects::of_both([before, now], titles, feature)?;
            Some(figure(named(feature), change))
        })
        .collect();
    html! {
        @if !figures.is_empty() {
            h3 { "Largest changes" }
            div.small.figures { @for figure in figures { (figure) } }
        }
    }
}

/// A coefficient with three significant digits.
fn coefficient(value: f64) -> String {
    let size = value.abs();
    let whole_digits = if size > 0.0 {
        size.log10().floor() as i32
    } else {
        0
    };
    match 2 - whole_digits {
        decimals @ 0..=12 => format!("{value:+.*}", decimals as usize),
        // Very large and very small numbers would be long.
        _ => format!("{value:+.2e}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_coefficient_has_three_significant_digits() {
        for (value, text) in [
            (0.0, "+0.00"),
            (-0.010_34, "-0.0103"),
            (0.000_353_3, "+0.000353"),
            (2.0, "+2.00"),
            (123.4, "+123"),
            (-98_765.0, "-9.88e4"),
            (1e-20, "+1.00e-20"),
        ] {
            assert_eq!(coefficient(value), text);
        }
    }

    #[test]
    fn a_number_is_compared_at_its_quantiles() {
        let sample: Vec<f64> = (0..=100).rev().map(f64::from).chain([f64::NAN]).collect();
        let texts: Vec<String> = numbers(&sample).into_iter().map(|it| it.0).collect();
        assert_eq!(texts, ["10", "50", "90"]);
        assert_eq!(numbers(&[3.0, 3.0]).len(), 1);
        assert!(numbers(&[f64::NAN]).is_empty());
    }
}
