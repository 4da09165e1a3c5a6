//! The section on what a model has learnt: the effect of each feature and of pairs of features.

mod pairs;

use common::config::ScorecardSettings;
use common::numbers::{count, two_digits};
use maud::{Markup, html};
use model::{Cells, Model, Scorecard, ScorecardRow};

use super::RunReport;
use crate::figure::{Effect, EffectChange, EffectShape};
use crate::page::tables::{Column, more, percent, table};
use crate::page::{NamedFigure, Section, drawn, missing};

/// Maximum number of features whose effect is drawn: a report has to stay small.
const MAX_FEATURES: usize = 12;
/// Maximum number of pairs whose effect is drawn.
const MAX_PAIRS: usize = 4;
/// Maximum number of features and pairs in the table.
const MAX_ROWS: usize = 200;
/// Maximum number of levels in a figure.
const MAX_LEVELS: usize = 10;
/// Smallest effect of missing cells that is shown: a smaller one would be written as 0.00.
const MIN_SHOWN: f64 = 0.005;
/// Maximum number of training rows that the sizes of effects are measured on.
const MAX_SAMPLE: usize = 2_000;

/// The scale of a scorecard whose points are log-odds with the opposite sign.
const LOG_ODDS: ScorecardSettings = ScorecardSettings {
    score: 0.0,
    odds: 1.0,
    points_to_double_odds: std::f64::consts::LN_2,
};

/// The section of a run's report. `None` if nothing is deployed.
pub(super) fn section_of_run(report: &RunReport<'_>) -> Option<Section> {
    match &report.deployed {
        Ok(deployed) => deployed.as_ref().map(|deployed| section(&deployed.model)),
        Err(error) => Some(section_of(missing("The effects of the model", error))),
    }
}

pub(crate) fn section(model: &Model) -> Section {
    section_of(content(model))
}

fn section_of(content: Markup) -> Section {
    Section {
        id: "effects",
        heading: "What has the model learnt?",
        content,
    }
}

fn content(model: &Model) -> Markup {
    let sizes = Sizes::of(model);
    html! {
            p {
                "The log-odds of a client are " (format!("{:.2}", model.scorer().base()))
                ", those of the mean training row, plus one effect for each feature and pair. An effect above 0 raises the risk; 0.7 doubles the odds. The model was fitted to "
                (count(model.rows)) " rows with a label, " (count(model.positives)) " of them positive."
                @if let Some(sample) = model.data.sample { " They are from " (sample) "." }
            }
            div.small.figures {
                @for figure in effects_of_features(model, &sizes) { (drawn(&figure)) }
            }
            div.figures {
                @for figure in pairs::effects(model, &sizes.of_pairs) { (drawn(&figure)) }
            }
            (importances(model, &sizes))
    }
}

/// The figures of the largest effects.
pub(super) fn figures(model: &Model) -> Vec<NamedFigure> {
    let sizes = Sizes::of(model);
    let mut figures = effects_of_features(model, &sizes);
    figures.extend(pairs::effects(model, &sizes.of_pairs));
    figures
}

/// The mean size of each part of the log-odds, over a sample of the training rows.
pub(crate) struct Sizes {
    /// Mean size by feature, in the order of the schema.
    pub(crate) of_features: Vec<f64>,
    /// Mean size by pair, in the order of the coefficients.
    pub(crate) of_pairs: Vec<f64>,
}

impl Sizes {
    pub(crate) fn of(model: &Model) -> Self {
        let n_features = model.schema.features.len();
        let columns = &model.profile.sample.columns[..n_features];
        let n_rows = columns.first().map_or(0, Vec::len).min(MAX_SAMPLE);
        let scorer = model.scorer();
        let mut sizes = vec![0.0; model.contribution_names().len()];
        for row in 0..n_rows {
            let cells: Vec<f64> = columns.iter().map(|column| column[row]).collect();
            for (size, contribution) in sizes.iter_mut().zip(scorer.contributions(&cells)) {
                // Dividing first keeps the sum in range.
                *size += contribution.abs() / n_rows as f64;
            }
        }
        let of_pairs = sizes.split_off(n_features);
        Self {
            of_features: sizes,
            of_pairs,
        }
    }
}

/// The places of the largest sizes, the largest first.
fn largest(sizes: &[f64]) -> Vec<usize> {
    let mut places: Vec<usize> = (0..sizes.len()).collect();
    places.sort_by(|a, b| sizes[*b].total_cmp(&sizes[*a]));
    places
}

fn effects_of_features(model: &Model, sizes: &Sizes) -> Vec<NamedFigure> {
    let scorecard = Scorecard::of(model, LOG_ODDS);
    let names = largest(&sizes.of_features)
        .into_iter()
        .map(|place| &model.schema.features[place].name);
    let figures = names.filter_map(|name| effect_in(&scorecard, name));
    (1..)
        .zip(figures.take(MAX_FEATURES))
        .map(|(number, drawn)| NamedFigure {
            name: format!("effect_{number}"),
            ..drawn
        })
        .collect()
}

/// The effect of a feature. `None` if the model has no such feature, or no value of it.
pub(crate) fn of_feature(model: &Model, name: &str) -> Option<NamedFigure> {
    effect_in(&Scorecard::of(model, LOG_ODDS), name)
}

/// The effect of a feature in two models with these names. `None` unless both have the feature.
pub(crate) fn of_both(
    models: [&Model; 2],
    names: [&str; 2],
    feature: &str,
) -> Option<EffectChange> {
    let shape = |model| {
        let scorecard = Scorecard::of(model, LOG_ODDS);
        shape(&rows_of(&scorecard, feature))
    };
    let [before, now] = models.map(shape);
    Some(EffectChange {
        feature: feature.to_owned(),
        names: names.map(str::to_owned),
        shapes: [before?, now?],
    })
}

fn rows_of<'s, 'm>(scorecard: &'s Scorecard<'m>, feature: &str) -> Vec<CellsRow<'s, 'm>> {
    scorecard
        .rows
        .iter()
        .filter(|row| row.second.is_none())
        .filter_map(|row| Some((row.part.filter(|part| part.feature == feature)?.cells, row)))
        .collect()
}

fn effect_in(scorecard: &Scorecard<'_>, name: &str) -> Option<NamedFigure> {
    let rows = rows_of(scorecard, name);
    let effect = Effect {
        feature: name.to_owned(),
        shape: shape(&rows)?,
    };
    Some(NamedFigure::new("effect", caption(name, &rows), effect))
}

/// A row of the scorecard with its cells.
type CellsRow<'r, 'm> = (Cells<'m>, &'r ScorecardRow<'m>);

/// The effect in the form that a figure draws. `None` for a feature without values.
fn shape(rows: &[CellsRow<'_, '_>]) -> Option<EffectShape> {
    let points: Vec<[f64; 2]> = rows
        .iter()
        .flat_map(|(cells, row)| ends(*cells, row))
        .collect();
    match points.as_slice() {
        [] => levels(rows),
        [from, to] if is_line(rows) => Some(EffectShape::Line([*from, *to])),
        _ => Some(EffectShape::Curve(without_repetition(points))),
    }
}

fn is_line(rows: &[CellsRow<'_, '_>]) -> bool {
    rows.iter()
        .any(|(cells, _)| matches!(cells, Cells::Line { .. }))
}

/// The effects of the most frequent levels.
fn levels(rows: &[CellsRow<'_, '_>]) -> Option<EffectShape> {
    let mut rows: Vec<_> = rows.iter().filter(|(_, row)| weight(row) > 0.0).collect();
    rows.sort_by(|(_, a), (_, b)| weight(b).total_cmp(&weight(a)));
    rows.truncate(MAX_LEVELS);
    let levels = rows.into_iter().map(|(cells, row)| {
        let name = match cells {
            Cells::Level(level) => (*level).to_owned(),
            Cells::Missing => "missing".into(),
            Cells::OtherLevels | Cells::Line { .. } | Cells::Range { .. } => "other levels".into(),
        };
        (name, log_odds(row.points.at_from))
    });
    let levels: Vec<(String, f64)> = levels.collect();
    (!levels.is_empty()).then_some(EffectShape::Levels(levels))
}

/// Share of the training rows in the row of a scorecard.
fn weight(row: &ScorecardRow<'_>) -> f64 {
    row.share.map_or(0.0, |share| share.value)
}

/// Points of [`LOG_ODDS`] as log-odds, without the sign of a zero.
fn log_odds(points: f64) -> f64 {
    0.0 - points
}

/// The ends of a row of numbers, each with its log-odds.
fn ends(cells: Cells<'_>, row: &ScorecardRow<'_>) -> Vec<[f64; 2]> {
    let (from, to) = match cells {
        Cells::Line { from, to } => (Some(from), Some(to)),
        Cells::Range { from, to } => (from, to),
        Cells::Level(_) | Cells::OtherLevels | Cells::Missing => (None, None),
    };
    let ends = [(from, row.points.at_from), (to, row.points.at_to)];
    ends.into_iter()
        .filter_map(|(value, points)| Some([value?, log_odds(points)]))
        .collect()
}

fn without_repetition(mut points: Vec<[f64; 2]>) -> Vec<[f64; 2]> {
    points.dedup();
    points
}

/// The name of a feature, with the effect of missing numbers if they have one.
fn caption(name: &str, rows: &[CellsRow<'_, '_>]) -> String {
    let is_number = rows
        .iter()
        .any(|(cells, _)| matches!(cells, Cells::Line { .. } | Cells::Range { .. }));
    let missing = rows
        .iter()
        .find(|(cells, row)| *cells == Cells::Missing && weight(row) > 0.0)
        .map(|(_, row)| log_odds(row.points.at_from))
        .filter(|effect| is_number && effect.abs() >= MIN_SHOWN);
    match missing {
        Some(effect) => format!("{name} (missing: {effect:+.2})"),
        None => name.to_owned(),
    }
}

fn importances(model: &Model, sizes: &Sizes) -> Markup {
    let names = model.contribution_names();
    let all: Vec<f64> = sizes
        .of_features
        .iter()
        .chain(&sizes.of_pairs)
        .copied()
        .collect();
    let total: f64 = all.iter().sum();
    let rows: Vec<Vec<String>> = largest(&all)
        .into_iter()
        .take(MAX_ROWS)
        .map(|place| {
            let share = match total > 0.0 {
                true => percent(all[place] / total),
                false => "–".into(),
            };
            vec![names[place].clone(), two_digits(all[place]), share]
        })
        .collect();
    html! {
        (table(
            "Features and pairs by the size of their effect",
            &[
                Column::Text("Feature"),
                Column::Number("Mean size of its effect (log-odds)"),
                Column::Number("Share"),
            ],
            &rows,
        ))
        (more(rows.len(), all.len(), "features and pairs"))
        p.note { "scorecard.csv in the release has all effects as points, to be added by hand." }
    }
}
